"""Who calls: an agent by key, signature or workload token; a person by personal access token.

Decided here: nothing about what they may do. Missing, malformed, unknown, expired and revoked credentials get one and the
same answer. An agent's credential on a route for people is 403 whether it is valid or not, so that it can never decide and
nothing is learned. Keys are asked of the store at each call: a revocation is effective at once (T01). Nothing is written.
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import msgspec
from starlette.requests import Request

from adapters.agents import signed
from adapters.agents.limits import CREDENTIAL_CHARS_MAX, AgentsSettings, Buckets, header_values, read_body
from adapters.agents.problems import UNAUTHORIZED, ProblemError, retry_after
from bot.core.credentials import AGENT_KEY_PEPPER, PERSON_TOKEN_PEPPER, KeyPrefix, KeyText, parse_key_text
from bot.core.ids import AccountKey, AgentId
from bot.core.people import Actor, Agent, AgentKey, KeyKind
from bot.core.reasons import Refused
from bot.core.request import Assurance
from bot.desk.api import AgentCaller, Desk
from bot.errors import KeyUnavailable
from bot.ports import Clock, KeyProvider, Sealed, Store

SIGNED_KEY_HEADER: Final = "signoff-key-id"
"""Names the secret that a signed request was signed with; the standard leaves that to us."""
_SIGNATURE_HEADERS: Final = (
    SIGNED_KEY_HEADER.encode(),
    b"webhook-id",
    b"webhook-timestamp",
    b"webhook-signature",
)

META_SIGNED_AHEAD: Final = "signed_ahead"
"""By key, the latest timestamp (seconds) of a message that was taken before its time: the next process refuses up to it."""


class Workloads(Protocol):
    """Who a workload token belongs to, which rule said so (for the log), and from when on it is taken no more; None for every token
    that is not beyond doubt."""

    async def identify(self, token: str) -> tuple[AgentId, str, datetime] | None: ...


@dataclass(frozen=True, slots=True)
class Called:
    """An authenticated agent's call: who, and the body as far as authenticating had to read it."""

    caller: AgentCaller
    body: bytes | None
    message_id: str | None = None
    """The ``webhook-id`` of a signed request: its Idempotency-Key when it gives no other."""


def unauthorized() -> ProblemError:
    return ProblemError("unauthorized", UNAUTHORIZED, close=True)


def _forbidden() -> ProblemError:
    return ProblemError(
        "forbidden", "Agents ask and people decide; this call takes the other kind of credential.", close=True
    )


class Gate:
    """Authenticates; see the module."""

    def __init__(
        self,
        desk: Desk,
        store: Store,
        keys: KeyProvider,
        clock: Clock,
        settings: AgentsSettings,
        workloads: Workloads | None = None,
    ) -> None:
        self._desk = desk
        self._store = store
        self._keys = keys
        self._clock = clock
        self._settings = settings
        self._workloads = workloads
        self._buckets = Buckets()
        self._replays = signed.Replays(clock.now())
        self._ahead: dict[str, int] = {}
        """By key, the latest timestamp that an earlier process had taken before its time."""
        self._dated_ahead: dict[str, int] = {}
        """The same of this process."""

    async def agent(
        self, request: Request, *, bytes_max: int = 0, is_bound: bool = False, is_free: bool = False
    ) -> Called:
        """The agent that calls. *is_bound*: the body says all of what is asked, so a signature over it suffices; on other
        routes the ``webhook-id`` must end in the method and path. *is_free*: giving back, reporting, cancelling; counted by
        themselves, so that an agent which asked too much can still do them, and one that does nothing else fills no log (T08)."""
        credential = _bearer(request)
        if credential is None:
            called = await self._signed(request, bytes_max, is_bound=is_bound, is_free=is_free)
        elif credential.startswith(f"{KeyPrefix.PERSON.value}_"):
            raise _forbidden()
        elif credential.startswith(f"{KeyPrefix.AGENT.value}_"):
            called = Called(await self._by_key(parse_key_text(credential), is_free=is_free), None)
        else:
            called = Called(await self._by_workload(credential, is_free=is_free), None)
        return called

    async def person(self, request: Request) -> Actor:
        """The person that calls. Votes made so have console assurance and surface ``api``."""
        credential = _bearer(request)
        if credential is None:
            if _signature_headers(request):
                raise _forbidden()
            raise unauthorized()
        if not credential.startswith(f"{KeyPrefix.PERSON.value}_"):
            raise _forbidden()
        key = parse_key_text(credential)
        if key is None:
            raise unauthorized()
        account_key = AccountKey(f"token:{key.id}")
        now = self._clock.now()
        # Both at once: who that is means nothing before the secret is compared.
        account, actor = await asyncio.gather(
            self._store.read(lambda tx: tx.account(account_key)),
            self._desk.identify(
                account_key, surface="api", assurance=Assurance.CONSOLE, authenticated_at=now
            ),
        )
        mac = self._keys.mac(PERSON_TOKEN_PEPPER, key.secret).hex().encode()
        if account is None or not hmac.compare_digest(mac, account.secret.encode()):
            raise unauthorized()
        if isinstance(actor, Refused):
            raise unauthorized()
        self._limit(actor.person, self._settings.person_per_minute_max)
        return actor

    def is_person(self, request: Request) -> bool:
        """Whether the credential has the form of a person's: for calls that both kinds may make."""
        return (_bearer(request) or "").startswith(f"{KeyPrefix.PERSON.value}_")

    async def still(self, caller: AgentCaller) -> bool:
        """Whether *caller*'s credential still stands, for streams that stay open."""
        if caller.until is not None and self._clock.now() >= caller.until:
            return False
        if caller.key_id.startswith("workload:"):
            agent = await self._store.agent(caller.agent)
            return agent is not None and agent.enabled
        key, agent = await self._store.key_and_agent(caller.key_id)
        return key is not None and agent is not None and agent.enabled and _is_live(key, self._clock.now())

    def seconds_left(self, caller: AgentCaller, most: float) -> float:
        """*most* seconds, or fewer where *caller*'s credential ends before: how long a call may be held for it."""
        if caller.until is None:
            return most
        return min(most, max(0.0, (caller.until - self._clock.now()).total_seconds()))

    async def _by_key(self, text: KeyText | None, *, is_free: bool) -> AgentCaller:
        if text is None:
            raise unauthorized()
        key, agent = await self._store.key_and_agent(text.id)
        # The MAC is computed for unknown ids too: same work either way.
        mac = self._keys.mac(AGENT_KEY_PEPPER, text.secret)
        known = key.mac if key is not None and key.kind is KeyKind.API else b""
        if not hmac.compare_digest(mac, known) or key is None or agent is None:
            raise unauthorized()
        if not _is_live(key, self._clock.now()) or not agent.enabled:
            raise unauthorized()
        return self._admit(agent, key.id, key.expires_at, is_free=is_free)

    async def _by_workload(self, token: str, *, is_free: bool) -> AgentCaller:
        found = await self._workloads.identify(token) if self._workloads is not None else None
        if found is None:
            raise unauthorized()
        id, credential, until = found
        agent = await self._store.agent(id)
        if agent is None or not agent.enabled:
            raise unauthorized()
        return self._admit(agent, f"workload:{credential}", until, is_free=is_free)

    async def _signed(self, request: Request, bytes_max: int, *, is_bound: bool, is_free: bool) -> Called:
        headers = _signature_headers(request)
        envelope = signed.parse(*headers[1:]) if headers is not None else None
        now = self._clock.now()
        if headers is None or envelope is None or not signed.is_in_window(envelope, now):
            raise unauthorized()
        if not is_bound and not envelope.id.endswith(f" {request.method} {request.scope['path']}"):
            raise unauthorized()
        key, agent = await self._store.key_and_agent(headers[0])
        if (
            key is None
            or key.kind is not KeyKind.HMAC
            or agent is None
            or not agent.enabled
            or not _is_live(key, now)
        ):
            raise unauthorized()
        body = await read_body(request, bytes_max, self._settings.body_seconds)
        secret = open_secret(self._keys, key)
        if secret is None or not signed.is_signed_by(secret, envelope, body):
            raise unauthorized()
        if not await self._is_new(key.id, envelope, now):
            raise unauthorized()
        return Called(self._admit(agent, key.id, key.expires_at, is_free=is_free), body, envelope.id)

    async def _is_new(self, key_id: str, envelope: signed.Envelope, now: datetime) -> bool:
        """Whether this process takes the message for the first time, and no earlier one can have taken it (T26)."""
        name = f"{META_SIGNED_AHEAD}:{key_id}"
        if key_id not in self._ahead:
            self._ahead[key_id] = int(await self._store.read(lambda tx: tx.meta(name)) or 0)
        before, by_us = self._ahead[key_id], self._dated_ahead.get(key_id, 0)
        if envelope.timestamp <= before or not self._replays.take(key_id, envelope, now):
            return False
        if envelope.timestamp > max(now.timestamp(), by_us):
            # Before it is acted on: the process after this one must know how far ahead a taken message was dated.
            self._dated_ahead[key_id] = envelope.timestamp
            await self._store.write(lambda tx: tx.set_meta(name, str(envelope.timestamp)))
        return True

    def _admit(self, agent: Agent, credential: str, until: datetime | None, *, is_free: bool) -> AgentCaller:
        self._limit(f"{agent.id} free" if is_free else agent.id, agent.per_minute_max)
        return AgentCaller(agent.id, credential, agent.actions, until)

    def _limit(self, caller: str, per_minute: int) -> None:
        wait = self._buckets.take(caller, per_minute, self._clock.monotonic())
        if wait:
            raise ProblemError(
                "too-many-requests",
                "Too many calls in a short time.",
                headers={"Retry-After": retry_after(wait)},
            )


def open_secret(keys: KeyProvider, key: AgentKey) -> bytes | None:
    """The Standard Webhooks secret of an HMAC key; None when it can no longer be opened."""
    try:
        return keys.open(msgspec.msgpack.decode(key.mac, type=Sealed), key.id.encode())
    except KeyUnavailable:
        return None


def live_secrets(keys: KeyProvider, found: list[AgentKey], now: datetime) -> list[bytes]:
    """The secrets that callbacks are signed with, newest first."""
    live = [key for key in found if key.kind is KeyKind.HMAC and _is_live(key, now)]
    live.sort(key=lambda key: key.created_at, reverse=True)
    return [secret for key in live if (secret := open_secret(keys, key)) is not None]


def _is_live(key: AgentKey, now: datetime) -> bool:
    return key.revoked_at is None and (key.expires_at is None or now < key.expires_at)


def _bearer(request: Request) -> str | None:
    """The bearer credential; None when there is no Authorization header. Anything unclear is refused."""
    values = header_values(request, b"authorization")
    if not values:
        return None
    scheme, _, credential = values[0].partition(" ")
    if (
        len(values) > 1
        or scheme.lower() != "bearer"
        or not 1 <= len(credential) <= CREDENTIAL_CHARS_MAX
        or not credential.isascii()
        or _signature_headers(request) is not None
    ):
        raise unauthorized()
    return credential


def _signature_headers(request: Request) -> tuple[str, str, str, str] | None:
    """Key id, message id, timestamp, signature: each once, or None."""
    found = [header_values(request, name) for name in _SIGNATURE_HEADERS]
    if [len(values) for values in found] != [1, 1, 1, 1]:
        return None
    (key_id,), (message,), (timestamp,), (signature,) = found
    return (key_id, message, timestamp, signature) if len(key_id) <= 64 else None
