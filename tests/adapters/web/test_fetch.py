"""The exchange with the provider is bounded, over a real socket."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from adapters.web.fetch import fetch
from adapters.web.oidc import ANSWER_BYTES_MAX
from tests.support.serving import free_socket, serve


async def build(url: str) -> Any:
    async def token(http: Any) -> Response:
        return Response(b"form:" + await http.body())

    return [
        Route("/token", token, methods=["POST"]),
        Route("/away", lambda _: RedirectResponse("https://evil.example/")),
        Route("/huge", lambda _: Response(b"x" * (10 * ANSWER_BYTES_MAX))),
    ]


async def test_a_form_is_posted_and_answered():
    with serve(build) as served:
        answer = await fetch(served.url + "/token", form={"code": "c d"}, headers={})

    assert answer == (200, b"form:code=c+d")


async def test_a_redirect_is_not_followed():
    with serve(build) as served:
        status, _ = await fetch(served.url + "/away", form=None, headers={})

    assert status == 307


async def test_a_huge_answer_is_cut_one_byte_past_the_limit():
    with serve(build) as served:
        _, body = await fetch(served.url + "/huge", form=None, headers={})

    assert len(body) == ANSWER_BYTES_MAX + 1


async def test_nobody_there_is_an_os_error():
    sock = free_socket()
    port = sock.getsockname()[1]
    sock.close()

    with pytest.raises(OSError):
        await fetch(f"http://127.0.0.1:{port}/", form=None, headers={})
