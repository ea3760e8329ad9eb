"""Slack's callbacks, by HTTP and by Socket Mode, through slack_bolt: verified, acknowledged, then worked in tasks of our own.

Decided here: that nothing is parsed before its signature holds, that the acknowledgement waits for nothing, and which desk call a
click becomes. Every click is the same few steps: is the button ours, for this place (T27); is the user somebody (T28);
then ``desk`` decides. No Slack type leaves this file. Deliberately absent: any rule about who may do what.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.slack.api import Api
from adapters.slack.cards import Cards
from adapters.slack.people import Nobody, People
from adapters.slack.signature import BODY_BYTES_MAX, Replays, Verifier
from adapters.slack.surface import SlackSurface
from bot.chat import pages
from bot.chat.answers import Answers, resolve_name
from bot.chat.commands import Command, parse
from bot.chat.door import Door
from bot.chat.page import Page, note
from bot.chat.seal import Click, Mac, Place, seal, unseal
from bot.chat.tasks import Tasks
from bot.config_chat import SlackSettings
from bot.core.ids import AccountKey, PersonId, RequestId
from bot.core.people import Actor
from bot.core.preview import Button, Card
from bot.core.reasons import Reason, Refused
from bot.core.request import Assurance, Choice
from bot.desk.api import Desk, InboxItem, LoginRefusal
from bot.errors import GiveUp, SignoffError
from bot.ports import Clock

PATH: Final = "/slack/events"
_MENTION: Final = re.compile(r"<@([UW][A-Z0-9]{2,20})(?:\|[^>]*)?>")
_NOT_OURS: Final = note(
    "Not done",
    "This button was not made by this app for this place, or it is too old. Open the request in the console.",
)
_FAULT: Final = note(
    "Not done", "Something failed here and nothing was decided. Try again in a minute, or use the console."
)
_LOOKING: Final = note(
    "One moment", "Your purpose is being written to the audit log. The value comes after it."
)

log = logging.getLogger("signoff.slack")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the Slack adapter is made of; ``bot.app`` puts it together."""

    settings: SlackSettings
    desk: Desk
    clock: Clock
    mac: Mac
    api: Api
    cards: Cards
    surface: SlackSurface
    answers: Answers


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a callback came from and how to answer it in private."""

    place: Place
    user: str
    account: AccountKey
    response_url: str
    trigger: str
    view: str
    """The id of the modal or home that the button stands in; empty for a message."""


class SlackApp:
    """``route`` for HTTP mode; ``start`` and ``stop`` in the lifespan (Socket Mode connects there)."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._settings = parts.settings
        self._desk = parts.desk
        self._cards = parts.cards
        self._api = parts.api
        self.tasks = Tasks("slack")
        self.people = People(parts.api, parts.settings, parts.clock.monotonic)
        self._door = Door(parts.desk, parts.clock.monotonic)
        self._replays = Replays()
        self._verifier = _verifier(parts.settings) if parts.settings.mode == "http" else None
        self._bolt = self._make_bolt()
        self._handler = AsyncSlackRequestHandler(self._bolt)
        self._socket: AsyncSocketModeHandler | None = None
        self.refused_callbacks = 0

    @property
    def route(self) -> Route:
        return Route(PATH, self.receive, methods=["POST"])

    async def start(self) -> None:
        await self._api.open()
        if self._settings.mode == "socket":
            token = self._settings.app_token
            assert token is not None
            client = AsyncWebClient(token=token.reveal(), base_url=self._settings.api_url)
            self._socket = AsyncSocketModeHandler(self._bolt, token.reveal(), web_client=client)
            await self._socket.connect_async()  # type: ignore[no-untyped-call]

    async def stop(self) -> None:
        if self._socket is not None:
            await self._socket.close_async()  # type: ignore[no-untyped-call]
        await self.tasks.close()
        await self._api.close()

    # --- the door -------------------------------------------------------------------------------
    async def receive(self, request: Request) -> Response:
        """One callback over HTTP. 401 unless genuine; a repeated sending is acknowledged and does nothing (T26)."""
        try:
            body = await _body(request)
        except ClientDisconnect:
            return Response(status_code=400)
        now = int(self._parts.clock.now().timestamp())
        if (
            body is None
            or self._verifier is None
            or not self._verifier.is_genuine(request.headers.raw, body, now)
        ):
            self.refused_callbacks += 1
            return Response(status_code=401)
        if not _is_utf8(body):
            return Response(status_code=401)
        if not self._replays.is_new(request.headers["x-slack-signature"].encode(), now):
            return Response(status_code=200)
        request._body = body  # noqa: SLF001 - the handler reads the same bytes that were verified
        try:
            response = await self._handler.handle(request)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            log.warning("a genuine callback could not be read (%s)", type(error).__name__)
            return Response(status_code=400)
        if response.status_code >= 500:
            # bolt answers so to shapes that Slack never sends (an empty list of actions); no listener of ours raises
            return Response(status_code=400)
        return response

    def _make_bolt(self) -> AsyncApp:
        """bolt, with our own verification in front of it and a fixed authorization instead of a call at the first click.

        Its logger is capped: at INFO it writes whole bodies on a bad signature, at WARNING those that nothing handles (T50)."""
        logger = logging.getLogger("signoff.slack.bolt")
        logger.setLevel(logging.CRITICAL)

        async def authorize(enterprise_id: str | None = None, team_id: str | None = None) -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=enterprise_id,
                team_id=team_id,
                bot_token=self._settings.bot_token.reveal(),
                bot_id="B0",
                bot_user_id="U0",
            )

        bolt = AsyncApp(
            logger=logger,
            client=AsyncWebClient(base_url=self._settings.api_url),
            signing_secret="checked-before-bolt",  # noqa: S106 - not used: see request_verification_enabled
            authorize=authorize,
            request_verification_enabled=False,
            ssl_check_enabled=False,
            ignoring_self_events_enabled=False,
        )
        bolt.action(re.compile(r"signoff\.[a-z_]+"))(self._listener(self._on_click))
        bolt.view("signoff.deny")(self._on_deny_submitted)
        bolt.view("signoff.reveal")(self._on_reveal_submitted)
        bolt.command(re.compile("/(signoff|audit)"))(self._listener(self._on_command))
        bolt.event("app_home_opened")(self._listener(self._on_home))
        return bolt

    def _listener(self, work: Callable[[dict[str, Any]], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def listen(ack: Callable[..., Awaitable[object]], body: dict[str, Any]) -> None:
            await ack()
            self.tasks.spawn(work.__name__, _run(work, body))

        return listen

    # --- clicks -------------------------------------------------------------------------------------
    async def _on_click(self, body: dict[str, Any]) -> None:
        actions = body.get("actions")
        action = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}
        if action.get("action_id") == "signoff.open_console":
            return
        origin = await self._origin(body)
        if origin is None:
            return
        click = unseal(self._parts.mac, origin.place, action.get("value"))
        if click is None or action.get("action_id") != f"signoff.{click.button.value}":
            await self._say(origin, _NOT_OURS)
            return
        try:
            await self._do(origin, click)
        except SignoffError:
            await self._say(origin, _FAULT)
            raise

    async def _do(self, origin: Origin, click: Click) -> None:
        actor = await self._actor(origin)
        if isinstance(actor, Refused):
            await self._say(origin, pages.refused(actor))
            return
        match click.button:
            case Button.APPROVE:
                await self._approve(origin, actor, click)
            case Button.DENY:
                await self._ask_reason(origin, actor, click)
            case Button.WITHDRAW:
                outcome = await self._desk.withdraw(click.request, actor)
                await self._told(origin, click.request, outcome, "Your vote is withdrawn.")
            case Button.CANCEL:
                cancelled = await self._desk.cancel(click.request, actor)
                await self._told(origin, click.request, cancelled, "The request is cancelled.")
            case Button.DETAILS:
                await self._details(origin, actor, click)
            case Button.REVEAL:
                await self._ask_purpose(origin, actor, click)
            case Button.OPEN_CONSOLE:
                return

    async def _approve(self, origin: Origin, actor: Actor, click: Click) -> None:
        card = await self._desk.card(click.request, None)
        whole = isinstance(card, Card) and self._cards.shows_whole(card, origin.place)
        outcome = await self._desk.vote(
            click.request, actor, Choice.APPROVE, version=click.version, preview_complete=whole
        )
        await self._told(origin, click.request, outcome, "Your approval counts.")

    async def _ask_reason(self, origin: Origin, actor: Actor, click: Click) -> None:
        """The dialog opens at once: its trigger lives three seconds. Who may deny is decided when it is sent."""
        card = await self._desk.card(click.request, actor)
        if not isinstance(card, Card):
            await self._say(origin, pages.refused(card))
            return
        try:
            view = self._cards.deny(card, origin.place, self._kept(origin, click))
            await self._dialog(origin, view)
        except SignoffError:
            await self._say(
                origin,
                note(
                    "Not denied yet",
                    "The dialog for your reason could not be opened. Press Deny again, or deny in the console.",
                ),
            )

    def _kept(self, origin: Origin, click: Click) -> str:
        """What a dialog remembers: the sealed click and where it was made, ids alone."""
        sealed = seal(self._parts.mac, origin.place, click)
        return json.dumps({"value": sealed, "team": origin.place.team, "channel": origin.place.channel})

    async def _dialog(self, origin: Origin, view: dict[str, Any]) -> None:
        """On top of the dialog that the button stands in, or as the first one."""
        is_dialog = origin.view.startswith("V") and origin.place.channel.startswith("modal:")
        await self._api.call(
            "views.push" if is_dialog else "views.open", trigger_id=origin.trigger, view=view
        )

    async def _ask_purpose(self, origin: Origin, actor: Actor, click: Click) -> None:
        """Which value and what for, where the settings and the rule let a chat show it; else the way to the console (T19)."""
        card = await self._desk.card(click.request, actor)
        if not isinstance(card, Card):
            await self._say(origin, pages.refused(card))
            return
        is_here = self._settings.reveal == "chat" and card.assurance is Assurance.CHAT
        if is_here and Button.REVEAL in card.buttons and pages.hidden_fields(card):
            view = self._cards.reveal(card, origin.place, self._kept(origin, click))
        else:
            view = self._cards.modal(pages.step_up_page(card))
        await self._dialog(origin, view)

    async def _on_reveal_submitted(self, ack: Callable[..., Awaitable[object]], body: dict[str, Any]) -> None:
        """The purpose is checked for being one before the dialog turns; the entry and the value come after the acknowledgement."""
        purpose, field = _typed(body, "purpose"), _picked(body, "field")
        if len(purpose.strip()) < 3 or field is None:
            where = "field" if field is None else "purpose"
            await ack(response_action="errors", errors={where: "Please say which value and what for."})
            return
        await ack(response_action="update", view=self._cards.modal(_LOOKING))
        self.tasks.spawn("reveal", self._reveal(body, field, purpose))

    async def _reveal(self, body: dict[str, Any], leaf: int, purpose: str) -> None:
        """What the desk says, into the dialog of the one who asked and nowhere else: never a message, never an ephemeral one."""
        kept = await self._reopened(body, Button.REVEAL)
        id = str(_dict(body.get("view")).get("id") or "")
        if kept is None or not id:
            return
        origin, click = kept
        actor = await self._actor(origin)
        if isinstance(actor, Refused):
            page = pages.refused(actor)
        else:
            found = await self._desk.reveal(click.request, actor, leaf, purpose)
            page = (
                pages.refused(found)
                if isinstance(found, Refused)
                else pages.revealed_page(click.request, found)
            )
        await self._api.call("views.update", view_id=id, view=self._cards.modal(page))

    async def _reopened(self, body: dict[str, Any], button: Button) -> tuple[Origin, Click] | None:
        """Who sent a dialog, and the click that opened it; None after a private answer when it is not ours."""
        try:
            kept = json.loads(body["view"]["private_metadata"])
            place = Place("slack", str(kept["team"]), str(kept["channel"]))
            value = kept["value"]
        except (KeyError, TypeError, ValueError):
            return None
        origin = await self._origin(body, place)
        if origin is None:
            return None
        click = unseal(self._parts.mac, place, value)
        if click is None or click.button is not button or place.team != self._settings.team:
            await self._say(origin, _NOT_OURS)
            return None
        return origin, click

    async def _on_deny_submitted(self, ack: Callable[..., Awaitable[object]], body: dict[str, Any]) -> None:
        """A reason is checked for being one before the dialog closes; the vote itself comes after the acknowledgement."""
        reason = _typed(body, "reason")
        if len(reason.strip()) < 3:
            await ack(response_action="errors", errors={"reason": "Please give a reason."})
            return
        await ack()
        self.tasks.spawn("deny", self._deny(body, reason))

    async def _deny(self, body: dict[str, Any], reason: str) -> None:
        kept = await self._reopened(body, Button.DENY)
        if kept is None:
            return
        origin, click = kept
        actor = await self._actor(origin)
        if isinstance(actor, Refused):
            await self._say(origin, pages.refused(actor))
            return
        outcome = await self._desk.vote(
            click.request, actor, Choice.DENY, version=click.version, comment=reason
        )
        await self._told(origin, click.request, outcome, "Your denial counts.")

    async def _details(self, origin: Origin, actor: Actor, click: Click) -> None:
        """The viewer's own card in a dialog: withdraw, cancel and reveal live here, since a channel's copy is everybody's."""
        card = await self._desk.card(click.request, actor)
        if not isinstance(card, Card):
            await self._say(origin, pages.refused(card))
            return
        place = Place("slack", self._settings.team, f"modal:{origin.user}")
        timeline = await self._desk.timeline(click.request, actor)
        view = self._cards.details(card, place, timeline if isinstance(timeline, list) else [])
        if origin.view and origin.place == place:
            await self._api.call("views.update", view_id=origin.view, view=view)
        else:
            await self._api.call("views.open", trigger_id=origin.trigger, view=view)

    async def _told(self, origin: Origin, request: RequestId, outcome: object, counted: str) -> None:
        """Answer the one who clicked, and bring every copy up to date without waiting for the outbox."""
        if isinstance(outcome, Refused):
            await self._say(origin, pages.refused(outcome))
        else:
            card = await self._desk.card(request, None)
            await self._say(
                origin, pages.result_page(card, counted) if isinstance(card, Card) else note("Done", counted)
            )
        self.tasks.spawn("show", self._parts.surface.show_everywhere(request))
        if origin.view:
            self.tasks.spawn("home", self._publish_home(origin))

    # --- who -------------------------------------------------------------------------------------------
    async def _origin(self, body: dict[str, Any], place: Place | None = None) -> Origin | None:
        """Who clicked where; None after a private answer when that is nobody, or when it is not for our app."""
        if body.get("api_app_id") != self._settings.app:
            return None
        team, user = _id(body.get("team")), _id(body.get("user"))
        view = _dict(body.get("view"))
        channel = _id(body.get("channel")) or (
            f"home:{user}" if view.get("type") == "home" else f"modal:{user}"
        )
        at = place or Place("slack", team, channel)
        user_team = body["user"].get("team_id") if isinstance(body.get("user"), dict) else None
        account = await self.people.account(team, user, user_team, _id(body.get("enterprise")) or None)
        origin = Origin(
            place=at,
            user=user,
            account=account if isinstance(account, str) else AccountKey(""),
            response_url=str(body.get("response_url") or ""),
            trigger=str(body.get("trigger_id") or ""),
            view=str(view.get("id") or "") if place is None else "",
        )
        if isinstance(account, Nobody):
            if view.get("type") != "home":
                await self._door.turned_away(AccountKey(f"slack:{team}:{user}"[:200]), LoginRefusal.STRANGER)
            await self._say(origin, note("Not done", account.words))
            return None
        return origin

    async def _actor(self, origin: Origin, *, only_looks: bool = False) -> Actor | Refused:
        """The person behind the account, now. Somebody unlinked is told how to get linked. That somebody who wanted something was
        turned away is an entry; *only_looks*: a page that Slack shows by itself."""
        found = await self._desk.identify(
            origin.account, surface=f"slack:{origin.place.channel}", assurance=Assurance.CHAT
        )
        if isinstance(found, Refused) and not only_looks:
            await self._door.turned_away(origin.account, found.reason)
        if isinstance(found, Refused) and found.reason is Reason.UNMAPPED:
            return Refused(Reason.UNMAPPED, "Or type /signoff link to do it yourself.")
        return found

    async def _say(self, origin: Origin, page: Page) -> None:
        """In private, by the callback's own answer address where there is one, else as an ephemeral or direct message."""
        message = self._cards.page(page)
        try:
            if origin.response_url and self._is_slack(origin.response_url):
                await self._api.respond(origin.response_url, message)
            elif origin.place.channel[:1] in ("C", "G"):
                await self._api.beside(
                    "chat.postEphemeral", origin.place.channel, user=origin.user, **message
                )
            else:
                opened = await self._api.call("conversations.open", users=origin.user)
                await self._api.beside("chat.postMessage", str(opened["channel"]["id"]), **message)
        except SignoffError as error:
            log.warning("an answer did not arrive (%s)", type(error).__name__)

    def _is_slack(self, url: str, hosts: tuple[str, ...] | None = None) -> bool:
        """Answers go to Slack alone, whatever the callback says (T34)."""
        parts = urlsplit(url)
        secure = parts.scheme == "https" or not self._settings.api_url.startswith("https://")
        return secure and parts.netloc in (hosts or self._settings.response_hosts)

    async def _send_file(self, origin: Origin, name: str, content: bytes) -> None:
        """A file into the direct messages of the one who asked, never into a channel (docs.slack.dev, "Working with files": three
        steps). When Slack does not take it, the page that was sent before says what was asked; this says where else to get it."""
        try:
            opened = await self._api.call("conversations.open", users=origin.user)
            place = await self._api.call(
                "files.getUploadURLExternal", filename=name, length=str(len(content))
            )
            url = str(place.get("upload_url") or "")
            if not self._is_slack(url, self._settings.upload_hosts):
                raise GiveUp("an upload address that is not Slack's")
            await self._api.upload(url, content)
            files = [{"id": str(place["file_id"]), "title": name}]
            await self._api.call(
                "files.completeUploadExternal", files=files, channel_id=str(opened["channel"]["id"])
            )
        except (SignoffError, KeyError) as error:
            log.warning("a file did not arrive (%s)", type(error).__name__)
            await self._say(
                origin,
                note(
                    "The file did not arrive",
                    "Slack did not take it (is the app installed with files:write?). Get it in the console, or with signoff audit.",
                ),
            )

    # --- commands and home --------------------------------------------------------------------------
    async def _on_command(self, body: dict[str, Any]) -> None:
        flat = {
            **body,
            "team": {"id": body.get("team_id")},
            "user": {"id": body.get("user_id")},
            "channel": {"id": body.get("channel_id")},
            "enterprise": {"id": body.get("enterprise_id")},
        }
        origin = await self._origin(flat)
        if origin is None:
            return
        family = str(body.get("command", "")).lstrip("/")
        try:
            page = await self._answer(origin, family, str(body.get("text") or ""))
            await self._say(origin, page)
            for name, content in page.files:
                await self._send_file(origin, name, content)
        except SignoffError:
            await self._say(origin, _FAULT)
            raise

    async def _answer(self, origin: Origin, family: str, typed: str) -> Page:
        command = parse(family, typed)
        if isinstance(command, Command) and command.name == "link":
            return await self._parts.answers.link(command, origin.account)
        actor = await self._actor(origin)
        if isinstance(actor, Refused):
            return pages.refused(actor)
        return await self._parts.answers.run(command, actor, self._sealer(origin.place), self._resolve)

    def _sealer(self, place: Place) -> Callable[[InboxItem], str]:
        return lambda item: seal(self._parts.mac, place, Click(item.request, item.version, Button.DETAILS))

    async def _resolve(self, who: str) -> PersonId | None:
        mention = _MENTION.fullmatch(who)
        if mention is None:
            return await resolve_name(self._desk, who)
        account = AccountKey(f"slack:{self._settings.team}:{mention[1]}")
        found = await self._desk.identify(account, surface="slack:mention", assurance=Assurance.CHAT)
        return found.person if isinstance(found, Actor) else None

    async def _on_home(self, body: dict[str, Any]) -> None:
        event = body.get("event")
        event = event if isinstance(event, dict) else {}
        if event.get("tab") != "home":
            return
        flat = {
            **body,
            "team": {"id": body.get("team_id")},
            "user": {"id": event.get("user")},
            "view": {"type": "home"},
        }
        origin = await self._origin(flat)
        if origin is not None:
            await self._publish_home(origin)

    async def _publish_home(self, origin: Origin) -> None:
        place = Place("slack", self._settings.team, f"home:{origin.user}")
        actor = await self._actor(origin, only_looks=True)
        page = (
            pages.refused(actor)
            if isinstance(actor, Refused)
            else await self._parts.answers.run(
                Command("signoff", "inbox"), actor, self._sealer(place), self._resolve
            )
        )
        await self._api.call("views.publish", user_id=origin.user, view=self._cards.home(page))


def _verifier(settings: SlackSettings) -> Verifier:
    secrets = [s for s in (settings.signing_secret, settings.previous_signing_secret) if s is not None]
    return Verifier([secret.reveal().encode() for secret in secrets])


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


async def _run(work: Callable[[dict[str, Any]], Awaitable[None]], body: dict[str, Any]) -> None:
    await work(body)


async def _body(request: Request) -> bytes | None:
    """The raw body, or None when it is longer than any callback."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _id(value: object) -> str:
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _typed(body: dict[str, Any], name: str) -> str:
    """What was typed into the input *name* of a dialog, at most 500 characters."""
    try:
        return str(body["view"]["state"]["values"][name][name]["value"] or "")[:500]
    except (KeyError, TypeError):
        return ""


def _picked(body: dict[str, Any], name: str) -> int | None:
    """The number behind what was picked from the list *name* of a dialog."""
    try:
        value = body["view"]["state"]["values"][name][name]["selected_option"]["value"]
    except (KeyError, TypeError):
        return None
    is_count = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 7
    return int(value) if is_count else None
