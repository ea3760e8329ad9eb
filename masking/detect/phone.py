"""Telephone numbers, from the shape of a digit run.

Sources: ITU-T E.164 (country codes, at most fifteen digits), E.123 (notation), the North American Numbering Plan
(area and exchange codes begin with 2 to 9). A number in a phone's notation counts at once; a bare row of digits needs
a word beside it.
"""

from __future__ import annotations

import re
from typing import Final

from masking.rules import RunForms, RunRule

CODES: Final = frozenset(
    [
        "1",
        "7",
        "20",
        "27",
        "30",
        "31",
        "32",
        "33",
        "34",
        "36",
        "39",
        "40",
        "41",
        "43",
        "44",
        "45",
        "46",
        "47",
        "48",
        "49",
        "51",
        "52",
        "53",
        "54",
        "55",
        "56",
        "57",
        "58",
        "60",
        "61",
        "62",
        "63",
        "64",
        "65",
        "66",
        "81",
        "82",
        "84",
        "86",
        "90",
        "91",
        "92",
        "93",
        "94",
        "95",
        "98",
        "211",
        "212",
        "213",
        "216",
        "218",
        "220",
        "221",
        "222",
        "223",
        "224",
        "225",
        "226",
        "227",
        "228",
        "229",
        "230",
        "231",
        "232",
        "233",
        "234",
        "235",
        "236",
        "237",
        "238",
        "239",
        "240",
        "241",
        "242",
        "243",
        "244",
        "245",
        "246",
        "248",
        "249",
        "250",
        "251",
        "252",
        "253",
        "254",
        "255",
        "256",
        "257",
        "258",
        "260",
        "261",
        "262",
        "263",
        "264",
        "265",
        "266",
        "267",
        "268",
        "269",
        "290",
        "291",
        "297",
        "298",
        "299",
        "350",
        "351",
        "352",
        "353",
        "354",
        "355",
        "356",
        "357",
        "358",
        "359",
        "370",
        "371",
        "372",
        "373",
        "374",
        "375",
        "376",
        "377",
        "378",
        "380",
        "381",
        "382",
        "383",
        "385",
        "386",
        "387",
        "389",
        "420",
        "421",
        "423",
        "500",
        "501",
        "502",
        "503",
        "504",
        "505",
        "506",
        "507",
        "508",
        "509",
        "590",
        "591",
        "592",
        "593",
        "594",
        "595",
        "596",
        "597",
        "598",
        "599",
        "670",
        "672",
        "673",
        "674",
        "675",
        "676",
        "677",
        "678",
        "679",
        "680",
        "681",
        "682",
        "683",
        "685",
        "686",
        "687",
        "688",
        "689",
        "690",
        "691",
        "692",
        "800",
        "808",
        "850",
        "852",
        "853",
        "855",
        "856",
        "870",
        "878",
        "880",
        "881",
        "882",
        "883",
        "886",
        "888",
        "960",
        "961",
        "962",
        "963",
        "964",
        "965",
        "966",
        "967",
        "968",
        "970",
        "971",
        "972",
        "973",
        "974",
        "975",
        "976",
        "977",
        "979",
        "992",
        "993",
        "994",
        "995",
        "996",
        "998",
    ]
)
_FORMS: Final = tuple(
    (re.compile(pattern), score, needed)
    for pattern, score, needed in (
        # +CC and groups
        (
            r"(?<![A0])\+ ?0{1,3}[-. /]{0,2}(?:\(0{1,5}\)[-. /]{0,2})?0{1,14}(?:[-. /]{1,2}0{1,10}|[-. ]?\(0{1,5}\)[-. ]?0{1,10}){0,6}",
            0.9,
            "+",
        ),
        # NANP: (000) 000-0000, 000-000-0000, 000.000.0000, optional 0/1 in front
        (r"(?<![A0.-])(?:0{1,3}[-. ]{1,2})?\(000\)[-. /]{0,2}000[-. ]{0,2}0000", 0.9, "(000)"),
        (r"(?<![A0.-])(?:0[-. ]|000[-. ])?(?:000-000-?|000\.000\.?)[- .]?0000", 0.75, "000"),
        (r"(?<![A0.-])(?:0[-. ]|000[-. ])?000 000[- ]0000", 0.5, "000 000"),
        (r"(?<![A0.-])000[-.]0000", 0.2, "000"),
        # national trunk form: 0AA(A) 000 0000, (0AA) 0000 0000
        (r"(?<![A0.-])\(0{2,5}\)[-. ]{0,2}0{2,8}(?:[-. ]0{2,6}){0,4}", 0.55, "("),
        (r"(?<![A0.-])0{2,5}[-. /]0{2,8}(?:[-. ]0{2,6}){0,4}", 0.15, "00"),
        (r"(?<![A0.-])0{7,11}", 0.1, "0000000"),
        (r"(?<![A0.-])0{12,15}", 0.03, "000000000000"),
    )
)
"""Pattern, certainty, and what stands in every match."""
_EXTENSION: Final = re.compile(r"A0{1,6}(?![A0])")
"""``x123``: the letter is checked by the validator."""
_DATE_LIKE: Final = re.compile(
    r"0000(?:-00-|\.00\.|/00/)|00?(?:-00?-|\.00?\.|/00?/)(?:0000|00)\Z|0{1,3}(?:\.0{1,3}){3}\Z"
)


def find(shape: str) -> tuple[tuple[int, int, float], ...]:
    """Phone-like stretches of a run, with the certainty of the notation alone."""
    out: dict[tuple[int, int], float] = {}
    if shape.count("0") < 6:
        return ()
    for pattern, score, needed in _FORMS:
        if needed not in shape:
            continue
        for match in pattern.finditer(shape):
            start, end = match.span()
            digits = match[0].count("0")
            tail = _EXTENSION.match(shape, end)
            if tail and shape[end - 4 : end] == "0000":
                end = tail.end()
            elif shape[end : end + 1] in ("0", "A") or shape[end : end + 2] == "-0":
                continue
            if (
                not 6 <= digits <= 17
                or (digits == 6 and match[0].count(" ") < 2)
                or _DATE_LIKE.match(match[0])
            ):
                continue
            if any(s <= start and end <= e for s, e in out):
                continue
            out[start, end] = score
    return tuple((s, e, score) for (s, e), score in out.items())


_YEARS: Final = re.compile(r"(?:19|20)[0-9]{2} ?- ?(?:19|20)[0-9]{2}")
"""A first and a last year."""


def valid(value: str) -> bool | None:
    """Country code known, NANP rules kept; never certain, a phone number has no check digit."""
    number, mark, extension = value.lower().partition("x")
    if (mark and not extension.isdigit()) or any("a" <= c <= "z" for c in number):
        return False
    digits = "".join(c for c in number if "0" <= c <= "9")
    if len(set(digits)) == 1 or (len(digits) == 8 and value.isascii() and _YEARS.fullmatch(value)):
        return False
    if value.lstrip().startswith("+"):
        digits = digits.lstrip("0")
        if not any(digits[:n] in CODES for n in (1, 2, 3)) or not 7 <= len(digits) <= 16:
            return False
        return None
    if digits.startswith("00") and len(digits) >= 10:
        return None
    return None


RUN_RULES: tuple[RunRule, ...] = (
    RunRule(
        name="phone",
        type="PHONE_NUMBER",
        find=find,
        forms=RunForms(
            "phone",
            (*((pattern.pattern, score) for pattern, score, _ in _FORMS), (_DATE_LIKE.pattern, 0.0)),
        ),
        validator=valid,
        source="ITU-T E.164, E.123; NANPA",
        context=(
            "phone", "telephone", "tel", "call", "called", "calling", "mobile", "cell", "cellphone", "fax", "dial", "text", "sms", "whatsapp", "contact", "reach",
            "number", "hotline", "ring", "phoned", "landline", "extension", "ext", "voicemail", "handy", "telefon", "telefono", "teléfono", "téléphone", "telefone",
            "celular", "móvil", "cellulare", "rufnummer", "mobil", "телефон", "电话", "電話", "전화", "msisdn", "line", "signal", "telegram", "helpline", "toll", "answer", "answering", "office", "home", "work", "tele", "telephonenum", "phonenumber",
        ),
        anti_context=("version", "order", "invoice", "serial", "isbn", "sku", "build", "port", "commit", "checksum", "timestamp", "sha", "uuid", "tracking", "ssn", "account", "routing", "zip", "npi", "mrn"),
        positive=("call (212) 555-0143", "phone: +44 20 7946 0958", "fax 212.555.0143", "cell 2125550143"),
        negative=("version 10.20.30.40", "fax Copyright 2008-2017", "2024-05-06", "id 12345678"),
    ),
)  # fmt: skip
