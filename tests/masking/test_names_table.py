"""The binary table of names holds what its two sources hold."""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path

import pytest

from masking.names.table import Table, build, load

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pack():
    spec = importlib.util.spec_from_file_location("pack", ROOT / "benchmarks" / "masking_names" / "pack.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_was_made_from_the_sources_beside_it(pack):
    assert load().sources == pack.sources(), "run: python benchmarks/masking_names/pack.py"


def test_every_weight_and_every_word_is_found(pack):
    weights, transitions = pack.weights()
    words = pack.gazetteer()
    table = load()

    assert all(table.weight(name) == pair for name, pair in weights.items())
    assert all(table.flags(word) == flags for word, flags in words.items())
    assert table.transitions == transitions


def test_no_word_of_the_gazetteer_begins_with_a_digit(pack):
    # native/names.c does not look numbers up there.
    assert not [word for word in pack.gazetteer() if word[0].isdigit()]


def test_an_unknown_name_adds_nothing():
    table = load()

    for name in ("", "cw\ud800", "zz" * 40, "cwqqqqqqqqqq", "\U0010ffff"):
        assert table.weight(name) == (0, 0)
        assert table.flags(name) == 0


def test_a_table_is_what_it_was_built_from():
    raw = build({"a": (1, -2), "ü": (300, 400)}, {"ann": 1, "bo": 31}, tuple(map(float, range(9))), b"s" * 32)

    table = Table(raw)

    assert (table.weight("a"), table.weight("ü"), table.weight("b")) == ((1, -2), (300, 400), (0, 0))
    assert (table.flags("ann"), table.flags("bo"), table.flags("cy")) == (1, 31, 0)
    assert (table.transitions, table.sources) == (tuple(map(float, range(9))), b"s" * 32)


@pytest.mark.parametrize("damage", [lambda raw: raw[:50], lambda raw: raw[:-1], lambda raw: b"X" + raw[1:]])
def test_a_damaged_table_is_refused(damage):
    with pytest.raises(ValueError, match="table"):
        Table(damage(load().raw))


def test_a_weight_that_does_not_fit_is_refused():
    with pytest.raises(struct.error):
        build({"a": (40_000, 0)}, {}, (0.0,) * 9, b"")
