"""One's own things by API: the inbox, the rules in words, one's delegation. Opened by a personal access token alone, like ``deciding``;
the desk is asked what chat and the console ask it, so that the entries are the same."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adapters.agents import wire, wire_own
from adapters.agents.endpoint import Api, json_answer, query
from adapters.agents.limits import SMALL_BYTES_MAX, expect_json, read_body
from bot.core.canonical import Malformed
from bot.core.ids import person_id
from bot.core.reasons import Reason, Refused


async def inbox(api: Api, request: Request) -> Response | Refused:
    actor = await api.gate.person(request)
    query(request, ())
    found = await api.desk.inbox(actor)
    return json_answer(wire_own.inbox_answer(found, await api.desk.frozen()))


async def policy(api: Api, request: Request) -> Response | Refused:
    await api.gate.person(request)
    query(request, ())
    return json_answer(wire_own.rules_answer(await api.desk.policy()))


async def delegate(api: Api, request: Request) -> Response | Refused:
    actor = await api.gate.person(request)
    query(request, ())
    expect_json(request)
    raw = await read_body(request, SMALL_BYTES_MAX, api.settings.body_seconds)
    body = wire.decode(raw, wire_own.DelegationBody)
    try:
        taker = person_id(body.to)
    except ValueError:
        return Refused(Reason.NOT_KNOWN)
    if body.until <= api.clock.now():
        raise Malformed("schema", "until must lie ahead.", "/until")
    done = await api.desk.delegate(actor, taker, body.until)
    return done if isinstance(done, Refused) else json_answer(wire_own.delegation_answer(done))


async def end_delegation(api: Api, request: Request) -> Response | Refused:
    actor = await api.gate.person(request)
    query(request, ())
    body = await read_body(request, SMALL_BYTES_MAX, api.settings.body_seconds)
    if body.strip() not in (b"", b"{}"):
        raise Malformed("schema", "This call takes no body.")
    done = await api.desk.end_delegation(actor)
    return done if isinstance(done, Refused) else json_answer(wire_own.delegation_answer(None))
