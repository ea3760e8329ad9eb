"""Facts about wake-ups: none is lost between asking and waiting, many are merged, and nobody is woken for another."""

from __future__ import annotations

import asyncio

import pytest

from bot import watch as watch_module
from bot.core.ids import RequestId
from bot.watch import LocalWatch

R1, R2 = RequestId("req_1"), RequestId("req_2")


async def test_a_change_between_subscribing_and_waiting_is_not_lost() -> None:
    watch = LocalWatch()
    async with watch.subscribe(R1) as changes:
        watch.changed(R1)

        assert await anext(changes) == R1


async def test_a_waiter_is_woken_by_its_own_request_alone() -> None:
    watch = LocalWatch()
    async with watch.subscribe(R1) as changes:
        waiter = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        watch.changed(R2)
        await asyncio.sleep(0)
        assert not waiter.done()
        watch.changed(R1)

        assert await waiter == R1


async def test_whoever_watches_all_hears_of_each_request_once() -> None:
    watch = LocalWatch()
    async with watch.subscribe(None) as changes:
        for request in (R1, R2, R1):
            watch.changed(request)

        assert [await anext(changes), await anext(changes)] == [R1, R2]


async def test_what_a_slow_subscriber_owes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "MERGED_MAX", 3)
    watch = LocalWatch()
    async with watch.subscribe(None) as changes:
        for n in range(10):
            watch.changed(RequestId(f"req_{n}"))

        assert [await anext(changes) for _ in range(3)] == ["req_7", "req_8", "req_9"]


async def test_a_waiter_that_gives_up_leaves_nothing_behind() -> None:
    watch = LocalWatch()
    async with watch.subscribe(R1) as changes:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(changes)
        watch.changed(R1)
        assert await anext(changes) == R1

    assert watch.waiting == 0
    assert not watch._by_request


async def test_closing_ends_every_iteration() -> None:
    watch = LocalWatch()
    waiters = [asyncio.ensure_future(anext(watch.subscribe(request))) for request in (R1, R2, None)]
    await asyncio.sleep(0)

    watch.close()

    answers = await asyncio.gather(*waiters, return_exceptions=True)
    assert [type(answer) for answer in answers] == [StopAsyncIteration] * 3
    assert watch.waiting == 0


async def test_ten_thousand_waiters_are_released_at_once() -> None:
    watch = LocalWatch()
    subscriptions = [watch.subscribe(R1) for _ in range(10_000)]
    waiters = [asyncio.ensure_future(anext(each)) for each in subscriptions]
    await asyncio.sleep(0)

    watch.changed(R1)

    assert set(await asyncio.gather(*waiters)) == {R1}
    watch.close()
