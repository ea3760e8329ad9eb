"""Randomness from the operating system, behind the ``Rand`` port. Nothing is decided here."""

from __future__ import annotations

import os


class OsRand:
    """Unpredictable bytes: keys, salts, nonces, ids."""

    def bytes(self, count: int) -> bytes:
        return os.urandom(count)
