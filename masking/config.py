"""What an operator may decide about the engine: types, threshold, own recognizers, allow and deny lists.

Everything here is checked when the engine is built, never while a text is scanned. Own patterns run on
RE2 (linear time), so that no configuration can stall a scan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from masking.spans import THRESHOLD

NOT_MASKED: Final = frozenset({"URL", "DATE"})
"""Found for those who ask, left readable by default: an approver needs the address and the day."""

TEXT_CHARS_MAX: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CustomRecognizer:
    """An operator's own kind of thing. *pattern* is RE2; *validator* a name of ``masking.validators``."""

    name: str
    type: str
    pattern: str
    score: float = 0.6
    context: tuple[str, ...] = ()
    validator: str = ""
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Defaults mask everything known but plain URLs and dates.

    ``allow`` are exact values (compared case-folded) that are never masked, ``allow_patterns`` RE2 patterns that
    a whole value must match for it to be left alone; ``deny`` maps exact words to the type they are masked as.
    """

    threshold: float = THRESHOLD
    off: frozenset[str] = NOT_MASKED
    names: bool = True
    custom: tuple[CustomRecognizer, ...] = ()
    allow: frozenset[str] = frozenset()
    allow_patterns: tuple[str, ...] = ()
    deny: tuple[tuple[str, str], ...] = ()
    text_chars_max: int = TEXT_CHARS_MAX
