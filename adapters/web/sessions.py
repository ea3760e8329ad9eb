"""Console sessions: a random cookie, its SHA-256 in the store, idle and absolute ends, a new id at every sign-in.

Decided here: when a session is over. Deliberately absent: who may do what (the desk), and proof of who somebody is (``login``).
A stolen database opens no session, since it holds no cookie; a stolen cookie ends at the idle or the absolute limit, at log
out, or when the person is disabled, whichever is first.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from starlette.responses import Response

from adapters.web.settings import WebSettings
from bot.core.ids import AccountKey, PersonId
from bot.core.people import Session
from bot.core.request import Assurance
from bot.ports import Clock, Rand, Store, Tx

TOKEN_BYTES: Final = 32
_TOKEN_CHARS: Final = 43
TOUCH_EVERY: Final = timedelta(seconds=60)
"""How stale ``seen_at`` may be: one write a minute and person, not one a click."""


def token(rand: Rand) -> str:
    return urlsafe_b64encode(rand.bytes(TOKEN_BYTES)).rstrip(b"=").decode()


def session_id(cookie: str) -> str:
    """What is stored for *cookie*."""
    return sha256(b"signoff session\0" + cookie.encode()).hexdigest()


def is_over(session: Session, now: datetime, idle: timedelta) -> bool:
    """At the very instant of either end it is over."""
    return now >= session.expires_at or now >= session.seen_at + idle


class Sessions:
    def __init__(self, store: Store, clock: Clock, rand: Rand, settings: WebSettings) -> None:
        self._store = store
        self._clock = clock
        self._rand = rand
        self._settings = settings

    async def find(self, cookies: Mapping[str, str]) -> Session | None:
        """The live session of this browser, or None. One read."""
        cookie = cookies.get(self._settings.session_cookie, "")
        if len(cookie) != _TOKEN_CHARS or not cookie.isascii():
            return None
        return await self.again(session_id(cookie))

    async def again(self, id: str) -> Session | None:
        """The session *id* if it is still alive (a live stream asks every few seconds)."""
        session = await self._store.read(lambda tx: tx.session(id))
        if session is None or is_over(session, self._clock.now(), self._settings.idle):
            return None
        return session

    async def touch(self, session: Session) -> None:
        """Move the idle end, at most once a minute. A session that was dropped meanwhile is not brought back."""
        now = self._clock.now()
        if now - session.seen_at < TOUCH_EVERY:
            return

        def work(tx: Tx) -> None:
            current = tx.session(session.id)
            if current is not None and current.seen_at < now:
                tx.put_session(replace(current, seen_at=now))

        await self._store.write(work)

    def new(self, person: PersonId, account: AccountKey) -> tuple[str, Session]:
        """A fresh cookie and the session to store for it; the caller has just seen proof of *account*."""
        cookie = token(self._rand)
        now = self._clock.now()
        session = Session(
            id=session_id(cookie),
            person=person,
            account=account,
            assurance=Assurance.CONSOLE,
            csrf=token(self._rand),
            created_at=now,
            seen_at=now,
            authenticated_at=now,
            expires_at=now + self._settings.absolute,
        )
        return cookie, session

    def set_cookie(self, response: Response, cookie: str) -> None:
        self._set(
            response, self._settings.session_cookie, cookie, int(self._settings.absolute.total_seconds())
        )

    def set_visitor(self, response: Response, value: str) -> None:
        self._set(response, self._settings.visitor_cookie, value, 600)

    def clear(self, response: Response) -> None:
        self._set(response, self._settings.session_cookie, "", 0)
        self._set(response, self._settings.visitor_cookie, "", 0)

    def _set(self, response: Response, name: str, value: str, age: int) -> None:
        response.set_cookie(
            name, value, max_age=age, path="/", secure=self._settings.is_https, httponly=True, samesite="lax"
        )


def same(left: str, right: str) -> bool:
    """Compare in constant time; strings from outside may be anything."""
    return hmac.compare_digest(left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass"))
