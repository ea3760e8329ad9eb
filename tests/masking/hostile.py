"""Hostile texts that never repeat a window: units with letters and digits drawn anew each time, so that no memory of answers helps."""

from __future__ import annotations

import random
from typing import Final

NEVER_TWICE: Final = {
    "x7f3a[at]yk2.co ": "x{4}[at]y{2}.co ",
    "http://a93:b7c@c1 ": "http://a{2}:b{2}@c{1} ",
    "ab at cd dot com ": "{5} at {4} dot com ",
    "a3@b7.co ": "{4}@{4}.co ",
    "password: k3j9 ": "password: {4} ",
    "auth_key=…": "auth_key={12} ",
    "token …": "token {8} ",
    "token=…": "token={24} ",
    "secret: …": "secret: {20} ",
    "api-key …": "api-key {8} ",
    "sid=…": "Cookie: sid={20}; ",
    "PGPASSWORD=… psql": "PGPASSWORD={6} psql\n",
    "mysql -p…": "mysql -u {3} -p{6}\n",
    "curl -u …": "curl -u {3}:{6} ",
    "sshpass -p '…'": "sshpass -p '{3} {4}' ssh h\n",
    "echo … into passwd": "echo {6} | passwd --stdin {3}\n",
    "passwd …": "passwd {5}\n",
    "net use …": "net use \\\\{3}\\s {6} /user:{3}\n",
    "Mr. Xkq ": "Mr. X{2} ",
    "geb. 12 ": "geb. {2} ",
    "vrm AB12": "vrm AB{2} ",
    "4111 1234 ": "4111 {4d} ",
    "10.1.2.3 ": "{3v}.{3v}.{3v}.{3v} ",
    "fe80::1a ": "fe80::{4} ",
    "12 Xkq St ": "{2d} X{3} St ",
    "city=Xkq ": "city=X{3} ",
    "first name: Xkq": "first name: X{3}\n",
    "x.com ": "{5}.com ",
    "SW1A 1AA ": "SW{1d} {1d}AA ",
    "Иван …": "Иван П{4c} ",
}
"""Name and unit; ``{4}`` stands for four letters or digits, ``{4d}`` for four digits, ``{4v}`` for one to four, ``{4c}`` for four Cyrillic letters."""
_KINDS: Final = {
    "": "abcdefghijklmnopqrstuvwxyz0123456789",
    "d": "0123456789",
    "v": "0123456789",
    "c": "абвгдежзиклмнопрст",
}


def never_twice(name: str, size: int) -> str:
    """About *size* characters of the unit, each time with others in it; the same for the same name."""
    r = random.Random(name)
    pieces = [
        (int(part.rstrip("dvc")), part.lstrip("0123456789")) if number % 2 else part
        for number, part in enumerate(NEVER_TWICE[name].replace("}", "{").split("{"))
    ]
    out: list[str] = []
    length = 0
    while length < size:
        unit = "".join(p if isinstance(p, str) else _drawn(r, *p) for p in pieces)
        out.append(unit)
        length += len(unit)
    return "".join(out)


def _drawn(r: random.Random, count: int, kind: str) -> str:
    return "".join(r.choices(_KINDS[kind], k=r.randint(1, count) if kind == "v" else count))
