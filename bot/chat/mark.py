"""What a copy of a card shows, as one number that grows whenever the card would say something else (I14). Pure.

A request's version does not move with its grant, so the grant's state is part of the number: a copy that says "the agent may act until"
after the grant has lapsed would be a lie.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

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


def mark(version: int, state: RequestState, grant: GrantState | None) -> int:
    return (version * 2 + (0 if state.is_open else 1)) * 8 + (_RANK[grant] if grant is not None else 0)


def mark_of_card(card: Card) -> int:
    return mark(card.version, card.state, card.grant.state if card.grant is not None else None)


def mark_now(request: Request, grant: Grant | None, now: datetime) -> int:
    """The mark of the card that would be built at *now*: what time has decided counts, recorded or not."""
    state = RequestState.EXPIRED if request.state.is_open and now >= request.decide_by else request.state
    grant_state = grant.state if grant is not None else None
    if grant is not None and grant.state is GrantState.ISSUED and now >= grant.use_by:
        grant_state = GrantState.LAPSED
    return mark(request.version, state, grant_state)
