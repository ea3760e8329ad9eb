"""Values as tokens and back: anyone who asks gets tokens, only an entitled person gets values, and the log says so first (I10)."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.adapters.agents.conftest import House, open_house, problem

CANARY = "canary.person@example.org"


@pytest.fixture
def own(tmp_path) -> Iterator[House]:
    """A house of one's own: the bound an hour is counted from nothing."""
    with open_house(tmp_path) as served:
        house = House(served, **served.extra)
        house.desk.clock.forward(timedelta(minutes=10))
        yield house
        house.http.close()
        served.run(house.desk.worker.stop())


def tokens(house: House, value: object) -> object:
    answer = house.post("/v1/tokenize", value)
    assert answer.status_code == 200, answer.text
    return answer.json()["masked"]


def opened(house: House, value: object, who: str = "ana", purpose: str = "ticket 7"):
    return house.post("/v1/detokenize", {"value": value, "purpose": purpose}, who)


def test_what_was_made_a_token_is_given_back_to_an_entitled_person(house: House):
    value = {
        "mail": CANARY,
        "note": f"write to {CANARY} or call +1 212-555-0134",
        "n": 1,
        "list": [CANARY, None, True],
    }
    made = tokens(house, value)

    assert "canary" not in json.dumps(made)
    assert made["mail"].startswith("tok_email_address_m1_")  # type: ignore[index]
    assert made["mail"] == made["list"][0] == tokens(house, {"mail": CANARY})["mail"]  # type: ignore[index]
    answer = opened(house, made)
    assert answer.status_code == 200
    assert answer.json()["value"] == value
    assert answer.json()["opened"] == 4
    assert answer.headers["cache-control"] == "no-store"


def test_text_lines_and_large_documents_become_tokens_as_well(house: House):
    text = house.call(
        "POST", "/v1/tokenize", content=f"mail {CANARY}".encode(), headers={"Content-Type": "text/plain"}
    )
    lines = house.call(
        "POST",
        "/v1/tokenize",
        content=b'{"mail":"a@example.org"}\n',
        headers={"Content-Type": "application/x-ndjson"},
    )
    rows = [{"mail": CANARY, "note": "x" * 100} for _ in range(100)]  # beyond what runs in place

    assert text.text.startswith("mail tok_email_address_m1_")
    assert json.loads(lines.text)["masked"]["mail"].startswith("tok_")
    large = tokens(house, rows)
    assert {row["mail"] for row in large} == {text.text.removeprefix("mail ")}  # type: ignore[attr-defined]


def test_the_entry_stands_before_the_value_is_answered_and_holds_no_value(house: House):
    answer = opened(house, tokens(house, {"mail": CANARY}), purpose="customer asked").json()

    entries = house.get("/v1/audit/entries", "audra", params={"limit": 1, "type": "tokens.opened"}).json()[
        "entries"
    ]
    assert entries[0]["seq"] == answer["seq"]
    assert entries[0]["outcome"] == "success"
    assert "canary" not in json.dumps(entries)
    assert "customer asked" not in json.dumps(entries)


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [("bot", 403, "forbidden"), ("bo", 403, "not-entitled"), ("root", 403, "not-entitled")],
)
def test_nobody_else_gets_values(house: House, who, status, code):
    made = tokens(house, {"mail": CANARY})
    answer = opened(house, made, who)

    assert "canary" not in answer.text
    assert problem(answer) == (status, code)


def test_a_refusal_is_in_the_log(house: House):
    opened(house, tokens(house, {"mail": CANARY}), "bo")

    entries = house.get("/v1/audit/entries", "audra", params={"limit": 1, "type": "command.refused"}).json()[
        "entries"
    ]
    assert entries[0]["outcome"] == "refused"
    assert json.loads(b64decode(entries[0]["leaf"]))["data"]["command"] == "detokenize"


def test_all_tokens_are_opened_or_none(house: House):
    good = tokens(house, {"mail": CANARY})["mail"]  # type: ignore[index]
    altered = good[:-1] + ("a" if good[-1] != "a" else "b")
    other_type = good.replace("email_address", "person")
    other_key = good.replace("_m1_", "_m9_")

    for bad in (altered, other_type, other_key):
        answer = opened(house, [good, bad])
        assert answer.status_code == 404, answer.text
        assert "canary" not in answer.text
    assert opened(house, {"nothing": "to open"}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"value": 1}, {"purpose": "x"}, {"value": 1, "purpose": ""}, {"value": 1, "purpose": "x", "y": 1}],
)
def test_a_call_without_value_or_purpose_is_refused(house: House, body):
    assert house.post("/v1/detokenize", body, "ana").status_code == 422


def test_a_purpose_of_blanks_is_none(house: House):
    assert opened(house, tokens(house, {"mail": CANARY}), purpose="  ").status_code == 422


def test_a_hundred_at_once_and_no_more(own: House):
    rows = [f"user{n}@example.org" for n in range(101)]
    made = tokens(own, rows)

    assert opened(own, made[:100]).json()["value"] == rows[:100]  # type: ignore[index]
    assert opened(own, made).status_code == 429


def test_calls_an_hour_are_bounded(own: House):
    made = tokens(own, {"mail": CANARY})
    most = own.desk.office.settings.reveals_per_hour_max

    statuses = [opened(own, made).status_code for _ in range(most + 1)]
    own.desk.clock.forward(timedelta(hours=1, seconds=1))

    assert statuses == [200] * most + [429]
    assert opened(own, made).status_code == 200


def test_a_leaver_opens_nothing(own: House):
    made = tokens(own, {"mail": CANARY})
    own.desk.directory.changed = {"readers": frozenset()}
    gone = opened(own, made).status_code
    own.desk.directory.changed = {}
    own.desk.directory.down = True

    assert gone == 403
    assert opened(own, made).status_code == 503
