"""``signoff mask``: files, folders, reports, explanations and an operator's own examples."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.cli._io import CommandError

RUN = CliRunner()


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "in"
    (root / "deep").mkdir(parents=True)
    (root / "a.log").write_text("mail ann@example.org, card 4111 1111 1111 1111\n")
    (root / "b.csv").write_text("id,ssn\n1,536904399\n")
    (root / "deep" / "c.json").write_text('{"password": "hunter2", "n": 1.50}')
    (root / "link.log").symlink_to(root / "a.log")
    return root


def test_a_folder_is_reported_and_its_copies_keep_their_shape(folder, tmp_path):
    out = tmp_path / "out"

    said = RUN.invoke(app, ["mask", str(folder), "--out", str(out), "--json"])

    assert said.exit_code == 0, said.output
    report = json.loads(said.stdout)
    assert report["types"] == {"EMAIL_ADDRESS": 1, "CREDIT_CARD": 1, "US_SSN": 1, "PASSWORD": 1}
    assert [row["format"] for row in report["by_file"]] == ["text", "csv", "json"]
    assert (out / "in/a.log").read_text() == "mail [EMAIL_ADDRESS_1], card [CREDIT_CARD_1 …1111]\n"
    assert (out / "in/b.csv").read_text() == "id,ssn\n1,[US_SSN_1]\n"
    assert (out / "in/deep/c.json").read_text() == '{"password": "[PASSWORD_1]", "n": 1.50}'
    assert not (out / "in/link.log").exists()


def test_a_file_that_fails_has_a_sentence_an_exit_code_and_no_copy(folder, tmp_path):
    (folder / "bad.json").write_text('{"email": "ann@example.org", ')
    out = tmp_path / "out"

    said = RUN.invoke(app, ["mask", str(folder), "--format", "auto", "--out", str(out)])

    assert said.exit_code == 1
    assert "bad.json: the JSON ends too early (line 1)" in said.stdout
    assert "ann@example.org" not in said.output
    assert (out / "in/a.log").exists()
    assert list(out.rglob("bad*")) == []


def test_nothing_is_overwritten(folder, tmp_path):
    out = tmp_path / "out"
    RUN.invoke(app, ["mask", str(folder / "a.log"), "--out", str(out)])

    again = RUN.invoke(app, ["mask", str(folder / "a.log"), "--out", str(out)])

    assert again.exit_code == 1
    assert "nothing is overwritten" in again.stdout


def test_a_folder_for_copies_inside_what_is_masked_is_refused(folder):
    said = RUN.invoke(app, ["mask", str(folder), "--out", str(folder / "out")])

    assert isinstance(said.exception, CommandError)


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        assert not any(name.startswith("on") or name in {"src", "href"} for name, _ in attrs)


def test_the_page_escapes_what_files_say_and_loads_nothing(folder, tmp_path):
    (folder / "<img src=x onerror=alert(1)>.log").write_text(
        '<script>alert(1)</script> "x" ann@example.org </code>\n'
    )
    page = tmp_path / "r.html"

    said = RUN.invoke(app, ["mask", str(folder), "--html", str(page)])

    assert said.exit_code == 0, said.output
    text = page.read_text()
    tags = _Tags()
    tags.feed(text)
    assert not tags.seen & {"script", "img", "link", "iframe", "object"}
    assert "&lt;script&gt;" in text
    assert "<svg" in text
    assert not re.search(r"ann@|536904399|4111 1111|hunter2", text)


def test_explain_says_rule_reason_and_verdict():
    said = RUN.invoke(app, ["mask", "explain", "ssn 536-90-4399", "--json"])

    first, *others = json.loads(said.stdout)
    assert (first["type"], first["verdict"], first["reason"]) == ("US_SSN", "masked", "form, words for it")
    assert {row["verdict"] for row in others} == {"too unlikely"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("own.yaml", "- text: mail ann@example.org\n  find: [{EMAIL_ADDRESS: ann@example.org}]\n- text: nothing here\n"),
        ("own.jsonl", '{"text": "mail ann@example.org", "find": [{"EMAIL_ADDRESS": "ann@example.org"}]}\n'),
    ],
)  # fmt: skip
def test_own_examples_that_are_found_end_with_zero(tmp_path, name, text):
    (tmp_path / name).write_text(text)

    assert RUN.invoke(app, ["mask", "test", str(tmp_path / name)]).exit_code == 0


def test_own_examples_that_differ_end_with_one_and_say_what_is_missed_and_what_is_too_much(tmp_path):
    (tmp_path / "own.yaml").write_text("- text: mail ann@example.org\n  find: [{PHONE_NUMBER: ann}]\n")

    said = RUN.invoke(app, ["mask", "test", str(tmp_path / "own.yaml")])

    assert said.exit_code == 1
    assert "  - PHONE_NUMBER ann\n  + EMAIL_ADDRESS ann@example.org" in said.stdout


@pytest.mark.parametrize("text", ["{", "text: x", "- 1", "- {text: x, more: 1}", "- {text: x, find: {A: b}}"])
def test_examples_that_cannot_be_read_are_a_sentence(tmp_path, text):
    (tmp_path / "own.yaml").write_text(text)

    assert isinstance(RUN.invoke(app, ["mask", "test", str(tmp_path / "own.yaml")]).exception, CommandError)


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("own.yaml", "- text: a\n- text: b\n  fnd: []\n", "own.yaml line 2: write"),
        ("own.yaml", "- text: a\n- text: 'b\n", "own.yaml line"),
        ("own.jsonl", '{"text": "a"}\n\n{"text": 1}\n', "own.jsonl line 3: write"),
        ("own.jsonl", '{"text": "a"}\n{\n', "own.jsonl line 2: this is not JSON"),
    ],
)
def test_an_example_that_cannot_be_read_is_named_with_file_and_line(tmp_path, name, text, where):
    (tmp_path / name).write_text(text)

    said = RUN.invoke(app, ["mask", "test", str(tmp_path / name)]).exception

    assert where in str(said)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("  recognizers:\n  - name: staff\n    type: STAFF\n    pattern: 'E(?=x)'\n", "line 5: masking.recognizers.0.pattern: this pattern is not RE2"),
        ("  recognizers:\n  - name: staff\n    type: STAFF\n    pattern: 'E*'\n", "line 5: masking.recognizers.0.pattern: this pattern matches the empty text"),
        ("  recognizers:\n  - {name: a, type: A1, pattern: x, validator: lun}\n", "line 3: masking.recognizers.0.validator: there is no validator lun; there are aba, luhn, mod97"),
        ("  allow_patterns:\n  - ok\n  - '('\n", "line 4: masking.allow_patterns.1: this pattern is not RE2"),
        ("  deny:\n    secret: person\n", "line 3: masking.deny.secret"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", [["mask", "explain", "x"], ["mask", "test", "x.yaml"], ["mask", "x.log"]])
def test_a_rule_of_ones_own_that_cannot_be_used_is_named_with_file_and_line(tmp_path, text, where, command):
    (tmp_path / "signoff.yaml").write_text("masking:\n" + text)

    said = RUN.invoke(app, [*command, "--config", str(tmp_path / "signoff.yaml")]).exception

    assert f"signoff.yaml {where}" in str(said)


def _masked(given, *options):
    said = RUN.invoke(app, ["mask", *options], input=given)
    assert said.exit_code == 0, said.exception
    return said.stdout


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    folder = tmp_path_factory.mktemp("operators")
    assert RUN.invoke(app, ["init", str(folder / "at")]).exit_code == 0
    return folder / "at" / "signoff.yaml"


def test_operators_are_chosen_for_all_and_for_one_type():
    letter = "mail ann@example.org, card 4111 1111 1111 1111\n"

    assert _masked(letter, "--operator", "redact") == "mail [EMAIL_ADDRESS], card [CREDIT_CARD]\n"
    assert (
        _masked(letter, "--type", "EMAIL_ADDRESS:partial")
        == "mail ***@example.org, card [CREDIT_CARD_1 …1111]\n"
    )
    assert (
        _masked(letter, "--type", "CREDIT_CARD:keep") == "mail [EMAIL_ADDRESS_1], card 4111 1111 1111 1111\n"
    )


def test_files_are_rewritten_by_the_operator_as_well(folder, tmp_path):
    RUN.invoke(app, ["mask", str(folder), "--out", str(tmp_path / "out"), "--operator", "redact"])

    assert (tmp_path / "out/in/b.csv").read_text() == "id,ssn\n1,[US_SSN]\n"
    assert json.loads((tmp_path / "out/in/deep/c.json").read_text()) == {"password": "[PASSWORD]", "n": 1.5}


def test_keyed_operators_take_the_installations_key_and_agree_with_each_other(installation):
    config = ("--config", str(installation))

    first, again = (_masked("mail ann@example.org\n", "--operator", "token", *config) for _ in range(2))

    assert first == again
    assert first.startswith("mail tok_email_address_m1_")
    assert _masked("mail ann@example.org\n", "--operator", "hmac", *config).startswith(
        "mail mac_email_address_m1_"
    )
    card = _masked("card 4111 1111 1111 1111\n", "--operator", "ff1", "--format-preserving", *config)
    assert re.fullmatch(r"card \d{4} \d{4} \d{4} \d{4}\n", card)
    assert "4111 1111" not in card


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--operator", "token"], "--config"),
        (["--operator", "hide"], "hide is no operator"),
        (["--type", "PERSON"], "TYPE:OP"),
        (["--operator", "vault"], "POST /v1/mask"),
        (["--spans", "--operator", "redact"], "--spans writes no values"),
    ],
)
def test_an_operator_that_cannot_be_had_is_a_sentence_and_nothing_is_written(options, why):
    said = RUN.invoke(app, ["mask", *options], input="mail ann@example.org\n")

    assert why in str(said.exception)
    assert "ann@" not in said.stdout


def test_ff1_is_refused_until_it_is_allowed(installation):
    said = RUN.invoke(app, ["mask", "--operator", "ff1", "--config", str(installation)], input="x")

    assert "--format-preserving" in str(said.exception)


def test_the_deep_tier_that_is_asked_for_and_not_there_is_a_sentence(tmp_path):
    (tmp_path / "signoff.yaml").write_text("masking: {deep: {model: nowhere}}")

    said = RUN.invoke(
        app, ["mask", "--deep", "--config", str(tmp_path / "signoff.yaml")], input="mail ann@example.org\n"
    )

    assert "signoff[deep]" in str(said.exception)
    assert said.stdout == ""


def test_an_example_never_begins_or_ends_inside_another_placeholder(tmp_path):
    (tmp_path / "a.log").write_text(
        "card 4111 1111 1111 1111 declined for Maria Gonzalez, phone +1 212-555-0134 now\n"
    )

    said = json.loads(RUN.invoke(app, ["mask", str(tmp_path / "a.log"), "--json"]).stdout)

    shown = [example for examples in said["examples"].values() for example in examples]
    assert all(e.count("[") == e.count("]") and e.find("[") <= e.find("]") for e in shown), shown
    assert said["examples"]["PERSON"] == ["declined for [PERSON_1], phone [PHONE_NUMBER_1 …0134]"]
