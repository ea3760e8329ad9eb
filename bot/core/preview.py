"""What people are shown: the frozen masked document, and the card every surface draws.

Decided here: what stands on a card, in which order, and whether a surface can show it whole (if it cannot,
there is no Approve there: T14). A card takes ``Masked`` text for everything that came from outside and plain
``str`` only for our own fixed words, names from our own tables, and numbers. Deliberately absent: markup, buttons'
looks, and any limit of any one platform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from bot.core.ids import AgentId, Digest, PersonId, RequestId
from bot.core.request import Assurance, Choice, GrantState, RequestState
from masking.masked import Masked

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf of the payload: ``pointer`` is masked too when a key held personal data. ``reveal`` is the opaque
    name under which an entitled person may ask for the value; None when nothing is hidden."""

    label: Masked
    kind: str
    value: Masked
    hidden: bool
    index: int


@dataclass(frozen=True, slots=True)
class Preview:
    """The masked payload and the agent's claim, frozen at intake. ``leaves`` are all leaves, in the policy's order."""

    resource: Masked
    leaves: tuple[Leaf, ...]
    hidden: tuple[tuple[str, int], ...]
    payload_bytes: int
    justification: Masked
    context: tuple[Leaf, ...]

    @property
    def hidden_count(self) -> int:
        return sum(count for _, count in self.hidden)


@dataclass(frozen=True, slots=True)
class SeatLine:
    """One group's quorum line: ``1 of 2`` with names; ``is_open`` false while an earlier stage is not full."""

    stage: int
    group: str
    needed: int
    names: tuple[str, ...]
    is_open: bool


@dataclass(frozen=True, slots=True)
class VoteLine:
    person: PersonId
    name: str
    choice: Choice
    at: datetime
    surface: str
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """One audit entry as a person reads it: sequence number, when, fixed words, who."""

    seq: int
    at: datetime
    words: str
    who: str


class Button(StrEnum):
    APPROVE = "approve"
    DENY = "deny"
    WITHDRAW = "withdraw"
    CANCEL = "cancel"
    REVEAL = "reveal"
    DETAILS = "details"
    OPEN_CONSOLE = "open_console"


@dataclass(frozen=True, slots=True)
class GrantLine:
    id: str
    state: GrantState
    use_by: datetime
    redeemed_at: datetime | None
    outcome: str


@dataclass(frozen=True, slots=True)
class Card:
    """The one view model of a request. ``buttons`` are what the viewer it was built for may press: a courtesy, never
    the check. For a shared copy (a channel) they are what some entitled person may press."""

    request: RequestId
    version: int
    state: RequestState
    agent: AgentId
    owners: tuple[str, ...]
    on_behalf_of: str | None
    action: str
    resource_type: str
    resource_env: str
    rule: str
    rule_words: str
    rule_text: str
    preview: Preview
    payload_hash: Digest
    preview_hash: Digest
    policy_hash: Digest
    seats: tuple[SeatLine, ...]
    votes: tuple[VoteLine, ...]
    created_at: datetime
    decide_by: datetime
    decided_at: datetime | None
    deciders: tuple[str, ...]
    """Whose votes the decision counted, in the order they were given; who cancelled it; nobody when policy or the clock decided."""
    reason: str
    assurance: Assurance
    grant: GrantLine | None
    buttons: tuple[Button, ...]
    requested_by_viewer: bool = False
    viewer_vote: Choice | None = None
    denied_before: int = 0
    console_url: str = ""
    may_break_glass: bool = False
    """No button: it is never one of the normal ways to decide, and never offered in chat."""
    is_broken: bool = False
    """Approved by break-glass, against the quorum."""
    milestone: datetime | None = None
    """The last milestone that lies behind, while it is open (see ``milestones``)."""
    reminders: int = 0
    escalated_to: tuple[str, ...] = ()
    """The groups that were told as well; empty until then."""

    @property
    def verdict(self) -> str:
        """The first line: state in words, never by colour alone."""
        return BROKEN if self.is_broken else VERDICTS[self.state]

    @property
    def expiry_words(self) -> str:
        return "If nobody decides by then, it expires and nothing runs." if self.state.is_open else ""


def listed(names: Sequence[str], most: int = 50) -> str:
    """``Ana, Bo and Cy``; beyond *most* the rest is counted."""
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


BROKEN = "Approved by break-glass, without the quorum"
VERDICTS = {
    RequestState.PENDING: "Waiting for a decision",
    RequestState.APPROVED: "Approved",
    RequestState.DENIED: "Denied",
    RequestState.EXPIRED: "Expired, nobody decided in time",
    RequestState.CANCELLED: "Cancelled by the requester",
}


@dataclass(frozen=True, slots=True)
class Budget:
    """What one surface can show whole: characters of leaf text and number of leaves."""

    chars_max: int
    leaves_max: int


def fits(preview: Preview, budget: Budget) -> bool:
    """Whether every leaf of the payload can be shown whole within *budget* (T14). The claim is not counted: it may
    be clipped, with the clip said."""
    if len(preview.leaves) > budget.leaves_max:
        return False
    return sum(len(leaf.label.text) + len(leaf.value.text) + 4 for leaf in preview.leaves) <= budget.chars_max


def order(leaves: Sequence[T], pointers: Sequence[str], show: Sequence[str]) -> tuple[T, ...]:
    """Put the leaves under the parameters named in *show* first, in its order; the rest keep theirs. Drops nothing."""
    if not show and len(leaves) == len(pointers):
        return tuple(leaves)
    ranks = {name: rank for rank, name in enumerate(show)}

    def rank(pointer: str) -> int:
        parts = pointer.split("/")
        name = parts[2] if len(parts) > 2 and parts[1] == "parameters" else parts[-1]
        return ranks.get(name, len(ranks))

    ordered = sorted(zip(pointers, leaves, strict=True), key=lambda pair: rank(pair[0]))
    return tuple(leaf for _, leaf in ordered)
