"""The way of a request through chat: a real server process on SQLite, a Slack (HTTP, then Socket Mode) and a Teams on real sockets.

Every rule shows its card in both chats, so each test also says that the copy nobody touched tells the same. I1, I2, I3, I5, I14; T04, T26, T45.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.clock import SystemClock
from tests.flows.chat_seats import Seat, SlackSeat, TeamsSeat, until
from tests.support.chat_site import CHANNELS, Chats, install, payload, policy, slack_channel, teams_channel
from tests.support.fake_connector import FakeConnector
from tests.support.fake_slack import FakeSlack
from tests.support.server import Site

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class House:
    site: Site
    slack: SlackSeat
    teams: TeamsSeat
    serial: Any = field(default_factory=lambda: itertools.count())

    @property
    def seats(self) -> tuple[Seat, Seat]:
        return self.slack, self.teams

    def seat(self, name: str) -> Seat:
        return self.slack if name == "slack" else self.teams

    async def call(self, who: str, method: str, path: str, body: Any = None) -> httpx.Response:
        return await asyncio.to_thread(self.site.call, who, method, path, body)

    async def ask(self, **more: Any) -> Way:
        """A request in a channel of its own, told in both chats."""
        index = next(self.serial)
        assert index < CHANNELS, "more tests than channels: raise CHANNELS"
        asked = payload(index)
        answer = await self.call("bot", "POST", "/v1/requests", {**asked, **more})
        assert answer.status_code == 202, answer.text
        way = Way(self, index, answer.json()["id"], asked)
        await way.tell("Waiting for a decision")
        return way


@dataclass
class Way:
    house: House
    index: int
    id: str
    asked: dict[str, Any]

    async def tell(self, words: str) -> None:
        """Both copies come to say *words*, and there is one copy in each chat."""
        for seat in self.house.seats:
            try:
                await until(lambda seat=seat: words in seat.words(self.index))
            except AssertionError:
                raise AssertionError(f"{seat.name} still tells: {seat.words(self.index)!r}") from None
            assert seat.copies(self.index) == 1

    async def state(self) -> str:
        seen = (await self.house.call("bot", "GET", f"/v1/requests/{self.id}")).json()
        return str(seen["state"])

    def votes(self) -> list[tuple[str, str]]:
        rows = self.house.site.rows(
            "SELECT person, choice FROM vote WHERE request = ? AND withdrawn_us IS NULL", self.id
        )
        return sorted((str(person).removeprefix("person:"), str(choice)) for person, choice in rows)


@pytest.fixture(scope="module")
def signing_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["http", "socket"])
async def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, signing_key: rsa.RSAPrivateKey
) -> AsyncIterator[House]:
    clock: Any = SystemClock()
    async with FakeSlack(clock) as slack, FakeConnector(clock, signing_key) as teams:
        names = range(CHANNELS)
        slack.channels = {slack_channel(i): {"id": slack_channel(i), "is_ext_shared": False} for i in names}
        chats = Chats(
            slack=slack.url,
            mode=request.param,
            teams=teams.url,
            slack_channels={f"#way{i}": slack_channel(i) for i in names},
            teams_channels={f"way{i}": teams_channel(i) for i in names},
        )
        folder = tmp_path_factory.mktemp(f"chat-{request.param}") / "signoff"
        site = await asyncio.to_thread(install, folder, chats, policy(chats))
        await asyncio.to_thread(site.start)
        try:
            async with httpx.AsyncClient(base_url=site.url, timeout=30) as client:
                yield House(
                    site,
                    SlackSeat(slack, client, is_socket=request.param == "socket"),
                    TeamsSeat(teams, client),
                )
        finally:
            await asyncio.to_thread(site.stop)


PAIRS = [("slack", "slack"), ("teams", "teams"), ("slack", "teams"), ("teams", "slack")]


@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_i2_i5_from_asking_to_the_outcome_with_an_approver_in_each_seat(
    house: House, first: str, second: str
) -> None:
    way = await house.ask()

    said = await house.seat(first).approve("ana", way.index)
    await way.tell("1 of 1")
    assert (await way.state()) == "pending"
    assert "Ana" in said or "counts" in said
    await house.seat(second).approve("cy", way.index)
    await way.tell("Approved")

    seen = (await house.call("bot", "GET", f"/v1/requests/{way.id}")).json()
    assert seen["state"] == "approved"
    assert way.votes() == [("ana", "approve"), ("cy", "approve")]
    spend = {"token": seen["grant"]["token"], "payload": way.asked}
    assert (await house.call("bot", "POST", "/v1/grants/redeem", spend)).status_code == 200
    assert (await house.call("bot", "POST", "/v1/grants/redeem", spend)).status_code == 409
    done = {"outcome": "succeeded", "detail": "exported 3 rows"}
    answer = await house.call("bot", "POST", f"/v1/grants/{seen['grant']['id']}/outcome", done)
    assert answer.status_code == 200, answer.text
    await way.tell("exported 3 rows")
    kinds = house.site.entries(way.id)
    assert kinds.count("decision.approved") == 1, kinds


@pytest.mark.parametrize("where", ["slack", "teams"])
async def test_i1_one_denial_decides_and_its_reason_stands_in_both_chats(house: House, where: str) -> None:
    way = await house.ask()
    other = house.seat("teams" if where == "slack" else "slack")
    await other.approve("ana", way.index)

    await house.seat(where).deny("cy", way.index, "not before the review, says bo.ek@example.org")

    await way.tell("not before the review")
    assert await way.state() == "denied"
    assert not any("bo.ek@example.org" in seat.words(way.index) for seat in house.seats)


@pytest.mark.parametrize("where", ["slack", "teams"])
async def test_the_owner_cancels_and_both_chats_tell_it(house: House, where: str) -> None:
    way = await house.ask()

    await house.seat(where).cancel("maria", way.index)

    await way.tell("Cancelled")
    assert await way.state() == "cancelled"


@pytest.mark.parametrize("where", ["slack", "teams"])
async def test_i3_the_owner_of_the_agent_cannot_approve(house: House, where: str) -> None:
    way = await house.ask()

    said = await house.seat(where).approve("maria", way.index)

    assert "somebody else must decide" in said
    assert way.votes() == []
    assert "vote.refused" in " ".join(house.site.entries(way.id))


@pytest.mark.parametrize("where", ["slack", "teams"])
async def test_somebody_of_no_group_cannot_approve(house: House, where: str) -> None:
    way = await house.ask()

    await house.seat(where).approve("aud", way.index)

    assert way.votes() == []
    assert await way.state() == "pending"


@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_t04_i2_the_same_person_counts_once_whatever_the_surface(
    house: House, first: str, second: str
) -> None:
    way = await house.ask()  # eva is in both groups: alone she must not be both
    await house.seat(first).approve("eva", way.index)
    await way.tell("1 of 1")

    said = await house.seat(second).approve("eva", way.index)

    assert "already voted" in said
    assert way.votes() == [("eva", "approve")]
    assert await way.state() == "pending"


@pytest.mark.parametrize("where", ["slack", "teams"])
async def test_t26_a_double_click_counts_once_and_a_replay_changes_nothing(house: House, where: str) -> None:
    way = await house.ask()
    seat = house.seat(where)

    said = await seat.approve_twice("ana", way.index)
    entries = house.site.entries(way.id)
    status = await seat.replay()

    assert "already voted" in said
    assert status == 200
    assert way.votes() == [("ana", "approve")]
    assert entries.count("vote.cast") == 1, entries
    assert house.site.entries(way.id).count("vote.cast") == 1


@pytest.mark.parametrize("where", ["slack", "teams"])
async def test_a_withdrawn_vote_counts_no_more_in_either_chat(house: House, where: str) -> None:
    way = await house.ask()
    await house.seat(where).approve("ana", way.index)
    await way.tell("1 of 1")

    await house.seat(where).withdraw("ana", way.index)

    await until(lambda: not way.votes())
    for seat in house.seats:
        await until(lambda seat=seat: "1 of 1" not in seat.words(way.index))


async def test_i6_a_request_that_nobody_decides_expires_in_both_chats(house: House) -> None:
    way = await house.ask(decide_within_seconds=10)

    await way.tell("Expired")

    assert await way.state() == "expired"
    assert "signoff.approve" not in str(house.slack._cards(way.index))
    assert "Approve" not in str(house.teams._cards(way.index)[-1].get("actions"))


async def test_i7_i14_at_the_end_the_log_verifies_and_nothing_waits_to_be_told(house: House) -> None:
    await until(lambda: house.site.rows("SELECT count(*) FROM outbox") == [(0,)])

    report = await asyncio.to_thread(house.site.verify)
    assert report.ok, report
