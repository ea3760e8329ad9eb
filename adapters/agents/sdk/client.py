"""The client itself. Blocking, one connection a call, certificate checked, no redirect followed, no proxy used.

Decided here: every call that changes something carries a key of its own, made once, so that a repeat after a lost answer
gets the same answer (ask: Idempotency-Key; redeem: redemption_key). Busy answers are retried with the server's own delay, a few
times. Deliberately absent: acting without a redeemed grant, and trusting a grant's token offline.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final
from urllib.parse import urlsplit

WAIT_SECONDS: Final = 50
"""Of one held call; below the idle limit of proxies."""
TIMEOUT_SECONDS: Final = 15.0
RETRIES: Final = 4
RETRY_SECONDS_MAX: Final = 30.0
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Problem(Exception):
    """The server said no: RFC 9457. *code* is stable (docs/api.md)."""

    def __init__(self, status: int, code: str, detail: str, pointer: str | None = None) -> None:
        super().__init__(f"{status} {code}: {detail}" + (f" (at {pointer})" if pointer else ""))
        self.status = status
        self.code = code
        self.detail = detail
        self.pointer = pointer


class NotApproved(Exception):
    """The request was settled, and not by an approval; or it is still open when the patience ended."""

    def __init__(self, state: str, reason: Mapping[str, str] | None) -> None:
        super().__init__(f"{state}: {reason['sentence']}" if reason else state)
        self.state = state
        self.reason = dict(reason) if reason else None


class SignoffClient:
    """*url* is the server's origin, *key* an agent's ``sok_…`` key or a workload token. ``http`` only on loopback."""

    def __init__(
        self, url: str, key: str, *, timeout: float = TIMEOUT_SECONDS, context: ssl.SSLContext | None = None
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url must be an origin such as https://signoff.example")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ValueError("a key is not sent in the clear: use https")
        self._host, self._port, self._tls = parts.hostname, parts.port, parts.scheme == "https"
        self._base = parts.path.rstrip("/")
        self._key = key
        self._timeout = timeout
        self._context = context or (ssl.create_default_context() if self._tls else None)

    def ask(
        self,
        action: str,
        resource: Mapping[str, str],
        parameters: Mapping[str, Any],
        *,
        precondition: Mapping[str, Any] | None = None,
        justification: str = "",
        context: Mapping[str, Any] | None = None,
        on_behalf_of: str | None = None,
        decide_within_seconds: int | None = None,
        callback_url: str | None = None,
        idempotency_key: str | None = None,
    ) -> Asked:
        """Ask for leave. Returns at once; ``Problem`` when the request was not taken."""
        payload: dict[str, Any] = {
            "action": action,
            "resource": dict(resource),
            "parameters": dict(parameters),
        }
        if precondition is not None:
            payload["precondition"] = dict(precondition)
        claim = {
            "justification": justification or None,
            "context": dict(context) if context is not None else None,
            "on_behalf_of": on_behalf_of,
            "decide_within_seconds": decide_within_seconds,
            "callback_url": callback_url,
        }
        body = payload | {name: value for name, value in claim.items() if value is not None}
        headers = {"Idempotency-Key": idempotency_key or os.urandom(16).hex()}
        return Asked(self, self.call("POST", "/v1/requests", body, headers), payload)

    def find(self, id: str, payload: Mapping[str, Any]) -> Asked:
        """A request asked earlier, by its id, and the payload it was for (the server never gives that back)."""
        return Asked(self, self.call("GET", f"/v1/requests/{id}"), dict(payload))

    def mask(self, value: Any) -> Any:
        """*value* with everything personal or secret masked."""
        return self.call("POST", "/v1/mask", value)["masked"]

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float | None = None,
    ) -> Any:
        """One call; its JSON. Busy answers and broken connections are tried again, which is safe: every call is idempotent."""
        raw = json.dumps(body, allow_nan=False).encode() if body is not None else None
        for attempt in range(RETRIES + 1):
            last = attempt == RETRIES
            try:
                status, answer_headers, text = self._once(method, path, raw, headers or {}, timeout)
            except (OSError, http.client.HTTPException):
                if last:
                    raise
                time.sleep(min(0.2 * 2**attempt, RETRY_SECONDS_MAX))
                continue
            if status == 503 and not last:
                time.sleep(_delay(answer_headers.get("Retry-After"), attempt))
                continue
            break
        if 200 <= status < 300:
            return json.loads(text)
        raise _problem(status, text)

    def _once(
        self, method: str, path: str, raw: bytes | None, headers: Mapping[str, str], timeout: float | None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        seconds = timeout if timeout is not None else self._timeout
        connection: http.client.HTTPConnection
        if self._tls:
            connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=seconds, context=self._context
            )
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=seconds)
        sent = {
            "Authorization": f"Bearer {self._key}",
            "Accept": "application/json",
            "User-Agent": "signoff-client",
        }
        if raw is not None:
            sent["Content-Type"] = "application/json"
        try:
            connection.request(method, self._base + path, raw, sent | dict(headers))
            answer = connection.getresponse()
            text = answer.read(ANSWER_BYTES_MAX + 1)
            if len(text) > ANSWER_BYTES_MAX:
                raise http.client.HTTPException("the answer is too large")
            return answer.status, answer.headers, text
        finally:
            connection.close()


@dataclass(slots=True)
class Asked:
    """One request. *answer* is the server's last word on it."""

    client: SignoffClient
    answer: dict[str, Any]
    payload: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.answer["id"])

    @property
    def state(self) -> str:
        return str(self.answer["state"])

    def wait(self, patience_seconds: float | None = None) -> Asked:
        """Until it is approved; itself. ``NotApproved`` when it is settled otherwise, or still open after *patience_seconds*."""
        ends = None if patience_seconds is None else time.monotonic() + patience_seconds
        while self.state == "pending":
            left = WAIT_SECONDS if ends is None else min(WAIT_SECONDS, int(ends - time.monotonic()) + 1)
            if ends is not None and time.monotonic() >= ends:
                break
            path = f"/v1/requests/{self.id}?wait={max(1, left)}"
            self.answer = self.client.call("GET", path, timeout=left + TIMEOUT_SECONDS)
        if self.state != "approved":
            raise NotApproved(self.state, self.answer.get("reason"))
        return self

    def redeem(self, payload: Mapping[str, Any] | None = None) -> Spent:
        """Spend the grant for exactly *payload* (what was asked, unless given). ``Problem`` means: do not act."""
        grant = self.answer.get("grant") or {}
        if "token" not in grant:
            raise NotApproved(self.state, self.answer.get("reason"))
        body = {
            "token": grant["token"],
            "payload": dict(payload) if payload is not None else self.payload,
            "redemption_key": os.urandom(16).hex(),
        }
        return Spent(self.client, self.client.call("POST", "/v1/grants/redeem", body))

    def cancel(self) -> Asked:
        """Take the request back."""
        self.answer = self.client.call("POST", f"/v1/requests/{self.id}/cancel")
        return self

    def give_back(self, reason: str = "") -> None:
        """Give the unspent grant back."""
        self.client.call("POST", f"/v1/grants/{self.answer['grant']['id']}/revoke", {"reason": reason})


@dataclass(slots=True)
class Spent:
    """A spent grant: act now, then report. As a context manager it reports success, or failure when the block raises."""

    client: SignoffClient
    answer: dict[str, Any]

    @property
    def repeated(self) -> bool:
        """The grant had been spent by this very call before; whether the act was done is for the caller to find out."""
        return bool(self.answer["repeated"])

    def report(self, outcome: str, detail: str = "") -> dict[str, Any]:
        """*outcome* is ``succeeded`` or ``failed``."""
        path = f"/v1/grants/{self.answer['grant']['id']}/outcome"
        return dict(self.client.call("POST", path, {"outcome": outcome, "detail": detail}))

    def __enter__(self) -> Spent:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The error's type only: its text may hold what was worked on.
        self.report("failed" if kind else "succeeded", kind.__name__ if kind else "")


def _delay(text: str | None, attempt: int) -> float:
    if text is not None and text.isascii() and text.isdigit() and len(text) < 6:
        return min(float(text), RETRY_SECONDS_MAX)
    return float(min(0.2 * 2**attempt, RETRY_SECONDS_MAX))


def _problem(status: int, text: bytes) -> Problem:
    try:
        body = json.loads(text)
        return Problem(status, str(body["code"]), str(body.get("detail", "")), body.get("pointer"))
    except (ValueError, KeyError, TypeError):
        return Problem(status, "unknown", "the answer is not a problem document")
