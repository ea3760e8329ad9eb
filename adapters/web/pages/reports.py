"""The evidence report for auditors: choose a framework and a period, look at it, take it away as HTML or PDF.

Decided here: how the period is asked for and that the page shows the very report that the files hold. The report itself is the
desk's ``evidence`` call: it checks the right to look and journals it first. Every sentence says "evidence"; none says that a
control is met.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from adapters.web.guard import Access, Handler, Visit
from audit import report as reports
from audit.controls import FRAMEWORKS, TOPICS
from audit.report_pdf import is_available
from bot.core.reasons import Reason, Refused
from bot.desk.evidence import Report

SAMPLE_DEFAULT: Final = 25
SEED_MAX: Final = 64
LISTED_MAX: Final = 100
"""Exceptions on the page; the files hold more."""
DAYS_SHOWN: Final = 31
BAR_MAX: Final = 420


async def page(visit: Visit) -> Response:
    """The form; with a period in the query also the report. Opening the form reads nothing of the log."""
    if not visit.is_auditor:
        return visit.refused(Refused(Reason.NOT_FOUND), back="/")
    today = visit.console.clock.now().date()
    given = {
        "framework": visit.query("framework", 32),
        "from": visit.query("from", 10) or str((today.replace(day=1) - timedelta(days=1)).replace(day=1)),
        "to": visit.query("to", 10) or str(today),
        "seed": visit.query("seed", SEED_MAX) or "0",
    }
    problem, made = None, None
    if given["framework"]:
        wanted = _wanted(given)
        if wanted is None:
            problem = "Choose a framework and a period whose last day is not before its first."
        else:
            found = await visit.desk.evidence(visit.me, wanted)
            if isinstance(found, Refused):
                problem = "There is no signed head over that period yet, so there is nothing to report."
            else:
                made = found.report
    return visit.page(
        "report.html.j2",
        400 if problem is not None else 200,
        nav="audit",
        problem=problem,
        frameworks=sorted((framework.name, key) for key, framework in FRAMEWORKS.items()),
        given=given,
        report=_shown(made) if made is not None else None,
        files=_files(given) if made is not None else (),
    )


def _wanted(given: dict[str, str]) -> Report | None:
    since, until = day(given["from"]), day(given["to"])
    if given["framework"] not in FRAMEWORKS or since is None or until is None or until < since:
        return None
    return Report(given["framework"], since, until + timedelta(days=1), given["seed"], sample=SAMPLE_DEFAULT)


def day(text: str) -> datetime | None:
    """The beginning of a day in UTC."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def _files(given: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """What can be taken away: words and address."""
    until = day(given["to"])
    assert until is not None
    query = {
        "what": "report",
        "framework": given["framework"],
        "from": f"{given['from']}T00:00:00Z",
        "to": f"{until + timedelta(days=1):%Y-%m-%d}T00:00:00Z",
        "seed": given["seed"],
    }
    kinds = (("HTML", "html"), ("PDF", "pdf")) if is_available() else (("HTML", "html"),)
    return tuple((words, "/audit/evidence?" + urlencode(query | {"as": kind})) for words, kind in kinds)


def _shown(made: reports.Report) -> dict[str, Any]:
    times = [seconds for approver in made.approvers.values() for seconds in approver.seconds]
    return {
        "name": made.framework.name,
        "note": made.framework.note,
        "origin": made.origin,
        "since": made.since[:19].replace("T", " "),
        "until": made.until[:19].replace("T", " "),
        "first": made.first,
        "last": made.last,
        "count": made.last - made.first + 1,
        "requests": made.requests,
        "whole": made.whole,
        "head": made.note,
        "head_size": made.head_size,
        "controls": [
            (made.framework.controls[topic], heading, types, sum(made.counts[kind] for kind in types))
            for topic, (heading, types) in TOPICS.items()
            if made.framework.controls.get(topic)
        ],
        "seed": made.seed,
        "samples": made.samples,
        "exceptions": made.exceptions[:LISTED_MAX],
        "left_out": max(0, len(made.exceptions) - LISTED_MAX),
        "approvers": sorted(made.approvers.items()),
        "days": _bars(sorted(made.by_day.items())[-DAYS_SHOWN:]),
        "times": _bars(reports.histogram(times)),
    }


def _bars(values: list[tuple[str, int]]) -> list[tuple[str, int, int]]:
    """Label, number, length of the bar."""
    top = max((number for _, number in values), default=0) or 1
    return [(label, number, number * BAR_MAX // top) for label, number in values]


ROUTES: Final[tuple[tuple[str, str, Handler, Access], ...]] = (
    ("GET", "/audit/report", page, Access.SIGNED_IN),
)
