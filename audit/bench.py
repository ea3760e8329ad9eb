"""``signoff audit bench``: the log's speed on this machine and this volume, each figure beside a limit measured in the same run.

The limits are SQLite's own commit rate and bare SHA-256: on a loaded machine the ratios say more than the
numbers. The log that is measured is all votes in requests that stay open, which is the replay's worst case.
Reads the process's clocks and nothing else of the machine; leaves nothing behind.
"""

import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import merkle, standalone
from audit.batch import LedgerBatch
from audit.checkpoint import Ed25519Signer, parse_vkey
from audit.entry import Actor, Draft, EntryType, Outcome, Policy, Rand, Source, seal
from audit.export import export_bundle
from audit.fsck import verify_database
from audit.journal import Journal, row_of
from audit.ledger_sqlite import SCHEMA, SqliteLedger
from audit.query import Query, find
from audit.reader import Reader

ORIGIN: Final = "bench.example/log"
HASH: Final = "sha256:" + "0f" * 32
POLICY_TEXT: Final = b"version: 1\n"
POLICY_HASH: Final = "sha256:" + sha256(POLICY_TEXT).hexdigest()
POLICIES: Final = {POLICY_HASH: (POLICY_TEXT, b'{"rules":[],"v":1}')}
T0: Final = datetime(2026, 1, 1, tzinfo=UTC)
CALLERS: Final = 32
FILL: Final = 4096
"""Entries to a commit where only the size of the log matters, not how it came to be."""

QUERIES, PROOFS, CPU_ENTRIES = 300, 900, 20_000
NO_POINT: Final = "-"

Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: what, the figure, what it is held against, and the ratio of the two (*ratio* as *said*)."""

    goal: str
    figure: str
    baseline: str
    said: str
    value: float
    ratio: float | None = None


@dataclass(slots=True)
class Bench:
    """*entries* is the size of the log that queries, proofs and verification run over; *appends* the number of durable commits."""

    rand: Rand
    entries: int = 200_000
    appends: int = 4_000
    processes: int = 1
    told: Told | None = None
    done: int = 0

    def run(self, directory: Path | None = None) -> list[Figure]:
        """Measure on the volume of *directory*; takes about a kilobyte and a half of it for each entry."""
        signer = Ed25519Signer(ORIGIN, Ed25519PrivateKey.generate())
        log = Journal(ORIGIN, signer, self.rand)
        with TemporaryDirectory(dir=directory) as folder:
            root = Path(folder)
            return [
                *self._durable(root, log),
                self._append_cpu(),
                *self._big(root, log, signer.vkey),
            ]

    @property
    def total(self) -> int:
        return self.appends * (2 + CALLERS // 4) + self.entries * (4 if self.processes == 1 else 6)

    def _step(self, count: int) -> None:
        self.done += count
        if self.told is not None:
            self.told(min(self.done, self.total), self.total)

    def _durable(self, root: Path, log: Journal) -> Iterator[Figure]:
        bare = self._bare(root / "bare.db")
        alone = self._timed_fill(root / "alone.db", log, self.appends, 1)
        count = self.appends * CALLERS // 4
        grouped = self._timed_fill(root / "grouped.db", log, count, CALLERS)
        bare_rate, rate, group_rate = len(bare) / sum(bare), len(alone) / sum(alone), count / sum(grouped)
        yield Figure(
            "durable appends/s, 1 caller",
            f"{rate:.0f} (p50 {statistics.median(alone) * 1e3:.2f} ms)",
            f"bare row {bare_rate:.0f}",
            f"{rate / bare_rate:.2f}x",
            rate,
            rate / bare_rate,
        )
        yield Figure(
            f"durable appends/s, {CALLERS} callers in one commit",
            f"{group_rate:.0f} (p99 {percentile(grouped, 0.99) * 1e3:.1f} ms)",
            f"1 caller {rate:.0f}",
            f"{group_rate / rate:.1f}x",
            group_rate,
            group_rate / rate,
        )

    def _bare(self, path: Path) -> list[float]:
        """One row to a commit, nothing else: what the disk allows."""
        connection = database(path)
        connection.execute("CREATE TABLE bare (n INTEGER PRIMARY KEY, b BLOB) STRICT")
        numbers, blob = iter(range(self.appends)), self.rand(700)
        times = timed(
            lambda: connection.execute("INSERT INTO bare VALUES (?, ?)", (next(numbers), blob)), self.appends
        )
        connection.close()
        self._step(self.appends)
        return times

    def _timed_fill(self, path: Path, log: Journal, count: int, group: int) -> list[float]:
        connection = database(path)
        times = []
        for spent in fill(connection, log, count, group):
            times.append(spent)
            self._step(group)
        connection.close()
        return times

    def _append_cpu(self) -> Figure:
        """One append without a database, and SHA-256 over the same bytes."""
        count = min(CPU_ENTRIES, max(self.entries, 1))
        drafts = [draft(n) for n in range(1, count + 1)]
        prev = bytes(32)
        stack: tuple[bytes, ...] = ()
        leaves: list[bytes] = []
        began = time.process_time()
        for n, one in enumerate(drafts):
            sealed = seal(one, seq=n, prev=prev, last_ts_us=0, origin=ORIGIN, source=Source(), rand=self.rand)
            row_of(one, sealed)
            stack = merkle.push(stack, n, sealed.leaf_hash)
            prev = sealed.leaf_hash
            leaves.append(sealed.leaf)
        spent = (time.process_time() - began) / count * 1e6
        bare = 1e6 / sha_rate(leaves)
        return Figure(
            "append CPU, µs",
            f"{spent:.1f} ({len(leaves[-1])} bytes)",
            f"sha256 {bare:.2f}",
            f"{spent / bare:.1f}x",
            spent,
            spent / bare,
        )

    def _big(self, root: Path, log: Journal, vkey: str) -> Iterator[Figure]:
        connection = database(root / "big.db")
        connection.execute("PRAGMA synchronous = OFF")
        for _ in fill(connection, log, self.entries, FILL):
            self._step(min(FILL, self.entries))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        export_bundle(Reader(connection), root / "bundle", [vkey], policies=POLICIES)
        self._step(self.entries)
        leaves = [leaf for _, leaf, _ in Reader(connection).leaves(0, min(100_000, self.entries))]
        bare = sha_rate(leaves)
        del leaves
        for processes in sorted({1, self.processes}):
            for bytes_only in (False, True):
                yield from self._verify(connection, root / "bundle", vkey, bare, processes, bytes_only)
        yield self._query(connection)
        yield self._proof(connection)
        connection.close()

    def _verify(
        self,
        connection: sqlite3.Connection,
        bundle: Path,
        vkey: str,
        bare: float,
        processes: int,
        bytes_only: bool,
    ) -> Iterator[Figure]:
        def whole_database() -> int:
            return verify_database(
                connection,
                verifiers=[parse_vkey(vkey)],
                expect_size=self.entries,
                processes=processes,
                bytes_only=bytes_only,
            ).exit

        def whole_bundle() -> int:
            return standalone.verify(
                bundle, [vkey], [], self.entries, processes=processes, bytes_only=bytes_only
            ).exit

        how = f"{processes} process{'es' if processes > 1 else ''}, {'bytes only' if bytes_only else 'all checks'}"
        for name, work in (("the database", whole_database), ("a bundle", whole_bundle)):
            began = time.perf_counter()
            code = work()
            rate = self.entries / (time.perf_counter() - began)
            if code:
                raise RuntimeError(f"the log that was just written does not verify ({code})")
            self._step(self.entries // 2)
            yield Figure(
                f"verify {name}, entries/s ({how})",
                f"{rate:.0f}",
                f"sha256 {bare:.0f}",
                f"{bare / rate:.1f}x slower",
                rate,
                bare / rate,
            )

    def _query(self, connection: sqlite3.Connection) -> Figure:
        query = Query(actor=f"p_{5:022d}", type="vote.cast", resource="postgres:prod-customers", limit=50)
        scan = timed(
            lambda: connection.execute(
                "SELECT seq FROM audit_leaf NOT INDEXED WHERE actor = ? AND type = ? AND outcome = 'none' LIMIT 50",
                (f"p_{5:022d}", "vote.cast"),
            ).fetchall(),
            1,
        )[0]
        found = timed(lambda: find(connection, query), QUERIES)
        p50, p99 = statistics.median(found), percentile(found, 0.99)
        return Figure(
            f"query of 50 over {self.entries}, three conditions",
            f"p50 {p50 * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms",
            f"scan {scan * 1e3:.0f} ms",
            f"{scan / p50:.0f}x",
            p99 * 1e3,
            scan / p50,
        )

    def _proof(self, connection: sqlite3.Connection) -> Figure:
        reader = Reader(connection)
        places = iter([n * 7919 % self.entries for n in range(PROOFS)])
        proofs = timed(lambda: reader.proof(next(places)), PROOFS)
        p50, p99 = statistics.median(proofs), percentile(proofs, 0.99)
        size = len(reader.proof(self.entries // 2, with_leaf=False).text)
        return Figure(
            f"inclusion proof over {self.entries}",
            f"p50 {p50 * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms",
            f"file of {size} bytes",
            NO_POINT,
            p99 * 1e3,
        )


def draft(n: int) -> Draft:
    """A vote, which is the widest of the frequent entries; every hundred make one request."""
    if n % 100 == 0:
        return Draft(
            EntryType.REQUEST_CREATED,
            f"e-{n}",
            Outcome.PENDING,
            Actor("agent", "agent:etl", "key"),
            T0 + timedelta(milliseconds=n),
            request=f"req_{n // 100:026d}",
            data={"payload_hash": HASH, "action": f"db.x{n % 700}", "resource": f"pg:t{n % 900}"},
        )
    return Draft(
        EntryType.VOTE_CAST,
        f"0192f000-0000-7000-8000-{n:012d}",
        Outcome.SUCCESS,
        Actor("human", f"p_{n % 97:022d}", "slack+webauthn"),
        T0 + timedelta(milliseconds=n),
        request=f"req_{n // 100:026d}",
        policy=Policy("prod-2of3", 17, POLICY_HASH),
        data={
            "choice": "approve",
            "groups": ["data-owners"],
            "payload_hash": HASH,
            "surface": "slack",
            "action": "db.export",
            "resource": "postgres:prod-customers",
        },
    )


def database(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(SCHEMA)
    return connection


def fill(connection: sqlite3.Connection, log: Journal, count: int, group: int) -> Iterator[float]:
    """Append *count* entries, *group* to a commit; the seconds of each commit."""
    for start in range(0, count, group):
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        batch = LedgerBatch(SqliteLedger(connection))
        for n in range(start, min(count, start + group)):
            log.append(batch, draft(n))
        log.checkpoint(batch, T0)
        connection.execute("COMMIT")
        yield time.perf_counter() - began


def sha_rate(leaves: list[bytes]) -> float:
    began = time.process_time()
    for leaf in leaves:
        sha256(leaf).digest()
    return len(leaves) / max(time.process_time() - began, 1e-9)


def percentile(values: list[float], p: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p))]


def timed(work: Callable[[], object], rounds: int) -> list[float]:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return times
