"""The way of a request over HTTP: ask, look, wait, vote, redeem once, report."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from adapters.agents.app import create_routes
from adapters.agents.readiness import Readiness
from bot.core.ids import AgentId, PersonId
from bot.core.people import Agent, KeyKind
from bot.desk.api import NewKey
from tests.adapters.agents.conftest import FAST, House, open_house, problem, sample
from tests.support.clock import ManualClock
from tests.support.office import SAMPLE, Desk, open_desk


def test_the_whole_way(house: House):
    asked = house.post("/v1/requests", {**SAMPLE, "parameters": {"query": "SELECT 1", "way": "whole"}})
    assert asked.status_code == 202
    assert asked.headers["location"] == f"/v1/requests/{asked.json()['id']}"
    id = asked.json()["id"]
    assert asked.json()["state"] == "pending"
    assert asked.json()["grant"] is None

    first = house.post(f"/v1/requests/{id}/votes", {"choice": "approve"}, "ana")
    second = house.post(
        f"/v1/requests/{id}/votes", {"choice": "approve", "version": first.json()["version"]}, "bo"
    )
    assert (first.json()["decided"], second.json()["decided"], second.json()["state"]) == (
        False,
        True,
        "approved",
    )

    seen = house.get(f"/v1/requests/{id}").json()
    token = seen["grant"]["token"]
    payload = {
        "action": "db.export",
        "resource": SAMPLE["resource"],
        "parameters": {"query": "SELECT 1", "way": "whole"},
    }
    spent = house.post("/v1/grants/redeem", {"token": token, "payload": payload, "redemption_key": "k1"})
    assert spent.status_code == 200, spent.text
    assert spent.json()["payload_hash"] == seen["payload_hash"]
    assert spent.json()["grant"]["state"] == "redeemed"
    assert "token" not in spent.json()["grant"]

    again = house.post("/v1/grants/redeem", {"token": token, "payload": payload, "redemption_key": "k1"})
    other = house.post("/v1/grants/redeem", {"token": token, "payload": payload, "redemption_key": "k2"})
    assert again.json()["repeated"] is True
    assert problem(other) == (409, "grant-spent")

    done = house.post(
        f"/v1/grants/{seen['grant']['id']}/outcome", {"outcome": "succeeded", "detail": "3 rows"}
    )
    assert done.json()["state"] == "succeeded"
    assert house.get(f"/v1/requests/{id}").json()["grant"]["state"] == "succeeded"


def test_a_voter_never_gets_the_grant(house: House):
    asked = house.ask()
    house.post(f"/v1/requests/{asked['id']}/votes", {"choice": "approve"}, "ana")

    decided = house.post(f"/v1/requests/{asked['id']}/votes", {"choice": "approve"}, "bo")

    assert set(decided.json()) == {"request", "state", "version", "decided", "seq"}


def test_a_request_that_policy_allows_is_answered_at_once_with_its_grant(house: House):
    answer = house.post("/v1/requests", {**SAMPLE, "action": "pay", "parameters": {"amount": 1}})

    assert answer.status_code == 200
    assert answer.json()["state"] == "approved"
    assert answer.json()["grant"]["token"].count(".") == 2


@pytest.mark.parametrize(("action", "code"), [("db.wipe", "policy-denies"), ("nobody.said", "no-rule")])
def test_a_request_that_policy_denies_is_answered_at_once_with_the_reason(
    house: House, action: str, code: str
):
    answer = house.post("/v1/requests", {**SAMPLE, "action": action, "parameters": {"n": action}})

    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["reason"]["code"]) == ("denied", code)


def test_the_answer_never_holds_an_unmasked_value(house: House):
    asked = house.ask(
        parameters={"ssn": "078-05-1120", "mail": "canary.person@example.org", "x": 1},
        justification="canary.person@example.org",
    )
    texts = [json.dumps(asked), house.get(f"/v1/requests/{asked['id']}").text, house.get("/v1/requests").text]
    texts.append(house.get(f"/v1/requests/{asked['id']}/card", "ana").text)
    texts.append(house.get("/v1/audit/entries?limit=500", "audra").text)
    texts.append(house.get("/metrics", None).text)

    assert not any("078-05-1120" in text or "canary.person" in text for text in texts)


def test_the_card_shows_a_person_what_they_decide_on_masked(house: House):
    asked = house.ask(parameters={"mail": "canary.person@example.org", "z": 1})

    card = house.get(f"/v1/requests/{asked['id']}/card", "ana").json()

    assert card["payload_hash"] == asked["payload_hash"]
    assert card["hidden"]
    assert "approve" in card["may"]
    assert problem(house.get(f"/v1/requests/{asked['id']}/card", "mia")) == (404, "not-found")


def test_a_denial_needs_a_comment_and_decides(house: House):
    id = house.ask()["id"]
    path = f"/v1/requests/{id}/votes"

    assert problem(house.post(path, {"choice": "deny"}, "ana")) == (422, "reason-required")
    assert house.post(path, {"choice": "deny", "comment": "too wide"}, "ana").json()["state"] == "denied"
    assert problem(house.post(path, {"choice": "approve"}, "bo"))[0] == 409


def test_a_vote_can_be_withdrawn_before_the_decision(house: House):
    id = house.ask()["id"]
    house.post(f"/v1/requests/{id}/votes", {"choice": "approve"}, "ana")

    assert house.post(f"/v1/requests/{id}/withdraw", None, "ana").status_code == 200
    assert problem(house.post(f"/v1/requests/{id}/withdraw", None, "ana")) == (409, "no-vote")


@pytest.mark.parametrize("who", ["bot", "eve"])
def test_the_agent_or_its_owner_may_cancel(house: House, who: str):
    id = house.ask()["id"]

    assert house.post(f"/v1/requests/{id}/cancel", None, who).json()["state"] == "cancelled"


def test_somebody_elses_request_looks_like_a_missing_one(house: House):
    id = house.ask()["id"]
    missing = "req_" + "0" * 26

    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel")):
        theirs = house.call(method, f"/v1/requests/{id}{path}", "other")
        nobodys = house.call(method, f"/v1/requests/{missing}{path}", "other")
        malformed = house.call(method, f"/v1/requests/nonsense{path}", "other")
        assert theirs.status_code in (403, 404)
        assert problem(nobodys) == (404, "not-found")
        assert malformed.content == nobodys.content
    assert (
        house.get(f"/v1/requests/{id}", "other").content
        == house.get(f"/v1/requests/{missing}", "other").content
    )


@pytest.mark.parametrize("call", ["outcome", "revoke"])
@pytest.mark.parametrize("who", ["bot", "ana"])
def test_t35_a_malformed_id_of_a_grant_and_an_unknown_one_get_the_same_answer(
    house: House, call: str, who: str
):
    if (call, who) == ("outcome", "ana"):
        pytest.skip("people report no outcomes")
    body = {"outcome": "succeeded"} if call == "outcome" else {"reason": "x"}

    unknown = house.post(f"/v1/grants/grt_{'0' * 26}/{call}", body, who)
    malformed = house.post(f"/v1/grants/nonsense/{call}", body, who)

    assert problem(unknown) == (404, "not-found")
    assert malformed.content == unknown.content
    assert malformed.status_code == unknown.status_code


def test_a_grant_is_useless_to_another_agent_and_for_other_bytes(house: House):
    seen, payload = house.approved()
    token = seen["grant"]["token"]

    assert problem(house.post("/v1/grants/redeem", {"token": token, "payload": payload}, "other")) == (
        403,
        "wrong-agent",
    )
    changed = {**payload, "parameters": {"x": 1}}
    assert problem(house.post("/v1/grants/redeem", {"token": token, "payload": changed})) == (
        409,
        "wrong-payload",
    )
    assert problem(house.post("/v1/grants/redeem", {"token": token + "x", "payload": payload})) == (
        403,
        "grant-invalid",
    )
    assert (
        house.post("/v1/grants/redeem", {"token": token, "payload_hash": seen["payload_hash"]}).status_code
        == 200
    )


@pytest.mark.parametrize("who", ["bot", "ana", "eve"])
def test_agent_approver_and_owner_may_take_a_grant_back(house: House, who: str):
    seen, payload = house.approved()

    revoked = house.post(f"/v1/grants/{seen['grant']['id']}/revoke", {"reason": "changed our minds"}, who)

    assert revoked.json()["state"] == "revoked", revoked.text
    assert problem(
        house.post("/v1/grants/redeem", {"token": seen["grant"]["token"], "payload": payload})
    ) == (409, "grant-revoked")
    assert "token" not in house.get(f"/v1/requests/{seen['id']}").json()["grant"]


def test_a_stranger_cannot_take_a_grant_back(house: House):
    seen, _ = house.approved()

    assert house.post(f"/v1/grants/{seen['grant']['id']}/revoke", {"reason": "x"}, "mia").status_code in (
        403,
        404,
    )
    assert house.post(f"/v1/grants/{seen['grant']['id']}/revoke", {"reason": "x"}, "other").status_code in (
        403,
        404,
    )
    assert house.get(f"/v1/requests/{seen['id']}").json()["grant"]["state"] == "issued"


# --- waiting -------------------------------------------------------------------------------------


def test_a_long_poll_returns_as_soon_as_it_is_decided(house: House):
    id = house.ask()["id"]
    timer = threading.Timer(0.3, lambda: house.served.run(_deny(house, id)))
    started = time.monotonic()
    timer.start()

    answer = house.get(f"/v1/requests/{id}?wait=30")

    assert answer.json()["state"] == "denied"
    assert 0.2 < time.monotonic() - started < 5
    timer.join()


async def _deny(house: House, id: str) -> None:
    async with httpx.AsyncClient(base_url=house.url) as http:
        headers = {"Authorization": f"Bearer {house.credentials['ana']}"}
        answer = await http.post(
            f"/v1/requests/{id}/votes", json={"choice": "deny", "comment": "no"}, headers=headers
        )
        assert answer.status_code == 200, answer.text


def test_a_long_poll_returns_after_its_time(house: House):
    id = house.ask()["id"]
    started = time.monotonic()

    answer = house.get(f"/v1/requests/{id}?wait=1")

    assert answer.json()["state"] == "pending"
    assert 0.8 < time.monotonic() - started < 4


@pytest.mark.parametrize(
    "wait", ["61", "-1", "+5", "1.5", "x", "", "１", "1_0", "0x5", "99999999999999999999", " 5"]
)
def test_a_wait_is_a_whole_number_of_at_most_60(house: House, wait: str):
    assert problem(
        house.http.get(
            f"/v1/requests/req_{'0' * 26}",
            params={"wait": wait},
            headers={"Authorization": f"Bearer {house.credentials['bot']}"},
        )
    ) == (400, "bad-query")


def test_events_tell_each_state_and_close_when_it_is_settled(house: House):
    id = house.ask()["id"]
    events: list[dict[str, object]] = []
    with house.http.stream(
        "GET", f"/v1/requests/{id}/events", headers={"Authorization": f"Bearer {house.credentials['bot']}"}
    ) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        heartbeats = 0
        for line in lines:
            if line.startswith("data: "):
                events.append(json.loads(line[6:]))
            heartbeats += line.startswith(":")
            if heartbeats == 2 and len(events) == 1:
                house.served.run(_deny(house, id))
                heartbeats += 1

    assert [event["state"] for event in events] == ["pending", "denied"]


def test_open_event_streams_are_capped_per_agent(house: House):
    id = house.ask()["id"]
    headers = {"Authorization": f"Bearer {house.credentials['bot']}"}
    path = f"/v1/requests/{id}/events"
    with ExitStack() as stack:
        held = [
            stack.enter_context(house.http.stream("GET", path, headers=headers)).iter_lines()
            for _ in range(3)
        ]
        for lines in held:
            next(lines)
        refused = stack.enter_context(house.http.stream("GET", path, headers=headers))
        refused.read()

    assert problem(refused) == (429, "too-many-streams")
    assert refused.headers["retry-after"]


async def test_a_stream_whose_reader_left_before_the_first_byte_gives_its_place_back(tmp_path: Path):
    """Spoken to as a server speaks to it: the reader takes nothing and is gone before the first event was asked for."""
    desk = await open_desk(tmp_path)
    try:
        asked = await desk.asked()
        key = await desk.service.issue_key(None, AgentId("agent:bot"), KeyKind.API)
        assert isinstance(key, NewKey)
        app = Starlette(
            routes=create_routes(
                desk.service, FAST, store=desk.store, keys=desk.office.keys, clock=desk.clock, masker=desk.worker
            )
        )  # fmt: skip
        path = f"/v1/requests/{asked.request.id}/events"
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "method": "GET", "path": path,
            "raw_path": path.encode(), "query_string": b"", "http_version": "1.1", "scheme": "http",
            "headers": [(b"authorization", f"Bearer {key.secret}".encode())],
        }  # fmt: skip
        statuses = [await _gone(app, dict(scope)) for _ in range(FAST.sse_per_agent_max + 1)]

        assert 429 not in statuses
    finally:
        await desk.worker.stop()


async def _gone(app: Starlette, scope: dict[str, Any]) -> int | None:
    """The status on its way to a reader who took nothing and then left."""
    sent: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            sent.append(message["status"])
            if message["status"] == 200:
                await asyncio.Event().wait()  # the connection's buffer is full

    await app(scope, receive, send)
    return sent[0] if sent else None


async def test_t01_a_key_revoked_while_its_call_is_held_gets_no_grant(house: House):
    agent = Agent(AgentId("agent:holding"), (PersonId("person:eve"),), house.desk.clock.now())
    await asyncio.to_thread(house.served.run, house.desk.service.add_agent(None, agent))
    key = await asyncio.to_thread(house.served.run, house.desk.service.issue_key(None, agent.id, KeyKind.API))
    assert isinstance(key, NewKey)
    body = sample(parameters={"held": time.perf_counter_ns()})
    headers = {"Authorization": f"Bearer {key.secret}"}
    async with httpx.AsyncClient(base_url=house.url, headers=headers, timeout=20) as client:
        id = (
            await client.post("/v1/requests", content=body, headers={"Content-Type": "application/json"})
        ).json()["id"]
        held = asyncio.ensure_future(client.get(f"/v1/requests/{id}?wait=15"))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(house.served.run, house.desk.service.revoke_key(None, key.key.id))
        for person in ("ana", "bo"):
            voted = await asyncio.to_thread(
                house.post, f"/v1/requests/{id}/votes", {"choice": "approve"}, person
            )
            assert voted.status_code == 200
        answer = await held

    assert problem(answer) == (401, "unauthorized")
    assert "grant" not in answer.text


async def test_i12_asking_for_readiness_without_end_costs_one_look_a_second():
    clock, looks = ManualClock(), []

    async def find() -> bool:
        looks.append(clock.now())
        await asyncio.sleep(0.05)
        return len(looks) != 2

    readiness = Readiness(find, clock.monotonic)

    assert await asyncio.gather(*(readiness.is_ready() for _ in range(200))) == [True] * 200
    clock.forward(timedelta(microseconds=999_999))
    assert (await readiness.is_ready(), len(looks)) == (True, 1)
    clock.forward(timedelta(microseconds=1))
    assert (await readiness.is_ready(), len(looks)) == (False, 2)
    assert (await readiness.is_ready(), len(looks)) == (False, 2)


class Ending:
    """A token that names an agent until an instant (the port of ``adapters.identity.workload``)."""

    def __init__(self, desk: Desk) -> None:
        self._clock = desk.clock
        self.until = desk.clock.now()

    async def identify(self, token: str) -> tuple[AgentId, str, datetime] | None:
        return (AgentId("agent:bot"), "ci:agent:bot", self.until) if self._clock.now() < self.until else None


@pytest.fixture(scope="module")
def ending(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Ending]]:
    """A house whose streams beat so rarely that nothing but the credential's end can end one in this time."""
    made: list[Ending] = []

    def workloads(desk: Desk) -> Ending:
        made.append(Ending(desk))
        return made[0]

    calm = replace(FAST, sse_heartbeat_seconds=50.0)
    with open_house(tmp_path_factory.mktemp("ending"), calm, workloads=workloads) as served:
        house = House(served, **served.extra)
        yield house, made[0]
        house.http.close()
        served.run(house.desk.worker.stop())


@pytest.mark.parametrize("way", ["/events", "?wait=50"], ids=["stream", "held call"])
@pytest.mark.parametrize("kind", ["workload", "key"])
def test_t01_nothing_is_held_open_longer_than_its_credential(
    ending: tuple[House, Ending], kind: str, way: str
):
    house, token = ending
    id, life = house.ask("fleeting" if kind == "key" else "bot")["id"], timedelta(seconds=1)
    if kind == "key":
        agent = AgentId("agent:fleeting")
        key = house.served.run(house.desk.service.issue_key(None, agent, KeyKind.API, life))
        assert isinstance(key, NewKey), key
        credential = key.secret
    else:
        token.until, credential = house.desk.clock.now() + life, "a.b.c"
    end = time.monotonic() + 15
    headers = {"Authorization": f"Bearer {credential}"}

    with house.http.stream("GET", f"/v1/requests/{id}{way}", headers=headers) as answer:
        lines = []
        for line in answer.iter_lines():
            lines.append(line)
            if time.monotonic() > end:
                break

    assert time.monotonic() < end
    if way == "/events":
        assert lines.count("event: state") == 1
    else:
        assert (answer.status_code, json.loads(lines[0])["code"]) == (401, "unauthorized")
    if kind == "key":
        house.served.run(house.desk.service.revoke_key(None, key.key.id))


def test_a_revoked_keys_stream_ends(house: House):
    id = house.ask("fleeting")["id"]
    with house.http.stream(
        "GET",
        f"/v1/requests/{id}/events",
        headers={"Authorization": f"Bearer {house.credentials['fleeting']}"},
    ) as stream:
        lines = stream.iter_lines()
        next(lines)
        house.served.run(house.desk.service.revoke_key(None, house.keys["fleeting"].key.id))

        assert len(list(lines)) < 20
    assert problem(house.get(f"/v1/requests/{id}", "fleeting")) == (401, "unauthorized")


# --- idempotency -----------------------------------------------------------------------------------


async def test_1000_posts_with_one_idempotency_key_make_one_request(house: House):
    body = sample(parameters={"idempotent": 1})
    headers = {
        "Authorization": f"Bearer {house.credentials['bot']}",
        "Idempotency-Key": '"one-key"',
        "Content-Type": "application/json",
    }
    async with httpx.AsyncClient(
        base_url=house.url, timeout=60, limits=httpx.Limits(max_connections=50)
    ) as http:
        answers = await asyncio.gather(
            *(http.post("/v1/requests", content=body, headers=headers) for _ in range(1000))
        )
        other = await http.post("/v1/requests", content=sample(parameters={"idempotent": 2}), headers=headers)

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert problem(other) == (422, "key-reused")


def test_an_idempotency_key_belongs_to_its_agent(house: House):
    headers = {"Idempotency-Key": "shared"}

    mine = house.post("/v1/requests", {**SAMPLE, "parameters": {"i": 1}}, headers=headers).json()
    theirs = house.post("/v1/requests", {**SAMPLE, "parameters": {"i": 1}}, "other", headers=headers).json()

    assert mine["id"] != theirs["id"]


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, '"unclosed', "é".encode(), '""'])
def test_a_malformed_idempotency_key_is_refused(house: House, key: str):
    assert problem(house.post("/v1/requests", SAMPLE, headers={"Idempotency-Key": key})) == (
        400,
        "bad-header",
    )


# --- listing ---------------------------------------------------------------------------------------


def test_listing_pages_by_keyset_and_filters_by_state(house: House):
    ids = [house.ask("other")["id"] for _ in range(5)]
    house.post(f"/v1/requests/{ids[2]}/cancel", None, "other")

    seen, before = [], ""
    while True:
        page = house.get(f"/v1/requests?limit=2{before}", "other").json()
        seen += [row["id"] for row in page["requests"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"

    assert seen == sorted(seen, reverse=True)
    assert set(ids) <= set(seen)
    cancelled = house.get("/v1/requests?state=cancelled", "other").json()["requests"]
    assert [row["id"] for row in cancelled] == [ids[2]]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=1&limit=2",
        "state=maybe",
        "before=x",
        "approved=true",
        "%zz=%ff",
        "=",
        "&&",
    ],
)
def test_an_unknown_or_malformed_query_is_refused(house: House, query: str):
    assert problem(house.get(f"/v1/requests?{query}")) == (400, "bad-query")


# --- masking, audit, the rest ------------------------------------------------------------------------


def test_json_text_and_lines_are_masked(house: House):
    as_json = house.post("/v1/mask", {"mail": "canary.person@example.org", "n": 1})
    as_text = house.call(
        "POST", "/v1/mask", content=b"mail canary.person@example.org", headers={"Content-Type": "text/plain"}
    )
    lines = b'{"a":"canary.person@example.org"}\n\nnot json\n{"a":1,"a":2}\n"canary.person@example.org"'
    as_lines = house.call("POST", "/v1/mask", content=lines, headers={"Content-Type": "application/x-ndjson"})

    assert as_json.json()["masked"]["n"] == 1
    assert as_json.json()["classes"] == {"email_address": 1}
    got = [json.loads(line) for line in as_lines.text.splitlines()]
    assert [line.get("error") for line in got] == [None, "json", "duplicate-key", None]
    assert as_text.text.startswith("mail ")
    for answer in (as_json, as_text, as_lines):
        assert answer.status_code == 200
        assert "canary" not in answer.text


def test_lines_come_back_while_more_are_sent(house: House):
    """The stream is never held whole: the first answer is there before the last line is sent."""

    host, port = house.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        head = f"POST /v1/mask HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {house.credentials['bot']}\r\n"
        wire.sendall(
            (head + "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n").encode()
        )
        wire.sendall(b'8\r\n{"a":1}\n\r\n')
        got = b""
        while b'"masked":{"a":1}' not in got:
            got += wire.recv(4096)
        wire.sendall(b'8\r\n{"a":2}\n\r\n0\r\n\r\n')
        while b'"masked":{"a":2}' not in got:
            got += wire.recv(4096)


def test_a_line_that_is_too_long_is_answered_in_its_place(house: House):
    body = b'{"a":"' + b"x" * 300_000 + b'"}\n{"b":1}\n'

    got = house.call(
        "POST", "/v1/mask", content=body, headers={"Content-Type": "application/x-ndjson"}
    ).text.splitlines()

    assert [json.loads(line) for line in got] == [{"error": "too-large"}, {"masked": {"b": 1}, "classes": {}}]


def test_the_log_is_for_auditors(house: House):
    id = house.ask()["id"]

    page = house.get(f"/v1/audit/entries?request={id}&limit=2", "audra").json()
    head = house.get("/v1/audit/checkpoint", "audra").json()

    assert page["entries"][0]["type"] in ("request.created", "request.masked")
    assert head["size"] > 2
    assert problem(house.get("/v1/audit/entries", "ana")) == (404, "not-found")
    assert problem(house.get("/v1/audit/checkpoint", "ana")) == (404, "not-found")


@pytest.mark.parametrize(
    "query",
    [
        "limit=501",
        "since=yesterday",
        "since=2026-13-01T00:00:00Z",
        "type=%00",
        "before=-1",
        "who=ana",
        "request=x%20y",
    ],
)
def test_a_malformed_audit_query_is_refused(house: House, query: str):
    assert problem(house.get(f"/v1/audit/entries?{query}", "audra")) == (400, "bad-query")


def test_the_public_pages_answer_without_a_credential(house: House):
    assert house.get("/healthz", None).json() == {"status": "ok"}
    assert house.get("/readyz", None).json() == {"status": "ready"}
    assert house.get("/.well-known/jwks.json", None).json()["keys"][0]["kty"] == "OKP"
    assert house.get("/openapi.json", None).json()["openapi"] == "3.1.0"
    page = house.get("/docs", None)
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text.replace("https://json-schema.org", "").replace("^https?://", "")


def test_not_ready_without_a_policy_or_a_store(house: House):
    policy = house.desk.office.book.judge
    from bot.core.policy import EMPTY
    from bot.core.policy_judge import Judge

    house.desk.office.book.judge = Judge(EMPTY)
    house.desk.clock.forward(timedelta(seconds=1))
    refused = house.get("/readyz", None)
    house.desk.clock.forward(timedelta(seconds=1))
    house.desk.office.book.judge = policy

    assert problem(refused) == (503, "unavailable")


def test_metrics_count_and_name_nobody(house: House):
    house.ask()
    text = house.get("/metrics", None).text

    assert 'signoff_asks_total{state="pending"}' in text
    assert 'signoff_http_answers_total{method="POST",route="/v1/requests",status="202"}' in text
    for name in ("agent:", "person:", "ana", "prod-customers", "db.export", "req_", "sok_"):
        assert name not in text.replace("explanation", "")
