"""Independent readers of what a client would make of a rendered message: mentions, links, formats, images, actions.

Written from the platforms' documentation and not from our templates: they know every element that *could* act, ours or not.
Sources: docs.slack.dev "Formatting message text" and the rich_text reference; adaptivecards.io schema explorer and Teams'
"Format cards" page (Markdown subset of TextBlock and Fact, DATE and TIME functions in every text).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_SLACK_ANGLE = re.compile(r"<([^<>\n]+)>")
_URL = re.compile(r"(?:https?|slack|tel|javascript|mailto):\S+", re.IGNORECASE)
_MARKDOWN_LINK = re.compile(r"!?\[[^\]]*\]\([^)]*\)")
_MARKDOWN = re.compile(r"\*\*.+?\*\*|(?<!\w)[*_]\S.*?\S?[*_](?!\w)|^\s*(?:[-*+]|\d+\.)\s", re.MULTILINE)
_FUNCTION = re.compile(r"\{\{\s*(DATE|TIME)\(", re.IGNORECASE)
_SLACK_ACTING = {"link", "user", "channel", "usergroup", "broadcast", "emoji", "team", "color"}


def slack_effects(value: Any) -> Iterator[str]:
    """Everything in a Slack payload that does more than show letters."""
    if isinstance(value, list):
        for item in value:
            yield from slack_effects(item)
        return
    if not isinstance(value, dict):
        return
    kind = value.get("type")
    if kind in _SLACK_ACTING:
        yield f"{kind}:{value}"
    if kind == "mrkdwn":
        yield from slack_mrkdwn(value["text"])
    if kind == "plain_text" and value.get("emoji", True):
        yield from (f"emoji:{m}" for m in re.findall(r":[a-z0-9_+-]+:", value["text"]))
    if kind in ("image", "video", "file", "markdown"):
        yield f"{kind}"
    if kind in ("button", "overflow", "static_select", "workflow_button", "checkboxes"):
        yield f"action:{value.get('action_id')}:{value.get('url', '')}"
    if "blocks" in value and isinstance(value.get("text"), str):
        yield from slack_mrkdwn(value["text"])
    if "attachments" in value:
        yield "attachments"
    for item in value.values():
        yield from slack_effects(item)


def slack_mrkdwn(text: str) -> Iterator[str]:
    yield from (f"angle:{m}" for m in _SLACK_ANGLE.findall(text))
    yield from (f"url:{m}" for m in _URL.findall(text))
    yield from (f"format:{m}" for m in re.findall(r"(?<!\w)([*_~`])\S.*?\1", text))
    if re.search(r"^(?:>|&gt;)", text, re.MULTILINE):
        yield "quote"
    yield from (f"mention:{m}" for m in re.findall(r"@(?:here|channel|everyone)\b", text))


def teams_effects(value: Any) -> Iterator[str]:
    """Everything in an Adaptive Card that does more than show letters."""
    if isinstance(value, list):
        for item in value:
            yield from teams_effects(item)
        return
    if not isinstance(value, dict):
        return
    kind = value.get("type", "")
    if kind in ("TextBlock", "FactSet", "Fact") or ("title" in value and "value" in value and not kind):
        for text in (value.get("text"), value.get("title"), value.get("value")):
            if isinstance(text, str):
                yield from markdown_effects(text)
    if kind == "TextRun":
        yield from (f"function:{m}" for m in _FUNCTION.findall(value["text"]))
    if kind in ("Image", "Media", "ImageSet") or "backgroundImage" in value:
        yield kind or "background"
    if isinstance(kind, str) and kind.startswith("Action."):
        yield f"action:{kind}:{value.get('title', '')}:{value.get('url', '')}"
    if "selectAction" in value:
        yield "selectAction"
    if "entities" in value:
        yield "mention"
    for item in value.values():
        yield from teams_effects(item)


def markdown_effects(text: str) -> Iterator[str]:
    yield from (f"link:{m}" for m in _MARKDOWN_LINK.findall(text))
    yield from (f"format:{m}" for m in _MARKDOWN.findall(text))
    yield from (f"url:{m}" for m in _URL.findall(text))
    yield from (f"at:{m}" for m in re.findall(r"</?at\b[^>]*>", text))


def slack_words(value: Any) -> str:
    """All letters that a Slack payload shows, in order, without separators."""
    return "\x00".join(_texts(value, {"text", "plain_text"}))


def teams_words(value: Any) -> str:
    return "\x00".join(_texts(value, {"TextRun", "TextBlock"})).replace("\u00a0", " ")


def _texts(value: Any, kinds: set[str]) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _texts(item, kinds)
    elif isinstance(value, dict):
        if value.get("type") in kinds and isinstance(value.get("text"), str):
            yield value["text"]
        for key, item in value.items():
            if key != "confirm":
                yield from _texts(item, kinds)
