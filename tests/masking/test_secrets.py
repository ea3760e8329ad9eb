"""Secrets: every format's own examples through the engine, vendors' tokens in their real surroundings, and what is no secret.

No token stands here in one piece: parts are joined at run time, so that push protection has nothing to see.
"""

from __future__ import annotations

import time

import pytest

from masking import Engine
from masking.detect import secrets, secrets_cloud, secrets_generic, secrets_vendors
from masking.detect.secrets_table import entropy, placeholder, wordy

MODULES = (secrets, secrets_cloud, secrets_vendors, secrets_generic)
RECOGNIZERS = [r for module in MODULES for r in module.RECOGNIZERS]
MINE = {r.name for r in RECOGNIZERS}
ENGINE = Engine()
HEX = "4f1b9c02d7e85a36"
MIX = "q7Rt2Kw9Zx4Lm8Np3Vb6Yc1Hd5Fg0JsT"


@pytest.mark.parametrize("recognizer", RECOGNIZERS, ids=lambda r: r.name)
def test_a_recognizer_finds_its_positives_and_not_its_negatives(recognizer):
    for text in recognizer.positive:
        assert [s for s in ENGINE.scan(text) if s.type in {recognizer.type, "PASSWORD", "SECRET"}], text
    for text in recognizer.negative:
        assert [s for s in ENGINE.scan(text) if s.rule == recognizer.name] == [], text


def test_at_least_two_hundred_formats_are_known_and_named_once():
    assert len(RECOGNIZERS) >= 200
    assert len(MINE) == len(RECOGNIZERS)


def test_every_pattern_waits_for_a_lower_cased_literal_and_has_no_open_repeat():
    for recognizer in RECOGNIZERS:
        for pattern in recognizer.patterns:
            assert all(
                literal == literal.lower() and len(literal) >= 2 for literal in pattern.anchor.strings
            ), recognizer.name
            bare = (
                pattern.regex.replace("\\+", "")
                .replace("\\*", "")
                .replace("}+", "}")
                .replace("A-Za-z0-9+", "")
            )
            outside = "".join(part.partition("]")[2] for part in ("]" + bare).split("["))
            assert "*" not in outside, recognizer.name
            assert "+" not in outside, recognizer.name


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("aws_access_key_id = " + "AK" + "IA" + "Q3ZXCV7BNM2KLP5T", "AK" + "IA" + "Q3ZXCV7BNM2KLP5T"),
        ('{"AccessToken":"' + "gh" + "p_" + MIX + 'abcd"}', "gh" + "p_" + MIX + "abcd"),
        ("git clone # " + "gl" + "pat-" + MIX[:20], "gl" + "pat-" + MIX[:20]),
        (
            "SLACK=" + "xo" + "xb-123456789012-123456789012-" + MIX[:24],
            "xo" + "xb-123456789012-123456789012-" + MIX[:24],
        ),
        (
            "post https://hooks.slack.com/" + "services/T0" + "AB12CD3/B0" + "EF45GH6/" + MIX[:24],
            "services/T0" + "AB12CD3/B0" + "EF45GH6/" + MIX[:24],
        ),
        ("curl -H 'X: " + "sk_" + "live_" + MIX[:24] + "'", "sk_" + "live_" + MIX[:24]),
        (
            "mail " + "SG" + "." + MIX[:22] + "." + MIX + MIX[:11],
            "SG" + "." + MIX[:22] + "." + MIX + MIX[:11],
        ),
        ("//registry.example.org/:_authToken=" + "np" + "m_" + MIX + "abcd", "np" + "m_" + MIX + "abcd"),
        ("VAULT_TOKEN=" + "hv" + "s." + MIX + MIX, "hv" + "s." + MIX + MIX),
        ("x " + "SK" + HEX + HEX + " y", "SK" + HEX + HEX),
        ("bot 123456789:" + "AA" + MIX + "a tg", "123456789:" + "AA" + MIX + "a"),
        ("?sv=2022-11-02&" + "si" + "g=" + MIX + MIX[:11] + "%3D&se=1", MIX + MIX[:11] + "%3D"),
        ("ANTHROPIC " + "sk-" + "ant-api03-" + MIX * 2 + MIX[:31], "sk-" + "ant-api03-" + MIX * 2 + MIX[:31]),
        ("do" + "p_v1_" + HEX * 4, "do" + "p_v1_" + HEX * 4),
        ("datadog_api_key: " + HEX + HEX, HEX + HEX),
        ("heroku.api.key=4f1b9c02-d7e8-4a36-9b1c-02d7e85a3641", "4f1b9c02-d7e8-4a36-9b1c-02d7e85a3641"),
        ("client-secret: " + MIX, MIX),
        ('config.ApiToken = "' + HEX + HEX[::-1] + '"', HEX + HEX[::-1]),
        ("DATABASE_URL=postgres://app:" + MIX[:12] + "@db:5432/x", "app:" + MIX[:12]),
        ("spring.datasource.password=" + MIX[:9], MIX[:9]),
    ],
)
def test_a_token_in_its_surroundings_is_covered_whole(text, value):
    covered = "".join(text[s.start : s.end] for s in ENGINE.scan(text))

    assert value in covered


@pytest.mark.parametrize(
    "text",
    [
        "commit " + HEX + HEX + HEX[:8],
        "sha256: " + HEX * 4,
        '"integrity": "sha512-' + MIX * 2 + '=="',
        "id: 550e8400-e29b-41d4-a716-446655440000",
        "aws_access_key_id = AKIA" + "IOSFODNN7EXAMPLE",
        "token = process.env.API_TOKEN",
        'token = "<your-token>"',
        "token: xxxxxxxxxxxxxxxxxxxxxxxx",
        "api_key = ****************",
        'secret = config["client_secret"]',
        "password = getpass.getpass()",
        "def check(password: str, token: str) -> bool:",
        "self._token_count = len(tokens_in_the_buffer)",
        "max_tokens=4096, token_type=Bearer",
        "the secret of good bread is time",
        'password: { type: "string", minLength: 8 }',
        "PASSWORD=${DB_PASSWORD:-changeme}",
        "url(data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUA)",
        "CIRCLE_SHA1=" + HEX + HEX + HEX[:8],
    ],
)
def test_references_hashes_and_placeholders_are_no_secrets(text):
    assert [s for s in ENGINE.scan(text) if s.rule in MINE] == []


def test_entropy_is_in_bits_a_character():
    assert entropy("") == 0
    assert entropy("aaaa") == 0
    assert entropy("abcd") == 2


def test_a_word_is_wordy_and_a_random_string_is_not():
    assert wordy("my_database_service_name")
    assert not wordy(MIX)


@pytest.mark.parametrize(
    "text", ["xxxxxxxx", "****", "${TOKEN}", "YOUR_API_KEY", "changeme", "<token>", "os.environ['A']"]
)
def test_what_is_written_to_be_replaced_is_a_placeholder(text):
    assert placeholder(text)


def test_manual_words_in_a_url_are_refused_and_real_ones_are_not():
    assert secrets.url_credentials("user:password") is False
    assert secrets.url_credentials("${USER}:${PASS}") is False
    assert secrets.url_credentials("app:" + MIX[:8]) is None


@pytest.mark.parametrize(
    "unit",
    [
        "token ",
        "password=",
        "eyJhbGci",
        "-----BEGIN PRIVATE KEY-----",
        "aws_",
        "://a:b",
        "A",
        "sk-",
        'api_key:"',
    ],
)
def test_hostile_literals_take_linear_time(unit):
    def seconds(n: int) -> float:
        text = (unit * n)[:n]
        started = time.process_time()
        ENGINE.scan(text)
        return time.process_time() - started

    seconds(1_000)
    small = min(seconds(16_000) for _ in range(2))
    large = seconds(48_000)

    assert large < 6 * small + 0.2
