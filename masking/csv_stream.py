"""CSV of any size, masked as it comes. A column's name is the key of its cells; the header itself is scanned as keys are.

Decided here: the delimiter (the one of ``, ; tab |`` that the first line has most of) and line end, kept as they were. Quotes
that a cell does not need go away (RFC 4180 makes no difference). A record is held whole, and bounded.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from masking.document import JSON
from masking.engine import Engine
from masking.errors import MaskingError
from masking.operators import Writing
from masking.tally import Tally

BATCH_CHARS: Final = 32 * 1024
CELL_CHARS_MAX: Final = 1 << 20
DELIMITERS: Final = ",;\t|"


class _Writer(Protocol):
    def writerow(self, row: Iterable[str], /) -> object: ...


def mask_csv(
    engine: Engine, lines: Iterable[str], writing: Writing, tally: Tally | None = None
) -> Iterator[str]:
    """Masked CSV, a batch of records at a time. *lines* keep their line ends."""
    found = tally if tally is not None else Tally()
    source = iter(lines)
    first = next(source, None)
    if first is None:
        return
    delimiter = max(DELIMITERS, key=first.count)
    end = "\r\n" if first.endswith("\r\n") else "\n"

    def all_lines() -> Iterator[str]:
        yield first
        yield from source

    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    limit = csv.field_size_limit(CELL_CHARS_MAX)
    try:
        rows = csv.reader(all_lines(), delimiter=delimiter, strict=True)
        header = next(rows, [])
        writer.writerow(_header(engine, header, writing, found))
        batch: list[list[str]] = []
        size = 0
        for row in rows:
            batch.append(row)
            size += sum(map(len, row)) + len(row)
            if size >= BATCH_CHARS:
                _mask(engine, header, batch, writing, found, writer)
                yield _taken(out)
                batch, size = [], 0
        _mask(engine, header, batch, writing, found, writer)
        yield _taken(out)
    except csv.Error:
        raise MaskingError(
            "the input is not CSV: a quote does not close, or a cell has more than 1,048,576 characters"
        ) from None
    finally:
        csv.field_size_limit(limit)


def _header(engine: Engine, header: list[str], writing: Writing, tally: Tally) -> list[str]:
    """A file without a header line has data there."""
    names = []
    for leaf in engine.mask_json([{name: None} for name in header], writing).leaves:
        tally.count(leaf.path[-1].hidden)
        names.append(leaf.path[-1].text)
    return names


def _mask(
    engine: Engine,
    header: list[str],
    rows: list[list[str]],
    writing: Writing,
    tally: Tally,
    writer: _Writer,
) -> None:
    keyed: list[JSON] = [
        {(header[i] if i < len(header) else f"column {i + 1}"): cell}
        for row in rows
        for i, cell in enumerate(row)
    ]
    leaves = iter(engine.mask_json(keyed, writing).leaves if keyed else ())
    for row in rows:
        cells = []
        for _ in row:
            leaf = next(leaves)
            tally.count(leaf.value.hidden)
            if leaf.hidden:
                tally.look(leaf.value.text, f"{leaf.path[-1].text}: ")
            cells.append(leaf.value.text)
        writer.writerow(cells)


def _taken(out: io.StringIO) -> str:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text
