"""Structured data: every leaf masked with its key as context, one scan for the whole document.

The leaves are joined as ``key: value`` lines and scanned once; what is found is mapped back to its leaf. A key
that declares a type decides when its value is plausible. Keys are data too and are scanned apart. Deliberately
absent: the values; a document, once masked, cannot be unmasked.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from masking.errors import MaskingError
from masking.keys import KEY_SCORE, is_plausible, key_type
from masking.masked import Masked, _make
from masking.operators import Numbering, Writing, write
from masking.spans import Span, moved

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


def mask_value(engine: Engine, value: JSON, writing: Writing | None = None) -> MaskedDocument:
    leaves, keys = _flatten(value)
    found = find_in_leaves(
        engine,
        [head_of(leaf.label) for leaf in leaves],
        [leaf.text for leaf in leaves],
        [last_key(leaf.label) if leaf.kind in {"string", "number"} else None for leaf in leaves],
    )
    key_spans = _scan_keys(engine, keys)
    numbering = writing or Numbering()
    masked_keys: dict[str, Masked] = {}
    out: list[MaskedLeaf] = []
    findings: list[Finding] = []
    classes: Counter[str] = Counter()
    for number, leaf in enumerate(leaves):
        path = []
        for key in leaf.keys:
            masked = masked_keys.get(key)
            if masked is None:
                masked = masked_keys[key] = write(key, key_spans.get(key, []), numbering)
                for span in key_spans.get(key, []):
                    findings.append(Finding(leaf.pointer, span))
                    classes[span.type.lower()] += 1
            path.append(masked)
        spans = found.get(number, [])
        masked = write(leaf.text, spans, numbering)
        out.append(MaskedLeaf(leaf.pointer, tuple(path), leaf.kind, masked, bool(spans)))
        if spans:
            findings += [Finding(leaf.pointer, span) for span in spans]
            classes.update([span.type.lower() for span in spans])
    tree = _rebuild(value, iter(out), masked_keys) if found or key_spans else value
    return MaskedDocument(tuple(out), tuple(findings), tuple(sorted(classes.items())), json.dumps(tree))


def head_of(label: str) -> str:
    """What stands before a leaf's value in the text that is scanned."""
    return f"{label[-LABEL_CHARS_MAX:]}: " if label else ""


def label_of(outer: str, key: str) -> str:
    """The label of a value under *key*, itself in what the label *outer* says."""
    return f"{last_key(outer)}.{key}" if outer else key


def last_key(label: str) -> str:
    return label.rpartition(".")[2]


def find_in_leaves(
    engine: Engine, heads: list[str], texts: list[str], keys: list[str | None]
) -> dict[int, list[Span]]:
    """What is found in each leaf, by its place: one scan over all of them, a line each, under their heads.

    *keys*: the last key that a leaf stands under, empty for none, None where the leaf is never masked (``true``, ``null``).
    Leaves in which nothing is found are left out.
    """
    count = len(texts)
    parts = [""] * (3 * count)
    parts[0::3] = heads
    parts[1::3] = texts
    parts[2::3] = ["\n"] * count
    spans = engine.scan_closed("".join(parts), line_bound=True)
    found: dict[int, list[Span]] = {}
    if spans:
        ends = list(accumulate(len(head) + len(text) + 1 for head, text in zip(heads, texts, strict=True)))
        _share(spans, texts, ends, found)
    for i, key in enumerate(keys):
        if key is None:
            found.pop(i, None)
        elif key and (kind := key_type(key)) is not None:
            decided = _decided_by_key(engine, kind, texts[i], found.get(i, []))
            if decided is not None:
                found[i] = [decided]
    return found


def _share(spans: list[Span], texts: list[str], ends: list[int], found: dict[int, list[Span]]) -> None:
    """Give each span to the leaf (or leaves) whose value it covers. *ends*: where each leaf's line ends, its break counted."""
    for span in spans:
        i = bisect_right(ends, span.start + 1)
        while i < len(texts):
            size = len(texts[i])
            at = ends[i] - 1 - size
            if at >= span.end:
                break
            start, end = max(span.start - at, 0), min(span.end - at, size)
            if start < end:
                found.setdefault(i, []).append(moved(span, start, end))
            i += 1


def _decided_by_key(engine: Engine, kind: str, text: str, spans: list[Span]) -> Span | None:
    """The whole value, where its key says that it is of *kind* and nothing better was found in it."""
    if not is_plausible(kind, text) or kind in engine.config.off or not text.strip():
        return None
    if engine.allows(text) or engine.is_masked(text):
        return None
    covered = sum(s.end - s.start for s in spans)
    if (
        spans
        and (any(s.type == kind for s in spans) or covered >= len(text.strip()))
        and kind not in {"PASSWORD", "SECRET"}
    ):
        return None
    return Span(0, len(text), kind, KEY_SCORE, "key", "the key says so")


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
                        label_of(label, key),
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
            found.setdefault(key, []).append(moved(span, start, stop))
        at = end + 1
    return found


def _rebuild(node: JSON, leaves: Iterator[MaskedLeaf], keys: dict[str, Masked]) -> JSON:
    """*node* with what is shown in place of its leaves, which come in the order of the document."""
    if isinstance(node, dict) and node:
        out: dict[str, JSON] = {}
        for key, child in node.items():
            name = keys[key].text
            while name in out:
                name += "'"  # two keys must not become one
            out[name] = _rebuild(child, leaves, keys)
        return out
    if isinstance(node, list) and node:
        return [_rebuild(child, leaves, keys) for child in node]
    leaf = next(leaves)
    return leaf.value.text if leaf.hidden else node


__all__ = ["JSON", "Finding", "MaskedDocument", "MaskedLeaf", "_make", "mask_value"]
