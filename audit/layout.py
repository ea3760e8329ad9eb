"""A leaf's bytes, written from a template: each part is checked and encoded once, and joined.

Decided here: the order of the fields, which is RFC 8785's (the names are ASCII, so it is
the order of their bytes), and the encoded form of each part. Parts that come back (an
actor, a policy, a tool, a fact such as the action) are remembered with their encoding;
what is remembered was checked first, and holds no personal data because no leaf may.
That the joined bytes are the canonical form of their value is proven by
``tests/audit/test_canonical.py`` against two other encoders, on every entry type.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from audit.canonical import NotCanonical, encode_checked
from audit.fields import CODE, HASH, REF, Value, fault_of
from audit.fields import VERSION as VERSION_FORM
from audit.kinds import CODE_OF, EntryType, Outcome

PARTS_MAX: Final = 4096
"""Remembered parts of each sort: about a megabyte, enough for the people and actions of a busy day."""

REMEMBERED_LIST: Final = 8
"""Longest list of texts that is remembered: groups and seats, not the digests of a shredding."""

TYPE_PARTS: Final = {
    kind: (f',"code":"{CODE_OF[kind.value]}"', f'","type":"{kind.value}","v":1}}') for kind in EntryType
}
OUTCOME_PARTS: Final = {outcome: f'","outcome":"{outcome.value}"' for outcome in Outcome}


class PartInvalid(ValueError):
    """A part of an entry does not have its form. Names the part, never the value."""


@lru_cache(PARTS_MAX)
def actor_part(kind: str, ref: str, auth: str) -> str:
    if kind not in {"human", "agent", "system"}:
        raise PartInvalid("an actor is human, agent or system")
    if not REF.fullmatch(ref):
        raise PartInvalid("the actor's ref has an unexpected form (a pseudonym, no address, no name)")
    if auth and not CODE.fullmatch(auth):
        raise PartInvalid("the actor's auth has an unexpected form")
    return f'{{"act":{{"auth":"{auth}","kind":"{kind}","ref":"{ref}"}}'


@lru_cache(PARTS_MAX)
def policy_part(id: str, rev: int, hash: str) -> str:
    if not (REF.fullmatch(id) and HASH.fullmatch(hash)):
        raise PartInvalid("policy id or hash has an unexpected form")
    if not 0 <= rev < 2**53:
        raise PartInvalid("a policy revision counts from 0")
    return f',"pol":{{"hash":"{hash}","id":"{id}","rev":{rev}}}'


@lru_cache(PARTS_MAX)
def tool_part(id: str, risk: str) -> str:
    if not (CODE.fullmatch(id) and CODE.fullmatch(risk)):
        raise PartInvalid("tool id or risk has an unexpected form")
    return f',"tool":{{"id":"{id}","risk":"{risk}"}}'


@lru_cache(64)
def source_part(replica: str, ver: str, tenant: str | None) -> str:
    if not (REF.fullmatch(replica) and VERSION_FORM.fullmatch(ver)):
        raise PartInvalid("replica or version has an unexpected form")
    if tenant is not None and not REF.fullmatch(tenant):
        raise PartInvalid("tenant has an unexpected form")
    return f',"src":{{"replica":"{replica}","ver":"{ver}"}}' + (f',"tenant":"{tenant}"' if tenant else "")


def data_part(data: Mapping[str, Value]) -> str:
    """The facts in clear; empty when there are none. ``PartInvalid`` for a fact that may not stand there."""
    parts: list[str] = []
    for name, value in sorted(data.items()):
        if type(value) is str:
            parts.append(_text_fact(name, value))
        elif type(value) is list and value and type(value[0]) is str and len(value) <= REMEMBERED_LIST:
            parts.append(_texts_fact(name, tuple(value)))
        elif value is not None:
            parts.append(_fact(name, value))
        elif (fault := fault_of(name, None)) is not None:
            raise PartInvalid(fault)
    return f',"data":{{{",".join(parts)}}}' if parts else ""


def commitment_part(digests: Iterable[tuple[str, str]]) -> str:
    """The digests by name. Both are ours: names of a checked form, base64url."""
    return ',"c":{' + ",".join(f'"{name}":"{digest}"' for name, digest in sorted(digests)) + "}"


# Only for text: 1, 1.0 and True are one key to a cache, and three values to an entry. A list that holds
# anything but text is refused on its first way in, so it is never remembered.
@lru_cache(PARTS_MAX)
def _text_fact(name: str, value: str) -> str:
    return _fact(name, value)


@lru_cache(PARTS_MAX)
def _texts_fact(name: str, values: tuple[str, ...]) -> str:
    return _fact(name, list(values))


def _fact(name: str, value: Value) -> str:
    fault = fault_of(name, value)
    if fault is not None:
        raise PartInvalid(fault)
    if type(value) is int:
        return f'"{name}":{value}'
    try:
        return f'"{name}":{encode_checked(value).decode("ascii")}'
    except NotCanonical as e:
        raise PartInvalid(str(e)) from e
