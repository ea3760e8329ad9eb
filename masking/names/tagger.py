"""The tagger: labels O, PERSON and LOCATION over tokens, by Viterbi over remembered word scores.

A token whose own score is hopelessly on the side of O is O without a look around; only the stretches between
are decoded. The model file and the gazetteer stand in ``masking/data``; how they were made is
``benchmarks/masking_names``.
"""

from __future__ import annotations

import gzip
import json
from importlib.resources import files
from typing import Final

from masking.names.features import BOS, TOKEN, beside, kind, own, pair
from masking.spans import Span

Vector = tuple[float, float, float]
LABELS: Final = ("O", "PERSON", "LOCATION")
MEMO_MAX: Final = 40_000
HOPELESS: Final = -2.5
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
        o, p, l = self.own
        if not token.islower():
            # In lower case a common word is a name too rarely for the benefit of the doubt.
            o -= bias
            self.own = (o, p, l)
        self.hopeless = max(p, l) - o < HOPELESS


def _sum(names: list[str], weights: dict[str, Vector]) -> Vector:
    a = b = c = 0.0
    for name in names:
        w = weights.get(name)
        if w is not None:
            a += w[0]
            b += w[1]
            c += w[2]
    return a, b, c


class Tagger:
    """Loads once; immutable but for its memo."""

    def __init__(self, bias: float = 0.0) -> None:
        data = json.loads(gzip.decompress((files("masking") / "data" / "names.json.gz").read_bytes()))
        self._weights: dict[str, Vector] = {}
        for i, line in enumerate(data["features"].split("\x01")):
            w = data["weights"]
            self._weights[line] = (w[3 * i] / 100, w[3 * i + 1] / 100, w[3 * i + 2] / 100)
        t = data["transitions"]
        self._t = tuple(tuple(float(x) for x in row) for row in t)
        self._gazetteer = gazetteer()
        self._bias = bias
        self._memo: dict[str, _Word] = {}
        self._left: dict[tuple[str, str], Vector] = {}
        self._right: dict[tuple[str, str], Vector] = {}
        self._edge = self._word(BOS)

    def flags(self, token: str) -> int:
        return self._gazetteer.get(token.lower(), 0)

    def _word(self, token: str) -> _Word:
        if len(self._memo) >= MEMO_MAX:
            self._memo.clear()
        word = self._memo[token] = _Word(token, self.flags(token), self._weights, self._bias)
        return word

    def find(self, text: str) -> list[Span]:
        """PERSON and LOCATION spans of *text* with their margins as scores."""
        memo = self._memo
        tokens = TOKEN.findall(text)
        words = [memo.get(t) or self._word(t) for t in tokens]
        if all(w.hopeless for w in words):
            return []
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
        return self._spans(text, labels) if labels else []

    def _decode(
        self, words: list[_Word], start: int, stop: int, labels: dict[int, tuple[int, float]]
    ) -> None:
        n = len(words)
        edge = self._edge
        (oo, op, ol), (po, pp, pl), (lo, lp, ll) = self._t
        so, sp, sl = 0.0, -1e9, -1e9
        backs = []
        margins = []
        lefts, rights = self._left, self._right
        for i in range(start, stop):
            w = words[i]
            p1 = words[i - 1] if i else edge
            p2 = words[i - 2] if i > 1 else edge
            n1 = words[i + 1] if i + 1 < n else edge
            n2 = words[i + 2] if i + 2 < n else edge
            left, right = (p1.kind, w.kind), (w.kind, n1.kind)
            dl = lefts.get(left) or self._pair(left, "d", lefts)
            dr = rights.get(right) or self._pair(right, "e", rights)
            a, b, c, d, e = w.own, p1.before, n1.after, p2.before2, n2.after2
            eo = a[0] + b[0] + c[0] + d[0] + e[0] + dl[0] + dr[0]
            ep = a[1] + b[1] + c[1] + d[1] + e[1] + dl[1] + dr[1]
            el = a[2] + b[2] + c[2] + d[2] + e[2] + dl[2] + dr[2]
            x, y, z = so + oo, sp + po, sl + lo
            bo, no = (0, x) if x >= y and x >= z else (1, y) if y >= z else (2, z)
            x, y, z = so + op, sp + pp, sl + lp
            bp, np_ = (0, x) if x >= y and x >= z else (1, y) if y >= z else (2, z)
            x, y, z = so + ol, sp + pl, sl + ll
            bl, nl = (0, x) if x >= y and x >= z else (1, y) if y >= z else (2, z)
            so, sp, sl = no + eo, np_ + ep, nl + el
            backs.append((bo, bp, bl))
            margins.append((eo, ep, el))
        x, y, z = so + oo, sp + po, sl + lo
        label = 0 if x >= y and x >= z else 1 if y >= z else 2
        for i in range(stop - 1, start - 1, -1):
            if label:
                m = margins[i - start]
                labels[i] = (label, m[label] - m[0])
            label = backs[i - start][label]

    def _pair(self, key: tuple[str, str], where: str, memo: dict[tuple[str, str], Vector]) -> Vector:
        if len(memo) > MEMO_MAX:
            memo.clear()
        v = memo[key] = self._weights.get(where + pair(key[0], key[1]), (0.0, 0.0, 0.0))
        return v

    @staticmethod
    def _spans(text: str, labels: dict[int, tuple[int, float]]) -> list[Span]:
        out: list[Span] = []
        last = -2
        for i, match in enumerate(TOKEN.finditer(text)):
            found = labels.get(i)
            if found is None:
                continue
            label, margin = found
            name = LABELS[label]
            score = min(0.85, 0.5 + 0.05 * max(margin, 0.0))
            if last == i - 1 and out and out[-1].type == name:
                prior = out[-1]
                out[-1] = Span(prior.start, match.end(), name, max(prior.score, score), "names", prior.reason)
            else:
                out.append(
                    Span(
                        match.start(),
                        match.end(),
                        name,
                        score,
                        "names",
                        "model: the word and those beside it",
                    )
                )
            last = i
        return out
