"""Names for things. Nothing is decided here; mixing two of these up is a type error.

Deliberately absent: making ids (that needs randomness; see ``bot.ports.Rand``).
"""

from __future__ import annotations

import re
from typing import Final, NewType

RequestId = NewType("RequestId", str)
"""``req_`` + 26 characters: a UUIDv7 whose random part is unguessable (T35)."""
GrantId = NewType("GrantId", str)
"""The grant's ``jti``: ``grt_`` + 26 characters."""
AgentId = NewType("AgentId", str)
"""``agent:NAME``."""
PersonId = NewType("PersonId", str)
"""``person:NAME``. One per human, whatever the accounts."""
AccountKey = NewType("AccountKey", str)
"""``slack:TEAM:USER``, ``teams:TENANT:AADOBJECT``, ``oidc:ISSUER:SUB``, ``local:NAME``, ``token:ID``."""
GroupName = NewType("GroupName", str)
Digest = NewType("Digest", str)
"""``sha256:`` + 64 lower-case hex digits."""

NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
"""What follows ``agent:`` and ``person:``, and what a group is called."""
ACTION: Final = re.compile(r"(?=.{1,64}\Z)[a-z][a-z0-9_]*(?:[.:-][a-z0-9_]+)*")
"""An action's name, at most 64 characters: lower-case words joined by ``. : -``; too narrow to smuggle prose in.
It stands in the audit log in clear."""
WORD: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
"""A resource's type and environment: words that stand in the audit log in clear."""


def person_id(name: str) -> PersonId:
    """``person:NAME`` from NAME or ``person:NAME``; ValueError when the name is not a NAME."""
    bare = name.removeprefix("person:")
    if not NAME.fullmatch(bare):
        raise ValueError(
            f"{name!r} is not a person's name: use lower-case letters, digits, . _ - (at most 64)"
        )
    return PersonId(f"person:{bare}")


def agent_id(name: str) -> AgentId:
    """``agent:NAME`` from NAME or ``agent:NAME``; ValueError when the name is not a NAME."""
    bare = name.removeprefix("agent:")
    if not NAME.fullmatch(bare):
        raise ValueError(
            f"{name!r} is not an agent's name: use lower-case letters, digits, . _ - (at most 64)"
        )
    return AgentId(f"agent:{bare}")
