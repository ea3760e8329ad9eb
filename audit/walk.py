"""The checks that every reader of consecutive leaves makes, in one place and pure.

A ``Walk`` is fed leaves in order and tells what is wrong with each: bytes, canonical form,
place, chain, time. It keeps only the right edge of the tree, so its memory does not
grow with the log. What the leaves *mean* is ``audit.semantics``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from hashlib import sha256
from typing import Final

from audit import merkle
from audit.canonical import NotCanonical, decode
from audit.chain import GENESIS, b64u
from audit.entry import VERSION, ts_us

FINDINGS_MAX: Final = 1000
"""Findings kept; the rest are counted. One forged leaf must not fill the memory."""


class Exit(IntEnum):
    """Exit codes of everything that verifies."""

    OK = 0
    TAMPERED = 1
    INCOMPLETE = 2
    USAGE = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: which check found it, where, and a sentence."""

    check: str
    seq: int | None
    text: str
    exit: Exit = Exit.TAMPERED


@dataclass(slots=True)
class Report:
    """What a verification saw. *notes* are sentences that a reader must know but that prove nothing wrong."""

    origin: str = ""
    size: int = 0
    root: bytes = merkle.EMPTY_ROOT
    first: int = 0
    checkpoints: int = 0
    checks: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    dropped: int = 0

    def add(self, check: str, seq: int | None, text: str, exit: Exit = Exit.TAMPERED) -> None:
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(check, seq, text, exit))
        else:
            self.dropped += 1

    @property
    def exit(self) -> Exit:
        """The worst that was found: tampered beats incomplete beats fine."""
        found = {finding.exit for finding in self.findings}
        for code in (Exit.TAMPERED, Exit.INCOMPLETE):
            if code in found:
                return code
        return Exit.OK

    @property
    def ok(self) -> bool:
        return self.exit is Exit.OK


@dataclass(slots=True)
class Walk:
    """The state between two leaves: how many, the last hash, the compact range, the last time."""

    size: int = 0
    last_hash: bytes | None = GENESIS
    stack: tuple[bytes, ...] = ()
    last_ts: str = ""
    origin: str = ""
    unknown_versions: int = 0
    body: dict[str, object] | None = None
    """The last leaf, parsed; None when it could not be."""

    @property
    def root(self) -> bytes:
        return merkle.root(self.stack)

    def step(self, leaf: bytes) -> Iterator[tuple[str, str]]:
        """Take the next leaf; yield ``(check, sentence)`` for each fault. The walk goes on regardless."""
        digest = sha256(b"\x00" + leaf).digest()
        try:
            self.body = decode(leaf)
        except NotCanonical as e:
            self.body = None
            yield "canonical", str(e)
        if self.body is not None:
            yield from self._place(self.body)
        self.stack = merkle.push(self.stack, self.size, digest)
        self.size += 1
        self.last_hash = digest

    def step_bytes(self, leaf: bytes) -> None:
        """Take the next leaf by its hash alone, whatever it says."""
        digest = sha256(b"\x00" + leaf).digest()
        self.stack = merkle.push(self.stack, self.size, digest)
        self.size += 1
        self.last_hash = digest

    def _place(self, body: dict[str, object]) -> Iterator[tuple[str, str]]:
        if body.get("v") != VERSION:
            self.unknown_versions += 1
        if body.get("seq") != self.size or type(body["seq"]) is not int:
            yield "chain", f"the leaf at {self.size} says it is number {body.get('seq')!r}"
        if self.last_hash is not None and body.get("prev") != b64u(self.last_hash):
            yield "chain", "the leaf names another predecessor"
        log = body.get("log")
        if not self.origin and type(log) is str:
            self.origin = log
        if log != self.origin:
            yield "chain", "the leaf belongs to another log"
        ts = body.get("ts")
        if type(ts) is not str or not is_ts(ts):
            yield "time", "the time is not UTC with six digits"
        else:
            if ts < self.last_ts:
                yield "time", f"time went back from {self.last_ts} to {ts}"
            self.last_ts = max(ts, self.last_ts)


def is_ts(text: str) -> bool:
    """True for exactly the form that the writer gives a time, so that text order is time order."""
    if len(text) != 27 or text[10] != "T" or text[26] != "Z" or text[19] != ".":
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def us_of(text: str) -> int:
    """Microseconds since 1970 of a leaf's time."""
    return ts_us(datetime.fromisoformat(text))
