"""What should not be, as a standing board: an anchor or a SIEM that lags, a gap in what the log tells.

Decided here: that an alarm stands until what it tells of is over, is told once in the log of the process, in the metrics, in the
console and, where a channel is set, in chat; and that telling survives a restart without repeating itself. Deliberately absent:
what is an alarm (``bot.anchoring``, ``bot.siem``, ``bot.gap_watch``), and any effect on a decision (I9 has its own way).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, Protocol

from bot.chat.page import Page, Section, labelled, plain
from bot.core.ids import RequestId
from bot.errors import GiveUp
from bot.ports import OutboxRow, Store, Tx

META_TOLD: Final = "alerts_told"
SHOWN_MAX: Final = 20
TOLD_MAX: Final = 2_000

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Alert:
    """*kind* is one of ``anchor``, ``siem``, ``gap``; *subject* tells alarms of a kind apart; *sentence* is our own fixed words,
    numbers and ids, with what to do next."""

    kind: str
    subject: str
    sentence: str
    request: RequestId | None = None

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.subject}"


class Count(Protocol):
    """Told the standing alarms by kind."""

    def alarms(self, by_kind: Mapping[str, int]) -> None: ...


class Speaking(Protocol):
    """A surface that can post a page of ours into one of its places."""

    async def say(self, name: str, page: Page) -> None: ...


class Board:
    """The alarms of this process. Each source replaces its own; ``standing`` is what there is now."""

    def __init__(
        self,
        store: Store,
        *,
        channel: str | None = None,
        surfaces: Mapping[str, Speaking] | None = None,
        poke: Callable[[], None] = lambda: None,
        count: Count | None = None,
    ) -> None:
        self._store = store
        self._channel = channel
        self._surfaces = dict(surfaces or {})
        self.poke = poke
        self._count = count
        self._by_source: dict[str, tuple[Alert, ...]] = {}

    def standing(self) -> tuple[Alert, ...]:
        """Every alarm there is now, by kind and subject."""
        return tuple(sorted(chain.from_iterable(self._by_source.values()), key=lambda alert: alert.key))

    async def replace(self, source: str, alerts: Sequence[Alert]) -> None:
        """What *source* sees now. New ones are told; those that are gone may be told again when they come back."""
        before = {alert.key for alert in self._by_source.get(source, ())}
        self._by_source[source] = tuple(alerts)
        for alert in alerts:
            if alert.key not in before:
                _log.error(
                    "alarm: what should not be was seen", extra={"kind": alert.kind, "why": alert.sentence}
                )
        if self._count is not None:
            kinds = [alert.kind for alert in self.standing()]
            self._count.alarms({kind: kinds.count(kind) for kind in ("anchor", "siem", "gap")})
        await self._tell(source, [alert.key for alert in alerts])

    async def _tell(self, source: str, keys: Sequence[str]) -> None:
        meta, channel = f"{META_TOLD}:{source}", self._channel
        now = json.dumps(sorted(keys)[:TOLD_MAX])
        if await self._store.read(lambda tx: tx.meta(meta) or "[]") == now:
            return

        def work(tx: Tx) -> bool:
            told = set(json.loads(tx.meta(meta) or "[]"))
            tx.set_meta(meta, now)
            is_new = bool(set(keys) - told)
            if is_new and channel is not None:
                tx.enqueue(OutboxRow("alert", channel, {}, tx.now()))
            return is_new

        if await self._store.write(work):
            self.poke()

    async def send(self, row: OutboxRow) -> None:
        """The outbox's topic ``alert``: what stands at the moment of sending, so that a late post tells the truth."""
        surface = self._surfaces.get(row.key.partition(":")[0])
        if surface is None:
            raise GiveUp("no such surface is configured")
        standing = self.standing()
        if standing:
            await surface.say(row.key, page(standing))


def page(alerts: Sequence[Alert]) -> Page:
    rows = tuple(labelled(f"{alert.kind}:", alert.sentence) for alert in alerts[:SHOWN_MAX])
    left = len(alerts) - SHOWN_MAX
    more = (plain(f"And {left} more; open the console's audit page."),) if left > 0 else ()
    return Page(f"Audit log: {len(alerts)} standing alarms", (Section(rows=rows + more),))
