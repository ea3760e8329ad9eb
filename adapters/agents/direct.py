"""The short way to this API's calls: a table by path in front of the router, which would try every route of the console first.

Decided here: nothing. A path goes to the endpoint that the router would have given it to, which ``Direct`` makes sure of when it
is built; what it does not know goes to the router. Endpoints answer their own errors (``endpoint``), so the router's middleware
for that is not needed in front of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.agents.endpoint import Endpoint

_PARAMETER: Final = "{"


class Direct:
    """An ASGI app in front of *router*, which holds *routes* in this order."""

    def __init__(self, routes: Sequence[BaseRoute], router: ASGIApp) -> None:
        self._router = router
        self._exact: dict[str, Endpoint] = {}
        self._shaped: dict[int, list[tuple[list[str], Endpoint]]] = {}
        """By the number of segments: the segments, parameters in braces, and whose they are."""
        for route in routes:
            if isinstance(route, Route) and isinstance(route.app, Endpoint) and _is_first(route, routes):
                self._add(route.path, route.app)

    def _add(self, path: str, endpoint: Endpoint) -> None:
        if _PARAMETER not in path:
            self._exact[path] = endpoint
        elif ":" not in path:  # a parameter that may hold slashes stays the router's
            segments = path.split("/")
            self._shaped.setdefault(len(segments), []).append((segments, endpoint))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope.get("root_path"):
            await self._router(scope, receive, send)
            return
        path = scope["path"]
        endpoint = self._exact.get(path)
        parameters: dict[str, str] = {}
        if endpoint is None:
            endpoint, parameters = self._find(path.split("/"))
        if endpoint is None:
            await self._router(scope, receive, send)
            return
        scope["path_params"] = parameters
        await endpoint(scope, receive, send)

    def _find(self, segments: list[str]) -> tuple[Endpoint | None, dict[str, str]]:
        for shape, endpoint in self._shaped.get(len(segments), ()):
            parameters = {}
            for wanted, found in zip(shape, segments, strict=True):
                if wanted[:1] == _PARAMETER and found:
                    parameters[wanted[1:-1]] = found
                elif wanted != found:
                    break
            else:
                return endpoint, parameters
        return None, {}


def _is_first(route: Route, routes: Sequence[BaseRoute]) -> bool:
    """Whether the router would come to *route* before any other that takes its paths."""
    path = "/".join("x" if part.startswith(_PARAMETER) else part for part in route.path.split("/"))
    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
    return next(one for one in routes if one.matches(dict(scope))[0] is not Match.NONE) is route
