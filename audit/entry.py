"""One entry: what the caller says happened, and the leaf that is written for ever.

Decided here: the leaf's fields, their canonical bytes, and the salted commitments that
stand for text which must stay erasable (RFC 9901 disclosure digests). Refused here:
free text in clear, facts that are not on the list of ``audit.fields``, a leaf beyond
65,535 bytes. Not known here: where the leaf is stored, and who signs the head.

The bytes are a contract with every auditor who holds an export: they are frozen by
``tests/audit/vectors``. A change of layout takes a new ``VERSION``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Final, Literal

import orjson

from audit.canonical import LEAF_MAX, NotCanonical, encode_checked
from audit.chain import HASH_BYTES, b64u, leaf_hash
from audit.fields import (
    CODE,
    HASH,
    ID,
    NEEDS_REQUEST,
    REF,
    Value,
    fault_of,
    missing_of,
)
from audit.fields import (
    VERSION as VERSION_FORM,
)
from audit.kinds import CODE_OF, KIND_OF, EntryType, Outcome

__all__ = [
    "CODE_OF",
    "KIND_OF",
    "VERSION",
    "Actor",
    "Disclosure",
    "Draft",
    "EntryInvalid",
    "EntryType",
    "Outcome",
    "Policy",
    "Private",
    "Sealed",
    "Source",
    "Tool",
    "digest_of",
    "disclose",
    "seal",
    "ts_text",
    "ts_us",
]

VERSION: Final = 1
SALT_BYTES: Final = 16
"""RFC 9901 section 4.2.1: 128 bits of salt from a secure source."""

PRIVATE_BYTES_MAX: Final = 1_048_576
"""Largest disclosed value: four times the largest request body."""

PRIVATES_MAX: Final = 32

SCOPE: Final = re.compile(r"[a-z]{1,16}:[A-Za-z0-9][A-Za-z0-9_.:-]{0,95}")
_PRIVATE_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ORIGIN: Final = re.compile(r"[a-z0-9][a-z0-9./_-]{0,127}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)

Rand = Callable[[int], bytes]
PrivateValue = str | int | bool | list[object] | dict[str, object] | None


class EntryInvalid(ValueError):
    """The draft may not be written. A bug of the caller: the transaction must not commit."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: a random pseudonym (never a name or address) and how they were known."""

    kind: Literal["human", "agent", "system"]
    ref: str
    auth: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    id: str
    rev: int
    hash: str


@dataclass(frozen=True, slots=True)
class Tool:
    id: str
    risk: str


@dataclass(frozen=True, slots=True)
class Source:
    """Which replica wrote it, with which software."""

    replica: str = "r1"
    ver: str = "0.1.0"


@dataclass(frozen=True, slots=True)
class Private:
    """A value that must stay erasable. *key_scope* says whose key encrypts it.

    ``request:<id>`` for what belongs to the request, ``person:<ref>`` for what belongs
    to a person, so that one person's erasure does not destroy the request's payload.
    """

    key_scope: str
    name: str
    value: PrivateValue


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before it has a place in the log. *ts* is aware; *id* is unique (UUIDv7)."""

    type: EntryType
    id: str
    outcome: Outcome
    actor: Actor
    ts: datetime
    request: str | None = None
    policy: Policy | None = None
    tool: Tool | None = None
    data: Mapping[str, Value] = field(default_factory=dict)
    private: tuple[Private, ...] = ()


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What opens one digest: *encoded* is base64url of JSON ``[salt, name, value]`` (RFC 9901 section 4.2)."""

    key_scope: str
    name: str
    encoded: str
    digest: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry in its place. *disclosures* are for encrypted storage, never for a log line."""

    seq: int
    leaf: bytes
    leaf_hash: bytes
    ts_us: int = 0
    disclosures: tuple[Disclosure, ...] = field(default=(), repr=False)


def seal(
    draft: Draft,
    *,
    seq: int,
    prev: bytes,
    last_ts_us: int,
    origin: str,
    source: Source,
    rand: Rand,
    tenant: str | None = None,
) -> Sealed:
    """Give *draft* the place *seq* after the leaf whose hash is *prev*.

    Time never goes back: a draft older than *last_ts_us* takes that instant and says so
    (``"clk":"clamped"``). Raises ``EntryInvalid`` and never cuts, escapes or rounds.
    """
    _check(draft, origin, source, tenant)
    if len(prev) != HASH_BYTES or seq < 0:
        raise EntryInvalid("a place in the log is a sequence number and a 32-byte hash")
    us = ts_us(draft.ts)
    kind = draft.type.value
    body: dict[str, object] = {
        "act": {"auth": draft.actor.auth, "kind": draft.actor.kind, "ref": draft.actor.ref},
        "code": CODE_OF[kind],
        "id": draft.id,
        "log": origin,
        "outcome": draft.outcome.value,
        "prev": b64u(prev),
        "seq": seq,
        "src": {"replica": source.replica, "ver": source.ver},
        "type": kind,
        "v": VERSION,
    }
    if us < last_ts_us:
        us = last_ts_us
        body["clk"] = "clamped"
    body["ts"] = ts_text(us)
    data = {name: value for name, value in draft.data.items() if value is not None}
    if data:
        body["data"] = data
    if draft.request is not None:
        body["req"] = draft.request
    if draft.policy is not None:
        body["pol"] = {"hash": draft.policy.hash, "id": draft.policy.id, "rev": draft.policy.rev}
    if draft.tool is not None:
        body["tool"] = {"id": draft.tool.id, "risk": draft.tool.risk}
    if tenant is not None:
        body["tenant"] = tenant
    disclosures = tuple(disclose(private, rand(SALT_BYTES)) for private in draft.private)
    if disclosures:
        body["c"] = {d.name: d.digest for d in disclosures}
    try:
        leaf = encode_checked(body)
    except NotCanonical as e:
        raise EntryInvalid(str(e)) from e
    if len(leaf) > LEAF_MAX:
        raise EntryInvalid(f"leaf of {len(leaf)} bytes; at most {LEAF_MAX}")
    return Sealed(seq, leaf, leaf_hash(leaf), us, disclosures)


def disclose(private: Private, salt: bytes) -> Disclosure:
    """The disclosure of *private* under *salt*, and the digest that stands in the leaf."""
    if len(salt) != SALT_BYTES:
        raise EntryInvalid(f"a salt has {SALT_BYTES} bytes")
    try:
        text = orjson.dumps([b64u(salt), private.name, private.value])
    except (TypeError, ValueError) as e:
        raise EntryInvalid(f"private value {private.name!r} cannot be written as JSON") from e
    if len(text) > PRIVATE_BYTES_MAX:
        raise EntryInvalid(f"private value {private.name!r} is larger than {PRIVATE_BYTES_MAX} bytes")
    encoded = b64u(text)
    return Disclosure(private.key_scope, private.name, encoded, digest_of(encoded))


def digest_of(encoded: str) -> str:
    """RFC 9901 section 4.2.3: base64url of SHA-256 over the ASCII of the encoded disclosure."""
    return b64u(sha256(encoded.encode("ascii")).digest())


def ts_us(moment: datetime) -> int:
    """Microseconds since 1970 of an aware *moment*."""
    if moment.tzinfo is None:
        raise EntryInvalid("a time without a zone is not a time")
    return (moment - _EPOCH) // _US


@lru_cache(maxsize=256)
def ts_text(us: int) -> str:
    """RFC 3339 in UTC with six digits, as the leaf carries it."""
    return (_EPOCH + us * _US).isoformat(timespec="microseconds")[:26] + "Z"


def _check(draft: Draft, origin: str, source: Source, tenant: str | None) -> None:
    _check_log(origin, source.replica, source.ver, tenant)
    _need(draft.actor.kind in ("human", "agent", "system"), "an actor is human, agent or system")
    _need(ID.fullmatch(draft.id), "the entry's id has an unexpected form")
    _need(
        REF.fullmatch(draft.actor.ref),
        "the actor's ref has an unexpected form (a pseudonym, no address, no name)",
    )
    _need(not draft.actor.auth or CODE.fullmatch(draft.actor.auth), "the actor's auth has an unexpected form")
    if draft.request is None:
        _need(draft.type not in NEEDS_REQUEST, f"{draft.type.value} is always about a request")
    else:
        _need(ID.fullmatch(draft.request), "the request id has an unexpected form")
    if draft.policy is not None:
        _check_policy(draft.policy.id, draft.policy.rev, draft.policy.hash)
    if draft.tool is not None:
        _need(
            CODE.fullmatch(draft.tool.id) and CODE.fullmatch(draft.tool.risk),
            "tool id or risk has an unexpected form",
        )
    for name, value in draft.data.items():
        fault = fault_of(name, value)
        if fault is not None:
            raise EntryInvalid(fault)
    missing = missing_of(draft.type, draft.data)
    if missing is not None:
        raise EntryInvalid(f"{draft.type.value} must carry {' or '.join(missing)}")
    if draft.private:
        _check_private(draft.private)


@lru_cache(maxsize=64, typed=True)
def _check_log(origin: str, replica: str, ver: str, tenant: str | None) -> None:
    """What every entry of a process says alike: checked once (an answer is remembered, a refusal is not)."""
    _need(_ORIGIN.fullmatch(origin), "the log's origin has an unexpected form")
    _need(REF.fullmatch(replica) and VERSION_FORM.fullmatch(ver), "replica or version has an unexpected form")
    _need(tenant is None or REF.fullmatch(tenant), "tenant has an unexpected form")


@lru_cache(maxsize=64, typed=True)
def _check_policy(id: str, rev: int, hash: str) -> None:
    """As ``_check_log``: a policy stands in thousands of entries."""
    _need(REF.fullmatch(id) and HASH.fullmatch(hash), "policy id or hash has an unexpected form")
    _need(type(rev) is int and 0 <= rev < 2**53, "a policy revision counts from 0")


def _check_private(private: tuple[Private, ...]) -> None:
    names = {p.name for p in private}
    _need(len(names) == len(private) <= PRIVATES_MAX, f"private names are unique, at most {PRIVATES_MAX}")
    for p in private:
        _need(_PRIVATE_NAME.fullmatch(p.name), f"private name {p.name!r} has an unexpected form")
        _need(SCOPE.fullmatch(p.key_scope), f"key scope of {p.name!r} has an unexpected form")


def _need(holds: object, otherwise: str) -> None:
    if not holds:
        raise EntryInvalid(otherwise)
