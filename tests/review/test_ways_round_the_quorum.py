"""Ways round the quorum that a hostile reading of the desk found: each stays shut."""

from __future__ import annotations

import json
from datetime import timedelta

from bot.core.ids import AccountKey, GroupName, PersonId
from bot.core.reasons import Reason, Refused
from bot.core.request import Choice
from bot.desk.api import Voted
from tests.support.office import SAMPLE, Desk


def person(name: str) -> PersonId:
    return PersonId(f"person:{name}")


async def approve(desk: Desk, request, name: str):
    return await desk.service.vote(request, desk.actor(name), Choice.APPROVE)


async def test_i2_one_giver_lends_one_seat_however_many_takers_he_names(desk):
    until = desk.clock.now() + timedelta(days=1)
    for taker in ("mia", "sam"):
        await desk.service.delegate(desk.actor("ana"), person(taker), until)
    asked = await desk.asked()

    answers = [await approve(desk, asked.request.id, name) for name in ("mia", "sam")]

    assert not any(isinstance(answer, Voted) and answer.decided for answer in answers)
    assert await desk.store.read(lambda tx: tx.grant_of(asked.request.id)) is None


async def test_a_second_delegation_ends_the_first_and_says_so(desk):
    until = desk.clock.now() + timedelta(days=1)
    await desk.service.delegate(desk.actor("ana"), person("mia"), until)
    await desk.service.delegate(desk.actor("ana"), person("sam"), until)

    standing = await desk.store.read(lambda tx: tx.delegations(tx.now()))
    assert [(d.giver, d.taker) for d in standing] == [(person("ana"), person("sam"))]
    assert (await desk.entries())[-3:] == ["delegation.set", "delegation.ended", "delegation.set"]


async def test_t04_an_administrator_gets_no_vote_by_a_token_made_for_another(desk):
    made = await desk.service.issue_person_token(desk.actor("root"), person("ana"), timedelta(days=1))

    assert isinstance(made, Refused)
    assert made.reason is Reason.NOT_ADMIN
    assert all(not a.key.startswith("token:") for a in await desk.service.accounts(person("ana")))


async def test_t04_a_password_that_an_administrator_sets_for_another_votes_nowhere_unconfirmed(desk):
    key = AccountKey("local:ana")
    await desk.service.link_account(desk.actor("root"), key, person("ana"), proof="admin", secret="x")
    asked = await desk.asked()

    answer = await approve(desk, asked.request.id, "ana")

    assert isinstance(answer, Refused)
    assert answer.reason is Reason.LINK_UNCONFIRMED


async def test_t39_seats_that_the_approvers_no_longer_fill_refuse_the_redemption(desk):
    text = desk.office.book.policy.source.replace(
        "  - name: owners then security\n",
        "  - name: both groups\n    when: action == 'vault.open'\n    recheck_at_redeem: true\n"
        "    require: [{group: owners}, {group: security}]\n  - name: owners then security\n",
    )
    await desk.service.apply_policy(text)
    asked = await desk.asked(action="vault.open")
    await approve(desk, asked.request.id, "bo")
    voted = await approve(desk, asked.request.id, "sam")
    assert voted.grant is not None
    desk.directory.changed[GroupName("security")] = frozenset()
    desk.directory.changed[GroupName("owners")] = frozenset({person("bo"), person("sam")})
    payload = json.dumps(
        {"action": "vault.open", "resource": SAMPLE["resource"], "parameters": SAMPLE["parameters"]}
    ).encode()

    answer = await desk.service.redeem(voted.grant.token, desk.callers["bot"], payload=payload)

    assert isinstance(answer, Refused)
    assert answer.reason is Reason.APPROVERS_CHANGED


async def test_a_request_names_the_policy_that_judged_it_though_another_came_meanwhile(desk, monkeypatch):
    office = desk.office
    old = office.book.policy
    stricter = old.source.replace("    allow: true\n", "    deny: true\n")
    real = office.store.write

    async def swapped(work):
        monkeypatch.setattr(office.store, "write", real)
        await desk.service.apply_policy(stricter)
        return await real(work)

    monkeypatch.setattr(office.store, "write", swapped)
    asked = await desk.asked(action="pay", parameters={"amount": 5})

    assert asked.request.policy_hash == office.book.policy.hash != old.hash
    assert asked.grant is None
    assert asked.request.state.value == "denied"
