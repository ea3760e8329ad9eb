"""An issuer's public keys, fetched without stalling anybody and without letting strangers make us fetch (T30).

Keeps: at most one fetch at a time and one a minute, whatever key ids tokens name (that is the negative cache: an unknown id
costs nothing until the next minute); only https, but for loopback when that was allowed; no redirect, no proxy, bounded.
Deliberately absent: any address from a token. ``jku``, ``x5u`` and ``jwk`` are never looked at.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from bot.core.canonical import Malformed, read
from bot.errors import ConfigError
from bot.ports import Clock

TTL_SECONDS: Final = 600.0
"""Rotated keys are noticed by then even when no unknown id shows up."""
STALE_SECONDS_MAX: Final = 3600.0
"""An issuer that cannot be reached for longer is not believed any more (I9)."""
REFETCH_SECONDS: Final = 60.0
FETCH_SECONDS_MAX: Final = 5.0
BYTES_MAX: Final = 256 * 1024
KEYS_MAX: Final = 100

LOG: Final = logging.getLogger("signoff.identity")
Jwk = Mapping[str, Any]


class JwksCache:
    """The keys at one address."""

    def __init__(self, url: str, clock: Clock, *, allow_loopback_http: bool = False) -> None:
        parts = urlsplit(url)
        loopback = allow_loopback_http and parts.hostname in ("127.0.0.1", "::1", "localhost")
        if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
            raise ConfigError("jwks_uri must start with https://")
        self._url = url
        self._clock = clock
        self._keys: dict[str, Jwk] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._lock = asyncio.Lock()
        self.fetches = 0

    async def key(self, kid: str) -> Jwk | None:
        """The key *kid*, or None."""
        if self._age() > TTL_SECONDS or kid not in self._keys:
            await self._refresh(kid)
        return self._keys.get(kid) if self._age() <= STALE_SECONDS_MAX else None

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else self._clock.monotonic() - self._fetched_at

    async def _refresh(self, kid: str) -> None:
        async with self._lock:
            now = self._clock.monotonic()
            if self._age() <= TTL_SECONDS and kid in self._keys:
                return
            if self._tried_at is not None and now - self._tried_at < REFETCH_SECONDS:
                return
            self._tried_at = now
            try:
                self._keys = _keys(await self._fetch())
            except (aiohttp.ClientError, OSError, TimeoutError, Malformed, ValueError) as failed:
                LOG.warning("keys of an issuer could not be fetched: %s", type(failed).__name__)
                return
            self._fetched_at = now

    async def _fetch(self) -> bytes:
        self.fetches += 1
        timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS_MAX)
        async with (
            aiohttp.ClientSession(
                timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
            ) as session,
            session.get(self._url, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise ValueError("not 200")
            raw = b""
            async for chunk in answer.content.iter_any():
                raw += chunk
                if len(raw) > BYTES_MAX:
                    raise ValueError("too large")
            return raw


def _keys(raw: bytes) -> dict[str, Jwk]:
    """Usable signature keys by id. An id that occurs twice names nothing."""
    body = read(raw, bytes_max=BYTES_MAX)
    listed = body.get("keys") if isinstance(body, dict) else None
    if not isinstance(listed, list) or len(listed) > KEYS_MAX:
        raise ValueError("not a key set")
    found: dict[str, Jwk] = {}
    twice: set[str] = set()
    for key in listed:
        if not isinstance(key, dict) or not isinstance(key.get("kid"), str):
            continue
        kid = key["kid"]
        if kid in found:
            twice.add(kid)
        if _is_for_signatures(key):
            found[kid] = key
    return {kid: key for kid, key in found.items() if kid not in twice}


def _is_for_signatures(key: Jwk) -> bool:
    if key.get("kty") not in ("RSA", "EC", "OKP") or "d" in key or key.get("use", "sig") != "sig":
        return False
    operations = key.get("key_ops", ["verify"])
    return isinstance(operations, list) and "verify" in operations
