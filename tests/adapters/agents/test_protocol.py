"""A head that trickles or swells costs a bounded time and size, and ordinary clients notice nothing (T57)."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from adapters.agents.protocol import HEAD_BYTES_MAX, BoundedHttp


class Impatient(BoundedHttp):
    head_seconds = 0.5


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def echo(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    async def late(request: Request) -> PlainTextResponse:
        await asyncio.sleep(1.0)
        return PlainTextResponse("late")

    app = Starlette(routes=[Route("/", echo, methods=["POST"]), Route("/late", late)])
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(app, http=Impatient, lifespan="off", log_level="critical", timeout_keep_alive=5)
        )
        running = asyncio.create_task(server.serve(sockets=[sock]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield sock.getsockname()[1]
        server.should_exit = True
        await running


async def ended(reader: asyncio.StreamReader) -> bool:
    return await asyncio.wait_for(reader.read(), 12) == b""


@pytest.mark.parametrize("start", [b"", b"GET / HT", b"GET /late HTTP/1.1\r\nHost: x\r\nX-A: b"])
async def test_a_head_that_is_not_finished_in_time_ends_the_connection(port: int, start: bytes):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(start)
    began = time.monotonic()

    assert await ended(reader)
    assert 0.3 < time.monotonic() - began < 10
    writer.close()


async def test_a_head_that_trickles_gets_no_more_time(port: int):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()

    async def trickle() -> None:
        writer.write(b"GET /late HTTP/1.1\r\nX: ")
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.05)

    task = asyncio.create_task(trickle())
    assert await ended(reader)
    task.cancel()

    assert time.monotonic() - began < 10
    writer.close()


async def test_a_head_that_swells_ends_the_connection(port: int):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    try:
        writer.write(b"GET /late HTTP/1.1\r\nX: ")
        for _ in range(HEAD_BYTES_MAX // 1024 + 8):
            writer.write(b"x" * 1024)
            await writer.drain()
        assert await ended(reader)
    except ConnectionError:
        pass
    assert time.monotonic() - began < 0.45
    writer.close()


async def test_large_bodies_slow_answers_and_reused_connections_are_left_alone(port: int):
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", limits=httpx.Limits(max_connections=1)
    ) as http:
        assert (await http.post("/", content=b"x" * 1_000_000)).text == "1000000"
        assert (await http.get("/late")).text == "late"
        for _ in range(5):
            assert (await http.post("/", content=b"xyz")).text == "3"


async def test_the_second_head_on_a_connection_is_bounded_too(port: int):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
    assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
    assert await reader.readexactly(1) == b"1"
    began = time.monotonic()
    writer.write(b"POST / HT")

    assert await ended(reader)
    assert time.monotonic() - began < 10
    writer.close()
