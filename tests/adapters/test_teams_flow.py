"""Teams from the ask to the decision, through botbuilder's connector, against a fake Connector (I2, I3, I9, I14; T04, T05, T14, T27, T29, T45)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.teams.botbuilder import BotbuilderTransport
from bot.chat.link import Links
from bot.chat.seal import Click, Place, seal
from bot.config import Config, Server
from bot.config_chat import TeamsSettings
from bot.core.preview import Button
from bot.core.request import RequestState
from bot.errors import GiveUp
from bot.secret import Secret
from bot.teams_wiring import assemble
from tests.support.chat_world import AAD, TEAMS_CHANNEL, TENANT, TestKeys, make_world
from tests.support.fake_connector import BOT, FakeConnector, executes
from tests.support.markup import teams_words
from tests.support.teams_harness import TeamsHarness, teams_harness


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
async def teams(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> AsyncIterator[TeamsHarness]:
    world = await make_world(tmp_path)
    async with FakeConnector(world.clock, rsa_key) as fake, teams_harness(world, fake) as made:
        yield made


async def test_two_people_approve_in_teams_and_the_card_tells_it(teams: TeamsHarness) -> None:
    request = await teams.world.ask("db.export")
    await teams.show(request.id)

    first = await teams.press("ana", "Approve")
    partly = teams.card
    second = await teams.press("cy", "Approve")

    assert first["statusCode"] == second["statusCode"] == 200
    assert "Partly approved, 1 of 2" in partly
    assert "Partly approved, 1 of 2" in teams_words(first["value"])
    assert (await teams.world.request(request.id)).state is RequestState.APPROVED
    assert "Approved" in teams.card
    assert not executes(teams.fake.card())


async def test_the_requester_gets_a_red_strip(teams: TeamsHarness) -> None:
    request = await teams.world.ask()
    await teams.show(request.id)

    answer = await teams.press("maria", "Approve")

    assert answer["type"] == "application/vnd.microsoft.error"
    assert answer["value"]["code"] == "separated"
    assert await teams.world.votes(request.id) == []


async def test_a_double_click_counts_once(teams: TeamsHarness) -> None:
    request = await teams.world.ask("db.export")
    await teams.show(request.id)
    await teams.press("ana", "Approve")

    answer = await teams.press("ana", "Approve")

    assert answer["value"]["code"] == "already-voted"
    assert await teams.world.votes(request.id) == ["ana:approve"]


async def test_denying_needs_a_reason_which_is_kept_masked(teams: TeamsHarness) -> None:
    request = await teams.world.ask()
    await teams.show(request.id)

    without = await teams.press("ana", "Deny", reason=" ")
    await teams.press("ana", "Deny", reason="ann@example.org must not leave")

    assert without["value"]["code"] == "reason-required"
    assert (await teams.world.request(request.id)).state is RequestState.DENIED
    assert "must not leave" in teams.card
    assert "ann@example.org" not in teams.card


async def test_refresh_gives_each_viewer_an_own_view(teams: TeamsHarness) -> None:
    request = await teams.world.ask("db.export")
    await teams.show(request.id)
    refresh = teams.fake.card()["refresh"]["action"]

    async def view(name: str) -> set[str]:
        activity = teams.fake.execute(name, refresh, verb="refresh")
        answer = (await teams.fake.post(teams.client, activity)).json()
        return {found.get("title", "") for found in executes(answer["value"])}

    assert {"Approve", "Deny…"} <= await view("ana")
    owner = await view("maria")
    assert "Cancel request" in owner
    assert "Approve" not in owner
    await teams.press("ana", "Approve")
    assert "Withdraw my vote" in await view("ana")


async def test_withdraw_from_the_own_view(teams: TeamsHarness) -> None:
    request = await teams.world.ask("db.export")
    await teams.show(request.id)
    mine = (await teams.press("ana", "Approve"))["value"]
    from tests.support.fake_connector import button

    activity = teams.fake.execute("ana", button(mine, "Withdraw"))
    await teams.fake.post(teams.client, activity)

    assert await teams.world.votes(request.id) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("userRole", "guest"),
        ("userRole", "anonymous"),
        ("tenantId", "99999999-0000-0000-0000-000000000000"),
        ("aadObjectId", "99999999-0000-0000-0000-000000000000"),
        ("aadObjectId", None),
    ],
)
async def test_t05_t29_this_kind_of_account_is_nobody(teams: TeamsHarness, field: str, value: object) -> None:
    request = await teams.world.ask()
    await teams.show(request.id)
    teams.fake.members["29:ana"][field] = value

    answer = await teams.press("ana", "Approve")

    assert answer["value"]["code"] == "nobody"
    assert await teams.world.votes(request.id) == []
    assert await teams.world.turned_away() == ["stranger"]


async def test_an_own_view_that_a_client_asks_for_by_itself_is_no_try(teams: TeamsHarness) -> None:
    request = await teams.world.ask()
    await teams.show(request.id)
    refresh = teams.fake.card()["refresh"]["action"]
    teams.fake.members["29:ana"]["userRole"] = "guest"

    await teams.fake.post(teams.client, teams.fake.execute("ana", refresh, verb="refresh"))

    assert await teams.world.turned_away() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"from": {"id": "29:ana"}},
        {"from": {"id": "29:ana", "aadObjectId": "not-a-uuid"}},
        {"from": {"id": "29:ana", "aadObjectId": AAD["bo"]}},
        {"from": {"id": "28:bot", "aadObjectId": AAD["ana"], "role": "bot"}},
        {"from": None},
        {"conversation": {"id": "19:elsewhere@thread.tacv2", "tenantId": TENANT}},
        {"value": None},
        {"value": {"action": {"verb": "signoff", "data": {}}}},
        {"value": {"action": {"verb": "signoff", "data": {"signoff": "req_1"}}}},
        {"value": {"action": "x"}},
        {"name": "other/action"},
    ],
)
async def test_t27_an_invoke_that_does_not_fit_is_no_vote(
    teams: TeamsHarness, changes: dict[str, Any]
) -> None:
    request = await teams.world.ask()
    await teams.show(request.id)

    answer = await teams.press("ana", "Approve", **changes)

    assert answer["type"] == "application/vnd.microsoft.error"
    assert await teams.world.votes(request.id) == []


async def test_the_service_being_down_when_the_user_is_checked_refuses(teams: TeamsHarness) -> None:
    request = await teams.world.ask()
    await teams.show(request.id)
    teams.fake.script["member"].append(500)

    answer = await teams.press("ana", "Approve")

    assert "cannot be checked" in answer["value"]["message"]
    assert await teams.world.votes(request.id) == []


async def test_t14_a_genuine_button_does_not_approve_what_does_not_fit(teams: TeamsHarness) -> None:
    request = await teams.world.ask(parameters={f"k{i}": f"v{i}" for i in range(90)})
    await teams.show(request.id)
    assert not [found for found in executes(teams.fake.card()) if found.get("title", "") == "Approve"]
    value = seal(TestKeys().mac, Place("teams", TENANT, TEAMS_CHANNEL), Click(request.id, 1, Button.APPROVE))

    activity = teams.fake.execute("ana", {"data": {"signoff": value}})
    answer = (await teams.fake.post(teams.client, activity)).json()

    assert answer["value"]["code"] == "incomplete-preview"


@pytest.mark.parametrize("status", [412, 429, 500, 502, 503, 504, 401])
@pytest.mark.parametrize("what", ["send", "update"])
async def test_t45_after_any_fault_the_card_is_right(teams: TeamsHarness, what: str, status: int) -> None:
    request = await teams.world.ask("db.export")
    teams.fake.script[what].extend([status, status])

    await teams.show(request.id)
    await teams.press("ana", "Approve")
    await teams.show(request.id)

    assert "Partly approved" in teams.card
    assert len(teams.fake.cards[TEAMS_CHANNEL]) == 1


async def test_a_deleted_message_is_posted_anew(teams: TeamsHarness) -> None:
    request = await teams.world.ask("db.export")
    await teams.show(request.id)
    activity = teams.fake.execute("ana", executes(teams.fake.card())[1])
    teams.fake.cards[TEAMS_CHANNEL].clear()

    await teams.fake.post(teams.client, activity)
    await teams.app.tasks.drain()

    assert "Partly approved" in teams.card


async def test_a_mention_command_is_answered_in_a_direct_message(teams: TeamsHarness) -> None:
    await teams.world.ask("db.export")

    response = await teams.fake.post(teams.client, teams.fake.activity("ana", text="<at>Signoff</at> inbox"))
    await teams.app.tasks.drain()

    assert response.status_code == 202
    assert "Waiting for you (1)" in teams_words(teams.fake.card("a:29:ana"))
    assert not teams.fake.cards[TEAMS_CHANNEL]


async def test_in_the_personal_chat_the_answer_stands_there_and_typos_are_helped(teams: TeamsHarness) -> None:
    conversation = {"id": "a:chat", "tenantId": TENANT, "conversationType": "personal"}

    await teams.fake.post(
        teams.client, teams.fake.activity("aud", text="audit serach", conversation=conversation)
    )
    await teams.app.tasks.drain()

    assert "Did you mean /audit search?" in teams_words(teams.fake.card("a:chat"))


async def test_a_client_that_knows_only_submit_votes_all_the_same(teams: TeamsHarness) -> None:
    request = await teams.world.ask("db.export")
    await teams.show(request.id)
    approve = next(found for found in executes(teams.fake.card()) if found.get("title", "") == "Approve")

    await teams.fake.post(teams.client, teams.fake.activity("ana", value=approve["fallback"]["data"]))
    await teams.app.tasks.drain()

    assert await teams.world.votes(request.id) == ["ana:approve"]


async def test_t04_the_same_person_in_slack_and_in_teams_counts_once(teams: TeamsHarness) -> None:
    from bot.core.ids import AccountKey
    from bot.core.people import Actor
    from bot.core.request import Assurance, Choice

    request = await teams.world.ask("db.export")
    await teams.show(request.id)
    in_slack = await teams.world.desk.identify(
        AccountKey("slack:T0SIGNOFF:U0EVA"), surface="slack:C1", assurance=Assurance.CHAT
    )
    assert isinstance(in_slack, Actor)
    await teams.world.desk.vote(request.id, in_slack, Choice.APPROVE)

    answer = await teams.press("eva", "Approve")

    assert answer["value"]["code"] == "already-voted"
    assert (await teams.world.request(request.id)).state is RequestState.PENDING


async def test_t29_the_token_never_leaves_for_a_service_url_off_the_list(teams: TeamsHarness) -> None:
    transport = BotbuilderTransport(None, BOT, (teams.fake.url,))
    for url in (
        "http://127.0.0.1:1/",
        "https://smba.trafficmanager.net.evil.example/",
        teams.fake.url.rstrip("/") + "@evil.example/",
    ):
        with pytest.raises(GiveUp, match="allow-list"):
            await transport.send_card(url, "c", {}, "x")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"app": BOT},
        {"tenant": TENANT},
        {"app": BOT, "tenant": TENANT},
        {"app": BOT, "tenant": TENANT, "password": Secret("")},
        {"app": BOT, "tenant": TENANT, "password": Secret("x" * 20), "service_urls": ()},
        {
            "app": BOT,
            "tenant": TENANT,
            "password": Secret("x" * 20),
            "service_urls": ("http://evil.example/",),
        },
        {"development": True, "app": BOT},
        {"development": True, "tenant": TENANT},
        {"development": True},
        {"development": True, "service_urls": ("http://10.0.0.1/",)},
    ],
)
def test_t29_settings_that_would_let_anybody_in_refuse_to_start(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        TeamsSettings(**settings)


async def test_under_the_development_flag_nothing_is_asked_of_entra_and_no_token_is_sent(
    teams: TeamsHarness,
) -> None:
    world, fake = teams.world, teams.fake
    fake.is_open = True
    settings = TeamsSettings(
        development=True, service_urls=(fake.url,), channels={"approvals": TEAMS_CHANNEL}
    )
    keys = TestKeys()
    links = Links(world.store, world.desk, world.clock, world.rand, keys.mac)
    made = assemble(settings, Config(server=Server(port=0)), world.office, world.desk, links)
    request = await world.ask()

    await made.surface.show("teams:approvals", request.id)

    assert request.id in teams_words(fake.card())
    assert not fake.tokens
    await made.app.stop()


def test_the_development_flag_works_on_loopback() -> None:
    assert TeamsSettings(development=True, service_urls=("http://127.0.0.1:56150/_connector",)).development
