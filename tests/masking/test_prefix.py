"""What a pattern is said to begin with and to hold is true of everything it matches: or a value would be missed."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest

from masking import detect, prefix
from masking.confirm import compile_search
from masking.view import _FOLD

PATTERNS = [(r, p) for r in detect.recognizers() for p in r.patterns if p.regex]


def _in(chars, char):
    return bool(chars[0] >> ord(char) & 1) if ord(char) < 256 else chars[1]


def _longest(chars, value):
    return max((len(run) for run in "".join("x" if _in(chars, c) else " " for c in value).split()), default=0)


def _holds(pattern, ignore_case, text, match):
    forbidden, first = prefix.begins(pattern, ignore_case=ignore_case)
    run = prefix.must_run(pattern, ignore_case=ignore_case)
    value = match[0]
    return (
        len(value) >= len(first)
        and all(_in(chars, c) for chars, c in zip(first, value, strict=False))
        and all(
            any(_in(chars, c) for c in value) for chars in prefix.must_hold(pattern, ignore_case=ignore_case)
        )
        and not (forbidden and match.start() and _in(forbidden, text[match.start() - 1]))
        and (run is None or _longest(run[0], value) >= run[1])
    )


def test_every_example_of_every_recognizer_meets_the_conditions_of_its_pattern():
    wrong, tried = [], 0
    for recognizer, pattern in PATTERNS:
        search = compile_search(pattern.regex, ignore_case=pattern.ignore_case)
        for text in (*recognizer.positive, *recognizer.negative):
            match = search(text, 0, len(text))
            if match is not None:
                tried += 1
                if not _holds(pattern.regex, pattern.ignore_case, text, match):
                    wrong.append((recognizer.name, text))

    assert not wrong
    assert tried > 700


@pytest.mark.parametrize(
    ("pattern", "first"),
    [
        ("ab[0-9]{2,3}c", "a b 019 019"),
        ("(?:ab|a?cd)x", ""),
        ("(?:abc|xy)z", "ax by"),
        ("(?:ab|xy)z", "ax by z"),
        ("(?i:k)9", "Kk 9"),
        ("[^a]b", None),
        ("a*b", ""),
        ("(?<!x)a(?=b)b", "a b"),
        ("a{60}", " ".join("a" * prefix.SETS_MAX)),
    ],
)
def test_the_beginning_of_a_pattern_is_read_off_it(pattern, first):
    _, sets = prefix.begins(pattern)

    if first is None:
        assert not _in(sets[0], "a")
        assert _in(sets[0], "é")
        return
    shown = ["".join(c for c in "01AKabckxyz9" if _in(chars, c)) for chars in sets]
    assert shown == [("".join(c for c in "01AKabckxyz9" if c in part)) for part in first.split()]


def test_without_regard_to_case_a_set_holds_both():
    chars = prefix.begins("é[a-c]", ignore_case=True)[1]

    assert all(_in(chars[0], c) for c in "éÉ")
    assert all(_in(chars[1], c) for c in "abcABC")
    assert _in(chars[1], "\u212a")


def test_what_is_required_inside_is_read_off_a_pattern():
    assert {chr(bits.bit_length() - 1) for bits, _ in prefix.must_hold("a.*(?:=|:)x?@")} >= {"a", "@"}
    assert prefix.must_run(r"x[^\n]{0,9}(\d{5})")[1] == 5
    assert prefix.must_run("x{3}") is None


def test_a_pattern_that_re_does_not_know_asks_for_nothing():
    for pattern in (r"\p{L}+", r"a(?R)?", "(("):
        assert prefix.begins(pattern) == (None, [])
        assert prefix.must_hold(pattern) == []
        assert prefix.must_run(pattern) is None


@pytest.mark.parametrize(
    "item", ["[a-f]", "[^a-f]", r"[\d.]", r"[^\s\"]", r"\W", ".", "x", r"[\u0100-\u0200a]"]
)
def test_a_set_is_what_re_says(item):
    _, (chars,) = prefix.begins(item)

    assert all(_in(chars, chr(c)) == bool(re.match(item, chr(c))) for c in range(256))


@pytest.mark.slow
def test_nothing_beyond_the_folded_part_of_unicode_is_a_digit_a_blank_or_a_dash():
    kinds = {"Nd", "Zs", "Pd"}
    folded = {c for c in range(0x80, sys.maxunicode + 1) if unicodedata.category(chr(c)) in kinds}

    assert folded - set(_FOLD) == set()
