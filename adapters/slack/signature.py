"""Whether Slack sent these bytes: its v0 signature, over the raw body, before anything is parsed (T25, T26).

Decided here: which requests are Slack's and which of them were seen before. Source: docs.slack.dev "Verifying requests from Slack".
The SDK's verifier raises on odd headers and on bodies that are not UTF-8, so this is our own. Never raises. Deliberately absent:
clocks (``now`` is an argument) and meaning.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

WINDOW_SECONDS: Final = 300
"""How old or how far ahead a timestamp may be."""
BODY_BYTES_MAX: Final = 1_000_000
REMEMBERED_MAX: Final = 50_000
_TIMESTAMP: Final = re.compile(rb"[0-9]{1,10}")
_SIGNATURE: Final = re.compile(rb"v0=[0-9a-f]{64}")

Headers = Iterable[tuple[bytes, bytes]]


class Verifier:
    """``is_genuine`` with one or two secrets (rotation). An empty list of secrets verifies nothing."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        if not secrets or not all(len(secret) >= 16 for secret in secrets):
            raise ValueError("a signing secret is missing or too short to be one")
        self._secrets = tuple(secrets)

    def is_genuine(self, headers: Headers, body: bytes, now: int) -> bool:
        """Exactly one well-formed timestamp and signature, fresh at *now* (unix seconds), made with one of our secrets."""
        lowered = [(name.lower(), value) for name, value in headers]
        timestamps = [value for name, value in lowered if name == b"x-slack-request-timestamp"]
        signatures = [value for name, value in lowered if name == b"x-slack-signature"]
        if len(timestamps) != 1 or len(signatures) != 1 or len(body) > BODY_BYTES_MAX:
            return False
        timestamp, signature = timestamps[0], signatures[0]
        if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
            return False
        if abs(now - int(timestamp)) > WINDOW_SECONDS:
            return False
        base = b"v0:" + timestamp + b":" + body
        matches = [hmac.compare_digest(sign(secret, base), signature) for secret in self._secrets]
        return any(matches)


def sign(secret: bytes, base: bytes) -> bytes:
    return b"v0=" + hmac.new(secret, base, hashlib.sha256).hexdigest().encode()


class Replays:
    """Remembers genuine signatures for longer than they are fresh. A signature covers time and body, so equal means the same sending.

    Bounded: when full, the oldest is forgotten; votes are idempotent, so that costs a repeated answer and no second vote (I11)."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, int] = OrderedDict()

    def is_new(self, signature: bytes, now: int) -> bool:
        """True the first time. Forgets what is past twice the window."""
        while self._seen and next(iter(self._seen.values())) < now - 2 * WINDOW_SECONDS:
            self._seen.popitem(last=False)
        if signature in self._seen:
            return False
        if len(self._seen) >= REMEMBERED_MAX:
            self._seen.popitem(last=False)
        self._seen[signature] = now
        return True
