"""Domain objects as text columns and back, by msgspec. Nothing is decided here.

A request and a grant are stored in two parts: what is frozen for ever, as JSON, and what moves, as columns that
constraints and triggers can see. A field that the core adds later is stored without a change here; a field with a
default reads back from rows that were written before it existed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any, Final, TypeVar, get_type_hints

import msgspec

from adapters.stores.rules import (
    GRANT_FROZEN,
    REQUEST_FROZEN,
    from_us,
    grant_frozen,
    request_frozen,
    to_us,
)
from bot.core.people import Account, Agent, AgentKey, Delegation, Person, Session
from bot.core.policy import Requirement
from bot.core.request import Grant, GrantState, Request, RequestState, Vote
from bot.ports import OutboxRow

T = TypeVar("T")

_ENCODER: Final = msgspec.json.Encoder()


def _frozen_struct(cls: type, names: tuple[str, ...], local: Mapping[str, Any]) -> type[msgspec.Struct]:
    """A struct of the frozen fields of *cls*, in their order, with their defaults."""
    hints = get_type_hints(cls, localns=dict(local))
    by_name = {f.name: f for f in fields(cls)}
    layout: list[Any] = [
        (name, hints[name])
        if by_name[name].default is MISSING
        else (name, hints[name], by_name[name].default)
        for name in names
    ]
    return msgspec.defstruct(f"Frozen{cls.__name__}", layout)


_FrozenRequest: Final = _frozen_struct(Request, REQUEST_FROZEN, {"Requirement": Requirement})
_FrozenGrant: Final = _frozen_struct(Grant, GRANT_FROZEN, {})
_REQUEST: Final = msgspec.json.Decoder(_FrozenRequest)
_GRANT: Final = msgspec.json.Decoder(_FrozenGrant)


def frozen_request(request: Request) -> str:
    return _ENCODER.encode(_FrozenRequest(*request_frozen(request))).decode()


def frozen_grant(grant: Grant) -> str:
    return _ENCODER.encode(_FrozenGrant(*grant_frozen(grant))).decode()


def read_request(row: tuple[Any, ...]) -> Request:
    """From the columns ``frozen, state, version, decided_us, decided_by, reason, reminders_sent, escalated, next_due_us``."""
    frozen, state, version, decided_us, decided_by, reason, reminders_sent, escalated, next_due_us = row
    return Request(
        **msgspec.structs.asdict(_REQUEST.decode(frozen)),
        state=RequestState(state),
        version=version,
        decided_at=moment(decided_us),
        decided_by=decided_by,
        reason=reason,
        reminders_sent=reminders_sent,
        escalated=bool(escalated),
        next_due=moment(next_due_us),
    )


def moving_request(request: Request) -> tuple[Any, ...]:
    """The columns that move, in the order that ``read_request`` reads them."""
    return (
        request.state.value,
        request.version,
        micros(request.decided_at),
        request.decided_by,
        request.reason,
        request.reminders_sent,
        int(request.escalated),
        micros(request.next_due),
    )


def read_grant(row: tuple[Any, ...]) -> Grant:
    """From the columns ``frozen, state, token, redeemed_us, redemption_key, outcome_us, outcome``."""
    frozen, state, token, redeemed_us, redemption_key, outcome_us, outcome = row
    return Grant(
        **msgspec.structs.asdict(_GRANT.decode(frozen)),
        state=GrantState(state),
        token=token,
        redeemed_at=moment(redeemed_us),
        redemption_key=redemption_key,
        outcome_at=moment(outcome_us),
        outcome=outcome,
    )


def moving_grant(grant: Grant) -> tuple[Any, ...]:
    return (
        grant.state.value,
        grant.token,
        micros(grant.redeemed_at),
        grant.redemption_key,
        micros(grant.outcome_at),
        grant.outcome,
    )


def text_of(thing: object) -> str:
    """The JSON text of a stored dataclass."""
    return _ENCODER.encode(thing).decode()


def _reader(cls: type[T]) -> Callable[[str], T]:
    return msgspec.json.Decoder(cls).decode


read_vote: Final = _reader(Vote)
read_agent: Final = _reader(Agent)
read_agent_key: Final = _reader(AgentKey)
read_person: Final = _reader(Person)
read_account: Final = _reader(Account)
read_session: Final = _reader(Session)
read_delegation: Final = _reader(Delegation)
read_payload: Final = msgspec.json.Decoder(dict[str, str | int]).decode


def read_outbox(row: tuple[Any, ...]) -> OutboxRow:
    """From the columns ``id, topic, key, payload, due_us, attempts, last_error``."""
    id, topic, key, payload, due_us, attempts, last_error = row
    return OutboxRow(topic, key, read_payload(payload), from_us(due_us), id, attempts, last_error)


def micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_us(moment)


def moment(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)
