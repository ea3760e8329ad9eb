"""Why the rules said no: a closed list with stable codes, and the sentence a person reads.

Codes are written to the audit log and to API answers; they are never reused or renamed. A sentence
says what happened, what it means, and what to do next; it holds no value from a request.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """A refusal's stable code."""

    # the request itself
    NO_RULE = "no-rule"
    POLICY_DENIES = "policy-denies"
    POLICY_ERROR = "policy-error"
    POLICY_MISSING = "policy-missing"
    MASKING_FAILED = "masking-failed"
    AGENT_UNKNOWN = "agent-unknown"
    AGENT_DISABLED = "agent-disabled"
    AGENT_UNOWNED = "agent-unowned"
    AGENT_SCOPE = "agent-scope"
    PENDING_CAP = "pending-cap"
    RATE_LIMIT = "rate-limit"
    DENIED_BEFORE = "denied-before"
    FROZEN = "frozen"
    BEHALF_UNKNOWN = "behalf-unknown"
    KEY_REUSED = "key-reused"
    CALLBACK_FORBIDDEN = "callback-forbidden"
    # votes
    NOT_FOUND = "not-found"
    UNMAPPED = "unmapped"
    PERSON_DISABLED = "person-disabled"
    NOT_ELIGIBLE = "not-eligible"
    SEPARATED = "separated"
    ALREADY_VOTED = "already-voted"
    NO_VOTE = "no-vote"
    LATE = "late"
    CLOSED = "closed"
    STALE_CARD = "stale-card"
    INCOMPLETE_PREVIEW = "incomplete-preview"
    ASSURANCE = "assurance"
    SURFACE = "surface"
    COOL_DOWN = "cool-down"
    REASON_REQUIRED = "reason-required"
    DIRECTORY_DOWN = "directory-down"
    NOT_REQUESTER = "not-requester"
    # grants
    GRANT_INVALID = "grant-invalid"
    GRANT_SPENT = "grant-spent"
    GRANT_LAPSED = "grant-lapsed"
    GRANT_EARLY = "grant-early"
    GRANT_REVOKED = "grant-revoked"
    GRANT_EPOCH = "grant-epoch"
    WRONG_AGENT = "wrong-agent"
    WRONG_PAYLOAD = "wrong-payload"
    APPROVERS_CHANGED = "approvers-changed"
    NOT_REDEEMED = "not-redeemed"
    OUTCOME_KNOWN = "outcome-known"
    # looking and administering
    NOT_ENTITLED = "not-entitled"
    STEP_UP = "step-up"
    REVEAL_RATE = "reveal-rate"
    SHREDDED = "shredded"
    NOT_ADMIN = "not-admin"
    AUDIT_UNAVAILABLE = "audit-unavailable"
    # identity, appended: the order of codes is frozen
    LINK_UNCONFIRMED = "link-unconfirmed"
    NOT_CONFIRMER = "not-confirmer"


@dataclass(frozen=True, slots=True)
class Refused:
    """The rules said no. *detail* is fixed text or masked; never a value from the payload."""

    reason: Reason
    detail: str = ""

    @property
    def sentence(self) -> str:
        return SENTENCES[self.reason] + (f" {self.detail}" if self.detail else "")


SENTENCES: Final[dict[Reason, str]] = {
    Reason.NO_RULE: "No policy rule covers this action, so it is denied. Ask a policy editor to add a rule.",
    Reason.POLICY_DENIES: "The policy denies this action.",
    Reason.POLICY_ERROR: "The policy could not be evaluated on this request, so it is denied. The rule's author must mend the condition.",
    Reason.POLICY_MISSING: "There is no valid policy, so nobody may do anything. Load one with `signoff policy check`, then restart.",
    Reason.MASKING_FAILED: "The request could not be masked, so it was not shown to anybody and is refused. Send it again, smaller if it is large.",
    Reason.AGENT_UNKNOWN: "This agent is not known here. Check the key, or ask an administrator to add the agent.",
    Reason.AGENT_DISABLED: "This agent is switched off. An administrator can switch it on again.",
    Reason.AGENT_UNOWNED: "This agent has no owner, so nobody could be held apart from its requests. Give it an owner with `signoff agents`.",
    Reason.AGENT_SCOPE: "This agent's key does not cover this action. Ask an administrator to widen what the agent may ask for.",
    Reason.PENDING_CAP: "This agent already has as many open requests as it may have. Wait for decisions or cancel some.",
    Reason.RATE_LIMIT: "Too many requests in a short time. Wait, then try again.",
    Reason.DENIED_BEFORE: "The same request was denied a short while ago. It may be asked again later.",
    Reason.FROZEN: "Approvals are frozen. Nothing is granted until an administrator lifts the freeze; denials still work.",
    Reason.BEHALF_UNKNOWN: "The person this is asked for is not known here, so separation of duties cannot be checked. Ask an administrator to add the person.",
    Reason.KEY_REUSED: "This Idempotency-Key was used with another body. Use a new key for a new request.",
    Reason.CALLBACK_FORBIDDEN: "The callback address is not on this agent's allow-list. Ask an administrator to add it, or leave it out.",
    Reason.NOT_FOUND: "There is no such request, or you may not see it. Check the address, or ask whoever sent it.",
    Reason.UNMAPPED: "Your account is not linked to a person here, so your vote cannot count. Ask an administrator to link it.",
    Reason.PERSON_DISABLED: "Your access here is switched off. Ask an administrator if that is a mistake.",
    Reason.NOT_ELIGIBLE: "You are not in a group that may decide this request. Ask somebody who is.",
    Reason.SEPARATED: "You asked for this, own the agent that did, or changed the rules it is judged by, so somebody else must decide.",
    Reason.ALREADY_VOTED: "You have already voted on this request; one person counts once.",
    Reason.NO_VOTE: "You have no vote to withdraw on this request.",
    Reason.LATE: "The time to decide has passed; the request has expired and the vote does not count. If it is still needed, the agent must ask again.",
    Reason.CLOSED: "The request is already decided; the vote does not count.",
    Reason.STALE_CARD: "The request changed since you were shown it. Look at it again, then decide.",
    Reason.INCOMPLETE_PREVIEW: "The whole request does not fit where you saw it. Open the full view to approve it.",
    Reason.ASSURANCE: "The policy asks for a stronger sign-in to approve this. Open it in the console.",
    Reason.SURFACE: "The policy does not let this request be decided from here. Open it in the console.",
    Reason.COOL_DOWN: "Your account was linked a short while ago and may not decide yet. Try again after the cool-down, or ask somebody else.",
    Reason.LINK_UNCONFIRMED: "One administrator alone has linked this account, so it opens nothing yet. Use another account of yours to confirm it, or ask a second administrator to.",
    Reason.REASON_REQUIRED: "Please give a reason.",
    Reason.DIRECTORY_DOWN: "Group membership cannot be checked now, so the vote does not count. Try again in a minute.",
    Reason.NOT_REQUESTER: "Only the one who asked, or an owner of the agent, may cancel this request. Deny it if you may decide it.",
    Reason.GRANT_INVALID: "This is not a valid grant. Present the token exactly as it was given, or ask again.",
    Reason.GRANT_SPENT: "This grant has been spent; a grant works once.",
    Reason.GRANT_LAPSED: "This grant is past its time. Ask again.",
    Reason.GRANT_EARLY: "This grant is not valid yet. Check this machine's clock, then try again.",
    Reason.GRANT_REVOKED: "This grant was taken back. Ask again if the action is still needed.",
    Reason.GRANT_EPOCH: "This grant was issued before a backup was restored and is void. Ask again.",
    Reason.WRONG_AGENT: "This grant belongs to another agent. Only the agent that asked can spend it.",
    Reason.WRONG_PAYLOAD: "What was presented is not what people approved. Nothing was spent. Present the approved payload, or ask again.",
    Reason.APPROVERS_CHANGED: "The people who approved may no longer approve this, so the grant cannot be spent. Ask again.",
    Reason.NOT_REDEEMED: "This grant has not been redeemed, so there is no outcome to report. Redeem it first.",
    Reason.OUTCOME_KNOWN: "Another outcome was already reported for this grant.",
    Reason.NOT_ENTITLED: "You are not entitled to see this value. Ask somebody in the rule's reveal group.",
    Reason.STEP_UP: "Please sign in again to do this.",
    Reason.REVEAL_RATE: "You have revealed many values in a short time. Wait, then try again.",
    Reason.SHREDDED: "The payload was destroyed under the retention rules and cannot be shown.",
    Reason.NOT_ADMIN: "Only an administrator may do this. Ask one of them.",
    Reason.NOT_CONFIRMER: "A link is confirmed by the person it is for, by another account of theirs, or by a second administrator. Ask one of them.",
    Reason.AUDIT_UNAVAILABLE: "The audit log cannot be written, so nothing is approved. Ask an administrator to run `signoff doctor`. (ABF001)",
}
