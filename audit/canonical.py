"""Canonical bytes: RFC 8785 (JCS) inside a profile where every encoder agrees.

Decided here: what a leaf may be made of, and its bytes. The profile (ASCII keys, no
floats, integers within 2**53-1, no lone surrogates) is what makes ``msgspec`` with sorted
keys equal to RFC 8785; outside it they differ, so nothing outside it is encoded.
A verifier never re-encodes in order to hash: it hashes the bytes it was given, and
checks separately that they are canonical.
"""

from typing import Final, NoReturn

import msgspec

from audit.fields import INT_MAX

LEAF_MAX: Final = 65_535
"""Largest leaf: C2SP tlog-tiles prefixes each entry of a bundle with a 16-bit length."""

_DEPTH_MAX: Final = 8


class NotCanonical(ValueError):
    """The value is outside the profile, or the bytes are not its canonical form."""


def encode(value: object) -> bytes:
    """The RFC 8785 bytes of *value*, which must lie in the profile."""
    check(value)
    return encode_checked(value)


def encode_checked(value: object) -> bytes:
    """As ``encode`` for a value whose parts were each checked before."""
    try:
        return _SORTED(value)
    except (TypeError, ValueError) as e:
        raise NotCanonical(str(e)) from e


def decode(leaf: bytes) -> dict[str, object]:
    """The object whose canonical bytes are exactly *leaf*, or ``NotCanonical``.

    Re-encoding is the whole check: duplicate keys, white space, another key order
    and other escapes all come back as different bytes.
    """
    if len(leaf) > LEAF_MAX:
        raise NotCanonical(f"leaf of {len(leaf)} bytes; at most {LEAF_MAX}")
    try:
        value = _PARSE(leaf)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise NotCanonical(f"not JSON: {e}") from e
    if type(value) is not dict:
        raise NotCanonical("a leaf is a JSON object")
    # Canonical bytes escape only control characters: ASCII bytes cannot hold another key.
    _check_parts(value, 1, has_ascii_keys=leaf.isascii())
    if _SORTED(value) != leaf:
        raise NotCanonical("the bytes are not the canonical form of their value")
    return value


def check(value: object, depth: int = 0) -> None:
    """Raise ``NotCanonical`` unless *value* lies in the profile."""
    _check_parts([value], depth)


def _check_parts(
    value: dict[str, object] | list[object], depth: int, *, has_ascii_keys: bool = False
) -> None:
    """Look at what *value* holds, which itself stands at *depth*. Flat, because it runs for every leaf that is read."""
    if type(value) is dict:
        parts = value.values()
        if not has_ascii_keys:
            _check_keys(value)
    else:
        parts = value  # type: ignore[assignment]
    for part in parts:
        kind = type(part)
        if kind is str or kind is bool or part is None:
            continue
        if kind is int:
            if not -INT_MAX <= part <= INT_MAX:  # type: ignore[operator]
                raise NotCanonical("an integer beyond 2**53-1")
        elif kind is dict or kind is list:
            if depth >= _DEPTH_MAX:
                raise NotCanonical(f"nested deeper than {_DEPTH_MAX}")
            _check_parts(part, depth + 1, has_ascii_keys=has_ascii_keys)  # type: ignore[arg-type]
        else:
            raise NotCanonical(f"a {kind.__name__} has no place in an entry")


def _check_keys(value: dict[str, object]) -> None:
    for key in value:
        if type(key) is not str or not key.isascii():
            raise NotCanonical("a key that is not ASCII text")


def _no_float(text: str) -> NoReturn:
    raise NotCanonical(f"a float has no place in an entry: {text}")


_SORTED: Final = msgspec.json.Encoder(order="sorted").encode
_PARSE: Final = msgspec.json.Decoder(float_hook=_no_float).decode
