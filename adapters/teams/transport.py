"""The narrow port to Teams: send, update, direct message, look up a member. And its implementation on botbuilder.

Decided here: which faults of the connector mean later and which never. Deliberately absent: words, and inbound activities.
botbuilder's connector calls ``requests`` in the default thread pool; its token is read from ours, which is fetched
asynchronously, since its own fetch blocks the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

import aiohttp
from botbuilder.schema import (
    Activity,
    Attachment,
    ChannelAccount,
    ConversationAccount,
    ConversationParameters,
)
from botbuilder.schema._connector_client_enums import ActivityTypes
from botframework.connector.aio import ConnectorClient
from botframework.connector.auth.app_credentials import AppCredentials
from botframework.connector.models import ErrorResponseException
from msrest.exceptions import ClientException, DeserializationError  # type: ignore[attr-defined]

from adapters.teams.token import is_allowed
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
    """Raises ``Retry``, ``Paced`` or ``GiveUp``. *service_url* must be on the allow-list, else the token would leak: ``GiveUp``."""

    async def send_card(self, service_url: str, conversation: str, card: Json, summary: str) -> str:
        """A new message; its id."""
        ...

    async def update_card(
        self, service_url: str, conversation: str, id: str, card: Json, summary: str
    ) -> None: ...

    async def send_direct(
        self, service_url: str, tenant: str, user: str, card: Json, summary: str
    ) -> tuple[str, str]:
        """A message to *user* alone; (conversation, id)."""
        ...

    async def member(self, service_url: str, conversation: str, user: str) -> Member | None: ...


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


class _Credentials(AppCredentials):  # type: ignore[misc]
    """Reads our token; never fetches."""

    def __init__(self, tokens: Tokens | None) -> None:
        super().__init__(app_id=None)
        self._tokens = tokens

    def signed_session(self, session: Any = None) -> Any:
        import requests

        made = session or requests.Session()
        if self._tokens is not None:
            made.headers["Authorization"] = f"Bearer {self._tokens.current}"
        return made

    def get_access_token(self, force_refresh: bool = False) -> str:
        return self._tokens.current if self._tokens is not None else ""


class BotbuilderTransport:
    """``TeamsTransport`` on botbuilder's connector. *tokens* None: the development flag, no authorization at all."""

    def __init__(self, tokens: Tokens | None, app: str, service_urls: tuple[str, ...]) -> None:
        self._tokens = tokens
        self._app = app
        self._service_urls = service_urls

    async def send_card(self, service_url: str, conversation: str, card: Json, summary: str) -> str:
        client = await self._client(service_url)
        answer = await self._guard(
            client.conversations.send_to_conversation(
                conversation, self._activity(conversation, card, summary)
            )
        )
        return str(answer.id)

    async def update_card(
        self, service_url: str, conversation: str, id: str, card: Json, summary: str
    ) -> None:
        client = await self._client(service_url)
        activity = self._activity(conversation, card, summary)
        activity.id = id
        await self._guard(client.conversations.update_activity(conversation, id, activity))

    async def send_direct(
        self, service_url: str, tenant: str, user: str, card: Json, summary: str
    ) -> tuple[str, str]:
        client = await self._client(service_url)
        wanted = ConversationParameters(
            is_group=False,
            bot=ChannelAccount(id=f"28:{self._app}"),
            members=[ChannelAccount(id=user)],
            tenant_id=tenant,
            channel_data={"tenant": {"id": tenant}},
        )
        made = await self._guard(client.conversations.create_conversation(wanted))
        return str(made.id), await self.send_card(service_url, str(made.id), card, summary)

    async def member(self, service_url: str, conversation: str, user: str) -> Member | None:
        client = await self._client(service_url)
        try:
            found = await self._guard(client.conversations.get_conversation_member(conversation, user))
        except Gone:
            return None
        more = found.additional_properties or {}
        role = more.get("userRole") or found.role or ""
        return Member(
            str(found.id),
            str(found.aad_object_id or more.get("objectId") or ""),
            str(more.get("tenantId") or ""),
            str(role),
        )

    async def _client(self, service_url: str) -> Any:
        if not is_allowed(service_url, self._service_urls):
            raise GiveUp("the service URL is not on the allow-list")
        if self._tokens is not None:
            await self._tokens.renew()
        client = ConnectorClient(_Credentials(self._tokens), base_url=service_url)
        # Its own retries would post a card twice after a lost answer, and wait in a thread; the outbox retries.
        client.config.retry_policy.retries = 0
        return client

    def _activity(self, conversation: str, card: Json, summary: str) -> Activity:
        return Activity(
            type=ActivityTypes.message,
            summary=summary,
            conversation=ConversationAccount(id=conversation),
            from_property=ChannelAccount(id=f"28:{self._app}"),
            attachments=[Attachment(content_type=ADAPTIVE, content=card)],
        )

    async def _guard(self, call: Any) -> Any:
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                return await call
        except ErrorResponseException as error:
            raise _fault(error.response) from error
        except (ClientException, DeserializationError, TimeoutError, OSError) as error:
            raise Retry(BACK_OFF, f"unreachable ({type(error).__name__})") from error


def _fault(response: Any) -> Exception:
    """412, 429, 502, 504 are to be tried again (Teams' documentation on rate limits); 401 and 403 are for an operator."""
    status = int(getattr(response, "status_code", getattr(response, "status", 500)))
    after = str(getattr(response, "headers", {}).get("Retry-After", ""))
    seconds = min(int(after), 3600) if after.isascii() and after.isdigit() and len(after) < 6 else 5
    if status in (412, 429):
        return Paced(timedelta(seconds=seconds), f"HTTP {status}")
    if status in (404, 410):
        return Gone(f"HTTP {status}")
    if status in (401, 403):
        return Retry(timedelta(minutes=2), f"HTTP {status}")
    return Retry(BACK_OFF, f"HTTP {status}") if status >= 500 else GiveUp(f"HTTP {status}")
