"""Facts about agents and keys kept in memory: never a commit behind, whoever committed (T01)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.stores import roll as roll_module
from adapters.stores import sqlite_tx
from adapters.stores.sqlite import SqliteStore
from bot.core.ids import AgentId, PersonId
from bot.core.people import Agent, AgentKey, KeyKind
from bot.core.request import RequestState
from bot.ports import Tx
from tests.support.clock import START, ManualClock
from tests.support.keys import journal, sealed
from tests.support.rand import SeededRand
from tests.support.things import AGENT, a_request

rand = SeededRand(7)
OWNED = Agent(AGENT, (PersonId("person:eve"),), START)
KEY = AgentKey("k" * 16, AGENT, KeyKind.API, b"m" * 32, START, None, None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "signoff.db"


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(path, ManualClock(), journal(SeededRand(1)))
    await made.open()
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    async with opened(path) as made:
        await put(made, OWNED, KEY)
        yield made


async def put(store: SqliteStore, *things: Agent | AgentKey) -> None:
    def work(tx: Tx) -> None:
        for thing in things:
            if isinstance(thing, Agent):
                tx.put_agent(thing)
            else:
                tx.put_agent_key(thing)

    await store.write(work)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that reading agents and keys came to."""
    seen: list[str] = []
    real = sqlite_tx.SqliteReadTx.agent

    def noted(self: Any, id: AgentId) -> Agent | None:
        seen.append(id)
        return real(self, id)

    monkeypatch.setattr(sqlite_tx.SqliteReadTx, "agent", noted)
    return seen


async def test_what_did_not_change_is_read_once(store: SqliteStore, reads: list[str]) -> None:
    assert await store.key_and_agent(KEY.id) == (KEY, OWNED)
    for _ in range(5):
        await store.write(lambda tx: tx.insert_request(a_request(rand), sealed(b"x", rand)))
        assert await store.key_and_agent(KEY.id) == (KEY, OWNED)

    assert reads == [AGENT]


async def test_t01_a_key_that_was_revoked_here_is_known_as_revoked_by_the_next_call(
    store: SqliteStore,
) -> None:
    await store.key_and_agent(KEY.id)
    revoked = replace(KEY, revoked_at=START)

    await put(store, revoked)

    assert await store.key_and_agent(KEY.id) == (revoked, OWNED)


async def test_t01_a_key_that_another_process_revoked_is_known_as_revoked_by_the_next_call(
    store: SqliteStore, path: Path
) -> None:
    await store.key_and_agent(KEY.id)
    revoked, disabled = replace(KEY, revoked_at=START), replace(OWNED, enabled=False)
    async with opened(path) as other:
        await put(other, revoked)
        assert await store.key_and_agent(KEY.id) == (revoked, OWNED)
        await put(other, disabled)
        assert await store.key_and_agent(KEY.id) == (revoked, disabled)
        assert await store.agent(AGENT) == disabled


async def test_t01_a_row_that_vanished_by_other_means_is_gone(store: SqliteStore, path: Path) -> None:
    await store.key_and_agent(KEY.id)

    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("DELETE FROM agent_key")
    await asyncio.sleep(0)  # the turn of the event loop in which the call before was answered is over

    assert await store.key_and_agent(KEY.id) == (None, None)


async def test_t01_what_was_read_before_a_revocation_is_not_kept_after_it(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revoked = replace(KEY, revoked_at=START)
    real = store._need_roll()._read

    async def overtaken(work: Any) -> Any:
        found = await real(work)
        async with opened(path) as other:
            await put(other, revoked)
        store._need_roll()._now()  # another call, which sees that something changed, comes before our answer
        return found

    monkeypatch.setattr(store._need_roll(), "_read", overtaken)
    assert await store.key_and_agent(KEY.id) == (KEY, OWNED), "what stood when it was read"
    monkeypatch.setattr(store._need_roll(), "_read", real)

    assert await store.key_and_agent(KEY.id) == (revoked, OWNED)


async def test_i12_keys_that_do_not_exist_are_not_kept(store: SqliteStore) -> None:
    for number in range(50):
        assert await store.key_and_agent(f"{number:016}") == (None, None)
        assert await store.agent(AgentId(f"agent:nobody{number}")) is None

    assert not store._need_roll()._keys
    assert not store._need_roll()._agents


async def test_i12_what_is_kept_is_bounded(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll_module, "KEPT_MAX", 3)
    keys = [replace(KEY, id=f"{number:016}") for number in range(20)]
    await put(store, *keys)

    for key in keys:
        assert await store.key_and_agent(key.id) == (key, OWNED)
        await asyncio.sleep(0)

    assert len(store._need_roll()._keys) <= 4


async def test_i9_when_it_cannot_be_told_what_changed_everything_is_read(
    store: SqliteStore, reads: list[str]
) -> None:
    await store.key_and_agent(KEY.id)
    store._need_roll()._connection.close()

    for _ in range(3):
        await asyncio.sleep(0)
        assert await store.key_and_agent(KEY.id) == (KEY, OWNED)

    assert len(reads) == 4


# --- what the writer keeps between batches


async def test_open_requests_are_counted_from_memory_as_from_the_table(
    store: SqliteStore, path: Path
) -> None:
    """Asked, decided, taken back, and decided by another process: the count of the writer is the table's."""
    count = lambda tx: tx.pending_count(AGENT, 1_000)  # noqa: E731
    made = [a_request(rand) for _ in range(6)]

    async def agree() -> int:
        counted = await store.write(count)
        assert counted == await store.read(count)
        return counted

    async def ask(number: int) -> None:
        await store.write(lambda tx: tx.insert_request(made[number], sealed(b"x", rand)))

    def end(number: int, state: RequestState) -> Any:
        ended = replace(made[number], state=state, version=2, decided_at=START, next_due=None)
        return lambda tx: tx.update_request(ended, expected_version=1)

    def takes_back(tx: Tx) -> None:
        tx.insert_request(made[3], sealed(b"x", rand))
        end(2, RequestState.CANCELLED)(tx)
        raise ZeroDivisionError

    assert await agree() == 0
    for number in range(3):
        await ask(number)
    assert await agree() == 3
    await store.write(end(0, RequestState.APPROVED))
    assert await agree() == 2
    results = await asyncio.gather(
        store.write(takes_back), ask(4), store.write(count), return_exceptions=True
    )
    assert isinstance(results[0], ZeroDivisionError)
    assert await agree() == 3
    async with opened(path) as other:
        await other.write(end(1, RequestState.EXPIRED))
    assert await agree() == 2
    assert await store.write(lambda tx: tx.pending_count(AGENT, 1)) == 1


async def test_t08_a_first_denial_is_remembered_by_the_request_after_it(
    store: SqliteStore, path: Path
) -> None:
    first, second = a_request(rand), a_request(rand)
    since = START - timedelta(days=1)
    denials = lambda tx: tx.denials(AGENT, first.payload_hash, since)  # noqa: E731

    def deny(request: Any) -> Any:
        denied = replace(request, state=RequestState.DENIED, version=2, decided_at=START, next_due=None)
        return lambda tx: tx.update_request(denied, expected_version=1)

    for request in (first, second):
        await store.write(lambda tx, r=request: tx.insert_request(r, sealed(b"x", rand)))
    assert await store.write(denials) == 0
    await store.write(deny(first))
    assert await store.write(denials) == await store.read(denials) >= 1
    async with opened(path) as other:
        await other.write(deny(second))
    assert await store.write(denials) == await store.read(denials)


async def test_t03_a_new_key_of_an_agent_is_seen_by_the_next_request(store: SqliteStore) -> None:
    keys = lambda tx: tx.agent_keys(AGENT)  # noqa: E731
    assert await store.write(keys) == [KEY]
    other = Agent(AgentId("agent:other"), (PersonId("person:eve"),), START)

    moved = replace(KEY, agent=other.id)
    second = replace(KEY, id="l" * 16)
    await put(store, second)
    assert await store.write(keys) == [KEY, second]
    await put(store, other, moved)

    assert await store.write(keys) == [second]
    assert await store.write(lambda tx: tx.agent_keys(other.id)) == [moved]
