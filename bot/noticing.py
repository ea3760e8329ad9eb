"""One look for all who wait: which requests changed, by this process or by another that writes into the same store.

Whoever waits for a request is woken when this process changes it (``bot.watch``). Once a second, for all of them together, the log is
asked which requests its new entries are about: every change has an entry in the same transaction (I7), so a command beside the server,
another replica, and a change whose wake-up was lost (its caller was cancelled between the commit and the telling) are all found there. So
nobody who waits has to look on his own, and ten thousand who began together do not all look together.

A wake-up says *look again*; what there is to see is read then (I14). Deliberately absent: any judgement of what changed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot.core.ids import RequestId
from bot.ports import ReadTx, Store, Watch
from bot.scheduler import Periodic

EVERY: Final = timedelta(seconds=1)
"""By how much a change of another process reaches a waiting agent later than one of our own."""
ENTRIES_MAX: Final = 20_000
"""Entries that one look goes through: twice what is written in a second at 5,000 requests a second."""


def noticing(store: Store, watch: Watch) -> Periodic:
    """The look as a job for the scheduler. The first one only notes where the log ends."""
    seen: int | None = None

    async def run() -> None:
        nonlocal seen
        since = seen

        def work(tx: ReadTx) -> tuple[int, list[RequestId]]:
            size, _ = tx.audit_head()
            if since is None or not watch.waiting:
                return size, []
            until = min(size, since + ENTRIES_MAX)
            return until, tx.requests_in_log(since, until)

        seen, changed = await store.read(work)
        watch.noticed(changed)

    return Periodic("changes by other processes", EVERY, run)
