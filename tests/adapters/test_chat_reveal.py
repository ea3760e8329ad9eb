"""Revealing a value from chat: the way to the console unless the operator and the rule let Slack show it; audited first, private, once (I7, I10; T19, T27).

The values are canaries: nowhere but in the dialog of the one who asked.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.config_chat import SlackSettings
from bot.desk.context import DeskSettings
from tests.support.chat_world import SLACK_USERS, make_world
from tests.support.fake_connector import FakeConnector, executes
from tests.support.fake_slack import FakeSlack, buttons
from tests.support.markup import slack_words, teams_words
from tests.support.slack_harness import Harness, harness
from tests.support.teams_harness import TeamsHarness, teams_harness

POLICY = """
version: 1
groups:
  data-owners: {members: [person:ana, person:bo]}
  readers: {members: [person:ana]}
rules:
  - name: quick
    when: action == "db.read"
    require: [{group: data-owners, approvals: 1}]
    preview: {reveal: readers}
    surfaces: ["slack:#approvals", "teams:approvals", console]
  - name: strong
    when: action == "db.drop"
    require: [{group: data-owners, approvals: 1}]
    assurance: console
    preview: {reveal: readers}
    surfaces: ["slack:#approvals", "teams:approvals", console]
"""
CANARY = "canary.person@example.org"
PARAMETERS = {"contact": CANARY, "note": "nothing to hide"}


def settings(world: Any, *, chat: bool) -> None:
    world.office.settings = DeskSettings(
        "https://signoff.test", reveal_from=frozenset({"slack"}) if chat else frozenset()
    )


@pytest.fixture(params=["chat"])
async def slack(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harness]:
    world = await make_world(tmp_path, policy=POLICY)
    settings(world, chat=request.param == "chat")
    async with FakeSlack(world.clock) as fake, harness(world, fake, reveal=request.param) as made:
        yield made


in_the_console = pytest.mark.parametrize("slack", ["console"], indirect=True)


async def dialog(slack: Harness, who: str = "ana", action: str = "db.read") -> dict[str, Any] | None:
    """*who* opens the details of a new request and presses Reveal there; the dialog that opens, None when there is no such button."""
    await slack.world.ask(action, PARAMETERS)
    await slack.settle()
    await slack.click(who, "details")
    details = slack.fake.opened[-1]
    found = [b for b in buttons(details) if b["action_id"] == "signoff.reveal"]
    if not found:
        return None
    await press(slack, who, details, found[0])
    return slack.fake.opened[-1]


async def press(slack: Harness, who: str, details: dict[str, Any], button: dict[str, Any]) -> None:
    click = slack.fake.click(who, button)
    del click["channel"]
    await slack.press({**click, "view": {**details, "type": "modal"}, "container": {"type": "view"}})


def options(view: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = next(b for b in view["blocks"] if b.get("block_id") == "field")["element"][
        "options"
    ]
    return found


def words(view: dict[str, Any]) -> str:
    return slack_words(view["blocks"]).replace("\0", "")


async def send(slack: Harness, view: dict[str, Any], purpose: str = "ticket 4711", who: str = "ana") -> Any:
    sent = slack.fake.asked_for(who, view, options(view)[0]["value"], purpose)
    return (await slack.press(sent)).json()


def elsewhere(slack: Harness, view: dict[str, Any]) -> str:
    """Everything that Slack was given but the dialog *view*."""
    rest = {id: one for id, one in slack.fake.views.items() if id != view["id"]}
    return json.dumps([rest, slack.fake.messages, slack.fake.responses, slack.fake.homes], default=str)


@in_the_console
async def test_t19_unless_it_is_set_otherwise_the_dialog_leads_to_the_console(slack: Harness) -> None:
    view = await dialog(slack)

    assert view is not None
    assert "shown in the console, not here" in words(view)
    assert [b["url"].rpartition("/")[0] for b in buttons(view)] == ["https://signoff.test/requests"]
    assert "submit" not in view


@in_the_console
async def test_t19_a_forged_dialog_shows_nothing_where_it_is_not_set(slack: Harness) -> None:
    view = await dialog(slack)
    assert view is not None
    slack.app._settings = SlackSettings(**{f: getattr(slack.app._settings, f) for f in SlackSettings.__struct_fields__} | {"reveal": "chat"})  # fmt: skip
    opened = await dialog(slack)
    assert opened is not None

    await send(slack, opened)

    assert CANARY not in json.dumps(slack.fake.views)
    assert "sign in again" in words(slack.fake.views[opened["id"]])
    assert (await slack.world.audit_types())[-1] == "reveal.refused"


async def test_t19_where_it_is_set_the_value_stands_in_the_dialog_of_the_one_who_asked_alone(
    slack: Harness,
) -> None:
    view = await dialog(slack)
    assert view is not None
    assert [o["text"]["text"] for o in options(view)] == ["parameters › contact"]
    assert CANARY not in json.dumps(view)

    answer = await send(slack, view)

    assert answer["response_action"] == "update"
    assert CANARY not in json.dumps(answer)
    assert CANARY in words(slack.fake.views[view["id"]])
    assert slack.fake.views[view["id"]]["clear_on_close"] is True
    assert CANARY not in elsewhere(slack, view)


async def test_i10_t19_the_entry_is_there_though_slack_never_takes_the_value(slack: Harness) -> None:
    view = await dialog(slack)
    assert view is not None
    slack.fake.script["views.update"].extend(["internal_error"] * 5)

    await send(slack, view)

    assert (await slack.world.audit_types())[-1] == "reveal.viewed"
    assert CANARY not in json.dumps(
        [slack.fake.views, slack.fake.messages, slack.fake.responses], default=str
    )


async def test_t19_no_purpose_no_value(slack: Harness) -> None:
    view = await dialog(slack)
    assert view is not None

    answer = await send(slack, view, purpose="  ")

    assert answer == {
        "response_action": "errors",
        "errors": {"purpose": "Please say which value and what for."},
    }
    assert "reveal.viewed" not in await slack.world.audit_types()


async def test_t19_a_rule_that_asks_for_more_than_a_click_leads_to_the_console(slack: Harness) -> None:
    view = await dialog(slack, action="db.drop")

    assert view is not None
    assert "shown in the console, not here" in words(view)


async def test_t19_who_is_not_entitled_has_no_button_and_a_borrowed_dialog_opens_nothing(
    slack: Harness,
) -> None:
    assert await dialog(slack, "bo") is None
    view = await dialog(slack, "ana")
    assert view is not None

    await send(slack, view, who="bo")

    assert CANARY not in json.dumps(slack.fake.views)
    assert (await slack.world.audit_types())[-1] == "reveal.refused"


async def test_t19_who_is_entitled_no_more_when_the_dialog_is_sent_sees_nothing(slack: Harness) -> None:
    view = await dialog(slack)
    assert view is not None
    from bot.core.policy_load import load_policy

    slack.world.office.book.replace(load_policy(POLICY.replace("readers: {members: [person:ana]}", "readers: {members: [person:bo]}")))  # fmt: skip
    await send(slack, view)

    assert CANARY not in json.dumps(slack.fake.views)
    assert "not entitled" in words(slack.fake.views[view["id"]])


@pytest.mark.parametrize("field", ["0", "99", "-1", "x", "", None])
async def test_t27_only_a_hidden_field_of_the_list_can_be_asked_for(
    slack: Harness, field: str | None
) -> None:
    view = await dialog(slack)
    assert view is not None
    hidden = options(view)[0]["value"]
    sent = slack.fake.asked_for("ana", view, field, "ticket 4711")  # type: ignore[arg-type]

    await slack.press(sent)

    assert field != hidden
    assert CANARY not in json.dumps(slack.fake.views)
    assert "reveal.viewed" not in await slack.world.audit_types()


async def test_t27_a_dialog_of_one_place_is_none_with_anothers_seal(slack: Harness) -> None:
    view = await dialog(slack)
    assert view is not None
    kept = json.loads(view["private_metadata"])
    forged = {**view, "private_metadata": json.dumps({**kept, "channel": f"modal:{SLACK_USERS['bo']}"})}

    await send(slack, forged)

    assert CANARY not in json.dumps(slack.fake.views)
    assert "not made by this app" in slack_words(
        list(slack.fake.messages["D" + SLACK_USERS["ana"][1:]].values())[-1]["blocks"]
    )


async def test_t19_thirty_an_hour_and_no_more(slack: Harness) -> None:
    view = await dialog(slack)
    assert view is not None
    for _ in range(30):
        slack.world.clock.forward(timedelta(seconds=1))
        await send(slack, view)
    shown = slack.fake.views[view["id"]]

    slack.world.clock.forward(timedelta(seconds=1))
    await send(slack, view)

    assert CANARY in words(shown)
    assert "many values in a short time" in words(slack.fake.views[view["id"]])


@pytest.fixture
async def teams(tmp_path: Path) -> AsyncIterator[TeamsHarness]:
    world = await make_world(tmp_path, policy=POLICY)
    settings(world, chat=True)
    key = rsa.generate_private_key(65537, 2048)
    async with FakeConnector(world.clock, key) as fake, teams_harness(world, fake) as made:
        yield made


async def test_t19_teams_leads_to_the_console_always(teams: TeamsHarness) -> None:
    request = await teams.world.ask("db.read", PARAMETERS)
    await teams.show(request.id)
    refresh = teams.fake.card()["refresh"]["action"]
    own = (await teams.fake.post(teams.client, teams.fake.execute("ana", refresh, verb="refresh"))).json()[
        "value"
    ]
    reveal = next(b for b in executes(own) if b.get("title", "").startswith("Reveal"))

    answer = (await teams.fake.post(teams.client, teams.fake.execute("ana", reveal))).json()

    assert "shown in the console, not here" in teams_words(answer["value"])
    assert CANARY not in json.dumps([answer, teams.fake.cards])
