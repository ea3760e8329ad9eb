"""What can happen is a closed list: its tags never move, the audit log knows every fact, and some module writes it (I7)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from audit.kinds import EntryType
from bot.core.facts import Fact

ROOT = Path(__file__).parents[2]

TAGS = {
    1: "request.created",
    2: "request.masked",
    3: "preview.shown",
    4: "vote.cast",
    5: "vote.withdrawn",
    6: "vote.refused",
    7: "decision.approved",
    8: "decision.denied",
    9: "request.expired",
    10: "request.cancelled",
    11: "grant.issued",
    12: "grant.used.begin",
    13: "grant.used.end",
    14: "grant.refused",
    15: "grant.revoked",
    16: "grant.lapsed",
    17: "reveal.viewed",
    18: "reveal.refused",
    19: "policy.changed",
    20: "identity.changed",
    21: "agent.changed",
    22: "freeze.set",
    23: "freeze.lifted",
    24: "delegation.set",
    25: "delegation.ended",
    26: "break_glass.used",
    27: "break_glass.reviewed",
    28: "escalation.sent",
    29: "reminder.sent",
    30: "session.login",
    31: "session.refused",
    32: "payload.shredded",
    33: "command.refused",
    34: "log.restored",
    35: "audit.queried",
    36: "audit.exported",
    37: "key.rotated",
    38: "log.started",
    39: "log.stopped",
    40: "session.ended",
    41: "rows.sealed",
    42: "tokens.opened",
    43: "standing.granted",
    44: "standing.revoked",
    45: "tokens.erased",
    46: "tokens.kept",
}
"""Frozen: a row is never changed or taken away; new ones are added at the end."""

NOT_FACTS = {
    EntryType.LOG_PRUNED: "written by audit.retention when old leaves are cut off; nothing of the bot's happened",
    EntryType.LOG_PRUNE_PROPOSED: "the first of the two persons that pruning takes; the log keeper's act",
    EntryType.KEYS_CHANGED: "the log keeper's act, by `signoff keys rotate` and `rotate-kek`",
    EntryType.HOLD_CHANGED: "a legal hold is the log keeper's act, under the audit commands",
    EntryType.AUDIT_VERIFY_FAILED: "a verdict about the log, not something that happened to a request",
}
"""Entry types that are no fact of the bot's, each with the reason."""

NOT_BY_THE_DESK = {
    Fact.PREVIEW_SHOWN: "no surface reports a showing yet; the type is reserved so that its number cannot be taken",
    Fact.PAYLOAD_SHREDDED: "the log keeper's act, by `signoff audit shred` (bot.custody), not a use case of the desk",
    Fact.LOG_RESTORED: "written by the store while it restores a backup, before any desk exists",
    Fact.KEY_ROTATED: "drafted by audit.rotation",
    Fact.ROWS_SEALED: "reserved: rows are sealed as they are written (decision 0602), none is sealed afterwards",
    Fact.LOG_STARTED: "belongs to the start of the process, not to a use case",
    Fact.LOG_STOPPED: "belongs to the end of the process, not to a use case",
}
"""Facts that no use case writes, each with the reason. A reason that is no longer true fails a test below."""


def test_tags_and_names_are_frozen() -> None:
    assert {fact.tag: fact.entry_type for fact in Fact} == TAGS


def test_tags_count_up_without_gaps() -> None:
    assert [fact.tag for fact in Fact] == list(range(1, len(Fact) + 1))


@pytest.mark.parametrize("fact", Fact, ids=lambda fact: fact.name)
def test_a_facts_name_is_its_entry_types_name(fact: Fact) -> None:
    assert fact.name == fact.entry_type.replace(".", "_").upper()
    assert EntryType(fact.entry_type).name == fact.name


def test_every_entry_type_is_a_fact_or_has_a_reason_not_to_be() -> None:
    types = {EntryType(fact.entry_type) for fact in Fact}

    assert set(EntryType) - types == set(NOT_FACTS)


def _named_in(folder: str) -> set[str]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / folder).rglob("*.py")))
    return set(re.findall(r"\bFact\.([A-Z_]+)\b", text))


def test_every_fact_is_written_by_a_use_case_or_has_a_reason_not_to_be() -> None:
    unwritten = {fact for fact in Fact if fact.name not in _named_in("bot/desk")}

    assert unwritten == set(NOT_BY_THE_DESK)


def test_the_desk_names_no_fact_that_does_not_exist() -> None:
    assert _named_in("bot") - {fact.name for fact in Fact} == set()
