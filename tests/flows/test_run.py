"""``signoff request`` and ``signoff run`` as a script uses them, at a real server: exit codes, and an end to every grant begun."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from tests.flows.steps import body, vote
from tests.support.in_process import signoff
from tests.support.server import ROOT, running

COMMAND = (sys.executable, "-m", "bot.cli")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with running(tmp_path_factory.mktemp("run")) as made:
        yield made


@pytest.fixture
def env(site):
    return {"SIGNOFF_URL": site.url, "SIGNOFF_KEY": site.keys["bot"]}


@pytest.fixture
def asks(tmp_path):
    def written(action):
        file = tmp_path / f"{action}.json"
        file.write_text(json.dumps(body(action=action)))
        return file

    return written


def requests(site):
    return site.rows("SELECT count(*) FROM request")[0][0]


def last_entries(site):
    return site.entries()[-2:]


@pytest.mark.parametrize(("action", "code"), [("db.read", 0), ("db.unheard", 3), ("db.drop", 5)])
def test_the_exit_code_says_what_became_of_the_request(env, asks, action, code):
    assert signoff("request", asks(action), env=env).returncode == code


def test_a_wait_that_cannot_be_read_asks_nothing(site, env, asks):
    before = requests(site)

    done = signoff("request", asks("db.read"), "--wait", "banana", env=env)

    assert done.returncode == 2
    assert requests(site) == before


def test_t11_a_body_is_sent_as_it_is_written_so_that_the_server_judges_it(env, tmp_path):
    (tmp_path / "twice.json").write_text(
        '{"action": "db.read", "resource": {"type": "pg", "id": "c"}, "parameters": {"rows": 1, "rows": 9}}'
    )

    done = signoff("request", tmp_path / "twice.json", env=env)

    assert done.returncode == 1
    assert "(duplicate-key)" in done.stderr


@pytest.mark.parametrize(("program", "code", "said"), [("true", 0, "success"), ("false", 1, "failure")])
def test_i5_run_spends_a_grant_and_reports_how_the_command_ended(site, env, program, code, said):
    done = signoff("run", "--action", "db.read", "--", program, env=env)

    assert done.returncode == code
    assert last_entries(site) == ["grant.used.begin", "grant.used.end"]
    assert site.rows("SELECT outcome FROM audit_leaf ORDER BY seq DESC LIMIT 1") == [(said,)]


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--keep-key",), 1)], ids=["by itself", "asked for"])
def test_t01_the_command_does_not_find_the_credentials_that_let_it_run(env, options, code):
    command = ("sh", "-c", 'test -z "$SIGNOFF_KEY$SIGNOFF_TOKEN"')

    done = signoff("run", "--action", "db.read", *options, "--", *command, env=env)

    assert done.returncode == code


def test_a_persons_token_is_never_handed_on(env):
    command = ("sh", "-c", 'test -z "$SIGNOFF_TOKEN"')

    done = signoff(
        "run", "--action", "db.read", "--keep-key", "--", *command, env=env | {"SIGNOFF_TOKEN": "sop_x"}
    )

    assert done.returncode == 0


def test_a_command_that_cannot_be_started_is_reported_as_failed(site, env, tmp_path):
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF but not really")
    broken.chmod(0o700)

    done = signoff("run", "--action", "db.read", "--", broken, env=env)

    assert done.returncode == 1
    assert "could not be started (Exec format error)" in done.stderr
    assert last_entries(site) == ["grant.used.begin", "grant.used.end"]


def test_a_command_that_was_interrupted_is_reported_as_failed(site, env, tmp_path):
    started = tmp_path / "started"
    process = subprocess.Popen(
        [*COMMAND, "run", "--action", "db.read", "--", "sh", "-c", f"touch {started}; exec sleep 60"],
        cwd=ROOT, env=env | {"PATH": "/usr/bin:/bin"}, stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a runner in the background ignores it
    )  # fmt: skip
    wait_for(started.exists)

    process.send_signal(signal.SIGINT)

    assert process.wait(20) == 130
    assert last_entries(site) == ["grant.used.begin", "grant.used.end"]
    assert site.rows("SELECT outcome FROM audit_leaf ORDER BY seq DESC LIMIT 1") == [("failure",)]


def test_waiting_outlasts_a_restart_of_the_server(site, env, asks):
    before = requests(site)
    process = subprocess.Popen(
        [*COMMAND, "request", asks("db.drop"), "--wait", "2m"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL
    )
    wait_for(lambda: requests(site) > before)
    request = site.rows("SELECT id FROM request ORDER BY rowid DESC LIMIT 1")[0][0]

    site.stop()
    site.start()
    assert vote(site, "ana", request).status_code == 200

    assert process.wait(60) == 0


def wait_for(holds):
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
