"""The replay explains honest logs and contradicts each way of cheating with the right key."""

import json
import sqlite3
from dataclasses import replace

import pytest

from audit.entry import Draft, EntryType, Outcome
from audit.fsck import verify_database
from audit.semantics import Replay, seated
from tests.audit.logs import AGENT, HASH, SYSTEM, at, database, filled, human, story, verifier, write

OTHER = "B" * 43
CAST, APPROVED, ISSUED, BEGIN, END = (
    EntryType.VOTE_CAST,
    EntryType.DECISION_APPROVED,
    EntryType.GRANT_ISSUED,
    EntryType.GRANT_USED_BEGIN,
    EntryType.GRANT_USED_END,
)


def faults(drafts: list[Draft], *, complete: bool = True) -> list[str]:
    replay = Replay(complete=complete)
    return [f for s in write(database(), drafts) for f in replay.step(s.seq, json.loads(s.leaf))]


def changed(
    kind: EntryType, data: dict[str, object] | None = None, nth: int = 0, **kw: object
) -> list[Draft]:
    """The honest story with the *nth* entry of *kind* told otherwise."""
    drafts = list(story())
    at_ = [i for i, d in enumerate(drafts) if d.type is kind][nth]
    drafts[at_] = replace(drafts[at_], data={**drafts[at_].data, **(data or {})}, **kw)  # type: ignore[arg-type]
    return drafts


def without(kind: EntryType) -> list[Draft]:
    return [d for d in story() if d.type is not kind]


def test_the_honest_story_is_explained():
    assert faults(list(story())) == []


def test_votes_may_be_named_by_id_instead_of_place():
    drafts = changed(APPROVED, {"votes": None, "vote_ids": ["r-1.3", "r-1.4"]})
    drafts = [
        replace(d, data={**d.data, "decision": None, "decision_id": "r-1.5"}) if d.type is ISSUED else d
        for d in drafts
    ]

    assert faults(drafts) == []


@pytest.mark.parametrize(
    ("drafts", "said"),
    [
        (changed(APPROVED, {"votes": [2]}), "do not fill"),
        (changed(APPROVED, {"votes": [2, 99]}), "not in the log"),
        (changed(APPROVED, {"seats": ["security:1"]}), "do not fill"),
        (changed(APPROVED, {"seats": []}), "without a seat"),
        (changed(APPROVED, {"separated": ["p_bo"]}), "may not decide"),
        (changed(APPROVED, {"payload_hash": OTHER}), "another payload"),
        (changed(CAST, actor=human("p_bo")), "one person twice"),
        (changed(CAST, actor=AGENT), "not cast by a human"),
        (changed(CAST, actor=replace(human(), ref="a_bot")), "seats somebody"),
        (changed(CAST, {"choice": "deny"}), "does not stand for it"),
        (changed(CAST, {"payload_hash": OTHER}), "for another payload or policy"),
        (changed(CAST, policy=None), "for another payload or policy"),
        (changed(CAST, {"groups": ["guests"]}), "do not fill"),
        (changed(EntryType.REQUEST_CREATED, {"payload_hash": OTHER}), "another payload than was asked"),
        (changed(EntryType.REQUEST_CREATED, {"decide_by": 1}), "deadline"),
        (changed(ISSUED, {"decision": 3}), "names another decision"),
        (changed(ISSUED, {"payload_hash": OTHER}), "for another payload"),
        (changed(ISSUED, {"use_by": 1}), "at or after its end"),
        (changed(ISSUED, {"exp": 1}), "at or after its end"),
        (changed(BEGIN, {"payload_hash": OTHER}), "spent on another payload"),
        (changed(BEGIN, {"jti": "j-other"}), "never issued"),
        (without(EntryType.REQUEST_CREATED), "never created"),
        (without(APPROVED), "which is pending"),
        (without(ISSUED), "never issued"),
        (without(BEGIN), "without having begun"),
        ([*story(), *[replace(d, id="again") for d in story() if d.type is BEGIN]], "although it is ended"),
        ([*story(), *[replace(d, id="again") for d in story() if d.type is APPROVED]], "second decision"),
        ([*story(), *[replace(d, id="again") for d in story() if d.type is ISSUED]], "second grant"),
        ([*story(), *[replace(d, id="again") for d in story() if d.type is CAST]], "after it was approved"),
        (
            [*story(), *[replace(d, id="again") for d in story() if d.type is EntryType.REQUEST_CREATED]],
            "second time",
        ),
    ],
)
def test_each_way_of_cheating_is_contradicted(drafts: list[Draft], said: str):
    found = faults(drafts)

    assert any(said in f for f in found), found


def test_a_vote_that_stands_but_no_longer_counts_is_not_held_against_the_decision():
    drafts = list(story(approvers=("p_ana", "p_bo", "p_left")))
    i = next(n for n, d in enumerate(drafts) if d.type is APPROVED)
    claim = {
        "seats": ["data-owners:2"],
        "seated": ["data-owners=p_ana", "data-owners=p_bo"],
        "separated": ["p_left"],
    }
    drafts[i] = replace(drafts[i], data={**drafts[i].data, **claim})

    assert faults(drafts) == []
    drafts[i] = replace(
        drafts[i], data={**drafts[i].data, "seated": ["data-owners=p_ana", "data-owners=p_left"]}
    )
    assert any("may not decide" in f for f in faults(drafts))


def about(kind: EntryType, outcome: Outcome, ref: str = "p_ana", **data: object) -> Draft:
    return Draft(kind, f"x-{kind.value}", outcome, human(ref), at(50), request="r-1", data=data)  # type: ignore[arg-type]


def test_a_withdrawn_vote_does_not_count():
    drafts = list(story())
    drafts.insert(4, about(EntryType.VOTE_WITHDRAWN, Outcome.SUCCESS, vote=2))

    assert any("does not stand for it" in f for f in faults(drafts))


def test_only_a_standing_vote_of_ones_own_can_be_withdrawn():
    drafts = list(story())
    drafts.insert(4, about(EntryType.VOTE_WITHDRAWN, Outcome.SUCCESS, ref="p_eve"))

    assert any("withdrawn that does not stand" in f for f in faults(drafts))


@pytest.mark.parametrize(
    "end", [EntryType.DECISION_DENIED, EntryType.REQUEST_EXPIRED, EntryType.REQUEST_CANCELLED]
)
def test_a_request_ends_once_and_is_explained(end: EntryType):
    drafts = [*list(story())[:3], about(end, Outcome.DENIED, votes=[], basis="vote")]

    assert faults(drafts) == []
    assert any("second decision" in f for f in faults([*drafts, replace(drafts[-1], id="again")]))


def test_a_rule_that_allows_needs_no_votes_and_is_counted_as_an_exception():
    drafts = [
        d for d in changed(APPROVED, {"votes": [], "basis": "allow", "seats": []}) if d.type is not CAST
    ]
    drafts = [replace(d, data={**d.data, "decision": 2}) if d.type is ISSUED else d for d in drafts]
    replay = Replay()

    assert [f for s in write(database(), drafts) for f in replay.step(s.seq, json.loads(s.leaf))] == []
    assert (replay.approved, replay.exceptions) == (1, 1)


@pytest.mark.parametrize("kind", [EntryType.GRANT_REVOKED, EntryType.GRANT_LAPSED])
def test_a_grant_that_is_gone_cannot_be_spent(kind: EntryType):
    drafts = list(story())
    drafts.insert(6, about(kind, Outcome.REVOKED, jti="j-r-1"))

    assert any("is spent although it is" in f for f in faults(drafts))


def test_a_spent_grant_does_not_lapse():
    assert any(
        "lapses although" in f
        for f in faults([*story(), about(EntryType.GRANT_LAPSED, Outcome.LAPSED, jti="j-r-1")])
    )


def test_a_begin_without_an_end_is_listed_and_an_indeterminate_end_keeps_it_so():
    for drafts in (without(END), changed(END, outcome=Outcome.INDETERMINATE)):
        replay = Replay()
        assert [f for s in write(database(), drafts) for f in replay.step(s.seq, json.loads(s.leaf))] == []
        assert list(replay.open_begins()) == [("r-1", 6)]


def test_a_part_of_a_log_counts_what_began_before_instead_of_accusing():
    replay = Replay(complete=False)
    drafts = [*list(story())[3:], about(EntryType.VOTE_WITHDRAWN, Outcome.SUCCESS)]

    assert [f for s in write(database(), drafts) for f in replay.step(s.seq, json.loads(s.leaf))] == []
    assert replay.unexplained == 6


def test_a_refused_grant_and_a_shred_are_no_contradiction():
    drafts = [
        Draft(EntryType.GRANT_REFUSED, "g", Outcome.REFUSED, AGENT, at(0)),
        Draft(EntryType.PAYLOAD_SHREDDED, "s", Outcome.SUCCESS, SYSTEM, at(1), data={"basis": "gdpr-17"}),
    ]

    assert faults(drafts) == []


@pytest.mark.parametrize(
    ("seats", "voters", "fits"),
    [
        (["a", "b"], [{"a", "b"}, {"a"}], True),
        (["a", "b"], [{"a"}, {"a"}], False),
        (["a", "a"], [{"a"}], False),
        (["a", "b", "c"], [{"a", "b"}, {"b", "c"}, {"a"}], True),
        (["a"], [set(), {"a"}, {"a"}], True),
    ],
)
def test_seats_are_filled_by_matching_not_by_counting(seats, voters, fits):
    assert seated(seats, [frozenset(v) for v in voters]) is fits


# --- the database verifier


def loose(connection: sqlite3.Connection) -> sqlite3.Connection:
    """As an attacker who owns the file has it: no triggers."""
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    return connection


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        *[
            (f"UPDATE audit_leaf SET {c} = 'other' WHERE seq = 9", "projections")
            for c in ("req", "type", "actor", "action", "resource", "outcome")
        ],
        ("UPDATE audit_leaf SET ts_us = ts_us + 1 WHERE seq = 9", "projections"),
        ("UPDATE audit_leaf SET req = NULL WHERE seq = 9", "projections"),
        ("UPDATE audit_leaf SET leaf_hash = zeroblob(32) WHERE seq = 9", "tree"),
        ("UPDATE audit_leaf SET leaf = x'7b7d' WHERE seq = 9", "chain"),
        ("UPDATE audit_leaf SET leaf = x'00' WHERE seq = 9", "canonical"),
        ("DELETE FROM audit_leaf WHERE seq = 9", "chain"),
        ("DELETE FROM audit_leaf WHERE seq >= 16", "head"),
        ("UPDATE audit_leaf SET seq = 99 WHERE seq = 23", "chain"),
        ("UPDATE audit_head SET size = 23", "head"),
        ("UPDATE audit_head SET stack = zeroblob(64)", "head"),
        ("UPDATE audit_head SET last_ts_us = 1", "head"),
        ("DELETE FROM audit_head", "head"),
        ("UPDATE audit_checkpoint SET note = replace(note, 'A', 'B') WHERE size = 8", "signature"),
        ("UPDATE audit_checkpoint SET size = 9 WHERE size = 8", "signature"),
        ("DELETE FROM audit_checkpoint WHERE size = 24", "checkpoints"),
        ("INSERT INTO audit_tile VALUES (0, 5, zeroblob(8192), zeroblob(32))", "tree"),
        ("UPDATE audit_retention SET minimum = 8", "head"),
    ],
)
def test_every_edit_of_the_tables_is_found(statement: str, check: str):
    connection = loose(filled())
    connection.execute(statement)

    report = verify_database(connection, verifiers=[verifier()], expect_size=24)

    assert check in {f.check for f in report.findings}, report.findings
    assert report.exit != 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_tile SET root = zeroblob(32)",
        "UPDATE audit_tile SET hashes = zeroblob(8192)",
        "DELETE FROM audit_tile",
    ],
)
def test_every_edit_of_the_tiles_is_found(statement: str):
    connection = loose(filled(requests=33))
    connection.execute(statement)

    assert {f.check for f in verify_database(connection, verifiers=[verifier()]).findings} == {"tree"}


def test_a_database_without_a_log_is_incomplete_not_fine():
    empty = sqlite3.connect(":memory:")

    assert verify_database(empty).exit == 2


def test_a_file_that_is_no_database_is_incomplete(tmp_path):
    (tmp_path / "x.db").write_bytes(b"not a database at all, whatever it says" * 100)
    connection = sqlite3.connect(tmp_path / "x.db")

    assert verify_database(connection).exit == 2
    connection.close()


def test_facts_of_the_wrong_kind_are_a_finding_not_a_crash():
    replay = Replay()
    body = {"type": "request.created", "req": "r", "act": {"ref": "a"}, "data": {"payload_hash": HASH}}
    assert list(replay.step(0, body)) == []

    with pytest.raises((TypeError, AttributeError, ValueError)):
        list(
            replay.step(
                1,
                {
                    "type": "decision.approved",
                    "req": "r",
                    "data": {"payload_hash": HASH, "votes": 5},
                    "ts": "x",
                },
            )
        )
