"""Standing approvals: a quorum approves the same again, so often, for so long; nothing else is let through by it (I2, I3, I5, I6)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.stores.sqlite import SqliteStore
from audit.semantics import Replay
from bot.core.ids import AgentId, GroupName, PersonId, RequestId
from bot.core.reasons import Reason, Refused
from bot.core.request import Choice, RequestState
from bot.core.standing_approval import StandingState
from bot.desk import standing_book
from bot.desk.api import Redeemed, StandingLine, Submitted, Voted
from bot.desk.context import META_EPOCH
from bot.desk.policies import rules_of
from bot.errors import RowForged
from bot.ports import AuditFilter, Tx
from tests.desk.every_call import approved, stood
from tests.support.clock import ManualClock
from tests.support.keys import journal
from tests.support.office import GLASS, SAMPLE, STANDING, TERMS, Desk, close_desk, open_desk
from tests.support.rand import SeededRand


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = ManualClock()
    desk = await open_desk(
        tmp_path, SqliteStore(tmp_path / "s.sqlite3", clock, journal(SeededRand(11))), clock
    )
    yield desk
    await close_desk(desk)


def reason(answer: object) -> Reason:
    assert isinstance(answer, Refused), answer
    return answer.reason


async def state(desk: Desk, **changes: Any) -> RequestState:
    return (await desk.asked(**changes)).request.state


async def lines(desk: Desk, who: str = "root") -> list[StandingLine]:
    found = await desk.service.standing_approvals(desk.actor(who))
    assert not isinstance(found, Refused)
    return found


async def leaves(desk: Desk) -> list[dict[str, Any]]:
    rows = await desk.store.read(lambda tx: tx.audit_rows(AuditFilter(limit=500)))
    return [json.loads(row.leaf) for row in reversed(rows)]


async def contradictions(desk: Desk, change: Callable[[dict[str, Any]], Any] = lambda _: None) -> list[str]:
    policy = desk.office.book.policy
    kept = {policy.hash: (policy.source.encode(), rules_of(policy).encode())}
    replay, found = Replay(policy_of=kept.get), []
    for seq, body in enumerate(await leaves(desk)):
        change(body)
        found += list(replay.step(seq, body))
    return found


async def test_i5_the_same_again_is_granted_at_once_and_only_so_often(desk: Desk):
    voted = await stood(desk)
    payload = json.dumps({k: SAMPLE[k] for k in ("action", "resource", "parameters")}).encode()

    answers = [await desk.asked() for _ in range(4)]

    assert [a.request.state.value for a in answers] == ["approved"] * 3 + ["pending"]
    assert [bool(a.grant) for a in answers] == [True, True, True, False]
    assert answers[0].request.reason == f"Standing approval {voted.request.id}, use 1 of 3"
    assert len({a.grant.id for a in answers if a.grant}) == 3
    for answer in answers[:3]:
        assert answer.grant is not None
        assert isinstance(
            await desk.service.redeem(answer.grant.token, desk.callers["bot"], payload=payload), Redeemed
        )
    assert (await lines(desk))[0].state is StandingState.SPENT
    assert await contradictions(desk) == []


async def test_i7_the_entry_names_the_standing_approval_its_votes_and_which_use_it_is(desk: Desk):
    voted = await stood(desk)
    await desk.asked()

    entries = await leaves(desk)
    cast = [seq for seq, e in enumerate(entries) if e["type"] == "vote.cast"]
    data = next(e["data"] for e in reversed(entries) if e["type"] == "decision.approved")
    assert (data["basis"], data["standing_id"], data["use_count"], data["votes"]) == (
        "standing",
        voted.request.id,
        1,
        cast,
    )


async def test_i2_i5_of_a_thousand_asks_at_once_exactly_so_many_are_granted(desk: Desk):
    await desk.service.set_agent(None, replace((await desk.service.agents())[0][0], pending_max=2000))
    await desk.service.apply_policy(STANDING)
    asked = await desk.asked(standing={"uses": 100, "valid_for_seconds": 3600})
    for name in ("ana", "bo"):
        await desk.service.vote(asked.request.id, desk.actor(name), Choice.APPROVE)

    answers = await asyncio.gather(*(desk.ask() for _ in range(1_000)))

    states = [a.request.state.value for a in answers if isinstance(a, Submitted)]
    assert (len(states), states.count("approved"), states.count("pending")) == (1000, 100, 900)
    assert (await lines(desk))[0].uses == 100


@pytest.mark.parametrize(
    "changes",
    [
        {
            "parameters": {
                "query": "SELECT name FROM customers",
                "rows": 4,
                "contact": "maria.lopez@example.org",
            }
        },
        {"resource": {"type": "postgres", "id": "prod-orders", "env": "prod"}},
        {"resource": {"type": "postgres", "id": "prod-customers", "env": "staging"}},
        {"precondition": {"etag": "2"}},
        {"on_behalf_of": "person:mia"},
        {"agent": "other"},
        {"action": "db.drop"},
        {"justification": "call 212-555-0143, card 4111 1111 1111 1111"},
    ],
    ids=[
        "parameters",
        "resource",
        "env",
        "precondition",
        "behalf",
        "agent",
        "action",
        "another kind of data",
    ],
)
async def test_whatever_is_not_the_same_goes_to_people(desk: Desk, changes: dict[str, Any]):
    await stood(desk)

    assert await state(desk, **changes) is RequestState.PENDING
    assert await state(desk) is RequestState.APPROVED


async def test_the_policy_says_what_must_be_the_same(desk: Desk):
    await desk.service.apply_policy(STANDING.replace("valid_max: 7d", "valid_max: 7d, same: [resource]"))
    asked = await desk.asked(standing=TERMS)
    for name in ("ana", "bo"):
        await desk.service.vote(asked.request.id, desk.actor(name), Choice.APPROVE)

    assert await state(desk, parameters={"query": "SELECT 1"}) is RequestState.APPROVED
    assert (
        await state(desk, resource={"type": "postgres", "id": "other", "env": "prod"}) is RequestState.PENDING
    )


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({"uses": 1001, "valid_for_seconds": 60}, Reason.STANDING_LIMIT),
        ({"uses": 1, "valid_for_seconds": 7 * 86_400 + 1}, Reason.STANDING_LIMIT),
    ],
)
async def test_more_than_the_rule_allows_is_denied(desk: Desk, terms: dict[str, int], why: Reason):
    await desk.service.apply_policy(STANDING)

    answer = await desk.asked(standing=terms)

    assert (answer.request.state, answer.request.reason) == (RequestState.DENIED, why.value)
    most = await desk.asked(standing={"uses": 1000, "valid_for_seconds": 7 * 86_400})
    assert most.request.state is RequestState.PENDING


@pytest.mark.parametrize("action", ["db.export", "pay", "db.drop"])
async def test_i13_a_rule_that_says_nothing_allows_none(desk: Desk, action: str):
    answer = await desk.asked(action=action, standing=TERMS, parameters={"amount": 5})

    assert (answer.request.state, answer.request.reason) == (RequestState.DENIED, Reason.STANDING_OFF.value)
    assert answer.grant is None


async def test_i2_before_the_whole_quorum_and_after_a_denial_there_is_none(desk: Desk):
    await desk.service.apply_policy(STANDING)
    first, second = await desk.asked(standing=TERMS), await desk.asked(standing=TERMS)
    await desk.service.vote(first.request.id, desk.actor("ana"), Choice.APPROVE)
    await desk.service.vote(second.request.id, desk.actor("ana"), Choice.DENY, comment="no")

    assert await state(desk) is RequestState.PENDING
    assert await lines(desk) == []


async def test_i3_the_owner_of_the_agent_approves_no_standing_approval(desk: Desk):
    await desk.service.apply_policy(STANDING)
    asked = await desk.asked(standing=TERMS, agent="other")  # cy owns it and is of the owners

    assert (
        reason(await desk.service.vote(asked.request.id, desk.actor("cy"), Choice.APPROVE))
        is Reason.SEPARATED
    )


async def test_i3_it_decides_nothing_for_one_of_its_own_approvers(desk: Desk):
    policy = STANDING.replace("valid_max: 7d", "valid_max: 7d, same: [resource, parameters]")
    await desk.service.apply_policy(policy)
    asked = await desk.asked(standing=TERMS)
    for name in ("ana", "bo"):
        await desk.service.vote(asked.request.id, desk.actor(name), Choice.APPROVE)

    assert await state(desk, on_behalf_of="person:ana") is RequestState.PENDING
    assert await state(desk, on_behalf_of="person:mia") is RequestState.APPROVED
    agent = next(a for a, _ in await desk.service.agents() if a.id == AgentId("agent:bot"))
    await desk.service.set_agent(None, replace(agent, owners=(PersonId("person:bo"),)))
    assert await state(desk, on_behalf_of="person:mia") is RequestState.PENDING


async def test_i6_it_ends_at_its_instant_by_the_stores_clock_and_never_comes_back(desk: Desk):
    await stood(desk)
    desk.clock.forward(timedelta(hours=1) - timedelta(microseconds=1))
    before = await state(desk)
    desk.clock.forward(timedelta(microseconds=1))
    after = await state(desk)
    desk.clock.back(timedelta(minutes=30))

    assert (before, after) == (RequestState.APPROVED, RequestState.PENDING)
    assert await state(desk) is RequestState.PENDING
    assert (await lines(desk))[0].state is StandingState.ENDED


@pytest.mark.parametrize("who", ["ana", "bo", "eve", "root"])
async def test_its_approvers_the_owner_and_an_administrator_take_it_back_at_once(desk: Desk, who: str):
    voted = await stood(desk)
    await desk.asked()

    done = await desk.service.revoke_standing(voted.request.id, desk.actor(who), "enough")
    again = await desk.service.revoke_standing(voted.request.id, desk.actor(who), "enough")

    assert not isinstance(done, Refused)
    assert again == done
    assert await state(desk) is RequestState.PENDING
    (line,) = await lines(desk)
    assert (line.state, line.uses, line.revoked_by, line.may_revoke) == (
        StandingState.REVOKED,
        1,
        who.title(),
        False,
    )
    assert [e["type"] for e in await leaves(desk)].count("standing.revoked") == 1
    assert await contradictions(desk) == []


@pytest.mark.parametrize("who", ["cy", "sam", "mia"])
async def test_t35_nobody_else_takes_it_back(desk: Desk, who: str):
    voted = await stood(desk)

    assert (
        reason(await desk.service.revoke_standing(voted.request.id, desk.actor(who), "x")) is Reason.NOT_FOUND
    )
    assert await state(desk) is RequestState.APPROVED


async def test_whoever_was_switched_off_takes_nothing_back(desk: Desk):
    voted = await stood(desk)
    actor = desk.actor("bo")
    await desk.service.disable_person(None, PersonId("person:bo"))

    assert reason(await desk.service.revoke_standing(voted.request.id, actor, "x")) is Reason.NOT_FOUND
    assert [e["type"] for e in await leaves(desk)].count("standing.revoked") == 0


async def test_t39_an_approver_who_left_the_group_or_was_switched_off_voids_it_while_it_is_so(desk: Desk):
    await stood(desk)
    desk.directory.changed[GroupName("owners")] = frozenset({PersonId("person:bo"), PersonId("person:cy")})
    gone = await state(desk)
    desk.directory.changed.clear()
    back = await state(desk)
    await desk.service.disable_person(None, PersonId("person:bo"))
    off = await state(desk)
    desk.directory.down = True

    assert (gone, back, off) == (RequestState.PENDING, RequestState.APPROVED, RequestState.PENDING)
    assert await state(desk, parameters={"n": 1}) is RequestState.PENDING


async def test_i3_t39_an_approver_who_counts_no_more_voids_it_though_the_seats_are_full_without(desk: Desk):
    mixed = STANDING.replace("[{group: owners, approvals: 2}]", "[{group: owners}, {group: security}]")
    await desk.service.apply_policy(mixed)
    asked = await desk.asked(standing=TERMS)
    for who in ("bo", "cy", "sam"):
        await desk.service.vote(asked.request.id, desk.actor(who), Choice.APPROVE)
    stands = await state(desk)
    await desk.service.disable_person(None, PersonId("person:bo"))

    assert (stands, await state(desk)) == (RequestState.APPROVED, RequestState.PENDING)


async def test_i2_t39_approvers_who_all_count_but_fill_its_seats_no_more_void_it(desk: Desk):
    mixed = STANDING.replace("[{group: owners, approvals: 2}]", "[{group: owners}, {group: security}]")
    await desk.service.apply_policy(mixed)
    await approved(desk, standing=TERMS)
    stands = await state(desk)
    desk.directory.changed[GroupName("security")] = frozenset({PersonId("person:sam")})

    assert (stands, await state(desk)) == (RequestState.APPROVED, RequestState.PENDING)


async def test_no_more_are_granted_than_are_listed_until_one_ended_long_ago(desk: Desk):
    voted = await stood(desk)
    one = await desk.store.read(lambda tx: standing_book.read(tx, voted.request.id))
    assert one is not None
    names = [RequestId(f"req_{n:026d}") for n in range(standing_book.KEPT_MAX - 1)]

    def fill(tx: Tx) -> None:
        for name in names:
            standing_book.keep(tx, replace(one, id=name))
        tx.set_meta(standing_book.META_IDS, json.dumps([*names, one.id]))

    await desk.store.write(fill)
    too_many = await desk.asked(parameters={"n": 1}, standing=TERMS)
    await desk.store.write(
        lambda tx: standing_book.keep(
            tx, replace(one, id=names[0], until=desk.clock.now() - standing_book.KEPT_FOR)
        )
    )
    room = await desk.asked(parameters={"n": 2}, standing=TERMS)

    assert (too_many.request.state, too_many.request.reason) == (RequestState.DENIED, "standing-limit")
    assert room.request.state is RequestState.PENDING


async def test_t39_where_membership_cannot_be_read_people_are_asked(desk: Desk):
    await stood(desk)
    desk.directory.down = True

    assert await state(desk) is RequestState.PENDING


async def test_t20_a_rule_that_changed_voids_it_and_another_rules_change_does_not(desk: Desk):
    await stood(desk)
    await desk.service.apply_policy(STANDING.replace("decide_within: 30m", "decide_within: 29m"))
    changed, (line,) = await state(desk), await lines(desk)
    await desk.service.apply_policy(STANDING + '  - {name: more, when: action == "more", allow: true}\n')

    assert (changed, line.state) == (RequestState.PENDING, StandingState.VOID)
    assert await state(desk) is RequestState.APPROVED


async def test_t48_a_restored_backup_voids_it(desk: Desk):
    await stood(desk)
    await desk.store.write(lambda tx: tx.set_meta(META_EPOCH, "1"))

    assert await state(desk) is RequestState.PENDING
    assert (await lines(desk))[0].state is StandingState.VOID


async def test_t46_an_older_row_put_back_gives_no_use_more(desk: Desk):
    voted = await stood(desk)
    key = f"standing:{voted.request.id}"
    old = await desk.store.read(lambda tx: tx.meta(key))
    assert old is not None
    await desk.asked()
    await desk.store.write(lambda tx: tx.set_meta(key, old))

    with pytest.raises(RowForged):
        await desk.asked()


async def test_t46_a_revocation_that_was_undone_in_the_database_is_seen(desk: Desk):
    voted = await stood(desk)
    key = f"standing:{voted.request.id}"
    old = await desk.store.read(lambda tx: tx.meta(key))
    assert old is not None
    await desk.service.revoke_standing(voted.request.id, desk.actor("ana"), "")
    await desk.store.write(lambda tx: tx.set_meta(key, old))

    with pytest.raises(RowForged):
        await desk.asked()


async def test_t43_break_glass_begins_no_standing_approval(desk: Desk):
    await desk.service.apply_policy(STANDING + GLASS)
    asked = await desk.asked(standing=TERMS)
    broken = await desk.service.break_glass(asked.request.id, desk.actor("sam"), "both are asleep")

    assert isinstance(broken, Voted)
    assert await state(desk) is RequestState.PENDING
    assert await lines(desk) == []


async def test_the_freeze_stops_it_and_denials_stay_remembered(desk: Desk):
    await stood(desk)
    await desk.service.freeze(None, "drill")

    assert reason(await desk.ask()) is Reason.FROZEN


async def test_t39_where_the_rule_rechecks_a_grant_of_it_needs_its_approvers_still(desk: Desk):
    await desk.service.apply_policy(
        STANDING.replace("    decide_within: 30m\n", "    decide_within: 30m\n    recheck_at_redeem: true\n")
    )
    asked = await desk.asked(standing=TERMS)
    for name in ("ana", "bo"):
        await desk.service.vote(asked.request.id, desk.actor(name), Choice.APPROVE)
    use = await desk.asked()
    payload = json.dumps({k: SAMPLE[k] for k in ("action", "resource", "parameters")}).encode()
    assert use.grant is not None

    desk.directory.changed[GroupName("owners")] = frozenset({PersonId("person:bo"), PersonId("person:cy")})
    gone = await desk.service.redeem(use.grant.token, desk.callers["bot"], payload=payload)
    desk.directory.changed.clear()

    assert reason(gone) is Reason.APPROVERS_CHANGED
    assert isinstance(
        await desk.service.redeem(use.grant.token, desk.callers["bot"], payload=payload), Redeemed
    )
    another = await desk.asked()
    assert another.grant is not None
    await desk.service.revoke_standing(asked.request.id, desk.actor("ana"), "no more of this")
    taken = await desk.service.redeem(another.grant.token, desk.callers["bot"], payload=payload)
    assert reason(taken) is Reason.APPROVERS_CHANGED


async def test_another_action_under_the_same_rule_is_not_the_same(desk: Desk):
    wide = STANDING.replace('when: action == "db.export"', 'when: action in ["db.export", "db.copy"]')
    assert wide != STANDING
    await desk.service.apply_policy(wide)
    await approved(desk, standing=TERMS)

    assert await state(desk, action="db.copy") is RequestState.PENDING
    assert await state(desk) is RequestState.APPROVED


async def test_t35_only_who_may_look_at_its_request_sees_it(desk: Desk):
    await stood(desk)

    assert [line.approvers for line in await lines(desk, "ana")] == [("Ana", "Bo")]
    assert len(await lines(desk, "eve")) == 1
    assert await lines(desk, "mia") == []


# --- what the verifier makes of it


def told(kind: str, **data: Any) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        if body["type"] == kind and (kind != "decision.approved" or body["data"]["basis"] == "standing"):
            body["data"] |= data

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (told("decision.approved", standing_id="req_other"), "not in the log"),
        (told("decision.approved", use_count=2), "miscounted"),
        (told("decision.approved", scope_hash="0" * 64), "something else"),
        (told("decision.approved", votes=[1]), "something else"),
        (told("decision.approved", seats=["owners:1"]), "other seats"),
        (told("standing.granted", decision=1), "no decision by a quorum"),
        (told("standing.granted", until=1), "that was over"),
        (told("standing.granted", use_count=0), "used up"),
    ],
)
async def test_a_forged_use_is_contradicted_by_the_log(
    desk: Desk, change: Callable[[dict[str, Any]], None], said: str
):
    await stood(desk)
    await desk.asked()
    assert await contradictions(desk) == []

    assert any(said in line for line in await contradictions(desk, change)), await contradictions(
        desk, change
    )


async def test_a_use_after_the_revocation_or_by_one_who_is_apart_is_contradicted(desk: Desk):
    voted = await stood(desk)
    await desk.asked()
    ana = await desk.service.person(PersonId("person:ana"))
    assert ana is not None

    apart = await contradictions(desk, told("decision.approved", separated=[ana.ref]))
    await desk.service.revoke_standing(voted.request.id, desk.actor("ana"), "")
    entries = await leaves(desk)
    replay = Replay()
    late = [*entries[:-5], entries[-1], *entries[-5:-1]]
    found = [line for seq, body in enumerate(late) for line in replay.step(seq, body)]

    assert any("may not decide" in line for line in apart)
    assert any("that was over" in line for line in found), [e["type"] for e in late]
