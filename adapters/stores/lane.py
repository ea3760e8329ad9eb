"""A queue in front of one SQLite connection: whatever waits is run in one go on the connection's own thread.

Decided here: order (first come, first served), the bound on what may wait (``Busy`` beyond it), and that one
member's exception is its own. Deliberately absent: SQL.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import aiosqlite

from bot.errors import Busy, StoreFault

TxT = TypeVar("TxT")
Work = Callable[[TxT], Any]


@dataclass(frozen=True, slots=True)
class Done:
    value: Any


@dataclass(frozen=True, slots=True)
class Failed:
    fault: BaseException


Outcome = Done | Failed


class Lane(Generic[TxT]):
    """*run* gets what waits, at most *together_max* at once, and says how each ended, in the same order."""

    def __init__(
        self,
        connection: aiosqlite.Connection,
        run: Callable[[Sequence[Work[TxT]]], list[Outcome]],
        *,
        waiting_max: int,
        together_max: int,
    ) -> None:
        self._connection = connection
        self._run = run
        self._waiting_max = waiting_max
        self._together_max = together_max
        self._waiting: deque[tuple[Work[TxT], asyncio.Future[Any]]] = deque()
        self._wake = asyncio.Event()
        self._is_closing = False
        self._task = asyncio.get_running_loop().create_task(self._serve())

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def submit(self, work: Work[TxT]) -> Any:
        """What *work* returned, once its transaction is over. A caller that is cancelled while it waits is not run;
        one that is cancelled later may have been committed."""
        if self._is_closing:
            raise StoreFault("the store is closed")
        if len(self._waiting) >= self._waiting_max:
            raise Busy("too many writes or reads are waiting")
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((work, answer))
        self._wake.set()
        return await answer

    async def on_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run *function* between batches, on the connection's thread."""
        return await on_thread(self._connection, function, *args)

    async def close(self) -> None:
        """Finish what waits, then close the connection."""
        self._is_closing = True
        self._wake.set()
        await self._task
        await self._connection.close()

    async def _serve(self) -> None:
        while self._waiting or not self._is_closing:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            batch = self._take()
            if batch:
                await self._serve_batch(batch)

    def _take(self) -> list[tuple[Work[TxT], asyncio.Future[Any]]]:
        taken: list[tuple[Work[TxT], asyncio.Future[Any]]] = []
        while self._waiting and len(taken) < self._together_max:
            work, answer = self._waiting.popleft()
            if not answer.cancelled():
                taken.append((work, answer))
        return taken

    async def _serve_batch(self, batch: list[tuple[Work[TxT], asyncio.Future[Any]]]) -> None:
        outcomes: list[Outcome]
        try:
            outcomes = await self.on_thread(self._run, [work for work, _ in batch])
        except Exception as bug:  # noqa: BLE001  the one place that supervises the thread: every waiter must hear of it
            outcomes = [Failed(bug)] * len(batch)
        for (_, answer), outcome in zip(batch, outcomes, strict=True):
            if answer.done():
                continue
            if isinstance(outcome, Done):
                answer.set_result(outcome.value)
            else:
                answer.set_exception(outcome.fault)


async def on_thread(connection: aiosqlite.Connection, function: Callable[..., Any], *args: Any) -> Any:
    """Run *function* as one piece on *connection*'s thread. aiosqlite offers a hop per statement in public, which costs ten
    times as much under load; this is the one private name we use of it, and a test notices when it goes."""
    return await connection._execute(partial(function, *args))  # type: ignore[no-untyped-call]  # noqa: SLF001
