"""One call of the API: a method, a path, a handler. Turns refusals and faults into answers, once, for every route.

Decided here: the order of the checks, and that nothing of an unexpected error leaves the process but its type's name in the
log. Routes match ``scope["path"]``; Host and forwarded headers are not looked at (T33).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from prometheus_client import Counter, Histogram
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.agents import problems
from adapters.agents.limits import AgentsSettings, Inflow, Slots, check_headers
from adapters.agents.metrics import Metrics
from adapters.agents.people import Gate
from adapters.agents.problems import ProblemError
from adapters.agents.readiness import Readiness
from audit.journal import JournalError
from bot.core.canonical import Malformed
from bot.core.ids import GrantId, RequestId
from bot.core.reasons import Reason, Refused
from bot.desk.api import Desk
from bot.errors import SignoffError, StoreFault, Unknown
from bot.ports import Clock, KeyProvider, Masker, Store

LOG: Final = logging.getLogger("signoff.agents")


@dataclass(frozen=True, slots=True)
class Api:
    """What the handlers work with."""

    desk: Desk
    store: Store
    keys: KeyProvider
    clock: Clock
    masker: Masker
    gate: Gate
    settings: AgentsSettings
    metrics: Metrics
    streams: Slots
    waits: Slots
    readiness: Readiness


Handler = Callable[[Api, Request], Awaitable[Response | Refused]]


@dataclass(frozen=True, slots=True)
class Call:
    """One row of the table of calls."""

    method: str
    path: str
    handler: Handler
    route: str = ""
    """The path as Starlette writes it, where a parameter may hold slashes."""


_ENCODE: Final = msgspec.json.Encoder().encode


def json_answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        _ENCODE(value),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        "application/json",
    )


def routes(api: Api, calls: Sequence[Call]) -> list[Route]:
    """One Starlette route a path, all methods: what is not in the table is answered by us, as a problem document."""
    by_path: dict[str, dict[str, Call]] = {}
    for call in calls:
        by_path.setdefault(call.path, {})[call.method] = call
    shapes = {call.path: call.route or call.path for call in calls}
    return [Route(shapes[path], Endpoint(api, path, methods)) for path, methods in by_path.items()]


class Endpoint:
    """An ASGI app, so that Starlette adds no methods and catches nothing of its own: no error leaves it."""

    def __init__(self, api: Api, path: str, methods: Mapping[str, Call]) -> None:
        self._api = api
        self._path = path
        self._methods = methods
        self._answers: dict[tuple[str, int], Counter] = {}
        self._seconds: Histogram | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        inflow = Inflow(receive)
        request = Request(scope, inflow, send)
        monotonic = self._api.clock.monotonic
        started = monotonic()
        response = await self._answer(request)
        self._count(scope, response, monotonic() - started)
        # A sender that was too slow once is not waited for again.
        if (b"connection", b"close") in response.raw_headers and response.status_code != 408:
            await inflow.drain(request)
        await response(scope, inflow, send)

    def _count(self, scope: Any, response: Response, seconds: float) -> None:
        """Finding an instrument by its labels costs more than counting with it, so they are kept once they have counted."""
        method = scope["method"] if scope["method"] in self._methods else "other"
        answers = self._answers.get((method, response.status_code))
        if answers is None:
            labels = (self._path, method, str(response.status_code))
            answers = self._answers[method, response.status_code] = self._api.metrics.answers.labels(*labels)
        answers.inc()
        if b"wait=" not in scope["query_string"]:
            if self._seconds is None:
                self._seconds = self._api.metrics.seconds.labels(self._path)
            self._seconds.observe(seconds)

    async def _answer(self, request: Request) -> Response:
        base = self._api.settings.problem_base
        try:
            check_headers(request)
            call = self._methods.get(request.method)
            if call is None:
                raise ProblemError(
                    "method-not-allowed", headers={"Allow": ", ".join(sorted(self._methods))}, close=True
                )
            result = await call.handler(self._api, request)
        except ProblemError as error:
            return problems.respond(error, base)
        except Malformed as error:
            return problems.respond(problems.of_malformed(error), base)
        except JournalError:
            result = Refused(Reason.AUDIT_UNAVAILABLE)
        except SignoffError as error:
            LOG.warning("call failed: %s", type(error).__name__, extra={"route": self._path})
            return problems.respond(_of_fault(error), base)
        except Exception as error:  # noqa: BLE001 -- the one place of this adapter that supervises; nothing leaks
            LOG.error("call failed unexpectedly: %s", type(error).__name__, extra={"route": self._path})  # noqa: TRY400 -- a traceback may show values
            return problems.respond(
                ProblemError("internal", "The error was logged. Nothing was approved.", close=True), base
            )
        if isinstance(result, Refused):
            self._api.metrics.refusals.labels(result.reason.value).inc()
            return problems.respond_refused(result, base)
        return result


def _of_fault(error: SignoffError) -> ProblemError:
    match error:
        case Unknown():
            return ProblemError(
                "unknown-outcome",
                "The answer of the commit was lost. Repeat the call with the same keys, or look.",
            )
        case StoreFault():
            return ProblemError("busy", "Nothing was written. Try again.")
        case _:
            return ProblemError(
                "unavailable", "Nothing was approved. Try again; if it stays, the operator must look."
            )


def query(request: Request, allowed: Sequence[str]) -> dict[str, str]:
    """The query, closed: unknown and repeated names are refused."""
    raw = request.scope["query_string"]
    if not raw:
        return {}
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=20,
        )
    except ValueError:
        raise ProblemError("bad-query", "The query cannot be read.") from None
    found = dict(pairs)
    if len(found) != len(pairs) or not set(found) <= set(allowed):
        raise ProblemError("bad-query", f"The query may hold, once each: {', '.join(allowed) or 'nothing'}.")
    return found


def number(text: str | None, name: str, least: int, most: int) -> int | None:
    """ASCII digits only: ``int`` would read full-width ones, signs, spaces and underscores."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 15 and least <= int(text) <= most):
        raise ProblemError("bad-query", f"{name} must be a whole number from {least} to {most}.")
    return int(text)


def request_id(request: Request) -> RequestId | None:
    """The id in the path; None when it cannot be one."""
    return RequestId(text) if _is_id(text := request.path_params["id"], "req_") else None


def grant_id(request: Request) -> GrantId | None:
    return GrantId(text) if _is_id(text := request.path_params["jti"], "grt_") else None


def _is_id(text: str, prefix: str) -> bool:
    tail = text.removeprefix(prefix)
    return (
        text.startswith(prefix)
        and len(tail) == 26
        and tail.isascii()
        and tail.isalnum()
        and tail.islower() | tail.isdigit()
    )


NOT_FOUND: Final = Refused(Reason.NOT_FOUND)
"""Missing, malformed and somebody else's look the same (T35)."""
