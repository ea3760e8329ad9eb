"""The one place that reads the clock. Everything else is told what time it is.

Deliberately absent: any rule about time going back; that is the store's high-water mark (T38).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """The operating system's clock as the ``Clock`` port: wall time in UTC, and monotonic seconds for timeouts."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251  this is the adapter that the ban points to

    def monotonic(self) -> float:
        return time.monotonic()
