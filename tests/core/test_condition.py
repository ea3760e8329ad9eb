"""Conditions: what compiles, what an evaluation may end in, and that no expression runs for long (I9, T21)."""

from __future__ import annotations

import math
import time

import pytest

from bot.core.condition import (
    EXPRESSION_CHARS_MAX,
    NAMES,
    ConditionError,
    Context,
    compile_condition,
    compile_number,
)

FACTS = {
    "action": "db.export",
    "resource": {"type": "postgres", "id": "customers", "env": "prod"},
    "parameters": {
        "amount": 5,
        "share": 0.5,
        "word": "x",
        "yes": True,
        "rows": list(range(30)),
        "none": None,
    },
    "context": {"ticket": "OPS-1"},
    "agent": {"id": "agent:bot", "owners": ["person:eve"]},
    "on_behalf_of": "",
    "data": {"classes": ["email_address"], "count": 3},
}
FAILED = "The condition could not be evaluated on this request."


def evaluate(text: str, facts: dict = FACTS):
    return compile_condition(text).evaluate(Context(facts))


def complaint(text: str, compiler=compile_condition) -> str:
    with pytest.raises(ConditionError) as caught:
        compiler(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ('action == "db.export"', True),
        ('action.startsWith("iam.")', False),
        ('resource.env == "prod"', True),
        ("parameters.amount > 4", True),
        ("parameters.amount > 5", False),
        ("parameters.share < 1", True),
        ('context.ticket.matches("^OPS-[0-9]+$")', True),
        ('"person:eve" in agent.owners', True),
        ('on_behalf_of == ""', True),
        ('"email_address" in data.classes && data.count > 2', True),
        ("has(parameters.nope)", False),
        ("parameters.yes", True),
    ],
)
def test_a_condition_sees_the_request(text: str, value: bool) -> None:
    assert evaluate(text) is value


def test_the_names_are_those_documented() -> None:
    assert NAMES == ("action", "resource", "parameters", "context", "agent", "on_behalf_of", "data")
    assert set(FACTS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_no_name_may_be_missing(name: str) -> None:
    with pytest.raises(KeyError):
        Context({key: value for key, value in FACTS.items() if key != name})


@pytest.mark.parametrize(
    "text",
    [
        "parameters.nope > 4",
        "parameters.word > 4",
        "parameters.none > 4",
        "parameters.amount",
        "parameters.rows",
        "parameters.none",
        "parameters.amount / 0 == 1",
        "1 / 0 == 1",
        "9223372036854775807 + parameters.amount > 0",
        'resource["x"] == "y"',
        "parameters.rows[30] == 1",
        "int(parameters.word) == 1",
    ],
)  # fmt: skip
def test_an_error_is_an_error_never_a_no_i9(text: str) -> None:
    with pytest.raises(ConditionError) as caught:
        evaluate(text)

    assert str(caught.value) == FAILED


def test_no_complaint_about_an_evaluation_quotes_the_payload_i10() -> None:
    with pytest.raises(ConditionError) as caught:
        evaluate("parameters[parameters.word] == 1", FACTS | {"parameters": {"word": "canary-7"}})

    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


NUMBERS = {
    "1": 1,
    "-1": -1,
    "1u": 1,
    "1.5": 1.5,
    "parameters.amount * 2": 10,
    "parameters.share": 0.5,
    "size(parameters.rows)": 30,
    "1.0 / 0.0": math.inf,
}


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number(text: str) -> None:
    assert compile_number(text).evaluate(Context(FACTS)) == NUMBERS[text]


@pytest.mark.parametrize("text", ["parameters.word", "parameters.yes", "parameters.nope", "parameters.none"])
def test_no_number(text: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_number(text).evaluate(Context(FACTS))

    assert str(caught.value) == FAILED


COMPLAINTS = {
    "": "A condition is empty; write `true` to match every request.",
    " \n\t": "A condition is empty; write `true` to match every request.",
    "1": "`1` gives INT, not BOOL.",
    "'x'": "`'x'` gives STRING, not BOOL.",
    "null": "`null` gives NULL, not BOOL.",
    "nope": "`nope` is not a condition: <input>:1:1: undeclared reference to 'nope' (in container '')",
    "now() > 1": "`now() > 1` is not a condition: <input>:1:4: undeclared reference to 'now' (in container '')",
    "true ? true : 1": "`true ? true : 1` is not a condition: <input>:1:6: found no matching overload for '_?_:_'"
    " applied to '(bool, bool, int)'",
    "action == 1": "`action == 1` is not a condition: <input>:1:8: found no matching overload for '_==_'"
    " applied to '(string, int)'",
}


@pytest.mark.parametrize("text", COMPLAINTS)
def test_what_is_not_a_condition_is_refused_at_load(text: str) -> None:
    assert complaint(text) == COMPLAINTS[text]


@pytest.mark.parametrize(("text", "kind"), [("true", "BOOL"), ("'x'", "STRING")])
def test_what_is_not_a_number_is_refused_at_load(text: str, kind: str) -> None:
    assert complaint(text, compile_number) == f"`{text}` gives {kind}, not INT or UINT or DOUBLE."


def test_a_complaint_is_one_line_and_quotes_eighty_characters_at_most() -> None:
    message = complaint("nope +\n" + "x" * 200)

    assert "x" * 73 in message
    assert "x" * 74 not in message.split("` is not", maxsplit=1)[0]
    assert complaint("nope + 1 +\n zip").count("\n") == 1
    assert complaint("'" + "y" * 200 + "'") == f"`'{'y' * 79}` gives STRING, not BOOL."


def test_the_length_of_an_expression_is_limited() -> None:
    longest = "true" + " " * (EXPRESSION_CHARS_MAX - 4)

    assert evaluate(longest) is True
    assert complaint(longest + " ") == "A condition has 2001 characters; at most 2000."


BOMBS = {
    "five loops in each other": "parameters.rows.all(a, parameters.rows.all(b, parameters.rows.all(c,"
    " parameters.rows.all(d, parameters.rows.all(e, a + b + c + d + e >= 0)))))",
    "lists of lists of lists": "parameters.rows.map(a, parameters.rows.map(b, parameters.rows.map(c,"
    " parameters.rows.map(d, [a, b, c, d])))).size() > 0",
}


@pytest.mark.parametrize("name", BOMBS)
def test_nested_loops_stop_soon_t21(name: str) -> None:
    before = time.process_time()

    with pytest.raises(ConditionError) as caught:
        evaluate(BOMBS[name])

    assert str(caught.value) == FAILED
    assert time.process_time() - before < 1


@pytest.mark.parametrize("text", ["(" * 200 + "true" + ")" * 200, "[" * 500 + "]" * 500 + " == []"])
def test_deep_nesting_does_not_compile_t21(text: str) -> None:
    assert "Expression recursion limit exceeded. limit: 32" in complaint(text)


def test_a_regular_expression_that_would_backtrack_elsewhere_is_fast_t21() -> None:
    before = time.process_time()

    assert evaluate(f"'{'a' * 1000}b'.matches('^(a+)+$')") is False
    assert time.process_time() - before < 1


def test_the_text_of_a_condition_is_kept() -> None:
    assert compile_condition("true").text == "true"
