"""Break-glass: one person of the named group approves alone, out loud, and somebody else must judge it afterwards (T43).

Decided here: who may (the core says: the group, never the separated, a fresh sign-in), how often in a week, who is told, and
who may review. What was used and what is not reviewed yet is read from the audit log itself, so no table can hide a use.
Deliberately absent: any other exception to the quorum. A delegation lends nobody this.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal

from audit.entry import Outcome
from audit.fields import Value
from bot.core.facts import Fact
from bot.core.ids import GroupName, PersonId, RequestId
from bot.core.people import Actor, Role
from bot.core.policy import BreakGlass
from bot.core.policy_judge import Judge
from bot.core.quorum import Override, step
from bot.core.reasons import Reason, Refused
from bot.core.request import Assurance, Request, RequestState
from bot.desk import entries, proof
from bot.desk.api import Overridden, Reviewed, Voted
from bot.desk.context import Office
from bot.desk.granting import issue
from bot.desk.overrides import Use, in_force, use_of, uses, verdict_of
from bot.desk.standing import Membership, account_refusal, case_of, facts_now
from bot.desk.telling import IN_PROCESS, tell
from bot.desk.under_policy import told, under_policy
from bot.desk.voting import expire, refuse_command, shown_words
from bot.ports import AuditFilter, OutboxRow, ReadTx, Tx

WEEK: Final = timedelta(days=7)
REASON_CHARS_MAX: Final = 2_000
LISTED_MAX: Final = 100
"""Uses that are looked through for the list, newest first: at three a week more than half a year."""
BASIS: Final = "break_glass"
Verdict = Literal["justified", "unjustified"]


async def break_glass(office: Office, id: RequestId, actor: Actor, reason: str) -> Voted | Refused:
    """See ``Desk.break_glass``."""
    if not reason.strip():
        return Refused(Reason.REASON_REQUIRED)
    reason = reason[:REASON_CHARS_MAX]
    shown = await shown_words(office, reason)
    write = partial(_break, office, id, actor, reason, shown)
    return told(office, id, await under_policy(office, _may_override, write))


def _may_override(judge: Judge) -> tuple[GroupName, ...]:
    glass = judge.policy.break_glass
    return (glass.group,) if glass is not None else ()


def _break(
    office: Office,
    id: RequestId,
    actor: Actor,
    reason: str,
    shown: str,
    membership: Membership | None,
    tx: Tx,
) -> Voted | Refused:
    now = tx.now()
    request = tx.request(id)
    if request is None:
        return Refused(Reason.NOT_FOUND)
    votes = tx.votes(request.id)
    glass = in_force(office, request)
    case = replace(case_of(request, votes), glass=glass.group if glass is not None else None)
    # The raw membership: what a delegation lends is a seat in a quorum, not the power to do without one.
    facts = replace(
        facts_now(office, tx, request, votes, membership, actor.person, now), membership=membership
    )
    after = step(case, Override(actor.person, actor.assurance), now, facts)
    if isinstance(after, Refused) and after.reason is Reason.ASSURANCE:
        after = Refused(Reason.STEP_UP) if actor.assurance is Assurance.CHAT else after
    refusal = after if isinstance(after, Refused) else _barred(office, tx, actor, glass, now)
    if glass is None or isinstance(after, Refused) or refusal is not None:
        refusal = refusal or Refused(Reason.BREAK_GLASS_OFF)
        return _refuse(office, tx, request, actor, "break-glass", refusal, now)
    proof.votes_hold(office, tx, request, votes)
    updated = replace(
        request,
        state=after.state,
        version=request.version + 1,
        decided_at=now,
        decided_by=actor.person,
        reason=f"Break-glass: {shown}",
        next_due=None,
    )
    tx.update_request(updated, expected_version=request.version)
    seq, decision = _journal(office, tx, updated, actor, glass, reason, now)
    grant = issue(office, tx, updated, decision, now)
    tell(office, tx, updated, now)
    _shout(office, tx, updated, now)
    return Voted(updated, grant, decided=True, seq=seq)


def _barred(
    office: Office, tx: ReadTx, actor: Actor, glass: BreakGlass | None, now: datetime
) -> Refused | None:
    """What hangs on the way the person came, and on how often it was done lately."""
    barred = account_refusal(tx, actor, now)
    if barred is not None:
        return barred
    if now - actor.authenticated_at > office.settings.step_up_within:
        return Refused(Reason.STEP_UP)
    most = glass.per_week_max if glass is not None else 0
    lately = AuditFilter(type=Fact.BREAK_GLASS_USED.entry_type, since=now - WEEK, limit=most)
    return Refused(Reason.BREAK_GLASS_CAP) if len(tx.audit_rows(lately)) >= most else None


def _journal(
    office: Office, tx: Tx, request: Request, actor: Actor, glass: BreakGlass, reason: str, now: datetime
) -> tuple[int, int]:
    """The use and the decision that rests on it; the numbers of both entries."""
    used = tx.append(
        entries.draft(
            Fact.BREAK_GLASS_USED,
            now,
            office.rand,
            entries.person_actor(tx, actor),
            Outcome.APPROVED,
            request=request,
            data={
                "groups": [str(glass.group)],
                "payload_hash": request.payload_hash,
                "preview_hash": request.preview_hash,
                "surface": entries.kind_of(actor.surface),
                "assurance": actor.assurance.value,
                "account_ref": entries.account_ref(office.keys, actor.account),
                "until": entries.us(now + glass.review_within),
                "rule": entries.slug(request.rule),
            },
            private=entries.comment(request, reason),
        )
    )
    separated = sorted({entries.ref_of(tx, person) for person in request.separation} - {"unknown"})
    decision = tx.append(
        entries.draft(
            Fact.DECISION_APPROVED,
            now,
            office.rand,
            entries.SYSTEM,
            Outcome.APPROVED,
            request=request,
            data={
                "votes": [],
                "seats": [],
                "basis": BASIS,
                "used_seq": used,
                "payload_hash": request.payload_hash,
                "preview_hash": request.preview_hash,
                "rule": entries.slug(request.rule),
                "separated": separated,
            },
        )
    )
    return used, decision


def _shout(office: Office, tx: Tx, request: Request, now: datetime) -> None:
    """Told on every chat surface that the policy in force names anywhere, and on the request's own."""
    rules = office.book.policy.rules
    named = {surface for rule in rules for surface in rule.requirement.surfaces}
    for surface in sorted((named | set(request.requirement.surfaces)) - IN_PROCESS):
        row: dict[str, str | int] = {"request": request.id, "surface": surface}
        tx.enqueue(OutboxRow("glass", f"{surface}/{request.id}", row, now))


# --- the review


async def review(
    office: Office, id: RequestId, actor: Actor, verdict: Verdict, comment: str
) -> Reviewed | Refused:
    """See ``Desk.review_break_glass``."""
    if not comment.strip():
        return Refused(Reason.REASON_REQUIRED)
    request = await office.store.read(lambda tx: tx.request(id))
    if request is None:
        return Refused(Reason.NOT_FOUND)
    membership = await office.membership(_reviewing(office, request))
    work = partial(_review, office, id, actor, verdict, comment[:REASON_CHARS_MAX], membership)
    result = await office.store.write(work)
    office.changed(id)
    return result


def _review(
    office: Office,
    id: RequestId,
    actor: Actor,
    verdict: Verdict,
    comment: str,
    membership: Membership | None,
    tx: Tx,
) -> Reviewed | Refused:
    now = tx.now()
    request = tx.request(id)
    use = use_of(tx, id)
    if request is None or use is None:
        return Refused(Reason.NOT_FOUND)
    refusal = _may_review(office, tx, request, use, actor, membership, now)
    if refusal is not None:
        return _refuse(office, tx, request, actor, "review", refusal, now)
    data: dict[str, Value] = {
        "status": verdict,
        "person": use.by,
        "used_seq": use.seq,
        "until": entries.us(use.review_by),
        "surface": entries.kind_of(actor.surface),
    }
    seq = tx.append(
        entries.draft(
            Fact.BREAK_GLASS_REVIEWED,
            now,
            office.rand,
            entries.person_actor(tx, actor),
            Outcome.SUCCESS if verdict == "justified" else Outcome.FAILURE,
            request=request,
            data=data,
            private=entries.comment(request, comment),
        )
    )
    return Reviewed(id, verdict, is_late=now >= use.review_by, seq=seq)


def _may_review(
    office: Office,
    tx: ReadTx,
    request: Request,
    use: Use,
    actor: Actor,
    membership: Membership | None,
    now: datetime,
) -> Refused | None:
    barred = account_refusal(tx, actor, now)
    if barred is not None:
        return barred
    if actor.assurance.rank < Assurance.CONSOLE.rank:
        return Refused(Reason.STEP_UP)
    if membership is None:
        return Refused(Reason.DIRECTORY_DOWN)
    if not _is_reviewer(office, tx, request, use, actor.person, membership, now):
        return Refused(Reason.NOT_REVIEWER)
    return Refused(Reason.REVIEWED) if verdict_of(tx, request.id) is not None else None


def _is_reviewer(
    office: Office,
    tx: ReadTx,
    request: Request,
    use: Use,
    person: PersonId,
    membership: Membership | None,
    now: datetime,
) -> bool:
    """Of the reviewers, enabled, not whoever used it, and not one of those who asked."""
    known = tx.person(person)
    facts = facts_now(office, tx, request, (), {}, person, now)
    return (
        known is not None
        and known.enabled
        and known.ref != use.by
        and person != request.decided_by
        and person not in request.separation | facts.separated_now
        and bool((membership or {}).get(person, frozenset()) & _reviewing(office, request))
    )


def _reviewing(office: Office, request: Request) -> frozenset[GroupName]:
    """Who reviews: the group of the request's own policy, and of the one in force, so that a renamed group leaves no use unreviewed."""
    named = (request.requirement.break_glass, office.book.policy.break_glass)
    return frozenset(glass.reviewers for glass in named if glass is not None)


# --- looking


async def listing(office: Office, viewer: Actor) -> list[Overridden] | Refused:
    """See ``Desk.break_glasses``."""
    groups = await office.store.read(lambda tx: _groups(office, tx))
    membership = await office.membership(groups)

    def work(tx: ReadTx) -> list[Overridden] | Refused:
        person = tx.person(viewer.person)
        if person is None or not person.enabled:
            return Refused(Reason.NOT_FOUND)
        sees_all = bool(person.roles & {Role.ADMIN, Role.AUDITOR}) or bool(
            (membership or {}).get(viewer.person)
        )
        now = tx.now()
        names = {known.ref: known.name for known in tx.people()}
        found = []
        for use in uses(tx, LISTED_MAX):
            request = tx.request(use.request)
            if request is None or not (sees_all or use.by == person.ref):
                continue
            verdict = verdict_of(tx, use.request)
            may = verdict is None and _is_reviewer(office, tx, request, use, viewer.person, membership, now)
            found.append(
                Overridden(
                    request=use.request,
                    action=request.action,
                    resource_label=request.resource_label,
                    by=names.get(use.by, use.by),
                    at=use.at,
                    reason=request.reason,
                    review_by=use.review_by,
                    verdict=verdict[0] if verdict is not None else None,
                    reviewed_by=names.get(verdict[1], verdict[1]) if verdict is not None else None,
                    reviewed_at=verdict[2] if verdict is not None else None,
                    is_overdue=verdict is None and now >= use.review_by,
                    may_review=may,
                )
            )
        return found

    return await office.store.read(work)


def _groups(office: Office, tx: ReadTx) -> frozenset[GroupName]:
    glass = office.book.policy.break_glass
    named = {glass.group, glass.reviewers} if glass is not None else set()
    for use in uses(tx, LISTED_MAX):
        request = tx.request(use.request)
        if request is not None and request.requirement.break_glass is not None:
            named.add(request.requirement.break_glass.reviewers)
    return frozenset(named)


def _refuse(
    office: Office, tx: Tx, request: Request, actor: Actor, command: str, refusal: Refused, now: datetime
) -> Refused:
    """A try is seen as well (I7)."""
    if refusal.reason is Reason.LATE and request.state is RequestState.PENDING:
        expire(office, tx, request, now)
    return refuse_command(office, tx, request, actor, command, refusal, now)
