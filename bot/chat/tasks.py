"""Work that goes on after a click was acknowledged: owned, bounded, and never silent. The one place here that catches everything.

An acknowledgement must not wait for us, and nothing after it may raise into the library that carries it (slack_bolt loses the
acknowledgement when its listener raises within 10 ms of it). Deliberately absent: retries; what must not be lost is in the outbox.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

TASKS_MAX: Final = 2_000
"""Callbacks in work at once. Beyond it a click is dropped, said in the log and counted: the person clicks again (I12)."""
TASK_SECONDS_MAX: Final = 60.0
AT_ONCE_MAX: Final = 32
"""How many are worked on at the same time; the others wait their turn, so that a burst of clicks does not keep the next acknowledgements
waiting behind all that follows from the last ones."""

log = logging.getLogger("signoff.chat")


class Tasks:
    """Spawn and forget, supervised. ``drain`` waits for what runs; ``close`` ends it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._running: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(AT_ONCE_MAX)
        self.failed = 0
        self.dropped = 0

    def spawn(self, what: str, work: Coroutine[Any, Any, None]) -> bool:
        """Start *work*; false when there is too much of it already. *what* is a fixed word for the log."""
        if len(self._running) >= TASKS_MAX:
            work.close()
            self.dropped += 1
            log.error("%s: too much work, dropped %s", self._name, what)
            return False
        task = asyncio.get_running_loop().create_task(self._supervise(what, work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return True

    async def _supervise(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            async with self._turns, asyncio.timeout(TASK_SECONDS_MAX):
                await work
        except asyncio.CancelledError:
            work.close()  # it may not have begun
            raise
        except Exception as error:  # noqa: BLE001 - the supervisor; the type alone is logged, since a message could hold a value
            self.failed += 1
            log.error("%s: %s failed with %s", self._name, what, type(error).__name__)  # noqa: TRY400

    async def drain(self) -> None:
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)

    async def close(self) -> None:
        for task in tuple(self._running):
            task.cancel()
        await self.drain()
