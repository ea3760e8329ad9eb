"""The deep tier without its model: what it may do to the fast tier's answer, and what happens when it is not there, late or broken.

The model itself is tried in ``tests/interop_masking``.
"""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking import Engine, EngineConfig, Span, Worker
from masking.child import DeepSettings
from masking.deep import OVERLAP_CHARS, WINDOW_CHARS, DeepError, Transformer, lacking, model_folder, windows
from masking.deep_join import joined

TEXT = "The quick brown fox, met Ann Smith in Old Town near 12 Long Road; card 4111."
SOFT = frozenset({"names"})


@st.composite
def apart(draw, rule):
    """Sorted spans that do not overlap."""
    cuts = sorted(draw(st.sets(st.integers(0, len(TEXT)), max_size=12)))
    kinds = draw(st.lists(st.sampled_from(("PERSON", "LOCATION", "ADDRESS")), min_size=6, max_size=6))
    return [
        Span(a, b, kind, 0.6, draw(st.sampled_from(rule)), "")
        for a, b, kind in zip(cuts[::2], cuts[1::2], kinds, strict=False)
    ]


def covered(spans):
    return {i for s in spans for i in range(s.start, s.end)}


@given(apart(("names", "card", "key")), apart(("deep",)))
def test_i9_nothing_that_the_fast_tier_hides_is_shown_because_of_the_deep_one(fast, deep):
    both = joined(fast, deep, TEXT, soft=SOFT)

    assert covered(fast) <= covered(both)
    assert covered(both) <= covered(fast) | covered(deep)
    assert all(a.end <= b.start for a, b in pairwise(both))
    assert [s for s in fast if s.rule not in SOFT] == [s for s in both if s.rule not in SOFT | {"deep"}]


@given(apart(("names", "card")), apart(("deep",)))
def test_every_letter_that_the_deep_tier_found_is_hidden(fast, deep):
    missed = covered(deep) - covered(joined(fast, deep, TEXT, soft=SOFT))

    assert not any(TEXT[i].isalnum() for i in missed)


def test_of_one_name_seen_by_both_the_whole_is_one_span():
    at = TEXT.index("Ann")
    fast = [Span(at, at + 3, "LOCATION", 0.6, "names")]
    deep = [Span(at, at + 9, "PERSON", 0.9, "deep")]

    assert [(TEXT[s.start : s.end], s.type) for s in joined(fast, deep, TEXT, soft=SOFT)] == [
        ("Ann Smith", "PERSON")
    ]


def test_what_is_off_or_allowed_stays_readable_whatever_the_deep_tier_says():
    def deep(text):
        return [Span(0, 5, "PERSON", 0.9, "deep"), Span(6, 11, "LOCATION", 0.9, "deep")]

    engine = Engine(EngineConfig(allow=frozenset({"alpha"}), off=frozenset({"LOCATION"})), deep=deep)

    assert engine.scan("alpha bravo") == []
    assert engine.without_deep().scan("alpha bravo") == []


def test_what_is_masked_already_is_left_alone():
    def deep(text):
        assert "PERSON" not in text
        return [Span(0, len(text), "PERSON", 0.9, "deep")]

    assert Engine(deep=deep).mask_text("[PERSON_1]").text == "[PERSON_1]"


def test_the_deep_tier_reads_json_with_its_keys_and_explains_itself():
    seen = []

    def deep(text):
        seen.append(text)
        at = text.find("zorp")
        return [] if at < 0 else [Span(at, at + 4, "PERSON", 0.9, "deep", "transformer")]

    engine = Engine(deep=deep)

    assert engine.mask_json({"nick": "zorp", "n": 1}).to_json() == {"nick": "[PERSON_1]", "n": 1}
    assert seen[0].startswith("nick: zorp\n")
    assert [s.reason for s in engine.explain("zorp")] == ["transformer"]


@given(st.text("ab \n", max_size=3 * WINDOW_CHARS) | st.text(max_size=2000))
def test_windows_cover_the_text_and_are_no_longer_than_the_model_reads(text):
    cut = windows(text)

    assert covered([Span(a, b, "", 0) for a, b in cut]) == set(range(len(text)))
    assert all(0 < b - a <= WINDOW_CHARS for a, b in cut)
    assert all(c <= b and a < c for (a, b), (c, _) in pairwise(cut))


def test_a_name_over_the_edge_of_a_window_is_whole_in_one_of_them():
    text = "word " * 95 + "Annabella Schmidt-Meier " + "word " * 200
    at = text.index("Annabella")

    assert any(a <= at and at + 23 <= b for a, b in windows(text))
    assert OVERLAP_CHARS < WINDOW_CHARS // 4


def test_a_missing_model_is_said_with_what_to_do(tmp_path):
    with pytest.raises(DeepError, match=r"config\.json"):
        model_folder(tmp_path)
    assert "signoff[deep]" in lacking(tmp_path)
    with pytest.raises(DeepError):
        Transformer(tmp_path)


def _broken_model(folder):
    (folder / "onnx").mkdir()
    for name in ("config.json", "tokenizer.json", "onnx/model_q4.onnx"):
        (folder / name).write_text("{}")
    return folder


VALUE = {"who": "Dear Ann Smith", "mail": "a@example.org"}


async def test_i9_without_the_package_a_preview_is_what_the_fast_tier_masked(tmp_path):
    async with Worker(deep=DeepSettings(0.5, tmp_path)) as worker:
        fast = await worker.mask_json(VALUE)

        assert await worker.preview(VALUE, fast) is fast
        assert "signoff[deep]" in worker.deep_lack


async def test_i9_a_model_that_cannot_be_loaded_costs_a_preview_no_more_than_its_budget(tmp_path):
    async with Worker(deep=DeepSettings(0.2, _broken_model(tmp_path))) as worker:
        worker.deep_lack = ""
        fast = await worker.mask_json(VALUE)
        started = time.monotonic()

        assert await worker.preview(VALUE, fast) is fast
        assert time.monotonic() - started < 5


async def test_nobody_asked_for_it_and_a_preview_is_the_same_object():
    async with Worker() as worker:
        fast = await worker.mask_json(VALUE)

        assert await worker.preview(VALUE, fast) is fast
        assert worker.deep_lack == ""
