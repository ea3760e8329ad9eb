"""A request's life as server-sent events: one ``state`` event for each change, a heartbeat, the end when it is settled.

What is sent is read from committed state at that moment (I14); a wake-up only says that there is something to read. The
credential is looked at again before each event, and when it ends by itself: the stream of a revoked or expired one ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from adapters.agents import wire
from adapters.agents.endpoint import NOT_FOUND, Api, query, request_id
from adapters.agents.problems import ProblemError
from bot.core.ids import RequestId
from bot.core.reasons import Refused
from bot.desk.api import AgentCaller


async def events(api: Api, request: Request) -> Response | Refused:
    called = await api.gate.agent(request)
    query(request, ())
    id = request_id(request)
    if id is None:
        return NOT_FOUND
    seen = await api.desk.look(id, called.caller)
    if isinstance(seen, Refused):
        return seen
    if not api.streams.take(called.caller.agent):
        raise ProblemError(
            "too-many-streams",
            "This agent has as many open streams as it may have.",
            headers={"Retry-After": "5"},
        )
    return _Stream(api, id, called.caller)


class _Stream(StreamingResponse):
    """Gives its slot back however it ends, also when the client was gone before the first byte: then the events are never
    iterated, and what their own ``finally`` would do does not happen."""

    def __init__(self, api: Api, id: RequestId, caller: AgentCaller) -> None:
        super().__init__(
            _held(api, id, caller),
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
            media_type="text/event-stream",
        )
        self._slots, self._agent = api.streams, caller.agent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._slots.give(self._agent)


async def _held(api: Api, id: RequestId, caller: AgentCaller) -> AsyncIterator[bytes]:
    changes = api.desk.changes(id)
    pending: asyncio.Task[RequestId] | None = None
    api.metrics.streams.inc()
    try:
        shown = None
        while await api.gate.still(caller):
            seen = await api.desk.look(id, caller)
            if isinstance(seen, Refused):
                return
            answer = wire.request_answer(*seen, api.clock.now())
            if answer != shown:
                shown = answer
                yield b"event: state\nid: %d\ndata: %s\n\n" % (answer.version, msgspec.json.encode(answer))
            else:
                yield b": still here\n\n"
            if not answer.state.is_open:
                return
            pending = pending or asyncio.ensure_future(_next(changes))
            # Not wait_for: cancelling would end the iterator.
            done, _ = await asyncio.wait(
                {pending}, timeout=api.gate.seconds_left(caller, api.settings.sse_heartbeat_seconds)
            )
            if done:
                if pending.exception() is not None:
                    return
                pending = None
    finally:
        api.metrics.streams.dec()
        if pending is not None:
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)
        close: Awaitable[None] | None = getattr(changes, "aclose", lambda: None)()
        if close is not None:
            await close


async def _next(changes: AsyncIterator[RequestId]) -> RequestId:
    try:
        return await anext(changes)
    except StopAsyncIteration:
        raise ConnectionError("the watch was closed") from None
