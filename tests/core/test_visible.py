"""Nothing invisible reaches a reader (T12, T13)."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from bot.core.visible import COMBINING_MAX, confusable, escape, visible

HIDDEN = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}


def test_no_code_point_of_a_hidden_category_comes_out_raw_t13():
    raw = [
        c
        for c in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(c) in HIDDEN and c in visible(c)
    ]

    assert raw == []


def test_every_visible_assigned_letter_and_digit_comes_out_as_itself():
    kept = {"Lu", "Ll", "Lo", "Lt", "Nd", "Sc", "Sm"}
    blank = {0x115F, 0x1160, 0x3164, 0xFFA0, 0x17B4, 0x17B5}
    changed = [
        hex(i)
        for i in range(sys.maxunicode + 1)
        if unicodedata.category(chr(i)) in kept and visible(chr(i)) != chr(i) and i not in blank
    ]

    assert changed == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pay\u202efdp.exe", "pay⟦U+202E⟧fdp.exe"),
        ("a\u200bb", "a⟦U+200B⟧b"),
        ("x\x1b[31m", "x⟦U+001B⟧[31m"),
        ("\U000e0041", "⟦U+E0041⟧"),
        ("\ue000", "⟦U+E000⟧"),
        ("\ud800", "⟦U+D800⟧"),
        ("a\nb\tc", "a⟦U+000A⟧b⟦U+0009⟧c"),
        ("\u3164", "⟦U+3164⟧"),
        ("a\u00a0b", "a⟦U+00A0⟧b"),
        ("é ü ß 漢 ا", "é ü ß 漢 ا"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_the_visible_form(text: str, shown: str):
    assert visible(text) == shown


def test_line_breaks_and_tabs_stay_where_the_caller_allows_them():
    assert visible("a\n\tb\r", allow="\n\t") == "a\n\tb⟦U+000D⟧"


def test_an_escape_cannot_be_forged_from_outside():
    assert visible("⟦U+0041⟧") == "⟦U+27E6⟧U+0041⟦U+27E7⟧"


def test_a_flood_of_combining_marks_is_cut_after_the_fourth():
    shown = visible("e" + "\u0301" * 50)

    assert shown.count("\u0301") == COMBINING_MAX
    assert shown.count("⟦U+0301⟧") == 50 - COMBINING_MAX


def test_escape_pads_to_four_digits():
    assert escape("\x00") == "⟦U+0000⟧"


@pytest.mark.parametrize(
    "text",
    [
        "pаypal.com",
        "аdmin",
        "сере.example",
        "ｐｒｏｄ.example",
        "𝐩𝐫𝐨𝐝",
        "ΑΡΕ",
        "prod-customеrs",
        "user@exаmple.org",
    ],
)
def test_a_look_alike_is_warned_of_t13(text: str):
    warning = confusable(text)

    assert warning is not None
    assert warning.isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "prod-customers",
        "Müller",
        "naïve",
        "東京tower",
        "Москва",
        "Ελλάδα",
        "משה",
        "Straße 5",
        "s3://exports/q3.csv",
        "Москва prod",
    ],
)
def test_ordinary_words_of_any_script_are_not_warned_of(text: str):
    assert confusable(text) is None


def test_the_warning_spells_the_odd_letters_out():
    assert confusable("pаypal.com") == (
        "“p⟦U+0430⟧ypal” mixes Cyrillic and Latin letters; it may not be the word it looks like."
    )


def test_the_warning_stays_short_for_a_long_word():
    warning = confusable("a" * 500 + "а")

    assert warning is not None
    assert len(warning) < 200
