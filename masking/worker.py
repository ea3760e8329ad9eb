"""Masking off the event loop. The only file of this package, with the command line, that touches the outside world.

Small inputs run in place: the engine is linear, so a few KiB take a millisecond. Larger ones go to a child process
(spawned, one engine each), batched with what else is queued. A child that is late is killed and replaced. Every
failure, of whatever kind, is a :class:`MaskingError`: nothing that was not masked ever comes back. Cancelling a caller
leaves the child to finish its batch; ``stop`` leaves no process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

from masking.config import EngineConfig
from masking.document import JSON, MaskedDocument
from masking.engine import Engine
from masking.errors import MaskingError
from masking.masked import Masked
from masking.operators import Operator
from masking.rewriter import Rewriter
from masking.tokens import TokenKeys, Tokens

INLINE_BYTES_MAX: Final = 4096
"""Measured: 4 KiB of dense JSON is about 2 ms; the hand-over to a child costs 0.3 ms and a context switch."""
BATCH_BYTES_MAX: Final = 256 * 1024
QUEUE_MAX: Final = 1024
FRAME_MAX: Final = 1 << 30
START_SECONDS: Final = 30.0

Kind = Literal["json", "text", "json-tokens", "text-tokens"]


@dataclass(slots=True)
class _Job:
    kind: Kind
    payload: bytes
    answer: asyncio.Future[Any]


class Worker:
    """Start once, use from one event loop, stop once."""

    def __init__(
        self,
        engine_config: EngineConfig | None = None,
        workers: int = 1,
        timeout_seconds: float = 5.0,
        max_bytes: int = 8 * 1024 * 1024,
        inline_bytes_max: int = INLINE_BYTES_MAX,
        tokens: tuple[TokenKeys, str] | None = None,
    ) -> None:
        """*tokens*: keys and tenant, for those who ask for tokens in place of placeholders."""
        self._config = engine_config or EngineConfig()
        self._token_keys = tokens
        self._tokens = Tokens(*tokens) if tokens is not None else None
        self._workers = workers
        self._timeout = timeout_seconds
        self._max_bytes = max_bytes
        self._inline_max = inline_bytes_max
        self._engine: Engine | None = None
        self._queue: deque[_Job] = deque()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._running = False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Build the engine and the children. A second start does nothing."""
        if self._running:
            return
        self._engine = await asyncio.to_thread(Engine, self._config)
        self._running = True
        self._tasks = [asyncio.create_task(self._serve(), name=f"masking-{i}") for i in range(self._workers)]

    async def stop(self) -> None:
        """Kill the children and refuse what is queued. A second stop does nothing."""
        self._running = False
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while self._queue:
            _fail(self._queue.popleft(), "masking was stopped")

    async def mask_json(self, value: JSON, *, as_tokens: bool = False) -> MaskedDocument:
        """The masked document, or :class:`MaskingError`."""
        self._ready()
        try:
            payload = pickle.dumps(value)
        except (pickle.PicklingError, TypeError, AttributeError, RecursionError, ValueError):
            raise MaskingError("the document is not JSON, or nested too deeply") from None
        result = await self._masked("json-tokens" if as_tokens else "json", payload, value)
        if not isinstance(result, MaskedDocument):
            raise MaskingError("the masking process answered something else")
        return result

    async def mask_text(self, text: str, *, as_tokens: bool = False) -> Masked:
        """The masked text, or :class:`MaskingError`."""
        self._ready()
        if not isinstance(text, str):
            raise MaskingError("only text can be masked")
        result = await self._masked("text-tokens" if as_tokens else "text", pickle.dumps(text), text)
        if not isinstance(result, Masked):
            raise MaskingError("the masking process answered something else")
        return result

    async def _masked(self, kind: Kind, payload: bytes, value: JSON) -> Any:
        if kind.endswith("tokens") and self._tokens is None:
            raise MaskingError("there is no key for tokens")
        if self._is_small(payload):
            return _work(self._ready(), self._tokens, kind, value)
        return await self._ask(kind, payload)

    def _ready(self) -> Engine:
        if not self._running or self._engine is None:
            raise MaskingError("masking is not running")
        return self._engine

    def _is_small(self, payload: bytes) -> bool:
        if len(payload) > self._max_bytes:
            raise MaskingError("the input is larger than masking may take")
        return len(payload) <= self._inline_max

    async def _ask(self, kind: Kind, payload: bytes) -> Any:
        if len(self._queue) >= QUEUE_MAX:
            raise MaskingError("masking is overloaded")
        job = _Job(kind, payload, asyncio.get_running_loop().create_future())
        self._queue.append(job)
        self._wake.set()
        return await job.answer

    async def _serve(self) -> None:
        """One child and its owner: take what is queued, ask, answer; on any trouble kill and begin anew."""
        child: asyncio.subprocess.Process | None = None
        batch: list[_Job] = []
        try:
            while True:
                while not self._queue:
                    self._wake.clear()
                    await self._wake.wait()
                batch = self._take()
                try:
                    if child is None:
                        child = await self._spawn()
                    done = await self._exchange(child, batch)
                except (TimeoutError, OSError, EOFError, asyncio.IncompleteReadError, pickle.UnpicklingError):
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

    def _take(self) -> list[_Job]:
        batch = [self._queue.popleft()]
        size = len(batch[0].payload)
        while self._queue and size + len(self._queue[0].payload) <= BATCH_BYTES_MAX:
            batch.append(self._queue.popleft())
            size += len(batch[-1].payload)
        return batch

    async def _one_by_one(
        self, child: asyncio.subprocess.Process | None, batch: list[_Job]
    ) -> asyncio.subprocess.Process | None:
        for job in batch:
            try:
                if child is None:
                    child = await self._spawn()
                if not await self._exchange(child, [job]):
                    _fail(job, "masking failed")
            except (TimeoutError, OSError, EOFError, asyncio.IncompleteReadError, pickle.UnpicklingError):
                await _kill(child)
                child = None
                _fail(job, "masking took too long or its process died")
        return child

    async def _spawn(self) -> asyncio.subprocess.Process:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "masking.worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p or str(Path.cwd()) for p in sys.path)},
        )  # fmt: skip
        try:
            async with asyncio.timeout(START_SECONDS):
                await _send(child, pickle.dumps((self._config, self._token_keys)))
                if await _receive(child) != b"ready":
                    raise EOFError
        except BaseException:
            await _kill(child)
            raise
        return child

    async def _exchange(self, child: asyncio.subprocess.Process, batch: list[_Job]) -> bool:
        batch[:] = [job for job in batch if not job.answer.done()]
        if not batch:
            return True
        async with asyncio.timeout(self._timeout):
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


def _fail(job: _Job, why: str) -> None:
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


def _work(engine: Engine, tokens: Tokens | None, kind: Kind, value: Any) -> object:
    writing = Rewriter(Operator.TOKEN, tokens=tokens) if kind.endswith("tokens") and tokens else None
    return engine.mask_json(value, writing) if kind.startswith("json") else engine.mask_text(value, writing)


def child_main() -> None:
    """The child: read frames, answer each, until the pipe closes. Nothing is ever printed."""
    pipe_in, pipe_out = sys.stdin.buffer, sys.stdout.buffer

    def read() -> bytes | None:
        head = pipe_in.read(8)
        return pipe_in.read(int.from_bytes(head, "big")) if len(head) == 8 else None

    def write(data: bytes) -> None:
        pipe_out.write(len(data).to_bytes(8, "big"))
        pipe_out.write(data)
        pipe_out.flush()

    first = read()
    if first is None:
        return
    config, token_keys = pickle.loads(first)  # noqa: S301 - our own parent's pipe
    engine, tokens = Engine(config), Tokens(*token_keys) if token_keys is not None else None
    write(b"ready")
    while (frame := read()) is not None:
        answers: list[tuple[bool, object]] = []
        for kind, payload in pickle.loads(frame):  # noqa: S301
            value = pickle.loads(payload)  # noqa: S301
            try:
                answers.append((True, _work(engine, tokens, kind, value)))
            except MaskingError as e:
                answers.append((False, str(e)))
        write(pickle.dumps(answers))


if __name__ == "__main__":
    child_main()
