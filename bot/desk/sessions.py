"""Who is at the door: which person an account is now, and the console sessions that were opened for them. Journalled.

Decided here: an account that is revoked, past its end or unknown is nobody; one in its cool-down may look but not vote (T04).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from audit.entry import Actor as LogActor
from audit.entry import Outcome, Private
from audit.fields import LIST_MAX, Value
from bot.core.facts import Fact
from bot.core.ids import AccountKey, GroupName
from bot.core.people import Actor, Session
from bot.core.reasons import Reason, Refused
from bot.core.request import Assurance
from bot.desk import entries
from bot.desk.admin import journal
from bot.desk.context import Office
from bot.desk.ending import SessionEnd, end_session, end_sessions, short_id
from bot.ports import ReadTx, Tx


def identify(
    tx: ReadTx, key: AccountKey, surface: str, assurance: Assurance, authenticated_at: datetime | None
) -> Actor | Refused:
    """See ``Desk.identify``."""
    now = tx.now()
    account = tx.account(key)
    if account is None or account.revoked_at is not None:
        return Refused(Reason.UNMAPPED)
    if account.expires_at is not None and now >= account.expires_at:
        return Refused(Reason.UNMAPPED)
    if account.unconfirmed_by is not None:
        return Refused(Reason.LINK_UNCONFIRMED)
    person = tx.person(account.person)
    if person is None or not person.enabled:
        return Refused(Reason.PERSON_DISABLED)
    if account.active_from > now:
        return Refused(Reason.COOL_DOWN)
    return Actor(account.person, key, surface, assurance, authenticated_at or now)


def open_session(
    office: Office, tx: Tx, session: Session, replaces: str | None, groups: frozenset[str] | None
) -> Actor | Refused:
    """See ``Desk.open_session``."""
    found = identify(tx, session.account, "console", session.assurance, session.authenticated_at)
    if isinstance(found, Refused) and found.reason is not Reason.COOL_DOWN:
        refuse_session(office, tx, session.account, found.reason.value)
        return found
    account = tx.account(session.account)
    if account is None or account.person != session.person:
        refuse_session(office, tx, session.account, Reason.UNMAPPED.value)
        return Refused(Reason.UNMAPPED)
    actor = Actor(session.person, session.account, "console", session.assurance, session.authenticated_at)
    if groups is not None:
        _claim(office, tx, actor, frozenset(GroupName(name) for name in groups))
    old = tx.session(replaces) if replaces is not None else None
    if old is not None:
        end_session(office, tx, old, entries.person_actor(tx, actor), SessionEnd.REPLACED)
    tx.put_session(session)
    data: dict[str, Value] = {
        "method": entries.account_kind(session.account),
        "assurance": session.assurance.value,
        "session_id": short_id(session.id),
        "until": entries.us(session.expires_at),
    }
    journal(office, tx, Fact.SESSION_LOGIN, actor, data)
    return actor


def _claim(office: Office, tx: Tx, actor: Actor, groups: frozenset[GroupName]) -> None:
    """What the identity provider says of the person now decides what they may decide, so a change is an entry (I7)."""
    person = tx.person(actor.person)
    if person is None or person.groups == groups:
        return
    tx.put_person(replace(person, groups=groups))
    names = sorted({entries.slug(name) for name in groups})
    data: dict[str, Value] = {"change": "groups-claimed", "person": person.ref, "groups": names[:LIST_MAX]}
    data["group_count"] = len(groups)
    private = (Private(f"person:{person.ref}", "groups", [str(name) for name in sorted(groups)]),)
    journal(office, tx, Fact.IDENTITY_CHANGED, actor, data, private=private)


def close_session(office: Office, tx: Tx, id: str) -> None:
    """See ``Desk.close_session``."""
    session = tx.session(id)
    if session is not None:
        actor = LogActor("human", entries.ref_of(tx, session.person), entries.account_kind(session.account))
        end_session(office, tx, session, actor, SessionEnd.LOGOUT)


def close_sessions(office: Office, tx: Tx, actor: Actor) -> None:
    """See ``Desk.close_sessions``."""
    end_sessions(office, tx, actor.person, entries.person_actor(tx, actor), SessionEnd.EVERYWHERE)


def refuse_session(office: Office, tx: Tx, key: AccountKey | None, why: str) -> None:
    """Journal that nobody was let in. The account is named by its person's pseudonym, if it has one."""
    account = tx.account(key) if key is not None else None
    ref = entries.ref_of(tx, account.person) if account is not None else None
    data = {"reason": why, "person": ref, "method": entries.account_kind(key) if key is not None else None}
    actor = LogActor("system", "door")
    tx.append(entries.draft(Fact.SESSION_REFUSED, tx.now(), office.rand, actor, Outcome.REFUSED, data=data))
