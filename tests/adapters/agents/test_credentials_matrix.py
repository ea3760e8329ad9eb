"""Routes × credentials: an agent can never decide, a stranger learns nothing, every refusal is a problem document (T01, T10, T33)."""

from __future__ import annotations

import base64
import json
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from adapters.agents import openapi, signed
from adapters.agents.app import CALLS, create_routes
from adapters.agents.problems import CODES, STATUS_OF
from bot.core.credentials import parse_webhook_secret
from bot.core.ids import AgentId
from bot.core.people import KeyKind
from bot.core.reasons import Reason
from bot.desk.api import NewKey
from tests.adapters.agents.conftest import House, problem, sample
from tests.support.office import SAMPLE, Desk, open_desk

ID, JTI = "req_" + "0" * 26, "grt_" + "0" * 26
ROUTES = [(call.method, call.path.format(id=ID, jti=JTI, seq=0, tile="0/000.p/1")) for call in CALLS]
PUBLIC = {"/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/.well-known/jwks.json"}
PRIVATE = [(method, path) for method, path in ROUTES if path not in PUBLIC]
DECIDING = [
    (method, path)
    for method, path in ROUTES
    if path.endswith(("/votes", "/withdraw", "/card", "/detokenize", "/break-glass", "/review"))
    or path.startswith(("/v1/audit/", "/v1/standing", "/v1/inbox", "/v1/policy", "/v1/delegation"))
]
ASKING = [
    (method, path)
    for method, path in PRIVATE
    if (method, path) not in DECIDING and not path.endswith(("/cancel", "/revoke", "/erase"))
]


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}"}


def broken(house: House) -> dict[str, dict[str, str]]:
    good = house.credentials["bot"]
    return {
        "none": {},
        "empty": {"Authorization": ""},
        "basic": {"Authorization": "Basic dXNlcjpwdw=="},
        "no scheme": {"Authorization": good},
        "two spaces": {"Authorization": f"Bearer  {good}"},
        "nonsense": bearer("nonsense"),
        "changed secret": bearer(good[:-20] + ("a" if good[-20] != "a" else "b") + good[-19:]),
        "other secret": bearer(
            house.credentials["other"].replace(house.keys["other"].key.id, house.keys["bot"].key.id)
        ),
        "revoked": bearer(house.credentials["gone"]),
        "expired": bearer(house.credentials["expired"]),
        "disabled agent": bearer(house.credentials["off"]),
        "jwt": bearer("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."),
        "long": bearer("x" * 9000),
        "hmac secret as bearer": bearer(house.keys["bot-hmac"].secret),
    }


@pytest.mark.parametrize(("method", "path"), PRIVATE)
def test_without_a_valid_credential_every_call_is_401_with_one_and_the_same_body(
    house: House, method: str, path: str
):
    bodies = set()
    for name, headers in broken(house).items():
        answer = house.call(method, path, None, headers=headers)
        if (method, path) in DECIDING and answer.status_code == 403:
            continue  # recognisably not a person's: refused before it is looked at
        assert problem(answer) == (401, "unauthorized"), name
        assert answer.headers["www-authenticate"] == "Bearer"
        bodies.add(answer.content)
    assert len(bodies) == 1


@pytest.mark.parametrize(("method", "path"), DECIDING)
def test_an_agents_credential_never_opens_a_call_that_decides(house: House, method: str, path: str):
    for headers in (
        bearer(house.credentials["bot"]),
        bearer(house.credentials["gone"]),
        bearer("a.b.c"),
        sign(house, b"", f"{method} {path}"),
    ):
        assert problem(house.call(method, path, None, headers=headers)) == (403, "forbidden")


def test_click_uses_same_authorizer_as_api(house: House):
    """An agent's key cannot vote on a real open request either, whatever it says."""
    id = house.ask()["id"]
    for body in ({"choice": "approve"}, {"choice": "approve", "person": "person:ana"}):
        assert problem(house.post(f"/v1/requests/{id}/votes", body, "bot")) == (403, "forbidden")
    assert house.get(f"/v1/requests/{id}").json()["state"] == "pending"


@pytest.mark.parametrize(("method", "path"), ASKING)
def test_a_persons_token_never_asks_or_spends(house: House, method: str, path: str):
    assert problem(house.call(method, path, "ana")) == (403, "forbidden")


@pytest.mark.parametrize(("method", "path"), DECIDING)
def test_a_disabled_or_mistyped_persons_token_is_401(house: House, method: str, path: str):
    good = house.credentials["ana"]
    for credential in (
        house.credentials["dis"],
        good[:-1] + ("a" if good[-1] != "a" else "b"),
        "sop_x_y",
        good.replace("sop_", "sop_a"),
    ):
        assert problem(house.call(method, path, None, headers=bearer(credential))) == (401, "unauthorized")


@pytest.mark.parametrize("who", ["eve", "mia"])
def test_owners_and_strangers_cannot_approve(house: House, who: str):
    id = house.ask()["id"]

    answer = house.post(f"/v1/requests/{id}/votes", {"choice": "approve"}, who)

    assert answer.status_code in (403, 404)
    assert house.get(f"/v1/requests/{id}").json()["state"] == "pending"


def test_two_authorization_headers_are_refused(house: House):
    good = house.credentials["bot"]
    answer = house.http.get(
        "/v1/requests", headers=[("Authorization", f"Bearer {good}"), ("Authorization", f"Bearer {good}")]
    )

    assert problem(answer) == (401, "unauthorized")


def test_t10_a_refused_stranger_leaves_no_row(house: House):
    before = house.served.run(house.desk.store.read(lambda tx: tx.audit_head()))
    for headers in broken(house).values():
        house.call("POST", "/v1/requests", None, headers=headers, content=sample())

    assert house.served.run(house.desk.store.read(lambda tx: tx.audit_head())) == before


def test_a_keys_revocation_is_effective_at_once(house: House):
    async def issue():
        from bot.core.ids import AgentId, PersonId
        from bot.core.people import Agent

        await house.desk.service.add_agent(
            None, Agent(AgentId("agent:brief"), (PersonId("person:eve"),), house.desk.clock.now())
        )
        return await house.desk.service.issue_key(None, AgentId("agent:brief"))

    key = house.served.run(issue())
    before = house.call("GET", "/v1/requests", None, headers=bearer(key.secret))
    house.served.run(house.desk.service.revoke_key(None, key.key.id))
    after = house.call("GET", "/v1/requests", None, headers=bearer(key.secret))

    assert (before.status_code, after.status_code) == (200, 401)


def test_an_agent_is_slowed_down_alone(house: House):
    house.desk.clock.forward(timedelta(minutes=1))

    statuses = [house.get("/v1/requests", "slow").status_code for _ in range(8)]
    refused = house.get("/v1/requests", "slow")

    assert statuses[:5] == [200] * 5
    assert problem(refused) == (429, "too-many-requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 12
    assert house.get("/v1/requests").status_code == 200


def test_t08_an_agent_that_asked_too_much_may_still_take_back_but_not_fill_the_log_with_it(house: House):
    cancel = "/v1/requests/req_00000000000000000000000000/cancel"
    house.desk.clock.forward(timedelta(minutes=1))
    asking = [house.get("/v1/requests", "slow").status_code for _ in range(6)]

    statuses = [house.post(cancel, who="slow").status_code for _ in range(6)]

    assert asking == [200] * 5 + [429]
    assert statuses == [404] * 5 + [429]


# --- Standard Webhooks signed requests ---------------------------------------------------------------


def sign(house: House, body: bytes, target: str = "", who: str = "bot", **changes: str) -> dict[str, str]:
    key = house.keys[f"{who}-hmac"]
    secret = parse_webhook_secret(key.secret)
    assert secret is not None
    now = int(house.desk.clock.now().timestamp())
    id = f"msg-{time.perf_counter_ns()}" + (f" {target}" if target else "")
    headers = signed.sign([secret], changes.pop("id", id), int(changes.pop("at", str(now))), body)
    return headers | {"signoff-key-id": key.key.id, "content-type": "application/json"} | changes


def test_a_signed_request_is_taken_and_its_id_is_its_idempotency_key(house: House):
    body = sample(parameters={"signed": 1})
    now = int(house.desk.clock.now().timestamp())

    first = house.http.post(
        "/v1/requests", content=body, headers=sign(house, body, id="same-id", at=str(now))
    )
    retried = house.http.post(
        "/v1/requests", content=body, headers=sign(house, body, id="same-id", at=str(now - 1))
    )

    assert first.status_code == 202, first.text
    assert retried.json()["id"] == first.json()["id"]


def test_a_signed_look_must_be_signed_for_that_very_call(house: House):
    id = house.ask()["id"]
    path = f"/v1/requests/{id}"

    assert house.http.get(path, headers=sign(house, b"", f"GET {path}")).status_code == 200
    assert problem(house.http.get(path, headers=sign(house, b"", "GET /v1/requests")))[0] == 401
    assert problem(house.http.get(path, headers=sign(house, b"")))[0] == 401
    assert problem(house.http.post(path + "/cancel", headers=sign(house, b"", f"GET {path}")))[0] == 401


def test_a_signed_message_is_taken_once(house: House):
    body = sample(parameters={"replay": 1})
    headers = sign(house, body)

    assert house.http.post("/v1/requests", content=body, headers=headers).status_code == 202
    assert problem(house.http.post("/v1/requests", content=body, headers=headers)) == (401, "unauthorized")


async def test_i11_t26_what_an_earlier_process_may_have_taken_is_refused_after_a_restart(tmp_path: Path):
    desk = await open_desk(tmp_path)
    try:
        key = await desk.service.issue_key(None, AgentId("agent:bot"), KeyKind.HMAC)
        other = await desk.service.issue_key(None, AgentId("agent:other"), KeyKind.HMAC)
        assert isinstance(key, NewKey)
        assert isinstance(other, NewKey)
        body, start = sample(parameters={"restart": 1}), int(desk.clock.now().timestamp())
        now, ahead = _signed(key, body, start), _signed(key, body, start + 90)

        assert await _statuses(desk, body, now, ahead, now, ahead) == [202, 202, 401, 401]
        desk.clock.forward(timedelta(seconds=30))
        assert await _statuses(desk, body, now, ahead) == [401, 401]
        assert await _statuses(desk, body, *(_signed(key, body, start + n) for n in (30, 89, 90, 91))) == [
            401, 401, 401, 202,
        ]  # fmt: skip
        assert await _statuses(desk, body, _signed(other, body, start + 29), _signed(other, body, start + 30)) == [
            401, 202,
        ]  # fmt: skip
        desk.clock.forward(timedelta(seconds=62))
        assert await _statuses(desk, body, _signed(key, body, start + 92)) == [202]
    finally:
        await desk.worker.stop()


def _signed(key: NewKey, body: bytes, at: int) -> dict[str, str]:
    secret = parse_webhook_secret(key.secret)
    assert secret is not None
    return signed.sign([secret], "one-id", at, body) | {
        "signoff-key-id": key.key.id,
        "content-type": "application/json",
    }


async def _statuses(desk: Desk, body: bytes, *asks: dict[str, str]) -> list[int]:
    """What a process that begins now over the same store answers."""
    app = Starlette(
        routes=create_routes(
            desk.service, store=desk.store, keys=desk.office.keys, clock=desk.clock, masker=desk.worker
        )
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        return [
            (await client.post("/v1/requests", content=body, headers=headers)).status_code for headers in asks
        ]


def test_every_mutation_of_a_signed_request_is_401(house: House):
    body = sample(parameters={"mutated": 1})
    now = int(house.desk.clock.now().timestamp())
    good = sign(house, body)
    mutations: list[dict[str, object]] = [
        {"webhook-id": "other"}, {"webhook-id": ""}, {"webhook-id": "a.b"}, {"webhook-id": "x" * 600}, {"webhook-timestamp": str(now + 1)},
        {"webhook-timestamp": "nan"}, {"webhook-timestamp": ""}, {"webhook-timestamp": "9" * 5000}, {"webhook-timestamp": "+" + str(now)},
        {"webhook-timestamp": str(now) + ".0"}, {"webhook-timestamp": "１２３".encode()}, {"webhook-signature": ""}, {"webhook-signature": "v1,"},
        {"webhook-signature": "v1," + base64.b64encode(b"x" * 32).decode()}, {"webhook-signature": str(good["webhook-signature"]).replace("v1,", "v1a,")},
        {"webhook-signature": str(good["webhook-signature"]).replace("v1,", "v2,")}, {"webhook-signature": "v1,é".encode()},
        {"webhook-signature": str(good["webhook-signature"])[:-4]}, {"webhook-signature": "v1,!!!! " * 100 + "v1,"},
        {"signoff-key-id": "nobody"}, {"signoff-key-id": house.keys["bot"].key.id}, {"signoff-key-id": house.keys["other-hmac"].key.id},
        {"signoff-key-id": "x" * 5000},
    ]  # fmt: skip
    for mutation in mutations:
        answer = house.http.post("/v1/requests", content=body, headers={**good, **mutation})
        assert problem(answer) == (401, "unauthorized"), mutation
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature", "signoff-key-id"):
        missing = {key: value for key, value in good.items() if key != name}
        assert problem(house.http.post("/v1/requests", content=body, headers=missing))[0] == 401
        twice = [*good.items(), (name, good[name])]
        assert problem(house.http.post("/v1/requests", content=body, headers=twice))[0] == 401
    for changed in (
        body + b" ",
        body[:-1],
        json.dumps(json.loads(body), indent=1).encode(),
        b"",
        b"\xff\xfe",
    ):
        assert problem(house.http.post("/v1/requests", content=changed, headers=good))[0] == 401
    for late in (303, -301, 10**6):  # the clock runs on while the calls above are made
        now = int(house.desk.clock.now().timestamp())
        assert (
            problem(
                house.http.post(
                    "/v1/requests", content=body, headers=sign(house, body, at=str(max(0, now + late)))
                )
            )[0]
            == 401
        )
    now = int(house.desk.clock.now().timestamp())
    for near in (290, -290):
        assert (
            house.http.post(
                "/v1/requests", content=body, headers=sign(house, body, at=str(now + near))
            ).status_code
            == 202
        )
    assert house.http.post("/v1/requests", content=body, headers=good).status_code == 202


def test_a_signature_and_a_bearer_together_are_refused(house: House):
    body = sample(parameters={"both": 1})

    answer = house.http.post(
        "/v1/requests", content=body, headers=sign(house, body) | bearer(house.credentials["bot"])
    )

    assert problem(answer) == (401, "unauthorized")


# --- paths, methods, hosts ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted({path for _, path in ROUTES}))
def test_other_methods_are_405_with_allow(house: House, path: str):
    allowed = {method for method, other in ROUTES if other == path}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "PROPFIND"} - allowed:
        answer = house.call(method, path)
        assert answer.status_code == 405, method
        assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    "path",
    ["/v1", "/v1/", "/v1/requests/", "/v1//requests", "/v1/requests/x/y/z", "/v1/grants", "/V1/requests", "/v1/requests/../admin", "/v1/%72equests/", "/v1/votes"],
)  # fmt: skip
def test_what_is_no_call_is_404_and_never_redirects(house: House, path: str):
    answer = house.http.get(path, headers=bearer(house.credentials["bot"]))

    assert answer.status_code == 404
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:99999",
        "[::1",
        "a b",
        "",
        "x/../../v1/requests",
        "127.0.0.1#@evil",
        "é".encode(),
    ],
)
def test_the_host_header_has_no_effect(house: House, host: str):
    headers = bearer(house.credentials["bot"]) | {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "ftp",
        "Forwarded": "host=evil.example",
    }
    headers["Host"] = host  # type: ignore[assignment]

    answer = house.http.post(
        "/v1/requests",
        content=sample(parameters={"host": 1}),
        headers=headers | {"content-type": "application/json"},
    )
    stranger = house.http.get("/v1/requests", headers={"Host": host})

    assert answer.status_code in (202, 400)
    if answer.status_code == 202:
        assert answer.headers["location"].startswith("/v1/requests/req_")
        assert stranger.status_code == 401
    assert "evil" not in answer.text


# --- problems ------------------------------------------------------------------------------------------


def test_every_reason_has_one_status():
    assert set(STATUS_OF) == set(Reason)
    assert all(400 <= status < 500 or status == 503 for status in STATUS_OF.values())


def test_no_code_of_the_interface_is_also_a_reason_with_another_status():
    for code, (status, _) in CODES.items():
        if code in {reason.value for reason in Reason}:
            assert STATUS_OF[Reason(code)] == status


def test_every_call_is_described_and_every_description_is_a_call():
    assert set(openapi.OPERATIONS) == {(call.method, call.path) for call in CALLS}


def test_an_unexpected_error_tells_nothing(house: House, caplog: pytest.LogCaptureFixture):
    async def explode(*args: object, **kwargs: object) -> None:
        raise RuntimeError("canary.person@example.org")

    original = house.desk.service.listing
    house.desk.service.listing = explode  # type: ignore[method-assign, assignment]
    answer = house.get("/v1/requests")
    house.desk.service.listing = original  # type: ignore[method-assign]

    assert problem(answer) == (500, "internal")
    assert "canary" not in answer.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize(
    ("fault", "code"), [("Busy", "busy"), ("Unknown", "unknown-outcome"), ("KeyUnavailable", "unavailable")]
)
def test_a_fault_is_503_with_retry_after(house: House, fault: str, code: str):
    from bot import errors

    async def fail(*args: object, **kwargs: object) -> None:
        raise getattr(errors, fault)("x")

    original = house.desk.service.submit
    house.desk.service.submit = fail  # type: ignore[method-assign, assignment]
    answer = house.post("/v1/requests", SAMPLE)
    house.desk.service.submit = original  # type: ignore[method-assign]

    assert problem(answer) == (503, code)
    assert answer.headers["retry-after"]
