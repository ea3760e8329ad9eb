"""The manifests are what the code needs: judged by Slack's and Teams' own schemas, and compared with the code."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from adapters.slack.app import PATH
from bot.chat.commands import SPECS
from bot.cli.manifest import EXAMPLE, EXAMPLE_ID, slack_manifest, teams_package
from tests.cli.test_commands import signoff
from tests.support.chat_cards import SHARED
from tests.support.fake_slack import SCOPES

ROOT = Path(__file__).resolve().parents[2]
SLACK = yaml.safe_load((ROOT / "manifest" / "slack.yaml").read_text(encoding="utf-8"))
TEAMS = json.loads((ROOT / "manifest" / "teams" / "manifest.json").read_text(encoding="utf-8"))


def schema(name: str) -> Any:
    path = SHARED / "schemas" / name
    if not path.exists():
        pytest.skip(f"{path} is absent: manifest schemas are shared test data")
    return json.loads(path.read_text(encoding="utf-8"))


def test_slacks_schema_takes_the_manifest_and_refuses_a_typo() -> None:
    judge = jsonschema.validators.validator_for(schema("slack-manifest-2.0.0.json"))(
        schema("slack-manifest-2.0.0.json")
    )

    assert list(judge.iter_errors(SLACK)) == []
    assert not judge.is_valid({**SLACK, "settings": {**SLACK["settings"], "socket_mode": True}})


def test_teams_schema_takes_the_manifest_and_refuses_a_typo() -> None:
    judge = jsonschema.validators.validator_for(schema("teams-manifest-1.29.json"))(
        schema("teams-manifest-1.29.json")
    )

    assert list(judge.iter_errors(TEAMS)) == []
    assert not judge.is_valid({**TEAMS, "botz": []})


def test_slack_has_every_scope_that_our_calls_need() -> None:
    assert set(SCOPES.values()) | {"commands"} <= set(SLACK["oauth_config"]["scopes"]["bot"])


def test_slack_has_our_commands_and_addresses() -> None:
    commands = SLACK["features"]["slash_commands"]

    assert {c["command"].lstrip("/") for c in commands} == set(SPECS)
    addresses = [c["url"] for c in commands] + [
        SLACK["settings"][k]["request_url"] for k in ("event_subscriptions", "interactivity")
    ]
    assert all(address.endswith(PATH) for address in addresses)
    assert all(c["should_escape"] for c in commands)


def test_teams_lists_only_commands_that_there_are() -> None:
    for command in TEAMS["bots"][0]["commandLists"][0]["commands"]:
        words = command["title"].split()
        assert words[-1] in SPECS["audit" if words[0] == "audit" else "signoff"]


def test_teams_offers_every_command_by_mention_and_behind_the_slash() -> None:
    bot = TEAMS["bots"][0]

    assert bot["supportsTargetedMessages"] is True
    assert [listed["triggers"] for listed in bot["commandLists"]] == [["mention", "slash"]]
    assert len(bot["commandLists"][0]["commands"]) <= 12


@pytest.mark.parametrize(("icon", "size"), [("color.png", 192), ("outline.png", 32)])
def test_teams_icons_have_their_sizes(icon: str, size: int) -> None:
    raw = (ROOT / "manifest" / "teams" / icon).read_bytes()

    assert struct.unpack(">II", raw[16:24]) == (size, size)


APP_ID = "12345678-9abc-def0-1234-56789abcdef0"


def test_the_operators_slack_manifest_holds_their_address_and_passes_slacks_schema() -> None:
    made = yaml.safe_load(slack_manifest("https://ask.corp.test"))

    assert "signoff.example" not in json.dumps(made)
    assert made["settings"]["interactivity"]["request_url"] == "https://ask.corp.test" + PATH
    assert list(jsonschema.Draft202012Validator(schema("slack-manifest-2.0.0.json")).iter_errors(made)) == []


def test_for_socket_mode_there_is_no_address_at_all() -> None:
    made = yaml.safe_load(slack_manifest(""))

    assert made["settings"]["socket_mode_enabled"] is True
    assert "http" not in json.dumps(made)
    assert made["settings"]["interactivity"] == {"is_enabled": True}
    assert list(jsonschema.Draft202012Validator(schema("slack-manifest-2.0.0.json")).iter_errors(made)) == []


def test_the_teams_package_is_a_zip_of_three_files_and_the_same_bytes_each_time() -> None:
    packed = teams_package("https://ask.corp.test", APP_ID)

    assert packed == teams_package("https://ask.corp.test", APP_ID)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["color.png", "manifest.json", "outline.png"]
        made = json.loads(archive.read("manifest.json"))
        assert archive.read("color.png") == (ROOT / "manifest/teams/color.png").read_bytes()
    assert made["id"] == made["bots"][0]["botId"] == APP_ID
    text = json.dumps(made)
    assert EXAMPLE not in text
    assert EXAMPLE_ID not in text
    judge = jsonschema.validators.validator_for(schema("teams-manifest-1.29.json"))(
        schema("teams-manifest-1.29.json")
    )
    assert list(judge.iter_errors(made)) == []


def test_the_commands_write_what_can_be_uploaded(tmp_path) -> None:
    package = tmp_path / "signoff-teams.zip"

    yaml_text = signoff("manifest", "slack", "--url", "https://ask.corp.test/").stdout
    done = signoff("manifest", "teams", package, "--app", APP_ID, "--url", "https://ask.corp.test")

    assert yaml_text == slack_manifest("https://ask.corp.test")
    assert done.returncode == 0, done.stderr
    assert package.read_bytes() == teams_package("https://ask.corp.test", APP_ID)


@pytest.mark.parametrize(
    "url",
    [
        "http://ask.corp.test",
        "https://127.0.0.1",
        "https://localhost:8080",
        "https://a b",
        "https://x/y",
        "https://u:p@x",
    ],
)
def test_an_address_that_no_platform_could_reach_is_refused(url, tmp_path) -> None:
    said = signoff("manifest", "slack", "--url", url)
    package = signoff("manifest", "teams", tmp_path / "x.zip", "--app", APP_ID, "--url", url)

    assert said.returncode != 0
    assert "no public https address" in said.stderr
    assert package.returncode != 0
    assert not (tmp_path / "x.zip").exists()


def test_an_app_id_that_is_none_is_refused(tmp_path) -> None:
    said = signoff("manifest", "teams", tmp_path / "x.zip", "--app", "APP", "--url", "https://ask.corp.test")

    assert "--app" in said.stderr
    assert not (tmp_path / "x.zip").exists()
