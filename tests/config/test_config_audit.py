"""Settings of the log's outside: closed, https, and consistent with the rest of the file (T34, T56)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.anchors.siem import SyslogTls
from audit.checkpoint import Ed25519Signer
from audit.witness import Cosigner
from bot.audit_wiring import sink_of
from bot.config import parse
from bot.errors import ConfigError
from bot.outgoing import Reach

BASE = Path("/srv/signoff")
ENV = {"S3": "s3cr3t-value", "TOK": "xoxb-0123456789abcdef"}
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
WITNESS = Cosigner("w.example", KEY).vkey
LOG = Ed25519Signer("l.example", KEY).vkey
LOCK = (
    "endpoint: 'https://s3.example', region: r, bucket: heads, access_key_id: A, secret_access_key: 'env:S3'"
)
SLACK = (
    "slack: {team: T0SIGNOFF, app: A0SIGNOFF, mode: socket, bot_token: 'env:TOK', app_token: 'env:TOK',"
    " channels: {'#audit': C0AUDIT00}}"
)


def test_everything_can_be_set():
    config = parse(
        f"""
{SLACK}
audit:
  anchors:
    chat: {{channel: 'slack:#audit', every: 30m}}
    timestamp: {{url: 'http://tsa.example/ts', ca_file: tsa.pem}}
    object_lock: {{{LOCK}, retain: 10d}}
    witness: {{url: 'https://witness.example', vkey: '{WITNESS}'}}
  siem:
    - {{name: splunk, format: syslog, url: 'tls://siem.example:6514', ca_file: siem.pem, enterprise_number: 4711}}
    - {{name: otel, format: otel, url: 'https://otel.example/v1/logs', token: 'env:TOK'}}
  alerts: {{channel: 'slack:#audit', gaps_every: 10m, lag_after: 5m}}
  private_hosts: [siem.example]
""",
        BASE,
        ENV,
    )

    anchors = config.audit.anchors
    assert anchors.chat is not None
    assert anchors.chat.every == timedelta(minutes=30)
    assert anchors.timestamp is not None
    assert anchors.timestamp.ca_file == BASE / "tsa.pem"
    assert anchors.timestamp.directory == BASE / "audit-timestamps"
    assert anchors.object_lock is not None
    assert anchors.object_lock.secret_access_key.reveal() == "s3cr3t-value"
    assert "s3cr3t-value" not in repr(config)
    assert [sink.name for sink in config.audit.siem] == ["splunk", "otel"]
    assert config.audit.siem[0].ca_file == BASE / "siem.pem"
    assert [sink.enterprise_number for sink in config.audit.siem] == [4711, 32473]
    sink = sink_of(msgspec.structs.replace(config.audit.siem[0], ca_file=None), "host1", Reach())
    assert isinstance(sink, SyslogTls)
    assert sink._pen == 4711


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("anchors: {chat: {channel: 'slack:#audit'}}", "there is no slack section"),
        ("alerts: {channel: 'teams:audit'}", "there is no teams section"),
        ("alerts: {channel: '#audit'}", "alerts.channel"),
        ("anchors: {chat: {channel: 'slack:#audit', every: 30s}}", "every must lie between 1m and 31d"),
        ("anchors: {timestamp: {url: 'ftp://tsa.example', ca_file: x}}", "https:// or http://"),
        ("anchors: {timestamp: {url: 'http://tsa.example'}}", "ca_file must be given"),
        ("anchors: {witness: {url: 'http://witness.example', vkey: 'x'}}", "must start with https://"),
        ("anchors: {witness: {url: 'https://u:p@witness.example', vkey: 'x'}}", "must not hold a user"),
        ("anchors: {witness: {url: 'https://witness.example', vkey: 'x'}}", "a verifier key is name+id+key"),
        (f"anchors: {{witness: {{url: 'https://witness.example', vkey: '{LOG}'}}}}", "no witness"),
        (f"anchors: {{object_lock: {{{LOCK}, retain: 1h}}}}", "retain must be at least 1d"),
        (f"anchors: {{object_lock: {{{LOCK}, prefix: '../x/'}}}}", "prefix"),
        (f"anchors: {{object_lock: {{{LOCK.replace('s3.example', 's3.example/heads')}}}}}", "bare origin"),
        (f"anchors: {{object_lock: {{{LOCK.replace('env:S3', 'plain-secret')}}}}}", "does not stand in this file"),
        ("siem: [{name: a, format: syslog, url: 'https://siem.example'}]", "syslog goes to a tls:// address"),
        ("siem: [{name: a, format: ocsf, url: 'tls://siem.example:6514'}]", "ocsf goes to an https:// address"),
        ("siem: [{name: a, format: cef, url: 'tls://siem.example'}]", "tls://HOST:PORT"),
        ("siem: [{name: a, format: cef, url: 'tls://siem.example:1', token: 'env:TOK'}]", "token means nothing"),
        ("siem: [{name: a, format: ocsf, url: 'http://siem.example/in'}]", "must start with https://"),
        ("siem: [{name: a, format: xml, url: 'https://siem.example'}]", "siem.0.format"),
        ("siem: [{name: A b, format: ocsf, url: 'https://siem.example'}]", "siem.0.name"),
        (
            "siem: [{name: a, format: ocsf, url: 'https://x.example'}, {name: a, format: cef, url: 'https://y.example'}]",
            "the same name",
        ),
        ("alerts: {gaps_every: 1s}", "gaps_every must lie between"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_stops_the_start(text, words):
    with pytest.raises(ConfigError) as refused:
        parse(f"audit:\n  {text}\n", BASE, ENV)

    assert words in str(refused.value)
    assert "plain-secret" not in str(refused.value)


def test_a_channel_must_be_one_of_the_chats():
    with pytest.raises(ConfigError, match=r"not among slack\.channels"):
        parse(f"{SLACK}\naudit: {{alerts: {{channel: 'slack:#other'}}}}", BASE, ENV)
