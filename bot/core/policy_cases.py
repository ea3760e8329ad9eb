"""Cases that a policy must decide as its authors mean it: ``signoff policy test``.

A case says what an agent asks, what masking finds in it and what earlier requests have summed up to, and expects one of
``allow``, ``deny`` or the seats of a requirement. Judged by the very code that judges requests, so a passing case is not an
imitation. Deliberately absent: reading files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec

from bot.core import yaml_strict
from bot.core.ask import parse_ask
from bot.core.canonical import Malformed
from bot.core.ids import NAME, PersonId, agent_id, person_id
from bot.core.policy import Effect, Policy, Requirement, Rule, describe
from bot.core.policy_judge import Judge, facts_of
from bot.core.reasons import Refused
from bot.core.standing_approval import may_ask

CASES_MAX: Final = 1_000


class CaseError(ValueError):
    """The file of cases cannot be used; the message names the case and the remedy."""


class _Strict(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    pass


class Expect(_Strict, frozen=True):
    """``effect`` is allow, deny, require, or a refusal's code such as ``no-rule``. ``needs`` lists seats, ``2 of data-owners``,
    stages divided by ``then``. What is left out is not compared."""

    effect: str
    rule: str | None = None
    needs: list[str] | None = None
    assurance: str | None = None


class Case(_Strict, frozen=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    ask: dict[str, Any]
    expect: Expect
    agent: str = "agent:test"
    owners: tuple[str, ...] = ("person:owner",)
    finds: dict[str, Annotated[int, msgspec.Meta(ge=1)]] = {}
    """Kinds of personal data or secrets that masking finds, with counts: ``{email_address: 3}``."""
    earlier: Annotated[float, msgspec.Meta(ge=0)] = 0
    """What requests before this one have summed up to in the rule's window."""


class Cases(_Strict, frozen=True):
    policy: str
    """Path of the policy, relative to the file of cases."""
    cases: Annotated[list[Case], msgspec.Meta(min_length=1, max_length=CASES_MAX)]


@dataclass(frozen=True, slots=True)
class Judged:
    """What the policy says of one ask: the effect in words, the rule's name, its seats and its sentence."""

    effect: str
    rule: str
    needs: tuple[str, ...]
    assurance: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Result:
    """``faults`` is empty when the case holds."""

    name: str
    judged: Judged
    faults: tuple[str, ...]


def read_cases(text: str | bytes) -> Cases:
    """The cases in *text*; ``CaseError`` with the place otherwise."""
    try:
        return msgspec.convert(yaml_strict.read(text).value, Cases)
    except ValueError as e:
        raise CaseError(f"The cases do not have the right form: {e}") from e


def run(policy: Policy, cases: Cases) -> list[Result]:
    """Judge every case, in the file's order."""
    judge = Judge(policy)
    return [_run(judge, case) for case in cases.cases]


def explain(
    judge: Judge,
    ask: Mapping[str, Any],
    *,
    agent: str = "agent:test",
    owners: tuple[str, ...] = ("person:owner",),
    finds: Mapping[str, int] | None = None,
    earlier: float = 0,
) -> Judged:
    """What the policy says of one ask. ``CaseError`` when the ask itself would be refused by the API."""
    try:
        parsed = parse_ask(msgspec.json.encode(ask))
        persons: tuple[PersonId, ...] = tuple(person_id(owner) for owner in owners)
        asker = agent_id(agent)
    except Malformed as e:
        raise CaseError(f"the API would refuse this ask: {e}") from e
    except (ValueError, TypeError) as e:
        raise CaseError(str(e)) from e
    plan = judge.plan(facts_of(parsed, asker, persons, tuple(sorted((finds or {}).items()))))
    verdict = plan if isinstance(plan, Refused) else plan.verdict(lambda _: earlier)
    if isinstance(verdict, Refused):
        return Judged(verdict.reason.value, "", (), "", verdict.sentence)
    if parsed.standing is not None and verdict.effect is not Effect.DENY:
        wish = parsed.standing
        refusal = may_ask(verdict.requirement.standing, wish.uses, wish.valid_for)
        if refusal is not None:
            return Judged(refusal.reason.value, verdict.name, (), "", refusal.sentence)
    return _judged(verdict)


def needs_of(requirement: Requirement) -> tuple[str, ...]:
    """``2 of data-owners`` for each seat, ``then`` between stages."""
    lines: list[str] = []
    for index, stage in enumerate(requirement.stages):
        if index:
            lines.append("then")
        lines += [f"{seat.approvals} of {seat.group}" for seat in stage.seats]
    return tuple(lines)


def _judged(rule: Rule) -> Judged:
    if rule.effect is not Effect.REQUIRE or rule.requirement is None:
        sentence = "Allowed at once." if rule.effect is Effect.ALLOW else "Denied at once."
        return Judged(rule.effect.value, rule.name, (), "", sentence)
    requirement = rule.requirement
    return Judged(
        rule.effect.value,
        rule.name,
        needs_of(requirement),
        requirement.assurance.value,
        describe(requirement),
    )


def _run(judge: Judge, case: Case) -> Result:
    try:
        judged = explain(
            judge,
            case.ask,
            agent=case.agent,
            owners=case.owners,
            finds=case.finds,
            earlier=case.earlier,
        )
    except CaseError as e:
        return Result(case.name, Judged("unusable", "", (), "", ""), (str(e),))
    expect = case.expect
    pairs = (
        ("effect", expect.effect, judged.effect),
        ("rule", expect.rule, judged.rule),
        ("needs", None if expect.needs is None else tuple(expect.needs), judged.needs),
        ("assurance", expect.assurance, judged.assurance),
    )
    faults = [
        f"{what}: expected {_say(want)}, got {_say(got)}"
        for what, want, got in pairs
        if want not in (None, got)
    ]
    unknown = sorted(name for name in case.finds if not NAME.fullmatch(name))
    if unknown:
        faults.append(
            f"finds: {unknown[0]!r} is no kind of data: kinds are lower case, such as email_address"
        )
    return Result(case.name, judged, tuple(faults))


def _say(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) and value else str(value or "nothing")
