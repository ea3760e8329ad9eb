"""Values that stand behind a name of what they are, in text that is not parsed: JSON inside a log line, logfmt, XML, forms.

The structured walk (``masking.document``) knows keys when the whole input is JSON; a log line, a quoted body or a
filled-in form is text to the engine, and the same keys (``masking.keys``) say the same there. Three forms:
``"key": "value"`` (quotes escaped or not) and ``key="value"``; ``key=value`` as logfmt has it, without blanks;
``Label: value`` up to the end of the line or of the cell. ``<key>value</key>`` is read as the first.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from masking.keys import is_key, key_decides, key_type
from masking.rules import TextRule
from masking.spans import Span
from masking.view import View

SCORE_QUOTED: Final = 0.85
SCORE_BARE: Final = 0.75
KEY_CHARS: Final = 48
VALUE_CHARS: Final = 160
REASON: Final = "stands behind a key that says so"
_PLAIN: Final = ("PERSON", "EMAIL_ADDRESS", "PHONE_NUMBER", "US_SSN", "CREDIT_CARD")
"""The types whose plain quoted values ``native/finders.c`` judges as :func:`value_of` does."""
_LEFT_OUT: Final = frozenset({"PASSWORD", "SECRET", "CVV", "AGE"})
"""Kinds that have recognizers of their own for every one of these forms, with guards of their own."""
_BARE: Final = frozenset({"PERSON", "LOCATION", "ADDRESS"})

_QUOTES: Final = "\"'`"
_SEPARATOR: Final = re.compile(r"[:=](?![:=/])")
_KEY_BACKWARDS: Final = re.compile(r"[ \t]{0,3}([\"'`]?\\?)([\w.\-]{2,40}(?: [\w.\-]{1,20}){0,3})")
_QUOTED: Final = re.compile(r"[ \t]{0,3}(\\?[\"'`])")
_ELEMENT: Final = re.compile(r"<([A-Za-z_][\w.:-]{1,40})>([^<>\n\0]{1,160})</\1>")
_LOGFMT_WORD: Final = re.compile(r"[^\W\d_][^\W\d_'’.-]*(?:[+][^\W\d_'’.-]+)*(?=$|[\s,;&|)}\]])(?!\s*\()")
_CELL_END: Final = re.compile(r"[\n\r\t|;<>{}\"\0]|  ")
_NAME_WORDS: Final = re.compile(
    r"(?:[^\W\d_a-zß-öø-ÿ][^\W\d_]*(?:['’.-][^\W\d_]+)*\.?|de|la|van|von|der|den|del|bin|binti|al|da|dos|du|di|le)"
    r"(?:,? (?:[^\W\d_a-zß-öø-ÿ][^\W\d_]*(?:['’.-][^\W\d_]+)*\.?|(?:de|la|van|von|der|den|del|bin|binti|al|da|dos|du|di|le)(?= )))*"
)
_ONE_WORD: Final = re.compile(r"[^\W\d_]{2,20}(?:[ '’-][^\W\d_]{2,20}){0,2}")
_SENTENCE_END: Final = re.compile(r"(?<=[\w)]{4})\. +(?=[A-Z])|\. *$")
_ABOUT: Final = """
string str text varchar char required optional none null unknown value example enter your the first last name names
middle full city town street address line zip code postal county state country here number field label true false bool
int integer default test foo bar baz lorem ipsum pending missing confidential withheld redacted same above below see
attached
"""
_TEMPLATE: Final = re.compile(r"\s*[$%{+`(]")
"""What a program fills in, or the end of a string that it joins to another: ``$USER``, ``{user.name}``."""
_POSTAL: Final = re.compile(r"(?i)zip|post(?:al)?[ _-]?code|plz")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_PLACEHOLDER: Final = frozenset(_ABOUT.split())


def find(view: View) -> list[Span]:
    text = view.folded
    out: list[Span] = []
    for separator in _SEPARATOR.finditer(text):
        span = value_at(text, separator.start())
        if span is not None:
            out.append(span)
    return out + find_elements(text)


def value_at(text: str, at: int) -> Span | None:
    """The value behind the separator at *at*, when the key before it declares one.

    ``native/finders.c`` finds the key as this does, and asks :func:`value_of` where :func:`kind_of` knows it.
    """
    before = text[at - 1 : at]
    if not before or before.isdigit():
        return None
    sign = text[at]
    quoted = before in _QUOTES
    if quoted:
        opened = text.rfind(before, max(0, at - KEY_CHARS), at - 1)
        key = text[opened + 1 : at - 1].rstrip("\\") if opened >= 0 else ""
    else:
        behind = _KEY_BACKWARDS.match(text[max(0, at - KEY_CHARS) : at][::-1])
        if behind is None:
            return None
        quoted, key = bool(behind[1]), behind[2][::-1]
        if sign == "=" and not quoted:
            key = key.rpartition(" ")[2]
    kind = kind_of(key)
    if kind is None:
        return None
    return value_of(text, at + 1, key, kind, quoted, sign, before not in " \t")


def find_elements(text: str) -> list[Span]:
    """``<key>value</key>``."""
    out: list[Span] = []
    if "</" in text:
        for element in _ELEMENT.finditer(text):
            kind = kind_of(element[1].rpartition(":")[2])
            if kind is not None and _is_value(element[1], kind, element[2]):
                out.append(_span(text, element.start(2), element.end(2), kind, SCORE_QUOTED))
    return out


@lru_cache(maxsize=4096)
def kind_of(key: str) -> str | None:
    kind = key_type(key)
    if kind is None and key.lower() in ("address", "full address", "current address"):
        return "ADDRESS"
    return None if kind in _LEFT_OUT else kind


def value_of(text: str, at: int, key: str, kind: str, quoted: bool, sign: str, touching: bool) -> Span | None:
    """The value of *kind* behind the *sign* that ends at *at*; *touching*: nothing stands between the key and the sign."""
    opening = _QUOTED.match(text, at)
    if opening is not None:
        start = opening.end()
        end = text.find(opening[1], start, start + VALUE_CHARS)
        if end < 0 or "\n" in text[start:end] or not _is_value(key, kind, text[start:end]):
            return None
        return _span(text, start, end, kind, SCORE_QUOTED)
    if kind not in _BARE or quoted:
        return None
    if sign == "=":
        word = _LOGFMT_WORD.match(text, at) if touching else None
        if word is None or word[0].islower() or not _is_value(key, kind, word[0]):
            return None
        return _span(text, at, word.end(), kind, SCORE_BARE)
    return _in_form(text, at, key, kind)


def _in_form(text: str, at: int, key: str, kind: str) -> Span | None:
    """``Label: value``: up to the end of the cell, and of that what can be a value of this kind."""
    while at < len(text) and text[at] == " ":
        at += 1
    stop = _CELL_END.search(text, at, at + VALUE_CHARS)
    cell = text[at : stop.start() if stop else min(len(text), at + VALUE_CHARS)].rstrip()
    if kind == "ADDRESS":
        sentence = _SENTENCE_END.search(cell)
        value = cell[: sentence.start()] if sentence else cell
        if len(value) > 100 or " " not in value:
            return None
    else:
        match = _NAME_WORDS.match(cell) or (_ONE_WORD.fullmatch(cell) if is_key(key) else None)
        value = match[0] if match else ""
        if kind == "LOCATION":
            value = value.partition(",")[0]
        if value.count(" ") > 4:
            return None
    value = value.rstrip(" ,.")
    return _span(text, at, at + len(value), kind, SCORE_BARE) if _is_value(key, kind, value) else None


def _is_value(key: str, kind: str, value: str) -> bool:
    """Plausible for its kind, and not a word about the field (``"city": "string"``, ``First name: required``)."""
    if not value.strip() or "\0" in value:
        return False
    first = _LETTERS.search(value, 0, VALUE_CHARS)
    if first is not None and first[0].lower() in _PLACEHOLDER and _words(value) <= _PLACEHOLDER:
        return False
    if kind == "ADDRESS":
        return (
            "@" not in value
            and any(c.isdigit() for c in value)
            and any(len(w) > 2 for w in _words(value))
            and not re.match(r"[\w.]+\(", value)
        )
    if kind not in _PLAIN and _TEMPLATE.match(value):
        return False
    if kind == "LOCATION" and _POSTAL.search(key) and not any(c.isdigit() for c in value):
        return False
    if kind == "LOCATION" and not re.fullmatch(r"[\w .,'’()/-]{2,60}", value):
        return False
    return key_decides(key, value) is not None


def _words(value: str) -> set[str]:
    return {w.lower() for w in _LETTERS.findall(value, 0, VALUE_CHARS)}


def _span(text: str, start: int, end: int, kind: str, score: float) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end, kind, score, "labelled", REASON)


TEXT_RULES: tuple[TextRule, ...] = (
    TextRule(
        name="labelled",
        type="PERSON",
        find=find,
        needs=(":", "=", "</"),
        own="labelled",
        own_parts=(value_of, kind_of, find_elements, _PLAIN, REASON, SCORE_QUOTED, tuple(sorted(_PLACEHOLDER)), tuple(sorted(_BARE))),
        source="RFC 8259 members; logfmt; forms; the keys of masking.keys",
        positive=(
            '{"first_name":"Ngozi","id":4}',
            'level=info city=Leeds user.first_name="Ngozi"',
            "Last name: Adeyemi",
            "<surname>Adeyemi</surname>",
            '"body": "{\\"first_name\\": \\"Ngozi\\"}"',
        ),
        negative=(
            '"city": "string"',
            "first_name = models.CharField(max_length=30)",
            "first_name=first_name, city=city",
            "First name: required",
            '"last_name": ""',
            "the city: it never sleeps",
            "gpg-zip: This script is deprecated",
        ),
    ),
)  # fmt: skip
