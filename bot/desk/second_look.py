"""What the log remembers of earlier clicks, where a rule asks: who was told to look again (T08), and who approved for whom (T06).

Read from the audit log, for rules that say so alone. Deliberately absent: what follows from it (``bot.core.quorum``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from bot.core.facts import Fact
from bot.core.ids import PersonId
from bot.core.people import Actor
from bot.core.reasons import Reason
from bot.core.request import Request
from bot.desk import entries
from bot.desk.overrides import leaf_of
from bot.ports import AuditFilter, ReadTx

PAUSE: Final = timedelta(seconds=2)
"""Between being told to look again and approving: a double click is no second look."""
_PAGE: Final = 500


def looked(tx: ReadTx, request: Request, actor: Actor, now: datetime) -> bool:
    """Whether *actor* was told to look at *request* again, and has had the time to."""
    if request.requirement.second_look is None:
        return False
    ref = entries.ref_of(tx, actor.person)
    told = AuditFilter(
        request=request.id, type=Fact.VOTE_REFUSED.entry_type, actor=ref, until=now - PAUSE, limit=_PAGE
    )
    return any(
        leaf_of(row.leaf, row.leaf_hash)["data"].get("reason") == Reason.SECOND_LOOK.value
        for row in tx.audit_rows(told)
    )


def returned(tx: ReadTx, request: Request, now: datetime) -> frozenset[PersonId]:
    """Everybody for whom one of those who ask here has approved, within the rule's time. Nobody where the rule has none."""
    within = request.requirement.no_reciprocal_within
    if within is None:
        return frozenset()
    asking = {entries.ref_of(tx, person) for person in _askers(tx, request)} - {"unknown"}
    owed: set[str] = set()
    for data in _approved_since(tx, now - within):
        if asking & {str(seat).partition("=")[2] for seat in data.get("seated") or ()}:
            owed.update(data.get("separated") or ())
    return frozenset(person.id for person in tx.people() if person.ref in owed)


def _askers(tx: ReadTx, request: Request) -> set[PersonId]:
    agent = tx.agent(request.agent)
    owners = set(agent.owners) if agent is not None else set()
    return owners | ({request.on_behalf_of} if request.on_behalf_of is not None else set())


def _approved_since(tx: ReadTx, since: datetime) -> Iterator[dict[str, Any]]:
    before: int | None = None
    while True:
        filter = AuditFilter(type=Fact.DECISION_APPROVED.entry_type, since=since, before=before, limit=_PAGE)
        rows = tx.audit_rows(filter)
        for row in rows:
            yield leaf_of(row.leaf, row.leaf_hash)["data"]
        if len(rows) < _PAGE:
            return
        before = rows[-1].seq
