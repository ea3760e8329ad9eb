"""What a copy of a card shows, as one number that grows whenever the card would say something else (I14). Pure.

A request's version does not move with its grant, nor with time, reminders or an escalation, so these are part of the number: a copy that
says "the agent may act until" after the grant has lapsed would be a lie.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from bot.core import milestones
from bot.core.preview import Card
from bot.core.request import Grant, GrantState, Request, RequestState

_RANK: Final = {
    GrantState.ISSUED: 1,
    GrantState.REDEEMED: 2,
    GrantState.INDETERMINATE: 3,
    GrantState.SUCCEEDED: 4,
    GrantState.FAILED: 5,
    GrantState.LAPSED: 6,
    GrantState.REVOKED: 7,
}
"""Grows along every transition of a grant."""
_ROOM: Final = 64
"""Marks between two versions. The least that an older release kept was 8, so its numbers are below ours: each card is edited once more."""
_REMINDERS_MAX: Final = 7
"""An eighth reminder stands under the card, and no longer in it."""


def mark(version: int, state: RequestState, grant: GrantState | None, waited: int = 0) -> int:
    """*waited*: what ``_waited`` gives of an open request; a settled one has none of it."""
    settled = 0 if state.is_open else 1
    return (version * 2 + settled) * _ROOM + (
        waited if state.is_open else _RANK[grant] if grant is not None else 0
    )


def _waited(milestones_passed: int, reminders: int, *, escalated: bool) -> int:
    """Below ``_ROOM``; each of the three only ever grows while a request is open."""
    return (32 if escalated else 0) + 8 * milestones_passed + min(reminders, _REMINDERS_MAX)


def mark_of_card(card: Card) -> int:
    behind = len(milestones.passed(card.created_at, card.decide_by, card.milestone)) if card.milestone else 0
    waited = _waited(behind, card.reminders, escalated=bool(card.escalated_to))
    return mark(card.version, card.state, card.grant.state if card.grant is not None else None, waited)


def mark_now(request: Request, grant: Grant | None, now: datetime) -> int:
    """The mark of the card that would be built at *now*: what time has decided counts, recorded or not."""
    state = RequestState.EXPIRED if request.state.is_open and now >= request.decide_by else request.state
    grant_state = grant.state if grant is not None else None
    if grant is not None and grant.state is GrantState.ISSUED and now >= grant.use_by:
        grant_state = GrantState.LAPSED
    behind = len(milestones.passed(request.created_at, request.decide_by, now))
    escalated = request.escalated and bool(request.requirement.escalate_to)
    return mark(
        request.version, state, grant_state, _waited(behind, request.reminders_sent, escalated=escalated)
    )
