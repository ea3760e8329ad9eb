"""Data in motion: JSON, text or NDJSON in, masked out. A value that cannot be masked does not come back (I9).

NDJSON is masked line by line as it arrives; a line that cannot be read or masked is answered by an error line in its place.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapters.agents import wire
from adapters.agents.endpoint import Api, json_answer, query
from adapters.agents.limits import expect_json, media_type, read_body, read_lines
from adapters.agents.people import Called
from adapters.agents.problems import ProblemError
from bot.core.canonical import BODY_BYTES_MAX, Malformed, read
from bot.core.reasons import Reason, Refused
from masking import MaskingError

NDJSON: Final = "application/x-ndjson"
_FAILED: Final = Refused(Reason.MASKING_FAILED)


class _Piped(Response):
    """Answers while it still reads. Starlette's own stream would listen for a disconnect and so eat parts of the body."""

    media_type = NDJSON

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        super().__init__(headers={"Cache-Control": "no-store"})
        del self.headers["content-length"]
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for chunk in self._chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def mask(api: Api, request: Request) -> Response | Refused:
    return await _masked(api, request, as_tokens=False)


async def tokenize(api: Api, request: Request) -> Response | Refused:
    return await _masked(api, request, as_tokens=True)


async def detokenize(api: Api, request: Request) -> Response | Refused:
    actor = await api.gate.person(request)
    query(request, ())
    expect_json(request)
    body = wire.decode(await read_body(request, BODY_BYTES_MAX, api.settings.body_seconds), wire.OpenBody)
    opened = await api.desk.open_tokens(actor, body.value, body.purpose)
    if isinstance(opened, Refused):
        return opened
    return json_answer(wire.OpenedAnswer(opened.value, opened.count, opened.seq))


async def _masked(api: Api, request: Request, *, as_tokens: bool) -> Response | Refused:
    called = await api.gate.agent(request, bytes_max=BODY_BYTES_MAX, is_bound=True)
    query(request, ())
    match media_type(request):
        case "application/json":
            return await _json(api, await _body(api, request, called), as_tokens=as_tokens)
        case "text/plain":
            return await _text(api, await _body(api, request, called), as_tokens=as_tokens)
        case t if t == NDJSON and called.body is None:
            return _Piped(_lines(api, request, as_tokens=as_tokens))
        case _:
            raise ProblemError(
                "media-type",
                f"Send application/json, text/plain or {NDJSON} (the last with a bearer credential).",
                close=True,
            )


async def _body(api: Api, request: Request, called: Called) -> bytes:
    if called.body is not None:
        return called.body
    return await read_body(request, BODY_BYTES_MAX, api.settings.body_seconds)


async def _json(api: Api, raw: bytes, *, as_tokens: bool) -> Response | Refused:
    value = read(raw)
    try:
        masked = await api.masker.mask_json(value, as_tokens=as_tokens)
    except MaskingError:
        return _FAILED
    api.metrics.masked.labels("json").inc()
    return json_answer(wire.MaskAnswer(masked.to_json(), dict(masked.classes)))


async def _text(api: Api, raw: bytes, *, as_tokens: bool) -> Response | Refused:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("surrogate", "The text is not UTF-8.") from None
    try:
        masked = await api.masker.mask_text(text, as_tokens=as_tokens)
    except MaskingError:
        return _FAILED
    api.metrics.masked.labels("text").inc()
    return Response(masked.text.encode(), 200, {"Cache-Control": "no-store"}, "text/plain; charset=utf-8")


async def _lines(api: Api, request: Request, *, as_tokens: bool) -> AsyncIterator[bytes]:
    try:
        async for line in read_lines(request, api.settings.body_seconds):
            if line is None:
                yield _error("too-large")
            elif line.strip():
                yield await _line(api, line, as_tokens=as_tokens)
    except ProblemError as error:
        yield _error(error.code)


async def _line(api: Api, line: bytes, *, as_tokens: bool) -> bytes:
    try:
        masked = await api.masker.mask_json(read(line), as_tokens=as_tokens)
    except Malformed as error:
        return _error(error.code)
    except MaskingError:
        return _error(Reason.MASKING_FAILED.value)
    api.metrics.masked.labels("line").inc()
    return msgspec.json.encode(wire.MaskAnswer(masked.to_json(), dict(masked.classes))) + b"\n"


def _error(code: str) -> bytes:
    return msgspec.json.encode({"error": code}) + b"\n"
