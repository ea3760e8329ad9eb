"""What every surface calls: the desk's calls, their arguments and answers. The one authorizer behind every route (T25–T28).

An adapter finds out *who* (an ``Actor`` or an ``AgentId``) and hands over; it decides nothing. Refusals are values
(``Refused``), already journalled when they matter. Faults (``bot.errors``) are raised; nothing was then decided.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, Protocol

from bot.core.ids import AccountKey, AgentId, Digest, GrantId, PersonId, RequestId
from bot.core.people import Account, Actor, Agent, AgentKey, Delegation, KeyKind, Person, Role, Session
from bot.core.policy import Policy
from bot.core.preview import Card, TimelineLine
from bot.core.reasons import Reason, Refused
from bot.core.request import Ask, Assurance, Choice, Grant, Request, RequestState
from bot.core.standing_approval import StandingApproval, StandingState
from bot.desk.evidence import Evidence, Wanted
from bot.ports import AuditFilter, AuditRow, Page
from masking.tokens import Formatted, SealedValue


@dataclass(frozen=True, slots=True)
class Erased:
    """How many values are gone, and the entry that says so."""

    count: int
    seq: int


@dataclass(frozen=True, slots=True)
class AgentCaller:
    """An authenticated agent. ``key_id`` names the credential for the log; ``actions`` are the globs it covers. ``until``: when the
    credential ends by itself, if ever: nothing that was held open for it outlives that."""

    agent: AgentId
    key_id: str
    actions: tuple[str, ...]
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Idempotency:
    key: str
    fingerprint: bytes
    """SHA-256 over the raw body: the same key with another one is refused (``KEY_REUSED``)."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """``created`` is false when an Idempotency-Key found an earlier request. ``grant`` when decided at once (allow)."""

    request: Request
    grant: Grant | None
    created: bool


@dataclass(frozen=True, slots=True)
class Voted:
    """The vote counted (or was withdrawn). ``request`` is the state after it; ``grant`` when it decided for yes."""

    request: Request
    grant: Grant | None
    decided: bool
    seq: int


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A break-glass was judged. *seq* is the entry that says so."""

    request: RequestId
    verdict: str
    is_late: bool
    seq: int


@dataclass(frozen=True, slots=True)
class Overridden:
    """One break-glass as people see it. *reason* is masked. *verdict* is ``justified`` or ``unjustified``, None while nobody has
    reviewed it."""

    request: RequestId
    action: str
    resource_label: str
    by: str
    at: datetime
    reason: str
    review_by: datetime
    verdict: str | None
    reviewed_by: str | None
    reviewed_at: datetime | None
    is_overdue: bool
    may_review: bool


@dataclass(frozen=True, slots=True)
class StandingLine:
    """One standing approval as people see it. *id* is the request that it was granted by; *resource_label* is masked."""

    id: RequestId
    agent: AgentId
    action: str
    resource_label: str
    rule: str
    state: StandingState
    uses: int
    uses_max: int
    granted_at: datetime
    until: datetime
    approvers: tuple[str, ...]
    revoked_at: datetime | None
    revoked_by: str | None
    may_revoke: bool


@dataclass(frozen=True, slots=True)
class Redeemed:
    """Spent. ``repeated`` when the same redemption key asked again after its answer was lost."""

    grant: Grant
    request: Request
    repeated: bool


@dataclass(frozen=True, slots=True)
class Revealed:
    """One value in the clear, for one entitled person, audited before it is here. Never cache, log or store it."""

    value: str
    label: str
    seq: int


@dataclass(frozen=True, slots=True)
class Opened:
    """*value* with *count* tokens turned back, for one entitled person, audited before it is here. Never cache, log or store it."""

    value: Any
    count: int
    seq: int


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key's only appearance in the clear."""

    key: AgentKey
    secret: str


@dataclass(frozen=True, slots=True)
class InboxItem:
    request: RequestId
    version: int
    state: RequestState
    action: str
    resource_label: str
    agent: AgentId
    created_at: datetime
    decide_by: datetime
    decided_at: datetime | None
    hidden: tuple[tuple[str, int], ...]
    seats_filled: int
    seats_total: int
    may_vote: bool


@dataclass(frozen=True, slots=True)
class Inbox:
    """What one person sees: waiting for them, asked by their agents, decided lately, and everything open they may look at."""

    waiting: tuple[InboxItem, ...]
    mine: tuple[InboxItem, ...]
    decided: tuple[InboxItem, ...]
    open: tuple[InboxItem, ...]
    is_cut: bool = False
    """There is more that this person may look at than is shown; each agent's most urgent come first."""


@dataclass(frozen=True, slots=True)
class Freeze:
    by: PersonId | None
    at: datetime
    reason: str


class LoginRefusal(StrEnum):
    """Why nobody was let in at the console's door, or in chat; the code that ``session.refused`` carries."""

    BAD_PASSWORD = "bad-password"  # noqa: S105 - a code, not a password
    UNKNOWN = "unknown"
    THROTTLED = "throttled"
    OIDC = "oidc"
    STRANGER = "stranger"
    """In chat: a bot, a guest, a deactivated account, or one of another workspace or organisation."""


@dataclass(frozen=True, slots=True)
class ChainState:
    """How the audit log stands: what its head is, what was last signed, and what the last check of it found."""

    size: int
    head: bytes
    checkpoint: str
    """The last signed checkpoint as C2SP text; empty when none was signed yet."""
    checkpoint_size: int
    verified_at: datetime | None
    verified: bool | None
    """None: not checked since the start. False: the last check found a fault; *finding* says which, in fixed words."""
    finding: str = ""


class Desk(Protocol):
    """Every call is one transaction: load → ask the core → state + audit entry + outbox rows, then wake the waiters."""

    # --- the way of a request -----------------------------------------------------------------
    async def submit(
        self, ask: Ask, caller: AgentCaller, idempotency: Idempotency | None = None
    ) -> Submitted | Refused: ...

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
        """*version*: the card version the person was shown; approving an older one is STALE_CARD. *preview_complete* false:
        the surface could not show everything, so an approval is refused. *comment* is required for a denial."""
        ...

    async def break_glass(self, request: RequestId, actor: Actor, reason: str) -> Voted | Refused:
        """Approve alone, against the quorum (T43): by a member of the policy's break-glass group, not one of the separated, at the
        console or by a token, signed in at most five minutes ago. *reason* is required. Loud, and reviewed afterwards."""
        ...

    async def review_break_glass(
        self, request: RequestId, actor: Actor, verdict: Literal["justified", "unjustified"], comment: str
    ) -> Reviewed | Refused:
        """By one of the policy's reviewers who neither used it nor asked; once. *comment* is required."""
        ...

    async def break_glasses(self, viewer: Actor) -> list[Overridden] | Refused:
        """Uses, newest first: all of them for auditors, administrators, the group and the reviewers; their own for others."""
        ...

    async def standing_approvals(self, viewer: Actor) -> list[StandingLine] | Refused:
        """Those whose request *viewer* may look at, newest first: live ones and those that ended within thirty days."""
        ...

    async def revoke_standing(
        self, id: RequestId, actor: Actor, reason: str = ""
    ) -> StandingApproval | Refused:
        """By anybody who approved it, an owner of the agent, or an administrator; no request is decided by it from this commit on."""
        ...

    async def withdraw(self, request: RequestId, actor: Actor) -> Voted | Refused: ...

    async def cancel(self, request: RequestId, by: AgentCaller | Actor) -> Request | Refused:
        """By the agent that asked, one of its owners, or the person it was asked for."""
        ...

    async def redeem(
        self,
        token: str,
        caller: AgentCaller,
        *,
        payload: bytes | None = None,
        payload_hash: Digest | None = None,
        redemption_key: str | None = None,
    ) -> Redeemed | Refused:
        """Spend the grant, atomically, once. Give *payload* (raw JSON bytes, canonicalised and hashed here) or its hash."""
        ...

    async def report_outcome(
        self, grant: GrantId, caller: AgentCaller, outcome: Literal["succeeded", "failed"], detail: str = ""
    ) -> Grant | Refused: ...

    async def revoke(self, grant: GrantId, by: Actor | AgentCaller, reason: str) -> Grant | Refused:
        """By an approver of the request, an owner, an administrator, or the agent itself (giving it back)."""
        ...

    async def reveal(self, request: RequestId, actor: Actor, leaf: int, purpose: str) -> Revealed | Refused:
        """The value of the card's leaf *leaf* (``Leaf.index``). Needs the rule's reveal group, console assurance and a login at most
        five minutes old; journalled and committed before the value is returned (I10). A click in chat is enough only where the
        operator set it so and the rule asks for no more than ``chat``."""
        ...

    async def open_tokens(
        self, actor: Actor, value: Any, purpose: str, formatted: Formatted | None = None
    ) -> Opened | Refused:
        """*value* (JSON) with its tokens turned back into values; with *formatted* each of its strings is a value that ``ff1`` wrote, and
        the entry says which type it was opened as. Needs the group of ``masking.open_tokens``, console assurance and a
        login at most five minutes old; journalled and committed before the value is returned (I10). All tokens or none."""
        ...

    async def keep_tokens(self, caller: AgentCaller, sealed: Sequence[SealedValue]) -> Refused | None:
        """Store what the vault tokens of an answer stand for, before the answer goes out. At most ``VAULT_NAMES_MAX``.
        Journalled; nothing happens without any."""
        ...

    async def erase_tokens(self, by: Actor | AgentCaller, value: Any, purpose: str) -> Erased | Refused:
        """The values behind the vault tokens in *value* (JSON) for good: by whoever may open tokens, with a purpose, or by the agent
        that had them made. Journalled. All tokens or none."""
        ...

    async def freeze(self, actor: Actor | None, reason: str) -> Freeze | Refused:
        """By an administrator, from chat as well: it only ever stops things."""
        ...

    async def unfreeze(self, actor: Actor | None) -> Refused | None:
        """By an administrator with console assurance; from chat it is ``STEP_UP``."""
        ...

    async def frozen(self) -> Freeze | None: ...

    async def delegate(self, actor: Actor, taker: PersonId, until: datetime) -> Delegation | Refused: ...

    async def sweep(self) -> datetime | None:
        """Record what has fallen due (expiry, lapsed and indeterminate grants), queue reminders and escalations. Returns the next
        due instant. Correctness never depends on it having run (I6)."""
        ...

    # --- looking ----------------------------------------------------------------------------
    async def look(self, request: RequestId, caller: AgentCaller) -> tuple[Request, Grant | None] | Refused:
        """The agent's own request; anything else is NOT_FOUND."""
        ...

    async def wait(
        self, request: RequestId, caller: AgentCaller, timeout: timedelta
    ) -> tuple[Request, Grant | None] | Refused:
        """Return at once when decided, else on decision or after *timeout* (at most 60 s)."""
        ...

    async def listing(
        self, caller: AgentCaller, page: Page, state: RequestState | None = None
    ) -> list[Request]: ...

    async def card(self, request: RequestId, viewer: Actor | None) -> Card | Refused:
        """The card as *viewer* may see it; None gives the shared copy for a channel. Anybody who may vote on it, owns the agent, asked
        for it, is an auditor or an administrator may look; for others it is NOT_FOUND."""
        ...

    async def timeline(self, request: RequestId, viewer: Actor) -> list[TimelineLine] | Refused: ...
    async def inbox(self, viewer: Actor) -> Inbox: ...
    async def audit(self, viewer: Actor, filter: AuditFilter) -> list[AuditRow] | Refused:
        """For auditors and administrators; journalled as ``audit.queried``."""
        ...

    async def chain(self, viewer: Actor, *, verify: bool = False) -> ChainState | Refused:
        """For auditors and administrators. *verify*: check the whole live log now (seconds on a long one), off the event loop."""
        ...

    async def evidence(self, viewer: Actor, wanted: Wanted) -> Evidence | Refused:
        """A proof, the gaps, a slice of the log or a report, for auditors and administrators. Journalled (``audit.exported``, for gaps
        ``audit.queried``) and committed before it is returned; a refusal is journalled as well. Missing and forbidden look alike."""
        ...

    async def policy(self) -> Policy: ...
    async def apply_policy(self, text: str, by: Actor | None = None) -> Policy:
        """Put the policy *text* in force, journalled; raises ``PolicyError`` and keeps the old one when it cannot be used."""
        ...

    async def ready(self) -> bool:
        """Whether a decision could be written now: the store commits and a policy is loaded."""
        ...

    def changes(self, request: RequestId | None = None) -> AsyncIterator[RequestId]:
        """Ids of requests as they change, for live views; the viewer's right to look is checked per event by ``card``."""
        ...

    # --- people, agents, accounts ----------------------------------------------------------------
    async def identify(
        self,
        account: AccountKey,
        *,
        surface: str,
        assurance: Assurance,
        authenticated_at: datetime | None = None,
    ) -> Actor | Refused:
        """Who an account belongs to now: UNMAPPED, PERSON_DISABLED, COOL_DOWN, or the actor."""
        ...

    # --- console sessions: reading one is ``ReadTx.session``; ``seen_at`` is moved by ``Tx.put_session`` and not journalled
    async def open_session(
        self, session: Session, *, replaces: str | None = None, groups: frozenset[str] | None = None
    ) -> Actor | Refused:
        """Somebody proved *session.account*: store the session, drop *replaces* (rotation, step-up) and journal ``session.login`` in one
        transaction. *groups*: what the identity provider's claim says now (``Person.groups``); None leaves them, empty clears them. Refused, and journalled as ``session.refused``, when ``identify`` would refuse, COOL_DOWN excepted (they may look)."""
        ...

    async def refuse_session(self, account: AccountKey | None, why: LoginRefusal | Reason) -> None:
        """Journal ``session.refused``. The caller has already bounded how often (I12)."""
        ...

    async def close_session(self, id: str) -> None:
        """Drop one session (log out). Harmless when it is gone."""
        ...

    async def close_sessions(self, actor: Actor) -> None:
        """Log *actor* out everywhere."""
        ...

    async def end_delegation(self, actor: Actor) -> Refused | None:
        """*actor* is back: their delegation ends now (``delegation.ended``). Harmless when there is none."""
        ...

    async def person(self, id: PersonId) -> Person | None: ...
    async def people(self) -> list[Person]: ...
    async def accounts(self, person: PersonId) -> list[Account]: ...
    async def add_person(
        self, by: Actor | None, person: PersonId, name: str, roles: frozenset[Role] = frozenset()
    ) -> Person | Refused:
        """``by`` None is the operator at the command line of the host."""
        ...

    async def disable_person(self, by: Actor | None, person: PersonId) -> Person | Refused:
        """Ends their sessions and tokens at once; their counted votes stop counting."""
        ...

    async def enable_person(self, by: Actor | None, person: PersonId) -> Person | Refused: ...

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
        """By the operator, or by an administrator. What an administrator links for another person (a password included) opens
        nothing until it is confirmed (``confirm_account``); the operator's link needs no second pair of eyes (T04)."""
        ...

    async def link_own_account(self, by: Actor, account: AccountKey, *, proof: str) -> Account | Refused:
        """*by*, signed in at the console, has proved *account* as well. It may decide after its cool-down."""
        ...

    async def confirm_account(self, by: Actor, account: AccountKey) -> Account | Refused:
        """Confirm a link that one administrator made: by the person it is for, by another account of theirs, or by another
        administrator. Its cool-down begins now. NOT_CONFIRMER, journalled, for anybody else."""
        ...

    async def unlink_account(self, by: Actor | None, account: AccountKey) -> Refused | None:
        """By an administrator; a person may take back their own ``token:`` accounts (personal access tokens) and turn down links
        to themselves that nobody confirmed yet."""
        ...

    async def issue_person_token(
        self, by: Actor | None, person: PersonId, valid_for: timedelta
    ) -> str | Refused:
        """A personal access token, ``sop_…``: shown once, stored as HMAC. Votes with it have console assurance and surface ``api``.
        By the operator (``by`` None), or by *person* for themselves with console assurance or more from an account that may
        decide now; not by an administrator for another: a token votes at once and as that person (T04)."""
        ...

    async def add_agent(self, by: Actor | None, agent: Agent) -> Agent | Refused: ...
    async def set_agent(self, by: Actor | None, agent: Agent) -> Agent | Refused: ...
    async def agents(self) -> list[tuple[Agent, list[AgentKey]]]: ...
    async def issue_key(
        self,
        by: Actor | None,
        agent: AgentId,
        kind: KeyKind = KeyKind.API,
        valid_for: timedelta | None = None,
    ) -> NewKey | Refused:
        """At most two live keys of a kind (rotation); the secret is shown once."""
        ...

    async def revoke_key(self, by: Actor | None, key_id: str) -> AgentKey | Refused: ...
