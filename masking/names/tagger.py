"""The tagger: labels O, PERSON and LOCATION over tokens, by Viterbi over remembered word scores.

A token whose own score is hopelessly on the side of O is O without a look around; only the stretches between
are decoded. Weights are whole hundredths, so that a sum is the same whichever way it is made; ``native/names.c`` makes
the same sums. The model and the gazetteer are ``masking.names.table``; how they were made is ``benchmarks/masking_names``.
"""

from __future__ import annotations

import re
from typing import Any, Final

from masking.letters import Letters
from masking.names.features import BOS, COMMON, TOKEN, beside, group, own, pair, shape
from masking.names.table import Table, load
from masking.native import available, tagger_type

Vector = tuple[int, int]
"""What is added to PERSON and to LOCATION, relative to O, in hundredths."""
Found = tuple[int, int, int, float]
"""Start, end, index into ``LABELS``, score."""
LABELS: Final = ("O", "PERSON", "LOCATION")
MEMO_MAX: Final = 40_000
WORD_CHARS_MAX: Final = 64
"""A longer word is looked at each time anew rather than kept."""
HOPELESS: Final = -150
"""A token this far below O is not decoded; checked against full decoding when the model is trained."""
TOKENS_MAX: Final = 60
"""A stretch is decoded in pieces of this many tokens at most."""
FORMS: Final = ("x", "X", "Xx", "XX", "u", "xX", "XxX", "01", "02", "03", "04", "05", "06", "¶")
"""The shapes of ``features.shape`` that are no single sign; a shape's number is its place here plus one."""
SIGNS: Final = 32
"""A sign's number is its code point and this; the numbers of kinds are those of shapes, times 32, and the flags."""


def kind_number(form: str, flags: int) -> int:
    """The number of a class of tokens (``features.kind``)."""
    place = FORMS.index(form) + 1 if form in FORMS else SIGNS + ord(form)
    return place * (2 * COMMON) + flags


def kind_name(number: int) -> str:
    """The name behind a number of :func:`kind_number`, as the features write it."""
    place, flags = divmod(number, 2 * COMMON)
    return (chr(place - SIGNS) if place >= SIGNS else FORMS[place - 1]) + group(flags)


class _Word:
    """What one token adds: to itself and to its neighbours."""

    __slots__ = ("after", "after2", "before", "before2", "hopeless", "kind", "own")

    def __init__(self, token: str, table: Table, bias: int) -> None:
        flags = table.flags(token.lower())
        self.kind = kind_number(shape(token), flags)
        self.own = _sum(own(token, flags), table)
        # Seen from the next token this one stands before it, and so on.
        self.before = _sum(beside(token, flags, "p"), table)
        self.after = _sum(beside(token, flags, "n"), table)
        self.before2 = _sum(beside(token, flags, "q"), table)
        self.after2 = _sum(beside(token, flags, "m"), table)
        person, place = self.own
        if not token.islower():
            # In lower case a common word is a name too rarely for the benefit of the doubt.
            person, place = self.own = (person + bias, place + bias)
        self.hopeless = max(person, place) < HOPELESS

    def row(self) -> tuple[int, ...]:
        """As the compiled tagger takes it."""
        return (
            self.kind, self.hopeless, *self.own, *self.before, *self.after, *self.before2, *self.after2,
        )  # fmt: skip


def _sum(names: list[str], table: Table) -> Vector:
    a = b = 0
    for name in names:
        person, place = table.weight(name)
        a += person
        b += place
    return a, b


class _Memo(dict[str, _Word]):
    """The words seen so far. Cleared, not trimmed, when it is full: real texts use few words most of the time."""

    def __init__(self, table: Table, bias: int) -> None:
        self._table = table
        self._bias = bias

    def __missing__(self, token: str) -> _Word:
        word = _Word(token, self._table, self._bias)
        if len(token) <= WORD_CHARS_MAX:
            if len(self) >= MEMO_MAX:
                self.clear()
            self[token] = word
        return word


class _Pairs(dict[int, Vector]):
    """What two neighbouring classes add to the left one (``d``) or to the right one (``e``)."""

    def __init__(self, table: Table, where: str) -> None:
        self._table = table
        self._where = where

    def __missing__(self, number: int) -> Vector:
        if len(self) > MEMO_MAX:
            self.clear()
        left, right = number >> 16, number & 0xFFFF
        vector = self[number] = self._table.weight(self._where + pair(kind_name(left), kind_name(right)))
        return vector


class Tagger:
    """Loads once; immutable but for its memo."""

    def __init__(self, bias: float = 0.0, *, native: bool = available) -> None:
        table = load()
        hundredths = round(100 * bias)
        self._t = tuple(table.transitions[i : i + 3] for i in (0, 3, 6))
        oo = self._t[0][0]
        inside = max(self._t[a][b] for a in (1, 2) for b in (1, 2)) - oo
        turns = max(self._t[0][a] + self._t[b][0] for a in (1, 2) for b in (1, 2)) - 2 * oo
        # No path through a name beats O when every token is at least this far below it.
        self._slack = max(inside, turns, 0.0)
        self._memo = _Memo(table, hundredths)
        self._left, self._right = _Pairs(table, "d"), _Pairs(table, "e")
        self._edge = _Word(BOS, table, hundredths)
        self.native: Any = None
        if native:
            # The seed differs from process to process, so that collisions cannot be prepared.
            self.native = tagger_type(
                Letters.native(), table.raw, self._row, hundredths, HOPELESS, self._slack,
                hash(BOS) & 0xFFFFFFFFFFFFFFFF, MEMO_MAX, WORD_CHARS_MAX, TOKENS_MAX,
            )  # fmt: skip

    def find(self, text: str) -> list[Found]:
        """What is a name in *text*: (start, end, label, score), in order."""
        if self.native is not None:
            found: list[Found] = self.native.find(text)
            return found
        words = list(map(self._memo.__getitem__, TOKEN.findall(text)))
        labels: dict[int, tuple[int, float]] = {}
        for stretch in _STRETCH.finditer(bytes([not w.hopeless for w in words])):
            start, stop = stretch.span()
            while start < stop:
                # A longer one is decoded in pieces, and a piece begins with a token that is not hopeless.
                if words[start].hopeless:
                    start += 1
                    continue
                self._decode(words, start, min(start + TOKENS_MAX, stop), labels)
                start += TOKENS_MAX
        return self._found(text, labels) if labels else []

    def _decode(
        self, words: list[_Word], start: int, stop: int, labels: dict[int, tuple[int, float]]
    ) -> None:
        n = len(words)
        edge = self._edge
        scores = []
        best = -1e9
        lefts, rights = self._left, self._right
        for i in range(start, stop):
            w = words[i]
            p1 = words[i - 1] if i else edge
            n1 = words[i + 1] if i + 1 < n else edge
            f = lefts[p1.kind << 16 | w.kind]
            g = rights[w.kind << 16 | n1.kind]
            a, b, c = w.own, p1.before, n1.after
            d = words[i - 2].before2 if i > 1 else edge.before2
            e = words[i + 2].after2 if i + 2 < n else edge.after2
            person = (a[0] + b[0] + c[0] + d[0] + e[0] + f[0] + g[0]) / 100
            place = (a[1] + b[1] + c[1] + d[1] + e[1] + f[1] + g[1]) / 100
            scores.append((person, place))
            best = max(best, person, place)
        if best + self._slack >= 0.0:
            self._viterbi(scores, start, labels)

    def _viterbi(
        self, scores: list[tuple[float, float]], start: int, labels: dict[int, tuple[int, float]]
    ) -> None:
        (oo, op, ol), (po, pp, pl), (lo, lp, ll) = self._t
        so, sp, sl = 0.0, -1e9, -1e9
        backs = []
        for person, place in scores:
            x, y, z = so + oo, sp + po, sl + lo
            bo, no = (0, x) if x >= y and x >= z else (1, y) if y >= z else (2, z)
            x, y, z = so + op, sp + pp, sl + lp
            bp, np = (0, x) if x >= y and x >= z else (1, y) if y >= z else (2, z)
            x, y, z = so + ol, sp + pl, sl + ll
            bl, nl = (0, x) if x >= y and x >= z else (1, y) if y >= z else (2, z)
            so, sp, sl = no, np + person, nl + place
            backs.append((bo, bp, bl))
        x, y, z = so + oo, sp + po, sl + lo
        label = 0 if x >= y and x >= z else 1 if y >= z else 2
        for i in range(len(scores) - 1, -1, -1):
            if label:
                labels[start + i] = (label, scores[i][label - 1])
            label = backs[i][label]

    @staticmethod
    def _found(text: str, labels: dict[int, tuple[int, float]]) -> list[Found]:
        places = [match.span() for match in TOKEN.finditer(text)]
        out: list[Found] = []
        run: list[int] = []

        def close() -> None:
            score = min(0.85, 0.5 + 0.05 * max(0.0, *(labels[i][1] for i in run)))
            out.append((places[run[0]][0], places[run[-1]][1], labels[run[0]][0], score))

        for i in sorted(labels):
            if run and (i != run[-1] + 1 or labels[i][0] != labels[run[0]][0]):
                close()
                run = []
            run.append(i)
        close()
        return out

    def _row(self, token: str) -> tuple[int, ...]:
        """What the compiled tagger asks about a token that is not ASCII."""
        return self._memo[token].row()


_STRETCH: Final = re.compile(rb"\x01(?:\x01|\x00\x01)*+")
"""Tokens that are not hopeless; one hopeless token inside (a comma of an address) does not end a stretch."""
