"""Each store runs the whole of ``conformance``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.stores.memory import MemoryStore
from adapters.stores.sqlite import SqliteStore
from bot.ports import Store
from tests.stores.conformance import *  # noqa: F403
from tests.support.clock import ManualClock
from tests.support.keys import journal
from tests.support.rand import SeededRand


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", "memory-replayed", "sqlite"])
async def store(request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Store]:
    log = journal(SeededRand(1))
    made: Store
    if request.param == "sqlite":
        made = SqliteStore(tmp_path / "signoff.db", clock, log)
    else:
        made = MemoryStore(clock, log, replay=request.param == "memory-replayed")
    await made.open()
    yield made
    await made.close()
