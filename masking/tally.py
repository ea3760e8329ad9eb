"""What was found in one input: counts by type and a few masked examples. Never a value: only masked text comes in here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from masking.masked import Masked
from masking.operators import last_four

EXAMPLES_MAX: Final = 3
EXAMPLE_CHARS: Final = 32
"""Shown on either side of a placeholder."""
NUMBERS_MAX: Final = 50_000
"""Values whose number is remembered; about 8 MB. After that the one not seen for the longest is forgotten."""
_LABEL: Final = re.compile(r"\[([A-Z][A-Z0-9_]{0,40})_[0-9]{1,7}(?: …[0-9]{4})?\]")


@dataclass(slots=True)
class Tally:
    """Counts and examples of one input."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    _full: set[str] = field(default_factory=set, compare=False)
    """The types of which there are examples enough."""

    def count(self, hidden: Iterable[tuple[str, int]]) -> None:
        """Add what a ``Masked`` says of itself."""
        for kind, count in hidden:
            self.counts[kind.upper()] += count

    def take(self, masked: Masked, label: str) -> None:
        """:meth:`count` what *masked* hides and :meth:`look` at it, unless there are examples enough of all that."""
        self.count(masked.hidden)
        for kind, _ in masked.hidden:
            if kind not in self._full:
                self.look(masked.text, label)
                self._full = {k.lower() for k, taken in self.examples.items() if len(taken) >= EXAMPLES_MAX}
                return

    def look(self, masked: str, label: str = "") -> None:
        """Take examples from *masked*, which is finished: nothing in it is still to be hidden."""
        for match in _LABEL.finditer(masked):
            kind = match[1]
            if kind not in self.counts or len(taken := self.examples.setdefault(kind, [])) >= EXAMPLES_MAX:
                continue
            example = label + _around(masked, match.start(), match.end())
            if example not in taken:
                taken.append(example)

    def add(self, other: Tally) -> None:
        """Take in another input's tally."""
        self.counts.update(other.counts)
        for kind, examples in other.examples.items():
            mine = self.examples.setdefault(kind, [])
            mine.extend(e for e in examples if e not in mine)
            del mine[EXAMPLES_MAX:]

    @property
    def total(self) -> int:
        return self.counts.total()


def _around(text: str, start: int, end: int) -> str:
    """The line around ``text[start:end]``, whole words, at most ``EXAMPLE_CHARS`` on either side."""
    left = max(text.rfind("\n", 0, start) + 1, start - EXAMPLE_CHARS, 0)
    cut = text.find("\n", end)
    right = min(cut if cut >= 0 else len(text), end + EXAMPLE_CHARS)
    before, after = text[left:start], text[end:right]
    if left and not text[left - 1].isspace():
        before = before.partition(" ")[2]
    if right < len(text) and not text[right].isspace():
        after = after.rpartition(" ")[0]
    # Never a part of another placeholder: `…1111] declined for` reads as if something were cut open.
    head, closing, rest = before.partition("]")
    if closing and "[" not in head:
        before = rest
    rest, opening, tail = after.rpartition("[")
    if opening and "]" not in tail:
        after = rest
    return f"{before}{text[start:end]}{after}".strip()


class BoundedNumbering:
    """As ``operators.Numbering`` for inputs of any size: remembers the last ``NUMBERS_MAX`` values, in memory, as they are.

    A value that comes again after that many others gets a new number.
    """

    __slots__ = ("_inner_max", "_next", "_seen")

    def __init__(self, values_max: int = NUMBERS_MAX) -> None:
        self._inner_max = values_max
        self._seen: dict[tuple[str, str], int] = {}
        self._next: Counter[str] = Counter()

    def placeholder(self, kind: str, value: str) -> str:
        key = (kind, value)
        number = self._seen.pop(key, None)
        if number is None:
            self._next[kind] += 1
            number = self._next[kind]
            if len(self._seen) >= self._inner_max:
                del self._seen[next(iter(self._seen))]
        self._seen[key] = number
        return f"[{kind}_{number}{last_four(kind, value)}]"
