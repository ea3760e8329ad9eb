"""Whether a decision could be written now, for balancers that ask often and strangers who ask without end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

READY_SECONDS: Final = 1.0
"""How old an answer may be."""


class Readiness:
    """The desk's readiness, asked for at most once in ``READY_SECONDS`` however many strangers ask (I12): looking is a commit.

    Those who come while it is being found out wait for the same answer.
    """

    def __init__(self, find: Callable[[], Awaitable[bool]], monotonic: Callable[[], float]) -> None:
        self._find = find
        self._monotonic = monotonic
        self._finding: asyncio.Task[bool] | None = None
        self._known: tuple[float, bool] | None = None

    async def is_ready(self) -> bool:
        if self._known is not None and self._monotonic() - self._known[0] < READY_SECONDS:
            return self._known[1]
        if self._finding is None:
            self._finding = asyncio.ensure_future(self._look())
        # Shielded: one caller that hangs up does not take the answer from the others.
        return await asyncio.shield(self._finding)

    async def _look(self) -> bool:
        try:
            found = await self._find()
            self._known = (self._monotonic(), found)
            return found
        finally:
            self._finding = None
