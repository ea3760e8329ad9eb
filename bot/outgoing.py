"""Calls that leave this process for an address that an agent or a setting gave: how far they may reach (T34).

Decided here: the name is resolved once, every address it has must be public unless the host is listed as private, and the
connection goes to a checked address under the name's own TLS identity (so a second look-up cannot lead elsewhere: rebinding). No
redirect, no proxy from the environment, no cookie, no decompression, a limit on time and on the answer. Deliberately absent: what
is sent, and what an answer means.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDictProxy
from yarl import URL

from bot.core import addresses
from bot.errors import GiveUp

ANSWER_BYTES_MAX: Final = 64 * 1024

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
Tls = ssl.SSLContext | bool


class NotAllowed(GiveUp):
    """The address may not be called; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reach:
    """``private_hosts`` may have private addresses, and be http when they are on loopback. ``clear``: http may go anywhere, for
    protocols whose answers are signed (RFC 3161)."""

    private_hosts: frozenset[str] = frozenset()
    clear: bool = False


async def call(
    method: str,
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    reach: Reach = Reach(),
    seconds: float,
    body_max: int = ANSWER_BYTES_MAX,
    resolve: Resolve | None = None,
    tls: Tls = True,
) -> Answered:
    """One call, answered within *seconds*; at most *body_max* bytes of the answer are read. Raises ``NotAllowed``, ``OSError``,
    ``TimeoutError`` or ``aiohttp.ClientError``."""
    goal = target(url)
    async with asyncio.timeout(seconds):
        found = await checked(goal.scheme, goal.host or "", goal.port or 443, reach, resolve)
        connector = aiohttp.TCPConnector(
            resolver=_Pinned(found), use_dns_cache=False, force_close=True, limit=1, ssl=tls, socket_factory=_guard(found)
        )  # fmt: skip
        async with (
            aiohttp.ClientSession(
                connector=connector,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            ) as session,
            session.request(
                method, goal, data=body, headers=dict(headers or {}), allow_redirects=False
            ) as answer,
        ):
            return Answered(answer.status, answer.headers, await _read(answer.content, body_max))


async def checked(
    scheme: str, host: str, port: int, reach: Reach = Reach(), resolve: Resolve | None = None
) -> list[str]:
    """Every address of *host*, all of them fit to be called; else ``NotAllowed``. What is given back is what is connected to."""
    found = [addresses.parse(text) for text in await (resolve or resolved)(host, port)]
    if not found:
        raise OSError("no address")
    private = host in reach.private_hosts
    if not private and not all(addresses.is_public(address) for address in found):
        raise NotAllowed("the address is not a public one")
    local = private and all(address.is_loopback for address in found)
    if scheme != "https" and not reach.clear and not local:
        raise NotAllowed("calls to the outside go by https")
    return [str(address) for address in found]


def target(url: str) -> URL:
    """As the HTTP client reads it; ``NotAllowed`` when another reader would see another origin."""
    try:
        goal, parts = URL(url, encoded=True), urlsplit(url)
        same = (goal.scheme, goal.host, goal.port) == (
            parts.scheme,
            (parts.hostname or "").lower(),
            parts.port or {"https": 443, "http": 80}.get(parts.scheme),
        )
    except ValueError:
        same = False
    if not same or not goal.host or goal.user is not None or goal.password is not None:
        raise NotAllowed("the address cannot be read beyond doubt")
    return goal


async def resolved(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def _read(content: aiohttp.StreamReader, most: int) -> bytes:
    read = bytearray()
    while len(read) < most and (chunk := await content.read(most - len(read))):
        read += chunk
    return bytes(read)


class _Pinned(AbstractResolver):
    """Answers with the checked addresses, whatever it is asked: the name is not looked up a second time (rebinding)."""

    def __init__(self, found: list[str]) -> None:
        self._found = found

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
            for text in self._found
        ]

    async def close(self) -> None:
        pass


def _guard(found: list[str]) -> Callable[[Any], socket.socket]:
    """The last net, at the socket itself: a literal address in the URL never passes a resolver."""

    def make(info: Any) -> socket.socket:
        family, kind, proto, _, address = info
        if str(addresses.parse(address[0])) not in found:
            raise OSError("not a checked address")
        return socket.socket(family, kind, proto)

    return make
