"""The desk, opened beside a running server, for commands that administer.

Decided here: that such commands write through the same store into the same database. Every batch takes SQLite's write lock,
reads the log's head inside it and writes it back, so two processes cannot fork the log (docs/decisions/0005). Deliberately
absent: listening, the scheduler, the outbox, and putting a changed policy file in force: those are the server's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

from adapters.anchors.headfile import HeadFile
from audit.reader import NotInLog, Reader
from bot.app import Bot, assemble
from bot.config import Config, load
from bot.key_lock import using
from bot.log_check import check_head, connect_read_only
from masking import Worker

T = TypeVar("T")
_log: Final = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def opened(
    config: Config, *, masking: bool = False, checked: bool = True, alone: bool = False
) -> AsyncIterator[Bot]:
    """The bot without server, policy or, unless *masking*, the masking worker. *checked*: refuse a log that does not pass
    the start-up check, and renew the head file with what was written. *alone*: refuse while anybody else uses the keys."""
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
        if checked and bot.head_file is not None:
            await asyncio.to_thread(_renew, bot.head_file, bot)
    finally:
        await bot.store.close()


def _renew(head_file: HeadFile, bot: Bot) -> None:
    """The server may be stopped, and what this command wrote must not wait for it to be remembered outside."""
    try:
        with closing(connect_read_only(bot.store)) as connection:
            _, note = Reader(connection).latest_note()
        head_file.renew_now(note)
    except NotInLog:
        return
    except (OSError, sqlite3.Error) as error:
        # The command is done; the next one, or the server, will write it.
        _log.warning("the head file was not renewed", extra={"error": type(error).__name__})


def administer(path: Path, work: Callable[[Bot], Awaitable[T]], *, masking: bool = False) -> T:
    """Load the configuration at *path*, open the bot, do *work*, close."""
    config = load(path)

    async def run() -> T:
        async with opened(config, masking=masking) as bot:
            return await work(bot)

    return asyncio.run(run())
