"""The job that holds every card against the state, whatever the outbox believes (T45, I14).

An outbox row can be closed without having been sent (the platform refused it, three days of failures), and a copy can be edited by a
process that stopped before it wrote that down. Decided here: which copies are looked at, and that one which fails stops no other.
Deliberately absent: how a copy is brought up to date (the surface), and retries (this job comes again).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from bot.chat.direct import has_direct
from bot.chat.mark import mark_now
from bot.core.ids import RequestId
from bot.errors import GiveUp, Retry
from bot.ports import Page, ReadTx, Store, Surface
from bot.scheduler import Periodic

EVERY: Final = timedelta(minutes=5)
LOOKED_BACK: Final = timedelta(days=9)
"""A request lives seven days at most, and its grant and outcome about another."""
PAGE: Final = 200
PAGES_MAX: Final = 50

log = logging.getLogger("signoff.chat")


def reconciling(store: Store, surfaces: Sequence[Surface], every: timedelta = EVERY) -> Periodic:
    """``run`` answers with how many copies did not show the state and were brought up to date."""

    async def run() -> int:
        return await reconcile(store, surfaces)

    return Periodic("reconcile", every, run)


async def reconcile(store: Store, surfaces: Sequence[Surface]) -> int:
    by_prefix = {surface.prefix: surface for surface in surfaces}
    before: str | None = None
    mended = 0
    paused: set[str] = set()
    for _ in range(PAGES_MAX):
        cursor = before
        stale, direct, before = await store.read(lambda tx, c=cursor: _stale(tx, c, frozenset(by_prefix)))  # type: ignore[misc]
        for prefix, request in direct:
            stale += [(name, request) for name in await by_prefix[prefix].absent(request)]
        for name, request in stale:
            prefix = name.partition(":")[0]
            if prefix not in paused:
                mended += await _mend(by_prefix[prefix], name, request, paused)
        if before is None:
            break
        await asyncio.sleep(0)
    return mended


async def _mend(surface: Surface, name: str, request: RequestId, paused: set[str]) -> int:
    try:
        await surface.show(name, request)
    except Retry:
        paused.add(surface.prefix)  # too fast, or the platform is away: the rest waits for the next run
        return 0
    except GiveUp as why:
        log.warning("a copy cannot be brought up to date (%s)", type(why).__name__)
        return 0
    return 1


def _stale(
    tx: ReadTx, before: str | None, prefixes: frozenset[str]
) -> tuple[list[tuple[str, RequestId]], list[tuple[str, RequestId]], str | None]:
    """Copies of one page of requests that show something else than the state, and open requests whose card stands nowhere; platforms on
    which a request wants direct copies; the cursor of the next page, None at the end."""
    now = tx.now()
    requests = tx.requests(Page(PAGE, before))
    found: list[tuple[str, RequestId]] = []
    direct: list[tuple[str, RequestId]] = []
    for request in requests:
        wanted = [s for s in request.requirement.surfaces if s.partition(":")[0] in prefixes]
        if not wanted or now - request.created_at > LOOKED_BACK:
            continue
        refs = tx.chat_refs(request.id)
        should = mark_now(request, tx.grant_of(request.id), now)
        found += [
            (r.surface, request.id)
            for r in refs
            if r.version < should and r.surface.partition(":")[0] in prefixes
        ]
        if request.state.is_open:
            found += [(name, request.id) for name in wanted if name not in {ref.surface for ref in refs}]
        if has_direct(request):
            direct += [(prefix, request.id) for prefix in sorted({name.partition(":")[0] for name in wanted})]
    is_last = len(requests) < PAGE or now - requests[-1].created_at > LOOKED_BACK
    return found, direct, None if is_last else requests[-1].id
