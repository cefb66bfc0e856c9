"""Labels of what varies together: any labels become numbers 0, 1, …, and a missing one is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fractalman._typing import F64, I64
from fractalman.errors import FitError
from fractalman.measure.cells import is_missing

_ALIKE = 0.02  # sizes that differ by so little, relatively, are one size
_WIDEST = 0.1


def group_numbers(groups: ArrayLike, rows: int) -> I64:
    """Return a number 0, 1, … for each label; FitError naming the row whose label is missing.

    Parameters
    ----------
    groups : (rows,) array_like
        Numbers, text, booleans, categories; nan, None, pandas' NA, an empty text and masked entries are no labels.
    rows : int
        How many are expected.
    """
    mask = np.ma.getmaskarray(groups) if isinstance(groups, np.ma.MaskedArray) else None
    labels: list[Any] = list(np.asarray(groups, dtype=object).ravel())
    if np.ndim(groups) != 1 or len(labels) != rows:
        raise FitError(f"groups has shape {np.shape(groups)}: expected one label for each of {rows} rows")
    for row, label in enumerate(labels):
        if is_missing(label) or (mask is not None and mask[row]):
            raise FitError(
                f"groups: the label of row {row} is missing ({label}); expected one in every row; give that row a "
                "label, or leave it out"
            )
    number: dict[Any, int] = {}
    return np.array([number.setdefault(label, len(number)) for label in labels], np.int64)


def same_size(sizes: F64) -> I64:
    """Return a number 0, 1, … for each size; sizes within 2 % of each other, as read off a figure, are one."""
    distinct, of_row = np.unique(sizes, return_inverse=True)
    steps = np.diff(np.log(distinct)) > _ALIKE
    joined = np.concatenate([[0], np.cumsum(steps)])
    for group in range(int(joined[-1]) + 1):
        member = distinct[joined == group]
        if np.log(member[-1] / member[0]) > _WIDEST:  # a chain of neighbours is no size
            return np.asarray(of_row, np.int64)
    return np.asarray(joined[of_row], np.int64)
