"""What is refused is written down as well, what clients send is not kept readable, and a policy that changes in between counts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from adapters.stores.sqlite import SqliteStore
from bot.core.ids import GroupName, PersonId
from bot.core.policy import Policy
from bot.core.reasons import Reason, Refused
from bot.core.request import Choice
from bot.desk.api import Redeemed, Submitted, Voted
from bot.ports import AuditFilter
from tests.support.clock import ManualClock
from tests.support.keys import journal
from tests.support.office import POLICY, Desk, close_desk, open_desk
from tests.support.rand import SeededRand


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = ManualClock()
    made = await open_desk(
        tmp_path, SqliteStore(tmp_path / "signoff.db", clock, journal(SeededRand(1))), clock
    )
    yield made
    await close_desk(made)


async def newest(desk: Desk) -> dict[str, object]:
    rows = await desk.store.read(lambda tx: tx.audit_rows(AuditFilter(limit=1)))
    leaf: dict[str, object] = json.loads(rows[0].leaf)
    return leaf


async def test_i7_a_withdrawal_that_is_refused_is_seen(desk: Desk) -> None:
    asked = await desk.asked()

    refused = await desk.service.withdraw(asked.request.id, desk.actor("bo"))

    assert isinstance(refused, Refused)
    assert refused.reason is Reason.NO_VOTE
    entry = await newest(desk)
    assert (entry["type"], entry["req"]) == ("command.refused", asked.request.id)
    assert entry["data"]["command"] == "withdraw"  # type: ignore[index]
    assert entry["data"]["reason"] == "no-vote"  # type: ignore[index]


async def test_i7_a_cancellation_that_is_refused_is_seen_from_people_and_from_agents(desk: Desk) -> None:
    asked = await desk.asked()

    refused = await desk.service.cancel(asked.request.id, desk.actor("bo"))

    assert isinstance(refused, Refused)
    entry = await newest(desk)
    assert (entry["type"], entry["data"]["command"]) == ("command.refused", "cancel")  # type: ignore[index]
    await desk.service.vote(asked.request.id, desk.actor("ana"), Choice.DENY, comment="no")
    late = await desk.service.cancel(asked.request.id, desk.callers["bot"])
    assert isinstance(late, Refused)
    entry = await newest(desk)
    assert entry["type"] == "command.refused"
    assert entry["act"]["kind"] == "agent"  # type: ignore[index]


async def test_i7_t19_a_reveal_without_a_purpose_is_seen(desk: Desk) -> None:
    asked = await desk.asked()

    refused = await desk.service.reveal(asked.request.id, desk.actor("ana"), 0, "  ")

    assert isinstance(refused, Refused)
    assert refused.reason is Reason.REASON_REQUIRED
    entry = await newest(desk)
    assert entry["type"] == "reveal.refused"
    assert entry["data"]["reason"] == "reason-required"  # type: ignore[index]


async def test_a_denial_in_the_words_of_a_code_stays_the_persons_words(desk: Desk) -> None:
    asked = await desk.asked()
    ana = desk.actor("ana")

    await desk.service.vote(asked.request.id, ana, Choice.DENY, comment="late")

    card = await desk.service.card(asked.request.id, ana)
    assert not isinstance(card, Refused)
    assert card.reason == "late"


async def test_i10_the_keys_that_clients_choose_are_not_in_the_database(desk: Desk, tmp_path: Path) -> None:
    secret = "maria.lopez@example.org"
    asked = await desk.ask(key=secret)
    assert isinstance(asked, Submitted)
    for name in ("ana", "bo"):
        done = await desk.service.vote(asked.request.id, desk.actor(name), Choice.APPROVE)
    assert isinstance(done, Voted)
    assert done.grant is not None

    async def redeem() -> Redeemed | Refused:
        assert done.grant is not None
        return await desk.service.redeem(
            done.grant.token,
            desk.callers["bot"],
            payload_hash=asked.request.payload_hash,
            redemption_key=secret,
        )

    first, again = await redeem(), await redeem()

    assert isinstance(first, Redeemed)
    assert isinstance(again, Redeemed)
    assert again.repeated
    same = await desk.ask(key=secret)
    assert isinstance(same, Submitted)
    assert not same.created
    with closing(sqlite3.connect(tmp_path / "signoff.db")) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in connection.execute(f"SELECT * FROM {table}"):
                assert not [cell for cell in row if secret in str(cell)], table


class PolicyInBetween:
    """A directory during whose answer another policy comes in force, once: bo is no owner any more."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.asked = 0

    async def memberships(
        self, policy: Policy, groups: Iterable[GroupName]
    ) -> Mapping[GroupName, frozenset[PersonId] | None]:
        self.asked += 1
        answer = {group: policy.groups[group].members for group in groups}
        if self.asked == 1:
            assert "person:bo, " in POLICY
            await self.desk.service.apply_policy(POLICY.replace("person:bo, ", ""))
        return answer

    def held(self, policy: Policy, groups: Iterable[GroupName]) -> frozenset[PersonId]:
        return frozenset()


async def test_i2_t39_who_left_the_group_while_it_was_looked_up_does_not_count(desk: Desk) -> None:
    asked = await desk.asked()
    between = desk.office.directory = PolicyInBetween(desk)

    refused = await desk.service.vote(asked.request.id, desk.actor("bo"), Choice.APPROVE)

    assert between.asked == 2
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.NOT_ELIGIBLE
