"""People, agents, keys, freeze, delegation: the changes that decide who may do what. All journalled, ids only.

Decided here: an administrator (console assurance) or the operator at the host's command line (``by`` None) may change them.
Keys and tokens appear in the clear once, in the answer. A disabled person's sessions end in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

import msgspec

from audit.entry import Actor as LogActor
from audit.entry import Outcome, Private
from audit.fields import Value
from bot.core.credentials import (
    AGENT_KEY_PEPPER,
    KEY_ID_BYTES,
    PERSON_TOKEN_PEPPER,
    SECRET_BYTES,
    KeyPrefix,
    make_key_id,
    make_key_text,
    make_webhook_secret,
)
from bot.core.facts import Fact
from bot.core.ids import AccountKey, AgentId, PersonId
from bot.core.people import Account, Actor, Agent, AgentKey, Delegation, FormerOwner, KeyKind, Person, Role
from bot.core.reasons import Reason, Refused
from bot.core.request import Assurance
from bot.desk import entries
from bot.desk.api import Freeze, NewKey
from bot.desk.context import META_EDITORS, META_FREEZE, Office
from bot.desk.ending import SessionEnd, end_sessions
from bot.desk.entries import OPERATOR
from bot.desk.standing import account_refusal, note_editor
from bot.ports import ReadTx, Tx

T = TypeVar("T")
LIVE_KEYS_MAX: Final = 2
FORMER_OWNERS_MAX: Final = 100
DELEGATION_MAX: Final = timedelta(days=60)
REASON_CHARS_MAX: Final = 500


def is_admin(tx: ReadTx, by: Actor | None, at_least: Assurance = Assurance.CONSOLE) -> bool:
    """The operator, or an enabled administrator with more than a chat click (*at_least* says how much)."""
    if by is None:
        return True
    person = tx.person(by.person)
    strong = by.assurance.rank >= at_least.rank
    may = person is not None and person.enabled and Role.ADMIN in person.roles and strong
    return may and account_refusal(tx, by, tx.now()) is None


async def as_admin(
    office: Office,
    by: Actor | None,
    work: Callable[[Tx], T | Refused],
    at_least: Assurance = Assurance.CONSOLE,
) -> T | Refused:
    """Run *work* if *by* is an administrator; a refusal is journalled. One whose sign-in is too weak for it is told so."""

    def guarded(tx: Tx) -> T | Refused:
        if is_admin(tx, by, at_least):
            return work(tx)
        if is_admin(tx, by, Assurance.CHAT):
            journal(office, tx, Fact.COMMAND_REFUSED, by, {"command": "admin", "reason": Reason.STEP_UP.value}, Outcome.REFUSED)  # fmt: skip
            return Refused(Reason.STEP_UP)
        journal(
            office,
            tx,
            Fact.COMMAND_REFUSED,
            by,
            {"command": "admin", "reason": Reason.NOT_ADMIN.value},
            Outcome.REFUSED,
        )
        return Refused(Reason.NOT_ADMIN)

    return await office.store.write(guarded)


def journal(
    office: Office,
    tx: Tx,
    fact: Fact,
    by: Actor | None,
    data: Mapping[str, Value],
    outcome: Outcome = Outcome.SUCCESS,
    private: tuple[Private, ...] = (),
) -> int:
    actor = log_actor(tx, by)
    return tx.append(entries.draft(fact, tx.now(), office.rand, actor, outcome, data=data, private=private))


def log_actor(tx: ReadTx, by: Actor | None) -> LogActor:
    return entries.person_actor(tx, by) if by is not None else OPERATOR


# --- people ---------------------------------------------------------------------------------------


def add_person(
    office: Office, tx: Tx, by: Actor | None, id: PersonId, name: str, roles: frozenset[Role]
) -> Person:
    """Add, or change name and roles of one who is there. The pseudonym stays."""
    known = tx.person(id)
    now = tx.now()
    if known is None:
        ref = "p_" + office.rand.bytes(11).hex()
        person = Person(id, name[:200], now, ref=ref, roles=roles)
    else:
        person = replace(known, name=name[:200], roles=roles)
    tx.put_person(person)
    change = "person-added" if known is None else "person-changed"
    private = (Private(f"person:{person.ref}", "who", f"{id} {name[:200]}"),)
    data: dict[str, Value] = {
        "change": change,
        "person": person.ref,
        "changes": sorted(f"role-{role.value}" for role in roles),
    }
    journal(office, tx, Fact.IDENTITY_CHANGED, by, data, private=private)
    return person


def set_enabled(office: Office, tx: Tx, by: Actor | None, id: PersonId, enabled: bool) -> Person | Refused:
    person = tx.person(id)
    if person is None:
        return Refused(Reason.NOT_FOUND)
    changed = replace(person, enabled=enabled)
    tx.put_person(changed)
    if not enabled:
        end_sessions(office, tx, id, log_actor(tx, by), SessionEnd.DISABLED)
        for account in tx.accounts(id):
            if account.key.startswith("token:") and account.revoked_at is None:
                tx.put_account(replace(account, revoked_at=tx.now()))
    change = "person-enabled" if enabled else "person-disabled"
    journal(office, tx, Fact.IDENTITY_CHANGED, by, {"change": change, "person": person.ref})
    return changed


def link(
    office: Office,
    tx: Tx,
    by: Actor | None,
    key: AccountKey,
    id: PersonId,
    proof: str,
    secret: str,
    cool_down: timedelta,
) -> Account | Refused:
    """Link *key* to *id*. An account that another person holds is never taken over: unlink it first (T04).

    What one administrator links for somebody else, a new password for them included, opens nothing until it is confirmed
    (``confirm``). The operator and the person's own proof need no second pair of eyes. The same link again changes nothing.
    """
    person = tx.person(id)
    if person is None:
        return Refused(Reason.NOT_FOUND, "Add the person first.")
    known = tx.account(key)
    if known is not None and known.person != id and known.revoked_at is None:
        return Refused(Reason.NOT_FOUND, "This account belongs to another person; unlink it there first.")
    now = tx.now()
    trusted = by is None or by.person == id
    if known is not None and known.revoked_at is None:
        is_confirmed = known.unconfirmed_by is None
        if not secret and (is_confirmed or not trusted):
            return known
        if trusted and is_confirmed:
            # A new password on one's own account, or by the operator, is no new link, so it starts no new cool-down.
            return _keep(office, tx, by, person, replace(known, secret=secret, proof=proof[:40]), known)
    proposer = None if trusted or by is None else by.person
    account = Account(key, id, now, now + cool_down, proof[:40], secret, unconfirmed_by=proposer)
    return _keep(office, tx, by, person, account, known)


def _keep(
    office: Office, tx: Tx, by: Actor | None, person: Person, account: Account, known: Account | None
) -> Account:
    tx.put_account(account)
    if known is not None:
        end_sessions(office, tx, person.id, log_actor(tx, by), SessionEnd.PASSWORD, account.key)
    change = "account-linked" if account.unconfirmed_by is None else "link-proposed"
    _journal_link(office, tx, by, change, account)
    return account


def _journal_link(office: Office, tx: Tx, by: Actor | None, change: str, account: Account) -> None:
    """One entry; an administrator who changes what others are known by judges nothing for a while (I3, T20)."""
    ref = entries.ref_of(tx, account.person)
    data: dict[str, Value] = {
        "change": change,
        "person": ref,
        "method": entries.account_kind(account.key),
        "account_ref": entries.account_ref(office.keys, account.key),
    }
    private = (Private(f"person:{ref}", "account", str(account.key)),)
    journal(office, tx, Fact.IDENTITY_CHANGED, by, data, private=private)
    if by is not None and by.person != account.person:
        tx.set_meta(META_EDITORS, note_editor(tx, by.person, tx.now()))


def link_own(
    office: Office, tx: Tx, by: Actor, key: AccountKey, proof: str, cool_down: timedelta
) -> Account | Refused:
    """*by* has proved *key* beside the console's session: linked as their own, by themselves."""
    barred = account_refusal(tx, by, tx.now())
    if barred is not None and barred.reason is not Reason.COOL_DOWN:
        return barred
    if by.assurance.rank < Assurance.CONSOLE.rank:
        return Refused(Reason.ASSURANCE)
    return link(office, tx, by, key, by.person, proof, "", cool_down)


def confirm(office: Office, tx: Tx, by: Actor, key: AccountKey, cool_down: timedelta) -> Account | Refused:
    """The second pair of eyes on a link: the person, by another account, or another administrator. The cool-down begins now."""
    account = tx.account(key)
    if account is None or account.revoked_at is not None or account.unconfirmed_by is None:
        return Refused(Reason.NOT_FOUND)
    if not _may_confirm(tx, by, account):
        data: dict[str, Value] = {"command": "confirm", "reason": Reason.NOT_CONFIRMER.value}
        journal(office, tx, Fact.COMMAND_REFUSED, by, data, Outcome.REFUSED)
        return Refused(Reason.NOT_CONFIRMER)
    confirmed = replace(account, unconfirmed_by=None, active_from=tx.now() + cool_down)
    tx.put_account(confirmed)
    _journal_link(office, tx, by, "link-confirmed", confirmed)
    return confirmed


def _may_confirm(tx: ReadTx, by: Actor, account: Account) -> bool:
    if by.person == account.unconfirmed_by or account_refusal(tx, by, tx.now()) is not None:
        return False
    person = tx.person(by.person)
    if person is None or not person.enabled or by.assurance.rank < Assurance.CONSOLE.rank:
        return False
    return by.person == account.person or Role.ADMIN in person.roles


def unlink(office: Office, tx: Tx, by: Actor | None, key: AccountKey) -> Refused | None:
    """By an administrator; a person takes back their own tokens and turns down links that nobody confirmed. Unless it is
    one of these, the person's sessions end."""
    account = tx.account(key)
    own = account is not None and by is not None and account.person == by.person
    own_token = own and (
        key.startswith("token:") or (account is not None and account.unconfirmed_by is not None)
    )
    if not own_token and not is_admin(tx, by):
        return Refused(Reason.NOT_ADMIN)
    if account is None or account.revoked_at is not None:
        return Refused(Reason.NOT_FOUND)
    tx.put_account(replace(account, revoked_at=tx.now()))
    if not own_token:
        end_sessions(office, tx, account.person, log_actor(tx, by), SessionEnd.UNLINKED)
    _journal_link(office, tx, by, "account-unlinked", account)
    return None


def person_token(
    office: Office, tx: Tx, by: Actor | None, id: PersonId, valid_for: timedelta
) -> str | Refused:
    """A personal access token. By the operator or the person (at the console). Not by an administrator for another: a token
    votes at once and as that person, so one administrator would be a quorum (T04)."""
    person = tx.person(id)
    if person is None or not person.enabled:
        return Refused(Reason.NOT_FOUND)
    now = tx.now()
    if by is not None:
        if by.person != id or by.assurance is Assurance.CHAT:
            return Refused(Reason.NOT_ADMIN)
        barred = account_refusal(tx, by, now)
        if barred is not None:
            return barred
    key_id = make_key_id(office.rand.bytes(KEY_ID_BYTES))
    secret = office.rand.bytes(SECRET_BYTES)
    mac = office.keys.mac(PERSON_TOKEN_PEPPER, secret).hex()
    expires = now + min(valid_for, office.settings.token_valid_max)
    tx.put_account(Account(AccountKey(f"token:{key_id}"), id, now, now, "token", mac, expires_at=expires))
    data: dict[str, Value] = {
        "change": "token-issued",
        "person": person.ref,
        "key_id": key_id,
        "until": entries.us(expires),
        "account_ref": entries.account_ref(office.keys, AccountKey(f"token:{key_id}")),
    }
    journal(office, tx, Fact.IDENTITY_CHANGED, by, data)
    return make_key_text(KeyPrefix.PERSON, key_id, secret)


# --- agents ---------------------------------------------------------------------------------------


def put_agent(office: Office, tx: Tx, by: Actor | None, agent: Agent, *, new: bool) -> Agent | Refused:
    known = tx.agent(agent.id)
    if new and known is not None:
        return Refused(Reason.NOT_FOUND, "An agent of this name is there already.")
    if not new and known is None:
        return Refused(Reason.AGENT_UNKNOWN)
    missing = [owner for owner in agent.owners if tx.person(owner) is None]
    if missing:
        return Refused(Reason.NOT_FOUND, f"Add the owner first: {', '.join(missing)}.")
    stored = agent if known is None else _succeeding(tx, known, agent)
    tx.put_agent(stored)
    owners = [entries.ref_of(tx, owner) for owner in stored.owners]
    change = "agent-added" if new else "agent-changed"
    status = "enabled" if stored.enabled else "disabled"
    journal(
        office,
        tx,
        Fact.AGENT_CHANGED,
        by,
        {"change": change, "agent": agent.id, "owners": owners, "status": status},
    )
    return stored


def _succeeding(tx: Tx, known: Agent, agent: Agent) -> Agent:
    """*agent* in place of *known*. Who owned it until now is remembered, and stays a holder of every key of that time (I3)."""
    now = tx.now()
    left = [FormerOwner(owner, now) for owner in known.owners if owner not in agent.owners]
    for key in tx.agent_keys(agent.id):
        if key.is_live(now) and not key.held_by.issuperset(known.owners):
            tx.put_agent_key(replace(key, held_by=key.held_by.union(known.owners)))
    former = (*known.former_owners, *left)[-FORMER_OWNERS_MAX:]
    return replace(agent, created_at=known.created_at, former_owners=former)


def issue_key(
    office: Office, tx: Tx, by: Actor | None, id: AgentId, kind: KeyKind, valid_for: timedelta | None
) -> NewKey | Refused:
    agent = tx.agent(id)
    if agent is None:
        return Refused(Reason.AGENT_UNKNOWN)
    now = tx.now()
    live = [key for key in tx.agent_keys(id) if key.kind is kind and key.is_live(now)]
    if len(live) >= LIVE_KEYS_MAX:
        return Refused(
            Reason.NOT_FOUND, f"This agent has {LIVE_KEYS_MAX} live keys; revoke one before issuing another."
        )
    key_id = make_key_id(office.rand.bytes(KEY_ID_BYTES))
    secret = office.rand.bytes(SECRET_BYTES)
    if kind is KeyKind.API:
        mac, text = office.keys.mac(AGENT_KEY_PEPPER, secret), make_key_text(KeyPrefix.AGENT, key_id, secret)
    else:
        mac = msgspec.msgpack.encode(office.keys.seal(secret, key_id.encode()))
        text = make_webhook_secret(secret)
    held_by = frozenset(agent.owners) | ({by.person} if by is not None else frozenset())
    until = now + valid_for if valid_for is not None else None
    key = AgentKey(key_id, id, kind, mac, now, until, held_by=held_by)
    tx.put_agent_key(key)
    data: dict[str, Value] = {
        "change": "key-issued",
        "agent": id,
        "key_id": key_id,
        "method": kind.value,
        "persons": [entries.ref_of(tx, person) for person in sorted(held_by)],
        "until": entries.us(until) if until is not None else None,
    }
    journal(office, tx, Fact.AGENT_CHANGED, by, data)
    return NewKey(key, text)


def revoke_key(office: Office, tx: Tx, by: Actor | None, key_id: str) -> AgentKey | Refused:
    key = tx.agent_key(key_id)
    if key is None:
        return Refused(Reason.NOT_FOUND)
    if key.revoked_at is not None:
        return key
    revoked = replace(key, revoked_at=tx.now())
    tx.put_agent_key(revoked)
    journal(
        office, tx, Fact.AGENT_CHANGED, by, {"change": "key-revoked", "agent": key.agent, "key_id": key_id}
    )
    return revoked


# --- freeze and delegation ---------------------------------------------------------------------------


def read_freeze(tx: ReadTx) -> Freeze | None:
    text = tx.meta(META_FREEZE)
    return msgspec.json.decode(text, type=Freeze) if text else None


def freeze(office: Office, tx: Tx, actor: Actor | None, reason: str, shown: str) -> Freeze:
    """Nothing is granted or redeemed from this commit on. *shown* is the reason, masked."""
    state = Freeze(actor.person if actor else None, tx.now(), shown[:REASON_CHARS_MAX])
    tx.set_meta(META_FREEZE, msgspec.json.encode(state).decode())
    private = (Private("system:freeze", "comment", reason[:REASON_CHARS_MAX]),) if reason else ()
    journal(office, tx, Fact.FREEZE_SET, actor, {}, private=private)
    return state


def unfreeze(office: Office, tx: Tx, actor: Actor | None) -> None:
    if read_freeze(tx) is not None:
        tx.set_meta(META_FREEZE, "")
        journal(office, tx, Fact.FREEZE_LIFTED, actor, {})


def delegate(office: Office, tx: Tx, actor: Actor, taker: PersonId, until: datetime) -> Delegation | Refused:
    """Bounded to 60 days; an *until* in the past ends it. Nobody delegates to himself or onward, nor to two at once (I2)."""
    now = tx.now()
    barred = account_refusal(tx, actor, now)
    if barred is not None:
        return barred
    giver, receiver = tx.person(actor.person), tx.person(taker)
    if (
        giver is None
        or not giver.enabled
        or receiver is None
        or not receiver.enabled
        or taker == actor.person
    ):
        return Refused(Reason.NOT_FOUND, "Name another person who is known here and active.")
    until = min(until, now + DELEGATION_MAX)
    _end_delegations(office, tx, actor, now, but=taker)
    delegation = Delegation(actor.person, taker, now, until)
    tx.put_delegation(delegation)
    fact = Fact.DELEGATION_SET if until > now else Fact.DELEGATION_ENDED
    data: dict[str, Value] = {"person": giver.ref, "delegate": receiver.ref, "until": entries.us(until)}
    journal(office, tx, fact, actor, data)
    return delegation


def end_delegation(office: Office, tx: Tx, actor: Actor) -> Refused | None:
    """*actor* is back. Harmless when nothing was delegated."""
    _end_delegations(office, tx, actor, tx.now())
    return None


def _end_delegations(
    office: Office, tx: Tx, actor: Actor, now: datetime, *, but: PersonId | None = None
) -> None:
    for delegation in tx.delegations(now):
        if delegation.giver == actor.person and delegation.taker != but:
            tx.put_delegation(replace(delegation, until=now))
            data: dict[str, Value] = {
                "person": entries.ref_of(tx, actor.person),
                "delegate": entries.ref_of(tx, delegation.taker),
            }
            journal(office, tx, Fact.DELEGATION_ENDED, actor, data)
