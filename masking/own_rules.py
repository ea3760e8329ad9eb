"""Whether an operator's own pattern or validator can be used, as one sentence; for whoever reads a configuration and knows its lines."""

from __future__ import annotations

import re2

from masking.validators import VALIDATORS


def checked_pattern(pattern: str) -> None:
    """``ValueError`` says why *pattern* is not RE2, or why it would mask nothing at all places."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        why = (
            error.args[0].decode("utf-8", "replace")
            if error.args and isinstance(error.args[0], bytes)
            else str(error)
        )
        hint = "; RE2 has no look-around and no back-references" if "(?" in pattern or "\\" in why else ""
        raise ValueError(f"this pattern is not RE2: {why}{hint}") from None
    if compiled.fullmatch("") is not None:
        raise ValueError("this pattern matches the empty text; write what must stand there")


def checked_validator(name: str) -> None:
    """``ValueError`` when there is no such validator. Empty means none."""
    if name and name not in VALIDATORS:
        raise ValueError(f"there is no validator {name}; there are {', '.join(sorted(VALIDATORS))}")
