"""Rules that ask for more care: a second look (T08), no favour in return (T06), a target that was resolved (T16)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from bot.core.preview import Card
from bot.core.reasons import Reason, Refused
from bot.core.request import Choice, RequestState
from bot.desk.api import Redeemed, Voted
from tests.support.office import POLICY, SAMPLE, Desk

WITH = "    decide_within: 30m\n"


def policy(line: str) -> str:
    assert WITH in POLICY
    return POLICY.replace(WITH, f"{WITH}    {line}\n", 1)


def reason(answer: object) -> Reason:
    assert isinstance(answer, Refused), answer
    return answer.reason


async def approve(desk: Desk, id: Any, who: str) -> Voted | Refused:
    return await desk.service.vote(id, desk.actor(who), Choice.APPROVE)


# --- a second look


async def test_t08_a_quick_approval_is_given_twice_and_a_double_click_is_no_second_look(desk: Desk):
    await desk.service.apply_policy(policy("second_look: 10s"))
    id = (await desk.asked()).request.id
    desk.clock.forward(timedelta(seconds=3))

    first = await approve(desk, id, "ana")
    double = await approve(desk, id, "ana")
    desk.clock.forward(timedelta(seconds=2))
    not_yet = await approve(desk, id, "ana")
    desk.clock.forward(timedelta(microseconds=1))
    second = await approve(desk, id, "ana")

    assert [reason(answer) for answer in (first, double, not_yet)] == [Reason.SECOND_LOOK] * 3
    assert isinstance(second, Voted)
    assert (await desk.entries())[-3:] == ["vote.refused", "vote.refused", "vote.cast"]


async def test_t08_one_persons_second_look_is_nobody_elses(desk: Desk):
    await desk.service.apply_policy(policy("second_look: 10s"))
    id = (await desk.asked()).request.id
    await approve(desk, id, "ana")
    desk.clock.forward(timedelta(seconds=3))

    assert reason(await approve(desk, id, "bo")) is Reason.SECOND_LOOK


@pytest.mark.parametrize(
    ("after", "counts"), [(timedelta(seconds=10), True), (timedelta(seconds=9, microseconds=999_999), False)]
)
async def test_t08_who_took_the_time_is_asked_once(desk: Desk, after: timedelta, counts: bool):
    await desk.service.apply_policy(policy("second_look: 10s"))
    id = (await desk.asked()).request.id
    desk.clock.forward(after)

    assert isinstance(await approve(desk, id, "ana"), Voted) is counts


async def test_t08_a_denial_is_never_slowed_and_rules_without_it_are_as_they_were(desk: Desk):
    other = (await desk.asked()).request.id
    await desk.service.apply_policy(policy("second_look: 10s"))
    id = (await desk.asked(parameters={"n": 1})).request.id

    assert isinstance(await desk.service.vote(id, desk.actor("ana"), Choice.DENY, comment="no"), Voted)
    assert isinstance(await approve(desk, other, "ana"), Voted)


# --- no favour in return


async def cys_export(desk: Desk, n: int) -> Any:
    """Approved by ana and bo, for the agent that cy owns."""
    asked = await desk.asked(agent="other", parameters={"n": n})
    await approve(desk, asked.request.id, "ana")
    await approve(desk, asked.request.id, "bo")
    return asked


@pytest.mark.parametrize(
    ("later", "refused"), [(timedelta(hours=23), True), (timedelta(hours=24, microseconds=1), False)]
)
async def test_t06_nobody_approves_in_return_within_the_rules_time(
    desk: Desk, later: timedelta, refused: bool
):
    await desk.service.apply_policy(policy("no_reciprocal_within: 24h"))
    await cys_export(desk, 1)
    desk.clock.forward(later)
    anas = (await desk.asked(on_behalf_of="person:ana")).request.id

    answer = await approve(desk, anas, "cy")

    assert (isinstance(answer, Refused) and answer.reason is Reason.RECIPROCAL) is refused
    assert isinstance(await approve(desk, anas, "bo"), Voted)
    assert (
        isinstance(await desk.service.vote(anas, desk.actor("cy"), Choice.DENY, comment="no"), Voted)
        is refused
    )


async def test_t06_it_is_found_behind_however_many_later_decisions(desk: Desk):
    await desk.service.apply_policy(policy("no_reciprocal_within: 24h"))
    await cys_export(desk, 1)
    for n in range(
        501
    ):  # decided at once, by a rule that asks nobody; as many as are read at a time and one more
        await desk.asked(action="pay", parameters={"amount": 1, "n": n})
    anas = (await desk.asked(on_behalf_of="person:ana")).request.id

    assert reason(await approve(desk, anas, "cy")) is Reason.RECIPROCAL


async def test_t06_without_the_rule_it_is_let_pass_and_reported(desk: Desk):
    await cys_export(desk, 1)
    anas = (await desk.asked(on_behalf_of="person:ana")).request.id

    assert isinstance(await approve(desk, anas, "cy"), Voted)


# --- the target


def resource(**more: str) -> dict[str, str]:
    return {"type": "image", "id": "app:latest", "env": "prod", **more}


async def test_t16_a_target_that_nobody_resolved_is_said_on_every_card_where_the_rule_expects_it(desk: Desk):
    plain = (await desk.asked(resource=resource())).request.id
    await desk.service.apply_policy(policy("wants_resolved: true"))
    bare = (await desk.asked(resource=resource())).request.id
    resolved = (await desk.asked(resource=resource(resolved="app@sha256:1f"))).request.id

    words = []
    for id in (plain, bare, resolved):
        card = await desk.service.card(id, None)
        assert isinstance(card, Card)
        words.append("UNRESOLVED TARGET" in card.rule_words)
    assert words == [False, True, False]
    card = await desk.service.card(resolved, None)
    assert isinstance(card, Card)
    assert any(leaf.value.text == "app@sha256:1f" for leaf in card.preview.leaves)


async def test_t16_the_policy_can_ask_more_people_for_an_unresolved_target(desk: Desk):
    await desk.service.apply_policy(
        POLICY.replace('when: action == "db.wipe"', 'when: action == "run.image" && resource.resolved == ""')
        .replace("name: owners then security", "name: images")
        .replace('when: action == "iam.grant"', 'when: action == "run.image" && resource.resolved != ""')
    )

    bare = await desk.asked(action="run.image", resource=resource())
    resolved = await desk.asked(action="run.image", resource=resource(resolved="app@sha256:1f"))

    assert (bare.request.state, resolved.request.state) == (RequestState.DENIED, RequestState.PENDING)


async def approved(desk: Desk, **changes: Any) -> Any:
    asked = await desk.asked(**changes)
    await approve(desk, asked.request.id, "ana")
    voted = await approve(desk, asked.request.id, "bo")
    assert isinstance(voted, Voted)
    assert voted.grant is not None
    return voted.grant


def payload(**changes: Any) -> bytes:
    return json.dumps({k: v for k, v in (SAMPLE | changes).items() if k != "justification"}).encode()


async def test_t16_a_target_that_moved_after_the_approval_is_drift_and_nothing_is_spent(desk: Desk):
    was = {"resource": resource(resolved="app@sha256:1f"), "precondition": {"etag": "1"}}
    grant = await approved(desk, **was)
    bot = desk.callers["bot"]

    moved = payload(**was | {"resource": resource(resolved="app@sha256:2e")})
    answers = [
        await desk.service.redeem(grant.token, bot, payload=moved),
        await desk.service.redeem(grant.token, bot, payload=payload(**was | {"precondition": {"etag": "2"}})),
        await desk.service.redeem(grant.token, bot, payload=payload(**was | {"parameters": {}})),
        await desk.service.redeem(
            grant.token, bot, payload=payload(**was | {"resource": resource(id="other")})
        ),
        await desk.service.redeem(grant.token, bot, payload=b"[]"),
        await desk.service.redeem(grant.token, bot, payload_hash="sha256:" + "0" * 64),  # type: ignore[arg-type]
    ]

    assert [reason(answer) for answer in answers] == [Reason.DRIFT] * 2 + [Reason.WRONG_PAYLOAD] * 4
    assert (await desk.entries())[-6:] == ["grant.refused"] * 6
    assert isinstance(await desk.service.redeem(grant.token, bot, payload=payload(**was)), Redeemed)


async def test_t16_of_a_destroyed_payload_nothing_is_compared(desk: Desk):
    grant = await approved(desk, resource=resource(resolved="app@sha256:1f"))
    await desk.store.write(lambda tx: tx.shred_body(grant.request))

    answer = await desk.service.redeem(grant.token, desk.callers["bot"], payload=payload(resource=resource()))

    assert reason(answer) is Reason.WRONG_PAYLOAD


async def test_t16_a_moved_target_is_another_one_for_a_standing_approval_too(desk: Desk):
    await desk.service.apply_policy(policy("standing: {uses_max: 5, valid_max: 1h}"))
    terms = {"uses": 5, "valid_for_seconds": 600}
    await approved(desk, resource=resource(resolved="app@sha256:1f"), standing=terms)

    same = await desk.asked(resource=resource(resolved="app@sha256:1f"))
    moved = await desk.asked(resource=resource(resolved="app@sha256:2e"))

    assert (same.request.state, moved.request.state) == (RequestState.APPROVED, RequestState.PENDING)
