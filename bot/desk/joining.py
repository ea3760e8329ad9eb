"""Since when a chat's user group has had each of its members, by what we saw ourselves (T31).

Whoever administers the chat can put anybody into a group, and so into a quorum. Decided here: what a reading of the group means beside
the one before it; that a gain or a loss is an entry; and that the first reading ever takes the group's own date of change, since nobody
joined after it. Deliberately absent: how long a new member is held (the policy says so), and reading the group.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from audit.entry import Outcome, Private
from audit.fields import LIST_MAX, Value
from bot.core.facts import Fact
from bot.core.ids import AccountKey
from bot.desk import entries
from bot.desk.context import Office
from bot.ports import Tx

META_GROUP: Final = "chat-group:"

Since = Mapping[AccountKey, datetime]


async def note_reading(
    office: Office, group: str, accounts: frozenset[AccountKey], changed_at: datetime | None
) -> Since:
    """Since when, at the latest, each of *accounts* is in *group* (``slack:S0142``). *changed_at*: the group's own date of change, used
    for the first reading alone; without it everybody is new now. The same reading again writes nothing."""
    before = await office.store.read(lambda tx: tx.meta(META_GROUP + group))
    if before is not None and _read(before).keys() == accounts:
        return _read(before)

    def work(tx: Tx) -> dict[AccountKey, datetime]:
        kept = tx.meta(META_GROUP + group)
        now = tx.now()
        known = _read(kept) if kept is not None else {}
        begin = min(changed_at, now) if kept is None and changed_at is not None else now
        since = {account: known.get(account, begin) for account in sorted(accounts)}
        tx.set_meta(
            META_GROUP + group, msgspec.json.encode({k: v.timestamp() for k, v in since.items()}).decode()
        )
        if kept is not None:
            _journal(office, tx, group, accounts - known.keys(), known.keys() - accounts)
        return since

    return await office.store.write(work)


def _read(text: str) -> dict[AccountKey, datetime]:
    kept = msgspec.json.decode(text, type=dict[str, float])
    return {AccountKey(key): datetime.fromtimestamp(at, UTC) for key, at in kept.items()}


def _journal(
    office: Office,
    tx: Tx,
    group: str,
    gained: frozenset[AccountKey],
    lost: set[AccountKey] | frozenset[AccountKey],
) -> None:
    """What an auditor holds against the votes that followed: whom the chat's administrators put in and took out."""
    persons = set()
    for key in gained:
        account = tx.account(key)
        if account is not None:
            persons.add(entries.ref_of(tx, account.person))
    data: dict[str, Value] = {
        "change": "chat-group",
        "account": entries.slug(group),
        "persons": sorted(persons)[:LIST_MAX],
        "gained_count": len(gained),
        "lost_count": len(lost),
    }
    private = (Private(f"group:{group}", "members", [*sorted(gained), *(f"-{key}" for key in sorted(lost))]),)
    now = tx.now()
    tx.append(
        entries.draft(
            Fact.IDENTITY_CHANGED,
            now,
            office.rand,
            entries.SYSTEM,
            Outcome.SUCCESS,
            data=data,
            private=private,
        )
    )
