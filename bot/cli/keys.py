"""``signoff keys``: list and rotate the key files. The server reads them at its start, so rotations end with a restart."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from adapters.keys.files import load as load_keys
from bot.cli._io import CONFIG, ConfigOption, JsonOption, Speaker
from bot.config import load
from bot.rand import OsRand

family = typer.Typer(name="keys", help="The installation's own keys.", no_args_is_help=True)


class Kind(StrEnum):
    KEK = "kek"
    GRANT = "grant"


@family.command("list")
def list_(config: ConfigOption = CONFIG, is_json: JsonOption = False) -> None:
    """Ids of all keys, the current one of each kind first. Nothing secret."""
    found = load_keys(load(config).keys.directory, OsRand())
    data: dict[str, Any] = {
        "kek": [found.current_kek, *(id for id in found.keks if id != found.current_kek)],
        "grant": [found.current_kid, *(id for id in found.grants if id != found.current_kid)],
    }
    speaker = Speaker(is_json)
    rows = [(kind, id, "current" if n == 0 else "") for kind, ids in data.items() for n, id in enumerate(ids)]
    speaker.answer(data, speaker.table(("kind", "id", ""), rows))


@family.command("rotate")
def rotate(
    kind: Annotated[Kind, typer.Argument(help="kek: seals request bodies. grant: signs grants.")],
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Make a new key of this kind; the old ones keep opening and verifying. Restart the server to use it."""
    found = load_keys(load(config).keys.directory, OsRand())
    changed = found.add_kek() if kind is Kind.KEK else found.add_grant_key()
    new = changed.current_kek if kind is Kind.KEK else changed.current_kid
    Speaker(is_json).answer(
        {"kind": kind.value, "id": new},
        f"The new {kind.value} key is {new}.",
        "Restart the server to use it; keep the old key file.",
    )
