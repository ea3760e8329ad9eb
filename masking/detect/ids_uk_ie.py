"""United Kingdom and Ireland: NHS, NINO, UTR, postcode, passport, driving licence, vehicle; PPS."""

from __future__ import annotations

import re

from masking.checks import completed, is_digits, one_repeated, weighted
from masking.detect.ids_common import FORM, LIKELY, LUCK, NOT_A_PERSON, SURE, any_of, grouped, ident
from masking.recognizer import Recognizer


def nhs(number: str) -> bool:
    """NHS Data Dictionary, NHS NUMBER: weights 10 to 2, eleven minus the remainder; 11 is written 0, 10 is not used."""
    if len(number) != 10 or not is_digits(number) or one_repeated(number):
        return False
    return (11 - weighted(number[:9], range(10, 1, -1)) % 11) % 11 == int(number[9])


_NINO = re.compile(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]?")


def nino(number: str) -> bool:
    """HMRC NIM39110: two prefix letters from the allotted set, six digits, a suffix A-D."""
    return _NINO.fullmatch(number) is not None and not one_repeated(number[2:8])


_UTR = (6, 7, 8, 9, 10, 5, 4, 3, 2)


def utr(number: str) -> bool:
    """HMRC UTR: the first digit checks the other nine: weights 6 7 8 9 10 5 4 3 2, remainder mod 11 looked up."""
    number = number.removesuffix("K")
    if len(number) != 10 or not is_digits(number) or one_repeated(number):
        return False
    return number[0] == "21987654321"[weighted(number[1:], _UTR) % 11]


_AREAS = frozenset(
    [
        "AB",
        "AL",
        "B",
        "BA",
        "BB",
        "BD",
        "BF",
        "BH",
        "BL",
        "BN",
        "BR",
        "BS",
        "BT",
        "BX",
        "CA",
        "CB",
        "CF",
        "CH",
        "CM",
        "CO",
        "CR",
        "CT",
        "CV",
        "CW",
        "DA",
        "DD",
        "DE",
        "DG",
        "DH",
        "DL",
        "DN",
        "DT",
        "DY",
        "E",
        "EC",
        "EH",
        "EN",
        "EX",
        "FK",
        "FY",
        "G",
        "GL",
        "GU",
        "GY",
        "GIR",
        "HA",
        "HD",
        "HG",
        "HP",
        "HR",
        "HS",
        "HU",
        "HX",
        "IG",
        "IM",
        "IP",
        "IV",
        "JE",
        "KA",
        "KT",
        "KW",
        "KY",
        "L",
        "LA",
        "LD",
        "LE",
        "LL",
        "LN",
        "LS",
        "LU",
        "M",
        "ME",
        "MK",
        "ML",
        "N",
        "NE",
        "NG",
        "NN",
        "NP",
        "NR",
        "NW",
        "OL",
        "OX",
        "PA",
        "PE",
        "PH",
        "PL",
        "PO",
        "PR",
        "RG",
        "RH",
        "RM",
        "S",
        "SA",
        "SE",
        "SG",
        "SK",
        "SL",
        "SM",
        "SN",
        "SO",
        "SP",
        "SR",
        "SS",
        "ST",
        "SW",
        "SY",
        "TA",
        "TD",
        "TF",
        "TN",
        "TQ",
        "TR",
        "TS",
        "TW",
        "UB",
        "W",
        "WA",
        "WC",
        "WD",
        "WF",
        "WN",
        "WR",
        "WS",
        "WV",
        "YO",
        "ZE",
    ]
)
_POSTCODE = re.compile(r"([A-Z]{1,2})[0-9](?:[0-9]|[ABCDEFGHJKMNPRSTUVWXY])?[0-9][ABD-HJLNP-UW-Z]{2}")


def postcode(number: str) -> bool:
    """Royal Mail, PAF Programmers Guide: a live postcode area, district, sector, unit (unit letters without CIKMOV)."""
    match = _POSTCODE.fullmatch(number)
    return number == "GIR0AA" or (match is not None and match[1] in _AREAS)


_DATELESS = re.compile(r"[A-HJ-PR-Y]{1,3}[1-9][0-9]{0,3}|[1-9][0-9]{0,3}[A-HJ-PR-Y]{1,3}")


def dateless(number: str) -> bool:
    """DVLA INF104: up to 1963 one to three letters and one to four figures, either first, six characters at most; Northern Ireland's have I and Z."""
    return 4 <= len(number) <= 7 and _DATELESS.fullmatch(number) is not None


_LICENCE = re.compile(
    r"(?=.{5}[0-9])[A-Z]{1,5}9{0,4}[0-9](?:[05][1-9]|[16][0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9][A-Z][A-Z9][0-9A-Z][A-Z]{2}"
)


def driving_licence(number: str) -> bool:
    """DVLA driver number: five of the surname padded with 9, decade, month (+50 for women), day, year, initials, 9, two letters."""
    return len(number) == 16 and _LICENCE.fullmatch(number) is not None


_PLATE = re.compile(
    r"(?P<current>[A-HJ-PR-Y]{2}(?:0[2-9]|[1-2][0-9]|5[1-9]|[67][0-9])[A-HJ-PR-Z]{3})"
    r"|[A-HJ-NPR-TV-Y][1-9][0-9]{0,2}[A-HJ-PR-Y]{3}|[A-HJ-PR-Y]{3}[1-9][0-9]{0,2}[A-HJ-NPR-TV-Y]"
)


def vehicle(number: str) -> bool:
    """DVLA INF104: current (2001), prefix (1983) or suffix (1963) series; no I or Q; age identifiers 02-29 and 51-79."""
    return _PLATE.fullmatch(number) is not None


_PPS = "WABCDEFGHIJKLMNOPQRSTUV"


def pps(number: str) -> bool:
    """Revenue (Ireland), PPS number: weights 8 to 2, the second letter (A=1) times 9, mod 23 names the first letter."""
    if (
        len(number) not in {8, 9}
        or not is_digits(number[:7])
        or not number[7:].isalpha()
        or not number.isascii()
    ):
        return False
    second = 0 if number[8:] in {"", "W"} else ord(number[8]) - 64
    return second <= 9 and _PPS[(weighted(number[:7], range(8, 1, -1)) + second * 9) % 23] == number[7]


_NINO_SHAPES = any_of(
    "AA", ("", " ", "-"), "00", ("", " ", "-"), "00", ("", " ", "-"), "00", ("", " ", "-"), "A"
)
_POSTCODE_WORDS = ("postcode", "post code", "postal code", "postal", "zip", "address", "code")
_DISTRICTS = ("A0", "A00", "AA0", "AA00", "A0A", "AA0A")
_PLATES = (
    ("AA00", "AAA"),
    ("A000", "AAA"),
    ("A00", "AAA"),
    ("A0", "AAA"),
    ("AAA", "000A"),
    ("AAA", "00A"),
    ("AAA", "0A"),
)
_LICENCE_SHAPES = any_of(
    ("AAAAA", "AAAA0", "AAA00", "AA000", "A0000"),
    ("", " "),
    "000000",
    ("", " "),
    ("A", "AA", "A0"),
    ("0", "A", ""),
    ("AA", " AA"),
)
_NHS_WORDS = (
    "nhs",
    "national health service",
    "health services authority",
    "health authority",
    "nhs number",
    "patient",
)
_NHS_SOURCE = "NHS Data Model and Dictionary, NHS NUMBER"
_NINO_WORDS = ("national insurance", "ni", "nino", "ni number", "insurance number", "nin", "hmrc", "payroll")

RECOGNIZERS: tuple[Recognizer, ...] = (
    ident(
        "uk/nhs",
        "UK_NHS",
        grouped("000 000 0000"),
        (completed("401 023 213?", nhs), completed("943-476-591?", nhs)),
        _NHS_SOURCE,
        score=LUCK,  # telephone numbers are written in the same groups
        check=nhs,
        context=_NHS_WORDS,
        anti=("phone", "tel", "mobile", "call", "fax"),
    ),
    ident(
        "uk/nhs-plain",
        "UK_NHS",
        ("0000000000",),
        (completed("401023213?", nhs),),
        _NHS_SOURCE,
        score=LUCK,
        check=nhs,
        context=_NHS_WORDS,
        anti=NOT_A_PERSON,
        negative=("epoch 1700000001",),
    ),
    ident(
        "uk/nino",
        "UK_NINO",
        _NINO_SHAPES,
        ("AA 12 34 56 B", "HH010203D", "ab123456c"),
        "HMRC National Insurance Manual NIM39110",
        score=0.8,
        structure=nino,
        context=_NINO_WORDS,
        negative=("nino FQ 00 00 00 C", "nino BG123612A", "nino nt 99 88 77 a"),
    ),
    ident(
        "uk/nino-without-suffix",
        "UK_NINO",
        any_of("AA", ("", " "), "00", ("", " "), "00", ("", " "), "00"),
        ("AB123456",),
        "HMRC National Insurance Manual NIM39110: the suffix may be missing",
        score=FORM,
        structure=nino,
        context=_NINO_WORDS,
        required=True,
    ),
    ident(
        "uk/utr",
        "UK_UTR",
        ("0000000000", "00000 00000", "0000000000A", "00000 00000A"),
        (completed("?955839661", utr),),
        "HMRC, Unique Taxpayer Reference check digit",
        score=LUCK,
        check=utr,
        context=("utr", "unique taxpayer reference", "self assessment", "tax reference", "taxpayer", "hmrc"),
        anti=NOT_A_PERSON,
        required=True,
    ),
    ident(
        "uk/postcode",
        "UK_POSTCODE",
        any_of(_DISTRICTS, " 0AA"),
        ("EC1A 1BB", "M1 1AE", "CR2 6XH", "DN55 1PT"),
        "Royal Mail, PAF Programmers Guide; Ofcom/ONS list of postcode areas",
        score=LIKELY,
        structure=postcode,
        regex="[A-Z]{1,2}[0-9][0-9A-Z]? [0-9][A-Z]{2}",
        context=_POSTCODE_WORDS,
        negative=("postcode QX1A 1BB", "postcode EC1A 1CV", "the e2 2nd run"),
    ),
    ident(
        "uk/postcode-joined",
        "UK_POSTCODE",
        (*any_of(_DISTRICTS, "0AA"), *any_of(_DISTRICTS, " 0AA"), "AAA 0AA", "AAA0AA"),
        ("EC1A1BB", "sw1a 1aa"),
        "Royal Mail, PAF Programmers Guide; Ofcom/ONS list of postcode areas",
        score=FORM,
        structure=postcode,
        context=_POSTCODE_WORDS,
        required=True,
    ),
    ident(
        "uk/passport",
        "UK_PASSPORT",
        ("000000000", "AA0000000"),
        ("123456780", "AB1234567"),
        "HM Passport Office: nine digits; ICAO Doc 9303 part 4 document number",
        score=FORM,
        structure=lambda number: not one_repeated(number),
        context=("uk passport", "british passport", "passport", "travel document", "hmpo"),
        required=True,
    ),
    ident(
        "uk/driving-licence",
        "UK_DRIVING_LICENCE",
        _LICENCE_SHAPES,
        ("MORGA657054SM9IJ", "FO999512018AA9AB"),
        "DVLA, driver number on the photocard licence (INF45/1 annex)",
        score=SURE,
        structure=driving_licence,
        context=("driving licence", "driver number", "licence", "license", "dvla", "driving"),
        negative=("licence MORGA697054SM9IJ", "licence MORGA657454SM9IJ"),
    ),
    ident(
        "uk/vehicle",
        "UK_VEHICLE_REGISTRATION",
        any_of("AA00", (" ", ""), "AAA"),
        ("AB51 ABC", "BD62XKR"),
        "DVLA INF104, Vehicle registration numbers and number plates",
        score=LUCK,
        structure=vehicle,
        context=(
            "vehicle",
            "registration",
            "reg",
            "plate",
            "number plate",
            "car",
            "vrm",
            "vrn",
            "van",
            "dvla",
            "licence plate",
        ),
        required=True,
        negative=("plate AB30 ABC", "plate IB51 ABC"),
    ),
    ident(
        "uk/vehicle-older",
        "UK_VEHICLE_REGISTRATION",
        tuple(left + gap + right for left, right in _PLATES[1:] for gap in (" ", "")),
        ("A123 BCD", "ABC 123D"),
        "DVLA INF104, prefix and suffix series",
        score=FORM,
        structure=vehicle,
        context=("vehicle", "registration", "number plate", "plate", "car", "vrm", "vrn", "dvla"),
        required=True,
    ),
    ident(
        "uk/vehicle-dateless",
        "UK_VEHICLE_REGISTRATION",
        (
            *any_of(("AA", "AAA"), (" ", ""), ("000", "0000")),
            *any_of(("000", "0000"), (" ", ""), ("AA", "AAA")),
        ),
        ("AB 1234", "1234 AB"),
        "DVLA INF104, registrations before 1963",
        score=FORM / 2,
        structure=dateless,
        context=("dvla", "number plate", "vrm", "vrn", "registration mark", "cherished"),
        required=True,
        negative=("order AB 1234",),
    ),
    ident(
        "ie/pps",
        "IE_PPS",
        any_of("0000000", ("", " "), ("A", "AA")),
        (completed("1234567?", pps, _PPS), completed("7654321?A", pps, _PPS)),
        "Revenue (Ireland), PPS number check character; S.I. extended range 2013",
        score=LIKELY,
        check=pps,
        regex="[0-9]{7} ?[A-W][A-IW]?",
        context=("pps", "ppsn", "pps number", "personal public service", "uimhir psp", "psp", "revenue"),
        anti=("commit", "hash", "sha", "hex"),
    ),
)
