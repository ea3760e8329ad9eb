"""The routes of Presidio's analyzer and anonymizer in one server: answers, limits, and who may call.

Decided here: the sizes that are taken, that scans run off the event loop, and that an error holds nothing of a text. With a *token*
every call but ``/health`` needs it as a bearer. Deliberately absent: any memory of what was seen, any log of it.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from adapters.presidio import dialect, operators
from adapters.presidio.dialect import DialectError, Wish
from masking import Engine, EngineConfig, MaskingError, detect
from masking.chosen import only

BODY_BYTES_MAX: Final = 8 * 1024 * 1024
BODY_SECONDS: Final = 30
ENGINES_MAX: Final = 8
"""Engines for ad-hoc recognizers that are kept; each takes some megabytes and a fifth of a second to build."""
ALSO: Final = ("MAC_ADDRESS",)
"""Kinds that a rule with another chief kind finds."""

LOG: Final = logging.getLogger("signoff.presidio")

Answer = Callable[[Request], Awaitable[Response]]


def app(config: EngineConfig, entropy: Callable[[int], bytes], token: str | None = None) -> Starlette:
    """The server's application. *config*: the operator's settings, in force for every call."""
    return Starlette(routes=_Facade(config, entropy, token).routes())


def supported_entities() -> list[str]:
    kinds = [r.type for r in detect.recognizers()]
    kinds += [r.type for r in detect.run_rules()]
    kinds += [r.type for r in detect.text_rules()]
    return sorted({dialect.entity_of(kind) for kind in (*kinds, *ALSO)})


def recognizers() -> list[str]:
    names = {r.name for r in detect.recognizers()}
    names |= {r.name for r in detect.run_rules()}
    return sorted(names | {r.name for r in detect.text_rules()})


class _Facade:
    def __init__(self, config: EngineConfig, entropy: Callable[[int], bytes], token: str | None) -> None:
        self._config = config
        self._entropy = entropy
        self._token = token
        self._own = Engine(config)
        self._engine = lru_cache(maxsize=ENGINES_MAX)(Engine)

    def routes(self) -> list[Route]:
        return [
            Route("/health", self._health, methods=["GET"]),
            Route("/analyze", self._guarded(self._analyze), methods=["POST"]),
            Route("/anonymize", self._guarded(self._anonymize), methods=["POST"]),
            Route("/deanonymize", self._guarded(self._deanonymize), methods=["POST"]),
            Route("/recognizers", self._guarded(self._listed(recognizers)), methods=["GET"]),
            Route("/supportedentities", self._guarded(self._listed(supported_entities)), methods=["GET"]),
            Route("/anonymizers", self._guarded(self._listed(lambda: list(operators.ANONYMIZERS))), methods=["GET"]),
            Route("/deanonymizers", self._guarded(self._listed(lambda: list(operators.DEANONYMIZERS))), methods=["GET"]),
        ]  # fmt: skip

    def _guarded(self, answer: Answer) -> Answer:
        async def guarded(request: Request) -> Response:
            if not self._may_call(request):
                return _error(401, "Send Authorization: Bearer with the server's token.")
            try:
                return await answer(request)
            except DialectError as error:
                return _error(422, str(error))
            except MaskingError as error:
                LOG.warning("a text was refused: %s", error)
                return _error(422, f"masking failed: {error}")

        return guarded

    def _may_call(self, request: Request) -> bool:
        if self._token is None:
            return True
        sent = request.headers.get("authorization", "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(sent, b"Bearer " + self._token.encode())

    async def _health(self, _: Request) -> Response:
        return PlainTextResponse("Presidio Analyzer and Anonymizer, answered by Signoff: up")

    @staticmethod
    def _listed(names: Callable[[], list[str]]) -> Answer:
        async def listed(_: Request) -> Response:
            return _json(names())

        return listed

    async def _analyze(self, request: Request) -> Response:
        raw = await _body(request)
        return _json(await asyncio.to_thread(self._analyzed, raw))

    def _analyzed(self, raw: bytes) -> object:
        wish = dialect.read_analyze(raw, self._config)
        engine = self._own if wish.config == self._config else self._engine(wish.config)
        found = [self._one(engine, text, wish) for text in wish.texts]
        return found if wish.is_batch else found[0]

    @staticmethod
    def _one(engine: Engine, text: str, wish: Wish) -> list[dict[str, object]]:
        # Who names the kinds is told each value that can be one of them, as Presidio does, even without a word beside it.
        spans = only(engine, text, dialect.kinds_of(wish.entities)) if wish.entities else engine.scan(text)
        return dialect.results(spans, wish)

    async def _anonymize(self, request: Request) -> Response:
        raw = await _body(request)
        return _json(await asyncio.to_thread(operators.anonymize, raw, self._entropy))

    async def _deanonymize(self, request: Request) -> Response:
        raw = await _body(request)
        return _json(await asyncio.to_thread(operators.deanonymize, raw))


async def _body(request: Request) -> bytes:
    """The whole body, or a fault: too large, too slow, cut off."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > BODY_BYTES_MAX:
                    raise DialectError(f"A body may have at most {BODY_BYTES_MAX:,} bytes")
                parts.append(part)
    except TimeoutError:
        raise DialectError("The body took too long") from None
    except ClientDisconnect:
        raise DialectError("The body was cut off") from None
    return b"".join(parts)


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, {"Cache-Control": "no-store"}, "application/json")


def _error(status: int, sentence: str) -> Response:
    return _json({"error": sentence}, status)
