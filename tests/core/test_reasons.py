"""Every refusal has a stable code and a sentence that says what to do next."""

from __future__ import annotations

import re

import pytest

from bot.core.reasons import SENTENCES, Reason, Refused

CODES = [
    "no-rule",
    "policy-denies",
    "policy-error",
    "policy-missing",
    "masking-failed",
    "agent-unknown",
    "agent-disabled",
    "agent-unowned",
    "agent-scope",
    "pending-cap",
    "rate-limit",
    "denied-before",
    "frozen",
    "behalf-unknown",
    "key-reused",
    "callback-forbidden",
    "not-found",
    "unmapped",
    "person-disabled",
    "not-eligible",
    "separated",
    "already-voted",
    "no-vote",
    "late",
    "closed",
    "stale-card",
    "incomplete-preview",
    "assurance",
    "surface",
    "cool-down",
    "reason-required",
    "directory-down",
    "not-requester",
    "grant-invalid",
    "grant-spent",
    "grant-lapsed",
    "grant-early",
    "grant-revoked",
    "grant-epoch",
    "wrong-agent",
    "wrong-payload",
    "approvers-changed",
    "not-redeemed",
    "outcome-known",
    "not-entitled",
    "step-up",
    "reveal-rate",
    "shredded",
    "not-admin",
    "audit-unavailable",
    "link-unconfirmed",
    "not-confirmer",
]
"""Frozen: written to audit logs and API answers. A code is never renamed, reused or taken away."""

FINAL = {
    Reason.POLICY_DENIES,
    Reason.ALREADY_VOTED,
    Reason.NO_VOTE,
    Reason.CLOSED,
    Reason.GRANT_SPENT,
    Reason.OUTCOME_KNOWN,
    Reason.SHREDDED,
}
"""Nothing can be done about these: the sentence states the fact, and no next step would be honest."""


def test_the_codes_are_frozen() -> None:
    assert [reason.value for reason in Reason] == CODES


def test_codes_are_unique_and_names_say_the_same() -> None:
    assert len(set(CODES)) == len(CODES)
    assert [reason.name.lower().replace("_", "-") for reason in Reason] == CODES


def test_every_reason_has_a_sentence_and_no_sentence_is_left_over() -> None:
    assert set(SENTENCES) == set(Reason)


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.value)
def test_a_sentence_is_a_sentence_of_its_own(reason: Reason) -> None:
    sentence = SENTENCES[reason]

    assert re.fullmatch(r"[A-Z].{15,180}\.(?: \(ABF\d{3}\))?", sentence)
    assert list(SENTENCES.values()).count(sentence) == 1
    assert "unknown error" not in sentence.lower()
    assert "{" not in sentence


NEXT_STEP = re.compile(
    r"\b(Ask|Send|Wait|Load|Give|Use|Try|Open|Look|Present|Redeem|Deny|Check|Only the agent|must|give|sign in)\b"
    r"|\basked again\b|\bask again\b|\bcan switch it on\b|\bdenials still work\b"
)


@pytest.mark.parametrize("reason", sorted(set(Reason) - FINAL), ids=lambda reason: reason.value)
def test_a_sentence_says_what_to_do(reason: Reason) -> None:
    assert NEXT_STEP.search(SENTENCES[reason]), SENTENCES[reason]


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.value)
def test_a_refusal_speaks_its_reasons_sentence(reason: Reason) -> None:
    assert Refused(reason).sentence == SENTENCES[reason]
    assert Refused(reason, "Not yet.").sentence == f"{SENTENCES[reason]} Not yet."
