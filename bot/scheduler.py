"""The handful of things that happen by the clock: one sweep at the next deadline, a safety sweep, and housekeeping.

One indexed look at what is due instead of one job a request (trap 20). Correctness never depends on any of this having
run: votes and redemptions compare the clock themselves (I6, T37); the sweep only records, reminds and escalates.
Deliberately absent: what a sweep does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bot.clock import SystemClock
from bot.errors import SignoffError
from bot.ports import Clock, Store

SAFETY: Final = timedelta(seconds=30)
"""What a lost wake-up, or a clock that was set back, can cost."""
WAKES_AT_ONCE_MAX: Final = 100
"""A wake-up may be due before APScheduler has noted the end of the one that set it; with one instance it would be skipped, and nothing swept until
the safety sweep. The sweeps themselves come one at a time."""
SWEEPS_IN_A_ROW_MAX: Final = 100
"""A sweep that always finds more yields to the safety sweep in the end."""
PURGE_EVERY: Final = timedelta(minutes=10)
PURGE_MAX: Final = 5_000
IDEMPOTENCY_KEPT: Final = timedelta(days=8)
"""Longer than a request may live (seven days), so that a replay after the decision still finds it (T09)."""
WINDOWS_KEPT: Final = timedelta(days=400)

_WAKE: Final = "wake"
_log: Final = logging.getLogger(__name__)


class Sweeper(Protocol):
    """The desk's half."""

    async def sweep(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Periodic:
    """*run* every so often, the first time after one interval. A run that raises is logged and comes again."""

    name: str
    every: timedelta
    run: Callable[[], Awaitable[object]]


class Scheduler:
    """Start it inside the running loop; ``nudge`` it when a nearer deadline appears; ``stop`` it before the store closes."""

    def __init__(
        self, desk: Sweeper, clock: Clock, periodic: Sequence[Periodic] = (), *, safety: timedelta = SAFETY
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._wall = SystemClock()
        self._periodic = tuple(periodic)
        self._safety = safety
        self._jobs: Any = AsyncIOScheduler(timezone=UTC)
        self._sweeping = asyncio.Lock()
        self._running: set[asyncio.Task[Any]] = set()
        self._wake_at: datetime | None = None

    def start(self) -> None:
        self._jobs.start()
        self._every("safety sweep", self._safety, self.sweep)
        for job in self._periodic:
            self._every(job.name, job.every, job.run)
        self._wake(self._clock.now())

    async def stop(self) -> None:
        """No job starts any more; those that run are waited for."""
        if self._jobs.running:
            self._jobs.shutdown(wait=False)
        if self._running:
            await asyncio.wait(tuple(self._running), timeout=10)
        for task in tuple(self._running):
            task.cancel()

    def nudge(self, at: datetime) -> None:
        """A deadline at *at* has appeared. Cheap; does nothing when an earlier wake-up is set already."""
        if self._jobs.running and (self._wake_at is None or at < self._wake_at):
            self._wake(at)

    @property
    def next_wake(self) -> datetime | None:
        return self._wake_at

    async def sweep(self) -> None:
        """Sweep until nothing is due, then set the next wake-up. One at a time."""
        async with self._sweeping:
            self._wake_at = None
            for _ in range(SWEEPS_IN_A_ROW_MAX):
                due = await self._desk.sweep()
                if due is None:
                    return
                if due > self._clock.now():
                    self.nudge(due)
                    return

    def _wake(self, at: datetime) -> None:
        self._wake_at = at
        # APScheduler reads the machine's clock: the wait is what our clock says, from now on that one.
        run_at = self._wall.now() + max(at - self._clock.now(), timedelta(0))
        self._jobs.add_job(
            self._supervised(_WAKE, self.sweep),
            DateTrigger(run_at, timezone=UTC),
            id=_WAKE,
            replace_existing=True,
            misfire_grace_time=None,
            max_instances=WAKES_AT_ONCE_MAX,
        )

    def _every(self, name: str, every: timedelta, run: Callable[[], Awaitable[object]]) -> None:
        trigger = IntervalTrigger(seconds=every.total_seconds(), timezone=UTC)
        self._jobs.add_job(
            self._supervised(name, run),
            trigger,
            id=name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )

    def _supervised(self, name: str, run: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[None]]:
        async def job() -> None:
            task = asyncio.current_task()
            assert task is not None, "a job is a task"
            self._running.add(task)
            try:
                await run()
            except SignoffError as fault:
                _log.warning("the job %s failed and comes again: %s", name, type(fault).__name__)
            except Exception as bug:  # noqa: BLE001  this supervises jobs: one bug must not end the others
                _log.error("the job %s has a bug: %s", name, type(bug).__name__)
            finally:
                self._running.discard(task)

        return job


def purge(store: Store) -> Periodic:
    """Forget expired sessions, old idempotency keys, old window amounts, and values whose vault token has ended."""

    async def run() -> int:
        return await store.write(
            lambda tx: (
                tx.forget(
                    sessions=tx.now(),
                    idempotency=tx.now() - IDEMPOTENCY_KEPT,
                    windows=tx.now() - WINDOWS_KEPT,
                    limit=PURGE_MAX,
                )
                + tx.expire_vaulted(tx.now(), PURGE_MAX)
            )
        )

    return Periodic("purge", PURGE_EVERY, run)
