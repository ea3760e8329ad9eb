"""``signoff doctor slack`` and ``teams`` before fakes that enforce the platforms' words: each fault has its sentence and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.slack import probe as slack_probe
from adapters.slack.api import Api, Refusal
from adapters.slack.probe import SCOPES
from adapters.teams import probe as teams_probe
from adapters.teams.sdk import is_installed
from bot.chat.coalesce import Pace
from bot.config_chat import SlackSettings, TeamsSettings
from bot.errors import Retry
from bot.secret import Secret
from tests.support.chat_world import APP, CHANNEL, TEAM, TEAMS_CHANNEL, TENANT
from tests.support.clock import ManualClock
from tests.support.fake_connector import BOT, PASSWORD, FakeConnector
from tests.support.fake_slack import APP_TOKEN, SECRET, TOKEN, FakeSlack

ROOT = Path(__file__).resolve().parents[2]
KEY = rsa.generate_private_key(65537, 2048)
BLOCKS = [{"type": "section", "text": {"type": "plain_text", "text": "Approve?"}}]


@pytest.fixture
async def slack():
    async with FakeSlack(ManualClock()) as fake:
        fake.scopes = set(SCOPES)
        fake.channels[CHANNEL] = {
            "id": CHANNEL,
            "name": "approvals",
            "is_member": True,
            "is_ext_shared": False,
        }
        yield fake


async def asked(fake: FakeSlack, blocks: Any = BLOCKS, **changes: Any) -> dict[str, tuple[str, str]]:
    settings = SlackSettings(
        team=TEAM,
        app=APP,
        bot_token=Secret(TOKEN),
        signing_secret=Secret(SECRET),
        channels={"#approvals": CHANNEL},
        api_url=f"{fake.url}/api/" if not fake.url.endswith("/api/") else fake.url,
    )
    settings = msgspec.structs.replace(settings, **changes)
    return {said.check: (said.level, said.sentence) async for said in slack_probe.probe(settings, blocks)}


def levels(found: dict[str, tuple[str, str]]) -> set[str]:
    return {level for level, _ in found.values()}


def test_the_manifest_asks_for_the_scopes_that_are_checked():
    manifest = yaml.safe_load((ROOT / "manifest" / "slack.yaml").read_text("utf-8"))

    assert set(manifest["oauth_config"]["scopes"]["bot"]) == set(SCOPES)


async def test_an_installation_as_the_manual_makes_it_has_no_finding(slack):
    found = await asked(slack)

    assert levels(found) == {"ok"}
    assert {
        "slack token",
        "slack app",
        "slack scopes",
        "slack channel #approvals",
        "slack way in",
        "slack blocks",
    } == set(found)
    assert not slack.messages


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("invalid_auth", "install the app again"),
        ("token_revoked", "install the app again"),
        ("fatal_error", "try again"),
    ],
)
async def test_a_token_that_slack_refuses_ends_the_questions(slack, word, part):
    slack.script["auth.test"].append(word)

    found = await asked(slack)

    assert list(found) == ["slack token"]
    level, sentence = found["slack token"]
    assert level == "error"
    assert word in sentence
    assert part in sentence
    assert TOKEN not in sentence


async def test_a_token_of_another_workspace_or_app_is_said(slack):
    other_team = await asked(slack, team="T0OTHER")
    other_app = await asked(slack, app="A0OTHER")
    slack.enterprise = "E0GRID"
    grid = await asked(slack)
    known_grid = await asked(slack, enterprise="E0GRID")

    assert "T0OTHER" in other_team["slack token"][1]
    assert "A0OTHER" in other_app["slack app"][1]
    assert "slack.enterprise" in grid["slack token"][1]
    assert levels(known_grid) == {"ok"}


@pytest.mark.parametrize("scope", sorted(SCOPES))
async def test_each_missing_scope_is_named_with_what_it_is_for(slack, scope):
    slack.scopes.discard(scope)

    level, sentence = (await asked(slack))["slack scopes"]

    assert level == "error"
    assert scope in sentence
    assert SCOPES[scope] in sentence


async def test_a_scope_that_is_not_needed_is_a_warning(slack):
    slack.scopes.add("admin")

    level, sentence = (await asked(slack))["slack scopes"]

    assert level == "warning"
    assert "admin" in sentence


@pytest.mark.parametrize(
    ("change", "level", "part"),
    [
        ({"is_member": False}, "error", "/invite"),
        ({"is_archived": True}, "error", "archived"),
        ({"is_ext_shared": True}, "error", "another organisation"),
        ({"name": "renamed"}, "warning", "#renamed"),
    ],
)
async def test_a_channel_in_which_no_card_can_stand_is_said(slack, change, level, part):
    slack.channels[CHANNEL] |= change

    found = (await asked(slack))["slack channel #approvals"]

    assert found[0] == level
    assert part in found[1]


async def test_a_channel_that_is_not_there_and_no_channel_at_all(slack):
    gone = await asked(slack, channels={"#gone": "C0GONE"})
    none = await asked(slack, channels={})

    assert "C0GONE is not found" in gone["slack channel #gone"][1]
    assert none["slack channels"][0] == "warning"


async def test_socket_mode_opens_or_says_why_not(slack):
    good = await asked(slack, mode="socket", app_token=Secret(APP_TOKEN))
    bad = await asked(slack, mode="socket", app_token=Secret("xapp-wrong-token-0123456789"))

    assert good["slack way in"][0] == "ok"
    assert bad["slack way in"][0] == "error"
    assert "connections:write" in bad["slack way in"][1]


async def test_blocks_that_slack_does_not_take_are_said_and_an_older_slack_is_no_error(slack):
    refused = await asked(slack, [{"type": "alert"}])
    slack.script["blocks.validate"].append("unknown_method")
    older = await asked(slack)

    assert refused["slack blocks"][0] == "error"
    assert older["slack blocks"][0] == "warning"


async def test_a_slack_that_is_down_or_not_there_is_one_sentence(slack):
    slack.is_down = True
    down = await asked(slack)
    nowhere = await asked(slack, api_url="http://127.0.0.1:1/api/")

    assert list(down) == list(nowhere) == ["slack"]
    assert "503" in down["slack"][1]
    assert "cannot be reached" in nowhere["slack"][1]


@pytest.fixture
async def teams():
    async with FakeConnector(ManualClock(), KEY) as fake:
        yield fake


async def teams_asked(
    fake: FakeConnector, token_url: str | None = None, **changes: Any
) -> dict[str, tuple[str, str]]:
    settings = TeamsSettings(
        app=BOT,
        tenant=TENANT,
        password=Secret(PASSWORD),
        channels={"approvals": TEAMS_CHANNEL},
        service_urls=(fake.url,),
        openid_url=fake.url + "openid",
    )
    settings = msgspec.structs.replace(settings, **changes)
    found = teams_probe.probe(settings, token_url or fake.url + "token", fake.url)
    return {said.check: (said.level, said.sentence) async for said in found}


async def test_a_teams_installation_as_the_manual_makes_it_has_no_finding(teams):
    found = await teams_asked(teams)

    assert levels(found) == {"ok"}
    assert set(found) == {"teams transport", "teams keys", "teams token", "teams channel approvals"}
    assert not teams.cards


@pytest.mark.skipif(is_installed(), reason="the extra teams-sdk is installed here")
async def test_a_transport_whose_extra_is_missing_is_said(teams):
    found = await teams_asked(teams, transport="teams-sdk")

    assert found["teams transport"][0] == "error"
    assert "the extra teams-sdk" in found["teams transport"][1]


async def test_entra_that_gives_no_token_is_said_with_the_remedy(teams):
    found = await teams_asked(teams, password=Secret("wrong-password-0123456789"))
    away = await teams_asked(teams, "http://127.0.0.1:1/token")

    assert found["teams token"][0] == "error"
    assert "make a new one" in found["teams token"][1]
    assert "wrong-password" not in found["teams token"][1]
    assert "cannot be reached" in away["teams token"][1]


async def test_keys_that_cannot_be_had_and_a_service_that_is_not_allowed(teams):
    found = await teams_asked(teams, openid_url="http://127.0.0.1:1/openid")
    other = await teams_asked(teams, service_urls=("https://smba.trafficmanager.net/",))

    assert found["teams keys"][0] == "error"
    assert found["teams token"][0] == "ok"
    assert "teams.service_urls" in other["teams service"][1]


@pytest.mark.parametrize(
    ("status", "part"), [(403, "add the app"), (404, "add the app"), (401, "refuses our token"), (503, "503")]
)
async def test_a_teams_channel_without_the_app_is_said(teams, status, part):
    teams.script["members"].append(status)

    level, sentence = (await teams_asked(teams))["teams channel approvals"]

    assert level == "error"
    assert part in sentence


async def test_a_teams_channel_that_is_not_there_and_no_channel_at_all(teams):
    gone = await teams_asked(teams, channels={"gone": "19:gone@thread.tacv2"})
    none = await teams_asked(teams, channels={})

    assert gone["teams channel gone"][0] == "error"
    assert none["teams channels"][0] == "warning"


async def test_a_private_answer_that_slack_does_not_take_is_no_success(slack):
    """What a command answers must not be lost in silence: the task that gave it fails, is logged and counted."""
    api = Api(f"{slack.url}/api/", Secret(TOKEN), Pace(slack.clock.monotonic, interval=1.0, burst=3))
    await api.open()
    try:
        address = f"http://{slack.host}/respond/1"
        await api.respond(address, {"text": "x", "blocks": BLOCKS})
        with pytest.raises(Refusal, match="400"):
            await api.respond(address, {"text": "x", "blocks": [{"type": "alert"}]})
        with pytest.raises(Refusal, match="404"):
            await api.respond(f"http://{slack.host}/nowhere", {"text": "x", "blocks": BLOCKS})
        slack.is_down = True
        with pytest.raises(Retry, match="503"):
            await api.respond(address, {"text": "x", "blocks": BLOCKS})
    finally:
        await api.close()
    assert len(slack.responses) == 1
