"""Which columns of a table hold coordinates: not an index, and lists of numbers as Parquet and JSON hold embeddings."""

from __future__ import annotations

import numpy as np

from fractalman._typing import F64
from fractalman.errors import RecipeError
from fractalman.measure.cells import Cells, is_missing
from fractalman.measure.number_text import number

_INDEX_NAMES = ("index", "id", "idx", "row", "row_id", "__index_level_0__", "level_0")


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


def is_index(name: str, values: F64) -> bool:
    """Whether a column is an index: without a name of its own or named as one, and numbering the rows.

    Examples
    --------
    >>> is_index("Unnamed: 0", np.array([0.0, 1.0, 2.0])), is_index("id", np.array([7.0, 3.0, 9.0]))
    (True, True)
    >>> is_index("time", np.array([0.0, 1.0, 2.0]))
    False
    """
    plain = name.strip().lower()
    if not _unnamed(plain) and plain not in _INDEX_NAMES:
        return False
    whole = bool(np.isfinite(values).all()) and np.array_equal(values, np.rint(values))
    return counts_rows(values) or (plain != "index" and whole and np.unique(values).size == len(values) > 1)


def counts_rows(values: F64) -> bool:
    """Whether numbers are a, a + 1, a + 2, …"""
    return len(values) > 2 and bool((np.diff(values) == 1.0).all())


def in_equal_steps(values: F64) -> bool:
    """Whether numbers rise or fall from row to row by one step, to rounding: times, or a count of rows.

    Examples
    --------
    >>> in_equal_steps(np.array([0.1, 0.2, 0.3, 0.4])), in_equal_steps(np.array([5.0, 5.0, 5.0]))
    (True, False)
    """
    if len(values) < 3 or values[0] == values[-1] or not np.isfinite(values).all():
        return False
    line = np.linspace(values[0], values[-1], len(values))
    return bool(np.abs(values - line).max() < 1e-6 * abs(values[-1] - values[0]) / len(values))


def steady(name: str) -> str:
    """What is said of a coordinate `in_equal_steps`."""
    return (
        f"column {name!r} changes by one step from row to row and is a coordinate here: if it only counts rows or "
        "times, leave it out"
    )


def steady_notes(names: list[str], X: F64) -> list[str]:
    """Return what is said of the columns of X that are `in_equal_steps`."""
    return [steady(name) for name, column in zip(names, X.T, strict=True) if in_equal_steps(column)]


def index_columns(cells: Cells) -> list[int]:
    """Return the columns of a table that are an index: `is_index`, and words without a name."""
    found = []
    for at, name in enumerate(cells.names):
        if not _unnamed(name.strip().lower()) and name.strip().lower() not in _INDEX_NAMES:
            continue
        try:
            values = np.array([row[at] for row in cells.rows], np.float64)
        except (TypeError, ValueError):
            if _unnamed(name.strip().lower()):  # words without a name are no coordinate either
                found.append(at)
            continue
        if is_index(name, values):
            found.append(at)
    return found


def word_columns(cells: Cells) -> list[str]:
    """Return the columns in which no cell is a number: names, dates, kinds."""
    found = []
    for at, name in enumerate(cells.names):
        column = [row[at] for row in cells.rows]
        held = [cell for cell in column if not is_missing(cell)]
        if held and not isinstance(held[0], list | np.ndarray):
            found += [name] if all(number(cell, cells.decimal_comma) is None for cell in held) else []
    return found


def _unnamed(name: str) -> bool:
    return not name or name.startswith("unnamed:")
