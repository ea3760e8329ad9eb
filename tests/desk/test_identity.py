"""Four eyes on the identity map: nobody comes to vote as somebody else by a link that one administrator made alone (T04)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from bot.core.ids import AccountKey, PersonId
from bot.core.people import Account, Actor, Role, Session
from bot.core.reasons import Reason, Refused
from bot.core.request import Assurance, Choice
from bot.ports import AuditFilter
from tests.support.office import Desk

ANA = PersonId("person:ana")
NEW = AccountKey("oidc:https://idp.example:mallory")


def reason(answer: object) -> Reason:
    assert isinstance(answer, Refused), answer
    return answer.reason


def by(desk: Desk, key: AccountKey, person: PersonId = ANA) -> Actor:
    return Actor(person, key, "console", Assurance.CONSOLE, desk.clock.now())


async def proposed(desk: Desk) -> Account:
    """An administrator alone says that an account, his own in truth, is Ana's; its cool-down passes."""
    link = await desk.service.link_account(desk.actor("root"), NEW, ANA, proof="admin")
    assert isinstance(link, Account)
    desk.clock.forward(timedelta(days=30))
    return link


async def second_admin(desk: Desk) -> Actor:
    await desk.service.add_person(None, PersonId("person:sam"), "Sam", frozenset({Role.ADMIN}))
    return desk.actor("sam")


async def changes(desk: Desk) -> list[str]:
    rows = await desk.store.read(lambda tx: tx.audit_rows(AuditFilter(type="identity.changed", limit=100)))
    return [msgspec.json.decode(row.leaf)["data"]["change"] for row in reversed(rows)]


async def test_t04_a_link_that_one_administrator_made_for_another_person_opens_nothing_and_votes_nowhere(
    desk,
):
    link = await proposed(desk)
    asked = await desk.asked()

    voted = await desk.service.vote(asked.request.id, by(desk, NEW), Choice.APPROVE)
    known = await desk.service.identify(NEW, surface="console", assurance=Assurance.CONSOLE)
    now = desk.clock.now()
    session = Session("9" * 64, ANA, NEW, Assurance.CONSOLE, "c", now, now, now, now + timedelta(hours=1))
    opened = await desk.service.open_session(session)

    assert link.unconfirmed_by == "person:root"
    assert [reason(answer) for answer in (voted, known, opened)] == [Reason.LINK_UNCONFIRMED] * 3


async def test_t04_who_made_the_link_does_not_confirm_it_nor_does_the_account_itself(desk):
    await proposed(desk)

    answers = [
        await desk.service.confirm_account(desk.actor("root"), NEW),
        await desk.service.confirm_account(by(desk, NEW), NEW),
        await desk.service.confirm_account(desk.actor("bo"), NEW),
    ]

    assert [reason(answer) for answer in answers] == [Reason.NOT_CONFIRMER] * 3
    assert (await desk.entries())[-3:] == ["command.refused"] * 3
    stored = await desk.store.read(lambda tx: tx.account(NEW))
    assert stored.unconfirmed_by == "person:root"


@pytest.mark.parametrize("who", ["the person", "a second administrator"])
async def test_t04_a_confirmed_link_votes_after_its_cool_down(desk, who):
    confirmer = desk.actor("ana") if who == "the person" else await second_admin(desk)
    await proposed(desk)

    confirmed = await desk.service.confirm_account(confirmer, NEW)
    asked = await desk.asked()
    early = await desk.service.vote(asked.request.id, by(desk, NEW), Choice.APPROVE)
    desk.clock.forward(timedelta(hours=24))
    asked = await desk.asked(parameters={"query": "another"})
    late = await desk.service.vote(asked.request.id, by(desk, NEW), Choice.APPROVE)

    assert isinstance(confirmed, Account)
    assert confirmed.unconfirmed_by is None
    assert reason(early) is Reason.COOL_DOWN
    assert not isinstance(late, Refused)
    assert (await changes(desk))[-2:] == ["link-proposed", "link-confirmed"]


async def test_t04_an_administrator_cannot_make_the_second_administrator_himself(desk):
    ghost = PersonId("person:ghost")
    await desk.service.add_person(desk.actor("root"), ghost, "Ghost", frozenset({Role.ADMIN}))
    own = AccountKey("oidc:https://idp.example:roots-other")
    await desk.service.link_account(desk.actor("root"), own, ghost, proof="admin")
    await proposed(desk)

    answer = await desk.service.confirm_account(by(desk, own, ghost), NEW)

    assert reason(answer) is Reason.NOT_CONFIRMER


async def test_t04_a_password_that_an_administrator_sets_waits_for_confirmation_and_the_old_one_is_gone(desk):
    local = AccountKey("local:ana")
    await desk.service.link_account(desk.actor("root"), local, ANA, proof="admin", secret="known to root")

    known = await desk.service.identify(local, surface="console", assurance=Assurance.CONSOLE)

    assert reason(known) is Reason.LINK_UNCONFIRMED


async def test_t04_the_person_turns_a_proposed_link_down_without_being_an_administrator(desk):
    await proposed(desk)

    assert await desk.service.unlink_account(desk.actor("ana"), NEW) is None
    assert reason(await desk.service.confirm_account(desk.actor("ana"), NEW)) is Reason.NOT_FOUND


async def test_t04_what_the_operator_links_stands_after_its_cool_down_and_is_journalled_as_his(desk):
    link = await desk.service.link_account(None, NEW, ANA, proof="operator")
    rows = await desk.store.read(lambda tx: tx.audit_rows(AuditFilter(type="identity.changed", limit=1)))
    desk.clock.forward(timedelta(hours=24))

    assert isinstance(link, Account)
    assert link.unconfirmed_by is None
    assert rows[0].actor == "operator"
    known = await desk.service.identify(NEW, surface="console", assurance=Assurance.CONSOLE)
    assert isinstance(known, Actor)


async def test_t04_a_person_links_an_account_that_proved_itself_and_the_log_names_the_person(desk):
    chat = AccountKey("slack:T1:U1")

    link = await desk.service.link_own_account(desk.actor("ana"), chat, proof="console+chat")
    rows = await desk.store.read(lambda tx: tx.audit_rows(AuditFilter(type="identity.changed", limit=1)))

    assert isinstance(link, Account)
    assert (link.person, link.unconfirmed_by) == (ANA, None)
    assert link.active_from == desk.clock.now() + timedelta(hours=24)
    ana = await desk.service.person(ANA)
    assert rows[0].actor == ana.ref


@pytest.mark.parametrize(
    "change",
    [
        {"assurance": Assurance.CHAT},
        {"account": AccountKey("local:nobody")},
        {"account": AccountKey("local:bo")},
    ],
)
async def test_t04_no_account_is_linked_on_the_word_of_a_weak_or_foreign_session(desk, change):
    actor = replace(desk.actor("ana"), **change)

    answer = await desk.service.link_own_account(actor, AccountKey("slack:T1:U1"), proof="console+chat")

    assert isinstance(answer, Refused)


async def test_i3_t04_who_changed_the_identity_map_lately_judges_nothing_asked_since(desk):
    await desk.service.add_person(None, PersonId("person:ana"), "Ana", frozenset({Role.ADMIN}))
    await desk.service.link_account(
        desk.actor("ana"), AccountKey("slack:T1:U9"), PersonId("person:mia"), proof="admin"
    )
    asked = await desk.asked()
    desk.clock.forward(timedelta(hours=24))
    later = await desk.asked(parameters={"query": "another"})

    first = await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.DENY, comment="no")
    second = await desk.service.vote(later.request.id, desk.actor("ana"), Choice.APPROVE)

    assert reason(first) in {Reason.SEPARATED, Reason.LATE}
    assert PersonId("person:ana") in asked.request.separation
    assert not isinstance(second, Refused)


async def test_linking_again_what_is_linked_changes_nothing(desk):
    first = await desk.service.link_account(None, NEW, ANA, proof="operator", cool_down=timedelta())
    before = len(await desk.entries())

    again = await desk.service.link_account(desk.actor("root"), NEW, ANA, proof="admin")

    assert again == first
    assert len(await desk.entries()) == before
