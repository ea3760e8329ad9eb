"""FF1, format-preserving encryption (NIST SP 800-38G, algorithms 7 and 8). Opt-in: it leaks length and format.

Only domains of at least a million values (section 5.1 and the revision 1 draft); never FF3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from masking.errors import MaskingError

DOMAIN_MIN: Final = 1_000_000
DIGITS_MIN: Final = 6
"""A domain of a million, the least that NIST SP 800-38G (revision 1 draft, section 5) allows."""
LENGTH_MAX: Final = 56
ROUNDS: Final = 10


def encrypt(key: bytes, tweak: bytes, digits: list[int], radix: int) -> list[int]:
    """The numeral string, of the same length and radix."""
    return _feistel(key, tweak, digits, radix, range(ROUNDS), sign=1)


def decrypt(key: bytes, tweak: bytes, digits: list[int], radix: int) -> list[int]:
    return _feistel(key, tweak, digits, radix, range(ROUNDS - 1, -1, -1), sign=-1)


def takes(value: str) -> bool:
    """Whether *value* is one that is written format-preserving: digits enough for a domain of a million, not too many, and no letters."""
    digits = sum("0" <= c <= "9" for c in value)
    return DIGITS_MIN <= digits <= LENGTH_MAX and not any(c.isalpha() for c in value)


def encrypt_digits(key: bytes, tweak: bytes, value: str) -> str:
    """The decimal digits of *value* encrypted together; every other character stays where it is."""
    return _over_digits(value, lambda d: encrypt(key, tweak, d, 10))


def decrypt_digits(key: bytes, tweak: bytes, value: str) -> str:
    return _over_digits(value, lambda d: decrypt(key, tweak, d, 10))


def _over_digits(value: str, step: Callable[[list[int]], list[int]]) -> str:
    out = iter(step([int(c) for c in value if "0" <= c <= "9"]))
    return "".join(str(next(out)) if "0" <= c <= "9" else c for c in value)


def _feistel(key: bytes, tweak: bytes, x: list[int], radix: int, rounds: range, *, sign: int) -> list[int]:
    n = len(x)
    if (
        not 2 <= radix <= 1 << 16
        or radix**n < DOMAIN_MIN
        or n > LENGTH_MAX
        or any(not 0 <= d < radix for d in x)
    ):
        raise MaskingError("the value's domain is too small or too large for format-preserving encryption")
    u = n // 2
    v = n - u
    a, b = x[:u], x[u:]
    size_b = (((radix**v - 1).bit_length()) + 7) // 8
    d = 4 * -(-size_b // 4) + 4
    p = (
        bytes((1, 2, 1))
        + radix.to_bytes(3, "big")
        + bytes((10, u % 256))
        + n.to_bytes(4, "big")
        + len(tweak).to_bytes(4, "big")
    )
    ecb = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - the PRF of SP 800-38G is built on single blocks
    for i in rounds:
        given = b if sign > 0 else a
        q = (
            tweak
            + bytes((-len(tweak) - size_b - 1) % 16)
            + bytes((i,))
            + _number(given, radix).to_bytes(size_b, "big")
        )
        block = bytes(16)
        data = p + q
        for at in range(0, len(data), 16):
            block = ecb.update(bytes(s ^ t for s, t in zip(block, data[at : at + 16], strict=True)))
        stream = block
        j = 1
        while len(stream) < d:
            stream += ecb.update(bytes(s ^ t for s, t in zip(block, j.to_bytes(16, "big"), strict=True)))
            j += 1
        y = int.from_bytes(stream[:d], "big")
        m = u if i % 2 == 0 else v
        if sign > 0:
            a, b = b, _digits((_number(a, radix) + y) % radix**m, radix, m)
        else:
            a, b = _digits((_number(b, radix) - y) % radix**m, radix, m), a
    return a + b


def _number(digits: list[int], radix: int) -> int:
    n = 0
    for d in digits:
        n = n * radix + d
    return n


def _digits(number: int, radix: int, size: int) -> list[int]:
    out = [0] * size
    for i in range(size - 1, -1, -1):
        number, out[i] = divmod(number, radix)
    return out
