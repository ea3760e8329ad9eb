"""Verify a bundle of the Signoff audit log, offline.

    python3 verify.py [BUNDLE] [--vkey KEY]... [--checkpoint FILE]... [--expect-size N] [--processes N] [--bytes-only] [--json]

This file travels in every bundle as ``verify.py``. It needs Python 3.11 and the package
``cryptography``, and shares no code with the program that wrote the log but the replay of
votes, whose text is inside it. Keys named with --vkey are the ones you trust; without any, the
bundle's own ``vkeys`` are used and the answer says so: compare them with a copy you got elsewhere.

The memory it takes does not grow with the log: what must be remembered of every request and head lies in a temporary
file, which needs room in TMPDIR. The answer does not depend on the number of processes. --bytes-only leaves out what entries mean: hashes, tiles, heads and copies only.

Keys of type 6 (ML-DSA-44, the log's second signature and newer witnesses) take cryptography 48; with an older one it is said that they
were not checked.

Exit codes: 0 nothing wrong, 1 tampered, 2 incomplete (something could not be checked), 3 usage.
"""

import argparse
import contextlib
import gc
import hashlib
import itertools
import json
import marshal
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

try:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
except ImportError:
    MLDSA44PublicKey = None  # type: ignore[misc, assignment]

from audit.bulk import LENGTH_MAX, REPLAYED, Forms, Tree, hashes
from audit.crew import ALLOCATIONS, PARTS_MIN, in_order, seldom_collected
from audit.semantics import Replay, matters

OK, TAMPERED, INCOMPLETE, USAGE = 0, 1, 2, 3
ED25519, COSIGNATURE, MLDSA44 = 1, 4, 6
PUBLIC_BYTES: Final = {ED25519: 32, COSIGNATURE: 32, MLDSA44: 1312}
SIGNATURE_BYTES: Final = {ED25519: 64, COSIGNATURE: 72, MLDSA44: 2428}
"""What follows a key's id in a signature line; a cosignature begins with eight bytes of time."""

FINDINGS_MAX: Final = 200
INT_MAX: Final = 2**53 - 1
PART: Final = 1024
"""Entries checked at a time: a multiple of a tile, small enough to hold, large enough that handing it over is cheap."""

SKEW_SECONDS: Final = 300
"""How far the log's clock may be ahead of an authority's or a witness's before an entry counts as written after it was stamped."""

TIME_FORM: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"
OPEN_NOTES_MAX: Final = 100
"""Uses of grants without an end that are named; the rest are counted."""

MEANING: Final = (5, 7, 8, 9, 10)
"""The checks that --bytes-only leaves out."""
NO_HEAD: Final = (
    "truncation cannot be excluded: no head kept elsewhere was given (--checkpoint or --expect-size)"
)
CHECKS: Final = (
    "1 signatures of the heads",
    "2 bytes, chain, tiles and root",
    "3 all heads lie on one history",
    "4 timestamps and cosignatures",
    "5 canonical form",
    "6 copies agree with the entries",
    "7 disclosures open their digests",
    "8 votes and recorded policies explain decisions and grants",
    "9 key windows",
    "10 time never goes back, nor past a stamp",
)


class Bad(Exception):
    """The input is not what it claims to be."""


@dataclass(frozen=True)
class Key:
    """A public key with the range of log sizes it may sign (from the ``vkeys`` file)."""

    name: str
    id: bytes
    algorithm: int
    public: bytes
    first: int = 0
    last: int | None = None


@dataclass
class Result:
    size: int = 0
    origin: str = ""
    root: str = ""
    findings: list[tuple[str, int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    state: dict[str, str] = field(default_factory=dict)
    dropped: int = 0

    def add(self, check: int, text: str, code: int = TAMPERED) -> None:
        name = CHECKS[check - 1]
        if code == TAMPERED or self.state.get(name) != "FAILED":
            self.state[name] = "FAILED" if code == TAMPERED else "INCOMPLETE"
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append((name, code, text))
        else:
            self.dropped += 1

    @property
    def exit(self) -> int:
        codes = {code for _, code, _ in self.findings}
        return TAMPERED if TAMPERED in codes else INCOMPLETE if INCOMPLETE in codes else OK


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def b64u(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def push(stack: list[bytes], size: int, node: bytes) -> None:
    """Append a leaf hash to the right edge *stack* of a tree of *size* (RFC 6962)."""
    while size & 1:
        node = sha(b"\x01" + stack.pop() + node)
        size >>= 1
    stack.append(node)


def root_of(stack: list[bytes]) -> bytes:
    if not stack:
        return sha(b"")
    node = stack[-1]
    for left in reversed(stack[:-1]):
        node = sha(b"\x01" + left + node)
    return node


def number_path(n: int) -> str:
    parts = [f"{n % 1000:03d}"]
    while n >= 1000:
        n //= 1000
        parts.append(f"x{n % 1000:03d}")
    return "/".join(reversed(parts))


def tile_path(level: int | str, n: int, width: int) -> str:
    return f"tile/{level}/{number_path(n)}" + ("" if width == 256 else f".p/{width}")


@dataclass(frozen=True)
class Head:
    origin: str
    size: int
    root: bytes
    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]


def parse_key(text: str) -> Key:
    """A line of ``vkeys``: ``vkey`` or ``vkey FIRST..LAST``."""
    vkey, _, window = text.strip().partition(" ")
    try:
        name, id_hex, encoded = vkey.split("+", 2)
        raw = b64decode(encoded, validate=True)
    except ValueError as e:
        raise Bad(f"not a verifier key: {vkey[:60]!r}") from e
    if not raw or len(raw) - 1 != PUBLIC_BYTES.get(raw[0]):
        raise Bad("only Ed25519 and ML-DSA-44 verifier keys are known")
    expected = sha(name.encode() + b"\n" + raw)[:4]
    if expected.hex() != id_hex:
        raise Bad(f"the id of the key {name} does not belong to it")
    first, _, last = window.partition("..")
    return Key(name, expected, raw[0], raw[1:], int(first or 0), int(last) if last else None)


def read_head(path: Path) -> str:
    """A head as somebody kept it: what copying and pasting does to line ends, and to the end, is undone. All else is signed."""
    return path.read_bytes().decode().replace("\r\n", "\n").strip("\n ") + "\n"


def parse_note(note: str) -> Head:
    """A signed checkpoint (c2sp.org/tlog-checkpoint), no signature checked yet."""
    if any(c < " " and c != "\n" for c in note):
        raise Bad("a head holds control characters")
    cut = note.rfind("\n\n")
    lines = note[: max(cut, 0)].split("\n")
    if (
        cut < 0
        or not note.endswith("\n")
        or len(lines) < 3
        or not re.fullmatch("0|[1-9][0-9]{0,18}", lines[1])
    ):
        raise Bad("not a signed checkpoint")
    signatures = []
    for line in note[cut + 2 :].split("\n")[:-1]:
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        try:
            raw = b64decode(encoded, validate=True)
        except ValueError as e:
            raise Bad("a signature line is not base64") from e
        if dash != "—" or len(raw) < 5 or b64encode(raw).decode() != encoded:
            raise Bad("not a signature line")
        signatures.append((name, raw[:4], raw[4:]))
    try:
        root = b64decode(lines[2], validate=True)
    except ValueError as e:
        raise Bad("the root is not base64") from e
    if len(root) != 32 or b64encode(root).decode() != lines[2] or not signatures:
        raise Bad("not a signed checkpoint")
    return Head(lines[0], int(lines[1]), root, note[: cut + 1], tuple(signatures))


def signed_by(head: Head, key: Key, raw: bytes) -> bool:
    if len(raw) != SIGNATURE_BYTES[key.algorithm]:
        return False
    text = head.text.encode()
    if key.algorithm == COSIGNATURE:
        text = b"cosignature/v1\ntime %d\n" % int.from_bytes(raw[:8], "big") + text
    elif key.algorithm == MLDSA44:
        text = cosigned_message(key.name, raw[:8], head)
    return covers(key, raw if key.algorithm == ED25519 else raw[8:], text)


def covers(key: Key, raw: bytes, message: bytes) -> bool:
    """Whether *raw* is the key's signature over exactly *message*."""
    try:
        if key.algorithm == MLDSA44:
            MLDSA44PublicKey.from_public_bytes(key.public).verify(raw, message)
        else:
            Ed25519PublicKey.from_public_bytes(key.public).verify(raw, message)
    except InvalidSignature:
        return False
    return True


def cosigned_message(cosigner: str, moment: bytes, head: Head) -> bytes:
    """What an ML-DSA-44 cosigner signs (c2sp.org/tlog-cosignature): label, name, time, origin, and the tree from 0 to its size."""
    parts = (cosigner.encode(), moment, head.origin.encode())
    if not 0 < len(parts[0]) < 256 or not 0 < len(parts[2]) < 256:
        return b""
    named, time, origin = bytes([len(parts[0])]) + parts[0], parts[1], bytes([len(parts[2])]) + parts[2]
    return b"subtree/v1\n\0" + named + time + origin + bytes(8) + head.size.to_bytes(8, "big") + head.root


def has_mldsa() -> bool:
    """Whether this machine's cryptography can check ML-DSA-44."""
    if MLDSA44PublicKey is None:
        return False
    try:
        MLDSA44PublicKey.from_public_bytes(bytes(PUBLIC_BYTES[MLDSA44]))
    except UnsupportedAlgorithm:
        return False
    except ValueError:
        pass
    return True


def is_own(key: Key, head: Head) -> bool:
    """A key of the log itself; any other is a witness's."""
    return key.algorithm != COSIGNATURE and key.name == head.origin


def check_head(
    head: Head, keys: tuple[Key, ...], result: Result, what: str, cosigned: dict[str, int]
) -> bool:
    """True when the log's own key signed *head* inside its window, and no known key signed it wrongly."""
    own = False
    for name, id_, raw in head.signatures:
        for key in keys:
            if (key.name, key.id) != (name, id_):
                continue
            if not signed_by(head, key, raw):
                result.add(
                    1 if key.algorithm == ED25519 or is_own(key, head) else 4,
                    f"{what}: the signature of {name} is wrong",
                )
                return False
            if is_own(key, head):
                own = own or key.algorithm == ED25519
                if head.size < key.first or (key.last is not None and head.size > key.last):
                    result.add(9, f"{what}: signed by a key outside its window {key.first}..{key.last}")
            if key.algorithm != ED25519:
                signer = f"{name} (ML-DSA-44)" if key.algorithm == MLDSA44 else name
                cosigned[signer] = cosigned.get(signer, 0) + 1
    if not own:
        result.add(1, f"{what}: no signature by a known key of {head.origin}")
    return own


class Bundle:
    """The files of a bundle; every access stays inside its directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.cosigned = (directory / "cosignatures").is_dir()

    def read(self, name: str) -> bytes:
        return (self.directory / name).read_bytes()

    def text(self, name: str) -> str:
        return self.read(name).decode()

    def has(self, name: str) -> bool:
        return (self.directory / name).is_file()

    def names(self, folder: str) -> list[str]:
        path = self.directory / folder
        return sorted(p.name for p in path.iterdir() if p.is_file()) if path.is_dir() else []


def heads_of(
    bundle: Bundle,
    keys: tuple[Key, ...],
    retired: tuple[Key, ...],
    outside: list[Path],
    result: Result,
    cosigned: dict[str, int],
) -> tuple[Head | None, list[tuple[str, Head]]]:
    """The bundle's head, and it with every head from outside. A retired key stands for older heads, never for the newest. The stored ones are read as the walk reaches them."""
    main: Head | None = None
    found: list[tuple[str, Head]] = []
    newest = bundle.directory / "checkpoint"
    sources = [("checkpoint", newest)]
    sources += [(f"outside head {p.name}", p) for p in outside]
    for what, path in sources:
        try:
            head = parse_note(path.read_text() if path == newest else read_head(path))
        except FileNotFoundError:
            result.add(1, f"{what} is missing", INCOMPLETE)
            continue
        except (Bad, UnicodeDecodeError) as e:
            result.add(1, f"{what}: {e}")
            continue
        check_head(head, keys if path == newest else (*keys, *retired), result, what, cosigned)
        if path == newest:
            main = head
        found.append((what, head))
    return main, found


@dataclass(frozen=True)
class Part:
    """What of the bundle belongs to one part: sizes of stored heads, and places (``SEQ.NAME``) whose digests are asked for; *at* is
    where its lines begin in ``leaves.jsonl`` if the files before it are what they should be."""

    stored: tuple[int, ...] = ()
    places: frozenset[str] = frozenset()
    at: int | None = None


class Index:
    """The sizes of the stored heads and the disclosures, in a temporary file: a busy log has as many heads as commits."""

    def __init__(self, bundle: Bundle, result: Result) -> None:
        # An empty name is a database in a file of SQLite's own that vanishes with the connection.
        self.file = sqlite3.connect("", isolation_level=None)
        self.file.execute("PRAGMA journal_mode = OFF")
        self.file.execute("CREATE TABLE head (size INTEGER PRIMARY KEY)")
        self.file.execute("CREATE TABLE wanted (seq INTEGER, place TEXT, encoded TEXT, digest TEXT)")
        self.file.execute("BEGIN")
        self.file.executemany("INSERT INTO head VALUES (?)", self.sizes(bundle, result))
        self.file.executemany("INSERT INTO wanted VALUES (?, ?, ?, NULL)", self.disclosed(bundle))
        self.file.execute("CREATE INDEX wanted_seq ON wanted (seq)")
        self.bundle = bundle
        self.lines: tuple[int, int | None] = 0, 0

    @staticmethod
    def sizes(bundle: Bundle, result: Result) -> Iterator[tuple[int]]:
        """The sizes that the names in ``checkpoints/`` state."""
        folder = bundle.directory / "checkpoints"
        if not folder.is_dir():
            return
        with os.scandir(folder) as files:
            for file in files:
                if not file.is_file():
                    continue
                if re.fullmatch("0|[1-9][0-9]{0,17}", file.name):
                    yield (int(file.name),)
                else:
                    result.add(1, f"checkpoints/{file.name} is not the name of a head")

    @staticmethod
    def disclosed(bundle: Bundle) -> Iterator[tuple[int, str, str]]:
        if not bundle.has("disclosures.jsonl"):
            return
        with (bundle.directory / "disclosures.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                seq = row["seq"] if type(row["seq"]) is int and 0 <= row["seq"] <= INT_MAX else -1
                yield seq, f"{row['seq']}.{row['name']}", str(row["disclosure"])

    def part(self, asked: "Asked", first: int, end: int) -> Part:
        """What is between the entries *first* and *end*; a head of size *first* belongs to the part before."""
        low = first if first > asked.first else -1
        stored = self.file.execute(
            "SELECT size FROM head WHERE size > ? AND size <= ? ORDER BY size", (low, end)
        )
        sizes, at = tuple(size for (size,) in stored), self.line_at(asked, first)
        if asked.bytes_only:
            return Part(sizes, at=at)
        places = self.file.execute("SELECT place FROM wanted WHERE seq >= ? AND seq < ?", (first, end))
        return Part(sizes, frozenset(place for (place,) in places), at)

    def line_at(self, asked: "Asked", seq: int) -> int | None:
        """Where the line of entry *seq* begins in ``leaves.jsonl``, from the sizes of the entry bundles before: each entry has
        two bytes of length there and one of newline here. Parts come in order, so each file is looked at once or twice."""
        n, at = self.lines
        if asked.first % 256 or seq % 256 or seq // 256 < n:
            n, at = asked.first // 256, 0 if not asked.first % 256 else None
        while at is not None and n < seq // 256:
            path = self.bundle.directory / tile_path("entries", n, 256)
            at = at + path.stat().st_size - 256 if path.is_file() else None
            n += 1
        self.lines = n, at
        return at

    def open(self, found: dict[str, str]) -> None:
        """Note the digests that stand in the entries."""
        for place, digest in found.items():
            seq = int(place.partition(".")[0])
            self.file.execute(
                "UPDATE wanted SET digest = ? WHERE seq = ? AND place = ?", (digest, seq, place)
            )

    def disclosures(self) -> Iterator[tuple[str, str, str | None]]:
        yield from self.file.execute("SELECT place, encoded, digest FROM wanted ORDER BY rowid")

    def beyond(self, size: int) -> Iterator[int]:
        yield from (
            n for (n,) in self.file.execute("SELECT size FROM head WHERE size > ? ORDER BY size", (size,))
        )


def leaves_of(
    bundle: Bundle, end: int, first: int, result: Result, total: int
) -> Iterator[tuple[int, bytes]]:
    """Every leaf from *first* to *end* of *total*, out of the entry bundles."""
    for n in range(first // 256, (end + 255) // 256):
        width = min(256, total - n * 256)
        path = tile_path("entries", n, width)
        try:
            data = bundle.read(path)
        except FileNotFoundError:
            result.add(
                2,
                f"{path} is missing: entries {n * 256} to {n * 256 + width - 1} cannot be checked",
                INCOMPLETE,
            )
            return
        at = count = 0
        while at < len(data):
            stop = at + 2 + int.from_bytes(data[at : at + 2], "big")
            if stop > len(data) or count >= width:
                break
            if n * 256 + count >= first:
                yield n * 256 + count, data[at + 2 : stop]
            at, count = stop, count + 1
        if at != len(data) or count != width:
            result.add(2, f"{path} does not hold {width} whole entries")
            return


def compare_tile(bundle: Bundle, level: int, n: int, row: list[bytes], result: Result) -> None:
    path = tile_path(level, n, len(row))
    try:
        same = bundle.read(path) == b"".join(row)
    except FileNotFoundError:
        result.add(2, f"{path} is missing", INCOMPLETE)
        return
    if not same:
        result.add(2, f"{path} does not hold the hashes of the entries")


class Tiles:
    """Compares the hash tiles above the lowest with the roots of those below; the lowest are compared part by part."""

    def __init__(self, bundle: Bundle, result: Result) -> None:
        self.bundle, self.result = bundle, result
        self.rows: list[list[bytes]] = [[]]

    def see(self, index: int, node: bytes, level: int = 1) -> None:
        if level == len(self.rows):
            self.rows.append([])
        row = self.rows[level]
        if not row and index % 256:
            return
        row.append(node)
        if len(row) == 256:
            compare_tile(self.bundle, level, index // 256, row, self.result)
            root = fold(row[:])
            row.clear()
            self.see(index // 256, root, level + 1)

    def finish(self, size: int, tail: list[bytes]) -> None:
        self.rows[0] = tail
        for level, row in enumerate(self.rows):
            if row:
                compare_tile(self.bundle, level, size // 256 ** (level + 1), row, self.result)


def canonical_fault(leaf: bytes) -> tuple[dict[str, Any] | None, str | None]:
    """The parsed leaf, and why its bytes are not RFC 8785 within the log's profile."""
    try:
        body = json.loads(leaf)
        again = json.dumps(
            body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        ).encode()
    except (ValueError, RecursionError) as e:
        return None, f"not strict JSON: {e}"
    if not isinstance(body, dict):
        return None, "not an object"
    if again != leaf:
        return body, "the bytes are not the canonical form"
    return body, profile_fault(body)


def read_strictly(leaf: bytes) -> dict[str, Any] | None:
    """The entry, when nothing is wrong with its bytes."""
    body, fault = canonical_fault(leaf)
    return None if fault else body


def profile_fault(value: object) -> str | None:
    if isinstance(value, dict):
        if not all(key.isascii() for key in value):
            return "a key is not ASCII"
        return next((f for f in map(profile_fault, value.values()) if f), None)
    if isinstance(value, list):
        return next((f for f in map(profile_fault, value) if f), None)
    if isinstance(value, float):
        return "a float"
    if isinstance(value, int) and not -INT_MAX <= value <= INT_MAX:
        return "an integer beyond 2**53-1"
    return None


def verify(
    directory: Path,
    vkeys: list[str],
    outside: list[Path],
    expect_size: int | None,
    progress: Callable[[int, int], None] | None = None,
    processes: int = 1,
    bytes_only: bool = False,
) -> Result:
    """Run the ten checks over the bundle in *directory*."""
    result, bundle = Result(), Bundle(directory)
    if vkeys:
        keys = tuple(parse_key(v) for v in vkeys)
    else:
        keys = tuple(parse_key(line) for line in bundle.text("vkeys").splitlines() if line.strip())
        result.notes.append(
            "keys were taken from the bundle itself: compare its vkeys file with a copy you got elsewhere"
        )
    if any(key.algorithm == MLDSA44 for key in keys) and not has_mldsa():
        keys = tuple(key for key in keys if key.algorithm != MLDSA44)
        result.add(
            1,
            "ML-DSA-44 signatures were not checked: it takes the package cryptography, 48 or newer",
            INCOMPLETE,
        )
    cosigned: dict[str, int] = {}
    retired = followed(keys, bundle)
    if retired:
        result.notes.append("older heads are signed by keys that were retired, which key.rotated names")
    head, heads = heads_of(bundle, keys, retired, outside, result, cosigned)
    if head is None:
        result.add(1, "the bundle has no readable head", INCOMPLETE)
        return result
    result.origin, result.size = head.origin, head.size
    first, stack = start_of(bundle)
    bounds = check_timestamps(bundle, result)
    asked = Asked(head.origin, head.size, first, (*keys, *retired), tuple(heads), bounds, bytes_only)
    start = Edge(first, tuple(stack), None if first else bytes(32))
    index = Index(bundle, result)
    sums = Result()
    # Hashing a file leaves the interpreter to others, so the copies are read while the entries are walked.
    with contextlib.closing(index.file), ThreadPoolExecutor(1) as beside, seldom_collected():
        summing = beside.submit(check_sums, bundle, sums)
        walk(bundle, asked, start, index, result, processes, cosigned, progress)
        if not bytes_only:
            check_disclosures(index, result)
        summing.result()
    if bytes_only:
        result.state.update({CHECKS[n - 1]: "skipped" for n in MEANING if CHECKS[n - 1] not in result.state})
        result.notes.append(
            "only bytes were checked (--bytes-only): not canonical form, disclosures, votes, rotations and times"
        )
    for _, code, text in sums.findings:
        result.add(6, text, code)
    result.dropped += sums.dropped
    result.notes += [f"{count} heads are cosigned by {name}" for name, count in cosigned.items()]
    second = any(key.algorithm == MLDSA44 and key.name == head.origin for key in keys)
    if second and f"{head.origin} (ML-DSA-44)" not in cosigned:
        result.notes.append("no head carries the log's second signature (ML-DSA-44) yet")
    if expect_size is not None and head.size < expect_size:
        result.add(
            3, f"the log has {head.size} entries; at least {expect_size} were expected: cut or rolled back"
        )
    if expect_size is None and not outside:
        result.notes.append(NO_HEAD)
    return result


def start_of(bundle: Bundle) -> tuple[int, list[bytes]]:
    """Where the entries begin: 0, or the pruning mark with the right edge of the tree before it."""
    if not bundle.has("minimum.json"):
        return 0, []
    mark = json.loads(bundle.read("minimum.json"))
    return int(mark["minimum"]), [b64decode(h) for h in mark["stack"]]


@dataclass(frozen=True)
class Edge:
    """What one entry needs to know of all before it: how many, the tree's right edge, the last hash and time."""

    size: int = 0
    stack: tuple[bytes, ...] = ()
    prev: bytes | None = bytes(32)
    last_ts: str = ""


@dataclass(frozen=True)
class Asked:
    """What every part is checked against. *bounds*: size → moments before which its entries must have been written."""

    origin: str
    size: int
    first: int
    keys: tuple[Key, ...]
    heads: tuple[tuple[str, Head], ...]
    bounds: dict[int, list[tuple[str, int]]]
    bytes_only: bool


@dataclass
class Seen:
    """What checking one part yields for the whole."""

    start: Edge
    edge: Edge
    whole: bool = True
    roots: list[bytes] = field(default_factory=list)
    tail: list[bytes] = field(default_factory=list)
    packed: bytes = b""
    bodies: list[tuple[int, Any]] = field(default_factory=list)
    """An entry with its place; or, of votes that follow one another, where they begin and ``Run``."""
    found: dict[str, str] = field(default_factory=dict)
    cosigned: dict[str, int] = field(default_factory=dict)
    commitments: int = 0
    unknown: int = 0
    lines: bytes = b""
    length: int = 0
    at: int | None = None
    """Where ``leaves.jsonl`` holds exactly these entries, if they were compared already."""

    def unpacked(self) -> list[tuple[int, Any]]:
        """What the replay needs. Between processes it goes as one string: much cheaper than as objects."""
        return marshal.loads(self.packed) if self.packed else self.bodies  # noqa: S302 - made by our own child


def check_part(bundle: Bundle, start: Edge, end: int, asked: Asked, part: Part, result: Result) -> Seen:
    """Check the entries from *start* to before *end* and the heads in between. Depends on nothing else, so parts may be
    checked by several processes, each from a start it read from the tiles; who puts them together compares the starts."""
    seen = Seen(start, start)
    heads = heads_in(bundle, part, asked, result, seen)
    stack, prev, last_ts, size = list(start.stack), start.prev, start.last_ts, start.size
    row: list[bytes] | None = [] if size % 256 == 0 else None
    local: list[bytes] = []
    lines = hashlib.sha256()
    if size == asked.first:
        compare_heads(heads.get(size, []), asked, size, stack, last_ts, result)
    for seq, leaf in leaves_of(bundle, end, start.size, result, asked.size):
        digest = sha(b"\x00" + leaf)
        if not asked.bytes_only:
            last_ts = check_leaf(seq, leaf, prev, last_ts, asked, part.places, result, seen)
        lines.update(leaf + b"\n")
        seen.length += len(leaf) + 1
        prev = digest
        if row is None:
            push(stack, seq, digest)
        else:
            push(local, len(row), digest)
            row.append(digest)
        size = seq + 1
        if size in heads or size in asked.bounds:
            compare_heads(heads.get(size, []), asked, size, stack + local, last_ts, result)
        if size % 256 == 0:
            if row is not None:
                compare_tile(bundle, 0, seq // 256, row, result)
                seen.roots.append(local[0])
                merge(stack, seq // 256, local[0])
            row, local = [], []
    seen.tail = row or []
    seen.whole = size == end
    seen.edge = Edge(size, tuple(stack + local), prev, last_ts)
    seen.lines = lines.digest()
    return seen


def bulk_part(bundle: Bundle, start: Edge, end: int, asked: Asked, part: Part, forms: Forms) -> Seen | None:
    """As ``check_part``, all at once, of a part with which nothing whatever is wrong; None of every other."""
    leaves = lines_of(bundle, start.size, end, asked.size, part.at)
    if leaves is None:
        return None
    result, seen, last_ts = Result(), Seen(start, start), start.last_ts
    times: tuple[str, ...] = ()
    digests = hashes(leaves)
    if not asked.bytes_only:
        clean = forms.part(leaves, digests, start.size, start.prev, last_ts)
        if clean is None:
            return None
        seen.bodies, seen.commitments, last_ts = clean.steps, clean.commitments, clean.last_ts
        times = clean.columns[2]
        for place in part.places:
            seq, _, name = place.partition(".")
            committed = json.loads(leaves[int(seq) - start.size]).get("c") or {}
            if name in committed:
                seen.found[place] = str(committed[name])
    tree = Tree(start.stack, start.size, digests)
    for n, row in enumerate(tree.rows):
        if len(row[0]) == 256:
            compare_tile(bundle, 0, start.size // 256 + n, row[0], result)
    seen.roots, seen.tail = tree.roots, tree.tail
    heads = heads_in(bundle, part, asked, result, seen)
    first = start.size if start.size == asked.first else start.size + 1
    for size in sorted({*heads, *asked.bounds}):
        if first <= size <= end:
            ts = times[size - start.size - 1] if times and size > start.size else start.last_ts
            compare_heads(heads.get(size, []), asked, size, tree.stack_at(size), ts, result)
    if result.findings or result.notes:
        return None
    seen.edge = Edge(end, tuple(tree.stack_at(end)), digests[-1], last_ts)
    seen.length, seen.at = sum(map(len, leaves)) + len(leaves), part.at
    return seen


class Lengths(dict[int, bytes]):
    """How the length of an entry is written before it."""

    def __missing__(self, length: int) -> bytes:
        self[length] = written = length.to_bytes(2, "big")
        return written


LENGTHS: Final = Lengths()


def lines_of(bundle: Bundle, first: int, end: int, total: int, at: int | None) -> list[bytes] | None:
    """The entries from *first* to before *end* as the lines of ``leaves.jsonl`` that begin at byte *at*, if the entry bundles
    hold exactly the same."""
    if at is None or first % 256 or first >= end or (end % 256 and end != total):
        return None
    found: list[bytes] = []
    try:
        with (bundle.directory / "leaves.jsonl").open("rb") as file:
            file.seek(at)
            for n in range(first // 256, -(-end // 256)):
                width = min(256, total - n * 256)
                packed = bundle.read(tile_path("entries", n, width))
                lines = file.read(len(packed) - width).split(b"\n")
                if lines.pop() or len(lines) != width or max(map(len, lines)) > LENGTH_MAX:
                    return None
                lengths = map(LENGTHS.__getitem__, map(len, lines))
                if b"".join(itertools.chain.from_iterable(zip(lengths, lines, strict=True))) != packed:
                    return None
                found += lines
    except OSError:
        return None
    return found


def merge(stack: list[bytes], index: int, node: bytes) -> None:
    """Put the root of tile *index* on the right edge of the tree of the tiles before it."""
    while index & 1:
        node = sha(b"\x01" + stack.pop() + node)
        index >>= 1
    stack.append(node)


def heads_in(
    bundle: Bundle, part: Part, asked: Asked, result: Result, seen: Seen
) -> dict[int, list[tuple[str, Head]]]:
    """The heads that are stored for this part, and all that came from outside, by size."""
    heads: dict[int, list[tuple[str, Head]]] = {}
    for name in part.stored:
        head = stored_head(bundle, name, asked, result, seen.cosigned)
        if head is not None:
            heads.setdefault(head.size, []).append((f"checkpoints/{name}", head))
    for what, head in asked.heads:
        heads.setdefault(head.size, []).append((what, head))
    return heads


def stored_head(
    bundle: Bundle, name: int, asked: Asked, result: Result, cosigned: dict[str, int]
) -> Head | None:
    what = f"checkpoints/{name}"
    try:
        note = bundle.text(what)
        if bundle.cosigned and bundle.has(f"cosignatures/{name}"):
            # Beside the head and not in it: a time-stamp is over the head as it was signed first.
            note += bundle.text(f"cosignatures/{name}")
        head = parse_note(note)
    except (Bad, UnicodeDecodeError) as e:
        result.add(1, f"{what}: {e}")
        return None
    check_head(head, asked.keys, result, what, cosigned)
    if head.size != name:
        result.add(3, f"{what} is a head of {head.size} entries")
    return head


def compare_heads(
    heads: list[tuple[str, Head]], asked: Asked, size: int, stack: list[bytes], last_ts: str, result: Result
) -> None:
    """Hold every head of exactly *size* against the entries, and what outsiders say of when it existed against their time."""
    bounds = list(asked.bounds.get(size, ()))
    for what, head in heads:
        if head.root != root_of(stack) or head.origin != asked.origin:
            result.add(
                2 if what == "checkpoint" else 3, f"{what} of size {size} was signed over other entries"
            )
        for name, id_, raw in head.signatures:
            if any(
                (k.name, k.id) == (name, id_) and k.algorithm != ED25519 and not is_own(k, head)
                for k in asked.keys
            ):
                bounds.append((f"the cosignature of {name} over {what}", int.from_bytes(raw[:8], "big")))
    if not bounds or asked.bytes_only or not TIME_FORM.fullmatch(last_ts):
        return
    written = datetime.fromisoformat(last_ts).timestamp()
    for what, moment in bounds:
        if written > moment + SKEW_SECONDS:
            stamped = datetime.fromtimestamp(moment, UTC).isoformat()
            result.add(10, f"entry {size - 1} says {last_ts}, but {what} covered it at {stamped} already")


def check_leaf(
    seq: int,
    leaf: bytes,
    prev: bytes | None,
    last_ts: str,
    asked: Asked,
    places: frozenset[str],
    result: Result,
    seen: Seen,
) -> str:
    """Everything that one entry must be by itself and after the one before. Returns the latest time so far."""
    body, fault = canonical_fault(leaf)
    if fault:
        result.add(5, f"entry {seq}: {fault}")
    if body is None:
        return last_ts
    if body.get("v") != 1:
        seen.unknown += 1
    if (
        type(body.get("seq")) is not int
        or body["seq"] != seq
        or (prev is not None and body.get("prev") != b64u(prev))
        or body.get("log") != asked.origin
    ):
        result.add(2, f"entry {seq} does not continue the chain (seq, prev or log)")
    ts = str(body.get("ts"))
    if not TIME_FORM.fullmatch(ts) or ts < last_ts:
        result.add(10, f"entry {seq}: time {ts} after {last_ts}")
    committed = body.get("c") or {}
    seen.commitments += len(committed)
    for name, value in committed.items() if places else ():
        if f"{seq}.{name}" in places:
            seen.found[f"{seq}.{name}"] = str(value)
    if body.get("type") == "key.rotated":
        holds = rotation_holds(body.get("data") or {})
        if holds is None:
            result.add(9, f"entry {seq}: an ML-DSA-44 signature of the rotation was not checked", INCOMPLETE)
        elif not holds:
            result.add(9, f"entry {seq}: the rotation of the key is not signed by both keys")
    if matters(str(body.get("type"))) or body.get("pol"):
        seen.bodies.append((seq, {k: body[k] for k in REPLAYED if k in body}))
    return max(last_ts, ts)


def edge_at(bundle: Bundle, size: int, asked: Asked) -> Edge:
    """What the files say the edge at *size* (a multiple of 256) is. A guess, until the parts before have been checked."""
    stack, start = [], 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            tile_level, height = divmod(level, 8)
            first = start >> (level - height)
            n, at = divmod(first, 256)
            width = min(256, (asked.size >> (8 * tile_level)) - n * 256)
            data = bundle.read(tile_path(tile_level, n, width))
            stack.append(fold([data[i * 32 : i * 32 + 32] for i in range(at, at + (1 << height))]))
            start += 1 << level
    *_, leaf = split_entries(bundle.read(tile_path("entries", size // 256 - 1, 256)))
    # The walk reads no times from bytes alone, and what it is compared with must not know more than it does.
    last_ts = "" if asked.bytes_only else str(json.loads(leaf)["ts"])
    return Edge(size, tuple(stack), sha(b"\x00" + leaf), last_ts)


def fold(nodes: list[bytes]) -> bytes:
    """The root of a perfect subtree."""
    while len(nodes) > 1:
        nodes = [sha(b"\x01" + nodes[i] + nodes[i + 1]) for i in range(0, len(nodes), 2)]
    return nodes[0]


def split_entries(data: bytes) -> list[bytes]:
    leaves, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        leaves.append(data[at + 2 : end])
        at = end
    return leaves


CHAIN: Final = 3
"""Of the columns that forms know, the place, the hash before and the time are looked at; a bundle has no search columns."""

_worker: dict[str, Any] = {}


def start_worker(directory: Path, asked: Asked) -> None:
    gc.set_threshold(ALLOCATIONS)
    _worker.update(bundle=Bundle(directory), asked=asked, forms=Forms(asked.origin, read_strictly, CHAIN))


def try_part(first: int, end: int, part: Part) -> Seen | None:
    """``guess_part`` in a process of its own."""
    seen = guess_part(_worker["bundle"], _worker["asked"], _worker["forms"], first, end, part)
    if seen is not None:
        seen.packed, seen.bodies = marshal.dumps(seen.bodies), []
    return seen


def guess_part(bundle: Bundle, asked: Asked, forms: Forms, first: int, end: int, part: Part) -> Seen | None:
    """A part before those before it were checked, if nothing whatever is wrong with it. Faults are for the walk to find again, in
    order, so that the report does not depend on how many processes looked."""
    result = Result()
    try:
        start = edge_at(bundle, first, asked)
        seen = bulk_part(bundle, start, end, asked, part, forms) or check_part(
            bundle, start, end, asked, part, result
        )
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return None
    return seen if seen.whole and not result.findings else None


def jobs_of(start: int, size: int) -> Iterator[tuple[int, int]]:
    """Where each part begins and ends; there is one even if there is nothing in it."""
    first = start
    for cut in range(start // PART * PART + PART, size, PART):
        yield first, cut
        first = cut
    yield first, size


def parts_of(
    bundle: Bundle, asked: Asked, start: Edge, index: Index, result: Result, processes: int
) -> Iterator[Seen]:
    """Every part in order. One that was found clean from the very edge that was reached here is taken, whoever did it;
    every other is checked here and now."""
    jobs = ((first, end, index.part(asked, first, end)) for first, end in jobs_of(start.size, asked.size))
    helpers = processes - 1 if asked.size - start.size > PARTS_MIN * PART and asked.first == 0 else 0
    edge, forms = start, Forms(asked.origin, read_strictly, CHAIN)
    for (_, end, part), guess in in_order(
        jobs,
        helpers,
        (start_worker, (bundle.directory, asked)),
        try_part,
        partial(guess_part, bundle, asked, forms),
    ):
        seen = guess
        if seen is None or seen.start != edge:
            seen = bulk_part(bundle, edge, end, asked, part, forms) or check_part(
                bundle, edge, end, asked, part, result
            )
        edge = seen.edge
        yield seen
        if not seen.whole:
            return


def walk(
    bundle: Bundle,
    asked: Asked,
    start: Edge,
    index: Index,
    result: Result,
    processes: int,
    cosigned: dict[str, int],
    progress: Callable[[int, int], None] | None,
) -> None:
    """One pass over every leaf, part by part. *index* then knows the digests at the places that the bundle discloses."""
    tiles, replay = Tiles(bundle, result), Replay(complete=asked.first == 0, policy_of=policies_of(bundle))
    copy, seen, unknown, commitments, found = Copy(bundle, result), Seen(start, start), 0, 0, 0
    for seen in parts_of(bundle, asked, start, index, result, processes):
        for seq, body in seen.unpacked():
            replay_step(replay, seq, body, result)
        first_tile = -(-seen.start.size // 256)
        for n, root in enumerate(seen.roots):
            tiles.see(first_tile + n, root)
        copy.compare(seen, asked.size)
        index.open(seen.found)
        found += len(seen.found)
        for name, count in seen.cosigned.items():
            cosigned[name] = cosigned.get(name, 0) + count
        unknown, commitments = unknown + seen.unknown, commitments + seen.commitments
        if progress:
            progress(seen.edge.size, asked.size)
    copy.finish(whole=seen.whole)
    finish_heads(index, asked, seen.edge.size, result)
    if seen.whole:
        tiles.finish(asked.size, seen.tail)
    result.root = b64encode(root_of(list(seen.edge.stack))).decode()
    if not asked.bytes_only:
        finish_replay(replay, result)
        if unknown:
            result.notes.append(f"{unknown} entries are of a version this program does not know")
        result.notes.append(
            f"{commitments} values are committed to, {found} disclosed here; erased ones stay committed and can never be opened"
        )


class Copy:
    """Holds ``leaves.jsonl`` against the entries, a part at a time; only the first difference is told."""

    def __init__(self, bundle: Bundle, result: Result) -> None:
        self.bundle, self.result = bundle, result
        self.same = bundle.has("leaves.jsonl")
        self.at = 0
        if not self.same:
            result.add(6, "leaves.jsonl is missing", INCOMPLETE)

    def compare(self, seen: Seen, total: int) -> None:
        if not self.same:
            return
        with (self.bundle.directory / "leaves.jsonl").open("rb") as file:
            file.seek(self.at)
            self.same = seen.at == self.at or sha(file.read(seen.length)) == seen.lines
            if not self.same:
                file.seek(self.at)
                for seq, leaf in leaves_of(self.bundle, seen.edge.size, seen.start.size, Result(), total):
                    if file.readline() != leaf + b"\n":
                        self.result.add(6, f"leaves.jsonl differs from entry {seq}")
                        break
        self.at += seen.length

    def finish(self, *, whole: bool) -> None:
        if self.same and whole and (self.bundle.directory / "leaves.jsonl").stat().st_size != self.at:
            self.result.add(6, "leaves.jsonl holds more than the head covers")


def policies_of(bundle: Bundle) -> Callable[[str], tuple[bytes, bytes | None] | None]:
    """Reads ``policies/``: the text by its hash, and its rules."""

    def read(hash: str) -> tuple[bytes, bytes | None] | None:
        name = hash.replace(":", "-")
        if not re.fullmatch("[A-Za-z0-9_-]{43,71}", name) or not bundle.has(f"policies/{name}.yaml"):
            return None
        rules = f"policies/{name}.json"
        return bundle.read(f"policies/{name}.yaml"), bundle.read(rules) if bundle.has(rules) else None

    return read


def rotation_holds(data: dict[str, Any]) -> bool | None:
    """Both keys signed the statement that one follows the other; None when that cannot be checked here."""
    try:
        old, new = parse_key(str(data["old_vkey"])), parse_key(str(data["vkey"]))
        text = f"signoff key rotation v1\n{data['old_vkey']}\n{data['vkey']}\n{data['size']}\n".encode()
        proofs = [
            (old, b64decode(data["old_proof"], validate=True)),
            (new, b64decode(data["proof"], validate=True)),
        ]
        if any(key.algorithm == COSIGNATURE for key, _ in proofs):
            return False
        checkable = [pair for pair in proofs if pair[0].algorithm == ED25519 or has_mldsa()]
        if not all(covers(key, proof, text) for key, proof in checkable):
            return False
    except (Bad, KeyError, ValueError, TypeError):
        return False
    return True if len(checkable) == len(proofs) else None


def followed(keys: tuple[Key, ...], bundle: Bundle) -> tuple[Key, ...]:
    """The keys that *keys* followed, as far back as statements that both signed lead (``rotations.jsonl``). Only backwards: a key that was
    retired, and may have been stolen since, vouches for nobody."""
    stated = []
    for line in bundle.text("rotations.jsonl").splitlines() if bundle.has("rotations.jsonl") else ():
        with contextlib.suppress(ValueError):
            data = json.loads(line)
            stated += [data] if rotation_holds(data) else []
    known = {(key.name, key.algorithm, key.public) for key in keys}
    todo, gone = list(known), []
    while todo:
        new = todo.pop()
        for data in stated:
            old, by = (parse_key(str(data[name])) for name in ("old_vkey", "vkey"))
            place = (old.name, old.algorithm, old.public)
            if (by.name, by.algorithm, by.public) == new and place not in known:
                known.add(place)
                todo.append(place)
                gone.append(old)
    return tuple(key for key in gone if key.name in {own.name for own in keys})


def replay_step(replay: Replay, seq: int, body: Any, result: Result) -> None:
    try:
        if type(body) is tuple:
            for place, fault in replay.votes(*body):
                result.add(8, f"entry {place}: {fault}")
            return
        for fault in replay.step(seq, body):
            result.add(8, f"entry {seq}: {fault}")
    except (TypeError, ValueError, AttributeError, KeyError) as e:
        result.add(8, f"entry {seq}: its facts cannot be read: {e}")


def finish_heads(index: Index, asked: Asked, reached: int, result: Result) -> None:
    """Heads beyond the entries that are here."""
    uncompared: list[str] = []
    outside = ((what, head.size) for what, head in asked.heads if head.size > reached)
    for what, size in itertools.chain(((f"checkpoints/{n}", n) for n in index.beyond(reached)), outside):
        if size > asked.size:
            result.add(3, f"{what} covers {size} entries; this bundle has {asked.size}: cut or rolled back")
        elif len(uncompared) < 5:
            uncompared.append(what)
    if uncompared:
        result.add(3, f"{', '.join(uncompared)} could not be compared: entries are missing", INCOMPLETE)


def finish_replay(replay: Replay, result: Result) -> None:
    for text, contradicts in replay.policy_faults():
        result.add(8, text, TAMPERED if contradicts else INCOMPLETE)
    if replay.unbound:
        result.notes.append(
            f"{replay.unbound} policies were put in force before the first entry here, or without the hash of their rules: "
            "decisions under them were held against the seats they name"
        )
    without_end = 0
    for request, seq in replay.open_begins():
        without_end += 1
        if without_end <= OPEN_NOTES_MAX:
            result.notes.append(
                f"request {request}: use of its grant began at entry {seq} and no end is recorded"
            )
    if without_end > OPEN_NOTES_MAX:
        result.notes.append(f"and {without_end - OPEN_NOTES_MAX} more uses of grants without an end")
    if replay.unexplained:
        result.notes.append(
            f"{replay.unexplained} entries are about requests that began before the first entry here"
        )
    result.notes.append(
        f"{replay.approved} approvals replayed, {replay.exceptions} of them without a vote (allowed by rule, standing or break-glass)"
    )


def check_disclosures(index: Index, result: Result) -> None:
    for place, encoded, digest in index.disclosures():
        if digest is None and result.state.get(CHECKS[1]) == "INCOMPLETE":
            result.add(7, f"the entry of the disclosure {place} is not here", INCOMPLETE)
            continue
        if digest != b64u(sha(encoded.encode())):
            result.add(7, f"the disclosure {place} does not open the digest in its entry")
            continue
        try:
            salt, name, _ = json.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
        except ValueError:
            result.add(7, f"the disclosure {place} cannot be read")
            continue
        if name != place.partition(".")[2] or not isinstance(salt, str):
            result.add(7, f"the disclosure {place} is of another field")


def check_sums(bundle: Bundle, result: Result) -> None:
    if not bundle.has("SHA256SUMS"):
        result.add(6, "SHA256SUMS is missing", INCOMPLETE)
        return
    with (bundle.directory / "SHA256SUMS").open(encoding="utf-8") as lines:
        check_lines(bundle, lines, result)


def check_lines(bundle: Bundle, lines: Iterable[str], result: Result) -> None:
    for line in lines:
        want, _, name = line.removesuffix("\n").partition("  ")
        path = bundle.directory / name
        if not path.resolve().is_relative_to(bundle.directory.resolve()) or not path.is_file():
            result.add(6, f"{name} is missing", INCOMPLETE)
        elif name.startswith("policies/") or not name.startswith("tile/"):
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != want:
                    result.add(6, f"{name} is not the file that was exported")


def check_timestamps(bundle: Bundle, result: Result) -> dict[int, list[tuple[str, int]]]:
    """RFC 3161 tokens by OpenSSL: the standard library cannot read CMS. Returns, by size of the head that was stamped, when."""
    bounds: dict[int, list[tuple[str, int]]] = {}
    tokens = [n for n in bundle.names("tsr") if n.endswith(".tsr")]
    openssl = shutil.which("openssl")
    if not tokens:
        result.notes.append("the bundle holds no RFC 3161 timestamps")
        return bounds
    if openssl is None or not bundle.has("tsr/ca.pem"):
        result.add(
            4, f"{len(tokens)} timestamps were not checked: they take openssl and tsr/ca.pem", INCOMPLETE
        )
        return bounds
    for name in tokens:
        size, token = name.removesuffix(".tsr"), bundle.directory / "tsr" / name
        untrusted = bundle.directory / "tsr" / "untrusted.pem"
        moment = token_time(
            openssl,
            bundle.directory / "checkpoints" / size,
            token,
            bundle.directory / "tsr" / "ca.pem",
            untrusted,
        )
        if moment is None:
            result.add(4, f"the timestamp tsr/{name} does not verify over checkpoints/{size}")
            continue
        if moment < 0 or not size.isdecimal():
            result.add(4, f"the time in tsr/{name} cannot be read", INCOMPLETE)
        else:
            bounds.setdefault(int(size), []).append((f"the timestamp tsr/{name}", moment))
    return bounds


def token_time(openssl: str, data: Path, token: Path, ca: Path, untrusted: Path | None = None) -> int | None:
    """When the RFC 3161 *token* says that *data* existed, in seconds since 1970; None when it does not verify under *ca*, and -1 when its
    time cannot be read."""
    command = [openssl, "ts", "-verify", "-data", str(data), "-in", str(token), "-CAfile", str(ca)]
    if untrusted is not None and untrusted.is_file():
        command += ["-untrusted", str(untrusted)]
    if subprocess.run(command, capture_output=True, check=False, timeout=30).returncode:
        return None
    shown = subprocess.run(
        [openssl, "ts", "-reply", "-in", str(token), "-text"], capture_output=True, check=False, timeout=30
    )
    moment = stamped_at(shown.stdout.decode(errors="replace"))
    return -1 if moment is None else moment


def stamped_at(text: str) -> int | None:
    """Seconds since 1970 of the time that ``openssl ts -reply -text`` prints."""
    found = re.search(
        r"^Time stamp: ([A-Z][a-z]{2}) +(\d+) (\d\d):(\d\d):(\d\d)(?:\.\d+)? (\d{4}) GMT$", text, re.MULTILINE
    )
    if found is None or found[1] not in MONTHS:
        return None
    day, hour, minute, second, year = (int(found[n]) for n in (2, 3, 4, 5, 6))
    moment = datetime(year, MONTHS.index(found[1]) // 3 + 1, day, hour, minute, min(second, 59), tzinfo=UTC)
    return int(moment.timestamp())


def render(result: Result) -> str:
    lines = [f"log     {result.origin}", f"size    {result.size}", f"root    {result.root}", ""]
    lines += [f"{result.state.get(name, 'ok'):<11} {name}" for name in CHECKS]
    if result.findings:
        lines += ["", *(f"! {name.split(' ', 1)[1]}: {text}" for name, _, text in result.findings)]
    if result.dropped:
        lines.append(f"! and {result.dropped} more")
    lines += ["", *(f"- {note}" for note in result.notes)]
    verdict = {
        OK: "nothing wrong was found",
        TAMPERED: "TAMPERED",
        INCOMPLETE: "INCOMPLETE: some of it could not be checked",
    }[result.exit]
    return "\n".join([*lines, "", verdict])


def as_json(result: Result) -> str:
    return json.dumps(
        {
            "exit": result.exit,
            "origin": result.origin,
            "size": result.size,
            "root": result.root,
            "checks": {name: result.state.get(name, "ok") for name in CHECKS},
            "findings": [{"check": c, "exit": code, "text": text} for c, code, text in result.findings],
            "dropped": result.dropped,
            "notes": result.notes,
        },
        indent=1,
    )


def show_progress(done: int, total: int) -> None:
    sys.stderr.write(f"\r{done * 100 // max(total, 1):3d} %  {done} of {total}")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="verify.py", description="Verify a bundle of the Signoff audit log, offline."
    )
    parser.add_argument("bundle", nargs="?", default=os.path.dirname(os.path.abspath(__file__)), type=Path)  # noqa: PTH100, PTH120
    parser.add_argument("--vkey", action="append", default=[])
    parser.add_argument("--checkpoint", action="append", default=[], type=Path)
    parser.add_argument("--expect-size", type=int)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--bytes-only", action="store_true")
    parser.add_argument("--json", action="store_true")
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as e:
        return USAGE if e.code else OK
    progress = show_progress if sys.stderr.isatty() and not arguments.json else None
    try:
        result = verify(
            Path(arguments.bundle),
            arguments.vkey,
            arguments.checkpoint,
            arguments.expect_size,
            progress,
            arguments.processes,
            arguments.bytes_only,
        )
    except (Bad, OSError, ValueError, KeyError, sqlite3.Error) as e:
        sys.stderr.write(f"this is not a bundle that can be read: {e}\n")
        return USAGE if isinstance(e, Bad) else INCOMPLETE
    sys.stdout.write((as_json(result) if arguments.json else render(result)) + "\n")
    return result.exit


if __name__ == "__main__":
    sys.exit(main())
