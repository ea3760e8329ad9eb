"""From a binary stream to a masked binary stream, in any of the formats, in constant memory.

Decided here: which format it is, and that what is written so far is masked and whole when a fault ends it. Deliberately
absent: paths and reports (``masking.files``).
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator
from typing import IO, Final

from masking.csv_stream import CELL_CHARS_MAX, mask_csv
from masking.engine import Engine
from masking.errors import MaskingError
from masking.json_stream import JsonStream
from masking.operators import Writing
from masking.stream import TextStream
from masking.tally import BoundedNumbering, Tally

FORMATS: Final = ("auto", "text", "json", "ndjson", "csv")
SNIFF_BYTES: Final = 4096
READ_BYTES: Final = 64 * 1024

Told = Callable[[int], None]


def mask_flow(
    engine: Engine,
    source: IO[bytes],
    sink: IO[bytes],
    fmt: str = "auto",
    *,
    writing: Writing | None = None,
    tally: Tally | None = None,
    told: Told | None = None,
) -> str:
    """Mask *source* into *sink*; the format that it was. *told* hears how many bytes were read."""
    writing = writing or BoundedNumbering()
    tally = tally if tally is not None else Tally()
    chunks = _chunks(source, told)
    head = next(chunks, b"")
    if b"\0" in head[:SNIFF_BYTES]:
        raise MaskingError("this is not text (or UTF-16, which is not read: convert it to UTF-8)")
    if fmt == "auto":
        fmt = sniff(head[:SNIFF_BYTES])
    if fmt == "text":
        _text(engine, head, chunks, sink, writing, tally)
    elif fmt in {"json", "ndjson"}:
        stream = JsonStream(engine, writing, tally, many=fmt == "ndjson")
        sink.write(stream.feed(head))
        for chunk in chunks:
            sink.write(stream.feed(chunk))
        sink.write(stream.close())
    elif fmt == "csv":
        for text in mask_csv(engine, _lines(head, chunks), writing, tally):
            sink.write(_bytes(text))
    else:
        raise MaskingError("no such format")
    sink.flush()
    return fmt


def _text(
    engine: Engine, head: bytes, chunks: Iterator[bytes], sink: IO[bytes], writing: Writing, tally: Tally
) -> None:
    stream = TextStream(engine, writing, tally)
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    sink.write(_bytes(stream.feed(decoder.decode(head))))
    for chunk in chunks:
        sink.write(_bytes(stream.feed(decoder.decode(chunk))))
    sink.write(_bytes(stream.feed(decoder.decode(b"", final=True)) + stream.close()))


def _chunks(source: IO[bytes], told: Told | None) -> Iterator[bytes]:
    """Pieces of at most ``READ_BYTES``; the first is as long as that or all there is."""
    first = b""
    while len(first) < SNIFF_BYTES and (more := source.read(READ_BYTES - len(first))):
        first += more
    if told is not None:
        told(len(first))
    if first:
        yield first
    while chunk := source.read(READ_BYTES):
        if told is not None:
            told(len(chunk))
        yield chunk


def _lines(head: bytes, chunks: Iterator[bytes]) -> Iterator[str]:
    """The lines with their ends. One that is longer than a cell may be is a fault."""
    held = head
    while True:
        *lines, held = held.split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "surrogateescape") + "\n"
        if len(held) > 4 * CELL_CHARS_MAX:
            raise MaskingError("one line is too long to be masked")
        chunk = next(chunks, None)
        if chunk is None:
            break
        held += chunk
    if held:
        yield held.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def sniff(head: bytes) -> str:
    """Guess the format from the first bytes; text when in doubt."""
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    first, _, rest = start.partition(b"\n")
    if start[:1] in (b"{", b"["):
        if first.strip().endswith((b"}", b"]")) and rest.lstrip()[:1] in (b"{", b"["):
            return "ndjson"
        try:
            json.loads(first)
        except ValueError:
            return "json" if start[:1] == b"{" or start[1:].lstrip()[:1] in (b"{", b"[", b'"') else "text"
        return "json"
    for delimiter in (b",", b";", b"\t", b"|"):
        columns = first.count(delimiter)
        if (
            columns
            and b" " not in first.strip()
            and rest
            and rest.partition(b"\n")[0].count(delimiter) >= columns
        ):
            return "csv"
    return "text"
