"""Card → what the request page draws. Pure. Nothing is left out, shortened or reordered; long values fold and must be opened (T14).

Decided here: what counts as long, how a masked span is marked, and which words carry a look-alike warning (T13). Deliberately
absent: what may be pressed (``Card.buttons`` says, and the desk checks).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from adapters.web.render import block, kind_words
from bot.core.preview import Card, Leaf, Preview, SeatLine
from bot.core.visible import confusable
from masking.masked import Masked

LONG_CHARS: Final = 480
LONG_LINES: Final = 10
"""What fits a screen together with its neighbours; anything longer folds and has to be opened before Approve."""

MASK: Final = re.compile(
    r"\[(?P<type>[A-Z][A-Z_]{1,40})_(?P<number>[0-9]{1,6})(?: …(?P<last>[0-9]{4}))?\]"
    r"|\b(?P<token>tok_[a-z0-9_]{1,40}_[a-z0-9]{1,8}_[a-z2-7]{16,400})"
)
"""The placeholders that ``masking.operators`` writes: type, a number that equal values share, the last four digits of some."""


@dataclass(frozen=True, slots=True)
class LeafView:
    index: int
    label: Markup
    value: Markup
    kind: str
    hidden: bool
    is_empty: bool
    is_long: bool
    chars: int
    lines: int
    kinds: tuple[tuple[str, int], ...]
    warning: Markup | None


@dataclass(frozen=True, slots=True)
class SeatView:
    group: str
    stage: int
    needed: int
    names: tuple[str, ...]
    is_open: bool
    is_full: bool


@dataclass(frozen=True, slots=True)
class CardView:
    card: Card
    leaves: tuple[LeafView, ...]
    context: tuple[LeafView, ...]
    resource: Markup
    justification: Markup
    warnings: tuple[Markup, ...]
    seats: tuple[SeatView, ...]
    stages: int
    filled: int
    needed: int
    can: frozenset[str]


def view(card: Card) -> CardView:
    """The whole card, ready to draw."""
    preview = card.preview
    leaves = tuple(_leaf(leaf) for leaf in preview.leaves)
    seats = tuple(_seat(line) for line in card.seats)
    return CardView(
        card=card,
        leaves=leaves,
        context=tuple(_leaf(leaf) for leaf in preview.context),
        resource=marked(preview.resource),
        justification=marked(preview.justification),
        warnings=_warnings(preview),
        seats=seats,
        stages=1 + max((seat.stage for seat in seats), default=0),
        filled=sum(len(seat.names) for seat in seats),
        needed=sum(seat.needed for seat in seats),
        can=frozenset(button.value for button in card.buttons),
    )


def _leaf(leaf: Leaf) -> LeafView:
    text = leaf.value.text
    lines = text.count("\n") + 1
    return LeafView(
        index=leaf.index,
        label=marked(leaf.label),
        value=marked(leaf.value),
        kind=leaf.kind,
        hidden=leaf.hidden,
        is_empty=text == "",
        is_long=len(text) > LONG_CHARS or lines > LONG_LINES,
        chars=len(text),
        lines=lines,
        kinds=leaf.value.hidden,
        warning=_warning(leaf.label) or _warning(leaf.value),
    )


def marked(text: Masked) -> Markup:
    """Masked text as HTML: each placeholder becomes a labelled bar, everything else visible, escaped text. When nothing is hidden,
    a placeholder in it was written by the agent and stays plain text: it cannot fake a mask."""
    if not text.hidden:
        return block(text.text)
    out: list[Markup] = []
    last = 0
    for match in MASK.finditer(text.text):
        out += [block(text.text[last : match.start()]), _bar(match)]
        last = match.end()
    out.append(block(text.text[last:]))
    return Markup("").join(out)


def _bar(match: re.Match[str]) -> Markup:
    if match["token"]:
        return Markup('<mark class="mask" title="replaced by a token: {}">{}</mark>').format(
            match["token"], "token"
        )
    words, number = kind_words(match["type"]), int(match["number"])
    tail = Markup("<b>…{}</b>").format(match["last"]) if match["last"] else Markup("")
    return Markup(
        '<mark class="mask" title="hidden: {words}, number {number} of this request; equal numbers hide equal values">'
        "{words}<i>{number}</i>{tail}</mark>"
    ).format(words=words, number=number, tail=tail)


def _warning(text: Masked) -> Markup | None:
    warning = confusable(text.text)
    return None if warning is None else escape(warning)


def _warnings(preview: Preview) -> tuple[Markup, ...]:
    found = [
        _warning(preview.resource),
        *(_warning(part) for leaf in preview.leaves for part in (leaf.label, leaf.value)),
    ]
    return tuple(dict.fromkeys(warning for warning in found if warning is not None))


def _seat(line: SeatLine) -> SeatView:
    return SeatView(
        line.group, line.stage, line.needed, line.names, line.is_open, len(line.names) >= line.needed
    )
