"""Pruning: removing the oldest leaves when their time is over, without breaking the proof of the rest.

tlog-tiles allows a log to serve from a minimum index on. The tree keeps its root because the
compact range of what was removed stays; heads and hashes stay for ever. Takes two different
persons, and writes ``log.pruned`` in the same transaction.
"""

import sqlite3
from datetime import datetime

from audit import merkle
from audit.chain import b64u
from audit.entry import Actor, Draft, EntryType, Outcome, ts_us
from audit.fields import Value
from audit.query import first_at_or_after
from audit.reader import Reader
from audit.tiles import WIDTH


class NotPrunable(Exception):
    """The mark may not be set there, or not by these persons."""


def mark_for(connection: sqlite3.Connection, keep_since: datetime) -> int:
    """The largest multiple of 256 such that every entry from *keep_since* on stays."""
    return first_at_or_after(connection, ts_us(keep_since)) // WIDTH * WIDTH


def prune(
    connection: sqlite3.Connection,
    minimum: int,
    requested_by: Actor,
    confirmed_by: Actor,
    id: str,
    now: datetime,
) -> Draft:
    """Remove every leaf below *minimum* in the open transaction; append the returned draft in the same one.

    Refused without two different humans, off a tile boundary, below the present mark, or while
    disclosures of the removed part are on hold.
    """
    reader = Reader(connection)
    if requested_by.kind != "human" or confirmed_by.kind != "human" or requested_by.ref == confirmed_by.ref:
        raise NotPrunable("pruning takes two different persons")
    if minimum % WIDTH or not reader.minimum() < minimum <= reader.head().size - 1:
        raise NotPrunable(
            f"the mark must be a multiple of {WIDTH}, above {reader.minimum()} and below the log's end"
        )
    held = connection.execute(
        "SELECT 1 FROM audit_disclosure d JOIN audit_secret_key k USING (key_scope) WHERE d.seq < ? AND k.hold = 1 LIMIT 1",
        (minimum,),
    ).fetchone()
    if held is not None:
        raise NotPrunable("a legal hold stands on entries below the mark")
    stack = compact_range_at(reader, minimum)
    root = merkle.root(stack)
    connection.execute(
        "UPDATE audit_retention SET minimum = ?, stack = ? WHERE id = 1", (minimum, b"".join(stack))
    )
    connection.execute("DELETE FROM audit_disclosure WHERE seq < ?", (minimum,))
    connection.execute("DELETE FROM audit_leaf WHERE seq < ?", (minimum,))
    data: dict[str, Value] = {
        "minimum": minimum,
        "root": b64u(root),
        "persons": [requested_by.ref, confirmed_by.ref],
    }
    return Draft(EntryType.LOG_PRUNED, id, Outcome.SUCCESS, requested_by, now, data=data)


def compact_range_at(reader: Reader, size: int) -> tuple[bytes, ...]:
    """The roots of the perfect subtrees of the first *size* entries, largest first."""
    stack, start = [], 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            stack.append(reader.node(level, start >> level))
            start += 1 << level
    return tuple(stack)
