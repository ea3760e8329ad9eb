"""Finding entries: keyset by sequence number, newest first, answered from indexes alone.

Each condition is one index whose keys end in the sequence number. Several conditions are
met by leaping: ask each index for its next candidate at or below the lowest so far, until
all agree. No condition ever reads the table, and a page that would take too many leaps stops
and says where to go on. Time is turned into sequence numbers first, by bisection: the
log's times never decrease. What is shown comes from the leaf's bytes, never from a column.
"""

import sqlite3
from dataclasses import dataclass
from typing import Final

from audit.reader import Reader

LIMIT_MAX: Final = 500
LEAPS_MAX: Final = 20_000
"""Index probes for one page: about 0.2 s; beyond it the page is cut and says so."""

_PROBES: Final[dict[str, str]] = {
    name: f"SELECT seq FROM audit_leaf INDEXED BY audit_leaf_{name} WHERE {name} = ? AND seq <= ? ORDER BY seq DESC LIMIT 1"
    for name in ("req", "type", "actor", "action", "resource", "outcome")
}
_ANY: Final = "SELECT seq FROM audit_leaf WHERE seq <= ? ORDER BY seq DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Query:
    """All given conditions must hold. Times in microseconds; *since* inclusive, *until* exclusive.

    *before* is the cursor: only entries with a smaller sequence number.
    """

    req: str | None = None
    type: str | None = None
    actor: str | None = None
    action: str | None = None
    resource: str | None = None
    outcome: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Page:
    """*next_before* is the cursor of the next page; None at the end. *cut* says that the page stopped early."""

    seqs: tuple[int, ...]
    next_before: int | None
    cut: bool = False


def find(connection: sqlite3.Connection, query: Query) -> Page:
    """One page of sequence numbers, newest first."""
    limit = max(1, min(query.limit, LIMIT_MAX))
    low, high = _bounds(connection, query)
    conditions = [(_PROBES[name], value) for name in _PROBES if (value := getattr(query, name)) is not None]
    found: list[int] = []
    leaps = 0
    at = high
    while at is not None and at >= low and len(found) < limit:
        agreed, leaps = _agree(connection, conditions, at, leaps)
        if agreed is None or agreed < low:
            return Page(tuple(found), None)
        if leaps > LEAPS_MAX:
            return Page(tuple(found), agreed + 1, cut=True)
        found.append(agreed)
        at = agreed - 1
    more = len(found) == limit and found[-1] > low
    return Page(tuple(found), found[-1] if more else None)


def _agree(
    connection: sqlite3.Connection, conditions: list[tuple[str, object]], at: int, leaps: int
) -> tuple[int | None, int]:
    """The highest sequence number at or below *at* on which every index agrees."""
    if not conditions:
        row = connection.execute(_ANY, (at,)).fetchone()
        return (None if row is None else row[0]), leaps + 1
    agreeing = turn = 0
    while agreeing < len(conditions):
        sql, value = conditions[turn % len(conditions)]
        row = connection.execute(sql, (value, at)).fetchone()
        leaps, turn = leaps + 1, turn + 1
        if row is None:
            return None, leaps
        agreeing = agreeing + 1 if row[0] == at else 1
        at = row[0]
        if leaps > LEAPS_MAX:
            break
    return at, leaps


def _bounds(connection: sqlite3.Connection, query: Query) -> tuple[int, int]:
    reader = Reader(connection)
    low, size = reader.minimum(), reader.head().size
    high = size - 1 if query.before is None else min(size, query.before) - 1
    if query.since_us is not None:
        low = max(low, first_at_or_after(connection, query.since_us))
    if query.until_us is not None:
        high = min(high, first_at_or_after(connection, query.until_us) - 1)
    return low, high


def first_at_or_after(connection: sqlite3.Connection, us: int) -> int:
    """The first sequence number whose time is at least *us*; the size when there is none."""
    reader = Reader(connection)
    low, high = reader.minimum(), reader.head().size
    while low < high:
        middle = (low + high) // 2
        (ts,) = connection.execute("SELECT ts_us FROM audit_leaf WHERE seq = ?", (middle,)).fetchone()
        low, high = (middle + 1, high) if ts < us else (low, middle)
    return low
