"""A log's key whose file is gone: what it signed in its time still holds, by the word of the key after it, and it vouches for nothing new."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from audit import standalone
from audit.checkpoint import Checkpoint, sign_note, split_note
from audit.disclosure import GcmSealer
from audit.export import export_bundle
from audit.fsck import verify_database
from audit.gate import examine
from audit.journal import Journal
from audit.reader import Reader
from audit.rotation import followed, rotated
from audit.verdict import verify
from audit.walk import Exit
from tests.audit.logs import (
    KEK,
    ORIGIN,
    POLICIES,
    SYSTEM,
    Rand,
    at,
    database,
    signer,
    story,
    verifier,
    write,
)

FIRST, SECOND, THIRD = b"signer", b"second key", b"third key"
NEW = signer(THIRD).vkey
SIZE, RETIRED_AT = 26, 18


def made(path: Path | str = ":memory:") -> sqlite3.Connection:
    """Three keys, one after another; the second is named while the first still signs alone."""
    connection = database(path)

    def log(*keys: bytes) -> Journal:
        now, *others = (signer(key) for key in keys)
        return Journal(ORIGIN, now, Rand(keys[0]), extra_signers=others, sealer=GcmSealer(KEK, Rand(b"s")))

    def rotation(id: str, old: bytes, new: bytes, size: int, by: Journal) -> None:
        write(connection, [rotated(id, signer(old), signer(new), size, SYSTEM, at(size * 60))], by)

    write(connection, list(story("r-0")), log(FIRST))
    rotation("k-1", FIRST, SECOND, 8, log(FIRST))
    write(connection, list(story("r-1", 600, first_seq=9)), log(SECOND, FIRST))
    rotation("k-2", SECOND, THIRD, 17, log(SECOND, FIRST))
    write(connection, list(story("r-2", 1200, first_seq=18)), log(THIRD))
    return connection


def exported(folder: Path, vkey: str = NEW) -> Path:
    export_bundle(Reader(made()), folder / "b", [vkey], policies=POLICIES)
    return folder / "b"


def test_the_newest_key_alone_is_enough_for_a_live_database():
    report = verify_database(made(), verifiers=[verifier(THIRD)], expect_size=SIZE)

    assert report.findings == []
    assert "older heads are signed by keys that were retired, which key.rotated names" in report.notes


def test_the_newest_key_alone_is_enough_for_a_bundle_which_gives_the_others_their_window(tmp_path):
    bundle = exported(tmp_path)

    assert standalone.verify(bundle, [NEW], [], SIZE).findings == []
    assert (bundle / "vkeys").read_text().splitlines() == [
        NEW,
        f"{signer(SECOND).vkey} 0..{RETIRED_AT}",
        f"{signer(FIRST).vkey} 0..{RETIRED_AT}",
    ]
    assert standalone.verify(bundle, [], [], SIZE).findings == []


def test_a_head_that_somebody_kept_when_the_first_key_signed_still_counts(tmp_path):
    connection, kept = made(tmp_path / "a.db"), tmp_path / "kept"
    kept.write_text(dict(Reader(connection).notes())[8])
    false = sign_note(Checkpoint(ORIGIN, 8, bytes(32)).text, [signer(FIRST)])

    (refusal,) = examine(connection, {"file": false}, [verifier(THIRD)], ORIGIN)
    assert "history was rewritten" in refusal.text
    assert examine(connection, {"file": kept.read_text()}, [verifier(THIRD)], ORIGIN) == []
    assert verify(tmp_path / "a.db", vkeys=[NEW], checkpoints=[kept]).code == Exit.OK
    assert standalone.verify(exported(tmp_path), [NEW], [kept], None).findings == []


def test_a_retired_key_does_not_stand_for_the_newest_head(tmp_path):
    """Whoever stole it signs a whole log of their own with it."""
    connection = made()
    thief = Journal(ORIGIN, signer(FIRST), Rand(b"t"), sealer=GcmSealer(KEK, Rand(b"s")))
    write(connection, list(story("r-9", 1800, first_seq=SIZE)), thief)

    report = verify_database(connection, verifiers=[verifier(THIRD)], expect_size=SIZE)
    export_bundle(Reader(connection), tmp_path / "b", [NEW], policies=POLICIES)

    assert [f.check for f in report.findings] == ["signature"]
    assert report.exit is Exit.TAMPERED
    assert standalone.verify(tmp_path / "b", [NEW], [], SIZE).exit == standalone.TAMPERED


def test_a_retired_key_vouches_for_nobody(tmp_path):
    """Who trusts the first key alone is not led on to those after it."""
    report = verify_database(made(), verifiers=[verifier(FIRST)], expect_size=SIZE)

    assert report.exit is Exit.TAMPERED
    assert standalone.verify(exported(tmp_path), [signer(FIRST).vkey], [], SIZE).exit == standalone.TAMPERED


@pytest.mark.parametrize("field", ["old_proof", "proof", "size", "old_vkey", "vkey"])
def test_a_statement_that_was_changed_leads_nowhere(tmp_path, field):
    bundle = exported(tmp_path)
    facts = [json.loads(line) for line in (bundle / "rotations.jsonl").read_text().splitlines()]
    other = {"size": 3, "old_vkey": signer(b"thief").vkey, "vkey": signer(b"thief").vkey}
    for one in facts:
        one[field] = other.get(field, one["proof" if field == "old_proof" else "old_proof"])
    (bundle / "rotations.jsonl").write_text("".join(json.dumps(one) + "\n" for one in facts))

    assert followed([verifier(THIRD)], facts) == []
    assert standalone.followed((standalone.parse_key(NEW),), standalone.Bundle(bundle)) == ()
    result = standalone.verify(bundle, [NEW], [], SIZE)
    assert result.exit == standalone.TAMPERED
    assert any("no signature by a known key" in text for _, _, text in result.findings)


def test_a_key_of_another_name_is_never_taken_for_the_logs():
    other = signer(FIRST, "other.example/log")
    draft = rotated("k", other, signer(THIRD), 8, SYSTEM, at(0))

    assert followed([verifier(THIRD)], [draft.data]) == []


def test_statements_that_cannot_be_read_are_passed_over(tmp_path):
    bundle = exported(tmp_path)
    with (bundle / "rotations.jsonl").open("a") as file:
        file.write("no json\n[]\n{}\n")

    assert len(standalone.followed((standalone.parse_key(NEW),), standalone.Bundle(bundle))) == 2


@pytest.mark.parametrize("pasted", ["\n", "\n\n \n", "\r\n"], ids=["a line", "lines", "CRLF"])
def test_a_head_that_was_copied_and_pasted_is_read(tmp_path, pasted):
    bundle, kept = exported(tmp_path), tmp_path / "kept"
    note = (bundle / "checkpoint").read_text()
    kept.write_bytes((note.replace("\n", "\r\n") if pasted == "\r\n" else "\n" + note + pasted).encode())

    assert standalone.verify(bundle, [NEW], [kept], None).findings == []
    assert split_note(standalone.read_head(kept))[0] == split_note(note)[0]
