"""The inbox: what waits for you, what your agents asked, what was decided lately, and everything open that you may look at."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from adapters.web.guard import Access, Handler, Visit


async def inbox(visit: Visit) -> Response:
    return await _show(visit, "inbox.html.j2")


async def inbox_live(visit: Visit) -> Response:
    """The lists alone, for the live view; authorised anew for whoever asks."""
    return await _show(visit, "fragments/inbox_lists.html.j2")


async def _show(visit: Visit, template: str) -> Response:
    inbox = await visit.desk.inbox(visit.me)
    waiting = {item.request for item in inbox.waiting}
    rest = tuple(item for item in inbox.open if item.request not in waiting)
    return visit.page(template, nav="inbox", inbox=inbox, rest=rest)


async def keys(visit: Visit) -> Response:
    return visit.page("keys.html.j2", nav="")


ROUTES: Final[tuple[tuple[str, str, Handler, Access], ...]] = (
    ("GET", "/", inbox, Access.SIGNED_IN),
    ("GET", "/inbox", inbox_live, Access.SIGNED_IN),
    ("GET", "/keys", keys, Access.SIGNED_IN),
)
