"""YAML as policies and settings may use it: one document, plain maps, lists and scalars, each key once.

Decided here: what is refused before anything is built, and which line every value stands on. Anchors, aliases, tags,
merge keys, directives, a second document, a repeated key and anything deeper or larger than the limits are refused
while the parser's events stream by, so a bomb costs no more than its own bytes (T23). A plain scalar is null, true,
false, a number written in the JSON way, or text; ``yes``, ``on``, ``010``, ``.inf`` and the like mean different things
to different readers, so they are refused instead of guessed at. Direction-changing characters are refused anywhere:
what a reviewer reads must be what is loaded (CVE-2021-42574).

Deliberately absent: any schema, any file. Source of the scalar rules: YAML 1.2.2 section 10.2 (JSON schema).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

BYTES_MAX: Final = 1024 * 1024
"""T23. A policy of a thousand rules is about 300 KiB."""
DEPTH_MAX: Final = 20
"""T23. The deepest legal policy or configuration has 7 levels."""
INT_MAX: Final = 2**53 - 1
"""Whole numbers past this are not the same number for every reader (RFC 7493 section 2.2)."""

Key = str | int
Path = tuple[Key, ...]

_INT: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?(?:[eE][-+]?[0-9]{1,2})?")
_WORDS: Final[Mapping[str, bool | None]] = {"": None, "~": None, "null": None, "true": True, "false": False}
_DOUBTFUL_WORDS: Final = frozenset(
    form
    for word in ("yes", "no", "on", "off", "true", "false", "null")
    for form in (word, word.title(), word.upper())
) - frozenset({"true", "false", "null"})
_DOUBTFUL_NUMBER: Final = re.compile(
    r"[-+]?(?:0[0-9_]+|0[xob][0-9A-Fa-f_]+|[0-9][0-9_]*_[0-9_]*|\.(?:inf|Inf|INF|nan|NaN|NAN))|\+[0-9.]+"
)
_DIRECTION: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class YamlError(ValueError):
    """The text is refused. ``line`` counts from 1; ``what`` says what is wrong and what to write instead."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line
        self.what = what


@dataclass(frozen=True, slots=True)
class Document:
    """What was read. ``value`` is made of dict, list, str, int, float, bool and None only."""

    value: Any
    source: str
    lines: Mapping[Path, int] = field(repr=False)
    spans: Mapping[Path, tuple[int, int]] = field(repr=False)

    def line(self, path: Path) -> int:
        """The line of *path*, or of the nearest parent that stands in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def text(self, path: Path) -> str:
        """*path* as it stands in the file, its indentation taken off."""
        start, end = self.spans[path]
        column = start - (self.source.rfind("\n", 0, start) + 1)
        first, *rest = self.source[start:end].rstrip().split("\n")
        return "\n".join([first, *(line[column:] if line[:column].isspace() else line for line in rest)])


def read(text: str | bytes) -> Document:
    """Read one document or raise ``YamlError``. An empty text is None, not an error: the caller says what that means."""
    source = _decode(text)
    builder = _Builder()
    try:
        value = builder.document(yaml.parse(source, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(mark.line + 1 if mark else 1, f"not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError:
        raise YamlError(1, "not YAML: it holds a character that YAML does not allow") from None
    return Document(value, source, builder.lines, builder.spans)


def _decode(text: str | bytes) -> str:
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(raw) > BYTES_MAX:
        raise YamlError(1, f"larger than {BYTES_MAX} bytes")
    try:
        source = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise YamlError(line, "not UTF-8; save the file as UTF-8") from None
    source = source.removeprefix("\ufeff").replace("\r\n", "\n")
    hit = _DIRECTION.search(source)
    if hit:
        line = source.count("\n", 0, hit.start()) + 1
        raise YamlError(line, f"holds the invisible character U+{ord(hit.group()):04X}; remove it")
    return source


class _Builder:
    """Turns the event stream into values; refuses as it goes, so nothing refused is ever built."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.spans: dict[Path, tuple[int, int]] = {}

    def document(self, events: Iterator[Any]) -> Any:
        value: Any = None
        documents = 0
        for event in events:
            match event:
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        raise YamlError(_line(event), "a second document; keep one document to a file")
                    if event.version or event.tags:
                        raise YamlError(_line(event), "a % directive; remove it")
                    value = self._node(next(events), events, ())
                case yaml.StreamStartEvent() | yaml.StreamEndEvent() | yaml.DocumentEndEvent():
                    continue
                case _:  # pragma: no cover - the parser's grammar has nothing else at this level
                    raise YamlError(_line(event), "unexpected content")
        return value

    def _node(self, event: Any, events: Iterator[Any], path: Path) -> Any:
        if len(path) > DEPTH_MAX:
            raise YamlError(_line(event), f"nested deeper than {DEPTH_MAX} levels")
        _refuse_indirection(event)
        self.lines.setdefault(path, _line(event))
        start = int(event.start_mark.index)
        match event:
            case yaml.ScalarEvent():
                value: Any = _scalar(event)
                end = _end(event)
            case yaml.SequenceStartEvent():
                value, end = self._sequence(events, path)
            case _:
                value, end = self._mapping(events, path)
        self.spans[path] = (start, end)
        return value

    def _sequence(self, events: Iterator[Any], path: Path) -> tuple[list[Any], int]:
        items: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                return items, self._end(event, (*path, len(items) - 1))
            items.append(self._node(event, events, (*path, len(items))))
        raise AssertionError("the parser ends every sequence")  # pragma: no cover

    def _mapping(self, events: Iterator[Any], path: Path) -> tuple[dict[str, Any], int]:
        items: dict[str, Any] = {}
        key = ""
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                return items, self._end(event, (*path, key))
            key = self._key(event, items)
            self.lines[(*path, key)] = _line(event)
            items[key] = self._node(next(events), events, (*path, key))
        raise AssertionError("the parser ends every mapping")  # pragma: no cover

    def _end(self, event: Any, last: Path) -> int:
        # A block collection's own end mark is where the next thing begins, with comments that belong to that.
        is_flow = _end(event) > int(event.start_mark.index)
        return _end(event) if is_flow else self.spans[last][1]

    @staticmethod
    def _key(event: Any, items: Mapping[str, Any]) -> str:
        _refuse_indirection(event)
        if not isinstance(event, yaml.ScalarEvent):
            raise YamlError(_line(event), "a key that is not plain text")
        key: str = event.value
        if key == "<<":
            raise YamlError(_line(event), "a merge key (<<); write the keys out")
        if key in items:
            raise YamlError(_line(event), f"the key {key[:60]!r} stands here a second time; keep one")
        return key


def _refuse_indirection(event: Any) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise YamlError(_line(event), f"an alias (*{str(event.anchor)[:60]}); write the value out")
    if event.anchor is not None:
        raise YamlError(_line(event), f"an anchor (&{event.anchor[:60]}); remove it")
    if event.tag is not None:
        raise YamlError(_line(event), f"a tag ({event.tag[:60]}); remove it")


def _scalar(event: yaml.ScalarEvent) -> str | int | float | bool | None:
    text: str = event.value
    if event.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        number = int(text)
        if abs(number) > INT_MAX:
            raise YamlError(_line(event), "a whole number past 2^53 - 1; quote it if it is a name")
        return number
    if _FLOAT.fullmatch(text):
        return float(text)
    if text in _DOUBTFUL_WORDS:
        raise YamlError(
            _line(event), f"{text} is read differently by different readers; write true or false, or quote it"
        )
    if _DOUBTFUL_NUMBER.fullmatch(text):
        raise YamlError(
            _line(event), f"{text[:40]} is not a plain decimal number; write it in decimal, or quote it"
        )
    return text


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _end(event: Any) -> int:
    return int(event.end_mark.index)
