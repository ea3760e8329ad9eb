"""The life of a console session is in the log from its beginning to its end, whoever ends it; so is a change of groups (I7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from bot.core.ids import AccountKey, PersonId
from bot.core.people import Session
from bot.core.request import Assurance
from bot.ports import AuditFilter
from tests.support.office import Desk

ANA = PersonId("person:ana")
LOCAL = AccountKey("local:ana")


def a_session(desk: Desk, id: str = "1", person: PersonId = ANA) -> Session:
    now = desk.clock.now()
    key = AccountKey(f"local:{person.removeprefix('person:')}")
    return Session(id * 64, person, key, Assurance.CONSOLE, "csrf", now, now, now, now + timedelta(hours=12))


async def signed_in(desk: Desk, *ids: str) -> None:
    for id in ids:
        await desk.service.open_session(a_session(desk, id))


async def data_of(desk: Desk, type: str) -> list[dict[str, object]]:
    rows = await desk.store.read(lambda tx: tx.audit_rows(AuditFilter(type=type, limit=100)))
    return [msgspec.json.decode(row.leaf) for row in reversed(rows)]


async def ended(desk: Desk) -> list[tuple[str, str]]:
    """Who ended how many sessions, and why: ``(actor, reason)`` per entry."""
    return [(leaf["act"]["ref"], leaf["data"]["reason"]) for leaf in await data_of(desk, "session.ended")]


async def ref(desk: Desk, name: str) -> str:
    person = await desk.service.person(PersonId(f"person:{name}"))
    assert person is not None
    return person.ref


async def test_i7_signing_out_is_journalled_once(desk):
    await signed_in(desk, "1")

    await desk.service.close_session("1" * 64)
    await desk.service.close_session("1" * 64)

    assert await ended(desk) == [(await ref(desk, "ana"), "logout")]


async def test_i7_signing_out_everywhere_ends_each_session_with_an_entry(desk):
    await signed_in(desk, "1", "2")

    await desk.service.close_sessions(desk.actor("ana"))

    assert [why for _, why in await ended(desk)] == ["logout-everywhere"] * 2
    assert await desk.store.read(lambda tx: tx.sessions(ANA)) == []


async def test_i7_a_new_sign_in_says_that_it_ended_the_old_one(desk):
    await signed_in(desk, "1")

    await desk.service.open_session(a_session(desk, "2"), replaces="1" * 64)

    assert [why for _, why in await ended(desk)] == ["replaced"]


@pytest.mark.parametrize("how", ["disabled", "unlinked", "password"])
async def test_i7_what_an_administrator_ends_is_journalled_with_its_cause(desk, how):
    await signed_in(desk, "1")

    if how == "disabled":
        await desk.service.disable_person(desk.actor("root"), ANA)
    elif how == "unlinked":
        await desk.service.unlink_account(desk.actor("root"), LOCAL)
    else:
        await desk.service.link_account(desk.actor("root"), LOCAL, ANA, proof="admin", secret="x")

    assert await ended(desk) == [(await ref(desk, "root"), how)]
    assert await desk.store.read(lambda tx: tx.session("1" * 64)) is None


async def test_i7_a_login_and_its_end_name_the_same_session_and_no_other(desk):
    await signed_in(desk, "1", "2")
    await desk.service.close_session("1" * 64)

    logins = [leaf["data"]["session_id"] for leaf in await data_of(desk, "session.login")]
    ends = [leaf["data"]["session_id"] for leaf in await data_of(desk, "session.ended")]

    assert ends == logins[:1]
    assert "1" * 64 not in str(ends)


async def test_i7_a_password_that_the_operator_sets_ends_the_sessions_it_opened(desk):
    await signed_in(desk, "1")

    await desk.service.link_account(None, LOCAL, ANA, proof="operator", secret="new")

    assert await ended(desk) == [("operator", "password")]


async def test_i7_a_change_of_groups_by_the_identity_provider_is_journalled(desk):
    session = a_session(desk)

    await desk.service.open_session(session, groups=frozenset({"db owners", "staff"}))
    await desk.service.open_session(replace(session, id="2" * 64), groups=frozenset({"staff", "db owners"}))
    await desk.service.open_session(replace(session, id="3" * 64), groups=frozenset({"staff"}))

    changes = [leaf["data"] for leaf in await data_of(desk, "identity.changed")]
    assert [(data["groups"], data["person"]) for data in changes if data["change"] == "groups-claimed"] == [
        (["db-owners", "staff"], await ref(desk, "ana")),
        (["staff"], await ref(desk, "ana")),
    ]


async def test_i7_a_sign_in_that_claims_no_groups_changes_none(desk):
    before = (await desk.entries()).count("identity.changed")

    await desk.service.open_session(a_session(desk), groups=None)

    assert (await desk.entries()).count("identity.changed") == before
