"""Every limit of the agents' API, each with its reason, and the two things that enforce them: reading a body, a token bucket.

Work before a credential is known is bounded: headers are counted, a body is cut off by its announced length, while it
streams, and by the clock (I12, T57). Bodies are never decompressed: a bomb cannot go off.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from adapters.agents.problems import ProblemError
from bot.core.canonical import BODY_BYTES_MAX
from masking.rewriter import Rewrite

HEADERS_MAX: Final = 64
"""Browsers and proxies send about twenty."""
HEADER_BYTES_MAX: Final = 16 * 1024
"""A workload token of 8 KiB and everything else."""
CREDENTIAL_CHARS_MAX: Final = 8192
REDEEM_BYTES_MAX: Final = BODY_BYTES_MAX + 16 * 1024
"""A payload of full size, the grant and the envelope."""
SMALL_BYTES_MAX: Final = 16 * 1024
"""Votes, outcomes, revocations: a few short fields."""
QUERY_CHARS_MAX: Final = 2048
WAIT_SECONDS_MAX: Final = 60
"""Most proxies cut an idle answer after 60 s."""
PAGE_MAX: Final = 100
AUDIT_PAGE_MAX: Final = 500
IDEMPOTENCY_KEY_CHARS_MAX: Final = 255
STREAM_LINE_BYTES_MAX: Final = BODY_BYTES_MAX
STREAM_BYTES_MAX: Final = 256 * 1024 * 1024
"""One NDJSON stream; it is never held whole."""
DRAIN_BYTES_MAX: Final = 1024 * 1024
DRAIN_SECONDS_MAX: Final = 0.5
"""What is read and thrown away of a refused body. Closing on unread bytes resets the connection, and a sender that is still
sending would lose our answer (RFC 9112 section 9.6)."""

_LENGTH: Final = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class AgentsSettings:
    """What an operator or a test may set. ``problem_base`` is the stable prefix of every error's ``type``."""

    problem_base: str = "https://signoff.example/problems/"
    body_seconds: float = 10.0
    """A whole body must be here by then; a stream may pause this long."""
    sse_per_agent_max: int = 100
    sse_heartbeat_seconds: float = 15.0
    """Under the idle limit of common proxies (60 s); the credential is looked at again at each."""
    waits_per_agent_max: int = 20_000
    """Held long-polls; 16 KiB each, measured."""
    person_per_minute_max: int = 240
    rewrite: Rewrite = field(default_factory=Rewrite)
    """What ``/v1/mask`` writes in place of values unless the call asks for something else."""
    vault_for: timedelta = field(default=timedelta(days=30))
    """The longest that a vault token may open."""
    has_token_keys: bool = True
    callback_private_hosts: frozenset[str] = frozenset()
    """Hosts of callback addresses that may resolve to private addresses, and be ``http`` on loopback."""


def header_values(request: Request, name: bytes) -> list[str]:
    """The values of every field called *name*, which is in lower case, as servers give them (ASGI)."""
    return [value.decode("latin-1") for found, value in request.scope["headers"] if found == name]


def check_headers(request: Request) -> None:
    """Refuse a head that is too large, and a body in disguise."""
    raw = request.scope["headers"]
    if len(raw) > HEADERS_MAX or sum([len(name) + len(value) for name, value in raw]) > HEADER_BYTES_MAX:
        raise ProblemError(
            "headers-too-large", "The request's header fields are too many or too large.", close=True
        )
    if len(request.scope["query_string"]) > QUERY_CHARS_MAX:
        raise ProblemError("bad-query", f"The query has more than {QUERY_CHARS_MAX} characters.")
    codings = header_values(request, b"content-encoding")
    if codings and codings[0].strip().lower() not in ("", "identity"):
        raise ProblemError("content-encoding", "Bodies are not decompressed; send it plain.", close=True)


def media_type(request: Request) -> str:
    """The bare media type. A charset other than UTF-8 is refused."""
    values = header_values(request, b"content-type")
    if len(values) != 1:
        raise ProblemError("media-type", "Send exactly one Content-Type.", close=True)
    if values[0] == "application/json":
        return values[0]
    bare, _, rest = values[0].partition(";")
    parameter = rest.strip().lower().replace('"', "")
    if parameter not in ("", "charset=utf-8"):
        raise ProblemError("media-type", "The only parameter allowed is charset=utf-8.", close=True)
    return bare.strip().lower()


def expect_json(request: Request) -> None:
    if media_type(request) != "application/json":
        raise ProblemError("media-type", "Send application/json.", close=True)


async def read_body(request: Request, bytes_max: int, seconds: float) -> bytes:
    """The whole body, at most *bytes_max* bytes, within *seconds*."""
    for announced in header_values(request, b"content-length")[:1]:
        if not _LENGTH.fullmatch(announced):
            raise ProblemError("bad-length", "Content-Length is not a number.", close=True)
        if int(announced) > bytes_max:
            raise _too_large(bytes_max)
    chunks: list[bytes] = []
    total = 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                total += len(chunk)
                if total > bytes_max:
                    raise _too_large(bytes_max)
                chunks.append(chunk)
    except TimeoutError:
        raise ProblemError("too-slow", "The body did not arrive in time.", close=True) from None
    except ClientDisconnect:
        raise ProblemError("too-slow", "The sender went away.", close=True) from None
    return b"".join(chunks)


class Inflow:
    """The request's ASGI ``receive``, which knows whether the body has ended."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ended = False

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._ended = True
        return message

    async def drain(self, request: Request) -> None:
        """Throw a bounded part of the rest away. Not when the sender waits to be told to go on (``Expect``)."""
        headers = request.headers
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        if self._ended or not has_body or "expect" in headers:
            return
        total = 0
        try:
            async with asyncio.timeout(DRAIN_SECONDS_MAX):
                while not self._ended and total < DRAIN_BYTES_MAX:
                    total += len((await self()).get("body", b""))
        except TimeoutError:
            return


async def read_lines(request: Request, seconds: float) -> AsyncIterator[bytes | None]:
    """The body line by line, without line ends; None in place of a line that is too long. Nothing else is held."""
    held = bytearray()
    total = 0
    skipping = False
    stream = request.stream().__aiter__()
    while True:
        try:
            async with asyncio.timeout(seconds):
                chunk = await anext(stream)
        except StopAsyncIteration:
            break
        except (TimeoutError, ClientDisconnect):
            raise ProblemError("too-slow", "The stream paused for too long.", close=True) from None
        total += len(chunk)
        if total > STREAM_BYTES_MAX:
            raise _too_large(STREAM_BYTES_MAX)
        *whole, tail = chunk.split(b"\n")
        for part in whole:
            if skipping:
                skipping = False
                continue
            held += part
            yield bytes(held) if len(held) <= STREAM_LINE_BYTES_MAX else None
            held.clear()
        if not skipping:
            held += tail
            if len(held) > STREAM_LINE_BYTES_MAX:
                yield None
                held.clear()
                skipping = True
    if held and not skipping:
        yield bytes(held)


def _too_large(bytes_max: int) -> ProblemError:
    return ProblemError("too-large", f"The body has more than {bytes_max:,} bytes.", close=True)


class Buckets:
    """Token buckets, one a caller: *per_minute* calls at once, refilled evenly. Only authenticated callers get one.

    Per process: with N replicas a caller may do N times as much; the caps that protect people are the desk's."""

    def __init__(self) -> None:
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, caller: str, per_minute: int, now: float) -> float:
        """0 when *caller* may go on, else the seconds until it may. *now* is monotonic."""
        rate = per_minute / 60
        level, at = self._levels.get(caller, (float(per_minute), now))
        level = min(float(per_minute), level + (now - at) * rate)
        if level < 1:
            self._levels[caller] = (level, now)
            return (1 - level) / rate if rate > 0 else 60.0
        self._levels[caller] = (level - 1, now)
        return 0.0


class Slots:
    """How many of something each caller holds at once."""

    def __init__(self, each_max: int) -> None:
        self._max = each_max
        self._held: dict[str, int] = {}

    def take(self, caller: str) -> bool:
        held = self._held.get(caller, 0)
        if held >= self._max:
            return False
        self._held[caller] = held + 1
        return True

    def give(self, caller: str) -> None:
        held = self._held[caller] - 1
        if held:
            self._held[caller] = held
        else:
            del self._held[caller]
