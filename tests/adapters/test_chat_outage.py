"""T45 on both platforms at once, with the product's own outbox: ten minutes without Slack and Teams, 600 requests, and afterwards every
card on both tells exactly what the store says, once.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.core.ids import AccountKey, PersonId
from bot.core.people import Actor
from bot.core.request import Assurance, Choice, RequestState
from bot.desk.api import Voted
from bot.outbox import Outbox
from tests.support.chat_world import CHANNEL, TEAM, TEAMS_CHANNEL, World, make_world
from tests.support.fake_connector import FakeConnector
from tests.support.fake_slack import FakeSlack
from tests.support.markup import slack_words, teams_words
from tests.support.slack_harness import harness
from tests.support.teams_harness import teams_harness

COUNT = 600
SECOND = timedelta(seconds=1)
WORDS = {
    RequestState.PENDING: "Waiting",
    RequestState.APPROVED: "Approved",
    RequestState.DENIED: "Denied",
    RequestState.EXPIRED: "Expired",
}


async def _settle(world: World, outbox: Outbox, seconds: int = 4000) -> None:
    """The outbox runs as it does in the product, a second at a time."""
    for _ in range(seconds):
        await outbox.drain()
        if await world.store.outbox_depth() == 0:
            return
        world.clock.forward(SECOND)
    raise AssertionError(f"{await world.store.outbox_depth()} messages are left")


def _told(slack: FakeSlack, teams: FakeConnector, ids: list[str]) -> dict[str, dict[str, list[str]]]:
    """By platform and request: the words of each of its cards that stand in the channel now."""
    cards = {
        "slack": [
            (slack_words(m["blocks"]), json.dumps(m))
            for m in slack.messages[CHANNEL].values()
            if m["thread_ts"] is None
        ],
        "teams": [(teams_words(card), json.dumps(card)) for card in teams.cards[TEAMS_CHANNEL].values()],
    }
    found: dict[str, dict[str, list[str]]] = {}
    for platform, texts in cards.items():
        by_id: dict[str, list[str]] = {id: [] for id in ids}
        for words, whole in texts:
            (id,) = set(re.findall(r"req_[0-9a-z]{26}", whole))
            by_id[id].append(words)
        found[platform] = by_id
    return found


async def _every_card_is_true(
    world: World, slack: FakeSlack, teams: FakeConnector, ids: list[str]
) -> dict[RequestState, int]:
    states = {id: (await world.request(id)).state for id in ids}  # type: ignore[arg-type]
    for platform, by_id in _told(slack, teams, ids).items():
        for id, texts in by_id.items():
            assert len(texts) == 1, (platform, id, len(texts))
            said = {
                state
                for state, word in WORDS.items()
                if word in texts[0].split("\n")[0] or texts[0].startswith(word)
            }
            assert said == {states[id]}, (platform, states[id], texts[0][:120])
    return {state: list(states.values()).count(state) for state in set(states.values())}


@pytest.mark.slow
async def test_t45_after_ten_minutes_without_slack_and_teams_every_card_on_both_is_true_and_single(
    tmp_path: Path,
) -> None:
    world = await make_world(tmp_path)
    key = rsa.generate_private_key(65537, 2048)
    async with (
        FakeSlack(world.clock, paced=True) as slack,
        FakeConnector(world.clock, key) as teams,
        harness(world, slack, interval=1.0) as on_slack,
        teams_harness(world, teams) as on_teams,
    ):
        outbox = Outbox(
            world.store,
            world.clock,
            world.rand,
            surfaces={"slack": on_slack.surface, "teams": on_teams.surface},
        )
        slack.is_down = teams.is_down = True
        ids: list[str] = []
        for number in range(COUNT):
            request = await world.ask("db.read")
            ids.append(request.id)
            if number % 3:
                ana = Actor(
                    PersonId("person:ana"),
                    AccountKey(f"slack:{TEAM}:U0ANA"),
                    "slack:x",
                    Assurance.CHAT,
                    world.clock.now(),
                )
                choice = Choice.APPROVE if number % 3 == 1 else Choice.DENY
                assert isinstance(await world.desk.vote(request.id, ana, choice, comment="too wide"), Voted)
            world.clock.forward(SECOND)
            if number % 20 == 0:
                await outbox.drain()
        assert not slack.messages
        assert not teams.cards
        slack.is_down = teams.is_down = False

        await _settle(world, outbox)
        counted = await _every_card_is_true(world, slack, teams, ids)
        assert counted == {RequestState.PENDING: 200, RequestState.APPROVED: 200, RequestState.DENIED: 200}

        world.clock.forward(timedelta(minutes=31))
        await world.desk.sweep()
        await _settle(world, outbox)
        counted = await _every_card_is_true(world, slack, teams, ids)
        assert counted == {RequestState.EXPIRED: 200, RequestState.APPROVED: 200, RequestState.DENIED: 200}
        assert slack.overlaps == 0
