"""Words that the model takes for names in texts unlike those it learned from, and that are none when they stand alone."""

from __future__ import annotations

from typing import Final

_NEVER: Final = """
der die das den dem des im am ein eine la le les el los las il lo gli tel fax fon tél dear hi hello grade homeroom flat apt suite room unit floor
"""
NO_NAMES: Final = frozenset(_NEVER.split())


def is_no_name(value: str) -> bool:
    """Whether *value*, all of it, is such a word."""
    return value.strip(".").lower() in NO_NAMES
