"""A desk that shows fixed things: one card in each state, so that every page can be drawn and looked at without a running house.

It answers with the real domain types, keeps sessions and people in a real (memory) store, refuses what it does not know, and records the
changes it was asked for. It decides nothing; tests of decisions use the real desk.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

import msgspec

from audit import report as reports
from audit.entry import EntryType, Outcome
from audit.reader import Reader
from bot.core.ids import AccountKey, AgentId, Digest, GroupName, PersonId, RequestId
from bot.core.people import Account, Actor, Agent, AgentKey, Delegation, KeyKind, Person, Role, Session
from bot.core.policy import BreakGlass, Effect, Group, Policy, Requirement, Rule, Stage, describe
from bot.core.preview import Button, Card, GrantLine, Leaf, Preview, SeatLine, TimelineLine, VoteLine
from bot.core.reasons import Reason, Refused
from bot.core.request import Assurance, Choice, GrantState, RequestState, SeatGroup
from bot.core.standing_approval import StandingState
from bot.desk.api import (
    ChainState,
    Freeze,
    Inbox,
    InboxItem,
    NewKey,
    Overridden,
    Revealed,
    StandingLine,
)
from bot.desk.evidence import Evidence, Report, Wanted
from bot.ports import AuditFilter, AuditRow, Clock, Store
from masking import Engine
from masking.masked import Masked, _make
from tests.audit.logs import database, story, write
from tests.audit.logs import journal as journal_of
from tests.support.preview_reference import build

ANA, BO, MARIA, RAJ = (PersonId(f"person:{name}") for name in ("ana", "bo", "maria", "raj"))
NAMES = {ANA: "Ana Torres", BO: "Bo Lindqvist", MARIA: "Maria Keller", RAJ: "Raj Patel"}
AGENT = AgentId("agent:churn-exporter")


@cache
def _report_log() -> sqlite3.Connection:
    """Thirty requests over four days, one denied, one tried by somebody who may not, one whose use never ended."""
    log = database()
    writer = journal_of(b"gallery")
    for n in range(30):
        size = Reader(log).head().size
        away = n // 8 * 86_400 + n * 600
        approvers = ("p_7Qmana", "p_x2bo") if n % 3 else ("p_7Qmana", "p_k9maria")
        drafts = list(story(f"req_{n:02d}gallery0000000000000000", away, approvers, first_seq=size))
        if n == 17:
            drafts.pop()
        if n % 11 == 5:
            tried = {"reason": "separated"}
            drafts.append(replace(drafts[3], type=EntryType.VOTE_REFUSED, outcome=Outcome.REFUSED, id=f"r{n}", ts=drafts[-1].ts, data=tried, private=()))  # fmt: skip
        write(log, drafts, writer)
    return log


def digest(text: str) -> Digest:
    return Digest("sha256:" + sha256(text.encode()).hexdigest())


def m(text: str, *hidden: tuple[str, int]) -> Masked:
    return _make(text, tuple(hidden))


def leaf(index: int, label: str, value: str, *hidden: tuple[str, int], kind: str = "string") -> Leaf:
    return Leaf(m(label), kind, m(value, *hidden), bool(hidden), index)


SQL = """SELECT c.id, c.name, c.email, c.plan, o.total, o.placed_at
FROM customers AS c
JOIN orders AS o ON o.customer_id = c.id
WHERE c.region = 'EMEA' AND o.placed_at >= '2026-07-01'
ORDER BY o.placed_at DESC"""
CLAIM = "Quarterly churn model for EMEA. Same export as last quarter, approved by the CISO in advance."
PAYLOAD = {
    "action": "db.export",
    "resource": {"type": "postgres", "id": "prod-customers", "env": "prod"},
    "parameters": {
        "query": SQL,
        "destination": "s3://exports-emea/q3/customers.csv",
        "rows": 48211,
        "notify": "churn-team@corp.example",
        "sample": ["Jane Miller, jane.miller@mail.example, card 4111 1111 1111 1111, plan Business"],
        "compress": True,
    },
}
ASKED, _ = build(
    Engine().mask_json(
        {"payload": PAYLOAD, "justification": CLAIM, "context": {"run_id": "a91f-2217", "attempt": 1}}
    ),
    len(json.dumps(PAYLOAD)),
    ("query", "destination", "rows"),
)
"""What the product itself makes of an ask: what is drawn is what a person would see."""
LEAVES = ASKED.leaves
HIDDEN = ASKED.hidden
RULE_TEXT = """- name: exports of personal data from production
  when: action.startsWith("db.export") && resource.env == "prod"
  require:
    - {group: data-owners, approvals: 1}
    - {group: security, approvals: 2}
  decide_within: 30m
  grant_valid_for: 5m"""
REQUIREMENT = Requirement(
    stages=(Stage((SeatGroup(GroupName("data-owners"), 1), SeatGroup(GroupName("security"), 2))),),
    decide_within=timedelta(minutes=30),
    grant_valid_for=timedelta(minutes=5),
    surfaces=("console", "slack:#approvals-prod"),
    reveal=GroupName("data-owners"),
)

NONE = Requirement(stages=(), decide_within=timedelta(minutes=30), grant_valid_for=timedelta(minutes=5))


def preview(
    leaves: tuple[Leaf, ...] = LEAVES, hidden: tuple[tuple[str, int], ...] = HIDDEN, says: str = ""
) -> Preview:
    return replace(
        ASKED,
        leaves=leaves,
        hidden=hidden,
        payload_bytes=ASKED.payload_bytes + sum(len(x.value.text) for x in leaves if x not in LEAVES),
        justification=m(says) if says else ASKED.justification,
    )


def a_card(id: str, now: datetime, **changes: Any) -> Card:
    base = Card(
        request=RequestId(id),
        version=3,
        state=RequestState.PENDING,
        agent=AGENT,
        owners=("Maria Keller",),
        on_behalf_of="Maria Keller",
        action="db.export",
        resource_type="postgres",
        resource_env="prod",
        rule="exports of personal data from production",
        rule_words=describe(REQUIREMENT),
        rule_text=RULE_TEXT,
        preview=preview(),
        payload_hash=digest(id + "payload"),
        preview_hash=digest(id + "preview"),
        policy_hash=digest("policy"),
        seats=(SeatLine(0, "data-owners", 1, (), True), SeatLine(0, "security", 2, ("Bo Lindqvist",), True)),
        votes=(VoteLine(BO, "Bo Lindqvist", Choice.APPROVE, now - timedelta(minutes=3), "slack"),),
        created_at=now - timedelta(minutes=7),
        decide_by=now + timedelta(minutes=22, seconds=41),
        decided_at=None,
        deciders=(),
        reason="",
        assurance=Assurance.CONSOLE,
        grant=None,
        buttons=(Button.APPROVE, Button.DENY, Button.REVEAL, Button.DETAILS),
    )
    return replace(base, **changes)


def cards(now: datetime) -> dict[str, Card]:
    long_sql = "\n".join(f"UPDATE accounts SET status = 'closed' WHERE id = {n};" for n in range(40))
    decided = now - timedelta(minutes=1, seconds=8)
    full = (
        SeatLine(0, "data-owners", 1, ("Ana Torres",), True),
        SeatLine(0, "security", 2, ("Bo Lindqvist", "Raj Patel"), True),
    )
    votes = (
        VoteLine(BO, "Bo Lindqvist", Choice.APPROVE, now - timedelta(minutes=6), "slack"),
        VoteLine(RAJ, "Raj Patel", Choice.APPROVE, now - timedelta(minutes=3), "console"),
        VoteLine(ANA, "Ana Torres", Choice.APPROVE, decided, "console"),
    )
    shut = {"decided_at": decided, "buttons": ()}
    made = [
        a_card("req_pending0000000000000000000", now, may_break_glass=True),
        a_card(
            "req_long00000000000000000000000",
            now,
            agent=AgentId("agent:ops-runner"),
            action="db.execute",
            resource_env="prod",
            denied_before=2,
            preview=preview(
                (
                    leaf(0, "statement", long_sql),
                    leaf(1, "host", "db-prіmary.internal"),
                    *(leaf(n, f"tag{n}", f"v{n}") for n in range(2, 26)),
                ),
                (),
            ),
            decide_by=now + timedelta(seconds=94),
        ),
        a_card(
            "req_approved000000000000000000",
            now,
            state=RequestState.APPROVED,
            seats=full,
            votes=votes,
            deciders=tuple(vote.name for vote in votes),
            grant=GrantLine(
                "grt_0f3k2m9q7x1v5b8n4c6z0a2s1d",
                GrantState.ISSUED,
                now + timedelta(minutes=3, seconds=52),
                None,
                "",
            ),
            **shut,
        ),
        a_card(
            "req_denied00000000000000000000",
            now,
            state=RequestState.DENIED,
            deciders=("Raj Patel",),
            reason="The bucket is shared with a vendor. Ask again with the internal one.",
            votes=(votes[0], VoteLine(RAJ, "Raj Patel", Choice.DENY, decided, "console")),
            **shut,
        ),
        a_card("req_expired0000000000000000000", now, state=RequestState.EXPIRED, **shut),
        a_card(
            "req_voted000000000000000000000",
            now,
            seats=(full[0], SeatLine(1, "security", 2, (), True)),
            votes=(votes[2],),
            viewer_vote=Choice.APPROVE,
            buttons=(Button.WITHDRAW, Button.DENY),
            resource_env="staging",
        ),
    ]
    return {card.request: card for card in made}


@dataclass
class GalleryDesk:
    """See the module. ``calls`` is what it was asked to change."""

    store: Store
    clock: Clock
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    freeze_state: Freeze | None = None
    shown: dict[str, Card] = field(default_factory=dict)
    bell: asyncio.Queue[RequestId] | None = None
    revealed: str = "ana.torres@acme.example"

    def __post_init__(self) -> None:
        self.shown = self.shown or cards(self.clock.now())

    # looking
    async def card(self, request: RequestId, viewer: Actor | None) -> Card | Refused:
        return self.shown.get(request, Refused(Reason.NOT_FOUND))

    async def timeline(self, request: RequestId, viewer: Actor) -> list[TimelineLine] | Refused:
        now = self.clock.now()
        card = self.shown[request]
        return [
            TimelineLine(1041, now - timedelta(minutes=7), "asked by", card.agent.removeprefix("agent:")),
            TimelineLine(1042, now - timedelta(minutes=7), "payload masked, preview frozen", ""),
            TimelineLine(1045, now - timedelta(minutes=6), "shown in slack:#approvals-prod", ""),
            *(TimelineLine(1046 + n, v.at, f"{v.choice.value} by", v.name) for n, v in enumerate(card.votes)),
        ]

    async def break_glasses(self, viewer: Actor) -> list[Overridden] | Refused:
        now, day = self.clock.now(), timedelta(days=1)
        pending, approved = "req_pending0000000000000000000", "req_approved000000000000000000"
        why = "Break-glass: checkout is down and neither owner answers the pager; ticket [PERSON_1]"
        return [
            Overridden(RequestId(approved), "db.export", "prod-customers", "Sam Okoro", now - 2 * day, why, now - day,
                       None, None, None, is_overdue=True, may_review=True),
            Overridden(RequestId(approved), "k8s.exec", "prod/checkout-7f", "Gil Ito", now, why, now + day,
                       None, None, None, is_overdue=False, may_review=False),
            Overridden(RequestId(pending), "iam.grant", "role/billing-admin", "Fran Lee", now - 9 * day, why, now - 8 * day,
                       "unjustified", "Dana Cole", now - 8 * day, is_overdue=False, may_review=False),
        ]  # fmt: skip

    async def standing_approvals(self, viewer: Actor) -> list[StandingLine] | Refused:
        now, day = self.clock.now(), timedelta(days=1)
        id, agent = RequestId("req_approved000000000000000000"), AgentId("agent:churn-exporter")
        return [
            StandingLine(id, agent, "db.export", "prod-customers", "exports of personal data from production", StandingState.LIVE,
                         3, 20, now - day, now + 6 * day, ("Ana Torres", "Bo Lind"), None, None, may_revoke=True),
            StandingLine(id, agent, "analytics.read", "events", "small groups", StandingState.REVOKED, 7, 7, now - 3 * day,
                         now + 4 * day, ("Ana Torres",), now - day, "Root", may_revoke=False),
            StandingLine(id, agent, "mail.send", "newsletter", "mail to customers", StandingState.VOID, 0, 2, now - 3 * day,
                         now + 4 * day, ("Bo Lind",), None, None, may_revoke=False),
        ]  # fmt: skip

    async def inbox(self, viewer: Actor) -> Inbox:
        items = [self._item(card) for card in self.shown.values()]
        waiting = tuple(i for i in items if i.state.is_open and i.may_vote)
        return Inbox(
            waiting,
            (),
            tuple(i for i in items if not i.state.is_open),
            tuple(i for i in items if i.state.is_open),
        )

    def _item(self, card: Card) -> InboxItem:
        return InboxItem(
            card.request,
            card.version,
            card.state,
            card.action,
            card.preview.resource.text,
            card.agent,
            card.created_at,
            card.decide_by,
            card.decided_at,
            card.preview.hidden,
            sum(len(s.names) for s in card.seats),
            sum(s.needed for s in card.seats),
            Button.APPROVE in card.buttons,
        )

    async def audit(self, viewer: Actor, filter: AuditFilter) -> list[AuditRow] | Refused:
        person = await self.person(viewer.person)
        if person is None or not person.roles:
            return Refused(Reason.NOT_ENTITLED)
        kinds = [
            "request.created",
            "request.masked",
            "vote.cast",
            "decision.approved",
            "grant.issued",
            "grant.used.begin",
            "grant.used.end",
            "session.login",
        ]
        rows = []
        top = min(filter.before or 1063, 1063)
        for seq in range(top - 1, max(-1, top - 1 - filter.limit), -1):
            kind = kinds[seq % 8]
            if filter.type and filter.type != kind:
                continue
            leaf_json = msgspec.json.encode(
                {
                    "act": {"kind": "human", "ref": f"p_{seq % 7:04d}xQ7mT2"},
                    "id": f"0197{seq:012d}",
                    "outcome": "approved" if "dec" in kind else "recorded",
                    "req": "req_approved000000000000000000",
                    "seq": seq,
                    "tool": {"id": "db.export", "risk": "high"},
                    "type": kind,
                    "v": 1,
                }
            )
            rows.append(
                AuditRow(
                    seq,
                    kind,
                    "req_approved000000000000000000",
                    "p",
                    "db.export",
                    None,
                    "recorded",
                    self.clock.now() - timedelta(minutes=1063 - seq),
                    leaf_json,
                    sha256(b"\0" + leaf_json).digest(),
                )
            )
        return rows

    async def chain(self, viewer: Actor, *, verify: bool = False) -> ChainState | Refused:
        return ChainState(
            1063,
            sha256(b"head").digest(),
            "audit.acme.example/approvals\n1060\n3q2+7w…\n\n— audit.acme.example/approvals Az3grl…\n",
            1060,
            self.clock.now() if verify else None,
            True if verify else None,
        )

    async def evidence(self, viewer: Actor, wanted: Wanted) -> Evidence | Refused:
        """A real report over a small log of its own."""
        if not isinstance(wanted, Report):
            return Refused(Reason.NOT_FOUND)
        made = reports.make(
            Reader(_report_log()), wanted.framework, wanted.since, wanted.until, wanted.seed, wanted.sample
        )
        return Evidence("report.html", "text/html", b"", made.first, made.last, 1, whole=True, report=made)

    async def policy(self) -> Policy:
        groups = {
            GroupName(n): Group(GroupName(n), frozenset(p), slack, claim)
            for n, p, slack, claim in [
                ("data-owners", {ANA, MARIA}, None, None),
                ("security", {BO, RAJ}, "S0142", None),
                ("sre-leads", set(), None, "sre"),
            ]
        }
        rules = (
            Rule(
                "exports of personal data from production",
                'action.startsWith("db.export") && resource.env == "prod" && "email_address" in data.classes',
                Effect.REQUIRE,
                REQUIREMENT,
                text=RULE_TEXT,
            ),
            Rule(
                "reads in staging",
                'action.startsWith("db.read") && resource.env == "staging"',
                Effect.ALLOW,
                NONE,
                text="- name: reads in staging\n  allow: true",
            ),
            Rule(
                "nobody drops production", 'action == "db.drop" && resource.env == "prod"', Effect.DENY, NONE
            ),
        )
        return Policy(
            groups,
            rules,
            hash=digest("policy"),
            revision=17,
            break_glass=BreakGlass(GroupName("sre-leads"), GroupName("security"), timedelta(hours=24)),
        )

    async def changes(self, request: RequestId | None = None) -> AsyncIterator[RequestId]:
        self.bell = self.bell or asyncio.Queue()
        while True:
            yield await self.bell.get()

    async def frozen(self) -> Freeze | None:
        return self.freeze_state

    # people
    async def identify(
        self,
        account: AccountKey,
        *,
        surface: str,
        assurance: Assurance,
        authenticated_at: datetime | None = None,
    ) -> Actor | Refused:
        found = await self.store.read(lambda tx: tx.account(account))
        if found is None or found.revoked_at is not None:
            return Refused(Reason.UNMAPPED)
        person = await self.person(found.person)
        if person is None or not person.enabled:
            return Refused(Reason.PERSON_DISABLED)
        return Actor(found.person, account, surface, assurance, authenticated_at or self.clock.now())

    async def open_session(
        self, session: Session, *, replaces: str | None = None, groups: frozenset[str] | None = None
    ) -> Actor | Refused:
        known = await self.identify(
            session.account,
            surface="console",
            assurance=session.assurance,
            authenticated_at=session.authenticated_at,
        )
        if isinstance(known, Refused):
            return known

        def work(tx: Any) -> None:
            if replaces:
                tx.drop_session(replaces)
            tx.put_session(session)

        await self.store.write(work)
        self.calls.append(("open_session", session.account, groups))
        return known

    async def refuse_session(self, account: AccountKey | None, why: Any) -> None:
        self.calls.append(("refuse_session", account, why.value))

    async def close_session(self, id: str) -> None:
        await self.store.write(lambda tx: tx.drop_session(id))

    async def close_sessions(self, actor: Actor) -> None:
        await self.store.write(
            lambda tx: [tx.drop_session(session.id) for session in tx.sessions(actor.person)]
        )

    async def person(self, id: PersonId) -> Person | None:
        return await self.store.read(lambda tx: tx.person(id))

    async def people(self) -> list[Person]:
        return await self.store.read(lambda tx: tx.people())

    async def accounts(self, person: PersonId) -> list[Account]:
        return await self.store.read(lambda tx: tx.accounts(person))

    async def agents(self) -> list[tuple[Agent, list[AgentKey]]]:
        now = self.clock.now()
        key = AgentKey(
            "sok_7Qm2xLr4",
            AGENT,
            KeyKind.API,
            b"",
            now - timedelta(days=40),
            now + timedelta(days=50),
            None,
            now - timedelta(minutes=7),
        )
        old = AgentKey(
            "sok_1aB9cD3e",
            AGENT,
            KeyKind.API,
            b"",
            now - timedelta(days=130),
            None,
            now - timedelta(days=39),
            now - timedelta(days=41),
        )
        return [
            (
                Agent(AGENT, (MARIA,), now - timedelta(days=200), actions=("db.export", "db.read.*")),
                [key, old],
            ),
            (Agent(AgentId("agent:ops-runner"), (RAJ, ANA), now - timedelta(days=20)), []),
            (
                Agent(
                    AgentId("agent:old-bot"),
                    (),
                    now - timedelta(days=400),
                    enabled=False,
                    actions=("mail.send",),
                ),
                [],
            ),
        ]

    # changes: recorded, answered as a desk would
    async def vote(
        self,
        request: RequestId,
        actor: Actor,
        choice: Choice,
        *,
        version: int | None = None,
        comment: str = "",
        preview_complete: bool = True,
    ) -> Any:
        self.calls.append(("vote", request, actor.person, choice, version, comment, preview_complete))
        if choice is Choice.DENY and not comment:
            return Refused(Reason.REASON_REQUIRED)
        if choice is Choice.APPROVE and not preview_complete:
            return Refused(Reason.INCOMPLETE_PREVIEW)
        return Refused(Reason.ALREADY_VOTED)

    async def reveal(self, request: RequestId, actor: Actor, leaf: int, purpose: str) -> Revealed | Refused:
        self.calls.append(("reveal", request, actor.person, leaf, purpose))
        if self.clock.now() - actor.authenticated_at > timedelta(minutes=5):
            return Refused(Reason.STEP_UP)
        return Revealed(self.revealed, "notify", 1060)

    async def issue_key(
        self,
        by: Actor | None,
        agent: AgentId,
        kind: KeyKind = KeyKind.API,
        valid_for: timedelta | None = None,
    ) -> NewKey | Refused:
        self.calls.append(("issue_key", agent, kind, valid_for))
        return NewKey((await self.agents())[0][1][0], "so_live_7Qm2xLr4_9vKc3TqWbX0sYzUe5hJd8gRaFpN1mLoE")

    async def issue_person_token(
        self, by: Actor | None, person: PersonId, valid_for: timedelta
    ) -> str | Refused:
        return "sop_4kW1pXn7_R2dC8vTqYbX0sYzUe5hJd8gRaFpN1mLoE"

    async def freeze(self, actor: Actor, reason: str) -> Freeze | Refused:
        person = await self.person(actor.person)
        if person is None or Role.ADMIN not in person.roles:
            return Refused(Reason.NOT_ADMIN)
        self.freeze_state = Freeze(actor.person, self.clock.now(), reason)
        return self.freeze_state

    async def unfreeze(self, actor: Actor) -> Refused | None:
        self.freeze_state = None
        return None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        async def refuse(*args: Any, **kwargs: Any) -> Refused:
            self.calls.append((name, *args[1:]))
            return Refused(Reason.NOT_ADMIN)

        return refuse


PASSWORD = "correct horse battery"


async def furnish(store: Store, now: datetime, secret: str) -> None:
    """Four people with local accounts: Ana administers, Raj audits. A colleague is away and Ana sits in."""

    def work(tx: Any) -> None:
        roles = {ANA: frozenset({Role.ADMIN}), RAJ: frozenset({Role.AUDITOR})}
        for person, name in NAMES.items():
            tx.put_person(
                Person(person, name, now - timedelta(days=300), roles=roles.get(person, frozenset()))
            )
            since = now - timedelta(days=300)
            tx.put_account(
                Account(
                    AccountKey("local:" + person.removeprefix("person:")),
                    person,
                    since,
                    since,
                    "operator",
                    secret,
                )
            )
        tx.put_account(
            Account(
                AccountKey("slack:T024BE7LD:U061F7AUR"),
                ANA,
                now - timedelta(hours=2),
                now + timedelta(hours=22),
                "admin",
            )
        )
        tx.put_account(
            Account(
                AccountKey("token:sop_8fKq21"),
                ANA,
                now - timedelta(days=2),
                now - timedelta(days=2),
                "token",
                "x",
                None,
                now + timedelta(days=5),
            )
        )
        tx.put_delegation(Delegation(MARIA, ANA, now - timedelta(hours=1), now + timedelta(days=3)))

    await store.write(work)
