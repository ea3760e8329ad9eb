"""The tagger: labels O, PERSON and LOCATION over tokens, by Viterbi over remembered word scores.

A token whose own score is hopelessly on the side of O is O without a look around; only the stretches between
are decoded. The model file and the gazetteer stand in ``masking/data``; how they were made is
``benchmarks/masking_names``.
"""

from __future__ import annotations

import gzip
import json
import re
from importlib.resources import files
from typing import Any, Final

from masking.names.features import BOS, TOKEN, beside, kind, own, pair
from masking.native import available, tagger_type

Vector = tuple[float, float]
"""What is added to PERSON and to LOCATION, relative to O."""
Found = tuple[int, int, int, float]
"""Start, end, index into ``LABELS``, score."""
LABELS: Final = ("O", "PERSON", "LOCATION")
MEMO_MAX: Final = 40_000
WORD_CHARS_MAX: Final = 64
"""A longer word is looked at each time anew rather than kept."""
HOPELESS: Final = -1.5
"""A token this far below O is not decoded; checked against full decoding when the model is trained."""
TOKENS_MAX: Final = 60
"""A stretch is decoded in pieces of this many tokens at most."""


def gazetteer() -> dict[str, int]:
    """Lower-case word to flags (see ``features``)."""
    text = gzip.decompress((files("masking") / "data" / "gazetteer.txt.gz").read_bytes()).decode()
    out: dict[str, int] = {}
    for line in text.split("\n"):
        flags, _, words = line.partition(" ")
        if words:
            out.update(dict.fromkeys(words.split(" "), int(flags)))
    return out


class _Word:
    """What one token adds: to itself and to its neighbours."""

    __slots__ = ("after", "after2", "before", "before2", "hopeless", "kind", "own")

    def __init__(self, token: str, flags: int, weights: dict[str, Vector], bias: float) -> None:
        self.kind = kind(token, flags)
        self.own = _sum(own(token, flags), weights)
        # Seen from the next token this one stands before it, and so on.
        self.before = _sum(beside(token, flags, "p"), weights)
        self.after = _sum(beside(token, flags, "n"), weights)
        self.before2 = _sum(beside(token, flags, "q"), weights)
        self.after2 = _sum(beside(token, flags, "m"), weights)
        person, place = self.own
        if not token.islower():
            # In lower case a common word is a name too rarely for the benefit of the doubt.
            person, place = self.own = (person + bias, place + bias)
        self.hopeless = max(person, place) < HOPELESS


def _sum(names: list[str], weights: dict[str, Vector]) -> Vector:
    a = b = 0.0
    for name in names:
        w = weights.get(name)
        if w is not None:
            a += w[0]
            b += w[1]
    return a, b


class Tagger:
    """Loads once; immutable but for its memo."""

    def __init__(self, bias: float = 0.0, *, native: bool = available) -> None:
        data = json.loads(gzip.decompress((files("masking") / "data" / "names.json.gz").read_bytes()))
        self._weights: dict[str, Vector] = {}
        flat = data["weights"]
        for i, name in enumerate(data["features"].split("\x01")):
            o, person, place = flat[3 * i : 3 * i + 3]
            self._weights[name] = ((person - o) / 100, (place - o) / 100)
        self._t = tuple(tuple(float(x) for x in row) for row in data["transitions"])
        oo = self._t[0][0]
        inside = max(self._t[a][b] for a in (1, 2) for b in (1, 2)) - oo
        turns = max(self._t[0][a] + self._t[b][0] for a in (1, 2) for b in (1, 2)) - 2 * oo
        # No path through a name beats O when every token is at least this far below it.
        self._slack = max(inside, turns, 0.0)
        self._gazetteer = gazetteer()
        self._bias = bias
        self._memo: dict[str, _Word] = {}
        self._left: dict[tuple[str, str], Vector] = {}
        self._right: dict[tuple[str, str], Vector] = {}
        self._edge = self._word(BOS)
        self._kinds: dict[str, int] = {}
        self._native: Any = None
        if native:
            transitions = tuple(x for row in self._t for x in row)
            edge = self._word_row(BOS)
            limits = (MEMO_MAX, WORD_CHARS_MAX, TOKENS_MAX)
            seed = (
                hash(BOS) & 0xFFFFFFFFFFFFFFFF
            )  # differs from process to process, so that collisions cannot be prepared
            self._native = tagger_type(
                self._word_row, self._pair_row, page_of_classes, transitions, self._slack, edge, seed, *limits
            )

    def flags(self, token: str) -> int:
        return self._gazetteer.get(token.lower(), 0)

    def _word(self, token: str) -> _Word:
        if len(self._memo) >= MEMO_MAX:
            self._memo.clear()
        word = _Word(token, self.flags(token), self._weights, self._bias)
        if len(token) <= WORD_CHARS_MAX:
            self._memo[token] = word
        return word

    def find(self, text: str) -> list[Found]:
        """What is a name in *text*: (start, end, label, score), in order."""
        if self._native is not None:
            found: list[Found] = self._native.find(text)
            return found
        memo = self._memo
        tokens = TOKEN.findall(text)
        words = [memo.get(t) or self._word(t) for t in tokens]
        labels: dict[int, tuple[int, float]] = {}
        n = len(words)
        i = 0
        while i < n:
            if words[i].hopeless:
                i += 1
                continue
            j = i + 1
            # One hopeless token inside (a comma of an address) does not end a stretch.
            while (
                j < n
                and j - i < TOKENS_MAX
                and (not words[j].hopeless or (j + 1 < n and not words[j + 1].hopeless))
            ):
                j += 1
            self._decode(words, i, j, labels)
            i = j
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
            left, right = (p1.kind, w.kind), (w.kind, n1.kind)
            f = lefts.get(left) or self._pair(left, "d", lefts)
            g = rights.get(right) or self._pair(right, "e", rights)
            a, b, c = w.own, p1.before, n1.after
            d = words[i - 2].before2 if i > 1 else edge.before2
            e = words[i + 2].after2 if i + 2 < n else edge.after2
            person = a[0] + b[0] + c[0] + d[0] + e[0] + f[0] + g[0]
            place = a[1] + b[1] + c[1] + d[1] + e[1] + f[1] + g[1]
            scores.append((person, place))
            best = max(best, person, place)
        if best + self._slack >= 0.0:
            self._viterbi(scores, start, labels)

    def _viterbi(self, scores: list[Vector], start: int, labels: dict[int, tuple[int, float]]) -> None:
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

    def _pair(self, key: tuple[str, str], where: str, memo: dict[tuple[str, str], Vector]) -> Vector:
        if len(memo) > MEMO_MAX:
            memo.clear()
        v = memo[key] = self._weights.get(where + pair(key[0], key[1]), (0.0, 0.0))
        return v

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

    # What the compiled tagger asks, once for each word, pair of classes and page of code points.

    def _word_row(self, token: str) -> tuple[float, ...]:
        word = _Word(token, self.flags(token), self._weights, self._bias)
        number = self._kinds.setdefault(word.kind, len(self._kinds))
        return (number, word.hopeless, *word.own, *word.before, *word.after, *word.before2, *word.after2)

    def _pair_row(self, left: int, right: int) -> tuple[float, ...]:
        names = list(self._kinds)
        key = pair(names[left], names[right])
        zero = (0.0, 0.0)
        return (*self._weights.get("d" + key, zero), *self._weights.get("e" + key, zero))


def page_of_classes(page: int) -> bytes:
    """What the 256 code points of *page* are to ``TOKEN``: 0 nothing, 1 letter, 2 digit, 3 a token of its own."""
    out = bytearray()
    for code in range(page << 8, (page + 1) << 8):
        char = chr(code)
        out.append(1 if _LETTER.match(char) else 2 if _DIGIT.match(char) else 3 if TOKEN.match(char) else 0)
    return bytes(out)


_LETTER: Final = re.compile(r"[^\W\d_]")
_DIGIT: Final = re.compile(r"\d")
