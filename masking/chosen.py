"""Findings for a caller who already knows what is asked: some kinds by name, or one value alone.

:meth:`masking.engine.Engine.scan` judges text of which nothing is known: a bare row of digits is nothing without a word beside it.
Here something is known. Whoever asks for passports only gets each number that can be one, however low its score
(:func:`only`); and where a text is one value and nothing else, no word could ever stand beside it, so everything
that the value can be is told (:func:`readings`), several kinds over the same place. Nothing here decides what is masked.
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
ALONE_CHARS_MAX: Final = 64
"""No value of a kind with a check or a form of its own is longer (an IBAN has 34, 42 in groups)."""
ALONE_SCORE: Final = THRESHOLD
"""What a value that stands alone is worth at least: nothing speaks against it."""
_PLAIN: Final = frozenset(
    {"PERSON", "LOCATION", "ADDRESS", "SECRET", "PASSWORD", "URL", "AGE", "USERNAME", "DATE"}
)
"""Kinds that words decide, never a form."""
_COMMON: Final = frozenset({"US_SSN", "PHONE_NUMBER", "CREDIT_CARD", "IP_ADDRESS", "BANK_ACCOUNT"})
"""Kinds that so many bare numbers could be that standing alone says nothing; their own score stands."""


def only(engine: Engine, text: str, kinds: Collection[str]) -> list[Span]:
    """Spans of *kinds* alone, sorted; of one kind none overlap, of two they may. Scores go down to the barely possible."""
    wanted = [s for s in engine.explain(text) if s.type in kinds and s.score >= FLOOR.get(s.type, 0.0)]
    return _apart(s for s in wanted if not engine.allows(text[s.start : s.end]))


def readings(engine: Engine, text: str) -> list[Span]:
    """As :meth:`Engine.scan`; where *text* is one value and nothing else, also what else the value can be."""
    spans = engine.scan(text)
    if len(text) > ALONE_CHARS_MAX or "\n" in text.strip():
        return spans
    more = []
    for span in engine.explain(text):
        if span.type in _PLAIN or span.type in engine.config.off or not _is_alone(text, span):
            continue
        if span.score < FLOOR.get(span.type, 0.0) or engine.allows(text[span.start : span.end]):
            continue
        if any(s.type == span.type and s.start < span.end and span.start < s.end for s in spans):
            continue
        lifted = span.score if span.type in _COMMON else max(span.score, ALONE_SCORE)
        more.append(Span(span.start, span.end, span.type, lifted, span.rule, span.reason + ", stands alone"))
    return sorted([*spans, *_apart(more)])


def _is_alone(text: str, span: Span) -> bool:
    return not any(c.isalnum() for c in text[: span.start] + text[span.end :])


def _apart(spans: Iterable[Span]) -> list[Span]:
    """Of one kind the likeliest, then the longest, of those that overlap."""
    kept: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda s: (-s.score, s.start - s.end, s.start)):
        same = kept.setdefault(span.type, [])
        if not any(s.start < span.end and span.start < s.end for s in same):
            same.append(span)
    return sorted(s for same in kept.values() for s in same)
