"""What the policy says of one request: first matching rule, or deny; an error refuses (I9, I13).

Judging has two halves, because windows against splitting (T07) must be summed inside the deciding transaction:
``plan`` evaluates conditions and amounts once, ``Plan.verdict`` picks the rule given the sums. Deliberately absent: sums, time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from bot.core.condition import Condition, ConditionError, Context, compile_condition, compile_number
from bot.core.ids import AgentId, PersonId
from bot.core.policy import Effect, Policy, Rule
from bot.core.reasons import Reason, Refused
from bot.core.request import Ask


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule whose condition holds. ``window`` names the sum it adds *amount* to; empty when it has none."""

    rule: Rule
    window: str = ""
    amount: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Candidates in the policy's order, up to the first that matches whatever the sums are."""

    candidates: tuple[Candidate, ...]

    def verdict(self, sum_of: Callable[[Candidate], float]) -> Rule | Refused:
        """The first candidate that matches; *sum_of* gives the window's sum before this request."""
        for candidate in self.candidates:
            cumulative = candidate.rule.cumulative
            if cumulative is None or sum_of(candidate) + candidate.amount > cumulative.above:
                return candidate.rule
        return Refused(Reason.NO_RULE)


class Judge:
    """One policy, compiled. Cheap to ask, built at load."""

    def __init__(self, policy: Policy) -> None:
        self.policy: Final = policy
        self._rules: Final[list[tuple[Rule, Condition, Condition | None]]] = [
            (
                rule,
                compile_condition(rule.when),
                compile_number(rule.cumulative.amount) if rule.cumulative else None,
            )
            for rule in policy.rules
        ]

    def plan(self, facts: Mapping[str, Any]) -> Plan | Refused:
        """Evaluate on *facts* (see ``facts_of``). A condition that errs refuses the request: a rule that cannot be
        evaluated might have been the one that forbids it."""
        if not self.policy.rules:
            return Refused(Reason.POLICY_MISSING)
        candidates: list[Candidate] = []
        try:
            context = Context(facts)
            for rule, when, amount in self._rules:
                if when.evaluate(context) is not True:
                    continue
                if rule.cumulative is None or amount is None:
                    candidates.append(Candidate(rule))
                    break
                value = float(amount.evaluate(context))
                if not isfinite(value) or value < 0:
                    return Refused(Reason.POLICY_ERROR)
                candidates.append(Candidate(rule, window_of(rule, facts), value))
        except (ConditionError, RuntimeError, ValueError, TypeError, OverflowError):
            # Whatever the evaluator trips over, the request is refused and the rule's author told by the audit log.
            return Refused(Reason.POLICY_ERROR)
        return Plan(tuple(candidates))


def window_of(rule: Rule, facts: Mapping[str, Any]) -> str:
    """The name of the sum *rule* keeps for requests like this one: rule and the parts it is ``per``."""
    if rule.cumulative is None:
        return ""
    resource = facts["resource"]
    parts = {
        "agent": facts["agent"]["id"],
        "action": facts["action"],
        "resource": f"{resource['type']}/{resource['env']}/{resource['id']}",
        "on_behalf_of": facts["on_behalf_of"],
    }
    return "\x1f".join((rule.name, *(parts[name] for name in rule.cumulative.per)))


def facts_of(
    ask: Ask, agent: AgentId, owners: tuple[PersonId, ...], classes: tuple[tuple[str, int], ...]
) -> dict[str, Any]:
    """What conditions may see of a request. *classes* are what masking found, with counts."""
    return {
        "action": ask.action,
        "resource": {
            "type": ask.resource.type,
            "id": ask.resource.id,
            "env": ask.resource.env,
            "resolved": ask.resource.resolved,
        },
        "parameters": ask.payload.get("parameters", {}),
        "context": ask.context or {},
        "agent": {"id": agent, "owners": list(owners)},
        "on_behalf_of": ask.on_behalf_of or "",
        "data": {"classes": [name for name, _ in classes], "count": sum(count for _, count in classes)},
    }


__all__ = ["Candidate", "Effect", "Judge", "Plan", "facts_of", "window_of"]
