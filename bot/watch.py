"""Waking whoever waits for a request to change, inside this process.

Keeps: a wake-up that comes between ``subscribe`` and the first ``await`` is not lost, because the subscription stands
from the call on. Wake-ups of the same request are merged; nothing is queued without a limit. Losing one delays a
waiter until the next look of ``bot.noticing``, it never misleads it: a wake-up says *look again*, never what there is to see (I14).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from typing import Final

from bot.core.ids import RequestId

MERGED_MAX: Final = 1_000
"""Different requests that one slow subscriber may owe a look; the oldest fall out first."""

TOLD_MAX: Final = 20_000
"""Changes of this process between two looks."""


class Subscription(AsyncIterator[RequestId]):
    """An endless iterator of changed requests. ``aclose`` it (or leave its ``async with``) when done."""

    def __init__(self, watch: LocalWatch, request: RequestId | None) -> None:
        self._watch = watch
        self._request = request
        self._owed: dict[RequestId, None] = {}
        self._waiter: asyncio.Future[None] | None = None
        self._is_open = True

    def wake(self, request: RequestId) -> None:
        self._owed[request] = None
        if len(self._owed) > MERGED_MAX:
            del self._owed[next(iter(self._owed))]
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def __anext__(self) -> RequestId:
        while not self._owed:
            if not self._is_open:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        request = next(iter(self._owed))
        del self._owed[request]
        return request

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        """End the iteration, a pending ``__anext__`` included. The second time does nothing."""
        self._is_open = False
        self._owed.clear()
        self._watch.forget(self, self._request)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def __aenter__(self) -> Subscription:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()


class LocalWatch:
    """The ``Watch`` of one process. Not thread-safe: everything happens on the event loop."""

    def __init__(self) -> None:
        self._by_request: defaultdict[RequestId, set[Subscription]] = defaultdict(set)
        self._of_all: set[Subscription] = set()
        self._is_closed = False
        self._told: set[RequestId] = set()
        """Of what was told since the last look, at most ``TOLD_MAX``: forgetting one wakes twice, which is harmless."""

    def changed(self, request: RequestId) -> None:
        if len(self._told) < TOLD_MAX:
            self._told.add(request)
        self._wake(request)

    def noticed(self, requests: Iterable[RequestId]) -> None:
        told, self._told = self._told, set()
        for request in requests:
            if request not in told:
                self._wake(request)

    def _wake(self, request: RequestId) -> None:
        for subscription in (*self._by_request.get(request, ()), *self._of_all):
            subscription.wake(request)

    def subscribe(self, request: RequestId | None) -> Subscription:
        subscription = Subscription(self, request)
        if self._is_closed:
            subscription.close()
        elif request is None:
            self._of_all.add(subscription)
        else:
            self._by_request[request].add(subscription)
        return subscription

    def forget(self, subscription: Subscription, request: RequestId | None) -> None:
        if request is None:
            self._of_all.discard(subscription)
            return
        waiting = self._by_request.get(request)
        if waiting is not None:
            waiting.discard(subscription)
            if not waiting:
                del self._by_request[request]

    def close(self) -> None:
        """End every subscription, later ones at once: the process is going down."""
        self._is_closed = True
        for subscriptions in (self._of_all, *tuple(self._by_request.values())):
            for subscription in tuple(subscriptions):
                subscription.close()

    @property
    def waiting(self) -> int:
        """How many subscriptions stand, for the metrics."""
        return len(self._of_all) + sum(map(len, self._by_request.values()))
