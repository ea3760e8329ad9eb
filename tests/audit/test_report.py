import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from audit import cli, report
from audit.bench import Bench
from audit.controls import FRAMEWORKS, TOPICS
from audit.entry import Draft, EntryType, Outcome
from audit.export import export_bundle
from audit.fsck import verify_database
from audit.kinds import CODE_OF
from audit.query import Query
from audit.reader import Reader
from audit.report import Approver, draw, histogram
from audit.retention import NotPrunable, mark_for, prune
from audit.standalone import verify
from tests.audit.logs import (
    AGENT,
    POLICIES,
    SYSTEM,
    T0,
    Rand,
    at,
    database,
    filled,
    human,
    journal,
    signer,
    story,
    verifier,
    write,
)

VKEY = signer().vkey


@pytest.fixture(scope="module")
def busy():
    connection, log = database(), journal()
    for i in range(40):
        write(connection, list(story(f"r-{i}", i * 60, first_seq=i * 8)), log)
    extra = [
        Draft(
            EntryType.VOTE_REFUSED,
            "v1",
            Outcome.REFUSED,
            human("p_maria"),
            at(4000),
            request="r-1",
            data={"reason": "separated"},
        ),
        Draft(
            EntryType.REQUEST_CREATED,
            "q1",
            Outcome.PENDING,
            AGENT,
            at(4001),
            request="x-1",
            data={"payload_hash": "A" * 43},
        ),
        Draft(
            EntryType.VOTE_CAST,
            "q2",
            Outcome.SUCCESS,
            human("p_quick"),
            at(4002),
            request="x-1",
            data={"choice": "deny", "groups": [], "payload_hash": "A" * 43},
        ),
        Draft(EntryType.REQUEST_EXPIRED, "q3", Outcome.EXPIRED, SYSTEM, at(4003), request="x-1"),
        Draft(EntryType.BREAK_GLASS_USED, "b1", Outcome.SUCCESS, human("p_ana"), at(4004)),
        Draft(
            EntryType.GRANT_REFUSED, "g1", Outcome.REFUSED, AGENT, at(4005), data={"reason": "grant-spent"}
        ),
        *[
            d
            for d in story("r-open", 4100, ("p_maria", "p_bo"), first_seq=326)
            if d.type is not EntryType.GRANT_USED_END
        ],
    ]
    extra[-3] = replace(extra[-3], data={**extra[-3].data, "separated": ["p_ana"]})
    write(connection, extra, log)
    return connection


def made(connection, **kw):
    return report.make(Reader(connection), kw.pop("framework", "iso27001"), at(0), at(9000), "seed-1", **kw)


def test_the_population_is_complete_and_counted(busy):
    r = made(busy)

    assert (r.first, r.last, r.whole, r.requests) == (0, 332, True, 42)
    assert r.counts["vote.cast"] == 83


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE audit_leaf SET leaf_hash = zeroblob(32) WHERE seq = 7",
        "DELETE FROM audit_leaf WHERE seq = 7",
        "UPDATE audit_leaf SET leaf_hash = zeroblob(32) WHERE seq = 332",
    ],
)
def test_a_report_says_that_an_entry_is_missing_or_was_changed(busy, harm):
    for name in [r[0] for r in busy.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]:
        busy.execute(f"DROP TRIGGER {name}")
    busy.execute("SAVEPOINT harmed")
    try:
        busy.execute(harm)
        r = made(busy)
    finally:
        busy.execute("ROLLBACK TO harmed")

    assert not r.whole
    assert "BROKEN: entries are missing or were changed" in report.html(r)


def test_t06_every_kind_of_exception_is_listed_reciprocal_approvals_too(busy):
    kinds = {e.kind for e in made(busy).exceptions}

    assert kinds == {
        "break-glass",
        "break-glass unreviewed",
        "self-approval attempt",
        "expired",
        "grant refused",
        "begin without end",
        "reciprocal approval",
    }


def test_a_vote_within_two_seconds_of_the_request_is_counted_as_fast(busy):
    r = made(busy)

    assert r.approvers["p_quick"].fast == 1
    assert r.approvers["p_quick"].denied == 1
    assert r.approvers["p_ana"].fast == 0
    assert r.approvers["p_ana"].median_seconds == 2
    assert r.approvers["p_ana"].median_text == "2.0 s"
    assert Approver(seconds=[59.6]).median_text == "60 s"


def test_each_sample_comes_with_a_proof_that_verifies(busy):
    r = made(busy, sample_size=7)

    assert len(r.samples) == 7
    for sample in r.samples:
        entry, head = cli.check_proof(sample.proof, VKEY)
        assert (entry.seq, entry.type, head.size) == (sample.seq, "request.created", 333)


def test_the_sample_is_drawn_by_the_seed_alone():
    population = [(n, f"r-{n}") for n in range(1000)]

    assert draw(population, "a", 25) == draw(list(reversed(population)), "a", 25)
    assert draw(population, "a", 25) != draw(population, "b", 25)
    assert len(draw(population, "a", 5000)) == 1000


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_page_says_evidences_names_every_control_and_needs_nothing_from_outside(busy, framework):
    page = cli.report(busy, framework, at(0), at(9000), "seed-1")

    assert "evidence" in page
    assert "complian" not in page.lower().replace("a.5.36 compliance", "").replace(
        "</b> compliance with policies", ""
    )
    assert not re.search(r"<script|src=|href=|url\(|@import|http", page)
    for controls in FRAMEWORKS[framework].controls.values():
        for control in controls:
            assert control.id in page


def test_text_in_a_report_is_escaped(busy):
    r = made(busy)
    r.seed = "<script>alert(1)</script>"

    assert "<script>" not in report.html(r)


def test_a_period_without_entries_makes_a_report(busy):
    r = report.make(Reader(busy), "soc2", at(50_000), at(60_000), "s")

    assert "None in the period" in report.html(r)


def test_iso_controls_are_annex_a_controls_and_every_topic_is_of_known_types():
    assert all(c.id.startswith("A.") for cs in FRAMEWORKS["iso27001"].controls.values() for c in cs)
    assert {t for _, types in TOPICS.values() for t in types} <= set(CODE_OF)
    for framework in FRAMEWORKS.values():
        assert set(framework.controls) <= set(TOPICS)
        titles = {(c.id, c.title) for cs in framework.controls.values() for c in cs}
        assert len(titles) == len({i for i, _ in titles}), "one title per id"


def test_times_fall_into_classes():
    assert dict(histogram([0.5, 1.99, 2, 30, 5000])) == {
        "under 2 s": 2,
        "2-10 s": 1,
        "10-60 s": 1,
        "1-10 min": 0,
        "10-60 min": 0,
        "over 1 h": 1,
    }


# --- what the command line assembles


def test_gaps_lists_what_should_not_be(busy):
    found = {g.kind for g in cli.gaps(busy)}

    assert found == {
        "begin without end",
        "self-approval attempt",
        "expired",
        "break-glass",
        "grant refused",
        "reciprocal approval",
        "unexplained",  # this override is of a request that never was
    }


@pytest.mark.parametrize(("end", "is_late"), [(8, False), (7, True)])
def test_a_grant_used_at_or_after_its_end_is_a_gap_and_an_exception(end, is_late):
    """The story's use begins in its seventh second."""
    until = int(at(end).timestamp() * 1_000_000)
    drafts = [
        replace(d, data={**d.data, "use_by": until}) if d.type is EntryType.GRANT_ISSUED else d
        for d in story()
    ]
    connection = database()
    write(connection, drafts)

    late = [gap for gap in cli.gaps(connection) if gap.kind == "expired but used"]
    said = [e.seq for e in made(connection).exceptions if e.kind == "expired but used"]

    assert [gap.seq for gap in late] == said == [6] * is_late


def test_search_show_who_and_head_agree(busy):
    entries, cursor = cli.search(busy, Query(actor="p_ana", type="vote.cast", limit=3))

    assert [e.type for e in entries] == ["vote.cast"] * 3
    assert cursor == entries[-1].seq
    assert cli.show(busy, entries[0].seq) == entries[0]
    assert cli.who(busy, "p_ana", limit=1)[0][0].actor == "p_ana"
    assert cli.head(busy).split("\n")[1] == "333"


def test_verify_tells_bundles_and_databases_apart_and_uses_the_exit_codes(tmp_path: Path):
    connection = filled(tmp_path / "a.db")
    cli.export(connection, tmp_path / "b", [VKEY], policies=POLICIES)
    (tmp_path / "head").write_text(cli.head(connection))
    (tmp_path / "bad").write_text("nonsense")
    database_, head, bad = tmp_path / "a.db", tmp_path / "head", tmp_path / "bad"

    assert cli.verify(tmp_path / "b", vkeys=[VKEY], checkpoints=[head]).code == 0
    assert cli.verify(database_, vkeys=[VKEY], checkpoints=[head]).text.endswith("nothing wrong was found")
    assert cli.verify(database_, vkeys=[VKEY], expect_size=25).code == 1
    assert cli.verify(database_, vkeys=[signer(b"other").vkey]).code == 1
    assert "truncation cannot be excluded" in cli.verify(database_).text
    assert cli.verify(bad).code == 2
    for usage in (
        cli.verify(tmp_path / "none"),
        cli.verify(database_, vkeys=["x"]),
        cli.verify(database_, checkpoints=[head]),
        cli.verify(database_, vkeys=[VKEY], checkpoints=[bad]),
        cli.verify(tmp_path / "b", vkeys=["x"]),
    ):
        assert usage.code == 3
    (tmp_path / "b" / "vkeys").unlink()
    assert cli.verify(tmp_path / "b").code == 2
    connection.close()


def test_progress_is_told(tmp_path):
    connection = filled(tmp_path / "a.db", requests=520)
    seen: list[tuple[int, int]] = []
    connection.close()

    cli.verify(tmp_path / "a.db", progress=lambda done, total: seen.append((done, total)))

    assert seen == [(1024, 4160), (2048, 4160), (3072, 4160), (4096, 4160)]


def test_the_bench_measures_every_goal_and_leaves_nothing_behind(tmp_path):
    told: list[tuple[int, int]] = []
    bench = Bench(Rand(b"b"), entries=600, appends=8, processes=2, told=lambda *step: told.append(step))

    figures = bench.run(tmp_path)

    said = "\n".join(f.goal for f in figures)
    for goal in ("1 caller", "32 callers", "append CPU", "query of 50 over 600", "inclusion proof over 600"):
        assert goal in said
    assert said.count("verify the database") == said.count("verify a bundle") == 4
    assert all(f.value > 0 and (f.ratio is None or f.ratio > 0) for f in figures)
    assert told[-1] == (bench.total, bench.total)
    assert [n for n, _ in told] == sorted(n for n, _ in told)
    assert list(tmp_path.iterdir()) == []


# --- pruning


def prune_at(connection, minimum, second="p_bo"):
    connection.execute("BEGIN IMMEDIATE")
    try:
        draft = prune(connection, minimum, human("p_ana"), human(second), "prune-1", at(9000))
        from audit.ledger_sqlite import SqliteLedger

        log = journal(b"p")
        log.append(SqliteLedger(connection), draft)
        log.checkpoint(SqliteLedger(connection), at(9000))
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def test_a_pruned_log_still_verifies_proves_and_exports(tmp_path):
    connection = filled(requests=80)
    before = Reader(connection).latest_note()

    prune_at(connection, 512)

    reader = Reader(connection)
    found = verify_database(connection, verifiers=[verifier()], expect_size=641)
    assert (found.findings, found.first) == ([], 512)
    assert reader.root_at(before[0]).hex() in before[1].encode().hex() or reader.root_at(640) is not None
    assert cli.check_proof(reader.proof(600).text, VKEY)[0].seq == 600
    export_bundle(reader, tmp_path / "b", [VKEY], policies=POLICIES)
    result = verify(tmp_path / "b", [VKEY], [], 641)
    assert result.findings == []
    write(connection, list(story("later", 20_000, first_seq=641)), journal(b"l"))
    assert verify_database(connection, verifiers=[verifier()]).findings == []


@pytest.mark.parametrize(("minimum", "second"), [(512, "p_ana"), (500, "p_bo"), (0, "p_bo"), (768, "p_bo")])
def test_pruning_takes_two_persons_and_a_tile_boundary(minimum, second):
    with pytest.raises(NotPrunable):
        prune_at(filled(requests=80), minimum, second)


def test_a_hold_prevents_pruning():
    connection = filled(requests=80)
    connection.execute("UPDATE audit_secret_key SET hold = 1 WHERE key_scope = 'request:r-3'")

    with pytest.raises(NotPrunable, match="hold"):
        prune_at(connection, 512)


def test_the_mark_keeps_everything_from_the_given_instant():
    connection = filled(requests=80)

    assert mark_for(connection, T0 + timedelta(seconds=70 * 60)) == 512
    assert mark_for(connection, T0) == 0
