"""Durations as people write them: ``45s``, ``30m``, ``24h``, ``7d``, ``1h30m``. Nothing else is accepted."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_FORM: Final = re.compile(r"(?:(?P<d>[0-9]{1,4})d)?(?:(?P<h>[0-9]{1,4})h)?(?:(?P<m>[0-9]{1,5})m)?(?:(?P<s>[0-9]{1,6})s)?")


def parse_duration(text: str) -> timedelta:
    """The duration *text* says; ValueError with the form to use otherwise. Zero is not a duration."""
    match = _FORM.fullmatch(text)
    if match is None or not text:
        raise ValueError(f"{text[:40]!r} is not a duration; write it like 45s, 30m, 24h, 7d or 1h30m")
    d, h, m, s = (int(match[unit] or 0) for unit in "dhms")
    delta = timedelta(days=d, hours=h, minutes=m, seconds=s)
    if not delta:
        raise ValueError("a duration must be longer than nothing")
    return delta
