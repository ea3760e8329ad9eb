"""Who may speak as the Bot Connector: sixty and more ways of not being it, all 401, none 5xx, none a vote (T29, T30)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.applications import Starlette

from adapters.teams.app import PATH
from adapters.teams.token import Keys, TokenCheck, is_allowed
from tests.support.chat_world import TENANT, make_world
from tests.support.fake_connector import BOT, FakeConnector, jwk
from tests.support.teams_harness import TeamsHarness, teams_harness


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def other_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
async def teams(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> AsyncIterator[TeamsHarness]:
    world = await make_world(tmp_path)
    async with FakeConnector(world.clock, rsa_key) as fake, teams_harness(world, fake) as made:
        yield made


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def unsigned(fake: FakeConnector, header: dict[str, Any], signature: str = "") -> str:
    claims = fake.token().split(".")[1]
    return f"{b64(json.dumps(header).encode())}.{claims}.{signature}"


def hs256(fake: FakeConnector, secret: bytes) -> str:
    head = unsigned(fake, {"alg": "HS256", "kid": "k1", "typ": "JWT"}).rsplit(".", 1)[0]
    return f"{head}.{b64(hmac.digest(secret, head.encode(), hashlib.sha256))}"


def pem(fake: FakeConnector) -> bytes:
    return fake.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def es256(fake: FakeConnector) -> str:
    claims = jwt.decode(fake.token(), options={"verify_signature": False})
    return jwt.encode(
        claims, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers={"kid": "k1"}
    )


def now(fake: FakeConnector) -> int:
    return int(fake.clock.now().timestamp())


def flip(token: str, part: int, position: int) -> str:
    parts = token.split(".")
    char = parts[part][position]
    parts[part] = parts[part][:position] + ("A" if char != "A" else "B") + parts[part][position + 1 :]
    return ".".join(parts)


Make = Callable[[FakeConnector], str]
TOKENS: dict[str, Make] = {
    "empty": lambda f: "",
    "garbage": lambda f: "garbage",
    "two segments": lambda f: "a.b",
    "four segments": lambda f: f.token() + ".x",
    "not base64": lambda f: "!!!.???.***",
    "header not JSON": lambda f: b64(b"{") + f.token()[f.token().index(".") :],
    "header a list": lambda f: b64(b"[]") + f.token()[f.token().index(".") :],
    "padded base64": lambda f: f.token().replace(".", "=.", 1),
    "trailing newline": lambda f: f.token() + "\n",
    "9 KB": lambda f: f.token(filler="x" * 9000),
    "nested header": lambda f: b64(b"[" * 3000) + ".e30.e30",
    "issuer missing": lambda f: f.token(iss=None),
    "issuer of Entra": lambda f: f.token(iss=f"https://sts.windows.net/{TENANT}/"),
    "issuer of the emulator": lambda f: f.token(
        iss="https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/"
    ),
    "issuer with a slash": lambda f: f.token(iss="https://api.botframework.com/"),
    "issuer as a prefix": lambda f: f.token(iss="https://api.botframework.com.evil.example"),
    "issuer upper case": lambda f: f.token(iss="HTTPS://API.BOTFRAMEWORK.COM"),
    "issuer empty": lambda f: f.token(iss=""),
    "audience missing": lambda f: f.token(aud=None),
    "audience of another app": lambda f: f.token(aud="00000000-0000-0000-0000-000000000000"),
    "audience a list with ours": lambda f: f.token(aud=[BOT, "x"]),
    "audience empty": lambda f: f.token(aud=""),
    "audience the issuer": lambda f: f.token(aud="https://api.botframework.com"),
    "audience upper case": lambda f: f.token(aud=BOT.upper() + "X"),
    "audience with a space": lambda f: f.token(aud=BOT + " "),
    "expired": lambda f: f.token(exp=now(f) - 61),
    "expired a year ago": lambda f: f.token(exp=now(f) - 31_536_000),
    "expiry missing": lambda f: f.token(exp=None),
    "expiry zero": lambda f: f.token(exp=0),
    "expiry negative": lambda f: f.token(exp=-1),
    "expiry true": lambda f: f.token(exp=True),
    "expiry a huge number": lambda f: f.token(exp=10**30),
    "not yet valid": lambda f: f.token(nbf=now(f) + 61),
    "begin missing": lambda f: f.token(nbf=None),
    "service URL missing": lambda f: f.token(serviceurl=None),
    "service URL another": lambda f: f.token(serviceurl="https://smba.trafficmanager.net/emea/"),
    "service URL of an attacker": lambda f: f.token(serviceurl="https://evil.example/"),
    "service URL without slash": lambda f: f.token(serviceurl=f.url.rstrip("/")),
    "service URL a list": lambda f: f.token(serviceurl=[f.url]),
    "kid missing": lambda f: f.token(headers={"kid": ""}),
    "kid unknown": lambda f: f.token(kid="nobody"),
    "kid long": lambda f: f.token(kid="k" * 300),
    "kid a path": lambda f: f.token(kid="../../k1"),
    "kid SQL": lambda f: f.token(kid="k1' OR '1'='1"),
    "alg none": lambda f: unsigned(f, {"alg": "none", "kid": "k1"}, "e30"),
    "alg None": lambda f: unsigned(f, {"alg": "None", "kid": "k1"}, "e30"),
    "alg none, no signature": lambda f: unsigned(f, {"alg": "none", "kid": "k1"}),
    "alg missing": lambda f: unsigned(f, {"kid": "k1"}, f.token().split(".")[2]),
    "alg a list": lambda f: unsigned(f, {"alg": ["RS256"], "kid": "k1"}, f.token().split(".")[2]),
    "HS256 with the public key": lambda f: hs256(f, pem(f)),
    "HS256 with the JWK": lambda f: hs256(f, json.dumps(jwk(f.key, "k1")).encode()),
    "HS256 with an empty key": lambda f: hs256(f, b""),
    "ES256": es256,
    "RS512": lambda f: jwt.encode(
        jwt.decode(f.token(), options={"verify_signature": False}),
        f.key,
        algorithm="RS512",
        headers={"kid": "k1"},
    ),
    "PS256": lambda f: jwt.encode(
        jwt.decode(f.token(), options={"verify_signature": False}),
        f.key,
        algorithm="PS256",
        headers={"kid": "k1"},
    ),
    "crit": lambda f: f.token(headers={"crit": ["exp"]}),
    "crit b64 false": lambda f: unsigned(
        f, {"alg": "RS256", "kid": "k1", "crit": ["b64"], "b64": False}, "e30"
    ),
    "zip": lambda f: f.token(headers={"zip": "DEF"}),
    "typ of a grant": lambda f: f.token(headers={"typ": "approval-grant+jwt"}),
    "typ at+jwt": lambda f: f.token(headers={"typ": "at+jwt"}),
    "payload flipped": lambda f: flip(f.token(), 1, 20),
    "signature flipped": lambda f: flip(f.token(), 2, 20),
    "header flipped": lambda f: flip(f.token(), 0, 5),
    "signature of another token": lambda f: (
        f.token().rsplit(".", 1)[0] + "." + f.token(x=1).rsplit(".", 1)[1]
    ),
    "signature empty": lambda f: f.token().rsplit(".", 1)[0] + ".",
}


async def on_the_wire(teams: TeamsHarness, activity: dict[str, Any], token: str) -> int:
    """The status for *token* as it is, byte for byte: a client would refuse to send some of these, an attacker would not."""
    body = json.dumps(activity).encode()
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": PATH, "raw_path": PATH.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"authorization", b"Bearer " + token.encode("utf-8"))],
    }  # fmt: skip
    await Starlette(routes=[teams.app.route])(scope, receive, send)
    await teams.app.tasks.drain()
    return statuses[0]


@pytest.mark.parametrize("name", TOKENS)
async def test_t29_t30_this_token_is_401_and_no_vote(teams: TeamsHarness, name: str) -> None:
    request = await teams.world.ask()
    await teams.show(request.id)
    from tests.support.fake_connector import button

    activity = teams.fake.execute("ana", button(teams.fake.card(), "Approve"))
    assert await on_the_wire(teams, teams.fake.execute("maria", {"data": {}}), teams.fake.token()) == 200

    status = await on_the_wire(teams, activity, TOKENS[name](teams.fake))

    assert status == 401
    assert await teams.world.votes(request.id) == []


def test_there_are_at_least_sixty_cases() -> None:
    assert len(TOKENS) + len(ACTIVITIES) + len(KEY_SETS) >= 60
    assert len(TOKENS) >= 60


async def test_a_token_by_another_key_under_our_key_id_is_401(
    teams: TeamsHarness, other_key: rsa.RSAPrivateKey
) -> None:
    token = teams.fake.token(key=other_key)

    assert (await teams.fake.post(teams.client, teams.fake.activity("ana"), token)).status_code == 401


async def test_a_key_in_the_tokens_own_header_is_ignored(
    teams: TeamsHarness, other_key: rsa.RSAPrivateKey
) -> None:
    headers = {
        "jwk": jwk(other_key, "k1"),
        "jku": "https://evil.example/keys",
        "x5u": "https://evil.example/x5u",
    }

    assert (
        await teams.fake.post(
            teams.client, teams.fake.activity("ana"), teams.fake.token(key=other_key, headers=headers)
        )
    ).status_code == 401


ACTIVITIES: dict[str, dict[str, Any]] = {
    "tenant of another": {
        "conversation": {"id": "c", "tenantId": "x"},
        "channelData": {"tenant": {"id": "x"}},
    },
    "two tenants": {"channelData": {"tenant": {"id": "99999999-0000-0000-0000-000000000000"}}},
    "no tenant": {"conversation": {"id": "c"}, "channelData": {}},
    "tenant a list": {"conversation": {"id": "c", "tenantId": TENANT}, "channelData": {"tenant": {"id": 7}}},
    "channel emulator": {"channelId": "emulator"},
    "channel empty": {"channelId": ""},
    "channel missing": {"channelId": None},
    "channel webchat": {"channelId": "webchat"},
    "service URL swapped": {"serviceUrl": "https://evil.example/"},
    "service URL missing": {"serviceUrl": None},
}


@pytest.mark.parametrize("name", ACTIVITIES)
async def test_t29_a_genuine_token_with_this_activity_is_401(teams: TeamsHarness, name: str) -> None:
    activity = teams.fake.activity("ana", **ACTIVITIES[name])

    assert (await teams.fake.post(teams.client, activity)).status_code == 401


KEY_SETS: dict[str, dict[str, Any]] = {
    "no endorsements": {"endorsements": None},
    "endorsed for another channel": {"endorsements": ["slack"]},
    "endorsements a string": {"endorsements": "msteams"},
    "for encryption": {"use": "enc"},
    "for signing only": {"key_ops": ["sign"]},
    "of another algorithm": {"alg": "RS512"},
    "of another type": {"kty": "oct"},
    "without modulus": {"n": None},
    "with a broken modulus": {"n": "!!"},
    "with a number for a modulus": {"n": 7},
}


@pytest.mark.parametrize("name", KEY_SETS)
async def test_t30_a_token_by_such_a_key_is_401(teams: TeamsHarness, name: str) -> None:
    teams.key_set["keys"] = [jwk(teams.fake.key, "k1", **KEY_SETS[name])]

    assert (await teams.fake.post(teams.client, teams.fake.activity("ana"))).status_code == 401


async def test_t30_a_short_key_is_401(teams: TeamsHarness) -> None:
    short = rsa.generate_private_key(65537, 1024)
    teams.key_set["keys"] = [jwk(short, "k1")]
    head, claims, _ = teams.fake.token().split(".")
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    signature = short.sign(f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())

    assert (
        await teams.fake.post(teams.client, teams.fake.activity("ana"), f"{head}.{claims}.{b64(signature)}")
    ).status_code == 401


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"1", b"\xff", b"[" * 100_000, b'{"type": 7}', b"{}", b"x" * 300_000]
)
async def test_a_body_that_is_no_activity_is_401_and_not_500(teams: TeamsHarness, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {teams.fake.token()}"}

    assert (await teams.client.post("/teams/messages", content=body, headers=headers)).status_code == 401


@pytest.mark.parametrize(
    "value", ["", "Bearer", "bearer x", "Basic abc", "Bearer  a.b.c", "Bearer a.b.c, Bearer a.b.c"]
)
async def test_an_odd_authorization_header_is_401(teams: TeamsHarness, value: str) -> None:
    answer = await teams.client.post(
        "/teams/messages", json=teams.fake.activity("ana"), headers={"Authorization": value}
    )

    assert answer.status_code == 401


async def test_no_or_two_authorization_headers_are_401(teams: TeamsHarness) -> None:
    good = ("Authorization", f"Bearer {teams.fake.token()}")

    for headers in ([], [good, good]):
        answer = await teams.client.post("/teams/messages", json=teams.fake.activity("ana"), headers=headers)
        assert answer.status_code == 401


@pytest.mark.parametrize("claims", [{}, {"exp": "edge"}, {"nbf": "edge"}])
async def test_a_genuine_token_is_taken_up_to_the_edges(teams: TeamsHarness, claims: dict[str, Any]) -> None:
    moment = now(teams.fake)
    edges = {"exp": moment - 59, "nbf": moment + 60}
    token = teams.fake.token(**{key: edges[key] for key in claims})

    assert (await teams.fake.post(teams.client, teams.fake.activity("ana"), token)).status_code == 202


async def test_t30_a_flood_of_unknown_key_ids_costs_one_fetch_a_minute(teams: TeamsHarness) -> None:
    for index in range(2000):
        assert await teams.keys.get(f"flood{index}") is None

    assert teams.keys.fetches == 1


async def test_t30_a_rotated_key_is_picked_up_within_a_minute(
    teams: TeamsHarness, other_key: rsa.RSAPrivateKey
) -> None:
    from datetime import timedelta

    await teams.fake.post(teams.client, teams.fake.activity("ana"))
    teams.key_set["keys"].append(jwk(other_key, "k2"))
    token = teams.fake.token(key=other_key, kid="k2")
    assert (await teams.fake.post(teams.client, teams.fake.activity("ana"), token)).status_code == 401

    teams.world.clock.forward(timedelta(seconds=60))

    assert (await teams.fake.post(teams.client, teams.fake.activity("ana"), token)).status_code == 202


async def test_keys_that_cannot_be_had_let_nobody_in() -> None:
    async def nothing() -> None:
        return None

    assert await Keys(nothing, lambda: 1.0).get("k1") is None


@pytest.mark.parametrize(
    "url",
    ["https://smba.trafficmanager.net.evil/", "http://smba.trafficmanager.net/", "https://smba.trafficmanager.net@evil/", "https://evil/?https://smba.trafficmanager.net/",
     "https://smba.trafficmanager.net/../x", "https://SMBA.trafficmanager.net/", "https://smba.trafficmanager.net\\@evil/", "", None, 7, "https://smba.trafficmanager.nеt/"],
)  # fmt: skip
def test_t29_this_service_url_is_not_on_the_list(url: object) -> None:
    assert not is_allowed(url, ("https://smba.trafficmanager.net/",))


def test_t29_a_region_below_the_list_is_allowed() -> None:
    assert is_allowed("https://smba.trafficmanager.net/emea/", ("https://smba.trafficmanager.net/",))


@pytest.mark.parametrize("empty", ["app", "tenant", "service_urls"])
def test_t29_an_empty_app_or_tenant_refuses_to_start(empty: str) -> None:
    async def fetch() -> None:
        return None

    settings: dict[str, Any] = {
        "app": BOT,
        "tenant": TENANT,
        "service_urls": ("https://x/",),
        empty: "" if empty != "service_urls" else (),
    }
    with pytest.raises(ValueError, match="must be set"):
        TokenCheck(Keys(fetch, lambda: 0.0), **settings)
