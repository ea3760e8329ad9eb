"""The signed head as a message in a channel: everybody who reads it is a witness.

Knows no chat: the surface that owns the channel gives *say*. Deliberately absent: how often (``bot.anchoring``), retries (the outbox).
"""

from collections.abc import Awaitable, Callable

from bot.chat.page import Page, Section, plain
from bot.chat.view import LeafView

Say = Callable[[Page], Awaitable[None]]


class ChatNote:
    """``Anchor`` that posts. It cannot be asked back: people and the channel's export remember. Posted twice does no harm."""

    name = "chat-note"

    def __init__(self, say: Say) -> None:
        self._say = say

    async def remember(self, checkpoint: str) -> None:
        """Post *checkpoint*. Raises what *say* raises; the outbox retries."""
        await self._say(page(checkpoint))

    async def recall(self) -> str | None:
        return None


def page(checkpoint: str) -> Page:
    """The post: what it is for, and the note in a block so that it can be copied byte for byte."""
    why = plain("Keep it: it shows later that nothing before it was changed or cut off.")
    block = LeafView("signed head", tuple(checkpoint.removesuffix("\n").split("\n")), True, False)
    return Page("Head of the audit log", (Section(rows=(why,), leaves=(block,)),))
