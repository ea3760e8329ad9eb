"""ML-DSA-44 beside Ed25519: the exact bytes, who accepts and who refuses, and that a verifier without it says so (AUDIT.md 2.6)."""

import shutil
import struct
from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from audit import standalone
from audit.checkpoint import (
    MLDSA44,
    BadNote,
    Checkpoint,
    MlDsaSigner,
    cosigned_message,
    open_checkpoint,
    open_note,
    parse_vkey,
    sign_note,
    split_note,
)
from audit.export import export_bundle
from audit.fsck import verify_database
from audit.journal import Journal
from audit.ledger_sqlite import keep_cosignature
from audit.reader import Reader
from audit.rotation import check_rotation, rotated
from audit.walk import Exit
from tests.audit.logs import (
    ORIGIN,
    POLICIES,
    SYSTEM,
    Rand,
    at,
    database,
    filled,
    journal,
    second_signer,
    signer,
    verifier,
    write,
)

HEAD = Checkpoint(ORIGIN, 24, bytes(range(32)))
VKEYS = [signer().vkey, second_signer().vkey]
SECONDS = int(at(0).timestamp())


def cosigned(connection, size: int, by: MlDsaSigner | None = None):
    head = standalone.parse_note(Reader(connection).note_at(size) or "")
    line = (by or second_signer()).cosign(Checkpoint(head.origin, head.size, head.root), SECONDS)
    keep_cosignature(connection, size, line)
    return connection


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("second") / "b"
    export_bundle(Reader(cosigned(cosigned(filled(), 16), 24)), directory, VKEYS, policies=POLICIES)
    return directory


def test_what_is_signed_is_the_structure_of_the_specification():
    want = struct.pack(
        ">12sB15sQB23sQQ32s", b"subtree/v1\n\0", 15, b"witness.example", 7, 23, ORIGIN.encode(), 0, 24, bytes(range(32))
    )  # fmt: skip

    assert len(ORIGIN) == 23
    assert cosigned_message("witness.example", 7, HEAD) == want
    assert (
        standalone.cosigned_message(
            "witness.example", (7).to_bytes(8, "big"), standalone.Head(ORIGIN, 24, bytes(range(32)), "", ())
        )
        == want
    )
    with pytest.raises(BadNote):
        cosigned_message("w" * 256, 7, HEAD)


def test_a_key_has_the_id_and_the_sizes_of_the_specification():
    name, id, encoded = second_signer().vkey.split("+", 2)
    raw = b64decode(encoded)
    line = second_signer().cosign(HEAD, SECONDS)
    signature = b64decode(line.split(" ")[2])

    assert (name, raw[0], len(raw)) == (ORIGIN, MLDSA44, 1313)
    assert sha256(ORIGIN.encode() + b"\n" + raw).digest()[:4].hex() == id == signature[:4].hex()
    assert (len(signature), int.from_bytes(signature[4:12], "big")) == (4 + 8 + 2420, SECONDS)
    assert len(line) < 3300
    for wrong in (raw[:-1], raw + b"\0", bytes([1]) + raw[1:], raw[:33]):
        id = sha256(ORIGIN.encode() + b"\n" + wrong).digest()[:4].hex()
        with pytest.raises(BadNote):
            parse_vkey(f"{ORIGIN}+{id}+{b64encode(wrong).decode()}")


def changed(note: str, at: int) -> str:
    line = note.rpartition("— ")[2]
    raw = bytearray(b64decode(line.split(" ")[1]))
    raw[at] ^= 1
    return note.replace(line.split(" ")[1].strip(), b64encode(bytes(raw)).decode())


def test_a_second_signature_adds_to_the_first_and_never_stands_for_it():
    note = sign_note(HEAD.text, [signer()]) + second_signer().cosign(HEAD, SECONDS)
    keys = [verifier(), parse_vkey(second_signer().vkey)]

    assert open_checkpoint(note, keys, ORIGIN) == HEAD
    assert len(open_note(note, keys)[1]) == 2
    for wrong in (4, 11, 12, 2000):
        with pytest.raises(BadNote, match="wrong"):
            open_checkpoint(changed(note, wrong), keys, ORIGIN)
    with pytest.raises(BadNote, match="Ed25519"):
        open_checkpoint(HEAD.text + "\n" + second_signer().cosign(HEAD, SECONDS), keys, ORIGIN)
    other = replace(HEAD, size=23)
    with pytest.raises(BadNote, match="wrong"):
        open_checkpoint(
            sign_note(HEAD.text, [signer()]) + second_signer().cosign(other, SECONDS), keys, ORIGIN
        )
    with pytest.raises(ValueError, match="Ed25519"):
        Journal(ORIGIN, signer(), Rand(b"x"), extra_signers=[second_signer()])


def test_the_bundle_says_how_many_heads_are_signed_twice(good):
    result = standalone.verify(good, VKEYS, [], 24)

    assert result.exit == standalone.OK, result.findings
    assert any(note == f"3 heads are cosigned by {ORIGIN} (ML-DSA-44)" for note in result.notes)
    assert standalone.verify(good, VKEYS[:1], [], 24).exit == standalone.OK


def test_a_wrong_second_signature_is_found_in_the_bundle_and_in_the_database(good, tmp_path):
    shutil.copytree(good, tmp_path / "b")
    path = tmp_path / "b" / "cosignatures" / "16"
    path.write_text(changed(path.read_text(), 500))

    result = standalone.verify(tmp_path / "b", VKEYS, [], 24)
    assert any("checkpoints/16: the signature" in text for _, _, text in result.findings)
    assert result.exit == standalone.TAMPERED

    keys = [parse_vkey(vkey) for vkey in VKEYS]
    assert verify_database(cosigned(filled(), 16), verifiers=keys, expect_size=24).ok
    forged = MlDsaSigner.from_seed(ORIGIN, bytes(32))
    connection = cosigned(filled(), 16)
    line = second_signer().cosign(replace(HEAD, size=16), SECONDS)
    connection.execute("DROP TRIGGER audit_cosignature_no_update")
    connection.execute("UPDATE audit_cosignature SET line = ?", (line,))
    report = verify_database(connection, verifiers=keys, expect_size=24)
    assert [finding.check for finding in report.findings] == ["signature"]
    # A signature by somebody else's key is nobody's.
    assert verify_database(cosigned(filled(), 16, forged), verifiers=keys, expect_size=24).ok


def test_a_verifier_without_ml_dsa_says_that_it_did_not_check(good, monkeypatch):
    monkeypatch.setattr(standalone, "MLDSA44PublicKey", None)

    result = standalone.verify(good, VKEYS, [], 24)

    assert result.exit == standalone.INCOMPLETE
    assert any("were not checked" in text for _, _, text in result.findings)
    assert result.state[standalone.CHECKS[0]] == "INCOMPLETE"
    assert standalone.verify(good, VKEYS[:1], [], 24).exit == standalone.OK


def test_a_log_without_second_signatures_is_not_wrong_and_says_so(tmp_path):
    export_bundle(Reader(filled()), tmp_path / "b", VKEYS, policies=POLICIES)

    result = standalone.verify(tmp_path / "b", VKEYS, [], 24)

    assert result.exit == standalone.OK
    assert "no head carries the log's second signature (ML-DSA-44) yet" in result.notes


def test_a_key_is_kept_out_of_heads_beyond_its_window(good):
    result = standalone.verify(good, [VKEYS[0], f"{VKEYS[1]} 0..20"], [], 24)

    assert {name for name, _, _ in result.findings} == {standalone.CHECKS[8]}


@pytest.mark.parametrize("spoil", ["", "proof", "old_proof"])
def test_the_chain_says_which_key_it_is_and_both_signed_that(spoil, tmp_path, monkeypatch):
    """The first ML-DSA-44 key is named by the Ed25519 one, the next by the first."""
    for n, (old, new) in enumerate(
        [(signer(), second_signer()), (second_signer(), MlDsaSigner.from_seed(ORIGIN, bytes(32)))]
    ):
        draft = rotated("rot-1", old, new, 0, SYSTEM, at(1))
        if spoil:
            proof = bytearray(b64decode(str(draft.data[spoil])))
            proof[5] ^= 1
            draft = replace(draft, data={**draft.data, spoil: b64encode(bytes(proof)).decode()})
        connection = database()
        write(connection, [draft], journal())
        export_bundle(Reader(connection), tmp_path / str(n), VKEYS, policies=POLICIES)

        assert check_rotation(draft.data) is (not spoil)
        assert verify_database(connection, verifiers=[verifier()], expect_size=1).ok is (not spoil)
        assert (standalone.verify(tmp_path / str(n), VKEYS, [], 1).exit == standalone.OK) is (not spoil)

    with monkeypatch.context() as patch:
        patch.setattr(standalone, "MLDSA44PublicKey", None)
        result = standalone.verify(tmp_path / "1", VKEYS[:1], [], 1)
    assert result.exit == Exit.INCOMPLETE
    assert any("rotation was not checked" in text for _, _, text in result.findings)


def test_a_line_is_kept_once_and_never_changed():
    connection = cosigned(filled(), 16)
    first = Reader(connection).note_at(16)
    cosigned(connection, 16)

    assert Reader(connection).note_at(16) == first
    assert first is not None
    assert len(split_note(first)[1]) == 2
    for statement in ("UPDATE audit_cosignature SET line = 'x'", "DELETE FROM audit_cosignature"):
        with pytest.raises(Exception, match="append only"):
            connection.execute(statement)
