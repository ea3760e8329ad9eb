"""Telling an agent that its request is settled: a signed POST to an address from its allow-list (Standard Webhooks 1.0.0).

Decided here: what is told and when it counts as told. The allow-list is checked again at sending; how far the call may reach is
``bot.outgoing``'s (T34), with five seconds and 64 KiB. The body names the request, its state and its hash, so a stolen callback says little;
the grant is fetched by the agent. Signed ``v1`` (HMAC-SHA256) with each live HMAC key of the agent, newest first: the
standard's symmetric scheme, because the agent's secret is symmetric. Delivery is at least once; ``webhook-id`` stays the same.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any, Final

import aiohttp
import msgspec

from adapters.agents import signed
from adapters.agents.limits import AgentsSettings
from adapters.agents.metrics import Metrics
from adapters.agents.people import live_secrets
from bot import outgoing
from bot.core.callback_rules import allowed
from bot.core.ids import RequestId
from bot.core.people import Agent, AgentKey
from bot.core.request import Request
from bot.errors import GiveUp, Retry
from bot.ports import Clock, KeyProvider, ReadTx, Store

SECONDS_MAX: Final = 5.0
PAUSE_SECONDS_MIN: Final = 5
"""Before the second attempt, as in the standard's schedule; the outbox lengthens it and knows when to end."""
RETRY_AFTER_SECONDS_MAX: Final = 3_600
"""A receiver may slow us down, not put us off for good."""


class CallbackSender:
    """Sends one callback. Harmless when repeated."""

    def __init__(
        self,
        store: Store,
        keys: KeyProvider,
        clock: Clock,
        settings: AgentsSettings,
        metrics: Metrics | None = None,
        *,
        resolve: outgoing.Resolve | None = None,
        ssl: Any = True,
    ) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._settings = settings
        self._metrics = metrics
        self._resolve = resolve
        self._ssl = ssl
        self._gone: set[tuple[str, str]] = set()

    async def send(self, request_id: RequestId, event: str) -> None:
        """Tell what *request_id* is now. Returns when it was taken (2xx); raises ``Retry`` or ``GiveUp``.

        How often it is tried is the outbox's. 410 switches the address off until the next start."""
        try:
            await self._send(request_id, event)
        except (Retry, GiveUp) as failed:
            self._count("retry" if isinstance(failed, Retry) else "given-up")
            raise
        self._count("sent")

    async def _send(self, request_id: RequestId, event: str) -> None:
        request, agent, keys = await self._store.read(lambda tx: _load(tx, request_id))
        if request is None or agent is None or request.callback_url is None:
            raise GiveUp("there is no address to call")
        url = request.callback_url
        if not allowed(url, agent.callback_urls):
            raise GiveUp("the address is no longer on the agent's allow-list")
        if (agent.id, url) in self._gone:
            raise GiveUp("the address answered 410 Gone")
        now = self._clock.now()
        secrets = live_secrets(self._keys, keys, now)
        if not secrets:
            raise GiveUp("the agent has no live HMAC key to sign with")
        body = msgspec.json.encode(
            {"id": request.id, "state": request.state.value, "payload_hash": request.payload_hash}
        )
        message = "msg_" + hashlib.sha256(f"{request.id}/{event}".encode()).hexdigest()[:32]
        headers = signed.sign(secrets, message, int(now.timestamp()), body)
        headers |= {"Content-Type": "application/json", "User-Agent": "signoff"}
        try:
            answer = await outgoing.call(
                "POST",
                url,
                body=body,
                headers=headers,
                reach=outgoing.Reach(self._settings.callback_private_hosts),
                seconds=SECONDS_MAX,
                resolve=self._resolve,
                tls=self._ssl,
            )
        except (TimeoutError, OSError, aiohttp.ClientError) as failed:
            raise _retry(f"no answer ({type(failed).__name__})") from failed
        if answer.status == 410:
            self._gone.add((agent.id, url))
            raise GiveUp("the address answered 410 Gone")
        if not 200 <= answer.status < 300:
            raise _retry(f"answered {answer.status}", _seconds(answer.headers.get("Retry-After")))

    def _count(self, result: str) -> None:
        if self._metrics is not None:
            self._metrics.callbacks.labels(result).inc()


def _load(tx: ReadTx, id: RequestId) -> tuple[Request | None, Agent | None, list[AgentKey]]:
    request = tx.request(id)
    if request is None:
        return None, None, []
    return request, tx.agent(request.agent), tx.agent_keys(request.agent)


def _retry(why: str, after: float | None = None) -> Retry:
    return Retry(timedelta(seconds=max(after or 0, PAUSE_SECONDS_MIN)), why)


def _seconds(text: str | None) -> float | None:
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 6):
        return None
    return min(int(text), RETRY_AFTER_SECONDS_MAX)
