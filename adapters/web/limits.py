"""How much of us one visitor may use: bodies, sign-in attempts, live streams. A bounded table each; nothing here is stored (I12).

Every number is a named constant with its reason. Time is an argument (monotonic seconds).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

FORM_BYTES_MAX: Final = 32 * 1024
"""The longest text a person types here is a reason (2,000 characters)."""
FORM_SECONDS: Final = 10.0
"""A whole form must be here by then; the door to sign-in is open to strangers (T57)."""
TEXT_MAX: Final = 2_000
PASSWORD_BYTES_MAX: Final = 1_024
"""argon2 is linear in the password; longer ones are refused unhashed."""
STREAMS_MAX: Final = 5
"""Live streams a person; browsers open at most six HTTP/1.1 connections to one origin, so that one stays for pages."""
SCROLL_MAX: Final = 500
"""Entries in one audit export: the port's own limit."""

FREE_FAILURES: Final = 5
BACKOFF_MAX: Final = 60.0
CLIENT_PER_MINUTE: Final = 30
ALL_PER_MINUTE: Final = 300
TABLE_MAX: Final = 10_000
JOURNALLED_PER_MINUTE: Final = 60
"""Refused sign-ins that become audit entries; the rest are only counted."""


@dataclass(slots=True)
class _Failures:
    count: int = 0
    open_at: float = 0.0


@dataclass(slots=True)
class Window:
    """At most *limit* hits in any fixed *span* seconds."""

    limit: int
    span: float = 60.0
    started: float = 0.0
    hits: int = 0

    def take(self, now: float) -> bool:
        if now - self.started >= self.span:
            self.started, self.hits = now, 0
        self.hits += 1
        return self.hits <= self.limit


@dataclass(slots=True)
class Throttle:
    """Slows guessing without locking anybody out: a (name, client) pair backs off after five failures, a client and the
    whole door have a rate. Nobody can shut a name for other clients, so that an approver can always come in to deny (A7)."""

    pairs: OrderedDict[tuple[str, str], _Failures] = field(default_factory=OrderedDict)
    clients: OrderedDict[str, Window] = field(default_factory=OrderedDict)
    door: Window = field(default_factory=lambda: Window(ALL_PER_MINUTE))
    journal: Window = field(default_factory=lambda: Window(JOURNALLED_PER_MINUTE))

    def wait_seconds(self, name: str, client: str, now: float) -> float:
        """0 when an attempt may be made now (and it is counted); else how long to wait."""
        window = self.clients.setdefault(client, Window(CLIENT_PER_MINUTE))
        self.clients.move_to_end(client)
        while len(self.clients) > TABLE_MAX:
            self.clients.popitem(last=False)
        pair = self.pairs.get((name, client))
        if pair is not None and now < pair.open_at:
            return pair.open_at - now
        if not window.take(now):
            return max(1.0, window.started + window.span - now)
        return 0.0 if self.door.take(now) else 5.0

    def failed(self, name: str, client: str, now: float) -> None:
        pair = self.pairs.setdefault((name, client), _Failures())
        self.pairs.move_to_end((name, client))
        pair.count += 1
        over = pair.count - FREE_FAILURES
        if over >= 0:
            pair.open_at = now + min(BACKOFF_MAX, float(2 ** min(over, 10)))
        while len(self.pairs) > TABLE_MAX:
            self.pairs.popitem(last=False)

    def succeeded(self, name: str, client: str) -> None:
        self.pairs.pop((name, client), None)


@dataclass(slots=True)
class Streams:
    """Open live streams by person."""

    open: dict[str, int] = field(default_factory=dict)

    def is_full(self, person: str) -> bool:
        return self.open.get(person, 0) >= STREAMS_MAX

    def take(self, person: str) -> bool:
        if self.is_full(person):
            return False
        self.open[person] = self.open.get(person, 0) + 1
        return True

    def give_back(self, person: str) -> None:
        left = self.open.get(person, 0) - 1
        if left > 0:
            self.open[person] = left
        else:
            self.open.pop(person, None)
