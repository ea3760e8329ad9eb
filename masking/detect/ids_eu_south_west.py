"""France, Spain, Italy, Portugal, Belgium, the Netherlands: national ids, tax numbers, identity papers."""

from __future__ import annotations

import re

from masking.checks import completed, is_date, is_digits, luhn, one_repeated, weighted
from masking.detect.ids_common import FORM, LIKELY, LUCK, NOT_A_PERSON, SURE, any_of, grouped, ident
from masking.recognizer import Recognizer

_NIR = re.compile(
    r"[123478][0-9]{2}(?:0[1-9]|1[0-2]|[23][0-9]|4[0-2]|[5-9][0-9])(?:[0-9]{2}|2[AB])[0-9]{3}(?!000)[0-9]{3}(?:[0-9]{2})?"
)


def fr_nir(number: str) -> bool:
    """INSEE, NIR: sex, year, month, department (2A, 2B), commune, rank; the key is 97 minus the number mod 97."""
    if len(number) != 15 or not _NIR.fullmatch(number):
        return False
    body = number[:13].replace("2A", "19", 1) if number[5:7] == "2A" else number[:13]
    body = body.replace("2B", "18", 1) if number[5:7] == "2B" else body
    return is_digits(body) and 97 - int(body) % 97 == int(number[13:])


def fr_nir_without_key(number: str) -> bool:
    """The thirteen characters of an NIR, as payroll files carry them."""
    return len(number) == 13 and _NIR.fullmatch(number) is not None


def fr_spi(number: str) -> bool:
    """DGFiP, numéro fiscal (SPI): ten digits beginning 0-3, then those mod 511 in three."""
    return (
        len(number) == 13
        and is_digits(number)
        and number[0] in "0123"
        and int(number[:10]) % 511 == int(number[10:])
    )


_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"


def es_nif(number: str) -> bool:
    """Ministerio del Interior, DNI: the number mod 23 names the letter; seven digits are padded."""
    return (
        len(number) in {8, 9}
        and is_digits(number[:-1])
        and not one_repeated(number[:-1])
        and number[-1] == _DNI[int(number[:-1]) % 23]
    )


def es_nie(number: str) -> bool:
    """NIE: X, Y, Z stand for 0, 1, 2 before the seven digits, then the DNI rule."""
    if len(number) != 9 or number[0] not in "XYZ" or not is_digits(number[1:8]):
        return False
    return number[8] == _DNI[int(f"{'XYZ'.index(number[0])}{number[1:8]}") % 23]


def es_cif(number: str) -> bool:
    """Orden EHA/451/2008: a Luhn-like sum over seven digits gives a digit or, for some kinds, a letter JABCDEFGHI."""
    if len(number) != 9 or number[0] not in "ABCDEFGHJNPQRSUVW" or not is_digits(number[1:8]):
        return False
    value = next(digit for digit in range(10) if luhn(number[1:8] + str(digit)))
    kinds = "JABCDEFGHI"[value] if number[0] in "PQSNWR" else str(value)
    return number[8] == kinds or (number[0] not in "ABEHPQSNWR" and number[8] == "JABCDEFGHI"[value])


def es_social_security(number: str) -> bool:
    """Seguridad Social, NAF: province, eight digits, and the first ten mod 97 (eight-digit bodies under 10⁷ drop a zero)."""
    if len(number) != 12 or not is_digits(number) or not 1 <= int(number[:2]) <= 66:
        return False
    body = int(number[2:10])
    return (int(number[:2]) * 10**7 + body if body < 10**7 else int(number[:10])) % 97 == int(number[10:])


_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (
            1,
            0,
            5,
            7,
            9,
            13,
            15,
            17,
            19,
            21,
            1,
            0,
            5,
            7,
            9,
            13,
            15,
            17,
            19,
            21,
            2,
            4,
            18,
            20,
            11,
            3,
            6,
            8,
            12,
            14,
            16,
            10,
            22,
            25,
            24,
            23,
        ),
        strict=True,
    )
)
_OMOCODIA = str.maketrans("LMNPQRSTUV", "0123456789")
_DIGIT_PLACES = (6, 7, 9, 10, 12, 13, 14)
_FISCAL = re.compile(r"[A-Z]{6}[0-9]{2}[ABCDEHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]")


def it_fiscal_code(number: str) -> bool:
    """DM 23 December 1976: odd and even places are valued by table, the sum mod 26 is the last letter; omocodia letters."""
    if len(number) != 16 or not number.isascii() or not number.isalnum():
        return False
    plain = "".join(
        char.translate(_OMOCODIA) if place in _DIGIT_PLACES else char for place, char in enumerate(number)
    )
    day = plain[9:11]
    if not _FISCAL.fullmatch(plain) or not (1 <= int(day) <= 31 or 41 <= int(day) <= 71):
        return False
    total = sum(
        _ODD[char] if place % 2 == 0 else (int(char) if char.isdigit() else ord(char) - 65)
        for place, char in enumerate(number[:15])
    )
    return chr(65 + total % 26) == number[15]


def it_vat(number: str) -> bool:
    """DPR 633/1972 art. 35, Partita IVA: eleven digits, Luhn; the office is 001-100, 120, 121, 888 or 999."""
    number = number.removeprefix("IT")
    if len(number) != 11 or not is_digits(number) or number[:7] == "0000000":
        return False
    office = int(number[7:10])
    return (1 <= office <= 100 or office in {120, 121, 888, 999}) and luhn(number)


def pt_nif(number: str) -> bool:
    """Autoridade Tributária, NIF: weights 9 to 2, eleven minus the remainder, 10 and 11 are 0; first digit 1-3, 5-9, or 45 (non-residents)."""
    number = number.removeprefix("PT")
    if (
        len(number) != 9
        or not is_digits(number)
        or number[0] == "0"
        or (number[0] == "4" and number[1] != "5")
        or one_repeated(number)
    ):
        return False
    value = 11 - weighted(number[:8], range(9, 1, -1)) % 11
    return (0 if value > 9 else value) == int(number[8])


_PT_CARD = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def pt_card(number: str) -> bool:
    """Cartão de Cidadão document number (AMA): twelve characters, Luhn over values of 0-9 A-Z."""
    if len(number) != 12 or not is_digits(number[:9] + number[11]) or not set(number) <= set(_PT_CARD):
        return False
    total = 0
    for place, char in enumerate(reversed(number)):
        value = _PT_CARD.index(char) * (1 + place % 2)
        total += value - 9 if place % 2 and value > 9 else value
    return total % 10 == 0


def be_national(number: str) -> bool:
    """Rijksregister/BCSS: birth date (month +20 or +40 for bis numbers), serial, 97 minus the nine digits (2… from 2000) mod 97."""
    if len(number) != 11 or not is_digits(number):
        return False
    year, month, day = int(number[:2]), int(number[2:4]) % 20, int(number[4:6])
    if not (month == 0 or day == 0 or is_date(2000 + year, month, day) or is_date(1900 + year, month, day)):
        return False
    key = int(number[9:])
    return key in {97 - int(number[:9]) % 97, 97 - int("2" + number[:9]) % 97} and number[6:9] not in {
        "000",
        "999",
    }


def nl_bsn(number: str) -> bool:
    """RvIG, Logisch ontwerp BSN: weights 9 to 2 and -1, the sum ≡ 0 mod 11 (elfproef); eight digits are padded."""
    number = number.zfill(9)
    return (
        len(number) == 9
        and is_digits(number)
        and not one_repeated(number)
        and weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0
    )


_OMOCODIA_SHAPES = any_of(
    "AAAAAA",
    ("0", "A"),
    ("0", "A"),
    "A",
    ("0", "A"),
    ("0", "A"),
    "A",
    ("0", "A"),
    ("0", "A"),
    ("0", "A"),
    "A",
)[:-1]
_NIR_WORDS = (
    *(
        "nir",
        "sécurité sociale",
        "securite sociale",
        "numéro de sécurité sociale",
        "insee",
        "sécu",
        "secu",
        "carte vitale",
    ),
    *("social security", "nss", "assuré", "vitale"),
)
_NIF_WORDS = (
    "nif",
    "dni",
    "documento nacional de identidad",
    "identificación fiscal",
    "documento",
    "identidad",
    "national id",
    "spanish id",
)
_BSN_WORDS = (
    "bsn",
    "burgerservicenummer",
    "sofinummer",
    "sofi",
    "citizen service number",
    "burger service nummer",
)
_BE_WORDS = (
    "rijksregister",
    "rijksregisternummer",
    "registre national",
    "numéro national",
    "nationaal nummer",
    "insz",
    "niss",
    "national register",
    "nrn",
)
_PT_WORDS = (
    "nif",
    "contribuinte",
    "número fiscal",
    "identificação fiscal",
    "numero de contribuinte",
    "finanças",
    "vat",
    "tax id",
)
_BSN_SOURCE = "Rijksdienst voor Identiteitsgegevens, Logisch ontwerp BSN"

RECOGNIZERS: tuple[Recognizer, ...] = (
    ident(
        "fr/nir",
        "FR_NIR",
        (
            "000000000000000",
            "0000000000000 00",
            "00000 0A000000 00",
            "000000A000000 00",
            "000000A00000000",
            "0 00 00 00 000 000 00",
            "0 00 00 0A 000 000 00",
            "0-00-00-00-000-000-00",
            "0.00.00.00.000.000.00",
            "0 00 00 00 000 000-00",
        ),
        (completed("2 69 05 49 588 157 ??", fr_nir), completed("1880575156011??", fr_nir)),
        "INSEE, numéro de sécurité sociale (NIR) and its key",
        score=SURE,
        check=fr_nir,
        context=_NIR_WORDS,
    ),
    ident(
        "fr/nir-without-key",
        "FR_NIR",
        ("0000000000000", "000000A000000"),
        ("2690549588157",),
        "INSEE, numéro de sécurité sociale (NIR)",
        score=FORM,
        structure=fr_nir_without_key,
        context=_NIR_WORDS,
        anti=NOT_A_PERSON,
        required=True,
    ),
    ident(
        "fr/spi",
        "FR_TAX_ID",
        ("0000000000000", "00 00 000 000 000"),
        (completed("30 23 217 600 ???", fr_spi),),
        "OECD CRS, France: numéro fiscal de référence (SPI)",
        score=0.65,
        check=fr_spi,
        context=(
            "numéro fiscal",
            "fiscal",
            "spi",
            "impôts",
            "impots",
            "référence fiscale",
            "tax id",
            "tin",
            "dgfip",
        ),
        anti=NOT_A_PERSON,
    ),
    ident(
        "fr/passport",
        "FR_PASSPORT",
        ("00AA00000",),
        ("12AB34567",),
        "France Titres (ANTS); ICAO Doc 9303",
        score=FORM,
        regex="[0-9]{2}[A-Z]{2}[0-9]{5}",
        context=("passeport", "passport", "passeport numéro"),
        required=True,
    ),
    ident(
        "fr/id-card",
        "FR_ID_CARD",
        ("000000000000", "A0AAA0000", "A00AA0000", "A0A0A0000", "AA0AA0000"),
        ("880692310285",),
        "France Titres (ANTS), carte nationale d'identité: twelve digits (1995) or nine characters (2021)",
        score=FORM,
        structure=lambda number: not one_repeated(number),
        context=(
            "carte d'identité",
            "carte nationale d'identité",
            "cni",
            "carte d'identite",
            "id card",
            "pièce d'identité",
        ),
        required=True,
    ),
    ident(
        "es/nif",
        "ES_NIF",
        any_of(("0000000", "00000000", "00.000.000"), ("", "-", " "), "A"),
        (
            completed("12345678?", es_nif, _DNI),
            completed("5476321-?", es_nif, _DNI),
            completed("23.456.789-?", es_nif, _DNI),
        ),
        "Ministerio del Interior, cálculo del dígito de control del NIF",
        score=LIKELY,
        check=es_nif,
        regex="[0-9.]{7,10}[- ]?[A-Z]",
        context=_NIF_WORDS,
        anti=("commit", "hash", "sha", "hex"),
    ),
    ident(
        "es/nif-lower",
        "ES_NIF",
        any_of(("0000000", "00000000"), ("", "-"), "A"),
        (completed("12345678?", es_nif, _DNI).lower(),),
        "Ministerio del Interior, cálculo del dígito de control del NIF",
        score=LUCK,
        check=es_nif,
        context=_NIF_WORDS,
        anti=("commit", "hash", "sha", "hex"),
    ),
    ident(
        "es/nie",
        "ES_NIE",
        any_of("A", ("", "-"), ("0000000",), ("", "-"), "A"),
        (completed("X9613851?", es_nie, _DNI), completed("Z-8078221-?", es_nie, _DNI)),
        "Ministerio del Interior, NIE",
        score=0.8,
        check=es_nie,
        context=("nie", "número de identificación de extranjero", "extranjero", "extranjería", "identidad"),
    ),
    ident(
        "es/cif",
        "ES_CIF",
        any_of("A", ("", "-"), "0000000", ("", "-"), ("0", "A")),
        (completed("A5881850?", es_cif),),
        "Orden EHA/451/2008, número de identificación fiscal de personas jurídicas",
        score=LUCK,
        check=es_cif,
        context=("cif", "nif", "empresa", "sociedad", "company", "vat", "iva"),
    ),
    ident(
        "es/social-security",
        "ES_SSN",
        ("000000000000", "00/00000000/00", "00 00000000 00", "00-00000000-00", "00/0000000000"),
        (completed("28/12345678/??", es_social_security),),
        "Tesorería General de la Seguridad Social, número de afiliación",
        score=LIKELY,
        check=es_social_security,
        context=("seguridad social", "afiliación", "naf", "nuss", "nss", "social security"),
        anti=NOT_A_PERSON,
    ),
    ident(
        "es/passport",
        "ES_PASSPORT",
        ("AAA000000", "AA000000"),
        ("PAB123456", "XD123456"),
        "Ministerio del Interior, pasaporte; ICAO Doc 9303",
        score=FORM,
        regex="[A-Za-z]{2,3}[0-9]{6}",
        context=("pasaporte", "passport", "número de pasaporte"),
        required=True,
    ),
    ident(
        "it/fiscal-code",
        "IT_FISCAL_CODE",
        (*_OMOCODIA_SHAPES, "AAA AAA 00A00 A000A", "AAAAAA 00A00 A000A"),
        (
            completed("AAABBB85T10A562?", it_fiscal_code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
            completed("rssmra80a01h501?", it_fiscal_code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        ),
        "Agenzia delle Entrate, codice fiscale; DM 23 dicembre 1976",
        score=0.95,
        check=it_fiscal_code,
        context=("codice fiscale", "cf", "fiscal code", "cod fisc", "tessera sanitaria"),
    ),
    ident(
        "it/vat",
        "IT_VAT_CODE",
        ("00000000000",),
        (completed("0133350003?", it_vat),),
        "DPR 633/1972 art. 35, partita IVA",
        score=LUCK,
        check=it_vat,
        context=("partita iva", "piva", "p iva", "iva", "vat", "partita"),
        anti=NOT_A_PERSON,
    ),
    ident(
        "it/vat-prefixed",
        "IT_VAT_CODE",
        any_of("AA", ("", " "), "00000000000"),
        (completed("IT0133350003?", it_vat),),
        "DPR 633/1972 art. 35, partita IVA",
        score=SURE,
        check=it_vat,
        regex="(?:IT|it) ?[0-9]{11}",
        context=("partita iva", "piva", "iva", "vat"),
    ),
    ident(
        "it/identity-card",
        "IT_IDENTITY_CARD",
        ("AA00000AA", "AA0000000", "0000000AA", "AA 0000000"),
        ("CA12345AB", "AA1234567", "1234567AB"),
        "Ministero dell'Interno, carta d'identità elettronica (CIE 2, CIE 3) and paper card",
        score=FORM,
        structure=lambda number: sum(map(str.isdigit, number)) >= 5,
        context=(
            "carta d'identità",
            "carta d'identita",
            "carta identità",
            "identità",
            "identita",
            "identity card",
            "id card",
            "cie",
            "documento",
            "carta",
        ),
        required=True,
    ),
    ident(
        "it/driver-licence",
        "IT_DRIVER_LICENSE",
        ("AA0000000A", *any_of("A0", *((("0", "A"),) * 7), "A")),
        ("AA0123456B", "U1H00A000B"),
        "Ministero delle Infrastrutture, patente di guida (old form and U1)",
        score=FORM,
        regex="(?i:[A-Z]{2}[0-9]{7}[A-Z]|U1[0-9A-HJ-NP-Z]{7}[A-Z])",
        context=(
            "patente",
            "patente di guida",
            "licenza",
            "driver",
            "driving",
            "license",
            "licence",
            "driver's license",
        ),
        required=True,
    ),
    ident(
        "it/passport",
        "IT_PASSPORT",
        ("AA0000000",),
        ("AA1234567",),
        "Polizia di Stato, passaporto; ICAO Doc 9303",
        score=FORM,
        regex="[A-Za-z]{2}[0-9]{7}",
        context=("passaporto", "passport", "elettronico", "italiano", "viaggio", "travel document"),
        required=True,
    ),
    ident(
        "pt/nif",
        "PT_NIF",
        ("000000000", "000 000 000", "AA000000000"),
        (completed("50744295?", pt_nif), completed("123 456 78?", pt_nif)),
        "Autoridade Tributária e Aduaneira, número de identificação fiscal",
        score=LUCK,
        check=pt_nif,
        context=_PT_WORDS,
        anti=NOT_A_PERSON,
        required=True,
    ),
    ident(
        "pt/citizen-card",
        "PT_CITIZEN_CARD",
        any_of("00000000", ("", " "), "0", ("", " "), ("AA0", "A00", "0A0")),
        (completed("123456789ZX?", pt_card),),
        "AMA, Cartão de Cidadão: validação do número de documento",
        score=LIKELY,
        check=pt_card,
        regex="[0-9]{8} ?[0-9] ?[A-Z0-9]{2}[0-9]",
        context=("cartão de cidadão", "cartao de cidadao", "citizen card", "cc", "bilhete de identidade"),
    ),
    ident(
        "be/national-number",
        "BE_NATIONAL_NUMBER",
        (
            "00.00.00-000.00",
            "00 00 00 000 00",
            "00.00.00.000.00",
            "000000-000-00",
            "000000-00000",
            "00000000000",
            "000000 000 00",
        ),
        (completed("85.07.30-033.??", be_national), completed("850730033??", be_national)),
        "Rijksregister van de natuurlijke personen; KB 3 april 1984",
        score=0.8,
        check=be_national,
        context=_BE_WORDS,
    ),
    ident(
        "nl/bsn",
        "NL_BSN",
        ("000000000", "00000000"),
        (completed("11122233?", nl_bsn),),
        _BSN_SOURCE,
        score=LUCK,
        check=nl_bsn,
        context=_BSN_WORDS,
        anti=NOT_A_PERSON,
    ),
    ident(
        "nl/bsn-grouped",
        "NL_BSN",
        (*grouped("0000 00 000", ". "), "000 000 000", "000.000.000"),
        (completed("1112.22.33?", nl_bsn),),
        _BSN_SOURCE,
        score=LUCK,
        check=nl_bsn,
        context=_BSN_WORDS,
    ),
)
