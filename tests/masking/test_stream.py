"""Streams: the same result as one scan over the whole, wherever the pieces end, in memory that does not grow."""

from __future__ import annotations

import csv
import io
import json
import random
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from masking import Engine, MaskingError
from masking.csv_stream import mask_csv
from masking.flow import mask_flow, sniff
from masking.json_stream import JsonStream
from masking.stream import TextStream
from masking.tally import BoundedNumbering, Tally
from tests.masking.test_properties import JSON, PIECES, TEXT

ENGINE = Engine()
ROOT = Path(__file__).parents[2]
CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class ByValue:
    """Placeholders whose number depends on the value alone, so that the order of finding makes no difference."""

    def placeholder(self, kind, value):
        return f"[{kind}_{zlib.crc32(value.encode('utf-8', 'surrogatepass')) % 100_000}]"


def streamed(text, sizes, **limits):
    stream = TextStream(ENGINE, ByValue(), **limits)
    out, at = [], 0
    for size in sizes:
        out.append(stream.feed(text[at : at + size]))
        at += size
    out.append(stream.feed(text[at:]) + stream.close())
    return "".join(out)


SMALL = {"block": 200, "ahead": 700, "behind": 500}
"""Recognizers of long secrets look further ahead; the texts below hold none of those."""
VALUES = {
    "EMAIL_ADDRESS": "ann.lee@example.org",
    "CREDIT_CARD": "4111 1111 1111 1111",
    "US_SSN": "ssn 536-90-4399",
    "IBAN_CODE": "DE89 3704 0044 0532 0130 00",
    "PHONE_NUMBER": "call +1 212-555-0143",
    "URL_CREDENTIALS": "https://ann:hunter22@db.example.org/x",
}


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_is_found_at_every_offset_over_the_edge_of_a_piece(kind):
    value = VALUES[kind]
    for shift in range(len(value) + 4):
        text = "the order was shipped on time and paid in full. " * 40
        at = 200 - len(value) - 2 + shift
        text = text[:at] + " " + value + " " + text[at:]

        masked = streamed(text, [], **SMALL)

        assert value not in masked, shift
        assert masked == ENGINE.mask_text(text, ByValue()).text, shift


def test_a_value_is_found_at_every_offset_over_the_edge_of_what_was_fed():
    value = "ann.lee@example.org"
    text = "x " * 150 + value + " y" * 600
    for cut in range(295, 295 + len(value) + 10):
        assert streamed(text, [cut], **SMALL) == text.replace(
            value, ByValue().placeholder("EMAIL_ADDRESS", value)
        )


def test_a_private_key_longer_than_a_piece_is_hidden_whole():
    body = "\n".join("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJz" for _ in range(60))
    key = f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----"
    text = "words and words\n" * 300 + key + "\nmore words" * 3000

    masked = streamed(text, [], block=1000)

    assert "QUJDREVG" not in masked
    assert masked.count("more words") == 3000


@CALM
@given(st.lists(PIECES, min_size=40, max_size=160), st.lists(st.integers(1, 300), max_size=8))
def test_the_pieces_make_the_same_text_as_one_scan_over_the_whole(pieces, sizes):
    text = " ".join(pieces)

    assert streamed(text, sizes, **SMALL) == ENGINE.mask_text(text, ByValue()).text


def test_what_is_not_utf8_and_line_ends_stay_as_they_are():
    out = io.BytesIO()

    mask_flow(ENGINE, io.BytesIO(b"\xff a\r\nann@example.org\r\n\xc3"), out, "text")

    assert out.getvalue() == b"\xff a\r\n[EMAIL_ADDRESS_1]\r\n\xc3"


def test_one_value_over_a_megabyte_is_a_fault_and_not_half_shown():
    from masking import CustomRecognizer, EngineConfig

    engine = Engine(EngineConfig(names=False, custom=(CustomRecognizer("all", "ALL", r"(?s)BEGIN.*"),)))
    stream = TextStream(engine, ByValue())

    with pytest.raises(MaskingError):
        for _ in range(20):
            assert stream.feed("BEGIN" + "x " * 50_000) == ""


def _json(data, size=7, **how):
    stream = JsonStream(ENGINE, ByValue(), **how)
    return b"".join([*(stream.feed(data[i : i + size]) for i in range(0, len(data), size)), stream.close()])


KEYED = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["a", "email", "note", "b.c", "", "ann@example.org", "password", "ssn"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
"""The model of names reads keys with those beside them, and a stream sees others beside them: keys here are no names."""


@CALM
@given(KEYED, st.sampled_from([None, 1, 2]), st.integers(1, 400))
def test_a_json_stream_is_the_masked_document(value, indent, size):
    data = json.dumps(value, indent=indent).encode()

    assert json.loads(_json(data, size)) == ENGINE.mask_json(json.loads(data), ByValue()).to_json()


@CALM
@given(JSON)
def test_a_json_stream_in_small_batches_keeps_shape_and_hides_what_a_key_says(value):
    rows = [{"id": n, "value": value, "email": f"ann{n}@example.org", "password": "x9"} for n in range(6)]

    out = json.loads(_json(json.dumps(rows).encode(), 50, batch=64))

    assert [list(row) for row in out] == [list(row) for row in rows]
    assert all(row["email"].startswith("[EMAIL") and row["password"].startswith("[PASSWORD") for row in out)
    assert [row["id"] for row in out] == list(range(6))


def test_blanks_numbers_and_escapes_of_json_stay_as_they_were():
    data = b'{ "a" : 1.500 ,\n\t"b":[ 1e5, "caf\\u00e9", -0 ],"email":"a@example.org" }\n'

    assert _json(data) == data.replace(
        b'"a@example.org"', b'"[EMAIL_ADDRESS_%d]"' % (zlib.crc32(b"a@example.org") % 100_000)
    )


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b'{"a"}', b'{"a":1,}', b"[1 2]", b"[1,]", b"{1:2}", b"nul", b"01", b"1.", b'"a', b'"\n"', b"[}", b"[1]]", b"1 2",
        b'"\xff"', b"[" * 300, b"9" * 500, b"NaN", b"'a'", b'{"a":1 "b":2}', b":", b",", b'"\\x"', b"[1]x",
    ],
)  # fmt: skip
def test_what_is_not_json_is_a_fault(data):
    with pytest.raises(MaskingError):
        _json(data)
    if data not in (b"9" * 500, b"NaN", b"[" * 300):
        with pytest.raises(ValueError):
            json.loads(data)


def test_ndjson_may_have_empty_lines_and_no_value_over_two_lines():
    assert _json(b'{"a":1}\n\n[2]\n"x"', many=True) == b'{"a":1}\n\n[2]\n"x"'
    with pytest.raises(MaskingError, match="line 2"):
        _json(b'{"a":1}\n{"b":\n2}', many=True)
    with pytest.raises(MaskingError):
        _json(b'{"a":1} {"b":2}\n', many=True)


LEAF = st.sampled_from(
    ['""', '"ann@example.org"', '"a \\"b\\" c@example.org"', '"caf\\u00e9 \\ud83d"', '"call (212) 555-0143: now"', "true", "null", "-0", "1.50", "1e5", "536904399", '"{,}:"', "1e999"]
)  # fmt: skip
SHAPES = (
    '{{"a":{0},"email" : {1}, "b":{{"first_name":{2},"note":[{0},{1}]}}}}',
    "[{0}, {1} ,\t{2}]",
    " {{}} ",
    '{{"ann@example.org":{0},"ann@example.org":{1},"x y":{{"":{2}}}}}',
    "{0}",
    '{{"a.b":{{"c":[{{"d":{0}}},{1}]}},"e\\"f":{2}}}',
    "",
    '{{"email"\r:{0},"ssn" \t\r : {1}}}',
)
APART = '{{"email"\n:{0},"ssn"\n\t: {1},\r\n"a"\r\n:\n[{2}\n]}}'


@CALM
@given(
    st.lists(st.tuples(st.sampled_from(SHAPES), LEAF, LEAF, LEAF), min_size=1, max_size=30),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([1, 90, 700, 100_000]),
    st.sampled_from([64, 32 * 1024]),
)
def test_lines_of_a_known_form_are_read_as_those_that_are_read_token_by_token(rows, end, size, batch):
    data = "".join(shape.format(*values) + end for shape, *values in rows).encode()
    by_forms, by_tokens = Tally(), Tally()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JsonStream, "_by_form", lambda _self, _text, at: at)
        want = _json(data, size, many=True, batch=batch, tally=by_tokens)

    assert _json(data, size, many=True, batch=batch, tally=by_forms) == want
    assert by_forms == by_tokens


@CALM
@given(
    st.lists(st.tuples(st.sampled_from([s for s in (*SHAPES, APART) if s]), LEAF, LEAF, LEAF), max_size=30),
    st.sampled_from([",", ", ", ",\n\n"]),
    st.sampled_from(
        ["[{}]", '{{"k":1.50,"data":[{}],"l":"ann@example.org"}}', '{{"x":[[],[ {}]],"ssn":[[{}]]}}']
    ),
    st.sampled_from([1, 90, 700, 100_000]),
    st.sampled_from([64, 32 * 1024]),
)
def test_objects_of_a_known_form_are_read_as_those_that_are_read_token_by_token(
    rows, between, nest, size, batch
):
    inner = between.join(shape.format(*values) for shape, *values in rows)
    data = nest.format(*[inner] * nest.count("{}")).encode()
    by_forms, by_tokens = Tally(), Tally()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JsonStream, "_by_form", lambda _self, _text, at: at)
        want = _json(data, size, batch=batch, tally=by_tokens)

    assert _json(data, size, batch=batch, tally=by_forms) == want
    assert by_forms == by_tokens


def test_objects_of_one_form_under_other_keys_are_scanned_under_theirs():
    rows = ",".join(f'{{"a":5369043{n}}}' for n in range(90, 99))
    data = f'{{"x":[{rows}],"ssn":[{rows}],"y":[{rows}]}}'.encode()

    out = json.loads(_json(data, 100_000))

    assert out == ENGINE.mask_json(json.loads(data), ByValue()).to_json()
    assert "[US_SSN_" in str(out["ssn"])
    assert out["x"] == json.loads(data)["x"]


@pytest.mark.parametrize(
    "hostile",
    [
        '[{"a":' * 180,
        '[{"a":1,' * 50_000,
        '[{"a":{"b":{"c":{"d":{"e":[' * 30,
        '{"' * 100_000,
        '[{"a":"' + "\\" * 200_000,
    ],
    ids=lambda s: s[:12],
)
def test_objects_that_never_close_are_a_fault_in_linear_time(hostile):
    start = time.process_time()
    with pytest.raises(MaskingError):
        _json(hostile.encode(), 64 * 1024)
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "line",
    [
        '{"a":"\\x"}', '{"a":01}', '{"a":1.}', '{"a":-}', '{"a":tru}', '{"a":truee}', '{"a":"\t"}', '{"a":1 2}', '{"a":"b}', '{"a":1}{"a":1}',
        '{"a":' + "9" * 500 + "}", '{"a" 1}', '"a":1', "{1}", '{"a":1},',
    ],
)  # fmt: skip
def test_what_has_a_known_form_and_is_no_json_is_a_fault(line):
    good = '{"a":1}\n{"a":"x"}\n{"a":true}\n'

    with pytest.raises(MaskingError, match="line 4"):
        _json((good + line + "\n").encode(), 10_000, many=True)
    assert _json((good * 2).encode(), 10_000, many=True) == (good * 2).encode()
    with pytest.raises(MaskingError, match="line 4"):
        _json(("[" + good.replace("\n", ",\n") + line + "]").encode(), 10_000)


def test_forms_of_lines_are_forgotten_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr("masking.json_stream.FORMS_MAX", 3)
    data = b"".join(b'{"k%d":"ann@example.org"}\n' % (n % 7) for n in range(50))

    assert _json(data, many=True).count(b"[EMAIL_ADDRESS_") == 50


def test_a_csv_of_any_delimiter_keeps_its_columns_and_line_ends():
    rows = [["id", "ssn", "note"], *([str(i), "536904399", 'a "b", c; d|e'] for i in range(3000))]
    for delimiter in ",;\t|":
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=delimiter).writerows(rows)
        lines = text.getvalue().splitlines(keepends=True)

        out = "".join(mask_csv(ENGINE, lines, BoundedNumbering()))

        got = list(csv.reader(io.StringIO(out, newline=""), delimiter=delimiter))
        assert [r[0] for r in got] == [r[0] for r in rows]
        assert {r[1] for r in got[1:]} == {"[US_SSN_1]"}
        assert {r[2] for r in got[1:]} == {rows[1][2]}
        assert out.count("\r\n") == len(rows)


def test_a_header_that_is_data_is_masked():
    out = "".join(mask_csv(ENGINE, ["ann@example.org,1\n", "bo@example.org,2\n"], BoundedNumbering()))

    assert out == "[EMAIL_ADDRESS_1],1\n[EMAIL_ADDRESS_2],2\n"


def test_a_quote_that_never_closes_is_a_fault():
    with pytest.raises(MaskingError):
        list(mask_csv(ENGINE, ["a,b\n", '1,"x\n', *["yyyyyyyyyyyyyyy\n"] * 100_000], BoundedNumbering()))


def test_a_tally_holds_masked_text_only_and_its_examples_are_whole_words():
    tally = Tally()
    out = io.BytesIO()

    mask_flow(
        ENGINE,
        io.BytesIO(b"please write to ann@example.org about the card 4111 1111 1111 1111 today\n" * 50),
        out,
        "text",
        tally=tally,
    )

    assert tally.counts == {"EMAIL_ADDRESS": 50, "CREDIT_CARD": 50}
    assert tally.examples["EMAIL_ADDRESS"] == [
        "please write to [EMAIL_ADDRESS_1] about the card [CREDIT_CARD_1"
    ] or "4111 1111" not in str(tally.examples)
    assert "ann@" not in str(tally.examples)


def test_numbers_are_kept_for_the_last_values_only():
    numbering = BoundedNumbering(2)

    shown = [numbering.placeholder("X", value) for value in "abacab"]

    assert shown == ["[X_1]", "[X_2]", "[X_1]", "[X_3]", "[X_1]", "[X_4]"]


@pytest.mark.parametrize(
    ("head", "fmt"), [(b'\xef\xbb\xbf{"a":1}\n{"a":2}\n', "ndjson"), (b"a;b\n1;2\n", "csv"), (b"a\tb\n1\t2\n", "csv"), (b"no | table\nhere", "text")]
)  # fmt: skip
def test_more_formats_are_guessed(head, fmt):
    assert sniff(head) == fmt


PEAK = """
import io, resource, sys
from masking import Engine, EngineConfig
from masking.flow import mask_flow
kind, size, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
LINES = {
    "text": "2026-01-02T03:04:05Z INFO order {n} of ann{n}@example.org was shipped on time and in full to the usual place\\n",
    "json": ' {{"n": {n}, "email": "ann{n}@example.org", "note": "the order was shipped on time and in full"}},\\n',
    "ndjson": '{{"n": {n}, "email": "ann{n}@example.org", "note": "the order was shipped on time and in full"}}\\n',
    "csv": "{n},ann{n}@example.org,the order was shipped on time and in full to the usual place\\n",
}
class Source:
    def __init__(self):
        self.n, self.left, self.held = 0, size, {"json": b"[\\n", "csv": b"id,email,note\\n"}.get(kind, b"")
    def read(self, count):
        while len(self.held) < count and self.left > 0:
            block = "".join(LINES[kind].format(n=self.n + i) for i in range(200)).encode()
            self.n += 200
            self.left -= len(block)
            if self.left <= 0 and kind == "json":
                block += b"0]"
            self.held += block
        out, self.held = self.held[:count], self.held[count:]
        return out
class Sink:
    found = 0
    def write(self, data):
        assert b"@example" not in data
        self.found += data.count(b"[EMAIL_ADDRESS_")
    def flush(self): pass
source, sink = Source(), Sink()
engine = Engine(EngineConfig(names=False))
mask_flow(engine, source, sink, kind)
assert sink.found == source.n, (sink.found, source.n)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _peak_kib(kind, size, limit=0):
    done = subprocess.run(
        [sys.executable, "-c", PEAK, kind, str(size), str(limit)], cwd=ROOT, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["text", "json", "ndjson", "csv"])
def test_memory_does_not_grow_with_the_input(kind):
    small = _peak_kib(kind, 600_000)
    large = _peak_kib(kind, 5_000_000)

    # What grows is the memory of shapes, words and numbers, which are bounded; the text itself would be eight times as much.
    assert large - small < 12_000, (small, large)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["text", "json", "ndjson", "csv"])
def test_two_hundred_megabytes_pass_under_a_limit_of_memory(kind):
    _peak_kib(kind, 200_000_000, limit=600 << 20)


def test_pieces_of_random_length_give_the_same_json_each_time():
    rows = [{"email": f"a{n}@example.org", "text": "call (212) 555-0143"} for n in range(200)]
    data = json.dumps(rows).encode()
    whole = _json(data, len(data))
    chance = random.Random(5)

    for _ in range(5):
        assert _json(data, chance.randrange(1, 2000)) == whole
