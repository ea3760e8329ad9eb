"""Tokens turned back into values, for one entitled person, journalled and committed before a value leaves (I10).

Decided here: entitlement (the group that ``masking.open_tokens`` names, read now), a fresh login, a purpose, how many at once and how many
calls an hour. An attempt that is refused is journalled too. Deliberately absent: opening for agents, and any list of tokens.
"""

from __future__ import annotations

from typing import Any

from audit.entry import Outcome, Private
from bot.core.facts import Fact
from bot.core.people import Actor
from bot.core.reasons import Reason, Refused
from bot.desk import entries
from bot.desk.api import Opened
from bot.desk.context import Office
from bot.desk.revealing import PURPOSE_CHARS_MAX, value_refusal
from bot.ports import Tx
from masking import MaskingError


async def open_tokens(office: Office, actor: Actor, value: Any, purpose: str) -> Opened | Refused:
    """See ``Desk.open_tokens``."""
    purpose = purpose[:PURPOSE_CHARS_MAX]
    group = office.settings.open_tokens
    membership = await office.membership((group,)) if group is not None else {}
    opened: tuple[Any, int] | None
    try:
        opened = office.tokens.detokenize_json(value) if office.tokens is not None else None
    except MaskingError:
        opened = None

    def work(tx: Tx) -> int | Refused:
        refusal = value_refusal(office, tx, actor, membership, group, Fact.TOKENS_OPENED)
        if refusal is None and not purpose.strip():
            refusal = Refused(Reason.REASON_REQUIRED)
        if refusal is None and (opened is None or opened[1] == 0):
            refusal = Refused(Reason.NOT_FOUND)
        if refusal is None and opened is not None and opened[1] > office.settings.tokens_opened_at_once_max:
            refusal = Refused(Reason.REVEAL_RATE)
        seq = _journal(office, tx, actor, opened[1] if opened is not None else 0, purpose, refusal)
        return refusal if refusal is not None else seq

    outcome = await office.store.write(work)
    if isinstance(outcome, Refused) or opened is None:
        return outcome if isinstance(outcome, Refused) else Refused(Reason.NOT_FOUND)
    return Opened(*opened, outcome)


def _journal(office: Office, tx: Tx, actor: Actor, count: int, purpose: str, refusal: Refused | None) -> int:
    surface = actor.surface.split(":", 1)[0]
    return tx.append(
        entries.draft(
            Fact.TOKENS_OPENED if refusal is None else Fact.COMMAND_REFUSED,
            tx.now(),
            office.rand,
            entries.person_actor(tx, actor),
            Outcome.SUCCESS if refusal is None else Outcome.REFUSED,
            data={"token_count": count, "surface": surface}
            if refusal is None
            else {
                "command": "detokenize",
                "reason": refusal.reason.value,
                "token_count": count,
                "surface": surface,
            },
            private=(Private(str(actor.person), "purpose", purpose),) if purpose else (),
        )
    )
