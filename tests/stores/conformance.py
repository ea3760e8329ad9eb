"""What every store must do, whatever it is made of. Collected by ``test_conformance.py`` once a store.

The tests know the port and nothing else. A new store joins by a branch in the ``opened`` fixture.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from audit.chain import GENESIS, leaf_hash
from audit.entry import EntryInvalid, Private
from bot.core.ids import AccountKey, AgentId, GroupName, PersonId, RequestId
from bot.core.people import Account, Agent, AgentKey, Delegation, KeyKind, Person, Role, Session
from bot.core.request import Assurance, Choice, GrantState, Request, RequestState
from bot.errors import Conflict, StoreFault
from bot.ports import AuditFilter, AuditRow, ChatRef, OutboxRow, Page, ReadTx, Store, Tx, Vaulted
from masking.tokens import SealedValue
from tests.support.clock import START, ManualClock
from tests.support.keys import sealed
from tests.support.rand import SeededRand
from tests.support.things import AGENT, HASH, OTHER_HASH, a_draft, a_grant, a_request, a_vote

MINUTE = timedelta(minutes=1)
ANA = PersonId("person:ana")
BO = PersonId("person:bo")
rand = SeededRand(7)


async def put(store: Store, request: Request) -> Request:
    await store.write(lambda tx: tx.insert_request(request, sealed(b"body", rand)))
    return request


async def approved(store: Store, request: Request | None = None) -> Request:
    request = request or a_request(rand)
    return await put(store, replace(request, state=RequestState.APPROVED, decided_at=START))


async def refused(store: Store, work: Callable[[Tx], Any]) -> None:
    """*work* must end in ``Conflict`` and leave nothing."""
    before = await store.read(lambda tx: tx.audit_head())

    def with_entry(tx: Tx) -> None:
        tx.append(a_draft(rand))
        work(tx)

    with pytest.raises(Conflict):
        await store.write(with_entry)
    assert await store.read(lambda tx: tx.audit_head()) == before


# --- transactions


async def test_what_was_written_is_read_whole(store: Store) -> None:
    request = await put(store, a_request(rand, callback_url="https://agent.example/hook"))

    assert await store.read(lambda tx: tx.request(request.id)) == request


async def test_a_write_returns_what_work_returned(store: Store) -> None:
    assert await store.write(lambda _: ("a", 1)) == ("a", 1)


async def test_i7_whatever_raises_takes_everything_back_the_entry_included(store: Store) -> None:
    request = a_request(rand)

    def work(tx: Tx) -> None:
        tx.insert_request(request, sealed(b"x", rand))
        tx.append(a_draft(rand, request=request.id))
        tx.enqueue(OutboxRow("card", f"console/{request.id}", {}, START))
        tx.put_agent(Agent(AGENT, (ANA,), START))
        tx.set_meta("k", "v")
        tx.remember_idempotent(AGENT, "key", b"f", request.id, START)
        tx.add_to_window("w", START, 1.0, request.id)
        tx.put_chat_ref(ChatRef(request.id, "slack:#x", "{}", 1))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.write(work)

    def nothing(tx: ReadTx) -> bool:
        return not any(
            (
                tx.request(request.id),
                tx.body(request.id),
                tx.agent(AGENT),
                tx.owned_agents(ANA),
                tx.meta("k"),
                tx.idempotent(AGENT, "key"),
                tx.window_sum("w", START),
                tx.chat_refs(request.id),
                tx.audit_rows(AuditFilter()),
                tx.audit_checkpoint(),
            )
        ) and tx.audit_head() == (0, GENESIS)

    assert await store.read(nothing)
    assert await store.outbox_depth() == 0


async def test_i7_a_journal_failure_that_is_swallowed_still_rolls_back(store: Store) -> None:
    def work(tx: Tx) -> None:
        tx.set_meta("k", "v")
        try:
            tx.append(a_draft(rand, data={"note": "free text is not allowed"}))
        except EntryInvalid:
            pass

    with pytest.raises(EntryInvalid):
        await store.write(work)
    assert await store.read(lambda tx: tx.meta("k")) is None


async def test_a_conflict_that_work_handles_undoes_only_its_own_statement(store: Store) -> None:
    request = await put(store, a_request(rand))

    def work(tx: Tx) -> str:
        tx.set_meta("k", "v")
        try:
            tx.insert_request(request, sealed(b"x", rand))
        except Conflict:
            return "handled"
        return "not refused"

    assert await store.write(work) == "handled"
    assert await store.read(lambda tx: tx.meta("k")) == "v"


async def test_one_failing_member_of_many_does_not_touch_the_others(store: Store) -> None:
    def work(number: int) -> Callable[[Tx], int]:
        def run(tx: Tx) -> int:
            tx.set_meta(f"k{number}", "v")
            seq = tx.append(a_draft(rand))
            tx.enqueue(OutboxRow("card", f"console/{number}", {}, START))
            if number % 7 == 3:
                raise KeyError(number)
            return seq

        return run

    answers = await asyncio.gather(*(store.write(work(n)) for n in range(50)), return_exceptions=True)

    failed = {n for n, answer in enumerate(answers) if isinstance(answer, KeyError)}
    assert failed == {n for n in range(50) if n % 7 == 3}
    written = {n for n in range(50) if await store.read(lambda tx, n=n: tx.meta(f"k{n}")) == "v"}
    assert written == set(range(50)) - failed
    assert sorted(a for a in answers if isinstance(a, int)) == list(range(50 - len(failed)))
    assert await store.outbox_depth() == 50 - len(failed)


async def test_i7_the_log_is_one_chain_whatever_failed_between(store: Store) -> None:
    def work(number: int) -> Callable[[Tx], None]:
        def run(tx: Tx) -> None:
            tx.append(a_draft(rand))
            tx.audit_rows(AuditFilter(limit=1))
            tx.append(a_draft(rand))
            if number % 3 == 0:
                raise KeyError

        return run

    await asyncio.gather(*(store.write(work(n)) for n in range(300)), return_exceptions=True)

    rows = []
    while page := await store.read(
        lambda tx: tx.audit_rows(AuditFilter(before=rows[-1].seq if rows else None, limit=500))
    ):
        rows += page
    rows.reverse()
    assert [row.seq for row in rows] == list(range(400))
    assert all(row.leaf_hash == leaf_hash(row.leaf) for row in rows)
    size, last = await store.read(lambda tx: tx.audit_head())
    assert (size, last) == (400, rows[-1].leaf_hash)
    note = await store.read(lambda tx: tx.audit_checkpoint())
    assert note is not None
    assert note.split("\n")[1] == "400"
    forward: list[AuditRow] = []
    while more := await store.read(lambda tx: tx.audit_from(len(forward), 150)):
        forward += more
    assert forward == rows


async def test_a_head_may_get_a_signature_later_and_the_head_itself_stays(store: Store) -> None:
    def read(tx: ReadTx) -> tuple[str | None, str | None]:
        return tx.audit_checkpoint(), tx.audit_checkpoint_at(1)

    await store.write(lambda tx: tx.append(a_draft(SeededRand(3))))
    before = await store.read(read)

    for _ in range(2):
        await store.write(lambda tx: tx.audit_cosign(1, "— w.example AAAAAAAAAA==\n"))

    assert before[0] is not None
    assert before[0] == before[1]
    assert await store.read(read) == before
    assert await store.read(lambda tx: tx.audit_checkpoint_at(2)) is None


async def test_what_a_sink_has_taken_is_remembered_and_never_moves_back(store: Store) -> None:
    assert await store.read(lambda tx: tx.outbound("siem")) == 0

    for next_seq in (7, 12, 3):
        await store.write(lambda tx, n=next_seq: tx.set_outbound("siem", n))

    def undone(tx: Tx) -> None:
        tx.set_outbound("siem", 99)
        raise KeyError

    with pytest.raises(KeyError):
        await store.write(undone)

    assert await store.read(lambda tx: (tx.outbound("siem"), tx.outbound("other"))) == (12, 0)


async def test_reads_see_every_write_that_returned(store: Store) -> None:
    for number in range(20):
        await store.write(lambda tx, n=number: tx.set_meta("k", str(n)))
        assert await store.read(lambda tx: tx.meta("k")) == str(number)


async def test_work_sees_its_own_writes(store: Store) -> None:
    request = a_request(rand)

    def work(tx: Tx) -> None:
        tx.insert_request(request, sealed(b"x", rand))
        assert tx.request(request.id) == request
        seq = tx.append(a_draft(rand, request=request.id))
        assert tx.audit_head()[0] == seq + 1
        row = tx.audit_row(seq)
        assert row is not None
        assert row.request == request.id

    await store.write(work)


async def test_concurrent_counters_lose_nothing(store: Store) -> None:
    def count(tx: Tx) -> None:
        tx.set_meta("n", str(int(tx.meta("n") or 0) + 1))

    await asyncio.gather(*(store.write(count) for _ in range(200)))

    assert await store.read(lambda tx: tx.meta("n")) == "200"


async def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises((AttributeError, StoreFault)):
        await store.read(lambda tx: tx.set_meta("k", "v"))  # type: ignore[attr-defined]


async def test_a_closed_store_says_so(store: Store) -> None:
    await store.close()
    await store.close()

    with pytest.raises(StoreFault):
        await store.write(lambda _: None)
    with pytest.raises(StoreFault):
        await store.read(lambda _: None)


async def test_ping_answers(store: Store) -> None:
    await store.ping()


# --- time


async def test_i6_time_never_goes_back_for_decisions(store: Store, clock: ManualClock) -> None:
    first = await store.write(lambda tx: tx.now())
    clock.forward(MINUTE)
    later = await store.write(lambda tx: tx.now())
    clock.back(timedelta(hours=1))

    assert first == START
    assert await store.write(lambda tx: tx.now()) == later
    assert await store.read(lambda tx: tx.now()) == later


async def test_an_instant_told_to_a_write_that_was_taken_back_never_comes_again(
    store: Store, clock: ManualClock
) -> None:
    def work(tx: Tx) -> None:
        tx.now()
        raise KeyError

    clock.forward(MINUTE)
    with pytest.raises(KeyError):
        await store.write(work)
    clock.back(MINUTE)

    assert await store.read(lambda tx: tx.now()) == START + MINUTE
    assert await store.write(lambda tx: tx.now()) == START + MINUTE


async def test_one_transaction_is_one_instant(store: Store, clock: ManualClock) -> None:
    def work(tx: Tx) -> bool:
        before = tx.now()
        clock.forward(MINUTE)
        return tx.now() == before

    assert await store.write(work)


# --- requests


async def test_a_request_exists_once(store: Store) -> None:
    request = await put(store, a_request(rand))

    await refused(store, lambda tx: tx.insert_request(request, sealed(b"x", rand)))


async def test_a_request_begins_at_version_one(store: Store) -> None:
    await refused(store, lambda tx: tx.insert_request(a_request(rand, version=2), sealed(b"x", rand)))


async def test_an_update_needs_the_version_it_read(store: Store) -> None:
    request = await put(store, a_request(rand))
    second = replace(request, version=2, reminders_sent=1)
    await store.write(lambda tx: tx.update_request(second, expected_version=1))

    await refused(store, lambda tx: tx.update_request(replace(request, version=2), expected_version=1))
    await refused(store, lambda tx: tx.update_request(replace(request, version=4), expected_version=2))
    await refused(
        store, lambda tx: tx.update_request(replace(a_request(rand), version=2), expected_version=1)
    )
    assert await store.read(lambda tx: tx.request(request.id)) == second


async def test_every_field_that_moves_is_stored(store: Store) -> None:
    request = await put(store, a_request(rand))
    moved = replace(
        request,
        state=RequestState.DENIED,
        version=2,
        decided_at=START + MINUTE,
        decided_by=ANA,
        reason="too wide",
        reminders_sent=2,
        escalated=True,
        next_due=None,
    )

    await store.write(lambda tx: tx.update_request(moved, expected_version=1))

    assert await store.read(lambda tx: tx.request(request.id)) == moved


@pytest.mark.parametrize("state", [s for s in RequestState if not s.is_open])
async def test_i1_a_decision_never_changes(store: Store, state: RequestState) -> None:
    request = await put(store, a_request(rand))
    decided = replace(request, state=state, version=2, decided_at=START, decided_by=ANA, reason="r")
    await store.write(lambda tx: tx.update_request(decided, expected_version=1))

    for change in (
        {"state": RequestState.PENDING},
        {"state": next(s for s in RequestState if s not in {state, RequestState.PENDING})},
        {"decided_at": START + MINUTE},
        {"decided_by": BO},
        {"reason": "another"},
    ):
        await refused(
            store,
            lambda tx, c=change: tx.update_request(replace(decided, version=3, **c), expected_version=2),
        )
    await store.write(lambda tx: tx.update_request(replace(decided, next_due=None), expected_version=2))


async def test_a_change_of_state_is_a_new_version(store: Store) -> None:
    request = await put(store, a_request(rand))

    await refused(
        store, lambda tx: tx.update_request(replace(request, state=RequestState.EXPIRED), expected_version=1)
    )


@pytest.mark.parametrize(
    "change",
    [
        {"payload_hash": OTHER_HASH},
        {"preview_hash": OTHER_HASH},
        {"policy_hash": OTHER_HASH},
        {"decide_by": START + timedelta(days=9)},
        {"agent": AgentId("agent:other")},
        {"document": "{}"},
        {"separation": frozenset()},
        {"action": "db.drop"},
    ],
)
async def test_i4_what_was_asked_is_frozen(store: Store, change: dict[str, Any]) -> None:
    request = await put(store, a_request(rand))

    await refused(
        store, lambda tx: tx.update_request(replace(request, version=2, **change), expected_version=1)
    )


async def test_requests_are_paged_newest_first_without_gap_or_repeat(
    store: Store, clock: ManualClock
) -> None:
    requests = [
        await put(
            store,
            a_request(
                rand,
                START + n * MINUTE,
                agent=AgentId(f"agent:a{n % 2}"),
                state=RequestState.PENDING if n % 3 else RequestState.DENIED,
                decided_at=None if n % 3 else START,
            ),
        )
        for n in range(11)
    ]
    newest_first = sorted(requests, key=lambda r: r.id, reverse=True)
    assert newest_first == requests[::-1]

    for agent in (None, AgentId("agent:a1")):
        for state in (None, RequestState.PENDING, RequestState.DENIED):
            seen: list[Request] = []
            before: str | None = None
            while page := await store.read(
                lambda tx, b=before: tx.requests(Page(2, b), agent=agent, state=state)
            ):
                assert len(page) <= 2
                seen += page
                before = page[-1].id
            assert seen == [r for r in newest_first if agent in {None, r.agent} and state in {None, r.state}]


async def test_due_requests_come_earliest_first_and_only_while_open(store: Store) -> None:
    late = await put(store, a_request(rand, next_due=START + 3 * MINUTE))
    soon = await put(store, a_request(rand, next_due=START + MINUTE))
    await put(store, a_request(rand, next_due=None))
    await put(store, a_request(rand, next_due=START, state=RequestState.EXPIRED, decided_at=START))

    assert await store.read(lambda tx: tx.next_due()) == START + MINUTE
    assert await store.read(lambda tx: tx.due(START + 3 * MINUTE, 10)) == [soon.id, late.id]
    assert await store.read(lambda tx: tx.due(START + 3 * MINUTE, 1)) == [soon.id]
    assert await store.read(lambda tx: tx.due(START + MINUTE, 10)) == [soon.id]
    assert await store.read(lambda tx: tx.due(START, 10)) == []


async def test_pending_requests_are_counted_an_agent(store: Store) -> None:
    await put(store, a_request(rand))
    await put(store, a_request(rand, agent=AgentId("agent:other")))
    await approved(store)

    assert await store.read(lambda tx: tx.pending_count(AGENT, 50)) == 1


async def test_t08_open_requests_come_in_turn_by_agent_and_the_most_urgent_first(store: Store) -> None:
    calm, loud = AgentId("agent:calm"), AgentId("agent:loud")
    flood = [
        await put(store, a_request(rand, agent=loud, decide_by=START + (9 - n) * MINUTE)) for n in range(5)
    ]
    quiet = [await put(store, a_request(rand, agent=calm, decide_by=START + n * MINUTE)) for n in (60, 50)]
    await put(store, a_request(rand, agent=calm, state=RequestState.EXPIRED, decided_at=START))
    urgent = flood[::-1]

    assert [r.id for r in await store.read(lambda tx: tx.in_turn(10, is_open=True))] == [
        r.id for r in (urgent[0], quiet[1], urgent[1], quiet[0], *urgent[2:])
    ]
    assert [r.id for r in await store.read(lambda tx: tx.in_turn(2, is_open=True))] == [
        urgent[0].id,
        quiet[1].id,
    ]


async def test_t08_settled_requests_come_in_turn_by_agent_and_the_latest_first(store: Store) -> None:
    calm, loud = AgentId("agent:calm"), AgentId("agent:loud")

    async def settled(agent: AgentId, minutes: int) -> Request:
        at = START + minutes * MINUTE
        return await put(store, a_request(rand, agent=agent, state=RequestState.DENIED, decided_at=at))

    flood = [await settled(loud, n) for n in (10, 12, 11)]
    early, later = await settled(calm, 1), await settled(calm, 2)
    await put(store, a_request(rand, agent=calm))

    assert [r.id for r in await store.read(lambda tx: tx.in_turn(10, is_open=False))] == [
        r.id for r in (flood[1], later, flood[2], early, flood[0])
    ]
    assert [r.id for r in await store.read(lambda tx: tx.in_turn(3, is_open=False))] == [
        r.id for r in (flood[1], later, flood[2])
    ]


async def test_denials_are_counted_by_bytes_and_time(store: Store) -> None:
    for at, hash in ((START, HASH), (START + MINUTE, HASH), (START + MINUTE, OTHER_HASH)):
        await put(store, a_request(rand, payload_hash=hash, state=RequestState.DENIED, decided_at=at))

    assert await store.read(lambda tx: tx.denials(AGENT, HASH, START)) == 2
    assert await store.read(lambda tx: tx.denials(AGENT, HASH, START + MINUTE)) == 1
    assert await store.read(lambda tx: tx.denials(AgentId("agent:other"), HASH, START)) == 0


async def test_a_body_is_kept_re_wrapped_and_shredded(store: Store) -> None:
    request, body = a_request(rand), sealed(b"x", rand)
    await store.write(lambda tx: tx.insert_request(request, body))
    wrapped = replace(body, kek_id="kek-2", wrapped_key=b"w" * 60)

    assert await store.read(lambda tx: tx.bodies_outside("kek-2", 10)) == [(request.id, body)]
    await store.write(lambda tx: tx.rewrap_body(request.id, wrapped))
    assert await store.read(lambda tx: tx.body(request.id)) == wrapped
    assert await store.read(lambda tx: tx.bodies_outside("kek-2", 10)) == []
    await refused(store, lambda tx: tx.rewrap_body(request.id, replace(wrapped, ciphertext=b"other")))

    await store.write(lambda tx: tx.shred_body(request.id))
    await store.write(lambda tx: tx.shred_body(request.id))
    assert await store.read(lambda tx: tx.body(request.id)) is None
    await refused(store, lambda tx: tx.rewrap_body(request.id, wrapped))


async def test_i11_an_idempotency_key_is_remembered_once_an_agent(store: Store) -> None:
    request = await put(store, a_request(rand))
    await store.write(lambda tx: tx.remember_idempotent(AGENT, "key", b"print", request.id, START))
    other = AgentId("agent:other")
    await store.write(lambda tx: tx.remember_idempotent(other, "key", b"other", request.id, START))

    assert await store.read(lambda tx: tx.idempotent(AGENT, "key")) == (b"print", request.id)
    assert await store.read(lambda tx: tx.idempotent(AGENT, "none")) is None
    await refused(store, lambda tx: tx.remember_idempotent(AGENT, "key", b"print", request.id, START))
    nowhere = RequestId("req_0")
    await refused(store, lambda tx: tx.remember_idempotent(AGENT, "k2", b"p", nowhere, START))


async def test_i11_a_thousand_callers_with_one_key_make_one_request(store: Store) -> None:
    def ask(tx: Tx) -> RequestId:
        found = tx.idempotent(AGENT, "key")
        if found is not None:
            return found[1]
        request = a_request(rand)
        tx.insert_request(request, sealed(b"x", rand))
        tx.remember_idempotent(AGENT, "key", b"print", request.id, START)
        return request.id

    ids = await asyncio.gather(*(store.write(ask) for _ in range(1_000)))

    assert len(set(ids)) == 1


async def test_a_window_sums_from_an_instant_on(store: Store) -> None:
    request = await put(store, a_request(rand))
    for minute, amount in ((0, 1.5), (1, 2.0), (2, 4.0)):
        await store.write(
            lambda tx, m=minute, a=amount: tx.add_to_window("w", START + m * MINUTE, a, request.id)
        )
    await store.write(lambda tx: tx.add_to_window("other", START, 100, request.id))

    assert await store.read(lambda tx: tx.window_sum("w", START)) == 7.5
    assert await store.read(lambda tx: tx.window_sum("w", START + MINUTE)) == 6.0
    assert await store.read(lambda tx: tx.window_sum("none", START)) == 0.0


async def test_what_is_past_is_forgotten_within_the_limit(store: Store) -> None:
    request = await put(store, a_request(rand))
    await store.write(lambda tx: tx.put_person(Person(ANA, "Ana", START)))
    for n in range(4):
        at = START + n * MINUTE
        await store.write(lambda tx, n=n, at=at: tx.remember_idempotent(AGENT, str(n), b"p", request.id, at))
        await store.write(lambda tx, at=at: tx.add_to_window("w", at, 1, request.id))
        await store.write(
            lambda tx, n=n, at=at: tx.put_session(replace(a_session(), id=str(n), expires_at=at))
        )
    cut = START + 2 * MINUTE

    def forget(tx: Tx) -> int:
        return tx.forget(sessions=cut, idempotency=cut, windows=cut, limit=1)

    assert [await store.write(forget) for _ in range(3)] == [3, 3, 0]
    assert await store.read(lambda tx: [tx.idempotent(AGENT, str(n)) is not None for n in range(4)]) == [
        False,
        False,
        True,
        True,
    ]
    assert await store.read(lambda tx: tx.window_sum("w", START)) == 2.0
    assert await store.read(lambda tx: [tx.session(str(n)) is not None for n in range(4)]) == [
        False,
        False,
        True,
        True,
    ]


# --- the vault


def kept(n: int, minutes: int = 1) -> Vaulted:
    return Vaulted(SealedValue(f"vlt_person_k1_{n}", bytes([n]) * 40, START + minutes * MINUTE), AGENT)


async def test_the_vault_gives_what_was_put_in_and_nothing_else(store: Store) -> None:
    await store.write(lambda tx: tx.put_vaulted([kept(1), kept(2), kept(3)]))

    found = await store.read(lambda tx: tx.vaulted(["vlt_person_k1_3", "vlt_person_k1_1", "vlt_person_k1_9"]))

    assert sorted(row.value.name for row in found) == ["vlt_person_k1_1", "vlt_person_k1_3"]
    assert kept(1) in found
    assert await store.read(lambda tx: tx.vaulted([])) == []


async def test_the_vault_replaces_nothing_and_takes_all_or_none(store: Store) -> None:
    await store.write(lambda tx: tx.put_vaulted([kept(1)]))

    await refused(store, lambda tx: tx.put_vaulted([kept(2), replace(kept(1), agent=AgentId("agent:other"))]))

    assert await store.read(lambda tx: tx.vaulted([kept(1).value.name, kept(2).value.name])) == [kept(1)]


async def test_what_the_vault_erases_is_gone_and_counted_once(store: Store) -> None:
    await store.write(lambda tx: tx.put_vaulted([kept(1), kept(2)]))
    names = [kept(1).value.name, kept(1).value.name, "vlt_person_k1_none"]

    assert [await store.write(lambda tx: tx.erase_vaulted(names)) for _ in range(2)] == [1, 0]
    assert await store.read(lambda tx: tx.vaulted([kept(1).value.name, kept(2).value.name])) == [kept(2)]


async def test_the_vault_lets_go_of_what_has_ended_earliest_first(store: Store) -> None:
    await store.write(lambda tx: tx.put_vaulted([kept(n, n) for n in range(1, 5)]))

    gone = [await store.write(lambda tx: tx.expire_vaulted(START + 3 * MINUTE, 1)) for _ in range(3)]

    assert gone == [1, 1, 0]
    left = await store.read(lambda tx: tx.vaulted([kept(n).value.name for n in range(1, 5)]))
    assert sorted(row.value.name for row in left) == [kept(3).value.name, kept(4).value.name]


# --- votes


async def test_votes_come_in_the_order_cast_withdrawn_ones_included(store: Store) -> None:
    request = await put(store, a_request(rand))
    first, second = a_vote(request, "ana"), a_vote(request, "bo", Choice.DENY)
    await store.write(lambda tx: tx.insert_vote(first))
    await store.write(lambda tx: tx.insert_vote(second))

    await store.write(lambda tx: tx.withdraw_vote(request.id, ANA, START + MINUTE))
    again = replace(first, at=START + 2 * MINUTE)
    await store.write(lambda tx: tx.insert_vote(again))

    withdrawn = replace(first, withdrawn_at=START + MINUTE)
    assert await store.read(lambda tx: tx.votes(request.id)) == [withdrawn, second, again]


async def test_i2_a_person_has_one_counted_vote(store: Store) -> None:
    request = await put(store, a_request(rand))
    vote = a_vote(request, "ana")
    await store.write(lambda tx: tx.insert_vote(vote))

    other_account = replace(vote, account=AccountKey("slack:T1:U1"), choice=Choice.DENY)
    await refused(store, lambda tx: tx.insert_vote(other_account))


async def test_i6_no_vote_at_or_after_the_deadline(store: Store) -> None:
    request = await put(store, a_request(rand))
    just_in_time = request.decide_by - timedelta(microseconds=1)

    await refused(store, lambda tx: tx.insert_vote(a_vote(request, at=request.decide_by)))
    await store.write(lambda tx: tx.insert_vote(a_vote(request, at=just_in_time)))
    await refused(store, lambda tx: tx.withdraw_vote(request.id, ANA, request.decide_by))


async def test_no_vote_on_a_decided_or_missing_request_or_for_other_bytes(store: Store) -> None:
    decided, open_ = await approved(store), await put(store, a_request(rand))

    await refused(store, lambda tx: tx.insert_vote(a_vote(decided)))
    await refused(store, lambda tx: tx.insert_vote(a_vote(a_request(rand))))
    await refused(store, lambda tx: tx.insert_vote(a_vote(open_, payload_hash=OTHER_HASH)))
    await refused(store, lambda tx: tx.insert_vote(a_vote(open_, withdrawn_at=START)))


async def test_only_a_counted_vote_is_withdrawn(store: Store) -> None:
    request = await put(store, a_request(rand))
    await refused(store, lambda tx: tx.withdraw_vote(request.id, ANA, START))

    await store.write(lambda tx: tx.insert_vote(a_vote(request)))
    await store.write(lambda tx: tx.withdraw_vote(request.id, ANA, START))

    await refused(store, lambda tx: tx.withdraw_vote(request.id, ANA, START))


async def test_t36_a_thousand_votes_at_once_count_once_a_person(store: Store) -> None:
    request = await put(store, a_request(rand))

    answers = await asyncio.gather(
        *(store.write(lambda tx, n=n: tx.insert_vote(a_vote(request, f"p{n % 100}"))) for n in range(1_000)),
        return_exceptions=True,
    )

    assert sum(answer is None for answer in answers) == 100
    assert sum(isinstance(answer, Conflict) for answer in answers) == 900
    assert len(await store.read(lambda tx: tx.votes(request.id))) == 100


# --- grants


async def test_a_grant_is_for_an_approved_request_its_agent_and_its_bytes(store: Store) -> None:
    pending, yes = await put(store, a_request(rand)), await approved(store)

    await refused(store, lambda tx: tx.insert_grant(a_grant(pending, rand)))
    await refused(store, lambda tx: tx.insert_grant(a_grant(a_request(rand), rand)))
    await refused(store, lambda tx: tx.insert_grant(a_grant(yes, rand, payload_hash=OTHER_HASH)))
    await refused(store, lambda tx: tx.insert_grant(a_grant(yes, rand, agent=AgentId("agent:other"))))
    await refused(
        store, lambda tx: tx.insert_grant(a_grant(yes, rand, state=GrantState.REDEEMED, redeemed_at=START))
    )
    await refused(store, lambda tx: tx.insert_grant(a_grant(yes, rand, use_by=START)))
    grant = a_grant(yes, rand)
    await store.write(lambda tx: tx.insert_grant(grant))
    assert await store.read(lambda tx: (tx.grant(grant.id), tx.grant_of(yes.id))) == (grant, grant)


async def test_a_request_has_one_grant(store: Store) -> None:
    request = await approved(store)
    await store.write(lambda tx: tx.insert_grant(a_grant(request, rand)))

    await refused(store, lambda tx: tx.insert_grant(a_grant(request, rand)))


async def test_i5_a_thousand_redemptions_at_once_spend_once(store: Store) -> None:
    grant = a_grant(await approved(store), rand)
    await store.write(lambda tx: tx.insert_grant(grant))

    def redeem(number: int) -> Callable[[Tx], None]:
        spent = replace(grant, state=GrantState.REDEEMED, redeemed_at=START, redemption_key=str(number))
        return lambda tx: tx.update_grant(spent, expected_state=GrantState.ISSUED)

    answers = await asyncio.gather(*(store.write(redeem(n)) for n in range(1_000)), return_exceptions=True)

    assert sum(answer is None for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 999
    winner = next(n for n, answer in enumerate(answers) if answer is None)
    stored = await store.read(lambda tx: tx.grant(grant.id))
    assert stored is not None
    assert stored.redemption_key == str(winner)


ALLOWED = {
    ("issued", "redeemed"),
    ("issued", "lapsed"),
    ("issued", "revoked"),
    ("redeemed", "succeeded"),
    ("redeemed", "failed"),
    ("redeemed", "indeterminate"),
    ("indeterminate", "succeeded"),
    ("indeterminate", "failed"),
}
PATHS = {
    "issued": (),
    "redeemed": ("redeemed",),
    "lapsed": ("lapsed",),
    "revoked": ("revoked",),
    "succeeded": ("redeemed", "succeeded"),
    "failed": ("redeemed", "failed"),
    "indeterminate": ("redeemed", "indeterminate"),
}


@pytest.mark.parametrize("start", PATHS)
async def test_i5_a_grant_moves_only_along_its_table(store: Store, start: str) -> None:
    for target in PATHS:
        grant = a_grant(await approved(store), rand)
        await store.write(lambda tx, g=grant: tx.insert_grant(g))
        for step in PATHS[start]:
            after = replace(
                grant, state=GrantState(step), redeemed_at=START if "redeemed" in PATHS[start] else None
            )
            await store.write(lambda tx, a=after, g=grant: tx.update_grant(a, expected_state=g.state))
            grant = after
        redeemed_at = START if target == "redeemed" else grant.redeemed_at
        after = replace(
            grant, state=GrantState(target), redeemed_at=redeemed_at, outcome="o", outcome_at=START
        )
        if (start, target) in ALLOWED:
            await store.write(lambda tx, a=after, g=grant: tx.update_grant(a, expected_state=g.state))
            assert await store.read(lambda tx, a=after: tx.grant(a.id)) == after
        else:
            await refused(store, lambda tx, a=after, g=grant: tx.update_grant(a, expected_state=g.state))


async def test_i6_a_grant_is_redeemed_within_its_time_and_never_anew(store: Store) -> None:
    grant = a_grant(await approved(store), rand)
    await store.write(lambda tx: tx.insert_grant(grant))

    for at in (None, grant.use_by, grant.issued_at - timedelta(microseconds=1)):
        spent = replace(grant, state=GrantState.REDEEMED, redeemed_at=at)
        await refused(store, lambda tx, s=spent: tx.update_grant(s, expected_state=GrantState.ISSUED))
    spent = replace(grant, state=GrantState.REDEEMED, redeemed_at=START, redemption_key="k")
    await store.write(lambda tx: tx.update_grant(spent, expected_state=GrantState.ISSUED))
    for change in (
        {"redeemed_at": START + MINUTE},
        {"redemption_key": "other"},
        {"use_by": START + 99 * MINUTE},
    ):
        after = replace(spent, state=GrantState.SUCCEEDED, **change)
        await refused(store, lambda tx, a=after: tx.update_grant(a, expected_state=GrantState.REDEEMED))


async def test_grants_in_a_state_come_by_their_deadline(store: Store) -> None:
    grants = []
    for minutes in (9, 3, 6):
        grant = a_grant(await approved(store), rand, use_by=START + minutes * MINUTE)
        await store.write(lambda tx, g=grant: tx.insert_grant(g))
        grants.append(grant)

    assert await store.read(lambda tx: tx.grants(GrantState.ISSUED, 2)) == [grants[1], grants[2]]
    assert await store.read(lambda tx: tx.grants(GrantState.REDEEMED, 9)) == []


# --- people and agents


def a_session() -> Session:
    return Session(
        "hash", ANA, AccountKey("local:ana"), Assurance.CONSOLE, "csrf", START, START, START, START + MINUTE
    )


async def test_agents_keys_people_accounts_and_sessions_are_put_and_replaced(store: Store) -> None:
    agent = Agent(AGENT, (ANA, BO), START, actions=("db.*",), callback_urls=("https://a.example",))
    key = AgentKey("sok_1", AGENT, KeyKind.API, b"\x00\xff", START, expires_at=START + MINUTE)
    person = Person(
        ANA, "Ana Ångström", START, roles=frozenset({Role.ADMIN}), groups=frozenset({GroupName("g")})
    )
    account = Account(AccountKey("local:ana"), ANA, START, START, "config", secret="$argon2id$x")

    def put_all(tx: Tx) -> None:
        tx.put_agent(agent)
        tx.put_agent_key(key)
        tx.put_person(person)
        tx.put_account(account)
        tx.put_session(a_session())

    await store.write(put_all)

    def see(tx: ReadTx) -> list[Any]:
        return [
            tx.agent(AGENT),
            tx.agents(),
            tx.agent_key("sok_1"),
            tx.agent_keys(AGENT),
            tx.person(ANA),
            tx.people(),
            tx.account(account.key),
            tx.accounts(ANA),
            tx.session("hash"),
        ]

    assert await store.read(see) == [
        agent,
        [agent],
        key,
        [key],
        person,
        [person],
        account,
        [account],
        a_session(),
    ]
    changed = (
        replace(agent, owners=(BO,), enabled=False),
        replace(key, revoked_at=START),
        replace(person, enabled=False, roles=frozenset()),
        replace(account, revoked_at=START),
        replace(a_session(), seen_at=START + MINUTE),
    )

    def put_changed(tx: Tx) -> None:
        tx.put_agent(changed[0])
        tx.put_agent_key(changed[1])
        tx.put_person(changed[2])
        tx.put_account(changed[3])
        tx.put_session(changed[4])

    await store.write(put_changed)
    a, k, p, c, s = changed
    assert await store.read(see) == [a, [a], k, [k], p, [p], c, [c], s]
    assert await store.read(lambda tx: (tx.owned_agents(ANA), tx.owned_agents(BO))) == ([], [AGENT])


async def test_nothing_hangs_on_an_agent_or_a_person_that_is_not_there(store: Store) -> None:
    key = AgentKey("sok_1", AGENT, KeyKind.API, b"m", START)
    account = Account(AccountKey("local:ana"), ANA, START, START, "config")

    await refused(store, lambda tx: tx.put_agent_key(key))
    await refused(store, lambda tx: tx.put_account(account))
    await refused(store, lambda tx: tx.put_session(a_session()))
    await refused(store, lambda tx: tx.put_chat_ref(ChatRef(RequestId("req_0"), "slack:#x", "{}", 1)))


async def test_sessions_are_listed_by_person_and_dropped_one_by_one(store: Store) -> None:
    def work(tx: Tx) -> None:
        tx.put_person(Person(ANA, "Ana", START))
        tx.put_person(Person(BO, "Bo", START))
        for id in ("1", "2", "3"):
            tx.put_session(replace(a_session(), id=id))
        tx.put_session(replace(a_session(), id="4", person=BO))

    await store.write(work)
    await store.write(lambda tx: tx.drop_session("1"))
    await store.write(lambda tx: tx.drop_session("none"))
    assert await store.read(lambda tx: [tx.session(i) is not None for i in "1234"]) == [
        False,
        True,
        True,
        True,
    ]
    assert [s.id for s in await store.read(lambda tx: tx.sessions(ANA))] == ["2", "3"]
    assert [s.id for s in await store.read(lambda tx: tx.sessions(BO))] == ["4"]
    assert await store.read(lambda tx: tx.sessions(PersonId("person:nobody"))) == []


async def test_a_delegation_stands_from_its_first_instant_to_before_its_last(store: Store) -> None:
    delegation = Delegation(ANA, BO, START, START + MINUTE)
    await store.write(lambda tx: tx.put_delegation(delegation))

    us = timedelta(microseconds=1)
    for at, expected in (
        (START - us, []),
        (START, [delegation]),
        (START + MINUTE - us, [delegation]),
        (START + MINUTE, []),
    ):
        assert await store.read(lambda tx, a=at: tx.delegations(a)) == expected
    ended = replace(delegation, until=START)
    await store.write(lambda tx: tx.put_delegation(ended))
    assert await store.read(lambda tx: tx.delegations(START)) == []


async def test_meta_and_chat_refs_are_replaced_in_place(store: Store) -> None:
    request = await put(store, a_request(rand))
    refs = [ChatRef(request.id, surface, '{"ts":"1.2"}', 1) for surface in ("slack:#a", "teams:b")]
    for ref in reversed(refs):
        await store.write(lambda tx, r=ref: tx.put_chat_ref(r))
    newer = replace(refs[0], version=2)
    await store.write(lambda tx: tx.put_chat_ref(newer))

    assert await store.read(lambda tx: tx.chat_refs(request.id)) == [newer, refs[1]]
    await store.write(lambda tx: tx.set_meta("epoch", "1"))
    await store.write(lambda tx: tx.set_meta("epoch", "2"))
    assert await store.read(lambda tx: (tx.meta("epoch"), tx.meta("none"))) == ("2", None)


# --- the log


async def test_the_log_is_searched_newest_first_by_every_filter(store: Store) -> None:
    request = a_request(rand)
    for minute in range(6):
        about = request.id if minute % 2 else None
        await store.write(lambda tx, m=minute, a=about: tx.append(a_draft(rand, START + m * MINUTE, a)))

    async def seqs(**fields: Any) -> list[int]:
        return [row.seq for row in await store.read(lambda tx: tx.audit_rows(AuditFilter(**fields)))]

    assert await seqs() == [5, 4, 3, 2, 1, 0]
    assert await seqs(request=request.id) == [5, 3, 1]
    assert await seqs(type="session.login") == [4, 2, 0]
    assert await seqs(actor="export-bot", limit=2) == [5, 4]
    assert await seqs(actor="nobody") == []
    assert await seqs(action="db.export", before=3) == [1]
    assert await seqs(outcome="pending", since=START + 3 * MINUTE) == [5, 3]
    assert await seqs(until=START + 2 * MINUTE) == [1, 0]
    assert await seqs(resource="postgres") == [5, 3, 1]
    assert await seqs(resource="postgres", type="request.created", before=4) == [3, 1]
    assert await seqs(resource="postgres", type="session.login") == []
    assert await seqs(action="db.export", outcome="pending", limit=1) == [5]
    assert await seqs(since=START + MINUTE, until=START + 4 * MINUTE, before=3, limit=1) == [2]
    row = await store.read(lambda tx: tx.audit_row(1))
    assert row is not None
    assert (row.request, row.at, row.resource) == (request.id, START + MINUTE, "postgres")
    assert await store.read(lambda tx: tx.audit_row(6)) is None


async def test_a_private_value_is_kept_sealed_with_its_entry(store: Store) -> None:
    request = a_request(rand)
    private = (Private(f"request:{request.id}", "comment", "canary-comment"),)

    seq = await store.write(lambda tx: tx.append(a_draft(rand, request=request.id, private=private)))

    row = await store.read(lambda tx: tx.audit_row(seq))
    assert row is not None
    assert b"canary" not in row.leaf
    assert b'"comment":' in row.leaf


# --- outbox


def row(key: str = "console/r", minutes: int = 0, **payload: str | int) -> OutboxRow:
    return OutboxRow("card", key, payload, START + minutes * MINUTE)


async def enqueue(store: Store, *rows: OutboxRow) -> None:
    def work(tx: Tx) -> None:
        for each in rows:
            tx.enqueue(each)

    await store.write(work)


async def test_due_rows_are_claimed_oldest_first_and_once_a_lease(store: Store) -> None:
    await enqueue(store, row("b", 1), row("a", 0), row("c", 5))

    claimed = await store.outbox_claim(START + MINUTE, 10, MINUTE)

    assert [r.key for r in claimed] == ["a", "b"]
    assert await store.outbox_claim(START + MINUTE, 10, MINUTE) == []
    assert await store.outbox_next_due() == START + 2 * MINUTE
    again = await store.outbox_claim(START + 2 * MINUTE, 10, MINUTE)
    assert [r.key for r in again] == ["a", "b"]


async def test_a_claim_is_bounded(store: Store) -> None:
    await enqueue(store, *(row(str(n)) for n in range(5)))

    assert len(await store.outbox_claim(START, 3, MINUTE)) == 3
    assert len(await store.outbox_claim(START, 3, MINUTE)) == 2


async def test_waiting_rows_of_one_place_are_merged_into_the_latest(store: Store) -> None:
    await enqueue(store, row("a", 3, n=1))
    await enqueue(store, row("a", 1, n=2), row("a", 0, n=3))

    claimed = await store.outbox_claim(START + 9 * MINUTE, 10, MINUTE)

    assert [(r.key, dict(r.payload), r.due_at) for r in claimed] == [("a", {"n": 3}, START)]
    assert await store.outbox_depth() == 1


async def test_the_same_key_under_another_topic_is_another_place(store: Store) -> None:
    await enqueue(store, row("a"), replace(row("a"), topic="notice"))

    assert len(await store.outbox_claim(START, 10, MINUTE)) == 2


async def test_what_comes_while_a_row_is_out_waits_for_it_and_is_not_lost(store: Store) -> None:
    await enqueue(store, row("a", n=1))
    (first,) = await store.outbox_claim(START, 10, MINUTE)
    await enqueue(store, row("a", n=2))
    assert await store.outbox_claim(START, 10, MINUTE) == []

    await store.outbox_done([first.id])

    (second,) = await store.outbox_claim(START, 10, MINUTE)
    assert dict(second.payload) == {"n": 2}


async def test_a_failed_row_that_was_overtaken_gives_way(store: Store) -> None:
    await enqueue(store, row("a", n=1))
    (first,) = await store.outbox_claim(START, 10, MINUTE)
    await enqueue(store, row("a", n=2))

    await store.outbox_retry(first.id, START, "later")

    claimed = await store.outbox_claim(START, 10, MINUTE)
    assert [dict(r.payload) for r in claimed] == [{"n": 2}]
    assert await store.outbox_depth() == 1


async def test_a_lease_that_passed_gives_way_to_what_overtook_it(store: Store) -> None:
    await enqueue(store, row("a", n=1))
    await store.outbox_claim(START, 10, MINUTE)
    await enqueue(store, row("a", n=2))

    claimed = await store.outbox_claim(START + MINUTE, 10, MINUTE)

    assert [dict(r.payload) for r in claimed] == [{"n": 2}]
    assert await store.outbox_depth() == 1


async def test_a_retry_counts_and_waits_and_a_postponement_only_waits(store: Store) -> None:
    await enqueue(store, row("a"))
    (first,) = await store.outbox_claim(START, 10, MINUTE)
    await store.outbox_retry(first.id, START + 2 * MINUTE, "timeout")

    assert await store.outbox_next_due() == START + 2 * MINUTE
    assert await store.outbox_claim(START + MINUTE, 10, MINUTE) == []
    (again,) = await store.outbox_claim(START + 2 * MINUTE, 10, MINUTE)
    assert (again.attempts, again.last_error) == (1, "timeout")
    await store.outbox_postpone([again.id], START + 3 * MINUTE)
    (third,) = await store.outbox_claim(START + 3 * MINUTE, 10, MINUTE)
    assert (third.attempts, third.last_error) == (1, "timeout")


async def test_done_rows_are_gone_and_done_twice_is_harmless(store: Store) -> None:
    await enqueue(store, row("a"), row("b"))
    ids = [r.id for r in await store.outbox_claim(START, 10, MINUTE)]

    await store.outbox_done(ids)
    await store.outbox_done(ids)
    await store.outbox_retry(ids[0], START, "gone")

    assert await store.outbox_depth() == 0
    assert await store.outbox_next_due() is None
