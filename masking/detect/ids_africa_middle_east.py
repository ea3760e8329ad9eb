"""South Africa, Nigeria, Kenya, Egypt, Israel, the Emirates, Saudi Arabia."""

from __future__ import annotations

from masking.checks import bare, completed, is_date, is_digits, is_yymmdd, luhn, one_repeated, verhoeff
from masking.detect.ids_common import FORM, LIKELY, LUCK, NOT_A_PERSON, SURE, any_of, ident
from masking.recognizer import Recognizer


def za_id(number: str) -> bool:
    """Department of Home Affairs, Identification Act 68/1997: birth date, four digits, citizenship 0-2, 8 or 9, Luhn."""
    return (
        len(number) == 13
        and is_yymmdd(number[:6])
        and is_digits(number)
        and number[10] in "012"
        and luhn(number)
    )


def za_tax(number: str) -> bool:
    """SARS, income tax reference number: begins 0, 1, 2, 3 or 9, ten digits, Luhn."""
    return (
        len(number) == 10
        and is_digits(number)
        and number[0] in "01239"
        and not one_repeated(number)
        and luhn(number)
    )


def ng_nin(number: str) -> bool:
    """NIMC: eleven digits, not all one; the check rule is not published."""
    return len(number) == 11 and is_digits(number) and not one_repeated(number)


def ng_nin_checked(text: str) -> bool | None:
    """Verhoeff holds on current numbers (observed, unpublished), so it can confirm but not refuse."""
    number = bare(text)
    if not ng_nin(number):
        return False
    return True if verhoeff(number) else None


def il_id(number: str) -> bool:
    """Population Registry, Teudat Zehut: padded to nine digits, weights 1 and 2 by turns (Luhn)."""
    number = number.zfill(9)
    return len(number) == 9 and not one_repeated(number) and luhn(number)


def ae_emirates_id(number: str) -> bool:
    """Federal Authority for Identity (ICP): 784, year of birth, seven digits, one check digit (rule unpublished; Luhn as observed on most)."""
    return (
        len(number) == 15 and is_digits(number) and number[:3] == "784" and 1900 <= int(number[3:7]) <= 2099
    )


def sa_national_id(number: str) -> bool:
    """Absher: ten digits, 1 for citizens and 2 for residents, Luhn."""
    return (
        len(number) == 10
        and is_digits(number)
        and number[0] in "12"
        and not one_repeated(number)
        and luhn(number)
    )


def eg_national_id(number: str) -> bool:
    """Civil Status Organization: century 2 or 3, birth date, governorate 01-35 or 88, five digits."""
    if len(number) != 14 or not is_digits(number) or number[0] not in "23":
        return False
    year = (1900 if number[0] == "2" else 2000) + int(number[1:3])
    return is_date(year, int(number[3:5]), int(number[5:7])) and (
        1 <= int(number[7:9]) <= 35 or number[7:9] == "88"
    )


_IL_WORDS = (
    "teudat zehut",
    "israeli id",
    "תעודת זהות",
    "מספר זהות",
    "ת ז",
    "תז",
    "zehut",
    "id number",
    "israel",
)

RECOGNIZERS: tuple[Recognizer, ...] = (
    ident(
        "za/id",
        "ZA_ID_NUMBER",
        ("0000000000000", "000000 0000 000", "000000 0000 00 0", "000000-0000-000", "000000 0000 0 0 0"),
        (completed("800101500908?", za_id), completed("920220 1234 08?", za_id)),
        "Department of Home Affairs (ZA), Identification Act 68 of 1997",
        score=LIKELY,
        check=za_id,
        context=(
            "id number",
            "south african",
            "identity number",
            "sa id",
            "rsa id",
            "identity",
            "isazisi",
            "identiteitsnommer",
        ),
        anti=NOT_A_PERSON,
    ),
    ident(
        "za/passport",
        "ZA_PASSPORT",
        ("A00000000",),
        ("A01234567", "M12345678"),
        "Department of Home Affairs (ZA), passport; ICAO Doc 9303",
        score=FORM,
        regex="(?i:[ADMT][0-9]{8})",
        context=("south african passport", "passport", "south african", "paspoort", "travel document"),
        required=True,
    ),
    ident(
        "za/tax",
        "ZA_INCOME_TAX_NUMBER",
        ("0000000000", "0000 000 000", "0000/000/00/0"),
        (completed("000139325?", za_tax),),
        "SARS, tax reference number modulus",
        score=LUCK,
        check=za_tax,
        context=("sars", "income tax", "tax reference", "tax number", "belasting"),
        required=True,
    ),
    ident(
        "za/vat",
        "ZA_VAT_NUMBER",
        ("0000000000",),
        ("4123456789",),
        "SARS, VAT registration number: ten digits beginning with 4",
        score=FORM,
        regex="4[0-9]{9}",
        context=("vat", "vat number", "btw", "vat registration"),
        required=True,
    ),
    ident(
        "za/company",
        "ZA_COMPANY_REGISTRATION",
        ("0000/000000/00",),
        ("2011/123456/07",),
        "CIPC, company registration number",
        score=0.7,
        structure=lambda number: 1800 <= int(number[:4]) <= 2099,
        context=("registration", "company", "cipc", "reg no", "pty"),
    ),
    ident(
        "ng/nin",
        "NG_NIN",
        ("00000000000", "0000 000 0000", "000 0000 0000"),
        (completed("1234567890?", verhoeff), "70812345678"),
        "National Identity Management Commission, National Identification Number",
        score=LUCK,
        unchecked=FORM,
        validator=ng_nin_checked,
        context=("nin", "nimc", "national identification number", "national identity", "nin slip", "nigeria"),
        anti=("phone", "tel", "mobile", *NOT_A_PERSON),
        required=True,
    ),
    ident(
        "ng/bvn",
        "NG_BVN",
        ("00000000000",),
        ("22123456789",),
        "Central Bank of Nigeria, Bank Verification Number",
        score=LUCK,
        regex="2[0-9]{10}",
        context=("bvn", "bank verification", "bank verification number"),
        required=True,
    ),
    ident(
        "ng/vehicle",
        "NG_VEHICLE_REGISTRATION",
        any_of("AAA", ("-", " ", ""), "000", ("", "-", " "), "AA"),
        ("KJA-123AB", "ABC 456 XY"),
        "Federal Road Safety Corps, number plate (2011)",
        score=FORM,
        regex="(?i:[A-Z]{3}[- ]?[0-9]{3}[- ]?[A-Z]{2})",
        context=(
            "plate",
            "vehicle",
            "registration",
            "number plate",
            "car",
            "frsc",
            "licence plate",
            "license plate",
        ),
        required=True,
    ),
    ident(
        "ke/pin",
        "KE_PIN",
        ("A000000000A",),
        ("A001234567B", "P051365947M"),
        "Kenya Revenue Authority, PIN: A for persons, P for companies",
        score=0.45,
        regex="[AP][0-9]{9}[A-Z]",
        context=("kra", "kra pin", "pin", "tax pin"),
    ),
    ident(
        "eg/national-id",
        "EG_NATIONAL_ID",
        ("00000000000000", "0 000000 00 00000"),
        ("29001011234567",),
        "Civil Status Organization (EG), national number",
        score=LUCK,
        structure=eg_national_id,
        context=("national id", "الرقم القومي", "القومي", "egypt", "egyptian", "raqam qawmi"),
        anti=NOT_A_PERSON,
    ),
    ident(
        "il/id",
        "IL_ID_NUMBER",
        ("000000000", "00000000-0", "0-0000000-0", "0 0000000 0"),
        (completed("03933742?", il_id), completed("12345678-?", il_id)),
        "Population and Immigration Authority (IL), identity number",
        score=LUCK,
        check=il_id,
        context=_IL_WORDS,
        anti=NOT_A_PERSON,
    ),
    ident(
        "ae/emirates-id",
        "AE_EMIRATES_ID",
        ("000-0000-0000000-0", "000 0000 0000000 0", "000000000000000"),
        ("784-1980-1234567-1", "784198012345671"),
        "Federal Authority for Identity, Citizenship, Customs & Port Security (AE), Emirates ID",
        score=SURE,
        structure=ae_emirates_id,
        context=("emirates id", "eid", "الهوية", "هوية", "uae", "emirates", "رقم الهوية"),
        negative=("emirates id 785-1980-1234567-1", "emirates id 784-1780-1234567-1"),
    ),
    ident(
        "sa/national-id",
        "SA_NATIONAL_ID",
        ("0000000000",),
        (completed("101234567?", sa_national_id),),
        "Ministry of Interior (SA), national and Iqama number",
        score=LUCK,
        check=sa_national_id,
        context=("iqama", "national id", "رقم الهوية", "الهوية الوطنية", "إقامة", "saudi", "absher"),
        anti=NOT_A_PERSON,
    ),
)
