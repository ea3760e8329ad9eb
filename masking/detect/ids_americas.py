"""Canada and Latin America: SIN, postal code, CPF, CNPJ, CURP, RFC, CUIT, RUT, NIT, cédulas, RUC."""

from __future__ import annotations

import re

from masking.checks import ALPHANUMERIC, bare, completed, is_digits, is_yymmdd, luhn, one_repeated, weighted
from masking.detect.ids_common import FORM, LIKELY, LUCK, NOT_A_PERSON, SURE, any_of, grouped, ident
from masking.recognizer import Recognizer


def ca_sin(number: str) -> bool:
    """ESDC, Social Insurance Number: nine digits, Luhn; 0 and 8 begin none."""
    return (
        len(number) == 9
        and is_digits(number)
        and number[0] not in "08"
        and not one_repeated(number)
        and luhn(number)
    )


_CA_POSTAL = re.compile("[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z][0-9][ABCEGHJ-NPRSTV-Z][0-9]")


def ca_postal(number: str) -> bool:
    """Canada Post addressing guidelines: A1A 1A1 without D F I O Q U, and no W or Z first."""
    return _CA_POSTAL.fullmatch(number) is not None


def _mod_11_down(values: list[int], first: int) -> int:
    total = sum(value * weight for value, weight in zip(values, range(first, 1, -1), strict=True))
    return 0 if total % 11 < 2 else 11 - total % 11


def br_cpf(number: str) -> bool:
    """Receita Federal, CPF: weights 10-2 and 11-2, eleven minus the remainder, above 9 is 0."""
    if len(number) != 11 or not is_digits(number) or one_repeated(number):
        return False
    values = [int(char) for char in number]
    return _mod_11_down(values[:9], 10) == values[9] and _mod_11_down(values[:10], 11) == values[10]


def br_cnpj(number: str) -> bool:
    """Receita Federal, CNPJ (letters from July 2026, IN RFB 2.229: value is ASCII code minus 48): weights 5-2, 9-2 and 6-2, 9-2."""
    if (
        len(number) != 14
        or not is_digits(number[12:])
        or not set(number) <= set(ALPHANUMERIC)
        or one_repeated(number)
    ):
        return False
    values = [ord(char) - 48 for char in number]
    for place in (12, 13):
        weights = [*range(place - 7, 1, -1), *range(9, 1, -1)]
        rest = sum(value * weight for value, weight in zip(values[:place], weights, strict=True)) % 11
        if values[place] != (0 if rest < 2 else 11 - rest):
            return False
    return True


_CURP_VALUES = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
_CURP = re.compile(
    "[A-Z][AEIOUX][A-Z]{2}[0-9]{6}[HMX](?:AS|BC|BS|CC|CL|CM|CS|CH|DF|DG|GT|GR|HG|JC|MC|MN|MS|NT|NL|OC|PL|QT|QR|SP|SL|SR|TC|TS|TL|VZ|YN|ZS|NE)"
    "[B-DF-HJ-NP-TV-Z]{3}[0-9A-Z][0-9]"
)


def mx_curp(number: str) -> bool:
    """RENAPO, Instructivo normativo CURP: letters, birth date, sex, state, consonants; weights 18 down, alphabet with Ñ, mod 10."""
    if not _CURP.fullmatch(number) or not is_yymmdd(number[4:10]):
        return False
    total = sum(
        _CURP_VALUES.index(char) * weight for char, weight in zip(number[:17], range(18, 1, -1), strict=True)
    )
    return -total % 10 == int(number[17])


_RFC_VALUES = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ"


def mx_rfc(number: str) -> bool:
    """SAT, RFC: three or four letters, date, two characters and a check digit: weights 13 down, mod 11, 10 is A."""
    if len(number) not in {12, 13} or not re.fullmatch("[A-Z&Ñ]{3,4}[0-9]{6}[0-9A-Z]{2}[0-9A]", number):
        return False
    padded = number.rjust(13)
    if not is_yymmdd(number[-9:-3]):
        return False
    total = sum(
        _RFC_VALUES.index(char) * weight for char, weight in zip(padded[:12], range(13, 1, -1), strict=True)
    )
    return "0123456789A"[-total % 11] == number[-1]


def mx_rfc_checked(text: str) -> bool | None:
    """Certain with the check digit; old ones without it are open as long as a date stands in them."""
    number = bare(text)
    if mx_rfc(number):
        return True
    return None if len(number) == 13 and is_yymmdd(number[4:10]) else False


_CUIT_KINDS = frozenset({"20", "23", "24", "25", "26", "27", "30", "33", "34", "50", "51", "55"})


def ar_cuit(number: str) -> bool:
    """ARCA (AFIP), CUIT/CUIL: kind, eight digits, weights 5 4 3 2 7 6 5 4 3 2, eleven minus the sum mod 11, 10 is 9."""
    if (
        len(number) != 11
        or not is_digits(number)
        or number[:2] not in _CUIT_KINDS
        or one_repeated(number[2:10])
    ):
        return False
    return min(-weighted(number[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11, 9) == int(number[10])


def cl_rut(number: str) -> bool:
    """Servicio de Impuestos Internos / Registro Civil, RUT: weights 2-7 from the right, 11 is 0 and 10 is K."""
    if len(number) not in {8, 9} or not is_digits(number[:-1]) or one_repeated(number[:-1]):
        return False
    total = sum(int(char) * (2 + place % 6) for place, char in enumerate(reversed(number[:-1])))
    return "0123456789K"[-total % 11] == number[-1]


def co_nit(number: str) -> bool:
    """DIAN, Orden Administrativa 4/1989: weights 3 7 13 17 19 23 29 37 41 43 47 53 59 67 71 from the right, mod 11."""
    if not 8 <= len(number) <= 16 or not is_digits(number) or one_repeated(number[:-1]):
        return False
    primes = (3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71)
    return "01987654321"[weighted(number[-2::-1], primes) % 11] == number[-1]


def ec_cedula(number: str) -> bool:
    """Registro Civil (EC), cédula: province 01-24 or 30, third digit at most 6, weights 2 1 …, digits above 9 minus 9, mod 10."""
    if (
        len(number) != 10
        or not is_digits(number)
        or not (1 <= int(number[:2]) <= 24 or number[:2] == "30")
        or number[2] > "6"
    ):
        return False
    return luhn(number)


def pe_ruc(number: str) -> bool:
    """SUNAT, RUC: kind 10, 15, 16, 17 or 20, weights 5 4 3 2 7 6 5 4 3 2, eleven minus the sum mod 11, mod 10."""
    if len(number) != 11 or not is_digits(number) or number[:2] not in {"10", "15", "16", "17", "20"}:
        return False
    return (11 - weighted(number[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 10 == int(number[10])


def uy_ci(number: str) -> bool:
    """DNIC (UY), cédula: weights 2 9 8 7 6 3 4, ten minus the sum mod 10; seven digits are padded."""
    number = number.zfill(8)
    return (
        len(number) == 8
        and is_digits(number)
        and not one_repeated(number)
        and -weighted(number[:7], (2, 9, 8, 7, 6, 3, 4)) % 10 == int(number[7])
    )


def do_cedula(number: str) -> bool:
    """JCE (DO), cédula: eleven digits, Luhn."""
    return len(number) == 11 and is_digits(number) and not one_repeated(number) and luhn(number)


_SIN_WORDS = (
    "sin",
    "social insurance",
    "nas",
    "assurance sociale",
    "insurance number",
    "numéro d'assurance sociale",
    "sin number",
)
_CPF_WORDS = ("cpf", "cadastro de pessoas físicas", "receita federal", "contribuinte", "cpf do titular")
_CNPJ_WORDS = ("cnpj", "cadastro nacional", "empresa", "pessoa jurídica", "razão social")
_CURP_SHAPES = any_of("AAAA000000AAAAAA", ("00", "A0"))
_RFC_SHAPES = any_of(
    ("AAA", "AAAA"), ("", "-"), "000000", ("", "-"), any_of(("0", "A"), ("0", "A"), ("0", "A"))
)
_CNPJ_LETTERS = any_of(
    "AA.",
    ("000", "AAA", "0A0", "A0A"),
    ".",
    ("000", "AAA", "0A0", "A0A"),
    "/",
    ("0000", "AAAA", "000A", "00AA"),
    "-00",
)

RECOGNIZERS: tuple[Recognizer, ...] = (
    ident(
        "ca/sin",
        "CA_SIN",
        grouped("000 000 000", " -"),
        (completed("130 692 54?", ca_sin), completed("530-692-47?", ca_sin)),
        "Employment and Social Development Canada, Social Insurance Number",
        score=0.45,
        check=ca_sin,
        context=_SIN_WORDS,
        anti=("phone", "tel", "fax", *NOT_A_PERSON),
    ),
    ident(
        "ca/sin-plain",
        "CA_SIN",
        ("000000000",),
        (completed("13069254?", ca_sin),),
        "Employment and Social Development Canada, Social Insurance Number",
        score=LUCK,
        check=ca_sin,
        context=_SIN_WORDS,
        anti=NOT_A_PERSON,
    ),
    ident(
        "ca/postal-code",
        "CA_POSTAL_CODE",
        ("A0A 0A0",),
        ("K1A 0B1", "V6B 4Y8"),
        "Canada Post, Addressing guidelines",
        score=LIKELY,
        structure=ca_postal,
        regex="[A-Z][0-9][A-Z] [0-9][A-Z][0-9]",
        context=("postal code", "postal", "code postal", "zip", "address", "canada"),
        negative=("postal code D1A 0B1", "postal code W1A 0B1"),
    ),
    ident(
        "ca/postal-code-joined",
        "CA_POSTAL_CODE",
        ("A0A0A0", "A0A-0A0", "A0A 0A0"),
        ("K1A0B1", "k1a 0b1"),
        "Canada Post, Addressing guidelines",
        score=FORM,
        structure=ca_postal,
        context=("postal code", "postal", "code postal", "zip", "address", "canada"),
        required=True,
    ),
    ident(
        "br/cpf",
        "BR_CPF",
        ("000.000.000-00", "000 000 000 00", "000.000.000.00", "000000000-00"),
        (completed("231.002.999-??", br_cpf),),
        "Receita Federal do Brasil, CPF",
        score=0.95,
        check=br_cpf,
        context=_CPF_WORDS,
    ),
    ident(
        "br/cpf-plain",
        "BR_CPF",
        ("00000000000",),
        (completed("231002999??", br_cpf),),
        "Receita Federal do Brasil, CPF",
        score=LIKELY,
        check=br_cpf,
        context=_CPF_WORDS,
        anti=NOT_A_PERSON,
    ),
    ident(
        "br/cnpj",
        "BR_CNPJ",
        ("00.000.000/0000-00", "00000000/0000-00", "00 000 000 0000 00", *_CNPJ_LETTERS),
        (completed("16.727.230/0001-??", br_cnpj), completed("AB.1C2.345/01DE-??", br_cnpj)),
        "Receita Federal do Brasil, CNPJ; IN RFB 2.229/2024 (alphanumeric)",
        score=0.95,
        check=br_cnpj,
        context=_CNPJ_WORDS,
    ),
    ident(
        "br/cnpj-plain",
        "BR_CNPJ",
        ("00000000000000",),
        (completed("167272300001??", br_cnpj),),
        "Receita Federal do Brasil, CNPJ",
        score=LIKELY,
        check=br_cnpj,
        context=_CNPJ_WORDS,
        anti=NOT_A_PERSON,
    ),
    ident(
        "mx/curp",
        "MX_CURP",
        _CURP_SHAPES,
        (completed("BOXW310820HNERXN0?", mx_curp), completed("VEML850228MDFLNSA?", mx_curp)),
        "RENAPO, Clave Única de Registro de Población",
        score=0.95,
        check=mx_curp,
        context=("curp", "clave única", "registro de población", "clave unica"),
    ),
    ident(
        "mx/rfc",
        "MX_RFC",
        _RFC_SHAPES,
        (completed("GODE561231GR?", mx_rfc, "0123456789A"), completed("MAB9307148T?", mx_rfc, "0123456789A")),
        "SAT, Registro Federal de Contribuyentes",
        score=0.85,
        unchecked=0.3,
        validator=mx_rfc_checked,
        context=("rfc", "registro federal de contribuyentes", "contribuyente", "sat"),
    ),
    ident(
        "ar/cuit",
        "AR_CUIT",
        ("00-00000000-0", "00 00000000 0", "00.00000000.0"),
        (completed("20-12345678-?", ar_cuit),),
        "ARCA (AFIP), CUIT y CUIL",
        score=0.8,
        check=ar_cuit,
        context=("cuit", "cuil", "afip", "arca", "contribuyente"),
    ),
    ident(
        "ar/cuit-plain",
        "AR_CUIT",
        ("00000000000",),
        (completed("2012345678?", ar_cuit),),
        "ARCA (AFIP), CUIT y CUIL",
        score=LUCK,
        check=ar_cuit,
        context=("cuit", "cuil", "afip", "arca"),
        anti=NOT_A_PERSON,
    ),
    ident(
        "ar/dni",
        "AR_DNI",
        ("00.000.000", "00000000", "0.000.000", "0000000"),
        ("20.123.456", "30123456"),
        "RENAPER, documento nacional de identidad",
        score=FORM,
        structure=lambda number: not one_repeated(number),
        context=("dni", "documento", "documento nacional", "d n i"),
        required=True,
    ),
    ident(
        "cl/rut",
        "CL_RUT",
        any_of(("00.000.000", "0.000.000"), "-", ("0", "A")),
        (completed("12.531.909-?", cl_rut, "0123456789K"),),
        "Servicio de Registro Civil e Identificación, RUN/RUT",
        score=SURE,
        check=cl_rut,
        context=("rut", "run", "rol único", "cédula", "rol unico", "contribuyente"),
    ),
    ident(
        "cl/rut-plain",
        "CL_RUT",
        any_of(("00000000", "0000000"), ("-", ""), ("0", "A")),
        (completed("12531909-?", cl_rut, "0123456789K"),),
        "Servicio de Registro Civil e Identificación, RUN/RUT",
        score=LUCK,
        check=cl_rut,
        context=("rut", "run", "rol único", "cédula", "rol unico", "contribuyente"),
    ),
    ident(
        "co/nit",
        "CO_NIT",
        ("000.000.000-0", "000000000-0", "0000000000"),
        (completed("213.123.432-?", co_nit),),
        "DIAN, número de identificación tributaria",
        score=LUCK,
        check=co_nit,
        context=("nit", "dian", "identificación tributaria", "rut", "empresa"),
    ),
    ident(
        "co/cedula",
        "CO_CEDULA",
        ("0.000.000.000", "00.000.000", "0000000000", "00000000", "0000000"),
        ("1.020.304.050", "79801234"),
        "Registraduría Nacional del Estado Civil, cédula de ciudadanía",
        score=FORM,
        structure=lambda number: not one_repeated(number),
        context=("cédula", "cedula", "cédula de ciudadanía", "cc", "ciudadanía", "ciudadania", "colombia"),
        required=True,
    ),
    ident(
        "ec/cedula",
        "EC_CEDULA",
        ("0000000000", "000000000-0"),
        (completed("171430710?", ec_cedula),),
        "Registro Civil del Ecuador, cédula de identidad",
        score=LUCK,
        check=ec_cedula,
        context=("cédula", "cedula", "cédula de identidad", "ecuador", "ci"),
        required=True,
    ),
    ident(
        "pe/ruc",
        "PE_RUC",
        ("00000000000",),
        (completed("2051233379?", pe_ruc),),
        "SUNAT, Registro Único de Contribuyentes",
        score=LUCK,
        check=pe_ruc,
        context=("ruc", "sunat", "contribuyente", "contribuyentes"),
        anti=NOT_A_PERSON,
    ),
    ident(
        "pe/dni",
        "PE_DNI",
        ("00000000", "00000000-0"),
        ("10234567",),
        "RENIEC, documento nacional de identidad",
        score=FORM,
        structure=lambda number: not one_repeated(number),
        context=("reniec dni", "dni peruano", "dni", "reniec", "documento de identidad"),
        required=True,
    ),
    ident(
        "uy/ci",
        "UY_CI",
        ("0.000.000-0", "0000000-0", "00000000"),
        (completed("1.234.567-?", uy_ci),),
        "Dirección Nacional de Identificación Civil, cédula de identidad",
        score=LUCK,
        check=uy_ci,
        context=("cédula", "cedula", "ci", "cédula de identidad", "uruguay", "c i"),
    ),
    ident(
        "do/cedula",
        "DO_CEDULA",
        ("000-0000000-0",),
        (completed("001-1391451-?", do_cedula),),
        "Junta Central Electoral, cédula de identidad y electoral",
        score=LIKELY,
        check=do_cedula,
        context=("cédula", "cedula", "jce", "dominicana", "identidad"),
    ),
)
