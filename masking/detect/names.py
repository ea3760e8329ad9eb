"""Persons and places by the model of ``masking.names``.

Source: a linear-chain model over word features (Lafferty, McCallum, Pereira 2001), trained by
``benchmarks/masking_names/train.py``; the data's attribution stands in NOTICE.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final

from masking.names.features import COMMON, COUNTRY, GIVEN, PLACE, SURNAME
from masking.names.table import load
from masking.names.tagger import LABELS, Tagger
from masking.names.words import is_no_name
from masking.native import available
from masking.rules import TextRule
from masking.spans import Span
from masking.view import View

BIAS = 0.9
"""Taken from O: a missed name costs more than a masked word. Set on the training script's held-out sentences."""


@cache
def tagger(*, native: bool) -> Tagger:
    return Tagger(BIAS, native=native)


_FIRST: Final = (
    "import from def class return raise assert elif except with async await yield lambda package using namespace "
    "public private protected static const let var function func fn impl struct enum typedef extern export interface type void int char bool template"
)
CODE_WORDS: Final = frozenset(f"{_FIRST} if for while elif else".split())
"""A line that begins with a small letter begins as source code does with one of these alone."""
_CODE_START: Final = re.compile(
    r"\s*(?:#\s*(?:define|include|undef|if\w*|el\w+|endif|pragma|error)\b|(?:"
    + "|".join(_FIRST.split())
    + r"|@\w+|//|/\*|\*|\.\.)\b|(?:if|for|while|elif|else)\b.*:\s*$)| {0,4}\*\s"
)
"""Lines that begin as source code does: with one of ``CODE_WORDS`` or of ``# @ / * .``."""
CODE_SIGNS: Final = ";{}\\([=&|>#"
_CODE_SIGN: Final = re.compile(r"[;{}\\(\[=&|>#]|::")
"""No line without one of these holds what ``_CODE_INSIDE`` seeks, and most prose has none."""
_CODE_INSIDE: Final = re.compile(
    r"[;{}\\]\s*$|[\w\])]\([^)]{0,80}\)?\s*[:{,]?\s*$|\w\.\w+\(|[=!]=|&&|\|\||=>|->|::|\w\[\w|^\s*\w[\w.]*(?:: [\w\[\]|. ]+)? [+|-]?= |^\s*[\"\'\w]+\s*[:=]\s*\w+\(|\s{2}# "
)
SQL: Final = re.compile(r"(?i)\b(?:insert into|update|select|values|where)\b")
GLUE: Final = frozenset("_/\\$%&=<>@#*~^|{}[]")
CODE_SCORE: Final = 0.82
RULE: Final = "names"
REASON: Final = "model: the word and those beside it"


def find(view: View) -> list[Span]:
    return _find(view, native=available)


def find_without_native(view: View) -> list[Span]:
    return _find(view, native=False)


def _find(view: View, *, native: bool) -> list[Span]:
    text = view.folded
    judged = (
        0,
        -1,
        False,
        False,
    )  # the last line looked at: start, end, is it code, does it begin with a sign
    out = []
    for first, last, label, score in tagger(native=native).find(text):
        bounds = narrowed(text, first, last)
        if bounds is None:
            continue
        start, end = bounds
        if not judged[0] <= start < judged[1]:
            judged = _judged(text, start, end)
        if _is_prose(text, start, end, score, code=judged[2]) and not (
            (judged[2] or judged[3]) and _is_word(text, start, end)
        ):
            out.append(Span(start, end, LABELS[label], score, RULE, REASON))
    return out


def narrowed(text: str, start: int, end: int) -> tuple[int, int] | None:
    """What of a name found is one, None where nothing is; ``native/finders.c`` asks where more than plain words stand there."""
    alone = narrowed_alone(text[start:end], text[start - 1 : start].isalnum(), text[end : end + 1].isalnum())
    if alone is None:
        return None
    first, last, doubtful = alone
    start, end = start + first, start + last
    if (
        doubtful
        and not text[max(0, start - CAPS_CHARS) : start].isupper()
        and not text[end : end + CAPS_CHARS].isupper()
    ):
        return None
    return start, end


def _is_listing(value: str) -> bool:
    """Words below one another as programs have them, or a command and its option: ``echo`` and ``echo``, ``grep -Eq``."""
    if value.isalpha() or len(value) > LINE_MAX:
        return False
    if _OPTION.search(value) or ("\n" in value and value.islower()):
        return True
    return all(is_no_name(word) for word in _LETTERS.findall(value))


_OPTION: Final = re.compile(r"(?:^|[a-z]) --?[A-Za-z]")
_LETTERS: Final = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=4096)
def narrowed_alone(value: str, after_alnum: bool, before_alnum: bool) -> tuple[int, int, bool] | None:
    """The part of *value* that is a name, and whether it is none unless all around is in capitals as well.

    Whether it stands *after* or *before* a letter or digit is all it knows of the text. ``native/narrow.c`` is the same for ASCII.
    """
    start, end = _trimmed(value, after_alnum, before_alnum)
    value = value[start:end]
    if start == end or _is_identifier(value) or _is_listing(value):
        return None
    doubtful = (
        " " not in value
        and "\n" not in value
        and value.isupper()
        and not value.istitle()
        and value.isascii()
        and not load().flags(value.lower()) & _KNOWN
    )
    return start, end, doubtful


def _trimmed(value: str, after_alnum: bool, before_alnum: bool) -> tuple[int, int]:
    """Without the numbers, codes and signs at its ends that no word of the name stands beside: amounts and keys are no place."""
    if value.isalpha() and len(value) > 1:
        return 0, len(value)
    first = _WORDED.search(value)
    if first is None:
        return 0, 0
    start, end = 0, len(value)
    if first.start() > FIGURES_MAX or after_alnum:
        start = first.start()
        value = value[start:]
    if before_alnum or _CODE_TAIL.search(value):
        *_, last = _WORDED.finditer(value)
        end = start + last.end()
    return start, end


_WORDED: Final = re.compile(
    r"(?<![^\W_])(?:[^\W\d_]\.)*[^\W\d_]{2,}(?!\w)(?:['’.-][^\W\d_]+)*|[^\W\d_]\.(?= ?[^\W\d_])|(?<![^\W_])[^\W\d_\x00-\x7f](?![^\W_])"
)
"""A word of letters alone, an initial, or one letter of a script whose words are short."""
_CODE_TAIL: Final = re.compile(
    r"[ ,.]+(?=[\w.-]{0,40}\d)(?!\d{1,6}[A-Za-z]?(?:[ ,-]|$)|[A-Z]{1,2}\d[A-Z\d]? ?(?:\d[A-Z]{2})?$|[A-Z]\d[A-Z] ?\d[A-Z]\d$)[\w.-]{5,40}$"
)
"""A last piece with digits that is neither a house number nor a postcode."""
FIGURES_MAX: Final = 8
"""A longer stretch before the first word is no house number."""


def _is_identifier(value: str) -> bool:
    """One word as programs and papers write their own: ``IRCallee``, ``README.md``."""
    if " " in value or "\n" in value or value.istitle():
        return False
    return bool(_CAMEL.search(value) or _FILE.search(value))


_CAMEL: Final = re.compile(
    r"[a-zß-öø-ÿ](?<!^Mc)(?<!^Mac)(?<!^De)(?<!^Di)(?<!^Du)(?<!^La)(?<!^Le)(?<!^Van)(?<!^Fitz)(?<![-'’]Mc)[A-ZÀ-ÖØ-Þ]|[A-Z]{2}[a-z]{2}"
)
_FILE: Final = re.compile(r"\w\.[a-z]{1,5}$")
_KNOWN: Final = GIVEN | SURNAME | PLACE | COUNTRY
CAPS_CHARS: Final = 12
"""Where everything around is in capitals as well, capitals say nothing."""


def _judged(text: str, start: int, end: int) -> tuple[int, int, bool, bool]:
    """The line around a name (at most ``LINE_MAX`` either side), whether it is source code, and whether it begins with a sign,
    as comments and lists of strings do."""
    floor = max(0, start - LINE_MAX)
    left = text.rfind("\n", floor, start) + 1 or floor
    right = text.find("\n", end, end + LINE_MAX)
    right = right if right >= 0 else min(len(text), end + LINE_MAX)
    return left, right, is_code(text[left:right]), _SIGN_FIRST.match(text, left, right) is not None


_SIGN_FIRST: Final = re.compile(r"\s*+(?!#\w)[^\w\s@]|\s*+_")
"""A handle or a hash tag begins a message."""


def is_code(line: str) -> bool:
    """Whether *line* looks like source code."""
    return bool(_CODE_START.match(line) or (_CODE_SIGN.search(line) and _CODE_INSIDE.search(line)))


def _is_prose(text: str, start: int, end: int, score: float, *, code: bool) -> bool:
    """Not an identifier, and not a word of a line of source code unless it stands quoted and is very likely."""
    before = text[start - 1 : start]
    after = text[end : end + 1]
    if (before in GLUE and before) or (after in GLUE and after not in "<@" and after):
        return _JSONISH.match(text, max(0, start - 2)) is not None
    value = text[start:end]
    if is_no_name(value) or (value.isascii() and (before.isdecimal() or after.isdecimal())):
        return False
    if (before == "-" or after == "-") and value.islower():
        return False
    if (
        after == "("
        or "_" in value
        or (before == "." and text[start - 2 : start - 1].isalnum())
        or (after == "." and text[end + 1 : end + 2].islower() and not value.istitle())
    ):
        return False
    if not code:
        return True
    quoted = before in ("'", '"')
    if score < CODE_SCORE or (value.isupper() and not quoted):
        return False
    if " " in value and value[0].isupper() and (quoted or not _JOINED.search(value)):
        return True
    return quoted and SQL.search(text, max(0, start - LINE_MAX), start) is not None


_JOINED: Final = re.compile(r"[,;:] | [a-z]")
"""Parameters of a call rather than a name: ``Drawable, GC``, ``Drawable drawable``."""


def _is_word(text: str, start: int, end: int) -> bool:
    """One ASCII word in small letters, or one that the gazetteer holds for a word and for no name."""
    value = text[start:end]
    if not (value.isascii() and value.isalpha()) or "@" in text[max(0, start - 2) : start]:
        return False
    return value.islower() or load().flags(value.lower()) == COMMON


_JSONISH: Final = re.compile(r"[\s>]?[>\[{|]")
LINE_MAX: Final = 200


TEXT_RULES: tuple[TextRule, ...] = (
    TextRule(
        name="names",
        type="PERSON",
        find=find,
        find_without_native=find_without_native,
        source="trained model, see benchmarks/masking_names",
        positive=(
            "My name is Maria Gonzalez.",
            "Dear Mr. Johnson,",
            "please call John Smith",
            "Dear McDonald,",
            "MacArthur said no",
        ),
        negative=("the quick brown fox", "def parse(self): return None"),
        model=True,
        own="names",
    ),
)
