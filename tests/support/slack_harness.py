"""Our Slack adapter on a desk, against the fake Slack, behind real ASGI calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from starlette.applications import Starlette

from adapters.slack.api import Api
from adapters.slack.app import Parts, SlackApp
from adapters.slack.cards import Cards
from adapters.slack.surface import SlackSurface
from bot.chat.answers import Answers
from bot.chat.coalesce import Pace
from bot.chat.link import Links
from bot.config_chat import SlackSettings
from bot.errors import GiveUp, Retry
from bot.secret import Secret
from tests.support.chat_world import APP, CHANNEL, TEAM, TestKeys, World
from tests.support.fake_slack import APP_TOKEN, SECRET, TOKEN, FakeSlack

CONSOLE = "https://signoff.test"


@dataclass
class Harness:
    world: World
    fake: FakeSlack
    app: SlackApp
    surface: SlackSurface
    client: httpx.AsyncClient
    links: Links
    given_up: list[str] = field(default_factory=list)

    async def click(self, user: str, action: str, /, **changes: Any) -> httpx.Response:
        """Press the newest *action* button in the channel and wait for what follows."""
        response = await self.fake.send(
            self.client, self.fake.click(user, self.fake.button(action), **changes)
        )
        await self.app.tasks.drain()
        return response

    async def press(self, payload: dict[str, Any]) -> httpx.Response:
        response = await self.fake.send(self.client, payload)
        await self.app.tasks.drain()
        return response

    async def type(self, user: str, command: str, text: str = "") -> httpx.Response:
        response = await self.fake.send_form(self.client, self.fake.command(user, command, text))
        await self.app.tasks.drain()
        return response

    async def open_home(self, user: str) -> dict[str, Any]:
        """bolt answers an event before its listener has run, so this waits for what must come."""
        self.fake.homes.pop(user, None)
        await self.fake.send_event(self.client, {"type": "app_home_opened", "user": user, "tab": "home"})
        async with asyncio.timeout(30):
            while user not in self.fake.homes:
                await asyncio.sleep(0.005)
        return self.fake.homes[user]

    async def deliver(self) -> int:
        """One round of the outbox: what is due is shown; Retry puts it back. How many rows there were."""
        rows = await self.world.outbox()
        for row in rows:
            surface, request = str(row.payload.get("surface", "")), row.payload["request"]
            if not surface.startswith("slack:"):
                await self.world.store.outbox_done([row.id])
                continue
            try:
                if row.topic == "card":
                    await self.surface.show(surface, request)  # type: ignore[arg-type]
                else:
                    await self.surface.notify(surface, request, str(row.payload["kind"]))  # type: ignore[arg-type]
            except Retry as retry:
                await self.world.store.outbox_retry(row.id, self.world.clock.now() + retry.after, str(retry))
                continue
            except GiveUp as lost:
                self.given_up.append(str(lost))
            await self.world.store.outbox_done([row.id])
        return len(rows)

    async def settle(self, rounds: int = 400) -> None:
        """Rounds of the outbox, a second apart, until nothing is queued."""
        for _ in range(rounds):
            if not await self.deliver() and await self.world.store.outbox_depth() == 0:
                return
            self.world.clock.forward(timedelta(seconds=1))
        raise AssertionError("the outbox never emptied")

    @property
    def answered(self) -> str:
        """All words of the latest private answer."""
        from tests.support.markup import slack_words

        return slack_words(self.fake.responses[-1]["blocks"])

    @property
    def card(self) -> str:
        from tests.support.markup import slack_words

        cards = [m for m in self.fake.messages[CHANNEL].values() if m["thread_ts"] is None]
        return slack_words(cards[-1]["blocks"])


@asynccontextmanager
async def harness(
    world: World, fake: FakeSlack, *, mode: str = "http", interval: float = 0.0, **settings: Any
) -> AsyncIterator[Harness]:
    keys = TestKeys()
    config = SlackSettings(
        team=TEAM,
        app=APP,
        bot_token=Secret(TOKEN),
        signing_secret=Secret(SECRET),
        app_token=Secret(APP_TOKEN),
        channels={"#approvals": CHANNEL},
        mode=mode,  # type: ignore[arg-type]
        api_url=fake.url,
        response_hosts=(fake.host,),
        upload_hosts=(fake.host,),
        **settings,
    )
    api = Api(config.api_url, config.bot_token, Pace(world.clock.monotonic, interval=interval, burst=1))
    cards = Cards.create(keys.mac)
    surface = SlackSurface(api, cards, config, world.desk, world.store, world.clock, world.office.directory)
    links = Links(world.store, world.desk, world.clock, world.rand, keys.mac)
    answers = Answers(world.desk, links, world.clock, CONSOLE, takes_files=True)
    app = SlackApp(Parts(config, world.desk, world.clock, keys.mac, api, cards, surface, answers))
    await app.start()
    try:
        transport = httpx.ASGITransport(Starlette(routes=[app.route]))
        async with httpx.AsyncClient(transport=transport, base_url="http://bot.test") as client:
            yield Harness(world, fake, app, surface, client, links)
    finally:
        await app.stop()
