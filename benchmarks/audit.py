"""The audit log against its limits, in the same run: SQLite's own commit rate, and bare SHA-256.

    python benchmarks/audit.py [--entries N] [--appends N] [--dir DIR] [--json]

Prints, for each goal of the design, the figure, the baseline measured beside it and the ratio.
*--entries* is the size of the log that queries, proofs and verification run over.
"""

import argparse
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from audit import merkle
from audit.batch import LedgerBatch
from audit.checkpoint import Ed25519Signer, parse_vkey
from audit.entry import Actor, Draft, EntryType, Outcome, Policy
from audit.export import export_bundle
from audit.fsck import verify_database
from audit.journal import Journal, row_of
from audit.ledger_sqlite import SCHEMA, SqliteLedger
from audit.query import Query, find
from audit.reader import Reader
from audit.standalone import verify

ORIGIN = "bench.example/log"
HASH = "sha256:" + "0f" * 32
POLICY_TEXT = b"version: 1\n"
POLICY_HASH = "sha256:" + sha256(POLICY_TEXT).hexdigest()
T0 = datetime(2026, 1, 1, tzinfo=UTC)
SIGNER = Ed25519Signer(ORIGIN, Ed25519PrivateKey.generate())
JOURNAL = Journal(ORIGIN, SIGNER, os.urandom)


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


def fill(connection: sqlite3.Connection, count: int, group: int) -> list[float]:
    """Append *count* entries, *group* to a commit; the seconds of each commit."""
    times = []
    for start in range(0, count, group):
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        batch = LedgerBatch(SqliteLedger(connection))
        for n in range(start, min(count, start + group)):
            JOURNAL.append(batch, draft(n))
        JOURNAL.checkpoint(batch, T0)
        connection.execute("COMMIT")
        times.append(time.perf_counter() - began)
    return times


def bare_commits(path: Path, count: int) -> list[float]:
    """One row to a commit, nothing else: what the disk allows."""
    connection = database(path)
    connection.execute("CREATE TABLE bare (n INTEGER PRIMARY KEY, b BLOB) STRICT")
    times, blob = [], os.urandom(700)
    for n in range(count):
        began = time.perf_counter()
        connection.execute("INSERT INTO bare VALUES (?, ?)", (n, blob))
        times.append(time.perf_counter() - began)
    connection.close()
    return times


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


def append_cpu(count: int = 20_000) -> tuple[float, float, int]:
    """Microseconds of one append without a database, of SHA-256 over the same bytes, and the leaf's size."""
    from audit.entry import Source, seal

    drafts = [draft(n) for n in range(1, count + 1)]
    prev, stack, leaves, source = bytes(32), (), [], Source()
    began = time.process_time()
    for n, one in enumerate(drafts):
        sealed = seal(one, seq=n, prev=prev, last_ts_us=0, origin=ORIGIN, source=source, rand=os.urandom)
        row_of(one, sealed)
        stack = merkle.push(stack, n, sealed.leaf_hash)
        prev = sealed.leaf_hash
        leaves.append(sealed.leaf)
    append = (time.process_time() - began) / count * 1e6
    began = time.process_time()
    for leaf in leaves:
        sha256(leaf).digest()
    return append, (time.process_time() - began) / count * 1e6, len(leaves[-1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--appends", type=int, default=4_000)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows: list[tuple[str, str, str, str]] = []
    with tempfile.TemporaryDirectory(dir=arguments.dir) as folder:
        root = Path(folder)
        bare = bare_commits(root / "bare.db", arguments.appends)
        alone_db, grouped_db = database(root / "alone.db"), database(root / "grouped.db")
        alone = fill(alone_db, arguments.appends, 1)
        grouped = fill(grouped_db, arguments.appends * 8, 32)
        alone_db.close()
        grouped_db.close()
        bare_rate, alone_rate, group_rate = (
            n / sum(t) for n, t in ((len(bare), bare), (len(alone), alone), (arguments.appends * 8, grouped))
        )
        rows.append(
            (
                "durable appends/s, one to a commit",
                f"{alone_rate:.0f} (p50 {statistics.median(alone) * 1e3:.2f} ms)",
                f"bare row {bare_rate:.0f}",
                f"{alone_rate / bare_rate:.2f}x",
            )
        )
        rows.append(
            (
                "durable appends/s, 32 to a commit",
                f"{group_rate:.0f} (p99 {percentile(grouped, 0.99) * 1e3:.1f} ms)",
                f"one to a commit {alone_rate:.0f}",
                f"{group_rate / alone_rate:.1f}x",
            )
        )
        cpu, bare_sha, size = append_cpu()
        rows.append(
            (
                "append CPU, µs",
                f"{cpu:.1f} ({size} bytes)",
                f"sha256 {bare_sha:.2f}",
                f"{cpu / bare_sha:.1f}x",
            )
        )

        connection = database(root / "big.db")
        connection.execute("PRAGMA synchronous = OFF")
        fill(connection, arguments.entries, 4096)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        leaves = [leaf for _, leaf, _ in Reader(connection).leaves(0, min(100_000, arguments.entries))]
        began = time.perf_counter()
        for leaf in leaves:
            sha256(leaf).digest()
        sha_rate = len(leaves) / (time.perf_counter() - began)
        began = time.perf_counter()
        report = verify_database(
            connection, verifiers=[parse_vkey(SIGNER.vkey)], expect_size=arguments.entries
        )
        rate = arguments.entries / (time.perf_counter() - began)
        assert report.ok, report.findings[:3]
        rows.append(
            (
                "verify the database, entries/s (all checks)",
                f"{rate:.0f}",
                f"sha256 {sha_rate:.0f}",
                f"{sha_rate / rate:.1f}x slower",
            )
        )
        export_bundle(
            Reader(connection),
            root / "bundle",
            [SIGNER.vkey],
            policies={POLICY_HASH: (POLICY_TEXT, b'{"rules":[],"v":1}')},
        )
        began = time.perf_counter()
        result = verify(root / "bundle", [SIGNER.vkey], [], arguments.entries)
        rate = arguments.entries / (time.perf_counter() - began)
        assert result.exit == 0, result.findings[:3]
        rows.append(
            (
                "verify a bundle, entries/s (stand-alone, all checks)",
                f"{rate:.0f}",
                f"sha256 {sha_rate:.0f}",
                f"{sha_rate / rate:.1f}x slower",
            )
        )

        key = parse_vkey(SIGNER.vkey)
        for processes, bytes_only in ((1, True), (2, False), (2, True)):
            what = f"{processes} processes, {'bytes only' if bytes_only else 'all checks'}"
            began = time.perf_counter()
            report = verify_database(
                connection,
                verifiers=[key],
                expect_size=arguments.entries,
                processes=processes,
                bytes_only=bytes_only,
            )
            database_rate = arguments.entries / (time.perf_counter() - began)
            began = time.perf_counter()
            result = verify(
                root / "bundle",
                [SIGNER.vkey],
                [],
                arguments.entries,
                processes=processes,
                bytes_only=bytes_only,
            )
            bundle_rate = arguments.entries / (time.perf_counter() - began)
            assert report.ok
            assert result.exit == 0
            for name, rate in (("database", database_rate), ("bundle", bundle_rate)):
                rows.append(
                    (
                        f"verify the {name}, entries/s ({what})",
                        f"{rate:.0f}",
                        f"sha256 {sha_rate:.0f}",
                        f"{sha_rate / rate:.1f}x slower",
                    )
                )

        query = Query(actor=f"p_{5:022d}", type="vote.cast", resource="postgres:prod-customers", limit=50)
        scan = timed(
            lambda: connection.execute(
                "SELECT seq FROM audit_leaf NOT INDEXED WHERE actor = ? AND type = ? AND outcome = 'none' LIMIT 50",
                (f"p_{5:022d}", "vote.cast"),
            ).fetchall(),
            1,
        )
        found = timed(lambda: find(connection, query), 300)
        rows.append(
            (
                f"query of 50 over {arguments.entries}, three conditions",
                f"p50 {statistics.median(found) * 1e3:.2f} ms, p99 {percentile(found, 0.99) * 1e3:.2f} ms",
                f"scan {scan[0] * 1e3:.0f} ms",
                f"{scan[0] / statistics.median(found):.0f}x",
            )
        )
        reader = Reader(connection)
        step = max(1, arguments.entries // 997)
        places = iter(list(range(0, arguments.entries, step)) * 2)
        proofs = timed(lambda: reader.proof(next(places)), 900)
        rows.append(
            (
                "inclusion proof",
                f"p50 {statistics.median(proofs) * 1e3:.2f} ms, p99 {percentile(proofs, 0.99) * 1e3:.2f} ms",
                f"file of {len(reader.proof(5, with_leaf=False).text)} bytes",
                "-",
            )
        )
        connection.close()
    if arguments.json:
        print(
            json.dumps(
                [dict(zip(("goal", "figure", "baseline", "ratio"), row, strict=True)) for row in rows],
                ensure_ascii=False,
                indent=1,
            )
        )
        return
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
