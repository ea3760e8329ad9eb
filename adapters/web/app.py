"""The console's wiring: every route of it, each behind the door (``guard``). ``bot.app`` mounts what ``create_routes`` gives.

Nothing is decided here about requests or people. Deliberately absent: any route outside ``guarded`` and any file looked up by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from adapters.web import login
from adapters.web.fetch import fetch as provider_fetch
from adapters.web.guard import Access, Console, Handler, OfferLink, Visit, guarded
from adapters.web.oidc import CALLBACK, Fetch, Oidc, SigningKeys
from adapters.web.pages import (
    agents,
    audit,
    events,
    exceptions,
    inbox,
    people,
    policies,
    profile,
    reports,
    request,
)
from adapters.web.passwords import Passwords
from adapters.web.render import STATIC, TYPES
from adapters.web.sessions import Sessions
from adapters.web.settings import WebSettings
from bot.alerts import Alert
from bot.desk.api import Desk
from bot.errors import ConfigError
from bot.ports import Clock, Rand, Store

FOREVER: Final = "public, max-age=31536000, immutable"


async def static(visit: Visit) -> Response:
    """One of the files loaded at start; its address changes with its content."""
    name = visit.http.path_params["name"]
    body = STATIC.get(name)
    if body is None:
        return visit.page("fault.html.j2", 404, title="There is no such page", detail="Go back to the inbox.")
    kind = TYPES[name[name.rindex(".") :]]
    return Response(body, headers={"content-type": kind, "cache-control": FOREVER})


TABLE: Final[tuple[tuple[str, str, Handler, Access], ...]] = (
    *chain.from_iterable(
        module.ROUTES
        for module in (
            inbox,
            request,
            exceptions,
            events,
            audit,
            reports,
            policies,
            agents,
            people,
            profile,
            login,
        )
    ),
    ("GET", "/static/{name}", static, Access.PUBLIC),
)


def create_routes(
    desk: Desk,
    store: Store,
    clock: Clock,
    rand: Rand,
    settings: WebSettings,
    *,
    fetch: Fetch = provider_fetch,
    keys: SigningKeys | None = None,
    offer_link: OfferLink | None = None,
    alarms: Callable[[], Sequence[Alert]] = tuple,
) -> list[BaseRoute]:
    """The console's routes. *keys* is needed when ``settings.oidc`` is set: the cache of issuers' keys, which the identity adapter owns."""
    oidc = None
    if settings.oidc is not None:
        if keys is None:
            raise ConfigError("oidc is configured but there is no source of the provider's keys")
        oidc = Oidc(settings.oidc, settings.origin + CALLBACK, fetch, keys, rand)
    console = Console(
        desk=desk,
        store=store,
        clock=clock,
        rand=rand,
        settings=settings,
        sessions=Sessions(store, clock, rand, settings),
        passwords=Passwords(settings.password_file),
        oidc=oidc,
        offer_link=offer_link,
        alarms=alarms,
    )
    return [guarded(console, path, handler, method, access) for method, path, handler, access in TABLE]
