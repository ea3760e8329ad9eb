"""Which agent a workload token belongs to: GitHub, Kubernetes, SPIFFE, any OpenID issuer, by one table (T01, T30).

Decided here: what makes a token beyond doubt. Signature by a key of that issuer's own set with an algorithm that is allowed for
it, ``iss`` and ``aud`` exact, times within 60 seconds of leeway, and every claim matcher of a row. Rows are tried in order; the first
that holds names the agent, none means nobody. Deliberately absent: symmetric algorithms and ``none`` (never allowed), key addresses
in a token (never read), and any message: a token that is not taken is just not taken.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from adapters.identity.jwks import Jwk, JwksCache
from bot.core.canonical import Malformed, read
from bot.core.globs import matches
from bot.core.ids import AgentId
from bot.errors import ConfigError
from bot.ports import Clock

TOKEN_CHARS_MAX: Final = 8192
CLAIM_CHARS_MAX: Final = 1024
LEEWAY_SECONDS: Final = 60
LIFETIME_SECONDS_MAX: Final = 24 * 3600
"""A workload token that lives longer is a password."""
RSA_BITS_MIN: Final = 2048
TYPES: Final = frozenset({"jwt", "at+jwt", "jose"})
ALGORITHMS: Final[Mapping[str, tuple[str, str | None]]] = {
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""What may be configured: algorithm → key type and curve. No symmetric one."""

_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class WorkloadRule:
    """A token whose every claim in *claims* matches (exactly, or an anchored glob) is *agent*."""

    agent: AgentId
    claims: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class WorkloadIssuer:
    """One row of the issuer table. *name* stands in the log."""

    name: str
    issuer: str
    audience: str
    jwks_uri: str
    algorithms: frozenset[str]
    rules: tuple[WorkloadRule, ...]


class WorkloadTokens:
    """The verifier. ``ConfigError`` when the table cannot be used."""

    def __init__(
        self, issuers: Sequence[WorkloadIssuer], clock: Clock, *, allow_loopback_http: bool = False
    ) -> None:
        self._clock = clock
        self._issuers: dict[str, tuple[WorkloadIssuer, JwksCache]] = {}
        for issuer in issuers:
            _check(issuer)
            if issuer.issuer in self._issuers:
                raise ConfigError(f"issuer {issuer.name} stands twice in the table")
            cache = JwksCache(issuer.jwks_uri, clock, allow_loopback_http=allow_loopback_http)
            self._issuers[issuer.issuer] = (issuer, cache)

    async def identify(self, token: str) -> tuple[AgentId, str, datetime] | None:
        """The agent, the row that named it, and the first instant at which the token is refused; or None."""
        parts = _take_apart(token)
        if parts is None:
            return None
        header, claims = parts
        row = self._issuers.get(claims["iss"]) if isinstance(claims.get("iss"), str) else None
        if row is None:
            return None
        issuer, cache = row
        # Everything that needs no key first: a forged token costs us no fetch unless all else fits.
        if not _is_header_sane(header, issuer) or not _are_claims_sane(claims, issuer, self._clock.now()):
            return None
        rule = next((rule for rule in issuer.rules if _holds(rule, claims)), None)
        if rule is None:
            return None
        key = await cache.key(header["kid"])
        if key is None or not _is_signed(token, key, header["alg"]):
            return None
        # Bounded by the check above: at most LIFETIME_SECONDS_MAX and two leeways from now.
        until = datetime.fromtimestamp(float(claims["exp"]) + LEEWAY_SECONDS, UTC)
        return rule.agent, f"{issuer.name}:{rule.agent}", until


def _check(issuer: WorkloadIssuer) -> None:
    if not issuer.algorithms or not issuer.algorithms <= ALGORITHMS.keys():
        raise ConfigError(f"issuer {issuer.name}: algorithms must be some of {', '.join(ALGORITHMS)}")
    if not issuer.audience or not issuer.issuer:
        raise ConfigError(f"issuer {issuer.name}: issuer and audience must be given")
    for rule in issuer.rules:
        if not rule.claims or any(not pattern.strip("*") for _, pattern in rule.claims):
            raise ConfigError(f"issuer {issuer.name}: each rule needs claims that do not match anything")


def _take_apart(token: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    if len(token) > TOKEN_CHARS_MAX:
        return None
    segments = token.split(".")
    if len(segments) != 3 or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        return None
    decoded = [_decode(segment) for segment in segments]
    if any(part is None for part in decoded):
        return None
    try:
        header, claims = read(decoded[0] or b""), read(decoded[1] or b"")
    except Malformed:
        return None
    return (header, claims) if isinstance(header, dict) and isinstance(claims, dict) else None


def _decode(segment: str) -> bytes | None:
    """base64url without padding, one spelling only (RFC 7515 section 2)."""
    try:
        raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except (binascii.Error, ValueError):
        return None
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == segment else None


def _is_header_sane(header: Mapping[str, Any], issuer: WorkloadIssuer) -> bool:
    alg, kid, typ = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    return (
        isinstance(alg, str)
        and alg in issuer.algorithms
        and isinstance(kid, str)
        and 1 <= len(kid) <= 256
        and isinstance(typ, str)
        and typ.lower().removeprefix("application/") in TYPES
        and "crit" not in header
        and "b64" not in header
        and "zip" not in header
        and "enc" not in header
    )


def _are_claims_sane(claims: Mapping[str, Any], issuer: WorkloadIssuer, now: datetime) -> bool:
    if claims.get("iss") != issuer.issuer or not isinstance(claims.get("sub"), str) or not claims["sub"]:
        return False
    audience = claims.get("aud")
    if isinstance(audience, str):
        audience = [audience]
    if (
        not isinstance(audience, list)
        or not all(isinstance(a, str) for a in audience)
        or issuer.audience not in audience
    ):
        return False
    expires = _instant(claims.get("exp"))
    if expires is None:
        return False
    instant = now.timestamp()
    for name in ("nbf", "iat"):
        if name in claims:
            begins = _instant(claims[name])
            if begins is None or begins > instant + LEEWAY_SECONDS or expires - begins > LIFETIME_SECONDS_MAX:
                return False
    return instant < expires + LEEWAY_SECONDS and expires - instant <= LIFETIME_SECONDS_MAX + LEEWAY_SECONDS


def _instant(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return float(value)


def _holds(rule: WorkloadRule, claims: Mapping[str, Any]) -> bool:
    return all(_claim_matches(claims.get(name), pattern) for name, pattern in rule.claims)


def _claim_matches(value: Any, pattern: str) -> bool:
    return isinstance(value, str) and len(value) <= CLAIM_CHARS_MAX and matches((pattern,), value)


def _is_signed(token: str, key: Jwk, algorithm: str) -> bool:
    kind, curve = ALGORITHMS[algorithm]
    if key.get("kty") != kind or key.get("crv") != curve or key.get("alg", algorithm) != algorithm:
        return False
    try:
        made = jwt.PyJWK(dict(key), algorithm=algorithm)
        if isinstance(made.key, RSAPublicKey) and made.key.key_size < RSA_BITS_MIN:
            return False
        jwt.PyJWS().decode(token, key=made, algorithms=[algorithm])
    except (jwt.PyJWTError, ValueError, TypeError):
        return False
    return True
