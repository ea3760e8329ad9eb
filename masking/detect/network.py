"""IP and MAC addresses, IMEI, coordinates. Sources: RFC 791, RFC 4291 and 5952, IEEE 802, 3GPP TS 23.003, ISO 6709."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from masking.recognizer import Literals, Pattern, Recognizer, Shapes
from masking.rules import RunRule
from masking.validators import luhn

_IPV4: Final = re.compile(r"(?<![A0.-])0{1,3}\.0{1,3}\.0{1,3}\.0{1,3}(?![A0]|\.0|-0|\.A)")


def find_ipv4(shape: str) -> tuple[tuple[int, int, float], ...]:
    return tuple((m.start(), m.end(), 0.8) for m in _IPV4.finditer(shape))


def ipv4(value: str) -> bool | None:
    parts = value.split(".")
    if any(int(p) > 255 or (len(p) > 1 and p[0] == "0") for p in parts):
        return False
    return None


def ipv6(value: str) -> bool:
    try:
        address = ipaddress.IPv6Address(value.partition("%")[0].partition("/")[0])
    except ValueError:
        return False
    return int(address) > 1 or value == "::1"


RECOGNIZERS: tuple[Recognizer, ...] = (
    Recognizer(
        name="ipv6",
        type="IP_ADDRESS",
        patterns=(
            Pattern(
                Literals((":",), before=4, after=45),
                0.6,
                r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}+|::[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6}+)(?:(?<=:)[0-9]{1,3}(?:\.[0-9]{1,3}){3}+)?(?![\w:])",
            ),
        ),
        validator=ipv6,
        source="RFC 4291 section 2.2",
        positive=("from 2001:db8::8a2e:370:7334 to", "fe80:0:0:0:200:f8ff:fe21:67cf"),
        negative=("std::vector", "12:30:45", "a::b::c"),
    ),
    Recognizer(
        name="mac",
        type="MAC_ADDRESS",
        patterns=(
            Pattern(Literals((":", "-"), before=2, after=15), 0.9, r"(?<![\w:-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![\w:-])"),
        ),
        source="IEEE 802-2014 clause 8",
        positive=("mac 00:1B:44:11:3A:B7", "00-1b-44-11-3a-b7"),
        negative=("12:30:45", "00:1B:44:11:3A"),
    ),
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
            Pattern(Literals((", -", ", 1", ", 2", ", 3", ", 4", ", 5", ", 6", ", 7", ", 8", ", 9", ",-", "° ", "°"), before=14, after=24), 0.6, r"(?<![\w.])[-+]?(?:[0-8]?\d|90)\.\d{4,15}°?\s?[NSns]?,\s?[-+]?(?:1[0-7]\d|\d{1,2})\.\d{4,15}°?\s?[EWew]?(?![\w.])"),
        ),
        context=("lat", "latitude", "location", "gps", "coordinates", "geo", "position"),
        source="ISO 6709",
        positive=("at 40.712776, -74.005974 today",),
        negative=("1.2, 3.4", "scores 0.91, 0.87"),
    ),
)

RUN_RULES: tuple[RunRule, ...] = (
    RunRule(
        name="ipv4",
        type="IP_ADDRESS",
        find=find_ipv4,
        validator=ipv4,
        source="RFC 791, dotted quad of RFC 1123",
        anti_context=("version", "release", "build", "firmware", "section", "chapter", "v", "upgrade", "upgraded"),
        positive=("from 192.168.1.17", "10.0.0.1"),
        negative=("version 10.1.2.3", "999.1.1.1", "1.2.3.4.5"),
    ),
)
