"""Many appends, few statements: a ``LedgerTx`` that holds rows back until it is flushed.

For group commit: the store wraps its transaction once, every member appends, and one
``flush`` before the checkpoint writes all leaves with one ``executemany`` and moves the
head once. A member that fails is taken back with ``mark`` and ``rewind``, which belong to the
store's own SAVEPOINT and ROLLBACK TO. Not thread-safe, like the connection under it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from audit.journal import DisclosureRow, Head, HeadMoved, LeafRow, LedgerTx, SecretKey


class Mark(NamedTuple):
    head: Head


@dataclass(slots=True)
class LedgerBatch:
    """Rows and head held back over *inner*; nothing reaches it before ``flush``."""

    inner: LedgerTx
    _head: Head | None = None
    _stored_size: int = 0
    _leaves: list[LeafRow] = field(default_factory=list)
    _disclosures: list[DisclosureRow] = field(default_factory=list)

    def audit_head(self) -> Head:
        if self._head is None:
            self._head = self.inner.audit_head()
            self._stored_size = self._head.size
        return self._head

    def audit_insert_leaves(self, rows: Sequence[LeafRow]) -> None:
        self._leaves.extend(rows)

    def audit_set_head(self, expected_size: int, head: Head) -> None:
        if self.audit_head().size != expected_size:
            raise HeadMoved("two journals append through one batch")
        self._head = head

    def audit_insert_disclosures(self, rows: Sequence[DisclosureRow]) -> None:
        self._disclosures.extend(rows)

    def audit_insert_checkpoint(self, size: int, note: str) -> None:
        self.flush()
        self.inner.audit_insert_checkpoint(size, note)

    def audit_insert_tile(self, level: int, index: int, hashes: bytes, root: bytes) -> None:
        self.inner.audit_insert_tile(level, index, hashes, root)

    def audit_tree_nodes(self, level: int, start: int, count: int) -> list[bytes]:
        self.flush()
        return self.inner.audit_tree_nodes(level, start, count)

    def audit_secret_key(self, key_scope: str) -> SecretKey | None:
        return self.inner.audit_secret_key(key_scope)

    def audit_insert_secret_key(self, key: SecretKey) -> None:
        self.inner.audit_insert_secret_key(key)

    def flush(self) -> None:
        """Write what is held back. The transaction's rollback still undoes all of it."""
        if self._leaves:
            self.inner.audit_insert_leaves(self._leaves)
            self._leaves.clear()
        if self._disclosures:
            self.inner.audit_insert_disclosures(self._disclosures)
            self._disclosures.clear()
        head = self.audit_head()
        if head.size != self._stored_size:
            self.inner.audit_set_head(self._stored_size, head)
            self._stored_size = head.size

    def mark(self) -> Mark:
        """Where a member starts. Call it *before* the store's SAVEPOINT: it flushes, and what it
        flushes must not be undone with the member. The other order is noticed (``HeadMoved``)."""
        self.flush()
        return Mark(self.audit_head())

    def rewind(self, mark: Mark) -> None:
        """Forget everything since *mark*; the store rolls back to its SAVEPOINT itself."""
        self._head = mark.head
        self._stored_size = mark.head.size
        self._leaves.clear()
        self._disclosures.clear()
