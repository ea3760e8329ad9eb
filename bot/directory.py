"""Which groups people are in, from the policy, from identity claims and from chat groups; fails closed (T39).

A group's sources add up. A source that has no answer makes the whole group unknown (None), never empty: the desk then
counts nobody. Deliberately absent: caching of our own tables, and the network (a source brings its own bounded cache).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from bot.core.ids import AccountKey, GroupName, PersonId
from bot.core.policy import Group, Policy
from bot.ports import ReadTx, Store

SlackMembers = Callable[[str], Awaitable[frozenset[AccountKey] | None]]
SOURCE_SECONDS_MAX = 1.0


class PolicyDirectory:
    """The ``Directory`` of one installation."""

    def __init__(self, store: Store, slack_members: SlackMembers | None = None) -> None:
        self._store = store
        self.slack_members = slack_members

    async def memberships(
        self, policy: Policy, groups: Iterable[GroupName]
    ) -> Mapping[GroupName, frozenset[PersonId] | None]:
        wanted = [(name, policy.groups.get(name)) for name in groups]
        return {
            name: await self._members(group) if group is not None else frozenset() for name, group in wanted
        }

    async def _members(self, group: Group) -> frozenset[PersonId] | None:
        members = group.members
        if group.oidc_claim is not None:
            claim = GroupName(group.oidc_claim)
            members |= await self._store.read(lambda tx: _claimed(tx, claim))
        if group.slack_usergroup is not None:
            accounts = await self._slack(group.slack_usergroup)
            if accounts is None:
                return None
            members |= await self._store.read(lambda tx: _persons(tx, accounts))
        return members

    async def _slack(self, usergroup: str) -> frozenset[AccountKey] | None:
        if self.slack_members is None:
            return None
        try:
            return await asyncio.wait_for(self.slack_members(usergroup), SOURCE_SECONDS_MAX)
        except TimeoutError:
            return None


def _claimed(tx: ReadTx, claim: GroupName) -> frozenset[PersonId]:
    return frozenset(person.id for person in tx.people() if claim in person.groups)


def _persons(tx: ReadTx, accounts: frozenset[AccountKey]) -> frozenset[PersonId]:
    found = (tx.account(key) for key in accounts)
    return frozenset(
        account.person
        for account in found
        if account is not None and account.revoked_at is None and account.unconfirmed_by is None
    )
