"""What a detector says: where, what, how sure, and why.

Offsets are code points into the text that was given, half open. A score is a probability-like
number in [0, 1]; 0.4 is the threshold below which nothing is masked.
"""

from __future__ import annotations

from dataclasses import dataclass

THRESHOLD = 0.4


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """``text[start:end]`` looks like a *type*, found by *rule*, because of *reason* (no value in it)."""

    start: int
    end: int
    type: str
    score: float
    rule: str = ""
    reason: str = ""


_new = object.__new__
_set_start, _set_end, _set_type, _set_score, _set_rule, _set_reason = (
    getattr(Span, name).__set__ for name in Span.__slots__
)


def moved(span: Span, start: int, end: int) -> Span:
    """*span* with other offsets. As ``dataclasses.replace``, in a fifth of its time: streams do this for every finding."""
    out = _new(Span)
    _set_start(out, start)
    _set_end(out, end)
    _set_type(out, span.type)
    _set_score(out, span.score)
    _set_rule(out, span.rule)
    _set_reason(out, span.reason)
    return out
