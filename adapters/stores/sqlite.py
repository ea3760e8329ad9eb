"""The embedded store: one SQLite file, one writer connection, group commit. The ``Store`` port's durable half.

Whatever waits is run as one function on the writer's thread inside one transaction, first without savepoints; when
a member raises, everything is rolled back and run again with one SAVEPOINT a member, so that each gets its own
answer (I8: an answer means it is on disk; T36: transitions are serial). WAL with ``synchronous=FULL``, asserted after
opening: with NORMAL, acknowledged commits vanish at a power cut (trap 10). Reads run on connections of their own and
never wait for a writer. Deliberately absent: any rule; see ``rules`` and ``schema``.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import aiosqlite

from adapters.stores import sqlite_outbox
from adapters.stores.lane import Done, Failed, Lane, Outcome, Work, on_thread
from adapters.stores.roll import DATA_VERSION, Roll
from adapters.stores.rules import to_us
from adapters.stores.schema import LATEST, MIGRATIONS
from adapters.stores.seal import Mac, RowSeal
from adapters.stores.sqlite_tx import SET_STATE, STATE, Batch, SqliteReadTx, SqliteTx, translate
from audit.batch import LedgerBatch
from audit.journal import Journal
from audit.ledger_sqlite import SqliteLedger
from bot.core.ids import AgentId
from bot.core.people import Agent, AgentKey
from bot.errors import ConfigError, StoreFault, Unknown
from bot.ports import Clock, OutboxRow, ReadTx, Tx

T = TypeVar("T")

WAITING_MAX: Final = 4_096
"""Writes that may wait: at 4,000 a second one second's worth, after which waiting helps nobody."""
TOGETHER_MAX: Final = 256
"""Members of one commit. Beyond it the fsync is paid for and latency only grows."""
BUSY_MS: Final = 2_000
"""How long another process may hold the lock before callers hear ``Busy`` (T52)."""
CACHE_KIB: Final = 32_768
KNOWN_MAX: Final = 16_384
"""Small rows and counts kept between batches, four an agent; a kilobyte each."""
CHECKPOINT_PAGES: Final = 4_096
"""The write-ahead log is copied into the file every 16 MiB: four times rarer than by default, at which every tenth
commit of a burst waits for it."""
FORGET_SECONDS: Final = 10.0
FORGET_PAUSE: Final = 0.1
SAFE_VERSION: Final = (3, 51, 3)
"""The first SQLite without the WAL-reset bug (T53)."""
APPLICATION_ID: Final = 0x53676E66
"""``Sgnf`` in the file's header, so that no other application's file is taken for ours."""

_log: Final = logging.getLogger(__name__)


class SqliteStore:
    """``Store`` over the file at *path*, which is created (owner only) when it is missing. *mac* is keyed from outside the database and
    seals the rows (``adapters.stores.seal``); every process of an installation gives the same."""

    def __init__(
        self, path: Path, clock: Clock, journal: Journal, *, readers: int = 2, mac: Mac | None = None
    ) -> None:
        self.path = path
        self._clock = clock
        self._journal = journal
        self._seal = RowSeal(mac)
        self._readers_count = readers
        self._writer: Lane[SqliteTx] | None = None
        self._readers: list[Lane[SqliteReadTx]] = []
        self._roll: Roll | None = None
        self._raw: sqlite3.Connection | None = None
        self._mark_us = 0
        self._known: dict[tuple[str, str], Any] = {}
        self._known_version = -1
        self._wants_truncation = False

    # --- life

    async def open(self) -> None:
        """Create or migrate, assert durability, start the writer and the readers. ``ConfigError`` for a file that is
        not ours, or newer than this program."""
        warning = version_warning()
        if warning is not None:
            _log.warning(warning)
        _create(self.path)
        writer = await _connect(self.path)
        try:
            self._raw = await on_thread(writer, _prepare_writer, writer, self._clock)
        except BaseException:
            await writer.close()
            raise
        self._writer = Lane(writer, self._run_batch, waiting_max=WAITING_MAX, together_max=TOGETHER_MAX)
        for _ in range(self._readers_count):
            reader = await _connect(self.path)
            raw = await on_thread(reader, _prepare_reader, reader)
            run = self._reader_run(raw)
            self._readers.append(Lane(reader, run, waiting_max=WAITING_MAX, together_max=TOGETHER_MAX))
        self._roll = Roll(self.path, self.read)

    async def close(self) -> None:
        """Finish what waits and close. Harmless the second time."""
        readers, self._readers = self._readers, []
        writer, self._writer = self._writer, None
        roll, self._roll = self._roll, None
        if roll is not None:
            roll.close()
        for reader in readers:
            await reader.close()
        if writer is not None:
            await writer.close()
            self._raw = None

    # --- transactions

    async def write(self, work: Callable[[Tx], T]) -> T:
        answer: T = await self._need_writer().submit(work)
        return answer

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        return await self._read(work)

    async def key_and_agent(self, key_id: str) -> tuple[AgentKey | None, Agent | None]:
        return await self._need_roll().key(key_id)

    async def agent(self, id: AgentId) -> Agent | None:
        return await self._need_roll().agent(id)

    async def _read(self, work: Callable[[SqliteReadTx], T]) -> T:
        if not self._readers:
            raise StoreFault("the store is closed")
        answer: T = await min(self._readers, key=lambda lane: lane.waiting).submit(work)
        return answer

    async def ping(self) -> None:
        """A real commit: it fails when the disk, the lock or the writer does."""
        await self.write(lambda _: None)

    # --- outbox

    async def outbox_claim(self, now: datetime, limit: int, lease: timedelta) -> list[OutboxRow]:
        rows: list[OutboxRow] = await self._need_writer().submit(
            lambda tx: sqlite_outbox.claim(tx, now, limit, lease)
        )
        return rows

    async def outbox_done(self, ids: Sequence[int]) -> None:
        await self._need_writer().submit(lambda tx: sqlite_outbox.done(tx, ids))

    async def outbox_retry(self, id: int, due_at: datetime, error: str) -> None:
        await self._need_writer().submit(lambda tx: sqlite_outbox.retry(tx, id, due_at, error))

    async def outbox_postpone(self, ids: Sequence[int], due_at: datetime) -> None:
        await self._need_writer().submit(lambda tx: sqlite_outbox.postpone(tx, ids, due_at))

    async def outbox_next_due(self) -> datetime | None:
        return await self._read(sqlite_outbox.next_due)

    async def outbox_depth(self) -> int:
        return await self._read(sqlite_outbox.depth)

    # --- operations

    async def backup(self, path: str) -> None:
        """A consistent copy by SQLite's backup interface, from a snapshot that does not hold the writer up. *path* must not
        exist; it appears whole (owner only) or not at all."""
        await asyncio.to_thread(_copy, self.path, Path(path))

    @property
    def journal(self) -> Journal:
        """What writes this store's log, with its keys: for whoever opens another file in its place."""
        return self._journal

    async def forget_deleted(self, seconds: float = FORGET_SECONDS) -> bool:
        """Empty the write-ahead log, in which deleted bytes stay readable; whether it was done within *seconds*. Readers of
        any process may be in the way for as long as they read."""
        self._wants_truncation = True
        async with asyncio.timeout(seconds + BUSY_MS / 1000 + 1):
            for _ in range(max(1, int(seconds / FORGET_PAUSE))):
                await self.ping()
                if not self._wants_truncation:
                    return True
                await asyncio.sleep(FORGET_PAUSE)
        return False

    async def check(self) -> list[str]:
        """What SQLite finds wrong with the file: nothing, when all is well. Reads all of it."""
        return await self._read(_check)

    # --- on the writer's thread

    def _run_batch(self, works: Sequence[Work[SqliteTx]]) -> list[Outcome]:
        try:
            outcomes = self._together(works)
            if outcomes is None:
                outcomes = self._one_by_one(works)
        except sqlite3.Error as e:
            self._roll_back()
            return [Failed(translate(e))] * len(works)
        except Exception as fault:  # noqa: BLE001  such as a head that is gone: no transaction may stay open behind it
            self._roll_back()
            return [Failed(fault)] * len(works)
        self._truncate()
        return outcomes

    def _together(self, works: Sequence[Work[SqliteTx]]) -> list[Outcome] | None:
        """All of *works* in one transaction, or None when one raised and there are others to save from it."""
        batch = self._begin()
        outcomes: list[Outcome] = []
        for work in works:
            tx = SqliteTx(batch, self._seal)
            try:
                outcomes.append(Done(work(tx)))
                tx.finish()
            except Exception as e:  # noqa: BLE001  whatever work raises is its caller's, and rolls back
                self._keep_mark(batch)
                _raise_if_the_world_failed(e)
                self._roll_back()
                return [Failed(e)] if len(works) == 1 else None
        return self._commit(batch, outcomes)

    def _one_by_one(self, works: Sequence[Work[SqliteTx]]) -> list[Outcome]:
        """As ``_together`` with a SAVEPOINT each, so that one member's exception is its own."""
        batch = self._begin()
        outcomes: list[Outcome] = []
        for work in works:
            mark = batch.mark()
            batch.connection.execute("SAVEPOINT member")
            tx = SqliteTx(batch, self._seal)
            try:
                value = work(tx)
                tx.finish()
            except Exception as e:  # noqa: BLE001  as above
                _raise_if_the_world_failed(e)
                batch.connection.execute("ROLLBACK TO member")
                batch.rewind(mark)
                outcomes.append(Failed(e))
            else:
                outcomes.append(Done(value))
            batch.connection.execute("RELEASE member")
        return self._commit(batch, outcomes)

    def _begin(self) -> Batch:
        connection = self._need_raw()
        connection.execute("BEGIN IMMEDIATE")
        mark_us, number = connection.execute(STATE).fetchone()
        ledger = LedgerBatch(SqliteLedger(connection))
        size = ledger.audit_head().size
        return Batch(
            connection,
            self._clock,
            self._journal,
            ledger,
            number + 1,
            max(mark_us, self._mark_us),
            size,
            self._known_now(connection),
        )

    def _known_now(self, connection: sqlite3.Connection) -> dict[tuple[str, str], Any]:
        """The small rows that the last batch knew, unless another connection (another process, an administrator's command)
        has committed since: SQLite counts that in ``data_version``, exactly, once the transaction is open."""
        version = connection.execute(DATA_VERSION).fetchone()[0]
        if version != self._known_version or len(self._known) > KNOWN_MAX:
            self._known, self._known_version = {}, version
        return self._known

    def _commit(self, batch: Batch, outcomes: list[Outcome]) -> list[Outcome]:
        self._keep_mark(batch)
        try:
            batch.settle()
        except Exception as e:  # noqa: BLE001  the head cannot be signed or written: nobody's write stands (I7)
            _raise_if_the_world_failed(e)
            self._roll_back()
            return [Failed(e)] * len(outcomes)
        try:
            batch.connection.execute("COMMIT")
        except sqlite3.Error as e:
            self._settle_failed_commit(batch, e)
        self._wants_truncation |= batch.wants_truncation
        return outcomes

    def _settle_failed_commit(self, batch: Batch, error: sqlite3.Error) -> None:
        """Find out whether a COMMIT that failed was written. Returns when it was; raises when it was not, or ``Unknown``.

        BUSY and FULL come before the commit frame is written. After an I/O error the frame may stand in the log and be
        found by a recovery; the next commit writes over it. So one is made here, and settles the question.
        """
        self._roll_back()
        if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL}:
            raise translate(error) from error
        connection = batch.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            mark_us, number = connection.execute(STATE).fetchone()
            if number >= batch.number:
                connection.execute("ROLLBACK")
                return
            connection.execute(SET_STATE, (mark_us, number))
            connection.execute("COMMIT")
        except sqlite3.Error as e:
            self._roll_back()
            name = error.sqlite_errorname
            raise Unknown(f"a commit failed ({name}) and it cannot be told whether it was written") from e
        raise translate(error) from error

    def _roll_back(self) -> None:
        # SQLITE_FULL and others roll back by themselves; a second ROLLBACK would hide their cause (trap 11).
        self._known = {}  # what a batch saw of itself and then took back
        raw = self._raw
        if raw is not None and raw.in_transaction:
            with suppress(sqlite3.Error):
                raw.execute("ROLLBACK")

    def _keep_mark(self, batch: Batch) -> None:
        # Kept on a rollback too: an instant that was told to somebody never comes again.
        self._mark_us = max(self._mark_us, batch.mark_us)

    def _truncate(self) -> None:
        """Empty the write-ahead log after a shredding: deleted keys stay readable in it until then. A reader may
        be in the way; then the next batch tries again."""
        if self._wants_truncation:
            busy = self._need_raw().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            self._wants_truncation = bool(busy)

    # --- on a reader's thread

    def _reader_run(
        self, connection: sqlite3.Connection
    ) -> Callable[[Sequence[Work[SqliteReadTx]]], list[Outcome]]:
        def run(works: Sequence[Work[SqliteReadTx]]) -> list[Outcome]:
            connection.execute("BEGIN")
            try:
                mark_us = max(connection.execute(STATE).fetchone()[0], self._mark_us)
                return [
                    _read(work, SqliteReadTx(connection, self._clock, mark_us, self._seal)) for work in works
                ]
            finally:
                connection.execute("ROLLBACK")

        return run

    def _need_writer(self) -> Lane[Any]:
        if self._writer is None:
            raise StoreFault("the store is closed")
        return self._writer

    def _need_roll(self) -> Roll:
        if self._roll is None:
            raise StoreFault("the store is closed")
        return self._roll

    def _need_raw(self) -> sqlite3.Connection:
        if self._raw is None:
            raise StoreFault("the store is closed")
        return self._raw


def version_warning() -> str | None:
    """What to tell an operator about this SQLite; None when it is recent enough (T53)."""
    if sqlite3.sqlite_version_info >= SAFE_VERSION:
        return None
    wanted = ".".join(map(str, SAFE_VERSION))
    return (
        f"SQLite {sqlite3.sqlite_version} is older than {wanted}, which fixed a rare corruption of write-ahead logs"
        " that several processes use at once; update it, or keep other programs away from the database file"
    )


def _read(work: Work[SqliteReadTx], tx: SqliteReadTx) -> Outcome:
    try:
        return Done(work(tx))
    except sqlite3.Error as e:
        return Failed(translate(e))
    except Exception as e:  # noqa: BLE001  whatever work raises is its caller's
        return Failed(e)


def _raise_if_the_world_failed(e: Exception) -> None:
    """A fault of the database is everybody's in the batch; any other exception is one member's."""
    if isinstance(e, sqlite3.Error):
        raise translate(e) from e
    if isinstance(e, StoreFault):
        raise e


async def _connect(path: Path) -> aiosqlite.Connection:
    return await aiosqlite.connect(path, isolation_level=None, cached_statements=256)


def _create(path: Path) -> None:
    """An empty file for the owner alone: the log and the shared memory beside it take their mode from it."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as e:
        raise ConfigError(f"the database {path} cannot be opened: {e.strerror}") from e


def _prepare_writer(connection: aiosqlite.Connection, clock: Clock) -> sqlite3.Connection:
    raw = connection._conn  # noqa: SLF001  see lane.on_thread
    try:
        _refuse_strangers(raw)
        _set(raw, "journal_mode", "wal")
        _set(raw, "synchronous", 2)
        _common(raw)
        _set(raw, "secure_delete", 1)
        _set(raw, "wal_autocheckpoint", CHECKPOINT_PAGES)
        _migrate(raw, to_us(clock.now()))
    except sqlite3.Error as e:
        raise translate(e) from e
    return raw


def _prepare_reader(connection: aiosqlite.Connection) -> sqlite3.Connection:
    raw = connection._conn  # noqa: SLF001  see lane.on_thread
    _common(raw)
    _set(raw, "query_only", 1)
    return raw


def _common(raw: sqlite3.Connection) -> None:
    raw.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    _set(raw, "foreign_keys", 1)
    _set(raw, "trusted_schema", 0)
    _set(raw, "cell_size_check", 1)
    _set(raw, "temp_store", 2)
    _set(raw, "cache_size", -CACHE_KIB)


def _set(raw: sqlite3.Connection, pragma: str, value: int | str) -> None:
    """Set *pragma* and read it back: SQLite ignores what it cannot do without a word."""
    raw.execute(f"PRAGMA {pragma} = {value}").fetchall()
    found = raw.execute(f"PRAGMA {pragma}").fetchone()[0]
    if found != value:
        raise ConfigError(f"SQLite refuses {pragma} = {value} for this file (it says {found})")


def _refuse_strangers(raw: sqlite3.Connection) -> None:
    found = raw.execute("PRAGMA application_id").fetchone()[0]
    tables = raw.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if found not in {0, APPLICATION_ID} or (found == 0 and tables):
        raise ConfigError("the database file belongs to another application; choose another path")


def _migrate(raw: sqlite3.Connection, now_us: int) -> None:
    """Bring the schema up to date, one transaction a step. ``ConfigError`` when it is newer than this program."""
    raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    raw.execute(
        "CREATE TABLE IF NOT EXISTS schema_migration (number INTEGER PRIMARY KEY, applied_us INTEGER NOT NULL) STRICT"
    )
    for number, statements in MIGRATIONS:
        raw.execute("BEGIN IMMEDIATE")
        try:
            current = raw.execute("SELECT coalesce(max(number), 0) FROM schema_migration").fetchone()[0]
            if current > LATEST:
                raise ConfigError(
                    f"the database has schema {current}, this program knows {LATEST}: install the newer version"
                )
            if current < number:
                for statement in statements:
                    raw.execute(statement)
                raw.execute("INSERT INTO schema_migration VALUES (?, ?)", (number, now_us))
            raw.execute("COMMIT")
        except BaseException:
            if raw.in_transaction:
                raw.execute("ROLLBACK")
            raise


def _check(tx: SqliteReadTx) -> list[str]:
    found = [str(row[0]) for row in tx.rows("PRAGMA integrity_check(20)")]
    orphans = [f"{row[0]}: a row refers to a missing {row[2]}" for row in tx.rows("PRAGMA foreign_key_check")]
    return [line for line in found if line != "ok"] + orphans


def _copy(source: Path, target: Path) -> None:
    if target.exists():
        raise ConfigError(f"{target} exists; a backup never overwrites")
    partial = target.with_name(target.name + ".partial")
    try:
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(partial)) as copy:
            live.execute("PRAGMA query_only = 1")
            live.backup(copy)
            if copy.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise StoreFault("the copy is damaged; the backup was not kept")
        sync(partial)
        partial.rename(target)
        sync(target.parent)
    except sqlite3.Error as e:
        raise translate(e) from e
    except OSError as e:
        raise StoreFault(f"the backup {target} cannot be written: {e.strerror}") from e
    finally:
        for left in (
            partial,
            partial.with_name(partial.name + "-wal"),
            partial.with_name(partial.name + "-shm"),
        ):
            left.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Bring *path*, a file or a directory, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
