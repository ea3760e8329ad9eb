"""``signoff doctor``: each misconfiguration, made by hand in a working installation, is one sentence that says what to do."""

from __future__ import annotations

import os
import re
import shutil
import socket

import pytest

from bot.cli.doctor import examine
from tests.flows.steps import approved, body
from tests.support.server import running


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An installation with a request and a grant that nobody has spent."""
    with running(tmp_path_factory.mktemp("doctor") / "s") as site:
        approved(site, body())
    policy = site.folder / "policy.yaml"
    crowd = re.compile(r"  crowd: .*\n|  - name: many must agree\n(?:    .*\n)+")
    policy.write_text(
        crowd.sub("", policy.read_text())
    )  # a hundred people whom this installation does not have
    return site.folder


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "s")


def errors(folder, level="error"):
    return [finding.sentence for finding in examine(folder) if finding.level == level]


def edit(folder, old, new, name="signoff.yaml"):
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))


def test_a_working_installation_has_no_error(folder):
    assert errors(folder) == []


CONFIGURATION = [
    ("keys: {directory: keys}", "kees: {directory: keys}", "line 3: kees: no such setting; did you mean keys?"),
    ("host: 127.0.0.1", "host: 0.0.0.0", "give tls, or behind_proxy: true, or listen on 127.0.0.1"),
    ("host: 127.0.0.1", "public_url: 'http://signoff.example'", "public_url must start with https://"),
    ("host: 127.0.0.1", "public_url: 'https://signoff.example/x'", "public_url must be a bare origin"),
    ("host: 127.0.0.1", "host: 192.0.2.7, behind_proxy: true, public_url: 'https://a.example'", "192.0.2.7 is not an address of this machine; correct the host"),
    ("host: 127.0.0.1", "tls: {certificate_file: c.pem, key_file: k.pem}", "c.pem cannot be read (No such file or directory); correct the names of the files"),
    ("directory: keys", "directory: nowhere", "correct keys.directory, or put it back"),
    ("file: policy.yaml", "file: other.yaml", "cannot be read, so nobody may do anything; correct policy.file"),
    ("path: data/", "path: nowhere/", "nowhere does not exist; make it (mode 700)"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "sentence"), CONFIGURATION)
def test_a_wrong_setting_is_a_sentence_with_the_remedy(folder, old, new, sentence):
    edit(folder, old, new)

    found = errors(folder)

    assert any(sentence in said for said in found), found


POLICIES = [
    ("", "The policy is empty"),
    ("version: 1\nrules:\n  - {name: x, when: 'true', require: [{group: g}]}\n", "'g'"),
    ("version: 1\ngroups: {g: {members: []}}\nrules:\n  - {name: x, when: 'true', require: [{group: g}]}\n", "its quorum can never be met"),
    ("version: 1\ngroups: {g: {members: [person:ghost]}}\nrules:\n  - {name: x, when: 'true', require: [{group: g}]}\n", "person:ghost of group g is not known; run `signoff people add ghost`"),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "sentence"), POLICIES)
def test_i13_a_policy_under_which_nobody_can_decide_is_told(folder, policy, sentence):
    (folder / "policy.yaml").write_text(policy)

    found = errors(folder)

    assert any(sentence in said for said in found), found


def test_a_key_that_others_may_read_is_told_with_its_name(folder):
    key = folder / "keys" / "kek-000001.key"
    key.chmod(0o644)

    assert errors(folder)[0].endswith(f"chmod 600 {key}")


def test_a_key_that_is_gone_is_to_be_put_back_not_made_anew(folder):
    (folder / "keys" / "kek-000001.key").unlink()

    assert "has no kek key; put it back from your copy" in errors(folder)[0]


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("kek", "cannot be opened: {keys} lacks the kek that sealed it, or holds another; put it back"),
        ("grant", "is signed by none of the grant keys in {keys}"),
        ("audit", "and {keys} holds no such audit key: these are keys of another installation"),
    ],
)
def test_a_key_of_another_installation_is_found_out(folder, kind, sentence):
    (folder / "keys" / f"{kind}-000001.key").write_bytes(os.urandom(32))

    found = errors(folder)

    assert any(sentence.format(keys=folder / "keys") in said for said in found), found


def test_a_public_address_with_another_port_is_a_warning(folder):
    edit(folder, "host: 127.0.0.1", "public_url: 'http://127.0.0.1:9'")

    assert any("links and signing in lead nowhere" in said for said in errors(folder, "warning"))


def test_a_port_that_is_in_use_is_a_warning_since_it_may_be_our_own_server(folder):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        text = (folder / "signoff.yaml").read_text()
        (folder / "signoff.yaml").write_text(re.sub(r"port: \d+", f"port: {port}", text))

        found = errors(folder, "warning")

    assert any(f"127.0.0.1:{port} is in use" in said for said in found), found
