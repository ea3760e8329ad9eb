"""The log's tables in SQLite, and ``LedgerTx`` over a plain ``sqlite3`` connection.

The store that owns the transaction calls this with its own connection: nothing here
begins, commits or rolls back. The triggers that refuse UPDATE and DELETE are hygiene
against accidents; the proof is the chain and the signed heads (an attacker who owns the
file can drop a trigger). Rows below the pruning mark are the one exception.
"""

import sqlite3
from base64 import b64decode
from collections.abc import Sequence
from typing import Final

from audit.chain import GENESIS, HASH_BYTES
from audit.journal import DisclosureRow, Head, HeadMoved, JournalError, LeafRow, SecretKey

COSIGNATURES: Final[tuple[str, ...]] = (
    # Signatures that came later than the head: the log's second one, and those of witnesses.
    """
CREATE TABLE IF NOT EXISTS audit_cosignature (
  size INTEGER NOT NULL REFERENCES audit_checkpoint (size),
  signer TEXT NOT NULL,
  line TEXT NOT NULL,
  PRIMARY KEY (size, signer)
) STRICT, WITHOUT ROWID""",
    """
CREATE TRIGGER IF NOT EXISTS audit_cosignature_no_update BEFORE UPDATE ON audit_cosignature
BEGIN SELECT RAISE(ABORT, 'audit_cosignature: append only'); END""",
    """
CREATE TRIGGER IF NOT EXISTS audit_cosignature_no_delete BEFORE DELETE ON audit_cosignature
BEGIN SELECT RAISE(ABORT, 'audit_cosignature: append only'); END""",
)

SCHEMA_STATEMENTS: Final[tuple[str, ...]] = (
    """
CREATE TABLE IF NOT EXISTS audit_leaf (
  seq INTEGER PRIMARY KEY CHECK (seq >= 0),
  req TEXT,
  type TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT,
  resource TEXT,
  outcome TEXT NOT NULL,
  ts_us INTEGER NOT NULL,
  leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32),
  leaf BLOB NOT NULL CHECK (length(leaf) <= 65535)
) STRICT""",
    # seq is the rowid, so each index holds it: these answer queries without the table.
    "CREATE INDEX IF NOT EXISTS audit_leaf_req ON audit_leaf (req) WHERE req IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS audit_leaf_type ON audit_leaf (type)",
    "CREATE INDEX IF NOT EXISTS audit_leaf_actor ON audit_leaf (actor)",
    "CREATE INDEX IF NOT EXISTS audit_leaf_action ON audit_leaf (action) WHERE action IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS audit_leaf_resource ON audit_leaf (resource) WHERE resource IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS audit_leaf_outcome ON audit_leaf (outcome)",
    """
CREATE TABLE IF NOT EXISTS audit_head (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  size INTEGER NOT NULL CHECK (size >= 0),
  last_hash BLOB NOT NULL CHECK (length(last_hash) = 32),
  stack BLOB NOT NULL CHECK (length(stack) % 32 = 0),
  last_ts_us INTEGER NOT NULL
) STRICT""",
    "INSERT OR IGNORE INTO audit_head VALUES (1, 0, zeroblob(32), x'', 0)",
    """
CREATE TABLE IF NOT EXISTS audit_tile (
  level INTEGER NOT NULL CHECK (level BETWEEN 0 AND 63),
  n INTEGER NOT NULL CHECK (n >= 0),
  hashes BLOB NOT NULL CHECK (length(hashes) = 8192),
  root BLOB NOT NULL CHECK (length(root) = 32),
  PRIMARY KEY (level, n)
) STRICT""",
    "CREATE TABLE IF NOT EXISTS audit_checkpoint (size INTEGER PRIMARY KEY CHECK (size > 0), note TEXT NOT NULL) STRICT",
    """
CREATE TABLE IF NOT EXISTS audit_secret_key (
  key_scope TEXT PRIMARY KEY,
  kek_id TEXT NOT NULL,
  wrapped_dek BLOB NOT NULL,
  hold INTEGER NOT NULL DEFAULT 0 CHECK (hold IN (0, 1))
) STRICT""",
    """
CREATE TABLE IF NOT EXISTS audit_disclosure (
  id TEXT PRIMARY KEY,
  seq INTEGER NOT NULL,
  key_scope TEXT NOT NULL,
  name TEXT NOT NULL,
  nonce BLOB NOT NULL,
  ciphertext BLOB NOT NULL
) STRICT""",
    "CREATE INDEX IF NOT EXISTS audit_disclosure_scope ON audit_disclosure (key_scope)",
    "CREATE INDEX IF NOT EXISTS audit_disclosure_seq ON audit_disclosure (seq)",
    # Leaves below the mark may be removed (tlog-tiles minimum index). The mark never falls.
    "CREATE TABLE IF NOT EXISTS audit_retention (id INTEGER PRIMARY KEY CHECK (id = 1), minimum INTEGER NOT NULL, stack BLOB NOT NULL) STRICT",
    "INSERT OR IGNORE INTO audit_retention VALUES (1, 0, x'')",
    """
CREATE TABLE IF NOT EXISTS audit_outbound (
  sink TEXT PRIMARY KEY,
  next_seq INTEGER NOT NULL CHECK (next_seq >= 0),
  state TEXT NOT NULL
) STRICT""",
    """
CREATE TRIGGER IF NOT EXISTS audit_leaf_once BEFORE INSERT ON audit_leaf
WHEN EXISTS (SELECT 1 FROM audit_leaf WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'audit_leaf: an entry is written once'); END""",
    """
CREATE TRIGGER IF NOT EXISTS audit_leaf_no_update BEFORE UPDATE ON audit_leaf
BEGIN SELECT RAISE(ABORT, 'audit_leaf: append only'); END""",
    """
CREATE TRIGGER IF NOT EXISTS audit_leaf_no_delete BEFORE DELETE ON audit_leaf
WHEN OLD.seq >= (SELECT minimum FROM audit_retention WHERE id = 1)
BEGIN SELECT RAISE(ABORT, 'audit_leaf: append only'); END""",
    """
CREATE TRIGGER IF NOT EXISTS audit_checkpoint_no_update BEFORE UPDATE ON audit_checkpoint
BEGIN SELECT RAISE(ABORT, 'audit_checkpoint: append only'); END""",
    """
CREATE TRIGGER IF NOT EXISTS audit_checkpoint_no_delete BEFORE DELETE ON audit_checkpoint
BEGIN SELECT RAISE(ABORT, 'audit_checkpoint: append only'); END""",
    """
CREATE TRIGGER IF NOT EXISTS audit_tile_no_update BEFORE UPDATE ON audit_tile
BEGIN SELECT RAISE(ABORT, 'audit_tile: append only'); END""",
    """
CREATE TRIGGER IF NOT EXISTS audit_tile_no_delete BEFORE DELETE ON audit_tile
BEGIN SELECT RAISE(ABORT, 'audit_tile: append only'); END""",
    """
CREATE TRIGGER IF NOT EXISTS audit_head_no_delete BEFORE DELETE ON audit_head
BEGIN SELECT RAISE(ABORT, 'audit_head: never removed'); END""",
    """
CREATE TRIGGER IF NOT EXISTS audit_head_forward BEFORE UPDATE ON audit_head
WHEN NEW.size < OLD.size OR NEW.last_ts_us < OLD.last_ts_us
BEGIN SELECT RAISE(ABORT, 'audit_head: moves forward only'); END""",
    """
CREATE TRIGGER IF NOT EXISTS audit_retention_forward BEFORE UPDATE ON audit_retention
WHEN NEW.minimum < OLD.minimum
BEGIN SELECT RAISE(ABORT, 'audit_retention: moves forward only'); END""",
    *COSIGNATURES,
)

SCHEMA: Final = ";\n".join(SCHEMA_STATEMENTS) + ";\n"
"""For ``executescript``; a store that migrates statement by statement uses the tuple."""

_HEAD: Final = "SELECT size, last_hash, stack, last_ts_us FROM audit_head WHERE id = 1"
_SET_HEAD: Final = (
    "UPDATE audit_head SET size = ?, last_hash = ?, stack = ?, last_ts_us = ? WHERE id = 1 AND size = ?"
)
_ADD_LEAF: Final = (
    "INSERT INTO audit_leaf (seq, leaf, leaf_hash, req, type, actor, action, resource, outcome, ts_us)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ADD_CHECKPOINT: Final = (
    "INSERT INTO audit_checkpoint (size, note) VALUES (?, ?) ON CONFLICT (size) DO NOTHING"
)
_ADD_COSIGNATURE: Final = "INSERT INTO audit_cosignature (size, signer, line) VALUES (?, ?, ?) ON CONFLICT (size, signer) DO NOTHING"
NOTE: Final = (
    "audit_checkpoint.note || coalesce((SELECT group_concat(line, '') FROM"
    " (SELECT line FROM audit_cosignature WHERE size = audit_checkpoint.size ORDER BY signer)), '')"
)
"""A head with all signatures that it has got, in SQL."""

_ADD_TILE: Final = "INSERT INTO audit_tile (level, n, hashes, root) VALUES (?, ?, ?, ?)"
_ADD_DISCLOSURE: Final = (
    "INSERT INTO audit_disclosure (id, seq, key_scope, name, nonce, ciphertext) VALUES (?, ?, ?, ?, ?, ?)"
)
_LEAF_HASHES: Final = "SELECT leaf_hash FROM audit_leaf WHERE seq >= ? AND seq < ? ORDER BY seq"
_TILE_ROOTS: Final = "SELECT root FROM audit_tile WHERE level = ? AND n >= ? AND n < ? ORDER BY n"
_KEY: Final = "SELECT key_scope, kek_id, wrapped_dek, hold FROM audit_secret_key WHERE key_scope = ?"
_ADD_KEY: Final = "INSERT INTO audit_secret_key (key_scope, kek_id, wrapped_dek, hold) VALUES (?, ?, ?, ?)"


class SqliteLedger:
    """``LedgerTx`` for whatever transaction *connection* has open. Writes through, caches nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def audit_head(self) -> Head:
        row = self.connection.execute(_HEAD).fetchone()
        if row is None:
            raise JournalError("the audit head is missing: run `signoff audit verify`")
        size, last_hash, stack, last_ts_us = row
        return Head(size, last_hash, split_stack(stack), last_ts_us)

    def audit_insert_leaves(self, rows: Sequence[LeafRow]) -> None:
        self.connection.executemany(_ADD_LEAF, rows)

    def audit_set_head(self, expected_size: int, head: Head) -> None:
        values = (head.size, head.last_hash, b"".join(head.stack), head.last_ts_us, expected_size)
        if self.connection.execute(_SET_HEAD, values).rowcount != 1:
            raise HeadMoved(f"the head is no longer at {expected_size}")

    def audit_insert_checkpoint(self, size: int, note: str) -> None:
        self.connection.execute(_ADD_CHECKPOINT, (size, note))

    def audit_insert_tile(self, level: int, index: int, hashes: bytes, root: bytes) -> None:
        self.connection.execute(_ADD_TILE, (level, index, hashes, root))

    def audit_tree_nodes(self, level: int, start: int, count: int) -> list[bytes]:
        if level == 0:
            rows = self.connection.execute(_LEAF_HASHES, (start, start + count))
        else:
            rows = self.connection.execute(_TILE_ROOTS, (level - 1, start, start + count))
        nodes = [row[0] for row in rows]
        if len(nodes) != count:
            raise JournalError(f"level {level} of the tree has a hole after {start}")
        return nodes

    def audit_insert_disclosures(self, rows: Sequence[DisclosureRow]) -> None:
        self.connection.executemany(_ADD_DISCLOSURE, rows)

    def audit_secret_key(self, key_scope: str) -> SecretKey | None:
        row = self.connection.execute(_KEY, (key_scope,)).fetchone()
        return None if row is None else SecretKey(row[0], row[1], row[2], bool(row[3]))

    def audit_insert_secret_key(self, key: SecretKey) -> None:
        self.connection.execute(_ADD_KEY, (key.key_scope, key.kek_id, key.wrapped_dek, int(key.hold)))


def keep_cosignature(connection: sqlite3.Connection, size: int, line: str) -> None:
    """Keep a signature *line* over the head of *size*; the same signer's second keeps the first."""
    _, name, encoded = line.split(" ")
    connection.execute(_ADD_COSIGNATURE, (size, f"{name}+{b64decode(encoded)[:4].hex()}", line))


def split_stack(stack: bytes) -> tuple[bytes, ...]:
    """The hashes of a compact range stored as one blob, largest subtree first."""
    return tuple(stack[i : i + HASH_BYTES] for i in range(0, len(stack), HASH_BYTES))


EMPTY_HEAD: Final = Head(0, GENESIS, (), 0)
