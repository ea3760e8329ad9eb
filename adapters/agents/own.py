"""One's own things by API: the inbox, the rules in words, one's delegation. Opened by a personal access token alone, like ``deciding``;
the desk is asked what chat and the console ask it, so that the entries are the same."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adapters.agents import wire_own
from adapters.agents.bodies import no_body, person_and_body
from adapters.agents.endpoint import Api, json_answer, query
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
    actor, body = await person_and_body(api, request, wire_own.DelegationBody)
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
    await no_body(api, request)
    done = await api.desk.end_delegation(actor)
    return done if isinstance(done, Refused) else json_answer(wire_own.delegation_answer(None))
