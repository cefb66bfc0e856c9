"""What is lost downstream where reconstructions take the points' place: by a readout of labels, or by anything.

As for autoencoders of language models: the loss at the points, at their reconstructions, and where every point is
replaced by the mean one, which says nothing. `LabelLoss.kept` is the part of the way from the last to the first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman._typing import F64, AnyFloat
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.measure.recovery.arrays import checked_seed
from fractalman.random.keys import Role, key64
from fractalman.random.streams import permutation

LEAST_POINTS = 16
"""From which a readout is fitted."""
_RIDGES = np.logspace(-8.0, 3.0, 23)  # penalties tried, in mean eigenvalues


@dataclass(frozen=True)
class LabelLoss(Display):
    """Loss downstream of points, of their reconstructions, and of their mean.

    Parameters
    ----------
    points, reconstructed, mean : float
        Losses; of the readout of labels in units of what the best constant has.
    """

    points: float
    reconstructed: float
    mean: float

    @property
    def kept(self) -> float:
        """(mean − reconstructed) / (mean − points): 1 = nothing is lost, 0 = all; nan where points tell nothing."""
        whole = self.mean - self.points
        return (self.mean - self.reconstructed) / whole if whole > 1e-9 * abs(self.mean) else float("nan")

    def __repr__(self) -> str:
        return (
            f"LabelLoss: {self.points:.4g} at the points, {self.reconstructed:.4g} at reconstructions, {self.mean:.4g} "
            f"at their mean; {self.kept:.3f} kept"
        )


def label_loss(
    X: AnyFloat,
    reconstructed: AnyFloat,
    y: AnyFloat | None = None,
    *,
    classes: int = 0,
    downstream: Callable[[Any], Any] | None = None,
    seed: int = 0,
) -> LabelLoss:
    """Return what reconstructions cost downstream.

    Parameters
    ----------
    X, reconstructed : (n, d) float
        Points, and what a dictionary makes of them.
    y : (n,) float, optional
        Labels, for the readout: linear, fitted to half of the points with its penalty chosen by leaving one out, and
        tried on the other half, at points and at their reconstructions. Not needed with ``downstream``.
    classes : int, default 0
        Number of classes that y counts from 0; 0 = values.
    downstream : callable, optional
        (n, d) float32 points → their loss, a number; in place of the readout.
    seed : int, default 0
        Of the halves.

    Returns
    -------
    LabelLoss

    Raises
    ------
    RecipeError
        For shapes that do not fit, fewer than 16 points for a readout, and losses that are no finite numbers.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((400, 3))
    >>> found = label_loss(X, X * [1.0, 0.0, 1.0], X[:, 0])  # the dictionary misses what the label does not need
    >>> round(found.kept, 6)
    1.0
    >>> abs(label_loss(X, X * [0.0, 1.0, 1.0], X[:, 0]).kept) < 0.05  # the label is what it misses
    True
    """
    points, made = np.asarray(X, np.float64), np.asarray(reconstructed, np.float64)
    if points.ndim != 2 or points.shape != made.shape:
        raise RecipeError(f"reconstructed of shape {made.shape}: expected {points.shape}, that of X")
    if downstream is not None:
        centre = np.broadcast_to(points.mean(axis=0), points.shape)
        return LabelLoss(*(_loss(downstream, np.asarray(x, np.float32)) for x in (points, made, centre)))
    labels = np.asarray(y, np.float64)
    if labels.shape != (len(points),) or not np.isfinite(labels).all() or len(points) < LEAST_POINTS:
        raise RecipeError(
            f"y of shape {labels.shape}: expected finite numbers, one for each of {LEAST_POINTS} points or more"
        )
    target = np.eye(classes)[labels.astype(np.int64)] if classes else labels[:, None]
    order = permutation(key64(checked_seed(seed), Role.MEASUREMENT, 5), len(points))
    fit, rest = order[: len(points) // 2], order[len(points) // 2 :]
    weights, middle, constant = _readout(points[fit], target[fit])

    def risk(x: F64) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            return float(np.square(target[rest] - constant - (x[rest] - middle) @ weights).sum())

    nothing = float(np.square(target[rest] - target[rest].mean(axis=0)).sum())
    if nothing == 0.0:
        return LabelLoss(0.0, 0.0, 0.0)
    return LabelLoss(risk(points) / nothing, risk(made) / nothing, 1.0)


def _loss(downstream: Callable[[Any], Any], X: AnyFloat) -> float:
    try:
        value = float(downstream(X))
    except Exception as error:
        raise RecipeError(
            f"downstream: expected a function from points to their loss, a number; it raised {type(error).__name__}: "
            f"{error}"
        ) from error
    if not np.isfinite(value):
        raise RecipeError(f"downstream gave {value}: expected a finite loss")
    return value


def _readout(X: F64, target: F64) -> tuple[F64, F64, F64]:
    """Ridge regression, its penalty by leaving one point out: weights (d, C), mean point and mean target."""
    middle, constant = X.mean(axis=0), target.mean(axis=0)
    left, size, right = np.linalg.svd(X - middle, full_matrices=False)
    inside = left.T @ (target - constant)
    best, weights = np.inf, np.zeros((X.shape[1], target.shape[1]))
    scale = float(np.square(size).mean())
    if scale == 0.0:
        return weights, middle, constant
    for ridge in _RIDGES * scale:
        shrink = size**2 / (size**2 + ridge)
        lever = np.square(left) @ shrink + 1.0 / len(X)
        error = (target - constant - left @ (shrink[:, None] * inside)) / np.maximum(1e-9, 1.0 - lever)[:, None]
        if np.square(error).sum() < best:
            best = float(np.square(error).sum())
            weights = right.T @ ((size / (size**2 + ridge))[:, None] * inside)
    return weights, middle, constant
