"""Standing approvals in the pure core: terms, scope, instants, and how a policy and an ask write them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.ask import parse_ask, parse_payload
from bot.core.canonical import Malformed
from bot.core.policy import Policy, Standing, describe
from bot.core.policy_cases import explain
from bot.core.policy_judge import Judge
from bot.core.policy_load import PolicyError, load_policy
from bot.core.reasons import Reason, Refused
from bot.core.request import StandingTerms
from bot.core.standing_approval import StandingApproval, StandingState, covers, may_ask, state_of, used

T0 = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
APPROVAL = StandingApproval(
    "req_1", "agent:bot", "db.export", "prod", "exports", "sha256:r", "scope", frozenset({"email_address", "person"}),
    3, T0, T0 + HOUR, 1, 7,
)  # fmt: skip


@pytest.mark.parametrize(
    ("allowed", "uses", "valid_for", "answer"),
    [
        (Standing(3, HOUR), 3, HOUR, None),
        (Standing(3, HOUR), 4, HOUR, Refused(Reason.STANDING_LIMIT)),
        (Standing(3, HOUR), 3, HOUR + timedelta(seconds=1), Refused(Reason.STANDING_LIMIT)),
        (None, 1, HOUR, Refused(Reason.STANDING_OFF)),
    ],
)
def test_what_may_be_asked_for(allowed, uses, valid_for, answer) -> None:
    assert may_ask(allowed, uses, valid_for) == answer


@pytest.mark.parametrize(
    ("approval", "rule_hash", "epoch", "now", "state"),
    [
        (APPROVAL, "sha256:r", 1, T0, StandingState.LIVE),
        (APPROVAL, "sha256:r", 1, T0 + HOUR - timedelta(microseconds=1), StandingState.LIVE),
        (APPROVAL, "sha256:r", 1, T0 + HOUR, StandingState.ENDED),
        (APPROVAL, "sha256:r", 1, T0 - timedelta(microseconds=1), StandingState.ENDED),
        (replace(APPROVAL, uses=2), "sha256:r", 1, T0, StandingState.LIVE),
        (replace(APPROVAL, uses=3), "sha256:r", 1, T0, StandingState.SPENT),
        (replace(APPROVAL, uses=4), "sha256:r", 1, T0, StandingState.SPENT),
        (APPROVAL, "sha256:other", 1, T0, StandingState.VOID),
        (APPROVAL, None, 1, T0, StandingState.VOID),
        (APPROVAL, "sha256:r", 2, T0, StandingState.VOID),
        (replace(APPROVAL, revoked_at=T0), "sha256:r", 1, T0, StandingState.REVOKED),
        (replace(APPROVAL, revoked_at=T0, uses=3), "sha256:other", 2, T0 + HOUR, StandingState.REVOKED),
    ],
)
def test_i6_how_it_stands(approval, rule_hash, epoch, now, state) -> None:
    assert state_of(approval, rule_hash, epoch, now) is state


@pytest.mark.parametrize(
    ("agent", "scope", "classes", "answer"),
    [
        ("agent:bot", "scope", {"email_address", "person"}, True),
        ("agent:bot", "scope", set(), True),
        ("agent:bot", "scope", {"email_address", "us_ssn"}, False),
        ("agent:other", "scope", set(), False),
        ("agent:bot", "other", set(), False),
    ],
)
def test_what_it_covers(agent, scope, classes, answer) -> None:
    assert covers(APPROVAL, agent, scope, frozenset(classes)) is answer


def test_a_use_is_counted_and_named() -> None:
    assert used(APPROVAL, 9) == replace(APPROVAL, uses=1, last_seq=9)


# --- in a policy

HEAD = 'version: 1\ngroups:\n  g: {members: [person:a, person:b]}\nrules:\n  - {name: r, when: "true", require: [{group: g}]'


def load(standing: str) -> Policy:
    return load_policy(f"{HEAD}, standing: {standing}}}\n")


def test_i13_a_rule_allows_none_unless_it_says_so() -> None:
    requirement = load_policy(HEAD + "}\n").rules[0].requirement

    assert requirement.standing is None
    assert "standing" not in describe(requirement)


@pytest.mark.parametrize(
    ("text", "standing"),
    [
        ("{uses_max: 1, valid_max: 1m}", Standing(1, timedelta(minutes=1))),
        (
            "{uses_max: 10000, valid_max: 30d, same: [parameters, resource]}",
            Standing(10_000, timedelta(days=30), ("resource", "parameters")),
        ),
        ("{uses_max: 5, valid_max: 1h, same: []}", Standing(5, HOUR, ())),
    ],
)
def test_what_a_rule_says(text: str, standing: Standing) -> None:
    requirement = load(text).rules[0].requirement

    assert requirement.standing == standing
    assert f" A standing approval may cover up to {standing.uses_max} uses within " in describe(requirement)


def test_the_default_is_the_narrowest() -> None:
    assert Standing(1, HOUR).same == ("resource", "parameters", "on_behalf_of")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "{uses_max: 1, valid_max: 59s}",
            "Rule 'r': standing.valid_max must lie between 0:01:00 and 30 days, 0:00:00.",
        ),
        (
            "{uses_max: 1, valid_max: 31d}",
            "Rule 'r': standing.valid_max must lie between 0:01:00 and 30 days, 0:00:00.",
        ),
    ],
)
def test_a_duration_that_is_none_of_these_is_refused_at_its_line(text: str, said: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load(text)

    assert (str(refused.value), refused.value.line) == (said, 5)


@pytest.mark.parametrize("text", ["{uses_max: 0, valid_max: 1h}", "{uses_max: 10001, valid_max: 1h}", "{uses_max: 1}", "{uses_max: 1, valid_max: 1h, same: [agent]}"])  # fmt: skip
def test_what_does_not_have_the_form_is_refused(text: str) -> None:
    with pytest.raises(PolicyError, match=r"at `\$\.rules\[0\]\.standing"):
        load(text)


def test_beside_allow_and_deny_it_means_nothing() -> None:
    for effect in ("allow", "deny"):
        with pytest.raises(PolicyError) as refused:
            load_policy(
                f'version: 1\nrules:\n  - {{name: r, when: "true", {effect}: true, standing: {{uses_max: 1, valid_max: 1h}}}}\n'
            )
        assert f"standing means nothing beside {effect}" in str(refused.value)


# --- in an ask

ASK = {"action": "db.export", "resource": {"type": "postgres", "id": "x"}, "parameters": {}}


def parse(standing: object):
    return parse_ask(json.dumps({**ASK, "standing": standing}).encode())


def test_i4_it_is_part_of_what_people_approve() -> None:
    without, asked = parse_ask(json.dumps(ASK).encode()), parse({"uses": 2, "valid_for_seconds": 90})

    assert without.standing is None
    assert asked.standing == StandingTerms(2, timedelta(seconds=90))
    assert asked.payload["standing"] == {"uses": 2, "valid_for_seconds": 90}
    assert asked.payload_hash not in (
        without.payload_hash,
        parse({"uses": 3, "valid_for_seconds": 90}).payload_hash,
    )


@pytest.mark.parametrize(
    ("standing", "pointer", "said"),
    [
        ([], "/standing", "Must be an object."),
        ({"uses": 1, "valid_for_seconds": 60, "more": 1}, "/standing/more", "It has the fields uses and valid_for_seconds only."),
        ({"valid_for_seconds": 60}, "/standing/uses", "Must be a whole number from 1 to 10000."),
        ({"uses": 0, "valid_for_seconds": 60}, "/standing/uses", "Must be a whole number from 1 to 10000."),
        ({"uses": 10_001, "valid_for_seconds": 60}, "/standing/uses", "Must be a whole number from 1 to 10000."),
        ({"uses": True, "valid_for_seconds": 60}, "/standing/uses", "Must be a whole number from 1 to 10000."),
        ({"uses": 1, "valid_for_seconds": 59}, "/standing/valid_for_seconds", "Must be a whole number from 60 to 2592000."),
        ({"uses": 1, "valid_for_seconds": 2_592_001}, "/standing/valid_for_seconds", "Must be a whole number from 60 to 2592000."),
        ({"uses": 1}, "/standing/valid_for_seconds", "Must be a whole number from 60 to 2592000."),
    ],
)  # fmt: skip
def test_what_it_must_look_like(standing: object, pointer: str, said: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse(standing)
    with pytest.raises(Malformed):
        parse_payload({**ASK, "standing": standing})

    assert (refused.value.code, refused.value.pointer, refused.value.sentence) == ("schema", pointer, said)


@pytest.mark.parametrize(
    "standing", [{"uses": 1, "valid_for_seconds": 60}, {"uses": 10_000, "valid_for_seconds": 2_592_000}]
)
def test_the_bounds_themselves_are_in(standing: dict[str, int]) -> None:
    assert parse(standing).standing == StandingTerms(
        standing["uses"], timedelta(seconds=standing["valid_for_seconds"])
    )


@pytest.mark.parametrize(
    ("effect", "standing", "code"),
    [
        ("require: [{group: g}], standing: {uses_max: 2, valid_max: 1m}", {"uses": 2, "valid_for_seconds": 60}, "require"),
        ("require: [{group: g}], standing: {uses_max: 2, valid_max: 1m}", {"uses": 3, "valid_for_seconds": 60}, "standing-limit"),
        ("require: [{group: g}]", {"uses": 1, "valid_for_seconds": 60}, "standing-off"),
        ("allow: true", {"uses": 1, "valid_for_seconds": 60}, "standing-off"),
        ("deny: true", {"uses": 1, "valid_for_seconds": 60}, "deny"),
    ],
)  # fmt: skip
def test_a_case_of_a_policy_says_what_becomes_of_the_wish(
    effect: str, standing: dict[str, int], code: str
) -> None:
    head = 'version: 1\ngroups:\n  g: {members: [person:a]}\nrules:\n  - {name: r, when: "true", '

    judged = explain(Judge(load_policy(f"{head}{effect}}}\n")), {**ASK, "standing": standing})

    assert (judged.effect, judged.rule) == (code, "r")
