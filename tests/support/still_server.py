"""``signoff serve`` whose scheduler never does anything: nothing is swept, nothing recorded by the clock (T37)."""

from __future__ import annotations

from bot import app
from bot.cli import main
from bot.scheduler import Scheduler


class StillScheduler(Scheduler):
    """Started and stopped like the real one; no job ever runs."""

    def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    def nudge(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    app.Scheduler = StillScheduler  # type: ignore[misc]
    main()
