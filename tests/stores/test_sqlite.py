"""Facts about the SQLite store alone: its settings, its constraints under raw SQL, and what it says when the world fails."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.keys import files
from adapters.stores import rules, schema, sqlite
from adapters.stores.rules import GRANT_MOVES
from adapters.stores.sqlite import SqliteStore
from adapters.stores.sqlite_restore import restore
from audit.chain import leaf_hash
from bot.clock import SystemClock
from bot.core.ids import AccountKey, PersonId
from bot.core.people import Agent, AgentKey, KeyKind, Person, Session
from bot.core.request import Assurance, GrantState, RequestState
from bot.errors import Busy, ConfigError, StoreFault, Unknown
from bot.ports import AuditFilter, OutboxRow, Tx
from bot.rand import OsRand
from tests.support.clock import START, ManualClock
from tests.support.keys import journal, sealed
from tests.support.rand import SeededRand
from tests.support.things import AGENT, a_draft, a_grant, a_request, a_vote

MINUTE = timedelta(minutes=1)
ROOT = Path(__file__).parents[2]
rand = SeededRand(11)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "signoff.db"


@pytest.fixture
async def store(path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(path, clock, journal(SeededRand(1)))
    await made.open()
    yield made
    await made.close()


async def ask(store: SqliteStore) -> str:
    request = a_request(rand)

    def work(tx: Tx) -> str:
        tx.insert_request(request, sealed(b"x", rand))
        tx.append(a_draft(rand, request=request.id))
        return request.id

    return await store.write(work)


# --- settings


async def test_the_settings_that_durability_rests_on_are_on(store: SqliteStore) -> None:
    def look() -> dict[str, object]:
        raw = store._need_raw()
        names = (
            "journal_mode",
            "synchronous",
            "foreign_keys",
            "trusted_schema",
            "cell_size_check",
            "secure_delete",
        )
        return {name: raw.execute(f"PRAGMA {name}").fetchone()[0] for name in names}

    assert await store._need_writer().on_thread(look) == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "secure_delete": 1,
    }


async def test_the_database_is_for_its_owner_alone(store: SqliteStore, path: Path) -> None:
    await ask(store)

    assert {p.stat().st_mode & 0o777 for p in path.parent.iterdir() if p.name.startswith(path.name)} == {
        0o600
    }


async def test_everything_is_there_after_a_restart(
    store: SqliteStore, path: Path, clock: ManualClock
) -> None:
    id = await ask(store)
    clock.forward(MINUTE)
    mark = await store.write(lambda tx: tx.now())
    await store.close()
    clock.back(timedelta(hours=2))

    again = SqliteStore(path, clock, journal(SeededRand(1)))
    await again.open()

    assert await again.read(lambda tx: tx.request(id)) is not None  # type: ignore[arg-type]
    assert await again.read(lambda tx: tx.now()) == mark
    assert await again.check() == []
    await again.close()


async def test_a_newer_schema_is_refused(store: SqliteStore, path: Path, clock: ManualClock) -> None:
    await store.close()
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("INSERT INTO schema_migration VALUES (?, 0)", (schema.LATEST + 1,))

    with pytest.raises(ConfigError, match="newer version"):
        await SqliteStore(path, clock, journal(SeededRand(1))).open()


async def test_another_applications_file_is_refused_and_left_alone(path: Path, clock: ManualClock) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("CREATE TABLE other (x)")
    before = path.read_bytes()

    with pytest.raises(ConfigError, match="another application"):
        await SqliteStore(path, clock, journal(SeededRand(1))).open()
    assert path.read_bytes() == before


async def test_what_is_no_database_is_refused(path: Path, clock: ManualClock) -> None:
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 100)

    with pytest.raises(StoreFault):
        await SqliteStore(path, clock, journal(SeededRand(1))).open()


def test_t53_an_old_sqlite_is_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 2))
    assert "3.51.3" in (sqlite.version_warning() or "")
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))
    assert sqlite.version_warning() is None


# --- constraints, when our Python is not there to help


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE request SET state = 'pending' WHERE state <> 'pending'",
        "UPDATE request SET state = 'denied', version = version + 1 WHERE state = 'approved'",
        "UPDATE request SET decided_us = 1 WHERE state = 'approved'",
        "UPDATE request SET reason = 'x' WHERE state = 'approved'",
        "UPDATE request SET state = 'approved' WHERE state = 'pending'",
        "UPDATE request SET version = version + 2",
        "UPDATE request SET version = version - 1",
        "UPDATE request SET payload_hash = 'x'",
        "UPDATE request SET decide_by_us = decide_by_us + 1",
        "UPDATE request SET frozen = '{}'",
        "UPDATE request SET state = 'maybe'",
        "DELETE FROM request",
        "UPDATE request_body SET ciphertext = x'00'",
        "UPDATE vote SET choice = 'deny'",
        "UPDATE vote SET person = 'person:eve'",
        "UPDATE vote SET data = '{}'",
        "UPDATE vote SET withdrawn_us = 9000000000000000",
        "DELETE FROM vote",
        "INSERT INTO vote SELECT NULL, request, person, choice, payload_hash, at_us, NULL, data FROM vote",
        "INSERT INTO vote SELECT NULL, request, 'p', choice, payload_hash, 9000000000000000, NULL, data FROM vote",
        "INSERT INTO vote SELECT NULL, request, 'p', choice, 'other', at_us, NULL, data FROM vote",
        "UPDATE grant_ SET state = 'issued' WHERE state = 'redeemed'",
        "UPDATE grant_ SET state = 'succeeded', redeemed_us = 1 WHERE state = 'redeemed'",
        "UPDATE grant_ SET state = 'succeeded' WHERE state = 'issued'",
        "UPDATE grant_ SET state = 'redeemed' WHERE state = 'issued'",
        "UPDATE grant_ SET state = 'redeemed', redeemed_us = use_by_us WHERE state = 'issued'",
        "UPDATE grant_ SET use_by_us = use_by_us + 1",
        "UPDATE grant_ SET redemption_key = 'other' WHERE state = 'redeemed'",
        "UPDATE grant_ SET payload_hash = 'x'",
        "DELETE FROM grant_",
        """INSERT INTO grant_ SELECT 'grt_2', request, agent, payload_hash, issued_us, use_by_us, 'issued', '', NULL,
        NULL, NULL, '', frozen FROM grant_ LIMIT 1""",
        "UPDATE store_state SET mark_us = mark_us - 1",
        "UPDATE store_state SET batch = batch - 1",
        "UPDATE audit_leaf SET actor = 'x'",
        "DELETE FROM audit_leaf",
        "DELETE FROM audit_checkpoint",
        "UPDATE audit_head SET size = size - 1",
    ],
)
async def test_raw_sql_breaks_no_invariant(store: SqliteStore, path: Path, statement: str) -> None:
    pending, first, second = a_request(rand), a_request(rand), a_request(rand)
    one, two = a_grant(first, rand), a_grant(second, rand)

    def work(tx: Tx) -> None:
        tx.insert_request(pending, sealed(b"x", rand))
        tx.insert_vote(a_vote(pending))
        for request, grant in ((first, one), (second, two)):
            tx.insert_request(
                replace(request, state=RequestState.APPROVED, decided_at=START), sealed(b"x", rand)
            )
            tx.insert_grant(grant)
        spent = replace(two, state=GrantState.REDEEMED, redeemed_at=START, redemption_key="k")
        tx.update_grant(spent, expected_state=GrantState.ISSUED)
        tx.append(a_draft(rand))
        tx.now()

    await store.write(work)

    with closing(sqlite3.connect(path)) as raw, raw:
        before = list(raw.iterdump())
        with pytest.raises(sqlite3.IntegrityError):
            raw.execute(statement)
        raw.rollback()
        assert list(raw.iterdump()) == before


def test_the_grant_table_in_sql_is_the_one_in_python() -> None:
    (trigger,) = [s for s in schema.MIGRATIONS[0][1] if "CREATE TRIGGER grant_moves" in s]

    in_sql = {
        tuple(part.strip("' \n").split(">"))
        for part in trigger.partition("NOT IN (")[2].split(")")[0].split(",")
    }

    assert in_sql == {(a.value, b.value) for a, b in GRANT_MOVES}


def test_instants_survive_to_the_microsecond() -> None:
    moment = START + timedelta(microseconds=1)

    assert rules.from_us(rules.to_us(moment)) == moment
    with pytest.raises(TypeError):
        rules.to_us(moment.replace(tzinfo=None))


# --- when the world fails


async def test_t52_a_lock_held_by_another_process_is_busy_and_the_loop_goes_on(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store._need_writer().on_thread(lambda: store._need_raw().execute("PRAGMA busy_timeout = 200"))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        write = asyncio.create_task(store.write(lambda tx: tx.set_meta("k", "v")))
        ticks = 0
        while not write.done():
            await asyncio.sleep(0.01)
            ticks += 1
        with pytest.raises(Busy):
            await write
        assert ticks > 5
        assert await store.read(lambda tx: tx.meta("k")) is None
        other.execute("ROLLBACK")

    await store.write(lambda tx: tx.set_meta("k", "v"))


async def test_a_full_queue_is_busy_at_once(store: SqliteStore, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        tasks = [
            asyncio.create_task(store.ping()) for _ in range(sqlite.WAITING_MAX + sqlite.TOGETHER_MAX + 50)
        ]
        await asyncio.sleep(0.05)
        refused = [task for task in tasks if task.done()]
        other.execute("ROLLBACK")
    answers = await asyncio.gather(*tasks, return_exceptions=True)

    assert refused
    assert {type(answer) for answer in answers} == {type(None), Busy}
    assert len(refused) == sum(isinstance(answer, Busy) for answer in answers)


async def test_t51_a_full_disk_refuses_whole_and_recovers_without_a_restart(store: SqliteStore) -> None:
    first = await ask(store)
    pages = await store._need_writer().on_thread(
        lambda: store._need_raw().execute("PRAGMA page_count").fetchone()[0]
    )
    await store._need_writer().on_thread(
        lambda: store._need_raw().execute(f"PRAGMA max_page_count = {pages + 3}")
    )

    answers = await asyncio.gather(*(ask(store) for _ in range(60)), return_exceptions=True)
    kept = {a for a in answers if isinstance(a, str)} | {first}
    assert any(isinstance(a, StoreFault) and "full" in str(a) for a in answers)

    await store._need_writer().on_thread(lambda: store._need_raw().execute("PRAGMA max_page_count = 1000000"))
    kept.add(await ask(store))
    size, _ = await store.read(lambda tx: tx.audit_head())
    assert size == len(kept)
    assert {r.id for r in await store.read(lambda tx: tx.requests(_all()))} == kept
    assert await store.check() == []


def _all() -> object:
    from bot.ports import Page

    return Page(500)


FULL_DISK = """
import asyncio, resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from tests.stores.test_sqlite import SqliteStore, SystemClock, SeededRand, journal, ask
from bot.errors import StoreFault
async def main():
    store = SqliteStore(Path(sys.argv[1]), SystemClock(), journal(SeededRand(1)))
    await store.open()
    good = 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
    try:
        while True:
            await ask(store)
            good += 1
    except StoreFault as fault:
        print(type(fault).__name__)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await ask(store)
    size, _ = await store.read(lambda tx: tx.audit_head())
    print(good + 1, size, await store.check())
    await store.close()
asyncio.run(main())
"""


def test_t51_a_write_that_the_system_cuts_short_is_refused_whole(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=ROOT,
    )

    fault, numbers = done.stdout.splitlines()
    asked, size, *faults = numbers.split(maxsplit=2)
    assert fault in {"StoreFault", "Unknown"}
    assert asked == size
    assert faults == ["[]"]


class Stubborn:
    """The connection with a COMMIT that fails as scripted: before it is done, or after."""

    def __init__(self, raw: sqlite3.Connection, *, done: bool, fences_fail: bool = False) -> None:
        self._raw, self._done, self._fences_fail, self._commits = raw, done, fences_fail, 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._raw, name)

    def execute(self, statement: str, *values: object) -> object:
        if statement == "COMMIT":
            self._commits += 1
            if self._commits == 1 or self._fences_fail:
                if self._done:
                    self._raw.execute("COMMIT")
                fault = sqlite3.OperationalError("disk I/O error")
                fault.sqlite_errorcode, fault.sqlite_errorname = sqlite3.SQLITE_IOERR, "SQLITE_IOERR_FSYNC"
                raise fault
        return self._raw.execute(statement, *values)


async def test_t44_a_commit_that_failed_after_it_was_written_is_answered_as_written(
    store: SqliteStore,
) -> None:
    store._raw = Stubborn(store._need_raw(), done=True)  # type: ignore[assignment]

    assert await store.write(lambda tx: tx.set_meta("k", "v")) is None
    assert await store.read(lambda tx: tx.meta("k")) == "v"


async def test_t44_a_commit_that_failed_before_it_was_written_is_answered_as_not_written(
    store: SqliteStore,
) -> None:
    store._raw = Stubborn(store._need_raw(), done=False)  # type: ignore[assignment]

    with pytest.raises(StoreFault) as caught:
        await store.write(lambda tx: tx.set_meta("k", "v"))
    assert not isinstance(caught.value, Unknown)
    assert await store.read(lambda tx: tx.meta("k")) is None


async def test_t44_a_commit_that_cannot_be_settled_is_unknown(store: SqliteStore) -> None:
    store._raw = Stubborn(store._need_raw(), done=False, fences_fail=True)  # type: ignore[assignment]

    with pytest.raises(Unknown):
        await store.write(lambda tx: tx.set_meta("k", "v"))


async def test_i7_when_the_head_cannot_be_signed_nothing_is_written(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        raise OSError("the signing key is gone")

    monkeypatch.setattr(store._journal, "checkpoint", refuse)

    with pytest.raises(OSError, match="gone"):
        await ask(store)
    monkeypatch.undo()
    await ask(store)
    assert (await store.read(lambda tx: tx.audit_head()))[0] == 1


async def test_a_cancelled_caller_does_not_disturb_the_others(store: SqliteStore) -> None:
    tasks = [asyncio.create_task(ask(store)) for _ in range(100)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)

    kept = {a for a in answers if isinstance(a, str)}
    stored = {r.id for r in await store.read(lambda tx: tx.requests(_all()))}
    assert kept <= stored
    assert (await store.read(lambda tx: tx.audit_head()))[0] == len(stored)


async def test_closing_finishes_what_waits(path: Path, clock: ManualClock) -> None:
    store = SqliteStore(path, clock, journal(SeededRand(1)))
    await store.open()
    tasks = [asyncio.create_task(ask(store)) for _ in range(100)]
    await asyncio.sleep(0)

    await store.close()

    assert len({task.result() for task in tasks}) == 100


# --- backup, restore, no plaintext


CANARY = b"canary-4929-1234-5678-9012-maria@example.org"


async def test_i10_no_body_shows_in_the_file_the_log_beside_it_or_a_backup(
    store: SqliteStore, path: Path, tmp_path: Path
) -> None:
    keys = files.create(tmp_path / "keys", OsRand())
    for _ in range(50):
        request = a_request(rand)
        body = keys.seal(CANARY * 10, request.id.encode())
        await store.write(lambda tx, r=request, b=body: tx.insert_request(r, b))
    await store.backup(str(tmp_path / "backup.db"))

    seen = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}

    assert {"signoff.db", "signoff.db-wal", "backup.db"} <= set(seen)
    assert request.id.encode() in seen["signoff.db-wal"]
    assert [name for name, data in seen.items() if CANARY[:12] in data] == []


async def test_a_shredded_body_leaves_no_key_in_the_file_or_the_log_beside_it(
    store: SqliteStore, path: Path
) -> None:
    body = sealed(b"x", rand)
    request = a_request(rand)
    await store.write(lambda tx: tx.insert_request(request, body))
    await store.write(lambda tx: tx.shred_body(request.id))

    everything = b"".join(p.read_bytes() for p in path.parent.iterdir() if p.name.startswith(path.name))
    assert body.wrapped_key not in everything
    assert request.id.encode() in everything


async def test_a_backup_under_load_is_whole_and_for_its_owner_alone(
    store: SqliteStore, tmp_path: Path, clock: ManualClock
) -> None:
    target = tmp_path / "backup.db"
    await asyncio.gather(*(ask(store) for _ in range(50)))

    async def load() -> None:
        for _ in range(50):
            await ask(store)

    _, *_rest = await asyncio.gather(store.backup(str(target)), load())

    assert target.stat().st_mode & 0o777 == 0o600
    copy = SqliteStore(target, clock, journal(SeededRand(1)))
    await copy.open()
    assert await copy.check() == []
    size, _ = await copy.read(lambda tx: tx.audit_head())
    assert 50 <= size <= 100
    assert len(await copy.read(lambda tx: tx.requests(_all()))) == size
    await copy.close()
    with pytest.raises(ConfigError, match="never overwrites"):
        await store.backup(str(target))


async def test_t48_after_a_restore_nothing_old_is_worth_anything(
    store: SqliteStore, tmp_path: Path, clock: ManualClock
) -> None:
    pending, request = a_request(rand), a_request(rand)
    grant = a_grant(request, rand)
    session = Session(
        "s",
        PersonId("person:ana"),
        AccountKey("local:ana"),
        Assurance.CHAT,
        "c",
        START,
        START,
        START,
        START + MINUTE,
    )

    def work(tx: Tx) -> None:
        tx.insert_request(pending, sealed(b"x", rand))
        tx.insert_request(replace(request, state=RequestState.APPROVED, decided_at=START), sealed(b"x", rand))
        tx.insert_grant(grant)
        tx.put_person(Person(PersonId("person:ana"), "Ana", START))
        tx.put_session(session)
        tx.put_agent(Agent(AGENT, (), START))
        tx.put_agent_key(AgentKey("sok_1", AGENT, KeyKind.API, b"m", START))
        tx.put_agent_key(AgentKey("sok_2", AGENT, KeyKind.API, b"m", START, revoked_at=START))
        tx.enqueue(OutboxRow("card", "console/req_1", {}, START))
        tx.append(a_draft(rand))

    await store.write(work)
    await store.backup(str(tmp_path / "backup.db"))
    target, log = tmp_path / "restored.db", journal(SeededRand(1))

    result = await restore(tmp_path / "backup.db", target, clock, log, rand, epoch_at_least=3)

    assert (result.epoch, result.cancelled, result.revoked, result.sessions_ended) == (3, 1, 1, 1)
    assert result.keys_to_review == ("sok_1",)
    again = SqliteStore(target, clock, log)
    await again.open()
    types = [row.type for row in await again.read(lambda tx: tx.audit_rows(AuditFilter()))]
    assert types == ["session.ended", "grant.revoked", "request.cancelled", "log.restored", "session.login"]
    assert await again.read(lambda tx: tx.meta("epoch")) == "3"
    stored = await again.read(lambda tx: (tx.request(pending.id), tx.grant(grant.id), tx.session("s")))
    assert stored[0] is not None
    assert stored[1] is not None
    assert (stored[0].state, stored[1].state, stored[2]) == (RequestState.CANCELLED, GrantState.REVOKED, None)
    assert await again.outbox_depth() == 0
    await again.close()
    with pytest.raises(ConfigError, match="never overwrites"):
        await restore(tmp_path / "backup.db", target, clock, log, rand)


async def test_a_damaged_backup_is_not_restored(
    store: SqliteStore, tmp_path: Path, clock: ManualClock
) -> None:
    for _ in range(20):
        await ask(store)
    backup, target = tmp_path / "backup.db", tmp_path / "restored.db"
    await store.backup(str(backup))
    data = bytearray(backup.read_bytes())
    data[4096 * 3 : 4096 * 12] = b"\xff" * (4096 * 9)
    backup.write_bytes(bytes(data))

    with pytest.raises((StoreFault, ConfigError)):
        await restore(backup, target, clock, journal(SeededRand(1)), rand)
    assert not target.exists()


# --- kill -9


WRITER = """
import asyncio, os, sys
from pathlib import Path
from tests.stores.test_sqlite import SqliteStore, SystemClock, OsRand, journal, SeededRand, a_request, a_draft, sealed, OutboxRow
rand = OsRand()
async def main():
    clock = SystemClock()
    store = SqliteStore(Path(sys.argv[1]), clock, journal(SeededRand(1)))
    await store.open()
    out = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    async def caller():
        while True:
            now = clock.now()
            request = a_request(rand, now)
            def work(tx):
                tx.insert_request(request, sealed(b"x", rand))
                tx.append(a_draft(rand, now, request.id))
                tx.enqueue(OutboxRow("card", f"console/{request.id}", {}, now))
                if request.id.endswith("0"):
                    raise KeyError
            try:
                await store.write(work)
            except KeyError:
                continue
            os.write(out, (request.id + "\\n").encode())
    await asyncio.gather(*(caller() for _ in range(16)))
asyncio.run(main())
"""


async def _kill_and_check(path: Path, acknowledged: Path, runs: int) -> None:
    random = SeededRand(3)
    for _ in range(runs):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(acknowledged)], stderr=subprocess.DEVNULL, cwd=ROOT
        )
        before = acknowledged.stat().st_size if acknowledged.exists() else 0
        for _ in range(2_000):
            if acknowledged.exists() and acknowledged.stat().st_size > before:
                break
            await asyncio.sleep(0.005)
        await asyncio.sleep(int.from_bytes(random.bytes(1)) / 1_500)
        assert writer.poll() is None, "the writer ended by itself"
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()

    store = SqliteStore(path, SystemClock(), journal(SeededRand(1)))
    await store.open()
    assert await store.check() == []
    told = set(acknowledged.read_text().splitlines())
    with closing(sqlite3.connect(path)) as raw:
        stored = {row[0] for row in raw.execute("SELECT id FROM request")}
        leaves = raw.execute("SELECT seq, leaf, leaf_hash, req FROM audit_leaf ORDER BY seq").fetchall()
        boxed = raw.execute("SELECT count(*) FROM outbox").fetchone()[0]
    assert told <= stored
    assert {leaf[3] for leaf in leaves} == stored
    assert [leaf[0] for leaf in leaves] == list(range(len(stored)))
    assert all(leaf_hash(leaf[1]) == leaf[2] for leaf in leaves)
    assert boxed == len(stored)
    assert not any(id.endswith("0") for id in stored)
    size, last = await store.read(lambda tx: tx.audit_head())
    assert (size, last) == (len(leaves), leaves[-1][2])
    note = await store.read(lambda tx: tx.audit_checkpoint())
    assert note is not None
    assert note.split("\n")[1] == str(size)
    await store.close()


async def test_i8_after_a_kill_everything_acknowledged_is_there(path: Path, tmp_path: Path) -> None:
    await _kill_and_check(path, tmp_path / "acknowledged", 3)


@pytest.mark.slow
async def test_i8_after_a_hundred_kills_everything_acknowledged_is_there(path: Path, tmp_path: Path) -> None:
    await _kill_and_check(path, tmp_path / "acknowledged", 100)


async def test_what_another_process_changed_is_seen_by_the_next_write(
    store: SqliteStore, path: Path, clock: ManualClock
) -> None:
    other = SqliteStore(path, clock, journal(SeededRand(2)))
    await other.open()
    await store.write(lambda tx: tx.set_meta("freeze", ""))
    assert await store.write(lambda tx: tx.meta("freeze")) == ""

    await other.write(lambda tx: tx.set_meta("freeze", "stop"))
    await other.close()

    assert await store.write(lambda tx: tx.meta("freeze")) == "stop"


async def test_what_was_rolled_back_is_not_remembered(store: SqliteStore) -> None:
    def fails(tx: Tx) -> None:
        tx.set_meta("freeze", "stop")
        assert tx.meta("freeze") == "stop"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await store.write(fails)

    assert await store.write(lambda tx: tx.meta("freeze")) is None


async def test_a_member_that_failed_leaves_nothing_with_those_committed_beside_it(store: SqliteStore) -> None:
    def fails(tx: Tx) -> None:
        tx.set_meta("freeze", "stop")
        assert tx.meta("freeze") == "stop"
        raise RuntimeError

    answers = await asyncio.gather(
        store.write(fails), store.write(lambda tx: tx.meta("freeze")), return_exceptions=True
    )

    assert isinstance(answers[0], RuntimeError)
    assert answers[1] is None
    assert await store.write(lambda tx: tx.meta("freeze")) is None
