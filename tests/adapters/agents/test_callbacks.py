"""Callbacks reach public, allow-listed addresses and nothing else; what arrives is signed and says little (T34)."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from adapters.agents import callbacks
from adapters.agents.callbacks import PAUSE_SECONDS_MIN, CallbackSender
from adapters.agents.limits import AgentsSettings
from bot import outgoing
from bot.core import addresses
from bot.core.ids import AgentId
from bot.core.people import KeyKind
from bot.desk.api import NewKey
from bot.errors import GiveUp, Retry
from tests.support.office import Desk, close_desk, open_desk

BOT = AgentId("agent:bot")
PUBLIC = "93.184.215.14"


class Receiver:
    """A real HTTP server on loopback that answers as told and keeps what came."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.headers: dict[str, str] = {}
        self.body = b""
        self.pause = 0.0
        self.connections = 0
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        await asyncio.sleep(self.pause)
        return web.Response(status=self.status, headers=self.headers, body=self.body)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", receiver.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = await open_desk(tmp_path)
    yield desk
    await close_desk(desk)


async def prepared(desk: Desk, url: str, allow: str | None = None) -> tuple[str, str]:
    """A denied request with a callback to *url*; its id and the signing secret."""
    agent = await desk.store.read(lambda tx: tx.agent(BOT))
    assert agent is not None
    await desk.service.set_agent(None, replace(agent, callback_urls=(allow or url,)))
    key = await desk.service.issue_key(None, BOT, KeyKind.HMAC)
    assert isinstance(key, NewKey)
    submitted = await desk.asked(callback_url=url, action="db.wipe")
    return submitted.request.id, key.secret


def sender(
    desk: Desk, *private: str, resolve: Callable[[str, int], Awaitable[list[str]]] | None = None
) -> CallbackSender:
    settings = AgentsSettings(callback_private_hosts=frozenset(private))
    return CallbackSender(desk.store, desk.office.keys, desk.clock, settings, resolve=resolve)


async def test_a_callback_is_signed_and_says_only_id_state_and_hash(
    desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    id, secret = await prepared(desk, receiver.url + "/hook")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    await sender(desk, "127.0.0.1").send(id, "request.denied")

    ((headers, body),) = receiver.got
    assert set(json.loads(body)) == {"id", "state", "payload_hash"}
    assert json.loads(body)["state"] == "denied"
    desk.clock.set(desk.clock.now())
    # The reference implementation of the standard verifies it; its clock is the real one, so it is asked for the signature only.
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    assert Webhook(secret).sign(headers["webhook-id"], at, body.decode()) == headers["webhook-signature"]
    assert at == desk.clock.now()


async def test_a_repeat_has_the_same_id(desk: Desk, receiver: Receiver):
    id, _ = await prepared(desk, receiver.url)
    for _ in range(2):
        await sender(desk, "127.0.0.1").send(id, "request.denied")

    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1


async def test_both_live_keys_sign_during_rotation(desk: Desk, receiver: Receiver):
    id, old = await prepared(desk, receiver.url)
    desk.clock.forward(timedelta(seconds=1))
    new = await desk.service.issue_key(None, BOT, KeyKind.HMAC)
    assert isinstance(new, NewKey)

    await sender(desk, "127.0.0.1").send(id, "request.denied")

    headers, body = receiver.got[0]
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    expected = [
        Webhook(secret).sign(headers["webhook-id"], at, body.decode()) for secret in (new.secret, old)
    ]
    assert headers["webhook-signature"].split(" ") == expected


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 429, 500, 503])
async def test_any_other_answer_is_tried_again_and_no_redirect_is_followed(
    desk: Desk, receiver: Receiver, status: int
):
    id, _ = await prepared(desk, receiver.url)
    receiver.status, receiver.headers = status, {"Location": receiver.url + "/elsewhere"}

    with pytest.raises(Retry) as caught:
        await sender(desk, "127.0.0.1").send(id, "request.denied")

    assert caught.value.after == timedelta(seconds=PAUSE_SECONDS_MIN)
    assert len(receiver.got) == 1


async def test_retry_after_is_honoured_within_bounds(desk: Desk, receiver: Receiver):
    id, _ = await prepared(desk, receiver.url)
    for text, seconds in (("60", 60), ("999999", 3600), ("-1", 5), ("nan", 5), ("1", 5)):
        receiver.status, receiver.headers = 503, {"Retry-After": text}
        with pytest.raises(Retry) as caught:
            await sender(desk, "127.0.0.1").send(id, "request.denied")
        assert caught.value.after.total_seconds() == seconds


async def test_410_switches_the_address_off(desk: Desk, receiver: Receiver):
    id, _ = await prepared(desk, receiver.url)
    receiver.status = 410
    posts = sender(desk, "127.0.0.1")
    for _ in range(2):
        with pytest.raises(GiveUp):
            await posts.send(id, "request.denied")

    assert len(receiver.got) == 1


async def test_a_slow_receiver_is_left_after_the_limit(
    desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(callbacks, "SECONDS_MAX", 0.2)
    id, _ = await prepared(desk, receiver.url)
    receiver.pause = 1

    with pytest.raises(Retry):
        await sender(desk, "127.0.0.1").send(id, "request.denied")


async def test_a_huge_answer_is_not_read(desk: Desk, receiver: Receiver):
    id, _ = await prepared(desk, receiver.url)
    receiver.status, receiver.body = 200, b"x" * 5_000_000

    await sender(desk, "127.0.0.1").send(id, "request.denied")


async def test_an_address_that_left_the_allow_list_is_not_called(desk: Desk, receiver: Receiver):
    id, _ = await prepared(desk, receiver.url + "/hook")
    agent = await desk.store.read(lambda tx: tx.agent(BOT))
    await desk.service.set_agent(None, replace(agent, callback_urls=(receiver.url + "/other",)))

    with pytest.raises(GiveUp):
        await sender(desk, "127.0.0.1").send(id, "request.denied")
    assert not receiver.got


async def test_without_a_live_key_nothing_is_sent(desk: Desk, receiver: Receiver):
    id, _ = await prepared(desk, receiver.url)
    for key in await desk.store.read(lambda tx: tx.agent_keys(BOT)):
        await desk.service.revoke_key(None, key.id)

    with pytest.raises(GiveUp):
        await sender(desk, "127.0.0.1").send(id, "request.denied")
    assert not receiver.got


# --- where it may go: each URL is on the agent's allow-list, as if an administrator had been talked into it ------------------

HOSTS = [
    "127.0.0.1", "127.1", "127.0.1", "0", "0.0.0.0", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "017700000001", "127.0.0.1.", "127.255.255.254",
    "localhost", "LOCALHOST", "localhost.", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
    "[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2002:7f00:0001::1]", "[2001::1]", "[2001:0:7f00:1::]", "[fe80::1]", "[fe80::1%25lo]",
    "[fc00::1]", "[fd00::1]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "[100::1]", "[3fff::1]", "[2600::5efe:7f00:1]", "[2600::200:5efe:7f00:1]",
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.127.255.255",
    "192.0.0.1", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255", "0.1.2.3", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "169.254.43518", "1.2.3.4@127.0.0.1", "127.0.0.1#@example.org",
    "user:pw@127.0.0.1", "①②⑦.0.0.1", "127。0。0。1", "ⓛocalhost", "127.0.0.1\\@example.org", "example.org\\@127.0.0.1", "127.0.0.1%00.example.org",
    "127.0.0.1%2f@example.org", "127.0.0.1?@example.org", "[::1", "::1", "",
]  # fmt: skip
NAMES = [
    "rebind.example",
    "mixed.example",
    "metadata.example",
    "mapped.example",
    "nat64.example",
    "cgnat.example",
]
ANSWERS = {
    "rebind.example": ["127.0.0.1"], "mixed.example": [PUBLIC, "127.0.0.1"], "metadata.example": ["169.254.169.254"],
    "mapped.example": ["::ffff:127.0.0.1"], "nat64.example": ["64:ff9b::7f00:1"], "cgnat.example": ["100.64.1.1"],
}  # fmt: skip
SCHEMES = ["http://{}:{}/", "https://{}:{}/"]
URLS = [scheme.format(host, "{port}") for host in HOSTS for scheme in SCHEMES] + [
    f"https://{name}:{{port}}/" for name in NAMES
]


class Canary:
    """Counts connections on every loopback address."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0

    async def open(self) -> list[asyncio.Server]:
        first = await asyncio.start_server(self._touched, "127.0.0.1", 0)
        self.port = first.sockets[0].getsockname()[1]
        servers = [first]
        if socket.has_ipv6:
            try:
                servers.append(await asyncio.start_server(self._touched, "::1", self.port))
            except OSError:
                pass
        return servers

    async def _touched(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()


async def test_no_url_of_the_table_ever_reaches_a_canary(desk: Desk):
    assert len(URLS) >= 80
    canary = Canary()
    servers = await canary.open()
    id, _ = await prepared(desk, "https://ci.example/hook")
    request = await desk.store.read(lambda tx: tx.request(id))
    agent = await desk.store.read(lambda tx: tx.agent(BOT))
    real = outgoing.resolved

    async def resolve(host: str, port: int) -> list[str]:
        looked_up.append(host)
        return ANSWERS[host] if host in ANSWERS else list(await real(host, port))

    looked_up: list[str] = []
    let_through, tried_again = [], []
    for template in URLS:
        url = template.replace("{port}", str(canary.port))

        def load(tx, id, url=url):
            return (
                replace(request, callback_url=url),
                replace(agent, callback_urls=(url,)),
                tx.agent_keys(BOT),
            )

        original, callbacks._load = callbacks._load, load
        try:
            await sender(desk, resolve=resolve).send(id, "request.denied")
            let_through.append(url)
        except GiveUp:
            pass
        except Retry as retry:
            tried_again.append((url, str(retry)))
        finally:
            callbacks._load = original
    for server in servers:
        server.close()

    assert let_through == []
    assert canary.connections == 0
    # Only a name that cannot be resolved may be tried again; most were stopped by where they lead, not by how they are spelled.
    assert all("gaierror" in why or "OSError" in why for _, why in tried_again), tried_again
    assert len(looked_up) >= 100


async def test_the_name_is_looked_up_once_so_it_cannot_be_rebound(desk: Desk, receiver: Receiver):
    port = receiver.url.rpartition(":")[2]
    looked_up = []

    async def resolve(host: str, port: int) -> list[str]:
        looked_up.append(host)
        return ["127.0.0.1"]

    id, _ = await prepared(desk, f"http://internal.example:{port}/")

    await sender(desk, "internal.example", resolve=resolve).send(id, "request.denied")

    assert looked_up == ["internal.example"]
    assert receiver.got[0][0]["Host"] == f"internal.example:{port}"


async def test_a_private_host_that_is_not_loopback_still_needs_https(desk: Desk):
    async def resolve(host: str, port: int) -> list[str]:
        return ["10.0.0.7"]

    id, _ = await prepared(desk, "http://internal.example/")
    with pytest.raises(GiveUp, match="https"):
        await sender(desk, "internal.example", resolve=resolve).send(id, "request.denied")


@pytest.mark.parametrize(
    "text",
    [
        PUBLIC,
        "8.8.8.8",
        "1.1.1.1",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00:1450::1",
    ],
)
def test_public_addresses_are_public(text: str):
    assert addresses.is_public(addresses.parse(text))
