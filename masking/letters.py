"""What each code point is to the patterns of this package, for the compiled loops: asked once for each page of 256.

One definition of a letter, a digit and a lower case: Python's. ``native/text.c`` keeps the answers.
"""

from __future__ import annotations

import re
from array import array
from functools import cache
from typing import Any, Final

from masking.names.features import TOKEN
from masking.native import letters_type

LETTER, DIGIT, SINGLE, TOKEN_BITS = 1, 2, 3, 3
"""What a code point is to ``features.TOKEN``, in the last two bits: a letter, a digit, a token of its own, or (0) nothing."""
ALNUM: Final = 4
"""``str.isalnum``."""
SMALL: Final = 8
"""Of a word of ``masking.context`` beyond its capitals: ``[^\\W\\dA-Z_]``."""
SPACE: Final = 16
"""White space to ``\\s`` (and to ``str.isspace``)."""
WORD: Final = 32
"""``\\w``."""
LOWER: Final = 64
"""``str.islower`` of the code point alone."""
UPPER: Final = 128
"""``str.isupper`` of the code point alone."""
COMPLEX: Final = 0xFFFFFFFF
"""In place of a lower case that is more than one code point, or another at the end of a word."""

_LETTER: Final = re.compile(r"[^\W\d_]")
_DIGIT: Final = re.compile(r"\d")
_SMALL: Final = re.compile(r"[^\W\dA-Z_]")
_SPACE: Final = re.compile(r"\s")
_WORD: Final = re.compile(r"\w")


def page_of_classes(page: int) -> bytes:
    """A byte for each code point of *page*: the bits above."""
    out = bytearray()
    for code in range(page << 8, (page + 1) << 8):
        char = chr(code)
        bits = (
            LETTER
            if _LETTER.match(char)
            else DIGIT
            if _DIGIT.match(char)
            else SINGLE
            if TOKEN.match(char)
            else 0
        )
        bits |= ALNUM if char.isalnum() else 0
        bits |= SMALL if _SMALL.match(char) else 0
        bits |= SPACE if _SPACE.match(char) else 0
        bits |= WORD if _WORD.match(char) else 0
        bits |= LOWER if char.islower() else 0
        bits |= UPPER if char.isupper() else 0
        out.append(bits)
    return bytes(out)


def page_of_lower(page: int) -> bytes:
    """The lower case of each code point of *page*, four bytes each in the machine's order, or ``COMPLEX``."""
    out = array("I")
    for code in range(page << 8, (page + 1) << 8):
        low = chr(code).lower()
        out.append(ord(low) if len(low) == 1 and code != 0x3A3 else COMPLEX)
    return out.tobytes()


class Letters:
    """The compiled tables of this process."""

    @staticmethod
    @cache
    def native() -> Any:
        return letters_type(page_of_classes, page_of_lower)
