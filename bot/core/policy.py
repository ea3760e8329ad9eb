"""What a policy is once it is loaded: groups, rules in order, and what a rule requires.

Decided here: the model, its limits and the words a rule is shown in. Loading is ``policy_load``,
judging ``policy_judge``. Deliberately absent: people (a group says where its members come from).
A policy that is empty or missing has no rules, so nobody may do anything (I13).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from bot.core.ids import Digest, GroupName, PersonId
from bot.core.request import Assurance, SeatGroup

HOLD: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Group:
    """Where a group's members come from; sources add up. A source that cannot be read fails closed (T39).

    ``hold``: whom the Slack user group gained less than this ago is not of it yet, since whoever administers the chat decides who is
    in it (T31). Zero: gains are written down and count at once."""

    name: GroupName
    members: frozenset[PersonId] = frozenset()
    slack_usergroup: str | None = None
    oidc_claim: str | None = None
    hold: timedelta = HOLD


@dataclass(frozen=True, slots=True)
class Stage:
    """Seats that are filled together; a later stage opens when this one is full."""

    seats: tuple[SeatGroup, ...]


@dataclass(frozen=True, slots=True)
class Requirement:
    """What it takes. ``surfaces`` are ``console``, ``api``, ``slack:CHANNEL``, ``teams:CHANNEL``; the console always works.

    ``show`` orders the preview (never hides the rest). ``recheck_at_redeem`` re-reads membership when the grant is spent.
    """

    stages: tuple[Stage, ...]
    decide_within: timedelta
    grant_valid_for: timedelta
    deny_threshold: int = 1
    surfaces: tuple[str, ...] = ("console",)
    remind_after: tuple[timedelta, ...] = ()
    escalate_after: timedelta | None = None
    escalate_to: tuple[GroupName, ...] = ()
    assurance: Assurance = Assurance.CHAT
    show: tuple[str, ...] = ()
    reveal: GroupName | None = None
    recheck_at_redeem: bool = False
    notify_direct: bool = False

    @property
    def groups(self) -> frozenset[GroupName]:
        return frozenset(seat.group for stage in self.stages for seat in stage.seats)

    @property
    def seats_total(self) -> int:
        return sum(seat.approvals for stage in self.stages for seat in stage.seats)


class Effect(StrEnum):
    ALLOW = "allow"
    DENY = "deny"
    REQUIRE = "require"


@dataclass(frozen=True, slots=True)
class Cumulative:
    """A window against splitting (T07): the rule matches only when the sum of *amount* (a CEL expression giving a
    number; ``1`` counts requests) over earlier requests in the window, this one included, passes *above*.
    ``per`` names what shares a window: any of ``agent``, ``action``, ``resource``, ``on_behalf_of``."""

    amount: str
    within: timedelta
    above: float
    per: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    when: str
    effect: Effect
    requirement: Requirement
    cumulative: Cumulative | None = None
    text: str = ""
    """The rule as it stands in the file (YAML), snapshotted into each request it judges."""


NO_HASH: Final = Digest("sha256:" + "0" * 64)


@dataclass(frozen=True, slots=True)
class Policy:
    groups: dict[GroupName, Group] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    hash: Digest = NO_HASH
    revision: int = 0
    source: str = ""
    denial_memory: timedelta = timedelta(minutes=15)
    editor_cool_down: timedelta = timedelta(hours=24)


EMPTY = Policy()


def words(delta: timedelta) -> str:
    """A duration as a person says it: ``30 minutes``, ``1 hour 30 minutes``."""
    seconds = int(delta.total_seconds())
    parts = []
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    return " ".join(parts[:2]) or "0 seconds"


def describe(requirement: Requirement) -> str:
    """The requirement in one or two sentences, from the fields that decide and nothing else."""
    if not requirement.stages:
        return "The policy decides this by itself; nobody is asked."
    stages = []
    for stage in requirement.stages:
        seats = [f"{seat.approvals} of {seat.group}" for seat in stage.seats]
        stages.append(" and ".join(seats))
    who = ", then ".join(stages)
    deny = (
        "one denial decides"
        if requirement.deny_threshold == 1
        else f"{requirement.deny_threshold} denials decide"
    )
    tail = f"Decide within {words(requirement.decide_within)}; the grant is valid for {words(requirement.grant_valid_for)}."
    strong = (
        ""
        if requirement.assurance is Assurance.CHAT
        else f" Approval needs {requirement.assurance.value} sign-in."
    )
    return f"Needs approval by {who}; {deny}. {tail}{strong}"
