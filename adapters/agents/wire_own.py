"""The JSON of one's own things: the inbox, the rules in words, one's delegation. Like ``wire``, of which it is a part."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from bot.core.people import Delegation
from bot.core.policy import Policy, describe
from bot.core.request import RequestState
from bot.desk.api import Freeze, Inbox, InboxItem

Instant = Annotated[datetime, Meta(tz=True)]


class InboxItemAnswer(Struct, frozen=True):
    """One request in short. *resource* is masked; *hidden* counts the masked values by kind."""

    request: str
    version: int
    state: RequestState
    action: str
    resource: str
    agent: str
    created_at: datetime
    decide_by: datetime
    decided_at: datetime | None
    hidden: dict[str, int]
    seats_filled: int
    seats_total: int
    may_vote: bool


class FreezeAnswer(Struct, frozen=True):
    """Nothing is granted since *at*; denials work. *reason* is masked. *by* is null when it was set on the host."""

    by: str | None
    at: datetime
    reason: str


class InboxAnswer(Struct, frozen=True):
    """What waits for the caller (most urgent first), what their agents asked, what was decided lately, and everything else that is
    open and may be looked at. *is_cut*: there is more than is listed."""

    waiting: list[InboxItemAnswer]
    mine: list[InboxItemAnswer]
    decided: list[InboxItemAnswer]
    open: list[InboxItemAnswer]
    is_cut: bool
    frozen: FreezeAnswer | None


class RuleAnswer(Struct, frozen=True):
    """One rule: *when* as it is written, *words* what then happens."""

    name: str
    when: str
    words: str


class RulesAnswer(Struct, frozen=True):
    """The policy in force, its rules in order; the first that matches decides, and no match is denied."""

    hash: str
    rules: list[RuleAnswer]


class DelegationBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Let *to* (``bo`` or ``person:bo``) sit in one's groups until *until* (RFC 3339, with its zone)."""

    to: Annotated[str, Meta(min_length=1, max_length=80)]
    until: Instant


class DelegationAnswer(Struct, frozen=True):
    """*until* may be earlier than was asked for: a delegation is bounded. Null when there is none now."""

    to: str | None
    until: datetime | None


def inbox_answer(inbox: Inbox, frozen: Freeze | None) -> InboxAnswer:
    return InboxAnswer(
        [_item(item) for item in inbox.waiting],
        [_item(item) for item in inbox.mine],
        [_item(item) for item in inbox.decided],
        [_item(item) for item in inbox.open],
        inbox.is_cut,
        FreezeAnswer(frozen.by, frozen.at, frozen.reason) if frozen is not None else None,
    )


def _item(item: InboxItem) -> InboxItemAnswer:
    return InboxItemAnswer(
        item.request, item.version, item.state, item.action, item.resource_label, item.agent, item.created_at, item.decide_by,
        item.decided_at, dict(item.hidden), item.seats_filled, item.seats_total, item.may_vote,
    )  # fmt: skip


def rules_answer(policy: Policy) -> RulesAnswer:
    return RulesAnswer(
        policy.hash,
        [
            RuleAnswer(
                rule.name,
                rule.when,
                describe(rule.requirement) if rule.requirement is not None else f"{rule.effect.value}.",
            )
            for rule in policy.rules
        ],
    )


def delegation_answer(found: Delegation | None) -> DelegationAnswer:
    return DelegationAnswer(found.taker, found.until) if found is not None else DelegationAnswer(None, None)
