"""What the keeper of the log does to the embedded store: holds, erasure, pruning, re-wrapping. One transaction each.

Each function works inside the caller's write transaction, which also appends the entry that says so (I7). Deliberately absent:
who may do it, and the entry (``bot.custody``). What is deleted here is overwritten in the file by ``secure_delete`` and leaves the
write-ahead log when it is emptied after the commit; ``SqliteStore.forget_deleted`` waits for that.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

import msgspec

from adapters.stores import codec
from adapters.stores.sqlite_tx import SqliteTx, translate
from audit import erasure, retention
from audit.disclosure import KeyWrap, rewrap
from audit.entry import Actor, Draft
from audit.entry import Rand as Bytes
from audit.erasure import Shredded
from audit.journal import SecretKey
from audit.ledger_sqlite import SqliteLedger
from bot.core.ids import PersonId, RequestId
from bot.core.people import AgentKey, KeyKind
from bot.ports import Sealed, Tx

ERASED: Final = "(erased)"
"""What stands where a person's name stood."""
_SCOPES: Final = "SELECT key_scope, kek_id, wrapped_dek, hold FROM audit_secret_key WHERE kek_id <> ? ORDER BY key_scope LIMIT ?"
_SET_SCOPE: Final = "UPDATE audit_secret_key SET kek_id = ?, wrapped_dek = ? WHERE key_scope = ?"
_AGENT_KEYS: Final = "SELECT id, data FROM agent_key ORDER BY id"
_ACCOUNTS: Final = "DELETE FROM account WHERE person = ?"
_WRAPPED: Final = (
    "SELECT kek_id, count(*) FROM request_body GROUP BY kek_id",
    "SELECT kek_id, count(*) FROM audit_secret_key GROUP BY kek_id",
)


class Keks(KeyWrap, Protocol):
    """Key-encryption keys that seal bodies as well."""

    def rewrap(self, sealed: Sealed) -> Sealed: ...


def is_held(tx: Tx, scope: str) -> bool:
    key = SqliteLedger(_raw(tx)).audit_secret_key(scope)
    return key is not None and key.hold


def set_hold(tx: Tx, scope: str, keks: Keks, rand: Bytes, *, hold: bool) -> bool:
    """Put *scope* on hold, or release it; whether that changed anything."""
    if is_held(tx, scope) is hold:
        return False
    erasure.set_hold(_raw(tx), scope, keks, rand, hold=hold)
    return True


def shred(tx: Tx, scope: str, keks: Keks, origin: str, body: RequestId | None) -> Shredded:
    """Destroy the data key and the ciphertexts of *scope*, and the sealed body of *body*. ``audit.erasure.Held`` on hold."""
    connection = _raw(tx)
    done = erasure.shred(connection, scope, keks, origin)
    if body is not None:
        tx.shred_body(body)
    _forgets(tx)
    return done


def forget_person(tx: Tx, id: PersonId) -> int:
    """Take name and accounts of *id* away; how many accounts. The pseudonym stays, so that the log still tells people apart.
    The caller has ended the person's sessions."""
    person = tx.person(id)
    if person is None:
        return 0
    tx.put_person(replace(person, name=ERASED, groups=frozenset()))
    try:
        gone = _raw(tx).execute(_ACCOUNTS, (id,)).rowcount
    except sqlite3.Error as e:
        raise translate(e) from e
    _forgets(tx)
    return gone


def prune(tx: Tx, minimum: int, asked: Actor, confirmed: Actor, id: str, now: datetime) -> Draft:
    """Remove every leaf below *minimum* (``audit.retention``); the caller appends the draft in this transaction."""
    draft = retention.prune(_raw(tx), minimum, asked, confirmed, id, now)
    _forgets(tx)
    return draft


def prune_mark(tx: Tx, keep_since: datetime) -> int:
    return retention.mark_for(_raw(tx), keep_since)


def rewrap_some(tx: Tx, keks: Keks, limit: int) -> int:
    """Wrap up to *limit* bodies, up to *limit* data keys and all signing secrets by the current kek; how many were.

    ``KeyUnavailable`` or ``DisclosureError`` when one does not unwrap: nothing is lost silently."""
    bodies = tx.bodies_outside(keks.current, limit)
    for request, sealed in bodies:
        tx.rewrap_body(request, keks.rewrap(sealed))
    connection = _raw(tx)
    scopes = [
        SecretKey(a, b, c, bool(d)) for a, b, c, d in connection.execute(_SCOPES, (keks.current, limit))
    ]
    for scope in scopes:
        fresh = rewrap(scope, keks)
        connection.execute(_SET_SCOPE, (fresh.kek_id, fresh.wrapped_dek, fresh.key_scope))
    secrets = 0
    for key, sealed in _signing_secrets(tx):
        if sealed.kek_id != keks.current:
            tx.put_agent_key(replace(key, mac=msgspec.msgpack.encode(keks.rewrap(sealed))))
            secrets += 1
    if scopes or secrets:
        _forgets(tx)
    return len(bodies) + len(scopes) + secrets


def wrapped_by(tx: Tx) -> Counter[str]:
    """How many data keys each kek wraps: of bodies, of the log's private values, of agents' signing secrets."""
    connection, found = _raw(tx), Counter[str]()
    for statement in _WRAPPED:
        for kek, count in connection.execute(statement):
            found[kek] += count
    for _, sealed in _signing_secrets(tx):
        found[sealed.kek_id] += 1
    return found


def _signing_secrets(tx: Tx) -> Iterator[tuple[AgentKey, Sealed]]:
    assert isinstance(tx, SqliteTx), "this module is SQLite's"
    for id, data in tx.connection.execute(_AGENT_KEYS).fetchall():
        key = codec.read_agent_key(tx.seal.open("agent_key", id, data))
        if key.kind is KeyKind.HMAC:
            yield key, msgspec.msgpack.decode(key.mac, type=Sealed)


def _raw(tx: Tx) -> sqlite3.Connection:
    assert isinstance(tx, SqliteTx), "this module is SQLite's"
    return tx.connection


def _forgets(tx: Tx) -> None:
    assert isinstance(tx, SqliteTx), "this module is SQLite's"
    tx.forgets()
