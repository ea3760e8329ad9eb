"""The closed sets of the domain are frozen, and the few properties that values have are what they say."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import timedelta

import pytest

from bot.core.ids import AgentId, GroupName
from bot.core.people import AgentKey, KeyKind, Role
from bot.core.policy import EMPTY, NO_HASH, Effect, Requirement, Stage, describe, words
from bot.core.request import Assurance, Choice, GrantState, RequestState, SeatGroup
from tests.support.clock import START
from tests.support.rand import SeededRand
from tests.support.things import a_request

CLOSED = {
    RequestState: ["pending", "approved", "denied", "expired", "cancelled"],
    GrantState: ["issued", "redeemed", "succeeded", "failed", "indeterminate", "lapsed", "revoked"],
    Choice: ["approve", "deny"],
    Assurance: ["chat", "console", "webauthn"],
    Effect: ["allow", "deny", "require"],
    Role: ["admin", "auditor"],
    KeyKind: ["api", "hmac"],
}
"""Stored in databases and said in APIs."""


@pytest.mark.parametrize("kind", CLOSED, ids=lambda kind: kind.__name__)
def test_a_closed_set_is_frozen(kind) -> None:
    assert [member.value for member in kind] == CLOSED[kind]


def test_only_pending_is_open() -> None:
    assert [state for state in RequestState if state.is_open] == [RequestState.PENDING]


def test_assurance_grows_from_chat_to_a_second_factor() -> None:
    assert [assurance.rank for assurance in Assurance] == [0, 1, 2]


def test_a_request_cannot_be_changed_in_place() -> None:
    request = a_request(SeededRand(1))

    with pytest.raises(FrozenInstanceError):
        request.state = RequestState.APPROVED


def test_a_missing_policy_has_no_rules_and_a_hash_of_nothing_i13() -> None:
    assert EMPTY.rules == ()
    assert EMPTY.groups == {}
    assert EMPTY.revision == 0
    assert EMPTY.hash == NO_HASH == "sha256:" + "0" * 64


def requirement(*stages: tuple[tuple[str, int], ...], **changes) -> Requirement:
    fields = {"decide_within": timedelta(minutes=30), "grant_valid_for": timedelta(minutes=5)}
    return Requirement(
        tuple(Stage(tuple(SeatGroup(GroupName(g), n) for g, n in stage)) for stage in stages),
        **(fields | changes),
    )


def test_a_requirement_counts_its_seats_and_names_its_groups() -> None:
    asked = requirement((("owners", 2), ("security", 1)), (("owners", 1),))

    assert asked.seats_total == 4
    assert asked.groups == {"owners", "security"}
    assert requirement().seats_total == 0
    assert requirement().groups == frozenset()


WORDS = {
    timedelta(): "0 seconds",
    timedelta(seconds=1): "1 second",
    timedelta(seconds=59): "59 seconds",
    timedelta(minutes=1): "1 minute",
    timedelta(minutes=30): "30 minutes",
    timedelta(minutes=90): "1 hour 30 minutes",
    timedelta(hours=2, seconds=5): "2 hours 5 seconds",
    timedelta(days=1): "1 day",
    timedelta(days=2, hours=3, minutes=4, seconds=5): "2 days 3 hours",
    timedelta(seconds=1, microseconds=999_999): "1 second",
}


@pytest.mark.parametrize("delta", WORDS, ids=str)
def test_a_duration_in_words(delta: timedelta) -> None:
    assert words(delta) == WORDS[delta]


TAIL = "Decide within 30 minutes; the grant is valid for 5 minutes."


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (requirement(), "The policy decides this by itself; nobody is asked."),
        (requirement((("owners", 1),)), f"Needs approval by 1 of owners; one denial decides. {TAIL}"),
        (
            requirement((("owners", 2), ("security", 1)), deny_threshold=2),
            f"Needs approval by 2 of owners and 1 of security; 2 denials decide. {TAIL}",
        ),
        (
            requirement((("owners", 1),), (("security", 3),), assurance=Assurance.WEBAUTHN),
            (
                "Needs approval by 1 of owners, then 3 of security; one denial decides. "
                f"{TAIL} Approval needs webauthn sign-in."
            ),
        ),
        (
            requirement((("owners", 1),), assurance=Assurance.CONSOLE),
            f"Needs approval by 1 of owners; one denial decides. {TAIL} Approval needs console sign-in.",
        ),
    ],
)
def test_a_requirement_in_words(asked: Requirement, sentence: str) -> None:
    assert describe(asked) == sentence


@pytest.mark.parametrize(
    ("expires", "revoked", "live"),
    [
        (None, None, True),
        (timedelta(microseconds=1), None, True),
        (timedelta(), None, False),
        (None, timedelta(), False),
    ],
)
def test_a_key_works_until_it_is_revoked_or_at_its_end(expires, revoked, live) -> None:
    key = AgentKey(
        "k",
        AgentId("agent:bot"),
        KeyKind.API,
        b"m",
        START,
        START + expires if expires is not None else None,
        START + revoked if revoked is not None else None,
    )

    assert key.is_live(START) is live
