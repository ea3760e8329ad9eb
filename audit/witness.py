"""A witness: on another host, by another hand, it signs only what continues what it saw.

Decides what a C2SP tlog-witness answers to ``add-checkpoint``; pure. The caller stores the new
head *before* it sends the answer, atomically against the size it read. Source:
c2sp.org/tlog-witness (request body, status codes), c2sp.org/tlog-cosignature.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.checkpoint import (
    COSIGNATURE_V1,
    BadNote,
    Checkpoint,
    Verifier,
    cosigned_text,
    key_id,
    open_checkpoint,
    parse_checkpoint,
    split_note,
    vkey_text,
)
from audit.merkle import PROOF_MAX, verify_consistency

BODY_MAX: Final = 65_536


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest head this witness has signed for one log; size 0 before the first."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """*status* and *body* of the HTTP answer; *seen* is what to store first, when not None."""

    status: int
    body: str
    seen: Seen | None = None


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness's key. Signs ``cosignature/v1``: the head and the time it was seen."""

    name: str
    key: Ed25519PrivateKey

    @property
    def vkey(self) -> str:
        return vkey_text(self.name, COSIGNATURE_V1, self.key.public_key().public_bytes_raw())

    def line(self, text: str, now: datetime) -> str:
        seconds = int(now.timestamp())
        raw = seconds.to_bytes(8, "big") + self.key.sign(cosigned_text(text.encode(), seconds))
        public = self.key.public_key().public_bytes_raw()
        signed = key_id(self.name, COSIGNATURE_V1, public) + raw
        return f"— {self.name} {b64encode(signed).decode('ascii')}\n"


def request_body(old: int, proof: Sequence[bytes], note: str) -> str:
    """What a log posts: the size it thinks the witness has, the proof from there, the new head."""
    lines = [f"old {old}", *(b64encode(h).decode("ascii") for h in proof)]
    return "\n".join(lines) + "\n\n" + note


def answer(
    body: str,
    logs: Callable[[str], Verifier | None],
    seen_of: Callable[[str], Seen],
    cosigner: Cosigner,
    now: datetime,
) -> Answer:
    """What to say to ``add-checkpoint`` with *body*. *logs* gives the key of a log this witness knows."""
    try:
        old, proof, note = _parse(body)
        origin = parse_checkpoint(split_note(note)[0]).origin
    except (BadNote, ValueError):
        return Answer(400, "not an add-checkpoint request\n")
    verifier = logs(origin)
    if verifier is None:
        return Answer(404, "unknown log\n")
    try:
        head = open_checkpoint(note, [verifier], origin)
    except BadNote:
        return Answer(403, "the head is not signed by the log\n")
    seen = seen_of(origin)
    if old > head.size:
        return Answer(400, "the old size is larger than the head's\n")
    if old != seen.size:
        return Answer(409, f"{seen.size}\n")
    if old == head.size and seen.root != head.root and old:
        return Answer(409, f"{seen.size}\n")
    if not (old == 0 and not proof) and not verify_consistency(old, head.size, proof, seen.root, head.root):
        return Answer(422, "the head does not continue what this witness has seen\n")
    return Answer(200, cosigner.line(head.text, now), Seen(head.size, head.root))


def _parse(body: str) -> tuple[int, list[bytes], str]:
    if len(body) > BODY_MAX:
        raise ValueError("too large")
    block, empty, note = body.partition("\n\n")
    first, *rest = block.split("\n")
    word, _, number = first.partition(" ")
    if (
        not empty
        or word != "old"
        or not number.isascii()
        or str(int(number)) != number
        or int(number) < 0
        or len(rest) > PROOF_MAX
    ):
        raise ValueError("no old size")
    return int(number), [b64decode(line, validate=True) for line in rest], note


def add_cosignature(note: str, line: str, witness: Verifier) -> str:
    """*note* with the witness's signature, which must be right; ``BadNote`` otherwise."""
    text, signatures = split_note(split_note(note)[0] + "\n" + line)
    if len(signatures) != 1 or (signatures[0].name, signatures[0].key_id) != (witness.name, witness.key_id):
        raise BadNote("the answer is not this witness's signature")
    if not witness.verifies(text.encode(), signatures[0].raw):
        raise BadNote("the witness's signature is wrong")
    return note + line


def head_of(note: str) -> Checkpoint:
    return parse_checkpoint(split_note(note)[0])
