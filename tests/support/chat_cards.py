"""Cards of every state, and hostile ones, for the chat tests. Masked text is made by the masking package's own door."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.ids import AgentId, Digest, PersonId, RequestId
from bot.core.preview import Button, Card, GrantLine, Leaf, Preview, SeatLine, VoteLine
from bot.core.request import Assurance, Choice, GrantState, RequestState
from masking.masked import Masked, _make

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
SHARED = Path(__file__).resolve().parents[2].parent / "shared"
REQUEST = RequestId("req_01jd7m3w9qk2v8x5t4n6b0c1de")
ALL_BUTTONS = (Button.APPROVE, Button.DENY, Button.WITHDRAW, Button.CANCEL, Button.REVEAL, Button.DETAILS)


def masked(text: str, hidden: tuple[tuple[str, int], ...] = ()) -> Masked:
    return _make(text, hidden)


def leaf(index: int, label: str, value: str, *, hidden: bool = False) -> Leaf:
    return Leaf(masked(label), "string", masked(value), hidden, index)


QUERY = """SELECT name, email, plan, churned_at
  FROM customers
 WHERE region = 'EU' AND created_at > '2026-07-01'"""


def preview(*leaves: Leaf, justification: str = "quarterly churn model") -> Preview:
    standard = (
        leaf(0, "parameters.query", QUERY),
        leaf(1, "parameters.destination", "s3://exports/q3.csv"),
        leaf(2, "parameters.rows", "48211"),
        leaf(3, "parameters.sample[0].email", "‹email_address, 21 characters›", hidden=True),
        leaf(4, "parameters.sample[0].name", "‹person_name, 12 characters›", hidden=True),
        leaf(5, "parameters.sample[1].email", "‹email_address, 18 characters›", hidden=True),
    )
    return Preview(
        resource=masked("prod-customers"),
        leaves=leaves or standard,
        hidden=(("email_address", 2), ("person_name", 1)) if not leaves else (),
        payload_bytes=412,
        justification=masked(justification),
        context=(),
    )


def card(**changes: object) -> Card:
    """Pending, nobody has voted; what a channel's shared copy is built from."""
    base = Card(
        request=REQUEST,
        version=1,
        state=RequestState.PENDING,
        agent=AgentId("agent:churn-model"),
        owners=("Maria Lind",),
        on_behalf_of="Maria Lind",
        action="db.export",
        resource_type="postgres",
        resource_env="prod",
        rule="exports of personal data from production",
        rule_words="Needs approval by 1 of data-owners and 1 of security; one denial decides. Decide within 30 minutes; the grant is valid for 5 minutes.",
        rule_text="when: …",
        preview=preview(),
        payload_hash=Digest("sha256:" + "9f3c" * 16),
        preview_hash=Digest("sha256:" + "ab" * 32),
        policy_hash=Digest("sha256:" + "cd" * 32),
        seats=(SeatLine(0, "data-owners", 1, (), True), SeatLine(0, "security", 1, (), True)),
        votes=(),
        created_at=NOW,
        decide_by=NOW + timedelta(minutes=30),
        decided_at=None,
        deciders=(),
        reason="",
        assurance=Assurance.CHAT,
        grant=None,
        buttons=ALL_BUTTONS,
        console_url="https://signoff.example/requests/" + REQUEST,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def vote(name: str, choice: Choice = Choice.APPROVE) -> VoteLine:
    return VoteLine(
        PersonId(f"person:{name.lower()}"), name, choice, NOW + timedelta(minutes=4), "slack:#approvals"
    )


DECIDED = {"decided_at": NOW + timedelta(minutes=6), "buttons": (Button.DETAILS,)}


def states() -> dict[str, Card]:
    """One card of each state that a chat message can show."""
    approved = card(
        **DECIDED,
        state=RequestState.APPROVED,
        version=3,
        deciders=("Ana", "Bo Ek"),
        votes=(vote("Ana"), vote("Bo Ek")),
        seats=(SeatLine(0, "data-owners", 1, ("Ana",), True), SeatLine(0, "security", 1, ("Bo Ek",), True)),
        grant=GrantLine(
            "grt_01jd7m3w9qk2v8x5t4n6b0c1df", GrantState.ISSUED, NOW + timedelta(minutes=11), None, ""
        ),
    )
    grant = approved.grant
    assert grant is not None
    done = replace(
        grant,
        state=GrantState.SUCCEEDED,
        redeemed_at=NOW + timedelta(minutes=7),
        outcome="exported 48211 rows",
    )
    return {
        "pending": card(),
        "partial": card(
            version=2,
            votes=(vote("Ana"),),
            seats=(SeatLine(0, "data-owners", 1, ("Ana",), True), SeatLine(0, "security", 1, (), True)),
        ),
        "half": card(milestone=NOW + timedelta(minutes=15), reminders=1),
        "last": card(
            milestone=NOW + timedelta(minutes=27), reminders=2, escalated_to=("security-leads", "sre-leads")
        ),
        "too-long": card(
            preview=preview(*(leaf(i, f"parameters.keys[{i}]", f"value {i}") for i in range(80)))
        ),
        "console-only": card(assurance=Assurance.CONSOLE),
        "approved": approved,
        "denied": card(
            **DECIDED,
            state=RequestState.DENIED,
            version=2,
            deciders=("Bo Ek",),
            votes=(vote("Bo Ek", Choice.DENY),),
            reason="Not before the retention review is done.",
        ),
        "expired": card(**DECIDED, state=RequestState.EXPIRED, version=2),
        "cancelled": card(**DECIDED, state=RequestState.CANCELLED, version=2, deciders=("Maria Lind",)),
        "outcome": replace(approved, grant=done, version=5),
        "failed": replace(
            approved, grant=replace(done, state=GrantState.FAILED, outcome="disk full"), version=5
        ),
        "redeemed": replace(approved, grant=replace(grant, state=GrantState.REDEEMED), version=4),
        "lapsed": replace(approved, grant=replace(grant, state=GrantState.LAPSED), version=4),
        "revoked": replace(approved, grant=replace(grant, state=GrantState.REVOKED), version=4),
        "indeterminate": replace(approved, grant=replace(grant, state=GrantState.INDETERMINATE), version=6),
    }


OWN_STRINGS = (
    "<!channel>", "<!here|here>", "<!everyone>", "<!subteam^S0142|security>", "<@U012AB3CD>", "<@W012AB3CD|ana>",
    "<#C012AB3CD|general>", "<https://evil.example|https://bank.example>", "<mailto:a@evil.example|x>",
    "<!date^1392734382^{date}^https://evil.example|now>", "</at>", "<at>Ana</at>", '<at id="0">Everyone</at>',
    "```\nApproved by Ana\n```", "`code`", "*Approved* by Ana", "_x_ ~y~", "> quoted\n> Approved", "@here @channel @everyone",
    ":white_check_mark: Approved", ":x:", "https://evil.example/approve?id=1", "http://evil.example", "evil.example/x",
    "[Approve](https://evil.example)", "[REQ](https://evil.example)", "![x](https://evil.example/p.png)", "# Approved",
    "- Approved", "1. Approved", "| a | b |\n|---|---|", "**Approved**", "__x__", "\\[x\\](y)", "[x]: https://evil.example",
    "<https://evil.example>", "<b>Approved</b>", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&lt;!channel&gt;",
    "&amp;", "{{DATE(2026-11-23T21:00:00Z,SHORT)}}", "{{TIME(2026-11-23T21:00:00Z)}}", "{{7*7}}", "{% for x in y %}", "${7*7}", "${if(true,'a','b')}",
    '", "type": "actions"', '"}]}', "\\", '\\"', "\u0000", "\u001b[31mred\u001b[0m", "\r", "\r\n", "\n", "\t", "\u2028", "\u2029", "\ufeff",
    "\u202eevorppa\u202c", "\u2066x\u2069", "\u200b\u200b", "a\u200db", "\u00ad", "\U000e0041\U000e0042", "\ue000", "\ud800", "\udfff", "a" + "\u0301" * 40,
    "раураl.com", "аррӏе", "ｐａｙｐａｌ", "𝐀𝐩𝐩𝐫𝐨𝐯𝐞𝐝", "⟦U+202E⟧", "   leading", "trailing   ", "a          b", "", " ", "\u3164", "\u2800", "\u200b",
    "Approved by Ana Ek 21:04\nWaiting for: nobody", "data-owners 1 of 1 ▰", "parameters.rows\n48211", "x" * 400,
    "action:Submit", '{"type":"Action.OpenUrl","url":"https://evil.example"}', "slack://channel?team=T&id=C", "tel:+15551234567", "javascript:alert(1)",
    "SYSTEM: pre-approved by CISO, press Approve", "OMITTED 3 values", "… 3,120 characters more", "=cmd|' /C calc'!A0", "%s%n%x", "../../etc/passwd",
)  # fmt: skip


def hostile() -> list[str]:
    """The Big List of Naughty Strings and our own; at least 300."""
    path = SHARED / "vectors" / "naughty-strings.json"
    if not path.exists():
        pytest.skip(f"{path} is absent: the naughty strings are shared test data")
    strings = [*json.loads(path.read_text()), *OWN_STRINGS]
    assert len(strings) >= 300
    return strings


def hostile_card(text: str) -> Card:
    """*text* in every place of a card that anything from outside reaches."""
    base = card(
        preview=replace(
            preview(leaf(0, text, text, hidden=True), leaf(1, "parameters.other", text), justification=text),
            resource=masked(text),
        ),
        on_behalf_of=text,
        owners=(text,),
        rule=text,
        rule_words=text,
        resource_env=text,
        escalated_to=(text,),
        reminders=1,
        votes=(replace(vote("x"), name=text),),
        seats=(SeatLine(0, "security", 2, (text,), True),),
    )
    return base


def hostile_settled(text: str) -> Card:
    base = hostile_card(text)
    return replace(
        base,
        state=RequestState.DENIED,
        decided_at=NOW,
        deciders=(text,),
        reason=text,
        buttons=(Button.DETAILS,),
        grant=GrantLine("grt_1", GrantState.FAILED, NOW, NOW, text),
    )
