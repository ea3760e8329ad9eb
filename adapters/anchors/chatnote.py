"""The signed head as a message in a channel: everybody who reads it is a witness.

Knows no chat. The surface that owns the channel gives *say*; a message too many is
prevented by posting at most once per *every*, by the time the caller passes.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

Say = Callable[[str], Awaitable[None]]


class ChatNote:
    """``Anchor`` that posts. It cannot be asked back: people and the channel's export remember."""

    name = "chat-note"

    def __init__(self, say: Say, now: Callable[[], datetime], every: timedelta = timedelta(hours=1)) -> None:
        self._say = say
        self._now = now
        self._every = every
        self._last: datetime | None = None

    async def remember(self, checkpoint: str) -> None:
        """Post *checkpoint* unless one was posted within the interval. Raises what *say* raises; the outbox retries."""
        now = self._now()
        if self._last is not None and now - self._last < self._every:
            return
        await self._say(message(checkpoint))
        self._last = now

    async def recall(self) -> str | None:
        return None


def message(checkpoint: str) -> str:
    """The post: what it is for, and the note in a code block so that it can be copied byte for byte."""
    return f"Head of the audit log. Keep it: it shows later that nothing before it was changed.\n```\n{checkpoint}```"
