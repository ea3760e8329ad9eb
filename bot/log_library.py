"""The live log as a library: proofs, slices, gaps and reports read over a read-only connection of their own, off the event loop.

Decided here: that whatever is handed out was checked while it was read, and how much one answer may hold. Deliberately absent: who may
have it, and writing down that somebody had it (``bot.desk.evidence``).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Final

from audit import cli as log
from audit import report as reports
from audit.chain import b64u, leaf_hash
from audit.checkpoint import BadNote, Verifier
from audit.controls import FRAMEWORKS
from audit.entry import ts_us
from audit.formats import FORMATS, csv_header, entry_of
from audit.proof import BadProof, verify
from audit.query import first_at_or_after
from audit.reader import NotInLog, Reader
from audit.report_pdf import is_available, pdf
from audit.tiles import WIDTH, bundle
from bot.desk.evidence import (
    ENTRIES_LEVEL,
    ENTRIES_MAX,
    GAPS_MAX,
    Bound,
    Evidence,
    Export,
    Gap,
    Gaps,
    Prove,
    Report,
    Tile,
    Wanted,
)

FORMS: Final = frozenset({"html", "pdf"})
MEDIA: Final = {"csv": "text/csv", "cef": "text/plain", "syslog": "text/plain"}
ENDINGS: Final = {
    "jsonl": "jsonl",
    "csv": "csv",
    "ocsf": "ocsf.jsonl",
    "cef": "cef",
    "syslog": "log",
    "cloudevents": "cloudevents.jsonl",
    "otel": "otel.jsonl",
}


class LogLibrary:
    """``bot.desk.evidence.Library`` over one SQLite database."""

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], verifiers: tuple[Verifier, ...], origin: str
    ) -> None:
        self._connect = connect
        self._verifiers = verifiers
        self._origin = origin
        self._one = asyncio.Lock()

    async def fetch(self, wanted: Wanted) -> Evidence | None:
        async with self._one:
            return await asyncio.to_thread(self._read, wanted)

    def _read(self, wanted: Wanted) -> Evidence | None:
        with closing(self._connect()) as connection:
            connection.isolation_level = None
            connection.execute("BEGIN")
            try:
                return self._answer(connection, wanted)
            except NotInLog:
                return None

    def _answer(self, connection: sqlite3.Connection, wanted: Wanted) -> Evidence | None:
        match wanted:
            case Prove():
                return self._prove(Reader(connection), wanted.seq)
            case Gaps():
                return _gaps(connection)
            case Export():
                return slice_of(Reader(connection), wanted)
            case Report():
                return _report(connection, wanted)
            case Tile():
                return _tile(Reader(connection), wanted)

    def _prove(self, reader: Reader, seq: int) -> Evidence:
        proof, leaf = reader.proof(seq), reader.leaf(seq)
        try:
            verify(proof, leaf, self._verifiers, self._origin)
            finding = ""
        except (BadProof, BadNote):
            finding = "the proof does not hold under the signed head"
        name = f"entry-{seq}.tlog-proof"
        return Evidence(
            name, "text/plain", proof.text.encode(), seq, seq, 1, whole=not finding, finding=finding
        )


def _tile(reader: Reader, wanted: Tile) -> Evidence | None:
    """A tile whose hashes, or a bundle whose entries, are all under a signed head; each entry's hash is computed again."""
    level, start = max(wanted.level, 0), wanted.n * WIDTH
    size, _ = reader.latest_note()
    first, past = start << (8 * level), (start + wanted.width) << (8 * level)
    if past > size or (wanted.level == ENTRIES_LEVEL and first < reader.minimum()):
        return None
    if wanted.level != ENTRIES_LEVEL:
        content, finding = b"".join(reader.hashes(level, start, wanted.width)), ""
        name = f"tile-{level}-{wanted.n}.hashes"
    else:
        rows = list(reader.leaves(start, past))
        broken = next((seq for seq, leaf, stored in rows if leaf_hash(leaf) != stored), None)
        finding = "" if broken is None else f"the chain does not hold at entry {broken}"
        content, name = bundle(leaf for _, leaf, _ in rows), f"bundle-{wanted.n}.tile"
    return Evidence(
        name, "application/octet-stream", content, first, past - 1, past - first, whole=not finding, finding=finding
    )  # fmt: skip


def _gaps(connection: sqlite3.Connection) -> Evidence:
    found = log.gaps(connection)
    kept = tuple(Gap(gap.kind, gap.seq, gap.request, gap.text) for gap in found[-GAPS_MAX:])
    size = Reader(connection).head().size
    unexplained = any(gap.kind == "unexplained" for gap in found)
    return Evidence(
        "gaps", "text/plain", b"", 0, max(size - 1, 0), len(found), whole=not unexplained,
        finding="entries that the replay cannot explain" if unexplained else "", left_out=len(found) - len(kept), gaps=kept,
    )  # fmt: skip


def slice_of(reader: Reader, wanted: Export) -> Evidence | None:
    """The entries in the form asked for. Each one's hash and its link to the one before are computed again on the way."""
    render = FORMATS.get(wanted.form)
    size = reader.head().size
    first = max(_seq(reader, wanted.start), reader.minimum())
    past = _seq(reader, wanted.end) + (1 if isinstance(wanted.end, int) else 0)
    past = min(past, size)
    if render is None or first >= past:
        return None
    end = min(past, first + ENTRIES_MAX)
    out = bytearray(csv_header().encode() if wanted.form == "csv" else b"")
    before, finding = b"", ""
    for seq, leaf, stored in reader.leaves(first, end):
        entry, hash_now = entry_of(seq, leaf), leaf_hash(leaf)
        if hash_now != stored or (before and entry.body.get("prev") != b64u(before)):
            finding = finding or f"the chain does not hold at entry {seq}"
        before = hash_now
        out += render(entry)
    name = f"audit-{first}-{end - 1}.{ENDINGS[wanted.form]}"
    media = MEDIA.get(wanted.form, "application/x-ndjson")
    return Evidence(
        name, media, bytes(out), first, end - 1, end - first, whole=not finding, finding=finding, left_out=past - end
    )  # fmt: skip


def _seq(reader: Reader, bound: Bound) -> int:
    return first_at_or_after(reader.connection, ts_us(bound)) if isinstance(bound, datetime) else bound


def _report(connection: sqlite3.Connection, wanted: Report) -> Evidence | None:
    if (
        wanted.framework not in FRAMEWORKS
        or wanted.form not in FORMS
        or (wanted.form == "pdf" and not is_available())
    ):
        return None
    made = reports.make(
        Reader(connection), wanted.framework, wanted.since, wanted.until, wanted.seed, wanted.sample
    )
    if wanted.form == "pdf":
        media, content = "application/pdf", pdf(made)
    else:
        media, content = "text/html", reports.html(made).encode()
    name = f"report-{wanted.framework}-{wanted.since:%Y%m%d}-{wanted.until:%Y%m%d}.{wanted.form}"
    finding = "" if made.whole else "entries of the period are missing or were changed"
    return Evidence(
        name, media, content, made.first, max(made.last, made.first), max(made.last + 1 - made.first, 0),
        whole=made.whole, finding=finding, report=made,
    )  # fmt: skip
