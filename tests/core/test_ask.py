"""An ask is closed, limited at the very boundary, and its errors say where (T02, T11)."""

from __future__ import annotations

import json

import pytest

from bot.core.ask import FIELDS, JUSTIFICATION_CHARS_MAX, RESOURCE_ID_CHARS_MAX, parse_ask
from bot.core.canonical import Malformed, payload_hash

ASK = {
    "action": "db.export",
    "resource": {"type": "postgres", "id": "prod-customers", "env": "prod"},
    "parameters": {"query": "SELECT 1", "rows": 48211},
    "precondition": {"etag": "x"},
    "justification": "quarterly churn model",
    "context": {"run_id": "a91f"},
    "on_behalf_of": "person:maria",
    "decide_within_seconds": 1800,
    "callback_url": "https://ci.example/hook",
}


def parse(**changes):
    body = {key: value for key, value in {**ASK, **changes}.items() if value is not ...}
    return parse_ask(json.dumps(body).encode())


def refused(**changes) -> Malformed:
    with pytest.raises(Malformed) as caught:
        parse(**changes)
    return caught.value


def test_a_full_ask_is_taken_apart():
    ask = parse()

    assert (ask.action, ask.resource.type, ask.resource.id, ask.resource.env) == (
        "db.export",
        "postgres",
        "prod-customers",
        "prod",
    )
    assert set(ask.payload) == {"action", "resource", "parameters", "precondition"}
    assert ask.payload_hash == payload_hash(ask.canonical)
    assert (ask.justification, ask.on_behalf_of, ask.decide_within_seconds) == (
        "quarterly churn model",
        "person:maria",
        1800,
    )


def test_the_claim_is_not_part_of_what_is_hashed():
    claim = ("justification", "context", "on_behalf_of", "decide_within_seconds", "callback_url")

    assert parse().payload_hash == parse(**dict.fromkeys(claim, ...)).payload_hash


@pytest.mark.parametrize("field", ["action", "resource", "parameters", "precondition"])
def test_each_payload_field_changes_the_hash(field):
    other = {
        "action": "db.read",
        "resource": {"type": "postgres", "id": "x"},
        "parameters": {},
        "precondition": ...,
    }

    assert parse(**{field: other[field]}).payload_hash != parse().payload_hash


def test_a_default_is_never_filled_into_what_is_hashed():
    assert b"env" not in parse(resource={"type": "a", "id": "b"}).canonical
    assert b"precondition" not in parse(precondition=...).canonical


CLAIMED = [
    "approved",
    "approver",
    "approvers",
    "policy",
    "policy_hash",
    "rule",
    "risk",
    "skip_mask",
    "state",
    "decision",
    "votes",
    "vote",
    "channel",
    "surfaces",
    "surface",
    "grant",
    "token",
    "id",
    "version",
    "payload",
    "payload_hash",
    "agent",
    "owners",
    "groups",
    "assurance",
    "reason",
    "Action",
    "action_",
]


@pytest.mark.parametrize("name", CLAIMED)
def test_body_cannot_claim_approval(name):
    error = refused(**{name: True})

    assert (error.code, error.pointer) == (
        "duplicate-key" if name == "Action" else "schema",
        f"/{name}" if name != "Action" else "/Action",
    )


@pytest.mark.parametrize("inner", [{"approved": True}, {"owner": "x"}])
def test_a_resource_is_closed_too(inner):
    assert refused(resource={**ASK["resource"], **inner}).pointer == "/resource/" + next(iter(inner))


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        ("action", ..., "/action"), ("resource", ..., "/resource"), ("parameters", ..., "/parameters"),
        ("action", "", "/action"), ("action", 1, "/action"), ("action", None, "/action"), ("action", "a b", "/action"), ("action", ".a", "/action"),
        ("action", "a.", "/action"), ("action", "a..b", "/action"), ("action", "DB.export", "/action"), ("action", "a" * 65, "/action"),
        ("action", "a\n", "/action"), ("action", "é", "/action"), ("action", "１", "/action"), ("action", "1a", "/action"),
        ("resource", "x", "/resource"), ("resource", [], "/resource"), ("resource", {}, "/resource/type"), ("resource", {"type": "a"}, "/resource/id"),
        ("resource", {"type": "", "id": "b"}, "/resource/type"), ("resource", {"type": "a b", "id": "b"}, "/resource/type"),
        ("resource", {"type": "a" * 65, "id": "b"}, "/resource/type"), ("resource", {"type": "a", "id": ""}, "/resource/id"),
        ("resource", {"type": "a", "id": 5}, "/resource/id"), ("resource", {"type": "a", "id": "x" * (RESOURCE_ID_CHARS_MAX + 1)}, "/resource/id"),
        ("resource", {"type": "a", "id": "b", "env": ""}, "/resource/env"), ("resource", {"type": "a", "id": "b", "env": None}, "/resource/env"),
        ("resource", {"type": "a", "id": "b", "resolved": ""}, "/resource/resolved"),
        ("resource", {"type": "a", "id": "b", "resolved": None}, "/resource/resolved"),
        ("resource", {"type": "a", "id": "b", "resolved": "x" * (RESOURCE_ID_CHARS_MAX + 1)}, "/resource/resolved"),
        ("parameters", [], "/parameters"), ("parameters", None, "/parameters"), ("precondition", "x", "/precondition"), ("context", [1], "/context"),
        ("context", None, "/context"), ("justification", None, "/justification"), ("justification", "x" * (JUSTIFICATION_CHARS_MAX + 1), "/justification"),
        ("on_behalf_of", "maria", "/on_behalf_of"), ("on_behalf_of", "person:", "/on_behalf_of"), ("on_behalf_of", "person:Ana", "/on_behalf_of"),
        ("on_behalf_of", "agent:x", "/on_behalf_of"), ("on_behalf_of", "person:a\n", "/on_behalf_of"), ("on_behalf_of", 1, "/on_behalf_of"),
        ("decide_within_seconds", 9, "/decide_within_seconds"), ("decide_within_seconds", 86401, "/decide_within_seconds"),
        ("decide_within_seconds", True, "/decide_within_seconds"), ("decide_within_seconds", 60.0, "/decide_within_seconds"),
        ("decide_within_seconds", "60", "/decide_within_seconds"), ("decide_within_seconds", None, "/decide_within_seconds"),
        ("callback_url", "", "/callback_url"), ("callback_url", "ftp://x/y", "/callback_url"), ("callback_url", "https://x/ y", "/callback_url"),
        ("callback_url", "https://é.example/", "/callback_url"), ("callback_url", "javascript:alert(1)", "/callback_url"),
        ("callback_url", "https://x/" + "y" * 2048, "/callback_url"), ("callback_url", "https://x/\n", "/callback_url"),
    ],
)  # fmt: skip
def test_a_field_that_is_not_as_it_must_be_is_refused_with_its_pointer(field, value, pointer):
    error = refused(**{field: value})

    assert (error.code, error.pointer) == ("schema", pointer)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("action", "a" * 64), ("action", "a"), ("action", "iam.role:attach-policy.v2"), ("justification", "x" * JUSTIFICATION_CHARS_MAX),
        ("justification", ""), ("decide_within_seconds", 10), ("decide_within_seconds", 86_400), ("parameters", {}), ("context", {}),
        ("resource", {"type": "a", "id": "x" * RESOURCE_ID_CHARS_MAX}), ("resource", {"type": "a" * 64, "id": "x", "env": "e" * 64}),
        ("resource", {"type": "a", "id": "x", "resolved": "x" * RESOURCE_ID_CHARS_MAX}),
    ],
)  # fmt: skip
def test_the_very_limit_is_accepted(field, value):
    assert parse(**{field: value})


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"1"])
def test_only_an_object_is_an_ask(body):
    with pytest.raises(Malformed):
        parse_ask(body)


def test_no_message_repeats_a_value():
    for field in FIELDS:
        assert "hunter2" not in refused(**{field: ["hunter2"]}).sentence
