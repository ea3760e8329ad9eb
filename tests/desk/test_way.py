"""The way of a request through the desk: each fact in one test, success and refusal beside each other."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from audit.semantics import Replay
from bot.core.ids import AccountKey, AgentId, GroupName, PersonId
from bot.core.reasons import Reason, Refused
from bot.core.request import Assurance, Choice, GrantState, RequestState
from bot.desk.api import Redeemed, Revealed, Submitted, Voted
from bot.kept_policies import META_POLICY_KEPT, kept_of
from tests.support.office import SAMPLE, Desk

PAYLOAD = json.dumps({k: SAMPLE[k] for k in ("action", "resource", "parameters")}).encode()


async def approved(desk: Desk) -> Voted:
    asked = await desk.asked()
    await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)
    voted = await desk.service.vote(asked.request.id, desk.actor("bo"), Choice.APPROVE)
    assert isinstance(voted, Voted)
    return voted


def reason(answer: object) -> Reason:
    assert isinstance(answer, Refused), answer
    return answer.reason


async def test_i2_two_approvals_decide_and_issue_one_grant(desk):
    voted = await approved(desk)

    assert voted.decided
    assert voted.request.state is RequestState.APPROVED
    assert voted.grant is not None
    assert voted.grant.state is GrantState.ISSUED


async def test_one_of_two_approvals_leaves_it_open(desk):
    asked = await desk.asked()

    voted = await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)

    assert isinstance(voted, Voted)
    assert (voted.decided, voted.request.state, voted.grant) == (False, RequestState.PENDING, None)


async def test_i7_the_way_to_the_outcome_is_journalled_step_by_step(desk):
    before = len(await desk.entries())
    voted = await approved(desk)
    caller = desk.callers["bot"]
    await desk.service.redeem(voted.grant.token, caller, payload=PAYLOAD)
    await desk.service.report_outcome(voted.grant.id, caller, "succeeded", "3 rows")

    assert (await desk.entries())[before:] == [
        "request.created",
        "request.masked",
        "vote.cast",
        "vote.cast",
        "decision.approved",
        "grant.issued",
        "grant.used.begin",
        "grant.used.end",
    ]


async def test_i3_the_owner_of_the_agent_cannot_approve(desk):
    desk.directory.changed[GroupName("owners")] = frozenset({PersonId("person:eve"), PersonId("person:ana")})
    asked = await desk.asked()

    answer = await desk.service.vote(asked.request.id, desk.actor("eve"), Choice.APPROVE)

    assert reason(answer) is Reason.SEPARATED
    assert (await desk.entries())[-1] == "vote.refused"


async def test_i3_the_person_it_is_asked_for_cannot_approve(desk):
    asked = await desk.asked(on_behalf_of="person:ana")

    answer = await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)

    assert reason(answer) is Reason.SEPARATED


async def test_t03_an_owner_gained_while_pending_is_separated(desk):
    asked = await desk.asked()
    await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)
    agent = await desk.store.read(lambda tx: tx.agent(AgentId("agent:bot")))
    await desk.service.set_agent(None, replace(agent, owners=(PersonId("person:ana"),)))

    voted = await desk.service.vote(asked.request.id, desk.actor("bo"), Choice.APPROVE)

    assert not voted.decided


async def test_a_person_outside_the_groups_cannot_vote(desk):
    asked = await desk.asked()

    assert (
        reason(await desk.service.vote(asked.request.id, desk.actor("sam"), Choice.APPROVE))
        is Reason.NOT_ELIGIBLE
    )


async def test_t04_the_same_person_by_two_accounts_counts_once(desk):
    await desk.service.link_account(
        None, AccountKey("slack:T1:U1"), PersonId("person:ana"), proof="operator", cool_down=timedelta()
    )
    asked = await desk.asked()
    await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)
    second = replace(desk.actor("ana"), account=AccountKey("slack:T1:U1"))

    assert reason(await desk.service.vote(asked.request.id, second, Choice.APPROVE)) is Reason.ALREADY_VOTED


async def test_t04_a_new_link_may_not_vote_during_its_cool_down(desk):
    await desk.service.link_account(None, AccountKey("slack:T1:U1"), PersonId("person:ana"), proof="operator")
    asked = await desk.asked()
    actor = replace(desk.actor("ana"), account=AccountKey("slack:T1:U1"))

    assert reason(await desk.service.vote(asked.request.id, actor, Choice.APPROVE)) is Reason.COOL_DOWN


@pytest.mark.parametrize(
    ("early", "expected"), [(timedelta(microseconds=1), None), (timedelta(), Reason.LATE)]
)
async def test_i6_the_instant_of_expiry_is_too_late_though_no_sweep_ran(desk, early, expected):
    asked = await desk.asked()
    desk.clock.set(asked.request.decide_by - early)

    answer = await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)

    assert (answer.reason if isinstance(answer, Refused) else None) is expected


async def test_a_late_vote_records_the_expiry_and_the_refusal(desk):
    asked = await desk.asked()
    desk.clock.set(asked.request.decide_by)

    await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)

    assert (await desk.entries())[-2:] == ["request.expired", "vote.refused"]


async def test_i6_a_clock_set_back_revives_nothing(desk):
    asked = await desk.asked()
    desk.clock.set(asked.request.decide_by)
    await desk.service.sweep()
    desk.clock.back(timedelta(hours=1))

    answer = await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)

    assert reason(answer) is Reason.CLOSED


async def test_a_denial_decides_and_needs_a_reason(desk):
    asked = await desk.asked()

    silent = await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.DENY, comment=" ")
    spoken = await desk.service.vote(
        asked.request.id, desk.actor("ana"), Choice.DENY, comment="mail joe@example.com"
    )

    assert reason(silent) is Reason.REASON_REQUIRED
    assert spoken.request.state is RequestState.DENIED
    assert "joe@example.com" not in spoken.request.reason


async def test_t08_a_denied_payload_is_remembered_for_a_while(desk):
    asked = await desk.asked()
    await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.DENY, comment="no")

    assert reason(await desk.ask()) is Reason.DENIED_BEFORE
    desk.clock.forward(timedelta(minutes=16))
    assert isinstance(await desk.ask(), Submitted)


async def test_a_withdrawn_vote_does_not_count_and_may_be_cast_again(desk):
    asked = await desk.asked()
    ana = desk.actor("ana")
    await desk.service.vote(asked.request.id, ana, Choice.APPROVE)
    await desk.service.withdraw(asked.request.id, ana)

    one = await desk.service.vote(asked.request.id, desk.actor("bo"), Choice.APPROVE)
    two = await desk.service.vote(asked.request.id, ana, Choice.APPROVE)

    assert (one.decided, two.decided) == (False, True)


async def test_nothing_is_withdrawn_after_the_decision(desk):
    voted = await approved(desk)

    assert reason(await desk.service.withdraw(voted.request.id, desk.actor("ana"))) is Reason.CLOSED


async def test_a_second_stage_opens_after_the_first(desk):
    asked = await desk.asked(action="iam.grant")

    early = await desk.service.vote(asked.request.id, desk.actor("sam"), Choice.APPROVE)
    await desk.service.vote(asked.request.id, desk.actor("bo"), Choice.APPROVE)
    then = await desk.service.vote(asked.request.id, desk.actor("sam"), Choice.APPROVE)

    assert reason(early) is Reason.NOT_ELIGIBLE
    assert then.decided


async def test_t39_a_directory_that_is_down_lets_nobody_vote(desk):
    asked = await desk.asked()
    desk.directory.down = True

    answer = await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)

    assert reason(answer) is Reason.DIRECTORY_DOWN


async def test_t39_a_member_who_left_is_not_counted_at_the_decision(desk):
    asked = await desk.asked()
    await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)
    desk.directory.changed[GroupName("owners")] = frozenset({PersonId("person:bo"), PersonId("person:cy")})

    second = await desk.service.vote(asked.request.id, desk.actor("bo"), Choice.APPROVE)
    third = await desk.service.vote(asked.request.id, desk.actor("cy"), Choice.APPROVE)

    assert (second.decided, third.decided) == (False, True)


async def test_a_disabled_person_does_not_count(desk):
    asked = await desk.asked()
    await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)
    await desk.service.disable_person(None, PersonId("person:ana"))

    assert not (await desk.service.vote(asked.request.id, desk.actor("bo"), Choice.APPROVE)).decided
    assert reason(await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.DENY, comment="x")) is (
        Reason.PERSON_DISABLED
    )


async def test_i13_no_rule_means_denied_and_is_written_down(desk):
    asked = await desk.asked(action="unheard.of")

    assert asked.request.state is RequestState.DENIED
    assert (await desk.entries())[-1] == "decision.denied"


async def test_i9_a_rule_that_cannot_be_evaluated_denies(desk):
    asked = await desk.asked(action="pay", parameters={})

    assert (asked.request.state, asked.request.reason) == (RequestState.DENIED, Reason.POLICY_ERROR.value)


async def test_an_allowed_action_has_its_grant_at_once(desk):
    asked = await desk.asked(action="pay", parameters={"amount": 100})

    assert asked.request.state is RequestState.APPROVED
    assert asked.grant is not None


async def test_t07_splitting_a_payment_meets_the_window(desk):
    answers = [await desk.asked(action="pay", parameters={"amount": 900, "n": n}) for n in range(12)]

    assert [a.request.state for a in answers] == [RequestState.APPROVED] * 11 + [RequestState.PENDING]


async def test_i11_the_same_key_gives_the_same_request(desk):
    first = await desk.asked(key="k1")
    second = await desk.asked(key="k1")

    assert (second.request.id, second.created) == (first.request.id, False)


async def test_i11_the_same_key_with_another_body_is_refused(desk):
    await desk.asked(key="k1")

    assert reason(await desk.ask(key="k1", justification="other")) is Reason.KEY_REUSED


async def test_t09_a_key_belongs_to_one_agent(desk):
    first = await desk.asked(key="k1")
    second = await desk.asked(key="k1", agent="other")

    assert second.request.id != first.request.id


async def test_the_pending_cap_holds_at_its_boundary(desk):
    agent = await desk.store.read(lambda tx: tx.agent(AgentId("agent:bot")))
    await desk.service.set_agent(None, replace(agent, pending_max=2))
    await desk.asked(parameters={"n": 1})
    await desk.asked(parameters={"n": 2})

    assert reason(await desk.ask(parameters={"n": 3})) is Reason.PENDING_CAP


async def test_an_agent_without_owner_cannot_ask(desk):
    agent = await desk.store.read(lambda tx: tx.agent(AgentId("agent:bot")))
    await desk.service.set_agent(None, replace(agent, owners=()))

    assert reason(await desk.ask()) is Reason.AGENT_UNOWNED


async def test_i5_a_grant_is_spent_once(desk):
    voted = await approved(desk)

    first = await desk.service.redeem(voted.grant.token, desk.callers["bot"], payload=PAYLOAD)
    second = await desk.service.redeem(voted.grant.token, desk.callers["bot"], payload=PAYLOAD)

    assert isinstance(first, Redeemed)
    assert reason(second) is Reason.GRANT_SPENT


async def test_t40_a_lost_answer_may_be_asked_for_again_with_its_key(desk):
    voted = await approved(desk)
    caller = desk.callers["bot"]

    first = await desk.service.redeem(voted.grant.token, caller, payload=PAYLOAD, redemption_key="r1")
    again = await desk.service.redeem(voted.grant.token, caller, payload=PAYLOAD, redemption_key="r1")
    other = await desk.service.redeem(voted.grant.token, caller, payload=PAYLOAD, redemption_key="r2")

    assert (first.repeated, again.repeated) == (False, True)
    assert reason(other) is Reason.GRANT_SPENT


async def test_i4_other_bytes_do_not_spend_the_grant(desk):
    voted = await approved(desk)
    other = PAYLOAD.replace(b'"rows": 3', b'"rows": 30000')

    answer = await desk.service.redeem(voted.grant.token, desk.callers["bot"], payload=other)
    right = await desk.service.redeem(voted.grant.token, desk.callers["bot"], payload=PAYLOAD)

    assert reason(answer) is Reason.WRONG_PAYLOAD
    assert isinstance(right, Redeemed)


async def test_i5_another_agent_cannot_spend_it(desk):
    voted = await approved(desk)

    answer = await desk.service.redeem(voted.grant.token, desk.callers["other"], payload=PAYLOAD)

    assert reason(answer) is Reason.WRONG_AGENT


@pytest.mark.parametrize(
    ("early", "expected"), [(timedelta(microseconds=1), None), (timedelta(), Reason.GRANT_LAPSED)]
)
async def test_i6_the_instant_of_use_by_is_too_late(desk, early, expected):
    voted = await approved(desk)
    desk.clock.set(voted.grant.use_by - early)

    answer = await desk.service.redeem(voted.grant.token, desk.callers["bot"], payload=PAYLOAD)

    assert (answer.reason if isinstance(answer, Refused) else None) is expected


async def test_i5_a_revoked_grant_is_not_spent(desk):
    voted = await approved(desk)
    await desk.service.revoke(voted.grant.id, desk.actor("ana"), "changed my mind")

    answer = await desk.service.redeem(voted.grant.token, desk.callers["bot"], payload=PAYLOAD)

    assert reason(answer) is Reason.GRANT_REVOKED


async def test_a_stranger_cannot_revoke(desk):
    voted = await approved(desk)

    assert reason(await desk.service.revoke(voted.grant.id, desk.actor("sam"), "x")) is Reason.NOT_FOUND


async def test_t48_a_grant_of_an_earlier_epoch_is_void(desk):
    voted = await approved(desk)
    await desk.store.write(lambda tx: tx.set_meta("epoch", "1"))

    answer = await desk.service.redeem(voted.grant.token, desk.callers["bot"], payload=PAYLOAD)

    assert reason(answer) is Reason.GRANT_EPOCH


async def test_a_freeze_stops_approvals_and_redemptions_but_not_denials(desk):
    voted = await approved(desk)
    asked = await desk.asked(parameters={"n": 2})
    await desk.service.freeze(desk.actor("root"), "incident")

    approve = await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)
    redeem = await desk.service.redeem(voted.grant.token, desk.callers["bot"], payload=PAYLOAD)
    deny = await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.DENY, comment="frozen")

    assert (reason(approve), reason(redeem)) == (Reason.FROZEN, Reason.FROZEN)
    assert deny.request.state is RequestState.DENIED


async def test_only_an_administrator_freezes(desk):
    assert reason(await desk.service.freeze(desk.actor("ana"), "x")) is Reason.NOT_ADMIN


async def test_t39_redeem_rereads_the_approvers_when_the_rule_says_so(desk):
    asked = await desk.asked(action="db.drop")
    voted = await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)
    desk.directory.changed[GroupName("owners")] = frozenset({PersonId("person:bo")})
    body = json.dumps(
        {k: (SAMPLE | {"action": "db.drop"})[k] for k in ("action", "resource", "parameters")}
    ).encode()

    answer = await desk.service.redeem(voted.grant.token, desk.callers["bot"], payload=body)

    assert reason(answer) is Reason.APPROVERS_CHANGED


async def test_a_chat_click_counts_only_where_the_rule_names_the_chat(desk):
    exports = await desk.asked()
    drops = await desk.asked(action="db.drop")
    click = desk.actor("ana", surface="slack:#approvals", assurance=Assurance.CHAT)

    assert reason(await desk.service.vote(exports.request.id, click, Choice.APPROVE)) is Reason.SURFACE
    assert (await desk.service.vote(drops.request.id, click, Choice.APPROVE)).decided


async def test_t14_no_approval_from_where_the_whole_did_not_fit(desk):
    asked = await desk.asked()

    answer = await desk.service.vote(
        asked.request.id, desk.actor("ana"), Choice.APPROVE, preview_complete=False
    )

    assert reason(answer) is Reason.INCOMPLETE_PREVIEW


async def test_cancel_by_the_agent_ends_it_and_is_idempotent(desk):
    asked = await desk.asked()

    first = await desk.service.cancel(asked.request.id, desk.callers["bot"])
    second = await desk.service.cancel(asked.request.id, desk.callers["bot"])

    assert first.state is second.state is RequestState.CANCELLED
    assert (await desk.entries()).count("request.cancelled") == 1


async def test_another_agent_sees_and_cancels_nothing(desk):
    asked = await desk.asked()

    assert reason(await desk.service.cancel(asked.request.id, desk.callers["other"])) is Reason.NOT_FOUND
    assert reason(await desk.service.look(asked.request.id, desk.callers["other"])) is Reason.NOT_FOUND


async def test_i10_the_card_holds_no_canary(desk):
    asked = await desk.asked()

    card = await desk.service.card(asked.request.id, desk.actor("ana"))
    shown = " ".join(leaf.value.text for leaf in (*card.preview.leaves, *card.preview.context))

    assert "maria.lopez" not in shown + card.preview.justification.text
    assert "555-0143" not in card.preview.justification.text
    assert dict(card.preview.hidden)["email_address"] == 1


async def test_the_card_shows_what_the_policy_put_first(desk):
    asked = await desk.asked()

    card = await desk.service.card(asked.request.id, None)

    assert card.preview.leaves[0].label.text.endswith("query")
    assert len(card.preview.leaves) == 7


async def test_t35_a_stranger_gets_the_same_answer_as_for_nothing(desk):
    asked = await desk.asked()

    stranger = await desk.service.card(asked.request.id, desk.actor("mia"))
    nothing = await desk.service.card("req_none", desk.actor("mia"))

    assert stranger == nothing


async def test_t19_reveal_is_journalled_before_it_is_answered(desk):
    asked = await desk.asked()
    card = await desk.service.card(asked.request.id, desk.actor("ana"))
    leaf = next(leaf for leaf in card.preview.leaves if leaf.label.text.endswith("contact"))

    answer = await desk.service.reveal(asked.request.id, desk.actor("ana"), leaf.index, "check the recipient")

    assert isinstance(answer, Revealed)
    assert answer.value == "maria.lopez@example.org"
    assert (await desk.entries())[-1] == "reveal.viewed"


async def test_t19_reveal_needs_entitlement_a_fresh_login_and_a_hidden_leaf(desk):
    asked = await desk.asked()
    card = await desk.service.card(asked.request.id, desk.actor("ana"))
    hidden = next(leaf.index for leaf in card.preview.leaves if leaf.hidden)
    plain = next(leaf.index for leaf in card.preview.leaves if not leaf.hidden)
    old = replace(desk.actor("ana"), authenticated_at=desk.clock.now() - timedelta(minutes=5, seconds=1))

    assert (
        reason(await desk.service.reveal(asked.request.id, desk.actor("bo"), hidden, "x"))
        is Reason.NOT_ENTITLED
    )
    assert reason(await desk.service.reveal(asked.request.id, old, hidden, "x")) is Reason.STEP_UP
    assert (
        reason(await desk.service.reveal(asked.request.id, desk.actor("ana"), plain, "x")) is Reason.NOT_FOUND
    )
    assert (
        reason(await desk.service.reveal(asked.request.id, desk.actor("ana"), hidden, " "))
        is Reason.REASON_REQUIRED
    )


async def test_the_sweep_reminds_escalates_and_expires_once(desk):
    asked = await desk.asked()
    created = asked.request.created_at
    seen = []
    for minutes in (10, 10, 20, 25, 30, 40):
        desk.clock.set(max(desk.clock.now(), created + timedelta(minutes=minutes)))
        await desk.service.sweep()
        seen = await desk.entries()

    assert [seen.count(t) for t in ("reminder.sent", "escalation.sent", "request.expired")] == [2, 1, 1]


async def test_a_grant_nobody_spends_lapses_and_one_nobody_reports_is_indeterminate(desk):
    unspent, spent = await approved(desk), None
    asked = await desk.asked(action="pay", parameters={"amount": 1})
    body = json.dumps(
        {
            k: (SAMPLE | {"action": "pay", "parameters": {"amount": 1}})[k]
            for k in ("action", "resource", "parameters")
        }
    )
    spent = await desk.service.redeem(asked.grant.token, desk.callers["bot"], payload=body.encode())
    desk.clock.forward(timedelta(hours=2))
    await desk.service.sweep()

    states = await desk.store.read(
        lambda tx: (tx.grant(unspent.grant.id).state, tx.grant(spent.grant.id).state)
    )
    assert states == (GrantState.LAPSED, GrantState.INDETERMINATE)


async def test_t20_the_editor_of_the_policy_does_not_judge_under_it(desk):
    text = (await desk.service.policy()).source + "\n# edited\n"
    await desk.service.apply_policy(text, desk.actor("ana"))
    asked = await desk.asked()

    assert (
        reason(await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE))
        is Reason.SEPARATED
    )


async def test_the_log_and_the_kept_policy_explain_a_decision_and_contradict_a_smaller_quorum(desk):
    """``policy.changed`` states the hash of text and rules, and the store keeps both: decisions are replayed by them."""
    await approved(desk)
    rows = sorted(await desk.store.read(lambda tx: tx.audit_from(0, 500)), key=lambda row: row.seq)
    bodies = [(row.seq, json.loads(row.leaf)) for row in rows]
    (begun,) = [body["data"] for _, body in bodies if body["type"] == "policy.changed"]
    key = META_POLICY_KEPT + begun["policy_hash"]
    kept = kept_of([(key, await desk.store.read(lambda tx: tx.meta(key)))])

    honest = Replay(policy_of=kept.get)
    assert [fault for seq, body in bodies for fault in honest.step(seq, body)] == []
    assert (list(honest.policy_faults()), honest.unbound) == ([], 0)
    assert kept[begun["policy_hash"]][0].decode() == (await desk.service.policy()).source

    (decision,) = [body for _, body in bodies if body["type"] == "decision.approved"]
    decision["data"]["seats"] = decision["data"]["seats"][:-1] + ["leads:1"]
    lying = Replay(policy_of=kept.get)
    assert any("for other seats" in fault for seq, body in bodies for fault in lying.step(seq, body))


async def test_a_delegate_sits_in_the_givers_place(desk):
    asked = await desk.asked()
    await desk.service.delegate(
        desk.actor("cy"), PersonId("person:mia"), desk.clock.now() + timedelta(days=1)
    )

    first = await desk.service.vote(asked.request.id, desk.actor("mia"), Choice.APPROVE)
    second = await desk.service.vote(asked.request.id, desk.actor("bo"), Choice.APPROVE)

    assert (first.decided, second.decided) == (False, True)


async def test_a_separated_giver_lends_nobody_his_place(desk):
    desk.directory.changed[GroupName("owners")] = frozenset({PersonId("person:eve"), PersonId("person:bo")})
    asked = await desk.asked()
    await desk.service.delegate(
        desk.actor("eve"), PersonId("person:mia"), desk.clock.now() + timedelta(days=1)
    )

    assert (
        reason(await desk.service.vote(asked.request.id, desk.actor("mia"), Choice.APPROVE))
        is Reason.NOT_ELIGIBLE
    )


async def test_a_card_names_everybody_whose_vote_the_decision_counted_and_nobody_else(desk):
    asked = await desk.asked()
    await desk.service.vote(asked.request.id, desk.actor("cy"), Choice.APPROVE)
    await desk.service.withdraw(asked.request.id, desk.actor("cy"))
    for name in ("ana", "bo"):
        await desk.service.vote(asked.request.id, desk.actor(name), Choice.APPROVE)

    card = await desk.service.card(asked.request.id, desk.actor("ana"))

    assert card.state is RequestState.APPROVED
    assert card.deciders == ("Ana", "Bo")


async def test_a_card_names_who_denied_and_not_who_had_approved_before(desk):
    asked = await desk.asked()
    await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.APPROVE)
    await desk.service.vote(asked.request.id, desk.actor("bo"), Choice.DENY, comment="no")

    card = await desk.service.card(asked.request.id, desk.actor("ana"))

    assert (card.state, card.deciders) == (RequestState.DENIED, ("Bo",))


async def test_a_card_names_whoever_cancelled_and_nobody_when_the_time_ran_out(desk):
    asked, other = await desk.asked(), await desk.asked(parameters={"query": "SELECT 2"})
    await desk.service.cancel(asked.request.id, desk.actor("eve"))
    desk.clock.forward(timedelta(hours=2))

    cancelled = await desk.service.card(asked.request.id, desk.actor("ana"))
    expired = await desk.service.card(other.request.id, desk.actor("ana"))

    assert cancelled.deciders == ("Eve",)
    assert (expired.state, expired.deciders) == (RequestState.EXPIRED, ())
