"""The statements: ``ReadTx`` and ``Tx`` over an open SQLite transaction. Runs on the connection's own thread.

Decided here: nothing that the rules or the schema do not decide. Every statement is a constant, so that the
connection's cache prepares it once. Journal entries and outbox rows are held back and written in one go before
the commit (``Batch.settle``); whatever reads them flushes first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import msgspec

from adapters.stores import codec, rules
from adapters.stores.rules import LIST_MAX, PAGE_MAX, SETTLED_LOOKED_AT, from_us, to_us
from adapters.stores.seal import RowSeal
from audit.batch import LedgerBatch, Mark
from audit.chain import GENESIS
from audit.entry import Draft
from audit.journal import Journal
from audit.ledger_sqlite import keep_cosignature
from audit.query import Query, find
from bot.core.ids import AccountKey, AgentId, Digest, GrantId, PersonId, RequestId
from bot.core.people import Account, Agent, AgentKey, Delegation, Person, Session
from bot.core.request import Grant, GrantState, Request, RequestState, Vote
from bot.errors import Busy, Conflict, StoreFault
from bot.ports import (
    VAULT_NAMES_MAX,
    AuditFilter,
    AuditRow,
    ChatRef,
    Clock,
    OutboxRow,
    Page,
    ReadTx,
    Sealed,
    Tx,
    Vaulted,
)
from masking.tokens import SealedValue

_REQUEST_COLUMNS: Final = (
    "id, frozen, state, version, decided_us, decided_by, reason, reminders_sent, escalated, next_due_us"
)
REQUEST: Final = f"SELECT {_REQUEST_COLUMNS} FROM request WHERE id = ?"
REQUESTS: Final = f"SELECT {_REQUEST_COLUMNS} FROM request WHERE id < ? ORDER BY id DESC LIMIT ?"
REQUESTS_OF: Final = (
    f"SELECT {_REQUEST_COLUMNS} FROM request WHERE agent = ? AND id < ? ORDER BY id DESC LIMIT ?"
)
REQUESTS_IN: Final = (
    f"SELECT {_REQUEST_COLUMNS} FROM request WHERE state = ? AND id < ? ORDER BY id DESC LIMIT ?"
)
REQUESTS_PENDING: Final = (
    f"SELECT {_REQUEST_COLUMNS} FROM request WHERE state = 'pending' AND id < ? ORDER BY id DESC LIMIT ?"
)
REQUESTS_OF_IN: Final = f"SELECT {_REQUEST_COLUMNS} FROM request WHERE agent = ? AND state = ? AND id < ? ORDER BY id DESC LIMIT ?"
OPEN_IN_TURN: Final = f"""
SELECT {_REQUEST_COLUMNS} FROM (
  SELECT n, decide_by_us AS soon, row_number() OVER (PARTITION BY agent ORDER BY decide_by_us, n) AS turn
  FROM request WHERE state = 'pending'
) JOIN request USING (n) ORDER BY turn, soon, n LIMIT ?"""
SETTLED_IN_TURN: Final = f"""
SELECT {_REQUEST_COLUMNS} FROM (
  SELECT n, late, row_number() OVER (PARTITION BY agent ORDER BY late DESC, n DESC) AS turn
  FROM (SELECT n, agent, decided_us AS late FROM request WHERE state <> 'pending' ORDER BY n DESC LIMIT ?)
) JOIN request USING (n) ORDER BY turn, late DESC, n DESC LIMIT ?"""
ADD_REQUEST: Final = (
    "INSERT INTO request (id, agent, payload_hash, decide_by_us, frozen, state, version, decided_us, decided_by,"
    " reason, reminders_sent, escalated, next_due_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
SET_REQUEST: Final = (
    "UPDATE request SET state = ?, version = ?, decided_us = ?, decided_by = ?, reason = ?, reminders_sent = ?,"
    " escalated = ?, next_due_us = ? WHERE id = ? AND version = ?"
)
BODY: Final = "SELECT kek_id, wrapped_key, nonce, ciphertext FROM request_body WHERE request = ?"
BODIES_OUTSIDE: Final = "SELECT request, kek_id, wrapped_key, nonce, ciphertext FROM request_body WHERE kek_id <> ? ORDER BY request LIMIT ?"
ADD_BODY: Final = (
    "INSERT INTO request_body (request, kek_id, wrapped_key, nonce, ciphertext) VALUES (?, ?, ?, ?, ?)"
)
SHRED_BODY: Final = "DELETE FROM request_body WHERE request = ?"
REWRAP_BODY: Final = (
    "UPDATE request_body SET kek_id = ?, wrapped_key = ? WHERE request = ? AND nonce = ? AND ciphertext = ?"
)
VOTES: Final = "SELECT person, data, withdrawn_us FROM vote WHERE request = ? ORDER BY n"
ADD_VOTE: Final = "INSERT INTO vote (request, person, choice, payload_hash, at_us, withdrawn_us, data) VALUES (?, ?, ?, ?, ?, ?, ?)"
WITHDRAW: Final = "UPDATE vote SET withdrawn_us = ? WHERE request = ? AND person = ? AND withdrawn_us IS NULL"
PENDING_COUNT: Final = (
    "SELECT count(*) FROM (SELECT 1 FROM request WHERE agent = ? AND state = 'pending' LIMIT ?)"
)
DUE: Final = (
    "SELECT id FROM request WHERE state = 'pending' AND next_due_us IS NOT NULL AND next_due_us <= ?"
    " ORDER BY next_due_us, id LIMIT ?"
)
NEXT_DUE: Final = "SELECT min(next_due_us) FROM request WHERE state = 'pending' AND next_due_us IS NOT NULL"
IDEMPOTENT: Final = "SELECT fingerprint, request FROM idempotency WHERE agent = ? AND key = ?"
ADD_IDEMPOTENT: Final = (
    "INSERT INTO idempotency (agent, key, fingerprint, request, at_us) VALUES (?, ?, ?, ?, ?)"
)
OPEN_OF: Final = "SELECT count(*) FROM request WHERE agent = ? AND state = 'pending'"
ANY_DENIED: Final = "SELECT EXISTS (SELECT 1 FROM request WHERE agent = ? AND state = 'denied')"
DENIALS: Final = "SELECT count(*) FROM request WHERE agent = ? AND payload_hash = ? AND state = 'denied' AND decided_us >= ?"
WINDOW_SUM: Final = "SELECT total(amount) FROM window_amount WHERE name = ? AND at_us >= ?"
ADD_AMOUNT: Final = "INSERT INTO window_amount (name, at_us, amount, request) VALUES (?, ?, ?, ?)"
_GRANT_COLUMNS: Final = "id, frozen, state, token, redeemed_us, redemption_key, outcome_us, outcome"
GRANT: Final = f"SELECT {_GRANT_COLUMNS} FROM grant_ WHERE id = ?"
GRANT_OF: Final = f"SELECT {_GRANT_COLUMNS} FROM grant_ WHERE request = ?"
GRANTS: Final = f"SELECT {_GRANT_COLUMNS} FROM grant_ WHERE state = ? ORDER BY use_by_us, id LIMIT ?"
ADD_GRANT: Final = (
    "INSERT INTO grant_ (id, request, agent, payload_hash, issued_us, use_by_us, frozen, state, token, redeemed_us,"
    " redemption_key, outcome_us, outcome) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
SET_GRANT: Final = (
    "UPDATE grant_ SET state = ?, token = ?, redeemed_us = ?, redemption_key = ?, outcome_us = ?, outcome = ?"
    " WHERE id = ? AND state = ?"
)
AGENT: Final = "SELECT data FROM agent WHERE id = ?"
AGENTS: Final = "SELECT id, data FROM agent ORDER BY id LIMIT ?"
PUT_AGENT: Final = (
    "INSERT INTO agent (id, data) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data"
)
DROP_OWNERS: Final = "DELETE FROM agent_owner WHERE agent = ?"
ADD_OWNER: Final = "INSERT OR IGNORE INTO agent_owner (person, agent) VALUES (?, ?)"
OWNED: Final = "SELECT agent FROM agent_owner WHERE person = ? ORDER BY agent LIMIT ?"
AGENT_KEY: Final = "SELECT data FROM agent_key WHERE id = ?"
AGENT_KEYS: Final = "SELECT id, data FROM agent_key WHERE agent = ? ORDER BY id LIMIT ?"
PUT_AGENT_KEY: Final = (
    "INSERT INTO agent_key (id, agent, data) VALUES (?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET agent = excluded.agent, data = excluded.data"
)
PERSON: Final = "SELECT data FROM person WHERE id = ?"
PEOPLE: Final = "SELECT id, data FROM person ORDER BY id LIMIT ?"
PUT_PERSON: Final = (
    "INSERT INTO person (id, data) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data"
)
ACCOUNT: Final = "SELECT data FROM account WHERE key = ?"
ACCOUNTS: Final = "SELECT key, data FROM account WHERE person = ? ORDER BY key LIMIT ?"
PUT_ACCOUNT: Final = (
    "INSERT INTO account (key, person, data) VALUES (?, ?, ?)"
    " ON CONFLICT (key) DO UPDATE SET person = excluded.person, data = excluded.data"
)
SESSION: Final = "SELECT data FROM session WHERE id = ?"
PUT_SESSION: Final = (
    "INSERT INTO session (id, person, expires_us, data) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
    " SET person = excluded.person, expires_us = excluded.expires_us, data = excluded.data"
)
DROP_SESSION: Final = "DELETE FROM session WHERE id = ?"
SESSIONS_OF: Final = "SELECT id, data FROM session WHERE person = ? ORDER BY id LIMIT ?"
DELEGATIONS: Final = "SELECT giver, taker, data FROM delegation WHERE since_us <= ? AND until_us > ? ORDER BY giver, taker LIMIT ?"
PUT_DELEGATION: Final = (
    "INSERT INTO delegation (giver, taker, since_us, until_us, data) VALUES (?, ?, ?, ?, ?) ON CONFLICT (giver, taker)"
    " DO UPDATE SET since_us = excluded.since_us, until_us = excluded.until_us, data = excluded.data"
)
META: Final = "SELECT value FROM meta WHERE key = ?"
SET_META: Final = (
    "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
CHAT_REFS: Final = (
    "SELECT request, surface, ref, version FROM chat_ref WHERE request = ? ORDER BY surface LIMIT ?"
)
PUT_CHAT_REF: Final = (
    "INSERT INTO chat_ref (request, surface, ref, version) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (request, surface) DO UPDATE SET ref = excluded.ref, version = excluded.version"
)
VAULTED: Final = (
    "SELECT name, agent, sealed, expires_us FROM vault WHERE name IN (SELECT value FROM json_each(?))"
)
PUT_VAULTED: Final = "INSERT INTO vault (name, agent, sealed, expires_us) VALUES (?, ?, ?, ?)"
ERASE_VAULTED: Final = "DELETE FROM vault WHERE name IN (SELECT value FROM json_each(?))"
EXPIRE_VAULTED: Final = "DELETE FROM vault WHERE name IN (SELECT name FROM vault WHERE expires_us < ? ORDER BY expires_us LIMIT ?)"
FORGET_SESSIONS: Final = "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_us < ? ORDER BY expires_us LIMIT ?)"
# Rows are numbered as they come, so the oldest have the lowest numbers and no index on time is paid for.
FORGET_KEYS: Final = (
    "DELETE FROM idempotency WHERE n IN (SELECT n FROM idempotency ORDER BY n LIMIT ?2) AND at_us < ?1"
)
FORGET_AMOUNTS: Final = (
    "DELETE FROM window_amount WHERE n IN (SELECT n FROM window_amount ORDER BY n LIMIT ?2) AND at_us < ?1"
)
ENQUEUE: Final = (
    "INSERT INTO outbox (topic, key, payload, due_us, attempts, last_error, leased_us) VALUES (?, ?, ?, ?, 0, '', NULL)"
    " ON CONFLICT (topic, key) WHERE leased_us IS NULL"
    " DO UPDATE SET payload = excluded.payload, due_us = excluded.due_us, attempts = 0, last_error = ''"
)
_AUDIT_COLUMNS: Final = "seq, type, req, actor, action, resource, outcome, ts_us, leaf, leaf_hash"
AUDIT_ROW: Final = f"SELECT {_AUDIT_COLUMNS} FROM audit_leaf WHERE seq = ?"
AUDIT_FROM: Final = f"SELECT {_AUDIT_COLUMNS} FROM audit_leaf WHERE seq >= ? ORDER BY seq LIMIT ?"
REQUESTS_IN_LOG: Final = "SELECT DISTINCT req FROM audit_leaf WHERE seq >= ? AND seq < ? AND req IS NOT NULL"
OUTBOUND: Final = "SELECT next_seq FROM audit_outbound WHERE sink = ?"
SET_OUTBOUND: Final = (
    "INSERT INTO audit_outbound (sink, next_seq, state) VALUES (?, ?, 'ok')"
    " ON CONFLICT (sink) DO UPDATE SET next_seq = max(next_seq, excluded.next_seq)"
)
AUDIT_HEAD: Final = "SELECT size, last_hash FROM audit_head WHERE id = 1"
AUDIT_CHECKPOINT_AT: Final = "SELECT note FROM audit_checkpoint WHERE size = ?"
AUDIT_CHECKPOINT: Final = "SELECT note FROM audit_checkpoint ORDER BY size DESC LIMIT 1"
STATE: Final = "SELECT mark_us, batch FROM store_state WHERE id = 1"
SET_STATE: Final = "UPDATE store_state SET mark_us = max(mark_us, ?), batch = ? WHERE id = 1"

_FILTERS: Final = ("req", "actor", "action", "resource", "type", "outcome")
"""Columns that a filter may name; each has an index whose keys end in the sequence number."""


def _audit_query(column: str | None) -> str:
    condition = f"{column} = :value AND " if column is not None else ""
    return f"SELECT {_AUDIT_COLUMNS} FROM audit_leaf WHERE {condition}seq < :before ORDER BY seq DESC LIMIT :limit"


AUDIT_ROWS: Final = {column: _audit_query(column) for column in (None, *_FILTERS)}

_END: Final = 2**62
_LAST_ID: Final = "\x7f"


class SqliteReadTx(ReadTx):
    """Reads in whatever transaction *connection* has open. *mark_us* is the store's high-water mark of time."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock, mark_us: int, seal: RowSeal) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._clock = clock
        self.seal = seal
        self._mark_us = mark_us
        self._now: datetime | None = None

    def now(self) -> datetime:
        if self._now is None:
            self._now = max(self._clock.now(), from_us(self._mark_us))
        return self._now

    # --- rows behind seals

    def _request(self, row: tuple[Any, ...]) -> Request:
        id, frozen, *moving = row
        return codec.read_request((self.seal.open("request", id, frozen), *moving))

    def _vote(self, request: RequestId, person: str, data: str, withdrawn_us: int | None) -> Vote:
        vote = codec.read_vote(self.seal.open("vote", f"{request} {person}", data))
        return vote if withdrawn_us is None else replace(vote, withdrawn_at=from_us(withdrawn_us))

    def _grant(self, row: tuple[Any, ...]) -> Grant:
        id, frozen, *moving = row
        return codec.read_grant((self.seal.open("grant", id, frozen), *moving))

    # --- requests

    def request(self, id: RequestId) -> Request | None:
        row = self._execute(REQUEST, (id,)).fetchone()
        return None if row is None else self._request(row)

    def requests(
        self, page: Page, *, agent: AgentId | None = None, state: RequestState | None = None
    ) -> list[Request]:
        before, limit = page.before or _LAST_ID, bounded(page.limit)
        match agent, state:
            case None, None:
                rows = self._execute(REQUESTS, (before, limit))
            case None, RequestState.PENDING:
                rows = self._execute(REQUESTS_PENDING, (before, limit))
            case None, _:
                rows = self._execute(REQUESTS_IN, (state, before, limit))
            case _, None:
                rows = self._execute(REQUESTS_OF, (agent, before, limit))
            case _:
                rows = self._execute(REQUESTS_OF_IN, (agent, state, before, limit))
        return [self._request(row) for row in rows]

    def in_turn(self, limit: int, *, is_open: bool) -> list[Request]:
        if is_open:
            rows = self._execute(OPEN_IN_TURN, (bounded(limit),))
        else:
            rows = self._execute(SETTLED_IN_TURN, (SETTLED_LOOKED_AT, bounded(limit)))
        return [self._request(row) for row in rows]

    def body(self, id: RequestId) -> Sealed | None:
        row = self._execute(BODY, (id,)).fetchone()
        return None if row is None else Sealed(*row)

    def bodies_outside(self, kek_id: str, limit: int) -> list[tuple[RequestId, Sealed]]:
        return [(row[0], Sealed(*row[1:])) for row in self._execute(BODIES_OUTSIDE, (kek_id, bounded(limit)))]

    def votes(self, id: RequestId) -> list[Vote]:
        return [self._vote(id, *row) for row in self._execute(VOTES, (id,))]

    def pending_count(self, agent: AgentId, most: int) -> int:
        return self._number(PENDING_COUNT, (agent, max(0, most)))

    def due(self, now: datetime, limit: int) -> list[RequestId]:
        return [row[0] for row in self._execute(DUE, (to_us(now), bounded(limit)))]

    def next_due(self) -> datetime | None:
        return codec.moment(self._execute(NEXT_DUE).fetchone()[0])

    def idempotent(self, agent: AgentId, key: str) -> tuple[bytes, RequestId] | None:
        row = self._execute(IDEMPOTENT, (agent, key)).fetchone()
        return None if row is None else (row[0], row[1])

    def denials(self, agent: AgentId, payload_hash: Digest, since: datetime) -> int:
        return self._number(DENIALS, (agent, payload_hash, to_us(since)))

    def window_sum(self, window: str, since: datetime) -> float:
        return float(self._execute(WINDOW_SUM, (window, to_us(since))).fetchone()[0])

    # --- grants

    def grant(self, id: GrantId) -> Grant | None:
        row = self._execute(GRANT, (id,)).fetchone()
        return None if row is None else self._grant(row)

    def grant_of(self, request: RequestId) -> Grant | None:
        row = self._execute(GRANT_OF, (request,)).fetchone()
        return None if row is None else self._grant(row)

    def grants(self, state: GrantState, limit: int) -> list[Grant]:
        return [self._grant(row) for row in self._execute(GRANTS, (state, bounded(limit)))]

    # --- people and agents

    def agent(self, id: AgentId) -> Agent | None:
        row = self._execute(AGENT, (id,)).fetchone()
        return None if row is None else codec.read_agent(self.seal.open("agent", id, row[0]))

    def agents(self) -> list[Agent]:
        return [codec.read_agent(self.seal.open("agent", *row)) for row in self._execute(AGENTS, (LIST_MAX,))]

    def agent_key(self, key_id: str) -> AgentKey | None:
        row = self._execute(AGENT_KEY, (key_id,)).fetchone()
        return None if row is None else codec.read_agent_key(self.seal.open("agent_key", key_id, row[0]))

    def agent_keys(self, agent: AgentId) -> list[AgentKey]:
        return [
            codec.read_agent_key(self.seal.open("agent_key", *row))
            for row in self._execute(AGENT_KEYS, (agent, LIST_MAX))
        ]

    def person(self, id: PersonId) -> Person | None:
        row = self._execute(PERSON, (id,)).fetchone()
        return None if row is None else codec.read_person(self.seal.open("person", id, row[0]))

    def people(self) -> list[Person]:
        return [
            codec.read_person(self.seal.open("person", *row)) for row in self._execute(PEOPLE, (LIST_MAX,))
        ]

    def account(self, key: AccountKey) -> Account | None:
        row = self._execute(ACCOUNT, (key,)).fetchone()
        return None if row is None else codec.read_account(self.seal.open("account", key, row[0]))

    def accounts(self, person: PersonId) -> list[Account]:
        return [
            codec.read_account(self.seal.open("account", *row))
            for row in self._execute(ACCOUNTS, (person, LIST_MAX))
        ]

    def session(self, id: str) -> Session | None:
        row = self._execute(SESSION, (id,)).fetchone()
        return None if row is None else codec.read_session(self.seal.open("session", id, row[0]))

    def sessions(self, person: PersonId) -> list[Session]:
        return [
            codec.read_session(self.seal.open("session", *row))
            for row in self._execute(SESSIONS_OF, (person, LIST_MAX))
        ]

    def delegations(self, at: datetime) -> list[Delegation]:
        us = to_us(at)
        rows = self._execute(DELEGATIONS, (us, us, LIST_MAX))
        return [
            codec.read_delegation(self.seal.open("delegation", f"{giver} {taker}", data))
            for giver, taker, data in rows
        ]

    def owned_agents(self, person: PersonId) -> list[AgentId]:
        return [row[0] for row in self._execute(OWNED, (person, LIST_MAX))]

    # --- the rest

    def vaulted(self, names: Sequence[str]) -> list[Vaulted]:
        rows = self._execute(VAULTED, (_names(names),))
        return [
            Vaulted(SealedValue(name, sealed, from_us(until)), AgentId(agent))
            for name, agent, sealed, until in rows
        ]

    def meta(self, key: str) -> str | None:
        row = self._execute(META, (key,)).fetchone()
        return None if row is None else self.seal.open("meta", key, str(row[0]))

    def chat_refs(self, request: RequestId) -> list[ChatRef]:
        return [ChatRef(*row) for row in self._execute(CHAT_REFS, (request, PAGE_MAX))]

    def audit_rows(self, filter: AuditFilter) -> list[AuditRow]:
        given = {
            name: value
            for name in _FILTERS
            if (value := getattr(filter, "request" if name == "req" else name)) is not None
        }
        if len(given) > 1 or filter.since is not None or filter.until is not None:
            return self._audit_leap(filter, given)
        ((column, value),) = given.items() or ((None, None),)
        values = {
            "value": value,
            "before": _END if filter.before is None else filter.before,
            "limit": bounded(filter.limit),
        }
        return [_audit_row(row) for row in self._execute(AUDIT_ROWS[column], values)]

    def _audit_leap(self, filter: AuditFilter, given: Mapping[str, str]) -> list[AuditRow]:
        """Several conditions, or a time: no index holds them together, so it is leapt between indexes, however large the log is."""
        limit, before, found = bounded(filter.limit), filter.before, list[int]()
        while len(found) < limit:
            query = Query(
                **given,
                since_us=None if filter.since is None else to_us(filter.since),
                until_us=None if filter.until is None else to_us(filter.until),
                before=before,
                limit=limit - len(found),
            )
            page = find(self._connection, query)
            found += page.seqs
            before = page.next_before
            if before is None:
                break
        rows = (self.audit_row(seq) for seq in found)
        return [row for row in rows if row is not None]

    def audit_row(self, seq: int) -> AuditRow | None:
        row = self._execute(AUDIT_ROW, (seq,)).fetchone()
        return None if row is None else _audit_row(row)

    def audit_from(self, seq: int, limit: int) -> list[AuditRow]:
        return [_audit_row(row) for row in self._execute(AUDIT_FROM, (seq, bounded(limit)))]

    def requests_in_log(self, since: int, before: int) -> list[RequestId]:
        return [row[0] for row in self._execute(REQUESTS_IN_LOG, (since, before))]

    def outbound(self, sink: str) -> int:
        row = self._execute(OUTBOUND, (sink,)).fetchone()
        return 0 if row is None else int(row[0])

    def audit_head(self) -> tuple[int, bytes]:
        size, last_hash = self._execute(AUDIT_HEAD).fetchone() or (0, GENESIS)
        return size, last_hash

    def audit_checkpoint(self) -> str | None:
        row = self._execute(AUDIT_CHECKPOINT).fetchone()
        return None if row is None else str(row[0])

    def audit_checkpoint_at(self, size: int) -> str | None:
        row = self._execute(AUDIT_CHECKPOINT_AT, (size,)).fetchone()
        return None if row is None else str(row[0])

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """For this package's other modules: what *statement* answers."""
        return self._execute(statement).fetchall()

    def _number(self, statement: str, values: tuple[Any, ...]) -> int:
        return int(self._execute(statement, values).fetchone()[0])


@dataclass(slots=True)
class Batch:
    """One database transaction and what its members hold back until its end."""

    connection: sqlite3.Connection
    clock: Clock
    journal: Journal
    ledger: LedgerBatch
    number: int
    mark_us: int
    size_at_start: int
    known: dict[tuple[str, str], Any] = field(default_factory=dict)
    """Agents, their keys and counts, people and marks as this transaction sees them, by kind and id: nobody else can change them
    meanwhile, and what changes them here drops or counts them. Most members of a batch ask for the same few."""
    outbox: list[tuple[str, str, str, int]] = field(default_factory=list)
    bodies: list[tuple[str, str, bytes, bytes, bytes]] = field(default_factory=list)
    """Of requests whose rows are written; each is the only one its request can have."""
    wants_truncation: bool = False
    """A body was shredded: the write-ahead log must be emptied after the commit (AUDIT.md 2.5)."""

    def settle(self) -> None:
        """Write what was held back, sign the head, keep the mark: the last step before COMMIT."""
        self.flush()
        if self.ledger.audit_head().size != self.size_at_start:
            self.journal.checkpoint(self.ledger, from_us(self.mark_us))
        self.connection.execute(SET_STATE, (self.mark_us, self.number))

    def flush(self) -> None:
        """Write what is held back, but for the log (``ledger.flush``)."""
        self.flush_bodies()
        if self.outbox:
            self.connection.executemany(ENQUEUE, self.outbox)
            self.outbox.clear()

    def flush_bodies(self) -> None:
        if self.bodies:
            self.connection.executemany(ADD_BODY, self.bodies)
            self.bodies.clear()

    def mark(self) -> tuple[Mark, bool]:
        """Where a member starts, taken before its SAVEPOINT. All that earlier members hold back is written."""
        self.flush()
        return self.ledger.mark(), self.wants_truncation

    def rewind(self, mark: tuple[Mark, bool]) -> None:
        ledger, self.wants_truncation = mark
        self.known.clear()
        self.ledger.rewind(ledger)
        self.outbox.clear()
        self.bodies.clear()


class SqliteTx(SqliteReadTx, Tx):
    """One member of a batch. A fault or a failed journal entry is kept: swallowing it does not make the batch commit (I7)."""

    def __init__(self, batch: Batch, seal: RowSeal) -> None:
        super().__init__(batch.connection, batch.clock, batch.mark_us, seal)
        self._batch = batch
        self._connection = batch.connection
        self._fault: BaseException | None = None

    def now(self) -> datetime:
        now = super().now()
        self._batch.mark_us = to_us(now)
        return now

    @property
    def connection(self) -> sqlite3.Connection:
        """For this package's other modules: the connection, with every body and outbox row of this batch in the tables."""
        self._batch.flush()
        return self._connection

    def forgets(self) -> None:
        """For this package's other modules: something was deleted that must not stay readable in the write-ahead log."""
        self._batch.wants_truncation = True

    def finish(self) -> None:
        if self._fault is not None:
            raise self._fault

    # --- small rows, read once a batch

    def agent(self, id: AgentId) -> Agent | None:
        found: Agent | None = self._known("agent", id, super().agent)
        return found

    def person(self, id: PersonId) -> Person | None:
        found: Person | None = self._known("person", id, super().person)
        return found

    def meta(self, key: str) -> str | None:
        found: str | None = self._known("meta", key, super().meta)
        return found

    def agent_keys(self, agent: AgentId) -> list[AgentKey]:
        found: list[AgentKey] = self._known("keys", agent, super().agent_keys)
        return found

    def pending_count(self, agent: AgentId, most: int) -> int:
        found: int = self._known("open", agent, lambda of: self._number(OPEN_OF, (of,)))
        return min(found, max(0, most))

    def denials(self, agent: AgentId, payload_hash: Digest, since: datetime) -> int:
        # Most agents were never denied anything, and each of their requests asks.
        if not self._known("denied", agent, lambda of: self._number(ANY_DENIED, (of,))):
            return 0
        return super().denials(agent, payload_hash, since)

    def _count_open(self, agent: AgentId, by: int) -> None:
        known = self._batch.known
        if ("open", agent) in known:
            known["open", agent] += by

    def body(self, id: RequestId) -> Sealed | None:
        self._batch.flush_bodies()
        return super().body(id)

    def bodies_outside(self, kek_id: str, limit: int) -> list[tuple[RequestId, Sealed]]:
        self._batch.flush_bodies()
        return super().bodies_outside(kek_id, limit)

    def _known(self, kind: str, id: Any, read: Callable[[Any], Any]) -> Any:
        known = self._batch.known
        try:
            return known[kind, id]
        except KeyError:
            found = known[kind, id] = read(id)
            return found

    def _forget(self, kind: str, id: str) -> None:
        self._batch.known.pop((kind, id), None)

    # --- requests

    def insert_request(self, request: Request, body: Sealed) -> None:
        self._write(
            ADD_REQUEST,
            (
                request.id,
                request.agent,
                request.payload_hash,
                to_us(request.decide_by),
                self.seal.close("request", request.id, codec.frozen_request(request)),
                *codec.moving_request(request),
            ),
        )
        self._batch.bodies.append((request.id, body.kek_id, body.wrapped_key, body.nonce, body.ciphertext))
        if request.state.is_open:
            self._count_open(request.agent, 1)
        self._forget_denials(request)

    def update_request(self, request: Request, *, expected_version: int) -> None:
        old = self.request(request.id)
        if old is None or old.version != expected_version:
            raise Conflict("the request has another version")
        why_not = rules.may_update(old, request)
        if why_not is not None:
            raise Conflict(why_not)
        self._write(SET_REQUEST, (*codec.moving_request(request), request.id, expected_version))
        if old.state.is_open and not request.state.is_open:
            self._count_open(request.agent, -1)
        self._forget_denials(request)

    def _forget_denials(self, request: Request) -> None:
        if request.state is RequestState.DENIED:
            self._forget("denied", request.agent)

    def shred_body(self, id: RequestId) -> None:
        self._batch.flush_bodies()
        if self._write(SHRED_BODY, (id,)):
            self._batch.wants_truncation = True

    def rewrap_body(self, id: RequestId, sealed: Sealed) -> None:
        self._batch.flush_bodies()
        values = (sealed.kek_id, sealed.wrapped_key, id, sealed.nonce, sealed.ciphertext)
        if not self._write(REWRAP_BODY, values):
            raise Conflict("a body is re-wrapped, never replaced")
        self._batch.wants_truncation = True

    def insert_vote(self, vote: Vote) -> None:
        self._write(
            ADD_VOTE,
            (
                vote.request,
                vote.person,
                vote.choice.value,
                vote.payload_hash,
                to_us(vote.at),
                codec.micros(vote.withdrawn_at),
                self.seal.close("vote", f"{vote.request} {vote.person}", codec.text_of(vote)),
            ),
        )

    def withdraw_vote(self, request: RequestId, person: PersonId, at: datetime) -> None:
        if not self._write(WITHDRAW, (to_us(at), request, person)):
            raise Conflict("there is no vote to withdraw")

    def remember_idempotent(
        self, agent: AgentId, key: str, fingerprint: bytes, request: RequestId, at: datetime
    ) -> None:
        self._write(ADD_IDEMPOTENT, (agent, key, fingerprint, request, to_us(at)))

    def add_to_window(self, window: str, at: datetime, amount: float, request: RequestId) -> None:
        self._write(ADD_AMOUNT, (window, to_us(at), float(amount), request))

    # --- grants

    def insert_grant(self, grant: Grant) -> None:
        self._write(
            ADD_GRANT,
            (
                grant.id,
                grant.request,
                grant.agent,
                grant.payload_hash,
                to_us(grant.issued_at),
                to_us(grant.use_by),
                self.seal.close("grant", grant.id, codec.frozen_grant(grant)),
                *codec.moving_grant(grant),
            ),
        )

    def update_grant(self, grant: Grant, *, expected_state: GrantState) -> None:
        old = self.grant(grant.id)
        if old is None or old.state is not expected_state:
            raise Conflict("the grant is in another state")
        why_not = rules.may_move(old, grant)
        if why_not is not None:
            raise Conflict(why_not)
        if not self._write(SET_GRANT, (*codec.moving_grant(grant), grant.id, expected_state.value)):
            raise Conflict("the grant is in another state")

    # --- people and agents

    def put_agent(self, agent: Agent) -> None:
        self._forget("agent", agent.id)
        self._write(PUT_AGENT, (agent.id, self.seal.close("agent", agent.id, codec.text_of(agent))))
        self._write(DROP_OWNERS, (agent.id,))
        for owner in agent.owners:
            self._write(ADD_OWNER, (owner, agent.id))

    def put_agent_key(self, key: AgentKey) -> None:
        # The key may have been another agent's before.
        for known in [known for known in self._batch.known if known[0] == "keys"]:
            del self._batch.known[known]
        self._write(
            PUT_AGENT_KEY, (key.id, key.agent, self.seal.close("agent_key", key.id, codec.text_of(key)))
        )

    def put_person(self, person: Person) -> None:
        self._forget("person", person.id)
        self._write(PUT_PERSON, (person.id, self.seal.close("person", person.id, codec.text_of(person))))

    def put_account(self, account: Account) -> None:
        text = self.seal.close("account", account.key, codec.text_of(account))
        self._write(PUT_ACCOUNT, (account.key, account.person, text))

    def put_session(self, session: Session) -> None:
        text = self.seal.close("session", session.id, codec.text_of(session))
        values = (session.id, session.person, to_us(session.expires_at), text)
        self._write(PUT_SESSION, values)

    def drop_session(self, id: str) -> None:
        self._write(DROP_SESSION, (id,))

    def put_delegation(self, delegation: Delegation) -> None:
        since, until = to_us(delegation.since), to_us(delegation.until)
        text = self.seal.close(
            "delegation", f"{delegation.giver} {delegation.taker}", codec.text_of(delegation)
        )
        values = (delegation.giver, delegation.taker, since, until, text)
        self._write(PUT_DELEGATION, values)

    # --- the rest

    def set_meta(self, key: str, value: str) -> None:
        self._forget("meta", key)
        self._write(SET_META, (key, self.seal.close("meta", key, value)))

    def audit_cosign(self, size: int, line: str) -> None:
        keep_cosignature(self._batch.connection, size, line)

    def set_outbound(self, sink: str, next_seq: int) -> None:
        self._write(SET_OUTBOUND, (sink, next_seq))

    def forget(self, *, sessions: datetime, idempotency: datetime, windows: datetime, limit: int) -> int:
        return (
            self._write(FORGET_SESSIONS, (to_us(sessions), limit))
            + self._write(FORGET_KEYS, (to_us(idempotency), limit))
            + self._write(FORGET_AMOUNTS, (to_us(windows), limit))
        )

    def put_vaulted(self, rows: Sequence[Vaulted]) -> None:
        for row in rows:
            value = row.value
            self._write(PUT_VAULTED, (value.name, row.agent, value.sealed, to_us(value.expires)))

    def erase_vaulted(self, names: Sequence[str]) -> int:
        return self._write(ERASE_VAULTED, (_names(names),))

    def expire_vaulted(self, before: datetime, limit: int) -> int:
        return self._write(EXPIRE_VAULTED, (to_us(before), limit))

    def put_chat_ref(self, ref: ChatRef) -> None:
        self._write(PUT_CHAT_REF, (ref.request, ref.surface, ref.ref, ref.version))

    def enqueue(self, row: OutboxRow) -> None:
        self._batch.outbox.append((row.topic, row.key, codec.text_of(row.payload), to_us(row.due_at)))

    def append(self, draft: Draft) -> int:
        try:
            return self._batch.journal.append(self._batch.ledger, draft).seq
        except BaseException as fault:
            self._fault = fault
            raise

    def audit_rows(self, filter: AuditFilter) -> list[AuditRow]:
        self._batch.ledger.flush()
        return super().audit_rows(filter)

    def audit_row(self, seq: int) -> AuditRow | None:
        self._batch.ledger.flush()
        return super().audit_row(seq)

    def audit_from(self, seq: int, limit: int) -> list[AuditRow]:
        self._batch.ledger.flush()
        return super().audit_from(seq, limit)

    def requests_in_log(self, since: int, before: int) -> list[RequestId]:
        self._batch.ledger.flush()
        return super().requests_in_log(since, before)

    def audit_head(self) -> tuple[int, bytes]:
        head = self._batch.ledger.audit_head()
        return head.size, head.last_hash

    def _write(self, statement: str, values: Iterable[Any]) -> int:
        """Run *statement*; how many rows it touched."""
        try:
            return self._connection.execute(statement, tuple(values)).rowcount
        except sqlite3.IntegrityError as e:
            raise Conflict(str(e)) from e
        except sqlite3.Error as e:
            self._fault = translate(e)
            raise self._fault from e


def translate(error: sqlite3.Error) -> StoreFault:
    """What *error* means to a caller, chosen by SQLite's primary result code, never by its text."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Busy(f"the database is locked by somebody else ({name})")
    if code == sqlite3.SQLITE_FULL:
        return StoreFault(f"the disk is full ({name}); nothing was written")
    return StoreFault(f"the database failed ({name}); nothing was written")


def _names(names: Sequence[str]) -> str:
    """*names* as one JSON list: one statement for any number of them."""
    assert len(names) <= VAULT_NAMES_MAX
    return msgspec.json.encode(list(names)).decode()


def bounded(limit: int) -> int:
    return max(0, min(limit, PAGE_MAX))


def _audit_row(row: tuple[Any, ...]) -> AuditRow:
    seq, type, request, actor, action, resource, outcome, ts_us, leaf, leaf_hash = row
    return AuditRow(seq, type, request, actor, action, resource, outcome, from_us(ts_us), leaf, leaf_hash)
