"""The RFC 6962 Merkle tree over the log's leaf hashes.

Decided here: roots, inclusion proofs and consistency proofs, both ways (made and
checked), for any size. The writer needs only the compact range: the roots of the
perfect subtrees along the tree's right edge, largest first, one for each set bit of
the size. Making a proof needs ``node(level, index)``, the root of the perfect subtree
of ``2**level`` leaves at ``index``; where that comes from (tiles, leaves) is the
caller's business. Sources: RFC 6962 section 2.1, RFC 9162 section 2.1.3 and 2.1.4
(verification algorithms).
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final

EMPTY_ROOT: Final = sha256(b"").digest()
"""Root of the tree of no leaves (RFC 6962 section 2.1)."""

PROOF_MAX: Final = 63
"""No proof about a 63-bit size is longer, so longer input is refused unread."""

NodeOf = Callable[[int, int], bytes]


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def push(stack: tuple[bytes, ...], size: int, leaf: bytes) -> tuple[bytes, ...]:
    """The compact range of *size* leaves after *leaf* (a leaf hash) is appended."""
    node = leaf
    keep = len(stack)
    while size & 1:
        keep -= 1
        node = sha256(b"\x01" + stack[keep] + node).digest()
        size >>= 1
    return (*stack[:keep], node)


def root(stack: Sequence[bytes]) -> bytes:
    """The tree's root from its compact range: fold from the right, smallest first."""
    if not stack:
        return EMPTY_ROOT
    node = stack[-1]
    for left in reversed(stack[:-1]):
        node = node_hash(left, node)
    return node


def compact_range(leaves: Iterable[bytes]) -> tuple[int, tuple[bytes, ...]]:
    """Size and compact range of a whole sequence of leaf hashes."""
    stack: tuple[bytes, ...] = ()
    size = 0
    for leaf in leaves:
        stack = push(stack, size, leaf)
        size += 1
    return size, stack


def fold(nodes: Sequence[bytes]) -> bytes:
    """The root of a perfect subtree whose ``2**k`` nodes of one level are *nodes*."""
    level = list(nodes)
    while len(level) > 1:
        level = [sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level), 2)]
    return level[0]


def subtree_root(node: NodeOf, start: int, end: int) -> bytes:
    """MTH of leaves *start*..*end* where *start* is aligned as RFC 6962 splits it."""
    width = end - start
    level = width.bit_length() - 1
    if width == 1 << level:
        return node(level, start >> level)
    split = start + (1 << level)
    return node_hash(node(level, start >> level), subtree_root(node, split, end))


def inclusion_proof(node: NodeOf, index: int, size: int) -> list[bytes]:
    """The audit path of leaf *index* in the tree of *size* (RFC 6962 section 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            path.append(subtree_root(node, split, end))
            end = split
        else:
            path.append(subtree_root(node, start, split))
            start = split
    path.reverse()
    return path


def consistency_proof(node: NodeOf, old: int, new: int) -> list[bytes]:
    """What shows that the tree of *old* leaves is a prefix of that of *new* (RFC 6962 section 2.1.2)."""
    if not 0 <= old <= new:
        raise ValueError(f"{old} is not a prefix size of {new}")
    if old in (0, new):
        return []
    path: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        split = start + _split(end - start)
        if old <= split:
            path.append(subtree_root(node, split, end))
            end = split
        else:
            path.append(subtree_root(node, start, split))
            start, whole = split, False
    if not whole:
        path.append(subtree_root(node, start, end))
    path.reverse()
    return path


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that *proof* leads to, or None when it cannot belong to that place (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size or len(proof) > PROOF_MAX:
        return None
    fn, sn, node = index, size - 1, leaf
    for step in proof:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            node = node_hash(step, node)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            node = node_hash(node, step)
        fn >>= 1
        sn >>= 1
    return node if sn == 0 else None


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """True when *proof* shows the leaf hash at *index* under the root *expected*."""
    return root_from_inclusion(leaf, index, size, proof) == expected


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """True when *proof* shows the tree of *old* to be a prefix of *new* (RFC 9162 section 2.1.4.2)."""
    if not 0 <= old <= new or len(proof) > PROOF_MAX + 1:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    first = second = path[0]
    for step in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first = node_hash(step, first)
            second = node_hash(step, second)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            second = node_hash(second, step)
        fn >>= 1
        sn >>= 1
    return sn == 0 and first == old_root and second == new_root


def _split(width: int) -> int:
    """The largest power of two below *width*."""
    return 1 << ((width - 1).bit_length() - 1)
