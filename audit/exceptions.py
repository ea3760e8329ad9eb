"""What should not be in a log, one entry at a time: overrides, tries at self-approval, grants used after their end, mutual approvals.

One reading of it serves the reports, ``audit gaps`` and the standing watch. No proof: whether the log explains itself is ``audit.semantics``'.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

USED_LATE: Final = "expired but used"
RECIPROCAL: Final = "reciprocal approval"


class Exceptional(NamedTuple):
    kind: str
    seq: int
    request: str
    text: str


@dataclass(slots=True)
class Grants:
    """Until when each grant may be used, as the entries so far say. Times in microseconds since 1970."""

    until: dict[str, int | None] = field(default_factory=dict)
    over: dict[str, str] = field(default_factory=dict)
    """Grants that lapsed or were revoked."""

    def late(self, kind: str, data: Mapping[str, Any], us: int) -> str | None:
        """Take the entry; when it is a use of a grant that was over, a sentence."""
        jti = str(data.get("jti"))
        if kind == "grant.issued":
            end = data.get("use_by", data.get("exp"))
            self.until[jti] = end if type(end) is int else None
        elif kind in ("grant.lapsed", "grant.revoked"):
            self.over[jti] = kind.partition(".")[2]
        elif kind == "grant.used.begin":
            end = self.until.get(jti)
            if jti in self.over:
                return f"the grant was used although it was {self.over[jti]}"
            if end is not None and us >= end:
                return "the grant was used at or after its end"
        elif kind == "grant.used.end":
            self.until.pop(jti, None)
            self.over.pop(jti, None)
        return None


@dataclass(slots=True)
class Exceptions:
    """Feed ``take`` entries in order; each gives what is exceptional about it."""

    grants: Grants = field(default_factory=Grants)
    blessed: dict[tuple[str, str], int] = field(default_factory=dict)
    """Who approved for whom, and the first entry that says so."""

    def take(self, seq: int, body: Mapping[str, Any], us: int) -> list[Exceptional]:
        kind, request = str(body["type"]), str(body.get("req") or "")
        data = body.get("data")
        data = data if isinstance(data, dict) else {}
        found = []
        itself = exception_of(kind, data)
        if itself is not None:
            found.append(Exceptional(itself[0], seq, request, itself[1]))
        late = self.grants.late(kind, data, us)
        if late is not None:
            found.append(Exceptional(USED_LATE, seq, request, late))
        if kind == "decision.approved":
            found += self._mutual(seq, request, data)
        return found

    def _mutual(self, seq: int, request: str, data: Mapping[str, Any]) -> list[Exceptional]:
        """A approves for B and B for A: allowed by most rules, and worth an auditor's look."""
        found = []
        approvers = {str(s).partition("=")[2] for s in data.get("seated") or ()}
        for behind in map(str, data.get("separated") or ()):
            for approver in sorted(approvers):
                back = self.blessed.get((approver, behind))
                if back is not None:
                    text = f"{approver} and {behind} approve for each other (the other way in entry {back})"
                    found.append(Exceptional(RECIPROCAL, seq, request, text))
                self.blessed.setdefault((behind, approver), seq)
        return found


def exception_of(kind: str, data: Mapping[str, Any]) -> tuple[str, str] | None:
    """The exception that an entry is by itself: kind and sentence."""
    if kind == "break_glass.used" or (
        str(data.get("basis")) in ("break_glass", "break-glass") and "used_seq" not in data
    ):
        return "break-glass", "the rules were overridden and a review is due"
    if kind == "break_glass.reviewed" and data.get("status") != "justified":
        return "break-glass unjustified", "the reviewer found that it should not have been used"
    if kind in ("vote.refused", "command.refused") and data.get("reason") in ("separated", "self-approval"):
        return "self-approval attempt", "somebody who may not decide this request tried to"
    if kind == "request.expired":
        return "expired", "nobody decided in time"
    if kind == "grant.refused":
        return "grant refused", f"a grant was presented wrongly ({data.get('reason', 'no reason recorded')})"
    if kind in ("log.restored", "audit.verify_failed"):
        return "log", f"the log itself: {kind}"
    return None
