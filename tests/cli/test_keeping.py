"""Holds, erasure, pruning and the rotation of the key-encryption key, through the command line, on real files."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from adapters.keys.files import load as load_keys
from audit.disclosure import DisclosureError
from audit.erasure import disclose_entry
from bot.cli._local import opened
from bot.config import load
from bot.core.ask import parse_ask
from bot.core.ids import AccountKey, AgentId, PersonId
from bot.core.people import Actor, Role
from bot.core.request import Assurance, Choice
from bot.desk.api import AgentCaller, Submitted
from bot.errors import ConfigError, KeyUnavailable
from bot.key_lock import using
from bot.rand import OsRand
from tests.cli.test_commands import ROOT
from tests.cli.test_commands import answer as by_process
from tests.support.in_process import Done, answer, signoff
from tests.support.server import PAYLOAD, Site, install

CANARY = "the word of Zelda Quimby"


def denied(site: Site, canary: str = CANARY) -> str:
    """A request that ana denied with *canary* as her reason; its id."""

    async def run() -> str:
        async with opened(load(site.folder), masking=True) as bot:
            await bot.desk.apply_policy((site.folder / "policy.yaml").read_text())
            made = await bot.desk.submit(
                parse_ask(json.dumps(PAYLOAD).encode()), AgentCaller(AgentId("agent:bot"), "k", ("*",))
            )
            assert isinstance(made, Submitted)
            ana = Actor(
                PersonId("person:ana"),
                AccountKey("local:ana"),
                "console",
                Assurance.CONSOLE,
                bot.office.clock.now(),
            )
            await bot.desk.vote(made.request.id, ana, Choice.DENY, comment=canary)
            return made.request.id

    return asyncio.run(run())


@pytest.fixture
def site(tmp_path):
    return install(tmp_path / "s")


def at(site: Site) -> tuple[str, ...]:
    return ("--config", str(site.folder))


def wrapped_keys(site: Site, scope: str) -> list[bytes]:
    """The bytes that must be gone: the wrapped data keys and the ciphertexts of *scope*."""
    name = scope.removeprefix("request:")
    found = site.rows("SELECT wrapped_dek FROM audit_secret_key WHERE key_scope = ?", scope)
    found += site.rows("SELECT ciphertext FROM audit_disclosure WHERE key_scope = ?", scope)
    found += site.rows("SELECT wrapped_key FROM request_body WHERE request = ?", name)
    found += site.rows("SELECT ciphertext FROM request_body WHERE request = ?", name)
    return [row[0] for row in found]


def as_admin(site: Site, *names: str) -> None:
    async def run() -> None:
        async with opened(load(site.folder)) as bot:
            for name in names:
                await bot.desk.add_person(None, PersonId(f"person:{name}"), name, frozenset({Role.ADMIN}))

    asyncio.run(run())


def test_what_is_shredded_is_nowhere_in_the_database_its_log_or_a_later_backup(site, tmp_path):
    request = denied(site)
    gone = wrapped_keys(site, f"request:{request}")
    assert len(gone) == 4
    assert all(any(secret in data for data in site.written().values()) for secret in gone)

    said = by_process("audit", "shred", request, "--basis", "gdpr-17", "--yes", *at(site))
    answer("backup", tmp_path / "s" / "later.sqlite3", *at(site))

    assert (said["values"], said["body"], said["forgotten"]) == (1, True, True)
    assert [(name, n) for name, data in site.written().items() for n, s in enumerate(gone) if s in data] == []
    assert site.entries(request)[-1] == "payload.shredded"
    assert site.verify().findings == []


def test_a_shredded_person_has_no_name_and_no_account_and_the_log_still_verifies(site):
    gone = wrapped_keys(
        site,
        "person:"
        + site.rows(
            "SELECT json_extract(substr(data, 1, instr(data, char(10)) - 1), '$.ref') FROM person WHERE id = 'person:mia'"
        )[0][0],
    )
    assert len(gone) >= 3
    unknown = signoff("audit", "shred", "person:nobody", "--basis", "gdpr-17", "--yes", *at(site))
    assert "there is no such person" in unknown.stderr
    refused = signoff("audit", "shred", "person:mia", "--basis", "gdpr-17", "--yes", *at(site))
    assert "still active" in refused.stderr
    answer("people", "disable", "mia", *at(site))

    said = answer("audit", "shred", "person:mia", "--basis", "gdpr-17", "--yes", *at(site))

    assert said["accounts"] == 3
    assert [s for s in gone if any(s in data for data in site.written().values())] == []
    assert not any(b"local:mia" in data for data in site.written().values())
    assert site.rows(
        "SELECT json_extract(substr(data, 1, instr(data, char(10)) - 1), '$.name') FROM person WHERE id = 'person:mia'"
    ) == [("(erased)",)]
    assert site.verify().findings == []


def test_a_hold_stops_a_shred_and_the_attempt_is_in_the_log(site):
    request = denied(site)
    answer("audit", "hold", request, *at(site))

    refused = signoff("audit", "shred", request, "--basis", "gdpr-17", "--yes", *at(site))

    assert refused.returncode == 1
    assert "legal hold" in refused.stderr
    assert len(wrapped_keys(site, f"request:{request}")) == 4
    assert site.entries()[-2:] == ["hold.changed", "command.refused"]
    assert answer("audit", "release", request, *at(site))["changed"] is True
    assert answer("audit", "shred", request, "--basis", "gdpr-17", "--yes", *at(site))["done"] is True


def test_an_open_request_is_not_shredded(site):
    async def ask() -> str:
        async with opened(load(site.folder), masking=True) as bot:
            await bot.desk.apply_policy((site.folder / "policy.yaml").read_text())
            made = await bot.desk.submit(
                parse_ask(json.dumps(PAYLOAD).encode()), AgentCaller(AgentId("agent:bot"), "k", ("*",))
            )
            return made.request.id

    request = asyncio.run(ask())

    assert "still open" in signoff("audit", "shred", request, "--basis", "gdpr-17", "--yes", *at(site)).stderr
    assert len(wrapped_keys(site, f"request:{request}")) == 2


def test_without_yes_and_without_a_basis_nothing_is_shredded(site):
    request = denied(site)

    assert answer("audit", "shred", request, "--basis", "gdpr-17", *at(site))["done"] is False
    assert signoff("audit", "shred", request, "--yes", *at(site)).returncode == 2
    assert signoff("audit", "shred", request, "--basis", "because", "--yes", *at(site)).returncode == 2
    assert len(wrapped_keys(site, f"request:{request}")) == 4


# --- pruning


@pytest.fixture
def long_log(site):
    """600 entries, the first 512 of which may go; root and sam are administrators."""
    as_admin(site, "sam")

    async def run() -> None:
        async with opened(load(site.folder)) as bot:
            for number in range(600):
                if number == 512:
                    await asyncio.sleep(1.1)  # so that a whole second divides what may go from what stays
                await bot.store.write(lambda tx: None)
                await bot.desk.add_person(None, PersonId("person:zed"), "Zed")

    asyncio.run(run())
    text = (site.folder / "signoff.yaml").read_text()
    (site.folder / "signoff.yaml").write_text(text.replace("head_file:", "retention: 1s, head_file:"))
    return site


def prune(site: Site, who: str | None, *args: str) -> Done:
    env = {} if who is None else {"SIGNOFF_TOKEN": site.tokens[who]}
    return signoff("audit", "prune", *args, "--json", *at(site), env=env)


def test_pruning_takes_two_different_administrators_and_the_rest_still_verifies(long_log):
    site = long_log
    time.sleep(1.1)  # the retention of this test
    now = "2999-01-01"
    rows = site.rows(
        "SELECT strftime('%Y-%m-%dT%H:%M:%S', ts_us / 1000000, 'unixepoch') FROM audit_leaf WHERE seq = 580"
    )
    day = rows[0][0]

    assert "audit.retention" in prune(site, "root", "--keep-since", now).stderr
    assert "who you are" in prune(site, None, "--keep-since", day).stderr
    assert "administrator" in prune(site, "ana", "--keep-since", day).stderr
    proposed = prune(site, "root", "--keep-since", day)
    mark = json.loads(proposed.stdout)["proposed"]
    assert mark == 512
    assert "two different persons" in prune(site, "root", "--confirm", str(mark)).stderr
    assert "that number" in prune(site, "sam", "--confirm", "1").stderr
    done = prune(site, "sam", "--confirm", str(mark))

    assert json.loads(done.stdout)["removed"] == mark
    assert site.rows("SELECT min(seq) FROM audit_leaf") == [(mark,)]
    assert [t for t in site.entries() if t.startswith("log.prune")] == ["log.prune_proposed", "log.pruned"]
    assert site.verify().findings == []
    assert "nobody has proposed" in prune(site, "sam", "--confirm", str(mark)).stderr


# --- the key-encryption key


def test_after_a_rotation_everything_opens_and_an_older_copy_does_not(site, tmp_path):
    request = denied(site)
    copy = tmp_path / "old.sqlite3"
    answer("backup", copy, *at(site))
    old = load_keys(site.folder / "keys", OsRand()).current_kek
    secrets = wrapped_keys(site, f"request:{request}")[::2]

    said = answer("keys", "rotate-kek", *at(site))

    keys = load_keys(site.folder / "keys", OsRand())
    assert said["dropped"] == [old]
    assert list(keys.keks) == [said["current"]]
    assert site.entries()[-1] == "keys.changed"
    assert site.rows(
        "SELECT DISTINCT kek_id FROM request_body UNION SELECT kek_id FROM audit_secret_key"
    ) == [(keys.current_kek,)]
    assert [s for s in secrets if any(s in data for data in site.written().values())] == []
    comment = site.rows("SELECT seq FROM audit_disclosure WHERE name = 'comment'")[0][0]
    with closing(sqlite3.connect(site.database)) as now, closing(sqlite3.connect(copy)) as then:
        assert disclose_entry(now, comment, None, keys, "signoff/flows")[0].value == CANARY
        with pytest.raises(DisclosureError, match="not in the key directory"):
            disclose_entry(then, comment, None, keys, "signoff/flows")
        sealed = then.execute("SELECT kek_id, wrapped_key FROM request_body").fetchone()
    with pytest.raises((KeyUnavailable, DisclosureError)):
        keys.unwrap(*sealed)
    assert site.verify().findings == []


def test_signed_requests_still_work_after_a_rotation(site):
    """An agent's signing secret is sealed too; losing it would lock the agent out."""
    answer("keys", "rotate-kek", *at(site))

    async def secret() -> int:
        from adapters.agents.people import open_secret

        async with opened(load(site.folder)) as bot:
            key = await bot.store.read(lambda tx: tx.agent_key(site.signing["bot"][0]))
            return len(open_secret(bot.keys, key) or b"")

    assert asyncio.run(secret()) == 32


@pytest.mark.slow
def test_a_rotation_that_is_killed_goes_on_and_loses_nothing(site):
    request = denied(site)
    scopes = 10_000

    async def fill() -> None:
        async with opened(load(site.folder)) as bot:
            from adapters.stores.sqlite_custody import set_hold as hold

            await bot.store.write(
                lambda tx: [
                    hold(tx, f"request:req_{n:026d}", bot.keys, bot.office.rand.bytes, hold=True)
                    for n in range(scopes)
                ]
            )

    asyncio.run(fill())
    total = site.rows("SELECT count(*) FROM audit_secret_key")[0][0]
    old = load_keys(site.folder / "keys", OsRand()).current_kek
    again = 0
    for share in (0.1, 0.6):
        process = subprocess.Popen(
            [sys.executable, "-m", "bot.cli", "keys", "rotate-kek", *at(site)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        while process.poll() is None:
            moved = site.rows("SELECT count(*) FROM audit_secret_key WHERE kek_id <> ?", old)[0][0]
            if moved > total * share:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.002)
        process.wait()
        moved = site.rows("SELECT count(*) FROM audit_secret_key WHERE kek_id <> ?", old)[0][0]
        assert 0 < moved <= total
        again += moved < total
        keys = load_keys(site.folder / "keys", OsRand())
        assert len(keys.keks) == 2 or moved == total
    assert again, "no kill hit the rotation while it ran"

    said = answer("keys", "rotate-kek", *at(site))

    keys = load_keys(site.folder / "keys", OsRand())
    assert said["dropped"] == [old]
    assert list(keys.keks) == [keys.current_kek]
    with closing(sqlite3.connect(site.database)) as connection:
        for _, kek, dek in connection.execute("SELECT key_scope, kek_id, wrapped_dek FROM audit_secret_key"):
            assert len(keys.unwrap(kek, dek)) == 32
    assert len(wrapped_keys(site, f"request:{request}")) == 4
    assert site.entries().count("keys.changed") == 1
    assert site.verify().findings == []


def test_no_key_is_destroyed_while_something_is_wrapped_by_it(site):
    """A data key that does not unwrap: everything else moves, the old key stays, and nothing says it is gone."""
    with closing(sqlite3.connect(site.database)) as connection:
        connection.execute("UPDATE audit_secret_key SET wrapped_dek = zeroblob(60) WHERE rowid = 1")
        connection.commit()

    refused = signoff("keys", "rotate-kek", *at(site))

    assert refused.returncode == 1
    assert "no old key is destroyed" in refused.stderr
    assert len(load_keys(site.folder / "keys", OsRand()).keks) == 2
    assert "keys.changed" not in site.entries()


def test_a_key_that_somebody_uses_is_not_destroyed(site):
    with using(site.folder / "keys"):
        refused = signoff("keys", "rotate-kek", *at(site))

    assert refused.returncode == 1
    assert "stop it first" in refused.stderr
    assert len(load_keys(site.folder / "keys", OsRand()).keks) == 1


def test_while_a_key_is_rotated_no_other_command_begins(site):
    with using(site.folder / "keys", alone=True), pytest.raises(ConfigError, match="being rotated"):
        asyncio.run(_open(site))


async def _open(site: Site) -> None:
    async with opened(load(site.folder)):
        pass
