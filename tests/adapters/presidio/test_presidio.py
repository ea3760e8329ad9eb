"""Masking behind Presidio's interface: the shapes its clients expect, over real HTTP, and refusals that say why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from adapters.presidio.app import BODY_BYTES_MAX
from adapters.presidio.dialect import TEXTS_MAX

ROOT = Path(__file__).resolve().parents[3]
TEXT = "Dear Mr. John Smith, mail ann@example.org or call +1 (212) 555-0134, card 4111 1111 1111 1111"


def _serve(env=None, *options):
    return subprocess.Popen(
        [sys.executable, "-m", "bot.cli", "mask", "serve", "--port", "0", "--json", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.fixture(scope="module")
def http():
    with _serve() as process:
        url = json.loads(process.stdout.readline())["listening"]
        with httpx.Client(base_url=url, timeout=30) as client:
            yield client
        process.terminate()


def analyze(http, **body):
    return http.post("/analyze", json={"language": "en", **body})


def found(http, text=TEXT, **body):
    answer = analyze(http, text=text, **body)
    assert answer.status_code == 200, answer.text
    return {r["entity_type"]: text[r["start"] : r["end"]] for r in answer.json()}


def test_analyze_answers_results_in_presidios_shape_most_certain_first(http):
    results = analyze(http, text=TEXT).json()

    assert {"PERSON", "EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD"} <= {r["entity_type"] for r in results}
    assert all(
        set(r) == {"analysis_explanation", "end", "entity_type", "score", "start"}
        and r["analysis_explanation"] is None
        for r in results
    )
    scores = [r["score"] for r in results]
    assert scores == sorted(scores, reverse=True)


def test_kinds_carry_presidios_names(http):
    assert found(http, "born 12 March 1984; NPI 1245319599; dea number BB1388568") == {
        "DATE_TIME": "12 March 1984",
        "US_NPI": "1245319599",
        "MEDICAL_LICENSE": "BB1388568",
    }


def test_a_list_of_texts_is_answered_by_a_list_of_lists(http):
    answer = analyze(http, text=["mail ann@example.org", "nothing", "ip 10.0.0.1"]).json()

    assert [[r["entity_type"] for r in one] for one in answer] == [["EMAIL_ADDRESS"], [], ["IP_ADDRESS"]]


def test_entities_and_score_threshold_narrow_the_answer(http):
    assert set(found(http, entities=["CREDIT_CARD"])) == {"CREDIT_CARD"}
    assert set(found(http, "12 Main Street, Springfield", entities=["LOCATION"])) == {"LOCATION"}
    every, certain = analyze(http, text=TEXT).json(), analyze(http, text=TEXT, score_threshold=0.95).json()
    assert certain == [r for r in every if r["score"] >= 0.95]
    assert 0 < len(certain) < len(every)


def test_an_entity_that_is_asked_for_is_found_without_a_word_beside_it(http):
    text = "It says 912803456 there"

    assert found(http, text, entities=["US_PASSPORT"]) == {"US_PASSPORT": "912803456"}
    assert found(http, "It says AB1234563", entities=["MEDICAL_LICENSE"]) == {"MEDICAL_LICENSE": "AB1234563"}
    assert found(http, text) == {}
    assert analyze(http, text=text, entities=["US_PASSPORT"], score_threshold=0.4).json() == []


def test_the_decision_process_is_explained_on_request(http):
    (result,) = analyze(http, text="card 4111 1111 1111 1111", return_decision_process=True).json()

    explanation = result["analysis_explanation"]
    assert set(explanation) == {
        "recognizer", "pattern_name", "pattern", "original_score", "score", "textual_explanation", "score_context_improvement",
        "supportive_context_word", "validation_result",
    }  # fmt: skip
    assert "check digit" in explanation["textual_explanation"]
    assert explanation["validation_result"] is True
    assert "4111" not in json.dumps(explanation)


def test_ad_hoc_recognizers_count_for_their_call_alone(http):
    zip_code = {
        "name": "Zip",
        "supported_language": "en",
        "supported_entity": "ZIP",
        "patterns": [{"name": "zip (weak)", "regex": r"\bQ\d{5}\b", "score": 0.3}],
        "context": ["zip"],
    }
    title = {"supported_entity": "TITLE", "deny_list": ["Sir", "Mx"]}

    assert found(http, "the zip is Q12345", ad_hoc_recognizers=[zip_code]) == {"ZIP": "Q12345"}
    assert found(http, "the code is Q12345", ad_hoc_recognizers=[zip_code]) == {}
    assert found(http, "yes, sir!", ad_hoc_recognizers=[title]) == {"TITLE": "sir"}
    assert found(http, "the zip is Q12345") == {}


def test_allow_lists_are_kept_to(http):
    text = "mail ann@example.org or bob@example.org"

    assert found(http, text, allow_list=["ann@example.org"]) == {"EMAIL_ADDRESS": "bob@example.org"}
    assert found(http, text, allow_list=["an+@.*"], allow_list_match="regex") == {
        "EMAIL_ADDRESS": "bob@example.org"
    }


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b"", "parse"),
        (b"{", "parse"),
        (b"[]", "parse"),
        (b'{"text": 7, "language": "en"}', "parse"),
        (b'{"text": "a"}', "language"),
        (b'{"text": "", "language": "en"}', "No text"),
        (b'{"text": [], "language": "en"}', "No text"),
        (b'{"text": "a", "language": "english"}', "two letters"),
        (b'{"text": "a", "language": "en", "context": ["x"]}', "context"),
        (b'{"text": "a", "language": "en", "regex_flags": 0}', "regex_flags"),
        (b'{"text": "a", "language": "en", "allow_list": ["("], "allow_list_match": "regex"}', "RE2"),
        (
            b'{"text": "a", "language": "en", "ad_hoc_recognizers": [{"supported_entity": "Z", "patterns": [{"regex": "(?=a)"}]}]}',
            "RE2",
        ),
        (
            b'{"text": "a", "language": "en", "ad_hoc_recognizers": [{"supported_entity": "Z", "unheard": 1}]}',
            "unheard",
        ),
        (b'{"text": "\\ud800", "language": "en"}', "parse"),
        (b"[" * 200_000, "parse"),
    ],
)
def test_a_call_that_cannot_be_done_as_asked_is_refused_with_the_reason(http, body, part):
    answer = http.post("/analyze", content=body)

    assert answer.status_code == 422
    assert part in answer.json()["error"]


def test_an_error_holds_nothing_of_the_text(http):
    answer = http.post("/analyze", content=b'{"text": "canary.person@example.org", "language": "english"}')
    broken = http.post("/analyze", content=b'{"language": "en", "text": "canary.person@example.org" "x"}')

    assert answer.status_code == broken.status_code == 422
    assert "canary" not in answer.text + broken.text


def test_sizes_are_bounded_at_the_byte(http):
    head = b'{"language": "en", "text": "'
    fits = head + b"a" * (BODY_BYTES_MAX - len(head) - 2) + b'"}'

    assert len(fits) == BODY_BYTES_MAX
    assert http.post("/analyze", content=fits).status_code == 200
    assert http.post("/analyze", content=fits + b" ").status_code == 422
    assert analyze(http, text=["a"] * TEXTS_MAX).status_code == 200
    assert analyze(http, text=["a"] * (TEXTS_MAX + 1)).status_code == 422


def anonymize(http, text, results, **anonymizers):
    rows = [{"start": s, "end": e, "entity_type": t, "score": p} for s, e, t, p in results]
    return http.post("/anonymize", json={"text": text, "analyzer_results": rows, "anonymizers": anonymizers})


def test_anonymize_answers_the_documented_examples(http):
    text = "hello world, my name is Jane Doe. My number is: 034453334"
    results = [(24, 32, "NAME", 0.8), (48, 57, "PHONE_NUMBER", 0.95)]
    new = {"type": "replace", "new_value": "ANONYMIZED"}

    redacted = anonymize(http, text, results, DEFAULT=new, PHONE_NUMBER={"type": "redact"}).json()
    replaced = anonymize(http, text, results, DEFAULT=new).json()

    assert redacted == {
        "text": "hello world, my name is ANONYMIZED. My number is: ",
        "items": [
            {
                "operator": "redact",
                "entity_type": "PHONE_NUMBER",
                "start": 50,
                "end": 50,
                "text": "",
                "score": 0.95,
            },
            {
                "operator": "replace",
                "entity_type": "NAME",
                "start": 24,
                "end": 34,
                "text": "ANONYMIZED",
                "score": 0.8,
            },
        ],
    }
    assert replaced["text"] == "hello world, my name is ANONYMIZED. My number is: ANONYMIZED"
    assert (
        anonymize(http, text, results).json()["text"]
        == "hello world, my name is <NAME>. My number is: <PHONE_NUMBER>"
    )


@pytest.mark.parametrize(
    ("operator", "text"),
    [
        ({"type": "mask", "masking_char": "*", "chars_to_mask": 4, "from_end": True}, "is 12345****!"),
        ({"type": "mask", "masking_char": "#", "chars_to_mask": 4, "from_end": False}, "is ####56789!"),
        ({"type": "mask", "masking_char": "*", "chars_to_mask": 99, "from_end": True}, "is *********!"),
        ({"type": "mask", "masking_char": "*", "chars_to_mask": -1, "from_end": True}, "is 123456789!"),
        ({"type": "keep"}, "is 123456789!"),
        ({"type": "redact"}, "is !"),
    ],
)
def test_operators_do_what_presidio_says_they_do(http, operator, text):
    assert anonymize(http, "is 123456789!", [(3, 12, "X", 1.0)], X=operator).json()["text"] == text


def test_a_hash_is_salted_equal_within_a_call_and_different_in_the_next(http):
    def hashes(**more):
        operator = {"type": "hash", **more}
        answer = anonymize(http, "ab ab", [(0, 2, "X", 1.0), (3, 5, "Y", 1.0)], DEFAULT=operator).json()
        return answer["text"].split(" ")

    one, two = hashes()
    assert one == two
    assert one != hashes()[0]
    assert len(hashes(hash_type="sha512")[0]) == 128
    assert hashes(salt="s" * 16) == hashes(salt="s" * 16)


def test_what_was_encrypted_is_decrypted_with_its_key_alone(http):
    key = "k" * 32
    made = anonymize(
        http, "I am Zoë!", [(5, 8, "PERSON", 0.9)], PERSON={"type": "encrypt", "key": key}
    ).json()
    body = {"text": made["text"], "anonymizer_results": made["items"]}

    back = http.post(
        "/deanonymize", json={**body, "deanonymizers": {"PERSON": {"type": "decrypt", "key": key}}}
    )
    wrong = http.post(
        "/deanonymize", json={**body, "deanonymizers": {"DEFAULT": {"type": "decrypt", "key": "x" * 32}}}
    )

    assert "Zoë" not in made["text"]
    assert back.json() == {
        "text": "I am Zoë!",
        "items": [
            {
                "start": 5,
                "end": 8,
                "entity_type": "PERSON",
                "text": "Zoë",
                "operator": "decrypt",
                "score": 0.9,
            }
        ],
    }
    assert wrong.status_code == 422


def test_overlapping_results_show_nothing_that_was_reported(http):
    text = "0123456789"

    assert anonymize(http, text, [(0, 6, "A", 0.9), (4, 8, "B", 0.5)]).json()["text"] == "<A><B>89"
    assert anonymize(http, text, [(2, 4, "A", 0.9), (0, 6, "B", 0.5)]).json()["text"] == "<B>6789"
    assert anonymize(http, text, [(0, 4, "A", 0.5), (0, 4, "B", 0.9)]).json()["text"] == "<B>456789"
    assert anonymize(http, text, [(0, 4, "A", 0.5), (2, 8, "A", 0.9)]).json()["text"] == "<A>89"
    assert anonymize(http, "ann  lee", [(0, 3, "A", 0.5), (5, 8, "A", 0.9)]).json()["text"] == "<A>"


@pytest.mark.parametrize(
    ("rows", "operators", "part"),
    [
        ([(0, 3, "X", 1.0)], {"X": {"type": "custom"}}, "Invalid operator"),
        ([(0, 3, "X", 1.0)], {"X": {"type": "encrypt", "key": "short"}}, "128, 192 or 256"),
        ([(0, 3, "X", 1.0)], {"X": {"type": "hash", "hash_type": "md5"}}, "sha256"),
        ([(0, 3, "X", 1.0)], {"X": {"type": "hash", "salt": "short"}}, "16 bytes"),
        ([(0, 3, "X", 1.0)], {"X": {"type": "mask"}}, "masking_char"),
        ([(0, 3, "X", 1.0)], {"X": {"type": "mask", "masking_char": "*"}}, "chars_to_mask"),
        ([(0, 99, "X", 1.0)], {}, "text length is only 3"),
        ([(2, 2, "X", 1.0)], {}, "range"),
        ([(-1, 2, "X", 1.0)], {}, "range"),
    ],
)
def test_operators_and_results_that_cannot_be_used_are_refused(http, rows, operators, part):
    answer = anonymize(http, "abc", rows, **operators)

    assert answer.status_code == 422
    assert part in answer.json()["error"]


def test_what_is_there_is_listed(http):
    entities = http.get("/supportedentities", params={"language": "en"}).json()

    assert {"PERSON", "EMAIL_ADDRESS", "US_NPI", "MEDICAL_LICENSE", "MAC_ADDRESS", "DATE_TIME"} <= set(
        entities
    )
    assert not {"NPI", "DEA", "ADDRESS"} & set(entities)
    assert "us/ssn" in http.get("/recognizers").json()
    assert http.get("/anonymizers").json() == ["encrypt", "hash", "keep", "mask", "redact", "replace"]
    assert http.get("/deanonymizers").json() == ["decrypt", "deanonymize_keep"]
    assert "up" in http.get("/health").text
    assert http.get("/analyze").status_code == 405


def test_with_a_token_every_call_but_health_needs_it():
    token = "t" * 32
    with _serve({"SIGNOFF_MASK_TOKEN": token}) as process:
        url = json.loads(process.stdout.readline())["listening"]
        body = {"text": "a", "language": "en"}
        with httpx.Client(base_url=url, timeout=30) as client:
            statuses = [
                client.post(
                    "/analyze", json=body, headers={"Authorization": sent} if sent else {}
                ).status_code
                for sent in ("", "Bearer " + "x" * 32, token, f"Bearer {token}")
            ]
            listed, health = client.get("/supportedentities"), client.get("/health")
        process.terminate()

    assert statuses == [401, 401, 401, 200]
    assert listed.status_code == 401
    assert health.status_code == 200


@pytest.mark.parametrize(
    ("env", "options", "part"),
    [
        ({}, ("--host", "0.0.0.0"), "--certificate"),
        ({}, ("--host", "0.0.0.0", "--behind-proxy"), "SIGNOFF_MASK_TOKEN"),
        ({"SIGNOFF_MASK_TOKEN": "short"}, (), "at least 32"),
    ],
)
def test_it_does_not_start_where_others_would_reach_it_unasked(env, options, part):
    with _serve(env, *options) as process:
        said = process.communicate(timeout=60)

    assert process.returncode != 0
    assert part in b"".join(said).decode()
