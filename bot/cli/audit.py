"""``signoff audit``: what the log says, and whether it is whole (``audit.cli`` does the work).

Decided here: that whoever reads or exports the log through this door is journalled before the answer is shown, as on every other
surface (AU-9, T35); verifying and heads are not reading. ``verify`` keeps the log's own exit codes: 0 whole, 1 tampered with,
2 could not be checked to the end, 3 wrong use.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from adapters.keys.files import load as load_keys
from audit import cli as log
from audit import report as reports
from audit import report_pdf
from audit.bench import Bench
from audit.checkpoint import BadNote, split_note
from audit.controls import FRAMEWORKS
from audit.fields import Value
from audit.formats import FORMATS, Entry
from audit.proof import BadProof
from audit.reader import Reader
from bot.app import Bot
from bot.chat.commands import FORMS, Mistake, parse
from bot.chat.evidence import REPORT_DAYS, wanted
from bot.cli._io import CONFIG, CommandError, ConfigOption, Exit, JsonOption, Speaker, bar, shown
from bot.cli._local import administer
from bot.cli.audit_verify import verify
from bot.clock import SystemClock
from bot.config import Config, load
from bot.config_audit import TimestampAnchor
from bot.core.facts import Fact
from bot.desk.admin import journal
from bot.desk.evidence import Export
from bot.log_keys import stored_policies, vkeys_of
from bot.log_library import slice_of
from bot.rand import OsRand

T = TypeVar("T")
family = typer.Typer(name="audit", help="Read, prove, export and verify the audit log.", no_args_is_help=True)


family.command("verify")(verify)


@family.command("bench")
def bench(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="A folder on the volume to measure; default: the database's."),
    ] = None,
    entries: Annotated[
        int,
        typer.Option(
            min=1, max=100_000_000, help="Entries to verify, query and prove over: about 1.5 KB of disk each."
        ),
    ] = 200_000,
    appends: Annotated[int, typer.Option(min=1, max=1_000_000, help="Durable commits to time.")] = 4_000,
    processes: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes that verify; default: one for each core.")
    ] = None,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """How fast a log is on this machine and volume, beside limits measured in the same run. Touches no log of yours."""
    volume = load(config).store.path.parent if folder is None else folder
    if not volume.is_dir():
        raise CommandError(f"there is no folder {shown(volume)}")
    with bar("measuring", is_quiet=is_json) as told:
        measured = Bench(OsRand().bytes, entries, appends, processes or os.cpu_count() or 1, told)
        try:
            figures = measured.run(volume)
        except OSError as error:
            raise CommandError(f"{shown(volume)} cannot be measured: {error.strerror}") from None
        except sqlite3.Error as error:
            raise CommandError(f"{shown(volume)} cannot be measured ({error.sqlite_errorname})") from None
    speaker = Speaker(is_json)
    rows = [(f.goal, f.figure, f.baseline, f.said) for f in figures]
    speaker.answer(
        [asdict(figure) for figure in figures],
        speaker.table(("what", "measured", "beside", "ratio"), rows),
    )


@family.command("head")
def head(
    out: Annotated[
        Path | None,
        typer.Option(help="Write the head here, in the form that --checkpoint reads; the keys go to stdout."),
    ] = None,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """The newest signed head, and the public key that outsiders verify it with. Keep both where we cannot change them."""
    settings = load(config)
    note, public = read(settings, log.head), vkeys(settings)
    if out is not None:
        _write_new(out, note)
    Speaker(is_json).answer(
        {"vkeys": public, "head": note, "file": str(out) if out else None},
        *(f"vkey {v}" for v in public),
        "",
        f"the head is in {out}" if out else note.rstrip("\n"),
    )


@family.command("gaps")
def gaps(config: ConfigOption = CONFIG, is_json: JsonOption = False) -> None:
    """What should not be: grants begun and never ended, tries at self-approval, overrides, what the replay cannot explain."""
    found = journalled(config, Fact.AUDIT_QUERIED, {"command": "gaps"}, log.gaps)
    speaker = Speaker(is_json)
    speaker.answer(
        [{"kind": g.kind, "seq": g.seq, "request": g.request, "text": g.text} for g in found],
        speaker.table(
            ("kind", "entry", "request", "what"), [(g.kind, g.seq, g.request, g.text) for g in found]
        )
        if found
        else "Nothing.",
    )


@family.command("prove")
def prove(
    seq: Annotated[int, typer.Argument(min=0, help="The entry's number.")],
    out: Annotated[Path | None, typer.Option(help="Write the proof here instead of stdout.")] = None,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """A proof that one entry is in the log, which others can check without us."""
    text = journalled(config, Fact.AUDIT_EXPORTED, {"command": "prove"}, lambda c: log.prove(c, seq))
    if out is not None:
        _write_new(out, text)
    Speaker(is_json).answer(
        {"proof": text, "file": str(out) if out else None}, f"written to {out}" if out else text
    )


@family.command("check-proof")
def check_proof(
    file: Annotated[Path, typer.Argument(help="A proof made by `signoff audit prove`.")],
    vkey: Annotated[str, typer.Option(help="The log's public key.")],
    is_json: JsonOption = False,
) -> None:
    """Check a proof with nothing but the log's public key."""
    try:
        entry, checkpoint = log.check_proof(file.read_text("utf-8"), vkey)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from None
    except (BadProof, BadNote, ValueError) as error:
        raise CommandError(f"the proof does not hold: {error}") from None
    Speaker(is_json).answer(
        {"ok": True, "entry": entry_json(entry), "size": checkpoint.size},
        f"The proof holds: entry {entry.seq} ({entry.type}) is in {checkpoint.origin} of {checkpoint.size} entries.",
    )


@family.command("export")
def export(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="DIR | FROM TO FORMAT",
            help="A new folder for the whole log, with --format a new file; or as in chat a part of it: entry numbers or days, "
            f"and one of {', '.join(FORMS)}.",
        ),
    ],
    form: Annotated[
        str | None,
        typer.Option("--format", help=f"Instead of a bundle the entries alone, as {', '.join(FORMATS)}."),
    ] = None,
    since: Annotated[datetime | None, typer.Option(help="With --format: from this time on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="With --format: before this time, UTC.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="With FROM TO FORMAT: write the part here instead of stdout.")
    ] = None,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """A bundle of the whole log that `signoff audit verify BUNDLE` checks anywhere; or entries in a form that other programs read."""
    is_bounded = since is not None or until is not None
    match what:
        case [target] if out is None and form is not None:
            _export_entries(config, Path(target), form, since, until, is_json=is_json)
        case [folder] if out is None and not is_bounded:
            _export_bundle(config, Path(folder), is_json=is_json)
        case [_] if out is None:
            raise CommandError(
                "a bundle is always the whole log; --since and --until go with --format", Exit.USAGE
            )
        case [start, end, part_form] if form is None and not is_bounded:
            _part(start, end, part_form, out, config, is_json)
        case _:
            raise CommandError(
                "write: signoff audit export DIR, signoff audit export FILE --format FORMAT [--since DAY] [--until DAY], "
                "or signoff audit export FROM TO FORMAT [--out FILE]",
                Exit.USAGE,
            )


def _export_entries(
    config: Path, target: Path, form: str, since: datetime | None, until: datetime | None, *, is_json: bool
) -> None:
    if target.exists():
        raise CommandError(f"{target} exists; an export never overwrites")
    if form not in FORMATS:
        raise CommandError(f"--format is one of {', '.join(FORMATS)}", Exit.USAGE)
    start, end = us(since), us(until)
    _write_new(target, b"")
    with target.open("wb") as out:
        done = journalled(
            config,
            Fact.AUDIT_EXPORTED,
            {"command": "export", "format": form},
            lambda c: log.export_entries(c, out, form, start, end),
        )
    Speaker(is_json).answer(
        {"file": str(target), "format": form, "first": done.first, "last": done.last, "entries": done.count},
        f"{done.count} entries ({done.first} to {done.last}) in {target}."
        if done.count
        else f"No entries in that time; {target} is empty.",
        *(
            ["Only the form jsonl is evidence: each line is an entry's exact bytes."]
            if form != "jsonl"
            else []
        ),
    )


def _export_bundle(config: Path, folder: Path, *, is_json: bool) -> None:
    if folder.exists():
        raise CommandError(f"{folder} exists; an export never overwrites")
    settings = load(config)
    public = vkeys(settings)
    stamped = settings.audit.anchors.timestamp
    made = journalled(
        config,
        Fact.AUDIT_EXPORTED,
        {"command": "export"},
        lambda c: log.export(
            c, folder, public, timestamps=_timestamps(c, stamped), policies=stored_policies(c)
        ),
    )
    Speaker(is_json).answer(
        {
            "directory": str(made.directory),
            "size": made.size,
            "origin": made.origin,
            "files": made.files,
            "vkeys": public,
        },
        f"{made.size} entries in {made.directory}. Check it with:",
        f"  signoff audit verify {made.directory} --vkey '{public[0]}'",
    )


def _part(start: str, end: str, form: str, out: Path | None, config: Path, is_json: bool) -> None:
    """What ``/audit export`` gives in chat, by the same words."""
    command = parse("audit", f"export {start} {end} {form}")
    asked = command if isinstance(command, Mistake) else wanted(command, SystemClock().now())
    if isinstance(asked, Mistake) or not isinstance(asked, Export):
        said = asked.sentence if isinstance(asked, Mistake) else ""
        raise CommandError(
            f"{said} Write FROM and TO as two entry numbers or two days (2026-11-23), and one of {', '.join(FORMS)}.",
            Exit.USAGE,
        )
    if out is not None and out.exists():
        raise CommandError(f"{out} exists; an export never overwrites")
    found = journalled(
        config,
        Fact.AUDIT_EXPORTED,
        {"command": "export", "format": asked.form},
        lambda c: slice_of(Reader(c), asked),
    )
    if found is None:
        raise CommandError("the log holds no entries between these")
    checked = (
        "every hash and link of them was checked, and holds"
        if found.whole
        else f"IT DOES NOT HOLD: {found.finding}"
    )
    if out is not None:
        _write_new(out, found.content)
    elif not is_json:
        sys.stdout.buffer.write(found.content)
        sys.stdout.buffer.flush()
    line = f"{found.count} entries ({found.first} to {found.last}); {checked}"
    left = f"; {found.left_out} more: ask again from {found.last + 1}" if found.left_out else ""
    if out is None and not is_json:
        sys.stderr.write(f"signoff: {line}{left}\n")
        return
    Speaker(is_json).answer(
        {
            "file": str(out) if out else None,
            "content": None if out else found.content.decode(),
            "first": found.first,
            "last": found.last,
            "size": found.count,
            "whole": found.whole,
            "finding": found.finding,
            "left_out": found.left_out,
        },
        f"written to {out}: {line}{left}",
    )


@family.command("report")
def report(
    framework: Annotated[
        str,
        typer.Argument(
            metavar="[FRAMEWORK", help=f"One of {', '.join(sorted(FRAMEWORKS))}; none lists them."
        ),
    ] = "",
    out: Annotated[
        Path | None, typer.Argument(metavar="FILE]", help="The page to write, or a PDF when it ends in .pdf.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(help="From this time on, UTC. Default: 90 days back.")
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="Before this time, UTC. Default: now.")] = None,
    seed: Annotated[
        str, typer.Option(help="Chooses the sample; an auditor gives it, so that we cannot.")
    ] = "0",
    sample: Annotated[int, typer.Option(min=0, max=500, help="Requests in the sample.")] = 25,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """An evidence report for an auditor. It says what entries evidence, never that a control is met."""
    if not framework:
        speaker = Speaker(is_json)
        speaker.answer(
            {"frameworks": [{"key": f.key, "name": f.name} for f in FRAMEWORKS.values()]},
            speaker.table(("framework", "name"), [(f.key, f.name) for f in FRAMEWORKS.values()]),
            "One of them: signoff audit report FRAMEWORK FILE",
        )
        return
    if framework not in FRAMEWORKS:
        raise CommandError(
            f"there is no framework {shown(framework)}; there are: {', '.join(sorted(FRAMEWORKS))}"
        )
    if out is None:
        raise CommandError(f"say which file to write: signoff audit report {framework} FILE", Exit.USAGE)
    is_pdf = out.suffix.lower() == ".pdf"
    if is_pdf and not report_pdf.is_available():
        raise CommandError(
            "a PDF needs reportlab; install signoff[reports], or give a name that ends in .html"
        )
    end = utc(until) if until is not None else SystemClock().now()
    start = utc(since) if since is not None else end - REPORT_DAYS
    if end <= start:
        raise CommandError("the period ends before it begins", Exit.USAGE)
    made = journalled(
        config,
        Fact.AUDIT_EXPORTED,
        {"command": "report", "format": "pdf" if is_pdf else "html"},
        lambda c: _report(c, framework, start, end, seed, sample),
    )
    _write_new(out, report_pdf.pdf(made) if is_pdf else reports.html(made))
    Speaker(is_json).answer({"file": str(out)}, f"written to {out}")


def _report(
    connection: sqlite3.Connection, framework: str, since: datetime, until: datetime, seed: str, sample: int
) -> reports.Report:
    connection.execute("BEGIN")
    try:
        return reports.make(Reader(connection), framework, since, until, seed, sample)
    finally:
        connection.rollback()


def _timestamps(connection: sqlite3.Connection, settings: TimestampAnchor | None) -> dict[str, bytes]:
    """The tokens over heads of this log, and the roots they chain to; those over a head that a restore lost stay behind."""
    if settings is None:
        return {}
    files = {}
    for token in sorted(settings.directory.glob("*.tsr")):
        kept = (token.with_suffix(".note")).read_text("utf-8")
        own = Reader(connection).note_at(int(token.stem)) if token.stem.isdigit() else None
        if own is not None and split_note(own)[0] == split_note(kept)[0]:
            files[token.name] = token.read_bytes()
    return {**files, "ca.pem": settings.ca_file.read_bytes()} if files else {}


def entry_json(entry: Entry) -> dict[str, Any]:
    return {"seq": entry.seq, "hash": entry.hash, "entry": dict(entry.body)}


def journalled(
    path: Path, fact: Fact, data: Mapping[str, Value], look: Callable[[sqlite3.Connection], T]
) -> T:
    """Write down that the operator looks, then look. When it cannot be written, nothing is shown."""

    async def work(bot: Bot) -> None:
        await bot.store.write(lambda tx: journal(bot.office, tx, fact, None, data))

    administer(path, work)
    return read(load(path), look)


def read(config: Config, look: Callable[[sqlite3.Connection], T]) -> T:
    try:
        with closing(
            sqlite3.connect(f"file:{config.store.path}?mode=ro", uri=True, isolation_level=None)
        ) as connection:
            return look(connection)
    except sqlite3.Error as error:
        raise CommandError(f"{config.store.path} cannot be read ({error.sqlite_errorname})") from None
    except LookupError:
        raise CommandError("the log holds no such entry or head yet") from None


def vkeys(config: Config) -> list[str]:
    return vkeys_of(load_keys(config.keys.directory, OsRand()), config)


def utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def us(moment: datetime | None) -> int | None:
    """Microseconds since 1970, as entries have them; None for None."""
    return None if moment is None else int(utc(moment).timestamp() * 1_000_000)


def _write_new(path: Path, content: str | bytes) -> None:
    try:
        with path.open("xb") as file:
            path.chmod(0o600)
            file.write(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from None
