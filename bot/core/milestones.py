"""When a card says again how the time stands: at half and at nine tenths of the time to decide.

No chat shows a running clock, so a copy is edited at these instants. Decided here: which instants, and that a short time has none
(its card was just posted). Nothing hangs on a milestone: what counts is ``decide_by`` alone (I6). Pure.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

TENTHS: Final = (5, 9)
SHORTEST: Final = timedelta(minutes=2)
"""Less time than this to decide has no milestones: two edits within a minute tell nobody anything."""


def instants(created_at: datetime, decide_by: datetime) -> tuple[datetime, ...]:
    """The milestones of a request, in order."""
    span = decide_by - created_at
    return tuple(created_at + span * tenths / 10 for tenths in TENTHS) if span >= SHORTEST else ()


def passed(created_at: datetime, decide_by: datetime, now: datetime) -> tuple[datetime, ...]:
    """Those that lie behind at *now*, this very instant included."""
    return tuple(at for at in instants(created_at, decide_by) if at <= now)
