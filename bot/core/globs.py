"""Anchored globs over dotted names: ``*`` is any run of characters, nothing else is special.

Used for which actions a key covers and for claim matchers. An empty list matches nothing (I13).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=1024)
def _compiled(glob: str) -> re.Pattern[str]:
    # Runs of * are one: a pattern of many stars must not backtrack over a long name.
    parts = [re.escape(part) for part in re.sub(r"\*+", "*", glob).split("*")]
    return re.compile("[^\n]*?".join(parts))


def matches(globs: Iterable[str], name: str) -> bool:
    """Whether any of *globs* covers the whole of *name*."""
    return any(_compiled(glob).fullmatch(name) is not None for glob in globs)
