"""Nordic and Baltic countries: personal identity codes that begin with a birth date, and company numbers."""

from __future__ import annotations

import re

from masking.checks import bare, completed, is_date, is_ddmmyy, is_digits, is_yymmdd, luhn, mod_11, weighted
from masking.detect.ids_common import FORM, LIKELY, LUCK, NOT_A_PERSON, SURE, any_of, ident
from masking.recognizer import Recognizer


def se_personnummer(number: str) -> bool:
    """Skatteverket SKV 704: birth date (day +60 for a samordningsnummer), serial, Luhn over the last ten digits."""
    if (
        len(number) not in {10, 12}
        or not is_digits(number)
        or (len(number) == 12 and number[:2] not in {"18", "19", "20"})
    ):
        return False
    short = number[-10:]
    day = int(short[4:6])
    born = short[:4] + (f"{day - 60:02d}" if day > 60 else short[4:6])
    return is_yymmdd(born) and luhn(short)


def se_company(number: str) -> bool:
    """Bolagsverket, organisationsnummer: the third digit is at least 2 so that it is no date; Luhn."""
    return (
        len(number) == 10
        and is_digits(number)
        and number[0] in "1235679"
        and number[2] >= "2"
        and luhn(number)
    )


def no_fnr(number: str) -> bool:
    """Skatteetaten, fødselsnummer: date (day +40 D-number, month +40 H-number, +80 synthetic) and two mod 11 digits."""
    if len(number) != 11 or not is_digits(number):
        return False
    day, month = int(number[:2]) % 40, int(number[2:4]) % 40
    if not is_ddmmyy(f"{day:02d}{month:02d}{number[4:6]}"):
        return False
    return mod_11(number[:10], (3, 7, 6, 1, 8, 9, 4, 5, 2)) and mod_11(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2))


def no_orgnr(number: str) -> bool:
    """Brønnøysundregistrene, organisasjonsnummer: weights 3 2 7 6 5 4 3 2, mod 11; begins with 8 or 9."""
    return (
        len(number) == 9
        and is_digits(number)
        and number[0] in "89"
        and mod_11(number, (3, 2, 7, 6, 5, 4, 3, 2))
    )


_CPR = (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)


def dk_cpr(number: str) -> bool:
    """CPR-kontoret: birth date and four digits. Since 2007 some hold no mod 11, so the sum cannot reject."""
    return len(number) == 10 and is_ddmmyy(number[:6])


def dk_cpr_checked(text: str) -> bool | None:
    """Certain where the sum under 4 3 2 7 6 5 4 3 2 1 is 0 mod 11, open where only the date holds."""
    number = bare(text)
    if not dk_cpr(number):
        return False
    return True if weighted(number, _CPR) % 11 == 0 else None


_HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_HETU_FORM = re.compile(r"([0-9]{6})[-+A-FU-Ya-fu-y]([0-9]{3})([0-9A-Ya-y])")


def fi_hetu(text: str) -> bool:
    """DVV, henkilötunnus: date, century sign (+, -, A-F, U-Y since 2023), serial 002-899, nine digits mod 31 as a character."""
    match = _HETU_FORM.fullmatch(text)
    if match is None or not is_ddmmyy(match[1]) or int(match[2]) < 2:
        return False
    return _HETU[int(match[1] + match[2]) % 31] == match[3].upper()


def is_kennitala(number: str) -> bool:
    """Þjóðskrá, kennitala: date (day +40 for companies), serial, weights 3 2 7 6 5 4 3 2 mod 11, century 8, 9 or 0."""
    if len(number) != 10 or not is_digits(number) or number[9] not in "890":
        return False
    return is_ddmmyy(f"{int(number[:2]) % 40:02d}{number[2:6]}") and mod_11(
        number[:9], (3, 2, 7, 6, 5, 4, 3, 2)
    )


def baltic(number: str) -> bool:
    """Isikukood (Estonia, EVS 585:2007) and asmens kodas (Lithuania): century and date, two rounds of weights mod 11."""
    if len(number) != 11 or not is_digits(number) or number[0] not in "12345678":
        return False
    century = 1800 + (int(number[0]) - 1) // 2 * 100
    if not is_date(century + int(number[1:3]), int(number[3:5]), int(number[5:7])):
        return False
    first = weighted(number[:10], (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if first == 10:
        first = weighted(number[:10], (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return first == int(number[10])


def lv_pk(number: str) -> bool:
    """PMLP, personas kods before 2017: birth date, century digit, weights 1 6 3 7 9 10 5 8 4 2, 1101 minus the sum mod 11 mod 10."""
    if len(number) != 11 or not is_digits(number) or number[6] not in "012" or not is_ddmmyy(number[:6]):
        return False
    return (1101 - weighted(number[:10], (1, 6, 3, 7, 9, 10, 5, 8, 4, 2))) % 11 % 10 == int(number[10])


_SE_WORDS = (
    "personnummer",
    "samordningsnummer",
    "personal identity number",
    "pnr",
    "person nr",
    "folkbokföring",
    "svenskt",
    "swedish",
)
_SE_SOURCE = "Skatteverket SKV 704, Personnummer"
_NO_WORDS = (
    "fødselsnummer",
    "fodselsnummer",
    "fnr",
    "personnummer",
    "d nummer",
    "national id",
    "norwegian",
    "folkeregister",
)
_DK_WORDS = ("cpr", "cpr nummer", "cpr nr", "personnummer", "cprnr", "danish", "sundhedskort", "cpr number")
_IS_WORDS = ("kennitala", "kt", "kennitölu", "icelandic id")

RECOGNIZERS: tuple[Recognizer, ...] = (
    ident(
        "se/personnummer",
        "SE_PERSONNUMMER",
        ("000000-0000", "00000000-0000", "000000+0000", "00000000+0000", "000000000000", "00000000 0000"),
        (
            completed("811228-987?", se_personnummer),
            completed("19811228-987?", se_personnummer),
            completed("701063-239?", se_personnummer),
        ),
        _SE_SOURCE,
        score=0.75,
        check=se_personnummer,
        context=_SE_WORDS,
    ),
    ident(
        "se/personnummer-plain",
        "SE_PERSONNUMMER",
        ("0000000000",),
        (completed("811228987?", se_personnummer),),
        _SE_SOURCE,
        score=LUCK,
        check=se_personnummer,
        context=_SE_WORDS,
        anti=NOT_A_PERSON,
    ),
    ident(
        "se/company",
        "SE_ORGANISATIONSNUMMER",
        ("000000-0000", "0000000000"),
        (completed("556036-079?", se_company),),
        "Bolagsverket, organisationsnummer",
        score=LUCK,
        check=se_company,
        context=(
            "organisationsnummer",
            "org nr",
            "orgnr",
            "organisation",
            "bolag",
            "företag",
            "company number",
            "organization number",
        ),
        anti=NOT_A_PERSON,
    ),
    ident(
        "no/fodselsnummer",
        "NO_FODSELSNUMMER",
        ("00000000000", "000000 00000", "00 00 00 00000"),
        (completed("0101901?2??", no_fnr), completed("410190 1?2??", no_fnr)),
        "Skatteetaten, fødselsnummer og D-nummer",
        score=0.75,
        check=no_fnr,
        context=_NO_WORDS,
    ),
    ident(
        "no/company",
        "NO_ORGNR",
        ("000000000", "000 000 000"),
        (completed("97476067?", no_orgnr),),
        "Brønnøysundregistrene, organisasjonsnummeret",
        score=LUCK,
        check=no_orgnr,
        context=("organisasjonsnummer", "org nr", "orgnr", "foretak", "mva"),
        required=True,
    ),
    ident(
        "dk/cpr",
        "DK_CPR_NUMBER",
        ("000000-0000",),
        ("010190-1235", completed("211062-562?", lambda number: weighted(number, _CPR) % 11 == 0)),
        "CPR-kontoret, Opbygning af CPR-nummeret; personnumre uden kontrolciffer (2007)",
        score=0.85,
        unchecked=0.55,
        validator=dk_cpr_checked,
        context=_DK_WORDS,
        negative=("cpr 320190-1235", "cpr 011390-1235"),
    ),
    ident(
        "dk/cpr-plain",
        "DK_CPR_NUMBER",
        ("0000000000", "000000 0000"),
        ("0101901235",),
        "CPR-kontoret, Opbygning af CPR-nummeret",
        score=LUCK,
        unchecked=FORM,
        validator=dk_cpr_checked,
        context=_DK_WORDS,
        anti=NOT_A_PERSON,
        required=True,
    ),
    ident(
        "fi/hetu",
        "FI_PERSONAL_IDENTITY_CODE",
        any_of("000000", ("-", "+", "A"), "000", ("0", "A")),
        (f"010594-902{_HETU[10594902 % 31]}", f"020503A005{_HETU[20503005 % 31]}"),
        "Digital and Population Data Services Agency (DVV), henkilötunnus; renewal of 2023",
        score=SURE,
        validator=fi_hetu,
        context=(
            "hetu",
            "henkilötunnus",
            "personbeteckning",
            "personal identity code",
            "henkilotunnus",
            "sotu",
        ),
    ),
    ident(
        "is/kennitala",
        "IS_KENNITALA",
        ("000000-0000", "000000 0000"),
        (completed("120174-3??9", is_kennitala),),
        "Þjóðskrá Íslands, kennitala",
        score=LIKELY,
        check=is_kennitala,
        context=_IS_WORDS,
    ),
    ident(
        "is/kennitala-plain",
        "IS_KENNITALA",
        ("0000000000",),
        (completed("1201743??9", is_kennitala),),
        "Þjóðskrá Íslands, kennitala",
        score=LUCK,
        check=is_kennitala,
        context=_IS_WORDS,
        anti=NOT_A_PERSON,
    ),
    ident(
        "ee/isikukood",
        "EE_ISIKUKOOD",
        ("00000000000",),
        (completed("3760503029?", baltic),),
        "Estonian standard EVS 585:2007, personal code",
        score=LUCK,
        check=baltic,
        context=("isikukood", "personal code", "estonian", "eesti", "ik"),
    ),
    ident(
        "lt/asmens-kodas",
        "LT_ASMENS_KODAS",
        ("00000000000",),
        (completed("3330912009?", baltic),),
        "Lietuvos gyventojų registras, asmens kodas",
        score=LUCK,
        check=baltic,
        context=("asmens kodas", "asmens", "lithuanian", "lietuvos", "personal code"),
    ),
    ident(
        "lv/personas-kods",
        "LV_PERSONAS_KODS",
        ("000000-00000", "00000000000"),
        (completed("161175-1999?", lv_pk),),
        "PMLP (Latvia), personas kods",
        score=LIKELY,
        check=lv_pk,
        context=("personas kods", "latvian", "latvija", "pk", "personal code"),
    ),
)
