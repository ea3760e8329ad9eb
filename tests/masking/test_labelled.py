"""Values behind their names in text that nobody parsed: what is taken, how far, and what is left alone."""

from __future__ import annotations

import pytest

from masking import Engine
from masking.detect import labelled
from masking.view import View

ENGINE = Engine()


def found(text: str) -> list[tuple[str, str]]:
    return [(text[s.start : s.end], s.type) for s in labelled.find(View(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"first_name":"Ngozi","id":4}', [("Ngozi", "PERSON")]),
        ('{"firstName" : "Ngozi"}', [("Ngozi", "PERSON")]),
        ("{'last_name': 'Adeyemi'}", [("Adeyemi", "PERSON")]),
        ('body={\\"city\\":\\"Enugu\\"}', [("Enugu", "LOCATION")]),
        ("user.first_name=Ngozi city=Leeds", [("Ngozi", "PERSON"), ("Leeds", "LOCATION")]),
        ('customer_name="Ngozi Adeyemi" plan=pro', [("Ngozi Adeyemi", "PERSON")]),
        ("Last name: Adeyemi", [("Adeyemi", "PERSON")]),
        ("first name: ngozi", [("ngozi", "PERSON")]),
        ("Full Name: Jean-Luc van der Berg was here", [("Jean-Luc van der Berg", "PERSON")]),
        ("Patient Name: Ngozi Adeyemi | City: San Francisco, CA", [("Ngozi Adeyemi", "PERSON"), ("San Francisco", "LOCATION")]),
        ("Address: 4 Elm Court, Leeds. Please ring", [("4 Elm Court, Leeds", "ADDRESS")]),
        ("<ns:surname>Adeyemi</ns:surname>", [("Adeyemi", "PERSON")]),
        ('"phone":"0803 555 1234"', [("0803 555 1234", "PHONE_NUMBER")]),
    ],
)  # fmt: skip
def test_the_value_behind_a_key_is_taken_and_nothing_beside_it(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        '"city": "string"',
        '"last_name": ""',
        '"first_name": "First name"',
        "first_name = models.CharField(max_length=30)",
        "first_name=first_name, city=city",
        "First name: required",
        "the city: it never sleeps",
        "IP address: 10.0.0.1",
        "address: see above",
        "at 10:22:33 the phone: rang",
        '"first_name": null',
        "city == other.city",
        "https://city.example/",
        '"city": "unfinished',
    ],
)
def test_what_only_speaks_of_a_field_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_the_reason_names_no_word_of_the_text() -> None:
    spans = ENGINE.explain("first_name=Ngozi last_name=Adeyemi")

    assert spans
    assert not any("ngozi" in span.reason.lower() for span in spans)


def test_masked_text_scans_clean() -> None:
    once = ENGINE.mask_text('{"first_name":"Ngozi","city":"Enugu","note":"First name: Ada"}')

    assert "Ngozi" not in once.text
    assert ENGINE.mask_text(once.text).text == once.text
