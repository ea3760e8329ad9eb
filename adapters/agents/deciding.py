"""People by API: look at the card, vote, withdraw. Only a personal access token opens these; the desk decides whether it counts."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adapters.agents import wire
from adapters.agents.endpoint import NOT_FOUND, Api, json_answer, query, request_id
from adapters.agents.limits import SMALL_BYTES_MAX, expect_json, read_body
from bot.core.canonical import Malformed
from bot.core.reasons import Refused
from bot.core.request import Choice
from bot.desk.api import Voted


async def card(api: Api, request: Request) -> Response | Refused:
    actor = await api.gate.person(request)
    query(request, ())
    id = request_id(request)
    seen = await api.desk.card(id, actor) if id is not None else NOT_FOUND
    return seen if isinstance(seen, Refused) else json_answer(wire.card_answer(seen))


async def vote(api: Api, request: Request) -> Response | Refused:
    actor = await api.gate.person(request)
    query(request, ())
    expect_json(request)
    body = wire.decode(await read_body(request, SMALL_BYTES_MAX, api.settings.body_seconds), wire.VoteBody)
    id = request_id(request)
    if id is None:
        return NOT_FOUND
    choice = Choice(body.choice)
    result = await api.desk.vote(id, actor, choice, version=body.version, comment=body.comment)
    if isinstance(result, Refused):
        return result
    api.metrics.votes.labels(choice.value).inc()
    return _voted(result)


async def withdraw(api: Api, request: Request) -> Response | Refused:
    actor = await api.gate.person(request)
    query(request, ())
    body = await read_body(request, SMALL_BYTES_MAX, api.settings.body_seconds)
    if body.strip() not in (b"", b"{}"):
        raise Malformed("schema", "This call takes no body.")
    id = request_id(request)
    result = await api.desk.withdraw(id, actor) if id is not None else NOT_FOUND
    return result if isinstance(result, Refused) else _voted(result)


def _voted(result: Voted) -> Response:
    """Never the grant: it is the agent's."""
    request = result.request
    return json_answer(
        wire.VoteAnswer(request.id, request.state, request.version, result.decided, result.seq)
    )
