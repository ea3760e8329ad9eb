"""Facts about telling the outside: at least once, in time, and no destination in another's way (T45)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.stores.memory import MemoryStore
from adapters.stores.sqlite import SqliteStore
from bot import outbox as outbox_module
from bot.clock import SystemClock
from bot.core.ids import RequestId
from bot.errors import GiveUp, Retry, StoreFault
from bot.outbox import Outbox, back_off, destination_of, place_of
from bot.ports import OutboxRow, Store
from tests.support.clock import START, ManualClock
from tests.support.keys import journal
from tests.support.rand import SeededRand
from tests.support.things import a_draft

R1, R2 = RequestId("req_1"), RequestId("req_2")
SECOND = timedelta(seconds=1)


class FakeSurface:
    """Remembers what it was told; fails as scripted, per name."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.shown: list[tuple[str, str]] = []
        self.notified: list[tuple[str, str, str]] = []
        self.script: dict[str, list[Exception]] = {}
        self.hang: set[str] = set()
        self.together = 0
        self.together_most = 0

    async def show(self, name: str, request: RequestId) -> None:
        await self._act(name)
        self.shown.append((name, request))

    async def absent(self, request: RequestId) -> list[str]:
        return []

    async def notify(self, name: str, request: RequestId, kind: str) -> None:
        await self._act(name)
        self.notified.append((name, request, kind))

    async def _act(self, name: str) -> None:
        if name in self.hang:
            await asyncio.Event().wait()
        self.together += 1
        self.together_most = max(self.together_most, self.together)
        await asyncio.sleep(0)
        self.together -= 1
        if self.script.get(name):
            raise self.script[name].pop(0)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Store]:
    log = journal(SeededRand(1))
    made: Store = (
        MemoryStore(clock, log) if request.param == "memory" else SqliteStore(tmp_path / "x.db", clock, log)
    )
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def slack() -> FakeSurface:
    return FakeSurface("slack")


@pytest.fixture
def outbox(store: Store, clock: ManualClock, slack: FakeSurface) -> Outbox:
    return Outbox(store, clock, SeededRand(2), surfaces={"slack": slack})


def card(name: str = "slack:#a", request: str = R1, topic: str = "card", **payload: str) -> OutboxRow:
    return OutboxRow(topic, f"{name}/{request}", payload, START)


async def enqueue(store: Store, *rows: OutboxRow) -> None:
    def work(tx: object) -> None:
        for row in rows:
            tx.enqueue(row)  # type: ignore[attr-defined]

    await store.write(work)


async def test_a_row_is_sent_once_and_gone(store: Store, outbox: Outbox, slack: FakeSurface) -> None:
    await enqueue(store, card(), card(topic="notice", kind="escalation"))

    await outbox.drain()
    await outbox.drain()

    assert slack.shown == [("slack:#a", R1)]
    assert slack.notified == [("slack:#a", R1, "escalation")]
    assert await store.outbox_depth() == 0


async def test_many_changes_of_one_card_are_told_once(
    store: Store, outbox: Outbox, slack: FakeSurface
) -> None:
    for _ in range(5):
        await enqueue(store, card())

    await outbox.drain()

    assert slack.shown == [("slack:#a", R1)]


async def test_a_failing_destination_rests_and_comes_again(
    store: Store, outbox: Outbox, slack: FakeSurface, clock: ManualClock
) -> None:
    slack.script["slack:#a"] = [RuntimeError("boom"), RuntimeError("boom")]
    await enqueue(store, card())

    await outbox.drain()
    assert slack.shown == []
    clock.forward(SECOND)
    await outbox.drain()
    assert slack.shown == []
    clock.forward(2 * SECOND)
    await outbox.drain()

    assert slack.shown == [("slack:#a", R1)]


async def test_a_row_handed_over_while_others_are_put_off_is_not_left_until_its_lease_ends(
    store: Store, outbox: Outbox, slack: FakeSurface, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    slack.script["slack:#a"] = [Retry(SECOND, "paced")]
    postpone, seen = store.outbox_postpone, asyncio.Event()

    async def slowly(ids: list[int], due_at: object) -> None:
        if not seen.is_set():
            seen.set()
            await enqueue(store, card(request="req_3"))
            outbox._hand_out(await outbox._claim())
        await postpone(ids, due_at)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "outbox_postpone", slowly)
    await enqueue(store, card(), card(request=R2))

    await outbox.drain()
    clock.forward(SECOND)
    await outbox.drain()

    assert seen.is_set()
    assert sorted(slack.shown) == [("slack:#a", R1), ("slack:#a", R2), ("slack:#a", "req_3")]


async def test_a_row_handed_over_as_a_line_ends_is_served(
    store: Store, slack: FakeSurface, clock: ManualClock
) -> None:
    late: list[OutboxRow] = []

    class Late(Outbox):
        async def _serve(self, destination: str) -> None:
            await super()._serve(destination)
            self._hand_out([late.pop()] if late else [])

    outbox = Late(store, clock, SeededRand(2), surfaces={"slack": slack})
    await enqueue(store, card(request=R2))
    late += await outbox._claim()
    await enqueue(store, card())

    await outbox.drain()

    assert slack.shown == [("slack:#a", R1), ("slack:#a", R2)]


async def test_the_platforms_own_delay_is_honoured_to_the_instant(
    store: Store, outbox: Outbox, slack: FakeSurface, clock: ManualClock
) -> None:
    slack.script["slack:#a"] = [Retry(timedelta(seconds=30), "429")]
    await enqueue(store, card())

    await outbox.drain()
    clock.forward(30 * SECOND - timedelta(microseconds=1))
    assert await outbox.drain() == 0
    clock.forward(timedelta(microseconds=1))
    await outbox.drain()

    assert slack.shown == [("slack:#a", R1)]


async def test_while_a_destination_rests_its_other_rows_rest_without_being_tried(
    store: Store, outbox: Outbox, slack: FakeSurface, clock: ManualClock
) -> None:
    slack.script["slack:#a"] = [Retry(timedelta(seconds=30), "429")]
    await enqueue(store, card(request=R1), card(request=R2))

    await outbox.drain()
    clock.forward(30 * SECOND)
    rows = await store.outbox_claim(clock.now(), 10, SECOND)

    assert sorted((row.key, row.attempts) for row in rows) == [("slack:#a/req_1", 1), ("slack:#a/req_2", 0)]


async def test_a_failing_destination_delays_no_other(
    store: Store, outbox: Outbox, slack: FakeSurface
) -> None:
    slack.script["slack:#bad"] = [RuntimeError("boom")]
    await enqueue(store, *(card("slack:#bad", f"req_{n}") for n in range(50)), card("slack:#good"))

    await outbox.drain()

    assert slack.shown == [("slack:#good", R1)]


async def test_a_hanging_destination_delays_no_other(tmp_path: Path, slack: FakeSurface) -> None:
    clock = SystemClock()
    store = MemoryStore(clock, journal(SeededRand(1)))
    await store.open()
    slack.hang.add("slack:#bad")
    outbox = Outbox(store, clock, SeededRand(2), surfaces={"slack": slack})
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        worker = group.create_task(outbox.run())
        now = clock.now()
        await enqueue(store, *(OutboxRow("card", f"slack:#bad/req_{n}", {}, now) for n in range(200)))
        outbox.poke()
        for n in range(20):
            await enqueue(store, OutboxRow("card", f"slack:#good/req_{n}", {}, now))
            outbox.poke()
            while len(slack.shown) <= n:
                await asyncio.sleep(0.001)
        worker.cancel()

    assert len(slack.shown) == 20


async def test_one_destination_is_served_in_order_and_one_at_a_time(
    store: Store, outbox: Outbox, slack: FakeSurface
) -> None:
    await enqueue(store, *(card(request=f"req_{n:02}") for n in range(20)))

    await outbox.drain()

    assert [request for _, request in slack.shown] == [f"req_{n:02}" for n in range(20)]
    assert slack.together_most == 1


async def test_what_can_never_be_sent_is_closed_and_reported(
    store: Store, clock: ManualClock, slack: FakeSurface
) -> None:
    lost: list[tuple[str, str]] = []

    async def note(row: OutboxRow, why: str) -> None:
        await store.write(lambda tx: tx.append(a_draft(SeededRand(5))))
        lost.append((row.key, why))

    outbox = Outbox(store, clock, SeededRand(2), surfaces={"slack": slack}, lost=note)
    slack.script["slack:#a"] = [GiveUp("the channel is archived")]
    await enqueue(
        store, card(), card("teams:x"), OutboxRow("callback", "req_1 decided", {"request": R1}, START)
    )

    await outbox.drain()

    assert sorted(lost) == [
        ("req_1 decided", "callbacks are not configured"),
        ("slack:#a/req_1", "the channel is archived"),
        ("teams:x/req_1", "no such surface is configured"),
    ]
    assert await store.outbox_depth() == 0
    assert (await store.read(lambda tx: tx.audit_head()))[0] == 3


async def test_a_row_is_given_up_after_its_last_attempt(
    store: Store, outbox: Outbox, slack: FakeSurface, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "ATTEMPTS_MAX", 3)
    slack.script["slack:#a"] = [RuntimeError("boom")] * 9
    await enqueue(store, card())

    for _ in range(5):
        await outbox.drain()
        clock.forward(timedelta(hours=1))

    assert await store.outbox_depth() == 0
    assert len(slack.script["slack:#a"]) == 6


async def test_callbacks_and_anchors_get_what_they_need(store: Store, clock: ManualClock) -> None:
    class Callbacks:
        def __init__(self) -> None:
            self.sent: list[tuple[str, str]] = []

        async def send(self, request: RequestId, event: str) -> None:
            self.sent.append((request, event))

    noted: list[str] = []

    async def anchor(row: OutboxRow) -> None:
        noted.append(row.key)

    callbacks = Callbacks()
    outbox = Outbox(store, clock, SeededRand(2), callbacks=callbacks, senders={"anchor": anchor})
    await enqueue(
        store,
        OutboxRow("callback", "req_1 approved", {"request": R1, "event": "approved"}, START),
        OutboxRow("anchor", "file", {}, START),
    )

    await outbox.drain()

    assert callbacks.sent == [(R1, "approved")]
    assert noted == ["file"]


async def test_done_but_we_were_told_it_failed_is_told_again_and_never_lost(
    clock: ManualClock, slack: FakeSurface
) -> None:
    class Flaky(MemoryStore):
        broken = True

        async def outbox_done(self, ids: object) -> None:
            if self.broken:
                self.broken = False
                raise StoreFault("the disk is full")
            await super().outbox_done(ids)  # type: ignore[arg-type]

    store = Flaky(clock, journal(SeededRand(1)))
    await store.open()
    outbox = Outbox(store, clock, SeededRand(2), surfaces={"slack": slack})
    await enqueue(store, card())

    await outbox.drain()
    clock.forward(outbox_module.LEASE)
    await outbox.drain()

    assert slack.shown == [("slack:#a", R1)] * 2
    assert await store.outbox_depth() == 0


async def test_a_stop_ends_the_worker_and_keeps_what_was_not_sent(tmp_path: Path, slack: FakeSurface) -> None:
    clock = SystemClock()
    store = SqliteStore(tmp_path / "x.db", clock, journal(SeededRand(1)))
    await store.open()
    outbox = Outbox(store, clock, SeededRand(2), surfaces={"slack": slack})
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(outbox.run())
        await enqueue(store, *(OutboxRow("card", f"slack:#a/req_{n:03}", {}, clock.now()) for n in range(80)))
        outbox.poke()
        while not slack.shown:
            await asyncio.sleep(0.001)
        outbox.stop()

    sent, left = len(slack.shown), await store.outbox_depth()
    again = await store.outbox_claim(clock.now(), 100, SECOND)
    await store.close()

    assert sent + left == 80
    assert len(again) == left


async def test_a_poke_is_heard_at_once(tmp_path: Path, slack: FakeSurface) -> None:
    clock = SystemClock()
    store = MemoryStore(clock, journal(SeededRand(1)))
    await store.open()
    outbox = Outbox(store, clock, SeededRand(2), surfaces={"slack": slack})
    async with asyncio.timeout(4), asyncio.TaskGroup() as group:  # less than the longest nap
        group.create_task(outbox.run())
        await asyncio.sleep(0.05)
        await enqueue(store, OutboxRow("card", "slack:#a/req_1", {}, clock.now()))
        outbox.poke()
        while not slack.shown:
            await asyncio.sleep(0.001)
        outbox.stop()


def test_the_back_off_doubles_up_to_its_limit() -> None:
    assert [back_off(n).total_seconds() for n in (1, 2, 3, 10, 11, 500)] == [1, 2, 4, 512, 900, 900]


@pytest.mark.parametrize(
    ("key", "name", "request_id"),
    [
        ("console/req_1", "console", "req_1"),
        ("slack:#a/b/req_1", "slack:#a/b", "req_1"),
        ("slack:#a/req_1/reminder-2", "slack:#a", "req_1"),
    ],
)
def test_a_key_names_its_surface_and_request(key: str, name: str, request_id: str) -> None:
    assert place_of(OutboxRow("card", key, {}, START)) == (name, request_id)
    assert destination_of(OutboxRow("card", key, {}, START)) == name


def test_a_key_without_a_request_is_closed() -> None:
    with pytest.raises(GiveUp):
        place_of(OutboxRow("card", "slack:#a", {}, START))
