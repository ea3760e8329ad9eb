"""The console in a real Chromium against a real server and the real desk: what a person sees, does, and cannot be made to do."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.core.ids import PersonId
from bot.core.request import Choice
from tests.support.console import PASSWORD, open_house
from tests.support.office import close_desk
from tests.support.serving import Served, chromium, needs_browser, serve

pytestmark = [pytest.mark.browser, needs_browser]

CANARY = "maria.lopez@example.org"
NAUGHTY = Path(__file__).parents[3] / "shared" / "vectors" / "naughty-strings.json"
OWN = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "</pre></div><form action=//evil.example><button>Approve</button></form>",
    "<!-- --><svg onload=alert(1)>",
    "{{7*7}}{% for x in ().__class__.__base__.__subclasses__() %}{% endfor %}",
    "' hx-get='/logout' hx-trigger='load",
    "[EMAIL_ADDRESS_1]",
    "invoice\u202egpj.exe",
    "zero\u200bwidth",
    "tag\U000e0041\U000e0042",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    async def build(url: str) -> Any:
        house = await open_house(tmp_path, url)
        return house.app.routes, {"house": house}

    with serve(build) as running:
        yield running
        running.run(close_desk(running.extra["house"].desk))


class Person:
    """One person at one browser; remembers what the browser complained of."""

    def __init__(self, browser: Any, served: Served, **look: Any) -> None:
        self.context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | look))
        self.url = served.url
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.dialogs: list[str] = []
        self.strangers: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("dialog", lambda d: (self.dialogs.append(d.message), d.dismiss()))
        self.page.on(
            "request", lambda r: None if r.url.startswith(self.url) else self.strangers.append(r.url)
        )

    def sign_in(self, name: str) -> Person:
        self.page.goto(self.url + "/login")
        self.page.fill("input[name=name]", name)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("button:has-text('Sign in')")
        self.page.wait_for_url(self.url + "/")
        return self

    def open(self, request: str) -> Person:
        self.page.goto(f"{self.url}/requests/{request}")
        return self

    def see_everything(self) -> None:
        for fold in self.page.locator("details.long:not([open]) > summary").all():
            fold.click()
        for part in self.page.locator("[data-part]").all():
            part.evaluate("e => e.querySelector('[data-end]').scrollIntoView({block: 'center'})")
            self.page.wait_for_timeout(20)
        self.page.wait_for_selector("[data-needs-seen][aria-disabled=false]")

    def approve(self) -> None:
        self.see_everything()
        self.page.click("[data-opens=approve-dialog]")
        self.page.click("#approve-dialog button.approve")
        self.page.wait_for_url(re.compile(r"done="))


def ask(served: Served, **changes: Any) -> Any:
    return served.run(served.extra["house"].desk.asked(**changes)).request


def service(served: Served) -> Any:
    return served.extra["house"].desk.service


def test_two_people_approve_in_the_browser_and_a_grant_is_issued(served, browser):
    request = ask(served)
    ana, bo = Person(browser, served).sign_in("ana"), Person(browser, served).sign_in("bo")

    ana.page.click(f"a[href='/requests/{request.id}']")
    ana.approve()
    assert "Your approval counts" in ana.page.inner_text("main")
    bo.open(request.id).approve()

    assert "The grant was issued" in bo.page.inner_text("main")
    ana.page.wait_for_selector("#verdict.state-approved")  # by the live stream, without a reload
    assert ana.page.inner_text("#verdict strong") == "Approved"
    for person in (ana, bo):
        assert person.complaints == []
        assert person.strangers == []
        assert CANARY not in person.page.content()


def test_a_denial_needs_a_reason_and_decides(served, browser):
    request = ask(served)
    ana = Person(browser, served).sign_in("ana").open(request.id)

    ana.page.click("summary:has-text('Deny')")
    ana.page.click("button:has-text('Deny this request')")
    assert "done=" not in ana.page.url
    ana.page.fill("textarea[name=comment]", "The bucket is shared with a vendor.")
    ana.page.click("button:has-text('Deny this request')")
    ana.page.wait_for_url(re.compile("done=denied"))

    assert ana.page.inner_text("#verdict strong") == "Denied"


def test_a_vote_can_be_withdrawn(served, browser):
    request = ask(served)
    ana = Person(browser, served).sign_in("ana").open(request.id)
    ana.approve()

    ana.page.click("button:has-text('Withdraw my vote')")
    ana.page.wait_for_url(re.compile("done=withdrawn"))

    assert "0 of 2" in ana.page.inner_text("#panel")


def test_a_hidden_value_is_shown_to_the_entitled_after_a_fresh_sign_in_and_leaves_the_screen(served, browser):
    request = ask(served)
    house = served.extra["house"]
    ana = Person(browser, served).sign_in("ana").open(request.id)
    house.desk.clock.forward(timedelta(minutes=6))

    ana.page.click("details.reveal > summary")
    ana.page.fill("input[name=purpose]", "checking the recipient")
    ana.page.click("button:has-text('Show for 30 seconds')")
    ana.page.click("a:has-text('Sign in again')")
    ana.page.fill("input[name=password]", PASSWORD)
    ana.page.click("button:has-text('Continue')")
    ana.page.wait_for_url(re.compile("/requests/"))
    ana.page.wait_for_selector("details.reveal[open]")  # what was typed before is given back
    assert ana.page.input_value("input[name=purpose]") == "checking the recipient"
    ana.page.click("button:has-text('Show for 30 seconds')")
    ana.page.wait_for_selector(".revealed pre")

    assert ana.page.inner_text(".revealed pre") == CANARY
    assert served.run(house.desk.entries())[-1] == "reveal.viewed"
    ana.page.evaluate("document.querySelector('[data-hide-after]').dataset.hideAfter = '1'")
    ana.page.wait_for_selector("text=Hidden again.")
    assert CANARY not in ana.page.content()
    ana.page.goto(served.url + "/")
    ana.page.go_back()
    assert CANARY not in ana.page.content()


def test_somebody_who_is_not_entitled_is_not_offered_a_reveal(served, browser):
    request = ask(served)

    bo = Person(browser, served).sign_in("bo").open(request.id)

    assert bo.page.locator("details.reveal").count() == 0
    assert bo.page.locator("mark.mask").count() >= 1


def test_t14_approve_stays_shut_until_every_part_was_on_screen(served, browser):
    statement = "\n".join(f"UPDATE a SET b = {n};" for n in range(60))
    request = ask(served, parameters={"query": statement, **{f"p{n:02d}": f"value {n}" for n in range(40)}})
    ana = Person(browser, served, viewport={"width": 390, "height": 700}).sign_in("ana").open(request.id)
    button = ana.page.locator("[data-needs-seen]")

    assert button.get_attribute("aria-disabled") == "true"
    button.click(force=True)
    assert ana.page.locator("#approve-dialog[open]").count() == 0
    for part in ana.page.locator("[data-part]").all():
        part.evaluate("e => e.querySelector('[data-end]').scrollIntoView({block: 'center'})")
        ana.page.wait_for_timeout(15)
    assert button.get_attribute("aria-disabled") == "true"  # the folded statement was not opened
    ana.approve()

    assert ana.complaints == []
    assert "Your approval counts" in ana.page.inner_text("main")


def test_t13_t32_text_from_outside_stays_text(served, browser):
    strings = OWN + (json.loads(NAUGHTY.read_text()) if NAUGHTY.exists() else [])
    texts = [s.encode("utf-8", "ignore").decode() for s in strings if "\x00" not in s]
    parts = {f"p{n:03d}": text for n, text in enumerate(texts)}
    request = ask(
        served,
        parameters=parts,
        justification="\n".join(OWN),
        resource={"type": "postgres", "id": OWN[0], "env": "prod"},
    )
    ana = Person(browser, served).sign_in("ana").open(request.id)

    title = ana.page.title()
    tags = ana.page.evaluate("[...new Set([...document.querySelectorAll('#main *')].map(e => e.tagName))]")
    shown = ana.page.inner_text("#main")
    handlers = ana.page.evaluate(
        "[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length"
    )
    foreign = ana.page.evaluate(
        "[...document.querySelectorAll('form, a')].map(e => e.action || e.href).filter(u => u && !u.startsWith(location.origin))"
    )

    assert len(texts) > 10
    assert "owned" not in title or "script" in title
    assert not {
        "SCRIPT",
        "IMG",
        "IFRAME",
        "OBJECT",
        "EMBED",
        "STYLE",
        "LINK",
        "META",
        "VIDEO",
        "AUDIO",
    } & set(tags)
    assert handlers == 0
    assert foreign == []
    assert ana.complaints == []
    assert ana.dialogs == []
    assert ana.strangers == []
    assert "⟦U+202E⟧" in shown
    assert "⟦U+200B⟧" in shown
    assert not re.search(
        "[\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff\U000e0000-\U000e007f]", ana.page.content()
    )


def test_the_fragments_of_a_live_page_pass_the_trusted_types_policy_and_a_script_does_not(served, browser):
    ana = Person(browser, served).sign_in("ana")

    verdicts = ana.page.evaluate(
        """() => ['<p title="a">b</p>', '<p onclick="x()">b</p>', '<script>1</script>', '<a href="javascript:x">b</a>',
                  '<iframe srcdoc=x></iframe>', '<p>text with onclick=1 and &lt;script&gt;</p>'].map(html => {
                    try { document.createElement('div').innerHTML = html; return 'in'; } catch { return 'out'; } })"""
    )

    assert verdicts == ["in", "out", "out", "out", "out", "in"]


def test_t32_the_console_cannot_be_framed_and_a_foreign_form_does_nothing(served, browser):
    request = ask(served)
    ana = Person(browser, served).sign_in("ana")

    async def build(url: str) -> Any:
        from starlette.responses import HTMLResponse
        from starlette.routing import Route

        target = f"{served.url}/requests/{request.id}"
        html = f"<iframe src='{target}'></iframe><form id=f method=post action='{target}/votes'><input name=choice value=deny><input name=comment value=x></form>"
        return [Route("/", lambda _: HTMLResponse(html))]

    with serve(build) as evil:
        evil_url = evil.url.replace("127.0.0.1", "localhost")
        ana.page.goto(evil_url)
        framed = [frame.url for frame in ana.page.frames[1:]]
        inside = [frame.locator("#panel").count() for frame in ana.page.frames[1:]]
        ana.page.evaluate("document.getElementById('f').submit()")
        ana.page.wait_for_url(
            re.compile(re.escape(served.url))
        )  # the cookie stayed behind, so it ended at the inbox

    assert framed
    assert sum(inside) == 0
    assert "vote.cast" not in served.run(served.extra["house"].desk.entries())


def test_after_signing_out_the_back_button_shows_nothing(served, browser):
    request = ask(served)
    ana = Person(browser, served).sign_in("ana").open(request.id)
    ana.page.goto(served.url + "/profile")
    ana.page.click("button[aria-label='Sign out']")
    ana.page.wait_for_url(re.compile("/login"))

    for _ in range(2):
        ana.page.go_back()
        ana.page.wait_for_load_state()

    assert "Sign in" in ana.page.inner_text("body")
    assert ana.page.locator("#panel").count() == 0


def test_t32_a_live_page_goes_to_the_door_within_five_seconds_of_losing_its_session(served, browser):
    request = ask(served)
    ana = Person(browser, served).sign_in("ana").open(request.id)
    ana.page.wait_for_timeout(300)

    started = time.monotonic()
    served.run(service(served).disable_person(None, PersonId("person:ana")))
    ana.page.wait_for_url(re.compile("/login"), timeout=8000)

    assert time.monotonic() - started < 5


def test_without_script_the_whole_way_works_by_forms(served, browser):
    request = ask(served)
    for name in ("ana", "bo"):
        person = Person(browser, served, java_script_enabled=False).sign_in(name).open(request.id)
        person.page.click("a:has-text('Approve')")
        assert "SELECT name FROM customers" in person.page.inner_text("main")
        person.page.click("button:has-text('Approve')")
        person.page.wait_for_url(re.compile(r"done="))

    assert person.page.locator(".state-approved").first.is_visible()


def test_the_inbox_is_used_by_keys_alone(served, browser):
    first, second = ask(served), ask(served, parameters={"query": "SELECT 2"})
    ana = Person(browser, served).sign_in("ana")
    order = [a.get_attribute("href") for a in ana.page.locator("[data-row]").all()]
    assert {f"/requests/{first.id}", f"/requests/{second.id}"} <= set(order)

    ana.page.keyboard.press("j")
    ana.page.keyboard.press("j")
    ana.page.keyboard.press("k")
    ana.page.keyboard.press("Enter")
    ana.page.wait_for_url(served.url + order[0])
    ana.see_everything()
    ana.page.keyboard.press("a")

    assert ana.page.locator("#approve-dialog[open]").count() == 1
    for _ in range(12):
        ana.page.keyboard.press("Tab")
        inside = ana.page.evaluate(
            "!document.activeElement || document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
        assert inside
    ana.page.keyboard.press("Escape")
    assert ana.page.locator("#approve-dialog[open]").count() == 0


def test_a_request_that_changed_while_the_dialog_was_open_closes_it(served, browser):
    request = ask(served)
    ana = Person(browser, served).sign_in("ana").open(request.id)
    ana.see_everything()
    ana.page.click("[data-opens=approve-dialog]")
    ana.page.wait_for_timeout(300)

    served.run(service(served).vote(request.id, served.extra["house"].desk.actor("bo"), Choice.APPROVE))
    ana.page.wait_for_selector("#approve-dialog[open]", state="detached")

    assert "1 of 2" in ana.page.inner_text("#panel")
    ana.page.click("[data-opens=approve-dialog]")
    ana.page.click("#approve-dialog button.approve")
    ana.page.wait_for_url(re.compile("done=granted"))


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_no_page_scrolls_sideways_and_none_complains(served, browser, width):
    request = ask(served)
    root = Person(browser, served, viewport={"width": width, "height": 800}).sign_in("root")

    for path in (
        "/",
        f"/requests/{request.id}",
        "/audit",
        "/policies",
        "/agents",
        "/agents/bot",
        "/people",
        "/people/ana",
        "/profile",
        "/freeze",
        "/keys",
    ):
        root.page.goto(served.url + path)
        assert (
            root.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            <= 0
        ), path
    assert root.complaints == []
