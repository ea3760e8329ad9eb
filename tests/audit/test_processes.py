"""Several processes find what one finds, and say it in the same words."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from audit import crew, fsck, standalone
from audit.export import export_bundle
from audit.reader import Reader
from audit.tiles import bundle as packed
from audit.tiles import unbundle
from tests.audit.logs import POLICIES, filled, signer, verifier

T = TypeVar("T")
VKEY = signer().vkey
SIZE = 1600


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Seven parts of one tile each, and the other process is waited for; only the process that hands out parts reads this."""
    monkeypatch.setattr(standalone, "PART", 256)
    monkeypatch.setattr(fsck, "PART", 256)
    monkeypatch.setattr(standalone, "PARTS_MIN", 2)
    monkeypatch.setattr(crew, "PARTS_MIN", 2)
    monkeypatch.setattr(crew, "is_up", lambda asked: all(answer.result(timeout=60) for answer in asked))


@pytest.fixture(scope="module")
def ground(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("processes")
    connection = filled(root / "good.db", requests=SIZE // 8)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    export_bundle(Reader(connection), root / "good", [VKEY], policies=POLICIES)
    connection.close()
    return root


def bundle_report(directory: Path, processes: int, **kw: bool) -> str:
    return standalone.as_json(
        standalone.verify(directory, [VKEY], [], SIZE, processes=processes, **kw)  # type: ignore[arg-type]
    )


def database_report(path: Path, processes: int, *, bytes_only: bool = False) -> fsck.Report:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        return fsck.verify_database(
            connection,
            verifiers=[verifier()],
            expect_size=SIZE,
            policies=POLICIES,
            processes=processes,
            bytes_only=bytes_only,
        )
    finally:
        connection.close()


@pytest.mark.parametrize("bytes_only", [False, True])
def test_two_processes_check_each_part_of_a_good_bundle_once(ground, monkeypatch, bytes_only):
    here: list[int] = []
    check = standalone.bulk_part
    monkeypatch.setattr(
        standalone, "bulk_part", lambda b, edge, *a: here.append(edge.size) or check(b, edge, *a)
    )

    alone = bundle_report(ground / "good", 1, bytes_only=bytes_only)
    parts, here[:] = here[:], []
    together = bundle_report(ground / "good", 2, bytes_only=bytes_only)

    assert alone == together
    assert json.loads(alone)["findings"] == []
    assert parts == [*range(0, SIZE, 256)]
    # The first two after the first are given away at once; what comes back is taken, and nothing is done a second time.
    assert here[0] == 0
    assert {256, 512}.isdisjoint(here)
    assert len(set(here)) == len(here)


@pytest.mark.parametrize("bytes_only", [False, True])
def test_two_processes_check_each_part_of_a_good_database_once(ground, monkeypatch, bytes_only):
    here: list[int] = []
    check = fsck._bulk_part
    monkeypatch.setattr(fsck, "_bulk_part", lambda c, edge, *a: here.append(edge.size) or check(c, edge, *a))

    alone = database_report(ground / "good.db", 1, bytes_only=bytes_only)
    parts, here[:] = here[:], []
    together = database_report(ground / "good.db", 2, bytes_only=bytes_only)

    assert alone == together
    assert (alone.findings, alone.size, alone.checkpoints) == ([], SIZE, SIZE // 8)
    assert parts == [*range(0, SIZE, 256)]
    assert here[0] == 0
    assert {256, 512}.isdisjoint(here)
    assert len(set(here)) == len(here)


def test_a_log_goes_on_while_nobody_else_is_up_yet(ground, monkeypatch):
    monkeypatch.setattr(crew, "is_up", lambda _: False)

    assert bundle_report(ground / "good", 2) == bundle_report(ground / "good", 1)


def test_a_process_that_dies_costs_its_guesses_and_nothing_else(ground, monkeypatch):
    monkeypatch.setattr(fsck, "_try_part", _die)
    monkeypatch.setattr(standalone, "try_part", _die)

    assert database_report(ground / "good.db", 2) == database_report(ground / "good.db", 1)
    assert bundle_report(ground / "good", 2) == bundle_report(ground / "good", 1)


def _die(*_: object) -> None:
    os._exit(3)


def entry_by_entry(monkeypatch, work: Callable[[], T]) -> T:
    """What *work* gives when no part is taken in bulk."""
    with monkeypatch.context() as patch:
        patch.setattr(standalone, "bulk_part", lambda *_: None)
        patch.setattr(fsck, "_bulk_part", lambda *_: None)
        return work()


@pytest.mark.parametrize("bytes_only", [False, True])
def test_a_good_log_is_read_in_bulk_and_the_careful_way_says_the_same(ground, monkeypatch, bytes_only):
    def reports() -> tuple[object, object]:
        connection = sqlite3.connect(ground / "good.db", isolation_level=None)
        database = fsck.verify_database(
            connection,
            verifiers=[verifier()],
            expect_size=SIZE,
            policies=POLICIES,
            bytes_only=bytes_only,
        )
        connection.close()
        return database, bundle_report(ground / "good", 1, bytes_only=bytes_only)

    carefully = entry_by_entry(monkeypatch, reports)
    monkeypatch.setattr(standalone, "check_part", None)
    monkeypatch.setattr(fsck, "_check_part", None)

    assert reports() == carefully


def edit(directory: Path, seq: int) -> None:
    path = directory / standalone.tile_path("entries", seq // 256, min(256, SIZE - seq // 256 * 256))
    leaves = unbundle(path.read_bytes())
    leaves[seq % 256] = (
        leaves[seq % 256].replace(b'"p_', b'"q_').replace(b'"s_', b'"q_').replace(b'"a_', b'"q_')
    )
    path.write_bytes(packed(leaves))


def swap_tile(directory: Path, n: int) -> None:
    path = directory / standalone.tile_path(0, n, 256)
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    "break_it",
    [
        *[pytest.param(lambda d, n=n: edit(d, n), id=f"entry {n}") for n in (0, 255, 256, 700, 1535, 1599)],
        pytest.param(lambda d: swap_tile(d, 3), id="tile"),
        pytest.param(
            lambda d: (d / "checkpoints/1000").write_text((d / "checkpoints/992").read_text()), id="head"
        ),
        pytest.param(lambda d: (d / "tile/entries/004").unlink(), id="missing"),
        pytest.param(lambda d: (d / "tile/0/002").unlink(), id="missing tile"),
        pytest.param(lambda d: edit(d, 300) or edit(d, 900) or edit(d, 1400), id="three"),
    ],
)
def test_a_broken_bundle_gets_the_same_report_from_two_as_from_one(ground, tmp_path, break_it, monkeypatch):
    shutil.copytree(ground / "good", tmp_path / "b")
    break_it(tmp_path / "b")

    alone = bundle_report(tmp_path / "b", 1)

    assert json.loads(alone)["exit"] in (1, 2)
    assert bundle_report(tmp_path / "b", 2) == alone
    assert entry_by_entry(monkeypatch, lambda: bundle_report(tmp_path / "b", 1)) == alone


@pytest.mark.parametrize(
    "statement",
    [
        *[
            f"UPDATE audit_leaf SET leaf = CAST(replace(CAST(leaf AS TEXT), '\"v\":1', '\"v\":2') AS BLOB) WHERE seq = {n}"
            for n in (0, 255, 256, 700, 1599)
        ],
        "UPDATE audit_leaf SET actor = 'p_eve' WHERE seq = 1300",
        "UPDATE audit_checkpoint SET note = replace(note, 'A', 'B') WHERE size = 1000",
        "UPDATE audit_tile SET hashes = zeroblob(8192) WHERE n = 2",
        "DELETE FROM audit_leaf WHERE seq = 1000",
    ],
)
def test_a_broken_database_gets_the_same_report_from_two_as_from_one(
    ground, tmp_path, statement, monkeypatch
):
    shutil.copy(ground / "good.db", tmp_path / "a.db")
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    assert connection.execute(statement).rowcount > 0
    connection.close()

    alone = database_report(tmp_path / "a.db", 1)

    assert alone.exit == 1
    assert database_report(tmp_path / "a.db", 2) == alone
    assert entry_by_entry(monkeypatch, lambda: database_report(tmp_path / "a.db", 1)) == alone


def test_a_request_that_lies_in_two_parts_is_replayed_over_both(ground):
    """256 is a multiple of a story's eight entries, so the cut is moved into one."""
    connection = filled(requests=40)
    assert fsck.verify_database(connection).findings == []
    report = fsck.Report()
    start = fsck._Edge(0, (), bytes(32), "", "")
    asked = fsck._Asked(0, (), (), False)
    first = fsck._check_part(connection, start, 3, asked, report)
    second = fsck._check_part(connection, first.edge, 8, asked, report)
    replay = fsck.Replay()

    found = [f for seq, body in [*first.bodies, *second.bodies] for f in replay.step(seq, body)]

    assert (report.findings, found, replay.approved) == ([], [], 1)


# --- bytes only


def test_bytes_only_finds_a_changed_byte_and_says_what_it_did_not_look_at(ground, tmp_path):
    shutil.copytree(ground / "good", tmp_path / "b")
    good = json.loads(bundle_report(tmp_path / "b", 1, bytes_only=True))
    assert (good["exit"], good["checks"][standalone.CHECKS[7]]) == (0, "skipped")
    assert any("only bytes were checked" in note for note in good["notes"])

    edit(tmp_path / "b", 700)

    broken = json.loads(bundle_report(tmp_path / "b", 2, bytes_only=True))
    assert broken["exit"] == 1
    assert broken["checks"][standalone.CHECKS[1]] == "FAILED"


@pytest.mark.parametrize("processes", [1, 2])
def test_bytes_only_over_a_database_sees_bytes_and_no_columns(ground, tmp_path, processes):
    for n, (statement, code) in enumerate(
        {
            "UPDATE audit_leaf SET actor = 'p_eve' WHERE seq = 1300": 0,
            "UPDATE audit_leaf SET leaf = x'7b7d' WHERE seq = 1300": 1,
        }.items()
    ):
        path = tmp_path / f"{n}.db"
        shutil.copy(ground / "good.db", path)
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("DROP TRIGGER audit_leaf_no_update")
        connection.execute(statement)
        report = fsck.verify_database(
            connection, verifiers=[verifier()], expect_size=SIZE, processes=processes, bytes_only=True
        )
        connection.close()
        assert report.exit == code, report.findings
        assert any("only bytes were checked" in note for note in report.notes)
