"""Reading the log of one SQLite database: leaves, tree nodes, heads, proofs.

Reads only, in whatever transaction the caller has. Tree nodes come from full tiles where
there are any, so a proof touches a few pages whatever the log's size.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from audit import merkle
from audit.canonical import NotCanonical, decode
from audit.chain import HASH_BYTES
from audit.journal import DisclosureRow, Head
from audit.ledger_sqlite import NOTE, SqliteLedger
from audit.proof import Proof


class NotInLog(LookupError):
    """No such entry, head or node in this log."""


@dataclass(frozen=True, slots=True)
class Reader:
    connection: sqlite3.Connection

    def head(self) -> Head:
        return SqliteLedger(self.connection).audit_head()

    def minimum(self) -> int:
        return int(self.connection.execute("SELECT minimum FROM audit_retention WHERE id = 1").fetchone()[0])

    def leaf(self, seq: int) -> bytes:
        row = self.connection.execute("SELECT leaf FROM audit_leaf WHERE seq = ?", (seq,)).fetchone()
        if row is None:
            raise NotInLog(f"no entry {seq}")
        return bytes(row[0])

    def leaves(self, start: int, end: int) -> Iterator[tuple[int, bytes, bytes]]:
        """Sequence number, leaf and leaf hash from *start* to before *end*."""
        return self.connection.execute(
            "SELECT seq, leaf, leaf_hash FROM audit_leaf WHERE seq >= ? AND seq < ? ORDER BY seq",
            (start, end),
        )

    def latest_note(self, at_least: int = 0) -> tuple[int, str]:
        """The newest signed head, which must cover *at_least* that many entries."""
        row = self.connection.execute(
            f"SELECT size, {NOTE} FROM audit_checkpoint WHERE size >= ? ORDER BY size DESC LIMIT 1",
            (at_least,),
        ).fetchone()
        if row is None:
            raise NotInLog(f"no signed head covers {at_least} entries")
        return int(row[0]), str(row[1])

    def notes(self) -> Iterator[tuple[int, str]]:
        """Every signed head as it was at its commit."""
        return self.connection.execute("SELECT size, note FROM audit_checkpoint ORDER BY size")

    def cosignatures(self) -> Iterator[tuple[int, str]]:
        """The signature lines that heads got later, together for each size."""
        return self.connection.execute(
            "SELECT size, group_concat(line, '') FROM (SELECT size, line FROM audit_cosignature ORDER BY size, signer) GROUP BY size"
        )

    def rotations(self) -> list[dict[str, object]]:
        """The facts of the ``key.rotated`` entries that are here, the newest first; at most a thousand."""
        rows = self.connection.execute(
            "SELECT leaf FROM audit_leaf WHERE type = 'key.rotated' ORDER BY seq DESC LIMIT 1000"
        )
        return [data for (leaf,) in rows if (data := _facts(leaf)) is not None]

    def note_at(self, size: int) -> str | None:
        row = self.connection.execute(
            f"SELECT {NOTE} FROM audit_checkpoint WHERE size = ?",
            (size,),
        ).fetchone()
        return None if row is None else str(row[0])

    def node(self, level: int, index: int) -> bytes:
        """Root of the perfect subtree of ``2**level`` entries at *index*."""
        tile_level, height = divmod(level, 8)
        hashes = self.hashes(tile_level, index << height, 1 << height)
        return merkle.fold(hashes)

    def hashes(self, tile_level: int, start: int, count: int) -> list[bytes]:
        """Hashes of one tile level, from the full tile when it exists. Never crosses a tile."""
        n, offset = divmod(start, 256)
        row = self.connection.execute(
            "SELECT substr(hashes, ?, ?) FROM audit_tile WHERE level = ? AND n = ?",
            (offset * HASH_BYTES + 1, count * HASH_BYTES, tile_level, n),
        ).fetchone()
        if row is None:
            return SqliteLedger(self.connection).audit_tree_nodes(tile_level, start, count)
        return [row[0][i : i + HASH_BYTES] for i in range(0, len(row[0]), HASH_BYTES)]

    def proof(self, seq: int, *, with_leaf: bool = True) -> Proof:
        """The tlog-proof of entry *seq* under the newest signed head."""
        size, note = self.latest_note(seq + 1)
        hashes = tuple(merkle.inclusion_proof(self.node, seq, size))
        return Proof(seq, hashes, note, self.leaf(seq) if with_leaf else None)

    def consistency(self, old: int, new: int) -> list[bytes]:
        return merkle.consistency_proof(self.node, old, new)

    def root_at(self, size: int) -> bytes:
        """The root of the first *size* entries."""
        return merkle.EMPTY_ROOT if size == 0 else merkle.subtree_root(self.node, 0, size)

    def disclosures(self, seq: int) -> list[DisclosureRow]:
        rows = self.connection.execute(
            "SELECT id, seq, key_scope, name, nonce, ciphertext FROM audit_disclosure WHERE seq = ? ORDER BY name",
            (seq,),
        )
        return [DisclosureRow(*row) for row in rows]


def _facts(leaf: bytes) -> dict[str, object] | None:
    """What an entry states as ``data``; None of one that cannot be read, which is the walk's to report."""
    try:
        data = decode(leaf).get("data")
    except NotCanonical:
        return None
    return data if type(data) is dict else None
