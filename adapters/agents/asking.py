"""Asking, looking, waiting, cancelling: the agent's side of a request's way."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from adapters.agents import wire
from adapters.agents.bodies import no_body
from adapters.agents.endpoint import NOT_FOUND, Api, json_answer, number, query, request_id
from adapters.agents.limits import (
    IDEMPOTENCY_KEY_CHARS_MAX,
    PAGE_MAX,
    SMALL_BYTES_MAX,
    WAIT_SECONDS_MAX,
    expect_json,
    header_values,
    read_body,
)
from adapters.agents.people import unauthorized
from adapters.agents.problems import ProblemError
from bot.core.ask import parse_ask
from bot.core.canonical import BODY_BYTES_MAX
from bot.core.reasons import Refused
from bot.core.request import Grant, RequestState
from bot.core.request import Request as Asked
from bot.desk.api import Idempotency
from bot.ports import Page

_KEY: Final = re.compile(r'"([ !#-\[\]-~]{1,255})"|([!#-~]{1,255})')
"""draft-ietf-httpapi-idempotency-key-header-07: a quoted sf-string; the bare form that most clients send is taken as well."""


async def ask(api: Api, request: Request) -> Response | Refused:
    called = await api.gate.agent(request, bytes_max=BODY_BYTES_MAX, is_bound=True)
    query(request, ())
    expect_json(request)
    key = _idempotency_key(request) or called.message_id
    body = called.body
    if body is None:
        body = await read_body(request, BODY_BYTES_MAX, api.settings.body_seconds)
    idempotency = Idempotency(key, hashlib.sha256(body).digest()) if key is not None else None
    result = await api.desk.submit(parse_ask(body), called.caller, idempotency)
    if isinstance(result, Refused):
        return result
    answer = wire.request_answer(result.request, result.grant, api.clock.now())
    if result.created:
        api.metrics.asks.labels(answer.state.value).inc()
    headers = {"Location": f"/v1/requests/{answer.id}"}
    if not result.created:
        headers["Idempotent-Replayed"] = "true"
    return json_answer(answer, 202 if answer.state.is_open else 200, headers)


async def show(api: Api, request: Request) -> Response | Refused:
    called = await api.gate.agent(request)
    seconds = number(query(request, ("wait",)).get("wait"), "wait", 0, WAIT_SECONDS_MAX)
    id = request_id(request)
    if id is None:
        return NOT_FOUND
    if not seconds:
        return _answer(api, await api.desk.look(id, called.caller))
    if not api.waits.take(called.caller.agent):
        raise ProblemError("too-many-streams", "Too many held calls.", headers={"Retry-After": "5"})
    try:
        with api.metrics.waiting.track_inprogress():
            held = api.gate.seconds_left(called.caller, seconds)
            seen = await api.desk.wait(id, called.caller, timedelta(seconds=held))
        # The answer may hold a grant, and the credential may have been revoked, or have ended, while the call was held (T01).
        if not await api.gate.still(called.caller):
            raise unauthorized()
        return _answer(api, seen)
    finally:
        api.waits.give(called.caller.agent)


async def listing(api: Api, request: Request) -> Response | Refused:
    called = await api.gate.agent(request)
    given = query(request, ("limit", "before", "state"))
    limit = number(given.get("limit"), "limit", 1, PAGE_MAX) or 50
    before = given.get("before")
    if before is not None and not re.fullmatch(r"req_[0-9a-z]{26}", before):
        raise ProblemError("bad-query", "before must be the id of a request.")
    state = _state(given.get("state"))
    rows = await api.desk.listing(called.caller, Page(limit + 1, before), state)
    page, more = rows[:limit], len(rows) > limit
    now = api.clock.now()
    answers = [wire.request_answer(row, None, now) for row in page]
    return json_answer(wire.RequestPage(answers, page[-1].id if more else None))


async def cancel(api: Api, request: Request) -> Response | Refused:
    """By the agent that asked, or by a person: an owner, or whom it was asked for."""
    query(request, ())
    id = request_id(request)
    if api.gate.is_person(request):
        actor = await api.gate.person(request)
        await no_body(api, request)
        if id is None:
            return NOT_FOUND
        cancelled = await api.desk.cancel(id, actor)
    else:
        called = await api.gate.agent(request, bytes_max=SMALL_BYTES_MAX, is_free=True)
        if called.body is None:
            await no_body(api, request)
        if id is None:
            return NOT_FOUND
        cancelled = await api.desk.cancel(id, called.caller)
    if isinstance(cancelled, Refused):
        return cancelled
    return json_answer(wire.request_answer(cancelled, None, api.clock.now()))


def _answer(api: Api, seen: tuple[Asked, Grant | None] | Refused) -> Response | Refused:
    return seen if isinstance(seen, Refused) else json_answer(wire.request_answer(*seen, api.clock.now()))


def _idempotency_key(request: Request) -> str | None:
    values = header_values(request, b"idempotency-key")
    if not values:
        return None
    match = _KEY.fullmatch(values[0]) if len(values) == 1 else None
    if match is None:
        raise ProblemError(
            "bad-header",
            f"Idempotency-Key must be one string of at most {IDEMPOTENCY_KEY_CHARS_MAX} printable characters.",
        )
    return match[1] or match[2]


def _state(text: str | None) -> RequestState | None:
    if text is None:
        return None
    try:
        return RequestState(text)
    except ValueError:
        raise ProblemError("bad-query", f"state is one of {', '.join(RequestState)}.") from None
