"""A throw-away installation and its server process, for benchmarks: real config, keys, policy, people, agents, SQLite on disk."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from adapters.keys.files import create
from bot.app import open_bot
from bot.config import load
from bot.core.ids import AgentId, PersonId
from bot.core.people import Agent
from bot.rand import OsRand

POLICY = """
version: 1
groups:
  owners: {members: [person:ana, person:bo]}
rules:
  - name: wipe nothing
    when: action == "db.wipe"
    deny: true
  - name: exports of personal data from production
    when: action.startsWith("db.export") && resource.env == "prod" && data.classes.exists(c, c in ["email_address", "us_ssn"])
    require: [{group: owners, approvals: 1}]
    decide_within: 1h
"""


@dataclass
class Installation:
    folder: Path
    agents: list[str] = field(default_factory=list)
    """API keys."""
    people: list[str] = field(default_factory=list)
    """Personal access tokens of ana and bo."""


async def install(folder: Path, agents: int) -> Installation:
    (folder / "signoff.yaml").write_text("server: {port: 0}\nlog: {level: warning}\n")
    (folder / "policy.yaml").write_text(POLICY)
    create(folder / "keys", OsRand())
    made = Installation(folder)
    async with open_bot(load(folder)) as bot:
        for name in ("ana", "bo", "eve"):
            await bot.desk.add_person(None, PersonId(f"person:{name}"), name.title())
        for name in ("ana", "bo"):
            made.people.append(
                str(await bot.desk.issue_person_token(None, PersonId(f"person:{name}"), timedelta(days=1)))
            )
        for number in range(agents):
            agent = Agent(
                AgentId(f"agent:a{number}"),
                (PersonId("person:eve"),),
                bot.office.clock.now(),
                pending_max=100_000,
                per_minute_max=10_000_000,
            )
            await bot.desk.add_agent(None, agent)
            made.agents.append((await bot.desk.issue_key(None, agent.id)).secret)
    return made


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[int]:
    """The server process's port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bot.cli", "serve", "--config", str(folder), "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        yield int(json.loads(line)["listening"].rsplit(":", 1)[1])
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextlib.contextmanager
def installed(agents: int) -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="signoff-bench-") as folder:
        yield asyncio.run(install(Path(folder), agents))
