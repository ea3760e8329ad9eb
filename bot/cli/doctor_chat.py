"""``signoff doctor slack`` and ``signoff doctor teams``: what the platforms themselves say of the installation.

Unlike plain ``doctor`` these ask over the network. They read; nothing is posted and nobody in chat sees that they ran.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from enum import StrEnum
from urllib.parse import urlsplit

from bot.chat.commands import Command
from bot.chat.pages import help_page
from bot.config import Config, is_loopback
from bot.findings import Finding


class Platform(StrEnum):
    SLACK = "slack"
    TEAMS = "teams"


def ask(platform: Platform, config: Config) -> list[Finding]:
    """Every finding of *platform*."""

    async def gather() -> list[Finding]:
        return [said async for said in (_slack(config) if platform is Platform.SLACK else _teams(config))]

    return asyncio.run(gather())


async def _slack(config: Config) -> AsyncIterator[Finding]:
    from adapters.slack.cards import Cards
    from adapters.slack.probe import probe

    settings = config.slack
    if settings is None:
        yield Finding(
            "slack", "error", "there is no slack section in the settings; docs/slack.md says what it needs"
        )
        return
    blocks = Cards.create(lambda _purpose, data: data).page(help_page(Command("signoff", "help")))["blocks"]
    async for found in probe(settings, blocks):
        yield found
    if settings.mode == "http":
        yield _public(config, "slack address", "/slack/events")
    yield Finding(
        "slack policy",
        *(
            ("ok", "rules may name " + ", ".join(f"slack:{name}" for name in settings.channels))
            if settings.channels
            else ("warning", "no rule can post into Slack without slack.channels")
        ),
    )


async def _teams(config: Config) -> AsyncIterator[Finding]:
    from adapters.teams.probe import probe
    from adapters.teams.surface import proactive_url
    from bot.teams_wiring import TOKEN_URL

    settings = config.teams
    if settings is None:
        yield Finding(
            "teams", "error", "there is no teams section in the settings; docs/teams.md says what it needs"
        )
        return
    url = settings.token_url or TOKEN_URL.format(tenant=settings.tenant)
    async for found in probe(settings, url, proactive_url(settings)):
        yield found
    if not settings.development:
        yield _public(config, "teams address", "/teams/messages")


def _public(config: Config, check: str, path: str) -> Finding:
    url = config.server.url.rstrip("/")
    parts = urlsplit(url)
    if parts.scheme != "https" or is_loopback(parts.hostname or ""):
        return Finding(
            check,
            "error",
            f"the platform must reach {url}{path} over https from outside; set server.public_url and put TLS in front",
        )
    return Finding(check, "ok", f"the platform posts to {url}{path}")
