"""Signed heads: C2SP tlog-checkpoint inside a C2SP signed-note.

Decided here: the text of a checkpoint, what is signed, and which signatures count.
A signature by an unknown key is ignored (the format asks for it, so that witnesses and
a second key can sign); a *wrong* signature by a known key refuses the whole note.
The log's own second signature (ML-DSA-44) is a cosignature under the log's own name: it
adds to the Ed25519 one and never stands for it.
Sources: c2sp.org/tlog-checkpoint, c2sp.org/signed-note, c2sp.org/tlog-cosignature (which
gives type 0x06 its key id and its signed message; read at C2SP/C2SP 01194db), FIPS 204.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from audit.chain import HASH_BYTES

ED25519: Final = 0x01
COSIGNATURE_V1: Final = 0x04
MLDSA44: Final = 0x06
PUBLIC_BYTES: Final = {ED25519: 32, COSIGNATURE_V1: 32, MLDSA44: 1312}
SIGNATURE_BYTES: Final = {ED25519: 64, COSIGNATURE_V1: 72, MLDSA44: 2428}
"""A cosignature begins with eight bytes of time."""

NAME_BYTES_MAX: Final = 255
"""Longest name that an ML-DSA-44 cosignature can state (its length is one byte)."""

NOTE_BYTES_MAX: Final = 1_000_000
SIGNATURES_MAX: Final = 100

_NAME: Final = re.compile(r"[^\s+]{1,255}")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


class BadNote(ValueError):
    """Not a signed note, or one whose signature by a known key is wrong."""


class NoteSigner(Protocol):
    """Signs note texts under one name. Where the private key lives is its own affair."""

    @property
    def vkey(self) -> str:
        """The public half, as text: ``name+hex(keyid)+base64(type || key)``."""
        ...

    def sign(self, text: bytes) -> bytes:
        """The raw signature over the note's *text* (without the key id)."""
        ...


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key that a reader trusts under one name."""

    name: str
    key_id: bytes
    algorithm: int
    public: bytes

    @property
    def vkey(self) -> str:
        return vkey_text(self.name, self.algorithm, self.public)

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """True when *signature* by this key covers the note's *text*."""
        if len(signature) != SIGNATURE_BYTES[self.algorithm]:
            return False
        if self.algorithm == ED25519:
            return self.signed(text, signature)
        moment, raw = int.from_bytes(signature[:8], "big"), signature[8:]
        if self.algorithm == COSIGNATURE_V1:
            return self.signed(cosigned_text(text, moment), raw)
        try:
            head = parse_checkpoint(text.decode())
        except (BadNote, UnicodeDecodeError):
            return False
        return self.signed(cosigned_message(self.name, moment, head), raw)

    def signed(self, message: bytes, signature: bytes) -> bool:
        """True when *signature* is this key's over exactly *message*."""
        try:
            if self.algorithm == MLDSA44:
                MLDSA44PublicKey.from_public_bytes(self.public).verify(signature, message)
            else:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signature:
    name: str
    key_id: bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A head: *root* commits to exactly *size* leaves of the log called *origin*."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        lines = (self.origin, str(self.size), b64encode(self.root).decode("ascii"), *self.extensions)
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Ed25519Signer:
    """A signer whose key is in this process."""

    name: str
    key: Ed25519PrivateKey

    @property
    def vkey(self) -> str:
        return vkey_text(self.name, ED25519, self.key.public_key().public_bytes_raw())

    def sign(self, text: bytes) -> bytes:
        return self.key.sign(text)


@dataclass(frozen=True, slots=True)
class MlDsaSigner:
    """Signs heads a second time. Not a ``NoteSigner``: what it signs is a head at a moment, not a text."""

    name: str
    key: MLDSA44PrivateKey

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> "MlDsaSigner":
        """*seed* are the 32 bytes that FIPS 204 calls xi."""
        if not 0 < len(name.encode()) <= NAME_BYTES_MAX:
            raise ValueError(f"a name that ML-DSA-44 signs has at most {NAME_BYTES_MAX} bytes")
        return cls(name, MLDSA44PrivateKey.from_seed_bytes(seed))

    @property
    def vkey(self) -> str:
        return vkey_text(self.name, MLDSA44, self.key.public_key().public_bytes_raw())

    def sign(self, statement: bytes) -> bytes:
        """The raw signature over *statement*, which must not be a cosigned message (``audit.rotation``)."""
        return self.key.sign(statement)

    def cosign(self, head: Checkpoint, timestamp_seconds: int) -> str:
        """The signature line over *head*: that it was the largest tree at that second."""
        raw = self.key.sign(cosigned_message(self.name, timestamp_seconds, head))
        public = self.key.public_key().public_bytes_raw()
        whole = key_id(self.name, MLDSA44, public) + timestamp_seconds.to_bytes(8, "big") + raw
        return f"— {self.name} {b64encode(whole).decode('ascii')}\n"


def has_mldsa() -> bool:
    """Whether the ``cryptography`` that is installed was built with ML-DSA; its wheels are, since 48."""
    try:
        MLDSA44PrivateKey.from_seed_bytes(bytes(32))
    except UnsupportedAlgorithm:
        return False
    return True


def key_id(name: str, algorithm: int, public: bytes) -> bytes:
    """The four bytes that tell signatures by different keys apart (signed-note)."""
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:4]


def vkey_text(name: str, algorithm: int, public: bytes) -> str:
    encoded = b64encode(bytes([algorithm]) + public).decode("ascii")
    return f"{name}+{key_id(name, algorithm, public).hex()}+{encoded}"


def parse_vkey(vkey: str) -> Verifier:
    """The verifier that *vkey* describes; ``BadNote`` unless its id matches its key."""
    name, plus, rest = vkey.strip().partition("+")
    id_hex, plus2, encoded = rest.partition("+")
    if not (plus and plus2) or not _NAME.fullmatch(name):
        raise BadNote("a verifier key is name+id+key")
    raw = _unbase64(encoded)
    if not raw or len(raw) - 1 != PUBLIC_BYTES.get(raw[0]):
        raise BadNote("only Ed25519 (types 1 and 4) and ML-DSA-44 (type 6) verifier keys are known")
    algorithm, public = raw[0], raw[1:]
    expected = key_id(name, algorithm, public)
    if id_hex != expected.hex():
        raise BadNote("the key id does not belong to the key")
    return Verifier(name, expected, algorithm, public)


def sign_note(text: str, signers: Iterable[NoteSigner]) -> str:
    """*text* (ending in a newline) with one signature line per signer."""
    lines = [signature_line(text, signer) for signer in signers]
    if not lines:
        raise BadNote("a note without a signature is not a note")
    return text + "\n" + "".join(lines)


def signature_line(text: str, signer: NoteSigner) -> str:
    """One signature line, which may be appended to a note over the same *text*."""
    name, id_hex, _ = signer.vkey.split("+", 2)
    raw = bytes.fromhex(id_hex) + signer.sign(text.encode())
    return f"— {name} {b64encode(raw).decode('ascii')}\n"


def cosigned_text(text: bytes, timestamp_seconds: int) -> bytes:
    """What a witness signs (tlog-cosignature, cosignature/v1)."""
    return b"cosignature/v1\ntime %d\n" % timestamp_seconds + text


def cosigned_message(name: str, timestamp_seconds: int, head: Checkpoint) -> bytes:
    """What an ML-DSA-44 cosigner called *name* signs of *head* (tlog-cosignature, ``cosigned_message``). Extension lines are not in it."""
    cosigner, origin = name.encode(), head.origin.encode()
    if not 0 < len(cosigner) <= NAME_BYTES_MAX or not 0 < len(origin) <= NAME_BYTES_MAX:
        raise BadNote("a name is too long for an ML-DSA-44 cosignature")
    return b"".join(
        (
            b"subtree/v1\n\0",
            bytes([len(cosigner)]),
            cosigner,
            timestamp_seconds.to_bytes(8, "big"),
            bytes([len(origin)]),
            origin,
            bytes(8),
            head.size.to_bytes(8, "big"),
            head.root,
        )
    )


def split_note(note: str) -> tuple[str, tuple[Signature, ...]]:
    """The text and the signatures of *note*, none of them verified yet."""
    if len(note) > NOTE_BYTES_MAX or any(c < " " and c != "\n" for c in note):
        raise BadNote("too large, or holds control characters")
    cut = note.rfind("\n\n")
    if cut < 0 or not note.endswith("\n"):
        raise BadNote("a note is a text, an empty line and signature lines")
    text, block = note[: cut + 1], note[cut + 2 :]
    lines = block.split("\n")[:-1]
    if not 0 < len(lines) <= SIGNATURES_MAX:
        raise BadNote("a note has between one and a hundred signatures")
    return text, tuple(_parse_signature(line) for line in lines)


def open_note(note: str, verifiers: Sequence[Verifier]) -> tuple[str, tuple[Verifier, ...]]:
    """The text of *note* and which of *verifiers* signed it; ``BadNote`` when none did, or one wrongly."""
    text, signatures = split_note(note)
    raw_text = text.encode()
    by: list[Verifier] = []
    for signature in signatures:
        for verifier in verifiers:
            if (verifier.name, verifier.key_id) == (signature.name, signature.key_id):
                if not verifier.verifies(raw_text, signature.raw):
                    raise BadNote(f"the signature of {verifier.name} is wrong")
                if verifier not in by:
                    by.append(verifier)
    if not by:
        raise BadNote("no signature by a known key")
    return text, tuple(by)


def parse_checkpoint(text: str) -> Checkpoint:
    """The head that a note's *text* states (tlog-checkpoint)."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise BadNote("a checkpoint is origin, size and root, one line each")
    origin, size, root = lines[:3]
    if not _SIZE.fullmatch(size):
        raise BadNote("a tree size is a decimal number without leading zeros")
    digest = _unbase64(root)
    if len(digest) != HASH_BYTES:
        raise BadNote("a root hash has 32 bytes")
    return Checkpoint(origin, int(size), digest, tuple(lines[3:-1]))


def open_checkpoint(note: str, verifiers: Sequence[Verifier], origin: str) -> Checkpoint:
    """The head that *note* states, signed by the log itself, whose key is named *origin*."""
    own = [v for v in verifiers if v.name == origin and v.algorithm in (ED25519, MLDSA44)]
    text, by = open_note(note, own)
    if all(verifier.algorithm != ED25519 for verifier in by):
        raise BadNote("no Ed25519 signature by a known key")
    checkpoint = parse_checkpoint(text)
    if checkpoint.origin != origin:
        raise BadNote("the checkpoint is of another log")
    return checkpoint


def _parse_signature(line: str) -> Signature:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    if dash != "—" or not _NAME.fullmatch(name):
        raise BadNote("a signature line is a dash, a name and base64")
    raw = _unbase64(encoded)
    if len(raw) < 5:
        raise BadNote("a signature holds a key id and bytes")
    return Signature(name, raw[:4], raw[4:])


def _unbase64(text: str) -> bytes:
    try:
        raw = b64decode(text, validate=True)
    except (Base64Error, ValueError) as e:
        raise BadNote("not base64") from e
    if b64encode(raw).decode("ascii") != text:
        raise BadNote("not canonical base64")
    return raw
