"""What an agent asks, what is kept of it, and the states it may be in.

Decided here: the shape of a request, a vote and a grant, and which states end. Deliberately absent:
the payload itself (it is sealed, see ``Body``) and who may do what (``quorum``). Times are aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bot.core.ids import AccountKey, AgentId, Digest, GrantId, GroupName, PersonId, RequestId

if TYPE_CHECKING:
    from bot.core.policy import Requirement

Json = Any

"""A JSON value as the strict reader returns it."""


class RequestState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        return self is RequestState.PENDING


class GrantState(StrEnum):
    ISSUED = "issued"
    REDEEMED = "redeemed"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INDETERMINATE = "indeterminate"
    LAPSED = "lapsed"
    REVOKED = "revoked"


class Choice(StrEnum):
    APPROVE = "approve"
    DENY = "deny"


class Assurance(StrEnum):
    """How sure we are who acts: a click in chat, a console session, a fresh second factor."""

    CHAT = "chat"
    CONSOLE = "console"
    WEBAUTHN = "webauthn"

    @property
    def rank(self) -> int:
        return ("chat", "console", "webauthn").index(self.value)


@dataclass(frozen=True, slots=True)
class Resource:
    """What is acted on. *type* and *env* are words; *id* may be anything and is masked before it is shown."""

    type: str
    id: str
    env: str = ""
    resolved: str = ""
    """What *id* stands for in truth (a link's target, a digest of a tag), as whoever executes resolved it before asking (T16)."""


@dataclass(frozen=True, slots=True)
class StandingTerms:
    """What a request asks for beyond its own grant: the same again, *uses* times, for *valid_for* from the decision. *scope* is
    filled in when it is taken in: what later requests must share with this one."""

    uses: int
    valid_for: timedelta
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """An agent's words, parsed and closed. *payload* (action, resource, parameters, precondition) is what people
    approve, byte for byte, as *canonical*; the rest is the agent's claim."""

    action: str
    resource: Resource
    payload: Mapping[str, Json]
    canonical: bytes
    payload_hash: Digest
    justification: str = ""
    context: Mapping[str, Json] | None = None
    on_behalf_of: PersonId | None = None
    decide_within_seconds: int | None = None
    callback_url: str | None = None
    standing: StandingTerms | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """What is sealed under the request's own data key: never stored, logged or sent in the clear."""

    canonical: bytes
    justification: str
    context: dict[str, Json] | None
    pointers: tuple[str, ...]
    """JSON Pointers of the shown leaves by ``Leaf.index``, into ``{"payload", "justification", "context"}``."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it stands. ``version`` counts changes that a card must show. ``document`` is the
    frozen masked preview as JSON text (see ``preview``): safe to show, part of ``preview_hash``."""

    id: RequestId
    agent: AgentId
    on_behalf_of: PersonId | None
    action: str
    resource_type: str
    resource_env: str
    resource_label: str
    payload_hash: Digest
    preview_hash: Digest
    policy_hash: Digest
    policy_revision: int
    rule: str
    requirement: Requirement
    separation: frozenset[PersonId]
    classes: tuple[tuple[str, int], ...]
    document: str
    created_at: datetime
    decide_by: datetime
    state: RequestState = RequestState.PENDING
    version: int = 1
    decided_at: datetime | None = None
    decided_by: PersonId | None = None
    reason: str = ""
    callback_url: str | None = None
    epoch: int = 0
    reminders_sent: int = 0
    escalated: bool = False
    next_due: datetime | None = None
    rule_text: str = ""
    standing: StandingTerms | None = None
    is_resolved: bool = False


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's word on one request. ``seq`` is the audit entry that recorded it. A withdrawn vote stays, marked."""

    request: RequestId
    person: PersonId
    account: AccountKey
    surface: str
    assurance: Assurance
    choice: Choice
    at: datetime
    seq: int
    payload_hash: Digest
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to act once. ``redemption_key`` makes a repeated redeem answer the same (T40)."""

    id: GrantId
    request: RequestId
    agent: AgentId
    payload_hash: Digest
    policy_hash: Digest
    issued_at: datetime
    use_by: datetime
    epoch: int
    state: GrantState = GrantState.ISSUED
    token: str = ""
    redeemed_at: datetime | None = None
    redemption_key: str | None = None
    outcome_at: datetime | None = None
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class SeatGroup:
    """*approvals* different persons of *group*."""

    group: GroupName
    approvals: int
