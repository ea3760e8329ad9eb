"""T46: whoever writes into the database file, and has none of the keys, makes nobody approve and no grant fresh.

The writer here drops the triggers first and then edits, inserts, moves and deletes cells as SQLite lets anybody who owns the file. Each
case ends in the call that would have profited: it is refused, or what was written has no effect.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.stores.seal import RowSeal
from adapters.stores.sqlite import SqliteStore
from bot.core.ids import AccountKey
from bot.core.reasons import Refused
from bot.core.request import Choice, Request
from bot.desk import proof
from bot.desk.api import Redeemed, Submitted, Voted
from bot.errors import RowForged
from tests.support.clock import ManualClock
from tests.support.keys import journal
from tests.support.office import Desk, close_desk, open_desk
from tests.support.rand import SeededRand

PEPPER = b"a key that the database does not hold"


def mac(data: bytes) -> bytes:
    import hmac

    return hmac.digest(PEPPER, data, "sha256")


@dataclass
class Site:
    desk: Desk
    file: Path

    def sql(self, statement: str, *values: object) -> int:
        """As the file's owner, with nothing in his way."""
        with closing(sqlite3.connect(self.file)) as connection:
            for (trigger,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                connection.execute(f"DROP TRIGGER {trigger}")
            done = connection.execute(statement, values).rowcount
            connection.commit()
            return done

    def cells(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.file)) as connection:
            return connection.execute(statement, values).fetchall()

    async def approve(self, id: str, name: str) -> Voted | Refused:
        return await self.desk.service.vote(id, self.desk.actor(name), Choice.APPROVE)  # type: ignore[arg-type]

    async def granted(self) -> Voted:
        asked = await self.desk.asked()
        await self.approve(asked.request.id, "ana")
        done = await self.approve(asked.request.id, "bo")
        assert isinstance(done, Voted)
        assert done.grant is not None
        return done

    async def redeem(self, done: Voted) -> Redeemed | Refused:
        assert done.grant is not None
        return await self.desk.service.redeem(
            done.grant.token, self.desk.callers["bot"], payload_hash=done.request.payload_hash
        )


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    clock = ManualClock()
    file = tmp_path / "signoff.db"
    desk = await open_desk(tmp_path, SqliteStore(file, clock, journal(SeededRand(1)), mac=mac), clock)
    yield Site(desk, file)
    await close_desk(desk)


async def is_pending(site: Site, id: str) -> bool:
    found = await site.desk.store.read(lambda tx: tx.request(id))  # type: ignore[arg-type]
    assert isinstance(found, Request)
    return found.state.is_open


async def test_t46_untouched_the_way_goes_to_its_end(site: Site) -> None:
    done = await site.granted()

    assert isinstance(await site.redeem(done), Redeemed)
    assert await site.desk.store.read(lambda tx: proof.faults(site.desk.office, tx)) == []


async def test_t46_i2_a_vote_that_was_written_in_does_not_fill_a_seat(site: Site) -> None:
    asked = await site.desk.asked()
    other = await site.desk.asked(justification="another")
    await site.approve(other.request.id, "ana")
    site.sql(
        "INSERT INTO vote (request, person, choice, payload_hash, at_us, withdrawn_us, data)"
        " SELECT ?, person, choice, payload_hash, at_us, NULL, replace(data, request, ?) FROM vote",
        asked.request.id,
        asked.request.id,
    )

    with pytest.raises(RowForged):
        await site.approve(asked.request.id, "bo")


async def test_t46_i2_a_vote_under_another_name_does_not_count(site: Site) -> None:
    asked = await site.desk.asked()
    await site.approve(asked.request.id, "ana")
    site.sql("UPDATE vote SET person = 'person:bo', data = replace(data, 'person:ana', 'person:bo')")

    with pytest.raises(RowForged):
        await site.approve(asked.request.id, "ana")


async def test_t46_a_withdrawn_vote_that_is_made_to_stand_again_stops_the_decision(site: Site) -> None:
    asked = await site.desk.asked()
    await site.approve(asked.request.id, "ana")
    await site.desk.service.withdraw(asked.request.id, site.desk.actor("ana"))
    assert site.sql("UPDATE vote SET withdrawn_us = NULL") == 1

    with pytest.raises(RowForged):
        await site.approve(asked.request.id, "bo")


async def test_t46_a_denial_that_is_deleted_stops_the_decision(site: Site) -> None:
    asked = await site.desk.asked()
    await site.desk.service.vote(asked.request.id, site.desk.actor("ana"), Choice.DENY, comment="no")
    site.sql("DELETE FROM vote")
    site.sql("UPDATE request SET state = 'pending', decided_us = NULL, decided_by = NULL, reason = ''")

    await site.approve(asked.request.id, "ana")
    with pytest.raises(RowForged):
        await site.approve(asked.request.id, "bo")


async def test_t46_i1_a_denied_request_that_is_opened_again_is_not_approved(site: Site) -> None:
    asked = await site.desk.asked(action="db.drop")
    await site.desk.service.vote(asked.request.id, site.desk.actor("ana"), Choice.DENY, comment="no")
    site.sql("UPDATE vote SET withdrawn_us = at_us")
    site.sql("UPDATE request SET state = 'pending', decided_us = NULL, decided_by = NULL, reason = ''")

    with pytest.raises(RowForged):
        await site.approve(asked.request.id, "bo")


async def test_t46_i4_a_request_with_a_smaller_quorum_or_other_bytes_is_not_read(site: Site) -> None:
    asked = await site.desk.asked()
    before = site.cells("SELECT frozen FROM request")
    site.sql("""UPDATE request SET frozen = replace(frozen, '"approvals":2', '"approvals":1')""")
    assert site.cells("SELECT frozen FROM request") != before
    with pytest.raises(RowForged):
        await site.approve(asked.request.id, "ana")


async def test_t46_i5_a_spent_grant_that_is_made_fresh_is_not_spent_twice(site: Site) -> None:
    done = await site.granted()
    assert isinstance(await site.redeem(done), Redeemed)
    site.sql("UPDATE grant_ SET state = 'issued', redeemed_us = NULL, redemption_key = NULL")

    with pytest.raises(RowForged):
        await site.redeem(done)


async def test_t46_i6_a_grant_whose_time_was_moved_is_not_read(site: Site) -> None:
    done = await site.granted()
    site.desk.clock.forward(timedelta(minutes=6))
    site.sql("UPDATE grant_ SET use_by_us = use_by_us + 3600000000, frozen = replace(frozen, 'T10:', 'T11:')")
    moved = site.sql("UPDATE grant_ SET frozen = replace(frozen, 'use_by', 'use_by ')")
    assert moved == 1

    with pytest.raises(RowForged):
        await site.redeem(done)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE account SET data = replace(data, 'person:sam', 'person:bo'), person = 'person:bo' WHERE key = 'local:sam'",
        "INSERT INTO account SELECT 'local:evil', 'person:bo', replace(data, 'local:bo', 'local:evil') FROM account WHERE key = 'local:bo'",
        "UPDATE account SET data = (SELECT data FROM account WHERE key = 'local:bo'), person = 'person:bo' WHERE key = 'local:sam'",
    ],
)
async def test_t46_t04_an_account_that_was_moved_to_somebody_opens_nothing(
    site: Site, statement: str
) -> None:
    assert site.sql(statement) == 1
    key = AccountKey("local:evil" if "evil" in statement else "local:sam")

    with pytest.raises(RowForged):
        await site.desk.store.read(lambda tx: tx.account(key))


@pytest.mark.parametrize(
    "table", ["person", "agent", "agent_key", "account", "meta", "request", "vote", "grant_"]
)
async def test_t46_no_cell_of_a_sealed_row_changes_unseen(site: Site, table: str) -> None:
    """A thousand random edits a table: one character, a stretch, a row's text under another row's key, a seal cut off."""
    await site.granted()
    column = {"meta": "value", "request": "frozen", "grant_": "frozen"}.get(table, "data")
    kind = table.rstrip("_")
    keys = {"account": "key", "meta": "key", "vote": "request || ' ' || person"}.get(table, "id")
    stored = [(str(k), str(v)) for k, v in site.cells(f"SELECT {keys}, {column} FROM {table}")]
    seal, rand = RowSeal(mac), random.Random(46)
    assert stored
    for key, text in stored:
        assert seal.open(kind, key, text) == text.rpartition("\n")[0]

    for _ in range(1_000):
        key, text = rand.choice(stored)
        at = rand.randrange(len(text))
        forged = rand.choice(
            [
                text[:at] + chr(rand.randrange(32, 127)) + text[at + 1 :],
                text[:at] + text[at + rand.randrange(1, 9) :],
                text[:at] + rand.choice(stored)[1][at:],
                text.rpartition("\n")[0],
                rand.choice(stored)[1],
                RowSeal(lambda data: b"\0" * 32).close(kind, key, text.rpartition("\n")[0]),
            ]
        )
        if (key, forged) in stored:
            continue
        with pytest.raises(RowForged):
            seal.open(kind, key, forged)


async def test_t46_a_freeze_that_was_deleted_is_still_a_freeze(site: Site) -> None:
    done = await site.granted()
    asked = await site.desk.asked(action="db.drop")
    await site.desk.service.freeze(site.desk.actor("root"), "an incident")
    assert site.sql("DELETE FROM meta WHERE key = 'freeze'") == 1

    with pytest.raises(RowForged):
        await site.redeem(done)
    with pytest.raises(RowForged):
        await site.approve(asked.request.id, "ana")


async def test_t46_what_one_forged_row_touches_is_refused_and_everything_else_goes_on(site: Site) -> None:
    forged, good = await site.desk.asked(), await site.desk.asked(justification="another")
    site.sql(
        "UPDATE request SET frozen = replace(frozen, 'db.export', 'db.xxport') WHERE id = ?",
        forged.request.id,
    )

    with pytest.raises(RowForged):
        await site.approve(forged.request.id, "ana")
    assert isinstance(await site.approve(good.request.id, "ana"), Voted)
    assert isinstance(await site.desk.ask(justification="a third"), Submitted)


async def test_t46_the_doctor_names_what_does_not_agree(site: Site) -> None:
    asked = await site.desk.asked()
    await site.approve(asked.request.id, "ana")
    site.sql("DELETE FROM vote")
    site.sql("UPDATE person SET data = replace(data, 'Sam', 'Tam') WHERE id = 'person:sam'")

    found = await site.desk.store.read(lambda tx: proof.faults(site.desk.office, tx))

    assert [line.partition(":")[0] for line in found] == ["people", "sessions", str(asked.request.id)]


async def test_a_store_of_nobodys_reads_sealed_rows_and_one_with_a_key_reads_no_others(
    tmp_path: Path,
) -> None:
    plain, keyed = RowSeal(None), RowSeal(mac)

    assert plain.open("meta", "k", keyed.close("meta", "k", "{}")) == "{}"
    with pytest.raises(RowForged):
        keyed.open("meta", "k", plain.close("meta", "k", "{}"))
