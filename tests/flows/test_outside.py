"""The log's outside while the bot runs: anchors by their pace, SIEMs at least once over restarts, gaps, and alarms (T47).

A real SQLite file, real sockets, the real outbox; time moves when the test says so.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from adapters.anchors.headfile import HeadFile
from adapters.anchors.second import SecondSignature
from adapters.anchors.siem import HttpSink, SyslogTls
from adapters.stores.sqlite import SqliteStore
from audit.checkpoint import MlDsaSigner
from audit.entry import Actor, Draft, EntryType, Outcome
from audit.reader import Reader
from audit.standalone import parse_key, parse_note, signed_by
from bot.alerts import META_TOLD, Alert, Board
from bot.anchoring import Anchoring, Plan, kept_by
from bot.audit_metrics import AuditMetrics
from bot.chat.page import parts_text
from bot.errors import OutsideFault
from bot.gap_watch import EVENT_STANDS, OPEN_GRACE, GapWatch
from bot.outbox import Outbox
from bot.outgoing import Reach
from bot.ports import OutboxRow
from bot.siem import ASKED_AGAIN, Siem
from tests.support.clock import ManualClock
from tests.support.collectors import ca, http_collector, syslog_collector
from tests.support.keys import journal
from tests.support.rand import SeededRand
from tests.support.things import HASH, a_draft
from tests.support.tls import certificate

GRACE = timedelta(minutes=15)
HOUR = timedelta(hours=1)
LOCAL = Reach(frozenset({"localhost", "127.0.0.1"}))


class Memory:
    """An anchor that remembers in a list, and can be away."""

    name = "memory"

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.away = False

    async def remember(self, checkpoint: str) -> None:
        if self.away:
            raise OutsideFault("the memory is away")
        self.sizes.append(int(checkpoint.split("\n")[1]))

    async def recall(self) -> str | None:
        return None


class Channel:
    """A chat that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def say(self, name, page) -> None:
        self.said.append("\n".join(map(parts_text, page.sections[0].rows)))


class World:
    def __init__(self, file: Path) -> None:
        self.clock, self.rand = ManualClock(), SeededRand(5)
        self.file = file
        self.registry = CollectorRegistry()
        self.metrics = AuditMetrics(self.registry)
        self.channel = Channel()

    async def open(self) -> None:
        self.store = SqliteStore(self.file, self.clock, journal(self.rand))
        await self.store.open()
        self.board = Board(
            self.store, channel="slack:#audit", surfaces={"slack": self.channel}, count=self.metrics
        )
        self.outbox = Outbox(self.store, self.clock, self.rand, senders={"alert": self.board.send})

    async def write(self, count: int = 1, **data) -> None:
        for _ in range(count):
            await self.store.write(lambda tx: tx.append(a_draft(self.rand, **data)))

    async def entry(self, kind: EntryType, request: str = "req_" + "a" * 26, **data) -> int:
        def work(tx):
            id = self.rand.bytes(8).hex()
            return tx.append(
                Draft(kind, id, Outcome.SUCCESS, Actor("system", "t"), tx.now(), request, data=data)
            )

        return await self.store.write(work)

    def anchoring(self, *plans: Plan) -> Anchoring:
        made = Anchoring(self.store, self.clock, plans, self.board, grace=GRACE, gauges=self.metrics)
        self.outbox = Outbox(
            self.store, self.clock, self.rand, senders={"anchor": made.send, "alert": self.board.send}
        )
        return made

    def siem(self, *sinks) -> Siem:
        made = Siem(self.store, self.clock, sinks, self.board, grace=GRACE, gauges=self.metrics)
        self.outbox = Outbox(
            self.store, self.clock, self.rand, senders={"siem": made.send, "alert": self.board.send}
        )
        return made

    async def turn(self, job) -> None:
        await job.look()
        await self.outbox.drain()
        await job.look()

    def metric(self, line: str) -> float:
        text = generate_latest(self.registry).decode()
        (found,) = [row for row in text.splitlines() if row.startswith(line + " ")]
        return float(found.rpartition(" ")[2])


@pytest.fixture
async def world(tmp_path: Path):
    made = World(tmp_path / "signoff.sqlite3")
    await made.open()
    yield made
    await made.store.close()


# --- anchors


async def test_an_anchor_is_asked_at_its_pace_and_only_for_something_new(world: World):
    memory = Memory()
    job = world.anchoring(Plan(memory, HOUR))
    await world.turn(job)
    assert memory.sizes == []

    await world.write(3)
    for _ in range(3):
        await world.turn(job)
    await world.write()
    await world.turn(job)
    assert memory.sizes == [3]

    world.clock.forward(HOUR)
    await world.turn(job)
    world.clock.forward(HOUR)
    await world.turn(job)
    assert memory.sizes == [3, 4]


async def test_heads_are_signed_a_second_time_on_a_schedule_and_not_at_each_commit(world: World):
    signer = MlDsaSigner.from_seed(parse_note(await note_of(world)).origin, bytes(32))
    job = world.anchoring(Plan(SecondSignature(signer, world.clock.now), HOUR, outside=False))
    for _ in range(3):
        await world.write()
        await world.turn(job)
    world.clock.forward(HOUR)
    await world.turn(job)

    with closing(sqlite3.connect(world.file)) as connection:
        reader = Reader(connection)
        sizes, twice = [size for size, _ in reader.notes()], [size for size, _ in reader.cosignatures()]
        head = parse_note(reader.note_at(4) or "")
    assert (sizes, twice) == ([1, 2, 3, 4], [2, 4])
    key = parse_key(signer.vkey)
    assert signed_by(head, key, head.signatures[1][2])
    assert int.from_bytes(head.signatures[1][2][:8], "big") == int(world.clock.now().timestamp())


async def test_entries_that_get_no_second_signature_are_an_alarm(world: World):
    signer = MlDsaSigner.from_seed("t.example", bytes(32))
    broken = SecondSignature(signer, lambda: datetime(1900, 1, 1, tzinfo=UTC))
    job = world.anchoring(Plan(broken, HOUR, outside=False))
    await world.write()
    world.clock.forward(HOUR + GRACE + timedelta(minutes=1))
    await world.turn(job)

    (alarm,) = world.board.standing()
    assert "under no second signature (mldsa)" in alarm.sentence


async def note_of(world: World) -> str:
    await world.write()
    return await world.store.read(lambda tx: tx.audit_checkpoint() or "")


async def test_a_restart_neither_repeats_nor_skips(world: World):
    memory = Memory()
    await world.write()
    await world.turn(world.anchoring(Plan(memory, HOUR)))
    await world.store.close()
    await world.open()

    job = world.anchoring(Plan(memory, HOUR))
    await world.write()
    await world.turn(job)
    assert memory.sizes == [1]
    world.clock.forward(HOUR)
    await world.turn(job)
    assert memory.sizes == [1, 2]


async def test_t47_the_last_head_is_remembered_at_the_stop_where_that_takes_no_time(world: World):
    quick, slow = Memory(), Memory()
    slow.name = "slow"
    job = world.anchoring(Plan(quick, HOUR, at_stop=True), Plan(slow, HOUR))
    await world.write()
    await world.turn(job)
    await world.write(2)

    await job.stop()

    assert (quick.sizes, slow.sizes) == ([1, 3], [1])


async def test_an_anchor_that_is_away_keeps_no_process_from_ending(world: World):
    memory = Memory()
    memory.away = True
    job = world.anchoring(Plan(memory, HOUR, at_stop=True))
    await world.write()

    await job.stop()

    memory.away = False
    await world.turn(job)
    assert memory.sizes == [1]


async def test_a_policy_change_is_posted_at_once_where_it_is_wanted(world: World):
    patient, eager = Memory(), Memory()
    eager.name = "eager"
    job = world.anchoring(Plan(patient, HOUR), Plan(eager, HOUR, at_policy_change=True))
    await world.write()
    await world.turn(job)

    await world.store.write(lambda tx: (tx.append(a_draft(world.rand)), tx.set_meta("policy", '[2,"h"]')))
    await world.turn(job)

    assert (patient.sizes, eager.sizes) == ([1], [1, 2])


async def test_t47_an_anchor_that_lags_is_an_alarm_and_blocks_nothing(world: World):
    memory = Memory()
    memory.away = True
    job = world.anchoring(Plan(memory, HOUR))
    await world.write()

    world.clock.forward(HOUR + GRACE)
    await world.turn(job)
    assert world.board.standing() == ()
    world.clock.forward(timedelta(seconds=1))
    await world.turn(job)
    await world.outbox.drain()

    (alarm,) = world.board.standing()
    assert (alarm.kind, alarm.subject) == ("anchor", "memory")
    assert "the last try failed: the memory is away" in alarm.sentence
    assert world.channel.said == ["anchor: " + alarm.sentence]
    assert world.metric('signoff_audit_outside_behind_entries{kind="anchor",name="memory"}') == 1
    assert world.metric('signoff_audit_outside_behind_seconds{kind="anchor",name="memory"}') == 4501
    assert world.metric('signoff_audit_outside_failures_total{kind="anchor",name="memory"}') >= 1
    assert world.metric('signoff_alarms{kind="anchor"}') == 1
    await world.write()

    memory.away = False
    world.clock.forward(HOUR)
    await world.turn(job)
    assert world.board.standing() == ()
    assert memory.sizes == [2]
    assert world.metric('signoff_alarms{kind="anchor"}') == 0


async def test_an_anchor_that_knows_more_than_a_restored_database_starts_again(world: World, tmp_path: Path):
    memory = Memory()
    job = world.anchoring(Plan(memory, HOUR))
    await world.write()
    await world.store.write(lambda tx: tx.set_meta("anchor:memory", '[900,"2026-01-01T00:00:00+00:00",""]'))

    await world.turn(job)

    assert memory.sizes == [1]
    assert (await world.store.read(lambda tx: kept_by(tx, "memory"))).size == 1


async def test_the_head_file_is_one_of_them(world: World, tmp_path: Path):
    anchor = HeadFile(tmp_path / "head.txt")
    await world.write(2)

    await world.turn(world.anchoring(Plan(anchor, timedelta(minutes=1))))

    assert await anchor.recall() == await world.store.read(lambda tx: tx.audit_checkpoint())


# --- SIEM


async def test_every_entry_is_delivered_in_order_over_tls_and_a_restart_goes_on_where_it_was(
    world: World, tmp_path: Path
):
    pem, inside = certificate(tmp_path / "tls")
    async with syslog_collector(inside) as collector:

        def sink() -> SyslogTls:
            return SyslogTls("s", "localhost", collector.port, ca(pem), reach=LOCAL)

        await world.write(1203)
        await world.turn(world.siem(sink()))
        assert collector.seqs == list(range(1203))

        await world.write(5)
        await world.store.close()
        await world.open()
        await world.turn(world.siem(sink()))
        await world.turn(world.siem(sink()))

    assert collector.seqs == list(range(1208))
    rows = await world.store.read(lambda tx: tx.audit_from(1200, 8))
    assert [message.rpartition(b"] ")[2] for _, message in collector.got[1200:]] == [row.leaf for row in rows]


async def test_taken_and_we_were_told_it_failed_is_delivered_twice_never_lost(world: World):
    async with http_collector() as collector:

        class Forgetful(HttpSink):
            """The answer is lost after the collector took the entries."""

            broken = True

            async def send(self, entries):
                await super().send(entries)
                if self.broken:
                    self.broken = False
                    raise OutsideFault("the answer was lost")

        await world.write(3)
        job = world.siem(Forgetful("h", collector.url, "jsonl", reach=LOCAL))
        await world.turn(job)
        world.clock.forward(timedelta(minutes=1))
        await world.turn(job)

        assert len(collector.bodies) == 2
        assert collector.bodies[0] == collector.bodies[1]
        assert await world.store.read(lambda tx: tx.outbound("h")) == 3


async def test_a_siem_that_is_down_is_an_alarm_and_catches_up(world: World):
    async with http_collector() as collector:
        collector.status = 503
        job = world.siem(HttpSink("h", collector.url, "ocsf", reach=LOCAL))
        await world.write(4)
        await world.turn(job)
        world.clock.forward(GRACE + timedelta(seconds=1))
        await world.turn(job)

        (alarm,) = world.board.standing()
        assert "the SIEM answered 503" in alarm.sentence
        assert world.metric('signoff_audit_outside_behind_entries{kind="siem",name="h"}') == 4

        collector.status = 200
        world.clock.forward(timedelta(hours=1))
        await world.turn(job)
        assert world.board.standing() == ()
        assert await world.store.read(lambda tx: tx.outbound("h")) == 4


async def test_one_siem_that_is_down_does_not_hold_up_another(world: World):
    async with http_collector() as down, http_collector() as up:
        down.status = 500
        job = world.siem(
            HttpSink("down", down.url, "jsonl", reach=LOCAL), HttpSink("up", up.url, "jsonl", reach=LOCAL)
        )
        await world.write(2)

        await world.turn(job)

        assert await world.store.read(lambda tx: (tx.outbound("down"), tx.outbound("up"))) == (0, 2)


async def test_a_waiting_delivery_is_asked_for_once_not_at_every_look(world: World):
    async with http_collector() as collector:
        collector.status = 503
        job = world.siem(HttpSink("h", collector.url, "jsonl", reach=LOCAL))
        await world.write()
        for _ in range(5):
            await job.look()
        batch = await world.store.read(lambda tx: tx.rows("SELECT batch FROM store_state"))

        for _ in range(5):
            await job.look()

        assert await world.store.read(lambda tx: tx.rows("SELECT batch FROM store_state")) == batch
        assert await world.store.outbox_depth() == 1
        world.clock.forward(ASKED_AGAIN)
        await job.look()
        assert await world.store.outbox_depth() == 1


# --- gaps


@pytest.mark.parametrize(
    ("between", "seconds", "is_late"),
    [
        (None, 299, False),
        (None, 300, True),
        (EntryType.GRANT_LAPSED, 1, True),
        (EntryType.GRANT_REVOKED, 1, True),
    ],
)
async def test_a_grant_used_after_its_end_is_an_alarm(world: World, between, seconds, is_late):
    watch = GapWatch(world.store, world.clock, world.board, gauges=world.metrics)
    grant = {"jti": "grt_" + "b" * 26, "payload_hash": HASH}
    use_by = int(world.clock.now().timestamp() * 1_000_000) + 300_000_000
    await world.entry(EntryType.GRANT_ISSUED, decision=0, use_by=use_by, **grant)
    if between is not None:
        await world.entry(between, jti=grant["jti"])
    await watch.look()
    world.clock.forward(timedelta(seconds=seconds))
    await world.entry(EntryType.GRANT_USED_BEGIN, **grant)
    await world.entry(EntryType.GRANT_USED_END, jti=grant["jti"])

    await watch.look()

    begun = 2 if between else 1
    assert [alarm.subject for alarm in world.board.standing()] == [f"expired but used {begun}"] * is_late
    world.clock.forward(EVENT_STANDS + timedelta(seconds=1))
    await watch.look()
    assert world.board.standing() == ()


async def test_a_begin_without_an_end_is_an_alarm_after_a_grace_until_it_ends(world: World):
    watch = GapWatch(world.store, world.clock, world.board, gauges=world.metrics)
    seq = await world.entry(EntryType.GRANT_USED_BEGIN, jti="grt_" + "b" * 26, payload_hash=HASH)
    await watch.look()
    assert world.board.standing() == ()

    world.clock.forward(OPEN_GRACE + timedelta(seconds=1))
    await watch.look()
    (alarm,) = world.board.standing()
    assert alarm.sentence.startswith(f"entry {seq}: a grant began")
    assert world.metric('signoff_audit_gaps{kind="begin without end"}') == 1

    await world.entry(EntryType.GRANT_USED_END, jti="grt_" + "b" * 26)
    await watch.look()
    assert world.board.standing() == ()
    assert world.metric('signoff_audit_gaps{kind="begin without end"}') == 0


async def test_a_try_at_self_approval_stands_for_a_while_is_told_once_and_reading_goes_on_where_it_was(
    world: World,
):
    await world.entry(EntryType.VOTE_REFUSED, reason="separated")
    await world.write(600)
    await GapWatch(world.store, world.clock, world.board, gauges=world.metrics).look()
    await world.store.close()
    await world.open()
    world.outbox = Outbox(world.store, world.clock, world.rand, senders={"alert": world.board.send})
    watch = GapWatch(world.store, world.clock, world.board, gauges=world.metrics)

    await watch.look()
    await world.outbox.drain()
    await watch.look()
    await world.outbox.drain()

    assert [alarm.subject for alarm in world.board.standing()] == ["self-approval attempt 0"]
    assert len(world.channel.said) == 1
    assert world.metric("signoff_audit_gaps_read_entries") == 601
    assert world.metric('signoff_audit_gaps{kind="self-approval attempt"}') == 1
    world.clock.forward(EVENT_STANDS + timedelta(seconds=1))
    await watch.look()
    assert world.board.standing() == ()
    assert world.metric('signoff_audit_gaps{kind="self-approval attempt"}') == 1


async def test_an_expiry_is_counted_and_no_alarm(world: World):
    await world.entry(EntryType.REQUEST_EXPIRED)

    await GapWatch(world.store, world.clock, world.board, gauges=world.metrics).look()

    assert world.board.standing() == ()
    assert world.metric('signoff_audit_gaps{kind="expired"}') == 1


# --- the board


async def test_an_alarm_that_is_gone_when_its_post_leaves_says_nothing(world: World):
    await world.board.replace("t", [Alert("gap", "x", "entry 1: something")])
    await world.board.replace("t", [])

    await world.board.send(OutboxRow("alert", "slack:#audit", {}, world.clock.now()))

    assert world.channel.said == []


async def test_fewer_alarms_are_no_news_and_one_that_comes_back_is(world: World):
    first, second = Alert("gap", "x", "entry 1: something"), Alert("gap", "y", "entry 2: something")
    depths = []
    for alarms in ([first, second], [first], [], [first]):
        await world.board.replace("t", alarms)
        depths.append(await world.store.outbox_depth())
        await world.outbox.drain()

    assert depths == [1, 0, 0, 1]
    assert await world.store.read(lambda tx: tx.meta(f"{META_TOLD}:t")) == '["gap:x"]'
