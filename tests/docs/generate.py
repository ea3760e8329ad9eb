"""Writes the pages that are made from code: ``python -m tests.docs.generate`` (``make docs``). Tests compare them."""

from __future__ import annotations

import typing
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import typer.main

from bot.chat.commands import SPECS
from bot.cli import app
from bot.cli._io import Exit
from bot.config import Config
from bot.core import duration
from bot.core.reasons import SENTENCES, Reason
from bot.secret import Secret
from masking import detect

DOCS = Path(__file__).parents[2] / "docs"
HEAD = "<!-- made by `make docs`; do not edit -->\n\n"


def config_page() -> str:
    lines = [
        "# Settings\n",
        "One YAML file, `signoff.yaml`. Every key is optional unless it says *required*. An unknown or misspelt key stops the start and the",
        "message names the nearest right one. Paths are relative to the file. Durations carry their unit (`90s`, `30m`, `12h`, `7d`). A *secret*",
        "never stands in the file: write `KEY: env:NAME`, or `KEY_file: PATH` with a file that only its owner can read.\n",
    ]
    _section(Config, "", lines)
    return HEAD + "\n".join(lines).rstrip() + "\n"


def _section(struct: type[msgspec.Struct], path: str, lines: list[str]) -> None:
    hints = typing.get_type_hints(struct, include_extras=True)
    plain, below = [], []
    for field in msgspec.structs.fields(struct):
        inner, is_list = _inner(hints[field.name])
        if inner is not None:
            below.append((f"{path}{field.name}{'[]' if is_list else ''}", inner, _about(hints[field.name])))
        else:
            plain.append((field, hints[field.name]))
    if plain:
        lines += ["| key | meaning | default |", "|---|---|---|"]
        for field, hint in plain:
            name = f"`{path}{field.name}`"
            about = _about(hint) or "see above"
            lines.append(f"| {name} | {about.replace('|', '/')} | {_default(field, hint)} |")
        lines.append("")
    for name, inner, about in below:
        doc = _first(inner)
        lines += [f"## {name}" if "." not in name else f"### {name}", "", doc or about, ""]
        _section(inner, f"{name}.", lines)


def _inner(hint: Any) -> tuple[type[msgspec.Struct] | None, bool]:
    """The struct below a hint, and whether there is a list of them."""
    while typing.get_origin(hint) is typing.Annotated:
        hint = typing.get_args(hint)[0]
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint, False
    is_list = typing.get_origin(hint) in (list, tuple)
    for arg in typing.get_args(hint):
        found, _ = _inner(arg) if arg is not type(None) and arg is not Ellipsis else (None, False)
        if found is not None:
            return found, is_list
    return None, False


def _about(hint: Any) -> str:
    if typing.get_origin(hint) is not typing.Annotated:
        return ""
    return next(
        (
            note.description
            for note in typing.get_args(hint)[1:]
            if isinstance(note, msgspec.Meta) and note.description
        ),
        "",
    )


def _first(struct: type) -> str:
    return " ".join((struct.__doc__ or "").split()).replace("``", "`")


def _default(field: Any, hint: Any) -> str:
    secret = " (secret)" if Secret in _types(hint) else ""
    if field.required:
        return f"*required*{secret}"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value is None or value == "":
        return f"none{secret}"
    if isinstance(value, timedelta):
        return f"`{duration.show(value)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list | tuple | dict):
        return f"`[{', '.join(map(str, value))}]`" if value else "none"
    return f"`{value}`"


def _types(hint: Any) -> set[Any]:
    return {hint}.union(
        *(_types(arg) for arg in typing.get_args(hint) if not isinstance(arg, msgspec.Meta | str))
    )


WORDS_OF_CHAT = {
    ("signoff", "inbox"): ("inbox", "signoff inbox"),
    ("signoff", "show"): ("show", "signoff show REQUEST"),
    ("signoff", "policy"): ("policy show", "signoff policy show [WORD]"),
    ("signoff", "freeze"): ("freeze", "signoff freeze REASON"),
    ("signoff", "unfreeze"): ("unfreeze", "signoff unfreeze"),
    ("signoff", "delegate"): ("delegate", "signoff delegate PERSON until WHEN"),
    ("signoff", "link"): ("people link", "signoff people link PERSON ACCOUNT"),
    ("signoff", "help"): ("help", "signoff help [COMMAND]"),
    ("audit", "recent"): ("audit recent", "signoff audit recent [--before SEQ]"),
    ("audit", "show"): ("audit show", "signoff audit show ID"),
    ("audit", "who"): ("audit who", "signoff audit who @PERSON"),
    ("audit", "search"): ("audit search", "signoff audit search type:… actor:… since:…"),
    ("audit", "prove"): ("audit prove", "signoff audit prove SEQ"),
    ("audit", "export"): ("audit export", "signoff audit export FROM TO FORMAT"),
    ("audit", "gaps"): ("audit gaps", "signoff audit gaps"),
    ("audit", "report"): ("audit report", "signoff audit report [FRAMEWORK FILE]"),
    ("audit", "head"): ("audit head", "signoff audit head"),
    ("audit", "verify"): ("audit verify", "signoff audit verify"),
    ("audit", "help"): ("help", "signoff help audit"),
}
"""The command that answers a word of chat: its name, and how it is written."""


def cli_page() -> str:
    lines = [
        "# Commands\n",
        "Every command works without a terminal, takes `--json` where it answers something, finds its configuration by `--config`, by",
        "`SIGNOFF_CONFIG`, or as `signoff.yaml` in the current folder, and ends with one of these codes:\n",
        "| code | means |",
        "|---|---|",
    ]
    meaning = {
        Exit.OK: "done; for `request` and `run`: approved",
        Exit.FAILED: "not done; the sentence on stderr says why and what to do",
        Exit.USAGE: "wrong options",
        Exit.DENIED: "denied",
        Exit.EXPIRED: "expired",
        Exit.PENDING: "still pending when the wait was over",
        Exit.CANCELLED: "cancelled",
        Exit.FINDINGS: "`doctor`, `policy test`, `policy simulate` or `break-glass list` found something",
        Exit.BROKEN: "a mistake in the program",
    }
    lines += [f"| {int(code)} | {meaning[code]} |" for code in Exit]
    lines += [
        "",
        "`audit verify` has its own: 0 whole, 1 tampered with, 2 could not be checked to the end, 3 wrong use. `run` ends with its command's own.",
        "",
        "With `--json`, wrong options are one JSON object on stderr (`type` is `usage`, `detail` says what is wrong), and any other error is",
        '`{"error": …}` on stdout beside the sentence on stderr.',
        "",
        "## The words of chat",
        "",
        "What `/signoff` and `/audit` answer in Slack and Teams is answered here too. `inbox`, `show`, `policy show` and `delegate` ask the running",
        "server with your personal access token (`SIGNOFF_TOKEN`, or `--token-file`); the others are the operator's, on the server's own host, and",
        "are written into the log as the operator's. `link` alone differs: a code from the console is typed *in chat*, which proves both; here an",
        "administrator proposes the link and its person confirms it. What `recent`, `search`, `who` and `show` print is first held, entry by entry,",
        "against the newest signed head.",
        "",
        "| in chat | here |",
        "|---|---|",
        *(
            f"| `/{family} {SPECS[family][word].usage}` | `{written}` |"
            for (family, word), (_, written) in WORDS_OF_CHAT.items()
        ),
        "",
    ]
    for name, command in commands():
        lines += [f"## signoff {name}", "", " ".join((command.help or "").split()), ""]
        rows = []
        for param in command.params:
            if param.name in {"help", "version"}:
                continue
            is_argument = param.param_type_name == "argument"
            names = [param.metavar or param.name.upper()] if is_argument else param.opts
            shown = ", ".join(f"`{name}`" for name in names).replace("|", "\\|")
            rows.append(f"| {shown} | {(getattr(param, 'help', '') or '').replace('|', '/')} |")
        if rows:
            lines += ["| | |", "|---|---|", *rows, ""]
    return HEAD + "\n".join(lines).rstrip() + "\n"


def commands() -> list[tuple[str, Any]]:
    """Every command with its full name."""
    root: Any = typer.main.get_command(app)
    found = []
    for name, command in sorted(root.commands.items()):
        if hasattr(command, "commands"):
            found += [(f"{name} {sub}", one) for sub, one in sorted(command.commands.items())]
        else:
            found.append((name, command))
    return found


def reasons_page() -> str:
    lines = [
        "# Reasons\n",
        "Why the rules said no. The codes are stable: they stand in API answers, in the audit log, and in `expect` of policy cases.\n",
        "| code | sentence |",
        "|---|---|",
    ]
    lines += [f"| `{reason.value}` | {SENTENCES[reason]} |" for reason in Reason]
    return HEAD + "\n".join(lines) + "\n"


def masking_types_page() -> str:
    """Every kind that masking finds, from the recognizers themselves."""
    rules = [*detect.recognizers(), *detect.run_rules(), *detect.text_rules()]
    by_type: dict[str, list[Any]] = {}
    for rule in rules:
        by_type.setdefault(rule.type, []).append(rule)
    lines = [
        "# Kinds that masking finds\n",
        f"{len(by_type)} kinds by {len(rules)} recognizers. The examples are those that the recognizers are tested with; all are invented or published",
        "examples. *never* is an example that looks alike and is left alone. A check says whether a found value is confirmed by its own check digits or rules.",
        "For secrets the recognizer's name stands instead of an example. `URL` and `DATE` are found for those who ask and are not masked unless `masking.off` is changed.\n",
        "| kind | an example | never | check | source |",
        "|---|---|---|---|---|",
    ]
    for kind, found in sorted(by_type.items()):
        for n, rule in enumerate(found):
            checked = "yes" if getattr(rule, "validator", None) is not None else ""
            if (
                kind == "SECRET"
            ):  # what looks like a live token would alarm every scanner that reads this page
                lines.append(
                    f"| {'`SECRET`' if n == 0 else ''} | {rule.name} |  | {checked} | {_cell(rule.source)} |"
                )
                continue
            lines.append(
                f"| {f'`{kind}`' if n == 0 else ''} | {_example(rule.positive)} | {_example(rule.negative)} | {checked} | {_cell(rule.source)} |"
            )
    return HEAD + "\n".join(lines) + "\n"


def _example(examples: tuple[str, ...]) -> str:
    """The shortest one-line example, as code."""
    fit = sorted((e for e in examples if "\n" not in e and "`" not in e), key=len)
    text = fit[0] if fit else ""
    return f"`{_cell(text if len(text) <= 60 else text[:57] + '…')}`" if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("<", "&lt;") if "`" not in text else text.replace("|", "/")


PAGES = {
    "config.md": config_page,
    "cli.md": cli_page,
    "reasons.md": reasons_page,
    "masking-types.md": masking_types_page,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), "utf-8")
