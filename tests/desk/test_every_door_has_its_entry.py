"""I7 from the outside: every HTTP route, chat word and command that changes something writes its entries in the transaction of the
change, or stands here with the reason why it writes none.

The doors are enumerated from the tables that the servers are made of; one that is added without a line here fails. Each HTTP route and
chat word is used once for real, over SQLite, and what it wrote is read back. Writing transactions outside the desk are found in
the source, so that no door can be made around it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from adapters.agents.app import CALLS, create_routes
from adapters.stores.sqlite import SqliteStore
from adapters.web.app import TABLE
from bot.chat.commands import SPECS
from bot.chat.link import Links
from bot.core.ids import AccountKey, AgentId, PersonId
from bot.core.people import KeyKind
from bot.core.request import Choice
from tests.desk.every_call import PAYLOAD, stood
from tests.desk.test_every_change_has_its_entry import HOUSEKEEPING, Watched
from tests.docs.generate import commands
from tests.support.clock import START
from tests.support.console import PASSWORD, Browser, House, open_house
from tests.support.keys import journal
from tests.support.office import GLASS, POLICY, SAMPLE, close_desk, library_on
from tests.support.rand import SeededRand

ROOT = Path(__file__).parents[2]
Act = Callable[[], Awaitable[httpx.Response]]


@dataclass
class World:
    house: House
    store: Watched
    http: httpx.AsyncClient
    links: Links

    @property
    def desk(self) -> Any:
        return self.house.desk

    async def api(self, who: str, method: str, path: str, body: Any = None) -> httpx.Response:
        if who in self.desk.callers:
            issued = await self.desk.service.issue_key(None, AgentId(f"agent:{who}"), KeyKind.API)
            credential = issued.secret
        else:
            person = PersonId(f"person:{who}")
            credential = await self.desk.service.issue_person_token(None, person, timedelta(days=1))
        self.store.transactions.clear()
        return await self.http.request(
            method, path, json=body, headers={"Authorization": f"Bearer {credential}"}
        )

    async def form(self, browser: Browser, path: str, form: dict[str, str], at: str = "/") -> httpx.Response:
        self.store.transactions.clear()
        return await browser.post(path, form, at=at)

    def entries(self) -> list[str]:
        return [entry for _, entries in self.store.transactions for entry in entries]

    async def asked_with_glass(self) -> Any:
        await self.desk.service.apply_policy(POLICY + GLASS)
        return await self.desk.asked()

    async def approved(self) -> Any:
        asked = await self.desk.asked()
        await self.desk.service.vote(asked.request.id, self.desk.actor("ana"), Choice.APPROVE)
        return await self.desk.service.vote(asked.request.id, self.desk.actor("bo"), Choice.APPROVE)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store: list[Watched] = []

    def made(clock: Any) -> Watched:
        store.append(Watched(SqliteStore(tmp_path / "s.sqlite3", clock, journal(SeededRand(11)))))
        return store[0]

    offers: list[Links] = []

    async def offer(actor: Any) -> Any:
        found = await offers[0].offer(actor)
        return found.code, found.until

    house = await open_house(tmp_path, store=made, offer_link=offer)
    desk = house.desk
    desk.service._library = library_on(store[0].inner)
    offers.append(Links(desk.store, desk.service, desk.clock, desk.office.rand, desk.office.keys.mac))
    agents = create_routes(
        desk.service, store=desk.store, keys=desk.office.keys, clock=desk.clock, masker=desk.worker
    )
    desk.clock.forward(timedelta(minutes=10))
    app = Starlette(routes=agents)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as http:
        yield World(house, store[0], http, offers[0])
    await close_desk(desk)


@dataclass(frozen=True)
class Door:
    entries: tuple[str, ...]
    act: Callable[[World], Awaitable[httpx.Response]]


DOORS: dict[tuple[str, str], Door] = {}


def door(method: str, path: str, *entries: str) -> Callable[[Callable[[World], Any]], Any]:
    def keep(act: Callable[[World], Any]) -> Any:
        DOORS[method, path] = Door(entries, act)
        return act

    return keep


READ_ONLY_API = {
    ("GET", "/v1/requests"): "the caller's own requests, masked",
    ("GET", "/v1/requests/{id}"): "state; waiting for it",
    ("GET", "/v1/requests/{id}/events"): "state, as a stream",
    ("GET", "/v1/requests/{id}/card"): "what every surface shows, masked",
    ("GET", "/v1/standing"): "standing approvals, masked",
    ("GET", "/v1/break-glass"): "exceptions and their reviews, masked",
    ("GET", "/v1/inbox"): "masked, as the console's first page",
    ("GET", "/v1/policy"): "rules",
    (
        "POST",
        "/v1/mask",
    ): "masks what the caller sent; vault tokens are journalled, see tests/adapters/agents/test_rewriting.py",
    ("POST", "/v1/tokenize"): "the same with tokens, which are computed and not kept",
    ("GET", "/v1/audit/checkpoint"): "the signed head, which says nothing of any entry",
    ("GET", "/v1/audit/log/checkpoint"): "the same, as bytes",
    ("GET", "/.well-known/jwks.json"): "public keys",
    ("GET", "/healthz"): "nothing of ours",
    ("GET", "/readyz"): "tries a transaction that changes nothing",
    ("GET", "/metrics"): "counts",
    ("GET", "/openapi.json"): "the description",
    ("GET", "/docs"): "the description",
}
READ_ONLY_CONSOLE = {
    ("GET", "/"): "masked", ("GET", "/inbox"): "masked", ("GET", "/keys"): "a list of keyboard keys", ("GET", "/requests/{id}"): "masked",
    ("GET", "/requests/{id}/live"): "masked", ("GET", "/requests/{id}/confirm"): "masked", ("GET", "/events"): "that something changed",
    ("POST", "/audit/verify"): "checks hashes; a finding is shown to the auditor and stops nothing", ("GET", "/policies"): "rules",
    ("GET", "/exceptions"): "masked", ("GET", "/requests/{id}/break-glass"): "masked",
    ("GET", "/agents"): "names and key ids", ("GET", "/agents/{name}"): "names and key ids", ("GET", "/people"): "names",
    ("GET", "/people/{name}"): "names", ("GET", "/profile"): "one's own", ("GET", "/account/link"): "leads to the profile",
    ("GET", "/freeze"): "the state", ("GET", "/login"): "a form", ("GET", "/step-up"): "a form",
    ("GET", "/login/oidc"): "leads to the provider", ("GET", "/static/{name}"): "files of ours",
    ("POST", "/profile/link"): "a code that allows nothing until it is typed in chat, which is journalled",
}  # fmt: skip
ELSEWHERE = {
    ("GET", "/login/oidc/callback"): (
        "tests/desk/every_call.py",
        'case("open_session", "identity.changed", "session.login")',
    ),
    ("POST", "/profile/accounts/confirm"): (
        "tests/desk/every_call.py",
        'case("confirm_account", "identity.changed")',
    ),
}
"""Doors that need a provider or a second administrator's link; where they are used and their entry looked for."""


# --- the API


@door("POST", "/v1/detokenize", "tokens.opened")
async def _(w: World) -> httpx.Response:
    made = await w.api("bot", "POST", "/v1/tokenize", {"mail": "a@example.org"})
    return await w.api(
        "ana", "POST", "/v1/detokenize", {"value": made.json()["masked"], "purpose": "a ticket"}
    )


@door("POST", "/v1/tokens/erase", "tokens.erased")
async def _(w: World) -> httpx.Response:
    made = await w.api("bot", "POST", "/v1/tokenize?operator=vault", {"mail": "a@example.org"})
    return await w.api(
        "ana", "POST", "/v1/tokens/erase", {"value": made.json()["masked"], "purpose": "was asked to"}
    )


@door("POST", "/v1/requests", "request.created", "request.masked")
async def _(w: World) -> httpx.Response:
    return await w.api("bot", "POST", "/v1/requests", dict(SAMPLE))


@door("POST", "/v1/requests/{id}/cancel", "request.cancelled")
async def _(w: World) -> httpx.Response:
    asked = await w.desk.asked()
    return await w.api("bot", "POST", f"/v1/requests/{asked.request.id}/cancel", {})


@door("POST", "/v1/requests/{id}/votes", "vote.cast")
async def _(w: World) -> httpx.Response:
    asked = await w.desk.asked()
    return await w.api("ana", "POST", f"/v1/requests/{asked.request.id}/votes", {"choice": "approve"})


@door("POST", "/v1/requests/{id}/withdraw", "vote.withdrawn")
async def _(w: World) -> httpx.Response:
    asked = await w.desk.asked()
    await w.desk.service.vote(asked.request.id, w.desk.actor("ana"), Choice.APPROVE)
    return await w.api("ana", "POST", f"/v1/requests/{asked.request.id}/withdraw")


@door("POST", "/v1/requests/{id}/break-glass", "break_glass.used", "decision.approved", "grant.issued")
async def _(w: World) -> httpx.Response:
    asked = await w.asked_with_glass()
    return await w.api("sam", "POST", f"/v1/requests/{asked.request.id}/break-glass", {"reason": "an outage"})


@door("POST", "/v1/requests/{id}/break-glass/review", "break_glass.reviewed")
async def _(w: World) -> httpx.Response:
    asked = await w.asked_with_glass()
    await w.desk.service.break_glass(asked.request.id, w.desk.actor("sam"), "an outage")
    body = {"verdict": "unjustified", "comment": "bo was up"}
    return await w.api("ana", "POST", f"/v1/requests/{asked.request.id}/break-glass/review", body)


@door("POST", "/requests/{id}/break-glass", "break_glass.used", "decision.approved", "grant.issued")
async def _(w: World) -> httpx.Response:
    asked, sam = await w.asked_with_glass(), await w.house.signed_in("sam")
    return await w.form(sam, f"/requests/{asked.request.id}/break-glass", {"reason": "an outage"})


@door("POST", "/requests/{id}/break-glass/review", "break_glass.reviewed")
async def _(w: World) -> httpx.Response:
    asked, ana = await w.asked_with_glass(), await w.house.signed_in("ana")
    await w.desk.service.break_glass(asked.request.id, w.desk.actor("sam"), "an outage")
    return await w.form(
        ana,
        f"/requests/{asked.request.id}/break-glass/review",
        {"verdict": "justified", "comment": "so it was"},
    )


@door("POST", "/v1/standing/{id}/revoke", "standing.revoked")
async def _(w: World) -> httpx.Response:
    voted = await stood(w.desk)
    return await w.api("ana", "POST", f"/v1/standing/{voted.request.id}/revoke", {"reason": "no more"})


@door("POST", "/exceptions/{id}/revoke", "standing.revoked")
async def _(w: World) -> httpx.Response:
    voted, root = await stood(w.desk), await w.house.signed_in("root")
    return await w.form(root, f"/exceptions/{voted.request.id}/revoke", {"reason": ""})


@door("POST", "/v1/delegation", "delegation.set")
async def _(w: World) -> httpx.Response:
    body = {"to": "bo", "until": (START + timedelta(days=2)).isoformat()}
    return await w.api("ana", "POST", "/v1/delegation", body)


@door("POST", "/v1/delegation/end", "delegation.ended")
async def _(w: World) -> httpx.Response:
    until = START + timedelta(days=2)
    await w.desk.service.delegate(w.desk.actor("ana"), PersonId("person:bo"), until)
    return await w.api("ana", "POST", "/v1/delegation/end", {})


@door("POST", "/v1/grants/redeem", "grant.used.begin")
async def _(w: World) -> httpx.Response:
    voted = await w.approved()
    return await w.api("bot", "POST", "/v1/grants/redeem", {"token": voted.grant.token, "payload": json.loads(PAYLOAD)})  # fmt: skip


@door("POST", "/v1/grants/{jti}/outcome", "grant.used.end")
async def _(w: World) -> httpx.Response:
    voted = await w.approved()
    await w.desk.service.redeem(voted.grant.token, w.desk.callers["bot"], payload=PAYLOAD)
    return await w.api("bot", "POST", f"/v1/grants/{voted.grant.id}/outcome", {"outcome": "succeeded"})


@door("POST", "/v1/grants/{jti}/revoke", "grant.revoked")
async def _(w: World) -> httpx.Response:
    voted = await w.approved()
    return await w.api("bot", "POST", f"/v1/grants/{voted.grant.id}/revoke", {"reason": "not needed"})


@door("GET", "/v1/audit/entries", "audit.queried")
async def _(w: World) -> httpx.Response:
    return await w.api("root", "GET", "/v1/audit/entries")


@door("GET", "/v1/audit/entries/{seq}/proof", "audit.exported")
async def _(w: World) -> httpx.Response:
    return await w.api("root", "GET", "/v1/audit/entries/3/proof")


@door("GET", "/v1/audit/log/tile/{tile}", "audit.exported")
async def _(w: World) -> httpx.Response:
    return await w.api("root", "GET", "/v1/audit/log/tile/entries/000.p/5")


# --- the console


@door("POST", "/requests/{id}/votes", "vote.cast", "decision.denied")
async def _(w: World) -> httpx.Response:
    asked, ana = await w.desk.asked(), await w.house.signed_in("ana")
    return await w.form(ana, f"/requests/{asked.request.id}/votes", {"choice": "deny", "comment": "no"})


@door("POST", "/requests/{id}/withdraw", "vote.withdrawn")
async def _(w: World) -> httpx.Response:
    asked, ana = await w.desk.asked(), await w.house.signed_in("ana")
    await w.desk.service.vote(asked.request.id, w.desk.actor("ana"), Choice.APPROVE)
    return await w.form(ana, f"/requests/{asked.request.id}/withdraw", {})


@door("POST", "/requests/{id}/cancel", "request.cancelled")
async def _(w: World) -> httpx.Response:
    asked, eve = await w.desk.asked(), await w.house.signed_in("eve")
    return await w.form(eve, f"/requests/{asked.request.id}/cancel", {})


@door("POST", "/requests/{id}/revoke", "grant.revoked")
async def _(w: World) -> httpx.Response:
    voted, ana = await w.approved(), await w.house.signed_in("ana")
    return await w.form(ana, f"/requests/{voted.request.id}/revoke", {"reason": "changed my mind"})


@door("POST", "/requests/{id}/reveal", "reveal.viewed")
async def _(w: World) -> httpx.Response:
    query = {"query": "SELECT * FROM t WHERE email = 'zelda@example.org'"}
    asked, ana = await w.desk.asked(parameters=query), await w.house.signed_in("ana")
    card = await w.desk.service.card(asked.request.id, w.desk.actor("ana"))
    leaf = next(leaf.index for leaf in card.preview.leaves if leaf.value.hidden)
    return await w.form(
        ana, f"/requests/{asked.request.id}/reveal", {"leaf": str(leaf), "purpose": "to judge it"}
    )


@door("GET", "/audit", "audit.queried")
async def _(w: World) -> httpx.Response:
    root = await w.house.signed_in("root")
    w.store.transactions.clear()
    return await root.get("/audit")


@door("GET", "/audit/leaves", "audit.queried")
async def _(w: World) -> httpx.Response:
    root = await w.house.signed_in("root")
    w.store.transactions.clear()
    return await root.get("/audit/leaves")


@door("GET", "/audit/evidence", "audit.exported")
async def _(w: World) -> httpx.Response:
    root = await w.house.signed_in("root")
    w.store.transactions.clear()
    return await root.get("/audit/evidence?what=prove&seq=2")


@door("GET", "/audit/report", "audit.exported")
async def _(w: World) -> httpx.Response:
    root = await w.house.signed_in("root")
    w.store.transactions.clear()
    return await root.get(f"/audit/report?framework=soc2&from={START:%Y-%m-%d}&to={START:%Y-%m-%d}")


@door("POST", "/agents", "agent.changed")
async def _(w: World) -> httpx.Response:
    root = await w.house.signed_in("root")
    return await w.form(root, "/agents", {"name": "fresh", "owners": "eve", "actions": "db.*"})


@door("POST", "/agents/{name}", "agent.changed")
async def _(w: World) -> httpx.Response:
    root = await w.house.signed_in("root")
    return await w.form(root, "/agents/bot", {"owners": "eve", "actions": "db.*"})


@door("POST", "/agents/{name}/switch", "agent.changed")
async def _(w: World) -> httpx.Response:
    root = await w.house.signed_in("root")
    return await w.form(root, "/agents/bot/switch", {"to": "off"})


@door("POST", "/agents/{name}/keys", "agent.changed")
async def _(w: World) -> httpx.Response:
    root = await w.house.signed_in("root")
    return await w.form(root, "/agents/bot/keys", {"kind": "api", "days": "90"})


@door("POST", "/agents/{name}/revoke", "agent.changed")
async def _(w: World) -> httpx.Response:
    root = await w.house.signed_in("root")
    issued = await w.desk.service.issue_key(None, AgentId("agent:bot"), KeyKind.API)
    return await w.form(root, "/agents/bot/revoke", {"key": issued.key.id})


@door("POST", "/people", "identity.changed")
async def _(w: World) -> httpx.Response:
    root = await w.house.signed_in("root")
    return await w.form(root, "/people", {"id": "zoe", "name": "Zoe"})


@door("POST", "/people/{name}/disable", "session.ended", "identity.changed")
async def _(w: World) -> httpx.Response:
    await w.house.signed_in("mia")
    root = await w.house.signed_in("root")
    return await w.form(root, "/people/mia/disable", {})


@door("POST", "/people/{name}/accounts", "identity.changed")
async def _(w: World) -> httpx.Response:
    root = await w.house.signed_in("root")
    return await w.form(root, "/people/mia/accounts", {"account": "slack:T0SIGNOFF:U0MIA"})


@door("POST", "/people/{name}/unlink", "identity.changed")
async def _(w: World) -> httpx.Response:
    root = await w.house.signed_in("root")
    return await w.form(root, "/people/mia/unlink", {"account": "local:mia"})


@door("POST", "/people/{name}/confirm", "command.refused")
async def _(w: World) -> httpx.Response:
    """By the administrator who made the link: refused, which is an entry; the other way is ``confirm_account``'s case."""
    root = await w.house.signed_in("root")
    account = AccountKey("slack:T0SIGNOFF:U0MIA")
    await w.desk.service.link_account(w.desk.actor("root"), account, PersonId("person:mia"), proof="admin")
    return await w.form(root, "/people/mia/confirm", {"account": account})


@door("POST", "/profile/accounts/turn-down", "identity.changed")
async def _(w: World) -> httpx.Response:
    account = AccountKey("slack:T0SIGNOFF:U0MIA")
    await w.desk.service.link_account(w.desk.actor("root"), account, PersonId("person:mia"), proof="admin")
    mia = await w.house.signed_in("mia")
    return await w.form(mia, "/profile/accounts/turn-down", {"account": account})


@door("POST", "/profile/tokens", "identity.changed")
async def _(w: World) -> httpx.Response:
    ana = await w.house.signed_in("ana")
    return await w.form(ana, "/profile/tokens", {"days": "7"})


@door("POST", "/profile/tokens/revoke", "identity.changed")
async def _(w: World) -> httpx.Response:
    ana = await w.house.signed_in("ana")
    await w.desk.service.issue_person_token(None, PersonId("person:ana"), timedelta(days=1))
    accounts = await w.desk.service.accounts(PersonId("person:ana"))
    token = next(account.key for account in accounts if account.key.startswith("token:"))
    return await w.form(ana, "/profile/tokens/revoke", {"token": token})


@door("POST", "/profile/delegation", "delegation.set")
async def _(w: World) -> httpx.Response:
    ana = await w.house.signed_in("ana")
    return await w.form(
        ana, "/profile/delegation", {"taker": "bo", "until": f"{START + timedelta(days=2):%Y-%m-%d}"}
    )


@door("POST", "/profile/delegation/end", "delegation.ended")
async def _(w: World) -> httpx.Response:
    ana = await w.house.signed_in("ana")
    until = START + timedelta(days=2)
    await w.desk.service.delegate(w.desk.actor("ana"), PersonId("person:bo"), until)
    return await w.form(ana, "/profile/delegation/end", {})


@door("POST", "/freeze", "freeze.set")
async def _(w: World) -> httpx.Response:
    root = await w.house.signed_in("root")
    return await w.form(root, "/freeze", {"reason": "key leaked"})


@door("POST", "/freeze/lift", "freeze.lifted")
async def _(w: World) -> httpx.Response:
    root = await w.house.signed_in("root")
    await w.desk.service.freeze(None, "drill")
    return await w.form(root, "/freeze/lift", {})


@door("POST", "/login", "session.login")
async def _(w: World) -> httpx.Response:
    browser = w.house.browser()
    w.store.transactions.clear()
    return await browser.sign_in("ana")


@door("POST", "/step-up", "session.ended", "session.login")
async def _(w: World) -> httpx.Response:
    ana = await w.house.signed_in("ana")
    return await w.form(ana, "/step-up", {"password": PASSWORD})


@door("POST", "/logout", "session.ended")
async def _(w: World) -> httpx.Response:
    ana = await w.house.signed_in("ana")
    return await w.form(ana, "/logout", {})


@door("POST", "/logout-everywhere", "session.ended", "session.ended")
async def _(w: World) -> httpx.Response:
    await w.house.signed_in("ana")
    ana = await w.house.signed_in("ana")
    return await w.form(ana, "/logout-everywhere", {})


def routes() -> set[tuple[str, str]]:
    return {(call.method, call.path) for call in CALLS} | {(method, path) for method, path, _, _ in TABLE}


def test_every_route_writes_entries_or_says_why_it_writes_none():
    groups = (set(DOORS), set(READ_ONLY_API), set(READ_ONLY_CONSOLE), set(ELSEWHERE))

    assert set().union(*groups) == routes()
    assert sum(map(len, groups)) == len(routes())


@pytest.mark.parametrize("place", DOORS, ids=" ".join)
async def test_i7_the_route_writes_its_entries_in_the_transactions_of_its_changes(world: World, place):
    answer = await DOORS[place].act(world)

    assert answer.status_code < 400 or "command.refused" in DOORS[place].entries, answer.text
    assert tuple(world.entries()) == DOORS[place].entries
    for writes, entries in world.store.transactions:
        changing = set(writes) - set(HOUSEKEEPING)
        assert entries or not changing, f"{changing} without an entry"


async def test_the_routes_that_only_read_change_nothing(world: World):
    asked, root = await world.desk.asked(), await world.house.signed_in("root")
    token = await root.token("/")
    issued = await world.desk.service.issue_key(None, AgentId("agent:bot"), KeyKind.API)
    person = await world.desk.service.issue_person_token(None, PersonId("person:root"), timedelta(days=1))
    world.store.transactions.clear()
    endless = {"/events", "/v1/requests/{id}/events", "/profile/link"}
    for method, path in [*READ_ONLY_API, *READ_ONLY_CONSOLE]:
        real = path.replace("{id}", asked.request.id).replace("{name}", "bot")
        if path in endless:
            continue
        if (method, path) in READ_ONLY_CONSOLE:
            form = {"csrf": token} if method == "POST" else None
            origin = {"origin": world.house.settings.origin, "sec-fetch-site": "same-origin"}
            await root.http.request(method, real, data=form, headers=origin)
            continue
        for credential in (issued.secret, person):
            body = {"a": 1} if method == "POST" else None
            headers = {"Authorization": f"Bearer {credential}"}
            await world.http.request(method, real, json=body, headers=headers)

    assert [transaction for transaction in world.store.transactions if any(transaction)] == []


async def test_a_code_for_chat_is_kept_and_no_entry_until_it_is_typed(world: World):
    ana = await world.house.signed_in("ana")

    answer = await world.form(ana, "/profile/link", {})

    assert answer.status_code == 200
    assert [(dict(writes), entries) for writes, entries in world.store.transactions] == [
        ({"set_meta": 1}, [])
    ]
    account = AccountKey("slack:T0SIGNOFF:U0ANA")
    offer = await world.links.offer(world.desk.actor("ana"))
    world.store.transactions.clear()
    await world.links.accept(offer.code, account)
    assert world.entries() == ["identity.changed"]


def test_the_doors_that_are_used_elsewhere_are():
    for file, words in ELSEWHERE.values():
        assert words in (ROOT / file).read_text("utf-8"), (file, words)


# --- words typed in chat

WORDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("signoff", "inbox"): (), ("signoff", "show"): (), ("signoff", "policy"): (), ("signoff", "help"): (), ("audit", "help"): (),
    ("signoff", "freeze"): ("freeze.set",), ("signoff", "unfreeze"): ("command.refused",),
    ("signoff", "delegate"): ("delegation.set",), ("signoff", "link"): ("identity.changed",),
    ("audit", "recent"): ("audit.queried",), ("audit", "show"): ("audit.queried",), ("audit", "who"): ("audit.queried",),
    ("audit", "search"): ("audit.queried",), ("audit", "prove"): ("audit.exported",), ("audit", "export"): ("audit.exported",),
    ("audit", "gaps"): ("audit.queried",), ("audit", "report"): ("audit.exported",), ("audit", "head"): (), ("audit", "verify"): (),
}  # fmt: skip
"""What each word writes when its sender may; none: it shows masked things, the head, or a list. Lifting a freeze takes the console."""


def test_every_word_of_chat_has_its_entries():
    assert set(WORDS) == {(family, name) for family, specs in SPECS.items() for name in specs}


@pytest.mark.parametrize("word", WORDS, ids=" ".join)
async def test_i7_the_word_writes_its_entries(world: World, word):
    from bot.chat.answers import Answers
    from bot.chat.commands import Mistake, parse

    desk = world.desk
    asked = await desk.asked()
    answers = Answers(desk.service, world.links, desk.clock, "http://127.0.0.1:8080", takes_files=True)
    actor = desk.actor("ana" if word[1] == "delegate" else "root")
    offer = await world.links.offer(desk.actor("ana"))
    words = {
        ("signoff", "show"): asked.request.id, ("signoff", "freeze"): "key leaked", ("signoff", "delegate"): "@bo until 2d",
        ("signoff", "link"): offer.code, ("audit", "show"): "3", ("audit", "who"): "@ana", ("audit", "search"): "type:vote.cast",
        ("audit", "prove"): "3", ("audit", "export"): "0 4 jsonl", ("audit", "report"): "soc2",
    }.get(word, "")  # fmt: skip
    command = parse(word[0], f"{word[1]} {words}".strip())
    assert not isinstance(command, Mistake), command
    if word[1] == "unfreeze":
        await desk.service.freeze(None, "drill")
        from dataclasses import replace

        from bot.core.request import Assurance

        actor = replace(actor, assurance=Assurance.CHAT)
    world.store.transactions.clear()

    async def resolve(who: str) -> PersonId | None:
        return PersonId(f"person:{who.removeprefix('@')}")

    if word[1] == "link":
        await answers.link(command, AccountKey("slack:T0SIGNOFF:U0ANA"))
    else:
        await answers.run(command, actor, lambda *_: None, resolve)  # type: ignore[arg-type,return-value]

    assert tuple(world.entries()) == WORDS[word]


# --- commands

BY_HTTP = {
    "inbox",
    "delegate",
    "policy show",
    "request",
    "show",
    "vote",
    "run",
    "standing list",
    "standing show",
    "standing revoke",
    "break-glass use",
    "break-glass review",
    "break-glass list",
}
"""A client of the API: the server's routes write."""
JOURNALLED = {
    "agents add": "agent.changed", "agents disable": "agent.changed", "agents enable": "agent.changed", "agents own": "agent.changed",
    "agents revoke": "agent.changed", "agents rotate": "agent.changed", "audit export": "audit.exported", "audit gaps": "audit.queried",
    "audit hold": "hold.changed", "audit prove": "audit.exported", "audit keep-head": "audit.queried", "audit prune": "log.prune_proposed", "audit recent": "audit.queried",
    "audit release": "hold.changed", "audit report": "audit.exported", "audit search": "audit.queried", "audit show": "audit.queried",
    "audit shred": "payload.shredded", "audit who": "audit.queried", "backup": "audit.exported", "freeze": "freeze.set", "init": "identity.changed",
    "keys rotate": "keys.changed", "keys rotate-kek": "keys.changed", "people add": "identity.changed", "people disable": "identity.changed",
    "people link": "identity.changed", "people password": "identity.changed", "people token": "identity.changed",
    "people unlink": "identity.changed", "policy simulate": "audit.queried", "restore": "log.restored", "serve": "log.started", "unfreeze": "freeze.lifted",
}  # fmt: skip
NO_ENTRY = {
    "help": "a page of ours",
    "agents list": "names and key ids", "people list": "names", "audit head": "the signed head says nothing of any entry",
    "audit check-proof": "needs no installation", "audit verify": "computes hashes; shows sentences about entries, never an entry",
    "demo": "an installation of its own",
    "doctor": "looks", "audit bench": "a log of its own in a folder that it empties", "keys list": "ids",
    "manifest slack": "a file of ours with an address", "manifest teams": "the same", "mask explain": "text given on the command line", "mask serve": "masks what callers send and keeps nothing", "mask files": "files given", "mask test": "files given",
    "policy check": "a file", "policy explain": "a file", "policy test": "a file", "witness add": "somebody else's host",
    "witness init": "somebody else's host", "witness list": "somebody else's host", "witness reset": "somebody else's host",
    "witness serve": "somebody else's host",
}  # fmt: skip


def test_every_command_writes_an_entry_or_says_why_not():
    from audit.entry import EntryType

    names = {name for name, _ in commands()}

    assert set(JOURNALLED) | set(NO_ENTRY) | BY_HTTP == names
    assert len(JOURNALLED) + len(NO_ENTRY) + len(BY_HTTP) == len(names)
    assert set(JOURNALLED.values()) <= {kind.value for kind in EntryType}


# --- nobody writes around the desk

BESIDE_THE_DESK = {
    "bot/alerts.py": "which alarms were told, and the row that tells them",
    "bot/anchoring.py": "what an anchor remembers, and the row that asks it",
    "bot/siem.py": "how far a SIEM has come, and the row that asks it",
    "bot/gap_watch.py": "how far the watch has read",
    "bot/app.py": "log.started and log.stopped",
    "bot/chat/link.py": "codes that allow nothing until they are typed, which is the desk's link_own_account",
    "bot/cli/audit.py": "audit.queried and audit.exported",
    "bot/cli/data.py": "log.restored",
    "bot/custody.py": "rewrapping (no value changes) and steps that append their own entry; tests/audit/test_erasure.py, tests/cli/test_keeping.py",
    "bot/scheduler.py": "forgets expired sessions, old idempotency keys and window amounts",
    "adapters/agents/people.py": "how far ahead a signed message was dated",
    "adapters/web/sessions.py": "moves seen_at",
    "adapters/slack/surface.py": "where a card stands",
    "adapters/teams/surface.py": "where a card stands",
}


def test_no_file_outside_the_desk_opens_a_writing_transaction_without_a_line_here():
    found = set()
    for top in ("bot", "adapters"):
        for path in (ROOT / top).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            if name.startswith(("bot/desk/", "adapters/stores/")):
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr == "write"
                ):
                    receiver = ast.unparse(node.func.value)
                    if receiver.endswith("store"):
                        found.add(name)

    assert found == set(BESIDE_THE_DESK)


def test_i7_the_commands_write_their_entries(tmp_path: Path):
    """One after the other on one installation, in this process; what needs a stopped server or two people is in tests/cli."""
    from typer.testing import CliRunner

    from bot.cli import app
    from bot.config import load
    from tests.support.server import install

    site, runner = install(tmp_path / "site"), CliRunner()

    def written(*words: str) -> list[str]:
        before = site.rows("SELECT max(seq) FROM audit_leaf")[0][0]
        done = runner.invoke(app, [*words, "--json", "--config", str(site.folder)])
        assert done.exit_code == 0, (words, done.output, done.exception)
        rows = site.rows("SELECT type FROM audit_leaf WHERE seq > ? ORDER BY seq", before)
        said.update(json.loads(done.output) if done.output.startswith("{") else {})
        return [row[0] for row in rows]

    said: dict[str, Any] = {}
    key = site.keys["other"].split("_")[1]
    page = str(tmp_path / "report.html")
    period = ("--since", "2026-01-01", "--until", "2030-01-01")
    steps = [
        ("agents add", "fresh", "--owner", "eve"), ("agents own", "fresh", "cy"), ("agents disable", "fresh"), ("agents enable", "fresh"),
        ("agents rotate", "fresh"), ("agents revoke", key), ("people add", "zoe"), ("people link", "zoe", "slack:T0SIGNOFF:U0ZOE"),
        ("people unlink", "slack:T0SIGNOFF:U0ZOE"), ("people password", "mia"), ("people token", "mia"), ("people disable", "mia"),
        ("freeze", "drill"), ("unfreeze",), ("audit recent",), ("audit search", "--type", "vote.cast"), ("audit show", "3"),
        ("audit who", "p_nobody"), ("audit gaps",), ("audit prove", "3"), ("audit export", str(tmp_path / "bundle")),
        ("audit report", "soc2", page, *period), ("audit hold", "person:mia"), ("audit release", "person:mia"),
        ("audit shred", "person:mia", "--basis", "gdpr-17", "--yes"), ("keys rotate-kek",), ("keys rotate", "mask"),
        ("backup", str(tmp_path / "copy.sqlite3")), ("policy simulate", str(load(site.folder).policy.file)),
    ]  # fmt: skip
    for verb, *rest in steps:
        entries = written(*verb.split(), *rest)
        assert JOURNALLED[verb] in entries, (verb, entries)
        if verb not in {
            "people add",
            "people disable",
            "agents add",
            "agents rotate",
            "keys rotate-kek",
            "people password",
        }:
            assert len(entries) == 1, (verb, entries)

    elsewhere = {"audit prune", "audit keep-head", "init", "restore", "serve"}
    assert {verb for verb, *_ in steps} | elsewhere == set(JOURNALLED)
