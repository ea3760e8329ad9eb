"""Who was turned away in chat, written down: an account that is nobody here, whatever it wanted (``session.refused``).

Decided here: how many of them a minute are entries, since anybody in a workspace may click (T08). The account is named by its person's
pseudonym, or by its platform alone. Deliberately absent: who is nobody, and what they are told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bot.core.ids import AccountKey
from bot.core.reasons import Reason
from bot.desk.api import Desk, LoginRefusal

PER_MINUTE_MAX: Final = 60


class Door:
    """One for each platform."""

    def __init__(self, desk: Desk, monotonic: Callable[[], float]) -> None:
        self._desk = desk
        self._monotonic = monotonic
        self._since = monotonic()
        self._written = 0

    async def turned_away(self, account: AccountKey, why: LoginRefusal | Reason) -> None:
        now = self._monotonic()
        if now - self._since >= 60:
            self._since, self._written = now, 0
        if self._written < PER_MINUTE_MAX:
            self._written += 1
            await self._desk.refuse_session(account, why)
