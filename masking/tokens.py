"""Reversible and one-way tokens for values that must be joined, or given back, by those who hold the key.

* ``siv``: AES-SIV (RFC 5297) with tenant, type and key id as associated data: deterministic, authenticated,
  reversible. The value is padded to 16, 32, 64 … bytes, so that the token tells only the size class.
* ``mac``: HMAC-SHA-256, one way, for joins.
* vault: a random name for a value that a store holds under AES-GCM; erasing the record erases the value.

Keys come by HKDF-SHA-256 (RFC 5869) from one master key per key id; an old id stays readable until it is dropped.
Deliberately absent: a plain hash. Numbers like an SSN have few values and are tried out in minutes.
What a token leaks: that two values of one tenant and type are equal (``siv``, ``mac``), the type, the size class.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from masking import ff1
from masking.errors import MaskingError

MASTER_BYTES_MIN: Final = 32
VALUE_BYTES_MAX: Final = 2000
TOKEN: Final = re.compile(
    r"\b(tok|mac|vlt)_([a-z0-9_]{1,40})_([a-z0-9]{1,8})_([a-z2-7]{16,4000})(?![A-Za-z0-9])"
)
_KID: Final = re.compile(r"[a-z0-9]{1,8}")
_TYPE: Final = re.compile(r"[A-Z0-9_]{1,40}")
_SMALLEST: Final = 16


@dataclass(frozen=True, slots=True, repr=False)
class TokenKeys:
    """Master keys by key id; *current* makes new tokens, every id opens old ones. Rotation: add, then switch."""

    masters: tuple[tuple[str, bytes], ...]
    current: str

    def __post_init__(self) -> None:
        kids = [kid for kid, _ in self.masters]
        if (
            len(set(kids)) != len(kids)
            or self.current not in kids
            or not all(_KID.fullmatch(k) for k in kids)
        ):
            raise MaskingError(
                "key ids are one to eight lower-case letters or digits, different, and one is current"
            )
        if any(len(key) < MASTER_BYTES_MIN for _, key in self.masters):
            raise MaskingError(f"a master key has at least {MASTER_BYTES_MIN} bytes")

    def master(self, kid: str) -> bytes:
        for name, key in self.masters:
            if name == kid:
                return key
        raise MaskingError("the token's key is not known here")


@dataclass(frozen=True, slots=True)
class Formatted:
    """Of which type format-preserving values are, and the id of the key they were made under (None: the current one)."""

    kind: str
    kid: str | None = None


def _each_string(value: Any, change: Callable[[str], str]) -> Any:
    """*value* (JSON) with each of its strings (not its keys) as *change* has it."""

    def changed(node: Any) -> Any:
        if isinstance(node, str):
            return change(node)
        if isinstance(node, list):
            return [changed(child) for child in node]
        if isinstance(node, dict):
            return {key: changed(child) for key, child in node.items()}
        return node

    try:
        return changed(value)
    except RecursionError:
        raise MaskingError("the document is nested too deeply") from None


class Tokens:
    """Tokens of one tenant. Derived keys are kept, one per purpose and key id."""

    def __init__(self, keys: TokenKeys, tenant: str) -> None:
        self._keys = keys
        self._tenant = tenant.encode()
        self._derived: dict[tuple[str, str], bytes] = {}
        self._siv: dict[str, AESSIV] = {}

    def tokenize(self, kind: str, value: str) -> str:
        """The same value of the same type gives the same token under the same key."""
        kid = self._keys.current
        sealed = self._cipher(kid).encrypt(_padded(value), self._bound(kind, kid))
        return f"tok_{kind.lower()}_{kid}_{_base32(sealed)}"

    def detokenize(self, token: str) -> str:
        """The value, or :class:`MaskingError` when the token is not ours, of another tenant, or altered."""
        match = TOKEN.fullmatch(token)
        if match is None or match[1] != "tok":
            raise MaskingError("not a reversible token")
        kind, kid = match[2].upper(), match[3]
        try:
            return _unpadded(self._cipher(kid).decrypt(_unbase32(match[4]), self._bound(kind, kid)))
        except (InvalidTag, ValueError):
            raise MaskingError("the token is not of this tenant, or was altered") from None

    def detokenize_text(self, text: str) -> str:
        """Every reversible token in *text* opened; one that does not open is a fault."""
        return TOKEN.sub(lambda m: self.detokenize(m[0]) if m[1] == "tok" else m[0], text)

    def detokenize_json(self, value: Any, vault: Mapping[str, str] | None = None) -> tuple[Any, int]:
        """Every reversible token in *value*'s strings (not its keys) opened, and how many there were.

        With *vault* (vault token to value) those of the vault as well; one that it lacks is a fault."""
        count = 0

        def one(match: re.Match[str]) -> str:
            nonlocal count
            if match[1] == "tok":
                count += 1
                return self.detokenize(match[0])
            if match[1] == "vlt" and vault is not None:
                count += 1
                if match[0] not in vault:
                    raise MaskingError("the vault does not hold this token, or not any more")
                return vault[match[0]]
            return match[0]

        return _each_string(value, lambda text: TOKEN.sub(one, text)), count

    def mac(self, kind: str, value: str) -> str:
        """One way: equal values can be joined, none can be read back."""
        kid = self._keys.current
        return f"mac_{_checked(kind).lower()}_{kid}_{_base32(self.digest(kind, value)[:20])}"

    def digest(self, kind: str, value: str) -> bytes:
        """Keyed digest of *value* under the current key; also the seed of synthetic values."""
        kid = self._keys.current
        h = hmac.HMAC(self._derive("mac", kid, 32), hashes.SHA256())
        for part in (self._tenant, _checked(kind).encode(), value.encode("utf-8", "surrogatepass")):
            h.update(len(part).to_bytes(4, "big") + part)
        return h.finalize()

    def format_key(self, kid: str | None = None) -> bytes:
        """The key for format-preserving encryption, which is opt-in (see ``masking.ff1``): the current one, or that of *kid*."""
        return self._derive("ff1", self._keys.current if kid is None else kid, 32)

    def open_formatted(self, value: str, made: Formatted) -> str:
        """What ``ff1`` wrote as *value*, opened. Nothing in it says whether it was made here, of which type, or under which key: with
        another type or key the answer is another number, and no fault. A fault where no key has that id, or ``ff1`` writes no such value."""
        if not ff1.takes(value):
            raise MaskingError("ff1 writes no such value")
        return ff1.decrypt_digits(self.format_key(made.kid), _checked(made.kind).encode(), value)

    def open_formatted_json(self, value: Any, made: Formatted) -> tuple[Any, int]:
        """Every string of *value* (not its keys) opened as :meth:`open_formatted` does, and how many there were."""
        count = 0

        def one(text: str) -> str:
            nonlocal count
            count += 1
            return self.open_formatted(text, made)

        return _each_string(value, one), count

    def vault_key(self, kid: str) -> bytes:
        return self._derive("vault", kid, 32)

    @property
    def current(self) -> str:
        return self._keys.current

    def _bound(self, kind: str, kid: str) -> list[bytes]:
        return [b"signoff/mask/v1", self._tenant, _checked(kind).encode(), kid.encode()]

    def _cipher(self, kid: str) -> AESSIV:
        cipher = self._siv.get(kid)
        if cipher is None:
            cipher = self._siv[kid] = AESSIV(self._derive("siv", kid, 64))
        return cipher

    def _derive(self, purpose: str, kid: str, size: int) -> bytes:
        key = self._derived.get((purpose, kid))
        if key is None:
            info = b"signoff/mask/v1/" + purpose.encode() + b"/" + kid.encode() + b"/" + self._tenant
            key = HKDF(hashes.SHA256(), size, salt=None, info=info).derive(self._keys.master(kid))
            self._derived[purpose, kid] = key
        return key


@dataclass(frozen=True, slots=True)
class SealedValue:
    """What a vault keeps under *name*, the token: the value under AES-GCM, until *expires*. Erase it, and the value is gone."""

    name: str
    sealed: bytes
    expires: datetime


class Vault:
    """Random tokens. *entropy* gives random bytes. Each value gets a token of its own, but the same one twice in one run."""

    def __init__(
        self, tokens: Tokens, keep: Callable[[SealedValue], object], entropy: Callable[[int], bytes]
    ) -> None:
        self._tokens = tokens
        self._keep = keep
        self._entropy = entropy
        self._made: dict[tuple[str, str], str] = {}

    def put(self, kind: str, value: str, expires: datetime) -> str:
        """A token for *value*; its record goes to *keep*."""
        known = self._made.get((kind, value))
        if known is not None:
            return known
        kid = self._tokens.current
        name = f"vlt_{_checked(kind).lower()}_{kid}_{_base32(self._entropy(20))}"
        nonce = self._entropy(12)
        key = AESGCM(self._tokens.vault_key(kid))
        self._keep(SealedValue(name, nonce + key.encrypt(nonce, _padded(value), name.encode()), expires))
        self._made[kind, value] = name
        return name


def vault_names(value: Any) -> list[str]:
    """The vault tokens in the strings of *value* (JSON), each once."""
    found: dict[str, None] = {}
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            found.update((match[0], None) for match in TOKEN.finditer(node) if match[1] == "vlt")
        elif isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            stack.extend(node.values())
    return list(found)


def unsealed(tokens: Tokens, record: SealedValue, now: datetime) -> str:
    """The value, or :class:`MaskingError` when the record's time is over, its key is not here, or it was altered or moved."""
    match = TOKEN.fullmatch(record.name)
    if match is None or match[1] != "vlt" or record.expires <= now:
        raise MaskingError("the vault does not hold this token, or not any more")
    key, name = AESGCM(tokens.vault_key(match[3])), record.name.encode()
    try:
        return _unpadded(key.decrypt(record.sealed[:12], record.sealed[12:], name))
    except (InvalidTag, ValueError):
        raise MaskingError("the vault's record was altered") from None


def _checked(kind: str) -> str:
    if not _TYPE.fullmatch(kind):
        raise MaskingError("a type is upper-case letters, digits and underscores")
    return kind


def _padded(value: str) -> bytes:
    """Two bytes of length, the value, zeros up to the size class."""
    raw = value.encode("utf-8", "surrogatepass")
    if len(raw) > VALUE_BYTES_MAX:
        raise MaskingError("the value is too long for a token")
    size = _SMALLEST
    while size < len(raw) + 2:
        size *= 2
    return (len(raw).to_bytes(2, "big") + raw).ljust(size, b"\0")


def _unpadded(data: bytes) -> str:
    return data[2 : 2 + int.from_bytes(data[:2], "big")].decode("utf-8", "surrogatepass")


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()


def _unbase32(text: str) -> bytes:
    try:
        data = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except binascii.Error:
        raise MaskingError("the token is broken") from None
    if _base32(data) != text:  # the last letter has unused bits: one value, one spelling
        raise MaskingError("the token is broken")
    return data
