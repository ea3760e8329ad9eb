"""The outbox in SQLite: what waits, what is out on a lease, and how a later row takes an earlier one's place.

A row waits while ``leased_us`` is null; one waiting row a place ``(topic, key)``, by a partial unique index. At most
one row a place is out at a time, so that two tellings of one card never race. Runs inside the writer's batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from adapters.stores import codec
from adapters.stores.rules import to_us
from adapters.stores.sqlite_tx import SqliteReadTx, SqliteTx, bounded
from bot.ports import OutboxRow

_COLUMNS: Final = "id, topic, key, payload, due_us, attempts, last_error"
DROP_OVERTAKEN: Final = """
DELETE FROM outbox WHERE leased_us IS NOT NULL AND leased_us <= ? AND EXISTS (
  SELECT 1 FROM outbox AS w WHERE w.topic = outbox.topic AND w.key = outbox.key AND w.leased_us IS NULL)"""
CLAIMABLE: Final = f"""
SELECT {_COLUMNS} FROM outbox AS o WHERE due_us <= ?1 AND (leased_us IS NULL OR leased_us <= ?1) AND NOT EXISTS (
  SELECT 1 FROM outbox AS l WHERE l.topic = o.topic AND l.key = o.key AND l.leased_us IS NOT NULL AND l.leased_us > ?1)
ORDER BY due_us, id LIMIT ?2"""
LEASE: Final = "UPDATE outbox SET leased_us = ? WHERE id = ?"
DONE: Final = "DELETE FROM outbox WHERE id = ?"
IS_OVERTAKEN: Final = """
SELECT EXISTS (SELECT 1 FROM outbox AS w WHERE w.topic = o.topic AND w.key = o.key AND w.leased_us IS NULL AND w.id <> o.id)
FROM outbox AS o WHERE o.id = ?"""
RETRY: Final = (
    "UPDATE outbox SET leased_us = NULL, attempts = attempts + 1, due_us = ?, last_error = ? WHERE id = ?"
)
POSTPONE: Final = "UPDATE outbox SET leased_us = NULL, due_us = ? WHERE id = ?"
NEXT_DUE: Final = "SELECT min(coalesce(leased_us, due_us)) FROM outbox"
DEPTH: Final = "SELECT count(*) FROM outbox"


def claim(tx: SqliteTx, now: datetime, limit: int, lease: timedelta) -> list[OutboxRow]:
    connection = tx.connection
    now_us = to_us(now)
    connection.execute(DROP_OVERTAKEN, (now_us,))
    rows = connection.execute(CLAIMABLE, (now_us, bounded(limit))).fetchall()
    connection.executemany(LEASE, [(to_us(now + lease), row[0]) for row in rows])
    return [codec.read_outbox(row) for row in rows]


def done(tx: SqliteTx, ids: Sequence[int]) -> None:
    tx.connection.executemany(DONE, [(id,) for id in ids])


def retry(tx: SqliteTx, id: int, due_at: datetime, error: str) -> None:
    connection = tx.connection
    if _is_overtaken(tx, id):
        connection.execute(DONE, (id,))
    else:
        connection.execute(RETRY, (to_us(due_at), error, id))


def postpone(tx: SqliteTx, ids: Sequence[int], due_at: datetime) -> None:
    connection = tx.connection
    for id in ids:
        if _is_overtaken(tx, id):
            connection.execute(DONE, (id,))
        else:
            connection.execute(POSTPONE, (to_us(due_at), id))


def _is_overtaken(tx: SqliteTx, id: int) -> bool:
    row = tx.connection.execute(IS_OVERTAKEN, (id,)).fetchone()
    return row is not None and bool(row[0])


def next_due(tx: SqliteReadTx) -> datetime | None:
    return codec.moment(tx.rows(NEXT_DUE)[0][0])


def depth(tx: SqliteReadTx) -> int:
    return int(tx.rows(DEPTH)[0][0])
