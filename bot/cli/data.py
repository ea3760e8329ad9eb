"""``signoff backup`` and ``restore``: a copy while it runs, and the way back that revives nothing (T48).

Decided here: the order of a restore. The server must be stopped; the lost database is kept as evidence, never overwritten; its epoch is
read so that the new one is above it; the copy is voided (``adapters.stores.sqlite_restore``) before it takes its place; and the head that was
kept outside is answered by a ``log.restored`` entry that names it, so that the start-up check passes and everybody can see why.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

import typer

from adapters.stores.sqlite import SqliteStore
from adapters.stores.sqlite_restore import Restored
from adapters.stores.sqlite_restore import restore as restore_store
from audit.checkpoint import BadNote, Checkpoint, Verifier, open_checkpoint
from audit.entry import Actor, Draft
from audit.gate import difference, is_excused, restored
from audit.reader import NotInLog, Reader
from audit.rotation import check_rotation, followed, rotation_entry
from bot import mint
from bot.app import Bot, assemble, row_mac
from bot.cli._io import CONFIG, CommandError, ConfigOption, JsonOption, Speaker
from bot.cli._local import administer
from bot.config import Config, load
from bot.core.facts import Fact
from bot.desk.admin import journal
from bot.log_check import connect_read_only, recalled
from bot.log_keys import log_keys
from bot.ports import Tx

SUFFIXES: Final = ("", "-wal", "-shm")


def add_to(app: typer.Typer) -> None:
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; must not exist.")],
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Copy the database (not the keys: without them the copy opens nothing; keep them elsewhere). The log says that it was done."""
    if target.exists():
        raise CommandError(f"{target} exists, and a backup never overwrites")

    async def work(bot: Bot) -> tuple[int, bytes]:
        # First, so that the copy says that it is one, and no copy is made that the log does not know of.
        await bot.store.write(
            lambda tx: journal(bot.office, tx, Fact.AUDIT_EXPORTED, None, {"command": "backup"})
        )
        await bot.store.backup(str(target))
        return await bot.store.read(lambda tx: tx.audit_head())

    size, head = administer(config, work)
    Speaker(is_json).answer(
        {"file": str(target), "bytes": target.stat().st_size, "entries_at_most": size, "head": head.hex()},
        f"{target}: {target.stat().st_size} bytes. The keys are not in it; back up the key folder separately.",
    )


def restore(
    backup: Annotated[Path, typer.Argument(metavar="FILE", help="A file made by `signoff backup`.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without this the plan is printed and nothing is done.")
    ] = False,
    epoch_at_least: Annotated[
        int,
        typer.Option(
            min=0, help="An epoch above every one ever used, when the lost database cannot be read."
        ),
    ] = 0,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Put a backup back: pending requests are cancelled, unspent grants revoked, sessions ended. The server must be stopped."""
    settings = load(config)
    if not backup.is_file():
        raise CommandError(f"there is no backup at {backup}")
    plan = [
        f"The lost database {settings.store.path} is moved aside (kept as evidence).",
        f"{backup} takes its place, under a new epoch: grants issued before are void.",
        "Pending requests are cancelled, unspent grants revoked, sessions ended, unsent messages dropped.",
        "The difference to the head kept outside is written into the log (log.restored).",
    ]
    if not yes:
        Speaker(is_json).answer(
            {"done": False, "plan": plan}, *plan, "", "Nothing was done. To do it, add --yes."
        )
        return
    _must_be_stopped(settings)
    answer = asyncio.run(_restore(settings, backup, epoch_at_least))
    result = answer.result
    lines = [
        f"Restored, epoch {result.epoch}: {result.cancelled} requests cancelled, {result.revoked} grants revoked, {result.sessions_ended} sessions ended.",
        f"The lost database is {answer.kept}." if answer.kept else "There was no database before.",
        "Agent keys and personal tokens that were revoked since the backup are valid again. Look at each one:",
        "  signoff agents list · signoff people list",
        *(f"  key {key}" for key in result.keys_to_review),
    ]
    Speaker(is_json).answer(
        {
            "done": True, "epoch": result.epoch, "cancelled": result.cancelled, "revoked": result.revoked,
            "sessions_ended": result.sessions_ended, "keys_to_review": list(result.keys_to_review),
            "lost_database": str(answer.kept) if answer.kept else None, "head_answered": answer.head_answered,
        },
        *lines,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Answer:
    result: Restored
    kept: Path | None
    head_answered: bool


async def _restore(config: Config, backup: Path, epoch_at_least: int) -> _Answer:
    bot = assemble(config)
    now = log_keys(bot.keys, config)
    in_backup = _rotations_in(backup, is_copy=True)
    stated = _rotations_in(config.store.path) + in_backup
    known = (*now, *followed(now, stated))
    _must_be_believed(backup, known, config)
    heads = await _kept_heads(config, bot, known)
    gone = {verifier.vkey for verifier in known}
    restated = [
        fact
        for fact in reversed(stated)
        if fact not in in_backup and fact.get("old_vkey") in gone and check_rotation(fact)
    ]
    journal = bot.store.journal
    lost_epoch = _epoch_of(config.store.path)
    kept = _move_aside(config.store.path, bot.office.clock.now())
    try:
        result = await restore_store(
            backup,
            config.store.path,
            bot.office.clock,
            journal,
            bot.office.rand,
            epoch_at_least=max(epoch_at_least, lost_epoch + 1),
            mac=row_mac(bot.keys),
        )
    except BaseException:
        if kept is not None and not config.store.path.exists():
            _move_back(kept, config.store.path)
        raise
    answered = await _answer_heads(bot, heads, restated)
    return _Answer(result, kept, answered)


async def _answer_heads(
    bot: Bot, heads: Mapping[str, Checkpoint], rotations: Sequence[Mapping[str, object]]
) -> bool:
    """Write ``log.restored`` for each head kept outside that the database contradicts; then keep the new head in the file.

    *rotations* are changes of the log's key that the backup is too old to know: stated again, so that what it holds is under keys
    which the present one vouches for.
    """
    store: SqliteStore = bot.store
    await store.open()
    who = Actor("system", "operator", "cli")
    try:
        for fact in rotations:
            now = bot.office.clock.now()
            id = mint.entry_id(now, bot.office.rand)
            await store.write(partial(_append, rotation_entry(id, fact, who, now)))
        contradicted = False
        for anchor, head in heads.items():
            with closing(connect_read_only(store)) as connection:
                reader = Reader(connection)
                if difference(reader, head) is None or is_excused(connection, head):
                    continue
                now = bot.office.clock.now()
                draft = restored(mint.entry_id(now, bot.office.rand), who, now, reader, head, anchor)
            await store.write(partial(_append, draft))
            contradicted = True
        if bot.head_file is not None:
            with closing(connect_read_only(store)) as connection:
                bot.head_file.replace(Reader(connection).latest_note()[1])
        return contradicted
    finally:
        await store.close()


def _append(draft: Draft, tx: Tx) -> None:
    tx.append(draft)


async def _kept_heads(config: Config, bot: Bot, known: Sequence[Verifier]) -> dict[str, Checkpoint]:
    """The head that each anchor remembers, where it can be asked and believed."""
    heads = {}
    for name, note in (await recalled([plan.anchor for plan in bot.audit.plans])).items():
        if note is not None:
            try:
                heads[name] = open_checkpoint(note, known, config.audit_origin)
            except BadNote as error:
                raise CommandError(
                    f"the head kept by {name} cannot be believed ({error}); find out who changed it before restoring"
                ) from None
    return heads


def _rotations_in(path: Path, *, is_copy: bool = False) -> list[dict[str, object]]:
    """What a database states of the log's keys; nothing when it cannot be read. It need not be believed: both keys signed each statement."""
    with suppress(sqlite3.Error), closing(_read_only(path, is_copy=is_copy)) as connection:
        return Reader(connection).rotations()
    return []


def _read_only(path: Path, *, is_copy: bool = False) -> sqlite3.Connection:
    """*is_copy*: nobody writes to it, and nothing is put beside it."""
    fixed = "&immutable=1" if is_copy else ""
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro{fixed}", uri=True)


def _must_be_believed(backup: Path, known: Sequence[Verifier], config: Config) -> None:
    """A log goes on under keys that vouch for what it holds. A backup that cannot be read is found by the restore itself."""
    with (
        suppress(sqlite3.Error, NotInLog),
        closing(_read_only(backup, is_copy=True)) as connection,
    ):
        try:
            open_checkpoint(Reader(connection).latest_note()[1], known, config.audit_origin)
        except BadNote as error:
            raise CommandError(
                f"the newest head in {backup} cannot be believed ({error}): it is another log's, or the log's key was changed since and nothing here "
                f"says so any more; put the audit key of its time back into {config.keys.directory}"
            ) from None


def _must_be_stopped(config: Config) -> None:
    family = socket.AF_INET6 if ":" in config.server.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(2)
        with suppress(OSError):
            sock.connect((config.server.host, config.server.port))
            raise CommandError(
                f"something listens on {config.server.host}:{config.server.port}; stop the server first"
            )


def _epoch_of(path: Path) -> int:
    """The lost database's epoch; 0 when it cannot be read."""
    try:
        with closing(_read_only(path)) as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
            return int(str(row[0]).partition("\n")[0]) if row else 0  # behind it stands the seal
    except (sqlite3.Error, ValueError, TypeError):
        return 0


def _move_aside(path: Path, now: datetime) -> Path | None:
    if not path.exists():
        return None
    first = kept = path.with_name(f"{path.name}.lost-{now:%Y%m%dT%H%M%SZ}")
    for number in itertools.count(2):
        if not kept.exists():
            break
        kept = first.with_name(f"{first.name}-{number}")
    for suffix in SUFFIXES:
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(kept.with_name(kept.name + suffix))
    return kept


def _move_back(kept: Path, path: Path) -> None:
    for suffix in SUFFIXES:
        part = kept.with_name(kept.name + suffix)
        if part.exists():
            part.rename(path.with_name(path.name + suffix))
