"""Faults: the world failed. One root; translated at the boundary, retried or reported by the shell.

Refusals are not here (``bot.core.reasons``), bugs are not caught. No message holds a value from a request.
"""

from __future__ import annotations

from datetime import timedelta


class SignoffError(Exception):
    """Root of all faults."""


class ConfigError(SignoffError):
    """The configuration cannot be used; the message says which key and what to write instead."""


class StoreFault(SignoffError):
    """The database failed and nothing was written."""


class RowForged(SignoffError):
    """A row was not written by us, or not as it stands now (T46). Nothing was done. *kind* is the table's name."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"a row of {kind} was not written by this installation, or was changed since, so nothing is done with it; keep everything "
            "as it is, run `signoff doctor`, and find out who can write to the database"
        )
        self.kind = kind


class Busy(StoreFault):
    """The queue is full or the database locked; try again. Answered as 503 with Retry-After."""


class Unknown(StoreFault):
    """A commit's answer was lost: whether it was written must be read again (T44)."""


class Conflict(SignoffError):
    """An invariant of the database held against a write."""


class KeyUnavailable(SignoffError):
    """A key is missing, destroyed or unreadable."""


class PreviewTampered(SignoffError):
    """The stored preview is not the one that was hashed; the request is frozen rather than guessed at (I4)."""


class Retry(SignoffError):
    """Delivery failed for now."""

    def __init__(self, after: timedelta, why: str) -> None:
        super().__init__(why)
        self.after = after


class GiveUp(SignoffError):
    """Delivery can never succeed (address gone, 410); the row is closed and the loss reported."""


class OutsideFault(SignoffError):
    """An anchor or a SIEM cannot be reached, or refuses; it will be tried again. The message is fixed words and numbers: it is shown."""
