"""How the secret families write their rows: one short tuple per token format.

``token`` is for formats that carry their own prefix, ``keyed`` for values that are random characters
and only the vendor's name before them tells what they are. Both read width and an example off the
pattern itself, so a row is name, literals, pattern and source, and no live-looking secret stands
anywhere in the source text.
"""

from __future__ import annotations

import math
import re
import warnings
from collections import Counter
from functools import lru_cache
from typing import Any, Final

from masking.recognizer import Pattern, Recognizer, Validator, starting

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from re import _constants as sre  # type: ignore[attr-defined]
    from re import _parser as sre_parse  # type: ignore[attr-defined]

TYPE: Final = "SECRET"
UUID: Final = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
ASSIGN: Final = (
    r"""["'`\\\])}]{0,4}\s{0,3}(?:=>|:{0,3}=|\|\|=|\?=|\.=|={1,3}|:|->|<-|,|>)\s{0,5}(?:\\{0,2}["'`]{1,3})?"""
)
"""What stands between a name and its value in some thirty languages and file formats."""

_NOT_SECRET: Final = (
    "sha",
    "sha1",
    "sha256",
    "commit",
    "hash",
    "digest",
    "sum",
    "revision",
    "version",
    "etag",
    "url",
    "uri",
    "public",
)
HARMLESS: Final = "".join(rf"(?<!(?i:{word}))(?<!(?i:{word}) )" for word in _NOT_SECRET)
"""A name that ends so holds no secret, whoever's name stands before it."""

_FILLER: Final = frozenset("xX0*.#-_ ")
_PLACEHOLDER: Final = re.compile(
    r"example|xxxx|\*\*\*|\.\.\.|your[-_ ]?|change[-_]?(?:me|it)|placeholder|dummy|redact|insert|replace[-_]?|<[a-z]|\$\{|\{\{|%\(|"
    r"process\.env|os\.environ|getenv|env\[|secrets\.|vault\.|lorem|foobar|not[-_]?a[-_]?(?:real|secret)|masked|removed",
    re.IGNORECASE,
)


def entropy(text: str) -> float:
    """Shannon entropy of the characters of *text*, in bits a character (C. E. Shannon, 1948)."""
    n = len(text)
    total = 0.0
    for count in Counter(
        text
    ).values():  # term by term as native/secrets.c does; sum() rounds otherwise from Python 3.12 on
        total += count / n * math.log2(count / n)
    return -total


def placeholder(text: str) -> bool:
    """Written to be replaced: a filler, an EXAMPLE, a template variable, a reference to where the secret is kept."""
    return set(text) <= _FILLER or _PLACEHOLDER.search(text) is not None


def not_placeholder(text: str) -> bool | None:
    """For formats with their own prefix: everything but an example counts. Never certain by itself."""
    body = re.sub(r"^[A-Za-z]{2,12}[-_.]", "", text)
    return False if placeholder(text) or set(body) <= _FILLER else None


_RUN: Final = re.compile("[A-Za-z][a-z]{3,}|[A-Z]{4,}")
_CLUSTER: Final = re.compile("[^aeiouy]{5}", re.IGNORECASE)


def wordy(text: str) -> bool:
    """Most of *text* is made of runs that could be words: four or more letters with vowels among them."""
    spoken = 0
    for match in _RUN.finditer(text):
        run = match[0].lower()
        vowels = sum(char in "aeiouy" for char in run)
        if 0.2 <= vowels / len(run) <= 0.7 and not _CLUSTER.search(run):
            spoken += len(run)
    return spoken > 0.6 * len(text)


def random_looking(text: str) -> bool | None:
    """For values known by the name before them: long enough a mix not to be a word, a path or a filler."""
    if placeholder(text) or len(set(text)) < 6 or wordy(text):
        return False
    return False if entropy(text) < min(3.0, math.log2(len(text)) * 0.55) else None


def token(
    name: str,
    literals: str,
    pattern: str,
    source: str,
    *,
    score: float = 0.9,
    before: int = 0,
    validator: Validator = not_placeholder,
    negative: tuple[str, ...] = (),
) -> Recognizer:
    """A format with its own marks. *literals* are separated by blanks and lower-cased; the first group of
    *pattern* is masked, or all of it; *before* is how far left of the literal a match may begin.
    """
    tree = sre_parse.parse(pattern)
    group = 1 if tree.state.groups > 1 else 0
    body = pattern if group else f"({pattern})"
    example = _Sampler(len(name)).of(tree)
    return Recognizer(
        name=f"secret/{name}",
        type=TYPE,
        patterns=(
            Pattern(
                starting(tuple(literals.lower().split()), before, int(tree.getwidth()[1]) + 2),
                score,
                rf"(?<![A-Za-z0-9]){body}(?![A-Za-z0-9])",
                1,
            ),
        ),
        source=source,
        positive=(f"use {example} now", f'key = "{example}"'),
        negative=negative,
        validator=validator,
        validated_score=score,
    )


def keyed(name: str, literals: str, pattern: str, source: str, *, score: float = 0.8) -> Recognizer:
    """A value of form *pattern* assigned within forty characters after the vendor's name (any of *literals*)."""
    tree = sre_parse.parse(pattern)
    names = literals.lower().split()
    example = _Sampler(len(name)).of(tree)
    return Recognizer(
        name=f"secret/{name}",
        type=TYPE,
        patterns=(
            Pattern(
                starting(tuple(names), 0, int(tree.getwidth()[1]) + 60),
                score,
                rf"(?i:{'|'.join(map(re.escape, names))})[\w.\- \t]{{0,40}}+{HARMLESS}{ASSIGN}({pattern})(?![A-Za-z0-9+/_-])",
                1,
            ),
        ),
        source=source,
        positive=(f'{names[0]}_api_key = "{example}"', f'"{names[0]}Token": "{example}"'),
        negative=(f'{names[0]}_api_key = "${{VALUE}}"',),
        validator=random_looking,
        validated_score=score,
    )


class _Sampler:
    """One string that a pattern matches, always the same for the same pattern and seed; not random, not secret."""

    def __init__(self, seed: int) -> None:
        self._state = seed * 7919 + 12345

    def _next(self, n: int) -> int:
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 8) % n

    def of(self, tree: Any) -> str:
        return "".join(self._one(op, arg) for op, arg in tree)

    def _one(self, op: Any, arg: Any) -> str:
        if op is sre.LITERAL:
            return chr(arg)
        if op is sre.IN:
            return self._char(arg)
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            low, _, body = arg
            return "".join(self.of(body) for _ in range(low))
        if op is sre.SUBPATTERN:
            return self.of(arg[3])
        if op is sre.BRANCH:
            return self.of(arg[1][0])
        if op in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
            return ""
        raise ValueError(f"no example can be read off {op}")

    def _char(self, members: Any) -> str:
        if members[0][0] is sre.NEGATE:
            return "abcdefgh"[self._next(8)]
        letters = _letters(tuple(members))
        return letters[self._next(len(letters))]


@lru_cache(maxsize=512)
def _letters(members: tuple[Any, ...]) -> list[str]:
    """What an example takes of a set of characters: its letters and digits, where it has any."""
    pool: list[str] = []
    for op, arg in members:
        if op is sre.LITERAL:
            pool.append(chr(arg))
        elif op is sre.RANGE:
            pool.extend(map(chr, range(arg[0], arg[1] + 1)))
        elif op is sre.CATEGORY and arg is sre.CATEGORY_DIGIT:
            pool.extend("0123456789")
        elif op is sre.CATEGORY and arg is sre.CATEGORY_WORD:
            pool.extend("abcdefghijkmnpqrstuvwyzABCDEFGHJKLMNPQRSTUVWYZ23456789")
    return [char for char in pool if char.isalnum()] or pool
