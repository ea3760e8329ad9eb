"""``signoff audit verify``, apart from the rest: it must stay small while it walks a log of any size (AUDIT.md 4: 64 MB).

Decided here: what of an installation the walk over the live database is given besides the database: the log's keys, those of its witness, the head
file, the time-stamps and what opens the sealed values. Everything but the verifier is imported when it is needed, and the application never is.
"""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit import verdict as log
from audit.stamps import Tokens
from bot.cli._io import CONFIG, ConfigOption, JsonOption, Speaker, bar, shown

if TYPE_CHECKING:
    from adapters.keys.files import FileKeys

alone = typer.Typer(
    name="signoff", add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
"""The command line with this command only; the same words lead to it."""


def verify(
    target: Annotated[
        Path | None,
        typer.Argument(
            metavar="[BUNDLE]", help="An exported bundle or a database; default: the live database."
        ),
    ] = None,
    vkey: Annotated[
        list[str] | None, typer.Option(help="The log's public key (`signoff audit head`); may be repeated.")
    ] = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="A signed head that was kept elsewhere; may be repeated.")
    ] = None,
    expect_size: Annotated[
        int | None, typer.Option(min=0, help="Entries that must be there at least.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes that check; default: one for each core.")
    ] = None,
    bytes_only: Annotated[
        bool,
        typer.Option(
            help="Only hashes, tiles, heads and copies; not what the entries mean. Several times faster."
        ),
    ] = False,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Check every hash, link and signed head. A bundle needs no installation and no keys of ours, only --vkey."""
    live = _live(config) if target is None else None
    vkeys, heads = list(vkey or ()), list(checkpoint or ())
    if live is not None:
        target, vkeys, heads = live.path, vkeys or live.vkeys, [*heads, *live.heads]
    assert target is not None
    with bar("verifying", is_quiet=is_json) as told:
        said = log.verify(
            target,
            vkeys=vkeys,
            checkpoints=heads,
            expect_size=expect_size,
            progress=told,
            policies_of=_policies,
            processes=processes or os.cpu_count() or 1,
            bytes_only=bytes_only,
            tokens=live.tokens if live is not None else None,
            keks=live.keys if live is not None else None,
            no_head=live.no_head if live is not None else "",
        )
    Speaker(is_json).answer(said.facts, *(shown(line) for line in said.text.splitlines()))
    if said.code:
        raise typer.Exit(int(said.code))


@dataclass(frozen=True, slots=True)
class _Settings:
    """Of an installation's settings what the walk over its database needs."""

    audit_origin: str
    database: Path
    key_folder: Path
    head_file: Path | None
    witness: str | None
    tokens: Tokens | None


@dataclass(frozen=True, slots=True)
class _Live:
    """An installation's own database, and what its walk may look at."""

    path: Path
    vkeys: list[str]
    heads: list[Path]
    tokens: Tokens | None
    keys: FileKeys
    no_head: str
    """Why there is no head kept outside, when there should be one."""


def _live(config: Path) -> _Live:
    from adapters.keys.files import load
    from bot.log_keys import vkeys_of
    from bot.rand import OsRand

    # What reads and judges settings takes as much memory as the walk, and gives none of it back: it has a process of its own.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        settings = pool.submit(_settings, config).result()
    keys, head = load(settings.key_folder, OsRand()), settings.head_file
    return _Live(
        settings.database,
        [*vkeys_of(keys, settings), *([settings.witness] if settings.witness is not None else [])],
        [head] if head is not None and head.exists() else [],
        settings.tokens,
        keys,
        f"truncation cannot be excluded: audit.head_file names {head}, and no head is there: none was written yet, or it was taken away. "
        "A running server writes one; so does signoff audit keep-head"
        if head is not None
        else "",
    )


def _settings(config: Path) -> _Settings:
    from bot.config import load

    settings = load(config)
    anchors = settings.audit.anchors
    stamped, witness = anchors.timestamp, anchors.witness
    return _Settings(
        settings.audit_origin,
        settings.store.path,
        settings.keys.directory,
        settings.audit.head_file,
        witness.vkey if witness is not None else None,
        Tokens(stamped.directory, stamped.ca_file) if stamped is not None else None,
    )


def _policies(connection: sqlite3.Connection) -> dict[str, tuple[bytes, bytes]]:
    from bot.log_keys import stored_policies

    return stored_policies(connection)


_audit = typer.Typer(name="audit")
_audit.command("verify")(verify)
alone.add_typer(_audit)


@_audit.callback()
def _root() -> None:
    """Read, prove, export and verify the audit log."""
