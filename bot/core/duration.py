"""Durations as people write them in policies and settings: ``90s``, ``30m``, ``12h``, ``7d``, ``1h30m``.

Decided here: the units and that a bare number is refused, because nobody can tell seconds from minutes by looking.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_PART: Final = re.compile(r"([0-9]{1,9})(d|h|m|s)")
_WHOLE: Final = re.compile(r"(?:[0-9]{1,9}d)?(?:[0-9]{1,9}h)?(?:[0-9]{1,9}m)?(?:[0-9]{1,9}s)?")
_SECONDS: Final = {"d": 86400, "h": 3600, "m": 60, "s": 1}
LONGEST: Final = timedelta(days=3660)
"""Ten years: longer is a slip of the finger, and dates must stay far from datetime's end."""


def parse(text: str) -> timedelta:
    """*text* as a duration; ValueError with a sentence when it is not one."""
    if not text or not _WHOLE.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a duration; write for example 90s, 30m, 12h, 7d or 1h30m")
    seconds = sum(int(count) * _SECONDS[unit] for count, unit in _PART.findall(text))
    # Compared as a number: datetime's own limit would speak first, with an OverflowError.
    if seconds > LONGEST.total_seconds():
        raise ValueError(f"{text!r} is longer than ten years")
    return timedelta(seconds=seconds)


def show(span: timedelta) -> str:
    """The shortest text that ``parse`` reads as *span*; ``0s`` for nothing. Whole seconds only."""
    seconds = int(span.total_seconds())
    parts = []
    for unit, size in _SECONDS.items():
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_positive(text: str) -> timedelta:
    """*text* as a duration longer than nothing; ValueError otherwise."""
    span = parse(text)
    if not span:
        raise ValueError(f"{text!r} is no time at all; write for example 90s or 30m")
    return span
