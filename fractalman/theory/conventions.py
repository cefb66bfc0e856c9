"""The conventions that the harness's learners state, said once more for theory: scaling, length, validation, grids.

Theory makes a learner's weights itself and imports none of its code; the tests compare the two, number by number.
"""

from __future__ import annotations

import numpy as np

from fractalman._typing import F64, I64, AnyFloat
from fractalman.kernels import distances
from fractalman.random.streams import Role, draws, key64, normals, permutation

KERNEL_RIDGES: tuple[float, ...] = (1e-10, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Kernel ridges, in units of the mean of K(x, x) over the training points."""
LINEAR_RIDGES: tuple[float, ...] = tuple(10.0**power for power in range(-12, 4))
"""Linear ridges, in units of n × the mean square of a coordinate."""

NEIGHBOURS: tuple[int, ...] = (1, 2, 3, 5, 8, 12, 20, 32, 50, 80, 128)
"""Numbers of neighbours that k-nn tries."""

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


def random_projections(key: int, d: int, features: int) -> tuple[F64, F64]:
    """Return (W (d, k), b (k,)), the fixed weights of a learner's random features: standard normal, by address."""
    table = np.array([normals(key64(key, Role.INITIALISATION, 1, j), d + 1) for j in range(features)])
    return np.ascontiguousarray(table[:, :d].T), table[:, d].copy()
