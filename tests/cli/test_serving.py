"""``signoff serve`` as an operator meets it: what stands in the way is a sentence, and a changed policy is read without a stop."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest

from bot import listening
from bot.app import STOP_SECONDS
from bot.errors import ConfigError
from tests.cli.test_commands import ROOT, answer, signoff
from tests.support.server import free_port


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serving") / "s"
    return folder, answer("init", folder, "--port", free_port())


def listening_somewhere():
    sock = socket.create_server(("127.0.0.1", 0))
    return closing(sock), sock.getsockname()[1]


def test_a_port_that_somebody_has_is_said_in_one_sentence_before_anything_is_opened(made, tmp_path):
    folder, _ = made
    taken, port = listening_somewhere()
    text = (folder / "signoff.yaml").read_text().replace("port: ", f"port: {port} # ")
    (tmp_path / "signoff.yaml").write_text(text)

    with taken:
        done = signoff("serve", "--config", tmp_path)

    assert done.returncode == 1
    assert done.stderr == (
        f"signoff: 127.0.0.1:{port} is in use: this server runs already, or another program has the port; "
        "stop it, or choose another port\n"
    )
    assert not (tmp_path / "data").exists()


def test_of_two_that_are_bound_to_one_port_only_the_first_may_listen():
    with closing(listening.bound("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with closing(listening.bound("127.0.0.1", port)) as second:
            listening.listen(first, "127.0.0.1", port)

            with pytest.raises(listening.CannotListen) as refused:
                listening.listen(second, "127.0.0.1", port)

    assert refused.value.is_taken


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("192.0.2.7", "192.0.2.7 is not an address of this machine; correct the host"),
        ("no-such-host.invalid", "no-such-host.invalid is no address of this machine and no name of one; correct the host"),
    ],
)  # fmt: skip
def test_an_address_that_is_not_ours_is_named(host, sentence):
    with pytest.raises(listening.CannotListen) as refused:
        listening.bound(host, 8080)

    assert str(refused.value) == sentence
    assert not refused.value.is_taken


def test_a_certificate_that_is_none_stops_the_start_with_its_name(tmp_path):
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    with pytest.raises(ConfigError, match=r"c\.pem cannot be read"):
        listening.check_tls(certificate, key)
    certificate.write_text("no certificate")
    key.write_text("no key")

    with pytest.raises(ConfigError, match="must be PEM"):
        listening.check_tls(certificate, key)


def asked(url, key, number):
    """What becomes of a read in production."""
    ask = {
        "action": "db.read",
        "resource": {"type": "pg", "id": "c", "env": "prod"},
        "parameters": {"n": number},
    }
    return httpx.post(f"{url}/v1/requests", json=ask, headers={"Authorization": f"Bearer {key}"}).json()[
        "state"
    ]


def until(holds):
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def changes(folder):
    """How often a policy was put in force."""
    with closing(sqlite3.connect(f"file:{folder}/data/signoff.sqlite3?mode=ro", uri=True)) as database:
        return database.execute("SELECT count(*) FROM audit_leaf WHERE type = 'policy.changed'").fetchone()[0]


def test_t20_sighup_reads_the_policy_again_and_one_that_cannot_be_used_changes_nothing(made):
    folder, said = made
    policy, log = folder / "policy.yaml", folder / "server.log"
    ask = (said["url"], said["agent"]["key"])
    command = [sys.executable, "-m", "bot.cli", "serve", "--config", folder]
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors) as server,
    ):
        try:
            assert server.stdout.readline().startswith(b"Signoff listens on ")
            before = asked(*ask, 0)
            policy.write_text(policy.read_text().replace('resource.env != "prod"', 'resource.env != "none"'))
            server.send_signal(signal.SIGHUP)
            until(lambda: changes(folder) == 2)
            after = asked(*ask, 1)
            policy.write_text("version: 2\n")
            server.send_signal(signal.SIGHUP)
            until(lambda: b"the policy stays as it was" in log.read_bytes())
            still = asked(*ask, 2)
        finally:
            server.terminate()

    assert (before, after, still) == ("denied", "approved", "approved")
    assert changes(folder) == 2


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_t47_a_server_that_is_told_to_stop_writes_so_and_the_head_file_holds_that_entry(made, told):
    folder, _ = made
    command = [sys.executable, "-m", "bot.cli", "serve", "--config", folder]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=listens_to_ctrl_c
    ) as server:
        assert server.stdout.readline().startswith(b"Signoff listens on ")
        server.send_signal(told)
        code = server.wait(30)

    with closing(sqlite3.connect(f"file:{folder}/data/signoff.sqlite3?mode=ro", uri=True)) as database:
        seq, last = database.execute("SELECT seq, type FROM audit_leaf ORDER BY seq DESC LIMIT 1").fetchone()
    assert (code, last) == (0, "log.stopped")
    assert (folder / "audit-head.txt").read_text().split("\n")[1] == str(seq + 1)


def test_whoever_waits_when_the_server_is_told_to_stop_is_answered_and_not_cut_off(tmp_path):
    said = answer("init", tmp_path / "s", "--port", free_port())
    log, headers = tmp_path / "server.log", {"authorization": f"Bearer {said['agent']['key']}"}
    body = {"action": "db.export", "resource": {"type": "t", "id": "i", "env": "prod"}, "parameters": {}}
    command = [sys.executable, "-m", "bot.cli", "serve", "--config", tmp_path / "s"]
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors) as server,
        httpx.Client(base_url=said["url"], headers=headers, timeout=30) as http,
        ThreadPoolExecutor() as threads,
    ):
        assert server.stdout.readline().startswith(b"Signoff listens on ")
        id = http.post("/v1/requests", json=body).json()["id"]
        polls = [threads.submit(http.get, f"/v1/requests/{id}", params={"wait": 25}) for _ in range(3)]
        stream = threads.submit(http.get, f"/v1/requests/{id}/events")
        until(lambda: "signoff_waiting_agents 3.0" in http.get("/metrics").text)
        began = time.monotonic()
        server.terminate()
        code = server.wait(30)
        took = time.monotonic() - began

    assert code == 0
    assert took < STOP_SECONDS
    assert [(poll.result().status_code, poll.result().json()["state"]) for poll in polls] == [
        (200, "pending")
    ] * 3
    assert stream.result().text.count("event: state") == 1
    assert b'"level": "error"' not in log.read_bytes()
    assert b" error " not in log.read_bytes()


def listens_to_ctrl_c():
    """Whatever runs the tests in the background may have had SIGINT ignored, which children inherit."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
