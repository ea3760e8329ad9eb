"""``signoff audit recent``, ``search``, ``who``, ``show``: reading entries, as ``/audit`` does in chat; journalled first.

Decided here: that whatever is shown is held against the newest signed head first, entry by entry, and that the answer says so.
Deliberately absent: judging the whole log (``signoff audit verify``).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from audit import cli as log
from audit.checkpoint import BadNote, parse_vkey
from audit.formats import Entry
from audit.proof import BadProof, verify
from audit.query import LIMIT_MAX, Query
from audit.reader import NotInLog, Reader
from bot.chat.commands import REQUEST, Mistake, parse
from bot.chat.evidence import day
from bot.cli._io import CONFIG, CommandError, ConfigOption, Exit, JsonOption, Speaker, shown
from bot.cli._local import administer
from bot.cli.audit import entry_json, journalled, us, vkeys
from bot.config import Config, load
from bot.core.facts import Fact
from bot.core.ids import person_id

LimitOption = Annotated[int, typer.Option(min=1, max=500, help="At most this many.")]
BeforeOption = Annotated[
    int | None, typer.Option(min=0, help="Only entries before this one (`next` of the page before).")
]
SEQ_DIGITS_MAX: Final = 15
WhoOption = Annotated[
    str | None, typer.Option(help="Whose doing: person:NAME, @NAME, or a reference as entries show it.")
]


@dataclass(frozen=True, slots=True)
class Checked:
    """The entries of one answer, held against the newest signed head: those that do not hold, and how many are too new for any."""

    size: int
    signed: int
    unsigned: int
    broken: tuple[int, ...]

    @property
    def words(self) -> str:
        said = f"{self.size:,} entries, signed up to {self.signed:,}; "
        if self.broken:
            return f"{said}THESE DO NOT HOLD: {', '.join(map(str, self.broken))}. Run signoff audit verify."
        held = "what is shown was checked, and holds"
        return said + held + (f" ({self.unsigned} not signed yet)." if self.unsigned else ".")


def add_to(family: typer.Typer) -> None:
    for command in (recent, search, who, show):
        family.command(command.__name__)(command)


def recent(
    limit: LimitOption = 20,
    before: BeforeOption = None,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """The newest entries, newest first."""
    _page(config, is_json, Query(limit=limit, before=before))


def search(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY:VALUE]...", help="As in chat, such as type:vote.cast since:2026-11-01."),
    ] = None,
    request: Annotated[str | None, typer.Option(help="Id of a request.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Such as decision.approved.")] = None,
    actor: WhoOption = None,
    action: Annotated[str | None, typer.Option(help="Such as db.export.")] = None,
    resource: Annotated[str | None, typer.Option(help="Such as postgres, as entries show it.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Such as refused.")] = None,
    since: Annotated[datetime | None, typer.Option(help="From this time on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before this time, UTC.")] = None,
    limit: LimitOption = 50,
    before: BeforeOption = None,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Entries that match all that is given, newest first."""
    typed = _typed(words) if words else {}
    given = {
        "request": request, "type": type_, "actor": actor, "action": action, "resource": resource, "outcome": outcome,
        "since": since, "until": until, "before": before,
    }  # fmt: skip
    twice = sorted(key for key, value in given.items() if value is not None and key in typed)
    if twice:
        raise CommandError(f"{', '.join(twice)} is given twice", Exit.USAGE)
    found = given | typed
    who = found["actor"]
    query = Query(
        req=found["request"], type=found["type"], actor=_ref(config, who) if who else None, action=found["action"],
        resource=found["resource"], outcome=found["outcome"], since_us=us(found["since"]), until_us=us(found["until"]), limit=limit, before=found["before"],
    )  # fmt: skip
    _page(config, is_json, query)


def _typed(words: list[str]) -> dict[str, Any]:
    """``key:value`` words as chat takes them."""
    command = parse("audit", " ".join(["search", *words]))
    if isinstance(command, Mistake) or command.name != "search":
        raise CommandError("words are written key:value, such as type:vote.cast", Exit.USAGE)
    typed: dict[str, Any] = dict(command.keys)
    for key in typed.keys() & {"since", "until"}:
        typed[key] = day(typed[key])
        if typed[key] is None:
            raise CommandError("a day is written 2026-11-23", Exit.USAGE)
    if "before" in typed:
        typed["before"] = int(typed["before"])
    return typed


def who(
    ref: Annotated[
        str,
        typer.Argument(
            metavar="WHO", help="person:NAME or @NAME; or a pseudonym or an agent, as entries show it."
        ),
    ],
    limit: LimitOption = 50,
    before: BeforeOption = None,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """What one person or agent did."""
    _page(config, is_json, Query(actor=_ref(config, ref), limit=limit, before=before))


def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="An entry's number, or a request's id.")],
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """One entry, whole; or every entry of one request."""
    if REQUEST.fullmatch(id):
        _page(config, is_json, Query(req=id, limit=LIMIT_MAX), command="show")
        return
    if not (id.isascii() and id.isdigit() and len(id) <= SEQ_DIGITS_MAX):
        raise CommandError("give an entry's number, or a request's id (req_…)", Exit.USAGE)
    settings = load(config)
    entry, checked = journalled(
        config, Fact.AUDIT_QUERIED, {"command": "show"}, lambda c: (log.show(c, int(id)), _check(c, settings, [int(id)]))
    )  # fmt: skip
    Speaker(is_json).answer(
        entry_json(entry) | {"checked": asdict(checked)},
        shown(json.dumps(dict(entry.body), ensure_ascii=False)),
        f"hash {entry.hash}",
        checked.words,
    )


def _ref(config: Path, who: str) -> str:
    """The pseudonym of a person who is named; anything else as it is."""
    if not who.startswith(("@", "person:")):
        return who
    try:
        id = person_id(who.removeprefix("@"))
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE) from None
    person = administer(config, lambda bot: bot.desk.person(id))
    if person is None:
        raise CommandError("that is nobody known here")
    return person.ref


def _page(config: Path, is_json: bool, query: Query, command: str = "search") -> None:
    settings = load(config)

    def look(connection: sqlite3.Connection) -> tuple[list[Entry], int | None, Checked]:
        entries, following = log.search(connection, query)
        return entries, following, _check(connection, settings, [entry.seq for entry in entries])

    entries, following, checked = journalled(config, Fact.AUDIT_QUERIED, {"command": command}, look)
    speaker = Speaker(is_json)
    rows = [
        (
            e.seq,
            e.body["ts"][:19].replace("T", " "),
            e.type,
            e.actor,
            e.body.get("req", ""),
            e.body.get("outcome", ""),
        )
        for e in entries
    ]
    columns = ("entry", "at (UTC)", "type", "who", "request", "outcome")
    table = speaker.table(columns, rows, whole=("entry", "at (UTC)", "type", "outcome"))
    data = {
        "entries": [entry_json(e) for e in entries],
        "next": following,
        "checked": asdict(checked),
    }
    more = [] if following is None else [f"more: --before {following}"]
    speaker.answer(data, table if entries else "No entry matches.", *more, checked.words)


def _check(connection: sqlite3.Connection, config: Config, seqs: Sequence[int]) -> Checked:
    """Each entry's proof under the newest signed head that covers it."""
    reader = Reader(connection)
    verifiers = tuple(parse_vkey(vkey) for vkey in vkeys(config))
    try:
        signed = reader.latest_note()[0]
    except NotInLog:
        signed = 0
    broken = []
    for seq in seqs:
        if seq >= signed:
            continue
        try:
            verify(reader.proof(seq), reader.leaf(seq), verifiers, config.audit_origin)
        except (BadProof, BadNote):
            broken.append(seq)
    unsigned = sum(seq >= signed for seq in seqs)
    return Checked(reader.head().size, signed, unsigned, tuple(broken))
