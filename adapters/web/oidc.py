"""Signing in through an OpenID provider: code flow, PKCE S256, state and nonce bound to the browser.

Decided here: whether an answer of the provider proves an account. The three secrets of one sign-in (state, nonce, code
verifier) are derived from one random value in an HttpOnly cookie, so that nothing is stored before anybody is known (I12), any
replica can finish what another began, and an answer brought by another browser fails. Deliberately absent: who the
account belongs to (``desk.identify``), HTTP (a ``Fetch`` is an argument) and the key cache (``SigningKeys`` is one too).

Sources: OpenID Connect Core 1.0 section 3.1.3.7 (ID token validation), RFC 7636 (PKCE), RFC 9700 section 2.1 and 4.4.2.1
(mix-up: ``iss`` in the answer, RFC 9207), RFC 8725 (algorithms are ours to choose, never the token's).
"""

from __future__ import annotations

import hmac
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Protocol
from urllib.parse import quote_plus, urlencode

import jwt
import msgspec

from adapters.web.settings import OidcSettings
from bot.core.ids import AccountKey
from bot.ports import Rand

SKEW: Final = timedelta(seconds=60)
UNPROVEN: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""When a provider does not say when the person proved themselves (``auth_time``; it must when ``max_age`` was asked, OpenID Connect
Core section 2), that was long ago: its own session may have answered without them."""
ID_TOKEN_AGE_MAX: Final = timedelta(minutes=10)
GROUPS_MAX: Final = 1_000
ANSWER_BYTES_MAX: Final = 64 * 1024
CALLBACK: Final = "/login/oidc/callback"


class Fetch(Protocol):
    """POST a form, or GET when *form* is None; the status and at most 64 KiB of the body. Follows no redirect, waits 5 s at most,
    and raises ``OSError`` or ``TimeoutError`` when nobody answers."""

    def __call__(
        self, url: str, *, form: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> Awaitable[tuple[int, bytes]]: ...


class SigningKeys(Protocol):
    """The issuer's public key for *kid* and *alg* (something ``jwt.decode`` takes), or None. Cached and rate-limited by whoever implements it (T30)."""

    def __call__(self, jwks_uri: str, kid: str | None, alg: str) -> Awaitable[Any | None]: ...


class OidcRefused(Exception):
    """The answer proves nothing; the message is a short code for our own log, without any value from the answer."""


@dataclass(frozen=True, slots=True)
class Begun:
    """``cookie`` goes to the browser, ``url`` is where it is sent."""

    cookie: str
    url: str


@dataclass(frozen=True, slots=True)
class Proven:
    """``groups`` are the strings of the configured claim, for the desk; None when no claim is configured or it is malformed."""

    account: AccountKey
    authenticated_at: datetime
    next: str
    groups: frozenset[str] | None


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def derive(cookie: str, label: str) -> str:
    """One of the secrets of a sign-in: 43 characters, unlinkable to the others."""
    return _b64(hmac.digest(cookie.encode("utf-8", "replace"), label.encode(), "sha256"))


class Oidc:
    def __init__(
        self, settings: OidcSettings, redirect_uri: str, fetch: Fetch, keys: SigningKeys, rand: Rand
    ) -> None:
        self.settings = settings
        self._redirect_uri = redirect_uri
        self._fetch = fetch
        self._keys = keys
        self._rand = rand

    def begin(self, next_path: str, *, fresh: bool = False) -> Begun:
        """Start one sign-in. *fresh*: the person must prove themselves again (step-up)."""
        cookie = f"{_b64(self._rand.bytes(32))}.{_b64(next_path.encode())}"
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(self.settings.scopes),
            "state": derive(cookie, "state"),
            "nonce": derive(cookie, "nonce"),
            "code_challenge": _b64(sha256(derive(cookie, "verifier").encode()).digest()),
            "code_challenge_method": "S256",
            **({"prompt": "login", "max_age": "0"} if fresh else {}),
        }
        glue = "&" if "?" in self.settings.authorization_endpoint else "?"
        return Begun(cookie, f"{self.settings.authorization_endpoint}{glue}{urlencode(query)}")

    async def finish(self, query: Mapping[str, str], cookie: str, now: datetime) -> Proven:
        """What the provider's answer *query*, brought by the browser that holds *cookie*, proves. Raises ``OidcRefused``."""
        if not cookie or not hmac.compare_digest(
            query.get("state", "").encode("utf-8", "replace"), derive(cookie, "state").encode()
        ):
            raise OidcRefused("state")
        if "error" in query:
            raise OidcRefused("provider-error")
        if query.get("iss", self.settings.issuer) != self.settings.issuer:
            raise OidcRefused("issuer-mix-up")
        code = query.get("code", "")
        if not 0 < len(code) <= 4096:
            raise OidcRefused("code")
        claims = await self._claims(await self._exchange(code, derive(cookie, "verifier")), now)
        if not hmac.compare_digest(
            str(claims.get("nonce", "")).encode("utf-8", "replace"), derive(cookie, "nonce").encode()
        ):
            raise OidcRefused("nonce")
        subject = claims["sub"]
        if (
            not isinstance(subject, str)
            or not 0 < len(subject) <= 255
            or not subject.isascii()
            or not subject.isprintable()
        ):
            raise OidcRefused("subject")
        auth_time = claims.get("auth_time")
        at = (
            datetime.fromtimestamp(auth_time, now.tzinfo)
            if isinstance(auth_time, int) and not isinstance(auth_time, bool) and 0 < auth_time < 2**40
            else UNPROVEN
        )
        return Proven(
            AccountKey(f"oidc:{self.settings.issuer}:{subject}"),
            min(at, now),
            _next(cookie),
            self._groups(claims),
        )

    async def _exchange(self, code: str, verifier: str) -> str:
        basic = f"{quote_plus(self.settings.client_id)}:{quote_plus(self.settings.client_secret)}"
        try:
            status, body = await self._fetch(
                self.settings.token_endpoint,
                form={
                    "grant_type": "authorization_code",
                    "code": code,
                    "redirect_uri": self._redirect_uri,
                    "code_verifier": verifier,
                },
                headers={
                    "authorization": "Basic " + b64encode(basic.encode()).decode(),
                    "accept": "application/json",
                },
            )
        except (OSError, TimeoutError) as e:
            raise OidcRefused("token-endpoint-unreachable") from e
        if status != 200 or len(body) > ANSWER_BYTES_MAX:
            raise OidcRefused("token-endpoint")
        try:
            return msgspec.json.decode(body, type=_TokenAnswer).id_token
        except msgspec.MsgspecError as e:
            raise OidcRefused("token-answer") from e

    async def _claims(self, id_token: str, now: datetime) -> Mapping[str, Any]:
        try:
            header = jwt.get_unverified_header(id_token)
        except jwt.PyJWTError as e:
            raise OidcRefused("id-token") from e
        alg, kid = header.get("alg"), header.get("kid")
        if alg not in self.settings.algorithms or "crit" in header or not isinstance(kid, str | None):
            raise OidcRefused("algorithm")
        key = await self._keys(self.settings.jwks_uri, kid, str(alg))
        if key is None:
            raise OidcRefused("key")
        try:
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key,
                algorithms=[str(alg)],
                audience=self.settings.client_id,
                issuer=self.settings.issuer,
                options={
                    "require": ["iss", "sub", "aud", "exp", "iat", "nonce"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.PyJWTError as e:
            raise OidcRefused("claims") from e
        self._check_times(claims, now)
        audience = claims["aud"]
        if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != self.settings.client_id:
            raise OidcRefused("azp")
        if claims.get("azp", self.settings.client_id) != self.settings.client_id:
            raise OidcRefused("azp")
        return claims

    def _groups(self, claims: Mapping[str, Any]) -> frozenset[str] | None:
        if not self.settings.groups_claim:
            return None
        value = claims.get(self.settings.groups_claim)
        if (
            not isinstance(value, list)
            or len(value) > GROUPS_MAX
            or not all(isinstance(item, str) for item in value)
        ):
            return None
        return frozenset(value)

    def _check_times(self, claims: Mapping[str, Any], now: datetime) -> None:
        """By our own clock argument: not over, not from the future, not old."""
        skew = SKEW.total_seconds()
        exp, iat, instant = claims["exp"], claims["iat"], now.timestamp()
        if not all(isinstance(x, int | float) and not isinstance(x, bool) for x in (exp, iat)):
            raise OidcRefused("times")
        if instant >= exp + skew or iat > instant + skew or iat < instant - ID_TOKEN_AGE_MAX.total_seconds():
            raise OidcRefused("times")


class _TokenAnswer(msgspec.Struct):
    id_token: str


def _next(cookie: str) -> str:
    encoded = cookie.partition(".")[2]
    try:
        return urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except ValueError:
        return "/"
