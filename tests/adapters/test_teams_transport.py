"""Both implementations of ``TeamsTransport`` before one contract, on the fake Connector (T29, T45).

The second one needs the extra ``teams-sdk``, which is no part of the locked environment: without it those tests are skipped, and
``make interop-chat``, which installs the extra, runs them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.teams.sdk import MISSING, is_installed
from adapters.teams.transport import Gone, Member, TeamsTransport, Tokens, thread_of
from bot.chat.coalesce import Paced
from bot.config_chat import TeamsSettings
from bot.core.request import RequestState
from bot.errors import ConfigError, GiveUp, Retry
from bot.secret import Secret
from bot.teams_wiring import make_transport
from tests.support.chat_world import AAD, TEAMS_CHANNEL, TENANT, make_world
from tests.support.clock import ManualClock
from tests.support.fake_connector import BOT, PASSWORD, TOKEN, FakeConnector
from tests.support.markup import teams_words
from tests.support.teams_harness import TeamsHarness, teams_harness

needs_sdk = pytest.mark.skipif(
    not is_installed(), reason="the extra teams-sdk is not installed: make interop-chat"
)
BOTH = [pytest.param("botbuilder"), pytest.param("teams-sdk", marks=needs_sdk)]
CARD = {"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "é 好 <at>x</at>"}]}
Kind = Literal["botbuilder", "teams-sdk"]


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
async def fake(rsa_key: rsa.RSAPrivateKey) -> AsyncIterator[FakeConnector]:
    async with FakeConnector(ManualClock(), rsa_key) as made:
        yield made


def made(fake: FakeConnector, kind: Kind, **more: Any) -> TeamsTransport:
    settings = TeamsSettings(
        app=BOT, tenant=TENANT, password=Secret(PASSWORD), service_urls=(fake.url,), transport=kind, **more
    )
    tokens = Tokens(fake.url + "token", BOT, Secret(PASSWORD), fake.clock.monotonic)
    return make_transport(settings, tokens)


@pytest.fixture(params=BOTH)
async def transport(request: pytest.FixtureRequest, fake: FakeConnector) -> AsyncIterator[TeamsTransport]:
    transport = made(fake, request.param)
    yield transport
    await transport.close()


async def test_a_card_arrives_as_it_was_given_and_its_id_comes_back(
    transport: TeamsTransport, fake: FakeConnector
) -> None:
    id = await transport.send_card(fake.url, TEAMS_CHANNEL, CARD, "what it is about")

    assert fake.cards[TEAMS_CHANNEL] == {id: CARD}
    assert fake.sent[-1]["summary"] == "what it is about"
    assert fake.sent[-1]["from"]["id"] == f"28:{BOT}"
    assert set(fake.tokens) == {f"Bearer {TOKEN}"}


async def test_an_update_replaces_the_card_and_posts_nothing(
    transport: TeamsTransport, fake: FakeConnector
) -> None:
    id = await transport.send_card(fake.url, TEAMS_CHANNEL, CARD, "x")

    await transport.update_card(fake.url, TEAMS_CHANNEL, id, {**CARD, "fallbackText": "new"}, "x")

    assert fake.cards[TEAMS_CHANNEL] == {id: {**CARD, "fallbackText": "new"}}
    assert fake.calls["send"] == 1


async def test_a_reply_stands_in_the_thread_of_its_message(
    transport: TeamsTransport, fake: FakeConnector
) -> None:
    id = await transport.send_card(fake.url, TEAMS_CHANNEL, CARD, "x")

    reply = await transport.send_card(fake.url, thread_of(TEAMS_CHANNEL, id), CARD, "x")

    assert fake.replies == {id: [reply]}


async def test_a_personal_conversation_is_opened_once_for_a_member_alone(
    transport: TeamsTransport, fake: FakeConnector
) -> None:
    first = await transport.open_direct(fake.url, TENANT, "29:ana")
    again = await transport.open_direct(fake.url, TENANT, "29:ana")

    assert first == again == "a:29:ana"
    with pytest.raises(GiveUp):
        await transport.open_direct(fake.url, TENANT, "29:nobody")
    with pytest.raises(GiveUp):
        await transport.open_direct(fake.url, "99999999-0000-0000-0000-000000000000", "29:ana")


async def test_a_private_answer_is_seen_by_one_alone(transport: TeamsTransport, fake: FakeConnector) -> None:
    await transport.send_private(fake.url, TENANT, TEAMS_CHANNEL, "29:ana", CARD, "x")

    assert list(fake.cards["a:29:ana"].values()) == [CARD]
    assert not fake.cards[TEAMS_CHANNEL]


@pytest.mark.parametrize("asked", ["29:ana", AAD["ana"]])
async def test_a_member_is_found_by_either_id(
    transport: TeamsTransport, fake: FakeConnector, asked: str
) -> None:
    found = await transport.member(fake.url, TEAMS_CHANNEL, asked)

    assert found == Member("29:ana", AAD["ana"], TENANT, "user")


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("userRole", "guest", Member("29:ana", AAD["ana"], TENANT, "guest")),
        ("userRole", None, Member("29:ana", AAD["ana"], TENANT, "")),
        ("tenantId", None, Member("29:ana", AAD["ana"], "", "user")),
        ("aadObjectId", None, Member("29:ana", "", TENANT, "user")),
    ],
)
async def test_t05_what_the_service_says_of_a_member_is_what_the_port_says(
    transport: TeamsTransport, fake: FakeConnector, field: str, value: str | None, wanted: Member
) -> None:
    fake.members["29:ana"][field] = value

    assert await transport.member(fake.url, TEAMS_CHANNEL, "29:ana") == wanted


async def test_who_is_no_member_is_none(transport: TeamsTransport, fake: FakeConnector) -> None:
    assert await transport.member(fake.url, TEAMS_CHANNEL, "29:nobody") is None


@pytest.mark.parametrize(
    ("status", "kind", "seconds"),
    [
        (412, Paced, 3),
        (429, Paced, 3),
        (500, Retry, 15),
        (502, Retry, 15),
        (503, Retry, 15),
        (504, Retry, 15),
        (401, Retry, 120),
        (403, Retry, 120),
        (404, Gone, None),
        (410, Gone, None),
        (400, GiveUp, None),
        (413, GiveUp, None),
    ],
)
async def test_t45_an_answer_means_later_or_never_and_is_not_tried_again_here(
    transport: TeamsTransport, fake: FakeConnector, status: int, kind: type[Exception], seconds: int | None
) -> None:
    fake.script["send"].append(status)

    with pytest.raises(kind) as raised:
        await transport.send_card(fake.url, TEAMS_CHANNEL, CARD, "x")

    assert type(raised.value) is kind
    assert getattr(raised.value, "after", None) == (timedelta(seconds=seconds) if seconds else None)
    assert fake.calls["send"] == 1


async def test_t45_a_card_whose_answer_was_lost_is_not_posted_again_here(
    transport: TeamsTransport, fake: FakeConnector
) -> None:
    await transport.send_card(fake.url, TEAMS_CHANNEL, CARD, "x")
    fake.answers_lost["send"] = 1

    with pytest.raises(Retry) as raised:
        await transport.send_card(fake.url, TEAMS_CHANNEL, CARD, "x")

    assert type(raised.value) is Retry  # not Paced: nobody knows whether it had an effect
    assert fake.calls["send"] == 2
    assert len(fake.cards[TEAMS_CHANNEL]) == 2


async def test_t45_an_update_whose_answer_was_lost_is_left_to_the_outbox(
    transport: TeamsTransport, fake: FakeConnector
) -> None:
    id = await transport.send_card(fake.url, TEAMS_CHANNEL, CARD, "x")
    fake.answers_lost["update"] = 1

    with pytest.raises(Retry):
        await transport.update_card(fake.url, TEAMS_CHANNEL, id, CARD, "x")

    assert fake.calls["update"] == 1


async def test_a_message_that_is_gone_says_so(transport: TeamsTransport, fake: FakeConnector) -> None:
    with pytest.raises(Gone):
        await transport.update_card(fake.url, TEAMS_CHANNEL, "m99", CARD, "x")


async def test_a_connector_that_is_not_there_is_tried_later(
    transport: TeamsTransport, fake: FakeConnector
) -> None:
    await transport.send_card(fake.url, TEAMS_CHANNEL, CARD, "x")
    await fake.stop()

    with pytest.raises(Retry):
        await transport.send_card(fake.url, TEAMS_CHANNEL, CARD, "x")


async def test_t29_the_token_never_leaves_for_a_service_url_off_the_list(
    transport: TeamsTransport, fake: FakeConnector
) -> None:
    for url in (
        "http://127.0.0.1:1/",
        "https://smba.trafficmanager.net.evil.example/",
        fake.url.rstrip("/") + "@evil.example/",
    ):
        with pytest.raises(GiveUp, match="allow-list"):
            await transport.send_card(url, "c", CARD, "x")
    assert fake.tokens == []


@pytest.mark.parametrize("odd", ["../conversations/c", "a/b?x=1#y", "19:x@thread.tacv2/../y"])
async def test_an_id_is_one_segment_of_an_address_whatever_stands_in_it(
    transport: TeamsTransport, fake: FakeConnector, odd: str
) -> None:
    await transport.send_card(fake.url, odd, CARD, "x")

    assert list(fake.cards) == [odd]


async def test_many_at_once_each_get_their_own_answer(transport: TeamsTransport, fake: FakeConnector) -> None:
    ids = await asyncio.gather(
        *(transport.send_card(fake.url, f"c{n}", {**CARD, "speak": str(n)}, "x") for n in range(20))
    )

    assert all(fake.cards[f"c{n}"] == {id: {**CARD, "speak": str(n)}} for n, id in enumerate(ids))


async def test_closing_twice_is_harmless(transport: TeamsTransport, fake: FakeConnector) -> None:
    await transport.send_card(fake.url, TEAMS_CHANNEL, CARD, "x")

    await transport.close()
    await transport.close()

    assert await transport.send_card(fake.url, TEAMS_CHANNEL, CARD, "x")


# --- targeted messages ---------------------------------------------------------------------------
@needs_sdk
async def test_a_targeted_answer_stands_in_the_channel_for_one_alone(fake: FakeConnector) -> None:
    transport = made(fake, "teams-sdk", targeted=True)

    await transport.send_private(fake.url, TENANT, TEAMS_CHANNEL, "29:ana", CARD, "x")

    assert fake.targeted == {TEAMS_CHANNEL: [("29:ana", CARD)]}
    assert not any(fake.cards.values())
    await transport.close()


@needs_sdk
async def test_where_teams_takes_no_targeted_message_the_answer_comes_to_the_personal_chat(
    fake: FakeConnector,
) -> None:
    transport = made(fake, "teams-sdk", targeted=True)
    fake.takes_targeted = False

    await transport.send_private(fake.url, TENANT, TEAMS_CHANNEL, "29:ana", CARD, "x")

    assert list(fake.cards["a:29:ana"].values()) == [CARD]
    assert not fake.cards[TEAMS_CHANNEL]
    await transport.close()


@needs_sdk
async def test_t45_a_targeted_answer_that_failed_for_now_is_not_sent_twice(fake: FakeConnector) -> None:
    transport = made(fake, "teams-sdk", targeted=True)
    fake.script["target"].append(503)

    with pytest.raises(Retry):
        await transport.send_private(fake.url, TENANT, TEAMS_CHANNEL, "29:ana", CARD, "x")

    assert not any(fake.cards.values())
    await transport.close()


def test_targeted_needs_the_transport_that_can() -> None:
    with pytest.raises(ValueError, match="teams-sdk"):
        TeamsSettings(app=BOT, tenant=TENANT, password=Secret(PASSWORD), targeted=True)


@pytest.mark.skipif(is_installed(), reason="the extra teams-sdk is installed here")
def test_without_the_extra_the_start_says_what_is_missing() -> None:
    settings = TeamsSettings(app=BOT, tenant=TENANT, password=Secret(PASSWORD), transport="teams-sdk")

    with pytest.raises(ConfigError, match="extra teams-sdk") as raised:
        make_transport(settings, None)

    assert str(raised.value) == MISSING


# --- the way of a request ------------------------------------------------------------------------
@pytest.fixture(params=BOTH)
async def teams(
    request: pytest.FixtureRequest, tmp_path: Path, rsa_key: rsa.RSAPrivateKey
) -> AsyncIterator[TeamsHarness]:
    world = await make_world(tmp_path)
    async with (
        FakeConnector(world.clock, rsa_key) as fake,
        teams_harness(world, fake, request.param) as harness,
    ):
        yield harness


async def test_i2_two_people_approve_by_either_transport(teams: TeamsHarness) -> None:
    asked = await teams.world.ask("db.export")
    await teams.show(asked.id)

    refused = await teams.press("maria", "Approve")
    await teams.press("ana", "Approve")
    partly = teams.card
    await teams.press("cy", "Approve")

    assert refused["value"]["code"] == "separated"
    assert "Partly approved, 1 of 2" in partly
    assert (await teams.world.request(asked.id)).state is RequestState.APPROVED
    assert "Approved" in teams.card
    assert len(teams.fake.cards[TEAMS_CHANNEL]) == 1


async def test_t29_our_own_check_of_tokens_stands_before_either_transport(teams: TeamsHarness) -> None:
    asked = await teams.world.ask("db.export")
    await teams.show(asked.id)
    from tests.support.fake_connector import button

    click = teams.fake.execute("ana", button(teams.fake.card(), "Approve"))
    answers = [
        await teams.fake.post(teams.client, click, token)
        for token in (
            teams.fake.token(aud="other"),
            teams.fake.token(iss="https://sts.windows.net/x/"),
            "x.y.z",
        )
    ]

    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert await teams.world.votes(asked.id) == []


async def test_t35_a_command_in_a_channel_is_answered_in_private(teams: TeamsHarness) -> None:
    await teams.world.ask()

    await teams.fake.post(teams.client, teams.fake.activity("ana", text="<at>Signoff</at> inbox"))
    await teams.app.tasks.drain()

    assert "Waiting for you (1)" in teams_words(teams.fake.card("a:29:ana"))
    assert not teams.fake.cards[TEAMS_CHANNEL]


@needs_sdk
async def test_t35_a_slash_command_in_a_channel_is_answered_there_for_the_one_who_asked_alone(
    tmp_path: Path, rsa_key: rsa.RSAPrivateKey
) -> None:
    """Teams sends a command from behind its slash as a targeted message, without a mention."""
    world = await make_world(tmp_path)
    async with (
        FakeConnector(world.clock, rsa_key) as fake,
        teams_harness(world, fake, "teams-sdk", targeted=True) as teams,
    ):
        await world.ask()
        slash = fake.activity("ana", text="inbox", recipient={"id": f"28:{BOT}", "isTargeted": True})

        await fake.post(teams.client, slash)
        await teams.app.tasks.drain()

        [(who, card)] = fake.targeted[TEAMS_CHANNEL]
        assert who == "29:ana"
        assert "Waiting for you (1)" in teams_words(card)
        assert not any(fake.cards.values())
