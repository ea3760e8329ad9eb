"""Slack's JSON for what ``bot.chat`` wants said: messages, modals, App Home. Pure; the shapes stand in ``templates/``.

Decided here: that text from outside stands only in ``rich_text`` text elements and ``plain_text`` objects, which Slack shows
literally (no mention, link, format or shortcode is read from them: T12), and that what was rendered is checked against
Slack's limits. Deliberately absent: words and their order (``bot.chat.view``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.slack.limits import BUDGET, LimitError, check_message, check_view
from bot.chat.page import Page, fold
from bot.chat.pages import details_page, hidden_fields
from bot.chat.seal import Click, Mac, Place, seal
from bot.chat.template import Templates
from bot.chat.view import CardView, LeafView, Line, Part, Style, build
from bot.core.preview import Budget, Button, Card, TimelineLine

METADATA_EVENT = "signoff_request"
SMALL_BUDGET = Budget(chars_max=1500, leaves_max=10)
NO_BUDGET = Budget(chars_max=0, leaves_max=0)

Json = dict[str, Any]


def elements(line: Line) -> list[Json]:
    """A line's parts as rich text elements. A date is Slack's own element, shown in the reader's zone."""
    return [element for part in line if (element := _element(part.text, part.style, part.timestamp))]


def _element(text: str, style: Style, timestamp: int) -> Json | None:
    if not text:
        return None
    if style is Style.DATE:
        return {
            "type": "date",
            "timestamp": timestamp,
            "format": "{date_short_pretty} at {time}",
            "fallback": text,
        }
    element: Json = {"type": "text", "text": text}
    if style is Style.BOLD:
        element["style"] = {"bold": True}
    elif style is Style.CODE:
        element["style"] = {"code": True}
    elif style is Style.QUIET:
        element["style"] = {"italic": True}
    return element


def joined(lines: Iterable[Line]) -> list[Json]:
    """Lines of one section, line feeds between them: clients differ in whether two sections stand on two lines."""
    out: list[Json] = []
    for line in lines:
        if out:
            out.append({"type": "text", "text": "\n"})
        out += elements(line)
    return out


def leaf_elements(leaves: Iterable[LeafView]) -> list[Json]:
    """Fields as rich text: short ones share a section, one a line; a long value has a block of its own."""
    out: list[Json] = []
    short: list[Line] = []

    def close() -> None:
        if short:
            out.append({"type": "rich_text_section", "elements": joined(short)})
            short.clear()

    for leaf in leaves:
        if not leaf.is_block:
            short.append((Part(leaf.label, Style.BOLD), Part("  "), Part(leaf.text, Style.CODE)))
            continue
        short.append((Part(leaf.label, Style.BOLD),))
        close()
        block = [{"type": "text", "text": leaf.text}]
        out.append({"type": "rich_text_preformatted", "border": 0, "elements": block})
    close()
    return out


def _labelled(facts: Iterable[tuple[str, Line]]) -> list[Line]:
    return [(Part(label + "  ", Style.BOLD), *line) for label, line in facts]


@dataclass(frozen=True, slots=True)
class Cards:
    """Renders for Slack. *mac* signs buttons; see ``bot.chat.seal``."""

    mac: Mac
    templates: Templates

    @classmethod
    def create(cls, mac: Mac) -> Cards:
        templates = Templates("adapters.slack")
        templates.filters["elements"] = elements
        templates.filters["joined"] = joined
        templates.filters["fields"] = leaf_elements
        templates.filters["labelled"] = _labelled
        return cls(mac, templates)

    def view(self, card: Card, place: Place, budget: Budget = BUDGET) -> CardView:
        def sealed(button: Button) -> str:
            return seal(self.mac, place, Click(card.request, card.version, button))

        return build(card, budget, sealed)

    def message(self, card: Card, place: Place) -> Json:
        """``text``, ``blocks`` and ``metadata`` of the card at *place*; collapsed when settled."""
        return self._fitted(card, place)[0]

    def shows_whole(self, card: Card, place: Place) -> bool:
        """Whether the message shows every leaf: what an approval from here is worth (T14)."""
        return self._fitted(card, place)[1].complete

    def _fitted(self, card: Card, place: Place) -> tuple[Json, CardView]:
        """The message in the largest budget that Slack takes. A smaller one shows less and says so, without Approve."""
        for budget in (BUDGET, SMALL_BUDGET):
            try:
                return self._message(self.view(card, place, budget))
            except LimitError:
                continue
        return self._message(self.view(card, place, NO_BUDGET))

    def _message(self, view: CardView) -> tuple[Json, CardView]:
        message = self.templates.render("card.json.j2" if view.is_open else "settled.json.j2", view=view)
        check_message(message)
        return message, view

    def page(self, page: Page) -> Json:
        """A private answer: ``text`` and ``blocks``."""
        message = self.templates.render("page.json.j2", page=fold(page))
        check_message(message)
        return message

    def modal(self, page: Page) -> Json:
        view = self.templates.render("modal.json.j2", page=fold(page))
        check_view(view)
        return view

    def details(self, card: Card, place: Place, timeline: Sequence[TimelineLine]) -> Json:
        """The viewer's own dialog. It carries Approve only where a message of the same card would (T14)."""
        whole = self.shows_whole(card, place)
        view = self.view(card, place)
        buttons = [b for b in view.buttons if whole or b.kind != Button.APPROVE.value]
        kept = [b for b in buttons if b.kind != Button.DETAILS.value]
        return self.modal(details_page(card, timeline, kept))

    def home(self, page: Page) -> Json:
        view = self.templates.render("home.json.j2", page=fold(page))
        check_view(view)
        return view

    def reveal(self, card: Card, place: Place, metadata: str) -> Json:
        """The dialog that asks which value and what for; ``private_metadata`` as in ``deny``. No value is in it."""
        view = self.templates.render(
            "reveal.json.j2", view=self.view(card, place), fields=hidden_fields(card), metadata=metadata
        )
        check_view(view)
        return view

    def deny(self, card: Card, place: Place, metadata: str) -> Json:
        """The dialog that asks for a reason. ``private_metadata`` holds the sealed click and where it was made: ids alone."""
        view = self.templates.render("deny.json.j2", view=self.view(card, place), metadata=metadata)
        check_view(view)
        return view
