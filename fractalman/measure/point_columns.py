"""Which columns of a table hold coordinates: not an index, and lists of numbers as Parquet and JSON hold embeddings."""

from __future__ import annotations

import numpy as np

from fractalman._typing import F64
from fractalman.errors import RecipeError
from fractalman.measure.cells import Cells


def vector_column(cells: Cells) -> str | None:
    """Return the first column whose every cell is a list, X before others; None where there is none."""
    found = [name for name in cells.names if all(isinstance(cell, list | np.ndarray) for cell in cells.column(name))]
    return "X" if "X" in found else next(iter(found), None)


def vectors_of(cells: Cells, name: str) -> F64:
    """Return a column of lists as an array; RecipeError for unlike lengths, and for what is no finite number."""
    column = cells.column(name)
    sizes = [len(cell) for cell in column]
    if len(set(sizes)) != 1:
        at = next(i for i, size in enumerate(sizes) if size != sizes[0])
        raise RecipeError(
            f"{cells.source}, row {int(cells.lines[at])}: {name} has {sizes[at]} entries: expected {sizes[0]}, as in "
            "the first row"
        )
    try:
        X = np.array([np.asarray(cell, np.float64) for cell in column]).reshape(len(column), -1)
    except (TypeError, ValueError):
        raise RecipeError(
            f"{cells.source}: {name} holds lists of other things than numbers: expected numbers"
        ) from None
    if not X.size or not np.isfinite(X).all():
        raise RecipeError(f"{cells.source}: {name} is empty or not finite somewhere: expected lists of finite numbers")
    return X


def is_index(cells: Cells, at: int) -> bool:
    """Whether a column is the index that pandas writes: without a name, counting the rows."""
    name = cells.names[at]
    if name and not name.lower().startswith("unnamed:") and name != "index":
        return False
    try:
        values = np.array([row[at] for row in cells.rows], np.float64)
    except (TypeError, ValueError):
        return not name or name.lower().startswith("unnamed:")  # words without a name are no coordinate either
    return len(values) > 1 and bool(
        (np.diff(values) == 1.0).all() or (not name and np.unique(values).size == len(values))
    )
