"""Seeded texts for comparing two ways of doing the same: prose, numbers, code, other scripts, damage, and real documents."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from masking import detect

SHARED = Path(__file__).resolve().parents[3] / "shared" / "masking"
WORDS = tuple(
    [
        "call",
        "mail",
        "Ann",
        "Maria",
        "Gonzalez",
        "Dr.",
        "Mr.",
        "Smith",
        "O'Brien",
        "D’Angelo",
        "Paris",
        "New",
        "York,",
        "Berlin",
        "Müller",
        "İstanbul",
        "Straße",
        "san",
        "francisco",
        "the",
        "of",
        "and",
        "SSN:",
        "card",
        "IBAN",
        "passport",
        "born",
        "DOB:",
        "phone",
        "+1",
        "(212)",
        "555-0134",
        "token=",
        "password:",
        "https://u:p@h.example/x",
        "a@b.example",
        "10.0.0.1",
        "fe80::1",
        "4111",
        "1111",
        "1111",
        "1111",
        "123-45-6789",
        "1EG4-TE5-MK73",
        "34",
        "ABC",
        "123",
        "MH",
        "12",
        "AB",
        "1234",
        "GB82WEST12345698765432",
        "00:1b:44:11:3a:b7",
        "41.40338,",
        "2.17403",
        "def",
        "return",
        "self.x",
        "=",
        "f(y);",
        "//",
        "{",
        "}",
        "[PERSON_1]",
        "tok_email_k1_aaaaaaaaaaaaaaaaaaaaaaaa",
        "12",
        "Main",
        "Street",
        "Иван",
        "Петров",
        "山田太郎",
        "محمد",
        "Σίσυφος",
        "ǅ",
        "ﬁ",
        "²",
        "½",
        "Ⅷ",
    ]
)
STRANGE = (
    "aAzZ09 \n\t.,;:-_/()+'’\"@#[]{}éßİıΣςǅ²½٣०𝟘😀𐐀\u0301\u200b\u00a0\u2009\u2028\x00\x1c\x85\ufeff\U0010ffff"
)
SURROGATES = "\ud800\udfff"


def real() -> list[str]:
    """The shared development and training texts; none where there is no shared folder."""
    rows = (
        json.loads(line)
        for path in sorted(SHARED.glob("*/*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    )
    return [row["text"] for row in rows if "text" in row]


def examples() -> list[str]:
    rules = [*detect.recognizers(), *detect.run_rules(), *detect.text_rules()]
    return [text for rule in rules for text in (*rule.positive, *rule.negative)]


def texts(seed: int, count: int) -> Iterator[str]:
    """*count* texts: a third strange characters, a third words, a third real or example texts cut and joined anew."""
    r = random.Random(seed)
    stock = [*real(), *examples()]
    for n in range(count):
        form = n % 3
        if form == 0:
            alphabet = (
                STRANGE + SURROGATES
                if n % 30 == 0
                else r.choice((STRANGE, "0123456789-. /()+AZé_", "Aa b.'"))
            )
            yield "".join(r.choices(alphabet, k=r.randrange(120)))
        elif form == 1:
            yield r.choice((" ", " ", "\n", ", ", "")).join(r.choices(WORDS, k=r.randrange(24)))
        else:
            a, b = r.choice(stock), r.choice(stock)
            yield (
                a[r.randrange(len(a) + 1) // 2 :]
                + r.choice(("", " ", "\n", r.choice(STRANGE)))
                + b[: r.randrange(300)]
            )
