"""A small client of our own API for the command line and the demo: one call, one answer, no redirects, no proxies.

Decided here: which addresses a credential is ever sent to (https, or http on loopback), and what an error looks like. Deliberately
absent: retries; a caller that must not ask twice gives an Idempotency-Key.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import urlsplit

from bot.cli._io import CommandError
from bot.config import is_loopback
from bot.secret import Secret

ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024
GRACE_SECONDS: Final = 15.0


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())


class Refusal(CommandError):
    """The server said no; *word* is the stable code, *status* the HTTP status."""

    def __init__(self, status: int, word: str, sentence: str) -> None:
        super().__init__(f"{sentence} ({word})")
        self.status = status
        self.word = word


class Api:
    """One server and one credential."""

    def __init__(self, url: str, credential: Secret) -> None:
        parts = urlsplit(url)
        if not parts.hostname or parts.scheme not in {"http", "https"}:
            raise CommandError(f"{url} is not an address; write for example https://signoff.example")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise CommandError("a credential is not sent over plain http to another machine; use https")
        self._url = url.rstrip("/")
        self._credential = credential

    def get(self, path: str, *, wait: float = 0) -> Any:
        return self._call("GET", path, None, {}, wait)

    def post(self, path: str, body: object, **headers: str) -> Any:
        return self._call("POST", path, json.dumps(body).encode(), headers, 0)

    def _call(self, method: str, path: str, body: bytes | None, headers: dict[str, str], wait: float) -> Any:
        request = urllib.request.Request(self._url + path, data=body, method=method)  # noqa: S310  scheme checked above
        request.add_header("Authorization", f"Bearer {self._credential.reveal()}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with _OPENER.open(request, timeout=wait + GRACE_SECONDS) as answer:
                return _json(answer.read(ANSWER_BYTES_MAX))
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error.code, error.read(65536)) from None
        except (OSError, HTTPException) as error:
            raise CommandError(
                f"{self._url} does not answer ({type(error).__name__}); is `signoff serve` running there?"
            ) from None


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else {}
    except ValueError:
        raise CommandError("the server's answer is not JSON; is this address a Signoff server?") from None


def _refusal(status: int, raw: bytes) -> CommandError:
    try:
        problem = json.loads(raw)
        word = str(problem["type"]).rstrip("/").rpartition("/")[2]
        return Refusal(status, word, str(problem.get("detail") or problem.get("title") or "Refused."))
    except (ValueError, KeyError, TypeError, AttributeError):
        return CommandError(f"the server answered with status {status} and nothing that explains it")
