"""Grants: issued with the decision, spent once, reported, taken back. Keeps I4, I5, I6.

Single use is a compare-and-swap on the grant's state in the same transaction that journals ``grant.used.begin``: whoever
reads "redeemed" may act, nobody else ever reads it. A crash after that commit leaves a begin without an end, which is listed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

import msgspec

from audit.entry import Outcome
from bot import mint
from bot.core import canonical
from bot.core.facts import Fact
from bot.core.grant import claims, may_redeem
from bot.core.ids import Digest, GrantId, GroupName
from bot.core.people import Actor, Role
from bot.core.policy_judge import Judge
from bot.core.quorum import counts, standing
from bot.core.reasons import Reason, Refused
from bot.core.request import Body, Choice, Grant, GrantState, Request
from bot.desk import entries, proof, standing_book
from bot.desk.api import AgentCaller, Redeemed
from bot.desk.context import META_FREEZE, Office, epoch_of
from bot.desk.overrides import use_of
from bot.desk.standing import Membership, account_refusal, approvals, case_of, facts_now
from bot.desk.telling import tell
from bot.errors import KeyUnavailable
from bot.ports import ReadTx, Tx

_STATES = {"succeeded": GrantState.SUCCEEDED, "failed": GrantState.FAILED}


def issue(office: Office, tx: Tx, request: Request, decision_seq: int, now: datetime) -> Grant:
    """Issue the grant of an approved request, inside the deciding transaction."""
    grant = Grant(
        id=mint.grant_id(now, office.rand),
        request=request.id,
        agent=request.agent,
        payload_hash=request.payload_hash,
        policy_hash=request.policy_hash,
        issued_at=now,
        use_by=now + request.requirement.grant_valid_for,
        epoch=epoch_of(tx),
    )
    grant = replace(grant, token=office.keys.sign_grant(claims(grant, office.settings.issuer)))
    tx.insert_grant(grant)
    tx.append(
        entries.draft(
            Fact.GRANT_ISSUED,
            now,
            office.rand,
            entries.SYSTEM,
            Outcome.SUCCESS,
            request=request,
            data={
                "jti": grant.id,
                "decision": decision_seq,
                "payload_hash": grant.payload_hash,
                "agent": grant.agent,
                "epoch": grant.epoch,
                "nbf": entries.us(grant.issued_at),
                "exp": entries.us(grant.use_by),
            },
        )
    )
    return grant


async def redeem(
    office: Office,
    token: str,
    caller: AgentCaller,
    payload: bytes | None,
    payload_hash: Digest | None,
    redemption_key: str | None,
) -> Redeemed | Refused:
    """See ``Desk.redeem``."""
    presented = office.keys.verify_grant(token)
    if presented is None:
        # Not ours, so nothing here is about it: no row (I12).
        return Refused(Reason.GRANT_INVALID)
    if payload is not None:
        computed = canonical.payload_hash(canonical.canonical(canonical.read(payload)))
        if payload_hash is not None and payload_hash != computed:
            return Refused(Reason.WRONG_PAYLOAD)
        payload_hash = computed
    if payload_hash is None:
        return Refused(Reason.WRONG_PAYLOAD)
    shown = canonical.read(payload) if payload is not None else None
    id = GrantId(str(presented.get("jti", "")))
    if redemption_key is not None:  # kept unreadable: a client's key may hold anything (I10)
        redemption_key = office.keys.mac("redemption-key", f"{id}\0{redemption_key}".encode()).hex()
    request = await office.store.read(lambda tx: _request_of(tx, id))
    result: Redeemed | Refused | None = None
    while result is None:  # again when another policy came in force in between: its groups are other groups
        judge = office.book.judge
        membership: Membership | None = {}
        if request is not None and request.requirement.recheck_at_redeem:
            membership = await office.membership(_rechecked(office, request))

        def work(
            tx: Tx, judge: Judge = judge, membership: Membership | None = membership
        ) -> Redeemed | Refused | None:
            if office.book.judge is not judge:
                return None
            return _redeem(office, tx, presented, id, caller, payload_hash, redemption_key, membership, shown)

        result = await office.store.write(work)
    if isinstance(result, Redeemed) and not result.repeated:
        office.changed(result.request.id)
    return result


def _rechecked(office: Office, request: Request) -> frozenset[GroupName]:
    glass = office.book.policy.break_glass
    return request.requirement.groups | (frozenset((glass.group,)) if glass is not None else frozenset())


def _request_of(tx: ReadTx, id: GrantId) -> Request | None:
    grant = tx.grant(id)
    return tx.request(grant.request) if grant is not None else None


def _redeem(
    office: Office,
    tx: Tx,
    presented: object,
    id: GrantId,
    caller: AgentCaller,
    payload_hash: Digest,
    redemption_key: str | None,
    membership: Membership | None,
    shown: object,
) -> Redeemed | Refused:
    now = tx.now()
    grant = tx.grant(id)
    request = tx.request(grant.request) if grant is not None else None
    if grant is None or request is None or not isinstance(presented, dict):
        return Refused(Reason.GRANT_INVALID)
    if _is_repeat(grant, presented, office, caller, payload_hash, redemption_key):
        return Redeemed(grant, request, repeated=True)
    refusal = may_redeem(
        grant,
        presented,
        issuer=office.settings.issuer,
        agent=caller.agent,
        payload_hash=payload_hash,
        epoch=epoch_of(tx),
        now=now,
    )
    if (
        refusal is not None
        and refusal.reason is Reason.WRONG_PAYLOAD
        and _drifted(office, tx, request, shown)
    ):
        refusal = Refused(Reason.DRIFT)
    if refusal is None and tx.meta(META_FREEZE):
        refusal = Refused(Reason.FROZEN)
    if refusal is None and request.requirement.recheck_at_redeem:
        refusal = _recheck(office, tx, request, membership, now)
    if refusal is not None:
        return _refuse(office, tx, request, grant, caller, refusal, now)
    proof.grant_holds(tx, request, grant)
    spent = replace(grant, state=GrantState.REDEEMED, redeemed_at=now, redemption_key=redemption_key)
    tx.update_grant(spent, expected_state=GrantState.ISSUED)
    tx.append(
        entries.draft(
            Fact.GRANT_USED_BEGIN,
            now,
            office.rand,
            entries.agent_actor(caller.agent, caller.key_id),
            Outcome.PENDING,
            request=request,
            data={"jti": grant.id, "payload_hash": grant.payload_hash, "executor": caller.agent},
        )
    )
    tell(office, tx, request, now)
    return Redeemed(spent, request, repeated=False)


def _drifted(office: Office, tx: ReadTx, request: Request, shown: object) -> bool:
    """Whether *shown*, read from what was presented, is what people approved but for what the target resolves to now (T16)."""
    sealed = tx.body(request.id)
    if sealed is None or not isinstance(shown, dict):
        return False
    try:
        body = msgspec.msgpack.decode(office.unseal(request.id, sealed), type=Body)
    except KeyUnavailable:
        return False
    return _unmoving(msgspec.json.decode(body.canonical)) == _unmoving(shown)


def _unmoving(payload: dict[str, Any]) -> dict[str, Any]:
    """*payload* without the parts that tell how the world stood: the precondition and the resolved target."""
    resource = payload.get("resource")
    fixed = {key: value for key, value in payload.items() if key != "precondition"}
    if isinstance(resource, dict):
        fixed["resource"] = {key: value for key, value in resource.items() if key != "resolved"}
    return fixed


def _is_repeat(
    grant: Grant,
    presented: dict[str, object],
    office: Office,
    caller: AgentCaller,
    payload_hash: Digest,
    redemption_key: str | None,
) -> bool:
    """The same redemption asked again because its answer was lost (T40): same key, agent, bytes and token."""
    return (
        redemption_key is not None
        and grant.state is GrantState.REDEEMED
        and grant.redemption_key == redemption_key
        and grant.agent == caller.agent
        and grant.payload_hash == payload_hash
        and presented == claims(grant, office.settings.issuer)
    )


def _recheck(
    office: Office, tx: Tx, request: Request, membership: Membership | None, now: datetime
) -> Refused | None:
    """Every approval that stood must stand still, and together they must still fill every seat (T39). After a break-glass it is
    whoever used it who must still be one who could."""
    votes = tx.votes(request.id)
    if request.requirement.break_glass is not None and use_of(tx, request.id) is not None:
        return _recheck_override(office, tx, request, membership, now)
    stands = standing_book.still_counts(office, tx, request, membership)
    if stands is not None:
        refused = Reason.APPROVERS_CHANGED if membership is not None else Reason.DIRECTORY_DOWN
        return None if stands else Refused(refused)
    facts = facts_now(office, tx, request, votes, membership, None, now)
    if facts.membership is None:
        return Refused(Reason.DIRECTORY_DOWN)
    case = case_of(request, votes)
    if all(counts(case, vote.person, facts) for vote in approvals(votes)) and standing(case, facts).is_full:
        return None
    return Refused(Reason.APPROVERS_CHANGED)


def _recheck_override(
    office: Office, tx: Tx, request: Request, membership: Membership | None, now: datetime
) -> Refused | None:
    glass, person = office.book.policy.break_glass, request.decided_by
    if membership is None:
        return Refused(Reason.DIRECTORY_DOWN)
    facts = facts_now(office, tx, request, (), membership, person, now)
    if (
        person is not None
        and glass is not None
        and person not in facts.disabled | facts.separated_now
        and glass.group in membership.get(person, frozenset())
    ):
        return None
    return Refused(Reason.APPROVERS_CHANGED)


def _refuse(
    office: Office,
    tx: Tx,
    request: Request,
    grant: Grant,
    caller: AgentCaller,
    refusal: Refused,
    now: datetime,
) -> Refused:
    tx.append(
        entries.draft(
            Fact.GRANT_REFUSED,
            now,
            office.rand,
            entries.agent_actor(caller.agent, caller.key_id),
            Outcome.REFUSED,
            request=request,
            data={"jti": grant.id, "reason": refusal.reason.value, "executor": caller.agent},
        )
    )
    return refusal


async def report_outcome(
    office: Office, id: GrantId, caller: AgentCaller, outcome: Literal["succeeded", "failed"], detail: str
) -> Grant | Refused:
    """See ``Desk.report_outcome``. *detail* is masked before it is kept."""
    masked = (await office.masker.mask_text(detail)).text if detail else ""

    def work(tx: Tx) -> Grant | Refused:
        now = tx.now()
        grant = tx.grant(id)
        request = tx.request(grant.request) if grant is not None else None
        if grant is None or request is None or grant.agent != caller.agent:
            return Refused(Reason.NOT_FOUND)
        wanted = _STATES[outcome]
        if grant.state is wanted:
            return grant
        if grant.state in (GrantState.SUCCEEDED, GrantState.FAILED):
            return Refused(Reason.OUTCOME_KNOWN)
        if grant.state not in (GrantState.REDEEMED, GrantState.INDETERMINATE):
            return Refused(Reason.NOT_REDEEMED)
        after = replace(grant, state=wanted, outcome_at=now, outcome=masked[:500])
        tx.update_grant(after, expected_state=grant.state)
        tx.append(
            entries.draft(
                Fact.GRANT_USED_END,
                now,
                office.rand,
                entries.agent_actor(caller.agent, caller.key_id),
                Outcome.SUCCESS if wanted is GrantState.SUCCEEDED else Outcome.FAILURE,
                request=request,
                data={"jti": grant.id, "status": outcome},
                private=entries.comment(request, detail),
            )
        )
        tell(office, tx, request, now)
        return after

    result = await office.store.write(work)
    if isinstance(result, Grant):
        office.changed(result.request)
    return result


async def revoke(office: Office, id: GrantId, by: Actor | AgentCaller, reason: str) -> Grant | Refused:
    """See ``Desk.revoke``. The second time answers the same."""

    def work(tx: Tx) -> Grant | Refused:
        now = tx.now()
        grant = tx.grant(id)
        request = tx.request(grant.request) if grant is not None else None
        if grant is None or request is None or not _may_revoke(tx, request, by):
            return Refused(Reason.NOT_FOUND)
        if grant.state is GrantState.REVOKED:
            return grant
        if grant.state is GrantState.LAPSED:
            return Refused(Reason.GRANT_LAPSED)
        if grant.state is not GrantState.ISSUED:
            return Refused(Reason.GRANT_SPENT)
        after = replace(grant, state=GrantState.REVOKED)
        tx.update_grant(after, expected_state=GrantState.ISSUED)
        actor = (
            entries.person_actor(tx, by)
            if isinstance(by, Actor)
            else entries.agent_actor(by.agent, by.key_id)
        )
        tx.append(
            entries.draft(
                Fact.GRANT_REVOKED,
                now,
                office.rand,
                actor,
                Outcome.REVOKED,
                request=request,
                data={"jti": grant.id},
                private=entries.comment(request, reason),
            )
        )
        tell(office, tx, request, now)
        return after

    result = await office.store.write(work)
    if isinstance(result, Grant):
        office.changed(result.request)
    return result


def _may_revoke(tx: ReadTx, request: Request, by: Actor | AgentCaller) -> bool:
    if isinstance(by, AgentCaller):
        return by.agent == request.agent
    person = tx.person(by.person)
    if person is None or not person.enabled or account_refusal(tx, by, tx.now()) is not None:
        return False
    agent = tx.agent(request.agent)
    owns = agent is not None and by.person in agent.owners
    approved = any(
        vote.person == by.person and vote.choice is Choice.APPROVE for vote in tx.votes(request.id)
    )
    overrode = request.decided_by == by.person  # by the last vote, or alone by break-glass
    return owns or approved or overrode or Role.ADMIN in person.roles
