"""Slack from the ask to the decision, against a fake that enforces Slack's rules (I2, I3, I9, I11, I14; T04, T05, T26–T28, T35, T45)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.core.ids import AccountKey, PersonId
from bot.core.people import Actor
from bot.core.request import Assurance, Choice, RequestState
from bot.desk.api import Submitted, Voted
from tests.support.chat_world import CHANNEL, SLACK_USERS, TEAM, make_world
from tests.support.fake_slack import FakeSlack, buttons
from tests.support.markup import slack_words
from tests.support.slack_harness import Harness, harness


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[Harness]:
    world = await make_world(tmp_path)
    async with FakeSlack(world.clock) as fake, harness(world, fake) as made:
        yield made


async def test_two_people_approve_in_slack_and_every_copy_tells_it(slack: Harness) -> None:
    request = await slack.world.ask("db.export")
    await slack.settle()

    first = await slack.click("ana", "approve")
    partly = slack.card
    second = await slack.click("cy", "approve")
    await slack.settle()

    assert (first.status_code, second.status_code) == (200, 200)
    assert "Partly approved, 1 of 2" in partly
    assert (await slack.world.request(request.id)).state is RequestState.APPROVED
    assert "Approved" in slack.card
    assert not [
        b
        for b in buttons(slack.fake.messages[CHANNEL])
        if b["action_id"] in ("signoff.approve", "signoff.deny")
    ]


async def test_the_click_is_answered_in_private(slack: Harness) -> None:
    await slack.world.ask()
    await slack.settle()

    await slack.click("ana", "approve")

    assert slack.fake.responses[-1]["response_type"] == "ephemeral"
    assert slack.fake.responses[-1]["replace_original"] is False
    assert "Your approval counts." in slack.answered


async def test_the_requester_cannot_approve(slack: Harness) -> None:
    request = await slack.world.ask()
    await slack.settle()

    await slack.click("maria", "approve")

    assert "somebody else must decide" in slack.answered
    assert (await slack.world.request(request.id)).state is RequestState.PENDING
    assert "vote.refused" in await slack.world.audit_types()


async def test_somebody_of_no_group_cannot_approve(slack: Harness) -> None:
    request = await slack.world.ask()
    await slack.settle()

    await slack.click("aud", "approve")

    assert "not in a group" in slack.answered
    assert await slack.world.votes(request.id) == []


async def test_t26_a_second_click_counts_once(slack: Harness) -> None:
    request = await slack.world.ask("db.export")
    await slack.settle()

    await slack.click("ana", "approve")
    await slack.click("ana", "approve")

    assert "already voted" in slack.answered
    assert await slack.world.votes(request.id) == ["ana:approve"]


async def test_t26_a_captured_click_sent_a_thousand_times_at_once_is_one_vote(slack: Harness) -> None:
    request = await slack.world.ask("db.export")
    await slack.settle()
    from urllib.parse import urlencode

    body = urlencode({"payload": json.dumps(slack.fake.click("ana", slack.fake.button("approve")))}).encode()
    headers = slack.fake.signed(body)

    answers = await asyncio.gather(
        *(slack.client.post("/slack/events", content=body, headers=headers) for _ in range(1000))
    )
    await slack.app.tasks.drain()

    assert {a.status_code for a in answers} == {200}
    assert await slack.world.votes(request.id) == ["ana:approve"]
    assert len(slack.fake.responses) == 1


async def test_t26_a_captured_click_six_minutes_later_is_refused(slack: Harness) -> None:
    from urllib.parse import urlencode

    await slack.world.ask()
    await slack.settle()
    body = urlencode({"payload": json.dumps(slack.fake.click("ana", slack.fake.button("approve")))}).encode()
    headers = slack.fake.signed(body)
    slack.world.clock.forward(timedelta(minutes=6))

    assert (await slack.client.post("/slack/events", content=body, headers=headers)).status_code == 401


async def test_denying_asks_for_a_reason_and_the_reason_is_kept_masked(slack: Harness) -> None:
    request = await slack.world.ask()
    await slack.settle()

    await slack.click("ana", "deny")
    view = slack.fake.opened[-1]
    await slack.press(slack.fake.submission("ana", view, "mail of ann@example.org must not leave"))
    await slack.settle()

    decided = await slack.world.request(request.id)
    assert decided.state is RequestState.DENIED
    assert "ann@example.org" not in decided.reason
    assert "ann@example.org" not in json.dumps(slack.fake.messages)
    assert "must not leave" in slack.card


async def test_an_empty_reason_keeps_the_dialog_open(slack: Harness) -> None:
    request = await slack.world.ask()
    await slack.settle()
    await slack.click("ana", "deny")

    answer = await slack.press(slack.fake.submission("ana", slack.fake.opened[-1], "  "))

    assert answer.json()["response_action"] == "errors"
    assert (await slack.world.request(request.id)).state is RequestState.PENDING


async def test_a_trigger_that_expired_says_so_and_denies_nothing(slack: Harness) -> None:
    request = await slack.world.ask()
    await slack.settle()
    payload = slack.fake.click("ana", slack.fake.button("deny"))
    slack.world.clock.forward(timedelta(seconds=4))

    await slack.press(payload)

    assert "could not be opened" in slack.answered
    assert (await slack.world.request(request.id)).state is RequestState.PENDING


async def test_withdraw_lives_in_the_viewers_own_details(slack: Harness) -> None:
    request = await slack.world.ask("db.export")
    await slack.settle()
    await slack.click("ana", "approve")

    await slack.click("ana", "details")
    view = slack.fake.opened[-1]
    withdraw = next(b for b in buttons(view) if b["action_id"] == "signoff.withdraw")
    payload = slack.fake.click("ana", withdraw, view={"id": view["id"], "type": "modal"})
    del payload["channel"], payload["response_url"]
    await slack.press(payload)

    assert await slack.world.votes(request.id) == []
    assert "Partly" not in slack.card


async def test_the_owner_may_cancel_from_details(slack: Harness) -> None:
    request = await slack.world.ask()
    await slack.settle()
    await slack.click("maria", "details")
    view = slack.fake.opened[-1]
    cancel = next(b for b in buttons(view) if b["action_id"] == "signoff.cancel")
    payload = slack.fake.click("maria", cancel, view={"id": view["id"], "type": "modal"})
    del payload["channel"]

    await slack.press(payload)

    assert (await slack.world.request(request.id)).state is RequestState.CANCELLED
    assert "Cancelled" in slack.card


# --- whose click it is --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        ("is_bot", True, "Bots"),
        ("is_bot", None, "Bots"),
        ("is_app_user", True, "Bots"),
        ("is_workflow_bot", True, "Bots"),
        ("deleted", True, "deactivated"),
        ("deleted", None, "deactivated"),
        ("is_restricted", True, "Guests"),
        ("is_ultra_restricted", True, "Guests"),
        ("is_invited_user", True, "Guests"),
        ("is_stranger", True, "another workspace"),
        ("team_id", "T0OTHER", "another workspace"),
        ("team_id", None, "another workspace"),
        ("id", "U0OTHER", "cannot be checked"),
    ],
)
async def test_t05_t28_this_kind_of_account_is_nobody(
    slack: Harness, flag: str, value: object, words: str
) -> None:
    request = await slack.world.ask()
    await slack.settle()
    slack.fake.users["U0ANA"][flag] = value

    await slack.click("ana", "approve")

    assert words in slack.answered
    assert await slack.world.votes(request.id) == []
    assert await slack.world.turned_away() == ["stranger"]


@pytest.mark.parametrize(
    "changes",
    [
        {"team": {"id": "T0OTHER"}},
        {"user": {"id": "U0ANA", "team_id": "T0OTHER"}},
        {"user": {"id": "USLACKBOT", "team_id": TEAM}},
        {"user": {"id": "U0NOBODY", "team_id": TEAM}},
        {"user": {"id": "../x", "team_id": TEAM}},
        {"user": {}},
        {"user": None},
        {"team": None},
        {"api_app_id": "A0OTHER"},
        {"api_app_id": None},
        {"actions": []},
        {"actions": None},
        {"actions": [{"action_id": "signoff.approve", "value": "req_1"}]},
        {"actions": [{"action_id": "signoff.approve"}]},
        {"channel": {"id": "C0ELSEWHERE"}},
        {"channel": None},
    ],
)
async def test_t27_t28_a_callback_that_does_not_fit_is_no_vote(
    slack: Harness, changes: dict[str, Any]
) -> None:
    request = await slack.world.ask()
    await slack.settle()

    response = await slack.click("ana", "approve", **changes)

    assert response.status_code < 500
    assert await slack.world.votes(request.id) == []


async def test_a_deny_value_under_an_approve_action_is_no_vote(slack: Harness) -> None:
    request = await slack.world.ask()
    await slack.settle()
    deny = slack.fake.button("deny")

    await slack.press(slack.fake.click("ana", {**deny, "action_id": "signoff.approve"}))

    assert "not made by this app" in slack.answered
    assert await slack.world.votes(request.id) == []


async def test_slack_being_down_when_the_user_is_checked_refuses(slack: Harness) -> None:
    request = await slack.world.ask()
    await slack.settle()
    slack.fake.script["users.info"].append("500")

    await slack.click("ana", "approve")

    assert "cannot be checked" in slack.answered
    assert await slack.world.votes(request.id) == []


async def test_t04_an_unlinked_account_is_told_how_to_link(slack: Harness) -> None:
    await slack.world.ask()
    await slack.settle()
    slack.fake.users["U0NEW"] = {**slack.fake.users["U0ANA"], "id": "U0NEW"}

    await slack.click("U0NEW", "approve")

    assert "/signoff link" in slack.answered
    assert await slack.world.turned_away() == ["unmapped"]


async def test_t08_who_is_nobody_fills_no_log_and_looking_at_home_is_no_try(slack: Harness) -> None:
    await slack.world.ask()
    await slack.settle()
    slack.fake.users["U0NEW"] = {**slack.fake.users["U0ANA"], "id": "U0NEW"}
    await slack.open_home("U0NEW")
    assert await slack.world.turned_away() == []

    for n in range(65):
        slack.world.clock.forward(timedelta(milliseconds=1))
        await slack.click("U0NEW", "approve", trigger_id=f"t{n}")

    assert len(await slack.world.turned_away()) == 60
    slack.world.clock.forward(timedelta(seconds=60))
    await slack.click("U0NEW", "approve", trigger_id="later")
    assert len(await slack.world.turned_away()) == 61


async def test_t04_one_person_by_slack_and_console_counts_once(slack: Harness) -> None:
    request = await slack.world.ask("db.export")
    await slack.settle()
    await slack.click("eva", "approve")
    console = Actor(
        PersonId("person:eva"),
        AccountKey("slack:T0SIGNOFF:U0EVA"),
        "console",
        Assurance.CONSOLE,
        slack.world.clock.now(),
    )

    await slack.world.desk.vote(request.id, console, Choice.APPROVE)

    assert (await slack.world.request(request.id)).state is RequestState.PENDING


async def test_an_approval_that_needs_the_console_has_no_button_and_is_refused(slack: Harness) -> None:
    request = await slack.world.ask("db.drop")
    await slack.settle()
    assert "stronger sign-in" in slack.card
    from bot.chat.seal import Click, Place, seal
    from bot.core.preview import Button
    from tests.support.chat_world import TestKeys

    value = seal(TestKeys().mac, Place("slack", TEAM, CHANNEL), Click(request.id, 1, Button.APPROVE))
    await slack.press(slack.fake.click("ana", {"action_id": "signoff.approve", "value": value}))

    assert await slack.world.votes(request.id) == []


async def test_t14_a_preview_that_does_not_fit_is_refused_even_with_a_genuine_button(slack: Harness) -> None:
    request = await slack.world.ask(parameters={f"k{i}": f"v{i}" for i in range(90)})
    await slack.settle()
    assert not [b for b in buttons(slack.fake.messages[CHANNEL]) if b["action_id"] == "signoff.approve"]
    from bot.chat.seal import Click, Place, seal
    from bot.core.preview import Button
    from tests.support.chat_world import TestKeys

    value = seal(TestKeys().mac, Place("slack", TEAM, CHANNEL), Click(request.id, 1, Button.APPROVE))
    await slack.press(slack.fake.click("ana", {"action_id": "signoff.approve", "value": value}))

    assert "does not fit" in slack.answered
    assert await slack.world.votes(request.id) == []


# --- posting --------------------------------------------------------------------------------------


async def cards_in(slack: Harness, channel: str = CHANNEL) -> list[dict[str, Any]]:
    return [m for m in slack.fake.messages[channel].values() if m["thread_ts"] is None]


async def test_t45_a_post_whose_answer_was_lost_is_found_and_not_doubled(slack: Harness) -> None:
    await slack.world.ask()
    slack.fake.script["chat.postMessage"].append("drop")

    await slack.settle()

    assert len(await cards_in(slack)) == 1


async def test_t45_without_the_history_scope_the_card_is_posted_all_the_same(slack: Harness) -> None:
    slack.fake.scopes.discard("channels:history")
    await slack.world.ask()
    slack.fake.script["chat.postMessage"].append("500")

    for _ in range(5):
        await slack.deliver()
        slack.world.clock.forward(timedelta(minutes=3))

    assert len(await cards_in(slack)) == 1


@pytest.mark.parametrize("fault", ["500", "429:7", "internal_error", "drop"])
@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update", "conversations.info"])
async def test_t45_after_any_fault_the_card_is_right(slack: Harness, method: str, fault: str) -> None:
    await slack.world.ask("db.export")
    slack.fake.script[method].extend([fault, fault])

    await slack.settle()
    await slack.click("ana", "approve")
    await slack.settle()

    assert "Partly approved, 1 of 2" in slack.card
    assert len(await cards_in(slack)) == 1


async def test_blocks_that_slack_refuses_become_a_plain_message(slack: Harness) -> None:
    await slack.world.ask()
    slack.fake.script["chat.postMessage"].append("invalid_blocks")

    await slack.settle()

    assert [b["type"] for b in (await cards_in(slack))[0]["blocks"]] == ["section"]
    assert "Waiting for a decision: db.read" in slack.card


async def test_t28_a_channel_shared_with_another_organisation_gets_no_card(slack: Harness) -> None:
    slack.fake.channels[CHANNEL]["is_ext_shared"] = True
    await slack.world.ask()

    await slack.settle()

    assert await cards_in(slack) == []
    assert slack.given_up == ["the channel is shared with another organisation"]


async def test_a_deleted_message_is_posted_anew(slack: Harness) -> None:
    await slack.world.ask("db.export")
    await slack.settle()
    button = slack.fake.button("approve")
    slack.fake.messages[CHANNEL].clear()

    await slack.press(slack.fake.click("ana", button))

    assert "Partly approved" in slack.card


async def test_direct_copies_go_to_the_named_approvers_and_settle_with_the_rest(slack: Harness) -> None:
    await slack.world.ask("db.grant")
    await slack.settle()

    for user in ("0ANA", "0BO", "0EVA"):
        assert len(slack.fake.messages["D" + user]) == 1
    await slack.click("ana", "approve")
    await slack.settle()

    for user in ("0ANA", "0BO", "0EVA"):
        assert "Approved" in slack_words(next(iter(slack.fake.messages["D" + user].values()))["blocks"])


async def test_an_approver_who_cannot_be_written_to_keeps_the_card_from_nobody_else(slack: Harness) -> None:
    del slack.fake.users["U0ANA"]
    await slack.world.ask("db.grant")

    await slack.settle()

    assert len(slack.fake.messages["D0BO"]) == len(slack.fake.messages["D0EVA"]) == 1
    assert slack.given_up == ["user_not_found"]


async def test_a_click_on_a_direct_copy_counts(slack: Harness) -> None:
    request = await slack.world.ask("db.grant")
    await slack.settle()

    await slack.press(slack.fake.click("bo", slack.fake.button("approve", "D0BO"), "D0BO"))

    assert (await slack.world.request(request.id)).state is RequestState.APPROVED


async def test_fifty_changes_at_once_of_one_message_end_in_the_latest_state(slack: Harness) -> None:
    request = await slack.world.ask("db.export")
    await slack.settle()
    slack.fake.latency = 0.005
    ana = await slack.world.desk.identify(
        AccountKey(f"slack:{TEAM}:U0ANA"), surface="slack:x", assurance=Assurance.CHAT
    )
    assert isinstance(ana, Actor)

    async def change(index: int) -> None:
        if index % 2 == 0:
            await slack.world.desk.vote(request.id, ana, Choice.APPROVE)
        else:
            await slack.world.desk.withdraw(request.id, ana)
        await slack.surface.show("slack:#approvals", request.id)

    before = slack.fake.calls["chat.update"]
    await asyncio.gather(*(change(index) for index in range(50)))

    voted = await slack.world.votes(request.id)
    assert ("Partly approved" in slack.card) == bool(voted)
    assert slack.fake.overlaps == 0
    assert slack.fake.calls["chat.update"] - before < 25


async def test_the_thread_tells_how_it_ended_once(slack: Harness) -> None:
    request = await slack.world.ask()
    await slack.settle()
    await slack.click("ana", "approve")
    await slack.settle()
    await slack.surface.show("slack:#approvals", request.id)

    replies = [m for m in slack.fake.messages[CHANNEL].values() if m["thread_ts"]]
    assert len(replies) == 1
    assert "Ana" in slack_words(replies[0]["blocks"])


async def test_expiry_is_told_even_if_nobody_recorded_it(slack: Harness) -> None:
    request = await slack.world.ask()
    await slack.settle()
    slack.world.clock.forward(timedelta(minutes=31))

    await slack.surface.show("slack:#approvals", request.id)

    assert "Expired" in slack.card


COUNT = 600


async def test_t45_ten_minutes_of_outage_with_600_requests(tmp_path: Path) -> None:
    world = await make_world(tmp_path)
    async with FakeSlack(world.clock, paced=True) as fake, harness(world, fake, interval=1.0) as slack:
        fake.is_down = True
        requests = []
        for index in range(COUNT):
            requests.append(await world.ask())
            if index % 20 == 0:
                await slack.deliver()
                world.clock.forward(timedelta(seconds=20))
            if index % 3 == 0:
                actor = Actor(
                    PersonId("person:ana"),
                    AccountKey(f"slack:{TEAM}:U0ANA"),
                    "slack:x",
                    Assurance.CHAT,
                    world.clock.now(),
                )
                assert isinstance(await world.desk.vote(requests[-1].id, actor, Choice.APPROVE), Voted)
        assert not fake.messages

        fake.is_down = False
        await slack.settle(rounds=8000)

        shown = await cards_in(slack)
        by_request = {m["metadata"]["event_payload"]["request_id"]: m for m in shown}
        assert len(shown) == len(by_request) == COUNT
        for request in requests:
            state = (await world.request(request.id)).state
            wanted = {RequestState.APPROVED: "Approved", RequestState.PENDING: "Waiting"}[state]
            words = slack_words(by_request[request.id]["blocks"])
            assert wanted in words.split("\n")[0] or words.startswith(wanted), (state, words[:80])


# --- home, commands, linking ----------------------------------------------------------------------


async def test_app_home_shows_the_inbox_and_opens_a_request(slack: Harness) -> None:
    await slack.world.ask("db.export")
    home = await slack.open_home("U0ANA")
    assert "Waiting for you (1)" in slack_words(home)

    button = next(buttons(home))
    payload = slack.fake.click("ana", button, view={"id": "V1", "type": "home"})
    del payload["channel"], payload["response_url"]
    await slack.press(payload)

    view = slack.fake.opened[-1]
    assert "db.export" in slack_words(view)
    approve = next(b for b in buttons(view) if b["action_id"] == "signoff.approve")
    payload = slack.fake.click("ana", approve, view={"id": view["id"], "type": "modal"})
    del payload["channel"], payload["response_url"]
    await slack.press(payload)
    assert "Waiting for you (0)" in slack_words(slack.fake.homes["U0ANA"])


@pytest.mark.parametrize(
    ("user", "command", "text", "words"),
    [
        ("ana", "/signoff", "", "Your inbox"),
        ("ana", "/signoff", "inbox", "Waiting for you (1)"),
        ("maria", "/signoff", "inbox", "Asked by your agents (1)"),
        ("ana", "/signoff", "help", "/signoff delegate @PERSON until WHEN"),
        ("ana", "/signoff", "delegate --help", "at most 30 days"),
        ("ana", "/signoff", "inbxo", "Did you mean /signoff inbox?"),
        ("ana", "/signoff", "policy db.export", "1 of data-owners and 1 of security"),
        ("ana", "/signoff", "show req_000", "no such request, or you may not see it"),
        ("ana", "/signoff", "freeze now", "administrator"),
        ("ana", "/signoff", "delegate <@U0BO|bo> until 3d", "Bo may sit in your groups"),
        ("ana", "/signoff", "delegate <@U0BO|bo> until 3y", "Say until when"),
        ("ana", "/signoff", "delegate @nobody until 3d", "nobody known"),
        ("ana", "/audit", "recent", "no such request, or you may not see it"),
        ("aud", "/audit", "recent", "request.created"),
        ("aud", "/audit", "search type:request.created", "request.created"),
        ("aud", "/audit", "search type:vote.cast", "No entry matches"),
        ("aud", "/audit", "search nonsense", "not how this command is written"),
        ("aud", "/audit", "who <@U0MARIA>", "No entry matches"),
        ("aud", "/audit", "serach", "Did you mean /audit search?"),
    ],
)
async def test_a_command_is_answered_in_private(
    slack: Harness, user: str, command: str, text: str, words: str
) -> None:
    await slack.world.ask("db.export")

    response = await slack.type(user, command, text)

    assert response.status_code == 200
    assert words in slack.answered
    assert slack.fake.responses[-1]["response_type"] == "ephemeral"


async def test_t35_a_missing_and_a_forbidden_request_look_alike(slack: Harness) -> None:
    request = await slack.world.ask("db.read")
    slack.fake.users["U0CY"] = {**slack.fake.users["U0ANA"], "id": "U0CY"}

    await slack.type("cy", "/signoff", f"show {request.id}")
    forbidden = slack.answered
    await slack.type("cy", "/signoff", "show req_00000000000000000000000000")

    assert slack.answered == forbidden


async def test_asking_the_log_is_in_the_log(slack: Harness) -> None:
    await slack.type("aud", "/audit", "recent")

    assert "audit.queried" in await slack.world.audit_types()


async def test_audit_answers_are_paged(slack: Harness) -> None:
    for _ in range(12):
        await slack.world.ask()
    await slack.type("aud", "/audit", "search type:request.created")
    assert "More:" not in slack.answered or "before:" in slack.answered
    await slack.type("aud", "/audit", "recent")
    more = slack.answered.split("More: ")[1].split("\x00")[0]
    first = slack.answered

    await slack.type("aud", "/audit", more.removeprefix("/audit "))

    assert slack.answered != first


async def test_linking_needs_the_code_from_the_console_and_then_a_cool_down(slack: Harness) -> None:
    await slack.world.ask()
    await slack.settle()
    slack.fake.users["U0NEW"] = {**slack.fake.users["U0ANA"], "id": "U0NEW"}
    actor = Actor(
        PersonId("person:cy"),
        AccountKey(f"slack:{TEAM}:{SLACK_USERS['cy']}"),
        "console",
        Assurance.CONSOLE,
        slack.world.clock.now(),
    )
    offer = await slack.links.offer(actor)

    await slack.type("U0NEW", "/signoff", "link WRONGCODE1")
    assert "not known" in slack.answered
    await slack.type("U0NEW", "/signoff", f"link {offer.code}")
    assert "now belongs to Cy" in slack.answered
    await slack.type("ana", "/signoff", f"link {offer.code}")
    assert "not known" in slack.answered
    await slack.click("U0NEW", "approve")
    assert "linked a short while ago" in slack.answered


async def test_a_link_code_is_late_after_ten_minutes_and_guessing_is_bounded(slack: Harness) -> None:
    actor = Actor(
        PersonId("person:cy"), AccountKey("oidc:x:y"), "console", Assurance.CONSOLE, slack.world.clock.now()
    )
    offer = await slack.links.offer(actor)
    slack.world.clock.forward(timedelta(minutes=10))
    await slack.type("ana", "/signoff", f"link {offer.code}")
    assert "not known" in slack.answered

    for _ in range(5):
        await slack.type("ana", "/signoff", "link AAAAAAAAAA")

    assert "Too many" in slack.answered


# --- Socket Mode -------------------------------------------------------------------------------------


async def test_socket_mode_takes_clicks_and_a_repeated_envelope_changes_nothing(tmp_path: Path) -> None:
    world = await make_world(tmp_path)
    async with FakeSlack(world.clock) as fake, harness(world, fake, mode="socket") as slack:
        request = await world.ask("db.export")
        await slack.settle()
        async with asyncio.timeout(30):
            while not fake.sockets:
                await asyncio.sleep(0.01)
        payload = fake.click("ana", fake.button("approve"))

        for envelope in ("e1", "e1"):
            await fake.socket_send("interactive", payload, envelope)
        async with asyncio.timeout(30):
            while len(fake.acks) < 2 or len(fake.responses) < 2:
                await asyncio.sleep(0.01)
        await slack.app.tasks.drain()

        assert await world.votes(request.id) == ["ana:approve"]
        assert [ack["envelope_id"] for ack in fake.acks] == ["e1", "e1"]


async def test_in_socket_mode_the_http_door_is_shut(tmp_path: Path) -> None:
    world = await make_world(tmp_path)
    async with FakeSlack(world.clock) as fake, harness(world, fake, mode="socket") as slack:
        body = b"payload=%7B%7D"
        assert (
            await slack.client.post("/slack/events", content=body, headers=fake.signed(body))
        ).status_code == 401


# --- groups ------------------------------------------------------------------------------------------


async def test_t39_user_groups_are_read_at_most_once_a_minute_and_fail_closed(slack: Harness) -> None:
    from adapters.slack.groups import SlackGroups

    groups = SlackGroups(slack.app._api, TEAM, slack.world.clock.monotonic)
    first = await groups.members("S0SEC")
    slack.fake.groups["S0SEC"] = ["U0CY"]
    assert await groups.members("S0SEC") == first == frozenset({f"slack:{TEAM}:U0CY", f"slack:{TEAM}:U0BO"})

    slack.world.clock.forward(timedelta(seconds=60))
    assert await groups.members("S0SEC") == frozenset({f"slack:{TEAM}:U0CY"})
    slack.world.clock.forward(timedelta(seconds=60))
    slack.fake.is_down = True

    assert await groups.members("S0SEC") is None
    assert await groups.members("S0NONE") is None
    assert await groups.members("../x") is None


async def test_an_ask_while_slack_is_down_is_decided_elsewhere(slack: Harness) -> None:
    slack.fake.is_down = True
    request = await slack.world.ask()
    await slack.deliver()
    actor = Actor(
        PersonId("person:ana"),
        AccountKey(f"slack:{TEAM}:U0ANA"),
        "console",
        Assurance.CONSOLE,
        slack.world.clock.now(),
    )

    voted = await slack.world.desk.vote(request.id, actor, Choice.APPROVE)

    assert isinstance(voted, Voted)
    assert voted.decided
    assert replace(voted.request).state is RequestState.APPROVED
    assert Submitted
