"""Validators that a configuration may name, and the arithmetic of check digits they share."""

from __future__ import annotations

from typing import Final

from masking.recognizer import Validator


def digits_of(value: str) -> str:
    return "".join(c for c in value if "0" <= c <= "9")


_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def luhn(value: str) -> bool:
    """ISO/IEC 7812-1 annex B: double every second digit from the right, sum of digits divisible by ten."""
    digits = [ord(c) - 48 for c in value if "0" <= c <= "9"]
    if len(digits) < 2:
        return False
    total = sum(digits[-1::-2]) + sum(_DOUBLED[d] for d in digits[-2::-2])
    return total % 10 == 0


def mod97(value: str) -> bool:
    """ISO 7064 MOD 97-10 as IBAN uses it (ISO 13616): the first four go last, letters are 10 to 35."""
    compact = "".join(c for c in value if c.isalnum()).upper()
    if len(compact) < 5 or not compact.isascii():
        return False
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def aba(value: str) -> bool:
    """ABA routing number: weights 3, 7, 1, sum divisible by ten; first two digits name a Federal Reserve district."""
    d = [int(c) for c in digits_of(value)]
    if len(d) != 9:
        return False
    district = d[0] * 10 + d[1]
    if not (1 <= district <= 12 or 21 <= district <= 32 or 61 <= district <= 72 or district == 80):
        return False
    return (3 * (d[0] + d[3] + d[6]) + 7 * (d[1] + d[4] + d[7]) + d[2] + d[5] + d[8]) % 10 == 0


VALIDATORS: Final[dict[str, Validator]] = {"luhn": luhn, "mod97": mod97, "aba": aba}
