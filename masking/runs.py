"""Digit runs: where in a text digits stand together, and which known shapes stand in a run.

A run is up to sixteen groups of letters and digits (at most ``GROUP_CHARS_MAX`` each), each beginning with a digit, joined by one to three of
``- . / ( ) +`` and blank, with the letters before and after that a shape may need. The answer for a run depends
on its shape alone and is remembered; real data repeats few shapes. A run that is cut at sixteen groups is taken
up again in its middle, so that no cut hides a match and every byte is read at most twice.

Some numbers have a group of letters in their middle (``1EG4-TE5-MK73``, ``34 ABC 1234``). A run ends before such a
group, for otherwise every number in prose would drag the next words along; their shapes are kept apart and tried from
each group of a run that letters follow.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from masking.native import available, run_finder_type

GROUPS_MAX: Final = 16
GROUP_CHARS_MAX: Final = 64
"""A longer group is a blob, alone in its run: no shape has one."""
RUN_CHARS_MAX: Final = GROUPS_MAX * (GROUP_CHARS_MAX + 3)
MEMO_MAX: Final = 20_000
LETTERS_LEFT_MAX: Final = 40
_RUN: Final = re.compile(rb"0[0A]{64,}+|0[0A]*+(?:[-. /()+]{1,3}0[0A]{0,63}+(?![0A])){0,15}+")
_TOKEN: Final = re.compile(rb"[0A]+")
_TIGHT: Final = b"-.0A_\xe9"
_REGULAR: Final = re.compile(rb"(?:A+[-. /])*\(?\+?\(?[0A]*0[0A]*(?:[-. /()+]{1,3}0[0A]*)*(?:[-. /]A+)?")
"""Shapes that a run (with its loose letters before and after) can hold; all others are odd."""

DIGITS: Final = b"000000"
MIXED_LENGTHS: Final = frozenset({17, *range(26, 36)})
"""A vehicle's number, and Bitcoin's addresses. Every other finder wants six digits in a row or more, where nothing joins groups."""

T = TypeVar("T")
Finder = Callable[[str], tuple[tuple[int, int, float], ...]]
"""The (start, end, score) of what stands in a run of this shape."""


Spots = tuple[tuple[int, int, float], ...]
"""(start, end, first score) within a run."""
Groups = tuple[tuple[T, Spots], ...]
"""What may stand in a run of the remembered shape, and where."""


class RunIndex(Generic[T]):
    """Which of the registered shapes and finders apply to a run."""

    def __init__(
        self,
        shapes: dict[str, list[tuple[float, T]]],
        finders: list[tuple[Finder, T]],
        *,
        native: bool = available,
    ) -> None:
        self._shapes = {shape.encode(): places for shape, places in shapes.items()}
        self._finders = finders
        self._memo: dict[bytes, Groups[T]] = {}
        self._longest = max((len(s) for s in self._shapes), default=0)
        loose = {m[0] for s in self._shapes if (m := re.match(rb"(?:A+[-. /])+(?=[0A]*0)", s))}
        self._loose = tuple(sorted(loose, key=len, reverse=True))
        self._loose_max = max(map(len, self._loose), default=0) + 1
        self._loose_memo: dict[bytes, int] = {}
        tails = {m[0] for s in self._shapes if (m := re.search(rb"[-. /]A+$", s))}
        self._tails = tuple(sorted(tails, key=len, reverse=True))
        odd = tuple(s for s in self._shapes if not _REGULAR.fullmatch(s))
        self._odd = _alternatives(odd)
        single = tuple(s for s in self._shapes if not s.strip(b"0A"))
        self.native: Any = None
        if native:
            self.native = run_finder_type(
                self._memo,
                self._places,
                self._odd_places,
                self._loose,
                self._tails,
                odd,
                single,
                tuple(sorted(MIXED_LENGTHS)),
            )

    def rules(self) -> tuple[T, ...]:
        """Everything that may stand in a run."""
        shaped = (what for places in self._shapes.values() for _, what in places)
        return tuple(dict.fromkeys((*shaped, *(what for _, what in self._finders))))

    def shapes(self) -> list[tuple[bytes, list[tuple[float, T]]]]:
        """Every registered shape with its scores and what it stands for."""
        return list(self._shapes.items())

    def finders(self) -> list[tuple[Finder, T]]:
        return self._finders

    def runs(self, shape: bytes) -> list[tuple[int, Groups[T]]]:
        """(offset, places) of every run of *shape* in which something may stand."""
        if self.native is not None:
            found: list[tuple[int, Groups[T]]] = self.native.runs(shape)
            return found
        out: list[tuple[int, Groups[T]]] = []
        pos = 0
        search = _RUN.search
        while match := search(shape, pos):
            start, end = match.span()
            pos = self._middle(shape, start, end) if end - start > 2 * GROUPS_MAX - 2 else end
            self._run(shape, start, end, out)
        return out

    def _run(self, shape: bytes, start: int, end: int, out: list[tuple[int, Groups[T]]]) -> None:
        """Add what may stand in the groups between *start* and *end* and the letters beside them."""
        if end - start > RUN_CHARS_MAX:
            return
        before = shape[start - 1] if start else 0
        if before == 0x41:
            left = shape[max(0, start - LETTERS_LEFT_MAX) : start]
            start -= len(left) - len(left.rstrip(b"A0"))
            before = shape[start - 1] if start else 0
        if before in b"(+":
            start -= 2 if before == 0x28 and start > 1 and shape[start - 2] == 0x2B else 1
            if shape[start] == 0x28 and start > 1 and shape[start - 2 : start] == b"+ ":
                start -= 2
            before = shape[start - 1] if start else 0
        elif before == 0x20 and start > 1 and shape[start - 2] == 0x2B:
            start -= 2
            before = shape[start - 1] if start else 0
        if before in b"- ./" and start > 1 and shape[start - 2] == 0x41:
            start -= self._letters_before(shape[max(0, start - self._loose_max) : start])
        after = shape[end : end + 1]
        if after and after in b"- ./":
            if shape[end + 1 : end + 2] == b"A":
                self._odd_runs(shape, start, end, out)
            for tail in self._tails:
                if shape.startswith(tail, end) and shape[end + len(tail) : end + len(tail) + 1] not in (
                    b"A",
                    b"0",
                ):
                    end += len(tail)
                    break
        run = shape[start:end]
        if before == 0x5F and b"A" in run:  # a part of an identifier (EM_AB12345)
            return
        places = self._memo.get(run)
        if places is None:
            if self._is_nothing(run):
                return
            places = self._places(run)
        if places:
            out.append((start, places))

    def _is_nothing(self, run: bytes) -> bool:
        """Whether a run is one group in which nothing stands: most that are met for the first time are parts of keys and hashes."""
        return (
            run not in self._shapes
            and len(run) not in MIXED_LENGTHS
            and not run.strip(b"0A")
            and DIGITS not in run
        )

    def _letters_before(self, left: bytes) -> int:
        """How many bytes at the end of *left* are the loose letters of a shape, longest first; remembered."""
        found = self._loose_memo.get(left)
        if found is None:
            found = 0
            for prefix in self._loose:
                if left.endswith(prefix) and not left.endswith((b"A" + prefix, b"0" + prefix)):
                    found = len(prefix)
                    break
            if len(self._loose_memo) >= MEMO_MAX:
                self._loose_memo.clear()
            self._loose_memo[left] = found
        return found

    def _odd_runs(self, shape: bytes, start: int, end: int, out: list[tuple[int, Groups[T]]]) -> None:
        """The odd shapes that begin at a group of the run and go on into the letters after it."""
        for token in _TOKEN.finditer(shape, start, end):
            at = token.start()
            if at and shape[at - 1] in _TIGHT:
                continue
            match = self._odd.match(shape, at)
            if match is None or match.end() <= end:
                continue
            odd = match[0]
            places = self._memo.get(odd)
            if places is None:
                places = self._odd_places(odd)
            out.append((at, places))

    def _odd_places(self, odd: bytes) -> Groups[T]:
        places = tuple((what, ((0, len(odd), score),)) for score, what in self._shapes[odd])
        self._remember(odd, places)
        return places

    @staticmethod
    def _middle(shape: bytes, start: int, end: int) -> int:
        """Where to go on after a run that was cut."""
        groups = [m.start() for m in _TOKEN.finditer(shape, start, end)]
        if len(groups) < GROUPS_MAX:
            return end
        return groups[len(groups) // 2]

    def _places(self, run: bytes) -> Groups[T]:
        out: dict[int, tuple[T, list[tuple[int, int, float]]]] = {}
        text = run.decode("latin-1")
        starts = [m.start() for m in _TOKEN.finditer(run)]
        ends = [m.end() for m in _TOKEN.finditer(run)]
        edges = sorted(
            {
                *starts,
                *(s - 1 for s in starts if s and run[s - 1] in b"(+"),
                *(s - 2 for s in starts if s > 1 and run[s - 2 : s] == b"+("),
            }
        )
        for s in edges:
            if s and run[s - 1] in _TIGHT and run[s - 1] not in b"0A":
                continue
            for e in ends:
                if e <= s:
                    continue
                if e - s > self._longest:
                    break
                if run[e : e + 1] in (b"-", b".") and e + 1 < len(run):
                    continue
                for score, what in self._shapes.get(run[s:e], ()):
                    out.setdefault(id(what), (what, []))[1].append((s, e, score))
        for finder, what in self._finders:
            if spots := finder(text):
                out.setdefault(id(what), (what, []))[1].extend(spots)
        places = tuple((what, tuple(spots)) for what, spots in out.values())
        self._remember(run, places)
        return places

    def _remember(self, run: bytes, places: Groups[T]) -> None:
        if len(self._memo) >= MEMO_MAX:
            self._memo.clear()
        self._memo[run] = places


def _alternatives(shapes: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """One pattern for the longest of *shapes* that no letter or digit follows; common beginnings are shared."""
    if not shapes:
        return re.compile(rb"(?!)")
    trie: dict[int, Any] = {}
    for shape in shapes:
        node = trie
        for byte in shape:
            node = node.setdefault(byte, {})
        node[_END] = {}
    return re.compile(_branches(trie) + rb"(?![0A])")


def _branches(node: dict[int, Any]) -> bytes:
    options = [re.escape(bytes((byte,))) + _branches(child) for byte, child in node.items() if byte != _END]
    if not options:
        return b""
    body = options[0] if len(options) == 1 and _END not in node else b"(?:" + b"|".join(options) + b")"
    return body + (b"?" if _END in node else b"")


_END: Final = -1
