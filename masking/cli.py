"""The command line's masking half: plain functions over binary streams, and ``python -m masking``.

Everything runs line by line where the format has lines. On a fault nothing unmasked is written: the output ends and
the exit code is 2.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterator
from typing import IO, Final

from masking.config import EngineConfig
from masking.engine import Engine
from masking.errors import MaskingError
from masking.operators import Numbering

FORMATS: Final = ("auto", "text", "json", "ndjson", "csv")
SNIFF_BYTES: Final = 4096
EVERYTHING: Final = EngineConfig(off=frozenset())


def spans_stream(engine: Engine, source: IO[bytes], sink: IO[bytes]) -> None:
    """``{"id","text"}`` lines to ``{"id","spans":[[start,end,TYPE,score],…]}`` lines, offsets in code points."""
    for line in source:
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            text = row["text"]
        except (ValueError, KeyError, TypeError):
            raise MaskingError("a line is not an object with id and text") from None
        spans = [[s.start, s.end, s.type, round(s.score, 4)] for s in engine.scan(text)]
        sink.write(json.dumps({"id": row.get("id"), "spans": spans}).encode() + b"\n")
    sink.flush()


def mask_stream(engine: Engine, source: IO[bytes], sink: IO[bytes], fmt: str = "auto") -> None:
    """Mask *source* into *sink*; *fmt* is one of ``FORMATS``, ``auto`` looks at the first bytes."""
    reader = io.BufferedReader(source, SNIFF_BYTES * 4) if isinstance(source, io.RawIOBase) else source
    head = b""
    if fmt == "auto":
        head = reader.read(SNIFF_BYTES)
        fmt = sniff(head)
    lines = _lines(head, reader)
    if fmt == "json":
        _mask_json(engine, b"".join(lines), sink)
    elif fmt == "ndjson":
        _mask_ndjson(engine, lines, sink)
    elif fmt == "csv":
        _mask_csv(engine, lines, sink)
    elif fmt == "text":
        _mask_lines(engine, lines, sink)
    else:
        raise MaskingError("no such format")
    sink.flush()


def sniff(head: bytes) -> str:
    """Guess the format from the first bytes; text when in doubt."""
    start = head.lstrip()
    first, _, rest = start.partition(b"\n")
    if start[:1] in (b"{", b"["):
        if first.strip().endswith((b"}", b"]")) and rest.lstrip()[:1] in (b"{", b"["):
            return "ndjson"
        try:
            json.loads(first)
        except ValueError:
            return "json" if start[:1] == b"{" or start[1:].lstrip()[:1] in (b"{", b"[", b'"') else "text"
        return "json"
    columns = first.count(b",")
    if columns and b" " not in first.strip() and rest and rest.partition(b"\n")[0].count(b",") >= columns:
        return "csv"
    return "text"


def _lines(head: bytes, reader: IO[bytes]) -> Iterator[bytes]:
    """The lines of *head* and what follows it."""
    carry = b""
    for line in head.splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield line
        else:
            carry = line
    if carry:
        yield carry + reader.readline()
    yield from reader


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


BLOCK_LINES: Final = 64


def _mask_lines(engine: Engine, lines: Iterator[bytes], sink: IO[bytes]) -> None:
    """Blocks of lines, so that an address or a key over a line break is still seen."""
    from masking.operators import write

    numbering = Numbering()
    block: list[str] = []

    def flush() -> None:
        text = "".join(block)
        sink.write(_bytes(write(text, engine.scan_closed(text, line_bound=False), numbering).text))
        block.clear()

    for line in lines:
        block.append(_text(line))
        if len(block) >= BLOCK_LINES:
            flush()
    if block:
        flush()


def _mask_json(engine: Engine, data: bytes, sink: IO[bytes]) -> None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise MaskingError("the input is not JSON") from None
    sink.write(
        json.dumps(engine.mask_json(value).to_json(), ensure_ascii=False).encode("utf-8", "surrogatepass")
        + b"\n"
    )


def _mask_ndjson(engine: Engine, lines: Iterator[bytes], sink: IO[bytes]) -> None:
    for line in lines:
        if line.strip():
            _mask_json(engine, line, sink)


def _mask_csv(engine: Engine, lines: Iterator[bytes], sink: IO[bytes]) -> None:
    """Each row as an object whose keys are the header, so that a column's name is context."""
    rows = csv.reader(_text(line) for line in lines)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    header: list[str] | None = None
    try:
        for row in rows:
            if header is None:
                header = row
                writer.writerow(row)
            else:
                keyed = [
                    {(header[i] if i < len(header) else f"column {i + 1}"): cell}
                    for i, cell in enumerate(row)
                ]
                masked = engine.mask_json(keyed)  # type: ignore[arg-type]
                writer.writerow([leaf.value.text for leaf in masked.leaves])
            sink.write(_bytes(out.getvalue()))
            out.seek(0)
            out.truncate()
    except csv.Error:
        raise MaskingError("the input is not CSV") from None


def main(argv: list[str] | None = None) -> int:
    """``python -m masking [--spans] [--format F]``: stdin to stdout."""
    parser = argparse.ArgumentParser(prog="masking", description="Find and mask personal data and secrets.")
    parser.add_argument("--spans", action="store_true", help="read {id,text} lines, write {id,spans} lines")
    parser.add_argument("--format", choices=FORMATS, default="auto")
    options = parser.parse_args(argv)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    try:
        if options.spans:
            spans_stream(Engine(EVERYTHING), source, sink)
        else:
            mask_stream(Engine(), source, sink, options.format)
    except MaskingError as e:
        sys.stderr.write(f"masking: {e}\n")
        return 2
    return 0
