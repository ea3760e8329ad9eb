"""The narrow port to Teams: send, update, direct message, private answer, member lookup; and our own token for the Connector.

Decided here: which faults of the Connector mean later and which never. Deliberately absent: words, inbound activities, and the two
implementations (``botbuilder`` and ``sdk``), which differ in nothing that anybody here can see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

import aiohttp

from bot.chat.coalesce import Paced
from bot.errors import GiveUp, Retry
from bot.secret import Secret

ADAPTIVE: Final = "application/vnd.microsoft.card.adaptive"
SCOPE: Final = "https://api.botframework.com/.default"
TOKEN_MARGIN_SECONDS: Final = 300.0
BACK_OFF: Final = timedelta(seconds=15)
CALL_SECONDS_MAX: Final = 15.0

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of a conversation, as the service says. ``role`` is ``user``, ``guest``, ``anonymous`` or empty."""

    id: str
    aad: str
    tenant: str
    role: str


class Gone(GiveUp):
    """The message or conversation is no more."""


class TeamsTransport(Protocol):
    """Raises ``Retry``, ``Paced`` or ``GiveUp``. *service_url* must be on the allow-list, else the token would leak: ``GiveUp``.

    *conversation* may be a thread of a channel (``thread_of``). Nothing here is retried: a call whose answer was lost would post
    twice; the outbox retries, and knows what it has posted."""

    async def send_card(self, service_url: str, conversation: str, card: Json, summary: str) -> str:
        """A new message; its id."""
        ...

    async def update_card(
        self, service_url: str, conversation: str, id: str, card: Json, summary: str
    ) -> None: ...

    async def open_direct(self, service_url: str, tenant: str, user: str) -> str:
        """The personal conversation with *user* (``29:…``), made when there is none yet; its id, the same each time."""
        ...

    async def send_private(
        self, service_url: str, tenant: str, conversation: str, user: str, card: Json, summary: str
    ) -> None:
        """An answer that *user* alone sees: in *conversation* where the transport can do that, else in the personal one."""
        ...

    async def member(self, service_url: str, conversation: str, user: str) -> Member | None:
        """Somebody of *conversation*, by Teams id or by Entra object id."""
        ...

    async def close(self) -> None:
        """Connections that are kept open; harmless the second time."""
        ...


def thread_of(conversation: str, id: str) -> str:
    """Where a reply to message *id* goes. Only channels have threads; elsewhere a reply is the next message."""
    is_channel = conversation.startswith("19:") and conversation.endswith(("@thread.tacv2", "@thread.skype"))
    return f"{conversation};messageid={id}" if is_channel else conversation


class Tokens:
    """Our token for the connector, fetched asynchronously and renewed five minutes before its end."""

    def __init__(self, url: str, app: str, password: Secret, monotonic: Callable[[], float]) -> None:
        self._url = url
        self._app = app
        self._password = password
        self._monotonic = monotonic
        self._token = ""
        self._until = 0.0
        self._lock = asyncio.Lock()

    @property
    def current(self) -> str:
        return self._token

    async def renew(self) -> None:
        """Raises ``Retry`` when there is no token to be had."""
        async with self._lock:
            if self._monotonic() < self._until - TOKEN_MARGIN_SECONDS:
                return
            form = {
                "grant_type": "client_credentials",
                "client_id": self._app,
                "client_secret": self._password.reveal(),
                "scope": SCOPE,
            }
            try:
                timeout = aiohttp.ClientTimeout(total=10)
                async with (
                    aiohttp.ClientSession(timeout=timeout) as session,
                    session.post(self._url, data=form, allow_redirects=False) as response,
                ):
                    answer = await response.json(content_type=None)
            except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
                raise Retry(BACK_OFF, "no token") from error
            token = answer.get("access_token") if isinstance(answer, dict) else None
            if response.status != 200 or not isinstance(token, str):
                raise Retry(timedelta(minutes=2), "no token: check app, tenant and password")
            self._token = token
            self._until = self._monotonic() + float(answer.get("expires_in", 3600))


def fault(status: int, retry_after: str | None) -> Retry | GiveUp:
    """412, 429, 502, 504 are to be tried again (Teams' documentation on rate limits); 401 and 403 are for an operator."""
    after = retry_after or ""
    seconds = min(int(after), 3600) if after.isascii() and after.isdigit() and len(after) < 6 else 5
    if status in (412, 429):
        return Paced(timedelta(seconds=seconds), f"HTTP {status}")
    if status in (404, 410):
        return Gone(f"HTTP {status}")
    if status in (401, 403):
        return Retry(timedelta(minutes=2), f"HTTP {status}")
    return Retry(BACK_OFF, f"HTTP {status}") if status >= 500 else GiveUp(f"HTTP {status}")
