"""A seal on every row that decides something, by a key that is not in the database (T46).

Whoever can write the file can write a row, but not its seal: HMAC-SHA-256 over the kind of row, the key it is found by, and its text,
cut to 128 bits (RFC 2104 section 5). The seal stands behind the text, after a line feed, which JSON from us never holds. A row whose
seal is missing or does not fit is never acted on: reading it raises ``RowForged``.

What a seal does not see: a genuine row that was deleted, or an older genuine row put back. What those could do to a decision is
checked against the audit log (``bot.desk.proof``).
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Final

from bot.errors import RowForged

Mac = Callable[[bytes], bytes]
"""Keyed; at least 16 bytes of answer."""

SEAL_BYTES: Final = 16
_SEALED: Final = re.compile(r"(.*)\n([A-Za-z0-9_-]{22})", re.DOTALL)


class RowSeal:
    """Closes and opens the text of rows. Without *mac* (a store of nobody's, in a test) nothing is sealed and nothing is checked."""

    def __init__(self, mac: Mac | None) -> None:
        self._mac = mac

    def close(self, kind: str, key: str, text: str) -> str:
        """*text* with its seal."""
        return text if self._mac is None else f"{text}\n{self._seal(kind, key, text)}"

    def open(self, kind: str, key: str, stored: str) -> str:
        """The text that we wrote under *key*; ``RowForged`` for any other."""
        parts = _SEALED.fullmatch(stored)
        if self._mac is None:
            return stored if parts is None else parts.group(1)
        if parts is None or not hmac.compare_digest(parts.group(2), self._seal(kind, key, parts.group(1))):
            raise RowForged(kind)
        return parts.group(1)

    def _seal(self, kind: str, key: str, text: str) -> str:
        assert self._mac is not None
        # Lengths first, so that no two rows give the same bytes.
        data = f"signoff row v1\n{kind}\n{len(key)}\n{key}\n{text}".encode()
        return urlsafe_b64encode(self._mac(data)[:SEAL_BYTES]).decode().rstrip("=")
