"""Evidence for auditors: a proof, what should not be, a slice of the log, a report. Journalled before it is handed out (AU-9, T35).

Decided here: who may have it (auditors and administrators, enabled now), and that somebody who may not, and something that is not
there, get the same answer. Deliberately absent: how the log is read (``Library``), and how the answer looks on a surface.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from audit.entry import Outcome
from audit.fields import Value
from audit.report import Report as LogReport
from bot.core.facts import Fact
from bot.core.people import Actor, Role
from bot.core.reasons import Reason, Refused
from bot.desk import entries
from bot.desk.context import Office
from bot.ports import Tx

ENTRIES_MAX: Final = 100_000
"""Entries of one slice: about 70 MB of leaves would be a bundle, and that is the command line's (``signoff audit export``)."""
GAPS_MAX: Final = 1_000

Bound = int | datetime
"""The number of an entry, or an instant."""


@dataclass(frozen=True, slots=True)
class Prove:
    seq: int


@dataclass(frozen=True, slots=True)
class Gaps:
    pass


@dataclass(frozen=True, slots=True)
class Export:
    """From *start* to before *end* when they are instants; both ends included when they are entry numbers."""

    start: Bound
    end: Bound
    form: str


@dataclass(frozen=True, slots=True)
class Report:
    """*form*: ``html`` or ``pdf``; either way the report itself comes along, for a surface that draws its own."""

    framework: str
    since: datetime
    until: datetime
    seed: str = "0"
    form: str = "html"
    sample: int = 25


@dataclass(frozen=True, slots=True)
class Tile:
    """One file of the log as C2SP tlog-tiles has it: *level* a hash level from 0, or -1 for a bundle of entries."""

    level: int
    n: int
    width: int


ENTRIES_LEVEL: Final = -1

Wanted = Prove | Gaps | Export | Report | Tile


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that should not be, in fixed words; ``seq`` is the entry that shows it."""

    kind: str
    seq: int
    request: str
    words: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """``content`` is the file (empty for gaps). ``first`` and ``last`` are the entries it speaks of. ``whole``: what was handed out was
    checked while it was read (a proof against its signed head, every link of a slice, the replay for gaps) and holds; *finding* says
    in fixed words what does not. ``left_out``: how many entries or gaps the limit cut off."""

    name: str
    media_type: str
    content: bytes
    first: int
    last: int
    count: int
    whole: bool
    finding: str = ""
    left_out: int = 0
    gaps: tuple[Gap, ...] = ()
    report: LogReport | None = None


class Library(Protocol):
    """Reads the live log off the event loop, one reading at a time. None: there is no such entry, or no signed head over it yet."""

    async def fetch(self, wanted: Wanted) -> Evidence | None: ...


async def evidence(
    office: Office, library: Library | None, viewer: Actor, wanted: Wanted
) -> Evidence | Refused:
    """See ``Desk.evidence``. What is read is written down, and committed, before it is returned."""
    command = type(wanted).__name__.lower()
    may = await office.store.read(
        lambda tx: (
            (p := tx.person(viewer.person)) is not None
            and p.enabled
            and bool(p.roles & {Role.AUDITOR, Role.ADMIN})
        )
    )
    found = await library.fetch(wanted) if may and library is not None else None

    def work(tx: Tx) -> Evidence | Refused:
        person = tx.person(viewer.person)
        entitled = person is not None and person.enabled and person.roles & {Role.AUDITOR, Role.ADMIN}
        if found is None or not entitled:
            _journal(office, tx, viewer, Fact.COMMAND_REFUSED, Outcome.REFUSED, {"command": command, "reason": Reason.NOT_FOUND.value})  # fmt: skip
            return Refused(Reason.NOT_FOUND)
        if isinstance(wanted, Tile) and wanted.level != ENTRIES_LEVEL:
            return found  # hashes say nothing of any entry: what is handed out is no reading of the log
        if isinstance(wanted, Gaps):
            data: dict[str, Value] = {"query": command, "size": found.count}
            _journal(office, tx, viewer, Fact.AUDIT_QUERIED, Outcome.SUCCESS, data)
            return found
        form = wanted.form if isinstance(wanted, Export) else found.name.rpartition(".")[2]
        data = {
            "command": command,
            "format": form,
            "first": found.first,
            "last": found.last,
            "size": found.count,
        }
        _journal(office, tx, viewer, Fact.AUDIT_EXPORTED, Outcome.SUCCESS, data)
        return found

    return await office.store.write(work)


def _journal(
    office: Office, tx: Tx, viewer: Actor, fact: Fact, outcome: Outcome, data: dict[str, Value]
) -> None:
    who = entries.person_actor(tx, viewer)
    tx.append(entries.draft(fact, tx.now(), office.rand, who, outcome, data=data))
