"""Everything that can happen, with numbered tags. A tag is never reused or reordered; new ones are appended.

Each fact has exactly one audit entry type (``audit.entry.EntryType``), named by the same string; a
test enumerates this list against the desk's transitions and the log's schema (I7).
"""

from __future__ import annotations

from enum import Enum


class Fact(Enum):
    """``(tag, audit entry type)``."""

    REQUEST_CREATED = (1, "request.created")
    REQUEST_MASKED = (2, "request.masked")
    PREVIEW_SHOWN = (3, "preview.shown")
    VOTE_CAST = (4, "vote.cast")
    VOTE_WITHDRAWN = (5, "vote.withdrawn")
    VOTE_REFUSED = (6, "vote.refused")
    DECISION_APPROVED = (7, "decision.approved")
    DECISION_DENIED = (8, "decision.denied")
    REQUEST_EXPIRED = (9, "request.expired")
    REQUEST_CANCELLED = (10, "request.cancelled")
    GRANT_ISSUED = (11, "grant.issued")
    GRANT_USED_BEGIN = (12, "grant.used.begin")
    GRANT_USED_END = (13, "grant.used.end")
    GRANT_REFUSED = (14, "grant.refused")
    GRANT_REVOKED = (15, "grant.revoked")
    GRANT_LAPSED = (16, "grant.lapsed")
    REVEAL_VIEWED = (17, "reveal.viewed")
    REVEAL_REFUSED = (18, "reveal.refused")
    POLICY_CHANGED = (19, "policy.changed")
    IDENTITY_CHANGED = (20, "identity.changed")
    AGENT_CHANGED = (21, "agent.changed")
    FREEZE_SET = (22, "freeze.set")
    FREEZE_LIFTED = (23, "freeze.lifted")
    DELEGATION_SET = (24, "delegation.set")
    DELEGATION_ENDED = (25, "delegation.ended")
    BREAK_GLASS_USED = (26, "break_glass.used")
    BREAK_GLASS_REVIEWED = (27, "break_glass.reviewed")
    ESCALATION_SENT = (28, "escalation.sent")
    REMINDER_SENT = (29, "reminder.sent")
    SESSION_LOGIN = (30, "session.login")
    SESSION_REFUSED = (31, "session.refused")
    PAYLOAD_SHREDDED = (32, "payload.shredded")
    COMMAND_REFUSED = (33, "command.refused")
    LOG_RESTORED = (34, "log.restored")
    AUDIT_QUERIED = (35, "audit.queried")
    AUDIT_EXPORTED = (36, "audit.exported")
    KEY_ROTATED = (37, "key.rotated")
    LOG_STARTED = (38, "log.started")
    LOG_STOPPED = (39, "log.stopped")
    SESSION_ENDED = (40, "session.ended")
    ROWS_SEALED = (41, "rows.sealed")
    TOKENS_OPENED = (42, "tokens.opened")
    STANDING_GRANTED = (43, "standing.granted")
    STANDING_REVOKED = (44, "standing.revoked")
    TOKENS_ERASED = (45, "tokens.erased")
    TOKENS_KEPT = (46, "tokens.kept")

    @property
    def tag(self) -> int:
        return self.value[0]

    @property
    def entry_type(self) -> str:
        return self.value[1]
