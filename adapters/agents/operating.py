"""What operators and verifiers fetch without a credential: keys, health, readiness, metrics, the interface's description.

Nothing here tells about a request, an agent or a person.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from adapters.agents import docs_page, openapi, wire
from adapters.agents.endpoint import Api, json_answer
from adapters.agents.metrics import CONTENT_TYPE
from adapters.agents.problems import ProblemError
from bot.core.reasons import Refused

JWKS_SECONDS: Final = 300
"""Verifiers may hold the keys this long; rotation overlaps by more."""


async def jwks(api: Api, request: Request) -> Response | Refused:
    return json_answer(api.keys.jwks(), headers={"Cache-Control": f"public, max-age={JWKS_SECONDS}"})


async def healthz(api: Api, request: Request) -> Response | Refused:
    """The process answers. Says nothing about the database."""
    return json_answer(wire.HealthAnswer("ok"))


async def readyz(api: Api, request: Request) -> Response | Refused:
    """A decision could be written within the last second: the store commits and a policy is in force."""
    if not await api.readiness.is_ready():
        raise ProblemError("unavailable", "The store cannot commit, or no policy is in force.")
    return json_answer(wire.HealthAnswer("ready"))


async def metrics(api: Api, request: Request) -> Response | Refused:
    return Response(api.metrics.text(), 200, {"Cache-Control": "no-store"}, CONTENT_TYPE)


async def description(api: Api, request: Request) -> Response | Refused:
    return Response(openapi.text(), 200, {"Cache-Control": "no-cache"}, "application/json")


async def docs(api: Api, request: Request) -> Response | Refused:
    return Response(docs_page.html(), 200, docs_page.HEADERS, "text/html; charset=utf-8")
