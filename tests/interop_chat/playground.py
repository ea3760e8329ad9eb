"""Microsoft 365 Agents Playground, headless: the Teams client and Connector that Microsoft gives to developers.

It has no interface for machines that is documented; what is used here was read from 0.2.28 and is pinned. Its own people have
directory ids that are no UUIDs, so it gets a configuration with the people of our tests. It sends no Authorization header.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import yaml

from tests.interop_chat.outside import script, served
from tests.support.chat_world import AAD, TENANT
from tests.support.fake_connector import button, executes
from tests.support.markup import teams_words

PACKAGE = "@microsoft/m365agentsplayground"
CHANNEL, GROUP, PERSONAL = "19:approvals@thread.tacv2", "group-chat", "personal-chat"
BOT = "28:signoff"
ADAPTIVE = "application/vnd.microsoft.card.adaptive"
SEES = "ana"
"""Whom the Playground's window belongs to; the others act through its invoke interface."""

Json = dict[str, Any]


def _person(name: str) -> Json:
    mail = f"{name}@example.org"
    return {
        "id": f"29:{name}", "name": name.title(), "userPrincipleName": mail, "aadObjectId": AAD[name],
        "givenName": name.title(), "surname": "Test", "email": mail,
    }  # fmt: skip


def configuration() -> Json:
    return {
        "version": "0.1.1",
        "tenantId": TENANT,
        "bot": {"id": BOT, "name": "Signoff"},
        "currentUser": _person(SEES),
        "users": [_person(name) for name in AAD if name != SEES],
        "personalChat": {"id": PERSONAL},
        "groupChat": {"id": GROUP, "name": "Approvers"},
        "team": {
            "id": "team-id", "name": "Data", "aadGroupId": "00000000-0000-4000-8000-000000000031",
            "channels": [{"id": CHANNEL, "name": "Approvals"}],
        },
    }  # fmt: skip


@dataclass
class Playground:
    """``cards[conversation][id]`` is what stands there now, as its own client is told over its WebSocket."""

    url: str
    client: httpx.AsyncClient
    cards: dict[str, dict[str, Json]] = field(default_factory=dict)
    updates: dict[str, int] = field(default_factory=dict)

    def find(self, conversation: str, request: str) -> tuple[str, Json] | None:
        """Message id and card of *request*."""
        for id, card in reversed(list(self.cards.get(conversation, {}).items())):
            if request in teams_words(card):
                return id, card
        return None

    def words(self, conversation: str, request: str) -> str:
        found = self.find(conversation, request)
        return teams_words(found[1]) if found else ""

    async def press(
        self, who: str, conversation: str, request: str, title: str, reason: str | None = None
    ) -> Json:
        """*who* presses the button that the standing card has; the Playground's answer to its client."""
        found = self.find(conversation, request)
        assert found is not None
        return await self.invoke(who, conversation, found[0], button(found[1], title), "signoff", reason)

    async def invoke(
        self, who: str, conversation: str, message: str, press: Json, verb: str, reason: str | None = None
    ) -> Json:
        data = dict(press["data"]) | ({"reason": reason} if reason is not None else {})
        body = {
            "name": "adaptiveCard/action",
            "value": {"action": {"type": "Action.Execute", "verb": verb, "data": data}, "trigger": "manual"},
            "from": {"id": f"29:{who}"},
            "conversation": {"id": self.thread(conversation, message)},
            "replyToId": message,
        }
        answer = await self.client.post("/_conversation/v1/invoke", json=body)
        return {"http": answer.status_code, **(answer.json() if answer.content else {})}

    def thread(self, conversation: str, message: str) -> str:
        """In a channel every message begins a thread, with an address of its own, as in the real one."""
        return f"{conversation};messageid={message}" if conversation == CHANNEL else conversation

    async def say(self, text: str, conversation: str = PERSONAL) -> None:
        """The owner of the window writes to the app: in private, or by a mention."""
        body: Json = {"from": {"id": f"29:{SEES}"}, "text": text, "textFormat": "plain"}
        if conversation != PERSONAL:
            mention = "<at>Signoff</at>"
            body |= {"text": f"{mention} {text}", "mentions": [{"mentioned": {"id": BOT}, "text": mention}]}
        answer = await self.client.post(f"/_conversation/v1/conversations/{conversation}/messages", json=body)
        assert answer.status_code < 300, answer.text

    def buttons(self, conversation: str, request: str) -> set[str]:
        found = self.find(conversation, request)
        return {b.get("title", "") for b in executes(found[1])} if found else set()

    async def listen(self, ready: asyncio.Event) -> None:
        where = self.url.replace("http", "ws", 1) + "/_ws_conversation/v1/conversations/stream"
        async with aiohttp.ClientSession() as session, session.ws_connect(where, max_msg_size=0) as socket:
            ready.set()
            async for told in socket:
                if told.type is aiohttp.WSMsgType.TEXT:
                    self._take(told.json())

    def _take(self, event: Json) -> None:
        message = event.get("message") or {}
        for attachment in message.get("attachments") or []:
            if attachment.get("contentType") == ADAPTIVE:
                where = str(event["actionConversationId"]).split(";", 1)[0]
                self.cards.setdefault(where, {})[message["messageId"]] = attachment["content"]
                if event.get("action") == "updateMessage":
                    self.updates[message["messageId"]] = self.updates.get(message["messageId"], 0) + 1


@contextlib.asynccontextmanager
async def playground(folder: Path, port: int, endpoint: str) -> AsyncIterator[Playground]:
    """The Playground on *port*, sending what people do to *endpoint*."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".m365agentsplayground.yml").write_text(yaml.safe_dump(configuration()), encoding="utf-8")
    url = f"http://127.0.0.1:{port}"
    command = [
        *script(PACKAGE, "cli.js"), "-e", endpoint, "-c", "msteams", "-p", str(port),
        "--service-url", f"{url}/_connector", "--disable-telemetry",
    ]  # fmt: skip
    running = served(command, folder, f"{url}/_debug/ping")
    await asyncio.to_thread(running.__enter__)
    try:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            made, ready = Playground(url, client), asyncio.Event()
            task = asyncio.create_task(made.listen(ready))
            try:
                async with asyncio.timeout(20):
                    await ready.wait()
                yield made
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)
