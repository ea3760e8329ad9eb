"""The one door of the console: each route goes through ``guarded``, which gives every answer its headers, every page its signed-in
person, and every change its CSRF check. No handler can be reached around it; a test walks all routes.

Decided here: signed in or not, same origin or not. Who may do what is the desk's (one authorizer behind every route). A change is
a POST; it carries the session's synchroniser token *and* comes from our own origin by ``Origin`` or Fetch Metadata. No path, host or
forwarded header takes part in any of it (T33).
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from adapters.web import limits
from adapters.web.csp import NO_STORE, security_headers
from adapters.web.oidc import Oidc
from adapters.web.passwords import Passwords
from adapters.web.render import render
from adapters.web.sessions import Sessions, same
from adapters.web.settings import WebSettings
from bot.alerts import Alert
from bot.core.people import Actor, Person, Role, Session
from bot.core.reasons import Reason, Refused
from bot.desk.api import Desk, Freeze
from bot.errors import Busy, SignoffError
from bot.ports import Clock, Rand, Store

log = logging.getLogger("signoff.web")

SAFE_NEXT: Final = 512
_FORM_PAGES: Final = re.compile(
    r"/(?:requests/req_[0-9a-z]{26}(?:/break-glass(?=$))?|(?:agents|people)/[a-z0-9._-]{1,64}|exceptions|agents|people|policies|profile|freeze|audit)(?=/|$)"
)
"""The page with the form, by where the form goes."""


class Access(Enum):
    PUBLIC = "public"
    """No session asked for: signing in, static files."""
    SIGNED_IN = "signed in"


OfferLink = Callable[[Actor], Awaitable[tuple[str, datetime]]]
"""A code that links a chat account to the signed-in person when it is typed there, and its end. None: no chat is set up."""


@dataclass(slots=True)
class Console:
    """Everything the pages share. Made once by ``app.create_routes``."""

    desk: Desk
    store: Store
    clock: Clock
    rand: Rand
    settings: WebSettings
    sessions: Sessions
    passwords: Passwords
    oidc: Oidc | None
    offer_link: OfferLink | None = None
    alarms: Callable[[], Sequence[Alert]] = tuple
    """What stands on the board now; drawn for auditors and administrators."""
    throttle: limits.Throttle = field(default_factory=limits.Throttle)
    streams: limits.Streams = field(default_factory=limits.Streams)


@dataclass(slots=True)
class Visit:
    """One HTTP request, after the door. ``form`` holds the fields of a POST, first value of each name."""

    http: HttpRequest
    console: Console
    form: Mapping[str, str] = field(default_factory=dict)
    session: Session | None = None
    actor: Actor | None = None
    person: Person | None = None
    frozen: Freeze | None = None
    is_cooling: bool = False

    @property
    def desk(self) -> Desk:
        return self.console.desk

    @property
    def me(self) -> Actor:
        """The signed-in person; the door lets nobody else in, so absence is a bug."""
        assert self.actor is not None
        return self.actor

    @property
    def is_admin(self) -> bool:
        """A courtesy for what is drawn; the desk checks."""
        return self.person is not None and Role.ADMIN in self.person.roles

    @property
    def is_auditor(self) -> bool:
        return self.is_admin or (self.person is not None and Role.AUDITOR in self.person.roles)

    @property
    def is_fragment(self) -> bool:
        return self.http.headers.get("hx-request") == "true"

    @property
    def is_by_hand(self) -> bool:
        """Whether somebody asked for this, rather than a page keeping itself fresh: only that keeps a session from idling out."""
        return self.http.method == "POST" or not (
            self.is_fragment or "text/event-stream" in self.http.headers.get("accept", "")
        )

    @property
    def client(self) -> str:
        return self.http.client.host if self.http.client else "-"

    def field(self, name: str, limit: int = limits.TEXT_MAX) -> str:
        return self.form.get(name, "")[:limit].strip()

    def query(self, name: str, limit: int = 200) -> str:
        return self.http.query_params.get(name, "")[:limit].strip()

    def page(self, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """A whole page or fragment, with what every template may use."""
        base: dict[str, Any] = {
            "me": self.person,
            "actor": self.actor,
            "csrf": self.session.csrf if self.session else "",
            "frozen": self.frozen,
            "alarms": self.console.alarms() if self.is_auditor else (),
            "is_cooling": self.is_cooling,
            "now": self.console.clock.now(),
            "is_admin": self.is_admin,
            "is_auditor": self.is_auditor,
            "nav": "",
            "notice": None,
            "problem": None,
        }
        return HTMLResponse(render(template, {**base, **context}), status_code=status)

    def refused(self, refused: Refused, back: str = "/") -> Response:
        """A page that says what the rules said, and what to do next."""
        status = STATUS.get(refused.reason, 409)
        template = "fragments/refused.html.j2" if self.is_fragment else "refused.html.j2"
        return self.page(template, status, refused=refused, back=back)


STATUS: Final = {
    Reason.NOT_FOUND: 404,
    Reason.NOT_KNOWN: 404,
    Reason.NOT_ENTITLED: 403,
    Reason.NOT_ADMIN: 403,
    Reason.NOT_CONFIRMER: 403,
    Reason.GROUP_HELD: 403,
    Reason.LINK_UNCONFIRMED: 403,
    Reason.NOT_ELIGIBLE: 403,
    Reason.SEPARATED: 403,
    Reason.STEP_UP: 403,
    Reason.ASSURANCE: 403,
    Reason.BREAK_GLASS_OFF: 403,
    Reason.BREAK_GLASS_CAP: 429,
    Reason.NOT_REVIEWER: 403,
    Reason.REASON_REQUIRED: 422,
    Reason.REVEAL_RATE: 429,
    Reason.DIRECTORY_DOWN: 503,
    Reason.AUDIT_UNAVAILABLE: 503,
}

Handler = Callable[[Visit], Awaitable[Response]]


def see_other(path: str) -> RedirectResponse:
    """After a change: to a path of ours, and only by GET."""
    assert is_local(path)
    return RedirectResponse(path, status_code=303)


def is_local(path: str) -> bool:
    """Whether *path* stays here: one leading slash, printable ASCII, no backslash (browsers read it as a slash)."""
    return (
        path.startswith("/")
        and not path.startswith("//")
        and path.isascii()
        and path.isprintable()
        and "\\" not in path
        and len(path) <= SAFE_NEXT
    )


def is_same_origin(headers: Mapping[str, str], origin: str) -> bool:
    """Whether a POST comes from our own pages. ``Origin: null`` (our no-referrer policy makes browsers send it, Fetch section 3.2)
    counts only with ``Sec-Fetch-Site: same-origin``, which scripts cannot set."""
    site = headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    given = headers.get("origin")
    if given is None or given == "null":
        return site == "same-origin"
    return given == origin


def guarded(console: Console, path: str, handler: Handler, method: str, access: Access) -> Route:
    """A route that only the door leads to."""
    headers = security_headers(https=console.settings.is_https)

    async def endpoint(http: HttpRequest) -> Response:
        response = await _admit(Visit(http, console), handler, method, access)
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("cache-control", NO_STORE)
        return response

    route = Route(path, endpoint, methods=[method], name=f"{method} {path}")
    route.access = access  # type: ignore[attr-defined]
    return route


async def _admit(visit: Visit, handler: Handler, method: str, access: Access) -> Response:
    console = visit.console
    try:
        visit.session = await console.sessions.find(visit.http.cookies)
        if visit.session is not None:
            await _know(visit)
        if access is Access.SIGNED_IN and visit.actor is None:
            return _to_login(visit)
        if method == "POST":
            refusal = await _take_form(visit)
            if refusal is not None:
                return refusal
            if visit.is_cooling and not visit.http.scope["path"].startswith("/logout"):
                return visit.refused(Refused(Reason.COOL_DOWN))
        if access is Access.SIGNED_IN and visit.session is not None and visit.is_by_hand:
            await console.sessions.touch(visit.session)
        return await handler(visit)
    except Busy:
        response = visit.page(
            "fault.html.j2", 503, title="Busy right now", detail="Nothing was changed. Try again in a moment."
        )
        response.headers["retry-after"] = "2"
        return response
    except ClientDisconnect:
        return Response(status_code=400)
    except SignoffError as e:
        log.error("console fault", extra={"fault": type(e).__name__})  # noqa: TRY400  a traceback may hold values (T50)
        detail = (
            "It is not certain whether your change was written. Look at the page again before you repeat it."
        )
        return visit.page("fault.html.j2", 503, title="Something failed on our side", detail=detail)


async def _know(visit: Visit) -> None:
    """Fill in who this is, as the desk knows it now; a session of somebody who may not be here counts as none. A freshly linked account
    may look and sign out, no more, until its cool-down has passed (T04)."""
    session = visit.session
    assert session is not None
    known = await visit.desk.identify(
        session.account,
        surface="console",
        assurance=session.assurance,
        authenticated_at=session.authenticated_at,
    )
    if isinstance(known, Refused) and known.reason is Reason.COOL_DOWN:
        visit.is_cooling = True
        known = Actor(session.person, session.account, "console", session.assurance, session.authenticated_at)
    if isinstance(known, Refused) or known.person != session.person:
        visit.session = None
        return
    visit.actor = known
    visit.person = await visit.desk.person(known.person)
    visit.frozen = await visit.desk.frozen()


def _to_login(visit: Visit) -> Response:
    """To the door, and from there back to the page that this came from. What was sent is not kept here: it was nobody's."""
    way = _login_for(_page_of(visit))
    if visit.is_fragment:
        return Response(status_code=401, headers={"HX-Redirect": way})
    return see_other(way)


def _page_of(visit: Visit) -> str:
    """The page that somebody was on: the one asked for, the one that holds a fragment, or the one with the form that was sent. A name
    of our own site and nothing else (T32)."""
    path: str = visit.http.scope["path"]
    if visit.is_fragment:
        try:
            path = urlsplit(visit.http.headers.get("hx-current-url", "")).path
        except ValueError:
            path = "/"
    elif visit.http.method != "GET":
        found = _FORM_PAGES.match(path)
        path = found[0] if found else "/"
    return path if is_local(path) else "/"


def _login_for(path: str) -> str:
    return "/login" if path == "/" else f"/login?next={quote(path, safe='')}"


async def _take_form(visit: Visit) -> Response | None:
    http, console = visit.http, visit.console
    if not is_same_origin(http.headers, console.settings.origin):
        return _csrf(visit, "origin")
    if (
        http.headers.get("content-type", "").split(";")[0].strip().lower()
        != "application/x-www-form-urlencoded"
    ):
        return visit.page(
            "fault.html.j2", 415, title="This form cannot be read", detail="Go back and send it again."
        )
    body = b""
    try:
        async with asyncio.timeout(limits.FORM_SECONDS):
            async for chunk in http.stream():
                body += chunk
                if len(body) > limits.FORM_BYTES_MAX:
                    return visit.page(
                        "fault.html.j2",
                        413,
                        title="This form is too long",
                        detail="Shorten the text and send it again.",
                    )
    except TimeoutError:
        slow = visit.page(
            "fault.html.j2",
            408,
            title="This form took too long",
            detail="Nothing was changed. Send it again.",
        )
        slow.headers["connection"] = "close"
        return slow
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50, errors="strict")
    except ValueError:
        return visit.page(
            "fault.html.j2", 400, title="This form cannot be read", detail="Go back and send it again."
        )
    visit.form = dict(reversed(fields))
    expected = (
        visit.session.csrf
        if visit.session
        else visitor_token(http.cookies.get(console.settings.visitor_cookie, ""))
    )
    if not expected or not same(visit.form.get("csrf", ""), expected):
        return _csrf(visit, "token")
    return None


def visitor_token(cookie: str) -> str:
    """The form token that belongs to a browser that is not signed in: derived from its cookie, so nothing is stored (I12)."""
    return sha256(b"signoff visitor form\0" + cookie.encode("utf-8", "replace")).hexdigest() if cookie else ""


def _csrf(visit: Visit, what: str) -> Response:
    log.warning("console form refused", extra={"why": what})
    detail = "It did not come from a page of this console, or the page was too old. Nothing was changed. Open the page again and repeat."
    return visit.page("fault.html.j2", 403, title="This form was refused", detail=detail)
