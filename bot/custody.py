"""Keeping the log: legal holds, erasure, pruning by two persons, and the end of an old key-encryption key.

Decided here: what each takes, and that it and its entry are one transaction (I7). Erasure needs a legal basis and is refused
while a hold stands or the request is still open; pruning takes two different administrators, each by a personal token of
their own (AU-9(5)), and never reaches into the time that the configuration keeps. Callable without a terminal.
Deliberately absent: asking anybody, and telling them how it looks.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from adapters.anchors.headfile import HeadFile
from adapters.keys.files import FileKeys, Kind
from adapters.stores import sqlite_custody as kept
from adapters.stores.sqlite import SqliteStore
from audit.checkpoint import Ed25519Signer, MlDsaSigner
from audit.disclosure import DisclosureError
from audit.entry import Actor as LogActor
from audit.entry import Draft, EntryType, Outcome
from audit.erasure import Held
from audit.fields import Value
from audit.retention import NotPrunable
from audit.rotation import rotated
from bot import mint
from bot.core.credentials import PERSON_TOKEN_PEPPER, KeyPrefix, parse_key_text
from bot.core.facts import Fact
from bot.core.ids import AccountKey, PersonId, RequestId
from bot.core.people import Actor, Role
from bot.core.reasons import Refused
from bot.core.request import Assurance, GrantState
from bot.desk import entries
from bot.desk.admin import is_admin, journal
from bot.desk.context import Office
from bot.desk.ending import SessionEnd, end_sessions
from bot.desk.service import DeskService
from bot.errors import SignoffError
from bot.ports import AuditFilter, Tx

T = TypeVar("T")

PROPOSAL_LASTS: Final = timedelta(hours=24)
META_PROPOSAL: Final = "prune.proposal"
REWRAP_AT_ONCE: Final = 200
"""Data keys in one transaction: some milliseconds, so that a rotation that is killed has lost nothing and repeats little."""


class Basis(StrEnum):
    """Why something is erased, as the log says it (``basis`` of ``payload.shredded``)."""

    REQUEST = "gdpr-17"
    """The person asked for it (GDPR Art. 17(1))."""
    CONSENT = "gdpr-7-3"
    """Consent was withdrawn (GDPR Art. 7(3))."""
    LIMITATION = "gdpr-5-1-e"
    """Its time is over (GDPR Art. 5(1)(e), storage limitation)."""
    OBJECTION = "gdpr-21"
    """The person objects (GDPR Art. 21)."""
    ORDER = "legal-order"
    """A court or an authority ordered it."""
    CONTRACT = "contract"
    """A contract asks for it."""
    MISTAKE = "unlawful"
    """It should never have been stored (GDPR Art. 17(1)(d))."""


class NotDone(SignoffError):
    """The rules of keeping the log said no; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What one data key seals: everything private about one request, or about one person."""

    name: str
    request: RequestId | None = None
    person: PersonId | None = None


@dataclass(frozen=True, slots=True)
class Erased:
    """``values`` private values of the log, whether a sealed body, how many accounts; ``forgotten`` is False while a reader
    keeps the write-ahead log, in which deleted bytes can still be read."""

    scope: str
    values: int
    body: bool
    accounts: int
    seq: int
    forgotten: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """A pruning that one administrator proposed and another must confirm before ``until``."""

    minimum: int
    keep_since: datetime
    by: PersonId
    until: datetime


@dataclass(frozen=True, slots=True)
class Pruned:
    minimum: int
    removed: int
    seq: int


@dataclass(frozen=True, slots=True)
class Rotated:
    """``dropped`` are the ids of the keys that were destroyed."""

    current: str
    rewrapped: int
    dropped: tuple[str, ...]
    forgotten: bool


@dataclass(frozen=True, slots=True)
class Keeper:
    """What the use cases below work with."""

    office: Office
    desk: DeskService
    store: SqliteStore
    keys: FileKeys
    origin: str
    retention: timedelta = timedelta()

    async def person_by_token(self, text: str) -> Actor:
        """The person whose personal access token *text* is. ``NotDone`` for every other text, without saying which it was."""
        key = parse_key_text(text.strip())
        sentence = "this is not a personal access token that is valid now; `signoff people token` makes one"
        if key is None or key.prefix is not KeyPrefix.PERSON:
            raise NotDone(sentence)
        id = AccountKey(f"token:{key.id}")
        account = await self.store.read(lambda tx: tx.account(id))
        mac = self.keys.mac(PERSON_TOKEN_PEPPER, key.secret).hex().encode()
        if account is None or not hmac.compare_digest(mac, account.secret.encode()):
            raise NotDone(sentence)
        now = self.office.clock.now()
        actor = await self.desk.identify(id, surface="cli", assurance=Assurance.CONSOLE, authenticated_at=now)
        if isinstance(actor, Refused):
            raise NotDone(actor.sentence)
        return actor

    # --- holds

    async def hold(self, scope: str, by: Actor | None, *, on: bool) -> bool:
        """Put *scope* on legal hold, or release it; whether that changed anything. A hold blocks shredding and pruning."""

        def work(tx: Tx) -> bool | str:
            refusal = self._refused(tx, by, "hold" if on else "release")
            if refusal is not None:
                return refusal
            found = _scope(tx, scope)
            if isinstance(found, str):
                return found
            changed = kept.set_hold(tx, found.name, self.keys, self.office.rand.bytes, hold=on)
            if changed:
                self._append(tx, EntryType.HOLD_CHANGED, by, {"hold": on, "scope": found.name}, found.request)
            return changed

        return await self._do(work)

    # --- erasure

    async def shred(self, scope: str, basis: Basis, by: Actor | None) -> Erased:
        """Destroy what *scope* sealed. Harmless the second time: then nothing was there, and the log says that too."""

        def work(tx: Tx) -> Erased | str:
            refusal = self._refused(tx, by, "shred")
            if refusal is not None:
                return refusal
            found = _scope(tx, scope)
            if isinstance(found, str):
                return found
            why_not = _still_needed(tx, found)
            if why_not is not None:
                return why_not
            return self._shred(tx, found, basis, by)

        done = await self._do(work)
        return replace(done, forgotten=await self.store.forget_deleted())

    def _shred(self, tx: Tx, scope: Scope, basis: Basis, by: Actor | None) -> Erased | str:
        had_body = scope.request is not None and tx.body(scope.request) is not None
        try:
            done = kept.shred(tx, scope.name, self.keys, self.origin, scope.request)
        except Held:
            data: dict[str, Value] = {"command": "shred", "reason": "held", "scope": scope.name}
            journal(self.office, tx, Fact.COMMAND_REFUSED, by, data, Outcome.REFUSED)
            return f"{scope.name} is on legal hold; release it first with `signoff audit release`"
        accounts = 0
        if scope.person is not None:
            actor = entries.person_actor(tx, by) if by is not None else entries.SYSTEM
            end_sessions(self.office, tx, scope.person, actor, SessionEnd.UNLINKED)
            accounts = kept.forget_person(tx, scope.person)
        facts: dict[str, Value] = {
            "basis": basis.value,
            "scope": scope.name,
            "digests": list(done.digests),
            "destroyed_count": done.count,
            "body_count": int(had_body),
            "account_count": accounts,
        }
        seq = self._append(tx, EntryType.PAYLOAD_SHREDDED, by, facts, scope.request)
        return Erased(scope.name, done.count, had_body, accounts, seq)

    # --- pruning, by two persons

    async def propose_pruning(self, keep_since: datetime, by: Actor) -> Proposal:
        """The first person. Replaces a proposal that nobody confirmed."""

        def work(tx: Tx) -> Proposal | str:
            refusal = self._refused(tx, by, "prune")
            if refusal is not None:
                return refusal
            now = tx.now()
            if keep_since > now - self.retention:
                return f"the configuration keeps the newest {self.retention.days} days (audit.retention); name an earlier day"
            minimum = kept.prune_mark(tx, keep_since)
            if minimum <= _minimum(tx):
                return "no whole block of 256 entries is older than that, so there is nothing to remove"
            proposal = Proposal(minimum, keep_since, by.person, now + PROPOSAL_LASTS)
            tx.set_meta(META_PROPOSAL, msgspec.json.encode(proposal).decode())
            data: dict[str, Value] = {"minimum": minimum, "until": entries.us(proposal.until)}
            self._append(tx, EntryType.LOG_PRUNE_PROPOSED, by, data, None)
            return proposal

        return await self._do(work)

    async def proposal(self) -> Proposal | None:
        """The pruning that waits for its second person; None when there is none in time."""
        text = await self.store.read(lambda tx: (tx.meta(META_PROPOSAL), tx.now()))
        found = msgspec.json.decode(text[0], type=Proposal) if text[0] else None
        return found if found is not None and text[1] < found.until else None

    async def confirm_pruning(self, minimum: int, by: Actor) -> Pruned:
        """The second person, who names the same mark. Leaves below it go; hashes and heads stay for ever."""

        def work(tx: Tx) -> Pruned | str:
            refusal = self._refused(tx, by, "prune")
            if refusal is not None:
                return refusal
            text, now = tx.meta(META_PROPOSAL), tx.now()
            proposal = msgspec.json.decode(text, type=Proposal) if text else None
            if proposal is None or now >= proposal.until:
                return "nobody has proposed a pruning within the last 24 hours"
            if proposal.minimum != minimum:
                return f"the proposal is to remove the entries before {proposal.minimum}; confirm that number or propose anew"
            proposer = Actor(proposal.by, by.account, by.surface, by.assurance, by.authenticated_at)
            # Whoever proposed must still be an administrator, and another than who confirms.
            asked = tx.person(proposal.by)
            stands = asked is not None and asked.enabled and Role.ADMIN in asked.roles
            if proposal.by == by.person or not stands:
                self._journal_refusal(tx, by, "prune", "separated")
                return "pruning takes two different persons; somebody else must confirm"
            before = _minimum(tx)
            try:
                draft = kept.prune(
                    tx, minimum, entries.person_actor(tx, proposer), entries.person_actor(tx, by), mint.entry_id(now, self.office.rand), now
                )  # fmt: skip
            except NotPrunable as e:
                return str(e)
            tx.set_meta(META_PROPOSAL, "")
            return Pruned(minimum, minimum - before, tx.append(draft))

        done = await self._do(work)
        await self.store.forget_deleted()
        return done

    # --- key-encryption keys

    async def rewrap(self, told: Callable[[int], None] = lambda _: None) -> int:
        """Wrap everything by the current kek, some at a time; how much was. Can be stopped anywhere and run again."""
        total = 0
        while True:
            try:
                some = await self.store.write(lambda tx: kept.rewrap_some(tx, self.keys, REWRAP_AT_ONCE))
            except DisclosureError as e:
                raise NotDone(f"a data key cannot be re-wrapped, so no old key is destroyed: {e}") from e
            if not some:
                return total
            total += some
            told(total)

    async def add_key(self, kind: Kind) -> str:
        """A new key file of *kind*, and the entry that says so; its id. Without the entry there is no key. The server reads it at its start.

        A key that signs heads (``audit``, ``mldsa``) is named by the one before it, and both sign that (``key.rotated``)."""
        before = self.keys.ids(kind)
        changed = self.keys.add(kind)
        (new,) = set(changed.ids(kind)) - set(before)
        try:
            if kind in ("audit", "mldsa"):
                await self._do(lambda tx: self._announce(tx, kind, changed))
            else:
                await self._do(
                    lambda tx: self._append(
                        tx,
                        EntryType.KEYS_CHANGED,
                        None,
                        {"kek": new} if kind == "kek" else {"key_ref": f"{kind}:{new}"},
                        None,
                    )
                )
        except BaseException:
            changed.take_back(kind)
            raise
        return new

    def _announce(self, tx: Tx, kind: Kind, changed: FileKeys) -> int:
        ed25519, mldsa = changed.log_signers(self.origin), changed.second_signers(self.origin)
        old: Ed25519Signer | MlDsaSigner
        new: Ed25519Signer | MlDsaSigner
        if kind == "audit":
            new, old = ed25519[0], ed25519[1]
        else:
            new, old = mldsa[0], mldsa[1] if len(mldsa) > 1 else ed25519[0]
        now = tx.now()
        id = mint.entry_id(now, self.office.rand)
        return tx.append(rotated(id, old, new, tx.audit_head()[0], entries.OPERATOR, now))

    async def retire(self, old: str) -> bool:
        """Write down that nothing is wrapped by *old* any more; ``NotDone`` while something is. True when it was new."""

        def work(tx: Tx) -> bool | str:
            left = kept.wrapped_by(tx)
            if left[old]:
                return f"{left[old]} data keys are still wrapped by {old}; it is kept"
            if _was_retired(tx, old):
                return False
            data: dict[str, Value] = {"kek": self.keys.current_kek, "old_kek": old}
            self._append(tx, EntryType.KEYS_CHANGED, None, data, None)
            return True

        return await self._do(work)

    # --- the head file

    async def keep_head(self, file: HeadFile, by: Actor | None) -> int:
        """Have *file* hold the newest signed head, whatever it held; how many entries that is. The entry comes first, so that it is
        under the head. Whoever calls this has checked the log."""

        def work(tx: Tx) -> str | None:
            refusal = self._refused(tx, by, "keep-head")
            if refusal is None:
                self._append(tx, EntryType.AUDIT_QUERIED, by, {"query": "keep-head"}, None)
            return refusal

        await self._do(work)
        note = await self.store.read(lambda tx: tx.audit_checkpoint())
        if note is None:
            raise NotDone("the log has no signed head")
        await asyncio.to_thread(file.replace, note)
        return int(note.split("\n", 2)[1])

    # --- helpers

    def _refused(self, tx: Tx, by: Actor | None, command: str) -> str | None:
        if is_admin(tx, by):
            return None
        self._journal_refusal(tx, by, command, "not_admin")
        return "only an administrator may do this"

    def _journal_refusal(self, tx: Tx, by: Actor | None, command: str, reason: str) -> None:
        journal(
            self.office, tx, Fact.COMMAND_REFUSED, by, {"command": command, "reason": reason}, Outcome.REFUSED
        )

    def _append(
        self, tx: Tx, type: EntryType, by: Actor | None, data: Mapping[str, Value], request: RequestId | None
    ) -> int:
        now = tx.now()
        actor: LogActor = entries.person_actor(tx, by) if by is not None else entries.OPERATOR
        id = mint.entry_id(now, self.office.rand)
        return tx.append(Draft(type, id, Outcome.SUCCESS, actor, now, request=request, data=dict(data)))

    async def _do(self, work: Callable[[Tx], T | str]) -> T:
        """A sentence that *work* returns is a refusal: what it journalled stands, and nothing else happened."""
        answer = await self.store.write(work)
        if isinstance(answer, str):
            raise NotDone(answer)
        return answer


async def rotate_keks(
    keeper: Keeper, old: tuple[str, ...], told: Callable[[int], None] = lambda _: None
) -> Rotated:
    """Re-wrap everything, write down which keys are retired, empty the log of old bytes, then destroy the keys *old*.

    If we stop before the last step nothing is lost and running it again goes on: the new key is there, some data keys are
    wrapped by it, the others by one that is still there too.
    """
    rewrapped = await keeper.rewrap(told)
    for id in old:
        await keeper.retire(id)
    forgotten = await keeper.store.forget_deleted()
    keys = keeper.keys
    for id in old:
        keys = keys.remove(id)
    return Rotated(keeper.keys.current_kek, rewrapped, tuple(old), forgotten)


def _scope(tx: Tx, text: str) -> Scope | str:
    """``request:ID``, a request's id, ``person:NAME`` or a pseudonym."""
    name = text.removeprefix("request:")
    if name.startswith("req_"):
        request = tx.request(RequestId(name))
        return "there is no such request" if request is None else Scope(f"request:{name}", request=request.id)
    known = tx.person(PersonId(text))
    for person in (known,) if known is not None else tx.people():
        if text in {person.id, person.ref, f"person:{person.ref}"}:
            return Scope(f"person:{person.ref}", person=person.id)
    if text.startswith(("person:", "p_")):
        return "there is no such person"
    return "name a request (req_...) or a person (person:NAME, or the pseudonym)"


def _still_needed(tx: Tx, scope: Scope) -> str | None:
    if scope.request is not None:
        request, grant = tx.request(scope.request), tx.grant_of(scope.request)
        if request is not None and request.state.is_open:
            return "the request is still open; cancel or decide it first"
        if grant is not None and grant.state in {GrantState.ISSUED, GrantState.REDEEMED}:
            return "the request's grant is still in use; revoke it or wait for its outcome first"
    if scope.person is not None:
        person = tx.person(scope.person)
        if person is not None and person.enabled:
            return "the person is still active; disable them first with `signoff people disable`"
    return None


def _minimum(tx: Tx) -> int:
    rows = tx.audit_rows(AuditFilter(type=EntryType.LOG_PRUNED.value, limit=1))
    return int(msgspec.json.decode(rows[0].leaf)["data"]["minimum"]) if rows else 0


def _was_retired(tx: Tx, old: str) -> bool:
    rows = tx.audit_rows(AuditFilter(type=EntryType.KEYS_CHANGED.value, limit=500))
    return any(msgspec.json.decode(row.leaf)["data"].get("old_kek") == old for row in rows)
