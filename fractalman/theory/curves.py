"""Finite-size curves from geometry alone: a cascade's annealed 1-NN risk, the nearest neighbour on a critical tree.

Symbols: k = a node's number of children, r = contraction, H = Hurst exponent, L = levels, n = training points,
μ_l = Π_{j<l} 1/k_j = mass of the cell of level l around a test point, x = −ln μ_l.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fractalman._typing import F64, I64, AnyFloat
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.theory.exponents import grouped

BEYOND = 40.0  # a cell with n·μ < e^−40 holds no training point to the last digit: (1−μ)^n = 1
_EXACT_NUMBERS = 3  # so many distinct branching numbers above 1 are enumerated, more are put on a grid
_GRID = 16384
_STENCIL = 8


# ---------------------------------------------------------------------------------------------------- empty cells


def _empty(x: F64, n: F64) -> F64:
    """Return (1 − e^−x)^n for every size (rows) and every x ≥ 0 (columns); 0^0 = 1."""
    with np.errstate(divide="ignore"):
        log_empty = np.log(-np.expm1(-np.maximum(x, 0.0)))
    finite = np.maximum(log_empty, -1e250)  # times any n still finite
    return np.asarray(np.exp(n[:, None] * finite[None, :]), np.float64)


def binomial_law(trials: int, p: float, longest: int) -> F64:
    """Return P(Binomial(trials, p) = j) for j = 0 … longest."""
    from scipy.special import gammaln, xlog1py, xlogy

    j = np.arange(min(trials, longest) + 1, dtype=np.float64)
    log_law = gammaln(trials + 1.0) - gammaln(j + 1.0) - gammaln(trials - j + 1.0)
    out = np.zeros(longest + 1)
    out[: j.size] = np.exp(log_law + xlogy(j, p) + xlog1py(trials - j, -p))
    return out


def exact_means(log_k: F64, probability: F64, steps: int, reach: float, n: F64, last: F64 | None = None) -> F64:
    """Return E (1−μ)^n after 0 … steps branchings by enumerating how often every number came up; (sizes, steps + 1).

    Only cells with x < reach are kept; the others have (1−μ)^n = 1. ``last`` are the probabilities of one more
    branching after those; None = there is none.
    """
    after, chance = _last_branching(log_k, last)
    out = np.ones((n.size, steps + 1))
    out[:, 0] = _empty(after, n) @ chance
    counts: I64 = np.zeros((1, log_k.size), np.int64)
    mass: F64 = np.ones(1)
    for step in range(1, steps + 1):
        # One more branching: every count vector grows in every direction, equal ones merge.
        grown = (counts[:, None, :] + np.eye(log_k.size, dtype=np.int64)[None, :, :]).reshape(-1, log_k.size)
        weight = (mass[:, None] * probability[None, :]).ravel()
        x = grown @ log_k
        grown, weight = grown[x < reach], weight[x < reach]
        if weight.size == 0:
            break
        code = grown @ np.array([(steps + 1) ** place for place in range(log_k.size)], np.int64)
        _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
        counts, mass = grown[first], np.asarray(np.bincount(inverse.ravel(), weights=weight), np.float64)
        x = counts @ log_k
        seen = sum(c * (_empty(x + extra, n) @ mass) for extra, c in zip(after, chance, strict=True))
        out[:, step] = seen + max(0.0, 1.0 - float(mass.sum()))
    return out


def _last_branching(log_k: F64, last: F64 | None) -> tuple[F64, F64]:
    """Return the steps in x of the last branching and their probabilities: (0) and (1) for none."""
    return (np.zeros(1), np.ones(1)) if last is None else (log_k, last)


def gridded_means(log_k: F64, probability: F64, steps: int, reach: float, n: F64, last: F64 | None = None) -> F64:
    """Return the same as `exact_means` with the law of ln k placed on a grid by Lagrange weights.

    The weights keep the first eight moments of a step, so a branching errs by O(h^8): below 1e-11 in all.
    """
    h = reach / _GRID
    step_law = np.zeros(math.ceil(float(log_k.max()) / h) + _STENCIL)
    offsets = np.arange(_STENCIL) - (_STENCIL // 2 - 1)
    for value, weight in zip(log_k, probability, strict=True):
        base = math.floor(value / h)
        t = value / h - base
        for a in offsets:
            others = offsets[offsets != a]
            step_law[base + a] += weight * float(np.prod((t - others) / (a - others)))
    padded = 1 << (_GRID + step_law.size - 1).bit_length()  # long enough that nothing wraps around
    step_wave = np.fft.rfft(step_law, padded)
    after, chance = _last_branching(log_k, last)
    grid = np.asarray(h * np.arange(_GRID), np.float64)
    values = np.asarray(sum(c * _empty(grid + extra, n) for extra, c in zip(after, chance, strict=True)), np.float64)
    out = np.ones((n.size, steps + 1))
    out[:, 0] = values[:, 0]
    law = np.zeros(_GRID)
    law[0] = 1.0
    for step in range(1, steps + 1):
        law = np.fft.irfft(np.fft.rfft(law, padded) * step_wave, padded)[:_GRID]
        kept = float(law.sum())
        if kept < 1e-15:
            break
        out[:, step] = values @ law + (1.0 - kept)
    return out


def empty_cell_probabilities(branching: Sequence[int] | int, depth: int, n: AnyFloat | I64 | Sequence[int]) -> F64:
    """Return E(1−μ_l)^n, the probability that the level-l cell around a test point holds none of n training points.

    Parameters
    ----------
    branching : int or sequence of int
        Equally likely numbers of children k ≥ 1.
    depth : int
        Number of levels, L ≥ 1.
    n : (sizes,) array or sequence of float
        Training-set sizes ≥ 0.

    Returns
    -------
    (sizes, L) float64
        Column l − 1 for level l = 1 … L. Up to three distinct numbers above 1 are enumerated (absolute error below
        1e-12), more are put on a grid of ln k (below 1e-10).

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §3.1.

    Examples
    --------
    >>> empty_cell_probabilities(2, 3, [0, 1, 8]).round(4).tolist()
    [[1.0, 1.0, 1.0], [0.5, 0.75, 0.875], [0.0039, 0.1001, 0.3436]]
    """
    sizes = np.atleast_1d(np.asarray(n, np.float64))
    if sizes.ndim != 1 or (sizes.size and not (sizes.min() >= 0 and np.isfinite(sizes).all())):
        raise RecipeError("n: expected finite training-set sizes of at least 0")
    if int(depth) != depth or depth < 1:
        raise RecipeError(f"depth = {shown(depth)}: expected an integer of at least 1")
    numbers, probability = grouped(branching)
    proper = numbers > 1
    share = float(probability[proper].sum())  # a node with one child leaves the mass as it is
    log_k, conditional = np.log(numbers[proper]), probability[proper] / share
    reach = math.log(max(2.0, float(sizes.max(initial=0.0)))) + BEYOND
    steps = min(int(depth), math.ceil(reach / float(log_k.min())))
    means = exact_means if log_k.size <= _EXACT_NUMBERS else gridded_means
    by_branchings = means(log_k, conditional, steps, reach, sizes)
    if share == 1.0:
        out = np.ones((sizes.size, int(depth)))
        out[:, :steps] = by_branchings[:, 1:]
        return out
    mixing = np.stack([binomial_law(level, share, steps) for level in range(1, int(depth) + 1)])
    mixed = by_branchings @ mixing.T
    return np.asarray(mixed + np.maximum(0.0, 1.0 - mixing.sum(axis=1))[None, :], np.float64)


# ---------------------------------------------------------------------------------------------------- cascade


def cascade_curve(
    branching: Sequence[int] | int,
    contraction: float,
    hurst: float,
    depth: int,
    n: AnyFloat | I64 | Sequence[int],
) -> F64:
    """Return the exact annealed 1-NN risk of a cascade: 2/norm² Σ_{l=1..L} r^(2Hl) E(1−μ_l)^n.

    The neighbour is the training point that shares most levels (the limit d → ∞), the average runs over the family.

    Parameters
    ----------
    branching : int or sequence of int
        Equally likely numbers of children k ≥ 1.
    contraction : float
        Ratio of contraction, r, 0 < r < 1.
    hurst : float
        Hurst exponent, H > 0.
    depth : int
        L, levels below the root.
    n : (sizes,) array or sequence of float
        Training-set sizes ≥ 0; 0 gives the risk of an independent answer.

    Returns
    -------
    (sizes,) float64
        In units of the label's prior variance, norm² = Σ_{l=0..L} r^(2Hl).

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §3.1.

    Examples
    --------
    >>> cascade_curve([2, 3], 0.5, 0.5, 8, [1, 10, 100]).round(4).tolist()
    [0.7344, 0.2092, 0.0354]
    """
    if not 0.0 < contraction < 1.0 or not hurst > 0.0:
        raise RecipeError(
            f"contraction = {shown(contraction)}, hurst = {shown(hurst)}: expected 0 < contraction < 1 and hurst > 0"
        )
    empty = empty_cell_probabilities(branching, depth, n)
    weight = np.exp(2.0 * hurst * math.log(contraction) * np.arange(int(depth) + 1))
    return np.asarray(2.0 / weight.sum() * (empty @ weight[1:]), np.float64)


def local_slope(n: Sequence[float] | AnyFloat | I64, risk: AnyFloat) -> float:
    """Return the exponent that a straight line through (ln n, ln risk) gives: what a fit over those sizes should find.

    Parameters
    ----------
    n : (sizes ≥ 2,) array or sequence of float
        Training-set sizes > 0.
    risk : (sizes,) float array
        Risks > 0.

    Returns
    -------
    float
        Minus the least-squares slope.

    Examples
    --------
    >>> import numpy as np
    >>> round(local_slope([10, 100, 1000], np.array([1.0, 0.1, 0.01])), 6)
    1.0
    """
    x = np.log(np.asarray(n, np.float64))
    y = np.log(np.asarray(risk, np.float64))
    x = x - x.mean()
    return -float(x @ y / (x @ x))


# ---------------------------------------------------------------------------------------------------- critical tree


def nearest_distance_law(fraction: float) -> F64:
    """Return P(graph distance from a test point to its nearest training point > g) on the infinite critical tree.

    Every vertex but the test point is a training point with probability ``fraction`` = n/N. A critical Poisson tree
    shows none down to depth k with probability f_k(s), s = 1 − n/N, f_0 = s, f_k = s·e^(f_{k−1} − 1); an infinite one
    seen from a random vertex is a spine of such trees, so P(> g) = (1/s) Π_{k≤g} f_k(s).

    Parameters
    ----------
    fraction : float
        n/N, 1e-12 ≤ n/N ≤ 1.

    Returns
    -------
    (G,) float64
        Entry g; entry 0 is 1, cut where it falls below 1e-18. Its sum is the mean distance and minus its differences
        are the probabilities.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §4 (Kesten's tree).

    Examples
    --------
    >>> nearest_distance_law(0.5)[:3].round(4).tolist()
    [1.0, 0.3033, 0.0755]
    """
    if not 1e-12 <= fraction <= 1.0:
        raise RecipeError(f"fraction = {shown(fraction)}: expected n/N from 1e-12 to 1")
    log_seen = math.log1p(-fraction) if fraction < 1.0 else -math.inf
    out, survival, gap = [], 1.0, fraction  # gap = 1 − f_k: f_k comes within 1e-6 of 1, its distance keeps its digits
    while survival > 1e-18:
        out.append(survival)
        gap = -math.expm1(log_seen - gap)
        survival *= 1.0 - gap
    return np.array(out)


def brownian_one_nn_risk(n: AnyFloat | I64 | Sequence[int], n_points: int) -> F64:
    """Return the 1-NN risk of Brownian labels on a critical cluster, 1 ≪ n ≪ N: E[distance]·E[1/norm²].

    One edge contributes one step of variance 1, so the variogram at distance ℓ is ℓ/norm² with norm² the mean number of
    points on a path to the root, 2√N·A, A the area under a normalised Brownian excursion. The distance to the nearest
    training point is local and does not know A, hence the product, with

        E[1/A] = 6√(2π)·Σ_j |a_j|^−3 = 6√(2π)·(1/2 − κ³),   κ = −Ai'(0)/Ai(0),   a_j the zeros of Ai.

    A tree's own curve is this times its own 1/A, which scatters by a quarter. Hierarchical labels have no such product:
    their variogram and their norm are made by the same cuts.

    Parameters
    ----------
    n : (sizes,) array or sequence of float
        Training-set sizes, 1 ≤ n ≤ N.
    n_points : int
        Number of points, N.

    Returns
    -------
    (sizes,) float64
        In units of the prior variance, averaged over trees.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §4; Flajolet & Louchard 2001 for the law of A.

    Examples
    --------
    >>> brownian_one_nn_risk([10, 100], 10_000).round(4).tolist()
    [0.369, 0.1108]
    """
    sizes = np.atleast_1d(np.asarray(n, np.float64))
    if sizes.ndim != 1 or not (sizes.size == 0 or (sizes.min() >= 1 and sizes.max() <= n_points)):
        raise RecipeError(f"n = {shown(n)}: expected training-set sizes from 1 to n_points = {n_points}")
    kappa = 3.0 ** (1.0 / 3.0) * math.gamma(2.0 / 3.0) / math.gamma(1.0 / 3.0)
    per_edge = 3.0 * math.sqrt(2.0 * math.pi) * (0.5 - kappa**3) / math.sqrt(n_points)
    return np.array([per_edge * nearest_distance_law(float(size) / n_points).sum() for size in sizes])
