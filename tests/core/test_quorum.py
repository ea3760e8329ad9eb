"""Which reason a person hears, one by one; the exhaustive walk compares outcomes, not words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.policy import Stage
from bot.core.quorum import Ballot, Cancel, Case, Cast, Facts, Seat, Tick, Withdraw, counts, standing, step
from bot.core.reasons import Reason, Refused
from bot.core.request import Assurance, Choice, RequestState, SeatGroup

DEADLINE = datetime(2026, 11, 23, 12, tzinfo=UTC)
EARLY = DEADLINE - timedelta(microseconds=1)
G, H = frozenset({"g"}), frozenset({"h"})
MEMBERS = {"ana": G, "bo": G, "cy": H, "zed": frozenset({"other"})}
FACTS = Facts(MEMBERS)


def case(*stages: tuple[tuple[str, int], ...], **changes) -> Case:
    stages = stages or ((("g", 2),),)
    made = tuple(Stage(tuple(SeatGroup(g, n) for g, n in stage)) for stage in stages)
    return Case(made, **({"separation": frozenset(), "decide_by": DEADLINE} | changes))


def approve(person: str, assurance: Assurance = Assurance.CONSOLE) -> Cast:
    return Cast(person, Choice.APPROVE, assurance)


def deny(person: str) -> Cast:
    return Cast(person, Choice.DENY, Assurance.CHAT)


VOTED = case(ballots=(Ballot("ana", Choice.APPROVE),))
STAGED = case((("g", 1),), (("h", 1),))
REFUSALS = [
    (case(), approve("ana"), DEADLINE, FACTS, Refused(Reason.LATE)),
    (case(), Cancel(), DEADLINE, FACTS, Refused(Reason.LATE)),
    (VOTED, Withdraw("ana"), DEADLINE, FACTS, Refused(Reason.LATE)),
    (VOTED, Withdraw("bo"), EARLY, FACTS, Refused(Reason.NO_VOTE)),
    (case(state=RequestState.DENIED), approve("ana"), EARLY, FACTS, Refused(Reason.CLOSED)),
    (case(), approve("ana"), EARLY, Facts(None), Refused(Reason.DIRECTORY_DOWN)),
    (case(), approve("ana"), EARLY, Facts(MEMBERS, frozenset({"ana"})), Refused(Reason.PERSON_DISABLED)),
    (case(separation=frozenset({"ana"})), approve("ana"), EARLY, FACTS, Refused(Reason.SEPARATED)),
    (case(), approve("ana"), EARLY, Facts(MEMBERS, separated_now=frozenset({"ana"})), Refused(Reason.SEPARATED)),
    (case(separation=frozenset({"ana"})), deny("ana"), EARLY, FACTS, Refused(Reason.SEPARATED)),
    (case(), approve("zed"), EARLY, FACTS, Refused(Reason.NOT_ELIGIBLE)),
    (case(), approve("stranger"), EARLY, FACTS, Refused(Reason.NOT_ELIGIBLE)),
    (VOTED, approve("ana"), EARLY, FACTS, Refused(Reason.ALREADY_VOTED)),
    (VOTED, deny("ana"), EARLY, FACTS, Refused(Reason.ALREADY_VOTED)),
    (case(), approve("ana"), EARLY, Facts(MEMBERS, frozen=True), Refused(Reason.FROZEN)),
    (case(assurance=Assurance.WEBAUTHN), approve("ana"), EARLY, FACTS, Refused(Reason.ASSURANCE)),
    (STAGED, approve("cy"), EARLY, FACTS, Refused(Reason.NOT_ELIGIBLE, "It is not your group's turn yet.")),
]  # fmt: skip


@pytest.mark.parametrize(("before", "event", "now", "facts", "refused"), REFUSALS, ids=range(len(REFUSALS)))
def test_the_reason_a_person_hears(before, event, now, facts, refused) -> None:
    assert step(before, event, now, facts) == refused


def test_denying_asks_less_than_approving_a7() -> None:
    assert step(case(), deny("ana"), EARLY, Facts(MEMBERS, frozen=True)).state is RequestState.DENIED
    assert step(case(assurance=Assurance.WEBAUTHN), deny("ana"), EARLY, FACTS).state is RequestState.DENIED
    assert step(STAGED, deny("cy"), EARLY, FACTS).state is RequestState.DENIED


def test_only_denials_that_still_count_reach_the_threshold() -> None:
    one = step(case(deny_threshold=2), deny("ana"), EARLY, FACTS)

    assert one.state is RequestState.PENDING
    assert step(one, deny("bo"), EARLY, FACTS).state is RequestState.DENIED
    assert step(one, deny("bo"), EARLY, Facts(MEMBERS, frozenset({"ana"}))).state is RequestState.PENDING


def test_approvals_are_no_denials() -> None:
    after = step(case(deny_threshold=2, ballots=(Ballot("ana", Choice.APPROVE),)), deny("bo"), EARLY, FACTS)

    assert after.state is RequestState.PENDING


def test_a_vote_keeps_the_order_in_which_it_was_cast() -> None:
    after = step(VOTED, approve("bo"), EARLY, FACTS)

    assert after.ballots == (Ballot("ana", Choice.APPROVE), Ballot("bo", Choice.APPROVE))
    assert after.state is RequestState.APPROVED


def test_a_withdrawal_takes_one_persons_vote_and_no_others() -> None:
    both = case((("g", 3),), ballots=(Ballot("ana", Choice.APPROVE), Ballot("bo", Choice.APPROVE)))

    assert step(both, Withdraw("ana"), EARLY, FACTS).ballots == (Ballot("bo", Choice.APPROVE),)


def test_time_that_has_not_come_changes_nothing() -> None:
    assert step(VOTED, Tick(), EARLY, FACTS) is VOTED
    assert step(VOTED, Tick(), DEADLINE, FACTS).state is RequestState.EXPIRED


def test_every_seat_is_named_with_who_fills_it_over_several_stages() -> None:
    people = {"ana": G, "bo": G, "cy": H, "dee": H, "eve": G}
    full = case(
        (("g", 2), ("h", 1)),
        (("h", 1), ("g", 1)),
        ballots=tuple(Ballot(person, Choice.APPROVE) for person in people),
    )

    stands = standing(full, Facts(people))

    assert stands.seats == (
        Seat(0, "g", 2, ("eve", "bo")),
        Seat(0, "h", 1, ("dee",)),
        Seat(1, "h", 1, ("cy",)),
        Seat(1, "g", 1, ("ana",)),
    )
    assert stands.open_stage == 2
    assert stands.is_full


def test_whether_a_vote_still_counts() -> None:
    assert counts(case(), "ana", FACTS)
    assert not counts(case(), "ana", Facts(None))
    assert not counts(case(), "zed", FACTS)
    assert not counts(case(separation=frozenset({"ana"})), "ana", FACTS)


def test_t04_a_vote_by_an_account_that_is_gone_stands_without_counting() -> None:
    gone = Facts(MEMBERS, void=frozenset({"ana"}))
    denied = step(case(deny_threshold=2), deny("ana"), EARLY, FACTS)

    assert step(VOTED, approve("bo"), EARLY, FACTS).state is RequestState.APPROVED
    assert step(VOTED, approve("bo"), EARLY, gone).state is RequestState.PENDING
    assert step(denied, deny("bo"), EARLY, gone).state is RequestState.PENDING
    assert step(VOTED, approve("ana"), EARLY, gone) == Refused(Reason.ALREADY_VOTED)
