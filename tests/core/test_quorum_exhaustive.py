"""Every reachable case of small worlds, every event, every kind of fact, both sides of the deadline: I1, I2, I3, I6.

Each transition is compared with a naive model that shares no code with the core: it tries every way of putting people on
seats. At least a million transitions are walked, and the counts are asserted, so that the walk cannot silently shrink.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import permutations

import pytest

from bot.core.policy import Stage
from bot.core.quorum import Cancel, Case, Cast, Facts, Override, Tick, Withdraw, standing, step
from bot.core.reasons import Reason, Refused
from bot.core.request import Assurance, Choice, RequestState, SeatGroup

P, A, D, E, X = (
    RequestState.PENDING,
    RequestState.APPROVED,
    RequestState.DENIED,
    RequestState.EXPIRED,
    RequestState.CANCELLED,
)
DEADLINE = datetime(2026, 11, 23, 12, tzinfo=UTC)
EARLY = DEADLINE - timedelta(microseconds=1)
INSTANTS = (EARLY, DEADLINE)
PEOPLE = ("ana", "bo", "cy", "dee")
FULL = {
    "ana": frozenset({"g"}),
    "bo": frozenset({"g", "h"}),
    "cy": frozenset({"h"}),
    "dee": frozenset({"g", "h"}),
}


def seats(*stages: dict[str, int]) -> tuple[Stage, ...]:
    return tuple(Stage(tuple(SeatGroup(g, n) for g, n in stage.items())) for stage in stages)


WORLDS = {
    "one of g": Case(seats({"g": 1}), frozenset(), DEADLINE, glass="h"),
    "two of g": Case(seats({"g": 2}), frozenset({"dee"}), DEADLINE),
    "one of g and one of h": Case(seats({"g": 1, "h": 1}), frozenset(), DEADLINE),
    "two of g and one of h, two denials": Case(seats({"g": 2, "h": 1}), frozenset(), DEADLINE, 2),
    "g then h": Case(seats({"g": 1}, {"h": 1}), frozenset(), DEADLINE),
    "g then h, ana apart, console only": Case(
        seats({"g": 1}, {"h": 1}), frozenset({"ana"}), DEADLINE, 1, Assurance.CONSOLE, glass="g"
    ),
    "two of h, three denials": Case(seats({"h": 2}), frozenset(), DEADLINE, 3),
    "g then g and h": Case(seats({"g": 1}, {"g": 1, "h": 1}), frozenset(), DEADLINE, 2),
}
FACTS = (
    Facts(FULL),
    Facts(None),
    Facts({}),
    Facts(FULL, frozen=True),
    Facts(FULL, disabled=frozenset({"bo"})),
    Facts(FULL, separated_now=frozenset({"cy"})),
    *(Facts({k: v for k, v in FULL.items() if k != gone}) for gone in PEOPLE),
    Facts({**FULL, "ana": frozenset({"h"}), "cy": frozenset({"g"})}),
)
EVENTS = (
    *(
        Cast(p, c, a)
        for p in (*PEOPLE, "stranger")
        for c in Choice
        for a in (Assurance.CHAT, Assurance.CONSOLE)
    ),
    *(Withdraw(p) for p in (*PEOPLE, "stranger")),
    *(Override(p) for p in ("ana", "cy", "stranger")),
    Override("cy", Assurance.CHAT),
    Cancel(),
    Tick(),
)


# --- the naive model -----------------------------------------------------------------------------------


@cache
def fits(slots: tuple[str, ...], people: tuple[frozenset[str], ...]) -> bool:
    """Whether some way of giving each slot its own person of the right group exists: every order is tried."""
    if len(people) < len(slots):
        return False
    return any(
        all(g in p for g, p in zip(slots, order, strict=False)) for order in permutations(people, len(slots))
    )


def slots_of(case: Case, stages: int) -> tuple[str, ...]:
    return tuple(s.group for stage in case.stages[:stages] for s in stage.seats for _ in range(s.approvals))


def eligible(case: Case, facts: Facts, person: str) -> bool:
    known = (facts.membership or {}).get(person, frozenset())
    named = {s.group for stage in case.stages for s in stage.seats}
    return bool(known & named) and person not in case.separation | facts.separated_now | facts.disabled


def approving(case: Case, facts: Facts, extra: str | None = None) -> tuple[frozenset[str], ...]:
    people = [b.person for b in case.ballots if b.choice is Choice.APPROVE] + ([extra] if extra else [])
    return tuple(sorted((facts.membership[p] for p in people if eligible(case, facts, p)), key=sorted))


def model(
    case: Case, event: object, now: datetime, facts: Facts
) -> tuple[RequestState, tuple[str, ...]] | None:
    """The state and who has a ballot after it, or None for a refusal."""
    voters = tuple(b.person for b in case.ballots)
    if case.state is not P:
        return None
    if isinstance(event, Tick):
        return (E if now >= DEADLINE else P, voters)
    if now >= DEADLINE:
        return None
    if isinstance(event, Cancel):
        return X, voters
    if isinstance(event, Withdraw):
        return (P, tuple(v for v in voters if v != event.person)) if event.person in voters else None
    if isinstance(event, Override):
        apart = case.separation | facts.separated_now | facts.disabled
        mine = (facts.membership or {}).get(event.person, frozenset())
        fresh = event.assurance is Assurance.CONSOLE
        may = case.glass in mine and event.person not in apart and fresh and not facts.frozen
        return (A, voters) if may else None
    if facts.membership is None or not eligible(case, facts, event.person) or event.person in voters:
        return None
    after = (*voters, event.person)
    if event.choice is Choice.DENY:
        against = [
            b.person for b in case.ballots if b.choice is Choice.DENY and eligible(case, facts, b.person)
        ]
        return (D if len(against) + 1 >= case.deny_threshold else P, after)
    if facts.frozen or (case.assurance is Assurance.CONSOLE and event.assurance is Assurance.CHAT):
        return None
    now_open = next(
        (i for i in range(len(case.stages)) if not fits(slots_of(case, i + 1), approving(case, facts))), None
    )
    if now_open is not None:
        turn = {s.group for s in case.stages[now_open].seats}
        if not turn & facts.membership[event.person]:
            return None
    whole = fits(slots_of(case, len(case.stages)), approving(case, facts, event.person))
    return (A if whole else P, after)


# --- the walk ------------------------------------------------------------------------------------------


def walk(start: Case) -> Counter[object]:
    """All cases reachable from *start*; every transition out of each is compared with the model."""
    seen = {start}
    queue = [start]
    counts: Counter[object] = Counter()
    transitions = 0
    while queue:
        case = queue.pop()
        counts[case.state] += 1
        for facts in FACTS:
            for now in INSTANTS:
                for event in EVENTS:
                    transitions += 1
                    after = step(case, event, now, facts)
                    expected = model(case, event, now, facts)
                    if isinstance(after, Refused):
                        assert expected is None, (case, event, now, facts, after, expected)
                        continue
                    got = (after.state, tuple(b.person for b in after.ballots))
                    assert got == expected, (case, event, now, facts, got, expected)
                    if after not in seen:
                        seen.add(after)
                        queue.append(after)
    counts["transitions"] = transitions
    return counts


SMALL = ("one of g", "two of g", "g then h, ana apart, console only")
"""Walked in seconds, so that mutation testing can afford them for every mutant of the core."""


@pytest.mark.parametrize(
    "name", [name if name in SMALL else pytest.param(name, marks=pytest.mark.slow) for name in WORLDS]
)
def test_i1_i2_i3_i6_every_transition_is_the_models(name: str) -> None:
    counts = walk(WORLDS[name])

    assert counts["transitions"] >= MINIMA[name]
    assert counts[A] > 0
    assert counts[D] > 0
    assert counts[E] > 0
    assert counts[X] > 0


MINIMA = {
    "one of g": 8_184,
    "two of g": 40_238,
    "one of g and one of h": 86_614,
    "two of g and one of h, two denials": 1_188_726,
    "g then h": 72_292,
    "g then h, ana apart, console only": 34_782,
    "two of h, three denials": 1_150_534,
    "g then g and h": 1_188_726,
}
"""How many transitions each walk took when it was written: a smaller walk is a broken one."""


def test_the_walk_is_at_least_a_million_transitions() -> None:
    assert sum(MINIMA.values()) >= 1_000_000


# --- facts the walk relies on, each by itself -------------------------------------------------------------


def test_a_person_of_both_groups_frees_the_seat_that_only_he_can_fill() -> None:
    case = WORLDS["one of g and one of h"]
    facts = Facts(FULL)
    for person in ("bo", "ana"):
        case = step(case, Cast(person, Choice.APPROVE), EARLY, facts)

    assert case.state is A


@pytest.mark.parametrize("state", [A, D, E, X])
@pytest.mark.parametrize("event", EVENTS, ids=repr)
def test_i1_a_terminal_state_refuses_every_event_and_stays(state: RequestState, event: object) -> None:
    case = Case(seats({"g": 1}), frozenset(), DEADLINE, state=state)

    assert step(case, event, EARLY, Facts(FULL)) == Refused(Reason.CLOSED)


def test_the_standing_names_who_sits_where() -> None:
    case = step(WORLDS["g then h"], Cast("bo", Choice.APPROVE), EARLY, Facts(FULL))
    stands = standing(case, Facts(FULL))

    assert [(s.stage, s.group, s.needed, s.filled_by) for s in stands.seats] == [
        (0, "g", 1, ("bo",)),
        (1, "h", 1, ()),
    ]
    assert (stands.open_stage, stands.is_full) == (1, False)
