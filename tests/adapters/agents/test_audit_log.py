"""Proofs and the log as C2SP tlog-tiles over HTTP: an auditor rebuilds the tree from what the server gives, and nobody else gets any."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from adapters.agents.auditing import tile_of
from adapters.stores.sqlite import SqliteStore
from audit import merkle
from audit.chain import leaf_hash
from audit.checkpoint import open_checkpoint, parse_vkey
from audit.proof import parse, verify
from audit.tiles import tile_path, tiles_of, unbundle
from bot.desk.evidence import ENTRIES_LEVEL, Tile
from tests.adapters.agents.conftest import House, TickingClock, open_house, problem
from tests.support.keys import ORIGIN, journal
from tests.support.office import library_on
from tests.support.rand import SeededRand
from tests.support.things import a_draft

ENTRIES = 600
"""Two full tiles and a partial one, on two levels."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder, clock = tmp_path_factory.mktemp("log"), TickingClock()
    store = SqliteStore(folder / "signoff.sqlite3", clock, journal(SeededRand(3)))
    with open_house(folder, store=store, clock=clock, library=library_on(store)) as served:
        house = House(served, **served.extra)
        house.desk.clock.forward(timedelta(minutes=10))
        rand = SeededRand(4)

        def fill(tx) -> None:
            for _ in range(ENTRIES):
                tx.append(a_draft(rand, now=tx.now()))

        served.run(store.write(fill))
        yield house
        house.http.close()
        served.run(house.desk.worker.stop())
        served.run(store.close())


def trusted(house: House):
    return [parse_vkey(house.desk.store.journal.signer.vkey)]


def size_of(house: House) -> int:
    return house.served.run(house.desk.store.read(lambda tx: tx.audit_head()))[0]


def newest(house: House):
    row = house.served.run(house.desk.store.read(lambda tx: tx.audit_row(tx.audit_head()[0] - 1)))
    return json.loads(row.leaf)


def test_the_whole_log_can_be_fetched_as_tiles_and_gives_the_signed_root(house: House):
    note = house.get("/v1/audit/log/checkpoint", "audra")
    head = open_checkpoint(note.text, trusted(house), ORIGIN)
    assert head.size > ENTRIES

    leaves: list[bytes] = []
    for n in range(-(-head.size // 256)):
        width = min(256, head.size - n * 256)
        bundle = house.get(f"/v1/audit/log/{tile_path('entries', n, width)}", "audra")
        assert bundle.headers["content-type"] == "application/octet-stream"
        leaves += unbundle(bundle.content)
    hashes: dict[int, list[bytes]] = {}
    for level, n, width in tiles_of(head.size):
        tile = house.get(f"/v1/audit/log/{tile_path(level, n, width)}", "audra").content
        assert len(tile) == width * 32
        hashes.setdefault(level, []).extend(tile[i : i + 32] for i in range(0, len(tile), 32))

    assert hashes[0] == [leaf_hash(leaf) for leaf in leaves]
    assert hashes[1] == [merkle.fold(hashes[0][i * 256 : i * 256 + 256]) for i in range(head.size // 256)]
    stack: tuple[bytes, ...] = ()
    for size, hash in enumerate(hashes[0]):
        stack = merkle.push(stack, size, hash)
    assert merkle.root(stack) == head.root


@pytest.mark.parametrize("seq", [0, 255, 256, 599])
def test_a_proof_holds_under_the_logs_key_and_carries_its_entry(house: House, seq: int):
    answer = house.get(f"/v1/audit/entries/{seq}/proof", "audra")

    proof = parse(answer.text)
    assert proof.extra is not None
    assert verify(proof, proof.extra, trusted(house), ORIGIN).size > seq
    assert json.loads(proof.extra)["seq"] == seq
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["cache-control"] == "no-store"


def test_au9_reading_entries_is_journalled_before_it_is_answered_and_following_heads_is_not(house: House):
    before = size_of(house)

    house.get("/v1/audit/log/checkpoint", "audra")
    house.get("/v1/audit/log/tile/0/000", "audra")
    assert size_of(house) == before

    house.get("/v1/audit/log/tile/entries/001", "audra")
    entry = newest(house)
    assert (entry["type"], entry["data"]["first"], entry["data"]["last"], entry["data"]["size"]) == (
        "audit.exported", 256, 511, 256,
    )  # fmt: skip
    house.get("/v1/audit/entries/7/proof", "audra")
    assert (newest(house)["type"], newest(house)["data"]["first"]) == ("audit.exported", 7)
    assert size_of(house) == before + 2


@pytest.mark.parametrize(
    "path", ["/v1/audit/entries/0/proof", "/v1/audit/log/checkpoint", "/v1/audit/log/tile/0/000", "/v1/audit/log/tile/entries/000"]
)  # fmt: skip
def test_t35_who_may_not_look_and_what_is_not_there_get_the_same_answer(house: House, path: str):
    refused = house.get(path, "ana")

    assert problem(refused) == (404, "not-found")
    for missing in (
        "/v1/audit/entries/999999/proof",
        "/v1/audit/log/tile/0/x001/000",
        "/v1/audit/log/tile/5/000",
    ):
        assert house.get(missing, "audra").content == refused.content
    assert problem(house.get(path, "bot")) == (403, "forbidden")
    assert problem(house.get(path, None)) == (401, "unauthorized")


@pytest.mark.parametrize(
    "rest",
    [
        "0/000.p/0", "0/000.p/256", "0/000.p/257", "0/0", "0/0000", "00/000", "64/000", "-1/000", "0/x000/000", "0/x001/00", "0/000/000",
        "entries/000.p/999", "leaves/000", "0/000.p/1/x", "0//000", "%2e%2e/checkpoint", "0/%30%30%30x", "",
    ],
)  # fmt: skip
def test_a_tile_has_one_spelling(house: House, rest: str):
    assert house.get(f"/v1/audit/log/tile/{rest}", "audra").status_code == 404


def test_a_partial_tile_reaches_no_further_than_the_signed_head(house: House):
    size = size_of(house)
    n, width = divmod(size, 256)

    assert house.get(f"/v1/audit/log/{tile_path(0, n, width)}", "audra").status_code == 200
    assert house.get(f"/v1/audit/log/{tile_path(0, n, width + 1)}", "audra").status_code == 404
    assert house.get(f"/v1/audit/log/{tile_path(1, 0, size // 256)}", "audra").status_code == 200
    assert house.get(f"/v1/audit/log/{tile_path(1, 0, size // 256 + 1)}", "audra").status_code == 404


@pytest.mark.parametrize("seq", ["01", "-1", "1e3", "٣", "1.0", "9" * 16, "x"])
def test_an_entry_has_one_number(house: House, seq: str):
    assert house.get(f"/v1/audit/entries/{seq}/proof", "audra").status_code == 404


def test_tile_names_are_read_as_they_are_written():
    for level, n, width in [(0, 0, 256), (2, 1234067, 256), (0, 70_000_000_000_123, 8), (63, 0, 1)]:
        assert tile_of(tile_path(level, n, width).removeprefix("tile/")) == Tile(level, n, width)
    assert tile_of("entries/x001/000.p/7") == Tile(ENTRIES_LEVEL, 1000, 7)
