"""One updater per message: at most one call in flight, and the last one to end has shown the latest state (T45).

Decided here: who runs and who may rely on somebody else's run. Fifty changes of one message while one call is in flight become
one more call, since the work reads the committed state when it starts. Deliberately absent: retries (the outbox), platforms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

from bot.errors import GiveUp, Retry

Key = TypeVar("Key", bound=Hashable)


class Paced(Retry):
    """Nothing was sent, or the platform said that it took nothing: it is certain that the call had no effect."""


@dataclass(slots=True)
class _Slot:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    asked: int = 0
    done: int = 0
    waiting: int = 0


class Coalescer(Generic[Key]):
    """``touch(key)`` returns when a run of *work* that began after the call has ended well; raises what its own run raised."""

    def __init__(self, work: Callable[[Key], Awaitable[None]]) -> None:
        self._work = work
        self._slots: dict[Key, _Slot] = {}
        self.runs = 0

    async def touch(self, key: Key) -> None:
        slot = self._slots.setdefault(key, _Slot())
        slot.asked += 1
        slot.waiting += 1
        wanted = slot.asked
        try:
            async with slot.lock:
                if slot.done >= wanted:
                    return
                started = slot.asked
                self.runs += 1
                await self._work(key)
                slot.done = started
        finally:
            slot.waiting -= 1
            if slot.waiting == 0:
                self._slots.pop(key, None)

    async def touch_each(self, keys: Iterable[Key]) -> None:
        """``touch`` all of *keys*, whatever becomes of one: a person who cannot be written to keeps nothing from the others.
        Afterwards raises what is to be tried again, else what is lost."""
        faults: list[Retry | GiveUp] = []
        for key in keys:
            try:
                await self.touch(key)
            except (Retry, GiveUp) as fault:
                faults.append(fault)
        if faults:
            raise min(faults, key=lambda fault: isinstance(fault, GiveUp))


class Pace:
    """A token bucket per channel, and the pause that a platform asked for. Nobody sleeps here: too soon is ``Retry``.

    *monotonic* seconds; *burst* calls at once, then one each *interval* seconds. Whoever is refused is given a place in line: the
    waits of a full channel are one interval apart, so that a thousand waiting messages do not all come back at the same instant."""

    CHANNELS_MAX = 10_000

    def __init__(self, monotonic: Callable[[], float], *, interval: float, burst: int) -> None:
        self._monotonic = monotonic
        self._interval = interval
        self._burst = burst
        self._free_at: dict[str, float] = {}
        self._line_end: dict[str, float] = {}
        self._paused_until: dict[str, float] = {}

    def take(self, channel: str) -> None:
        """Raises ``Retry`` with the time until a call on *channel* is in order."""
        now = self._monotonic()
        free_at = max(self._free_at.get(channel, now), now - self._interval * (self._burst - 1))
        open_at = max(free_at, self._paused_until.get(channel, 0.0), self._paused_until.get("", 0.0))
        if open_at > now:
            place = max(open_at, self._line_end.get(channel, 0.0) + self._interval)
            self._line_end[channel] = place
            raise Paced(timedelta(seconds=place - now), "paced")
        if len(self._free_at) >= self.CHANNELS_MAX:
            self._free_at.clear()
            self._line_end.clear()
            self._paused_until.clear()
        self._free_at[channel] = free_at + self._interval

    def check(self) -> None:
        """Raises ``Paced`` while everything is paused."""
        wait = self._paused_until.get("", 0.0) - self._monotonic()
        if wait > 0:
            raise Paced(timedelta(seconds=wait), "paused")

    def pause(self, channel: str, seconds: float) -> None:
        """The platform said to wait. *channel* empty: everywhere."""
        self._paused_until[channel] = self._monotonic() + seconds
