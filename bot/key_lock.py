"""Who uses the key folder now: many may seal and open at once, one alone may take a key-encryption key away.

A process that still seals by a key that somebody else destroys would lose what it seals. So the server and every command that
opens the database hold the folder together (``flock`` shared), and a rotation that ends with destroying a key holds it alone.
The system gives the lock back when a process ends, however it ends. Deliberately absent: waiting.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from bot.errors import ConfigError


@contextlib.contextmanager
def using(directory: Path, *, alone: bool = False) -> Iterator[None]:
    """Hold *directory* with others, or *alone*. ``ConfigError`` when somebody is in the way."""
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"the directory {directory} cannot be read: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                "the server or another command uses the keys; stop it first, then run this again"
                if alone
                else "the keys are being rotated by another command; wait until it has ended"
            ) from None
        yield
    finally:
        os.close(handle)
