"""Every card tells the truth: the grant's state as well, and after updates were lost (I14, T45). Over SQLite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.keys.files import create
from bot.app import assemble
from bot.chat.mark import mark
from bot.chat.reconcile import reconcile
from bot.config import parse
from bot.core.ids import AgentId, RequestId
from bot.core.request import GrantState, RequestState
from bot.desk.api import AgentCaller, Redeemed
from bot.rand import OsRand
from tests.config.test_assembly import CHATS, SECRETS
from tests.support.chat_world import CHANNEL, make_world
from tests.support.fake_connector import FakeConnector
from tests.support.fake_slack import FakeSlack
from tests.support.markup import slack_words
from tests.support.slack_harness import Harness, harness
from tests.support.teams_harness import teams_harness

BOT = AgentCaller(AgentId("agent:exporter"), "k1", ("*",))


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[Harness]:
    world = await make_world(tmp_path, database=True)
    async with FakeSlack(world.clock) as fake, harness(world, fake) as made:
        yield made
    await world.store.close()


async def lose_every_update(slack: Harness) -> None:
    """The outbox believes that it told everything."""
    while rows := await slack.world.outbox():
        await slack.world.store.outbox_done([row.id for row in rows])


async def approved(slack: Harness) -> RequestId:
    request = await slack.world.ask()
    await slack.settle()
    await slack.click("ana", "approve")
    await slack.settle()
    return request.id


async def test_a_lapsed_grant_is_told_on_the_card(slack: Harness) -> None:
    await approved(slack)
    assert "The agent may act until" in slack.card

    slack.world.clock.forward(timedelta(minutes=5))
    await slack.world.desk.sweep()
    await slack.settle()

    assert "never used and has lapsed" in slack.card


async def test_use_and_outcome_are_told_on_the_card(slack: Harness) -> None:
    id = await approved(slack)
    request = await slack.world.request(id)
    grant = await slack.world.store.read(lambda tx: tx.grant_of(id))
    assert grant is not None

    redeemed = await slack.world.desk.redeem(grant.token, BOT, payload_hash=request.payload_hash)
    assert isinstance(redeemed, Redeemed)
    await slack.settle()
    acting = slack.card
    await slack.world.desk.report_outcome(grant.id, BOT, "succeeded")
    await slack.settle()

    assert "acting now" in acting
    assert "reports success" in slack.card


async def test_t45_after_lost_updates_the_job_makes_every_card_tell_the_truth(slack: Harness) -> None:
    expiring = [await slack.world.ask() for _ in range(3)]
    await slack.settle()
    never_posted = await slack.world.ask()
    await lose_every_update(slack)
    assert len(slack.fake.messages[CHANNEL]) == len(expiring)

    posted = await reconcile(slack.world.store, [slack.surface])
    slack.world.clock.forward(timedelta(minutes=30))
    await slack.world.desk.sweep()
    await lose_every_update(slack)
    await reconcile(slack.world.store, [slack.surface])

    cards = [m for m in slack.fake.messages[CHANNEL].values() if m["thread_ts"] is None]
    told = {m["metadata"]["event_payload"]["request_id"]: slack_words(m["blocks"]) for m in cards}
    assert posted == 1
    assert set(told) == {r.id for r in (*expiring, never_posted)}
    assert len(cards) == len(told)
    assert all("Expired" in words for words in told.values())


async def test_the_job_calls_nobody_when_every_card_is_right(slack: Harness) -> None:
    await approved(slack)
    calls = slack.fake.calls.total()

    assert await reconcile(slack.world.store, [slack.surface]) == 0
    assert slack.fake.calls.total() == calls


async def test_a_platform_that_is_away_ends_the_run_and_the_next_one_mends(slack: Harness) -> None:
    for _ in range(3):
        await slack.world.ask()
    await lose_every_update(slack)
    slack.fake.script["conversations.info"].append("service_unavailable")

    assert await reconcile(slack.world.store, [slack.surface]) == 0
    assert slack.fake.calls.total() == 1
    slack.world.clock.forward(timedelta(minutes=5))

    assert await reconcile(slack.world.store, [slack.surface]) == 3


async def test_a_card_in_teams_is_mended_as_well(tmp_path: Path) -> None:
    world = await make_world(tmp_path, database=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    async with FakeConnector(world.clock, key) as fake, teams_harness(world, fake) as teams:
        request = await world.ask()
        await teams.show(request.id)
        world.clock.forward(timedelta(minutes=30))

        assert await reconcile(world.store, [teams.surface]) == 1
        assert "Expired" in teams.card
    await world.store.close()


def test_the_server_runs_the_job_when_there_is_a_chat(tmp_path: Path) -> None:
    create(tmp_path / "keys", OsRand())
    with_chat = assemble(parse(CHATS, tmp_path, SECRETS))

    assert "reconcile" in [job.name for job in with_chat.scheduler._periodic]


@pytest.mark.parametrize(
    "path",
    [
        (GrantState.ISSUED, GrantState.REDEEMED, GrantState.SUCCEEDED),
        (GrantState.ISSUED, GrantState.REDEEMED, GrantState.FAILED),
        (GrantState.ISSUED, GrantState.REDEEMED, GrantState.INDETERMINATE, GrantState.SUCCEEDED),
        (GrantState.ISSUED, GrantState.LAPSED),
        (GrantState.ISSUED, GrantState.REVOKED),
        (GrantState.REDEEMED, GrantState.REVOKED),
    ],
)
def test_the_mark_grows_along_every_way_of_a_grant(path: tuple[GrantState, ...]) -> None:
    marks = [mark(2, RequestState.PENDING, None), *(mark(2, RequestState.APPROVED, state) for state in path)]

    assert marks == sorted(set(marks))
    assert marks[-1] < mark(3, RequestState.PENDING, None)
