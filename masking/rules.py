"""What a family file may hold beside recognizers: finders over digit runs and finders over the whole text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from masking.recognizer import Validator
from masking.spans import Span
from masking.view import View


@dataclass(frozen=True, slots=True)
class RunForms:
    """What a finder over shapes seeks, for ``native/places.c``, which does the rest as the finder does.

    *kind*: ``plain`` (every match of the one pattern, with so many letters in it), ``card`` or ``phone``. *patterns* have no
    reference to a group; each has its score.
    """

    kind: str
    patterns: tuple[tuple[str, float], ...]
    letters_min: int = 0
    letters_max: int = 1_000


@dataclass(frozen=True, slots=True)
class RunRule:
    """A kind of thing found in digit runs by code that sees the run's shape only (and is remembered by shape)."""

    name: str
    type: str
    find: Callable[[str], tuple[tuple[int, int, float], ...]]
    forms: RunForms
    source: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    validator: Validator | None = None
    validated_score: float = 0.95
    context: tuple[str, ...] = ()
    anti_context: tuple[str, ...] = ()
    context_required: bool = False


@dataclass(frozen=True, slots=True)
class TextRule:
    """A kind of thing found by code that sees the whole view: must be linear, and cheap when nothing is there."""

    name: str
    type: str
    find: Callable[[View], list[Span]]
    source: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    model: bool = False
    find_without_native: Callable[[View], list[Span]] | None = None
    """The same by Python alone, where ``find`` uses the compiled loops when there are any."""
    needs: tuple[str, ...] = ()
    """Lower-case strings (Latin-1): a text that holds none of them holds nothing of this kind, and ``find`` is not called."""
    literals: tuple[str, ...] = ()
    """Strings that everything of this kind begins with, in small letters (a first capital: only so written); the literal pass finds them, and ``find_at`` is called
    instead of ``find`` with the offsets at which one of them stands and no letter, digit or ``_`` before it, in the
    order of where they end (an offset may come twice)."""
    find_at: Callable[[View, list[int]], list[Span]] | None = None
    rank: int = 0
    """The rank of ``masking.resolve`` that all of it has; 0: as its score and ``model`` say."""
    own: str = ""
    """The part of ``native/finders.c`` that finds the same; it asks ``own_parts`` where its cheap conditions hold."""
    own_parts: tuple[Any, ...] = ()
