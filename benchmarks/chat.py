"""How soon Slack has its acknowledgement under load: python -m benchmarks.chat [--total N] [--json FILE]

A real server in HTTP mode beside the in-repo Slack on loopback; signed slash commands and clicks on open cards over 64 keep-alive
connections, each sending the next when the last was acknowledged. Slack gives three seconds (docs.slack.dev, "Acknowledging a request"); our goal is
500 ms at the 99th percentile. Beside it, in the same run, the same server stack that only answers. What follows an
acknowledgement (votes, edits, private answers) goes on meanwhile, in the same process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.load import Load, drive, request_bytes
from tests.support.chat_site import Chats, install, payload, policy, slack_channel
from tests.support.fake_slack import FakeSlack

PATH = "/slack/events"
CONNECTIONS = 64
LIMIT_SECONDS = 3.0
GOAL_SECONDS = 0.5
ECHO = """
import uvicorn, socket
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
async def answer(request):
    await request.body()
    return Response(b"", 200)
sock = socket.socket(); sock.bind(("127.0.0.1", 0)); print(sock.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(Starlette(routes=[Route("/slack/events", answer, methods=["POST"])]), loop="uvloop", http="httptools",
    lifespan="off", access_log=False, log_level="error")).run(sockets=[sock])
"""


class _WallClock:
    """The fake's clock: signatures carry the time of this moment."""

    def now(self) -> Any:
        from bot.clock import SystemClock

        return SystemClock().now()

    def monotonic(self) -> float:
        from bot.clock import SystemClock

        return SystemClock().monotonic()


def _wire(fake: FakeSlack, body: bytes, kind: str) -> bytes:
    headers = {**fake.signed(body), "content-type": kind}
    return request_bytes("POST", PATH, body, headers).replace(b"content-type: application/json\r\n", b"", 1)


def command(fake: FakeSlack, number: int) -> bytes:
    words = ("inbox", "help", "policy", "help approve")[number % 4]
    form = fake.command(("ana", "bo", "cy")[number % 3], "/signoff", words)
    return _wire(fake, urlencode(form).encode(), "application/x-www-form-urlencoded")


def click(fake: FakeSlack, buttons: list[tuple[str, dict[str, Any]]], number: int) -> bytes:
    channel, button = buttons[number % len(buttons)]
    pressed = fake.click(("ana", "bo", "cy")[number % 3], button, channel)
    return _wire(
        fake, urlencode({"payload": json.dumps(pressed)}).encode(), "application/x-www-form-urlencoded"
    )


async def echo(make: Callable[[int], bytes], total: int) -> Load:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", ECHO, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        await asyncio.sleep(2)  # bound, and soon listening
        return await drive(port, make, connections=CONNECTIONS, total=total)
    finally:
        process.terminate()
        await process.wait()


async def measure(total: int) -> dict[str, Any]:
    cards = 40
    async with FakeSlack(_WallClock()) as fake:  # type: ignore[arg-type]
        channels = {f"#way{n}": slack_channel(n) for n in range(cards)}
        fake.channels |= {id: {"id": id, "is_ext_shared": False} for id in channels.values()}
        chats = Chats(
            slack=fake.url if fake.url.endswith("/api/") else f"{fake.url}/api/", slack_channels=channels
        )
        with tempfile.TemporaryDirectory(prefix="signoff-bench-") as folder:
            site = await asyncio.to_thread(install, Path(folder) / "site", chats, policy(chats))
            await asyncio.to_thread(site.start)
            try:
                for n in range(cards):
                    answer = await asyncio.to_thread(site.call, "bot", "POST", "/v1/requests", payload(n))
                    assert answer.status_code == 202, answer.text
                async with asyncio.timeout(120):
                    while any(not fake.messages[id] for id in channels.values()):
                        await asyncio.sleep(0.1)
                details = [(id, fake.button("details", id)) for id in channels.values()]
                commands = await drive(
                    site.port, lambda n: command(fake, n), connections=CONNECTIONS, total=total
                )
                clicks = await drive(
                    site.port, lambda n: click(fake, details, n), connections=CONNECTIONS, total=total
                )
                bare = await echo(lambda n: command(fake, n), total)
                answered = len(fake.responses)
            finally:
                await asyncio.to_thread(site.stop)
    return {
        "total": total,
        "connections": CONNECTIONS,
        "private_answers_so_far": answered,
        "bare": _shown(bare),
        "commands": _shown(commands),
        "clicks": _shown(clicks),
        "ratio_p99_commands": commands.at(0.99) / bare.at(0.99),
        "ratio_p99_clicks": clicks.at(0.99) / bare.at(0.99),
    }


def _shown(load: Load) -> dict[str, Any]:
    return {
        "per_second": round(load.per_second),
        "p50_ms": round(load.at(0.5) * 1e3, 1),
        "p99_ms": round(load.at(0.99) * 1e3, 1),
        "max_ms": round(load.latencies[-1] * 1e3, 1),
        "statuses": load.statuses,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--total", type=int, default=3000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = asyncio.run(measure(options.total))
    print(f"{'':10} {'a second':>9} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}  statuses")
    for name in ("bare", "commands", "clicks"):
        row = found[name]
        print(
            f"{name:10} {row['per_second']:>9} {row['p50_ms']:>8} {row['p99_ms']:>8} {row['max_ms']:>8}  {row['statuses']}"
        )
    for name in ("commands", "clicks"):
        p99 = found[name]["p99_ms"] / 1e3
        print(
            f"{name}: p99 is {found[f'ratio_p99_{name}']:.1f} times the bare stack's, {p99 / GOAL_SECONDS:.2f} of our goal, {p99 / LIMIT_SECONDS:.3f} of Slack's limit"
        )
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
