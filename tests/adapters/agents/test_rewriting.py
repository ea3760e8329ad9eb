"""What stands in place of a value, chosen by configuration and by the call; and the vault: kept, opened, erased, ended."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.config import parse
from bot.errors import ConfigError
from bot.masking_config import rewrite_of
from masking.operators import Operator
from masking.rewriter import Rewrite
from tests.adapters.agents.conftest import FAST, House, open_house, problem

MAIL, CARD = "canary.person@example.org", "4111 1111 1111 1111"
VALUE = {"mail": MAIL, "card": CARD, "born": "1984-03-12", "note": f"write to {MAIL}"}


def masked(house: House, query: str = "", value: object = VALUE, path: str = "/v1/mask"):
    answer = house.post(f"{path}{query}", value)
    assert answer.status_code == 200, answer.text
    return answer.json()["masked"]


def newest(house: House, kind: str) -> dict[str, object]:
    found = house.get("/v1/audit/entries", "audra", params={"limit": 1, "type": kind}).json()["entries"][0]
    return json.loads(b64decode(found["leaf"]))


def test_each_type_is_written_as_the_call_asks(house: House):
    made = masked(house, "?operator=redact&types=CREDIT_CARD:partial,EMAIL_ADDRESS:hmac")

    assert made["card"] == "***1111"
    assert made["mail"].startswith("mac_email_address_m1_")
    assert made["note"] == f"write to {made['mail']}"


@pytest.mark.parametrize(
    "operator", ["placeholder", "redact", "partial", "token", "vault", "hmac", "synthetic", "generalise"]
)
def test_every_operator_hides_the_value_in_json_text_and_lines(house: House, operator):
    as_json = json.dumps(masked(house, f"?operator={operator}"))
    as_text = house.call(
        "POST",
        f"/v1/mask?operator={operator}",
        content=f"mail {MAIL} card {CARD}".encode(),
        headers={"Content-Type": "text/plain"},
    ).text
    as_lines = house.call(
        "POST",
        f"/v1/mask?operator={operator}",
        content=json.dumps(VALUE).encode() + b"\n",
        headers={"Content-Type": "application/x-ndjson"},
    ).text

    for answer in (as_json, as_text, as_lines):
        assert "canary" not in answer
        assert "4111 1111" not in answer
    assert json.loads(as_lines)["masked"].keys() == VALUE.keys()


@pytest.mark.parametrize(
    "query",
    [
        "?operator=keep", "?operator=nothing", "?types=PERSON", "?types=person:hmac", "?types=PERSON:keep", "?ttl=600",
        "?operator=ff1", "?types=CREDIT_CARD:ff1", "?operator=vault&ttl=59", "?operator=vault&ttl=99999999999", "?operator=hmac&operator=redact", "?more=1",
    ],
)  # fmt: skip
def test_a_query_that_says_something_else_is_refused_and_nothing_comes_back(house: House, query):
    answer = house.post(f"/v1/mask{query}", VALUE)

    assert problem(answer) == (400, "bad-query")
    assert "canary" not in answer.text


def test_a_vault_token_opens_for_an_entitled_person_with_the_others(house: House):
    made = masked(house, "?types=CREDIT_CARD:vault", path="/v1/tokenize")
    assert made["card"].startswith("vlt_credit_card_m1_")
    assert newest(house, "tokens.kept")["data"]["token_count"] == 1  # type: ignore[index]

    answer = house.post("/v1/detokenize", {"value": made, "purpose": "ticket"}, "ana")

    assert answer.json()["value"] == VALUE
    assert house.post("/v1/detokenize", {"value": made, "purpose": "ticket"}, "bo").status_code == 403


def test_a_vault_token_ends_at_its_time_and_its_value_is_purged(house: House):
    made = masked(house, "?operator=vault&ttl=3600", {"card": CARD})
    names = [made["card"]]

    def opened() -> int:
        return house.post("/v1/detokenize", {"value": made, "purpose": "ticket"}, "ana").status_code

    before = opened()
    house.desk.clock.forward(timedelta(seconds=3600))

    assert (before, opened()) == (200, 404)
    house.served.run(
        house.desk.office.store.write(lambda tx: tx.expire_vaulted(tx.now() + timedelta(seconds=1), 100))
    )
    assert house.served.run(house.desk.office.store.read(lambda tx: tx.vaulted(names))) == []


@pytest.fixture
def formatted(tmp_path) -> Iterator[House]:
    """A house whose operator has allowed ``ff1``."""
    with open_house(tmp_path, replace(FAST, rewrite=Rewrite(format_preserving=True))) as served:
        house = House(served, **served.extra)
        house.desk.clock.forward(timedelta(minutes=10))
        yield house
        house.http.close()
        served.run(house.desk.worker.stop())


def test_what_ff1_wrote_opens_for_the_same_people_under_the_same_rules(formatted: House):
    """I10: entitled, counted, written down before it leaves."""
    made = masked(formatted, "?operator=ff1", {"card": CARD})["card"]
    body = {"value": [made], "purpose": "ticket", "format_preserving": {"type": "CREDIT_CARD"}}
    named = {**body, "format_preserving": {"type": "CREDIT_CARD", "key": "m1"}}

    answer = formatted.post("/v1/detokenize", body, "ana")

    assert made != CARD
    assert (answer.json()["value"], answer.json()["opened"]) == ([CARD], 1)
    entry = newest(formatted, "tokens.opened")
    assert entry["data"] == {"token_count": 1, "surface": "api", "method": "ff1", "classes": ["credit_card"]}
    assert CARD not in json.dumps(entry)
    assert formatted.post("/v1/detokenize", named, "ana").json()["value"] == [CARD]
    assert problem(formatted.post("/v1/detokenize", body, "bo")) == (403, "not-entitled")
    assert newest(formatted, "command.refused")["data"]["method"] == "ff1"  # type: ignore[index]
    assert formatted.post("/v1/detokenize", body, "bot").status_code == 403
    assert formatted.post("/v1/detokenize", {**body, "value": [made] * 101}, "ana").status_code == 429


@pytest.mark.parametrize(
    ("made", "status"),
    [
        ({"type": "CREDIT_CARD", "key": "m9"}, 404),
        ({"type": "credit card"}, 422),
        ({"type": "CREDIT_CARD", "key": "m1", "more": 1}, 422),
        ({}, 422),
    ],
)
def test_a_type_or_key_that_there_is_not_opens_nothing(formatted: House, made, status):
    body = {"value": ["4929 0000 1111 2222"], "purpose": "ticket", "format_preserving": made}

    assert formatted.post("/v1/detokenize", body, "ana").status_code == status


def test_all_of_what_ff1_wrote_opens_or_nothing(formatted: House):
    body = {
        "value": ["4929 0000 1111 2222", "12345"],
        "purpose": "ticket",
        "format_preserving": {"type": "CREDIT_CARD"},
    }

    assert formatted.post("/v1/detokenize", body, "ana").status_code == 404


def test_where_ff1_is_not_allowed_nothing_opens_as_that(house: House):
    body = {"value": [CARD], "purpose": "ticket", "format_preserving": {"type": "CREDIT_CARD"}}

    assert problem(house.post("/v1/detokenize", body, "ana")) == (400, "bad-query")


@pytest.mark.parametrize("who", ["ana", "bot"])
def test_who_may_open_and_the_agent_that_had_it_made_may_erase(house: House, who):
    made = masked(house, "?operator=vault", {"card": CARD})

    answer = house.post("/v1/tokens/erase", {"value": made, "purpose": "asked to be forgotten"}, who)

    assert answer.json()["erased"] == 1
    assert newest(house, "tokens.erased")["data"]["token_count"] == 1  # type: ignore[index]
    assert house.post("/v1/detokenize", {"value": made, "purpose": "ticket"}, "ana").status_code == 404
    assert house.post("/v1/tokens/erase", {"value": made, "purpose": "again"}, who).status_code == 404


def test_nobody_else_erases_and_all_or_none_is_erased(house: House):
    made = masked(house, "?operator=vault", {"card": CARD})["card"]
    lost = made[:-4] + ("aaaa" if not made.endswith("aaaa") else "bbbb")

    assert house.post("/v1/tokens/erase", {"value": made, "purpose": "x"}, "bo").status_code == 403
    assert house.post("/v1/tokens/erase", {"value": [made, lost], "purpose": "x"}, "bot").status_code == 404
    assert house.post("/v1/tokens/erase", {"value": "no token", "purpose": "x"}, "bot").status_code == 404
    assert house.post("/v1/detokenize", {"value": made, "purpose": "x"}, "ana").json()["value"] == CARD


def test_a_thousand_vault_tokens_at_once_and_no_more(house: House):
    rows = [f"user{n}@example.org" for n in range(1001)]

    assert house.post("/v1/mask?operator=vault", rows[:1000]).status_code == 200
    assert problem(house.post("/v1/mask?operator=vault", rows)) == (422, "masking-failed")


def settings(text: str):
    return rewrite_of(parse(f"masking:\n  rewrite:\n{text}", __import__("pathlib").Path("/x"), {}).masking)


def test_the_configuration_says_what_is_written_without_a_query():
    how = settings(
        "    default: redact\n    types: {CREDIT_CARD: ff1, PERSON: keep}\n    format_preserving: true\n"
    )

    assert how.default is Operator.REDACT
    assert dict(how.by_type) == {"CREDIT_CARD": Operator.FF1, "PERSON": Operator.KEEP}
    assert settings("    default: token\n").default is Operator.TOKEN


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("    types: {CREDIT_CARD: ff1}\n", "format_preserving"),
        ("    types: {card: redact}\n", "not a type"),
        ("    types: {PERSON: hide}\n", "line 3: masking.rewrite.types.PERSON"),
        ("    defualt: redact\n", "did you mean default"),
        ("    vault_for: 5s\n", "vault_for"),
    ],
)
def test_what_the_configuration_cannot_mean_is_refused_with_its_line(text, why):
    with pytest.raises(ConfigError, match=why):
        settings(text)
