"""How keys and tokens are written and read back. Pure: the random bytes are arguments, comparing is the caller's.

``sok_ID_SECRET`` is an agent's API key, ``sop_ID_SECRET`` a person's access token, ``whsec_BASE64`` a Standard Webhooks
secret. ID is public: by it the stored row is found. The last seven characters are a checksum over the rest, so that a
mistyped key is refused without a look-up and secret scanners can tell a real key from a word. 256 random bits need no
slow hash: HMAC under a pepper suffices (DESIGN section 10). Nothing here says whether a key is *valid*.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

KEY_ID_BYTES: Final = 10
"""80 bits: 16 characters, never reused by chance."""
SECRET_BYTES: Final = 32
"""256 bits, so that guessing needs no rate limit to be hopeless."""
WEBHOOK_PREFIX: Final = "whsec_"

AGENT_KEY_PEPPER: Final = "agent-key"
"""Purpose for ``KeyProvider.mac`` over an API key's secret bytes; the result is ``AgentKey.mac``."""
PERSON_TOKEN_PEPPER: Final = "person-token"  # noqa: S105 -- a purpose, not a secret
"""Purpose for ``KeyProvider.mac`` over a personal token's secret bytes; the result in hex is ``Account.secret``."""


class KeyPrefix(StrEnum):
    AGENT = "sok"
    PERSON = "sop"


@dataclass(frozen=True, slots=True)
class KeyText:
    """A key as presented. ``secret`` is kept out of every repr."""

    prefix: KeyPrefix
    id: str
    secret: bytes = field(repr=False)


_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
"""RFC 4648 section 6, in lower case."""
_TO_DIGITS: Final = str.maketrans(_LETTERS, "0123456789abcdefghijklmnopqrstuv")
"""To the digits that ``int`` reads in base 32: ten times as fast as ``base64.b32decode``."""
_UNUSED: Final = 0b1111
"""The last of 52 letters carries one bit of the secret's 256 and four that must be zero."""
_KEY: Final = re.compile(r"(sok|sop)_([a-z2-7]{16})_([a-z2-7]{52})([a-z2-7]{7})")


def make_key_id(random: bytes) -> str:
    """16 characters from ``KEY_ID_BYTES`` random bytes."""
    if len(random) != KEY_ID_BYTES:
        raise ValueError(f"a key id takes {KEY_ID_BYTES} random bytes")
    return _b32(random)


def make_key_text(prefix: KeyPrefix, id: str, secret: bytes) -> str:
    """The key's only appearance in the clear. *id* from ``make_key_id``, *secret* ``SECRET_BYTES`` random bytes."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a secret takes {SECRET_BYTES} random bytes")
    text = f"{prefix.value}_{id}_{_b32(secret)}"
    text += _checksum(text)
    if parse_key_text(text) is None:
        raise ValueError("not a key id")
    return text


def parse_key_text(text: str) -> KeyText | None:
    """The parts of a well-formed key, else None. Bounded work whatever is given (I12)."""
    match = _KEY.fullmatch(text)
    if match is None:
        return None
    prefix, id, secret, checksum = match.groups()
    if _checksum(text[: -len(checksum)]) != checksum:
        return None
    number = int(secret.translate(_TO_DIGITS), 32)
    if number & _UNUSED:
        return None  # unused bits set: another spelling of the same key
    return KeyText(KeyPrefix(prefix), id, (number >> _UNUSED.bit_length()).to_bytes(SECRET_BYTES))


def make_webhook_secret(secret: bytes) -> str:
    """Standard Webhooks 1.0.0: ``whsec_`` and base64 of the key."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a secret takes {SECRET_BYTES} random bytes")
    return WEBHOOK_PREFIX + base64.b64encode(secret).decode()


def parse_webhook_secret(text: str) -> bytes | None:
    """The key, else None."""
    if not text.startswith(WEBHOOK_PREFIX):
        return None
    try:
        secret = base64.b64decode(text.removeprefix(WEBHOOK_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return secret if len(secret) == SECRET_BYTES else None


def _b32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def _checksum(text: str) -> str:
    # As ``_b32`` of the four bytes, whose 35th to 33rd bits are the padding.
    number = zlib.crc32(text.encode()) << 3
    return "".join([_LETTERS[number >> shift & 31] for shift in range(30, -1, -5)])
