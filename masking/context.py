"""What the words around a candidate say. Whole words only, camelCase and snake_case split.

A score is moved in log-odds: a supporting word adds ``FOR``, further ones ``MORE`` each, a contrary word
subtracts ``AGAINST``. The window is 40 code points before and 20 after, cut to the line when the text is
made of ``key: value`` lines.
"""

from __future__ import annotations

import math
import re
from typing import Final

BEFORE: Final = 40
AFTER: Final = 20
FOR: Final = 3.2
MORE: Final = 0.5
AGAINST: Final = 2.5
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]+")


class Words:
    """The words near one candidate: ``near`` as a set, ``line`` as a blank-padded string for phrases."""

    __slots__ = ("line", "near")

    def __init__(self, text: str, start: int, end: int, line_bound: bool) -> None:
        left = start - BEFORE if start > BEFORE else 0
        right = end + AFTER
        if line_bound:
            left = max(left, text.rfind("\n", left, start) + 1)
            cut = text.find("\n", end, right)
            right = cut if cut >= 0 else right
        # A word cut by the window's edge is no word.
        if left and text[left - 1].isalnum():
            while left < start and text[left].isalnum():
                left += 1
        if right < len(text) and text[right].isalnum():
            while right > end and text[right - 1].isalnum():
                right -= 1
        words = " ".join(_WORD.findall(text[left:start] + " | " + text[end:right])).lower().split(" ")
        self.near = frozenset(words)
        self.line = " " + " ".join(words) + " "


class Vocabulary:
    """A recognizer's context words, compiled: single words with their plural, and phrases."""

    __slots__ = ("phrases", "words")

    def __init__(self, words: tuple[str, ...]) -> None:
        split = [" ".join(w.lower() for w in _WORD.findall(word)) or word.lower() for word in words]
        single = {w for w in split if " " not in w}
        self.words = frozenset(single | {w + "s" for w in single})
        self.phrases = tuple(f" {w} " for w in split if " " in w)

    def __bool__(self) -> bool:
        return bool(self.words or self.phrases)

    def count(self, words: Words) -> int:
        n = 0 if self.words.isdisjoint(words.near) else len(self.words & words.near)
        for phrase in self.phrases:
            if phrase in words.line:
                n += 1
        return n


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def squash(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def moved(score: float, support: int, contrary: int) -> float:
    """*score* after *support* words for it and *contrary* against it."""
    if not support and not contrary:
        return score
    odds = logit(min(max(score, 0.001), 0.999))
    if support:
        odds += FOR + MORE * (min(support, 3) - 1)
    if contrary:
        odds -= AGAINST
    return squash(odds)
