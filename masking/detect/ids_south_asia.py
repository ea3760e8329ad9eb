"""India, Pakistan, Sri Lanka: Aadhaar, PAN, GSTIN, voter, passport, vehicle, licence, UPI; CNIC; NIC."""

from __future__ import annotations

import re

from masking.checks import ALPHANUMERIC, completed, is_digits, one_repeated, verhoeff
from masking.detect.ids_common import FORM, LIKELY, LUCK, NOT_A_PERSON, any_of, grouped, ident
from masking.recognizer import Literals, Pattern, Recognizer


def aadhaar(number: str) -> bool:
    """UIDAI: twelve digits, the first 2-9, Verhoeff; a palindrome is not issued."""
    return (
        len(number) == 12
        and is_digits(number)
        and number[0] in "23456789"
        and number != number[::-1]
        and verhoeff(number)
    )


_PAN = re.compile("[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]")


def pan(number: str) -> bool:
    """Income Tax Department, PAN: three letters, the kind of holder, the surname's initial, four digits, a check letter (unpublished)."""
    return _PAN.fullmatch(number) is not None and number[5:9] != "0000"


def gstin(number: str) -> bool:
    """GSTN: state 01-38 (97, 99), PAN, entity, Z, and a check: base-36 values times 1 and 2, quotient plus remainder."""
    if len(number) != 15 or not is_digits(number[:2]) or not _PAN.fullmatch(number[2:12]):
        return False
    if not (1 <= int(number[:2]) <= 38 or number[:2] in {"97", "99"}) or not set(number) <= set(ALPHANUMERIC):
        return False
    total = 0
    for place, char in enumerate(number[:14]):
        product = ALPHANUMERIC.index(char) * (1 + place % 2)
        total += product // 36 + product % 36
    return ALPHANUMERIC[-total % 36] == number[14]


_STATES = frozenset(
    [
        "AN",
        "AP",
        "AR",
        "AS",
        "BH",
        "BR",
        "CG",
        "CH",
        "DD",
        "DL",
        "DN",
        "GA",
        "GJ",
        "HP",
        "HR",
        "JH",
        "JK",
        "KA",
        "KL",
        "LA",
        "LD",
        "MH",
        "ML",
        "MN",
        "MP",
        "MZ",
        "NL",
        "OD",
        "OR",
        "PB",
        "PY",
        "RJ",
        "SK",
        "TG",
        "TN",
        "TR",
        "TS",
        "UK",
        "UA",
        "UP",
        "WB",
    ]
)
_VEHICLE = re.compile("([A-Z]{2})[0-9]{1,2}[A-HJ-NP-Z]{0,3}[0-9]{4}|[0-9]{2}BH[0-9]{4}[A-HJ-NP-Z]{1,2}")


def in_vehicle(number: str) -> bool:
    """Central Motor Vehicles Rules 50-51: state, district, series without I and O, four digits; or the Bharat series."""
    match = _VEHICLE.fullmatch(number)
    return match is not None and (match[1] is None or match[1] in _STATES)


_DL = re.compile("([A-Z]{2})[0-9]{2}(?:19|20)[0-9]{2}[0-9]{7}")


def in_licence(number: str) -> bool:
    """Sarathi (MoRTH) driving licence: state, office, year of issue, seven digits."""
    match = _DL.fullmatch(number)
    return match is not None and match[1] in _STATES


def pk_cnic(number: str) -> bool:
    """NADRA, CNIC: province 1-7, thirteen digits."""
    return (
        len(number) == 13 and is_digits(number) and number[0] in "1234567" and not one_repeated(number[5:12])
    )


_LK_OLD = re.compile("[0-9]{9}[VX]")


def lk_nic(number: str) -> bool:
    """Department for Registration of Persons: year, day of the year (+500 for women), serial; V or X on the old form."""
    if _LK_OLD.fullmatch(number):
        day = int(number[2:5])
    elif len(number) == 12 and is_digits(number) and number[:2] in {"19", "20"}:
        day = int(number[4:7])
    else:
        return False
    return 1 <= day <= 366 or 501 <= day <= 866


_HANDLES = (
    *(
        "okaxis",
        "oksbi",
        "okhdfcbank",
        "okicici",
        "ybl",
        "ibl",
        "axl",
        "paytm",
        "ptaxis",
        "pthdfc",
        "ptsbi",
        "ptyes",
        "apl",
    ),
    *(
        "upi",
        "yapl",
        "rapl",
        "waicici",
        "waaxis",
        "wahdfcbank",
        "wasbi",
        "icici",
        "hdfcbank",
        "sbi",
        "axisbank",
        "kotak",
    ),
    *(
        "airtel",
        "jio",
        "freecharge",
        "ikwik",
        "yesbank",
        "yespay",
        "idfcbank",
        "federal",
        "indus",
        "barodampay",
        "pnb",
        "axisb",
    ),
    *(
        "jupiteraxis",
        "sliceaxis",
        "superyes",
        "naviaxis",
        "fam",
        "timecosmos",
        "abfspay",
        "aubank",
        "cnrb",
        "kbl",
        "dbs",
        "rbl",
    ),
)
_AADHAAR_WORDS = ("aadhaar", "aadhar", "uidai", "adhaar", "uid", "आधार", "आधार संख्या", "aadhaar number")

RECOGNIZERS: tuple[Recognizer, ...] = (
    ident(
        "in/aadhaar",
        "IN_AADHAAR",
        grouped("0000 0000 0000", " -"),
        (completed("2341 2341 234?", aadhaar), completed("8765-4321-098?", aadhaar)),
        "UIDAI, Aadhaar number; Verhoeff check digit",
        score=LIKELY,
        check=aadhaar,
        context=_AADHAAR_WORDS,
    ),
    ident(
        "in/aadhaar-plain",
        "IN_AADHAAR",
        ("000000000000",),
        (completed("31272145620?", aadhaar),),
        "UIDAI, Aadhaar number; Verhoeff check digit",
        score=LUCK,
        check=aadhaar,
        context=_AADHAAR_WORDS,
        anti=NOT_A_PERSON,
    ),
    ident(
        "in/pan",
        "IN_PAN",
        ("AAAAA0000A",),
        ("ABCPX1234D", "AAATA1111A"),
        "Income Tax Department, Permanent Account Number",
        score=0.75,
        structure=pan,
        regex="[A-Z]{5}[0-9]{4}[A-Z]",
        context=("pan", "permanent account number", "income tax", "pan card", "itr", "tax"),
        negative=("pan ABCZX1234D",),
    ),
    ident(
        "in/pan-lower",
        "IN_PAN",
        ("AAAAA0000A",),
        ("abcpx1234d",),
        "Income Tax Department, Permanent Account Number",
        score=LUCK,
        structure=pan,
        context=("pan", "permanent account number", "income tax", "pan card"),
        required=True,
    ),
    ident(
        "in/gstin",
        "IN_GSTIN",
        (
            "00AAAAA0000A0A0",
            "00AAAAA0000A0AA",
            "00AAAAA0000AAA0",
            "00AAAAA0000AAAA",
            "00AAAAA0000A000",
            "00AAAAA0000A00A",
        ),
        (
            completed("27ABCPX1234D1Z?", gstin, ALPHANUMERIC),
            completed("29AAGCB7383J1Z?", gstin, ALPHANUMERIC),
        ),
        "Goods and Services Tax Network, GSTIN structure",
        score=0.95,
        check=gstin,
        context=("gstin", "gst", "gst number", "tax"),
    ),
    ident(
        "in/voter",
        "IN_VOTER",
        ("AAA0000000",),
        ("KSD1287349",),
        "Election Commission of India, EPIC number",
        score=LUCK,
        structure=lambda number: not one_repeated(number[3:]),
        context=("voter", "epic", "elector", "voter id", "election", "voter card", "electoral"),
        required=True,
    ),
    ident(
        "in/passport",
        "IN_PASSPORT",
        any_of("A", ("", " "), ("0000000", "00 00000")),
        ("P1234561", "J8369854"),
        "Passport Seva, passport number; ICAO Doc 9303",
        score=FORM,
        regex="(?i:[A-PR-WY]) ?[1-9][0-9] ?[0-9]{4}[1-9]",
        context=("indian passport", "passport", "india", "travel document"),
        required=True,
    ),
    ident(
        "in/vehicle",
        "IN_VEHICLE_REGISTRATION",
        any_of("AA", (" ", "-"), ("0", "00"), (" ", "-"), ("A", "AA", "AAA"), (" ", "-"), "0000")
        + any_of("AA", ("0", "00"), ("A", "AA", "AAA", ""), "0000")
        + any_of("00AA0000", ("A", "AA")),
        ("KA53ME3456", "22BH6517A"),
        "Central Motor Vehicles Rules 1989, rules 50 and 51; Bharat series notification 2021",
        score=0.5,
        structure=in_vehicle,
        regex=r"[A-Z]{2}[ -]?[0-9]{1,2}[ -]?[A-Z]{0,3}[ -]?[0-9]{4}|[0-9]{2}BH[0-9]{4}[A-Z]{1,2}",
        context=("vehicle", "registration", "plate", "rto", "car", "bike", "vehicle number", "number plate"),
        negative=("plate ZZ53ME3456",),
    ),
    ident(
        "in/driving-licence",
        "IN_DRIVING_LICENSE",
        any_of("AA", ("", "-", " "), "00", ("", " ", "-"), ("00000000000", "0000-0000000", "0000 0000000")),
        ("MH12 20100012345", "DL-1420110012345"),
        "Ministry of Road Transport, Sarathi driving licence number",
        score=LIKELY,
        structure=in_licence,
        context=("driving licence", "driving license", "dl", "licence", "license", "dl no"),
    ),
    Recognizer(
        name="in/upi",
        type="IN_UPI_ID",
        patterns=(
            Pattern(
                Literals(tuple("@" + handle for handle in _HANDLES), before=41, after=2),
                0.85,
                rf"(?<![\w.@+-])[A-Za-z0-9][A-Za-z0-9._-]{{1,39}}+@(?:{'|'.join(sorted(_HANDLES, key=len, reverse=True))})(?![\w@-]|\.\w)",
                0,
                ignore_case=True,
            ),
        ),
        source="NPCI, UPI: virtual payment address and the handles of its apps and banks",
        positive=("pay to asha.rao@okicici today", "upi id: 9876543210@ybl", "rk-store@paytm"),
        negative=("write to asha@icici.com", "asha@upi.example.org", "@ybl"),
        context=("upi", "vpa", "upi id", "gpay", "phonepe", "paytm"),
    ),
    ident(
        "pk/cnic",
        "PK_CNIC",
        ("00000-0000000-0",),
        ("35202-1234567-1",),
        "NADRA, Computerised National Identity Card",
        score=0.65,
        structure=pk_cnic,
        context=("cnic", "nadra", "nicop", "national identity card", "shanakhti"),
    ),
    ident(
        "pk/cnic-plain",
        "PK_CNIC",
        ("0000000000000",),
        ("3520212345671",),
        "NADRA, Computerised National Identity Card",
        score=FORM,
        structure=pk_cnic,
        context=("cnic", "nadra", "nicop", "national identity card"),
        anti=NOT_A_PERSON,
        required=True,
    ),
    ident(
        "lk/nic",
        "LK_NIC",
        ("000000000A", "000000000000"),
        ("853400937V", "198534000937"),
        "Department for Registration of Persons (LK), NIC number",
        score=FORM,
        structure=lk_nic,
        context=("nic", "national identity card", "nic number", "sri lanka", "identity card"),
        required=True,
    ),
)
