"""What may be told to a caller who named the kinds; what is masked stays as it is."""

from __future__ import annotations

import io
import json

import pytest

from masking import Engine, MaskingError
from masking.chosen import only
from masking.cli import EVERYTHING, spans_stream
from masking.config import EngineConfig

ENGINE = Engine(EVERYTHING)


def kinds(spans):
    return {s.type for s in spans}


def asked(row):
    out = io.BytesIO()
    spans_stream(ENGINE, io.BytesIO(json.dumps(row).encode()), out)
    return [s[2] for s in json.loads(out.getvalue())["spans"]]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("US_PASSPORT", "912803456"),
        ("US_BANK_NUMBER", "945456787654"),
        ("UK_NHS", "4010232137"),
        ("NPI", "1234567893"),
        ("VIN", "1M8GDM9AXKP042788"),
        ("DE_LANR", "123456601"),
        ("CRYPTO", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
    ],
)
def test_a_named_kind_is_found_without_a_word_for_it(kind, value):
    text = f"It says {value}, as was told."

    assert [text[s.start : s.end] for s in only(ENGINE, text, {kind})] == [value]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("CREDIT_CARD", "4111 1111 1111 1112"),
        ("UK_NHS", "4010232138"),
        ("NPI", "1234567890"),
        ("US_SSN", "666-12-3456"),
        ("IP_ADDRESS", "10.0.0.256"),
    ],
)
def test_a_named_kind_refuses_what_its_rules_refuse(kind, value):
    assert only(ENGINE, f"It says {value}, as was told.", {kind}) == []


def test_of_one_kind_no_two_overlap_and_other_kinds_are_left_out():
    spans = only(ENGINE, "ann@example.org, card 4111 1111 1111 1111", {"CREDIT_CARD", "US_BANK_NUMBER"})

    assert kinds(spans) <= {"CREDIT_CARD", "US_BANK_NUMBER"}
    assert len(spans) == len({(s.type, s.start) for s in spans})


def test_a_value_alone_is_told_as_scan_tells_it_unless_kinds_are_named():
    assert asked({"id": 1, "text": "123456789"}) == [s.type for s in ENGINE.scan("123456789")] == []
    assert asked({"id": 1, "text": "123456789", "types": ["UK_PASSPORT", "US_PASSPORT"]}) == [
        "UK_PASSPORT",
        "US_PASSPORT",
    ]


def test_what_the_operator_allows_or_turned_off_is_not_told():
    engine = Engine(EngineConfig(off=frozenset({"US_PASSPORT"}), allow=frozenset({"912803457"})))

    assert only(engine, "see 912803457", {"UK_PASSPORT"}) == []
    assert only(engine, "see 912803456", {"US_PASSPORT"}) == []
    assert kinds(only(engine, "see 912803456", {"US_PASSPORT", "UK_PASSPORT"})) == {"UK_PASSPORT"}


def test_a_line_may_name_its_kinds():
    assert asked({"id": 1, "text": "It says 912803456 there", "types": ["US_PASSPORT"]}) == ["US_PASSPORT"]
    assert asked({"id": 1, "text": "It says 912803456 there"}) == []


@pytest.mark.parametrize("types", ["US_PASSPORT", [1], {}])
def test_kinds_that_are_no_list_of_names_end_the_stream(types):
    with pytest.raises(MaskingError, match="types"):
        asked({"id": 1, "text": "a", "types": types})
