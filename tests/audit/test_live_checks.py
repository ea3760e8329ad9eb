"""What the walk over a live database looks at beside its entries: time-stamps, witnesses' signatures, sealed values (checks 4, 7 and 10).

A bundle has the same in files, of which ``test_ten_checks.py`` holds that each check is needed. Here each is seen to accept, and to refuse
one mutation after another of what it looks at.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.checkpoint import (
    COSIGNATURE_V1,
    Checkpoint,
    cosigned_text,
    parse_checkpoint,
    parse_vkey,
    sign_note,
    split_note,
    vkey_text,
)
from audit.disclosure import GcmSealer, LocalKeyWrap
from audit.entry import Private, disclose
from audit.fsck import verify_database
from audit.gate import restored
from audit.journal import disclosure_aad
from audit.ledger_sqlite import SqliteLedger, keep_cosignature
from audit.reader import Reader
from audit.stamps import Tokens
from audit.walk import Exit, Report
from tests.audit.logs import KEK, ORIGIN, Rand, at, filled, human, signer, verifier, write

LONG = 10 * 365 * 86_400
"""Seconds between the entries and the authority's clock, so that every entry is older than its stamp."""

WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(32))
WITNESS_VKEY = vkey_text("witness.example/one", COSIGNATURE_V1, WITNESS.public_key().public_bytes_raw())
SIZE, HEADS = 24, (8, 16, 24)


def refused_by(report: Report) -> list[str]:
    return sorted({finding.check for finding in report.findings})


def edited(connection: sqlite3.Connection, statement: str, *values: object) -> None:
    """By somebody who can write the file: the triggers are gone."""
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    assert connection.execute(statement, values).rowcount > 0


# --- time-stamps


@pytest.fixture(scope="module")
def stamped(tmp_path_factory) -> Path:
    """A folder as the anchor keeps it, with tokens of OpenSSL's own authority over the heads of 8 and 24, and its root."""
    if shutil.which("openssl") is None:
        pytest.skip("time-stamps are checked by openssl, which is not here")
    folder = tmp_path_factory.mktemp("tsa")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    (folder / "tsa.cnf").write_text(
        "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_cert=tsa.pem\nsigner_key=tsa.key\nsigner_digest=sha256\n"
        "default_policy=1.2.3.4\ndigests=sha256\ness_cert_id_alg=sha256\n[req]\ndistinguished_name=dn\n[dn]\n"
        "[ext]\nextendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"
        "[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n"
    )
    (folder / "serial").write_text("01")
    new = ("req", "-newkey", "rsa:2048", "-nodes", "-config", "tsa.cnf")
    for name in ("ca", "other"):
        openssl(
            *new, "-x509", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "30", "-subj", f"/CN={name}", "-extensions", "ca",
        )  # fmt: skip
    openssl(*new, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=tsa")
    openssl(
        "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "tsa.pem", "-days", "30",
        "-extfile", "tsa.cnf", "-extensions", "ext",
    )  # fmt: skip
    (folder / "tsr").mkdir()
    (folder / "strange").mkdir()
    strange = sign_note(Checkpoint(ORIGIN, 16, bytes(32)).text, [signer()])
    thief = sign_note(split_note(dict(Reader(filled(start=-LONG)).notes())[16])[0], [signer(b"thief")])
    notes = {f"tsr/{size}": note for size, note in Reader(filled(start=-LONG)).notes() if size != 16}
    young = dict(Reader(filled(start=LONG)).notes())[16]
    for name, note in {
        **notes, "strange/forked": strange, "strange/thief": thief, "strange/young": young,
    }.items():  # fmt: skip
        (folder / f"{name}.note").write_text(note)
        openssl("ts", "-query", "-data", f"{name}.note", "-sha256", "-cert", "-out", "q")
        openssl(
            "ts", "-reply", "-config", "tsa.cnf", "-section", "t", "-queryfile", "q", "-out", f"{name}.tsr"
        )
    return folder


@pytest.fixture
def tokens(stamped: Path, tmp_path: Path) -> Tokens:
    shutil.copytree(stamped / "tsr", tmp_path / "tsr")
    shutil.copytree(stamped / "strange", tmp_path / "strange")
    for name in ("ca.pem", "other.pem"):
        shutil.copy(stamped / name, tmp_path)
    return Tokens(tmp_path / "tsr", tmp_path / "ca.pem")


def walked(tokens: Tokens, start: int = -LONG, connection: sqlite3.Connection | None = None) -> Report:
    return verify_database(
        connection or filled(start=start), verifiers=[verifier()], expect_size=SIZE, tokens=tokens
    )


def test_time_stamps_over_heads_of_this_log_hold(tokens):
    report = walked(tokens)

    assert report.findings == []
    assert "2 time-stamps hold" in report.notes


def flipped(tokens: Tokens) -> None:
    """One bit inside the authority's signature, which stands at the token's end."""
    data = bytearray((tokens.folder / "8.tsr").read_bytes())
    data[-40] ^= 1
    (tokens.folder / "8.tsr").write_bytes(bytes(data))


def swapped(tokens: Tokens) -> None:
    shutil.copy(tokens.folder / "24.tsr", tokens.folder / "8.tsr")


def another_head(tokens: Tokens) -> None:
    (tokens.folder / "8.note").write_text((tokens.folder / "24.note").read_text())


def no_head(tokens: Tokens) -> None:
    (tokens.folder / "8.note").unlink()


def no_token(tokens: Tokens) -> None:
    (tokens.folder / "16.tsr").write_bytes(b"no token")
    shutil.copy(tokens.folder / "8.note", tokens.folder / "16.note")


def other_authority(tokens: Tokens) -> None:
    shutil.copy(tokens.folder.parent / "other.pem", tokens.ca_file)


def added(name: str) -> Callable[[Tokens], None]:
    """A genuine token of the authority over a head that is not this log's."""

    def add(tokens: Tokens) -> None:
        for ending in ("tsr", "note"):
            shutil.copy(tokens.folder.parent / f"strange/{name}.{ending}", tokens.folder / f"16.{ending}")

    return add


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        pytest.param(flipped, "8.tsr does not verify", id="a bit of the token"),
        pytest.param(swapped, "8.tsr does not verify", id="another head's token"),
        pytest.param(another_head, "8.tsr does not verify", id="another head beside the token"),
        pytest.param(no_head, "8.tsr does not verify", id="no head beside the token"),
        pytest.param(no_token, "16.tsr does not verify", id="no token at all"),
        pytest.param(other_authority, "8.tsr does not verify", id="another authority"),
        pytest.param(added("forked"), "(stamped, 16.tsr)", id="a stamped head of another history"),
        pytest.param(added("thief"), "16.note cannot be believed", id="a stamped head by another key"),
    ],
)
def test_i11_a_time_stamp_that_was_tampered_with_is_found(tokens, harm, says):
    harm(tokens)

    report = walked(tokens)

    assert report.exit is Exit.TAMPERED
    assert refused_by(report) == ["timestamps"]
    assert says in report.findings[0].text


def test_a_database_cut_back_below_a_stamped_head_is_found(tokens):
    report = verify_database(filled(requests=2, start=-LONG), verifiers=[verifier()], tokens=tokens)

    assert refused_by(report) == ["timestamps"]
    assert report.exit is Exit.TAMPERED


def test_a_stamped_head_that_a_restore_lost_is_excused_where_the_log_names_it(tokens):
    lost = parse_checkpoint(split_note((tokens.folder / "24.note").read_text())[0])
    connection = filled(requests=2, start=-LONG)
    write(connection, [restored("w", human(), at(0), Reader(connection), lost, "timestamp")])

    report = verify_database(connection, verifiers=[verifier()], tokens=tokens)

    assert report.findings == []
    assert "1 time-stamps are over heads that a restore lost (log.restored names them)" in report.notes
    assert "1 time-stamps hold" in report.notes


def test_an_entry_that_says_it_is_younger_than_the_stamp_over_it_is_found(tokens):
    shutil.rmtree(tokens.folder)
    tokens.folder.mkdir()
    added("young")(tokens)

    report = walked(tokens, start=LONG)

    assert refused_by(report) == ["time"]
    assert report.findings[0].seq == 15
    assert walked(Tokens(tokens.folder / "none", tokens.ca_file), start=LONG).findings == []


def test_time_stamps_that_cannot_be_checked_are_incomplete_and_no_tampering(tokens):
    tokens.ca_file.unlink()

    report = walked(tokens)

    assert (report.exit, refused_by(report)) == (Exit.INCOMPLETE, ["timestamps"])


# --- witnesses


def cosigned(connection: sqlite3.Connection, size: int, moment: int, harm: int | None = None) -> None:
    """The witness's line over the head of *size*; *harm* is the byte of it in which one bit is wrong."""
    text = split_note(dict(Reader(connection).notes())[size])[0]
    raw = bytearray(moment.to_bytes(8, "big") + WITNESS.sign(cosigned_text(text.encode(), moment)))
    if harm is not None:
        raw[harm] ^= 1
    name, id_, _ = WITNESS_VKEY.split("+", 2)
    line = f"— {name} {b64encode(bytes.fromhex(id_) + bytes(raw)).decode()}\n"
    keep_cosignature(connection, size, line)


def seen_by_witness(connection: sqlite3.Connection) -> Report:
    return verify_database(
        connection, verifiers=[verifier()], expect_size=SIZE, witnesses=[parse_vkey(WITNESS_VKEY)]
    )


WRITTEN = int(at(68).timestamp()) + 1
"""The second after the last entry under the head of 16 says that it was written."""


def test_a_witnesses_signatures_hold_and_are_counted():
    connection = filled()
    for size in HEADS[1:]:
        cosigned(connection, size, WRITTEN + size)

    report = seen_by_witness(connection)

    assert report.findings == []
    assert "2 signatures of witnesses hold" in report.notes


@pytest.mark.parametrize("harm", [0, 7, 8, 71], ids=["time", "time's end", "signature", "signature's end"])
def test_i11_a_witnesses_signature_that_was_tampered_with_is_found(harm):
    connection = filled()
    cosigned(connection, 16, WRITTEN, harm)

    report = seen_by_witness(connection)

    assert (report.exit, refused_by(report)) == (Exit.TAMPERED, ["cosignatures"])
    assert verify_database(connection, verifiers=[verifier()], expect_size=SIZE).findings == []


def test_a_witnesses_signature_moved_to_another_head_is_found():
    connection = filled()
    cosigned(connection, 16, WRITTEN)
    edited(connection, "UPDATE audit_cosignature SET size = 24")

    assert refused_by(seen_by_witness(connection)) == ["cosignatures"]


@pytest.mark.parametrize(("early", "found"), [(300, []), (301, ["time"])])
def test_an_entry_that_says_it_was_written_after_the_witness_saw_it_is_found(early, found):
    connection = filled()
    cosigned(connection, 16, WRITTEN - early)

    assert refused_by(seen_by_witness(connection)) == found


def test_signatures_of_a_witness_without_a_key_are_said_to_be_unseen():
    connection = filled()
    cosigned(connection, 16, WRITTEN, harm=20)

    report = verify_database(connection, verifiers=[verifier()], expect_size=SIZE)

    assert any("no key of one was given" in note for note in report.notes)


# --- sealed values


def opened(connection: sqlite3.Connection, keks: LocalKeyWrap = KEK) -> Report:
    return verify_database(connection, verifiers=[verifier()], expect_size=SIZE, keks=keks)


def test_every_sealed_value_opens_its_digest():
    report = opened(filled())

    assert report.findings == []
    assert any(note.startswith("6 values open the digests in their entries") for note in report.notes)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_disclosure SET ciphertext = zeroblob(length(ciphertext)) WHERE id = '8.who'",
        "UPDATE audit_disclosure SET nonce = zeroblob(12) WHERE name = 'who'",
        "UPDATE audit_disclosure SET name = 'payload', id = id || 'x' WHERE name = 'who'",
        "UPDATE audit_disclosure SET seq = seq + 1 WHERE seq = 8",
        "UPDATE audit_disclosure SET key_scope = 'request:r-2' WHERE key_scope = 'request:r-1'",
        "UPDATE audit_disclosure SET (nonce, ciphertext) = (SELECT nonce, ciphertext FROM audit_disclosure o WHERE o.seq = 0 AND o.name = 'who')"
        " WHERE seq = 8 AND name = 'who'",
        "UPDATE audit_secret_key SET wrapped_dek = zeroblob(length(wrapped_dek)) WHERE key_scope = 'person:p_maria'",
        "DELETE FROM audit_secret_key WHERE key_scope = 'request:r-1'",
    ],
    ids=["ciphertext", "nonce", "field", "entry", "scope", "another entry's value", "key", "lost key"],
)  # fmt: skip
def test_i11_a_sealed_value_that_was_tampered_with_is_found(statement):
    connection = filled()
    edited(connection, statement)

    report = opened(connection)

    assert (report.exit, refused_by(report)) == (Exit.TAMPERED, ["disclosures"])
    unopened = verify_database(connection, verifiers=[verifier()], expect_size=SIZE)
    assert unopened.findings == []
    assert any("sealed values were not opened" in note for note in unopened.notes)


def test_a_key_that_is_gone_without_an_erasure_is_named_as_such():
    connection = filled()
    edited(connection, "DELETE FROM audit_secret_key WHERE key_scope = 'request:r-1'")

    assert [f.text for f in opened(connection).findings] == [
        "the value payload lost its key and was not erased"
    ]


def test_another_value_sealed_by_the_rightful_key_does_not_open_the_digest():
    """By somebody who holds the keys, or by the machine itself later: the entry committed to the value that it had then."""
    connection = filled()
    encoded = disclose(Private("person:p_maria", "who", "eve@acme.example"), bytes(16)).encoded
    aad = disclosure_aad(ORIGIN, 8, "who")
    nonce, ciphertext = GcmSealer(KEK, Rand(b"x")).seal(
        SqliteLedger(connection), "person:p_maria", aad, encoded.encode()
    )
    edited(
        connection,
        "UPDATE audit_disclosure SET nonce = ?, ciphertext = ? WHERE seq = 8 AND name = 'who'",
        nonce,
        ciphertext,
    )

    assert [f.text for f in opened(connection).findings] == [
        "the value who does not open the digest in its entry"
    ]


def test_sealed_values_under_another_installations_key_do_not_open():
    other = LocalKeyWrap("kek-1", {"kek-1": bytes(32)})

    assert refused_by(opened(filled(), other)) == ["disclosures"]
