"""Tokens turned back into values, for one entitled person, journalled and committed before a value leaves (I10); and the vault's tokens
kept and erased.

Decided here: entitlement (the group that ``masking.open_tokens`` names, read now), a fresh login, a purpose, how many at once and how many
calls an hour. An attempt that is refused is journalled too. Who may open may erase, and an agent may erase what it had made itself; all
tokens or none. Deliberately absent: opening for agents, and any list of tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from audit.entry import Outcome, Private
from bot.core.facts import Fact
from bot.core.people import Actor
from bot.core.reasons import Reason, Refused
from bot.desk import entries
from bot.desk.api import AgentCaller, Erased, Opened
from bot.desk.context import Office
from bot.desk.revealing import PURPOSE_CHARS_MAX, value_refusal
from bot.desk.standing import Membership
from bot.ports import VAULT_NAMES_MAX, Tx, Vaulted
from masking import MaskingError
from masking.tokens import Formatted, SealedValue, unsealed, vault_names


async def open_tokens(
    office: Office, actor: Actor, value: Any, purpose: str, formatted: Formatted | None = None
) -> Opened | Refused:
    """See ``Desk.open_tokens``."""
    purpose = purpose[:PURPOSE_CHARS_MAX]
    group = office.settings.open_tokens
    membership = await office.membership((group,)) if group is not None else {}
    names = vault_names(value)

    def work(tx: Tx) -> Opened | Refused:
        opened = (
            _opened(office, tx, value, names)
            if formatted is None
            else _opened_formatted(office, value, formatted)
        )
        refusal = value_refusal(office, tx, actor, membership, group, Fact.TOKENS_OPENED)
        if refusal is None and not purpose.strip():
            refusal = Refused(Reason.REASON_REQUIRED)
        if refusal is None and (opened is None or opened[1] == 0):
            refusal = Refused(Reason.NOT_FOUND)
        if refusal is None and opened is not None and opened[1] > office.settings.tokens_opened_at_once_max:
            refusal = Refused(Reason.REVEAL_RATE)
        seq = _journal(
            office,
            tx,
            actor,
            opened[1] if opened else 0,
            purpose,
            refusal,
            Fact.TOKENS_OPENED,
            "detokenize",
            formatted,
        )
        if refusal is not None:
            return refusal
        assert opened is not None
        return Opened(*opened, seq)

    return await office.store.write(work)


def _opened(office: Office, tx: Tx, value: Any, names: list[str]) -> tuple[Any, int] | None:
    """*value* with all its tokens opened, and how many; None when one of them does not open."""
    if office.tokens is None or len(names) > VAULT_NAMES_MAX:
        return None
    try:
        kept = {
            row.value.name: unsealed(office.tokens, row.value, tx.now())
            for row in (tx.vaulted(names) if names else ())
        }
        return office.tokens.detokenize_json(value, kept)
    except MaskingError:
        return None


def _opened_formatted(office: Office, value: Any, formatted: Formatted) -> tuple[Any, int] | None:
    """*value* with all its strings opened as values that ``ff1`` wrote, and how many; None when one of them cannot be one."""
    if office.tokens is None:
        return None
    try:
        return office.tokens.open_formatted_json(value, formatted)
    except MaskingError:
        return None


async def keep(office: Office, caller: AgentCaller, sealed: Sequence[SealedValue]) -> Refused | None:
    """See ``Desk.keep_tokens``."""
    if len(sealed) > VAULT_NAMES_MAX:
        return Refused(Reason.MASKING_FAILED)
    rows = [Vaulted(value, caller.agent) for value in sealed]

    def work(tx: Tx) -> None:
        tx.put_vaulted(rows)
        _journal(office, tx, caller, len(rows), "", None, Fact.TOKENS_KEPT, "tokenize")

    if rows:
        await office.store.write(work)
    return None


async def erase(office: Office, by: Actor | AgentCaller, value: Any, purpose: str) -> Erased | Refused:
    """See ``Desk.erase_tokens``."""
    names, purpose = vault_names(value), purpose[:PURPOSE_CHARS_MAX]
    group = office.settings.open_tokens
    membership: Membership | None = {}
    if isinstance(by, Actor) and group is not None:
        membership = await office.membership((group,))

    def work(tx: Tx) -> Erased | Refused:
        rows = tx.vaulted(names) if len(names) <= VAULT_NAMES_MAX else []
        refusal = None
        if isinstance(by, Actor):
            refusal = value_refusal(office, tx, by, membership, group, Fact.TOKENS_ERASED)
            refusal = refusal or (None if purpose.strip() else Refused(Reason.REASON_REQUIRED))
        elif any(row.agent != by.agent for row in rows):
            refusal = Refused(Reason.NOT_FOUND)
        if refusal is None and (not names or len(rows) != len(names)):
            refusal = Refused(Reason.NOT_FOUND)
        seq = _journal(office, tx, by, len(rows), purpose, refusal, Fact.TOKENS_ERASED, "erase")
        return refusal or Erased(tx.erase_vaulted(names), seq)

    return await office.store.write(work)


def _journal(
    office: Office,
    tx: Tx,
    by: Actor | AgentCaller,
    count: int,
    purpose: str,
    refusal: Refused | None,
    done: Fact,
    command: str,
    formatted: Formatted | None = None,
) -> int:
    surface = by.surface.split(":", 1)[0] if isinstance(by, Actor) else "api"
    subject = str(by.person) if isinstance(by, Actor) else str(by.agent)
    return tx.append(
        entries.draft(
            done if refusal is None else Fact.COMMAND_REFUSED,
            tx.now(),
            office.rand,
            entries.person_actor(tx, by)
            if isinstance(by, Actor)
            else entries.agent_actor(by.agent, by.key_id),
            Outcome.SUCCESS if refusal is None else Outcome.REFUSED,
            data={
                "token_count": count,
                "surface": surface,
                **({"method": "ff1", "classes": [formatted.kind.lower()]} if formatted is not None else {}),
                **({"command": command, "reason": refusal.reason.value} if refusal is not None else {}),
            },
            private=(Private(subject, "purpose", purpose),) if purpose else (),
        )
    )
