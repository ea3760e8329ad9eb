"""People by API: look at the card, vote, withdraw. Only a personal access token opens these; the desk decides whether it counts."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adapters.agents import wire
from adapters.agents.bodies import no_body, person_and_body
from adapters.agents.endpoint import NOT_FOUND, Api, json_answer, query, request_id
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
    actor, body = await person_and_body(api, request, wire.VoteBody)
    id = request_id(request)
    if id is None:
        return NOT_FOUND
    choice = Choice(body.choice)
    result = await api.desk.vote(id, actor, choice, version=body.version, comment=body.comment)
    if isinstance(result, Refused):
        return result
    api.metrics.votes.labels(choice.value).inc()
    return _voted(result)


async def break_glass(api: Api, request: Request) -> Response | Refused:
    """Never the normal vote: a call of its own (T43)."""
    actor, body = await person_and_body(api, request, wire.BreakGlassBody)
    id = request_id(request)
    result = await api.desk.break_glass(id, actor, body.reason) if id is not None else NOT_FOUND
    return result if isinstance(result, Refused) else _voted(result)


async def review(api: Api, request: Request) -> Response | Refused:
    actor, body = await person_and_body(api, request, wire.ReviewBody)
    id = request_id(request)
    if id is None:
        return NOT_FOUND
    done = await api.desk.review_break_glass(id, actor, body.verdict, body.comment)
    if isinstance(done, Refused):
        return done
    return json_answer(wire.ReviewAnswer(done.request, done.verdict, done.is_late, done.seq))


async def overridden(api: Api, request: Request) -> Response | Refused:
    actor = await api.gate.person(request)
    query(request, ())
    uses = await api.desk.break_glasses(actor)
    if isinstance(uses, Refused):
        return uses
    return json_answer(wire.OverriddenPage([wire.overridden_answer(use) for use in uses]))


async def standing(api: Api, request: Request) -> Response | Refused:
    actor = await api.gate.person(request)
    query(request, ())
    lines = await api.desk.standing_approvals(actor)
    if isinstance(lines, Refused):
        return lines
    return json_answer(wire.StandingPage([wire.standing_answer(line) for line in lines]))


async def revoke_standing(api: Api, request: Request) -> Response | Refused:
    actor, body = await person_and_body(api, request, wire.RevokeBody)
    id = request_id(request)
    done = await api.desk.revoke_standing(id, actor, body.reason) if id is not None else NOT_FOUND
    if isinstance(done, Refused):
        return done
    return json_answer(wire.StandingRevokedAnswer(done.id, done.uses, done.revoked_at))


async def withdraw(api: Api, request: Request) -> Response | Refused:
    actor = await api.gate.person(request)
    query(request, ())
    await no_body(api, request)
    id = request_id(request)
    result = await api.desk.withdraw(id, actor) if id is not None else NOT_FOUND
    return result if isinstance(result, Refused) else _voted(result)


def _voted(result: Voted) -> Response:
    """Never the grant: it is the agent's."""
    request = result.request
    return json_answer(
        wire.VoteAnswer(request.id, request.state, request.version, result.decided, result.seq)
    )
