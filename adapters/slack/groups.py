"""Slack user groups as a source of group members: read at most once a minute, and None when they cannot be read (T31, T39).

Deliberately absent: persons. A member is an account; who that is, the directory knows.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from adapters.slack.api import Api
from bot.core.ids import AccountKey
from bot.errors import SignoffError

FRESH_SECONDS: Final = 60.0
_GROUP: Final = re.compile(r"S[A-Z0-9]{2,20}")
_USER: Final = re.compile(r"[UW][A-Z0-9]{2,20}")
GROUPS_MAX: Final = 500


class SlackGroups:
    """``members`` of a user group, by its id. One call in flight per group, however many ask."""

    def __init__(self, api: Api, team: str, monotonic: Callable[[], float]) -> None:
        self._api = api
        self._team = team
        self._monotonic = monotonic
        self._read: dict[str, tuple[float, frozenset[AccountKey]]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def members(self, usergroup_id: str) -> frozenset[AccountKey] | None:
        """The group's accounts, no older than a minute; None when Slack does not answer or there is no such group."""
        if not _GROUP.fullmatch(usergroup_id) or len(self._locks) > GROUPS_MAX:
            return None
        async with self._locks.setdefault(usergroup_id, asyncio.Lock()):
            now = self._monotonic()
            kept = self._read.get(usergroup_id)
            if kept is not None and now - kept[0] < FRESH_SECONDS:
                return kept[1]
            try:
                answer = await self._api.call("usergroups.users.list", usergroup=usergroup_id)
            except SignoffError:
                return None
            users = answer.get("users")
            if not isinstance(users, list):
                return None
            found = frozenset(
                AccountKey(f"slack:{self._team}:{user}")
                for user in users
                if isinstance(user, str) and _USER.fullmatch(user)
            )
            self._read[usergroup_id] = (now, found)
            return found

    async def changed_at(self, usergroup_id: str) -> datetime | None:
        """When Slack says that the group was changed last (``usergroups.list``, ``date_update``); None when it does not say."""
        try:
            answer = await self._api.call("usergroups.list", include_disabled=True)
        except SignoffError:
            return None
        listed = answer.get("usergroups")
        for one in listed if isinstance(listed, list) else ():
            if isinstance(one, dict) and one.get("id") == usergroup_id:
                at: object = one.get("date_update")
                if isinstance(at, int) and not isinstance(at, bool) and 0 < at < 1e11:
                    return datetime.fromtimestamp(at, UTC)
        return None
