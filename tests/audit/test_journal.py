import sqlite3

import pytest

from audit.batch import LedgerBatch
from audit.checkpoint import open_checkpoint
from audit.entry import Draft, EntryInvalid, EntryType, Outcome, Private
from audit.fsck import NO_EXTERNAL_HEAD, verify_database
from audit.journal import HeadMoved, Journal, JournalError
from audit.ledger_sqlite import SqliteLedger
from tests.audit.logs import ORIGIN, SYSTEM, T0, at, database, filled, journal, story, verifier, write


def reminder(n: int, ts: float = 0, **kw: object) -> Draft:
    return Draft(EntryType.REMINDER_SENT, f"e-{n}", Outcome.SUCCESS, SYSTEM, at(ts), **kw)  # type: ignore[arg-type]


def test_a_log_of_whole_requests_verifies_with_its_key():
    connection = filled(requests=40)

    report = verify_database(connection, verifiers=[verifier()], expect_size=320)

    assert report.findings == []
    assert (report.size, report.checkpoints) == (320, 40)
    assert report.notes == [
        "80 sealed values were not opened: their keys were not given",
        "time-stamps were not looked at: no authority is set, or this is not the running installation",
    ]


def test_without_a_head_from_outside_the_report_says_what_it_cannot_exclude():
    assert NO_EXTERNAL_HEAD in verify_database(filled()).notes


def test_a_rollback_leaves_no_trace_and_the_next_append_takes_the_same_place():
    connection, log = database(), journal()
    write(connection, [reminder(0)], log)
    connection.execute("BEGIN IMMEDIATE")
    lost = log.append(SqliteLedger(connection), reminder(1))
    connection.execute("ROLLBACK")

    kept = write(connection, [reminder(2)], log)[0]

    assert lost.seq == kept.seq == 1
    assert verify_database(connection, verifiers=[verifier()]).findings == []


def test_an_append_that_is_refused_changes_nothing():
    connection, log = database(), journal()
    connection.execute("BEGIN IMMEDIATE")

    with pytest.raises(EntryInvalid):
        log.append(SqliteLedger(connection), reminder(0, data={"note": "free text"}))

    assert SqliteLedger(connection).audit_head().size == 0
    assert connection.execute("SELECT count(*) FROM audit_leaf").fetchone() == (0,)


def test_private_values_without_a_sealer_are_refused():
    connection = database()
    log = journal(sealer=None)

    with pytest.raises(EntryInvalid, match="never stored unencrypted"):
        log.append(SqliteLedger(connection), reminder(0, private=(Private("request:r", "comment", "hello"),)))


def test_the_head_moves_only_from_where_it_was_read():
    connection = filled()
    tx = SqliteLedger(connection)
    head = tx.audit_head()

    with pytest.raises(HeadMoved):
        tx.audit_set_head(head.size - 1, head)


def test_the_checkpoint_of_a_transaction_covers_its_last_entry():
    connection, log = database(), journal()
    tx = SqliteLedger(connection)
    assert log.checkpoint(tx, T0) is None

    log.append(tx, reminder(0))
    note = log.checkpoint(tx, T0)

    assert note is not None
    checkpoint = open_checkpoint(note, [verifier()], ORIGIN)
    assert (checkpoint.size, checkpoint.root) == (1, tx.audit_head().root)
    assert log.checkpoint(tx, T0) == note


def test_a_key_of_another_name_cannot_sign_this_log():
    with pytest.raises(ValueError, match="name"):
        Journal("other.example/log", journal().signer, lambda n: bytes(n))


@pytest.mark.parametrize("size", [255, 256, 257, 65536 + 300])
def test_tiles_are_kept_exactly_when_they_are_full(size: int):
    connection, log = database(), journal()
    batch = LedgerBatch(SqliteLedger(connection))
    connection.execute("BEGIN IMMEDIATE")
    for n in range(size):
        log.append(batch, reminder(n, n / 1000))
    log.checkpoint(batch, T0)
    connection.execute("COMMIT")

    tiles = connection.execute(
        "SELECT level, count(*) FROM audit_tile GROUP BY level ORDER BY level"
    ).fetchall()

    assert tiles == [t for t in [(0, size // 256), (1, size // 65536)] if t[1]]
    assert verify_database(connection, verifiers=[verifier()]).findings == []


def test_a_batch_writes_the_very_bytes_that_single_appends_write():
    one, many = database(), database()
    drafts = [draft for i in range(40) for draft in story(f"r-{i}", i * 60, first_seq=i * 8)]
    write(one, drafts, journal())
    log, batch = journal(), LedgerBatch(SqliteLedger(many))
    for draft in drafts:
        log.append(batch, draft)
    log.checkpoint(batch, T0)

    for table in (
        "audit_leaf",
        "audit_head",
        "audit_tile",
        "audit_checkpoint",
        "audit_disclosure",
        "audit_secret_key",
    ):
        rows = f"SELECT * FROM {table} ORDER BY 1"
        assert one.execute(rows).fetchall() == many.execute(rows).fetchall(), table


def test_a_member_taken_back_to_its_mark_leaves_the_sequence_contiguous():
    connection, log = database(), journal()
    batch = LedgerBatch(SqliteLedger(connection))
    connection.execute("BEGIN IMMEDIATE")
    for n in range(600):
        mark = batch.mark()
        connection.execute("SAVEPOINT member")
        log.append(batch, reminder(n))
        if n % 7 == 3:
            connection.execute("ROLLBACK TO member")
            batch.rewind(mark)
        connection.execute("RELEASE member")
    log.checkpoint(batch, T0)
    connection.execute("COMMIT")

    report = verify_database(connection, verifiers=[verifier()])

    assert report.findings == []
    assert report.size == 600 - 86


def test_a_mark_taken_inside_the_savepoint_is_noticed_instead_of_losing_an_entry():
    connection, log = database(), journal()
    batch = LedgerBatch(SqliteLedger(connection))
    connection.execute("BEGIN IMMEDIATE")
    log.append(batch, reminder(0))
    connection.execute("SAVEPOINT member")
    mark = batch.mark()
    connection.execute("ROLLBACK TO member")
    batch.rewind(mark)

    with pytest.raises(HeadMoved):
        log.append(batch, reminder(1))
        log.checkpoint(batch, T0)


def test_two_journals_cannot_append_through_one_batch_unseen():
    batch = LedgerBatch(SqliteLedger(database()))
    journal().append(batch, reminder(0))

    with pytest.raises(HeadMoved):
        batch.audit_set_head(0, batch.audit_head())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_leaf SET actor = 'p_other' WHERE seq = 2",
        "DELETE FROM audit_leaf WHERE seq = 2",
        "INSERT OR REPLACE INTO audit_leaf SELECT * FROM audit_leaf WHERE seq = 2",
        "UPDATE audit_checkpoint SET note = ''",
        "DELETE FROM audit_checkpoint",
        "DELETE FROM audit_head",
        "UPDATE audit_head SET size = size - 1",
        "UPDATE audit_retention SET minimum = -1",
    ],
)
def test_the_tables_refuse_to_be_rewritten_by_accident(statement: str):
    with pytest.raises(sqlite3.IntegrityError):
        filled().execute(statement)


def test_a_missing_head_row_is_a_fault_not_an_empty_log():
    connection = filled()
    connection.execute("DROP TRIGGER audit_head_no_delete")
    connection.execute("DELETE FROM audit_head")

    with pytest.raises(JournalError):
        journal().append(SqliteLedger(connection), reminder(0))


def test_a_hole_in_the_tree_stops_the_append_that_would_build_on_it():
    with pytest.raises(JournalError, match="hole"):
        SqliteLedger(filled()).audit_tree_nodes(0, 0, 256)


def test_time_that_goes_back_is_clamped_and_marked():
    connection, log = database(), journal()

    first, second = write(connection, [reminder(0, 10), reminder(1, 5)], log)

    assert b'"clk":"clamped"' in second.leaf
    assert b'"clk"' not in first.leaf
    assert first.ts_us == second.ts_us
