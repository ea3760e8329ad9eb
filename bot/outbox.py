"""Telling the outside, at least once, from rows that were committed with what they tell (T45).

Decided here: when a row is tried, how long a failing destination rests, and when a row is closed for good. A row holds
ids only; what is told is rendered from committed state at the time of sending, so a late delivery tells the truth
(I14). Destinations are independent: one that fails or hangs delays nobody else. Deliberately absent: what any
platform wants to hear, and any effect on a decision (a lost telling changes no state).

If we stop after a sending and before ``outbox_done``, it is sent again after the lease: surfaces show a state and do
not append to one, so twice is harmless.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

from bot.core.ids import RequestId
from bot.errors import GiveUp, Retry, StoreFault
from bot.ports import Clock, OutboxRow, Rand, Store, Surface

LEASE: Final = timedelta(seconds=60)
SEND_SECONDS: Final = 20.0
"""Longest single sending; well inside the lease, so that a row is never out twice while we live."""
CLAIM_MAX: Final = 100
OUT_MAX: Final = 32
"""Destinations served at once."""
BACK_OFF_FIRST: Final = timedelta(seconds=1)
BACK_OFF_MAX: Final = timedelta(minutes=15)
ATTEMPTS_MAX: Final = 300
"""With the back-off above about three days, as long as Standard Webhooks asks senders to keep trying."""
IDLE_SECONDS: Final = 5.0
"""Longest nap: what a lost poke can cost."""
HELD_SECONDS: Final = 0.25
"""Nap while what is due is held back by a row that is out; its end pokes us anyway."""

_log: Final = logging.getLogger(__name__)

Sender = Callable[[OutboxRow], Awaitable[None]]
"""Sends one row. Raises ``Retry`` or ``GiveUp``; anything else counts as a failure and is tried again."""


class CallbackSender(Protocol):
    """Posts a signed callback about *request* to the URL that was given when it was asked."""

    async def send(self, request: RequestId, event: str) -> None: ...


class Metrics(Protocol):
    """What operators count. ``result`` is ``sent``, ``retry`` or ``lost``."""

    def delivered(self, topic: str, result: str) -> None: ...


Lost = Callable[[OutboxRow, str], Awaitable[None]]
"""Told when a row is closed without having been sent: journals it, so that the loss is seen."""


@dataclass(slots=True)
class _Rest:
    """A destination that failed: closed until *until*, after *failures* in a row."""

    failures: int
    until: datetime


class Outbox:
    """One worker a process. ``run`` belongs in a ``TaskGroup``; ``poke`` after commits; ``stop`` ends it gracefully.

    *surfaces* by the prefix of a surface's name, *senders* by topic; a row that nobody serves is closed and reported.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rand: Rand,
        *,
        surfaces: Mapping[str, Surface] | None = None,
        callbacks: CallbackSender | None = None,
        senders: Mapping[str, Sender] | None = None,
        lost: Lost | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._rand = rand
        self._surfaces = dict(surfaces or {})
        self._callbacks = callbacks
        self._senders: dict[str, Sender] = {
            "card": self._card,
            "notice": self._notice,
            "callback": self._callback,
            **(senders or {}),
        }
        self._lost = lost
        self._metrics = metrics
        self._poked = asyncio.Event()
        self._stopping = False
        self._resting: dict[str, _Rest] = {}
        self._lines: dict[str, asyncio.Task[None]] = {}
        self._queued: defaultdict[str, list[tuple[OutboxRow, datetime]]] = defaultdict(list)

    # --- life

    def poke(self) -> None:
        """Something was committed: look now. Losing a poke costs ``IDLE_SECONDS`` at most."""
        self._poked.set()

    def stop(self) -> None:
        """``run`` ends after what is out now; what was claimed and not tried goes back."""
        self._stopping = True
        self._poked.set()

    async def run(self) -> None:
        """Serve until ``stop``. Cancelling it is safe: leases end by themselves."""
        try:
            while not self._stopping:
                self._poked.clear()
                if not await self._look():
                    await self._nap()
            if self._lines:
                await asyncio.wait(self._lines.values(), timeout=SEND_SECONDS)
        finally:
            for line in tuple(self._lines.values()):
                line.cancel()
            await asyncio.gather(*self._lines.values(), return_exceptions=True)

    async def drain(self) -> int:
        """Send everything due now and wait for it; how many rows were tried or put off. For tests and the command line."""
        total = 0
        while rows := await self._claim():
            total += len(rows)
            self._hand_out(rows)
            while self._lines:
                await asyncio.wait(tuple(self._lines.values()))
        return total

    async def _look(self) -> int:
        """Claim and hand out; how many rows. A store that fails is asked again after a nap."""
        try:
            rows = await self._claim()
        except StoreFault as fault:
            _log.warning("the outbox cannot be read: %s", type(fault).__name__)
            return 0
        self._hand_out(rows)
        return len(rows)

    async def _nap(self) -> None:
        seconds = IDLE_SECONDS
        try:
            due = await self._store.outbox_next_due()
        except StoreFault:
            due = None  # it was reported by the look before
        if due is not None:
            seconds = max(HELD_SECONDS, min(seconds, (due - self._clock.now()).total_seconds()))
        try:
            async with asyncio.timeout(seconds):
                await self._poked.wait()
        except TimeoutError:
            return

    # --- destinations

    async def _claim(self) -> list[OutboxRow]:
        now = self._clock.now()
        due = await self._store.outbox_next_due()
        if due is None or due > now or len(self._lines) >= OUT_MAX:
            return []
        return await self._store.outbox_claim(now, CLAIM_MAX, LEASE)

    def _hand_out(self, rows: Sequence[OutboxRow]) -> None:
        stale_at = self._clock.now() + LEASE - timedelta(seconds=SEND_SECONDS)
        for row in rows:
            destination = destination_of(row)
            self._queued[destination].append((row, stale_at))
            if destination not in self._lines:
                self._begin_line(destination)

    def _begin_line(self, destination: str) -> None:
        line = asyncio.get_running_loop().create_task(self._serve(destination))
        self._lines[destination] = line
        line.add_done_callback(partial(self._line_ended, destination))

    def _line_ended(self, destination: str, line: asyncio.Task[None]) -> None:
        """What was handed to a line after its last look is served by the next: dropped, it would wait for its lease to end."""
        del self._lines[destination]
        if line.cancelled() or line.exception() is not None or not self._queued.get(destination):
            self._queued.pop(destination, None)
        else:
            self._begin_line(destination)
        self._poked.set()

    async def _serve(self, destination: str) -> None:
        """Send what is queued for *destination*, one after the other; after a failure the rest waits with it."""
        try:
            while self._queued[destination]:
                rest = self._resting.get(destination)
                if self._stopping or (rest is not None and rest.until > self._clock.now()):
                    await self._put_off(destination, rest)
                    continue  # while these were put off, others may have been handed over
                row, stale_at = self._queued[destination].pop(0)
                # A row that queued behind slow ones for so long is about to be handed out again: leave it to that.
                if self._clock.now() < stale_at:
                    await self._send(destination, row)
        except StoreFault as fault:
            # If the answer was lost the row is still out: its lease ends and it is sent again, and so are those behind it.
            _log.warning("an outbox row cannot be settled: %s", type(fault).__name__)
            self._queued.pop(destination, None)

    async def _put_off(self, destination: str, rest: _Rest | None) -> None:
        rows = self._queued.pop(destination)
        due_at = self._clock.now() if rest is None else max(rest.until, self._clock.now())
        await self._store.outbox_postpone([row.id for row, _ in rows], due_at)

    async def _send(self, destination: str, row: OutboxRow) -> None:
        try:
            sender = self._senders.get(row.topic)
            if sender is None:
                raise GiveUp(f"nobody serves {row.topic}")
            async with asyncio.timeout(SEND_SECONDS):
                await sender(row)
        except GiveUp as end:
            await self._close(row, str(end))
        except Retry as again:
            await self._retry(destination, row, again.after, type(again).__name__)
        except Exception as fault:  # noqa: BLE001  this supervises senders: whatever one raises, the others go on
            _log.warning("sending %s to %s failed: %s", row.topic, destination, type(fault).__name__)
            await self._retry(destination, row, None, type(fault).__name__)
        else:
            self._resting.pop(destination, None)
            await self._store.outbox_done([row.id])
            self._count(row, "sent")

    async def _retry(self, destination: str, row: OutboxRow, after: timedelta | None, error: str) -> None:
        if row.attempts + 1 >= ATTEMPTS_MAX:
            await self._close(row, f"given up after {ATTEMPTS_MAX} attempts ({error})")
            return
        failures = self._resting[destination].failures + 1 if destination in self._resting else 1
        pause = self._jittered(back_off(max(failures, row.attempts + 1)))
        if after is not None:
            # The platform's own word is a floor, never shortened by our jitter.
            pause = after if failures == 1 else max(after, pause)
        until = self._clock.now() + pause
        self._resting[destination] = _Rest(failures, until)
        await self._store.outbox_retry(row.id, until, error)
        self._count(row, "retry")

    async def _close(self, row: OutboxRow, why: str) -> None:
        _log.error("an outbox row of topic %s was given up: %s", row.topic, why)
        if self._lost is not None:
            await self._lost(row, why)
        await self._store.outbox_done([row.id])
        self._count(row, "lost")

    def _jittered(self, pause: timedelta) -> timedelta:
        """Between half and all of *pause*, so that many do not come back at once."""
        return pause * (0.5 + int.from_bytes(self._rand.bytes(2)) / 131_072)

    def _count(self, row: OutboxRow, result: str) -> None:
        if self._metrics is not None:
            self._metrics.delivered(row.topic, result)

    # --- topics

    async def _card(self, row: OutboxRow) -> None:
        surface, name, request = self._surface_of(row)
        await surface.show(name, request)

    async def _notice(self, row: OutboxRow) -> None:
        surface, name, request = self._surface_of(row)
        await surface.notify(name, request, str(row.payload.get("kind", "reminder")))

    def _surface_of(self, row: OutboxRow) -> tuple[Surface, str, RequestId]:
        name, request = place_of(row)
        surface = self._surfaces.get(name.partition(":")[0])
        if surface is None:
            raise GiveUp("no such surface is configured")
        return surface, name, request

    async def _callback(self, row: OutboxRow) -> None:
        if self._callbacks is None:
            raise GiveUp("callbacks are not configured")
        await self._callbacks.send(RequestId(str(row.payload["request"])), str(row.payload["event"]))


def place_of(row: OutboxRow) -> tuple[str, RequestId]:
    """Surface name and request of a card's or notice's key: ``SURFACE/REQUEST``, or ``SURFACE/REQUEST/...`` where one
    request has several notices. A surface's name may hold slashes of its own, so the request id marks the cut."""
    name, mark, rest = row.key.rpartition("/req_")
    if not mark:
        raise GiveUp("the row's key names no request")
    return name, RequestId("req_" + rest.partition("/")[0])


def destination_of(row: OutboxRow) -> str:
    """What fails together and is served in order: a surface, a callback's request, an anchor."""
    if row.topic in {"card", "notice", "glass"}:
        return row.key.rpartition("/req_")[0] or row.key
    return f"{row.topic} {row.payload.get('request', row.key)}"


def back_off(failures: int) -> timedelta:
    """1 s, 2 s, 4 s ... up to 15 minutes."""
    return min(BACK_OFF_MAX, BACK_OFF_FIRST * (1 << min(failures - 1, 20)))
