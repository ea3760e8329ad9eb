"""The head in a file on another volume: the cheapest memory outside the database, and the default.

One small file, written whole, flushed, renamed and its directory flushed, so that after a power
cut it holds the old head or the new one. It never goes back by itself.
"""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from audit.checkpoint import parse_checkpoint, split_note


class HeadFile:
    """``Anchor`` over one file."""

    name = "head-file"

    def __init__(self, path: Path) -> None:
        self.path = path

    async def remember(self, checkpoint: str) -> None:
        """Keep *checkpoint* unless a larger one is kept already: deliveries may arrive out of order."""
        await asyncio.to_thread(self.remember_now, checkpoint)

    async def recall(self) -> str | None:
        return await asyncio.to_thread(self.recall_now)

    def remember_now(self, checkpoint: str) -> None:
        with self._alone():
            kept = self.recall_now()
            if kept is None or _size(kept) < _size(checkpoint):
                self._write(checkpoint)

    def renew_now(self, checkpoint: str) -> None:
        """As ``remember_now``, of a file that is kept already: one that is gone must stay gone until somebody looks into it."""
        if self.recall_now() is not None:
            self.remember_now(checkpoint)

    def recall_now(self) -> str | None:
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def replace(self, checkpoint: str) -> None:
        """Keep *checkpoint* whatever is kept: only after ``log.restored`` has been committed."""
        with self._alone():
            self._write(checkpoint)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """The server and a command may both have a head to keep. Where a directory cannot be locked, the last one wins."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        directory = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(OSError):
                fcntl.flock(directory, fcntl.LOCK_EX)
            yield
        finally:
            os.close(directory)

    def _write(self, checkpoint: str) -> None:
        fresh = self.path.with_name(self.path.name + ".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(checkpoint)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        directory = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _size(note: str) -> int:
    return parse_checkpoint(split_note(note)[0]).size
