"""Replaying the policy: does the log itself explain every decision and every grant?

Fed entries in order, it re-derives each approval from the recorded votes: entitled,
distinct, not separated, for this payload and this policy, enough for every seat, in time;
and each use of a grant from a decision. It trusts no table and asks no bot. Memory does
not grow with the log: what has not been touched for long lies in a temporary file, so that
a second decision is seen however late it comes. Only the votes on one open request, and a
handful of requests used last, are held whole.

Needs nothing beyond the standard library: this file's text is part of the stand-alone
verifier in every bundle.
"""

import hashlib
import json
import marshal
import sqlite3
import weakref
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Generic, NamedTuple, TypeVar

TERMINAL: Final = {
    "decision.approved": "approved",
    "decision.denied": "denied",
    "request.expired": "expired",
    "request.cancelled": "cancelled",
}
BROKEN: Final = frozenset({"break_glass", "break-glass"})
STANDING: Final = "standing"
WITHOUT_VOTES: Final = frozenset({"allow", STANDING}) | BROKEN
"""Bases on which a request passes without a quorum; each is an exception that reports list."""

HOT_MAX: Final = 128
"""Requests, grants and so on that are kept in memory, of each kind."""

RULES_MAX: Final = 32
"""Policies whose rules are kept parsed."""

V = TypeVar("V")
PolicyOf = Callable[[str], tuple[bytes, bytes | None] | None]
"""From a policy's hash to its text and its rules as the writer read them (JSON); None when it is not at hand."""


def no_policies(_: str) -> None:
    """Nobody brought any policy."""


def matters(kind: str) -> bool:
    """Whether the replay looks at entries of this kind at all."""
    return kind.startswith(
        ("request.c", "request.e", "vote.", "decision.", "grant.", "break_glass.", "standing.")
    ) or kind in {
        "agent.changed",
        "identity.changed",
        "payload.shredded",
        "policy.changed",
    }


class Kept(Generic[V]):
    """A dictionary of which the most recently used part is in memory and the rest in a temporary file that has no name.

    What ``get`` and ``put`` hand over may be changed until HOT_MAX // 2 other keys were touched; it is written when it leaves
    the memory. *pack* makes of a value what ``marshal`` can write.
    """

    def __init__(
        self, pack: Callable[[V], Any] = lambda v: v, unpack: Callable[[Any], V] = lambda v: v
    ) -> None:
        self._pack, self._unpack = pack, unpack
        self._hot: dict[str, tuple[int, V]] = {}
        self._count = 0
        self._file: sqlite3.Connection | None = None

    def get(self, key: str) -> V | None:
        found = self._hot.pop(key, None)
        if found is None and self._file is not None:
            row = self._file.execute("SELECT n, value FROM kept WHERE key = ?", (_name(key),)).fetchone()
            if row is not None:
                found = row[0], self._unpack(marshal.loads(row[1]))  # noqa: S302 - written by this very object
        if found is None:
            return None
        self._hot[key] = found
        self._spill(HOT_MAX)
        return found[1]

    def put(self, key: str, value: V) -> V:
        """Keep *value*; a key keeps the place in the order that it got first."""
        old = self.get(key)
        n = self._hot.pop(key)[0] if old is not None else self._count
        self._count += old is None
        self._hot[key] = n, value
        self._spill(HOT_MAX)
        return value

    def items(self) -> Iterator[tuple[str, V]]:
        """In the order in which the keys came. Nothing may be put until it is through."""
        if self._file is None:
            yield from ((key, value) for key, (_, value) in sorted(self._hot.items(), key=lambda i: i[1][0]))
            return
        self._spill(0)
        for key, value in self._file.execute("SELECT key, value FROM kept ORDER BY n"):
            yield key.decode("utf-8", "surrogatepass"), self._unpack(marshal.loads(value))  # noqa: S302

    def _spill(self, most: int) -> None:
        """When more than *most* are in memory, write down the half that was not used for longest."""
        if len(self._hot) <= most:
            return
        if self._file is None:
            # An empty name is a database in a file of SQLite's own that vanishes with the connection.
            self._file = sqlite3.connect("", isolation_level=None)
            weakref.finalize(self, self._file.close)
            self._file.execute("PRAGMA journal_mode = OFF")
            self._file.execute(
                "CREATE TABLE kept (n INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, value BLOB)"
            )
            self._file.execute("BEGIN")
        leaving = list(self._hot)[: len(self._hot) - most // 2]
        self._file.executemany(
            "INSERT OR REPLACE INTO kept VALUES (?, ?, ?)",
            [
                (n, _name(key), marshal.dumps(self._pack(value)))
                for key in leaving
                for n, value in (self._hot.pop(key),)
            ],
        )


def _name(key: str) -> bytes:
    """A forged entry may hold half a surrogate pair, which SQLite would not take as text."""
    return key.encode("utf-8", "surrogatepass")


@lru_cache(maxsize=256)
def _one(value: V) -> V:
    """The same object for equal values: a thousand votes name one policy, one payload and few people."""
    return value


Row = tuple[int, str, str, str, tuple[str, ...], str, str, str | None]
"""A vote as it is kept, plain because there may be a million: the parts of ``Vote``."""


class Vote(NamedTuple):
    seq: int
    id: str
    person: str
    choice: str
    groups: tuple[str, ...]
    payload: str
    policy: str
    account: str | None


@dataclass(slots=True)
class Case:
    """What the log has said about one request so far."""

    requester: str
    payload: str
    decide_by: int | None
    votes: list[Row] = field(default_factory=list)
    withdrawn: set[int] = field(default_factory=set)
    """Places of the votes that were taken back."""
    state: str = "pending"
    decision: tuple[int, str] | None = None
    decided_payload: str = ""
    grant: str | None = None
    rule: object = None
    apart: frozenset[str] = frozenset()
    glass: tuple[int, str, list[str]] | None = None
    """Break-glass: the entry, whoever used it, the groups it was used as."""
    sat: tuple[list[int], list[str]] | None = None
    """After an approval by quorum: the votes it names and the people who sit by them."""

    def packed(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in Case.__slots__)

    @classmethod
    def unpacked(cls, parts: tuple[Any, ...]) -> "Case":
        return cls(**dict(zip(cls.__slots__, parts, strict=True)))


@dataclass(slots=True)
class Asker:
    """Who owns an agent, and who holds which of its keys until when (microseconds; None: without end)."""

    owners: frozenset[str] = frozenset()
    keys: dict[str, tuple[frozenset[str], int | None]] = field(default_factory=dict)

    def holders(self, now: int) -> frozenset[str]:
        live = (held for held, until in self.keys.values() if until is None or now < until)
        return self.owners.union(*live)

    def packed(self) -> tuple[object, ...]:
        return self.owners, self.keys


@dataclass(slots=True)
class Use:
    """One grant's life."""

    request: str
    payload: str
    use_by: int | None
    state: str = "issued"
    begin: int = -1

    def packed(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in Use.__slots__)


@dataclass(slots=True)
class Stands:
    """One standing approval: for which agent, scope and rule, how often and until when (microseconds), by whose votes."""

    agent: str
    scope: str
    rule: object
    most: int
    until: int
    votes: list[int]
    people: list[str]
    used: int = 0
    revoked: bool = False

    def packed(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in Stands.__slots__)


@dataclass(slots=True)
class Replay:
    """Feed ``step`` every entry in order; each yielded sentence is a contradiction in the log.

    With *complete* False (the log was pruned, or a part is read) an entry about a request
    that began before is counted in ``unexplained`` instead of being reported.
    """

    complete: bool = True
    policy_of: PolicyOf = no_policies
    named: Kept[int] = field(default_factory=Kept[int])
    """Policies by hash: the first entry that names one."""
    bound: Kept[str] = field(default_factory=Kept[str])
    """Policies by hash: the hash of their rules, as the entry that put them in force states it."""
    rules: dict[str, list[Any] | None] = field(default_factory=dict)
    cases: Kept[Case] = field(default_factory=lambda: Kept(Case.packed, Case.unpacked))
    uses: Kept[Use] = field(default_factory=lambda: Kept(Use.packed, lambda parts: Use(*parts)))
    askers: Kept[Asker] = field(default_factory=lambda: Kept(Asker.packed, lambda parts: Asker(*parts)))
    stands: Kept[Stands] = field(default_factory=lambda: Kept(Stands.packed, lambda parts: Stands(*parts)))
    """Standing approvals by the request that granted them."""
    gone: Kept[int] = field(default_factory=Kept[int])
    """Accounts by reference: the last entry that took one from its person."""
    unexplained: int = 0
    approved: int = 0
    exceptions: int = 0
    shredded: int = 0

    def step(self, seq: int, body: Mapping[str, Any]) -> Iterator[str]:
        """Take entry *seq*, whose parsed leaf is *body*."""
        kind, request, data = str(body.get("type")), body.get("req"), body.get("data") or {}
        policy = _at(body, "pol", "hash")
        if policy is not None and self.named.get(str(policy)) is None:
            self.named.put(str(policy), seq)
        if kind == "request.created":
            if self.cases.get(str(request)) is not None:
                yield f"request {request} is created a second time"
            case = Case(str(_at(body, "act", "ref")), str(data.get("payload_hash")), data.get("decide_by"))
            case.apart, case.rule = self._apart(body, data), data.get("rule")
            self.cases.put(str(request), case)
        elif kind == "policy.changed":
            if "rules_hash" in data:
                self.bound.put(str(data.get("policy_hash")), str(data["rules_hash"]))
        elif kind == "agent.changed":
            self._change_agent(data)
        elif kind == "identity.changed":
            if data.get("change") == "account-unlinked" and "account_ref" in data:
                self.gone.put(str(data["account_ref"]), seq)
        elif kind == "vote.cast":
            yield from self._vote(seq, body, str(request), data)
        elif kind == "vote.withdrawn":
            yield from self._withdraw(body, str(request), data)
        elif kind in TERMINAL:
            yield from self._settle(seq, body, kind, str(request), data)
        elif kind.startswith("break_glass."):
            yield from self._glass(seq, body, kind, str(request), data)
        elif kind.startswith("standing."):
            yield from self._stand(kind, str(request), data)
        elif kind == "grant.issued":
            yield from self._issue(str(request), data)
        elif kind.startswith("grant."):
            yield from self._use(seq, body, kind, data)
        elif kind == "payload.shredded":
            self.shredded += 1

    def _apart(self, body: Mapping[str, Any], data: Mapping[str, Any]) -> frozenset[str]:
        """Who may not decide what is asked here: whom the entry names, and who held a key of the agent by earlier ones."""
        named = {*(data.get("separated") or ()), *(data.get("owners") or ()), data.get("subject")}
        asker = self.askers.get(str(data.get("agent")))
        held = asker.holders(_us(body.get("ts"))) if asker is not None else frozenset()
        return held.union(str(name) for name in named - {None, "unknown"})

    def _change_agent(self, data: Mapping[str, Any]) -> None:
        """Keys issued before entries named their holders (``persons``) bind nobody here."""
        agent = str(data.get("agent"))
        asker = self.askers.get(agent) or self.askers.put(agent, Asker())
        change, key = data.get("change"), str(data.get("key_id"))
        if change in ("agent-added", "agent-changed"):
            left, asker.owners = asker.owners, frozenset(data.get("owners") or ()) - {"unknown"}
            asker.keys = {id: (held | left, until) for id, (held, until) in asker.keys.items()}
        elif change == "key-issued" and "persons" in data:
            asker.keys[key] = (frozenset(data["persons"]) - {"unknown"}, data.get("until"))
        elif change == "key-revoked":
            asker.keys.pop(key, None)

    def open_begins(self) -> Iterator[tuple[str, int]]:
        """Grants that began to be used and never reported an end: indeterminate, listed by ``gaps``."""
        return ((use.request, use.begin) for _, use in self.uses.items() if use.state == "begun")

    def _case(self, request: str) -> Iterator[str]:
        if self.cases.get(request) is None:
            self.unexplained += 1
            if self.complete:
                yield f"request {request} was never created in this log"

    def _vote(
        self, seq: int, body: Mapping[str, Any], request: str, data: Mapping[str, Any]
    ) -> Iterator[str]:
        yield from self._case(request)
        case = self.cases.get(request)
        if case is None:
            return
        if case.state != "pending":
            yield f"a vote on request {request} is counted after it was {case.state}"
        person = _one(str(_at(body, "act", "ref")))
        if _at(body, "act", "kind") != "human":
            yield f"a vote on request {request} was not cast by a human"
        if case.state != "pending":
            return
        vote = (
            seq,
            str(body.get("id")),
            person,
            _one(str(data.get("choice"))),
            _one(tuple(data.get("groups") or ())),
            _one(str(data.get("payload_hash"))),
            _one(str(_at(body, "pol", "hash"))),
            data.get("account_ref"),
        )
        case.votes.append(vote)

    def votes(self, votes: Mapping[str, list[Row]], policies: Mapping[str, int]) -> Iterator[tuple[int, str]]:
        """Take votes that people cast one after the other, by request, and what policies they and others named, with the first
        that does. What ``step`` says of each, with its place."""
        for policy, seq in policies.items():
            if self.named.get(policy) is None:
                self.named.put(policy, seq)
        faults: list[tuple[int, str]] = []
        for request, rows in votes.items():
            case = self.cases.get(request)
            if case is not None and case.state == "pending":
                case.votes += rows
                continue
            for row in rows:
                faults += ((row[0], text) for text in self._case(request))
                if case is not None:
                    faults.append(
                        (row[0], f"a vote on request {request} is counted after it was {case.state}")
                    )
        yield from sorted(faults)

    def _withdraw(self, body: Mapping[str, Any], request: str, data: Mapping[str, Any]) -> Iterator[str]:
        yield from self._case(request)
        case = self.cases.get(request)
        if case is None:
            return
        person = _at(body, "act", "ref")
        standing = {
            v.seq
            for v in map(Vote._make, case.votes)
            if v.person == person and v.seq not in case.withdrawn and data.get("vote", v.seq) == v.seq
        }
        if case.state != "pending" or not standing:
            yield f"a vote on request {request} is withdrawn that does not stand"
        case.withdrawn |= standing

    def _glass(
        self, seq: int, body: Mapping[str, Any], kind: str, request: str, data: Mapping[str, Any]
    ) -> Iterator[str]:
        """A use stands for one decision on an open request; its review is by somebody else, once."""
        yield from self._case(request)
        case, person = self.cases.get(request), str(_at(body, "act", "ref"))
        if case is None:
            return
        if kind == "break_glass.reviewed":
            if case.glass is None or case.glass[0] < 0:
                yield f"the break-glass of request {request} is reviewed without a use, or a second time"
            elif case.glass[1] == person or _at(body, "act", "kind") != "human":
                yield f"the break-glass of request {request} is reviewed by nobody else than whoever used it"
            case.glass = (-1, person, [])
        elif case.state != "pending" or case.glass is not None:
            yield f"the glass of request {request} is broken although it is {case.state}"
        else:
            case.glass = (seq, person, [str(name) for name in data.get("groups") or ()])
            if _at(body, "act", "kind") != "human" or person in case.apart | {case.requester}:
                yield f"the glass of request {request} is broken by one who may not decide it"
            if data.get("payload_hash") != case.payload:
                yield f"the glass of request {request} is broken for another payload"

    def _stand(self, kind: str, request: str, data: Mapping[str, Any]) -> Iterator[str]:
        """A standing approval rests on one decision by quorum, and is granted and taken back once."""
        yield from self._case(request)
        case, known = self.cases.get(request), self.stands.get(request)
        if case is None:
            return
        if kind == "standing.revoked":
            if known is None or known.revoked:
                yield f"the standing approval of request {request} is taken back without standing"
            else:
                known.revoked = True
        elif (
            known is not None
            or case.sat is None
            or case.decision is None
            or data.get("decision") != case.decision[0]
        ):
            yield f"the standing approval of request {request} rests on no decision by a quorum"
        else:
            terms = Stands(
                case.requester, str(data.get("scope_hash")), data.get("rule"), int(data.get("use_count") or 0),
                int(data.get("until") or 0), *case.sat,
            )  # fmt: skip
            self.stands.put(request, terms)

    def _stood_in(
        self, body: Mapping[str, Any], case: Case, request: str, data: Mapping[str, Any]
    ) -> Iterator[str]:
        """A decision by a standing approval: one use of one that stands, for what it covers, by people who may decide this too."""
        stands = self.stands.get(str(data.get("standing_id")))
        if stands is None:
            if self.complete:
                yield f"request {request} is approved by a standing approval that is not in the log"
            else:
                self.unexplained += 1
            return
        covered = (stands.agent, stands.scope, stands.rule)
        if covered != (case.requester, data.get("scope_hash"), data.get("rule")) or stands.votes != data.get(
            "votes"
        ):
            yield f"request {request} is approved by a standing approval of something else"
        if stands.revoked or _us(body.get("ts")) >= stands.until:
            yield f"request {request} is approved by a standing approval that was over"
        stands.used += 1
        if data.get("use_count") != stands.used or stands.used > stands.most:
            yield f"request {request} is approved by a standing approval that was used up or miscounted"
        if {*(data.get("separated") or ()), *case.apart, case.requester} & set(stands.people):
            yield f"request {request} is approved by a standing approval of a person who may not decide it"

    def _settle(
        self, seq: int, body: Mapping[str, Any], kind: str, request: str, data: Mapping[str, Any]
    ) -> Iterator[str]:
        yield from self._case(request)
        case = self.cases.get(request)
        if case is None:
            return
        if case.state != "pending":
            yield f"request {request} is {TERMINAL[kind]} after it was {case.state}: a second decision"
            return
        case.state, case.decision = TERMINAL[kind], (seq, str(body.get("id")))
        if kind == "decision.approved":
            self.approved += 1
            yield from self._approve(body, case, request, data)
        # A settled request keeps its state, so that a second decision is still seen, and what its grant must be.
        case.votes, case.withdrawn, case.apart, case.rule = [], set(), frozenset(), None

    def _approve(
        self, body: Mapping[str, Any], case: Case, request: str, data: Mapping[str, Any]
    ) -> Iterator[str]:
        case.decided_payload = str(data.get("payload_hash"))
        if case.decided_payload != case.payload:
            yield f"request {request} is approved for another payload than was asked"
        if case.decide_by is not None and _us(body.get("ts")) >= case.decide_by:
            yield f"request {request} is approved at or after its deadline"
        basis = str(data.get("basis"))
        yield from self._by_rule(str(_at(body, "pol", "hash")), case, basis, request, data)
        if basis in BROKEN and (
            case.glass is None or data.get("used_seq", case.glass[0]) != case.glass[0] or case.glass[0] < 0
        ):
            yield f"request {request} is approved by a break-glass that is not in the log"
        if basis == STANDING:
            yield from self._stood_in(body, case, request, data)
        if basis in WITHOUT_VOTES:
            self.exceptions += 1
            return
        named_seqs, named_ids = set(data.get("votes") or ()), set(data.get("vote_ids") or ())
        counted = [v for v in map(Vote._make, case.votes) if v.seq in named_seqs or v.id in named_ids]
        if len(counted) != max(len(named_seqs), len(named_ids)):
            yield f"request {request} is approved by votes that are not in the log"
        sitting = {str(s).partition("=")[2] for s in data.get("seated") or ()}
        if sitting:
            # A vote may stand and yet not count any more (its owner left the group, or came to own
            # the agent): only those who are said to sit are held against the rules.
            counted = [v for v in counted if v.person in sitting]
            if {v.person for v in counted} != sitting:
                yield f"request {request} seats somebody whose vote it does not name"
        separated = {*(data.get("separated") or ()), *case.apart, case.requester}
        policy = str(_at(body, "pol", "hash"))
        for vote in counted:
            if vote.seq in case.withdrawn or vote.choice != "approve":
                yield f"request {request} counts the vote {vote.seq}, which does not stand for it"
            if vote.payload != case.decided_payload or vote.policy != policy:
                yield f"request {request} counts the vote {vote.seq}, which was for another payload or policy"
            if vote.account is not None and (self.gone.get(vote.account) or -1) > vote.seq:
                yield f"request {request} counts the vote {vote.seq}, whose account was taken away before the decision"
            if vote.person in separated:
                yield f"request {request} counts the vote {vote.seq} of a person who may not decide it"
        case.sat = [v[0] for v in case.votes if v[0] in named_seqs], [v.person for v in counted]
        if len({v.person for v in counted}) != len(counted):
            yield f"request {request} counts one person twice"
        seats = [
            name
            for name, _, count in (s.rpartition(":") for s in data.get("seats") or ())
            for _ in range(int(count))
        ]
        if not seats:
            yield f"request {request} is approved by quorum without a seat to fill"
        elif not seated(seats, [v.groups for v in counted]):
            yield f"request {request} is approved though its votes do not fill its seats"

    def _by_rule(
        self, policy: str, case: Case, basis: str, request: str, data: Mapping[str, Any]
    ) -> Iterator[str]:
        """Hold the decision against the rule of the recorded policy, not only against what it says of itself."""
        rules = self._rules(policy)
        if rules is None or basis not in {"quorum", "allow", STANDING} | BROKEN:
            return
        name = data.get("rule", case.rule)
        if name != case.rule:
            yield f"request {request} is approved by another rule than it was asked under"
        fitting = [rule for rule in rules if rule["name"] == name]
        if not fitting:
            yield f"request {request} is approved by a rule that its policy does not hold"
        elif basis == STANDING and all("standing" not in rule for rule in fitting):
            yield f"request {request} is approved by a standing approval that its policy does not allow"
        elif basis in BROKEN:
            used_as = case.glass[2] if case.glass is not None else []
            if all(rule.get("break_glass") not in used_as for rule in fitting):
                yield f"request {request} is approved by a break-glass that its policy does not give"
        elif basis == "allow":
            if all(rule["effect"] != "allow" for rule in fitting):
                yield f"request {request} is allowed by a rule that does not allow"
        elif sorted(data.get("seats") or ()) not in [
            sorted(rule["seats"]) for rule in fitting if rule["effect"] == "require"
        ]:
            yield f"request {request} is approved for other seats than its policy's rule asks for"

    def _rules(self, policy: str) -> list[Any] | None:
        """The rules of *policy* when the log itself states their hash and they are at hand, whole."""
        stated = self.bound.get(policy)
        if stated is None:
            return None
        if policy not in self.rules:
            if len(self.rules) >= RULES_MAX:
                self.rules.clear()
            kept = self.policy_of(policy)
            whole = kept is not None and kept[1] is not None and is_hash_of(kept[1], stated)
            self.rules[policy] = json.loads(kept[1])["rules"] if kept and kept[1] and whole else None
        return self.rules[policy]

    def policy_faults(self) -> Iterator[tuple[str, bool]]:
        """Of each policy that an entry names: is it here, and is it the one. A sentence, and whether it contradicts the log
        (else something is only missing)."""
        for policy, seq in self.named.items():
            kept, stated = self.policy_of(policy), self.bound.get(policy)
            if kept is None:
                yield (
                    f"the policy {policy}, first named by entry {seq}, is not here: decisions under it were held against the seats they name",
                    False,
                )
            elif not is_hash_of(kept[0], policy):
                yield f"the policy {policy} is not the text whose hash the entries state", True
            elif stated is not None and kept[1] is None:
                yield f"the rules of the policy {policy} are not here", False
            elif stated is not None and kept[1] and not is_hash_of(kept[1], stated):
                yield f"the rules of the policy {policy} are not those whose hash the log states", True

    @property
    def unbound(self) -> int:
        """Policies that entries name and no entry here put in force with the hash of its rules."""
        return sum(self.bound.get(policy) is None for policy, _ in self.named.items())

    def _issue(self, request: str, data: Mapping[str, Any]) -> Iterator[str]:
        yield from self._case(request)
        case, jti = self.cases.get(request), str(data.get("jti"))
        if case is None:
            return
        if case.state != "approved" or case.decision is None:
            yield f"a grant is issued for request {request}, which is {case.state}"
        elif (
            data.get("decision", case.decision[0]) != case.decision[0]
            or data.get("decision_id", case.decision[1]) != case.decision[1]
        ):
            yield f"the grant of request {request} names another decision"
        if data.get("payload_hash") != case.payload:
            yield f"the grant of request {request} is for another payload"
        if case.grant is not None or self.uses.get(jti) is not None:
            yield f"request {request} gets a second grant"
        case.grant = jti
        self.uses.put(jti, Use(request, str(data.get("payload_hash")), data.get("use_by", data.get("exp"))))

    def _use(self, seq: int, body: Mapping[str, Any], kind: str, data: Mapping[str, Any]) -> Iterator[str]:
        if kind == "grant.refused":
            return
        jti = str(data.get("jti"))
        use = self.uses.get(jti)
        if use is None:
            self.unexplained += 1
            if self.complete:
                yield f"{kind} of a grant that was never issued"
            return
        if kind == "grant.used.begin":
            if use.state != "issued":
                yield f"the grant of request {use.request} is spent although it is {use.state}"
            if data.get("payload_hash") != use.payload:
                yield f"the grant of request {use.request} is spent on another payload"
            if use.use_by is not None and _us(body.get("ts")) >= use.use_by:
                yield f"the grant of request {use.request} is spent at or after its end"
            use.state, use.begin = "begun", seq
        elif kind == "grant.used.end":
            if use.state != "begun":
                yield f"the grant of request {use.request} ends without having begun"
            if body.get("outcome") != "indeterminate":
                use.state = "ended"
        elif kind == "grant.lapsed" and use.state == "begun" and body.get("outcome") == "indeterminate":
            # Nobody reported in time. It stays begun, so that gaps lists it and a late report still ends it.
            return
        else:
            if use.state != "issued" and kind == "grant.lapsed":
                yield f"the grant of request {use.request} lapses although it is {use.state}"
            use.state = "revoked" if kind == "grant.revoked" else "lapsed"


def seated(seats: list[str], voters: Sequence[Collection[str]]) -> bool:
    """True when every seat gets a voter of its group, no voter sitting twice (augmenting paths)."""
    holder: dict[int, int] = {}

    def place(voter: int, tried: set[int]) -> bool:
        for seat, group in enumerate(seats):
            if group in voters[voter] and seat not in tried:
                tried.add(seat)
                if seat not in holder or place(holder[seat], tried):
                    holder[seat] = voter
                    return True
        return False

    for voter in range(len(voters)):
        place(voter, set())
    return len(holder) == len(seats)


def is_hash_of(content: bytes, stated: str) -> bool:
    """Whether *stated*, in any of the forms in which entries write a hash, is SHA-256 of *content*."""
    digest = hashlib.sha256(content).digest()
    return stated.removeprefix("sha256:") in (
        digest.hex(),
        urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"),
    )


def _at(body: Mapping[str, Any], outer: str, inner: str) -> object:
    part = body.get(outer)
    return part.get(inner) if isinstance(part, dict) else None


def _us(ts: object) -> int:
    moment = datetime.fromisoformat(str(ts))
    delta = moment - datetime(1970, 1, 1, tzinfo=moment.tzinfo)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
