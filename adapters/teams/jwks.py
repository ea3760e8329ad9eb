"""Fetching the Bot Connector's keys: OpenID metadata, then the key set it names. None for anything odd (T30, T34).

Decided here: that the key set stands on the metadata's own host, over https (or both on loopback), without redirects, at most 1 MB.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

ANSWER_BYTES_MAX: Final = 1_000_000
TIMEOUT_SECONDS: Final = 5


async def fetch_keys(openid_url: str) -> Mapping[str, Any] | None:
    """The JWKS document that *openid_url* leads to."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
            metadata = await _get(session, openid_url)
            address = metadata.get("jwks_uri") if metadata is not None else None
            if not isinstance(address, str) or not _is_same_host(address, openid_url):
                return None
            return await _get(session, address)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return None


def _is_same_host(address: str, openid_url: str) -> bool:
    one, other = urlsplit(address), urlsplit(openid_url)
    secure = one.scheme == "https" or one.hostname in ("127.0.0.1", "::1")
    return secure and one.scheme == other.scheme and one.netloc == other.netloc and "@" not in one.netloc


async def _get(session: aiohttp.ClientSession, url: str) -> dict[str, Any] | None:
    async with session.get(url, allow_redirects=False) as response:
        raw = b""
        async for chunk in response.content.iter_chunked(65_536):
            raw += chunk
            if len(raw) > ANSWER_BYTES_MAX:
                return None
    value = json.loads(raw) if response.status == 200 else None
    return value if isinstance(value, dict) else None
