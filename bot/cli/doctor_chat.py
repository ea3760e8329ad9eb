"""``signoff doctor slack`` and ``signoff doctor teams``: what the platforms themselves say of the installation.

Unlike plain ``doctor`` these ask over the network. They read; nothing is posted and nobody in chat sees that they ran.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from enum import StrEnum

from bot.chat.commands import Command
from bot.chat.pages import help_page
from bot.cli.doctor_audit import Said
from bot.config import Config, is_loopback


class Platform(StrEnum):
    SLACK = "slack"
    TEAMS = "teams"


def ask(platform: Platform, config: Config) -> list[Said]:
    """Every finding of *platform*."""

    async def gather() -> list[Said]:
        return [said async for said in (_slack(config) if platform is Platform.SLACK else _teams(config))]

    return asyncio.run(gather())


async def _slack(config: Config) -> AsyncIterator[Said]:
    from adapters.slack.cards import Cards
    from adapters.slack.probe import probe

    settings = config.slack
    if settings is None:
        yield Said(
            "slack", "error", "there is no slack section in the settings; docs/slack.md says what it needs"
        )
        return
    blocks = Cards.create(lambda _purpose, data: data).page(help_page(Command("signoff", "help")))["blocks"]
    async for said in probe(settings, blocks):
        yield Said(said.check, said.level, said.sentence)
    if settings.mode == "http":
        yield _public(config, "slack address", "/slack/events")
    yield Said(
        "slack policy",
        *(
            ("ok", "rules may name " + ", ".join(f"slack:{name}" for name in settings.channels))
            if settings.channels
            else ("warning", "no rule can post into Slack without slack.channels")
        ),
    )


async def _teams(config: Config) -> AsyncIterator[Said]:
    from adapters.teams.probe import probe
    from bot.teams_wiring import TOKEN_URL

    settings = config.teams
    if settings is None:
        yield Said(
            "teams", "error", "there is no teams section in the settings; docs/teams.md says what it needs"
        )
        return
    url = settings.token_url or TOKEN_URL.format(tenant=settings.tenant)
    async for said in probe(settings, url, settings.service_urls[0]):
        yield Said(said.check, said.level, said.sentence)
    if not settings.development:
        yield _public(config, "teams address", "/teams/messages")


def _public(config: Config, check: str, path: str) -> Said:
    url = config.server.url.rstrip("/")
    host = url.split("://", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0]
    if not url.startswith("https://") or is_loopback(host):
        return Said(
            check,
            "error",
            f"the platform must reach {url}{path} over https from outside; set server.public_url and put TLS in front",
        )
    return Said(check, "ok", f"the platform posts to {url}{path}")
