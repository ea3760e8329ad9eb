"""What one ask costs the server in processor time, by thread: python -m benchmarks.costs [--asks 6000] [--rounds 3]

A real server process under the load of ``benchmarks.intake`` (64 connections). The system's count of each thread's processor time is
read before and after, so that waiting does not count and other work on the machine counts little. Masking is measured where it runs
and shown apart: ``outside masking`` is the event loop's thread without it, the writer's and the readers'. Medians of the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.installation import installed
from benchmarks.intake import ECHO, ask
from benchmarks.load import drive, request_bytes

CONNECTIONS = 64


def serve(folder: Path) -> None:
    """The child: the product's server, with a clock around masking. Says where it listens and which thread is which; at
    SIGUSR1 it says how long masking took so far, in seconds of the event loop's thread."""
    from bot import app
    from bot.config import load
    from masking import worker

    taken = [0.0, 0]
    real = worker.work

    def timed(*args: Any) -> object:
        start = time.thread_time()
        try:
            return real(*args)
        finally:
            taken[0] += time.thread_time() - start
            taken[1] += 1

    worker.work = timed

    async def main() -> None:
        config = load(folder)
        async with app.open_bot(config) as bot, app.running(bot):
            store = bot.store
            threads = {
                "writer": store._writer._connection._thread.native_id,
                "readers": [lane._connection._thread.native_id for lane in store._readers],
            }
            asyncio.get_running_loop().add_signal_handler(
                signal.SIGUSR1, lambda: print(json.dumps(taken), flush=True)
            )
            app._spare_collector()
            ready = lambda url: print(json.dumps({"url": url, **threads}), flush=True)  # noqa: E731
            await app._Server(app._uvicorn(config, app.asgi(bot)), ready, bot.office.watch.close).serve()

    uvloop.run(main())


def spent(pid: int) -> dict[int, float]:
    """Seconds of processor time by thread."""
    tasks = Path(f"/proc/{pid}/task")
    return {
        int(task.name): int((task / "schedstat").read_text().split()[0]) / 1e9 for task in tasks.iterdir()
    }


def switches(pid: int) -> dict[int, int]:
    """How often each thread was taken from its core or left it, by thread."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        found[int(task.name)] = sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
    return found


def masked(process: subprocess.Popen[str]) -> float:
    process.send_signal(signal.SIGUSR1)
    return float(json.loads(process.stdout.readline())[0])


def echo(asks: int) -> float:
    """Microseconds of processor time that the bare HTTP stack takes to echo the same bodies."""
    process = subprocess.Popen([sys.executable, "-c", ECHO], stdout=subprocess.PIPE, text=True)
    try:
        port = int(process.stdout.readline())
        time.sleep(1)
        before = sum(spent(process.pid).values())
        make = lambda number: request_bytes("POST", "/v1/requests", ask(number))  # noqa: E731
        uvloop.run(drive(port, make, connections=CONNECTIONS, total=asks))
        return (sum(spent(process.pid).values()) - before) / asks * 1e6
    finally:
        process.terminate()
        process.wait()


def measure(
    process: subprocess.Popen[str], told: dict[str, Any], keys: list[str], asks: int, first: int
) -> dict[str, float]:
    port = int(told["url"].rsplit(":", 1)[1])

    def make(number: int) -> bytes:
        headers = {"authorization": f"Bearer {keys[number % len(keys)]}"}
        return request_bytes("POST", "/v1/requests", ask(number + first), headers)

    before, masking_before = spent(process.pid), masked(process)
    switched = switches(process.pid)
    load = uvloop.run(drive(port, make, connections=CONNECTIONS, total=asks))
    after, masking = spent(process.pid), masked(process) - masking_before
    assert load.statuses == {202: asks}, load.statuses
    used = {thread: after[thread] - before.get(thread, 0.0) for thread in after}
    loop, writer = used[process.pid], used[told["writer"]]
    readers = sum(used[thread] for thread in told["readers"])
    other = sum(used.values()) - loop - writer - readers
    micro = 1e6 / asks
    return {
        "event loop, masking apart": (loop - masking) * micro,
        "writer": writer * micro,
        "readers": readers * micro,
        "other threads": other * micro,
        "outside masking": (sum(used.values()) - masking) * micro,
        "masking": masking * micro,
        "switches of the event loop's thread": (switches(process.pid)[process.pid] - switched[process.pid])
        / asks,
        "switches of the writer": (switches(process.pid)[told["writer"]] - switched[told["writer"]]) / asks,
        "asks a second": load.per_second,
        "p50 ms": load.at(0.5) * 1e3,
        "p99 ms": load.at(0.99) * 1e3,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asks", type=int, default=6_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve)
        return
    with installed(64) as made:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.costs", "--serve", str(made.folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            told = json.loads(process.stdout.readline())
            measure(process, told, made.agents, 512, 0)
            rounds = [
                measure(process, told, made.agents, options.asks, 1_000 + number * options.asks)
                | {"the same stack, echoing": echo(options.asks)}
                for number in range(options.rounds)
            ]
        finally:
            process.terminate()
            process.wait(timeout=30)
    for name in rounds[0]:
        unit = (
            ""
            if name.endswith(("second", "ms"))
            else " an ask"
            if name.startswith("switches")
            else " us an ask"
        )
        print(f"{name:38}{statistics.median(one[name] for one in rounds):10.1f}{unit}")


if __name__ == "__main__":
    main()
