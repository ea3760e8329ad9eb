"""A policy that cannot be loaded says on which line: the one to change, or the rule that it is about."""

from __future__ import annotations

import pytest

from bot.core.policy_load import PolicyError, load_policy

GOOD = """version: 1
denial_memory: 15m
groups:
  owners:
    members: [person:ana, person:bo]
rules:
  - name: export
    when: action == "db.export"
    require: [{group: owners}]
    decide_within: 30m
  - name: rest
    when: "true"
    deny: true
"""


def line_of(old: str, new: str) -> int | None:
    assert old in GOOD
    with pytest.raises(PolicyError) as refused:
        load_policy(GOOD.replace(old, new, 1))
    return refused.value.line


def test_the_sample_itself_loads() -> None:
    assert [rule.name for rule in load_policy(GOOD).rules] == ["export", "rest"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("version: 1", "version: 2", 1),
        ("version: 1", "version: 1\nversoin: 1", 2),
        ("15m", "15x", 2),
        ("person:bo", "bo", 4),
        ("members:", "membres:", 5),
        ("[person:ana, person:bo]", "person:ana", 5),
        ('action == "db.export"', "nope", 8),
        ("decide_within: 30m", "cumulative: {amount: 'nope +', within: 1h, above: 1, per: [agent]}", 10),
        ("group: owners", "group: onwers", 7),
        ("{group: owners}", "{group: owners, approvals: 0}", 9),
        ("decide_within: 30m", "decide_within: 1s", 10),
        ("decide_within: 30m", "decide_wihtin: 30m", 10),
        ("name: rest", "name: export", 11),
        ("deny: true", "deny: true\n    assurance: console", 11),
        ("deny: true", "deny: true\n    deny: true", 14),
        ("deny: true", "deny: &a true", 13),
    ],
)
def test_the_line_to_look_at_is_said(old: str, new: str, line: int) -> None:
    assert line_of(old, new) == line


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('- name: rest\n    when: "true"', '- when: "true"\n    name: export', 12),  # the name, not the rule
        ("denial_memory: 15m", "editor_cool_down: 15x", 2),
        ("rules:", "  others: {membres: [person:cy]}\nrules:", 6),  # of two groups the one that has it
        (
            "    members: [person:ana, person:bo]\n",
            "    membres: []\n  others: {membres: []}\n",
            3,
        ),  # of both: where groups begin
    ],
)
def test_the_line_is_that_of_the_word_itself(old: str, new: str, line: int) -> None:
    assert line_of(old, new) == line


def test_what_no_line_is_to_blame_for_has_none() -> None:
    with pytest.raises(PolicyError) as refused:
        load_policy("")

    assert refused.value.line is None
