"""Persons and places by the model of ``masking.names``.

Source: a linear-chain model over word features (Lafferty, McCallum, Pereira 2001), trained by
``benchmarks/masking_names/train.py``; the data's attribution stands in NOTICE.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from masking.names.tagger import Tagger
from masking.rules import TextRule
from masking.spans import Span
from masking.view import View

BIAS = 0.9
"""Taken from O: a missed name costs more than a masked word. Set on the training script's held-out sentences."""


@cache
def _tagger() -> Tagger:
    return Tagger(BIAS)


_CODE: Final = re.compile(
    r"^\s*(?:#\s*(?:define|include|undef|if\w*|el\w+|endif|pragma|error)\b|(?:import|from|def|class|return|raise|assert|elif|except|with|async|await|yield|lambda|package|using|namespace|"
    r"public|private|protected|static|const|let|var|function|func|fn|impl|struct|enum|typedef|extern|export|interface|type|void|int|char|bool|template|@\w+|//|/\*|\*|\.\.)\b)"
    r"|[;{}\\]\s*$|[\w\])]\([^)]{0,80}\)?\s*[:{,]?\s*$|\w\.\w+\(|[=!]=|&&|\|\||=>|->|::|\w\[\w|^\s*\w[\w.]*(?:: [\w\[\]|. ]+)? [+|-]?= |^\s*(?:if|for|while|elif|else)\b.*:\s*$|^ {0,4}\*\s|^\s*[\"\'\w]+\s*[:=]\s*\w+\(|\s{2}# "
)
_SQL: Final = re.compile(r"(?i)\b(?:insert into|update|select|values|where)\b")
_GLUE: Final = frozenset("_/\\$%&=<>@#*~^|{}[]")
CODE_SCORE: Final = 0.82


def find(view: View) -> list[Span]:
    text = view.folded
    found = _tagger().find(text)
    if not found:
        return found
    judged = (0, -1, False)  # the last line looked at: start, end, is it code
    out = []
    for span in found:
        if not judged[0] <= span.start < judged[1]:
            judged = _judged(text, span)
        if _is_prose(text, span, code=judged[2]):
            out.append(span)
    return out


def _judged(text: str, span: Span) -> tuple[int, int, bool]:
    """The line around *span* (at most ``LINE_MAX`` either side) and whether it is source code."""
    floor = max(0, span.start - LINE_MAX)
    left = text.rfind("\n", floor, span.start) + 1 or floor
    right = text.find("\n", span.end, span.end + LINE_MAX)
    right = right if right >= 0 else min(len(text), span.end + LINE_MAX)
    return left, right, _CODE.search(text[left:right]) is not None


def _is_prose(text: str, span: Span, *, code: bool) -> bool:
    """Not an identifier, and not a word of a line of source code unless it stands quoted and is very likely."""
    before = text[span.start - 1 : span.start]
    after = text[span.end : span.end + 1]
    if (before in _GLUE and before) or (after in _GLUE and after not in "<@" and after):
        return _JSONISH.match(text, max(0, span.start - 2)) is not None
    value = text[span.start : span.end]
    if (
        after == "("
        or "_" in value
        or (before == "." and text[span.start - 2 : span.start - 1].isalnum())
        or (after == "." and text[span.end + 1 : span.end + 2].islower() and not value.istitle())
    ):
        return False
    if not code:
        return True
    if span.score < CODE_SCORE:
        return False
    if " " in value and value[0].isupper():
        return True
    return _SQL.search(text, max(0, span.start - LINE_MAX), span.start) is not None


_JSONISH: Final = re.compile(r"[\s>]?[>\[{|]")
LINE_MAX: Final = 200


TEXT_RULES: tuple[TextRule, ...] = (
    TextRule(
        name="names",
        type="PERSON",
        find=find,
        source="trained model, see benchmarks/masking_names",
        positive=("My name is Maria Gonzalez.", "Dear Mr. Johnson,", "please call John Smith"),
        negative=("the quick brown fox", "def parse(self): return None"),
        model=True,
    ),
)
