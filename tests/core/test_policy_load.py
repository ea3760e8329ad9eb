"""A policy loads whole or is refused with the place and the remedy (I13): every refusal, every limit on both sides."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.ids import GroupName
from bot.core.policy import Cumulative, Effect, Group, Policy, Requirement, Rule, Stage
from bot.core.policy_load import PolicyError, load_policy
from bot.core.request import Assurance, SeatGroup

HEAD = """version: 1
groups:
  g: {members: [person:a, person:b]}
  h: {members: [person:b]}
  x: {oidc_claim: approvers}
  s: {slack_usergroup: S0123}
rules:
"""
SEAT = "require: [{group: g}]"


def load(rule: str, head: str = HEAD) -> Policy:
    return load_policy(f"{head}  - {{name: r, when: 'true', {rule}}}\n")


def rule_of(rule: str) -> Rule:
    return load(rule).rules[-1]


def refusal(text: str) -> str:
    with pytest.raises(PolicyError) as caught:
        load_policy(text)
    return str(caught.value)


def rule_refusal(rule: str, head: str = HEAD) -> str:
    with pytest.raises(PolicyError) as caught:
        load(rule, head)
    message = str(caught.value)
    assert message.startswith("Rule 'r': ")
    return message.removeprefix("Rule 'r': ")


# --- the file ---------------------------------------------------------------------------------------------

FORM = "The policy does not have the right form: "
FILES = {
    "": "The policy is empty, so nobody could do anything. Write at least `version: 1` and one rule.",
    "# only a comment\n": "The policy is empty, so nobody could do anything. Write at least `version: 1` and one rule.",
    "version: 1\nversion: 1": "The policy is not usable YAML: line 2: the key 'version' stands here a second time; keep one",
    "version: 2": FORM + "Invalid enum value 2 - at `$.version`",
    "rules: []": FORM + "Object missing required field `version`",
    "[]": FORM + "Expected `object`, got `array`",
    "version: 1\nrulez: []": FORM + "Object contains unknown field `rulez`",
    "version: 1\ngroups: {g: {member: []}}": FORM + "Object contains unknown field `member` - at `$.groups[...]`",
    "version: 1\nrules: [{name: r, when: 'true', allow: true, wehn: x}]": FORM
    + "Object contains unknown field `wehn` - at `$.rules[0]`",
    "version: 1\nrules: [{name: r, when: 'true', allow: false}]": FORM + "Invalid enum value False - at `$.rules[0].allow`",
    "version: 1\nrules: [{name: '', when: 'true', allow: true}]": FORM
    + "Expected `str` of length >= 1 - at `$.rules[0].name`",
    "version: 1\ngroups: {A: {}}": "Group 'A': use lower-case letters, digits, . _ - in a group's name.",
    "version: 1\ngroups: {a: {members: [bo]}}": "Group 'a': member 'bo' must be written person:NAME.",
    "version: 1\ngroups: {a: {members: [agent:bo]}}": "Group 'a': member 'agent:bo' must be written person:NAME.",
    "version: 1\ngroups: {a: {members: ['person:Bo']}}": "Group 'a': 'person:Bo' is not a person's name: use lower-case"
    " letters, digits, . _ - (at most 64).",
    "version: 1\ndenial_memory: 0s": "denial_memory: '0s' is no time at all; write for example 90s or 30m.",
    "version: 1\neditor_cool_down: 24": FORM + "Expected `str`, got `int` - at `$.editor_cool_down`",
    "version: 1\neditor_cool_down: '24'": "editor_cool_down: '24' is not a duration; write for example 90s, 30m, 12h, 7d or 1h30m.",
}  # fmt: skip


@pytest.mark.parametrize("text", FILES)
def test_a_file_that_is_not_a_policy_is_refused_with_the_remedy(text: str) -> None:
    assert refusal(text) == FILES[text]


def test_the_smallest_policy_has_no_rules_and_the_stated_defaults() -> None:
    policy = load_policy("version: 1")

    assert policy == Policy(
        groups={},
        rules=(),
        hash=policy.hash,
        revision=0,
        source="version: 1",
        denial_memory=timedelta(minutes=15),
        editor_cool_down=timedelta(hours=24),
    )


def test_settings_of_the_whole_file_are_read() -> None:
    policy = load_policy("version: 1\ndenial_memory: 1h\neditor_cool_down: 2d", 7)

    assert (policy.denial_memory, policy.editor_cool_down) == (timedelta(hours=1), timedelta(days=2))
    assert policy.revision == 7


def test_groups_say_where_their_members_come_from() -> None:
    assert load(SEAT).groups == {
        "g": Group(GroupName("g"), frozenset({"person:a", "person:b"})),
        "h": Group(GroupName("h"), frozenset({"person:b"})),
        "x": Group(GroupName("x"), frozenset(), None, "approvers"),
        "s": Group(GroupName("s"), frozenset(), "S0123", None),
    }


def test_the_hash_is_sha_256_over_the_files_bytes() -> None:
    text = "version: 1 # größer\r\n"

    assert load_policy(text).hash == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    assert (
        load_policy("version: 1").hash
        == "sha256:1a6ddd3533d91cae4b3742d4294fb07ee863a4d667fe598f01365bd68a18bcfd"
    )


@given(st.text("\n #abc", max_size=20))
def test_policies_that_differ_in_a_comment_differ_in_their_hash(comment: str) -> None:
    text = "version: 1\n#" + comment.replace("\n", "\n#")

    assert load_policy(text).source == text
    assert load_policy(text).hash != load_policy(text + "#").hash


def test_two_rules_of_one_name_are_refused() -> None:
    other = "  - {name: other, when: 'true', deny: true}\n"
    twice = "  - {name: r, when: 'true', allow: true}\n"

    assert refusal(HEAD + twice + other + twice) == (
        "Two rules are called 'r'; names must differ, they stand in the audit log."
    )
    assert len(load_policy(HEAD + twice + other).rules) == 2


def test_a_rules_text_is_what_stands_in_the_file() -> None:
    text = (
        HEAD
        + "  - name: one  # why\n    when: 'true'\n    allow: true\n  - {name: two, when: 'true', deny: true}\n"
    )

    assert [rule.text for rule in load_policy(text).rules] == [
        "name: one  # why\nwhen: 'true'\nallow: true",
        "{name: two, when: 'true', deny: true}",
    ]


# --- limits -----------------------------------------------------------------------------------------------


def _many_rules(count: int) -> str:
    return HEAD + "".join(f"  - {{name: r{i}, when: 'true', deny: true}}\n" for i in range(count))


def test_five_hundred_rules_and_not_one_more() -> None:
    assert len(load_policy(_many_rules(500)).rules) == 500
    assert refusal(_many_rules(501)) == FORM + "Expected `array` of length <= 500 - at `$.rules`"


def _many_groups(count: int) -> str:
    return "version: 1\ngroups:\n" + "".join(f"  g{i}: {{}}\n" for i in range(count))


def test_five_hundred_groups_and_not_one_more() -> None:
    assert len(load_policy(_many_groups(500)).groups) == 500
    assert refusal(_many_groups(501)) == FORM + "Expected `object` of length <= 500 - at `$.groups`"


def _members(count: int) -> str:
    return "version: 1\ngroups:\n  g:\n    members:\n" + "".join(
        f"      - person:p{i}\n" for i in range(count)
    )


def test_five_thousand_members_and_not_one_more() -> None:
    assert len(load_policy(_members(5_000)).groups["g"].members) == 5_000
    assert (
        refusal(_members(5_001)) == FORM + "Expected `array` of length <= 5000 - at `$.groups[...].members`"
    )


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ("require: []", "Expected `array` of length >= 1 - at `$.rules[0].require`"),
        ("stages: []", "Expected `array` of length >= 1 - at `$.rules[0].stages`"),
        ("stages: [[]]", "Expected `array` of length >= 1 - at `$.rules[0].stages[0]`"),
        (
            f"stages: [{', '.join(['[{group: x}]'] * 9)}]",
            "Expected `array` of length <= 8 - at `$.rules[0].stages`",
        ),
        (
            "require: [{group: x, approvals: 0}]",
            "Expected `int` >= 1 - at `$.rules[0].require[0].approvals`",
        ),
        (
            "require: [{group: x, approvals: 21}]",
            "Expected `int` <= 20 - at `$.rules[0].require[0].approvals`",
        ),
        (f"{SEAT}, deny_threshold: 0", "Expected `int` >= 1 - at `$.rules[0].deny_threshold`"),
        (f"{SEAT}, assurance: sms", "Invalid enum value 'sms' - at `$.rules[0].assurance`"),
        (
            f"{SEAT}, cumulative: {{within: 1h, above: 1, per: []}}",
            "Expected `array` of length >= 1 - at `$.rules[0].cumulative.per`",
        ),
        (
            f"{SEAT}, cumulative: {{within: 1h, above: 1, per: [person]}}",
            "Invalid enum value 'person' - at `$.rules[0].cumulative.per[0]`",
        ),
        (
            f"{SEAT}, escalate: {{after: 1m, to: []}}",
            "Expected `array` of length >= 1 - at `$.rules[0].escalate.to`",
        ),
    ],
)
def test_a_rule_of_another_form_is_refused_with_its_place(rule: str, place: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load(rule)

    assert str(caught.value) == FORM + place


def test_twenty_approvals_and_eight_stages_are_read() -> None:
    assert rule_of("require: [{group: x, approvals: 20}]").requirement.seats_total == 20
    assert len(rule_of(f"stages: [{', '.join(['[{group: x}]'] * 8)}]").requirement.stages) == 8


def test_forty_approvals_in_all_and_not_one_more() -> None:
    forty = "[{group: x, approvals: 20}], [{group: x, approvals: 20}]"

    assert rule_of(f"stages: [{forty}]").requirement.seats_total == 40
    assert rule_refusal(f"stages: [{forty}, [{{group: g}}]]") == "more than 40 approvals in all."


# --- effects ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("surfaces: []", "none of them"),
        ("allow: true, deny: true", "allow and deny"),
        (f"allow: true, {SEAT}", "allow and require"),
        (f"{SEAT}, stages: [[{{group: g}}]]", "require and stages"),
    ],
)
def test_a_rule_says_exactly_one_effect(rule: str, said: str) -> None:
    assert rule_refusal(rule) == f"say exactly one of allow, deny, require or stages, not {said}."


def test_each_effect_is_read() -> None:
    assert rule_of("allow: true").effect is Effect.ALLOW
    assert rule_of("deny: true").effect is Effect.DENY
    assert rule_of(SEAT).effect is Effect.REQUIRE
    assert rule_of("stages: [[{group: g}]]").effect is Effect.REQUIRE


UNREAD = [
    "decide_within: 5m",
    "surfaces: [api]",
    "remind_after: [1m]",
    "escalate: {after: 1m, to: [g]}",
    "recheck_at_redeem: true",
    "notify_direct: true",
    "deny_threshold: 2",
    "assurance: console",
]


@pytest.mark.parametrize("effect", ["allow", "deny"])
@pytest.mark.parametrize("setting", UNREAD)
def test_a_setting_that_nothing_would_read_is_refused(effect: str, setting: str) -> None:
    name = setting.split(":")[0]

    assert rule_refusal(f"{effect}: true, {setting}") == (
        f"{name} means nothing beside {effect}: remove it, or require approvals."
    )


@pytest.mark.parametrize("setting", UNREAD)
def test_the_same_setting_beside_approvals_is_read(setting: str) -> None:
    assert rule_of(f"{SEAT}, {setting}").effect is Effect.REQUIRE


def test_all_settings_that_nothing_would_read_are_named() -> None:
    assert rule_refusal("deny: true, surfaces: [api], notify_direct: true, grant_valid_for: 1m") == (
        "surfaces, notify_direct, grant_valid_for means nothing beside deny: remove it, or require approvals."
    )


def test_how_long_a_grant_is_valid_is_read_beside_allow_and_not_beside_deny() -> None:
    assert rule_of("allow: true, grant_valid_for: 1m").requirement.grant_valid_for == timedelta(minutes=1)
    assert rule_refusal("deny: true, grant_valid_for: 1m") == (
        "grant_valid_for means nothing beside deny: remove it, or require approvals."
    )


def test_a_rule_that_allows_asks_nobody() -> None:
    assert rule_of("allow: true").requirement == Requirement(
        (), timedelta(minutes=30), timedelta(minutes=5), surfaces=("console",)
    )


# --- conditions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("", "A condition is empty; write `true` to match every request."),
        ("1", "`1` gives INT, not BOOL."),
        ("nope", "`nope` is not a condition: <input>:1:1: undeclared reference to 'nope' (in container '')"),
        ("a" * 2001, "A condition has 2001 characters; at most 2000."),
    ],
)
def test_a_condition_that_does_not_compile_is_refused(when: str, why: str) -> None:
    rule = f"  - {{name: r, when: '{when}', allow: true}}\n"

    assert refusal(HEAD + rule) == f"Rule 'r': {why}"


def test_an_amount_that_is_no_number_is_refused() -> None:
    assert (
        rule_refusal(f"{SEAT}, cumulative: {{within: 1h, above: 1, per: [agent], amount: 'true'}}")
        == "`true` gives BOOL, not INT or UINT or DOUBLE."
    )


# --- quorums ----------------------------------------------------------------------------------------------

NEVER = "its quorum can never be met: {} of {} are needed, and only {} different people are left for them. Add members or ask for fewer."


@pytest.mark.parametrize(
    ("rule", "missing"),
    [
        ("require: [{group: g, approvals: 3}]", (3, "g", 2)),
        ("require: [{group: g, approvals: 2}, {group: h}]", (1, "h", 0)),
        ("stages: [[{group: g, approvals: 2}], [{group: h}]]", (1, "h", 0)),
        ("require: [{group: h}, {group: h}]", (1, "h", 0)),
        ("require: [{group: g, approvals: 2}, {group: g}]", (1, "g", 0)),
    ],
)
def test_a_quorum_that_no_people_can_meet_is_refused(rule: str, missing: tuple[int, str, int]) -> None:
    assert rule_refusal(rule) == NEVER.format(*missing)


def test_a_group_with_no_members_can_never_be_met() -> None:
    head = "version: 1\ngroups: {e: {}}\nrules:\n"

    assert rule_refusal("require: [{group: e}]", head) == NEVER.format(1, "e", 0)


@pytest.mark.parametrize(
    "rule",
    [
        "require: [{group: g, approvals: 2}]",
        "require: [{group: g}, {group: h}]",
        "stages: [[{group: g}], [{group: h}]]",
        "require: [{group: x, approvals: 20}, {group: s, approvals: 20}]",
        "require: [{group: x, approvals: 20}, {group: g, approvals: 2}]",
    ],
)
def test_a_quorum_that_just_enough_people_can_meet_is_read(rule: str) -> None:
    assert rule_of(rule).effect is Effect.REQUIRE


def test_members_from_elsewhere_are_as_many_as_seats_can_be() -> None:
    assert (
        rule_of("stages: [[{group: s, approvals: 20}], [{group: s, approvals: 20}]]").requirement.seats_total
        == 40
    )


def test_a_person_named_by_the_policy_and_strangers_add_up() -> None:
    head = "version: 1\ngroups: {m: {members: [person:a], slack_usergroup: S1}}\nrules:\n"

    assert load("require: [{group: m, approvals: 20}]", head).rules[0].requirement.seats_total == 20


def test_more_denials_than_people_is_refused_and_as_many_is_read() -> None:
    assert rule_refusal(f"{SEAT}, deny_threshold: 3") == "deny_threshold is 3, but only 2 people may vote."
    assert rule_of(f"{SEAT}, deny_threshold: 2").requirement.deny_threshold == 2


@pytest.mark.parametrize(
    "rule",
    [
        "require: [{group: zz}]",
        "stages: [[{group: g}], [{group: zz}]]",
        f"{SEAT}, escalate: {{after: 1m, to: [h, 'group:zz']}}",
        f"{SEAT}, preview: {{reveal: 'group:zz'}}",
        "allow: true, preview: {reveal: zz}",
    ],
)
def test_a_group_that_does_not_exist_is_refused(rule: str) -> None:
    assert rule_refusal(rule) == "group 'zz' is not among the policy's groups: g, h, s, x."


def test_a_policy_without_groups_says_so() -> None:
    head = "version: 1\nrules:\n"

    assert rule_refusal(SEAT, head) == "group 'g' is not among the policy's groups: there are none."


# --- settings ---------------------------------------------------------------------------------------------

SPANS = [
    ("decide_within", "10s", "7d", "9s", "7d1s", "0:00:10", "7 days, 0:00:00"),
    ("grant_valid_for", "10s", "24h", "9s", "24h1s", "0:00:10", "1 day, 0:00:00"),
]


@pytest.mark.parametrize(("name", "low", "high", "below", "past", "least", "most"), SPANS)
def test_a_span_of_time_lies_within_its_limits(
    name: str, low: str, high: str, below: str, past: str, least: str, most: str
) -> None:
    for text in (low, high):
        assert rule_of(f"{SEAT}, {name}: {text}")
    for text in (below, past):
        assert rule_refusal(f"{SEAT}, {name}: {text}") == f"{name} must lie between {least} and {most}."
    assert rule_refusal(f"{SEAT}, {name}: soon") == (
        f"{name}: 'soon' is not a duration; write for example 90s, 30m, 12h, 7d or 1h30m."
    )


def test_a_requirement_has_the_stated_defaults() -> None:
    assert rule_of(SEAT).requirement == Requirement(
        stages=(Stage((SeatGroup(GroupName("g"), 1),)),),
        decide_within=timedelta(minutes=30),
        grant_valid_for=timedelta(minutes=5),
    )
    assert rule_of(SEAT).cumulative is None


def test_i13_an_assurance_that_no_sign_in_gives_is_refused_like_a_quorum_that_nobody_can_meet() -> None:
    assert rule_refusal("require: [{group: g}], assurance: webauthn") == (
        "assurance: webauthn can be reached by nobody, since no sign-in here gives it; write console."
    )


def test_every_setting_of_a_requirement_is_read() -> None:
    rule = rule_of(
        "stages: [[{group: g}], [{group: h}, {group: x, approvals: 2}]], decide_within: 1h, grant_valid_for: 10m,"
        " deny_threshold: 2, surfaces: ['slack:#ops', api, 'teams:a', api], remind_after: [20m, 10m],"
        " escalate: {after: 30m, to: ['group:h', x]}, assurance: console,"
        " preview: {show: [b, a], reveal: 'group:g'}, recheck_at_redeem: true, notify_direct: true,"
        " second_look: 10s, no_reciprocal_within: 24h, wants_resolved: true"
    )

    assert rule.name == "r"
    assert rule.when == "true"
    assert rule.requirement == Requirement(
        stages=(
            Stage((SeatGroup(GroupName("g"), 1),)),
            Stage((SeatGroup(GroupName("h"), 1), SeatGroup(GroupName("x"), 2))),
        ),
        decide_within=timedelta(hours=1),
        grant_valid_for=timedelta(minutes=10),
        deny_threshold=2,
        surfaces=("slack:#ops", "api", "teams:a", "console"),
        remind_after=(timedelta(minutes=10), timedelta(minutes=20)),
        escalate_after=timedelta(minutes=30),
        escalate_to=(GroupName("h"), GroupName("x")),
        assurance=Assurance.CONSOLE,
        show=("b", "a"),
        reveal=GroupName("g"),
        recheck_at_redeem=True,
        notify_direct=True,
        second_look=timedelta(seconds=10),
        no_reciprocal_within=timedelta(hours=24),
        wants_resolved=True,
    )


@pytest.mark.parametrize("surface", ["console", "api", "slack:C", "teams:x", "slack:#a"])
def test_a_surface(surface: str) -> None:
    assert surface in rule_of(f"{SEAT}, surfaces: ['{surface}']").requirement.surfaces


@pytest.mark.parametrize("surface", ["mail", "slack", "slack:", "teams:", "Slack:x", "consoles", "xslack:c"])
def test_no_surface(surface: str) -> None:
    assert rule_refusal(f"{SEAT}, surfaces: ['{surface}']") == (
        f"surface {surface!r} must be console, api, slack:CHANNEL or teams:CHANNEL."
    )


def test_a_reminder_or_an_escalation_that_would_never_happen_is_refused() -> None:
    never = "is not before decide_within, so it would never happen."

    assert rule_refusal(f"{SEAT}, remind_after: [1m, 30m]") == f"remind_after {never}"
    assert rule_refusal(f"{SEAT}, remind_after: [31m]") == f"remind_after {never}"
    assert rule_refusal(f"{SEAT}, escalate: {{after: 30m, to: [g]}}") == f"escalate.after {never}"
    assert rule_of(f"{SEAT}, remind_after: [29m59s]").requirement.remind_after == (
        timedelta(minutes=29, seconds=59),
    )
    assert rule_of(f"{SEAT}, escalate: {{after: 29m59s, to: [g]}}").requirement.escalate_after == timedelta(
        minutes=29, seconds=59
    )


def test_times_of_reminders_and_escalation_are_durations() -> None:
    words = "'x' is not a duration; write for example 90s, 30m, 12h, 7d or 1h30m."

    assert rule_refusal(f"{SEAT}, remind_after: [x]") == f"remind_after: {words}"
    assert rule_refusal(f"{SEAT}, escalate: {{after: x, to: [g]}}") == f"escalate.after: {words}"


def window(text: str) -> str:
    return f"{SEAT}, cumulative: {{{text}}}"


def test_a_window_is_read_with_its_parts_in_one_order() -> None:
    assert rule_of(window("within: 24h, above: 3, per: [resource, agent, agent]")).cumulative == Cumulative(
        "1", timedelta(hours=24), 3.0, ("agent", "resource")
    )
    assert rule_of(
        window("within: 24h, above: 3, per: [on_behalf_of, action], amount: parameters.rows")
    ).cumulative == Cumulative("parameters.rows", timedelta(hours=24), 3.0, ("action", "on_behalf_of"))


@pytest.mark.parametrize("above", ["0", "0.5", "999999999999999"])
def test_what_a_window_may_sum_up_to(above: str) -> None:
    assert rule_of(window(f"within: 1h, above: {above}, per: [agent]")).cumulative.above == float(above)


@pytest.mark.parametrize("above", ["-1", "-0.5", "1e15", "1e20"])
def test_what_a_window_may_not_sum_up_to(above: str) -> None:
    assert rule_refusal(window(f"within: 1h, above: {above}, per: [agent]")) == (
        "cumulative.above must be a number from 0 to 10^15."
    )


@pytest.mark.parametrize("within", ["1m", "400d"])
def test_how_long_a_window_may_be(within: str) -> None:
    assert rule_of(window(f"within: {within}, above: 1, per: [agent]")).cumulative


@pytest.mark.parametrize("within", ["59s", "400d1s"])
def test_how_long_a_window_may_not_be(within: str) -> None:
    assert rule_refusal(window(f"within: {within}, above: 1, per: [agent]")) == (
        "cumulative.within must lie between 0:01:00 and 400 days, 0:00:00."
    )


# --- how long a chat's new members wait (T31) ------------------------------------------------------------


def group_of(text: str) -> Group:
    return load_policy(f"version: 1\ngroups: {{g: {{{text}}}}}\nrules: []\n").groups[GroupName("g")]


@pytest.mark.parametrize(
    ("text", "hold"),
    [
        ("", timedelta(minutes=15)),
        (", hold: '0'", timedelta()),
        (", hold: 0s", timedelta()),
        (", hold: 0m", timedelta()),
        (", hold: 0h", timedelta()),
        (", hold: 1s", timedelta(seconds=1)),
        (", hold: 30d", timedelta(days=30)),
    ],
)
def test_t31_a_user_group_says_how_long_new_members_wait(text: str, hold: timedelta) -> None:
    assert group_of(f"slack_usergroup: S1{text}").hold == hold


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("slack_usergroup: S1, hold: 30d1s", "Group 'g': hold is at most 30 days."),
        ("slack_usergroup: S1, hold: 31d", "Group 'g': hold is at most 30 days."),
        ("slack_usergroup: S1, hold: 720h1s", "Group 'g': hold is at most 30 days."),
        ("slack_usergroup: S1, hold: soon", "Group 'g': hold: "),
        ("members: [person:a], hold: 1h", "Group 'g': hold is about a slack_usergroup, and there is none."),
    ],
)
def test_t31_a_hold_that_cannot_be_is_refused(text: str, says: str) -> None:
    assert refusal(f"version: 1\ngroups: {{g: {{{text}}}}}\nrules: []\n").startswith(says)
