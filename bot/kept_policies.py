"""Where the policies that were in force are kept, for as long as entries name them: auditors replay decisions by them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

META_POLICY_KEPT: Final = "policy_kept:"
"""Before a policy's hash: its text and its rules."""


def kept_of(rows: Iterable[tuple[str, str]]) -> dict[str, tuple[bytes, bytes]]:
    """The policies among the store's *rows* of key and value: text and rules by hash."""
    kept = {}
    for key, value in rows:
        if key.startswith(META_POLICY_KEPT):
            text, rules = msgspec.json.decode(value, type=tuple[str, str])
            kept[key.removeprefix(META_POLICY_KEPT)] = (text.encode(), rules.encode())
    return kept
