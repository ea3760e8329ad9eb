"""What the use cases need of the world, as contracts in prose. Adapters implement them; one conformance suite each.

Nothing is decided here. Every limit a port has is stated at its method.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from audit.entry import Draft
from bot.core.ids import AccountKey, AgentId, Digest, GrantId, GroupName, PersonId, RequestId
from bot.core.people import Account, Agent, AgentKey, Delegation, Person, Session
from bot.core.policy import Policy
from bot.core.request import Grant, GrantState, Request, RequestState, Vote

if TYPE_CHECKING:
    from masking.document import MaskedDocument
    from masking.masked import Masked
    from masking.rewriter import Rewrite
    from masking.tokens import SealedValue

T = TypeVar("T")

VAULT_NAMES_MAX: Final = 1000
"""Tokens that one call may make or erase."""


class Masker(Protocol):
    """Masks off the event loop within a time and size limit. Raises ``masking.MaskingError``; then nothing is shown (I9)."""

    async def mask_json(self, value: Any) -> MaskedDocument: ...

    async def mask_text(self, text: str) -> Masked: ...

    async def preview(self, value: Any, fast: MaskedDocument) -> MaskedDocument:
        """*fast* (``mask_json`` of the same *value*), or the same leaves with more hidden, by a reader that is slow and may give up.

        What it adds depends on the time it had: show it, and decide nothing by it. Never raises, never hides less than *fast*."""
        ...

    async def rewrite_json(self, value: Any, how: Rewrite) -> tuple[MaskedDocument, tuple[SealedValue, ...]]:
        """Masked by the operators of *how*. The sealed values of vault tokens must be stored before the document goes anywhere."""
        ...

    async def rewrite_text(self, text: str, how: Rewrite) -> tuple[Masked, tuple[SealedValue, ...]]: ...


class Clock(Protocol):
    """Wall time, aware UTC. Decisions use ``Tx.now()``, which never goes back; timeouts use ``monotonic``."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class Rand(Protocol):
    """Randomness from the operating system; seeded in tests."""

    def bytes(self, count: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Sealed:
    """Ciphertext under a data key that is wrapped by the key-encryption key *kek_id*. AES-256-GCM; the tag is in *ciphertext*."""

    kek_id: str
    wrapped_key: bytes
    nonce: bytes
    ciphertext: bytes


class KeyProvider(Protocol):
    """Keys that never stand in the database. ``open`` raises ``KeyUnavailable`` when the kek is gone (shredded)."""

    def seal(self, plaintext: bytes, aad: bytes) -> Sealed: ...

    def open(self, sealed: Sealed, aad: bytes) -> bytes: ...

    def mac(self, purpose: str, data: bytes) -> bytes:
        """HMAC-SHA256 under a pepper derived for *purpose*."""
        ...

    def sign_grant(self, claims: Mapping[str, object]) -> str:
        """A compact JWS, EdDSA over Ed25519, ``typ: approval-grant+jwt``, with the current ``kid``."""
        ...

    def verify_grant(self, token: str) -> Mapping[str, object] | None:
        """The claims when the signature and the header are ours, else None. Does not look at time."""
        ...

    def jwks(self) -> Mapping[str, object]: ...


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """Something to tell the outside, at least once. ``payload`` holds ids and codes only; what is told is rendered from
    committed state at the time of sending, so a late delivery tells the truth. Rows with the same ``(topic, key)``
    that wait are coalesced: the later one replaces the earlier.

    Topics: ``card`` (key ``SURFACE/REQUEST``), ``callback`` (key request id + event), ``notice`` (reminder, escalation), ``anchor`` (key its name),
    ``siem`` (key the sink's name), ``alert`` (key a surface's name), ``glass`` (key ``SURFACE/REQUEST``: a break-glass, told everywhere)."""

    topic: str
    key: str
    payload: Mapping[str, str | int]
    due_at: datetime
    id: int = 0
    attempts: int = 0
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Vaulted:
    """A value that a vault token stands for, sealed (``masking.tokens``), and the agent that had it made."""

    value: SealedValue
    agent: AgentId


@dataclass(frozen=True, slots=True)
class Page:
    """Keyset paging, newest first: rows with an id strictly below *before* (ids sort by creation time)."""

    limit: int = 50
    before: str | None = None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One journalled entry: the projection columns and the exact leaf bytes they were read from."""

    seq: int
    type: str
    request: str | None
    actor: str
    action: str | None
    resource: str | None
    outcome: str
    at: datetime
    leaf: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """All given fields must match. *before* / *limit*: keyset by seq, newest first, limit at most 500."""

    request: RequestId | None = None
    type: str | None = None
    actor: str | None = None
    action: str | None = None
    resource: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    limit: int = 50


class ReadTx(Protocol):
    """A consistent snapshot. Every read is bounded; lists say their order. Missing things are None, never an error."""

    def now(self) -> datetime:
        """This instant: the clock, but never before any instant at which something was decided (I6, T38)."""
        ...

    # requests
    def request(self, id: RequestId) -> Request | None: ...
    def requests(
        self, page: Page, *, agent: AgentId | None = None, state: RequestState | None = None
    ) -> list[Request]: ...
    def in_turn(self, limit: int, *, is_open: bool) -> list[Request]:
        """One request of each agent, then a second of each, and so on: no agent's flood hides another's request (T08).

        Open ones soonest deadline first. Settled ones latest first, out of the newest ``SETTLED_LOOKED_AT`` rows.
        """
        ...

    def body(self, id: RequestId) -> Sealed | None: ...
    def votes(self, id: RequestId) -> list[Vote]:
        """Every vote, withdrawn ones included, in the order cast."""
        ...

    def pending_count(self, agent: AgentId, most: int) -> int:
        """How many requests of *agent* are open, counted no further than *most*."""
        ...

    def due(self, now: datetime, limit: int) -> list[RequestId]:
        """Open requests with ``next_due <= now``, earliest first."""
        ...

    def next_due(self) -> datetime | None: ...
    def idempotent(self, agent: AgentId, key: str) -> tuple[bytes, RequestId] | None: ...
    def denials(self, agent: AgentId, payload_hash: Digest, since: datetime) -> int: ...
    def window_sum(self, window: str, since: datetime) -> float: ...

    # grants
    def grant(self, id: GrantId) -> Grant | None: ...
    def grant_of(self, request: RequestId) -> Grant | None: ...
    def grants(self, state: GrantState, limit: int) -> list[Grant]: ...

    # people and agents
    def agent(self, id: AgentId) -> Agent | None: ...
    def agents(self) -> list[Agent]: ...
    def agent_key(self, key_id: str) -> AgentKey | None: ...
    def agent_keys(self, agent: AgentId) -> list[AgentKey]: ...
    def person(self, id: PersonId) -> Person | None: ...
    def people(self) -> list[Person]: ...
    def account(self, key: AccountKey) -> Account | None: ...
    def accounts(self, person: PersonId) -> list[Account]: ...
    def session(self, id: str) -> Session | None: ...
    def sessions(self, person: PersonId) -> list[Session]:
        """Every session of *person* that was not dropped, ended by time or not, in the order of their ids."""
        ...

    def delegations(self, at: datetime) -> list[Delegation]: ...
    def owned_agents(self, person: PersonId) -> list[AgentId]: ...

    # the vault
    def vaulted(self, names: Sequence[str]) -> list[Vaulted]:
        """What is kept under *names* (at most ``VAULT_NAMES_MAX``), expired or not, in no order; nothing for a name that is not known."""
        ...

    # the rest
    def meta(self, key: str) -> str | None: ...
    def chat_refs(self, request: RequestId) -> list[ChatRef]: ...
    def audit_rows(self, filter: AuditFilter) -> list[AuditRow]: ...
    def audit_row(self, seq: int) -> AuditRow | None: ...
    def audit_from(self, seq: int, limit: int) -> list[AuditRow]:
        """Entries from *seq* on, oldest first, at most 500. Every one of them is under a signed head (they are committed together)."""
        ...

    def requests_in_log(self, since: int, before: int) -> list[RequestId]:
        """The requests that entries from *since* to before *before* are about, each once, in no order."""
        ...

    def outbound(self, sink: str) -> int:
        """The first sequence number that *sink* has not taken yet; 0 before the first delivery."""
        ...

    def audit_head(self) -> tuple[int, bytes]:
        """``(size, leaf hash of the last entry)``; the hash is 32 zero bytes when size is 0."""
        ...

    def audit_checkpoint(self) -> str | None:
        """The newest signed head (C2SP tlog-checkpoint), what anchors remember; None while the log is empty."""
        ...

    def audit_checkpoint_at(self, size: int) -> str | None:
        """The signed head of exactly *size* entries, as it was signed at its commit."""
        ...

    def bodies_outside(self, kek_id: str, limit: int) -> list[tuple[RequestId, Sealed]]:
        """Bodies whose data key is wrapped by another key than *kek_id*: what a rotation has still to re-wrap."""
        ...


@dataclass(frozen=True, slots=True)
class ChatRef:
    """Where a copy of a request's card stands: ``surface`` ``slack:#x`` …, ``ref`` the platform's own address as JSON text,
    ``version`` the card version it last showed."""

    request: RequestId
    surface: str
    ref: str
    version: int


class Tx(ReadTx, Protocol):
    """One open write transaction. Reads see its own writes. Whatever raises rolls all of it back, audit included.

    Writes that break an invariant of the database raise ``Conflict``. Nothing here is visible to anybody, and no effect may
    leave the process, before ``Store.write`` has returned."""

    def insert_request(self, request: Request, body: Sealed) -> None: ...
    def update_request(self, request: Request, *, expected_version: int) -> None:
        """Raises ``Conflict`` when the stored version is another, or the stored state is terminal and would change."""
        ...

    def shred_body(self, id: RequestId) -> None:
        """Forget the body and its wrapped key. Harmless the second time. Copies in backups end with the kek's rotation."""
        ...

    def rewrap_body(self, id: RequestId, sealed: Sealed) -> None:
        """The same ciphertext under another kek. ``Conflict`` when nonce or ciphertext differ, or the body is gone."""
        ...

    def insert_vote(self, vote: Vote) -> None: ...
    def withdraw_vote(self, request: RequestId, person: PersonId, at: datetime) -> None: ...
    def remember_idempotent(
        self, agent: AgentId, key: str, fingerprint: bytes, request: RequestId, at: datetime
    ) -> None: ...
    def add_to_window(self, window: str, at: datetime, amount: float, request: RequestId) -> None: ...
    def insert_grant(self, grant: Grant) -> None: ...
    def update_grant(self, grant: Grant, *, expected_state: GrantState) -> None:
        """Compare-and-swap on the state; ``Conflict`` when it is another. This is what makes a grant single-use (I5)."""
        ...

    def put_agent(self, agent: Agent) -> None: ...
    def put_agent_key(self, key: AgentKey) -> None: ...
    def put_person(self, person: Person) -> None: ...
    def put_account(self, account: Account) -> None: ...
    def put_session(self, session: Session) -> None: ...
    def drop_session(self, id: str) -> None: ...
    def put_delegation(self, delegation: Delegation) -> None: ...
    def set_meta(self, key: str, value: str) -> None: ...
    def audit_cosign(self, size: int, line: str) -> None:
        """Keep a signature *line* that the head of *size* entries got after its commit. The same signer's second keeps the first."""
        ...

    def set_outbound(self, sink: str, next_seq: int) -> None:
        """*sink* has taken every entry before *next_seq*. Never moves back: two deliverers only repeat each other."""
        ...

    def forget(self, *, sessions: datetime, idempotency: datetime, windows: datetime, limit: int) -> int:
        """Delete sessions that expired before *sessions*, idempotency keys remembered before *idempotency* and window amounts
        before *windows*, at most *limit* of each; how many went."""
        ...

    def put_vaulted(self, rows: Sequence[Vaulted]) -> None:
        """Keep them. ``Conflict`` when a name is known already: nothing in the vault is ever replaced."""
        ...

    def erase_vaulted(self, names: Sequence[str]) -> int:
        """Erase what is kept under *names* (at most ``VAULT_NAMES_MAX``) for good; how many there were. Copies in backups stay."""
        ...

    def expire_vaulted(self, before: datetime, limit: int) -> int:
        """Erase what expired before *before*, at most *limit*; how many went."""
        ...

    def put_chat_ref(self, ref: ChatRef) -> None: ...
    def enqueue(self, row: OutboxRow) -> None: ...
    def append(self, draft: Draft) -> int:
        """Journal *draft* in this transaction; its sequence number. Raises ``AuditError`` and so refuses the transition (I7)."""
        ...


class Store(Protocol):
    """Durable state. A ``write`` that returned has survived any kill or power cut (I8).

    *work* is synchronous, does no I/O but through its transaction, may run more than once (a batch is replayed member by
    member when one fails), and so must have no effect but its return value. Writes are serial: *work* sees every write that
    returned before it started. Raises what *work* raises; ``Busy`` when the queue is full or the database is locked;
    ``StoreFault`` when the world failed and nothing was written; ``Unknown`` when a commit's answer was lost: re-read."""

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def write(self, work: Callable[[Tx], T]) -> T: ...
    async def read(self, work: Callable[[ReadTx], T]) -> T: ...

    async def key_and_agent(self, key_id: str) -> tuple[AgentKey | None, Agent | None]:
        """As ``read`` of both. May answer from memory as long as no commit of any process has changed them (T01)."""
        ...

    async def agent(self, id: AgentId) -> Agent | None:
        """As ``read`` of it; from memory on the same terms."""
        ...

    # the outbox is worked outside of desk transactions
    async def outbox_claim(self, now: datetime, limit: int, lease: timedelta) -> list[OutboxRow]:
        """Due rows, oldest first, leased: not handed out again until *lease* has passed. Of rows with the same ``(topic, key)``
        one at a time is out; a later one stays behind until the first is done, retried, or its lease has passed."""
        ...

    async def outbox_done(self, ids: Sequence[int]) -> None: ...
    async def outbox_retry(self, id: int, due_at: datetime, error: str) -> None:
        """One attempt failed: due again at *due_at*, or gone when a later row with the same ``(topic, key)`` waits already."""
        ...

    async def outbox_postpone(self, ids: Sequence[int], due_at: datetime) -> None:
        """As ``outbox_retry`` for rows that were not tried: their attempts stay as they are."""
        ...

    async def outbox_next_due(self) -> datetime | None: ...
    async def outbox_depth(self) -> int: ...

    async def ping(self) -> None:
        """Raises unless a write could commit now (for ``/readyz``)."""
        ...

    async def backup(self, path: str) -> None:
        """A consistent copy of everything, taken while running."""
        ...


class Directory(Protocol):
    """Which groups people are in, now. ``memberships`` answers for all groups given; None for a group whose source could not be
    read within a second or whose last reading is older than 60 s: it fails closed (T39)."""

    async def memberships(
        self, policy: Policy, groups: Iterable[GroupName]
    ) -> Mapping[GroupName, frozenset[PersonId] | None]: ...

    def held(self, policy: Policy, groups: Iterable[GroupName]) -> frozenset[PersonId]:
        """Who would be of one of *groups* but that a chat has put them there too short a while ago (T31), by the last reading."""
        ...


class Surface(Protocol):
    """A place where cards stand. ``show`` makes every copy under *name* tell the committed state of *request*, creating it if it
    is not there yet; harmless when repeated. Raises ``Retry`` (with a delay) or ``GiveUp``; never anything about the decision."""

    prefix: str
    """``slack``, ``teams``, ``console``: the part of a surface's name before the colon."""

    async def show(self, name: str, request: RequestId) -> None: ...

    async def notify(self, name: str, request: RequestId, kind: str) -> None:
        """A reminder or an escalation (*kind*) is due under every copy. Which ones are is read from the state, and each is said once."""
        ...

    async def absent(self, request: RequestId) -> list[str]:
        """Names of direct copies that should stand and do not (the rule's own surfaces are known without asking)."""
        ...


class Anchor(Protocol):
    """A place outside the database that remembers the log's head. ``remember`` is harmless when repeated; what it returns is a
    signature line over that very head, which is kept beside it."""

    name: str

    async def remember(self, checkpoint: str) -> str | None: ...

    async def recall(self) -> str | None: ...


class Watch(Protocol):
    """Wakes whoever waits for a request to change. Losing a wake-up delays a waiter until the next look of ``bot.noticing``; it
    never misleads it."""

    def changed(self, request: RequestId) -> None: ...

    def noticed(self, requests: Iterable[RequestId]) -> None:
        """*requests* changed since the last call of this, by whomever: wake for those for which ``changed`` was not called since."""
        ...

    @property
    def waiting(self) -> int:
        """How many wait."""
        ...

    def close(self) -> None:
        """End every iteration, later ones at once: the process is going down."""
        ...

    def subscribe(self, request: RequestId | None) -> AsyncIterator[RequestId]: ...
