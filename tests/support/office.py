"""A whole desk over a real store, real keys and the real masking engine; time stands still until moved."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from adapters.keys.files import FileKeys, create
from adapters.stores.memory import MemoryStore
from adapters.stores.sqlite import SqliteStore
from audit.checkpoint import parse_vkey
from bot.core.ask import parse_ask
from bot.core.ids import AccountKey, AgentId, GroupName, PersonId
from bot.core.people import Actor, Agent, KeyKind, Role
from bot.core.policy import Policy
from bot.core.reasons import Refused
from bot.core.request import Assurance
from bot.desk.api import AgentCaller, Idempotency, Submitted
from bot.desk.context import DeskSettings, Office
from bot.desk.service import DeskService
from bot.log_check import connect_read_only
from bot.log_library import LogLibrary
from bot.ports import AuditFilter, Store
from bot.watch import LocalWatch
from masking import Worker
from masking.tokens import Tokens
from tests.support.clock import ManualClock
from tests.support.keys import ORIGIN, journal
from tests.support.rand import SeededRand

ISSUER = "http://127.0.0.1:8080"
POLICY = """
version: 1
groups:
  owners: {members: [person:ana, person:bo, person:cy]}
  security: {members: [person:sam, person:ana]}
  readers: {members: [person:ana]}
rules:
  - name: exports need two owners
    when: action == "db.export"
    require: [{group: owners, approvals: 2}]
    decide_within: 30m
    grant_valid_for: 5m
    remind_after: [10m, 20m]
    escalate: {after: 25m, to: [security]}
    preview: {show: [query], reveal: readers}
  - name: one owner
    when: action == "db.drop"
    require: [{group: owners}]
    surfaces: ["slack:#approvals"]
    recheck_at_redeem: true
  - name: owners then security
    when: action == "iam.grant"
    stages: [[{group: owners}], [{group: security}]]
  - name: big payments
    when: action == "pay"
    cumulative: {amount: parameters.amount, within: 24h, above: 10000, per: [agent]}
    require: [{group: owners}]
  - name: payments
    when: action == "pay"
    allow: true
  - name: forbidden
    when: action == "db.wipe"
    deny: true
"""
GLASS = "break_glass: {group: security, review_within: 24h, per_week_max: 2}\n"
"""Appended to POLICY where a test wants it: sam or ana may break the glass, the other one reviews."""
STANDING = POLICY.replace(
    "    preview: {show: [query], reveal: readers}",
    "    preview: {show: [query], reveal: readers}\n    standing: {uses_max: 1000, valid_max: 7d}",
)
"""POLICY whose exports may be approved standing."""
TERMS = {"uses": 3, "valid_for_seconds": 3600}
SAMPLE = {
    "action": "db.export",
    "resource": {"type": "postgres", "id": "prod-customers", "env": "prod"},
    "parameters": {"query": "SELECT name FROM customers", "rows": 3, "contact": "maria.lopez@example.org"},
    "justification": "call 212-555-0143 for details",
}


class TableDirectory:
    """Membership that a test changes, starting from the policy; ``down`` makes every source unreadable."""

    def __init__(self) -> None:
        self.down = False
        self.changed: dict[GroupName, frozenset[PersonId]] = {}

    async def memberships(
        self, policy: Policy, groups: Iterable[GroupName]
    ) -> Mapping[GroupName, frozenset[PersonId] | None]:
        if self.down:
            return dict.fromkeys(groups)
        return {g: self.changed.get(g, policy.groups[g].members) for g in groups}

    def held(self, policy: Policy, groups: Iterable[GroupName]) -> frozenset[PersonId]:
        return frozenset()


@dataclass
class Desk:
    """The service and everything a test may move."""

    service: DeskService
    office: Office
    store: Store
    clock: ManualClock
    directory: TableDirectory
    worker: Worker
    callers: dict[str, AgentCaller] = field(default_factory=dict)

    def actor(
        self,
        name: str,
        *,
        kind: str = "local",
        surface: str = "console",
        assurance: Assurance = Assurance.CONSOLE,
    ) -> Actor:
        return Actor(
            PersonId(f"person:{name}"), AccountKey(f"{kind}:{name}"), surface, assurance, self.clock.now()
        )

    async def ask(self, *, key: str | None = None, agent: str = "bot", **changes: Any) -> Submitted | Refused:
        raw = json.dumps(SAMPLE | changes).encode()
        idempotency = Idempotency(key, raw) if key else None
        return await self.service.submit(parse_ask(raw), self.callers[agent], idempotency)

    async def asked(self, **changes: Any) -> Submitted:
        answer = await self.ask(**changes)
        assert isinstance(answer, Submitted), answer
        return answer

    async def entries(self) -> list[str]:
        rows = await self.store.read(lambda tx: tx.audit_rows(AuditFilter(limit=500)))
        return [row.type for row in reversed(rows)]


def library_on(store: SqliteStore) -> LogLibrary:
    """What proofs, slices, reports and tiles are read from."""
    return LogLibrary(lambda: connect_read_only(store), (parse_vkey(store.journal.signer.vkey),), ORIGIN)


async def open_desk(
    directory: Path,
    store: Store | None = None,
    clock: ManualClock | None = None,
    library: LogLibrary | None = None,
) -> Desk:
    """People ana, bo, cy, sam, eve (owner of the agent), root (admin); agents ``bot`` and ``other``."""
    clock = clock or ManualClock()
    rand = SeededRand(7)
    keys: FileKeys = create(directory / "keys", rand)
    store = store or MemoryStore(clock, journal(rand))
    await store.open()
    table = TableDirectory()
    token_keys = keys.token_keys()
    assert token_keys is not None
    worker = Worker(workers=1, tokens=(token_keys, ORIGIN))
    await worker.start()
    settings = DeskSettings(ISSUER, open_tokens=GroupName("readers"))
    office = Office(
        store, clock, rand, keys, worker, table, LocalWatch(), settings, tokens=Tokens(token_keys, ORIGIN)
    )
    service = DeskService(office, None, library)
    await service.apply_policy(POLICY)
    for name in ("ana", "bo", "cy", "sam", "eve", "mia"):
        await service.add_person(None, PersonId(f"person:{name}"), name.title())
        await service.link_account(
            None,
            AccountKey(f"local:{name}"),
            PersonId(f"person:{name}"),
            proof="operator",
            cool_down=timedelta(),
        )
    await service.add_person(None, PersonId("person:root"), "Root", frozenset({Role.ADMIN}))
    await service.link_account(
        None, AccountKey("local:root"), PersonId("person:root"), proof="operator", cool_down=timedelta()
    )
    desk = Desk(service, office, store, clock, table, worker)
    for name, owner in (("bot", "eve"), ("other", "cy")):
        agent = Agent(AgentId(f"agent:{name}"), (PersonId(f"person:{owner}"),), clock.now())
        await service.add_agent(None, agent)
        key = await service.issue_key(None, agent.id, KeyKind.API)
        assert not isinstance(key, Refused)
        desk.callers[name] = AgentCaller(agent.id, key.key.id, ("*",))
    return desk


async def close_desk(desk: Desk) -> None:
    await desk.worker.stop()
    await desk.store.close()
