"""What only a real server shows: slow heads, slow forms, limits of forms to the byte (I12, T57). The API's own are in tests/adapters/agents."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest

from adapters.web.limits import FORM_BYTES_MAX
from tests.support.http import ConsoleVisitor
from tests.support.server import Site

HEAD_SECONDS = FORM_SECONDS = 10
"""Written here again: a limit that somebody raises must not raise what is asked of it."""


def _slowly(site: Site, first: bytes, drop: bytes, seconds: float) -> tuple[bytes, float]:
    """Send *first*, then *drop* every half second for *seconds* at most; what came back, and after how long the other side ended it."""
    began = time.monotonic()
    got = b""
    with socket.create_connection(("127.0.0.1", site.port)) as wire:
        wire.settimeout(0.5)
        wire.sendall(first)
        while time.monotonic() - began < seconds:
            try:
                chunk = wire.recv(65536)
                if not chunk:
                    return got, time.monotonic() - began
                got += chunk
            except TimeoutError:
                with contextlib.suppress(OSError):
                    wire.sendall(drop)
            except ConnectionError:
                return got, time.monotonic() - began
    return got, time.monotonic() - began


def test_t57_a_head_that_trickles_is_cut_off(site: Site):
    _, seconds = _slowly(site, b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n", HEAD_SECONDS + 10)

    assert HEAD_SECONDS - 1 <= seconds < HEAD_SECONDS + 5


def test_t57_a_head_without_end_is_cut_off(site: Site):
    with socket.create_connection(("127.0.0.1", site.port)) as wire:
        wire.settimeout(10)
        with contextlib.suppress(ConnectionError):
            for _ in range(40):
                wire.sendall(b"X-A: " + b"b" * 8192 + b"\r\n" if _ else b"GET / HTTP/1.1\r\nHost: x\r\n")
            while wire.recv(65536):
                pass
    assert site.call(None, "GET", "/healthz").status_code == 200


def test_t57_a_sign_in_form_that_trickles_is_answered_408(site: Site):
    head = (
        f"POST /login HTTP/1.1\r\nHost: x\r\nOrigin: {site.url}\r\nSec-Fetch-Site: same-origin\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n"
    ).encode()

    got, seconds = _slowly(site, head, b"a", FORM_SECONDS + 10)

    assert got.startswith(b"HTTP/1.1 408")
    assert FORM_SECONDS - 1 <= seconds < FORM_SECONDS + 5


@pytest.mark.parametrize(("over", "status"), [(0, 422), (1, 413)])
def test_i12_a_form_is_limited_at_the_very_byte(site: Site, over: int, status: int):
    headers = {
        "origin": site.url,
        "sec-fetch-site": "same-origin",
        "content-type": "application/x-www-form-urlencoded",
    }
    with ConsoleVisitor(site, "ana") as ana:
        start = f"csrf={ana.token('/profile')}&reason=&pad=".encode()
        raw = start + b"x" * (FORM_BYTES_MAX - len(start) + over)

        answer = ana.http.post("/freeze", content=raw, headers=headers)

    assert answer.status_code == status


def test_t57_slow_strangers_do_not_slow_the_others(site: Site):
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            wire = stack.enter_context(socket.create_connection(("127.0.0.1", site.port)))
            wire.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n")
        began = time.monotonic()
        answers = [site.call("bot", "GET", "/v1/requests?limit=1").status_code for _ in range(10)]
        seconds = time.monotonic() - began

    assert answers == [200] * 10
    assert seconds < 5
