"""A card as chat shows it: lines of literal text parts, the same for every chat platform.

Decided here: which words stand on a chat card, in which order, and whether this platform shows the payload whole; if not there
is no Approve, only the way to the console (T14). Everything from outside passes through ``visible`` once (T13) and becomes a
``Part``; the templates put every part into an element whose text is literal (T12). Deliberately absent: markup, JSON, who may
press what (the desk says so in ``card.buttons``, and decides again on the click). Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.core import milestones
from bot.core.policy import words as spelled
from bot.core.preview import Budget, Button, Card, Leaf, SeatLine, VoteLine, listed
from bot.core.request import Assurance, Choice, GrantState, RequestState
from bot.core.visible import confusable, visible

CLAIM_CHARS_MAX = 600
"""The agent's own words are clipped here, with the clip said: they are no part of what is approved."""
TARGET_CHARS_MAX = 120
"""How much of a target's name a dialog or a title repeats; the card's own line shows it whole."""
LEAF_CHARS_MAX = 2900
"""One value. Slack documents 3,000 characters for a text object; a longer value is for the console."""
LABEL_CHARS_MAX = 250
FACT_CHARS_MAX = 300
"""Words around the payload: names, the rule, the target in the first line (it stands whole among the fields)."""
NAMES_MAX = 6
NAME_CHARS_MAX = 60


class Style(StrEnum):
    PLAIN = "plain"
    BOLD = "bold"
    CODE = "code"
    QUIET = "quiet"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Part:
    """Literal text in one style. ``at`` is set for ``DATE`` alone: the client shows it in its own zone."""

    text: str
    style: Style = Style.PLAIN
    at: datetime | None = None

    @property
    def timestamp(self) -> int:
        return int(self.at.timestamp()) if self.at else 0

    @property
    def iso(self) -> str:
        return self.at.strftime("%Y-%m-%dT%H:%M:%SZ") if self.at else ""


Line = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class LeafView:
    """``lines`` is the value, line by line; ``is_block`` when it needs a block of its own."""

    label: str
    lines: tuple[str, ...]
    is_block: bool
    hidden: bool

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class ButtonView:
    """``value`` is what the click carries back (opaque, signed); ``url`` for links. ``help`` is read by screen readers."""

    kind: str
    label: str
    style: str = ""
    value: str = ""
    url: str = ""
    confirm: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class CardView:
    """What a template draws. ``complete`` is false when a leaf does not stand here whole; then no button approves.

    ``fallback`` is the notification: fixed words, the action's name and ids, nothing that came from the payload, because
    platforms parse markup in it."""

    request: str
    version: int
    state: RequestState
    title: str
    fallback: str
    target: Line
    facts: tuple[tuple[str, Line], ...]
    warnings: tuple[str, ...]
    leaves: tuple[LeafView, ...]
    complete: bool
    elided: str
    summary: str
    claim: tuple[str, ...]
    claim_note: str
    quorum: tuple[Line, ...]
    closing: tuple[Line, ...]
    buttons: tuple[ButtonView, ...]
    footer: str
    console_url: str

    @property
    def is_open(self) -> bool:
        return self.state.is_open


ICONS = {
    RequestState.PENDING: "⏳",
    RequestState.APPROVED: "✅",
    RequestState.DENIED: "⛔",
    RequestState.EXPIRED: "⌛",
    RequestState.CANCELLED: "🚫",
}
OUTCOMES = {
    GrantState.ISSUED: "The agent may act until",
    GrantState.REDEEMED: "The agent is acting now",
    GrantState.SUCCEEDED: "Done, the agent reports success",
    GrantState.FAILED: "The agent reports that it failed",
    GrantState.INDETERMINATE: "The agent began and never reported an outcome",
    GrantState.LAPSED: "The grant was never used and has lapsed",
    GrantState.REVOKED: "The grant was taken back",
}


ENDS = {
    GrantState.REDEEMED: ("▶️", "the agent is acting"),
    GrantState.SUCCEEDED: ("✅", "done"),
    GrantState.FAILED: ("❌", "but it failed"),
    GrantState.INDETERMINATE: ("❔", "outcome unknown"),
    GrantState.LAPSED: ("⌛", "never used"),
    GrantState.REVOKED: ("🚫", "then taken back"),
}
"""What became of an approval, for the first line."""


def text(value: str, *, block: bool = False) -> str:
    """*value* with nothing invisible left in it; in a block, line feeds and tabs stay."""
    return visible(value.replace("\r\n", "\n") if block else value, allow="\n\t" if block else "")


def clip(value: str, chars_max: int) -> str:
    """*value*, or its beginning and how much is missing, said."""
    if len(value) <= chars_max:
        return value
    return f"{value[:chars_max]} … {len(value) - chars_max:,} characters more"


def name(value: str) -> str:
    """A person's name from our own table, short enough for a line."""
    return clip(text(value), NAME_CHARS_MAX)


def date(at: datetime, *, before: str = "") -> Line:
    fallback = at.strftime("%Y-%m-%d %H:%M UTC")
    parts = (Part(fallback, Style.DATE, at),)
    return (Part(before + " "), *parts) if before else parts


def leaf_view(leaf: Leaf) -> LeafView:
    """One leaf, whole. An empty value is said, since an empty element would be dropped by the client."""
    value = text(leaf.value.text, block=True)
    lines = tuple(value.split("\n")) if value else ("(empty)",)
    return LeafView(
        label=text(leaf.label.text) or "(no name)",
        lines=lines,
        is_block=len(lines) > 1 or len(value) > 100,
        hidden=leaf.hidden,
    )


def build(card: Card, budget: Budget, seal: Callable[[Button], str]) -> CardView:
    """The view of *card* on a platform that shows *budget*. ``seal`` gives the opaque value that a button carries."""
    leaves = tuple(leaf_view(leaf) for leaf in card.preview.leaves)
    shown, complete = _within(leaves, budget)
    target = text(card.preview.resource.text) or card.resource_type
    claim, claim_note = _claim(card.preview.justification.text)
    view_title = f"{_icon(card)} {_verdict(card)}: {card.action}"
    return CardView(
        request=card.request,
        version=card.version,
        state=card.state,
        title=clip(view_title, 140),
        fallback=f"{_verdict(card)}: {card.action}, asked by {card.agent} ({card.request})",
        target=_target(card, target),
        facts=tuple(_facts(card)),
        warnings=tuple(_warnings(card, target)),
        leaves=shown,
        complete=complete,
        elided=_elided(leaves, shown),
        summary=_summary(card),
        claim=claim,
        claim_note=claim_note,
        quorum=tuple(quorum_line(seat) for seat in card.seats),
        closing=tuple(_closing(card)),
        buttons=tuple(_buttons(card, target, complete, seal)),
        footer=f"{card.request} · version {card.version} · payload {card.payload_hash[:19]}…",
        console_url=card.console_url,
    )


def _within(leaves: tuple[LeafView, ...], budget: Budget) -> tuple[tuple[LeafView, ...], bool]:
    """The leading leaves that stand within *budget* whole, and whether those are all. Counts what is shown, escapes included."""
    chars = 0
    shown: list[LeafView] = []
    for leaf in leaves:
        size = len(leaf.text)
        chars += len(leaf.label) + size + 4
        if (
            size > LEAF_CHARS_MAX
            or len(leaf.label) > LABEL_CHARS_MAX
            or chars > budget.chars_max
            or len(shown) >= budget.leaves_max
        ):
            return tuple(shown), False
        shown.append(leaf)
    return tuple(shown), True


def _elided(leaves: tuple[LeafView, ...], shown: tuple[LeafView, ...]) -> str:
    missing = leaves[len(shown) :]
    if not missing:
        return ""
    chars = sum(len(leaf.text) for leaf in missing)
    return (
        f"{len(missing)} of {len(leaves)} fields ({chars:,} characters) do not fit here, so this cannot be approved here. "
        "Open the full view to read and approve it."
    )


def _icon(card: Card) -> str:
    after = ENDS.get(card.grant.state) if card.grant is not None else None
    return after[0] if after is not None else ICONS[card.state]


def _verdict(card: Card) -> str:
    """The first line tells how it stands now: a card that says "Approved" alone after a failure would mislead who reads no further."""
    after = ENDS.get(card.grant.state) if card.grant is not None else None
    if after is not None and card.state is RequestState.APPROVED:
        return f"{card.verdict}, {after[1]}"
    if card.state.is_open and any(v.choice is Choice.APPROVE and not v.withdrawn for v in card.votes):
        filled = sum(len(seat.names) for seat in card.seats)
        return f"Partly approved, {filled} of {sum(seat.needed for seat in card.seats)}"
    return card.verdict


def _target(card: Card, target: str) -> Line:
    line = [
        Part(card.action, Style.BOLD),
        Part(" on "),
        Part(f"{card.resource_type} "),
        Part(clip(target, FACT_CHARS_MAX), Style.CODE),
    ]
    if card.resource_env:
        line += [Part(" in "), Part(clip(text(card.resource_env), NAME_CHARS_MAX), Style.BOLD)]
    return tuple(line)


def _facts(card: Card) -> Iterable[tuple[str, Line]]:
    owners = ", ".join(name(owner) for owner in card.owners[:NAMES_MAX]) or "nobody"
    yield "Asked by", (Part(card.agent, Style.BOLD), Part(f", owned by {owners}"))
    if card.on_behalf_of:
        yield "On behalf of", (Part(name(card.on_behalf_of)),)
    yield (
        "Rule",
        (
            Part(clip(text(card.rule), FACT_CHARS_MAX), Style.BOLD),
            Part(": " + clip(text(card.rule_words), 2 * FACT_CHARS_MAX)),
        ),
    )
    if card.denied_before:
        yield "Before", (Part(f"denied {card.denied_before} times lately"),)


def _warnings(card: Card, target: str) -> Iterable[str]:
    for label, value in (("Target", card.preview.resource.text), ("Asked for", card.on_behalf_of or "")):
        warning = confusable(value)
        if warning:
            yield f"{label}: {warning}"
    odd = [
        clip(text(leaf.label.text), NAME_CHARS_MAX)
        for leaf in card.preview.leaves
        if confusable(leaf.value.text)
    ]
    if odd:
        yield clip(f"Look-alike letters in: {', '.join(odd[:5])}", 400)


def _summary(card: Card) -> str:
    hidden = card.preview.hidden_count
    kinds = ", ".join(f"{count} {kind}" for kind, count in card.preview.hidden)
    said = f"{hidden} {'value' if hidden == 1 else 'values'} hidden ({kinds})" if hidden else "Nothing hidden"
    return f"{said} · {len(card.preview.leaves)} fields · {card.preview.payload_bytes:,} bytes"


def _claim(justification: str) -> tuple[tuple[str, ...], str]:
    words = text(justification, block=True).strip("\n")
    if not words.strip():
        return (), ""
    shown = words[:CLAIM_CHARS_MAX]
    note = (
        f"… {len(words) - len(shown):,} characters more in the full view" if len(words) > len(shown) else ""
    )
    return tuple(shown.split("\n")[:20]), note or (
        "… more lines in the full view" if shown.count("\n") >= 20 else ""
    )


def quorum_line(seat: SeatLine) -> Line:
    """``data-owners 1 of 2 ▰▱ Ana``: words first, the bar is only a picture of them."""
    filled = len(seat.names)
    bar = "▰" * filled + "▱" * max(0, seat.needed - filled)
    names = ", ".join(name(person) for person in seat.names[:NAMES_MAX])
    names += f" and {filled - NAMES_MAX} more" if filled > NAMES_MAX else ""
    tail = names or ("waiting" if seat.is_open else "after the earlier stage")
    return (
        Part(seat.group, Style.BOLD),
        Part(f" {filled} of {seat.needed} {bar if seat.needed <= 10 else ''} "),
        Part(tail),
    )


def vote_line(vote: VoteLine) -> Line:
    word = "approved" if vote.choice is Choice.APPROVE else "denied"
    tail = ", later withdrawn" if vote.withdrawn else ""
    return (
        Part(name(vote.name), Style.BOLD),
        Part(f" {word} from {text(vote.surface.split(':')[0])}{tail} "),
        *date(vote.at),
    )


def _closing(card: Card) -> Iterable[Line]:
    if card.state.is_open:
        yield (*date(card.decide_by, before="Decide by"), Part(". " + card.expiry_words))
        yield from _waited(card)
        if card.assurance is not Assurance.CHAT:
            yield (
                Part("The policy asks for a stronger sign-in: approve in the console. Denying works here."),
            )
        return
    if card.decided_at is not None:
        people = listed([name(person) for person in card.deciders], NAMES_MAX)
        is_plain = card.state is not RequestState.CANCELLED and not card.is_broken
        who = f"{' by' if is_plain else ':'} {people}" if people else ""
        yield (Part(f"{card.verdict}{who} ", Style.BOLD), *date(card.decided_at))
    if card.reason:
        yield (Part("Reason: "), Part(clip(text(card.reason), 500)))
    if card.grant is not None:
        words = OUTCOMES[card.grant.state]
        outcome = f": {clip(text(card.grant.outcome), 200)}" if card.grant.outcome else ""
        if card.grant.state is GrantState.ISSUED:
            yield (Part(words + " "), *date(card.grant.use_by))
        else:
            yield (Part(words + outcome),)


def _waited(card: Card) -> Iterable[Line]:
    """How the time stands, true whenever it is read: no chat shows a running clock."""
    if card.milestone is not None:
        is_first = card.milestone == milestones.instants(card.created_at, card.decide_by)[0]
        share = "Half of the time has passed" if is_first else "⚠ Nine tenths of the time have passed"
        left = spelled(card.decide_by - card.milestone)
        yield (Part(share, Style.BOLD), Part(f": {left} were left at "), *date(card.milestone))
    if card.reminders:
        yield (Part(f"Reminded {'once' if card.reminders == 1 else f'{card.reminders} times'}."),)
    if card.escalated_to:
        groups = ", ".join(text(group) for group in card.escalated_to[:NAMES_MAX])
        yield (Part("Escalated: ", Style.BOLD), Part(f"{groups} were told as well."))


LABELS = {
    Button.APPROVE: ("Approve", "primary"),
    Button.DENY: ("Deny…", "danger"),
    Button.WITHDRAW: ("Withdraw my vote", ""),
    Button.CANCEL: ("Cancel request", "danger"),
    Button.REVEAL: ("Reveal…", ""),
    Button.DETAILS: ("Details", ""),
}


def _buttons(card: Card, target: str, complete: bool, seal: Callable[[Button], str]) -> Iterable[ButtonView]:
    named = f"{card.action} on {clip(target, TARGET_CHARS_MAX)}"
    for button in Button:
        if button is Button.OPEN_CONSOLE or button not in card.buttons:
            continue
        if button is Button.APPROVE and not (complete and card.assurance is Assurance.CHAT):
            continue
        label, style = LABELS[button]
        confirm = ""
        if button is Button.APPROVE:
            confirm = f"You approve {named}. The agent may then do exactly this, once."
        elif button is Button.CANCEL:
            confirm = f"Nobody will be able to approve {named} any more."
        yield ButtonView(
            kind=button.value,
            label=label,
            style=style,
            value=seal(button),
            confirm=clip(confirm, 280),
            help=clip(f"{label.rstrip('…')}: {card.action}", 75),
        )
    if card.console_url:
        label = "Open full view to approve" if card.state.is_open and not complete else "Open in console"
        yield ButtonView(kind=Button.OPEN_CONSOLE.value, label=label, url=card.console_url)
