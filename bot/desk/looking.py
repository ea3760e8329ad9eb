"""Looking: cards, inboxes, timelines, the agent's own view, the log. Nothing here changes a request (I14).

Decided here: who may look. Missing and forbidden give the same answer (T35). Everything shown is rendered from committed
state and the frozen masked preview.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from audit.entry import Outcome
from bot.core import preview_codec
from bot.core.facts import Fact
from bot.core.ids import GroupName, PersonId, RequestId
from bot.core.milestones import passed
from bot.core.people import Actor, Person, Role
from bot.core.policy import describe
from bot.core.preview import Button, Card, GrantLine, SeatLine, TimelineLine, VoteLine
from bot.core.quorum import Case, Cast, Facts, may_vote, standing
from bot.core.reasons import Reason, Refused
from bot.core.request import Assurance, Choice, Grant, GrantState, Request, RequestState, Vote
from bot.desk import entries
from bot.desk.api import AgentCaller, Inbox, InboxItem
from bot.desk.context import Office
from bot.desk.overrides import leaf_of, may_break, use_of
from bot.desk.standing import Membership, case_of, facts_now
from bot.desk.timeline import words_of
from bot.ports import AuditFilter, AuditRow, ReadTx, Tx

WAIT_MAX: Final = timedelta(seconds=60)
_LOOKED_AT: Final = 300
"""Requests, in turn by agent, that an inbox is picked from: one agent's flood does not hide another's (T08)."""


async def look(office: Office, id: RequestId, caller: AgentCaller) -> tuple[Request, Grant | None] | Refused:
    """See ``Desk.look``."""
    return await office.store.read(lambda tx: _own(tx, id, caller))


def _own(tx: ReadTx, id: RequestId, caller: AgentCaller) -> tuple[Request, Grant | None] | Refused:
    request = tx.request(id)
    if request is None or request.agent != caller.agent:
        return Refused(Reason.NOT_FOUND)
    return request, tx.grant_of(id)


async def wait(
    office: Office, id: RequestId, caller: AgentCaller, timeout: timedelta
) -> tuple[Request, Grant | None] | Refused:
    """See ``Desk.wait``. Looks once, then when it is woken (``bot.noticing`` wakes too, for what this process was not told),
    and once more at the end. A request past its time is reported open until the sweep or a click has recorded that."""
    changes = office.watch.subscribe(id)
    deadline = office.clock.monotonic() + min(timeout, WAIT_MAX).total_seconds()
    try:
        while True:
            seen = await look(office, id, caller)
            left = deadline - office.clock.monotonic()
            if isinstance(seen, Refused) or not seen[0].state.is_open or left <= 0:
                return seen
            with contextlib.suppress(TimeoutError):
                try:
                    async with asyncio.timeout(left):
                        await anext(changes)
                except (
                    StopAsyncIteration
                ):  # the process is going down: what is known now, and the next one is asked again
                    return seen
    finally:
        close = getattr(changes, "aclose", None)
        if close is not None:
            await close()


async def card(office: Office, id: RequestId, viewer: Actor | None) -> Card | Refused:
    """See ``Desk.card``."""
    request = await office.store.read(lambda tx: tx.request(id))
    if request is None:
        return Refused(Reason.NOT_FOUND)
    # The shared copy asks only for what it shows, so that no other source's outage empties its seats.
    groups = _groups(request) | (frozenset(told_as_well(request)) if viewer is not None else frozenset())
    membership = await office.membership(groups)

    def work(tx: ReadTx) -> Card | Refused:
        current = tx.request(id)
        if current is None:
            return Refused(Reason.NOT_FOUND)
        if viewer is not None and not may_look(office, tx, current, viewer.person, membership):
            return Refused(Reason.NOT_FOUND)
        return build_card(office, tx, current, viewer, membership)

    return await office.store.read(work)


def told_as_well(request: Request) -> tuple[GroupName, ...]:
    """The groups that the rule tells when nobody decides, once they were told."""
    return request.requirement.escalate_to if request.escalated else ()


def _groups(request: Request) -> frozenset[GroupName]:
    reveal, glass = request.requirement.reveal, request.requirement.break_glass
    others = {reveal} if reveal is not None else set()
    return (
        request.requirement.groups | others | ({glass.group, glass.reviewers} if glass is not None else set())
    )


def may_look(
    office: Office, tx: ReadTx, request: Request, person: PersonId, membership: Membership | None
) -> bool:
    """Voters, owners, the person it was asked for, who was told when nobody decided, auditors and administrators."""
    known = tx.person(person)
    if known is None or not known.enabled:
        return False
    if known.roles or person == request.on_behalf_of:
        return True
    agent = tx.agent(request.agent)
    if agent is not None and person in agent.owners:
        return True
    groups = (membership or {}).get(person, frozenset())
    if groups & (_groups(request) | frozenset(told_as_well(request))):
        return True
    facts = facts_now(office, tx, request, (), membership, person, tx.now())
    return bool((facts.membership or {}).get(person, frozenset()) & request.requirement.groups)


def build_card(
    office: Office, tx: ReadTx, request: Request, viewer: Actor | None, membership: Membership | None
) -> Card:
    """The card from committed state. Names come from our own table of people."""
    now = tx.now()
    votes = tx.votes(request.id)
    grant = tx.grant_of(request.id)
    agent = tx.agent(request.agent)
    facts = facts_now(office, tx, request, votes, membership, viewer.person if viewer else None, now)
    case = case_of(request, votes)
    return Card(
        request=request.id,
        version=request.version,
        state=_state_now(request, now),
        agent=request.agent,
        owners=tuple(name_of(tx, owner) for owner in (agent.owners if agent else ())),
        on_behalf_of=name_of(tx, request.on_behalf_of) if request.on_behalf_of else None,
        action=request.action,
        resource_type=request.resource_type,
        resource_env=request.resource_env,
        rule=request.rule,
        rule_words=describe(request.requirement) + _unresolved(request),
        rule_text=request.rule_text,
        preview=preview_codec.thaw(request.document, request.preview_hash),
        payload_hash=request.payload_hash,
        preview_hash=request.preview_hash,
        policy_hash=request.policy_hash,
        seats=_seat_lines(tx, case, facts),
        votes=tuple(_vote_line(tx, vote) for vote in votes),
        created_at=request.created_at,
        decide_by=request.decide_by,
        decided_at=request.decided_at,
        deciders=_deciders(tx, request, votes),
        reason=reason_words(request),
        assurance=request.requirement.assurance,
        grant=_grant_line(grant, now) if grant else None,
        buttons=_buttons(office, tx, request, viewer, votes, case, facts, now),
        requested_by_viewer=viewer is not None
        and viewer.person in (*(agent.owners if agent else ()), request.on_behalf_of),
        viewer_vote=next(
            (v.choice for v in votes if viewer and v.person == viewer.person and v.withdrawn_at is None), None
        ),
        denied_before=tx.denials(request.agent, request.payload_hash, request.created_at - timedelta(days=7)),
        console_url=f"{office.settings.issuer}/requests/{request.id}",
        may_break_glass=viewer is not None
        and _state_now(request, now).is_open
        and may_break(office, request, case, viewer, replace(facts, membership=membership)),
        is_broken=request.state is RequestState.APPROVED
        and request.requirement.break_glass is not None
        and use_of(tx, request.id) is not None,
        milestone=max(passed(request.created_at, request.decide_by, now), default=None)
        if _state_now(request, now).is_open
        else None,
        reminders=request.reminders_sent,
        escalated_to=told_as_well(request),
    )


def _unresolved(request: Request) -> str:
    """The badge of a target that nobody resolved, where the rule expects it; on every surface, with the rule (T16)."""
    if not request.requirement.wants_resolved or request.is_resolved:
        return ""
    return " UNRESOLVED TARGET: the agent did not say what the resource stands for in truth."


def _state_now(request: Request, now: datetime) -> RequestState:
    """What is true now: a request past its time is expired whether or not that was recorded yet (I6)."""
    return RequestState.EXPIRED if request.state.is_open and now >= request.decide_by else request.state


def reason_words(request: Request) -> str:
    """A stored reason is a person's masked words where a person decided, though they be those of a code; else a stable code."""
    if request.decided_by is not None:
        return request.reason
    try:
        return Refused(Reason(request.reason)).sentence
    except ValueError:
        return request.reason


def name_of(tx: ReadTx, person: PersonId) -> str:
    known = tx.person(person)
    return known.name if known is not None else person.removeprefix("person:")


def _deciders(tx: ReadTx, request: Request, votes: Sequence[Vote]) -> tuple[str, ...]:
    """By the decision's own entry, which says whose votes it counted: membership may have changed since."""
    if request.decided_by is None:
        return ()
    fact = Fact.DECISION_DENIED if request.state is RequestState.DENIED else Fact.DECISION_APPROVED
    rows = tx.audit_rows(AuditFilter(request=request.id, type=fact.entry_type, limit=1))
    data = leaf_of(rows[0].leaf, rows[0].leaf_hash)["data"] if rows else {}
    counted = set(data.get("votes") or ())
    found = tuple(dict.fromkeys(name_of(tx, vote.person) for vote in votes if vote.seq in counted))
    return found or (name_of(tx, request.decided_by),)


def _seat_lines(tx: ReadTx, case: Case, facts: Facts) -> tuple[SeatLine, ...]:
    stands = standing(case, facts)
    return tuple(
        SeatLine(
            seat.stage,
            seat.group,
            seat.needed,
            tuple(name_of(tx, p) for p in seat.filled_by),
            seat.stage <= stands.open_stage,
        )
        for seat in stands.seats
    )


def _vote_line(tx: ReadTx, vote: Vote) -> VoteLine:
    return VoteLine(
        vote.person,
        name_of(tx, vote.person),
        vote.choice,
        vote.at,
        vote.surface,
        withdrawn=vote.withdrawn_at is not None,
    )


def _grant_line(grant: Grant, now: datetime) -> GrantLine:
    lapsed = grant.state is GrantState.ISSUED and now >= grant.use_by
    state = GrantState.LAPSED if lapsed else grant.state
    return GrantLine(grant.id, state, grant.use_by, grant.redeemed_at, grant.outcome)


def _buttons(
    office: Office,
    tx: ReadTx,
    request: Request,
    viewer: Actor | None,
    votes: Sequence[Vote],
    case: Case,
    facts: Facts,
    now: datetime,
) -> tuple[Button, ...]:
    """What the viewer may press now: a courtesy. The desk checks again at the click."""
    is_open = _state_now(request, now).is_open
    if viewer is None:
        return (
            (Button.APPROVE, Button.DENY, Button.DETAILS, Button.OPEN_CONSOLE)
            if is_open
            else (Button.OPEN_CONSOLE,)
        )
    buttons = []
    if is_open:
        for choice, button in ((Choice.APPROVE, Button.APPROVE), (Choice.DENY, Button.DENY)):
            if may_vote(case, Cast(viewer.person, choice, viewer.assurance), facts) is None:
                buttons.append(button)
        if any(vote.person == viewer.person and vote.withdrawn_at is None for vote in votes):
            buttons.append(Button.WITHDRAW)
        if viewer.person == request.on_behalf_of or request.agent in tx.owned_agents(viewer.person):
            buttons.append(Button.CANCEL)
    reveal = request.requirement.reveal
    if reveal is not None and reveal in (facts.membership or {}).get(viewer.person, frozenset()):
        buttons.append(Button.REVEAL)
    buttons.append(Button.DETAILS)
    if viewer.assurance is Assurance.CHAT:
        buttons.append(Button.OPEN_CONSOLE)
    return tuple(buttons)


async def timeline(office: Office, id: RequestId, viewer: Actor) -> list[TimelineLine] | Refused:
    """See ``Desk.timeline``."""
    seen = await card(office, id, viewer)
    if isinstance(seen, Refused):
        return seen

    def work(tx: ReadTx) -> list[TimelineLine]:
        names = {person.ref: person.name for person in tx.people()}
        rows = tx.audit_rows(AuditFilter(request=id, limit=200))
        return [
            TimelineLine(row.seq, row.at, words_of(row), names.get(row.actor, row.actor))
            for row in reversed(rows)
        ]

    return await office.store.read(work)


async def inbox(office: Office, viewer: Actor) -> Inbox:
    """See ``Desk.inbox``. Bounded by ``inbox_max`` open and as many lately decided requests, of up to ``_LOOKED_AT`` each."""
    candidates = await office.store.read(
        lambda tx: (tx.in_turn(_LOOKED_AT, is_open=True), tx.in_turn(_LOOKED_AT, is_open=False))
    )
    groups = (
        frozenset().union(*(_groups(r) for rows in candidates for r in rows))
        if any(candidates)
        else frozenset()
    )
    membership = await office.membership(groups)

    def work(tx: ReadTx) -> Inbox:
        return _sort(office, tx, viewer, candidates, membership)

    return await office.store.read(work)


def _sort(
    office: Office,
    tx: ReadTx,
    viewer: Actor,
    rows: tuple[list[Request], list[Request]],
    membership: Membership | None,
) -> Inbox:
    now = tx.now()
    waiting, mine, decided, others = [], [], [], []
    owned = set(tx.owned_agents(viewer.person))
    limit = office.settings.inbox_max
    visible = [[r for r in found if may_look(office, tx, r, viewer.person, membership)] for found in rows]
    is_cut = any(len(found) > limit for found in visible) or len(rows[0]) == _LOOKED_AT
    for request in (*visible[0][:limit], *visible[1][:limit]):
        item = _item(office, tx, request, viewer, membership, now)
        if request.agent in owned or request.on_behalf_of == viewer.person:
            mine.append(item)
        if not item.state.is_open:
            if request.decided_at is None or now - request.decided_at <= office.settings.decided_shown_for:
                decided.append(item)
        elif item.may_vote:
            waiting.append(item)
        else:
            others.append(item)
    waiting.sort(key=lambda item: item.decide_by)
    return Inbox(tuple(waiting), tuple(mine), tuple(decided), tuple(others), is_cut)


def _item(
    office: Office, tx: ReadTx, request: Request, viewer: Actor, membership: Membership | None, now: datetime
) -> InboxItem:
    votes = tx.votes(request.id)
    facts = facts_now(office, tx, request, votes, membership, viewer.person, now)
    case = case_of(request, votes)
    seats = standing(case, facts).seats
    state = _state_now(request, now)
    choices = (Choice.APPROVE, Choice.DENY)
    return InboxItem(
        request=request.id,
        version=request.version,
        state=state,
        action=request.action,
        resource_label=request.resource_label,
        agent=request.agent,
        created_at=request.created_at,
        decide_by=request.decide_by,
        decided_at=request.decided_at,
        hidden=request.classes,
        seats_filled=sum(len(seat.filled_by) for seat in seats),
        seats_total=request.requirement.seats_total,
        may_vote=state.is_open
        and any(
            may_vote(case, Cast(viewer.person, choice, Assurance.WEBAUTHN), facts) is None
            for choice in choices
        ),
    )


async def audit(office: Office, viewer: Actor, filter: AuditFilter) -> list[AuditRow] | Refused:
    """See ``Desk.audit``: who looks at the log is in the log."""

    def work(tx: Tx) -> list[AuditRow] | Refused:
        person = tx.person(viewer.person)
        if not _may_audit(person):
            return Refused(Reason.NOT_FOUND)
        rows = tx.audit_rows(filter)
        tx.append(
            entries.draft(
                Fact.AUDIT_QUERIED,
                tx.now(),
                office.rand,
                entries.person_actor(tx, viewer),
                Outcome.SUCCESS,
                data={"query": "entries", "size": len(rows)},
            )
        )
        return rows

    return await office.store.write(work)


def _may_audit(person: Person | None) -> bool:
    return person is not None and person.enabled and bool(person.roles & {Role.AUDITOR, Role.ADMIN})
