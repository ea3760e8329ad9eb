"""How every command speaks: a sentence for people, one JSON object with ``--json``, and an exit code that means one thing.

Decided here: the exit codes, and that whatever came from outside is made visible before a terminal sees it (T24). Works without
a terminal: nothing asks back, nothing waits for a key, colours go away by themselves.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.core.reasons import Refused
from bot.core.visible import visible
from bot.errors import SignoffError


class Exit(IntEnum):
    """What an exit code means (docs/cli.md)."""

    OK = 0
    """Done; for ``request`` and ``run``: approved."""
    FAILED = 1
    """Not done; the sentence on stderr says why and what to do."""
    USAGE = 2
    """Wrong options."""
    DENIED = 3
    EXPIRED = 4
    PENDING = 5
    """Nobody had decided when the wait was over."""
    CANCELLED = 6
    FINDINGS = 7
    """``doctor``, ``policy test``, ``policy simulate`` or ``break-glass list`` found something (``audit verify`` has the log's own codes)."""
    BROKEN = 70
    """A mistake in this program (sysexits.h: EX_SOFTWARE); stderr has the place, without any value."""


class CommandError(SignoffError):
    """The command cannot be done; *code* is its exit code."""

    def __init__(self, sentence: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(sentence)
        self.code = code


PIPE_COLUMNS: Final = 10_000
"""Wider than any row; tables take what they need."""

ConfigOption = Annotated[
    Path,
    typer.Option(
        "--config", "-c", envvar="SIGNOFF_CONFIG", help="The configuration file, or the folder it is in."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
CONFIG: Final = Path("signoff.yaml")


def _console() -> Console:
    """Where nobody looks, nothing folds: a line is a row, for whatever reads it. ``COLUMNS`` counts, as everywhere."""
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else PIPE_COLUMNS
    return Console(highlight=False, soft_wrap=True, width=width)


@dataclass(frozen=True, slots=True)
class Speaker:
    """Prints an answer in the way that was asked for."""

    is_json: bool
    console: Console = field(default_factory=_console)

    def answer(self, data: Any, *lines: str | Text | Table) -> None:
        """*data* as JSON, or *lines* for people. Lines are our own words and values that went through ``shown``."""
        if self.is_json:
            sys.stdout.write(json.dumps(data, ensure_ascii=False, default=str, sort_keys=False) + "\n")
            sys.stdout.flush()
            return
        for line in lines:
            self.console.print(line if isinstance(line, Text | Table) else Text(line))

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[object]], *, whole: Collection[str] = ()
    ) -> Table:
        """*rows* under *columns*. Where a terminal is too narrow the cells fold, but those of the columns in *whole*."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold", no_wrap=column in whole)
        for row in rows:
            table.add_row(*(Text(shown(cell)) for cell in row))
        return table


def shown(value: object) -> str:
    """*value* with nothing in it that a terminal would obey or hide."""
    return "" if value is None else visible(str(value))


def agreed(answer: Any) -> Any:
    """*answer*, unless the rules said no: then the command ends with their sentence."""
    if isinstance(answer, Refused):
        refuse(answer)
    return answer


@contextmanager
def bar(what: str, *, is_quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr while something long runs; what is yielded takes *done* and *total*. No bar where nobody looks."""
    if is_quiet or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    # Only here: it takes memory that a command whom nobody watches does without.
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def refuse(refused: Refused) -> NoReturn:
    raise CommandError(f"{refused.sentence} ({refused.reason.value})")
