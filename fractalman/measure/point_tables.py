"""What people hold points in, as one array: frames of any library, named columns, tensors, numbers as objects."""

from __future__ import annotations

import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from fractalman._typing import Bool
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.measure.point_columns import in_equal_steps, is_index, steady

TARGET_NAMES = ("y", "target", "label", "labels", "class", "targets", "y_true", "class_label", "true_label")
"""Names of columns and arrays, in any case, that hold the target."""
_TARGET_WORDS = ("target", "label", "ylabel", "lbl", "class", "outcome", "response", "truth", "regressand", "dependent")


def sounds_like_a_target(name: str) -> bool:
    """Whether one word of a column's name says target, though the name is none that is known for one.

    Examples
    --------
    >>> sounds_like_a_target("target_class"), sounds_like_a_target("classical"), sounds_like_a_target("Y_train")
    (True, False, True)
    """
    words = re.split(r"[^a-z]+", name.lower())
    starts = re.match(r"[^a-z0-9]*y(?![a-z])", name.lower()) is not None  # y_train, Y (kg), y1; no pos_y
    return starts or any(word.removesuffix("s") in _TARGET_WORDS or word in _TARGET_WORDS for word in words)


def in_memory(X: Any) -> Any:
    """Return what lies elsewhere, or is not computed yet, as something that NumPy reads; all else as it is."""
    if hasattr(X, "collect_schema") and hasattr(X, "collect"):  # a LazyFrame of polars
        return X.collect()
    if hasattr(X, "dask"):
        return X.compute()
    if hasattr(X, "to_memory") and not hasattr(X, "obsm"):  # a sparse matrix of an AnnData that is left in its file
        return X.to_memory()
    if hasattr(X, "detach") and hasattr(X, "cpu"):  # a tensor, wherever it lies
        X = X.detach().cpu()
        X = X.to_dense() if "strided" not in str(getattr(X, "layout", "strided")) else X
        return (X.float() if "bfloat16" in str(X.dtype) else X).numpy()
    return X


def rows_of(X: Any) -> int:
    """Return how many points there are, of anything that is taken for points."""
    if isinstance(X, Mapping) and not hasattr(X, "shape"):
        X = next(iter(X.values()), ())
    shape: Sequence[int] = X.shape if hasattr(X, "shape") else [len(X)] if hasattr(X, "__len__") else []
    if not len(shape):
        raise RecipeError(f"X = {shown(X)}: expected a table (n, d) of numbers, one row for each point")
    return int(shape[0])


def masked_rows(X: Any) -> Bool:
    """Return which rows of a masked array hold masked numbers, in any column; of anything else an empty array."""
    if not np.ma.isMaskedArray(X) or not X.ndim:
        return np.zeros(0, np.bool_)
    mask: Any = np.ma.getmaskarray(X)
    if mask.dtype.names is not None:
        mask = np.stack([mask[name].reshape(len(X), -1).any(axis=1) for name in mask.dtype.names], axis=1)
    return np.asarray(mask.reshape(len(X), -1).any(axis=1), np.bool_)


def as_table(X: Any, notes: list[str]) -> np.ndarray[Any, Any]:
    """Return coordinates as an array, of numbers where they are numbers; what was left out is added to ``notes``.

    Parameters
    ----------
    X : array, frame, table with named columns, mapping of columns, tensor, or rows of numbers.
    notes : sentences about what was taken for what; appended to.

    Raises
    ------
    RecipeError
        For named columns that are no numbers, and for rows of unlike lengths.
    """
    X = in_memory(X)
    columns = _named_columns(X)
    if columns is not None:
        return _coordinates(columns, notes)
    try:
        return _of_objects(np.asarray(X))
    except ValueError:  # NumPy: an inhomogeneous shape
        raise RecipeError("X has rows of unlike lengths: expected a table (n, d) of numbers") from None


def _named_columns(X: Any) -> Iterable[tuple[str, Any]] | None:
    """The columns of a frame of any library, of a structured array or of a mapping; None for what has none."""
    if hasattr(X, "column_names") and hasattr(X, "column"):  # a Table of pyarrow
        return [(str(name), X.column(i)) for i, name in enumerate(X.column_names)]
    if hasattr(X, "columns") and hasattr(X, "to_numpy"):
        return [(str(n), X.iloc[:, i] if hasattr(X, "iloc") else X[n]) for i, n in enumerate(X.columns)]
    fields = getattr(getattr(X, "dtype", None), "names", None)
    if fields is not None:
        found = np.asarray(X)
        return [(name, found[name]) for name in fields] if found.ndim == 1 else None
    if isinstance(X, Mapping):
        return [(str(name), in_memory(column)) for name, column in X.items()]
    return None


def _coordinates(columns: Iterable[tuple[str, Any]], notes: list[str]) -> np.ndarray[Any, Any]:
    """Columns that are neither a target nor an index, side by side; a column of lists is several."""
    found = []
    for at, (name, column) in enumerate(columns):
        if name.lower() in TARGET_NAMES:
            notes.append(f"column {shown(name)} is a target by its name: no coordinate")
            continue
        values = _numbers(name, column)
        if values.ndim == 1 and is_index(name, values):
            notes.append(f"column {at + 1} ({shown(name)}) numbers the rows: an index, no coordinate")
            continue
        if values.ndim == 1 and in_equal_steps(values):
            notes.append(steady(name))
        found.append(values.reshape(len(values), -1))
    if not found:
        return np.empty((0, 0))
    sizes = {len(values) for values in found}
    if len(sizes) > 1:
        raise RecipeError(f"columns of X have {' and '.join(map(str, sorted(sizes)))} entries: expected one length")
    return np.hstack(found)


def _numbers(name: str, column: Any) -> np.ndarray[Any, Any]:
    """A column as float64, nan where nothing stands; RecipeError naming one that is no numbers."""
    kind = str(getattr(column, "dtype", getattr(column, "type", ""))).lower()
    if kind.startswith(("datetime", "timedelta", "period", "timestamp", "date", "duration")):
        raise RecipeError(
            f"column {shown(name)} of X holds dates: expected numbers; leave it out, or encode it as numbers"
        )
    try:
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan), np.float64)  # pandas
    except (AttributeError, TypeError, ValueError):
        pass
    try:
        values = _of_objects(np.asarray(column))
        if values.dtype.kind not in "fiub" or values.ndim == 0:
            raise ValueError(f"{values.dtype}")
    except ValueError:
        raise RecipeError(
            f"column {shown(name)} of X holds words: expected numbers; leave it out, or encode it as numbers"
        ) from None
    return values.astype(np.float64)


def _of_objects(table: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Numbers kept as objects, or rows kept as lists, as one array of numbers; what is neither stays as it is."""
    if table.dtype.kind != "O":
        return table
    if table.ndim == 1 and len(table) and all(isinstance(row, list | tuple | np.ndarray) for row in table):
        return np.stack([np.asarray(row) for row in table])
    if all(v is None or isinstance(v, numbers.Real | Decimal | np.bool_) for v in table.flat):
        return np.array([np.nan if v is None else float(v) for v in table.flat]).reshape(table.shape)
    return table
