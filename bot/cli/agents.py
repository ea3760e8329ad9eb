"""``signoff agents``: who may ask, on whose account, with which keys. Every change is journalled and works at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import typer

from bot.app import Bot
from bot.cli._io import CONFIG, CommandError, ConfigOption, JsonOption, Speaker, agreed
from bot.cli._local import administer
from bot.core import duration
from bot.core.ids import AgentId, agent_id, person_id
from bot.core.people import Agent, AgentKey, KeyKind

family = typer.Typer(name="agents", help="Agents, their owners and keys.", no_args_is_help=True)
AgentArgument = Annotated[str, typer.Argument(metavar="AGENT", help="NAME or agent:NAME.")]


def _id(name: str) -> AgentId:
    try:
        return agent_id(name)
    except ValueError as error:
        raise CommandError(str(error)) from None


@family.command("add")
def add(
    name: AgentArgument,
    owner: Annotated[
        list[str], typer.Option(help="A person who answers for it; may be repeated. Owners cannot approve.")
    ],
    action: Annotated[
        list[str] | None,
        typer.Option(help="Glob of what it may ask for; may be repeated. Default: anything."),
    ] = None,
    callback: Annotated[
        list[str] | None, typer.Option(help="Address that decisions may be posted to; may be repeated.")
    ] = None,
    pending_max: Annotated[int, typer.Option(min=1, max=10_000, help="Open requests it may have.")] = 50,
    per_minute_max: Annotated[int, typer.Option(min=1, max=100_000, help="Calls a minute.")] = 600,
    hmac: Annotated[
        bool, typer.Option("--hmac", help="Issue a signing secret instead of a bearer key.")
    ] = False,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Add an agent and print its key, once."""
    id, owners = _id(name), tuple(_person(one) for one in owner)
    kind = KeyKind.HMAC if hmac else KeyKind.API

    async def work(bot: Bot) -> tuple[Agent, str, str]:
        agent = Agent(
            id,
            owners,
            bot.office.clock.now(),
            True,
            tuple(action or ("*",)),
            tuple(callback or ()),
            pending_max,
            per_minute_max,
        )
        made = agreed(await bot.desk.add_agent(None, agent))
        key = agreed(await bot.desk.issue_key(None, id, kind))
        return made, key.key.id, key.secret

    agent, key_id, secret = administer(config, work)
    Speaker(is_json).answer(_agent(agent) | {"key_id": key_id, "key": secret}, secret)


@family.command("list")
def list_(config: ConfigOption = CONFIG, is_json: JsonOption = False) -> None:
    """Every agent with owners and live keys."""

    async def work(bot: Bot) -> tuple[list[tuple[Agent, list[AgentKey]]], datetime]:
        return await bot.desk.agents(), bot.office.clock.now()

    found, now = administer(config, work)
    speaker = Speaker(is_json)
    speaker.answer(
        [_agent(agent) | {"keys": [_key(key) for key in keys]} for agent, keys in found],
        speaker.table(
            ("agent", "owners", "state", "actions", "keys"),
            [
                (
                    agent.id,
                    ", ".join(agent.owners) or "NONE: cannot ask",
                    "enabled" if agent.enabled else "disabled",
                    ", ".join(agent.actions),
                    ", ".join(f"{key.id} ({key.kind})" for key in keys if _is_live(key, now)),
                )
                for agent, keys in found
            ],
        ),
    )


@family.command("rotate")
def rotate(
    name: AgentArgument,
    hmac: Annotated[
        bool, typer.Option("--hmac", help="The signing secret instead of the bearer key.")
    ] = False,
    valid_for: Annotated[str, typer.Option(help="How long the new key works; empty for no end.")] = "",
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Issue a second key and print it, once. Switch the agent over, then `agents revoke` the old one."""
    id, kind = _id(name), KeyKind.HMAC if hmac else KeyKind.API
    try:
        span = duration.parse_positive(valid_for) if valid_for else None
    except ValueError as error:
        raise CommandError(str(error)) from None
    key = agreed(administer(config, lambda bot: bot.desk.issue_key(None, id, kind, span)))
    Speaker(is_json).answer(_key(key.key) | {"agent": id, "key": key.secret}, key.secret)


@family.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `agents list` shows it.")],
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """End a key at once."""
    key = agreed(administer(config, lambda bot: bot.desk.revoke_key(None, key_id)))
    Speaker(is_json).answer(_key(key), f"{key.id} of {key.agent} works no longer.")


@family.command("enable")
def enable(name: AgentArgument, config: ConfigOption = CONFIG, is_json: JsonOption = False) -> None:
    """Let an agent ask again."""
    _change(name, config, is_json, lambda agent: replace(agent, enabled=True), "may ask again")


@family.command("disable")
def disable(name: AgentArgument, config: ConfigOption = CONFIG, is_json: JsonOption = False) -> None:
    """Switch an agent off at once, whatever its keys."""
    _change(name, config, is_json, lambda agent: replace(agent, enabled=False), "is switched off")


@family.command("own")
def own(
    name: AgentArgument,
    owner: Annotated[list[str], typer.Argument(metavar="PERSON...", help="All owners it shall have.")],
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Set an agent's owners. They cannot approve its requests, the open ones included."""
    owners = tuple(_person(one) for one in owner)
    _change(
        name, config, is_json, lambda agent: replace(agent, owners=owners), f"is owned by {', '.join(owners)}"
    )


def _change(name: str, config: Any, is_json: bool, change: Callable[[Agent], Agent], words: str) -> None:
    id = _id(name)

    async def work(bot: Bot) -> Agent:
        known = next((agent for agent, _ in await bot.desk.agents() if agent.id == id), None)
        if known is None:
            raise CommandError(f"there is no {id}; `signoff agents list` shows them")
        changed: Agent = agreed(await bot.desk.set_agent(None, change(known)))
        return changed

    agent = administer(config, work)
    Speaker(is_json).answer(_agent(agent), f"{agent.id} {words}.")


def _person(name: str) -> Any:
    try:
        return person_id(name)
    except ValueError as error:
        raise CommandError(str(error)) from None


def _is_live(key: AgentKey, now: datetime) -> bool:
    return key.revoked_at is None and (key.expires_at is None or now < key.expires_at)


def _agent(agent: Agent) -> dict[str, Any]:
    return {
        "agent": agent.id, "owners": list(agent.owners), "enabled": agent.enabled, "actions": list(agent.actions),
        "callback_urls": list(agent.callback_urls), "pending_max": agent.pending_max,
        "per_minute_max": agent.per_minute_max,
    }  # fmt: skip


def _key(key: AgentKey) -> dict[str, Any]:
    return {
        "key_id": key.id, "kind": key.kind.value, "created_at": key.created_at.isoformat(),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
        "last_used_at": key.last_used_at.isoformat() if key.last_used_at else None,
    }  # fmt: skip
