"""The conventions that learners and theory share: how inputs are scaled, what validates, which settings are tried.

A convention is a decision that could have been another, and that a computed curve and a measured one must both follow;
so it exists once. What is computed under it, the algebra, is written twice, in `fractalman.learners` and in
`fractalman.theory`, and tests compare the two number by number.
"""

from __future__ import annotations

import numpy as np

from fractalman._typing import F64, I64, AnyFloat
from fractalman.kernels import distances
from fractalman.random.streams import Role, draws, key64, normals, permutation

KERNEL_RIDGES: tuple[float, ...] = (1e-10, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Kernel ridges that are tried, in units of the mean of K(x, x) over the training points; ties to the smaller."""
LINEAR_RIDGES: tuple[float, ...] = tuple(10.0**power for power in range(-12, 4))
"""Linear ridges that are tried, in units of n × the mean square of a coordinate; ties to the larger."""
LOGISTIC_RIDGES: tuple[float, ...] = tuple(10.0**power for power in range(-7, 2))
"""Ridges of logistic regression that are tried, in units of the mean square of a coordinate; ties to the larger."""
NEIGHBOURS: tuple[int, ...] = (1, 2, 3, 5, 8, 12, 20, 32, 50, 80, 128)
"""Numbers of neighbours that are tried; ties to the smaller."""
ZERO_ONE, CROSS_ENTROPY = "0-1", "cross-entropy"
"""What an answer about classes costs: a share of wrong answers, or the mean −ln(probability of the class) in nats."""
CLASS_MIDDLE = 0.5 + 1e-9
"""Of classes 0 and 1 a prediction above it answers 1: a vote that ends in a tie answers 0, whatever was rounded."""
VALIDATION_FRACTION = 0.2
"""Part of the training set on which a setting is chosen."""

_ALL_PAIRS = 1024
_SAMPLED_PAIRS = 1 << 18
_BLOCK = 512  # pairs at once: their points stay in cache


def root_mean_square(centred: F64) -> float:
    """Return the root mean square of centred numbers, 1 where they are all 0.

    Parameters
    ----------
    centred : float64, any shape
        Numbers whose mean was subtracted.

    Returns
    -------
    float
        Above 0; squares neither overflow nor underflow.
    """
    peak = float(np.abs(centred).max(initial=0.0))
    return peak * float(np.sqrt(np.mean(np.square(centred / peak)))) if peak > 0.0 else 1.0


def input_scale(X_train: AnyFloat) -> tuple[F64, float]:
    """Return the centre and the one scalar that inputs are centred and divided by, so that |x|² ≈ d.

    Never one scalar per coordinate: that would change who is near whom.

    Parameters
    ----------
    X_train : (n, d) floats
        Training inputs; test inputs are never looked at.

    Returns
    -------
    centre : (d,) float64
    scale : float
        Root mean square of the centred training coordinates, 1 where all points are one.
    """
    X = np.asarray(X_train, np.float64)
    centre = X.mean(axis=0)
    return centre, root_mean_square(X - centre)


def scaled_inputs(X_train: AnyFloat, X_test: AnyFloat) -> tuple[F64, F64]:
    """Return training and test inputs on the scale of the training inputs.

    Parameters
    ----------
    X_train : (n, d) floats
    X_test : (t, d) floats

    Returns
    -------
    (n, d) float64, (t, d) float64
        Centred and divided as `input_scale` says.
    """
    centre, scale = input_scale(X_train)
    return (np.asarray(X_train, np.float64) - centre) / scale, (np.asarray(X_test, np.float64) - centre) / scale


def median_distance(X: F64, key: int) -> float:
    """Return the median distance of two different training points: the length of a kernel that has one.

    Parameters
    ----------
    X : (n, d) float64
        Training inputs.
    key : int
        The problem's key; beyond n = 1024 the median is over 2^18 addressed random pairs instead of all.

    Returns
    -------
    float
        In the unit of X; 1 where the median is 0 or there is one point.
    """
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
        for start in range(0, r.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            step = X.take(first[part], axis=0)
            step -= X.take(second[part], axis=0)
            r[part] = np.sqrt(np.einsum("ij,ij->i", step, step))
    return float(np.median(r)) or 1.0


def validation_split(key: int, n: int) -> tuple[I64, I64]:
    """Return which training points fit and which validate, a pure function of key and n.

    Parameters
    ----------
    key : int
        The problem's key.
    n : int
        Number of training points.

    Returns
    -------
    fit, held : (n − h,) int64, (h,) int64
        Disjoint, together 0 … n − 1; from n = 2 on at least one point validates.
    """
    order = permutation(key64(key, Role.VALIDATION), n)
    held = max(1, round(VALIDATION_FRACTION * n)) if n > 1 else 0
    return order[held:].copy(), order[:held].copy()


def random_projections(key: int, d: int, features: int) -> tuple[F64, F64]:
    """Return the fixed standard normal weights of a learner's random features, by address.

    Parameters
    ----------
    key : int
        The problem's key.
    d : int
        Number of inputs.
    features : int
        Number k of features; more features contain fewer.

    Returns
    -------
    W, b : (d, k) float64, (k,) float64
    """
    table = np.array([normals(key64(key, Role.INITIALISATION, 1, j), d + 1) for j in range(features)])
    return np.ascontiguousarray(table[:, :d].T), table[:, d].copy()
