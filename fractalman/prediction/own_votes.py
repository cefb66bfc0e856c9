"""0–1 risk of k neighbours on anybody's classes: their votes on parts of the points, each part asked about the rest.

What votes of several neighbours do depends on how labels go together in threes, fours and more, and no variogram says
that; the points themselves do, up to three quarters of them. k is the one that the learner takes, the best in squared
error of class shares on a fifth of the training points; the class with most votes answers, a tie the smallest.
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._typing import F64, I64
from fractalman.conventions import NEIGHBOURS, validation_split
from fractalman.prediction.curves import Curve
from fractalman.random.streams import Role, key64, permutation
from fractalman.theory import local_slope

_TESTED = 1024
_ORDERS, _MOST_ORDERS, _TRAINED = 4, 32, 4096
"""Training sets of every size at least and at most, and points in all of them: small ones differ more."""


def votes_with_chosen_neighbours(points: F64, labels: F64, sizes: I64, seed: int) -> tuple[F64, F64]:
    """Return shares of wrong answers at every training-set size, and their standard errors.

    Parameters
    ----------
    points : (N, d) float64
        The points.
    labels : (N,) float64
        Their classes, 0 … C − 1.
    sizes : (k,) int64
        Training points, at most three quarters of all.
    seed : int
        Orders them.

    Returns
    -------
    (k,) and (k,) float64
        The error is that of the points asked about or of the training sets, whichever is larger.
    """
    from scipy.spatial.distance import cdist

    classes = labels.astype(np.int64)
    shares = np.eye(int(classes.max()) + 1)[classes]
    counts = np.clip(_TRAINED // sizes, _ORDERS, _MOST_ORDERS)
    wrong = np.full((int(counts.max()), len(sizes)), np.nan)
    asked = min(_TESTED, len(points) // 4)
    for i in range(len(wrong)):
        order = permutation(key64(seed, Role.PREDICTION, 40 + i), len(points))
        test, mine = order[-asked:], np.flatnonzero(counts > i)
        far = cdist(points[test], points[order[: int(sizes[mine].max())]])
        for j in mine.tolist():
            train = order[: int(sizes[j])]
            fit, held = validation_split(key64(seed, Role.PREDICTION, 80 + i), len(train))
            k = 1
            if len(held):
                near = _nearest(cdist(points[train[held[:_TESTED]]], points[train[fit]]), NEIGHBOURS[-1])
                k = _best(shares[train[fit]], near, shares[train[held[:_TESTED]]])
            answers = _tallies(shares[train], _nearest(far[:, : len(train)], k))[:, -1].argmax(axis=1)
            wrong[i, j] = np.mean(answers != classes[test])
    risk, scatter = np.nanmean(wrong, axis=0), np.nanstd(wrong, axis=0, ddof=1)
    least = np.maximum(risk, 1.0 / (asked * counts))  # no wrong answer does not mean that there is none
    counted = np.sqrt(least * (1.0 - np.minimum(least, 1.0)) / np.minimum(asked * counts, len(points)))
    return risk, np.maximum(counted, scatter / np.sqrt(counts))


def slope_with_error(curve: Curve) -> tuple[float, float]:
    """Return the exponent of a curve of shares, least squares through its logarithms, and what counting leaves open.

    Parameters
    ----------
    curve : Curve
        Sizes at which the share is 0 are left out; nan with fewer than two others.
    """
    used = curve.risk > 0.0
    if used.sum() < 2:
        return math.nan, math.nan
    sizes, risk, error = curve.n[used], curve.risk[used], curve.standard_error[used]
    x = np.log(sizes) - np.log(sizes).mean()
    return local_slope(sizes, risk), math.sqrt(float(np.square(x / (x @ x) * error / risk).sum()))


def _nearest(far: F64, most: int) -> I64:
    """Columns of the nearest of every row, nearest first; ties to the smaller column."""
    count = min(most, far.shape[1])
    if count < far.shape[1] // 4:
        few = np.sort(np.argpartition(far, count - 1, axis=1)[:, :count], axis=1)
        return np.asarray(
            np.take_along_axis(few, np.argsort(np.take_along_axis(far, few, 1), axis=1, kind="stable"), 1)
        )
    return np.argsort(far, axis=1, kind="stable")[:, :count]


def _tallies(shares: F64, near: I64) -> F64:
    """Votes for every class of the first 1, 2, … of these neighbours, (rows, numbers, classes)."""
    return np.cumsum(shares[near], axis=1)


def _best(shares: F64, near: I64, true: F64) -> int:
    """The number of neighbours of the least squared error of shares, the smaller of two."""
    tallies = _tallies(shares, near)
    numbers = [k for k in NEIGHBOURS if k <= near.shape[1]]
    risks = [float(np.square(true - tallies[:, k - 1] / k).mean()) for k in numbers]
    return numbers[int(np.argmin(risks))]
