"""The demo: an agent wants to export customers, two people decide, and everything that should be refused is.

Decided here: the story, and that every step of it is checked: a step that ends otherwise ends the demo with exit code 1. It runs
against a real server process over the real HTTP API, the agent with the client that agents use (``adapters.agents.sdk``); the customers are generated (social security numbers of a range that is
never issued, card numbers that payment providers publish for tests). Deliberately absent: anything the product does not do.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import os
import random
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from adapters.agents.sdk import Asked, NotApproved, Problem, SignoffClient
from adapters.keys.files import create
from adapters.web.passwords import hash_password
from bot.cli._io import CommandError, agreed
from bot.cli._local import opened
from bot.cli.http import Api, Refusal
from bot.config import load
from bot.core.ids import AccountKey, AgentId, person_id
from bot.core.people import Agent, KeyKind, Role
from bot.rand import OsRand
from bot.secret import Secret

MARK: Final = ".signoff-demo"
"""Only a folder that holds this file is ever emptied."""
DECIDE_SECONDS_SHORTEST: Final = 10
WAIT_SECONDS: Final = 30 * 60
START_SECONDS: Final = 30

CONFIG: Final = """\
server: {{host: 127.0.0.1, port: {port}}}
store: {{path: data/signoff.sqlite3}}
keys: {{directory: keys}}
policy: {{file: policy.yaml}}
audit: {{origin: signoff/demo, head_file: audit-head.txt}}
log: {{level: info, format: json}}
"""
POLICY: Final = """\
version: 1

groups:
  # maria owns the agent: being in the group does not let her approve what it asks.
  data-owners: {members: [person:ana, person:bo, person:maria]}

rules:
  - name: exports to places outside the company are denied
    when: action.startsWith("db.export") && !parameters.destination.startsWith("file:exports/")
    deny: true

  - name: exports of personal data from production
    when: action.startsWith("db.export") && resource.env == "prod" && data.count > 0
    require: [{group: data-owners, approvals: 2}]
    decide_within: 30m
    grant_valid_for: 5m
    preview: {show: [query, destination, rows], reveal: data-owners}

  - name: counting is harmless
    when: action == "db.count"
    allow: true

denial_memory: 1s
"""

GIVEN: Final = (
    "Maria",
    "James",
    "Aisha",
    "Chen",
    "Priya",
    "Lukas",
    "Sofia",
    "Omar",
    "Grace",
    "Mateo",
    "Hana",
    "Noah",
    "Ingrid",
    "Kofi",
    "Elena",
    "Tomas",
    "Yuki",
    "Fatima",
    "Owen",
    "Zoe",
)
FAMILY: Final = (
    "Lopez",
    "Okafor",
    "Tanaka",
    "Novak",
    "Schmidt",
    "Rossi",
    "Haddad",
    "Larsen",
    "Silva",
    "Murphy",
    "Kowalski",
    "Dubois",
    "Ivanova",
    "Nguyen",
    "Brandt",
    "Castillo",
    "Moreau",
    "Patel",
    "Weiss",
    "Young",
)
STREETS: Final = (
    "Maple Avenue",
    "Oak Street",
    "Station Road",
    "Harbor Lane",
    "Mill Road",
    "Church Street",
    "Park Avenue",
    "River Drive",
)
TOWNS: Final = (
    ("Springfield", "IL", "62701"),
    ("Fairview", "OH", "44126"),
    ("Riverton", "WY", "82501"),
    ("Salem", "OR", "97301"),
)
TEST_CARDS: Final = (
    "4242424242424242",
    "4111111111111111",
    "5555555555554444",
    "378282246310005",
    "6011111111111117",
)
"""Numbers that payment providers publish for testing; no bank issues them."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Credentials of everybody in the story. They live as long as the demo's folder."""

    passwords: dict[str, str]
    tokens: dict[str, Secret]
    key: Secret


class Demo:
    """The stage: a folder, a server, a narrator. Every step goes through ``expect``."""

    def __init__(self, folder: Path, url: str, cast: Cast, console: Console, *, hands_free: bool) -> None:
        self.folder = folder
        self.url = url
        self.cast = cast
        self.console = console
        self.hands_free = hands_free
        self.agent = SignoffClient(url, cast.key.reveal())

    def person(self, name: str) -> Api:
        return Api(self.url, self.cast.tokens[name])

    def tell(self, words: str, style: str = "") -> None:
        self.console.print(Text(words, style=style))

    def chapter(self, words: str) -> None:
        self.console.print()
        self.console.print(Text(words, style="bold cyan"))

    def expect(self, holds: bool, words: str) -> None:
        """A step of the story that must have happened."""
        self.console.print(Text(f"  {'✓' if holds else '✗'} {words}", style="green" if holds else "bold red"))
        if not holds:
            raise CommandError(f"the demo went wrong: {words}")

    def refused(self, word: str, words: str, call: Any, *args: Any) -> None:
        """*call* must be refused with the code *word*."""
        try:
            call(*args)
        except (Refusal, Problem) as refusal:
            said = refusal.code if isinstance(refusal, Problem) else refusal.word
            self.expect(said == word, f"{words}: refused ({said})")
        else:
            self.expect(holds=False, words=f"{words}: it was not refused")


def play(folder: Path, *, hands_free: bool, customers: int, seed: int, port: int) -> int:
    """Play it all; 0 when every step ended as it should."""
    console = Console(highlight=False)
    folder = folder.absolute()
    _clear(folder)
    rows = make_customers(folder / "customers.sqlite3", customers, seed)
    port = port or _free_port()
    (folder / "signoff.yaml").write_text(CONFIG.format(port=port), "utf-8")
    (folder / "policy.yaml").write_text(POLICY, "utf-8")
    (folder / "data").mkdir(mode=0o700)
    create(folder / "keys", OsRand())
    cast = asyncio.run(_cast(folder))
    url = f"http://127.0.0.1:{port}"
    with _server(folder, url):
        demo = Demo(folder, url, cast, console, hands_free=hands_free)
        _opening(demo, rows, folder)
        _story(demo)
        if not hands_free:
            _stay(demo)
    _curtain(demo, rows)
    return 0


def make_customers(file: Path, count: int, seed: int) -> list[tuple[str, ...]]:
    """The same customers for the same seed: name, e-mail, SSN, card, address, churn."""
    dice = random.Random(seed)  # noqa: S311  sample data
    rows: list[tuple[str, ...]] = []
    for number in range(1, count + 1):
        given, family = dice.choice(GIVEN), dice.choice(FAMILY)
        town, state, code = dice.choice(TOWNS)
        rows.append(
            (
                str(number),
                f"{given} {family}",
                f"{given}.{family}.{number}@mail.example".lower(),
                # Area 900 to 999 is never a social security number (20 CFR 422.103; SSA POMS RM 10201.035).
                f"9{dice.randrange(100):02}-{dice.randrange(1, 100):02}-{dice.randrange(1, 10000):04}",
                dice.choice(TEST_CARDS),
                f"{dice.randrange(1, 2000)} {dice.choice(STREETS)}, {town}, {state} {code}",
                f"{dice.random():.3f}",
            )
        )
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute(
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, name, email, ssn, card, address, churn)"
        )
        database.executemany("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    return rows


# --- the story -----------------------------------------------------------------------------------


def _opening(demo: Demo, rows: list[tuple[str, ...]], folder: Path) -> None:
    demo.console.print(
        Panel(
            f"{len(rows):,} generated customers in {folder.name}/customers.sqlite3.\n"
            "The agent reporter wants to export some of them. Ana and Bo decide; Maria owns the agent.",
            title="Signoff demo",
            expand=False,
        )
    )


def _export(demo: Demo, state: str, **more: Any) -> dict[str, Any]:
    """What the agent asks: an export of one state's customers, with a sample of what it would see."""
    query = f"SELECT name, email, ssn, card, churn FROM customers WHERE address LIKE '%, {state} %'"
    rows = _select(demo.folder, query)
    return {
        "action": "db.export",
        "resource": {"type": "sqlite", "id": "customers", "env": "prod"},
        "parameters": {"query": query, "destination": f"file:exports/{state.lower()}.csv", "rows": len(rows)},
        "justification": f"churn model for {state}; ask maria.lopez@corp.example if in doubt",
        "context": {
            "sample": [
                dict(zip(("name", "email", "ssn", "card", "churn"), row, strict=True)) for row in rows[:2]
            ]
        },
    } | more


def _story(demo: Demo) -> None:
    demo.chapter("1. The agent asks to export customers")
    ask = _export(demo, "OR")
    asked = demo.agent.ask(**ask)
    demo.expect(asked.state == "pending", f"{asked.id} waits for two of data-owners")
    card = demo.person("ana").get(f"/v1/requests/{asked.id}/card")
    shown = str(card)
    sample = ask["context"]["sample"][0]
    demo.expect(
        not any(str(sample[name]) in shown for name in ("name", "email", "ssn", "card")),
        "the card shows the query and hides names, addresses, social security and card numbers",
    )
    _others_try(demo, asked, card)
    _decide(demo, asked, card)
    demo.expect(_settled(asked, WAIT_SECONDS) == "approved", "two different people approved: approved")
    _spend(demo, asked)
    _denial(demo)
    _expiry(demo)
    _policy(demo)


def _settled(asked: Asked, patience: float) -> str:
    """The state once the agent's waiting is over."""
    try:
        return asked.wait(patience).state
    except NotApproved as other:
        return other.state


def _others_try(demo: Demo, asked: Asked, card: dict[str, Any]) -> None:
    demo.chapter("2. Those who must not decide, try")
    votes = f"/v1/requests/{asked.id}/votes"
    yes = {"choice": "approve", "version": card["version"]}
    demo.refused(
        "separated", "Maria owns the agent and approves it herself", demo.person("maria").post, votes, yes
    )
    demo.refused("forbidden", "the agent votes with its own key", demo.agent.call, "POST", votes, yes)
    demo.refused(
        "schema",
        "the agent writes approved: true into its request",
        demo.agent.call,
        "POST",
        "/v1/requests",
        _export(demo, "OR", approved=True),
    )


def _decide(demo: Demo, asked: Asked, card: dict[str, Any]) -> None:
    demo.chapter("3. Ana and Bo decide")
    page = f"{demo.url}/requests/{asked.id}"
    if not demo.hands_free:
        lines = [f"Open {page}", ""] + [
            f"  {name:<5} password {demo.cast.passwords[name]}" for name in ("ana", "bo")
        ]
        demo.console.print(
            Panel(
                "\n".join([*lines, "", "Sign in as each (a private window helps) and approve."]), expand=False
            )
        )
        return
    yes = {"choice": "approve", "version": card["version"]}
    votes = f"/v1/requests/{asked.id}/votes"
    first = demo.person("ana").post(votes, yes)
    demo.expect(first["state"] == "pending", "Ana approves: one of two")
    demo.refused(
        "already-voted",
        "Ana approves once more",
        demo.person("ana").post,
        votes,
        {"choice": "approve", "version": first["version"]},
    )
    demo.person("bo").post(votes, {"choice": "approve", "version": first["version"]})


def _spend(demo: Demo, asked: Asked) -> None:
    demo.chapter("4. The agent spends its grant")
    parameters = asked.payload["parameters"]
    other = asked.payload | {"parameters": parameters | {"query": "SELECT * FROM customers"}}
    demo.refused("wrong-payload", "with another query than people approved", asked.redeem, other)
    spent = asked.redeem()
    demo.expect(
        spent.answer["grant"]["state"] == "redeemed" and not spent.repeated,
        "with exactly what people approved: spent",
    )
    rows = _select(demo.folder, parameters["query"])
    file = demo.folder / parameters["destination"].removeprefix("file:")
    file.parent.mkdir(mode=0o700, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([("name", "email", "ssn", "card", "churn"), *rows])
    file.chmod(0o600)
    demo.expect(file.stat().st_size > 0, f"{len(rows)} rows are in {file.relative_to(demo.folder.parent)}")
    done = spent.report("succeeded", f"{len(rows)} rows")
    demo.expect(done["state"] == "succeeded", "the outcome is reported and in the log")
    demo.refused("grant-spent", "the same grant a second time", asked.redeem)


def _denial(demo: Demo) -> None:
    demo.chapter("5. A second request is denied")
    asked = demo.agent.ask(**_export(demo, "WY"))
    demo.refused(
        "reason-required",
        "Bo denies without a reason",
        demo.person("bo").post,
        f"/v1/requests/{asked.id}/votes",
        {"choice": "deny"},
    )
    demo.person("bo").post(
        f"/v1/requests/{asked.id}/votes",
        {"choice": "deny", "comment": "Wyoming is not part of the model."},
    )
    state = _settled(asked, 5)
    demo.expect(state == "denied" and not asked.answer["grant"], "Bo denies with a reason: denied, no grant")


def _expiry(demo: Demo) -> None:
    demo.chapter("6. A third expires")
    asked = demo.agent.ask(**_export(demo, "OH", decide_within_seconds=DECIDE_SECONDS_SHORTEST))
    demo.tell(f"  … nobody decides for {DECIDE_SECONDS_SHORTEST} seconds")
    demo.expect(_settled(asked, DECIDE_SECONDS_SHORTEST + 30) == "expired", "expired")
    late = {"choice": "approve"}
    try:
        demo.person("ana").post(f"/v1/requests/{asked.id}/votes", late)
    except Refusal as refusal:
        demo.expect(refusal.word in {"late", "closed"}, f"Ana is too late: refused ({refusal.word})")
    else:
        demo.expect(holds=False, words="a late vote counted")


def _policy(demo: Demo) -> None:
    demo.chapter("7. What needs nobody")
    customers = {"type": "sqlite", "id": "customers", "env": "prod"}
    allowed = demo.agent.ask("db.count", customers, {})
    demo.expect(allowed.state == "approved", "counting is allowed by the policy at once")
    away = _export(demo, "IL")
    away["parameters"]["destination"] = "https://paste.example/upload"
    outside = demo.agent.ask(**away)
    demo.expect(
        outside.state == "denied",
        "an export to a place outside the company is denied by the policy at once",
    )
    unknown = demo.agent.ask("db.drop", customers, {})
    demo.expect(unknown.state == "denied", "what no rule covers is denied")


def _stay(demo: Demo) -> None:
    demo.console.print()
    lines = [demo.url + "/", ""] + [
        f"  {name:6}password {password}" for name, password in demo.cast.passwords.items()
    ]
    demo.console.print(
        Panel(
            "\n".join([*lines, "", "Look around; Ctrl-C ends the demo."]),
            title="The console stays open",
            expand=False,
        )
    )
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


def _curtain(demo: Demo, rows: list[tuple[str, ...]]) -> None:
    demo.chapter("8. What is left behind")
    said = subprocess.run(
        [sys.executable, "-m", "bot.cli", "audit", "verify", "--config", str(demo.folder), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    demo.expect(said.returncode == 0, "every step is in the audit log, and its chain verifies")
    left = (
        b"".join(path.read_bytes() for path in sorted((demo.folder / "data").iterdir()))
        + (demo.folder / "server.log").read_bytes()
    )
    values = {value for row in rows for value in (row[2], row[3])}
    demo.expect(
        not any(value.encode() in left for value in values),
        "no e-mail address and no social security number is in the database or the log files",
    )
    demo.tell(f"\nEverything is in {demo.folder}; run it again as often as you like.", "bold")


# --- the stage -----------------------------------------------------------------------------------


def _clear(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise CommandError(f"{folder} holds something that is not a demo; choose another with --dir")
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / MARK).write_text("made by signoff demo; emptied at each run\n", "utf-8")


async def _cast(folder: Path) -> Cast:
    passwords: dict[str, str] = {}
    tokens: dict[str, Secret] = {}
    async with opened(load(folder, {}), checked=False) as bot:
        for name, full, roles in (
            ("ana", "Ana Ferreira", frozenset[Role]()),
            ("bo", "Bo Lindqvist", frozenset[Role]()),
            ("maria", "Maria Okoye", frozenset[Role]()),
            ("admin", "Administrator", frozenset({Role.ADMIN})),
        ):
            id = person_id(name)
            passwords[name] = secrets.token_urlsafe(12)
            agreed(await bot.desk.add_person(None, id, full, roles))
            agreed(
                await bot.desk.link_account(
                    None,
                    AccountKey(f"local:{name}"),
                    id,
                    proof="demo",
                    secret=hash_password(passwords[name]),
                    cool_down=timedelta(0),
                )
            )
            tokens[name] = Secret(agreed(await bot.desk.issue_person_token(None, id, timedelta(days=1))))
        agent = Agent(AgentId("agent:reporter"), (person_id("maria"),), bot.office.clock.now())
        agreed(await bot.desk.add_agent(None, agent))
        key = agreed(await bot.desk.issue_key(None, agent.id, KeyKind.API, timedelta(days=1)))
    return Cast(passwords, tokens, Secret(key.secret))


@contextlib.contextmanager
def _server(folder: Path, url: str) -> Iterator[None]:
    """A real server process for the length of the block, however it ends: a closed terminal too leaves no server behind."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot.cli", "serve", "--config", str(folder), "--json"],
            stdout=subprocess.PIPE,
            stderr=log,
            # Ctrl-C is for the narrator; the server is told to stop when the story is over.
            start_new_session=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
    try:
        _await_start(process, url, folder)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        if process.stdout is not None:
            process.stdout.close()


def _await_start(process: subprocess.Popen[bytes], url: str, folder: Path) -> None:
    end = time.monotonic() + START_SECONDS
    host, _, port = url.removeprefix("http://").partition(":")
    while time.monotonic() < end:
        if process.poll() is not None:
            raise CommandError(f"the server did not start; see {folder / 'server.log'}")
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
            return
        time.sleep(0.1)
    raise CommandError(
        f"the server did not answer within {START_SECONDS} seconds; see {folder / 'server.log'}"
    )


def _select(folder: Path, query: str) -> list[tuple[str, ...]]:
    with contextlib.closing(
        sqlite3.connect(f"file:{folder / 'customers.sqlite3'}?mode=ro", uri=True)
    ) as database:
        rows: list[tuple[str, ...]] = database.execute(query).fetchall()
        return rows


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
