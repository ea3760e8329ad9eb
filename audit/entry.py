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
from typing import Final, Literal, NamedTuple

import msgspec

from audit.canonical import LEAF_MAX
from audit.chain import HASH_BYTES, b64u, leaf_hash
from audit.fields import ID, NEEDS_REQUEST, Value, missing_of
from audit.kinds import CODE_OF, KIND_OF, EntryType, Outcome
from audit.layout import (
    OUTCOME_PARTS,
    PARTS_MAX,
    TYPE_PARTS,
    PartInvalid,
    actor_part,
    commitment_part,
    data_part,
    policy_part,
    source_part,
    tool_part,
)

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
_IS_ID: Final = ID.fullmatch
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

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


class Sealed(NamedTuple):
    """An entry in its place. *disclosures* are for encrypted storage, never for a log line."""

    seq: int
    leaf: bytes
    leaf_hash: bytes
    ts_us: int = 0
    disclosures: tuple[Disclosure, ...] = ()

    def __repr__(self) -> str:
        return f"Sealed(seq={self.seq}, leaf={self.leaf!r})"


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
    if len(prev) != HASH_BYTES or seq < 0:
        raise EntryInvalid("a place in the log is a sequence number and a 32-byte hash")
    _check(draft)
    us = ts_us(draft.ts)
    clamped = ""
    if us < last_ts_us:
        us, clamped = last_ts_us, ',"clk":"clamped"'
    disclosures: tuple[Disclosure, ...] = ()
    commitments = ""
    if draft.private:
        disclosures = tuple(disclose(private, rand(SALT_BYTES)) for private in draft.private)
        commitments = commitment_part((d.name, d.digest) for d in disclosures)
    actor, policy, tool = draft.actor, draft.policy, draft.tool
    code, tail = TYPE_PARTS[draft.type]
    try:
        text = (
            f"{actor_part(actor.kind, actor.ref, actor.auth)}{commitments}{clamped}{code}"
            f'{data_part(draft.data) if draft.data else ""},"id":"{draft.id}","log":"{_origin(origin)}'
            f"{OUTCOME_PARTS[draft.outcome]}"
            f"{'' if policy is None else policy_part(policy.id, policy.rev, policy.hash)}"
            f',"prev":"{b64u(prev)}"{"" if draft.request is None else _request(draft.request)},"seq":{seq}'
            f"{source_part(source.replica, source.ver, tenant)}"
            f"{'' if tool is None else tool_part(tool.id, tool.risk)}"
            f',"ts":"{ts_text(us)}{tail}'
        )
    except PartInvalid as e:
        raise EntryInvalid(str(e)) from e
    leaf = text.encode("ascii")
    if len(leaf) > LEAF_MAX:
        raise EntryInvalid(f"leaf of {len(leaf)} bytes; at most {LEAF_MAX}")
    return Sealed(seq, leaf, leaf_hash(leaf), us, disclosures)


def disclose(private: Private, salt: bytes) -> Disclosure:
    """The disclosure of *private* under *salt*, and the digest that stands in the leaf."""
    if len(salt) != SALT_BYTES:
        raise EntryInvalid(f"a salt has {SALT_BYTES} bytes")
    try:
        text = msgspec.json.encode([b64u(salt), private.name, private.value])
    except (TypeError, ValueError, OverflowError) as e:
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
    past = moment - _EPOCH
    return (past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds


def ts_text(us: int) -> str:
    """RFC 3339 in UTC with six digits, as the leaf carries it."""
    seconds, rest = divmod(us, 1_000_000)
    return f"{_second_text(seconds)}.{rest:06d}Z"


@lru_cache(16)
def _second_text(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat(timespec="seconds")[:19]


@lru_cache(16)
def _origin(origin: str) -> str:
    _need(_ORIGIN.fullmatch(origin), "the log's origin has an unexpected form")
    return origin


@lru_cache(PARTS_MAX)
def _request(id: str) -> str:
    _need(_IS_ID(id), "the request id has an unexpected form")
    return f',"req":"{id}"'


def _check(draft: Draft) -> None:
    """What no part's own check sees: the entry's id, and what its type must carry."""
    if _IS_ID(draft.id) is None:
        raise EntryInvalid("the entry's id has an unexpected form")
    if draft.request is None and draft.type in NEEDS_REQUEST:
        raise EntryInvalid(f"{draft.type.value} is always about a request")
    if draft.policy is not None and type(draft.policy.rev) is not int:
        raise EntryInvalid("a policy revision counts from 0")
    missing = missing_of(draft.type, draft.data)
    if missing is not None:
        raise EntryInvalid(f"{draft.type.value} must carry {' or '.join(missing)}")
    if draft.private:
        _check_private(draft.private)


def _check_private(private: tuple[Private, ...]) -> None:
    names = {p.name for p in private}
    _need(len(names) == len(private) <= PRIVATES_MAX, f"private names are unique, at most {PRIVATES_MAX}")
    for p in private:
        _need(_PRIVATE_NAME.fullmatch(p.name), f"private name {p.name!r} has an unexpected form")
        _need(SCOPE.fullmatch(p.key_scope), f"key scope of {p.name!r} has an unexpected form")


def _need(holds: object, otherwise: str) -> None:
    if not holds:
        raise EntryInvalid(otherwise)
