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
