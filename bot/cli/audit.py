"""``signoff audit``: what the log says, and whether it is whole. Reads only."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Annotated

import typer

from adapters.anchors.headfile import HeadFile
from adapters.keys.files import load as load_keys
from audit.checkpoint import BadNote, open_checkpoint
from audit.fsck import verify_database
from audit.walk import Exit as AuditExit
from bot.app import Bot
from bot.cli._io import CONFIG, CommandError, ConfigOption, Exit, JsonOption, Speaker, shown
from bot.cli._local import administer
from bot.config import load
from bot.log_check import log_keys
from bot.ports import AuditFilter
from bot.rand import OsRand

family = typer.Typer(name="audit", help="Read and verify the audit log.", no_args_is_help=True)


@family.command("verify")
def verify(config: ConfigOption = CONFIG, is_json: JsonOption = False) -> None:
    """Walk the whole log of the live database: every hash, every link, every signed head, and the head kept outside."""
    import asyncio

    settings = load(config)
    if not settings.store.path.exists():
        raise CommandError(f"{settings.store.path} does not exist")
    verifiers = log_keys(load_keys(settings.keys.directory, OsRand()), settings)
    head = settings.audit.head_file
    note = asyncio.run(HeadFile(head).recall()) if head is not None else None
    try:
        external = (open_checkpoint(note, verifiers, settings.audit_origin),) if note is not None else ()
    except BadNote as error:
        raise CommandError(f"the head file {head} cannot be believed: {error}", Exit.FINDINGS) from None
    with closing(sqlite3.connect(f"file:{settings.store.path}?mode=ro", uri=True)) as connection:
        report = verify_database(connection, verifiers=verifiers, external=external)
    is_whole = report.exit is AuditExit.OK
    findings = [{"check": f.check, "seq": f.seq, "text": f.text} for f in report.findings]
    lines = [f"{report.size} entries; {'the log is whole' if is_whole else f'{len(findings)} findings'}."]
    lines += [f"  {f['check']} at {f['seq']}: {shown(f['text'])}" for f in findings]
    lines += [f"  note: {note}" for note in report.notes]
    Speaker(is_json).answer(
        {"ok": is_whole, "size": report.size, "findings": findings, "notes": list(report.notes)}, *lines
    )
    if not is_whole:
        raise typer.Exit(Exit.FINDINGS)


@family.command("recent")
def recent(
    limit: Annotated[int, typer.Option(min=1, max=500)] = 20,
    type_: Annotated[
        str, typer.Option("--type", help="Only entries of this type, such as decision.approved.")
    ] = "",
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """The newest entries, newest first."""

    async def work(bot: Bot) -> list[dict[str, object]]:
        rows = await bot.store.read(lambda tx: tx.audit_rows(AuditFilter(type=type_ or None, limit=limit)))
        return [
            {
                "seq": row.seq, "at": row.at.isoformat(), "type": row.type, "actor": row.actor, "request": row.request,
                "action": row.action, "outcome": row.outcome,
            }
            for row in rows
        ]  # fmt: skip

    found = administer(config, work)
    speaker = Speaker(is_json)
    columns = ("seq", "at", "type", "actor", "request", "outcome")
    speaker.answer(
        {"entries": found}, speaker.table(columns, [[row[name] for name in columns] for row in found])
    )
