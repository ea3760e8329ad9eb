"""A small real log for tests: SQLite in a file or in memory, fixed keys, counted randomness."""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.checkpoint import Ed25519Signer, MlDsaSigner, Verifier, parse_vkey
from audit.disclosure import GcmSealer, LocalKeyWrap
from audit.entry import Actor, Draft, EntryType, Outcome, Policy, Private, Sealed, Tool
from audit.journal import Journal
from audit.ledger_sqlite import SCHEMA, SqliteLedger

ORIGIN = "audit.example/approvals"
T0 = datetime(2026, 11, 23, 18, 55, 36, 123456, tzinfo=UTC)
HASH = "A" * 43
KEK = LocalKeyWrap("kek-1", {"kek-1": bytes(range(32))})


def counted_rand(seed: bytes = b"log") -> "Rand":
    return Rand(seed)


class Rand:
    """Repeatable bytes: SHA-256 of a counter. For tests only."""

    def __init__(self, seed: bytes) -> None:
        self.seed = seed
        self.n = 0

    def __call__(self, size: int) -> bytes:
        self.n += 1
        return (sha256(self.seed + self.n.to_bytes(8, "big")).digest() * (size // 32 + 1))[:size]


def signer(seed: bytes = b"signer", name: str = ORIGIN) -> Ed25519Signer:
    return Ed25519Signer(name, Ed25519PrivateKey.from_private_bytes(sha256(seed).digest()))


def second_signer(name: str = ORIGIN) -> MlDsaSigner:
    return MlDsaSigner.from_seed(name, sha256(b"second").digest())


def verifier(seed: bytes = b"signer", name: str = ORIGIN) -> Verifier:
    return parse_vkey(signer(seed, name).vkey)


def database(path: Path | str = ":memory:") -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(SCHEMA)
    return connection


def journal(seed: bytes = b"log", **kw: object) -> Journal:
    rand = Rand(seed)
    kw.setdefault("sealer", GcmSealer(KEK, rand))
    return Journal(ORIGIN, signer(), rand, **kw)  # type: ignore[arg-type]


def human(ref: str = "p_ana") -> Actor:
    return Actor("human", ref, "console")


AGENT = Actor("agent", "a_bot", "key")
SYSTEM = Actor("system", "s_main")
POLICY = Policy("prod-2of3", 17, HASH)
POLICY_TEXT = b"version: 1\n# two of three\n"
IN_FORCE = Policy("prod-2of3", 17, "sha256:" + sha256(POLICY_TEXT).hexdigest())
"""The policy of every story; ``POLICIES`` is what a bundle of one needs."""
POLICIES = {IN_FORCE.hash: (POLICY_TEXT, b'{"rules":[],"v":1}')}


def at(n: float) -> datetime:
    return T0 + timedelta(seconds=n)


def story(
    request: str = "r-1", start: int = 0, approvers: Sequence[str] = ("p_ana", "p_bo"), first_seq: int = 0
) -> Iterator[Draft]:
    """A whole request: asked, masked, shown, voted on, decided, granted, used."""
    t, n, seq = start, 0, first_seq

    def draft(kind: EntryType, outcome: Outcome, actor: Actor, **kw: object) -> Draft:
        nonlocal t, n
        t, n = t + 1, n + 1
        return Draft(
            kind,
            f"{request}.{n}",
            outcome,
            actor,
            at(t),
            request=request,
            policy=IN_FORCE,
            tool=Tool("db.export", "high"),
            **kw,
        )  # type: ignore[arg-type]

    scope = f"request:{request}"
    yield draft(
        EntryType.REQUEST_CREATED,
        Outcome.PENDING,
        AGENT,
        data={"payload_hash": HASH, "action": "db.export", "resource": "postgres:prod-customers"},
        private=(
            Private(scope, "payload", {"rows": 48211, "to": "Grüße"}),
            Private("person:p_maria", "who", "maria@acme.example"),
        ),
    )
    yield draft(
        EntryType.PREVIEW_SHOWN,
        Outcome.SUCCESS,
        SYSTEM,
        data={"preview_hash": HASH, "surface": "console", "complete": True},
    )
    votes = []
    for ref in approvers:
        votes.append(seq + n)
        yield draft(
            EntryType.VOTE_CAST,
            Outcome.SUCCESS,
            human(ref),
            data={"choice": "approve", "groups": ["data-owners"], "payload_hash": HASH, "surface": "console"},
        )
    decision = seq + n
    yield draft(
        EntryType.DECISION_APPROVED,
        Outcome.APPROVED,
        SYSTEM,
        data={
            "votes": votes,
            "basis": "quorum",
            "seats": [f"data-owners:{len(approvers)}"],
            "seated": [f"data-owners={ref}" for ref in approvers],
            "separated": ["p_maria"],
            "payload_hash": HASH,
        },
    )
    yield draft(
        EntryType.GRANT_ISSUED,
        Outcome.SUCCESS,
        SYSTEM,
        data={"jti": f"j-{request}", "decision": decision, "payload_hash": HASH},
    )
    yield draft(
        EntryType.GRANT_USED_BEGIN, Outcome.PENDING, AGENT, data={"jti": f"j-{request}", "payload_hash": HASH}
    )
    yield draft(EntryType.GRANT_USED_END, Outcome.SUCCESS, AGENT, data={"jti": f"j-{request}", "rows": 48211})


def write(
    connection: sqlite3.Connection, drafts: Sequence[Draft], log: Journal | None = None
) -> list[Sealed]:
    """Append all of *drafts* and sign the head, in one transaction."""
    log = log or journal()
    tx = SqliteLedger(connection)
    connection.execute("BEGIN IMMEDIATE")
    sealed = [log.append(tx, draft) for draft in drafts]
    log.checkpoint(tx, T0)
    connection.execute("COMMIT")
    return sealed


def filled(path: Path | str = ":memory:", requests: int = 3, start: int = 0) -> sqlite3.Connection:
    """A log of *requests* whole stories from *start* seconds on, one signed head after each."""
    connection, log, n = database(path), journal(), 0
    for i in range(requests):
        drafts = list(story(f"r-{i}", start=start + i * 60, first_seq=n))
        n += len(write(connection, drafts, log))
    return connection
