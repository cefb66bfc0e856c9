"""The conventions that the harness's learners state, said once more for theory: scaling, length, validation, ties.

Theory makes a learner's weights itself and imports none of its code; the tests compare the two, number by number.
"""

from __future__ import annotations

import numpy as np

from fractalman._arrays import F64, I64, AnyFloat
from fractalman.errors import RecipeError
from fractalman.kernels import distances
from fractalman.nearest import nearest
from fractalman.seeds import Role, draws, key64, permutation

KERNEL_RIDGES: tuple[float, ...] = (1e-10, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Kernel ridges, in units of the kernel at distance 0 (other kernels: of its mean over the training points)."""
LINEAR_RIDGES: tuple[float, ...] = tuple(10.0**power for power in range(-12, 4))
"""Linear ridges, in units of n × the mean square of a coordinate."""

_VALIDATION = 0.2
_ALL_PAIRS = 1024
_SAMPLED_PAIRS = 1 << 18


def scaled_inputs(X_train: AnyFloat, X_test: AnyFloat) -> tuple[F64, F64]:
    """Return training and test inputs centred by the training mean and divided by one scalar, float64."""
    X, Z = np.asarray(X_train, np.float64), np.asarray(X_test, np.float64)
    centre = X.mean(axis=0)
    centred = X - centre
    peak = float(np.abs(centred).max(initial=0.0))
    scale = peak * float(np.sqrt(np.mean(np.square(centred / peak)))) if peak > 0.0 else 1.0
    return centred / scale, (Z - centre) / scale


def median_distance(X: F64, key: int) -> float:
    """Return the median distance of two training points, 1 where it is 0; beyond n = 1024 of 2^18 addressed pairs."""
    n = X.shape[0]
    if n < 2:
        return 1.0
    if n <= _ALL_PAIRS:
        r = distances(X, X)[np.triu_indices(n, 1)]
    else:
        words = draws(key64(key, Role.VALIDATION, 1), 2 * _SAMPLED_PAIRS)
        first = (words[:_SAMPLED_PAIRS] % np.uint64(n)).astype(np.int64)
        second = (first + 1 + (words[_SAMPLED_PAIRS:] % np.uint64(n - 1)).astype(np.int64)) % n
        r = np.empty(_SAMPLED_PAIRS)
        for start in range(0, r.size, 1 << 14):
            part = slice(start, start + (1 << 14))
            r[part] = np.sqrt(np.square(X[first[part]] - X[second[part]]).sum(axis=1))
    return float(np.median(r)) or 1.0


def held_out(key: int, n: int) -> tuple[I64, I64]:
    """Return which of n training points fit and which a learner with this key validates on."""
    order = permutation(key64(key, Role.VALIDATION), n)
    held = max(1, round(_VALIDATION * n)) if n > 1 else 0
    return order[held:].copy(), order[:held].copy()


def nearest_neighbours(X_train: AnyFloat, X_test: AnyFloat, k: int) -> I64:
    """Return the k nearest training points of every test point, (t, k) int64, nearest first, ties to the smaller index.

    Errors: RecipeError for k outside 1 … n.
    """
    n = X_train.shape[0]
    if not 1 <= k <= n:
        raise RecipeError(f"k = {k!r} neighbours of {n} training points: allowed are 1 to {n}")
    if k == 1:
        return nearest(X_train, X_test)[:, None]
    out = np.empty((X_test.shape[0], k), np.int64)
    rows = max(1, (1 << 21) // n)
    for start in range(0, out.shape[0], rows):
        r = distances(X_test[start : start + rows], X_train)
        reach = np.partition(r, k - 1, axis=1)[:, k - 1]
        test, train = np.nonzero(r <= reach[:, None])
        order = np.lexsort((train, r[test, train], test))
        first = np.searchsorted(test, np.arange(r.shape[0]))  # nonzero lists row by row, and so does the order
        out[start : start + rows] = train[order][first[:, None] + np.arange(k)]
    return out
