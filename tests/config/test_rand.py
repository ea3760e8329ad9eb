"""Randomness: no byte is handed out twice, whatever the order and size of the draws."""

from __future__ import annotations

import os
import threading

from bot.rand import BLOCK_BYTES, SMALL_BYTES_MAX, OsRand


def test_no_draw_repeats_across_blocks_and_sizes() -> None:
    rand = OsRand()

    drawn = [rand.bytes(16 + n % 33) for n in range(BLOCK_BYTES // 8)]

    assert all(len(data) == 16 + n % 33 for n, data in enumerate(drawn))
    assert len({data[:16] for data in drawn}) == len(drawn)
    assert (rand.bytes(0), len(rand.bytes(SMALL_BYTES_MAX + 1))) == (b"", SMALL_BYTES_MAX + 1)


def test_two_threads_draw_from_blocks_of_their_own() -> None:
    rand, drawn = OsRand(), []

    def draw() -> None:
        drawn.extend(rand.bytes(16) for _ in range(1_000))

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(drawn)) == 4_000


def test_a_forked_child_draws_other_bytes() -> None:
    rand = OsRand()
    rand.bytes(16)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, rand.bytes(32))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 32)
    os.close(reading)
    os.close(writing)

    assert rand.bytes(32) != theirs
