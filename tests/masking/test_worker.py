"""The worker against real child processes."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from masking import MaskingError, Worker
from masking.pool import Job

BIG = {"rows": [{"email": f"user{i}@example.org", "n": i} for i in range(400)]}


def _children() -> set[int]:
    return {int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and _parent(p) == os.getpid()}


def _parent(path: Path) -> int:
    try:
        return int((path / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return -1


async def test_small_and_large_inputs_give_the_same_kind_of_answer():
    async with Worker() as worker:
        small = await worker.mask_json({"email": "a@example.org"})
        large = await worker.mask_json(BIG)

    assert small.hidden_count == 1
    assert large.hidden_count == 400


async def test_many_at_once_are_each_answered():
    async with Worker(workers=1, inline_bytes_max=0) as worker:
        answers = await asyncio.gather(*(worker.mask_text(f"mail u{i}@example.org") for i in range(50)))

    assert {a.text for a in answers} == {"mail [EMAIL_ADDRESS_1]"}


async def test_stop_leaves_no_process_and_refuses_later_work():
    before = _children()
    worker = Worker(inline_bytes_max=0)
    await worker.start()
    await worker.mask_text("a@example.org")
    assert _children() - before

    await worker.stop()

    assert not _children() - before
    with pytest.raises(MaskingError):
        await worker.mask_text("x")


async def test_a_late_child_is_killed_and_replaced():
    async with Worker(inline_bytes_max=0, timeout_seconds=5) as worker:
        await worker.mask_text("x")
        worker._pool.timeout_seconds = 0.0001
        with pytest.raises(MaskingError):
            await worker.mask_json(BIG)
        worker._pool.timeout_seconds = 5
        assert (await worker.mask_text("a@example.org")).hidden


async def test_a_child_that_dies_fails_closed_and_the_next_ask_is_answered():
    before = _children()
    async with Worker(inline_bytes_max=0) as worker:
        await worker.mask_text("x")
        for pid in _children() - before:
            os.kill(pid, 9)
        with pytest.raises(MaskingError):
            await worker.mask_text("a@example.org")
        assert (await worker.mask_text("a@example.org")).hidden


async def test_an_input_over_the_limit_is_refused():
    async with Worker(max_bytes=100) as worker:
        with pytest.raises(MaskingError):
            await worker.mask_text("x" * 200)


async def test_a_cancelled_caller_hurts_nobody_else():
    async with Worker(inline_bytes_max=0) as worker:
        await worker.mask_text("x")
        first = asyncio.create_task(worker.mask_json(BIG))
        second = asyncio.create_task(worker.mask_text("a@example.org"))
        await asyncio.sleep(0)
        first.cancel()

        assert (await second).hidden


async def test_a_document_that_is_not_json_is_a_fault_in_the_child_too():
    async with Worker(inline_bytes_max=0) as worker:
        with pytest.raises(MaskingError):
            await worker.mask_json({"a": {1, 2}})  # type: ignore[dict-item]


def test_a_job_holds_bytes_not_values():
    assert "payload" in Job.__slots__
