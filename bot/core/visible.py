"""Text from outside, made safe for eyes: nothing in it can be invisible, reorder its neighbours, or pass for another letter unsaid.

Decided here: which code points are shown as a visible escape (``⟦U+202E⟧``) and which words deserve a warning that they
mix scripts (T12, T13). What is hashed is never normalised: this is for showing alone. Deliberately absent: markup; a surface
still escapes for its own language. Pure.

Sources: Unicode general categories (UAX #44, Cc Cf Co Cs Zl Zp and unassigned Cn); UAX #9 for bidirectional controls (all are
Cf); UTS #39 section 5.1 for mixed-script detection, done here by the first word of a character's Unicode name, which names its
script for every letter of the scripts below. Unicode has invisible letters too (Hangul fillers, Braille blank, variation
selectors, combining grapheme joiner): see ``_BLANK``.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})

_BLANK: Final = frozenset(
    chr(code)
    for code in (
        0x034F,  # combining grapheme joiner
        0x115F,  # Hangul choseong filler
        0x1160,  # Hangul jungseong filler
        0x17B4,  # Khmer inherent vowels, invisible
        0x17B5,
        0x180B,  # Mongolian free variation selectors
        0x180C,
        0x180D,
        0x180F,
        0x2800,  # Braille pattern blank
        0x3164,  # Hangul filler
        0xFFA0,  # halfwidth Hangul filler
        *range(0xFE00, 0xFE10),  # variation selectors
        *range(0xE0100, 0xE01F0),  # variation selectors supplement
    )
)
"""Assigned letters and marks that draw nothing (the rest of Default_Ignorable_Code_Point, UAX #44, is Cf or Cn)."""

_SPACES: Final = frozenset(
    {"\u00a0", *(chr(c) for c in range(0x2000, 0x200B)), "\u1680", "\u202f", "\u205f", "\u3000"}
)
"""Spaces (Zs) that are not the space: they look alike and compare unequal, so they are shown."""

COMBINING_MAX: Final = 4
"""Marks on one base letter; a fifth is escaped. No living orthography needs more (UTS #39 section 5.4 counts 4 as suspicious)."""


def escape(char: str) -> str:
    """The visible form of one code point: ``⟦U+202E⟧``."""
    return f"⟦U+{ord(char):04X}⟧"


def visible(text: str, *, allow: str = "") -> str:
    """*text* with every code point that cannot be seen as itself written out; those in *allow* stay (line feed and tab in a block).

    Apply once, to text from outside: a bracket ``⟦`` or ``⟧`` in it is escaped as well, so that no text can forge an escape.
    Never shortens: length is the caller's matter.
    """
    if text.isascii() and text.isprintable():
        return text
    out: list[str] = []
    marks = 0
    for char in text:
        if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me"}:
            marks += 1
        else:
            marks = 0
        out.append(char if char in allow or _is_plain(char, marks) else escape(char))
    return "".join(out)


def _is_plain(char: str, marks: int) -> bool:
    if " " <= char <= "~":
        return True
    if char in _BLANK or char in _SPACES or char in "⟦⟧" or marks > COMBINING_MAX:
        return False
    return unicodedata.category(char) not in _HIDDEN_CATEGORIES


_WORD: Final = re.compile(r"[^\W_]+(?:[._@:/-]?[^\W_]+)*")
"""Host-like and name-like runs: letters and digits, joined by the marks that names are joined by."""

_SCRIPTS: Final = {
    "LATIN": "Latin",
    "CYRILLIC": "Cyrillic",
    "GREEK": "Greek",
    "ARMENIAN": "Armenian",
    "HEBREW": "Hebrew",
    "ARABIC": "Arabic",
    "CHEROKEE": "Cherokee",
    "COPTIC": "Coptic",
    "GEORGIAN": "Georgian",
    "LISU": "Lisu",
    "FULLWIDTH": "fullwidth forms",
    "MATHEMATICAL": "mathematical letters",
    "CIRCLED": "circled letters",
    "DESERET": "Deseret",
    "THAI": "Thai",
    "DEVANAGARI": "Devanagari",
    "CJK": "Han",
    "HIRAGANA": "Hiragana",
    "KATAKANA": "Katakana",
    "HANGUL": "Hangul",
}
_TOGETHER: Final = frozenset({"Han", "Hiragana", "Katakana", "Hangul", "Latin"})
"""Scripts that are ordinarily written within one word (UTS #39, 'highly restrictive')."""
_ALWAYS: Final = frozenset({"fullwidth forms", "mathematical letters", "circled letters"})
"""Letters that imitate Latin by design; one is enough for a warning."""
_LATIN_LIKE: Final = frozenset("асеорхуіјѕһԁԛԝьҽѵցոսօհζοαιυνρτκеАВСЕНКМОРТХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")
"""Cyrillic, Greek and Armenian letters drawn like Latin ones: a word made of these alone is a whole-script confusable."""


def confusable(text: str) -> str | None:
    """A warning when a word in *text* could be taken for another: it mixes scripts, or is made only of look-alikes. Else None.

    One sentence of fixed words, script names, and the word itself in its visible form with the odd letters written out,
    clipped to 60 characters. For hosts, names of people, tables, files: anything a person recognises by shape."""
    if text.isascii():
        return None
    for match in _WORD.finditer(text):
        for label in re.split(r"[._@:/-]", match[0]):
            warning = _judge(label)
            if warning:
                return warning
    return None


def _judge(word: str) -> str | None:
    if word.isascii():
        return None
    scripts = {script for char in word if (script := _script(char))}
    odd = sorted(scripts & _ALWAYS)
    if odd:
        return f"“{_spell(word)}” uses {odd[0]}, which only look like Latin letters."
    if len(scripts) > 1 and not scripts <= _TOGETHER:
        return f"“{_spell(word)}” mixes {' and '.join(sorted(scripts))} letters; it may not be the word it looks like."
    letters = [char for char in word if char.isalpha()]
    if len(letters) > 1 and all(char in _LATIN_LIKE for char in letters):
        return f"“{_spell(word)}” is written in {scripts.pop()} letters that look like Latin ones."
    return None


def _script(char: str) -> str | None:
    if not char.isalpha():
        return None
    return _SCRIPTS.get(unicodedata.name(char, "").split(" ", 1)[0].split("-", 1)[0], "other-script")


def _spell(word: str) -> str:
    """*word* with its non-ASCII letters written out, so that the reader sees which ones they are."""
    spelled = "".join(char if char.isascii() else escape(char) for char in word)
    return spelled if len(spelled) <= 60 else spelled[:59] + "…"
