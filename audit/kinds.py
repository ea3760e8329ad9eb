"""What an entry can say happened: closed lists with stable codes and numbered tags.

Decided here: the names, the codes that people and SIEM rules match on, and the tags.
Absent on purpose: what an entry must carry (``audit.fields``) and how it is written
(``audit.entry``).

Rule of evolution: a tag or code is never reused, never reordered and never given a
second meaning. A new type takes the next free tag at the end of its family's block
of hundred; a type that is no longer written keeps its row, so that old logs are read.
"""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final


@unique
class EntryType(StrEnum):
    """What happened. The value is what stands in the leaf's ``type``."""

    REQUEST_CREATED = "request.created"
    REQUEST_MASKED = "request.masked"
    REQUEST_EXPIRED = "request.expired"
    REQUEST_CANCELLED = "request.cancelled"
    PREVIEW_SHOWN = "preview.shown"
    VOTE_CAST = "vote.cast"
    VOTE_WITHDRAWN = "vote.withdrawn"
    VOTE_REFUSED = "vote.refused"
    DECISION_APPROVED = "decision.approved"
    DECISION_DENIED = "decision.denied"
    GRANT_ISSUED = "grant.issued"
    GRANT_USED_BEGIN = "grant.used.begin"
    GRANT_USED_END = "grant.used.end"
    GRANT_REFUSED = "grant.refused"
    GRANT_REVOKED = "grant.revoked"
    GRANT_LAPSED = "grant.lapsed"
    REVEAL_VIEWED = "reveal.viewed"
    REVEAL_REFUSED = "reveal.refused"
    POLICY_CHANGED = "policy.changed"
    IDENTITY_CHANGED = "identity.changed"
    AGENT_CHANGED = "agent.changed"
    FREEZE_SET = "freeze.set"
    FREEZE_LIFTED = "freeze.lifted"
    DELEGATION_SET = "delegation.set"
    DELEGATION_ENDED = "delegation.ended"
    BREAK_GLASS_USED = "break_glass.used"
    BREAK_GLASS_REVIEWED = "break_glass.reviewed"
    ESCALATION_SENT = "escalation.sent"
    REMINDER_SENT = "reminder.sent"
    SESSION_LOGIN = "session.login"
    SESSION_REFUSED = "session.refused"
    PAYLOAD_SHREDDED = "payload.shredded"
    COMMAND_REFUSED = "command.refused"
    LOG_STARTED = "log.started"
    LOG_STOPPED = "log.stopped"
    LOG_RESTORED = "log.restored"
    LOG_PRUNED = "log.pruned"
    KEY_ROTATED = "key.rotated"
    HOLD_CHANGED = "hold.changed"
    AUDIT_QUERIED = "audit.queried"
    AUDIT_EXPORTED = "audit.exported"
    AUDIT_VERIFY_FAILED = "audit.verify_failed"
    SESSION_ENDED = "session.ended"
    ROWS_SEALED = "rows.sealed"
    LOG_PRUNE_PROPOSED = "log.prune_proposed"
    KEYS_CHANGED = "keys.changed"
    TOKENS_OPENED = "tokens.opened"
    STANDING_GRANTED = "standing.granted"
    STANDING_REVOKED = "standing.revoked"
    TOKENS_ERASED = "tokens.erased"
    TOKENS_KEPT = "tokens.kept"


@unique
class Outcome(StrEnum):
    """How it ended. The value is what stands in the leaf's ``outcome``."""

    SUCCESS = "success"
    FAILURE = "failure"
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    REFUSED = "refused"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REVOKED = "revoked"
    LAPSED = "lapsed"
    INDETERMINATE = "indeterminate"


TYPE_TEXT: Final = {kind: kind.value for kind in EntryType}
OUTCOME_TEXT: Final = {outcome: outcome.value for outcome in Outcome}
"""``.value`` of an enum is a call, and every append needs both."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The stable identity of one entry type beside its name."""

    type: EntryType
    tag: int
    code: str


def _family(letter: str, base: int, *types: EntryType) -> tuple[Kind, ...]:
    return tuple(Kind(t, base + i, f"AB{letter}{i:03d}") for i, t in enumerate(types, start=1))


# Append at the end of a family only; tags and codes are counted from the position.
KINDS: Final[tuple[Kind, ...]] = (
    *_family(
        "R",
        100,
        EntryType.REQUEST_CREATED,
        EntryType.REQUEST_MASKED,
        EntryType.REQUEST_EXPIRED,
        EntryType.REQUEST_CANCELLED,
        EntryType.PREVIEW_SHOWN,
    ),
    *_family("V", 200, EntryType.VOTE_CAST, EntryType.VOTE_WITHDRAWN, EntryType.VOTE_REFUSED),
    *_family("D", 300, EntryType.DECISION_APPROVED, EntryType.DECISION_DENIED),
    *_family(
        "G",
        400,
        EntryType.GRANT_ISSUED,
        EntryType.GRANT_USED_BEGIN,
        EntryType.GRANT_USED_END,
        EntryType.GRANT_REFUSED,
        EntryType.GRANT_REVOKED,
        EntryType.GRANT_LAPSED,
    ),
    *_family(
        "S",
        500,
        EntryType.REVEAL_VIEWED,
        EntryType.REVEAL_REFUSED,
        EntryType.PAYLOAD_SHREDDED,
        EntryType.HOLD_CHANGED,
        EntryType.TOKENS_OPENED,
        EntryType.TOKENS_ERASED,
        EntryType.TOKENS_KEPT,
    ),
    *_family("P", 600, EntryType.POLICY_CHANGED, EntryType.IDENTITY_CHANGED, EntryType.AGENT_CHANGED),
    *_family(
        "C",
        700,
        EntryType.FREEZE_SET,
        EntryType.FREEZE_LIFTED,
        EntryType.DELEGATION_SET,
        EntryType.DELEGATION_ENDED,
        EntryType.BREAK_GLASS_USED,
        EntryType.BREAK_GLASS_REVIEWED,
        EntryType.COMMAND_REFUSED,
        EntryType.STANDING_GRANTED,
        EntryType.STANDING_REVOKED,
    ),
    *_family("N", 800, EntryType.ESCALATION_SENT, EntryType.REMINDER_SENT),
    *_family("L", 900, EntryType.SESSION_LOGIN, EntryType.SESSION_REFUSED, EntryType.SESSION_ENDED),
    *_family(
        "A",
        1000,
        EntryType.LOG_STARTED,
        EntryType.LOG_STOPPED,
        EntryType.LOG_RESTORED,
        EntryType.KEY_ROTATED,
        EntryType.AUDIT_QUERIED,
        EntryType.AUDIT_EXPORTED,
        EntryType.AUDIT_VERIFY_FAILED,
        EntryType.LOG_PRUNED,
        EntryType.ROWS_SEALED,
        EntryType.LOG_PRUNE_PROPOSED,
        EntryType.KEYS_CHANGED,
    ),
)

KIND_OF: Final[dict[EntryType, Kind]] = {kind.type: kind for kind in KINDS}
CODE_OF: Final[dict[str, str]] = {kind.type.value: kind.code for kind in KINDS}
