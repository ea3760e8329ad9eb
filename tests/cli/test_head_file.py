"""T47: a head file that is gone is no new installation, and comes back only over a log that verifies."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta

import pytest

from bot.alerts import Board
from bot.anchoring import Anchoring, Plan
from bot.cli._local import opened
from bot.cli.doctor import examine
from bot.config import load
from bot.ports import OutboxRow
from tests.cli.test_commands import answer, signoff
from tests.support.server import install


@pytest.fixture
def site(tmp_path):
    """An installation whose head file holds its head."""
    site = install(tmp_path / "site")
    asyncio.run(_keep_head(load(site.folder)))
    return site


async def _keep_head(config):
    """What the running server does within a minute of each entry."""
    async with opened(config) as bot:
        plan = Plan(bot.head_file, timedelta())
        anchoring = Anchoring(bot.store, bot.office.clock, [plan], Board(bot.store), grace=timedelta())
        await anchoring.send(OutboxRow("anchor", "head-file", {}, bot.office.clock.now()))


def test_t47_verify_says_when_the_head_file_that_is_set_holds_nothing_yet(tmp_path):
    fresh = install(tmp_path / "fresh")

    before = signoff("audit", "verify", "--config", fresh.folder)
    asyncio.run(_keep_head(load(fresh.folder)))
    after = signoff("audit", "verify", "--config", fresh.folder)

    assert before.returncode == after.returncode == 0
    assert f"audit.head_file names {fresh.folder / 'audit-head.txt'}, and no head is there" in before.stdout
    assert "none was given" not in before.stdout
    assert "truncation" not in after.stdout


def test_t47_a_missing_head_file_over_a_log_that_was_kept_in_it_refuses_the_start(site):
    head = site.folder / "audit-head.txt"
    head.rename(site.folder / "elsewhere.txt")

    said = signoff("people", "list", "--config", site.folder)
    assert said.returncode != 0
    assert "is gone" in said.stderr
    assert "keep-head" in said.stderr
    assert any(f.level == "error" and "is gone" in f.sentence for f in examine(site.folder / "signoff.yaml"))
    (site.folder / "elsewhere.txt").rename(head)
    assert answer("people", "list", "--config", site.folder)


def test_t47_an_older_database_without_its_head_file_is_no_new_installation(site, tmp_path):
    """The intruder's way: yesterday's database, and the file that would tell is removed."""
    copy = tmp_path / "copy.sqlite3"
    answer("backup", copy, "--config", site.folder)
    answer("people", "add", "late", "--config", site.folder)
    for part in ("", "-wal", "-shm"):
        site.database.with_name(site.database.name + part).unlink(missing_ok=True)
    shutil.copy(copy, site.database)
    (site.folder / "audit-head.txt").unlink()

    assert "is gone" in signoff("people", "list", "--config", site.folder).stderr


def test_the_file_comes_back_over_a_log_that_verifies_and_the_log_says_so(site, tmp_path):
    head = site.folder / "audit-head.txt"
    shutil.copy(head, tmp_path / "kept.txt")
    head.unlink()

    said = answer("audit", "keep-head", "--checkpoint", tmp_path / "kept.txt", "--config", site.folder)

    assert said["compared"] == 1
    assert head.read_text().splitlines()[1] == str(said["size"])
    assert site.rows("SELECT type FROM audit_leaf ORDER BY seq DESC LIMIT 1") == [("audit.queried",)]
    assert answer("audit", "verify", "--config", site.folder)["exit"] == 0
    assert answer("people", "list", "--config", site.folder)


def test_it_does_not_come_back_over_a_log_that_was_cut(site, tmp_path):
    copy = tmp_path / "copy.sqlite3"
    answer("backup", copy, "--config", site.folder)
    answer("people", "add", "late", "--config", site.folder)
    (tmp_path / "kept.txt").write_text(answer("audit", "head", "--config", site.folder)["head"])
    for part in ("", "-wal", "-shm"):
        site.database.with_name(site.database.name + part).unlink(missing_ok=True)
    shutil.copy(copy, site.database)
    head = site.folder / "audit-head.txt"
    head.unlink()

    said = signoff("audit", "keep-head", "--checkpoint", tmp_path / "kept.txt", "--config", site.folder)

    assert said.returncode != 0
    assert "does not verify" in said.stderr
    assert not head.exists()
    (tmp_path / "bad.txt").write_text("nonsense")
    said = signoff("audit", "keep-head", "--checkpoint", tmp_path / "bad.txt", "--config", site.folder)
    assert "cannot be believed" in said.stderr


def test_whoever_is_no_administrator_does_not_bring_it_back(site, tmp_path):
    file = tmp_path / "token"
    file.write_text(answer("people", "token", "ana", "--config", site.folder)["token"])
    file.chmod(0o600)
    (site.folder / "audit-head.txt").unlink()

    said = signoff("audit", "keep-head", "--token-file", file, "--config", site.folder)

    assert "administrator" in said.stderr
    assert not (site.folder / "audit-head.txt").exists()


def test_what_a_command_writes_while_the_server_is_stopped_is_in_the_head_file_when_it_ends(site):
    head = site.folder / "audit-head.txt"
    before = int(head.read_text().splitlines()[1])

    answer("people", "add", "late", "--config", site.folder)

    assert int(head.read_text().splitlines()[1]) > before
    assert head.read_text() == answer("audit", "head", "--config", site.folder)["head"]


def test_a_command_makes_no_head_file_where_none_is(tmp_path):
    fresh = install(tmp_path / "fresh")

    answer("people", "add", "late", "--config", fresh.folder)

    assert not (fresh.folder / "audit-head.txt").exists()
