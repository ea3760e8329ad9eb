"""The words of ``/signoff`` and ``/audit``, typed at a command line beside a running server: the same answers and the same entries."""

from __future__ import annotations

import json
import sys

import pytest

from bot.chat.commands import FORMS, SPECS
from bot.cli import main
from bot.cli.audit_look import _check
from bot.config import load
from tests.docs.generate import WORDS_OF_CHAT, commands
from tests.flows.steps import ask, vote
from tests.support.in_process import answer, signoff
from tests.support.server import running


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with running(tmp_path_factory.mktemp("words") / "s") as made:
        yield made


def token_of(site, who):
    return {"SIGNOFF_URL": site.url, "SIGNOFF_TOKEN": site.tokens[who]}


def test_every_word_of_chat_has_its_command():
    there = {name for name, _ in commands()}

    assert set(WORDS_OF_CHAT) == {(family, word) for family, words in SPECS.items() for word in words}
    for command, _ in WORDS_OF_CHAT.values():
        assert command in there


def test_every_command_that_answers_a_word_of_chat_takes_json():
    taking = {name for name, command in commands() if any("--json" in p.opts for p in command.params)}

    assert {command for command, _ in WORDS_OF_CHAT.values()} - taking == set()


def test_the_inbox_is_the_one_of_every_surface(site):
    request = ask(site)["id"]

    waiting = answer("inbox", env=token_of(site, "bo"))
    mine = answer("inbox", env=token_of(site, "eve"))

    assert request in [one["request"] for one in waiting["waiting"]]
    assert waiting["frozen"] is None
    assert request in [one["request"] for one in mine["mine"]]
    assert request not in [one["request"] for one in mine["waiting"]]
    assert answer("inbox", env=token_of(site, "mia"))["waiting"] == []


def test_the_inbox_for_people_names_what_waits_and_what_was_decided(site):
    denied, waits = ask(site)["id"], ask(site)["id"]
    vote(site, "ana", denied, "deny", comment="no")

    said = signoff("inbox", env=token_of(site, "bo")).stdout

    lines = {line.split()[0]: line for line in said.splitlines() if line.startswith("req_")}
    assert "decide by" in lines[waits]
    assert "0 of 2" in lines[waits]
    assert " denied " in lines[denied]
    assert (
        said.index("Waiting for you") < said.index(waits) < said.index("Decided lately") < said.index(denied)
    )


def test_a_freeze_stands_first_in_the_inbox(site):
    signoff("freeze", "key leaked", "--config", site.folder)
    try:
        said = signoff("inbox", env=token_of(site, "bo")).stdout
    finally:
        signoff("unfreeze", "--config", site.folder)

    assert said.startswith("APPROVALS ARE FROZEN since ")
    assert "key leaked" in said.splitlines()[0]


def test_a_delegation_lends_a_seat_and_ends_by_the_word(site):
    request = ask(site)["id"]
    before = len(site.entries())

    said = answer("delegate", "@mia", "until", "2d", env=token_of(site, "ana"))

    assert said["to"] == "person:mia"
    assert request in [one["request"] for one in answer("inbox", env=token_of(site, "mia"))["waiting"]]
    assert answer("delegate", "--end", env=token_of(site, "ana")) == {"to": None, "until": None}
    assert answer("inbox", env=token_of(site, "mia"))["waiting"] == []
    assert site.entries()[before:] == ["delegation.set", "delegation.ended"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("bo",), 2, "write: signoff delegate PERSON until WHEN"),
        (("bo", "till", "3d"), 2, "write: signoff delegate PERSON until WHEN"),
        (("bo", "until", "tomorrow"), 2, "say until when: 3d, 12h or 2026-12-01"),
        (("bo", "until", "31d"), 2, "at most 30 days"),
        (("Bo!", "until", "3d"), 2, "is not a person's name"),
        (("bo", "--end"), 2, "and nothing else"),
        (("ana", "until", "3d"), 1, "Name another person who is known here and active. (not-known)"),
        (("ghost", "until", "3d"), 1, "Name another person who is known here and active. (not-known)"),
    ],
)
def test_a_delegation_that_cannot_be_is_a_sentence(site, words, code, sentence):
    before = site.entries()

    done = signoff("delegate", *words, env=token_of(site, "ana"))

    assert done.returncode == code
    assert sentence in done.stderr
    assert site.entries() == before


def test_an_agents_key_opens_nothing_that_is_a_persons(site):
    env = {"SIGNOFF_URL": site.url, "SIGNOFF_TOKEN": site.keys["bot"]}

    for words in (("inbox",), ("delegate", "bo", "until", "3d"), ("policy", "show")):
        assert "(forbidden)" in signoff(*words, env=env).stderr


def test_the_rules_in_force_are_told_by_the_server_and_found_by_a_word(site):
    every = answer("policy", "show", env=token_of(site, "mia"))["rules"]
    one = answer("policy", "show", "db.drop", env=token_of(site, "mia"))["rules"]

    assert [rule["name"] for rule in one] == ["one owner, quickly spent"]
    assert len(every) == 4
    assert "No rule mentions" in signoff("policy", "show", "nothing", env=token_of(site, "mia")).stdout


def test_help_is_for_one_command_too_and_a_typo_gets_the_nearest():
    assert "PERSON until WHEN" in signoff("help", "delegate").stdout
    assert "FROM TO FORMAT" in signoff("help", "audit", "export").stdout
    typo = signoff("help", "delegat")
    assert typo.returncode == 2
    assert "Did you mean signoff delegate?" in typo.stderr


def test_the_log_is_read_by_the_words_of_chat_and_what_is_shown_was_checked(site):
    request = ask(site)["id"]
    vote(site, "ana", request, "deny", comment="no")
    config = ("--config", site.folder)

    whole = answer("audit", "show", request, *config)
    typed = answer("audit", "search", f"request:{request}", "type:vote.cast", *config)
    option = answer("audit", "search", "--request", request, "--type", "vote.cast", *config)
    who = answer("audit", "who", "@ana", "--limit", "1", *config)

    assert [entry["entry"]["type"] for entry in reversed(whole["entries"])] == site.entries(request)
    assert typed["entries"] == option["entries"]
    assert [entry["entry"]["type"] for entry in typed["entries"]] == ["vote.cast"]
    assert who["entries"][0]["entry"]["type"] == "vote.cast"
    assert whole["checked"]["broken"] == []
    assert whole["checked"]["size"] >= whole["checked"]["signed"] > 0
    assert site.entries()[-4:] == ["audit.queried"] * 4


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("show", "nonsense"), "give an entry's number, or a request's id"),
        (("who", "@Ghost!"), "is not a person's name"),
        (("search", "colour:red"), "words are written key:value"),
        (("search", "since:yesterday"), "a day is written 2026-11-23"),
        (("search", "type:vote.cast", "--type", "vote.cast"), "type is given twice"),
        (("export", "1", "2"), "write: signoff audit export DIR,"),
        (("export", "1", "2", "jsnl"), "Did you mean jsonl?"),
        (("report", "soc2"), "say which file to write"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_word_that_is_written_wrongly_is_a_sentence_and_no_entry(site, words, sentence):
    before = site.entries()

    done = signoff("audit", *words, "--config", site.folder)

    assert done.returncode == 2
    assert sentence in done.stderr
    assert site.entries() == before


def test_whom_nobody_knows_did_nothing_and_is_said_to_be_unknown(site):
    done = signoff("audit", "who", "@ghost", "--config", site.folder)

    assert (done.returncode, done.stderr) == (1, "signoff: that is nobody known here\n")


@pytest.mark.parametrize("form", FORMS)
def test_a_part_of_the_log_comes_in_every_form_and_says_that_it_was_checked(site, form, tmp_path):
    out = tmp_path / "part"

    done = signoff("audit", "export", "0", "3", form, "--out", out, "--config", site.folder)

    assert done.returncode == 0, done.stderr
    assert "4 entries (0 to 3); every hash and link of them was checked, and holds" in done.stdout
    assert len(out.read_text().splitlines()) == 4 + (form == "csv")
    assert site.entries()[-1] == "audit.exported"


def test_a_part_of_the_log_goes_to_a_pipe_as_it_is(site):
    done = signoff("audit", "export", "0", "2", "jsonl", "--config", site.folder)

    assert [json.loads(line)["seq"] for line in done.stdout.splitlines()] == [0, 1, 2]
    assert "3 entries (0 to 2)" in done.stderr


def test_a_report_without_a_framework_lists_them_and_one_without_days_takes_the_last_ninety(site, tmp_path):
    there = answer("audit", "report")["frameworks"]
    assert "soc2" in [one["key"] for one in there]

    out = tmp_path / "report.html"
    answer("audit", "report", "soc2", out, "--config", site.folder)

    assert "SOC 2" in out.read_text()


def test_a_broken_entry_is_named_where_it_is_shown(site, tmp_path):
    """What is shown is held against the signed head, not believed."""
    import shutil
    import sqlite3
    from contextlib import closing

    copy = shutil.copytree(site.folder, tmp_path / "copy")
    with closing(sqlite3.connect(copy / "data" / "signoff.sqlite3")) as connection, connection:
        for (trigger,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(
            "UPDATE audit_leaf SET leaf = CAST(replace(leaf, 'operator', 'operatoR') AS BLOB) WHERE seq = 2"
        )

    with closing(sqlite3.connect(copy / "data" / "signoff.sqlite3")) as connection:
        checked = _check(connection, load(copy), [1, 2, 3])

    assert checked.broken == (2,)
    assert "THESE DO NOT HOLD: 2." in checked.words


@pytest.mark.parametrize(
    ("words", "detail"),
    [(("inbox", "--bogus"), "--bogus"), (("nonsense",), "nonsense"), (("show",), "REQUEST"), (("delegate", "bo"), "PERSON until WHEN")],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_wrong_options_are_one_json_object_on_stderr_where_json_was_asked_for(
    monkeypatch, capsys, words, detail
):
    monkeypatch.setattr(sys, "argv", ["signoff", *words, "--json"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    said = json.loads(capsys.readouterr().err)
    assert (said["type"], said["title"]) == ("usage", "Wrong options")
    assert detail in said["detail"]


def test_wrong_options_are_text_where_no_json_was_asked_for(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["signoff", "inbox", "--bogus"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("Usage: ")


def test_json_keeps_the_exit_codes_of_what_was_asked(site, monkeypatch, capsys):
    monkeypatch.setenv("SIGNOFF_TOKEN", site.tokens["bo"])
    monkeypatch.setattr(sys, "argv", ["signoff", "inbox", "--json", "--url", site.url])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 0
    assert "waiting" in json.loads(capsys.readouterr().out)
