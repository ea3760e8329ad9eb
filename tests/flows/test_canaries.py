"""No debug mode shows more (I9, I10, T50): at every log level a thousand values are sent in, through every door and with every fault that
can be brought about from outside, and none of them can be read afterwards, in any spelling, in an answer, the log, the database, its WAL or the head file.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import ahocorasick_rs
import httpx
import pytest

from tests.flows.steps import ask, body, vote
from tests.support.http import ConsoleVisitor, signed_headers
from tests.support.server import Site, install, spellings

COUNT = 1000
LEVELS = ("debug", "info", "warning", "error")


def canaries(seed: int) -> list[str]:
    """*COUNT* different values: e-mail addresses, cards, account numbers, keys. Each is found by its form alone."""
    r = random.Random(seed)
    out: set[str] = set()
    while len(out) < COUNT:
        letters = "".join(r.choices("bcdfghjklmnpqrstvwxz", k=9))
        kind = len(out) % 4
        if kind == 0:
            out.add(f"{letters}{r.randrange(1000, 9999)}@example.org")
        elif kind == 1:
            out.add(_card(r))
        elif kind == 2:
            out.add("AKIA" + "".join(r.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=16)))
        else:
            out.add(f"https://{letters}:{letters[::-1]}{r.randrange(10**6)}@db.example.org/x")
    return sorted(out)


def _card(r: random.Random) -> str:
    digits = [4, 5, 3, 9, *(r.randrange(10) for _ in range(11))]
    total = sum(d if n % 2 else (2 * d - 9 if d > 4 else 2 * d) for n, d in enumerate(digits))
    return "".join(map(str, digits)) + str(-total % 10)


class Searched:
    """All spellings of all canaries, found in one pass."""

    def __init__(self, values: list[str]) -> None:
        found = {spelling: value for value in values for spelling in spellings(value)}
        self.spellings = list(found)
        self.values = list(found.values())
        self.automaton = ahocorasick_rs.BytesAhoCorasick(self.spellings)

    def leaks(self, places: dict[str, bytes]) -> list[tuple[str, str]]:
        return [
            (name, self.values[hit[0]])
            for name, data in places.items()
            for hit in self.automaton.find_matches_as_indexes(data, overlapping=True)
        ]


class Sender:
    """Sends handfuls of canaries and keeps every answer."""

    def __init__(self, site: Site, values: list[str]) -> None:
        self.site = site
        self._rest = iter(values)
        self.answers: dict[str, bytes] = {}
        self.statuses: dict[str, int] = {}
        self.sent = 0

    def some(self, count: int = 20) -> list[str]:
        found = [value for _, value in zip(range(count), self._rest, strict=False)]
        self.sent += len(found)
        assert found, "more canaries were asked for than there are"
        return found

    def one(self) -> str:
        return self.some(1)[0]

    def keep(self, name: str, answer: httpx.Response) -> httpx.Response:
        self.answers[f"{name} #{len(self.answers)}"] = (
            answer.content + repr(sorted(answer.headers.items())).encode()
        )
        self.statuses[name] = answer.status_code
        return answer

    def call(
        self, name: str, who: str | None, method: str, path: str, value: Any = None, **more: Any
    ) -> httpx.Response:
        return self.keep(name, self.site.call(who, method, path, value, **more))


def _asking(s: Sender) -> dict[str, Any]:
    hidden = s.some(60)
    return {
        **body(),
        "parameters": {
            "query": "SELECT name FROM customers",
            "rows": hidden[:20],
            "note": f"write to {hidden[20]}, then {hidden[21]}",
            hidden[22]: "a key that is data",
            "deep": {"er": [{"x": value} for value in hidden[23:40]]},
        },
        "justification": " and ".join(hidden[40:45]),
        "context": {"sample": hidden[45:]},
    }


def _wrong_json(s: Sender) -> Iterator[tuple[str, bytes]]:
    raw = json.dumps({**body(), "context": {"sample": s.some()}}).encode()
    yield "cut", raw[:-40]
    yield "twice", raw[:-1] + b', "action": "' + s.one().encode() + b'"}'
    yield "unknown member", json.dumps({**body(), s.one(): s.one()}).encode()
    yield "wrong kind", json.dumps({**body(), "action": s.some()}).encode()
    yield "bad action", json.dumps({**body(), "action": s.one()}).encode()
    yield "not utf-8", raw[:30] + b"\xff" + s.one().encode() + raw[30:]
    yield "surrogate", b'{"action": "\\ud800' + s.one().encode() + b'"}'
    yield "deep", b'{"a":' * 300 + json.dumps(s.one()).encode() + b"}" * 300
    yield "large", json.dumps({**body(), "context": {"sample": s.some() * 3000}}).encode()
    yield "no json", s.one().encode()
    yield "callback", json.dumps({**body(), "callback_url": f"http://127.0.0.1:1/{s.one()}"}).encode()


def _doors(s: Sender) -> None:
    """Every call with something wrong in it."""
    for name, raw in _wrong_json(s):
        s.call(
            f"ask: {name}",
            "bot",
            "POST",
            "/v1/requests",
            content=raw,
            headers={"content-type": "application/json"},
        )
    s.call(
        "ask: media type",
        "bot",
        "POST",
        "/v1/requests",
        content=s.one().encode(),
        headers={"content-type": "text/html"},
    )
    s.call(
        "key", "bot", "POST", "/v1/requests", body(), headers={"Idempotency-Key": s.one().replace(" ", "")}
    )
    s.call("path", "bot", "GET", f"/v1/requests/{s.one()}")
    s.call("query", "bot", "GET", "/v1/requests", params={"state": s.one(), s.one(): "x"})
    s.call("credential", None, "GET", "/v1/requests", headers={"Authorization": f"Bearer {s.one()}"})
    s.call("basic", None, "GET", "/v1/requests", headers={"Authorization": f"Basic {s.one()}"})
    s.call(
        "headers",
        "bot",
        "GET",
        "/v1/requests",
        headers={"X-Whatever": s.one(), "User-Agent": s.one(), "Referer": s.one(), "Cookie": f"a={s.one()}"},
    )
    s.call("nowhere", None, "POST", f"/{s.one()}", {"x": s.some()})
    for chat in ("/slack/events", "/teams/messages"):
        s.call(chat, None, "POST", chat, {"text": s.some()})
    raw = json.dumps({**body(), "context": {"sample": s.some()}}).encode()
    signed = signed_headers(s.site, "bot", s.one(), 1, raw)
    s.call("signature", None, "POST", "/v1/requests", content=raw, headers=signed)
    for kind in ("application/json", "text/plain", "application/x-ndjson"):
        lines = (
            b"\n".join(json.dumps({"v": value}).encode() for value in s.some())
            + b'\n{"v": '
            + s.one().encode()
        )
        for call in ("mask", "tokenize"):
            s.call(
                f"{call} {kind}", "bot", "POST", f"/v1/{call}", content=lines, headers={"content-type": kind}
            )
    s.call("rewrite", "bot", "POST", "/v1/mask?operator=hmac&types=PERSON:vault", {"v": s.some()})
    s.call("rewrite, oddly", "bot", "POST", f"/v1/mask?types={s.one()}:hmac", {"v": s.some()})
    s.call("erase", "bot", "POST", "/v1/tokens/erase", {"value": s.some(), "purpose": s.one()})
    s.call("detokenize", "ana", "POST", "/v1/detokenize", {"value": s.some(), "purpose": s.one()})
    s.call("audit", "sam", "GET", "/v1/audit/entries", params={"actor": s.one()})
    s.call("audit tile", "sam", "GET", f"/v1/audit/log/tile/0/{s.one()}")


def _deciding(s: Sender) -> None:
    """The whole way with canaries in every free word, and the ways that fail."""
    asked = _asking(s)
    request = s.call("ask", "bot", "POST", "/v1/requests", asked).json()["id"]
    s.call("again", "bot", "POST", "/v1/requests", asked)
    s.call("card", "ana", "GET", f"/v1/requests/{request}/card")
    with ConsoleVisitor(s.site, "ana") as ana:
        for path in (
            f"/requests/{request}",
            f"/requests/{request}/confirm",
            f"/requests/{request}/live",
            "/",
            f"/audit?q={s.one()}",
        ):
            s.keep("page", ana.get(path))
        s.keep("page", ana.get(f"/requests/{s.one()}"))
        s.keep(
            "form",
            ana.post(
                f"/requests/{request}/votes",
                {"choice": s.one(), "version": "1", "seen": "all", "comment": s.one()},
            ),
        )
        s.keep(
            "forged", ana.http.post(f"/requests/{request}/votes", data={"csrf": s.one(), "comment": s.one()})
        )
        s.keep("reveal", ana.post(f"/requests/{request}/reveal", {"leaf": "999", "purpose": s.one()}))
        s.keep("console vote", ana.vote(request, "approve", comment=s.one()))
    with ConsoleVisitor(s.site) as nobody:
        s.keep("login", nobody.post("/login", {"name": s.one(), "password": s.one()}, at="/login"))
        s.keep("login", nobody.post("/login", {"name": "ana", "password": s.one()}, at="/login"))
    s.keep("vote", vote(s.site, "bo", request, comment=s.one()))
    seen = s.call("look", "bot", "GET", f"/v1/requests/{request}").json()
    payload = {name: asked[name] for name in ("action", "resource", "parameters")}
    s.call(
        "other bytes",
        "bot",
        "POST",
        "/v1/grants/redeem",
        {"token": seen["grant"]["token"], "payload": {**payload, "parameters": {"x": s.some()}}},
    )
    s.call(
        "no grant",
        "bot",
        "POST",
        "/v1/grants/redeem",
        {"token": s.one(), "payload": payload, "redemption_key": s.one().replace(" ", "")},
    )
    s.call(
        "redeem", "bot", "POST", "/v1/grants/redeem", {"token": seen["grant"]["token"], "payload": payload}
    )
    s.call(
        "outcome",
        "bot",
        "POST",
        f"/v1/grants/{seen['grant']['id']}/outcome",
        {"outcome": "failed", "detail": s.one()},
    )
    other = ask(s.site, asked=_asking(s))["id"]
    s.keep("denial", vote(s.site, "ana", other, "deny", comment=s.one()))
    s.call("cancel", "bot", "POST", f"/v1/requests/{other}/cancel", {"why": s.one()})


def _faults(s: Sender) -> None:
    """What goes wrong around the server while it holds the values."""
    with closing(sqlite3.connect(s.site.database, isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        s.call("database locked", "bot", "POST", "/v1/requests", {**body(), "context": {"sample": s.some()}})
        lock.execute("ROLLBACK")
    # The masking process dies under its work, and again under the retry's.
    large = {
        **body(),
        "context": {"sample": [f"{value} {'x' * 50}" for value in s.some() for _ in range(50)]},
    }
    for how in (signal.SIGKILL, signal.SIGSTOP):
        for child in _children(s.site):
            with suppress(ProcessLookupError):
                os.kill(child, how)
        s.call(f"masking {how.name}", "bot", "POST", "/v1/requests", large)
    # Callers who go away, or never spoke HTTP.
    head = f"POST /v1/requests HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {s.site.credential('bot')}\r\nContent-Type: application/json\r\n"
    for raw in (
        head.encode()
        + b"Content-Length: 9000\r\n\r\n"
        + json.dumps({**body(), "context": {"x": s.some()}}).encode(),
        head.encode() + b"Transfer-Encoding: chunked\r\n\r\nZZ" + s.one().encode() + b"\r\n",
        f"GET /{s.one()} HTTP/9.9\r\n\r\n".encode(),
        f"{s.one()}\r\n\r\n".encode(),
        head.encode() + b"X-Long: " + s.one().encode() * 2000 + b"\r\n\r\n",
        head.encode() + s.one().encode() + b"\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", s.site.port), timeout=10) as wire:
            wire.settimeout(2)
            wire.sendall(raw)
            with suppress(OSError):
                s.answers[f"wire #{len(s.answers)}"] = wire.recv(65536)
    # Rows that somebody else changed: the card cannot be read any more.
    asked = ask(s.site, asked=_asking(s))["id"]
    with closing(sqlite3.connect(s.site.database, isolation_level=None)) as forger:
        for (trigger,) in forger.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'request'"
        ).fetchall():
            forger.execute(f"DROP TRIGGER {trigger}")
        forged = (
            "UPDATE request SET frozen = replace(frozen, 'prod-customers', 'test-customers') WHERE id = ?"
        )
        assert forger.execute(forged, (asked,)).rowcount == 1
    s.call("forged row", "bot", "GET", f"/v1/requests/{asked}")
    s.call("forged row", "ana", "GET", f"/v1/requests/{asked}/card")
    s.call(
        "forged row", "ana", "POST", f"/v1/requests/{asked}/votes", {"choice": "approve", "comment": s.one()}
    )


def _children(site: Site) -> list[int]:
    assert site.process is not None
    pid = site.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_i9_i10_t50_a_thousand_canaries_are_nowhere_at_any_log_level_whatever_goes_wrong(
    tmp_path: Path, level: str
):
    site = install(tmp_path / "site")
    settings = site.folder / "signoff.yaml"
    settings.write_text(settings.read_text().replace("level: debug", f"level: {level}"))
    values = canaries(LEVELS.index(level))
    s = Sender(site, values)
    site.start()
    try:
        _doors(s)
        _deciding(s)
        _faults(s)
        while s.sent < COUNT:
            rest = s.some(min(20, COUNT - s.sent))
            s.call("rest", "bot", "POST", "/v1/requests", {**body(), "context": {"sample": rest}})
        before = site.written()
        site.kill()  # what a crash leaves behind
        after = site.written()
        site.start()
    finally:
        site.stop()

    places = s.answers | {f"before {name}": data for name, data in before.items()}
    places |= {f"killed {name}": data for name, data in after.items()}
    places |= {f"after {name}": data for name, data in site.written().items()}
    assert s.sent == COUNT
    assert Searched(values).leaks(places) == []
    assert s.statuses["ask"] == 202
    assert s.statuses["redeem"] == 200
    assert s.statuses["database locked"] == 503
    assert s.statuses["forged row"] >= 400
    assert {status for name, status in s.statuses.items() if name.startswith("ask: ")} <= {400, 413, 415, 422}
    if level == "debug":
        assert before["server.log"].count(b"\n") > 3  # it does speak


def test_the_search_finds_each_canary_in_each_spelling():
    values = canaries(9)
    searched = Searched(values)

    assert len(set(values)) == COUNT
    for value in values[::97]:
        for spelling in spellings(value):
            assert (("x", value)) in searched.leaks({"x": b"..." + spelling + b"..."})
    assert searched.leaks({"x": b"nothing of the kind"}) == []
