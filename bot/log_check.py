"""Is the log whole? At start-up (a database older than its outside memory must not run, T47) and when an auditor asks.

Decided here: which heads the database is held against (the head file; when the server starts, every anchor that can be asked) and
with which keys they were signed. Deliberately absent: the
checks themselves (``audit.gate``, ``audit.fsck``). Both read over a connection of their own, off the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Final

from adapters.anchors.headfile import HeadFile
from adapters.keys.files import FileKeys
from adapters.stores.sqlite import SqliteStore
from audit.checkpoint import BadNote, Checkpoint, Verifier, open_checkpoint
from audit.fsck import verify_database
from audit.gate import Refusal, examine
from audit.walk import Exit, Report
from bot.anchoring import kept_by
from bot.config import Config
from bot.desk.service import Verifier as LogVerifier
from bot.errors import ConfigError, SignoffError
from bot.log_keys import log_keys, past_keys, stored_policies
from bot.log_library import LogLibrary
from bot.ports import Anchor

RECALL_SECONDS: Final = 10

_log: Final = logging.getLogger(__name__)


def connect_read_only(store: SqliteStore) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{store.path}?mode=ro", uri=True, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    return connection


def library_of(store: SqliteStore, keys: FileKeys, config: Config) -> LogLibrary:
    """What the chats' and the console's proofs, exports, gaps and reports are read from."""
    return LogLibrary(lambda: connect_read_only(store), log_keys(keys, config), config.audit_origin)


async def check_head(store: SqliteStore, anchors: Sequence[Anchor], keys: FileKeys, config: Config) -> None:
    """Raise ``ConfigError`` when the database is not the one whose head *anchors* remember, or is damaged at its edge."""
    remembered = await recalled(anchors)

    def look() -> list[Refusal]:
        with closing(connect_read_only(store)) as connection:
            return examine(connection, remembered, log_keys(keys, config), config.audit_origin)

    refusals = await asyncio.to_thread(look)
    if not refusals and remembered.get(HeadFile.name, "") is None:
        gone = await missing_head(store, config)
        if gone is not None:
            raise ConfigError(gone)
    if refusals:
        told = "; ".join(refusal.text for refusal in refusals)
        raise ConfigError(
            f"the audit log does not pass the start-up check: {told}. If a backup was put back on purpose, run "
            "`signoff restore` (it writes the difference down); otherwise keep everything as it is and find out who changed it"
        )


async def missing_head(store: SqliteStore, config: Config) -> str | None:
    """What to say when the head file is gone though this log was kept in it. Whoever puts an older database back and takes the
    file away must not look like a new installation (T47)."""
    file = config.audit.head_file
    if file is None or await HeadFile(file).recall() is not None:
        return None
    kept = await store.read(lambda tx: kept_by(tx, HeadFile.name).size)
    if not kept:
        return None
    return (
        f"the head file {file} is gone, though the log's first {kept} entries were kept in it: without it a rollback is not "
        "seen. Put the file back where it was (or correct audit.head_file); if it is lost, compare the log with a head "
        "from elsewhere and run `signoff audit keep-head`"
    )


async def recalled(anchors: Sequence[Anchor]) -> dict[str, str | None]:
    """What each of *anchors* remembers. One that cannot be asked is left out and said so: whether the server starts must not hang on
    somebody else's server, and the others still speak."""

    async def ask(anchor: Anchor) -> tuple[str, str | None] | None:
        try:
            async with asyncio.timeout(RECALL_SECONDS):
                return anchor.name, await anchor.recall()
        except (SignoffError, TimeoutError):
            _log.warning("an anchor cannot be asked for the head it remembers", extra={"kind": anchor.name})
            return None

    return dict(found for found in await asyncio.gather(*map(ask, anchors)) if found is not None)


def walked(
    connection: sqlite3.Connection, verifiers: Sequence[Verifier], external: Sequence[Checkpoint]
) -> Report:
    """Every check of the live database, under the policies that it keeps, against the heads *external*."""
    return verify_database(
        connection, verifiers=verifiers, external=external, policies=stored_policies(connection)
    )


async def check_whole(store: SqliteStore, keys: FileKeys, config: Config, notes: Sequence[str]) -> None:
    """The whole walk against the heads *notes*; ``ConfigError`` with the first finding when anything is wrong."""

    def walk() -> str | None:
        with closing(connect_read_only(store)) as connection:
            known = past_keys(keys, config, connection)
            try:
                external = tuple(open_checkpoint(note, known, config.audit_origin) for note in notes)
            except BadNote as error:
                raise ConfigError(f"a head cannot be believed: {error}") from None
            report = walked(connection, log_keys(keys, config), external)
        return report.findings[0].text if report.findings else None

    found = await asyncio.to_thread(walk)
    if found is not None:
        raise ConfigError(f"the log does not verify: {found}; run `signoff audit verify` for all of it")


def verifier_of(store: SqliteStore, keys: FileKeys, config: Config) -> LogVerifier:
    """The whole walk, against the head file as well, for the console's and the chat's *verify*."""
    head_file = HeadFile(config.audit.head_file) if config.audit.head_file is not None else None

    async def verify() -> tuple[bool, str]:
        note = await head_file.recall() if head_file is not None else None

        def walk() -> tuple[bool, str]:
            with closing(connect_read_only(store)) as connection:
                known = past_keys(keys, config, connection)
                try:
                    external = (
                        (open_checkpoint(note, known, config.audit_origin),) if note is not None else ()
                    )
                except BadNote:
                    return False, "the head kept outside the database cannot be believed"
                report = walked(connection, log_keys(keys, config), external)
            if report.exit is Exit.OK:
                return True, ""
            return False, f"{len(report.findings)} findings; run `signoff audit verify` for each"

        return await asyncio.to_thread(walk)

    return verify
