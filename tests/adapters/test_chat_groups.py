"""Chat user groups as a source of approvers: whom a chat's administrator puts in shortly before a vote is held, and written down (T31, T39)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.slack.groups import SlackGroups
from bot.core.policy import HOLD
from bot.core.policy_load import PolicyError, load_policy
from bot.core.request import RequestState
from bot.directory import PolicyDirectory
from bot.ports import AuditFilter
from bot.slack_wiring import Slack
from tests.support.chat_world import SLACK_USERS, TEAM, World, make_world
from tests.support.fake_slack import FakeSlack
from tests.support.slack_harness import Harness, harness

GROUP = "S0SEC"
POLICY = """
version: 1
groups:
  owners: {members: [person:bo]}
  security: {slack_usergroup: S0SEC%s}
rules:
  - name: quick
    when: action == "db.read"
    require: [{group: security, approvals: 1}]
    decide_within: 4h
    surfaces: ["slack:#approvals", console]
"""
SECOND = timedelta(seconds=1)


@pytest.fixture
async def slack(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harness]:
    """The group holds cy since long ago; it was read once, as it is soon after a start."""
    hold = getattr(request, "param", "")
    world = await make_world(tmp_path, policy=POLICY % hold)
    async with FakeSlack(world.clock) as fake, harness(world, fake) as made:
        fake.groups = {GROUP: [SLACK_USERS["cy"]]}
        restarted(made)
        await watch(world)
        yield made


def restarted(slack: Harness) -> None:
    """A new process: everything that was kept in memory is gone."""
    groups = SlackGroups(slack.app._api, TEAM, slack.world.clock.monotonic)
    parts = Slack(slack.app, slack.surface, groups, slack.world.office)
    slack.world.office.directory = PolicyDirectory(slack.world.store, parts.members)


async def watch(world: World) -> None:
    directory = world.office.directory
    assert isinstance(directory, PolicyDirectory)
    await directory.watch(world.office.book.policy)


def gains(slack: Harness, *names: str) -> None:
    """The administrator of the workspace puts *names* into the group; our reading is a minute old by then."""
    slack.fake.groups[GROUP] += [SLACK_USERS[name] for name in names]
    slack.world.clock.forward(61 * SECOND)


async def approves(slack: Harness, who: str) -> RequestState:
    request = await slack.world.ask()
    await slack.settle()
    await slack.click(who, "approve")
    return (await slack.world.request(request.id)).state


async def test_who_was_in_the_group_before_decides(slack: Harness) -> None:
    assert await approves(slack, "cy") is RequestState.APPROVED


async def test_t31_whom_the_group_gained_a_minute_before_the_vote_is_held_and_told_so(slack: Harness) -> None:
    gains(slack, "ana")

    state = await approves(slack, "ana")

    assert state is RequestState.PENDING
    assert "gained you a short while ago" in slack.answered
    refused = (await slack.world.store.read(lambda tx: tx.audit_rows(AuditFilter(type="vote.refused"))))[0]
    assert json.loads(refused.leaf)["data"]["reason"] == "group-held"


async def test_t31_at_the_very_instant_the_hold_ends_the_vote_counts(slack: Harness) -> None:
    gains(slack, "ana")
    await watch(slack.world)
    seen_at = slack.world.clock.now()
    request = await slack.world.ask()
    await slack.settle()
    slack.world.clock.set(seen_at + HOLD - SECOND)

    await slack.click("ana", "approve")
    before = (await slack.world.request(request.id)).state
    slack.world.clock.set(seen_at + HOLD)
    await slack.click("ana", "approve")

    assert before is RequestState.PENDING
    assert (await slack.world.request(request.id)).state is RequestState.APPROVED


async def test_t31_a_gain_is_an_entry_with_who_it_was_whether_or_not_anybody_votes(slack: Harness) -> None:
    gains(slack, "ana", "bo")
    slack.fake.groups[GROUP].remove(SLACK_USERS["cy"])

    await watch(slack.world)
    await watch(slack.world)

    rows = await slack.world.store.read(
        lambda tx: tx.audit_rows(AuditFilter(type="identity.changed", limit=500))
    )
    found = [json.loads(row.leaf)["data"] for row in rows]
    changes = [data for data in found if data["change"] == "chat-group"]
    refs = sorted([(await person_ref(slack.world, name)) for name in ("ana", "bo")])
    assert [(c["persons"], c["gained_count"], c["lost_count"]) for c in changes] == [(refs, 2, 1)]
    assert SLACK_USERS["ana"] not in rows[0].leaf.decode()


async def person_ref(world: World, name: str) -> str:
    from bot.core.ids import PersonId

    person = await world.desk.person(PersonId(f"person:{name}"))
    assert person is not None
    return person.ref


async def test_t31_a_restart_forgets_nobody_and_makes_nobody_old(slack: Harness) -> None:
    gains(slack, "ana")
    await watch(slack.world)
    restarted(slack)

    held = await approves(slack, "ana")
    known = await approves(slack, "cy")

    assert (held, known) == (RequestState.PENDING, RequestState.APPROVED)


async def test_t31_what_was_gained_while_nothing_ran_is_held_from_the_start_on(slack: Harness) -> None:
    slack.world.clock.forward(timedelta(days=7))
    gains(slack, "ana")
    restarted(slack)

    assert await approves(slack, "ana") is RequestState.PENDING


async def test_t31_who_left_and_came_back_is_new(slack: Harness) -> None:
    slack.fake.groups[GROUP] = []
    slack.world.clock.forward(61 * SECOND)
    await watch(slack.world)
    gains(slack, "cy")

    assert await approves(slack, "cy") is RequestState.PENDING


async def test_t31_the_first_reading_ever_takes_the_groups_own_date_of_change(tmp_path: Path) -> None:
    world = await make_world(tmp_path, policy=POLICY % "")
    async with FakeSlack(world.clock) as fake, harness(world, fake) as slack:
        fake.groups = {GROUP: [SLACK_USERS["cy"]]}
        fake.group_dates[GROUP] = int(world.clock.now().timestamp()) - 60
        restarted(slack)

        assert await approves(slack, "cy") is RequestState.PENDING


async def test_t31_without_that_date_everybody_is_new(tmp_path: Path) -> None:
    world = await make_world(tmp_path, policy=POLICY % "")
    async with FakeSlack(world.clock) as fake, harness(world, fake) as slack:
        fake.groups = {GROUP: [SLACK_USERS["cy"]]}
        fake.script["usergroups.list"].append("internal_error")
        restarted(slack)

        assert await approves(slack, "cy") is RequestState.PENDING


@pytest.mark.parametrize("slack", [", hold: 0s"], indirect=True)
async def test_t31_a_policy_that_holds_nobody_still_writes_the_gain_down(slack: Harness) -> None:
    gains(slack, "ana")

    state = await approves(slack, "ana")

    assert state is RequestState.APPROVED
    types = await slack.world.audit_types()
    assert types.index("identity.changed", types.index("request.created")) < types.index("vote.cast")


@pytest.mark.parametrize("slack", [", members: [person:ana]"], indirect=True)
async def test_who_is_of_the_group_by_another_source_is_not_held(slack: Harness) -> None:
    gains(slack, "ana")

    assert await approves(slack, "ana") is RequestState.APPROVED


@pytest.mark.parametrize("hold", ["hold: 31d", "hold: soon", "hold: -1m"])
def test_a_hold_that_is_none_is_refused(hold: str) -> None:
    with pytest.raises(PolicyError):
        load_policy(POLICY % f", {hold}")


def test_a_hold_without_a_chat_group_is_refused() -> None:
    with pytest.raises(PolicyError, match="slack_usergroup"):
        load_policy((POLICY % "").replace("[person:bo]}", "[person:bo], hold: 5m}"))
