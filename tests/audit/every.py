"""One draft of every entry type, with fixed values: the ground of the frozen vectors and of the format tests."""

from audit.entry import Draft, EntryType, Outcome, Private, Tool
from audit.fields import NEEDS_REQUEST, REQUIRED
from tests.audit.logs import AGENT, HASH, POLICY, SYSTEM, at, human

SAMPLES: dict[str, object] = {
    "payload_hash": HASH,
    "policy_hash": "sha256:" + "0f" * 32,
    "choice": "approve",
    "groups": ["data-owners", "security"],
    "votes": [3, 4],
    "basis": "quorum",
    "seats": ["data-owners:1", "security:1"],
    "jti": "grt_01hxyz",
    "decision": 5,
    "reason": "logout",
    "row_count": 12,
    "token_count": 2,
    "use_count": 5,
    "until": 1_795_435_200_000_000,
    "scope_hash": "0f" * 32,
}


def every_type() -> list[Draft]:
    """In the order of the enumeration; actors and optional parts vary so that each appears."""
    drafts = []
    for n, kind in enumerate(EntryType):
        data = {names[0]: SAMPLES[names[0]] for names in REQUIRED.get(kind, ())}
        data |= {"action": "db.export", "resource": "postgres:prod-customers"} if n % 3 == 0 else {}
        drafts.append(
            Draft(
                kind,
                f"0192f000-0000-7000-8000-{n:012d}",
                list(Outcome)[n % len(Outcome)],
                (human(), AGENT, SYSTEM)[n % 3],
                at(n / 7),
                request=f"req_{n:026d}" if kind in NEEDS_REQUEST else None,
                policy=POLICY if n % 2 else None,
                tool=Tool("db.export", "high") if n % 4 == 1 else None,
                data=data,  # type: ignore[arg-type]
                private=(Private("person:p_ana", "comment", 'Grüße "ok" \u2028 😀'),) if n % 5 == 2 else (),
            )
        )
    return drafts
