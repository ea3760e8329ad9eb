"""The anonymizer's side of the dialect: operators over results that the caller hands in. Pure but for the random bytes given.

Source: Presidio's REST description and the behaviour of presidio-anonymizer 2.2, beside which ``make interop`` runs this. Where two
results overlap and neither holds the other, the later one keeps only what the earlier left: nothing that was reported is shown.
``hash`` without a salt uses a random one for each call: an unsalted hash of a phone number is found in minutes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from adapters.presidio.dialect import DialectError

ANONYMIZERS: Final = ("encrypt", "hash", "keep", "mask", "redact", "replace")
DEANONYMIZERS: Final = ("decrypt", "deanonymize_keep")
RESULTS_MAX: Final = 200_000
SALT_BYTES_MIN: Final = 16
_BLOCK: Final = 16

Entropy = Callable[[int], bytes]
T = TypeVar("T")


class Result(msgspec.Struct, frozen=True):
    """One finding. Other members (``analysis_explanation`` …) are left alone."""

    start: int
    end: int
    entity_type: str
    score: float = 1.0


class Operator(msgspec.Struct, frozen=True):
    """All operators' parameters; which of them count depends on *type*."""

    type: str
    new_value: str | None = None
    masking_char: str | None = None
    chars_to_mask: int | None = None
    from_end: bool | None = None
    hash_type: str = "sha256"
    salt: str | None = None
    key: str | None = None


class Anonymize(msgspec.Struct, frozen=True):
    text: str
    analyzer_results: list[Result]
    anonymizers: dict[str, Operator] | None = None


class Deanonymize(msgspec.Struct, frozen=True):
    text: str
    anonymizer_results: list[Result]
    deanonymizers: dict[str, Operator]


def anonymize(raw: bytes, entropy: Entropy) -> dict[str, Any]:
    """``{"text", "items"}``, items from the end to the beginning."""
    body = _read(raw, Anonymize)
    operators = {
        "DEFAULT": Operator("replace"),
        **(body.anonymizers or {}),
    }
    for operator in operators.values():
        _check(operator, ANONYMIZERS)
    salt = entropy(SALT_BYTES_MIN)
    return _rewritten(
        body.text,
        _merged(body.text, _within(body.text, body.analyzer_results)),
        operators,
        lambda operator, kind, value: _operate(operator, kind, value, salt, entropy),
    )


def deanonymize(raw: bytes) -> dict[str, Any]:
    """The reverse of ``encrypt``; results are those that :func:`anonymize` answered."""
    body = _read(raw, Deanonymize)
    for operator in body.deanonymizers.values():
        _check(operator, DEANONYMIZERS)
    operators = {"DEFAULT": Operator("deanonymize_keep"), **body.deanonymizers}
    found = sorted(_within(body.text, body.anonymizer_results), key=lambda r: r.start)
    return _rewritten(body.text, found, operators, lambda operator, _, value: _undo(operator, value))


def _read(raw: bytes, kind: type[T]) -> T:
    try:
        body = msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DialectError(f"Invalid request json: {error}"[:300]) from None
    return body


def _within(text: str, found: list[Result]) -> list[Result]:
    if not text:
        raise DialectError("Invalid input, text can not be empty")
    if len(found) > RESULTS_MAX:
        raise DialectError(f"At most {RESULTS_MAX:,} results are taken in one call")
    for one in found:
        if not 0 <= one.start < one.end:
            raise DialectError(
                f"Invalid input, start and end must be a range: start={one.start}, end={one.end}"
            )
        if one.end > len(text):
            raise DialectError(
                f"Invalid analyzer result, start: {one.start} and end: {one.end}, while text length is only {len(text)}."
            )
    return found


def _merged(text: str, found: list[Result]) -> list[Result]:
    """No two overlap, in order. One that another holds goes; same kinds that touch, overlap or have only blanks between are one."""
    kept: list[Result] = []
    # The longer first at one place; of equal ones the more certain.
    for one in sorted(found, key=lambda r: (r.start, -r.end, -r.score)):
        last = kept[-1] if kept else None
        if last is None:
            kept.append(one)
        elif one.entity_type == last.entity_type and (
            one.start < last.end or text[last.end : one.start].isspace()
        ):
            # presidio-anonymizer keeps the later one's score over a blank, and the higher where they overlap.
            score = max(last.score, one.score) if one.start < last.end else one.score
            end = max(last.end, one.end)
            kept[-1] = msgspec.structs.replace(last, end=end, score=score)
        elif one.start >= last.end:
            kept.append(one)
        elif one.end > last.end:
            kept.append(msgspec.structs.replace(one, start=last.end))
    return kept


def _rewritten(
    text: str,
    found: list[Result],
    operators: dict[str, Operator],
    operate: Callable[[Operator, str, str], str],
) -> dict[str, Any]:
    parts: list[str] = []
    items: list[dict[str, Any]] = []
    at = size = 0
    for one in found:
        if one.start < at:
            raise DialectError("Invalid input, results overlap")
        operator = operators.get(one.entity_type, operators["DEFAULT"])
        new = operate(operator, one.entity_type, text[one.start : one.end])
        before = text[at : one.start]
        parts += (before, new)
        size += len(before)
        items.append(
            {
                "start": size,
                "end": size + len(new),
                "entity_type": one.entity_type,
                "text": new,
                "operator": operator.type,
                "score": one.score,
            }
        )
        size += len(new)
        at = one.end
    parts.append(text[at:])
    return {"text": "".join(parts), "items": items[::-1]}


def _check(operator: Operator, known: tuple[str, ...]) -> None:
    """Every parameter before anything is done, so that no call ends half way."""
    if operator.type not in known:
        raise DialectError(f"Invalid operator class '{operator.type[:40]}'. Known: {', '.join(known)}.")
    match operator.type:
        case "mask":
            if operator.masking_char is None or len(operator.masking_char) != 1:
                raise DialectError("Invalid input, masking_char must be a character")
            if operator.chars_to_mask is None or operator.from_end is None:
                raise DialectError("Expected parameter chars_to_mask and from_end")
        case "hash":
            if operator.hash_type not in {"sha256", "sha512"}:
                raise DialectError("Parameter hash_type value is not in range of values ['sha256', 'sha512']")
            if operator.salt is not None and len(operator.salt.encode()) < SALT_BYTES_MIN:
                raise DialectError(f"Salt must be at least {SALT_BYTES_MIN} bytes")
        case "encrypt" | "decrypt":
            if operator.key is None or len(operator.key.encode()) not in {16, 24, 32}:
                raise DialectError("Invalid input, key must be of length 128, 192 or 256 bits")
        case _:
            pass


def _operate(operator: Operator, kind: str, value: str, salt: bytes, entropy: Entropy) -> str:
    match operator.type:
        case "replace":
            return operator.new_value or f"<{kind}>"
        case "redact":
            return ""
        case "mask":
            count = min(len(value), max(operator.chars_to_mask or 0, 0))
            stars = (operator.masking_char or "*") * count
            return value[: len(value) - count] + stars if operator.from_end else stars + value[count:]
        case "hash":
            after = operator.salt.encode() if operator.salt is not None else salt
            salted = value.encode("utf-8", "surrogatepass") + after
            return hashlib.new(operator.hash_type, salted).hexdigest()
        case "encrypt":
            return _encrypt((operator.key or "").encode(), value, entropy(_BLOCK))
        case _:
            return value


def _undo(operator: Operator, value: str) -> str:
    return _decrypt((operator.key or "").encode(), value) if operator.type == "decrypt" else value


def _encrypt(key: bytes, value: str, iv: bytes) -> str:
    """AES-CBC with PKCS #7, the IV in front, base64url: unauthenticated, as this interface is. New uses take our tokens."""
    padder = padding.PKCS7(128).padder()
    padded = padder.update(value.encode("utf-8", "surrogatepass")) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return base64.urlsafe_b64encode(iv + encryptor.update(padded) + encryptor.finalize()).decode()


def _decrypt(key: bytes, value: str) -> str:
    try:
        data = base64.b64decode(value.encode("ascii"), altchars=b"-_", validate=True)
        decryptor = Cipher(algorithms.AES(key), modes.CBC(data[:_BLOCK])).decryptor()
        unpadder = padding.PKCS7(128).unpadder()
        padded = decryptor.update(data[_BLOCK:]) + decryptor.finalize()
        return (unpadder.update(padded) + unpadder.finalize()).decode("utf-8", "surrogatepass")
    except (ValueError, UnicodeError, binascii.Error):
        raise DialectError("Invalid input, a value cannot be decrypted with this key") from None
