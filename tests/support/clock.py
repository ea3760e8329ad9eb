"""A clock that moves when the test says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class ManualClock:
    """Stands still until moved; may be moved back, as real clocks are."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._monotonic = 1_000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def forward(self, delta: timedelta) -> None:
        self._now += delta
        self._monotonic += max(0.0, delta.total_seconds())

    def back(self, delta: timedelta) -> None:
        """The wall clock is set back; monotonic time does not follow."""
        self._now -= delta

    def set(self, moment: datetime) -> None:
        self.forward(moment - self._now) if moment >= self._now else self.back(self._now - moment)
