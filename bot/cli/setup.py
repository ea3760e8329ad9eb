"""``signoff init``: a working installation in an empty folder, closed from the first minute (T56).

Decided here: what a first installation holds. Every key is made here, no default is shared between installations, and what
is secret is shown once. Nothing that exists is ever overwritten.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from adapters.keys.files import create
from adapters.web.passwords import hash_password
from bot.app import Bot
from bot.cli._io import CommandError, JsonOption, Speaker, agreed
from bot.cli._local import opened
from bot.config import FILE, Config, load
from bot.core.ids import AccountKey, agent_id, person_id
from bot.core.people import Agent, KeyKind, Role
from bot.rand import OsRand

CONFIG_TEXT: Final = """\
# Signoff. Every setting: docs/config.md. A misspelt key stops the start.
server:
  host: 127.0.0.1
  port: {port}

store:
  path: data/signoff.sqlite3

keys:
  directory: keys

policy:
  file: policy.yaml

audit:
  # The log's name in its signed heads. Never change it.
  origin: {origin}
  # The newest signed head of the log. Put it on another disk, so that a rolled-back database is noticed.
  head_file: audit-head.txt
"""
POLICY_TEXT: Final = """\
# Who may allow what. Rules are read in order, the first that matches decides, no match denies.
# The language: docs/policy.md. Examples: examples/policies. After a change: signoff policy check
version: 1

groups:
  approvers: {{members: [person:{admin}]}}

rules:
  - name: exports
    when: action.startsWith("db.export")
    require: [{{group: approvers, approvals: 1}}]
    decide_within: 30m
    grant_valid_for: 5m
    preview: {{show: [query, destination, rows], reveal: approvers}}

  - name: reads outside production
    when: action.startsWith("db.read") && resource.env != "prod"
    allow: true
"""
OWNER: Final = "agent-owner"


def add_to(app: typer.Typer) -> None:
    app.command("init")(init)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    admin: Annotated[str, typer.Option(help="Name of the first administrator.")] = "admin",
    agent: Annotated[str, typer.Option(help="Name of the first agent.")] = "first-agent",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1.")] = 8080,
    is_json: JsonOption = False,
) -> None:
    """Write a configuration, keys, an example policy, an administrator and an agent into DIR."""
    person_id(admin), agent_id(agent)
    taken = [name for name in (FILE, "policy.yaml", "keys", "data") if (folder / name).exists()]
    if taken:
        raise CommandError(
            f"{folder} holds {', '.join(taken)} already, and init never overwrites; choose another folder"
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(folder / FILE, CONFIG_TEXT.format(port=port, origin=f"signoff/{secrets.token_hex(8)}"))
        _write(folder / "policy.yaml", POLICY_TEXT.format(admin=person_id(admin).removeprefix("person:")))
        (folder / "data").mkdir(mode=0o700)
    except OSError as error:
        raise CommandError(f"{folder} cannot be written: {error.strerror}") from error
    create(folder / "keys", OsRand())
    config = load(folder, {})
    said = asyncio.run(_people_it(config, admin, agent))
    file = folder / FILE
    Speaker(is_json).answer(
        {"config": str(file.absolute()), "url": config.server.url} | said,
        f"Signoff is set up in {folder}.",
        "",
        f"  console        {config.server.url}/",
        f"  sign in as     {said['admin']['name']}",
        f"  password       {said['admin']['password']}",
        f"  agent          {said['agent']['name']}",
        f"  its key        {said['agent']['key']}",
        "",
        "Password and key are shown this once and stored as hashes; keep them now.",
        "",
        "Next:",
        f"  signoff serve --config {file}",
        f"  signoff doctor --config {file}",
        f"  edit {folder / 'policy.yaml'}, then: signoff policy check {folder / 'policy.yaml'}",
        f"  give the agent its real owner (an owner cannot approve its requests): signoff agents own {agent} PERSON",
    )


async def _people_it(config: Config, admin: str, agent: str) -> dict[str, Any]:
    password = secrets.token_urlsafe(18)
    async with opened(config, checked=False) as bot:
        person = agreed(await bot.desk.add_person(None, person_id(admin), admin, frozenset({Role.ADMIN})))
        account = AccountKey(f"local:{person.id.removeprefix('person:')}")
        agreed(
            await bot.desk.link_account(
                None, account, person.id, proof="init", secret=hash_password(password), cool_down=timedelta(0)
            )
        )
        key = await first_agent(bot, agent)
    return {
        "admin": {"person": person.id, "name": account.removeprefix("local:"), "password": password},
        "agent": {"id": agent_id(agent), "name": agent, "owner": f"person:{OWNER}", "key": key},
    }


async def first_agent(bot: Bot, name: str) -> str:
    """An agent whose owner is somebody else than the administrator, so that the administrator may approve; its key."""
    owner = agreed(await bot.desk.add_person(None, person_id(OWNER), "The agent's owner (replace me)"))
    agent = agreed(await bot.desk.add_agent(None, Agent(agent_id(name), (owner.id,), bot.office.clock.now())))
    secret: str = agreed(await bot.desk.issue_key(None, agent.id, KeyKind.API)).secret
    return secret


def _write(path: Path, text: str) -> None:
    """Create, owner only; never replace."""
    with path.open("x", encoding="utf-8") as file:
        path.chmod(0o600)
        file.write(text)
