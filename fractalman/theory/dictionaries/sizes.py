"""How many features of every size there are, in expectation: the law of firing rates, exactly.

A subcluster of k of n points is a feature that fires at k/n of them. docs/theory.md §8.
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._typing import F64
from fractalman.config import is_integer, shown
from fractalman.errors import RecipeError

_NODES = 200
_MOST = 1 << 20
_REACH = 24.0  # of the integrand, in widths 1/√k
_ROWS = 4096


def cluster_features(n_points: int) -> F64:
    """Return the expected number of subclusters of every size of a critical mean-field cluster.

    Parameters
    ----------
    n_points : int
        N, of the cluster; its latents are the N − 1 subclusters of 2 points or more.

    Returns
    -------
    (N + 1,) float64
        Entry k: expected number of subclusters of k points; N single points.

    Raises
    ------
    RecipeError
        For a number of points out of range.

    Notes
    -----
    Source: docs/theory.md §8.

    Exact. A connected part of k points with b edges to the outside appears in the order of cuts where all b are cut
    before any of its k − 1 inner ones; summed over all labelled trees, with t the time of the first inner cut,
    E n_k = C(N, k) k^(k−2) N^(2−N) ∫ (k − 1)(1 − t)^(k−2) kt (N − k + kt)^(N−k−1) dt over [0, 1].
    For 1 ≪ k ≪ N it is N k^(−3/2)/√(2π) · (1 + √(π/(2k)) + …), so that the r-th largest share is p_r = (2N/π) r^−2 for
    √N ≪ r: ζ = 2, and what w units leave out, Σ p_r over r > w, is 2N/(πw). The first √N features or so hold more than
    a few per cent of the points each and follow no power.

    Examples
    --------
    >>> sizes = cluster_features(1000)
    >>> round(float(sizes[2:].sum()), 6), sizes[2:4].round(3).tolist()
    (999.0, [283.902, 138.845])
    """
    from scipy.special import gammaln

    N = _checked_points(n_points)
    out = np.zeros(N + 1)
    out[1], out[N] = N, 1.0
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    for begin in range(2, N, _ROWS):
        k = np.arange(begin, min(N, begin + _ROWS), dtype=np.float64)[:, None]
        top = np.minimum(1.0, _REACH / np.sqrt(k))
        t = top * (nodes + 1.0) / 2.0
        log = (
            gammaln(N + 1) - gammaln(k + 1) - gammaln(N - k + 1) + (k - 2) * np.log(k) + (2 - N) * math.log(N)
            + np.log(k - 1) + (k - 2) * np.log1p(-t) + np.log(k * t) + (N - k - 1) * np.log(N - k + k * t)
        )  # fmt: skip
        out[begin : begin + k.size] = (np.exp(log) * (weights * top / 2.0)).sum(axis=1)
    return out


def cascade_features(branching: int, n_points: int) -> F64:
    """Return the expected number of latents of every size of a regular cascade's points, chains of one child joined.

    Parameters
    ----------
    branching : int
        b ≥ 2, children of every cell, of equal mass.
    n_points : int
        n, drawn independently.

    Returns
    -------
    (n + 1,) float64
        Entry k: expected number of latents of k ≥ 2 points.

    Raises
    ------
    RecipeError
        For numbers out of range.

    Notes
    -----
    Source: docs/theory.md §8.

    Exact: a cell of level l holds k points with the probability of Binomial(n, b^−l), and is a latent of its own where
    they are not all in one child, 1 − b^(1−k). Summed over levels until b^l exceeds n² by far. The number of latents of
    k points or more falls as n/k: ζ = 1.

    Examples
    --------
    >>> cascade_features(2, 3).round(6).tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    from scipy.stats import binom

    n = _checked_points(n_points)
    if not is_integer(branching) or not 2 <= int(branching) <= 1 << 20:
        raise RecipeError(f"branching = {shown(branching)}: expected a whole number from 2 to {1 << 20}")
    b = float(branching)
    k = np.arange(n + 1)
    out = np.zeros(n + 1)
    for level in range(math.ceil((2 * math.log(n + 1) + 40.0) / math.log(b))):
        out += b**level * binom.pmf(k, n, b**-level)
    own = np.zeros(n + 1)
    own[2:] = -np.expm1((1.0 - k[2:]) * math.log(b))
    return np.asarray(out * own)


def _checked_points(n_points: int) -> int:
    if not is_integer(n_points) or not 2 <= int(n_points) <= _MOST:
        raise RecipeError(f"n_points = {shown(n_points)}: expected a whole number from 2 to {_MOST}")
    return int(n_points)
