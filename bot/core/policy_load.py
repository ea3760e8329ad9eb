"""From a policy file's text to a ``Policy``, or one clear error. Nothing half-loaded ever comes out (I13).

Refused here: unknown keys, groups that do not exist, a quorum that can never be met, conditions that do not compile to
a yes or no, two rules of one name, more than the stated limits. Deliberately absent: reading files, and judging.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, NoReturn, TypeVar

import msgspec

from bot.core import yaml_strict
from bot.core.condition import ConditionError, compile_condition, compile_number
from bot.core.duration import parse_positive
from bot.core.ids import NAME, Digest, GroupName, PersonId, person_id
from bot.core.policy import Cumulative, Effect, Group, Policy, Requirement, Rule, Stage
from bot.core.quorum import Ballot, Case, Facts, standing
from bot.core.request import Assurance, Choice, SeatGroup

RULES_MAX: Final = 500
GROUPS_MAX: Final = 500
MEMBERS_MAX: Final = 5_000
APPROVALS_MAX: Final = 20
STAGES_MAX: Final = 8
SEATS_MAX: Final = 40
"""All seats of one rule: seating is a matching over seats and people, so both stay small."""
DECIDE_WITHIN: Final = (timedelta(seconds=10), timedelta(days=7))
GRANT_VALID: Final = (timedelta(seconds=10), timedelta(hours=24))
SURFACE_PREFIXES: Final = ("slack:", "teams:")
PER: Final = ("agent", "action", "resource", "on_behalf_of")
WORDS: Final = (
    "when", "cumulative", "decide_within", "grant_valid_for", "remind_after", "escalate", "surface", "deny_threshold", "group",
)  # fmt: skip
"""Of a rule's words, those that a complaint may name."""
T = TypeVar("T")
_FAR: Final = datetime(9999, 1, 1, tzinfo=UTC)


class PolicyError(ValueError):
    """The policy cannot be loaded; the message names the place and the remedy. ``line`` counts from 1, None where no one
    line is to blame."""

    def __init__(self, what: str, line: int | None = None, *, about: str = "") -> None:
        super().__init__(what)
        self.line = line
        self.about = about


class _Strict(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    pass


Approvals = Annotated[int, msgspec.Meta(ge=1, le=APPROVALS_MAX)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class GroupIn(_Strict, frozen=True, forbid_unknown_fields=True):
    members: Annotated[list[str], msgspec.Meta(max_length=MEMBERS_MAX)] = []
    slack_usergroup: Text | None = None
    oidc_claim: Text | None = None


class SeatIn(_Strict, frozen=True, forbid_unknown_fields=True):
    group: str
    approvals: Approvals = 1


class EscalateIn(_Strict, frozen=True, forbid_unknown_fields=True):
    after: str
    to: Annotated[list[str], msgspec.Meta(min_length=1, max_length=10)]


class PreviewIn(_Strict, frozen=True, forbid_unknown_fields=True):
    show: Annotated[list[Text], msgspec.Meta(max_length=50)] = []
    reveal: str | None = None


class CumulativeIn(_Strict, frozen=True, forbid_unknown_fields=True):
    within: str
    above: float
    per: Annotated[list[Literal["agent", "action", "resource", "on_behalf_of"]], msgspec.Meta(min_length=1)]
    amount: str = "1"


class RuleIn(_Strict, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    when: str
    allow: Literal[True] | None = None
    deny: Literal[True] | None = None
    require: Annotated[list[SeatIn], msgspec.Meta(min_length=1)] | None = None
    stages: (
        Annotated[
            list[Annotated[list[SeatIn], msgspec.Meta(min_length=1)]],
            msgspec.Meta(min_length=1, max_length=STAGES_MAX),
        ]
        | None
    ) = None
    decide_within: str | None = None
    grant_valid_for: str | None = None
    deny_threshold: Approvals = 1
    surfaces: Annotated[list[Text], msgspec.Meta(max_length=20)] = []
    remind_after: Annotated[list[str], msgspec.Meta(max_length=10)] = []
    escalate: EscalateIn | None = None
    assurance: Assurance = Assurance.CHAT
    preview: PreviewIn = PreviewIn()
    cumulative: CumulativeIn | None = None
    recheck_at_redeem: bool = False
    notify_direct: bool = False


class PolicyIn(_Strict, frozen=True, forbid_unknown_fields=True):
    version: Literal[1]
    groups: Annotated[dict[str, GroupIn], msgspec.Meta(max_length=GROUPS_MAX)] = {}
    rules: Annotated[list[RuleIn], msgspec.Meta(max_length=RULES_MAX)] = []
    denial_memory: str = "15m"
    editor_cool_down: str = "24h"


def load_policy(text: str, revision: int = 0) -> Policy:
    """The policy that *text* (YAML) says. Raises ``PolicyError``. The hash is over the bytes of the text, so that an
    auditor who has the file can compute it: ``sha256:`` + SHA-256(UTF-8)."""
    try:
        document = yaml_strict.read(text)
    except ValueError as e:
        raise PolicyError(f"The policy is not usable YAML: {e}", getattr(e, "line", None)) from e
    if document.value is None:
        raise PolicyError(
            "The policy is empty, so nobody could do anything. Write at least `version: 1` and one rule."
        )
    try:
        wire = msgspec.convert(document.value, PolicyIn)
    except msgspec.ValidationError as e:
        raise PolicyError(f"The policy does not have the right form: {e}", _line(document, str(e))) from e
    groups = {
        GroupName(name): _at(document, ("groups", name), _group, name, group)
        for name, group in wire.groups.items()
    }
    rules = tuple(
        _at(document, ("rules", index), _rule, rule, groups, document.text(("rules", index)))
        for index, rule in enumerate(wire.rules)
    )
    names: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.name in names:
            raise PolicyError(
                f"Two rules are called {rule.name!r}; names must differ, they stand in the audit log.",
                document.line(("rules", index, "name")),
            )
        names.add(rule.name)
    return Policy(
        groups=groups,
        rules=rules,
        hash=Digest("sha256:" + hashlib.sha256(text.encode()).hexdigest()),
        revision=revision,
        source=text,
        denial_memory=_at(document, ("denial_memory",), _duration, "denial_memory", wire.denial_memory),
        editor_cool_down=_at(
            document, ("editor_cool_down",), _duration, "editor_cool_down", wire.editor_cool_down
        ),
    )


def _at(document: yaml_strict.Document, path: yaml_strict.Path, read: Callable[..., T], *given: Any) -> T:
    """What *read* makes of *given*; its complaint gets the line of *path*, or of the word below it that it is about."""
    try:
        return read(*given)
    except PolicyError as e:
        said = (e.about, *(word for word in WORDS if f" {word} " in f" {e} "))
        below = next((word for word in said if (*path, word) in document.lines), None)
        raise PolicyError(str(e), document.line(path if below is None else (*path, below))) from e


def _line(document: yaml_strict.Document, complaint: str) -> int:
    """The line that msgspec's *complaint* means: it ends in the place, as in ``... - at `$.rules[0].when` ``."""
    place = re.search(r"at `(?:key in )?\$([^`]*)`$", complaint)
    paths: list[yaml_strict.Path] = [()]
    for name, index in re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", place.group(1) if place else ""):
        if index == "...":  # some key of this map, msgspec does not say which
            paths = [p for p in document.lines for parent in paths if p[:-1] == parent and p]
        else:
            paths = [(*parent, name or int(index)) for parent in paths]
    unknown = re.search(r"unknown field `([^`]*)`", complaint)
    if unknown:
        paths = [(*parent, unknown.group(1)) for parent in paths]
    standing = [path for path in paths if path in document.lines]
    return document.line(
        standing[0] if len(standing) == 1 else paths[0][:1] if len(paths) > 1 else paths[0] if paths else ()
    )


def _group(name: str, group: GroupIn) -> Group:
    if not NAME.fullmatch(name):
        raise PolicyError(f"Group {name!r}: use lower-case letters, digits, . _ - in a group's name.")
    members = []
    for member in group.members:
        if not member.startswith("person:"):
            raise PolicyError(f"Group {name!r}: member {member!r} must be written person:NAME.")
        try:
            members.append(person_id(member))
        except ValueError as e:
            raise PolicyError(f"Group {name!r}: {e}.") from e
    return Group(GroupName(name), frozenset(members), group.slack_usergroup, group.oidc_claim)


def _rule(rule: RuleIn, groups: dict[GroupName, Group], text: str) -> Rule:
    place = f"Rule {rule.name!r}"
    said = [word for word in ("allow", "deny", "require", "stages") if getattr(rule, word) is not None]
    if len(said) != 1:
        _fail(
            place,
            f"say exactly one of allow, deny, require or stages, not {' and '.join(said) or 'none of them'}.",
        )
    word = "when"
    try:
        compile_condition(rule.when)
        if rule.cumulative is not None:
            word = "cumulative"
            compile_number(rule.cumulative.amount)
    except ConditionError as e:
        raise PolicyError(f"{place}: {e}", about=word) from e
    if said[0] in ("allow", "deny"):
        _no_approval_words(place, rule, said[0])
    requirement = _requirement(place, rule, groups)
    effect = {"allow": Effect.ALLOW, "deny": Effect.DENY}.get(said[0], Effect.REQUIRE)
    return Rule(rule.name, rule.when, effect, requirement, _cumulative(place, rule), text)


def _no_approval_words(place: str, rule: RuleIn, effect: str) -> None:
    """A setting that nothing would read is a mistake in the file, not a comment."""
    unread = [
        word
        for word in (
            "decide_within",
            "surfaces",
            "remind_after",
            "escalate",
            "recheck_at_redeem",
            "notify_direct",
        )
        if getattr(rule, word)
    ]
    if rule.deny_threshold != 1:
        unread.append("deny_threshold")
    if rule.assurance is not Assurance.CHAT:
        unread.append("assurance")
    if effect == "deny" and rule.grant_valid_for is not None:
        unread.append("grant_valid_for")
    if unread:
        _fail(place, f"{', '.join(unread)} means nothing beside {effect}: remove it, or require approvals.")


def _requirement(place: str, rule: RuleIn, groups: dict[GroupName, Group]) -> Requirement:
    wire = rule.stages if rule.stages is not None else [rule.require] if rule.require else []
    stages = tuple(Stage(tuple(SeatGroup(GroupName(s.group), s.approvals) for s in stage)) for stage in wire)
    if sum(seat.approvals for stage in stages for seat in stage.seats) > SEATS_MAX:
        _fail(place, f"more than {SEATS_MAX} approvals in all.")
    escalate_to = tuple(
        GroupName(to.removeprefix("group:")) for to in (rule.escalate.to if rule.escalate else [])
    )
    reveal = GroupName(rule.preview.reveal.removeprefix("group:")) if rule.preview.reveal else None
    named = [seat.group for stage in stages for seat in stage.seats]
    for name in (*named, *escalate_to, *((reveal,) if reveal else ())):
        if name not in groups:
            _fail(
                place,
                f"group {name!r} is not among the policy's groups: {', '.join(sorted(groups)) or 'there are none'}.",
            )
    _satisfiable(place, stages, groups, rule.deny_threshold)
    decide_within = _within(place, "decide_within", rule.decide_within or "30m", DECIDE_WITHIN)
    surfaces = tuple(dict.fromkeys((*rule.surfaces, "console")))
    for surface in surfaces:
        if surface not in ("console", "api") and not (
            surface.startswith(SURFACE_PREFIXES) and len(surface) > len("slack:")
        ):
            _fail(place, f"surface {surface!r} must be console, api, slack:CHANNEL or teams:CHANNEL.")
    reminders = tuple(sorted(_duration(f"{place}: remind_after", text) for text in rule.remind_after))
    escalate_after = _duration(f"{place}: escalate.after", rule.escalate.after) if rule.escalate else None
    for name, delta in (
        ("remind_after", reminders[-1] if reminders else None),
        ("escalate.after", escalate_after),
    ):
        if delta is not None and delta >= decide_within:
            _fail(place, f"{name} is not before decide_within, so it would never happen.")
    return Requirement(
        stages=stages,
        decide_within=decide_within,
        grant_valid_for=_within(place, "grant_valid_for", rule.grant_valid_for or "5m", GRANT_VALID),
        deny_threshold=rule.deny_threshold,
        surfaces=surfaces,
        remind_after=reminders,
        escalate_after=escalate_after,
        escalate_to=escalate_to,
        assurance=rule.assurance,
        show=tuple(rule.preview.show),
        reveal=reveal,
        recheck_at_redeem=rule.recheck_at_redeem,
        notify_direct=rule.notify_direct,
    )


def _satisfiable(place: str, stages: Sequence[Stage], groups: dict[GroupName, Group], denials: int) -> None:
    """Refuse a quorum that no set of people can meet: seat everybody who is named, and strangers where a group's members
    come from elsewhere (they cannot be counted before it runs)."""
    named = {seat.group for stage in stages for seat in stage.seats}
    membership: dict[PersonId, frozenset[GroupName]] = {}
    for name in named:
        group = groups[name]
        members = set(group.members)
        if group.slack_usergroup or group.oidc_claim:
            members |= {PersonId(f"person:{name}.{i}.unknown") for i in range(SEATS_MAX)}
        for member in members:
            membership[member] = membership.get(member, frozenset()) | {name}
    ballots = tuple(Ballot(person, Choice.APPROVE) for person in sorted(membership))
    case = Case(tuple(stages), frozenset(), _FAR, ballots=ballots)
    for seat in standing(case, Facts(membership)).seats:
        if len(seat.filled_by) < seat.needed:
            _fail(
                place,
                f"its quorum can never be met: {seat.needed} of {seat.group} are needed, and only {len(seat.filled_by)} "
                "different people are left for them. Add members or ask for fewer.",
            )
    if stages and denials > len(membership):
        _fail(place, f"deny_threshold is {denials}, but only {len(membership)} people may vote.")


def _cumulative(place: str, rule: RuleIn) -> Cumulative | None:
    wire = rule.cumulative
    if wire is None:
        return None
    if not 0 <= wire.above < 1e15:
        _fail(place, "cumulative.above must be a number from 0 to 10^15.")
    within = _within(place, "cumulative.within", wire.within, (timedelta(minutes=1), timedelta(days=400)))
    return Cumulative(wire.amount, within, wire.above, tuple(name for name in PER if name in wire.per))


def _within(place: str, name: str, text: str, bounds: tuple[timedelta, timedelta]) -> timedelta:
    delta = _duration(f"{place}: {name}", text)
    if not bounds[0] <= delta <= bounds[1]:
        _fail(place, f"{name} must lie between {bounds[0]} and {bounds[1]}.")
    return delta


def _duration(place: str, text: str) -> timedelta:
    try:
        return parse_positive(text)
    except ValueError as e:
        raise PolicyError(f"{place}: {e}.") from e


def _fail(place: str, why: str) -> NoReturn:
    raise PolicyError(f"{place}: {why}")
