"""Child processes that mask: a queue, a process each lane, frames over pipes. Together with ``masking.worker`` the impure part.

Decided here: what is asked together, that a late or dead child is killed and replaced, and that whoever was in its batch is asked again
alone. Every failure is a :class:`MaskingError`. Cancelling a caller leaves the child to finish its batch; ``stop`` leaves no process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from masking.errors import MaskingError

BATCH_BYTES_MAX: Final = 256 * 1024
QUEUE_MAX: Final = 1024
FRAME_MAX: Final = 1 << 30
START_SECONDS: Final = 30.0

_GONE: Final = (TimeoutError, OSError, EOFError, asyncio.IncompleteReadError, pickle.UnpicklingError)


@dataclass(slots=True)
class Job:
    """What is asked, as bytes, and where the answer goes."""

    kind: str
    payload: bytes
    answer: asyncio.Future[Any]


class Pool:
    """Start once, use from one event loop, stop once."""

    def __init__(
        self,
        module: str,
        setup: bytes,
        workers: int,
        timeout_seconds: float,
        *,
        rest_seconds: float = 0.0,
        is_eager: bool = False,
    ) -> None:
        """*module* is run with ``-m`` and sent *setup* first. After a child that did not start, nothing is asked for *rest_seconds*.
        *is_eager*: a child is made at once, not when the first job comes."""
        self._module = module
        self._setup = setup
        self._workers = workers
        self.timeout_seconds = timeout_seconds
        self._rest = rest_seconds
        self._is_eager = is_eager
        self._rest_until = 0.0
        self._queue: deque[Job] = deque()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to serve."""
        self._tasks = [
            asyncio.create_task(self._serve(), name=f"{self._module}-{i}") for i in range(self._workers)
        ]

    async def stop(self) -> None:
        """Kill the children and refuse what is queued. A second stop does nothing."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while self._queue:
            _fail(self._queue.popleft(), "masking was stopped")

    async def ask(self, kind: str, payload: bytes) -> Any:
        """What a child answered, or :class:`MaskingError`."""
        if not self._tasks or len(self._queue) >= QUEUE_MAX:
            raise MaskingError("masking is too busy" if self._tasks else "masking is not running")
        if time.monotonic() < self._rest_until:
            raise MaskingError("the masking process did not start")
        job = Job(kind, payload, asyncio.get_running_loop().create_future())
        self._queue.append(job)
        self._wake.set()
        return await job.answer

    async def _serve(self) -> None:
        child: asyncio.subprocess.Process | None = None
        batch: list[Job] = []
        try:
            if self._is_eager:
                with contextlib.suppress(*_GONE):
                    child = await self._spawn()
            while True:
                while not self._queue:
                    self._wake.clear()
                    await self._wake.wait()
                batch = self._take()
                try:
                    if child is None:
                        child = await self._spawn()
                    done = await self._exchange(child, batch)
                except _GONE:
                    await _kill(child)
                    child, done = None, False
                if not done and len(batch) > 1:
                    # One of them is to blame: each alone, in order, before anything new.
                    child = await self._one_by_one(child, batch)
                elif not done:
                    _fail(batch[0], "masking took too long or its process died")
                batch = []
        finally:
            for job in batch:
                _fail(job, "masking was stopped")
            await _kill(child)

    def _take(self) -> list[Job]:
        batch = [self._queue.popleft()]
        size = len(batch[0].payload)
        while self._queue and size + len(self._queue[0].payload) <= BATCH_BYTES_MAX:
            batch.append(self._queue.popleft())
            size += len(batch[-1].payload)
        return batch

    async def _one_by_one(
        self, child: asyncio.subprocess.Process | None, batch: list[Job]
    ) -> asyncio.subprocess.Process | None:
        for job in batch:
            try:
                if child is None:
                    child = await self._spawn()
                if not await self._exchange(child, [job]):
                    _fail(job, "masking failed")
            except _GONE:
                await _kill(child)
                child = None
                _fail(job, "masking took too long or its process died")
        return child

    async def _spawn(self) -> asyncio.subprocess.Process:
        if time.monotonic() < self._rest_until:
            raise EOFError
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", self._module,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p or str(Path.cwd()) for p in sys.path)},
        )  # fmt: skip
        try:
            async with asyncio.timeout(START_SECONDS):
                await _send(child, self._setup)
                if await _receive(child) != b"ready":
                    raise EOFError
        except BaseException:
            self._rest_until = time.monotonic() + self._rest
            await _kill(child)
            raise
        return child

    async def _exchange(self, child: asyncio.subprocess.Process, batch: list[Job]) -> bool:
        batch[:] = [job for job in batch if not job.answer.done()]
        if not batch:
            return True
        async with asyncio.timeout(self.timeout_seconds):
            await _send(child, pickle.dumps([(job.kind, job.payload) for job in batch]))
            answers = pickle.loads(await _receive(child))  # noqa: S301 - our own child's pipe
        for job, (ok, answer) in zip(batch, answers, strict=True):
            if job.answer.done():
                continue
            if ok:
                job.answer.set_result(answer)
            else:
                job.answer.set_exception(MaskingError(answer))
        return True


def _fail(job: Job, why: str) -> None:
    if not job.answer.done():
        job.answer.set_exception(MaskingError(why))


async def _kill(child: asyncio.subprocess.Process | None) -> None:
    """Kill and reap."""
    if child is None:
        return
    with contextlib.suppress(ProcessLookupError):
        child.kill()
    if child.stdin is not None:
        child.stdin.close()
    await asyncio.shield(child.wait())
    transport = getattr(child, "_transport", None)
    if transport is not None:
        transport.close()


async def _send(child: asyncio.subprocess.Process, data: bytes) -> None:
    if child.stdin is None:
        raise EOFError
    child.stdin.write(len(data).to_bytes(8, "big"))
    child.stdin.write(data)
    await child.stdin.drain()


async def _receive(child: asyncio.subprocess.Process) -> bytes:
    if child.stdout is None:
        raise EOFError
    size = int.from_bytes(await child.stdout.readexactly(8), "big")
    if size > FRAME_MAX:
        raise EOFError
    return await child.stdout.readexactly(size)
