from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.chain import leaf_hash
from audit.merkle import (
    EMPTY_ROOT,
    compact_range,
    consistency_proof,
    fold,
    inclusion_proof,
    node_hash,
    push,
    root,
    root_from_inclusion,
    verify_consistency,
    verify_inclusion,
)

# The leaves and roots that Certificate Transparency's reference implementation publishes for RFC 6962.
CT_LEAVES = [
    bytes.fromhex(h)
    for h in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962 section 2.1 writes it down."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(naive(leaves[:k]), naive(leaves[k:]))


LEAVES = [leaf_hash(b"%d" % n) for n in range(130)]


def node(level: int, index: int) -> bytes:
    return naive(LEAVES[index << level : (index + 1) << level])


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_of_certificate_transparency_are_reproduced(size: int):
    _, stack = compact_range(leaf_hash(leaf) for leaf in CT_LEAVES[:size])

    assert root(stack).hex() == CT_ROOTS[size - 1]


def test_the_empty_tree_has_the_root_that_the_rfc_gives_it():
    assert root(()) == EMPTY_ROOT == sha256(b"").digest()


def test_the_compact_range_gives_the_naive_root_at_every_size():
    stack: tuple[bytes, ...] = ()
    for size in range(130):
        assert root(stack) == naive(LEAVES[:size])
        assert len(stack) == size.bit_count()
        stack = push(stack, size, LEAVES[size])


def test_every_inclusion_proof_up_to_size_seventy_verifies_and_no_other_place_does():
    for size in range(1, 71):
        top = naive(LEAVES[:size])
        for index in range(size):
            proof = inclusion_proof(node, index, size)
            assert verify_inclusion(LEAVES[index], index, size, proof, top)
            assert not verify_inclusion(LEAVES[index + 1], index, size, proof, top)
            if size > 1:
                assert not verify_inclusion(LEAVES[index], (index + 1) % size, size, proof, top)
                assert not verify_inclusion(LEAVES[index], index, size, proof[:-1], top)
                assert not verify_inclusion(LEAVES[index], index, size, [*proof, proof[0]], top)


def test_every_consistency_proof_up_to_size_forty_verifies_and_a_changed_one_does_not():
    for new in range(41):
        for old in range(new + 1):
            proof = consistency_proof(node, old, new)
            a, b = naive(LEAVES[:old]), naive(LEAVES[:new])
            assert verify_consistency(old, new, proof, a, b)
            assert not verify_consistency(old, new, [*proof, a], a, b)
            if 0 < old < new:
                assert not verify_consistency(old, new, proof[:-1], a, b)
                assert not verify_consistency(old, new, proof, b, b)
                assert not verify_consistency(old, new, proof, a, a)
                assert not verify_consistency(old, new, [bytes(32), *proof[1:]], a, b)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 80), st.integers(0, 80), st.lists(st.binary(min_size=32, max_size=32), max_size=8))
def test_random_hashes_prove_nothing(index: int, size: int, proof: list[bytes]):
    top = naive(LEAVES[:size])
    genuine = index < size and inclusion_proof(node, index, size) == proof

    assert verify_inclusion(LEAVES[index], index, size, proof, top) == genuine


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0)])
def test_there_is_no_proof_of_a_leaf_that_is_not_there(index: int, size: int):
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_proof(node, index, size)
    assert root_from_inclusion(LEAVES[0], index, size, []) is None


def test_nonsense_sizes_are_refused():
    with pytest.raises(ValueError, match="prefix"):
        consistency_proof(node, 3, 2)
    assert not verify_consistency(3, 2, [], b"", b"")
    assert not verify_consistency(3, 5, [], naive(LEAVES[:3]), naive(LEAVES[:5]))
    assert not verify_consistency(1, 2, [bytes(32)] * 65, LEAVES[0], naive(LEAVES[:2]))
    assert root_from_inclusion(LEAVES[0], 0, 2**62, [bytes(32)] * 64) is None
    assert fold([LEAVES[0]]) == LEAVES[0]
