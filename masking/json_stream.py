"""JSON of any size, masked as it comes: one text, or many (NDJSON). Blanks, number forms and order stay as they were.

Decided here: where leaves are gathered for one scan (``BATCH_CHARS``), with ``OVERLAP`` leaves of the batch before as
context, so that memory does not grow with the input. What is found in a leaf or a key is ``masking.document``'s to say.
Strict RFC 8259: what is not JSON is a fault, and nothing of the batch it stands in goes out.

Lines of NDJSON and objects of an array are mostly of one form: the same keys in the same places. One that was read token by
token leaves its form behind, and the next of that form is taken apart by one expression; only its values are new.
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass, field
from enum import Enum, auto
from json.encoder import encode_basestring
from typing import Final

from masking.document import DEPTH_MAX, find_in_leaves, head_of, label_of, last_key
from masking.engine import Engine
from masking.errors import MaskingError
from masking.operators import Writing, write
from masking.tally import Tally

BATCH_CHARS: Final = 32 * 1024
OVERLAP: Final = 8
OVERLAP_CHARS: Final = 4_000
TOKEN_CHARS_MAX: Final = 4 << 20
"""One string; it is held whole, several times over."""
NUMBER_CHARS_MAX: Final = 400
"""Python refuses to read integers of more than 4,300 digits; no real number has a tenth of that."""
KEYS_MAX: Final = 10_000

_STRING: Final = r'"(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+"'
_NUMBER_FORM: Final = r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+"
_TOKEN: Final = re.compile(rf"[ \t\n\r]++|[{{}}\[\]:,]|{_STRING}|-?[0-9][0-9.eE+-]*+|[a-z]++")
_PARTS: Final = re.compile(
    rf"({_STRING}(?:[ \t\r\n]*+:)?+|{_NUMBER_FORM}(?![0-9.eE+-])|(?:true|false|null)(?![a-z]))"
)
"""Splits a line into what stands between its values and, in turn, a value or a key with its colon."""


def _object(depth: int) -> str:
    inner = rf"|{_object(depth - 1)}" if depth > 1 else ""
    return rf'\{{(?:[^{{}}"]++|{_STRING}{inner})*+\}}'


_OBJECT: Final = re.compile(_object(4))
"""From a brace to the one that closes it, four deep at most. A prefix that is an object of JSON is the object that begins there."""
FORMS_MAX: Final = 1_000
FORM_CHARS_MAX: Final = 32 * 1024
"""What is longer is read token by token."""
_NUMBER: Final = re.compile(_NUMBER_FORM)
_WORDS: Final = frozenset({"true", "false", "null"})


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
class _Leaves:
    """Values in a row, each by what ``find_in_leaves`` asks of it."""

    heads: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    """Where each stands in the output."""
    names: list[str] = field(default_factory=list)
    """The key it stands under, as it is shown."""

    def add(self, head: str, text: str, key: str | None, at: int, name: str) -> None:
        self.heads.append(head)
        self.texts.append(text)
        self.keys.append(key)
        self.at.append(at)
        self.names.append(name)


@dataclass(slots=True)
class _Places:
    """The values of one form: what stands before each, its last key, that key as it is shown, and where it is among the parts."""

    heads: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    size: int = 0


_Form = tuple[str, str, tuple[str, ...], tuple[str | None, ...]]
"""Of a line or an object: the keys above it, what stands between its values, and its keys in their places."""
_LINE: Final = -1
"""In place of the depth that a form ends at: it ends with its line."""


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
        self._out: list[str] = []
        self._leaves = _Leaves()
        self._behind = _Leaves()
        self._size = 0
        self._line_number = 1
        self._keys: dict[str, tuple[str, tuple[tuple[str, int], ...]]] = {}
        self._forms: dict[_Form, _Places] = {}
        self._learning: tuple[_Form, _Places] | None = None
        """The form of what is being read token by token, and the places of its values so far."""
        self._ends = _LINE

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
            if self._learning is None and (past := self._by_form(text, at)) > at:
                at = past
                if self._size >= self._batch:
                    out.append(self._flush(last=False))
                continue
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

    def _by_form(self, text: str, at: int) -> int:
        """Where the line or object that begins here ends, if it was taken as one of a known form; else *at*."""
        if self._want is not _Want.VALUE and self._want is not _Want.VALUE_OR_END:
            return at
        if not self._stack:
            past = text.find("\n", at) + 1 if self._many else 0
            outer = label = ""
            self._ends = _LINE
        elif self._stack[-1].is_object or text[at] != "{" or len(self._stack) > DEPTH_MAX - 8:
            return at
        else:
            found = _OBJECT.match(text, at, at + FORM_CHARS_MAX)
            past = found.end() if found else 0
            outer, label = self._here()
            self._ends = len(self._stack)
        if not past or past - at > FORM_CHARS_MAX or not self._formed(text[at:past], outer, label):
            return at
        if self._stack:
            self._after_value()
        return past

    def _formed(self, piece: str, outer: str, label: str) -> bool:
        """Take a whole line or object if one of its form was read before; else remember to learn it."""
        parts = _PARTS.split(piece)
        keys_at = tuple([p if p[-1] == ":" else None for p in parts[1::2]])
        form = (outer, label, tuple(parts[0::2]), keys_at)
        places = self._forms.get(form)
        if places is None:
            self._learning = (
                form,
                _Places(offsets=[2 * i + 1 for i, key in enumerate(keys_at) if key is None]),
            )
            return False
        base = len(self._out)
        leaves = self._leaves
        tokens = [parts[i] for i in places.offsets]
        texts = [t[1:-1] if t[0] == '"' and "\\" not in t else self._shown(t) for t in tokens]
        keys = places.keys
        if None in texts:
            keys = [None if text is None else key for text, key in zip(texts, keys, strict=True)]
        leaves.heads += places.heads
        leaves.texts += [tokens[i] if text is None else text for i, text in enumerate(texts)]
        leaves.keys += keys
        leaves.at += [base + i for i in places.offsets]
        leaves.names += places.names
        self._out += parts
        self._size += len(piece) + places.size
        self._line_number += piece.count("\n")
        return True

    def _take(self, token: str) -> None:
        first = token[0]
        if first in " \t\n\r":
            self._blank(token)
        elif first == '"' and self._want in {_Want.KEY, _Want.KEY_OR_END}:
            self._take_key(token)
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
            self._leaf(token)

    def _blank(self, token: str) -> None:
        lines = token.count("\n")
        if self._many and lines:
            if self._stack or self._want not in {_Want.NOTHING, _Want.VALUE}:
                raise self._fault("a value of NDJSON goes over its line")
            self._want = _Want.VALUE
            if self._ends == _LINE:
                self._learn()
        self._line_number += lines
        self._raw(token)

    def _learn(self) -> None:
        """What ends here was JSON: keep its form, unless a key of it is not written as it stands."""
        if self._learning is None:
            return
        form, places = self._learning
        self._learning = None
        if len(places.heads) != len(places.offsets):
            return
        if len(self._forms) >= FORMS_MAX:
            self._forms.clear()
        places.size = sum(map(len, places.heads))
        self._forms[form] = places

    def _shown(self, token: str) -> str | None:
        """What of a value is scanned; None: it is a word that is never masked."""
        if token[0] == '"':
            return self._unquoted(token)
        if token in _WORDS:
            return None
        if not _NUMBER.fullmatch(token) or len(token) > NUMBER_CHARS_MAX:
            raise self._fault("this is not JSON, or a number is too long")
        value = json.loads(token)
        # Numbers that json reads as infinite are no JSON values; they are shown as they stand.
        return token if value in {float("inf"), float("-inf")} else repr(value)

    def _unquoted(self, token: str) -> str:
        if len(token) > TOKEN_CHARS_MAX:
            raise self._fault("one value is too long to be masked")
        try:
            text: str = json.loads(token)
        except ValueError:
            raise self._fault("this is not JSON") from None
        return text

    def _take_key(self, token: str) -> None:
        self._key = self._unquoted(token)
        self._want = _Want.COLON
        self._raw(self._key_text(token, self._stack[-1].names))

    def _leaf(self, token: str) -> None:
        self._value_may_stand_here()
        text = self._shown(token)
        outer, key = self._here()
        label = label_of(outer, key)
        head, name = head_of(label), self._masked_key(key)[0] if key else ""
        key = last_key(label)
        if self._learning is not None:
            places = self._learning[1]
            places.heads.append(head)
            places.keys.append(key)
            places.names.append(name)
        self._leaves.add(
            head, token if text is None else text, None if text is None else key, len(self._out), name
        )
        self._out.append(token)
        self._size += len(token) + len(head)
        self._after_value()

    def _here(self) -> tuple[str, str]:
        """The key above the one that a value stands under, and that one (as ``masking.document`` labels leaves)."""
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
        if len(self._stack) == self._ends:
            self._learn()
        self._after_value()

    def _value_may_stand_here(self) -> None:
        if self._want not in {_Want.VALUE, _Want.VALUE_OR_END}:
            raise self._fault("this is not JSON")

    def _after_value(self) -> None:
        self._want = _Want.COMMA_OR_END if self._stack else _Want.NOTHING

    def _raw(self, token: str) -> None:
        self._out.append(token)
        self._size += len(token)

    def _flush(self, *, last: bool) -> bytes:
        """Mask what was gathered; unless *last*, the newest leaves wait for those that come after them."""
        leaves, behind, out = self._leaves, self._behind, self._out
        count = len(leaves.at)
        going = count if last else self._before_last_leaves()
        if going:
            first = len(behind.texts)
            found = find_in_leaves(
                self._engine,
                behind.heads + leaves.heads,
                behind.texts + leaves.texts,
                behind.keys + leaves.keys,
            )
            for place in sorted(found):
                number = place - first
                if not 0 <= number < going:
                    continue
                masked = write(leaves.texts[number], found[place], self._writing)
                self._tally.take(masked, f"{leaves.names[number]}: " if leaves.names[number] else "")
                out[leaves.at[number]] = _quoted(masked.text)
            self._behind = self._kept(going)
        stop = leaves.at[going] if going < count else len(out)
        written = "".join(out[:stop]).encode("utf-8", "surrogatepass")
        self._out = out[stop:]
        self._leaves = _Leaves(
            leaves.heads[going:], leaves.texts[going:], leaves.keys[going:],
            [at - stop for at in leaves.at[going:]], leaves.names[going:],
        )  # fmt: skip
        self._size = sum(map(len, self._out))
        return written

    def _kept(self, going: int) -> _Leaves:
        """The last leaves that went out: context for the next."""
        kept = _Leaves()
        for i in range(max(0, going - OVERLAP), going):
            if len(self._leaves.texts[i]) <= OVERLAP_CHARS:
                kept.add(self._leaves.heads[i], self._leaves.texts[i], self._leaves.keys[i], 0, "")
        return kept

    def _before_last_leaves(self) -> int:
        """How many leaves come before the last ``OVERLAP``; at least one goes out if there is one."""
        texts = self._leaves.texts
        going, held = len(texts), 0
        while going > 1 and len(texts) - going < OVERLAP:
            held += len(texts[going - 1])
            if held > OVERLAP_CHARS:
                break
            going -= 1
        return going

    def _masked_key(self, key: str) -> tuple[str, tuple[tuple[str, int], ...]]:
        known = self._keys.get(key)
        if known is None:
            masked = self._engine.mask_json({key: None}, self._writing).leaves[0].path[0]
            if len(self._keys) >= KEYS_MAX:
                self._keys.clear()
            known = self._keys[key] = (masked.text, masked.hidden)
        return known

    def _key_text(self, token: str, names: set[str]) -> str:
        text, hidden = self._masked_key(self._key)
        if not hidden and not text.startswith("["):
            return token
        self._learning = None
        self._tally.count(hidden)
        while text in names:
            text += "'"  # two keys must not become one
        if len(names) < KEYS_MAX:
            names.add(text)
        return _quoted(text)

    def _fault(self, sentence: str) -> MaskingError:
        return MaskingError(f"{sentence} (line {self._line_number})")


def _quoted(text: str) -> str:
    # Half of a surrogate pair is no UTF-8 and is written as its escape.
    return json.dumps(text) if _SURROGATE.search(text) else encode_basestring(text)


_SURROGATE: Final = re.compile("[\ud800-\udfff]")
