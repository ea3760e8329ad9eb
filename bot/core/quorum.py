"""Who may vote, what a vote does, and when a request is decided: one table for every surface.

Keeps I1 (terminal states never change), I2 (distinct eligible persons), I3 (separation) and I6 (no vote at
or after ``decide_by``). A function from (case, event, now, facts) to a new case or a refusal; an illegal event
leaves the case unchanged. Deliberately absent: where membership comes from, storage, words for people.

The transition table::

    pending  --vote(approve)-->  pending | approved      pending --vote(deny)--> pending | denied
    pending  --withdraw------->  pending                 pending --cancel------> cancelled
    pending  --override------->  approved (break-glass)   pending --tick(now >= decide_by)--> expired
    anything else --any event--> refused, unchanged
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.core.ids import GroupName, PersonId
from bot.core.policy import Stage
from bot.core.reasons import Reason, Refused
from bot.core.request import Assurance, Choice, RequestState


@dataclass(frozen=True, slots=True)
class Ballot:
    person: PersonId
    choice: Choice


@dataclass(frozen=True, slots=True)
class Case:
    """The part of a request that voting needs. Ballots are in the order they were cast, one a person."""

    stages: tuple[Stage, ...]
    separation: frozenset[PersonId]
    decide_by: datetime
    deny_threshold: int = 1
    assurance: Assurance = Assurance.CHAT
    state: RequestState = RequestState.PENDING
    ballots: tuple[Ballot, ...] = ()
    glass: GroupName | None = None
    """Whose members may override the quorum; None: nobody."""
    look_until: datetime | None = None
    """An approval before this instant must be confirmed (T08); None: none must."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of people at this instant. ``membership`` None: a source could not be read, so nobody counts.

    ``separated_now`` adds to the case's own separation set (an owner gained while pending). A person who is
    missing from ``membership`` is in no group."""

    membership: Mapping[PersonId, frozenset[GroupName]] | None
    disabled: frozenset[PersonId] = frozenset()
    separated_now: frozenset[PersonId] = frozenset()
    frozen: bool = False
    reciprocal: frozenset[PersonId] = frozenset()
    """People for whom those who ask here approved lately: they do not approve in return (T06)."""
    void: frozenset[PersonId] = frozenset()
    """People whose standing vote was cast by an account that is theirs no longer: it stands and does not count."""


@dataclass(frozen=True, slots=True)
class Cast:
    person: PersonId
    choice: Choice
    assurance: Assurance = Assurance.CONSOLE
    confirmed: bool = False
    """The same person tried before, was told to look again, and took the time."""


@dataclass(frozen=True, slots=True)
class Withdraw:
    person: PersonId


@dataclass(frozen=True, slots=True)
class Cancel:
    """By the requester; who that is, the desk knows."""


@dataclass(frozen=True, slots=True)
class Override:
    """Break-glass: approve alone, against the quorum and never against separation (T43)."""

    person: PersonId
    assurance: Assurance = Assurance.CONSOLE


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Event = Cast | Withdraw | Cancel | Override | Tick


@dataclass(frozen=True, slots=True)
class Seat:
    """One group's seats in one stage, and who fills them now."""

    stage: int
    group: GroupName
    needed: int
    filled_by: tuple[PersonId, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """How the quorum stands: serves the decision and the sentence to people alike."""

    seats: tuple[Seat, ...]
    open_stage: int
    """Index of the first stage that is not full; equal to the number of stages when all are."""

    @property
    def is_full(self) -> bool:
        return all(len(seat.filled_by) == seat.needed for seat in self.seats)


def step(case: Case, event: Event, now: datetime, facts: Facts) -> Case | Refused:
    """Say what *event* does to *case* at *now*: the case after it, or why nothing changed."""
    if not case.state.is_open:
        return Refused(Reason.CLOSED)
    late = now >= case.decide_by
    match event:
        case Tick():
            return replace(case, state=RequestState.EXPIRED) if late else case
        case Cancel():
            return Refused(Reason.LATE) if late else replace(case, state=RequestState.CANCELLED)
        case Withdraw(person):
            if late:
                return Refused(Reason.LATE)
            if all(ballot.person != person for ballot in case.ballots):
                return Refused(Reason.NO_VOTE)
            return replace(case, ballots=tuple(b for b in case.ballots if b.person != person))
        case Override():
            if late:
                return Refused(Reason.LATE)
            return may_override(case, event, facts) or replace(case, state=RequestState.APPROVED)
        case Cast():  # pragma: no branch - the last of the closed union
            return Refused(Reason.LATE) if late else _cast(case, event, now, facts)


def _cast(case: Case, event: Cast, now: datetime, facts: Facts) -> Case | Refused:
    refusal = may_vote(case, event, facts)
    if refusal is not None:
        return refusal
    is_hasty = case.look_until is not None and now < case.look_until and not event.confirmed
    if event.choice is Choice.APPROVE and is_hasty:
        return Refused(Reason.SECOND_LOOK)
    voted = replace(case, ballots=(*case.ballots, Ballot(event.person, event.choice)))
    if event.choice is Choice.DENY:
        denials = sum(b.choice is Choice.DENY and counts(voted, b.person, facts) for b in voted.ballots)
        return replace(voted, state=RequestState.DENIED) if denials >= case.deny_threshold else voted
    if standing(voted, facts).is_full:
        return replace(voted, state=RequestState.APPROVED)
    return voted


def may_override(case: Case, event: Override, facts: Facts) -> Refused | None:
    """Why *event* would be refused on an open, timely case; None when it would approve. Separation, the freeze and the rule's
    assurance hold as for any vote; a click in chat is never enough."""
    person = event.person
    if case.glass is None:
        return Refused(Reason.BREAK_GLASS_OFF)
    if facts.membership is None:
        return Refused(Reason.DIRECTORY_DOWN)
    if person in facts.disabled:
        return Refused(Reason.PERSON_DISABLED)
    if person in case.separation or person in facts.separated_now:
        return Refused(Reason.SEPARATED)
    if case.glass not in facts.membership.get(person, frozenset()):
        return Refused(Reason.NOT_ELIGIBLE)
    if facts.frozen:
        return Refused(Reason.FROZEN)
    if event.assurance.rank < max(case.assurance.rank, Assurance.CONSOLE.rank):
        return Refused(Reason.ASSURANCE)
    return None


def may_vote(case: Case, event: Cast, facts: Facts) -> Refused | None:
    """Why *event* would be refused on an open, timely case; None when it would count.

    Denying asks less than approving: any group of any stage, any assurance, frozen or not (A7).
    """
    person = event.person
    if facts.membership is None:
        return Refused(Reason.DIRECTORY_DOWN)
    if person in facts.disabled:
        return Refused(Reason.PERSON_DISABLED)
    if person in case.separation or person in facts.separated_now:
        return Refused(Reason.SEPARATED)
    groups = facts.membership.get(person, frozenset())
    if not any(seat.group in groups for stage in case.stages for seat in stage.seats):
        return Refused(Reason.NOT_ELIGIBLE)
    if any(ballot.person == person for ballot in case.ballots):
        return Refused(Reason.ALREADY_VOTED)
    if event.choice is Choice.DENY:
        return None
    if facts.frozen:
        return Refused(Reason.FROZEN)
    if person in facts.reciprocal:
        return Refused(Reason.RECIPROCAL)
    if event.assurance.rank < case.assurance.rank:
        return Refused(Reason.ASSURANCE)
    stage = standing(case, facts).open_stage
    if stage < len(case.stages) and not any(seat.group in groups for seat in case.stages[stage].seats):
        return Refused(Reason.NOT_ELIGIBLE, "It is not your group's turn yet.")
    return None


def counts(case: Case, person: PersonId, facts: Facts) -> bool:
    """Whether a vote already cast by *person* still counts under *facts* (re-checked at the decision)."""
    if facts.membership is None or person in facts.disabled or person in facts.void:
        return False
    if person in case.separation or person in facts.separated_now:
        return False
    groups = facts.membership.get(person, frozenset())
    return any(seat.group in groups for stage in case.stages for seat in stage.seats)


def standing(case: Case, facts: Facts) -> Standing:
    """Seat the approvals that count now. One person fills one seat in the whole case; earlier stages first."""
    membership = facts.membership or {}
    persons = [b.person for b in case.ballots if b.choice is Choice.APPROVE and counts(case, b.person, facts)]
    groups = {person: membership.get(person, frozenset()) for person in persons}
    slots = [
        (index, seat.group)
        for index, stage in enumerate(case.stages)
        for seat in stage.seats
        for _ in range(seat.approvals)
    ]
    holder = _match(slots, persons, groups)
    seats = []
    position = 0
    for index, stage in enumerate(case.stages):
        for seat in stage.seats:
            held = [holder.get(position + k) for k in range(seat.approvals)]
            seats.append(Seat(index, seat.group, seat.approvals, tuple(p for p in held if p is not None)))
            position += seat.approvals
    open_stage = min((s.stage for s in seats if len(s.filled_by) < s.needed), default=len(case.stages))
    return Standing(tuple(seats), open_stage)


def _match(
    slots: Sequence[tuple[int, GroupName]],
    persons: Sequence[PersonId],
    groups: Mapping[PersonId, frozenset[GroupName]],
) -> dict[int, PersonId]:
    """Slot index → person: a maximum bipartite matching by augmenting paths (Kuhn), slots in order, so that a slot
    once filled stays filled and earlier stages are never starved by later ones. O(slots x persons x groups)."""
    holder: dict[int, PersonId] = {}

    def augment(slot: int, seen: set[PersonId]) -> bool:
        for person in persons:
            if person in seen or slots[slot][1] not in groups[person]:
                continue
            seen.add(person)
            taken = next((s for s, p in holder.items() if p == person), None)
            if taken is None or augment(taken, seen):
                holder[slot] = person
                return True
        return False

    for slot in range(len(slots)):
        augment(slot, set())
    return holder
