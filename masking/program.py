"""A pattern as a program for the compiled loops: ``native/match.c`` runs it over ASCII text as ``re`` would.

A program is a graph of nodes, each of which names the node that goes on after it, so that a way through it is a match:
the backtracking matcher of ``re``, in the same order of attempts, without an object for a call. What is not understood
here (references, a group that repeats, ``^``) has no program, and then the pattern is asked of Python. The sets of
characters are asked of ``re`` itself.
"""

from __future__ import annotations

import re
import warnings
from array import array
from functools import lru_cache
from typing import Any, Final

from masking.confirm import parsed
from masking.prefix import _flags, _walk

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from re import _compiler as sre_compile  # type: ignore[attr-defined]
    from re import _constants as sre  # type: ignore[attr-defined]
    from re import _parser as sre_parse  # type: ignore[attr-defined]

(
    ACCEPT, CHAR, SET, SPLIT, GREEDY, LAZY, POSSESSIVE, AHEAD, BEHIND, SET_AHEAD, SET_BEHIND, BOUNDARY, END, OPEN, CLOSE, ATOMIC,
) = range(16)  # fmt: skip
"""What a node does; ``native/match.c`` has the same numbers."""
NODES_MAX: Final = 4000
"""A repeat of more than one character is written out; what becomes longer than this is asked of Python."""
FOREVER: Final = 1 << 30
_ASCII: Final = "".join(map(chr, range(128)))
_ASCII_BITS: Final = (1 << 128) - 1
_SPACES: Final = [(sre.LITERAL, ord(c)) for c in " \t\n\r\f\v"]
"""White space as ``regex`` knows it; to ``re`` the separators 0x1c to 0x1f are as well."""


class _NoProgramError(Exception):
    """There is something in the pattern that a program has no node for."""


@lru_cache(maxsize=1024)
def program(
    pattern: str, group: int, *, ignore_case: bool = False, simple: bool = True
) -> tuple[bytes, bytes, int, int, int] | None:
    """(nodes, sets, first node, the set that a match begins with or -1, how far it looks back) of *pattern*, for *group*.

    Nodes are five numbers of 32 bits each (what it does, the next, three arguments), sets 16 bytes each. *simple*: ``re``
    is what runs the pattern otherwise; if not, ``regex`` does.
    """
    tree = parsed(pattern)
    if tree is None:
        return None
    flags = _flags(tree, ignore_case)
    maker = _Maker(group, simple=simple)
    try:
        first = maker.sequence(tree, flags, maker.node(ACCEPT))
        begin = maker.begin(tree, flags)
    except _NoProgramError:
        return None
    if group and not maker.marked:
        return None
    nodes = array("i", [number for node in maker.nodes for number in node])
    return nodes.tobytes(), b"".join(maker.sets), first, begin, maker.back


class _Maker:
    """Puts nodes together from the end of the pattern to its beginning."""

    def __init__(self, group: int, *, simple: bool) -> None:
        self.nodes: list[list[int]] = []
        self.sets: dict[bytes, int] = {}
        self.back = 1
        self.marked = False
        self._group = group
        self._simple = simple
        self._repeats = 0

    def node(self, what: int, after: int = -1, x: int = -1, y: int = -1, z: int = -1) -> int:
        if len(self.nodes) >= NODES_MAX:
            raise _NoProgramError
        self.nodes.append([what, after, x, y, z])
        return len(self.nodes) - 1

    def sequence(self, tree: Any, flags: int, after: int) -> int:
        for op, arg in reversed(list(tree)):
            after = self._item(op, arg, flags, after)
        return after

    def begin(self, tree: Any, flags: int) -> int:
        """The set that the first character of *tree* is of, -1 where it is not known or there need be none."""
        sets, _ = _walk(tree, flags, 1)
        return self._number(sets[0][0]) if sets else -1

    def _number(self, bits: int) -> int:
        return self.sets.setdefault((bits & _ASCII_BITS).to_bytes(16, "little"), len(self.sets))

    def _item(self, op: Any, arg: Any, flags: int, after: int) -> int:
        bits = self._single(op, arg, flags)
        if bits is not None:
            if bits.bit_count() == 1:
                return self.node(CHAR, after, bits.bit_length() - 1)
            return self.node(SET, after, self._number(bits))
        if op is sre.SUBPATTERN:
            return self._subpattern(arg, flags, after)
        if op is sre.BRANCH:
            return self._branch(arg[1], flags, after)
        if op is sre.AT:
            return self._place(arg, after)
        if op in (sre.ASSERT, sre.ASSERT_NOT):
            return self._assertion(arg, flags, after, negated=op is sre.ASSERT_NOT)
        if op is sre.ATOMIC_GROUP:
            return self.node(ATOMIC, after, self._apart(arg, flags), 1, 1)
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            return self._repeat(op, arg, flags, after)
        raise _NoProgramError

    def _single(self, op: Any, arg: Any, flags: int) -> int | None:
        if op not in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
            return None
        if op is sre.IN and not self._simple:
            if any(member == (sre.CATEGORY, sre.CATEGORY_NOT_SPACE) for member in arg):
                raise _NoProgramError
            arg = [m for member in arg for m in (_SPACES if member == (sre.CATEGORY, sre.CATEGORY_SPACE) else [member])]  # fmt: skip
        return _bits(op, tuple(arg) if op is sre.IN else arg, flags)

    def _subpattern(self, arg: Any, flags: int, after: int) -> int:
        number, added, taken, body = arg
        flags = flags & ~taken | added
        if number is None or number != self._group:
            return self.sequence(body, flags, after)
        if self._repeats:
            raise _NoProgramError
        self.marked = True
        return self.node(OPEN, self.sequence(body, flags, self.node(CLOSE, after)))

    def _branch(self, branches: Any, flags: int, after: int) -> int:
        at = -1
        for branch in reversed(branches):
            way = self.sequence(branch, flags, after)
            at = way if at < 0 else self.node(SPLIT, -1, way, at, self.begin(branch, flags))
        return at

    def _place(self, arg: Any, after: int) -> int:
        if arg is sre.AT_BOUNDARY or arg is sre.AT_NON_BOUNDARY:
            words = self._number(_bits(sre.IN, ((sre.CATEGORY, sre.CATEGORY_WORD),), 0))
            return self.node(BOUNDARY, after, words, int(arg is sre.AT_NON_BOUNDARY))
        if arg is sre.AT_END_STRING:
            return self.node(END, after)
        raise _NoProgramError

    def _assertion(self, arg: Any, flags: int, after: int, *, negated: bool) -> int:
        where, body = arg
        low, high = body.getwidth()
        if where < 0 and (low != high or low < 1):
            raise _NoProgramError
        if where < 0:
            self.back = max(self.back, int(low))
        bits = self._single(body[0][0], body[0][1], flags) if len(body) == 1 else None
        if bits is not None:
            return self.node(SET_BEHIND if where < 0 else SET_AHEAD, after, self._number(bits), int(negated))
        sub = self._apart(body, flags)
        return self.node(BEHIND if where < 0 else AHEAD, after, sub, int(negated), int(low))

    def _apart(self, body: Any, flags: int) -> int:
        """A way of its own: what is matched there is not gone back into."""
        self._repeats += 1
        first = self.sequence(body, flags, self.node(ACCEPT))
        self._repeats -= 1
        return first

    def _repeat(self, op: Any, arg: Any, flags: int, after: int) -> int:
        low, high, body = int(arg[0]), min(int(arg[1]), FOREVER), arg[2]
        bits = self._single(body[0][0], body[0][1], flags) if len(body) == 1 else None
        if bits is not None:
            what = {sre.MAX_REPEAT: GREEDY, sre.MIN_REPEAT: LAZY}.get(op, POSSESSIVE)
            return self.node(what, after, self._number(bits), low, high)
        if body.getwidth()[0] < 1 and high > 1:
            raise _NoProgramError
        if op is sre.POSSESSIVE_REPEAT:
            # With two or more that must be there, re and regex differ in what they go back into.
            if low > 1:
                raise _NoProgramError
            return self.node(ATOMIC, after, self._apart(body, flags), low, high)
        self._repeats += high > 1
        at = self._optional(op, body, flags, after, low, high)
        for _ in range(low):
            at = self.sequence(body, flags, at)
        self._repeats -= high > 1
        return at

    def _optional(self, op: Any, body: Any, flags: int, after: int, low: int, high: int) -> int:
        """What may follow the *low* times that must be."""
        lazy = op is sre.MIN_REPEAT
        begin = self.begin(body, flags)
        if high == FOREVER:
            loop = self.node(SPLIT)
            way = self.sequence(body, flags, loop)
            self.nodes[loop][2:] = [after, way, -1] if lazy else [way, after, begin]
            return loop
        at = after
        for _ in range(high - low):
            way = self.sequence(body, flags, at)
            at = self.node(SPLIT, -1, after, way) if lazy else self.node(SPLIT, -1, way, after, begin)
        return at


@lru_cache(maxsize=4096)
def _bits(op: Any, arg: Any, flags: int) -> int:
    """The ASCII characters that one item stands for, a bit each."""
    if op is sre.LITERAL and not flags & sre.SRE_FLAG_IGNORECASE:
        return 1 << arg if arg < 128 else 0
    item = sre_parse.SubPattern(sre_parse.State(), [(op, list(arg) if op is sre.IN else arg)])
    single = sre_compile.compile(item, flags & (sre.SRE_FLAG_IGNORECASE | sre.SRE_FLAG_DOTALL | sre.SRE_FLAG_UNICODE) | sre.SRE_FLAG_UNICODE)  # fmt: skip
    return sum(1 << ord(c) for c in re.Pattern.findall(single, _ASCII))
