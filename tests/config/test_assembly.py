"""The whole bot put together from a configuration: what is configured is there, what is not is absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.keys.files import create
from bot.app import assemble
from bot.config import parse
from bot.errors import ConfigError
from bot.rand import OsRand

CHATS = """
server: {port: 0}
slack: {team: T012345, app: A012345, bot_token: "env:BT", signing_secret: "env:SS", channels: {"#a": C0123}}
teams: {development: true, service_urls: ["http://127.0.0.1:9/"]}
"""
SECRETS = {"BT": "xoxb-" + "1" * 30, "SS": "a" * 32}


def paths(text: str, folder: Path) -> set[str]:
    create(folder / "keys", OsRand())
    bot = assemble(parse(text, folder, SECRETS))
    return {route.path for route in bot.routes}


async def test_chats_that_are_configured_have_their_routes(tmp_path):
    assert {"/slack/events", "/teams/messages"} <= paths(CHATS, tmp_path)


async def test_chats_that_are_not_configured_have_none(tmp_path):
    assert not {"/slack/events", "/teams/messages"} & paths("server: {port: 0}\n", tmp_path)


async def test_t29_the_development_flag_of_teams_refuses_a_server_that_others_reach(tmp_path):
    open_to_all = CHATS.replace(
        "server: {port: 0}",
        "server: {port: 0, host: 0.0.0.0, behind_proxy: true, public_url: 'https://signoff.example'}",
    )

    with pytest.raises(ConfigError, match="loopback"):
        paths(open_to_all, tmp_path)
