"""Linking a chat account to a person by proof of both: a code shown to somebody logged in at the console, typed in the chat (T04).

Decided here: the code, its life, and how often one may guess. The console shows the code (``offer``); the chat takes it
(``accept``). This way round nobody can be tricked at the console into linking a stranger's account: the code names the
person, and only who types it in chat gives an account. Deliberately absent: the cool-down and the journal (``desk.link_own_account``).
"""

from __future__ import annotations

import base64
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.core.ids import AccountKey, PersonId
from bot.core.people import Account, Actor
from bot.core.reasons import Reason, Refused
from bot.core.request import Assurance
from bot.desk.api import Desk
from bot.ports import Clock, Rand, ReadTx, Store, Tx

LIFE: Final = timedelta(minutes=10)
TRIES_MAX: Final = 5
"""Wrong codes of one account within ``LIFE``. A code has 50 random bits."""
ACCOUNTS_MAX: Final = 10_000
_PREFIX: Final = "chat-link:"


@dataclass(frozen=True, slots=True)
class Offer:
    code: str
    until: datetime


class Links:
    """Codes live in the store as MACs; a stolen database opens nothing."""

    def __init__(
        self, store: Store, desk: Desk, clock: Clock, rand: Rand, mac: Callable[[str, bytes], bytes]
    ) -> None:
        self._store = store
        self._desk = desk
        self._clock = clock
        self._rand = rand
        self._mac = mac
        self._tries: OrderedDict[AccountKey, tuple[int, datetime]] = OrderedDict()

    async def offer(self, actor: Actor) -> Offer:
        """For somebody logged in at the console. Ten letters and digits, good once, for ten minutes."""
        code = base64.b32encode(self._rand.bytes(7)).decode()[:10]
        until = self._clock.now() + LIFE
        body = json.dumps({"person": actor.person, "account": actor.account, "until": until.timestamp()})
        await self._store.write(lambda tx: tx.set_meta(self._key(code), body))
        return Offer(code, until)

    async def accept(self, code: str, account: AccountKey) -> Account | Refused:
        """Typed in chat by the holder of *account*. The code is spent before the link is made; wrong, spent and late look alike."""
        now = self._clock.now()
        if not self._may_try(account, now):
            return Refused(Reason.RATE_LIMIT)
        giver = await self._spend(code.strip().upper().replace("-", ""), now)
        if giver is None:
            return Refused(
                Reason.UNMAPPED,
                "The code is not known or past its ten minutes. Get a new one in the console.",
            )
        self._tries.pop(account, None)
        return await self._desk.link_own_account(giver, account, proof="console+chat")

    async def _spend(self, code: str, now: datetime) -> Actor | None:
        key = self._key(code)
        if not await self._store.read(lambda tx: _holder(tx, key, now)):
            return None

        def work(tx: Tx) -> Actor | None:
            giver = _holder(tx, key, now)
            if giver is not None:
                tx.set_meta(key, "")
            return giver

        return await self._store.write(work)

    def _key(self, code: str) -> str:
        return _PREFIX + self._mac("chat-link-v1", code.encode()).hex()

    def _may_try(self, account: AccountKey, now: datetime) -> bool:
        count, since = self._tries.get(account, (0, now))
        if now - since >= LIFE:
            count, since = 0, now
        self._tries[account] = (count + 1, since)
        self._tries.move_to_end(account)
        if len(self._tries) > ACCOUNTS_MAX:
            self._tries.popitem(last=False)
        return count < TRIES_MAX


def _holder(tx: ReadTx, key: str, now: datetime) -> Actor | None:
    """Who got the code, as they were signed in at the console."""
    body = tx.meta(key)
    if not body:
        return None
    offer = json.loads(body)
    if now.timestamp() >= offer["until"]:
        return None
    return Actor(PersonId(offer["person"]), AccountKey(offer["account"]), "console", Assurance.CONSOLE, now)
