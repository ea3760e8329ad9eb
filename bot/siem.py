"""Continuous delivery of the log to SIEMs: every entry, in order, at least once (AU-6(4), PCI DSS 10.3.3).

Decided here: a cursor a sink stands in the database and moves only after the sink took the entries, so a crash repeats a few and
loses none; the number and the hash that each form carries make a repeat visible. One batch at a time a sink; sinks do not wait
for each other. A sink that refuses keeps its cursor, is tried again by the outbox's back-off, and is an alarm when it lags.
Deliveries are not entries of the log themselves: each would be one more to deliver, for ever. Deliberately absent: how a sink takes
entries, and any effect on a decision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from audit.formats import Entry, entry_of
from bot.alerts import Alert, Board
from bot.errors import GiveUp, OutsideFault
from bot.ports import AuditRow, Clock, OutboxRow, ReadTx, Store, Tx

LOOK_EVERY: Final = timedelta(seconds=2)
BATCH_MAX: Final = 500
WORK_SECONDS: Final = 8.0
"""One sending ends after this long even when there is more, well inside the outbox's limit; the next look asks again."""
ASKED_AGAIN: Final = timedelta(minutes=5)
"""A row that is asked for and not tried within this time was given up by the outbox, or we are resting."""


class Sink(Protocol):
    """Where entries go. ``send`` returns only when the other side has taken all of them; else it raises and took any or none."""

    name: str

    async def send(self, entries: Sequence[Entry]) -> None: ...


class Gauges(Protocol):
    def siem(self, name: str, behind: int, seconds: float) -> None: ...

    def failed(self, kind: str, name: str) -> None: ...


class Siem:
    """``look`` is a job; ``send`` is the outbox's topic ``siem``."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        sinks: Sequence[Sink],
        board: Board,
        *,
        grace: timedelta,
        poke: Callable[[], None] = lambda: None,
        gauges: Gauges | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._sinks = {sink.name: sink for sink in sinks}
        self._board = board
        self._grace = grace
        self.poke = poke
        self._gauges = gauges
        self._faults: dict[str, str] = {}
        self._asked: dict[str, datetime] = {}

    async def look(self) -> None:
        """Ask for a delivery where entries wait, count them, raise what lags."""
        now = self._clock.now()
        waiting = await self._store.read(lambda tx: {name: _waiting(tx, name) for name in self._sinks})
        due = [
            name
            for name, (behind, _) in waiting.items()
            if behind and now - self._asked.get(name, now - ASKED_AGAIN) >= ASKED_AGAIN
        ]
        if due:

            def enqueue(tx: Tx) -> None:
                for name in due:
                    tx.enqueue(OutboxRow("siem", name, {}, tx.now()))

            await self._store.write(enqueue)
            self._asked.update(dict.fromkeys(due, now))
            self.poke()
        alerts = []
        for name, (behind, age) in waiting.items():
            if self._gauges is not None:
                self._gauges.siem(name, behind, age.total_seconds())
            if age > self._grace:
                alerts.append(self._alert(name, behind, age))
        await self._board.replace("siem", alerts)

    async def send(self, row: OutboxRow) -> None:
        """Deliver batches until nothing waits or the time is up."""
        sink = self._sinks.get(row.key)
        if sink is None:
            raise GiveUp("no such SIEM is configured")
        until = self._clock.monotonic() + WORK_SECONDS
        while rows := await self._store.read(lambda tx: tx.audit_from(tx.outbound(sink.name), BATCH_MAX)):
            await self._batch(sink, rows)
            if self._clock.monotonic() >= until:
                break
        self._asked.pop(row.key, None)

    async def _batch(self, sink: Sink, rows: Sequence[AuditRow]) -> None:
        try:
            await sink.send([entry_of(row.seq, row.leaf) for row in rows])
        except Exception as fault:
            # Only to keep its words for the alarm; the outbox supervises and decides when to try again.
            self._faults[sink.name] = str(fault) if isinstance(fault, OutsideFault) else type(fault).__name__
            if self._gauges is not None:
                self._gauges.failed("siem", sink.name)
            raise
        self._faults.pop(sink.name, None)
        # If we stop here the batch is sent again at the next start: at least once.
        await self._store.write(lambda tx: tx.set_outbound(sink.name, rows[-1].seq + 1))

    def _alert(self, name: str, behind: int, age: timedelta) -> Alert:
        fault = self._faults.get(name)
        why = f"; the last try failed: {fault}" if fault else ""
        minutes = int(age.total_seconds() // 60)
        return Alert(
            "siem",
            name,
            f"{name} has not taken {behind} entries, the oldest for {minutes} minutes{why}. "
            "Nothing is lost: they are sent when it takes them again. Run `signoff doctor`.",
        )


def _waiting(tx: ReadTx, sink: str) -> tuple[int, timedelta]:
    """How many entries *sink* has not taken, and for how long the oldest has waited."""
    size, _ = tx.audit_head()
    cursor = tx.outbound(sink)
    if cursor >= size:
        return 0, timedelta(0)
    first = tx.audit_from(cursor, 1)
    return size - cursor, max(tx.now() - first[0].at, timedelta(0)) if first else timedelta(0)
