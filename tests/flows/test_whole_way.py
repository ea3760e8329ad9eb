"""The whole way of a request over real HTTP to a real server process: what happens, and who cannot make it happen."""

from __future__ import annotations

import json
import time

import pytest

from tests.flows.steps import approved, ask, body, look, payload_of, redeem, vote, with_canaries
from tests.support.http import ConsoleVisitor, problem, signed_headers
from tests.support.server import CANARIES, Site, leaks


def test_i2_i5_the_whole_way_from_asking_to_the_outcome(site: Site):
    asked = body()
    first = site.call("bot", "POST", "/v1/requests", asked)
    request = first.json()["id"]

    one = vote(site, "ana", request)
    between = look(site, request)
    with ConsoleVisitor(site, "bo") as bo:
        two = bo.vote(request, "approve", version=one.json()["version"])
    seen = look(site, request)
    spent = redeem(site, seen["grant"]["token"], payload_of(asked))
    done = site.call("bot", "POST", f"/v1/grants/{seen['grant']['id']}/outcome", {"outcome": "succeeded"})

    assert (first.status_code, first.json()["state"]) == (202, "pending")
    assert (between["state"], between["grant"]) == ("pending", None)
    assert two.headers["location"] == f"/requests/{request}?done=granted"
    assert (seen["state"], seen["grant"]["state"]) == ("approved", "issued")
    assert spent.json()["payload_hash"] == seen["payload_hash"] == first.json()["payload_hash"]
    assert done.json()["state"] == "succeeded"
    assert site.entries(request) == [
        "request.created", "request.masked", "vote.cast", "vote.cast", "decision.approved", "grant.issued",
        "grant.used.begin", "grant.used.end",
    ]  # fmt: skip
    assert site.verify().findings == []


def test_i10_t50_no_canary_is_readable_anywhere_on_the_whole_way(site: Site):
    asked = with_canaries()
    places: dict[str, bytes] = {}

    def keep(name: str, answer):
        places[name] = answer.content + repr(sorted(answer.headers.items())).encode()
        return answer

    request = keep("ask", site.call("bot", "POST", "/v1/requests", asked)).json()["id"]
    card = keep("card", site.call("ana", "GET", f"/v1/requests/{request}/card")).json()
    with ConsoleVisitor(site, "ana") as ana:
        for path in (
            f"/requests/{request}",
            f"/requests/{request}/confirm",
            f"/requests/{request}/live",
            "/",
        ):
            keep(f"page {path}", ana.get(path))
        keep("console vote", ana.vote(request, "approve", comment=f"ask {CANARIES['email']}"))
    keep("second vote", vote(site, "bo", request, comment=f"card {CANARIES['card']}"))
    seen = keep("look", site.call("bot", "GET", f"/v1/requests/{request}")).json()
    token = seen["grant"]["token"]
    payload = payload_of(asked)
    keep(
        "wrong payload",
        redeem(site, token, payload | {"parameters": payload["parameters"] | {"extra": CANARIES["ssn"]}}),
    )
    keep("redeem", redeem(site, token, payload))
    keep("spent", redeem(site, token, payload))
    detail = {"outcome": "failed", "detail": f"could not mail {CANARIES['email']}"}
    keep("outcome", site.call("bot", "POST", f"/v1/grants/{seen['grant']['id']}/outcome", detail))
    keep("not a schema", site.call("bot", "POST", "/v1/requests", asked | {"approved": CANARIES["password"]}))
    keep(
        "broken",
        site.call(
            "bot",
            "POST",
            "/v1/requests",
            content=json.dumps(asked).encode()[:-1],
            headers={"content-type": "application/json"},
        ),
    )
    keep("nowhere", site.call("bot", "GET", f"/v1/requests/{CANARIES['ssn']}"))
    keep("metrics", site.call(None, "GET", "/metrics"))
    keep("entries", site.call("sam", "GET", "/v1/audit/entries?limit=500"))
    with ConsoleVisitor(site, "sam") as sam:
        keep("audit page", sam.get("/audit"))

    assert card["hidden"]
    assert [leaf["hidden"] for leaf in card["payload"] if "ssn" in leaf["label"]] == [True]
    assert {"signoff.sqlite3", "signoff.sqlite3-wal", "server.log"} <= set(site.written())
    assert leaks(places | site.written()) == []


def test_i10_t18_a_payload_that_the_masking_process_has_to_mask_shows_no_canary_either(site: Site):
    asked = with_canaries()
    asked["parameters"]["long"] = [
        f"line {n}: mail {CANARIES['email']}, ssn {CANARIES['ssn']}" for n in range(2_000)
    ]

    request = ask(site, asked=asked)["id"]
    card = site.call("ana", "GET", f"/v1/requests/{request}/card")

    assert card.json()["hidden"]["us_ssn"] > 2_000
    assert leaks({"card": card.content} | site.written()) == []


def test_i10_the_search_for_canaries_finds_one_that_is_there(site: Site):
    """The oracle of the test above is itself tested: the places hold what is not secret, in each spelling searched for."""
    ask(site)

    assert ("signoff.sqlite3-wal", "prod-customers") in leaks(site.written(), ["prod-customers"])
    assert leaks({"x": b"emVsZGEucXVpbWJ5NzdAZXhhbXBsZS5vcmc="}, [CANARIES["email"]])
    assert leaks({"x": b"\\u0000" + CANARIES["email"].encode().hex().encode()}, [CANARIES["email"]])


def test_a_denial_with_a_reason_decides_and_there_is_no_grant(site: Site):
    request = ask(site)["id"]

    assert problem(vote(site, "ana", request, "deny")) == (422, "reason-required")
    assert vote(site, "ana", request, "deny", comment="too wide").json()["state"] == "denied"
    assert problem(vote(site, "bo", request)) == (409, "closed")
    assert look(site, request)["grant"] is None
    assert site.rows("SELECT count(*) FROM grant_ WHERE request = ?", request) == [(0,)]


def test_i1_a_cancelled_request_is_not_decided_any_more(site: Site):
    request = ask(site)["id"]
    vote(site, "ana", request)

    assert site.call("bot", "POST", f"/v1/requests/{request}/cancel").json()["state"] == "cancelled"
    assert problem(vote(site, "bo", request)) == (409, "closed")
    assert look(site, request)["state"] == "cancelled"


def _refused_in_console(site: Site, who: str, request: str) -> int:
    with ConsoleVisitor(site, who) as visitor:
        return visitor.vote(request, "approve").status_code


def test_i3_t03_the_owner_of_the_agent_is_refused_by_api_and_by_console(site: Site):
    request = ask(site)["id"]

    assert problem(vote(site, "eve", request)) == (403, "separated")
    assert _refused_in_console(site, "eve", request) == 403
    assert "vote.cast" not in site.entries(request)
    assert site.entries(request).count("vote.refused") == 2
    assert vote(site, "ana", request).status_code == 200  # the same call by somebody else counts


def test_i3_t04_whom_it_is_asked_for_is_refused_by_api_and_by_console(site: Site):
    request = ask(site, on_behalf_of="person:ana")["id"]

    assert problem(vote(site, "ana", request)) == (403, "separated")
    assert _refused_in_console(site, "ana", request) == 403
    assert "vote.cast" not in site.entries(request)
    assert vote(site, "bo", request).status_code == 200


def test_i2_t04_one_person_by_token_second_token_and_console_counts_once(site: Site):
    request = ask(site)["id"]
    version = vote(site, "ana", request).json()["version"]

    other_token = {"authorization": f"Bearer {site.second_tokens['ana']}"}
    second = site.call(
        None, "POST", f"/v1/requests/{request}/votes", {"choice": "approve"}, headers=other_token
    )
    with ConsoleVisitor(site, "ana") as ana:
        third = ana.vote(request, "approve", version)

    assert problem(second) == (409, "already-voted")
    assert third.status_code == 409
    assert look(site, request)["state"] == "pending"
    assert site.entries(request).count("vote.cast") == 1


def test_a_person_outside_the_groups_sees_nothing_and_decides_nothing(site: Site):
    request = ask(site)["id"]

    assert vote(site, "mia", request).status_code in (403, 404)
    assert _refused_in_console(site, "mia", request) in (403, 404)
    assert "vote.cast" not in site.entries(request)


DECIDING = [
    ("/v1/requests/{id}/votes", {"choice": "approve"}),
    ("/v1/requests/{id}/votes", {"choice": "deny", "comment": "no"}),
    ("/v1/requests/{id}/withdraw", None),
]
CONSOLE = [
    "/requests/{id}/votes",
    "/requests/{id}/withdraw",
    "/requests/{id}/reveal",
    "/requests/{id}/cancel",
    "/freeze",
    "/freeze/lift",
]


@pytest.mark.parametrize("credential", ["key", "signature", "garbage"])
@pytest.mark.parametrize(("path", "sent"), DECIDING)
def test_i3_an_agents_credential_opens_no_route_that_decides(
    site: Site, path: str, sent: object, credential: str
):
    request = ask(site)["id"]
    vote(site, "ana", request)
    path = path.format(id=request)
    raw = json.dumps(sent).encode() if sent is not None else b""
    headers = {
        "key": {"authorization": f"Bearer {site.keys['bot']}"},
        "signature": signed_headers(site, "bot", f"m1 POST {path}", int(time.time()), raw),
        "garbage": {"authorization": "Bearer sok_" + "a" * 16},
    }[credential]

    answer = site.call(
        None, "POST", path, content=raw, headers={"content-type": "application/json"} | headers
    )

    assert problem(answer) == (403, "forbidden")
    assert site.entries(request).count("vote.cast") == 1
    assert look(site, request)["state"] == "pending"


@pytest.mark.parametrize("path", CONSOLE)
def test_an_agents_credential_opens_no_page_of_the_console(site: Site, path: str):
    request = ask(site)["id"]
    form = {"choice": "approve", "version": "1", "seen": "all", "leaf": "6", "purpose": "x", "reason": "x"}
    headers = {
        "origin": site.url,
        "sec-fetch-site": "same-origin",
        "authorization": f"Bearer {site.keys['bot']}",
    }

    answer = site.call(None, "POST", path.format(id=request), data=form, headers=headers)

    assert (answer.status_code, answer.headers.get("location", "").partition("?")[0]) == (303, "/login")
    assert site.entries(request) == ["request.created", "request.masked"]
    assert site.entries()[-1] not in ("freeze.set", "freeze.lifted")


def test_i11_a_double_click_in_the_console_is_one_vote(site: Site):
    request = ask(site)["id"]
    with ConsoleVisitor(site, "ana") as ana:
        token = ana.token("/profile")
        form = {"csrf": token, "choice": "approve", "version": "1", "seen": "all"}
        headers = {"origin": site.url, "sec-fetch-site": "same-origin"}
        clicks = [ana.http.post(f"/requests/{request}/votes", data=form, headers=headers) for _ in range(2)]

    assert [click.status_code for click in clicks] == [303, 409]
    assert site.entries(request).count("vote.cast") == 1
    assert look(site, request)["state"] == "pending"


def test_i11_t26_a_signed_ask_is_taken_once_and_its_replay_is_refused(site: Site):
    raw = json.dumps(body()).encode()
    headers = signed_headers(site, "bot", "msg_replayed", int(time.time()), raw)

    first = site.call(None, "POST", "/v1/requests", content=raw, headers=headers)
    again = site.call(None, "POST", "/v1/requests", content=raw, headers=headers)
    # The sender's own retry carries the same id and a new time: the same request, not a second one.
    retried = site.call(
        None,
        "POST",
        "/v1/requests",
        content=raw,
        headers=signed_headers(site, "bot", "msg_replayed", int(time.time()) + 1, raw),
    )

    assert first.status_code == 202
    assert problem(again) == (401, "unauthorized")
    assert retried.json()["id"] == first.json()["id"]
    assert retried.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("change", ["body", "time", "id", "signature", "key"])
def test_t25_a_signature_over_anything_else_is_refused(site: Site, change: str):
    raw, now = json.dumps(body()).encode(), int(time.time())
    headers = signed_headers(site, "bot", f"msg_{change}", now, raw)
    changed = {
        "body": {},
        "time": {"webhook-timestamp": str(now - 1)},
        "id": {"webhook-id": "msg_other"},
        "signature": {"webhook-signature": signed_headers(site, "bot", "x", now, b"")["webhook-signature"]},
        "key": {"signoff-key-id": site.signing["other"][0]},
    }[change]
    sent = raw.replace(b"customers", b"custodian") if change == "body" else raw

    assert problem(site.call(None, "POST", "/v1/requests", content=sent, headers=headers | changed)) == (
        401,
        "unauthorized",
    )


def test_i4_t17_an_amended_payload_is_another_request_and_no_vote_crosses(site: Site):
    asked = body()
    first = ask(site, asked=asked)
    vote(site, "ana", first["id"])
    amended = asked | {"parameters": asked["parameters"] | {"rows": 3_000_000}}

    second = ask(site, asked=amended)
    decided = vote(site, "bo", second["id"]).json()

    assert second["id"] != first["id"]
    assert second["payload_hash"] != first["payload_hash"]
    assert (decided["decided"], decided["state"]) == (False, "pending")
    assert look(site, first["id"])["state"] == "pending"


def test_i4_t40_a_grant_is_refused_for_other_bytes_and_stays_spendable_for_the_approved_ones(site: Site):
    seen, payload = approved(site)
    token = seen["grant"]["token"]
    others = [
        payload | {"parameters": payload["parameters"] | {"rows": 4}},
        payload | {"parameters": payload["parameters"] | {"rows": "3"}},
        payload | {"parameters": {k: v for k, v in payload["parameters"].items() if k != "rows"}},
        payload | {"resource": payload["resource"] | {"id": "prod-customers2"}},
        payload | {"action": "db.read"},
    ]

    for other in others:
        assert problem(redeem(site, token, other)) == (409, "wrong-payload")
    assert redeem(site, token, payload).status_code == 200


def test_i5_t40_a_grant_is_spent_once_and_only_by_its_agent(site: Site):
    seen, payload = approved(site)
    token = seen["grant"]["token"]

    assert problem(redeem(site, token, payload, "other")) == (403, "wrong-agent")
    assert redeem(site, token, payload).status_code == 200
    assert problem(redeem(site, token, payload)) == (409, "grant-spent")
    assert (
        site.call("ana", "POST", "/v1/grants/redeem", {"token": token, "payload": payload}).status_code == 403
    )
    assert site.entries(seen["id"]).count("grant.used.begin") == 1


def test_i5_t44_a_retried_redemption_with_its_key_gets_the_same_answer_and_spends_nothing_more(site: Site):
    seen, payload = approved(site)
    token = seen["grant"]["token"]

    first = redeem(site, token, payload, redemption_key="k").json()
    again = redeem(site, token, payload, redemption_key="k").json()
    other = redeem(site, token, payload, redemption_key="l")

    assert (first["repeated"], again["repeated"]) == (False, True)
    assert first["redeemed_at"] == again["redeemed_at"]
    assert problem(other) == (409, "grant-spent")


def test_i5_a_grant_that_was_taken_back_is_not_spent(site: Site):
    seen, payload = approved(site)

    revoked = site.call("ana", "POST", f"/v1/grants/{seen['grant']['id']}/revoke", {"reason": "no longer"})

    assert revoked.json()["state"] == "revoked"
    assert problem(redeem(site, seen["grant"]["token"], payload)) == (409, "grant-revoked")


def test_i10_i7_t19_a_reveal_is_written_down_before_the_value_is_shown(site: Site):
    request = ask(site, asked=with_canaries())["id"]
    card = site.call("ana", "GET", f"/v1/requests/{request}/card").json()
    leaf = next(leaf["index"] for leaf in card["payload"] if leaf["label"] == "parameters › ssn")
    form = {"leaf": str(leaf), "purpose": "checking whom this is about"}

    with ConsoleVisitor(site, "bo") as bo:
        refused = bo.post(f"/requests/{request}/reveal", form)
    before = site.entries(request)
    with ConsoleVisitor(site, "ana") as ana:
        unexplained = ana.post(f"/requests/{request}/reveal", form | {"purpose": ""})
        shown = ana.post(f"/requests/{request}/reveal", form)

    assert (refused.status_code, refused.text.count(CANARIES["ssn"])) == (403, 0)
    assert before[-1] == "reveal.refused"
    assert CANARIES["ssn"] not in unexplained.text
    assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
    assert CANARIES["ssn"] in shown.text
    assert site.entries(request)[-1] == "reveal.viewed"
    assert leaks(site.written()) == []  # the purpose and the value stay encrypted


def test_i10_t19_no_value_is_shown_when_the_reveal_cannot_be_written_down(site: Site):
    """The log is made unwritable from outside: another program holds the database's write lock."""
    import sqlite3
    from contextlib import closing

    request = ask(site, asked=with_canaries())["id"]
    card = site.call("ana", "GET", f"/v1/requests/{request}/card").json()
    leaf = next(leaf["index"] for leaf in card["payload"] if leaf["label"] == "parameters › ssn")

    with ConsoleVisitor(site, "ana") as ana:
        token = ana.token("/profile")
        form = {"csrf": token, "leaf": str(leaf), "purpose": "checking"}
        headers = {"origin": site.url, "sec-fetch-site": "same-origin"}
        with closing(sqlite3.connect(site.database, isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            shown = ana.http.post(f"/requests/{request}/reveal", data=form, headers=headers)
            lock.execute("ROLLBACK")

    assert shown.status_code == 503
    assert CANARIES["ssn"] not in shown.text
    assert "reveal.viewed" not in site.entries(request)


def test_a7_frozen_means_no_approval_no_grant_no_redemption_while_denials_and_lifting_work(site: Site):
    seen, payload = approved(site)
    waiting, doomed = ask(site)["id"], ask(site)["id"]
    vote(site, "ana", waiting)
    with ConsoleVisitor(site, "ana") as ana:
        assert ana.post("/freeze", {"reason": "I am no administrator"}).status_code == 403
    with ConsoleVisitor(site, "root") as root:
        assert root.post("/freeze", {"reason": "an incident"}).status_code == 303
        try:
            assert vote(site, "bo", waiting).status_code == 423
            assert look(site, waiting)["grant"] is None
            assert redeem(site, seen["grant"]["token"], payload).status_code == 423
            assert (
                site.call("bot", "POST", "/v1/requests", body(action="db.read")).json().get("grant") is None
            )
            assert vote(site, "bo", doomed, "deny", comment="frozen anyway").json()["state"] == "denied"
        finally:
            assert root.post("/freeze/lift", {}).status_code == 303

    assert vote(site, "bo", waiting).json()["state"] == "approved"
    assert redeem(site, seen["grant"]["token"], payload).status_code == 200


def test_i11_t09_one_key_with_another_body_is_refused(site: Site):
    headers = {"idempotency-key": "one-key"}
    asked = body()

    first = site.call("bot", "POST", "/v1/requests", asked, headers=headers)
    same = site.call("bot", "POST", "/v1/requests", asked, headers=headers)
    other = site.call("bot", "POST", "/v1/requests", body(), headers=headers)

    assert same.json()["id"] == first.json()["id"]
    assert problem(other) == (422, "key-reused")


def test_i8_what_was_decided_is_there_after_a_stop_and_a_start(site: Site):
    seen, payload = approved(site)
    pending = ask(site)["id"]
    vote(site, "ana", pending)

    site.stop()
    site.start()

    assert look(site, seen["id"]) == seen
    assert vote(site, "bo", pending).json()["state"] == "approved"
    assert redeem(site, seen["grant"]["token"], payload).status_code == 200
    assert site.verify().findings == []
