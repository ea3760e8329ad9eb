"""An agent's request, from raw bytes to a closed ``Ask`` or a clear error: T02, T11.

Decided here: which fields exist, their limits, and what the payload is that people approve. An unknown field is
refused, so that nothing in a body can name a decision, an approver, a rule or a channel. Deliberately absent: who
may ask, whether a person exists, whether a callback address is allowed (the desk).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from bot.core.canonical import Malformed, canonical, payload_hash, read
from bot.core.ids import ACTION, NAME, WORD, PersonId
from bot.core.request import Ask, Resource, StandingTerms
from bot.core.standing_approval import USES_MAX, VALID_SECONDS_MAX, VALID_SECONDS_MIN

ACTION_CHARS_MAX: Final = 64
"""As ``ids.ACTION`` says; for the message and the published schema."""
RESOURCE_ID_CHARS_MAX: Final = 1024
"""An ARN or an object URL fits; a document does not."""
JUSTIFICATION_CHARS_MAX: Final = 4000
"""What a person will read before deciding; more belongs behind a link."""
DECIDE_WITHIN_SECONDS_MIN: Final = 10
"""Less is no time for a person."""
DECIDE_WITHIN_SECONDS_MAX: Final = 86_400
CALLBACK_URL_CHARS_MAX: Final = 2048

CALLBACK_URL: Final = re.compile(r"https?://[!-~]+")

FIELDS: Final = (
    "action",
    "resource",
    "parameters",
    "precondition",
    "standing",
    "justification",
    "context",
    "on_behalf_of",
    "decide_within_seconds",
    "callback_url",
)
PAYLOAD_FIELDS: Final = ("action", "resource", "parameters", "precondition", "standing")
"""What is hashed, shown as fact and presented again at redemption. The other fields are the agent's claim."""


def parse_ask(raw: bytes) -> Ask:
    """The ask that *raw* says. ``Malformed`` with code ``schema`` and a JSON Pointer when a field is not as it must be."""
    body = read(raw)
    if not isinstance(body, dict):
        raise Malformed("schema", "The body must be a JSON object.")
    for key in body:
        if key not in FIELDS:
            raise Malformed(
                "schema", "There is no such field; see /openapi.json for the fields of a request.", _at(key)
            )
    payload = {name: body[name] for name in PAYLOAD_FIELDS if name in body}
    action, resource = parse_payload(payload)
    canonical_bytes = canonical(payload)
    return Ask(
        action=action,
        resource=resource,
        payload=payload,
        canonical=canonical_bytes,
        payload_hash=payload_hash(canonical_bytes),
        justification=_justification(body),
        context=_object(body, "context"),
        on_behalf_of=_on_behalf_of(body),
        decide_within_seconds=_decide_within(body),
        callback_url=_callback_url(body),
        standing=standing_of(body),
    )


def parse_payload(payload: Mapping[str, Any]) -> tuple[str, Resource]:
    """Check a payload's shape; its action and resource. Defaults are never filled in: what is hashed is what was sent."""
    for name in ("action", "resource", "parameters"):
        if name not in payload:
            raise Malformed("schema", f"The field {name} is missing.", _at(name))
    action = payload["action"]
    if not isinstance(action, str) or not ACTION.fullmatch(action):
        raise Malformed(
            "schema",
            f"An action is at most {ACTION_CHARS_MAX} characters: words of lower-case letters, digits and _ joined by . : or -.",
            _at("action"),
        )
    _object(payload, "parameters")
    _object(payload, "precondition")
    standing_of(payload)
    return action, _resource(payload["resource"])


def _resource(value: Any) -> Resource:
    at = _at("resource")
    if not isinstance(value, dict):
        raise Malformed("schema", "The resource must be an object with type, id and env.", at)
    for key in value:
        if key not in ("type", "id", "env", "resolved"):
            raise Malformed(
                "schema", "A resource has the fields type, id, env and resolved only.", at + _at(key)
            )
    for key in ("type", "id"):
        if key not in value:
            raise Malformed("schema", f"The resource's {key} is missing.", at + _at(key))
    for key in ("type", "env"):
        word = value.get(key, "x")
        if not isinstance(word, str) or not WORD.fullmatch(word):
            raise Malformed(
                "schema",
                "Must be a word of at most 64 characters: lower-case letters, digits and _ . -.",
                at + _at(key),
            )
    name = value["id"]
    if not isinstance(name, str) or not 1 <= len(name) <= RESOURCE_ID_CHARS_MAX:
        raise Malformed(
            "schema", f"Must be a string of 1 to {RESOURCE_ID_CHARS_MAX} characters.", at + _at("id")
        )
    resolved = value.get("resolved", "x")
    if not isinstance(resolved, str) or not 1 <= len(resolved) <= RESOURCE_ID_CHARS_MAX:
        raise Malformed(
            "schema", f"Must be a string of 1 to {RESOURCE_ID_CHARS_MAX} characters.", at + _at("resolved")
        )
    return Resource(value["type"], name, value.get("env", ""), value.get("resolved", ""))


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    if name not in body:
        return None
    value = body[name]
    if not isinstance(value, dict):
        raise Malformed("schema", "Must be an object.", _at(name))
    return value


def standing_of(body: Mapping[str, Any]) -> StandingTerms | None:
    """Part of the payload, so that people see and approve it like everything else of it."""
    value = _object(body, "standing")
    if value is None:
        return None
    at = _at("standing")
    limits = {"uses": (1, USES_MAX), "valid_for_seconds": (VALID_SECONDS_MIN, VALID_SECONDS_MAX)}
    for key in value:
        if key not in limits:
            raise Malformed("schema", "It has the fields uses and valid_for_seconds only.", at + _at(key))
    for key, (least, most) in limits.items():
        number = value.get(key)
        if type(number) is not int or not least <= number <= most:
            raise Malformed("schema", f"Must be a whole number from {least} to {most}.", at + _at(key))
    return StandingTerms(value["uses"], timedelta(seconds=value["valid_for_seconds"]))


def _justification(body: Mapping[str, Any]) -> str:
    value = body.get("justification", "")
    if not isinstance(value, str) or len(value) > JUSTIFICATION_CHARS_MAX:
        raise Malformed(
            "schema",
            f"Must be a string of at most {JUSTIFICATION_CHARS_MAX:,} characters.",
            _at("justification"),
        )
    return value


def _on_behalf_of(body: Mapping[str, Any]) -> PersonId | None:
    if "on_behalf_of" not in body:
        return None
    value = body["on_behalf_of"]
    if (
        not isinstance(value, str)
        or not value.startswith("person:")
        or not NAME.fullmatch(value.removeprefix("person:"))
    ):
        raise Malformed("schema", "Must be person:NAME, NAME in lower case.", _at("on_behalf_of"))
    return PersonId(value)


def _decide_within(body: Mapping[str, Any]) -> int | None:
    if "decide_within_seconds" not in body:
        return None
    value = body["decide_within_seconds"]
    # bool is an int in Python, 30.0 is a float: neither was meant.
    if type(value) is not int or not DECIDE_WITHIN_SECONDS_MIN <= value <= DECIDE_WITHIN_SECONDS_MAX:
        raise Malformed(
            "schema",
            f"Must be a whole number from {DECIDE_WITHIN_SECONDS_MIN} to {DECIDE_WITHIN_SECONDS_MAX}.",
            _at("decide_within_seconds"),
        )
    return value


def _callback_url(body: Mapping[str, Any]) -> str | None:
    if "callback_url" not in body:
        return None
    value = body["callback_url"]
    if not isinstance(value, str) or len(value) > CALLBACK_URL_CHARS_MAX or not CALLBACK_URL.fullmatch(value):
        raise Malformed(
            "schema",
            f"Must be an http(s) URL of at most {CALLBACK_URL_CHARS_MAX} printable ASCII characters.",
            _at("callback_url"),
        )
    return value


def _at(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")
