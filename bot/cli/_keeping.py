"""What the commands that keep the log work with: the keeper of an opened bot, and persons by their tokens."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from bot.app import Bot
from bot.cli._io import CommandError
from bot.custody import Keeper
from bot.secret import Secret

TOKEN_ENV: Final = "SIGNOFF_TOKEN"  # noqa: S105  the name of a variable
TOKEN_BYTES_MAX: Final = 4_096


def keeper_of(bot: Bot) -> Keeper:
    config = bot.config
    return Keeper(bot.office, bot.desk, bot.store, bot.keys, config.audit_origin, config.audit.retention)


def token(file: Path | None) -> Secret | None:
    """A personal token from *file* (its owner's alone) or the environment; never from the command line, which others can see."""
    if file is None:
        text = os.environ.get(TOKEN_ENV, "")
        return Secret(text) if text else None
    try:
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise CommandError(f"{file} may be read by others; run chmod 600 {file}")
        with file.open("rb") as stream:
            return Secret(stream.read(TOKEN_BYTES_MAX).decode("ascii", "replace").strip())
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from None
