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
class BreakGlass:
    """The one exception to the quorum (T43): a member of *group* may approve alone, out loud. Somebody of *reviewers* who is not the
    same person must judge it within *review_within*. *per_week_max* uses in any seven days, of the whole installation."""

    group: GroupName
    reviewers: GroupName
    review_within: timedelta
    per_week_max: int = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """A rule's leave to be stood in for (``standing_approval``): at most so many uses, for at most so long. *same* says what a later
    request must share with the approved one beside agent, action and the resource's type and env."""

    uses_max: int
    valid_max: timedelta
    same: tuple[str, ...] = ("resource", "parameters", "on_behalf_of")


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
    break_glass: BreakGlass | None = None
    """As the policy said when this was asked; it opens nothing once the policy in force says otherwise."""
    standing: Standing | None = None
    second_look: timedelta | None = None
    """An approval sooner than this after the request was asked must be given twice (T08)."""
    no_reciprocal_within: timedelta | None = None
    """Who was approved for by one of those who ask here, within this time, does not approve for them (T06)."""
    wants_resolved: bool = False
    """The agent is expected to say what the resource's id resolved to; a card says when it did not (T16)."""

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
    break_glass: BreakGlass | None = None


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
    glass = requirement.break_glass
    exception = (
        ""
        if glass is None
        else f" In an emergency one of {glass.group} may break the glass, reviewed within {words(glass.review_within)}."
    )
    stands = (
        ""
        if requirement.standing is None
        else f" A standing approval may cover up to {requirement.standing.uses_max} uses within {words(requirement.standing.valid_max)}."
    )
    second = (
        ""
        if requirement.second_look is None
        else f" An approval within {words(requirement.second_look)} of the asking is given twice."
    )
    return f"Needs approval by {who}; {deny}. {tail}{strong}{second}{stands}{exception}"
