"""``signoff inbox``, ``delegate`` and ``help``: the words of chat that are one's own, over the HTTP API with a personal access token.

The words are those of ``/signoff`` in Slack and Teams (``delegate bo until 3d``), and the server asks the desk the same, so that
the log has the same entries. Deliberately absent: any rule of who may.
"""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from bot.chat.answers import parse_until
from bot.cli._io import CommandError, Exit, JsonOption, Speaker, shown
from bot.cli.http import Api
from bot.cli.request import URL, TokenFileOption, UrlOption, credential
from bot.clock import SystemClock
from bot.core.ids import person_id

_USAGE: Final = "write: signoff delegate PERSON until WHEN, for example signoff delegate bo until 3d"
_WHEN: Final = "say until when: 3d, 12h or 2026-12-01 (its end, UTC), at most 30 days"
_PARTS: Final = (
    ("waiting", "Waiting for you", "Nothing waits for you."),
    ("mine", "Asked by your agents", "Nothing was asked."),
    ("decided", "Decided lately", "Nothing was decided lately."),
)


def add_to(app: typer.Typer) -> None:
    app.command("inbox")(inbox)
    app.command("delegate")(delegate)
    app.command("help")(help_)


def inbox(url: UrlOption = URL, token_file: TokenFileOption = None, is_json: JsonOption = False) -> None:
    """What waits for you, what your agents asked, what was decided lately."""
    said = Api(url, credential("SIGNOFF_TOKEN", token_file)).get("/v1/inbox")
    speaker = Speaker(is_json)
    lines: list[Any] = []
    if said["frozen"] is not None:
        lines += [
            f"APPROVALS ARE FROZEN since {_when(said['frozen']['at'])}: {shown(said['frozen']['reason'])}",
            "",
        ]
    for key, heading, empty in _PARTS:
        items = said[key]
        lines.append(f"{heading} ({len(items)})")
        lines += [_table(speaker, items), ""] if items else [f"  {empty}", ""]
    lines.append(
        "There is more than is listed here; the console has it."
        if said["is_cut"]
        else "Look at one: signoff show REQUEST. Decide: signoff vote REQUEST approve|deny."
    )
    speaker.answer(said, *lines)


def _table(speaker: Speaker, items: list[dict[str, Any]]) -> Any:
    rows = [
        (
            one["request"],
            one["action"],
            one["resource"] or "(no name)",
            one["agent"],
            "decide by" if one["state"] == "pending" else one["state"],
            _when(one["decide_by"] if one["state"] == "pending" else one["decided_at"] or one["decide_by"]),
            f"{one['seats_filled']} of {one['seats_total']}",
            sum(one["hidden"].values()),
        )
        for one in items
    ]
    columns = ("request", "action", "on", "agent", "", "at (UTC)", "votes", "hidden")
    return speaker.table(columns, rows, whole=("request", "", "at (UTC)", "votes"))


def delegate(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="PERSON until WHEN", help="WHEN: 3d, 12h or 2026-12-01.")
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="You are back: what stands ends now.")] = False,
    url: UrlOption = URL,
    token_file: TokenFileOption = None,
    is_json: JsonOption = False,
) -> None:
    """Let somebody sit in your groups while you are away (at most 30 days); one person at a time."""
    if end:
        if words:
            raise CommandError("write: signoff delegate --end, and nothing else", Exit.USAGE)
        api = Api(url, credential("SIGNOFF_TOKEN", token_file))
        Speaker(is_json).answer(api.post("/v1/delegation/end", {}), "Nobody sits in your place now.")
        return
    if words is None or len(words) != 3 or words[1] != "until":
        raise CommandError(_USAGE, Exit.USAGE)
    try:
        taker = person_id(words[0].removeprefix("@"))
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE) from None
    until = parse_until(words[2], SystemClock().now())
    if until is None:
        raise CommandError(_WHEN, Exit.USAGE)
    api = Api(url, credential("SIGNOFF_TOKEN", token_file))
    said = api.post("/v1/delegation", {"to": taker, "until": until.isoformat()})
    Speaker(is_json).answer(
        said,
        f"{shown(said['to'])} may sit in your groups until {_when(said['until'])} UTC. End it with: signoff delegate --end",
    )


def help_(
    context: typer.Context,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]", help="Such as: delegate, or audit show.")
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """What there is, or what one command takes."""
    found = context.find_root()
    path = "signoff"
    for word in command or []:
        commands: dict[str, Any] = getattr(found.command, "commands", {})
        if word not in commands:
            near = difflib.get_close_matches(word[:40], list(commands), n=1, cutoff=0.5)
            hint = f"Did you mean {path} {near[0]}?" if near else f"{path} --help lists what there is."
            raise CommandError(f"there is no such command. {hint}", Exit.USAGE)
        path = f"{path} {word}"
        found = typer.Context(commands[word], info_name=word, parent=found)
    text = found.get_help()
    Speaker(is_json).answer({"command": path, "help": text}, text)


def _when(text: str | None) -> str:
    """An instant of the API, to the minute, UTC."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M") if text is not None else ""
