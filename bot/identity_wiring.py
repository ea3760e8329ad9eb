"""From the configuration's issuers to the verifiers that the API and the console ask. Nothing is decided here."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import jwt

from adapters.identity.jwks import JwksCache
from adapters.identity.workload import WorkloadIssuer, WorkloadRule, WorkloadTokens
from bot.config import Config, is_loopback
from bot.core.ids import agent_id
from bot.ports import Clock


def workloads(config: Config, clock: Clock) -> WorkloadTokens | None:
    """The table of workload issuers; None when there is none, then no workload token is believed."""
    rows = tuple(
        WorkloadIssuer(
            name=urlsplit(row.issuer).hostname or "issuer",
            issuer=row.issuer,
            audience=row.audience,
            jwks_uri=row.jwks_uri,
            algorithms=frozenset(row.algorithms),
            rules=tuple(
                WorkloadRule(agent_id(w.agent), tuple(sorted(w.claims.items()))) for w in row.workloads
            ),
        )
        for row in config.agents.issuers
    )
    if not rows:
        return None
    return WorkloadTokens(rows, clock, allow_loopback_http=_loopback(*(row.jwks_uri for row in rows)))


def _loopback(*urls: str) -> bool:
    """The configuration takes ``http`` on the loopback address only; this says whether it named one."""
    return any(is_loopback(urlsplit(url).hostname or "") for url in urls)


class ConsoleKeys:
    """The identity provider's signing keys (``adapters.web.oidc.SigningKeys``), from one bounded cache."""

    def __init__(self, jwks_uri: str, clock: Clock) -> None:
        self._uri = jwks_uri
        self._cache = JwksCache(jwks_uri, clock, allow_loopback_http=_loopback(jwks_uri))

    async def __call__(self, jwks_uri: str, kid: str | None, alg: str) -> Any | None:
        if kid is None or jwks_uri != self._uri:
            return None
        key = await self._cache.key(kid)
        if key is None:
            return None
        try:
            return jwt.PyJWK(dict(key), algorithm=alg).key
        except (jwt.PyJWTError, ValueError):
            return None
