"""One bounded HTTPS exchange with the configured identity provider: the ``Fetch`` of ``oidc``.

The address comes from the operator's config and never from a request. No redirect, no proxy from the environment, five seconds,
64 KiB. Deliberately absent: retries (a code works once) and any address of an agent (callbacks have their own rules, T34).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import aiohttp

from adapters.web.oidc import ANSWER_BYTES_MAX

SECONDS_MAX: Final = 5.0


async def fetch(url: str, *, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """See ``oidc.Fetch``. A body beyond the limit comes back one byte too long, so that the caller refuses it."""
    timeout = aiohttp.ClientTimeout(total=SECONDS_MAX)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False, auto_decompress=False) as session:
        method = "GET" if form is None else "POST"
        try:
            async with session.request(
                method, url, data=form, headers=dict(headers), allow_redirects=False
            ) as answer:
                body = b""
                async for chunk in answer.content.iter_chunked(8192):
                    body += chunk
                    if len(body) > ANSWER_BYTES_MAX:
                        return answer.status, body[: ANSWER_BYTES_MAX + 1]
                return answer.status, body
        except aiohttp.ClientError as e:
            raise OSError(type(e).__name__) from e
