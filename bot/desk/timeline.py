"""Audit entries as a person reads them: fixed words per entry type and a few codes, nothing from a payload."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from bot.ports import AuditRow

_WORDS: Final[dict[str, str]] = {
    "request.created": "asked",
    "request.masked": "request masked",
    "preview.shown": "shown on {surface}",
    "vote.cast": "voted to {choice} ({surface})",
    "vote.withdrawn": "withdrew the vote",
    "vote.refused": "tried to {choice}, refused: {reason}",
    "decision.approved": "approved",
    "decision.denied": "denied",
    "request.expired": "expired, nobody decided in time",
    "request.cancelled": "cancelled",
    "grant.issued": "grant issued",
    "grant.used.begin": "grant redeemed, the agent acts",
    "grant.used.end": "the agent reported: {status}",
    "grant.refused": "tried to redeem, refused: {reason}",
    "grant.revoked": "grant revoked",
    "grant.lapsed": "grant lapsed unused or without a report",
    "reveal.viewed": "revealed a hidden value",
    "reveal.refused": "tried to reveal a value, refused: {reason}",
    "break_glass.used": "broke the glass: approved alone, against the quorum",
    "break_glass.reviewed": "reviewed the break-glass: {status}",
    "standing.granted": "a standing approval begins: {use_count} uses",
    "standing.revoked": "took the standing approval back",
    "reminder.sent": "reminder sent",
    "escalation.sent": "escalated",
    "payload.shredded": "payload destroyed",
}


class _Missing(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def words_of(row: AuditRow) -> str:
    """The entry in words, from its leaf bytes (never from projection columns)."""
    leaf = msgspec.json.decode(row.leaf)
    kind = str(leaf["type"])
    return _WORDS.get(kind, kind).format_map(_Missing(leaf.get("data") or {}))
