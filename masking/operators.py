"""How a found value is written. Previews: a typed, numbered placeholder, the same for the same value in one document.

Cards and phone numbers keep their last four digits (PCI DSS 4.0.1, 3.4.1 allows more); nothing else keeps
anything, and no length is shown: the length of a password or of a name narrows a guess, and adds nothing to a
decision.
"""

from __future__ import annotations

from collections import Counter
from enum import Enum
from typing import Final, Protocol

from masking.masked import Masked, _make
from masking.spans import Span

LAST_FOUR: Final = {"CREDIT_CARD": 12, "PHONE_NUMBER": 9}
"""Type to the fewest digits a value must have for its last four to be shown."""


class Operator(Enum):
    """What is written in place of a value of one type."""

    PLACEHOLDER = "placeholder"
    REDACT = "redact"
    PARTIAL = "partial"
    TOKEN = "token"  # noqa: S105 - the name of an operator
    VAULT = "vault"
    HMAC = "hmac"
    FF1 = "ff1"
    SYNTHETIC = "synthetic"
    GENERALISE = "generalise"
    KEEP = "keep"


class Writing(Protocol):
    """Says what stands in place of a value."""

    def placeholder(self, kind: str, value: str) -> str: ...


class Numbering:
    """The numbers of one document: per type, in order of first appearance; equal values share a number."""

    __slots__ = ("_next", "_seen")

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], int] = {}
        self._next: Counter[str] = Counter()

    def placeholder(self, kind: str, value: str) -> str:
        number = self._seen.get((kind, value))
        if number is None:
            self._next[kind] += 1
            number = self._seen[kind, value] = self._next[kind]
        return f"[{kind}_{number}{last_four(kind, value)}]"


def last_four(kind: str, value: str) -> str:
    fewest = LAST_FOUR.get(kind)
    if fewest is None:
        return ""
    digits = "".join(filter(str.isdecimal, value))
    if len(digits) < fewest:
        return ""
    last = digits[-4:]
    return " …" + (last if last.isascii() else "".join(str(int(c)) for c in last))


def write(text: str, spans: list[Span], numbering: Writing) -> Masked:
    """*text* with each of the (sorted, non-overlapping) *spans* replaced by its placeholder."""
    if not spans:
        return _make(text)
    parts: list[str] = []
    at = 0
    kinds: dict[str, int] = {}
    for span in spans:
        start, end, kind = span.start, span.end, span.type
        parts += (text[at:start], numbering.placeholder(kind, text[start:end]))
        low = kind.lower()
        kinds[low] = kinds.get(low, 0) + 1
        at = end
    parts.append(text[at:])
    return _make("".join(parts), tuple(sorted(kinds.items())))
