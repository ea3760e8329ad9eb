"""The audit log for auditors by API: entries, newest first, and the signed head. Masked by construction; looking is journalled."""

from __future__ import annotations

import re
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from adapters.agents import wire
from adapters.agents.endpoint import Api, json_answer, number, query
from adapters.agents.limits import AUDIT_PAGE_MAX
from adapters.agents.problems import ProblemError
from bot.core.ids import RequestId
from bot.core.reasons import Refused
from bot.ports import AuditFilter

_WORDS = ("request", "type", "actor", "action", "outcome")
_WORD = re.compile(r"[A-Za-z0-9_.:@/-]{1,128}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z")


async def entries(api: Api, request: Request) -> Response | Refused:
    actor = await api.gate.person(request)
    given = query(request, (*_WORDS, "since", "until", "before", "limit"))
    words = {name: _word(name, given[name]) for name in _WORDS if name in given}
    limit = number(given.get("limit"), "limit", 1, AUDIT_PAGE_MAX) or 50
    wanted = words.pop("request", None)
    found = await api.desk.audit(
        actor,
        AuditFilter(
            request=RequestId(wanted) if wanted is not None else None,
            **words,
            since=_instant("since", given.get("since")),
            until=_instant("until", given.get("until")),
            before=number(given.get("before"), "before", 0, 2**53 - 1),
            limit=limit,
        ),
    )
    if isinstance(found, Refused):
        return found
    last = found[-1].seq if len(found) == limit else None
    return json_answer(wire.AuditPage([wire.audit_entry(row) for row in found], last))


async def checkpoint(api: Api, request: Request) -> Response | Refused:
    actor = await api.gate.person(request)
    query(request, ())
    state = await api.desk.chain(actor)
    return state if isinstance(state, Refused) else json_answer(wire.checkpoint_answer(state))


def _word(name: str, text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ProblemError("bad-query", f"{name} is not a name that could stand in the log.")
    return text


def _instant(name: str, text: str | None) -> datetime | None:
    """RFC 3339, UTC only."""
    if text is None:
        return None
    try:
        if _INSTANT.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise ProblemError("bad-query", f"{name} must be an instant such as 2026-11-23T09:00:00Z.")
