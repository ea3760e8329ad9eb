"""Agents: who owns them, what they may ask for, their keys. A key is shown once, in the answer to the POST that made it.

People who administer see all of them and may change them; others see their own. The desk checks every change.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from adapters.web.guard import Access, Handler, Visit, see_other
from bot.core.ids import ACTION, AgentId, PersonId, agent_id, person_id
from bot.core.people import Agent, AgentKey, KeyKind
from bot.core.reasons import Reason, Refused

DONE: Final = {
    "added": "The agent is added. Issue a key so that it can ask.",
    "saved": "Saved.",
    "on": "The agent is switched on.",
    "off": "The agent is switched off. It cannot ask, and its open grants stay as they are.",
    "revoked": "The key is revoked. It stops working at once.",
}
LIFETIMES: Final = {"30": timedelta(days=30), "90": timedelta(days=90), "365": timedelta(days=365)}
NOTHING: Final = Refused(Reason.AGENT_UNKNOWN)


async def _visible(visit: Visit) -> list[tuple[Agent, list[AgentKey]]]:
    agents = await visit.desk.agents()
    if visit.is_auditor:
        return agents
    return [(agent, keys) for agent, keys in agents if visit.me.person in agent.owners]


async def _one(visit: Visit) -> tuple[Agent, list[AgentKey]] | None:
    wanted = f"agent:{visit.http.path_params['name']}"
    return next((pair for pair in await _visible(visit) if pair[0].id == wanted), None)


async def _list(visit: Visit, problem: str | None = None, status: int = 200) -> Response:
    people = await visit.desk.people()
    return visit.page(
        "agents.html.j2",
        status,
        nav="agents",
        agents=await _visible(visit),
        names={person.id: person.name for person in people},
        people=[person for person in people if person.enabled],
        problem=problem,
        form=dict(visit.form),
    )


async def listing(visit: Visit) -> Response:
    return await _list(visit)


async def _detail(
    visit: Visit, status: int = 200, problem: str | None = None, fresh: str | None = None
) -> Response:
    found = await _one(visit)
    if found is None:
        return visit.refused(NOTHING, back="/agents")
    agent, keys = found
    people = await visit.desk.people()
    return visit.page(
        "agent.html.j2",
        status,
        nav="agents",
        agent=agent,
        keys=keys,
        names={person.id: person.name for person in people},
        problem=problem,
        fresh=fresh,
        notice=DONE.get(visit.query("done", 12)) if not problem and not fresh else None,
    )


async def detail(visit: Visit) -> Response:
    return await _detail(visit)


def _path(id: AgentId) -> str:
    return "/agents/" + quote(id.removeprefix("agent:"), safe="")


def _owners(text: str) -> tuple[PersonId, ...]:
    return tuple(person_id(part) for part in text.replace(",", " ").split())


def _actions(text: str) -> tuple[str, ...]:
    parts = tuple(text.replace(",", " ").split())
    for part in parts:
        if not ACTION.fullmatch(part.replace("*", "x")):
            raise ValueError(f"“{part}” is not an action: write words joined by dots, with * for anything.")
    return parts


async def add(visit: Visit) -> Response:
    try:
        agent = Agent(
            agent_id(visit.field("name", 70)),
            _owners(visit.field("owners", 700)),
            visit.console.clock.now(),
            actions=_actions(visit.field("actions", 700)),
        )
    except ValueError as e:
        return await _list(visit, str(e), 422)
    if not agent.owners or not agent.actions:
        return await _list(
            visit, "An agent needs at least one owner and at least one action it may ask for.", 422
        )
    added = await visit.desk.add_agent(visit.me, agent)
    return (
        await _list(visit, added.sentence, 403)
        if isinstance(added, Refused)
        else see_other(f"{_path(agent.id)}?done=added")
    )


async def save(visit: Visit) -> Response:
    found = await _one(visit)
    if found is None:
        return visit.refused(NOTHING, back="/agents")
    try:
        agent = replace(
            found[0],
            owners=_owners(visit.field("owners", 700)),
            actions=_actions(visit.field("actions", 700)),
        )
    except ValueError as e:
        return await _detail(visit, 422, str(e))
    return await _store(visit, agent, "saved")


async def switch(visit: Visit) -> Response:
    found = await _one(visit)
    if found is None:
        return visit.refused(NOTHING, back="/agents")
    turn_on = visit.field("to", 3) == "on"
    return await _store(visit, replace(found[0], enabled=turn_on), "on" if turn_on else "off")


async def _store(visit: Visit, agent: Agent, done: str) -> Response:
    saved = await visit.desk.set_agent(visit.me, agent)
    return (
        await _detail(visit, 403, saved.sentence)
        if isinstance(saved, Refused)
        else see_other(f"{_path(agent.id)}?done={done}")
    )


async def issue(visit: Visit) -> Response:
    """Make a key. Two of a kind may live at once: issue the new one, move the agent over, revoke the old one (rotation)."""
    found = await _one(visit)
    if found is None:
        return visit.refused(NOTHING, back="/agents")
    kind = KeyKind.HMAC if visit.field("kind", 8) == "hmac" else KeyKind.API
    issued = await visit.desk.issue_key(visit.me, found[0].id, kind, LIFETIMES.get(visit.field("days", 4)))
    if isinstance(issued, Refused):
        return await _detail(visit, 409, issued.sentence)
    return await _detail(visit, fresh=issued.secret)


async def revoke(visit: Visit) -> Response:
    found = await _one(visit)
    key = visit.field("key", 128)
    if found is None or all(known.id != key for known in found[1]):
        return visit.refused(NOTHING, back="/agents")
    done = await visit.desk.revoke_key(visit.me, key)
    return (
        await _detail(visit, 409, done.sentence)
        if isinstance(done, Refused)
        else see_other(f"{_path(found[0].id)}?done=revoked")
    )


ROUTES: Final[tuple[tuple[str, str, Handler, Access], ...]] = (
    ("GET", "/agents", listing, Access.SIGNED_IN),
    ("POST", "/agents", add, Access.SIGNED_IN),
    ("GET", "/agents/{name}", detail, Access.SIGNED_IN),
    ("POST", "/agents/{name}", save, Access.SIGNED_IN),
    ("POST", "/agents/{name}/switch", switch, Access.SIGNED_IN),
    ("POST", "/agents/{name}/keys", issue, Access.SIGNED_IN),
    ("POST", "/agents/{name}/revoke", revoke, Access.SIGNED_IN),
)
