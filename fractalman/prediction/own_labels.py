"""Labels as people pass them: numbers or classes, and classes as columns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fractalman._typing import F64
from fractalman.config import shown
from fractalman.errors import FitError, RecipeError
from fractalman.measure.targets import as_target


def numbers_of(y: Any, classes: bool | None) -> tuple[ArrayLike, bool]:
    """Return labels as numbers, and whether they are classes; masked labels stay masked."""
    if hasattr(y, "detach"):
        y = y.detach().cpu()
        y = (y.float() if "bfloat16" in str(y.dtype) else y).numpy()
    if np.ma.isMaskedArray(y):
        mask = np.ma.getmaskarray(y).ravel()
        numbers, found = numbers_of(np.ma.getdata(y).ravel()[~mask], classes)
        whole = np.zeros(len(mask))
        whole[~mask] = np.asarray(numbers)
        return np.ma.masked_array(whole, mask), found
    values = np.asarray(y)
    if values.ndim == 0:
        raise RecipeError(f"y = {shown(y)}: expected (n,) labels, one for each row of X")
    if values.dtype.kind in "OUS" or str(getattr(y, "dtype", "")) == "category":
        coded, names = as_target("y", "the target", np.asarray(values, object), len(values))
        return coded, names is not None if classes is None else classes
    if values.ndim == 2 and values.shape[1] > 1 and np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all():
        raise RecipeError(
            f"y is a one-hot table of {values.shape[1]} classes: expected one class a row; use y.argmax(axis=1)"
        )
    if classes is not None:
        return values, classes
    if values.dtype.kind == "b":
        return values.astype(np.float64), True
    if values.dtype.kind not in "iuf":
        return values, False
    distinct, counts = np.unique(values, return_counts=True)
    integers = bool(np.isfinite(distinct).all() and (distinct == np.rint(distinct)).all())
    return values, integers and 2 <= len(distinct) <= 32 and int(counts.min()) >= 8


def check_classes(labels: F64) -> None:
    """Refuse one class, and words of which nearly every point has its own."""
    count = len(np.unique(labels))
    if count == 1:
        raise FitError("all labels are one class: expected two or more, a constant has nothing to learn")
    if 2 * count > len(labels):
        raise FitError(
            f"the target has {count} different words on {len(labels)} points, names rather than classes: expected "
            "classes that several points share; use another target"
        )


def one_hot(labels: F64, classes: int) -> F64:
    """Columns of which the spectrum takes the mean: their squared errors then sum to twice the risk."""
    return np.asarray((labels[:, None] == np.arange(classes)) * math.sqrt(0.5 * classes), np.float64)
