"""Coming in, staying in, going out (T04, T19, T32)."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest

from adapters.web.limits import FREE_FAILURES, Streams, Throttle
from adapters.web.sessions import session_id
from adapters.web.settings import WebSettings
from bot.core.ids import PersonId
from bot.errors import ConfigError
from tests.support.console import PASSWORD, local


def cookie_of(browser) -> str:
    return browser.http.cookies["signoff-loopback"]


async def test_a_session_is_stored_under_the_hash_of_its_cookie(house):
    ana = await house.signed_in("ana")
    cookie = cookie_of(ana)

    stored = await house.desk.store.read(lambda tx: tx.session(session_id(cookie)))

    assert stored is not None
    assert stored.person == "person:ana"
    assert cookie not in repr(stored)
    assert await house.desk.store.read(lambda tx: tx.session(cookie)) is None


async def test_signing_in_is_journalled_and_so_is_being_turned_away(house):
    await house.signed_in("ana")
    await house.browser().sign_in("ana", "wrong")
    await house.browser().sign_in("nobody", "wrong")

    assert [e for e in await house.desk.entries() if e.startswith("session")] == [
        "session.login",
        "session.refused",
        "session.refused",
    ]


@pytest.mark.parametrize(
    ("name", "password"),
    [("ana", "wrong"), ("nobody", PASSWORD), ("../x", PASSWORD), ("", ""), ("ana", ""), ("ana", "x" * 5000)],
)
async def test_wrong_names_and_wrong_passwords_get_one_answer(house, name, password):
    answer = await house.browser().sign_in(name, password)

    assert answer.status_code == 403
    assert "That name and password do not fit." in answer.text
    assert "signoff-loopback=" not in str(answer.headers.get_list("set-cookie"))


async def test_a_new_sign_in_gets_a_new_id_and_ends_the_old_one(house):
    ana = await house.signed_in("ana")
    old = cookie_of(ana)
    await ana.post("/step-up", {"password": PASSWORD, "next": "/profile"})

    assert cookie_of(ana) != old
    assert await house.desk.store.read(lambda tx: tx.session(session_id(old))) is None


@pytest.mark.parametrize(
    ("away", "still_in"), [(timedelta(minutes=29, seconds=59), True), (timedelta(minutes=30), False)]
)
async def test_a_session_ends_at_the_very_instant_of_its_idle_limit(house, away, still_in):
    ana = await house.signed_in("ana")
    house.desk.clock.forward(away)

    assert ((await ana.get("/")).status_code == 200) is still_in


REQUEST = "/requests/req_" + "0" * 26


async def test_a_form_that_comes_after_the_session_leads_to_the_door_and_back_to_its_page(house):
    pages = {
        f"{REQUEST}/votes": REQUEST, f"{REQUEST}/break-glass": f"{REQUEST}/break-glass", "/freeze": "/freeze", "/freeze/lift": "/freeze",
        "/profile/delegation": "/profile", "/agents/bot/keys": "/agents/bot", "/exceptions/req_x/revoke": "/exceptions",
        "/requests/req_x/votes": "/", "/audit/verify": "/audit",
    }  # fmt: skip
    ana = await house.signed_in("ana")
    house.desk.clock.forward(timedelta(minutes=30))

    for sent, back in pages.items():
        answer = await ana.http.post(sent, data={"reason": "typed for long"})

        way = "/login" if back == "/" else "/login?next=" + quote(back, safe="")
        assert (answer.status_code, answer.headers["location"]) == (303, way)


async def test_t32_a_fragment_after_the_session_leads_back_to_a_page_of_ours_or_to_none(house):
    ways = {
        f"https://signoff.example{REQUEST}": "/login?next=" + quote(REQUEST, safe=""),
        "https://evil.example//evil.example/x": "/login", "https://evil.example/\\evil.example": "/login",
        "javascript:alert(1)": "/login", "https://[": "/login", "": "/login",
    }  # fmt: skip
    ana = await house.signed_in("ana")
    house.desk.clock.forward(timedelta(minutes=30))

    for current, way in ways.items():
        answer = await ana.get(f"{REQUEST}/live", **{"hx-request": "true", "hx-current-url": current})

        assert (answer.status_code, answer.headers["hx-redirect"]) == (401, way), current


@pytest.mark.parametrize("path", ["/inbox", "/requests/req_x/live"])
async def test_a_page_that_keeps_itself_fresh_does_not_keep_the_session_alive(house, path):
    ana = await house.signed_in("ana")
    for _ in range(4):
        house.desk.clock.forward(timedelta(minutes=10))
        await ana.get(path, **{"hx-request": "true"})

    answer = await ana.get(path, **{"hx-request": "true"})

    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/login"


async def test_use_keeps_a_session_alive_up_to_its_absolute_end(house):
    ana = await house.signed_in("ana")
    for _ in range(35):
        house.desk.clock.forward(timedelta(minutes=20))
        assert (await ana.get("/")).status_code == 200
    house.desk.clock.forward(timedelta(minutes=20))

    assert (await ana.get("/")).status_code == 303


async def test_signing_out_ends_the_session_on_the_server_and_empties_the_cache(house):
    ana = await house.signed_in("ana")
    cookie = cookie_of(ana)

    answer = await ana.post("/logout", {})

    assert answer.headers["clear-site-data"] == '"cache"'
    assert await house.desk.store.read(lambda tx: tx.session(session_id(cookie))) is None


async def test_signing_out_everywhere_ends_the_other_browser_too(house):
    here, there = await house.signed_in("ana"), await house.signed_in("ana")

    await here.post("/logout-everywhere", {})

    assert (await there.get("/")).status_code == 303


async def test_a_disabled_person_is_out_at_once(house):
    ana = await house.signed_in("ana")
    await house.desk.service.disable_person(None, PersonId("person:ana"))

    assert (await ana.get("/")).status_code == 303
    assert "switched off" in (await house.browser().sign_in("ana")).text


async def test_t04_a_freshly_linked_account_may_look_but_change_nothing(house):
    from dataclasses import replace

    asked = await house.desk.asked()
    soon = house.desk.clock.now() + timedelta(hours=3)
    await house.desk.store.write(
        lambda tx: tx.put_account(replace(tx.account(local("ana")), active_from=soon))
    )
    ana = await house.signed_in("ana")

    page = await ana.get(f"/requests/{asked.request.id}")
    vote = await ana.post(f"/requests/{asked.request.id}/votes", {"choice": "deny", "comment": "no"})
    out = await ana.post("/logout", {})

    assert page.status_code == 200
    assert "You may look" in page.text
    assert "may not decide yet" in vote.text
    assert out.status_code == 303


async def test_guessing_slows_down_for_the_guesser_alone(house):
    guesser = house.browser()
    for _ in range(FREE_FAILURES):
        assert (await guesser.sign_in("ana", "wrong")).status_code == 403

    slowed = await guesser.sign_in("ana", PASSWORD)

    assert slowed.status_code == 429
    assert int(slowed.headers["retry-after"]) >= 1
    house.desk.clock.forward(timedelta(seconds=2))
    assert (await guesser.sign_in("ana", PASSWORD)).status_code == 303


def test_a7_one_client_cannot_shut_a_name_for_another():
    throttle = Throttle()
    for n in range(20):
        throttle.failed("ana", "10.0.0.1", 0.0)

    assert throttle.wait_seconds("ana", "10.0.0.1", 1.0) > 0
    assert throttle.wait_seconds("ana", "10.0.0.2", 1.0) == 0


def test_i12_the_throttle_keeps_a_bounded_table():
    throttle = Throttle()
    for n in range(12_000):
        throttle.wait_seconds(f"n{n}", f"c{n}", float(n))
        throttle.failed(f"n{n}", f"c{n}", float(n))

    assert len(throttle.pairs) <= 10_000
    assert len(throttle.clients) <= 10_000


def test_live_streams_are_capped_by_person():
    streams = Streams()

    assert [streams.take("person:ana") for _ in range(6)] == [True] * 5 + [False]
    assert streams.take("person:bo")
    streams.give_back("person:ana")
    assert streams.take("person:ana")


@pytest.mark.parametrize(
    "url",
    [
        "http://signoff.example",
        "ftp://x",
        "signoff.example",
        "https://x/path",
        "https://u:p@x",
        "https://x?q",
        "",
    ],
)
def test_an_unsafe_public_url_stops_the_start(url):
    with pytest.raises(ConfigError):
        WebSettings(url)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://x.example/", "https://x.example"),
        ("https://x.example:443", "https://x.example"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://X.example:8443", "https://x.example:8443"),
    ],
)
def test_the_origin_is_written_as_browsers_write_it(url, origin):
    assert WebSettings(url).origin == origin


async def test_t04_a_proposed_password_opens_nothing_until_its_person_confirms_it_by_another_account(house):
    root, ana = await house.signed_in("root"), await house.signed_in("ana")
    await root.post("/people/ana/accounts", {"account": "local:ana2", "password": PASSWORD})

    refused = await house.browser().sign_in("ana2", PASSWORD)
    again = await root.post("/people/ana/confirm", {"account": "local:ana2"})
    page = await ana.get("/profile")
    confirmed = await ana.post("/profile/accounts/confirm", {"account": "local:ana2"})
    entered = await house.browser().sign_in("ana2", PASSWORD)

    assert (refused.status_code, again.status_code) == (403, 403)
    assert "opens nothing yet" in refused.text
    assert "Root says that this is you." in page.text
    assert (confirmed.status_code, entered.status_code) == (303, 303)


async def test_t04_who_is_said_to_hold_an_account_can_turn_it_down(house):
    root, ana = await house.signed_in("root"), await house.signed_in("ana")
    await root.post("/people/ana/accounts", {"account": "slack:T1:U9"})

    answer = await ana.post("/profile/accounts/turn-down", {"account": "slack:T1:U9"})
    stranger = await ana.post("/profile/accounts/turn-down", {"account": "local:ana"})

    assert (answer.status_code, stranger.status_code) == (303, 404)
    account = await house.desk.store.read(lambda tx: tx.account("slack:T1:U9"))
    assert account.revoked_at is not None
