"""Making ids: UUIDv7 (RFC 9562 section 5.7), so that they sort by creation time and cannot be guessed (T35).

Decided here: the layout (48 bits of milliseconds, 74 random bits) and the spelling of our own ids: a prefix and
26 characters of Crockford's base32 in lower case, most significant first, which sorts as the number does.
Pure: the instant and the randomness are arguments. Ids made within the same millisecond sort arbitrarily.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from bot.core.ids import GrantId, RequestId
from bot.ports import Rand

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base32: no i, l, o, u, so that ids survive being read aloud."""
LENGTH: Final = 26
_PAIRS: Final = tuple(high + low for high in ALPHABET for low in ALPHABET)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def request_id(now: datetime, rand: Rand) -> RequestId:
    return RequestId("req_" + base32(uuid7(now, rand)))


def grant_id(now: datetime, rand: Rand) -> GrantId:
    return GrantId("grt_" + base32(uuid7(now, rand)))


def entry_id(now: datetime, rand: Rand) -> str:
    """The id of an audit entry: a UUIDv7 in its usual spelling."""
    text = f"{uuid7(now, rand):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def uuid7(now: datetime, rand: Rand) -> int:
    """A UUIDv7 as a 128-bit number."""
    milliseconds = (now - _EPOCH) // _MS
    if not 0 <= milliseconds < 1 << 48:
        raise ValueError("a UUIDv7 holds instants from 1970 to 10889")
    noise = int.from_bytes(rand.bytes(10))
    rand_a, rand_b = noise >> 68, noise & ((1 << 62) - 1)
    return milliseconds << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b


def base32(number: int) -> str:
    """26 characters of *number*, which has at most 128 bits; the first is ``0`` to ``7``."""
    pairs = _PAIRS
    return "".join([pairs[number >> shift & 1023] for shift in range(10 * (LENGTH // 2 - 1), -1, -10)])
