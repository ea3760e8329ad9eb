"""What must be told when a request changes: outbox rows in the same transaction, ids only (T45, I14).

Decided here: which surfaces get a card, when a callback goes out, and the next instant at which a request needs attention.
Rows of one key coalesce while they wait, and what is sent is rendered from the state at that time.
"""

from __future__ import annotations

from datetime import datetime

from bot.core import milestones
from bot.core.policy import Requirement
from bot.core.request import Request
from bot.desk.context import Office
from bot.ports import OutboxRow, Tx

IN_PROCESS = frozenset({"console", "api"})
"""Surfaces that read committed state themselves and are woken by ``Watch``."""


def tell(office: Office, tx: Tx, request: Request, now: datetime) -> None:
    """Queue the card for every surface of the rule and, once decided, the agent's callback."""
    for surface in request.requirement.surfaces:
        if surface not in IN_PROCESS:
            row: dict[str, str | int] = {
                "request": request.id,
                "surface": surface,
                "version": request.version,
            }
            tx.enqueue(OutboxRow("card", f"{surface}/{request.id}", row, now))
    if request.callback_url is not None and not request.state.is_open:
        event = f"request.{request.state.value}"
        tx.enqueue(
            OutboxRow("callback", f"{request.id}/{event}", {"request": request.id, "event": event}, now)
        )


def notice(tx: Tx, request: Request, kind: str, number: int, now: datetime) -> None:
    """Queue a reminder or an escalation on every chat surface of the rule."""
    for surface in request.requirement.surfaces:
        if surface not in IN_PROCESS:
            key = f"{surface}/{request.id}/{kind}/{number}"
            tx.enqueue(
                OutboxRow("notice", key, {"request": request.id, "surface": surface, "kind": kind}, now)
            )


def next_due(request: Request, now: datetime) -> datetime | None:
    """The next instant after *now* at which the sweep must look at *request*; None once it is decided."""
    if not request.state.is_open:
        return None
    return due_of(
        request.requirement,
        request.created_at,
        request.decide_by,
        request.reminders_sent,
        request.escalated,
        after=now,
    )


def due_of(
    requirement: Requirement,
    created_at: datetime,
    decide_by: datetime,
    reminders_sent: int = 0,
    escalated: bool = False,
    after: datetime | None = None,
) -> datetime:
    """The same for an open request of which only these are known yet."""
    due = decide_by
    if any(surface not in IN_PROCESS for surface in requirement.surfaces):
        ahead = [at for at in milestones.instants(created_at, decide_by) if at > (after or created_at)]
        due = min([due, *ahead])
    reminders = requirement.remind_after[reminders_sent:]
    if reminders:
        due = min(due, created_at + reminders[0])
    if requirement.escalate_after is not None and not escalated:
        due = min(due, created_at + requirement.escalate_after)
    return due
