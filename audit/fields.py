"""Which facts an entry may carry in clear, and the form each must have.

The log holds no personal data and no free text (AUDIT.md 2.1): a leaf lives for
years, and what stands in it can never be taken out again. So ``data`` is an
allow-list: a name that is neither in ``FIELDS`` nor ends in one of ``SUFFIXES``
is refused, and so is a value that its form does not match. Text goes to
``private`` and reaches the leaf only as a salted digest.

Deliberately absent: any form that an e-mail address, a name with a space, or a
sentence would pass.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from audit.kinds import EntryType

Value = str | int | bool | list[str] | list[int] | None

INT_MAX: Final = 2**53 - 1
"""Largest integer every JSON reader keeps exactly (RFC 7493 section 2.2)."""

LIST_MAX: Final = 512
"""Longest list in an entry: 512 forty-three-character digests stay under half a leaf."""

ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}")
CODE: Final = re.compile(r"[a-z0-9][a-z0-9_.:+-]{0,63}")
HASH: Final = re.compile(r"(?:sha256:)?[0-9a-f]{64}|[A-Za-z0-9_-]{43}")
REF: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,95}")
RESOURCE: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}(?::[A-Za-z0-9_./-]{1,128})?")
SEAT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}:[0-9]{1,4}")
SEATED: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}=[A-Za-z0-9][A-Za-z0-9_.:-]{0,95}")
VERSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}")
VKEY: Final = re.compile(r"[!-*,-~]{1,255}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{4,4096}={0,2}")
B64: Final = re.compile(r"[A-Za-z0-9+/]{1,8192}={0,2}")


class Shape(Enum):
    """One value, a list of them, a number, a list of numbers, or a yes/no."""

    TEXT = "text"
    TEXTS = "texts"
    NUMBER = "number"
    NUMBERS = "numbers"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Field:
    """What stands under a name. *takes* is the whole check, made once, because it runs for every fact of every entry."""

    shape: Shape
    takes: Callable[[Value], bool]
    form: re.Pattern[str] | None = None


def _is_number(value: object) -> bool:
    return type(value) is int and -INT_MAX <= value <= INT_MAX


def _is_flag(value: Value) -> bool:
    return type(value) is bool


def _are_numbers(value: Value) -> bool:
    return type(value) is list and len(value) <= LIST_MAX and all(map(_is_number, value))


def _text(form: re.Pattern[str]) -> Field:
    match = form.fullmatch
    return Field(Shape.TEXT, lambda value: type(value) is str and match(value) is not None, form)


def _texts(form: re.Pattern[str]) -> Field:
    match = form.fullmatch

    def takes(value: Value) -> bool:
        return (
            type(value) is list
            and len(value) <= LIST_MAX
            and all(type(v) is str and match(v) is not None for v in value)
        )

    return Field(Shape.TEXTS, takes, form)


_NUMBER: Final = Field(Shape.NUMBER, _is_number)
_NUMBERS: Final = Field(Shape.NUMBERS, _are_numbers)
_FLAG: Final = Field(Shape.FLAG, _is_flag)

FIELDS: Final[Mapping[str, Field]] = MappingProxyType(
    {
        # what is asked
        "action": _text(CODE),
        "resource": _text(RESOURCE),
        "env": _text(CODE),
        "risk": _text(CODE),
        "classes": _texts(CODE),
        "tags": _texts(CODE),
        "idempotent": _FLAG,
        "decide_by": _NUMBER,
        "use_by": _NUMBER,
        # what is shown
        "surface": _text(CODE),
        "complete": _FLAG,
        "spans": _NUMBER,
        "recognizers": _text(VERSION),
        "pointers": _NUMBER,
        # votes and decisions
        "choice": _text(re.compile("approve|deny")),
        "groups": _texts(REF),
        "assurance": _text(CODE),
        "vote": _NUMBER,
        "votes": _NUMBERS,
        "vote_ids": _texts(ID),
        "basis": _text(CODE),
        "seats": _texts(SEAT),
        "seated": _texts(SEATED),
        "separated": _texts(REF),
        "denials_needed": _NUMBER,
        "stage": _NUMBER,
        "rule": _text(REF),
        "reason": _text(CODE),
        "reasons": _texts(CODE),
        # grants; times are microseconds since 1970 here, also nbf and exp
        "jti": _text(ID),
        "kid": _text(ID),
        "decision": _NUMBER,
        "epoch": _NUMBER,
        "executor": _text(REF),
        "agent": _text(REF),
        "nbf": _NUMBER,
        "exp": _NUMBER,
        "begin": _NUMBER,
        "rows": _NUMBER,
        "status": _text(CODE),
        # people, agents, policy, chat
        "person": _text(REF),
        "persons": _texts(REF),
        "owners": _texts(REF),
        "subject": _text(REF),
        "account": _text(REF),
        "change": _text(CODE),
        "changes": _texts(CODE),
        "scope": _text(REF),
        "scopes": _texts(REF),
        "delegate": _text(REF),
        "until": _NUMBER,
        "method": _text(CODE),
        "command": _text(CODE),
        "channel": _text(REF),
        "rev": _NUMBER,
        "rules": _NUMBER,
        "strict": _FLAG,
        # the log about itself
        "software": _text(VERSION),
        "schema": _text(HASH),
        "vkey": _text(VKEY),
        "old_vkey": _text(VKEY),
        "second_vkey": _text(VKEY),
        "proof": _text(B64),
        "old_proof": _text(B64),
        "size": _NUMBER,
        "root": _text(HASH),
        "db_size": _NUMBER,
        "db_root": _text(HASH),
        "anchor": _text(CODE),
        "anchor_size": _NUMBER,
        "anchor_root": _text(HASH),
        "minimum": _NUMBER,
        "kek": _text(ID),
        "old_kek": _text(ID),
        "hold": _FLAG,
        "digests": _texts(HASH),
        "first": _NUMBER,
        "last": _NUMBER,
        "format": _text(CODE),
        "query": _text(CODE),
        "check": _text(CODE),
        "checks": _texts(CODE),
    }
)

SUFFIXES: Final[Mapping[str, Field]] = MappingProxyType(
    {
        "_hash": _text(HASH),
        "_hashes": _texts(HASH),
        "_id": _text(ID),
        "_ids": _texts(ID),
        "_ref": _text(REF),
        "_refs": _texts(REF),
        "_code": _text(CODE),
        "_codes": _texts(CODE),
        "_count": _NUMBER,
        "_seq": _NUMBER,
        "_seqs": _NUMBERS,
        "_us": _NUMBER,
        "_ms": _NUMBER,
        "_seconds": _NUMBER,
        "_bytes": _NUMBER,
        "_at": _NUMBER,
    }
)

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")

# Each row: at least one of these names must be present. What the policy replay
# (audit.semantics) needs to explain a grant without asking the bot.
REQUIRED: Final[Mapping[EntryType, tuple[tuple[str, ...], ...]]] = MappingProxyType(
    {
        EntryType.REQUEST_CREATED: (("payload_hash",),),
        EntryType.VOTE_CAST: (("choice",), ("groups",), ("payload_hash",)),
        EntryType.DECISION_APPROVED: (("votes", "vote_ids"), ("basis",), ("seats",), ("payload_hash",)),
        EntryType.DECISION_DENIED: (("votes", "vote_ids"), ("basis",)),
        EntryType.GRANT_ISSUED: (("jti",), ("decision", "decision_id"), ("payload_hash",)),
        EntryType.GRANT_USED_BEGIN: (("jti",), ("payload_hash",)),
        EntryType.GRANT_USED_END: (("jti",),),
        EntryType.PAYLOAD_SHREDDED: (("basis",),),
        EntryType.POLICY_CHANGED: (("policy_hash",),),
        EntryType.SESSION_ENDED: (("reason",),),
        EntryType.ROWS_SEALED: (("row_count",),),
        EntryType.TOKENS_OPENED: (("token_count",),),
        EntryType.STANDING_GRANTED: (("decision",), ("use_count",), ("until",), ("scope_hash",)),
        EntryType.TOKENS_ERASED: (("token_count",),),
        EntryType.TOKENS_KEPT: (("token_count",),),
    }
)

NEEDS_REQUEST: Final = frozenset(
    {
        EntryType.REQUEST_CREATED,
        EntryType.REQUEST_MASKED,
        EntryType.REQUEST_EXPIRED,
        EntryType.REQUEST_CANCELLED,
        EntryType.PREVIEW_SHOWN,
        EntryType.VOTE_CAST,
        EntryType.VOTE_WITHDRAWN,
        EntryType.DECISION_APPROVED,
        EntryType.DECISION_DENIED,
        EntryType.GRANT_ISSUED,
        EntryType.GRANT_USED_BEGIN,
        EntryType.GRANT_USED_END,
        EntryType.REVEAL_VIEWED,
        EntryType.STANDING_GRANTED,
        EntryType.STANDING_REVOKED,
    }
)


@lru_cache(maxsize=1024)
def field_of(name: str) -> Field | None:
    """The form of the fact called *name*, or None when no entry may carry it."""
    field = FIELDS.get(name)
    if field is None and _NAME.fullmatch(name):
        stem, _, tail = name.rpartition("_")
        if stem:
            field = SUFFIXES.get("_" + tail)
    return field


def fault_of(name: str, value: Value) -> str | None:
    """Why *value* may not stand in clear under *name*; None when it may."""
    field = field_of(name)
    if field is None:
        return f"data[{name!r}] is not on the list of facts an entry may carry in clear"
    if value is None or field.takes(value):
        return None
    return f"data[{name!r}] does not have the form of that fact"


def missing_of(kind: EntryType, data: Mapping[str, Value]) -> tuple[str, ...] | None:
    """The first group of names of which *kind* needs one and *data* has none."""
    if _ALONE[kind] <= data.keys() and kind not in _CHOICE:
        return None
    for names in REQUIRED.get(kind, ()):
        if data.keys().isdisjoint(names):
            return names
    return None


_ALONE: Final = {
    kind: frozenset(names[0] for names in REQUIRED.get(kind, ()) if len(names) == 1) for kind in EntryType
}
"""The names that each kind needs, come what may."""
_CHOICE: Final = frozenset(
    kind for kind, groups in REQUIRED.items() if any(len(names) > 1 for names in groups)
)
"""Kinds that need one of several."""
