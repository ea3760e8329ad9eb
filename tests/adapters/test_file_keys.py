"""Facts about the keys in a directory: who may read them, what they seal, and what a grant's JWS may look like."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.keys import files
from adapters.keys.files import FileKeys
from audit.checkpoint import open_checkpoint, parse_vkey, sign_note
from audit.disclosure import DisclosureError
from bot.errors import ConfigError, KeyUnavailable
from bot.rand import OsRand

CLAIMS = {"iss": "https://signoff.example", "sub": "agent:a", "jti": "grt_1", "exp": 1_800_000_000}


@pytest.fixture
def keys(tmp_path: Path) -> FileKeys:
    return files.create(tmp_path / "keys", OsRand())


def _token(
    keys: FileKeys, header: dict[str, object], claims: object = CLAIMS, key: Ed25519PrivateKey | None = None
) -> str:
    """A JWS signed with the real key (or *key*) under whatever header a test wants."""

    def part(data: bytes) -> str:
        return urlsafe_b64encode(data).rstrip(b"=").decode()

    signed = (
        part(json.dumps(header, separators=(",", ":")).encode()) + "." + part(json.dumps(claims).encode())
    )
    return signed + "." + part((key or keys.grants[keys.current_kid]).sign(signed.encode()))


def _header(keys: FileKeys, **changes: object) -> dict[str, object]:
    return {"alg": "EdDSA", "kid": keys.current_kid, "typ": "approval-grant+jwt"} | changes


def test_a_sealed_body_opens_under_its_own_aad_only(keys: FileKeys) -> None:
    sealed = keys.seal(b"SELECT 1", b"req_1")

    assert keys.open(sealed, b"req_1") == b"SELECT 1"
    with pytest.raises(KeyUnavailable):
        keys.open(sealed, b"req_2")


def test_every_flipped_byte_of_a_sealed_body_is_noticed(keys: FileKeys) -> None:
    sealed = keys.seal(b"secret", b"aad")

    for name in ("wrapped_key", "nonce", "ciphertext"):
        whole = getattr(sealed, name)
        for index in range(len(whole)):
            changed = whole[:index] + bytes([whole[index] ^ 1]) + whole[index + 1 :]
            with pytest.raises(KeyUnavailable):
                keys.open(_with(sealed, name, changed), b"aad")


def _with(sealed: object, name: str, value: bytes) -> object:
    from dataclasses import replace

    return replace(sealed, **{name: value})  # type: ignore[type-var]


def test_what_was_sealed_opens_after_loading_the_directory_again(keys: FileKeys) -> None:
    sealed = keys.seal(b"x", b"aad")

    assert files.load(keys.directory, OsRand()).open(sealed, b"aad") == b"x"


def test_a_rotated_kek_seals_anew_and_the_old_one_still_opens(keys: FileKeys) -> None:
    before = keys.seal(b"x", b"aad")

    rotated = keys.add_kek()

    assert rotated.open(before, b"aad") == b"x"
    assert rotated.seal(b"y", b"aad").kek_id != before.kek_id


def test_removing_a_kek_shreds_what_was_not_re_wrapped(keys: FileKeys) -> None:
    kept, lost = keys.seal(b"kept", b"aad"), keys.seal(b"lost", b"aad")
    rotated = keys.add_kek()
    kept = rotated.rewrap(kept)

    rotated = rotated.remove(lost.kek_id)

    assert rotated.open(kept, b"aad") == b"kept"
    with pytest.raises(KeyUnavailable):
        rotated.open(lost, b"aad")


def test_the_newest_key_of_a_kind_is_never_removed(keys: FileKeys) -> None:
    for id in (keys.current_kek, keys.current_kid):
        with pytest.raises(ConfigError, match="newest"):
            keys.remove(id)


def test_data_keys_of_the_log_wrap_and_unwrap_and_a_missing_kek_is_a_disclosure_error(keys: FileKeys) -> None:
    wrapped = keys.wrap(b"k" * 32)

    assert keys.unwrap(keys.current, wrapped) == b"k" * 32
    with pytest.raises(DisclosureError):
        keys.unwrap("kek-000009-00000000", wrapped)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_key_file_that_others_may_touch_is_refused(keys: FileKeys, mode: int) -> None:
    (keys.directory / "pepper-000001.key").chmod(mode)

    with pytest.raises(ConfigError, match="chmod 600"):
        files.load(keys.directory, OsRand())


def test_a_key_directory_that_others_may_enter_is_refused(keys: FileKeys) -> None:
    keys.directory.chmod(0o755)

    with pytest.raises(ConfigError, match="chmod 700"):
        files.load(keys.directory, OsRand())


def test_new_files_are_for_the_owner_alone(keys: FileKeys) -> None:
    rotated = keys.add_grant_key()

    assert {path.stat().st_mode & 0o777 for path in rotated.directory.iterdir()} == {0o600}
    assert rotated.directory.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("kind", ["kek", "grant", "audit", "pepper"])
def test_an_incomplete_set_is_refused_by_name(keys: FileKeys, kind: str) -> None:
    (keys.directory / f"{kind}-000001.key").unlink()

    with pytest.raises(ConfigError, match=f"no {kind} key"):
        files.load(keys.directory, OsRand())


def test_a_second_pepper_is_refused_because_it_cannot_be_rotated(keys: FileKeys) -> None:
    files._write(keys.directory / "pepper-000002.key", b"p" * 32)

    with pytest.raises(ConfigError, match="cannot be rotated"):
        files.load(keys.directory, OsRand())


def test_a_cut_key_file_is_refused(keys: FileKeys) -> None:
    (keys.directory / "kek-000001.key").write_bytes(b"short")

    with pytest.raises(ConfigError, match="5 bytes"):
        files.load(keys.directory, OsRand())


def test_existing_keys_are_never_overwritten(keys: FileKeys) -> None:
    with pytest.raises(ConfigError, match="already"):
        files.create(keys.directory, OsRand())


def test_macs_differ_by_purpose_and_stay_the_same_after_loading(keys: FileKeys) -> None:
    again = files.load(keys.directory, OsRand())

    assert keys.mac("agent-key", b"x") == again.mac("agent-key", b"x")
    assert keys.mac("agent-key", b"x") != keys.mac("person-token", b"x")


def test_no_key_shows_in_repr(keys: FileKeys) -> None:
    shown = repr(keys)

    assert str(keys.pepper)[2:10] not in shown
    assert "keks" not in shown.replace("current_kek", "")


def test_a_grant_verifies_and_says_what_was_signed(keys: FileKeys) -> None:
    assert keys.verify_grant(keys.sign_grant(CLAIMS)) == CLAIMS


def test_an_outside_library_verifies_our_grant_against_the_published_key(keys: FileKeys) -> None:
    token = keys.sign_grant(CLAIMS)
    jwk = json.loads(json.dumps(keys.jwks()))["keys"][0]

    claims = jwt.decode(token, jwt.PyJWK(jwk), algorithms=["EdDSA"])

    assert claims == CLAIMS
    assert jwt.get_unverified_header(token) == {
        "alg": "EdDSA",
        "kid": jwk["kid"],
        "typ": "approval-grant+jwt",
    }


def test_the_kid_is_the_rfc_7638_thumbprint() -> None:
    # RFC 8037 appendix A.3: the thumbprint of the example key.
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    public = Ed25519PrivateKey.from_private_bytes(
        urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    ).public_key()

    assert files._jwk(public)["x"] == x
    assert files.thumbprint(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_while_two_grant_keys_lie_there_both_verify_and_the_newest_signs(keys: FileKeys) -> None:
    old = keys.sign_grant(CLAIMS)
    rotated = keys.add_grant_key()

    assert rotated.verify_grant(old) == CLAIMS
    assert rotated.current_kid != keys.current_kid
    assert [k["kid"] for k in rotated.jwks()["keys"]] == [rotated.current_kid, keys.current_kid]  # type: ignore[attr-defined]
    assert rotated.remove(keys.current_kid).verify_grant(old) is None


def test_the_helper_makes_tokens_that_verify(keys: FileKeys) -> None:
    # Without this, the refusals below could all be the helper's fault.
    assert keys.verify_grant(_token(keys, _header(keys))) == CLAIMS


@pytest.mark.parametrize(
    "changes",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "Ed25519"},
        {"alg": "eddsa"},
        {"typ": "JWT"},
        {"typ": None},
        {"kid": "unknown"},
        {"kid": None},
        {"crit": ["exp"]},
        {"b64": False},
        {"jwk": {"kty": "OKP"}},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/x"},
        {"cty": "JWT"},
    ],
)
def test_t30_any_other_header_is_refused_although_the_signature_is_right(
    keys: FileKeys, changes: dict[str, object]
) -> None:
    assert keys.verify_grant(_token(keys, _header(keys, **changes))) is None


def test_t40_a_grant_signed_by_a_stranger_under_our_kid_is_refused(keys: FileKeys) -> None:
    assert keys.verify_grant(_token(keys, _header(keys), key=Ed25519PrivateKey.generate())) is None


def test_t40_every_flipped_character_of_a_grant_is_refused(keys: FileKeys) -> None:
    token = keys.sign_grant(CLAIMS)

    for index, character in enumerate(token):
        other = "A" if character != "A" else "B"
        assert keys.verify_grant(token[:index] + other + token[index + 1 :]) is None


@pytest.mark.parametrize(
    "mangle",
    [
        lambda t: "",
        lambda t: t + ".",
        lambda t: t + "=",
        lambda t: t.rsplit(".", 1)[0] + ".",
        lambda t: t.rsplit(".", 1)[0],
        lambda t: t + "." + t,
        lambda t: " " + t,
        lambda t: t + "\n",
        lambda t: t.replace(".", ".\u0661", 1),
        lambda t: t + "A" * 5_000,
    ],
)
def test_what_is_not_a_compact_jws_is_refused(keys: FileKeys, mangle: object) -> None:
    assert keys.verify_grant(mangle(keys.sign_grant(CLAIMS))) is None  # type: ignore[operator]


def test_claims_that_are_no_object_are_refused(keys: FileKeys) -> None:
    assert keys.verify_grant(_token(keys, _header(keys), claims=[1])) is None


def test_while_log_keys_rotate_a_head_carries_both_signatures(keys: FileKeys) -> None:
    origin = "audit.test.example/log"
    old = keys.log_signers(origin)[0]
    signers = keys.add_audit_key().log_signers(origin)

    note = sign_note(f"{origin}\n1\n{'A' * 43}=\n", signers)

    assert len(signers) == 2
    for signer in (old, signers[0]):
        assert open_checkpoint(note, [parse_vkey(signer.vkey)], origin).size == 1
