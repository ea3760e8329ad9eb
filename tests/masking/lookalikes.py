"""Seeded texts that were made to mislead: values in the forms that detectors miss, and harmless ones that look like them.

``python -m tests.masking.lookalikes [SEED] [COUNT]`` prints by template how many were judged wrong. No value is anyone's:
each is drawn from the seed, with its check digits where it has any.
"""

from __future__ import annotations

import random
import string
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from masking import Engine
from masking.checks import luhn


class Case(NamedTuple):
    template: str
    text: str
    value: str
    """What must be hidden whole; empty: nothing of ``types`` stands here."""
    types: frozenset[str]


SECRETS = frozenset({"PASSWORD", "SECRET"})
NAMES = frozenset({"PERSON", "LOCATION"})


def password(r: random.Random) -> str:
    return (
        "".join(r.sample(string.ascii_lowercase, 5))
        + r.choice("!+(_%")
        + r.choice("()x")
        + str(r.randrange(10, 99))
        + r.choice("zqk")
    )


def balanced(r: random.Random) -> str:
    a, b, c = ("".join(r.sample(string.ascii_lowercase, n)) for n in (2, 2, 3))
    return f"{a}({b}){c}{r.randrange(10, 99)}"


def key(r: random.Random) -> str:
    return "".join(r.choice(string.ascii_letters + string.digits) for _ in range(26)) + "7aQ"


def word(r: random.Random) -> str:
    return "".join(r.choice("bdfgklmnprstv") + r.choice("aeiou") for _ in range(r.randrange(3, 5)))


def card(r: random.Random) -> str:
    body = "4" + "".join(r.choice(string.digits) for _ in range(14))
    return next(body + d for d in string.digits if luhn(body + d))


def card_less_one(r: random.Random) -> str:
    number = card(r)
    return number[:-1] + str((int(number[-1]) + 1 + r.randrange(8)) % 10)


def mail(r: random.Random) -> str:
    return f"{word(r)}.{word(r)}@{word(r)}.example"


def phrase(r: random.Random) -> str:
    return " ".join(r.sample(("plum", "stone", "river", "copper", "lantern", "maple", "orbit", "velvet"), 3))


def said(r: random.Random) -> str:
    at, dot = r.choice((("[at]", "."), (" (at) ", " (dot) "), (" [at] ", " [dot] "), ("{at}", ".")))
    return f"{word(r)}.{word(r)}{at}{word(r)}{dot}{r.choice(('org', 'net', 'example'))}"


Make = Callable[[random.Random], str]
HIDDEN: tuple[tuple[str, Make, frozenset[str]], ...] = (
    ("DB_PASSWORD={}", balanced, SECRETS),
    ("password: {}", balanced, SECRETS),
    ('psql "host=db user=app password={}"', key, SECRETS),
    ('{{"password": "{}", "retries": 3}}', phrase, SECRETS),
    ("passphrase = '{}'", phrase, SECRETS),
    ("pw: {}", key, SECRETS),
    ("redis-cli -h cache -a {} ping", word, SECRETS),
    ("mysql -u root -p{} shop", word, SECRETS),
    ("curl -s -u deploy:{} https://ci.example/job", word, SECRETS),
    ("deploy --api-key {} --region eu", key, SECRETS),
    ("runner register --token {}", key, SECRETS),
    ("https://db.example.com/login?user=app&password={}", key, SECRETS),
    ("GET /cb?access_token={}", key, SECRETS),
    ("paid with {} today", card, frozenset({"CREDIT_CARD"})),
    ("user={}", mail, frozenset({"EMAIL_ADDRESS"})),
    ("https://h.example.com/?next=1&email={}", mail, frozenset({"EMAIL_ADDRESS"})),
    ("write to {}, please", said, frozenset({"EMAIL_ADDRESS"})),
)
HARMLESS: tuple[tuple[str, Make, frozenset[str]], ...] = (
    ("password = get_{}(user)", word, SECRETS),
    ("password = {}[key]", word, SECRETS),
    ("password=$({} /run/pw)", word, SECRETS),
    ("using llvm::Pass::{}Init;", word, SECRETS),
    ('"password": "Enter your {}"', word, SECRETS),
    ("if {} is None or password is None)", word, SECRETS),
    ("redis-cli -a ${}", word, SECRETS),
    ("mysql -u root -p {}", word, SECRETS),
    ("curl -u $USER:${} https://ci.example", word, SECRETS),
    ("deploy --token <{}>", word, SECRETS),
    ("sha256:{}", lambda r: "".join(r.choice("0123456789abcdef") for _ in range(64)), SECRETS | NAMES),
    ("order {} shipped", card_less_one, frozenset({"CREDIT_CARD"})),
    ("icon {}@2x.png", word, frozenset({"EMAIL_ADDRESS"})),
    ("meet (at) noon near the {}", word, frozenset({"EMAIL_ADDRESS"})),
    ('    "{}",\n    "strip",', word, NAMES),
    ("// the {} of the callee is kept", word, NAMES),
    ("# {}: see the section on flags", word, NAMES),
    ("fax Copyright 20{}-2024", lambda r: str(r.randrange(10, 20)), frozenset({"PHONE_NUMBER"})),
)


def cases(seed: int, count: int) -> Iterator[Case]:
    """*count* of each template."""
    r = random.Random(seed)
    for template, make, types in HIDDEN:
        for _ in range(count):
            value = make(r)
            yield Case(template, template.format(value), value, types)
    for template, make, types in HARMLESS:
        for _ in range(count):
            yield Case(template, template.format(make(r)), "", types)


def is_right(engine: Engine, case: Case) -> bool:
    """A value is hidden whole under one of its types; harmless text has nothing of the types that it mimics."""
    spans = [s for s in engine.scan(case.text) if s.type in case.types]
    if not case.value:
        return not spans
    start = case.text.index(case.value)
    return any(s.start <= start and start + len(case.value) <= s.end for s in spans)


def wrong(engine: Engine, seed: int, count: int) -> Counter[str]:
    """How many of each template were judged wrong."""
    return Counter(case.template for case in cases(seed, count) if not is_right(engine, case))


if __name__ == "__main__":
    arguments = [int(a) for a in sys.argv[1:]] or [1]
    size = arguments[1] if len(arguments) > 1 else 50
    for name, number in wrong(Engine(), arguments[0], size).most_common():
        print(f"{number:4d} of {size}  {name}")
