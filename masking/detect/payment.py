"""Cards, IBAN, BIC, routing and account numbers, crypto wallets.

Sources: ISO/IEC 7812 (card numbers, Luhn), the issuers' published ranges, ISO 13616 registry (IBAN), ISO 9362 (BIC),
ABA routing transit rules, BIP-13/BIP-173 and Base58Check (Bitcoin), EIP-55 (Ethereum).
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from masking.recognizer import Literals, Pattern, Recognizer, Shapes
from masking.rules import RunForms, RunRule, TextRule
from masking.spans import Span
from masking.validators import aba, luhn, mod97
from masking.view import View

_CARD: Final = re.compile(
    r"(?<![A0])(?:0{12,19}|0000-0000-0000-0{1,7}(?:-0{1,3})?|0000 0000 0000 0{1,7}(?: 0{1,3})?|0000\.0000\.0000\.0{1,7}(?:\.0{1,3})?"
    r"|0000-0{6}-0{4,5}|0000 0{6} 0{4,5}|0{6}[- ]0{6,13})(?![A0])"
)


CARD_ALONE: Final = 0.08
CARD_IN_GROUPS: Final = 0.3


def find_card(shape: str) -> tuple[tuple[int, int, float], ...]:
    out: list[tuple[int, int, float]] = []
    if shape.count("0") < 12:
        return ()
    for match in _CARD.finditer(shape):
        if 12 <= match[0].count("0") <= 19:
            grouped = CARD_IN_GROUPS if len(match[0]) > match[0].count("0") else CARD_ALONE
            out.append((match.start(), match.end(), grouped))
    return tuple(out)


def card(value: str) -> bool | None:
    """True when the issuer's range, the length and Luhn agree; None when Luhn alone, or neither but a card's length."""
    digits = "".join(c for c in value if "0" <= c <= "9")
    if len(set(digits)) < 2:
        return False
    if not luhn(digits):
        return None if digits[0] in "3456" and 13 <= len(digits) <= 19 else False
    return True if _issued(digits) else None


def _issued(d: str) -> bool:
    n = len(d)
    two, three, four = int(d[:2]), int(d[:3]), int(d[:4])
    return (
        (d[0] == "4" and n in {13, 16, 19})
        or (51 <= two <= 55 and n == 16)
        or (2221 <= four <= 2720 and n == 16)
        or (two in {34, 37} and n == 15)
        or ((300 <= three <= 305 or two in {36, 38, 39}) and 14 <= n <= 19)
        or ((four == 6011 or 644 <= three <= 649 or two in {62, 65, 81}) and 16 <= n <= 19)
        or (3528 <= four <= 3589 and 16 <= n <= 19)
        or ((two in {50, 56, 57, 58, 63, 67, 68, 69} or two == 60) and 12 <= n <= 19)
        or (2200 <= four <= 2204 and 16 <= n <= 19)
    )


IBAN_LENGTHS: Final = {
    pair[:2]: int(pair[2:])
    for pair in [
        "AD24",
        "AE23",
        "AL28",
        "AT20",
        "AZ28",
        "BA20",
        "BE16",
        "BG22",
        "BH22",
        "BI27",
        "BR29",
        "BY28",
        "CH21",
        "CR22",
        "CY28",
        "CZ24",
        "DE22",
        "DJ27",
        "DK18",
        "DO28",
        "EE20",
        "EG29",
        "ES24",
        "FI18",
        "FK18",
        "FO18",
        "FR27",
        "GB22",
        "GE22",
        "GI23",
        "GL18",
        "GR27",
        "GT28",
        "HN28",
        "HR21",
        "HU28",
        "IE22",
        "IL23",
        "IQ23",
        "IS26",
        "IT27",
        "JO30",
        "KW30",
        "KZ20",
        "LB28",
        "LC32",
        "LI21",
        "LT20",
        "LU20",
        "LV21",
        "LY25",
        "MC27",
        "MD24",
        "ME22",
        "MK19",
        "MN20",
        "MR27",
        "MT31",
        "MU30",
        "NI28",
        "NL18",
        "NO15",
        "OM23",
        "PK24",
        "PL28",
        "PS29",
        "PT25",
        "QA29",
        "RO24",
        "RS22",
        "RU33",
        "SA24",
        "SC31",
        "SD18",
        "SE24",
        "SI19",
        "SK24",
        "SM27",
        "SO23",
        "ST25",
        "SV28",
        "TL23",
        "TN24",
        "TR26",
        "UA29",
        "VA22",
        "VG24",
        "XK20",
        "YE30",
    ]
}
_IBAN: Final = re.compile(r"[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?")


def find_iban(view: View) -> list[Span]:
    """Two letters and two digits are rare; from each the country's length tells where the number must end."""
    out = []
    text, shape = view.folded, view.shape
    at = shape.find(b"AA00")
    while at >= 0:
        if not at or shape[at - 1] not in b"A0\xe9":
            span = iban_at(text, at)
            if span is not None:
                out.append(span)
        at = shape.find(b"AA00", at + 4)
    return out


def iban_at(text: str, at: int) -> Span | None:
    """The account number that begins at *at*."""
    if text[at : at + 2].upper() in IBAN_LENGTHS and (match := _IBAN.match(text, at, at + 48)):
        end = _iban_end(text, at, match.end())
        after = text[end : end + 1]
        if end and not (after.isascii() and after.isalnum()):
            return Span(at, end, "IBAN_CODE", 0.99, "iban", "check digit")
    return None


def _iban_end(text: str, start: int, limit: int) -> int:
    """Where the valid IBAN at *start* ends, or 0."""
    length = IBAN_LENGTHS.get(text[start : start + 2].upper(), 0)
    at, seen = start, 0
    while at < limit and seen < length:
        seen += text[at].isalnum()
        at += 1
    return at if seen == length and mod97(text[start:at]) else 0


_B58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_B58_AT: Final = {c: i for i, c in enumerate(_B58)}
_BECH32: Final = {c: i for i, c in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}


_BASE58_RUN: Final = re.compile(r"(?<![A0])0[A0]{25,34}(?![A0])")


def find_base58(shape: str) -> tuple[tuple[int, int, float], ...]:
    """Pay-to-key-hash and pay-to-script-hash addresses begin with 1 or 3 and have 26 to 35 characters, most of them letters."""
    if len(shape) < 26:
        return ()
    return tuple(
        (m.start(), m.end(), BASE58_SCORE)
        for m in _BASE58_RUN.finditer(shape)
        if m[0].count("A") > BASE58_LETTERS_MIN
    )


BASE58_LETTERS_MIN: Final = 6
BASE58_SCORE: Final = 0.01


def bitcoin_base58(value: str) -> bool:
    """Base58Check, version 0 (pay to key hash) or 5 (pay to script hash)."""
    return value[0] in "13" and _base58(value)


def bitcoin(value: str) -> bool:
    return _bech32(value.lower())


def _base58(value: str) -> bool:
    n = 0
    for c in value:
        if c not in _B58_AT:
            return False
        n = n * 58 + _B58_AT[c]
    try:
        raw = n.to_bytes(25, "big")
    except OverflowError:
        return False
    return hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


def _bech32(value: str) -> bool:
    hrp, _, data = value.rpartition("1")
    if any(c not in _BECH32 for c in data):
        return False
    values = [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp] + [_BECH32[c] for c in data]
    check = 1
    for v in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ v
        for i, g in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= g if (top >> i) & 1 else 0
    return check in {1, 0x2BC830A3}


RECOGNIZERS: tuple[Recognizer, ...] = (
    Recognizer(
        name="bitcoin-address",
        type="CRYPTO",
        patterns=(
            Pattern(
                Literals(("bc1", "ltc1"), 0, 90),
                0.5,
                r"\b(?:bc1|BC1|ltc1|LTC1)[02-9ac-hj-np-zAC-HJ-NP-Z]{11,87}\b",
            ),
        ),
        validator=bitcoin,
        source="BIP-173, BIP-350",
        positive=("pay bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4 please",),
        negative=("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",),
    ),
    Recognizer(
        name="ethereum-address",
        type="CRYPTO",
        patterns=(Pattern(Literals(("0x",), 0, 44), 0.75, r"\b0x[0-9a-fA-F]{40}\b"),),
        source="EIP-55",
        positive=("to 0x52908400098527886E0F7030069857D2E4169EE7 now",),
        negative=("0x52908400", "0x5290840009852788"),
    ),
    Recognizer(
        name="aba-routing",
        type="ABA_ROUTING",
        patterns=(Pattern(Shapes(("000000000", "0000-0000-0")), 0.05),),
        validator=aba,
        validated_score=0.1,
        context=("aba", "routing", "rtn", "transit", "bank", "wire"),
        source="ABA routing number policy",
        positive=("routing number 021000021", "ABA: 011401533"),
        negative=("order 021000021", "routing 021000022"),
    ),
    Recognizer(
        name="bank-account",
        type="BANK_ACCOUNT",
        patterns=(Pattern(Shapes(tuple("0" * n for n in range(7, 18))), 0.04),),
        context=(
            "account",
            "acct",
            "bank account",
            "account number",
            "checking",
            "savings",
            "bban",
            "konto",
            "cuenta",
        ),
        anti_context=(
            "phone",
            "routing",
            "card",
            "tracking",
            "order",
            "invoice",
            "ssn",
            "call",
            "github",
            "user",
            "twitter",
        ),
        context_required=True,
        source="account numbers have no common format: only the words say so",
        positive=("account number 945456787654", "checking acct 12345678"),
        negative=("order 945456787654",),
    ),
    Recognizer(
        name="swift-bic",
        type="SWIFT_BIC",
        patterns=(
            Pattern(
                Literals(("swift", "bic", "bank identifier"), 0, 60),
                0.8,
                r"(?i:swift|\bbic\b|bank identifier)[^\n]{0,24}?\b([A-Z]{4}(?:"
                + "|".join(sorted(IBAN_LENGTHS))
                + r"|US|CA|AU|NZ|JP|CN|HK|SG|IN|KR|MX|ZA|TH|MY|ID|PH|AR|CL|CO|TW|VN)[A-Z0-9]{2}(?:[A-Z0-9]{3})?)\b",
                group=1,
            ),
        ),
        source="ISO 9362",
        positive=("BIC: DEUTDEFF500", "SWIFT code NEDSZAJJ", "swift CHASUS33"),
        negative=("SWIFT developers", "the bic pen"),
    ),
)

RUN_RULES: tuple[RunRule, ...] = (
    RunRule(
        name="bitcoin-base58",
        type="CRYPTO",
        find=find_base58,
        forms=RunForms("plain", ((_BASE58_RUN.pattern, BASE58_SCORE),), letters_min=BASE58_LETTERS_MIN + 1),
        validator=bitcoin_base58,
        validated_score=0.95,
        source="Bitcoin wiki: Base58Check encoding; version bytes 0 and 5",
        positive=("pay 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 please", "to 3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"),
        negative=("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLz"),
    ),
    RunRule(
        name="card",
        type="CREDIT_CARD",
        find=find_card,
        forms=RunForms("card", ((_CARD.pattern, CARD_ALONE), (_CARD.pattern, CARD_IN_GROUPS))),
        validator=card,
        validated_score=0.97,
        source="ISO/IEC 7812-1",
        context=(
            "card",
            "credit",
            "debit",
            "visa",
            "mastercard",
            "amex",
            "american express",
            "discover",
            "maestro",
            "diners",
            "jcb",
            "cc",
            "pan",
            "creditcard",
            "payment",
            "cardnumber",
            "carte",
            "tarjeta",
            "kreditkarte",
            "charge",
            "charged",
            "billed",
        ),
        positive=("card 4111 1111 1111 1111", "378282246310005", "5555-5555-5555-4444"),
        negative=("1111 1111 1111 1111", "order 9999888877776666"),
    ),
)

TEXT_RULES: tuple[TextRule, ...] = (
    TextRule(
        name="iban",
        type="IBAN_CODE",
        find=find_iban,
        own="iban",
        own_parts=("IBAN_CODE", tuple(f"{c}{n}" for c, n in IBAN_LENGTHS.items()), "check digit"),
        source="ISO 13616 and the SWIFT IBAN registry",
        positive=(
            "IBAN DE89 3704 0044 0532 0130 00.",
            "GB29NWBK60161331926819",
            "fr14 2004 1010 0505 0001 3m02 606",
        ),
        negative=("DE89 3704 0044 0532 0130 01", "AB12 3456 7890 1234"),
    ),
)
