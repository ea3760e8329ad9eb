"""Teams' activities: verified, then each click becomes the same desk call as anywhere. botbuilder stays behind the transport.

Decided here: that nothing is believed before the token holds, who the clicker is (tenant and Entra object id, confirmed with the
service, never a name: T04, T29), and what an ``Action.Execute`` is answered with: a card for the clicker, or a red strip.
botbuilder's own dispatch of ``adaptiveCard/action`` is broken in its cloud adapter, so activities are read here.
"""

from __future__ import annotations

import json
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.teams.cards import Cards
from adapters.teams.surface import TeamsSurface
from adapters.teams.token import TokenCheck, is_allowed, tenant_of
from adapters.teams.transport import ADAPTIVE, TeamsTransport
from bot.chat import pages
from bot.chat.answers import Answers, resolve_name
from bot.chat.commands import SPECS, Command, parse
from bot.chat.door import Door
from bot.chat.page import Page
from bot.chat.seal import Click, Mac, Place, seal, unseal
from bot.chat.tasks import Tasks
from bot.config_chat import TeamsSettings
from bot.core.ids import AccountKey, PersonId, RequestId
from bot.core.people import Actor
from bot.core.preview import Button, Card
from bot.core.reasons import Reason, Refused
from bot.core.request import Assurance, Choice
from bot.desk.api import Desk, InboxItem, LoginRefusal
from bot.errors import SignoffError
from bot.ports import Clock

PATH: Final = "/teams/messages"
BODY_BYTES_MAX: Final = 262_144
ERROR: Final = "application/vnd.microsoft.error"
CACHE_SECONDS: Final = 60.0
CACHE_MAX: Final = 10_000
_AT: Final = re.compile(r"<at[^>]*>.*?</at>", re.DOTALL)
_AAD: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

log = logging.getLogger("signoff.teams")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the Teams adapter is made of. *check* None is allowed under the development flag alone."""

    settings: TeamsSettings
    check: TokenCheck | None
    desk: Desk
    clock: Clock
    mac: Mac
    cards: Cards
    transport: TeamsTransport
    surface: TeamsSurface
    answers: Answers


@dataclass(frozen=True, slots=True)
class Origin:
    place: Place
    service_url: str
    user: str
    account: AccountKey
    is_personal: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """An answer that ends the work: *words* in a red strip or a private message."""

    words: str
    code: str = "refused"


class TeamsApp:
    """``route`` takes the Connector's POSTs."""

    def __init__(self, parts: Parts) -> None:
        if parts.check is None and not parts.settings.development:
            raise ValueError("Teams without token checks runs under the development flag alone (T29)")
        self._parts = parts
        self._settings = parts.settings
        self._desk = parts.desk
        self._cards = parts.cards
        self.tasks = Tasks("teams")
        self._door = Door(parts.desk, parts.clock.monotonic)
        self._members: OrderedDict[tuple[str, str], tuple[float, str | None]] = OrderedDict()
        self.refused_callbacks = 0

    @property
    def route(self) -> Route:
        return Route(PATH, self.receive, methods=["POST"])

    async def stop(self) -> None:
        await self.tasks.close()
        await self._parts.transport.close()

    async def receive(self, request: Request) -> Response:
        """401 unless the Connector sent it; 200 with the answer to an invoke; 202 for the rest, worked on afterwards."""
        try:
            activity = await _activity(request)
        except ClientDisconnect:
            return Response(status_code=400)
        if activity is None or not await self._is_genuine(request, activity):
            self.refused_callbacks += 1
            return Response(status_code=401)
        if self._parts.surface.is_news(str(activity["serviceUrl"])):
            self.tasks.spawn("heard", self._parts.surface.heard(str(activity["serviceUrl"])))
        if activity.get("type") == "invoke":
            if activity.get("name") != "adaptiveCard/action":
                return JSONResponse(_strip(Stop("This app does not know that action.", "unknown")), 200)
            return JSONResponse(await self._invoke(activity))
        if activity.get("type") == "message":
            self.tasks.spawn("message", self._message(activity))
        return Response(status_code=202)

    async def _is_genuine(self, request: Request, activity: Json) -> bool:
        if self._parts.check is None:
            return is_allowed(activity.get("serviceUrl"), self._settings.service_urls)
        headers = [value for name, value in request.headers.raw if name.lower() == b"authorization"]
        if len(headers) != 1:
            return False
        try:
            authorization = headers[0].decode("ascii")
        except UnicodeDecodeError:
            return False
        return await self._parts.check.is_genuine(
            authorization, activity, self._parts.clock.now().timestamp()
        )

    # --- clicks -----------------------------------------------------------------------------------
    async def _invoke(self, activity: Json) -> Json:
        value = _dict(activity.get("value"))
        action = _dict(value.get("action"))
        data = _dict(action.get("data"))
        try:
            outcome = await self._act(activity, str(action.get("verb") or ""), data)
        except SignoffError as error:
            log.warning("a click failed (%s)", type(error).__name__)
            outcome = Stop(
                "Something failed here and nothing was decided. Try again in a minute, or use the console.",
                "fault",
            )
        if isinstance(outcome, Stop):
            return _strip(outcome)
        return {"statusCode": 200, "type": ADAPTIVE, "value": outcome}

    async def _act(self, activity: Json, verb: str, data: Mapping[str, Any]) -> Json | Stop:
        only_looks = verb == "refresh"  # clients ask that by themselves
        origin = await self._origin(activity)
        if isinstance(origin, Stop):
            if not only_looks:
                await self._turned_away(activity)
            return origin
        click = unseal(self._parts.mac, origin.place, data.get("signoff"))
        if click is None:
            return Stop(
                "This button was not made by this app for this place, or it is too old. Open the request in the console."
            )
        actor = await self._actor(origin, only_looks=only_looks)
        if only_looks:
            return await self._own_view(origin, click.request, actor if isinstance(actor, Actor) else None)
        if isinstance(actor, Refused):
            return _stop(actor)
        return await self._do(origin, actor, click, data)

    async def _do(self, origin: Origin, actor: Actor, click: Click, data: Mapping[str, Any]) -> Json | Stop:
        outcome: object
        match click.button:
            case Button.APPROVE:
                shared = await self._desk.card(click.request, None)
                whole = isinstance(shared, Card) and self._cards.shows_whole(shared, origin.place)
                outcome = await self._desk.vote(
                    click.request, actor, Choice.APPROVE, version=click.version, preview_complete=whole
                )
            case Button.DENY:
                reason = data.get("reason")
                if not isinstance(reason, str) or len(reason.strip()) < 3:
                    return Stop("Please give a reason.", Reason.REASON_REQUIRED.value)
                outcome = await self._desk.vote(
                    click.request, actor, Choice.DENY, version=click.version, comment=reason[:500]
                )
            case Button.WITHDRAW:
                outcome = await self._desk.withdraw(click.request, actor)
            case Button.CANCEL:
                outcome = await self._desk.cancel(click.request, actor)
            case Button.DETAILS:
                return await self._details(actor, click.request)
            case Button.REVEAL:
                card = await self._desk.card(click.request, actor)
                return self._cards.page(pages.step_up_page(card)) if isinstance(card, Card) else _stop(card)
            case Button.OPEN_CONSOLE:
                outcome = None
        self.tasks.spawn("show", self._parts.surface.show_everywhere(click.request))
        if isinstance(outcome, Refused):
            return _stop(outcome)
        return await self._own_view(origin, click.request, actor)

    async def _own_view(self, origin: Origin, request: RequestId, actor: Actor | None) -> Json | Stop:
        """The card as this viewer may see it, else the shared copy that stands there anyway."""
        card = await self._desk.card(request, actor)
        if not isinstance(card, Card) and actor is not None:
            card = await self._desk.card(request, None)
        if not isinstance(card, Card):
            return _stop(card)
        return self._cards.message(card, origin.place)

    async def _details(self, actor: Actor, request: RequestId) -> Json | Stop:
        card = await self._desk.card(request, actor)
        if not isinstance(card, Card):
            return _stop(card)
        timeline = await self._desk.timeline(request, actor)
        lines = timeline if isinstance(timeline, list) else []
        return self._cards.details(card, lines)

    # --- words --------------------------------------------------------------------------------------
    async def _message(self, activity: Json) -> None:
        """A mention command, or a button whose client only knows ``Action.Submit``. Answered in private."""
        origin = await self._origin(activity)
        if isinstance(origin, Stop):
            await self._turned_away(activity)
            return
        submitted = _dict(activity.get("value"))
        if "signoff" in submitted:
            answer = await self._act(activity, "signoff", submitted)
            card = (
                answer
                if not isinstance(answer, Stop)
                else self._cards.page(pages.refused_words(answer.words))
            )
            await self._privately(origin, card, "Signoff")
            return
        page = await self._answer(origin, _words(activity))
        await self._privately(origin, self._cards.page(page), page.title)

    async def _answer(self, origin: Origin, typed: str) -> Page:
        family, _, rest = typed.partition(" ")
        family = family.lower().lstrip("/")
        command = parse(family, rest) if family in SPECS else parse("signoff", typed)
        if isinstance(command, Command) and command.name == "link":
            return await self._parts.answers.link(command, origin.account)
        actor = await self._actor(origin)
        if isinstance(actor, Refused):
            return pages.refused(actor)
        return await self._parts.answers.run(command, actor, self._sealer(origin.place), self._resolve)

    def _sealer(self, place: Place) -> Callable[[InboxItem], str]:
        return lambda item: seal(self._parts.mac, place, Click(item.request, item.version, Button.DETAILS))

    async def _resolve(self, who: str) -> PersonId | None:
        return await resolve_name(self._desk, who)

    async def _privately(self, origin: Origin, card: Json, summary: str) -> None:
        """In the personal chat: there, or in a message to the one who asked."""
        transport = self._parts.transport
        if origin.is_personal:
            await transport.send_card(origin.service_url, origin.place.channel, card, summary)
        else:
            await transport.send_private(
                origin.service_url,
                self._settings.tenant,
                origin.place.channel,
                origin.user,
                card,
                summary,
            )

    # --- who -----------------------------------------------------------------------------------------
    async def _origin(self, activity: Json) -> Origin | Stop:
        sender, conversation = _dict(activity.get("from")), _dict(activity.get("conversation"))
        tenant = tenant_of(activity) or ""
        if self._settings.tenant and tenant != self._settings.tenant:
            return Stop("Your account is of another organisation, so it cannot decide here.", "foreign")
        user, aad = sender.get("id"), sender.get("aadObjectId")
        place_id, url = conversation.get("id"), activity.get("serviceUrl")
        if not isinstance(user, str) or not isinstance(aad, str) or not _AAD.fullmatch(aad):
            return Stop("Bots and accounts without a directory entry cannot decide here.", "nobody")
        if (
            not isinstance(place_id, str)
            or not isinstance(url, str)
            or sender.get("role") in ("bot", "skill")
        ):
            return Stop("Bots and accounts without a directory entry cannot decide here.", "nobody")
        why_not = await self._why_nobody(url, place_id, user, aad.lower())
        if why_not is not None:
            return Stop(why_not, "nobody")
        own = self._parts.surface.tenant
        return Origin(
            place=Place("teams", own, place_id.split(";messageid=", 1)[0]),
            service_url=url,
            user=user,
            account=AccountKey(f"teams:{own}:{aad.lower()}"),
            is_personal=conversation.get("conversationType") == "personal",
        )

    async def _why_nobody(self, url: str, conversation: str, user: str, aad: str) -> str | None:
        """Ask the service who this is, at most once a minute; fails closed. None: a member of our tenant."""
        now = self._parts.clock.monotonic()
        key = (conversation.split(";", 1)[0], f"{user}/{aad}")
        kept = self._members.get(key)
        if kept is not None and now - kept[0] < CACHE_SECONDS:
            return kept[1]
        try:
            member = await self._parts.transport.member(url, key[0], user)
        except SignoffError:
            return (
                "Your account cannot be checked with Teams now, so nothing was done. Try again in a minute."
            )
        why: str | None = None
        if member is None or member.aad.lower() != aad:
            why = "You are not a member of this conversation."
        elif self._settings.tenant and member.tenant and member.tenant != self._settings.tenant:
            why = "Your account is of another organisation, so it cannot decide here."
        elif member.role.lower() in ("guest", "anonymous", "bot", "skill"):
            why = "Guests and bots cannot decide here."
        self._members[key] = (now, why)
        if len(self._members) > CACHE_MAX:
            self._members.popitem(last=False)
        return why

    async def _turned_away(self, activity: Json) -> None:
        """A stranger wanted something: an entry, which names nobody whom we do not know."""
        aad = _dict(activity.get("from")).get("aadObjectId")
        name = aad.lower() if isinstance(aad, str) and _AAD.fullmatch(aad) else ""
        account = AccountKey(f"teams:{self._parts.surface.tenant}:{name}")
        await self._door.turned_away(account, LoginRefusal.STRANGER)

    async def _actor(self, origin: Origin, *, only_looks: bool = False) -> Actor | Refused:
        """The person behind the account, now. That somebody who wanted something was turned away is an entry."""
        found = await self._desk.identify(
            origin.account, surface=f"teams:{origin.place.channel}"[:100], assurance=Assurance.CHAT
        )
        if isinstance(found, Refused) and not only_looks:
            await self._door.turned_away(origin.account, found.reason)
        if isinstance(found, Refused) and found.reason is Reason.UNMAPPED:
            return Refused(Reason.UNMAPPED, "Or write “link” to this app to do it yourself.")
        return found


def _stop(refusal: Refused) -> Stop:
    return Stop(refusal.sentence, refusal.reason.value)


def _strip(stop: Stop) -> Json:
    """The red strip on the card: only the clicker sees it."""
    return {"statusCode": 400, "type": ERROR, "value": {"code": stop.code, "message": stop.words}}


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _words(activity: Json) -> str:
    text = activity.get("text")
    return " ".join(_AT.sub(" ", text if isinstance(text, str) else "")[:2000].split())


async def _activity(request: Request) -> Json | None:
    """The body as a JSON object; None when it is none, or too long."""
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_BYTES_MAX:
            return None
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
