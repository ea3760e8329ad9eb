"""What ``signoff audit …`` does, as plain functions. The command line only parses and prints.

Each takes an open connection (or a path) and returns a value; none prints, exits or reads a
clock. Reading and exporting are journalled by the caller *before* the answer is shown
(``audit.queried``, ``audit.exported``): that needs the application's own writer.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from audit import proof as tlog_proof
from audit import report as reports
from audit import standalone
from audit.canonical import decode
from audit.checkpoint import BadNote, Checkpoint, open_checkpoint, parse_vkey
from audit.disclosure import Opened
from audit.export import Exported, export_bundle
from audit.formats import Entry, entry_of
from audit.fsck import Policies, Progress, verify_database
from audit.query import Query, find
from audit.reader import Reader
from audit.semantics import Replay
from audit.walk import Exit, Report


@dataclass(frozen=True, slots=True)
class Verdict:
    """*code* is the process's exit code; *text* is for a person, *facts* for ``--json``."""

    code: int
    text: str
    facts: dict[str, Any]


def verify(
    target: Path,
    *,
    vkeys: Sequence[str] = (),
    checkpoints: Sequence[Path] = (),
    expect_size: int | None = None,
    progress: Progress | None = None,
    policies_of: Callable[[sqlite3.Connection], Policies] | None = None,
    processes: int = 1,
    bytes_only: bool = False,
) -> Verdict:
    """``signoff audit verify``: a bundle when *target* is a directory, a database when it is a file.

    *policies_of* reads from a database the policies that its entries name; a bundle has them beside it."""
    if target.is_dir():
        try:
            result = standalone.verify(
                target, list(vkeys), list(checkpoints), expect_size, progress, processes, bytes_only
            )
        except standalone.Bad as e:
            return Verdict(Exit.USAGE, str(e), {"error": str(e)})
        except (OSError, ValueError, KeyError, sqlite3.Error) as e:
            return Verdict(Exit.INCOMPLETE, f"this is not a bundle that can be read: {e}", {"error": str(e)})
        return Verdict(result.exit, standalone.render(result), json.loads(standalone.as_json(result)))
    try:
        verifiers = [parse_vkey(v) for v in vkeys]
    except BadNote as e:
        return Verdict(Exit.USAGE, str(e), {"error": str(e)})
    if checkpoints and not verifiers:
        return Verdict(
            Exit.USAGE, "a head kept outside is believed by its signature: give --vkey", {"error": "no key"}
        )
    if not target.is_file():
        return Verdict(Exit.USAGE, f"there is no bundle or database at {target}", {"error": "not found"})
    outside: list[Checkpoint] = []
    for path in checkpoints:
        try:
            outside.append(open_checkpoint(path.read_text(encoding="utf-8"), verifiers, verifiers[0].name))
        except (BadNote, OSError, UnicodeDecodeError) as e:
            return Verdict(Exit.USAGE, f"{path}: {e}", {"error": str(e)})
    connection = sqlite3.connect(f"file:{target}?mode=ro", uri=True, isolation_level=None)
    try:
        report = verify_database(
            connection,
            verifiers=verifiers,
            external=outside,
            expect_size=expect_size,
            progress=progress,
            policies=_kept(connection, policies_of),
            processes=processes,
            bytes_only=bytes_only,
        )
    finally:
        connection.close()
    return Verdict(report.exit, render(report), facts_of(report))


def _kept(
    connection: sqlite3.Connection, policies_of: Callable[[sqlite3.Connection], Policies] | None
) -> Policies | None:
    """None where nobody reads policies, or the file cannot be read; the walk will say the second."""
    try:
        return None if policies_of is None else policies_of(connection)
    except sqlite3.Error:
        return None


def render(report: Report) -> str:
    """A database report for a person."""
    lines = [
        f"log     {report.origin or '(empty)'}",
        f"size    {report.size}",
        f"heads   {report.checkpoints} signed heads compared",
    ]
    lines += [f"! {f.check}{'' if f.seq is None else f' (entry {f.seq})'}: {f.text}" for f in report.findings]
    if report.dropped:
        lines.append(f"! and {report.dropped} more")
    lines += [f"- {note}" for note in report.notes]
    verdict = {Exit.OK: "nothing wrong was found", Exit.TAMPERED: "TAMPERED"}.get(
        report.exit, "INCOMPLETE: some of it could not be checked"
    )
    return "\n".join([*lines, verdict])


def facts_of(report: Report) -> dict[str, Any]:
    findings = [asdict(f) | {"exit": int(f.exit)} for f in report.findings]
    return {
        "exit": int(report.exit),
        "origin": report.origin,
        "size": report.size,
        "first": report.first,
        "checkpoints": report.checkpoints,
        "root": report.root.hex(),
        "findings": findings,
        "notes": report.notes,
        "dropped": report.dropped,
    }


def export(
    connection: sqlite3.Connection,
    directory: Path,
    vkeys: Sequence[str],
    disclosures: Sequence[Opened] = (),
    timestamps: dict[str, bytes] | None = None,
    policies: Mapping[str, tuple[bytes, bytes]] | None = None,
) -> Exported:
    """``signoff audit export``: a bundle of one state of the log."""
    with _Snapshot(connection):
        return export_bundle(
            Reader(connection),
            directory,
            vkeys,
            disclosures=disclosures,
            timestamps=timestamps,
            policies=policies,
        )


def prove(connection: sqlite3.Connection, seq: int) -> str:
    """``signoff audit prove SEQ``: the tlog-proof file of one entry, the entry inside."""
    with _Snapshot(connection):
        return Reader(connection).proof(seq).text


def check_proof(text: str, vkey: str) -> tuple[Entry, Checkpoint]:
    """The entry that a proof file carries and the head it stands under; raises when it proves nothing."""
    parsed, verifier = tlog_proof.parse(text), parse_vkey(vkey)
    if parsed.extra is None:
        raise tlog_proof.BadProof("this proof does not carry its entry")
    return entry_of(parsed.index, parsed.extra), tlog_proof.verify(
        parsed, parsed.extra, [verifier], verifier.name
    )


def head(connection: sqlite3.Connection) -> str:
    """``signoff audit head``: the newest signed head."""
    return Reader(connection).latest_note()[1]


def search(connection: sqlite3.Connection, query: Query) -> tuple[list[Entry], int | None]:
    """``signoff audit search``: entries newest first, and the cursor of the next page."""
    with _Snapshot(connection):
        page, reader = find(connection, query), Reader(connection)
        return [entry_of(seq, reader.leaf(seq)) for seq in page.seqs], page.next_before


def show(connection: sqlite3.Connection, seq: int) -> Entry:
    """``signoff audit show SEQ``."""
    return entry_of(seq, Reader(connection).leaf(seq))


def who(
    connection: sqlite3.Connection,
    ref: str,
    since_us: int | None = None,
    limit: int = 50,
    before: int | None = None,
) -> tuple[list[Entry], int | None]:
    """``signoff audit who REF``: what one person or agent did."""
    return search(connection, Query(actor=ref, since_us=since_us, limit=limit, before=before))


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that should not be: a begin without an end, an attempt at self-approval, an expiry, an override."""

    kind: str
    seq: int
    request: str
    text: str


def gaps(connection: sqlite3.Connection) -> list[Gap]:
    """``signoff audit gaps``: a standing alert. Reads the whole log."""
    found: list[Gap] = []
    with _Snapshot(connection):
        reader = Reader(connection)
        replay = Replay(complete=reader.minimum() == 0)
        for seq, leaf, _ in reader.leaves(0, reader.head().size):
            body = decode(leaf)
            request, data = str(body.get("req") or ""), body.get("data")
            found += [Gap("unexplained", seq, request, text) for text in replay.step(seq, body)]
            fault = reports.exception_of(str(body["type"]), data if isinstance(data, dict) else {})
            if fault is not None:
                found.append(Gap(fault[0], seq, request, fault[1]))
    found += [
        Gap("begin without end", seq, request, "the grant began to be used and no end is recorded")
        for request, seq in replay.open_begins()
    ]
    return sorted(found, key=lambda gap: gap.seq)


def report(
    connection: sqlite3.Connection,
    framework: str,
    since: datetime,
    until: datetime,
    seed: str,
    sample_size: int = 25,
) -> str:
    """``signoff audit report FRAMEWORK``: the HTML page (prints to PDF from any browser)."""
    with _Snapshot(connection):
        return reports.html(reports.make(Reader(connection), framework, since, until, seed, sample_size))


class _Snapshot:
    """One read transaction around several reads, unless the caller has one."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._mine = False

    def __enter__(self) -> None:
        self._mine = not self._connection.in_transaction
        if self._mine:
            self._connection.execute("BEGIN")

    def __exit__(self, *_: object) -> None:
        if self._mine:
            self._connection.rollback()
