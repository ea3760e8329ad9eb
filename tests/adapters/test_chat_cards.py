"""What stands on a chat card: the words, the states, and what hostile text cannot do (I9, I14, T12, T13, T14)."""

from __future__ import annotations

import hmac
import json
import unicodedata
from collections import Counter
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack.cards import Cards as SlackCards
from adapters.slack.limits import LimitError, check_message
from adapters.teams.cards import Cards as TeamsCards
from bot.chat.page import note
from bot.chat.seal import Click, Place, seal, unseal
from bot.chat.template import RenderError, Templates
from bot.chat.view import CLAIM_CHARS_MAX
from bot.core.preview import Button, SeatLine, fits
from bot.core.visible import visible
from tests.support import chat_cards as samples
from tests.support import chat_drawn as drawn
from tests.support.markup import markdown_effects, slack_effects, slack_words, teams_effects, teams_words


def mac(purpose: str, data: bytes) -> bytes:
    return hmac.digest(b"test-pepper:" + purpose.encode(), data, "sha256")


SLACK = SlackCards.create(mac)
TEAMS = TeamsCards.create(mac)
IN_SLACK = Place("slack", "T0001", "C0001")
IN_TEAMS = Place("teams", "tenant-1", "19:channel@thread.tacv2")
PENS = drawn.Pens.create()


@pytest.fixture(scope="session")
def adaptive_schema() -> Any:
    path = samples.SHARED / "schemas" / "adaptive-card-1.5.json"
    if not path.exists():
        pytest.skip(f"{path} is absent: the Adaptive Card schema is shared test data")
    return jsonschema_rs.validator_for(json.loads(path.read_text()))


def without_msteams(card: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in card.items() if key != "msteams"}


def action_kinds(message: dict[str, Any]) -> list[str]:
    return [e.split(":")[1] for e in slack_effects(message) if e.startswith("action:")]


@pytest.mark.parametrize("name", samples.states())
def test_every_state_renders_within_slacks_limits(name: str) -> None:
    message = SLACK.message(samples.states()[name], IN_SLACK)

    assert message["metadata"]["event_payload"]["request_id"] == samples.REQUEST
    assert samples.REQUEST in message["text"]


@pytest.mark.parametrize("name", samples.states())
def test_every_state_is_an_adaptive_card_1_5(name: str, adaptive_schema: Any) -> None:
    card = TEAMS.message(samples.states()[name], IN_TEAMS)

    adaptive_schema.validate(without_msteams(card))


def test_every_card_and_answer_for_teams_is_an_adaptive_card_1_5(adaptive_schema: Any) -> None:
    cards = [one for one in drawn.everything(PENS) if one.platform == "teams"]

    assert len(cards) > 20
    for one in cards:
        adaptive_schema.validate(without_msteams(one.value))


def test_the_schema_judge_refuses_an_unknown_property(adaptive_schema: Any) -> None:
    card = without_msteams(TEAMS.message(samples.card(), IN_TEAMS))
    card["body"][0]["markdown"] = True

    assert not adaptive_schema.is_valid(card)


def test_an_open_card_offers_approve_with_a_confirmation_and_deny() -> None:
    message = SLACK.message(samples.card(), IN_SLACK)

    buttons = {
        b["action_id"]: b
        for block in message["blocks"]
        if block["type"] == "actions"
        for b in block["elements"]
    }
    assert "db.export on prod-customers" in buttons["signoff.approve"]["confirm"]["text"]["text"]
    assert "signoff.deny" in buttons


@pytest.mark.parametrize(
    "name", ["approved", "denied", "expired", "cancelled", "outcome", "failed", "indeterminate"]
)
def test_a_settled_card_has_no_button_that_decides(name: str) -> None:
    card = samples.states()[name]

    assert not {"signoff.approve", "signoff.deny"} & set(action_kinds(SLACK.message(card, IN_SLACK)))
    assert "approve" not in json.dumps(TEAMS.message(card, IN_TEAMS)["actions"]).lower()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("approved", "Approved by Ana and Bo Ek "),
        ("outcome", "Approved by Ana and Bo Ek "),
        ("denied", "Denied by Bo Ek "),
        ("cancelled", "Cancelled by the requester: Maria Lind "),
        ("expired", "Expired, nobody decided in time "),
    ],
)
def test_a_settled_card_names_everybody_whose_vote_counted(name: str, words: str) -> None:
    card = samples.states()[name]

    assert words in slack_words(SLACK.message(card, IN_SLACK))
    assert words in teams_words(TEAMS.message(card, IN_TEAMS))


def test_a_crowd_of_deciders_is_counted_where_it_is_not_named() -> None:
    crowd = tuple(f"P{n}" for n in range(9))
    card = replace(
        samples.states()["approved"], deciders=crowd, seats=(SeatLine(0, "crowd", 9, crowd, True),)
    )

    words = slack_words(SLACK.message(card, IN_SLACK))

    assert "Approved by P0, P1, P2, P3, P4, P5 and 3 more " in words


def test_an_open_card_says_that_it_expires_and_not_that_it_is_denied() -> None:
    for words in (
        slack_words(SLACK.message(samples.card(), IN_SLACK)),
        teams_words(TEAMS.message(samples.card(), IN_TEAMS)),
    ):
        assert "If nobody decides by then, it expires and nothing runs." in words
        assert "it is denied" not in words


@pytest.mark.parametrize("name", ["too-long", "console-only"])
def test_t14_what_cannot_be_approved_here_has_no_approve_but_deny_and_the_console(name: str) -> None:
    card = samples.states()[name]

    in_slack = action_kinds(SLACK.message(card, IN_SLACK))
    in_teams = json.dumps(TEAMS.message(card, IN_TEAMS))

    assert "signoff.approve" not in in_slack
    assert {"signoff.deny", "signoff.open_console"} <= set(in_slack)
    assert "Approve…" not in in_teams
    assert "Action.OpenUrl" in in_teams


def test_the_agents_claim_is_clipped_and_the_clip_is_said() -> None:
    long = "a" * (CLAIM_CHARS_MAX + 1234)
    card = samples.card(preview=samples.preview(justification=long))

    assert "1,234 characters more" in slack_words(SLACK.message(card, IN_SLACK))
    assert "1,234 characters more" in teams_words(TEAMS.message(card, IN_TEAMS))


EFFECTS = {"slack": slack_effects, "teams": teams_effects}


@pytest.mark.slow
def test_t12_no_hostile_string_mentions_links_formats_or_acts_in_any_template(adaptive_schema: Any) -> None:
    strings = samples.hostile()
    ours: dict[tuple[str, str], Counter[str]] = {}
    for harmless in ("plain", "two plain words"):
        for one in drawn.hostile(PENS, harmless):
            key = one.platform, one.name
            ours[key] = ours.get(key, Counter()) | Counter(EFFECTS[one.platform](one.value))
    for one in drawn.everything(PENS):  # a card that does not fit whole leads to the console
        if one.name == "too-long":
            ours[one.platform, "open"] |= Counter(EFFECTS[one.platform](one.value))

    for text in strings:
        for one in drawn.hostile(PENS, text):
            found = Counter(EFFECTS[one.platform](one.value))
            assert not found - ours[one.platform, one.name], (one.platform, one.name, text)
            if one.kind == "card" and one.name in ("open", "settled"):
                adaptive_schema.validate(without_msteams(one.value))

    assert len(strings) >= 300


def test_t12_the_strings_reach_every_template() -> None:
    pens = drawn.Pens.create()
    assert pens.unused()["slack"]

    for _ in drawn.hostile(pens, "plain"):
        pass

    assert pens.unused() == {"slack": set(), "teams": set()}


def test_the_mini_parsers_see_what_they_are_for() -> None:
    seen = set(
        slack_effects({"type": "section", "text": {"type": "mrkdwn", "text": "<!channel> *x* <https://e|b>"}})
    )
    assert {"angle:!channel", "angle:https://e|b"} <= seen
    assert list(slack_effects({"type": "user", "user_id": "U1"}))
    assert list(markdown_effects("[Approve](https://evil.example)"))
    assert list(teams_effects({"type": "TextRun", "text": "{{DATE(2026-01-01T00:00:00Z)}}"}))


def test_t13_no_invisible_code_point_reaches_a_card() -> None:
    bad = {"Cf", "Cc", "Co", "Cs", "Zl", "Zp"}
    samples_by_category = [
        chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) in bad and c not in (9, 10)
    ]
    chosen = [
        *samples_by_category[:: max(1, len(samples_by_category) // 400)],
        "\u202e",
        "\u200b",
        "\u2066",
        "�",
        "\U000e0041",
    ]
    text = "".join(chosen)
    for start in range(0, len(text), 100):
        card = samples.hostile_card("a" + text[start : start + 100] + "b")
        for words in (slack_words(SLACK.message(card, IN_SLACK)), teams_words(TEAMS.message(card, IN_TEAMS))):
            left = {c for c in words if unicodedata.category(c) in bad} - {"\n", "\t", "\x00"}
            assert not left, left


def test_t13_a_look_alike_host_is_warned_of() -> None:
    card = samples.card(preview=samples.preview(samples.leaf(0, "parameters.host", "раураl.com")))

    assert "Look-alike letters in: parameters.host" in slack_words(SLACK.message(card, IN_SLACK))
    assert "Look-alike letters in: parameters.host" in teams_words(TEAMS.message(card, IN_TEAMS))


leaf_text = st.text(max_size=400) | st.text(alphabet="ab \n\t", max_size=4000)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=60), leaf_text), min_size=1, max_size=60))
def test_t14_every_leaf_is_visible_whole_or_there_is_no_approve(pairs: list[tuple[str, str]]) -> None:
    leaves = [samples.leaf(i, label, value) for i, (label, value) in enumerate(pairs)]
    card = samples.card(preview=samples.preview(*leaves))

    message = SLACK.message(card, IN_SLACK)
    adaptive = TEAMS.message(card, IN_TEAMS)

    if "signoff.approve" in action_kinds(message):
        words = slack_words(message)
        for _, value in pairs:
            assert visible(value.replace("\r\n", "\n"), allow="\n\t") in words
    if "Approve…" in [a["title"] for a in adaptive["actions"]]:
        words = teams_words(adaptive)
        for _, value in pairs:
            for line in visible(value.replace("\r\n", "\n"), allow="\n\t").replace("\t", "    ").split("\n"):
                assert line in words


def test_t14_a_leaf_is_never_dropped_wherever_it_stands() -> None:
    for position in range(40):
        leaves = [samples.leaf(i, f"k{i}", "DANGER" if i == position else "x" * 100) for i in range(40)]
        card = samples.card(preview=samples.preview(*leaves))
        message = SLACK.message(card, IN_SLACK)
        assert "DANGER" in slack_words(message)
        assert "signoff.approve" in action_kinds(message)


def test_a_card_that_our_count_lets_pass_also_fits_by_the_cores_count() -> None:
    from adapters.slack.limits import BUDGET

    for count in (1, 39, 40, 41):
        preview = samples.preview(*(samples.leaf(i, "k", "v" * 120) for i in range(count)))
        view = SLACK.view(samples.card(preview=preview), IN_SLACK)
        assert view.complete == fits(preview, BUDGET)


# --- templates ----------------------------------------------------------------------------------


def test_a_template_expression_is_always_one_json_value() -> None:
    from jinja2 import DictLoader

    templates = Templates("adapters.slack")
    templates._environment.loader = DictLoader({"x": '{"a": {{ a }}, "b": [{{ a }}, null]}'})

    for text in samples.hostile():
        assert templates.render("x", a=text) == {"a": text, "b": [text]}


def test_a_missing_name_in_a_template_raises_and_renders_nothing() -> None:
    from jinja2 import DictLoader, UndefinedError

    templates = Templates("adapters.slack")
    templates._environment.loader = DictLoader({"x": '{"a": {{ missing }}}', "y": '{"a": }'})

    with pytest.raises((UndefinedError, RenderError)):
        templates.render("x")
    with pytest.raises(RenderError):
        templates.render("y")


def test_a_long_button_label_deep_inside_is_found() -> None:
    message = SLACK.message(samples.card(), IN_SLACK)
    buttons = next(block for block in message["blocks"] if block["type"] == "actions")
    buttons["elements"][0]["text"]["text"] = "x" * 76

    with pytest.raises(LimitError, match="76 characters"):
        check_message(message)


def test_fifty_one_blocks_are_refused() -> None:
    with pytest.raises(LimitError, match="51 blocks"):
        check_message({"text": "x", "blocks": [{"type": "divider"}] * 51})


# --- sealed values --------------------------------------------------------------------------------


CLICK = Click(samples.REQUEST, 7, Button.APPROVE)


def test_t27_a_sealed_button_opens_where_it_was_made() -> None:
    assert unseal(mac, IN_SLACK, seal(mac, IN_SLACK, CLICK)) == CLICK


def test_t27_every_flipped_bit_of_a_button_is_refused() -> None:
    value = seal(mac, IN_SLACK, CLICK)
    for index in range(len(value)):
        for bit in range(7):
            changed = value[:index] + chr(ord(value[index]) ^ (1 << bit)) + value[index + 1 :]
            assert unseal(mac, IN_SLACK, changed) is None, changed


@pytest.mark.parametrize(
    "place",
    [
        Place("slack", "T0002", "C0001"),
        Place("slack", "T0001", "C0002"),
        Place("teams", "T0001", "C0001"),
        Place("slack", "T0001C", "0001"),
    ],
)
def test_t27_a_button_copied_to_another_place_is_refused(place: Place) -> None:
    assert unseal(mac, place, seal(mac, IN_SLACK, CLICK)) is None


@pytest.mark.parametrize(
    "value", [None, 7, "", "1.req_x", "x" * 5000, "1.req_a.1.approve." + "A" * 43, ["a"]]
)
def test_t27_raw_ids_and_garbage_are_no_click(value: object) -> None:
    assert unseal(mac, IN_SLACK, value) is None


def test_a_buttons_value_fits_slack_and_carries_no_data() -> None:
    value = seal(mac, IN_SLACK, Click(samples.REQUEST, 999_999_999, Button.OPEN_CONSOLE))

    assert len(value) <= 255
    assert note("x", "y").sections[0].rows
