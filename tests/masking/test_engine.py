"""The engine's public face."""

from __future__ import annotations

import pickle

import pytest

from masking import CustomRecognizer, Engine, EngineConfig, MaskingError

ENGINE = Engine()
CARD = "4111 1111 1111 1111"


def test_the_same_value_gets_the_same_number_and_another_value_another():
    text = "a@example.org b@example.org a@example.org"

    masked = ENGINE.mask_text(text)

    assert masked.text == "[EMAIL_ADDRESS_1] [EMAIL_ADDRESS_2] [EMAIL_ADDRESS_1]"
    assert masked.hidden == (("email_address", 3),)


def test_a_card_keeps_its_last_four():
    assert ENGINE.mask_text(f"card {CARD}").text == "card [CREDIT_CARD_1 …1111]"


def test_json_keeps_shape_numbers_booleans_and_empty_containers():
    value = {"n": 3, "ok": True, "none": None, "o": {}, "a": [], "list": [1.5, {"email": "a@example.org"}]}

    document = ENGINE.mask_json(value)

    assert document.to_json() == {**value, "list": [1.5, {"email": "[EMAIL_ADDRESS_1]"}]}
    assert [(leaf.pointer, leaf.kind) for leaf in document.leaves] == [
        ("/n", "number"), ("/ok", "boolean"), ("/none", "null"), ("/o", "empty_object"), ("/a", "empty_array"),
        ("/list/0", "number"), ("/list/1/email", "string"),
    ]  # fmt: skip


def test_a_pointer_escapes_tilde_and_slash():
    assert ENGINE.mask_json({"a/b~c": 1}).leaves[0].pointer == "/a~1b~0c"


def test_a_key_that_is_data_is_masked_and_the_pointer_stays_the_original():
    document = ENGINE.mask_json({"a@example.org": {"x": 1}})

    assert document.leaves[0].path[0].text == "[EMAIL_ADDRESS_1]"
    assert document.leaves[0].pointer == "/a@example.org/x"
    assert document.to_json() == {"[EMAIL_ADDRESS_1]": {"x": 1}}


def test_two_masked_keys_stay_two():
    document = ENGINE.mask_json({"a@example.org": 1, "[EMAIL_ADDRESS_1]": 2})

    assert sorted(document.to_json().values()) == [1, 2]


def test_a_key_decides_alone_even_for_a_number():
    document = ENGINE.mask_json({"password": "x9", "ssn": 536904399, "n": {"apiKey": 12345}})

    assert document.hidden_count == 3
    assert all(leaf.hidden for leaf in document.leaves)


def test_a_number_leaf_that_is_a_card_becomes_a_masked_string():
    assert ENGINE.mask_json([4111111111111111]).to_json() == ["[CREDIT_CARD_1 …1111]"]


@pytest.mark.parametrize(
    "value", ["", "true", "null", "${DB_PASSWORD}", "<password>", "****", "[PASSWORD_1]"]
)
def test_a_placeholder_under_a_secret_key_is_left(value):
    assert not ENGINE.mask_json({"password": value}).leaves[0].hidden


def test_findings_hold_no_value():
    document = ENGINE.mask_json({"card": CARD})

    assert "4111" not in repr(document.findings) + repr(document.classes)


def test_a_document_survives_the_worker_pipe():
    document = ENGINE.mask_json({"card": CARD})

    assert pickle.loads(pickle.dumps(document)) == document


@pytest.mark.parametrize("value", [object(), {1: 2}, {"a": {1, 2}}, b"x"])
def test_what_is_not_json_is_a_fault_not_a_leak(value):
    with pytest.raises(MaskingError):
        ENGINE.mask_json(value)


def test_a_document_too_deep_is_a_fault():
    value = []
    for _ in range(300):
        value = [value]

    with pytest.raises(MaskingError):
        ENGINE.mask_json(value)


def test_full_width_and_arabic_digits_are_digits():
    for text in ("４１１１ １１１１ １１１１ １１１１", "٤١١١ ١١١١ ١١١١ ١١١١"):
        assert ENGINE.scan(text)[0].type == "CREDIT_CARD"


def test_an_allowed_value_is_not_masked_and_a_denied_one_is():
    engine = Engine(EngineConfig(allow=frozenset({"Support@example.org"}), deny=(("bluebird", "PROJECT"),)))

    assert (
        engine.mask_text("support@example.org about Bluebird").text == "support@example.org about [PROJECT_1]"
    )


def test_an_own_recognizer_runs_with_validator_and_context():
    own = CustomRecognizer("staff", "STAFF_ID", r"\bE[0-9]{6}\b", 0.2, ("employee",), "")
    engine = Engine(EngineConfig(custom=(own,)))

    assert engine.mask_text("employee E123456").text == "employee [STAFF_ID_1]"
    assert engine.scan("part E123456") == []


@pytest.mark.parametrize("pattern", [r"(a)\1", r"(?=x)y", "("])
def test_t21_an_own_pattern_that_is_not_re2_is_refused(pattern):
    with pytest.raises(MaskingError):
        Engine(EngineConfig(custom=(CustomRecognizer("x", "X", pattern),)))


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(.*a){12}$", "([a-zA-Z]+)*$", "(a|a?)+$", "^(a+)+b$"]
)
def test_t21_a_pattern_that_would_backtrack_elsewhere_ends(pattern):
    """On a backtracking engine each of these takes longer than anybody waits; RE2 reads the text once."""
    engine = Engine(EngineConfig(names=False, custom=(CustomRecognizer("own", "OWN", pattern),)))

    assert engine.scan("a" * 65_536 + "!") is not None


def test_a_text_over_the_limit_is_a_fault():
    with pytest.raises(MaskingError):
        Engine(EngineConfig(text_chars_max=10)).scan("x" * 11)


def test_explain_says_rule_and_reason_for_what_is_below_the_threshold_too():
    found = ENGINE.explain("number 536904399")

    assert all(s.rule and s.reason for s in found)
    assert any(s.score < 0.4 for s in found)
