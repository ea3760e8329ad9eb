"""docs/assurance.md names only tests that are there, and no invariant is without one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "assurance.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", TEXT)))
PEERS = (
    "test_empty_signing_secret_refuses_start", "test_click_uses_same_authorizer_as_api", "test_empty_approver_list_means_nobody",
    "test_body_cannot_claim_approval", "test_executed_bytes_equal_approved_bytes", "test_quorum_counts_persons_not_votes",
    "test_same_email_other_tenant_is_a_stranger",
)  # fmt: skip


@cache
def _tests(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


def _rows(kind: str) -> dict[str, str]:
    return dict(re.findall(rf"^\| ({kind}\d+) \|(.*)$", TEXT, re.MULTILINE))


def test_the_page_names_tests():
    assert len(NAMED) > 60


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_is_named_exists(file: str, name: str):
    assert (ROOT / file).is_file(), file
    assert name in _tests(file)


@pytest.mark.parametrize("number", range(1, 15))
def test_every_invariant_has_a_row_and_a_test_of_its_own_name(number: int):
    assert "::test_" in _rows("I")[f"I{number}"]
    every = {name for path in (ROOT / "tests").rglob("*.py") for name in _tests(str(path.relative_to(ROOT)))}
    assert [name for name in every if re.search(rf"_i{number}(_|$)", name)]


def test_every_threat_of_the_table_has_a_test_and_is_not_listed_as_unclaimed():
    unclaimed = TEXT.rpartition("Threats without a row above (")[2].partition(")")[0]
    spans = re.findall(r"T(\d\d)(?:–T(\d\d))?", unclaimed)
    without = {n for first, last in spans for n in range(int(first), int(last or first) + 1)}
    rows = {int(name[1:]) for name, text in _rows("T").items() if "::test_" in text}

    assert rows | without == set(range(1, 58))
    assert not rows & without


@pytest.mark.parametrize("name", PEERS)
def test_the_seven_failures_of_peers_are_tests_by_their_names(name: str):
    assert name in _tests("tests/flows/test_peer_failures.py")
