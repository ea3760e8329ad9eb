"""Appending: the only way an entry comes into being.

``append`` needs the caller's open transaction, so an entry and the state change it
records commit together or not at all (threat invariant I7). The journal keeps no state
of its own: head, leaves and keys are read from the transaction, so a rollback leaves
nothing to undo. A group commit calls ``append`` once per entry and ``checkpoint`` once,
before the same commit; nothing may leave the process before that commit.

Any exception raised here must roll the caller's transaction back: no entry, no change.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from audit import merkle
from audit.checkpoint import ED25519, Checkpoint, NoteSigner, parse_vkey, sign_note
from audit.entry import Draft, EntryInvalid, Rand, Sealed, Source, seal
from audit.fields import Value
from audit.kinds import OUTCOME_TEXT, TYPE_TEXT

TILE_WIDTH: Final = 256
"""Hashes in a full tile (c2sp.org/tlog-tiles); sixteen levels would outlast any log."""


class JournalError(Exception):
    """The log cannot be written, so nothing that it should record may happen (ABF001)."""

    code: Final = "ABF001"


class HeadMoved(JournalError):
    """Somebody else appended since the head was read: roll back and try again."""


class Head(NamedTuple):
    """The log's right edge: how many leaves, the last one's hash, and the compact range."""

    size: int
    last_hash: bytes
    stack: tuple[bytes, ...]
    last_ts_us: int

    @property
    def root(self) -> bytes:
        return merkle.root(self.stack)


class LeafRow(NamedTuple):
    """A leaf and its projections. The projections are for finding, never for showing."""

    seq: int
    leaf: bytes
    leaf_hash: bytes
    req: str | None
    type: str
    actor: str
    action: str | None
    resource: str | None
    outcome: str
    ts_us: int


class DisclosureRow(NamedTuple):
    """An encrypted disclosure. *id* is ``<seq>.<name>``."""

    id: str
    seq: int
    key_scope: str
    name: str
    nonce: bytes
    ciphertext: bytes


class SecretKey(NamedTuple):
    """The data key of one scope, wrapped by the key-encryption key named *kek_id*."""

    key_scope: str
    kek_id: str
    wrapped_dek: bytes
    hold: bool


class KeyTx(Protocol):
    """The data keys that a store's open transaction can see."""

    def audit_secret_key(self, key_scope: str) -> SecretKey | None: ...

    def audit_insert_secret_key(self, key: SecretKey) -> None: ...


class LedgerTx(KeyTx, Protocol):
    """What a store's open write transaction offers. Synchronous; every call may raise.

    All of it is undone by the transaction's rollback, what the object caches included.
    """

    def audit_head(self) -> Head:
        """The head as this transaction sees it, its own appends included."""
        ...

    def audit_insert_leaves(self, rows: Sequence[LeafRow]) -> None:
        """Add leaves. A sequence number that exists already is an error, never an overwrite."""
        ...

    def audit_set_head(self, expected_size: int, head: Head) -> None:
        """Move the head from *expected_size*, or raise ``HeadMoved`` and change nothing."""
        ...

    def audit_insert_checkpoint(self, size: int, note: str) -> None:
        """Keep a signed head for ever; the same size twice keeps the first."""
        ...

    def audit_insert_tile(self, level: int, index: int, hashes: bytes, root: bytes) -> None:
        """Keep a full tile: 256 hashes, and the root over them."""
        ...

    def audit_tree_nodes(self, level: int, start: int, count: int) -> list[bytes]:
        """Level 0: leaf hashes *start* onward. Level n: roots of the tiles of level n-1."""
        ...

    def audit_insert_disclosures(self, rows: Sequence[DisclosureRow]) -> None: ...


class Sealer(Protocol):
    """Encrypts disclosures under the key of their scope, which it makes when it is missing."""

    def seal(self, keys: KeyTx, key_scope: str, aad: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
        """Nonce and ciphertext of *plaintext*, bound to *aad*."""
        ...


class Journal:
    """The writer of one log. Cheap, stateless, shared by every transaction of the process."""

    def __init__(
        self,
        origin: str,
        signer: NoteSigner,
        rand: Rand,
        *,
        sealer: Sealer | None = None,
        source: Source | None = None,
        tenant: str | None = None,
        extra_signers: Sequence[NoteSigner] = (),
    ) -> None:
        """Write to the log called *origin*, whose heads *signer* signs under that very name.

        *extra_signers* sign each head as well: the other key while keys rotate.
        """
        if signer.vkey.split("+", 1)[0] != origin:
            raise ValueError("the log's key must carry the log's origin as its name (tlog-checkpoint)")
        self.origin = origin
        self.signer = signer
        self._signers = (signer, *extra_signers)
        if any(parse_vkey(one.vkey).algorithm != ED25519 for one in self._signers):
            raise ValueError("each commit is signed by Ed25519; other signatures are added to a head later")
        self._rand = rand
        self._sealer = sealer
        self._source = source or Source()
        self._tenant = tenant

    def append(self, tx: LedgerTx, draft: Draft) -> Sealed:
        """Write *draft* as the next leaf. Raises ``EntryInvalid`` or a fault; then roll back."""
        head = tx.audit_head()
        sealed = seal(
            draft,
            seq=head.size,
            prev=head.last_hash,
            last_ts_us=head.last_ts_us,
            origin=self.origin,
            source=self._source,
            tenant=self._tenant,
            rand=self._rand,
        )
        tx.audit_insert_leaves((row_of(draft, sealed),))
        if sealed.disclosures:
            self._keep_disclosures(tx, sealed)
        stack = merkle.push(head.stack, head.size, sealed.leaf_hash)
        size = head.size + 1
        tx.audit_set_head(head.size, Head(size, sealed.leaf_hash, stack, sealed.ts_us))
        if size % TILE_WIDTH == 0:
            keep_full_tiles(tx, size)
        return sealed

    def checkpoint(self, tx: LedgerTx, now: datetime) -> str | None:
        """Sign the head as this transaction sees it and keep the note; None while the log is empty."""
        head = tx.audit_head()
        if head.size == 0:
            return None
        note = sign_note(Checkpoint(self.origin, head.size, head.root).text, self._signers)
        tx.audit_insert_checkpoint(head.size, note)
        return note

    def _keep_disclosures(self, tx: LedgerTx, sealed: Sealed) -> None:
        if self._sealer is None:
            raise EntryInvalid("private values need a sealer: they are never stored unencrypted")
        rows = []
        for d in sealed.disclosures:
            aad = disclosure_aad(self.origin, sealed.seq, d.name)
            nonce, ciphertext = self._sealer.seal(tx, d.key_scope, aad, d.encoded.encode("ascii"))
            rows.append(
                DisclosureRow(f"{sealed.seq}.{d.name}", sealed.seq, d.key_scope, d.name, nonce, ciphertext)
            )
        tx.audit_insert_disclosures(rows)


def row_of(draft: Draft, sealed: Sealed) -> LeafRow:
    """The leaf with the projections that queries look it up by."""
    data, tool = draft.data, draft.tool
    resource = data.get("resource")
    return LeafRow(
        sealed[0],
        sealed[1],
        sealed[2],
        draft.request,
        TYPE_TEXT[draft.type],
        draft.actor.ref,
        action_of(data, tool.id if tool is not None else None),
        resource if type(resource) is str else None,
        OUTCOME_TEXT[draft.outcome],
        sealed[3],
    )


def action_of(data: Mapping[str, Value], tool_id: str | None) -> str | None:
    """The action an entry is found by: the one it names, else its tool."""
    action = data.get("action")
    return action if type(action) is str else tool_id


def disclosure_aad(origin: str, seq: int, name: str) -> bytes:
    """What a ciphertext is bound to, so that it opens in its own place only."""
    return f"{origin}|{seq}|{name}".encode("ascii")


def keep_full_tiles(tx: LedgerTx, size: int) -> None:
    """Keep every tile that became full at exactly *size* leaves, lowest level first."""
    level, end = 0, size
    while end and end % TILE_WIDTH == 0:
        index = end // TILE_WIDTH - 1
        hashes = tx.audit_tree_nodes(level, index * TILE_WIDTH, TILE_WIDTH)
        tx.audit_insert_tile(level, index, b"".join(hashes), merkle.fold(hashes))
        level, end = level + 1, end // TILE_WIDTH
