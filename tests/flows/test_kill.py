"""kill -9 of a real server under load, at seeded random moments, again and again over one database (I7, I8, I5, T44).

The load writes down what it means to do before it sends, and what was answered. Afterwards the database may hold anything between
the two: all that was answered, nothing that was never meant. One kill in eight falls into the start itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.flows.steps import ask, body, look, payload_of, redeem, vote
from tests.support.http import problem
from tests.support.server import ROOT, Site, install

SEED = 48
WORKERS = 12
LOAD_SECONDS_MAX = 0.5
PEOPLE = ("ana", "bo")


@dataclass
class Ledger:
    """Meant and answered, by what the load knows: keys, ids and persons."""

    meant: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    """Idempotency-Key to the request's id, as answered."""
    votes_meant: set[tuple[str, str]] = field(default_factory=set)
    votes: set[tuple[str, str]] = field(default_factory=set)
    decided: set[str] = field(default_factory=set)
    tokens: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """Request to (grant, token, idempotency key)."""
    redeem_meant: set[str] = field(default_factory=set)
    redeemed: set[str] = field(default_factory=set)
    outcomes_meant: set[str] = field(default_factory=set)
    outcomes: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


async def _worker(site: Site, ledger: Ledger, name: str) -> None:
    """Requests' whole ways, one after the other, until the server is gone. The last third of a way is sometimes left out."""
    headers = {who: {"Authorization": f"Bearer {site.credential(who)}"} for who in ("bot", *PEOPLE)}
    rng = random.Random(name)
    async with aiohttp.ClientSession(site.url) as http:

        async def post(who: str, path: str, sent: Any, **more: str) -> dict[str, Any] | None:
            async with http.post(path, json=sent, headers=headers[who] | more) as answer:
                if answer.status >= 500 and answer.status != 503:
                    ledger.faults.append(f"{path}: {answer.status}")
                return await answer.json() if answer.status < 300 else None

        for n in range(10_000):
            key = f"{name}-{n}"
            ledger.meant[key] = asked = body()
            told = await post("bot", "/v1/requests", asked, **{"Idempotency-Key": key})
            if told is None:
                continue
            id = told["id"]
            ledger.asked[key] = id
            for person in PEOPLE:
                ledger.votes_meant.add((id, f"person:{person}"))
                voted = await post(person, f"/v1/requests/{id}/votes", {"choice": "approve"})
                if voted is None:
                    break
                ledger.votes.add((id, f"person:{person}"))
                if voted["decided"]:
                    ledger.decided.add(id)
            async with http.get(f"/v1/requests/{id}", headers=headers["bot"]) as answer:
                seen = await answer.json()
            if not seen.get("grant"):
                continue
            grant, token = seen["grant"]["id"], seen["grant"]["token"]
            ledger.tokens[id] = (grant, token, key)
            if rng.random() < 0.2:
                continue
            ledger.redeem_meant.add(grant)
            if (
                await post(
                    "bot",
                    "/v1/grants/redeem",
                    {"token": token, "payload": payload_of(asked), "redemption_key": key},
                )
                is None
            ):
                continue
            ledger.redeemed.add(grant)
            if rng.random() < 0.3:
                continue
            ledger.outcomes_meant.add(grant)
            if await post("bot", f"/v1/grants/{grant}/outcome", {"outcome": "succeeded"}) is not None:
                ledger.outcomes.add(grant)


async def _load_and_kill(site: Site, ledger: Ledger, run: int, seconds: float) -> None:
    workers = [asyncio.create_task(_guarded(site, ledger, f"{run}-{n}")) for n in range(WORKERS)]
    before = len(ledger.asked)
    for _ in range(2_000):  # the clock of this run starts with its first acknowledged request
        if len(ledger.asked) > before:
            break
        await asyncio.sleep(0.005)
    await asyncio.sleep(seconds)
    assert site.process is not None
    assert site.process.poll() is None, "the server ended by itself"
    site.process.send_signal(signal.SIGKILL)
    await asyncio.gather(*workers)


async def _guarded(site: Site, ledger: Ledger, name: str) -> None:
    with contextlib.suppress(aiohttp.ClientError, ConnectionError, TimeoutError, asyncio.IncompleteReadError):
        await _worker(site, ledger, name)


def _kill_while_starting(site: Site, seconds: float) -> None:
    starting = subprocess.Popen(
        site.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd=ROOT
    )
    time.sleep(seconds)
    starting.kill()
    starting.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(starting.pid, signal.SIGKILL)


def kill_again_and_again(folder: Path, kills: int, seed: int = SEED) -> tuple[Site, Ledger]:
    site, ledger, rng = install(folder), Ledger(), random.Random(seed)
    policy = folder / "policy.yaml"  # a hundred kills on a busy machine take longer than five minutes
    policy.write_text(policy.read_text().replace("grant_valid_for: 5m", "grant_valid_for: 1h"))
    try:
        for run in range(kills):
            if run % 8 == 7:
                _kill_while_starting(site, rng.uniform(0.3, 2.0))
                continue
            site.start()
            asyncio.run(_load_and_kill(site, ledger, run, rng.uniform(0, LOAD_SECONDS_MAX)))
            site.kill()
            if run % 20 == 10:
                check(site, ledger)
        check(site, ledger)
        site.start()
        check_grants_over_http(site, ledger, rng)
        check(site, ledger)
    finally:
        site.stop()
    return site, ledger


def check(site: Site, ledger: Ledger) -> None:
    """Nothing acknowledged is lost, nothing is there that was never meant, and the log tells the same story."""
    meant = site.kept_keys("agent:bot", ledger.meant)
    rows = site.rows("SELECT key, request FROM idempotency WHERE agent = 'agent:bot'")
    by_key = {meant.get(key, key): request for key, request in rows}
    requests = {row[0]: row[1] for row in site.rows("SELECT id, state FROM request")}
    votes = set(site.rows("SELECT request, person FROM vote WHERE withdrawn_us IS NULL"))
    grants = {row[0]: (row[1], row[2]) for row in site.rows("SELECT id, request, state FROM grant_")}
    entries: dict[str, list[str]] = {}
    for request, type in site.rows("SELECT req, type FROM audit_leaf WHERE req IS NOT NULL ORDER BY seq"):
        entries.setdefault(request, []).append(type)

    assert ledger.faults == []
    # acknowledged, therefore there
    assert {key: by_key.get(key) for key in ledger.asked} == ledger.asked
    assert ledger.votes <= votes
    assert {requests[id] for id in ledger.decided} <= {"approved"}
    assert {grants[grant][1] for grant in ledger.redeemed} <= {"redeemed", "succeeded"}
    assert {grants[grant][1] for grant in ledger.outcomes} <= {"succeeded"}
    # there, therefore meant
    assert set(by_key) <= set(ledger.meant)
    assert sorted(by_key.values()) == sorted(requests)
    known = set(ledger.asked.values())
    assert {(id, person) for id, person in votes if id in known} <= ledger.votes_meant
    assert not {id for id, _ in votes} - known  # nobody votes on what was never answered
    assert {
        id for id, (_, state) in grants.items() if state in ("redeemed", "succeeded")
    } <= ledger.redeem_meant
    assert {id for id, (_, state) in grants.items() if state == "succeeded"} <= ledger.outcomes_meant
    assert set(requests.values()) <= {"pending", "approved"}
    # state and log are one
    approvals = {id: sum(1 for request, _ in votes if request == id) for id in requests}
    assert {id for id, state in requests.items() if state == "approved"} == {
        id for id, n in approvals.items() if n == 2
    }
    assert {request for request, _ in grants.values()} == {
        id for id, state in requests.items() if state == "approved"
    }
    assert set(entries) == set(requests)
    states = {request: state for request, state in grants.values()}
    for id, types in entries.items():
        assert types[:2] == ["request.created", "request.masked"]
        assert types.count("vote.cast") == approvals[id]
        assert types.count("decision.approved") == types.count("grant.issued") == (requests[id] == "approved")
        assert types.count("grant.used.begin") == (states.get(id) in ("redeemed", "succeeded"))
        assert types.count("grant.used.end") == (states.get(id) == "succeeded")
    report = site.verify()
    assert report.findings == []
    assert site.rows("PRAGMA integrity_check") == [("ok",)]


def check_grants_over_http(site: Site, ledger: Ledger, rng: random.Random) -> None:
    """Spent stays spent; what may have been spent is spent exactly once by its own key; what was not can be."""
    for request, (grant, token, key) in rng.sample(
        sorted(ledger.tokens.items()), min(60, len(ledger.tokens))
    ):
        payload = payload_of(ledger.meant[key])
        assert look(site, request)["grant"]["id"] == grant
        if grant in ledger.redeemed:
            assert problem(redeem(site, token, payload, redemption_key="somebody-else")) == (
                409,
                "grant-spent",
            )
            continue
        ledger.redeem_meant.add(grant)
        mine = redeem(site, token, payload, redemption_key=key)
        assert mine.status_code == 200, mine.text
        assert problem(redeem(site, token, payload, redemption_key="somebody-else")) == (409, "grant-spent")
        ledger.redeemed.add(grant)


def test_i8_after_three_kills_under_load_nothing_acknowledged_is_lost(tmp_path: Path):
    _, ledger = kill_again_and_again(tmp_path / "signoff", 3)

    assert len(ledger.asked) > 3
    assert ledger.redeemed


@pytest.mark.slow
def test_i8_i5_i7_after_20_kills_under_load_nothing_acknowledged_is_lost_and_nothing_forged(tmp_path: Path):
    _, ledger = kill_again_and_again(tmp_path / "signoff", 20, SEED + 1)

    assert len(ledger.asked) > 20
    assert len(ledger.redeemed) > 10


@pytest.mark.soak
def test_i8_i5_i7_after_100_kills_under_load_nothing_acknowledged_is_lost_and_nothing_forged(tmp_path: Path):
    _, ledger = kill_again_and_again(tmp_path / "signoff", 100, SEED + 2)

    assert len(ledger.asked) > 100
    assert len(ledger.redeemed) > 40


def test_i8_t44_an_ask_whose_answer_was_lost_is_found_again_by_its_key(tmp_path: Path):
    site = install(tmp_path / "signoff").start()
    try:
        asked = body()
        headers = {"idempotency-key": "lost"}
        first = site.call("bot", "POST", "/v1/requests", asked, headers=headers).json()
        vote(site, "ana", first["id"])
        site.kill()
        site.start()

        again = site.call("bot", "POST", "/v1/requests", asked, headers=headers)

        assert again.json()["id"] == first["id"]
        assert again.json()["version"] == first["version"] + 1
        assert site.rows("SELECT count(*) FROM request") == [(1,)]
    finally:
        site.stop()


def test_a_killed_server_leaves_no_masking_process_behind(tmp_path: Path):
    site = install(tmp_path / "signoff").start()
    try:
        assert site.process is not None
        server = site.process.pid
        ask(site, parameters={"text": "lorem ipsum " * 10_000})  # too large to be masked in the server itself
        children = _children(server)
        assert children

        os.kill(server, signal.SIGKILL)
        site.process.wait()
        until = time.monotonic() + 10
        while any(_is_alive(child) for child in children) and time.monotonic() < until:
            time.sleep(0.1)

        assert [child for child in children if _is_alive(child)] == []
    finally:
        site.stop()


def _fields(pid: int) -> list[str]:
    """State and parent of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _is_alive(pid: int) -> bool:
    return _fields(pid)[:1] not in ([], ["Z"])


def _children(parent: int) -> list[int]:
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if _fields(pid)[1:2] == [str(parent)]]
