"""Rows of named cells, masked a batch at a time: what the helpers for data frames and for clusters are made of.

Decided here: a column's name is the key of its cells, as in CSV; cells that hide nothing keep their value and kind, and a masked cell is
text whatever it was. A cell that is a list or an object is masked as JSON. Column names are data too. Deliberately absent: any library of tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from masking.document import JSON
from masking.engine import Engine
from masking.operators import Numbering, Writing

BATCH_ROWS: Final = 512
WITHHELD: Final = "[withheld]"
_SCALARS: Final = (str, int, float, bool, type(None))


def mask_columns(engine: Engine, names: Sequence[str], writing: Writing | None = None) -> list[str]:
    """*names* masked, in order. Two that would become one are told apart."""
    out: list[str] = []
    leaves = engine.mask_json([{name: None} for name in names], writing).leaves if names else ()
    for leaf in leaves:
        name = leaf.path[-1].text
        while name in out:
            name += "'"
        out.append(name)
    return out


def mask_rows(
    engine: Engine,
    rows: Iterable[Mapping[str, Any]],
    writing: Writing | None = None,
    *,
    columns: Iterable[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Each of *rows* with its cells masked, under its own column names (see :func:`mask_columns`).

    *columns*: only these are looked at. Without *writing* equal values share a number over all rows; all values are remembered for that.
    """
    writing = writing or Numbering()
    chosen = frozenset(columns) if columns is not None else None
    batch: list[Mapping[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) >= BATCH_ROWS:
            yield from _mask(engine, batch, writing, chosen)
            batch = []
    yield from _mask(engine, batch, writing, chosen)


def mask_under(engine: Engine, name: str, value: JSON, writing: Writing | None = None) -> JSON:
    """*value*, masked as what stands under the key *name*; the key itself is left out."""
    shown = engine.mask_json({name: value}, writing).to_json()
    return next(iter(shown.values())) if isinstance(shown, dict) else WITHHELD


def _mask(
    engine: Engine, rows: list[Mapping[str, Any]], writing: Writing, chosen: frozenset[str] | None
) -> list[dict[str, Any]]:
    out = [dict(row) for row in rows]
    places: list[tuple[int, str]] = []
    keyed: list[JSON] = []
    for number, row in enumerate(rows):
        for name, cell in row.items():
            if chosen is not None and name not in chosen:
                continue
            if isinstance(cell, (dict, list)) and cell:
                out[number][name] = mask_under(engine, name, cell, writing)
                continue
            places.append((number, name))
            keyed.append({name: cell if isinstance(cell, _SCALARS) else str(cell)})
    leaves = engine.mask_json(keyed, writing).leaves if keyed else ()
    for (number, name), leaf in zip(places, leaves, strict=True):
        if leaf.hidden:
            out[number][name] = leaf.value.text
    return out
