"""A store that forgets: the ``Store`` port over dictionaries, for tests and as the model that real stores are held against.

It enforces what a database would (``adapters.stores.rules``) and complains with ``Conflict``. Each write keeps an
undo log, so that whatever raises takes everything back, the audit entries included. Deliberately absent: durability.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, Final, TypeVar

from adapters.stores import rules
from adapters.stores.rules import PAGE_MAX, SETTLED_LOOKED_AT
from audit.chain import GENESIS
from audit.entry import Draft
from audit.journal import DisclosureRow, Head, HeadMoved, Journal, JournalError, LeafRow, SecretKey
from bot.core.ids import AccountKey, AgentId, Digest, GrantId, PersonId, RequestId
from bot.core.people import Account, Agent, AgentKey, Delegation, Person, Session
from bot.core.request import Grant, GrantState, Request, RequestState, Vote
from bot.errors import Conflict, StoreFault
from bot.ports import AuditFilter, AuditRow, ChatRef, Clock, OutboxRow, Page, ReadTx, Sealed, Tx, Vaulted

T = TypeVar("T")
Undo = Callable[[], object]

_ABSENT: Final = object()
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
EMPTY_HEAD: Final = Head(0, GENESIS, (), 0)


@dataclass(slots=True)
class _Waiting:
    row: OutboxRow
    leased_until: datetime | None = None


@dataclass(slots=True)
class _Tables:
    requests: dict[RequestId, Request] = field(default_factory=dict)
    bodies: dict[RequestId, Sealed] = field(default_factory=dict)
    votes: dict[RequestId, tuple[Vote, ...]] = field(default_factory=dict)
    idempotent: dict[tuple[AgentId, str], tuple[bytes, RequestId, datetime]] = field(default_factory=dict)
    windows: dict[int, tuple[str, datetime, float, RequestId]] = field(default_factory=dict)
    grants: dict[GrantId, Grant] = field(default_factory=dict)
    agents: dict[AgentId, Agent] = field(default_factory=dict)
    agent_keys: dict[str, AgentKey] = field(default_factory=dict)
    people: dict[PersonId, Person] = field(default_factory=dict)
    accounts: dict[AccountKey, Account] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    delegations: dict[tuple[PersonId, PersonId], Delegation] = field(default_factory=dict)
    meta: dict[str, str] = field(default_factory=dict)
    vault: dict[str, Vaulted] = field(default_factory=dict)
    outbound: dict[str, int] = field(default_factory=dict)
    chat_refs: dict[tuple[RequestId, str], ChatRef] = field(default_factory=dict)
    outbox: dict[int, _Waiting] = field(default_factory=dict)
    serial: int = 0
    mark: datetime | None = None


@dataclass(slots=True)
class MemoryLedger:
    """``LedgerTx`` over lists, with the same undo log as the rest."""

    undo: list[Undo] = field(default_factory=list)
    leaves: list[LeafRow] = field(default_factory=list)
    head: Head = EMPTY_HEAD
    checkpoints: dict[int, str] = field(default_factory=dict)
    cosignatures: dict[tuple[int, str], str] = field(default_factory=dict)
    tiles: dict[tuple[int, int], tuple[bytes, bytes]] = field(default_factory=dict)
    keys: dict[str, SecretKey] = field(default_factory=dict)
    disclosures: list[DisclosureRow] = field(default_factory=list)

    def audit_head(self) -> Head:
        return self.head

    def audit_insert_leaves(self, rows: Sequence[LeafRow]) -> None:
        for row in rows:
            if row.seq != len(self.leaves):
                raise JournalError("an entry is written once, in its place")
            self.leaves.append(row)
            self.undo.append(self.leaves.pop)

    def audit_set_head(self, expected_size: int, head: Head) -> None:
        before = self.head
        if before.size != expected_size:
            raise HeadMoved(f"the head is no longer at {expected_size}")
        self.head = head
        self.undo.append(lambda: setattr(self, "head", before))

    def audit_insert_checkpoint(self, size: int, note: str) -> None:
        if size not in self.checkpoints:
            self.checkpoints[size] = note
            self.undo.append(lambda: self.checkpoints.pop(size))

    def audit_insert_tile(self, level: int, index: int, hashes: bytes, root: bytes) -> None:
        self.tiles[level, index] = (hashes, root)
        self.undo.append(lambda: self.tiles.pop((level, index)))

    def audit_tree_nodes(self, level: int, start: int, count: int) -> list[bytes]:
        if level == 0:
            return [row.leaf_hash for row in self.leaves[start : start + count]]
        return [self.tiles[level - 1, index][1] for index in range(start, start + count)]

    def audit_insert_disclosures(self, rows: Sequence[DisclosureRow]) -> None:
        size = len(self.disclosures)
        self.disclosures.extend(rows)
        self.undo.append(lambda: self.disclosures.__delitem__(slice(size, None)))

    def audit_secret_key(self, key_scope: str) -> SecretKey | None:
        return self.keys.get(key_scope)

    def audit_insert_secret_key(self, key: SecretKey) -> None:
        self.keys[key.key_scope] = key
        self.undo.append(lambda: self.keys.pop(key.key_scope))


class _ReadTx(ReadTx):
    def __init__(self, tables: _Tables, ledger: MemoryLedger, clock: Clock) -> None:
        self._t = tables
        self._ledger = ledger
        self._clock = clock
        self._now: datetime | None = None

    def now(self) -> datetime:
        if self._now is None:
            now = self._clock.now()
            self._now = now if self._t.mark is None else max(now, self._t.mark)
        return self._now

    # --- requests

    def request(self, id: RequestId) -> Request | None:
        return self._t.requests.get(id)

    def requests(
        self, page: Page, *, agent: AgentId | None = None, state: RequestState | None = None
    ) -> list[Request]:
        found = (
            self._t.requests[id]
            for id in sorted(self._t.requests, reverse=True)
            if page.before is None or id < page.before
        )
        wanted = [r for r in found if agent in {None, r.agent} and state in {None, r.state}]
        return wanted[: _bounded(page.limit)]

    def in_turn(self, limit: int, *, is_open: bool) -> list[Request]:
        found = [(n, r) for n, r in enumerate(self._t.requests.values()) if r.state.is_open is is_open]
        if is_open:
            keyed = sorted(((r.decide_by, n, r) for n, r in found), key=itemgetter(0, 1))
        else:
            newest = found[-SETTLED_LOOKED_AT:]
            keyed = sorted(
                ((r.decided_at or EARLIEST, n, r) for n, r in newest), key=itemgetter(0, 1), reverse=True
            )
        turns: Counter[AgentId] = Counter()
        in_turn = []
        for place, (_, _, request) in enumerate(keyed):
            in_turn.append((turns[request.agent], place, request))
            turns[request.agent] += 1
        in_turn.sort(key=itemgetter(0, 1))
        return [request for _, _, request in in_turn[: _bounded(limit)]]

    def body(self, id: RequestId) -> Sealed | None:
        return self._t.bodies.get(id)

    def bodies_outside(self, kek_id: str, limit: int) -> list[tuple[RequestId, Sealed]]:
        return [(id, s) for id, s in sorted(self._t.bodies.items()) if s.kek_id != kek_id][: _bounded(limit)]

    def votes(self, id: RequestId) -> list[Vote]:
        return list(self._t.votes.get(id, ()))

    def pending_count(self, agent: AgentId, most: int) -> int:
        return min(most, sum(r.agent == agent and r.state.is_open for r in self._t.requests.values()))

    def due(self, now: datetime, limit: int) -> list[RequestId]:
        found = [
            (r.next_due, r.id)
            for r in self._t.requests.values()
            if r.state.is_open and r.next_due is not None and r.next_due <= now
        ]
        return [id for _, id in sorted(found)[: _bounded(limit)]]

    def next_due(self) -> datetime | None:
        return min(
            (r.next_due for r in self._t.requests.values() if r.state.is_open and r.next_due is not None),
            default=None,
        )

    def idempotent(self, agent: AgentId, key: str) -> tuple[bytes, RequestId] | None:
        found = self._t.idempotent.get((agent, key))
        return None if found is None else found[:2]

    def denials(self, agent: AgentId, payload_hash: Digest, since: datetime) -> int:
        return sum(
            r.agent == agent
            and r.payload_hash == payload_hash
            and r.state is RequestState.DENIED
            and r.decided_at is not None
            and r.decided_at >= since
            for r in self._t.requests.values()
        )

    def window_sum(self, window: str, since: datetime) -> float:
        return float(
            sum(amount for w, at, amount, _ in self._t.windows.values() if w == window and at >= since)
        )

    # --- grants

    def grant(self, id: GrantId) -> Grant | None:
        return self._t.grants.get(id)

    def grant_of(self, request: RequestId) -> Grant | None:
        return next((g for g in self._t.grants.values() if g.request == request), None)

    def grants(self, state: GrantState, limit: int) -> list[Grant]:
        found = sorted(
            (g for g in self._t.grants.values() if g.state is state), key=lambda g: (g.use_by, g.id)
        )
        return found[: _bounded(limit)]

    # --- people and agents

    def agent(self, id: AgentId) -> Agent | None:
        return self._t.agents.get(id)

    def agents(self) -> list[Agent]:
        return [agent for _, agent in sorted(self._t.agents.items())]

    def agent_key(self, key_id: str) -> AgentKey | None:
        return self._t.agent_keys.get(key_id)

    def agent_keys(self, agent: AgentId) -> list[AgentKey]:
        return [key for _, key in sorted(self._t.agent_keys.items()) if key.agent == agent]

    def person(self, id: PersonId) -> Person | None:
        return self._t.people.get(id)

    def people(self) -> list[Person]:
        return [person for _, person in sorted(self._t.people.items())]

    def account(self, key: AccountKey) -> Account | None:
        return self._t.accounts.get(key)

    def accounts(self, person: PersonId) -> list[Account]:
        return [account for _, account in sorted(self._t.accounts.items()) if account.person == person]

    def session(self, id: str) -> Session | None:
        return self._t.sessions.get(id)

    def sessions(self, person: PersonId) -> list[Session]:
        return [session for _, session in sorted(self._t.sessions.items()) if session.person == person]

    def delegations(self, at: datetime) -> list[Delegation]:
        return [d for _, d in sorted(self._t.delegations.items()) if d.since <= at < d.until]

    def owned_agents(self, person: PersonId) -> list[AgentId]:
        return sorted(agent.id for agent in self._t.agents.values() if person in agent.owners)

    # --- the rest

    def vaulted(self, names: Sequence[str]) -> list[Vaulted]:
        return [self._t.vault[name] for name in dict.fromkeys(names) if name in self._t.vault]

    def meta(self, key: str) -> str | None:
        return self._t.meta.get(key)

    def chat_refs(self, request: RequestId) -> list[ChatRef]:
        return [ref for (of, _), ref in sorted(self._t.chat_refs.items()) if of == request]

    def audit_rows(self, filter: AuditFilter) -> list[AuditRow]:
        end = len(self._ledger.leaves) if filter.before is None else filter.before
        first = bisect_left(self._ledger.leaves, end, key=lambda row: row.seq)
        rows = (_audit_row(row) for row in reversed(self._ledger.leaves[:first]))
        return [row for row in rows if _matches(row, filter)][: _bounded(filter.limit)]

    def audit_row(self, seq: int) -> AuditRow | None:
        return _audit_row(self._ledger.leaves[seq]) if 0 <= seq < len(self._ledger.leaves) else None

    def audit_from(self, seq: int, limit: int) -> list[AuditRow]:
        return [_audit_row(row) for row in self._ledger.leaves[seq : seq + _bounded(limit)]]

    def requests_in_log(self, since: int, before: int) -> list[RequestId]:
        return list({RequestId(row.req): None for row in self._ledger.leaves[since:before] if row.req})

    def outbound(self, sink: str) -> int:
        return self._t.outbound.get(sink, 0)

    def audit_head(self) -> tuple[int, bytes]:
        return self._ledger.head.size, self._ledger.head.last_hash

    def audit_checkpoint(self) -> str | None:
        notes = self._ledger.checkpoints
        return notes[max(notes)] if notes else None

    def audit_checkpoint_at(self, size: int) -> str | None:
        return self._ledger.checkpoints.get(size)


class _Tx(_ReadTx, Tx):
    def __init__(self, tables: _Tables, ledger: MemoryLedger, clock: Clock, journal: Journal) -> None:
        super().__init__(tables, ledger, clock)
        self._journal = journal
        self._undo = ledger.undo
        self._fault: BaseException | None = None
        self._undo.clear()

    def now(self) -> datetime:
        self._t.mark = super().now()
        return self._t.mark

    def finish(self) -> None:
        """Sign the head, or raise what a swallowed audit failure was."""
        if self._fault is not None:
            raise self._fault
        if self._undo:
            self._journal.checkpoint(self._ledger, self._t.mark or self._clock.now())

    def roll_back(self) -> None:
        while self._undo:
            self._undo.pop()()

    # --- requests

    def insert_request(self, request: Request, body: Sealed) -> None:
        _need(request.id not in self._t.requests, "the request exists")
        _need(request.version == 1, "a request begins at version 1")
        self._put(self._t.requests, request.id, request)
        self._put(self._t.bodies, request.id, body)

    def update_request(self, request: Request, *, expected_version: int) -> None:
        old = self._t.requests.get(request.id)
        if old is None or old.version != expected_version:
            raise Conflict("the request has another version")
        why_not = rules.may_update(old, request)
        _need(why_not is None, why_not or "")
        self._put(self._t.requests, request.id, request)

    def shred_body(self, id: RequestId) -> None:
        self._drop(self._t.bodies, id)

    def rewrap_body(self, id: RequestId, sealed: Sealed) -> None:
        old = self._t.bodies.get(id)
        _need(
            old is not None and (old.nonce, old.ciphertext) == (sealed.nonce, sealed.ciphertext),
            "a body is re-wrapped, never replaced",
        )
        self._put(self._t.bodies, id, sealed)

    def insert_vote(self, vote: Vote) -> None:
        request = self._open_request(vote.request, vote.at)
        _need(vote.payload_hash == request.payload_hash, "a vote is for the bytes of its request")
        _need(vote.withdrawn_at is None, "a vote begins counted")
        cast = self._t.votes.get(vote.request, ())
        _need(
            all(v.person != vote.person or v.withdrawn_at is not None for v in cast),
            "one vote a person on a request",
        )
        self._put(self._t.votes, vote.request, (*cast, vote))

    def withdraw_vote(self, request: RequestId, person: PersonId, at: datetime) -> None:
        self._open_request(request, at)
        cast = self._t.votes.get(request, ())
        _need(
            any(v.person == person and v.withdrawn_at is None for v in cast), "there is no vote to withdraw"
        )
        after = tuple(
            replace(v, withdrawn_at=at) if v.person == person and v.withdrawn_at is None else v for v in cast
        )
        self._put(self._t.votes, request, after)

    def _open_request(self, id: RequestId, at: datetime) -> Request:
        request = self._t.requests.get(id)
        if request is None:
            raise Conflict("there is no such request")
        _need(request.state.is_open and at < request.decide_by, "votes move while the request is open")
        return request

    def remember_idempotent(
        self, agent: AgentId, key: str, fingerprint: bytes, request: RequestId, at: datetime
    ) -> None:
        _need((agent, key) not in self._t.idempotent, "the idempotency key is in use")
        _need(request in self._t.requests, "there is no such request")
        self._put(self._t.idempotent, (agent, key), (fingerprint, request, at))

    def add_to_window(self, window: str, at: datetime, amount: float, request: RequestId) -> None:
        self._put(self._t.windows, self._serial(), (window, at, amount, request))

    # --- grants

    def insert_grant(self, grant: Grant) -> None:
        request = self._t.requests.get(grant.request)
        _need(grant.id not in self._t.grants and self.grant_of(grant.request) is None, "one grant a request")
        _need(
            request is not None
            and request.state is RequestState.APPROVED
            and (request.agent, request.payload_hash) == (grant.agent, grant.payload_hash),
            "a grant is for an approved request and its bytes",
        )
        _need(
            grant.state is GrantState.ISSUED and grant.redeemed_at is None and grant.issued_at < grant.use_by,
            "a grant begins issued, with time to use it",
        )
        self._put(self._t.grants, grant.id, grant)

    def update_grant(self, grant: Grant, *, expected_state: GrantState) -> None:
        old = self._t.grants.get(grant.id)
        if old is None or old.state is not expected_state:
            raise Conflict("the grant is in another state")
        why_not = rules.may_move(old, grant)
        _need(why_not is None, why_not or "")
        self._put(self._t.grants, grant.id, grant)

    # --- people and agents

    def put_agent(self, agent: Agent) -> None:
        self._put(self._t.agents, agent.id, agent)

    def put_agent_key(self, key: AgentKey) -> None:
        _need(key.agent in self._t.agents, "there is no such agent")
        self._put(self._t.agent_keys, key.id, key)

    def put_person(self, person: Person) -> None:
        self._put(self._t.people, person.id, person)

    def put_account(self, account: Account) -> None:
        _need(account.person in self._t.people, "there is no such person")
        self._put(self._t.accounts, account.key, account)

    def put_session(self, session: Session) -> None:
        _need(session.person in self._t.people, "there is no such person")
        self._put(self._t.sessions, session.id, session)

    def drop_session(self, id: str) -> None:
        self._drop(self._t.sessions, id)

    def put_delegation(self, delegation: Delegation) -> None:
        self._put(self._t.delegations, (delegation.giver, delegation.taker), delegation)

    # --- the rest

    def set_meta(self, key: str, value: str) -> None:
        self._put(self._t.meta, key, value)

    def audit_cosign(self, size: int, line: str) -> None:
        if (size, line[:80]) not in self._ledger.cosignatures:
            self._ledger.cosignatures[size, line[:80]] = line
            self._undo.append(lambda: self._ledger.cosignatures.pop((size, line[:80])))

    def set_outbound(self, sink: str, next_seq: int) -> None:
        self._put(self._t.outbound, sink, max(next_seq, self.outbound(sink)))

    def forget(self, *, sessions: datetime, idempotency: datetime, windows: datetime, limit: int) -> int:
        old_sessions = [s.id for s in self._t.sessions.values() if s.expires_at < sessions][:limit]
        old_keys = [k for k, (_, _, at) in self._t.idempotent.items() if at < idempotency][:limit]
        old_amounts = [n for n, (_, at, _, _) in self._t.windows.items() if at < windows][:limit]
        for id in old_sessions:
            self._drop(self._t.sessions, id)
        for key in old_keys:
            self._drop(self._t.idempotent, key)
        for number in old_amounts:
            self._drop(self._t.windows, number)
        return len(old_sessions) + len(old_keys) + len(old_amounts)

    def put_vaulted(self, rows: Sequence[Vaulted]) -> None:
        for row in rows:
            _need(row.value.name not in self._t.vault, "the vault keeps that name already")
            self._put(self._t.vault, row.value.name, row)

    def erase_vaulted(self, names: Sequence[str]) -> int:
        known = [name for name in dict.fromkeys(names) if name in self._t.vault]
        for name in known:
            self._drop(self._t.vault, name)
        return len(known)

    def expire_vaulted(self, before: datetime, limit: int) -> int:
        ended = sorted((v.value.expires, n) for n, v in self._t.vault.items() if v.value.expires < before)
        return self.erase_vaulted([name for _, name in ended[:limit]])

    def put_chat_ref(self, ref: ChatRef) -> None:
        _need(ref.request in self._t.requests, "there is no such request")
        self._put(self._t.chat_refs, (ref.request, ref.surface), ref)

    def enqueue(self, row: OutboxRow) -> None:
        same = next(
            (n for n, w in self._t.outbox.items() if _same_place(w, row) and w.leased_until is None), None
        )
        id = self._serial() if same is None else same
        self._put(self._t.outbox, id, _Waiting(replace(row, id=id, attempts=0, last_error="")))

    def append(self, draft: Draft) -> int:
        try:
            return self._journal.append(self._ledger, draft).seq
        except BaseException as fault:
            self._fault = fault
            raise

    # --- undo

    def _put(self, table: dict[Any, Any], key: object, value: object) -> None:
        before = table.get(key, _ABSENT)
        table[key] = value
        self._undo.append(lambda: table.pop(key) if before is _ABSENT else table.update({key: before}))

    def _drop(self, table: dict[Any, Any], key: object) -> None:
        before = table.pop(key, _ABSENT)
        if before is not _ABSENT:
            self._undo.append(lambda: table.update({key: before}))

    def _serial(self) -> int:
        self._t.serial += 1
        return self._t.serial


class MemoryStore:
    """The ``Store`` port without a disk. *replay* runs every work twice, the first time in vain, as a batch that is
    replayed does: work with an effect besides its return value shows itself."""

    def __init__(self, clock: Clock, journal: Journal, *, replay: bool = False) -> None:
        self._clock = clock
        self._journal = journal
        self._replay = replay
        self._tables = _Tables()
        self.ledger = MemoryLedger()
        self._is_open = False
        self._faults: list[tuple[Exception, bool]] = []

    async def open(self) -> None:
        self._is_open = True

    async def close(self) -> None:
        self._is_open = False

    def fail_next(self, fault: Exception, *, committed: bool = False) -> None:
        """The next write raises *fault*: as if it had not been written, or (*committed*) although it was."""
        self._faults.append((fault, committed))

    async def write(self, work: Callable[[Tx], T]) -> T:
        await asyncio.sleep(0)
        self._need_open()
        fault, committed = self._faults.pop(0) if self._faults else (None, True)
        if fault is not None and not committed:
            raise fault
        if self._replay:
            self._attempt(work, keep=False)
        result = self._attempt(work, keep=True)
        if fault is not None:
            raise fault
        return result

    def _attempt(self, work: Callable[[Tx], T], *, keep: bool) -> T:
        tx = _Tx(self._tables, self.ledger, self._clock, self._journal)
        try:
            result = work(tx)
            tx.finish()
        except BaseException:
            tx.roll_back()
            raise
        if not keep:
            tx.roll_back()
        self.ledger.undo.clear()
        return result

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        await asyncio.sleep(0)
        self._need_open()
        return work(_ReadTx(self._tables, self.ledger, self._clock))

    async def key_and_agent(self, key_id: str) -> tuple[AgentKey | None, Agent | None]:
        def work(tx: ReadTx) -> tuple[AgentKey | None, Agent | None]:
            key = tx.agent_key(key_id)
            return key, tx.agent(key.agent) if key is not None else None

        return await self.read(work)

    async def agent(self, id: AgentId) -> Agent | None:
        return await self.read(lambda tx: tx.agent(id))

    # --- outbox

    async def outbox_claim(self, now: datetime, limit: int, lease: timedelta) -> list[OutboxRow]:
        await asyncio.sleep(0)
        self._need_open()
        claimed: list[OutboxRow] = []
        for id, waiting in tuple(self._tables.outbox.items()):
            if waiting.leased_until is not None and waiting.leased_until <= now and self._successor(waiting):
                del self._tables.outbox[id]
        out = {
            _place(w)
            for w in self._tables.outbox.values()
            if w.leased_until is not None and w.leased_until > now
        }
        for waiting in sorted(self._tables.outbox.values(), key=lambda w: (w.row.due_at, w.row.id)):
            if len(claimed) >= _bounded(limit):
                break
            is_free = waiting.leased_until is None or waiting.leased_until <= now
            if not is_free or waiting.row.due_at > now or _place(waiting) in out:
                continue
            waiting.leased_until = now + lease
            claimed.append(waiting.row)
        return claimed

    async def outbox_done(self, ids: Sequence[int]) -> None:
        await asyncio.sleep(0)
        self._need_open()
        for id in ids:
            self._tables.outbox.pop(id, None)

    async def outbox_retry(self, id: int, due_at: datetime, error: str) -> None:
        await asyncio.sleep(0)
        self._need_open()
        waiting = self._tables.outbox.get(id)
        if waiting is not None:
            self._back(
                waiting,
                replace(waiting.row, attempts=waiting.row.attempts + 1, due_at=due_at, last_error=error),
            )

    async def outbox_postpone(self, ids: Sequence[int], due_at: datetime) -> None:
        await asyncio.sleep(0)
        self._need_open()
        for waiting in [self._tables.outbox[id] for id in ids if id in self._tables.outbox]:
            self._back(waiting, replace(waiting.row, due_at=due_at))

    def _back(self, waiting: _Waiting, row: OutboxRow) -> None:
        if waiting.leased_until is not None and self._successor(waiting) is not None:
            del self._tables.outbox[row.id]
            return
        waiting.row = row
        waiting.leased_until = None

    def _successor(self, waiting: _Waiting) -> _Waiting | None:
        return next(
            (
                w
                for w in self._tables.outbox.values()
                if w.leased_until is None and _place(w) == _place(waiting)
            ),
            None,
        )

    async def outbox_next_due(self) -> datetime | None:
        await asyncio.sleep(0)
        self._need_open()
        return min((w.leased_until or w.row.due_at for w in self._tables.outbox.values()), default=None)

    async def outbox_depth(self) -> int:
        await asyncio.sleep(0)
        self._need_open()
        return len(self._tables.outbox)

    async def ping(self) -> None:
        await self.write(lambda _: None)

    async def backup(self, path: str) -> None:
        raise StoreFault("this store is in memory and cannot be copied; configure SQLite or PostgreSQL")

    def _need_open(self) -> None:
        if not self._is_open:
            raise StoreFault("the store is closed")


def _need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Conflict(otherwise)


def _bounded(limit: int) -> int:
    return max(0, min(limit, PAGE_MAX))


def _place(waiting: _Waiting) -> tuple[str, str]:
    return waiting.row.topic, waiting.row.key


def _same_place(waiting: _Waiting, row: OutboxRow) -> bool:
    return _place(waiting) == (row.topic, row.key)


def _audit_row(row: LeafRow) -> AuditRow:
    return AuditRow(
        row.seq,
        row.type,
        row.req,
        row.actor,
        row.action,
        row.resource,
        row.outcome,
        rules.from_us(row.ts_us),
        row.leaf,
        row.leaf_hash,
    )


def _matches(row: AuditRow, wanted: AuditFilter) -> bool:
    return (
        wanted.request in {None, row.request}
        and wanted.type in {None, row.type}
        and wanted.actor in {None, row.actor}
        and wanted.action in {None, row.action}
        and wanted.resource in {None, row.resource}
        and wanted.outcome in {None, row.outcome}
        and (wanted.since is None or row.at >= wanted.since)
        and (wanted.until is None or row.at < wanted.until)
    )
