"""Everything that can be posted into a chat, drawn for both platforms: each state of a card and each kind of private answer.

One list for whoever judges what we post: official types and schemas, hostile strings, pictures. ``unused`` names the templates that
the list does not reach, so that a new one cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from adapters.slack.cards import Cards as SlackCards
from adapters.teams.cards import Cards as TeamsCards
from bot.chat import pages
from bot.chat.commands import Command, parse
from bot.chat.page import Page
from bot.chat.seal import Place
from bot.chat.template import Templates
from bot.core.ids import PersonId
from bot.core.policy_load import load_policy
from bot.core.preview import Button, Card, TimelineLine
from bot.core.reasons import Reason, Refused
from bot.core.request import RequestState
from bot.desk.api import ChainState, Freeze, Inbox, InboxItem, Revealed
from bot.ports import AuditRow
from tests.support import chat_cards as samples
from tests.support.chat_world import POLICY, TestKeys

Json = dict[str, Any]
IN_SLACK = Place("slack", "T0001", "C0001")
IN_TEAMS = Place("teams", "tenant-1", "19:channel@thread.tacv2")
SHARED = (Button.APPROVE, Button.DENY, Button.DETAILS)
"""The buttons that a channel's shared copy has."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """``kind``: ``message``, ``modal`` or ``home`` in Slack, ``card`` in Teams."""

    name: str
    platform: str
    kind: str
    value: Json


@dataclass(frozen=True, slots=True)
class Pens:
    slack: SlackCards
    teams: TeamsCards

    @classmethod
    def create(cls) -> Pens:
        mac = TestKeys().mac
        return cls(SlackCards.create(mac), TeamsCards.create(mac))

    def unused(self) -> dict[str, set[str]]:
        """The templates of each platform that nothing has rendered so far."""
        return {"slack": _unused(self.slack.templates), "teams": _unused(self.teams.templates)}


def _unused(templates: Templates) -> set[str]:
    environment = templates._environment
    assert environment.cache is not None
    return set(environment.list_templates()) - {name for _, name in environment.cache}


def everything(pens: Pens) -> list[Drawn]:
    drawn = [
        one
        for name, state in samples.states().items()
        for one in _card(pens, name, replace(state, buttons=SHARED) if state.state.is_open else state)
    ]
    drawn += _private(pens, "approver", samples.card())
    drawn += _private(pens, "settled", samples.states()["outcome"])
    for name, page in answers("quarterly churn model").items():
        drawn += _page(pens, name, page)
    return drawn


def hostile(pens: Pens, text: str) -> Iterator[Drawn]:
    """*text* in every place of every template that anything from outside reaches."""
    for name, card in (("open", samples.hostile_card(text)), ("settled", samples.hostile_settled(text))):
        yield from _card(pens, name, card)
        yield from _private(pens, name, card)
    for name, page in answers(text).items():
        yield from _page(pens, name, page)


def _card(pens: Pens, name: str, card: Card) -> Iterator[Drawn]:
    yield Drawn(name, "slack", "message", pens.slack.message(card, IN_SLACK))
    yield Drawn(name, "teams", "card", pens.teams.message(card, IN_TEAMS))


def _private(pens: Pens, name: str, card: Card) -> Iterator[Drawn]:
    """What one viewer opens from the card."""
    timeline = [TimelineLine(40 + n, samples.NOW + timedelta(minutes=n), "approved by", v.name) for n, v in enumerate(card.votes)]  # fmt: skip
    timeline = timeline or [TimelineLine(39, samples.NOW, "asked by", card.on_behalf_of or "somebody")]
    yield Drawn(f"details-{name}", "slack", "modal", pens.slack.details(card, IN_SLACK, timeline))
    yield Drawn(f"details-{name}", "teams", "card", pens.teams.details(card, timeline))
    if card.state.is_open:
        yield Drawn(f"deny-{name}", "slack", "modal", pens.slack.deny(card, IN_SLACK, "sealed"))
        if pages.hidden_fields(card):
            yield Drawn(f"reveal-{name}", "slack", "modal", pens.slack.reveal(card, IN_SLACK, "sealed"))
        yield Drawn(f"step-up-{name}", "slack", "modal", pens.slack.modal(pages.step_up_page(card)))
        yield Drawn(f"step-up-{name}", "teams", "card", pens.teams.page(pages.step_up_page(card)))


def _page(pens: Pens, name: str, page: Page) -> Iterator[Drawn]:
    yield Drawn(name, "slack", "message", pens.slack.page(page))
    yield Drawn(name, "teams", "card", pens.teams.page(page))
    if name == "revealed":
        yield Drawn(name, "slack", "modal", pens.slack.modal(page))
    if name == "inbox":
        yield Drawn("home", "slack", "home", pens.slack.home(page))


def answers(text: str) -> dict[str, Page]:
    """Every private answer, with *text* where anything from outside stands in it."""
    waiting = _item(samples.states()["pending"], text)
    decided = _item(samples.states()["denied"], text)
    inbox = Inbox((waiting, waiting), (waiting,), (decided,), (waiting,))
    frozen = Freeze(PersonId("person:ana"), samples.NOW, text)
    row = AuditRow(7, "vote.cast", samples.REQUEST, "p_1", "db.export", None, "recorded", samples.NOW, b"{}", bytes(32))  # fmt: skip
    chain = ChainState(9, bytes(32), None, 8, samples.NOW, False, text)
    mistake = parse("signoff", text)
    return {
        "inbox": pages.inbox_page(inbox, frozen, lambda item: "sealed", "https://signoff.example"),
        "empty-inbox": pages.inbox_page(Inbox((), (), (), ()), None, lambda item: "sealed", ""),
        "linked": pages.note("Linked", f"This account now belongs to {pages.name(text)}. If that is not you, tell an administrator now."),
        "escalation": pages.due_reply(replace(samples.states()["last"], escalated_to=(text or "x",)), 0, escalation_told=False),
        "reminder": pages.notice_page(samples.hostile_card(text), "Reminder: still waiting"),
        "thread": pages.notice_page(samples.hostile_settled(text), "Denied"),
        "counted": pages.result_page(samples.hostile_card(text), "Your approval counts."),
        "refused": pages.refused(Refused(Reason.SEPARATED, text)),
        "mistake": pages.help_page(Command("signoff", "help")) if isinstance(mistake, Command) else pages.mistake(mistake),
        "help": pages.help_page(Command("signoff", "help")),
        "help-one": pages.help_page(Command("audit", "help", ("search",))),
        "revealed": pages.revealed_page(samples.REQUEST, Revealed(text, text[:200], 61)),
        "policy": pages.policy_page(load_policy(POLICY)),
        "audit": pages.audit_page("The latest entries", [row], {"p_1": text}, "/audit recent 2"),
        "chain": pages.chain_page(chain, checked=True),
    }  # fmt: skip


def _item(card: Card, text: str) -> InboxItem:
    return InboxItem(
        card.request, card.version, card.state, card.action, text, card.agent, card.created_at, card.decide_by,
        card.decided_at, card.preview.hidden, 0, 2, card.state is RequestState.PENDING,
    )  # fmt: skip
