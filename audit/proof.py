"""Evidence for one entry: a C2SP tlog-proof file.

Holds the entry's index, its inclusion proof and a signed head, so that whoever has the
leaf's bytes and the log's key needs nothing else. Source: c2sp.org/tlog-proof@v1.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from audit.chain import leaf_hash
from audit.checkpoint import Checkpoint, Verifier, open_checkpoint
from audit.merkle import PROOF_MAX, verify_inclusion

HEADER: Final = "c2sp.org/tlog-proof@v1"


class BadProof(ValueError):
    """Not a proof file, or one that does not prove what it says."""


@dataclass(frozen=True, slots=True)
class Proof:
    index: int
    hashes: tuple[bytes, ...]
    note: str
    extra: bytes | None = None

    @property
    def text(self) -> str:
        """The file. *extra* is opaque to the format; here it carries the leaf itself."""
        extra = [] if self.extra is None else [f"extra {b64encode(self.extra).decode('ascii')}"]
        hashes = [b64encode(h).decode("ascii") for h in self.hashes]
        return "\n".join([HEADER, *extra, f"index {self.index}", *hashes, "", self.note])


def parse(text: str) -> Proof:
    head, empty, note = text.partition("\n\n")
    lines = head.split("\n")
    if not empty or lines[0] != HEADER:
        raise BadProof("not a tlog-proof file")
    try:
        rest = lines[1:]
        extra = b64decode(rest.pop(0)[6:], validate=True) if rest[0].startswith("extra ") else None
        word, _, number = rest.pop(0).partition(" ")
        hashes = tuple(b64decode(line, validate=True) for line in rest)
        if word != "index" or not number.isascii() or str(int(number)) != number:
            raise BadProof("a proof names its index")
    except (IndexError, ValueError) as e:
        raise BadProof("not a tlog-proof file") from e
    if len(hashes) > PROOF_MAX or any(len(h) != 32 for h in hashes):
        raise BadProof("a proof is at most 63 hashes of 32 bytes")
    return Proof(int(number), hashes, note, extra)


def verify(proof: Proof, leaf: bytes, verifiers: Sequence[Verifier], origin: str) -> Checkpoint:
    """The signed head under which *leaf* stands; ``BadProof`` or ``BadNote`` when it does not."""
    checkpoint = open_checkpoint(proof.note, verifiers, origin)
    if not verify_inclusion(leaf_hash(leaf), proof.index, checkpoint.size, proof.hashes, checkpoint.root):
        raise BadProof("the leaf is not at that place under that head")
    return checkpoint
