"""SIEMs on real sockets: a syslog collector over TLS that reads counted frames, and an HTTP collector that checks what it is sent.

Written from RFC 5424, RFC 5425, the CloudEvents JSON batch format and OTLP/HTTP; they know nothing of our renderers.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

_SYSLOG = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32})"
    rb' \[audit@\d+((?: [a-z]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*)\] (.*)',
    re.DOTALL,
)


@dataclass
class Syslog:
    """``got``: the messages, each checked against RFC 5424's grammar. ``fault``: ``reset`` drops the connection unread."""

    port: int = 0
    got: list[tuple[int, bytes]] = field(default_factory=list)
    connections: int = 0
    fault: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.fault == "reset":
            writer.transport.abort()
            return
        data = await reader.read()
        while data:
            length, _, rest = data.partition(b" ")
            message, data = rest[: int(length)], rest[int(length) :]
            parsed = _SYSLOG.fullmatch(message)
            assert parsed is not None, message[:200]
            seq = re.search(rb' seq="(\d+)"', parsed[7])
            assert seq is not None
            self.got.append((int(seq[1]), message))
        writer.close()

    @property
    def seqs(self) -> list[int]:
        return [seq for seq, _ in self.got]


@asynccontextmanager
async def syslog_collector(context: ssl.SSLContext, port: int = 0):
    siem = Syslog()
    server = await asyncio.start_server(siem.handle, "127.0.0.1", port, ssl=context)
    siem.port = server.sockets[0].getsockname()[1]
    try:
        yield siem
    finally:
        server.close()
        await server.wait_closed()


@dataclass
class Http:
    """Takes POSTs under ``/in``; refuses what is not of the media type's own shape with 400."""

    url: str = ""
    token: str = ""
    status: int = 200
    answer: bytes = b"{}"
    bodies: list[tuple[str, bytes]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization", "") != (f"Bearer {self.token}" if self.token else ""):
            return web.Response(status=401)
        body, kind = await request.read(), request.headers["Content-Type"].partition(";")[0]
        try:
            self.check(kind, body)
        except (ValueError, KeyError, AssertionError) as wrong:
            return web.Response(status=400, text=str(wrong))
        if self.status == 200:
            self.bodies.append((kind, body))
        return web.Response(status=self.status, body=self.answer)

    def check(self, kind: str, body: bytes) -> None:
        match kind:
            case "application/cloudevents-batch+json":
                for event in json.loads(body):
                    assert event["specversion"] == "1.0"
                    assert all(event[name] for name in ("id", "source", "type"))
            case "application/json":
                (resource,) = json.loads(body)["resourceLogs"]
                (scope,) = resource["scopeLogs"]
                for record in scope["logRecords"]:
                    assert int(record["timeUnixNano"]) > 0
                    assert record["body"]["stringValue"]
            case "application/x-ndjson":
                for line in body.splitlines():
                    json.loads(line)
            case "text/plain":
                assert all(line.startswith(b"CEF:0|") for line in body.splitlines())
            case _:
                raise ValueError(kind)


@asynccontextmanager
async def http_collector(context: ssl.SSLContext | None = None, token: str = ""):
    siem = Http(token=token)
    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_post("/in", siem.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    scheme, host = ("https", "localhost") if context else ("http", "127.0.0.1")
    siem.url = f"{scheme}://{host}:{runner.addresses[0][1]}/in"
    try:
        yield siem
    finally:
        await runner.cleanup()


def ca(path: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(path))
