"""The console over a real desk, in process (httpx) or served to a browser: passwords, sign-in, forms with their tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from adapters.web.app import create_routes
from adapters.web.passwords import hash_password
from adapters.web.settings import WebSettings
from bot.core.ids import AccountKey, PersonId
from bot.core.people import Role
from tests.support.clock import ManualClock
from tests.support.office import Desk, open_desk

ORIGIN = "http://127.0.0.1:8080"
PASSWORD = "correct horse battery"


@cache
def hashed() -> str:
    return hash_password(PASSWORD)


async def with_passwords(desk: Desk) -> None:
    """Everybody gets the same local password; sam becomes an auditor."""

    def work(tx: Any) -> None:
        for person in tx.people():
            for account in tx.accounts(person.id):
                tx.put_account(replace(account, secret=hashed()))
        sam = tx.person(PersonId("person:sam"))
        tx.put_person(replace(sam, roles=frozenset({Role.AUDITOR})))

    await desk.store.write(work)


@dataclass
class Browser:
    """One person's cookie jar; forms are sent as a browser sends them."""

    http: httpx.AsyncClient

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers=headers)

    async def token(self, path: str) -> str:
        page = await self.http.get(path)
        found = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert found, page.text[:500]
        return found[1]

    async def post(self, path: str, form: dict[str, str], *, at: str = "/", **headers: str) -> httpx.Response:
        token = await self.token(at)
        sent = {"origin": ORIGIN, "sec-fetch-site": "same-origin"} | headers
        return await self.http.post(path, data={"csrf": token} | form, headers=sent)

    async def sign_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        return await self.post("/login", {"name": name, "password": password}, at="/login")


@dataclass
class House:
    desk: Desk
    app: Starlette
    settings: WebSettings

    def browser(self) -> Browser:
        transport = httpx.ASGITransport(app=self.app, client=("127.0.0.1", 5))
        return Browser(httpx.AsyncClient(transport=transport, base_url=self.settings.origin))

    async def signed_in(self, name: str) -> Browser:
        browser = self.browser()
        answer = await browser.sign_in(name)
        assert answer.status_code == 303, answer.text
        return browser


async def open_house(directory: Path, url: str = ORIGIN, **oidc: Any) -> House:
    clock = ManualClock()
    store, library = oidc.pop("store", None), oidc.pop("library", None)
    desk = await open_desk(directory, store(clock) if store else None, clock, library)
    await with_passwords(desk)
    settings = WebSettings(url, oidc=oidc.pop("oidc", None))
    routes = create_routes(desk.service, desk.store, desk.clock, desk.office.rand, settings, **oidc)
    return House(desk, Starlette(routes=routes), settings)


def local(name: str) -> AccountKey:
    return AccountKey(f"local:{name}")
