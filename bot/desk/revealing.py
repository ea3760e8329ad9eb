"""Reveal: one value in the clear, for one entitled person, journalled and committed before it leaves (I10, T19).

Decided here: entitlement (the rule's reveal group, read now), a fresh login, a bound per hour. An attempt that is refused is
journalled too. Deliberately absent: any cache, any bulk form.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from audit.entry import Outcome, Private
from bot.core import preview_codec
from bot.core.facts import Fact
from bot.core.ids import GroupName, RequestId
from bot.core.people import Actor
from bot.core.reasons import Reason, Refused
from bot.core.request import Assurance, Body, Request
from bot.desk import entries
from bot.desk.api import Revealed
from bot.desk.context import Office
from bot.desk.standing import Membership, account_refusal
from bot.errors import KeyUnavailable
from bot.ports import AuditFilter, Sealed, Tx

PURPOSE_CHARS_MAX = 500
_HOUR = timedelta(hours=1)


async def reveal(office: Office, id: RequestId, actor: Actor, leaf: int, purpose: str) -> Revealed | Refused:
    """See ``Desk.reveal``."""
    request = await office.store.read(lambda tx: tx.request(id))
    if request is None:
        return Refused(Reason.NOT_FOUND)
    group = request.requirement.reveal
    membership = await office.membership((group,)) if group is not None else {}

    def work(tx: Tx) -> tuple[int, Sealed] | Refused:
        return _journal(office, tx, request, actor, leaf, purpose[:PURPOSE_CHARS_MAX], membership)

    outcome = await office.store.write(work)
    if isinstance(outcome, Refused):
        return outcome
    # From here on the entry is committed. If opening fails, the log says that somebody was let look: that is the safe side.
    seq, sealed = outcome
    try:
        body = msgspec.msgpack.decode(office.unseal(id, sealed), type=Body)
    except KeyUnavailable:
        return Refused(Reason.SHREDDED)
    preview = preview_codec.thaw(request.document, request.preview_hash)
    label = next((x.label.text for x in (*preview.leaves, *preview.context) if x.index == leaf), "")
    return Revealed(_value(body, leaf), label, seq)


def _journal(
    office: Office,
    tx: Tx,
    request: Request,
    actor: Actor,
    leaf: int,
    purpose: str,
    membership: Membership | None,
) -> tuple[int, Sealed] | Refused:
    now = tx.now()
    sealed = tx.body(request.id)
    preview = preview_codec.thaw(request.document, request.preview_hash)
    hidden = {x.index for x in (*preview.leaves, *preview.context) if x.hidden}
    least = least_for(office, request, actor)
    refusal = value_refusal(
        office, tx, actor, membership, request.requirement.reveal, Fact.REVEAL_VIEWED, least
    )
    if refusal is None and not purpose.strip():
        refusal = Refused(Reason.REASON_REQUIRED)
    if refusal is None and leaf not in hidden:
        refusal = Refused(Reason.NOT_FOUND)
    if refusal is None and sealed is None:
        refusal = Refused(Reason.SHREDDED)
    fact = Fact.REVEAL_VIEWED if refusal is None else Fact.REVEAL_REFUSED
    seq = tx.append(
        entries.draft(
            fact,
            now,
            office.rand,
            entries.person_actor(tx, actor),
            Outcome.SUCCESS if refusal is None else Outcome.REFUSED,
            request=request,
            data={
                "leaf_count": leaf,
                "surface": actor.surface.split(":", 1)[0],
                "reason": refusal.reason.value if refusal is not None else None,
            },
            private=(Private(f"request:{request.id}", "purpose", purpose),) if purpose else (),
        )
    )
    return refusal if refusal is not None or sealed is None else (seq, sealed)  # type: ignore[return-value]


def least_for(office: Office, request: Request, actor: Actor) -> Assurance:
    """How surely *actor* must have signed in: at the console, but where the operator lets their chat show values (``reveal_from``)
    and the rule itself is content with a click in chat."""
    is_let = actor.surface.split(":", 1)[0] in office.settings.reveal_from
    return Assurance.CHAT if is_let and request.requirement.assurance is Assurance.CHAT else Assurance.CONSOLE


def value_refusal(
    office: Office,
    tx: Tx,
    actor: Actor,
    membership: Membership | None,
    group: GroupName | None,
    seen: Fact,
    least: Assurance = Assurance.CONSOLE,
) -> Refused | None:
    """Why *actor* may be shown no value: who they are, whether they are of *group* now, how they signed in (*least*), and how often the log
    says *seen* of them within the hour."""
    now = tx.now()
    person = tx.person(actor.person)
    if person is None or not person.enabled:
        return Refused(Reason.PERSON_DISABLED)
    barred = account_refusal(tx, actor, now)
    if barred is not None:
        return barred
    if membership is None:
        return Refused(Reason.DIRECTORY_DOWN)
    if group is None or group not in membership.get(actor.person, frozenset()):
        return Refused(Reason.NOT_ENTITLED)
    if actor.assurance.rank < least.rank:
        return Refused(Reason.STEP_UP)
    if now - actor.authenticated_at > office.settings.step_up_within:
        return Refused(Reason.STEP_UP)
    most = office.settings.reveals_per_hour_max
    mine = AuditFilter(type=seen.entry_type, actor=person.ref, since=now - _HOUR, limit=most)
    return Refused(Reason.REVEAL_RATE) if len(tx.audit_rows(mine)) >= most else None


def _value(body: Body, leaf: int) -> str:
    """The value under the leaf's pointer (RFC 6901), as text."""
    node: Any = {
        "payload": msgspec.json.decode(body.canonical),
        "justification": body.justification,
        "context": body.context or {},
    }
    for part in body.pointers[leaf].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        node = node[int(key)] if isinstance(node, list) else node[key]
    return node if isinstance(node, str) else msgspec.json.encode(node).decode()
