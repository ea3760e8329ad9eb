"""Our Teams adapter on a desk, through botbuilder's connector, against the fake Connector."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import httpx
from starlette.applications import Starlette

from adapters.teams.app import Parts, TeamsApp
from adapters.teams.cards import Cards
from adapters.teams.surface import TeamsSurface
from adapters.teams.token import Keys, TokenCheck
from adapters.teams.transport import Tokens
from bot.chat.answers import Answers
from bot.chat.coalesce import Pace
from bot.chat.link import Links
from bot.config_chat import TeamsSettings
from bot.core.ids import RequestId
from bot.errors import GiveUp, Retry
from bot.secret import Secret
from bot.teams_wiring import make_transport
from tests.support.chat_world import TEAMS_CHANNEL, TENANT, TestKeys, World
from tests.support.fake_connector import BOT, PASSWORD, FakeConnector, button, jwk
from tests.support.markup import teams_words


@dataclass
class TeamsHarness:
    world: World
    fake: FakeConnector
    app: TeamsApp
    surface: TeamsSurface
    client: httpx.AsyncClient
    keys: Keys
    key_set: dict[str, Any]

    async def show(self, request: RequestId) -> None:
        for _ in range(30):
            try:
                await self.surface.show("teams:approvals", request)
                return
            except GiveUp:
                raise
            except Retry as retry:
                self.world.clock.forward(retry.after + timedelta(milliseconds=1))
        raise AssertionError("never shown")

    async def press(self, who: str, title: str, /, **more: Any) -> dict[str, Any]:
        activity = self.fake.execute(who, button(self.fake.card(), title), **more)
        response = await self.fake.post(self.client, activity)
        await self.app.tasks.drain()
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    @property
    def card(self) -> str:
        return teams_words(self.fake.card())


@asynccontextmanager
async def teams_harness(
    world: World,
    fake: FakeConnector,
    transport: Literal["botbuilder", "teams-sdk"] = "botbuilder",
    *,
    targeted: bool = False,
) -> AsyncIterator[TeamsHarness]:
    key_set = {"keys": [jwk(fake.key, "k1")]}

    async def fetch() -> Mapping[str, Any] | None:
        return key_set

    settings = TeamsSettings(
        app=BOT,
        tenant=TENANT,
        password=Secret(PASSWORD),
        channels={"approvals": TEAMS_CHANNEL},
        service_urls=(fake.url,),
        transport=transport,
        targeted=targeted,
    )
    mac = TestKeys().mac
    keys = Keys(fetch, world.clock.monotonic)
    check = TokenCheck(keys, app=BOT, tenant=TENANT, service_urls=settings.service_urls)
    assert settings.password is not None
    tokens = Tokens(fake.url + "token", BOT, settings.password, world.clock.monotonic)
    made = make_transport(settings, tokens)
    cards = Cards.create(mac)
    pace = Pace(world.clock.monotonic, interval=0.0, burst=1)
    surface = TeamsSurface(made, cards, settings, world.desk, world.store, pace, world.office.directory)
    answers = Answers(
        world.desk,
        Links(world.store, world.desk, world.clock, world.rand, mac),
        world.clock,
        "https://signoff.test",
        takes_files=False,
    )
    app = TeamsApp(Parts(settings, check, world.desk, world.clock, mac, cards, made, surface, answers))
    try:
        asgi = httpx.ASGITransport(Starlette(routes=[app.route]))
        async with httpx.AsyncClient(transport=asgi, base_url="http://bot.test") as client:
            yield TeamsHarness(world, fake, app, surface, client, keys, key_set)
    finally:
        await app.stop()
