"""Heads and alarms in the channels themselves: Slack's and Teams' own limits and words, on real sockets (``tests/support``)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.anchors.chatnote import ChatNote, page
from audit.checkpoint import open_checkpoint
from audit.reader import Reader
from bot.alerts import Alert
from bot.alerts import page as alarm_page
from bot.errors import GiveUp
from tests.audit.logs import ORIGIN, filled, verifier
from tests.support.chat_world import CHANNEL, make_world
from tests.support.fake_connector import FakeConnector
from tests.support.fake_slack import FakeSlack
from tests.support.slack_harness import harness
from tests.support.teams_harness import teams_harness

NOTE = Reader(filled()).latest_note()[1]
ALARMS = [
    Alert("anchor", "witness", "witness has not remembered the newest 3 entries for 75 minutes."),
    Alert("gap", "begin 9", "entry 9: a grant began to be used and no end is recorded"),
]


def texts(value: object) -> str:
    """Every text in a message, in order."""
    if isinstance(value, dict):
        return "".join(v if k == "text" and isinstance(v, str) else texts(v) for k, v in value.items())
    return "".join(map(texts, value)) if isinstance(value, list) else ""


async def test_the_head_in_slack_can_be_copied_and_verified(tmp_path: Path):
    world = await make_world(tmp_path)
    async with FakeSlack(world.clock) as fake, harness(world, fake) as slack:

        async def say(made):
            await slack.surface.say("slack:#approvals", made)

        await ChatNote(say).remember(NOTE)
        (message,) = fake.messages[CHANNEL].values()

    blocks = message["blocks"]
    found = texts(json.loads(blocks) if isinstance(blocks, str) else blocks)
    start = found.index(ORIGIN)
    copied = found[start:].rstrip("\n") + "\n"
    assert open_checkpoint(copied, [verifier()], ORIGIN).size == 24


async def test_a_channel_that_is_shared_with_others_or_unknown_gets_nothing(tmp_path: Path):
    world = await make_world(tmp_path)
    async with FakeSlack(world.clock) as fake, harness(world, fake) as slack:
        fake.channels[CHANNEL]["is_ext_shared"] = True
        with pytest.raises(GiveUp, match="shared"):
            await slack.surface.say("slack:#approvals", page(NOTE))
        with pytest.raises(GiveUp, match=r"slack\.channels"):
            await slack.surface.say("slack:#other", page(NOTE))
        assert fake.messages[CHANNEL] == {}


async def test_alarms_and_the_head_stand_in_teams(tmp_path: Path):
    world = await make_world(tmp_path)
    key = rsa.generate_private_key(65537, 2048)
    async with FakeConnector(world.clock, key) as fake, teams_harness(world, fake) as teams:
        await teams.surface.say("teams:approvals", alarm_page(ALARMS))
        alarms = json.dumps(fake.card())
        with pytest.raises(GiveUp, match=r"teams\.channels"):
            await teams.surface.say("teams:other", page(NOTE))

    assert "2 standing alarms" in alarms
    assert all(alarm.sentence in alarms for alarm in ALARMS)
