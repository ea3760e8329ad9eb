"""What an OpenID provider's answer must be to prove an account: everything else is refused (T30, T32)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.web.oidc import Oidc, OidcRefused, derive
from adapters.web.settings import OidcSettings
from bot.core.ids import AccountKey, PersonId
from bot.errors import ConfigError
from tests.support.clock import START
from tests.support.console import open_house
from tests.support.office import close_desk
from tests.support.rand import SeededRand

ISSUER = "https://idp.example"
SETTINGS = OidcSettings(
    ISSUER,
    "signoff",
    "s3cret",
    ISSUER + "/authorize",
    ISSUER + "/token",
    ISSUER + "/jwks",
    groups_claim="groups",
)
KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
REDIRECT = "https://signoff.example/login/oidc/callback"


class Provider:
    """A provider that keeps to the code flow: a code is good once, for the verifier of its challenge. Its tokens can be spoilt."""

    def __init__(self, **spoilt: Any) -> None:
        self.spoilt = spoilt
        self.key = spoilt.pop("key", KEY)
        self.alg = spoilt.pop("alg", "ES256")
        self.headers = spoilt.pop("headers", {"kid": "k1"})
        self.status = spoilt.pop("status", 200)
        self.now = spoilt.pop("now", START)
        self.asked: dict[str, list[str]] = {}
        self.used = False

    def visit(self, url: str) -> dict[str, str]:
        self.asked = parse_qs(urlsplit(url).query)
        return {"code": "c0de", "state": self.asked["state"][0]}

    async def fetch(
        self, url: str, *, form: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        from base64 import urlsafe_b64encode
        from hashlib import sha256

        assert url == SETTINGS.token_endpoint
        assert form is not None
        assert headers["authorization"].startswith("Basic ")
        challenge = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if self.used or form["code"] != "c0de" or [challenge] != self.asked["code_challenge"]:
            return 400, b'{"error":"invalid_grant"}'
        self.used = True
        instant = int(self.now.timestamp())
        claims = {
            "iss": ISSUER,
            "sub": "u-17",
            "aud": "signoff",
            "iat": instant,
            "exp": instant + 300,
            "nonce": self.asked["nonce"][0],
            "groups": ["sre"],
        }
        claims = {k: v for k, v in (claims | self.spoilt).items() if v is not None}
        token = jwt.encode(claims, self.key, algorithm=self.alg, headers=self.headers)
        return self.status, json.dumps({"id_token": token, "access_token": "a"}).encode()

    async def keys(self, uri: str, kid: str | None, alg: str) -> Any:
        assert uri == SETTINGS.jwks_uri
        return KEY.public_key() if kid == "k1" else None


def door(provider: Provider) -> Oidc:
    return Oidc(SETTINGS, REDIRECT, provider.fetch, provider.keys, SeededRand(1))


async def test_a_whole_sign_in_proves_the_account():
    provider = Provider()
    oidc = door(provider)
    begun = oidc.begin("/requests/req_1")

    proven = await oidc.finish(provider.visit(begun.url), begun.cookie, START)

    assert proven.account == f"oidc:{ISSUER}:u-17"
    assert proven.next == "/requests/req_1"
    assert proven.groups == frozenset({"sre"})
    assert provider.asked["code_challenge_method"] == ["S256"]
    assert provider.asked["redirect_uri"] == [REDIRECT]


@pytest.mark.parametrize(
    ("said", "proven_at"),
    [
        (None, datetime(1970, 1, 1, tzinfo=UTC)),
        (True, datetime(1970, 1, 1, tzinfo=UTC)),
        (int((START - timedelta(hours=3)).timestamp()), START - timedelta(hours=3)),
        (int((START + timedelta(hours=3)).timestamp()), START),
    ],
)
async def test_t19_a_sign_in_is_as_fresh_as_the_provider_says_and_no_fresher(said, proven_at):
    provider = Provider(auth_time=said)
    oidc = door(provider)
    begun = oidc.begin("/")

    proven = await oidc.finish(provider.visit(begun.url), begun.cookie, START)

    assert proven.authenticated_at == proven_at


EARLY, LATE = int((START - timedelta(hours=1)).timestamp()), int((START + timedelta(hours=1)).timestamp())


@pytest.mark.parametrize(
    "spoilt",
    [
        {"iss": "https://evil.example"},
        {"iss": ISSUER + "/"},
        {"aud": "another"},
        {"aud": ["signoff", "another"]},
        {"azp": "another"},
        {"nonce": "n"},
        {"nonce": None},
        {"exp": EARLY},
        {"exp": None},
        {"exp": int(START.timestamp()) - 60},
        {"iat": LATE},
        {"iat": EARLY},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "u\u202e17"},
        {"key": OTHER},
        {"headers": {"kid": "k2"}},
        {"headers": {"kid": "k1", "crit": ["b64"]}},
        {"key": "x" * 32, "alg": "HS256"},
        {"key": None, "alg": "none"},
        {"status": 500},
    ],
    ids=lambda change: ",".join(
        f"{k}={v}" if isinstance(v, str | int | float | None) else k for k, v in change.items()
    ),
)
async def test_a_spoilt_answer_proves_nothing(spoilt):
    provider = Provider(**spoilt)
    oidc = door(provider)
    begun = oidc.begin("/")

    with pytest.raises(OidcRefused):
        await oidc.finish(provider.visit(begun.url), begun.cookie, START)


@pytest.mark.parametrize(
    "change",
    [
        {"state": "x"},
        {"state": ""},
        {"code": ""},
        {"code": "stolen"},
        {"iss": "https://evil.example"},
        {"error": "access_denied"},
    ],
    ids=str,
)
async def test_a_changed_callback_proves_nothing(change):
    provider = Provider()
    oidc = door(provider)
    begun = oidc.begin("/")

    with pytest.raises(OidcRefused):
        await oidc.finish(provider.visit(begun.url) | change, begun.cookie, START)


async def test_another_browser_cannot_finish_what_this_one_began():
    provider = Provider()
    oidc = door(provider)
    mine, theirs = oidc.begin("/"), oidc.begin("/")

    with pytest.raises(OidcRefused, match="state"):
        await oidc.finish(provider.visit(mine.url), theirs.cookie, START)


async def test_a_code_works_once():
    provider = Provider()
    oidc = door(provider)
    begun = oidc.begin("/")
    query = provider.visit(begun.url)
    await oidc.finish(query, begun.cookie, START)

    with pytest.raises(OidcRefused, match="token-endpoint"):
        await oidc.finish(query, begun.cookie, START)


def test_the_secrets_of_one_sign_in_do_not_give_each_other_away():
    assert len({derive("c", label) for label in ("state", "nonce", "verifier")}) == 3


@pytest.mark.parametrize("field", ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_a_provider_without_tls_stops_the_start(field):
    from dataclasses import replace

    with pytest.raises(ConfigError):
        replace(SETTINGS, **{field: "http://idp.example/x"})


@pytest.mark.parametrize(("linked", "lands"), [(True, 303), (False, 403)])
async def test_only_a_linked_account_comes_in_and_its_groups_come_along(tmp_path, linked, lands):
    provider = Provider()
    house = await open_house(tmp_path, oidc=SETTINGS, fetch=provider.fetch, keys=provider.keys)
    try:
        if linked:
            await house.desk.service.link_account(
                None,
                AccountKey(f"oidc:{ISSUER}:u-17"),
                PersonId("person:ana"),
                proof="operator",
                cool_down=timedelta(),
            )
        browser = house.browser()
        start = await browser.get("/login/oidc?next=/profile")
        query = provider.visit(start.headers["location"])
        answer = await browser.http.get("/login/oidc/callback", params=query)
        ana = await house.desk.service.person(PersonId("person:ana"))
        page = await browser.get("/profile")
    finally:
        await close_desk(house.desk)

    assert answer.status_code == lands
    assert ana is not None
    assert (("sre" in ana.groups), page.status_code) == ((True, 200) if linked else (False, 303))
    if not linked:
        assert "not linked" in answer.text
