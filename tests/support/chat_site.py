"""A real server process with Slack and Teams configured against the fakes (or against outside programs), on real SQLite.

Every test gets a channel of its own in both chats, so that the pace of one channel does not slow the others down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from adapters.keys.files import create
from bot.cli._local import opened
from bot.config import load
from bot.core.ids import AccountKey, AgentId, PersonId
from bot.core.people import Agent, KeyKind, Role
from bot.desk.api import NewKey
from bot.rand import OsRand
from tests.support.chat_world import AAD, APP, SLACK_USERS, TEAM, TENANT
from tests.support.fake_connector import BOT, PASSWORD
from tests.support.fake_slack import APP_TOKEN, SECRET, TOKEN
from tests.support.server import Site, free_port

PEOPLE = tuple(SLACK_USERS)
CHANNELS = 40


def slack_channel(index: int) -> str:
    return f"C0WAY{index:02d}"


def teams_channel(index: int) -> str:
    return f"19:way{index:02d}@thread.tacv2"


CONFIG = """\
server: {{host: 127.0.0.1, port: {port}}}
store: {{path: data/signoff.sqlite3}}
keys: {{directory: keys}}
policy: {{file: policy.yaml}}
people: {{cool_down: 0s}}
masking: {{processes: 1}}
audit: {{origin: signoff/chat, head_file: audit-head.txt}}
log: {{level: debug, format: json}}
"""

GROUPS = """\
version: 1
groups:
  data-owners: {members: [person:ana, person:bo, person:eva]}
  security: {members: [person:cy, person:bo, person:eva]}
rules:
"""


@dataclass(frozen=True)
class Chats:
    """Which chats the server speaks to. *slack* and *teams* are base addresses; None leaves that chat out.

    *response_host*: where private answers go, if not to Slack's own host."""

    slack: str | None = None
    mode: str = "http"
    slack_team: str = TEAM
    response_host: str | None = None
    teams: str | None = None
    development: bool = False
    transport: str = "botbuilder"
    slack_channels: Mapping[str, str] = field(default_factory=dict)
    teams_channels: Mapping[str, str] = field(default_factory=dict)


def config(port: int, chats: Chats) -> str:
    text = CONFIG.format(port=port)
    if chats.slack is not None:
        host = chats.response_host or chats.slack.split("//", 1)[1].split("/", 1)[0]
        names = "".join(f'    "{name}": {id}\n' for name, id in chats.slack_channels.items())
        text += (
            f"slack:\n  team: {chats.slack_team}\n  app: {APP}\n  mode: {chats.mode}\n  api_url: {chats.slack}\n"
            "  bot_token_file: secrets/bot\n  signing_secret_file: secrets/signing\n  app_token_file: secrets/app\n"
            f'  response_hosts: ["{host}"]\n  channels:\n{names}'
        )
    if chats.teams is not None:
        names = "".join(f'    "{name}": "{id}"\n' for name, id in chats.teams_channels.items())
        who = (
            "  development: true\n"
            if chats.development
            else f"  app: {BOT}\n  tenant: {TENANT}\n  password_file: secrets/teams\n"
            f"  openid_url: {chats.teams}openid\n  token_url: {chats.teams}token\n"
        )
        text += f'teams:\n{who}  service_urls: ["{chats.teams}"]\n  transport: {chats.transport}\n  channels:\n{names}'
    return text


def rule(name: str, when: str, surfaces: list[str], groups: tuple[str, ...], more: str = "") -> str:
    places = ", ".join(f'"{surface}"' for surface in surfaces)
    needs = ", ".join(f"{{group: {group}, approvals: 1}}" for group in groups)
    return (
        f"  - name: {name}\n    when: {when}\n    require: [{needs}]\n    decide_within: 30m\n    grant_valid_for: 5m\n"
        f"    surfaces: [{places}, console]\n{more}"
    )


def policy(chats: Chats) -> str:
    """One rule for each channel (``resource.id`` is its number): two groups, a person of each."""
    rules = []
    for index in range(CHANNELS):
        surfaces = [f"slack:#way{index}"] if chats.slack is not None else []
        surfaces += [f"teams:way{index}"] if chats.teams is not None else []
        rules.append(
            rule(f"way {index}", f'resource.id == "way-{index}"', surfaces, ("data-owners", "security"))
        )
    return GROUPS + "".join(rules)


def install(
    folder: Path, chats: Chats, rules: str, accounts: Mapping[str, tuple[str, ...]] | None = None
) -> Site:
    """Write an installation. *accounts*: the chat accounts of each person; those of the fakes when not given."""
    site = Site(folder, free_port())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "signoff.yaml").write_text(config(site.port, chats), encoding="utf-8")
    (folder / "policy.yaml").write_text(rules, encoding="utf-8")
    (folder / "data").mkdir(mode=0o700)
    (folder / "secrets").mkdir(mode=0o700)
    for name, secret in {"bot": TOKEN, "signing": SECRET, "app": APP_TOKEN, "teams": PASSWORD}.items():
        path = folder / "secrets" / name
        path.write_text(secret, encoding="utf-8")
        path.chmod(0o600)
    create(folder / "keys", OsRand())
    linked = accounts if accounts is not None else fake_accounts()
    asyncio.run(_furnish(site, linked))
    return site


def fake_accounts() -> dict[str, tuple[str, ...]]:
    return {name: (f"slack:{TEAM}:{SLACK_USERS[name]}", f"teams:{TENANT}:{AAD[name]}") for name in PEOPLE}


async def _furnish(site: Site, accounts: Mapping[str, tuple[str, ...]]) -> None:
    async with opened(load(site.folder), checked=False) as bot:
        for name, keys in accounts.items():
            person = PersonId(f"person:{name}")
            roles = frozenset({Role.AUDITOR}) if name == "aud" else frozenset()
            await bot.desk.add_person(None, person, name.capitalize(), roles)
            for key in keys:
                await bot.desk.link_account(
                    None, AccountKey(key), person, proof="operator", cool_down=timedelta()
                )
            token = await bot.desk.issue_person_token(None, person, timedelta(days=1))
            assert isinstance(token, str), token
            site.tokens[name] = token
        agent = Agent(
            AgentId("agent:exporter"), (PersonId("person:maria"),), bot.office.clock.now(),
            pending_max=10_000, per_minute_max=100_000,
        )  # fmt: skip
        await bot.desk.add_agent(None, agent)
        key = await bot.desk.issue_key(None, agent.id, KeyKind.API)
        assert isinstance(key, NewKey)
        site.keys["bot"] = key.secret


def payload(index: int, **parameters: Any) -> dict[str, Any]:
    return {
        "action": "db.export",
        "resource": {"type": "postgres", "id": f"way-{index}", "env": "prod"},
        "parameters": {"query": "SELECT name, email FROM customers", "rows": 3, **parameters},
    }
