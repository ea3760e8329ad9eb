"""Each call of the desk, done once for real, with the entries it must write: the ground of the tests of I7 and I9.

Not a list to be kept beside the code: a test compares ``CASES`` and ``READS`` with the desk's own protocol, and the moves below
with the tables of states, so that a new call or a new move without a case fails.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.core.ids import AccountKey, AgentId, PersonId
from bot.core.people import Agent, KeyKind, Session
from bot.core.request import Assurance, Choice
from bot.desk.api import LoginRefusal
from bot.desk.evidence import ENTRIES_LEVEL, Gaps, Prove, Tile
from bot.ports import AuditFilter, Page
from masking import Operator
from masking.rewriter import Rewrite
from tests.support.office import GLASS, POLICY, SAMPLE, STANDING, TERMS, Desk

PAYLOAD = json.dumps({k: SAMPLE[k] for k in ("action", "resource", "parameters")}).encode()
Prepare = Callable[[Desk], Awaitable[Callable[[], Awaitable[Any]]]]


@dataclass(frozen=True)
class Case:
    """``prepare`` brings the desk there and gives back the call; ``entries`` are what the call writes, ``moves`` the states it
    moves."""

    prepare: Prepare
    entries: tuple[str, ...]
    moves: tuple[str, ...] = ()


CASES: dict[str, Case] = {}
"""By the call's name, or ``call: what happens`` where one call ends in several ways."""


def case(name: str, *entries: str, moves: tuple[str, ...] = ()) -> Callable[[Prepare], Prepare]:
    def keep(prepare: Prepare) -> Prepare:
        CASES[name] = Case(prepare, entries, moves)
        return prepare

    return keep


READS = {
    "frozen", "look", "wait", "listing", "card", "timeline", "inbox", "policy", "ready", "changes", "identify",
    "person", "people", "accounts", "agents", "chain", "break_glasses", "standing_approvals",
}  # fmt: skip
"""Calls that change nothing and show nothing that is masked: a test calls each and sees no write."""

NOT_JOURNALLED: dict[str, str] = {}
"""Calls that change something and write no entry, each with its reason: none."""


async def approved(desk: Desk, **changes: Any) -> Any:
    asked = await desk.asked(**changes)
    await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)
    return await desk.service.vote(asked.request.id, desk.actor("bo"), Choice.APPROVE)


async def stood(desk: Desk, **changes: Any) -> Any:
    """A standing approval by ana and bo, as the sample asks for it."""
    await desk.service.apply_policy(STANDING)
    return await approved(desk, standing=TERMS, **changes)


async def redeemed(desk: Desk) -> Any:
    voted = await approved(desk)
    await desk.service.redeem(voted.grant.token, desk.callers["bot"], payload=PAYLOAD)
    return voted


# --- the way of a request


@case("submit", "request.created", "request.masked", moves=(">pending",))
async def _(desk: Desk) -> Any:
    return desk.ask


@case(
    "submit: allowed at once",
    "request.created", "request.masked", "decision.approved", "grant.issued", moves=(">pending", "pending>approved", ">issued"),
)  # fmt: skip
async def _(desk: Desk) -> Any:
    return lambda: desk.ask(action="pay", parameters={"amount": 5})


@case(
    "submit: denied at once",
    "request.created",
    "request.masked",
    "decision.denied",
    moves=(">pending", "pending>denied"),
)
async def _(desk: Desk) -> Any:
    return lambda: desk.ask(action="db.wipe")


@case("vote", "vote.cast")
async def _(desk: Desk) -> Any:
    asked = await desk.asked()
    return lambda: desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)


@case(
    "vote: the deciding one",
    "vote.cast", "decision.approved", "grant.issued", moves=("pending>approved", ">issued"),
)  # fmt: skip
async def _(desk: Desk) -> Any:
    asked = await desk.asked()
    await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)
    return lambda: desk.service.vote(asked.request.id, desk.actor("bo"), Choice.APPROVE)


@case("vote: a denial", "vote.cast", "decision.denied", moves=("pending>denied",))
async def _(desk: Desk) -> Any:
    asked = await desk.asked()
    return lambda: desk.service.vote(asked.request.id, desk.actor("ana"), Choice.DENY, comment="no")


@case("vote: refused", "vote.refused")
async def _(desk: Desk) -> Any:
    asked = await desk.asked()
    return lambda: desk.service.vote(asked.request.id, desk.actor("sam"), Choice.APPROVE)


@case("vote: too late", "request.expired", "vote.refused", moves=("pending>expired",))
async def _(desk: Desk) -> Any:
    asked = await desk.asked()
    desk.clock.set(asked.request.decide_by)
    return lambda: desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)


async def _glass(desk: Desk) -> Any:
    await desk.service.apply_policy(POLICY + GLASS)
    return await desk.asked()


@case(
    "break_glass",
    "break_glass.used",
    "decision.approved",
    "grant.issued",
    moves=("pending>approved", ">issued"),
)
async def _(desk: Desk) -> Any:
    asked = await _glass(desk)
    return lambda: desk.service.break_glass(asked.request.id, desk.actor("sam"), "nobody is up")


@case("break_glass: refused", "command.refused")
async def _(desk: Desk) -> Any:
    asked = await _glass(desk)
    return lambda: desk.service.break_glass(asked.request.id, desk.actor("bo"), "nobody is up")


@case("review_break_glass", "break_glass.reviewed")
async def _(desk: Desk) -> Any:
    asked = await _glass(desk)
    await desk.service.break_glass(asked.request.id, desk.actor("sam"), "nobody is up")
    return lambda: desk.service.review_break_glass(asked.request.id, desk.actor("ana"), "justified", "was so")


@case("review_break_glass: refused", "command.refused")
async def _(desk: Desk) -> Any:
    asked = await _glass(desk)
    await desk.service.break_glass(asked.request.id, desk.actor("sam"), "nobody is up")
    return lambda: desk.service.review_break_glass(asked.request.id, desk.actor("sam"), "justified", "was so")


@case("submit: decided by a standing approval",
    "request.created", "request.masked", "decision.approved", "grant.issued", moves=(">pending", "pending>approved", ">issued"),
)  # fmt: skip
async def _(desk: Desk) -> Any:
    await stood(desk)
    return desk.ask


@case("vote: the deciding one, for a standing approval",
    "vote.cast", "decision.approved", "grant.issued", "standing.granted", moves=("pending>approved", ">issued"),
)  # fmt: skip
async def _(desk: Desk) -> Any:
    await desk.service.apply_policy(STANDING)
    asked = await desk.asked(standing=TERMS)
    await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)
    return lambda: desk.service.vote(asked.request.id, desk.actor("bo"), Choice.APPROVE)


@case("revoke_standing", "standing.revoked")
async def _(desk: Desk) -> Any:
    voted = await stood(desk)
    return lambda: desk.service.revoke_standing(voted.request.id, desk.actor("bo"), "no more")


@case("withdraw", "vote.withdrawn")
async def _(desk: Desk) -> Any:
    asked = await desk.asked()
    await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)
    return lambda: desk.service.withdraw(asked.request.id, desk.actor("ana"))


@case("cancel", "request.cancelled", moves=("pending>cancelled",))
async def _(desk: Desk) -> Any:
    asked = await desk.asked()
    return lambda: desk.service.cancel(asked.request.id, desk.callers["bot"])


@case("redeem", "grant.used.begin", moves=("issued>redeemed",))
async def _(desk: Desk) -> Any:
    voted = await approved(desk)
    return lambda: desk.service.redeem(voted.grant.token, desk.callers["bot"], payload=PAYLOAD)


@case("redeem: refused", "grant.refused")
async def _(desk: Desk) -> Any:
    voted = await approved(desk)
    return lambda: desk.service.redeem(voted.grant.token, desk.callers["bot"], payload=b'{"action":"other"}')


@case("report_outcome", "grant.used.end", moves=("redeemed>succeeded",))
async def _(desk: Desk) -> Any:
    voted = await redeemed(desk)
    return lambda: desk.service.report_outcome(voted.grant.id, desk.callers["bot"], "succeeded", "3 rows")


@case("report_outcome: failed", "grant.used.end", moves=("redeemed>failed",))
async def _(desk: Desk) -> Any:
    voted = await redeemed(desk)
    return lambda: desk.service.report_outcome(voted.grant.id, desk.callers["bot"], "failed", "no rows")


async def silent(desk: Desk) -> Any:
    """A grant that was redeemed and of which nothing was heard, swept."""
    voted = await redeemed(desk)
    desk.clock.forward(desk.office.settings.outcome_within)
    await desk.service.sweep()
    return voted


@case("report_outcome: after silence", "grant.used.end", moves=("indeterminate>succeeded",))
async def _(desk: Desk) -> Any:
    voted = await silent(desk)
    return lambda: desk.service.report_outcome(voted.grant.id, desk.callers["bot"], "succeeded", "")


@case("report_outcome: failed after silence", "grant.used.end", moves=("indeterminate>failed",))
async def _(desk: Desk) -> Any:
    voted = await silent(desk)
    return lambda: desk.service.report_outcome(voted.grant.id, desk.callers["bot"], "failed", "")


@case("revoke", "grant.revoked", moves=("issued>revoked",))
async def _(desk: Desk) -> Any:
    voted = await approved(desk)
    return lambda: desk.service.revoke(voted.grant.id, desk.actor("ana"), "leak")


async def _hidden(desk: Desk) -> tuple[Any, int]:
    asked = await desk.asked()
    card = await desk.service.card(asked.request.id, desk.actor("ana"))
    return asked, next(leaf.index for leaf in card.preview.leaves if leaf.hidden)


@case("reveal", "reveal.viewed")
async def _(desk: Desk) -> Any:
    asked, leaf = await _hidden(desk)
    return lambda: desk.service.reveal(asked.request.id, desk.actor("ana"), leaf, "to judge")


@case("reveal: refused", "reveal.refused")
async def _(desk: Desk) -> Any:
    asked, leaf = await _hidden(desk)
    return lambda: desk.service.reveal(asked.request.id, desk.actor("bo"), leaf, "curious")


def _tokens(desk: Desk) -> dict[str, str]:
    assert desk.office.tokens is not None
    return {"mail": desk.office.tokens.tokenize("EMAIL_ADDRESS", "a@example.org")}


@case("open_tokens", "tokens.opened")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.open_tokens(desk.actor("ana"), _tokens(desk), "a ticket")


@case("open_tokens: refused", "command.refused")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.open_tokens(desk.actor("bo"), _tokens(desk), "curious")


_VAULT = Rewrite(Operator.VAULT, expires=datetime(2099, 1, 1, tzinfo=UTC))


async def _vaulted(desk: Desk) -> dict[str, str]:
    _, sealed = await desk.worker.rewrite_json({"mail": "a@example.org"}, _VAULT)
    assert await desk.service.keep_tokens(desk.callers["bot"], sealed) is None
    return {"mail": sealed[0].name}


@case("keep_tokens", "tokens.kept")
async def _(desk: Desk) -> Any:
    _, sealed = await desk.worker.rewrite_json({"mail": "a@example.org"}, _VAULT)
    return lambda: desk.service.keep_tokens(desk.callers["bot"], sealed)


@case("erase_tokens", "tokens.erased")
async def _(desk: Desk) -> Any:
    value = await _vaulted(desk)
    return lambda: desk.service.erase_tokens(desk.actor("ana"), value, "was asked to")


@case("erase_tokens: by the agent that had them made", "tokens.erased")
async def _(desk: Desk) -> Any:
    value = await _vaulted(desk)
    return lambda: desk.service.erase_tokens(desk.callers["bot"], value, "done with them")


@case("erase_tokens: refused", "command.refused")
async def _(desk: Desk) -> Any:
    value = await _vaulted(desk)
    return lambda: desk.service.erase_tokens(desk.actor("bo"), value, "curious")


# --- the sweep


@case("sweep: nobody decided", "request.expired", moves=("pending>expired",))
async def _(desk: Desk) -> Any:
    await desk.asked(action="db.drop")
    desk.clock.forward(timedelta(days=2))
    return desk.service.sweep


@case("sweep: a grant that nobody used", "grant.lapsed", moves=("issued>lapsed",))
async def _(desk: Desk) -> Any:
    voted = await approved(desk)
    desk.clock.set(voted.grant.use_by)
    return desk.service.sweep


@case("sweep: a use of which nothing was heard", "grant.lapsed", moves=("redeemed>indeterminate",))
async def _(desk: Desk) -> Any:
    await redeemed(desk)
    desk.clock.forward(desk.office.settings.outcome_within)
    return desk.service.sweep


@case("sweep: a reminder", "reminder.sent")
async def _(desk: Desk) -> Any:
    await desk.asked()
    desk.clock.forward(timedelta(minutes=10))
    return desk.service.sweep


@case("sweep: an escalation", "escalation.sent")
async def _(desk: Desk) -> Any:
    await desk.asked()
    desk.clock.forward(timedelta(minutes=20))
    await desk.service.sweep()
    desk.clock.forward(timedelta(minutes=5))
    return desk.service.sweep


# --- switches, policy, the log


@case("freeze", "freeze.set")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.freeze(desk.actor("root"), "key leaked")


@case("freeze: refused", "command.refused")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.freeze(desk.actor("ana"), "key leaked")


@case("unfreeze", "freeze.lifted")
async def _(desk: Desk) -> Any:
    await desk.service.freeze(desk.actor("root"), "key leaked")
    return lambda: desk.service.unfreeze(desk.actor("root"))


@case("delegate", "delegation.set")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.delegate(
        desk.actor("ana"), PersonId("person:mia"), desk.clock.now() + timedelta(days=2)
    )


@case("end_delegation", "delegation.ended")
async def _(desk: Desk) -> Any:
    await desk.service.delegate(
        desk.actor("ana"), PersonId("person:mia"), desk.clock.now() + timedelta(days=2)
    )
    return lambda: desk.service.end_delegation(desk.actor("ana"))


@case("audit", "audit.queried")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.audit(desk.actor("root"), AuditFilter())


@case("evidence: refused", "command.refused")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.evidence(desk.actor("ana"), Gaps())


@case("evidence", "audit.exported")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.evidence(desk.actor("root"), Prove(3))


@case("evidence: gaps", "audit.queried")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.evidence(desk.actor("root"), Gaps())


@case("evidence: a bundle of entries", "audit.exported")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.evidence(desk.actor("root"), Tile(ENTRIES_LEVEL, 0, 5))


@case("evidence: of what is not there", "command.refused")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.evidence(desk.actor("root"), Prove(10**9))


@case("apply_policy", "policy.changed")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.apply_policy(
        POLICY.replace("approvals: 2", "approvals: 3"), desk.actor("root")
    )


# --- people and agents


def session(desk: Desk, id: str = "s-1", name: str = "ana") -> Session:
    now = desk.clock.now()
    return Session(
        id=id, person=PersonId(f"person:{name}"), account=AccountKey(f"local:{name}"), assurance=Assurance.CONSOLE,
        created_at=now, authenticated_at=now, seen_at=now, expires_at=now + timedelta(hours=8), csrf="c" * 43,
    )  # fmt: skip


@case("open_session", "identity.changed", "session.login")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.open_session(session(desk), groups=frozenset({"readers"}))


@case("open_session: refused", "session.refused")
async def _(desk: Desk) -> Any:
    await desk.service.disable_person(None, PersonId("person:ana"))
    return lambda: desk.service.open_session(session(desk))


@case("refuse_session", "session.refused")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.refuse_session(AccountKey("local:ana"), LoginRefusal.BAD_PASSWORD)


@case("close_session", "session.ended")
async def _(desk: Desk) -> Any:
    await desk.service.open_session(session(desk))
    return lambda: desk.service.close_session("s-1")


@case("close_sessions", "session.ended")
async def _(desk: Desk) -> Any:
    await desk.service.open_session(session(desk))
    return lambda: desk.service.close_sessions(desk.actor("ana"))


@case("add_person", "identity.changed")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.add_person(desk.actor("root"), PersonId("person:new"), "New")


@case("add_person: refused", "command.refused")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.add_person(desk.actor("ana"), PersonId("person:new"), "New")


@case("disable_person", "identity.changed")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.disable_person(desk.actor("root"), PersonId("person:mia"))


@case("enable_person", "identity.changed")
async def _(desk: Desk) -> Any:
    await desk.service.disable_person(None, PersonId("person:mia"))
    return lambda: desk.service.enable_person(desk.actor("root"), PersonId("person:mia"))


@case("link_account", "identity.changed")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.link_account(
        desk.actor("root"), AccountKey("slack:T1:U9"), PersonId("person:mia"), proof="admin"
    )


@case("link_own_account", "identity.changed")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.link_own_account(
        desk.actor("ana"), AccountKey("slack:T1:U1"), proof="console+chat"
    )


@case("confirm_account", "identity.changed")
async def _(desk: Desk) -> Any:
    linked = AccountKey("oidc:https://idp.example:ana")
    await desk.service.link_account(desk.actor("root"), linked, PersonId("person:ana"), proof="admin")
    return lambda: desk.service.confirm_account(desk.actor("ana"), linked)


@case("confirm_account: refused", "command.refused")
async def _(desk: Desk) -> Any:
    linked = AccountKey("oidc:https://idp.example:ana")
    await desk.service.link_account(desk.actor("root"), linked, PersonId("person:ana"), proof="admin")
    return lambda: desk.service.confirm_account(desk.actor("bo"), linked)


@case("unlink_account", "identity.changed")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.unlink_account(desk.actor("root"), AccountKey("local:mia"))


@case("issue_person_token", "identity.changed")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.issue_person_token(
        desk.actor("ana"), PersonId("person:ana"), timedelta(days=1)
    )


@case("add_agent", "agent.changed")
async def _(desk: Desk) -> Any:
    agent = Agent(AgentId("agent:third"), (PersonId("person:eve"),), desk.clock.now())
    return lambda: desk.service.add_agent(desk.actor("root"), agent)


@case("set_agent", "agent.changed")
async def _(desk: Desk) -> Any:
    agent = Agent(AgentId("agent:bot"), (PersonId("person:mia"),), desk.clock.now())
    return lambda: desk.service.set_agent(desk.actor("root"), replace(agent, enabled=False))


@case("issue_key", "agent.changed")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.issue_key(desk.actor("root"), AgentId("agent:bot"), KeyKind.HMAC)


@case("revoke_key", "agent.changed")
async def _(desk: Desk) -> Any:
    return lambda: desk.service.revoke_key(desk.actor("root"), desk.callers["bot"].key_id)


async def read_all(desk: Desk) -> dict[str, Callable[[], Any]]:
    """Every reading call, by name."""
    asked = await desk.asked()
    id, ana, root, bot = asked.request.id, desk.actor("ana"), desk.actor("root"), desk.callers["bot"]
    service = desk.service
    return {
        "frozen": service.frozen,
        "look": lambda: service.look(id, bot),
        "wait": lambda: service.wait(id, bot, timedelta(0)),
        "listing": lambda: service.listing(bot, Page()),
        "card": lambda: service.card(id, ana),
        "timeline": lambda: service.timeline(id, ana),
        "inbox": lambda: service.inbox(ana),
        "policy": service.policy,
        "ready": service.ready,
        "identify": lambda: service.identify(
            AccountKey("local:ana"), surface="console", assurance=Assurance.CONSOLE
        ),
        "person": lambda: service.person(PersonId("person:ana")),
        "people": service.people,
        "accounts": lambda: service.accounts(PersonId("person:ana")),
        "agents": service.agents,
        "chain": lambda: service.chain(root),
        "standing_approvals": lambda: service.standing_approvals(root),
        "break_glasses": lambda: service.break_glasses(root),
    }
