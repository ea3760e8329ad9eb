"""``signoff keys``: list and rotate the key files. The server reads them at its start, so rotations end with a restart."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Annotated, Any

import typer

from adapters.keys.files import load as load_keys
from bot.cli._io import CONFIG, ConfigOption, JsonOption, Speaker
from bot.cli._keeping import keeper_of
from bot.cli._local import administer, opened
from bot.config import Config, load
from bot.custody import Rotated, rotate_keks
from bot.key_lock import using
from bot.rand import OsRand

family = typer.Typer(name="keys", help="The installation's own keys.", no_args_is_help=True)


class Kind(StrEnum):
    KEK = "kek"
    GRANT = "grant"
    MASK = "mask"
    AUDIT = "audit"
    MLDSA = "mldsa"


@family.command("list")
def list_(config: ConfigOption = CONFIG, is_json: JsonOption = False) -> None:
    """Ids of all keys, the current one of each kind first. Nothing secret."""
    found = load_keys(load(config).keys.directory, OsRand())
    data: dict[str, Any] = {
        "kek": [found.current_kek, *(id for id in found.keks if id != found.current_kek)],
        "grant": [found.current_kid, *(id for id in found.grants if id != found.current_kid)],
        "mask": [id for id, _ in reversed(found.mask)],
        "audit": [*reversed(found.ids("audit"))],
        "mldsa": [*reversed(found.ids("mldsa"))],
    }
    speaker = Speaker(is_json)
    rows = [(kind, id, "current" if n == 0 else "") for kind, ids in data.items() for n, id in enumerate(ids)]
    speaker.answer(data, speaker.table(("kind", "id", ""), rows))


@family.command("rotate")
def rotate(
    kind: Annotated[
        Kind,
        typer.Argument(
            help="kek: seals request bodies. grant: signs grants. mask: makes tokens. audit: signs the log's heads. mldsa: signs them again, hourly."
        ),
    ],
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Make a new key of this kind; the old ones keep opening and verifying. Restart the server to use it. With two audit keys every head
    is signed by both, until the old file is taken away; give auditors the new vkey (`signoff audit head`) before that."""
    new = administer(config, lambda bot: keeper_of(bot).add_key(kind.value))
    Speaker(is_json).answer(
        {"kind": kind.value, "id": new},
        f"The new {kind.value} key is {new}.",
        "Restart the server to use it; keep the old key file.",
    )


@family.command("rotate-kek")
def rotate_kek(config: ConfigOption = CONFIG, is_json: JsonOption = False) -> None:
    """Seal everything by a new key-encryption key and destroy the old ones: copies made before cannot be opened any more. The server
    must be stopped. If it is interrupted, run it again: it goes on where it was, and no key goes before nothing needs it."""
    done = asyncio.run(_rotate(load(config)))
    lines = [f"{done.rewrapped} data keys are now wrapped by {done.current}."]
    lines += [
        f"{id} is destroyed. Backups made before today cannot be opened with this key folder."
        for id in done.dropped
    ]
    if not done.forgotten:
        lines.append(
            "A reader kept the write-ahead log from being emptied; it is at the server's next quiet moment."
        )
    lines.append("Backups of the key folder still hold the old key: destroy those as well.")
    Speaker(is_json).answer(
        {
            "current": done.current,
            "rewrapped": done.rewrapped,
            "dropped": list(done.dropped),
            "forgotten": done.forgotten,
        },
        *lines,
    )


async def _rotate(settings: Config) -> Rotated:
    with using(settings.keys.directory, alone=True):
        keys = load_keys(settings.keys.directory, OsRand())
        if len(keys.keks) == 1:
            keys.add_kek()
        # Two keys: this is a rotation that was interrupted, or one that `keys rotate kek` began. It is finished first.
    async with opened(settings, alone=True) as bot:
        keeper = keeper_of(bot)
        return await rotate_keks(
            keeper, tuple(id for id in keeper.keys.keks if id != keeper.keys.current_kek)
        )
