"""What ``signoff audit …`` does, as plain functions. The command line only parses and prints.

Each takes an open connection (or a path) and returns a value; none prints, exits or reads a
clock. Reading and exporting are journalled by the caller *before* the answer is shown
(``audit.queried``, ``audit.exported``): that needs the application's own writer.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from audit import proof as tlog_proof
from audit import report as reports
from audit.canonical import decode
from audit.checkpoint import Checkpoint, parse_vkey
from audit.disclosure import Opened
from audit.exceptions import Exceptions
from audit.export import Exported, export_bundle
from audit.formats import FORMATS, Entry, csv_header, entry_of
from audit.query import Query, find, first_at_or_after
from audit.reader import Reader
from audit.semantics import Replay
from audit.verdict import Verdict, facts_of, render, verify
from audit.walk import us_of

__all__ = ["Verdict", "facts_of", "render", "verify"]


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


@dataclass(frozen=True, slots=True)
class Written:
    """*count* entries from *first* to *last* (one less than *first* when there are none)."""

    first: int
    last: int
    count: int


def export_entries(
    connection: sqlite3.Connection, out: BinaryIO, form: str, since_us: int | None, until_us: int | None
) -> Written:
    """``signoff audit export --format``: entries from *since_us* to before *until_us* (microseconds since 1970), in one of ``FORMATS``."""
    render = FORMATS[form]
    with _Snapshot(connection):
        reader = Reader(connection)
        first = reader.minimum() if since_us is None else first_at_or_after(connection, since_us)
        end = reader.head().size if until_us is None else first_at_or_after(connection, until_us)
        if form == "csv":
            out.write(csv_header().encode())
        count = 0
        for seq, leaf, _ in reader.leaves(first, end):
            out.write(render(entry_of(seq, leaf)))
            count += 1
        return Written(first, first + count - 1, count)


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
        replay, exceptions = Replay(complete=reader.minimum() == 0), Exceptions()
        for seq, leaf, _ in reader.leaves(0, reader.head().size):
            body = decode(leaf)
            request = str(body.get("req") or "")
            found += [Gap("unexplained", seq, request, text) for text in replay.step(seq, body)]
            found += [Gap(*one) for one in exceptions.take(seq, body, us_of(str(body["ts"])))]
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
