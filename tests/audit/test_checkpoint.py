from dataclasses import replace

import pytest

from audit.checkpoint import (
    COSIGNATURE_V1,
    BadNote,
    Checkpoint,
    Verifier,
    key_id,
    open_checkpoint,
    open_note,
    parse_checkpoint,
    parse_vkey,
    sign_note,
    signature_line,
    split_note,
    vkey_text,
)
from audit.export import export_bundle
from audit.fsck import verify_database
from audit.journal import Journal
from audit.reader import Reader
from audit.rotation import check_rotation, rotated
from audit.standalone import verify
from tests.audit.logs import ORIGIN, POLICIES, Rand, at, filled, signer, verifier, write
from tests.audit.test_journal import reminder

HEAD = Checkpoint(ORIGIN, 7, bytes(range(32)))
NOTE = sign_note(HEAD.text, [signer()])

# The example key of golang.org/x/mod/sumdb/note's documentation.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_a_note_that_go_signed_opens():
    text, by = open_note(GO_NOTE, [parse_vkey(GO_VKEY)])

    assert text.startswith("If you think")
    assert [v.vkey for v in by] == [GO_VKEY]


def test_a_head_is_read_back_as_it_was_written():
    assert open_checkpoint(NOTE, [verifier()], ORIGIN) == HEAD
    assert parse_checkpoint(Checkpoint(ORIGIN, 0, bytes(32), ("extra line",)).text).extensions == (
        "extra line",
    )


def test_signatures_by_unknown_keys_are_ignored_but_one_by_a_known_key_must_be_right():
    both = NOTE + signature_line(HEAD.text, signer(b"other", "witness.example"))
    assert open_checkpoint(both, [verifier()], ORIGIN) == HEAD

    wrong = NOTE + signature_line("another text\n", signer(b"other", "witness.example"))
    assert open_checkpoint(wrong, [verifier()], ORIGIN) == HEAD
    with pytest.raises(BadNote, match="wrong"):
        open_note(wrong, [verifier(), verifier(b"other", "witness.example")])


def test_the_same_signature_twice_counts_once():
    _, by = open_note(NOTE + signature_line(HEAD.text, signer()), [verifier()])

    assert len(by) == 1


@pytest.mark.parametrize(
    "note",
    [
        "",
        HEAD.text,
        HEAD.text + "\n",
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("— ", "- "),
        NOTE.replace("\n7\n", "\n07\n"),
        NOTE.replace("\n7\n", "\n8\n"),
        NOTE.replace(ORIGIN, "x", 1),
        "a\tb" + NOTE,
        HEAD.text + "\n— a b\n",
        HEAD.text + "\n— a AAA=\n",
        HEAD.text + "\n— a AAAA\n",
        HEAD.text + "\n" + "— a AAAAAAAA\n" * 101,
        "x" * 1_000_001 + "\n\n— a AAAAAAAA\n",
    ],
)
def test_what_is_no_signed_head_is_refused(note: str):
    with pytest.raises(BadNote):
        open_checkpoint(note, [verifier()], ORIGIN)


@pytest.mark.parametrize(
    "text", ["a\n1\n", "a\n1\nAAAA\n", "a\n1\n!\n", "a\n-1\nx\n", "a\n1\n" + "A" * 43 + "=", "a\n\n1\n"]
)
def test_what_is_no_head_is_refused(text: str):
    with pytest.raises(BadNote):
        parse_checkpoint(text)


def test_a_head_of_another_log_by_the_same_key_is_refused():
    other = sign_note(Checkpoint("other.example/log", 7, bytes(32)).text, [signer()])

    with pytest.raises(BadNote, match="another log"):
        open_checkpoint(other, [verifier()], ORIGIN)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "a",
        "a+b",
        "a+00000000+AQ==",
        "a b+00000000+AAAA",
        GO_VKEY.replace("c74f20a3", "c74f20a4"),
        "a+00000000+" + "CC" * 22,
    ],
)
def test_what_is_no_key_is_refused(vkey: str):
    with pytest.raises(BadNote):
        parse_vkey(vkey)


def test_a_note_needs_a_signer():
    with pytest.raises(BadNote):
        sign_note("text\n", [])


def test_a_cosignature_of_the_wrong_length_does_not_verify():
    public = verifier().public
    witness = Verifier("w", key_id("w", COSIGNATURE_V1, public), COSIGNATURE_V1, public)

    assert not witness.verifies(b"text\n", bytes(64))
    assert not witness.verifies(b"text\n", bytes(72))
    assert parse_vkey(witness.vkey) == witness
    assert vkey_text("w", COSIGNATURE_V1, public).startswith("w+")


# --- rotation


def test_a_rotation_is_signed_by_both_keys_and_both_verify_across_it(tmp_path):
    old, new = signer(b"signer"), signer(b"new")
    connection = filled(requests=1)
    draft = rotated("rot-1", old, new, 8, journal_actor(), at(500))
    overlap = Journal(ORIGIN, old, Rand(b"o"), extra_signers=[new])
    write(connection, [draft], overlap)
    write(connection, [reminder(1, 600)], Journal(ORIGIN, new, Rand(b"n")))

    entry = draft.data
    assert check_rotation(entry)
    assert not check_rotation({**entry, "size": 9})
    assert not check_rotation({**entry, "proof": entry["old_proof"]})
    assert not check_rotation({"vkey": "x"})
    found = verify_database(connection, verifiers=[verifier(b"signer"), verifier(b"new")], expect_size=10)
    assert found.findings == []
    assert verify_database(connection, verifiers=[verifier(b"signer")]).exit == 1
    export_bundle(Reader(connection), tmp_path / "b", [new.vkey, f"{old.vkey} 0..9"], policies=POLICIES)
    assert verify(tmp_path / "b", [], [], 10).findings == []


def test_a_rotation_that_one_key_did_not_sign_is_found_by_both_verifiers(tmp_path):
    connection = filled(requests=1)
    draft = rotated("rot-1", signer(), signer(b"new"), 8, journal_actor(), at(500))
    write(connection, [replace(draft, data={**draft.data, "proof": draft.data["old_proof"]})])
    export_bundle(Reader(connection), tmp_path / "b", [signer().vkey], policies=POLICIES)

    assert {f.check for f in verify_database(connection, verifiers=[verifier()]).findings} == {"keys"}
    assert [name for name, _, _ in verify(tmp_path / "b", [], [], 9).findings] == ["9 key windows"]


def journal_actor():
    return reminder(0).actor


def test_a_split_note_is_text_and_signatures():
    text, signatures = split_note(NOTE)

    assert text == HEAD.text
    assert [s.name for s in signatures] == [ORIGIN]
