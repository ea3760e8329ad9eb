"""Verifying the live database: every leaf, the tree, every signed head, every projection.

Serves operators (`signoff audit verify --database`), the start-up gate and the tests alike.
Reads only, in constant memory. What it cannot see is a log cut back to one of its own
older heads: that takes a newer head kept elsewhere (*external*), and without one the
report says so.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from audit.checkpoint import BadNote, Checkpoint, Verifier, open_checkpoint, parse_checkpoint, split_note
from audit.ledger_sqlite import split_stack
from audit.merkle import fold
from audit.rotation import check_rotation
from audit.semantics import Replay
from audit.walk import Exit, Report, Walk, is_ts, us_of

NO_EXTERNAL_HEAD: Final = "truncation cannot be excluded: no head kept outside this database was given"

_LEAVES: Final = "SELECT seq, leaf, leaf_hash, req, type, actor, action, resource, outcome, ts_us FROM audit_leaf ORDER BY seq"
_NEEDED: Final = frozenset({"audit_leaf", "audit_head", "audit_tile", "audit_checkpoint", "audit_retention"})

Progress = Callable[[int, int], None]


def verify_database(
    connection: sqlite3.Connection,
    *,
    verifiers: Sequence[Verifier] = (),
    external: Sequence[Checkpoint] = (),
    expect_size: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Walk the whole log in one read transaction and report all that is wrong.

    *verifiers* are the log's keys as the reader knows them; without any, the signatures of
    the stored heads are not checked and the report says so. *external* are heads, already
    authenticated, that were kept elsewhere: each must be on this log's history.
    """
    report = Report()
    try:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError as e:
        report.add("database", None, f"the database cannot be read: {e}", Exit.INCOMPLETE)
        return report
    if not tables >= _NEEDED:
        report.add("database", None, "this database holds no audit log", Exit.INCOMPLETE)
        return report
    own_transaction = not connection.in_transaction
    if own_transaction:
        connection.execute("BEGIN")
    try:
        _verify(connection, report, verifiers, external, progress)
    except sqlite3.DatabaseError as e:
        report.add("database", None, f"the database cannot be read to the end: {e}", Exit.INCOMPLETE)
    finally:
        if own_transaction:
            connection.rollback()
    if expect_size is not None and report.size < expect_size:
        report.add(
            "external", None, f"the log has {report.size} entries; at least {expect_size} were expected"
        )
    if expect_size is None and not external:
        report.notes.append(NO_EXTERNAL_HEAD)
    return report


def _verify(
    connection: sqlite3.Connection,
    report: Report,
    verifiers: Sequence[Verifier],
    external: Sequence[Checkpoint],
    progress: Progress | None,
) -> None:
    minimum, stack = connection.execute("SELECT minimum, stack FROM audit_retention WHERE id = 1").fetchone()
    head = connection.execute(
        "SELECT size, last_hash, stack, last_ts_us FROM audit_head WHERE id = 1"
    ).fetchone()
    if head is None:
        report.add("head", None, "the head row is missing")
        return
    walk = Walk(size=minimum, stack=split_stack(stack), last_hash=None if minimum else Walk().last_hash)
    report.first = minimum
    heads = _Heads(connection, report, verifiers, external, minimum)
    tiles = _Tiles(connection, report, minimum)
    replay = Replay(complete=minimum == 0)
    for seq, leaf, leaf_hash, *projections in connection.execute(_LEAVES):
        if seq < minimum:
            report.add("head", seq, "an entry below the pruning mark")
            continue
        if seq != walk.size:
            report.add("chain", walk.size, f"entries {walk.size} to {seq - 1} are missing")
            report.size = walk.size
            return
        for check, text in walk.step(leaf):
            report.add(check, seq, text)
        _replay(replay, seq, walk.body, report)
        if leaf_hash != walk.last_hash:
            report.add("tree", seq, "the stored hash is not the hash of the stored bytes")
        fault = projection_fault(walk.body, projections)
        if fault is not None:
            report.add("projections", seq, fault)
        tiles.see(seq, walk.last_hash or b"")
        heads.reached(walk)
        if progress is not None and not walk.size % 4096:
            progress(walk.size, head[0])
    _check_head(report, walk, head)
    heads.finish(walk)
    tiles.finish(walk.size)
    report.origin, report.size, report.root = walk.origin, walk.size, walk.root
    if walk.unknown_versions:
        report.notes.append(f"{walk.unknown_versions} entries are of a version this program does not know")


def _replay(replay: Replay, seq: int, body: dict[str, object] | None, report: Report) -> None:
    if body is None:
        return  # the walk has said so
    if body.get("type") == "key.rotated":
        data = body.get("data")
        if not check_rotation(data if isinstance(data, dict) else {}):
            report.add("keys", seq, "the rotation of the key is not signed by both keys")
    try:
        for fault in replay.step(seq, body):
            report.add("semantics", seq, fault)
    except (TypeError, ValueError, AttributeError) as e:
        report.add("semantics", seq, f"the entry's facts cannot be read: {e}")


def _check_head(report: Report, walk: Walk, head: tuple[int, bytes, bytes, int]) -> None:
    size, last_hash, stack, last_ts_us = head
    if size != walk.size:
        report.add("head", None, f"the head says {size} entries; there are {walk.size}")
    elif split_stack(stack) != walk.stack or (walk.last_hash is not None and last_hash != walk.last_hash):
        report.add("head", None, "the head's hashes are not those of the entries")
    elif walk.last_ts and last_ts_us != us_of(walk.last_ts):
        report.add("head", None, "the head's time is not the last entry's")


def projection_fault(body: dict[str, object] | None, projections: Sequence[object]) -> str | None:
    """Why the search columns do not belong to the leaf *body*: an edited column hides an entry from a query."""
    if body is None:
        return None
    expected = projections_of(body)
    for name, want, got in zip(
        ("req", "type", "actor", "action", "resource", "outcome", "ts_us"), expected, projections, strict=True
    ):
        if want != got:
            return f"the search column {name} does not belong to the entry"
    return None


def projections_of(body: dict[str, object]) -> tuple[object, ...]:
    """req, type, actor, action, resource, outcome, ts_us as the writer derives them from a leaf."""
    data, act, tool = body.get("data"), body.get("act"), body.get("tool")
    data = data if type(data) is dict else {}
    ts = body.get("ts")
    return (
        body.get("req"),
        body.get("type"),
        act.get("ref") if type(act) is dict else None,
        data.get("action") or (tool.get("id") if type(tool) is dict else None),
        data.get("resource"),
        body.get("outcome"),
        us_of(ts) if type(ts) is str and is_ts(ts) else None,
    )


class _Heads:
    """Merges the stored and the external heads, by size, with the walk."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        report: Report,
        verifiers: Sequence[Verifier],
        external: Sequence[Checkpoint],
        minimum: int,
    ) -> None:
        self._report = report
        self._verifiers = verifiers
        self._minimum = minimum
        self._external = sorted(external, key=lambda c: c.size)
        self._stored = self._read(connection)
        self._next = next(self._stored, None)
        self._last_stored = 0

    def _read(self, connection: sqlite3.Connection) -> Iterator[Checkpoint]:
        for size, note in connection.execute("SELECT size, note FROM audit_checkpoint ORDER BY size"):
            self._report.checkpoints += 1
            try:
                if self._verifiers:
                    checkpoint = open_checkpoint(note, self._verifiers, self._verifiers[0].name)
                else:
                    checkpoint = parse_checkpoint(split_note(note)[0])
            except BadNote as e:
                self._report.add("signature", None, f"the stored head at {size} cannot be believed: {e}")
                continue
            if checkpoint.size != size:
                self._report.add("signature", None, f"the head stored under {size} is of {checkpoint.size}")
                continue
            yield checkpoint

    def reached(self, walk: Walk) -> None:
        """Compare every head of exactly the size the walk has reached."""
        while self._next is not None and self._next.size <= walk.size:
            if self._next.size == walk.size:
                self._compare(self._next, walk, "checkpoints")
                self._last_stored = walk.size
            elif self._next.size > self._minimum:
                self._report.add("checkpoints", None, f"heads stored out of order at {self._next.size}")
            self._next = next(self._stored, None)
        while self._external and self._external[0].size <= walk.size:
            checkpoint = self._external.pop(0)
            if checkpoint.size == walk.size:
                self._compare(checkpoint, walk, "external")
            elif checkpoint.size > 0:
                self._report.notes.append(f"the outside head at {checkpoint.size} lies in the pruned part")

    def finish(self, walk: Walk) -> None:
        if self._next is not None:
            self._report.add(
                "checkpoints", None, f"a head of {self._next.size} entries was signed; there are {walk.size}"
            )
        for checkpoint in self._external:
            if checkpoint.size:
                self._report.add(
                    "external",
                    None,
                    f"a head of {checkpoint.size} entries was kept outside; there are {walk.size}: rolled back or cut",
                )
        if walk.size > self._last_stored and walk.size > self._minimum:
            self._report.add(
                "checkpoints", None, "the newest entries are under no signed head", Exit.INCOMPLETE
            )
        if not self._verifiers:
            self._report.notes.append("signatures were not checked: no verifier key was given")

    def _compare(self, checkpoint: Checkpoint, walk: Walk, check: str) -> None:
        if checkpoint.origin != walk.origin:
            self._report.add(check, None, f"the head at {checkpoint.size} is of another log")
        elif checkpoint.root != walk.root:
            self._report.add(
                check,
                None,
                f"the head at {checkpoint.size} was signed over other entries: history was rewritten",
            )


class _Tiles:
    """Compares the stored tiles with the hashes that the walk yields, level by level."""

    def __init__(self, connection: sqlite3.Connection, report: Report, minimum: int) -> None:
        self._connection = connection
        self._report = report
        self._minimum = minimum
        self._levels: list[list[bytes]] = []

    def see(self, seq: int, digest: bytes, level: int = 0) -> None:
        if level == len(self._levels):
            self._levels.append([])
        row = self._levels[level]
        if not row and seq % 256:
            return  # pruning started inside this tile; its root still checks through the tree
        row.append(digest)
        if len(row) == 256:
            self._compare(level, seq // 256, row)
            root = fold(row)
            row.clear()
            self.see(seq // 256, root, level + 1)

    def _compare(self, level: int, n: int, hashes: list[bytes]) -> None:
        stored = self._connection.execute(
            "SELECT hashes, root FROM audit_tile WHERE level = ? AND n = ?", (level, n)
        ).fetchone()
        if stored is None:
            self._report.add("tree", None, f"the tile {level}/{n} is missing")
        elif stored[0] != b"".join(hashes) or stored[1] != fold(hashes):
            self._report.add("tree", None, f"the tile {level}/{n} does not hold the entries' hashes")

    def finish(self, size: int) -> None:
        for level, n in self._connection.execute("SELECT level, n FROM audit_tile"):
            if (n + 1) << (8 * (level + 1)) > size:
                self._report.add("tree", None, f"the tile {level}/{n} lies beyond the entries")
