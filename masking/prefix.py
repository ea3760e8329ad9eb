"""What a pattern's match must begin with and must hold, read off the pattern: cheap conditions before it is tried.

Every answer is a necessary condition and no more: where a pattern says something that is not understood here, less is
required. A set of characters is 33 bytes: a bit for each of Latin-1, and whether anything beyond may be in it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from re import _constants as sre  # type: ignore[attr-defined]

from masking.confirm import parsed

SETS_MAX: Final = 48
"""Few patterns are certain about more of their beginning."""
MUST_MAX: Final = 8
"""So many bits has a byte."""
MUST_CHARS_MAX: Final = 24
"""A set of more characters than this says little about a window."""

RUN_MIN: Final = 4

Set = tuple[int, bool]
"""The 256 bits of Latin-1, and whether anything beyond is in it."""
_ALL: Final = (1 << 256) - 1
_REPEATS: Final = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)


def packed(chars: Set) -> bytes:
    """As the compiled loops take it."""
    bits, beyond = chars
    return bits.to_bytes(32, "little") + bytes([beyond])


def begins(pattern: str, *, ignore_case: bool = False) -> tuple[Set | None, list[Set]]:
    """The characters that may not stand before a match (None: any may), and a set for each of its first characters."""
    tree = parsed(pattern)
    if tree is None:
        return None, []
    forbidden = None
    flags = _flags(tree, ignore_case)
    for op, arg in tree:
        if op is sre.ASSERT_NOT and arg[0] < 0 and len(arg[1]) == 1:
            inner, members = arg[1][0]
            chars = _single(inner, members, flags)
            # Of what lies beyond Latin-1 nothing is forbidden: which of it the pattern means is not known here.
            if chars is not None and not flags & sre.SRE_FLAG_IGNORECASE:
                forbidden = ((forbidden[0] if forbidden else 0) | chars[0], False)
        elif op not in (sre.ASSERT_NOT, sre.ASSERT, sre.AT):
            break
    return forbidden, _walk(tree, flags, SETS_MAX)[0]


def must_hold(pattern: str, *, ignore_case: bool = False) -> list[Set]:
    """Small sets of each of which the match holds a character, the smallest first."""
    tree = parsed(pattern)
    if tree is None:
        return []
    found = {
        chars for chars in _musts(tree, _flags(tree, ignore_case)) if chars[0].bit_count() <= MUST_CHARS_MAX
    }
    return sorted(found, key=lambda chars: (chars[0].bit_count(), chars[0]))[:MUST_MAX]


def must_run(pattern: str, *, ignore_case: bool = False) -> tuple[Set, int] | None:
    """A set and how many of its characters the match holds in a row, where that is ``RUN_MIN`` or more; the longest."""
    tree = parsed(pattern)
    runs = [] if tree is None else list(_runs(tree, _flags(tree, ignore_case)))
    return max(runs, key=lambda run: run[1], default=None)


def must_table(sets: list[Set]) -> bytes | None:
    """For each character of Latin-1 the bits of the *sets* that it is in, and last the bits of all."""
    if not sets:
        return None
    table = bytearray(257)
    for k, (bits, _) in enumerate(sets):
        for c in range(256):
            table[c] |= (bits >> c & 1) << k
    table[256] = (1 << len(sets)) - 1
    return bytes(table)


def _flags(tree: Any, ignore_case: bool) -> int:
    return int(tree.state.flags) | (sre.SRE_FLAG_IGNORECASE if ignore_case else 0)


def _walk(tree: Any, flags: int, room: int) -> tuple[list[Set], bool]:
    """The sets of the first characters, *room* at most, and whether they are the whole of it."""
    out: list[Set] = []
    for op, arg in tree:
        if len(out) >= room:
            return out[:room], False
        if op in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
            continue
        more, whole = _item(op, arg, flags, room - len(out))
        out += more
        if not whole:
            return out[:room], False
    return out[:room], len(out) <= room


def _item(op: Any, arg: Any, flags: int, room: int) -> tuple[list[Set], bool]:
    chars = _single(op, arg, flags)
    if chars is not None:
        return [chars], True
    if op is sre.SUBPATTERN:
        return _walk(arg[3], flags & ~arg[2] | arg[1], room)
    if op is sre.ATOMIC_GROUP:
        return _walk(arg, flags, room)
    if op is sre.BRANCH:
        branches = [_walk(branch, flags, room) for branch in arg[1]]
        length = min(len(sets) for sets, _ in branches)
        merged = [
            (_union(sets[i][0] for sets, _ in branches), any(sets[i][1] for sets, _ in branches))
            for i in range(length)
        ]
        return merged, all(whole and len(sets) == length for sets, whole in branches)
    if op in _REPEATS:
        low, high, body = arg
        out: list[Set] = []
        for _ in range(min(low, room)):
            more, whole = _walk(body, flags, room - len(out))
            out += more
            if not whole or len(out) >= room:
                return out[:room], False
        return out, low == high
    return [], False


def _union(bits: Any) -> int:
    total = 0
    for b in bits:
        total |= b
    return total


def _musts(tree: Any, flags: int) -> list[Set]:
    out: list[Set] = []
    for op, arg in tree:
        chars = _single(op, arg, flags)
        if chars is not None:
            out.append(chars)
        elif op is sre.SUBPATTERN:
            out += _musts(arg[3], flags & ~arg[2] | arg[1])
        elif op is sre.ATOMIC_GROUP:
            out += _musts(arg, flags)
        elif op in _REPEATS and arg[0] > 0:
            out += _musts(arg[2], flags)
        elif op is sre.BRANCH:
            each = [_musts(branch, flags) for branch in arg[1]]
            if all(each):
                least = [min(sets, key=lambda chars: chars[0].bit_count()) for sets in each]
                out.append((_union(bits for bits, _ in least), any(beyond for _, beyond in least)))
    return out


def _runs(tree: Any, flags: int) -> Iterator[tuple[Set, int]]:
    for op, arg in tree:
        if op is sre.SUBPATTERN:
            yield from _runs(arg[3], flags & ~arg[2] | arg[1])
        elif op is sre.ATOMIC_GROUP:
            yield from _runs(arg, flags)
        elif op in _REPEATS and arg[0] > 0:
            inner, members = arg[2][0] if len(arg[2]) == 1 else (None, None)
            chars = _single(inner, members, flags)
            if chars is None:
                yield from _runs(arg[2], flags)
            elif arg[0] >= RUN_MIN:
                yield chars, arg[0]


def _single(op: Any, arg: Any, flags: int) -> Set | None:
    """The set of an item that stands for one character."""
    if op not in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
        return None
    return _chars(op, repr(arg), tuple(arg) if op is sre.IN else arg, bool(flags & sre.SRE_FLAG_IGNORECASE))


@lru_cache(maxsize=4096)
def _chars(op: Any, _key: str, arg: Any, ignore_case: bool) -> Set:
    if op is sre.LITERAL:
        bits = 1 << arg if arg < 256 else 0
    elif op is sre.NOT_LITERAL:
        bits = _ALL & ~(1 << arg if arg < 256 else 0)
    elif op is sre.ANY:
        bits = _ALL & ~(1 << 10)
    else:
        negated = arg[0][0] is sre.NEGATE
        bits = _union(_member(o, a) for o, a in arg[negated:])
        # What the negated set means without regard to case is not worth knowing.
        bits = (_ALL if ignore_case else _ALL & ~bits) if negated else bits
    if ignore_case:
        bits = _union(forms for code, forms in enumerate(_FORMS) if bits >> code & 1)
    return bits, ignore_case or _beyond(op, arg)


def _member(op: Any, arg: Any) -> int:
    if op is sre.LITERAL:
        return 1 << arg if arg < 256 else 0
    if op is sre.RANGE:
        low, high = arg[0], min(arg[1], 255)
        return (1 << high + 1) - (1 << low) if low <= high else 0
    if op is not sre.CATEGORY:
        raise ValueError(f"a set holds {op}")
    return _CATEGORIES[arg]


_FORMS: Final = tuple(
    _union(1 << ord(f) for f in (chr(c), chr(c).lower(), chr(c).upper()) if len(f) == 1 and ord(f) < 256)
    for c in range(256)
)


def _bits(pattern: str) -> int:
    return _union(1 << c for c in range(256) if re.match(pattern, chr(c)))


_CATEGORIES: Final = {
    sre.CATEGORY_DIGIT: _bits(r"\d"),
    sre.CATEGORY_NOT_DIGIT: _bits(r"\D"),
    sre.CATEGORY_SPACE: _bits(r"\s"),
    sre.CATEGORY_NOT_SPACE: _bits(r"\S"),
    sre.CATEGORY_WORD: _bits(r"\w"),
    sre.CATEGORY_NOT_WORD: _bits(r"\W"),
}


def _beyond(op: Any, arg: Any) -> bool:
    if op is sre.LITERAL:
        return bool(arg > 255)
    if op in (sre.NOT_LITERAL, sre.ANY):
        return True
    return any(
        o in (sre.NEGATE, sre.CATEGORY) or (o is sre.LITERAL and a > 255) or (o is sre.RANGE and a[1] > 255)
        for o, a in arg
    )
