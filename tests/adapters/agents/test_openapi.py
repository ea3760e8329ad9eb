"""The published description is current, valid, and true of the server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from adapters.agents import openapi, wire
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
