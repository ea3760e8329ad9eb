"""Who stands where right now: the facts about people that the core asks for, read inside the deciding transaction.

Decided here: delegations (a taker sits in the giver's groups, unless the giver is separated or has voted himself), and whose
recent edit of the rules keeps them out (T20). Membership from outside sources comes in as an argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from bot.core.ids import GroupName, PersonId
from bot.core.people import Actor, Agent
from bot.core.quorum import Ballot, Case, Facts
from bot.core.reasons import Reason, Refused
from bot.core.request import Choice, Request, Vote
from bot.desk.context import META_EDITORS, META_FREEZE, Office
from bot.ports import ReadTx

Membership = Mapping[PersonId, frozenset[GroupName]]


def case_of(request: Request, votes: Sequence[Vote]) -> Case:
    """The voting part of *request*; withdrawn votes do not stand."""
    ballots = tuple(Ballot(vote.person, vote.choice) for vote in votes if vote.withdrawn_at is None)
    return Case(
        request.requirement.stages,
        request.separation,
        request.decide_by,
        request.requirement.deny_threshold,
        request.requirement.assurance,
        request.state,
        ballots,
        look_until=_look_until(request),
    )


def _look_until(request: Request) -> datetime | None:
    look = request.requirement.second_look
    return request.created_at + look if look is not None else None


def facts_now(
    office: Office,
    tx: ReadTx,
    request: Request,
    votes: Sequence[Vote],
    membership: Membership | None,
    voter: PersonId | None,
    now: datetime,
) -> Facts:
    """The core's facts at *now*. Disabled, unknown and unmapped people are nobody (I3)."""
    persons = {vote.person for vote in votes if vote.withdrawn_at is None}
    if voter is not None:
        persons.add(voter)
    agent = tx.agent(request.agent)
    apart = holders(office, tx, agent, now) if agent is not None else frozenset()
    if membership is not None:
        membership = _delegated(tx, request, persons, membership, apart, now)
    return Facts(
        membership=membership,
        disabled=frozenset(person for person in persons if not _is_active(tx, person)),
        separated_now=apart,
        frozen=bool(tx.meta(META_FREEZE)),
        void=frozenset(vote.person for vote in votes if vote.withdrawn_at is None and not _stands(tx, vote)),
    )


def account_refusal(tx: ReadTx, actor: Actor, now: datetime) -> Refused | None:
    """Why the account that *actor* came by may decide nothing now: gone, past its end, another's, or not confirmed, or still cooling (T04)."""
    account = tx.account(actor.account)
    if account is None or account.person != actor.person or account.revoked_at is not None:
        return Refused(Reason.UNMAPPED)
    if account.expires_at is not None and now >= account.expires_at:
        return Refused(Reason.UNMAPPED)
    if account.unconfirmed_by is not None:
        return Refused(Reason.LINK_UNCONFIRMED)
    return Refused(Reason.COOL_DOWN) if account.active_from > now else None


def holders(office: Office, tx: ReadTx, agent: Agent, now: datetime) -> frozenset[PersonId]:
    """Everybody who can ask as *agent*, or could a short while ago: its owners, whoever holds a key of it that works, and whoever
    owned it within the editors' cool-down (an agent that signs in by a workload token has no key) (I3, T03)."""
    horizon = now - office.book.policy.editor_cool_down
    held = (key.held_by for key in tx.agent_keys(agent.id) if key.is_live(now))
    former = (owner.person for owner in agent.former_owners if owner.left_at > horizon)
    return frozenset(agent.owners).union(former, *held)


def _stands(tx: ReadTx, vote: Vote) -> bool:
    """Whether the account that cast *vote* is still that person's, by the same link. A token's end by time takes no vote back."""
    account = tx.account(vote.account)
    return (
        account is not None
        and account.person == vote.person
        and account.revoked_at is None
        and account.linked_at <= vote.at
    )


def _is_active(tx: ReadTx, person: PersonId) -> bool:
    known = tx.person(person)
    return known is not None and known.enabled


def _delegated(
    tx: ReadTx,
    request: Request,
    persons: set[PersonId],
    membership: Membership,
    owners: frozenset[PersonId],
    now: datetime,
) -> Membership:
    widened: dict[PersonId, frozenset[GroupName]] = dict(membership)
    separated = request.separation | owners
    # One taker a giver, the last he named: two would sit in one person's seat and count twice (I2).
    latest = {d.giver: d for d in sorted(tx.delegations(now), key=lambda d: (d.since, d.taker))}
    for giver, delegation in latest.items():
        taker = delegation.taker
        if giver in separated or giver in persons or not _is_active(tx, giver):
            continue
        widened[taker] = widened.get(taker, frozenset()) | membership.get(giver, frozenset())
    return widened


def approvals(votes: Sequence[Vote]) -> list[Vote]:
    return [vote for vote in votes if vote.withdrawn_at is None and vote.choice is Choice.APPROVE]


def recent_editors(office: Office, tx: ReadTx, now: datetime) -> frozenset[PersonId]:
    """People who changed the policy within its editor cool-down: they judge nothing under their own rules yet."""
    text = tx.meta(META_EDITORS)
    if not text:
        return frozenset()
    edits: dict[str, datetime] = msgspec.json.decode(text, type=dict[str, datetime])
    horizon = now - office.book.policy.editor_cool_down
    return frozenset(PersonId(person) for person, at in edits.items() if at > horizon)


def note_editor(tx: ReadTx, person: PersonId, now: datetime) -> str:
    """The new value of the editors' record."""
    text = tx.meta(META_EDITORS)
    edits = msgspec.json.decode(text, type=dict[str, datetime]) if text else {}
    edits[person] = now
    return msgspec.json.encode(edits).decode()
