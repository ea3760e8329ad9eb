"""The description against the real server: generated calls, no 5xx, no answer that the description does not know."""

from __future__ import annotations

import json
import re
from functools import lru_cache

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator
from schemathesis.generation import GenerationMode

from adapters.agents import openapi
from tests.adapters.agents.conftest import House

CASES = 5_000
SKIPPED = {("GET", "/v1/requests/{id}/events")}
"""Streams without an end."""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_5000_generated_calls_meet_no_5xx_and_no_schema_violation(house: House):
    schema = schemathesis.openapi.from_dict(openapi.document())
    operations = [result.ok() for result in schema.get_all_operations()]
    operations = [op for op in operations if (op.method.upper(), op.path) not in SKIPPED]
    agent = {"Authorization": f"Bearer {house.credentials['bot']}"}
    person = {"Authorization": f"Bearer {house.credentials['audra']}"}
    done = 0
    statuses: set[int] = set()
    each = CASES // len(operations) // 2 + 1
    with httpx.Client(base_url=house.url, timeout=30) as http:
        for operation in operations:
            security = openapi.OPERATIONS[operation.method.upper(), operation.path].security
            headers = person if security == ("personalToken",) else agent
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                count = 0

                @given(case=operation.as_strategy(generation_mode=mode))
                @settings(
                    max_examples=each,
                    deadline=None,
                    database=None,
                    derandomize=True,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
                def call(case: schemathesis.Case) -> None:
                    nonlocal count
                    sent = case.as_transport_kwargs(base_url=house.url)
                    answer = send(http, sent, headers)
                    if answer is None:
                        return
                    count += 1
                    statuses.add(answer.status_code)
                    conforms(operation, answer)

                try:
                    call()
                except BaseException as error:
                    if "Unsatisfiable" in type(error).__name__ or "SkipTest" in type(error).__name__:
                        continue
                    raise
                done += count
    # Operations with nothing to vary give few cases: the asks, which matter most, make up the number.
    ask = next(op for op in operations if (op.method.upper(), op.path) == ("POST", "/v1/requests"))
    left = CASES - done
    if left > 0:
        with httpx.Client(base_url=house.url, timeout=30) as http:

            @given(case=ask.as_strategy(generation_mode=GenerationMode.POSITIVE))
            @settings(
                max_examples=left + 200,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def more(case: schemathesis.Case) -> None:
                nonlocal done
                answer = send(http, case.as_transport_kwargs(base_url=house.url), agent)
                if answer is not None:
                    done += 1
                    conforms(ask, answer)

            more()

    assert done >= CASES, done
    assert {200, 400, 404, 422} <= statuses


def send(http: httpx.Client, sent: dict, headers: dict[str, str]) -> httpx.Response | None:
    given = {
        k: v
        for k, v in (sent.get("headers") or {}).items()
        if k.lower() not in ("authorization", "user-agent")
    }
    query = sent.get("params")
    if isinstance(query, dict) and "wait" in query:
        query = {**query, "wait": "0"} if re.fullmatch(r"[0-9]+", str(query["wait"])) else query
    try:
        return http.request(
            sent["method"],
            sent["url"],
            params=query,
            headers={**given, **headers},
            content=sent.get("data"),
            json=sent.get("json"),
        )
    except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError, TypeError, ValueError):
        return None  # cannot be written as HTTP at all


def conforms(operation: object, answer: httpx.Response) -> None:
    assert answer.status_code < 500, (
        answer.request.method,
        answer.request.url,
        answer.request.content[:500],
        answer.text,
    )
    if answer.status_code in (404, 405) and "application/problem+json" not in answer.headers.get(
        "content-type", ""
    ):
        return  # a generated path that left the interface
    described = operation.definition.raw["responses"]  # type: ignore[attr-defined]
    code = str(answer.status_code)
    if code not in described:
        assert code == "404", (code, answer.request.url, answer.text)
        return
    content = described[code].get("content", {})
    media_type = answer.headers["content-type"].split(";")[0]
    assert media_type in content, (media_type, content)
    if media_type.endswith("json") and media_type != "application/x-ndjson":
        validator(json.dumps(content[media_type]["schema"])).validate(answer.json())


@lru_cache(maxsize=64)
def validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator({**json.loads(schema), "components": openapi.document()["components"]})
