"""Data frames: pandas and polars in memory, and functions for clusters (PySpark's ``mapInPandas``, Ray's ``map_batches``).

On a cluster each partition has an engine of its own and no memory of the others, so numbers would not mean the same in two of them:
there a value is replaced by its kind alone, or, with *keys*, by a token that is equal everywhere. Imports no library of frames:
what is handed in brings its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from masking.config import EngineConfig
from masking.engine import Engine
from masking.operators import Operator, Writing
from masking.rewriter import Rewriter
from masking.tables import mask_columns, mask_rows
from masking.tokens import TokenKeys, Tokens


def mask_pandas(
    engine: Engine, frame: Any, writing: Writing | None = None, *, columns: Iterable[str] | None = None
) -> Any:
    """A new pandas ``DataFrame`` of the same shape and index. A column in which something was masked is of dtype object."""
    names = [str(name) for name in frame.columns]
    chosen = None if columns is None else frozenset(map(str, columns))
    out = frame.copy()
    rows = (
        {str(i): _python(v) for i, v in enumerate(row)} for row in frame.itertuples(index=False, name=None)
    )
    for place, cells in _masked_columns(engine, rows, names, writing, chosen).items():
        out.isetitem(place, out.iloc[:, place].astype(object))
        for number, text in cells:
            out.iat[number, place] = text
    out.columns = mask_columns(engine, names, writing)
    return out


def mask_polars(
    engine: Engine, frame: Any, writing: Writing | None = None, *, columns: Iterable[str] | None = None
) -> Any:
    """A new polars ``DataFrame`` of the same shape. A column in which something was masked becomes text."""
    names = list(frame.columns)
    chosen = None if columns is None else frozenset(columns)
    out = frame.clone()
    rows = ({str(i): v for i, v in enumerate(row)} for row in frame.iter_rows())
    series = type(frame.to_series(0)) if names else None
    for place, cells in _masked_columns(engine, rows, names, writing, chosen).items():
        values = [None if v is None else v if isinstance(v, str) else str(v) for v in out.to_series(place)]
        for number, text in cells:
            values[number] = text
        if series is not None:
            out = out.with_columns(series(names[place], values))
    return out.rename(dict(zip(names, mask_columns(engine, names, writing), strict=True)))


def _masked_columns(
    engine: Engine,
    rows: Iterable[dict[str, Any]],
    names: list[str],
    writing: Writing | None,
    chosen: frozenset[str] | None,
) -> dict[int, list[tuple[int, str]]]:
    """What changed: column number to (row number, masked text). Rows come keyed by column number: names may repeat."""
    changed: dict[int, list[tuple[int, str]]] = {}
    kept: list[tuple[Any, ...]] = []

    def named() -> Iterator[dict[str, Any]]:
        for row in rows:
            kept.append(tuple(row.values()))
            yield {_unique(names, int(place)): cell for place, cell in row.items()}

    wanted = None if chosen is None else [_unique(names, i) for i, name in enumerate(names) if name in chosen]
    for number, row in enumerate(mask_rows(engine, named(), writing, columns=wanted)):
        for place, (before, after) in enumerate(zip(kept[number], row.values(), strict=True)):
            if after is not before:
                changed.setdefault(place, []).append(
                    (number, after if isinstance(after, str) else str(after))
                )
    return changed


def _unique(names: list[str], place: int) -> str:
    """A column's name as a key; of columns with one name the later are told apart by a blank, which keys do not mind."""
    return names[place] + " " * names[:place].count(names[place])


def _python(value: Any) -> Any:
    """A cell of numpy as Python's own number; a missing one as None."""
    item = getattr(value, "item", None)
    plain = item() if callable(item) else value
    return None if isinstance(plain, float) and math.isnan(plain) else plain


@cache
def _engine(config: EngineConfig) -> Engine:
    """One a process: it takes a fifth of a second to build."""
    return Engine(config)


def _writing(keys: TokenKeys | None, tenant: str) -> Writing:
    return (
        Rewriter(Operator.REDACT) if keys is None else Rewriter(Operator.TOKEN, tokens=Tokens(keys, tenant))
    )


def spark_mapper(
    config: EngineConfig | None = None,
    *,
    keys: TokenKeys | None = None,
    tenant: str = "default",
    columns: Iterable[str] | None = None,
) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """For ``DataFrame.mapInPandas(spark_mapper(), schema)`` of PySpark 3 and 4: an iterator of pandas frames in and out.

    The schema has the same columns, those that may be masked as strings; names of columns stay as they are, for the schema fixes them.
    """
    settings, chosen = config or EngineConfig(), None if columns is None else tuple(columns)

    def mapper(frames: Iterator[Any]) -> Iterator[Any]:
        engine, writing = _engine(settings), _writing(keys, tenant)
        for frame in frames:
            masked = mask_pandas(engine, frame, writing, columns=chosen)
            masked.columns = frame.columns
            yield masked

    return mapper


def ray_mapper(
    config: EngineConfig | None = None,
    *,
    keys: TokenKeys | None = None,
    tenant: str = "default",
    columns: Iterable[str] | None = None,
) -> Callable[[Any], Any]:
    """For ``Dataset.map_batches(ray_mapper(), batch_format="pandas")`` of Ray: one pandas frame in, one out."""
    mapper = spark_mapper(config, keys=keys, tenant=tenant, columns=columns)

    def one(frame: Any) -> Any:
        return next(mapper(iter((frame,))))

    return one
