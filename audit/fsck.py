"""Verifying the live database: every leaf, the tree, every signed head, every projection.

Serves operators (`signoff audit verify --database`), the start-up gate and the tests alike.
Reads only, in constant memory. What it cannot see is a log cut back to one of its own
older heads: that takes a newer head kept elsewhere (*external*), and without one the
report says so.
"""

import gc
import itertools
import marshal
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from audit import bulk, crew
from audit.canonical import NotCanonical, decode
from audit.chain import leaf_hash
from audit.checkpoint import BadNote, Checkpoint, Verifier, open_checkpoint, parse_checkpoint, split_note
from audit.disclosure import KeyWrap
from audit.ledger_sqlite import NOTE, split_stack
from audit.merkle import fold
from audit.reader import NotInLog, Reader
from audit.retention import compact_range_at
from audit.rotation import check_rotation, followed
from audit.semantics import Replay, matters
from audit.stamps import Bounds, Tokens, open_disclosures, read_stamps
from audit.standalone import SKEW_SECONDS
from audit.tiles import WIDTH
from audit.walk import Exit, Report, Walk, is_ts, us_of

NO_EXTERNAL_HEAD: Final = "truncation cannot be excluded: no head kept outside this database was given"
PART: Final = 1024
"""Entries checked at a time: a multiple of a tile, small enough to hold, large enough that handing it over is cheap."""

_LEAVES: Final = (
    "SELECT seq, leaf, leaf_hash, req, type, actor, action, resource, outcome, ts_us FROM audit_leaf"
    " WHERE seq >= ? AND seq < ? ORDER BY seq"
)
_BYTES: Final = "SELECT seq, leaf, leaf_hash FROM audit_leaf WHERE seq >= ? AND seq < ? ORDER BY seq"
_HEADS: Final = f"SELECT size, {NOTE} FROM audit_checkpoint WHERE size > ? AND size <= ? ORDER BY size"
_NEEDED: Final = frozenset(
    {"audit_leaf", "audit_head", "audit_tile", "audit_checkpoint", "audit_cosignature", "audit_retention"}
)
_END: Final = 2**62

Progress = Callable[[int, int], None]
Policies = Mapping[str, tuple[bytes, bytes]]
"""By hash: the text that was in force and its rules in JSON."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What every part is checked against. *external* are heads kept elsewhere."""

    minimum: int
    verifiers: tuple[Verifier, ...]
    external: tuple[Checkpoint, ...]
    bytes_only: bool
    witnesses: tuple[Verifier, ...] = ()
    bounds: Bounds = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Edge:
    """What one entry needs to know of all before it."""

    size: int
    stack: tuple[bytes, ...]
    last_hash: bytes | None
    last_ts: str
    origin: str


@dataclass(slots=True)
class _Seen:
    """What checking one part yields for the whole."""

    start: _Edge
    edge: _Edge
    whole: bool = True
    roots: list[bytes] = field(default_factory=list)
    packed: bytes = b""
    bodies: list[tuple[int, Any]] = field(default_factory=list)
    """An entry with its place; or, of votes that follow one another, where they begin and ``bulk.Run``."""
    heads: int = 0
    cosigned: int = 0
    last_head: int = 0
    unknown_versions: int = 0

    def unpacked(self) -> list[tuple[int, Any]]:
        """What the replay needs. Between processes it goes as one string: much cheaper than as objects."""
        return marshal.loads(self.packed) if self.packed else self.bodies  # noqa: S302 - made by our own child


def verify_database(
    connection: sqlite3.Connection,
    *,
    verifiers: Sequence[Verifier] = (),
    external: Sequence[Checkpoint] = (),
    expect_size: int | None = None,
    progress: Progress | None = None,
    policies: Policies | None = None,
    processes: int = 1,
    bytes_only: bool = False,
    witnesses: Sequence[Verifier] = (),
    tokens: Tokens | None = None,
    keks: KeyWrap | None = None,
) -> Report:
    """Walk the whole log in one read transaction and report all that is wrong.

    The report does not depend on *processes*; more than one need the database in a file. *policies* are those that the
    store kept; None leaves out whether they are there. *bytes_only* leaves out what the entries mean.

    *verifiers* are the log's keys as the reader knows them; without any, the signatures of
    the stored heads are not checked and the report says so. Older heads may be signed by keys that these followed, as the log's own
    ``key.rotated`` says; the newest takes one of *verifiers*. *external* are heads, already
    authenticated, that were kept elsewhere: each must be on this log's history. *witnesses* are keys of those who cosign its heads,
    *tokens* the folder of its time-stamps, *keks* what opens its disclosures; what is not given is not looked at, and said.
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
        known = (*verifiers, *followed(verifiers, Reader(connection).rotations()))
        bounds = read_stamps(connection, tokens, known, report) if tokens is not None else {}
        asked = _Asked(
            0,
            known,
            tuple(sorted(external, key=lambda c: c.size)),
            bytes_only,
            tuple(witnesses),
            dict(bounds),
        )
        with crew.seldom_collected():
            _verify(connection, report, asked, progress, policies, processes)
        if len(known) > len(verifiers):
            _newest_by(verifiers, Reader(connection), report)
        if keks is not None and not bytes_only:
            open_disclosures(connection, keks, report.origin, report)
        _say_what_was_left(connection, report, asked, tokens, keks)
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
    asked: _Asked,
    progress: Progress | None,
    policies: Policies | None,
    processes: int,
) -> None:
    minimum, stack = connection.execute("SELECT minimum, stack FROM audit_retention WHERE id = 1").fetchone()
    head = connection.execute(
        "SELECT size, last_hash, stack, last_ts_us FROM audit_head WHERE id = 1"
    ).fetchone()
    if head is None:
        report.add("head", None, "the head row is missing")
        return
    report.first = minimum
    for (seq,) in connection.execute(
        "SELECT seq FROM audit_leaf WHERE seq < ? ORDER BY seq LIMIT 100", (minimum,)
    ):
        report.add("head", seq, "an entry below the pruning mark")
    asked = replace(asked, minimum=minimum)
    start = _Edge(minimum, split_stack(stack), None if minimum else Walk().last_hash, "", "")
    upper = _UpperTiles(connection, report)
    known = policies or {}
    replay, last_head, seen = Replay(complete=minimum == 0, policy_of=known.get), 0, _Seen(start, start)
    unknown = cosigned = 0
    (last,) = connection.execute("SELECT coalesce(max(seq), -1) FROM audit_leaf").fetchone()
    for seen in _parts(connection, asked, start, max(last + 1, minimum), report, processes):
        for seq, body in seen.unpacked():
            _replay(replay, seq, body, report)
        for n, root in enumerate(seen.roots):
            upper.see(-(-seen.start.size // WIDTH) + n, root)
        report.checkpoints += seen.heads
        cosigned += seen.cosigned
        last_head, unknown = max(last_head, seen.last_head), unknown + seen.unknown_versions
        if progress is not None and not seen.edge.size % PART:
            progress(seen.edge.size, head[0])
        if not seen.whole:
            report.size = seen.edge.size
            return
    edge = seen.edge
    _check_head(report, edge, head)
    _finish_heads(connection, report, asked, edge.size, last_head)
    upper.finish(edge.size)
    if cosigned:
        report.notes.append(f"{cosigned} signatures of witnesses hold")
    if asked.bytes_only:
        report.notes.append(
            "only bytes were checked (--bytes-only): not canonical form, search columns, votes, rotations and times"
        )
    elif policies is not None:
        for text, contradicts in replay.policy_faults():
            report.add("policies", None, text, Exit.TAMPERED if contradicts else Exit.INCOMPLETE)
        if replay.unbound:
            report.notes.append(
                f"{replay.unbound} policies were put in force before the first entry here, or without the hash of their rules: "
                "decisions under them were held against the seats they name"
            )
    report.origin, report.size, report.root = edge.origin, edge.size, Walk(stack=edge.stack).root
    if unknown:
        report.notes.append(f"{unknown} entries are of a version this program does not know")


def _check_part(
    connection: sqlite3.Connection, start: _Edge, end: int, asked: _Asked, report: Report
) -> _Seen:
    """Check the entries from *start* to before *end*, and the heads in between. Depends on nothing else, so that parts may
    be checked by several processes, each from a start that it read; who puts them together compares the starts."""
    walk = Walk(
        size=start.size,
        stack=start.stack,
        last_hash=start.last_hash,
        last_ts=start.last_ts,
        origin=start.origin,
    )
    seen = _Seen(start, start)
    heads = _Heads(connection, report, asked, start.size if start.size > asked.minimum else -1, end, seen)
    row: list[bytes] | None = [] if start.size % WIDTH == 0 else None
    for seq, leaf, stored, *projections in connection.execute(_LEAVES, (start.size, end)):
        if seq != walk.size:
            report.add("chain", walk.size, f"entries {walk.size} to {seq - 1} are missing")
            seen.whole = False
            break
        if asked.bytes_only:
            walk.step_bytes(leaf)
        else:
            _check_leaf(walk, seq, leaf, projections, report, seen)
        if stored != walk.last_hash:
            report.add("tree", seq, "the stored hash is not the hash of the stored bytes")
        if row is not None:
            row.append(walk.last_hash or b"")
        if walk.size % WIDTH == 0:
            if row is not None:
                seen.roots.append(_compare_tile(connection, report, 0, seq // WIDTH, row))
            row = []
        heads.reached(walk)
    if seen.whole and walk.size < end:
        report.add("chain", walk.size, f"entries {walk.size} to {end - 1} are missing")
        seen.whole = False
    if seen.whole:
        heads.reached(walk)
    seen.unknown_versions = walk.unknown_versions
    seen.edge = _Edge(walk.size, walk.stack, walk.last_hash, walk.last_ts, walk.origin)
    return seen


def _bulk_part(
    connection: sqlite3.Connection, start: _Edge, end: int, asked: _Asked, forms: "_Forms"
) -> _Seen | None:
    """As ``_check_part``, all at once, of a part with which nothing whatever is wrong; None of every other."""
    if start.size % WIDTH or start.size >= end:
        return None
    rows = connection.execute(_BYTES if asked.bytes_only else _LEAVES, (start.size, end)).fetchall()
    if len(rows) != end - start.size:
        return None
    places, leaves, stored, *projections = zip(*rows, strict=True)
    if set(map(type, leaves)) != {bytes}:
        return None
    digests = bulk.hashes(leaves)
    if digests != list(stored) or places[0] != start.size or places[-1] != end - 1:
        return None
    report, seen, origin, last_ts = Report(), _Seen(start, start), start.origin, start.last_ts
    times: tuple[str, ...] = ()
    if not asked.bytes_only:
        part = forms.of(leaves[0], origin).part(leaves, digests, start.size, start.last_hash, last_ts)
        if part is None or not _same_columns(part, projections):
            return None
        seen.bodies, last_ts, origin, times = part.steps, part.last_ts, forms.origin, part.columns[2]
    tree = bulk.Tree(start.stack, start.size, digests)
    for n, row in enumerate(tree.rows):
        if len(row[0]) == WIDTH:
            _compare_tile(connection, report, 0, start.size // WIDTH + n, row[0], row[8][0])
    seen.roots = tree.roots
    heads = _Heads(connection, report, asked, start.size if start.size > asked.minimum else -1, end, seen)
    while (size := heads.next_size) is not None:
        if size < start.size:
            heads.reached(Walk(size))
            continue
        ts = times[size - start.size - 1] if times and size > start.size else start.last_ts
        heads.reached(Walk(size, stack=tuple(tree.stack_at(size)), last_ts=ts, origin=origin))
    if report.findings or report.notes:
        return None
    seen.edge = _Edge(end, tuple(tree.stack_at(end)), digests[-1], last_ts, origin)
    return seen


class _Forms:
    """The forms of entries that were learned so far; begun anew when they are of another log."""

    def __init__(self) -> None:
        self._forms = bulk.Forms("", _read)

    @property
    def origin(self) -> str:
        return self._forms.origin

    def of(self, leaf: bytes, origin: str) -> bulk.Forms:
        """For a log whose first entry is *leaf*, or that is called *origin*."""
        origin = origin or str((_read(leaf) or {}).get("log"))
        if origin != self._forms.origin:
            self._forms = bulk.Forms(origin, _read)
        return self._forms


def _read(leaf: bytes) -> dict[str, object] | None:
    try:
        return decode(leaf)
    except NotCanonical:
        return None


def _same_columns(part: bulk.Clean, projections: Sequence[Sequence[object]]) -> bool:
    """Whether the search columns are what the entries say."""
    req, kinds, actor, action, resource, outcome, ts_us = map(list, projections)
    said = part.columns
    return (
        kinds == part.kinds
        and ts_us == part.times_us
        and (req, actor, action, resource, outcome) == tuple(map(list, said[3:]))
    )


def _check_leaf(
    walk: Walk, seq: int, leaf: bytes, projections: Sequence[object], report: Report, seen: _Seen
) -> None:
    for check, text in walk.step(leaf):
        report.add(check, seq, text)
    fault = projection_fault(walk.body, projections)
    if fault is not None:
        report.add("projections", seq, fault)
    body = walk.body
    if body is None:
        return
    if body.get("type") == "key.rotated":
        data = body.get("data")
        if not check_rotation(data if isinstance(data, dict) else {}):
            report.add("keys", seq, "the rotation of the key is not signed by both keys")
    if matters(str(body.get("type"))) or "pol" in body:
        seen.bodies.append((seq, {k: body[k] for k in bulk.REPLAYED if k in body}))


_worker: dict[str, Any] = {}


def _start_worker(path: str, asked: _Asked) -> None:
    gc.set_threshold(crew.ALLOCATIONS)
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    _worker.update(connection=connection, asked=asked, forms=_Forms())


def _try_part(first: int, end: int) -> _Seen | None:
    """``_guess`` in a process of its own."""
    connection = _worker["connection"]
    connection.execute("BEGIN")
    try:
        seen = _guess(connection, _worker["asked"], _worker["forms"], first, end)
    finally:
        connection.rollback()
    if seen is not None:
        seen.packed, seen.bodies = marshal.dumps(seen.bodies), []
    return seen


def _guess(
    connection: sqlite3.Connection, asked: _Asked, forms: "_Forms", first: int, end: int
) -> _Seen | None:
    """A part before those before it were checked, if nothing whatever is wrong with it. Faults are for the walk to find again
    in its own transaction, in order, so that the report does not depend on how many processes looked."""
    report = Report()
    try:
        reader = Reader(connection)
        leaf = reader.leaf(first - 1)
        start = _Edge(first, compact_range_at(reader, first), leaf_hash(leaf), "", "")
        if not asked.bytes_only:
            body = decode(leaf)
            start = replace(start, last_ts=str(body.get("ts")), origin=str(body.get("log")))
        seen = _bulk_part(connection, start, end, asked, forms) or _check_part(
            connection, start, end, asked, report
        )
    except (sqlite3.Error, LookupError, ValueError):
        return None
    return seen if seen.whole and not report.findings and not report.notes else None


def _cuts(start: int, size: int) -> Iterator[int]:
    """Where each part ends."""
    yield from range(start // PART * PART + PART, size, PART)
    yield size


def _parts(
    connection: sqlite3.Connection, asked: _Asked, start: _Edge, size: int, report: Report, processes: int
) -> Iterator[_Seen]:
    """Every part in order. One that another process found clean from the very edge that was reached here is taken; every
    other is checked here."""
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    helpers = processes - 1 if size - start.size > crew.PARTS_MIN * PART and path else 0
    edge, forms = start, _Forms()
    for (_, end), guess in crew.in_order(
        itertools.pairwise((start.size, *_cuts(start.size, size))),
        helpers,
        (_start_worker, (path, asked)),
        _try_part,
        partial(_guess, connection, asked, forms),
    ):
        seen = guess
        if seen is None or seen.start != edge:
            seen = _bulk_part(connection, edge, end, asked, forms) or _check_part(
                connection, edge, end, asked, report
            )
        edge = seen.edge
        yield seen
        if not seen.whole:
            return


def _replay(replay: Replay, seq: int, body: Any, report: Report) -> None:
    try:
        if type(body) is tuple:
            for place, fault in replay.votes(*body):
                report.add("semantics", place, fault)
            return
        for fault in replay.step(seq, body):
            report.add("semantics", seq, fault)
    except (TypeError, ValueError, AttributeError, KeyError) as e:
        report.add("semantics", seq, f"the entry's facts cannot be read: {e}")


def _check_head(report: Report, walk: _Edge, head: tuple[int, bytes, bytes, int]) -> None:
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
    """Merges the stored and the external heads of one part, by size, with the walk."""

    def __init__(
        self, connection: sqlite3.Connection, report: Report, asked: _Asked, low: int, high: int, seen: _Seen
    ) -> None:
        self._report, self._asked, self._seen = report, asked, seen
        self._external = [c for c in asked.external if low < c.size <= high]
        self._bounds = [size for size in sorted(asked.bounds) if low < size <= high]
        self._seen_by: dict[int, list[tuple[str, int]]] = {}
        self._stored = self._read(connection, low, high)
        self._next = next(self._stored, None)

    def _read(self, connection: sqlite3.Connection, low: int, high: int) -> Iterator[Checkpoint]:
        for size, note in connection.execute(_HEADS, (low, high)):
            self._seen.heads += 1
            try:
                checkpoint = _believed(note, self._asked.verifiers)
            except BadNote as e:
                self._report.add("signature", None, f"the stored head at {size} cannot be believed: {e}")
                continue
            if checkpoint.size != size:
                self._report.add("signature", None, f"the head stored under {size} is of {checkpoint.size}")
                continue
            if self._asked.witnesses:
                self._cosigned(size, note)
            yield checkpoint

    def _cosigned(self, size: int, note: str) -> None:
        """What the witnesses that are known say of the head of *size*."""
        text, signatures = split_note(note)
        for signature in signatures:
            for witness in self._asked.witnesses:
                if (witness.name, witness.key_id) != (signature.name, signature.key_id):
                    continue
                if not witness.verifies(text.encode(), signature.raw):
                    self._report.add(
                        "cosignatures",
                        None,
                        f"the signature of {witness.name} over the head at {size} is wrong",
                    )
                    continue
                self._seen.cosigned += 1
                moment = int.from_bytes(signature.raw[:8], "big")
                by = f"the cosignature of {witness.name} over the head at {size}"
                self._seen_by.setdefault(size, []).append((by, moment))

    @property
    def next_size(self) -> int | None:
        """The size of the next head to compare."""
        sizes = [head.size for head in (self._next, *self._external[:1]) if head is not None]
        return min([*sizes, *self._bounds[:1]], default=None)

    def reached(self, walk: Walk) -> None:
        """Compare every head of exactly the size the walk has reached."""
        while self._bounds and self._bounds[0] <= walk.size:
            self._in_time(walk, self._asked.bounds[self._bounds.pop(0)])
        while self._next is not None and self._next.size <= walk.size:
            self._in_time(walk, self._seen_by.pop(self._next.size, ()))
            if self._next.size == walk.size:
                self._compare(self._next, walk, "checkpoints")
                self._seen.last_head = walk.size
            self._next = next(self._stored, None)
        while self._external and self._external[0].size <= walk.size:
            checkpoint = self._external.pop(0)
            if checkpoint.size == walk.size:
                self._compare(checkpoint, walk, "external")
            elif checkpoint.size > 0:
                self._report.notes.append(f"the outside head at {checkpoint.size} lies in the pruned part")

    def _in_time(self, walk: Walk, bounds: Sequence[tuple[str, int]]) -> None:
        """The last entry under a head must not say that it was written after somebody else saw the head."""
        if self._asked.bytes_only or not is_ts(walk.last_ts):
            return
        for what, moment in bounds:
            if us_of(walk.last_ts) > (moment + SKEW_SECONDS) * 1_000_000:
                text = f"says {walk.last_ts}, but {what} covered it more than {SKEW_SECONDS} seconds earlier"
                self._report.add("time", walk.size - 1, text)

    def _compare(self, checkpoint: Checkpoint, walk: Walk, check: str) -> None:
        if checkpoint.origin != (walk.origin or checkpoint.origin):
            self._report.add(check, None, f"the head at {checkpoint.size} is of another log")
        elif checkpoint.root != walk.root:
            self._report.add(
                check,
                None,
                f"the head at {checkpoint.size} was signed over other entries: history was rewritten",
            )


def _newest_by(verifiers: Sequence[Verifier], reader: Reader, report: Report) -> None:
    """A retired key still stands for the heads of its time, and for nothing new."""
    report.notes.append("older heads are signed by keys that were retired, which key.rotated names")
    try:
        open_checkpoint(reader.latest_note()[1], verifiers, verifiers[0].name)
    except (BadNote, NotInLog):
        report.add(
            "signature", None, "the newest head is signed by no key that is trusted, only by a retired one"
        )


def _believed(note: str, verifiers: Sequence[Verifier]) -> Checkpoint:
    if verifiers:
        return open_checkpoint(note, verifiers, verifiers[0].name)
    return parse_checkpoint(split_note(note)[0])


def _say_what_was_left(
    connection: sqlite3.Connection, report: Report, asked: _Asked, tokens: Tokens | None, keks: KeyWrap | None
) -> None:
    """A database has more to check than its entries; what was not given is named."""
    if asked.bytes_only:
        return
    own = f"{report.origin}+"
    (others,) = connection.execute(
        "SELECT count(*) FROM audit_cosignature WHERE substr(signer, 1, ?) <> ?", (len(own), own)
    ).fetchone()
    (values,) = connection.execute("SELECT count(*) FROM audit_disclosure").fetchone()
    if others and not asked.witnesses:
        report.notes.append("signatures of witnesses were not looked at: no key of one was given")
    if values and keks is None:
        report.notes.append(f"{values} sealed values were not opened: their keys were not given")
    if tokens is None:
        report.notes.append(
            "time-stamps were not looked at: no authority is set, or this is not the running installation"
        )


def _finish_heads(
    connection: sqlite3.Connection, report: Report, asked: _Asked, size: int, last_head: int
) -> None:
    """Heads beyond the entries, and entries beyond the heads."""
    beyond = connection.execute(_HEADS, (size, _END)).fetchone()
    if beyond is not None:
        report.checkpoints += 1
        report.add("checkpoints", None, f"a head of {beyond[0]} entries is stored; there are {size}")
    for checkpoint in asked.external:
        if checkpoint.size > size:
            report.add(
                "external",
                None,
                f"a head of {checkpoint.size} entries was kept outside; there are {size}: rolled back or cut",
            )
    if size > last_head and size > asked.minimum:
        report.add("checkpoints", None, "the newest entries are under no signed head", Exit.INCOMPLETE)
    if not asked.verifiers:
        report.notes.append("signatures were not checked: no verifier key was given")


def _compare_tile(
    connection: sqlite3.Connection,
    report: Report,
    level: int,
    n: int,
    hashes: list[bytes],
    root: bytes | None = None,
) -> bytes:
    """Hold the stored tile against *hashes*; their root."""
    root = root or fold(hashes)
    stored = connection.execute(
        "SELECT hashes, root FROM audit_tile WHERE level = ? AND n = ?", (level, n)
    ).fetchone()
    if stored is None:
        report.add("tree", None, f"the tile {level}/{n} is missing")
    elif stored[0] != b"".join(hashes) or stored[1] != root:
        report.add("tree", None, f"the tile {level}/{n} does not hold the entries' hashes")
    return root


class _UpperTiles:
    """Compares the stored tiles above the lowest with the roots of those below, level by level."""

    def __init__(self, connection: sqlite3.Connection, report: Report) -> None:
        self._connection = connection
        self._report = report
        self._levels: list[list[bytes]] = [[]]

    def see(self, index: int, node: bytes, level: int = 1) -> None:
        if level == len(self._levels):
            self._levels.append([])
        row = self._levels[level]
        if not row and index % WIDTH:
            return  # pruning started inside this tile; its root still checks through the tree
        row.append(node)
        if len(row) == WIDTH:
            root = _compare_tile(self._connection, self._report, level, index // WIDTH, row)
            row.clear()
            self.see(index // WIDTH, root, level + 1)

    def finish(self, size: int) -> None:
        for level, n in self._connection.execute("SELECT level, n FROM audit_tile"):
            if (n + 1) << (8 * (level + 1)) > size:
                self._report.add("tree", None, f"the tile {level}/{n} lies beyond the entries")
