"""Putting a policy in force: journalled with its hash, its editor remembered and kept from judging under it for a while (T20).

Its text is kept for ever under its hash, and its rules as they were read: an auditor replays old decisions by the policy of
their time, and the entry that put it in force holds both hashes.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from audit.canonical import encode
from audit.fields import Value
from bot.core.facts import Fact
from bot.core.people import Actor
from bot.core.policy import Policy, Requirement
from bot.core.policy_load import load_policy
from bot.desk.admin import journal
from bot.desk.context import META_EDITORS, META_POLICY, Office
from bot.desk.entries import slug
from bot.desk.standing import note_editor
from bot.kept_policies import META_POLICY_KEPT
from bot.ports import Tx


async def put_in_force(office: Office, text: str, by: Actor | None) -> Policy:
    """Load *text* and judge by it from now on. Raises ``PolicyError`` and changes nothing when it cannot be used.

    The same text again is no change. The revision counts changes for ever, over restarts too."""
    load_policy(text)

    def work(tx: Tx) -> Policy:
        stored = tx.meta(META_POLICY)
        revision, known = msgspec.json.decode(stored, type=tuple[int, str]) if stored else (0, "")
        policy = load_policy(text, revision)
        rules = rules_of(policy)
        if tx.meta(META_POLICY_KEPT + policy.hash) is None:
            tx.set_meta(META_POLICY_KEPT + policy.hash, msgspec.json.encode((text, rules)).decode())
        if policy.hash == known:
            return policy
        policy = load_policy(text, revision + 1)
        tx.set_meta(META_POLICY, msgspec.json.encode((policy.revision, policy.hash)).decode())
        data: dict[str, Value] = {
            "policy_hash": policy.hash,
            "rules_hash": "sha256:" + sha256(rules.encode()).hexdigest(),
            "rev": policy.revision,
            "rules": len(policy.rules),
        }
        if by is not None:
            tx.set_meta(META_EDITORS, note_editor(tx, by.person, tx.now()))
        journal(office, tx, Fact.POLICY_CHANGED, by, data)
        return policy

    policy = await office.store.write(work)
    office.book.replace(policy)
    return policy


def rules_of(policy: Policy) -> str:
    """What of *policy* decisions are replayed by, canonical, so that nobody needs our reader of YAML: each rule's name as
    entries carry it, its effect and its seats."""
    rules = [
        {
            "effect": rule.effect.value,
            "name": slug(rule.name),
            "seats": [
                f"{seat.group}:{seat.approvals}" for stage in rule.requirement.stages for seat in stage.seats
            ],
            **_exceptions(rule.requirement),
        }
        for rule in policy.rules
    ]
    return encode({"rules": rules, "v": 1}).decode()


def _exceptions(requirement: Requirement) -> dict[str, str | int]:
    """The ways round the quorum that the rule opens; nothing for a rule without, so that its bytes are as they always were."""
    glass, stands = requirement.break_glass, requirement.standing
    said: dict[str, str | int] = {} if glass is None else {"break_glass": glass.group}
    return said if stands is None else said | {"standing": stands.uses_max}
