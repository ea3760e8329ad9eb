"""While a request waits: milestones edited into every copy, reminders and the escalation said once under each, copies to named people (I14, T45).

Both platforms at once over the product's own sweep and outbox; time stands still until moved.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.chat.reconcile import reconcile
from bot.core.ids import AccountKey, PersonId, RequestId
from bot.core.people import Actor
from bot.core.request import Assurance, Choice, RequestState
from bot.outbox import Outbox
from tests.support.chat_world import AAD, CHANNEL, SLACK_USERS, TEAM, TEAMS_CHANNEL, TENANT, World, make_world
from tests.support.clock import START
from tests.support.fake_connector import FakeConnector, button
from tests.support.fake_slack import FakeSlack
from tests.support.markup import slack_words, teams_words
from tests.support.slack_harness import Harness, harness
from tests.support.teams_harness import TeamsHarness, teams_harness

SURFACES = '["slack:#approvals", "teams:approvals", console]'
POLICY = f"""
version: 1
groups:
  data-owners: {{members: [person:ana, person:bo, person:maria]}}
  leads: {{members: [person:cy]}}
rules:
  - name: waits
    when: action == "db.read"
    require: [{{group: data-owners, approvals: 1}}]
    decide_within: 30m
    remind_after: [10m, 20m]
    escalate: {{after: 25m, to: [leads]}}
    surfaces: {SURFACES}
  - name: named
    when: action == "db.grant"
    require: [{{group: data-owners, approvals: 1}}]
    decide_within: 30m
    remind_after: [10m]
    notify_direct: true
    surfaces: {SURFACES}
  - name: console alone
    when: action == "db.quiet"
    require: [{{group: data-owners, approvals: 1}}]
    decide_within: 30m
"""
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def direct(name: str) -> set[str]:
    """Where *name* is written to in private, as the fakes number it."""
    return {f"D{SLACK_USERS[name][1:]}", f"a:29:{name}"}


ANA_IN_TEAMS = "a:29:ana"


@dataclass
class Place:
    world: World
    slack: Harness
    teams: TeamsHarness
    outbox: Outbox
    begin: datetime = START

    async def until(self, minutes: float) -> None:
        """The clock stands at *minutes* after the start of the test; what is due was swept and told."""
        self.world.clock.set(max(self.world.clock.now(), self.begin + minutes * MINUTE))
        await self.tick()

    async def tick(self) -> None:
        await self.world.desk.sweep()
        for _ in range(200):
            await self.outbox.drain()
            if await self.world.store.outbox_depth() == 0:
                return
            self.world.clock.forward(SECOND)
        raise AssertionError("the outbox never emptied")

    async def ask(self, action: str) -> RequestId:
        self.begin = self.world.clock.now()
        id = (await self.world.ask(action)).id
        await self.tick()
        return id

    def cards(self) -> dict[str, str]:
        """By place: the words of the one card that stands there."""
        found: dict[str, list[str]] = {}
        for channel, messages in self.slack.fake.messages.items():
            found[channel] = [slack_words(m["blocks"]) for m in messages.values() if m["thread_ts"] is None]
        replies = {id for ids in self.teams.fake.replies.values() for id in ids}
        for conversation, cards in self.teams.fake.cards.items():
            is_notice = [
                teams_words(card).startswith(("Reminder", "Escalated")) or id in replies
                for id, card in cards.items()
            ]
            found[conversation] = [
                teams_words(card) for card, skip in zip(cards.values(), is_notice, strict=True) if not skip
            ]
        assert all(len(cards) == 1 for cards in found.values() if cards), found
        return {place: cards[0].replace("\0", "") for place, cards in found.items() if cards}

    def replies(self) -> dict[str, list[str]]:
        """By place: the first words of what was said under the card, in order."""
        found: dict[str, list[str]] = {}
        for channel, messages in self.slack.fake.messages.items():
            found[channel] = [slack_words(m["blocks"]) for m in messages.values() if m["thread_ts"]]
        for conversation, cards in self.teams.fake.cards.items():
            found[conversation] = [
                teams_words(card)
                for card in cards.values()
                if teams_words(card).startswith(("Reminder", "Escalated"))
            ]
        return {place: [words.split(":")[0] for words in said] for place, said in found.items() if said}

    def edits(self) -> int:
        return self.slack.fake.calls["chat.update"] + self.teams.fake.calls["update"]


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
async def place(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> AsyncIterator[Place]:
    world = await make_world(tmp_path, policy=POLICY)
    async with (
        FakeSlack(world.clock) as fake_slack,
        FakeConnector(world.clock, rsa_key) as fake_teams,
        harness(world, fake_slack) as slack,
        teams_harness(world, fake_teams) as teams,
    ):
        outbox = Outbox(
            world.store, world.clock, world.rand, surfaces={"slack": slack.surface, "teams": teams.surface}
        )
        yield Place(world, slack, teams, outbox)


async def test_i14_half_nine_tenths_and_the_end_are_edited_into_every_copy(place: Place) -> None:
    await place.ask("db.read")
    waited = {}

    for minutes in (14.9, 15, 27, 30):
        await place.until(minutes)
        waited[minutes] = place.cards()

    assert set(waited[15]) == {CHANNEL, TEAMS_CHANNEL}
    assert all("has passed" not in words for words in waited[14.9].values())
    assert all("Half of the time has passed: 15 minutes were left" in words for words in waited[15].values())
    copies = waited[27].items()
    assert all("Nine tenths of the time have passed: 3 minutes were left" in words for _, words in copies), (
        copies
    )
    assert all("Expired" in words and "passed" not in words for words in waited[30].values())


async def test_each_milestone_is_one_edit_and_writes_no_entry(place: Place) -> None:
    await place.ask("db.grant")
    await place.until(12)
    before, entries = place.edits(), await place.world.audit_types()

    await place.until(15)
    at_once = place.edits()
    for minutes in (15.5, 16, 20, 26):
        await place.until(minutes)

    copies = len(place.cards())
    assert at_once - before == copies == 6
    assert place.edits() == at_once
    assert await place.world.audit_types() == entries


async def test_a_request_that_no_chat_shows_is_not_woken_for(place: Place) -> None:
    asked = await place.world.ask("db.quiet")

    assert asked.next_due == asked.decide_by


async def test_reminders_and_the_escalation_are_said_once_under_each_copy(place: Place) -> None:
    await place.ask("db.read")

    await place.until(10)
    first = place.replies()
    for minutes in (20, 25, 26, 28):
        await place.until(minutes)

    assert first == {CHANNEL: ["Reminder"], TEAMS_CHANNEL: ["Reminder"]}
    said = place.replies()
    assert said[CHANNEL] == said[TEAMS_CHANNEL] == ["Reminder", "Reminder", "Escalated"]
    root = next(iter(place.teams.fake.replies))
    assert len(place.teams.fake.replies[root]) == 3
    card = place.cards()[CHANNEL]
    assert "Reminded 2 times" in card
    assert "Escalated: leads were told as well" in card
    assert place.cards()[TEAMS_CHANNEL].count("Reminded 2 times") == 1


async def test_t45_telling_again_what_was_told_says_nothing(place: Place) -> None:
    id = await place.ask("db.read")
    await place.until(10)
    calls = (dict(place.slack.fake.calls), dict(place.teams.fake.calls))

    for _ in range(3):
        await place.slack.surface.notify("slack:#approvals", id, "reminder")
        await place.teams.surface.notify("teams:approvals", id, "reminder")

    assert (dict(place.slack.fake.calls), dict(place.teams.fake.calls)) == calls


async def test_what_fell_due_during_an_outage_is_one_reply(place: Place) -> None:
    await place.ask("db.read")
    place.slack.fake.is_down = place.teams.fake.is_down = True
    for minutes in (10, 20, 25):
        place.world.clock.set(place.begin + minutes * MINUTE)
        await place.world.desk.sweep()
        await place.outbox.drain()

    place.slack.fake.is_down = place.teams.fake.is_down = False
    await place.tick()

    said = place.replies()
    assert said[CHANNEL] == said[TEAMS_CHANNEL] == ["Escalated"]


async def test_a_decided_request_is_reminded_of_no_more(place: Place) -> None:
    id = await place.ask("db.read")
    bo = Actor(
        PersonId("person:bo"),
        AccountKey(f"slack:{TEAM}:{SLACK_USERS['bo']}"),
        "slack:C1",
        Assurance.CHAT,
        place.world.clock.now(),
    )
    place.slack.fake.is_down = place.teams.fake.is_down = True
    place.world.clock.set(place.begin + 10 * MINUTE)
    await place.world.desk.sweep()
    await place.world.desk.vote(id, bo, Choice.DENY, comment="not now")

    place.slack.fake.is_down = place.teams.fake.is_down = False
    await place.tick()

    assert [said for said in place.replies().get(TEAMS_CHANNEL, [])] == []
    assert "Reminder" not in place.replies().get(CHANNEL, [])
    assert all("Denied" in words for words in place.cards().values())


async def test_whom_the_rule_escalates_to_gets_a_copy_on_both_platforms(place: Place) -> None:
    id = await place.ask("db.read")
    await place.until(24)
    before = set(place.cards())

    await place.until(25)

    assert set(place.cards()) - before == direct("cy")
    assert not direct("cy") & set(place.replies())
    details = await place.world.desk.card(
        id,
        Actor(
            PersonId("person:cy"), AccountKey(f"teams:x:{AAD['cy']}"), "teams:x", Assurance.CHAT, place.begin
        ),
    )
    assert getattr(details, "request", None) == id


async def test_named_approvers_get_copies_in_both_chats_and_those_held_apart_none(place: Place) -> None:
    await place.ask("db.grant")

    assert set(place.cards()) == {CHANNEL, TEAMS_CHANNEL} | direct("ana") | direct("bo")


async def test_a_vote_in_the_personal_chat_of_teams_settles_every_copy(place: Place) -> None:
    id = await place.ask("db.grant")
    card = place.teams.fake.card(ANA_IN_TEAMS)
    personal: dict[str, Any] = {"id": ANA_IN_TEAMS, "tenantId": TENANT, "conversationType": "personal"}

    click = place.teams.fake.execute("ana", button(card, "Approve"), conversation=personal)
    answer = (await place.teams.fake.post(place.teams.client, click)).json()
    await place.teams.app.tasks.drain()
    await place.tick()

    assert answer["statusCode"] == 200, answer
    assert (await place.world.request(id)).state is RequestState.APPROVED
    assert len(place.cards()) == 6
    assert all("Approved" in words for words in place.cards().values())


async def test_t27_a_button_of_one_personal_chat_is_none_in_another(place: Place) -> None:
    id = await place.ask("db.grant")
    other: dict[str, Any] = {"id": "a:29:bo", "tenantId": TENANT, "conversationType": "personal"}

    click = place.teams.fake.execute(
        "bo", button(place.teams.fake.card(ANA_IN_TEAMS), "Approve"), conversation=other
    )
    answer = (await place.teams.fake.post(place.teams.client, click)).json()

    assert answer["statusCode"] == 400
    assert await place.world.votes(id) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("userRole", "guest"), ("tenantId", "99999999-0000-0000-0000-000000000000"), ("aadObjectId", "x")],
)
async def test_t28_who_is_no_member_of_our_tenant_gets_no_copy(place: Place, field: str, value: str) -> None:
    place.teams.fake.members["29:ana"][field] = value

    await place.ask("db.grant")

    assert ANA_IN_TEAMS not in place.cards()
    assert "a:29:bo" in place.cards()


async def test_a_person_who_cannot_be_written_to_keeps_no_copy_from_the_others(place: Place) -> None:
    place.teams.fake.script["create"].append(400)

    await place.ask("db.grant")

    assert len({"a:29:ana", "a:29:bo"} & set(place.cards())) == 1
    assert TEAMS_CHANNEL in place.cards()


async def test_t45_the_reconcile_job_posts_the_copies_that_are_missing(place: Place) -> None:
    place.teams.fake.script["create"].extend([400, 400])
    await place.ask("db.grant")
    assert ANA_IN_TEAMS not in place.cards()

    mended = await reconcile(place.world.store, (place.slack.surface, place.teams.surface))
    again = await reconcile(place.world.store, (place.slack.surface, place.teams.surface))

    assert mended == 2
    assert again == 0
    assert {ANA_IN_TEAMS, "a:29:bo"} <= set(place.cards())


async def test_where_the_connector_called_from_is_where_it_is_called_after_a_restart(place: Place) -> None:
    from adapters.teams.surface import META_SERVICE_URL, proactive_url
    from bot.config_chat import TeamsSettings
    from bot.secret import Secret

    await place.teams.fake.post(place.teams.client, place.teams.fake.activity("ana", text="help"))
    await place.teams.app.tasks.drain()

    kept = await place.world.store.read(lambda tx: tx.meta(META_SERVICE_URL))
    assert kept in (None, place.teams.fake.url)
    await place.teams.surface.heard(place.teams.fake.url + "emea/")
    assert (
        await place.world.store.read(lambda tx: tx.meta(META_SERVICE_URL)) == place.teams.fake.url + "emea/"
    )
    public = TeamsSettings(app=AAD["ana"], tenant=AAD["bo"], password=Secret("x" * 20))
    assert proactive_url(public) == "https://smba.trafficmanager.net/teams/"
