"""Teams' limits on a card, checked on every nested element after rendering.

Sources: Teams developer documentation on Adaptive Cards (six primary actions, 28 KB per message, reports of 100 KB differ: we keep
to 24 KB), adaptivecards.io schema 1.5. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from bot.core.preview import Budget

BUDGET: Final = Budget(chars_max=6000, leaves_max=40)
CARD_BYTES_MAX: Final = 24_000
ACTIONS_MAX: Final = 6
"""Primary actions; more go to the overflow menu by ``mode: secondary``."""
ELEMENTS_MAX: Final = 300
_ELEMENTS: Final = frozenset(
    {"RichTextBlock", "TextBlock", "Container", "Input.Text", "ActionSet", "TextRun", "AdaptiveCard"}
)
_ACTIONS: Final = frozenset(
    {"Action.Execute", "Action.OpenUrl", "Action.ShowCard", "Action.Submit", "refresh"}
)


class LimitError(Exception):
    """A rendered card breaks a limit; it is not sent."""


def check_card(card: dict[str, Any]) -> None:
    """Raises ``LimitError`` naming what *card* breaks."""
    problems = []
    size = len(json.dumps(card, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size > CARD_BYTES_MAX:
        problems.append(f"{size} bytes, at most {CARD_BYTES_MAX}")
    elements = list(walk(card))
    if len(elements) > ELEMENTS_MAX:
        problems.append(f"{len(elements)} elements, at most {ELEMENTS_MAX}")
    for element in elements:
        kind = element["type"]
        if kind not in _ELEMENTS | _ACTIONS:
            problems.append(f"type {kind} is not one we use")
        if kind in ("TextRun", "TextBlock") and not element["text"]:
            problems.append(f"empty {kind}")
        if kind.startswith("Action.") and len(element.get("title", "")) > 60:
            problems.append("an action's title is longer than 60 characters")
    primary = [a for a in card.get("actions", []) if a.get("mode", "primary") == "primary"]
    if len(primary) > ACTIONS_MAX:
        problems.append(f"{len(primary)} primary actions, at most {ACTIONS_MAX}")
    if problems:
        raise LimitError("; ".join(problems[:10]))


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Every typed element, anywhere."""
    if isinstance(value, list):
        for item in value:
            yield from walk(item)
    elif isinstance(value, dict):
        if isinstance(value.get("type"), str):
            yield value
        for item in value.values():
            yield from walk(item)
