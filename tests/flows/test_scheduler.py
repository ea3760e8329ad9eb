"""Facts about what happens by the clock. Real time in tenths of a second: APScheduler reads the machine's clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.stores.memory import MemoryStore
from bot.clock import SystemClock
from bot.errors import StoreFault
from bot.scheduler import Periodic, Scheduler, purge
from tests.support.clock import ManualClock
from tests.support.keys import journal
from tests.support.rand import SeededRand


class FakeDesk:
    """Answers each sweep with the next of *answers*, then None; remembers when it was swept."""

    def __init__(self, *answers: Callable[[datetime], datetime | None] | Exception) -> None:
        self.answers = list(answers)
        self.swept: list[datetime] = []
        self.together = 0

    async def sweep(self) -> datetime | None:
        assert self.together == 0, "two sweeps at once"
        self.together += 1
        await asyncio.sleep(0.01)
        self.together -= 1
        now = SystemClock().now()
        self.swept.append(now)
        answer = self.answers.pop(0) if self.answers else (lambda _: None)
        if isinstance(answer, Exception):
            raise answer
        return answer(now)


def after(seconds: float) -> Callable[[datetime], datetime]:
    return lambda now: now + timedelta(seconds=seconds)


@asynccontextmanager
async def running(desk: FakeDesk, *periodic: Periodic, **options: Any) -> AsyncIterator[Scheduler]:
    scheduler = Scheduler(desk, SystemClock(), periodic, **options)
    scheduler.start()
    try:
        async with asyncio.timeout(30):
            yield scheduler
    finally:
        await scheduler.stop()


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.005)


async def test_the_first_sweep_comes_at_the_start() -> None:
    desk = FakeDesk()

    async with running(desk):
        await until(lambda: len(desk.swept) == 1)


async def test_the_next_sweep_comes_at_the_deadline_the_last_one_named() -> None:
    desk = FakeDesk(after(0.3))

    async with running(desk):
        await until(lambda: len(desk.swept) == 2)

    waited = (desk.swept[1] - desk.swept[0]).total_seconds()
    assert 0.3 <= waited < 4


async def test_a_deadline_that_comes_while_a_sweep_is_ending_is_not_skipped() -> None:
    desk = FakeDesk(*[after(n * 20e-6) for n in range(100)])

    async with running(desk):
        await until(lambda: len(desk.swept) == 101)


async def test_what_is_still_due_is_swept_at_once() -> None:
    desk = FakeDesk(after(-1), after(-1), after(-1))

    async with running(desk):
        await until(lambda: len(desk.swept) == 4)


async def test_a_nearer_deadline_brings_the_wake_up_forward_and_a_later_one_does_not() -> None:
    desk = FakeDesk(after(60))

    async with running(desk) as scheduler:
        await until(lambda: scheduler.next_wake is not None and len(desk.swept) == 1)
        first = scheduler.next_wake
        assert first is not None
        scheduler.nudge(first + timedelta(seconds=1))
        assert scheduler.next_wake == first
        scheduler.nudge(SystemClock().now() + timedelta(seconds=0.1))
        await until(lambda: len(desk.swept) == 2)


async def test_the_safety_sweep_comes_although_nothing_was_named() -> None:
    desk = FakeDesk()

    async with running(desk, safety=timedelta(seconds=0.2)):
        await until(lambda: len(desk.swept) >= 3)


@pytest.mark.parametrize("fault", [StoreFault("down"), ZeroDivisionError()])
async def test_a_sweep_that_fails_does_not_end_the_scheduler(fault: Exception) -> None:
    desk = FakeDesk(fault)

    async with running(desk, safety=timedelta(seconds=0.2)):
        await until(lambda: len(desk.swept) >= 2)


async def test_periodic_jobs_run_beside_the_sweeps_and_a_failing_one_comes_again() -> None:
    ran: list[int] = []

    async def job() -> None:
        ran.append(1)
        raise ValueError

    async with running(FakeDesk(), Periodic("job", timedelta(seconds=0.1), job)):
        await until(lambda: len(ran) >= 2)


async def test_after_a_stop_nothing_runs() -> None:
    desk = FakeDesk(*(after(0.01) for _ in range(1_000)))
    async with running(desk):
        await until(lambda: len(desk.swept) >= 2)
    count = len(desk.swept)

    await asyncio.sleep(0.1)

    assert len(desk.swept) == count


async def test_the_purge_does_its_work() -> None:
    clock = ManualClock()
    store = MemoryStore(clock, journal(SeededRand(1)))
    await store.open()

    assert await purge(store).run() == 0
