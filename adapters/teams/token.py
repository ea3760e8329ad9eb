"""Whether the Bot Connector sent an activity: its JWT, checked by ourselves (T29, T30). Never raises for what a sender wrote.

Decided here: which tokens are the Connector's for this very bot. botframework-connector's own validation raises a different
exception for each fault (one of them for an unknown key id, so that a rotation is missed for a day) and fetches keys
synchronously in the event loop, so this is our own. Sources: learn.microsoft.com "Authentication with the Bot Connector API"
(issuer, audience, serviceurl, endorsements), RFC 8725. Deliberately absent: what an activity means.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeGuard, cast

import jwt
from jwt.algorithms import RSAAlgorithm

ISSUER: Final = "https://api.botframework.com"
TOKEN_CHARS_MAX: Final = 8_192
LEEWAY_SECONDS: Final = 60
KEYS_FRESH_SECONDS: Final = 86_400.0
REFETCH_SECONDS: Final = 60.0
"""At most one fetch a minute, however many unknown key ids come (a flood of them costs one fetch)."""
KEYS_MAX: Final = 100
RSA_BITS_MIN: Final = 2048
_SEGMENTS: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

Fetch = Callable[[], Awaitable[Mapping[str, Any] | None]]
"""The JWKS document, or None when it cannot be had."""


class Keys:
    """The Connector's signing keys by id, each with the channels it is endorsed for. One fetch in flight."""

    def __init__(self, fetch: Fetch, monotonic: Callable[[], float]) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._keys: dict[str, tuple[Any, frozenset[str]]] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._lock = asyncio.Lock()
        self.fetches = 0

    async def get(self, kid: str) -> tuple[Any, frozenset[str]] | None:
        """The key and its endorsements; None when it is not among the Connector's."""
        if self._is_fresh() and kid in self._keys:
            return self._keys[kid]
        async with self._lock:
            if not (self._is_fresh() and kid in self._keys) and self._may_fetch():
                await self._refresh()
        return self._keys.get(kid) if self._is_fresh() else None

    def _is_fresh(self) -> bool:
        return self._fetched_at is not None and self._monotonic() - self._fetched_at < KEYS_FRESH_SECONDS

    def _may_fetch(self) -> bool:
        return self._tried_at is None or self._monotonic() - self._tried_at >= REFETCH_SECONDS

    async def _refresh(self) -> None:
        self._tried_at = self._monotonic()
        self.fetches += 1
        document = await self._fetch()
        if document is None:
            return
        listed = document.get("keys")
        found = [_read_key(key) for key in (listed if isinstance(listed, list) else [])[:KEYS_MAX]]
        self._keys = {kid: (key, endorsed) for kid, key, endorsed in filter(None, found)}
        self._fetched_at = self._tried_at


def _read_key(key: Any) -> tuple[str, Any, frozenset[str]] | None:
    """An RSA signing key of decent size, or None."""
    if not isinstance(key, dict) or key.get("kty") != "RSA" or key.get("use", "sig") != "sig":
        return None
    if "key_ops" in key and "verify" not in key["key_ops"]:
        return None
    if key.get("alg", "RS256") != "RS256" or not isinstance(key.get("kid"), str):
        return None
    try:
        public = RSAAlgorithm.from_jwk({name: key[name] for name in ("kty", "n", "e")})
    except (jwt.InvalidKeyError, ValueError, TypeError, KeyError):
        return None
    if public.key_size < RSA_BITS_MIN:
        return None
    endorsed = key.get("endorsements")
    return (
        key["kid"],
        public,
        frozenset(e for e in endorsed if isinstance(e, str)) if isinstance(endorsed, list) else frozenset(),
    )


class TokenCheck:
    """``is_genuine`` for one bot: issuer, audience, times, service URL, channel endorsement, tenant."""

    def __init__(self, keys: Keys, *, app: str, tenant: str, service_urls: tuple[str, ...]) -> None:
        if not app or not tenant or not service_urls:
            raise ValueError(
                "app, tenant and service_urls must be set: without them nobody can be told from anybody"
            )
        self._keys = keys
        self._app = app
        self._tenant = tenant
        self._service_urls = service_urls

    async def is_genuine(self, authorization: str | None, activity: Mapping[str, Any], now: float) -> bool:
        """Whether *activity* came with a token of the Connector's, for us, for this service URL, of our tenant, at *now*."""
        token = _bearer(authorization)
        header = _header(token) if token is not None else None
        if token is None or header is None:
            return False
        known = await self._keys.get(header["kid"])
        if known is None or "msteams" not in known[1]:
            return False
        claims = _claims(token, known[0])
        return claims is not None and self._claims_hold(claims, activity, now) and self._is_ours(activity)

    def _claims_hold(self, claims: Mapping[str, Any], activity: Mapping[str, Any], now: float) -> bool:
        expires, begins = claims.get("exp"), claims.get("nbf")
        if not _is_time(expires) or not _is_time(begins):
            return False
        if now >= expires + LEEWAY_SECONDS or now < begins - LEEWAY_SECONDS:
            return False
        url = claims.get("serviceurl", claims.get("serviceUrl"))
        return (
            claims.get("iss") == ISSUER
            and claims.get("aud") == self._app
            and isinstance(url, str)
            and url == activity.get("serviceUrl")
        )

    def _is_ours(self, activity: Mapping[str, Any]) -> bool:
        return (
            activity.get("channelId") == "msteams"
            and is_allowed(activity.get("serviceUrl"), self._service_urls)
            and tenant_of(activity) == self._tenant
        )


def tenant_of(activity: Mapping[str, Any]) -> str | None:
    """The tenant that the activity names; None when it names none, or two different ones."""
    conversation = activity.get("conversation")
    data = activity.get("channelData")
    tenant = data.get("tenant") if isinstance(data, dict) else None
    named = {
        value
        for value in (
            conversation.get("tenantId") if isinstance(conversation, dict) else None,
            tenant.get("id") if isinstance(tenant, dict) else None,
        )
        if value is not None
    }
    found = named.pop() if len(named) == 1 else None
    return found if isinstance(found, str) else None


def is_allowed(url: object, prefixes: tuple[str, ...]) -> bool:
    """Whether *url* is one of *prefixes* or below it. Prefixes end with a slash, so ``…net.evil`` is not below ``…net/``."""
    if (
        not isinstance(url, str)
        or len(url) > 500
        or any(c in url for c in "\\@#?")
        or ".." in url
        or not url.isascii()
    ):
        return False
    return any(
        (url if url.endswith("/") else url + "/").startswith(p if p.endswith("/") else p + "/")
        for p in prefixes
    )


def _bearer(authorization: str | None) -> str | None:
    if (
        authorization is None
        or len(authorization) > TOKEN_CHARS_MAX
        or not authorization.startswith("Bearer ")
    ):
        return None
    token = authorization[7:]
    return token if _SEGMENTS.fullmatch(token) else None


def _header(token: str) -> dict[str, Any] | None:
    """RS256 with a key id; no ``crit``, no other encoding of the payload, no compressed one. Key addresses in it are ignored."""
    header = _json(token.split(".", maxsplit=1)[0])
    if header is None or header.get("alg") != "RS256" or header.get("typ", "JWT") != "JWT":
        return None
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= 200 or {"crit", "b64", "zip", "enc"} & header.keys():
        return None
    return header


def _json(segment: str) -> dict[str, Any] | None:
    try:
        raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
        if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != segment:
            return None
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _claims(token: str, key: Any) -> dict[str, Any] | None:
    """The claims when the signature holds. Times and the rest are compared by us, with our clock."""
    options = {f"verify_{name}": False for name in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}
    try:
        jwt.decode(
            token, key, algorithms=["RS256"], options=cast("Any", {**options, "verify_signature": True})
        )
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return _json(token.split(".")[1])


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11
