"""Who could have asked as the agent does not decide what it asks (I3); a vote ends with the account it was cast by (T04, T39)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from audit.semantics import Replay
from bot.core.ids import AccountKey, AgentId, PersonId
from bot.core.people import Actor, KeyKind, Role
from bot.core.reasons import Reason, Refused
from bot.core.request import Assurance, Choice
from bot.desk.api import AgentCaller, NewKey, Voted
from bot.ports import AuditFilter
from tests.desk.test_way import PAYLOAD
from tests.support.office import SAMPLE, Desk

BOT = AgentId("agent:bot")
ANA, BO = PersonId("person:ana"), PersonId("person:bo")


def reason(answer: object) -> Reason:
    assert isinstance(answer, Refused), answer
    return answer.reason


async def make_admin(desk: Desk, name: str) -> Actor:
    await desk.service.add_person(None, PersonId(f"person:{name}"), name.title(), frozenset({Role.ADMIN}))
    return desk.actor(name)


async def own(desk: Desk, by: Actor | None, *owners: PersonId) -> None:
    agent = await desk.store.read(lambda tx: tx.agent(BOT))
    assert agent is not None
    await desk.service.set_agent(by, replace(agent, owners=owners))


async def leaves(desk: Desk) -> list[dict[str, object]]:
    rows = await desk.store.read(lambda tx: tx.audit_rows(AuditFilter(limit=500)))
    return [json.loads(row.leaf) for row in reversed(rows)]


async def contradictions(desk: Desk, *edits: tuple[str, dict[str, object]]) -> list[str]:
    """What the offline replay says of this log, in which entries of a type were told otherwise."""
    replay, told = Replay(), dict(edits)
    bodies = await leaves(desk)
    for body in bodies:
        body["data"] = {**body.get("data", {}), **told.get(body["type"], {})}
    return [line for seq, body in enumerate(bodies) for line in replay.step(seq, body)]


async def ask_and_vote(desk: Desk, name: str) -> Voted | Refused:
    asked = await desk.asked()
    return await desk.service.vote(asked.request.id, desk.actor(name), Choice.APPROVE)


@pytest.mark.parametrize("kind", KeyKind)
async def test_i3_an_administrator_who_issued_a_key_of_the_agent_does_not_decide_what_it_asks(desk, kind):
    ana = await make_admin(desk, "ana")
    await desk.service.issue_key(ana, BOT, kind)
    desk.clock.forward(timedelta(days=40))

    assert reason(await ask_and_vote(desk, "ana")) is Reason.SEPARATED


async def test_i3_who_issued_a_key_decides_again_once_it_is_revoked_or_past_its_end(desk):
    ana = await make_admin(desk, "ana")
    first = await desk.service.issue_key(ana, BOT, KeyKind.API)
    assert isinstance(first, NewKey)
    await desk.service.revoke_key(None, first.key.id)
    await desk.service.issue_key(ana, BOT, KeyKind.API, timedelta(hours=1))
    desk.clock.forward(timedelta(hours=1))

    assert isinstance(await ask_and_vote(desk, "ana"), Voted)


async def test_i3_a_key_issued_while_the_request_is_open_separates_its_issuer_from_then_on(desk):
    ana = await make_admin(desk, "ana")
    asked = await desk.asked()
    await desk.service.vote(asked.request.id, ana, Choice.APPROVE)
    await desk.service.issue_key(ana, BOT, KeyKind.API)

    voted = await desk.service.vote(asked.request.id, desk.actor("bo"), Choice.APPROVE)

    assert isinstance(voted, Voted)
    assert not voted.decided


async def test_i3_an_owner_removed_just_before_asking_still_does_not_decide(desk):
    await own(desk, None, ANA)
    await own(desk, None, PersonId("person:eve"))

    assert reason(await ask_and_vote(desk, "ana")) is Reason.SEPARATED


async def test_i3_a_former_owner_is_kept_apart_while_a_key_of_his_time_works_and_no_longer(desk):
    old = desk.callers["bot"].key_id
    await own(desk, None, ANA)
    await own(desk, None, PersonId("person:eve"))
    desk.clock.forward(timedelta(days=40))
    while_live = await ask_and_vote(desk, "ana")
    await desk.service.revoke_key(None, old)
    desk.clock.forward(timedelta(hours=1))

    assert reason(while_live) is Reason.SEPARATED
    assert isinstance(await ask_and_vote(desk, "ana"), Voted)


async def test_i3_a_former_owner_of_an_agent_without_keys_is_kept_apart_for_the_cool_down(desk):
    await desk.service.revoke_key(None, desk.callers["bot"].key_id)
    desk.callers["bot"] = AgentCaller(BOT, "jwt:github", ("*",))
    await own(desk, None, ANA)
    await own(desk, None, PersonId("person:eve"))
    early = await ask_and_vote(desk, "ana")
    desk.clock.forward(timedelta(hours=24))

    assert reason(early) is Reason.SEPARATED
    assert isinstance(await ask_and_vote(desk, "ana"), Voted)


async def test_i3_the_log_names_who_holds_a_key_and_the_replay_holds_the_decision_against_it(desk):
    ana = await make_admin(desk, "ana")
    await desk.service.issue_key(ana, BOT, KeyKind.API)
    asked = await desk.asked()
    for name in ("bo", "cy"):
        await desk.service.vote(asked.request.id, desk.actor(name), Choice.APPROVE)
    person = await desk.service.person(ANA)
    issued = [b for b in await leaves(desk) if b["type"] == "agent.changed" and "persons" in b["data"]]

    assert person.ref in issued[-1]["data"]["persons"]
    assert await contradictions(desk) == []
    holder = await desk.service.person(BO)
    forged = ("agent.changed", {"persons": [holder.ref]})
    assert any("may not decide" in line for line in await contradictions(desk, forged))


# --- votes and their accounts ------------------------------------------------------------------------

CHAT = AccountKey("slack:T1:U1")


async def voted_by_chat(desk: Desk, **ask: object) -> object:
    await desk.service.link_account(None, CHAT, ANA, proof="operator", cool_down=timedelta())
    asked = await desk.asked(**ask)
    actor = Actor(ANA, CHAT, "console", Assurance.CONSOLE, desk.clock.now())
    voted = await desk.service.vote(asked.request.id, actor, Choice.APPROVE)
    assert isinstance(voted, Voted)
    return voted.request.id


@pytest.mark.parametrize("ending", ["unlinked", "linked anew", "another's"])
async def test_t04_t39_a_vote_does_not_outlive_the_account_it_was_cast_by(desk, ending):
    id = await voted_by_chat(desk)
    desk.clock.forward(timedelta(minutes=1))
    await desk.service.unlink_account(None, CHAT)
    if ending != "unlinked":
        to = ANA if ending == "linked anew" else PersonId("person:mia")
        await desk.service.link_account(None, CHAT, to, proof="operator", cool_down=timedelta())

    voted = await desk.service.vote(id, desk.actor("bo"), Choice.APPROVE)

    assert isinstance(voted, Voted)
    assert not voted.decided


async def test_a_vote_by_an_account_that_is_gone_is_withdrawn_and_cast_anew_by_another(desk):
    id = await voted_by_chat(desk)
    await desk.service.unlink_account(None, CHAT)

    again = await desk.service.vote(id, desk.actor("ana"), Choice.APPROVE)
    await desk.service.withdraw(id, desk.actor("ana"))
    await desk.service.vote(id, desk.actor("ana"), Choice.APPROVE)
    decided = await desk.service.vote(id, desk.actor("bo"), Choice.APPROVE)

    assert reason(again) is Reason.ALREADY_VOTED
    assert decided.decided
    assert await contradictions(desk) == []


async def test_t04_an_account_unlinked_after_the_decision_refuses_the_redemption_where_the_rule_rechecks(
    desk,
):
    id = await voted_by_chat(desk, action="db.drop")
    grant = await desk.store.read(lambda tx: tx.grant_of(id))
    await desk.service.unlink_account(None, CHAT)
    payload = json.dumps(
        {"action": "db.drop", "resource": SAMPLE["resource"], "parameters": SAMPLE["parameters"]}
    ).encode()

    answer = await desk.service.redeem(grant.token, desk.callers["bot"], payload=payload)

    assert reason(answer) is Reason.APPROVERS_CHANGED


async def test_t04_a_new_password_leaves_the_votes_of_its_account_standing(desk):
    asked = await desk.asked()
    await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)
    desk.clock.forward(timedelta(minutes=1))
    await desk.service.link_account(None, AccountKey("local:ana"), ANA, proof="operator", secret="new")

    voted = await desk.service.vote(asked.request.id, desk.actor("bo"), Choice.APPROVE)

    assert voted.decided
    assert isinstance(
        await desk.service.redeem(voted.grant.token, desk.callers["bot"], payload=PAYLOAD), object
    )


async def test_t04_the_replay_contradicts_a_decision_by_a_vote_whose_account_was_gone(desk):
    id = await voted_by_chat(desk)
    await desk.service.vote(id, desk.actor("bo"), Choice.APPROVE)
    bodies = await leaves(desk)
    unlinked = {
        **next(b for b in bodies if b["type"] == "identity.changed"),
        "data": {
            "change": "account-unlinked",
            "account_ref": next(b for b in bodies if b["type"] == "vote.cast")["data"]["account_ref"],
        },
    }
    place = next(i for i, b in enumerate(bodies) if b["type"] == "vote.cast") + 1

    def told(lines: list[tuple[int, dict[str, object]]]) -> list[str]:
        replay = Replay()
        return [line for n, body in lines for line in replay.step(n, body)]

    seqs = list(enumerate(bodies))
    before = told(seqs)
    after = told([*seqs[:place], (place, unlinked), *seqs[place:]])

    assert before == []
    assert any("account" in line for line in after), after
