"""What is erased is nowhere: the tests search the bytes of the files."""

import sqlite3
from pathlib import Path

import pytest

from audit.disclosure import DisclosureError, GcmSealer, LocalKeyWrap, open_row, parse
from audit.entry import Draft, EntryInvalid, EntryType, Outcome, Private, digest_of
from audit.erasure import Held, disclose_entry, rotate_keks, scrub, set_hold, shred
from audit.export import export_bundle
from audit.fsck import verify_database
from audit.journal import DisclosureRow
from audit.ledger_sqlite import SqliteLedger
from audit.reader import Reader
from audit.standalone import verify
from tests.audit.logs import (
    HASH,
    KEK,
    ORIGIN,
    POLICIES,
    SYSTEM,
    Rand,
    at,
    database,
    journal,
    story,
    verifier,
    write,
)

CANARY = "maria@acme.example"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.db"


@pytest.fixture
def log(path: Path):
    connection = database(path)
    connection.execute("PRAGMA journal_mode = WAL")
    for i in range(3):
        write(connection, list(story(f"r-{i}", i * 60, first_seq=i * 8)), journal(b"log%d" % i))
    yield connection
    connection.close()


def bytes_of(path: Path) -> bytes:
    return b"".join(p.read_bytes() for p in sorted(path.parent.iterdir()) if p.name.startswith(path.name))


def shredded_entry(log: sqlite3.Connection, scope: str) -> None:
    """As the application does it: destroy and say so, in one transaction; then scrub."""
    log.execute("BEGIN IMMEDIATE")
    done = shred(log, scope, KEK, ORIGIN)
    data = {
        "basis": "gdpr-17",
        "scope": scope.replace(":", "."),
        "digests": list(done.digests),
        "destroyed_count": done.count,
    }
    tx = SqliteLedger(log)
    j = journal(b"s")
    j.append(tx, Draft(EntryType.PAYLOAD_SHREDDED, "shred-1", Outcome.SUCCESS, SYSTEM, at(900), data=data))
    j.checkpoint(tx, at(900))
    log.execute("COMMIT")
    scrub(log)


def test_private_values_stand_nowhere_in_clear(log, path):
    assert CANARY.encode() not in bytes_of(path)
    assert "Grüße".encode() not in bytes_of(path)


def test_a_disclosure_opens_and_its_digest_stands_in_the_leaf(log):
    opened = {o.name: o for o in disclose_entry(log, 0, None, KEK, ORIGIN)}

    assert opened["who"].value == CANARY
    assert opened["payload"].value == {"rows": 48211, "to": "Grüße"}
    assert f'"who":"{opened["who"].digest}"'.encode() in Reader(log).leaf(0)
    assert disclose_entry(log, 0, ["who"], KEK, ORIGIN) == [opened["who"]]


def test_the_digest_of_the_rfc_9901_example_is_reproduced():
    # RFC 9901 section 4.2.3, the array-free example of section 4.2.1.
    assert (
        digest_of("WyI2cU1RdlJMNWhhaiIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0")
        == "uutlBuYeMDyjLLTpf6Jxi7yNkEF35jdyWMn9U7b_RYY"
    )


def test_after_a_shred_key_and_ciphertext_are_in_no_file_and_everything_still_verifies(log, path, tmp_path):
    wrapped = log.execute(
        "SELECT wrapped_dek FROM audit_secret_key WHERE key_scope = 'person:p_maria'"
    ).fetchone()[0]
    cipher = [
        r[0]
        for r in log.execute("SELECT ciphertext FROM audit_disclosure WHERE key_scope = 'person:p_maria'")
    ]
    assert wrapped in bytes_of(path)
    assert len(cipher) == 3

    shredded_entry(log, "person:p_maria")
    backup = sqlite3.connect(tmp_path / "backup.db")
    log.backup(backup)
    backup.close()

    for file in tmp_path.iterdir():
        data = file.read_bytes()
        assert wrapped not in data, file.name
        assert not any(c in data for c in cipher), file.name
    assert verify_database(log, verifiers=[verifier()]).findings == []
    export_bundle(Reader(log), tmp_path / "bundle", [verifier().vkey], policies=POLICIES)
    assert verify(tmp_path / "bundle", [verifier().vkey], [], None).exit == 0


def test_one_persons_erasure_leaves_the_requests_payload(log):
    shredded_entry(log, "person:p_maria")

    assert [o.name for o in disclose_entry(log, 0, None, KEK, ORIGIN)] == ["payload"]


def test_without_the_scrub_the_key_is_still_in_the_files(log, path):
    """Why ``scrub`` exists: a committed DELETE leaves the bytes behind."""
    wrapped = log.execute(
        "SELECT wrapped_dek FROM audit_secret_key WHERE key_scope = 'person:p_maria'"
    ).fetchone()[0]

    log.execute("BEGIN")
    shred(log, "person:p_maria", KEK, ORIGIN)
    log.execute("COMMIT")

    assert wrapped in bytes_of(path)


def test_a_scrub_that_a_reader_prevents_says_so(log, path):
    log.execute("PRAGMA busy_timeout = 0")
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM audit_leaf").fetchone()

    with pytest.raises((DisclosureError, sqlite3.OperationalError)):
        scrub(log)

    reader.close()


def test_a_hold_prevents_the_shred_until_it_is_released(log):
    set_hold(log, "person:p_maria", KEK, Rand(b"h"), hold=True)
    with pytest.raises(Held):
        shred(log, "person:p_maria", KEK, ORIGIN)
    assert len(disclose_entry(log, 0, None, KEK, ORIGIN)) == 2

    set_hold(log, "person:p_maria", KEK, Rand(b"h"), hold=False)

    assert shred(log, "person:p_maria", KEK, ORIGIN).count == 3


def test_a_hold_may_stand_before_there_is_anything_to_hold(log):
    set_hold(log, "person:p_new", KEK, Rand(b"h"), hold=True)

    with pytest.raises(Held):
        shred(log, "person:p_new", KEK, ORIGIN)


def test_shredding_twice_destroys_nothing_the_second_time(log):
    first = shred(log, "person:p_maria", KEK, ORIGIN)
    second = shred(log, "person:p_maria", KEK, ORIGIN)

    assert (first.count, len(first.digests), first.had_key) == (3, 3, True)
    assert (second.count, second.digests, second.had_key) == (0, (), False)


def test_after_a_rotation_old_copies_open_only_with_the_destroyed_key(log, tmp_path):
    old = sqlite3.connect(tmp_path / "old.db")
    log.backup(old)
    both = LocalKeyWrap("kek-2", {**KEK.keys, "kek-2": b"2" * 32})
    only_new = LocalKeyWrap("kek-2", {"kek-2": b"2" * 32})

    assert rotate_keks(log, both) == 4
    assert rotate_keks(log, both) == 0

    assert [o.value for o in disclose_entry(log, 0, ["who"], only_new, ORIGIN)] == [CANARY]
    with pytest.raises(DisclosureError, match="kek-1"):
        disclose_entry(old, 0, ["who"], only_new, ORIGIN)
    old.close()


def test_a_ciphertext_moved_to_another_entry_does_not_open(log):
    row = log.execute(
        "SELECT id, seq, key_scope, name, nonce, ciphertext FROM audit_disclosure WHERE name = 'who'"
    ).fetchone()
    key = SqliteLedger(log).audit_secret_key(row[2])

    assert open_row(DisclosureRow(*row), key, KEK, ORIGIN).value == CANARY
    for moved in (DisclosureRow(*row)._replace(seq=8), DisclosureRow(*row)._replace(name="comment")):
        with pytest.raises(DisclosureError):
            open_row(moved, key, KEK, ORIGIN)
    with pytest.raises(DisclosureError):
        open_row(DisclosureRow(*row), key, KEK, "other.example/log")
    with pytest.raises(DisclosureError, match="unwrap"):
        open_row(DisclosureRow(*row), key._replace(wrapped_dek=bytes(40)), KEK, ORIGIN)


def test_a_row_that_does_not_open_is_erased_all_the_same(log):
    log.execute("UPDATE audit_disclosure SET nonce = zeroblob(12) WHERE name = 'who'")

    assert shred(log, "person:p_maria", KEK, ORIGIN) == type(shred(log, "x:y", KEK, ORIGIN))(
        "person:p_maria", 3, (), True
    )


@pytest.mark.parametrize("encoded", ["", "!!", "e30", "W10", "WzEsMiwzXQ", "WyJhIiwxLDJd"])
def test_what_is_no_disclosure_is_refused(encoded):
    with pytest.raises(DisclosureError):
        parse(encoded)


def test_equal_values_have_different_digests():
    connection, log = database(), journal()
    drafts = [
        Draft(
            EntryType.REMINDER_SENT,
            f"e{i}",
            Outcome.SUCCESS,
            SYSTEM,
            at(i),
            private=(Private("person:p_a", "who", CANARY),),
        )
        for i in range(2)
    ]
    one, two = write(connection, drafts, log)

    assert one.disclosures[0].digest != two.disclosures[0].digest
    assert GcmSealer(KEK, Rand(b"x")).keks is KEK
    assert HASH not in one.leaf.decode().split('"c"')[1][:60]


def test_a_private_value_that_is_no_json_is_refused():
    with pytest.raises(EntryInvalid):
        write(
            database(),
            [
                Draft(
                    EntryType.REMINDER_SENT,
                    "e",
                    Outcome.SUCCESS,
                    SYSTEM,
                    at(0),
                    private=(Private("person:p", "who", "\ud800"),),
                )
            ],
        )
