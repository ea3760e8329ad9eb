import json
import random
from pathlib import Path

import msgspec
import orjson
import pytest
import rfc8785

from audit.canonical import LEAF_MAX, NotCanonical, decode, encode, encode_checked
from audit.chain import GENESIS
from audit.entry import Draft, Source, seal
from audit.fields import FIELDS, INT_MAX, fault_of
from audit.kinds import EntryType, Outcome
from tests.audit.every import every_type
from tests.audit.logs import AGENT, ORIGIN, POLICY, Rand, at, human

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


def agree(rounds: int, seed: int) -> None:
    """Raises on the first record on which the writer, RFC 8785 as Trail of Bits reads it, and orjson differ."""
    rng = random.Random(seed)
    for n in range(rounds):
        record = fuzzed_record(rng)
        data = encode(record)
        assert data == rfc8785.dumps(record), (n, seed, record)
        assert data == orjson.dumps(record, option=orjson.OPT_SORT_KEYS), (n, seed, record)
        assert decode(data) == record, (n, seed, record)


def test_inside_the_profile_three_encoders_write_the_same_bytes():
    agree(10_000, 20261123)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_inside_the_profile_three_encoders_write_the_same_bytes_a_million_times():
    agree(1_000_000, 1)


FACTS = {
    "action": ["db.export", "x"],
    "vkey": ['a"b\\c+0123abcd+AAAA', "log.example+0123abcd+AAAA=="],
    "proof": ["+/AA", "AA=="],
    "complete": [True, False],
    "rows": [0, 1, -1, INT_MAX, -INT_MAX],
    "votes": [[], [1], [0, INT_MAX]],
    "groups": [[], ["a"], ["data-owners", "x.y"], ["g%d" % n for n in range(40)]],
    "retries_count": [7, None],
    "other_hash": ["A" * 43, "sha256:" + "0f" * 32],
}


def fuzzed_draft(rng: random.Random, n: int) -> Draft:
    """A draft that may be written: any type, any of the optional parts, facts of every shape."""
    ground = rng.choice(every_type())
    data = dict(ground.data) | {k: rng.choice(v) for k, v in FACTS.items() if rng.random() < 0.4}
    return Draft(
        ground.type,
        f"e-{n}",
        rng.choice(list(Outcome)),
        rng.choice([human(), AGENT]),
        at(rng.randrange(-(10**9), 10**9) / 7),
        request=ground.request,
        policy=rng.choice([None, POLICY]),
        tool=ground.tool,
        data=data,
        private=ground.private,
    )


def test_the_template_writes_the_canonical_form_of_what_it_says():
    """The writer joins parts; here the joined bytes are read by another parser and encoded by two other encoders."""
    rng, rand = random.Random(8785), Rand(b"t")
    for n in range(3_000):
        draft = fuzzed_draft(rng, n)
        sealed = seal(
            draft,
            seq=n,
            prev=rng.randbytes(32),
            last_ts_us=rng.choice([0, 2**50]),
            origin=ORIGIN,
            source=Source(),
            rand=rand,
            tenant=rng.choice([None, "acme"]),
        )
        value = json.loads(sealed.leaf)

        assert sealed.leaf == rfc8785.dumps(value) == orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        assert decode(sealed.leaf) == value
        assert value.get("data", {}) == {k: v for k, v in draft.data.items() if v is not None}
        assert (value["type"], value["outcome"], value["seq"]) == (draft.type, draft.outcome, n)


def test_a_remembered_part_never_lets_another_value_through():
    """Equal to a cache is not equal to a form: 1, 1.0 and True are one key."""
    for name, good, bad in [
        ("rows", 1, True),
        ("votes", [1], [True]),
        ("complete", True, 1),
        ("rev", 5, 5.0),
    ]:
        seal_one(name, good)
        assert fault_of(name, bad) is not None
        with pytest.raises(ValueError):
            seal_one(name, bad)
    assert "rows" in FIELDS


def seal_one(name: str, value: object) -> bytes:
    draft = Draft(EntryType.REMINDER_SENT, "e-1", Outcome.SUCCESS, AGENT, at(0), data={name: value})  # type: ignore[dict-item]
    return seal(
        draft, seq=0, prev=GENESIS, last_ts_us=0, origin=ORIGIN, source=Source(), rand=lambda n: bytes(n)
    ).leaf


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
    """Outside it the fast encoders and RFC 8785 differ: floats, and the order of keys beyond the first plane."""
    keys = {"\U00010000": 1, "\uffff": 2}

    assert orjson.dumps(keys, option=orjson.OPT_SORT_KEYS) != rfc8785.dumps(keys)
    assert msgspec.json.encode(keys, order="sorted") != rfc8785.dumps(keys)
    assert msgspec.json.encode(1.0) != rfc8785.dumps(1.0)


def test_the_reader_accepts_exactly_what_the_writer_may_write():
    """Every kind of value in every kind of place."""
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
                expected = encode(json.loads(leaf)) == leaf
            except NotCanonical:
                expected = False
            try:
                decode(leaf)
            except NotCanonical:
                assert not expected, leaf
            else:
                assert expected, leaf
