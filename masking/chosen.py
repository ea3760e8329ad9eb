"""Findings for a caller who names the kinds.

:meth:`masking.engine.Engine.scan` judges text of which nothing is known: a bare row of digits is nothing without a word beside it.
Whoever asks for passports only gets each number that can be one, however low its score. Nothing here decides what is masked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Final

from masking.spans import THRESHOLD, Span

if TYPE_CHECKING:
    from masking.engine import Engine

FLOOR: Final[dict[str, float]] = {
    "CREDIT_CARD": THRESHOLD,
    "IP_ADDRESS": 0.2,
    "PHONE_NUMBER": 0.1,
    "SECRET": THRESHOLD,
    "PASSWORD": THRESHOLD,
}
"""Kinds whose candidates below this were refused (a card without its check digit), not merely without a word."""


def only(engine: Engine, text: str, kinds: Collection[str]) -> list[Span]:
    """Spans of *kinds* alone, sorted; of one kind none overlap, of two they may. Scores go down to the barely possible."""
    kinds = frozenset(kinds) - engine.config.off
    wanted = [s for s in engine.explain(text) if s.type in kinds and s.score >= FLOOR.get(s.type, 0.0)]
    return _apart(s for s in wanted if not engine.allows(text[s.start : s.end]))


def _apart(spans: Iterable[Span]) -> list[Span]:
    """Of one kind the likeliest, then the longest, of those that overlap."""
    kept: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda s: (-s.score, s.start - s.end, s.start)):
        same = kept.setdefault(span.type, [])
        if not any(s.start < span.end and span.start < s.end for s in same):
            same.append(span)
    return sorted(s for same in kept.values() for s in same)
