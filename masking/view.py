"""A text prepared for scanning: the same length in every form, so that offsets mean the same in all.

``folded`` is the text with look-alike digits, blanks and dashes (full width, Arabic-Indic, no-break …)
replaced one for one by their ASCII forms; ``low`` and ``shape`` are bytes, one per code point: lower-cased
Latin-1 (``?`` for anything beyond), and the shape (``0`` a digit, ``A`` an ASCII letter, 0xE9 another
Latin-1 letter, anything else itself). Placeholders that this package wrote are blanked to NUL, so that
masked text scans clean and lends no context.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

OTHER_LETTER: Final = 0xE9
_LABEL: Final = re.compile(r"\[[A-Z][A-Z_]{1,40}_[0-9]{1,6}(?: …[0-9]{4})?\]")
_TOKEN: Final = re.compile(r"(?:tok|mac|vlt)_[a-z0-9_]{1,40}_[a-z0-9]{1,8}_[a-z2-7]{16,4000}(?![A-Za-z0-9])")


def is_placeholder(value: str) -> bool:
    """Whether *value* is one placeholder or token that this package wrote, and nothing else."""
    return _LABEL.fullmatch(value) is not None or _TOKEN.fullmatch(value) is not None


FOLDED_MAX: Final = 0x20000
"""Beyond are ideographs, tags and private use (Unicode 15, chapter 2.8): no digits, blanks or dashes."""


def _shape_table() -> bytes:
    out = bytearray(range(256))
    for code in range(256):
        char = chr(code)
        if "0" <= char <= "9":
            out[code] = 0x30
        elif char.isascii() and char.isalpha():
            out[code] = 0x41
        elif char.isalpha():
            out[code] = OTHER_LETTER
    return bytes(out)


def _fold_map() -> dict[int, str]:
    """Every non-ASCII code point that is a digit, blank, dash or full-width form, to its ASCII form."""
    out: dict[int, str] = {}
    for char in map(chr, range(0x80, FOLDED_MAX)):
        kind = unicodedata.category(char)
        if kind == "Nd":
            out[ord(char)] = str(unicodedata.digit(char))
        elif kind == "Zs":
            out[ord(char)] = " "
        elif kind == "Pd":
            out[ord(char)] = "-"
    for code in range(0xFF01, 0xFF5F):
        out[code] = chr(code - 0xFEE0)
    out[0x2212] = "-"  # minus sign
    return out


SHAPE: Final = _shape_table()
_FOLD: Final = _fold_map()
_BMP: Final = re.compile("[" + "".join(chr(c) for c in sorted(_FOLD) if c < 0x10000) + "]")
_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
FOLDED_BITS: Final = sum(1 << c for c in _FOLD if c < 0x10000).to_bytes(0x2000, "little")
"""A bit for each code point of the first plane: whether :func:`fold` writes it otherwise. Of the others any may be."""


class View:
    """One text and its forms. Made once per scan; nothing here outlives it."""

    __slots__ = ("folded", "low", "shape", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        folded = self.folded = fold(text)
        raw = folded.encode("latin-1", "replace")
        self.low = raw.lower()
        self.shape = raw.translate(SHAPE)


def fold(text: str) -> str:
    """*text* with look-alikes written in ASCII and what this package wrote blanked; as long as *text*."""
    folded = text
    if not text.isascii() and (_BMP.search(text) or _ASTRAL.search(text)):
        folded = text.translate(_FOLD)
    if "]" in text:
        folded = _LABEL.sub(_blank, folded)
    if "tok_" in text or "mac_" in text or "vlt_" in text:
        folded = _TOKEN.sub(_blank, folded)
    return folded


def ready(text: str, folded: str, low: bytes, shape: bytes) -> View:
    """The view of *text* whose forms are there already."""
    view = View.__new__(View)
    view.text, view.folded, view.low, view.shape = text, folded, low, shape
    return view


def _blank(match: re.Match[str]) -> str:
    return "\0" * (match.end() - match.start())
