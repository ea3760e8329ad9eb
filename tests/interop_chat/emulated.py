"""Slack's Web API by ``emulate`` (Apache-2.0): channels, threads, direct messages, views and scopes with a memory.

It gives its own ids, so they are looked up first. It has no interactivity: clicks are signed and sent by us, with trigger ids that are
its own (they end after three seconds); private answers go to our fake's ``response_url``, which it has not either.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.interop_chat.outside import script, served
from tests.support.fake_slack import TOKEN

PACKAGE = "emulate"
POOR_TOKEN = "xoxb-poor-token-0123456789"
SCOPES = ["chat:write", "channels:read", "channels:history", "groups:read", "groups:history", "im:write", "im:history", "im:read", "users:read"]  # fmt: skip
APP_USER = "signoff-app"
CHANNELS = ("approvals", "direct")

Json = dict[str, Any]


def seed(people: tuple[str, ...]) -> Json:
    users = [{"name": p, "real_name": p.title(), "email": f"{p}@example.org"} for p in (*people, APP_USER)]
    app = {"client_id": "1.2", "client_secret": "x" * 20, "app_id": "A0SIGNOFF", "name": "Signoff", "bot_name": "signoff"}  # fmt: skip
    return {
        "slack": {
            "strict_scopes": True,
            "team": {"name": "Signoff", "domain": "signoff"},
            "users": users,
            "channels": [{"name": name} for name in CHANNELS],
            "bots": [{"name": "signoff"}],
            "oauth_apps": [{**app, "redirect_uris": ["http://127.0.0.1/x"], "scopes": SCOPES}],
            "tokens": [
                {"token": TOKEN, "user": APP_USER, "scopes": SCOPES},
                {"token": POOR_TOKEN, "user": APP_USER, "scopes": ["channels:read"]},
            ],
        }
    }


@dataclass
class Emulated:
    url: str
    client: httpx.AsyncClient
    team: str = ""
    channels: dict[str, str] | None = None
    users: dict[str, str] | None = None

    @property
    def api(self) -> str:
        return f"{self.url}/api/"

    async def call(self, method: str, /, **form: str) -> Json:
        answer: Json = (
            await self.client.post(self.api + method, data=form, headers={"Authorization": f"Bearer {TOKEN}"})
        ).json()
        return answer

    async def look_up(self) -> None:
        self.team = (await self.call("auth.test"))["team_id"]
        self.channels = {
            c["name"]: c["id"] for c in (await self.call("conversations.list", limit="100"))["channels"]
        }
        self.users = {u["name"]: u["id"] for u in (await self.call("users.list", limit="100"))["members"]}

    async def messages(self, channel: str) -> list[Json]:
        answer = await self.call(
            "conversations.history", channel=channel, limit="200", include_all_metadata="true"
        )
        assert answer["ok"], answer
        return list(answer["messages"])

    async def cards(self, channel: str, request: str) -> list[Json]:
        """The messages about *request* that stand in *channel*, found by their metadata."""
        return [
            m
            for m in await self.messages(channel)
            if ((m.get("metadata") or {}).get("event_payload") or {}).get("request_id") == request
        ]

    async def thread(self, channel: str, ts: str) -> list[Json]:
        answer = await self.call("conversations.replies", channel=channel, ts=ts)
        return [m for m in answer["messages"] if m["ts"] != ts]

    async def trigger(self) -> str:
        return str((await self.call("views.generateTriggerId"))["trigger_id"])

    async def inspector(self, tab: str) -> str:
        """Its own window's text, without markup."""
        page = (await self.client.get(self.url, params={"tab": tab})).text
        return html.unescape(re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL))


@contextlib.asynccontextmanager
async def emulated(folder: Path, port: int, people: tuple[str, ...]) -> AsyncIterator[Emulated]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "seed.yaml").write_text(yaml.safe_dump(seed(people)), encoding="utf-8")
    url = f"http://127.0.0.1:{port}"
    command = [
        *script(PACKAGE, "dist/index.js"),
        "start",
        "-s",
        "slack",
        "-p",
        str(port),
        "--seed",
        "seed.yaml",
    ]
    running = served(command, folder, url)
    await asyncio.to_thread(running.__enter__)
    try:
        async with httpx.AsyncClient(timeout=30) as client:
            made = Emulated(url, client)
            await made.look_up()
            yield made
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)
