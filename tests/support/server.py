"""A real server process (``python -m bot.cli serve``) over a folder of its own: started, stopped, killed and started again.

The folder is written by the product's own set-up (keys, store, desk), as ``signoff init`` does it, with people who have passwords and
personal access tokens, and agents with keys. The process logs at DEBUG into a file. Nothing in the process is replaced; only
``still=True`` starts it through ``tests.support.still_server``, whose scheduler never runs (T37).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.parse
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from adapters.anchors.headfile import HeadFile
from adapters.keys.files import create
from adapters.keys.files import load as load_keys
from adapters.web.passwords import hash_password
from audit.checkpoint import open_checkpoint
from audit.fsck import verify_database
from audit.walk import Report
from bot.cli._local import opened
from bot.config import load
from bot.core.ids import AccountKey, AgentId, PersonId
from bot.core.people import Agent, KeyKind, Role
from bot.desk.api import NewKey
from bot.log_keys import log_keys
from bot.rand import OsRand

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"
CROWD = 100
START_SECONDS = 60
"""A shared machine may be slow; a start takes one to two seconds."""

CANARIES = {
    "email": "zelda.quimby77@example.org",
    "ssn": "536-22-8714",
    "card": "4539 1488 0343 6467",
    "phone": "212-555-0187",
    "secret": "AKIAQ3EGR7XWZ5TB2NHK",
    "password": "hunter2-Zx9!qLw7Vt",
    "iban": "GB29NWBK60161331926819",
}
"""Values that must never be seen outside the encrypted body: each of a kind that masking knows (I10)."""

CONFIG = """\
server: {{host: 127.0.0.1, port: {port}}}
store: {{path: data/signoff.sqlite3}}
keys: {{directory: keys}}
policy: {{file: policy.yaml}}
people: {{cool_down: 0s}}
masking: {{processes: 1}}
audit: {{origin: signoff/flows, head_file: audit-head.txt}}
log: {{level: debug, format: json}}
"""
POLICY = """\
version: 1
groups:
  owners: {members: [person:ana, person:bo, person:cy, person:eve]}
  crowd: {members: [%s]}
  readers: {members: [person:ana, person:eve]}
rules:
  - name: exports need two owners
    when: action == "db.export"
    require: [{group: owners, approvals: 2}]
    decide_within: 30m
    grant_valid_for: 5m
    preview: {show: [query], reveal: readers}
  - name: one owner, quickly spent
    when: action == "db.drop"
    require: [{group: owners}]
    grant_valid_for: 10s
  - name: many must agree
    when: action == "crowd.ask"
    require: [{group: crowd, approvals: 20}]
  - name: looking
    when: action == "db.read"
    allow: true
""" % ", ".join(f"person:p{n:02d}" for n in range(CROWD))

PEOPLE = ("ana", "bo", "cy", "eve", "sam", "mia", "root")
AGENTS = {"bot": "eve", "other": "cy"}
PAYLOAD: dict[str, Any] = {
    "action": "db.export",
    "resource": {"type": "postgres", "id": "prod-customers", "env": "prod"},
    "parameters": {"query": "SELECT name FROM customers", "rows": 3},
}


@cache
def _hashed() -> str:
    return hash_password(PASSWORD)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class Site:
    """One installation and, while it runs, its process."""

    folder: Path
    port: int
    tokens: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    signing: dict[str, tuple[str, str]] = field(default_factory=dict)
    second_tokens: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database(self) -> Path:
        return self.folder / "data" / "signoff.sqlite3"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def command(self, module: str = "bot.cli") -> list[str]:
        return [sys.executable, "-m", module, "serve", "--config", str(self.folder / "signoff.yaml")]

    def start(self, *, still: bool = False) -> Site:
        assert self.process is None
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command("tests.support.still_server" if still else "bot.cli"),
                stdout=subprocess.PIPE, stderr=log, cwd=ROOT, start_new_session=True,
            )  # fmt: skip
        assert self.process.stdout is not None
        told = self.process.stdout.readline()
        assert told.startswith(b"Signoff listens on "), self.log.read_text()[-3000:]
        return self

    def stop(self) -> None:
        """As an operator stops it."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9 of the server, and of its masking process (which would find out by itself, but not at once)."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    # --- who calls ---------------------------------------------------------------------------------

    def client(self, who: str | None) -> httpx.Client:
        """A client of the API: a person's name for the access token, an agent's name for its key."""
        headers = {} if who is None else {"Authorization": f"Bearer {self.credential(who)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def credential(self, who: str) -> str:
        return self.keys[who] if who in self.keys else self.tokens[who]

    def call(self, who: str | None, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        with self.client(who) as client:
            return client.request(method, path, json=body, **more)

    # --- what it leaves behind ----------------------------------------------------------------------

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return connection.execute(statement, values).fetchall()

    def entries(self, request: str | None = None) -> list[str]:
        """The types of the log's entries, in order."""
        if request is None:
            return [row[0] for row in self.rows("SELECT type FROM audit_leaf ORDER BY seq")]
        return [
            row[0] for row in self.rows("SELECT type FROM audit_leaf WHERE req = ? ORDER BY seq", request)
        ]

    def kept_keys(self, agent: str, keys: Iterable[str]) -> dict[str, str]:
        """How the database keeps an agent's ``Idempotency-Key``s: from there to the key itself."""
        found = load_keys(load(self.folder).keys.directory, OsRand())
        return {found.mac("idempotency-key", f"{agent}\0{key}".encode()).hex(): key for key in keys}

    def verify(self) -> Report:
        """The whole log of the live database, against its signed heads and the head kept outside."""
        config = load(self.folder)
        verifiers = log_keys(load_keys(config.keys.directory, OsRand()), config)
        assert config.audit.head_file is not None
        note = asyncio.run(HeadFile(config.audit.head_file).recall())
        external = (open_checkpoint(note, verifiers, config.audit_origin),) if note is not None else ()
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return verify_database(connection, verifiers=verifiers, external=external)

    def written(self) -> dict[str, bytes]:
        """Every file of the installation that the server writes: database, WAL, shared memory, log, head."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and "keys" not in path.parts]
        return {
            path.name: path.read_bytes() for path in files if path.name not in {"policy.yaml", "signoff.yaml"}
        }


def spellings(value: str) -> set[bytes]:
    """*value* as it would look in JSON, a URL, HTML, hexadecimal or base64 (at each of the three alignments)."""
    raw = value.encode()
    found = {
        raw,
        json.dumps(value)[1:-1].encode(),
        urllib.parse.quote(value).encode(),
        urllib.parse.quote_plus(value).encode(),
    }
    found |= {
        raw.hex().encode(),
        raw.hex().upper().encode(),
        value.replace(" ", "").encode(),
        value.encode("utf-16-le"),
    }
    for pad in range(3):
        text = base64.b64encode(b"\0" * pad + raw)
        # The first and last characters mix with their neighbours.
        whole = text[(0, 2, 3)[pad] : len(text) - 4]
        found |= {whole, whole.replace(b"+", b"-").replace(b"/", b"_")}
    return {spelling for spelling in found if len(spelling) >= 6}


def leaks(
    places: dict[str, bytes], canaries: Iterable[str] = tuple(CANARIES.values())
) -> list[tuple[str, str]]:
    """(place, canary) for each canary that can be read in some spelling."""
    return [
        (name, canary)
        for name, data in places.items()
        for canary in canaries
        if any(s in data for s in spellings(canary))
    ]


def install(folder: Path, *, crowd: bool = False) -> Site:
    """Write an installation: configuration, keys, policy, people, agents. Nothing runs yet."""
    site = Site(folder, free_port())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "signoff.yaml").write_text(CONFIG.format(port=site.port))
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "data").mkdir(mode=0o700)
    create(folder / "keys", OsRand())
    asyncio.run(_furnish(site, [*PEOPLE, *(f"p{n:02d}" for n in range(CROWD if crowd else 0))]))
    return site


async def _furnish(site: Site, people: list[str]) -> None:
    async with opened(load(site.folder), checked=False) as bot:
        for name in people:
            id = PersonId(f"person:{name}")
            roles = {"root": frozenset({Role.ADMIN}), "sam": frozenset({Role.AUDITOR})}.get(name, frozenset())
            await bot.desk.add_person(None, id, name.title(), roles)
            await bot.desk.link_account(
                None,
                AccountKey(f"local:{name}"),
                id,
                proof="operator",
                secret=_hashed(),
                cool_down=timedelta(),
            )
            for tokens in (site.tokens, site.second_tokens):
                token = await bot.desk.issue_person_token(None, id, timedelta(days=1))
                assert isinstance(token, str), token
                tokens[name] = token
        for name, owner in AGENTS.items():
            agent = Agent(
                AgentId(f"agent:{name}"), (PersonId(f"person:{owner}"),), bot.office.clock.now(),
                pending_max=10_000, per_minute_max=100_000,
            )  # fmt: skip
            await bot.desk.add_agent(None, agent)
            key = await bot.desk.issue_key(None, agent.id, KeyKind.API)
            signing = await bot.desk.issue_key(None, agent.id, KeyKind.HMAC)
            assert isinstance(key, NewKey)
            assert isinstance(signing, NewKey)
            site.keys[name] = key.secret
            site.signing[name] = (signing.key.id, signing.secret)


@contextlib.contextmanager
def running(folder: Path, *, crowd: bool = False, still: bool = False) -> Iterator[Site]:
    site = install(folder, crowd=crowd)
    try:
        yield site.start(still=still)
    finally:
        site.stop()
