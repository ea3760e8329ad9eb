"""Which account a Slack user is, and whether it can be anybody here at all (T04, T05, T28).

Decided here: bots, apps, guests, deactivated users and strangers of other teams are nobody, whatever they are mapped to; the key is
``slack:TEAM:USER``, never an e-mail address or a name. Deliberately absent: who that is (``desk.identify``) and what they may do.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapters.slack.api import Api, Refusal
from bot.config_chat import SlackSettings
from bot.core.ids import AccountKey
from bot.errors import SignoffError

CACHE_SECONDS: Final = 60.0
"""How long users.info is believed: a demotion to guest or a deactivation counts within a minute (T39)."""
CACHE_MAX: Final = 10_000
_USER: Final = re.compile(r"[UW][A-Z0-9]{2,20}")


@dataclass(frozen=True, slots=True)
class Nobody:
    """This account can decide nothing here. ``words`` says why, in fixed text."""

    words: str


FOREIGN: Final = Nobody("Your account is of another workspace or organisation, so it cannot decide here.")
GUEST: Final = Nobody("Guests cannot decide here.")
BOT: Final = Nobody("Bots and apps cannot decide here.")
GONE: Final = Nobody("This account is deactivated.")
UNCHECKED: Final = Nobody(
    "Your account cannot be checked with Slack now, so nothing was done. Try again in a minute."
)


class People:
    """``account`` for each callback; asks Slack at most once a minute for one user, and fails closed."""

    def __init__(self, api: Api, settings: SlackSettings, monotonic: Callable[[], float]) -> None:
        self._api = api
        self._settings = settings
        self._monotonic = monotonic
        self._known: OrderedDict[str, tuple[float, AccountKey | Nobody]] = OrderedDict()

    async def account(
        self, team: object, user: object, user_team: object = None, enterprise: object = None
    ) -> AccountKey | Nobody:
        """*team* is the callback's, *user_team* the one the user belongs to as the callback says (Slack Connect differs)."""
        if team != self._settings.team or (user_team is not None and user_team != self._settings.team):
            return FOREIGN
        if self._settings.enterprise is not None and enterprise not in (None, self._settings.enterprise):
            return FOREIGN
        if not isinstance(user, str) or not _USER.fullmatch(user) or user == "USLACKBOT":
            return BOT
        now = self._monotonic()
        kept = self._known.get(user)
        if kept is not None and now - kept[0] < CACHE_SECONDS:
            return kept[1]
        try:
            answer = await self._api.call("users.info", user=user)
        except Refusal:
            return FOREIGN
        except SignoffError:
            return UNCHECKED
        verdict = judge(answer.get("user"), user, self._settings)
        self._known[user] = (now, verdict)
        self._known.move_to_end(user)
        if len(self._known) > CACHE_MAX:
            self._known.popitem(last=False)
        return verdict


def _is_of_grid(grid: Any, settings: SlackSettings) -> bool:
    """On Enterprise Grid an account is the organisation's, and a member of some of its workspaces: ours must be named where any is."""
    if not isinstance(grid, Mapping) or grid.get("enterprise_id") != settings.enterprise:
        return False
    teams = grid.get("teams")
    return teams is None or (isinstance(teams, list) and settings.team in teams)


def judge(found: Any, user: str, settings: SlackSettings) -> AccountKey | Nobody:
    """What users.info says of *user*. A flag that must be there and is not counts against."""
    if not isinstance(found, Mapping) or found.get("id") != user:
        return UNCHECKED
    if found.get("deleted") is not False:
        return GONE
    if found.get("is_bot") is not False or found.get("is_app_user") or found.get("is_workflow_bot"):
        return BOT
    if found.get("team_id") != settings.team or found.get("is_stranger"):
        return FOREIGN
    if settings.enterprise is not None and not _is_of_grid(found.get("enterprise_user"), settings):
        return FOREIGN
    if any(found.get(flag) for flag in ("is_restricted", "is_ultra_restricted", "is_invited_user")):
        return GUEST
    return AccountKey(f"slack:{settings.team}:{user}")
