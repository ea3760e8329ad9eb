"""Every recognizer's own table of examples, and a bound on its worst case."""

from __future__ import annotations

import re
import time

import pytest

from masking import Engine, EngineConfig, detect, native
from masking.confirm import sre_parse
from tests.masking.hostile import NEVER_TWICE, never_twice

ENGINE = Engine(EngineConfig(off=frozenset()))
RULES = [*detect.recognizers(), *detect.run_rules(), *detect.text_rules()]


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_each_positive_example_is_found(rule):
    missed = [text for text in rule.positive if not any(s.type == rule.type for s in ENGINE.scan(text))]

    assert not missed


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_no_negative_example_is_taken(rule):
    taken = [text for text in rule.negative if any(s.rule == rule.name for s in ENGINE.scan(text))]

    assert not taken


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_each_names_its_source_and_has_examples(rule):
    assert rule.source
    assert rule.positive
    assert rule.negative or "/" in rule.name  # ids and secrets share tables of look-alikes in their own tests


def test_names_are_unique():
    names = [r.name for r in RULES]

    assert len(names) == len(set(names))


HOSTILE = {
    "a.": "a.", "1.": "1.", "1 ": "1 ", "@": "@", "a@": "a@", "a": "a", "0": "0", "A ": "A ", "Aa ": "Aa ", "://": "://", "[": "[", "secret=": "secret=", "-": "-",
    "+1(": "+1(", "a@a.": "a@a.", "eyJ": "eyJ", "-----BEGIN ": "-----BEGIN ", "AA00": "AA00 ", "born ": "born ", "street": "1 A street ", "é": "é", "\u0660": "\u0660", "::": "::", "0:": "0:",
    "password: ": "password: ", "John ": "John ", "card 4111": "card 4111 ", "0x": "0x", "www.": "www.", "\n": "\n", "[PERSON_1]": "[PERSON_1]", "rue de la ": "12 rue de la ", "Mr. ": "Mr. ", "geb. ": "geb. ", "plate ": "plate ", "::1 ": "::1 ", "x[at]": "x[at]y.co ", "md-": "md-", "http": "http://a:b@c ",
}  # fmt: skip


NEW = tuple(NEVER_TWICE)
WORST = 35
"""The goal is 20 times the time of plain English; a loud machine, and a few forms of real values, take more."""
FULL = (
    "Mr. ",
    "password: ",
    "4111 ",
    "0.0.0.0 ",
    "Иван ",
    "geb. ",
    "vrm",
    "plate ",
    "auth_key",
    "token",
    "::1 ",
    "rue ",
    "12 Main St ",
    " a.com",
    "api-key",
    "@jio ",
    "[at]a",
    "x[at]y.co ",
    "http://a:b@c ",
)


@pytest.mark.parametrize("name", NEW)
def test_hostile_text_that_never_repeats_its_windows_takes_linear_time(name):
    """What the engine remembers of windows, values and shapes is of no use here."""
    small, large = (never_twice(name, n) for n in (12_000, 48_000))
    ENGINE.scan(small[:2000])

    first = _seconds(small)
    second = _seconds(large)

    assert second < 7 * first + 0.05


@pytest.mark.skipif(not native.available, reason="the goal is that of the compiled loops")
@pytest.mark.parametrize("unit", FULL)
def test_a_text_full_of_one_literal_costs_a_few_times_what_plain_english_costs(unit):
    clean = "The quick report was finished on time and nobody complained about it. " * 1900
    size = 1 << 17

    assert _seconds((unit * size)[:size]) < WORST * _seconds(clean[:size]) + 0.005


@pytest.mark.skipif(not native.available, reason="the compiled loops keep the answers")
def test_no_pattern_looks_further_back_than_the_kept_answers_do():
    """``WINDOW_BEHIND`` of native/scan.c."""
    for recognizer in RULES:
        for pattern in getattr(recognizer, "patterns", ()):
            for behind in re.findall(
                r"\(\?<[=!]((?:\\.|\[(?:\\.|[^\]])+\]|[^()\[\\]|\((?:[^()])*\))*)\)", pattern.regex
            ):
                assert sre_parse.parse(behind).getwidth()[1] <= 16, (recognizer.name, behind)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_linear_time(name):
    """Four times the text may take at most about four times as long (seven with noise)."""
    unit = HOSTILE[name]
    small, large = (unit * (n // len(unit)) for n in (16_000, 64_000))
    ENGINE.scan(small)

    first = _seconds(small)
    second = _seconds(large)

    assert second < 7 * first + 0.05


def _seconds(text):
    best = 9e9
    for _ in range(2):
        start = time.process_time()
        ENGINE.scan(text)
        best = min(best, time.process_time() - start)
    return best
