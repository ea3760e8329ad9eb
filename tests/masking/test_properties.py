"""What holds for every text."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from masking import Engine, MaskingError
from masking.cli import EVERYTHING, mask_stream, sniff, spans_stream

ENGINE = Engine()
PIECES = st.sampled_from(
    ["John Smith", "ann@example.org", "4111 1111 1111 1111", "536-90-4399", "call", "(212) 555-0143", "10.1.2.3", "DE89 3704 0044 0532 0130 00", "password=", "hunter22", "Paris", ", ",
     "\n", " ", "[PERSON_1]", "[", "]", "://", "a:b@", "https", "12 Main Street", "born", "1980-01-02", "é", "٤", "\u200b", "ssn", "Dr.", "{", '"name": "', "account 12345678", "-", ".", "+49 30 1234567"]
)  # fmt: skip
TEXT = st.one_of(
    st.text(max_size=120),
    st.lists(PIECES, max_size=14).map(" ".join),
    st.lists(PIECES, max_size=14).map("".join),
)
CALM = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@CALM
@given(TEXT)
def test_spans_lie_inside_the_text_sorted_and_apart(text):
    at = 0
    for span in ENGINE.scan(text):
        assert at <= span.start < span.end <= len(text)
        assert 0.4 <= span.score <= 1
        at = span.end


@CALM
@given(TEXT)
def test_masked_text_scanned_again_yields_nothing_and_masking_twice_is_masking_once(text):
    masked = ENGINE.mask_text(text).text

    assert ENGINE.scan(masked) == []
    assert ENGINE.mask_text(masked).text == masked


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def _outline(value):
    if isinstance(value, dict):
        return [_outline(v) for v in value.values()]
    return [_outline(v) for v in value] if isinstance(value, list) else "leaf"


@CALM
@given(JSON)
def test_a_masked_document_has_the_same_shape_and_every_leaf(value):
    document = ENGINE.mask_json(value)

    assert _outline(document.to_json()) == _outline(value)
    assert document.hidden_count == len(document.findings)
    json.dumps(document.to_json())


def _run(fmt, data):
    out = io.BytesIO()
    mask_stream(ENGINE, io.BytesIO(data), out, fmt)
    return out.getvalue()


def test_ndjson_stays_ndjson_and_a_file_is_one_document():
    out = _run("auto", b'{"email":"a@example.org"}\n{"email":"b@example.org"}\n')

    assert [json.loads(line) for line in out.splitlines()] == [
        {"email": "[EMAIL_ADDRESS_1]"},
        {"email": "[EMAIL_ADDRESS_2]"},
    ]


def test_csv_keeps_header_columns_and_takes_the_column_name_as_context():
    out = _run("auto", b'id,ssn,note\n1,536904399,"a, b"\n2,,x\n')

    assert out == b'id,ssn,note\n1,[US_SSN_1],"a, b"\n2,,x\n'


def test_text_keeps_bytes_that_are_not_utf8():
    assert _run("text", b"\xff ann@example.org\n") == b"\xff [EMAIL_ADDRESS_1]\n"


def test_broken_json_writes_nothing():
    out = io.BytesIO()

    with pytest.raises(MaskingError):
        mask_stream(ENGINE, io.BytesIO(b'{"email": "a@example.org"'), out, "json")

    assert out.getvalue() == b""


@pytest.mark.parametrize(
    ("head", "fmt"),
    [
        (b'{"a":1}\n{"a":2}\n', "ndjson"),
        (b'{\n "a": 1}', "json"),
        (b"[1,2]", "json"),
        (b"a,b\n1,2\n", "csv"),
        (b"hello, world\n", "text"),
        (b"[INFO] x", "text"),
        (b"", "text"),
    ],
)
def test_the_format_is_guessed_from_the_first_bytes(head, fmt):
    assert sniff(head) == fmt


def test_spans_are_in_code_points_and_keep_the_id():
    out = io.BytesIO()
    line = json.dumps({"id": "x", "text": "💥 ann@example.org"}) + "\n"

    spans_stream(Engine(EVERYTHING), io.BytesIO(line.encode()), out)

    assert json.loads(out.getvalue()) == {"id": "x", "spans": [[2, 17, "EMAIL_ADDRESS", 0.98]]}
