"""The bodies of calls that carry little: one closed object, or none."""

from __future__ import annotations

from typing import TypeVar

from msgspec import Struct
from starlette.requests import Request

from adapters.agents import wire
from adapters.agents.endpoint import Api, query
from adapters.agents.limits import SMALL_BYTES_MAX, expect_json, read_body
from bot.core.canonical import Malformed
from bot.core.people import Actor

T = TypeVar("T", bound=Struct)


async def person_and_body(api: Api, request: Request, kind: type[T]) -> tuple[Actor, T]:
    """Who calls, by a personal access token, and what they sent. The credential is judged before a byte of the body is read."""
    actor = await api.gate.person(request)
    query(request, ())
    expect_json(request)
    return actor, wire.decode(await read_body(request, SMALL_BYTES_MAX, api.settings.body_seconds), kind)


async def no_body(api: Api, request: Request) -> None:
    """These calls take no body; an empty one and an empty object are both nothing."""
    body = await read_body(request, SMALL_BYTES_MAX, api.settings.body_seconds)
    if body.strip() not in (b"", b"{}"):
        raise Malformed("schema", "This call takes no body.")
