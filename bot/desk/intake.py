"""Submit: an agent asks. Masked and judged before the transaction; counted, capped and written inside it.

Decided here: the order of the gates (cheap and unprivileged first) and what each leaves in the log. A request that passes the
gates always becomes a row, denied ones included, so that asking leaves a trace. Keeps I7, I9, I11, I12.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec

from audit.entry import Outcome
from bot import mint
from bot.core import preview_codec
from bot.core.callback_rules import allowed
from bot.core.facts import Fact
from bot.core.globs import matches
from bot.core.ids import Digest, PersonId, RequestId
from bot.core.people import Agent
from bot.core.policy import Effect, Requirement, Rule
from bot.core.policy_judge import Candidate, Judge, Plan, facts_of
from bot.core.reasons import Reason, Refused
from bot.core.request import Ask, Body, Grant, Request, RequestState, StandingTerms
from bot.desk import entries, standing_approvals, standing_book
from bot.desk.api import AgentCaller, Idempotency, Submitted
from bot.desk.context import META_FREEZE, Office, epoch_of
from bot.desk.granting import issue
from bot.desk.standing import Membership, holders, recent_editors
from bot.desk.telling import due_of, tell
from bot.ports import Sealed, Tx
from masking.document import MaskedDocument
from masking.errors import MaskingError

_SILENT: Final = frozenset({Reason.RATE_LIMIT, Reason.KEY_REUSED})
"""Refusals that an agent can cause without limit leave no row (I12); metrics count them."""

_WORDS: Final = frozenset({"/payload/action", "/payload/resource/type", "/payload/resource/env"})
"""Cards, columns and the log carry these three as they are, so what hides in them is refused, not masked (I10)."""

UNSEEN_RULE: Final = "(no rule)"
_NOTHING: Final = Requirement((), timedelta(minutes=30), timedelta(minutes=5))
"""What a request that no rule covers requires: it is denied at once."""


@dataclass(frozen=True, slots=True)
class _Draftwork:
    """Everything that was prepared outside the transaction."""

    ask: Ask
    caller: AgentCaller
    judge: Judge
    plan: Plan | Refused
    label: str
    """The resource's id, masked."""
    leaves: int
    document: str
    preview_hash: Digest
    classes: tuple[tuple[str, int], ...]
    id: RequestId
    sealed: Sealed


async def submit(
    office: Office, ask: Ask, caller: AgentCaller, idempotency: Idempotency | None
) -> Submitted | Refused:
    """See ``Desk.submit``."""
    idempotency = _unreadable(office, caller, idempotency)
    if idempotency is not None:
        earlier = await office.store.read(lambda tx: _earlier(tx, caller, idempotency))
        if earlier is not None:
            return earlier
    agent = await office.store.agent(caller.agent)
    refusal = _gate(agent, ask, caller)
    if agent is None or refusal is not None:
        return await _refuse(office, caller, refusal or Refused(Reason.AGENT_UNKNOWN))
    try:
        masked = await office.masker.mask_json(_document(ask))
    except MaskingError:
        return await _refuse(office, caller, Refused(Reason.MASKING_FAILED))
    if any(leaf.hidden for leaf in masked.leaves if leaf.pointer in _WORDS):
        return await _refuse(office, caller, Refused(Reason.MASKING_FAILED))
    facts = facts_of(ask, agent.id, agent.owners, masked.classes)
    shown: MaskedDocument | None = None
    result: Submitted | Refused | None = None
    while result is None:  # again when another policy came in force in between
        judge = office.book.judge
        plan = judge.plan(facts)
        if shown is None and _asks_people(plan):
            shown = await office.masker.preview(_document(ask), masked)
        work = _prepare(office, ask, caller, judge, plan, masked.classes, shown or masked)
        membership = await _membership(office, work)
        result = await office.store.write(partial(_write, office, work, idempotency, membership))
    if isinstance(result, Submitted) and result.created:
        office.changed(
            result.request.id, result.request.next_due, result.grant.use_by if result.grant else None
        )
    return result


async def _membership(office: Office, work: _Draftwork) -> Membership | None:
    """Who is in the groups of rules that a standing approval may stand in for; nothing is asked where no rule allows one."""
    if isinstance(work.plan, Refused) or work.ask.standing is not None:
        return {}
    groups = standing_book.groups_for(candidate.rule for candidate in work.plan.candidates)
    return await office.membership(groups) if groups else {}


def _asks_people(plan: Plan | Refused) -> bool:
    """Whether anybody may be asked, so that more may be hidden from them than the rules are judged by: those see what every masker of
    the same payload sees."""
    return isinstance(plan, Plan) and any(c.rule.effect is Effect.REQUIRE for c in plan.candidates)


def _prepare(
    office: Office,
    ask: Ask,
    caller: AgentCaller,
    judge: Judge,
    plan: Plan | Refused,
    classes: tuple[tuple[str, int], ...],
    shown: MaskedDocument,
) -> _Draftwork:
    document, pointers, label, leaves = preview_codec.freeze(shown, len(ask.canonical), _show(plan))
    id = mint.request_id(office.clock.now(), office.rand)
    body = Body(
        ask.canonical, ask.justification, dict(ask.context) if ask.context is not None else None, pointers
    )
    sealed = office.seal(id, msgspec.msgpack.encode(body))
    return _Draftwork(
        ask,
        caller,
        judge,
        plan,
        label,
        leaves,
        document,
        preview_codec.preview_hash(document),
        classes,
        id,
        sealed,
    )


def _unreadable(office: Office, caller: AgentCaller, idempotency: Idempotency | None) -> Idempotency | None:
    """*idempotency* as it is kept: a client's key may hold anything, a customer's number too, and the database must not (I10)."""
    if idempotency is None:
        return None
    key = office.keys.mac("idempotency-key", f"{caller.agent}\0{idempotency.key}".encode()).hex()
    return Idempotency(key, office.keys.mac("idempotency-body", idempotency.fingerprint))


def _earlier(tx: Any, caller: AgentCaller, idempotency: Idempotency | None) -> Submitted | Refused | None:
    """What this Idempotency-Key did before (I11): the same request, or a refusal for another body."""
    if idempotency is None:
        return None
    found = tx.idempotent(caller.agent, idempotency.key)
    if found is None:
        return None
    fingerprint, id = found
    if fingerprint != idempotency.fingerprint:
        return Refused(Reason.KEY_REUSED)
    request = tx.request(id)
    return Submitted(request, tx.grant_of(id), created=False) if request is not None else None


def _gate(agent: Agent | None, ask: Ask, caller: AgentCaller) -> Refused | None:
    if agent is None:
        return Refused(Reason.AGENT_UNKNOWN)
    if not agent.enabled:
        return Refused(Reason.AGENT_DISABLED)
    if not agent.owners:
        return Refused(Reason.AGENT_UNOWNED)
    if not matches(agent.actions, ask.action) or not matches(caller.actions, ask.action):
        return Refused(Reason.AGENT_SCOPE)
    if ask.callback_url is not None and not allowed(ask.callback_url, agent.callback_urls):
        return Refused(Reason.CALLBACK_FORBIDDEN)
    return None


def _document(ask: Ask) -> dict[str, Any]:
    """What is masked: payload first, then the agent's own words. One document, so that placeholders agree."""
    document: dict[str, Any] = {"payload": dict(ask.payload)}
    if ask.justification:
        document["justification"] = ask.justification
    if ask.context:
        document["context"] = dict(ask.context)
    return document


def _show(plan: Plan | Refused) -> tuple[str, ...]:
    if isinstance(plan, Refused) or not plan.candidates:
        return ()
    return plan.candidates[0].rule.requirement.show


def _write(
    office: Office, work: _Draftwork, idempotency: Idempotency | None, membership: Membership | None, tx: Tx
) -> Submitted | Refused | None:
    """None, and nothing written, when *work* was judged by a policy that is no longer in force."""
    if office.book.judge is not work.judge:
        return None
    now = tx.now()
    earlier = _earlier(tx, work.caller, idempotency)
    if isinstance(earlier, Refused | Submitted):
        return earlier
    agent = tx.agent(work.caller.agent)
    refusal = _gate(agent, work.ask, work.caller) or _caps(office, tx, work, agent, now)
    if agent is None or refusal is not None:
        return _journal_refusal(office, tx, work.caller, refusal or Refused(Reason.AGENT_UNKNOWN), now)
    verdict = _verdict(office, tx, work.plan, now)
    terms: StandingTerms | None = None
    if isinstance(verdict, Rule) and verdict.effect is not Effect.DENY:
        asked = standing_approvals.terms_of(office, tx, work.ask, agent.id, verdict)
        terms = asked if not isinstance(asked, Refused) else None
        # Refused for what it asks beyond, and still under its rule, so that the log tells of both.
        refused = asked if isinstance(asked, Refused) else None
    else:
        refused = verdict if isinstance(verdict, Refused) else Refused(Reason.POLICY_DENIES)
    request = _request(office, tx, work, agent, verdict, now)
    if terms is not None:
        request = replace(request, standing=terms)
    tx.insert_request(request, work.sealed)
    if idempotency is not None:
        tx.remember_idempotent(agent.id, idempotency.key, idempotency.fingerprint, request.id, now)
    if isinstance(work.plan, Plan):
        for candidate in work.plan.candidates:
            if candidate.window:
                tx.add_to_window(_window(office, candidate), now, candidate.amount, request.id)
    _journal_created(office, tx, request, work, agent)
    if refused is not None or isinstance(verdict, Refused):
        reason = refused.reason if refused is not None else Reason.POLICY_DENIES
        return Submitted(_deny(office, tx, request, reason, now), None, created=True)
    if verdict.effect is Effect.ALLOW:
        request, grant = _allow(office, tx, request, now)
        return Submitted(request, grant, created=True)
    stand_in = standing_book.find(office, tx, work.ask, request, verdict, membership)
    if stand_in is not None:
        request, grant = standing_approvals.decide(office, tx, request, stand_in, now)
        return Submitted(request, grant, created=True)
    tell(office, tx, request, now)
    return Submitted(request, None, created=True)


def _caps(office: Office, tx: Tx, work: _Draftwork, agent: Agent | None, now: datetime) -> Refused | None:
    if agent is None:
        return None
    if tx.meta(META_FREEZE):
        return Refused(Reason.FROZEN)
    if tx.pending_count(agent.id, agent.pending_max) >= agent.pending_max:
        return Refused(Reason.PENDING_CAP)
    behalf = work.ask.on_behalf_of
    if behalf is not None and tx.person(behalf) is None:
        return Refused(Reason.BEHALF_UNKNOWN)
    memory = office.book.policy.denial_memory
    if tx.denials(agent.id, work.ask.payload_hash, now - memory):
        return Refused(Reason.DENIED_BEFORE)
    return None


def _verdict(office: Office, tx: Tx, plan: Plan | Refused, now: datetime) -> Rule | Refused:
    if isinstance(plan, Refused):
        return plan

    def sum_of(candidate: Candidate) -> float:
        cumulative = candidate.rule.cumulative
        return tx.window_sum(_window(office, candidate), now - cumulative.within) if cumulative else 0.0

    return plan.verdict(sum_of)


def _window(office: Office, candidate: Candidate) -> str:
    """The window's stored name: a MAC, because its parts may hold personal data (I10)."""
    return office.keys.mac("window", candidate.window.encode()).hex()


def _request(
    office: Office, tx: Tx, work: _Draftwork, agent: Agent, verdict: Rule | Refused, now: datetime
) -> Request:
    ask = work.ask
    rule = verdict if isinstance(verdict, Rule) else None
    requirement = rule.requirement if rule is not None else _NOTHING
    within = requirement.decide_within
    if ask.decide_within_seconds is not None:
        within = min(within, timedelta(seconds=ask.decide_within_seconds))
    separation: set[PersonId] = {*holders(office, tx, agent, now), *recent_editors(office, tx, now)}
    if ask.on_behalf_of is not None:
        separation.add(ask.on_behalf_of)
    decide_by = now + within
    return Request(
        id=work.id,
        agent=agent.id,
        on_behalf_of=ask.on_behalf_of,
        action=ask.action,
        resource_type=ask.resource.type,
        resource_env=ask.resource.env,
        resource_label=work.label,
        payload_hash=ask.payload_hash,
        preview_hash=work.preview_hash,
        policy_hash=work.judge.policy.hash,
        policy_revision=work.judge.policy.revision,
        rule=rule.name if rule is not None else UNSEEN_RULE,
        rule_text=rule.text if rule is not None else "",
        requirement=requirement,
        separation=frozenset(separation),
        classes=work.classes,
        document=work.document,
        created_at=now,
        decide_by=decide_by,
        callback_url=ask.callback_url,
        epoch=epoch_of(tx),
        next_due=due_of(requirement, now, decide_by),
        is_resolved=bool(ask.resource.resolved),
    )


def _journal_created(office: Office, tx: Tx, request: Request, work: _Draftwork, agent: Agent) -> None:
    actor = entries.agent_actor(request.agent, work.caller.key_id)
    tx.append(
        entries.draft(
            Fact.REQUEST_CREATED,
            request.created_at,
            office.rand,
            actor,
            Outcome.PENDING,
            request=request,
            data={
                "payload_hash": request.payload_hash,
                "agent": request.agent,
                "env": request.resource_env or None,
                "owners": [entries.ref_of(tx, owner) for owner in sorted(agent.owners)],
                "subject": entries.ref_of(tx, request.on_behalf_of) if request.on_behalf_of else None,
                "separated": [entries.ref_of(tx, person) for person in sorted(request.separation)],
                "decide_by": entries.us(request.decide_by),
                "rule": entries.slug(request.rule),
            },
        )
    )
    tx.append(
        entries.draft(
            Fact.REQUEST_MASKED,
            request.created_at,
            office.rand,
            entries.SYSTEM,
            Outcome.SUCCESS,
            request=request,
            data={
                "preview_hash": request.preview_hash,
                "classes": [name for name, _ in request.classes],
                "spans": sum(count for _, count in request.classes),
                "pointers": work.leaves,
            },
        )
    )


def _deny(office: Office, tx: Tx, request: Request, reason: Reason, now: datetime) -> Request:
    denied = replace(
        request,
        state=RequestState.DENIED,
        version=request.version + 1,
        decided_at=now,
        reason=reason.value,
        next_due=None,
    )
    tx.update_request(denied, expected_version=request.version)
    tx.append(
        entries.draft(
            Fact.DECISION_DENIED,
            now,
            office.rand,
            entries.SYSTEM,
            Outcome.DENIED,
            request=denied,
            data={
                "votes": [],
                "basis": "policy",
                "reason": reason.value,
                "payload_hash": denied.payload_hash,
            },
        )
    )
    tell(office, tx, denied, now)
    return denied


def _allow(office: Office, tx: Tx, request: Request, now: datetime) -> tuple[Request, Grant]:
    approved = replace(
        request, state=RequestState.APPROVED, version=request.version + 1, decided_at=now, next_due=None
    )
    tx.update_request(approved, expected_version=request.version)
    seq = tx.append(
        entries.draft(
            Fact.DECISION_APPROVED,
            now,
            office.rand,
            entries.SYSTEM,
            Outcome.APPROVED,
            request=approved,
            data={"votes": [], "basis": "allow", "seats": [], "payload_hash": approved.payload_hash},
        )
    )
    grant = issue(office, tx, approved, seq, now)
    tell(office, tx, approved, now)
    return approved, grant


async def _refuse(office: Office, caller: AgentCaller, refusal: Refused) -> Refused:
    return await office.store.write(lambda tx: _journal_refusal(office, tx, caller, refusal, tx.now()))


def _journal_refusal(office: Office, tx: Tx, caller: AgentCaller, refusal: Refused, now: datetime) -> Refused:
    if refusal.reason not in _SILENT:
        tx.append(
            entries.draft(
                Fact.COMMAND_REFUSED,
                now,
                office.rand,
                entries.agent_actor(caller.agent, caller.key_id),
                Outcome.REFUSED,
                data={"command": "submit", "reason": refusal.reason.value, "agent": caller.agent},
            )
        )
    return refusal


def document_of(canonical: Mapping[str, Any], body: Body) -> dict[str, Any]:
    """What ``Body.pointers`` point into."""
    return {"payload": canonical, "justification": body.justification, "context": body.context or {}}
