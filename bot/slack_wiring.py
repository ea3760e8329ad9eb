"""Puts the Slack adapter together. Imported only when Slack is configured: its libraries take a second to load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adapters.slack.api import Api
from adapters.slack.app import Parts, SlackApp
from adapters.slack.cards import Cards
from adapters.slack.groups import SlackGroups
from adapters.slack.surface import SlackSurface
from bot.chat.answers import Answers
from bot.chat.coalesce import Pace
from bot.chat.link import Links
from bot.config_chat import SlackSettings
from bot.desk.context import Office
from bot.desk.joining import META_GROUP, Since, note_reading
from bot.desk.service import DeskService

POST_SECONDS: Final = 1.0
"""Slack takes about one message a second in a channel (chat.postMessage, special tier)."""
POST_BURST: Final = 3


@dataclass(frozen=True, slots=True)
class Slack:
    app: SlackApp
    surface: SlackSurface
    groups: SlackGroups
    office: Office

    async def members(self, usergroup: str) -> Since | None:
        """Since when each account is in the user group; None when Slack does not say who is in it."""
        accounts = await self.groups.members(usergroup)
        if accounts is None:
            return None
        source = f"slack:{usergroup}"
        is_first = await self.office.store.read(lambda tx: tx.meta(META_GROUP + source)) is None
        changed_at = await self.groups.changed_at(usergroup) if is_first else None
        return await note_reading(self.office, source, accounts, changed_at)


def assemble(settings: SlackSettings, office: Office, desk: DeskService, links: Links) -> Slack:
    """The adapter, not yet started."""
    clock = office.clock
    pace = Pace(clock.monotonic, interval=POST_SECONDS, burst=POST_BURST)
    api = Api(settings.api_url, settings.bot_token, pace)
    cards = Cards.create(office.keys.mac)
    surface = SlackSurface(api, cards, settings, desk, office.store, clock, office.directory)
    answers = Answers(desk, links, clock, office.settings.issuer, takes_files=True)
    app = SlackApp(Parts(settings, desk, clock, office.keys.mac, api, cards, surface, answers))
    return Slack(app, surface, SlackGroups(api, settings.team, clock.monotonic), office)
