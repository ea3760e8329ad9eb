"""Facts about the one look for all who wait: what nobody told us of wakes them, and what we were told wakes them once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.stores.memory import MemoryStore
from adapters.stores.sqlite import SqliteStore
from bot import noticing as module
from bot.core.ids import RequestId
from bot.noticing import noticing
from bot.ports import Store
from bot.watch import LocalWatch, Subscription
from tests.support.clock import ManualClock
from tests.support.keys import journal
from tests.support.rand import SeededRand
from tests.support.things import a_draft, a_request

rand = SeededRand(5)
R1, R2 = a_request(rand).id, a_request(rand).id


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    log = journal(SeededRand(1))
    made: Store = (
        SqliteStore(tmp_path / "s.db", ManualClock(), log)
        if request.param == "sqlite"
        else MemoryStore(ManualClock(), log)
    )
    await made.open()
    yield made
    await made.close()


async def entry(store: Store, request: RequestId | None) -> None:
    await store.write(lambda tx: tx.append(a_draft(rand, request=request) if request else a_draft(rand)))


def owed(subscription: Subscription) -> list[RequestId]:
    found = list(subscription._owed)
    subscription._owed.clear()
    return found


async def test_a_change_that_nobody_told_of_wakes_whoever_waits_for_it_and_nobody_else(store: Store) -> None:
    watch = LocalWatch()
    look = noticing(store, watch).run
    await entry(store, R1)
    async with watch.subscribe(R1) as one, watch.subscribe(R2) as two, watch.subscribe(None) as all:
        await look()
        assert (owed(one), owed(two), owed(all)) == ([], [], []), "what was before the first look is no news"

        for request in (R1, R1):
            await entry(store, request)
        await look()

        assert (owed(one), owed(two), owed(all)) == ([R1], [], [R1])
        await look()
        assert owed(one) == []


async def test_a_change_that_was_told_wakes_once(store: Store) -> None:
    watch = LocalWatch()
    look = noticing(store, watch).run
    await look()
    async with watch.subscribe(R1) as changes:
        await entry(store, R1)
        watch.changed(R1)
        assert owed(changes) == [R1]
        await look()
        assert owed(changes) == []

        await entry(store, R1)
        await look()
        assert owed(changes) == [R1], "what was told before the last look hides nothing after it"


async def test_a_look_is_bounded_and_the_next_one_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ENTRIES_MAX", 2)
    watch = LocalWatch()
    look = noticing(store, watch).run
    await look()
    async with watch.subscribe(R1) as changes:
        for request in (None, None, None, R1):
            await entry(store, request)

        await look()
        assert owed(changes) == []
        await look()
        assert owed(changes) == [R1]


async def test_nothing_is_looked_for_while_nobody_waits(store: Store) -> None:
    watch = LocalWatch()
    look = noticing(store, watch).run
    await look()
    await entry(store, R1)
    await look()

    async with watch.subscribe(R1) as changes:
        await look()
        assert owed(changes) == []


async def test_a_waiter_is_released_by_a_change_of_another_process(tmp_path: Path) -> None:
    """Two stores over one file stand for two processes; nothing but the look joins them."""
    stores = [SqliteStore(tmp_path / "s.db", ManualClock(), journal(SeededRand(n))) for n in (1, 1)]
    for store in stores:
        await store.open()
    watch = LocalWatch()
    look = noticing(stores[0], watch).run
    await look()
    async with watch.subscribe(R1) as changes, asyncio.timeout(10):
        await entry(stores[1], R1)
        await look()
        assert await anext(changes) == R1
    for store in stores:
        await store.close()
