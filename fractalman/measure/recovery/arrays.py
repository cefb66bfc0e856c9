"""Tables of numbers out of whatever holds them: arrays, tensors, sparse matrices, frames, lists; none is imported."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fractalman.config import is_integer, shown
from fractalman.errors import RecipeError

_SEEDS = 1 << 63


def numbers(name: str, values: Any) -> Any:
    """Return real numbers as an array, or as the sparse matrix that they are in.

    Parameters
    ----------
    name : str
        What they are, for messages.
    values : array, tensor, sparse matrix, frame or nested lists
        Wherever they lie; numbers of 16 bits are widened, sparse tensors filled.

    Raises
    ------
    RecipeError
        For complex numbers, texts, masked entries and rows of different lengths.

    Examples
    --------
    >>> numbers("codes", [[1, 0], [0, 2]]).dtype.kind
    'i'
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise RecipeError(f"{name} has masked entries: expected numbers; use {name}.filled(0)")
    given = values if isinstance(values, np.ndarray) else _on_this_machine(name, values)
    if hasattr(given, "tocsc"):
        return _real(name, given)
    try:
        array = np.asarray(given)
    except (ValueError, TypeError) as error:
        raise RecipeError(f"{name}: expected a table of numbers (rows, columns), found {error}") from None
    return _real(name, array)


def _on_this_machine(name: str, values: Any) -> Any:
    """A tensor in this machine's memory, without its gradient, filled, and no narrower than 32 bits."""
    given = values
    try:
        for step in ("detach", "cpu", "resolve_conj", "resolve_neg"):
            if hasattr(given, step):
                given = getattr(given, step)()
        if hasattr(given, "to_dense") and "strided" not in str(getattr(given, "layout", "strided")):
            given = given.to_dense()
        if hasattr(given, "todense") and not hasattr(given, "tocsc"):  # JAX's sparse arrays
            given = given.todense()
        if "bfloat16" in str(getattr(given, "dtype", "")):
            given = given.float() if hasattr(given, "float") else given.astype(np.float32)
    except (RuntimeError, NotImplementedError, TypeError) as error:
        raise RecipeError(f"{name}: expected a tensor whose numbers can be read; found {error}") from error
    return given


def _real(name: str, table: Any) -> Any:
    if table.dtype.kind == "O" and not hasattr(table, "tocsc"):
        try:
            return table.astype(np.float64)
        except (ValueError, TypeError):
            pass
    if table.dtype.kind not in "biuf":
        raise RecipeError(
            f"{name} of shape {table.shape}, type {table.dtype}: expected a table of real numbers (rows, columns)"
        )
    return table.astype(np.float32) if table.dtype == np.float16 else table


def checked_threshold(threshold: Any) -> float:
    """Return the code above which units fire: a finite number from 0 up."""
    try:
        number = math.nan if isinstance(threshold, (bool, str)) else float(threshold)
    except (TypeError, ValueError):
        number = math.nan
    if not 0.0 <= number < math.inf:
        raise RecipeError(f"threshold = {shown(threshold)}: expected a number of at least 0; use threshold=0.0")
    return number


def checked_seed(seed: Any) -> int:
    """Return the seed of chance levels."""
    if not is_integer(seed) or not 0 <= int(seed) < _SEEDS:
        raise RecipeError(f"seed = {shown(seed)}: expected a whole number from 0 to below {_SEEDS}")
    return int(seed)
