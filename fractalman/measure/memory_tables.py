"""Tables that people hold in memory, as columns by name: frames, series, mappings, lists of rows, structured arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fractalman.errors import RecipeError


def as_frame_columns(source: Any) -> list[tuple[str, Sequence[Any]]] | None:
    """Return the columns of a table by name; None for what is no table, as a path.

    Of pandas, an index with a name is a column like any other, names over names are joined by a point, and columns
    that are the values of a name (as a pivot makes them) carry that name.

    Examples
    --------
    >>> as_frame_columns([{"n": 100, "loss": 0.5}, {"n": 200, "loss": 0.4}])
    [('n', [100, 200]), ('loss', [0.5, 0.4])]
    >>> as_frame_columns("losses.csv") is None
    True
    """
    if hasattr(source, "to_frame") and hasattr(source, "index"):  # a Series
        source = source.to_frame()
    if hasattr(source, "columns") and hasattr(source, "iloc"):
        return _of_pandas(source)
    if hasattr(source, "columns") and hasattr(source, "rows"):  # polars
        return [(str(name), source[name].to_list()) for name in source.columns]
    if getattr(getattr(source, "dtype", None), "names", None):
        return [(name, np.asarray(source[name]).ravel().tolist()) for name in source.dtype.names]
    if isinstance(source, Mapping):
        return [(str(name), _listed(str(name), column)) for name, column in source.items()]
    if isinstance(source, list | tuple) and source and all(isinstance(row, Mapping) for row in source):
        names = list(dict.fromkeys(name for row in source for name in row))
        return [(str(name), [row.get(name) for row in source]) for name in names]
    return None


def _listed(name: str, column: Any) -> list[Any]:
    values = np.ma.asarray(column) if np.ma.isMaskedArray(column) else np.asarray(column, object)
    if values.ndim != 1:
        raise RecipeError(f"the table's {name} has shape {values.shape}: expected one number a row")
    return list(values.tolist())


def _of_pandas(frame: Any) -> list[tuple[str, Sequence[Any]]]:
    columns = frame.columns
    if columns.nlevels > 1:
        names = [".".join(str(part) for part in name if str(part)) for name in columns]
    elif isinstance(columns.name, str) and columns.name:
        names = [name if isinstance(name, str) else f"{columns.name} {name}" for name in columns]
    else:
        names = [str(name) for name in columns]
    levels = [(str(name), frame.index.get_level_values(at)) for at, name in enumerate(frame.index.names) if name]
    found: list[tuple[str, Sequence[Any]]] = [
        (name, level.astype(object).tolist()) for name, level in levels if name not in names
    ]
    return found + [(name, frame.iloc[:, at].astype(object).tolist()) for at, name in enumerate(names)]
