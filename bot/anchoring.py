"""Keeping the log's head remembered outside: which anchor is due, what it has remembered, and which one lags (AUDIT.md 2.7, T47).

Decided here: an anchor is due when there are entries it has not covered and its interval has passed, or at once when it wants
policy changes and the policy changed. What it remembered last stands in the database, so that a restart neither repeats nor
skips. An anchor lags when the oldest entry it does not cover is older than its interval and the grace. Sending goes through the
outbox: retried, backed off, never in the way of a decision. Deliberately absent: how any anchor remembers.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from bot.alerts import Alert, Board
from bot.desk.context import META_POLICY
from bot.errors import GiveUp, OutsideFault
from bot.ports import Anchor, Clock, OutboxRow, ReadTx, Store, Tx

META: Final = "anchor"
LOOK_EVERY: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Plan:
    """One anchor and its pace. *at_policy_change*: also when the policy is another than at the last time. *at_stop*: once more
    when the process ends in order, for anchors that answer at once. *outside* is False of what adds to the heads here and
    remembers them nowhere."""

    anchor: Anchor
    every: timedelta
    at_policy_change: bool = False
    at_stop: bool = False
    outside: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """What an anchor remembered last: how many entries, when, and under which policy."""

    size: int = 0
    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """One anchor now. *behind* entries are not covered, the oldest for *age*."""

    plan: Plan
    kept: Kept
    behind: int
    age: timedelta

    def is_due(self, now: datetime, policy: str) -> bool:
        if not self.behind:
            return False
        changed = self.plan.at_policy_change and policy != self.kept.policy
        return changed or now - self.kept.at >= self.plan.every

    def lags(self, grace: timedelta) -> bool:
        return self.age > self.plan.every + grace


class Gauges(Protocol):
    def anchor(self, name: str, behind: int, seconds: float) -> None: ...

    def failed(self, kind: str, name: str) -> None: ...


class Anchoring:
    """``look`` is a job; ``send`` is the outbox's topic ``anchor``."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        plans: Sequence[Plan],
        board: Board,
        *,
        grace: timedelta,
        poke: Callable[[], None] = lambda: None,
        gauges: Gauges | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._plans = {plan.anchor.name: plan for plan in plans}
        self._board = board
        self._grace = grace
        self.poke = poke
        self._gauges = gauges
        self._faults: dict[str, str] = {}

    async def look(self) -> None:
        """Ask for what is due, count what is behind, raise what lags."""
        policy, standings = await self._store.read(
            lambda tx: (_policy(tx), standing(tx, self._plans.values()))
        )
        now = self._clock.now()
        due = [s.plan.anchor.name for s in standings if s.is_due(now, policy)]
        if due:

            def enqueue(tx: Tx) -> None:
                for name in due:
                    tx.enqueue(OutboxRow("anchor", name, {}, tx.now()))

            await self._store.write(enqueue)
            self.poke()
        for found in standings:
            if self._gauges is not None:
                self._gauges.anchor(found.plan.anchor.name, found.behind, found.age.total_seconds())
        await self._board.replace("anchors", [self._alert(s) for s in standings if s.lags(self._grace)])

    async def stop(self) -> None:
        """Have the last head remembered where that takes no time: the start after this one then knows of every entry. What
        fails here is kept for the alarm and tried again after the start; it keeps no process from ending."""
        for name, plan in self._plans.items():
            if plan.at_stop:
                with contextlib.suppress(OutsideFault, OSError):
                    await self.send(OutboxRow("anchor", name, {}, self._clock.now()))

    async def send(self, row: OutboxRow) -> None:
        """Have the newest signed head remembered, and write down that it is."""
        plan = self._plans.get(row.key)
        if plan is None:
            raise GiveUp("no such anchor is configured")
        note, policy = await self._store.read(lambda tx: (tx.audit_checkpoint(), _policy(tx)))
        if note is None:
            return
        try:
            line = await plan.anchor.remember(note)
        except Exception as fault:
            # Only to keep its words for the alarm; the outbox supervises and decides when to try again.
            self._faults[row.key] = str(fault) if isinstance(fault, OutsideFault) else type(fault).__name__
            if self._gauges is not None:
                self._gauges.failed("anchor", row.key)
            raise
        self._faults.pop(row.key, None)
        size = int(note.split("\n", 2)[1])
        # If we stop here the head is remembered again later: harmless, by the port's contract.

        def keep(tx: Tx) -> None:
            # After a restore in between, the head that was signed may not be one of this database any more.
            if line is not None and tx.audit_checkpoint_at(size) == note:
                tx.audit_cosign(size, line)
            _keep(tx, row.key, Kept(size, tx.now(), policy))

        await self._store.write(keep)

    def _alert(self, found: Standing) -> Alert:
        name = found.plan.anchor.name
        fault = self._faults.get(name)
        why = f"; the last try failed: {fault}" if fault else ""
        if not found.plan.outside:
            return Alert(
                "anchor",
                name,
                f"the newest {found.behind} entries are under no second signature ({name}) for {_words(found.age)}{why}. "
                "Run `signoff doctor`.",
            )
        return Alert(
            "anchor",
            name,
            f"{name} has not remembered the newest {found.behind} entries for {_words(found.age)}{why}. "
            "Until it does, a rollback to before them would not be seen there. Run `signoff doctor`.",
        )


def standing(tx: ReadTx, plans: Iterable[Plan]) -> list[Standing]:
    """Where each of *plans* stands, in one snapshot."""
    size, _ = tx.audit_head()
    found = []
    for plan in plans:
        kept = kept_by(tx, plan.anchor.name)
        # A larger one is from before a restore: everything since is uncovered.
        behind = size - kept.size if kept.size <= size else size
        first = tx.audit_row(kept.size if kept.size <= size else 0) if behind else None
        age = tx.now() - first.at if first is not None else timedelta(0)
        found.append(Standing(plan, kept, behind, max(age, timedelta(0))))
    return found


def kept_by(tx: ReadTx, name: str) -> Kept:
    """What the anchor called *name* remembered last, as far as this database knows."""
    text = tx.meta(f"{META}:{name}")
    if text is None:
        return Kept()
    size, at, policy = json.loads(text)
    return Kept(int(size), datetime.fromisoformat(at), str(policy))


def _keep(tx: Tx, name: str, kept: Kept) -> None:
    if kept.size >= kept_by(tx, name).size or kept_by(tx, name).size > tx.audit_head()[0]:
        tx.set_meta(f"{META}:{name}", json.dumps([kept.size, kept.at.isoformat(), kept.policy]))


def _policy(tx: ReadTx) -> str:
    return tx.meta(META_POLICY) or ""


def _words(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    return (
        f"{minutes // 1440} days"
        if minutes >= 2880
        else f"{minutes // 60} hours"
        if minutes >= 120
        else f"{minutes} minutes"
    )
