"""Every route of the console: headers, sign-in and CSRF (T32, T33)."""

from __future__ import annotations

import pytest

from adapters.web.app import TABLE
from adapters.web.csp import HEADERS
from adapters.web.guard import Access, is_local, is_same_origin
from adapters.web.render import STATIC
from tests.support.console import ORIGIN

ROUTES = [(method, path, access) for method, path, _, access in TABLE]
POSTS = [(path, access) for method, path, access in ROUTES if method == "POST"]


def real(path: str) -> str:
    return path.replace("{id}", "req_nothing").replace(
        "{name}", next(iter(STATIC)) if "static" in path else "bot"
    )


def assert_headers(answer) -> None:
    for name, value in HEADERS.items():
        assert answer.headers[name] == value, (name, answer.url)
    csp = answer.headers["content-security-policy"]
    assert "unsafe" not in csp
    assert "*" not in csp


def test_the_table_has_a_door_on_each_route_and_changes_by_post_alone():
    assert len({(method, path) for method, path, _ in ROUTES}) == len(ROUTES)
    assert {method for method, _, _ in ROUTES} == {"GET", "POST"}
    public = {(method, path) for method, path, access in ROUTES if access is Access.PUBLIC}
    assert public == {
        ("GET", "/login"),
        ("POST", "/login"),
        ("GET", "/login/oidc"),
        ("GET", "/login/oidc/callback"),
        ("GET", "/static/{name}"),
    }


async def test_every_answer_carries_the_headers_and_strangers_only_see_the_door(house):
    stranger = house.browser()

    for method, path, access in ROUTES:
        answer = await stranger.http.request(method, real(path), headers={"origin": ORIGIN})

        assert_headers(answer)
        if access is Access.SIGNED_IN:
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/login"), path
        if "static" not in path:
            assert answer.headers["cache-control"] == "no-store", path


async def test_every_answer_to_a_signed_in_person_carries_the_headers(house):
    """But for ``/events``, which never ends: the flows read it over a real socket."""
    root = await house.signed_in("root")

    for method, path, _ in ROUTES:
        if path != "/events":
            answer = await root.http.request(method, real(path), headers={"origin": ORIGIN})

            assert_headers(answer)
            assert answer.status_code < 500, path


@pytest.mark.parametrize(
    ("headers", "with_token"),
    [
        ({"origin": ORIGIN}, False),
        ({"origin": "https://evil.example"}, True),
        ({"origin": ORIGIN, "sec-fetch-site": "cross-site"}, True),
        ({"origin": "null"}, True),
        ({}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"origin": ORIGIN + ".evil.example"}, True),
    ],
)
async def test_t32_a_forged_form_is_refused_on_every_changing_route(house, headers, with_token):
    root, visitor = await house.signed_in("root"), house.browser()
    tokens = {Access.PUBLIC: await visitor.token("/login"), Access.SIGNED_IN: await root.token("/")}
    before = await house.desk.entries()

    for path, access in POSTS:
        browser = visitor if access is Access.PUBLIC else root
        form = {"csrf": tokens[access] if with_token else "x" * 43}
        answer = await browser.http.post(real(path), data=form, headers=headers)

        assert answer.status_code == 403, path
        assert "was refused" in answer.text, path
    assert await house.desk.entries() == before


async def test_another_sessions_token_does_not_fit(house):
    root, ana = await house.signed_in("root"), await house.signed_in("ana")

    answer = await root.http.post(
        "/freeze", data={"csrf": await ana.token("/"), "reason": "x"}, headers={"origin": ORIGIN}
    )

    assert answer.status_code == 403
    assert await house.desk.service.frozen() is None


async def test_the_same_form_with_its_own_token_goes_through(house):
    root = await house.signed_in("root")

    answer = await root.post("/freeze", {"reason": "incident 12"})

    assert answer.status_code == 303
    frozen = await house.desk.service.frozen()
    assert frozen is not None
    assert "incident 12" in (await root.get("/")).text


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({"origin": ORIGIN}, True),
        ({"origin": ORIGIN, "sec-fetch-site": "same-origin"}, True),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"origin": "null"}, False),
        ({"origin": ORIGIN, "sec-fetch-site": "same-site"}, False),
        ({"origin": "http://127.0.0.1:8081"}, False),
        ({}, False),
    ],
)
def test_same_origin(headers, same):
    assert is_same_origin(headers, ORIGIN) is same


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/a\nb", "", "evil", "/é", "/" + "a" * 600],
)
def test_t32_an_open_redirect_has_nowhere_to_go(path):
    assert not is_local(path)


@pytest.mark.parametrize(
    "given",
    ["//evil.example", "https://evil.example/", "/\\evil.example", "/login?next=/", "javascript:alert(1)"],
)
async def test_signing_in_leads_nowhere_else(house, given):
    browser = house.browser()

    answer = await browser.post(
        "/login", {"name": "ana", "password": "correct horse battery", "next": given}, at="/login"
    )

    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "https"},
        {"x-original-url": "/login", "x-rewrite-url": "/static/console.css"},
        {"forwarded": "host=evil.example;proto=https"},
    ],
)
async def test_t33_host_and_forwarded_headers_have_no_effect(house, headers):
    stranger, ana = house.browser(), await house.signed_in("ana")

    refused = await stranger.http.get("/audit", headers=headers)
    page = await ana.http.get("/", headers=headers)

    assert refused.headers["location"] == "/login?next=%2Faudit"
    assert "evil" not in page.text
    assert page.status_code == 200


async def test_a_form_beyond_the_limit_is_refused_before_it_is_read_whole(house):
    root = await house.signed_in("root")

    answer = await root.post("/freeze", {"reason": "x" * 40_000})

    assert answer.status_code == 413


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
async def test_only_a_plain_form_is_read(house, kind):
    root = await house.signed_in("root")

    answer = await root.http.post("/freeze", content=b"{}", headers={"origin": ORIGIN, "content-type": kind})

    assert answer.status_code == 415


async def test_a_public_https_address_brings_hsts_and_the_host_cookie(tmp_path):
    from tests.support.console import open_house
    from tests.support.office import close_desk

    house = await open_house(tmp_path, "https://signoff.example")
    try:
        browser = house.browser()
        answer = await browser.post(
            "/login",
            {"name": "ana", "password": "correct horse battery"},
            at="/login",
            origin="https://signoff.example",
        )
        cookies = answer.headers.get_list("set-cookie")
    finally:
        await close_desk(house.desk)

    assert answer.status_code == 303
    assert "max-age=63072000" in answer.headers["strict-transport-security"]
    session = next(c for c in cookies if c.startswith("__Host-signoff="))
    for part in ("HttpOnly", "Secure", "Path=/", "SameSite=lax"):
        assert part in session
    assert "Domain" not in session


def test_the_vendored_scripts_are_the_ones_that_were_looked_at():
    from hashlib import sha256
    from pathlib import Path

    record = (Path(__file__).parents[3] / "docs" / "decisions" / "0020-console-scripts.md").read_text()

    for name, body in STATIC.items():
        if name.startswith("htmx"):
            assert f"`{name}`" in record
            assert sha256(body).hexdigest() in record
