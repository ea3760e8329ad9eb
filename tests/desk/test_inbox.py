"""The inbox under a flood: what is urgent and what belongs to the person who looks stays in sight (T08)."""

from __future__ import annotations

from bot.core.ids import AgentId, PersonId
from bot.core.people import Agent
from bot.desk.api import AgentCaller
from tests.support.office import Desk

FLOOD = 120
"""More than ``inbox_max``."""


async def _loud(desk: Desk) -> None:
    loud = Agent(AgentId("agent:loud"), (PersonId("person:eve"),), desk.clock.now(), pending_max=1_000)
    await desk.service.add_agent(None, loud)
    desk.callers["loud"] = AgentCaller(loud.id, "key", ("*",))
    for n in range(FLOOD):
        await desk.asked(agent="loud", parameters={"query": "SELECT 1", "n": n})


async def test_t08_a_flood_of_one_agent_does_not_hide_anothers_earlier_request(desk: Desk):
    mine = await desk.asked()
    await _loud(desk)

    inbox = await desk.service.inbox(desk.actor("ana"))

    assert mine.request.id in [item.request for item in inbox.waiting]
    assert len(inbox.waiting) == desk.office.settings.inbox_max
    assert inbox.is_cut


async def test_an_inbox_that_shows_everything_says_nothing_of_more(desk: Desk):
    await desk.asked()

    inbox = await desk.service.inbox(desk.actor("ana"))

    assert (len(inbox.waiting), inbox.is_cut) == (1, False)


async def test_t08_requests_that_a_person_may_not_look_at_take_none_of_their_places(desk: Desk):
    await _loud(desk)
    seen = await desk.asked(action="iam.grant")

    inbox = await desk.service.inbox(desk.actor("sam"))

    assert [item.request for item in (*inbox.waiting, *inbox.open)] == [seen.request.id]
