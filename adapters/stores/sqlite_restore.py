"""Putting a backup back, so that nothing in it is worth anything that it was not worth when it was lost (T48).

A backup is a picture of the past: grants in it that were spent since look fresh, requests that were denied since look
pending, sessions that were ended look alive. So the restore epoch rises (grants carry it, older ones are refused), every
pending request is cancelled, every unspent grant revoked, every session ended and what waited to be told dropped; each
change with its own audit entry (I7), and ``log.restored`` first. API keys that were revoked since are valid again:
``Restored.keys_to_review`` says which keys there are, and the operator must look.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from adapters.stores.rules import PAGE_MAX
from adapters.stores.seal import Mac
from adapters.stores.sqlite import SqliteStore, sync
from adapters.stores.sqlite_tx import SqliteTx
from audit.chain import b64u
from audit.entry import Actor, Draft, EntryType, Outcome
from audit.journal import Journal
from bot import mint
from bot.core.request import GrantState, RequestState
from bot.errors import ConfigError, StoreFault
from bot.ports import Clock, Page, Rand, Tx

EPOCH: Final = "epoch"
"""The meta key of the restore epoch: a decimal number, 0 while it is missing."""
REASON: Final = "restored"
_SYSTEM: Final = Actor("system", "restore")


@dataclass(frozen=True, slots=True)
class Restored:
    epoch: int
    cancelled: int
    revoked: int
    sessions_ended: int
    keys_to_review: tuple[str, ...]
    """Ids of every agent key that the backup holds as valid."""


async def restore(
    backup: Path,
    target: Path,
    clock: Clock,
    journal: Journal,
    rand: Rand,
    *,
    epoch_at_least: int = 0,
    mac: Mac | None = None,
) -> Restored:
    """Make *target* from *backup* and void what it may not vouch for. *target* must not exist: move the old file (with its
    ``-wal`` and ``-shm``) away first, it is evidence. *epoch_at_least* is above every epoch seen outside (an anchor, the
    lost database). If this stops half-way, *target* is not there and it can be run again."""
    for path in (target, _beside(target, "-wal"), _beside(target, "-shm")):
        if path.exists():
            raise ConfigError(f"{path} exists; move it away first, a restore never overwrites")
    staged = _beside(target, ".restoring")
    try:
        _copy(backup, staged)
        store = SqliteStore(staged, clock, journal, mac=mac)
        await store.open()
        try:
            faults = await store.check()
            if faults:
                raise StoreFault(f"the backup is damaged: {faults[0]}")
            result = await store.write(lambda tx: _void(tx, rand, epoch_at_least))
        finally:
            await store.close()
        staged.rename(target)
        sync(target.parent)
    except OSError as e:
        raise StoreFault(f"the backup cannot be restored: {e.strerror}") from e
    finally:
        for left in (staged, _beside(staged, "-wal"), _beside(staged, "-shm")):
            left.unlink(missing_ok=True)
    return result


def _void(tx: Tx, rand: Rand, epoch_at_least: int) -> Restored:
    epoch = max(int(tx.meta(EPOCH) or "0") + 1, epoch_at_least)
    size, last = tx.audit_head()
    tx.set_meta(EPOCH, str(epoch))
    data: dict[str, str | int] = {"epoch": epoch, "db_size": size, "db_root": b64u(last)}
    tx.append(_draft(tx, rand, EntryType.LOG_RESTORED, Outcome.SUCCESS, data=data))
    cancelled = _cancel_pending(tx, rand)
    revoked = _revoke_issued(tx, rand)
    assert isinstance(tx, SqliteTx), "this module is SQLite's"
    sessions = _end_sessions(tx, rand)
    tx.connection.execute("DELETE FROM outbox")
    keys = [key for agent in tx.agents() for key in tx.agent_keys(agent.id) if key.revoked_at is None]
    return Restored(epoch, cancelled, revoked, sessions, tuple(key.id for key in keys))


def _cancel_pending(tx: Tx, rand: Rand) -> int:
    count = 0
    while pending := tx.requests(Page(PAGE_MAX), state=RequestState.PENDING):
        for request in pending:
            cancelled = replace(
                request,
                state=RequestState.CANCELLED,
                version=request.version + 1,
                decided_at=tx.now(),
                reason=REASON,
                next_due=None,
            )
            tx.update_request(cancelled, expected_version=request.version)
            data = {"reason": REASON, "payload_hash": request.payload_hash}
            tx.append(
                _draft(
                    tx, rand, EntryType.REQUEST_CANCELLED, Outcome.CANCELLED, request=request.id, data=data
                )
            )
        count += len(pending)
    return count


def _revoke_issued(tx: Tx, rand: Rand) -> int:
    count = 0
    while issued := tx.grants(GrantState.ISSUED, PAGE_MAX):
        for grant in issued:
            tx.update_grant(replace(grant, state=GrantState.REVOKED), expected_state=GrantState.ISSUED)
            data = {"jti": grant.id, "reason": REASON, "payload_hash": grant.payload_hash}
            tx.append(
                _draft(tx, rand, EntryType.GRANT_REVOKED, Outcome.REVOKED, request=grant.request, data=data)
            )
        count += len(issued)
    return count


def _end_sessions(tx: Tx, rand: Rand) -> int:
    sessions = [session for person in tx.people() for session in tx.sessions(person.id)]
    for session in sessions:
        tx.drop_session(session.id)
        person = tx.person(session.person)
        data = {
            "reason": REASON,
            "session_id": session.id[:16],
            "person": (person.ref if person else "") or "unknown",
        }
        tx.append(_draft(tx, rand, EntryType.SESSION_ENDED, Outcome.SUCCESS, data=data))
    return len(sessions)


def _draft(
    tx: Tx,
    rand: Rand,
    type: EntryType,
    outcome: Outcome,
    *,
    request: str | None = None,
    data: Mapping[str, str | int],
) -> Draft:
    now = tx.now()
    return Draft(
        type=type,
        id=mint.entry_id(now, rand),
        outcome=outcome,
        actor=_SYSTEM,
        ts=now,
        request=request,
        data=dict(data),
    )


def _copy(backup: Path, staged: Path) -> None:
    if not backup.is_file():
        raise ConfigError(f"there is no backup at {backup}")
    with (
        backup.open("rb") as source,
        os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy,
    ):
        shutil.copyfileobj(source, copy)
        copy.flush()
        os.fsync(copy.fileno())


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
