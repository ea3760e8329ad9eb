"""RFC 3161 tokens of a live log, and its disclosures: what a bundle carries in files and a database has beside it or sealed.

Tokens are checked by OpenSSL, as in a bundle (``audit.standalone``). A stamped head is a head that somebody else remembers: it must lie on this
log's history, unless the log itself says that it was restored from before it.
"""

import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.canonical import NotCanonical, decode
from audit.checkpoint import BadNote, Verifier, open_checkpoint
from audit.disclosure import DisclosureError, KeyWrap, open_row
from audit.gate import difference, is_excused
from audit.journal import DisclosureRow, SecretKey
from audit.reader import NotInLog, Reader
from audit.standalone import token_time
from audit.walk import Exit, Report

Bounds = Mapping[int, Sequence[tuple[str, int]]]
"""By size of a head: who saw it, and when (seconds since 1970)."""

_DISCLOSED = (
    "SELECT d.id, d.seq, d.key_scope, d.name, d.nonce, d.ciphertext, k.kek_id, k.wrapped_dek FROM audit_disclosure d"
    " LEFT JOIN audit_secret_key k ON k.key_scope = d.key_scope ORDER BY d.seq"
)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Where the time-stamping anchor keeps its tokens (``SIZE.tsr``) and the heads they cover (``SIZE.note``)."""

    folder: Path
    ca_file: Path


def read_stamps(
    connection: sqlite3.Connection, tokens: Tokens, verifiers: Sequence[Verifier], report: Report
) -> Bounds:
    """Check every token and the head under it; what they bound. Findings go into *report* under ``timestamps``."""
    bounds: dict[int, list[tuple[str, int]]] = {}
    names = sorted(tokens.folder.glob("*.tsr"), key=lambda path: (len(path.stem), path.stem))
    openssl = shutil.which("openssl")
    if names and (openssl is None or not tokens.ca_file.is_file()):
        text = f"{len(names)} time-stamps were not checked: they take openssl and {tokens.ca_file}"
        report.add("timestamps", None, text, Exit.INCOMPLETE)
        return bounds
    reader, lost = Reader(connection), 0
    for token in names:
        note = token.with_suffix(".note")
        moment = token_time(openssl or "", note, token, tokens.ca_file) if note.is_file() else None
        if moment is None:
            report.add(
                "timestamps", None, f"the time-stamp {token.name} does not verify over the head beside it"
            )
            continue
        try:
            head = open_checkpoint(note.read_text("utf-8"), verifiers, verifiers[0].name)
            apart = difference(reader, head)
        except (BadNote, NotInLog, UnicodeDecodeError, IndexError) as e:
            report.add("timestamps", None, f"the stamped head {note.name} cannot be believed: {e}")
            continue
        if apart is None:
            bounds.setdefault(head.size, []).append((f"the time-stamp {token.name}", moment))
        elif is_excused(connection, head):
            lost += 1
        else:
            report.add("timestamps", None, f"{apart} (stamped, {token.name})")
    if lost:
        report.notes.append(
            f"{lost} time-stamps are over heads that a restore lost (log.restored names them)"
        )
    report.notes.append(f"{sum(map(len, bounds.values()))} time-stamps hold")
    return bounds


def open_disclosures(connection: sqlite3.Connection, keks: KeyWrap, origin: str, report: Report) -> None:
    """Open every disclosure that is still there, and hold it against the digest in its entry."""
    reader, opened, seq = Reader(connection), 0, -1
    digests: Mapping[str, object] | None = None
    for *row, kek_id, wrapped in connection.execute(_DISCLOSED):
        disclosure = DisclosureRow(*row)
        if disclosure.seq != seq:
            seq, digests = disclosure.seq, _digests(reader, disclosure.seq)
        if wrapped is None:
            report.add("disclosures", seq, f"the value {disclosure.name} lost its key and was not erased")
            continue
        try:
            found = open_row(
                disclosure, SecretKey(disclosure.key_scope, kek_id, wrapped, False), keks, origin
            )
        except DisclosureError as e:
            report.add("disclosures", seq, str(e))
            continue
        if digests is None:
            report.add("disclosures", seq, "the entry of a disclosed value is not here", Exit.INCOMPLETE)
        elif digests.get(disclosure.name) != found.digest:
            report.add(
                "disclosures", seq, f"the value {disclosure.name} does not open the digest in its entry"
            )
        opened += 1
    report.notes.append(
        f"{opened} values open the digests in their entries; what was erased can never be opened"
    )


def _digests(reader: Reader, seq: int) -> dict[str, object] | None:
    """What the entry commits to; None when it was pruned."""
    try:
        committed = decode(reader.leaf(seq)).get("c")
    except NotInLog:
        return None
    except NotCanonical:
        return {}
    return committed if type(committed) is dict else {}
