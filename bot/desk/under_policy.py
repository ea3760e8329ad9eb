"""A write that rests on who is in which group: read before the transaction, and again when another policy came in force in between.

Membership may be far away, so it is read outside; its groups are those of the policy in force then (I13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from bot.core.ids import GroupName, RequestId
from bot.core.policy_judge import Judge
from bot.core.reasons import Refused
from bot.desk.api import Voted
from bot.desk.context import Office
from bot.desk.standing import Membership
from bot.ports import Tx

T = TypeVar("T")


async def under_policy(
    office: Office,
    groups: Callable[[Judge], Iterable[GroupName]],
    write: Callable[[Membership | None, Tx], T],
) -> T:
    """What *write* gives, in one transaction, for the members of *groups* under the policy that is in force during that transaction."""
    done: list[T] = []
    while not done:
        judge = office.book.judge
        membership = await office.membership(groups(judge))

        def work(tx: Tx, judge: Judge = judge, membership: Membership | None = membership) -> list[T]:
            return [write(membership, tx)] if office.book.judge is judge else []

        done = await office.store.write(work)
    return done[0]


def told(office: Office, id: RequestId, result: Voted | Refused) -> Voted | Refused:
    """*result*, after waking whoever waits for it."""
    office.changed(id, result.grant.use_by if isinstance(result, Voted) and result.grant else None)
    return result
