"""Cases of a policy: what holds, what is said of one that does not, and which files of cases are refused."""

from __future__ import annotations

import pytest

from bot.core.policy_cases import CaseError, Judged, explain, needs_of, read_cases, run
from bot.core.policy_judge import Judge
from bot.core.policy_load import load_policy
from bot.core.reasons import SENTENCES, Reason

POLICY = load_policy("""version: 1
groups: {owners: {members: [person:a, person:b]}, security: {members: [person:c, person:d]}}
rules:
  - {name: wipe, when: 'action == "db.wipe"', deny: true}
  - {name: read, when: 'action == "db.read"', allow: true}
  - name: personal
    when: action == "db.export" && data.count > 2
    stages: [[{group: owners, approvals: 2}, {group: security}], [{group: security}]]
    assurance: console
  - {name: mine, when: 'action == "db.export" && "person:eve" in agent.owners', require: [{group: owners}]}
  - {name: many, when: 'action == "pay"', allow: true, cumulative: {within: 1h, above: 3, per: [agent]}}
  - {name: broken, when: 'action == "x" && parameters.nope == 1', allow: true}
""")
ASK = "{action: db.export, resource: {type: t, id: i}, parameters: {}}"


def cases(*lines: str) -> str:
    return "policy: p.yaml\ncases:\n" + "".join(f"  - {{{line}}}\n" for line in lines)


def ran(line: str):
    (result,) = run(POLICY, read_cases(cases(f"name: c, {line}")))
    return result


def ask_of(action: str) -> dict:
    return {"action": action, "resource": {"type": "t", "id": "i"}, "parameters": {}}


def judged(action: str, **more) -> Judged:
    return explain(Judge(POLICY), ask_of(action), **more)


def test_what_is_denied_or_allowed_at_once() -> None:
    assert judged("db.wipe") == Judged("deny", "wipe", (), "", "Denied at once.")
    assert judged("db.read") == Judged("allow", "read", (), "", "Allowed at once.")


def test_what_needs_approval_is_said_with_seats_stages_and_assurance() -> None:
    assert judged("db.export", finds={"us_ssn": 1, "email_address": 2}) == Judged(
        "require",
        "personal",
        ("2 of owners", "1 of security", "then", "1 of security"),
        "console",
        "Needs approval by 2 of owners and 1 of security, then 1 of security; one denial decides. "
        "Decide within 30 minutes; the grant is valid for 5 minutes. Approval needs console sign-in.",
    )


def test_the_seats_of_a_rule() -> None:
    assert needs_of(POLICY.rules[3].requirement) == ("1 of owners",)
    assert needs_of(POLICY.rules[0].requirement) == ()


def test_what_no_rule_covers_is_said_with_its_code() -> None:
    found = judged("db.export")

    assert (found.effect, found.rule, found.needs, found.assurance) == ("no-rule", "", (), "")
    assert found.sentence.startswith("No policy rule covers this action")


def test_a_standing_approval_that_the_rule_does_not_allow_is_said_with_its_code() -> None:
    ask = {**ask_of("db.read"), "standing": {"uses": 2, "valid_for_seconds": 60}}

    assert explain(Judge(POLICY), ask) == Judged(
        "standing-off", "read", (), "", SENTENCES[Reason.STANDING_OFF]
    )


def test_a_condition_that_errs_is_said_with_its_code() -> None:
    assert judged("x").effect == "policy-error"


def test_who_asks_is_part_of_the_case() -> None:
    assert judged("db.export", owners=("person:eve",)).rule == "mine"
    assert judged("db.export", owners=("eve", "person:bo")).rule == "mine"


def test_unless_said_otherwise_the_agent_is_agent_test_owned_by_person_owner() -> None:
    policy = load_policy(
        'version: 1\nrules: [{name: r, when: \'agent.id == "agent:test" && agent.owners == ["person:owner"]\','
        " allow: true}]"
    )

    assert explain(Judge(policy), ask_of("x")).rule == "r"
    assert explain(Judge(policy), ask_of("x"), agent="agent:other").effect == "no-rule"
    (result,) = run(policy, read_cases(cases(f"name: c, ask: {ASK}, expect: {{effect: allow}}")))
    assert result.faults == ()


@pytest.mark.parametrize(
    ("earlier", "effect"), [(0, "no-rule"), (2, "no-rule"), (2.5, "allow"), (3, "allow")]
)
def test_earlier_requests_are_summed_up(earlier: float, effect: str) -> None:
    assert judged("pay", earlier=earlier).effect == effect
    line = f"ask: {ASK.replace('db.export', 'pay')}, earlier: {earlier}, expect: {{effect: {effect}}}"
    assert ran(line).faults == ()


def test_nothing_came_earlier_unless_it_is_said() -> None:
    once = load_policy(
        "version: 1\nrules: [{name: r, when: 'true', allow: true, cumulative: {within: 1h, above: 1, per: [agent]}}]"
    )

    assert explain(Judge(once), ask_of("pay")).effect == "no-rule"
    assert explain(Judge(once), ask_of("pay"), earlier=1).effect == "allow"


def test_an_ask_that_the_api_would_refuse_is_no_case() -> None:
    with pytest.raises(CaseError) as caught:
        explain(Judge(POLICY), {"action": "x", "resource": {"type": "t", "id": "i"}})

    assert str(caught.value) == "the API would refuse this ask: The field parameters is missing."


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"agent": "agent:A"}, "'agent:A' is not an agent's name: use lower-case letters, digits, . _ - (at most 64)"),
        ({"owners": ("person:",)}, "'person:' is not a person's name: use lower-case letters, digits, . _ - (at most 64)"),
    ],
)  # fmt: skip
def test_names_that_are_none_are_no_case(more: dict, why: str) -> None:
    with pytest.raises(CaseError) as caught:
        judged("db.read", **more)

    assert str(caught.value) == why


def test_an_ask_that_json_cannot_say_is_no_case() -> None:
    with pytest.raises(CaseError):
        explain(Judge(POLICY), {"action": {1, 2}})


@pytest.mark.parametrize(
    ("expect", "faults"),
    [
        ("effect: require", ()),
        ("effect: require, rule: mine, needs: ['1 of owners'], assurance: chat", ()),
        ("effect: allow", ("effect: expected allow, got require",)),
        ("effect: require, rule: other", ("rule: expected other, got mine",)),
        ("effect: require, needs: ['2 of owners', then, '1 of security']",
         ("needs: expected 2 of owners, then, 1 of security, got 1 of owners",)),
        ("effect: require, needs: []", ("needs: expected nothing, got 1 of owners",)),
        ("effect: require, assurance: console", ("assurance: expected console, got chat",)),
        ("effect: deny, rule: x, assurance: console",
         ("effect: expected deny, got require", "rule: expected x, got mine", "assurance: expected console, got chat")),
    ],
)  # fmt: skip
def test_what_is_expected_is_compared_and_what_is_left_out_is_not(
    expect: str, faults: tuple[str, ...]
) -> None:
    result = ran(f"ask: {ASK}, owners: ['person:eve'], expect: {{{expect}}}")

    assert result.name == "c"
    assert result.judged.rule == "mine"
    assert result.faults == faults


def test_nothing_got_is_said_as_nothing() -> None:
    assert ran(f"ask: {ASK}, expect: {{effect: no-rule, rule: x}}").faults == (
        "rule: expected x, got nothing",
    )


def test_what_masking_finds_is_part_of_the_case() -> None:
    line = f"ask: {ASK}, finds: {{us_ssn: 3}}, expect: {{effect: require, rule: personal}}"

    assert ran(line).faults == ()
    assert ran(line.replace("3", "2")).faults == (
        "effect: expected require, got no-rule",
        "rule: expected personal, got nothing",
    )


def test_a_kind_that_masking_cannot_find_is_a_fault() -> None:
    assert ran(f"ask: {ASK}, finds: {{b: 1, US SSN: 1, EMAIL: 1}}, expect: {{effect: require}}").faults == (
        "finds: 'EMAIL' is no kind of data: kinds are lower case, such as email_address",
    )


def test_a_case_that_cannot_be_judged_fails_and_says_why() -> None:
    result = ran("ask: {action: x}, expect: {effect: allow}")

    assert result.name == "c"
    assert result.judged == Judged("unusable", "", (), "", "")
    assert result.faults == ("the API would refuse this ask: The field resource is missing.",)


def test_the_agent_of_a_case_is_the_cases() -> None:
    assert ran(f"ask: {ASK}, agent: 'agent:X', expect: {{effect: allow}}").faults == (
        "'agent:X' is not an agent's name: use lower-case letters, digits, . _ - (at most 64)",
    )


def test_cases_run_in_the_files_order() -> None:
    line = f"ask: {ASK}, expect: {{effect: no-rule}}"

    results = run(POLICY, read_cases(cases(f"name: b, {line}", f"name: a, {line}")))

    assert [(result.name, result.faults) for result in results] == [("b", ()), ("a", ())]


FORM = "The cases do not have the right form: "
GOOD = f"name: c, ask: {ASK}, expect: {{effect: allow}}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "line 1: not YAML: expected the node content, but found '<stream end>'"),
        ("cases: [" + "{" + GOOD + "}]", "Object missing required field `policy`"),
        (cases(), "Expected `array`, got `null` - at `$.cases`"),
        ("policy: p\ncases: []", "Expected `array` of length >= 1 - at `$.cases`"),
        (cases(GOOD + ", x: 1"), "Object contains unknown field `x` - at `$.cases[0]`"),
        (cases(GOOD.replace("name: c", "name: ''")), "Expected `str` of length >= 1 - at `$.cases[0].name`"),
        (cases(GOOD + ", earlier: -1"), "Expected `float` >= 0.0 - at `$.cases[0].earlier`"),
        (cases(GOOD + ", finds: {a: 0}"), "Expected `int` >= 1 - at `$.cases[0].finds[...]`"),
        (cases(*[GOOD] * 1001), "Expected `array` of length <= 1000 - at `$.cases`"),
    ],
)
def test_a_file_that_holds_no_cases_is_refused(text: str, why: str) -> None:
    with pytest.raises(CaseError) as caught:
        read_cases(text)

    assert str(caught.value) == FORM + why


def test_a_thousand_cases_are_read() -> None:
    assert len(read_cases(cases(*[GOOD] * 1000).encode()).cases) == 1000
