"""Teams from the ask to the decision in Microsoft's own client: a real server process and Microsoft 365 Agents Playground.

Everything is done twice, by each transport. Nothing of ours stands between the two: the cards go through the Playground's Connector, the clicks come from its client. It covers
no tokens (it sends none: ``teams.development``), no per-viewer refresh, no manifest; those have tests of their own.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from adapters.teams.sdk import is_installed
from adapters.teams.surface import DEVELOPMENT_TENANT
from tests.flows.chat_seats import until
from tests.interop_chat.outside import needs
from tests.interop_chat.playground import ADAPTIVE, CHANNEL, GROUP, PACKAGE, PERSONAL, Playground, playground
from tests.support.chat_site import PEOPLE, Chats, install, payload, policy
from tests.support.chat_world import AAD
from tests.support.markup import teams_words
from tests.support.server import Site, free_port
from tests.support.serving import CHROMIUM, needs_browser

pytestmark = [pytest.mark.interop, needs(PACKAGE), pytest.mark.asyncio(loop_scope="module")]

PLACES = (CHANNEL, GROUP)
ERROR = "application/vnd.microsoft.error"
_SERIAL = itertools.count(1)


@dataclass
class House:
    site: Site
    playground: Playground

    async def call(self, who: str, method: str, path: str, body: Any = None) -> httpx.Response:
        return await asyncio.to_thread(self.site.call, who, method, path, body)

    async def ask(self, place: str = CHANNEL) -> Way:
        """A request whose card stands at *place* in the Playground."""
        asked = payload(PLACES.index(place), run=f"run {next(_SERIAL)}")
        answer = await self.call("bot", "POST", "/v1/requests", asked)
        assert answer.status_code == 202, answer.text
        way = Way(self, place, answer.json()["id"], asked)
        await way.tells("Waiting for a decision")
        return way


@dataclass
class Way:
    house: House
    place: str
    id: str
    asked: dict[str, Any]

    async def tells(self, words: str) -> None:
        """The standing card comes to say *words*, and it is still the one message."""
        play = self.house.playground
        try:
            await until(lambda: words in play.words(self.place, self.id), 30)
        except AssertionError:
            raise AssertionError(f"it still tells {play.words(self.place, self.id)!r}") from None
        copies = [card for card in play.cards[self.place].values() if self.id in teams_words(card)]
        assert len(copies) == 1

    async def press(self, who: str, title: str = "Approve", reason: str | None = None) -> dict[str, Any]:
        return await self.house.playground.press(who, self.place, self.id, title, reason)

    async def state(self) -> str:
        return str((await self.house.call("bot", "GET", f"/v1/requests/{self.id}")).json()["state"])

    def votes(self) -> list[tuple[str, str]]:
        rows = self.house.site.rows(
            "SELECT person, choice FROM vote WHERE request = ? AND withdrawn_us IS NULL", self.id
        )
        return sorted((str(person).removeprefix("person:"), str(choice)) for person, choice in rows)


SDK = pytest.mark.skipif(not is_installed(), reason="the extra teams-sdk is not installed: make interop-chat")


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["botbuilder", pytest.param("teams-sdk", marks=SDK)]
)
async def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("playground")
    port = free_port()
    connector = f"http://127.0.0.1:{port}/_connector/"
    channels = {f"way{number}": place for number, place in enumerate(PLACES)}
    chats = Chats(teams=connector, development=True, transport=request.param, teams_channels=channels)
    accounts = {name: (f"teams:{DEVELOPMENT_TENANT}:{AAD[name]}",) for name in PEOPLE}
    site = await asyncio.to_thread(install, folder / "signoff", chats, policy(chats), accounts)
    async with playground(folder / "playground", port, f"{site.url}/teams/messages") as play:
        await asyncio.to_thread(site.start)
        try:
            yield House(site, play)
        finally:
            await asyncio.to_thread(site.stop)


@pytest.mark.parametrize("place", PLACES)
async def test_i2_i5_two_people_approve_and_the_card_tells_it_to_everybody(house: House, place: str) -> None:
    way = await house.ask(place)

    first = await way.press("ana")
    await way.tells("Partly approved, 1 of 2")
    second = await way.press("cy")
    await way.tells("Approved")

    assert "Partly approved" in teams_words(first["value"])
    assert (first["http"], second["http"]) == (200, 200)
    assert second["type"] == ADAPTIVE
    assert way.votes() == [("ana", "approve"), ("cy", "approve")]
    assert not {title for title in house.playground.buttons(place, way.id) if title in ("Approve", "Deny")}
    seen = (await house.call("bot", "GET", f"/v1/requests/{way.id}")).json()
    assert seen["state"] == "approved"
    spend = {"token": seen["grant"]["token"], "payload": way.asked}
    assert (await house.call("bot", "POST", "/v1/grants/redeem", spend)).status_code == 200


async def test_i3_the_owner_of_the_agent_cannot_approve(house: House) -> None:
    way = await house.ask()

    answer = await way.press("maria")

    assert answer["type"] == ERROR
    assert "somebody else must decide" in answer["value"]["message"]
    assert way.votes() == []


async def test_somebody_of_no_group_cannot_approve(house: House) -> None:
    way = await house.ask()

    answer = await way.press("aud")

    assert answer["type"] == ERROR
    assert way.votes() == []
    assert await way.state() == "pending"


async def test_t26_a_double_click_counts_once(house: House) -> None:
    way = await house.ask()

    answers = await asyncio.gather(way.press("ana"), way.press("ana"))

    assert {answer["type"] for answer in answers} == {ADAPTIVE, ERROR}
    assert way.votes() == [("ana", "approve")]
    assert house.site.entries(way.id).count("vote.cast") == 1


async def test_i1_a_denial_with_its_reason_decides(house: House) -> None:
    way = await house.ask()

    without = await way.press("bo", "Deny", " ")
    await way.press("bo", "Deny", "not before the review, says bo.ek@example.org")

    assert without["value"]["code"] == "reason-required"
    await way.tells("not before the review")
    assert "bo.ek@example.org" not in house.playground.words(CHANNEL, way.id)
    assert await way.state() == "denied"


async def test_t27_a_button_of_the_channel_is_none_in_the_group_chat(house: House) -> None:
    way, elsewhere = await house.ask(CHANNEL), await house.ask(GROUP)
    found = house.playground.find(CHANNEL, way.id)
    standing = house.playground.find(GROUP, elsewhere.id)
    assert found is not None
    assert standing is not None
    from tests.support.fake_connector import button

    answer = await house.playground.invoke("ana", GROUP, standing[0], button(found[1], "Approve"), "signoff")

    assert answer["type"] == ERROR
    assert way.votes() == elsewhere.votes() == []


async def test_the_viewers_own_card_offers_the_owner_to_cancel(house: House) -> None:
    way = await house.ask()
    found = house.playground.find(CHANNEL, way.id)
    assert found is not None
    refresh = found[1]["refresh"]["action"]

    answer = await house.playground.invoke("maria", CHANNEL, found[0], refresh, "refresh")

    titles = str(answer["value"]["actions"])
    assert "Cancel request" in titles
    assert "Approve" not in titles


@pytest.mark.parametrize("place", [PERSONAL, GROUP])
async def test_a_command_is_answered_in_private(house: House, place: str) -> None:
    await house.ask()
    play = house.playground
    known = {conversation: set(cards) for conversation, cards in play.cards.items()}

    def answers() -> dict[str, str]:
        return {
            conversation: teams_words(card)
            for conversation, cards in play.cards.items()
            for id, card in cards.items()
            if id not in known.get(conversation, set()) and "Your inbox" in teams_words(card)
        }

    await play.say("inbox", place)

    await until(answers, 30)
    assert not {CHANNEL, GROUP} & set(answers())
    assert all("Waiting for you" in words for words in answers().values())


@needs_browser
@pytest.mark.browser
async def test_a_person_approves_by_hand_in_the_playgrounds_window(house: House) -> None:
    from playwright.async_api import async_playwright, expect

    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            page = await browser.new_page(viewport={"width": 1400, "height": 1200})
            await page.goto(house.playground.url, timeout=120_000)
            await page.get_by_text("Approvers", exact=True).first.click()
            way = await house.ask(GROUP)
            card = page.locator(".ac-adaptiveCard", has_text=way.id).first
            await expect(card).to_be_visible(timeout=90_000)

            await card.get_by_role("button", name="Approve…").click()
            await card.get_by_role("button", name="Approve", exact=True).click()

            await way.tells("Partly approved, 1 of 2")
            assert way.votes() == [("ana", "approve")]
            await way.press("cy")
            await way.tells("Approved")
            settled = page.locator(".ac-adaptiveCard", has_text="Approved").filter(has_text=way.id).first
            await expect(settled).to_be_visible(timeout=90_000)
        finally:
            await browser.close()


async def test_i7_at_the_end_the_log_verifies_and_nothing_waits_to_be_told(house: House) -> None:
    await until(lambda: house.site.rows("SELECT count(*) FROM outbox") == [(0,)], 30)

    report = await asyncio.to_thread(house.site.verify)

    assert report.ok, report
