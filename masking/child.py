"""What runs in a child process of ``masking.worker``: frames in, frames out, nothing printed, until the pipe closes."""

from __future__ import annotations

import importlib
import os
import pickle
import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from masking.config import EngineConfig
from masking.deep import DeepError, Transformer
from masking.document import JSON, MaskedDocument
from masking.engine import Engine
from masking.errors import MaskingError
from masking.masked import Masked
from masking.rewriter import Rewrite, Rewriter
from masking.tokens import SealedValue, TokenKeys, Tokens, Vault

DEEP_MEMORY_BYTES: Final = 1 << 30
"""Address space that the deep child may add to what it has once the model is loaded (130 MB resident; measured: it adds 30 MB)."""
DEEP_NICE: Final = 5


@dataclass(frozen=True, slots=True)
class DeepSettings:
    """The deep tier for previews. *model*: the folder of its files; None: the installed package's."""

    budget_seconds: float = 0.5
    model: Path | None = None


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Data with its values rewritten, and what must be stored before it is given to anybody."""

    result: MaskedDocument | Masked
    sealed: tuple[SealedValue, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Setup:
    """What a child is told first."""

    config: EngineConfig
    tokens: tuple[TokenKeys, str] | None
    deep: DeepSettings | None


def work(engine: Engine, tokens: Tokens | None, kind: str, value: Any, how: Rewrite | None) -> Rewritten:
    shelf: list[SealedValue] = []
    writing = None
    if how is not None:
        vault = Vault(tokens, shelf.append, os.urandom) if tokens is not None else None
        writing = Rewriter(how, tokens, vault)
    masked = engine.mask_json(value, writing) if kind == "json" else engine.mask_text(value, writing)
    return Rewritten(masked, tuple(shelf))


def _deepest(engine: Engine, deep: Transformer, value: JSON, until: float) -> MaskedDocument:
    deep.until = until
    return engine.mask_json(value)


def child_main() -> None:
    """The child: read frames, answer each, until the pipe closes. Nothing is ever printed."""
    pipe_in, pipe_out = sys.stdin.buffer, sys.stdout.buffer

    def read() -> bytes | None:
        head = pipe_in.read(8)
        return pipe_in.read(int.from_bytes(head, "big")) if len(head) == 8 else None

    def write(data: bytes) -> None:
        pipe_out.write(len(data).to_bytes(8, "big"))
        pipe_out.write(data)
        pipe_out.flush()

    first = read()
    if first is None:
        return
    setup = pickle.loads(first)  # noqa: S301 - our own parent's pipe
    try:
        deep = Transformer(setup.deep.model) if setup.deep is not None else None
    except DeepError:
        return
    engine = Engine(setup.config, deep=deep)
    tokens = Tokens(*setup.tokens) if setup.tokens is not None else None
    if deep is not None:
        engine.mask_text(
            "Anna Smith"
        )  # the first run of a session is slow; the first preview must not pay for it
        os.nice(DEEP_NICE)
        _limit_memory()
    write(b"ready")
    while (frame := read()) is not None:
        answers: list[tuple[bool, object]] = []
        for kind, payload in pickle.loads(frame):  # noqa: S301
            value, how = pickle.loads(payload)  # noqa: S301
            try:
                done: object = (
                    _deepest(engine, deep, value, how)
                    if deep is not None
                    else work(engine, tokens, kind, value, how)
                )
                answers.append((True, done))
            except MaskingError as e:
                answers.append((False, str(e)))
        write(pickle.dumps(answers))


def _limit_memory() -> None:
    """No more address space than what is in use and ``DEEP_MEMORY_BYTES``: a runaway model dies, and the fast tier's answer stands."""
    pages = (
        int(Path("/proc/self/statm").read_text("ascii").split()[0])
        if Path("/proc/self/statm").exists()
        else 0
    )
    if pages:
        most = pages * resource.getpagesize() + DEEP_MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    # By the module's own name, so that what is pickled here is known there.
    importlib.import_module("masking.child").child_main()
