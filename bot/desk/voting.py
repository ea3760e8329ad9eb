"""Votes, withdrawals and cancellation: every surface's click becomes one of these. Keeps I1, I2, I3, I6, I7.

Membership is read before the transaction (it may be far away) and everything else inside it, at one instant. A refused vote
is journalled as well, so that an attempt at self-approval is seen.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial

from audit.entry import Outcome
from audit.fields import Value
from bot.core.facts import Fact
from bot.core.ids import PersonId, RequestId
from bot.core.people import Actor
from bot.core.quorum import Cancel, Case, Cast, Facts, Tick, Withdraw, counts, standing, step
from bot.core.reasons import Reason, Refused
from bot.core.request import Choice, Grant, Request, RequestState, Vote
from bot.desk import entries, proof, standing_approvals
from bot.desk.api import AgentCaller, Voted
from bot.desk.context import Office
from bot.desk.granting import issue
from bot.desk.second_look import looked, returned
from bot.desk.standing import Membership, account_refusal, case_of, facts_now
from bot.desk.telling import tell
from bot.desk.under_policy import told, under_policy
from bot.ports import Tx
from masking.errors import MaskingError

COMMENT_CHARS_MAX = 2_000


async def vote(
    office: Office,
    id: RequestId,
    actor: Actor,
    choice: Choice,
    version: int | None,
    comment: str,
    preview_complete: bool,
) -> Voted | Refused:
    """See ``Desk.vote``."""
    request = await office.store.read(lambda tx: tx.request(id))
    if request is None:
        return Refused(Reason.NOT_FOUND)
    if choice is Choice.DENY and not comment.strip():
        return Refused(Reason.REASON_REQUIRED)
    shown = await shown_words(office, comment[:COMMENT_CHARS_MAX])
    groups = request.requirement.groups
    write = partial(
        _vote, office, id, actor, choice, version, comment[:COMMENT_CHARS_MAX], shown, preview_complete
    )
    return told(office, id, await under_policy(office, lambda _: groups, write))


async def shown_words(office: Office, comment: str) -> str:
    """The comment as others may see it. When it cannot be masked it is not shown, and the vote still counts."""
    if not comment:
        return ""
    try:
        return (await office.masker.mask_text(comment)).text
    except MaskingError:
        return "(the reason could not be masked and is not shown)"


def _vote(
    office: Office,
    id: RequestId,
    actor: Actor,
    choice: Choice,
    version: int | None,
    comment: str,
    shown: str,
    preview_complete: bool,
    membership: Membership | None,
    tx: Tx,
) -> Voted | Refused:
    now = tx.now()
    request = tx.request(id)
    if request is None:
        return Refused(Reason.NOT_FOUND)
    votes = tx.votes(id)
    case = case_of(request, votes)
    facts = facts_now(office, tx, request, votes, membership, actor.person, now)
    facts = replace(facts, reciprocal=returned(tx, request, now))
    refusal = _may_click(tx, request, actor, choice, version, preview_complete, now)
    after = step(
        case,
        Cast(actor.person, choice, actor.assurance, confirmed=looked(tx, request, actor, now)),
        now,
        facts,
    )
    if isinstance(after, Refused) and after.reason is Reason.NOT_ELIGIBLE and office.is_held(actor, request):
        after = Refused(
            Reason.GROUP_HELD
        )  # the same answer, but it says that a chat's administrator had a hand in it (T31)
    # What the core refuses comes first: "already decided" is more use to a person than "open the full view".
    if isinstance(after, Refused) or refusal is not None:
        return _refuse(
            office, tx, request, actor, choice, after if isinstance(after, Refused) else refusal, now
        )
    if after.state is RequestState.APPROVED:
        proof.votes_hold(office, tx, request, votes)
    groups = sorted((facts.membership or {}).get(actor.person, frozenset()) & request.requirement.groups)
    seq = tx.append(
        entries.draft(
            Fact.VOTE_CAST,
            now,
            office.rand,
            entries.person_actor(tx, actor),
            Outcome.SUCCESS,
            request=request,
            data={
                "choice": choice.value,
                "groups": [str(group) for group in groups],
                "payload_hash": request.payload_hash,
                "preview_hash": request.preview_hash,
                "surface": entries.kind_of(actor.surface),
                "assurance": actor.assurance.value,
                "account_ref": entries.account_ref(office.keys, actor.account),
            },
            private=entries.comment(request, comment),
        )
    )
    tx.insert_vote(
        Vote(
            id,
            actor.person,
            actor.account,
            actor.surface,
            actor.assurance,
            choice,
            now,
            seq,
            request.payload_hash,
        )
    )
    return _settle(office, tx, request, after, facts, actor, shown, seq, now)


def _may_click(
    tx: Tx,
    request: Request,
    actor: Actor,
    choice: Choice,
    version: int | None,
    preview_complete: bool,
    now: datetime,
) -> Refused | None:
    """What hangs on the way the click came, not on the person: account, surface, what was shown."""
    barred = account_refusal(tx, actor, now)
    if barred is not None:
        return barred
    prefix = actor.surface.split(":", 1)[0]
    if prefix not in ("console", "api") and all(
        not s.startswith(prefix + ":") for s in request.requirement.surfaces
    ):
        return Refused(Reason.SURFACE)
    if choice is Choice.DENY:
        return None
    # The content of a request never changes, so an older card showed the same; a newer one than we have is forged.
    if version is not None and not 1 <= version <= request.version:
        return Refused(Reason.STALE_CARD)
    return None if preview_complete else Refused(Reason.INCOMPLETE_PREVIEW)


def _refuse(
    office: Office,
    tx: Tx,
    request: Request,
    actor: Actor,
    choice: Choice,
    refusal: Refused | None,
    now: datetime,
) -> Refused:
    refused = refusal or Refused(Reason.NOT_FOUND)
    if refused.reason is Reason.LATE and request.state.is_open:
        expire(office, tx, request, now)
    tx.append(
        entries.draft(
            Fact.VOTE_REFUSED,
            now,
            office.rand,
            entries.person_actor(tx, actor),
            Outcome.REFUSED,
            request=request,
            data={
                "choice": choice.value,
                "reason": refused.reason.value,
                "surface": entries.kind_of(actor.surface),
            },
        )
    )
    return refused


def _settle(
    office: Office,
    tx: Tx,
    request: Request,
    after: Case,
    facts: Facts,
    actor: Actor,
    shown: str,
    seq: int,
    now: datetime,
) -> Voted:
    """Write the request as the core left it; decide, grant and tell when it is decided."""
    updated = replace(request, version=request.version + 1)
    if after.state.is_open:
        tx.update_request(updated, expected_version=request.version)
        tell(office, tx, updated, now)
        return Voted(updated, None, decided=False, seq=seq)
    denied = after.state is RequestState.DENIED
    updated = replace(
        updated,
        state=after.state,
        decided_at=now,
        decided_by=actor.person,
        reason=shown if denied else "",
        next_due=None,
    )
    tx.update_request(updated, expected_version=request.version)
    decision = tx.append(
        entries.draft(
            Fact.DECISION_DENIED if denied else Fact.DECISION_APPROVED,
            now,
            office.rand,
            entries.SYSTEM,
            Outcome.DENIED if denied else Outcome.APPROVED,
            request=updated,
            data=_basis(tx, updated, after, facts, denied=denied),
        )
    )
    grant: Grant | None = None if denied else issue(office, tx, updated, decision, now)
    if not denied:
        standing_approvals.begin(office, tx, updated, decision, now)
    tell(office, tx, updated, now)
    return Voted(updated, grant, decided=True, seq=seq)


def _basis(tx: Tx, request: Request, case: Case, facts: Facts, *, denied: bool) -> dict[str, Value]:
    """What the decision was computed from, so that an auditor can compute it again."""
    wanted = Choice.DENY if denied else Choice.APPROVE
    stand = [vote for vote in tx.votes(request.id) if vote.withdrawn_at is None and vote.choice is wanted]
    votes = [vote.seq for vote in stand if counts(case, vote.person, facts)]
    seats = standing(case, facts).seats
    separated: set[PersonId] = {*request.separation, *facts.separated_now}
    basis: dict[str, Value] = {
        "votes": votes,
        "basis": "quorum",
        "payload_hash": request.payload_hash,
        "preview_hash": request.preview_hash,
        "rule": entries.slug(request.rule),
        "denials_needed": case.deny_threshold,
        "separated": sorted({entries.ref_of(tx, person) for person in separated} - {"unknown"}),
    }
    if not denied:
        basis["seats"] = [f"{seat.group}:{seat.needed}" for seat in seats]
        basis["seated"] = [f"{s.group}={entries.ref_of(tx, p)}" for s in seats for p in s.filled_by]
    return basis


async def withdraw(office: Office, id: RequestId, actor: Actor) -> Voted | Refused:
    """See ``Desk.withdraw``: only one's own vote, only before the decision."""

    def work(tx: Tx) -> Voted | Refused:
        now = tx.now()
        request = tx.request(id)
        if request is None:
            return Refused(Reason.NOT_FOUND)
        votes = tx.votes(id)
        facts = facts_now(office, tx, request, votes, {}, actor.person, now)
        disabled = Refused(Reason.PERSON_DISABLED) if actor.person in facts.disabled else None
        refusal = disabled or account_refusal(tx, actor, now)
        after = refusal or step(case_of(request, votes), Withdraw(actor.person), now, facts)
        if isinstance(after, Refused):
            if after.reason is Reason.LATE:
                expire(office, tx, request, now)
            return refuse_command(office, tx, request, actor, "withdraw", after, now)
        own = next(vote.seq for vote in votes if vote.person == actor.person and vote.withdrawn_at is None)
        tx.withdraw_vote(id, actor.person, now)
        seq = tx.append(
            entries.draft(
                Fact.VOTE_WITHDRAWN,
                now,
                office.rand,
                entries.person_actor(tx, actor),
                Outcome.SUCCESS,
                request=request,
                data={"surface": entries.kind_of(actor.surface), "vote": own},
            )
        )
        updated = replace(request, version=request.version + 1)
        tx.update_request(updated, expected_version=request.version)
        tell(office, tx, updated, now)
        return Voted(updated, None, decided=False, seq=seq)

    result = await office.store.write(work)
    office.changed(id)
    return result


async def cancel(office: Office, id: RequestId, by: AgentCaller | Actor) -> Request | Refused:
    """See ``Desk.cancel``. The second time answers the same."""

    def work(tx: Tx) -> Request | Refused:
        now = tx.now()
        request = tx.request(id)
        if request is None or (isinstance(by, AgentCaller) and by.agent != request.agent):
            return Refused(Reason.NOT_FOUND)
        if isinstance(by, Actor) and not _asked(tx, request, by):
            refusal = Refused(Reason.NOT_REQUESTER)
            return refuse_command(office, tx, request, by, "cancel", refusal, now)
        if request.state is RequestState.CANCELLED:
            return request
        after = step(case_of(request, []), Cancel(), now, Facts({}))
        if isinstance(after, Refused):
            if after.reason is Reason.LATE:
                expire(office, tx, request, now)
            return refuse_command(office, tx, request, by, "cancel", after, now)
        who = by.person if isinstance(by, Actor) else None
        updated = replace(
            request,
            state=after.state,
            version=request.version + 1,
            decided_at=now,
            decided_by=who,
            next_due=None,
        )
        tx.update_request(updated, expected_version=request.version)
        actor = (
            entries.person_actor(tx, by)
            if isinstance(by, Actor)
            else entries.agent_actor(by.agent, by.key_id)
        )
        tx.append(
            entries.draft(Fact.REQUEST_CANCELLED, now, office.rand, actor, Outcome.CANCELLED, request=updated)
        )
        tell(office, tx, updated, now)
        return updated

    result = await office.store.write(work)
    office.changed(id)
    return result


def refuse_command(
    office: Office,
    tx: Tx,
    request: Request,
    by: AgentCaller | Actor,
    command: str,
    refusal: Refused,
    now: datetime,
) -> Refused:
    """An attempt to take something back that was refused is seen as well (I7)."""
    data: dict[str, Value] = {"command": command, "reason": refusal.reason.value}
    if isinstance(by, Actor):
        actor = entries.person_actor(tx, by)
        data["surface"] = entries.kind_of(by.surface)
    else:
        actor = entries.agent_actor(by.agent, by.key_id)
    tx.append(
        entries.draft(
            Fact.COMMAND_REFUSED, now, office.rand, actor, Outcome.REFUSED, request=request, data=data
        )
    )
    return refusal


def _asked(tx: Tx, request: Request, actor: Actor) -> bool:
    agent = tx.agent(request.agent)
    owns = agent is not None and actor.person in agent.owners
    person = tx.person(actor.person)
    return person is not None and person.enabled and (owns or actor.person == request.on_behalf_of)


def expire(office: Office, tx: Tx, request: Request, now: datetime) -> Request:
    """Record what time has already decided: *request* is open and past ``decide_by``."""
    after = step(case_of(request, []), Tick(), now, Facts({}))
    if isinstance(after, Refused) or after.state is not RequestState.EXPIRED:
        return request
    updated = replace(
        request, state=RequestState.EXPIRED, version=request.version + 1, decided_at=now, next_due=None
    )
    tx.update_request(updated, expected_version=request.version)
    tx.append(
        entries.draft(
            Fact.REQUEST_EXPIRED,
            now,
            office.rand,
            entries.SYSTEM,
            Outcome.EXPIRED,
            request=updated,
            data={"decide_by": entries.us(request.decide_by)},
        )
    )
    tell(office, tx, updated, now)
    return updated
