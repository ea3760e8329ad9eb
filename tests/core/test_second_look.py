"""A second look and no favour in return, in the pure core and in a policy (T06, T08); the resolved target of an ask (T16)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.ask import parse_ask
from bot.core.canonical import Malformed
from bot.core.policy import Requirement, Stage, describe
from bot.core.policy_judge import facts_of
from bot.core.policy_load import PolicyError, load_policy
from bot.core.quorum import Ballot, Case, Cast, Facts, step
from bot.core.reasons import Reason, Refused
from bot.core.request import Choice, SeatGroup

T0 = datetime(2026, 11, 23, 12, tzinfo=UTC)
LOOK = T0 + timedelta(seconds=10)
EARLY = LOOK - timedelta(microseconds=1)
CASE = Case((Stage((SeatGroup("g", 2),)),), frozenset(), T0 + timedelta(hours=1), look_until=LOOK)
FACTS = Facts({p: frozenset({"g"}) for p in ("ana", "bo")})
VOTED = replace(CASE, ballots=(Ballot("ana", Choice.APPROVE),))


@pytest.mark.parametrize(
    ("event", "now", "after"),
    [
        (Cast("ana", Choice.APPROVE), EARLY, Refused(Reason.SECOND_LOOK)),
        (Cast("ana", Choice.APPROVE), LOOK, VOTED),
        (Cast("ana", Choice.APPROVE, confirmed=True), EARLY, VOTED),
    ],
)
def test_t08_until_when_an_approval_must_be_confirmed(event: Cast, now: datetime, after: object) -> None:
    assert step(CASE, event, now, FACTS) == after


def test_t08_a_denial_is_not_slowed_and_who_may_not_vote_hears_that() -> None:
    denied = step(CASE, Cast("ana", Choice.DENY), EARLY, FACTS)

    assert isinstance(denied, Case)
    assert step(CASE, Cast("zed", Choice.APPROVE), EARLY, FACTS) == Refused(Reason.NOT_ELIGIBLE)


def test_t06_who_owes_a_favour_may_deny_and_not_approve() -> None:
    facts = replace(FACTS, reciprocal=frozenset({"ana"}))

    assert step(CASE, Cast("ana", Choice.APPROVE), LOOK, facts) == Refused(Reason.RECIPROCAL)
    assert isinstance(step(CASE, Cast("ana", Choice.DENY), LOOK, facts), Case)
    assert isinstance(step(CASE, Cast("bo", Choice.APPROVE), LOOK, facts), Case)


HEAD = 'version: 1\ngroups:\n  g: {members: [person:a, person:b]}\nrules:\n  - {name: r, when: "true", require: [{group: g}]'


def load(more: str) -> Requirement:
    return load_policy(f"{HEAD}{more}}}\n").rules[0].requirement


def test_none_of_it_is_on_unless_a_rule_says_so() -> None:
    requirement = load("")

    assert (requirement.second_look, requirement.no_reciprocal_within, requirement.wants_resolved) == (
        None,
        None,
        False,
    )


@pytest.mark.parametrize(
    ("name", "least", "most", "said"),
    [
        ("second_look", "1s", "10m", "second_look must lie between 0:00:01 and 0:10:00."),
        (
            "no_reciprocal_within",
            "1m",
            "30d",
            "no_reciprocal_within must lie between 0:01:00 and 30 days, 0:00:00.",
        ),
    ],
)
def test_durations_have_bounds(name: str, least: str, most: str, said: str) -> None:
    for text in (least, most):
        assert getattr(load(f", {name}: {text}"), name) is not None
    for text in ("0s" if least == "1s" else "59s", "601s" if most == "10m" else "31d"):
        with pytest.raises(PolicyError) as refused:
            load(f", {name}: {text}")
        assert refused.value.line == 5
        assert text == "0s" or str(refused.value) == f"Rule 'r': {said}"


@pytest.mark.parametrize("name", ["second_look: 10s", "no_reciprocal_within: 24h", "wants_resolved: true"])
def test_beside_allow_it_means_nothing(name: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load_policy(f'version: 1\nrules:\n  - {{name: r, when: "true", allow: true, {name}}}\n')

    assert f"{name.partition(':')[0]} means nothing beside allow" in str(refused.value)


def test_the_rule_in_words_says_that_a_quick_approval_is_given_twice() -> None:
    assert describe(load(", second_look: 10s")).endswith(
        " An approval within 10 seconds of the asking is given twice."
    )
    assert "twice" not in describe(load(""))


def ask(**resource: object):
    body = {"action": "run", "resource": {"type": "image", "id": "app:latest", **resource}, "parameters": {}}
    return parse_ask(json.dumps(body).encode())


def test_t16_the_resolved_target_is_part_of_what_people_approve_and_a_fact_of_conditions() -> None:
    bare, resolved = ask(), ask(resolved="app@sha256:1f")

    assert (bare.resource.resolved, resolved.resource.resolved) == ("", "app@sha256:1f")
    assert bare.payload_hash != resolved.payload_hash
    assert facts_of(resolved, "agent:a", (), ())["resource"]["resolved"] == "app@sha256:1f"
    assert ask(resolved="x" * 1024).resource.resolved == "x" * 1024


@pytest.mark.parametrize("value", ["", "x" * 1025, 1, None])
def test_t16_what_a_resolved_target_must_be(value: object) -> None:
    with pytest.raises(Malformed) as refused:
        ask(resolved=value)

    assert (refused.value.pointer, refused.value.sentence) == (
        "/resource/resolved",
        "Must be a string of 1 to 1024 characters.",
    )
