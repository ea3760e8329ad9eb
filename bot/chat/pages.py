"""Pages made from what the desk answers: inbox, details, entries of the log, help. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bot.chat.commands import SPECS, Command, Mistake
from bot.chat.page import Page, Section, labelled, note, plain
from bot.chat.view import (
    LABELS,
    OUTCOMES,
    ButtonView,
    LeafView,
    Line,
    Part,
    Style,
    clip,
    date,
    leaf_view,
    name,
    quorum_line,
    text,
    vote_line,
)
from bot.core.policy import Policy, describe
from bot.core.preview import Button, Card, TimelineLine
from bot.core.reasons import Refused
from bot.core.request import RequestState
from bot.desk.api import ChainState, Freeze, Inbox, InboxItem, Revealed
from bot.ports import AuditRow

DETAIL_CHARS_MAX = 20_000
DETAIL_LEAVES_MAX = 200
INBOX_ITEMS_MAX = 8
AUDIT_PAGE = 15
FIELDS_MAX = 100
"""Options of one list in a Slack dialog."""
REVEALED_CHARS_MAX = 2800

SealItem = Callable[[InboxItem], str]


def refused(refusal: Refused) -> Page:
    return note("Not done", refusal.sentence)


def refused_words(words: str) -> Page:
    return note("Not done", words)


def mistake(wrong: Mistake) -> Page:
    return note("Not understood", wrong.sentence, f"Usage: {wrong.usage}")


def help_page(command: Command) -> Page:
    specs = SPECS[command.family]
    if command.words:
        spec = specs[command.words[0]]
        rows = (plain(spec.summary), labelled("Usage", f"/{command.family} {spec.usage}"))
        return Page(
            f"/{command.family} {command.words[0]}",
            (Section(rows=(*rows, labelled("Example", f"/{command.family} {spec.example}"))),),
        )
    lines = tuple(
        (Part(f"/{command.family} {s.usage}", Style.CODE), Part("  " + s.summary)) for s in specs.values()
    )
    return Page(
        f"/{command.family}",
        (Section(rows=lines),),
        note="Add --help to a command for more. Answers are seen by you alone.",
    )


def inbox_page(inbox: Inbox, frozen: Freeze | None, seal: SealItem, console_url: str) -> Page:
    """Waiting for you, asked by your agents, decided lately; each with a button that opens it."""
    sections: list[Section] = []
    if frozen is not None:
        sections.append(
            Section(
                "⚠ Approvals are frozen",
                (plain("Nothing is granted until an administrator lifts the freeze; denials work."),),
            )
        )
    for heading, items, empty in (
        (f"Waiting for you ({len(inbox.waiting)})", inbox.waiting, "Nothing waits for you."),
        (f"Asked by your agents ({len(inbox.mine)})", inbox.mine, "Nothing was asked."),
        (f"Decided lately ({len(inbox.decided)})", inbox.decided, "Nothing was decided lately."),
    ):
        sections += _items(heading, items, empty, seal)
    left = sum(max(0, len(items) - INBOX_ITEMS_MAX) for items in (inbox.waiting, inbox.mine, inbox.decided))
    said = (
        f"{left} more in the console: {console_url}" if left else f"All of it in the console: {console_url}"
    )
    return Page("Your inbox", tuple(sections), note=said if console_url else "")


def _items(heading: str, items: Sequence[InboxItem], empty: str, seal: SealItem) -> list[Section]:
    if not items:
        return [Section(heading, (plain(empty),))]
    sections = [Section(heading)] if len(items) > 1 else []
    for item in items[: INBOX_ITEMS_MAX if len(items) > 1 else 1]:
        button = ButtonView(
            Button.DETAILS.value, "Open", value=seal(item), help=clip(f"Open {item.action}", 75)
        )
        sections.append(Section("" if sections else heading, item_lines(item), buttons=(button,)))
    return sections


def item_lines(item: InboxItem) -> tuple[Line, ...]:
    hidden = sum(count for _, count in item.hidden)
    first = (
        Part(item.action, Style.BOLD),
        Part(" on "),
        Part(clip(text(item.resource_label), 120) or "(no name)", Style.CODE),
        Part(f" · {item.agent}"),
    )
    state = (
        date(item.decide_by, before="Decide by")
        if item.state.is_open
        else (Part(f"{item.state.value} "), *(date(item.decided_at) if item.decided_at else ()))
    )
    tail = f" · {item.seats_filled} of {item.seats_total} · {hidden} hidden · {item.request}"
    return (first, (*state, Part(tail)))


def details_page(
    card: Card, timeline: Sequence[TimelineLine] = (), buttons: Sequence[ButtonView] = ()
) -> Page:
    """Everything about one request that may be shown: as far as a dialog carries, and what is missing is said."""
    leaves, chars = [], 0
    for leaf in card.preview.leaves[:DETAIL_LEAVES_MAX]:
        shown = leaf_view(leaf)
        if len(shown.text) > 2900 or len(shown.label) > 250:
            shown = replace(
                shown,
                label=clip(shown.label, 200),
                lines=tuple(clip(shown.text, 2800).split("\n")),
                is_block=True,
            )
        chars += len(shown.text) + len(shown.label)
        if chars > DETAIL_CHARS_MAX:
            break
        leaves.append(shown)
    missing = len(card.preview.leaves) - len(leaves)
    facts = (
        labelled("Action", card.action),
        labelled("Resource", f"{card.resource_type} {clip(text(card.preview.resource.text), 300)}"),
        labelled("Agent", card.agent),
        labelled("Rule", clip(text(card.rule), 300)),
        plain(clip(text(card.rule_words), 600)),
        labelled("Payload", card.payload_hash),
        labelled("Preview", card.preview_hash),
        labelled("Policy", card.policy_hash),
    )
    sections = [
        Section(card.verdict, facts),
        Section(
            "What exactly",
            leaves=tuple(leaves),
            rows=(plain("The request has no fields."),) if not leaves else (),
        ),
        Section(
            "Who",
            tuple(quorum_line(seat) for seat in card.seats) + tuple(vote_line(vote) for vote in card.votes),
        ),
    ]
    closing = []
    if card.state.is_open:
        closing.append((*date(card.decide_by, before="Decide by"), Part(". " + card.expiry_words)))
    if card.reason:
        closing.append(labelled("Reason", clip(text(card.reason), 500)))
    if card.grant is not None:
        closing.append(
            labelled(
                "Grant",
                OUTCOMES[card.grant.state]
                + (f": {clip(text(card.grant.outcome), 200)}" if card.grant.outcome else ""),
            )
        )
    sections.append(Section("", tuple(closing), buttons=tuple(buttons)))
    if timeline:
        sections.append(Section("Timeline", tuple(timeline_line(line) for line in timeline[-30:])))
    said = f"{missing} fields more are in the console." if missing > 0 else ""
    return Page(f"{card.request}", tuple(s for s in sections if s.rows or s.leaves or s.buttons), note=said)


def step_up_page(card: Card) -> Page:
    """Where a hidden value is shown instead of here, and why."""
    link = ButtonView(Button.OPEN_CONSOLE.value, "Reveal in the console", url=card.console_url)
    rows = (
        plain(
            "Hidden values are shown in the console, not here: it asks who you are once more and what for."
        ),
        plain("The audit log has both before you see anything."),
    )
    return Page(
        "Reveal a value",
        (Section(rows=rows, buttons=(link,) if card.console_url else ()),),
        note=card.request,
    )


def hidden_fields(card: Card) -> tuple[tuple[int, str], ...]:
    """What may be revealed: the leaf's index and its label, as far as a list in a dialog goes."""
    leaves = (*card.preview.leaves, *card.preview.context)
    return tuple(
        (leaf.index, clip(text(leaf.label.text) or "(no name)", 40)) for leaf in leaves if leaf.hidden
    )[:FIELDS_MAX]


def revealed_page(request: str, found: Revealed) -> Page:
    """One value in the clear, for the one who asked, after its entry was written."""
    value = text(found.value, block=True)
    shown = tuple(clip(value, REVEALED_CHARS_MAX).split("\n")) if value else ("(empty)",)
    block = LeafView(clip(text(found.label), 200) or "(no name)", shown, is_block=True, hidden=False)
    return Page(
        "Revealed to you",
        (Section(leaves=(block,)),),
        note=f"Audit entry {found.seq}, {request}. Close this dialog when you have read it.",
    )


def notice_page(card: Card, title: str) -> Page:
    """A reply in the card's thread: a reminder, or how it ended, with every vote."""
    rows = [plain(card.action, " by ", card.agent)]
    rows += (
        [quorum_line(seat) for seat in card.seats]
        if card.state.is_open
        else [vote_line(vote) for vote in card.votes]
    )
    if card.state.is_open:
        rows.append(date(card.decide_by, before="Decide by"))
        if card.escalated_to:
            rows.append(
                labelled("Told as well", clip(", ".join(text(group) for group in card.escalated_to), 300))
            )
    elif card.reason:
        rows.append(labelled("Reason", clip(text(card.reason), 500)))
    if card.console_url and card.state.is_open:
        rows.append(plain(f"Full view: {card.console_url}"))
    return Page(title, (Section(rows=tuple(rows)),), note=card.request)


def due_reply(card: Card, reminders_told: int, *, escalation_told: bool) -> Page | None:
    """What is to be said under a copy that was told of so many reminders; None when nothing is due. Several at once are one reply."""
    if not card.state.is_open:
        return None
    if card.escalated_to and not escalation_told:
        return notice_page(card, "Escalated: nobody has decided")
    if card.reminders > reminders_told:
        return notice_page(card, "Reminder: still waiting")
    return None


def timeline_line(line: TimelineLine) -> Line:
    return (
        Part(f"{line.seq}  ", Style.CODE),
        *date(line.at),
        Part("  " + clip(text(line.words), 300)),
        Part("  " + name(line.who), Style.BOLD),
    )


def result_page(card: Card, counted: str) -> Page:
    """What a click did, to the one who made it."""
    rows = [plain(counted)]
    if card.state is RequestState.PENDING:
        rows += [quorum_line(seat) for seat in card.seats]
    return Page(card.verdict, (Section(rows=tuple(rows)),), note=card.request)


def policy_page(policy: Policy, word: str = "") -> Page:
    """Rules in order, first match decides. With *word*, those that mention it."""
    rows: list[Line] = []
    for index, rule in enumerate(policy.rules, 1):
        if word and word.lower() not in f"{rule.name} {rule.when}".lower():
            continue
        outcome = describe(rule.requirement) if rule.requirement is not None else f"{rule.effect.value}."
        rows.append(
            (
                Part(f"{index}. {text(rule.name)}: ", Style.BOLD),
                Part(outcome + " When "),
                Part(clip(text(rule.when), 400), Style.CODE),
            )
        )
    if not rows:
        rows.append(
            plain("No rule mentions this word." if word else "There is no rule, so nobody may do anything.")
        )
    return Page(
        "Policy",
        (Section(rows=tuple(rows)),),
        note=f"First match decides; no match is denied. {policy.hash[:19]}…",
    )


def audit_page(
    title: str, rows: Sequence[AuditRow], names: Mapping[str, str], more: str = "", chain: str = ""
) -> Page:
    """*chain*: how the log stands, in words."""
    lines = tuple(_audit_line(row, names) for row in rows) or (plain("No entry matches."),)
    return Page(
        title,
        (Section(rows=lines),),
        note=" ".join(filter(None, (chain, "That you asked is in the log as well."))),
        more=more,
    )


def chain_words(chain: ChainState) -> str:
    """One line for the end of a page: length, signed head, and what the last check of the whole log found."""
    signed = f"{chain.size:,} entries, signed up to {chain.checkpoint_size:,}"
    if chain.verified is None:
        return f"{signed}; not checked since the start (/audit verify)."
    at = chain.verified_at.strftime("%Y-%m-%d %H:%M UTC") if chain.verified_at is not None else ""
    return f"{signed}; " + (
        f"checked {at}, it holds." if chain.verified else f"CHECKED {at}: IT DOES NOT HOLD."
    )


def _audit_line(row: AuditRow, names: Mapping[str, str]) -> Line:
    about = " ".join(filter(None, (row.action, row.request)))
    who = names.get(row.actor, row.actor)
    return (
        Part(f"{row.seq}  ", Style.CODE),
        *date(row.at),
        Part(f"  {row.type} ", Style.BOLD),
        Part(f"{row.outcome}  {clip(text(who), 60)}  {clip(text(about), 200)}"),
    )


def chain_page(chain: ChainState, *, checked: bool) -> Page:
    verdicts = {
        None: "not checked since the start",
        True: "the whole chain holds",
        False: "THE CHAIN IS BROKEN",
    }
    rows = [
        labelled("Entries", f"{chain.size:,}"),
        labelled("Head", chain.head.hex()),
        labelled("Signed up to", f"{chain.checkpoint_size:,}"),
        labelled("Checked", verdicts[chain.verified]),
    ]
    if chain.verified_at is not None:
        rows.append((Part("At ", Style.BOLD), *date(chain.verified_at)))
    if chain.finding:
        rows.append(labelled("Finding", clip(text(chain.finding), 500)))
    return Page(
        "Audit log, checked now" if checked else "Audit log",
        (Section(rows=tuple(rows)),),
        note="A log cut back to an older signed head passes this check; compare the head with one kept elsewhere.",
    )


def details_button(value: str) -> ButtonView:
    return ButtonView(Button.DETAILS.value, LABELS[Button.DETAILS][0], value=value)
