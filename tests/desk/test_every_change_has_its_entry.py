"""I7 and I9 over everything the desk can do: each change and each reveal writes its entry in its own transaction, and whatever
keeps the entry from being written keeps the change from happening.

The calls are enumerated from the desk's own protocol, the moves from the tables of states, the writes from the store's protocol:
one that is added without its case here fails these tests. The faults are real: a full database file, a trigger that raises, a
head row that was changed or is gone, signing and sealing keys that are away.
"""

from __future__ import annotations

import inspect
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from adapters.stores.rules import GRANT_MOVES
from adapters.stores.sqlite import SqliteStore
from audit.disclosure import DisclosureError, GcmSealer, LocalKeyWrap
from audit.fsck import verify_database
from audit.journal import Journal, JournalError
from bot.core.reasons import Reason, Refused
from bot.core.request import GrantState, RequestState
from bot.desk.api import Desk as DeskProtocol
from bot.errors import KeyUnavailable, SignoffError
from bot.ports import ReadTx, Tx
from tests.desk.every_call import CASES, NOT_JOURNALLED, READS, read_all
from tests.support.clock import ManualClock
from tests.support.keys import journal
from tests.support.office import Desk, close_desk, library_on, open_desk
from tests.support.rand import SeededRand

WRITES = (
    {name for name in vars(Tx) if not name.startswith("_")} - {name for name in vars(ReadTx)} - {"append"}
)
HOUSEKEEPING = {
    "enqueue": "what is to be told; the change it tells of is another write of the same transaction",
    "put_chat_ref": "where a message stands on a platform",
    "forget": "expired sessions, old idempotency keys, old window amounts: nothing that anybody may still use",
    "put_session": "moves seen_at; opening one goes through open_session, whose case is here",
}
"""Writes that may stand in a transaction without an entry, each with the reason."""


@dataclass
class Watched:
    """A store that remembers, per transaction that committed, which writes it made and which entries it appended."""

    inner: SqliteStore
    transactions: list[tuple[Counter[str], list[str]]] = field(default_factory=list)
    moves: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def write(self, work: Callable[[Tx], Any]) -> Any:
        seen: dict[str, Any] = {}

        def watched(tx: Tx) -> Any:
            # A batch may be run again, so only the last run counts.
            seen.update(writes=Counter(), entries=[], moves=[])
            return work(_WatchedTx(tx, seen))

        answer = await self.inner.write(watched)
        self.transactions.append((seen["writes"], seen["entries"]))
        self.moves += seen["moves"]
        return answer


class _WatchedTx:
    def __init__(self, tx: Tx, seen: dict[str, Any]) -> None:
        self._tx, self._seen = tx, seen

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._tx, name)
        if name not in WRITES and name != "append":
            return method

        def call(*args: Any, **kw: Any) -> Any:
            if name == "append":
                self._seen["entries"].append(args[0].type.value)
            else:
                self._seen["writes"][name] += 1
                self._move(name, args)
            return method(*args, **kw)

        return call

    def _move(self, name: str, args: tuple[Any, ...]) -> None:
        old = ""
        if name in {"update_request", "update_grant"}:
            found = self._tx.request(args[0].id) if name == "update_request" else self._tx.grant(args[0].id)
            assert found is not None
            old = found.state.value
        elif name not in {"insert_request", "insert_grant"}:
            return
        if old != args[0].state.value:
            self._seen["moves"].append(f"{old}>{args[0].state.value}")


class Removable:
    """The log's signer, which can be taken away, as a key server can be."""

    def __init__(self, signer: Any) -> None:
        self._signer, self.vkey, self.away = signer, signer.vkey, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._signer, name)

    def sign(self, text: bytes) -> bytes:
        if self.away:
            raise KeyUnavailable("the log's key is away")
        return self._signer.sign(text)


class RemovableKek:
    """The key that wraps the data keys, which can be taken away."""

    current = "kek-test"

    def __init__(self, rand: SeededRand) -> None:
        self._wrap, self.away = LocalKeyWrap("kek-test", {"kek-test": rand.bytes(32)}), False

    def wrap(self, dek: bytes) -> bytes:
        self._check()
        return self._wrap.wrap(dek)

    def unwrap(self, kek_id: str, wrapped: bytes) -> bytes:
        self._check()
        return self._wrap.unwrap(kek_id, wrapped)

    def _check(self) -> None:
        if self.away:
            raise DisclosureError("the key-encryption key is away")


@dataclass
class World:
    desk: Desk
    store: Watched
    file: Path
    signer: Removable
    kek: RemovableKek

    def rows(self) -> dict[str, list[Any]]:
        """Everything in the database but the mark of time and the count of batches."""
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as connection:
            names = [
                row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            ]
            return {
                n: connection.execute(f"SELECT * FROM {n}").fetchall() for n in names if n != "store_state"
            }


@pytest.fixture
async def world(tmp_path: Path):
    clock, rand = ManualClock(), SeededRand(11)
    plain = journal(rand)
    signer, kek = Removable(plain.signer), RemovableKek(rand)
    writer = Journal(plain.origin, signer, rand.bytes, sealer=GcmSealer(kek, rand.bytes))  # type: ignore[arg-type]
    file = tmp_path / "signoff.sqlite3"
    store = Watched(SqliteStore(file, clock, writer))
    desk = await open_desk(tmp_path, store, clock, library_on(store.inner))  # type: ignore[arg-type]
    yield World(desk, store, file, signer, kek)
    await close_desk(desk)


def calls() -> set[str]:
    return {
        name
        for name, found in inspect.getmembers(DeskProtocol, inspect.isfunction)
        if not name.startswith("_")
    }


def call_of(case: str) -> str:
    return case.partition(":")[0]


# --- nothing is missing


def test_every_call_of_the_desk_has_a_case_or_only_reads():
    assert {call_of(name) for name in CASES} | READS == calls()
    assert {call_of(name) for name in CASES} & READS == set()


def test_every_move_of_a_request_and_of_a_grant_has_a_case():
    possible = {f"pending>{state}" for state in RequestState if state is not RequestState.PENDING}
    possible |= {f"{old}>{new}" for old, new in GRANT_MOVES}
    covered = {move for case in CASES.values() for move in case.moves if not move.startswith(">")}

    assert covered == possible
    begun = {move for case in CASES.values() for move in case.moves if move.startswith(">")}
    assert begun == {f">{RequestState.PENDING}", f">{GrantState.ISSUED}"}


def test_only_the_named_calls_change_something_without_an_entry():
    assert {call_of(name) for name, case in CASES.items() if not case.entries} == set(NOT_JOURNALLED)
    assert set(HOUSEKEEPING) < WRITES


# --- each one


@pytest.mark.parametrize("name", CASES)
async def test_i7_the_call_writes_its_entries_in_the_transaction_of_its_change(world: World, name: str):
    case = CASES[name]
    act = await case.prepare(world.desk)
    world.store.transactions.clear()
    world.store.moves.clear()
    size = len(world.rows()["audit_leaf"])

    await act()

    assert [entry for _, entries in world.store.transactions for entry in entries] == list(case.entries)
    assert len(world.rows()["audit_leaf"]) == size + len(case.entries)
    assert tuple(world.store.moves) == case.moves
    for writes, entries in world.store.transactions:
        changing = set(writes) - set(HOUSEKEEPING)
        assert entries or not changing, f"{changing} without an entry"


async def test_the_reading_calls_write_nothing(world: World):
    readers = await read_all(world.desk)
    assert set(readers) | {"changes"} == READS
    before = world.rows()
    world.store.transactions.clear()

    for read in readers.values():
        await read()

    assert world.rows() == before
    assert all(not writes and not entries for writes, entries in world.store.transactions)


# --- whatever keeps the entry away keeps the change away


@contextmanager
def _sql(world: World, *statements: str) -> Iterator[None]:
    """Done to the file by somebody else, with no trigger of ours in his way; undone afterwards."""
    with closing(sqlite3.connect(world.file, isolation_level=None, timeout=2)) as other:
        triggers = other.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit_head'"
        ).fetchall()
        head = other.execute("SELECT * FROM audit_head").fetchall()
        for trigger, _ in triggers:
            other.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            other.execute(statement)
        yield
        other.execute("DROP TRIGGER IF EXISTS broken")
        other.execute("DROP TABLE IF EXISTS grown")
        other.execute("DELETE FROM audit_head")
        other.executemany("INSERT INTO audit_head VALUES (?, ?, ?, ?, ?)", head)
        for _, sql in triggers:
            other.execute(sql)


@asynccontextmanager
async def full(world: World) -> AsyncIterator[None]:
    """Not one page more than the entry needs: SQLite itself says that the disk is full (SQLITE_FULL), while it writes the leaf."""
    grown = "INSERT INTO grown VALUES (randomblob(300000))"
    with _sql(
        world,
        "CREATE TABLE grown (data BLOB)",
        f"CREATE TRIGGER broken AFTER INSERT ON audit_leaf BEGIN {grown}; END",
    ):
        pages = await _on_writer(world, "PRAGMA page_count")
        before = await _on_writer(world, "PRAGMA max_page_count")
        await _on_writer(world, f"PRAGMA max_page_count = {pages + 20}")
        yield
        await _on_writer(world, f"PRAGMA max_page_count = {before}")
        with (
            closing(sqlite3.connect(world.file, isolation_level=None)) as other,
            pytest.raises(sqlite3.Error),
        ):
            other.execute(f"PRAGMA max_page_count = {pages + 20}")
            other.execute(grown)


async def _on_writer(world: World, statement: str) -> int:
    """On the store's own connection, to which this setting belongs."""
    inner = world.store.inner
    return await inner._need_writer().on_thread(lambda: inner._need_raw().execute(statement).fetchone()[0])


@asynccontextmanager
async def raising(world: World) -> AsyncIterator[None]:
    with _sql(
        world,
        "CREATE TRIGGER broken BEFORE INSERT ON audit_leaf BEGIN SELECT RAISE(ABORT, 'no audit today'); END",
    ):
        yield


@asynccontextmanager
async def head_behind(world: World) -> AsyncIterator[None]:
    """The head row says one entry less than there are: the next would overwrite it."""
    with _sql(world, "UPDATE audit_head SET size = size - 1"):
        yield


@asynccontextmanager
async def head_gone(world: World) -> AsyncIterator[None]:
    with _sql(world, "DELETE FROM audit_head"):
        yield


@asynccontextmanager
async def head_cannot_be_kept(world: World) -> AsyncIterator[None]:
    """The entry can be written, its signed head cannot."""
    with _sql(
        world, "CREATE TRIGGER broken BEFORE INSERT ON audit_checkpoint BEGIN SELECT RAISE(ABORT, 'no'); END"
    ):
        yield


@asynccontextmanager
async def signing_key_away(world: World) -> AsyncIterator[None]:
    world.signer.away = True
    yield
    world.signer.away = False


FAULTS = (full, raising, head_behind, head_gone, head_cannot_be_kept, signing_key_away)
JOURNALLED = [name for name, case in CASES.items() if case.entries]


@pytest.mark.parametrize("name", JOURNALLED)
async def test_i9_no_entry_no_change_whatever_keeps_the_entry_away(world: World, name: str):
    act = await CASES[name].prepare(world.desk)
    policy = world.desk.office.book.policy
    for fault in FAULTS:
        async with fault(world):
            before = world.rows()
            answer = await _refused(act)
            assert world.rows() == before, fault.__name__
        assert answer, f"{fault.__name__}: the call said that it was done"
        assert world.desk.office.book.policy is policy
    world.store.transactions.clear()

    await act()

    assert [entry for _, entries in world.store.transactions for entry in entries] == list(
        CASES[name].entries
    )
    with closing(sqlite3.connect(world.file)) as connection:
        assert verify_database(connection).findings == []


SEALING = [
    name
    for name in JOURNALLED
    if call_of(name) in {"freeze", "add_person", "link_account"} and "refused" not in name
] + ["vote: a denial"]


@pytest.mark.parametrize("name", SEALING)
async def test_i9_without_the_key_that_seals_private_values_nothing_happens(world: World, name: str):
    act = await CASES[name].prepare(world.desk)
    world.kek.away = True
    before = world.rows()

    assert await _refused(act)
    assert world.rows() == before

    world.kek.away = False
    await act()
    assert world.rows() != before


async def _refused(act: Callable[[], Any]) -> bool:
    """Whether the call ended without saying that it was done."""
    try:
        answer = await act()
    except (SignoffError, JournalError, DisclosureError, sqlite3.Error):
        return True
    return isinstance(answer, Refused) and answer.reason is Reason.AUDIT_UNAVAILABLE
