"""A seeded corpus for speed and for labelled accuracy: chat, logs, JSON, SQL, letters and clean source code.

Own sentences; every value is made here, with its check digits. ``documents(seed, count)`` gives
``{"id", "text", "spans"}`` with standard type names.
"""

from __future__ import annotations

import json
import random

GIVEN = [
    "James",
    "Mary",
    "Robert",
    "Patricia",
    "Ahmed",
    "Wei",
    "Maria",
    "Ivan",
    "Aisha",
    "Pedro",
    "Ingrid",
    "Yuki",
    "Priya",
    "Olga",
    "Kwame",
    "Fatima",
    "Lars",
    "Chloe",
    "Mateo",
    "Hannah",
]
FAMILY = [
    "Smith",
    "Johnson",
    "Garcia",
    "Müller",
    "Kowalski",
    "Brown",
    "Nguyen",
    "Okafor",
    "Rossi",
    "Tanaka",
    "Silva",
    "Dubois",
    "Novak",
    "Haddad",
    "Larsen",
    "Patel",
    "Kim",
    "Jones",
    "Costa",
    "Weber",
]
CITIES = [
    "Chicago",
    "Paris",
    "Berlin",
    "Lagos",
    "Osaka",
    "Toronto",
    "Madrid",
    "Leeds",
    "Mumbai",
    "Denver",
    "Oslo",
    "Lisbon",
]


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def digits(self, n):
        return "".join(str(self.r.randrange(10)) for _ in range(n))

    def make(self, kind):
        r = self.r
        if kind == "PERSON":
            return f"{r.choice(GIVEN)} {r.choice(FAMILY)}"
        if kind == "LOCATION":
            return r.choice(CITIES)
        if kind == "EMAIL_ADDRESS":
            return f"{r.choice(GIVEN)}.{r.choice(FAMILY)}{r.randrange(99)}@{r.choice(('mail', 'corp', 'post'))}.example.{r.choice(('com', 'org', 'de'))}".lower().replace(
                "ü", "ue"
            )
        if kind == "PHONE_NUMBER":
            a = f"{r.randrange(201, 989)}"
            return r.choice(
                (
                    f"({a}) 555-{self.digits(4)}",
                    f"+1 {a} 555 {self.digits(4)}",
                    f"{a}-555-{self.digits(4)}",
                    f"+44 20 7946 0{self.digits(3)}",
                )
            )
        if kind == "CREDIT_CARD":
            body = "4" + self.digits(14)
            total = sum(sum(divmod(int(c) * (2 - i % 2), 10)) for i, c in enumerate(body))
            number = body + str(-total % 10)
            sep = r.choice(("", " ", "-"))
            return sep.join(number[i : i + 4] for i in range(0, 16, 4))
        if kind == "US_SSN":
            return f"{r.randrange(100, 660)}-{r.randrange(10, 99)}-{r.randrange(1000, 9999)}"
        if kind == "IP_ADDRESS":
            return f"{r.randrange(11, 220)}.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(1, 255)}"
        if kind == "IBAN_CODE":
            bban = self.digits(18)
            return f"DE{98 - int(bban + '131400') % 97:02d}{bban}"
        return f"{r.randrange(1, 9999)} {r.choice(('Oak', 'Maple', 'Hill', 'King'))} {r.choice(('Street', 'Avenue', 'Road'))}"


TEMPLATES = [
    "[10:42] {GIVEN}: hey can you check order 88{N} for {PERSON}? her mail is {EMAIL_ADDRESS}",
    "2026-05-03T10:11:12.402Z INFO request id=7f3a{N}be user={N} ip={IP_ADDRESS} took 31 ms status=200",
    '{"id": {N}, "name": "{PERSON}", "email": "{EMAIL_ADDRESS}", "phone": "{PHONE_NUMBER}", "ssn": "{US_SSN}", "active": true}',
    "INSERT INTO customers (id, name, city) VALUES ({N}, '{PERSON}', '{LOCATION}');",
    "def parse(self, value: str) -> int:\n    return int(value) if value else self.default  # keep the old behaviour",
    "Dear {PERSON}, your card {CREDIT_CARD} was charged on March 3. It ships to {ADDRESS}.",
    "Please transfer the rest to IBAN {IBAN_CODE} before Friday, {PERSON} in {LOCATION} is waiting.",
    "the build failed again on step 14, see the log at line {N}; retrying with version 2.14.{N}",
    "Call {PERSON} at {PHONE_NUMBER} or write to {EMAIL_ADDRESS}.",
    "for (let i = 0; i < items.length; i++) { total += items[i].price * 1.19; }",
]


def documents(seed, count):
    m = Maker(seed)
    for n in range(count):
        template, text, spans = m.r.choice(TEMPLATES), "", []
        while "{" in template:
            a = template.find("{")
            b = template.find("}", a)
            name = template[a + 1 : b]
            text += template[:a]
            if name == "N":
                text += str(m.r.randrange(1000, 99999))
            elif name == "GIVEN":
                value = m.r.choice(GIVEN)
                spans.append([len(text), len(text) + len(value), "PERSON"])
                text += value
            elif name.replace("_", "").isalpha() and name.isupper():
                value = m.make(name)
                spans.append([len(text), len(text) + len(value), name])
                text += value
            else:
                text += "{"
                b = a
            template = template[b + 1 :]
        yield {"id": n, "text": text + template, "spans": spans}


if __name__ == "__main__":
    for d in documents(1, 20):
        print(json.dumps(d, ensure_ascii=False))
