"""What a sender reads when the body is refused: the code, the sentence and the place, word for word.

Codes are an interface; a sentence is what the maker of an agent mends the body by."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.core.ask import parse_ask
from bot.core.canonical import (
    DEPTH_MAX,
    INTEGER_MAX,
    KEY_CHARS_MAX,
    NUMBER_CHARS_MAX,
    POINTER_CHARS_MAX,
    Malformed,
    read,
)
from bot.core.yaml_strict import BYTES_MAX, Document, YamlError
from bot.core.yaml_strict import read as read_yaml

PAST = "An integer is past 2^53-1 (RFC 7493 section 2.2). Send it as a string."
ZERO = "Negative zero is refused: readers disagree about it. Write 0."
LONG = "A number has more than 64 characters. Send it as a string."
CONSTANT = "NaN and Infinity are not JSON."
JSON = [
    (b"\xef\xbb\xbf1", "json", "The JSON text starts with a byte order mark; leave it out (RFC 8259 section 8.1).", ""),
    (b'"\xff"', "json", "The JSON text is not UTF-8 (byte 1).", ""),
    (b"[" * 33 + b"]" * 33, "too-deep", "The JSON text is nested more than 32 levels deep.", ""),
    (b"[1", "json", "Not JSON: Expecting ',' delimiter (line 1, column 3).", ""),
    (b'"\t"', "json", "Not JSON: Invalid control character at (line 1, column 2).", ""),
    (b"[-0]", "number", ZERO, "/0"),
    (b"[-0.0]", "number", ZERO, "/0"),
    (b"[1" + b"0" * 64 + b"]", "number", LONG, "/0"),
    (b"[1." + b"0" * 63 + b"]", "number", LONG, "/0"),
    (b"[9007199254740992]", "number", PAST, "/0"),
    (b"[-9007199254740992]", "number", PAST, "/0"),
    (b"[9007199254740992.0]", "number", PAST, "/0"),
    (b"[1e999]", "number", "A number is too large for a double. Send it as a string.", "/0"),
    (b"[1e-999]", "number", "A number is too small for a double. Send it as a string.", "/0"),
    (b"[1E-999]", "number", "A number is too small for a double. Send it as a string.", "/0"),
    (b"[NaN]", "json", CONSTANT, "/0"),
    (b"[-Infinity]", "json", CONSTANT, "/0"),
    (b'{"a":1,"a":2}', "duplicate-key", "A key occurs twice in one object.", "/a"),
    (b'{"a":1,"A":2}', "duplicate-key",
     "Two keys of one object differ only in case or Unicode form; readers may take them for one.", "/A"),
    (b'{"' + b"k" * 257 + b'":1}', "key", "A key has more than 256 characters.", "/" + "k" * 254 + "…"),
    (b'{"\\u0000":1}', "key", "A key holds a NUL character.", ""),
    (b'{"\\ud800":1}', "surrogate", "A key holds a lone surrogate, which is not text.", ""),
    (b'["\\ud800"]', "surrogate", "A string holds a lone surrogate, which is not text.", "/0"),
    (b'{"\\ud800":{"a":1,"a":2}}', "surrogate", "A key holds a lone surrogate, which is not text.", ""),
    (b'{"\\ud800":1,"x":{"\\ud800":{"a":1,"\\ud800":2,"\\ud800":3}}}', "surrogate",
     "A key holds a lone surrogate, which is not text.", ""),
    (b'{"\\ud800":1,"\\ud800":2}', "duplicate-key", "A key occurs twice in one object.", "/?"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "code", "sentence", "pointer"), JSON, ids=range(len(JSON)))
def test_what_is_said_of_text_that_is_refused(raw: bytes, code: str, sentence: str, pointer: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(raw)

    assert (caught.value.code, caught.value.sentence, caught.value.pointer) == (code, sentence, pointer)
    assert str(caught.value) == sentence


def test_what_is_said_of_too_many_bytes() -> None:
    with pytest.raises(Malformed) as caught:
        read(b" " * 1300, bytes_max=1200)

    assert (caught.value.code, caught.value.sentence) == (
        "too-large",
        "The JSON text has more than 1,200 bytes.",
    )


@pytest.mark.parametrize(
    "text",
    [
        str(INTEGER_MAX),
        f"{INTEGER_MAX}.0",
        f"-{INTEGER_MAX}",
        "0." + "0" * (NUMBER_CHARS_MAX - 3) + "1",
        "1e21",
        "0e5",
        "0E5",
        "0.0",
    ],
)
def test_a_number_at_its_very_limit_is_read(text: str) -> None:
    assert read(text.encode()) == float(text)


def test_an_integer_of_exactly_sixty_four_characters_is_past_its_limit_not_too_long() -> None:
    with pytest.raises(Malformed) as caught:
        read(b"1" * NUMBER_CHARS_MAX)

    assert caught.value.sentence == PAST


def test_a_key_of_the_greatest_length_beside_a_clash_is_not_the_fault() -> None:
    with pytest.raises(Malformed) as caught:
        read(b'{"' + b"k" * KEY_CHARS_MAX + b'":1,"a":1,"a":2}')

    assert caught.value.code == "duplicate-key"


def test_depth_falls_as_brackets_close() -> None:
    assert read(b"[" + b"[[]]," * 40 + b"[]]")[-1] == []
    inner = b"[" * (DEPTH_MAX - 1) + b"]" * (DEPTH_MAX - 1)
    assert len(read(b"[" + inner + b"," + inner + b"]")) == 2
    with pytest.raises(Malformed):
        read(b"[" * 20 + b"[]," + b"[" * 13 + b"]" * 33)
    with pytest.raises(Malformed):
        read(b"[[]," + b"[" * DEPTH_MAX + b"]" * DEPTH_MAX + b"]")


def test_a_pointer_is_clipped_only_past_its_limit() -> None:
    whole = "/" + "a" * (POINTER_CHARS_MAX - 1)

    assert Malformed("c", "s").pointer == ""
    assert Malformed("c", "s", whole).pointer == whole
    assert Malformed("c", "s", whole + "b").pointer == whole[:-1] + "…"


# --- asks -------------------------------------------------------------------------------------------------

GOOD: dict[str, Any] = {"action": "db.export", "resource": {"type": "t", "id": "i"}, "parameters": {}}
FIELD = "There is no such field; see /openapi.json for the fields of a request."
WORD = "Must be a word of at most 64 characters: lower-case letters, digits and _ . -."
ACTION = "An action is at most 64 characters: words of lower-case letters, digits and _ joined by . : or -."
OBJECT = "Must be an object."
ASKS = [
    ([], "The body must be a JSON object.", ""),
    ({"approve": True}, FIELD, "/approve"),
    ({"a/b~c": 1}, FIELD, "/a~1b~0c"),
    ({"action": 1}, ACTION, "/action"),
    ({"action": "A"}, ACTION, "/action"),
    ({"resource": []}, "The resource must be an object with type, id and env.", "/resource"),
    ({"resource": {"type": "t", "id": "i", "x": 1}}, "A resource has the fields type, id, env and resolved only.", "/resource/x"),
    ({"resource": {"id": "i"}}, "The resource's type is missing.", "/resource/type"),
    ({"resource": {"type": "t"}}, "The resource's id is missing.", "/resource/id"),
    ({"resource": {"type": "T", "id": "i"}}, WORD, "/resource/type"),
    ({"resource": {"type": "t", "id": "i", "env": ""}}, WORD, "/resource/env"),
    ({"resource": {"type": "t", "id": ""}}, "Must be a string of 1 to 1024 characters.", "/resource/id"),
    ({"parameters": []}, OBJECT, "/parameters"),
    ({"precondition": None}, OBJECT, "/precondition"),
    ({"context": []}, OBJECT, "/context"),
    ({"justification": 1}, "Must be a string of at most 4,000 characters.", "/justification"),
    ({"on_behalf_of": "mia"}, "Must be person:NAME, NAME in lower case.", "/on_behalf_of"),
    ({"decide_within_seconds": 9}, "Must be a whole number from 10 to 86400.", "/decide_within_seconds"),
    ({"callback_url": "ftp://x"}, "Must be an http(s) URL of at most 2048 printable ASCII characters.", "/callback_url"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "sentence", "pointer"), ASKS, ids=range(len(ASKS)))
def test_what_is_said_of_an_ask_that_is_refused(change: Any, sentence: str, pointer: str) -> None:
    body = GOOD | change if isinstance(change, dict) else change

    with pytest.raises(Malformed) as caught:
        parse_ask(json.dumps(body).encode())

    assert (caught.value.code, caught.value.sentence, caught.value.pointer) == ("schema", sentence, pointer)


@pytest.mark.parametrize("name", ["action", "resource", "parameters"])
def test_what_is_said_of_a_field_that_is_missing(name: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_ask(json.dumps({key: value for key, value in GOOD.items() if key != name}).encode())

    assert (caught.value.sentence, caught.value.pointer) == (f"The field {name} is missing.", f"/{name}")


def test_what_an_agent_left_out_is_empty() -> None:
    ask = parse_ask(json.dumps(GOOD).encode())

    assert (ask.resource.env, ask.justification, ask.context, ask.on_behalf_of) == ("", "", None, None)
    assert (ask.decide_within_seconds, ask.callback_url) == (None, None)


def test_a_callback_of_the_greatest_length_is_read() -> None:
    url = "https://a.example/" + "x" * (2048 - 18)

    assert parse_ask(json.dumps(GOOD | {"callback_url": url}).encode()).callback_url == url
    with pytest.raises(Malformed):
        parse_ask(json.dumps(GOOD | {"callback_url": url + "x"}).encode())


# --- YAML -------------------------------------------------------------------------------------------------

LONG_NAME = "k" * 61
YAML = [
    ("a: 1\n---\nb: 2", 2, "a second document; keep one document to a file"),
    ("%YAML 1.2\n---\na: 1", 1, "a % directive; remove it"),
    ("a: 1\n? [x]\n: 2", 2, "a key that is not plain text"),
    ("a:\n  <<: 1", 2, "a merge key (<<); write the keys out"),
    (f"{LONG_NAME}: 1\n{LONG_NAME}: 2", 2, f"the key '{'k' * 60}' stands here a second time; keep one"),
    (f"a: &{LONG_NAME} 1", 1, f"an anchor (&{'k' * 60}); remove it"),
    (f"a: *{LONG_NAME}", 1, f"an alias (*{'k' * 60}); write the value out"),
    (f"a: !{LONG_NAME} 1", 1, f"a tag (!{'k' * 59}); remove it"),
    ("a: 9007199254740992", 1, "a whole number past 2^53 - 1; quote it if it is a name"),
    ("a: 0" + "7" * 41, 1, f"0{'7' * 39} is not a plain decimal number; write it in decimal, or quote it"),
    ("a: Yes", 1, "Yes is read differently by different readers; write true or false, or quote it"),
    ("x: 1\ny: \x00", 1, "not YAML: it holds a character that YAML does not allow"),
    ("\u202ea: 1", 1, "holds the invisible character U+202E; remove it"),
    ("\na: 1\nb: \u202e\nc: 1\n", 3, "holds the invisible character U+202E; remove it"),
    ("\ud800", 1, "not UTF-8; save the file as UTF-8"),
    (b"a: 1\nb: \xff", 2, "not UTF-8; save the file as UTF-8"),
]


@pytest.mark.parametrize(("text", "line", "what"), YAML, ids=range(len(YAML)))
def test_what_is_said_of_yaml_that_is_refused(text: str | bytes, line: int, what: str) -> None:
    with pytest.raises(YamlError) as caught:
        read_yaml(text)

    assert (caught.value.line, caught.value.what) == (line, what)
    assert str(caught.value) == f"line {line}: {what}"


def test_yaml_of_the_greatest_size_is_read_and_one_byte_more_is_not() -> None:
    text = "a: 1\n#" + "x" * (BYTES_MAX - 6)

    assert read_yaml(text).value == {"a": 1}
    with pytest.raises(YamlError):
        read_yaml(text + "x")


def test_a_byte_order_mark_and_carriage_returns_are_taken_off() -> None:
    document = read_yaml("\ufeffa: 1\r\nb: 'x\ufeff'\r\n".encode())

    assert document.source == "a: 1\nb: 'x\ufeff'\n"


def test_the_line_of_what_stands_nowhere_is_the_first() -> None:
    assert Document(None, "", {}, {}).line(("a", "b")) == 1


def test_the_text_of_a_part_loses_its_own_indentation_and_nothing_else() -> None:
    document = read_yaml("top:\n  - a: |\n      x\n    b: 2\n\n  - c: 3\n")

    assert document.text(("top", 0)) == "a: |\n  x\nb: 2"
    assert document.text(("top", 1)) == "c: 3"
    assert document.text(("top",)) == "- a: |\n    x\n  b: 2\n\n- c: 3"
    assert read_yaml("a:\n  b: |\n    x\n\nc: 1").text(("a",)) == "b: |\n  x"
    assert read_yaml("\na:\n b: 1").text(()) == "a:\n b: 1"
    assert read_yaml("a: {b: 1,\nc: 2}").text(("a",)) == "{b: 1,\nc: 2}"
