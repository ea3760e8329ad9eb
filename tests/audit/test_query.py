import random

import pytest

from audit.batch import LedgerBatch
from audit.entry import Actor, Draft, EntryType, Outcome
from audit.ledger_sqlite import SqliteLedger
from audit.query import _PROBES, Page, Query, find, first_at_or_after
from tests.audit.logs import SYSTEM, at, database, filled, journal


@pytest.fixture(scope="module")
def mixed():
    """Two thousand entries of mixed actors, actions and types, two a second."""
    connection, log, rng = database(), journal(), random.Random(5)
    batch = LedgerBatch(SqliteLedger(connection))
    for n in range(2000):
        batch_actor = Actor("human", f"p_{rng.randrange(7)}", "console")
        kind = rng.choice([EntryType.REMINDER_SENT, EntryType.COMMAND_REFUSED, EntryType.SESSION_LOGIN])
        data = (
            {"action": f"db.x{rng.randrange(5)}", "resource": f"pg:t{rng.randrange(40)}"}
            if rng.random() < 0.7
            else {}
        )
        log.append(
            batch,
            Draft(
                kind,
                f"e-{n}",
                rng.choice(list(Outcome)),
                batch_actor,
                at(n / 2),
                request=f"r-{n % 50}",
                data=data,
            ),
        )
    log.checkpoint(batch, SYSTEM)  # type: ignore[arg-type]
    return connection


CONDITIONS = [
    {},
    {"actor": "p_3"},
    {"req": "r-7"},
    {"type": "session.login", "actor": "p_1"},
    {"action": "db.x2", "resource": "pg:t4"},
    {"action": "db.x2", "outcome": "denied", "actor": "p_5", "type": "reminder.sent"},
    {"actor": "nobody"},
    {"actor": "p_2", "type": "nothing.such"},
]


@pytest.mark.parametrize("where", CONDITIONS, ids=str)
@pytest.mark.parametrize(
    "window", [(None, None), (200, 700), (999.5, None), (None, 0), (5000, None)], ids=str
)
def test_paging_finds_exactly_what_a_full_scan_finds(mixed, where, window):
    since, until = (None if t is None else at_us(t) for t in window)
    naive = "SELECT seq FROM audit_leaf WHERE ts_us >= ? AND ts_us < ?" + "".join(
        f" AND {k} = ?" for k in where
    )
    expected = [
        r[0]
        for r in mixed.execute(naive + " ORDER BY seq DESC", (since or 0, until or 2**60, *where.values()))
    ]

    found, before = [], None
    while True:
        page = find(mixed, Query(**where, since_us=since, until_us=until, before=before, limit=37))
        found += page.seqs
        if page.next_before is None:
            break
        before = page.next_before

    assert found == expected


def at_us(n: float) -> int:
    return round(at(n).timestamp() * 1_000_000)


@pytest.mark.parametrize("name", _PROBES)
def test_every_condition_is_answered_from_its_index_alone(mixed, name):
    plan = mixed.execute("EXPLAIN QUERY PLAN " + _PROBES[name], ("x", 10)).fetchall()

    assert [row[3] for row in plan] == [
        f"SEARCH audit_leaf USING COVERING INDEX audit_leaf_{name} ({name}=? AND rowid<?)"
    ]


def test_a_page_that_takes_too_long_is_cut_and_can_be_continued(mixed, monkeypatch):
    monkeypatch.setattr("audit.query.LEAPS_MAX", 10)
    query = {"actor": "p_1", "type": "session.login"}

    found, before, cuts = [], None, 0
    while True:
        page = find(mixed, Query(**query, before=before, limit=50))
        found += page.seqs
        cuts += page.cut
        if page.next_before is None:
            break
        assert before is None or page.next_before < before or page.seqs
        before = page.next_before

    assert cuts > 3
    expected = mixed.execute(
        "SELECT seq FROM audit_leaf WHERE actor = ? AND type = ? ORDER BY seq DESC", tuple(query.values())
    )
    assert found == [r[0] for r in expected]


def test_an_empty_log_answers_an_empty_page():
    assert find(database(), Query()) == Page((), None)


def test_a_time_is_found_by_bisection_at_the_very_instant():
    connection = filled(requests=1)
    times = [r[0] for r in connection.execute("SELECT ts_us FROM audit_leaf ORDER BY seq")]

    assert [first_at_or_after(connection, t) for t in times] == list(range(8))
    assert first_at_or_after(connection, times[-1] + 1) == 8
    assert first_at_or_after(connection, 0) == 0


def test_the_limit_is_capped(mixed):
    assert len(find(mixed, Query(limit=10_000)).seqs) == 500
