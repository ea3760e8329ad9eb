"""``signoff audit hold``, ``release``, ``shred``, ``prune``: keeping the log (``bot.custody`` decides)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from adapters.anchors.headfile import HeadFile
from bot.app import Bot
from bot.cli._io import CONFIG, CommandError, ConfigOption, JsonOption, Speaker
from bot.cli._keeping import keeper_of, token
from bot.cli._local import administer, opened
from bot.config import load
from bot.core.people import Actor
from bot.custody import Basis, Keeper
from bot.log_check import check_whole
from bot.secret import Secret

T = TypeVar("T")
ScopeArgument = Annotated[
    str,
    typer.Argument(metavar="SCOPE", help="A request (req_...) or a person (person:NAME, or the pseudonym)."),
]
TokenOption = Annotated[
    Path | None,
    typer.Option(
        help="A file with your personal token, so that the log names you and not the operator. Or SIGNOFF_TOKEN."
    ),
]


def add_to(family: typer.Typer) -> None:
    for command in (hold, release, shred, prune):
        family.command(command.__name__)(command)
    family.command("keep-head")(keep_head)


def hold(
    scope: ScopeArgument,
    token_file: TokenOption = None,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Put a request or a person on legal hold: nothing of it may be destroyed until the hold is released."""
    _hold(scope, token_file, config, is_json, on=True)


def release(
    scope: ScopeArgument,
    token_file: TokenOption = None,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Release a legal hold."""
    _hold(scope, token_file, config, is_json, on=False)


def _hold(scope: str, token_file: Path | None, config: Path, is_json: bool, *, on: bool) -> None:
    changed = _keep(config, token_file, lambda keeper, by: keeper.hold(scope, by, on=on))
    words = "on hold" if on else "no longer on hold"
    Speaker(is_json).answer(
        {"scope": scope, "hold": on, "changed": changed},
        f"{scope} is {words}." if changed else f"{scope} was {words} already; nothing was changed.",
    )


def shred(
    scope: ScopeArgument,
    basis: Annotated[Basis, typer.Option(help="The legal basis, as the log will say it.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without this it is said what would go, and nothing is done.")
    ] = False,
    token_file: TokenOption = None,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Destroy what is private about one request or one person. The log stays whole and says that it happened. Cannot be undone."""
    speaker = Speaker(is_json)
    if not yes:
        speaker.answer(
            {"done": False, "scope": scope, "basis": basis.value},
            f"The private values of {scope} would be destroyed for ever, and "
            f"{'the name and accounts' if scope.startswith(('person:', 'p_')) else 'the sealed body of the request'}.",
            "Nothing was done. To do it, add --yes.",
        )
        return
    done = _keep(config, token_file, lambda keeper, by: keeper.shred(scope, basis, by))
    speaker.answer(
        {
            "done": True, "scope": done.scope, "basis": basis.value, "values": done.values, "body": done.body,
            "accounts": done.accounts, "entry": done.seq, "forgotten": done.forgotten,
        },
        f"Destroyed: {done.values} private value{'' if done.values == 1 else 's'}{', the request body' if done.body else ''}"
        f"{f', the name and {done.accounts} accounts' if done.scope.startswith('person:') else ''} (entry {done.seq}).",
        "Copies made before today can be opened until the key-encryption key is rotated: `signoff keys rotate-kek`.",
        *([] if done.forgotten else ["A reader kept the write-ahead log from being emptied; run this again in a moment."]),
    )  # fmt: skip
    if not done.forgotten:
        raise typer.Exit(1)


def prune(
    keep_since: Annotated[
        datetime | None, typer.Option(help="First person: keep every entry from this day on, UTC.")
    ] = None,
    confirm: Annotated[
        int | None, typer.Option(min=1, help="Second person: the entry number that the proposal names.")
    ] = None,
    token_file: TokenOption = None,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Remove the oldest entries when their time is over. Takes two administrators with a personal token each: one proposes with
    --keep-since, another confirms with --confirm within a day. Export the log before; hashes and heads stay."""
    speaker = Speaker(is_json)
    if keep_since is not None and confirm is None:
        since = keep_since.replace(tzinfo=UTC) if keep_since.tzinfo is None else keep_since.astimezone(UTC)
        made = _keep(config, token_file, lambda keeper, by: keeper.propose_pruning(since, _someone(by)))
        speaker.answer(
            {"proposed": made.minimum, "until": made.until},
            f"Entries 0 to {made.minimum - 1} would be removed. Another administrator confirms before {made.until:%Y-%m-%d %H:%M} UTC:",
            f"  signoff audit prune --confirm {made.minimum}",
        )
    elif confirm is not None and keep_since is None:
        mark = confirm
        done = _keep(config, token_file, lambda keeper, by: keeper.confirm_pruning(mark, _someone(by)))
        speaker.answer(
            {"minimum": done.minimum, "removed": done.removed, "entry": done.seq},
            f"{done.removed} entries are removed; the log begins at entry {done.minimum} (entry {done.seq} says so).",
        )
    else:
        raise CommandError("give either --keep-since DAY (to propose) or --confirm NUMBER (to confirm)")


def keep_head(
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(
            help="A signed head that was kept elsewhere, which the log must contain; may be repeated."
        ),
    ] = None,
    token_file: TokenOption = None,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Write the newest signed head into the head file again after that file was lost. Checks the whole log first and does nothing when
    anything is wrong; without --checkpoint it cannot know whether the log's end was cut off while the file was away."""
    settings = load(config)
    file = settings.audit.head_file
    if file is None:
        raise CommandError("audit.head_file is off; there is no file to write")

    async def work() -> int:
        async with opened(settings, checked=False) as bot:
            keeper, secret = keeper_of(bot), token(token_file)
            by = await keeper.person_by_token(secret.reveal()) if secret is not None else None
            await check_whole(
                bot.store, bot.keys, settings, [path.read_text("utf-8") for path in checkpoint or ()]
            )
            return await keeper.keep_head(HeadFile(file), by)

    try:
        size = asyncio.run(work())
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"a head cannot be read: {error}") from None
    lines = [f"{file} holds the head of {size} entries."]
    if not checkpoint:
        lines.append("No head from elsewhere was compared, so a cut end would not have been seen.")
    Speaker(is_json).answer({"head_file": str(file), "size": size, "compared": len(checkpoint or ())}, *lines)


def _someone(by: Actor | None) -> Actor:
    if by is None:
        raise CommandError(
            "pruning needs to know who you are: give --token-file FILE or SIGNOFF_TOKEN (`signoff people token` makes one)"
        )
    return by


def _keep(path: Path, file: Path | None, work: Callable[[Keeper, Actor | None], Awaitable[T]]) -> T:
    secret: Secret | None = token(file)

    async def run(bot: Bot) -> T:
        keeper = keeper_of(bot)
        by = await keeper.person_by_token(secret.reveal()) if secret is not None else None
        return await work(keeper, by)

    return administer(path, run)
