"""What the policy says of a request: the first match, else no; an error refuses; windows pass at their very edge (I9, I13, T07)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.ask import parse_ask
from bot.core.ids import AgentId, PersonId
from bot.core.policy import EMPTY, Cumulative, Rule
from bot.core.policy_judge import Candidate, Judge, Plan, facts_of, window_of
from bot.core.policy_load import load_policy
from bot.core.reasons import Reason, Refused

BODY = {
    "action": "pay",
    "resource": {"type": "bank", "id": "acct-7", "env": "prod"},
    "parameters": {"amount": 10, "to": "x"},
}
NO_RULE, ERROR = Refused(Reason.NO_RULE), Refused(Reason.POLICY_ERROR)


def facts(changes: dict | None = None, classes: tuple[tuple[str, int], ...] = ()) -> dict:
    ask = parse_ask(json.dumps(BODY | (changes or {})).encode())
    return facts_of(ask, AgentId("agent:bot"), (PersonId("person:eve"),), classes)


def judge(*rules: str) -> Judge:
    return Judge(load_policy("version: 1\nrules:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules)))


def verdict(*rules: str, sums: float = 0.0, changes: dict | None = None):
    plan = judge(*rules).plan(facts(changes))
    return plan if isinstance(plan, Refused) else plan.verdict(lambda _: sums)


def named(*rules: str, **more):
    found = verdict(*rules, **more)
    return found.name if isinstance(found, Rule) else found


def test_what_conditions_see_of_a_request() -> None:
    asked = facts(
        {"context": {"ticket": 1}, "on_behalf_of": "person:mia"}, (("email_address", 3), ("us_ssn", 1))
    )

    assert asked == {
        "action": "pay",
        "resource": {"type": "bank", "id": "acct-7", "env": "prod", "resolved": ""},
        "parameters": {"amount": 10, "to": "x"},
        "context": {"ticket": 1},
        "agent": {"id": "agent:bot", "owners": ["person:eve"]},
        "on_behalf_of": "person:mia",
        "data": {"classes": ["email_address", "us_ssn"], "count": 4},
    }


def test_what_an_agent_left_out_is_empty_not_missing() -> None:
    asked = facts({"parameters": {}, "resource": {"type": "bank", "id": "x"}})

    assert (asked["context"], asked["on_behalf_of"], asked["parameters"]) == ({}, "", {})
    assert asked["resource"]["env"] == ""
    assert asked["data"] == {"classes": [], "count": 0}


def test_parameters_that_a_payload_lacks_are_empty() -> None:
    ask = parse_ask(json.dumps(BODY).encode())

    seen = facts_of(replace(ask, payload={}), AgentId("agent:bot"), (), ())

    assert seen["parameters"] == {}


ALLOW = "name: a, when: 'true', allow: true"
DENY = "name: d, when: 'true', deny: true"


def test_the_first_rule_that_matches_decides() -> None:
    assert named(ALLOW, DENY) == "a"
    assert named(DENY, ALLOW) == "d"
    assert named("name: x, when: 'false', deny: true", ALLOW) == "a"


def test_what_no_rule_matches_is_denied_i13() -> None:
    assert verdict("name: x, when: 'false', allow: true") == NO_RULE


def test_a_missing_policy_lets_nobody_do_anything_i13() -> None:
    assert Judge(EMPTY).plan(facts()) == Refused(Reason.POLICY_MISSING)
    assert Judge(load_policy("version: 1")).plan(facts()) == Refused(Reason.POLICY_MISSING)


@pytest.mark.parametrize(
    "when", ["parameters.nope == 1", "parameters.to > 3", "parameters.amount", "1 / 0 == 1"]
)
def test_a_condition_that_errs_refuses_the_request_i9(when: str) -> None:
    assert verdict(f"name: x, when: '{when}', deny: true", ALLOW) == ERROR


def test_a_rule_after_the_match_is_not_evaluated() -> None:
    assert named(ALLOW, "name: x, when: 'parameters.nope == 1', deny: true") == "a"


def test_only_true_itself_matches() -> None:
    assert verdict("name: x, when: 'parameters.to', allow: true") == ERROR
    assert (
        verdict("name: x, when: 'parameters.yes', allow: true", changes={"parameters": {"yes": 1}}) == ERROR
    )
    assert named("name: x, when: 'parameters.yes', allow: true", changes={"parameters": {"yes": True}}) == "x"


def windowed(amount: str = "parameters.amount", above: float = 100) -> str:
    return (
        f"name: w, when: 'true', deny: true, cumulative: {{amount: '{amount}', within: 1h, above: {above},"
        " per: [agent]}"
    )


@pytest.mark.parametrize(
    ("before", "decides"),
    [(0, "a"), (89.999, "a"), (90, "a"), (90.001, "w"), (91, "w"), (1000, "w")],
)
def test_a_window_matches_when_the_sum_passes_above_and_not_at_it_t07(before: float, decides: str) -> None:
    assert named(windowed(), ALLOW, sums=before) == decides


def test_a_window_that_does_not_match_falls_through_to_no_rule() -> None:
    assert verdict(windowed()) == NO_RULE


@pytest.mark.parametrize(
    "amount", ["1.0 / 0.0", "-1.0 / 0.0", "0.0 / 0.0", "-1", "-0.001", "parameters.to", "parameters.nope"]
)
def test_an_amount_that_cannot_be_summed_refuses_the_request_t07(amount: str) -> None:
    assert verdict(windowed(amount), ALLOW) == ERROR


@pytest.mark.parametrize(
    ("amount", "decides"), [("0", "a"), ("0.5", "a"), ("101", "w"), ("size(action)", "a")]
)
def test_an_amount_is_any_number_from_zero(amount: str, decides: str) -> None:
    assert named(windowed(amount), ALLOW) == decides


def test_a_plan_holds_every_window_up_to_the_first_certain_match() -> None:
    plan = judge(
        "name: n, when: 'false', deny: true",
        windowed(),
        windowed().replace("name: w", "name: v"),
        ALLOW,
        DENY,
    ).plan(facts())

    assert isinstance(plan, Plan)
    assert [(c.rule.name, c.window, c.amount) for c in plan.candidates] == [
        ("w", "w\x1fagent:bot", 10.0),
        ("v", "v\x1fagent:bot", 10.0),
        ("a", "", 0.0),
    ]


def test_each_window_is_asked_for_its_own_sum() -> None:
    plan = judge(windowed(), windowed().replace("name: w", "name: v")).plan(facts())
    asked: list[Candidate] = []

    found = plan.verdict(
        lambda candidate: asked.append(candidate) or (0 if candidate.rule.name == "w" else 95)
    )

    assert found.name == "v"
    assert [candidate.rule.name for candidate in asked] == ["w", "v"]


def test_a_rule_without_a_window_is_not_asked_for_a_sum() -> None:
    plan = judge(ALLOW).plan(facts())

    assert plan.verdict(lambda _: pytest.fail("asked for a sum")).name == "a"


SHARED = facts({"on_behalf_of": "person:mia"})
WINDOWS = {
    (): "r",
    ("agent",): "r\x1fagent:bot",
    ("action",): "r\x1fpay",
    ("resource",): "r\x1fbank/prod/acct-7",
    ("on_behalf_of",): "r\x1fperson:mia",
    (
        "agent",
        "action",
        "resource",
        "on_behalf_of",
    ): "r\x1fagent:bot\x1fpay\x1fbank/prod/acct-7\x1fperson:mia",
}


@pytest.mark.parametrize("per", WINDOWS, ids=str)
def test_a_windows_name_is_its_rule_and_the_parts_it_is_per(per: tuple[str, ...]) -> None:
    rule = replace(
        load_policy(f"version: 1\nrules: [{{{ALLOW}}}]").rules[0],
        name="r",
        cumulative=Cumulative("1", timedelta(hours=1), 1, per),
    )

    assert window_of(rule, SHARED) == WINDOWS[per]


def test_a_rule_without_a_window_has_no_name_for_one() -> None:
    assert window_of(judge(ALLOW).policy.rules[0], SHARED) == ""


def test_what_an_agent_writes_cannot_spell_another_agents_window() -> None:
    rule = replace(
        judge(ALLOW).policy.rules[0],
        cumulative=Cumulative("1", timedelta(hours=1), 1, ("resource", "on_behalf_of")),
    )
    one = window_of(
        rule, facts({"resource": {"type": "t", "id": "a", "env": "e"}, "on_behalf_of": "person:b"})
    )
    other = window_of(rule, facts({"resource": {"type": "t", "id": "a\x1fperson:b", "env": "e"}}))

    assert one != other


def test_a_number_too_large_for_a_double_refuses_the_request() -> None:
    big = facts()
    big["parameters"] = {"amount": 10**400}

    assert judge("name: x, when: 'parameters.amount > 1', allow: true").plan(big) == ERROR
