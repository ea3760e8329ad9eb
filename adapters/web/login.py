"""Signing in, proving oneself again, signing out.

A wrong name and a wrong password are one answer after the same work. A failure says nothing about which accounts exist; only
somebody who proved an account is told that it is not linked (T04). Attempts are bounded (``limits.Throttle``) and refusals journalled.
"""

from __future__ import annotations

import logging
from typing import Final

from starlette.responses import RedirectResponse, Response

from adapters.web import people
from adapters.web.guard import Access, Handler, Visit, is_local, see_other, visitor_token
from adapters.web.oidc import CALLBACK, OidcRefused
from adapters.web.sessions import token
from bot.core.ids import AccountKey
from bot.core.people import Account
from bot.core.reasons import Refused
from bot.desk.api import LoginRefusal

log = logging.getLogger("signoff.web")

WRONG: Final = "That name and password do not fit. Check both and try again."
OIDC_FAILED: Final = "The sign-in did not complete, so you are not signed in. Start it again from this page."


async def show_login(visit: Visit) -> Response:
    if visit.actor is not None:
        return see_other(_next(visit.query("next", 512)))
    return _form(visit, next_path=_next(visit.query("next", 512)))


async def login(visit: Visit) -> Response:
    name, password = visit.field("name", 64).lower(), visit.form.get("password", "")
    next_path = _next(visit.form.get("next", "/"))
    proven = await _prove(visit, name, password)
    if isinstance(proven, Response):
        return proven
    if isinstance(proven, str):
        return _form(visit, next_path=next_path, name=name, problem=proven, status=403)
    entered = await people.enter(visit, proven, next_path)
    return (
        _form(visit, next_path=next_path, problem=entered.sentence, status=403)
        if isinstance(entered, Refused)
        else entered
    )


async def _prove(visit: Visit, name: str, password: str) -> Account | Response | str:
    """The account that *name* and *password* prove; a sentence when they do not; a 429 when too many were tried."""
    console = visit.console
    now = console.clock.monotonic()
    wait = console.throttle.wait_seconds(name, visit.client, now)
    if wait or console.passwords.is_busy:
        await _journal(visit, None, LoginRefusal.THROTTLED)
        seconds = max(1, round(wait + 0.5))
        response = _form(
            visit,
            next_path="/",
            name=name,
            status=429,
            problem=f"Too many attempts. Wait {seconds} seconds, then try again.",
        )
        response.headers["retry-after"] = str(seconds)
        return response
    key = people.local_account(name)
    account = await people.find(visit, key)
    fits = await console.passwords.check(name, password, account.secret if account else "")
    if not fits or account is None:
        console.throttle.failed(name, visit.client, console.clock.monotonic())
        await _journal(visit, key, LoginRefusal.BAD_PASSWORD if account else LoginRefusal.UNKNOWN)
        return WRONG
    console.throttle.succeeded(name, visit.client)
    return account


async def _journal(visit: Visit, key: AccountKey | None, why: LoginRefusal) -> None:
    if visit.console.throttle.journal.take(visit.console.clock.monotonic()):
        await visit.desk.refuse_session(key, why)


def _form(
    visit: Visit, *, next_path: str, name: str = "", problem: str | None = None, status: int = 200
) -> Response:
    """The form; its token belongs to a visitor's cookie, made here when the browser has none."""
    cookie = visit.http.cookies.get(visit.console.settings.visitor_cookie, "")
    fresh = cookie if len(cookie) == 43 else token(visit.console.rand)
    response = visit.page(
        "login.html.j2",
        status,
        csrf=visitor_token(fresh),
        next=next_path,
        name=name,
        problem=problem,
        oidc=visit.console.settings.oidc,
        has_passwords=True,
    )
    if fresh != cookie:
        visit.console.sessions.set_visitor(response, fresh)
    return response


async def show_step_up(visit: Visit) -> Response:
    return _step_up_form(visit, _next(visit.query("next", 512)))


async def step_up(visit: Visit) -> Response:
    """Prove the same account again: its session gets a new id and a fresh ``authenticated_at``."""
    session = visit.session
    assert session is not None
    next_path = _next(visit.form.get("next", "/"))
    if not session.account.startswith(people.LOCAL):
        return see_other("/step-up")
    proven = await _prove(visit, session.account.removeprefix(people.LOCAL), visit.form.get("password", ""))
    if isinstance(proven, str):
        return _step_up_form(visit, next_path, problem="That password does not fit. Try again.", status=403)
    if isinstance(proven, Response):
        return _step_up_form(
            visit, next_path, problem="Too many attempts. Wait a minute, then try again.", status=429
        )
    entered = await people.enter(visit, proven, next_path)
    return visit.refused(entered) if isinstance(entered, Refused) else entered


def _step_up_form(visit: Visit, next_path: str, problem: str | None = None, status: int = 200) -> Response:
    session = visit.session
    assert session is not None
    return visit.page(
        "step_up.html.j2",
        status,
        next=next_path,
        problem=problem,
        is_local=session.account.startswith(people.LOCAL),
        oidc=visit.console.settings.oidc,
    )


async def logout(visit: Visit) -> Response:
    assert visit.session is not None
    await visit.desk.close_session(visit.session.id)
    return goodbye(visit)


async def logout_everywhere(visit: Visit) -> Response:
    await visit.desk.close_sessions(visit.me)
    return goodbye(visit)


def goodbye(visit: Visit) -> Response:
    """The cookies go, and so does what the browser kept of our pages (back button, T19)."""
    response = see_other("/login")
    visit.console.sessions.clear(response)
    response.headers["clear-site-data"] = '"cache"'
    return response


async def begin_oidc(visit: Visit) -> Response:
    """Off to the provider. A GET, because ``form-action 'self'`` forbids a form to end elsewhere; it changes nothing but this
    browser's own cookie."""
    oidc = visit.console.oidc
    if oidc is None:
        return visit.page(
            "fault.html.j2", 404, title="There is no such page", detail="Single sign-on is not set up here."
        )
    begun = oidc.begin(_next(visit.query("next", 512)), fresh=visit.query("fresh") == "1")
    response = RedirectResponse(begun.url, status_code=303)
    visit.console.sessions.set_visitor(response, begun.cookie)
    return response


async def finish_oidc(visit: Visit) -> Response:
    console = visit.console
    if console.oidc is None:
        return visit.page(
            "fault.html.j2", 404, title="There is no such page", detail="Single sign-on is not set up here."
        )
    cookie = visit.http.cookies.get(console.settings.visitor_cookie, "")
    try:
        proven = await console.oidc.finish(visit.http.query_params, cookie, console.clock.now())
    except OidcRefused as e:
        log.warning("oidc answer refused", extra={"why": str(e)})
        await _journal(visit, None, LoginRefusal.OIDC)
        return _form(visit, next_path="/", problem=OIDC_FAILED, status=403)
    account = await people.find(visit, proven.account)
    if account is None:
        await _journal(visit, proven.account, LoginRefusal.UNKNOWN)
        return _form(visit, next_path="/", problem=people.UNMAPPED.sentence, status=403)
    if visit.session is not None and visit.session.person != account.person:
        return _form(visit, next_path="/", problem=OIDC_FAILED, status=403)
    entered = await people.enter(visit, account, _next(proven.next), proven.groups, proven.authenticated_at)
    if isinstance(entered, Refused):
        return _form(visit, next_path="/", problem=entered.sentence, status=403)
    console.sessions.set_visitor(entered, "")
    return entered


def _next(path: str) -> str:
    """Only a path of ours, and never back to a door (T32: open redirect)."""
    return path if is_local(path) and not path.startswith(("/login", "/logout", "/step-up")) else "/"


ROUTES: Final[tuple[tuple[str, str, Handler, Access], ...]] = (
    ("GET", "/login", show_login, Access.PUBLIC),
    ("POST", "/login", login, Access.PUBLIC),
    ("GET", "/login/oidc", begin_oidc, Access.PUBLIC),
    ("GET", CALLBACK, finish_oidc, Access.PUBLIC),
    ("GET", "/step-up", show_step_up, Access.SIGNED_IN),
    ("POST", "/step-up", step_up, Access.SIGNED_IN),
    ("POST", "/logout", logout, Access.SIGNED_IN),
    ("POST", "/logout-everywhere", logout_everywhere, Access.SIGNED_IN),
)
