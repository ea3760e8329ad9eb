"""The audit log for auditors by API: entries, proofs, the signed head, and the whole log as C2SP tlog-tiles under ``/v1/audit/log``.

Masked by construction. Reading entries, proofs and bundles of entries is journalled; heads and tiles of hashes say nothing of any
entry and are not, so that a monitor may follow them without writing the log that it follows.
"""

from __future__ import annotations

import re
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from adapters.agents import wire
from adapters.agents.endpoint import NOT_FOUND, Api, json_answer, number, query
from adapters.agents.limits import AUDIT_PAGE_MAX
from adapters.agents.problems import ProblemError
from audit.tiles import ENTRIES, WIDTH, tile_path
from bot.core.ids import RequestId
from bot.core.reasons import Refused
from bot.desk.evidence import ENTRIES_LEVEL, Evidence, Prove, Tile
from bot.ports import AuditFilter

_WORDS = ("request", "type", "actor", "action", "resource", "outcome")
_TILE = re.compile(
    r"(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,4}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)
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


async def proof(api: Api, request: Request) -> Response | Refused:
    """The ``c2sp.org/tlog-proof@v1`` file of one entry, the entry inside."""
    actor = await api.gate.person(request)
    query(request, ())
    seq = _seq(request.path_params["seq"])
    return _file(await api.desk.evidence(actor, Prove(seq)) if seq is not None else NOT_FOUND)


async def note(api: Api, request: Request) -> Response | Refused:
    """The newest signed head as its bytes are: ``checkpoint`` of tlog-tiles."""
    actor = await api.gate.person(request)
    query(request, ())
    state = await api.desk.chain(actor)
    if isinstance(state, Refused):
        return state
    if not state.checkpoint:
        return NOT_FOUND
    return Response(
        state.checkpoint.encode(), 200, {"Cache-Control": "no-store"}, "text/plain; charset=utf-8"
    )


async def tile(api: Api, request: Request) -> Response | Refused:
    """``tile/<L>/<N>[.p/<W>]`` or ``tile/entries/<N>[.p/<W>]`` of tlog-tiles."""
    actor = await api.gate.person(request)
    query(request, ())
    wanted = tile_of(request.path_params["tile"])
    return _file(await api.desk.evidence(actor, wanted) if wanted is not None else NOT_FOUND)


def tile_of(path: str) -> Tile | None:
    """The tile that *path* names in the one way tlog-tiles has for it; None for any other spelling."""
    found = _TILE.fullmatch(path)
    if found is None:
        return None
    level: int | str = ENTRIES if found[1] == ENTRIES else int(found[1])
    n = int(found[2].replace("x", "").replace("/", ""))
    width = int(found[3]) if found[3] else WIDTH
    if width > WIDTH or tile_path(level, n, width) != f"tile/{path}":
        return None
    return Tile(ENTRIES_LEVEL if isinstance(level, str) else level, n, width)


def _file(found: Evidence | Refused) -> Response | Refused:
    if isinstance(found, Refused):
        return found
    if not found.whole:
        # What does not hold is not handed out as if it did: the operator must look (`signoff audit verify`).
        raise ProblemError("unavailable", "What was asked for does not hold under the signed head.")
    return Response(found.content, 200, {"Cache-Control": "no-store"}, found.media_type)


def _seq(text: str) -> int | None:
    return (
        int(text)
        if text.isascii() and text.isdigit() and len(text) <= 15 and str(int(text)) == text
        else None
    )


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
