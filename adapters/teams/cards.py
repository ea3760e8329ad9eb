"""Adaptive Cards 1.5 for what ``bot.chat`` wants said. Pure; the shapes stand in ``templates/``.

Decided here: that text from outside stands only in ``TextRun``, which is literal (``TextBlock`` and ``FactSet`` read Markdown: T12),
that runs of spaces stay visible, and that the date function (read even in a ``TextRun``) cannot be called from data.
Deliberately absent: words and their order (``bot.chat.view``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapters.teams.limits import BUDGET, LimitError, check_card
from bot.chat.page import Page, fold
from bot.chat.pages import details_page
from bot.chat.seal import Click, Mac, Place, seal
from bot.chat.template import Templates
from bot.chat.view import CardView, Line, Part, Style, build
from bot.core.preview import Budget, Button, Card, TimelineLine

SMALL_BUDGET = Budget(chars_max=1500, leaves_max=10)
NO_BUDGET = Budget(chars_max=0, leaves_max=0)
VERB = "signoff"
REFRESH_USERS_MAX = 60

Json = dict[str, Any]

_FUNCTION = re.compile(r"\{\{(?=\s*(?:DATE|TIME)\b)", re.IGNORECASE)


def literal(text: str) -> str:
    """*text* so that the client shows it as it is: no date function, no spaces swallowed at the beginning or in runs."""
    unfunctioned = _FUNCTION.sub("{⟦U+007B⟧", text)
    return re.sub(r"^ | (?= )|(?<= ) ", "\u00a0", unfunctioned.replace("\t", "    "))


def runs(line: Line) -> list[Json]:
    """A line's parts as text runs. A date is written in UTC: whole and the same for everybody."""
    out: list[Json] = []
    for part in line:
        if not part.text:
            continue
        run: Json = {"type": "TextRun", "text": literal(part.text)}
        if part.style is Style.BOLD:
            run["weight"] = "Bolder"
        elif part.style is Style.CODE:
            run["fontType"] = "Monospace"
        elif part.style is Style.QUIET:
            run["isSubtle"] = True
        out.append(run)
    return out


def _labelled(line: Line, label: str) -> Line:
    return (Part(label + ": ", Style.BOLD), *line)


def _or_space(text: str) -> str:
    return literal(text) or "\u00a0"


@dataclass(frozen=True, slots=True)
class Cards:
    """Renders for Teams. *mac* signs what an action carries; see ``bot.chat.seal``."""

    mac: Mac
    templates: Templates

    @classmethod
    def create(cls, mac: Mac) -> Cards:
        templates = Templates("adapters.teams")
        templates.filters["runs"] = runs
        templates.filters["labelled"] = _labelled
        templates.filters["literal"] = _or_space
        return cls(mac, templates)

    def view(self, card: Card, place: Place, budget: Budget = BUDGET) -> CardView:
        def sealed(button: Button) -> str:
            return seal(self.mac, place, Click(card.request, card.version, button))

        return build(card, budget, sealed)

    def message(self, card: Card, place: Place, refresh_for: Sequence[str] = ()) -> Json:
        """The card at *place*; collapsed when settled. *refresh_for*: Teams ids whose clients fetch their own view of it."""
        return self._fitted(card, place, refresh_for)[0]

    def shows_whole(self, card: Card, place: Place) -> bool:
        """Whether the message shows every leaf: what an approval from here is worth (T14)."""
        return self._fitted(card, place, ())[1].complete

    def _fitted(self, card: Card, place: Place, refresh_for: Sequence[str]) -> tuple[Json, CardView]:
        for budget in (BUDGET, SMALL_BUDGET):
            try:
                return self._message(card, place, budget, refresh_for)
            except LimitError:
                continue
        return self._message(card, place, NO_BUDGET, refresh_for)

    def _message(
        self, card: Card, place: Place, budget: Budget, refresh_for: Sequence[str]
    ) -> tuple[Json, CardView]:
        view = self.view(card, place, budget)
        message = self.templates.render(
            "card.json.j2" if view.is_open else "settled.json.j2",
            view=view,
            refresh=seal(self.mac, place, Click(card.request, card.version, Button.DETAILS)),
            refresh_for=list(refresh_for[:REFRESH_USERS_MAX]),
            decide_by=card.decide_by.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        check_card(message)
        return message, view

    def details(self, card: Card, timeline: Sequence[TimelineLine]) -> Json:
        """Everything that fits a card, without buttons that decide: those are on the message."""
        page = details_page(card, timeline[-10:])
        try:
            return self.page(page)
        except LimitError:
            short = replace(
                page,
                sections=tuple(s for s in page.sections if not s.leaves),
                note="The fields do not fit here; open the console.",
            )
            return self.page(short)

    def page(self, page: Page) -> Json:
        """A private answer as a card."""
        card = self.templates.render("page.json.j2", page=fold(page))
        check_card(card)
        return card
