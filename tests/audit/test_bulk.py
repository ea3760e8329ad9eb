"""What is read in bulk must be what is read entry by entry: whatever the one accepts, the other finds nothing wrong with."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from audit import bulk, merkle, standalone
from audit.canonical import NotCanonical, decode
from audit.chain import GENESIS
from audit.entry import Actor, Draft, EntryType, Outcome
from audit.fsck import projections_of
from audit.reader import Reader
from audit.semantics import Replay
from audit.walk import Walk
from tests.audit.every import every_type
from tests.audit.logs import ORIGIN, T0, database, filled, story, write

FIRST = 8


@pytest.fixture(scope="module")
def leaves() -> list[bytes]:
    return [leaf for _, leaf, _ in Reader(filled(requests=6)).leaves(0, 48)]


def forms() -> bulk.Forms:
    return bulk.Forms(ORIGIN, standalone.read_strictly)


def careful(leaves: list[bytes]) -> Walk | None:
    """The walk over *leaves* when nothing is wrong with any."""
    walk = Walk(last_hash=GENESIS, origin=ORIGIN)
    for leaf in leaves:
        if list(walk.step(leaf)):
            return None
    return walk


def test_columns_times_and_steps_are_those_of_the_entries(leaves):
    part = forms().part(leaves, bulk.hashes(leaves), 0, GENESIS, "")

    assert part is not None
    bodies = [decode(leaf) for leaf in leaves]
    said = zip(part.kinds, part.times_us, *part.columns[3:], strict=True)
    assert [(req, kind, who, what, on, out, us) for kind, us, req, who, what, on, out in said] == [
        projections_of(body) for body in bodies
    ]
    assert part.commitments == sum(len(body.get("c") or {}) for body in bodies)  # type: ignore[arg-type]
    assert part.last_ts == bodies[-1]["ts"]


def test_the_replay_of_runs_ends_where_that_of_entries_does(leaves):
    part = forms().part(leaves, bulk.hashes(leaves), 0, GENESIS, "")
    assert part is not None
    one, other = Replay(), Replay()

    faults = [f for seq, leaf in enumerate(leaves) for f in one.step(seq, json.loads(leaf))]
    for seq, step in part.steps:
        faults += (
            [text for _, text in other.votes(*step)] if type(step) is tuple else list(other.step(seq, step))
        )

    assert faults == []
    assert one.approved == other.approved == 6
    for name in ("cases", "uses", "named", "bound"):
        assert repr(list(getattr(one, name).items())) == repr(list(getattr(other, name).items()))


def test_votes_that_a_run_must_not_hold_are_said_with_the_same_words():
    """Two requests that were never created and one that is settled, their votes mixed."""
    sealed = [s.leaf for s in write(database(), list(mixed()))]
    part = forms().part(sealed, bulk.hashes(sealed), 0, GENESIS, "")
    assert part is not None
    one, other = Replay(), Replay()

    step = [(seq, f) for seq, leaf in enumerate(sealed) for f in one.step(seq, json.loads(leaf))]
    runs: list[tuple[int, str]] = []
    for seq, body in part.steps:
        runs += other.votes(*body) if type(body) is tuple else ((seq, f) for f in other.step(seq, body))

    assert step == runs
    assert len(step) == 6
    assert one.unexplained == other.unexplained == 4


def mixed() -> Iterator[Draft]:
    one = list(story("r-1"))
    yield from one
    for n, request in enumerate(["r-9", "r-1", "r-8", "r-9", "r-1", "r-8"]):
        yield replace(one[2], id=f"x-{n}", request=request, ts=one[-1].ts)


MARKS = b'"\\,:{}[] 019-.eE\x00\n\x7f\xc3\xa9az'


def spoiled(leaf: bytes, rand: random.Random) -> bytes:
    """*leaf* with one small thing wrong, or not: some changes give another canonical entry."""
    at = rand.randrange(len(leaf))
    how = rand.randrange(5)
    if how == 0:
        return leaf[:at] + bytes([rand.choice(MARKS)]) + leaf[at + 1 :]
    if how == 1:
        return leaf[:at] + bytes([rand.choice(MARKS)]) + leaf[at:]
    if how == 2:
        return leaf[:at] + leaf[at + 1 :]
    body = json.loads(leaf)
    place = body if how == 3 or not body.get("data") else body["data"]
    key = rand.choice(sorted(place))
    place[key] = rand.choice(
        ["", "x", 'q"', "\\", "é", 0, -0.0, 1.5, 2**53 - 1, 2**53, -(2**53), 9007199254740992, None, True, [], ["a", 1], [[]], {}, {"a": 1}]
    )  # fmt: skip
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=rand.random() < 0.5).encode()


def test_nothing_is_taken_in_bulk_that_is_not_clean(leaves):
    """The chain is linked and numbered anew after each change, so that only the change itself can be what is wrong."""
    rand = random.Random(7)
    known, taken, refused = forms(), 0, 0
    known.part(leaves, bulk.hashes(leaves), 0, GENESIS, "")
    for _ in range(4000):
        one = [spoiled(rand.choice(leaves[:FIRST]), rand)]
        part = linked(known, one)

        if part is None:
            refused += 1
        else:
            taken += 1
            assert decode(one[0])
            assert standalone.canonical_fault(one[0])[1] is None
    assert taken > 100
    assert refused > 1000


def linked(known: bulk.Forms, leaves: list[bytes]) -> bulk.Clean | None:
    """One entry as a part of its own, wherever it says that it stands."""
    try:
        body = json.loads(leaves[0])
        seq = body["seq"] if type(body["seq"]) is int else 0
    except (ValueError, KeyError, TypeError):
        seq = 0
    return known.part(leaves, bulk.hashes(leaves), seq, None, "")


def test_a_part_is_taken_only_as_one_chain(leaves):
    digests = bulk.hashes(leaves)
    for broken in (
        [leaves[1], leaves[0], *leaves[2:]],
        [*leaves[:5], leaves[5].replace(b'"seq":5', b'"seq":6'), *leaves[6:]],
        [*leaves[:5], leaves[5].replace(b"db.export", b"db.xxport"), *leaves[6:]],
        [leaf.replace(ORIGIN.encode(), b"audit.example/another") for leaf in leaves],
    ):
        assert forms().part(broken, bulk.hashes(broken), 0, GENESIS, "") is None
    assert forms().part(leaves, digests, 1, GENESIS, "") is None
    assert forms().part(leaves, digests, 0, digests[0], "") is None
    assert forms().part(leaves, digests, 0, GENESIS, "2026-11-23T18:55:37.123457Z") is None
    assert forms().part(leaves, digests, 0, GENESIS, "2026-11-23T18:55:37.123456Z") is not None
    assert careful(leaves) is not None


@pytest.mark.parametrize("time", ["2026-02-30T00:00:00.000000Z", "2026-01-01T24:00:00.000000Z"])
def test_a_time_that_no_calendar_has_is_not_taken(leaves, time):
    odd = leaves[0].replace(decode(leaves[0])["ts"].encode(), time.encode())  # type: ignore[attr-defined]

    assert forms().part([odd], bulk.hashes([odd]), 0, GENESIS, "") is None


def test_every_kind_of_entry_is_taken_or_left_and_never_taken_wrongly():
    """A rotation of the key is always looked at with care, and so is a vote that no human cast."""
    left = []
    for draft in every_type():
        (sealed,) = write(database(), [draft])
        try:
            body = decode(sealed.leaf)
        except NotCanonical:
            body = None
        part = forms().part([sealed.leaf], [sealed.leaf_hash], 0, GENESIS, "")
        if part is None:
            left.append(draft.type)
        else:
            assert body is not None
            assert part.kinds == [draft.type.value]

    assert left == [EntryType.VOTE_CAST, EntryType.KEY_ROTATED]


def test_somebody_who_writes_a_thousand_forms_is_read_entry_by_entry():
    actor = Actor("system", "s_main")
    drafts = [
        Draft(EntryType.LOG_STOPPED, f"e-{n}", Outcome.SUCCESS, actor, T0, data={f"n{n}_count": n})
        for n in range(bulk.FORMS_MAX + 1)
    ]
    leaves = [s.leaf for s in write(database(), drafts)]

    assert forms().part(leaves[:-1], bulk.hashes(leaves[:-1]), 0, GENESIS, "") is not None
    assert forms().part(leaves, bulk.hashes(leaves), 0, GENESIS, "") is None


@pytest.mark.parametrize("count", [1, 2, 3, 255, 256, 257, 300, 512, 700])
@pytest.mark.parametrize("before", [0, 256, 768])
def test_the_tree_has_the_right_edge_at_every_size(before, count):
    hashes = [bytes([n % 256, n // 256]) * 16 for n in range(before + count)]
    size, stack = merkle.compact_range(hashes[:before])

    tree = bulk.Tree(stack, before, hashes[before:])

    for n in hashes[before:]:
        stack = merkle.push(stack, size, n)
        size += 1
        assert tree.stack_at(size) == list(stack)
    assert tree.roots == [merkle.fold(hashes[at : at + 256]) for at in range(before, size - 255, 256)]
    assert tree.tail == hashes[size - size % 256 :]
