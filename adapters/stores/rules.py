"""What every store refuses, as tables: the same invariants that the SQL schema states in its own words.

Keeps I1, I4, I5 and I6 below the desk: a second replica, or a bug in our Python, cannot break them. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, Final

from bot.core.request import Grant, GrantState, Request

PAGE_MAX: Final = 500
"""Largest list that one read returns."""

SETTLED_LOOKED_AT: Final = 5_000
"""Of how many of the newest settled requests the inbox's turns are made."""

LIST_MAX: Final = 10_000
"""Largest list of agents, people or accounts: more than any one installation has of them."""

REQUEST_MUTABLE: Final = (
    "state",
    "version",
    "decided_at",
    "decided_by",
    "reason",
    "reminders_sent",
    "escalated",
    "next_due",
)
"""The fields of a request that may change after it was asked; all others are frozen (I4)."""

GRANT_MUTABLE: Final = ("state", "token", "redeemed_at", "redemption_key", "outcome_at", "outcome")

GRANT_MOVES: Final[frozenset[tuple[GrantState, GrantState]]] = frozenset(
    {
        (GrantState.ISSUED, GrantState.REDEEMED),
        (GrantState.ISSUED, GrantState.LAPSED),
        (GrantState.ISSUED, GrantState.REVOKED),
        (GrantState.REDEEMED, GrantState.SUCCEEDED),
        (GrantState.REDEEMED, GrantState.FAILED),
        (GrantState.REDEEMED, GrantState.INDETERMINATE),
        # A late report settles what was unknown; it gives no authority back.
        (GrantState.INDETERMINATE, GrantState.SUCCEEDED),
        (GrantState.INDETERMINATE, GrantState.FAILED),
    }
)

REQUEST_FROZEN: Final = tuple(f.name for f in fields(Request) if f.name not in REQUEST_MUTABLE)
GRANT_FROZEN: Final = tuple(f.name for f in fields(Grant) if f.name not in GRANT_MUTABLE)

request_frozen: Final[Callable[[Request], tuple[Any, ...]]] = attrgetter(*REQUEST_FROZEN)
grant_frozen: Final[Callable[[Grant], tuple[Any, ...]]] = attrgetter(*GRANT_FROZEN)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)


def to_us(moment: datetime) -> int:
    """Microseconds since 1970: how instants are stored, compared and never rounded. TypeError for a naive one."""
    return (moment - _EPOCH) // _US


def from_us(us: int) -> datetime:
    return _EPOCH + us * _US


def may_update(old: Request, new: Request) -> str | None:
    """Why *new* may not replace *old*; None when it may."""
    if request_frozen(old) != request_frozen(new):
        return "a frozen field of the request would change"
    if not old.state.is_open and (old.state, old.decided_at, old.decided_by, old.reason) != (
        new.state,
        new.decided_at,
        new.decided_by,
        new.reason,
    ):
        return "a decided request never changes its decision"
    if new.version - old.version not in {0, 1}:
        return "a version moves by one"
    if new.state is not old.state and new.version == old.version:
        return "a change of state is a new version"
    return None


def may_move(old: Grant, new: Grant) -> str | None:
    """Why grant *new* may not replace *old*; None when it may."""
    if grant_frozen(old) != grant_frozen(new):
        return "a frozen field of the grant would change"
    if (old.state, new.state) not in GRANT_MOVES:
        return "a grant does not move that way"
    if new.state is GrantState.REDEEMED and (
        new.redeemed_at is None or not new.issued_at <= new.redeemed_at < new.use_by
    ):
        return "a grant is redeemed within its time"
    if old.state is not GrantState.ISSUED and (old.redeemed_at, old.redemption_key) != (
        new.redeemed_at,
        new.redemption_key,
    ):
        return "a redemption never changes"
    return None
