"""What a command is answered with: asks the desk, decides nothing, makes a private page (T35).

Refusals are the desk's; a request that is missing and one that may not be seen give the same words. Deliberately absent:
platforms, and how a mention is written there (``resolve`` is given).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.chat import evidence, pages
from bot.chat.commands import SPECS, Command, Mistake
from bot.chat.link import Links
from bot.chat.page import Page, Section, note, plain
from bot.chat.view import date, name, text
from bot.core.ids import NAME, AccountKey, PersonId, RequestId
from bot.core.people import Actor
from bot.core.preview import Card
from bot.core.reasons import Reason, Refused
from bot.desk.api import ChainState, Desk
from bot.ports import AuditFilter, Clock

DELEGATE_MAX: Final = timedelta(days=30)
Resolve = Callable[[str], Awaitable[PersonId | None]]
"""A mention as the platform writes it (``<@U123>``), or ``@name`` / ``person:name``, to a person; None when nobody."""


class Answers:
    """Runs parsed commands. Every answer is for the one who asked, alone."""

    def __init__(
        self, desk: Desk, links: Links, clock: Clock, console_url: str, *, takes_files: bool
    ) -> None:
        self._desk = desk
        self._links = links
        self._clock = clock
        self._console_url = console_url
        self._takes_files = takes_files

    async def link(self, command: Command, account: AccountKey) -> Page:
        """``/signoff link``: the one command that works for an account that is nobody yet."""
        if not command.words:
            return note(
                "Link this account",
                f"1. Log in at {self._console_url}/account/link and get a code.",
                "2. Type /signoff link CODE here. Only type a code that you got yourself: it makes this account that person's.",
            )
        outcome = await self._links.accept(command.words[0], account)
        if isinstance(outcome, Refused):
            return pages.refused(outcome)
        person = await self._desk.person(outcome.person)
        who = name(person.name) if person is not None else outcome.person
        return Page(
            "Linked",
            (
                Section(
                    rows=(
                        plain(
                            f"This account now belongs to {who}. If that is not you, tell an administrator now."
                        ),
                        (*plain("It may decide from "), *date(outcome.active_from)),
                    )
                ),
            ),
        )

    async def run(
        self, command: Command | Mistake, actor: Actor, seal: pages.SealItem, resolve: Resolve
    ) -> Page:
        """Everything but ``link``."""
        if isinstance(command, Mistake):
            return pages.mistake(command)
        match (command.family, command.name):
            case (_, "help"):
                return pages.help_page(command)
            case ("signoff", "inbox"):
                inbox = await self._desk.inbox(actor)
                return pages.inbox_page(inbox, await self._desk.frozen(), seal, self._console_url)
            case ("signoff", "show"):
                return await self._show(RequestId(command.words[0]), actor)
            case ("signoff", "policy"):
                return await self._policy(actor, command.words)
            case ("signoff", "freeze"):
                frozen = await self._desk.freeze(actor, command.words[0])
                return (
                    pages.refused(frozen)
                    if isinstance(frozen, Refused)
                    else note(
                        "Frozen",
                        "Nothing is granted from now on; denials still work.",
                        f"It is lifted in the console: {self._console_url}/freeze",
                    )
                )
            case ("signoff", "unfreeze"):
                lifted = await self._desk.unfreeze(actor)
                if lifted is not None and lifted.reason is Reason.STEP_UP:
                    return note(
                        "Not done",
                        f"Lifting the freeze takes the console's sign-in: {self._console_url}/freeze",
                    )
                return (
                    pages.refused(lifted)
                    if lifted is not None
                    else note("Not frozen", "Approvals work again.")
                )
            case ("signoff", "delegate"):
                return await self._delegate(actor, command.words[0], command.words[1], resolve)
            case ("audit", "head" | "verify"):
                chain = await self._desk.chain(actor, verify=command.name == "verify")
                if not isinstance(chain, ChainState):
                    return pages.refused(chain)
                return pages.chain_page(chain, checked=command.name == "verify")
            case ("audit", "report") if not command.words:
                return evidence.frameworks_page()
            case ("audit", name) if name in evidence.COMMANDS:
                return await self._evidence(command, actor)
            case ("audit", _):
                return await self._audit(command, actor, resolve)
            case _:
                return pages.help_page(Command(command.family, "help"))

    async def _show(self, id: RequestId, actor: Actor) -> Page:
        card = await self._desk.card(id, actor)
        if not isinstance(card, Card):
            return pages.refused(card)
        timeline = await self._desk.timeline(id, actor)
        return pages.details_page(card, timeline if isinstance(timeline, list) else ())

    async def _policy(self, actor: Actor, words: tuple[str, ...]) -> Page:
        return pages.policy_page(await self._desk.policy(), words[0] if words else "")

    async def _delegate(self, actor: Actor, who: str, when: str, resolve: Resolve) -> Page:
        now = self._clock.now()
        until = parse_until(when, now)
        taker = await resolve(who)
        if taker is None or until is None:
            usage = f"/signoff {SPECS['signoff']['delegate'].usage}"
            what = (
                "That is nobody known here."
                if taker is None
                else "Say until when: 3d, 12h or 2026-12-01, at most 30 days."
            )
            return note("Not done", what, f"Usage: {usage}")
        delegation = await self._desk.delegate(actor, taker, until)
        if isinstance(delegation, Refused):
            return pages.refused(delegation)
        person = await self._desk.person(taker)
        who_name = name(person.name) if person is not None else text(taker)
        return Page(
            "Delegated",
            (
                Section(
                    rows=((*plain(f"{who_name} may sit in your groups until "), *date(delegation.until)),)
                ),
            ),
        )

    async def _evidence(self, command: Command, actor: Actor) -> Page:
        asked = evidence.wanted(command, self._clock.now())
        if isinstance(asked, Mistake):
            return pages.mistake(asked)
        found = await self._desk.evidence(actor, asked)
        if isinstance(found, Refused):
            return pages.refused(found)
        before = int(command.keys["before"]) if "before" in command.keys else None
        return evidence.page_of(
            asked, found, takes_files=self._takes_files, console_url=self._console_url, before=before
        )

    async def _audit(self, command: Command, actor: Actor, resolve: Resolve) -> Page:
        found = await self._filter(command, resolve)
        if isinstance(found, Mistake):
            return pages.mistake(found)
        rows = await self._desk.audit(actor, found)
        if not isinstance(rows, list):
            return pages.refused(rows)
        names = {person.ref: person.name for person in await self._desk.people()}
        more = ""
        if len(rows) == found.limit:
            keys = {**command.keys, "before": str(rows[-1].seq)}
            words = " ".join(f"{key}:{value}" for key, value in keys.items())
            more = f"/audit {'recent' if command.name == 'recent' else 'search'} {words}"
        title = {"recent": "Latest entries", "show": "Entries", "who": "What one person did"}.get(
            command.name, "Entries"
        )
        chain = await self._desk.chain(actor)
        said = pages.chain_words(chain) if isinstance(chain, ChainState) else ""
        return pages.audit_page(title, rows, names, more, said)

    async def _filter(self, command: Command, resolve: Resolve) -> AuditFilter | Mistake:
        limit = pages.AUDIT_PAGE
        if command.name == "show":
            id = command.words[0]
            if id.isdigit():
                return AuditFilter(before=int(id) + 1, limit=1)
            return AuditFilter(request=RequestId(id), limit=limit)
        if command.name == "who":
            ref = await self._ref(command.words[0], resolve)
            return (
                AuditFilter(actor=ref, limit=limit)
                if ref
                else Mistake("That is nobody known here.", "/audit who @PERSON")
            )
        keys = command.keys
        since, until = (_instant(keys[k]) if k in keys else None for k in ("since", "until"))
        if ("since" in keys and since is None) or ("until" in keys and until is None):
            return Mistake("A day is written 2026-11-23.", f"/audit {SPECS['audit']['search'].usage}")
        ref = None
        if "actor" in keys:
            ref = await self._ref(keys["actor"], resolve)
            if ref is None:
                return Mistake("That is nobody known here.", f"/audit {SPECS['audit']['search'].usage}")
        return AuditFilter(
            request=RequestId(keys["request"]) if "request" in keys else None,
            type=keys.get("type"),
            actor=ref,
            action=keys.get("action"),
            resource=keys.get("resource"),
            outcome=keys.get("outcome"),
            since=since,
            until=until,
            before=int(keys["before"]) if "before" in keys else None,
            limit=limit,
        )

    async def _ref(self, who: str, resolve: Resolve) -> str | None:
        id = await resolve(who)
        person = await self._desk.person(id) if id is not None else None
        return person.ref if person is not None else None


async def resolve_name(desk: Desk, who: str) -> PersonId | None:
    """``@bo``, ``bo`` or ``person:bo``, when there is such a person."""
    bare = who.removeprefix("@").removeprefix("person:")
    if not NAME.fullmatch(bare):
        return None
    id = PersonId(f"person:{bare}")
    return id if await desk.person(id) is not None else None


def parse_until(words: str, now: datetime) -> datetime | None:
    """``3d``, ``12h`` or ``2026-12-01`` (its end, UTC), after *now* and at most ``DELEGATE_MAX`` ahead; else None."""
    match = re.fullmatch(r"([0-9]{1,3})([dh])", words.strip())
    if match:
        until = (
            now + timedelta(days=int(match[1])) if match[2] == "d" else now + timedelta(hours=int(match[1]))
        )
    else:
        day = _instant(words.strip())
        if day is None:
            return None
        until = day + timedelta(days=1)
    return until if now < until <= now + DELEGATE_MAX else None


def _instant(words: str) -> datetime | None:
    """The beginning of a day, UTC."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", words, re.ASCII):
        return None
    try:
        return datetime.fromisoformat(words).replace(tzinfo=UTC)
    except ValueError:
        return None
