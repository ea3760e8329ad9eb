"""Standing approvals: begun with the decision of the quorum that granted them, used inside the transaction of each ask, taken back at once.

Decided here: that each use is an entry which names it and the votes it rests on, and who may take one back. Writes are serial, so
N uses are N grants. Deliberately absent: which one may stand in (``standing_book``) and the terms (``bot.core.standing_approval``).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

import msgspec

from audit.entry import Actor as LogActor
from audit.entry import Outcome
from bot.core import standing_approval
from bot.core.facts import Fact
from bot.core.ids import AgentId, Digest, RequestId
from bot.core.people import Actor, Role
from bot.core.policy import Rule
from bot.core.reasons import Reason, Refused
from bot.core.request import Ask, Grant, Request, RequestState, StandingTerms
from bot.core.standing_approval import StandingApproval, StandingState, state_of
from bot.desk import entries, standing_book
from bot.desk.api import StandingLine
from bot.desk.context import Office, epoch_of
from bot.desk.granting import issue
from bot.desk.looking import may_look, name_of
from bot.desk.standing import account_refusal, approvals
from bot.desk.telling import tell
from bot.ports import ReadTx, Tx

REASON_CHARS_MAX: Final = 2_000


# --- asking for one


def terms_of(
    office: Office, tx: ReadTx, ask: Ask, agent: AgentId, rule: Rule
) -> StandingTerms | Refused | None:
    """What *ask* asks for, with its scope; None when it asks for nothing of the kind."""
    if ask.standing is None:
        return None
    allowed = rule.requirement.standing
    refusal = standing_approval.may_ask(allowed, ask.standing.uses, ask.standing.valid_for)
    if refusal is not None:
        return refusal
    if len(standing_book.listed(tx, tx.now())) >= standing_book.KEPT_MAX:
        return Refused(Reason.STANDING_LIMIT)
    return replace(ask.standing, scope=standing_book.scope_of(office, ask, agent, rule))


def begin(office: Office, tx: Tx, request: Request, decision: int, now: datetime) -> None:
    """*request* was approved by its quorum: what it asked for beyond its own grant begins."""
    terms = request.standing
    if terms is None:
        return
    until = now + terms.valid_for
    seq = tx.append(
        entries.draft(
            Fact.STANDING_GRANTED,
            now,
            office.rand,
            entries.SYSTEM,
            Outcome.SUCCESS,
            request=request,
            data={
                "decision": decision,
                "use_count": terms.uses,
                "until": entries.us(until),
                "scope_hash": terms.scope,
                "agent": request.agent,
                "rule": entries.slug(request.rule),
            },
        )
    )
    standing_book.keep(
        tx,
        StandingApproval(
            id=request.id,
            agent=request.agent,
            action=request.action,
            label=request.resource_label,
            rule=request.rule,
            rule_hash=standing_book.hash_of(request.rule_text),
            scope=terms.scope,
            classes=frozenset(name for name, _ in request.classes),
            uses_max=terms.uses,
            granted_at=now,
            until=until,
            epoch=epoch_of(tx),
            last_seq=seq,
        ),
    )
    of_scope = [*standing_book.ids(tx, standing_book.META_OF + terms.scope), request.id][
        -standing_book.OF_SCOPE_MAX :
    ]
    tx.set_meta(standing_book.META_OF + terms.scope, msgspec.json.encode(of_scope).decode())
    tx.set_meta(
        standing_book.META_IDS, msgspec.json.encode([*standing_book.listed(tx, now), request.id]).decode()
    )


# --- using one


def decide(
    office: Office, tx: Tx, request: Request, stand_in: standing_book.StandIn, now: datetime
) -> tuple[Request, Grant]:
    """Approve *request* at once; the entry names the standing approval, its votes and which use it is."""
    approval = stand_in.approval
    number = approval.uses + 1
    approved = replace(
        request,
        state=RequestState.APPROVED,
        version=request.version + 1,
        decided_at=now,
        reason=f"Standing approval {approval.id}, use {number} of {approval.uses_max}",
        next_due=None,
    )
    tx.update_request(approved, expected_version=request.version)
    seq = tx.append(
        entries.draft(
            Fact.DECISION_APPROVED,
            now,
            office.rand,
            LogActor("system", approval.id),
            Outcome.APPROVED,
            request=approved,
            data={
                "basis": standing_book.BASIS,
                "standing_id": approval.id,
                "use_count": number,
                "scope_hash": approval.scope,
                "votes": [vote.seq for vote in stand_in.votes],
                "seats": [f"{seat.group}:{seat.needed}" for seat in stand_in.seats],
                "seated": [
                    f"{seat.group}={entries.ref_of(tx, person)}"
                    for seat in stand_in.seats
                    for person in seat.filled_by
                ],
                "payload_hash": approved.payload_hash,
                "preview_hash": approved.preview_hash,
                "rule": entries.slug(approved.rule),
                "separated": sorted(
                    {entries.ref_of(tx, person) for person in approved.separation} - {"unknown"}
                ),
            },
        )
    )
    standing_book.keep(tx, standing_approval.used(approval, seq))
    grant = issue(office, tx, approved, seq, now)
    tell(office, tx, approved, now)
    return approved, grant


# --- taking one back, and looking


async def revoke(office: Office, id: RequestId, actor: Actor, reason: str) -> StandingApproval | Refused:
    """See ``Desk.revoke_standing``. The second time answers the same."""

    def work(tx: Tx) -> StandingApproval | Refused:
        approval, request, now = standing_book.read(tx, id), tx.request(id), tx.now()
        if approval is None or request is None or not _may_revoke(tx, request, actor):
            return Refused(Reason.NOT_FOUND)
        if approval.revoked_at is not None:
            return approval
        revoked = replace(approval, revoked_at=now, revoked_by=actor.person)
        standing_book.keep(tx, revoked)
        tx.append(
            entries.draft(
                Fact.STANDING_REVOKED,
                now,
                office.rand,
                entries.person_actor(tx, actor),
                Outcome.REVOKED,
                request=request,
                data={"use_count": approval.uses, "surface": entries.kind_of(actor.surface)},
                private=entries.comment(request, reason[:REASON_CHARS_MAX]),
            )
        )
        return revoked

    result = await office.store.write(work)
    office.changed(id)
    return result


def _may_revoke(tx: ReadTx, request: Request, actor: Actor) -> bool:
    """Anybody who approved it, an owner of the agent, an administrator; it only ever stops things, so a chat click is enough."""
    person = tx.person(actor.person)
    if person is None or not person.enabled or account_refusal(tx, actor, tx.now()) is not None:
        return False
    agent = tx.agent(request.agent)
    owns = agent is not None and actor.person in agent.owners
    approved = any(vote.person == actor.person for vote in approvals(tx.votes(request.id)))
    return approved or owns or Role.ADMIN in person.roles


async def listing(office: Office, viewer: Actor) -> list[StandingLine] | Refused:
    """See ``Desk.standing_approvals``."""

    def origins(tx: ReadTx) -> list[Request]:
        found = (tx.request(id) for id in standing_book.ids(tx, standing_book.META_IDS))
        return [request for request in found if request is not None]

    requests = await office.store.read(origins)
    groups = frozenset().union(*(request.requirement.groups for request in requests))
    membership = await office.membership(groups)

    def work(tx: ReadTx) -> list[StandingLine] | Refused:
        person = tx.person(viewer.person)
        if person is None or not person.enabled:
            return Refused(Reason.NOT_FOUND)
        lines = []
        for request in reversed(requests):
            approval = standing_book.read(tx, request.id)
            if approval is not None and may_look(office, tx, request, viewer.person, membership):
                lines.append(_line(office, tx, approval, request, viewer))
        return lines

    return await office.store.read(work)


def _line(
    office: Office, tx: ReadTx, approval: StandingApproval, request: Request, viewer: Actor
) -> StandingLine:
    state = state_of(approval, _rule_hash(office, approval.rule), epoch_of(tx), tx.now())
    return StandingLine(
        id=approval.id,
        agent=approval.agent,
        action=approval.action,
        resource_label=approval.label,
        rule=approval.rule,
        state=state,
        uses=approval.uses,
        uses_max=approval.uses_max,
        granted_at=approval.granted_at,
        until=approval.until,
        approvers=tuple(name_of(tx, vote.person) for vote in approvals(tx.votes(request.id))),
        revoked_at=approval.revoked_at,
        revoked_by=name_of(tx, approval.revoked_by) if approval.revoked_by is not None else None,
        may_revoke=state is StandingState.LIVE and _may_revoke(tx, request, viewer),
    )


def _rule_hash(office: Office, name: str) -> Digest | None:
    """Of the rule *name* in the policy in force, where it allows standing approvals."""
    rules = (rule for rule in office.book.policy.rules if rule.name == name and rule.requirement.standing)
    return next((standing_book.hash_of(rule.text) for rule in rules), None)
