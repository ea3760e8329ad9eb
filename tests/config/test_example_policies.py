"""The shipped policies decide as their cases say, and the cases leave no rule untried."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.policy_cases import read_cases, run
from bot.core.policy_load import load_policy

FOLDER = Path(__file__).parents[2] / "examples/policies"
POLICIES = sorted(path for path in FOLDER.glob("*.yaml") if not path.name.endswith(".test.yaml"))


def _judged(policy_file):
    cases = read_cases(policy_file.with_suffix(".test.yaml").read_bytes())
    assert cases.policy == policy_file.name
    policy = load_policy(policy_file.read_text())
    return policy, run(policy, cases)


def test_all_eight_are_shipped():
    assert {path.stem for path in POLICIES} == {
        "export-customer-records", "privilege-escalation", "infrastructure-change", "object-store-write",
        "fine-tuning", "user-analytics", "customer-mail", "payments",
    }  # fmt: skip


@pytest.mark.parametrize("policy_file", POLICIES, ids=lambda path: path.stem)
def test_every_case_holds(policy_file):
    _, results = _judged(policy_file)

    assert [(result.name, result.faults) for result in results if result.faults] == []


@pytest.mark.parametrize("policy_file", POLICIES, ids=lambda path: path.stem)
def test_every_rule_decides_some_case(policy_file):
    policy, results = _judged(policy_file)

    assert {rule.name for rule in policy.rules} - {result.judged.rule for result in results} == set()


@pytest.mark.parametrize("policy_file", POLICIES, ids=lambda path: path.stem)
def test_a_case_that_expects_something_else_fails(policy_file):
    cases = read_cases(
        policy_file.with_suffix(".test.yaml").read_text().replace("effect: allow", "effect: deny", 1)
    )

    assert any(result.faults for result in run(load_policy(policy_file.read_text()), cases))
