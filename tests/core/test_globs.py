"""Globs are anchored, only the star is special, and no pattern makes them slow."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.globs import matches

TABLE = [
    ("db.export", "db.export", True),
    ("db.export", "db.export2", False),
    ("db.export", "xdb.export", False),
    ("db.export", "dbxexport", False),
    ("db.export", "DB.EXPORT", False),
    ("db.*", "db.export", True),
    ("db.*", "db.", True),
    ("db.*", "db", False),
    ("db.*", "xdb.export", False),
    ("*.export", "db.export", True),
    ("*.export", ".export", True),
    ("*.export", "db.export.all", False),
    ("db.*.all", "db.export.all", True),
    ("db.*.all", "db.all", False),
    ("db.*.all", "db..all", True),
    ("a*b*c", "abc", True),
    ("a*b*c", "aXbXc", True),
    ("a*b*c", "acb", False),
    ("a*bc*c", "abcbc", True),
    ("a*bc*bc", "abc", False),
    ("a*ab", "aab", True),
    ("a*a", "a", False),
    ("*", "", True),
    ("*", "anything", True),
    ("**", "anything", True),
    ("a**b", "ab", True),
    ("*b*", "abc", True),
    ("*b*", "ac", False),
    ("", "", True),
    ("", "a", False),
    ("*", "two\nlines", False),
    ("a*b*c", "a\nbc", False),
    ("a*b*c", "ab\nc", False),
    ("db.[a-z]+", "db.export", False),
    ("db.[a-z]+", "db.[a-z]+", True),
    ("db.?", "db.x", False),
    ("a|b", "a", False),
    ("(a)", "(a)", True),
    ("a\\*", "a\\x", True),
]


@pytest.mark.parametrize(("glob", "name", "covers"), TABLE)
def test_a_glob_covers_a_whole_name_or_nothing(glob: str, name: str, covers: bool) -> None:
    assert matches([glob], name) is covers


def test_no_globs_cover_nothing_i13() -> None:
    assert matches([], "db.export") is False
    assert matches([], "") is False


def test_one_glob_of_several_is_enough() -> None:
    assert matches(["iam.*", "db.*"], "db.export") is True
    assert matches(["iam.*", "s3.*"], "db.export") is False


@pytest.mark.parametrize(
    "glob", ["*a" * 40 + "b", "*" * 400 + "b", "*aa" * 30 + "*c*", "a*" * 200], ids=lambda g: g[:8]
)
def test_many_stars_do_not_backtrack_over_a_long_name(glob: str) -> None:
    before = time.process_time()

    assert matches([glob], "a" * 4096 + "d") is (glob == "a*" * 200)

    assert time.process_time() - before < 0.5


@given(st.lists(st.sampled_from("ab*.x"), max_size=10).map("".join), st.text("ab.x", max_size=10))
def test_a_glob_is_the_plain_regular_expression(glob: str, name: str) -> None:
    plain = "".join(".*" if char == "*" else re.escape(char) for char in glob)

    assert matches([glob], name) is (re.fullmatch(plain, name) is not None)
