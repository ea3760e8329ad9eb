"""The service over SQLite against a naive model: whatever the order of events, both say the same (I1–I7, I11).

The model is a dictionary and a few sentences; it shares no code with the core. After each step the stored state, the votes that
stand, and the grant are compared; at the end the log is verified and holds exactly one decision per decided request.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from adapters.stores.sqlite import SqliteStore
from audit.fsck import verify_database
from audit.walk import Exit
from bot.core.ids import GroupName, PersonId
from bot.core.reasons import Refused
from bot.core.request import Choice
from bot.desk.api import Submitted
from tests.support.clock import ManualClock
from tests.support.keys import journal
from tests.support.office import GLASS, SAMPLE, STANDING, Desk, close_desk, open_desk
from tests.support.rand import SeededRand

PEOPLE = ("ana", "bo", "cy", "sam", "eve")
ACTIONS = ("db.export", "db.drop", "iam.grant")
OWNERS = frozenset({"ana", "bo", "cy"})
SECURITY = frozenset({"sam", "ana"})
LIFE = timedelta(minutes=30)
USE = timedelta(minutes=5)
STANDS = timedelta(minutes=20)
WEEK = timedelta(days=7)


class Model:
    """One request as a child would keep it."""

    def __init__(self, action: str, body: dict, asked_at, behalf: str | None) -> None:
        self.action, self.body, self.behalf = action, body, behalf
        self.decide_by = asked_at + LIFE
        self.state = "pending"
        self.votes: dict[str, str] = {}
        self.grant: str | None = None
        self.use_by = None
        self.broken_by: str | None = None
        self.wish = 0
        """Uses of a standing approval that it asks for."""


class Mandate:
    """A standing approval as a child would keep it."""

    def __init__(self, id: str, model: Model, now) -> None:
        self.id, self.left, self.until = id, model.wish, now + STANDS
        self.approvers = {person for person, choice in model.votes.items() if choice == "approve"}
        self.revoked = False


def groups_of(person: str, owners: frozenset[str]) -> set[str]:
    return {g for g, members in (("owners", owners), ("security", SECURITY)) if person in members}


def enough(action: str, approvals: list[str], owners: frozenset[str]) -> bool:
    can_own = [p for p in approvals if p in owners]
    if action == "db.export":
        return len(can_own) >= 2
    if action == "db.drop":
        return len(can_own) >= 1
    return any(o != s for o in can_own for s in approvals if s in SECURITY)


class Machine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        self.clock = ManualClock()
        self.file = folder / "signoff.sqlite3"
        store = SqliteStore(self.file, self.clock, journal(SeededRand(3)))
        self.desk: Desk = self.run(open_desk(folder, store, self.clock))
        self.models: dict[str, Model] = {}
        self.order: list[str] = []
        self.tokens: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self.owners = OWNERS
        self.frozen = False
        self.high = self.clock.now()
        self.counter = 0
        self.mandates: list[Mandate] = []
        self.breaks: list = []
        self.run(self.desk.service.apply_policy(STANDING + GLASS))

    def run(self, work):
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        if not hasattr(self, "desk"):
            return
        counts = Counter(self.run(self.desk.entries()))
        decided = Counter(model.state for model in self.models.values())
        if counts.total() < 500:
            assert counts["decision.approved"] == decided["approved"]
            assert counts["request.cancelled"] == decided["cancelled"]
        self.run(close_desk(self.desk))
        with sqlite3.connect(self.file) as connection:
            report = verify_database(connection)
        connection.close()
        assert report.exit is Exit.OK, report.findings
        self.loop.close()
        self.folder.cleanup()

    # --- what happens

    @rule(
        action=st.sampled_from(ACTIONS),
        behalf=st.sampled_from([None, None, "ana", "cy"]),
        key=st.sampled_from([None, None, "k1", "k2"]),
    )
    def ask(self, action: str, behalf: str | None, key: str | None) -> None:
        self.counter += 1
        changes = {"action": action, "parameters": {"n": 0 if key else self.counter}}
        if behalf:
            changes["on_behalf_of"] = f"person:{behalf}"
        answer = self.run(self.desk.ask(key=key, **changes))
        body = json.dumps(changes, sort_keys=True)
        if key in self.keys:
            first, id = self.keys[key].split("|")
            if first != body:
                assert isinstance(answer, Refused)
                assert answer.reason.value == "key-reused"
            else:
                assert (answer.request.id, answer.created) == (id, False)
            return
        if self.frozen:
            assert answer.reason.value == "frozen"
            return
        if isinstance(answer, Refused):
            assert answer.reason.value == "denied-before"
            same = [
                m for m in self.models.values() if m.body == self.payload(changes) and m.state == "denied"
            ]
            assert same
            return
        assert isinstance(answer, Submitted)
        self.models[answer.request.id] = Model(action, self.payload(changes), self.high, behalf)
        self.order.append(answer.request.id)
        if key:
            self.keys[key] = f"{body}|{answer.request.id}"

    @rule(uses=st.sampled_from([0, 0, 0, 1, 2]))
    def ask_the_same(self, uses: int) -> None:
        """The one export that may be approved standing, with the wish or without."""
        changes: dict = {"action": "db.export", "parameters": {"n": -1}}
        if uses:
            changes["standing"] = {"uses": uses, "valid_for_seconds": int(STANDS.total_seconds())}
        answer = self.run(self.desk.ask(**changes))
        if self.frozen or isinstance(answer, Refused):
            assert answer.reason.value == ("frozen" if self.frozen else "denied-before")
            return
        model = Model("db.export", self.payload(changes), self.high, None)
        model.wish = uses
        self.models[answer.request.id] = model
        self.order.append(answer.request.id)
        stands = next((m for m in self.mandates if self.may_stand_in(m)), None)
        if not uses and stands is not None:
            stands.left -= 1
            model.state, model.grant, model.use_by = "approved", "issued", self.high + USE
            self.tokens[answer.request.id] = answer.grant.token

    def may_stand_in(self, mandate: Mandate) -> bool:
        is_live = not mandate.revoked and mandate.left > 0 and self.high < mandate.until
        return is_live and mandate.approvers <= self.owners

    @precondition(lambda self: self.mandates)
    @rule(data=st.data(), person=st.sampled_from([*PEOPLE, "root"]))
    def revoke_a_standing_approval(self, data: st.DataObject, person: str) -> None:
        mandate = data.draw(st.sampled_from(self.mandates))
        answer = self.run(self.desk.service.revoke_standing(mandate.id, self.desk.actor(person)))
        may = person in mandate.approvers | {"eve", "root"}
        assert isinstance(answer, Refused) == (not may)
        mandate.revoked |= may

    @precondition(lambda self: self.order)
    @rule(data=st.data(), person=st.sampled_from(PEOPLE))
    def break_the_glass(self, data: st.DataObject, person: str) -> None:
        id = self.pick(data)
        model = self.models[id]
        answer = self.run(self.desk.service.break_glass(id, self.desk.actor(person), "nobody is up"))
        if model.state == "pending" and self.high >= model.decide_by:
            model.state = "expired"
        lately = sum(at >= self.high - WEEK for at in self.breaks)
        apart = person in {"eve", model.behalf}
        # A clock that was set back makes every sign-in look old, which is the safe side.
        is_fresh = self.high - self.clock.now() <= timedelta(minutes=5)
        is_open = model.state == "pending" and not self.frozen and is_fresh and lately < 2
        may = is_open and person in SECURITY and not apart
        assert isinstance(answer, Refused) == (not may), (answer, model.__dict__, person)
        if may:
            self.breaks.append(self.high)
            model.state, model.broken_by = "approved", person
            model.grant, model.use_by = "issued", self.high + USE
            self.tokens[id] = answer.grant.token

    def payload(self, changes: dict) -> dict:
        asked = SAMPLE | changes
        return {k: asked[k] for k in ("action", "resource", "parameters", "standing") if k in asked}

    @precondition(lambda self: self.order)
    @rule(data=st.data(), person=st.sampled_from(PEOPLE), approve=st.booleans())
    def vote(self, data: st.DataObject, person: str, approve: bool) -> None:
        id = self.pick(data)
        model = self.models[id]
        answer = self.run(
            self.desk.service.vote(
                id, self.desk.actor(person), Choice.APPROVE if approve else Choice.DENY, comment="because"
            )
        )
        expected = self.model_vote(model, person, approve)
        assert isinstance(answer, Refused) == (not expected), (answer, model.__dict__, person, approve)
        if expected and model.state == "approved":
            assert answer.grant is not None
            model.grant, model.use_by = "issued", self.high + USE
            self.tokens[id] = answer.grant.token
            if model.wish:
                self.mandates.append(Mandate(id, model, self.high))

    def model_vote(self, model: Model, person: str, approve: bool) -> bool:
        if model.state != "pending":
            return False
        if self.high >= model.decide_by:
            model.state = "expired"
            return False
        wanted = {"db.export": {"owners"}, "db.drop": {"owners"}, "iam.grant": {"owners", "security"}}[
            model.action
        ]
        mine = groups_of(person, self.owners) & wanted
        if person in {"eve", model.behalf} or not mine or person in model.votes:
            return False
        if not approve:
            model.votes[person] = "deny"
            model.state = "denied"
            return True
        if self.frozen:
            return False
        standing = [
            p for p, v in model.votes.items() if v == "approve" and groups_of(p, self.owners) & wanted
        ]
        if model.action == "iam.grant":
            first_full = any(p in self.owners for p in standing)
            if ("security" if first_full else "owners") not in mine:
                return False
        model.votes[person] = "approve"
        if enough(model.action, [*standing, person], self.owners):
            model.state = "approved"
        return True

    @precondition(lambda self: self.order)
    @rule(data=st.data(), person=st.sampled_from(PEOPLE))
    def withdraw(self, data: st.DataObject, person: str) -> None:
        id = self.pick(data)
        model = self.models[id]
        answer = self.run(self.desk.service.withdraw(id, self.desk.actor(person)))
        if model.state == "pending" and self.high >= model.decide_by:
            model.state = "expired"
        possible = model.state == "pending" and person in model.votes
        assert isinstance(answer, Refused) == (not possible)
        if possible:
            del model.votes[person]

    @precondition(lambda self: self.order)
    @rule(data=st.data(), agent=st.sampled_from(["bot", "bot", "other"]))
    def cancel(self, data: st.DataObject, agent: str) -> None:
        id = self.pick(data)
        model = self.models[id]
        answer = self.run(self.desk.service.cancel(id, self.desk.callers[agent]))
        if agent == "other":
            assert isinstance(answer, Refused)
            return
        if model.state == "pending":
            model.state = "expired" if self.high >= model.decide_by else "cancelled"
        assert isinstance(answer, Refused) == (model.state != "cancelled")

    @precondition(lambda self: self.tokens)
    @rule(
        data=st.data(),
        agent=st.sampled_from(["bot", "bot", "bot", "other"]),
        same=st.sampled_from([True, True, False]),
    )
    def redeem(self, data: st.DataObject, agent: str, same: bool) -> None:
        id = data.draw(st.sampled_from(sorted(self.tokens)))
        model = self.models[id]
        body = model.body if same else {**model.body, "parameters": {"n": -1}}
        answer = self.run(
            self.desk.service.redeem(
                self.tokens[id], self.desk.callers[agent], payload=json.dumps(body).encode()
            )
        )
        possible = (
            model.grant == "issued"
            and self.high < model.use_by
            and agent == "bot"
            and same
            and not self.frozen
        )
        if possible and model.action == "db.drop" and model.broken_by is None:
            possible = all(p in self.owners for p, v in model.votes.items() if v == "approve")
        assert isinstance(answer, Refused) == (not possible), (answer, model.__dict__)
        if possible:
            model.grant = "redeemed"

    @precondition(lambda self: self.tokens)
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.tokens)))
        model = self.models[id]
        grant = self.run(self.desk.store.read(lambda tx: tx.grant_of(id)))
        answer = self.run(self.desk.service.revoke(grant.id, self.desk.actor("root"), "no"))
        assert isinstance(answer, Refused) == (model.grant not in {"issued", "revoked"})
        if model.grant == "issued":
            model.grant = "revoked"

    @rule(minutes=st.sampled_from([1, 3, 10, 31]))
    def time_passes(self, minutes: int) -> None:
        self.clock.forward(timedelta(minutes=minutes))
        self.high = max(self.high, self.clock.now())
        self.touch()

    @rule()
    def the_clock_is_set_back(self) -> None:
        self.clock.back(timedelta(minutes=20))

    def touch(self) -> None:
        """Write something, so that the store has seen this instant: time goes back only behind what was decided."""
        self.run(self.desk.store.write(lambda tx: tx.set_meta("touched", str(tx.now()))))

    @rule()
    def sweep(self) -> None:
        self.run(self.desk.service.sweep())
        for model in self.models.values():
            if model.state == "pending" and self.high >= model.decide_by:
                model.state = "expired"
            if model.grant == "issued" and self.high >= model.use_by:
                model.grant = "lapsed"

    @rule(gone=st.sampled_from(["ana", "bo", "cy", None]))
    def a_member_leaves_or_all_are_back(self, gone: str | None) -> None:
        self.owners = OWNERS - {gone}
        self.desk.directory.changed[GroupName("owners")] = frozenset(
            PersonId(f"person:{p}") for p in self.owners
        )

    @rule(on=st.booleans())
    def freeze(self, on: bool) -> None:
        if on:
            self.run(self.desk.service.freeze(self.desk.actor("root"), ""))
        else:
            self.run(self.desk.service.unfreeze(self.desk.actor("root")))
        self.frozen = on

    def pick(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(self.order[-4:]))

    # --- what must hold after each step

    def check_invariants(self, *args, **kwargs) -> None:
        super().check_invariants(*args, **kwargs)
        for id, model in getattr(self, "models", {}).items():
            request, votes, grant = self.run(
                self.desk.store.read(lambda tx, id=id: (tx.request(id), tx.votes(id), tx.grant_of(id)))
            )
            stands = {
                v.person.removeprefix("person:"): v.choice.value for v in votes if v.withdrawn_at is None
            }
            assert (request.state.value, stands) == (model.state, model.votes)
            assert (grant.state.value if grant else None) == model.grant


@pytest.mark.slow
def test_i1_to_i7_the_service_does_what_the_model_says() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )
