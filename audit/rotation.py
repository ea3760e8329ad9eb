"""Changing the log's key: the old key names the new one, the new key accepts, and the log says so.

The entry carries both signatures over one statement, so neither a thief of the old key alone nor an
operator without it can introduce a key unseen. During the overlap every head carries both
signatures (``Journal(extra_signers=…)``); the ``vkeys`` file of a bundle gives each key its window. The first ML-DSA-44 key is
named by the Ed25519 one, each further by the one before it.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from audit.checkpoint import ED25519, MLDSA44, BadNote, MlDsaSigner, NoteSigner, Verifier, parse_vkey
from audit.entry import Actor, Draft, EntryType, Outcome
from audit.fields import Value


def statement(old_vkey: str, new_vkey: str, size: int) -> bytes:
    """What both keys sign. Its first line keeps it from ever being a checkpoint."""
    return f"signoff key rotation v1\n{old_vkey}\n{new_vkey}\n{size}\n".encode()


def rotated(
    id: str,
    old: NoteSigner | MlDsaSigner,
    new: NoteSigner | MlDsaSigner,
    size: int,
    actor: Actor,
    now: datetime,
) -> Draft:
    """The ``key.rotated`` entry to append when the log has *size* entries."""
    text = statement(old.vkey, new.vkey, size)
    data: dict[str, Value] = {
        "old_vkey": old.vkey,
        "vkey": new.vkey,
        "size": size,
        "old_proof": b64encode(old.sign(text)).decode("ascii"),
        "proof": b64encode(new.sign(text)).decode("ascii"),
    }
    return Draft(EntryType.KEY_ROTATED, id, Outcome.SUCCESS, actor, now, data=data)


STATED: Final = ("old_vkey", "vkey", "size", "old_proof", "proof")


def rotation_entry(id: str, stated: Mapping[str, Any], actor: Actor, now: datetime) -> Draft:
    """The same statement in a log that lost the entry (it was put back to a state before it). Both keys signed it already, so it can be
    made when the old one is gone; its size is that of the log that was lost."""
    return Draft(
        EntryType.KEY_ROTATED, id, Outcome.SUCCESS, actor, now, data={name: stated[name] for name in STATED}
    )


def check_rotation(data: Mapping[str, Any]) -> bool:
    """True when both keys signed the rotation that an entry's *data* states."""
    try:
        old, new = parse_vkey(str(data["old_vkey"])), parse_vkey(str(data["vkey"]))
        text = statement(old.vkey, new.vkey, int(data["size"]))
        proofs = (
            b64decode(str(data["old_proof"]), validate=True),
            b64decode(str(data["proof"]), validate=True),
        )
    except (BadNote, KeyError, ValueError):
        return False
    kinds = {old.algorithm, new.algorithm}
    return kinds <= {ED25519, MLDSA44} and old.signed(text, proofs[0]) and new.signed(text, proofs[1])


def followed(verifiers: Sequence[Verifier], statements: Iterable[Mapping[str, Any]]) -> list[Verifier]:
    """The keys that *verifiers* followed, as far back as *statements* (the facts of ``key.rotated`` entries) lead: those whose files may be
    gone, and that signed the older heads.

    Only backwards. A key that was retired, and may have been stolen since, vouches for nobody.
    """
    by_new: dict[str, list[Mapping[str, Any]]] = {}
    for data in statements:
        by_new.setdefault(str(data.get("vkey")), []).append(data)
    known = {verifier.vkey: verifier for verifier in verifiers}
    todo, gone = list(known), []
    while todo:
        for data in by_new.get(todo.pop(), ()):
            if str(data.get("old_vkey")) not in known and check_rotation(data):
                old = parse_vkey(str(data["old_vkey"]))
                known[old.vkey] = old
                todo.append(old.vkey)
                gone.append(old)
    return [old for old in gone if old.name in {verifier.name for verifier in verifiers}]
