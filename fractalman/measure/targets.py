"""Targets as people have them: numbers, truth values, words; what is wrong with one does not take the points down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fractalman._typing import F64
from fractalman.errors import RecipeError
from fractalman.measure.cells import is_missing


class TargetError(RecipeError):
    """A target that cannot be used, beside points that can.

    Parameters
    ----------
    message : what is wrong.
    points : the same file's `UserPoints`, without a target.
    """

    def __init__(self, message: str, points: Any) -> None:
        super().__init__(message)
        self.points = points


def as_target(file: Path | str, name: str, y: Any, n: int) -> tuple[F64, tuple[str, ...] | None]:
    """Return labels as numbers and what these stand for where they were words or truth values."""
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2 and len(values) == n and values.dtype.kind in "fiub" and _one_hot(values):
        return values.argmax(axis=1).astype(np.float64), tuple(f"column {k}" for k in range(values.shape[1]))
    if values.ndim != 1 or len(values) != n or values.dtype.kind not in "fiubOUS":
        raise RecipeError(f"{file}: {name} is {values.dtype} of shape {values.shape}: expected {n} numbers or classes")
    if values.dtype.kind == "b":
        return values.astype(np.float64), ("False", "True")
    if values.dtype.kind in "fiu":
        return values.astype(np.float64), None
    words = [entry.decode("utf-8", "replace") if isinstance(entry, bytes) else entry for entry in values.tolist()]
    missing = [i for i, word in enumerate(words) if is_missing(word)]
    if missing:
        raise RecipeError(
            f"{file}: {name} is missing in {len(missing)} of {n} rows (the first is row {missing[0]}, counted from 0)"
        )
    if all(isinstance(word, bool | int | float) for word in words):
        return np.array(words, np.float64), None
    plain = [str(word).strip() for word in words]  # " yes" and "yes " are one class, as in a table of text
    names = sorted(set(plain))
    number = {word: float(i) for i, word in enumerate(names)}
    return np.array([number[word] for word in plain]), tuple(names)


def _one_hot(values: np.ndarray[Any, Any]) -> bool:
    """Whether every row is 0 but for a single 1."""
    return bool(((values == 0) | (values == 1)).all() and (values.sum(axis=1) == 1).all())
