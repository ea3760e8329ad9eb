"""The sweep: record what time has already decided, remind, escalate (I6: correctness never depends on it).

Bounded per run; what is left is due at once and the caller comes again. Running it twice changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from audit.entry import Outcome
from bot.core.facts import Fact
from bot.core.ids import RequestId
from bot.core.milestones import passed
from bot.core.request import Grant, GrantState, Request
from bot.desk import entries
from bot.desk.context import Office
from bot.desk.telling import next_due, notice, tell
from bot.desk.voting import expire
from bot.ports import ReadTx, Tx

BATCH = 200


async def sweep(office: Office) -> datetime | None:
    """See ``Desk.sweep``."""
    while True:
        due, grants = await office.store.read(lambda tx: _due(office, tx))
        if not due and not grants:
            return await office.store.read(lambda tx: _next(office, tx))

        def work(tx: Tx, due: list[RequestId] = due, grants: list[Grant] = grants) -> list[RequestId]:
            touched = [id for id in due if _attend(office, tx, id)]
            return touched + [grant.request for grant in grants if _settle_grant(office, tx, grant)]

        touched = await office.store.write(work)
        for id in touched:
            office.watch.changed(id)
        office.poke()
        if not touched:
            return await office.store.read(lambda tx: _next(office, tx))


def _due(office: Office, tx: ReadTx) -> tuple[list[RequestId], list[Grant]]:
    now = tx.now()
    lapsed = [g for g in tx.grants(GrantState.ISSUED, BATCH) if now >= g.use_by]
    silent = [g for g in tx.grants(GrantState.REDEEMED, BATCH) if now >= _silent_at(office, g)]
    return tx.due(now, BATCH), lapsed + silent


def _next(office: Office, tx: ReadTx) -> datetime | None:
    instants = [tx.next_due()]
    instants += [grant.use_by for grant in tx.grants(GrantState.ISSUED, 1)]
    instants += [_silent_at(office, grant) for grant in tx.grants(GrantState.REDEEMED, 1)]
    return min((instant for instant in instants if instant is not None), default=None)


def _silent_at(office: Office, grant: Grant) -> datetime:
    """When a redeemed grant without a report becomes indeterminate."""
    return (grant.redeemed_at or grant.use_by) + office.settings.outcome_within


def _attend(office: Office, tx: Tx, id: RequestId) -> bool:
    now = tx.now()
    request = tx.request(id)
    if request is None or not request.state.is_open or request.next_due is None or now < request.next_due:
        return False
    if now >= request.decide_by:
        expire(office, tx, request, now)
        return True
    updated = _remind(office, tx, request, now)
    updated = _escalate(office, tx, updated, now)
    updated = replace(updated, next_due=next_due(updated, now))
    tx.update_request(updated, expected_version=request.version)
    if any(at >= request.next_due for at in passed(request.created_at, request.decide_by, now)):
        tell(office, tx, updated, now)  # a milestone: the copies say again how the time stands
    return True


def _remind(office: Office, tx: Tx, request: Request, now: datetime) -> Request:
    """One reminder even when several are overdue: a bot that was down does not shout three times."""
    passed = sum(request.created_at + after <= now for after in request.requirement.remind_after)
    if passed <= request.reminders_sent:
        return request
    notice(tx, request, "reminder", passed, now)
    tx.append(
        entries.draft(
            Fact.REMINDER_SENT,
            now,
            office.rand,
            entries.SYSTEM,
            Outcome.SUCCESS,
            request=request,
            data={"reminder_count": passed},
        )
    )
    return replace(request, reminders_sent=passed)


def _escalate(office: Office, tx: Tx, request: Request, now: datetime) -> Request:
    after = request.requirement.escalate_after
    if after is None or request.escalated or request.created_at + after > now:
        return request
    notice(tx, request, "escalation", 1, now)
    tx.append(
        entries.draft(
            Fact.ESCALATION_SENT,
            now,
            office.rand,
            entries.SYSTEM,
            Outcome.SUCCESS,
            request=request,
            data={"groups": [str(group) for group in request.requirement.escalate_to]},
        )
    )
    return replace(request, escalated=True)


def _settle_grant(office: Office, tx: Tx, seen: Grant) -> bool:
    now = tx.now()
    grant = tx.grant(seen.id)
    request = tx.request(seen.request)
    if grant is None or request is None or grant.state is not seen.state:
        return False
    lapsed = grant.state is GrantState.ISSUED
    state = GrantState.LAPSED if lapsed else GrantState.INDETERMINATE
    tx.update_grant(replace(grant, state=state), expected_state=grant.state)
    tx.append(
        entries.draft(
            Fact.GRANT_LAPSED,
            now,
            office.rand,
            entries.SYSTEM,
            Outcome.LAPSED if lapsed else Outcome.INDETERMINATE,
            request=request,
            data={"jti": grant.id},
        )
    )
    tell(office, tx, request, now)
    return True
