"""Our Slack side before a Slack that others wrote: ``emulate``, with strict scopes, from the ask to the decision."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from adapters.slack.api import Api, MissingScope, Refusal
from bot.chat.coalesce import Pace
from bot.clock import SystemClock
from bot.errors import GiveUp, Retry
from bot.secret import Secret
from tests.flows.chat_seats import until
from tests.interop_chat.emulated import PACKAGE, POOR_TOKEN, Emulated, emulated
from tests.interop_chat.outside import needs
from tests.support.chat_site import GROUPS, PEOPLE, Chats, install, payload, rule
from tests.support.fake_slack import TOKEN, FakeSlack, buttons
from tests.support.markup import slack_words
from tests.support.server import Site, free_port

pytestmark = [pytest.mark.interop, needs(PACKAGE), pytest.mark.asyncio(loop_scope="module")]

_SERIAL = itertools.count(1)


async def eventually(what: Callable[[], Awaitable[Any]], seconds: float = 30) -> Any:
    """What *what* returns as soon as it is true; it asks the other program each time."""
    async with asyncio.timeout(seconds):
        while not (found := await what()):
            await asyncio.sleep(0.1)
        return found


@dataclass
class House:
    site: Site
    slack: Emulated
    hand: FakeSlack
    """Signs what people do, and takes private answers."""
    client: httpx.AsyncClient

    @property
    def channel(self) -> str:
        assert self.slack.channels is not None
        return self.slack.channels["approvals"]

    def user(self, name: str) -> str:
        assert self.slack.users is not None
        return self.slack.users[name]

    async def ask(self, way: int = 0, channel: str | None = None) -> tuple[str, dict[str, Any]]:
        """A new request, and its message as it stands in the channel."""
        asked = payload(way, run=f"run {next(_SERIAL)}")
        answer = await asyncio.to_thread(self.site.call, "bot", "POST", "/v1/requests", asked)
        assert answer.status_code == 202, answer.text
        id = answer.json()["id"]
        return id, await self.tells(id, "Waiting for a decision", channel)

    async def tells(self, request: str, words: str, channel: str | None = None) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            cards = await self.slack.cards(channel or self.channel, request)
            assert len(cards) < 2, "the same request twice in one channel"
            return cards[0] if cards and words in slack_words(cards[0]["blocks"]) else None

        found: dict[str, Any] = await eventually(look)
        return found

    async def click(self, who: str, message: dict[str, Any], action: str) -> int:
        press = next(b for b in buttons(message["blocks"]) if b["action_id"] == f"signoff.{action}")
        return await self.send(who, press)

    async def send(self, who: str, press: dict[str, Any]) -> int:
        made = self.hand.click(
            who, press, self.channel,
            team={"id": self.slack.team, "domain": "signoff"},
            user={"id": self.user(who), "username": who, "team_id": self.slack.team},
            trigger_id=await self.slack.trigger(),
        )  # fmt: skip
        body, headers = self.hand.wire(made)
        return (await self.client.post("/slack/events", content=body, headers=headers)).status_code

    async def answered(self, before: int) -> str:
        await until(lambda: len(self.hand.responses) > before, 30)
        return slack_words(self.hand.responses[before]["blocks"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("emulate")
    clock: Any = SystemClock()
    async with emulated(folder / "slack", free_port(), PEOPLE) as slack, FakeSlack(clock) as hand:
        assert slack.channels is not None
        assert slack.users is not None
        channels = {"#approvals": slack.channels["approvals"], "#direct": slack.channels["direct"]}
        chats = Chats(
            slack=slack.api, slack_team=slack.team, slack_channels=channels, response_host=hand.host
        )
        both = ("data-owners", "security")
        rules = rule("shared", 'resource.id == "way-0"', ["slack:#approvals"], both)
        rules += rule(
            "named",
            'resource.id == "way-1"',
            ["slack:#direct"],
            ("data-owners",),
            "    notify_direct: true\n",
        )
        accounts = {name: (f"slack:{slack.team}:{slack.users[name]}",) for name in PEOPLE}
        site = await asyncio.to_thread(install, folder / "signoff", chats, GROUPS + rules, accounts)
        await asyncio.to_thread(site.start)
        try:
            async with httpx.AsyncClient(base_url=site.url, timeout=30) as client:
                yield House(site, slack, hand, client)
        finally:
            await asyncio.to_thread(site.stop)


async def test_i2_i5_two_people_approve_and_the_one_message_is_edited(house: House) -> None:
    request, first = await house.ask()

    assert await house.click("ana", first, "approve") == 200
    partly = await house.tells(request, "Partly approved, 1 of 2")
    assert await house.click("cy", partly, "approve") == 200
    settled = await house.tells(request, "Approved")

    assert first["ts"] == partly["ts"] == settled["ts"]
    assert not {"signoff.approve", "signoff.deny"} & {b["action_id"] for b in buttons(settled["blocks"])}
    replies = await eventually(lambda: house.slack.thread(house.channel, settled["ts"]))
    assert len(replies) == 1
    assert "Approved" in slack_words(replies[0]["blocks"])


async def test_i3_the_owner_of_the_agent_is_refused_in_private(house: House) -> None:
    request, card = await house.ask()
    before = len(house.hand.responses)

    await house.click("maria", card, "approve")

    assert "somebody else must decide" in await house.answered(before)
    assert house.site.rows("SELECT count(*) FROM vote WHERE request = ?", request) == [(0,)]


async def test_t26_a_double_click_counts_once(house: House) -> None:
    request, card = await house.ask()

    await asyncio.gather(house.click("ana", card, "approve"), house.click("ana", card, "approve"))

    await house.tells(request, "Partly approved, 1 of 2")
    assert house.site.rows("SELECT count(*) FROM vote WHERE request = ?", request) == [(1,)]


async def test_deny_opens_a_dialog_with_a_trigger_that_ends_after_three_seconds(house: House) -> None:
    _, card = await house.ask()

    await house.click("ana", card, "deny")

    assert await eventually(lambda: _shows(house.slack, "One denial decides"))


async def _shows(slack: Emulated, words: str) -> str:
    seen = await slack.inspector("views")
    return seen if words in seen else ""


async def test_the_home_tab_is_published(house: House) -> None:
    request, _ = await house.ask()
    event = {"type": "app_home_opened", "user": house.user("ana"), "tab": "home"}
    body = {"type": "event_callback", "api_app_id": "A0SIGNOFF", "team_id": house.slack.team, "event": event}
    import json

    raw = json.dumps(body).encode()
    headers = {**house.hand.signed(raw), "Content-Type": "application/json"}

    assert (await house.client.post("/slack/events", content=raw, headers=headers)).status_code == 200

    assert request in await eventually(lambda: _shows(house.slack, request))


async def test_a_rule_that_names_its_approvers_reaches_each_in_a_direct_message(house: House) -> None:
    assert house.slack.channels is not None
    request, _ = await house.ask(1, house.slack.channels["direct"])

    async def direct() -> list[str]:
        opened = [
            await house.slack.call("conversations.open", users=house.user(n)) for n in ("ana", "bo", "eva")
        ]
        channels = [answer["channel"]["id"] for answer in opened]
        cards = [await house.slack.cards(channel, request) for channel in channels]
        return channels if all(cards) else []

    assert len(set(await eventually(direct))) == 3


async def test_its_error_words_mean_what_we_take_them_for(house: House) -> None:
    def api(token: str) -> Api:
        return Api(house.slack.api, Secret(token), Pace(time.monotonic, interval=0.0, burst=1))

    rich, poor, wrong = api(TOKEN), api(POOR_TOKEN), api("xoxb-nobody-0123456789")
    for made in (rich, poor, wrong):
        await made.open()
    try:
        with pytest.raises(MissingScope):
            await poor.call("chat.postMessage", channel=house.channel, text="x")
        with pytest.raises(Retry):
            await wrong.call("chat.postMessage", channel=house.channel, text="x")
        with pytest.raises(GiveUp, match="channel_not_found"):
            await rich.call("chat.postMessage", channel="C0NOWHERE", text="x")
        with pytest.raises(Refusal, match="message_not_found"):
            await rich.call("chat.update", channel=house.channel, ts="1.000001", text="x")
        with pytest.raises(Refusal, match="trigger"):
            await rich.beside("views.open", "", trigger_id="1.2.x", view={"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": []})  # fmt: skip
    finally:
        for made in (rich, poor, wrong):
            await made.close()


async def test_i7_at_the_end_the_log_verifies_and_nothing_waits_to_be_told(house: House) -> None:
    await until(lambda: house.site.rows("SELECT count(*) FROM outbox") == [(0,)], 60)

    report = await asyncio.to_thread(house.site.verify)

    assert report.ok, report
