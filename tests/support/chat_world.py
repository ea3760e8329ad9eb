"""A whole desk with people, an agent and a policy, for the chat tests: the real service over the memory store."""

from __future__ import annotations

import hmac
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from adapters.keys import files
from adapters.stores.memory import MemoryStore
from adapters.stores.sqlite import SqliteStore
from audit.checkpoint import parse_vkey
from bot.core.ask import parse_ask
from bot.core.ids import AccountKey, AgentId, PersonId, RequestId
from bot.core.people import Account, Agent, Role
from bot.core.policy_load import load_policy
from bot.core.request import Request
from bot.desk.api import AgentCaller, Submitted
from bot.desk.context import DeskSettings, Office
from bot.desk.service import DeskService
from bot.directory import PolicyDirectory
from bot.log_check import connect_read_only
from bot.log_library import LogLibrary
from bot.ports import OutboxRow
from bot.watch import LocalWatch
from masking import Engine, Masked, MaskedDocument
from tests.support.clock import ManualClock
from tests.support.keys import ORIGIN, journal
from tests.support.rand import SeededRand

TEAM, APP, TENANT = "T0SIGNOFF", "A0SIGNOFF", "11111111-2222-3333-4444-555555555555"
CHANNEL, TEAMS_CHANNEL = "C0APPROVALS", "19:approvals@thread.tacv2"

POLICY = """
version: 1
groups:
  data-owners: {members: [person:ana, person:bo, person:eva]}
  security: {members: [person:cy, person:bo, person:eva]}
rules:
  - name: quick
    when: action == "db.read"
    require: [{group: data-owners, approvals: 1}]
    decide_within: 30m
    grant_valid_for: 5m
    surfaces: ["slack:#approvals", "teams:approvals", console]
  - name: exports
    when: action == "db.export"
    require:
      - {group: data-owners, approvals: 1}
      - {group: security, approvals: 1}
    decide_within: 30m
    grant_valid_for: 5m
    remind_after: [10m]
    surfaces: ["slack:#approvals", "teams:approvals", console]
  - name: strong
    when: action == "db.drop"
    require: [{group: data-owners, approvals: 1}]
    decide_within: 30m
    grant_valid_for: 5m
    assurance: console
    surfaces: ["slack:#approvals", "teams:approvals", console]
  - name: named
    when: action == "db.grant"
    require: [{group: data-owners, approvals: 1}]
    decide_within: 30m
    grant_valid_for: 5m
    notify_direct: true
    surfaces: ["slack:#approvals", console]
"""

SLACK_USERS = {"ana": "U0ANA", "bo": "U0BO", "cy": "U0CY", "eva": "U0EVA", "maria": "U0MARIA", "aud": "U0AUD"}
AAD = {name: f"{i:08d}-aaaa-bbbb-cccc-dddddddddddd" for i, name in enumerate(SLACK_USERS, 1)}


class InlineMasker:
    """The real engine, in this process."""

    def __init__(self) -> None:
        self._engine = Engine()

    async def mask_json(self, value: object) -> MaskedDocument:
        return self._engine.mask_json(value)

    async def preview(self, value: object, fast: MaskedDocument) -> MaskedDocument:
        return fast

    async def mask_text(self, text: str) -> Masked:
        return self._engine.mask_text(text)


class TestKeys:
    """Keys of the test; ``mac`` is what chat needs."""

    __test__ = False

    def mac(self, purpose: str, data: bytes) -> bytes:
        return hmac.digest(b"test-pepper:" + purpose.encode(), data, "sha256")


@dataclass
class World:
    clock: ManualClock
    store: MemoryStore | SqliteStore
    desk: DeskService
    office: Office
    rand: SeededRand
    _serial: itertools.count[int] = field(default_factory=itertools.count)

    async def ask(
        self, action: str = "db.read", parameters: Mapping[str, object] | None = None, **more: object
    ) -> Request:
        body = {
            "action": action,
            "resource": {"type": "postgres", "id": "prod-customers", "env": "prod"},
            "parameters": dict(parameters or {"query": "SELECT 1", "n": next(self._serial)}),
            "justification": "quarterly churn model",
            **more,
        }
        submitted = await self.desk.submit(
            parse_ask(json.dumps(body).encode()), AgentCaller(AgentId("agent:exporter"), "k1", ("*",))
        )
        assert isinstance(submitted, Submitted), submitted
        return submitted.request

    async def request(self, id: RequestId) -> Request:
        found = await self.store.read(lambda tx: tx.request(id))
        assert found is not None
        return found

    async def votes(self, id: RequestId) -> list[str]:
        rows = await self.store.read(lambda tx: tx.votes(id))
        return [
            f"{v.person.removeprefix('person:')}:{v.choice.value}" for v in rows if v.withdrawn_at is None
        ]

    async def outbox(self) -> list[OutboxRow]:
        return await self.store.outbox_claim(self.clock.now(), 10_000, timedelta(seconds=30))

    async def turned_away(self) -> list[str]:
        """Why somebody was nobody here, by the log, oldest first."""
        from bot.ports import AuditFilter

        rows = await self.store.read(lambda tx: tx.audit_rows(AuditFilter(type="session.refused", limit=500)))
        return [json.loads(row.leaf)["data"]["reason"] for row in reversed(rows)]

    async def audit_types(self) -> list[str]:
        from bot.ports import AuditFilter

        rows = await self.store.read(lambda tx: tx.audit_rows(AuditFilter(limit=500)))
        return [row.type for row in reversed(rows)]


async def make_world(
    tmp_path: object, *, policy: str = POLICY, clock: ManualClock | None = None, database: bool = False
) -> World:
    """*database*: over SQLite, with the library that proofs and exports are read from. The caller closes the store."""
    from pathlib import Path

    clock = clock or ManualClock()
    rand = SeededRand(7)
    written = journal(rand)
    store: MemoryStore | SqliteStore = MemoryStore(clock, written)
    library = None
    if database:
        made = store = SqliteStore(Path(str(tmp_path)) / "signoff.sqlite3", clock, written)
        keys_of_log = (parse_vkey(written.signer.vkey),)
        library = LogLibrary(lambda: connect_read_only(made), keys_of_log, ORIGIN)
    await store.open()
    keys = files.create(Path(str(tmp_path)) / "keys", rand)
    office = Office(
        store,
        clock,
        rand,
        keys,
        InlineMasker(),
        PolicyDirectory(store),
        LocalWatch(),
        DeskSettings("https://signoff.test"),
    )
    desk = DeskService(office, None, library)
    office.book.replace(load_policy(policy))
    for name in SLACK_USERS:
        roles = frozenset({Role.AUDITOR}) if name == "aud" else frozenset()
        await desk.add_person(None, PersonId(f"person:{name}"), name.capitalize(), roles)
        await _link(world_store=store, clock=clock, name=name)
    await desk.add_agent(
        None,
        Agent(
            AgentId("agent:exporter"),
            (PersonId("person:maria"),),
            clock.now(),
            pending_max=5000,
            per_minute_max=5000,
        ),
    )
    return World(clock, store, desk, office, rand)


async def _link(world_store: MemoryStore | SqliteStore, clock: ManualClock, name: str) -> None:
    now = clock.now() - timedelta(days=30)
    keys: Sequence[str] = (f"slack:{TEAM}:{SLACK_USERS[name]}", f"teams:{TENANT}:{AAD[name]}")
    for key in keys:
        account = Account(AccountKey(key), PersonId(f"person:{name}"), now, now, "config")
        await world_store.write(lambda tx, a=account: tx.put_account(a))
