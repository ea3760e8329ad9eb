"""``signoff mask``: streams and files in, masked out, with a report; what was found and why; an operator's own examples.

The work is done by ``masking``; here is what the command line says. ``mask`` without a command of its own is ``mask files``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperGroup

from bot.cli import mask_serve
from bot.cli._io import CommandError, Exit, JsonOption, Speaker, shown
from bot.config import load
from bot.masking_config import engine_config
from masking.cli import EVERYTHING, FORMATS, mask_stream, spans_stream
from masking.config import EngineConfig
from masking.engine import Engine
from masking.errors import MaskingError
from masking.files import FileReport, mask_file, walk
from masking.report import as_data, as_html, total


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
        _stream(settings, shape, spans=spans)
        return
    if spans:
        raise CommandError("--spans reads stdin", Exit.USAGE)
    if out is not None and any(_holds(path, out) for path in paths):
        raise CommandError("--out lies inside what is to be masked; choose another folder", Exit.USAGE)
    try:
        engine = Engine(settings)
    except MaskingError as error:
        raise CommandError(str(error)) from None
    reports = _look_through(engine, paths, out, shape, is_quiet=is_json)
    if page is not None:
        page.write_text(as_html(reports), "utf-8")
    _tell(reports, is_json=is_json)
    if any(report.error for report in reports):
        raise typer.Exit(Exit.FAILED)


def _stream(settings: EngineConfig | None, shape: str, *, spans: bool) -> None:
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    try:
        if spans:
            spans_stream(Engine(settings or EVERYTHING), source, sink)
        else:
            mask_stream(Engine(settings), source, sink, shape)
    except MaskingError as error:
        raise CommandError(f"masking failed, the output ends here: {error}") from None


def _holds(path: Path, out: Path) -> bool:
    return path.is_dir() and out.resolve().is_relative_to(path.resolve())


def _look_through(
    engine: Engine, paths: list[Path], out: Path | None, shape: str, *, is_quiet: bool
) -> list[FileReport]:
    found = list(walk(paths))
    size = sum(file.stat().st_size for file, _ in found if file.is_file())
    bars = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*bars, console=Console(stderr=True), transient=True, disable=is_quiet or not sys.stderr.isatty()) as progress:  # fmt: skip
        task = progress.add_task("masking", total=size)
        return [
            mask_file(engine, file, below, out=out, fmt=shape, told=lambda n: progress.advance(task, n))
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
    config: MaskConfig = None,
    is_json: JsonOption = False,
) -> None:
    """Say which rule found what in TEXT, how sure it is and why, also what is below the threshold."""
    text = typer.get_text_stream("stdin").read() if text == "-" else text
    engine = _engine(_settings(config))
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


def _engine(settings: EngineConfig | None) -> Engine:
    try:
        return Engine(settings)
    except MaskingError as error:
        raise CommandError(str(error)) from None


def _cases(file: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    try:
        text = file.read_text("utf-8")
        rows = (
            [json.loads(line) for line in text.splitlines() if line.strip()]
            if file.suffix in {".jsonl", ".ndjson"}
            else yaml.safe_load(text)
        )
    except (OSError, UnicodeDecodeError):
        raise CommandError(f"{file} cannot be read") from None
    except (ValueError, yaml.YAMLError):
        raise CommandError(f"{file} is neither YAML nor JSON lines") from None
    cases = []
    for number, row in enumerate(rows if isinstance(rows, list) else [None], 1):
        find = row.get("find", []) if isinstance(row, dict) else None
        if (
            not isinstance(row, dict)
            or set(row) - {"text", "find"}
            or not isinstance(row.get("text"), str)
            or not isinstance(find, list)
            or not all(isinstance(f, dict) and len(f) == 1 for f in find)
        ):
            raise CommandError(f"{file}, example {number}: write `text: …` and `find: [{{TYPE: value}}, …]`")
        cases.append((row["text"], [(str(k), str(v)) for one in find for k, v in one.items()]))
    return cases
