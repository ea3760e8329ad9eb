"""CSV of any size, masked as it comes. A column's name is the key of its cells; the header itself is scanned as keys are.

Decided here: the delimiter (the one of ``, ; tab |`` that the first line has most of) and line end, kept as they were. Quotes
that a cell does not need go away (RFC 4180 makes no difference). A record is held whole, and bounded.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from masking.document import find_in_leaves, head_of, last_key
from masking.engine import Engine
from masking.errors import MaskingError
from masking.operators import Writing, write
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
        shown = _header(engine, header, writing, found)
        columns = _Columns(header, shown)
        writer.writerow(shown)
        batch: list[list[str]] = []
        size = 0
        for row in rows:
            batch.append(row)
            size += sum(map(len, row)) + len(row)
            if size >= BATCH_CHARS:
                _mask(engine, columns, batch, writing, found, writer)
                yield _taken(out)
                batch, size = [], 0
        _mask(engine, columns, batch, writing, found, writer)
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


class _Columns:
    """What stands before the cells of each column, its key, and its name as it is shown."""

    def __init__(self, header: list[str], shown: list[str]) -> None:
        self._names, self._shown = header, shown
        self.heads: list[str] = []
        self.keys: list[str | None] = []
        self.labels: list[str] = []
        self.reach(len(header))

    def reach(self, count: int) -> None:
        """A row may have more cells than the header has."""
        for i in range(len(self.heads), count):
            name, shown = (
                (self._names[i], self._shown[i]) if i < len(self._names) else 2 * (f"column {i + 1}",)
            )
            self.heads.append(head_of(name))
            self.keys.append(last_key(name))
            self.labels.append(f"{shown}: ")


def _mask(
    engine: Engine, columns: _Columns, rows: list[list[str]], writing: Writing, tally: Tally, writer: _Writer
) -> None:
    heads: list[str] = []
    keys: list[str | None] = []
    texts: list[str] = []
    places: list[tuple[list[str], int]] = []
    for row in rows:
        count = len(row)
        columns.reach(count)
        heads += columns.heads[:count]
        keys += columns.keys[:count]
        texts += row
        places += [(row, i) for i in range(count)]
    found = find_in_leaves(engine, heads, texts, keys) if texts else {}
    for place in sorted(found):
        row, i = places[place]
        masked = write(texts[place], found[place], writing)
        tally.take(masked, columns.labels[i])
        row[i] = masked.text
    for row in rows:
        writer.writerow(row)


def _taken(out: io.StringIO) -> str:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text
