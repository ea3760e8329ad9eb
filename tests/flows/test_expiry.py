"""Time over a real server: with the scheduler running, and with one that never runs. Ten real seconds, the least a policy allows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.flows.steps import ask, body, look, payload_of, redeem, vote
from tests.support.http import ConsoleVisitor, problem
from tests.support.server import Site, running


@dataclass
class Late:
    """A site on which everything below was asked more than ten seconds ago.

    `unseen` is touched by nobody; what a test does to a request it does to `voted` or `refused`, so that the order of the tests is free.
    """

    site: Site
    voted: str
    unseen: str
    refused: str
    grant: dict[str, Any]
    payload: dict[str, Any]
    decide_by: str


@pytest.fixture(scope="module", params=["scheduler running", "scheduler stopped"])
def late(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Late]:
    with running(
        tmp_path_factory.mktemp("late") / "signoff", still=request.param == "scheduler stopped"
    ) as site:
        voted = ask(site, asked=body(decide_within_seconds=10))
        unseen = ask(site, asked=body(decide_within_seconds=10))["id"]
        refused = ask(site, asked=body(decide_within_seconds=10))["id"]
        assert vote(site, "ana", voted["id"]).status_code == 200
        dropped = body(action="db.drop")
        drop = ask(site, asked=dropped)["id"]
        assert vote(site, "ana", drop).json()["decided"]
        grant = look(site, drop)["grant"]
        time.sleep(11)
        yield Late(site, voted["id"], unseen, refused, grant, payload_of(dropped), voted["decide_by"])


def is_still(late: Late) -> bool:
    return "request.expired" not in late.site.entries(late.unseen)


def test_i6_t37_the_scheduler_records_expiry_when_it_runs_and_only_then(
    late: Late, request: pytest.FixtureRequest
):
    should_be_still = "stopped" in request.node.callspec.id

    assert is_still(late) is should_be_still
    states = late.site.rows("SELECT state FROM request WHERE id = ?", late.unseen)
    assert states == [("pending" if should_be_still else "expired",)]


def test_i6_t37_an_agent_sees_it_expired_whether_or_not_that_was_recorded(late: Late):
    assert look(late.site, late.unseen)["state"] == "expired"
    assert look(late.site, late.unseen)["grant"] is None


def test_i6_t37_a_late_vote_by_api_or_console_does_not_decide(late: Late):
    by_api = vote(late.site, "bo", late.voted)
    with ConsoleVisitor(late.site, "cy") as cy:
        by_console = cy.vote(late.voted, "approve", version=2)

    assert problem(by_api) in [(409, "late"), (409, "closed")]
    assert by_console.status_code == 409
    assert look(late.site, late.voted)["state"] == "expired"
    assert late.site.rows("SELECT count(*) FROM grant_ WHERE request = ?", late.voted) == [(0,)]
    entries = late.site.entries(late.voted)
    assert entries.count("vote.cast") == 1
    assert entries.count("request.expired") == 1
    assert "decision.approved" not in entries


def test_i5_i6_a_grant_is_not_spent_after_its_time(late: Late):
    answer = redeem(late.site, late.grant["token"], late.payload)

    assert problem(answer) == (409, "grant-lapsed")
    assert "grant.used.begin" not in late.site.entries()


def test_i6_a_late_denial_and_a_late_cancel_change_nothing(late: Late):
    denied = vote(late.site, "ana", late.refused, "deny", comment="too late")
    cancelled = late.site.call("bot", "POST", f"/v1/requests/{late.refused}/cancel")

    assert (denied.status_code, cancelled.status_code) == (409, 409)
    assert look(late.site, late.refused)["state"] == "expired"


def test_i7_the_chain_verifies_afterwards(late: Late):
    assert late.site.verify().findings == []
