"""Central, eastern and south-eastern Europe and Türkiye: birth-date codes, tax numbers, identity cards."""

from __future__ import annotations

import re

from masking.checks import (
    completed,
    is_date,
    is_ddmmyy,
    is_digits,
    is_yymmdd,
    luhn,
    mod_11_10,
    one_repeated,
    weighted,
)
from masking.detect.ids_common import FORM, LIKELY, LUCK, NOT_A_PERSON, SURE, any_of, grouped, ident
from masking.recognizer import Recognizer

_CENTURIES = {0: 1900, 1: 2000, 2: 2100, 3: 2200, 4: 1800}


def pl_pesel(number: str) -> bool:
    """Ustawa o ewidencji ludności art. 15-17: date (the century is in the month), weights 1 3 7 9 …, sum ≡ 0 mod 10."""
    if len(number) != 11 or not is_digits(number):
        return False
    century, month = divmod(int(number[2:4]), 20)
    if not is_date(_CENTURIES[century] + int(number[:2]), month, int(number[4:6])):
        return False
    return weighted(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def pl_nip(number: str) -> bool:
    """Ministerstwo Finansów, NIP: weights 6 5 7 2 3 4 5 6 7, the sum mod 11 is the last digit."""
    number = number.removeprefix("PL")
    return (
        len(number) == 10
        and is_digits(number)
        and not one_repeated(number)
        and weighted(number, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == int(number[9])
    )


_VALUES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def pl_id_card(number: str) -> bool:
    """Dowód osobisty series and number: letters 10-35, weights 7 3 1, the fourth character is the check digit."""
    if len(number) != 9 or not re.fullmatch("[A-Z]{3}[0-9]{6}", number):
        return False
    rest = number[:3] + number[4:]
    return sum(
        _VALUES.index(char) * weight for char, weight in zip(rest, (7, 3, 1, 7, 3, 1, 7, 3), strict=True)
    ) % 10 == int(number[3])


def cz_birth_number(number: str) -> bool:
    """Zákon 133/2000 Sb. § 13: date (month +50 women, +20/+70 overflow), from 1954 ten digits divisible by 11 (10 is 0)."""
    if len(number) not in {9, 10} or not is_digits(number):
        return False
    year, month, day = int(number[:2]), int(number[2:4]) % 50, int(number[4:6])
    if month > 20:
        month -= 20
    if not is_date((1900 if len(number) == 9 or year >= 54 else 2000) + year, month, day):
        return False
    if len(number) == 9:
        return year < 54 and number[6:] != "000"
    return int(number[:9]) % 11 % 10 == int(number[9])


def ro_cnp(number: str) -> bool:
    """Legea 105/1996, CNP: sex and century, date, county 01-52 or 70, weights 2 7 9 1 4 6 3 5 8 2 7 9, mod 11, 10 is 1."""
    if len(number) != 13 or not is_digits(number) or number[0] == "0" or not is_yymmdd(number[1:7]):
        return False
    county = int(number[7:9])
    value = weighted(number[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return (1 <= county <= 52 or county == 70) and (1 if value == 10 else value) == int(number[12])


def bg_egn(number: str) -> bool:
    """GRAO, ЕГН: date (month +20 before 1900, +40 from 2000), weights 2 4 8 5 10 9 7 3 6, mod 11, 10 is 0."""
    if len(number) != 10 or not is_digits(number):
        return False
    month = int(number[2:4])
    year = int(number[:2]) + (2000 if month > 40 else 1800 if month > 20 else 1900)
    if not is_date(year, month % 20, int(number[4:6])):
        return False
    return weighted(number, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == int(number[9])


def gr_amka(number: str) -> bool:
    """IDIKA, AMKA: birth date and Luhn over the eleven digits."""
    return len(number) == 11 and is_ddmmyy(number[:6]) and luhn(number)


def gr_afm(number: str) -> bool:
    """AADE, ΑΦΜ: powers of two from 256 down to 2, mod 11 mod 10."""
    number = number.removeprefix("EL")
    if len(number) != 9 or not is_digits(number) or one_repeated(number):
        return False
    return weighted(number[:8], (256, 128, 64, 32, 16, 8, 4, 2)) % 11 % 10 == int(number[8])


def tr_national_id(number: str) -> bool:
    """NVİ, T.C. kimlik: tenth = 7·odd places - even places, eleventh = sum of the first ten, both mod 10; no leading 0."""
    if len(number) != 11 or not is_digits(number) or number[0] == "0":
        return False
    values = [int(char) for char in number]
    tenth = (7 * sum(values[0:9:2]) - sum(values[1:8:2])) % 10
    return tenth == values[9] and sum(values[:10]) % 10 == values[10]


def hr_oib(number: str) -> bool:
    """Zakon o OIB (NN 60/08): eleven digits, ISO 7064 MOD 11,10."""
    return len(number) == 11 and not one_repeated(number) and mod_11_10(number)


def jmbg(number: str) -> bool:
    """JMBG/EMŠO: ddmm and three year digits, region, weights 7 6 5 4 3 2 twice, eleven minus the sum mod 11, above 9 is 0."""
    if len(number) != 13 or not is_digits(number):
        return False
    year = int(number[4:7]) + (1000 if number[4] in "89" else 2000)
    if number[4] not in "890" or not is_date(year, int(number[2:4]), int(number[:2])):
        return False
    value = -weighted(number[:12], (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (0 if value > 9 else value) == int(number[12])


def hu_tax_id(number: str) -> bool:
    """NAV, adóazonosító jel: begins with 8, weights 1 to 9, the sum mod 11 is the last digit."""
    return (
        len(number) == 10
        and is_digits(number)
        and number[0] == "8"
        and weighted(number[:9], range(1, 10)) % 11 == int(number[9])
    )


def hu_taj(number: str) -> bool:
    """1996. évi XX. törvény, TAJ: weights 3 and 7 by turns over eight digits, mod 10."""
    return (
        len(number) == 9
        and is_digits(number)
        and not one_repeated(number)
        and weighted(number[:8], (3, 7) * 4) % 10 == int(number[8])
    )


def ua_rntrc(number: str) -> bool:
    """State Tax Service (Ukraine), РНОКПП: weights -1 5 7 9 4 6 10 5 7, mod 11 mod 10."""
    return (
        len(number) == 10
        and is_digits(number)
        and not one_repeated(number)
        and weighted(number[:9], (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10 == int(number[9])
    )


def ru_snils(number: str) -> bool:
    """СФР, СНИЛС: weights 9 to 1, the sum mod 101 (100 is 00)."""
    return (
        len(number) == 11
        and is_digits(number)
        and weighted(number[:9], range(9, 0, -1)) % 101 % 100 == int(number[9:])
        and not one_repeated(number)
    )


def ru_inn(number: str) -> bool:
    """ФНС, приказ ММВ-7-6/435: two digits over ten and eleven, mod 11 mod 10 (persons, twelve digits)."""
    if len(number) != 12 or not is_digits(number) or one_repeated(number):
        return False
    first = weighted(number[:10], (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    second = weighted(number[:11], (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    return number[10:] == f"{first}{second}"


_TR_PLATE = re.compile(
    r"(?:0[1-9]|[1-7][0-9]|8[01])(?:[A-PR-VYZ][0-9]{4}|[A-PR-VYZ]{2}[0-9]{3,4}|[A-PR-VYZ]{3}[0-9]{2,3})"
)


def tr_plate(number: str) -> bool:
    """Karayolları Trafik Yönetmeliği: province 01-81, one to three letters without Q W X, two to four digits."""
    return _TR_PLATE.fullmatch(number) is not None


_PESEL_WORDS = ("pesel", "nr pesel", "numer pesel", "polish id", "ewidencyjny")
_CZ_WORDS = ("rodné číslo", "rodne cislo", "rč", "rc", "birth number", "rodné", "rodného")
_TR_WORDS = (
    "tc kimlik",
    "kimlik",
    "tckn",
    "t c kimlik",
    "kimlik no",
    "tc",
    "nüfus",
    "vatandaşlık",
    "turkish id",
    "national id",
)

RECOGNIZERS: tuple[Recognizer, ...] = (
    ident(
        "pl/pesel",
        "PL_PESEL",
        ("00000000000",),
        (completed("4405140135?", pl_pesel), completed("0207080362?", pl_pesel)),
        "gov.pl, Numer PESEL; ustawa o ewidencji ludności",
        score=0.5,  # one in ten of the eleven-digit numbers that begin with a date: one in 250 of all
        check=pl_pesel,
        context=_PESEL_WORDS,
        anti=NOT_A_PERSON,
    ),
    ident(
        "pl/nip",
        "PL_NIP",
        ("0000000000", *grouped("000 000 00 00", "- "), "000-00-00-000", "AA0000000000"),
        (completed("123-456-32-1?", pl_nip),),
        "Ministerstwo Finansów, numer identyfikacji podatkowej (NIP)",
        score=LUCK,
        check=pl_nip,
        context=("nip", "numer identyfikacji podatkowej", "podatnik", "vat", "tax id"),
        anti=NOT_A_PERSON,
    ),
    ident(
        "pl/id-card",
        "PL_ID_CARD",
        any_of("AAA", ("", " "), "000000"),
        (completed("ABA?00000", pl_id_card),),
        "MSWiA, dowód osobisty: seria i numer",
        score=LUCK,
        check=pl_id_card,
        context=(
            "dowód osobisty",
            "dowód",
            "dowodu",
            "seria",
            "dowodu osobistego",
            "id card",
            "dowod osobisty",
        ),
    ),
    ident(
        "cz-sk/birth-number",
        "CZ_BIRTH_NUMBER",
        ("000000/0000", "000000/000"),
        (completed("710319/274?", cz_birth_number), completed("925606/001?", cz_birth_number)),
        "Ministerstvo vnitra, rodné číslo; zákon 133/2000 Sb.",
        score=0.8,
        check=cz_birth_number,
        context=_CZ_WORDS,
    ),
    ident(
        "cz-sk/birth-number-plain",
        "CZ_BIRTH_NUMBER",
        ("0000000000", "000000 0000"),
        (completed("710319274?", cz_birth_number),),
        "Ministerstvo vnitra, rodné číslo; zákon 133/2000 Sb.",
        score=LUCK,
        check=cz_birth_number,
        context=_CZ_WORDS,
        anti=NOT_A_PERSON,
    ),
    ident(
        "ro/cnp",
        "RO_CNP",
        ("0000000000000",),
        (completed("163061512345?", ro_cnp), completed("296022912340?", ro_cnp)),
        "Direcția Generală pentru Evidența Persoanelor, cod numeric personal",
        score=0.6,
        check=ro_cnp,
        context=("cnp", "cod numeric personal", "numeric personal", "romanian id", "buletin"),
        anti=NOT_A_PERSON,
    ),
    ident(
        "bg/egn",
        "BG_EGN",
        ("0000000000",),
        (completed("752316926?", bg_egn), completed("803205603?", bg_egn)),
        "ГРАО, единен граждански номер",
        score=LUCK,
        check=bg_egn,
        context=("егн", "egn", "единен граждански номер", "uniform civil number", "bulgarian"),
        anti=NOT_A_PERSON,
    ),
    ident(
        "gr/amka",
        "GR_AMKA",
        ("00000000000", "000000 00000"),
        (completed("1305990005?", gr_amka),),
        "ΗΔΙΚΑ, Αριθμός Μητρώου Κοινωνικής Ασφάλισης",
        score=LUCK,
        check=gr_amka,
        context=("αμκα", "amka", "κοινωνικής ασφάλισης", "social security", "ασφάλισης"),
    ),
    ident(
        "gr/afm",
        "GR_AFM",
        ("000000000", "AA000000000"),
        (completed("09425921?", gr_afm),),
        "ΑΑΔΕ, Αριθμός Φορολογικού Μητρώου",
        score=LUCK,
        check=gr_afm,
        context=("αφμ", "afm", "φορολογικού μητρώου", "tax id", "δου", "tin"),
        required=True,
    ),
    ident(
        "tr/national-id",
        "TR_NATIONAL_ID",
        ("00000000000",),
        (completed("100000001??", tr_national_id), completed("173459423??", tr_national_id)),
        "Nüfus ve Vatandaşlık İşleri, T.C. kimlik numarası",
        score=0.65,
        check=tr_national_id,
        context=_TR_WORDS,
        anti=NOT_A_PERSON,
    ),
    ident(
        "tr/plate",
        "TR_LICENSE_PLATE",
        any_of("00", (" ", ""), ("A", "AA", "AAA"), (" ", ""), ("00", "000", "0000")),
        ("34ABC123", "06AB1234", "35A1234"),
        "Karayolları Trafik Yönetmeliği, plaka",
        score=FORM,
        structure=tr_plate,
        context=(
            "plaka",
            "plakalı",
            "araç",
            "arac",
            "plate",
            "license plate",
            "trafik",
            "ruhsat",
            "vehicle",
            "otomobil",
        ),
        required=True,
        negative=("plaka 82 ABC 123", "plaka 34 AQC 123"),
    ),
    ident(
        "hr/oib",
        "HR_OIB",
        ("00000000000",),
        (completed("3339200596?", hr_oib),),
        "Porezna uprava, osobni identifikacijski broj",
        score=LUCK,
        check=hr_oib,
        context=("oib", "osobni identifikacijski broj", "identifikacijski", "croatian", "tax id"),
        anti=NOT_A_PERSON,
    ),
    ident(
        "yu/jmbg",
        "JMBG",
        ("0000000000000",),
        (completed("010100650000?", jmbg), completed("150598571002?", jmbg)),
        "Zakon o matičnom broju građana; ZCRP (SI), EMŠO",
        score=LUCK,  # milliseconds since 1970 read as 17 May 1985 and the like
        check=jmbg,
        context=("jmbg", "emšo", "emso", "matični broj", "maticni broj", "ембг", "јмбг", "matična številka"),
        anti=NOT_A_PERSON,
    ),
    ident(
        "hu/tax-id",
        "HU_TAX_ID",
        ("0000000000",),
        (completed("845980180?", hu_tax_id),),
        "NAV, adóazonosító jel",
        score=LUCK,
        check=hu_tax_id,
        context=("adóazonosító", "adóazonosító jel", "adoazonosito", "adószám", "tax id", "hungarian"),
        anti=NOT_A_PERSON,
    ),
    ident(
        "hu/taj",
        "HU_TAJ",
        ("000000000", *grouped("000 000 000")),
        (completed("123 456 78?", hu_taj),),
        "NEAK, társadalombiztosítási azonosító jel",
        score=LUCK,
        check=hu_taj,
        context=("taj", "taj szám", "tajszám", "társadalombiztosítási", "neak"),
        required=True,
    ),
    ident(
        "ua/rntrc",
        "UA_RNTRC",
        ("0000000000",),
        (completed("175901369?", ua_rntrc),),
        "Державна податкова служба, РНОКПП",
        score=LUCK,
        check=ua_rntrc,
        context=(
            "рнокпп",
            "іпн",
            "ідентифікаційний код",
            "ідентифікаційний номер",
            "rntrc",
            "податковий номер",
            "інн",
        ),
        anti=NOT_A_PERSON,
    ),
    ident(
        "ru/snils",
        "RU_SNILS",
        ("000-000-000 00", "000-000-000-00", "000 000 000 00"),
        (completed("112-233-445 ??", ru_snils),),
        "Социальный фонд России, СНИЛС",
        score=SURE,
        check=ru_snils,
        context=("снилс", "snils", "пенсионного страхования", "страховой номер"),
    ),
    ident(
        "ru/snils-plain",
        "RU_SNILS",
        ("00000000000",),
        (completed("112233445??", ru_snils),),
        "Социальный фонд России, СНИЛС",
        score=LUCK,
        check=ru_snils,
        context=("снилс", "snils", "страховой номер"),
    ),
    ident(
        "ru/inn",
        "RU_INN",
        ("000000000000",),
        (completed("5001007322??", ru_inn),),
        "Федеральная налоговая служба, ИНН",
        score=LIKELY,
        check=ru_inn,
        context=("инн", "inn", "налогоплательщика", "taxpayer"),
        anti=NOT_A_PERSON,
    ),
    ident(
        "ru/passport",
        "RU_PASSPORT",
        ("00 00 000000", "0000 000000", "0000000000"),
        ("45 08 123456",),
        "Постановление Правительства РФ № 828, паспорт: серия и номер",
        score=FORM,
        structure=lambda number: not one_repeated(number),
        context=("паспорт", "паспорта", "серия", "passport", "серия и номер"),
        required=True,
    ),
)
