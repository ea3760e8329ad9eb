"""The desk, opened beside a running server, for commands that administer.

Decided here: that such commands write through the same store into the same database. Every batch takes SQLite's write lock,
reads the log's head inside it and writes it back, so two processes cannot fork the log (docs/decisions/0005). Deliberately
absent: listening, the scheduler, the outbox, and putting a changed policy file in force: those are the server's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from bot.app import Bot, assemble
from bot.config import Config, load
from bot.key_lock import using
from bot.log_check import check_head
from masking import Worker

T = TypeVar("T")


@contextlib.asynccontextmanager
async def opened(
    config: Config, *, masking: bool = False, checked: bool = True, alone: bool = False
) -> AsyncIterator[Bot]:
    """The bot without server, policy or, unless *masking*, the masking worker. *checked*: refuse a log that does not pass
    the start-up check. *alone*: refuse while anybody else uses the keys."""
    with using(config.keys.directory, alone=alone):
        async with _opened(config, masking, checked) as bot:
            yield bot


@contextlib.asynccontextmanager
async def _opened(config: Config, masking: bool, checked: bool) -> AsyncIterator[Bot]:
    bot = assemble(config)
    await bot.store.open()
    try:
        if checked:
            await check_head(bot.store, [bot.head_file] if bot.head_file else [], bot.keys, config)
        worker = bot.office.masker
        if masking and isinstance(worker, Worker):
            await worker.start()
        try:
            yield bot
        finally:
            if masking and isinstance(worker, Worker):
                await worker.stop()
    finally:
        await bot.store.close()


def administer(path: Path, work: Callable[[Bot], Awaitable[T]], *, masking: bool = False) -> T:
    """Load the configuration at *path*, open the bot, do *work*, close."""
    config = load(path)

    async def run() -> T:
        async with opened(config, masking=masking) as bot:
            return await work(bot)

    return asyncio.run(run())
