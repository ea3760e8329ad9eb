"""The log's public keys, and the policies that its database kept: what every check of the log is given, without the application."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Protocol

from adapters.stores.seal import RowSeal
from audit.checkpoint import Verifier, parse_vkey
from audit.reader import Reader
from audit.rotation import followed
from bot.kept_policies import META_POLICY_KEPT, kept_of

if TYPE_CHECKING:
    from adapters.keys.files import FileKeys


class Named(Protocol):
    """Settings that say what the log is called."""

    @property
    def audit_origin(self) -> str: ...


def log_keys(keys: FileKeys, config: Named) -> tuple[Verifier, ...]:
    """Every key that may have signed this log's heads."""
    return tuple(parse_vkey(vkey) for vkey in vkeys_of(keys, config))


def past_keys(keys: FileKeys, config: Named, connection: sqlite3.Connection) -> tuple[Verifier, ...]:
    """As ``log_keys``, and those before them whose files are gone: heads that were kept elsewhere in their time are believed."""
    now = log_keys(keys, config)
    return (*now, *followed(now, Reader(connection).rotations()))


def vkeys_of(keys: FileKeys, config: Named) -> list[str]:
    """The log's public keys, those of the first signature first."""
    signers = [signer.vkey for signer in keys.log_signers(config.audit_origin)]
    return signers + [signer.vkey for signer in keys.second_signers(config.audit_origin)]


def stored_policies(connection: sqlite3.Connection) -> dict[str, tuple[bytes, bytes]]:
    """Every policy that was ever in force here, by its hash."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is None:
        return {}
    rows = connection.execute("SELECT key, value FROM meta WHERE key GLOB ?", (META_POLICY_KEPT + "*",))
    # Each is held against the hash in the log, so the seal behind it is taken off unread.
    unsealed = RowSeal(None)
    return kept_of((key, unsealed.open("meta", key, value)) for key, value in rows)
