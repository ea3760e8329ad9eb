"""The SQLite schema as numbered migrations, and the invariants as constraints and triggers.

A migration is never edited after a release: the next one follows it. The triggers repeat ``adapters.stores.rules``
in SQL, so that another process, or a bug in our Python, breaks no invariant: I1 (terminal states never change),
I2 (one counted vote a person), I4 (frozen fields), I5 (a grant spends once), I6 (votes and redemptions within time).
An attacker who owns the file can drop a trigger; against him stands the audit chain. Instants are microseconds
since 1970 (T38). The audit log's own tables come from ``audit.ledger_sqlite``.
"""

from __future__ import annotations

from typing import Final

from audit.ledger_sqlite import COSIGNATURES
from audit.ledger_sqlite import SCHEMA_STATEMENTS as AUDIT

_FIRST: Final[tuple[str, ...]] = (
    *AUDIT,
    # The high-water mark of time, and the number of the last committed batch, by which a commit whose answer
    # was an error is told apart from one that was not written (T44).
    """
CREATE TABLE store_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  mark_us INTEGER NOT NULL,
  batch INTEGER NOT NULL
) STRICT""",
    "INSERT INTO store_state VALUES (1, 0, 0)",
    """
CREATE TRIGGER store_state_forward BEFORE UPDATE ON store_state
WHEN NEW.mark_us < OLD.mark_us OR NEW.batch < OLD.batch
BEGIN SELECT RAISE(ABORT, 'store_state: time does not go back'); END""",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    # --- requests
    """
CREATE TABLE request (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  agent TEXT NOT NULL,
  payload_hash TEXT NOT NULL,
  decide_by_us INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'expired', 'cancelled')),
  version INTEGER NOT NULL CHECK (version >= 1),
  decided_us INTEGER,
  decided_by TEXT,
  reason TEXT NOT NULL,
  reminders_sent INTEGER NOT NULL,
  escalated INTEGER NOT NULL CHECK (escalated IN (0, 1)),
  next_due_us INTEGER,
  frozen TEXT NOT NULL
) STRICT""",
    "CREATE INDEX request_of_agent ON request (agent, id)",
    "CREATE INDEX request_pending ON request (id) WHERE state = 'pending'",
    "CREATE INDEX request_pending_of ON request (agent) WHERE state = 'pending'",
    "CREATE INDEX request_due ON request (next_due_us) WHERE state = 'pending' AND next_due_us IS NOT NULL",
    "CREATE INDEX request_denied ON request (agent, payload_hash, decided_us) WHERE state = 'denied'",
    """
CREATE TRIGGER request_begins BEFORE INSERT ON request
WHEN NEW.version <> 1
BEGIN SELECT RAISE(ABORT, 'request: begins at version 1'); END""",
    """
CREATE TRIGGER request_frozen BEFORE UPDATE OF n, id, agent, payload_hash, decide_by_us, frozen ON request
BEGIN SELECT RAISE(ABORT, 'request: frozen'); END""",
    """
CREATE TRIGGER request_terminal BEFORE UPDATE ON request
WHEN OLD.state <> 'pending' AND (NEW.state IS NOT OLD.state OR NEW.decided_us IS NOT OLD.decided_us
  OR NEW.decided_by IS NOT OLD.decided_by OR NEW.reason IS NOT OLD.reason)
BEGIN SELECT RAISE(ABORT, 'request: a decision never changes'); END""",
    """
CREATE TRIGGER request_version BEFORE UPDATE ON request
WHEN NEW.version NOT IN (OLD.version, OLD.version + 1) OR (NEW.state <> OLD.state AND NEW.version = OLD.version)
BEGIN SELECT RAISE(ABORT, 'request: a version moves by one'); END""",
    """
CREATE TRIGGER request_no_delete BEFORE DELETE ON request
BEGIN SELECT RAISE(ABORT, 'request: never removed'); END""",
    """
CREATE TABLE request_body (
  request TEXT PRIMARY KEY REFERENCES request (id),
  kek_id TEXT NOT NULL,
  wrapped_key BLOB NOT NULL,
  nonce BLOB NOT NULL,
  ciphertext BLOB NOT NULL
) STRICT""",
    """
CREATE TRIGGER request_body_frozen BEFORE UPDATE OF request, nonce, ciphertext ON request_body
BEGIN SELECT RAISE(ABORT, 'request_body: re-wrapped, never replaced'); END""",
    # --- votes
    """
CREATE TABLE vote (
  n INTEGER PRIMARY KEY,
  request TEXT NOT NULL REFERENCES request (id),
  person TEXT NOT NULL,
  choice TEXT NOT NULL CHECK (choice IN ('approve', 'deny')),
  payload_hash TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  withdrawn_us INTEGER,
  data TEXT NOT NULL
) STRICT""",
    "CREATE INDEX vote_of_request ON vote (request)",
    "CREATE UNIQUE INDEX vote_once ON vote (request, person) WHERE withdrawn_us IS NULL",
    """
CREATE TRIGGER vote_in_time BEFORE INSERT ON vote
WHEN NEW.withdrawn_us IS NOT NULL OR NOT EXISTS (
  SELECT 1 FROM request WHERE id = NEW.request AND state = 'pending'
  AND NEW.at_us < decide_by_us AND payload_hash = NEW.payload_hash)
BEGIN SELECT RAISE(ABORT, 'vote: only on an open request, in time, for its bytes'); END""",
    """
CREATE TRIGGER vote_frozen BEFORE UPDATE OF n, request, person, choice, payload_hash, at_us, data ON vote
BEGIN SELECT RAISE(ABORT, 'vote: frozen'); END""",
    """
CREATE TRIGGER vote_withdrawn BEFORE UPDATE OF withdrawn_us ON vote
WHEN OLD.withdrawn_us IS NOT NULL OR NEW.withdrawn_us IS NULL OR NOT EXISTS (
  SELECT 1 FROM request WHERE id = NEW.request AND state = 'pending' AND NEW.withdrawn_us < decide_by_us)
BEGIN SELECT RAISE(ABORT, 'vote: withdrawn once, while the request is open'); END""",
    """
CREATE TRIGGER vote_no_delete BEFORE DELETE ON vote
BEGIN SELECT RAISE(ABORT, 'vote: never removed'); END""",
    # --- grants
    """
CREATE TABLE grant_ (
  id TEXT PRIMARY KEY,
  request TEXT NOT NULL UNIQUE REFERENCES request (id),
  agent TEXT NOT NULL,
  payload_hash TEXT NOT NULL,
  issued_us INTEGER NOT NULL,
  use_by_us INTEGER NOT NULL CHECK (use_by_us > issued_us),
  state TEXT NOT NULL
    CHECK (state IN ('issued', 'redeemed', 'succeeded', 'failed', 'indeterminate', 'lapsed', 'revoked')),
  token TEXT NOT NULL,
  redeemed_us INTEGER,
  redemption_key TEXT,
  outcome_us INTEGER,
  outcome TEXT NOT NULL,
  frozen TEXT NOT NULL,
  CHECK (redeemed_us IS NOT NULL OR state IN ('issued', 'lapsed', 'revoked'))
) STRICT""",
    "CREATE INDEX grant_waiting ON grant_ (state, use_by_us, id)",
    """
CREATE TRIGGER grant_of_approved BEFORE INSERT ON grant_
WHEN NEW.state <> 'issued' OR NEW.redeemed_us IS NOT NULL OR NOT EXISTS (
  SELECT 1 FROM request WHERE id = NEW.request AND state = 'approved'
  AND agent = NEW.agent AND payload_hash = NEW.payload_hash)
BEGIN SELECT RAISE(ABORT, 'grant: only for an approved request and its bytes'); END""",
    """
CREATE TRIGGER grant_frozen BEFORE UPDATE OF id, request, agent, payload_hash, issued_us, use_by_us, frozen ON grant_
BEGIN SELECT RAISE(ABORT, 'grant: frozen'); END""",
    """
CREATE TRIGGER grant_moves BEFORE UPDATE ON grant_
WHEN (OLD.state || '>' || NEW.state) NOT IN (
  'issued>redeemed', 'issued>lapsed', 'issued>revoked', 'redeemed>succeeded', 'redeemed>failed',
  'redeemed>indeterminate', 'indeterminate>succeeded', 'indeterminate>failed')
BEGIN SELECT RAISE(ABORT, 'grant: does not move that way'); END""",
    """
CREATE TRIGGER grant_redeemed BEFORE UPDATE ON grant_
WHEN (NEW.state = 'redeemed'
    AND (NEW.redeemed_us IS NULL OR NEW.redeemed_us < NEW.issued_us OR NEW.redeemed_us >= NEW.use_by_us))
  OR (OLD.state <> 'issued'
    AND (NEW.redeemed_us IS NOT OLD.redeemed_us OR NEW.redemption_key IS NOT OLD.redemption_key))
BEGIN SELECT RAISE(ABORT, 'grant: redeemed once, within its time'); END""",
    """
CREATE TRIGGER grant_no_delete BEFORE DELETE ON grant_
BEGIN SELECT RAISE(ABORT, 'grant: never removed'); END""",
    # --- what intake remembers
    """
CREATE TABLE idempotency (
  n INTEGER PRIMARY KEY,
  agent TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  request TEXT NOT NULL REFERENCES request (id),
  at_us INTEGER NOT NULL,
  UNIQUE (agent, key)
) STRICT""",
    """
CREATE TABLE window_amount (
  n INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  amount REAL NOT NULL,
  request TEXT NOT NULL
) STRICT""",
    "CREATE INDEX window_of_name ON window_amount (name, at_us, amount)",
    # --- people and agents
    "CREATE TABLE agent (id TEXT PRIMARY KEY, data TEXT NOT NULL) STRICT",
    """
CREATE TABLE agent_owner (
  person TEXT NOT NULL,
  agent TEXT NOT NULL REFERENCES agent (id),
  PRIMARY KEY (person, agent)
) STRICT, WITHOUT ROWID""",
    "CREATE TABLE agent_key (id TEXT PRIMARY KEY, agent TEXT NOT NULL REFERENCES agent (id), data TEXT NOT NULL) STRICT",
    "CREATE INDEX agent_key_of ON agent_key (agent, id)",
    "CREATE TABLE person (id TEXT PRIMARY KEY, data TEXT NOT NULL) STRICT",
    "CREATE TABLE account (key TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES person (id), data TEXT NOT NULL) STRICT",
    "CREATE INDEX account_of ON account (person, key)",
    """
CREATE TABLE session (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL REFERENCES person (id),
  expires_us INTEGER NOT NULL,
  data TEXT NOT NULL
) STRICT""",
    "CREATE INDEX session_of ON session (person)",
    """
CREATE TABLE delegation (
  giver TEXT NOT NULL,
  taker TEXT NOT NULL,
  since_us INTEGER NOT NULL,
  until_us INTEGER NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (giver, taker)
) STRICT, WITHOUT ROWID""",
    # --- telling the outside
    """
CREATE TABLE chat_ref (
  request TEXT NOT NULL REFERENCES request (id),
  surface TEXT NOT NULL,
  ref TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (request, surface)
) STRICT, WITHOUT ROWID""",
    """
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  topic TEXT NOT NULL,
  key TEXT NOT NULL,
  payload TEXT NOT NULL,
  due_us INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  last_error TEXT NOT NULL,
  leased_us INTEGER
) STRICT""",
    "CREATE UNIQUE INDEX outbox_waiting ON outbox (topic, key) WHERE leased_us IS NULL",
    "CREATE INDEX outbox_leased ON outbox (topic, key) WHERE leased_us IS NOT NULL",
    "CREATE INDEX outbox_due ON outbox (due_us, id)",
)

_VAULT: Final[tuple[str, ...]] = (
    """
CREATE TABLE vault (
  name TEXT PRIMARY KEY,
  agent TEXT NOT NULL,
  sealed BLOB NOT NULL,
  expires_us INTEGER NOT NULL
) STRICT""",
    "CREATE INDEX vault_ends ON vault (expires_us)",
    """
CREATE TRIGGER vault_frozen BEFORE UPDATE ON vault
BEGIN SELECT RAISE(ABORT, 'vault: erased, never changed'); END""",
)

_CHANGE: Final = "BEGIN UPDATE roll SET revision = revision + 1 WHERE id = 1; END"
_ROLL: Final[tuple[str, ...]] = (
    # Counts changes of agents and their keys, whoever makes them, so that they may be kept in memory (T01).
    "CREATE TABLE roll (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL) STRICT",
    "INSERT INTO roll VALUES (1, 0)",
    f"CREATE TRIGGER roll_agent_added AFTER INSERT ON agent {_CHANGE}",
    f"CREATE TRIGGER roll_agent_changed AFTER UPDATE ON agent {_CHANGE}",
    f"CREATE TRIGGER roll_agent_removed AFTER DELETE ON agent {_CHANGE}",
    f"CREATE TRIGGER roll_key_added AFTER INSERT ON agent_key {_CHANGE}",
    f"CREATE TRIGGER roll_key_changed AFTER UPDATE ON agent_key {_CHANGE}",
    f"CREATE TRIGGER roll_key_removed AFTER DELETE ON agent_key {_CHANGE}",
)

MIGRATIONS: Final[tuple[tuple[int, tuple[str, ...]], ...]] = (
    (1, _FIRST),
    (2, COSIGNATURES),
    (3, _VAULT),
    (4, _ROLL),
)
"""``(number, statements)``, each run in one transaction with its own record in ``schema_migration``."""

LATEST: Final = MIGRATIONS[-1][0]
