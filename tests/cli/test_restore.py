"""T48: a backup that is put back revives nothing, and says so in the log."""

from __future__ import annotations

import socket

import pytest

from tests.support.in_process import answer, signoff


@pytest.fixture
def lost(tmp_path):
    """An installation whose backup is older than what happened since, and whose head file knows."""
    folder = tmp_path / "s"
    answer("init", folder, "--port", "1")
    at = ("--config", folder)
    answer("backup", tmp_path / "copy.sqlite3", *at)
    answer("people", "add", "late", *at)
    (folder / "audit-head.txt").write_text(answer("audit", "head", *at)["head"])
    return folder, tmp_path / "copy.sqlite3"


def test_without_yes_nothing_is_done(lost):
    folder, copy = lost
    before = (folder / "data/signoff.sqlite3").stat().st_ino

    assert answer("restore", copy, "--config", folder)["done"] is False
    assert (folder / "data/signoff.sqlite3").stat().st_ino == before


def test_a_restore_is_answered_in_the_log_and_the_next_start_passes(lost):
    folder, copy = lost
    at = ("--config", folder)

    said = answer("restore", copy, "--yes", *at)
    assert said["done"] is True
    assert said["epoch"] == 1
    assert said["head_answered"] is True
    assert {p["person"] for p in answer("people", "list", *at)} == {"person:admin", "person:agent-owner"}
    types = [e["entry"]["type"] for e in answer("audit", "recent", "--limit", "50", *at)["entries"]]
    assert types.count("log.restored") == 2
    assert answer("audit", "verify", *at)["exit"] == 0


def test_the_lost_database_is_kept_as_evidence(lost):
    folder, copy = lost

    said = answer("restore", copy, "--yes", "--config", folder)
    vkey = answer("audit", "head", "--config", folder)["vkeys"][0]
    evidence = answer("audit", "verify", said["lost_database"], "--vkey", vkey)
    assert evidence["exit"] == 0


def test_a_second_restore_of_the_same_backup_has_another_epoch(lost):
    folder, copy = lost

    first = answer("restore", copy, "--yes", "--config", folder)["epoch"]
    answer("people", "add", "between", "--config", folder)
    (folder / "data/signoff.sqlite3").chmod(0o600)
    assert answer("restore", copy, "--yes", "--config", folder)["epoch"] > first
    assert len(list((folder / "data").glob("signoff.sqlite3.lost-*[Z0-9]"))) == 2, "both databases are kept"


def test_a_copy_put_back_by_hand_does_not_start(lost):
    folder, copy = lost
    for name in ("signoff.sqlite3-wal", "signoff.sqlite3-shm"):
        (folder / "data" / name).unlink(missing_ok=True)
    (folder / "data/signoff.sqlite3").write_bytes(copy.read_bytes())

    done = signoff("people", "list", "--config", folder)
    assert done.returncode == 1
    assert "signoff restore" in done.stderr


def test_a_damaged_backup_is_refused_and_everything_is_as_before(lost):
    folder, copy = lost
    raw = bytearray(copy.read_bytes())
    raw[8192:12288] = b"\xff" * 4096
    copy.write_bytes(raw)

    assert signoff("restore", copy, "--yes", "--config", folder).returncode == 1
    assert answer("audit", "verify", "--config", folder)["exit"] == 0


def test_a_running_server_is_not_restored_under(lost):
    folder, copy = lost
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        text = (folder / "signoff.yaml").read_text().replace("port: 1\n", f"port: {sock.getsockname()[1]}\n")
        (folder / "signoff.yaml").write_text(text)

        done = signoff("restore", copy, "--yes", "--config", folder)
    assert done.returncode == 1
    assert "stop the server first" in done.stderr


def rotate_and_take_the_old_key_away(folder, *at):
    answer("keys", "rotate", "audit", *at)
    answer("people", "add", "between", *at)
    first = min((folder / "keys").glob("audit-*.key"))
    return first.rename(folder / "taken-away.key")


def test_a_head_kept_by_a_key_that_is_gone_is_still_an_anchors_word(tmp_path):
    folder = tmp_path / "s"
    at = ("--config", folder)
    answer("init", folder, "--port", "1")
    kept = answer("audit", "head", *at)["head"]
    rotate_and_take_the_old_key_away(folder, *at)
    answer("backup", tmp_path / "copy.sqlite3", *at)
    (folder / "audit-head.txt").write_text(kept)

    said = answer("restore", tmp_path / "copy.sqlite3", "--yes", *at)

    assert (said["done"], said["head_answered"]) == (True, False)
    assert answer("audit", "verify", *at)["exit"] == 0


def test_a_backup_from_before_the_log_had_its_present_key_is_still_vouched_for(lost):
    folder, copy = lost
    at = ("--config", folder)
    rotate_and_take_the_old_key_away(folder, *at)
    (folder / "audit-head.txt").write_text(answer("audit", "head", *at)["head"])

    assert answer("restore", copy, "--yes", *at)["head_answered"] is True

    found = answer("audit", "search", "--type", "key.rotated", *at)["entries"]
    assert len(found) == 1
    assert answer("audit", "verify", *at)["findings"] == []
    vkey = answer("audit", "head", *at)["vkeys"][0]
    answer("audit", "export", folder / "bundle", *at)
    assert answer("audit", "verify", folder / "bundle", "--vkey", vkey)["findings"] == []


def test_a_backup_of_a_key_that_nothing_names_is_refused_and_everything_is_as_before(lost):
    folder, copy = lost
    at = ("--config", folder)
    old = rotate_and_take_the_old_key_away(folder, *at)
    (folder / "audit-head.txt").unlink()
    database = folder / "data/signoff.sqlite3"
    lost_too = database.rename(folder / "gone.sqlite3")

    done = signoff("restore", copy, "--yes", *at)
    assert done.returncode == 1
    assert f"put the audit key of its time back into {folder / 'keys'}" in done.stderr
    assert not database.exists()

    old.rename(folder / "keys" / "audit-000001.key")
    assert answer("restore", copy, "--yes", "--epoch-at-least", "5", *at)["done"] is True
    assert lost_too.exists()
