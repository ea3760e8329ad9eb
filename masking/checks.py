"""Check digits and structure tests: pure arithmetic over compact strings of ASCII digits and letters.

Nothing here knows a country; a national rule in ``masking/detect/ids_*.py`` is a choice of these
with its own weights. Every function answers False on input outside its alphabet instead of raising,
because candidates come from arbitrary text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle, pairwise, product
from string import ascii_uppercase, digits

Check = Callable[[str], bool]

_SEPARATORS = str.maketrans("", "", " -./()+\t\u00a0\u2011\u2010")

ALPHANUMERIC = digits + ascii_uppercase
"""0-9 then A-Z: the value of a character is its place (ISO 7064, GS1, GSTIN, Maltese and Chinese schemes)."""


def bare(text: str) -> str:
    """*text* without the separators that people and forms put into numbers, upper-cased."""
    return text.translate(_SEPARATORS).upper()


def is_digits(text: str) -> bool:
    """ASCII digits only, at least one (``str.isdigit`` also takes superscripts and other scripts)."""
    return text.isascii() and text.isdigit()


def one_repeated(text: str) -> bool:
    """All characters equal: ``000000000`` passes most weighted sums, and no authority issues it."""
    return len(set(text)) <= 1


def counting(text: str) -> bool:
    """Each digit one more (or one less) than the last, modulo ten: a filler, not an issued number."""
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(text)}
    return len(steps) == 1 and steps <= {1, 9}


def weighted(text: str, weights: Sequence[int]) -> int:
    """Sum of digit times weight, left to right, over the shorter of the two."""
    return sum(int(char) * weight for char, weight in zip(text, weights, strict=False))


def luhn(text: str) -> bool:
    """ISO/IEC 7812-1 annex B: from the right every second digit is doubled, its digits added; sum ≡ 0 mod 10.

    Catches every single wrong digit and every swap of neighbours but 09/90.
    """
    if not is_digits(text):
        return False
    backwards = text.encode()[::-1]
    # Byte values: each plain digit counts 48 too many, each doubled one is mapped to its value.
    plain = backwards[::2]
    return (sum(plain) - 48 * len(plain) + sum(backwards[1::2].translate(_DOUBLED))) % 10 == 0


_DOUBLED = bytes(48) + bytes(2 * n - 9 if n > 4 else 2 * n for n in range(10)) + bytes(198)

_D5 = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
"""Multiplication in the dihedral group D5 (0-4 rotations, 5-9 reflections)."""

_VERHOEFF_STEP = "1576283094"


def _verhoeff_steps() -> tuple[bytes, ...]:
    """For each place modulo eight: the state after it, by ten times the state before plus the digit."""
    rows = [digits]
    for _ in range(7):
        rows.append("".join(_VERHOEFF_STEP[int(char)] for char in rows[-1]))
    return tuple(bytes(int(_D5[state][int(char)]) for state in range(10) for char in row) for row in rows)


VERHOEFF = _verhoeff_steps()


def verhoeff(text: str) -> bool:
    """J. Verhoeff, *Error Detecting Decimal Codes* (1969): permuted digits multiplied in D5 give 0.

    Catches every single wrong digit and every swap of neighbours.
    """
    if not is_digits(text):
        return False
    state = 0
    for step, byte in zip(cycle(VERHOEFF), reversed(text.encode())):
        state = step[10 * state + byte - 48]
    return state == 0


_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)
"""The totally anti-symmetric quasigroup of order 10 in H. M. Damm's thesis (2004)."""


def damm(text: str) -> bool:
    """H. M. Damm, *Total anti-symmetrische Quasigruppen* (Marburg 2004): the run through the quasigroup ends at 0."""
    if not is_digits(text):
        return False
    state = 0
    for char in text:
        state = int(_DAMM[state][int(char)])
    return state == 0


def mod_11_10(text: str) -> bool:
    """ISO/IEC 7064 hybrid system MOD 11,10 over digits (German and Croatian tax numbers)."""
    if not is_digits(text):
        return False
    carry = 10
    for char in text[:-1]:
        carry = (carry + int(char)) % 10 or 10
        carry = carry * 2 % 11
    return (carry + int(text[-1])) % 10 == 1


def mod_11_2(text: str) -> bool:
    """ISO/IEC 7064 pure system MOD 11-2: digits, the last may be X for 10 (Chinese resident number, ISNI)."""
    body, last = text[:-1], text[-1:]
    if not is_digits(body) or last not in "0123456789X":
        return False
    total = 0
    for char in body:
        total = (total + int(char)) * 2 % 11
    return (total + (10 if last == "X" else int(last))) % 11 == 1


def mod_37_36(text: str) -> bool:
    """ISO/IEC 7064 hybrid system MOD 37,36 over 0-9 A-Z."""
    if not text or not set(text) <= set(ALPHANUMERIC):
        return False
    carry = 36
    for char in text[:-1]:
        carry = (carry + ALPHANUMERIC.index(char)) % 36 or 36
        carry = carry * 2 % 37
    return (carry + ALPHANUMERIC.index(text[-1])) % 36 == 1


def mod_97_10(text: str) -> bool:
    """ISO/IEC 7064 pure system MOD 97-10: letters count 10-35, the number is 1 mod 97 (IBAN, LEI)."""
    if not text or not set(text) <= set(ALPHANUMERIC):
        return False
    return int("".join(str(ALPHANUMERIC.index(char)) for char in text)) % 97 == 1


def mod_11(text: str, weights: Sequence[int], *, last: str = "0123456789") -> bool:
    """The weighted sum of all but the last character, plus the last, is 0 mod 11.

    *last* is the alphabet of the check character by value: ``"0123456789X"`` where 10 is written X.
    """
    body, check = text[:-1], text[-1:]
    if not is_digits(body) or not check or check not in last:
        return False
    return (weighted(body, weights) + last.index(check)) % 11 == 0


def days_in_month(year: int, month: int) -> int:
    """Days of a Gregorian month; 0 where there is no such month."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return {1: 31, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}.get(month, 0)


def is_date(year: int, month: int, day: int) -> bool:
    """A day of the Gregorian calendar. No clock is read: a date to come is a date."""
    return 1 <= day <= days_in_month(year, month)


def is_yymmdd(text: str) -> bool:
    """Six digits that are a day in some century (29 February passes where either century allows it)."""
    if len(text) != 6 or not is_digits(text):
        return False
    year, month, day = int(text[:2]), int(text[2:4]), int(text[4:])
    return is_date(2000 + year, month, day) or is_date(1900 + year, month, day)


def is_ddmmyy(text: str) -> bool:
    """Six digits written day, month, year that are a day in some century."""
    return is_yymmdd(text[4:6] + text[2:4] + text[:2])


def is_yyyymmdd(text: str) -> bool:
    """Eight digits that are a day between 1850 and 2099: a birth date that may stand on a living person's paper."""
    if len(text) != 8 or not is_digits(text):
        return False
    year = int(text[:4])
    return 1850 <= year <= 2099 and is_date(year, int(text[4:6]), int(text[6:]))


def completed(template: str, check: Check, alphabet: str = digits) -> str:
    """*template* with its ``?`` filled by the first characters of *alphabet* that make *check* hold.

    Builds examples with right check digits; separators in the template stay. Raises ``ValueError``
    where nothing fits, so an example that its own rule refuses cannot be written.
    """
    holes = template.count("?")
    for fill in product(alphabet, repeat=holes):
        parts = template.split("?")
        text = parts[0] + "".join(char + part for char, part in zip(fill, parts[1:], strict=True))
        if check(bare(text)):
            return text
    raise ValueError(f"no check character completes {template!r}")
