"""SQLite against the memory store, step by step: the same writes end the same way and leave the same state (HSM)."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from adapters.stores.memory import MemoryStore
from adapters.stores.sqlite import SqliteStore
from bot.core.ids import AgentId, PersonId
from bot.core.request import Choice, Grant, GrantState, Request, RequestState
from bot.errors import Conflict
from bot.ports import AuditFilter, OutboxRow, Page, ReadTx, Tx
from tests.support.clock import START, ManualClock
from tests.support.keys import journal, sealed
from tests.support.rand import SeededRand
from tests.support.things import HASH, OTHER_HASH, a_draft, a_grant, a_request, a_vote

PEOPLE = ("ana", "bo", "cy")
KEYS = ("k1", "k2")
MINUTE = timedelta(minutes=1)
minutes = st.integers(-5, 40)
index = st.integers(0, 7)


class StoresAgree(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = ManualClock()
        self.rand = SeededRand(1)
        self.model = MemoryStore(self.clock, journal(SeededRand(9)), replay=False)
        self.sqlite = SqliteStore(
            Path(self.folder.name) / "x.db", self.clock, journal(SeededRand(9)), readers=1
        )
        self.stores = (self.model, self.sqlite)
        self.requests: list[Request] = []
        self.grants: list[Grant] = []
        self.out: list[int] = []
        for store in self.stores:
            self.loop.run_until_complete(store.open())

    def teardown(self) -> None:
        for store in self.stores:
            self.loop.run_until_complete(store.close())
        self.loop.close()
        self.folder.cleanup()

    def both(self, work: Callable[[Tx], Any], *, then_fail: bool = False) -> Any:
        """Run *work* on each; both must answer alike. With *then_fail* it raises in the end, so that all is taken back."""

        def run(tx: Tx) -> Any:
            tx.append(a_draft(SeededRand(4), self.clock.now()))
            answer = work(tx)
            if then_fail:
                raise ZeroDivisionError
            return answer

        answers = []
        for store in self.stores:
            try:
                answers.append(self.loop.run_until_complete(store.write(run)))
            except Conflict:
                answers.append(Conflict)
            except ZeroDivisionError:
                answers.append(ZeroDivisionError)
        assert answers[0] == answers[1]
        return answers[0]

    def pick(self, n: int) -> Request:
        return self.requests[n % len(self.requests)]

    @rule(
        agent=st.sampled_from(["a", "b"]),
        state=st.sampled_from(list(RequestState)),
        due=minutes,
        fail=st.booleans(),
    )
    def ask(self, agent: str, state: RequestState, due: int, fail: bool) -> None:
        now = self.clock.now()
        request = a_request(
            self.rand,
            now,
            agent=AgentId(f"agent:{agent}"),
            state=state,
            decided_at=None if state.is_open else now,
            next_due=now + due * MINUTE if due % 3 else None,
        )
        body = sealed(b"x", self.rand)
        if self.both(lambda tx: tx.insert_request(request, body), then_fail=fail) is None:
            self.requests.append(request)

    @precondition(lambda self: self.requests)
    @rule(
        n=index,
        state=st.sampled_from(list(RequestState)),
        version=st.integers(0, 2),
        expected=st.integers(0, 1),
        change=st.sampled_from(
            [{}, {"payload_hash": OTHER_HASH}, {"reason": "r"}, {"next_due": None}, {"escalated": True}]
        ),
        fail=st.booleans(),
    )
    def update(
        self, n: int, state: RequestState, version: int, expected: int, change: dict[str, Any], fail: bool
    ) -> None:
        old = self.pick(n)
        decided_at = old.decided_at if state is old.state else self.clock.now()
        new = replace(old, state=state, version=old.version + version, decided_at=decided_at, **change)
        wanted = old.version - 1 + expected
        if self.both(lambda tx: tx.update_request(new, expected_version=wanted), then_fail=fail) is None:
            self.requests[self.requests.index(old)] = new

    @precondition(lambda self: self.requests)
    @rule(
        n=index,
        who=st.sampled_from(PEOPLE),
        choice=st.sampled_from(list(Choice)),
        at=minutes,
        hash=st.sampled_from([HASH, HASH, OTHER_HASH]),
    )
    def vote(self, n: int, who: str, choice: Choice, at: int, hash: Any) -> None:
        request = self.pick(n)
        vote = a_vote(request, who, choice, at=request.created_at + at * MINUTE, payload_hash=hash)
        self.both(lambda tx: tx.insert_vote(vote))

    @precondition(lambda self: self.requests)
    @rule(n=index, who=st.sampled_from(PEOPLE), at=minutes)
    def withdraw(self, n: int, who: str, at: int) -> None:
        request = self.pick(n)
        self.both(
            lambda tx: tx.withdraw_vote(
                request.id, PersonId(f"person:{who}"), request.created_at + at * MINUTE
            )
        )

    @precondition(lambda self: self.requests)
    @rule(n=index, key=st.sampled_from(KEYS))
    def remember(self, n: int, key: str) -> None:
        request = self.pick(n)
        self.both(lambda tx: tx.remember_idempotent(request.agent, key, b"f", request.id, self.clock.now()))

    @precondition(lambda self: self.requests)
    @rule(n=index, hash=st.sampled_from([HASH, HASH, OTHER_HASH]), fail=st.booleans())
    def grant(self, n: int, hash: Any, fail: bool) -> None:
        grant = a_grant(self.pick(n), self.rand, self.clock.now(), payload_hash=hash)
        if self.both(lambda tx: tx.insert_grant(grant), then_fail=fail) is None:
            self.grants.append(grant)

    @precondition(lambda self: self.grants)
    @rule(
        n=index,
        state=st.sampled_from(list(GrantState)),
        expected=st.sampled_from([*GrantState, None, None]),
        at=minutes,
    )
    def move(self, n: int, state: GrantState, expected: GrantState | None, at: int) -> None:
        old = self.grants[n % len(self.grants)]
        redeemed_at = old.issued_at + at * MINUTE if state is GrantState.REDEEMED else old.redeemed_at
        new = replace(old, state=state, redeemed_at=redeemed_at)
        if self.both(lambda tx: tx.update_grant(new, expected_state=expected or old.state)) is None:
            self.grants[self.grants.index(old)] = new

    @precondition(lambda self: self.requests)
    @rule(n=index)
    def shred(self, n: int) -> None:
        id = self.pick(n).id
        self.both(lambda tx: tx.shred_body(id))

    @rule(key=st.sampled_from("abc"), due=st.integers(-2, 3), number=st.integers(0, 9), fail=st.booleans())
    def enqueue(self, key: str, due: int, number: int, fail: bool) -> None:
        row = OutboxRow("card", key, {"n": number}, self.clock.now() + due * MINUTE)
        self.both(lambda tx: tx.enqueue(row), then_fail=fail)

    @rule(limit=st.integers(0, 3))
    def claim(self, limit: int) -> None:
        claims = [
            self.loop.run_until_complete(store.outbox_claim(self.clock.now(), limit, 2 * MINUTE))
            for store in self.stores
        ]
        plain = [
            [(r.topic, r.key, dict(r.payload), r.due_at, r.attempts, r.last_error) for r in rows]
            for rows in claims
        ]
        assert plain[0] == plain[1]
        self.out += list(zip(*([r.id for r in rows] for rows in claims), strict=True))  # type: ignore[arg-type]

    @precondition(lambda self: self.out)
    @rule(n=index, how=st.sampled_from(["done", "retry", "postpone"]), due=st.integers(0, 3))
    def settle(self, n: int, how: str, due: int) -> None:
        pair: Any = self.out.pop(n % len(self.out))
        at = self.clock.now() + due * MINUTE
        for store, id in zip(self.stores, pair, strict=True):
            match how:
                case "done":
                    self.loop.run_until_complete(store.outbox_done([id]))
                case "retry":
                    self.loop.run_until_complete(store.outbox_retry(id, at, "e"))
                case _:
                    self.loop.run_until_complete(store.outbox_postpone([id], at))

    @rule(by=minutes)
    def time_passes(self, by: int) -> None:
        self.clock.set(self.clock.now() + by * MINUTE)

    @invariant()
    def they_look_the_same(self) -> None:
        def look(tx: ReadTx) -> Any:
            return (
                tx.now(),
                tx.requests(Page(100)),
                tx.requests(Page(3), state=RequestState.PENDING),
                tx.requests(Page(3), agent=AgentId("agent:a")),
                tx.next_due(),
                tx.due(tx.now(), 4),
                [tx.pending_count(AgentId(f"agent:{a}"), 10_000) for a in "ab"],
                [tx.denials(AgentId(f"agent:{a}"), HASH, START) for a in "ab"],
                [tx.idempotent(AgentId(f"agent:{a}"), k) for a in "ab" for k in KEYS],
                [(tx.votes(r.id), tx.body(r.id), tx.grant_of(r.id)) for r in self.requests],
                [tx.grants(state, 5) for state in GrantState],
                tx.audit_head(),
                tx.audit_rows(AuditFilter(limit=3)),
                tx.audit_checkpoint(),
            )

        seen = [self.loop.run_until_complete(store.read(look)) for store in self.stores]
        for ours, theirs in zip(*seen, strict=True):
            assert ours == theirs
        for question in ("outbox_next_due", "outbox_depth"):
            answers = [self.loop.run_until_complete(getattr(store, question)()) for store in self.stores]
            assert answers[0] == answers[1]


StoresAgree.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestStoresAgree = StoresAgree.TestCase
