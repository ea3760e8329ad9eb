"""The book of standing approvals: their rows, which one may stand in for a quorum now, and what the log says of it.

Kept as sealed settings (decision 0602) and held against the log at each use: granting, revocation and uses are counted there, so an
older row put back opens nothing (T46). Its approvers are asked about again at each use (T39). Deliberately absent: granting,
using and taking back (``standing_approvals``), and the terms (``bot.core.standing_approval``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import msgspec

from bot.core import standing_approval
from bot.core.canonical import canonical
from bot.core.facts import Fact
from bot.core.ids import AgentId, Digest, GroupName, RequestId
from bot.core.policy import Rule
from bot.core.quorum import Seat, counts, standing
from bot.core.request import Ask, Request, RequestState, Vote
from bot.core.standing_approval import StandingApproval, StandingState, state_of
from bot.desk import entries
from bot.desk.context import Office, epoch_of
from bot.desk.overrides import leaf_of
from bot.desk.standing import Membership, approvals, case_of, facts_now
from bot.errors import RowForged
from bot.ports import AuditFilter, ReadTx, Tx

META: Final = "standing:"
META_OF: Final = "standing_of:"
META_IDS: Final = "standing_ids"
KEPT_MAX: Final = 500
"""Standing approvals that are listed: live ones, and those that ended within KEPT_FOR. More are not granted."""
KEPT_FOR: Final = timedelta(days=30)
OF_SCOPE_MAX: Final = 20
BASIS: Final = "standing"


@dataclass(frozen=True, slots=True)
class StandIn:
    """A standing approval that decides, with its votes and who sits where by them now."""

    approval: StandingApproval
    votes: tuple[Vote, ...]
    seats: tuple[Seat, ...]


def scope_of(office: Office, ask: Ask, agent: AgentId, rule: Rule) -> str:
    """A MAC, because what requests must share may be personal data (I10). The wish for a standing approval is not part of it."""
    same = rule.requirement.standing.same if rule.requirement.standing is not None else ()
    shared: dict[str, Any] = {
        "agent": agent,
        "rule": rule.name,
        "same": list(same),
        "action": ask.action,
        "type": ask.resource.type,
        "env": ask.resource.env,
    }
    if "resource" in same:
        shared["id"], shared["resolved"] = ask.resource.id, ask.resource.resolved
    if "parameters" in same:
        shared["parameters"] = ask.payload.get("parameters")
        shared["precondition"] = ask.payload.get("precondition")
    if "on_behalf_of" in same:
        shared["on_behalf_of"] = ask.on_behalf_of
    return office.keys.mac("standing", canonical(shared)).hex()


def groups_for(rules: Iterator[Rule]) -> frozenset[GroupName]:
    """Whose membership must be known before a standing approval may stand in for one of *rules*."""
    return frozenset().union(
        *(rule.requirement.groups for rule in rules if rule.requirement.standing is not None)
    )


def find(
    office: Office, tx: ReadTx, ask: Ask, request: Request, rule: Rule, membership: Membership | None
) -> StandIn | None:
    """The first standing approval that decides *request*; None: people are asked, as always."""
    if rule.requirement.standing is None or ask.standing is not None:
        return None
    scope = scope_of(office, ask, request.agent, rule)
    classes = frozenset(name for name, _ in request.classes)
    for id in ids(tx, META_OF + scope):
        approval = read(tx, id)
        if approval is None or not standing_approval.covers(approval, request.agent, scope, classes):
            continue
        if state_of(approval, hash_of(rule.text), epoch_of(tx), request.created_at) is not StandingState.LIVE:
            continue
        found = _counting(office, tx, approval, request, membership)
        if found is not None:
            _holds(tx, approval)
            return found
    return None


def still_counts(office: Office, tx: ReadTx, request: Request, membership: Membership | None) -> bool | None:
    """Whether the standing approval that decided *request* would decide it still, its uses apart; None: none did."""
    mine = AuditFilter(request=request.id, type=Fact.DECISION_APPROVED.entry_type, limit=1)
    decision = _newest(tx, mine)
    if decision is None or decision["data"].get("basis") != BASIS:
        return None
    approval = read(tx, RequestId(decision["data"]["standing_id"]))
    if approval is None or approval.revoked_at is not None:
        return False
    at_this_instant = replace(request, created_at=tx.now())
    return _counting(office, tx, approval, at_this_instant, membership) is not None


def _counting(
    office: Office, tx: ReadTx, approval: StandingApproval, request: Request, membership: Membership | None
) -> StandIn | None:
    """Every approval must count still, for *request* too, and together they must still fill every seat (I3, T39)."""
    origin = tx.request(approval.id)
    if origin is None or origin.state is not RequestState.APPROVED:
        return None
    votes = tx.votes(origin.id)
    facts = facts_now(office, tx, origin, votes, membership, None, request.created_at)
    case = replace(case_of(origin, votes), separation=origin.separation | request.separation)
    stand = approvals(votes)
    seats = standing(case, facts)
    if not stand or not all(counts(case, vote.person, facts) for vote in stand) or not seats.is_full:
        return None
    return StandIn(approval, tuple(stand), seats.seats)


def _holds(tx: ReadTx, approval: StandingApproval) -> None:
    """Raise ``RowForged`` unless the log tells of *approval* what its row does: granted so, not taken back, used so often."""
    granted = _newest(tx, AuditFilter(request=approval.id, type=Fact.STANDING_GRANTED.entry_type, limit=1))
    revoked = _newest(tx, AuditFilter(request=approval.id, type=Fact.STANDING_REVOKED.entry_type, limit=1))
    last = _newest(tx, AuditFilter(actor=approval.id, type=Fact.DECISION_APPROVED.entry_type, limit=1))
    said = granted["data"] if granted is not None else {}
    terms = (said.get("use_count"), said.get("until"), said.get("scope_hash"))
    uses = last["data"]["use_count"] if last is not None else 0
    if (
        terms != (approval.uses_max, entries.us(approval.until), approval.scope)
        or revoked is not None
        or uses != approval.uses
    ):
        raise RowForged("meta")


def _newest(tx: ReadTx, filter: AuditFilter) -> dict[str, Any] | None:
    return next((leaf_of(row.leaf, row.leaf_hash) for row in tx.audit_rows(filter)), None)


def hash_of(rule_text: str) -> Digest:
    return Digest("sha256:" + sha256(rule_text.encode()).hexdigest())


def keep(tx: Tx, approval: StandingApproval) -> None:
    tx.set_meta(META + approval.id, msgspec.json.encode(approval).decode())


def read(tx: ReadTx, id: RequestId) -> StandingApproval | None:
    text = tx.meta(META + id)
    return msgspec.json.decode(text, type=StandingApproval) if text else None


def ids(tx: ReadTx, key: str) -> list[RequestId]:
    text = tx.meta(key)
    return msgspec.json.decode(text, type=list[RequestId]) if text else []


def listed(tx: ReadTx, now: datetime) -> list[RequestId]:
    """Those that are listed: what ended long ago is in the log alone."""
    found = ((id, read(tx, id)) for id in ids(tx, META_IDS))
    return [id for id, approval in found if approval is not None and now < approval.until + KEPT_FOR]
