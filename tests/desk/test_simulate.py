"""Another policy on the requests that were asked: what would have been decided differently, and nothing of what was in them."""

from __future__ import annotations

from datetime import timedelta

from bot.core.policy_load import load_policy
from bot.core.request import Choice
from bot.desk.simulating import Said, Simulation, simulate
from bot.ports import AuditFilter
from tests.support.office import POLICY, SAMPLE, STANDING, TERMS, Desk

MONTH = timedelta(days=30)


async def asked_about(desk: Desk) -> None:
    """Two exports (one approved), a denied wipe, an unknown action, small and big payments."""
    for n in (1, 2):
        voted = await desk.asked(parameters={"n": n, "contact": "maria.lopez@example.org"})
    for name in ("ana", "bo"):
        await desk.service.vote(voted.request.id, desk.actor(name), Choice.APPROVE)
    await desk.asked(action="db.wipe")
    await desk.asked(action="unknown.thing")
    for amount in (9_000, 900, 9_001):
        await desk.asked(action="pay", parameters={"amount": amount})


async def run(desk: Desk, text: str, since: timedelta = MONTH) -> Simulation:
    return await simulate(desk.office, load_policy(text), since)


def told(result: Simulation) -> list[tuple[str, str, str, int]]:
    return sorted((c.action, c.was.effect, c.would_be.effect, c.count) for c in result.changes)


async def test_the_same_policy_changes_nothing_windows_included(desk: Desk):
    await asked_about(desk)

    result = await run(desk, POLICY)

    assert (result.replayed, result.changed, result.unreadable, result.changes) == (7, 0, 0, [])


async def test_what_would_be_decided_differently_is_named_by_kind(desk: Desk):
    await asked_about(desk)
    text = (
        POLICY.replace("approvals: 2", "approvals: 3")
        .replace("deny: true", "allow: true")
        .replace("above: 10000", "above: 9500")
    )

    result = await run(desk, text)

    assert told(result) == [
        ("db.export", "require", "require", 2),
        ("db.wipe", "deny", "allow", 1),
        ("pay", "allow", "require", 1),
    ]
    change = next(c for c in result.changes if c.action == "db.export")
    assert (change.was, change.would_be) == (
        Said("require", ("2 of owners",), "chat"),
        Said("require", ("3 of owners",), "chat"),
    )
    assert (change.resource, change.was_rule, change.would_rule) == (
        "postgres prod",
        "exports need two owners",
        "exports need two owners",
    )
    assert len(set(change.ids)) == 2
    assert (result.replayed, result.changed) == (7, 4)


async def test_a_policy_without_a_rule_for_it_or_with_a_broken_one_is_seen(desk: Desk):
    await asked_about(desk)

    none = await run(desk, 'version: 1\nrules:\n  - {name: x, when: action == "x", allow: true}\n')
    broken = await run(
        desk, "version: 1\nrules:\n  - {name: x, when: parameters.not_there == 1, allow: true}\n"
    )

    assert {c.would_be.effect for c in none.changes} == {"no-rule"}
    assert none.changed == 6  # the unknown action had no rule before
    assert {c.would_be.effect for c in broken.changes} == {"policy-error"}


async def test_kinds_of_data_count_as_they_were_found_and_owners_as_they_were(desk: Desk):
    await desk.asked(parameters={"contact": "maria.lopez@example.org"})
    await desk.asked(parameters={"contact": "none"}, justification="none")
    text = 'version: 1\nrules:\n  - {name: x, when: "data.classes.exists(c, c == \\"email_address\\") && \\"person:eve\\" in agent.owners", deny: true}\n  - {name: y, when: "true", allow: true}\n'

    result = await run(desk, text)

    assert told(result) == [("db.export", "require", "allow", 1), ("db.export", "require", "deny", 1)]


async def test_a_wish_for_a_standing_approval_is_judged_too(desk: Desk):
    await desk.service.apply_policy(STANDING)
    await desk.asked(standing=TERMS)

    assert (await run(desk, STANDING)).changed == 0
    assert told(await run(desk, POLICY)) == [("db.export", "require", "standing-off", 1)]


async def test_only_the_time_asked_for_is_replayed_and_windows_know_what_was_before(desk: Desk):
    await desk.asked(action="pay", parameters={"amount": 9_000})
    desk.clock.forward(timedelta(hours=2))
    await desk.asked(action="pay", parameters={"amount": 900})

    result = await run(desk, POLICY.replace("above: 10000", "above: 9500"), timedelta(hours=1))

    assert (result.replayed, told(result)) == (1, [("pay", "allow", "require", 1)])


async def test_a_destroyed_payload_is_counted_and_not_guessed(desk: Desk):
    asked = await desk.asked()
    await desk.store.write(lambda tx: tx.shred_body(asked.request.id))

    result = await run(desk, POLICY.replace("approvals: 2", "approvals: 3"))

    assert (result.replayed, result.unreadable, result.changed) == (0, 1, 0)


async def test_i10_it_writes_one_entry_and_nothing_of_a_payload_is_in_what_it_says(desk: Desk):
    await asked_about(desk)
    before, policy = await desk.entries(), desk.office.book.policy

    result = await run(desk, POLICY.replace("approvals: 2", "approvals: 3"))

    assert await desk.entries() == [*before, "audit.queried"]
    assert desk.office.book.policy is policy
    assert "maria.lopez" not in repr(result)
    assert SAMPLE["resource"]["id"] not in repr(result)  # type: ignore[index]
    (row,) = await desk.store.read(lambda tx: tx.audit_rows(AuditFilter(type="audit.queried")))
    assert b"policy-simulate" in row.leaf
