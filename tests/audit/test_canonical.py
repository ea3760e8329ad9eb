import json
import random
from pathlib import Path

import orjson
import pytest
import rfc8785

from audit.canonical import LEAF_MAX, NotCanonical, decode, encode, encode_checked
from audit.fields import INT_MAX

VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "jcs"
TEXTS = [
    "",
    "a",
    'q"uo\\te',
    "tab\tnl\n\x00\x1f\x7f",
    "é",
    "Grüße",
    "\u2028\u2029",
    "😀",
    "\ufeff",
    "</script>",
    "\U0010ffff",
]


def fuzzed(rng: random.Random, depth: int = 0) -> object:
    kind = rng.randrange(7 if depth < 4 else 5)
    match kind:
        case 0:
            return rng.choice([True, False, None])
        case 1:
            return rng.choice([0, -1, INT_MAX, -INT_MAX, rng.randrange(-INT_MAX, INT_MAX + 1)])
        case 2:
            return rng.choice(TEXTS)
        case 3:
            return "".join(
                chr(
                    rng.choice(
                        [rng.randrange(32, 127), rng.randrange(0xD800), rng.randrange(0xE000, 0x11000)]
                    )
                )
                for _ in range(rng.randrange(12))
            )
        case 4:
            return rng.randrange(-1000, 1000)
        case 5:
            return [fuzzed(rng, depth + 1) for _ in range(rng.randrange(4))]
        case _:
            return {
                "".join(chr(rng.randrange(128)) for _ in range(rng.randrange(6))): fuzzed(rng, depth + 1)
                for _ in range(rng.randrange(5))
            }


def fuzzed_record(rng: random.Random) -> dict[str, object]:
    return {f"{rng.choice('abcXYZ_09')}{n}": fuzzed(rng) for n in range(rng.randrange(1, 6))}


def test_inside_the_profile_orjson_writes_what_rfc_8785_asks_for():
    rng = random.Random(20261123)
    for _ in range(10_000):
        record = fuzzed_record(rng)
        data = encode(record)
        assert data == rfc8785.dumps(record)
        assert decode(data) == record


@pytest.mark.skipif(not VECTORS.is_dir(), reason="the RFC 8785 author's vectors are not beside this checkout")
@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_the_rfc_8785_authors_vectors(name: str):
    """What lies in the profile is written as the vector says; what does not is refused, never written differently."""
    value = json.loads((VECTORS / "input" / f"{name}.json").read_bytes())
    expected = (VECTORS / "output" / f"{name}.json").read_bytes().strip()
    assert rfc8785.dumps(value) == expected

    try:
        ours = encode(value)
    except NotCanonical:
        assert name in {"french", "structures", "values", "weird", "arrays"}
    else:
        assert ours == expected


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        {"a": 1.5},
        {"ä": 1},
        {1: 2},
        2**53,
        -(2**53),
        (1, 2),
        b"x",
        {"a": {"b": float("nan")}},
        [[[[[[[[[[1]]]]]]]]]],
    ],
)
def test_what_lies_outside_the_profile_is_refused(value: object):
    with pytest.raises(NotCanonical):
        encode(value)


@pytest.mark.parametrize("value", [{"a": "\ud800"}, {"a": object()}])
def test_what_the_encoder_cannot_write_is_refused(value: object):
    with pytest.raises(NotCanonical):
        encode_checked(value)


@pytest.mark.parametrize(
    "leaf",
    [
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":"\\u00e9"}',
        b'{"a":9007199254740992}',
        b'{"\xc3\xa4":1}',
        b"[1]",
        b"nonsense",
        b'{"a":"' + b"x" * LEAF_MAX + b'"}',
        b'{"a":NaN}',
    ],
)
def test_bytes_that_are_not_the_canonical_form_are_refused(leaf: bytes):
    with pytest.raises(NotCanonical):
        decode(leaf)


def test_why_the_profile_exists():
    """Outside it the fast encoder and RFC 8785 differ: floats, and the order of keys beyond the first plane."""
    keys = {"\U00010000": 1, "\uffff": 2}

    assert orjson.dumps(keys, option=orjson.OPT_SORT_KEYS) != rfc8785.dumps(keys)
    assert orjson.dumps(1.0) != rfc8785.dumps(1.0)


def test_the_shortcut_of_the_reader_never_accepts_what_the_full_check_refuses():
    """``decode`` may skip the walk for plain bytes; here every kind of value is put in every kind of place."""
    values = [
        "1.0",
        "-1.5",
        "1e5",
        "100000.0",
        "9007199254740991",
        "9007199254740992",
        "-9007199254740992",
        "12345678901234567890",
        "1.7976931348623157e308",
        '"x"',
        "true",
    ]
    places = [
        '{"a":%s}',
        '{"a":[%s]}',
        '{"a":[1,%s]}',
        '{"a":{"b":%s},"c":1}',
        '{"a":"\\":1.5","b":%s}',
        '{"a":[[[[[[[%s]]]]]]]}',
        '{"a":[[[[[[[[%s]]]]]]]]}',
    ]
    for place in places:
        for value in values:
            leaf = (place % value).encode()
            try:
                expected = encode(orjson.loads(leaf)) == leaf
            except NotCanonical:
                expected = False
            try:
                decode(leaf)
            except NotCanonical:
                assert not expected, leaf
            else:
                assert expected, leaf
