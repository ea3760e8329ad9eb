"""Anchored globs over dotted names: ``*`` is any run of characters, nothing else is special.

Used for which actions a key covers and for claim matchers. An empty list matches nothing (I13).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final


def _compile(glob: str) -> re.Pattern[str]:
    first, *rest = (re.escape(part) for part in glob.split("*"))
    if not rest:
        return re.compile(first)
    *middle, last = rest
    # Each middle part is taken where it first occurs and never looked for again (atomic groups): that is enough for
    # globs, and many stars cannot backtrack over a long name.
    return re.compile(first + "".join(f"(?>[^\n]*?{part})" for part in middle) + f"[^\n]*{last}")


_compiled: Final = lru_cache(maxsize=1024)(_compile)


def matches(globs: Iterable[str], name: str) -> bool:
    """Whether any of *globs* covers the whole of *name*."""
    return any(_compiled(glob).fullmatch(name) is not None for glob in globs)
