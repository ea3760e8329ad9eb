"""Data in motion: JSON, text or NDJSON in, masked out. A value that cannot be masked does not come back (I9).

What stands in place of a value: what the configuration says (``masking.rewrite``), and what the call's query asks for, within it:
``operator`` for every type, ``types`` as ``PERSON:hmac,CREDIT_CARD:partial``, ``ttl`` in seconds for vault tokens. Not ``keep``, which
only the configuration may say. ``/v1/tokenize`` is ``/v1/mask`` with ``operator=token``.

NDJSON is masked line by line as it arrives; a line that cannot be read or masked is answered by an error line in its place.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapters.agents import wire
from adapters.agents.endpoint import Api, json_answer, number, query
from adapters.agents.limits import expect_json, media_type, read_body, read_lines
from adapters.agents.people import Called
from adapters.agents.problems import ProblemError
from bot.core.canonical import BODY_BYTES_MAX, Malformed, read
from bot.core.people import Actor
from bot.core.reasons import Reason, Refused
from bot.desk.api import AgentCaller
from masking import MaskedDocument, MaskingError, Operator
from masking.rewriter import TYPE, Rewrite
from masking.tokens import Formatted

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


ASKED: Final = tuple(operator.value for operator in Operator if operator is not Operator.KEEP)
TTL_SECONDS_MIN: Final = 60
TYPES_MAX: Final = 50


async def mask(api: Api, request: Request) -> Response | Refused:
    return await _masked(api, request, api.settings.rewrite)


async def tokenize(api: Api, request: Request) -> Response | Refused:
    allowed = api.settings.rewrite.format_preserving
    return await _masked(api, request, Rewrite(Operator.TOKEN, format_preserving=allowed))


async def detokenize(api: Api, request: Request) -> Response | Refused:
    actor = await api.gate.person(request)
    query(request, ())
    expect_json(request)
    body = wire.decode(
        await read_body(request, BODY_BYTES_MAX, api.settings.body_seconds), wire.DetokenizeBody
    )
    made = body.format_preserving
    if made is not None and not api.settings.rewrite.format_preserving:
        raise ProblemError("bad-query", "masking.rewrite.format_preserving does not allow ff1 here.")
    formatted = Formatted(made.type, made.key) if made is not None else None
    opened = await api.desk.open_tokens(actor, body.value, body.purpose, formatted)
    if isinstance(opened, Refused):
        return opened
    return json_answer(wire.OpenedAnswer(opened.value, opened.count, opened.seq))


async def erase(api: Api, request: Request) -> Response | Refused:
    """By a person who may open tokens, or by the agent that had them made."""
    if api.gate.is_person(request):
        by: Actor | AgentCaller = await api.gate.person(request)
        raw = None
    else:
        called = await api.gate.agent(request, bytes_max=BODY_BYTES_MAX, is_free=True)
        by, raw = called.caller, called.body
    query(request, ())
    expect_json(request)
    if raw is None:
        raw = await read_body(request, BODY_BYTES_MAX, api.settings.body_seconds)
    body = wire.decode(raw, wire.OpenBody)
    erased = await api.desk.erase_tokens(by, body.value, body.purpose)
    if isinstance(erased, Refused):
        return erased
    return json_answer(wire.ErasedAnswer(erased.count, erased.seq))


@dataclass(frozen=True, slots=True)
class _Order:
    """Whose values, and how they are written; without operators, the engine's own placeholders."""

    caller: AgentCaller
    how: Rewrite | None


async def _masked(api: Api, request: Request, base: Rewrite) -> Response | Refused:
    called = await api.gate.agent(request, bytes_max=BODY_BYTES_MAX, is_bound=True)
    order = _Order(called.caller, _rewrite(api, query(request, ("operator", "types", "ttl")), base))
    match media_type(request):
        case "application/json":
            return await _json(api, await _body(api, request, called), order)
        case "text/plain":
            return await _text(api, await _body(api, request, called), order)
        case t if t == NDJSON and called.body is None:
            return _Piped(_lines(api, request, order))
        case _:
            raise ProblemError(
                "media-type",
                f"Send application/json, text/plain or {NDJSON} (the last with a bearer credential).",
                close=True,
            )


def _rewrite(api: Api, asked: Mapping[str, str], base: Rewrite) -> Rewrite | None:
    """*base* with what the query asks for; None when it is placeholders throughout."""
    by_type = dict(base.by_type)
    if "operator" in asked:
        base, by_type = replace(base, default=_operator(asked["operator"])), {}
    parts = asked["types"].split(",") if "types" in asked else []
    if len(parts) > TYPES_MAX:
        raise ProblemError("bad-query", f"types names at most {TYPES_MAX} types.")
    for part in parts:
        kind, colon, name = part.partition(":")
        if not colon or not TYPE.fullmatch(kind):
            raise ProblemError("bad-query", "types must be like PERSON:hmac,CREDIT_CARD:partial.")
        by_type[kind] = _operator(name)
    how = replace(base, by_type=tuple(sorted(by_type.items())))
    longest = int(api.settings.vault_for.total_seconds())
    ttl = number(asked.get("ttl"), "ttl", TTL_SECONDS_MIN, longest)
    if Operator.VAULT in how.operators:
        how = replace(how, expires=api.clock.now() + timedelta(seconds=ttl or longest))
    elif ttl is not None:
        raise ProblemError("bad-query", "ttl is for vault tokens: operator=vault, or types=TYPE:vault.")
    if Operator.FF1 in how.operators and not how.format_preserving:
        raise ProblemError(
            "bad-query",
            "ff1 shows format and length; masking.rewrite.format_preserving does not allow it here.",
        )
    if how.needs_keys and not api.settings.has_token_keys:
        raise ProblemError(
            "bad-query", "This server has no key for that operator; `signoff keys rotate mask` makes one."
        )
    return None if how.operators == {Operator.PLACEHOLDER} else how


def _operator(name: str) -> Operator:
    if name not in ASKED:
        raise ProblemError("bad-query", f"An operator is one of {', '.join(ASKED)}.")
    return Operator(name)


async def _body(api: Api, request: Request, called: Called) -> bytes:
    if called.body is not None:
        return called.body
    return await read_body(request, BODY_BYTES_MAX, api.settings.body_seconds)


async def _json(api: Api, raw: bytes, order: _Order) -> Response | Refused:
    masked = await _document(api, read(raw), order)
    if isinstance(masked, Refused):
        return masked
    api.metrics.masked.labels("json").inc()
    return json_answer(wire.MaskAnswer(masked.to_json(), dict(masked.classes)))


async def _document(api: Api, value: Any, order: _Order) -> MaskedDocument | Refused:
    """Masked; what its vault tokens stand for is stored before it is handed back."""
    try:
        if order.how is None:
            return await api.masker.mask_json(value)
        masked, sealed = await api.masker.rewrite_json(value, order.how)
    except MaskingError:
        return _FAILED
    return await api.desk.keep_tokens(order.caller, sealed) or masked


async def _text(api: Api, raw: bytes, order: _Order) -> Response | Refused:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("surrogate", "The text is not UTF-8.") from None
    try:
        if order.how is None:
            masked = await api.masker.mask_text(text)
        else:
            masked, sealed = await api.masker.rewrite_text(text, order.how)
            refused = await api.desk.keep_tokens(order.caller, sealed)
            if refused is not None:
                return refused
    except MaskingError:
        return _FAILED
    api.metrics.masked.labels("text").inc()
    return Response(masked.text.encode(), 200, {"Cache-Control": "no-store"}, "text/plain; charset=utf-8")


async def _lines(api: Api, request: Request, order: _Order) -> AsyncIterator[bytes]:
    try:
        async for line in read_lines(request, api.settings.body_seconds):
            if line is None:
                yield _error("too-large")
            elif line.strip():
                yield await _line(api, line, order)
    except ProblemError as error:
        yield _error(error.code)


async def _line(api: Api, line: bytes, order: _Order) -> bytes:
    try:
        masked = await _document(api, read(line), order)
    except Malformed as error:
        return _error(error.code)
    if isinstance(masked, Refused):
        return _error(masked.reason.value)
    api.metrics.masked.labels("line").inc()
    return msgspec.json.encode(wire.MaskAnswer(masked.to_json(), dict(masked.classes))) + b"\n"


def _error(code: str) -> bytes:
    return msgspec.json.encode({"error": code}) + b"\n"
