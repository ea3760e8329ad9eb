"""Whole domain objects with one line, for tests that care about one field."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from audit.entry import Actor, Draft, EntryType, Outcome
from bot import mint
from bot.core.ids import AccountKey, AgentId, Digest, GroupName, PersonId, RequestId
from bot.core.policy import Requirement, Stage
from bot.core.request import Assurance, Choice, Grant, Request, SeatGroup, Vote
from bot.ports import Rand
from tests.support.clock import START

AGENT = AgentId("agent:export-bot")
HASH = Digest("sha256:" + "ab" * 32)
OTHER_HASH = Digest("sha256:" + "cd" * 32)
REQUIREMENT = Requirement(
    stages=(Stage((SeatGroup(GroupName("owners"), 1), SeatGroup(GroupName("security"), 1))),),
    decide_within=timedelta(minutes=30),
    grant_valid_for=timedelta(minutes=5),
    surfaces=("console", "slack:#approvals"),
    remind_after=(timedelta(minutes=10),),
)


def a_request(rand: Rand, now: datetime = START, **changes: Any) -> Request:
    fields: dict[str, Any] = {
        "id": mint.request_id(now, rand),
        "agent": AGENT,
        "on_behalf_of": PersonId("person:maria"),
        "action": "db.export",
        "resource_type": "postgres",
        "resource_env": "prod",
        "resource_label": "prod-customers",
        "payload_hash": HASH,
        "preview_hash": HASH,
        "policy_hash": HASH,
        "policy_revision": 3,
        "rule": "exports",
        "requirement": REQUIREMENT,
        "separation": frozenset({PersonId("person:maria"), PersonId("person:zoe")}),
        "classes": (("email_address", 3), ("us_ssn", 1)),
        "document": '{"leaves":["SELECT name FROM customers","⟦email⟧"]}',
        "created_at": now,
        "decide_by": now + timedelta(minutes=30),
        "next_due": now + timedelta(minutes=10),
    }
    return Request(**(fields | changes))


def a_vote(request: Request, person: str = "ana", choice: Choice = Choice.APPROVE, **changes: Any) -> Vote:
    fields: dict[str, Any] = {
        "request": request.id,
        "person": PersonId(f"person:{person}"),
        "account": AccountKey(f"local:{person}"),
        "surface": "console",
        "assurance": Assurance.CONSOLE,
        "choice": choice,
        "at": request.created_at,
        "seq": 0,
        "payload_hash": request.payload_hash,
    }
    return Vote(**(fields | changes))


def a_grant(request: Request, rand: Rand, now: datetime = START, **changes: Any) -> Grant:
    fields: dict[str, Any] = {
        "id": mint.grant_id(now, rand),
        "request": request.id,
        "agent": request.agent,
        "payload_hash": request.payload_hash,
        "policy_hash": request.policy_hash,
        "issued_at": now,
        "use_by": now + timedelta(minutes=5),
        "epoch": 0,
        "token": "header.claims.signature",
    }
    return Grant(**(fields | changes))


def a_draft(rand: Rand, now: datetime = START, request: RequestId | None = None, **changes: Any) -> Draft:
    fields: dict[str, Any] = {
        "type": EntryType.REQUEST_CREATED if request else EntryType.SESSION_LOGIN,
        "id": mint.entry_id(now, rand),
        "outcome": Outcome.PENDING if request else Outcome.SUCCESS,
        "actor": Actor("agent", "export-bot"),
        "ts": now,
        "request": request,
        "data": {"payload_hash": HASH, "action": "db.export", "resource": "postgres"} if request else {},
    }
    return Draft(**(fields | changes))
