"""Durations: every unit, both sides of every limit, and what is not one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.duration import LONGEST, parse, parse_positive, show

READ = {
    "0s": timedelta(),
    "1s": timedelta(seconds=1),
    "90s": timedelta(seconds=90),
    "30m": timedelta(minutes=30),
    "12h": timedelta(hours=12),
    "7d": timedelta(days=7),
    "1h30m": timedelta(minutes=90),
    "1d2h3m4s": timedelta(days=1, hours=2, minutes=3, seconds=4),
    "007s": timedelta(seconds=7),
    "3660d": timedelta(days=3660),
    "999999h": None,
    "316224000s": timedelta(days=3660),
}


@pytest.mark.parametrize("text", [text for text, span in READ.items() if span is not None])
def test_a_duration_is_read(text: str) -> None:
    assert parse(text) == READ[text]


@pytest.mark.parametrize(
    "text",
    ["", " ", "30", "30 m", " 30m", "30m ", "30m\n", "m", "1.5h", "-5m", "+5m", "5M", "1m1h", "1h1h", "1w", "1ms", "1234567890s", "٣m", "90s30m"],
)  # fmt: skip
def test_what_is_not_a_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text)

    assert str(caught.value) == f"{text!r} is not a duration; write for example 90s, 30m, 12h, 7d or 1h30m"


def test_ten_years_and_one_second_is_too_long() -> None:
    with pytest.raises(ValueError) as caught:
        parse("3660d1s")

    assert str(caught.value) == "'3660d1s' is longer than ten years"


def test_the_longest_duration_that_can_be_written_is_refused_not_an_overflow() -> None:
    with pytest.raises(ValueError) as caught:
        parse("999999999d999999999h999999999m999999999s")

    assert (
        str(caught.value) == "'999999999d999999999h999999999m999999999s' is longer than ten years"
    )  # 40 characters


@pytest.mark.parametrize("read", [parse, parse_positive])
def test_a_message_quotes_forty_characters_at_most(read) -> None:
    with pytest.raises(ValueError) as caught:
        read("x" * 41)

    assert str(caught.value).startswith(f"'{'x' * 40}' is not")


def test_no_text_of_a_duration_is_longer_than_what_a_message_quotes() -> None:
    assert len("999999999d999999999h999999999m999999999s") == 40


@pytest.mark.parametrize("text", ["0s", "0d0h0m0s", "00m"])
def test_no_time_at_all_is_refused_where_some_is_needed(text: str) -> None:
    assert parse(text) == timedelta()
    with pytest.raises(ValueError) as caught:
        parse_positive(text)

    assert str(caught.value) == f"{text!r} is no time at all; write for example 90s or 30m"


def test_a_long_way_to_write_nothing_is_clipped_in_the_message() -> None:
    text = "000000000d000000000h000000000m000000000s"

    with pytest.raises(ValueError) as caught:
        parse_positive(text)

    assert str(caught.value).startswith(f"{text[:40]!r} is no time")


def test_one_second_is_some_time() -> None:
    assert parse_positive("1s") == timedelta(seconds=1)


SHOWN = {
    timedelta(): "0s",
    timedelta(seconds=1): "1s",
    timedelta(seconds=59): "59s",
    timedelta(seconds=60): "1m",
    timedelta(seconds=90): "1m30s",
    timedelta(hours=1): "1h",
    timedelta(hours=24): "1d",
    timedelta(days=1, hours=2, minutes=3, seconds=4): "1d2h3m4s",
    timedelta(seconds=1, milliseconds=999): "1s",
}


@pytest.mark.parametrize("span", SHOWN, ids=str)
def test_a_duration_is_shown_the_shortest_way(span: timedelta) -> None:
    assert show(span) == SHOWN[span]


@given(st.integers(0, int(LONGEST.total_seconds())))
def test_what_is_shown_is_read_back(seconds: int) -> None:
    assert parse(show(timedelta(seconds=seconds))) == timedelta(seconds=seconds)
