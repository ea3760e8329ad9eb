"""The standing watch for what should not be in the log: ``signoff audit gaps`` while the server runs (AUDIT.md 2.4, 3.1).

Decided here: a grant begun and not ended is an alarm after a grace, until it ends; a break-glass is one until it is reviewed; a grant used
after its end, a try at self-approval and a restored log are alarms for a while after they happened; an expiry, a grant presented wrongly and people who
approve for each other are not: small teams live so, and ``audit gaps`` and the reports list them. Reads only what is new: how far it has read, what is open and what it counted
stand in the database. Deliberately absent: proof. Whether the log is whole and explains itself is ``signoff audit verify``'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec

from audit.exceptions import USED_LATE, Grants, exception_of
from bot.alerts import Alert, Board
from bot.core.ids import RequestId
from bot.ports import AuditFilter, AuditRow, Clock, ReadTx, Store

META: Final = "gap_watch"
PAGE: Final = 500
OPEN_GRACE: Final = timedelta(hours=1)
"""A grant may be in use for a while; longer, and somebody should look what became of it."""
EVENT_STANDS: Final = timedelta(days=7)
"""So that it is seen after a weekend."""
LOUD: Final = {
    "self-approval attempt": "somebody who may not decide a request tried to",
    USED_LATE: "a grant was used although it was over; find out what its executor did, and how it came past the check",
    "log": "the log itself was restored or found damaged",
}
"""Kinds of exceptions that are alarms; the others (an expiry, a grant presented wrongly) are counted."""
KEPT_MAX: Final = 1_000
"""Open begins and events that are remembered one by one; the counts go on."""

Mark = tuple[int, str, int]
"""Number of the entry, its request, its instant in microseconds."""


class State(msgspec.Struct):
    """What the watch remembers between looks. ``events``: kind and mark."""

    read: int = 0
    begun: dict[str, Mark] = {}
    events: list[tuple[str, Mark]] = []
    counts: dict[str, int] = {}
    broken: dict[str, tuple[Mark, int]] = {}
    """Break-glass that nobody has reviewed, by request, with the instant in microseconds at which the review is overdue."""


class Gauges(Protocol):
    def gaps(self, by_kind: Mapping[str, int], read: int) -> None: ...


class GapWatch:
    """``look`` is a job."""

    def __init__(self, store: Store, clock: Clock, board: Board, *, gauges: Gauges | None = None) -> None:
        self._store = store
        self._clock = clock
        self._board = board
        self._gauges = gauges

    async def look(self) -> None:
        """Read what is new and raise what stands."""
        text = await self._store.read(lambda tx: tx.meta(META))
        state = msgspec.json.decode(text, type=State) if text else State()
        start = state.read
        while page := await self._store.read(lambda tx: _page(tx, state.read)):
            take(state, *page)
        now = self._clock.now()
        forget(state, now)
        if state.read != start:
            kept = msgspec.json.encode(state).decode()
            await self._store.write(lambda tx: tx.set_meta(META, kept))
        if self._gauges is not None:
            overdue = sum(due <= _us(now) for _, due in state.broken.values())
            open_now = {"begin without end": len(state.begun), "break-glass unreviewed": len(state.broken)}
            self._gauges.gaps(state.counts | open_now | {"break-glass overdue": overdue}, state.read)
        await self._board.replace("gaps", alarms(state, now))


def _page(tx: ReadTx, start: int) -> tuple[list[AuditRow], dict[str, list[AuditRow]]] | None:
    """The next entries, and by request what was written about it before a grant of it began to be used; None at the end."""
    rows = tx.audit_from(start, PAGE)
    begun = (row for row in rows if b'"grant.used.begin"' in row.leaf)
    requests = {str(msgspec.json.decode(row.leaf).get("req")) for row in begun}
    histories = {id: tx.audit_rows(AuditFilter(request=RequestId(id), limit=PAGE)) for id in requests}
    return (rows, histories) if rows else None


def _used_late(row: AuditRow, history: Sequence[AuditRow]) -> bool:
    """Whether the use that *row* begins is of a grant that was over, by the entries about its request, newest first."""
    grants = Grants()
    for one in reversed(history):
        if one.seq < row.seq:
            body = msgspec.json.decode(one.leaf)
            grants.late(str(body["type"]), body.get("data") or {}, _us(one.at))
    return (
        grants.late("grant.used.begin", msgspec.json.decode(row.leaf).get("data") or {}, _us(row.at))
        is not None
    )


def take(state: State, rows: Sequence[AuditRow], histories: Mapping[str, Sequence[AuditRow]]) -> None:
    """Count *rows* in. Their leaves are read, not their columns: an edited column must not hide an entry."""
    for row in rows:
        body = msgspec.json.decode(row.leaf)
        kind, data, request = str(body["type"]), body.get("data") or {}, str(body.get("req") or "")
        mark = (row.seq, request, _us(row.at))
        if kind == "grant.used.begin" and len(state.begun) < KEPT_MAX:
            state.begun[str(data.get("jti"))] = mark
        elif kind == "grant.used.end":
            state.begun.pop(str(data.get("jti")), None)
        elif kind == "break_glass.used" and len(state.broken) < KEPT_MAX:
            state.broken[request] = (mark, int(data.get("until") or 0))
        elif kind == "break_glass.reviewed":
            state.broken.pop(request, None)
        if kind == "grant.used.begin" and _used_late(row, histories.get(request, ())):
            state.counts[USED_LATE] = state.counts.get(USED_LATE, 0) + 1
            state.events.append((USED_LATE, mark))
        fault = exception_of(kind, data)
        if fault is not None:
            state.counts[fault[0]] = state.counts.get(fault[0], 0) + 1
            if fault[0] in LOUD:
                state.events.append((fault[0], mark))
        state.read = row.seq + 1


def forget(state: State, now: datetime) -> None:
    """Drop events that have stood long enough, and the oldest when there are too many."""
    horizon = _us(now - EVENT_STANDS)
    state.events = [event for event in state.events if event[1][2] >= horizon][-KEPT_MAX:]


def alarms(state: State, now: datetime) -> list[Alert]:
    late = _us(now - OPEN_GRACE)
    found = [
        Alert(
            "gap",
            f"begin {seq}",
            f"entry {seq}: a grant began to be used and no end is recorded; find out what its executor did",
            RequestId(request),
        )
        for seq, request, us in state.begun.values()
        if us < late
    ]
    found += [
        Alert(
            "gap",
            f"break-glass {seq}{' overdue' if due <= _us(now) else ''}",
            f"entry {seq}: {_glass_words(due, now)}",
            RequestId(request),
        )
        for (seq, request, _), due in state.broken.values()
    ]
    return found + [
        Alert("gap", f"{kind} {seq}", f"entry {seq}: {LOUD[kind]}", RequestId(request) if request else None)
        for kind, (seq, request, _) in state.events
    ]


def _glass_words(due: int, now: datetime) -> str:
    if due <= _us(now):
        return "the glass was broken and nobody reviewed it in time; one of the policy's reviewers must do it now"
    return "the glass was broken; one of the policy's reviewers must review it"


def _us(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)
