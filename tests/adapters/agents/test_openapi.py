"""The published description is current, valid, and true of the server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from adapters.agents import openapi, wire
from adapters.agents.problems import CODES, STATUS_OF
from bot.core.ask import FIELDS
from tests.adapters.agents.conftest import House
from tests.support.office import SAMPLE

ROOT = Path(__file__).parents[3]


def test_the_manifest_is_current():
    assert (ROOT / "manifest" / "openapi.json").read_bytes() == openapi.text(), (
        "run: python -m adapters.agents.openapi > manifest/openapi.json"
    )


def test_every_schema_is_a_schema_and_every_reference_leads_somewhere():
    document = openapi.document()
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert name
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}:
        assert reference in document["components"]["schemas"]


def test_the_published_ask_has_the_fields_that_are_read():
    assert wire.AskBody.__struct_fields__ == FIELDS


@pytest.mark.parametrize("name", ["RequestAnswer", "Problem"])
def test_answers_are_as_published(house: House, name: str):
    schemas = openapi.document()["components"]["schemas"]
    validator = Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
    )
    asked = house.ask()
    answers = {
        "RequestAnswer": [asked, house.get(f"/v1/requests/{asked['id']}").json(), house.approved()[0]],
        "Problem": [
            house.post("/v1/requests", {**SAMPLE, "x": 1}).json(),
            house.get("/v1/requests", None).json(),
            house.get("/v1/nothing").json(),
        ],
    }[name]

    for answer in answers:
        validator.validate(answer)
        with pytest.raises(Exception):
            validator.validate({key: value for key, value in answer.items() if key not in ("id", "type")})


def test_every_problem_is_in_the_documentation_with_its_status():
    text = (ROOT / "docs" / "api.md").read_text()
    for code, (status, title) in CODES.items():
        assert f"| `{code}` | {status} | {title} |" in text
    for reason, status in STATUS_OF.items():
        row = next(
            line
            for line in text.splitlines()
            if line.startswith(f"| {status} | `") and f"`{reason.value}`" in line
        )
        assert row


def test_every_call_is_in_the_documentation():
    text = (ROOT / "docs" / "api.md").read_text()
    for _, path in openapi.OPERATIONS:
        assert path.split("?")[0] in text
