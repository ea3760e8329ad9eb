"""The frozen preview: from what masking found to the text that is stored, hashed and later drawn (I4, I14).

``freeze`` runs once, at intake. What it writes is what every surface shows, for ever: a later change of the masking rules
changes nothing that people already approved. ``thaw`` refuses a text whose hash is not the one that was journalled.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from bot.core.ids import Digest
from bot.core.preview import Leaf, Preview, order
from masking.document import MaskedDocument, MaskedLeaf
from masking.masked import Masked, restore

DOMAIN: Final = b"signoff/preview/v1\x00"
LABEL_JOIN: Final = " › "

Hidden = tuple[tuple[str, int], ...]
_Row = tuple[tuple[str, Hidden], str, tuple[str, Hidden], bool, int]


class _Text(msgspec.Struct, array_like=True, frozen=True):
    text: str
    hidden: Hidden


class _Leaf(msgspec.Struct, array_like=True, frozen=True):
    label: _Text
    kind: str
    value: _Text
    hidden: bool
    index: int


class _Document(msgspec.Struct, frozen=True):
    resource: _Text
    leaves: tuple[_Leaf, ...]
    hidden: Hidden
    payload_bytes: int
    justification: _Text
    context: tuple[_Leaf, ...]
    v: int = 1


_DECODER: Final = msgspec.json.Decoder(_Document)
_ENCODER: Final = msgspec.json.Encoder()
_EMPTY: Final = restore("")


def preview_hash(document: str) -> Digest:
    """``sha256:`` over the frozen text, domain-separated."""
    return Digest("sha256:" + hashlib.sha256(DOMAIN + document.encode()).hexdigest())


def freeze(
    masked: MaskedDocument, payload_bytes: int, show: tuple[str, ...]
) -> tuple[str, tuple[str, ...], str, int]:
    """``{"payload", "justification", "context"}`` as masked, frozen: the preview as JSON text (equal previews give equal bytes), the
    pointers of all leaves by index (they may hold personal data: seal them with the body), the resource's masked id, and how many
    leaves the payload has."""
    # From plain tuples, in the order of ``_Document``: no object is made for a row that lives only until it is encoded.
    payload: list[_Row] = []
    payload_pointers: list[str] = []
    context: list[_Row] = []
    resource = justification = _EMPTY
    for index, leaf in enumerate(masked.leaves):
        pointer, value = leaf.pointer, leaf.value
        root, _, _ = pointer[1:].partition("/")
        if root == "justification":
            justification = value
            continue
        row = (_label(leaf), leaf.kind, (value.text, value.hidden), leaf.hidden, index)
        if root == "context":
            context.append(row)
            continue
        payload.append(row)
        payload_pointers.append(pointer.removeprefix("/payload"))
        if pointer == "/payload/resource/id":
            resource = value
    document = {
        "resource": _pair(resource),
        "leaves": order(payload, payload_pointers, show),
        "hidden": masked.classes,
        "payload_bytes": payload_bytes,
        "justification": _pair(justification),
        "context": context,
        "v": 1,
    }
    text = _ENCODER.encode(document).decode()
    return text, tuple([leaf.pointer for leaf in masked.leaves]), resource.text, len(payload)


def thaw(document: str, expected: Digest) -> Preview:
    """The preview again. ValueError when *document* is not the text whose hash is *expected*."""
    if preview_hash(document) != expected:
        raise ValueError("the stored preview is not the one that was hashed")
    row = _DECODER.decode(document)
    return Preview(
        _restored(row.resource),
        tuple(_back(leaf) for leaf in row.leaves),
        row.hidden,
        row.payload_bytes,
        _restored(row.justification),
        tuple(_back(leaf) for leaf in row.context),
    )


def _label(leaf: MaskedLeaf) -> tuple[str, Hidden]:
    """The text and the hidden of a leaf's label: its path below the root."""
    parts = leaf.path[1:]
    if len(parts) == 1:
        return parts[0].text, parts[0].hidden
    texts: list[str] = []
    hidden: list[tuple[str, int]] = []
    for part in parts:
        texts.append(part.text)
        hidden += part.hidden
    return LABEL_JOIN.join(texts), tuple(hidden)


def _pair(masked: Masked) -> tuple[str, Hidden]:
    return masked.text, masked.hidden


def _restored(text: _Text) -> Masked:
    return restore(text.text, text.hidden)


def _back(row: _Leaf) -> Leaf:
    return Leaf(_restored(row.label), row.kind, _restored(row.value), row.hidden, row.index)
