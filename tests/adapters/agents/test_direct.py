"""Facts about the table in front of the router: it leads where the router leads, and never past another route."""

from __future__ import annotations

from typing import Any, cast

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from adapters.agents.app import CALLS
from adapters.agents.direct import Direct
from adapters.agents.endpoint import Endpoint, routes
from bot.app import asgi, assemble
from bot.config import load
from tests.cli.test_commands import answer

API = routes(cast("Any", None), CALLS)
PATHS = [
    "/v1/requests", "/v1/requests/", "/v1/requests/req_1", "/v1/requests/req_1/", "/v1/requests//events", "/v1/requests/req_1/events",
    "/v1/requests/req_1/votes", "/v1/requests/req_1/nothing", "/v1/requests/req_1\n", "/v1/requests/%2e%2e/votes", "/v1/requests/{id}",
    "/v1/grants/redeem", "/v1/grants/redeem/outcome", "/v1/grants/g/outcome", "/v1/audit/entries/7/proof", "/v1/audit/log/tile/0/000",
    "/v1", "/v1/", "/v1/none", "/V1/requests", "//v1/requests", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/", "",
    "/.well-known/jwks.json", "/inbox", "/v1/requests/a/b/c/d",
]  # fmt: skip


def by_router(path: str, among: list[BaseRoute]) -> tuple[Any, dict[str, Any]]:
    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
    for route in among:
        match, found = route.matches(dict(scope))
        if match is not Match.NONE:
            return cast("Route", route).app, found["path_params"]
    return None, {}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_leads_where_the_router_leads(path: str) -> None:
    direct = Direct(API, Starlette())
    endpoint, parameters = direct._exact.get(path), {}
    if endpoint is None:
        endpoint, parameters = direct._find(path.split("/"))

    wanted, wanted_parameters = by_router(path, list(API))

    if endpoint is None:
        assert wanted is None or path.startswith("/v1/audit/log/tile/"), "left to the router"
    else:
        assert (endpoint, parameters) == (wanted, wanted_parameters)


def test_no_way_leads_past_a_route_that_stands_before(tmp_path: Any) -> None:
    def other(request: Request) -> Response:
        return Response()

    before = [Route("/v1/requests", other), Route("/v1/grants/{rest:path}", other)]

    direct = Direct([*before, *API], Starlette())

    assert "/v1/requests" not in direct._exact
    assert direct._find(["", "v1", "grants", "g", "outcome"])[0] is None
    assert "/v1/mask" in direct._exact


def test_every_call_of_the_product_has_the_short_way_but_one(tmp_path: Any) -> None:
    answer("init", tmp_path / "s")
    bot = assemble(load(tmp_path / "s", {}))
    direct = Direct(bot.routes, Starlette())

    short = len(direct._exact) + sum(map(len, direct._shaped.values()))

    endpoints = [
        route for route in bot.routes if isinstance(route, Route) and isinstance(route.app, Endpoint)
    ]
    assert short == len(endpoints) - 1 == len({call.path for call in CALLS}) - 1
    assert callable(asgi(bot))
