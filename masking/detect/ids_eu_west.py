"""Germany, Austria, Switzerland and Luxembourg: tax, insurance, identity papers, plates, registers."""

from __future__ import annotations

import re

from masking.checks import (
    ALPHANUMERIC,
    completed,
    is_date,
    is_ddmmyy,
    is_digits,
    is_yyyymmdd,
    luhn,
    mod_11_10,
    one_repeated,
    verhoeff,
    weighted,
)
from masking.detect.ids_common import FORM, LIKELY, LUCK, NOT_A_PERSON, SURE, any_of, grouped, ident
from masking.recognizer import Recognizer


def de_tax_id(number: str) -> bool:
    """BZSt, Steuer-IdNr. § 139b AO: no leading 0, one digit two or three times among the first ten, ISO 7064 MOD 11,10."""
    if len(number) != 11 or not is_digits(number) or number[0] == "0":
        return False
    body = number[:10]
    counts = sorted(body.count(digit) for digit in set(body))
    once = counts[-1] in {2, 3} and counts[:-1] == [1] * (len(counts) - 1)
    return once and not re.search(r"(.)\1\1", body) and mod_11_10(number)


def _letter_as_two(char: str) -> str:
    return f"{ord(char) - 64:02d}"


def _digit_sum(value: int) -> int:
    return value // 10 + value % 10


_RVNR = re.compile(r"[0-9]{8}[A-Z][0-9]{3}")


def de_social_security(number: str) -> bool:
    """VKVV § 2: area, birth date, letter as two digits, serial; digit sums under weights 2 1 2 5 7 1 2 1 2 1 2 1, mod 10."""
    if not _RVNR.fullmatch(number):
        return False
    day, month = int(number[2:4]), int(number[4:6])
    if not is_date(2000, month, day):
        return False
    spread = number[:8] + _letter_as_two(number[8]) + number[9:11]
    weights = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    total = sum(_digit_sum(int(char) * weight) for char, weight in zip(spread, weights, strict=True))
    return total % 10 == int(number[11])


def de_health_insurance(number: str) -> bool:
    """§ 290 SGB V (KVNR): a letter as two digits and eight digits; digit sums under weights 1 2 1 2 …, mod 10."""
    if len(number) != 10 or not ("A" <= number[0] <= "Z") or not is_digits(number[1:]):
        return False
    spread = _letter_as_two(number[0]) + number[1:9]
    total = sum(_digit_sum(int(char) * (1 + place % 2)) for place, char in enumerate(spread))
    return total % 10 == int(number[9])


_ICAO = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DE_PAPER = "[CFGHJKLMNPRTVWXYZ0-9]"
_DE_CARD = re.compile(rf"[LMNPRTVWXY]{_DE_PAPER}{{8}}[0-9]?D?|T[0-9]{{8}}")
_DE_PASS = re.compile(rf"[CFGHJK]{_DE_PAPER}{{8}}[0-9]?D?")


def icao_check(number: str) -> bool:
    """ICAO Doc 9303 part 3, 4.9: weights 7 3 1 repeated over 0-9 A-Z values; the last digit is the sum mod 10."""
    if not number or not is_digits(number[-1]) or not set(number) <= set(_ICAO):
        return False
    return sum(
        _ICAO.index(char) * (7, 3, 1)[place % 3] for place, char in enumerate(number[:-1])
    ) % 10 == int(number[-1])


def _document(number: str, form: re.Pattern[str]) -> bool | None:
    """A German document number: rejected off form; certain with its check digit; else only a form."""
    number = number.replace(" ", "").upper()
    if not form.fullmatch(number) or sum(char.isdigit() for char in number) < 2:
        return False
    number = number.removesuffix("D")
    if len(number) == 9:
        return None
    return icao_check(number)


def de_id_card(text: str) -> bool | None:
    """Personalausweis serial number (PAuswV annex): letter, eight of the ICAO-safe set, check digit."""
    return _document(text, _DE_CARD)


def de_passport(text: str) -> bool | None:
    """Reisepass serial number (PassV annex): C F G H J K, eight of the ICAO-safe set, check digit."""
    return _document(text, _DE_PASS)


def de_vat(number: str) -> bool:
    """§ 27a UStG: DE and nine digits under ISO 7064 MOD 11,10."""
    return len(number) == 11 and number[:2] == "DE" and mod_11_10(number[2:])


def at_svnr(number: str) -> bool:
    """Dachverband der Sozialversicherungsträger: weights 3 7 9 · 5 8 4 2 1 6, the fourth digit is the sum mod 11; birth date."""
    if len(number) != 10 or not is_digits(number) or number[0] == "0":
        return False
    month = int(number[6:8])
    born = is_ddmmyy(number[4:]) or (month in {13, 14, 15} and 1 <= int(number[4:6]) <= 31)
    return born and weighted(number[:3] + number[4:], (3, 7, 9, 5, 8, 4, 2, 1, 6)) % 11 == int(number[3])


def at_tax(number: str) -> bool:
    """BMF Abgabenkontonummer: nine digits, Luhn over all of them."""
    return len(number) == 9 and is_digits(number) and luhn(number)


def ean13(number: str) -> bool:
    """GS1 General Specifications 7.9: weights 1 and 3 by turns, sum ≡ 0 mod 10."""
    return len(number) == 13 and is_digits(number) and weighted(number, (1, 3) * 7) % 10 == 0


def ch_ahv(number: str) -> bool:
    """Central Compensation Office (CH), AHVN13: country 756 and an EAN-13 check digit."""
    return number.startswith("756") and ean13(number)


def lu_national(number: str) -> bool:
    """Luxembourg, law of 19 June 2013: birth date, serial, a Luhn digit and a Verhoeff digit over the first eleven."""
    return (
        len(number) == 13
        and is_yyyymmdd(number[:8])
        and luhn(number[:12])
        and verhoeff(number[:11] + number[12])
    )


_DE_STATES = (
    "00/000/00000",
    "000/000/00000",
    "000/0000/0000",
    "000/000/0000",
    "00000/00000",
    "00 000 00000",
    "000 000 00000",
)
_TAX_WORDS = (
    *(
        "steueridentifikationsnummer",
        "steuer id",
        "steuerid",
        "idnr",
        "steuer idnr",
        "tin",
        "tax id",
        "steuer",
        "identifikationsnummer",
    ),
    *("tax identification", "steuerliche"),
)
_CARD_WORDS = (
    "personalausweis",
    "ausweis",
    "ausweisnummer",
    "id card",
    "identity card",
    "personalausweisnummer",
    "npa",
    "perso",
)
_PASS_WORDS = ("reisepass", "passnummer", "passport", "pass", "reisepassnummer", "passport number")
_RV_WORDS = (
    *(
        "rentenversicherung",
        "rentenversicherungsnummer",
        "rvnr",
        "sozialversicherungsnummer",
        "svnr",
        "versicherungsnummer",
    ),
    *(
        "sozialversicherung",
        "social security",
        "sv nummer",
        "sozialversicherungsausweis",
        "pension insurance",
    ),
)
_PAPER = any_of(
    "A", ("0", "A"), ("0", "A"), ("0", "A"), ("0", "A"), ("0", "A"), ("0", "A"), ("0", "A"), ("0", "A")
)[:-1]

_LICENCE = tuple(
    a + b + c
    for a in ("A000", "A00A", "A0A0", "A0AA")
    for b in any_of(*((("0", "A"),) * 5))
    for c in ("00", "0A", "A0", "AA")
)


def de_lanr(number: str) -> bool:
    """KBV: the first six digits times 4 and 9 in turn; the seventh fills their sum to ten."""
    return (
        len(number) == 9
        and is_digits(number)
        and not one_repeated(number[:7])
        and (weighted(number[:6], (4, 9, 4, 9, 4, 9)) + int(number[6])) % 10 == 0
    )


_KV_REGIONS = frozenset(
    {
        1,
        2,
        3,
        6,
        7,
        17,
        20,
        24,
        31,
        35,
        38,
        46,
        47,
        51,
        52,
        55,
        60,
        61,
        62,
        71,
        72,
        73,
        78,
        79,
        80,
        81,
        83,
        88,
        93,
        98,
        99,
    }
)


def de_bsnr(number: str) -> bool:
    """KBV: two digits of the region (the associations and their old districts), then seven running ones."""
    return (
        len(number) == 9
        and is_digits(number)
        and int(number[:2]) in _KV_REGIONS
        and not one_repeated(number[2:])
    )


def de_licence(number: str) -> bool:
    """KBA: weights 9 to 1, the sum mod 11 is the tenth character, X for ten. Letters count from A=1; some registers write A=10."""
    if len(number) != 11 or not set(number) <= set(ALPHANUMERIC):
        return False
    values = [ALPHANUMERIC.index(char) for char in number[:9]]
    return number[9] in {
        "0123456789X"[sum((9 - place) * (n if n < 10 else n - less) for place, n in enumerate(values)) % 11]
        for less in (0, 9)
    }


RECOGNIZERS: tuple[Recognizer, ...] = (
    ident(
        "de/tax-id",
        "DE_TAX_ID",
        ("00000000000", "00 000 000 000", "00 000000000"),
        (completed("8609574271?", de_tax_id), completed("47 036 892 81?", de_tax_id)),
        "Bundeszentralamt für Steuern, Steueridentifikationsnummer; § 139b AO",
        score=0.75,
        check=de_tax_id,
        context=_TAX_WORDS,
        anti=NOT_A_PERSON,
    ),
    ident(
        "de/tax-number",
        "DE_TAX_NUMBER",
        (*_DE_STATES, "0000000000000"),
        ("181/815/08155", "2181081508155"),
        "ELSTER, Prüfung der Steuernummer (state forms and the unified 13 digits)",
        score=FORM,
        structure=lambda number: len(set(number)) > 2,
        context=("steuernummer", "st nr", "stnr", "steuer nr", "finanzamt", "tax number", "elster", "steuer"),
        anti=NOT_A_PERSON,
        required=True,
    ),
    ident(
        "de/tax-number-plain",
        "DE_TAX_NUMBER",
        ("0000000000", "00000000000", "0000 000 00000"),
        ("2181508150", "93815081524"),
        "ELSTER, Prüfung der Steuernummer (state forms without their signs)",
        score=FORM / 2,
        structure=lambda number: len(set(number)) > 2,
        context=("steuernummer", "st nr", "stnr", "steuer nr", "finanzamt", "elster"),
        anti=NOT_A_PERSON,
        required=True,
    ),
    ident(
        "de/lanr",
        "DE_LANR",
        ("000000000",),
        (completed("12345?601", de_lanr),),
        "KBV, Richtlinie nach § 75 Abs. 7 SGB V: lebenslange Arztnummer, check digit 4 and 9",
        score=LUCK,
        check=de_lanr,
        context=(
            "lanr",
            "arztnummer",
            "vertragsarzt",
            "arztnr",
            "behandelnder arzt",
            "lebenslange arztnummer",
        ),
        required=True,
    ),
    ident(
        "de/bsnr",
        "DE_BSNR",
        ("000000000",),
        ("021234568",),
        "KBV, Richtlinie nach § 75 Abs. 7 SGB V: Betriebsstättennummer, the KV's region in front",
        score=FORM,
        structure=de_bsnr,
        context=("bsnr", "betriebsstättennummer", "betriebsstätte", "nbsnr", "arztpraxis", "praxisnummer"),
        required=True,
        negative=("BSNR 041234568",),
    ),
    ident(
        "de/driving-licence",
        "DE_FUEHRERSCHEIN",
        _LICENCE,
        (completed("B072RRE2I?5", de_licence, ALPHANUMERIC),),
        "Fahrerlaubnis-Verordnung (FeV) annex 8; KBA: Führerscheinnummer, check digit of the tenth place",
        score=0.35,
        check=de_licence,
        context=(
            "führerschein",
            "führerscheinnummer",
            "fahrerlaubnis",
            "driving licence",
            "driver license",
            "fuehrerschein",
        ),
    ),
    ident(
        "de/social-security",
        "DE_SOCIAL_SECURITY",
        any_of("00", ("", " "), "000000", ("", " "), "A", ("", " "), ("000", "00 0")),
        (completed("65180539W00?", de_social_security), completed("15070649C10?", de_social_security)),
        "VKVV § 2, Versicherungsnummer; Deutsche Rentenversicherung",
        score=SURE,
        check=de_social_security,
        context=_RV_WORDS,
    ),
    ident(
        "de/health-insurance",
        "DE_HEALTH_INSURANCE",
        ("A000000000", "A 000000000", "A000 000 000", "A000 000000"),
        (completed("A12345678?", de_health_insurance),),
        "GKV-Spitzenverband, Krankenversichertennummer; § 290 SGB V",
        score=LUCK,
        check=de_health_insurance,
        context=(
            "krankenversicherung",
            "krankenversichertennummer",
            "kvnr",
            "krankenkasse",
            "versichertennummer",
            "egk",
            "gesundheitskarte",
            "health insurance",
        ),
    ),
    ident(
        "de/id-card",
        "DE_ID_CARD",
        (*_PAPER, *(shape + "0" for shape in _PAPER), *(shape + "0A" for shape in _PAPER)),
        ("L01X00T47", "T22000129" + "3", "T22000129"),
        "PAuswV; BSI TR-03127: serial number and ICAO Doc 9303 check digit",
        score=LUCK,
        unchecked=FORM,
        validator=de_id_card,
        context=_CARD_WORDS,
        required=True,
        negative=("Ausweis A1234567O",),
    ),
    ident(
        "de/passport",
        "DE_PASSPORT",
        (*_PAPER, *(shape + "0" for shape in _PAPER), *(shape + "0A" for shape in _PAPER)),
        ("C01X00T47", "C01X0006H" + "1"),
        "PassV; ICAO Doc 9303 part 4",
        score=LUCK,
        unchecked=FORM,
        validator=de_passport,
        context=_PASS_WORDS,
        required=True,
    ),
    ident(
        "de/vat",
        "DE_VAT_ID",
        any_of("AA", ("", " ", "-"), ("000000000", "000 000 000")),
        (completed("DE13669597?", de_vat), completed("DE 136 695 97?", de_vat)),
        "§ 27a UStG; BZSt, USt-IdNr.",
        score=SURE,
        check=de_vat,
        regex="(?i:DE)[ -]?[0-9 ]{9,11}",
        context=("ust", "ust idnr", "umsatzsteuer", "vat", "vat id", "mwst", "uid", "steuer"),
    ),
    ident(
        "de/plate",
        "DE_KFZ",
        any_of(
            ("A", "AA", "AAA"),
            "-",
            ("A", "AA"),
            ("", " ", "-"),
            ("0", "00", "000", "0000"),
            ("", "A"),
        )
        + any_of(("A", "AA", "AAA"), " ", ("A", "AA"), (" ", ""), ("00", "000", "0000")),
        ("B-MW 1234", "HH AB 123", "M-XY 99E"),
        "Fahrzeug-Zulassungsverordnung (FZV) § 9",
        score=FORM,
        regex="[A-ZÄÖÜ]{1,3}[- ][A-Z]{1,2}[- ]?[1-9][0-9]{0,3}[EH]?",
        context=(
            "kennzeichen",
            "kfz",
            "fahrzeug",
            "auto",
            "plate",
            "license plate",
            "licence plate",
            "nummernschild",
            "wagen",
            "zulassung",
            "vehicle",
            "halter",
        ),
        required=True,
    ),
    ident(
        "de/commercial-register",
        "DE_HANDELSREGISTER",
        any_of("AAA", ("", " "), ("0", "00", "000", "0000", "00000", "000000"), ("", " A", " AA")),
        ("HRB 123456", "HRA 8765"),
        "Handelsregisterverordnung (HRV) §§ 3, 13: departments A and B",
        score=0.65,
        regex="HR[AB] ?[0-9]{1,6}",
        context=(
            "handelsregister",
            "amtsgericht",
            "registergericht",
            "register",
            "commercial register",
            "hr",
        ),
        negative=("HRC 123456",),
    ),
    ident(
        "de/postcode",
        "DE_PLZ",
        ("00000",),
        ("10115",),
        "Deutsche Post, Postleitzahlen 01001-99998",
        score=FORM,
        structure=lambda number: is_digits(number) and 1001 <= int(number) <= 99998,
        context=("plz", "postleitzahl", "postal code", "zustelladresse"),
        required=True,
    ),
    ident(
        "at/svnr",
        "AT_SVNR",
        ("0000 000000", "0000-000000", "0000 00 00 00"),
        (completed("123? 010180", at_svnr),),
        "Dachverband der österreichischen Sozialversicherungsträger, Versicherungsnummer",
        score=LIKELY,
        check=at_svnr,
        context=(
            "sozialversicherungsnummer",
            "svnr",
            "sv nummer",
            "versicherungsnummer",
            "sozialversicherung",
            "social security",
            "ecard",
        ),
    ),
    ident(
        "at/svnr-plain",
        "AT_SVNR",
        ("0000000000",),
        (completed("123?010180", at_svnr),),
        "Dachverband der österreichischen Sozialversicherungsträger, Versicherungsnummer",
        score=LUCK,
        check=at_svnr,
        context=(
            "sozialversicherungsnummer",
            "svnr",
            "sv nummer",
            "versicherungsnummer",
            "sozialversicherung",
            "social security",
        ),
        anti=NOT_A_PERSON,
    ),
    ident(
        "at/tax",
        "AT_TAX_ID",
        ("00-000/0000", "00 000/0000", "000000000"),
        (completed("59-119/901?", at_tax),),
        "BMF, Abgabenkontonummer (Steuernummer)",
        score=LUCK,
        check=at_tax,
        context=("steuernummer", "abgabenkontonummer", "finanzamt", "tax number", "tax id", "steuer"),
        required=True,
    ),
    ident(
        "ch/ahv",
        "CH_AHV",
        (*grouped("000 0000 0000 00", ". "), "0000000000000"),
        (completed("756.9217.0769.8?", ch_ahv), completed("756123456789?", ch_ahv)),
        "Zentrale Ausgleichsstelle ZAS, AHVN13",
        score=SURE,
        check=ch_ahv,
        context=(
            "ahv",
            "avs",
            "ahvn",
            "navs",
            "ahv nummer",
            "oasi",
            "sozialversicherungsnummer",
            "numéro avs",
            "numero avs",
        ),
    ),
    ident(
        "lu/national-id",
        "LU_NATIONAL_ID",
        ("0000000000000", "00000000 00000", "0000 00 00 00000"),
        (completed("19840101123??", lu_national),),
        "Luxembourg, loi du 19 juin 2013, numéro d'identification national",
        score=SURE,
        check=lu_national,
        context=(
            "matricule",
            "cns",
            "identification national",
            "national id",
            "numéro d'identification",
            "luxembourg",
        ),
    ),
)
