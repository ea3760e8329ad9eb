"""IP and MAC addresses, IMEI, coordinates. Sources: RFC 791, RFC 4291 and 5952, IEEE 802, 3GPP TS 23.003, ISO 6709."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from itertools import pairwise
from typing import Final

from masking.recognizer import Literals, Pattern, Recognizer, Shapes
from masking.rules import RunForms, RunRule, TextRule
from masking.spans import Span
from masking.validators import luhn
from masking.view import View

_IPV4: Final = re.compile(r"(?<![A0.-])0{1,3}\.0{1,3}\.0{1,3}\.0{1,3}(?![A0]|\.0|-0|\.A)")


_FEW_DIGITS: Final = re.compile(r"(?<![A0.-])0{1,2}\.0{1,2}\.0{1,2}\.0{1,2}(?![A0]|\.0|-0|\.A)")


IPV4_SCORE: Final = 0.8
SECTION_SCORE: Final = 0.3


def find_ipv4(shape: str) -> tuple[tuple[int, int, float], ...]:
    return tuple((m.start(), m.end(), IPV4_SCORE) for m in _IPV4.finditer(shape))


def find_ipv4_like_section(shape: str) -> tuple[tuple[int, int, float], ...]:
    return tuple((m.start(), m.end(), SECTION_SCORE) for m in _FEW_DIGITS.finditer(shape))


SECTION_MAX: Final = 39
"""Chapters and sections go no further; by chance one address in 2,000 has no higher number, and none of the private ones."""
_EXAMPLES: Final = frozenset({(8, 8, 4, 4), (4, 3, 2, 1)})
"""Addresses that people write down although their numbers are as small as a section's."""


def ipv4(value: str) -> bool | None:
    numbers = _quad(value)
    return False if numbers is None or _is_like_section(numbers) else None


def ipv4_like_section(value: str) -> bool | None:
    numbers = _quad(value)
    return False if numbers is None or not _is_like_section(numbers) else None


def _quad(value: str) -> tuple[int, ...] | None:
    """The four numbers of an address, ``None`` where one is too high or has a zero before it."""
    parts = value.split(".")
    numbers = tuple(map(int, parts))
    return (
        None
        if any(n > 255 or (len(p) > 1 and p[0] == "0") for n, p in zip(numbers, parts, strict=True))
        else numbers
    )


def _is_like_section(numbers: tuple[int, ...]) -> bool:
    """Whether it may as well be ``7.15.2.1``: of small numbers, and no example of an address (``1.1.1.1``, ``1.2.3.4``)."""
    if numbers[0] == PRIVATE or not all(1 <= n <= SECTION_MAX for n in numbers) or numbers in _EXAMPLES:
        return False
    steps = {b - a for a, b in pairwise(numbers)}
    return steps not in ({0}, {1})


PRIVATE: Final = 10
"""RFC 1918: addresses of private networks begin with it more often than sections do."""


def ipv6(value: str) -> bool:
    try:
        address = ipaddress.IPv6Address(value.partition("%")[0].partition("/")[0])
    except ValueError:
        return False
    # A scope operator between two words (a::b) is short and has letters only.
    return int(address) > 1 and (any(c.isdigit() for c in value) and len(value) > 4)


_HEX_OR_COLON: Final = bytes(1 if chr(c) in "0123456789abcdef:" else 0 for c in range(256))
_COLONS: Final = re.compile(
    r"(?<![\w:.])(?:[0-9A-Fa-f:]{2,30}(?<=:)[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w:])|[0-9A-Fa-f:]{2,39}(?![\w:]))(?:%[A-Za-z0-9]{1,15})?"
)
_DOTS: Final = re.compile(rb"\.[0-9a-f]{4}\.[0-9a-f]{4}(?![0-9a-z_.-])")
_MAC: Final = re.compile(r"[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}")
_DASHES: Final = re.compile(rb"-[0-9a-f]{2}-[0-9a-f]{2}-[0-9a-f]{2}-[0-9a-f]{2}-[0-9a-f]{2}(?![0-9a-z-])")
_BACK_MAX: Final = 40


def find_colons(view: View) -> list[Span]:
    """IPv6 and MAC addresses: from each colon between two hexadecimal digits or colons."""
    out = []
    low, text = view.low, view.folded
    at = low.find(b":", 1)
    last = len(low) - 1
    while 0 < at < last:
        stop = at + 1
        if _HEX_OR_COLON[low[at + 1]] and (_HEX_OR_COLON[low[at - 1]] or low[at + 1] == 0x3A):
            start = at
            floor = max(0, at - _BACK_MAX)
            while start > floor and _HEX_OR_COLON[low[start - 1]]:
                start -= 1
            span, stop = address_at(text, start, stop)
            if span is not None:
                out.append(span)
        at = low.find(b":", stop)
    return out + find_dashes(view)


def address_at(text: str, start: int, stop: int) -> tuple[Span | None, int]:
    """The MAC or IPv6 address that begins at *start*, and where to go on (*stop*, where no such form stands there)."""
    if start and _GOES_ON.match(text[start - 1]):
        return None, stop
    length, kind = _colons(text[start : start + COLONS_MAX])
    if not length:
        return None, stop
    stop = start + length
    return Span(start, stop, kind, 0.92, "mac-ipv6", "form") if kind else None, stop


COLONS_MAX: Final = 64
"""The longest form, a zone and one character behind it."""
_GOES_ON: Final = re.compile(r"[\w:.]")


@lru_cache(maxsize=4096)
def _colons(window: str) -> tuple[int, str]:
    """The length of the form with colons that *window* begins with (0: none), and of which kind it is ("": of neither)."""
    match = _COLONS.match(window)
    if match is None:
        return 0, ""
    value = match[0]
    if _MAC.fullmatch(value):
        return match.end(), "MAC_ADDRESS"
    colons = value.count(":")
    ipv6_like = colons >= 2 and ("::" in value or colons == 7 or "." in value)
    return match.end(), "IP_ADDRESS" if ipv6_like and ipv6(value) else ""


def find_dashes(view: View) -> list[Span]:
    """MAC addresses written with dashes, or in three groups with dots."""
    out = []
    low, text = view.low, view.folded
    for dashes in _DASHES.finditer(low):
        start = dashes.start() - 2
        if (
            start >= 0
            and _MAC.fullmatch(text, start, dashes.end())
            and (not start or not (text[start - 1].isalnum() or text[start - 1] == "-"))
        ):
            out.append(Span(start, dashes.end(), "MAC_ADDRESS", 0.92, "mac-ipv6", "form"))
    for dots in _DOTS.finditer(low):
        start = dots.start() - 4
        if (
            start >= 0
            and _HEX4.fullmatch(low, start, dots.start())
            and (not start or not (text[start - 1].isalnum() or text[start - 1] in "._-"))
            and _MIXED.search(low, start, dots.end())
        ):
            out.append(Span(start, dots.end(), "MAC_ADDRESS", 0.85, "mac-ipv6", "form"))
    return out


_HEX4: Final = re.compile(rb"[0-9a-f]{4}")
_MIXED: Final = re.compile(rb"[a-f]")
"""Three groups of four digits are a date, an amount or a version as well."""

TEXT_RULES: tuple[TextRule, ...] = (
    TextRule(
        name="mac-ipv6",
        type="IP_ADDRESS",
        find=find_colons,
        needs=(":", "-", "."),
        own="colons",
        own_parts=(address_at, find_dashes),
        source="RFC 4291 section 2.2; IEEE 802-2014 clause 8",
        positive=(
            "from ::ffff:192.0.2.128 to",
            "from 2001:db8::8a2e:370:7334 to",
            "fe80:0:0:0:200:f8ff:fe21:67cf",
            "listen on fe80::1",
        ),
        negative=("std::vector", "12:30:45", "a::b::c", "f(::)", "abc::def()"),
    ),
)

RECOGNIZERS: tuple[Recognizer, ...] = (
    Recognizer(
        name="imei",
        type="IMEI",
        patterns=(Pattern(Shapes(("0" * 15, "00-000000-000000-0", "00 000000 000000 0")), 0.1),),
        validator=luhn,
        validated_score=0.2,
        context=("imei", "device", "handset", "phone", "serial"),
        source="3GPP TS 23.003 section 6.2",
        positive=("IMEI 490154203237518",),
        negative=("IMEI 490154203237519", "order 490154203237518"),
    ),
    Recognizer(
        name="coordinates",
        type="GEO_COORDINATES",
        patterns=(
            Pattern(
                Literals(
                    (", -", ", 1", ", 2", ", 3", ", 4", ", 5", ", 6", ", 7", ", 8", ", 9", ",-", "° ", "°"),
                    before=14,
                    after=24,
                ),
                0.6,
                r"(?<![\w.])[-+]?(?:[0-8]?\d|90)\.\d{4,15}°?\s?[NSns]?,\s?[-+]?(?:1[0-7]\d|\d{1,2})\.\d{4,15}°?\s?[EWew]?(?![\w.])",
            ),
        ),
        context=("lat", "latitude", "location", "gps", "coordinates", "geo", "position"),
        source="ISO 6709",
        positive=("at 40.712776, -74.005974 today",),
        negative=("1.2, 3.4", "scores 0.91, 0.87"),
    ),
)

_VERSION_WORDS: Final = (
    "version",
    "release",
    "build",
    "firmware",
    "section",
    "chapter",
    "v",
    "upgrade",
    "upgraded",
)
_ADDRESS_WORDS: Final = """
ip ipv4 inet address addr host hostname server client source src destination dst dest remote peer gateway router route ping dns nameserver resolver subnet
network netmask cidr connect connected connection login logged request visitor proxy firewall blocked listen bind port
"""

RUN_RULES: tuple[RunRule, ...] = (
    RunRule(
        name="ipv4",
        type="IP_ADDRESS",
        find=find_ipv4,
        forms=RunForms("plain", ((_IPV4.pattern, IPV4_SCORE),)),
        validator=ipv4,
        source="RFC 791, dotted quad of RFC 1123",
        anti_context=_VERSION_WORDS,
        positive=("from 192.168.1.17", "10.0.0.1", "ping 1.1.1.1", "(1.2.3.4)", "10.4.2.1 is down"),
        negative=("version 10.1.2.3", "999.1.1.1", "1.2.3.4.5", "/* 3.9.2.6 Color matching */"),
    ),
    RunRule(
        name="ipv4-like-section",
        type="IP_ADDRESS",
        find=find_ipv4_like_section,
        forms=RunForms("plain", ((_FEW_DIGITS.pattern, SECTION_SCORE),)),
        validator=ipv4_like_section,
        validated_score=0.3,
        source="RFC 791; without a word for it a number of small numbers is a section's (ISO 2145)",
        context_required=True,
        context=tuple(_ADDRESS_WORDS.split()),
        anti_context=_VERSION_WORDS,
        positive=("client 23.15.7.31 refused", "connect from 2.4.3.3", "ip=7.15.2.1"),
        negative=(
            " * Wide-character functions: 7.15.2.1.",
            "see 4.2.1.3",
            "section 7.15.2.1 of",
            "upgrade from 1.12.3.4",
        ),
    ),
)
