"""Who gets a copy of a card in private: the approvers whom a rule names when it says so, and those it tells when nobody decides.

Decided here: which persons, and by which account of theirs on one platform. Held apart (I3), disabled, unlinked and unconfirmed ones get
none. Deliberately absent: posting. A copy is no right: whoever presses a button on it is judged as everybody else.
"""

from __future__ import annotations

from typing import Final

from bot.core.ids import PersonId
from bot.core.request import Request
from bot.desk.api import Desk
from bot.ports import Directory

DIRECT_MAX: Final = 30
"""Direct messages for one request: named approvers, not a company."""


def has_direct(request: Request) -> bool:
    return request.state.is_open and (
        request.requirement.notify_direct or bool(request.escalated and request.requirement.escalate_to)
    )


async def recipients(desk: Desk, directory: Directory, request: Request, prefix: str, team: str) -> list[str]:
    """The platform's own ids (of accounts ``PREFIX:TEAM:ID``) of those who should have a copy now, the same order each time.

    A group whose source cannot be read gives nobody: they are told when it can be."""
    if not has_direct(request):
        return []
    groups = set(request.requirement.groups) if request.requirement.notify_direct else set()
    if request.escalated:
        groups |= set(request.requirement.escalate_to)
    memberships = await directory.memberships(await desk.policy(), groups)
    persons = sorted({p for members in memberships.values() for p in members or ()} - request.separation)
    found: list[str] = []
    for person in persons[:DIRECT_MAX]:
        found += await _ids(desk, person, f"{prefix}:{team}:")
    return found


async def _ids(desk: Desk, person: PersonId, start: str) -> list[str]:
    known = await desk.person(person)
    if known is None or not known.enabled:
        return []
    return [
        account.key.removeprefix(start)
        for account in await desk.accounts(person)
        if account.key.startswith(start) and account.revoked_at is None and account.unconfirmed_by is None
    ]
