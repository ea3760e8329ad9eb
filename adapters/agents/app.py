"""The agents' HTTP API: the table of calls. ``bot.app`` mounts what ``create_routes`` returns beside the console's.

Deliberately absent: any rule. Who may do what is the desk's; who calls is ``people``; what an error looks like is ``problems``.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from adapters.agents import (
    asking,
    auditing,
    deciding,
    events,
    masking_calls,
    operating,
    own,
    problems,
    spending,
)
from adapters.agents.endpoint import Api, Call, routes
from adapters.agents.limits import AgentsSettings, Slots
from adapters.agents.metrics import Metrics
from adapters.agents.people import Gate, Workloads
from adapters.agents.problems import ProblemError
from adapters.agents.readiness import Readiness
from bot.desk.api import Desk
from bot.ports import Clock, KeyProvider, Masker, Store

CALLS: Final = (
    Call("POST", "/v1/requests", asking.ask),
    Call("GET", "/v1/requests", asking.listing),
    Call("GET", "/v1/requests/{id}", asking.show),
    Call("GET", "/v1/requests/{id}/events", events.events),
    Call("POST", "/v1/requests/{id}/cancel", asking.cancel),
    Call("GET", "/v1/requests/{id}/card", deciding.card),
    Call("POST", "/v1/requests/{id}/votes", deciding.vote),
    Call("POST", "/v1/requests/{id}/withdraw", deciding.withdraw),
    Call("POST", "/v1/requests/{id}/break-glass", deciding.break_glass),
    Call("POST", "/v1/requests/{id}/break-glass/review", deciding.review),
    Call("GET", "/v1/break-glass", deciding.overridden),
    Call("GET", "/v1/standing", deciding.standing),
    Call("POST", "/v1/standing/{id}/revoke", deciding.revoke_standing),
    Call("GET", "/v1/inbox", own.inbox),
    Call("GET", "/v1/policy", own.policy),
    Call("POST", "/v1/delegation", own.delegate),
    Call("POST", "/v1/delegation/end", own.end_delegation),
    Call("POST", "/v1/grants/redeem", spending.redeem),
    Call("POST", "/v1/grants/{jti}/outcome", spending.outcome),
    Call("POST", "/v1/grants/{jti}/revoke", spending.revoke),
    Call("POST", "/v1/mask", masking_calls.mask),
    Call("POST", "/v1/tokenize", masking_calls.tokenize),
    Call("POST", "/v1/detokenize", masking_calls.detokenize),
    Call("POST", "/v1/tokens/erase", masking_calls.erase),
    Call("GET", "/v1/audit/entries", auditing.entries),
    Call("GET", "/v1/audit/entries/{seq}/proof", auditing.proof),
    Call("GET", "/v1/audit/checkpoint", auditing.checkpoint),
    Call("GET", "/v1/audit/log/checkpoint", auditing.note),
    Call("GET", "/v1/audit/log/tile/{tile}", auditing.tile, "/v1/audit/log/tile/{tile:path}"),
    Call("GET", "/.well-known/jwks.json", operating.jwks),
    Call("GET", "/healthz", operating.healthz),
    Call("GET", "/readyz", operating.readyz),
    Call("GET", "/metrics", operating.metrics),
    Call("GET", "/openapi.json", operating.description),
    Call("GET", "/docs", operating.docs),
)


def create_routes(
    desk: Desk,
    settings: AgentsSettings | None = None,
    *,
    store: Store,
    keys: KeyProvider,
    clock: Clock,
    masker: Masker,
    workloads: Workloads | None = None,
    metrics: Metrics | None = None,
) -> list[BaseRoute]:
    """Every route of this API, and under ``/v1/`` a problem document for all that is no route (so no redirect is ever made
    from a Host header)."""
    settings = settings or AgentsSettings()
    api = Api(
        desk=desk,
        store=store,
        keys=keys,
        clock=clock,
        masker=masker,
        gate=Gate(desk, store, keys, clock, settings, workloads),
        settings=settings,
        metrics=metrics or Metrics(),
        streams=Slots(settings.sse_per_agent_max),
        waits=Slots(settings.waits_per_agent_max),
        readiness=Readiness(desk.ready, clock.monotonic),
    )

    async def nowhere(request: Request) -> Response:
        return problems.respond(
            ProblemError("not-found", "There is no such call; see /openapi.json.", close=True),
            settings.problem_base,
        )

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
    nothing = [Route(path, nowhere, methods=methods) for path in ("/v1", "/v1/{rest:path}")]
    return [*routes(api, CALLS), *nothing]
