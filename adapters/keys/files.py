"""Keys in a directory: one file each, owner only. The embedded default of the ``KeyProvider`` port.

Decided here: how a body is sealed, what a grant's JWS looks like to the letter, and which key of several signs.
What stealing the directory buys: every sealed body that is also at hand, and grants in our name. What stealing
the database without it buys: neither. Several keys of a kind may lie here (``NAME-000001``, ``NAME-000002``,
...): the newest seals and signs, all of them open and verify, so that rotation has an overlap.

Deliberately absent: rotating the pepper. Every stored credential is a MAC under it, so a new pepper would revoke
all agents and personal tokens at once; reissue those instead (``agents rotate``).
"""

from __future__ import annotations

import hmac
import os
import re
import stat
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from audit.checkpoint import Ed25519Signer, MlDsaSigner
from audit.disclosure import DisclosureError
from bot.core.grant import TYP
from bot.errors import ConfigError, KeyUnavailable
from bot.ports import Rand, Sealed

if TYPE_CHECKING:
    from masking.tokens import TokenKeys


Kind = Literal["kek", "grant", "mask", "audit", "mldsa"]

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_LOCKED_BYTES: Final = 2_047
"""As much as ``hashlib`` takes without giving the interpreter's lock away."""
TOKEN_MAX: Final = 4_096
"""Longest grant that is looked at: ours have about 700 characters."""

_FILE: Final = re.compile(r"(kek|grant|audit|mldsa|pepper|mask)-([0-9]{6})\.key")
_WRAP_AAD: Final = b"signoff data key v1"
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class FileKeys:
    """All keys of one installation, read once. A rotation returns a new ``FileKeys``."""

    directory: Path
    rand: Rand = field(repr=False)
    keks: Mapping[str, bytes] = field(repr=False)
    current_kek: str
    grants: Mapping[str, Ed25519PrivateKey] = field(repr=False)
    current_kid: str
    audit: tuple[Ed25519PrivateKey, ...] = field(repr=False)
    """Keys that sign the log's heads, oldest first."""
    pepper: bytes = field(repr=False)
    mask: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    """Master keys of the tokens that stand for masked values, by id, oldest first. A folder of before they were made has none."""
    mldsa: tuple[bytes, ...] = field(default=(), repr=False)
    """Seeds of the keys that sign heads a second time, oldest first. A folder of before they were made has none."""
    _macs: dict[str, hmac.HMAC] = field(default_factory=dict, repr=False)
    _verifiers: dict[str, Ed25519PublicKey] = field(default_factory=dict, repr=False)
    _wrappers: dict[str, AESGCM] = field(default_factory=dict, repr=False)

    # --- bodies

    def seal(self, plaintext: bytes, aad: bytes) -> Sealed:
        key, nonce = self.rand.bytes(KEY_BYTES), self.rand.bytes(NONCE_BYTES)
        ciphertext = AESGCM(key).encrypt(nonce, plaintext, aad)
        return Sealed(self.current_kek, self.wrap(key), nonce, ciphertext)

    def open(self, sealed: Sealed, aad: bytes) -> bytes:
        """``KeyUnavailable`` when the kek is gone, or the bytes or *aad* are not the ones that were sealed."""
        key = self._unwrap(sealed.kek_id, sealed.wrapped_key)
        try:
            return AESGCM(key).decrypt(sealed.nonce, sealed.ciphertext, aad)
        except InvalidTag as e:
            raise KeyUnavailable("the sealed body was changed, or belongs to another request") from e

    def rewrap(self, sealed: Sealed) -> Sealed:
        """The same body under the current kek; only the wrapped key changes."""
        key = self._unwrap(sealed.kek_id, sealed.wrapped_key)
        return Sealed(self.current_kek, self.wrap(key), sealed.nonce, sealed.ciphertext)

    # --- data keys (``audit.disclosure.KeyWrap``)

    @property
    def current(self) -> str:
        return self.current_kek

    def wrap(self, dek: bytes) -> bytes:
        nonce = self.rand.bytes(NONCE_BYTES)
        return nonce + self._wrapper(self.current_kek, self.keks[self.current_kek]).encrypt(
            nonce, dek, _WRAP_AAD
        )

    def unwrap(self, kek_id: str, wrapped: bytes) -> bytes:
        try:
            return self._unwrap(kek_id, wrapped)
        except KeyUnavailable as e:
            raise DisclosureError(str(e)) from e

    def _unwrap(self, kek_id: str, wrapped: bytes) -> bytes:
        kek = self.keks.get(kek_id)
        if kek is None:
            raise KeyUnavailable(f"the key-encryption key {kek_id} is not in the key directory")
        try:
            return self._wrapper(kek_id, kek).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _WRAP_AAD)
        except (InvalidTag, ValueError) as e:
            raise KeyUnavailable("a data key does not unwrap: it was changed") from e

    def _wrapper(self, kek_id: str, kek: bytes) -> AESGCM:
        if kek_id not in self._wrappers:
            self._wrappers[kek_id] = AESGCM(kek)
        return self._wrappers[kek_id]

    # --- credentials

    def mac(self, purpose: str, data: bytes) -> bytes:
        keyed = self._macs.get(purpose)
        if keyed is None:
            info = b"signoff mac v1\x00" + purpose.encode()
            key = HKDF(SHA256(), KEY_BYTES, None, info).derive(self.pepper)
            keyed = self._macs[purpose] = hmac.new(key, digestmod=sha256)
        # Not ``hmac.digest``, and not much at once: they give the interpreter's lock away, which costs more than the MAC.
        mac = keyed.copy()
        if len(data) <= _LOCKED_BYTES:
            mac.update(data)
        else:
            for at in range(0, len(data), _LOCKED_BYTES):
                mac.update(data[at : at + _LOCKED_BYTES])
        return mac.digest()

    # --- grants

    def sign_grant(self, claims: Mapping[str, object]) -> str:
        """RFC 7515 compact serialisation; header exactly ``alg``, ``kid``, ``typ`` (RFC 8037, RFC 8725 section 3.11)."""
        header = _b64(msgspec.json.encode(self._header(self.current_kid)))
        signed = header + b"." + _b64(msgspec.json.encode(dict(claims)))
        return (signed + b"." + _b64(self.grants[self.current_kid].sign(signed))).decode("ascii")

    def verify_grant(self, token: str) -> Mapping[str, object] | None:
        """The header must be ours to the letter: any other ``alg``, a ``crit``, a ``jwk`` or one more name refuses (T30)."""
        parts = token.split(".") if len(token) <= TOKEN_MAX else []
        raw = [_unb64(part) for part in parts]
        if len(raw) != 3 or None in raw:
            return None
        header, claims, signature = (part or b"" for part in raw)
        kid = self._kid_of(header)
        if kid is None:
            return None
        try:
            self._verifier(kid).verify(signature, token.rpartition(".")[0].encode("ascii"))
            return msgspec.json.decode(claims, type=dict[str, object])
        except (InvalidSignature, msgspec.MsgspecError):
            return None

    def jwks(self) -> Mapping[str, object]:
        """RFC 7517 key set of the public halves, the signing one first."""
        kids = [self.current_kid, *(kid for kid in self.grants if kid != self.current_kid)]
        return {
            "keys": [{**_jwk(self._verifier(kid)), "kid": kid, "use": "sig", "alg": "EdDSA"} for kid in kids]
        }

    def _header(self, kid: str) -> dict[str, str]:
        return {"alg": "EdDSA", "kid": kid, "typ": TYP}

    def _kid_of(self, header: bytes) -> str | None:
        return next((kid for kid in self.grants if header == msgspec.json.encode(self._header(kid))), None)

    def _verifier(self, kid: str) -> Ed25519PublicKey:
        if kid not in self._verifiers:
            self._verifiers[kid] = self.grants[kid].public_key()
        return self._verifiers[kid]

    # --- the log's heads

    def log_signers(self, origin: str) -> tuple[Ed25519Signer, ...]:
        """Signers of the log *origin*, the newest first; while two lie here every head carries both signatures."""
        return tuple(Ed25519Signer(origin, key) for key in reversed(self.audit))

    def second_signers(self, origin: str) -> tuple[MlDsaSigner, ...]:
        """ML-DSA-44 signers of the log *origin*, the newest first; only that one signs."""
        return tuple(MlDsaSigner.from_seed(origin, seed) for seed in reversed(self.mldsa))

    # --- rotation

    def add_kek(self) -> FileKeys:
        """Seal with a new kek from now on. Then re-wrap (``rewrap``) what is stored, then ``remove`` the old one."""
        return self._add("kek")

    def add_grant_key(self) -> FileKeys:
        """Sign with a new key; remove the old one once the longest grant signed by it has ended."""
        return self._add("grant")

    def add_audit_key(self) -> FileKeys:
        """Sign heads with a new key as well; the log must record ``key.rotated`` with both (AUDIT.md 2.6)."""
        return self._add("audit")

    def add_mask_key(self) -> FileKeys:
        """Make new tokens with a new key; the old one opens old tokens for as long as it lies here."""
        return self._add("mask")

    def token_keys(self) -> TokenKeys | None:
        """What ``masking.tokens`` works with; None where there is no such key."""
        from masking.tokens import TokenKeys

        return TokenKeys(self.mask, self.mask[-1][0]) if self.mask else None

    def remove(self, id: str) -> FileKeys:
        """Destroy the kek, grant key or log key *id*; never the newest of its kind."""
        for path, kind, _ in _list(self.directory):
            if _id_of(kind, path.name, _read(path)) == id:
                if path == _newest(self.directory, kind):
                    raise ConfigError(f"{id} is the newest key of its kind: add another before removing it")
                _overwrite(path, self.rand)
                return load(self.directory, self.rand)
        raise ConfigError(f"there is no key {id} in {self.directory}")

    def ids(self, kind: Kind) -> tuple[str, ...]:
        """Ids of all keys of *kind*, oldest first."""
        return {
            "kek": tuple(self.keks),
            "grant": tuple(self.grants),
            "mask": tuple(id for id, _ in self.mask),
            "audit": self._listed("audit"),
            "mldsa": self._listed("mldsa"),
        }[kind]

    def _listed(self, kind: str) -> tuple[str, ...]:
        return tuple(
            _id_of(kind, path.name, _read(path)) for path, found, _ in _list(self.directory) if found == kind
        )

    def add(self, kind: Kind) -> FileKeys:
        return self._add(kind)

    def take_back(self, kind: Kind) -> None:
        """Destroy the newest key of *kind*, which nothing was made with yet."""
        _overwrite(_newest(self.directory, kind), self.rand)

    def _add(self, kind: str) -> FileKeys:
        numbers = [number for _, found, number in _list(self.directory) if found == kind]
        _write(self.directory / f"{kind}-{max(numbers, default=0) + 1:06d}.key", self.rand.bytes(KEY_BYTES))
        return load(self.directory, self.rand)


def create(directory: Path, rand: Rand) -> FileKeys:
    """A new directory (0700) with one key of each kind (0600). ``ConfigError`` when there are keys already."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    if _list(directory):
        raise ConfigError(f"{directory} holds keys already; they are never overwritten")
    for kind in ("kek", "grant", "audit", "mldsa", "pepper", "mask"):
        _write(directory / f"{kind}-000001.key", rand.bytes(KEY_BYTES))
    return load(directory, rand)


def load(directory: Path, rand: Rand) -> FileKeys:
    """Read every key. ``ConfigError`` when one is missing, has a wrong size, or others than the owner may read it."""
    _check_mode(directory, "directory", "700")
    found: dict[str, list[tuple[str, bytes]]] = {
        "kek": [],
        "grant": [],
        "audit": [],
        "mldsa": [],
        "pepper": [],
        "mask": [],
    }
    for path, kind, _ in _list(directory):
        found[kind].append((path.name, _read(path)))
    for kind, keys in found.items():
        if not keys and kind not in {"mask", "mldsa"}:
            raise ConfigError(
                f"{directory} has no {kind} key; put it back from your copy, since nothing that needs it works without it "
                "(`signoff init` makes a complete set, for a new installation only)"
            )
    if len(found["pepper"]) > 1:
        raise ConfigError(f"{directory} has several peppers; it cannot be rotated, remove the newer ones")
    keks = {_id_of("kek", name, key): key for name, key in found["kek"]}
    grants = {
        _id_of("grant", name, key): Ed25519PrivateKey.from_private_bytes(key) for name, key in found["grant"]
    }
    return FileKeys(
        directory=directory,
        rand=rand,
        keks=keks,
        current_kek=list(keks)[-1],
        grants=grants,
        current_kid=list(grants)[-1],
        audit=tuple(Ed25519PrivateKey.from_private_bytes(key) for _, key in found["audit"]),
        pepper=found["pepper"][0][1],
        mask=tuple((_id_of("mask", name, key), key) for name, key in found["mask"]),
        mldsa=tuple(key for _, key in found["mldsa"]),
    )


def thumbprint(key: Ed25519PublicKey) -> str:
    """RFC 7638 thumbprint of an OKP key (RFC 8037 section 2: members crv, kty, x)."""
    return _b64(sha256(msgspec.json.encode(_jwk(key))).digest()).decode("ascii")


def _jwk(key: Ed25519PublicKey) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _b64(key.public_bytes_raw()).decode("ascii")}


def _id_of(kind: str, name: str, key: bytes) -> str:
    """How a key is called where it was used. A kek's id tells keys of two installations apart, and gives 32 bits of
    a hash of 256 random bits away."""
    if kind == "kek":
        return f"{name.removesuffix('.key')}-{sha256(b'signoff kek id v1' + key).hexdigest()[:8]}"
    if kind == "mask":  # part of every token, so short
        return f"m{int(name.removeprefix('mask-').removesuffix('.key'))}"
    if kind == "mldsa":
        return f"mldsa-{sha256(MlDsaSigner.from_seed('-', key).key.public_key().public_bytes_raw()).hexdigest()[:16]}"
    if kind == "pepper":
        return name.removesuffix(".key")
    public = Ed25519PrivateKey.from_private_bytes(key).public_key()
    return thumbprint(public) if kind == "grant" else f"audit-{thumbprint(public)}"


def _list(directory: Path) -> list[tuple[Path, str, int]]:
    """Key files by kind and number, oldest first; anything else in the directory is not ours."""
    matches = [(path, _FILE.fullmatch(path.name)) for path in sorted(directory.iterdir())]
    return [(path, match[1], int(match[2])) for path, match in matches if match is not None]


def _newest(directory: Path, kind: str) -> Path:
    return [path for path, found, _ in _list(directory) if found == kind][-1]


def _read(path: Path) -> bytes:
    _check_mode(path, "key file", "600")
    try:
        key = path.read_bytes()
    except OSError as e:
        raise ConfigError(f"{path} cannot be read: {e.strerror}") from e
    if len(key) != KEY_BYTES:
        raise ConfigError(f"{path} has {len(key)} bytes; a key has {KEY_BYTES}")
    return key


def _check_mode(path: Path, what: str, mode: str) -> None:
    try:
        found = path.stat()
    except OSError as e:
        raise ConfigError(
            f"the {what} {path} cannot be read ({e.strerror}); correct keys.directory, or put it back"
        ) from e
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"the {what} {path} may be read or changed by others: chmod {mode} {path}")
    if found.st_uid not in {os.geteuid(), 0}:
        raise ConfigError(f"the {what} {path} belongs to another user: chown it to the one that runs signoff")


def _write(path: Path, key: bytes) -> None:
    """Create, never replace; on disk before this returns."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    _sync_directory(path.parent)


def _overwrite(path: Path, rand: Rand) -> None:
    """Best effort: journalling and copy-on-write disks may keep old blocks; so may backups of this directory."""
    with path.open("r+b") as file:
        file.write(rand.bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _b64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def _unb64(text: str) -> bytes | None:
    """The bytes of *text*, or None unless it is the one base64url spelling of them."""
    if not _SEGMENT.fullmatch(text) or len(text) % 4 == 1:
        return None
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return data if _b64(data) == text.encode("ascii") else None
