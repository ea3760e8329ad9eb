"""The override of the quorum in the pure core: who, when, and how it is written in a policy (T43)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.policy import BreakGlass, Policy, Stage, describe
from bot.core.policy_load import PolicyError, load_policy
from bot.core.preview import BROKEN
from bot.core.quorum import Ballot, Case, Facts, Override, step
from bot.core.reasons import Reason, Refused
from bot.core.request import Assurance, Choice, RequestState, SeatGroup

DEADLINE = datetime(2026, 11, 23, 12, tzinfo=UTC)
EARLY = DEADLINE - timedelta(microseconds=1)
CASE = Case((Stage((SeatGroup("g", 2),)),), frozenset({"eve"}), DEADLINE, glass="sre")
MEMBERS = {p: frozenset({"sre"}) for p in ("sam", "eve", "flo", "off")} | {"ana": frozenset({"g"})}
FACTS = Facts(MEMBERS, disabled=frozenset({"off"}), separated_now=frozenset({"flo"}))


def test_t43_one_of_the_group_approves_alone_and_no_ballot_is_added() -> None:
    voted = replace(CASE, ballots=(Ballot("ana", Choice.APPROVE),))

    assert step(voted, Override("sam"), EARLY, FACTS) == replace(voted, state=RequestState.APPROVED)


@pytest.mark.parametrize(
    ("case", "event", "now", "facts", "why"),
    [
        (replace(CASE, glass=None), Override("sam"), EARLY, FACTS, Reason.BREAK_GLASS_OFF),
        (CASE, Override("sam"), DEADLINE, FACTS, Reason.LATE),
        (replace(CASE, state=RequestState.DENIED), Override("sam"), EARLY, FACTS, Reason.CLOSED),
        (CASE, Override("sam"), EARLY, replace(FACTS, membership=None), Reason.DIRECTORY_DOWN),
        (CASE, Override("off"), EARLY, FACTS, Reason.PERSON_DISABLED),
        (CASE, Override("eve"), EARLY, FACTS, Reason.SEPARATED),
        (CASE, Override("flo"), EARLY, FACTS, Reason.SEPARATED),
        (CASE, Override("ana"), EARLY, FACTS, Reason.NOT_ELIGIBLE),
        (CASE, Override("stranger"), EARLY, FACTS, Reason.NOT_ELIGIBLE),
        (CASE, Override("sam"), EARLY, replace(FACTS, frozen=True), Reason.FROZEN),
        (CASE, Override("sam", Assurance.CHAT), EARLY, FACTS, Reason.ASSURANCE),
        (replace(CASE, assurance=Assurance.WEBAUTHN), Override("sam"), EARLY, FACTS, Reason.ASSURANCE),
    ],
)
def test_t43_everything_else_is_refused(
    case: Case, event: Override, now: datetime, facts: Facts, why: Reason
) -> None:
    assert step(case, event, now, facts) == Refused(why)


def test_a_rule_that_wants_webauthn_gets_it_from_whoever_breaks_the_glass() -> None:
    strict = replace(CASE, assurance=Assurance.WEBAUTHN)

    assert step(strict, Override("sam", Assurance.WEBAUTHN), EARLY, FACTS) == replace(
        strict, state=RequestState.APPROVED
    )


HEAD = """version: 1
groups:
  g: {members: [person:a, person:b]}
  one: {members: [person:s]}
  two: {members: [person:s, person:t]}
  none: {}
  x: {oidc_claim: approvers}
rules:
  - {name: r, when: "true", require: [{group: g}]}
"""
ALLOWED = '  - {name: q, when: "true", allow: true}\n'


def load(glass: str, rules: str = "") -> Policy:
    return load_policy(f"{HEAD}{rules}break_glass: {glass}\n")


def test_break_glass_is_off_unless_the_policy_says_so() -> None:
    policy = load_policy(HEAD)

    assert policy.break_glass is None
    assert policy.rules[0].requirement.break_glass is None


def test_what_the_policy_says_stands_in_every_rule_that_asks_people_and_in_no_other() -> None:
    policy = load("{group: two, review_within: 24h}", ALLOWED)

    glass = BreakGlass("two", "two", timedelta(hours=24), 3)
    assert policy.break_glass == glass
    assert [rule.requirement.break_glass for rule in policy.rules] == [glass, None]


def test_the_reviewers_may_be_others_and_groups_may_be_written_with_their_prefix() -> None:
    policy = load('{group: "group:one", reviewers: "group:two", review_within: 10m, per_week_max: 100}')

    assert policy.break_glass == BreakGlass("one", "two", timedelta(minutes=10), 100)


@pytest.mark.parametrize(
    "glass", ["{group: x, review_within: 14d}", "{group: one, reviewers: x, review_within: 1h}"]
)
def test_members_from_elsewhere_cannot_be_counted_and_are_let_pass(glass: str) -> None:
    assert load(glass).break_glass is not None


@pytest.mark.parametrize(
    ("glass", "said"),
    [
        ("{group: zz, review_within: 1h}", "break_glass: group 'zz' is not among the policy's groups."),
        (
            "{group: two, reviewers: zz, review_within: 1h}",
            "break_glass: group 'zz' is not among the policy's groups.",
        ),
        (
            "{group: none, review_within: 1h}",
            "break_glass: group 'none' has no members, so nobody could use it. Add some, or remove it.",
        ),
        (
            "{group: one, review_within: 1h}",
            "break_glass: nobody of reviewers 'one' could review a use by person:s. Add another member.",
        ),
        (
            "{group: two, reviewers: one, review_within: 1h}",
            "break_glass: nobody of reviewers 'one' could review a use by person:s. Add another member.",
        ),
        (
            "{group: two, review_within: 9m}",
            "break_glass: review_within must lie between 0:10:00 and 14 days, 0:00:00.",
        ),
        (
            "{group: two, review_within: 15d}",
            "break_glass: review_within must lie between 0:10:00 and 14 days, 0:00:00.",
        ),
        (
            "{group: two, review_within: soon}",
            "break_glass: review_within: 'soon' is not a duration; write for example 90s, 30m, 12h, 7d or 1h30m.",
        ),
    ],
)
def test_a_break_glass_that_could_not_work_is_refused_at_its_line(glass: str, said: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load(glass)

    assert str(refused.value) == said
    assert refused.value.line == 10


@pytest.mark.parametrize("most", ["0", "101"])
def test_the_cap_has_bounds(most: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load(f"{{group: two, review_within: 1h, per_week_max: {most}}}")

    assert "at `$.break_glass.per_week_max`" in str(refused.value)


def test_a_break_glass_that_nothing_would_read_is_refused() -> None:
    text = (
        HEAD.replace("require: [{group: g}]", "deny: true") + "break_glass: {group: two, review_within: 1h}\n"
    )
    with pytest.raises(PolicyError) as refused:
        load_policy(text)

    assert (
        str(refused.value)
        == "break_glass: no rule asks for approvals, so there is nothing to override. Remove it."
    )
    assert refused.value.line == 10


def test_the_rule_in_words_says_that_there_is_a_way_round_it() -> None:
    sentence = describe(load("{group: two, review_within: 24h}").rules[0].requirement)

    assert sentence.endswith(" In an emergency one of two may break the glass, reviewed within 1 day.")
    assert "break the glass" not in describe(load_policy(HEAD).rules[0].requirement)


def test_the_verdict_of_a_broken_request_does_not_say_approved_alone() -> None:
    assert BROKEN == "Approved by break-glass, without the quorum"
