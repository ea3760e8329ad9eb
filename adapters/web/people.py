"""Which account a sign-in proves, and the session that follows. Nothing is decided here about people: ``desk.open_session`` is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from starlette.responses import Response

from adapters.web.guard import Visit, see_other
from bot.core.ids import NAME, AccountKey
from bot.core.people import Account
from bot.core.reasons import Reason, Refused

LOCAL: Final = "local:"


def local_account(name: str) -> AccountKey | None:
    """``local:NAME``, or None when *name* cannot be one."""
    return AccountKey(LOCAL + name) if NAME.fullmatch(name) else None


async def find(visit: Visit, key: AccountKey | None) -> Account | None:
    """The live account under *key*. One read, made for unknown names as well."""
    key = key or AccountKey("local:-")
    account = await visit.console.store.read(lambda tx: tx.account(key))
    return None if account is None or account.revoked_at is not None else account


async def enter(
    visit: Visit,
    account: Account,
    next_path: str,
    groups: frozenset[str] | None = None,
    authenticated_at: datetime | None = None,
) -> Response | Refused:
    """*account* was proven (at *authenticated_at*, or just now): a new session id (rotation), the old one dropped, and on to *next_path*."""
    cookie, session = visit.console.sessions.new(account.person, account.key)
    if authenticated_at is not None:
        session = replace(session, authenticated_at=authenticated_at)
    replaces = visit.session.id if visit.session else None
    opened = await visit.desk.open_session(session, replaces=replaces, groups=groups)
    if isinstance(opened, Refused):
        return opened
    response = see_other(next_path)
    visit.console.sessions.set_cookie(response, cookie)
    return response


UNMAPPED: Final = Refused(Reason.UNMAPPED)
