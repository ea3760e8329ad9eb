"""Slack's documented limits, checked on every nested element after rendering: what does not fit is a bug here, not an error there.

Source: Block Kit reference (docs.slack.dev/reference/block-kit), slack_sdk 3.47 models and @slack/types 3.2.0. The SDK checks the
top level alone, so a button's 76-character label passes it; this looks everywhere. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from bot.core.preview import Budget

BUDGET: Final = Budget(chars_max=6000, leaves_max=40)
"""What a message shows whole. Slack names no limit for rich text in one message; all text of one message together is refused
somewhere above 12,000 characters (``msg_blocks_too_long``), so half of that is for the payload."""

MESSAGE_BLOCKS_MAX: Final = 50
VIEW_BLOCKS_MAX: Final = 100
MESSAGE_CHARS_MAX: Final = 12_000
VIEW_CHARS_MAX: Final = 60_000
_TEXT_MAX: Final = {"header": 150, "section": 3000, "context": 2000, "button": 75, "rich_text": 3000}
_BLOCKS: Final = frozenset({"header", "section", "context", "actions", "divider", "input", "rich_text"})
"""The blocks we use, all of them allowed in messages, modals and App Home (``input`` in views alone)."""


class LimitError(Exception):
    """A rendered message breaks a limit; it is not sent."""


def check_message(message: dict[str, Any]) -> None:
    """Raises ``LimitError`` naming every limit that *message* (``text``, ``blocks``) breaks."""
    problems = list(_blocks(message["blocks"], MESSAGE_BLOCKS_MAX, MESSAGE_CHARS_MAX, in_view=False))
    problems += list(_longer(message["text"], 3000, "text"))
    _raise(problems)


def check_view(view: dict[str, Any]) -> None:
    """The same for a modal or App Home."""
    problems = list(_blocks(view["blocks"], VIEW_BLOCKS_MAX, VIEW_CHARS_MAX, in_view=True))
    for key in ("title", "submit", "close"):
        if key in view:
            problems += list(_longer(view[key]["text"], 24, key))
    problems += list(_longer(view.get("private_metadata", ""), 3000, "private_metadata"))
    problems += list(_longer(view.get("callback_id", ""), 255, "callback_id"))
    _raise(problems)


def _raise(problems: list[str]) -> None:
    if problems:
        raise LimitError("; ".join(problems[:10]))


def _longer(value: str, most: int, where: str) -> Iterator[str]:
    if len(value) > most:
        yield f"{where}: {len(value)} characters, at most {most}"


def _blocks(blocks: list[dict[str, Any]], blocks_max: int, chars_max: int, *, in_view: bool) -> Iterator[str]:
    if not 1 <= len(blocks) <= blocks_max:
        yield f"{len(blocks)} blocks, 1 to {blocks_max}"
    chars = sum(len(value) for value in texts(blocks))
    if chars > chars_max:
        yield f"{chars} characters of text in all, at most {chars_max}"
    for index, block in enumerate(blocks):
        where = f"blocks[{index}]"
        if block["type"] not in _BLOCKS or (block["type"] == "input" and not in_view):
            yield f"{where}: type {block['type']} does not belong here"
        yield from _block(block, where)


def _block(block: dict[str, Any], where: str) -> Iterator[str]:
    kind = block["type"]
    yield from _longer(block.get("block_id", ""), 255, f"{where}.block_id")
    if kind in ("header", "section"):
        yield from _text(block["text"], _TEXT_MAX[kind], where)
    elif kind == "context":
        yield from _count(block["elements"], 10, where)
        for element in block["elements"]:
            yield from _text(element, _TEXT_MAX["context"], where)
    elif kind == "actions":
        yield from _count(block["elements"], 25, where)
        for element in block["elements"]:
            yield from _button(element, where)
    elif kind == "input":
        yield from _text(block["label"], 2000, where)
        element = block["element"]
        if element["type"] == "static_select":
            yield from _count(element["options"], 100, f"{where}.options")
            for option in element["options"]:
                yield from _text(option["text"], 75, f"{where}.option")
                yield from _longer(option["value"], 150, f"{where}.option.value")
        if not 0 < element.get("max_length", 3000) <= 3000:
            yield f"{where}: max_length {element['max_length']}"
    elif kind == "rich_text":
        yield from _rich(block["elements"], where)


def _rich(elements: list[dict[str, Any]], where: str) -> Iterator[str]:
    yield from _count(elements, 200, where)
    for element in elements:
        yield from _count(element["elements"], 400, where)
        for leaf in element["elements"]:
            if leaf["type"] == "text":
                yield from _filled(leaf["text"], _TEXT_MAX["rich_text"], f"{where}.{element['type']}")


def _button(button: dict[str, Any], where: str) -> Iterator[str]:
    yield from _text(button["text"], _TEXT_MAX["button"], f"{where}.button")
    yield from _longer(button.get("value", ""), 2000, f"{where}.value")
    yield from _longer(button.get("url", ""), 3000, f"{where}.url")
    yield from _longer(button.get("action_id", ""), 255, f"{where}.action_id")
    yield from _longer(button.get("accessibility_label", ""), 75, f"{where}.accessibility_label")
    if confirm := button.get("confirm"):
        for key, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            yield from _text(confirm[key], most, f"{where}.confirm.{key}")


def _text(element: dict[str, Any], most: int, where: str) -> Iterator[str]:
    yield from _filled(element["text"], most, where)


def _filled(value: str, most: int, where: str) -> Iterator[str]:
    if not value:
        yield f"{where}: empty text"
    yield from _longer(value, most, where)


def _count(elements: list[Any], most: int, where: str) -> Iterator[str]:
    if not 1 <= len(elements) <= most:
        yield f"{where}: {len(elements)} elements, 1 to {most}"


def texts(value: Any) -> Iterator[str]:
    """Every string under a ``text`` key, anywhere."""
    if isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "text" and isinstance(item, str):
                yield item
            else:
                yield from texts(item)
