"""Puts the Teams adapter together. Imported only when Teams is configured: its libraries take two seconds to load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adapters.teams.app import Parts, TeamsApp
from adapters.teams.cards import Cards
from adapters.teams.jwks import fetch_keys
from adapters.teams.surface import TeamsSurface
from adapters.teams.token import Keys, TokenCheck
from adapters.teams.transport import TeamsTransport, Tokens
from bot.chat.answers import Answers
from bot.chat.coalesce import Pace
from bot.chat.link import Links
from bot.config import Config, is_loopback
from bot.config_chat import TeamsSettings
from bot.desk.context import Office
from bot.desk.service import DeskService
from bot.errors import ConfigError
from bot.secret import Secret

POST_SECONDS: Final = 1.0
POST_BURST: Final = 7
"""Teams takes seven messages a second in one conversation; a steady one a second stays far from that."""
TOKEN_URL: Final = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"  # noqa: S105 - an address


@dataclass(frozen=True, slots=True)
class Teams:
    app: TeamsApp
    surface: TeamsSurface


def assemble(
    settings: TeamsSettings, config: Config, office: Office, desk: DeskService, links: Links
) -> Teams:
    """The adapter. ``ConfigError`` when its development flag is on and others could reach the server (T29)."""
    if settings.development and not is_loopback(config.server.host):
        raise ConfigError("teams.development is for a server that listens on the loopback address; remove it")
    clock = office.clock
    check, tokens = (
        None,
        None,
    )  # as the development flag has it: nothing is asked of Entra, nothing is sent to it
    if not settings.development:
        keys = Keys(lambda: fetch_keys(settings.openid_url), clock.monotonic)
        check = TokenCheck(keys, app=settings.app, tenant=settings.tenant, service_urls=settings.service_urls)
        url = settings.token_url or TOKEN_URL.format(tenant=settings.tenant)
        tokens = Tokens(url, settings.app, settings.password or Secret(""), clock.monotonic)
    transport = make_transport(settings, tokens)
    cards = Cards.create(office.keys.mac)
    pace = Pace(clock.monotonic, interval=POST_SECONDS, burst=POST_BURST)
    surface = TeamsSurface(transport, cards, settings, desk, office.store, pace, office.directory)
    answers = Answers(desk, links, clock, office.settings.issuer, takes_files=False)
    app = TeamsApp(Parts(settings, check, desk, clock, office.keys.mac, cards, transport, surface, answers))
    return Teams(app, surface)


def make_transport(settings: TeamsSettings, tokens: Tokens | None) -> TeamsTransport:
    """The one that the settings choose; the other one's libraries are not loaded. ``ConfigError`` when its extra is missing."""
    if settings.transport == "teams-sdk":
        from adapters.teams.sdk import SdkTransport

        return SdkTransport(tokens, settings.app, settings.service_urls, targeted=settings.targeted)
    from adapters.teams.botbuilder import BotbuilderTransport

    return BotbuilderTransport(tokens, settings.app, settings.service_urls)
