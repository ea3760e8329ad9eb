"""Which callback addresses an agent may name: T34, a table of what people try."""

from __future__ import annotations

import pytest

from bot.core.callback_rules import URL_CHARS_MAX, allowed

LIST = ["https://hooks.example.com/signoff", "http://10.0.0.5:8080/cb/", "https://root.example"]

GOOD = [
    "https://hooks.example.com/signoff",
    "https://hooks.example.com/signoff/",
    "https://hooks.example.com/signoff/a/b",
    "https://hooks.example.com/signoff?job=7",
    "https://hooks.example.com/signoff/a?x=/../y",
    "https://hooks.example.com:443/signoff",
    "HTTPS://HOOKS.EXAMPLE.COM/signoff",
    "https://hooks.example.com./signoff",
    "https://hooks.example.com/signoff/%41",
    "https://hooks.example.com/signoff/...",
    "https://hooks.example.com/signoff/.well-known",
    "https://hooks.example.com/signoff/%252e%252e/x",
    "http://10.0.0.5:8080/cb",
    "http://10.0.0.5:8080/cb/1",
    "https://root.example",
    "https://root.example/",
    "https://root.example/anything/at/all",
    "https://root.example?x=1",
]
BAD = [
    # another place
    "https://hooks.example.com/",
    "https://hooks.example.com",
    "https://hooks.example.com/signoff2",
    "https://hooks.example.com/SIGNOFF",
    "https://hooks.example.com/x/signoff",
    "https://hooks.example.com//signoff",
    "http://hooks.example.com/signoff",
    "https://hooks.example.com:8443/signoff",
    "https://hooks.example.com:80/signoff",
    "https://evil.example/signoff",
    "https://hooks.example.com.evil.example/signoff",
    "https://xhooks.example.com/signoff",
    "https://a.hooks.example.com/signoff",
    "https://example.com/signoff",
    "http://10.0.0.5/cb",
    "http://10.0.0.5:8081/cb",
    "https://10.0.0.5:8080/cb",
    "http://10.0.0.50:8080/cb",
    "http://167772165:8080/cb",
    "http://[::ffff:10.0.0.5]:8080/cb",
    "http://root.example/",
    "https://root.example:444/",
    # inside the net
    "http://127.0.0.1/",
    "http://localhost/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]/",
    "http://0.0.0.0/",
    # user info
    "https://hooks.example.com@evil.example/signoff",
    "https://evil.example@hooks.example.com/signoff",
    "https://u:p@hooks.example.com/signoff",
    "https://:p@hooks.example.com/signoff",
    "https://@hooks.example.com/signoff",
    # climbing out
    "https://hooks.example.com/signoff/..",
    "https://hooks.example.com/signoff/../admin",
    "https://hooks.example.com/signoff/./x",
    "https://hooks.example.com/signoff/%2e%2e/admin",
    "https://hooks.example.com/signoff/%2E%2E/admin",
    "https://hooks.example.com/signoff/.%2e/admin",
    "https://hooks.example.com/signoff/..%2fadmin",
    "https://hooks.example.com/signoff/%2e%2e%2Fadmin",
    "https://hooks.example.com/signoff%2f..%2fadmin",
    # fragments
    "https://hooks.example.com/signoff#x",
    "https://hooks.example.com/signoff#",
    "https://hooks.example.com/#/signoff",
    # other schemes and half addresses
    "",
    "/signoff",
    "//hooks.example.com/signoff",
    "hooks.example.com/signoff",
    "ftp://hooks.example.com/signoff",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "gopher://hooks.example.com/signoff",
    "https:///signoff",
    "https:hooks.example.com/signoff",
    "https://",
    "https://./signoff",
    "https://:443/signoff",
    # broken ports and addresses
    "https://hooks.example.com:0/signoff",
    "https://hooks.example.com:65536/signoff",
    "https://hooks.example.com:-1/signoff",
    "https://hooks.example.com:x/signoff",
    "https://[::1/signoff",
    "https://[hooks.example.com]/signoff",
    # characters that readers of URLs disagree about
    "https://hooks.example.com\\@evil.example/signoff",
    "https://hooks.example.com/signoff\\..\\admin",
    "https://hooks.example.com/sign off",
    "https://hooks.example.com/signoff\n",
    "https://hooks.example.com/\tsignoff",
    " https://hooks.example.com/signoff",
    "https://hooks.example.com/signoff\x00",
    "https://hooks.example.com/signoff/é",
    "https://hooks\u3002example\u3002com/signoff",
    "https://ｈooks.example.com/signoff",
    *(f"https://hooks.example.com/signoff/{char}" for char in '<>"`{}|^\\ '),
]


@pytest.mark.parametrize("url", GOOD)
def test_an_address_on_the_list_is_allowed(url: str) -> None:
    assert allowed(url, LIST) is True


@pytest.mark.parametrize("url", BAD)
def test_every_other_address_is_refused_t34(url: str) -> None:
    assert allowed(url, LIST) is False


def test_sixty_ways_at_least_are_tried() -> None:
    assert len(BAD) >= 60


@pytest.mark.parametrize("url", GOOD)
def test_an_empty_list_allows_nothing_i13(url: str) -> None:
    assert allowed(url, []) is False


@pytest.mark.parametrize(
    "entry",
    ["", "*", "https://*", "hooks.example.com", "https://u@hooks.example.com/signoff", "https://hooks.example.com/#", "https://hooks.example.com/signoff/..", "https://hooks.example.com:x/"],
)  # fmt: skip
def test_an_entry_that_is_no_absolute_address_allows_nothing(entry: str) -> None:
    assert allowed("https://hooks.example.com/signoff", [entry]) is False


def test_a_later_entry_counts_after_one_that_cannot_be_read() -> None:
    assert allowed("https://root.example/x", ["nonsense", "https://root.example"]) is True


def test_the_entrys_own_port_may_be_the_schemes_own() -> None:
    assert allowed("http://a.example/x", ["http://a.example:80/x"]) is True
    assert allowed("http://a.example:80/x", ["http://a.example/x"]) is True
    assert allowed("http://a.example:443/x", ["http://a.example/x"]) is False


def test_only_slashes_are_taken_off_a_path_and_only_dots_off_a_host() -> None:
    assert allowed("https://a.example/cbX", ["https://a.example/cb"]) is False
    assert allowed("https://a.example/cb", ["https://a.example/cbX"]) is False
    assert allowed("https://a.example/cbX/y", ["https://a.example/cbX"]) is True


def test_port_one_is_a_port() -> None:
    assert allowed("http://a.example:1/x", ["http://a.example:1/"]) is True


def test_an_address_of_the_greatest_length_is_read_and_one_more_is_not() -> None:
    base = "https://root.example/"

    assert allowed(base + "a" * (URL_CHARS_MAX - len(base)), LIST) is True
    assert allowed(base + "a" * (URL_CHARS_MAX - len(base) + 1), LIST) is False
