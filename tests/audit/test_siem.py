import asyncio
import json
import ssl
import subprocess
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from adapters.anchors.siem import HttpSink, SinkFault, SyslogTls, cursor, deliver
from audit.ledger_sqlite import SqliteLedger
from tests.audit.logs import filled, journal, story


class Collector:
    """A SIEM that takes entries, or fails before or after taking them."""

    name = "siem"

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.fail: str | None = None

    async def send(self, entries):
        if self.fail == "before":
            raise SinkFault("down")
        self.taken += [e.seq for e in entries]
        if self.fail == "after":
            raise SinkFault("answer lost")


async def test_every_entry_is_delivered_once_in_order_when_nothing_fails():
    connection, siem = filled(requests=10), Collector()

    while await deliver(connection, siem, limit=7):
        pass

    assert siem.taken == list(range(80))
    assert cursor(connection, "siem") == 80


@pytest.mark.parametrize(
    ("fail", "expected"), [("before", list(range(24))), ("after", [*range(10), *range(24)])]
)
async def test_a_failed_delivery_is_repeated_and_loses_nothing(fail, expected):
    connection, siem = filled(), Collector()
    siem.fail = fail
    with pytest.raises(SinkFault):
        await deliver(connection, siem, limit=10)
    siem.fail = None

    while await deliver(connection, siem):
        pass

    assert siem.taken == expected


async def test_an_entry_under_no_signed_head_is_not_sent():
    connection, siem = filled(requests=1), Collector()
    log = journal(b"later")
    for draft in story("r-x", 500, first_seq=8):
        log.append(SqliteLedger(connection), draft)

    assert await deliver(connection, siem) == 8
    assert await deliver(connection, siem) == 0


async def test_a_collector_over_http_gets_lines_and_its_refusal_is_a_fault():
    bodies: list[bytes] = []
    status = [200]

    async def handler(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer t0k"
        bodies.append(await request.read())
        return web.Response(status=status[0])

    application = web.Application()
    application.router.add_post("/in", handler)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    connection = filled()
    async with aiohttp.ClientSession() as session:
        sink = HttpSink(
            "http", session, f"http://127.0.0.1:{runner.addresses[0][1]}/in", "ocsf", lambda: "t0k"
        )
        assert await deliver(connection, sink) == 24
        status[0] = 503
        connection.execute("DELETE FROM audit_outbound")
        with pytest.raises(SinkFault, match="503"):
            await deliver(connection, sink)
        await runner.cleanup()
        with pytest.raises(SinkFault, match="reached"):
            await deliver(connection, sink)

    events = [json.loads(line) for line in bodies[0].splitlines()]
    assert [e["metadata"]["sequence"] for e in events] == list(range(24))
    assert cursor(connection, "http") == 0


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    key, pem = tmp_path / "k.pem", tmp_path / "c.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", pem, *subject],
        check=True,
        capture_output=True,
    )
    return key, pem


async def test_syslog_goes_over_tls_in_counted_frames_and_only_to_a_trusted_host(certificate):
    key, pem = certificate
    got = bytearray()
    done = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.extend(await reader.read())
        writer.close()
        done.set()

    inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    inside.load_cert_chain(pem, key)
    server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=inside)
    port = server.sockets[0].getsockname()[1]
    connection = filled()

    trusting = ssl.create_default_context(cafile=str(pem))
    assert await deliver(connection, SyslogTls("syslog", "localhost", port, trusting, "host1")) == 24
    await asyncio.wait_for(done.wait(), 30)
    with pytest.raises(SinkFault):
        await SyslogTls("other", "localhost", port, ssl.create_default_context()).send([])
    server.close()
    await server.wait_closed()

    frames, rest = [], bytes(got)
    while rest:
        length, _, rest = rest.partition(b" ")
        frames.append(rest[: int(length)])
        rest = rest[int(length) :]
    assert len(frames) == 24
    assert frames[0].startswith(
        b'<110>1 2026-11-23T18:55:37.123456Z host1 signoff - ABR001 [audit@32473 seq="0"'
    )
