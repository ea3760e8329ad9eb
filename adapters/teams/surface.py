"""Cards in Teams: posted once, edited in place, right after every outage (T45, I14).

Like Slack's, but Teams lets no bot search a channel for its own message: when the answer to a first post is lost, it is posted
again, and the lost copy's buttons still lead to the same desk. Deliberately absent: words, limits, retries (the outbox).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from adapters.teams.cards import Cards
from adapters.teams.limits import LimitError
from adapters.teams.transport import Gone, TeamsTransport
from bot.chat.coalesce import Coalescer, Pace
from bot.chat.mark import mark_of_card
from bot.chat.page import Page
from bot.chat.pages import notice_page
from bot.chat.seal import Place
from bot.chat.template import RenderError
from bot.config_chat import TeamsSettings
from bot.core.ids import RequestId
from bot.core.preview import Card
from bot.desk.api import Desk
from bot.errors import GiveUp
from bot.ports import ChatRef, Store

DEVELOPMENT_TENANT: Final = "development"


@dataclass(frozen=True, slots=True)
class Ref:
    conversation: str
    id: str

    def dump(self) -> str:
        return json.dumps({"conversation": self.conversation, "id": self.id})

    @classmethod
    def parse(cls, text: str) -> Ref:
        return cls(**json.loads(text))


class TeamsSurface:
    """The ``Surface`` port. ``show`` and ``notify`` are harmless when repeated."""

    prefix = "teams"

    def __init__(
        self,
        transport: TeamsTransport,
        cards: Cards,
        settings: TeamsSettings,
        desk: Desk,
        store: Store,
        pace: Pace,
    ) -> None:
        self._transport = transport
        self._cards = cards
        self._settings = settings
        self._desk = desk
        self._store = store
        self._pace = pace
        self.tenant = settings.tenant or DEVELOPMENT_TENANT
        self.updates: Coalescer[tuple[str, RequestId]] = Coalescer(self._bring_up_to_date)

    async def show(self, name: str, request: RequestId) -> None:
        await self.updates.touch((name, request))

    async def show_everywhere(self, request: RequestId) -> None:
        """Every copy that stands anywhere in Teams: after a click, without waiting for the outbox."""
        refs = await self._store.read(lambda tx: tx.chat_refs(request))
        await self.updates.touch_each(
            (ref.surface, request) for ref in refs if ref.surface.startswith("teams:")
        )

    async def notify(self, name: str, request: RequestId, kind: str) -> None:
        """A reminder or an escalation, beside the card."""
        card = await self._card(request)
        if not card.state.is_open:
            return
        title = "Reminder: still waiting" if kind == "reminder" else "Escalated: nobody has decided"
        conversation = self._conversation(name)
        self._pace.take(conversation)
        page = self._cards.page(notice_page(card, title))
        await self._transport.send_card(self._settings.service_urls[0], conversation, page, title)

    async def say(self, name: str, page: Page) -> None:
        """Post *page* into the channel *name*: about the log, never about a request."""
        conversation = self._conversation(name)
        self._pace.take(conversation)
        card = self._cards.page(page)
        await self._transport.send_card(self._settings.service_urls[0], conversation, card, page.title)

    async def _bring_up_to_date(self, key: tuple[str, RequestId]) -> None:
        name, request = key
        card = await self._card(request)
        stored = await self._store.read(
            lambda tx: next((r for r in tx.chat_refs(request) if r.surface == name), None)
        )
        shown = mark_of_card(card)
        if stored is not None and stored.version >= shown:
            return
        ref = Ref.parse(stored.ref) if stored is not None else None
        conversation = ref.conversation if ref is not None else self._conversation(name)
        try:
            message = self._cards.message(card, Place("teams", self.tenant, conversation))
        except (LimitError, RenderError) as error:
            raise GiveUp("the card cannot be drawn") from error
        self._pace.take(conversation)
        url = self._settings.service_urls[0]
        summary = str(message["fallbackText"])
        if ref is not None:
            try:
                await self._transport.update_card(url, conversation, ref.id, message, summary)
            except Gone:
                ref = None
        if ref is None:
            ref = Ref(conversation, await self._transport.send_card(url, conversation, message, summary))
        row = ChatRef(request, name, ref.dump(), shown)
        await self._store.write(lambda tx: tx.put_chat_ref(row))

    async def _card(self, request: RequestId) -> Card:
        card = await self._desk.card(request, None)
        if not isinstance(card, Card):
            raise GiveUp("there is no such request")
        return card

    def _conversation(self, name: str) -> str:
        where = name.partition(":")[2]
        conversation = self._settings.channels.get(where)
        if conversation is None:
            raise GiveUp("the channel is not in teams.channels")
        return conversation
