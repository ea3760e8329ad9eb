"""Agents, people and their accounts as they are stored. One person counts once, whatever the account (I2).

Deliberately absent: e-mail as an identity, and any link made by name (T04).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.core.ids import AccountKey, AgentId, GroupName, PersonId
from bot.core.request import Assurance


class Role(StrEnum):
    """What a person may do beyond voting. Voting itself is a matter of groups."""

    ADMIN = "admin"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class FormerOwner:
    """Who owned an agent until *left_at*: may still hold what asks in its name."""

    person: PersonId
    left_at: datetime


@dataclass(frozen=True, slots=True)
class Agent:
    """``owners`` may be empty, then it cannot ask. ``actions`` are globs of what it may ask for; empty means nothing."""

    id: AgentId
    owners: tuple[PersonId, ...]
    created_at: datetime
    enabled: bool = True
    actions: tuple[str, ...] = ("*",)
    callback_urls: tuple[str, ...] = ()
    pending_max: int = 50
    per_minute_max: int = 600
    former_owners: tuple[FormerOwner, ...] = ()


class KeyKind(StrEnum):
    API = "api"
    """Bearer key, stored as HMAC with a pepper."""
    HMAC = "hmac"
    """Standard Webhooks secret, stored sealed, for signed requests and callbacks."""


@dataclass(frozen=True, slots=True)
class AgentKey:
    """``id`` is the public prefix by which a key is found; ``mac`` or ``sealed`` is what is compared."""

    id: str
    agent: AgentId
    kind: KeyKind
    mac: bytes
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    held_by: frozenset[PersonId] = frozenset()
    """Who may know the secret: whoever issued it, and everybody who owned the agent since. They decide nothing that the
    agent asks while the key works (I3)."""

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class Person:
    id: PersonId
    name: str
    created_at: datetime
    enabled: bool = True
    ref: str = ""
    """``p_`` + 22 random characters: the pseudonym that the audit log knows this person by."""
    roles: frozenset[Role] = frozenset()
    groups: frozenset[GroupName] = frozenset()
    """Groups that an identity provider's claims gave at the last login; config groups are not here."""


@dataclass(frozen=True, slots=True)
class Account:
    """One way in. ``active_from`` is the end of the cool-down after linking (T04). ``secret`` is the argon2id hash of a
    local password or the HMAC of a personal access token; empty for the others."""

    key: AccountKey
    person: PersonId
    linked_at: datetime
    active_from: datetime
    proof: str
    secret: str = ""
    revoked_at: datetime | None = None
    expires_at: datetime | None = None
    unconfirmed_by: PersonId | None = None
    """The administrator who alone says that this account is the person's. While he is named here the account opens
    nothing: the person, by another account, or a second administrator confirms it (docs/decisions/0201)."""


@dataclass(frozen=True, slots=True)
class Session:
    """A console session. ``id`` is the SHA-256 of the cookie, so that a stolen database opens no session."""

    id: str
    person: PersonId
    account: AccountKey
    assurance: Assurance
    csrf: str
    created_at: datetime
    seen_at: datetime
    authenticated_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Delegation:
    """*giver* is out of office: *taker* may sit in giver's groups until *until*. Bounded, resolved at decision time."""

    giver: PersonId
    taker: PersonId
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, from where, how surely: what every desk call that a person makes begins with."""

    person: PersonId
    account: AccountKey
    surface: str
    assurance: Assurance
    authenticated_at: datetime
