"""Values in forms that are often missed, and harmless text that looks like them, from one seed."""

from __future__ import annotations

import pytest

from masking import Engine
from masking.config import EngineConfig
from tests.masking.lookalikes import HARMLESS, HIDDEN, cases, wrong

ENGINE = Engine()
COUNT = 20


def test_values_made_to_be_missed_are_found_and_harmless_ones_are_left():
    judged = wrong(ENGINE, 20, COUNT)

    assert sum(judged[template] for template, *_ in HIDDEN) <= 0.02 * COUNT * len(HIDDEN), judged
    assert sum(judged[template] for template, *_ in HARMLESS) <= 0.02 * COUNT * len(HARMLESS), judged


def test_python_alone_judges_them_the_same():
    python = Engine(native=False)

    for case in cases(21, 4):
        assert python.scan(case.text) == ENGINE.scan(case.text), case.text


def test_one_who_masks_urls_still_learns_of_the_secret_in_one_and_sees_nothing_of_either():
    engine = Engine(EngineConfig(off=frozenset()))
    text = "see https://db.example.com/login?user=app&password=" + "hunter2x" + " now"

    spans = engine.scan(text)

    assert {(s.type, text[s.start : s.end]) for s in spans} == {
        ("URL", "https://db.example.com/login?user=app&password"),
        ("PASSWORD", "hunter2x"),
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("bounce-4-ann=example.org@lists.example.net", "bounce-4-ann=example.org@lists.example.net"),
        ("user=ann@example.org", "ann@example.org"),
        ("/x?a=1&to=ann@example.org", "ann@example.org"),
        ("b/c/ann@example.org", "ann@example.org"),
    ],
)
def test_an_address_begins_behind_the_name_of_its_parameter(text, value):
    assert [text[s.start : s.end] for s in ENGINE.scan(text) if s.type == "EMAIL_ADDRESS"] == [value]


@pytest.mark.parametrize("engine", [ENGINE, Engine(native=False)], ids=["built", "python"])
@pytest.mark.parametrize(
    "text",
    [
        "void inc(uint64_t Delta) { pos += Delta; }",
        "void Arrow(Display *, Drawable, GC, Box);",
        '\tDrawable drawable,\n\techo\n\techo "done"',
        "| grep boolean | grep -Eq '^x'",
        "  'upper-roman', 'mac-roman',",
    ],
)
def test_words_of_programs_are_no_names(engine, text):
    assert [s for s in engine.scan(text) if s.type in {"PERSON", "LOCATION"}] == []
