"""The strict reader and the canonical bytes (T11, I4). Cases are our own, one group for each category of JSON abuse."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from bot.core.canonical import (
    BODY_BYTES_MAX,
    DEPTH_MAX,
    INTEGER_MAX,
    KEY_CHARS_MAX,
    NUMBER_CHARS_MAX,
    Malformed,
    canonical,
    payload_hash,
    read,
)

VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "jcs"

BROKEN = [
    b"", b" ", b"\n", b"nul", b"NULL", b"True", b"tru", b"[", b"]", b"{", b"}", b"[1", b"[1,", b"[1,]", b"[,1]", b"[1,,2]", b"[1 2]",
    b'["a" "b"]', b'{"a"', b'{"a":', b'{"a":}', b'{"a":1', b'{"a":1,', b'{"a":1,}', b'{,"a":1}', b'{"a":1,,"b":2}', b"{a:1}",
    b"{'a':1}", b'{"a" 1}', b'{"a"::1}', b"{1:1}", b"{null:1}", b'{"a":1 "b":2}', b"[1}", b'{"a":1]', b"][", b"//", b"/**/1", b"1//x",
    b"[1]/**/", b"# x\n1", b'"', b'"a', b"'a'", b'"\\"', b'"\\x41"', b'"\\u12"', b'"\\u123g"', b'"\\u 123"', b'"\\u+123"', b'"\\U0041"',
    b'"\\a"', b'"\\\x00"', b'"\x00"', b'"\x1f"', b'"\n"', b'"\t"', b'"a\rb"', b"+1", b"01", b"-01", b"00", b"1.", b".5", b"-.5", b"-", b"--1",
    b"1e", b"1e+", b"1E-", b"1.e1", b"1.5.2", b"1_000", b"1,000", b"0x10", b"0b1", b"0o7", b"1f", b"1 000", b"[1e]", b"[-]", b"[- 1]", b"[+0]",
    b"[0x1]", b"NaN", b"[NaN]", b"[-NaN]", b"nan", b"Infinity", b"[Infinity]", b"[-Infinity]", b"inf", b"[+Infinity]", b'{"a":NaN}',
    b"1 2", b"[][]", b"{}{}", b"{} x", b"{}\x00", b"[1]\x0c", b"\x0b1", b"\x0c[]", b"\xc2\xa0[]", b"\xe2\x80\xa8[]", b"[1]]", b'{"a":1}}', b'"a"b',
    b"undefined", b"[undefined]", b"None", b"[True]", b"<a/>", b"\xd9\xa1", b"[\xef\xbc\x91]", b"[1\xd9\xa1]", b"[\xe2\x81\xbb1]",
]  # fmt: skip
NOT_UTF8 = [
    b"\xff", b'"\xff"', b'"\x80"', b'"\xc0\x80"', b'"\xc1\xbf"', b'"\xe0\x80\x80"', b'"\xed\xa0\x80"', b'"\xed\xbf\xbf"',
    b'"\xf4\x90\x80\x80"', b'"\xf8\x88\x80\x80\x80"', b'"\xc3"', b'"\xe2\x82"', b'{"\xe9":1}', "[1]".encode("utf-16"), "[1]".encode("utf-32"),
]  # fmt: skip
MARKED = [b"\xef\xbb\xbf{}", b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf1"]
OTHER_ENCODINGS = ["[1]".encode("utf-16-le"), '{"a":1}'.encode("utf-16-be"), "1".encode("utf-32-le")]
NUMBERS = [
    "-0", "-0.0", "-0e1", "-0E+5", "-0.00e-3", "1e400", "-1e400", "1e309", "1.8e308", "1e99999", "1e-400", "-1e-400", "1e-324",
    "0.0000000001e-320", str(INTEGER_MAX + 1), str(-INTEGER_MAX - 1), "9007199254740993", "12345678901234567890", "9007199254740992.0", "1e16",
    "1e20", "123456789012345678901e0", "-99999999999999999999.0", "1" * (NUMBER_CHARS_MAX + 1), "0." + "1" * NUMBER_CHARS_MAX, "1" + "0" * 5000,
]  # fmt: skip
CLEAN = [
    ("null", None), ("true", True), ("false", False), ("0", 0), ("-1", -1), ("0.0", 0.0), ("0e5", 0.0), ("1.5", 1.5), ("1e3", 1000.0), ("1E+3", 1000.0),
    ("5e-324", 5e-324), ("1.7976931348623157e308", 1.7976931348623157e308), ("1e21", 1e21), ("1e22", 1e22), (str(INTEGER_MAX), INTEGER_MAX),
    (str(-INTEGER_MAX), -INTEGER_MAX), ('""', ""), ('"\\u0000"', "\0"), ('"\\ud83d\\ude00"', "😀"), ('"\\/"', "/"), ('"é"', "é"), ('"\\u007f"', "\x7f"),
    ("[]", []), ("{}", {}), (" \t\r\n[ 1 , 2 ] \n", [1, 2]), ('{"a":{"a":{"a":1}}}', {"a": {"a": {"a": 1}}}), ('{"":1}', {"": 1}),
    ('{"a":1,"b":1}', {"a": 1, "b": 1}), ('"' + "x" * 70_000 + '"', "x" * 70_000), ('"\\"[[["', '"[[['), ('"\\uFFFF"', "\uffff"),
]  # fmt: skip
CLASHING = [
    ("a", "a"), ("a", "A"), ("Straße", "STRASSE"), ("é", "e\u0301"), ("Å", "\u212b"), ("k", "\u212a"), ("ﬁ", "fi"), ("①", "1"), ("ａ", "a"),
    ("ſ", "s"), ("\u1e9b\u0323", "\u1e69"), ("İ", "i\u0307"), ("a\u00a0b", "a b"), ("ς", "σ"), ("ㄱ", "ᄀ"), ("", ""),
]  # fmt: skip


def refused(raw: bytes) -> Malformed:
    with pytest.raises(Malformed) as caught:
        read(raw)
    return caught.value


@pytest.mark.parametrize("raw", BROKEN + NOT_UTF8 + MARKED + OTHER_ENCODINGS)
def test_what_is_not_json_is_refused(raw):
    assert refused(raw).code in ("json", "number")


@pytest.mark.parametrize(("text", "value"), CLEAN)
def test_what_is_clean_is_read_as_it_says(text, value):
    got = read(text.encode())

    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(("before", "after", "pointer"), [("", "", ""), ('{"a":[1,', "]}", "/a/1")])
def test_a_number_that_readers_would_see_differently_is_refused_with_its_place(
    number, before, after, pointer
):
    error = refused((before + number + after).encode())

    assert (error.code, error.pointer) == ("number", pointer)


@pytest.mark.parametrize("depth", range(DEPTH_MAX))
@pytest.mark.parametrize(("one", "other"), CLASHING[:4])
def test_duplicate_keys_are_refused_at_each_depth(depth, one, other):
    inner = f"{{{json.dumps(one)}:1,{json.dumps(other, ensure_ascii=False)}:2}}"
    raw = '{"x":' * depth + inner + "}" * depth

    error = refused(raw.encode())

    assert error.code == "duplicate-key"
    assert error.pointer == "/x" * depth + "/" + other


@pytest.mark.parametrize(("one", "other"), CLASHING)
@pytest.mark.parametrize("escaped", [True, False])
def test_keys_equal_after_normalisation_and_folding_are_refused(one, other, escaped):
    raw = (
        "{" + ",".join(f"{json.dumps(key, ensure_ascii=escaped)}:0" for key in (one, "between", other)) + "}"
    )

    assert refused(raw.encode()).code == "duplicate-key"


def test_a_duplicate_spelled_with_an_escape_is_still_a_duplicate():
    assert refused(rb'{"amount":1,"\u0061mount":1000000}').code == "duplicate-key"


@pytest.mark.parametrize("key", [r"a\u0000", r"\u0000", r"\u0000a"])
def test_a_nul_in_a_key_is_refused(key):
    assert refused(f'{{"{key}":1}}'.encode()).code == "key"


@pytest.mark.parametrize(
    "raw",
    [r'"\ud800"', r'"\udfff"', r'["a\udc00\ud800"]', r'{"a":{"b":"\ud83d"}}', r'{"\ud800":1}', r'"\ud83d\u0041"', r'"\uD800\uD800\uDC00"'],
)  # fmt: skip
def test_a_lone_surrogate_is_refused(raw):
    assert refused(raw.encode()).code == "surrogate"


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_depth_is_limited_at_the_very_level(opening, closing):
    levels = opening.count("[") + opening.count("{")
    fits, too_deep = DEPTH_MAX // levels, DEPTH_MAX // levels + 1

    read((opening * fits + "1" + closing * fits).encode())
    error = refused((opening * too_deep + "1" + closing * too_deep).encode())

    assert error.code == "too-deep"


@pytest.mark.parametrize(
    "raw",
    [b"[" * 200_000, b'{"a":' * 50_000, b'[{"":' * 40_000, b'["' + b"[" * 200_000, b'"' + b'\\"' * 100_000],
)
def test_deep_or_unclosed_input_is_refused_without_recursion(raw):
    assert refused(raw).code in ("too-deep", "json")


def test_brackets_inside_strings_are_not_depth():
    assert read(json.dumps({"a": "[" * 100 + '\\"' + "{" * 100}).encode())["a"].startswith("[")


def test_breadth_is_not_depth():
    assert len(read(b"[" + b",".join([b"[]"] * 10_000) + b"]")) == 10_000


def test_size_is_limited_at_the_very_byte():
    assert read(b'"' + b"x" * (BODY_BYTES_MAX - 2) + b'"')
    assert refused(b'"' + b"x" * (BODY_BYTES_MAX - 1) + b'"').code == "too-large"


def test_a_key_is_limited_at_the_very_character():
    assert read(json.dumps({"k" * KEY_CHARS_MAX: 1}).encode())
    assert refused(json.dumps({"k" * (KEY_CHARS_MAX + 1): 1}).encode()).code == "key"


def test_the_pointer_is_escaped_as_rfc_6901_says():
    assert refused(b'{"a/b~c":[0,NaN]}').pointer == "/a~1b~0c/1"


def test_no_message_holds_a_value():
    for raw in (b'{"a":"hunter2","a":"hunter2"}', b'{"a":hunter2}', b'["hunter2\\ud800"]', b"[hunter2e400]"):
        assert "hunter2" not in refused(raw).sentence


@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_the_published_vectors_give_the_published_bytes(name):
    if not VECTORS.exists():
        pytest.skip("the RFC 8785 vectors are not beside this checkout (../shared/vectors/jcs)")
    given_bytes = (VECTORS / "input" / f"{name}.json").read_bytes()
    # ``structures`` has the keys a and A in one object: canonical, but refused by our reader on purpose.
    value = json.loads(given_bytes) if name == "structures" else read(given_bytes)

    assert canonical(value) == (VECTORS / "output" / f"{name}.json").read_bytes()


def _clean_tree() -> st.SearchStrategy[object]:
    numbers = st.integers(-INTEGER_MAX, INTEGER_MAX) | st.floats(
        allow_nan=False, allow_infinity=False
    ).filter(
        lambda f: (
            not (f.is_integer() and INTEGER_MAX < abs(f) < 1e21) and not (f == 0 and math.copysign(1, f) < 0)
        )
    )
    texts = st.text(st.characters(exclude_categories=["Cs"]))
    keys = st.text("abcdefghij_", max_size=8)
    return st.recursive(
        st.none() | st.booleans() | numbers | texts,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=20,
    )


@given(_clean_tree())
def test_canonical_bytes_are_accepted_again_and_are_a_fixed_point(value):
    once = canonical(read(json.dumps(value).encode()))

    assert canonical(read(once)) == once
    assert read(once) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw):
    try:
        value = read(raw)
    except Malformed:
        return
    assert read(canonical(value)) == value


@given(_clean_tree(), st.randoms(use_true_random=False))
def test_the_order_of_keys_and_the_spacing_do_not_change_the_digest(value, random):
    def shuffled(node):
        if isinstance(node, dict):
            items = list(node.items())
            random.shuffle(items)
            return {key: shuffled(child) for key, child in items}
        return [shuffled(child) for child in node] if isinstance(node, list) else node

    one = canonical(read(json.dumps(value).encode()))
    other = canonical(read(json.dumps(shuffled(value), indent=2, ensure_ascii=False).encode()))

    assert payload_hash(one) == payload_hash(other)


def test_the_digest_is_domain_separated_and_frozen():
    canonical_bytes = b'{"action":"db.read","parameters":{},"resource":{"id":"x","type":"postgres"}}'

    digest = payload_hash(canonical_bytes)

    assert digest == "sha256:" + hashlib.sha256(b"signoff/payload/v1\x00" + canonical_bytes).hexdigest()
    assert digest == "sha256:2c26570e981c8d3d1cd718f5a7563e49002329271b4b6b28f6cec953d2eb0dcb"


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("aA\U0001f600\ufb01é\n", max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    _PLAIN | st.floats(allow_nan=False, allow_infinity=False) | st.lists(st.floats(-1e22, 1e22), max_size=3)
)
def test_the_short_way_and_the_long_way_to_the_canonical_bytes_agree(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)
