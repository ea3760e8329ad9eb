"""Standard Webhooks 1.0.0 signatures, both ways: what an agent signed, and what we sign for its callbacks.

The signature covers ``id.timestamp.body`` over the raw bytes, before anything is parsed. Decided here: the window, what a
header may look like (ASCII digits only: ``int`` reads full-width ones), and that the very same message is taken once.
Deliberately absent: ``v1a`` (Ed25519); an agent's secret is symmetric, so ``v1`` it is. Source: standardwebhooks.com.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

WINDOW: Final = timedelta(seconds=300)
"""The standard's recommended tolerance, both ways."""
SIGNATURES_MAX: Final = 8
"""Rotation needs two."""
REMEMBERED_MAX: Final = 200_000
"""Signed messages within the window, over all agents: their rate limits keep it far below. Full means refuse."""

_ID: Final = re.compile(r"[!-\-/-~ ]{1,512}")
"""Printable ASCII without the full stop, which separates."""
_TIMESTAMP: Final = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """The three headers, well-formed."""

    id: str
    timestamp: int
    signatures: tuple[bytes, ...]


def parse(id: str, timestamp: str, signature: str) -> Envelope | None:
    """None when a header is not as the standard says. Bounded work (I12)."""
    if not _ID.fullmatch(id) or not _TIMESTAMP.fullmatch(timestamp) or len(signature) > 2048:
        return None
    found = []
    for part in signature.split(" ")[:SIGNATURES_MAX]:
        version, _, text = part.partition(",")
        if version != "v1":
            continue
        try:
            raw = base64.b64decode(text.encode("ascii"), validate=True)
        except (binascii.Error, UnicodeEncodeError, ValueError):
            continue
        if len(raw) == hashlib.sha256().digest_size:
            found.append(raw)
    return Envelope(id, int(timestamp), tuple(found)) if found else None


def is_signed_by(secret: bytes, envelope: Envelope, body: bytes) -> bool:
    expected = mac(secret, envelope.id, envelope.timestamp, body)
    return any(hmac.compare_digest(expected, given) for given in envelope.signatures)


def is_in_window(envelope: Envelope, now: datetime) -> bool:
    return abs(envelope.timestamp - now.timestamp()) <= WINDOW.total_seconds()


def mac(secret: bytes, id: str, timestamp: int, body: bytes) -> bytes:
    return hmac.digest(secret, f"{id}.{timestamp}.".encode() + body, "sha256")


def sign(secrets: Iterable[bytes], id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers, one signature for each live secret, newest first."""
    signatures = [
        "v1," + base64.b64encode(mac(secret, id, timestamp, body)).decode("ascii") for secret in secrets
    ]
    return {"webhook-id": id, "webhook-timestamp": str(timestamp), "webhook-signature": " ".join(signatures)}


class Replays:
    """Which messages were taken. Only verified ones get in, so strangers cannot fill it; old ones fall out by time.

    The memory is the process's own: what was signed before *since* may have been taken by the process before this one and
    is refused; its sender signs it anew.
    """

    def __init__(self, since: datetime) -> None:
        self._since = int(since.timestamp())
        self._until: dict[bytes, float] = {}

    def take(self, key_id: str, envelope: Envelope, now: datetime) -> bool:
        """Whether this message is taken for the first time. A retry by the sender has a new timestamp and is another."""
        if envelope.timestamp < self._since:
            return False
        instant = now.timestamp()
        while self._until and next(iter(self._until.values())) < instant:
            del self._until[next(iter(self._until))]
        name = hashlib.sha256(f"{key_id}.{envelope.id}.{envelope.timestamp}".encode()).digest()
        if name in self._until or len(self._until) >= REMEMBERED_MAX:
            return False
        # Twice the window: a message dated in the future stays valid that long.
        self._until[name] = instant + 2 * WINDOW.total_seconds()
        return True
