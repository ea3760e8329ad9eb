"""Keys are recognised, checked without a look-up, and never spelled in two ways (T01, I12)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import credentials
from bot.core.credentials import (
    KeyPrefix,
    make_key_id,
    make_key_text,
    make_webhook_secret,
    parse_key_text,
    parse_webhook_secret,
)

ID = make_key_id(bytes(range(10)))
SECRET = bytes(range(32))


@given(st.sampled_from(KeyPrefix), st.binary(min_size=10, max_size=10), st.binary(min_size=32, max_size=32))
def test_a_key_that_was_made_is_read_back(prefix, id_bytes, secret):
    read = parse_key_text(make_key_text(prefix, make_key_id(id_bytes), secret))

    assert read is not None
    assert (read.prefix, read.id, read.secret) == (prefix, make_key_id(id_bytes), secret)


def test_the_spelling_is_frozen():
    text = make_key_text(KeyPrefix.AGENT, ID, SECRET)

    assert text == "sok_aaaqeayeaudaocaj_aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypqlthhaaq"


@pytest.mark.parametrize("position", range(81))
def test_one_changed_character_is_no_key(position):
    text = make_key_text(KeyPrefix.AGENT, ID, SECRET)
    if position >= len(text):
        changed = text + "a"
    else:
        changed = text[:position] + ("b" if text[position] != "b" else "c") + text[position + 1 :]

    assert parse_key_text(changed) is None


@pytest.mark.parametrize(
    "text", ["", "sok_", "sok__", "SOK_a_b", "x" * 100_000, " " + "sok_a_b", "sok_é_b", "sok_a_b\n"]
)
def test_anything_else_is_no_key(text):
    assert parse_key_text(text) is None


def test_a_key_does_not_show_its_secret_in_its_repr():
    assert "secret" not in repr(parse_key_text(make_key_text(KeyPrefix.PERSON, ID, SECRET)))


@pytest.mark.parametrize(
    ("id", "secret"), [("x", SECRET), (ID.upper(), SECRET), (ID, SECRET[:-1]), (ID, b"")]
)
def test_a_wrong_part_makes_no_key(id, secret):
    with pytest.raises(ValueError):
        make_key_text(KeyPrefix.AGENT, id, secret)


def test_an_id_takes_exactly_its_bytes():
    with pytest.raises(ValueError):
        make_key_id(b"x")


def test_a_webhook_secret_is_read_back_and_nothing_else_is():
    assert parse_webhook_secret(make_webhook_secret(SECRET)) == SECRET
    for text in (
        "",
        "whsec_",
        "whsec_!!!!",
        SECRET.hex(),
        "whsec_" + base64.b64encode(b"short").decode(),
        "WHSEC_" + make_webhook_secret(SECRET)[6:],
    ):
        assert parse_webhook_secret(text) is None
    with pytest.raises(ValueError):
        make_webhook_secret(b"short")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: credentials.make_key_id(b"x" * 9), "a key id takes 10 random bytes"),
        (
            lambda: credentials.make_key_text(credentials.KeyPrefix.AGENT, "a" * 16, b"x" * 31),
            "a secret takes 32 random bytes",
        ),
        (
            lambda: credentials.make_key_text(credentials.KeyPrefix.AGENT, "A" * 16, b"x" * 32),
            "not a key id",
        ),
        (lambda: credentials.make_webhook_secret(b"x" * 33), "a secret takes 32 random bytes"),
    ],
)
def test_what_is_said_of_a_key_that_cannot_be_made(make, said):
    with pytest.raises(ValueError) as caught:
        make()

    assert str(caught.value) == said


def test_a_webhook_secret_with_characters_that_are_not_base64_is_none():
    good = credentials.make_webhook_secret(b"x" * 32)

    assert credentials.parse_webhook_secret(good) == b"x" * 32
    assert credentials.parse_webhook_secret(good[:10] + "!" + good[10:]) is None
    assert credentials.parse_webhook_secret(good[:10] + "\n" + good[10:]) is None


def test_another_spelling_of_a_key_with_a_right_checksum_is_none():
    good = credentials.make_key_text(credentials.KeyPrefix.AGENT, "a" * 16, b"x" * 32)
    body = (
        good[:-8]
        + credentials._b32(bytes([credentials.base64.b32decode(good[-8].upper() + "A======")[0] | 8]))[0]
    )
    other = body + credentials._checksum(body)

    assert len(other) == len(good)
    assert other != good
    assert credentials.parse_key_text(good) is not None
    assert credentials.parse_key_text(other) is None
