"""Decisions are held against the policy that was in force, and that policy against the hashes in the log."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from audit import cli, standalone
from audit.entry import Draft, EntryType, Outcome
from audit.export import export_bundle
from audit.fsck import verify_database
from audit.reader import Reader
from audit.walk import Exit
from tests.audit.logs import IN_FORCE, POLICY_TEXT, SYSTEM, at, database, signer, story, verifier, write

VKEY = signer().vkey
RULES = (
    b'{"rules":[{"effect":"require","name":"exports","seats":["data-owners:1","data-owners:1"]},'
    b'{"effect":"allow","name":"free","seats":[]}],"v":1}'
)
KEPT = {IN_FORCE.hash: (POLICY_TEXT, RULES)}
APPROVED, CREATED = EntryType.DECISION_APPROVED, EntryType.REQUEST_CREATED


def told(rules: bytes | None = RULES) -> list[Draft]:
    """A policy put in force, and one request under it."""
    data: dict[str, object] = {"policy_hash": IN_FORCE.hash}
    if rules is not None:
        data["rules_hash"] = "sha256:" + sha256(rules).hexdigest()
    begun = Draft(EntryType.POLICY_CHANGED, "pol-1", Outcome.SUCCESS, SYSTEM, at(0), data=data)  # type: ignore[arg-type]
    seats = {"rule": "exports", "seats": ["data-owners:1", "data-owners:1"]}
    return [begun, *changing(changing(list(story(first_seq=1)), CREATED, rule="exports"), APPROVED, **seats)]


def changing(drafts: list[Draft], kind: EntryType, **data: object) -> list[Draft]:
    return [replace(d, data={**d.data, **data}) if d.type is kind else d for d in drafts]  # type: ignore[arg-type]


def said(tmp_path: Path, drafts: list[Draft], kept: dict[str, tuple[bytes, bytes]]) -> tuple[int, str]:
    """Exit code and findings, which both verifiers must agree on."""
    connection = database()
    write(connection, drafts)
    export_bundle(Reader(connection), tmp_path / "b", [VKEY], policies=kept)
    bundle = standalone.verify(tmp_path / "b", [VKEY], [], len(drafts))
    live = verify_database(connection, verifiers=[verifier()], expect_size=len(drafts), policies=kept)
    ours = sorted(f.text for f in live.findings)
    assert sorted(text.removeprefix("entry 5: ") for _, _, text in bundle.findings) == ours
    assert {name for name, _, _ in bundle.findings} <= {standalone.CHECKS[7]}
    assert bundle.exit == live.exit
    return int(live.exit), "; ".join(ours)


def test_an_approval_by_the_recorded_rule_is_explained(tmp_path):
    assert said(tmp_path, told(), KEPT) == (Exit.OK, "")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"seats": ["data-owners:1"], "votes": [3], "seated": ["data-owners=p_ana"]}, "for other seats"),
        ({"rule": "free"}, "another rule than it was asked under"),
        ({"rule": "free", "seats": []}, "for other seats"),
        ({"rule": "unheard-of"}, "its policy does not hold"),
        ({"basis": "allow", "votes": [], "seats": []}, "a rule that does not allow"),
    ],
)
def test_a_decision_that_the_recorded_rule_does_not_give_is_tampering(tmp_path, data, text):
    code, found = said(tmp_path, changing(told(), APPROVED, **data), KEPT)

    assert code == Exit.TAMPERED
    assert text in found


def test_without_the_recorded_rules_the_smaller_quorum_would_pass(tmp_path):
    """What the replay by the rule is for: the same decision under a policy whose rules the log does not state."""
    fewer = {"seats": ["data-owners:1"], "votes": [3], "seated": ["data-owners=p_ana"]}

    assert said(tmp_path, changing(told(rules=None), APPROVED, **fewer), KEPT) == (Exit.OK, "")


def test_a_request_that_a_rule_allows_needs_that_rule(tmp_path):
    drafts = changing(
        changing(told(), CREATED, rule="free"), APPROVED, rule="free", basis="allow", seats=[], votes=[]
    )

    assert said(tmp_path, drafts, KEPT) == (Exit.OK, "")


@pytest.mark.parametrize(
    ("kept", "code", "text"),
    [
        ({}, Exit.INCOMPLETE, "is not here"),
        ({IN_FORCE.hash: (POLICY_TEXT + b" ", RULES)}, Exit.TAMPERED, "is not the text"),
        ({IN_FORCE.hash: (POLICY_TEXT, RULES.replace(b":1", b":0", 1))}, Exit.TAMPERED, "are not those"),
    ],
)
def test_a_policy_that_is_missing_or_another_is_told(tmp_path, kept, code, text):
    got, found = said(tmp_path, told(), kept)

    assert (got, text in found) == (code, True), found


def test_rules_that_are_missing_in_a_bundle_leave_it_incomplete(tmp_path):
    connection = database()
    write(connection, told())
    export_bundle(Reader(connection), tmp_path / "b", [VKEY], policies=KEPT)
    next((tmp_path / "b" / "policies").glob("*.json")).unlink()

    result = standalone.verify(tmp_path / "b", [VKEY], [], 9)

    assert {(name, code) for name, code, _ in result.findings} == {
        (standalone.CHECKS[5], standalone.INCOMPLETE),
        (standalone.CHECKS[7], standalone.INCOMPLETE),
    }


def test_a_policys_hash_never_names_a_file_outside_the_bundle(tmp_path):
    (tmp_path / "b" / "policies").mkdir(parents=True)
    (tmp_path / "x.yaml").write_bytes(b"x")
    read: Callable[[str], object] = standalone.policies_of(standalone.Bundle(tmp_path / "b"))

    assert read("../../x") is None
    assert read("sha256:" + "0" * 64) is None


def test_the_command_reads_the_policies_that_the_database_keeps(tmp_path):
    connection = database(tmp_path / "a.db")
    write(connection, told())
    connection.close()

    for kept, code in ((KEPT, 0), ({}, 2)):
        verdict = cli.verify(tmp_path / "a.db", vkeys=[VKEY], policies_of=lambda _, kept=kept: kept)
        assert verdict.code == code


def test_a_use_of_which_nothing_was_heard_lapses_without_contradiction_in_both_verifiers(tmp_path):
    drafts = [d for d in told() if d.type is not EntryType.GRANT_USED_END]
    lapsed = Draft(
        EntryType.GRANT_LAPSED,
        "l",
        Outcome.INDETERMINATE,
        SYSTEM,
        at(60),
        request="r-1",
        data={"jti": "j-r-1"},
    )

    assert said(tmp_path, [*drafts, lapsed], KEPT) == (Exit.OK, "")
