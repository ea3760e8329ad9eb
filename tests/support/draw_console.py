"""Draw every console page to PNG: ``python -m tests.support.draw_console DIR [NAME…]``. For looking, not for comparing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from adapters.stores.memory import MemoryStore
from adapters.web.app import create_routes
from adapters.web.passwords import hash_password
from adapters.web.settings import WebSettings
from bot.alerts import Alert
from bot.clock import SystemClock
from bot.core.ids import RequestId
from bot.rand import OsRand
from tests.support.gallery import PASSWORD, GalleryDesk, furnish
from tests.support.keys import journal
from tests.support.serving import chromium, serve

PAGES = {
    "login": "/login",
    "inbox": "/",
    "request": "/requests/req_pending0000000000000000000",
    "long": "/requests/req_long00000000000000000000000",
    "approved": "/requests/req_approved000000000000000000",
    "denied": "/requests/req_denied00000000000000000000",
    "voted": "/requests/req_voted000000000000000000000",
    "confirm": "/requests/req_pending0000000000000000000/confirm",
    "audit": "/audit",
    "report": "/audit/report?framework=soc2&from=2026-11-20&to=2026-12-01&seed=42",
    "policies": "/policies",
    "agents": "/agents",
    "agent": "/agents/churn-exporter",
    "people": "/people",
    "person": "/people/ana",
    "profile": "/profile",
    "freeze": "/freeze",
    "keys": "/keys",
    "missing": "/requests/req_nothing",
}
ALARMS = (
    Alert(
        "anchor",
        "witness",
        "witness has not remembered the newest 42 entries for 31 minutes; the last try failed: the witness cannot be reached. "
        "Until it does, a rollback to before them would not be seen there. Run `signoff doctor`.",
    ),
    Alert(
        "gap",
        "begin 1043",
        "entry 1043: a grant began to be used and no end is recorded; find out what its executor did",
        RequestId("req_approved000000000000000000"),
    ),
)
LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "light",
        "device_scale_factor": 2,
        "has_touch": True,
    },
}


async def build(url: str) -> Any:
    clock, rand = SystemClock(), OsRand()
    store = MemoryStore(clock, journal(rand))
    await store.open()
    await furnish(store, clock.now(), hash_password(PASSWORD))
    desk = GalleryDesk(store, clock)
    return create_routes(desk, store, clock, rand, WebSettings(url), alarms=lambda: ALARMS), {"desk": desk}


def sign_in(page: Any, url: str, name: str = "ana") -> None:
    page.goto(url + "/login")
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("text=Sign in >> nth=-1")
    page.wait_for_url(url + "/")


def main(folder: Path, wanted: list[str], looks: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with serve(build) as served, chromium() as browser:
        for look in looks:
            context = browser.new_context(**LOOKS[look])
            page = context.new_page()
            page.on("console", lambda message: print("console:", message.type, message.text))
            page.on("pageerror", lambda error: print("error:", error))
            sign_in(page, served.url)
            for name, path in PAGES.items():
                if wanted and name not in wanted:
                    continue
                if name == "login":
                    other = browser.new_context(**LOOKS[look])
                    door = other.new_page()
                    door.goto(served.url + path)
                    door.screenshot(path=folder / f"login-{look}.png")
                    other.close()
                    continue
                page.goto(served.url + path)
                page.wait_for_timeout(250)
                page.screenshot(path=folder / f"{name}-{look}.png", full_page=look != "phone")
                if name == "request":
                    if look == "phone":
                        for leaf in page.locator("[data-part]").all():
                            leaf.scroll_into_view_if_needed()
                        page.wait_for_timeout(200)
                    page.click("[data-opens]")
                    page.wait_for_timeout(200)
                    page.screenshot(path=folder / f"dialog-{look}.png")
            context.close()


if __name__ == "__main__":
    args = sys.argv[2:]
    main(Path(sys.argv[1]), [a for a in args if a in PAGES], [a for a in args if a in LOOKS] or list(LOOKS))
