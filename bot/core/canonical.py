"""Bytes from outside to one value, and one value to the bytes that are hashed: T11, I4.

Decided here: what counts as JSON (RFC 8259 narrowed by RFC 7493, I-JSON, and by our own limits), the canonical
bytes of a value (RFC 8785) and the payload's digest. Everything that is accepted canonicalises to bytes that are
accepted again and mean the same; two readers cannot disagree about them. Deliberately absent: what a payload must
contain (``ask``), and any repair: what is not clean is refused.

No message holds a value from the input. A pointer (RFC 6901) may hold its keys, so it goes to the sender alone.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import msgspec
import rfc8785

from bot.core.ids import Digest
from bot.core.request import Json

BODY_BYTES_MAX: Final = 256 * 1024
"""One request: far above any call that a person could still read, far below what would stall the event loop (T57)."""
DEPTH_MAX: Final = 32
"""Open arrays and objects at once. Nobody can judge what is nested deeper; it also keeps every later walk off the stack limit."""
INTEGER_MAX: Final = 2**53 - 1
"""RFC 7493 section 2.2: beyond it readers that use doubles see another number."""
NUMBER_CHARS_MAX: Final = 64
"""A double needs at most 24 characters; more is padding, and long digit strings cost quadratic time to read."""
KEY_CHARS_MAX: Final = 256
"""A key is a label on the card, not a place for text."""
POINTER_CHARS_MAX: Final = 256
"""Of a pointer that goes back to the sender in an error."""

PAYLOAD_DOMAIN: Final = b"signoff/payload/v1\0"
"""Separates this digest from every other SHA-256 in the product. Never reused for another meaning."""

_FIRST_EXPONENT_FORM: Final = 1e21
"""ECMA-262 Number::toString writes integers below this without an exponent."""
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', re.DOTALL)
_OPENERS: Final = frozenset((b"[", b"{"))


class Malformed(ValueError):
    """The input is not what this interface reads. *code* is stable, *pointer* says where (empty: the whole)."""

    def __init__(self, code: str, sentence: str, pointer: str = "") -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.pointer = (
            pointer if len(pointer) <= POINTER_CHARS_MAX else pointer[: POINTER_CHARS_MAX - 1] + "…"
        )


@dataclass(frozen=True, slots=True)
class _Fault:
    """Stands in the tree where something was wrong, so that the walk can say where."""

    code: str
    sentence: str


class _Clash(dict[str, Any]):
    """An object whose keys clash: cannot be used as it is. Kept a dict so that the walk reaches nested faults first."""

    fault: _Fault
    key: str


def read(raw: bytes, *, bytes_max: int = BODY_BYTES_MAX, depth_max: int = DEPTH_MAX) -> Json:
    """The one value that *raw* says, as dict, list, str, int, float, bool or None; ``Malformed`` for anything else.

    Refused besides broken JSON: a byte order mark, other encodings than UTF-8, duplicate keys, keys that are equal
    after NFKC and case folding, NUL in a key, lone surrogates, NaN and Infinity, ``-0``, numbers that overflow or
    vanish as a double, integers past 2^53-1, and whatever passes a limit above.
    """
    if len(raw) > bytes_max:
        raise Malformed("too-large", f"The JSON text has more than {bytes_max:,} bytes.")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise Malformed(
            "json", "The JSON text starts with a byte order mark; leave it out (RFC 8259 section 8.1)."
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("json", f"The JSON text is not UTF-8 (byte {error.start}).") from None
    _check_depth(raw, depth_max)
    reader = _Reader()
    try:
        value = reader.decode(text)
    except json.JSONDecodeError as error:
        raise Malformed(
            "json", f"Not JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        ) from None
    if reader.dirty or b"\\u" in raw:
        _report_first_fault(value)
    return value


_SORTED: Final = msgspec.json.Encoder(order="sorted").encode


def canonical(value: Json) -> bytes:
    """RFC 8785 bytes of a value that ``read`` returned."""
    if _is_plain(value):
        return _SORTED(value)
    return rfc8785.dumps(value)


def _is_plain(value: Json) -> bool:
    """Whether *value* has no float and only ASCII keys. For such a value msgspec's sorted output is the RFC 8785 form:
    both escape only what RFC 8259 demands, in the same way, and sorting by code points is sorting by UTF-16 units."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return True
    if kind is dict:
        return all(map(str.isascii, value)) and all(map(_is_plain, value.values()))
    if kind is list:
        return all(map(_is_plain, value))
    return False


def payload_hash(canonical_bytes: bytes) -> Digest:
    """The digest that people approve and executors present: SHA-256, domain-separated."""
    return Digest("sha256:" + hashlib.sha256(PAYLOAD_DOMAIN + canonical_bytes).hexdigest())


def _check_depth(raw: bytes, depth_max: int) -> None:
    # Before parsing, so that no input can reach the parser's own recursion limit.
    if raw.count(b"[") + raw.count(b"{") <= depth_max:
        return
    depth = 0
    for match in _STRUCTURE.finditer(raw):
        token = match.group()
        if token in _OPENERS:
            depth += 1
            if depth > depth_max:
                raise Malformed("too-deep", f"The JSON text is nested more than {depth_max} levels deep.")
        elif token[0] != 0x22:
            depth -= 1


class _Reader:
    """The standard library's scanner with every lenience hooked. A hook marks, the walk reports."""

    def __init__(self) -> None:
        self.dirty = False
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._int,
            parse_float=self._float,
            parse_constant=self._constant,
            strict=True,
        )

    def decode(self, text: str) -> Json:
        return self._decoder.decode(text)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) == len(pairs):
            text = "".join(made)
            folded = set(map(str.lower, made)) if text.isascii() else {_fold(key) for key in made}
            if len(folded) == len(made) and (
                len(text) <= KEY_CHARS_MAX or max(map(len, made)) <= KEY_CHARS_MAX
            ):
                return made
        self.dirty = True
        return _clash(pairs)

    def _int(self, text: str) -> int | _Fault:
        if text == "-0":
            return self._fault("number", "Negative zero is refused: readers disagree about it. Write 0.")
        if len(text) > NUMBER_CHARS_MAX:
            return self._fault(
                "number", f"A number has more than {NUMBER_CHARS_MAX} characters. Send it as a string."
            )
        value = int(text)
        if -INTEGER_MAX <= value <= INTEGER_MAX:
            return value
        return self._fault("number", "An integer is past 2^53-1 (RFC 7493 section 2.2). Send it as a string.")

    def _float(self, text: str) -> float | _Fault:
        if len(text) > NUMBER_CHARS_MAX:
            return self._fault(
                "number", f"A number has more than {NUMBER_CHARS_MAX} characters. Send it as a string."
            )
        value = float(text)
        if math.isinf(value):
            return self._fault("number", "A number is too large for a double. Send it as a string.")
        if value == 0:
            if text[0] == "-":
                return self._fault("number", "Negative zero is refused: readers disagree about it. Write 0.")
            if any(digit in "123456789" for digit in re.split("[eE]", text)[0]):
                return self._fault("number", "A number is too small for a double. Send it as a string.")
        if value.is_integer() and INTEGER_MAX < abs(value) < _FIRST_EXPONENT_FORM:
            # Canonically it would be an integer that this very reader refuses.
            return self._fault(
                "number", "An integer is past 2^53-1 (RFC 7493 section 2.2). Send it as a string."
            )
        return value

    def _constant(self, text: str) -> _Fault:
        return self._fault("json", "NaN and Infinity are not JSON.")

    def _fault(self, code: str, sentence: str) -> _Fault:
        self.dirty = True
        return _Fault(code, sentence)


def _fold(key: str) -> str:
    if key.isascii():
        return key.lower()
    # Folding can undo the normal form and the other way round; twice reaches a fixed point (Unicode 3.13, D146).
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", key).casefold())
    return unicodedata.normalize("NFKC", once.casefold())


def _clash(pairs: list[tuple[str, Any]]) -> _Clash:
    made = _Clash(pairs)
    seen: dict[str, str] = {}
    for key, _ in pairs:
        made.key = key
        if len(key) > KEY_CHARS_MAX:
            made.fault = _Fault("key", f"A key has more than {KEY_CHARS_MAX} characters.")
            return made
        folded = _fold(key)
        if folded in seen:
            same = seen[folded] == key
            made.fault = _Fault(
                "duplicate-key",
                "A key occurs twice in one object."
                if same
                else "Two keys of one object differ only in case or Unicode form; readers may take them for one.",
            )
            return made
        seen[folded] = key
    raise AssertionError("called for keys that do not clash")  # pragma: no cover - a bug of the caller


def _report_first_fault(root: Json) -> None:
    for pointer, value in _walk(root, ""):
        match value:
            case _Clash():
                _refuse(value.fault, f"{pointer}/{_escape(value.key)}")
            case _Fault():
                _refuse(value, pointer)
            case dict():
                for key in value:
                    if "\0" in key:
                        _refuse(_Fault("key", "A key holds a NUL character."), pointer)
                    if not _is_unicode(key):
                        _refuse(
                            _Fault("surrogate", "A key holds a lone surrogate, which is not text."), pointer
                        )
            case str() if not _is_unicode(value):
                _refuse(_Fault("surrogate", "A string holds a lone surrogate, which is not text."), pointer)
            case _:
                pass


def _refuse(fault: _Fault, pointer: str) -> NoReturn:
    raise Malformed(fault.code, fault.sentence, pointer.encode("utf-8", "replace").decode("utf-8"))


def _walk(root: Json, at: str) -> Iterator[tuple[str, Json]]:
    """Every value with its pointer, parents first, in document order. Depth is bounded by ``_check_depth``."""
    yield at, root
    if isinstance(root, dict):
        for key, value in root.items():
            yield from _walk(value, f"{at}/{_escape(key)}")
    elif isinstance(root, list):
        for index, value in enumerate(root):
            yield from _walk(value, f"{at}/{index}")


def _escape(key: str) -> str:
    """RFC 6901 section 3."""
    return key.replace("~", "~0").replace("/", "~1")


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
