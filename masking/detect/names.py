"""Persons and places by the model of ``masking.names``.

Source: a linear-chain model over word features (Lafferty, McCallum, Pereira 2001), trained by
``benchmarks/masking_names/train.py``; the data's attribution stands in NOTICE.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

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
    judged = (0, -1, False)  # the last line looked at: start, end, is it code
    out = []
    for start, end, label, score in tagger(native=native).find(text):
        if not judged[0] <= start < judged[1]:
            judged = _judged(text, start, end)
        if _is_prose(text, start, end, score, code=judged[2]):
            out.append(Span(start, end, LABELS[label], score, RULE, REASON))
    return out


def _judged(text: str, start: int, end: int) -> tuple[int, int, bool]:
    """The line around a name (at most ``LINE_MAX`` either side) and whether it is source code."""
    floor = max(0, start - LINE_MAX)
    left = text.rfind("\n", floor, start) + 1 or floor
    right = text.find("\n", end, end + LINE_MAX)
    right = right if right >= 0 else min(len(text), end + LINE_MAX)
    return left, right, is_code(text[left:right])


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
    if is_no_name(value):
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
    if score < CODE_SCORE or (value.isupper() and before not in ("'", '"')):
        return False
    if " " in value and value[0].isupper():
        return True
    return SQL.search(text, max(0, start - LINE_MAX), start) is not None


_JSONISH: Final = re.compile(r"[\s>]?[>\[{|]")
LINE_MAX: Final = 200


TEXT_RULES: tuple[TextRule, ...] = (
    TextRule(
        name="names",
        type="PERSON",
        find=find,
        find_without_native=find_without_native,
        source="trained model, see benchmarks/masking_names",
        positive=("My name is Maria Gonzalez.", "Dear Mr. Johnson,", "please call John Smith"),
        negative=("the quick brown fox", "def parse(self): return None"),
        model=True,
        own="names",
    ),
)
