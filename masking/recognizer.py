"""The shape that every recognizer has, whichever family file it stands in.

A recognizer is data: how candidates are found cheaply, how one is confirmed, which check digit or
structure makes it certain, which words near it raise or lower the odds, and the examples that
prove it. The engine compiles all of them into one literal pass, one chunk pass, and bounded confirms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Validator = Callable[[str], bool | None]
"""True: certain (check digit holds). False: reject. None: no opinion, the score and context decide."""


@dataclass(frozen=True, slots=True)
class Literals:
    """Candidates stand around one of these strings (found by one Aho-Corasick pass over lower-cased
    text). The confirm runs on ``text[hit - before : hit + len + after]``; a pattern must match
    within that window and overlap the literal or lie after it.
    """

    strings: tuple[str, ...]
    before: int = 0
    after: int = 200
    at: bool = False
    """The pattern begins at the literal: it is tried there alone instead of being searched for in the window, so that a text
    full of the literal costs one try each (a megabyte of ``token `` took 34 s, and takes 0.3 s)."""


def starting(strings: tuple[str, ...], before: int = 0, after: int = 200) -> Literals:
    """Literals for a pattern that begins at them, unless something may stand *before*."""
    return Literals(strings, before, after, at=before == 0)


@dataclass(frozen=True, slots=True)
class Shapes:
    """Candidates are chunks of letters, digits and ``- . / ( ) + space`` whose shape is one of these:
    ``0`` stands for any digit, ``A`` for any ASCII letter, anything else for itself
    (``000-00-0000``, ``AA 00 00 00 A``). A shape always has at least one ``0``.
    """

    shapes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """*regex* is in the syntax of the ``regex`` module with bounded quantifiers only; it is
    compiled once and always run with a timeout. ``group`` is what is masked. ``score`` is the
    certainty before validator and context: give a bare 9-digit number 0.05, a distinctive form 0.6+.
    With ``Shapes`` a pattern may be empty: then the whole chunk is the candidate.
    """

    anchor: Literals | Shapes
    score: float
    regex: str = ""
    group: int = 0
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Recognizer:
    """One kind of thing. Examples are tested: every ``positive`` text yields exactly one span of
    ``type`` at or above the threshold, every ``negative`` none of ``type``. ``validated_score`` is
    given when the validator says True, before context; a check digit that one number in ten passes
    by luck is no certainty: then keep it low and let context lift it.
    """

    name: str
    type: str
    patterns: tuple[Pattern, ...]
    source: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    validator: Validator | None = None
    validated_score: float = 0.95
    context: tuple[str, ...] = ()
    anti_context: tuple[str, ...] = ()
    context_required: bool = False
