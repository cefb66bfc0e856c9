"""Limits of cluster coverage: what a training set has seen of ensembles that are far larger than it.

Symbols: N = points of the ensemble, n = training points, s = size of a cluster, p_k = probability of subtask k.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fractalman._typing import F64, AnyInt
from fractalman.config import shown
from fractalman.errors import RecipeError, nearest
from fractalman.theory.coverage import check_train

_RANKS, _MOST_RANKS = 64.0, 2.0**20  # ranks up to 64 times that with one expected training point are summed


def seen_mass_amplitude(sizes: str = "borel", coordination: int | None = None) -> float:
    """Return A in seen mass ≈ A·(n/N)^(1/2) of a critical number ensemble, N^(1/3) ≪ n ≪ N.

    A = 2√π·a where a·s^(−3/2) is the probability that a random site's cluster has s sites: √2 (Borel), 3π/4
    (Yule–Simon), z·√(2/((z−1)(z−2))) (Bethe lattice at p_c).

    Parameters
    ----------
    sizes : {"borel", "yule-simon"}, default "borel"
        The law of sizes; left aside where a coordination z ≥ 3 is given.
    coordination : int or None, default None
        z ≥ 3 of a Bethe lattice at its threshold; None means that sizes says which ensemble.

    Returns
    -------
    float
        The amplitude A.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §4.

    Examples
    --------
    >>> round(seen_mass_amplitude("borel") ** 2, 12)
    2.0
    """
    if coordination is not None:
        if coordination < 3:
            raise RecipeError(f"coordination = {shown(coordination)}: expected an integer of at least 3")
        return coordination * math.sqrt(2.0 / ((coordination - 1) * (coordination - 2)))
    known = {"borel": math.sqrt(2.0), "yule-simon": 0.75 * math.pi}
    if sizes not in known:
        raise RecipeError(f"sizes = {shown(sizes)}: expected {', '.join(known)}{nearest(sizes, known)}")
    return known[sizes]


def size_biased_unseen_limit(n_train: AnyInt | Sequence[int] | int) -> F64:
    """Return √π/(π−2)·n^(−1/2) − 1/(2 ln 2·n), the unseen mass of a critical size-biased ensemble for 1 ≪ n ≪ N.

    Drawn sizes with tail s^(−3/2) that fill N points are, in units of N, the jumps of a stable subordinator of index
    1/2 that refuses to pass 1. What is left is a positive self-similar Markov process, whose Lévy process has the
    exponent φ(q) ∝ √π Γ(q+1)/Γ(q+1/2) − 1; the mass in jumps near x has density x^(−1/2)/(π−2) − 1/(2 ln 2) + …,
    from φ(1/2) and φ'(0). It is the subtask law k^(−(1+α)), α = 1, with its own amplitude.

    Parameters
    ----------
    n_train : int, array or sequence of int
        Training points, n's, each ≥ 1.

    Returns
    -------
    (len(n_train),) float64
        The unseen mass, a probability.

    Raises
    ------
    RecipeError
        If a size is below 1.

    Notes
    -----
    Source: docs/theory.md §4.

    Examples
    --------
    >>> size_biased_unseen_limit([100, 10_000]).round(4).tolist()
    [0.148, 0.0155]
    """
    n = check_train(n_train, math.inf)
    if n.size and n.min() < 1:
        raise RecipeError(f"n_train = {shown(n_train)}: expected integers of at least 1")
    return np.asarray(math.sqrt(math.pi) / (math.pi - 2.0) / np.sqrt(n) - 0.5 / math.log(2.0) / n, np.float64)


def rank_law_unseen(alpha: float, n_train: AnyInt | Sequence[int] | int) -> F64:
    """Return the unseen mass of infinitely many subtasks with probabilities p_k = k^−(1+α)/ζ(1+α): Σ_k p_k (1−p_k)^n.

    It falls as n^(−α/(1+α)). The first ranks are summed, at most a million, the others integrated (Euler–Maclaurin).

    Parameters
    ----------
    alpha : float
        Exponent, α > 0.
    n_train : int, array or sequence of int
        Training points, n's, each ≥ 0.

    Returns
    -------
    (len(n_train),) float64
        Good to about 1e-10.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §3.4 (Hutter, arXiv 2102.04074).

    Examples
    --------
    >>> rank_law_unseen(1.0, [0, 100]).round(6).tolist()
    [1.0, 0.06884]
    """
    from scipy.special import gamma, gammainc, zeta

    if not 0.05 <= alpha <= 40.0:
        raise RecipeError(f"alpha = {shown(alpha)}: expected a number from 0.05 to 40")
    n, power = check_train(n_train, math.inf), 1.0 + alpha
    share = 1.0 / float(zeta(power))
    out = []
    for count in n:
        last = math.ceil(min(_MOST_RANKS, max(4096.0, _RANKS * (count * share) ** (1.0 / power))))
        p = share * np.arange(1.0, last) ** -power
        total = float(p @ np.exp(count * np.log1p(-p)))
        edge = share * last**-power
        x = count * edge
        value, slope = edge * math.exp(-x), edge * math.exp(-x) * power / last * (x - 1.0)

        def integral(moment: float, count: float = count, x: float = x) -> float:
            """∫ p^moment e^(−np) dk over the ranks beyond, an incomplete gamma function."""
            order = moment - 1.0 / power
            return float(share ** (1.0 / power) / power * count**-order * gamma(order) * gammainc(order, x))

        if count > 0:  # (1−p)^n = e^(−np) (1 − np²/2 + …)
            total += integral(1.0) - 0.5 * count * integral(3.0)
        else:
            total += edge * last / alpha
        out.append(total + 0.5 * value - slope / 12.0)
    return np.array(out)
