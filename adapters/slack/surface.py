"""Cards in Slack: posted once, edited in place, right after every outage (T45, I14).

Decided here: where a copy stands, when it is posted and when edited, and what happens to a lost answer. The state is read when
the call is about to be made, so a late call tells the truth. Before a first post an intent is stored; if the answer is lost, the
channel's history is searched for our metadata, so that the message is found and not posted twice. Deliberately absent: words, limits,
retries (the outbox: ``Retry`` says when).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from adapters.slack.api import Api, MissingScope, Refusal, Rejected
from adapters.slack.cards import METADATA_EVENT, Cards
from adapters.slack.limits import LimitError
from bot.chat.coalesce import Coalescer, Paced
from bot.chat.direct import recipients
from bot.chat.mark import mark_of_card
from bot.chat.page import Page
from bot.chat.pages import due_reply, notice_page
from bot.chat.seal import Place
from bot.chat.template import RenderError
from bot.config_chat import SlackSettings
from bot.core.ids import RequestId
from bot.core.preview import Card
from bot.desk.api import Desk
from bot.errors import GiveUp
from bot.ports import ChatRef, Clock, Directory, Store

_CHANNEL: Final = re.compile(r"[CGD][A-Z0-9]{2,20}")
_USER: Final = re.compile(r"[UW][A-Z0-9]{2,20}")
SHARED_CHECK_SECONDS: Final = 600.0
HISTORY_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Ref:
    """The address of a copy. ``ts`` empty: we meant to post at ``since`` and do not know whether
    it arrived; ``since`` empty too: it certainly did not. ``told``: the thread
    already holds the settled timeline; ``reminded``, ``escalated``: what of the waiting it holds."""

    channel: str
    ts: str = ""
    since: str = ""
    told: bool = False
    reminded: int = 0
    escalated: bool = False

    @classmethod
    def parse(cls, text: str) -> Ref:
        return cls(**json.loads(text))

    def dump(self) -> str:
        return json.dumps(asdict(self))


class SlackSurface:
    """The ``Surface`` port. ``show`` and ``notify`` are harmless when repeated."""

    prefix = "slack"

    def __init__(
        self,
        api: Api,
        cards: Cards,
        settings: SlackSettings,
        desk: Desk,
        store: Store,
        clock: Clock,
        directory: Directory | None = None,
    ) -> None:
        self._api = api
        self._cards = cards
        self._settings = settings
        self._desk = desk
        self._store = store
        self._clock = clock
        self._directory = directory
        self._unshared: dict[str, float] = {}
        self.updates: Coalescer[tuple[str, RequestId]] = Coalescer(self._bring_up_to_date)

    async def show(self, name: str, request: RequestId) -> None:
        """Every copy under *name* tells the committed state; direct copies too where the rule names them."""
        refs = await self._store.read(lambda tx: tx.chat_refs(request))
        standing = [ref.surface for ref in refs if ref.surface.startswith("slack:@")]
        names = dict.fromkeys((name, *standing, *await self._direct_names(request)))
        await self.updates.touch_each((copy, request) for copy in names)

    async def absent(self, request: RequestId) -> list[str]:
        refs = await self._store.read(lambda tx: tx.chat_refs(request))
        standing = {ref.surface for ref in refs}
        return [name for name in await self._direct_names(request) if name not in standing]

    async def show_everywhere(self, request: RequestId) -> None:
        """Every copy that stands anywhere in Slack: after a click, without waiting for the outbox."""
        refs = await self._store.read(lambda tx: tx.chat_refs(request))
        await self.updates.touch_each(
            (ref.surface, request) for ref in refs if ref.surface.startswith("slack:")
        )

    async def notify(self, name: str, request: RequestId, kind: str) -> None:
        """A reminder in the thread of every copy; an escalation is seen in the channel as well."""
        await self.show(name, request)

    async def say(self, name: str, page: Page) -> None:
        """Post *page* into the channel *name*: about the log, never about a request."""
        channel = await self._channel(name)
        await self._must_be_ours_alone(channel)
        try:
            await self._api.call("chat.postMessage", channel=channel, **self._cards.page(page), **_QUIET)
        except (Refusal, Rejected) as refusal:
            raise GiveUp(refusal.word) from refusal

    # --- one copy -------------------------------------------------------------------------------
    async def _bring_up_to_date(self, key: tuple[str, RequestId]) -> None:
        name, request = key
        card = await self._card(request)
        stored = await self._chat_ref(name, request)
        ref = Ref.parse(stored.ref) if stored is not None else None
        if stored is None or ref is None or not ref.ts or stored.version < mark_of_card(card):
            ref = await self._write(name, request, card, ref)
        page = due_reply(card, ref.reminded, escalation_told=ref.escalated)
        if page is not None:
            await self._reply(ref, page, broadcast=bool(card.escalated_to) and not ref.escalated)
            ref = _as_told(ref, card)
            await self._keep(name, request, ref, mark_of_card(card))
        if not card.state.is_open and not ref.told:
            await self._reply(ref, notice_page(card, card.verdict))
            await self._keep(name, request, replace(ref, told=True), mark_of_card(card))

    async def _write(self, name: str, request: RequestId, card: Card, ref: Ref | None) -> Ref:
        """Edit the copy, or post it; its address is kept before anything else is tried."""
        channel = ref.channel if ref is not None else await self._channel(name)
        await self._must_be_ours_alone(channel)
        message = self._message(card, Place("slack", self._settings.team, channel))
        if ref is not None and not ref.ts:
            ref = await self._found(ref, request) if ref.since else None
        if ref is not None:
            ref = await self._edit(ref, message)
        if ref is None:
            # A card that is posted late says of itself what a reply would have said.
            ref = _as_told(await self._post(name, request, channel, message), card)
        await self._keep(name, request, ref, mark_of_card(card))
        return ref

    def _message(self, card: Card, place: Place) -> dict[str, Any]:
        try:
            return self._cards.message(card, place)
        except (LimitError, RenderError) as error:
            raise GiveUp("the card cannot be drawn") from error

    async def _edit(self, ref: Ref, message: dict[str, Any]) -> Ref | None:
        """Edit in place; None when the message is gone and must be posted anew."""
        try:
            await self._send("chat.update", ref.channel, {**message, "ts": ref.ts})
        except Refusal as refusal:
            if refusal.word in ("message_not_found", "cant_update_message", "edit_window_closed"):
                return None
            raise GiveUp(refusal.word) from refusal
        return ref

    async def _post(self, name: str, request: RequestId, channel: str, message: dict[str, Any]) -> Ref:
        since = f"{self._clock.now().timestamp() - 60:.6f}"
        # If we stop after this the intent is stored and nothing was posted: the search finds nothing and it is posted then.
        await self._keep(name, request, Ref(channel, since=since), 0)
        try:
            answer = await self._send("chat.postMessage", channel, message)
        except Paced:
            await self._keep(name, request, Ref(channel), 0)
            raise
        except Refusal as refusal:
            raise GiveUp(refusal.word) from refusal
        return Ref(str(answer.get("channel", channel)), str(answer["ts"]))

    async def _send(self, method: str, channel: str, message: dict[str, Any]) -> dict[str, Any]:
        """The message; when Slack does not take its blocks, the least that is true: the state in words."""
        quiet = _QUIET if method == "chat.postMessage" else _QUIET_EDIT
        try:
            return await self._api.call(method, channel=channel, **message, **quiet)
        except Rejected:
            words = {"type": "plain_text", "text": message["text"], "emoji": False}
            plain = {**message, "blocks": [{"type": "section", "text": words}]}
            try:
                return await self._api.call(method, channel=channel, **plain, **quiet)
            except Rejected as rejected:
                raise GiveUp(rejected.word) from rejected

    async def _found(self, ref: Ref, request: RequestId) -> Ref | None:
        """The message of an intent whose answer was lost, by its metadata. None: it never arrived, or we may not look."""
        try:
            answer = await self._api.beside(
                "conversations.history",
                ref.channel,
                oldest=ref.since,
                limit=HISTORY_MAX,
                include_all_metadata=True,
            )
        except (Refusal, MissingScope):
            return None
        for message in answer.get("messages", []):
            metadata = message.get("metadata") or {}
            payload = metadata.get("event_payload") or {}
            if metadata.get("event_type") == METADATA_EVENT and payload.get("request_id") == request:
                return Ref(ref.channel, str(message["ts"]))
        return None

    async def _reply(self, ref: Ref, page: Page, *, broadcast: bool = False) -> None:
        """*page* in the copy's thread, *broadcast* into its channel as well (a direct message has one reader anyway).

        If we stop after this it is said once more: a reminder twice is better than none."""
        message = self._cards.page(page)
        if broadcast and not ref.channel.startswith("D"):
            message["reply_broadcast"] = True
        try:
            await self._api.call(
                "chat.postMessage", channel=ref.channel, thread_ts=ref.ts, **message, **_QUIET
            )
        except (Refusal, Rejected):
            pass  # the thread is a convenience; the card itself already tells the truth

    # --- reading and keeping ----------------------------------------------------------------------
    async def _card(self, request: RequestId) -> Card:
        card = await self._desk.card(request, None)
        if not isinstance(card, Card):
            raise GiveUp("there is no such request")
        return card

    async def _chat_ref(self, name: str, request: RequestId) -> ChatRef | None:
        refs = await self._store.read(lambda tx: tx.chat_refs(request))
        return next((ref for ref in refs if ref.surface == name), None)

    async def _ref(self, name: str, request: RequestId) -> Ref | None:
        stored = await self._chat_ref(name, request)
        return Ref.parse(stored.ref) if stored is not None else None

    async def _keep(self, name: str, request: RequestId, ref: Ref, version: int) -> None:
        row = ChatRef(request, name, ref.dump(), version)
        await self._store.write(lambda tx: tx.put_chat_ref(row))

    # --- places --------------------------------------------------------------------------------------
    async def _channel(self, name: str) -> str:
        """``slack:#name`` by the settings, ``slack:C…`` as it is, ``slack:@U…`` a direct message."""
        where = name.partition(":")[2]
        if where.startswith("@") and _USER.fullmatch(where[1:]):
            try:
                answer = await self._api.call("conversations.open", users=where[1:])
            except Refusal as refusal:
                raise GiveUp(refusal.word) from refusal
            return str(answer["channel"]["id"])
        channel = self._settings.channels.get(where, where)
        if not _CHANNEL.fullmatch(channel):
            raise GiveUp(f"{where} is not in slack.channels")
        return channel

    async def _must_be_ours_alone(self, channel: str) -> None:
        """Refuse a channel that is shared with another organisation (Slack Connect): its people would see the card (T28)."""
        now = self._clock.monotonic()
        checked = self._unshared.get(channel)
        if checked is not None and now - checked < SHARED_CHECK_SECONDS:
            return
        try:
            answer = await self._api.beside("conversations.info", channel)
        except Refusal as refusal:
            raise GiveUp(refusal.word) from refusal
        about = answer.get("channel") or {}
        if any(about.get(flag) for flag in ("is_ext_shared", "is_pending_ext_shared")):
            raise GiveUp("the channel is shared with another organisation")
        self._unshared[channel] = now

    async def _direct_names(self, request: RequestId) -> list[str]:
        """Direct copies for the approvers whom the rule names, when it says so; those held apart get none."""
        found = await self._store.read(lambda tx: tx.request(request))
        if found is None or self._directory is None:
            return []
        team = self._settings.team
        return [
            f"slack:@{user}" for user in await recipients(self._desk, self._directory, found, "slack", team)
        ]


def _as_told(ref: Ref, card: Card) -> Ref:
    return replace(ref, reminded=card.reminders, escalated=bool(card.escalated_to))


_QUIET: Final[Mapping[str, object]] = {
    "unfurl_links": False,
    "unfurl_media": False,
    "mrkdwn": False,
    "parse": "none",
    "link_names": False,
}
"""Nothing in the notification's text is read as markup, and nothing is unfurled."""
_QUIET_EDIT: Final[Mapping[str, object]] = {"parse": "none", "link_names": False}
