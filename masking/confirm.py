"""Compiles a recognizer's pattern to one call: ``search(text, pos, endpos) -> match | None``.

A pattern whose repeats do not nest runs on ``re``: within a bounded window its work is bounded, and a call costs
half a microsecond. Any other runs on ``regex`` with a timeout (three microseconds a call); when that is spent
:class:`TimeoutError` comes up and the caller masks the whole window (fail closed).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import regex

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from re import _constants as sre  # type: ignore[attr-defined]
    from re import _parser as sre_parse  # type: ignore[attr-defined]

TIMEOUT_SECONDS: Final = 0.05
"""A confirm takes microseconds in a window of a few hundred characters; this is four orders above."""

Search = Callable[[str, int, int], Any]


class LazySearch:
    """A search that is compiled when it is first made: most patterns meet nothing in the life of a process."""

    __slots__ = ("_at", "_found", "_ignore_case", "_pattern")

    def __init__(self, pattern: str, *, ignore_case: bool, at: bool) -> None:
        self._pattern, self._ignore_case, self._at = pattern, ignore_case, at
        self._found: Search | None = None

    def __call__(self, text: str, pos: int, endpos: int) -> Any:
        return (self._found or self.ready())(text, pos, endpos)

    def ready(self) -> Search:
        """The compiled search itself."""
        if self._found is None:
            self._found = compile_search(self._pattern, ignore_case=self._ignore_case, at=self._at)
        return self._found


def compile_search(pattern: str, *, ignore_case: bool = False, at: bool = False) -> Search:
    """The cheapest safe way to search for *pattern*; *at*: to match it at the position alone."""
    if is_simple(pattern):
        simple = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
        return simple.match if at else simple.search
    compiled = regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
    if at:

        def match(text: str, pos: int, endpos: int) -> Any:
            return compiled.match(text, pos, endpos, timeout=TIMEOUT_SECONDS)

        return match

    def search(text: str, pos: int, endpos: int) -> Any:
        return compiled.search(text, pos, endpos, timeout=TIMEOUT_SECONDS)

    return search


def is_simple(pattern: str) -> bool:
    """Whether ``re`` takes *pattern* and no repeat stands within another (possessive ones aside)."""
    tree = parsed(pattern)
    return tree is not None and not _nests(tree, inside=False)


@lru_cache(maxsize=64)
def parsed(pattern: str) -> Any:
    """*pattern* as ``re`` reads it, None for what it refuses or warns of. Nobody changes it: it is kept."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return sre_parse.parse(pattern)
    except (re.error, Warning, OverflowError):
        return None


def _nests(tree: Any, *, inside: bool) -> bool:
    for op, arg in tree:
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            low, high, body = arg
            varies = low != high and high > 1
            if varies and inside:
                return True
            if _nests(body, inside=inside or varies):
                return True
        elif op is sre.POSSESSIVE_REPEAT:
            if _nests(arg[2], inside=False):
                return True
        elif op is sre.SUBPATTERN:
            if _nests(arg[3], inside=inside):
                return True
        elif op is sre.BRANCH:
            if any(_nests(branch, inside=inside) for branch in arg[1]):
                return True
        elif op in (sre.ASSERT, sre.ASSERT_NOT):
            if _nests(arg[1], inside=inside):
                return True
        elif op is sre.ATOMIC_GROUP:
            if _nests(arg, inside=False):
                return True
        elif op in (sre.GROUPREF, sre.GROUPREF_EXISTS):
            return True
    return False
