"""Showing, at its edges: the last plain character, the fourth mark, the sixtieth letter of a warning."""

from __future__ import annotations

import pytest

from bot.core.visible import COMBINING_MAX, confusable, visible


@pytest.mark.parametrize("text", ["é ~", "é!", "é}", "é\u00bf"])
def test_plain_characters_beside_a_letter_of_elsewhere_stay(text: str) -> None:
    assert visible(text) == text


def test_brackets_of_an_escape_are_escaped_and_letters_are_not() -> None:
    assert visible("⟦X⟧") == "⟦U+27E6⟧X⟦U+27E7⟧"
    assert visible("é" + "XX") == "éXX"


@pytest.mark.parametrize("mark", ["\u0301", "\u0488", "\u0336", "\u0903\u0301"[1]])
def test_four_marks_stay_and_a_fifth_is_written_out(mark: str) -> None:
    assert visible("a" + mark * COMBINING_MAX) == "a" + mark * COMBINING_MAX
    assert visible("a" + mark * 5) == "a" + mark * 4 + f"⟦U+{ord(mark):04X}⟧"
    assert visible("a" + mark * 4 + "b" + mark * 4) == "a" + mark * 4 + "b" + mark * 4


@pytest.mark.parametrize("mark", ["\u20dd", "\u0489", "\u0e31"])
def test_marks_that_do_not_combine_by_class_are_counted_too(mark: str) -> None:
    assert visible("a" + mark * 5) == "a" + mark * 4 + f"⟦U+{ord(mark):04X}⟧"


def test_marks_at_the_start_are_counted_from_none() -> None:
    assert visible("\u0301" * 5) == "\u0301" * 4 + "⟦U+0301⟧"


def test_what_is_allowed_is_nothing_unless_said() -> None:
    assert visible("é\t\n") == "é⟦U+0009⟧⟦U+000A⟧"
    assert visible("é\t\n", allow="\n\t") == "é\t\n"


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("раураl", "“⟦U+0440⟧⟦U+0430⟧⟦U+0443⟧⟦U+0440⟧⟦U+0430⟧l” mixes Cyrillic and Latin letters; it may not be the word it looks like."),
        ("ао", "“⟦U+0430⟧⟦U+043E⟧” is written in Cyrillic letters that look like Latin ones."),
        ("а", None),
        ("а1", None),
        ("ао7", "“⟦U+0430⟧⟦U+043E⟧7” is written in Cyrillic letters that look like Latin ones."),
        ("Ａb", "“⟦U+FF21⟧b” uses fullwidth forms, which only look like Latin letters."),
        ("日本ひカaハ", None),
        ("한日ひカa", None),
        ("ꓐa", "“⟦U+A4D0⟧a” mixes Latin and Lisu letters; it may not be the word it looks like."),
        ("ᚠa", "“⟦U+16A0⟧a” mixes Latin and other-script letters; it may not be the word it looks like."),
        ("привет", None),
        ("ok.ао", "“⟦U+0430⟧⟦U+043E⟧” is written in Cyrillic letters that look like Latin ones."),
    ],
)  # fmt: skip
def test_a_warning_word_for_word(text: str, warning: str | None) -> None:
    assert confusable(text) == warning


def test_han_is_known_by_its_names_first_part() -> None:
    assert confusable("日a") is None
    assert confusable("日я") is not None
    assert "Han" in confusable("日я")


def test_the_long_vowel_mark_belongs_to_katakana() -> None:
    assert confusable("カー") is None
    assert confusable("aカー") is None


@pytest.mark.parametrize(("letters", "shown"), [(52, None), (53, "…")])
def test_a_warning_quotes_sixty_characters_at_most(letters: int, shown: str | None) -> None:
    warning = confusable("я" + "a" * letters)  # an escape is eight characters long

    quoted = warning.split("”")[0].removeprefix("“")
    assert len(quoted) == 60
    assert quoted == ("⟦U+044F⟧" + "a" * 51 + (shown or "a"))
