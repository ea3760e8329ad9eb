"""The frozen preview the long way: the preview first, as people see it, and then its text. What ``preview_codec.freeze`` is held to."""

from __future__ import annotations

import json
from typing import Any

from bot.core.preview import Leaf, Preview, order
from bot.core.preview_codec import LABEL_JOIN
from masking.document import MaskedDocument, MaskedLeaf
from masking.masked import Masked, restore


def build(
    masked: MaskedDocument, payload_bytes: int, show: tuple[str, ...]
) -> tuple[Preview, tuple[str, ...]]:
    """The preview of ``{"payload", "justification", "context"}`` as masked, and the pointers of all its leaves by index."""
    payload: list[Leaf] = []
    payload_pointers: list[str] = []
    context: list[Leaf] = []
    resource = justification = restore("")
    for index, leaf in enumerate(masked.leaves):
        root, _, _ = leaf.pointer[1:].partition("/")
        if root == "justification":
            justification = leaf.value
        elif root == "context":
            context.append(_leaf(leaf, index))
        else:
            payload.append(_leaf(leaf, index))
            payload_pointers.append(leaf.pointer.removeprefix("/payload"))
        if leaf.pointer == "/payload/resource/id":
            resource = leaf.value
    leaves = order(payload, payload_pointers, show)
    preview = Preview(resource, leaves, masked.classes, payload_bytes, justification, tuple(context))
    return preview, tuple(leaf.pointer for leaf in masked.leaves)


def frozen(preview: Preview) -> str:
    """*preview* as JSON text."""
    document = {
        "resource": _pair(preview.resource),
        "leaves": [_row(leaf) for leaf in preview.leaves],
        "hidden": preview.hidden,
        "payload_bytes": preview.payload_bytes,
        "justification": _pair(preview.justification),
        "context": [_row(leaf) for leaf in preview.context],
        "v": 1,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _leaf(leaf: MaskedLeaf, index: int) -> Leaf:
    parts = leaf.path[1:]
    if len(parts) == 1:
        return Leaf(parts[0], leaf.kind, leaf.value, leaf.hidden, index)
    hidden = tuple(pair for part in parts for pair in part.hidden)
    label = restore(LABEL_JOIN.join([part.text for part in parts]), hidden)
    return Leaf(label, leaf.kind, leaf.value, leaf.hidden, index)


def _pair(masked: Masked) -> list[Any]:
    return [masked.text, masked.hidden]


def _row(leaf: Leaf) -> list[Any]:
    return [_pair(leaf.label), leaf.kind, _pair(leaf.value), leaf.hidden, leaf.index]
