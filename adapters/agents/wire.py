"""The JSON that goes out and the small bodies that come in, as closed structs; openapi.json is generated from them.

An ask is not read by these: ``bot.core.ask`` reads it strictly from the raw bytes; ``AskBody`` only publishes its shape, and a
test compares the two. Nothing here holds an unmasked value from a payload.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from bot.core.ask import (
    ACTION_CHARS_MAX,
    CALLBACK_URL_CHARS_MAX,
    DECIDE_WITHIN_SECONDS_MAX,
    DECIDE_WITHIN_SECONDS_MIN,
    JUSTIFICATION_CHARS_MAX,
    RESOURCE_ID_CHARS_MAX,
)
from bot.core.canonical import Malformed, read
from bot.core.preview import Card, Leaf
from bot.core.reasons import SENTENCES, Reason
from bot.core.request import Grant, GrantState, Request, RequestState
from bot.core.standing_approval import USES_MAX, VALID_SECONDS_MAX, VALID_SECONDS_MIN, StandingState
from bot.desk.api import ChainState, Overridden, StandingLine
from bot.ports import AuditRow

T = TypeVar("T", bound=Struct)

DigestText = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]
Word = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9_.-]*$", min_length=1, max_length=64)]


class ResourceBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What is acted on."""

    type: Word
    id: Annotated[str, Meta(min_length=1, max_length=RESOURCE_ID_CHARS_MAX)]
    env: Word | UnsetType = UNSET
    resolved: Annotated[str, Meta(min_length=1, max_length=RESOURCE_ID_CHARS_MAX)] | UnsetType = UNSET


class StandingBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A wish: the same again, so often, for so long from the decision. Part of what people approve."""

    uses: Annotated[int, Meta(ge=1, le=USES_MAX)]
    valid_for_seconds: Annotated[int, Meta(ge=VALID_SECONDS_MIN, le=VALID_SECONDS_MAX)]


class AskBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A request. action, resource, parameters, precondition and standing are what people approve; the rest is the agent's claim."""

    action: Annotated[
        str, Meta(pattern="^[a-z][a-z0-9_]*(?:[.:-][a-z0-9_]+)*$", min_length=1, max_length=ACTION_CHARS_MAX)
    ]
    resource: ResourceBody
    parameters: dict[str, Any]
    precondition: dict[str, Any] | UnsetType = UNSET
    standing: StandingBody | UnsetType = UNSET
    justification: Annotated[str, Meta(max_length=JUSTIFICATION_CHARS_MAX)] | UnsetType = UNSET
    context: dict[str, Any] | UnsetType = UNSET
    on_behalf_of: (
        Annotated[str, Meta(pattern="^person:[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$")] | UnsetType
    ) = UNSET
    decide_within_seconds: (
        Annotated[int, Meta(ge=DECIDE_WITHIN_SECONDS_MIN, le=DECIDE_WITHIN_SECONDS_MAX)] | UnsetType
    ) = UNSET
    callback_url: (
        Annotated[str, Meta(pattern="^https?://[!-~]+$", max_length=CALLBACK_URL_CHARS_MAX)] | UnsetType
    ) = UNSET


class VoteBody(Struct, frozen=True, forbid_unknown_fields=True):
    """*version* is the card version that was looked at; an approval of an older one is refused."""

    choice: Literal["approve", "deny"]
    comment: Annotated[str, Meta(max_length=2000)] = ""
    version: Annotated[int, Meta(ge=1, le=2**31)] | None = None


class BreakGlassBody(Struct, frozen=True, forbid_unknown_fields=True):
    """*reason* goes to everybody, masked, and into the audit log, sealed."""

    reason: Annotated[str, Meta(min_length=1, max_length=2000)]


class ReviewBody(Struct, frozen=True, forbid_unknown_fields=True):
    verdict: Literal["justified", "unjustified"]
    comment: Annotated[str, Meta(min_length=1, max_length=2000)]


class RedeemBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one of *payload* and *payload_hash*. The same *redemption_key* gets the same answer again."""

    token: Annotated[str, Meta(min_length=1, max_length=4096)]
    payload: dict[str, Any] | UnsetType = UNSET
    payload_hash: DigestText | UnsetType = UNSET
    redemption_key: Annotated[str, Meta(pattern="^[!-~]{1,255}$")] | UnsetType = UNSET


class OutcomeBody(Struct, frozen=True, forbid_unknown_fields=True):
    outcome: Literal["succeeded", "failed"]
    detail: Annotated[str, Meta(max_length=1000)] = ""


class RevokeBody(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(max_length=1000)] = ""


class PolicyAnswer(Struct, frozen=True):
    rule: str
    hash: DigestText


class ReasonAnswer(Struct, frozen=True):
    """*code* is stable; *sentence* is for people, and masked where a person wrote it."""

    code: str
    sentence: str


class GrantAnswer(Struct, frozen=True, omit_defaults=True):
    """*token* only while it can be spent, and only for the agent that asked."""

    id: str
    state: GrantState
    use_by: datetime
    token: str | None = None


class RequestAnswer(Struct, frozen=True):
    id: str
    state: RequestState
    version: int
    action: str
    payload_hash: DigestText
    policy: PolicyAnswer
    created_at: datetime
    decide_by: datetime
    decided_at: datetime | None
    reason: ReasonAnswer | None
    grant: GrantAnswer | None


class RequestPage(Struct, frozen=True):
    """Newest first. *next* is the ``before`` of the following page; null on the last."""

    requests: list[RequestAnswer]
    next: str | None


class VoteAnswer(Struct, frozen=True):
    """The vote stands. *seq* is its entry in the audit log."""

    request: str
    state: RequestState
    version: int
    decided: bool
    seq: int


class ReviewAnswer(Struct, frozen=True):
    """*is_late*: the review came after its time. *seq* is its entry in the audit log."""

    request: str
    verdict: str
    is_late: bool
    seq: int


class OverriddenAnswer(Struct, frozen=True):
    """One break-glass. *reason* is masked; *verdict* is null while nobody has reviewed it."""

    request: str
    action: str
    resource: str
    by: str
    at: datetime
    reason: str
    review_by: datetime
    verdict: str | None
    reviewed_by: str | None
    reviewed_at: datetime | None
    is_overdue: bool
    may_review: bool


class OverriddenPage(Struct, frozen=True):
    """Newest first, at most 100."""

    uses: list[OverriddenAnswer]


class StandingAnswer(Struct, frozen=True):
    """*id* is the request that it was granted by. *resource* is masked."""

    id: str
    agent: str
    action: str
    resource: str
    rule: str
    state: StandingState
    uses: int
    uses_max: int
    granted_at: datetime
    until: datetime
    approvers: list[str]
    revoked_at: datetime | None
    revoked_by: str | None
    may_revoke: bool


class StandingPage(Struct, frozen=True):
    """Newest first: live ones, and those that ended within thirty days."""

    standing: list[StandingAnswer]


class StandingRevokedAnswer(Struct, frozen=True):
    id: str
    uses: int
    revoked_at: datetime | None


class RedeemAnswer(Struct, frozen=True):
    """Spent: act now, on exactly what *payload_hash* names, then report the outcome."""

    grant: GrantAnswer
    request: str
    payload_hash: DigestText
    redeemed_at: datetime | None
    repeated: bool


class MaskAnswer(Struct, frozen=True):
    """*classes* says how many values of each kind were hidden."""

    masked: Any
    classes: dict[str, int]


class OpenBody(Struct, frozen=True, forbid_unknown_fields=True):
    """*value* is any JSON with tokens in its strings; *purpose* goes into the audit log, sealed."""

    value: Any
    purpose: Annotated[str, Meta(min_length=1, max_length=500)]


class FormattedBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What `ff1` wrote says neither its *type* nor the id of its *key* (left out: the current one)."""

    type: Annotated[str, Meta(pattern="^[A-Z][A-Z0-9_]{1,39}$")]
    key: Annotated[str, Meta(pattern="^[a-z0-9]{1,8}$")] | None = None


class DetokenizeBody(Struct, frozen=True, forbid_unknown_fields=True):
    """*value* is any JSON with tokens in its strings; with *format_preserving* each of its strings is a value that `ff1` wrote."""

    value: Any
    purpose: Annotated[str, Meta(min_length=1, max_length=500)]
    format_preserving: FormattedBody | None = None


class ErasedAnswer(Struct, frozen=True):
    """*erased* values behind vault tokens are gone; *seq* is the entry that says so."""

    erased: int
    seq: int


class OpenedAnswer(Struct, frozen=True):
    """*seq* is the entry that says who opened how many tokens."""

    value: Any
    opened: int
    seq: int


class LeafAnswer(Struct, frozen=True):
    label: str
    kind: str
    value: str
    hidden: bool
    index: int


class SeatAnswer(Struct, frozen=True):
    group: str
    needed: int
    filled_by: list[str]
    is_open: bool


class CardAnswer(Struct, frozen=True):
    """What a person sees before voting: masked, the facts apart from the agent's claim."""

    request: str
    version: int
    state: RequestState
    agent: str
    owners: list[str]
    on_behalf_of: str | None
    action: str
    resource_type: str
    resource_env: str
    resource: str
    rule: str
    rule_words: str
    payload_hash: DigestText
    preview_hash: DigestText
    policy_hash: DigestText
    payload: list[LeafAnswer]
    claim: str
    claim_context: list[LeafAnswer]
    hidden: dict[str, int]
    seats: list[SeatAnswer]
    created_at: datetime
    decide_by: datetime
    decided_at: datetime | None
    reason: str
    may: list[str]


class AuditEntryAnswer(Struct, frozen=True):
    """*leaf* is base64 of the exact bytes that were hashed."""

    seq: int
    type: str
    at: datetime
    actor: str
    outcome: str
    request: str | None
    action: str | None
    resource: str | None
    leaf: str
    leaf_hash: str


class AuditPage(Struct, frozen=True):
    entries: list[AuditEntryAnswer]
    next: int | None


class CheckpointAnswer(Struct, frozen=True):
    """*checkpoint* is a C2SP tlog-checkpoint, empty while none was signed."""

    size: int
    head: str
    checkpoint: str


class HealthAnswer(Struct, frozen=True):
    status: str


def decode(raw: bytes, kind: type[T], **limits: int) -> T:
    """*raw* strictly read, then closed by *kind*. ``Malformed`` says where, never what."""
    value = read(raw, **limits)
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        raise Malformed(
            "schema", "This is missing, unknown or not as /openapi.json says.", _pointer(error)
        ) from None


def _pointer(error: msgspec.ValidationError) -> str:
    # msgspec names the place at the end: "... - at `$.choice`"; everything before may hold a value and is dropped.
    _, found, place = str(error).rpartition(" - at `$")
    return place.rstrip("`").replace(".", "/").replace("[", "/").replace("]", "") if found else ""


def request_answer(request: Request, grant: Grant | None, now: datetime) -> RequestAnswer:
    """For the agent that asked, and nobody else."""
    return RequestAnswer(
        id=request.id,
        state=state_now(request, now),
        version=request.version,
        action=request.action,
        payload_hash=request.payload_hash,
        policy=PolicyAnswer(request.rule, request.policy_hash),
        created_at=request.created_at,
        decide_by=request.decide_by,
        decided_at=request.decided_at,
        reason=_reason(request),
        grant=grant_answer(grant, now, with_token=True) if grant is not None else None,
    )


def state_now(request: Request, now: datetime) -> RequestState:
    """A request past its time is expired whether or not that was recorded yet (I6)."""
    return RequestState.EXPIRED if request.state.is_open and now >= request.decide_by else request.state


def grant_answer(grant: Grant, now: datetime, *, with_token: bool = False) -> GrantAnswer:
    lapsed = grant.state is GrantState.ISSUED and now >= grant.use_by
    state = GrantState.LAPSED if lapsed else grant.state
    token = grant.token if with_token and state is GrantState.ISSUED else None
    return GrantAnswer(grant.id, state, grant.use_by, token)


def _reason(request: Request) -> ReasonAnswer | None:
    if not request.reason:
        return None
    try:
        reason = Reason(request.reason)
    except ValueError:
        # A person's own words, masked before they were stored.
        who = "person" if request.decided_by is not None else "standing"
        return ReasonAnswer(f"by-{who}-{request.state.value}", request.reason)
    return ReasonAnswer(reason.value, SENTENCES[reason])


def card_answer(card: Card) -> CardAnswer:
    preview = card.preview
    return CardAnswer(
        request=card.request,
        version=card.version,
        state=card.state,
        agent=card.agent,
        owners=list(card.owners),
        on_behalf_of=card.on_behalf_of,
        action=card.action,
        resource_type=card.resource_type,
        resource_env=card.resource_env,
        resource=preview.resource.text,
        rule=card.rule,
        rule_words=card.rule_words,
        payload_hash=card.payload_hash,
        preview_hash=card.preview_hash,
        policy_hash=card.policy_hash,
        payload=[_leaf(leaf) for leaf in preview.leaves],
        claim=preview.justification.text,
        claim_context=[_leaf(leaf) for leaf in preview.context],
        hidden=dict(preview.hidden),
        seats=[SeatAnswer(seat.group, seat.needed, list(seat.names), seat.is_open) for seat in card.seats],
        created_at=card.created_at,
        decide_by=card.decide_by,
        decided_at=card.decided_at,
        reason=card.reason,
        may=[button.value for button in card.buttons] + (["break_glass"] if card.may_break_glass else []),
    )


def _leaf(leaf: Leaf) -> LeafAnswer:
    return LeafAnswer(leaf.label.text, leaf.kind, leaf.value.text, leaf.hidden, leaf.index)


def audit_entry(row: AuditRow) -> AuditEntryAnswer:
    leaf = base64.b64encode(row.leaf).decode("ascii")
    return AuditEntryAnswer(
        row.seq, row.type, row.at, row.actor, row.outcome, row.request, row.action, row.resource, leaf, row.leaf_hash.hex()
    )  # fmt: skip


def overridden_answer(use: Overridden) -> OverriddenAnswer:
    return OverriddenAnswer(
        use.request, use.action, use.resource_label, use.by, use.at, use.reason, use.review_by, use.verdict,
        use.reviewed_by, use.reviewed_at, use.is_overdue, use.may_review,
    )  # fmt: skip


def standing_answer(line: StandingLine) -> StandingAnswer:
    return StandingAnswer(
        line.id, line.agent, line.action, line.resource_label, line.rule, line.state, line.uses, line.uses_max, line.granted_at,
        line.until, list(line.approvers), line.revoked_at, line.revoked_by, line.may_revoke,
    )  # fmt: skip


def checkpoint_answer(state: ChainState) -> CheckpointAnswer:
    return CheckpointAnswer(state.size, state.head.hex(), state.checkpoint)
