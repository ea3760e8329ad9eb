"""Cards in Teams: posted once, edited in place, right after every outage (T45, I14).

Like Slack's, but Teams lets no bot search a channel for its own message: when the answer to a first post is lost, it is posted
again, and the lost copy's buttons still lead to the same desk. Deliberately absent: words, limits, retries (the outbox).
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import asdict, dataclass, replace
from typing import Final

from adapters.teams.cards import Cards
from adapters.teams.limits import LimitError
from adapters.teams.token import is_allowed
from adapters.teams.transport import Gone, Member, TeamsTransport, thread_of
from bot.chat.coalesce import Coalescer, Pace
from bot.chat.direct import recipients
from bot.chat.mark import mark_of_card
from bot.chat.page import Page
from bot.chat.pages import due_reply
from bot.chat.seal import Place
from bot.chat.template import RenderError
from bot.config_chat import TeamsSettings
from bot.core.ids import RequestId
from bot.core.preview import Card
from bot.desk.api import Desk
from bot.errors import GiveUp
from bot.ports import ChatRef, Directory, Store

DEVELOPMENT_TENANT: Final = "development"
PUBLIC: Final = "https://smba.trafficmanager.net/"
META_SERVICE_URL: Final = "teams-service-url"
USERS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Ref:
    """The address of a copy. ``reminded``, ``escalated``: what of the waiting was said under it."""

    conversation: str
    id: str
    reminded: int = 0
    escalated: bool = False

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Ref:
        return cls(**json.loads(text))


def proactive_url(settings: TeamsSettings) -> str:
    """Where to call the Connector before it has called us. The public cloud's prefix alone is no address (learn.microsoft.com, "Send
    proactive messages"); other clouds are set whole."""
    first = settings.service_urls[0]
    return PUBLIC + "teams/" if first.rstrip("/") + "/" == PUBLIC else first


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
        directory: Directory | None = None,
    ) -> None:
        self._transport = transport
        self._cards = cards
        self._settings = settings
        self._desk = desk
        self._store = store
        self._pace = pace
        self._directory = directory
        self._service_url: str | None = None
        self._users: OrderedDict[str, str] = OrderedDict()
        self.tenant = settings.tenant or DEVELOPMENT_TENANT
        self.updates: Coalescer[tuple[str, RequestId]] = Coalescer(self._bring_up_to_date)

    def is_news(self, service_url: str) -> bool:
        return service_url != self._service_url

    async def heard(self, service_url: str) -> None:
        """The Connector called from *service_url*, which was checked: from now on that is where we call it, after a restart too."""
        if service_url != await self._url():
            self._service_url = service_url
            await self._store.write(lambda tx: tx.set_meta(META_SERVICE_URL, service_url))

    async def show(self, name: str, request: RequestId) -> None:
        """Every copy under *name* tells the committed state; direct copies too where the rule wants them."""
        refs = await self._store.read(lambda tx: tx.chat_refs(request))
        standing = [ref.surface for ref in refs if ref.surface.startswith("teams:@")]
        names = dict.fromkeys((name, *standing, *await self._direct_names(request)))
        await self.updates.touch_each((copy, request) for copy in names)

    async def show_everywhere(self, request: RequestId) -> None:
        """Every copy that stands anywhere in Teams: after a click, without waiting for the outbox."""
        refs = await self._store.read(lambda tx: tx.chat_refs(request))
        await self.updates.touch_each(
            (ref.surface, request) for ref in refs if ref.surface.startswith("teams:")
        )

    async def absent(self, request: RequestId) -> list[str]:
        refs = await self._store.read(lambda tx: tx.chat_refs(request))
        standing = {ref.surface for ref in refs}
        return [name for name in await self._direct_names(request) if name not in standing]

    async def notify(self, name: str, request: RequestId, kind: str) -> None:
        """A reminder or an escalation, as a reply to every copy."""
        await self.show(name, request)

    async def say(self, name: str, page: Page) -> None:
        """Post *page* into the channel *name*: about the log, never about a request."""
        conversation = self._channel(name)
        self._pace.take(conversation)
        card = self._cards.page(page)
        await self._transport.send_card(await self._url(), conversation, card, page.title)

    # --- one copy -------------------------------------------------------------------------------
    async def _bring_up_to_date(self, key: tuple[str, RequestId]) -> None:
        name, request = key
        card = await self._card(request)
        stored = await self._store.read(
            lambda tx: next((r for r in tx.chat_refs(request) if r.surface == name), None)
        )
        ref = Ref.parse(stored.ref) if stored is not None else None
        if stored is None or ref is None or stored.version < mark_of_card(card):
            ref = await self._write(name, request, card, ref)
        page = due_reply(card, ref.reminded, escalation_told=ref.escalated)
        if page is not None:
            self._pace.take(ref.conversation)
            thread = thread_of(ref.conversation, ref.id)
            # If we stop after this it is said once more: a reminder twice is better than none.
            await self._transport.send_card(await self._url(), thread, self._cards.page(page), page.title)
            await self._keep(name, request, _as_told(ref, card), card)

    async def _write(self, name: str, request: RequestId, card: Card, ref: Ref | None) -> Ref:
        """Edit the copy, or post it; its address is kept before anything else is tried."""
        conversation = ref.conversation if ref is not None else await self._conversation(name, request)
        try:
            message = self._cards.message(card, Place("teams", self.tenant, conversation))
        except (LimitError, RenderError) as error:
            raise GiveUp("the card cannot be drawn") from error
        self._pace.take(conversation)
        url = await self._url()
        summary = str(message["fallbackText"])
        if ref is not None:
            try:
                await self._transport.update_card(url, conversation, ref.id, message, summary)
            except Gone:
                ref = None
        if ref is None:
            id = await self._transport.send_card(url, conversation, message, summary)
            # A card that is posted late says of itself what a reply would have said.
            ref = _as_told(Ref(conversation, id), card)
        await self._keep(name, request, ref, card)
        return ref

    async def _keep(self, name: str, request: RequestId, ref: Ref, card: Card) -> None:
        row = ChatRef(request, name, ref.dump(), mark_of_card(card))
        await self._store.write(lambda tx: tx.put_chat_ref(row))

    async def _card(self, request: RequestId) -> Card:
        card = await self._desk.card(request, None)
        if not isinstance(card, Card):
            raise GiveUp("there is no such request")
        return card

    # --- places ---------------------------------------------------------------------------------
    async def _url(self) -> str:
        if self._service_url is None:
            kept = await self._store.read(lambda tx: tx.meta(META_SERVICE_URL))
            is_good = kept is not None and is_allowed(kept, self._settings.service_urls)
            self._service_url = kept if kept is not None and is_good else proactive_url(self._settings)
        return self._service_url

    async def _conversation(self, name: str, request: RequestId) -> str:
        """``teams:NAME`` by the settings; ``teams:@OBJECT-ID`` the personal conversation with that person."""
        where = name.partition(":")[2]
        if not where.startswith("@"):
            return self._channel(name)
        user = await self._user(where[1:], request)
        return await self._transport.open_direct(await self._url(), self._settings.tenant, user)

    def _channel(self, name: str) -> str:
        conversation = self._settings.channels.get(name.partition(":")[2])
        if conversation is None:
            raise GiveUp("the channel is not in teams.channels")
        return conversation

    async def _user(self, aad: str, request: RequestId) -> str:
        """Teams' own id of the person with the Entra object id *aad*. Only a member of a channel of the rule is looked up there: Teams
        gives the id to nobody else, and a stranger to the channel gets no copy of its card."""
        if aad in self._users:
            return self._users[aad]
        found = await self._store.read(lambda tx: tx.request(request))
        surfaces = found.requirement.surfaces if found is not None else ()
        for surface in surfaces:
            kind, _, channel = surface.partition(":")
            conversation = self._settings.channels.get(channel) if kind == "teams" else None
            if conversation is None:
                continue
            member = await self._transport.member(await self._url(), conversation, aad)
            if member is not None and member.aad.lower() == aad and self._is_ours(member):
                self._users[aad] = member.id
                if len(self._users) > USERS_MAX:
                    self._users.popitem(last=False)
                return member.id
        raise GiveUp("the person is in no channel of the rule")

    def _is_ours(self, member: Member) -> bool:
        is_foreign = self._settings.tenant and member.tenant and member.tenant != self._settings.tenant
        return not is_foreign and member.role.lower() not in ("guest", "anonymous", "bot", "skill")

    async def _direct_names(self, request: RequestId) -> list[str]:
        found = await self._store.read(lambda tx: tx.request(request))
        if found is None or self._directory is None:
            return []
        ids = await recipients(self._desk, self._directory, found, "teams", self.tenant)
        return [f"teams:@{aad}" for aad in ids]


def _as_told(ref: Ref, card: Card) -> Ref:
    return replace(ref, reminded=card.reminders, escalated=bool(card.escalated_to))
