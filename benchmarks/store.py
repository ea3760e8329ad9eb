"""Durable intake transactions a second: the store's group commit against two limits, in the same run.

    python -m benchmarks.store [--seconds 3] [--callers 64] [--rounds 3]

* ``bare``: stdlib sqlite3 in one thread, the same number of rows as bare inserts into tables without constraints,
  one commit per *callers* transactions: what the disk and SQLite themselves can do.
* ``single``: the store, one caller: a commit for each transaction.
* ``group``: the store, *callers* concurrent callers: group commit.

A transaction is what an ask costs: a request, its sealed body, an idempotency key, two journal entries with one signed
head a commit, two outbox rows. Rounds are interleaved; ratios are of medians.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.stores.sqlite import SqliteStore
from audit.checkpoint import Ed25519Signer
from audit.entry import Actor, Draft, EntryType, Outcome
from audit.journal import Journal
from bot import mint
from bot.clock import SystemClock
from bot.ports import OutboxRow, Sealed, Tx
from bot.rand import OsRand
from tests.support.things import AGENT, HASH, a_request

CLOCK, RAND = SystemClock(), OsRand()
ORIGIN = "audit.bench.example/log"


def _ask() -> Callable[[Tx], None]:
    """One ask's writes; what the desk would have computed already is computed here, outside the transaction."""
    now = CLOCK.now()
    request = a_request(RAND, now, document='{"leaves":' + json.dumps(["x" * 40] * 12) + "}")
    body = Sealed("kek-000001-abcdef01", RAND.bytes(60), RAND.bytes(12), RAND.bytes(900))
    fingerprint = RAND.bytes(32)
    key = request.id[4:]
    drafts = [
        Draft(
            type=kind,
            id=mint.entry_id(now, RAND),
            outcome=Outcome.PENDING,
            actor=Actor("agent", "export-bot"),
            ts=now,
            request=request.id,
            data={"payload_hash": HASH, "action": "db.export", "resource": "postgres"},
        )
        for kind in (EntryType.REQUEST_CREATED, EntryType.REQUEST_MASKED)
    ]

    def work(tx: Tx) -> None:
        if tx.idempotent(AGENT, key) is not None:
            raise AssertionError
        at = tx.now()
        tx.insert_request(request, body)
        tx.remember_idempotent(AGENT, key, fingerprint, request.id, at)
        for draft in drafts:
            tx.append(draft)
        for surface in ("console", "slack:#approvals"):
            tx.enqueue(OutboxRow("card", f"{surface}/{request.id}", {"version": 1}, at))

    return work


async def store_rate(path: Path, callers: int, seconds: float) -> tuple[float, float, float]:
    """Transactions a second, and the 50th and 99th percentile of one, in milliseconds."""
    signer = Ed25519Signer(ORIGIN, Ed25519PrivateKey.generate())
    store = SqliteStore(path, CLOCK, Journal(ORIGIN, signer, RAND.bytes))
    await store.open()
    took: list[float] = []
    end = time.perf_counter() + seconds

    async def caller() -> None:
        while (start := time.perf_counter()) < end:
            await store.write(_ask())
            took.append(time.perf_counter() - start)

    start = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    spent = time.perf_counter() - start
    size, _ = await store.read(lambda tx: tx.audit_head())
    assert size == 2 * len(took), "acknowledged and stored differ"
    await store.close()
    cuts = statistics.quantiles(took, n=100)
    return len(took) / spent, cuts[49] * 1_000, cuts[98] * 1_000


def bare_rate(path: Path, group: int, seconds: float) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    for name, width in (("request", 900), ("body", 1_000), ("key", 80), ("leaf", 600), ("box", 120)):
        connection.execute(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, name TEXT, data BLOB) -- {width}")
    statements = {
        name: f"INSERT INTO {name} (name, data) VALUES (?, ?)"
        for name in ("request", "body", "key", "leaf", "box")
    }
    sizes = {"request": (900, 1), "body": (1_000, 1), "key": (80, 1), "leaf": (600, 2), "box": (120, 2)}
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        connection.execute("BEGIN IMMEDIATE")
        for name, (width, times) in sizes.items():
            connection.executemany(statements[name], [(f"{done}", b"x" * width)] * (group * times))
        connection.execute("COMMIT")
        done += group
    rate = done / (time.perf_counter() - start)
    connection.close()
    return rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    bare, single, group = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for round_ in range(options.rounds):
            place = Path(folder)
            bare.append(bare_rate(place / f"bare{round_}.db", options.callers, options.seconds))
            single.append(uvloop.run(store_rate(place / f"single{round_}.db", 1, options.seconds)))
            group.append(
                uvloop.run(store_rate(place / f"group{round_}.db", options.callers, options.seconds))
            )
    bare_median = statistics.median(bare)
    print(
        f"SQLite {sqlite3.sqlite_version}, {options.callers} callers, {options.rounds} rounds of {options.seconds} s"
    )
    print(f"{'':8}{'tx/s':>10}{'p50 ms':>10}{'p99 ms':>10}{'of bare':>10}")
    print(f"{'bare':8}{bare_median:10.0f}{'':10}{'':10}{1:10.2f}")
    for name, runs in (("single", single), ("group", group)):
        rate, p50, p99 = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"{name:8}{rate:10.0f}{p50:10.2f}{p99:10.2f}{rate / bare_median:10.2f}")
    gain = statistics.median(r for r, _, _ in group) / statistics.median(r for r, _, _ in single)
    print(f"group commit is {gain:.1f}x one commit a transaction")


if __name__ == "__main__":
    main()
