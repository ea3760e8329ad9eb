"""Our Presidio operators beside presidio-anonymizer, our helpers with the real pandas, polars, Ray and Spark, and the deep tier's real model."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from adapters.presidio.operators import anonymize

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(os.environ.get("SIGNOFF_INTEROP_MASKING", ROOT / "build" / "interop-masking"), "bin", "python")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        not PYTHON.exists(), reason="run make interop-masking: it installs the outside packages"
    ),
]
COLUMNS = {
    "first_name": ["Ngozi", "Ola"],
    "mail": ["a@example.org", "nothing"],
    "n": [1, 2],
    "ssn": [123456788, 5],
    "c@example.org": ["x", "y"],
}


def ask(what, value):
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("child.py"), what],
        input=json.dumps(value),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_DISABLE_DOCKER_CPU_WARNING": "1"},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def _case(r):
    """A text and results of which none overlaps another of another kind by a part: there presidio-anonymizer's own answer is undefined."""
    text = "".join(r.choices("abc é1 ", k=r.randrange(1, 60)))
    results = []
    for _ in range(r.randrange(6)):
        start = r.randrange(len(text))
        end = r.randrange(start + 1, len(text) + 1)
        kind = r.choice("XYZ")
        if all(
            o["end"] <= start
            or end <= o["start"]
            or (start <= o["start"] and o["end"] <= end and (start, end) != (o["start"], o["end"]))
            or (o["start"] <= start and end <= o["end"] and (start, end) != (o["start"], o["end"]))
            for o in results
        ):
            results.append(
                {"start": start, "end": end, "entity_type": kind, "score": r.choice((0.3, 0.6, 0.9))}
            )
    operators = [
        {"type": "replace", "new_value": "NEW"},
        {"type": "replace"},
        {"type": "redact"},
        {"type": "keep"},
        {
            "type": "mask",
            "masking_char": "*",
            "chars_to_mask": r.randrange(-1, 9),
            "from_end": r.random() < 0.5,
        },
        {"type": "hash", "hash_type": r.choice(("sha256", "sha512")), "salt": "0123456789abcdef"},
    ]
    return {
        "text": text,
        "analyzer_results": results,
        "anonymizers": {k: r.choice(operators) for k in ("DEFAULT", "X", "Y")},
    }


def test_our_operators_answer_what_presidio_anonymizer_answers():
    r = random.Random(4)
    cases = [_case(r) for _ in range(3000)]

    theirs = ask("presidio", cases)
    ours = [anonymize(json.dumps(case).encode(), os.urandom) for case in cases]

    def plain(answer):
        return answer["text"], sorted(
            map(json.dumps, ({k: i[k] for k in sorted(i)} for i in answer["items"]))
        )

    different = [(c, o, t) for c, o, t in zip(cases, ours, theirs, strict=True) if plain(o) != plain(t)]
    assert not different, different[0]


def test_presidio_decrypts_what_we_encrypt():
    key = "k" * 32
    case = {
        "text": "I am Zoë!",
        "analyzer_results": [{"start": 5, "end": 8, "entity_type": "PERSON", "score": 0.9}],
        "anonymizers": {"DEFAULT": {"type": "encrypt", "key": key}},
    }
    made = anonymize(json.dumps(case).encode(), os.urandom)

    assert "Zoë" not in made["text"]
    assert ask("decrypt", {**made, "key": key}) == "I am Zoë!"


def test_a_pandas_frame_is_masked_in_its_shape():
    answer = ask("pandas", COLUMNS)

    assert answer["values"] == [
        ["[PERSON_1]", "[EMAIL_ADDRESS_1]", 1, "[US_SSN_1]", "x"],
        ["[PERSON_2]", "nothing", 2, 5, "y"],
    ]
    assert answer["columns"] == ["first_name", "mail", "n", "ssn", "[EMAIL_ADDRESS_1]"]
    assert answer["index"] == ["row 0", "row 1"]
    assert answer["dtypes"][2] == "int64"
    assert answer["untouched"]
    assert answer["twice"] == [["[EMAIL_ADDRESS_1]", 1, "[EMAIL_ADDRESS_2]"]]
    assert answer["chosen"] == [["a@example.org", 1, "b@example.org"]]
    assert answer["kept"] == [True, True, "[EMAIL_ADDRESS_1]"]
    assert answer["empty"] == [0, 1]


def test_a_polars_frame_is_masked_in_its_shape():
    answer = ask("polars", COLUMNS)

    assert answer["rows"] == [
        ["[PERSON_1]", "[EMAIL_ADDRESS_1]", 1, "[US_SSN_1]", "x"],
        ["[PERSON_2]", "nothing", 2, "5", "y"],
    ]
    assert answer["columns"] == ["first_name", "mail", "n", "ssn", "[EMAIL_ADDRESS_1]"]
    assert answer["dtypes"][2:4] == ["Int64", "String"]
    assert answer["untouched"]
    assert answer["empty"] == [0, 1]


def test_ray_masks_each_partition_with_the_same_engine_and_tokens_join():
    answer = ask("ray", {"rows": 2000})

    assert answer == {
        "rows": 2000,
        "same": True,
        "mails": ["[EMAIL_ADDRESS]"],
        "distinct": 50,
        "back": True,
        "spark": [10, 20, "[EMAIL_ADDRESS]"],
    }


@pytest.mark.skipif(
    shutil.which("java") is None, reason="Spark needs a Java runtime: install one (17 or later)"
)
def test_spark_masks_each_partition_with_the_same_engine_and_tokens_join():
    answer = ask("spark", {"rows": 2000})

    assert answer == {
        "parts": 4,
        "rows": 2000,
        "mails": ["[EMAIL_ADDRESS]"],
        "kept": True,
        "distinct": 50,
        "back": True,
    }


HARD = "hi its rosalind okonkwo-bauer from wolverhampton, pls send it to 14 rue des lilas apt 3, my mail is a@example.org"


@pytest.fixture(scope="module")
def deep():
    return ask(
        "deep", {"text": HARD, "value": {"note": HARD, "query": "SELECT name FROM customers"}, "budget": 2.0}
    )


def test_the_deep_tier_finds_a_street_in_lower_case_that_the_fast_one_misses(deep):
    assert "rosalind okonkwo-bauer" in deep["both"]
    assert "wolverhampton" in deep["both"]
    assert any("rue des lilas" in found for found in deep["both"])
    assert not any("lilas" in found for found in deep["fast"])
    assert "a@example.org" in deep["both"]


def test_i9_every_value_that_the_fast_tier_found_is_under_what_both_found(deep):
    assert all(any(value in found for found in deep["both"]) for value in deep["fast"])


def test_the_second_reading_comes_from_the_cache_and_an_expired_deadline_reads_nothing(deep):
    assert deep["same_from_cache"]
    assert deep["cached_seconds"] < 0.02
    assert deep["late"] == [[], True]


def test_a_preview_shows_less_with_the_deep_tier_and_the_query_stays_readable(deep):
    assert "lilas" in deep["plain"]["note"]
    assert "lilas" not in deep["shown"]["note"]
    assert deep["shown"]["query"] == "SELECT name FROM customers"


def test_a_preview_that_is_too_large_for_the_budget_comes_back_in_time(deep):
    """100 KB would take ten seconds."""
    assert deep["large_seconds"] < 2.0 + 0.25 + 0.75


def test_a_type_that_is_off_stays_off_and_masked_text_stays_as_it_is(deep):
    assert "PERSON" not in deep["off"]
    assert deep["twice"] == deep["once"]
