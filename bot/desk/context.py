"""What every use case works with: the ports, the current policy, and a few settings. Nothing is decided here.

A use case is a function of ``Office`` and its arguments; ``bot.desk.service`` ties them to the ``Desk`` protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot.core.condition import ConditionError
from bot.core.ids import GroupName, PersonId, RequestId
from bot.core.people import Actor
from bot.core.policy import EMPTY, Policy
from bot.core.policy_judge import Judge
from bot.core.request import Body, Request
from bot.ports import Clock, Directory, KeyProvider, Masker, Rand, ReadTx, Sealed, Store, Watch
from masking.tokens import Tokens

META_FREEZE: Final = "freeze"
META_EPOCH: Final = "epoch"
META_POLICY: Final = "policy"
META_EDITORS: Final = "policy_editors"


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """``issuer`` is the public URL: it is ``iss`` of every grant and the base of every link."""

    issuer: str
    cool_down: timedelta = timedelta(hours=24)
    step_up_within: timedelta = timedelta(minutes=5)
    reveals_per_hour_max: int = 30
    reveal_from: frozenset[str] = frozenset()
    """Chats (``slack``) that may show a revealed value for a rule whose assurance is ``chat``. Empty: the console alone (T19)."""
    tokens_opened_at_once_max: int = 100
    open_tokens: GroupName | None = None
    """Whose members may open tokens; None: nobody."""
    outcome_within: timedelta = timedelta(hours=1)
    token_valid_max: timedelta = timedelta(days=366)
    inbox_max: int = 100
    decided_shown_for: timedelta = timedelta(days=3)


class PolicyBook:
    """The policy in force. Replaced whole; empty until the first is loaded, so nobody may do anything (I13)."""

    def __init__(self) -> None:
        self.judge = Judge(EMPTY)

    @property
    def policy(self) -> Policy:
        return self.judge.policy

    def replace(self, policy: Policy) -> None:
        """Raises ``ConditionError`` and keeps the old one when *policy* does not compile."""
        self.judge = Judge(policy)


@dataclass(slots=True)
class Office:
    store: Store
    clock: Clock
    rand: Rand
    keys: KeyProvider
    masker: Masker
    directory: Directory
    watch: Watch
    settings: DeskSettings
    book: PolicyBook = field(default_factory=PolicyBook)
    poke: Callable[[], None] = lambda: None
    """Wakes the outbox after a commit that queued rows."""
    nudge: Callable[[datetime], None] = lambda _: None
    """Tells the scheduler that a nearer deadline may exist."""
    tokens: Tokens | None = None
    """Opens the tokens that masking wrote; None where there is no key for them."""

    def changed(self, request: RequestId, *due: datetime | None) -> None:
        """After a commit: wake waiters, the outbox and, for the instants in *due*, the scheduler."""
        self.watch.changed(request)
        self.poke()
        for instant in due:
            if instant is not None:
                self.nudge(instant)

    async def membership(self, groups: Iterable[GroupName]) -> Mapping[PersonId, frozenset[GroupName]] | None:
        """Person → groups, or None when any source could not be read (T39)."""
        answer = await self.directory.memberships(self.book.policy, groups)
        by_person: dict[PersonId, set[GroupName]] = {}
        for group, members in answer.items():
            if members is None:
                return None
            for member in members:
                by_person.setdefault(member, set()).add(group)
        return {person: frozenset(names) for person, names in by_person.items()}

    def is_held(self, actor: Actor, request: Request) -> bool:
        """Whether *actor* would be of a group of the rule, but that a chat put them there a short while ago."""
        return actor.person in self.directory.held(self.book.policy, request.requirement.groups)

    def seal(self, id: RequestId, body: bytes) -> Sealed:
        return self.keys.seal(body, aad_of(id))

    def unseal(self, id: RequestId, sealed: Sealed) -> bytes:
        return self.keys.open(sealed, aad_of(id))


def epoch_of(tx: ReadTx) -> int:
    """The restore epoch: grants of an earlier one are void (T48)."""
    return int(tx.meta(META_EPOCH) or "0")


def aad_of(id: RequestId) -> bytes:
    """What a request's ciphertext is bound to: it opens under its own request only."""
    return b"signoff/body/v1\x00" + id.encode()


__all__ = ["Body", "ConditionError", "DeskSettings", "Office", "PolicyBook", "aad_of"]
