"""The first entry of a log, and the one that every start writes: who signs, by which schema, with which software.

With these in the log a reader of the first leaf knows the key that must sign the heads, and a gap
between ``log.stopped`` and ``log.started`` is visible. Pure.
"""

from datetime import datetime

from audit.chain import b64u
from audit.checkpoint import Checkpoint
from audit.entry import Actor, Draft, EntryType, Outcome
from audit.fields import Value
from audit.schema import schema_hash


def started(
    id: str,
    vkey: str,
    software: str,
    actor: Actor,
    now: datetime,
    before: Checkpoint | None = None,
    second_vkey: str | None = None,
) -> Draft:
    """``log.started``. *before* is the last head of the log that this one follows, after a compromised key. *second_vkey* is the key of
    the second signature on heads, so that the chain itself says which it is."""
    data: dict[str, Value] = {"vkey": vkey, "schema": schema_hash(), "software": software}
    if second_vkey is not None:
        data["second_vkey"] = second_vkey
    if before is not None:
        data |= {"size": before.size, "root": b64u(before.root)}
    return Draft(EntryType.LOG_STARTED, id, Outcome.SUCCESS, actor, now, data=data)


def stopped(id: str, actor: Actor, now: datetime) -> Draft:
    """``log.stopped``: an orderly end."""
    return Draft(EntryType.LOG_STOPPED, id, Outcome.SUCCESS, actor, now)
