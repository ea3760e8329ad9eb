"""Who may speak as Slack: forty and more ways of not being Slack, all 401, none 5xx, none a vote (T25, T26)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from adapters.slack.signature import REMEMBERED_MAX, Replays, Verifier
from bot.config_chat import SlackSettings
from bot.secret import Secret
from tests.support.chat_world import make_world
from tests.support.fake_slack import SECRET, FakeSlack
from tests.support.slack_harness import Harness, harness

NOW = 1_790_000_000


def sign(body: bytes, stamp: bytes, secret: bytes = SECRET.encode()) -> bytes:
    return b"v0=" + hmac.new(secret, b"v0:" + stamp + b":" + body, hashlib.sha256).hexdigest().encode()


def head(stamp: bytes, signature: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"X-Slack-Request-Timestamp", stamp), (b"X-Slack-Signature", signature)]


BODY = b"payload=%7B%22type%22%3A%22block_actions%22%7D"
STAMP = str(NOW).encode()
GOOD = sign(BODY, STAMP)
FULLWIDTH = "１７９０００００００".encode()
CASES: dict[str, tuple[list[tuple[bytes, bytes]], bytes]] = {
    "no headers": ([], BODY),
    "no signature": ([(b"x-slack-request-timestamp", STAMP)], BODY),
    "no timestamp": ([(b"x-slack-signature", GOOD)], BODY),
    "two signatures, good first": ([*head(STAMP, GOOD), (b"x-slack-signature", b"v0=" + b"0" * 64)], BODY),
    "two signatures, good last": ([(b"x-slack-signature", b"v0=" + b"0" * 64), *head(STAMP, GOOD)], BODY),
    "the good signature twice": ([*head(STAMP, GOOD), (b"x-slack-signature", GOOD)], BODY),
    "the timestamp twice": ([*head(STAMP, GOOD), (b"x-slack-request-timestamp", STAMP)], BODY),
    "empty signature": (head(STAMP, b""), BODY),
    "empty timestamp": (head(b"", sign(BODY, b"")), BODY),
    "signature of another body": (head(STAMP, sign(BODY + b" ", STAMP)), BODY),
    "signature of the body with other key order": (head(STAMP, sign(b"a=1&b=2", STAMP)), b"b=2&a=1"),
    "signature of a re-encoded body": (head(STAMP, sign(BODY.replace(b"%7B", b"{"), STAMP)), BODY),
    "signature by another secret": (head(STAMP, sign(BODY, STAMP, b"f" * 32)), BODY),
    "signature by an empty secret": (head(STAMP, sign(BODY, STAMP, b"")), BODY),
    "signature of another time": (head(STAMP, sign(BODY, b"1")), BODY),
    "version v1": (head(STAMP, b"v1" + GOOD[2:]), BODY),
    "no version": (head(STAMP, GOOD[3:]), BODY),
    "upper-case digest": (head(STAMP, b"v0=" + GOOD[3:].upper()), BODY),
    "digest cut by one": (head(STAMP, GOOD[:-1]), BODY),
    "digest longer by one": (head(STAMP, GOOD + b"0"), BODY),
    "digest with a newline": (head(STAMP, GOOD + b"\n"), BODY),
    "digest with a space": (head(STAMP, b" " + GOOD), BODY),
    "non-ASCII signature": (head(STAMP, "v0=é".encode() + b"0" * 62), BODY),
    "invalid UTF-8 signature": (head(STAMP, b"v0=\xff\xfe" + b"0" * 62), BODY),
    "huge signature": (head(STAMP, b"v0=" + b"0" * 100_000), BODY),
    "first digit flipped": (head(STAMP, b"v0=" + (b"0" if GOOD[3:4] != b"0" else b"1") + GOOD[4:]), BODY),
    "last digit flipped": (head(STAMP, GOOD[:-1] + (b"0" if GOOD[-1:] != b"0" else b"1")), BODY),
    **{
        f"timestamp {name}": (head(stamp, sign(BODY, stamp)), BODY)
        for name, stamp in {
            "nan": b"nan",
            "inf": b"inf",
            "abc": b"abc",
            "negative": b"-" + STAMP,
            "signed": b"+" + STAMP,
            "with a space": b" " + STAMP,
            "with a newline": STAMP + b"\n",
            "with underscores": b"1_790_000_000",
            "a float": STAMP + b".0",
            "hexadecimal": b"0x6ab0e0c0",
            "exponent": b"1.79e9",
            "of full-width digits": FULLWIDTH,
            "of 5000 digits": b"1" * 5000,
            "of 11 digits": b"0" + STAMP,
            "zero": b"0",
            "301 s old": str(NOW - 301).encode(),
            "301 s ahead": str(NOW + 301).encode(),
            "in milliseconds": STAMP + b"000",
            "invalid UTF-8": b"\xff\xfe",
            "of a year ago": str(NOW - 31_536_000).encode(),
        }.items()
    },
    "body over a megabyte": (head(STAMP, sign(b"x" * 1_000_001, STAMP)), b"x" * 1_000_001),
    "ssl_check unsigned": ([], b"ssl_check=1&token=x"),
    "url_verification unsigned": ([], b'{"type":"url_verification","challenge":"x"}'),
}


def test_there_are_at_least_forty_cases() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize("name", CASES)
def test_t25_this_is_not_slack(name: str) -> None:
    headers, body = CASES[name]

    assert Verifier([SECRET.encode()]).is_genuine(headers, body, NOW) is False


@pytest.mark.parametrize("offset", [-300, -1, 0, 1, 300])
def test_t25_a_genuine_callback_within_five_minutes_is_slack(offset: int) -> None:
    assert Verifier([SECRET.encode()]).is_genuine(head(STAMP, GOOD), BODY, NOW + offset)


def test_t25_a_genuine_body_may_be_any_bytes() -> None:
    body = b"\xff\xfe\x00"

    assert Verifier([SECRET.encode()]).is_genuine(head(STAMP, sign(body, STAMP)), body, NOW)


def test_t25_both_secrets_verify_during_rotation_and_a_third_does_not() -> None:
    old, new = b"o" * 32, b"n" * 32
    verifier = Verifier([new, old])

    assert verifier.is_genuine(head(STAMP, sign(BODY, STAMP, old)), BODY, NOW)
    assert verifier.is_genuine(head(STAMP, sign(BODY, STAMP, new)), BODY, NOW)
    assert not verifier.is_genuine(head(STAMP, sign(BODY, STAMP, b"t" * 32)), BODY, NOW)


@pytest.mark.parametrize("secrets", [[], [b""], [b"short"], [b"g" * 32, b""]])
def test_empty_signing_secret_refuses_start(secrets: list[bytes]) -> None:
    with pytest.raises(ValueError, match="signing secret"):
        Verifier(secrets)


@pytest.mark.parametrize("secret", [None, Secret(""), Secret("short")])
def test_empty_signing_secret_in_the_settings_refuses_start(secret: Secret | None) -> None:
    with pytest.raises(ValueError, match="signing_secret"):
        SlackSettings(team="T0X", app="A0X", bot_token=Secret("x" * 20), channels={}, signing_secret=secret)


def test_replays_are_remembered_longer_than_they_are_fresh_and_bounded() -> None:
    replays = Replays()

    assert replays.is_new(b"a", NOW)
    assert not replays.is_new(b"a", NOW + 599)
    assert replays.is_new(b"a", NOW + 601)
    for index in range(REMEMBERED_MAX + 10):
        replays.is_new(str(index).encode(), NOW + 602)
    assert len(replays._seen) == REMEMBERED_MAX


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[Harness]:
    world = await make_world(tmp_path)
    async with FakeSlack(world.clock) as fake, harness(world, fake) as made:
        yield made


@pytest.mark.parametrize("name", CASES)
async def test_t25_through_the_door_it_is_401_and_no_vote(slack: Harness, name: str) -> None:
    headers, body = CASES[name]
    request = await slack.world.ask()

    answer = await slack.client.post("/slack/events", content=body, headers=headers)

    assert answer.status_code == 401
    assert await slack.world.votes(request.id) == []


async def test_t25_a_signed_body_that_is_not_utf8_is_401_and_not_500(slack: Harness) -> None:
    body = b"payload=\xff\xfe"

    assert (
        await slack.client.post("/slack/events", content=body, headers=slack.fake.signed(body))
    ).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"payload=",
        b"payload=[]",
        b"payload=null",
        b"payload=%7B",
        b"a" * 1000,
        b"payload=1",
    ],
)
async def test_a_signed_oddity_is_no_5xx_and_no_vote(slack: Harness, body: bytes) -> None:
    for kind in ("application/x-www-form-urlencoded", "application/json"):
        slack.app._replays = Replays()
        headers = {**slack.fake.signed(body), "Content-Type": kind}
        assert (await slack.client.post("/slack/events", content=body, headers=headers)).status_code < 500


async def test_url_verification_is_answered_when_signed(slack: Harness) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "c-1"}).encode()
    headers = {**slack.fake.signed(body), "Content-Type": "application/json"}

    answer = await slack.client.post("/slack/events", content=body, headers=headers)

    assert "c-1" in answer.text


async def test_t50_a_forged_callback_leaves_nothing_of_its_body_in_the_log(
    slack: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "signoff")
    body = urlencode({"payload": json.dumps({"canary": "s3cr3t-canary"})}).encode()

    await slack.client.post("/slack/events", content=body, headers=slack.fake.signed(body, secret="f" * 32))
    await slack.client.post("/slack/events", content=body, headers=slack.fake.signed(body))

    assert "s3cr3t-canary" not in caplog.text
