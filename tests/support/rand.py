"""Randomness that is the same each time."""

from __future__ import annotations

from random import Random


class SeededRand:
    def __init__(self, seed: int = 0) -> None:
        self._random = Random(seed)

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)
