"""``TeamsTransport`` on botbuilder-core 4.17: the default, and the only file that imports it.

Its connector calls ``requests`` in the default thread pool; its token is read from ours, which is fetched asynchronously, since its
own fetch blocks the event loop. Deliberately absent: its adapter, its dispatch and its validation of inbound tokens.
"""

from __future__ import annotations

import asyncio
from typing import Any

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
from adapters.teams.transport import ADAPTIVE, BACK_OFF, CALL_SECONDS_MAX, Gone, Json, Member, Tokens, fault
from bot.errors import GiveUp, Retry


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

    async def open_direct(self, service_url: str, tenant: str, user: str) -> str:
        client = await self._client(service_url)
        wanted = ConversationParameters(
            is_group=False,
            bot=ChannelAccount(id=f"28:{self._app}"),
            members=[ChannelAccount(id=user)],
            tenant_id=tenant,
            channel_data={"tenant": {"id": tenant}},
        )
        made = await self._guard(client.conversations.create_conversation(wanted))
        return str(made.id)

    async def send_private(
        self, service_url: str, tenant: str, conversation: str, user: str, card: Json, summary: str
    ) -> None:
        """In the personal conversation: botbuilder 4.17 knows no targeted messages."""
        personal = await self.open_direct(service_url, tenant, user)
        await self.send_card(service_url, personal, card, summary)

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

    async def close(self) -> None:
        """Botbuilder keeps nothing open between calls."""

    async def _client(self, service_url: str) -> Any:
        if not is_allowed(service_url, self._service_urls):
            raise GiveUp("the service URL is not on the allow-list")
        if self._tokens is not None:
            await self._tokens.renew()
        client = ConnectorClient(_Credentials(self._tokens), base_url=service_url)
        # Its own retries would repeat an update after a lost answer, and wait in a thread; the outbox retries.
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
            raise _fault_of(error.response) from error
        except (ClientException, DeserializationError, TimeoutError, OSError) as error:
            raise Retry(BACK_OFF, f"unreachable ({type(error).__name__})") from error


def _fault_of(response: Any) -> Retry | GiveUp:
    status = int(getattr(response, "status_code", getattr(response, "status", 500)))
    after = getattr(response, "headers", {}).get("Retry-After")
    return fault(status, str(after) if after is not None else None)
