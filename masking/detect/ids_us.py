"""United States: SSN, ITIN, EIN, passport, driver's licences, bank account, Medicare beneficiary.

None of these has a check digit, so all but the printed SSN, ITIN and MBI forms need a word beside
them. The states' licence forms overlap with everything; they are one list of shapes, never alone.
"""

from __future__ import annotations

from masking.checks import bare, is_digits, one_repeated
from masking.detect.ids_common import FORM, LUCK, NOT_A_PERSON, any_of, grouped, ident
from masking.recognizer import Recognizer

_PUBLISHED = frozenset({"078051120", "219099999"})
"""Numbers that the Social Security Administration itself made void because they were printed in public."""


def ssn(number: str) -> bool:
    """Could be issued: 20 CFR 422.103 and SSA's randomization page: no area 000, 666 or 9xx, no zero group or serial."""
    return (
        len(number) == 9
        and is_digits(number)
        and number[:3] not in {"000", "666"}
        and number[0] != "9"
        and number[3:5] != "00"
        and number[5:] != "0000"
        and number not in _PUBLISHED
        and not one_repeated(number)
    )


def ssn_unissued(number: str) -> bool:
    """Written like an SSN in the 9xx areas that are never issued; people put them into forms all the same."""
    return (
        len(number) == 9
        and is_digits(number)
        and number[0] == "9"
        and not one_repeated(number)
        and not itin(number)
    )


def itin(number: str) -> bool:
    """IRS Publication 1915: 9xx, then 50-65, 70-88, 90-92 or 94-99, then four digits."""
    if len(number) != 9 or not is_digits(number) or number[0] != "9":
        return False
    group = int(number[3:5])
    return 50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99


_EIN_UNUSED = frozenset({0, 7, 8, 9, 17, 18, 19, 28, 29, 49, 69, 70, 78, 79, 89, 96, 97})


def ein(number: str) -> bool:
    """IRS, *How EINs are assigned and valid EIN prefixes*: the first two digits name a campus in use."""
    return (
        len(number) == 9
        and is_digits(number)
        and int(number[:2]) not in _EIN_UNUSED
        and not one_repeated(number[2:])
    )


def _varied(number: str) -> bool:
    return not one_repeated(number)


def licence_number(number: str) -> bool:
    """At least four digits, not one character repeated: the least that every state's form has."""
    return sum(char.isdigit() for char in number) >= 4 and not one_repeated(bare(number))


_SSN_WORDS = ("ssn", "ssns", "social", "ss#", "ssid", "itin", "taxpayer", "social security", "ssn#")
_LICENCE_WORDS = (
    "driver",
    "drivers",
    "driver's",
    "license",
    "licence",
    "dl",
    "dln",
    "lic",
    "permit",
    "driving",
    "dl#",
    "cdl",
)
_BANK_WORDS = (
    "us bank account",
    "bank",
    "account",
    "acct",
    "checking",
    "savings",
    "debit",
    "acct#",
    "account#",
    "deposit",
)

_LICENCE_SHAPES = (
    *("0" * n for n in (7, 8, 9, 10, 12, 13, 14)),
    *("A" + "0" * n for n in (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14)),
    *("AA" + "0" * n for n in (3, 4, 5, 6, 7)),
    *("0" * n + "A" for n in (7, 8, 9)),
    *any_of("AAA", ("000000", "00000")),
    *("AA000000A", "000AA0000", "0000000AA", "A000000A", "AAA00AAA000A", "AAA00AAAA000", "00AAA00000"),
    *("A000-0000-0000", "A000-000-00-000-0", "A000-000-000-000", "A-000-000-000-000", "A 000 000 000 000"),
    *(
        "A0000-00000-00000",
        "A0000 00000 00000",
        "A000-0000-0000-00",
        "A00-00-0000",
        "000-00-0000",
        "00-000-0000",
    ),
    *(
        "000 000 000",
        "00 000 000",
        "000-000-000",
        "A00-000-000",
        "A0000-0000-0000",
        "AA-00-0000",
        "A000 0000 0000",
    ),
)

RECOGNIZERS: tuple[Recognizer, ...] = (
    ident(
        "us/ssn",
        "US_SSN",
        grouped("000 00 0000", " -."),
        ("536-90-4399", "536 90 4399"),
        "SSA, Social Security Number Randomization; 20 CFR 422.103",
        score=0.85,
        structure=ssn,
        context=_SSN_WORDS,
        anti=NOT_A_PERSON,
        negative=("ssn 000-12-3456", "ssn 666-12-3456", "part 1536-90-4399"),
    ),
    ident(
        "us/ssn-plain",
        "US_SSN",
        ("000000000", "000-000000", "00000-0000", "000 000000"),
        ("536904399",),
        "SSA, Social Security Number Randomization; 20 CFR 422.103",
        score=FORM,
        structure=ssn,
        context=_SSN_WORDS,
        anti=NOT_A_PERSON,
        required=True,
        negative=("offset 536904399 bytes",),
    ),
    ident(
        "us/ssn-unissued",
        "US_SSN",
        grouped("000 00 0000", " -"),
        ("987-12-4321",),
        "SSA: areas 900-999 are not issued; the printed form still is what forms and leaks carry",
        score=LUCK,
        structure=ssn_unissued,
        context=_SSN_WORDS,
        required=True,
    ),
    ident(
        "us/itin",
        "US_ITIN",
        (*grouped("000 00 0000", " -"), "000-000000", "00000-0000"),
        ("912-83-4657", "912 83 4657"),
        "IRS Publication 1915, Individual Taxpayer Identification Number",
        score=0.7,
        structure=itin,
        context=("itin", "individual taxpayer", "tax id", "taxpayer", "tin", "irs"),
        negative=("itin 912-13-4657",),
    ),
    ident(
        "us/itin-plain",
        "US_ITIN",
        ("000000000",),
        ("912834657",),
        "IRS Publication 1915, Individual Taxpayer Identification Number",
        score=FORM,
        structure=itin,
        context=("itin", "individual taxpayer", "tax id", "taxpayer", "tin", "irs"),
        anti=NOT_A_PERSON,
        required=True,
    ),
    ident(
        "us/ein",
        "US_EIN",
        ("00-0000000", "000000000"),
        ("36-1234565",),
        "IRS, How EINs are assigned and valid EIN prefixes",
        score=LUCK,
        structure=ein,
        context=(
            "ein",
            "fein",
            "employer identification",
            "federal tax id",
            "tax id",
            "employer id",
            "tin",
            "taxpayer",
        ),
        required=True,
        negative=("see 36-1234565 there",),
    ),
    ident(
        "us/passport",
        "US_PASSPORT",
        ("000000000", "A00000000"),
        ("912803456", "A12803456"),
        "US Department of State: nine digits, since 2021 a letter and eight digits",
        score=FORM,
        structure=_varied,
        context=(
            "us passport",
            "passport",
            "american",
            "travel document",
            "passport#",
            "pasaporte",
            "passports",
        ),
        required=True,
        negative=("build 912803456",),
    ),
    ident(
        "us/driver-licence",
        "US_DRIVER_LICENSE",
        _LICENCE_SHAPES,
        ("A1234562", "H12234567", "S530-4600-4008", "F255-921-50-094-0", "U62928788557186"),
        "the states' own manuals, gathered in AAMVA's D20 data dictionary and DMV format notices",
        score=FORM,
        structure=licence_number,
        context=_LICENCE_WORDS,
        anti=("software", "mit", "apache", "gpl", *NOT_A_PERSON),
        required=True,
        negative=("INTRODUCTORY C4 S3", "driver version 450.80.02", "public license 2.0"),
    ),
    ident(
        "us/bank-account",
        "US_BANK_NUMBER",
        tuple("0" * n for n in range(8, 18)),
        ("945456787654", "08129204"),
        "Nacha Operating Rules, appendix 3: DFI account number, up to 17 characters",
        score=0.04,  # the plain BANK_ACCOUNT rule goes first
        structure=_varied,
        context=_BANK_WORDS,
        anti=NOT_A_PERSON,
        required=True,
        negative=("offset 945456787654",),
    ),
    ident(
        "us/mbi",
        "US_MBI",
        (
            *any_of("0A", ("A", "0"), "0A", ("A", "0"), "0AA00"),
            *any_of("0A", ("A", "0"), "0-A", ("A", "0"), "0-AA00"),
            *any_of("0A", ("A", "0"), "0 A", ("A", "0"), "0 AA00"),
        ),
        ("1EG4TE5MK73",),
        "CMS, Understanding the Medicare Beneficiary Identifier (MBI) format: no S, L, O, I, B, Z",
        score=0.7,
        context=("mbi", "medicare", "beneficiary", "cms", "hicn"),
        regex=r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9][- ]?[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9][- ]?[AC-HJKMNP-RT-Y]{2}[0-9]{2}",
        negative=("mbi 1SG4-TE5-MK73",),
    ),
)
