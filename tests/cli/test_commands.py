"""The command line as a script uses it: real processes, JSON, exit codes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.in_process import signoff as in_process

ROOT = Path(__file__).parents[2]


def signoff(*args, cwd=None, env=None, stdin=None):
    return subprocess.run(
        [sys.executable, "-m", "bot.cli", *map(str, args)], cwd=cwd, input=stdin, capture_output=True, text=True, timeout=90, check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("SIGNOFF_")} | {"PYTHONPATH": str(ROOT)} | (env or {}),
    )  # fmt: skip


def answer(*args, **more):
    done = signoff(*args, "--json", **more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("init") / "s"
    return folder, answer("init", folder)


def test_init_writes_an_installation_that_doctor_accepts(made):
    folder, _ = made

    report = answer("doctor", "--config", folder)
    assert [f["sentence"] for f in report["findings"] if f["level"] == "error"] == []


def test_doctor_says_when_the_deep_tier_is_asked_for_and_cannot_be_had(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "s")
    with (tmp_path / "s" / "signoff.yaml").open("a") as file:
        file.write("\nmasking: {deep: {model: nowhere}}\n")

    findings = answer("doctor", "--config", tmp_path / "s")["findings"]

    (deep,) = [f for f in findings if f["check"] == "deep"]
    assert deep["level"] == "warning"
    assert "signoff[deep]" in deep["sentence"]


def test_init_shows_secrets_once_and_stores_none_of_them(made):
    folder, said = made

    left = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert said["admin"]["password"].encode() not in left
    assert said["agent"]["key"].encode() not in left


def test_init_keeps_everything_from_others(made):
    folder, _ = made

    open_ = [
        path for path in [folder, *folder.rglob("*")] if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]
    assert open_ == []


def test_init_never_overwrites(made):
    folder, _ = made
    before = (folder / "signoff.yaml").read_bytes()

    done = signoff("init", folder)
    assert done.returncode == 1
    assert "never overwrites" in done.stderr
    assert (folder / "signoff.yaml").read_bytes() == before


def test_two_installations_share_no_key(made, tmp_path):
    folder, _ = made
    answer("init", tmp_path / "other")

    ours = {path.read_bytes() for path in (folder / "keys").iterdir()}
    assert ours.isdisjoint(path.read_bytes() for path in (tmp_path / "other/keys").iterdir())


def test_a_misspelt_setting_stops_every_command_with_its_line(tmp_path):
    (tmp_path / "signoff.yaml").write_text("server:\n  prot: 1\n")

    for command in (("serve",), ("people", "list"), ("audit", "verify")):
        done = signoff(*command, "--config", tmp_path)
        assert done.returncode == 1
        assert "line 2: server.prot: no such setting; did you mean port?" in done.stderr
        assert "Traceback" not in done.stderr


def test_agents_and_people_are_driven_by_scripts(made):
    folder, _ = made
    at = ("--config", folder)

    assert answer("people", "add", "sam", "--name", "Sam", "--password", *at)["login"] == "sam"
    token = answer("people", "token", "sam", "--valid-for", "1h", *at)["token"]
    assert token.startswith("sop_")
    made_agent = answer("agents", "add", "exporter", "--owner", "sam", "--action", "db.*", *at)
    assert made_agent["key"].startswith("sok_")
    assert answer("agents", "disable", "exporter", *at)["enabled"] is False
    assert answer("agents", "enable", "exporter", *at)["enabled"] is True
    second = answer("agents", "rotate", "exporter", *at)
    assert answer("agents", "revoke", made_agent["key_id"], *at)["revoked_at"]
    live = {
        a["agent"]: [k["key_id"] for k in a["keys"] if not k["revoked_at"]]
        for a in answer("agents", "list", *at)
    }
    assert live["agent:exporter"] == [second["key_id"]]
    assert answer("agents", "own", "exporter", "admin", *at)["owners"] == ["person:admin"]
    linked = answer("people", "link", "sam", "slack:T1:U1", *at)
    assert linked["person"] == "person:sam"
    assert answer("people", "disable", "sam", *at)["enabled"] is False
    done = signoff("people", "link", "admin", "slack:T1:U1", *at)
    assert done.returncode == 1
    assert answer("audit", "verify", *at)["exit"] == 0


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("agents", "add", "first-agent", "--owner", "admin"), "taken already, so nothing was changed. Use another, or change the one that is there. (taken)"),
        (("agents", "add", "reporter", "--owner", "nobody"), "Add the owner first: person:nobody. (not-known)"),
        (("agents", "own", "first-agent", "nobody"), "Add the owner first: person:nobody. (not-known)"),
        (("people", "token", "nobody"), "Nothing of this name is known here"),
        (("people", "disable", "nobody"), "Nothing of this name is known here"),
        (("agents", "revoke", "nokey"), "Nothing of this name is known here"),
    ],
)  # fmt: skip
def test_what_an_operator_gets_wrong_is_said_as_it_is(made, command, sentence):
    folder, _ = made

    done = in_process(*command, "--config", folder)

    assert done.returncode == 1
    assert sentence in done.stderr
    assert "request" not in done.stderr


def test_a_third_live_key_is_refused_with_what_to_do(tmp_path):
    answer("init", tmp_path / "s")
    at = ("--config", tmp_path / "s")
    assert in_process("agents", "rotate", "first-agent", *at).returncode == 0

    done = in_process("agents", "rotate", "first-agent", *at)

    assert done.returncode == 1
    assert "Use one of them, or revoke one first. (keys-full)" in done.stderr


def test_freeze_and_its_lift_are_journalled(made):
    folder, _ = made

    assert answer("freeze", "testing 212-555-0143", "--config", folder)["frozen"] is True
    assert any(f["check"] == "freeze" for f in answer("doctor", "--config", folder)["findings"])
    assert answer("unfreeze", "--config", folder)["frozen"] is False
    entries = answer("audit", "recent", "--limit", "20", "--config", folder)["entries"]
    assert {"freeze.set", "freeze.lifted"} <= {e["entry"]["type"] for e in entries}


def test_without_a_terminal_a_row_is_a_line_and_in_a_narrow_one_types_and_times_stay_whole(made):
    folder, _ = made

    piped = in_process("audit", "recent", "--limit", "3", "--config", folder, env={"COLUMNS": ""}).stdout
    narrow = in_process("audit", "recent", "--limit", "3", "--config", folder, env={"COLUMNS": "80"}).stdout

    assert len(piped.splitlines()) == 1 + 3 + 2  # what stands above, the rows, how to go on, what was checked
    assert max(map(len, narrow.splitlines())) <= 80
    for text in (piped, narrow):
        assert "audit.queried" in text
        assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", text)


def test_who_reads_the_log_is_in_the_log(made):
    folder, _ = made

    entries = answer("audit", "recent", "--limit", "1", "--config", folder)["entries"]
    assert entries[0]["entry"]["type"] == "audit.queried"


def test_a_backup_is_a_whole_log_of_its_own(made, tmp_path):
    folder, _ = made
    head = answer("audit", "head", "--config", folder)

    answer("backup", tmp_path / "copy.sqlite3", "--config", folder)
    assert answer("audit", "verify", tmp_path / "copy.sqlite3", "--vkey", head["vkeys"][0])["exit"] == 0
    assert stat.S_IMODE((tmp_path / "copy.sqlite3").stat().st_mode) == 0o600
    assert signoff("backup", tmp_path / "copy.sqlite3", "--config", folder).returncode == 1


def test_an_export_verifies_with_the_public_key_alone_and_not_with_another(made, tmp_path):
    folder, _ = made

    made_bundle = answer("audit", "export", tmp_path / "bundle", "--config", folder)
    vkey = made_bundle["vkeys"][0]
    assert answer("audit", "verify", tmp_path / "bundle", "--vkey", vkey)["exit"] == 0
    quick = answer("audit", "verify", tmp_path / "bundle", "--vkey", vkey, "--bytes-only", "--processes", "2")
    assert (quick["exit"], quick["checks"]["5 canonical form"]) == (0, "skipped")
    for text in (tmp_path / "bundle" / "policies").glob("*.yaml"):
        assert text.stem == "sha256-" + hashlib.sha256(text.read_bytes()).hexdigest()
    answer("init", tmp_path / "other")
    stranger = answer("audit", "head", "--config", tmp_path / "other")["vkeys"][0]
    assert signoff("audit", "verify", tmp_path / "bundle", "--vkey", stranger).returncode != 0


def test_a_head_that_was_kept_in_a_file_is_what_a_bundle_is_held_against(made, tmp_path):
    folder, _ = made

    said = answer("audit", "head", "--out", tmp_path / "kept", "--config", folder)
    answer("audit", "export", tmp_path / "bundle", "--config", folder)
    checked = answer(
        "audit", "verify", tmp_path / "bundle", "--vkey", said["vkeys"][0], "--checkpoint", tmp_path / "kept"
    )

    assert (tmp_path / "kept").read_text() == said["head"]
    assert checked["exit"] == 0
    assert not any("truncation cannot be excluded" in note for note in checked["notes"])
    assert signoff("audit", "head", "--out", tmp_path / "kept", "--config", folder).returncode == 1


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_entries_are_exported_in_other_forms_and_that_is_journalled(made, tmp_path, form):
    folder, _ = made

    said = answer("audit", "export", tmp_path / "e", "--format", form, "--config", folder)

    lines = (tmp_path / "e").read_bytes().splitlines()
    assert len(lines) == said["entries"] + (form == "csv") > 1
    if form == "jsonl":
        assert [json.loads(line)["seq"] for line in lines] == list(range(said["entries"]))
    (newest,) = answer("audit", "search", "--type", "audit.exported", "--limit", "1", "--config", folder)["entries"]  # fmt: skip
    assert (newest["seq"], newest["entry"]["data"]["format"]) == (said["last"], form)


def test_what_an_export_of_entries_cannot_do_is_said(made, tmp_path):
    folder, _ = made
    at = ("--config", folder)

    none = answer("audit", "export", tmp_path / "e", "--format", "csv", "--until", "2020-01-01", *at)
    assert none["entries"] == 0
    assert signoff("audit", "export", tmp_path / "e", "--format", "csv", *at).returncode == 1
    assert signoff("audit", "export", tmp_path / "x", "--format", "xml", *at).returncode == 2
    assert signoff("audit", "export", tmp_path / "x", "--since", "2020-01-01", *at).returncode == 2
    assert not (tmp_path / "x").exists()


def test_entries_are_found_by_their_outcome_and_resource_and_the_table_shows_outcomes(made):
    folder, _ = made
    at = ("--config", folder)

    shown = in_process(
        "audit", "search", "--outcome", "success", "--limit", "2", *at, env={"COLUMNS": ""}
    ).stdout
    found = answer("audit", "search", "--resource", "nowhere", *at)

    assert shown.count("  success") == 2
    assert found["entries"] == []


def test_rotated_keys_are_listed_newest_first(made):
    folder, _ = made
    before = answer("keys", "list", "--config", folder)

    new = answer("keys", "rotate", "kek", "--config", folder)["id"]
    assert answer("keys", "list", "--config", folder)["kek"] == [new, *before["kek"]]


@pytest.mark.parametrize("kind", ["audit", "mldsa"])
def test_a_new_key_of_the_log_is_named_by_the_one_before_it_and_told_to_auditors(tmp_path, kind):
    answer("init", tmp_path / "s")
    at = ("--config", tmp_path / "s")
    before = answer("keys", "list", *at)[kind]
    before_head = answer("audit", "head", *at)["head"]
    (old,) = [v for v in answer("audit", "head", *at)["vkeys"] if is_second(v) is (kind == "mldsa")]

    new = answer("keys", "rotate", kind, *at)["id"]

    assert answer("keys", "list", *at)[kind] == [new, *before]
    vkeys = answer("audit", "head", *at)["vkeys"]
    assert [v for v in vkeys if is_second(v) is (kind == "mldsa")][1:] == [old]
    answer("audit", "export", tmp_path / "bundle", *at)
    checked = answer("audit", "verify", tmp_path / "bundle", *(f"--vkey={vkey}" for vkey in vkeys))
    assert checked["exit"] == 0
    # By the key that an auditor held before alone, too: it signs on until its file is taken away.
    held = [v for v in vkeys if not is_second(v)][-1]
    assert answer("audit", "verify", tmp_path / "bundle", "--vkey", held)["exit"] == 0
    (entry,) = answer("audit", "search", "--type", "key.rotated", *at)["entries"]
    said = entry["entry"]["data"]
    assert said["vkey"] in vkeys
    assert said["old_vkey"] == old
    (tmp_path / "s" / "keys" / f"{kind}-000001.key").unlink()
    # What the head file holds was signed when the first key alone did.
    (tmp_path / "s" / "audit-head.txt").write_text(before_head)
    if kind == "audit":
        said = answer("doctor", *at)["findings"]
        assert not [f for f in said if f["check"] == "audit" and f["level"] == "error"]
    left = answer("audit", "head", *at)["vkeys"]
    assert old not in left
    assert answer("audit", "verify", *at)["findings"] == []
    answer("audit", "export", tmp_path / "later", *at)
    assert answer("audit", "verify", tmp_path / "later", *(f"--vkey={vkey}" for vkey in left))["exit"] == 0


def is_second(vkey: str) -> bool:
    return len(vkey) > 1000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version: 1\nrules:\n  - {name: x, when: 'true', alow: true}", "alow"),
        (
            "version: 1\ngroups: {g: {members: [person:a]}}\nrules:\n  - {name: x, when: 'true', require: [{group: g, approvals: 2}]}",
            "can never be met",
        ),
        ("a: &x 1", "an anchor"),
    ],
)
def test_policy_check_says_what_is_wrong(tmp_path, text, words):
    (tmp_path / "p.yaml").write_text(text)

    done = signoff("policy", "check", tmp_path / "p.yaml")
    assert done.returncode == 1
    assert words in done.stderr


def test_policy_test_runs_the_examples_and_fails_on_a_wrong_case(tmp_path):
    assert answer("policy", "test", ROOT / "examples/policies")["failed"] == 0

    for name in ("payments.yaml", "payments.test.yaml"):
        (tmp_path / name).write_text(
            (ROOT / "examples/policies" / name).read_text().replace("effect: allow", "effect: deny")
        )
    assert signoff("policy", "test", tmp_path).returncode == 7


def test_policy_simulate_judges_what_was_asked_and_says_when_nothing_was(made, tmp_path):
    folder, _ = made
    (tmp_path / "p.yaml").write_text('version: 1\nrules:\n  - {name: all, when: "true", deny: true}\n')

    said = answer("policy", "simulate", tmp_path / "p.yaml", "--since", "7d", "--config", folder)

    assert (said["replayed"], said["changed"], said["changes"]) == (0, 0, [])
    assert (
        signoff("policy", "simulate", tmp_path / "p.yaml", "--since", "soon", "--config", folder).returncode
        == 2
    )


def test_policy_explain_masks_and_judges(tmp_path):
    ask = {"action": "db.export", "resource": {"type": "postgres", "id": "x", "env": "prod"},
           "parameters": {"query": "select 1 -- maria@corp.example", "destination": "s3://acme-x/y", "rows": 5}}  # fmt: skip

    said = json.loads(
        signoff(
            "policy",
            "explain",
            ROOT / "examples/policies/export-customer-records.yaml",
            "-",
            "--json",
            stdin=json.dumps(ask),
        ).stdout
    )
    assert said["rule"] == "exports of personal data from production"
    assert said["finds"] == {"email_address": 1}


def test_mask_reads_stdin_and_writes_masked_text():
    done = signoff("mask", stdin="write to maria.lopez@corp.example today\n")

    assert done.returncode == 0
    assert done.stdout == "write to [EMAIL_ADDRESS_1] today\n"


def test_a_credential_is_never_an_argument_and_never_sent_in_the_clear(tmp_path):
    (tmp_path / "ask.json").write_text("{}")

    assert "no credential" in signoff("request", tmp_path / "ask.json").stderr
    away = signoff(
        "request", tmp_path / "ask.json", "--url", "http://signoff.example", env={"SIGNOFF_KEY": "sok_x"}
    )
    assert "not sent over plain http" in away.stderr
    assert away.returncode == 1


def test_an_error_is_a_sentence_on_stderr_and_json_on_stdout(tmp_path):
    done = signoff("people", "list", "--config", tmp_path / "none", "--json")

    assert done.returncode == 1
    assert "signoff init DIR" in json.loads(done.stdout)["error"]
    assert "Traceback" not in done.stderr


def test_audit_bench_measures_a_folder_and_leaves_it_empty(tmp_path):
    volume = tmp_path / "volume"
    volume.mkdir()
    ran = signoff(
        "audit", "bench", volume, "--entries", "300", "--appends", "4", "--processes", "1", "--json"
    )

    assert ran.returncode == 0, ran.stderr
    goals = [figure["goal"] for figure in json.loads(ran.stdout)]
    assert any("append CPU" in goal for goal in goals)
    assert list(volume.iterdir()) == []
    assert signoff("audit", "bench", tmp_path / "absent").returncode == 1


def test_t24_a_terminal_obeys_nothing_that_came_from_outside():
    said = signoff("mask", "explain", "\x1b[2J\x1b]0;title\x07 ann@example.org \u202e\r\b", "--json").stdout
    table = signoff("mask", "explain", "\x1b[2Jann@example.org\u202e").stdout

    assert not {c for c in said + table if (ord(c) < 32 and c != "\n") or c in "\u202e\x7f\x9b"}
    assert "ann@example.org" in table
