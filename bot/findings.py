"""What one check of an installation saw, for ``signoff doctor`` and for whoever looks on its behalf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``sentence`` holds the remedy when the level is not ok."""

    check: str
    level: Level
    sentence: str
