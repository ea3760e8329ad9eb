"""The client against the real server: it acts only on what was approved, and reports what became of it."""

from __future__ import annotations

import threading
import time

import pytest

from adapters.agents.sdk import NotApproved, Problem, SignoffClient
from tests.adapters.agents.conftest import House

RESOURCE = {"type": "postgres", "id": "prod-customers", "env": "prod"}


@pytest.fixture
def client(house: House) -> SignoffClient:
    return SignoffClient(house.url, house.credentials["bot"])


def ask(client: SignoffClient, **parameters: object):
    return client.ask(
        "db.export", RESOURCE, {"at": time.perf_counter_ns(), **parameters}, justification="a test"
    )


def vote(house: House, id: str, *people: str, choice: str = "approve") -> None:
    for person in people:
        answer = house.post(f"/v1/requests/{id}/votes", {"choice": choice, "comment": "because"}, person)
        assert answer.status_code == 200, answer.text


def test_ask_wait_redeem_act_report(house: House, client: SignoffClient):
    asked = ask(client)
    threading.Timer(0.2, vote, (house, asked.id, "ana", "bo")).start()

    with asked.wait(20).redeem() as spent:
        assert not spent.repeated

    assert client.find(asked.id, asked.payload).answer["grant"]["state"] == "succeeded"


def test_an_exception_is_reported_as_failure_by_its_type_alone(house: House, client: SignoffClient):
    asked = ask(client)
    vote(house, asked.id, "ana", "bo")

    with pytest.raises(RuntimeError), asked.wait().redeem():
        raise RuntimeError("canary.person@example.org")

    assert client.find(asked.id, asked.payload).answer["grant"]["state"] == "failed"


def test_a_denial_is_not_an_approval(house: House, client: SignoffClient):
    asked = ask(client)
    vote(house, asked.id, "ana", choice="deny")

    with pytest.raises(NotApproved) as caught:
        asked.wait()
    assert caught.value.state == "denied"
    with pytest.raises(NotApproved):
        asked.redeem()


def test_patience_ends(client: SignoffClient):
    started = time.monotonic()

    with pytest.raises(NotApproved) as caught:
        ask(client).wait(0.5)

    assert caught.value.state == "pending"
    assert time.monotonic() - started < 5


def test_other_bytes_are_refused(house: House, client: SignoffClient):
    asked = ask(client)
    vote(house, asked.id, "ana", "bo")

    with pytest.raises(Problem) as caught:
        asked.wait().redeem({**asked.payload, "parameters": {}})
    assert caught.value.code == "wrong-payload"


def test_cancel_and_give_back(house: House, client: SignoffClient):
    assert ask(client).cancel().state == "cancelled"
    asked = ask(client)
    vote(house, asked.id, "ana", "bo")
    asked.wait().give_back("not needed")

    assert client.find(asked.id, asked.payload).answer["grant"]["state"] == "revoked"


def test_a_problem_says_where(client: SignoffClient):
    with pytest.raises(Problem) as caught:
        client.ask("Not An Action", RESOURCE, {})
    assert (caught.value.status, caught.value.code, caught.value.pointer) == (422, "schema", "/action")


def test_values_are_masked(client: SignoffClient):
    assert "canary" not in str(client.mask({"mail": "canary.person@example.org"}))


@pytest.mark.parametrize("url", ["http://signoff.example", "ftp://x", "", "signoff.example"])
def test_a_key_is_never_sent_in_the_clear(url: str):
    with pytest.raises(ValueError):
        SignoffClient(url, "sok_x")


def test_a_wrong_key_is_a_problem(house: House):
    with pytest.raises(Problem) as caught:
        SignoffClient(house.url, "sok_wrong").ask("db.export", RESOURCE, {})
    assert caught.value.status == 401
