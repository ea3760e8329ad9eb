"""Break-glass told out loud: a page on every chat surface, from the outbox, so that an outage only delays it (T43, T45).

Decided here: the words. Rendered at the time of sending from what is committed. Deliberately absent: a button; a review is made in
the console.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from bot.alerts import Speaking
from bot.chat.page import Page, Section, labelled, plain
from bot.core.preview import Card, listed
from bot.core.reasons import Refused
from bot.desk.api import Desk
from bot.errors import GiveUp
from bot.outbox import place_of
from bot.ports import OutboxRow

TITLE = "Break-glass was used: one person approved alone"


def sender(desk: Desk, surfaces: Mapping[str, Speaking]) -> Callable[[OutboxRow], Awaitable[None]]:
    """The outbox's topic ``glass``."""

    async def send(row: OutboxRow) -> None:
        name, request = place_of(row)
        surface = surfaces.get(name.partition(":")[0])
        if surface is None:
            raise GiveUp("no such surface is configured")
        card = await desk.card(request, None)
        if isinstance(card, Refused):
            raise GiveUp("the request is not there")
        await surface.say(name, page(card))

    return send


def page(card: Card) -> Page:
    """What everybody reads. All of it is ours, or masked."""
    rows = (
        labelled("Who:", listed(card.deciders) or "unknown"),
        labelled("What:", f"{card.action} on {card.preview.resource.text}, asked by {card.agent}"),
        labelled("Why:", card.reason),
        plain(card.rule_words),
        plain(f"Somebody else must review it: {card.console_url}"),
    )
    return Page(TITLE, (Section(rows=rows),), note=card.request)
