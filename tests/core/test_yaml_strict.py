"""T23: YAML that can surprise its reader is refused, with the line it stands on."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.yaml_strict import BYTES_MAX, DEPTH_MAX, YamlError, read

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: &x 1", 2, "an anchor (&x)"),
        ("a: *x", 1, "an alias (*x)"),
        (BOMB, 1, "an anchor"),
        ("a: 1\n\na: 2", 3, "a second time"),
        ("g:\n  a: 1\n  a: 2", 3, "a second time"),
        ("{a: 1, 'a': 2}", 1, "a second time"),
        ("a: !!str 1", 1, "a tag"),
        ("!!python/object/apply:os.system [id]", 1, "a tag"),
        ("a: !local 1", 1, "a tag"),
        ("<<: {a: 1}", 1, "a merge key"),
        ("? [1]\n: 2", 1, "not plain text"),
        ("a: 1\n--- \nb: 2", 2, "a second document"),
        ("%YAML 1.1\n---\na: 1", 1, "a % directive"),
        ("a: yes", 1, "write true or false"),
        ("a: Off", 1, "write true or false"),
        ("a: 010", 1, "not a plain decimal number"),
        ("a: 0x1F", 1, "not a plain decimal number"),
        ("a: 1_000", 1, "not a plain decimal number"),
        ("a: +1", 1, "not a plain decimal number"),
        ("a: .inf", 1, "not a plain decimal number"),
        ("a: 9007199254740992", 1, "past 2^53"),
        ("a: 1\nb: x\u202ey", 2, "U+202E"),
        ("a: \x00", 1, "not YAML"),
        ("a:\n\tb: 1", 2, "not YAML"),
        ("[1, 2", 1, "not YAML"),
        ("[" * (DEPTH_MAX + 2), 1, "nested deeper"),
        ("- " * (DEPTH_MAX + 2) + "x", 1, "nested deeper"),
        ("#" * (BYTES_MAX + 1), 1, "larger than"),
    ],
)
def test_what_can_surprise_is_refused_with_its_line(text, line, words):
    with pytest.raises(YamlError) as refused:
        read(text)

    assert refused.value.line == line
    assert words in refused.value.what


def test_text_that_is_not_utf8_is_refused():
    with pytest.raises(YamlError, match="line 2: not UTF-8"):
        read(b"a: 1\nb: \xff")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# only a comment\n", None),
        ("a: null\nb: ~\nc:\n", {"a": None, "b": None, "c": None}),
        ("[true, false, 'true', \"no\"]", [True, False, "true", "no"]),
        ("[0, -7, 9007199254740991]", [0, -7, 9007199254740991]),
        ("[1.5, -0.25, 1e3, 2E-2]", [1.5, -0.25, 1000.0, 0.02]),
        ("[12:30:45, 2026-01-02, 1.2.3, 0o, y, n]", ["12:30:45", "2026-01-02", "1.2.3", "0o", "y", "n"]),
        ("1: one\ntrue: two\n", {"1": "one", "true": "two"}),
        ("a: |\n  x\n  y\nb: >-\n  u\n  v\n", {"a": "x\ny\n", "b": "u v"}),
        ("\ufeffa: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
    ],
)
def test_a_plain_scalar_means_one_thing_only(text, value):
    assert read(text).value == value


def test_the_deepest_allowed_document_is_read():
    assert read("[" * DEPTH_MAX + "x" + "]" * DEPTH_MAX).value


def test_every_value_knows_its_line():
    document = read("a: 1\nrules:\n  - name: x\n    when: |\n      long\n  - name: y\n")

    assert document.line(("rules", 0, "when")) == 4
    assert document.line(("rules", 1)) == 6
    assert document.line(("rules", 1, "absent")) == 6
    assert document.line(()) == 1


def test_a_part_can_be_quoted_as_it_stands_without_the_comments_of_the_next():
    document = read(
        "rules:\n  - name: x\n    require: [{group: a}]  # note\n    deny_threshold: 2\n\n  # next\n  - name: y\n"
    )

    assert document.text(("rules", 0)) == "name: x\nrequire: [{group: a}]  # note\ndeny_threshold: 2"
    assert document.text(("rules", 0, "require")) == "[{group: a}]"


def _outcome(text):
    """What reading gives: the value, or the refusal."""
    try:
        return read(text).value
    except YamlError as refused:
        return refused


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_and_nothing_else(text):
    outcome = _outcome(text)

    assert not isinstance(outcome, YamlError) or 1 <= outcome.line <= text.count("\n") + text.count("\r") + 2


_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text("ab :#-?&*!|>'\"%@`é\n", max_size=20)
)
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8, alphabet="abc 1:#<"), inner, max_size=4).filter(
            lambda d: "<<" not in d
        )
    ),
    max_leaves=12,
)


@given(_values)
def test_json_text_is_read_as_json_reads_it(value):
    assert _outcome(json.dumps(value, ensure_ascii=True)) == value
