"""Do the tables tell what the audit log tells? Asked before a quorum decides and before a grant is spent (T46).

Decided here: which rows a decision may rest on. A vote counts only with its ``vote.cast`` entry and no ``vote.withdrawn``, a request is
open only while no entry ended it, a grant is fresh only while no entry spent it, and a freeze that the log knows is a freeze. Where they
differ somebody wrote into the database, and nothing is granted: ``RowForged``, which is a 503 and a line in the log.

Deliberately absent: the walk over the whole chain (``audit.fsck``); here only the entries of one request are read, each checked against
its own leaf hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from audit.chain import leaf_hash
from bot.core.facts import Fact
from bot.core.request import Grant, GrantState, Request, RequestState, Vote
from bot.desk import entries
from bot.desk.context import META_FREEZE, Office
from bot.errors import RowForged
from bot.ports import AuditFilter, Page, ReadTx

_PAGE: Final = 500
_ENDED: Final = frozenset(
    fact.entry_type
    for fact in (Fact.DECISION_APPROVED, Fact.DECISION_DENIED, Fact.REQUEST_EXPIRED, Fact.REQUEST_CANCELLED)
)
_SPENT: Final = frozenset(
    fact.entry_type for fact in (Fact.GRANT_USED_BEGIN, Fact.GRANT_REVOKED, Fact.GRANT_LAPSED)
)
_READ: Final = (
    _ENDED | _SPENT | {f.entry_type for f in (Fact.VOTE_CAST, Fact.VOTE_WITHDRAWN, Fact.GRANT_ISSUED)}
)


def votes_hold(office: Office, tx: ReadTx, request: Request, votes: Sequence[Vote]) -> None:
    """Raise ``RowForged`` unless *request* is open and *votes* are its votes by the log as well. Before the deciding vote is written."""
    cast: dict[int, dict[str, Any]] = {}
    withdrawn: set[int] = set()
    for seq, leaf in _entries(tx, request):
        kind = leaf["type"]
        if kind in _ENDED:
            raise RowForged("request")
        if kind == Fact.VOTE_CAST.entry_type:
            cast[seq] = leaf
        elif kind == Fact.VOTE_WITHDRAWN.entry_type:
            withdrawn.add(leaf["data"]["vote"])
    stand = [vote for vote in votes if vote.withdrawn_at is None]
    if {vote.seq for vote in stand} != cast.keys() - withdrawn:
        raise RowForged("vote")
    for vote in stand:
        leaf = cast[vote.seq]
        data = leaf["data"]
        said = (leaf["act"]["ref"], data["choice"], data["payload_hash"], data["account_ref"])
        if said != (
            entries.ref_of(tx, vote.person),
            vote.choice.value,
            request.payload_hash,
            entries.account_ref(office.keys, vote.account),
        ):
            raise RowForged("vote")
    freeze_holds(tx)


def grant_holds(tx: ReadTx, request: Request, grant: Grant) -> None:
    """Raise ``RowForged`` unless the log knows *grant* as issued for these bytes and as not spent, revoked or lapsed."""
    issued = False
    for _, leaf in _entries(tx, request):
        if leaf["data"].get("jti") != grant.id:
            continue
        if leaf["type"] in _SPENT:
            raise RowForged("grant")
        if leaf["type"] == Fact.GRANT_ISSUED.entry_type:
            issued = leaf["data"]["payload_hash"] == grant.payload_hash
    if not issued:
        raise RowForged("grant")
    freeze_holds(tx)


def freeze_holds(tx: ReadTx) -> None:
    """Raise ``RowForged`` when the log's last word is a freeze and the table knows none."""
    if tx.meta(META_FREEZE):
        return
    newest = {
        fact: max((row.seq for row in tx.audit_rows(AuditFilter(type=fact.entry_type, limit=1))), default=-1)
        for fact in (Fact.FREEZE_SET, Fact.FREEZE_LIFTED)
    }
    if newest[Fact.FREEZE_SET] > newest[Fact.FREEZE_LIFTED]:
        raise RowForged("meta")


def _entries(tx: ReadTx, request: Request) -> Iterator[tuple[int, dict[str, Any]]]:
    """The entries about *request* that matter here, newest first, each as it was hashed."""
    before: int | None = None
    while True:
        rows = tx.audit_rows(AuditFilter(request=request.id, before=before, limit=_PAGE))
        for row in rows:
            if row.type in _READ:
                leaf = msgspec.json.decode(row.leaf)
                if leaf_hash(row.leaf) != row.leaf_hash or (leaf["type"], leaf["req"]) != (
                    row.type,
                    request.id,
                ):
                    raise RowForged("audit_leaf")
                yield row.seq, leaf
        if len(rows) < _PAGE:
            return
        before = rows[-1].seq


def faults(office: Office, tx: ReadTx) -> list[str]:
    """For ``signoff doctor``: every row that is still to decide something, read and held against the log. Sentences; empty is good."""
    found: list[str] = []

    def look(what: str, check: Callable[[], object]) -> None:
        try:
            check()
        except RowForged as fault:
            found.append(f"{what}: {fault}")

    look("people", lambda: [tx.accounts(person.id) for person in tx.people()])
    look("sessions", lambda: [tx.sessions(person.id) for person in tx.people()])
    look("agents", lambda: [tx.agent_keys(agent.id) for agent in tx.agents()])
    look("delegations", lambda: tx.delegations(tx.now()))
    look("settings", lambda: freeze_holds(tx))
    page = Page(_PAGE)
    try:
        while pending := tx.requests(page, state=RequestState.PENDING):
            for request in pending:
                look(request.id, lambda r=request: votes_hold(office, tx, r, tx.votes(r.id)))  # type: ignore[misc]
            page = Page(_PAGE, before=pending[-1].id)
        for grant in tx.grants(GrantState.ISSUED, _PAGE):
            owner = tx.request(grant.request)
            if owner is not None:
                look(grant.id, lambda g=grant, r=owner: grant_holds(tx, r, g))  # type: ignore[misc]
    except RowForged as fault:
        found.append(str(fault))
    return found
