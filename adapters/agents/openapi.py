"""The OpenAPI 3.1 description, generated from the structs that the code itself uses. ``manifest/openapi.json`` is a copy.

``python -m adapters.agents.openapi`` writes it to standard output; a test compares the file. Deliberately absent: a
description of what the desk decides, and server addresses (an installation knows its own).
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import msgspec

from adapters.agents import wire, wire_own
from adapters.agents.limits import AUDIT_PAGE_MAX, PAGE_MAX, WAIT_SECONDS_MAX
from adapters.agents.masking_calls import ASKED, TTL_SECONDS_MIN
from adapters.agents.problems import Problem
from bot.core.request import RequestState

VERSION: Final = "1.0.0"
_REF: Final = "#/components/schemas/{name}"
_ID: Final = {"type": "string", "pattern": "^req_[0-9a-hjkmnp-tv-z]{26}$"}
_JTI: Final = {"type": "string", "pattern": "^grt_[0-9a-hjkmnp-tv-z]{26}$"}
_SEQ: Final = {"type": "string", "pattern": "^(0|[1-9][0-9]{0,14})$"}
_TILE: Final = {
    "type": "string",
    "pattern": "^(entries|[0-9]|[1-5][0-9]|6[0-3])/(x[0-9]{3}/){0,4}[0-9]{3}(\\.p/[1-9][0-9]{0,2})?$",
    "description": "c2sp.org/tlog-tiles; its slashes are slashes of the path.",
}
_ANYTHING: Final[dict[str, Any]] = {}
_AGENT: Final = ("apiKey", "workload", "signed")
_PERSON: Final = ("personalToken",)

COMMON: Final = (400, 401, 403, 405, 408, 413, 415, 429, 431, 500, 503)
"""What any call with a credential may answer."""
PUBLIC: Final = (400, 405, 415, 431, 500, 503)


@dataclass(frozen=True, slots=True)
class Operation:
    """What the document says of one call. *answers*: status → struct, or a ``(media type, schema)`` pair."""

    summary: str
    answers: dict[int, Any]
    security: tuple[str, ...] = _AGENT
    body: dict[str, Any] | None = None
    body_required: bool = True
    parameters: tuple[dict[str, Any], ...] = ()
    problems: tuple[int, ...] = ()
    common: tuple[int, ...] = field(default=COMMON)


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _json(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(name=kind.__name__)}}}


def _whole(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


_WORD: Final = {"type": "string", "pattern": "^[A-Za-z0-9_.:@/-]{1,128}$"}
_INSTANT: Final = {"type": "string", "format": "date-time", "pattern": "Z$"}
_IDEMPOTENCY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^[!#-~]{1,255}$"},
    "description": "draft-ietf-httpapi-idempotency-key-header-07. The same key and body give the same request; another body 422.",
}


_REWRITE: Final = (
    _query(
        "operator",
        {"type": "string", "enum": list(ASKED)},
        "What stands in place of a value, instead of what the server's configuration says.",
    ),
    _query(
        "types",
        {
            "type": "string",
            "maxLength": 2000,
            "pattern": "^[A-Z][A-Z0-9_]{1,40}:[a-z0-9]+(,[A-Z][A-Z0-9_]{1,40}:[a-z0-9]+)*$",
        },
        "Operators of single types: PERSON:hmac,CREDIT_CARD:partial.",
    ),
    _query(
        "ttl",
        _whole(TTL_SECONDS_MIN, 315360000),
        "Seconds that vault tokens open; at most what the server allows.",
    ),
)


def _masking(summary: str) -> Operation:
    """What goes in as JSON, text or lines comes out as that, hidden in one way or another."""
    words = {kind: {"schema": {"type": "string"}} for kind in ("text/plain", "application/x-ndjson")}
    return Operation(
        summary,
        {200: {"application/json": {"schema": {"$ref": _REF.format(name="MaskAnswer")}}, **words}},
        body={"application/json": {"schema": _ANYTHING}, **words},
        parameters=_REWRITE,
        problems=(422,),
    )


OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", "/v1/requests"): Operation(
        "Ask for leave to act",
        {202: wire.RequestAnswer, 200: wire.RequestAnswer},
        body=_json(wire.AskBody),
        parameters=(_IDEMPOTENCY,),
        problems=(409, 422, 423),
    ),
    ("GET", "/v1/requests"): Operation(
        "List the agent's own requests, newest first",
        {200: wire.RequestPage},
        parameters=(
            _query("limit", _whole(1, PAGE_MAX), "Rows a page."),
            _query("before", _ID, "`next` of the page before."),
            _query("state", {"type": "string", "enum": [s.value for s in RequestState]}, "Only these."),
        ),
    ),
    ("GET", "/v1/requests/{id}"): Operation(
        "Look at a request, or wait for its decision",
        {200: wire.RequestAnswer},
        parameters=(
            _query("wait", _whole(0, WAIT_SECONDS_MAX), "Seconds to hold the answer while it is open."),
        ),
        problems=(404,),
    ),
    ("GET", "/v1/requests/{id}/events"): Operation(
        "Follow a request: one `state` event for each change, until it is settled",
        {200: ("text/event-stream", {"type": "string"})},
        problems=(404,),
    ),
    ("POST", "/v1/requests/{id}/cancel"): Operation(
        "Take a request back",
        {200: wire.RequestAnswer},
        security=(*_AGENT, *_PERSON),
        problems=(404, 409, 422),
    ),
    ("GET", "/v1/requests/{id}/card"): Operation(
        "What a person sees before voting, masked", {200: wire.CardAnswer}, security=_PERSON, problems=(404,)
    ),
    ("POST", "/v1/requests/{id}/votes"): Operation(
        "Vote. An agent's credential is refused",
        {200: wire.VoteAnswer},
        security=_PERSON,
        body=_json(wire.VoteBody),
        problems=(404, 409, 422, 423),
    ),
    ("POST", "/v1/requests/{id}/withdraw"): Operation(
        "Take one's vote back before the decision",
        {200: wire.VoteAnswer},
        security=_PERSON,
        problems=(404, 409, 422),
    ),
    ("POST", "/v1/requests/{id}/break-glass"): Operation(
        "Approve alone in an emergency, against the quorum; reviewed afterwards",
        {200: wire.VoteAnswer},
        security=_PERSON,
        body=_json(wire.BreakGlassBody),
        problems=(404, 409, 422, 423),
    ),
    ("POST", "/v1/requests/{id}/break-glass/review"): Operation(
        "Judge a break-glass, by somebody else than whoever used it",
        {200: wire.ReviewAnswer},
        security=_PERSON,
        body=_json(wire.ReviewBody),
        problems=(404, 409, 422),
    ),
    ("GET", "/v1/break-glass"): Operation(
        "Uses of break-glass and their reviews", {200: wire.OverriddenPage}, security=_PERSON, problems=(404,)
    ),
    ("GET", "/v1/standing"): Operation(
        "Standing approvals", {200: wire.StandingPage}, security=_PERSON, problems=(404,)
    ),
    ("POST", "/v1/standing/{id}/revoke"): Operation(
        "Take a standing approval back, at once",
        {200: wire.StandingRevokedAnswer},
        security=_PERSON,
        body=_json(wire.RevokeBody),
        problems=(404, 422),
    ),
    ("GET", "/v1/inbox"): Operation(
        "What waits for the caller, what their agents asked, what was decided lately",
        {200: wire_own.InboxAnswer},
        security=_PERSON,
    ),
    ("GET", "/v1/policy"): Operation(
        "The rules in force, in words", {200: wire_own.RulesAnswer}, security=_PERSON
    ),
    ("POST", "/v1/delegation"): Operation(
        "Let somebody sit in one's groups for a while",
        {200: wire_own.DelegationAnswer},
        security=_PERSON,
        body=_json(wire_own.DelegationBody),
        problems=(404, 422),
    ),
    ("POST", "/v1/delegation/end"): Operation(
        "Be back: one's delegation ends now",
        {200: wire_own.DelegationAnswer},
        security=_PERSON,
        problems=(422,),
    ),
    ("POST", "/v1/grants/redeem"): Operation(
        "Spend a grant: once, for exactly what was approved",
        {200: wire.RedeemAnswer},
        body=_json(wire.RedeemBody),
        problems=(404, 409, 422, 423),
    ),
    ("POST", "/v1/grants/{jti}/outcome"): Operation(
        "Report what became of it",
        {200: wire.GrantAnswer},
        body=_json(wire.OutcomeBody),
        problems=(404, 409, 422),
    ),
    ("POST", "/v1/grants/{jti}/revoke"): Operation(
        "Take a grant back before it is spent",
        {200: wire.GrantAnswer},
        security=(*_AGENT, *_PERSON),
        body=_json(wire.RevokeBody),
        problems=(404, 409, 422),
    ),
    ("POST", "/v1/mask"): _masking("Mask JSON, text, or NDJSON line by line"),
    ("POST", "/v1/tokenize"): _masking("The same with reversible tokens (AES-SIV) in place of placeholders"),
    ("POST", "/v1/detokenize"): Operation(
        "Turn tokens, or values that ff1 wrote, back into values, for an entitled person; audited first",
        {200: wire.OpenedAnswer},
        security=_PERSON,
        body=_json(wire.DetokenizeBody),
        problems=(404, 422),
    ),
    ("POST", "/v1/tokens/erase"): Operation(
        "Erase the values behind vault tokens: by who may open them, or by the agent that had them made; audited",
        {200: wire.ErasedAnswer},
        security=(*_AGENT, *_PERSON),
        body=_json(wire.OpenBody),
        problems=(404, 422),
    ),
    ("GET", "/v1/audit/entries"): Operation(
        "Entries of the audit log, newest first; for auditors and administrators",
        {200: wire.AuditPage},
        security=_PERSON,
        parameters=(
            *(
                _query(name, _WORD, "Only these.")
                for name in ("request", "type", "actor", "action", "resource", "outcome")
            ),
            _query("since", _INSTANT, "From this instant on."),
            _query("until", _INSTANT, "Before this instant."),
            _query("before", _whole(0, 2**53 - 1), "`next` of the page before."),
            _query("limit", _whole(1, AUDIT_PAGE_MAX), "Rows a page."),
        ),
        problems=(404,),
    ),
    ("GET", "/v1/audit/checkpoint"): Operation(
        "The log's head, signed", {200: wire.CheckpointAnswer}, security=_PERSON, problems=(404,)
    ),
    ("GET", "/v1/audit/entries/{seq}/proof"): Operation(
        "Proof that one entry is in the log (c2sp.org/tlog-proof@v1), the entry inside; journalled",
        {200: ("text/plain", {"type": "string"})},
        security=_PERSON,
        problems=(404,),
    ),
    ("GET", "/v1/audit/log/checkpoint"): Operation(
        "The newest signed head as bytes: `checkpoint` of the log as C2SP tlog-tiles, whose prefix is /v1/audit/log",
        {200: ("text/plain", {"type": "string"})},
        security=_PERSON,
        problems=(404,),
    ),
    ("GET", "/v1/audit/log/tile/{tile}"): Operation(
        "A tile of the log as C2SP tlog-tiles: LEVEL/N, or entries/N for a bundle of entries (journalled), .p/WIDTH for a partial one",
        {200: ("application/octet-stream", {"type": "string", "format": "binary"})},
        security=_PERSON,
        problems=(404,),
    ),
    ("GET", "/.well-known/jwks.json"): Operation(
        "Public keys that grants verify with",
        {
            200: (
                "application/json",
                {"type": "object", "properties": {"keys": {"type": "array"}}, "required": ["keys"]},
            )
        },
        security=(),
        common=PUBLIC,
    ),
    ("GET", "/healthz"): Operation(
        "The process answers", {200: wire.HealthAnswer}, security=(), common=PUBLIC
    ),
    ("GET", "/readyz"): Operation(
        "A decision could be written now", {200: wire.HealthAnswer}, security=(), common=PUBLIC
    ),
    ("GET", "/metrics"): Operation(
        "Prometheus metrics", {200: ("text/plain", {"type": "string"})}, security=(), common=PUBLIC
    ),
    ("GET", "/openapi.json"): Operation(
        "This document", {200: ("application/json", {"type": "object"})}, security=(), common=PUBLIC
    ),
    ("GET", "/docs"): Operation(
        "This document, as a page", {200: ("text/html", {"type": "string"})}, security=(), common=PUBLIC
    ),
}

_STRUCTS: Final = (
    wire.AskBody,
    wire.VoteBody,
    wire.BreakGlassBody,
    wire.ReviewBody,
    wire.ReviewAnswer,
    wire.OverriddenPage,
    wire.StandingPage,
    wire.StandingRevokedAnswer,
    wire.OpenBody,
    wire.DetokenizeBody,
    wire.OpenedAnswer,
    wire.ErasedAnswer,
    wire.RedeemBody,
    wire.OutcomeBody,
    wire.RevokeBody,
    wire.RequestAnswer,
    wire.RequestPage,
    wire.VoteAnswer,
    wire.RedeemAnswer,
    wire.GrantAnswer,
    wire.MaskAnswer,
    wire.CardAnswer,
    wire_own.InboxAnswer,
    wire_own.RulesAnswer,
    wire_own.DelegationBody,
    wire_own.DelegationAnswer,
    wire.AuditPage,
    wire.CheckpointAnswer,
    wire.HealthAnswer,
    Problem,
)

_SECURITY: Final = {
    "apiKey": {"type": "http", "scheme": "bearer", "description": "An agent's API key, `sok_…`."},
    "workload": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A workload token of a configured issuer.",
    },
    "signed": {
        "type": "apiKey",
        "in": "header",
        "name": "webhook-signature",
        "description": "Standard Webhooks 1.0.0 over the raw body, with webhook-id, webhook-timestamp and signoff-key-id.",
    },
    "personalToken": {"type": "http", "scheme": "bearer", "description": "A person's access token, `sop_…`."},
}


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(_STRUCTS, ref_template=_REF)
    paths: dict[str, Any] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method.lower()] = _operation(method, path, operation)
    for path, item in paths.items():
        parameters = [
            {"name": name, "in": "path", "required": True, "schema": schema}
            for name, schema in (("id", _ID), ("jti", _JTI), ("seq", _SEQ), ("tile", _TILE))
            if f"{{{name}}}" in path
        ]
        if parameters:
            item["parameters"] = parameters
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Signoff, agents' API",
            "version": VERSION,
            "description": "Ask, wait, redeem once, act, report. Errors are RFC 9457 problem documents.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SECURITY},
    }


def _operation(method: str, path: str, operation: Operation) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": _name(method, path),
        "summary": operation.summary,
        "security": [{name: []} for name in operation.security],
        "responses": {str(status): _answer(answer) for status, answer in sorted(operation.answers.items())},
    }
    for status in sorted({*operation.common, *operation.problems}):
        made["responses"][str(status)] = {
            "description": "A problem (RFC 9457).",
            "content": {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}},
        }
    if operation.parameters:
        made["parameters"] = list(operation.parameters)
    if operation.body is not None:
        made["requestBody"] = {"required": operation.body_required, "content": operation.body}
    return made


def _answer(answer: Any) -> dict[str, Any]:
    match answer:
        case (media_type, schema):
            content = {media_type: {"schema": schema}}
        case dict():
            content = answer
        case kind:
            content = _json(kind)
    return {"description": "As asked.", "content": content}


def _name(method: str, path: str) -> str:
    words = [word.strip("{}") for word in path.removeprefix("/v1").replace(".", "/").split("/") if word]
    return "_".join([method.lower(), *words]).replace("-", "_")


@lru_cache(maxsize=1)
def text() -> bytes:
    """As it stands in ``manifest/openapi.json``."""
    return (json.dumps(document(), indent=1, sort_keys=True, ensure_ascii=True) + "\n").encode()


if __name__ == "__main__":
    sys.stdout.buffer.write(text())
