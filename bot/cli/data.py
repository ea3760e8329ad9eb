"""``signoff backup``: a consistent copy of the database while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.app import Bot
from bot.cli._io import CONFIG, CommandError, ConfigOption, JsonOption, Speaker
from bot.cli._local import administer


def add_to(app: typer.Typer) -> None:
    app.command("backup")(backup)


def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; must not exist.")],
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Copy the database (not the keys: without them the copy opens nothing; keep them elsewhere)."""
    if target.exists():
        raise CommandError(f"{target} exists, and a backup never overwrites")

    async def work(bot: Bot) -> tuple[int, bytes]:
        await bot.store.backup(str(target))
        return await bot.store.read(lambda tx: tx.audit_head())

    size, head = administer(config, work)
    Speaker(is_json).answer(
        {"file": str(target), "bytes": target.stat().st_size, "entries_at_least": size, "head": head.hex()},
        f"{target}: {target.stat().st_size} bytes. The keys are not in it; back up the key folder separately.",
    )
