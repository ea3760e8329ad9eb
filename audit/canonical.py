"""Canonical bytes: RFC 8785 (JCS) inside a profile where every encoder agrees.

Decided here: what a leaf may be made of, and its bytes. The profile (ASCII keys, no
floats, integers within 2**53-1, no lone surrogates) is what makes ``orjson`` with sorted
keys equal to RFC 8785; outside it they differ, so nothing outside it is encoded.
A verifier never re-encodes in order to hash: it hashes the bytes it was given, and
checks separately that they are canonical.
"""

import re
from typing import Final

import orjson

from audit.fields import INT_MAX

LEAF_MAX: Final = 65_535
"""Largest leaf: C2SP tlog-tiles prefixes each entry of a bundle with a 16-bit length."""

_DEPTH_MAX: Final = 8
# Each begins with a literal, which the engine searches for many times faster than for a class.
_ODD_NUMBER: Final = re.compile(rb'":-?[0-9]+(?:[.eE]|(?<=[0-9]{16}))')
_LISTED_FIRST: Final = re.compile(rb"\[[-0-9]")
_LISTED_LATER: Final = re.compile(rb",[-0-9]")


class NotCanonical(ValueError):
    """The value is outside the profile, or the bytes are not its canonical form."""


def encode(value: object) -> bytes:
    """The RFC 8785 bytes of *value*, which must lie in the profile."""
    check(value)
    return encode_checked(value)


def encode_checked(value: object) -> bytes:
    """As ``encode`` for a value whose parts were each checked before."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONEncodeError, UnicodeEncodeError) as e:
        raise NotCanonical(str(e)) from e


def decode(leaf: bytes) -> dict[str, object]:
    """The object whose canonical bytes are exactly *leaf*, or ``NotCanonical``.

    Re-encoding is the whole check: duplicate keys, white space, another key order
    and other escapes all come back as different bytes.
    """
    if len(leaf) > LEAF_MAX:
        raise NotCanonical(f"leaf of {len(leaf)} bytes; at most {LEAF_MAX}")
    try:
        value = orjson.loads(leaf)
    except orjson.JSONDecodeError as e:
        raise NotCanonical(f"not JSON: {e}") from e
    if type(value) is not dict:
        raise NotCanonical("a leaf is a JSON object")
    if not _is_plain(leaf):
        check(value)
    if orjson.dumps(value, option=orjson.OPT_SORT_KEYS) != leaf:
        raise NotCanonical("the bytes are not the canonical form of their value")
    return value


def _is_plain(leaf: bytes) -> bool:
    """True when the bytes alone show that the value lies in the profile, *if* they are canonical.

    All ASCII: no key can be otherwise, because canonical bytes escape only control characters. No number
    with a fraction, an exponent or sixteen digits, and none in a list. Not enough brackets to be nested too deep. False says nothing.
    """
    brackets = leaf.count(b"{") + leaf.count(b"[")
    if brackets > _DEPTH_MAX or not leaf.isascii() or _ODD_NUMBER.search(leaf):
        return False
    return _LISTED_FIRST.search(leaf) is None and _LISTED_LATER.search(leaf) is None


def check(value: object, depth: int = 0) -> None:
    """Raise ``NotCanonical`` unless *value* lies in the profile."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return
    if kind is int:
        if not -INT_MAX <= value <= INT_MAX:  # type: ignore[operator]
            raise NotCanonical("an integer beyond 2**53-1")
        return
    if depth >= _DEPTH_MAX:
        raise NotCanonical(f"nested deeper than {_DEPTH_MAX}")
    if kind is dict:
        for key, item in value.items():  # type: ignore[attr-defined]
            if type(key) is not str or not key.isascii():
                raise NotCanonical("a key that is not ASCII text")
            check(item, depth + 1)
    elif kind is list:
        for item in value:  # type: ignore[attr-defined]
            check(item, depth + 1)
    else:
        raise NotCanonical(f"a {kind.__name__} has no place in an entry")
