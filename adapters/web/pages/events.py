"""Live: a stream of ids and versions, never of content (T32). What changed is fetched again and authorised again.

Each event is checked for this viewer by ``desk.card``; a viewer who may not look hears nothing. The stream ends within five seconds of
the viewer losing the session or, on a request's own stream, the right to look. Events are coalesced: at most four a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import Response, StreamingResponse

from adapters.web.guard import Access, Handler, Visit
from bot.core.ids import RequestId
from bot.core.people import Actor
from bot.core.reasons import Refused
from bot.errors import SignoffError

CHECK_SECONDS: Final = 2.0
COALESCE_SECONDS: Final = 0.25
HEARTBEAT_CHECKS: Final = 7
LIFETIME_CHECKS: Final = 900
"""Half an hour; the browser then connects again and everything is read afresh."""
BATCH_MAX: Final = 200


async def events(visit: Visit) -> Response:
    request = visit.query("request", 64) or None
    assert visit.session is not None
    if request is not None and isinstance(await visit.desk.card(RequestId(request), visit.me), Refused):
        return Response(status_code=404)
    if visit.console.streams.is_full(visit.me.person):
        return Response(status_code=429, headers={"retry-after": "30"})
    return StreamingResponse(
        _stream(visit, None if request is None else RequestId(request)),
        media_type="text/event-stream",
        headers={"x-accel-buffering": "no"},
    )


async def _stream(visit: Visit, only: RequestId | None) -> AsyncIterator[bytes]:
    """One viewer's events. The subscription is read by its own task, so that a slow look never loses a wake-up."""
    if not visit.console.streams.take(visit.me.person):
        return
    woken: asyncio.Queue[RequestId] = asyncio.Queue(BATCH_MAX)
    reader = asyncio.create_task(_read(visit, only, woken))
    try:
        yield b"retry: 3000\n\n"
        for tick in range(LIFETIME_CHECKS):
            changed = await _collect(woken)
            viewer = await _still_here(visit)
            if viewer is None:
                yield b"event: bye\ndata: signed out\n\n"
                return
            if only is not None and isinstance(await visit.desk.card(only, viewer), Refused):
                yield b"event: bye\ndata: gone\n\n"
                return
            for request in changed:
                card = await visit.desk.card(request, viewer)
                if not isinstance(card, Refused):
                    yield f"event: changed\ndata: {request} {card.version}\n\n".encode()
            if tick % HEARTBEAT_CHECKS == 0:
                yield b": here\n\n"
            if reader.done():
                return
    except SignoffError:
        return
    finally:
        reader.cancel()
        visit.console.streams.give_back(visit.me.person)


async def _read(visit: Visit, only: RequestId | None, woken: asyncio.Queue[RequestId]) -> None:
    async for request in visit.desk.changes(only):
        if woken.full():
            woken.get_nowait()
        woken.put_nowait(request)


async def _collect(woken: asyncio.Queue[RequestId]) -> list[RequestId]:
    """What changed within the next two seconds, once each; soon after the first when there is one."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            first = await woken.get()
    except TimeoutError:
        return []
    await asyncio.sleep(COALESCE_SECONDS)
    found = {first: None}
    while not woken.empty():
        found[woken.get_nowait()] = None
    return list(found)


async def _still_here(visit: Visit) -> Actor | None:
    assert visit.session is not None
    session = await visit.console.sessions.again(visit.session.id)
    if session is None:
        return None
    known = await visit.desk.identify(
        session.account,
        surface="console",
        assurance=session.assurance,
        authenticated_at=session.authenticated_at,
    )
    return None if isinstance(known, Refused) or known.person != session.person else known


ROUTES: Final[tuple[tuple[str, str, Handler, Access], ...]] = (("GET", "/events", events, Access.SIGNED_IN),)
