"""``signoff mask``: streams and files in, masked out, with a report; what was found and why; an operator's own examples.

The work is done by ``masking``; here is what the command line says. ``mask`` without a command of its own is ``mask files``.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperGroup

from adapters.keys.files import load as load_keys
from bot.cli import mask_serve
from bot.cli._io import CommandError, Exit, JsonOption, Speaker, shown
from bot.config import load
from bot.core import yaml_strict
from bot.masking_config import engine_config, rewrite_of
from bot.rand import OsRand
from masking.cli import EVERYTHING, FORMATS, mask_stream, spans_stream
from masking.config import EngineConfig
from masking.deep import DeepError, Transformer
from masking.engine import Engine
from masking.errors import MaskingError
from masking.files import FileReport, mask_file, walk
from masking.operators import Operator, Writing
from masking.report import as_data, as_html, total
from masking.rewriter import TYPE, Rewrite, Rewriter
from masking.tally import BoundedNumbering
from masking.tokens import Tokens


class _FilesFirst(TyperGroup):
    """What is no command is a file: ``signoff mask a.log`` is ``signoff mask files a.log``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["files", *args]
        return super().parse_args(ctx, args)


family = typer.Typer(name="mask", help="Mask streams and files; say what is found and why.", cls=_FilesFirst)
MaskConfig = Annotated[
    Path | None, typer.Option("--config", "-c", help="Use the masking section of this configuration.")
]


family.command("serve")(mask_serve.serve)


OperatorOption = Annotated[
    str | None,
    typer.Option(
        "--operator",
        metavar="OP",
        help=f"What stands in place of every value: {', '.join(o.value for o in Operator if o is not Operator.VAULT)}. Default: placeholder, or what --config says.",
    ),
]
TypeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--type", metavar="TYPE:OP", help="Another operator for one type, such as CREDIT_CARD:partial."
    ),
]
FormatOption = Annotated[
    bool,
    typer.Option(
        "--format-preserving", help="Allow ff1, whose results show the format and length of values."
    ),
]
DeepOption = Annotated[
    bool,
    typer.Option(
        "--deep",
        help="Let the deep tier read everything as well (a transformer, about 10 KB/s): `pip install 'signoff[deep]'`.",
    ),
]


def _writings(
    config: Path | None, operator: str | None, types: list[str], *, may_preserve: bool
) -> Callable[[], Writing]:
    """What makes the writing of each file. Keyed operators need --config: its folder of keys has them."""
    settings = load(config) if config is not None else None
    how = rewrite_of(settings.masking) if settings is not None else Rewrite()
    by_type = {} if operator is not None else dict(how.by_type)
    for one in types:
        kind, colon, name = one.partition(":")
        if not colon or not TYPE.fullmatch(kind):
            raise CommandError("--type is written TYPE:OP, such as CREDIT_CARD:partial", Exit.USAGE)
        by_type[kind] = _operator(name)
    default = _operator(operator) if operator is not None else how.default
    how = Rewrite(
        default,
        tuple(sorted(by_type.items())),
        format_preserving=how.format_preserving or may_preserve,
    )
    if Operator.VAULT in how.operators:
        raise CommandError(
            "vault tokens are kept by the server: POST /v1/mask?operator=vault makes them", Exit.USAGE
        )
    tokens = None
    if how.needs_keys:
        keys = load_keys(settings.keys.directory, OsRand()).token_keys() if settings is not None else None
        if settings is None or keys is None:
            raise CommandError(
                "this operator needs keys: name a configuration with --config, and `signoff keys rotate mask` makes a key where there is none"
            )
        tokens = Tokens(keys, settings.audit_origin)
    if how.operators == {Operator.PLACEHOLDER}:
        return BoundedNumbering
    try:
        Rewriter(how, tokens)
    except MaskingError as error:
        raise CommandError(f"{error}; --format-preserving allows it", Exit.USAGE) from None
    return lambda: Rewriter(how, tokens, numbering=BoundedNumbering())


def _operator(name: str) -> Operator:
    try:
        return Operator(name)
    except ValueError:
        raise CommandError(
            f"{name} is no operator; there are {', '.join(o.value for o in Operator)}", Exit.USAGE
        ) from None


def _deep(config: Path | None, *, is_asked: bool) -> Transformer | None:
    """The deep tier without a time limit: who asks for it here waits for it. A missing one is a fault, for it was asked for by name."""
    if not is_asked:
        return None
    settings = load(config).masking.deep if config is not None else None
    try:
        return Transformer(settings.model if settings is not None else None)
    except DeepError as error:
        raise CommandError(str(error)) from None


def _settings(config: Path | None) -> EngineConfig | None:
    return engine_config(load(config).masking) if config is not None else None


@family.command("files")
def files(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE|DIR]...", help="Default: stdin to stdout.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write masked copies below this folder.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--html", metavar="PAGE", help="Write the report as an HTML page.")
    ] = None,
    spans: Annotated[
        bool, typer.Option("--spans", help='Read lines {"id","text"}, write lines {"id","spans"}.')
    ] = False,
    shape: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "auto",
    operator: OperatorOption = None,
    types: TypeOption = None,
    may_preserve: FormatOption = False,
    deep: DeepOption = False,
    config: MaskConfig = None,
    is_json: JsonOption = False,
) -> None:
    """Mask stdin into stdout, or look through files and report. On a fault the output ends and nothing unmasked is written."""
    if shape not in FORMATS:
        raise CommandError(f"--format is one of {', '.join(FORMATS)}", Exit.USAGE)
    settings = _settings(config)
    if not paths:
        if out is not None or page is not None:
            raise CommandError("--out and --html need files", Exit.USAGE)
        if spans and (operator is not None or types):
            raise CommandError(
                "--spans writes no values; --operator and --type mean nothing there", Exit.USAGE
            )
        writings = _writings(config, operator, types or [], may_preserve=may_preserve)
        _stream(
            _engine(settings or (EVERYTHING if spans else None), _deep(config, is_asked=deep)),
            shape,
            writings(),
            spans=spans,
        )
        return
    if spans:
        raise CommandError("--spans reads stdin", Exit.USAGE)
    if out is not None and any(_holds(path, out) for path in paths):
        raise CommandError("--out lies inside what is to be masked; choose another folder", Exit.USAGE)
    writings = _writings(config, operator, types or [], may_preserve=may_preserve)
    engine = _engine(settings, _deep(config, is_asked=deep))
    reports = _look_through(engine, paths, out, shape, writings, is_quiet=is_json)
    if page is not None:
        page.write_text(as_html(reports), "utf-8")
    _tell(reports, is_json=is_json)
    if any(report.error for report in reports):
        raise typer.Exit(Exit.FAILED)


def _stream(engine: Engine, shape: str, writing: Writing, *, spans: bool) -> None:
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    try:
        if spans:
            spans_stream(engine, source, sink)
        else:
            with _progress(is_quiet=sys.stdout.isatty()) as progress:
                task = progress.add_task("masking", total=_size(source))
                mask_stream(
                    engine, source, sink, shape, writing=writing, told=lambda n: progress.advance(task, n)
                )
    except MaskingError as error:
        raise CommandError(f"masking failed, the output ends here: {error}") from None


def _progress(*, is_quiet: bool) -> Progress:
    """A bar on stderr, where somebody looks at it and nothing else is written there."""
    bars = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    is_off = is_quiet or not sys.stderr.isatty()
    return Progress(*bars, console=Console(stderr=True), transient=True, disable=is_off)


def _size(source: IO[bytes]) -> int | None:
    """Of a file that was redirected here; None for a pipe."""
    try:
        status = os.fstat(source.fileno())
    except (OSError, ValueError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _holds(path: Path, out: Path) -> bool:
    return path.is_dir() and out.resolve().is_relative_to(path.resolve())


def _look_through(
    engine: Engine,
    paths: list[Path],
    out: Path | None,
    shape: str,
    writings: Callable[[], Writing],
    *,
    is_quiet: bool,
) -> list[FileReport]:
    found = list(walk(paths))
    size = sum(file.stat().st_size for file, _ in found if file.is_file())
    with _progress(is_quiet=is_quiet) as progress:
        task = progress.add_task("masking", total=size)
        return [
            mask_file(
                engine,
                file,
                below,
                out=out,
                fmt=shape,
                told=lambda n: progress.advance(task, n),
                writing=writings(),
            )
            for file, below in found
        ]


def _tell(reports: list[FileReport], *, is_json: bool) -> None:
    speaker = Speaker(is_json)
    tally = total(reports)
    rows = [
        (kind, count, next(iter(tally.examples.get(kind, ())), ""))
        for kind, count in tally.counts.most_common()
    ]
    failed = [report for report in reports if report.error]
    size = sum(report.bytes for report in reports)
    speaker.answer(
        as_data(reports),
        f"{tally.total:,} values in {len(reports):,} files ({size:,} bytes)",
        *([speaker.table(("type", "found", "a masked example"), rows)] if rows else []),
        *(f"{shown(report.name)}: {report.error}" for report in failed),
    )


@family.command("explain")
def explain(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text, or - for stdin.")],
    deep: DeepOption = False,
    config: MaskConfig = None,
    is_json: JsonOption = False,
) -> None:
    """Say which rule found what in TEXT, how sure it is and why, also what is below the threshold."""
    text = typer.get_text_stream("stdin").read() if text == "-" else text
    engine = _engine(_settings(config), _deep(config, is_asked=deep))
    try:
        candidates, taken = engine.explain(text), set(engine.scan(text))
    except MaskingError as error:
        raise CommandError(f"masking failed: {error}") from None
    threshold = engine.config.threshold
    rows = []
    for span in sorted(candidates, key=lambda s: (s.start, -s.score)):
        verdict = (
            "masked" if span in taken else "too unlikely" if span.score < threshold else "another one stands"
        )
        if span.type in engine.config.off:
            verdict = "off"
        rows.append((span, verdict))
    speaker = Speaker(is_json)
    data = [
        {"start": s.start, "end": s.end, "type": s.type, "score": round(s.score, 4), "rule": s.rule, "reason": s.reason, "verdict": v}
        for s, v in rows
    ]  # fmt: skip
    table = speaker.table(
        ("at", "value", "type", "score", "rule", "why", "verdict"),
        [(f"{s.start}-{s.end}", text[s.start : s.end], s.type, f"{s.score:.2f}", s.rule, s.reason, v) for s, v in rows],
    )  # fmt: skip
    for column in (0, 2, 3, 6):
        table.columns[column].no_wrap = True
    speaker.answer(data, f"Masked from {threshold:g} on.", *([table] if rows else ["Nothing was found."]))


@family.command("test")
def try_examples(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML list or JSON lines: text, and find.")],
    config: MaskConfig = None,
    is_json: JsonOption = False,
) -> None:
    """Run your own examples: each has a `text` and, in `find`, what must be found as `{TYPE: value}` items. Ends with 1 when one differs."""
    engine = _engine(_settings(config))
    wrong: list[dict[str, Any]] = []
    cases = _cases(file)
    for number, (text, wanted) in enumerate(cases, 1):
        try:
            got = [(s.type, text[s.start : s.end]) for s in engine.scan(text)]
        except MaskingError as error:
            raise CommandError(f"example {number}: masking failed: {error}") from None
        if sorted(got) != sorted(wanted):
            missed = [pair for pair in wanted if pair not in got]
            extra = [pair for pair in got if pair not in wanted]
            wrong.append({"example": number, "text": text, "missed": missed, "extra": extra})
    lines = [f"{len(cases) - len(wrong)} of {len(cases)} examples are found as written."]
    for case in wrong:
        lines.append(f"example {case['example']}: {shown(case['text'])}")
        lines += [f"  - {kind} {shown(value)}" for kind, value in case["missed"]]
        lines += [f"  + {kind} {shown(value)}" for kind, value in case["extra"]]
    Speaker(is_json).answer({"examples": len(cases), "wrong": wrong}, *lines)
    if wrong:
        raise typer.Exit(Exit.FAILED)


def _engine(settings: EngineConfig | None, deep: Transformer | None = None) -> Engine:
    try:
        return Engine(settings, deep=deep)
    except MaskingError as error:
        raise CommandError(str(error)) from None


def _cases(file: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    cases = []
    for line, row in _rows(file):
        find = row.get("find", []) if isinstance(row, dict) else None
        if (
            not isinstance(row, dict)
            or set(row) - {"text", "find"}
            or not isinstance(row.get("text"), str)
            or not isinstance(find, list)
            or not all(isinstance(f, dict) and len(f) == 1 for f in find)
        ):
            raise CommandError(f"{file} line {line}: write `text: …` and `find: [{{TYPE: value}}, …]`")
        cases.append((row["text"], [(str(k), str(v)) for one in find for k, v in one.items()]))
    return cases


def _rows(file: Path) -> Iterator[tuple[int, Any]]:
    """The examples with the lines they begin in."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise CommandError(f"{file} cannot be read as text") from None
    if file.suffix in {".jsonl", ".ndjson"}:
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except ValueError:
                    raise CommandError(f"{file} line {number}: this is not JSON") from None
        return
    try:
        document = yaml_strict.read(text)
    except yaml_strict.YamlError as error:
        raise CommandError(f"{file} {error}") from None
    rows = document.value if isinstance(document.value, list) else [None]
    for index, row in enumerate(rows):
        yield document.line((index,)), row
