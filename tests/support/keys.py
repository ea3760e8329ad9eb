"""A journal with a throw-away key, for stores under test."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit.checkpoint import Ed25519Signer
from audit.disclosure import GcmSealer, LocalKeyWrap
from audit.journal import Journal
from bot.ports import Rand, Sealed

ORIGIN = "audit.test.example/approvals"


def journal(rand: Rand) -> Journal:
    """A journal whose keys come from *rand*."""
    signer = Ed25519Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(rand.bytes(32)))
    sealer = GcmSealer(LocalKeyWrap("kek-test", {"kek-test": rand.bytes(32)}), rand.bytes)
    return Journal(ORIGIN, signer, rand.bytes, sealer=sealer)


def sealed(plaintext: bytes, rand: Rand, kek_id: str = "kek-test") -> Sealed:
    """A body sealed by nobody in particular: stores keep it and never look inside."""
    key, nonce = rand.bytes(32), rand.bytes(12)
    return Sealed(kek_id, rand.bytes(60), nonce, AESGCM(key).encrypt(nonce, plaintext, None))
