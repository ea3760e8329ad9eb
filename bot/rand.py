"""Randomness from the operating system, behind the ``Rand`` port. Nothing is decided here.

A system call for every id and nonce gives the interpreter's lock away each time, and getting it back costs ten times the
call while another thread works. So small draws come from a block that each thread fetches whole; no byte is handed out
twice, and a child made by ``fork`` starts with none.
"""

from __future__ import annotations

import os
import threading
from typing import Final

BLOCK_BYTES: Final = 4_096
SMALL_BYTES_MAX: Final = 64
"""Ids, nonces, salts and keys; what is larger is fetched for itself."""


class _Block(threading.local):
    data: bytes = b""
    at: int = 0


_block: Final = _Block()


class OsRand:
    """Unpredictable bytes: keys, salts, nonces, ids."""

    def bytes(self, count: int) -> bytes:
        if not 0 <= count <= SMALL_BYTES_MAX:
            return os.urandom(count)
        block = _block
        start, end = block.at, block.at + count
        if end > len(block.data):
            block.data = os.urandom(BLOCK_BYTES)
            start, end = 0, count
        block.at = end
        return block.data[start:end]


def _forget() -> None:
    _block.data, _block.at = b"", 0


os.register_at_fork(after_in_child=_forget)
