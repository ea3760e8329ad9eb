"""``signoff doctor``, the part that opens the database: its rows, the keys that open them, people and agents.

Decided here: what is looked at. Nothing is written.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Final

from bot.app import Bot
from bot.cli import doctor_audit
from bot.cli._local import opened
from bot.config import Config
from bot.core.policy import Policy
from bot.core.request import GrantState
from bot.desk import proof
from bot.errors import KeyUnavailable, SignoffError
from bot.findings import Finding
from bot.log_check import missing_head
from bot.ports import Page, ReadTx

KEY_OLD: Final = timedelta(days=365)
NEWEST: Final = 20
"""How many of the newest requests and grants are tried with our keys."""


async def look(config: Config, policy: Policy | None) -> list[Finding]:
    """What the database, opened as the server opens it, says of itself, its keys, its people and its agents."""
    found: list[Finding] = []
    try:
        async with opened(config, checked=False) as bot:
            found += [
                Finding("database", "error", f"{line}; restore a backup") for line in await bot.store.check()
            ]
            gone = await missing_head(bot.store, config)
            if gone is not None:
                found.append(Finding("head file", "error", gone))
            forged = await bot.store.read(lambda tx: proof.faults(bot.office, tx))
            found += [Finding("rows", "error", line) for line in forged[:5]]
            if not forged:
                found.append(Finding("rows", "ok", "what is still to be decided agrees with the audit log"))
            found += await bot.store.read(lambda tx: list(_opened_by_our_keys(bot, tx)))
            found += [finding async for finding in _people(bot, policy)]
            found += await doctor_audit.database(bot)
    except SignoffError as error:
        found.append(Finding("database", "error", str(error)))
    return found


def _opened_by_our_keys(bot: Bot, tx: ReadTx) -> Iterator[Finding]:
    """Whether the newest payload that is kept opens, and the newest grants are signed, by the keys that are here."""
    folder = bot.config.keys.directory
    for request in tx.requests(Page(NEWEST)):
        sealed = tx.body(request.id)
        if sealed is None:
            continue
        try:
            bot.office.unseal(request.id, sealed)
        except KeyUnavailable:
            yield Finding(
                "keys",
                "error",
                f"the payload of {request.id} cannot be opened: {folder} lacks the kek that sealed it, or holds another; put it back",
            )
        break
    for grant in tx.grants(GrantState.ISSUED, NEWEST):
        if bot.keys.verify_grant(grant.token) is None:
            yield Finding(
                "keys",
                "error",
                f"{grant.id} is signed by none of the grant keys in {folder}, so it cannot be spent; put back the one that signed it",
            )
            break


async def _people(bot: Bot, policy: Policy | None) -> AsyncIterator[Finding]:
    desk, now = bot.desk, bot.office.clock.now()
    people = {person.id: person for person in await desk.people()}
    if policy is not None:
        for group in policy.groups.values():
            for member in sorted(group.members):
                if member not in people:
                    yield Finding(
                        "people",
                        "error",
                        f"{member} of group {group.name} is not known; run `signoff people add {member.removeprefix('person:')}`",
                    )
                elif not people[member].enabled:
                    yield Finding(
                        "people",
                        "warning",
                        f"{member} of group {group.name} is disabled; take them out of the policy",
                    )
                elif not any(account.revoked_at is None for account in await desk.accounts(member)):
                    yield Finding(
                        "people",
                        "error",
                        f"{member} of group {group.name} has no account and cannot vote; link one with `signoff people`",
                    )
    if not any("admin" in person.roles and person.enabled for person in people.values()):
        yield Finding(
            "people",
            "error",
            "there is no administrator; run `signoff people add NAME --role admin --password`",
        )
    agents = await desk.agents()
    for agent, keys in agents:
        if not agent.owners:
            yield Finding(
                "agents", "error", f"{agent.id} has no owner, so it cannot ask; run `signoff agents own`"
            )
        for owner in agent.owners:
            if owner not in people:
                yield Finding(
                    "agents",
                    "error",
                    f"{owner}, an owner of {agent.id}, is not known; run `signoff agents own`",
                )
        live = [
            key for key in keys if key.revoked_at is None and (key.expires_at is None or now < key.expires_at)
        ]
        if (
            agent.enabled
            and not live
            and not any(
                w.agent.removeprefix("agent:") == agent.id.removeprefix("agent:")
                for i in bot.config.agents.issuers
                for w in i.workloads
            )
        ):
            yield Finding(
                "agents", "warning", f"{agent.id} has no live key; run `signoff agents rotate`, or disable it"
            )
        for key in live:
            if now - key.created_at > KEY_OLD:
                yield Finding(
                    "agents", "warning", f"key {key.id} of {agent.id} is older than a year; rotate it"
                )
    known = {agent.id.removeprefix("agent:") for agent, _ in agents}
    for issuer in bot.config.agents.issuers:
        for workload in issuer.workloads:
            if workload.agent.removeprefix("agent:") not in known:
                yield Finding(
                    "agents",
                    "error",
                    f"agents.issuers names the agent {workload.agent}, which is not known; run `signoff agents add`",
                )
    frozen = await desk.frozen()
    if frozen is not None:
        yield Finding(
            "freeze",
            "warning",
            f"everything is frozen since {frozen.at:%Y-%m-%d %H:%M}; lift it with `signoff unfreeze`",
        )
    if await bot.store.outbox_depth() > 1000:
        yield Finding(
            "outbox", "warning", "more than 1,000 messages wait to be sent; is the chat platform reachable?"
        )
