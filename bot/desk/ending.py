"""The end of console sessions: dropped and journalled in one transaction, whoever ends them and why (I7).

Decided here: one entry a session, naming it by the same short id as its ``session.login``. Deliberately absent: an end by
time (idle or absolute): nobody does anything then, and ``session.login`` says until when the session may live.
"""

from __future__ import annotations

from enum import StrEnum

from audit.entry import Actor as LogActor
from audit.entry import Outcome
from bot.core.facts import Fact
from bot.core.ids import AccountKey, PersonId
from bot.core.people import Session
from bot.desk import entries
from bot.desk.context import Office
from bot.ports import Tx

ID_CHARS = 16
"""Of the stored id, which is itself a hash of the cookie: enough to tell the sessions of one log apart."""


class SessionEnd(StrEnum):
    """Why a session ended; the code that ``session.ended`` carries."""

    LOGOUT = "logout"
    EVERYWHERE = "logout-everywhere"
    REPLACED = "replaced"
    DISABLED = "disabled"
    UNLINKED = "unlinked"
    PASSWORD = "password"  # noqa: S105 - a code, not a password


def short_id(id: str) -> str:
    """How the log names the session stored under *id*."""
    return id[:ID_CHARS]


def end_session(office: Office, tx: Tx, session: Session, by: LogActor, why: SessionEnd) -> None:
    tx.drop_session(session.id)
    data = {
        "reason": why.value,
        "session_id": short_id(session.id),
        "person": entries.ref_of(tx, session.person),
        "method": entries.account_kind(session.account),
    }
    tx.append(entries.draft(Fact.SESSION_ENDED, tx.now(), office.rand, by, Outcome.SUCCESS, data=data))


def end_sessions(
    office: Office,
    tx: Tx,
    person: PersonId,
    by: LogActor,
    why: SessionEnd,
    account: AccountKey | None = None,
) -> None:
    """Every session of *person*, or those that were opened by *account*."""
    for session in tx.sessions(person):
        if account is None or session.account == account:
            end_session(office, tx, session, by, why)
