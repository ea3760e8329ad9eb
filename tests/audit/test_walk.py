import json

import pytest

from audit.canonical import encode
from audit.chain import GENESIS, b64u
from audit.checkpoint import Checkpoint
from audit.disclosure import DisclosureError, GcmSealer, open_row
from audit.entry import Private, disclose
from audit.fsck import verify_database
from audit.genesis import started, stopped
from audit.journal import DisclosureRow, disclosure_aad
from audit.ledger_sqlite import SqliteLedger
from audit.reader import Reader
from audit.schema import schema_hash
from audit.tiles import bundle, unbundle
from audit.walk import FINDINGS_MAX, Exit, Report, Walk, is_ts
from tests.audit.logs import (
    KEK,
    ORIGIN,
    SYSTEM,
    T0,
    Rand,
    at,
    database,
    filled,
    signer,
    verifier,
    write,
)


def leaves() -> list[bytes]:
    return [leaf for _, leaf, _ in Reader(filled(requests=1)).leaves(0, 8)]


def changed(leaf: bytes, **kw: object) -> bytes:
    return encode(json.loads(leaf) | kw)


def faults(*given: bytes) -> list[tuple[str, str]]:
    walk = Walk()
    return [fault for leaf in given for fault in walk.step(leaf)]


def test_an_honest_walk_says_nothing_and_keeps_only_the_right_edge():
    walk = Walk()
    for leaf in leaves():
        assert list(walk.step(leaf)) == []

    assert (walk.size, len(walk.stack), walk.origin) == (8, 1, ORIGIN)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"seq": 5}, "chain"),
        ({"seq": True}, "chain"),
        ({"prev": b64u(bytes(31) + b"x")}, "chain"),
        ({"log": "other.example/log"}, "chain"),
        ({"log": 5}, "chain"),
        ({"ts": "2026-11-23T18:55:36Z"}, "time"),
        ({"ts": "2026-11-23T18:55:99.000000Z"}, "time"),
        ({"ts": "2020-01-01T00:00:00.000000Z"}, "time"),
        ({"ts": 5}, "time"),
    ],
)
def test_each_fault_of_place_or_time_is_named(change, check):
    first, second, *_ = leaves()

    assert [c for c, _ in faults(first, changed(second, **change))] == [check]


def test_a_leaf_of_an_unknown_version_is_counted_and_still_checked():
    walk = Walk()
    first = leaves()[0]

    assert list(walk.step(changed(first, v=2))) == []
    assert walk.unknown_versions == 1
    connection = filled(requests=1)
    assert verify_database(connection).ok


def test_the_walk_goes_on_after_a_leaf_that_cannot_be_read():
    first, second, *_ = leaves()

    assert [c for c, _ in faults(b"junk", second)] == ["canonical", "chain"]
    assert [c for c, _ in faults(first, b"junk")] == ["canonical"]


@pytest.mark.parametrize(
    "text", ["", "2026-11-23 18:55:36.123456Z", "2026-11-23T18:55:36.12345xZ", "2026-13-23T18:55:36.123456Z"]
)
def test_a_time_has_one_form(text):
    assert not is_ts(text)


def test_findings_are_bounded_and_tampered_beats_incomplete():
    report = Report()
    for n in range(FINDINGS_MAX + 3):
        report.add("x", n, "text", Exit.INCOMPLETE)
    assert (report.exit, report.dropped, len(report.findings)) == (Exit.INCOMPLETE, 3, FINDINGS_MAX)

    report.findings[0] = type(report.findings[0])("x", 0, "text")
    assert report.exit is Exit.TAMPERED


def test_the_first_entry_names_key_schema_and_software():
    connection = database()
    first, last = write(
        connection,
        [
            started("s", signer().vkey, "0.1.0", SYSTEM, T0, Checkpoint("old.example/log", 9, GENESIS)),
            stopped("e", SYSTEM, at(1)),
        ],
    )

    data = json.loads(first.leaf)["data"]
    assert data == {
        "vkey": signer().vkey,
        "schema": schema_hash(),
        "software": "0.1.0",
        "size": 9,
        "root": b64u(GENESIS),
    }
    assert json.loads(last.leaf)["code"] == "ABA002"
    assert verify_database(connection, verifiers=[verifier()]).findings == []
    assert "size" not in started("s", signer().vkey, "0.1.0", SYSTEM, T0).data


def test_a_disclosure_stored_under_another_name_is_refused():
    ledger, sealer = SqliteLedger(database()), GcmSealer(KEK, Rand(b"x"))
    encoded = disclose(Private("person:p", "who", "maria"), bytes(16)).encoded
    nonce, ciphertext = sealer.seal(
        ledger, "person:p", disclosure_aad(ORIGIN, 3, "comment"), encoded.encode()
    )
    key = ledger.audit_secret_key("person:p")
    assert key is not None

    with pytest.raises(DisclosureError, match="another field"):
        open_row(DisclosureRow("3.comment", 3, "person:p", "comment", nonce, ciphertext), key, KEK, ORIGIN)


def test_a_bundle_of_leaves_is_read_back():
    given = leaves()

    assert unbundle(bundle(given)) == given
