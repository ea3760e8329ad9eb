"""Erasing what the log committed to: hold, shred, and the rotation that ends old copies.

Each call runs in the caller's write transaction, which also appends the entry that says it
happened. After the commit the caller runs ``scrub``: SQLite keeps deleted bytes in its
write-ahead log and, without ``secure_delete``, in free pages. Copies made before (backups, a
write-ahead log shipped elsewhere) become unreadable when the key-encryption key they were
wrapped with is destroyed: rotate it at least every thirty days (AUDIT.md 2.5).
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from audit.disclosure import KEY_BYTES, DisclosureError, KeyWrap, Opened, open_row, rewrap
from audit.entry import Rand
from audit.journal import DisclosureRow, SecretKey
from audit.ledger_sqlite import SqliteLedger

DIGESTS_LISTED_MAX: Final = 256
"""Digests named in one ``payload.shredded`` entry; beyond it the count says the rest."""

_ROWS: Final = "SELECT id, seq, key_scope, name, nonce, ciphertext FROM audit_disclosure WHERE key_scope = ? ORDER BY seq, name"


class Held(Exception):
    """A legal hold stands on this scope: nothing of it may be destroyed."""


@dataclass(frozen=True, slots=True)
class Shredded:
    """What was destroyed, as the ``payload.shredded`` entry records it."""

    key_scope: str
    count: int
    digests: tuple[str, ...]
    had_key: bool


def set_hold(
    connection: sqlite3.Connection, key_scope: str, keks: KeyWrap, rand: Rand, *, hold: bool
) -> None:
    """Put a scope on hold, or release it. A scope without a key yet gets one, so that the hold stands."""
    ledger = SqliteLedger(connection)
    if ledger.audit_secret_key(key_scope) is None:
        ledger.audit_insert_secret_key(SecretKey(key_scope, keks.current, keks.wrap(rand(KEY_BYTES)), hold))
    else:
        connection.execute("UPDATE audit_secret_key SET hold = ? WHERE key_scope = ?", (int(hold), key_scope))


def shred(connection: sqlite3.Connection, key_scope: str, keks: KeyWrap, origin: str) -> Shredded:
    """Destroy the data key and the ciphertexts of *key_scope*; ``Held`` when a hold stands.

    A second time destroys nothing and says so (``count`` 0, ``had_key`` False).
    """
    key = SqliteLedger(connection).audit_secret_key(key_scope)
    if key is not None and key.hold:
        raise Held(f"{key_scope} is on legal hold: release the hold first")
    rows = [DisclosureRow(*row) for row in connection.execute(_ROWS, (key_scope,))]
    digests = _digests(rows[:DIGESTS_LISTED_MAX], key, keks, origin)
    connection.execute("DELETE FROM audit_disclosure WHERE key_scope = ?", (key_scope,))
    connection.execute("DELETE FROM audit_secret_key WHERE key_scope = ?", (key_scope,))
    return Shredded(key_scope, len(rows), digests, key is not None)


def _digests(
    rows: Sequence[DisclosureRow], key: SecretKey | None, keks: KeyWrap, origin: str
) -> tuple[str, ...]:
    """Which commitments lose their opening. A row that does not open any more is erased all the same."""
    found = []
    for row in rows:
        try:
            found.append(open_row(row, key, keks, origin).digest if key else "")
        except DisclosureError:
            continue
    return tuple(d for d in found if d)


def scrub(connection: sqlite3.Connection) -> None:
    """Make SQLite forget deleted bytes: overwrite free pages and empty the write-ahead log.

    Outside a transaction, after the commit of ``shred`` or ``rotate_keks``. Raises when readers
    keep the log from being emptied: then the bytes are still there, and it must run again.
    """
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("VACUUM")
    row = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if row is not None and row[0]:
        raise DisclosureError(
            "the write-ahead log is still being read; erased bytes are still in it: scrub again"
        )


def rotate_keks(connection: sqlite3.Connection, keks: KeyWrap) -> int:
    """Wrap every data key with the current key-encryption key; how many were re-wrapped.

    Only after this has committed may the old key-encryption key be destroyed. A data key that
    does not unwrap stops the rotation: nothing is lost silently.
    """
    rows = connection.execute(
        "SELECT key_scope, kek_id, wrapped_dek, hold FROM audit_secret_key WHERE kek_id <> ?", (keks.current,)
    ).fetchall()
    for scope, kek_id, wrapped, hold in rows:
        fresh = rewrap(SecretKey(scope, kek_id, wrapped, bool(hold)), keks)
        connection.execute(
            "UPDATE audit_secret_key SET kek_id = ?, wrapped_dek = ? WHERE key_scope = ?",
            (fresh.kek_id, fresh.wrapped_dek, scope),
        )
    return len(rows)


def disclose_entry(
    connection: sqlite3.Connection, seq: int, names: Sequence[str] | None, keks: KeyWrap, origin: str
) -> list[Opened]:
    """The values of entry *seq* that are still readable, of *names* or all. The caller journals the reading first."""
    ledger, opened = SqliteLedger(connection), []
    rows = connection.execute(
        "SELECT id, seq, key_scope, name, nonce, ciphertext FROM audit_disclosure WHERE seq = ? ORDER BY name",
        (seq,),
    )
    for row in rows.fetchall():
        key = ledger.audit_secret_key(row[2])
        if key is not None and (names is None or row[3] in names):
            opened.append(open_row(DisclosureRow(*row), key, keks, origin))
    return opened
