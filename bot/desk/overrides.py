"""What the audit log tells of break-glass: uses and their reviews. No table is asked, so none can hide one (T43, T46).

Each entry is read from its leaf bytes, and only when they have the hash that the log holds. Also here: whether a request's
break-glass is in force still. Deliberately absent: doing it (``breaking``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from audit.chain import leaf_hash
from bot.core.facts import Fact
from bot.core.ids import RequestId
from bot.core.people import Actor
from bot.core.policy import BreakGlass
from bot.core.quorum import Case, Facts, Override, may_override
from bot.core.request import Request
from bot.desk.context import Office
from bot.errors import RowForged
from bot.ports import AuditFilter, ReadTx


@dataclass(frozen=True, slots=True)
class Use:
    """One use as the log tells it. *by* is the pseudonym of whoever did it."""

    seq: int
    request: RequestId
    by: str
    at: datetime
    review_by: datetime


def uses(tx: ReadTx, limit: int) -> Iterator[Use]:
    """The newest uses first, each from its leaf bytes."""
    for row in tx.audit_rows(AuditFilter(type=Fact.BREAK_GLASS_USED.entry_type, limit=limit)):
        leaf = leaf_of(row.leaf, row.leaf_hash)
        yield _use(row.seq, leaf, row.at)


def use_of(tx: ReadTx, id: RequestId) -> Use | None:
    """A request is decided once, so it was overridden at most once."""
    mine = AuditFilter(request=id, type=Fact.BREAK_GLASS_USED.entry_type, limit=1)
    return next(
        (_use(row.seq, leaf_of(row.leaf, row.leaf_hash), row.at) for row in tx.audit_rows(mine)), None
    )


def _use(seq: int, leaf: dict[str, Any], at: datetime) -> Use:
    until = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=leaf["data"]["until"])
    return Use(seq, RequestId(leaf["req"]), leaf["act"]["ref"], at, until)


def verdict_of(tx: ReadTx, id: RequestId) -> tuple[str, str, datetime] | None:
    """Verdict, reviewer's pseudonym and instant of the review of *id*; None while there is none."""
    mine = AuditFilter(request=id, type=Fact.BREAK_GLASS_REVIEWED.entry_type, limit=1)
    for row in tx.audit_rows(mine):
        leaf = leaf_of(row.leaf, row.leaf_hash)
        return str(leaf["data"]["status"]), str(leaf["act"]["ref"]), row.at
    return None


def leaf_of(leaf: bytes, stored_hash: bytes) -> dict[str, Any]:
    """The entry as it was hashed, never as the columns beside it say."""
    if leaf_hash(leaf) != stored_hash:
        raise RowForged("audit_leaf")
    found: dict[str, Any] = msgspec.json.decode(leaf)
    return found


def in_force(office: Office, request: Request) -> BreakGlass | None:
    """The break-glass of *request*: as its policy said, while the policy in force still says the same."""
    glass = request.requirement.break_glass
    return glass if glass is not None and glass == office.book.policy.break_glass else None


def may_break(office: Office, request: Request, case: Case, viewer: Actor, facts: Facts) -> bool:
    """Whether *viewer* is offered it: a courtesy. *facts* hold the membership as it is, without what delegations lend."""
    glass = in_force(office, request)
    opened = replace(case, glass=glass.group if glass is not None else None)
    return may_override(opened, Override(viewer.person, viewer.assurance), facts) is None
