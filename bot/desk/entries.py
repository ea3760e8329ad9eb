"""Audit drafts for what the desk does: one builder per fact, ids and codes only (I7, I10).

Deliberately absent: names, comments and payloads in clear; a comment goes in as a private value and reaches the log only
as a salted digest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from audit.entry import Actor as LogActor
from audit.entry import Draft, EntryType, Outcome, Private
from audit.entry import Policy as LogPolicy
from audit.fields import Value
from bot import mint
from bot.core.facts import Fact
from bot.core.ids import AccountKey, AgentId, PersonId
from bot.core.people import Actor
from bot.core.request import Request
from bot.ports import KeyProvider, Rand, ReadTx

SYSTEM: Final = LogActor("system", "signoff")
OPERATOR: Final = LogActor("system", "operator", "cli")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_TYPES: Final = {fact: EntryType(fact.entry_type) for fact in Fact}
_SLUG: Final = re.compile(r"[^A-Za-z0-9_.-]+")


@lru_cache(maxsize=1024)
def slug(name: str) -> str:
    """A rule's name as the log may carry it."""
    return _SLUG.sub("-", name).strip("-.")[:64] or "rule"


@lru_cache(maxsize=64)
def _policy(revision: int, hash: str) -> LogPolicy:
    return LogPolicy("policy", revision, hash)


@lru_cache(maxsize=4096)
def agent_actor(agent: AgentId, key_id: str) -> LogActor:
    return LogActor("agent", agent, key_id.split(":", 1)[0][:64].lower() or "key")


def person_actor(tx: ReadTx, actor: Actor) -> LogActor:
    """The person's pseudonym; the kind of account says how they were known."""
    return LogActor("human", ref_of(tx, actor.person), account_kind(actor.account))


def ref_of(tx: ReadTx, person: PersonId) -> str:
    """The pseudonym of *person*; ``unknown`` for one that is not in our table (a group may name people who never came)."""
    known = tx.person(person)
    return known.ref if known is not None and known.ref else "unknown"


def account_kind(account: AccountKey) -> str:
    return kind_of(account)


def account_ref(keys: KeyProvider, account: AccountKey) -> str:
    """What the log calls *account*: the same in every entry, and no way back to it without our key."""
    return keys.mac("account-ref", account.encode()).hex()[:32]


def kind_of(name: str) -> str:
    """What stands before the first colon: the kind of an account, the platform of a surface."""
    return name.split(":", 1)[0]


def draft(
    fact: Fact,
    now: datetime,
    rand: Rand,
    actor: LogActor,
    outcome: Outcome,
    *,
    request: Request | None = None,
    data: Mapping[str, Value] | None = None,
    private: tuple[Private, ...] = (),
) -> Draft:
    """One entry. What every entry about a request carries (policy, action) is added here."""
    fields: dict[str, Value] = dict(data or {})
    policy = None
    if request is not None:
        fields.setdefault("action", request.action)
        fields.setdefault("resource", request.resource_type)
        policy = _policy(request.policy_revision, request.policy_hash)
    return Draft(
        type=_TYPES[fact],
        id=mint.entry_id(now, rand),
        outcome=outcome,
        actor=actor,
        ts=now,
        request=request.id if request is not None else None,
        policy=policy,
        data=fields,
        private=private,
    )


def comment(request: Request, text: str) -> tuple[Private, ...]:
    """A person's words about *request*, erasable with the request's key."""
    return (Private(f"request:{request.id}", "comment", text),) if text else ()


def us(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (moment - _EPOCH) // _MICROSECOND
