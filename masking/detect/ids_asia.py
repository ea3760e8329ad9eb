"""East and south-east Asia: Singapore, Japan, Korea, China, Hong Kong, Taiwan, Thailand, Philippines, Indonesia, Malaysia, Viet Nam."""

from __future__ import annotations

import re

from masking.checks import (
    bare,
    completed,
    is_ddmmyy,
    is_digits,
    is_yymmdd,
    is_yyyymmdd,
    mod_11_2,
    one_repeated,
    weighted,
)
from masking.detect.ids_common import FORM, LIKELY, LUCK, NOT_A_PERSON, SURE, any_of, grouped, holds, ident
from masking.recognizer import Literals, Pattern, Recognizer

_NRIC = {
    "S": (0, "JZIHGFEDCBA"),
    "T": (4, "JZIHGFEDCBA"),
    "F": (0, "XWUTRQPNMLK"),
    "G": (4, "XWUTRQPNMLK"),
    "M": (3, "XWUTRQPNJLK"),
}


def sg_nric(number: str) -> bool:
    """ICA, NRIC/FIN: weights 2 7 6 5 4 3 2, plus 4 for T and G, 3 for M, mod 11 names the letter of the series."""
    if len(number) != 9 or number[0] not in _NRIC or not is_digits(number[1:8]):
        return False
    offset, letters = _NRIC[number[0]]
    value = (weighted(number[1:8], (2, 7, 6, 5, 4, 3, 2)) + offset) % 11
    return number[8] == (letters[10 - value] if number[0] == "M" else letters[value])


_UEN_OTHER = "ABCDEFGHJKLMNPQRSTUVWX0123456789"
_UEN_FORM = re.compile(r"[0-9]{8}[A-Z]|(?:18|19|20)[0-9]{7}[A-Z]|[RST][0-9]{2}[A-Z]{2}[0-9]{4}[A-Z]")


def sg_uen(number: str) -> bool:
    """ACRA, UEN: three forms, each weighted mod 11 into its own letters."""
    if not _UEN_FORM.fullmatch(number):
        return False
    if len(number) == 9:
        return number[8] == "XMKECAWLJDB"[weighted(number[:8], (10, 4, 9, 3, 8, 2, 7, 1)) % 11]
    if number[0].isdigit():
        return number[9] == "ZKCMDNERGWH"[weighted(number[:9], (10, 8, 6, 4, 9, 7, 5, 3, 1)) % 11]
    values = (_UEN_OTHER.find(char) for char in number[:9])
    total = sum(value * weight for value, weight in zip(values, (4, 3, 5, 3, 10, 2, 2, 5, 7), strict=True))
    return number[9] == _UEN_OTHER[(total - 5) % 11]


def jp_my_number(number: str) -> bool:
    """総務省令第85号 (2014) art. 5: weights 6 5 4 3 2 7 6 5 4 3 2, eleven minus the sum mod 11, above 9 is 0."""
    if len(number) != 12 or not is_digits(number) or one_repeated(number):
        return False
    value = weighted(number[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (0 if value <= 1 else 11 - value) == int(number[11])


def kr_rrn(text: str) -> bool | None:
    """주민등록법 시행규칙: birth date and sex 1-4, 9, 0. The sum holds for numbers before October 2020 only, so it cannot reject."""
    return _korean(bare(text), "123490", 0)


def kr_frn(text: str) -> bool | None:
    """출입국관리법: a foreigner's number, sex 5-8; its sum is the RRN's plus 2."""
    return _korean(bare(text), "5678", 2)


def _korean(number: str, sexes: str, plus: int) -> bool | None:
    if len(number) != 13 or not is_yymmdd(number[:6]) or not is_digits(number[6:]) or number[6] not in sexes:
        return False
    value = (11 - weighted(number[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11 + plus) % 10
    return True if value == int(number[12]) else None


def kr_brn(number: str) -> bool:
    """국세청 사업자등록번호: weights 1 3 7 1 3 7 1 3 5, plus the tens of the last product, sum ≡ 0 mod 10."""
    if len(number) != 10 or not is_digits(number) or number[:3] < "101" or number[3:5] == "00":
        return False
    return (weighted(number, (1, 3, 7, 1, 3, 7, 1, 3, 5, 1)) + int(number[8]) * 5 // 10) % 10 == 0


def kr_driver(number: str) -> bool:
    """도로교통법 시행규칙 운전면허증: area 11-28, year, six digits, two check digits (rule unpublished)."""
    return (
        len(number) == 12
        and is_digits(number)
        and 11 <= int(number[:2]) <= 28
        and not one_repeated(number[2:])
    )


_CN_PROVINCES = frozenset(
    [
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
        "83",
    ]
)


def cn_id(number: str) -> bool:
    """GB 11643-1999: region, birth date, serial, ISO 7064 MOD 11-2."""
    return (
        len(number) == 18 and number[:2] in _CN_PROVINCES and is_yyyymmdd(number[6:14]) and mod_11_2(number)
    )


def hk_id(number: str) -> bool:
    """Immigration Department, HKID: letters 10-35 (a missing one is 36), weights 9 to 2, check 0-9 or A, sum ≡ 0 mod 11."""
    if not re.fullmatch("[A-Z]{1,2}[0-9]{6}[0-9A]", number):
        return False
    letters = [ord(char) - 55 for char in number[:-7]]
    total = sum(
        value * weight
        for value, weight in zip([*([36] if len(letters) == 1 else []), *letters], (9, 8), strict=True)
    )
    total += weighted(number[-7:-1], (7, 6, 5, 4, 3, 2)) + (10 if number[-1] == "A" else int(number[-1]))
    return total % 11 == 0


_TW_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"


def tw_id(number: str) -> bool:
    """內政部: letter as 10-35 by table, sex 1 2 8 9, weights 1 9 8 7 6 5 4 3 2 1 1, sum ≡ 0 mod 10."""
    if not re.fullmatch("[A-Z][1289][0-9]{8}", number):
        return False
    return (
        weighted(str(_TW_LETTERS.index(number[0]) + 10) + number[1:], (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)) % 10
        == 0
    )


def th_tnin(number: str) -> bool:
    """กรมการปกครอง: thirteen digits, weights 13 to 2, eleven minus the sum mod 11, mod 10; begins 1-8."""
    if len(number) != 13 or not is_digits(number) or number[0] in "09" or one_repeated(number):
        return False
    return (11 - weighted(number[:12], range(13, 1, -1)) % 11) % 10 == int(number[12])


def id_nik(number: str) -> bool:
    """Permendagri, NIK: province 11-96, regency, district, ddmmyy (day +40 for women), serial."""
    if len(number) != 16 or not is_digits(number) or not 11 <= int(number[:2]) <= 96 or number[12:] == "0000":
        return False
    day = int(number[6:8])
    return number[2:4] != "00" and is_ddmmyy(f"{day - 40 if day > 40 else day:02d}{number[8:12]}")


def my_nric(number: str) -> bool:
    """JPN, MyKad: birth date and place-of-birth code (no 00, 17-20, 69-70, 73, 80, 81, 94-97)."""
    if len(number) != 12 or not is_digits(number) or not is_yymmdd(number[:6]):
        return False
    place = int(number[6:8])
    return place not in {0, 17, 18, 19, 20, 69, 70, 73, 80, 81, 94, 95, 96, 97}


def vn_cccd(number: str) -> bool:
    """Nghị định 137/2015: province 001-096, century and sex 0-9, year, six digits."""
    return len(number) == 12 and is_digits(number) and 1 <= int(number[:3]) <= 96


def ph_tin(number: str) -> bool:
    """BIR RMO 37-2019: nine digits (the ninth checks: weights 1 to 8, mod 11 mod 10) and three or five of a branch."""
    if len(number) not in {9, 12, 14} or not is_digits(number) or one_repeated(number[:9]):
        return False
    return weighted(number[:8], range(1, 9)) % 11 % 10 == int(number[8])


def ph_tin_or_form(text: str) -> bool | None:
    """Numbers from before the check digit are in use: without it the form alone, with a word beside it, still counts."""
    number = bare(text)
    if len(number) not in {9, 12, 14} or not is_digits(number) or one_repeated(number[:9]):
        return False
    return ph_tin(number) or None


_MY_NUMBER = ("my number", "mynumber", "マイナンバー", "個人番号", "kojin bango", "individual number")
_KR_WORDS = ("주민등록번호", "주민번호", "rrn", "resident registration", "korean", "주민등록", "jumin")
_CN_WORDS = (
    "身份证",
    "身份证号",
    "身份证号码",
    "居民身份证",
    "公民身份号码",
    "resident id",
    "id card",
    "shenfenzheng",
)

RECOGNIZERS: tuple[Recognizer, ...] = (
    ident(
        "sg/nric",
        "SG_NRIC_FIN",
        ("A0000000A",),
        (
            completed("S1234567?", sg_nric, "ABCDEFGHIJZ"),
            completed("g1234567?", sg_nric, "KLMNPQRTUWX"),
            completed("M1234567?", sg_nric, "KLJNPQRTUWX"),
        ),
        "Immigration & Checkpoints Authority, NRIC and FIN (M series 2022)",
        score=0.8,
        check=sg_nric,
        context=("nric", "fin", "identity card", "nric number", "singapore", "ic"),
    ),
    ident(
        "sg/uen",
        "SG_UEN",
        ("00000000A", "000000000A", "A00AA0000A"),
        (
            completed("T16RF0037?", sg_uen, "ABCDEFGHJKLMN"),
            completed("20010678?R", sg_uen),
            completed("5312345?D", sg_uen),
        ),
        "Accounting and Corporate Regulatory Authority, Unique Entity Number",
        score=LIKELY,
        check=sg_uen,
        regex="[0-9]{8,9}[A-Z]|[RST][0-9]{2}[A-Z]{2}[0-9]{4}[A-Z]",
        context=("uen", "unique entity number", "business registration", "acra", "company registration"),
    ),
    ident(
        "jp/my-number",
        "JP_MY_NUMBER",
        ("000000000000", *grouped("0000 0000 0000")),
        (completed("12345678901?", jp_my_number), completed("1234 5678 902?", jp_my_number)),
        "総務省令第85号 (2014), 個人番号の検査用数字",
        score=LUCK,
        check=jp_my_number,
        context=_MY_NUMBER,
        anti=NOT_A_PERSON,
    ),
    ident(
        "jp/passport",
        "JP_PASSPORT",
        ("AA0000000",),
        ("TK1234567",),
        "外務省, 旅券番号; ICAO Doc 9303",
        score=FORM,
        regex="[A-Z]{2}[0-9]{7}",
        context=("japanese passport", "passport", "japan", "パスポート", "旅券", "旅券番号"),
        required=True,
    ),
    ident(
        "jp/driver-licence",
        "JP_DRIVER_LICENSE",
        ("000000000000",),
        ("301234567890",),
        "警察庁, 運転免許証番号 (twelve digits)",
        score=FORM,
        structure=lambda number: not one_repeated(number),
        context=("運転免許", "運転免許証", "免許証番号", "免許", "driver license", "driving licence"),
        required=True,
    ),
    ident(
        "kr/rrn",
        "KR_RRN",
        ("000000-0000000",),
        ("960121-1234567", completed("960121-123456?", lambda number: kr_rrn(number) is True)),
        "주민등록법 시행규칙; 행정안전부 (random digits since October 2020)",
        score=0.9,
        unchecked=0.7,
        validator=kr_rrn,
        context=_KR_WORDS,
        negative=("주민등록번호 961321-1234567",),
    ),
    ident(
        "kr/rrn-plain",
        "KR_RRN",
        ("0000000000000", "000000 0000000"),
        ("9601211234567",),
        "주민등록법 시행규칙; 행정안전부",
        score=0.39,
        unchecked=FORM,
        validator=kr_rrn,
        context=_KR_WORDS,
        anti=NOT_A_PERSON,
    ),
    ident(
        "kr/frn",
        "KR_FRN",
        ("000000-0000000",),
        ("960121-5234567",),
        "출입국관리법 시행규칙, 외국인등록번호",
        score=0.9,
        unchecked=0.7,
        validator=kr_frn,
        context=("외국인등록번호", "외국인", "frn", "foreigner registration", "alien registration"),
    ),
    ident(
        "kr/frn-plain",
        "KR_FRN",
        ("0000000000000", "000000 0000000"),
        ("9601215234567",),
        "출입국관리법 시행규칙, 외국인등록번호",
        score=0.39,
        unchecked=FORM,
        validator=kr_frn,
        context=("외국인등록번호", "외국인", "frn", "foreigner registration", "alien registration"),
        anti=NOT_A_PERSON,
    ),
    ident(
        "kr/brn",
        "KR_BRN",
        ("000-00-00000",),
        (completed("123-45-6789?", kr_brn),),
        "국세청, 사업자등록번호",
        score=0.65,
        check=kr_brn,
        context=("사업자등록번호", "사업자", "brn", "business registration", "사업자번호"),
    ),
    ident(
        "kr/brn-plain",
        "KR_BRN",
        ("0000000000",),
        (completed("123456789?", kr_brn),),
        "국세청, 사업자등록번호",
        score=LUCK,
        check=kr_brn,
        context=("사업자등록번호", "사업자", "brn", "business registration", "사업자번호"),
        anti=NOT_A_PERSON,
    ),
    ident(
        "kr/driver-licence",
        "KR_DRIVER_LICENSE",
        ("00-00-000000-00", "00 00 000000 00"),
        ("11-22-345678-90",),
        "도로교통법 시행규칙, 운전면허증",
        score=LIKELY,
        structure=kr_driver,
        context=(
            "운전면허",
            "운전면허번호",
            "면허번호",
            "driver license",
            "driver's license",
            "driving licence",
        ),
        negative=("운전면허 10-22-345678-90", "운전면허 29-22-345678-90"),
    ),
    ident(
        "kr/driver-licence-plain",
        "KR_DRIVER_LICENSE",
        ("000000000000",),
        ("112234567890",),
        "도로교통법 시행규칙, 운전면허증",
        score=FORM,
        structure=kr_driver,
        context=(
            "운전면허",
            "운전면허번호",
            "면허번호",
            "driver license",
            "driver's license",
            "driving licence",
        ),
        required=True,
    ),
    ident(
        "kr/passport",
        "KR_PASSPORT",
        ("A00000000", "A000A0000"),
        ("M12345678", "M123A4567"),
        "외교부, 여권번호 (since 2020 with a letter in the fifth place)",
        score=FORM,
        regex="(?i:[MSRODG](?:[0-9]{8}|[0-9]{3}[A-Z][0-9]{4}))",
        context=("여권", "여권번호", "passport", "korean passport"),
        required=True,
    ),
    ident(
        "cn/id",
        "CN_RESIDENT_ID",
        (
            "000000000000000000",
            "00000000000000000A",
            "000000 00000000 0000",
            "000000 00000000 000A",
            "000000-00000000-0000",
        ),
        (
            completed("11010519491231002?", cn_id, "0123456789X"),
            completed("44052418800101001?", cn_id, "0123456789X"),
        ),
        "GB 11643-1999, citizen identification number",
        score=0.95,
        check=cn_id,
        context=_CN_WORDS,
    ),
    ident(
        "cn/passport",
        "CN_PASSPORT",
        ("A00000000", "AA0000000"),
        ("E12345678", "EA1234567"),
        "国家移民管理局, 护照; ICAO Doc 9303",
        score=FORM,
        regex="(?i:[EGDPS][0-9]{8}|E[A-HJ-NP-Z][0-9]{7})",
        context=("护照", "护照号", "护照号码", "passport"),
        required=True,
    ),
    Recognizer(
        name="hk/id",
        type="HK_ID",
        patterns=(
            Pattern(
                Literals(tuple(f"({check})" for check in "0123456789a"), 9, 1),
                LUCK,
                r"(?<![A-Za-z0-9])[A-Z]{1,2}[0-9]{6} ?\([0-9A]\)",
                ignore_case=True,
            ),
        ),
        source="Immigration Department, Hong Kong identity card number",
        positive=(
            f"see {completed('A123456(?)', hk_id, '0123456789A')} there",
            f"hkid {completed('AB98765?(?)', hk_id)}",
        ),
        negative=("hkid A123456(4)", "call f123456(0)"),
        validator=holds(hk_id),
        validated_score=0.85,
        context=("hkid", "hong kong", "身份證", "身份證號碼", "香港身份證", "identity card"),
    ),
    ident(
        "hk/id-plain",
        "HK_ID",
        any_of(("A", "AA"), "000000", ("0", "A", "-0", "-A")),
        (completed("A123456?", hk_id, "0123456789A"),),
        "Immigration Department, Hong Kong identity card number",
        score=LUCK,
        check=hk_id,
        context=("hkid", "hong kong", "身份證", "身份證號碼", "香港身份證", "identity card"),
    ),
    ident(
        "tw/id",
        "TW_NATIONAL_ID",
        ("A000000000",),
        (completed("A12345678?", tw_id),),
        "內政部戶政司, 國民身分證統一編號",
        score=LIKELY,
        check=tw_id,
        regex="[A-Z][1289][0-9]{8}",
        context=(
            "身分證",
            "身分證字號",
            "身份證字號",
            "統一編號",
            "national id",
            "taiwan",
            "roc id",
            "居留證",
        ),
    ),
    ident(
        "th/tnin",
        "TH_TNIN",
        (*grouped("0 0000 00000 00 0", "- "),),
        (completed("1-2345-67890-12-?", th_tnin),),
        "กรมการปกครอง (DOPA), เลขประจำตัวประชาชน",
        score=SURE,
        check=th_tnin,
        context=(
            "บัตรประชาชน",
            "เลขบัตรประชาชน",
            "เลขประจำตัวประชาชน",
            "thai id",
            "tnin",
            "national id",
            "thai",
        ),
    ),
    ident(
        "th/tnin-plain",
        "TH_TNIN",
        ("0000000000000",),
        (completed("123456789012?", th_tnin),),
        "กรมการปกครอง (DOPA), เลขประจำตัวประชาชน",
        score=LUCK,
        check=th_tnin,
        context=(
            "บัตรประชาชน",
            "เลขบัตรประชาชน",
            "เลขประจำตัวประชาชน",
            "thai id",
            "tnin",
            "national id",
            "thai",
        ),
        anti=NOT_A_PERSON,
    ),
    ident(
        "ph/tin",
        "PH_TIN",
        (
            *grouped("000 000 000", "-"),
            *grouped("000 000 000 000", "-"),
            "000-000-000-00000",
            "000000000",
            "000000000000",
        ),
        (completed("123-456-78?-000", ph_tin), completed("123-456-78?", ph_tin)),
        "Bureau of Internal Revenue, taxpayer identification number",
        score=LUCK,
        unchecked=FORM / 2,
        validator=ph_tin_or_form,
        context=("tin", "taxpayer identification", "bir", "taxpayer", "tax identification", "tin number"),
        required=True,
    ),
    ident(
        "ph/umid",
        "PH_UMID",
        ("0000-0000000-0", "000000000000"),
        ("0111-1234567-8",),
        "SSS, Unified Multi-Purpose ID: common reference number",
        score=FORM,
        structure=lambda number: not one_repeated(number),
        context=("umid", "crn", "common reference number", "unified multi purpose", "sss", "gsis"),
        required=True,
    ),
    ident(
        "ph/sss",
        "PH_SSS",
        ("00-0000000-0", "0000000000"),
        ("34-1234567-8",),
        "Social Security System (PH), SS number",
        score=FORM,
        structure=lambda number: not one_repeated(number),
        context=("sss", "ss number", "social security system", "sss number"),
        required=True,
    ),
    ident(
        "ph/passport",
        "PH_PASSPORT",
        ("A0000000A", "AA0000000", "AA000000"),
        ("P1234567A", "EB1234567"),
        "Department of Foreign Affairs (PH), passport; ICAO Doc 9303",
        score=FORM,
        regex="(?i:[A-Z][0-9]{7}[A-Z]|[A-Z]{2}[0-9]{6,7})",
        context=("philippine passport", "passport", "philippines", "pasaporte", "dfa", "travel document"),
        required=True,
    ),
    ident(
        "id/nik",
        "ID_NIK",
        ("0000000000000000", "0000 0000 0000 0000", "000000 000000 0000", "00.0000.000000.0000"),
        ("3171011708450001", "3204 1057 0890 0002"),
        "Permendagri, nomor induk kependudukan",
        score=LUCK,
        structure=id_nik,
        context=(
            "nik",
            "ktp",
            "nomor induk kependudukan",
            "no ktp",
            "e ktp",
            "kependudukan",
            "indonesian id",
        ),
    ),
    ident(
        "my/nric",
        "MY_NRIC",
        ("000000-00-0000",),
        ("770305-02-1234",),
        "Jabatan Pendaftaran Negara, MyKad number and place-of-birth codes",
        score=0.75,
        structure=my_nric,
        context=("mykad", "nric", "ic", "kad pengenalan", "no kp", "ic number", "malaysian"),
        negative=("mykad 771305-02-1234", "mykad 770305-00-1234"),
    ),
    ident(
        "my/nric-plain",
        "MY_NRIC",
        ("000000000000", "000000 00 0000"),
        ("770305021234",),
        "Jabatan Pendaftaran Negara, MyKad number and place-of-birth codes",
        score=LUCK,
        structure=my_nric,
        context=("mykad", "nric", "ic", "kad pengenalan", "no kp", "ic number", "malaysian"),
        anti=NOT_A_PERSON,
    ),
    ident(
        "vn/cccd",
        "VN_CCCD",
        ("000000000000",),
        ("001099012345",),
        "Nghị định 137/2015/NĐ-CP, số định danh cá nhân",
        score=FORM,
        structure=vn_cccd,
        context=("cccd", "căn cước", "căn cước công dân", "cmnd", "số định danh", "chứng minh nhân dân"),
        required=True,
    ),
)
