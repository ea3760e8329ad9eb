"""Verify a bundle of the Signoff audit log, offline.

    python3 verify.py [BUNDLE] [--vkey KEY]... [--checkpoint FILE]... [--expect-size N] [--json]

This file travels in every bundle as ``verify.py``. It needs Python 3.11 and the package
``cryptography``, and shares no code with the program that wrote the log but the replay of
votes, whose text is inside it. Keys named with --vkey are the ones you trust; without any, the
bundle's own ``vkeys`` are used and the answer says so: compare them with a copy you got elsewhere.

Exit codes: 0 nothing wrong, 1 tampered, 2 incomplete (something could not be checked), 3 usage.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.semantics import Replay

OK, TAMPERED, INCOMPLETE, USAGE = 0, 1, 2, 3
FINDINGS_MAX: Final = 200
INT_MAX: Final = 2**53 - 1
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
    "8 votes explain decisions and grants",
    "9 key windows",
    "10 time never goes back",
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


def parse_key(text: str) -> Key:
    """A line of ``vkeys``: ``vkey`` or ``vkey FIRST..LAST``."""
    vkey, _, window = text.strip().partition(" ")
    try:
        name, id_hex, encoded = vkey.split("+", 2)
        raw = b64decode(encoded, validate=True)
    except ValueError as e:
        raise Bad(f"not a verifier key: {vkey[:60]!r}") from e
    if len(raw) != 33 or raw[0] not in (1, 4):
        raise Bad("only Ed25519 verifier keys are known")
    expected = sha(name.encode() + b"\n" + raw)[:4]
    if expected.hex() != id_hex:
        raise Bad(f"the id of the key {name} does not belong to it")
    first, _, last = window.partition("..")
    return Key(name, expected, raw[0], raw[1:], int(first or 0), int(last) if last else None)


@dataclass(frozen=True)
class Head:
    origin: str
    size: int
    root: bytes
    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]


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
    text = head.text.encode()
    if key.algorithm == 4:
        text = b"cosignature/v1\ntime %d\n" % int.from_bytes(raw[:8], "big") + text
        raw = raw[8:]
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(raw, text)
    except InvalidSignature:
        return False
    return True


def check_head(head: Head, keys: list[Key], result: Result, what: str) -> bool:
    """True when the log's own key signed *head* inside its window, and no known key signed it wrongly."""
    own = False
    for name, id_, raw in head.signatures:
        for key in keys:
            if (key.name, key.id) != (name, id_):
                continue
            if not signed_by(head, key, raw):
                result.add(1 if key.algorithm == 1 else 4, f"{what}: the signature of {name} is wrong")
                return False
            if key.algorithm == 1 and key.name == head.origin:
                own = True
                if head.size < key.first or (key.last is not None and head.size > key.last):
                    result.add(9, f"{what}: signed by a key outside its window {key.first}..{key.last}")
            elif key.algorithm == 4:
                result.notes.append(f"{what}: cosigned by {name}")
    if not own:
        result.add(1, f"{what}: no signature by a known key of {head.origin}")
    return own


class Bundle:
    """The files of a bundle; every access stays inside its directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

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
    bundle: Bundle, keys: list[Key], outside: list[Path], result: Result
) -> tuple[Head | None, list[tuple[str, Head]]]:
    """The bundle's head and every other head, those from outside included, sorted by size."""
    main: Head | None = None
    others: list[tuple[str, Head]] = []
    sources = [("checkpoint", bundle.directory / "checkpoint")]
    sources += [
        (f"checkpoints/{n}", bundle.directory / "checkpoints" / n) for n in bundle.names("checkpoints")
    ]
    sources += [(f"outside head {p.name}", p) for p in outside]
    for what, path in sources:
        try:
            head = parse_note(path.read_text())
        except FileNotFoundError:
            result.add(1, f"{what} is missing", INCOMPLETE)
            continue
        except (Bad, UnicodeDecodeError) as e:
            result.add(1, f"{what}: {e}")
            continue
        check_head(head, keys, result, what)
        if what == "checkpoint":
            main = head
        others.append((what, head))
    others.sort(key=lambda item: item[1].size)
    return main, others


def leaves_of(bundle: Bundle, size: int, first: int, result: Result) -> Iterator[tuple[int, bytes]]:
    """Every leaf from *first* to *size*, out of the entry bundles."""
    for n in range(first // 256, (size + 255) // 256):
        width = min(256, size - n * 256)
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
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            if end > len(data) or count >= width:
                break
            if n * 256 + count >= first:
                yield n * 256 + count, data[at + 2 : end]
            at, count = end, count + 1
        if at != len(data) or count != width:
            result.add(2, f"{path} does not hold {width} whole entries")
            return


class Tiles:
    """Compares the hash tiles in the bundle with the hashes of its entries."""

    def __init__(self, bundle: Bundle, result: Result) -> None:
        self.bundle, self.result = bundle, result
        self.rows: list[list[bytes]] = []

    def see(self, index: int, node: bytes, level: int = 0) -> None:
        if level == len(self.rows):
            self.rows.append([])
        row = self.rows[level]
        if not row and index % 256:
            return
        row.append(node)
        if len(row) == 256:
            self.compare(level, index // 256, row)
            nodes = row[:]
            row.clear()
            while len(nodes) > 1:
                nodes = [sha(b"\x01" + nodes[i] + nodes[i + 1]) for i in range(0, len(nodes), 2)]
            self.see(index // 256, nodes[0], level + 1)

    def compare(self, level: int, n: int, row: list[bytes]) -> None:
        path = tile_path(level, n, len(row))
        try:
            same = self.bundle.read(path) == b"".join(row)
        except FileNotFoundError:
            self.result.add(2, f"{path} is missing", INCOMPLETE)
            return
        if not same:
            self.result.add(2, f"{path} does not hold the hashes of the entries")

    def finish(self, size: int) -> None:
        for level, row in enumerate(self.rows):
            if row:
                self.compare(level, size // 256 ** (level + 1), row)


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
) -> Result:
    """Run the ten checks over the bundle in *directory*."""
    result, bundle = Result(), Bundle(directory)
    if vkeys:
        keys = [parse_key(v) for v in vkeys]
    else:
        keys = [parse_key(line) for line in bundle.text("vkeys").splitlines() if line.strip()]
        result.notes.append(
            "keys were taken from the bundle itself: compare its vkeys file with a copy you got elsewhere"
        )
    head, heads = heads_of(bundle, keys, outside, result)
    if head is None:
        result.add(1, "the bundle has no readable head", INCOMPLETE)
        return result
    result.origin, result.size = head.origin, head.size
    first, stack = start_of(bundle)
    digests = walk(bundle, head, heads, first, stack, result, progress)
    check_disclosures(bundle, digests, result)
    check_sums(bundle, result)
    check_timestamps(bundle, result)
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


def wanted_digests(bundle: Bundle) -> dict[str, str]:
    """Digest → encoded disclosure, of what the bundle discloses (only what was asked for, so it fits)."""
    wanted: dict[str, str] = {}
    if bundle.has("disclosures.jsonl"):
        with (bundle.directory / "disclosures.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                wanted[f"{row['seq']}.{row['name']}"] = str(row["disclosure"])
    return wanted


def walk(
    bundle: Bundle,
    head: Head,
    heads: list[tuple[str, Head]],
    first: int,
    stack: list[bytes],
    result: Result,
    progress: Callable[[int, int], None] | None,
) -> dict[str, str]:
    """One pass over every leaf. Returns the digests at the places that the bundle discloses."""
    places, found = set(wanted_digests(bundle)), {}
    tiles, replay = Tiles(bundle, result), Replay(complete=first == 0)
    prev: bytes | None = bytes(32) if first == 0 else None
    size, last_ts, unknown, commitments = first, "", 0, 0
    pending = [item for item in heads if item[1].size >= first]
    jsonl = (bundle.directory / "leaves.jsonl").open("rb") if bundle.has("leaves.jsonl") else None
    if jsonl is None:
        result.add(6, "leaves.jsonl is missing", INCOMPLETE)
    for seq, leaf in leaves_of(bundle, head.size, first, result):
        digest = sha(b"\x00" + leaf)
        body, fault = canonical_fault(leaf)
        if fault:
            result.add(5, f"entry {seq}: {fault}")
        if body is not None:
            if body.get("v") != 1:
                unknown += 1
            if (
                type(body.get("seq")) is not int
                or body["seq"] != seq
                or (prev is not None and body.get("prev") != b64u(prev))
                or body.get("log") != head.origin
            ):
                result.add(2, f"entry {seq} does not continue the chain (seq, prev or log)")
            ts = str(body.get("ts"))
            if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", ts) or ts < last_ts:
                result.add(10, f"entry {seq}: time {ts} after {last_ts}")
            last_ts = max(last_ts, ts)
            commitments += len(body.get("c") or ())
            for name, value in (body.get("c") or {}).items():
                if f"{seq}.{name}" in places:
                    found[f"{seq}.{name}"] = str(value)
            replay_step(replay, seq, body, result)
            if body.get("type") == "key.rotated" and not rotation_holds(body.get("data") or {}):
                result.add(9, f"entry {seq}: the rotation of the key is not signed by both keys")
        if jsonl is not None and jsonl.readline() != leaf + b"\n":
            result.add(6, f"leaves.jsonl differs from entry {seq}")
            jsonl.close()
            jsonl = None
        tiles.see(seq, digest)
        push(stack, size, digest)
        size, prev = size + 1, digest
        while pending and pending[0][1].size <= size:
            what, other = pending.pop(0)
            if other.size == size and (other.root != root_of(stack) or other.origin != head.origin):
                result.add(
                    2 if what == "checkpoint" else 3, f"{what} of size {size} was signed over other entries"
                )
        if progress and not size % 4096:
            progress(size, head.size)
    if jsonl is not None and size == head.size and jsonl.read(1):
        result.add(6, "leaves.jsonl holds more than the head covers")
    if jsonl is not None:
        jsonl.close()
    finish(bundle, head, pending, tiles, replay, size, result)
    if unknown:
        result.notes.append(f"{unknown} entries are of a version this program does not know")
    result.root = b64encode(root_of(stack)).decode()
    result.notes.append(
        f"{commitments} values are committed to, {len(found)} disclosed here; erased ones stay committed and can never be opened"
    )
    return found


def rotation_holds(data: dict[str, Any]) -> bool:
    """Both keys signed the statement that one follows the other."""
    try:
        old, new = parse_key(str(data["old_vkey"])), parse_key(str(data["vkey"]))
        text = f"signoff key rotation v1\n{data['old_vkey']}\n{data['vkey']}\n{data['size']}\n".encode()
        for key, proof in ((old, data["old_proof"]), (new, data["proof"])):
            Ed25519PublicKey.from_public_bytes(key.public).verify(b64decode(proof, validate=True), text)
    except (Bad, KeyError, ValueError, TypeError, InvalidSignature):
        return False
    return True


def replay_step(replay: Replay, seq: int, body: dict[str, Any], result: Result) -> None:
    try:
        for fault in replay.step(seq, body):
            result.add(8, f"entry {seq}: {fault}")
    except (TypeError, ValueError, AttributeError) as e:
        result.add(8, f"entry {seq}: its facts cannot be read: {e}")


def finish(
    bundle: Bundle,
    head: Head,
    pending: list[tuple[str, Head]],
    tiles: Tiles,
    replay: Replay,
    size: int,
    result: Result,
) -> None:
    for what, other in pending:
        if other.size > head.size:
            result.add(
                3, f"{what} covers {other.size} entries; this bundle has {head.size}: cut or rolled back"
            )
        elif size < head.size:
            result.add(3, f"{what} could not be compared: entries are missing", INCOMPLETE)
    if size == head.size:
        tiles.finish(size)
    for request, seq in replay.open_begins():
        result.notes.append(
            f"request {request}: use of its grant began at entry {seq} and no end is recorded"
        )
    if replay.unexplained:
        result.notes.append(
            f"{replay.unexplained} entries are about requests that began before the first entry here"
        )
    result.notes.append(
        f"{replay.approved} approvals replayed, {replay.exceptions} of them without a vote (allowed by rule, standing or break-glass)"
    )


def check_disclosures(bundle: Bundle, digests: dict[str, str], result: Result) -> None:
    for place, encoded in wanted_digests(bundle).items():
        if place not in digests and result.state.get(CHECKS[1]) == "INCOMPLETE":
            result.add(7, f"the entry of the disclosure {place} is not here", INCOMPLETE)
            continue
        if digests.get(place) != b64u(sha(encoded.encode())):
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
    for line in bundle.text("SHA256SUMS").splitlines():
        want, _, name = line.partition("  ")
        path = bundle.directory / name
        if not path.resolve().is_relative_to(bundle.directory.resolve()) or not path.is_file():
            result.add(6, f"{name} is missing", INCOMPLETE)
        elif name.startswith("policies/") or not name.startswith("tile/"):
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != want:
                    result.add(6, f"{name} is not the file that was exported")


def check_timestamps(bundle: Bundle, result: Result) -> None:
    """RFC 3161 tokens by OpenSSL: the standard library cannot read CMS."""
    tokens = [n for n in bundle.names("tsr") if n.endswith(".tsr")]
    openssl = shutil.which("openssl")
    if not tokens:
        result.notes.append("the bundle holds no RFC 3161 timestamps")
        return
    if openssl is None or not bundle.has("tsr/ca.pem"):
        result.add(
            4, f"{len(tokens)} timestamps were not checked: they take openssl and tsr/ca.pem", INCOMPLETE
        )
        return
    for name in tokens:
        note = bundle.directory / "checkpoints" / name.removesuffix(".tsr")
        command = [
            openssl,
            "ts",
            "-verify",
            "-data",
            str(note),
            "-in",
            str(bundle.directory / "tsr" / name),
            "-CAfile",
            str(bundle.directory / "tsr" / "ca.pem"),
        ]
        if bundle.has("tsr/untrusted.pem"):
            command += ["-untrusted", str(bundle.directory / "tsr" / "untrusted.pem")]
        if subprocess.run(command, capture_output=True, check=False, timeout=30).returncode:
            result.add(4, f"the timestamp tsr/{name} does not verify over checkpoints/{note.name}")


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
    parser.add_argument("--json", action="store_true")
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as e:
        return USAGE if e.code else OK
    progress = show_progress if sys.stderr.isatty() and not arguments.json else None
    try:
        result = verify(
            Path(arguments.bundle), arguments.vkey, arguments.checkpoint, arguments.expect_size, progress
        )
    except (Bad, OSError, ValueError, KeyError) as e:
        sys.stderr.write(f"this is not a bundle that can be read: {e}\n")
        return USAGE if isinstance(e, Bad) else INCOMPLETE
    sys.stdout.write((as_json(result) if arguments.json else render(result)) + "\n")
    return result.exit


if __name__ == "__main__":
    sys.exit(main())
