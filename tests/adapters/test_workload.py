"""Workload tokens: only what is beyond doubt names an agent, and strangers cannot make us fetch (T01, T30)."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from adapters.identity.jwks import JwksCache
from adapters.identity.workload import WorkloadIssuer, WorkloadRule, WorkloadTokens
from bot.core.ids import AgentId
from bot.errors import ConfigError
from tests.support.clock import ManualClock

ISS, AUD = "https://token.actions.example", "signoff"
SUB = "repo:acme/app:ref:refs/heads/main"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def jwk(key: Any, kid: str, **changes: Any) -> dict[str, Any]:
    algorithm = {
        rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm,
        ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm,
    }
    kind = next(
        (value for cls, value in algorithm.items() if isinstance(key, cls)), jwt.algorithms.OKPAlgorithm
    )
    made = json.loads(kind.to_jwk(key.public_key()))
    made.pop("key_ops", None)
    return {**made, "kid": kid, **changes}


class Issuer:
    def __init__(self) -> None:
        self.keys = [
            jwk(RSA, "rsa", use="sig", alg="RS256"), jwk(EC, "ec"), jwk(ED, "ed"), jwk(WEAK, "weak"), jwk(OTHER, "enc", use="enc"),
            jwk(OTHER, "wrong-ops", key_ops=["encrypt"]), jwk(OTHER, "other-alg", alg="PS256"), jwk(RSA, "twice"), jwk(OTHER, "twice"),
            {"kty": "oct", "k": base64.urlsafe_b64encode(b"x" * 32).decode(), "kid": "oct"},
        ]  # fmt: skip
        self.status = 200
        self.url = ""
        self.calls = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.calls += 1
        return web.json_response({"keys": self.keys}, status=self.status)


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    app = web.Application()
    app.router.add_get("/jwks", issuer.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}/jwks"
    yield issuer
    await runner.cleanup()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def table(issuer: Issuer, /, **changes: Any) -> WorkloadIssuer:
    rules = (
        WorkloadRule(
            AgentId("agent:deploy"),
            (("sub", "repo:acme/app:ref:refs/heads/main"), ("job_workflow_ref", "acme/*/deploy.yml@*")),
        ),
        WorkloadRule(AgentId("agent:ci"), (("sub", "repo:acme/app:*"),)),
    )
    return replace(
        WorkloadIssuer("ci", ISS, AUD, issuer.url, frozenset({"RS256", "ES256", "EdDSA"}), rules), **changes
    )


@pytest.fixture
def tokens(issuer: Issuer, clock: ManualClock) -> WorkloadTokens:
    return WorkloadTokens([table(issuer)], clock, allow_loopback_http=True)


def claims(clock: ManualClock, **changes: Any) -> dict[str, Any]:
    now = int(clock.now().timestamp())
    made = {"iss": ISS, "aud": AUD, "sub": SUB, "iat": now, "nbf": now, "exp": now + 300, **changes}
    return {name: value for name, value in made.items() if value is not ...}


def make(
    clock: ManualClock,
    key: Any = RSA,
    alg: str = "RS256",
    header: dict[str, Any] | None = None,
    **changes: Any,
) -> str:
    return jwt.encode(claims(clock, **changes), key, algorithm=alg, headers={"kid": "rsa"} | (header or {}))


async def named(tokens: WorkloadTokens, token: str) -> tuple[str, str] | None:
    found = await tokens.identify(token)
    return found[:2] if found is not None else None


@pytest.mark.parametrize(
    ("key", "alg", "kid"), [(RSA, "RS256", "rsa"), (EC, "ES256", "ec"), (ED, "EdDSA", "ed")]
)
async def test_a_good_token_names_its_agent(
    tokens: WorkloadTokens, clock: ManualClock, key: Any, alg: str, kid: str
):
    assert await named(tokens, make(clock, key, alg, {"kid": kid})) == ("agent:ci", "ci:agent:ci")


async def test_the_first_rule_whose_every_claim_holds_names_the_agent(
    tokens: WorkloadTokens, clock: ManualClock
):
    deploy = make(clock, job_workflow_ref="acme/app/deploy.yml@main")
    other = make(clock, job_workflow_ref="evil/acme/app/deploy.yml@main")

    assert await named(tokens, deploy) == ("agent:deploy", "ci:agent:deploy")
    assert await named(tokens, other) == ("agent:ci", "ci:agent:ci")


async def test_a_token_says_from_which_instant_on_it_is_taken_no_more(
    tokens: WorkloadTokens, clock: ManualClock
):
    token = make(clock, exp=int(clock.now().timestamp()) + 100)
    found = await tokens.identify(token)
    assert found is not None
    clock.forward(found[2] - clock.now() - timedelta(microseconds=1))
    assert await tokens.identify(token) is not None

    clock.forward(timedelta(microseconds=1))

    assert await tokens.identify(token) is None


async def test_a_list_of_audiences_with_ours_is_taken(tokens: WorkloadTokens, clock: ManualClock):
    assert await tokens.identify(make(clock, aud=["x", AUD])) is not None


BAD_CLAIMS = [
    {"iss": ISS + "/"}, {"iss": ISS + ".evil.example"}, {"iss": ISS.upper()}, {"iss": ...}, {"iss": [ISS]}, {"iss": "https://token.actions"}, {"iss": None},
    {"aud": "other"}, {"aud": ...}, {"aud": []}, {"aud": ["other"]}, {"aud": AUD + "x"}, {"aud": "signof"}, {"aud": {"signoff": 1}}, {"aud": [AUD, 5]},
    {"sub": ...}, {"sub": ""}, {"sub": ["repo:acme/app:x"]}, {"sub": "repo:evil/app:x"}, {"sub": "xrepo:acme/app:y"}, {"sub": "repo:acme/application:y"},
    {"sub": "REPO:acme/app:y"}, {"sub": "repo:acme/app:\ny"}, {"sub": "repo:acme/app:" + "y" * 2000}, {"exp": ...}, {"exp": "soon"}, {"exp": True},
    {"exp": None}, {"exp": -1}, {"nbf": "x"}, {"iat": True},
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD_CLAIMS, ids=str)
async def test_a_wrong_claim_names_nobody(
    tokens: WorkloadTokens, issuer: Issuer, clock: ManualClock, bad: dict[str, Any]
):
    token = jwt.PyJWS().encode(
        json.dumps(claims(clock, **bad)).encode(), RSA, "RS256", headers={"kid": "rsa", "typ": "JWT"}
    )

    assert await tokens.identify(token) is None
    assert issuer.calls == 0


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        ({"exp": -59}, True), ({"exp": -60}, False), ({"exp": -61}, False), ({"nbf": 60}, True), ({"nbf": 61}, False), ({"iat": 60}, True), ({"iat": 61}, False),
        ({"exp": 86_400}, True), ({"exp": 86_401}, False), ({"iat": -86_101}, False), ({"iat": -86_100, "nbf": 0}, True),
    ],
)  # fmt: skip
async def test_times_hold_to_the_very_second(
    tokens: WorkloadTokens, clock: ManualClock, changes: dict[str, int], taken: bool
):
    now = int(clock.now().timestamp())
    token = make(clock, **{name: now + delta for name, delta in changes.items()})

    assert (await tokens.identify(token) is not None) is taken


def forged(header: dict[str, Any], body: dict[str, Any], signature: bytes = b"x" * 256) -> str:
    parts = [json.dumps(header).encode(), json.dumps(body).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


BAD_HEADERS = [
    {"alg": "none"}, {"alg": "None"}, {"alg": "NONE"}, {"alg": "HS256"}, {"alg": "HS512"}, {"alg": "RS512"}, {"alg": "PS256"}, {"alg": "rs256"}, {"alg": ""},
    {"alg": None}, {"alg": ["RS256"]}, {"alg": 1}, {"kid": None}, {"kid": 5}, {"kid": ""}, {"kid": "x" * 300}, {"kid": ["rsa"]}, {"kid": "../../etc/passwd"},
    {"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"b64": True}, {"typ": "approval-grant+jwt"}, {"typ": 5}, {"typ": "secevent+jwt"},
    {"zip": "DEF"}, {"enc": "A256GCM"}, {"kid": "enc"}, {"kid": "wrong-ops"}, {"kid": "oct"}, {"kid": "twice"}, {"kid": "ec"}, {"kid": "ed"}, {"kid": "unknown"},
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD_HEADERS, ids=str)
async def test_a_wrong_header_names_nobody_even_when_the_signature_is_right(
    tokens: WorkloadTokens, clock: ManualClock, bad: dict[str, Any]
):
    header = {"alg": "RS256", "typ": "JWT", "kid": "rsa", **bad}
    signing = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in (header, claims(clock))
    )
    signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(signing.encode(), RSA)

    assert (
        await tokens.identify(signing + "." + base64.urlsafe_b64encode(signature).rstrip(b"=").decode())
        is None
    )


@pytest.mark.parametrize(
    "extra",
    [
        {"jku": "http://127.0.0.1:1/"},
        {"x5u": "http://127.0.0.1:1/"},
        {"jwk": jwk(OTHER, "rsa")},
        {"x5c": ["x"]},
    ],
)
async def test_keys_and_addresses_in_the_token_are_not_looked_at(
    tokens: WorkloadTokens, clock: ManualClock, extra: dict[str, Any]
):
    assert await tokens.identify(make(clock, header=extra)) is not None
    assert await tokens.identify(make(clock, OTHER, header=extra)) is None


async def test_the_public_key_is_no_hmac_secret(tokens: WorkloadTokens, clock: ManualClock):
    import hashlib
    import hmac

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "typ": "JWT", "kid": "rsa"}
    signing = forged(header, claims(clock)).rpartition(".")[0]
    for secret in (pem, json.dumps(jwk(RSA, "rsa")).encode()):
        signature = hmac.digest(secret, signing.encode(), hashlib.sha256)
        assert (
            await tokens.identify(signing + "." + base64.urlsafe_b64encode(signature).rstrip(b"=").decode())
            is None
        )


async def test_other_weak_and_mismatched_keys_sign_nothing(tokens: WorkloadTokens, clock: ManualClock):
    assert await tokens.identify(make(clock, OTHER)) is None
    assert await tokens.identify(make(clock, OTHER, header={"kid": "other-alg"})) is None
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weak = make(clock, WEAK, header={"kid": "weak"})
    assert await tokens.identify(weak) is None


async def test_the_text_of_a_token_has_one_spelling(tokens: WorkloadTokens, clock: ManualClock):
    good = make(clock)
    head, body, signature = good.split(".")
    spellings = [
        good + "=", good + ".", "." + good, good + ".x", f"{head}.{body}.", f"{head}..{signature}", f" {good}", good + "\n", f"{head}=.{body}.{signature}", good + "A",
        f"{head}.{body}.{signature[:-1]}{'A' if signature[-1] != 'A' else 'B'}", f"{head}.{body}.{signature}!", good.replace(".", ".."), "", "..", "a.b.c", "x" * 9000,
        f"{head}.{base64.urlsafe_b64encode(b'[]').decode().rstrip('=')}.{signature}",
    ]  # fmt: skip
    assert await tokens.identify(good) is not None
    for spelling in spellings:
        assert await tokens.identify(spelling) is None, spelling


async def test_duplicate_claims_name_nobody(tokens: WorkloadTokens, clock: ManualClock):
    body = json.dumps(claims(clock))[:-1] + f', "sub": "{SUB}"}}'

    assert (
        await tokens.identify(
            jwt.PyJWS().encode(body.encode(), RSA, "RS256", headers={"kid": "rsa", "typ": "JWT"})
        )
        is None
    )


# --- fetching ------------------------------------------------------------------------------------------------


async def test_a_flood_of_key_ids_costs_at_most_two_fetches(
    tokens: WorkloadTokens, issuer: Issuer, clock: ManualClock
):
    await tokens.identify(make(clock))
    clock.forward(timedelta(seconds=61))
    flood = [forged({"alg": "RS256", "typ": "JWT", "kid": f"flood-{n}"}, claims(clock)) for n in range(2_000)]
    answers = await asyncio.gather(*(tokens.identify(token) for token in flood))

    assert set(answers) == {None}
    assert issuer.calls == 2


async def test_concurrent_first_tokens_share_one_fetch(
    tokens: WorkloadTokens, issuer: Issuer, clock: ManualClock
):
    answers = await asyncio.gather(*(tokens.identify(make(clock)) for _ in range(50)))

    assert None not in answers
    assert issuer.calls == 1


async def test_a_rotated_key_is_found_after_a_minute_and_a_removed_one_is_gone(
    tokens: WorkloadTokens, issuer: Issuer, clock: ManualClock
):
    await tokens.identify(make(clock))
    issuer.keys = [jwk(OTHER, "new")]
    early = await tokens.identify(make(clock, OTHER, header={"kid": "new"}))
    clock.forward(timedelta(seconds=60))

    assert early is None
    assert await tokens.identify(make(clock, OTHER, header={"kid": "new"})) is not None
    assert await tokens.identify(make(clock)) is None


async def test_an_issuer_that_is_down_is_believed_for_an_hour_and_no_longer(
    tokens: WorkloadTokens, issuer: Issuer, clock: ManualClock
):
    await tokens.identify(make(clock))
    issuer.status = 500
    clock.forward(timedelta(minutes=59))
    assert await tokens.identify(make(clock)) is not None
    clock.forward(timedelta(minutes=2))
    assert await tokens.identify(make(clock)) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example/jwks",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "",
        "http://127.0.0.1.evil.example/",
    ],
)
def test_keys_are_fetched_by_https_alone(url: str, clock: ManualClock):
    with pytest.raises(ConfigError):
        JwksCache(url, clock, allow_loopback_http=True)
    with pytest.raises(ConfigError):
        JwksCache("http://127.0.0.1/jwks", clock)


@pytest.mark.parametrize(
    "changes",
    [{"algorithms": frozenset()}, {"algorithms": frozenset({"HS256"})}, {"algorithms": frozenset({"none"})}, {"audience": ""}, {"issuer": ""},
     {"rules": (WorkloadRule(AgentId("agent:x"), ()),)}, {"rules": (WorkloadRule(AgentId("agent:x"), (("sub", "**"),)),)}],
)  # fmt: skip
async def test_a_table_that_would_let_everybody_in_is_refused(
    issuer: Issuer, clock: ManualClock, changes: dict[str, Any]
):
    with pytest.raises(ConfigError):
        WorkloadTokens([table(issuer, **changes)], clock, allow_loopback_http=True)
