"""Structured data: every leaf masked with its key as context, one scan for the whole document.

The leaves are joined as ``key: value`` lines and scanned once; what is found is mapped back to its leaf. A key
that declares a type decides when its value is plausible. Keys are data too and are scanned apart. Deliberately
absent: the values; a document, once masked, cannot be unmasked.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from masking.errors import MaskingError
from masking.keys import KEY_SCORE, key_decides
from masking.masked import Masked, _make
from masking.operators import Numbering, Writing, write
from masking.spans import Span

if TYPE_CHECKING:
    from masking.engine import Engine

JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | int | float | bool | None"
Kind = Literal["string", "number", "boolean", "null", "empty_object", "empty_array"]

DEPTH_MAX: Final = 200
"""Deeper than any real payload; RFC 8259 section 9 lets an implementation set a limit."""
LEAVES_MAX: Final = 1_000_000
LABEL_CHARS_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class Finding:
    """Where (in the original document) what was found; offsets are into the leaf's text. Never the value."""

    pointer: str
    span: Span


@dataclass(frozen=True, slots=True)
class MaskedLeaf:
    """One leaf in document order. ``pointer`` is RFC 6901 of the original; ``path`` its keys, masked."""

    pointer: str
    path: tuple[Masked, ...]
    kind: Kind
    value: Masked
    hidden: bool


@dataclass(frozen=True, slots=True)
class MaskedDocument:
    """``classes`` are lower-case type names with counts, sorted by name.

    Pointers are of the original and so may hold what the masked path hides: show ``path``, keep ``pointer``.
    """

    leaves: tuple[MaskedLeaf, ...]
    findings: tuple[Finding, ...]
    classes: tuple[tuple[str, int], ...]
    _json: str = field(default="null", repr=False)

    @property
    def hidden_count(self) -> int:
        return sum(count for _, count in self.classes)

    def to_json(self) -> JSON:
        """The same shape, masked strings in place of what was hidden; made anew at each call."""
        value: JSON = json.loads(self._json)
        return value


@dataclass(slots=True)
class _Leaf:
    pointer: str
    keys: tuple[str, ...]
    kind: Kind
    text: str
    label: str
    start: int = 0
    spans: list[Span] = field(default_factory=list)


def mask_value(engine: Engine, value: JSON, writing: Writing | None = None) -> MaskedDocument:
    leaves, keys = _flatten(value)
    _scan_leaves(engine, leaves)
    key_spans = _scan_keys(engine, keys)
    numbering = writing or Numbering()
    masked_keys: dict[str, Masked] = {}
    out: list[MaskedLeaf] = []
    findings: list[Finding] = []
    classes: Counter[str] = Counter()
    shown: dict[str, JSON] = {}
    for leaf in leaves:
        path = []
        for key in leaf.keys:
            masked = masked_keys.get(key)
            if masked is None:
                masked = masked_keys[key] = write(key, key_spans.get(key, []), numbering)
                for span in key_spans.get(key, []):
                    findings.append(Finding(leaf.pointer, span))
                    classes[span.type.lower()] += 1
            path.append(masked)
        masked = write(leaf.text, leaf.spans, numbering)
        out.append(MaskedLeaf(leaf.pointer, tuple(path), leaf.kind, masked, bool(leaf.spans)))
        if leaf.spans:
            findings += [Finding(leaf.pointer, span) for span in leaf.spans]
            classes.update([span.type.lower() for span in leaf.spans])
            shown[leaf.pointer] = masked.text
    tree = _rebuild(value, "", shown, masked_keys)
    return MaskedDocument(tuple(out), tuple(findings), tuple(sorted(classes.items())), json.dumps(tree))


def _flatten(value: JSON) -> tuple[list[_Leaf], list[str]]:
    """Leaves in document order, and all distinct keys. An explicit stack: depth is data."""
    leaves: list[_Leaf] = []
    keys: dict[str, None] = {}
    stack: list[tuple[JSON, str, tuple[str, ...], str]] = [(value, "", (), "")]
    while stack:
        node, pointer, path, label = stack.pop()
        if len(path) > DEPTH_MAX:
            raise MaskingError("the document is nested too deeply")
        if isinstance(node, dict) and node:
            children = []
            for key, child in node.items():
                if not isinstance(key, str):
                    raise MaskingError("a key of the document is not text")
                keys[key] = None
                children.append(
                    (
                        child,
                        f"{pointer}/{_escape(key)}",
                        (*path, key),
                        f"{label.rpartition('.')[2]}.{key}" if label else key,
                    )
                )
            stack.extend(reversed(children))
        elif isinstance(node, list) and node:
            stack.extend(
                (node[i], f"{pointer}/{i}", (*path, str(i)), label) for i in range(len(node) - 1, -1, -1)
            )
        else:
            kind, text = _leaf_text(node)
            leaves.append(_Leaf(pointer, path, kind, text, label))
            if len(leaves) > LEAVES_MAX:
                raise MaskingError("the document has too many leaves")
    return leaves, list(keys)


def _leaf_text(node: JSON) -> tuple[Kind, str]:
    if isinstance(node, str):
        return "string", node
    if node is None:
        return "null", "null"
    if isinstance(node, bool):
        return "boolean", "true" if node else "false"
    if isinstance(node, (int, float)):
        try:
            return "number", repr(node)
        except ValueError:
            raise MaskingError("a number of the document is too long") from None
    if isinstance(node, dict):
        return "empty_object", "{}"
    if isinstance(node, list):
        return "empty_array", "[]"
    raise MaskingError("the document holds something that is not JSON")


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _last_key(label: str) -> str:
    return label.rpartition(".")[2]


def _scan_leaves(engine: Engine, leaves: list[_Leaf]) -> None:
    parts: list[str] = []
    at = 0
    for leaf in leaves:
        head = f"{leaf.label[-LABEL_CHARS_MAX:]}: " if leaf.label else ""
        parts += (head, leaf.text, "\n")
        leaf.start = at + len(head)
        at = leaf.start + len(leaf.text) + 1
    _share(engine.scan_closed("".join(parts), line_bound=True), leaves)
    for leaf in leaves:
        if leaf.kind not in {"string", "number"}:
            leaf.spans = []
        elif leaf.label:
            _decide_by_key(engine, leaf)


def _share(spans: list[Span], leaves: list[_Leaf]) -> None:
    """Give each span to the leaf (or leaves) whose value it covers."""
    i = 0
    for span in spans:
        while i < len(leaves) and leaves[i].start + len(leaves[i].text) <= span.start:
            i += 1
        j = i
        while j < len(leaves) and leaves[j].start < span.end:
            leaf = leaves[j]
            start, end = max(span.start - leaf.start, 0), min(span.end - leaf.start, len(leaf.text))
            if start < end:
                leaf.spans.append(Span(start, end, span.type, span.score, span.rule, span.reason))
            j += 1


def _decide_by_key(engine: Engine, leaf: _Leaf) -> None:
    kind = key_decides(_last_key(leaf.label), leaf.text)
    if kind is None or kind in engine.config.off or not leaf.text.strip():
        return
    if engine.allows(leaf.text) or engine.is_masked(leaf.text):
        return
    covered = sum(s.end - s.start for s in leaf.spans)
    if (
        leaf.spans
        and (any(s.type == kind for s in leaf.spans) or covered >= len(leaf.text.strip()))
        and kind not in {"PASSWORD", "SECRET"}
    ):
        return
    leaf.spans = [Span(0, len(leaf.text), kind, KEY_SCORE, "key", "the key says so")]


def _scan_keys(engine: Engine, keys: list[str]) -> dict[str, list[Span]]:
    """Spans inside keys. An identifier is no name: a person or place in a key needs a blank in it."""
    if not keys:
        return {}
    joined = "\n".join(keys)
    found: dict[str, list[Span]] = {}
    spans = engine.scan_closed(joined, line_bound=True)
    at = 0
    i = 0
    for key in keys:
        end = at + len(key)
        while i < len(spans) and spans[i].start < end + 1:
            span = spans[i]
            i += 1
            start, stop = max(span.start - at, 0), min(span.end, end) - at
            if start >= stop or (span.type in {"PERSON", "LOCATION", "USERNAME"} and " " not in key):
                continue
            found.setdefault(key, []).append(Span(start, stop, span.type, span.score, span.rule, span.reason))
        at = end + 1
    return found


def _rebuild(node: JSON, pointer: str, shown: dict[str, JSON], keys: dict[str, Masked]) -> JSON:
    if isinstance(node, dict) and node:
        out: dict[str, JSON] = {}
        for key, child in node.items():
            name = keys[key].text
            while name in out:
                name += "'"  # two keys must not become one
            out[name] = _rebuild(child, f"{pointer}/{_escape(key)}", shown, keys)
        return out
    if isinstance(node, list) and node:
        return [_rebuild(child, f"{pointer}/{i}", shown, keys) for i, child in enumerate(node)]
    return shown.get(pointer, node)


__all__ = ["JSON", "Finding", "MaskedDocument", "MaskedLeaf", "_make", "mask_value"]
