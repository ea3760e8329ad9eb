"""How far a card has come, as one growing number: what a stored copy is compared with before it is edited (I14, T45).

The request's version alone is not enough: time expires a request without a write, and the grant's life (spent, reported, lapsed,
taken back) goes on after the decision without changing the request. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.core.preview import Card
from bot.core.request import GrantState

STEPS: Final = 16
"""Room between two versions. Never fewer than the ranks below."""
_GRANT: Final[Mapping[GrantState, int]] = {
    GrantState.ISSUED: 2,
    GrantState.REDEEMED: 3,
    GrantState.LAPSED: 4,
    GrantState.INDETERMINATE: 5,
    GrantState.REVOKED: 6,
    GrantState.SUCCEEDED: 7,
    GrantState.FAILED: 8,
}
"""In the order in which they can follow one another: a late outcome ends an indeterminate grant."""


def shown(card: Card) -> int:
    """Greater for every later thing that *card* tells."""
    if card.state.is_open:
        return card.version * STEPS
    return card.version * STEPS + (_GRANT[card.grant.state] if card.grant is not None else 1)
