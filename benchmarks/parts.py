"""Where the time of one ask goes: python -m benchmarks.parts [--rounds 400]

Each part of an ask on its own, in microseconds of one thread's processor time: with the real policy, masking, keys and SQLite
file, on asks that differ. The deciding transaction runs in batches of 64, as it does under load. Medians of the rounds. Not in
here: the HTTP stack, the two reads before the transaction, waiting for the disk, and what threads cost each other by sharing
one interpreter (``benchmarks.intake`` measures the whole).
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from adapters.agents import wire
from adapters.agents.endpoint import json_answer
from adapters.stores.sqlite import SqliteStore
from benchmarks.installation import install
from benchmarks.intake import ask
from bot.app import Bot, open_bot
from bot.config import load
from bot.core import preview_codec
from bot.core.ask import parse_ask
from bot.core.credentials import AGENT_KEY_PEPPER, parse_key_text
from bot.core.ids import AgentId
from bot.core.policy_judge import facts_of
from bot.core.request import Body
from bot.desk import intake
from bot.desk.api import AgentCaller
from masking.engine import Engine

TOGETHER = 64


def median_us(run: Callable[[int], object], rounds: int) -> float:
    run(-1)
    taken = []
    for number in range(rounds):
        start = time.thread_time()
        run(number)
        taken.append(time.thread_time() - start)
    return statistics.median(taken) * 1e6


async def parts(bot: Bot, secret: str, rounds: int) -> dict[str, float]:
    office, store = bot.office, bot.store
    assert isinstance(store, SqliteStore)
    bodies = [ask(number) for number in range(rounds + 1)]
    asked = [parse_ask(body) for body in bodies]
    engine = Engine(bot.office.masker._config)
    masked = [engine.mask_json(intake._document(one)) for one in asked]
    agent = await store.read(lambda tx: tx.agent(AgentId("agent:a0")))
    key_id = parse_key_text(secret).id
    caller = AgentCaller(agent.id, key_id, agent.actions)
    judge = office.book.judge

    def authenticate(_: int) -> None:
        bot.keys.mac(AGENT_KEY_PEPPER, parse_key_text(secret).secret)

    def policy(n: int) -> None:
        judge.plan(facts_of(asked[n], agent.id, agent.owners, masked[n].classes))

    def preview(n: int) -> None:
        preview_codec.preview_hash(preview_codec.freeze(masked[n], len(asked[n].canonical), ())[0])

    def seal(n: int) -> None:
        body = Body(asked[n].canonical, asked[n].justification, dict(asked[n].context), ())
        office.seal("req_x", msgspec.msgpack.encode(body))

    found = {
        "authentication (key text, HMAC)": median_us(authenticate, rounds),
        "strict JSON, schema, canonical bytes, hash": median_us(lambda n: parse_ask(bodies[n]), rounds),
        "masking (in its own process under load)": median_us(
            lambda n: engine.mask_json(intake._document(asked[n])), rounds
        ),
        "policy (facts, CEL)": median_us(policy, rounds),
        "preview (build, freeze, hash)": median_us(preview, rounds),
        "sealing (AES-GCM, key wrap)": median_us(seal, rounds),
    }
    found |= await transactions(
        bot, [intake._prepare(office, a, agent, caller, m) for a, m in zip(asked, masked, strict=True)]
    )
    work = intake._prepare(office, asked[0], agent, caller, masked[0])
    made = await store.write(lambda tx: intake._write(office, work, None, tx))
    found["answer (JSON)"] = median_us(
        lambda _: json_answer(
            wire.request_answer(made.request, None, office.clock.now()), 202, {"Location": "/"}
        ),
        rounds,
    )
    return found


async def transactions(bot: Bot, prepared: list) -> dict[str, float]:
    """The members of a batch and its end apart, a member."""
    store, office = bot.store, bot.office
    members, ends = [], []

    def batch(works: list) -> None:
        start = time.thread_time()
        opened = store._begin()
        from adapters.stores.sqlite_tx import SqliteTx

        for work in works:
            tx = SqliteTx(opened, store._seal)
            assert intake._write(office, work, None, tx) is not None
            tx.finish()
        middle = time.thread_time()
        store._commit(opened, [])
        members.append((middle - start) / len(works))
        ends.append((time.thread_time() - middle) / len(works))

    for at in range(0, len(prepared) - TOGETHER, TOGETHER):
        await store._writer.on_thread(batch, prepared[at : at + TOGETHER])
    return {
        "transaction: checks, rows, two journal entries": statistics.median(members) * 1e6,
        "transaction: the batch's leaves, signature, COMMIT": statistics.median(ends) * 1e6,
    }


async def measure(folder: Path, rounds: int) -> dict[str, float]:
    made = await install(folder, 4)
    async with open_bot(load(folder)) as bot:
        return await parts(bot, made.agents[0], rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=640)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="signoff-bench-") as folder:
        found = asyncio.run(measure(Path(folder), rounds))
    for name, us in found.items():
        print(f"{name:64}{us:8.1f} us")
    print(f"{'all':64}{sum(found.values()):8.1f} us")


if __name__ == "__main__":
    main()
