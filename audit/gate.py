"""The start-up gate: may this database go on, or is it older than what others remember?

A log cut back to one of its own signed heads passes every check from inside. So before the
first request is served the newest heads kept elsewhere are compared with the database. A
head that the database does not contain stops the start until an administrator has the
difference written down (``log.restored``, naming that very head). Cost does not grow with the
log: one path of tiles and the last tile's entries.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audit import merkle
from audit.canonical import decode
from audit.chain import b64u, leaf_hash
from audit.checkpoint import BadNote, Checkpoint, Verifier, open_checkpoint
from audit.entry import Actor, Draft, EntryType, Outcome
from audit.fields import Value
from audit.journal import JournalError
from audit.reader import NotInLog, Reader
from audit.rotation import followed

TAIL: Final = 256


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the start is refused: which anchor (or ``database``), and a sentence for the operator."""

    anchor: str
    text: str
    remembered: Checkpoint | None = None


def examine(
    connection: sqlite3.Connection,
    remembered: Mapping[str, str | None],
    verifiers: Sequence[Verifier],
    origin: str,
) -> list[Refusal]:
    """All that speaks against starting; empty when nothing does.

    *remembered* is the newest note of each anchor by its name; None where an anchor has never
    seen this log (a new installation). A note that cannot be read or believed refuses.
    """
    reader = Reader(connection)
    try:
        fault = head_fault(reader, verifiers, origin)
    except (JournalError, NotInLog, sqlite3.DatabaseError) as e:
        fault = str(e)
    if fault is not None:
        return [Refusal("database", fault)]
    known = (*verifiers, *followed(verifiers, reader.rotations()))
    refusals = []
    for anchor, note in remembered.items():
        if note is None:
            continue
        try:
            head = open_checkpoint(note, known, origin)
        except BadNote as e:
            refusals.append(Refusal(anchor, f"the head kept by {anchor} cannot be believed: {e}"))
            continue
        text = difference(reader, head)
        if text is not None and not is_excused(connection, head):
            refusals.append(Refusal(anchor, f"{text} (kept by {anchor})", head))
    return refusals


def head_fault(reader: Reader, verifiers: Sequence[Verifier], origin: str) -> str | None:
    """What is wrong with the database's own right edge: head row, tail entries, newest signed head."""
    head = reader.head()
    if head.size == 0:
        return None
    if head.root != reader.root_at(head.size):
        return "the head row does not belong to the entries: run `signoff audit verify`"
    start = max(reader.minimum(), head.size - TAIL)
    for seq, leaf, stored in reader.leaves(start, head.size):
        if leaf_hash(leaf) != stored:
            return f"entry {seq} was changed: run `signoff audit verify`"
    size, note = reader.latest_note()
    try:
        signed = open_checkpoint(note, verifiers, origin)
    except BadNote as e:
        return f"the newest signed head cannot be believed: {e}"
    if signed.size != size or size != head.size or signed.root != head.root:
        return f"the newest signed head is of {signed.size} entries, the database has {head.size}: run `signoff audit verify`"
    return None


def difference(reader: Reader, kept: Checkpoint) -> str | None:
    """How the database contradicts the head *kept* elsewhere; None when it contains it."""
    size = reader.head().size
    if kept.size > size:
        return f"the log has {size} entries, but a signed head of {kept.size} was kept: this database is older (restored or rolled back)"
    if kept.size < reader.minimum():
        return None
    if reader.root_at(kept.size) != kept.root:
        return f"the log's first {kept.size} entries are not those that were signed: history was rewritten"
    return None


def is_excused(connection: sqlite3.Connection, kept: Checkpoint) -> bool:
    """True when a ``log.restored`` entry names this very head."""
    rows = connection.execute(
        "SELECT leaf FROM audit_leaf WHERE type = 'log.restored' ORDER BY seq DESC LIMIT 1000"
    )
    for (leaf,) in rows:
        data = decode(leaf).get("data")
        if isinstance(data, dict) and (data.get("anchor_size"), data.get("anchor_root")) == (
            kept.size,
            b64u(kept.root),
        ):
            return True
    return False


def restored(id: str, actor: Actor, now: datetime, reader: Reader, kept: Checkpoint, anchor: str) -> Draft:
    """The entry by which an administrator takes responsibility for going on from an older database."""
    head = reader.head()
    data: dict[str, Value] = {
        "anchor": anchor,
        "anchor_size": kept.size,
        "anchor_root": b64u(kept.root),
        "db_size": head.size,
        "db_root": b64u(head.root if head.size else merkle.EMPTY_ROOT),
    }
    return Draft(EntryType.LOG_RESTORED, id, Outcome.SUCCESS, actor, now, data=data)
