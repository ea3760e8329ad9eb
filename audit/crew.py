"""The parts of a log, checked by several processes, of which this is one, and taken in order.

Whoever walks a log does the part at which it stands by itself; others do parts further on, each from what the log says of where that part
begins. While the next part is still in another process's hands, this process does a later one too instead of waiting, and
until the first of the others has come up (it takes as long as some ten thousand entries) it just goes on. Nothing is decided here: what
comes back is a guess, for the walk to take or to leave.

Needs nothing beyond the standard library: this file's text is part of the stand-alone verifier in every bundle.
"""

import contextlib
import gc
import itertools
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from typing import Any, Final, TypeVar

PARTS_MIN: Final = 32
"""A log of fewer parts is through before another process has come up."""

HANDED_OUT: Final = 2
"""Parts in the hands of each other process: one at work, and one so that it need not wait for the next."""

AHEAD_MAX: Final = 6
"""Parts for each process that may be done, or being done, and not be taken yet. Each holds what the replay needs of it."""

ALLOCATIONS: Final = 10_000
"""A part makes many small objects and few cycles; looking for cycles at Python's own pace (700) took a tenth of the time. A hundred
thousand save no more, and take six megabytes."""

Job = TypeVar("Job", bound=tuple[Any, ...])
Guess = TypeVar("Guess")


def in_order(
    jobs: Iterator[Job],
    helpers: int,
    begin: tuple[Callable[..., None], tuple[Any, ...]],
    there: Callable[..., Guess | None],
    here: Callable[..., Guess | None],
) -> Iterator[tuple[Job, Guess | None]]:
    """Each job with what came of it; None: nobody did it, or not well.

    *helpers* other processes call ``begin[0](*begin[1])`` once and *there* with each job; this one calls *here*. The first job is nobody's. A
    process that dies costs the guesses it had and nothing else.
    """
    if first := next(jobs, None):
        yield first, None
    with contextlib.ExitStack() as closing:
        pool = None
        if helpers > 0:
            pool = ProcessPoolExecutor(helpers, multiprocessing.get_context("spawn"), *begin)
            closing.callback(pool.shutdown, wait=True, cancel_futures=True)
        up = [pool.submit(os.getpid) for _ in range(helpers)] if pool is not None else []
        ahead: deque[tuple[Job, Future[Guess | None] | Guess | None]] = deque()
        while True:
            with contextlib.suppress(BrokenExecutor):
                busy = sum(isinstance(guess, Future) and not guess.done() for _, guess in ahead)
                room = min(HANDED_OUT * helpers - busy, AHEAD_MAX * (helpers + 1) - len(ahead))
                if pool is not None and is_up(up):
                    for job in itertools.islice(jobs, max(room, 0)):
                        ahead.append((job, None))
                        ahead[-1] = job, pool.submit(there, *job)
            if not ahead:
                nobodys = next(jobs, None)
                if nobodys is None:
                    return
                yield nobodys, None
                continue
            job, guess = ahead[0]
            if isinstance(guess, Future) and not guess.done() and len(ahead) < AHEAD_MAX * (helpers + 1):
                later = next(jobs, None)
                if later is not None:
                    ahead.append((later, here(*later)))
                    continue
            ahead.popleft()
            yield job, _made(guess)


def is_up(asked: list[Future[int]]) -> bool:
    """Whether one of the other processes has answered. Until then a job given away would only be waited for."""
    return any(answer.done() for answer in asked)


def _made(guess: Any) -> Any:
    with contextlib.suppress(BrokenExecutor):
        return guess.result() if isinstance(guess, Future) else guess
    return None


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """Let Python look for cycles of objects less often."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], ALLOCATIONS) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
