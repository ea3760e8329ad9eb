"""The policy file while the server runs: put in force at the start, and again whenever SIGHUP says that it changed (T20).

Decided here: that a file which cannot be used is reported and changes nothing. At the start nobody may do anything then (I13);
later the policy that was in force still is. Deliberately absent: watching the file, so that half a change is never in force.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from bot.core.policy_load import PolicyError
from bot.desk.service import DeskService
from bot.errors import SignoffError

_log: Final = logging.getLogger(__name__)


async def put_in_force(file: Path, desk: DeskService) -> None:
    """Read *file* and judge by it from now on."""
    try:
        text = await asyncio.to_thread(file.read_text, "utf-8")
        await desk.apply_policy(text)
    except (OSError, UnicodeDecodeError, PolicyError):
        if desk.office.book.policy.rules:
            _log.error(
                "the policy file cannot be used, so the policy stays as it was; `signoff policy check` says why"
            )
        else:
            _log.error(
                "the policy file cannot be used, so nobody may do anything; `signoff policy check` says why"
            )


@contextlib.asynccontextmanager
async def rereading(file: Path, desk: DeskService) -> AsyncIterator[None]:
    """While the block runs, SIGHUP puts *file* in force again. Several at once are one."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    async def reread() -> None:
        while True:
            await asked.wait()
            asked.clear()
            try:
                await put_in_force(file, desk)
            except SignoffError as fault:
                _log.warning("the policy was not read again: %s", type(fault).__name__)

    reader = asyncio.create_task(reread(), name="policy file")
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
