"""The desk: ties the use cases to the one protocol that every surface calls (``bot.desk.api.Desk``).

Deliberately absent: rules. They are in ``bot.core`` and in the use cases beside this file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from bot.core.ids import AccountKey, AgentId, Digest, GrantId, PersonId, RequestId
from bot.core.people import Account, Actor, Agent, AgentKey, Delegation, KeyKind, Person, Role, Session
from bot.core.policy import Policy
from bot.core.preview import Card, TimelineLine
from bot.core.reasons import Reason, Refused
from bot.core.request import Ask, Assurance, Choice, Grant, Request, RequestState
from bot.core.standing_approval import StandingApproval
from bot.desk import (
    admin,
    breaking,
    evidence,
    granting,
    intake,
    looking,
    opening,
    policies,
    revealing,
    sessions,
    standing_approvals,
    sweeping,
    voting,
)
from bot.desk.api import (
    AgentCaller,
    ChainState,
    Erased,
    Freeze,
    Idempotency,
    Inbox,
    LoginRefusal,
    NewKey,
    Opened,
    Overridden,
    Redeemed,
    Revealed,
    Reviewed,
    StandingLine,
    Submitted,
    Voted,
)
from bot.desk.context import Office
from bot.desk.evidence import Evidence, Library, Wanted
from bot.errors import StoreFault
from bot.ports import AuditFilter, AuditRow, Page, ReadTx
from masking.tokens import Formatted, SealedValue

Verifier = Callable[[], Awaitable[tuple[bool, str]]]
"""Checks the whole live log: ``(is whole, finding in fixed words)``."""


class DeskService:
    """See ``bot.desk.api.Desk`` for what each call promises."""

    def __init__(
        self, office: Office, verifier: Verifier | None = None, library: Library | None = None
    ) -> None:
        self.office = office
        self._library = library
        self._verifier = verifier
        self._verified: tuple[datetime, bool, str] | None = None

    # --- the way of a request ---------------------------------------------------------------

    async def submit(
        self, ask: Ask, caller: AgentCaller, idempotency: Idempotency | None = None
    ) -> Submitted | Refused:
        return await intake.submit(self.office, ask, caller, idempotency)

    async def vote(
        self,
        request: RequestId,
        actor: Actor,
        choice: Choice,
        *,
        version: int | None = None,
        comment: str = "",
        preview_complete: bool = True,
    ) -> Voted | Refused:
        return await voting.vote(self.office, request, actor, choice, version, comment, preview_complete)

    async def break_glass(self, request: RequestId, actor: Actor, reason: str) -> Voted | Refused:
        return await breaking.break_glass(self.office, request, actor, reason)

    async def review_break_glass(
        self, request: RequestId, actor: Actor, verdict: Literal["justified", "unjustified"], comment: str
    ) -> Reviewed | Refused:
        return await breaking.review(self.office, request, actor, verdict, comment)

    async def break_glasses(self, viewer: Actor) -> list[Overridden] | Refused:
        return await breaking.listing(self.office, viewer)

    async def standing_approvals(self, viewer: Actor) -> list[StandingLine] | Refused:
        return await standing_approvals.listing(self.office, viewer)

    async def revoke_standing(
        self, id: RequestId, actor: Actor, reason: str = ""
    ) -> StandingApproval | Refused:
        return await standing_approvals.revoke(self.office, id, actor, reason)

    async def withdraw(self, request: RequestId, actor: Actor) -> Voted | Refused:
        return await voting.withdraw(self.office, request, actor)

    async def cancel(self, request: RequestId, by: AgentCaller | Actor) -> Request | Refused:
        return await voting.cancel(self.office, request, by)

    async def redeem(
        self,
        token: str,
        caller: AgentCaller,
        *,
        payload: bytes | None = None,
        payload_hash: Digest | None = None,
        redemption_key: str | None = None,
    ) -> Redeemed | Refused:
        return await granting.redeem(self.office, token, caller, payload, payload_hash, redemption_key)

    async def report_outcome(
        self, grant: GrantId, caller: AgentCaller, outcome: Literal["succeeded", "failed"], detail: str = ""
    ) -> Grant | Refused:
        return await granting.report_outcome(self.office, grant, caller, outcome, detail)

    async def revoke(self, grant: GrantId, by: Actor | AgentCaller, reason: str) -> Grant | Refused:
        return await granting.revoke(self.office, grant, by, reason)

    async def reveal(self, request: RequestId, actor: Actor, leaf: int, purpose: str) -> Revealed | Refused:
        return await revealing.reveal(self.office, request, actor, leaf, purpose)

    async def open_tokens(
        self, actor: Actor, value: Any, purpose: str, formatted: Formatted | None = None
    ) -> Opened | Refused:
        return await opening.open_tokens(self.office, actor, value, purpose, formatted)

    async def keep_tokens(self, caller: AgentCaller, sealed: Sequence[SealedValue]) -> Refused | None:
        return await opening.keep(self.office, caller, sealed)

    async def erase_tokens(self, by: Actor | AgentCaller, value: Any, purpose: str) -> Erased | Refused:
        return await opening.erase(self.office, by, value, purpose)

    async def freeze(self, actor: Actor | None, reason: str) -> Freeze | Refused:
        shown = (await self.office.masker.mask_text(reason)).text if reason else ""
        office = self.office
        # Stopping everything is the safe direction, so an administrator's chat click is enough; lifting it is not (A7).
        return await admin.as_admin(
            office, actor, lambda tx: admin.freeze(office, tx, actor, reason, shown), Assurance.CHAT
        )

    async def unfreeze(self, actor: Actor | None) -> Refused | None:
        office = self.office
        return await admin.as_admin(office, actor, lambda tx: admin.unfreeze(office, tx, actor))

    async def frozen(self) -> Freeze | None:
        return await self.office.store.read(admin.read_freeze)

    async def delegate(self, actor: Actor, taker: PersonId, until: datetime) -> Delegation | Refused:
        office = self.office
        return await office.store.write(lambda tx: admin.delegate(office, tx, actor, taker, until))

    async def end_delegation(self, actor: Actor) -> Refused | None:
        office = self.office
        return await office.store.write(lambda tx: admin.end_delegation(office, tx, actor))

    async def sweep(self) -> datetime | None:
        return await sweeping.sweep(self.office)

    # --- looking -----------------------------------------------------------------------------

    async def look(self, request: RequestId, caller: AgentCaller) -> tuple[Request, Grant | None] | Refused:
        return await looking.look(self.office, request, caller)

    async def wait(
        self, request: RequestId, caller: AgentCaller, timeout: timedelta
    ) -> tuple[Request, Grant | None] | Refused:
        return await looking.wait(self.office, request, caller, timeout)

    async def listing(
        self, caller: AgentCaller, page: Page, state: RequestState | None = None
    ) -> list[Request]:
        return await self.office.store.read(lambda tx: tx.requests(page, agent=caller.agent, state=state))

    async def card(self, request: RequestId, viewer: Actor | None) -> Card | Refused:
        return await looking.card(self.office, request, viewer)

    async def timeline(self, request: RequestId, viewer: Actor) -> list[TimelineLine] | Refused:
        return await looking.timeline(self.office, request, viewer)

    async def inbox(self, viewer: Actor) -> Inbox:
        return await looking.inbox(self.office, viewer)

    async def audit(self, viewer: Actor, filter: AuditFilter) -> list[AuditRow] | Refused:
        return await looking.audit(self.office, viewer, filter)

    async def chain(self, viewer: Actor, *, verify: bool = False) -> ChainState | Refused:
        person = await self.person(viewer.person)
        if person is None or not person.enabled or not person.roles & {Role.AUDITOR, Role.ADMIN}:
            return Refused(Reason.NOT_FOUND)
        if verify and self._verifier is not None:
            whole, finding = await self._verifier()
            self._verified = (self.office.clock.now(), whole, finding)
        return await self.office.store.read(self._chain_state)

    def _chain_state(self, tx: ReadTx) -> ChainState:
        size, head = tx.audit_head()
        note = tx.audit_checkpoint() or ""
        lines = note.split("\n")
        signed = int(lines[1]) if len(lines) > 1 and lines[1].isdigit() else 0
        at, whole, finding = self._verified or (None, None, "")
        return ChainState(size, head, note, signed, at, whole, finding)

    async def evidence(self, viewer: Actor, wanted: Wanted) -> Evidence | Refused:
        return await evidence.evidence(self.office, self._library, viewer, wanted)

    async def policy(self) -> Policy:
        return self.office.book.policy

    async def apply_policy(self, text: str, by: Actor | None = None) -> Policy:
        """Put the policy *text* in force; raises ``PolicyError`` and keeps the old one when it cannot be used."""
        return await policies.put_in_force(self.office, text, by)

    def changes(self, request: RequestId | None = None) -> AsyncIterator[RequestId]:
        return self.office.watch.subscribe(request)

    # --- people, agents, accounts -----------------------------------------------------------------

    async def identify(
        self,
        account: AccountKey,
        *,
        surface: str,
        assurance: Assurance,
        authenticated_at: datetime | None = None,
    ) -> Actor | Refused:
        return await self.office.store.read(
            lambda tx: sessions.identify(tx, account, surface, assurance, authenticated_at)
        )

    async def open_session(
        self, session: Session, *, replaces: str | None = None, groups: frozenset[str] | None = None
    ) -> Actor | Refused:
        office = self.office
        return await office.store.write(
            lambda tx: sessions.open_session(office, tx, session, replaces, groups)
        )

    async def refuse_session(self, account: AccountKey | None, why: LoginRefusal | Reason) -> None:
        office = self.office
        await office.store.write(lambda tx: sessions.refuse_session(office, tx, account, why.value))

    async def close_session(self, id: str) -> None:
        office = self.office
        await office.store.write(lambda tx: sessions.close_session(office, tx, id))

    async def close_sessions(self, actor: Actor) -> None:
        office = self.office
        await office.store.write(lambda tx: sessions.close_sessions(office, tx, actor))

    async def person(self, id: PersonId) -> Person | None:
        return await self.office.store.read(lambda tx: tx.person(id))

    async def people(self) -> list[Person]:
        return await self.office.store.read(lambda tx: tx.people())

    async def accounts(self, person: PersonId) -> list[Account]:
        return await self.office.store.read(lambda tx: tx.accounts(person))

    async def add_person(
        self, by: Actor | None, person: PersonId, name: str, roles: frozenset[Role] = frozenset()
    ) -> Person | Refused:
        office = self.office
        return await admin.as_admin(
            office, by, lambda tx: admin.add_person(office, tx, by, person, name, roles)
        )

    async def disable_person(self, by: Actor | None, person: PersonId) -> Person | Refused:
        return await self._enable_person(by, person, enabled=False)

    async def enable_person(self, by: Actor | None, person: PersonId) -> Person | Refused:
        return await self._enable_person(by, person, enabled=True)

    async def _enable_person(self, by: Actor | None, person: PersonId, *, enabled: bool) -> Person | Refused:
        office = self.office
        return await admin.as_admin(office, by, lambda tx: admin.set_enabled(office, tx, by, person, enabled))

    async def link_account(
        self,
        by: Actor | None,
        account: AccountKey,
        person: PersonId,
        *,
        proof: str,
        secret: str = "",
        cool_down: timedelta | None = None,
    ) -> Account | Refused:
        office = self.office
        wait = office.settings.cool_down if cool_down is None else cool_down
        return await admin.as_admin(
            office, by, lambda tx: admin.link(office, tx, by, account, person, proof, secret, wait)
        )

    async def link_own_account(self, by: Actor, account: AccountKey, *, proof: str) -> Account | Refused:
        office = self.office
        wait = office.settings.cool_down
        return await office.store.write(lambda tx: admin.link_own(office, tx, by, account, proof, wait))

    async def confirm_account(self, by: Actor, account: AccountKey) -> Account | Refused:
        office = self.office
        wait = office.settings.cool_down
        return await office.store.write(lambda tx: admin.confirm(office, tx, by, account, wait))

    async def unlink_account(self, by: Actor | None, account: AccountKey) -> Refused | None:
        office = self.office
        return await office.store.write(lambda tx: admin.unlink(office, tx, by, account))

    async def issue_person_token(
        self, by: Actor | None, person: PersonId, valid_for: timedelta
    ) -> str | Refused:
        office = self.office
        return await office.store.write(lambda tx: admin.person_token(office, tx, by, person, valid_for))

    async def add_agent(self, by: Actor | None, agent: Agent) -> Agent | Refused:
        office = self.office
        return await admin.as_admin(office, by, lambda tx: admin.put_agent(office, tx, by, agent, new=True))

    async def set_agent(self, by: Actor | None, agent: Agent) -> Agent | Refused:
        office = self.office
        return await admin.as_admin(office, by, lambda tx: admin.put_agent(office, tx, by, agent, new=False))

    async def agents(self) -> list[tuple[Agent, list[AgentKey]]]:
        return await self.office.store.read(lambda tx: [(a, tx.agent_keys(a.id)) for a in tx.agents()])

    async def issue_key(
        self,
        by: Actor | None,
        agent: AgentId,
        kind: KeyKind = KeyKind.API,
        valid_for: timedelta | None = None,
    ) -> NewKey | Refused:
        office = self.office
        return await admin.as_admin(
            office, by, lambda tx: admin.issue_key(office, tx, by, agent, kind, valid_for)
        )

    async def revoke_key(self, by: Actor | None, key_id: str) -> AgentKey | Refused:
        office = self.office
        return await admin.as_admin(office, by, lambda tx: admin.revoke_key(office, tx, by, key_id))

    async def ready(self) -> bool:
        """Whether a decision could be written now."""
        try:
            await self.office.store.ping()
        except StoreFault:
            return False
        return bool(self.office.book.policy.rules)


__all__ = ["DeskService", "Verifier"]
