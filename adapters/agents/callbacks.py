"""Telling an agent that its request is settled: a signed POST to an address from its allow-list (Standard Webhooks 1.0.0).

Decided here: how far a callback may reach (T34). The allow-list is checked again at sending; the name is resolved once, every
address it has must be public, and the connection goes to a checked address with the name's own TLS identity. No redirect, no
proxy, no cookie, five seconds, 64 KiB. The body names the request, its state and its hash, so a stolen callback says little;
the grant is fetched by the agent. Signed ``v1`` (HMAC-SHA256) with each live HMAC key of the agent, newest first: the
standard's symmetric scheme, because the agent's secret is symmetric. Delivery is at least once; ``webhook-id`` stays the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from adapters.agents import addresses, signed
from adapters.agents.limits import AgentsSettings
from adapters.agents.metrics import Metrics
from adapters.agents.people import live_secrets
from bot.core.callback_rules import allowed
from bot.core.ids import RequestId
from bot.core.people import Agent, AgentKey
from bot.core.request import Request
from bot.errors import GiveUp, Retry
from bot.ports import Clock, KeyProvider, ReadTx, Store

SECONDS_MAX: Final = 5.0
ANSWER_BYTES_MAX: Final = 64 * 1024
PAUSE_SECONDS_MIN: Final = 5
"""Before the second attempt, as in the standard's schedule; the outbox lengthens it and knows when to end."""
RETRY_AFTER_SECONDS_MAX: Final = 3_600
"""A receiver may slow us down, not put us off for good."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class CallbackSender:
    """Sends one callback. Harmless when repeated."""

    def __init__(
        self,
        store: Store,
        keys: KeyProvider,
        clock: Clock,
        settings: AgentsSettings,
        metrics: Metrics | None = None,
        *,
        resolve: Resolve | None = None,
        ssl: Any = True,
    ) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._settings = settings
        self._metrics = metrics
        self._resolve = resolve or _resolve
        self._ssl = ssl
        self._gone: set[tuple[str, str]] = set()

    async def send(self, request_id: RequestId, event: str) -> None:
        """Tell what *request_id* is now. Returns when it was taken (2xx); raises ``Retry`` or ``GiveUp``.

        How often it is tried is the outbox's. 410 switches the address off until the next start."""
        try:
            await self._send(request_id, event)
        except (Retry, GiveUp) as failed:
            self._count("retry" if isinstance(failed, Retry) else "given-up")
            raise
        self._count("sent")

    async def _send(self, request_id: RequestId, event: str) -> None:
        request, agent, keys = await self._store.read(lambda tx: _load(tx, request_id))
        if request is None or agent is None or request.callback_url is None:
            raise GiveUp("there is no address to call")
        url = request.callback_url
        if not allowed(url, agent.callback_urls):
            raise GiveUp("the address is no longer on the agent's allow-list")
        if (agent.id, url) in self._gone:
            raise GiveUp("the address answered 410 Gone")
        now = self._clock.now()
        secrets = live_secrets(self._keys, keys, now)
        if not secrets:
            raise GiveUp("the agent has no live HMAC key to sign with")
        body = msgspec.json.encode(
            {"id": request.id, "state": request.state.value, "payload_hash": request.payload_hash}
        )
        message = "msg_" + hashlib.sha256(f"{request.id}/{event}".encode()).hexdigest()[:32]
        headers = signed.sign(secrets, message, int(now.timestamp()), body)
        headers |= {"Content-Type": "application/json", "User-Agent": "signoff"}
        try:
            async with asyncio.timeout(SECONDS_MAX):
                status, after = await self._post(url, body, headers)
        except (TimeoutError, OSError, aiohttp.ClientError) as failed:
            raise _retry(f"no answer ({type(failed).__name__})") from failed
        if status == 410:
            self._gone.add((agent.id, url))
            raise GiveUp("the address answered 410 Gone")
        if not 200 <= status < 300:
            raise _retry(f"answered {status}", after)

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> tuple[int, float | None]:
        target = _target(url)
        host, port = target.host or "", target.port or 443
        checked = await self._checked(target.scheme, host, port)
        connector = aiohttp.TCPConnector(
            resolver=_Pinned(checked), use_dns_cache=False, force_close=True, limit=1, ssl=self._ssl, socket_factory=_guard(checked)
        )  # fmt: skip
        async with (
            aiohttp.ClientSession(
                connector=connector,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            ) as session,
            session.post(target, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            await answer.content.read(ANSWER_BYTES_MAX)
            return answer.status, _seconds(answer.headers.get("Retry-After"))

    async def _checked(self, scheme: str, host: str, port: int) -> list[str]:
        """Every address of *host*, all of them fit to be called; else ``GiveUp``. What is given back is what is connected to."""
        found = [addresses.parse(text) for text in await self._resolve(host, port)]
        if not found:
            raise OSError("no address")
        private = host in self._settings.callback_private_hosts
        if not private and not all(addresses.is_public(address) for address in found):
            raise GiveUp("the address is not a public one")
        if scheme != "https" and not (private and all(address.is_loopback for address in found)):
            raise GiveUp("callbacks go by https")
        return [str(address) for address in found]

    def _count(self, result: str) -> None:
        if self._metrics is not None:
            self._metrics.callbacks.labels(result).inc()


def _load(tx: ReadTx, id: RequestId) -> tuple[Request | None, Agent | None, list[AgentKey]]:
    request = tx.request(id)
    if request is None:
        return None, None, []
    return request, tx.agent(request.agent), tx.agent_keys(request.agent)


def _target(url: str) -> URL:
    """As the HTTP client reads it; ``GiveUp`` when the allow-list's reader saw another origin."""
    try:
        target, parts = URL(url, encoded=True), urlsplit(url)
        same = (target.scheme, target.host, target.port) == (
            parts.scheme,
            (parts.hostname or "").lower(),
            parts.port or {"https": 443, "http": 80}.get(parts.scheme),
        )
    except ValueError:
        same = False
    if not same or not target.host or target.user is not None or target.password is not None:
        raise GiveUp("the address cannot be read beyond doubt")
    return target


async def _resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class _Pinned(AbstractResolver):
    """Answers with the checked addresses, whatever it is asked: the name is not looked up a second time (rebinding)."""

    def __init__(self, checked: list[str]) -> None:
        self._checked = checked

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=text,
                port=port,
                family=socket.AF_INET6 if ":" in text else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for text in self._checked
        ]

    async def close(self) -> None:
        pass


def _guard(checked: list[str]) -> Callable[[Any], socket.socket]:
    """The last net, at the socket itself: a literal address in the URL never passes a resolver."""

    def make(info: Any) -> socket.socket:
        family, kind, proto, _, address = info
        if str(addresses.parse(address[0])) not in checked:
            raise OSError("not a checked address")
        return socket.socket(family, kind, proto)

    return make


def _retry(why: str, after: float | None = None) -> Retry:
    return Retry(timedelta(seconds=max(after or 0, PAUSE_SECONDS_MIN)), why)


def _seconds(text: str | None) -> float | None:
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 6):
        return None
    return min(int(text), RETRY_AFTER_SECONDS_MAX)
