"""Which groups people are in, from the policy, from identity claims and from chat groups; fails closed (T39).

A group's sources add up. A source that has no answer makes the whole group unknown (None), never empty: the desk then
counts nobody. Whom a chat's group gained a short while ago is not of it yet (T31). Deliberately absent: caching of our own tables,
and the network (a source brings its own bounded cache).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime

from bot.core.ids import AccountKey, GroupName, PersonId
from bot.core.policy import Group, Policy
from bot.ports import ReadTx, Store

SlackMembers = Callable[[str], Awaitable[Mapping[AccountKey, datetime] | None]]
"""A user group's accounts, each with the instant since when, at the latest, it is in it; None when that cannot be said."""
SOURCE_SECONDS_MAX = 1.0


class PolicyDirectory:
    """The ``Directory`` of one installation."""

    def __init__(self, store: Store, slack_members: SlackMembers | None = None) -> None:
        self._store = store
        self.slack_members = slack_members
        self._held: dict[GroupName, frozenset[PersonId]] = {}

    async def memberships(
        self, policy: Policy, groups: Iterable[GroupName]
    ) -> Mapping[GroupName, frozenset[PersonId] | None]:
        wanted = [(name, policy.groups.get(name)) for name in groups]
        return {
            name: await self._members(group) if group is not None else frozenset() for name, group in wanted
        }

    def held(self, policy: Policy, groups: Iterable[GroupName]) -> frozenset[PersonId]:
        return frozenset().union(*(self._held.get(name, frozenset()) for name in groups))

    async def watch(self, policy: Policy) -> None:
        """Read every chat group of *policy*, so that a gain is seen when it happens and not at the vote it was made for (T31)."""
        for group in policy.groups.values():
            if group.slack_usergroup is not None:
                await self._slack(group.slack_usergroup)

    async def _members(self, group: Group) -> frozenset[PersonId] | None:
        members = group.members
        if group.oidc_claim is not None:
            claim = GroupName(group.oidc_claim)
            members |= await self._store.read(lambda tx: _claimed(tx, claim))
        if group.slack_usergroup is not None:
            since = await self._slack(group.slack_usergroup)
            if since is None:
                return None
            settled, held = await self._store.read(lambda tx: _settled(tx, group, since))
            members |= settled
            self._held[group.name] = held - members
        return members

    async def _slack(self, usergroup: str) -> Mapping[AccountKey, datetime] | None:
        if self.slack_members is None:
            return None
        try:
            return await asyncio.wait_for(self.slack_members(usergroup), SOURCE_SECONDS_MAX)
        except TimeoutError:
            return None


def _claimed(tx: ReadTx, claim: GroupName) -> frozenset[PersonId]:
    return frozenset(person.id for person in tx.people() if claim in person.groups)


def _settled(
    tx: ReadTx, group: Group, since: Mapping[AccountKey, datetime]
) -> tuple[frozenset[PersonId], frozenset[PersonId]]:
    """The persons behind the accounts that are in the group for its ``hold``, and behind those that are not."""
    horizon = tx.now() - group.hold
    old = frozenset(key for key, at in since.items() if at <= horizon)
    return _persons(tx, old), _persons(tx, frozenset(since) - old)


def _persons(tx: ReadTx, accounts: frozenset[AccountKey]) -> frozenset[PersonId]:
    found = (tx.account(key) for key in accounts)
    return frozenset(
        account.person
        for account in found
        if account is not None and account.revoked_at is None and account.unconfirmed_by is None
    )
