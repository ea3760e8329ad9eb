"""``TeamsTransport`` on the Teams SDK (microsoft-teams-apps, extra ``teams-sdk``): asynchronous, and the maintained one of the two.

Only the SDK's client of the Connector is used. Its inbound side is not: with no tenant it does not look at the issuer, and its leeway
is five minutes (T29), so our own validation stands in front of both transports. Where ``targeted`` is on, a private answer is a
targeted message (public developer preview; Teams forgets it after a day). Deliberately absent: the SDK's own token and its retries.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar
from urllib.parse import quote

from adapters.teams.token import is_allowed
from adapters.teams.transport import ADAPTIVE, BACK_OFF, CALL_SECONDS_MAX, Gone, Json, Member, Tokens, fault
from bot.errors import ConfigError, GiveUp, Retry

T = TypeVar("T")

CLIENTS_MAX: Final = 8
"""Service URLs served at once; an installation has one or two."""
MISSING: Final = "teams.transport is teams-sdk, which is not installed; install signoff with the extra teams-sdk, or take the setting out"


def is_installed() -> bool:
    """Whether the extra is there, without loading it."""
    from importlib.util import find_spec

    return find_spec("microsoft_teams") is not None and find_spec("microsoft_teams.api") is not None


class SdkTransport:
    """*tokens* None: the development flag, no authorization at all. ``ConfigError`` when the extra is not installed."""

    def __init__(
        self, tokens: Tokens | None, app: str, service_urls: tuple[str, ...], *, targeted: bool = False
    ) -> None:
        if not is_installed():
            raise ConfigError(MISSING)
        if targeted:
            _expect_preview()
        self._tokens = tokens
        self._app = app
        self._service_urls = service_urls
        self._targeted = targeted
        self._clients: dict[str, Any] = {}

    async def send_card(self, service_url: str, conversation: str, card: Json, summary: str) -> str:
        client = await self._client(service_url)
        activity = self._activity(card, summary)
        sent = await self._guard(client.create_activity(_path(conversation), activity))
        return str(sent.id)

    async def update_card(
        self, service_url: str, conversation: str, id: str, card: Json, summary: str
    ) -> None:
        client = await self._client(service_url)
        activity = self._activity(card, summary)
        activity.id = id
        await self._guard(client.update_activity(_path(conversation), _path(id), activity))

    async def open_direct(self, service_url: str, tenant: str, user: str) -> str:
        from microsoft_teams.api import Account, CreateConversationParams

        client = await self._client(service_url)
        wanted = CreateConversationParams(
            members=[Account(id=user)], tenant_id=tenant, channel_data={"tenant": {"id": tenant}}
        )
        # The Connector wants to know the bot and that this is no group; the SDK's model takes them as extra members.
        wanted = wanted.model_copy(update={"isGroup": False, "bot": {"id": f"28:{self._app}"}})
        made = await self._guard(client.create(wanted))
        return str(made.id)

    async def send_private(
        self, service_url: str, tenant: str, conversation: str, user: str, card: Json, summary: str
    ) -> None:
        """A targeted message where that is on and Teams takes it, else the personal conversation."""
        if self._targeted:
            try:
                await self._send_targeted(service_url, conversation, user, card, summary)
            except GiveUp:
                pass  # this client, tenant or conversation has no targeted messages
            else:
                return
        personal = await self.open_direct(service_url, tenant, user)
        await self.send_card(service_url, personal, card, summary)

    async def _send_targeted(
        self, service_url: str, conversation: str, user: str, card: Json, summary: str
    ) -> None:
        from microsoft_teams.api import Account

        client = await self._client(service_url)
        activity = self._activity(card, summary)
        activity.recipient = Account(id=user, is_targeted=True)
        await self._guard(client.create_targeted_activity(_path(conversation), activity))

    async def member(self, service_url: str, conversation: str, user: str) -> Member | None:
        client = await self._client(service_url)
        try:
            found = await self._guard(client.get_member_by_id(_path(conversation), _path(user)))
        except Gone:
            return None
        more = found.model_extra or {}
        return Member(
            str(found.id),
            str(found.aad_object_id or more.get("objectId") or ""),
            str(found.tenant_id or ""),
            str(found.user_role or more.get("role") or ""),
        )

    async def close(self) -> None:
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.http.http.aclose()

    async def _client(self, service_url: str) -> Any:
        if not is_allowed(service_url, self._service_urls):
            raise GiveUp("the service URL is not on the allow-list")
        if self._tokens is not None:
            await self._tokens.renew()
        if service_url not in self._clients:
            if len(self._clients) >= CLIENTS_MAX:
                await self.close()
            self._clients[service_url] = _make(service_url, self._token)
        return self._clients[service_url]

    def _token(self) -> str | None:
        return self._tokens.current if self._tokens is not None else None

    def _activity(self, card: Json, summary: str) -> Any:
        from microsoft_teams.api import Account, Attachment, MessageActivityInput

        attachment = Attachment(content_type=ADAPTIVE, content=card)
        activity = MessageActivityInput(attachments=[attachment], from_=Account(id=f"28:{self._app}"))
        return activity.model_copy(update={"summary": summary})

    async def _guard(self, call: Awaitable[T]) -> T:
        import httpx

        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                return await call
        except httpx.HTTPStatusError as error:
            raise fault(error.response.status_code, error.response.headers.get("Retry-After")) from error
        except (httpx.HTTPError, TimeoutError, OSError, ValueError, LookupError, AttributeError) as error:
            # ValueError, LookupError, AttributeError: an answer in a shape that the SDK's models do not read
            raise Retry(BACK_OFF, f"unreachable ({type(error).__name__})") from error


def _expect_preview() -> None:
    """The SDK warns at each call of what is in preview; ``targeted`` is off unless somebody asked for it."""
    from microsoft_teams.common.experimental import ExperimentalWarning

    warnings.filterwarnings("ignore", category=ExperimentalWarning)


def _make(service_url: str, token: Callable[[], str | None]) -> Any:
    """The SDK's client: our token at each call, no environment's proxies, no redirects."""
    import httpx
    from microsoft_teams.api import ConversationClient
    from microsoft_teams.common import Client as HttpClient
    from microsoft_teams.common import ClientOptions

    http = HttpClient(ClientOptions(token=token))
    http.http = httpx.AsyncClient(timeout=CALL_SECONDS_MAX, trust_env=False)
    # The SDK has set this logger to its own level; at INFO it writes every address (T50).
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return ConversationClient(service_url, http)


def _path(id: str) -> str:
    """One segment of a path: the SDK writes ids into addresses as they are."""
    return quote(id, safe="")
