"""The audit page: entries as they were written, filters, the chain's state, and the exact leaves to take away.

Every look is the desk's ``audit`` call, which checks the right to look and journals it. Entries are rendered from their leaf bytes,
not from projection columns (an edited column must not hide an entry).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from adapters.web.guard import Access, Handler, Visit
from adapters.web.limits import SCROLL_MAX
from bot.core.facts import Fact
from bot.core.ids import RequestId
from bot.core.reasons import Reason, Refused
from bot.desk.evidence import Bound, Export, Prove, Report, Wanted
from bot.ports import AuditFilter, AuditRow

PER_PAGE: Final = 50
FIELDS: Final = ("request", "type", "actor", "action", "resource", "outcome", "since", "until")
TYPES: Final = tuple(fact.entry_type for fact in Fact)


def _day(text: str, *, end: bool = False) -> datetime | None:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return day + timedelta(days=1) if end else day


def _filter(visit: Visit, limit: int) -> AuditFilter:
    before = visit.query("before", 16)
    return AuditFilter(
        request=RequestId(visit.query("request", 64)) if visit.query("request") else None,
        type=visit.query("type", 64) or None,
        actor=visit.query("actor", 128) or None,
        action=visit.query("action", 128) or None,
        resource=visit.query("resource", 128) or None,
        outcome=visit.query("outcome", 32) or None,
        since=_day(visit.query("since", 10)),
        until=_day(visit.query("until", 10), end=True),
        before=int(before) if before.isascii() and before.isdigit() else None,
        limit=limit,
    )


def _leaf(row: AuditRow) -> dict[str, Any]:
    leaf = msgspec.json.decode(row.leaf)
    return {
        "seq": row.seq,
        "at": row.at,
        "type": leaf.get("type", row.type),
        "outcome": leaf.get("outcome", row.outcome),
        "request": leaf.get("req", row.request),
        "actor": leaf.get("act", {}).get("ref", row.actor),
        "kind": leaf.get("act", {}).get("kind", ""),
        "action": (leaf.get("tool") or {}).get("id", row.action),
        "hash": row.leaf_hash.hex(),
        "json": msgspec.json.format(row.leaf, indent=2).decode(),
    }


async def page(visit: Visit) -> Response:
    rows = await visit.desk.audit(visit.me, _filter(visit, PER_PAGE + 1))
    if isinstance(rows, Refused):
        return visit.refused(rows)
    chain = await visit.desk.chain(visit.me)
    given = {name: visit.query(name) for name in FIELDS if visit.query(name)}
    shown = rows[:PER_PAGE]
    older = urlencode({**given, "before": shown[-1].seq}) if len(rows) > PER_PAGE else ""
    return visit.page(
        "audit.html.j2",
        nav="audit",
        rows=[_leaf(row) for row in shown],
        chain=None if isinstance(chain, Refused) else chain,
        given={name: given.get(name, "") for name in FIELDS},
        filtered=bool(given),
        types=TYPES,
        older=older,
        newest=urlencode(given),
        is_first=not visit.query("before"),
        export=urlencode(given),
    )


async def verify(visit: Visit) -> Response:
    """Check the whole live log now. A POST, since it costs seconds on a long log."""
    chain = await visit.desk.chain(visit.me, verify=True)
    if isinstance(chain, Refused):
        return visit.refused(chain, back="/audit")
    return visit.page(
        "fragments/chain.html.j2" if visit.is_fragment else "chain.html.j2", nav="audit", chain=chain
    )


async def export(visit: Visit) -> Response:
    """The newest 500 leaves of a filter, one exact leaf a line: ``SHA-256(0x00 || line)`` is the entry's hash (RFC 6962)."""
    rows = await visit.desk.audit(visit.me, _filter(visit, SCROLL_MAX))
    if isinstance(rows, Refused):
        return visit.refused(rows, back="/audit")
    body = b"".join(row.leaf + b"\n" for row in rows)
    return Response(
        body,
        media_type="application/x-ndjson",
        headers={"content-disposition": 'attachment; filename="signoff-audit.ndjson"'},
    )


async def evidence(visit: Visit) -> Response:
    """The file that ``/audit prove | export | report`` speaks of in chats that take no files from us."""
    wanted = _wanted(visit)
    found = await visit.desk.evidence(visit.me, wanted) if wanted is not None else Refused(Reason.NOT_FOUND)
    if isinstance(found, Refused):
        return visit.refused(found, back="/audit")
    return Response(
        found.content,
        media_type=found.media_type if found.media_type != "text/html" else "application/octet-stream",
        headers={"content-disposition": f'attachment; filename="{found.name}"'},
    )


def _wanted(visit: Visit) -> Wanted | None:
    """What the query asks for; None when it is no question."""
    start, end = _bound(visit.query("from", 20)), _bound(visit.query("to", 20))
    match visit.query("what", 8):
        case "prove" if isinstance(seq := _bound(visit.query("seq", 15)), int):
            return Prove(seq)
        case "export" if start is not None and end is not None and type(start) is type(end):
            return Export(start, end, visit.query("format", 16))
        case "report" if isinstance(start, datetime) and isinstance(end, datetime) and start <= end:
            form = visit.query("as", 8) or "html"
            return Report(visit.query("framework", 32), start, end, visit.query("seed", 64) or "0", form)
        case _:
            return None


def _bound(text: str) -> Bound | None:
    if text.isascii() and text.isdigit() and len(text) <= 15:
        return int(text)
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


ROUTES: Final[tuple[tuple[str, str, Handler, Access], ...]] = (
    ("GET", "/audit", page, Access.SIGNED_IN),
    ("POST", "/audit/verify", verify, Access.SIGNED_IN),
    ("GET", "/audit/leaves", export, Access.SIGNED_IN),
    ("GET", "/audit/evidence", evidence, Access.SIGNED_IN),
)
