"""Erasable values: encryption per scope, erasure by destroying the key.

A disclosure ``[salt, name, value]`` is encrypted with AES-256-GCM under the data key of
its scope (a request, or a person); the data key is wrapped by a key-encryption key that
lives outside the database. The salt is inside the ciphertext, so once the key is gone the
digest in the leaf cannot be guessed either. Deleting a row is not enough where the
database keeps copies (write-ahead log, backups): rotating the key-encryption key is
what ends those (AUDIT.md 2.5). Pure: keys and randomness are arguments.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from audit.chain import unb64u
from audit.entry import Rand, digest_of
from audit.journal import DisclosureRow, KeyTx, SecretKey, disclosure_aad

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class DisclosureError(Exception):
    """A disclosure cannot be opened: key destroyed, key-encryption key unknown, or bytes changed."""


class KeyWrap(Protocol):
    """The key-encryption keys. May be a file, a KMS or a keyring."""

    @property
    def current(self) -> str:
        """The id of the key that new data keys are wrapped with."""
        ...

    def wrap(self, dek: bytes) -> bytes: ...

    def unwrap(self, kek_id: str, wrapped: bytes) -> bytes:
        """The data key, or ``DisclosureError``."""
        ...


@dataclass(frozen=True, slots=True)
class LocalKeyWrap:
    """Key-encryption keys held in memory, wrapped by RFC 3394 AES key wrap."""

    current: str
    keys: Mapping[str, bytes] = field(repr=False)

    def wrap(self, dek: bytes) -> bytes:
        return aes_key_wrap(self.keys[self.current], dek)

    def unwrap(self, kek_id: str, wrapped: bytes) -> bytes:
        kek = self.keys.get(kek_id)
        if kek is None:
            raise DisclosureError(f"the key-encryption key {kek_id} is not here (destroyed by rotation?)")
        try:
            return aes_key_unwrap(kek, wrapped)
        except (InvalidUnwrap, ValueError) as e:
            raise DisclosureError("the data key does not unwrap: changed, or of another installation") from e


@dataclass(frozen=True, slots=True)
class GcmSealer:
    """The ``Sealer`` of this project: one data key per scope, made at first use."""

    keks: KeyWrap
    rand: Rand

    def seal(self, keys: KeyTx, key_scope: str, aad: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
        stored = keys.audit_secret_key(key_scope)
        if stored is None:
            dek = self.rand(KEY_BYTES)
            keys.audit_insert_secret_key(
                SecretKey(key_scope, self.keks.current, self.keks.wrap(dek), hold=False)
            )
        else:
            dek = self.keks.unwrap(stored.kek_id, stored.wrapped_dek)
        nonce = self.rand(NONCE_BYTES)
        return nonce, AESGCM(dek).encrypt(nonce, plaintext, aad)


@dataclass(frozen=True, slots=True)
class Opened:
    """A disclosed value with what an outsider needs to check it against the leaf."""

    seq: int
    name: str
    value: object = field(repr=False)
    encoded: str = field(repr=False)
    digest: str = ""


def open_row(row: DisclosureRow, key: SecretKey, keks: KeyWrap, origin: str) -> Opened:
    """Decrypt *row* of the log *origin*; ``DisclosureError`` when key or bytes are not the original ones."""
    dek = keks.unwrap(key.kek_id, key.wrapped_dek)
    try:
        encoded = (
            AESGCM(dek)
            .decrypt(row.nonce, row.ciphertext, disclosure_aad(origin, row.seq, row.name))
            .decode("ascii")
        )
    except InvalidTag as e:
        raise DisclosureError(f"the disclosure {row.id} was changed or moved") from e
    name, value = parse(encoded)
    if name != row.name:
        raise DisclosureError(f"the disclosure {row.id} opens as another field")
    return Opened(row.seq, name, value, encoded, digest_of(encoded))


def parse(encoded: str) -> tuple[str, object]:
    """Name and value of an encoded disclosure (RFC 9901 section 4.2)."""
    try:
        parts = msgspec.json.decode(unb64u(encoded))
    except ValueError as e:
        raise DisclosureError("not an encoded disclosure") from e
    if type(parts) is not list or len(parts) != 3 or type(parts[0]) is not str or type(parts[1]) is not str:
        raise DisclosureError("a disclosure is salt, name and value")
    return parts[1], parts[2]


def rewrap(key: SecretKey, keks: KeyWrap) -> SecretKey:
    """*key* wrapped by the current key-encryption key (the data key stays the same)."""
    dek = keks.unwrap(key.kek_id, key.wrapped_dek)
    return key._replace(kek_id=keks.current, wrapped_dek=keks.wrap(dek))
