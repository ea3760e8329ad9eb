"""Settings: closed, bounded, secure by default (T56, I13)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.config import Config, load, parse
from bot.errors import ConfigError

BASE = Path("/srv/signoff")
OIDC = """
console:
  oidc:
    issuer: https://idp.example
    client_id: signoff
    {secret}
    authorization_endpoint: https://idp.example/a
    token_endpoint: https://idp.example/t
    jwks_uri: https://idp.example/j
"""


def refusal(text, env=None, base=BASE):
    with pytest.raises(ConfigError) as refused:
        parse(text, base, env or {})
    return str(refused.value)


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
def test_an_empty_file_is_the_secure_defaults(text):
    config = parse(text, BASE, {})

    assert config.server.host == "127.0.0.1"
    assert config.server.url == "http://127.0.0.1:8080"
    assert config.people.cool_down == timedelta(hours=24)
    assert config.agents.issuers == ()
    assert config.agents.callbacks.private_hosts == ()


def test_every_path_is_below_the_folder_of_the_file():
    config = parse("store: {path: db/x.sqlite3}\nkeys: {directory: /etc/signoff/keys}", BASE, {})

    assert config.store.path == BASE / "db/x.sqlite3"
    assert config.keys.directory == Path("/etc/signoff/keys")
    assert config.policy.file == BASE / "policy.yaml"
    assert config.audit.head_file == BASE / "audit-head.txt"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\nserver:\n  prot: 1", "signoff.yaml line 3: server.prot: no such setting; did you mean port?"),
        ("consle: {}", "did you mean console?"),
        ("zzz: 1", "there are: agents, audit"),
        ("server: {port: '80'}", "server.port: Expected `int`, got `str`"),
        ("server: {port: 70000}", "<= 65535"),
        ("server:", "needs keys and values"),
        ("server: [1]", "needs keys and values"),
        ("[]", "the file: needs keys and values"),
        ("log: {level: loud}", "Invalid enum value 'loud'"),
        ("people: {cool_down: 5}", "needs a duration with its unit"),
        ("people: {cool_down: 5 min}", "is not a duration"),
        ("server: {tls: {key_file: k}}", "server.tls: certificate_file must be given"),
        ("server: {port: 1, port: 2}", "a second time"),
        ("masking: {off: DATE}", "needs a list"),
        ("masking: {deny: [x]}", "needs keys and values"),
        ("console: {session_idle: 13h}", "session_idle must lie between"),
        ("masking: {timeout: 2m}", "timeout must lie between"),
        ("store: {path: ''}", "needs the path"),
    ],
)
def test_a_mistake_stops_the_start_with_its_line_and_remedy(text, words):
    assert words in refusal(text)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "signoff.example", "127.0.0.1.nip.io"])
def test_t56_another_address_than_loopback_needs_tls_or_a_proxy(host):
    assert "give tls, or behind_proxy: true" in refusal(
        f"server: {{host: '{host}', public_url: 'https://s.example'}}"
    )

    open_ = parse(
        f"server: {{host: '{host}', behind_proxy: true, public_url: 'https://s.example'}}", BASE, {}
    )
    assert open_.server.url == "https://s.example"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.9.1"])
def test_loopback_needs_nothing(host):
    assert parse(f"server: {{host: '{host}'}}", BASE, {}).server.url.startswith("http://")


@pytest.mark.parametrize(
    "url",
    [
        "http://s.example",
        "https://s.example/path",
        "https://s.example?x=1",
        "https://u@s.example",
        "s.example:80",
        "ftp://s.example",
    ],
)
def test_public_url_is_a_bare_https_origin(url):
    assert "public_url must" in refusal(f"server: {{public_url: '{url}'}}")


def test_forwarded_headers_are_believed_only_behind_a_proxy():
    assert "means nothing without behind_proxy" in refusal("server: {trusted_proxies: [10.0.0.1]}")
    assert "not an address or a network" in refusal("server: {behind_proxy: true, trusted_proxies: [proxy]}")


def test_a_secret_does_not_stand_in_the_file_and_is_not_quoted():
    said = refusal(OIDC.format(secret="client_secret: hunter2-in-the-file"))

    assert "write env:NAME, or use client_secret_file: PATH" in said
    assert "hunter2" not in said


def test_a_secret_comes_from_the_environment():
    text = OIDC.format(secret="client_secret: env:OIDC_SECRET")

    assert parse(text, BASE, {"OIDC_SECRET": "hunter2"}).console.oidc.client_secret.reveal() == "hunter2"
    assert "the environment variable OIDC_SECRET is not set" in refusal(text)


def test_a_secret_comes_from_a_file_that_only_its_owner_reads(tmp_path):
    text = OIDC.format(secret="client_secret_file: oidc.secret")
    file = tmp_path / "oidc.secret"
    assert "cannot be read" in refusal(text, base=tmp_path)

    file.write_text("hunter2\n")
    file.chmod(0o644)
    assert "run chmod 600" in refusal(text, base=tmp_path)

    file.chmod(0o600)
    config = parse(text, tmp_path, {})
    assert config.console.oidc.client_secret.reveal() == "hunter2"
    assert "hunter2" not in repr(config)

    file.write_text("")
    assert "is empty" in refusal(text, base=tmp_path)


def test_both_ways_of_one_secret_are_refused(tmp_path):
    (tmp_path / "s").write_text("x")
    (tmp_path / "s").chmod(0o600)
    text = OIDC.format(secret="client_secret_file: s\n    client_secret: env:X")

    assert "both client_secret and client_secret_file" in refusal(text, {"X": "x"}, tmp_path)


ISSUER = "agents: {{issuers: [{{issuer: 'https://i.example', audience: us, jwks_uri: '{jwks}', workloads: [{{agent: {agent}, claims: {claims}}}]}}]}}"


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"claims": "{}"}, "must name at least one claim"),
        ({"claims": "{sub: '*'}"}, "matches anything"),
        ({"claims": "{sub: ''}"}, "length >= 1"),
        ({"agent": "Bad Name"}, "is not an agent's name"),
        ({"jwks": "http://i.example/jwks"}, "jwks_uri must start with https://"),
    ],
)
def test_an_issuer_that_lets_everybody_in_is_refused(parts, words):
    assert words in refusal(
        ISSUER.format(
            **({"claims": "{sub: 'repo:a/b:*'}", "agent": "ci", "jwks": "https://i.example/j"} | parts)
        )
    )


def test_a_closed_issuer_is_read():
    text = ISSUER.format(claims="{sub: 'repo:a/b:*'}", agent="ci", jwks="https://i.example/j")

    (issuer,) = parse(text, BASE, {}).agents.issuers
    assert issuer.workloads[0].claims == {"sub": "repo:a/b:*"}


def test_a_missing_file_says_how_to_get_one(tmp_path):
    with pytest.raises(ConfigError, match="signoff init DIR"):
        load(tmp_path)


def test_load_takes_the_folder_or_the_file(tmp_path):
    (tmp_path / "signoff.yaml").write_text("log: {level: debug}\n")

    assert load(tmp_path, {}) == load(tmp_path / "signoff.yaml", {})
    assert isinstance(load(tmp_path, {}), Config)
