"""The hash chain, which is also the leaf layer of the Merkle tree.

One hash does both jobs (AUDIT.md 1): ``leaf_hash = SHA-256(0x00 || leaf)`` is RFC 6962's
leaf hash, and each leaf names its predecessor's in ``prev``. A reader who holds only
consecutive leaves can therefore check order and completeness without the tree.
"""

from binascii import a2b_base64, b2a_base64
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
GENESIS: Final = bytes(HASH_BYTES)
"""``prev`` of the first entry: 32 zero bytes, 43 letters ``A``."""

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 6962 section 2.1: the 0x00 keeps a leaf from posing as a node."""
    return sha256(b"\x00" + leaf).digest()


def b64u(data: bytes) -> str:
    """Base64url without padding (RFC 4648 section 5, as JOSE writes it)."""
    return b2a_base64(data, newline=False).translate(_TO_URL, b"=").decode("ascii")


def unb64u(text: str) -> bytes:
    """The bytes of *text*; ``ValueError`` unless ``b64u`` would write exactly it."""
    raw = text.encode("ascii")
    data = a2b_base64(raw.translate(_FROM_URL) + b"=" * (-len(raw) % 4))
    if b64u(data) != text:
        raise ValueError("not canonical base64url")
    return data
