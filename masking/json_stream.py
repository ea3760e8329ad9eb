"""JSON of any size, masked as it comes: one text, or many (NDJSON). Blanks, number forms and order stay as they were.

Decided here: where leaves are gathered for one scan (``BATCH_CHARS``), with ``OVERLAP`` leaves of the batch before as
context, so that memory does not grow with the input. What a leaf's or a key's masked text is, is ``masking.document``'s.
Strict RFC 8259: what is not JSON is a fault, and nothing of the batch it stands in goes out.
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from masking.document import DEPTH_MAX, JSON
from masking.engine import Engine
from masking.errors import MaskingError
from masking.operators import Writing
from masking.tally import Tally

BATCH_CHARS: Final = 32 * 1024
OVERLAP: Final = 8
OVERLAP_CHARS: Final = 4_000
TOKEN_CHARS_MAX: Final = 4 << 20
"""One string; it is held whole, several times over."""
NUMBER_CHARS_MAX: Final = 400
"""Python refuses to read integers of more than 4,300 digits; no real number has a tenth of that."""
KEYS_MAX: Final = 10_000

_TOKEN: Final = re.compile(
    r'[ \t\n\r]++|[{}\[\]:,]|"(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+"|-?[0-9][0-9.eE+-]*+|[a-z]++'
)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
_WORDS: Final = {"true": True, "false": False, "null": None}


class _Want(Enum):
    """What may come next."""

    VALUE = auto()
    VALUE_OR_END = auto()
    KEY = auto()
    KEY_OR_END = auto()
    COLON = auto()
    COMMA_OR_END = auto()
    NOTHING = auto()


@dataclass(slots=True)
class _Frame:
    """An open object or array: the label that its leaves are scanned under."""

    is_object: bool
    outer: str
    label: str
    names: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Piece:
    """One part of the output: as it is, a key, or a leaf (with the small document it is scanned in)."""

    text: str
    kind: str = "raw"
    value: JSON = None
    shown: JSON = None


class JsonStream:
    """``feed`` bytes, then ``close``; the answers, put together, are the masked JSON. *many*: NDJSON, one value a line."""

    def __init__(
        self,
        engine: Engine,
        writing: Writing,
        tally: Tally | None = None,
        *,
        many: bool = False,
        batch: int = BATCH_CHARS,
    ) -> None:
        self._engine, self._writing = engine, writing
        self._tally = tally if tally is not None else Tally()
        self._many, self._batch = many, batch
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("strict")
        self._rest = ""
        self._want = _Want.VALUE
        self._stack: list[_Frame] = []
        self._key = ""
        self._pieces: list[_Piece] = []
        self._behind: list[JSON] = []
        self._size = 0
        self._line = 1
        self._values = 0
        self._keys: dict[str, tuple[str, tuple[tuple[str, int], ...]]] = {}

    def feed(self, data: bytes) -> bytes:
        return self._read(data, last=False)

    def close(self) -> bytes:
        """The rest; a fault when the JSON is not complete."""
        out = self._read(b"", last=True)
        ended = self._want is _Want.NOTHING or (self._many and self._want is _Want.VALUE)
        if self._rest or self._stack or not ended:
            raise self._fault("the JSON ends too early")
        return out + self._flush(last=True)

    def _read(self, data: bytes, *, last: bool) -> bytes:
        try:
            text = self._rest + self._decoder.decode(data, last)
        except UnicodeDecodeError:
            raise self._fault("the JSON is not UTF-8") from None
        out = []
        at, end = 0, len(text)
        while at < end:
            match = _TOKEN.match(text, at)
            # A token that touches the edge may go on in the next piece.
            if match is None or (match.end() == end and not last and text[at] not in '{}[]:,"'):
                if last or (match is None and text[at] not in '"tfn-'):
                    raise self._fault("this is not JSON")
                break
            self._take(match[0])
            at = match.end()
            if self._size >= self._batch:
                out.append(self._flush(last=False))
        self._rest = text[at:]
        if len(self._rest) > TOKEN_CHARS_MAX:
            raise self._fault("one value is too long to be masked")
        return b"".join(out)

    def _take(self, token: str) -> None:
        first = token[0]
        if first in " \t\n\r":
            self._blank(token)
        elif first == '"':
            self._string(token)
        elif first in "{[":
            self._open(token)
        elif first in "}]":
            self._close_frame(token)
        elif first == ",":
            if self._want is not _Want.COMMA_OR_END:
                raise self._fault("this is not JSON")
            self._want = _Want.KEY if self._stack[-1].is_object else _Want.VALUE
            self._raw(token)
        elif first == ":":
            if self._want is not _Want.COLON:
                raise self._fault("this is not JSON")
            self._want = _Want.VALUE
            self._raw(token)
        else:
            self._leaf(token, self._scalar(token))

    def _blank(self, token: str) -> None:
        lines = token.count("\n")
        if self._many and lines:
            if self._stack or self._want not in {_Want.NOTHING, _Want.VALUE}:
                raise self._fault("a value of NDJSON goes over its line")
            self._want = _Want.VALUE
        self._line += lines
        self._raw(token)

    def _scalar(self, token: str) -> JSON:
        if token in _WORDS:
            return _WORDS[token]
        if not _NUMBER.fullmatch(token) or len(token) > NUMBER_CHARS_MAX:
            raise self._fault("this is not JSON, or a number is too long")
        value: JSON = json.loads(token)
        return value

    def _string(self, token: str) -> None:
        if len(token) > TOKEN_CHARS_MAX:
            raise self._fault("one value is too long to be masked")
        try:
            text: str = json.loads(token)
        except ValueError:
            raise self._fault("this is not JSON") from None
        if self._want in {_Want.KEY, _Want.KEY_OR_END}:
            self._key = text
            self._want = _Want.COLON
            self._pieces.append(_Piece(token, "key", text, self._stack[-1].names))  # type: ignore[arg-type]
            self._size += len(token)
        else:
            self._leaf(token, text)

    def _leaf(self, token: str, value: JSON) -> None:
        self._value_may_stand_here()
        outer, label = self._here()
        # Numbers that json reads as infinite are no JSON values; they are shown as they stand.
        shown = token if isinstance(value, float) and value in {float("inf"), float("-inf")} else value
        nest: JSON = [shown]
        if label or outer:
            nest = {label: nest}
            nest = {outer: nest} if outer else nest
        self._pieces.append(_Piece(token, "leaf", value, nest))
        self._size += len(token) + len(label)
        self._after_value()

    def _here(self) -> tuple[str, str]:
        """The key that a value stands under and the one above it (as ``masking.document`` labels leaves)."""
        if not self._stack:
            return "", ""
        frame = self._stack[-1]
        return (frame.label, self._key) if frame.is_object else (frame.outer, frame.label)

    def _open(self, token: str) -> None:
        self._value_may_stand_here()
        outer, label = self._here()
        is_object = token[0] == "{"
        self._stack.append(_Frame(is_object, outer, label))
        if len(self._stack) > DEPTH_MAX:
            raise self._fault("the document is nested too deeply")
        self._want = _Want.KEY_OR_END if is_object else _Want.VALUE_OR_END
        self._raw(token)

    def _close_frame(self, token: str) -> None:
        may_end = self._want in {_Want.COMMA_OR_END, _Want.KEY_OR_END, _Want.VALUE_OR_END}
        if not self._stack or not may_end or self._stack[-1].is_object is not (token[0] == "}"):
            raise self._fault("this is not JSON")
        frame = self._stack.pop()
        self._key = frame.label
        self._raw(token)
        self._after_value()

    def _value_may_stand_here(self) -> None:
        if self._want not in {_Want.VALUE, _Want.VALUE_OR_END}:
            raise self._fault("this is not JSON")

    def _after_value(self) -> None:
        self._want = _Want.COMMA_OR_END if self._stack else _Want.NOTHING

    def _raw(self, token: str) -> None:
        if self._pieces and self._pieces[-1].kind == "raw":
            self._pieces[-1].text += token
        else:
            self._pieces.append(_Piece(token))
        self._size += len(token)

    def _flush(self, *, last: bool) -> bytes:
        """Mask what was gathered; unless *last*, the newest leaves wait for those that come after them."""
        pieces = self._pieces
        stop = len(pieces) if last else _before_last_leaves(pieces)
        leaves = [p for p in pieces if p.kind == "leaf"]
        going = [p for p in pieces[:stop] if p.kind == "leaf"]
        scanned: list[JSON] = [*self._behind, *(p.shown for p in leaves)]
        texts: list[tuple[str, bool]] = []
        if going:
            document = self._engine.mask_json(scanned, self._writing)
            mine = document.leaves[len(self._behind) : len(self._behind) + len(going)]
            for leaf in mine:
                self._tally.count(leaf.value.hidden)
                texts.append((leaf.value.text, leaf.hidden))
                if leaf.hidden:
                    self._tally.look(leaf.value.text, f"{leaf.path[-2].text}: " if len(leaf.path) > 2 else "")
            self._behind = [p.shown for p in going[-OVERLAP:] if len(p.text) <= OVERLAP_CHARS]
        out = []
        answers = iter(texts)
        for piece in pieces[:stop]:
            if piece.kind == "raw":
                out.append(piece.text)
            elif piece.kind == "key":
                out.append(self._key_text(piece))
            else:
                text, hidden = next(answers)
                out.append(_quoted(text) if hidden else piece.text)
        self._pieces = pieces[stop:]
        self._size = sum(len(p.text) for p in self._pieces)
        return "".join(out).encode("utf-8", "surrogatepass")

    def _key_text(self, piece: _Piece) -> str:
        key = piece.value
        assert isinstance(key, str)
        known = self._keys.get(key)
        if known is None:
            masked = self._engine.mask_json({key: None}, self._writing).leaves[0].path[0]
            if len(self._keys) >= KEYS_MAX:
                self._keys.clear()
            known = self._keys[key] = (masked.text, masked.hidden)
        text, hidden = known
        self._tally.count(hidden)
        names: set[str] = piece.shown  # type: ignore[assignment]
        if not hidden and not text.startswith("["):
            return piece.text
        while text in names:
            text += "'"  # two keys must not become one
        if len(names) < KEYS_MAX:
            names.add(text)
        return _quoted(text)

    def _fault(self, sentence: str) -> MaskingError:
        return MaskingError(f"{sentence} (line {self._line})")


def _before_last_leaves(pieces: list[_Piece]) -> int:
    """Where the last ``OVERLAP`` leaves begin; at least one leaf goes out."""
    at = [i for i, piece in enumerate(pieces) if piece.kind == "leaf"]
    if not at:
        return len(pieces)
    stop, held = at[-1] + 1, 0
    for i in at[: -OVERLAP - 1 : -1]:
        held += len(pieces[i].text)
        if i == at[0] or held > OVERLAP_CHARS:
            break
        stop = i
    return stop


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted if quoted.isascii() or not _has_surrogate(quoted) else json.dumps(text)


def _has_surrogate(text: str) -> bool:
    return any(0xD800 <= ord(c) <= 0xDFFF for c in text)
