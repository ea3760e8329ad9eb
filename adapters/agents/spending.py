"""Grants: spend, report, take back."""

from __future__ import annotations

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from adapters.agents import wire
from adapters.agents.endpoint import NOT_FOUND, Api, grant_id, json_answer, query
from adapters.agents.limits import REDEEM_BYTES_MAX, SMALL_BYTES_MAX, expect_json, read_body
from adapters.agents.people import Called
from bot.core.canonical import BODY_BYTES_MAX, DEPTH_MAX, Malformed, canonical
from bot.core.ids import Digest
from bot.core.reasons import Refused
from bot.core.request import Grant


async def redeem(api: Api, request: Request) -> Response | Refused:
    called = await api.gate.agent(request, bytes_max=REDEEM_BYTES_MAX, is_bound=True)
    query(request, ())
    expect_json(request)
    raw = await _body(api, request, called, REDEEM_BYTES_MAX)
    # One level deeper than the payload alone, which must fit by itself too.
    body = wire.decode(raw, wire.RedeemBody, bytes_max=REDEEM_BYTES_MAX, depth_max=DEPTH_MAX + 1)
    if (body.payload is UNSET) is (body.payload_hash is UNSET):
        raise Malformed("schema", "Give exactly one of payload and payload_hash.", "/payload")
    payload = canonical(body.payload) if body.payload is not UNSET else None
    if payload is not None and len(payload) > BODY_BYTES_MAX:
        raise Malformed("too-large", f"The payload has more than {BODY_BYTES_MAX:,} bytes.", "/payload")
    result = await api.desk.redeem(
        body.token,
        called.caller,
        payload=payload,
        payload_hash=Digest(body.payload_hash) if body.payload_hash is not UNSET else None,
        redemption_key=body.redemption_key if body.redemption_key is not UNSET else None,
    )
    if isinstance(result, Refused):
        return result
    if not result.repeated:
        api.metrics.redeemed.inc()
    now = api.clock.now()
    grant = result.grant
    return json_answer(
        wire.RedeemAnswer(
            wire.grant_answer(grant, now),
            grant.request,
            grant.payload_hash,
            grant.redeemed_at,
            result.repeated,
        )
    )


async def outcome(api: Api, request: Request) -> Response | Refused:
    called = await api.gate.agent(request, bytes_max=SMALL_BYTES_MAX, is_free=True)
    query(request, ())
    expect_json(request)
    body = wire.decode(await _body(api, request, called, SMALL_BYTES_MAX), wire.OutcomeBody)
    id = grant_id(request)
    if id is None:
        return NOT_FOUND
    return _grant(api, await api.desk.report_outcome(id, called.caller, body.outcome, body.detail))


async def revoke(api: Api, request: Request) -> Response | Refused:
    """By the agent, giving it back, or by a person who approved, owns the agent or administers."""
    query(request, ())
    id = grant_id(request)
    if api.gate.is_person(request):
        actor = await api.gate.person(request)
        expect_json(request)
        raw = await read_body(request, SMALL_BYTES_MAX, api.settings.body_seconds)
        body = wire.decode(raw, wire.RevokeBody)
        return _grant(api, await api.desk.revoke(id, actor, body.reason)) if id is not None else NOT_FOUND
    called = await api.gate.agent(request, bytes_max=SMALL_BYTES_MAX, is_free=True)
    expect_json(request)
    body = wire.decode(await _body(api, request, called, SMALL_BYTES_MAX), wire.RevokeBody)
    return _grant(api, await api.desk.revoke(id, called.caller, body.reason)) if id is not None else NOT_FOUND


async def _body(api: Api, request: Request, called: Called, bytes_max: int) -> bytes:
    if called.body is not None:
        return called.body
    return await read_body(request, bytes_max, api.settings.body_seconds)


def _grant(api: Api, result: Grant | Refused) -> Response | Refused:
    return result if isinstance(result, Refused) else json_answer(wire.grant_answer(result, api.clock.now()))
