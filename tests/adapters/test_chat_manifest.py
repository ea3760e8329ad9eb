"""The manifests are what the code needs: judged by Slack's and Teams' own schemas, and compared with the code."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from adapters.slack.app import PATH
from bot.chat.commands import SPECS
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


@pytest.mark.parametrize(("icon", "size"), [("color.png", 192), ("outline.png", 32)])
def test_teams_icons_have_their_sizes(icon: str, size: int) -> None:
    raw = (ROOT / "manifest" / "teams" / icon).read_bytes()

    assert struct.unpack(">II", raw[16:24]) == (size, size)
