"""Calls to Slack's Web API: one pooled session, errors translated, channels paced.

Decided here: which of Slack's error words mean "later", which "never", which "not like this". Deliberately absent: what is said.
Sources: docs.slack.dev method references (error words), "Rate limits" (429 with Retry-After; chat.postMessage about one a second
and channel). The bolt app has a client of its own without a shared session: a session in it breaks bolt's deep copies.
"""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any, Final

import aiohttp

from bot.chat.coalesce import Pace, Paced
from bot.errors import GiveUp, Retry, SignoffError
from bot.secret import Secret

TIMEOUT_SECONDS: Final = 10
ANSWER_BYTES_MAX: Final = 4_000_000
BACK_OFF: Final = timedelta(seconds=15)
OUTAGE_PAUSE_SECONDS: Final = 2.0
"""After a server error nobody posts for this long, so that an outage is not met with a thousand calls."""
CONFIG_BACK_OFF: Final = timedelta(minutes=2)
"""After an error that an operator must mend (token, scope, membership): the message is kept and tried again."""

_NEVER: Final = frozenset({"channel_not_found", "is_archived", "restricted_action_read_only_channel"})
_OPERATOR: Final = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_in_channel", "no_permission", "ekm_access_denied", "team_access_not_granted"}
)  # fmt: skip
_LATER: Final = frozenset(
    {
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
        "rollup_error",
    }
)
_NOT_LIKE_THIS: Final = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_too_long",
        "msg_blocks_too_long",
        "invalid_attachments",
        "metadata_too_large",
        "invalid_metadata_format",
    }
)


class Rejected(SignoffError):
    """Slack does not take this message in this shape; ``word`` is its error."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class MissingScope(Retry):
    """The app was installed without a scope that this call needs; an operator must mend it."""


class Refusal(SignoffError):
    """Slack said no for a reason of the call itself (``message_not_found``, ``user_not_found`` …)."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class Api:
    """``call`` one method. Everything is POSTed (a test program reads nothing else, Slack takes both)."""

    def __init__(self, url: str, token: Secret, pace: Pace) -> None:
        self._url = url
        self._token = token
        self._pace = pace
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        self._session = aiohttp.ClientSession(timeout=timeout, trust_env=False)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(self, method: str, *, channel: str = "", **arguments: object) -> dict[str, Any]:
        """Slack's answer when it is ``ok``. *channel* is paced as well as sent. Raises ``Retry``, ``GiveUp``, ``Rejected``, ``Refusal``."""
        if channel:
            self._pace.take(channel)
            arguments["channel"] = channel
        return await self._call(method, channel, arguments)

    async def beside(self, method: str, channel: str, **arguments: object) -> dict[str, Any]:
        """A call about *channel* that takes nothing from the channel's pace: one that reads, or an answer to one person, which has
        a rate of its own (chat.postEphemeral is Tier 4) and would be lost if it had to wait behind cards."""
        self._pace.check()
        return await self._call(method, "", {"channel": channel, **arguments})

    async def _call(self, method: str, channel: str, arguments: dict[str, object]) -> dict[str, Any]:
        form = {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in arguments.items()
            if value is not None
        }
        headers = {"Authorization": f"Bearer {self._token.reveal()}"}
        status, after, answer = await self._post(self._url + method, form, headers)
        if status == 429 or answer.get("error") == "ratelimited":
            seconds = _seconds(after)
            self._pace.pause(channel or method, seconds)
            raise Paced(timedelta(seconds=seconds), "rate limited")
        if status >= 500:
            self._pace.pause("", OUTAGE_PAUSE_SECONDS)
            raise Retry(BACK_OFF, f"HTTP {status}")
        if answer.get("ok") is True:
            return answer
        raise _error(str(answer.get("error", "no_answer")))

    async def respond(self, url: str, message: dict[str, Any]) -> None:
        """Answer through a ``response_url``: private, without replacing the message it came from. Raises ``Retry`` when Slack is down, ``Refusal``
        when it does not take the answer (the address is good for thirty minutes and five answers)."""
        status, _, _ = await self._post(
            url, {"response_type": "ephemeral", "replace_original": False, **message}, {}, as_json=True
        )
        if status >= 500:
            raise Retry(BACK_OFF, f"HTTP {status}")
        if status >= 400:
            raise Refusal(f"response_url: HTTP {status}")

    async def upload(self, url: str, content: bytes) -> None:
        """The bytes of a file to the address that ``files.getUploadURLExternal`` gave. The caller has checked whose address it is."""
        if self._session is None:
            raise Retry(BACK_OFF, "not started")
        headers = {"Content-Type": "application/octet-stream"}
        try:
            async with self._session.post(
                url, data=content, headers=headers, allow_redirects=False
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Retry(BACK_OFF, f"unreachable ({type(error).__name__})") from error
        if status != 200:
            raise Retry(BACK_OFF, f"HTTP {status}")

    async def _post(
        self, url: str, body: dict[str, Any], headers: dict[str, str], *, as_json: bool = False
    ) -> tuple[int, str | None, dict[str, Any]]:
        if self._session is None:
            raise Retry(BACK_OFF, "not started")
        try:
            async with self._session.post(
                url,
                json=body if as_json else None,
                data=None if as_json else body,
                headers=headers,
                allow_redirects=False,
            ) as response:
                raw = await _read(response)
                return response.status, response.headers.get("Retry-After"), _object(raw)
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            self._pace.pause("", OUTAGE_PAUSE_SECONDS)
            raise Retry(BACK_OFF, f"unreachable ({type(error).__name__})") from error


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole answer, or nothing of one that is too long."""
    raw = b""
    async for chunk in response.content.iter_chunked(65_536):
        raw += chunk
        if len(raw) > ANSWER_BYTES_MAX:
            return b""
    return raw


def _object(raw: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(raw)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _seconds(retry_after: str | None) -> float:
    """Retry-After as whole seconds, bounded; 30 when it is missing or odd."""
    text = (retry_after or "").strip()
    return (
        float(min(max(int(text), 1), 3600)) if text.isascii() and text.isdigit() and len(text) < 7 else 30.0
    )


def _error(word: str) -> SignoffError:
    if word in _NEVER:
        return GiveUp(word)
    if word == "missing_scope":
        return MissingScope(CONFIG_BACK_OFF, word)
    if word in _OPERATOR:
        return Retry(CONFIG_BACK_OFF, word)
    if word in _LATER or word == "no_answer":
        return Retry(BACK_OFF, word)
    if word in _NOT_LIKE_THIS:
        return Rejected(word)
    return Refusal(word)
