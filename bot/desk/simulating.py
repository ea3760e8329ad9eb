"""What another policy would have said of the requests that were asked: ``signoff policy simulate``.

Decided here: that payloads are opened to be judged and never leave, that kinds of data count as masking found them then, that
owners are those of then, and that windows against splitting are summed anew. Nothing is put in force and nothing changes but
one ``audit.queried``. Deliberately absent: what people would have voted.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from audit.entry import Outcome
from audit.fields import Value
from bot.core import standing_approval
from bot.core.ask import standing_of
from bot.core.facts import Fact
from bot.core.ids import PersonId, RequestId
from bot.core.policy import Effect, Policy, Requirement
from bot.core.policy_cases import needs_of
from bot.core.policy_judge import Candidate, Judge, facts_of
from bot.core.reasons import Reason, Refused
from bot.core.request import Ask, Body, Request, RequestState, Resource, StandingTerms
from bot.desk import entries
from bot.desk.context import Office
from bot.desk.overrides import leaf_of
from bot.errors import KeyUnavailable
from bot.ports import AuditFilter, ReadTx, Tx

Asked = tuple[RequestId, tuple[str, ...]]
PAGE: Final = 200
NAMED_MAX: Final = 20
"""Requests that a change names; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a policy says of one request. *effect* is allow, deny, require or a refusal's code; *needs* its seats in words."""

    effect: str
    needs: tuple[str, ...] = ()
    assurance: str = ""


@dataclass(slots=True)
class Change:
    """Requests of one kind that would be decided differently; *ids* are the first of them."""

    action: str
    resource: str
    was: Said
    was_rule: str
    would_be: Said
    would_rule: str
    count: int = 0
    ids: list[RequestId] = field(default_factory=list)


@dataclass(slots=True)
class Simulation:
    replayed: int = 0
    unreadable: int = 0
    """Payloads that were destroyed, or whose key is away: nothing is said of them."""
    changes: list[Change] = field(default_factory=list)

    @property
    def changed(self) -> int:
        return sum(change.count for change in self.changes)


async def simulate(office: Office, policy: Policy, since: timedelta) -> Simulation:
    """Judge again, by *policy*, every request that was asked within *since*; by the operator. Raises ``ConditionError`` when it does
    not compile."""
    replay = _Replay(office, Judge(policy))
    start = await office.store.read(lambda tx: tx.now()) - since
    asked = await _asked(office, start - replay.longest_window)
    for first in range(0, len(asked), PAGE):
        part = asked[first : first + PAGE]
        await office.store.read(lambda tx, part=part: replay.take(tx, part, start))  # type: ignore[misc]
    result = replay.result
    await office.store.write(lambda tx: _journal(office, tx, policy, result))
    return result


async def _asked(office: Office, start: datetime) -> list[Asked]:
    """Requests from *start* on with the pseudonyms of the agent's owners of then, in the log's order, which is the order of asking."""
    found: list[Asked] = []
    before: int | None = None
    while True:
        wanted = AuditFilter(type=Fact.REQUEST_CREATED.entry_type, since=start, before=before, limit=PAGE)
        rows = await office.store.read(lambda tx, wanted=wanted: tx.audit_rows(wanted))  # type: ignore[misc]
        for row in rows:
            leaf = leaf_of(row.leaf, row.leaf_hash)
            found.append((RequestId(leaf["req"]), tuple(leaf["data"].get("owners") or ())))
        if len(rows) < PAGE:
            return found[::-1]
        before = rows[-1].seq


def _journal(office: Office, tx: Tx, policy: Policy, result: Simulation) -> int:
    data: dict[str, Value] = {"query": "policy-simulate", "policy_hash": policy.hash, "size": result.replayed}
    return tx.append(
        entries.draft(Fact.AUDIT_QUERIED, tx.now(), office.rand, entries.OPERATOR, Outcome.SUCCESS, data=data)
    )


class _Replay:
    def __init__(self, office: Office, judge: Judge) -> None:
        self.result = Simulation()
        self._office = office
        self._judge = judge
        self._windows: defaultdict[str, deque[tuple[datetime, float]]] = defaultdict(deque)
        self._changes: dict[tuple[Any, ...], Change] = {}
        windows = (rule.cumulative.within for rule in judge.policy.rules if rule.cumulative is not None)
        self.longest_window: timedelta = max(windows, default=timedelta())

    def take(self, tx: ReadTx, asked: Iterable[Asked], start: datetime) -> None:
        people = {person.ref: person.id for person in tx.people()}
        for id, owners in asked:
            request = tx.request(id)
            if request is None:
                continue
            ask = self._ask(tx, request)
            is_asked = request.created_at >= start
            if ask is None:
                self.result.unreadable += is_asked
                continue
            would_be, rule = self._judged(request, ask, tuple(people[ref] for ref in owners if ref in people))
            if is_asked:
                self.result.replayed += 1
                self._compare(request, would_be, rule)

    def _ask(self, tx: ReadTx, request: Request) -> Ask | None:
        sealed = tx.body(request.id)
        if sealed is None:
            return None
        try:
            body = msgspec.msgpack.decode(self._office.unseal(request.id, sealed), type=Body)
        except KeyUnavailable:
            return None
        payload = msgspec.json.decode(body.canonical)
        return Ask(
            request.action,
            Resource(**payload["resource"]),
            payload,
            body.canonical,
            request.payload_hash,
            context=body.context,
            on_behalf_of=request.on_behalf_of,
            standing=standing_of(payload),
        )

    def _judged(self, request: Request, ask: Ask, owners: tuple[PersonId, ...]) -> tuple[Said, str]:
        plan = self._judge.plan(facts_of(ask, request.agent, owners, request.classes))
        if isinstance(plan, Refused):
            return Said(plan.reason.value), ""
        verdict = plan.verdict(lambda candidate: self._sum(candidate, request.created_at))
        for candidate in plan.candidates:
            if candidate.window:
                self._windows[candidate.window].append((request.created_at, candidate.amount))
        if isinstance(verdict, Refused):
            return Said(verdict.reason.value), ""
        wish = _wish_refused(ask.standing, verdict.requirement) if verdict.effect is not Effect.DENY else None
        if wish is not None:
            return Said(wish.reason.value), verdict.name
        return _said(verdict.effect, verdict.requirement), verdict.name

    def _sum(self, candidate: Candidate, now: datetime) -> float:
        cumulative, window = candidate.rule.cumulative, self._windows[candidate.window]
        if cumulative is None:
            return 0.0
        while window and window[0][0] < now - cumulative.within:
            window.popleft()
        return sum(amount for _, amount in window)

    def _compare(self, request: Request, would_be: Said, rule: str) -> None:
        was = recorded(request)
        if was == would_be:
            return
        where = f"{request.resource_type} {request.resource_env}".strip()
        key = (request.action, where, was, request.rule, would_be, rule)
        if key not in self._changes:
            self._changes[key] = Change(request.action, where, was, request.rule, would_be, rule)
            self.result.changes.append(self._changes[key])
        change = self._changes[key]
        change.count += 1
        if len(change.ids) < NAMED_MAX:
            change.ids.append(request.id)


def recorded(request: Request) -> Said:
    """What the policy of its time said of *request*, from what was kept with it; what people then decided is not part of it."""
    by_policy = request.state is RequestState.DENIED and request.decided_by is None
    if by_policy:
        return Said(Effect.DENY.value if request.reason == Reason.POLICY_DENIES.value else request.reason)
    return _said(Effect.REQUIRE if request.requirement.stages else Effect.ALLOW, request.requirement)


def _said(effect: Effect, requirement: Requirement) -> Said:
    if effect is not Effect.REQUIRE:
        return Said(effect.value)
    return Said(effect.value, needs_of(requirement), requirement.assurance.value)


def _wish_refused(wish: StandingTerms | None, requirement: Requirement) -> Refused | None:
    if wish is None:
        return None
    return standing_approval.may_ask(requirement.standing, wish.uses, wish.valid_for)
