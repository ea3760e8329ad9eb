"""Break-glass: the one way round the quorum is loud, capped, and judged by somebody else (T43)."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.stores.sqlite import SqliteStore
from audit.semantics import Replay
from bot import glass
from bot.core.ids import AgentId, GroupName, PersonId
from bot.core.people import Actor
from bot.core.reasons import Reason, Refused
from bot.core.request import Assurance, Choice, GrantState, RequestState
from bot.desk.api import Overridden, Redeemed, Reviewed, Voted
from bot.errors import RowForged
from bot.gap_watch import State, alarms, take
from bot.ports import AuditFilter
from tests.desk.every_call import PAYLOAD
from tests.support.clock import ManualClock
from tests.support.keys import journal
from tests.support.office import GLASS, POLICY, Desk, close_desk, library_on, open_desk
from tests.support.rand import SeededRand

WHY = "the pager of both owners is dead, mail maria.lopez@example.org"


@pytest.fixture
async def glassy(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = ManualClock()
    store = SqliteStore(tmp_path / "s.sqlite3", clock, journal(SeededRand(11)))
    desk = await open_desk(tmp_path, store, clock, library_on(store))
    await desk.service.apply_policy(POLICY + GLASS)
    yield desk
    await close_desk(desk)


def reason(answer: object) -> Reason:
    assert isinstance(answer, Refused), answer
    return answer.reason


async def broken(desk: Desk, by: str = "sam", **changes: object) -> Voted:
    asked = await desk.asked(**changes)
    answer = await desk.service.break_glass(asked.request.id, desk.actor(by), WHY)
    assert isinstance(answer, Voted), answer
    return answer


async def leaves(desk: Desk) -> list[dict[str, object]]:
    rows = await desk.store.read(lambda tx: tx.audit_rows(AuditFilter(limit=500)))
    return [json.loads(row.leaf) for row in reversed(rows)]


async def contradictions(desk: Desk, *, without: str = "", **told: dict[str, object]) -> list[str]:
    """What the offline replay says of this log, told otherwise: entries left out, data or actors changed."""
    kept = {policy.hash: (policy.source.encode(), None) for policy in (desk.office.book.policy,)}
    replay = Replay(policy_of=kept.get)
    found = []
    for seq, body in enumerate(await leaves(desk)):
        name = str(body["type"]).replace(".", "_")
        if name == without:
            continue
        changes = dict(told.get(name, {}))
        actor = changes.pop("actor", None)
        body = {**body, "data": {**body.get("data", {}), **changes}}  # type: ignore[dict-item]
        if actor is not None:
            body["act"] = {**body["act"], "ref": actor}  # type: ignore[dict-item]
        found += list(replay.step(seq, body))
    return found


async def test_t43_break_glass_grants_alone_and_says_so_everywhere(glassy: Desk):
    voted = await broken(glassy)

    assert voted.request.state is RequestState.APPROVED
    assert voted.grant is not None
    entries = await leaves(glassy)
    used, decided, issued = entries[-3:]
    assert [e["type"] for e in (used, decided, issued)] == [
        "break_glass.used",
        "decision.approved",
        "grant.issued",
    ]
    assert (decided["data"]["basis"], decided["data"]["votes"]) == ("break_glass", [])  # type: ignore[index]
    assert decided["data"]["used_seq"] == voted.seq == len(entries) - 3  # type: ignore[index]
    assert await contradictions(glassy) == []
    redeemed = await glassy.service.redeem(voted.grant.token, glassy.callers["bot"], payload=PAYLOAD)
    assert isinstance(redeemed, Redeemed)


async def test_t43_every_chat_surface_of_the_policy_is_told_and_no_hidden_value_with_it(glassy: Desk):
    voted = await broken(glassy)
    rows = await glassy.store.outbox_claim(glassy.clock.now(), 100, timedelta(seconds=60))
    told = [row.key for row in rows if row.topic == "glass"]
    heard: list[tuple[str, str]] = []

    class Loud:
        async def say(self, name: str, page: object) -> None:
            heard.append((name, str(page)))

    await glass.sender(glassy.service, {"slack": Loud()})(next(row for row in rows if row.topic == "glass"))

    # The request itself goes to the console alone; the channel is another rule's.
    assert told == [f"slack:#approvals/{voted.request.id}"]
    assert heard[0][0] == "slack:#approvals"
    assert "pager of both owners" in heard[0][1]
    assert "Sam" in heard[0][1]
    assert "maria.lopez" not in heard[0][1]


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("bo", Reason.NOT_ELIGIBLE),  # may vote, is not of the group
        ("root", Reason.NOT_ELIGIBLE),  # an administrator is no exception
        ("mia", Reason.NOT_ELIGIBLE),
    ],
)
async def test_t43_only_the_named_group_may_break_the_glass(glassy: Desk, who: str, why: Reason):
    asked = await glassy.asked()

    answer = await glassy.service.break_glass(asked.request.id, glassy.actor(who), WHY)

    assert reason(answer) is why
    assert (await leaves(glassy))[-1]["type"] == "command.refused"


async def test_i3_t43_nobody_breaks_the_glass_for_what_he_asked_himself(glassy: Desk):
    behalf = await glassy.asked(on_behalf_of="person:sam")
    agent = (await glassy.service.agents())[0][0]
    owned = await glassy.asked(parameters={"n": 2})
    await glassy.service.set_agent(
        None, replace(agent, owners=(PersonId("person:eve"), PersonId("person:ana")))
    )

    assert (
        reason(await glassy.service.break_glass(behalf.request.id, glassy.actor("sam"), WHY))
        is Reason.SEPARATED
    )
    assert (
        reason(await glassy.service.break_glass(owned.request.id, glassy.actor("ana"), WHY))
        is Reason.SEPARATED
    )
    assert agent.id == AgentId("agent:bot")


def chat(actor: Actor) -> Actor:
    return replace(actor, surface="slack:T1", assurance=Assurance.CHAT)


async def test_t43_it_takes_a_fresh_sign_in_at_the_console(glassy: Desk):
    asked = await glassy.asked()
    id, sam = asked.request.id, glassy.actor("sam")
    glassy.clock.forward(timedelta(minutes=5, microseconds=1))

    assert reason(await glassy.service.break_glass(id, chat(glassy.actor("sam")), WHY)) is Reason.STEP_UP
    assert reason(await glassy.service.break_glass(id, sam, WHY)) is Reason.STEP_UP
    assert isinstance(await glassy.service.break_glass(id, glassy.actor("sam"), WHY), Voted)


async def test_t43_a_reason_is_required_and_no_row_is_written_without(glassy: Desk):
    asked = await glassy.asked()
    before = len(await leaves(glassy))

    assert (
        reason(await glassy.service.break_glass(asked.request.id, glassy.actor("sam"), " "))
        is Reason.REASON_REQUIRED
    )
    assert len(await leaves(glassy)) == before


async def test_t43_the_week_has_a_cap_and_a_week_later_it_opens_again(glassy: Desk):
    for n in (1, 2):
        await broken(glassy, parameters={"n": n})
    for after in (timedelta(), timedelta(days=7) - timedelta(minutes=1)):
        glassy.clock.forward(after)
        asked = await glassy.asked(parameters={"after": after.days}, decide_within_seconds=600)
        refused = await glassy.service.break_glass(asked.request.id, glassy.actor("sam"), WHY)
        assert reason(refused) is Reason.BREAK_GLASS_CAP
    glassy.clock.forward(timedelta(minutes=1))
    glassy.clock.forward(timedelta(microseconds=1))
    await broken(glassy, parameters={"n": 4})


async def test_t43_the_cap_holds_against_a_hundred_at_once(glassy: Desk):
    asked = [await glassy.asked(parameters={"n": n}) for n in range(40)]

    answers = await asyncio.gather(
        *(glassy.service.break_glass(a.request.id, glassy.actor("sam"), WHY) for a in asked)
    )

    assert sum(isinstance(answer, Voted) for answer in answers) == 2
    assert {reason(a) for a in answers if not isinstance(a, Voted)} == {Reason.BREAK_GLASS_CAP}


async def test_t43_t46_a_denied_request_that_was_opened_again_in_the_file_is_not_broken_open(
    glassy: Desk, tmp_path: Path
):
    asked = await glassy.asked()
    await glassy.service.vote(asked.request.id, glassy.actor("ana"), Choice.DENY, comment="no")
    with closing(sqlite3.connect(tmp_path / "s.sqlite3")) as owner:
        for (trigger,) in owner.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            owner.execute(f"DROP TRIGGER {trigger}")
        owner.execute("DELETE FROM vote")
        owner.execute(
            "UPDATE request SET state = 'pending', decided_us = NULL, decided_by = NULL, reason = ''"
        )
        owner.commit()

    with pytest.raises(RowForged):
        await glassy.service.break_glass(asked.request.id, glassy.actor("sam"), WHY)
    assert "break_glass.used" not in [e["type"] for e in await leaves(glassy)]


async def test_i6_t43_the_deadline_and_the_freeze_hold_for_it_too(glassy: Desk):
    late, frozen = await glassy.asked(decide_within_seconds=60), await glassy.asked(parameters={"n": 2})
    await glassy.service.freeze(None, "drill")

    assert (
        reason(await glassy.service.break_glass(frozen.request.id, glassy.actor("sam"), WHY)) is Reason.FROZEN
    )
    await glassy.service.unfreeze(None)
    glassy.clock.set(late.request.decide_by)
    assert reason(await glassy.service.break_glass(late.request.id, glassy.actor("sam"), WHY)) is Reason.LATE
    assert (await leaves(glassy))[-2]["type"] == "request.expired"


async def test_i1_t43_a_decided_request_has_no_glass(glassy: Desk):
    asked = await glassy.asked()
    await glassy.service.vote(asked.request.id, glassy.actor("ana"), Choice.DENY, comment="no")

    assert (
        reason(await glassy.service.break_glass(asked.request.id, glassy.actor("sam"), WHY)) is Reason.CLOSED
    )


async def test_t20_t43_a_policy_that_changed_its_break_glass_opens_nothing_for_older_requests(glassy: Desk):
    asked = await glassy.asked()
    await glassy.service.apply_policy(POLICY)

    assert (
        reason(await glassy.service.break_glass(asked.request.id, glassy.actor("sam"), WHY))
        is Reason.BREAK_GLASS_OFF
    )
    later = await glassy.asked(parameters={"n": 2})
    await glassy.service.apply_policy(POLICY + GLASS)
    assert (
        reason(await glassy.service.break_glass(later.request.id, glassy.actor("sam"), WHY))
        is Reason.BREAK_GLASS_OFF
    )


async def test_t39_t43_no_answer_from_the_directory_is_no_break_glass(glassy: Desk):
    asked = await glassy.asked()
    glassy.directory.down = True

    assert (
        reason(await glassy.service.break_glass(asked.request.id, glassy.actor("sam"), WHY))
        is Reason.DIRECTORY_DOWN
    )


async def test_t43_a_delegation_lends_nobody_the_glass(glassy: Desk):
    asked = await glassy.asked()
    until = glassy.clock.now() + timedelta(days=2)
    await glassy.service.delegate(glassy.actor("sam"), PersonId("person:mia"), until)

    assert (
        reason(await glassy.service.break_glass(asked.request.id, glassy.actor("mia"), WHY))
        is Reason.NOT_ELIGIBLE
    )
    card = await glassy.service.card(asked.request.id, glassy.actor("mia"))
    assert isinstance(card, Refused) or not card.may_break_glass


async def test_t39_t43_whoever_left_the_group_opens_no_grant_where_the_rule_rechecks(glassy: Desk):
    voted = await broken(glassy, action="db.drop")
    payload = json.dumps({**json.loads(PAYLOAD), "action": "db.drop"}).encode()
    glassy.directory.changed[GroupName("security")] = frozenset({PersonId("person:ana")})
    assert voted.grant is not None

    gone = await glassy.service.redeem(voted.grant.token, glassy.callers["bot"], payload=payload)
    glassy.directory.changed.clear()
    back = await glassy.service.redeem(voted.grant.token, glassy.callers["bot"], payload=payload)

    assert reason(gone) is Reason.APPROVERS_CHANGED
    assert isinstance(back, Redeemed)


async def test_t43_whoever_used_it_may_take_the_grant_back(glassy: Desk):
    voted = await broken(glassy)
    assert voted.grant is not None

    revoked = await glassy.service.revoke(voted.grant.id, glassy.actor("sam"), "not needed after all")

    assert not isinstance(revoked, Refused)
    assert revoked.state is GrantState.REVOKED


# --- the review


async def test_t43_somebody_else_reviews_it_once(glassy: Desk):
    voted = await broken(glassy)
    id = voted.request.id
    own = await glassy.service.review_break_glass(id, glassy.actor("sam"), "justified", "I was right")
    done = await glassy.service.review_break_glass(id, glassy.actor("ana"), "unjustified", "bo was up")
    again = await glassy.service.review_break_glass(id, glassy.actor("ana"), "justified", "was fine")

    assert reason(own) is Reason.NOT_REVIEWER
    assert isinstance(done, Reviewed)
    assert (done.verdict, done.is_late) == ("unjustified", False)
    assert reason(again) is Reason.REVIEWED
    assert await contradictions(glassy) == []


@pytest.mark.parametrize("who", ["bo", "root", "eve", "mia"])
async def test_t43_only_a_reviewer_reviews(glassy: Desk, who: str):
    voted = await broken(glassy)

    answer = await glassy.service.review_break_glass(voted.request.id, glassy.actor(who), "justified", "fine")

    assert reason(answer) is Reason.NOT_REVIEWER


async def test_i3_t43_who_asked_does_not_review(glassy: Desk):
    voted = await broken(glassy, on_behalf_of="person:ana")

    answer = await glassy.service.review_break_glass(
        voted.request.id, glassy.actor("ana"), "justified", "fine"
    )

    assert reason(answer) is Reason.NOT_REVIEWER


async def test_t43_a_review_is_of_a_use_has_a_reason_and_comes_from_the_console(glassy: Desk):
    asked, voted = await glassy.asked(parameters={"n": 2}), await broken(glassy)
    ana, id = glassy.actor("ana"), voted.request.id
    review = glassy.service.review_break_glass

    assert reason(await review(asked.request.id, ana, "justified", "fine")) is Reason.NOT_FOUND
    assert reason(await review(id, ana, "justified", "")) is Reason.REASON_REQUIRED
    assert reason(await review(id, chat(ana), "justified", "fine")) is Reason.STEP_UP
    glassy.directory.down = True
    assert reason(await review(id, ana, "justified", "fine")) is Reason.DIRECTORY_DOWN


async def uses(desk: Desk, who: str) -> list[Overridden]:
    found = await desk.service.break_glasses(desk.actor(who))
    assert not isinstance(found, Refused)
    return found


async def test_t43_an_overdue_review_is_said_to_reviewers_and_auditors_until_it_is_made(glassy: Desk):
    voted = await broken(glassy)
    glassy.clock.forward(timedelta(hours=24) - timedelta(microseconds=1))
    (before,) = await uses(glassy, "ana")
    glassy.clock.forward(timedelta(microseconds=1))
    (due,) = await uses(glassy, "root")

    assert (before.is_overdue, before.may_review) == (False, True)
    assert (due.is_overdue, due.may_review) == (True, False)
    assert await uses(glassy, "bo") == []
    late = await glassy.service.review_break_glass(voted.request.id, glassy.actor("ana"), "justified", "ok")
    assert isinstance(late, Reviewed)
    assert late.is_late
    (after,) = await uses(glassy, "ana")
    assert (after.is_overdue, after.may_review, after.verdict, after.reviewed_by) == (
        False,
        False,
        "justified",
        "Ana",
    )


async def test_t43_an_unreviewed_use_is_a_standing_alarm_and_an_overdue_one_a_louder(glassy: Desk):
    voted = await broken(glassy)

    async def standing() -> list[str]:
        state = State()
        take(state, await glassy.store.read(lambda tx: tx.audit_from(0, 500)), {})
        return [alert.subject + ": " + alert.sentence for alert in alarms(state, glassy.clock.now())]

    (due,) = await standing()
    glassy.clock.forward(timedelta(days=30))
    (overdue,) = await standing()
    await glassy.service.review_break_glass(voted.request.id, glassy.actor("ana"), "justified", "ok")

    assert "must review it" in due
    assert "in time" in overdue
    assert due.partition(":")[0] != overdue.partition(":")[0]  # so that it is told again
    assert await standing() == []


# --- what the verifier makes of it


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"without": "break_glass_used"}, "not in the log"),
        ({"decision_approved": {"used_seq": 3}}, "not in the log"),
        ({"break_glass_used": {"groups": ["owners"]}}, "does not give"),
        ({"break_glass_used": {"payload_hash": "sha256:" + "1" * 64}}, "another payload"),
        ({"break_glass_reviewed": {"status": "justified"}, "without": "break_glass_used"}, "without a use"),
    ],
)
async def test_t43_a_forged_break_glass_is_contradicted_by_the_log(
    glassy: Desk, told: dict[str, object], said: str
):
    voted = await broken(glassy)
    await glassy.service.review_break_glass(voted.request.id, glassy.actor("ana"), "justified", "ok")

    assert any(said in line for line in await replayed(glassy, told)), await replayed(glassy, told)


async def replayed(desk: Desk, told: dict[str, object]) -> list[str]:
    policy = desk.office.book.policy
    from bot.desk.policies import rules_of

    kept = {policy.hash: (policy.source.encode(), rules_of(policy).encode())}
    replay = Replay(policy_of=kept.get)
    found: list[str] = []
    for seq, body in enumerate(await leaves(desk)):
        name = str(body["type"]).replace(".", "_")
        if name == told.get("without"):
            continue
        changes = told.get(name, {})
        assert isinstance(changes, dict)
        found += replay.step(seq, {**body, "data": {**body.get("data", {}), **changes}})  # type: ignore[dict-item]
    return found


async def test_t43_the_log_tells_who_may_not_have_used_or_reviewed_it(glassy: Desk):
    voted = await broken(glassy)
    await glassy.service.review_break_glass(voted.request.id, glassy.actor("ana"), "justified", "ok")
    sam, eve = (
        await glassy.service.person(PersonId("person:sam")),
        await glassy.service.person(PersonId("person:eve")),
    )
    assert sam is not None
    assert eve is not None

    assert await replayed(glassy, {}) == []
    assert any(
        "may not decide" in line for line in await contradictions(glassy, break_glass_used={"actor": eve.ref})
    )
    assert any(
        "nobody else" in line
        for line in await contradictions(glassy, break_glass_reviewed={"actor": sam.ref})
    )
