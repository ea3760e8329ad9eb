"""Agents and their keys, kept in memory between calls and never a commit behind (T01).

Every call of an agent asks for one key and one agent, which hardly ever change. What was read is kept until the table ``roll`` counts on,
which triggers of the schema do at each change of an agent or a key, by whatever process. Whether anything was committed is asked of SQLite
(``data_version``, two microseconds, no disk) and only then the count is read; once for all calls of one turn of the event loop, which were
here before anything that is committed during it. So a key that was revoked, by this process or by a command beside it, is refused from the
next call on. Where the answer is not to be had at once nothing is kept. Deliberately absent: keys that do not exist (a guesser could fill
the memory with them).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from bot.core.ids import AgentId
from bot.core.people import Agent, AgentKey
from bot.ports import ReadTx

KEPT_MAX: Final = 10_000
"""Agents, and keys, that are kept: two kilobytes each. Beyond it everything is forgotten and read anew."""
DATA_VERSION: Final = "PRAGMA data_version"
COUNT: Final = "SELECT revision FROM roll WHERE id = 1"

Read = Callable[
    [Callable[[ReadTx], tuple[AgentKey | None, Agent | None]]],
    Awaitable[tuple[AgentKey | None, Agent | None]],
]


class Roll:
    """Over the file at *path*; *read* runs a function in a read transaction. One event loop, like the store."""

    def __init__(self, path: Path, read: Read) -> None:
        self._read = read
        self._connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA query_only = 1")
        self._keys: dict[str, tuple[AgentKey, Agent]] = {}
        self._agents: dict[AgentId, Agent] = {}
        self._version = self._count = -1
        self._is_fresh = False

    def close(self) -> None:
        self._connection.close()

    async def key(self, id: str) -> tuple[AgentKey | None, Agent | None]:
        """The key and its agent, as they stand now."""
        count = self._now()
        known = self._keys.get(id)
        if known is not None:
            return known
        key, agent = await self._read(lambda tx: _key_and_agent(tx, id))
        # Not when anything changed while we read: what was read may be what stood before.
        if key is not None and agent is not None and count is not None and count == self._now():
            self._keys[id] = key, agent
        return key, agent

    async def agent(self, id: AgentId) -> Agent | None:
        """The agent, as it stands now."""
        count = self._now()
        known = self._agents.get(id)
        if known is not None:
            return known
        _, agent = await self._read(lambda tx: (None, tx.agent(id)))
        if agent is not None and count is not None and count == self._now():
            self._agents[id] = agent
        return agent

    def _now(self) -> int | None:
        """The count of changes, and what is kept is of this count; None, and nothing is kept, when it cannot be read at once."""
        if self._is_fresh:
            return self._count
        try:
            version = self._connection.execute(DATA_VERSION).fetchone()[0]
            count = self._count
            if version != self._version:
                count = self._connection.execute(COUNT).fetchone()[0]
        except sqlite3.Error:
            self._forget()
            self._version = self._count = -1
            return None
        if count != self._count or len(self._keys) > KEPT_MAX or len(self._agents) > KEPT_MAX:
            self._forget()
        self._version, self._count = version, count
        self._is_fresh = True
        asyncio.get_running_loop().call_soon(self._grow_stale)
        return count

    def _grow_stale(self) -> None:
        self._is_fresh = False

    def _forget(self) -> None:
        self._keys.clear()
        self._agents.clear()


def _key_and_agent(tx: ReadTx, id: str) -> tuple[AgentKey | None, Agent | None]:
    key = tx.agent_key(id)
    return key, tx.agent(key.agent) if key is not None else None
