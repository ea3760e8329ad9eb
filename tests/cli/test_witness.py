"""``signoff witness`` and the settings of the log's outside, as an operator meets them: real processes, real sockets."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from typer.testing import CliRunner

from audit.checkpoint import open_note, parse_vkey, split_note
from bot.cli import app
from bot.cli.doctor import examine
from bot.config import load
from tests.support.server import Site, install
from tests.support.tls import certificate

RUN = CliRunner()


@contextmanager
def installed(folder: Path) -> Iterator[Site]:
    site = install(folder)
    try:
        yield site
    finally:
        site.stop()


def answer(*arguments: object) -> dict:
    result = RUN.invoke(app, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def refused(*arguments: object) -> str:
    result = RUN.invoke(app, [*map(str, arguments)])
    assert result.exit_code != 0
    return str(result.exception)


@contextmanager
def serving(folder: Path):
    command = [sys.executable, "-m", "bot.cli", "witness", "serve", str(folder), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["listening"]
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
            assert process.returncode == 0


def test_a_witness_is_set_up_once_and_knows_the_logs_it_is_told_of(tmp_path):
    folder = tmp_path / "w"
    vkey = answer("witness", "init", folder, "--name", "witness.example/one")["vkey"]

    assert parse_vkey(vkey).name == "witness.example/one"
    assert (folder / "witness.key").stat().st_mode & 0o077 == 0
    assert "never overwrites" in refused("witness", "init", folder, "--name", "x")
    assert "knows no log" in refused("witness", "serve", folder, "--port", "0")
    assert "not a log's" in refused("witness", "add", folder, vkey)
    assert "no verifier key" in refused("witness", "add", folder, "nonsense")
    (folder / "witness.key").chmod(0o644)
    assert "chmod 600" in refused("witness", "list", folder)


def test_a_witness_listens_to_other_machines_only_with_tls_or_behind_a_proxy(tmp_path):
    answer("witness", "init", tmp_path / "w", "--name", "w")

    assert "--certificate" in refused("witness", "serve", tmp_path / "w", "--host", "0.0.0.0")
    assert "belong together" in refused("witness", "serve", tmp_path / "w", "--certificate", "c.pem")


CONFIG = """
audit:
  origin: signoff/flows
  head_file: audit-head.txt
  private_hosts: [127.0.0.1]
  anchors:
    witness: {{url: "{url}", vkey: "{vkey}"}}
"""


def test_the_server_has_its_heads_cosigned_and_does_not_start_behind_its_witness(tmp_path):
    """The whole way: a witness process, a server process, a restored copy that the witness knows to be old, and the way out."""
    folder = tmp_path / "w"
    vkey = answer("witness", "init", folder, "--name", "witness.example/one")["vkey"]
    with installed(tmp_path / "site") as site:
        settings = site.folder / "signoff.yaml"
        log = answer("audit", "head", "--config", settings)["vkeys"][0]
        answer("witness", "add", folder, log)
        with serving(folder) as url:
            plain = settings.read_text()
            lines = [line for line in plain.splitlines() if not line.startswith("audit:")]
            settings.write_text("\n".join(lines) + CONFIG.format(url=url, vkey=vkey))
            backup = tmp_path / "old.sqlite3"
            answer("backup", backup, "--config", settings)
            site.start()
            note = _until(lambda: answer("witness", "list", folder)[0]["size"])
            assert note > 0
            told = site.call(None, "GET", "/metrics").text
            assert 'signoff_audit_outside_behind_entries{kind="anchor",name="witness"}' in told
            assert 'signoff_alarms{kind="anchor"} 0.0' in told
            site.stop()

            # An intruder puts the old database back, and the head file with it.
            for part in ("", "-wal", "-shm"):
                site.database.with_name(site.database.name + part).unlink(missing_ok=True)
            site.database.write_bytes(backup.read_bytes())
            (site.folder / "audit-head.txt").unlink()
            started = subprocess.run(
                [sys.executable, "-m", "bot.cli", "serve", "--config", str(settings)],
                capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert started.returncode == 1
            assert "this database is older" in started.stderr
            assert "witness" in started.stderr

            # The operator restores on purpose, which is written down, and the witness's keeper forgets.
            restored = RUN.invoke(app, ["restore", str(backup), "--config", str(settings), "--yes"])
            assert restored.exit_code == 0, (restored.output, restored.exception)
            site.start()
            site.stop()
            assert "forgets lets a rollback through" in refused("witness", "reset", folder, "signoff/flows")
            forgotten = answer("witness", "reset", folder, "signoff/flows", "--yes")["forgotten"]
            assert open_note(forgotten, [parse_vkey(log)])
            assert split_note(forgotten)[0].startswith("signoff/flows\n")


def _until(look, seconds: float = 60):
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.2)
    return found


def test_doctor_has_a_sentence_for_each_part_of_the_outside(tmp_path):
    pem, _ = certificate(tmp_path / "tls", "siem.example")
    with installed(tmp_path / "site") as site:
        settings = site.folder / "signoff.yaml"
        bare = {f.check: f for f in examine(settings)}
        assert bare["anchors"].level == "warning"
        assert bare["alarms"].level == "warning"
        assert bare["anchor head-file"].level in {"ok", "warning"}

        witness = answer("witness", "init", tmp_path / "w", "--name", "w.example")["vkey"]
        lines = [line for line in settings.read_text().splitlines() if not line.startswith("audit:")]
        settings.write_text(
            "\n".join(lines)
            + f"""
audit:
  origin: signoff/flows
  siem:
    - {{name: splunk, format: syslog, url: "tls://siem.example:6514", ca_file: {pem}}}
    - {{name: lake, format: ocsf, url: "http://127.0.0.1:9/in"}}
  anchors:
    timestamp: {{url: "http://tsa.example/", ca_file: nowhere.pem}}
    witness: {{url: "https://witness.example", vkey: "{witness}"}}
"""
        )
        found = examine(settings)

    said = [(f.check, f.level) for f in found]
    assert ("anchor rfc3161", "error") in said
    assert ("siem splunk", "warning") in said  # its root ends in two days
    assert ("siem splunk", "ok") in said
    assert ("siem lake", "warning") in said
    assert "anchors" not in [check for check, _ in said]


def test_what_the_database_says_of_the_outside_is_in_doctors_report(tmp_path):
    with installed(tmp_path / "site") as site:
        settings = site.folder / "signoff.yaml"
        witness = answer("witness", "init", tmp_path / "w", "--name", "w.example")["vkey"]
        lines = [line for line in settings.read_text().splitlines() if not line.startswith("audit:")]
        settings.write_text(
            "\n".join(lines)
            + f"""
audit:
  origin: signoff/flows
  siem: [{{name: lake, format: jsonl, url: "https://siem.example/in"}}]
  anchors: {{witness: {{url: "https://witness.example", vkey: "{witness}"}}}}
"""
        )
        size = load(settings) and len(
            answer("audit", "recent", "--limit", "500", "--config", settings)["entries"]
        )

        found = {f.check: f.sentence for f in examine(settings)}

    assert found["siem lake"].startswith(f"lake has taken all but {size}")
    assert "witness remembers all but" in found["anchor witness"]
