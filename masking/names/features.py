"""Features of one word, and nothing else: that is what makes the model fast.

Every feature is a function of a single token, seen from itself (``c``) or from a neighbour (``p`` before, ``n``
after, ``q`` two before, ``m`` two after). What a word adds to each label's score can therefore be summed
once per word and remembered; tagging is then additions. Pairs of classes (``d``) are the one joint feature.
"""

from __future__ import annotations

import re
from typing import Final

TOKEN: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]{1,20})?|\d+|\n|[^\w\s]|_")
GIVEN, SURNAME, PLACE, COUNTRY, COMMON = 1, 2, 4, 8, 16
BOS: Final = "\n"
LINE: Final = "¶"
"""How a line break (or the edge of the text) is written in a feature's name."""


def shape(token: str) -> str:
    """One of: x lower, X single capital, Xx capitalised, XX capitals, xX mixed, 0 digits by length, u uncased script, itself."""
    first = token[0]
    if first.isalpha():
        if token.islower():
            return "x"
        if len(token) == 1 and first.isupper():
            return "X"
        if token.istitle() or (first.isupper() and token[1:].islower()):
            return "Xx"
        if token.isupper():
            return "XX"
        if not first.isupper() and not first.islower():
            return "u"
        return "xX" if first.islower() else "XxX"
    if first.isdigit():
        return "0" + str(min(len(token), 6))
    if token == BOS:
        return LINE
    return token if token.isascii() else "*"


def group(flags: int) -> str:
    """The gazetteer's word on a token, in letters."""
    if not flags:
        return "-"
    return (
        ("g" if flags & GIVEN else "")
        + ("s" if flags & SURNAME else "")
        + ("l" if flags & PLACE else "")
        + ("n" if flags & COUNTRY else "")
        + ("w" if flags & COMMON else "")
    )


def kind(token: str, flags: int) -> str:
    """The class of a token for pair features."""
    return shape(token) + group(flags)


def own(token: str, flags: int) -> list[str]:
    low = LINE if token == BOS else token.lower()
    form = shape(token)
    mark = group(flags)
    out = ["c1", "cs" + form, "cg" + mark, "ck" + form + mark]
    if form[0] in "xXu":
        out += [
            "cw" + low,
            "cv" + form + low,
            "c3" + low[-3:],
            "c2" + low[-2:],
            "ca" + form + low[-3:],
            "cp" + low[:3],
            "cl" + form + str(min(len(low), 9)),
        ]
    elif form[0] == "0":
        out.append("cd" + form)
    return out


def beside(token: str, flags: int, where: str) -> list[str]:
    """What *token* says about its neighbour; *where* is ``p n q m``."""
    low = LINE if token == BOS else token.lower()
    form = shape(token)
    out = [where + "w" + low]
    if where in "pn":
        out += [where + "s" + form, where + "k" + form + group(flags)]
        if form[0] in "xXu":
            out.append(where + "3" + low[-3:])
    else:
        out.append(where + "k" + form + group(flags))
    return out


def pair(left: str, right: str) -> str:
    return left + "¦" + right
