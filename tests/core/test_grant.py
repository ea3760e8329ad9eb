"""A grant says what was approved, for whom, until when; anything else that is presented spends nothing: I4, I5, I6, T48."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.core.grant import TYP, claims, may_redeem, seconds
from bot.core.ids import AgentId, Digest, GrantId, RequestId
from bot.core.reasons import Reason, Refused
from bot.core.request import Grant, GrantState

ISSUER = "https://signoff.example"
ISSUED = datetime(2026, 11, 23, 9, 0, 0, 250_000, tzinfo=UTC)
USE_BY = ISSUED + timedelta(minutes=5)
INSTANT = timedelta(microseconds=1)
PAYLOAD = Digest("sha256:" + "ab" * 32)
GRANT = Grant(
    id=GrantId("grt_01jdc3ne6he2xbe0g00g40r40m"),
    request=RequestId("req_01jdc3ne6he2xbe0g00g40r40m"),
    agent=AgentId("agent:bot"),
    payload_hash=PAYLOAD,
    policy_hash=Digest("sha256:" + "cd" * 32),
    issued_at=ISSUED,
    use_by=USE_BY,
    epoch=3,
)
FROZEN = (
    '{"aud":"agent:bot","epo":3,"exp":1795424700,"iat":1795424400,"iss":"https://signoff.example",'
    '"jti":"grt_01jdc3ne6he2xbe0g00g40r40m","nbf":1795424400,"pah":"sha256:' + "ab" * 32 + '",'
    '"pol":"sha256:' + "cd" * 32 + '","req":"req_01jdc3ne6he2xbe0g00g40r40m","sub":"agent:bot"}'
)
"""Executors of other makers read these names and units: a change breaks them."""


def redeem(grant: Grant = GRANT, presented: dict | None = None, **changes) -> Refused | None:
    given = {
        "issuer": ISSUER,
        "agent": grant.agent,
        "payload_hash": PAYLOAD,
        "epoch": 3,
        "now": ISSUED + timedelta(minutes=1),
    } | changes
    return may_redeem(grant, claims(grant, ISSUER) if presented is None else presented, **given)


def test_the_claims_are_frozen() -> None:
    assert json.dumps(claims(GRANT, ISSUER), sort_keys=True, separators=(",", ":")) == FROZEN
    assert TYP == "approval-grant+jwt"


def test_seconds_are_rounded_down_whatever_the_zone() -> None:
    assert seconds(datetime(1970, 1, 1, 0, 0, 1, 999_999, tzinfo=UTC)) == 1
    assert seconds(datetime(1970, 1, 1, 2, 0, 5, tzinfo=timezone(timedelta(hours=2)))) == 5


def test_the_grant_as_it_was_issued_is_spent() -> None:
    assert redeem() is None


@pytest.mark.parametrize("name", sorted(claims(GRANT, ISSUER)))
@pytest.mark.parametrize("change", ["other", "missing", "another type"])
def test_a_token_that_differs_in_one_claim_is_invalid_i4(name: str, change: str) -> None:
    presented = claims(GRANT, ISSUER)
    if change == "missing":
        del presented[name]
    elif change == "other":
        presented[name] = presented[name] + (1 if isinstance(presented[name], int) else "x")
    else:
        presented[name] = [presented[name]]

    assert redeem(presented=presented) == Refused(Reason.GRANT_INVALID)


def test_a_claim_too_many_is_invalid() -> None:
    assert redeem(presented=claims(GRANT, ISSUER) | {"adm": True}) == Refused(Reason.GRANT_INVALID)


def test_no_claims_are_invalid() -> None:
    assert redeem(presented={}) == Refused(Reason.GRANT_INVALID)


def test_another_issuers_token_is_invalid() -> None:
    assert redeem(issuer="https://signoff.example/") == Refused(Reason.GRANT_INVALID)


def test_another_agent_cannot_spend_it() -> None:
    assert redeem(agent=AgentId("agent:other")) == Refused(Reason.WRONG_AGENT)


@pytest.mark.parametrize("epoch", [2, 4])
def test_a_grant_of_another_epoch_is_void_t48(epoch: int) -> None:
    assert redeem(epoch=epoch) == Refused(Reason.GRANT_EPOCH)


STATES = {
    GrantState.ISSUED: None,
    GrantState.REDEEMED: Reason.GRANT_SPENT,
    GrantState.SUCCEEDED: Reason.GRANT_SPENT,
    GrantState.FAILED: Reason.GRANT_SPENT,
    GrantState.INDETERMINATE: Reason.GRANT_SPENT,
    GrantState.LAPSED: Reason.GRANT_LAPSED,
    GrantState.REVOKED: Reason.GRANT_REVOKED,
}


@pytest.mark.parametrize("state", GrantState)
def test_only_an_issued_grant_is_spent_i5(state: GrantState) -> None:
    reason = STATES[state]

    assert redeem(replace(GRANT, state=state)) == (None if reason is None else Refused(reason))


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (ISSUED - timedelta(days=1), Reason.GRANT_EARLY),
        (ISSUED - INSTANT, Reason.GRANT_EARLY),
        (ISSUED, None),
        (ISSUED + INSTANT, None),
        (USE_BY - INSTANT, None),
        (USE_BY, Reason.GRANT_LAPSED),
        (USE_BY + INSTANT, Reason.GRANT_LAPSED),
        (USE_BY + timedelta(days=1), Reason.GRANT_LAPSED),
    ],
)
def test_the_stored_instants_decide_not_the_rounded_claims_i6(now: datetime, reason: Reason | None) -> None:
    assert redeem(now=now) == (None if reason is None else Refused(reason))


def test_other_bytes_than_those_approved_spend_nothing_i4() -> None:
    assert redeem(payload_hash=Digest("sha256:" + "ac" * 32)) == Refused(Reason.WRONG_PAYLOAD)


def test_the_first_fault_is_the_one_that_is_said() -> None:
    wrong = {
        "agent": AgentId("agent:other"),
        "epoch": 9,
        "now": USE_BY,
        "payload_hash": Digest("sha256:" + "00" * 32),
    }
    revoked = replace(GRANT, state=GrantState.REVOKED)

    assert redeem(revoked, {}, **wrong) == Refused(Reason.GRANT_INVALID)
    assert redeem(revoked, **wrong) == Refused(Reason.WRONG_AGENT)
    assert redeem(revoked, **wrong | {"agent": GRANT.agent}) == Refused(Reason.GRANT_EPOCH)
    assert redeem(revoked, **wrong | {"agent": GRANT.agent, "epoch": 3}) == Refused(Reason.GRANT_REVOKED)
    assert redeem(**wrong | {"agent": GRANT.agent, "epoch": 3}) == Refused(Reason.GRANT_LAPSED)
