"""Intake and release, each beside a physical limit measured in the same run: python -m benchmarks.intake [--quick]

Intake: durable asks a second over HTTP at 64 connections (authentication, strict JSON, masking, policy, encryption, two audit
entries, fsync), beside (a) the same server stack that only echoes JSON and (b) a bare SQLite group commit of one row each.
Release: an approval sent → the waiting agent's long poll answered with its signed grant, with 1 to 10,000 waiting agents,
beside the echo's round trip. Prints a table and ratios; ``--json FILE`` keeps them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from benchmarks.installation import installed, serving
from benchmarks.load import Load, drive, read_response, request_bytes

ECHO = """
import msgspec, sys, uvicorn, socket
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
async def echo(request):
    return Response(msgspec.json.encode(msgspec.json.decode(await request.body())), media_type="application/json")
sock = socket.socket(); sock.bind(("127.0.0.1", 0)); print(sock.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(Starlette(routes=[Route("/v1/requests", echo, methods=["POST"])]), loop="uvloop", http="httptools",
    lifespan="off", access_log=False, log_level="error")).run(sockets=[sock])
"""


def ask(number: int) -> bytes:
    return json.dumps(
        {
            "action": "db.export",
            "resource": {"type": "postgres", "id": "prod-customers", "env": "prod"},
            "parameters": {
                "query": "SELECT name, email FROM customers WHERE country = 'DE' LIMIT 500",
                "destination": f"s3://exports/q3-{number}.csv",
                "rows": 48211,
                "owner": "maria.lopez@example.org",
            },
            "justification": "quarterly churn model",
            "context": {"run_id": f"a91f{number}"},
        }
    ).encode()


def group_commit(seconds: float, members: int = 64) -> float:
    """Rows a second of a bare SQLite group commit (WAL, FULL), *members* rows of 1 KiB a transaction."""
    with tempfile.TemporaryDirectory(prefix="signoff-bench-") as folder:
        connection = sqlite3.connect(Path(folder) / "bare.sqlite3", isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)")
        body = os.urandom(1024)
        rows = 0
        start = time.perf_counter()
        while time.perf_counter() - start < seconds:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO t (body) VALUES (?)", [(body,)] * members)
            connection.execute("COMMIT")
            rows += members
        return rows / (time.perf_counter() - start)


def echo_load(total: int, connections: int) -> Load:
    process = subprocess.Popen([sys.executable, "-c", ECHO], stdout=subprocess.PIPE, text=True)
    try:
        port = int(process.stdout.readline())
        time.sleep(1)
        return uvloop.run(
            drive(
                port,
                lambda n: request_bytes("POST", "/v1/requests", ask(n)),
                connections=connections,
                total=total,
            )
        )
    finally:
        process.terminate()
        process.wait()


def intake(port: int, keys: list[str], total: int) -> Load:
    def make(number: int) -> bytes:
        headers = {"authorization": f"Bearer {keys[number % len(keys)]}"}
        return request_bytes("POST", "/v1/requests", ask(number), headers)

    uvloop.run(drive(port, make, connections=64, total=256))
    return uvloop.run(drive(port, lambda n: make(n + 1000), connections=64, total=total))


async def release(port: int, keys: list[str], tokens: list[str], waiters: int, rounds: int) -> list[float]:
    """Seconds from sending the approval to the agent's answer, with *waiters* agents waiting for other requests."""

    async def call(method: str, path: str, body: bytes, credential: str) -> dict:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_bytes(method, path, body, {"authorization": f"Bearer {credential}"}))
        _, answer = await read_response(reader)
        writer.close()
        return json.loads(answer)

    async def wait(id: str, key: str) -> dict:
        return await call("GET", f"/v1/requests/{id}?wait=60", b"", key)

    gc.disable()  # looking through ten thousand waiting tasks for garbage would stop this client, and be taken for the server's
    crowd = []
    parked = (await call("POST", "/v1/requests", ask(-1), keys[0]))["id"]
    for _ in range(waiters - 1):
        crowd.append(asyncio.create_task(wait(parked, keys[0])))
        if len(crowd) % 200 == 0:
            await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    seconds = []
    for number in range(rounds):
        key = keys[1 + number % (len(keys) - 1)]
        id = (await call("POST", "/v1/requests", ask(10_000_000 + waiters * 1000 + number), key))["id"]
        waiter = asyncio.create_task(wait(id, key))
        await asyncio.sleep(0.05)
        start = time.perf_counter()
        # In turns: one person may vote 240 times a minute, and a refused vote releases nobody.
        token = tokens[number % len(tokens)]
        vote = asyncio.create_task(call("POST", f"/v1/requests/{id}/votes", b'{"choice":"approve"}', token))
        answer = await waiter
        seconds.append(time.perf_counter() - start)
        voted = await vote
        assert voted.get("decided"), voted
        assert answer["grant"]["token"], answer
    for task in crowd:
        task.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)
    return sorted(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, for a look")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    scale = 10 if options.quick else 1
    result: dict[str, object] = {"load_average": os.getloadavg()[0], "cores": os.cpu_count()}
    echoed = echo_load(20_000 // scale, 64)
    committed = group_commit(3 / min(scale, 3))
    with installed(64) as made, serving(made.folder) as port:
        asked = intake(port, made.agents, 12_000 // scale)
        assert asked.statuses == {202: asked.count}, asked.statuses
        print(f"echo                {echoed.per_second:9.0f}/s   p50 {echoed.at(0.5) * 1e3:6.2f} ms")
        print(f"bare group commit   {committed:9.0f}/s")
        print(
            f"durable asks        {asked.per_second:9.0f}/s   p50 {asked.at(0.5) * 1e3:6.2f} ms   p99 {asked.at(0.99) * 1e3:6.2f} ms"
            f"   {asked.per_second / echoed.per_second:.2f} of echo, {asked.per_second / committed:.2f} of bare group commit"
        )
        result |= {
            "echo_per_s": echoed.per_second,
            "group_commit_per_s": committed,
            "asks_per_s": asked.per_second,
            "asks_p50_ms": asked.at(0.5) * 1e3,
            "asks_p99_ms": asked.at(0.99) * 1e3,
        }
        floor = echo_load(2000 // scale, 1).at(0.5)
        for waiters in (1, 100, 1_000) if options.quick else (1, 100, 1_000, 10_000):
            seconds = uvloop.run(release(port, made.agents, made.people, waiters, 100 // min(scale, 5)))
            p50, p99 = (
                seconds[min(len(seconds) - 1, int(share * len(seconds)))] * 1e3 for share in (0.5, 0.99)
            )
            print(
                f"release, {waiters:6d} waiting   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms   {p50 / (floor * 1e3):.1f} echo round trips"
            )
            result[f"release_{waiters}"] = {
                "p50_ms": p50,
                "p99_ms": p99,
                "echo_round_trips": p50 / (floor * 1e3),
            }
    if options.json:
        options.json.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
