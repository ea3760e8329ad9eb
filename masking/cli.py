"""The command line's masking half: plain functions over binary streams, and ``python -m masking``.

Everything runs piece by piece (``masking.flow``). On a fault nothing unmasked is written: the output ends and the exit code is 2.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import IO, Final

from masking.chosen import only
from masking.config import EngineConfig
from masking.deep import DeepError, Transformer
from masking.engine import Engine
from masking.errors import MaskingError
from masking.flow import FORMATS, Told, mask_flow, sniff
from masking.operators import Writing

EVERYTHING: Final = EngineConfig(off=frozenset())


def spans_stream(engine: Engine, source: IO[bytes], sink: IO[bytes]) -> None:
    """``{"id","text"}`` lines to ``{"id","spans":[[start,end,TYPE,score],…]}`` lines, offsets in code points.

    A line with ``"types": ["US_PASSPORT", …]`` is answered with these alone, each number that can be one, even with a low score.
    """
    for line in source:
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            text, kinds = row["text"], row.get("types")
        except (ValueError, KeyError, TypeError):
            raise MaskingError("a line is not an object with id and text") from None
        if kinds is not None and not (isinstance(kinds, list) and all(isinstance(k, str) for k in kinds)):
            raise MaskingError("types is not a list of names")
        found = engine.scan(text) if kinds is None else only(engine, text, frozenset(kinds))
        spans = [[s.start, s.end, s.type, round(s.score, 4)] for s in found]
        sink.write(json.dumps({"id": row.get("id"), "spans": spans}).encode() + b"\n")
    sink.flush()


def mask_stream(
    engine: Engine,
    source: IO[bytes],
    sink: IO[bytes],
    fmt: str = "auto",
    *,
    writing: Writing | None = None,
    told: Told | None = None,
) -> None:
    """Mask *source* into *sink*; *fmt* is one of ``FORMATS``, ``auto`` looks at the first bytes."""
    mask_flow(engine, source, sink, fmt, writing=writing, told=told)


def main(argv: list[str] | None = None) -> int:
    """``python -m masking [--spans] [--deep] [--format F]``: stdin to stdout."""
    parser = argparse.ArgumentParser(prog="masking", description="Find and mask personal data and secrets.")
    parser.add_argument("--spans", action="store_true", help="read {id,text} lines, write {id,spans} lines")
    parser.add_argument("--format", choices=FORMATS, default="auto")
    parser.add_argument("--deep", action="store_true", help="let the deep tier read everything as well")
    options = parser.parse_args(argv)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    try:
        deep = Transformer() if options.deep else None
        if options.spans:
            spans_stream(Engine(EVERYTHING, deep=deep), source, sink)
        else:
            mask_stream(Engine(deep=deep), source, sink, options.format)
    except (MaskingError, DeepError) as e:
        sys.stderr.write(f"masking: {e}\n")
        return 2
    return 0


__all__ = ["EVERYTHING", "FORMATS", "main", "mask_stream", "sniff", "spans_stream"]
