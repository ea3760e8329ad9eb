"""A standing approval: what a quorum approved once, for a while and a number of times, of one agent and one scope.

Decided here: whether it decides one more request now, and what its use leaves of it. It is asked for within a request, granted by the
quorum of the rule that it then stands in for, and only where that rule says so (``Standing``). Deliberately absent: whether
its approvers still count (``quorum``), and where it is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.core.ids import AgentId, Digest, PersonId, RequestId
from bot.core.policy import Standing
from bot.core.reasons import Reason, Refused

USES_MAX: Final = 10_000
VALID_SECONDS_MIN: Final = 60
VALID_SECONDS_MAX: Final = 30 * 86_400
"""More than a month is no exception any more but a rule: write it into the policy."""


class StandingState(StrEnum):
    LIVE = "live"
    SPENT = "spent"
    ENDED = "ended"
    REVOKED = "revoked"
    VOID = "void"
    """The rule changed, or a backup was restored, since it was granted."""


@dataclass(frozen=True, slots=True)
class StandingApproval:
    """*id* is the request that it was granted by; *scope* the MAC of what a request must share with that one. ``last_seq`` is the
    entry of its last use, or of its granting."""

    id: RequestId
    agent: AgentId
    action: str
    label: str
    rule: str
    rule_hash: Digest
    scope: str
    classes: frozenset[str]
    uses_max: int
    granted_at: datetime
    until: datetime
    epoch: int
    last_seq: int
    uses: int = 0
    revoked_at: datetime | None = None
    revoked_by: PersonId | None = None


def may_ask(allowed: Standing | None, uses: int, valid_for: timedelta) -> Refused | None:
    """Why a request may not ask for a standing approval of *uses* and *valid_for* under a rule that allows *allowed*."""
    if allowed is None:
        return Refused(Reason.STANDING_OFF)
    if uses > allowed.uses_max or valid_for > allowed.valid_max:
        return Refused(Reason.STANDING_LIMIT)
    return None


def state_of(
    approval: StandingApproval, rule_hash: Digest | None, epoch: int, now: datetime
) -> StandingState:
    """How *approval* stands at *now*; *rule_hash* is of the rule of its name in the policy in force, None where there is none that
    allows it any more. The very instant of ``until`` is too late (I6)."""
    if approval.revoked_at is not None:
        return StandingState.REVOKED
    if approval.rule_hash != rule_hash or approval.epoch != epoch:
        return StandingState.VOID
    if approval.uses >= approval.uses_max:
        return StandingState.SPENT
    return StandingState.LIVE if approval.granted_at <= now < approval.until else StandingState.ENDED


def covers(approval: StandingApproval, agent: AgentId, scope: str, classes: frozenset[str]) -> bool:
    """Whether a request is of the kind that was approved: the same agent and scope, and no kind of data in it that was not there."""
    return approval.agent == agent and approval.scope == scope and classes <= approval.classes


def used(approval: StandingApproval, seq: int) -> StandingApproval:
    """One use more, recorded by entry *seq*."""
    return replace(approval, uses=approval.uses + 1, last_seq=seq)
