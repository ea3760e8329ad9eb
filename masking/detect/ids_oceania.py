"""Australia and New Zealand: TFN, ABN, ACN, Medicare, passport; IRD, NHI."""

from __future__ import annotations

import re

from masking.checks import completed, is_digits, one_repeated, weighted
from masking.detect.ids_common import FORM, LIKELY, LUCK, NOT_A_PERSON, grouped, ident
from masking.recognizer import Recognizer


def au_abn(number: str) -> bool:
    """Australian Business Register: one less from the first digit, weights 10 1 3 5 … 19, sum ≡ 0 mod 89."""
    if len(number) != 11 or not is_digits(number) or number[:2] < "11":
        return False
    return weighted(str(int(number[0]) - 1) + number[1:], (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) % 89 == 0


def au_acn(number: str) -> bool:
    """ASIC: weights 8 to 1, ten minus the sum mod 10."""
    return (
        len(number) == 9
        and is_digits(number)
        and not one_repeated(number)
        and -weighted(number[:8], range(8, 0, -1)) % 10 == int(number[8])
    )


def au_tfn(number: str) -> bool:
    """ATO: weights 1 4 3 7 5 8 6 9 10 (eight digits: 10 7 8 4 6 3 5 1), sum ≡ 0 mod 11."""
    if not is_digits(number) or one_repeated(number):
        return False
    weights = {9: (1, 4, 3, 7, 5, 8, 6, 9, 10), 8: (10, 7, 8, 4, 6, 3, 5, 1)}.get(len(number))
    return weights is not None and weighted(number, weights) % 11 == 0


def au_medicare(number: str) -> bool:
    """Services Australia, Medicare card: begins 2-6, weights 1 3 7 9 1 3 7 9 give the ninth digit mod 10, then issue (and reference)."""
    if len(number) not in {10, 11} or not is_digits(number) or number[0] not in "23456":
        return False
    return weighted(number[:8], (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(number[8])


def nz_ird(number: str) -> bool:
    """Inland Revenue (NZ), RWT/NRWT specification: 10-150 million, weights 3 2 7 6 5 4 3 2, or 7 4 3 2 5 2 7 6 where 10 remains."""
    number = number.zfill(9)
    if len(number) != 9 or not is_digits(number) or not 10_000_000 < int(number) < 200_000_000:
        return False
    for weights in ((3, 2, 7, 6, 5, 4, 3, 2), (7, 4, 3, 2, 5, 2, 7, 6)):
        value = -weighted(number[:8], weights) % 11
        if value != 10:
            return value == int(number[8])
    return False


_NHI_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_NHI = re.compile("[A-HJ-NP-Z]{3}[0-9]{4}|[A-HJ-NP-Z]{3}[0-9]{2}[A-HJ-NP-Z]{2}")


def nz_nhi(number: str) -> bool:
    """HISO 10046: letters without I and O count 1-24, weights 7 to 2, mod 11 (a digit) or mod 24 (a letter)."""
    if not _NHI.fullmatch(number):
        return False
    values = [int(char) if char.isdigit() else _NHI_LETTERS.index(char) + 1 for char in number[:6]]
    total = sum(value * weight for value, weight in zip(values, range(7, 1, -1), strict=True))
    if number[6].isdigit():
        return total % 11 != 0 and (11 - total % 11) % 10 == int(number[6])
    return _NHI_LETTERS[23 - total % 24] == number[6]


_TFN_WORDS = ("tfn", "tax file number", "tax file", "ato", "tax")
_ABN_WORDS = ("abn", "australian business number", "business number", "abr")
_ACN_WORDS = ("acn", "australian company number", "company number", "asic")
_MEDICARE_WORDS = ("medicare", "medicare card", "medicare number", "irn")
_MEDICARE_SOURCE = "Services Australia; METeOR 270101, Medicare card number"

RECOGNIZERS: tuple[Recognizer, ...] = (
    ident(
        "au/abn",
        "AU_ABN",
        grouped("00 000 000 000", " -"),
        (completed("51 824 753 5??", au_abn),),
        "Australian Business Register, Format of the ABN",
        score=0.8,
        check=au_abn,
        context=_ABN_WORDS,
    ),
    ident(
        "au/abn-plain",
        "AU_ABN",
        ("00000000000",),
        (completed("518247535??", au_abn),),
        "Australian Business Register, Format of the ABN",
        score=0.39,
        check=au_abn,
        context=_ABN_WORDS,
        anti=NOT_A_PERSON,
    ),
    ident(
        "au/acn",
        "AU_ACN",
        (*grouped("000 000 000"), "000000000"),
        (completed("005 499 98?", au_acn), completed("00549998?", au_acn)),
        "ASIC, Australian Company Number digit check",
        score=LUCK,
        check=au_acn,
        context=_ACN_WORDS,
        anti=NOT_A_PERSON,
    ),
    ident(
        "au/tfn",
        "AU_TFN",
        (*grouped("000 000 000"), "000000000", "000 000 00", "00000000"),
        (completed("876 543 21?", au_tfn), completed("87654321?", au_tfn)),
        "Australian Taxation Office, tax file number check digit",
        score=LUCK,
        check=au_tfn,
        context=_TFN_WORDS,
        anti=NOT_A_PERSON,
    ),
    ident(
        "au/medicare",
        "AU_MEDICARE",
        ("0000 00000 0", "0000-00000-0", "0000 00000 0 0", "0000 00000 0/0", "0000 00000 0-0"),
        (completed("2123 4567? 1", au_medicare),),
        _MEDICARE_SOURCE,
        score=LIKELY,
        check=au_medicare,
        context=_MEDICARE_WORDS,
    ),
    ident(
        "au/medicare-plain",
        "AU_MEDICARE",
        ("0000000000", "00000000000"),
        (completed("21234567?1", au_medicare),),
        _MEDICARE_SOURCE,
        score=LUCK,
        check=au_medicare,
        context=_MEDICARE_WORDS,
        anti=NOT_A_PERSON,
    ),
    ident(
        "au/passport",
        "AU_PASSPORT",
        ("A0000000", "AA0000000"),
        ("N1234567", "PA1234567"),
        "Australian Passport Office; ICAO Doc 9303",
        score=FORM,
        regex="(?i:[A-Z]|P[A-Z]|RA)[0-9]{7}",
        context=("passport", "travel document", "australian passport"),
        required=True,
    ),
    ident(
        "nz/ird",
        "NZ_IRD",
        (*grouped("000 000 000", "- "), *grouped("00 000 000", "- "), "000000000", "00000000"),
        (completed("49-091-85?", nz_ird), completed("136-410-13?", nz_ird)),
        "Inland Revenue (NZ), RWT and NRWT certificate filing specification, check digit",
        score=LUCK,
        check=nz_ird,
        context=("ird", "ird number", "inland revenue", "tax number"),
        anti=NOT_A_PERSON,
    ),
    ident(
        "nz/nhi",
        "NZ_NHI",
        ("AAA0000", "AAA00AA"),
        (completed("ZAC536?", nz_nhi), completed("ZBN77V?", nz_nhi, _NHI_LETTERS)),
        "HISO 10046, Consumer health identity standard",
        score=LUCK,
        check=nz_nhi,
        context=("nhi", "national health index", "patient", "hospital"),
    ),
)
