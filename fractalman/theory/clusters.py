"""Exact laws of cluster sizes: Yule–Simon (A6), Borel (A7), and bond percolation on the Bethe lattice.

Symbols: s = size of a cluster, n_s = clusters of s sites per site, z = coordination, p = bond probability, Q = the
probability that a neighbour's branch is finite. A size law is an array whose entry s belongs to size s; entry 0 is 0.
Laws are products of ratios from s to s + 1, never differences of large logarithms.
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._typing import F64
from fractalman.config import is_integer, shown
from fractalman.errors import RecipeError
from fractalman.theory import _kernels
from fractalman.theory.constants import _check_points, shapes

_THIRD = 1.0 / 3.0  # P(new) of mean-field exponents, where ρ = 3/2 exactly
_CRITICAL = 1e-12  # |p(z−1) − 1| below this is the threshold: nothing can be told apart from it in double precision


def _check_lattice(coordination: int, bond_probability: float = 0.0) -> tuple[int, float]:
    if not is_integer(coordination) or int(coordination) < 3:
        raise RecipeError(f"coordination = {shown(coordination)}: expected an integer of at least 3")
    if not 0.0 <= bond_probability <= 1.0:
        raise RecipeError(f"bond_probability = {shown(bond_probability)}: expected a number from 0 to 1")
    return int(coordination), float(bond_probability)


def _check_create(create_prob: float) -> float:
    if not 0.0 < create_prob < 1.0:
        raise RecipeError(f"create_prob = {shown(create_prob)}: expected a number between 0 and 1")
    return float(create_prob)


# ---------------------------------------------------------------------------------------------------- mean field


def yule_simon_law(largest: int, create_prob: float = 1.0 / 3.0) -> F64:
    """Return the law of a cluster's size in the Yule–Simon process with P(new) = p (law A6), number-weighted.

    f(s) = ρ B(s, ρ + 1) ~ s^(−(1+ρ)), ρ = 1/(1−p), mean 1/p; at p = 1/3 3/2 · B(s, 5/2): .6, .171429, .076190, …
    The cluster of a random point has p·s·f(s).

    Parameters
    ----------
    largest : int
        Last size, ≥ 1.
    create_prob : float, default 1/3
        p, the probability that a point opens a cluster, 0 < p < 1.

    Returns
    -------
    (largest + 1,) float64
        Entry s = f(s).

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: Simon 1955; docs/theory.md §1, law A6.

    Examples
    --------
    >>> yule_simon_law(3).round(4).tolist()
    [0.0, 0.6, 0.1714, 0.0762]
    >>> yule_simon_law(3, 0.5).round(4).tolist()
    [0.0, 0.6667, 0.1667, 0.0667]
    """
    s = np.arange(1.0, _check_points(largest, 1))
    p = _check_create(create_prob)
    rho = 1.5 if p == _THIRD else 1.0 / (1.0 - p)
    first = 0.6 if p == _THIRD else 1.0 / (2.0 - p)
    return np.concatenate([[0.0], first * np.cumprod(np.concatenate([[1.0], s / (s + 1.0 + rho)]))])


def yule_simon_expected_numbers(n_points: int, largest: int, create_prob: float = 1.0 / 3.0) -> F64:
    """Return how many clusters of each size the Yule–Simon process has after n points, in expectation.

    E N_s(n+1) = E N_s(n) + p·[s = 1] + (1−p)·((s−1) E N_{s−1}(n) − s E N_s(n))/n, N_1(1) = 1; O(n^(2−p)), because the
    sizes that carry any weight after n points end near n^(1−p).

    Parameters
    ----------
    n_points : int
        Number of points, n ≥ 1.
    largest : int
        Last size, ≥ 1.
    create_prob : float, default 1/3
        p, as in `yule_simon_law`.

    Returns
    -------
    (largest + 1,) float64
        Entry s; over n it tends to p·f(s).

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: Simon 1955; docs/theory.md §1, law A6.

    Examples
    --------
    >>> yule_simon_expected_numbers(2, 3).round(4).tolist()
    [0.0, 0.6667, 0.6667, 0.0]
    """
    n, last, p = _check_points(n_points, 1), _check_points(largest, 1), _check_create(create_prob)
    expected = np.empty(last + 1)
    _kernels.yule_simon_numbers(n, p, 1.0 - p, expected)
    return expected


def borel_law(largest: int, mean: float = 1.0) -> F64:
    """Return the law of the size of a random site's cluster in the mean-field limit (law A7).

    P(s) = e^(−μs) (μs)^(s−1)/s!; per site there are n_s = P(s)/s clusters, ~ s^(−5/2) at μ = 1, 1 − μ/2 in all.

    Parameters
    ----------
    largest : int
        Last size, ≥ 1.
    mean : float, default 1
        μ, the mean number of children, 0 < μ ≤ 1.

    Returns
    -------
    (largest + 1,) float64
        Entry s = P(s); sums to 1 with what lies beyond.

    Raises
    ------
    RecipeError
        If largest is below 1, or the mean outside (0, 1].

    Notes
    -----
    Source: Borel 1942, Otter 1949; docs/theory.md §1, law A7.

    Examples
    --------
    >>> borel_law(3).round(4).tolist()
    [0.0, 0.3679, 0.1353, 0.0747]
    """
    if not 0.0 < mean <= 1.0:
        raise RecipeError(f"mean = {shown(mean)}: expected a number with 0 < mean <= 1")
    s = np.arange(1.0, _check_points(largest, 1))
    x = 1.0 / (2.0 * s + 1.0)
    # ln of P(s+1)/P(s) = (s−1)·ln(1 + 1/s) − μ + ln μ, where ln(1 + 1/s) = 2·artanh(x) and 2(s−1)x = 1 − 3x
    logs = -3.0 * x + 2.0 * (s - 1.0) * (np.arctanh(x) - x) + (1.0 - mean + math.log(mean))
    return np.concatenate([[0.0], math.exp(-mean) * np.exp(np.cumsum(np.concatenate([[0.0], logs])))])


# ---------------------------------------------------------------------------------------------------- Bethe lattice


def bethe_threshold(coordination: int) -> float:
    """Return the threshold of the Bethe lattice, p_c = 1/(z − 1).

    Parameters
    ----------
    coordination : int
        Neighbours of a site, z ≥ 3, the number of neighbours of a site.

    Returns
    -------
    float
        The bond probability from which on an infinite cluster exists.

    Raises
    ------
    RecipeError
        If the coordination number is below 3.

    Notes
    -----
    Source: Fisher & Essam 1961; docs/theory.md §1, Bethe lattice.

    Examples
    --------
    >>> bethe_threshold(3)
    0.5
    """
    return 1.0 / (_check_lattice(coordination)[0] - 1)


def bethe_cluster_numbers(coordination: int, bond_probability: float, largest: int) -> F64:
    """Return n_s, the number of clusters of s sites per site.

    n_s = z((z−1)s)!/(s!((z−2)s+2)!) · p^(s−1) (1−p)^((z−2)s+2). A random site's cluster has s sites with probability
    s·n_s; Σ s·n_s = 1 − P_∞ for every p, and Σ n_s = 1 − zp/2 up to the threshold.

    Parameters
    ----------
    coordination : int
        Neighbours of a site, z ≥ 3.
    bond_probability : float
        Probability of a bond, 0 ≤ p ≤ 1.
    largest : int
        Last size, ≥ 1.

    Returns
    -------
    (largest + 1,) float64
        Entry s.

    Raises
    ------
    RecipeError
        If the coordination number is below 3, the probability outside 0 to 1, or largest below 1.

    Notes
    -----
    Source: Fisher & Essam 1961; docs/theory.md §1, Bethe lattice.

    Examples
    --------
    >>> bethe_cluster_numbers(3, 0.25, 3).round(4).tolist()
    [0.0, 0.4219, 0.1187, 0.0445]
    """
    z, p = _check_lattice(coordination, bond_probability)
    s = np.arange(1.0, _check_points(largest, 1))
    ratio = p * (1.0 - p) ** (z - 2) / (s + 1.0)
    for j in range(1, z):
        ratio = ratio * ((z - 1) * s + j)
        if j < z - 1:
            ratio = ratio / ((z - 2) * s + 2 + j)
    return np.concatenate([[0.0], (1.0 - p) ** z * np.cumprod(np.concatenate([[1.0], ratio]))])


def bethe_mean_size(coordination: int, bond_probability: float) -> float:
    """Return the mean size of a random site's cluster, (1+p)/(1−(z−1)p) below p_c and infinite from there on.

    Parameters
    ----------
    coordination : int
        Neighbours of a site, z ≥ 3, the number of neighbours of a site.
    bond_probability : float
        Probability of a bond, p, 0 ≤ p ≤ 1.

    Returns
    -------
    float
        Sites; infinity from p_c on.

    Raises
    ------
    RecipeError
        If the coordination number is below 3, or the probability outside 0 to 1.

    Notes
    -----
    Source: Fisher & Essam 1961; docs/theory.md §1, Bethe lattice.

    Examples
    --------
    >>> bethe_mean_size(3, 0.25)
    2.5
    """
    z, p = _check_lattice(coordination, bond_probability)
    return (1.0 + p) / (1.0 - (z - 1) * p) if (z - 1) * p < 1.0 - _CRITICAL else math.inf


def bethe_correlation_size(coordination: int, bond_probability: float) -> float:
    """Return the size 1/c at which finite clusters are cut off, n_s ~ s^(−5/2) e^(−cs).

    c = −ln[p (1−p)^(z−2) (z−1)^(z−1)/(z−2)^(z−2)]; infinite at p_c, 0 for p = 0 or 1.

    Parameters
    ----------
    coordination : int
        Neighbours of a site, z ≥ 3, the number of neighbours of a site.
    bond_probability : float
        Probability of a bond, p, 0 ≤ p ≤ 1.

    Returns
    -------
    float
        Sites; infinity at p_c.

    Raises
    ------
    RecipeError
        If the coordination number is below 3, or the probability outside 0 to 1.

    Notes
    -----
    Source: docs/theory.md §1, Bethe lattice.

    Examples
    --------
    >>> round(bethe_correlation_size(3, 0.25), 3)
    3.476
    """
    z, p = _check_lattice(coordination, bond_probability)
    if p in (0.0, 1.0):
        return 0.0
    if abs((z - 1) * p - 1.0) <= _CRITICAL:
        return math.inf
    excess = (z - 1) * p - 1.0  # p/p_c − 1; (1−p)/(1−p_c) − 1 = −excess/(z−2)
    c = -math.log1p(excess) - (z - 2) * math.log1p(-excess / (z - 2))
    return 1.0 / c


def bethe_extinction(coordination: int, bond_probability: float) -> float:
    """Return Q, the smallest root in [0, 1] of Q = (1 − p + pQ)^(z−1): a neighbour's branch is finite.

    Parameters
    ----------
    coordination : int
        Neighbours of a site, z ≥ 3, the number of neighbours of a site.
    bond_probability : float
        Probability of a bond, p, 0 ≤ p ≤ 1.

    Returns
    -------
    float
        Q, 1 up to the threshold.

    Raises
    ------
    RecipeError
        If the coordination number is below 3, or the probability outside 0 to 1.

    Notes
    -----
    Source: docs/theory.md §1, Bethe lattice.

    Examples
    --------
    >>> round(bethe_extinction(3, 0.75), 6)
    0.111111
    """
    z, p = _check_lattice(coordination, bond_probability)
    if (z - 1) * p <= 1.0 + _CRITICAL:
        return 1.0
    extinct = 0.0
    for _ in range(100_000):  # from below: monotone
        better = (1.0 - p + p * extinct) ** (z - 1)
        if better <= extinct:
            break
        extinct = better
    for _ in range(50):  # near p_c the iteration crawls: finish by Newton
        base = 1.0 - p + p * extinct
        step = (base ** (z - 1) - extinct) / (1.0 - p * (z - 1) * base ** (z - 2))
        extinct += step
        if abs(step) <= 1e-16:
            break
    return float(min(1.0, max(0.0, extinct)))


def bethe_giant_share(coordination: int, bond_probability: float) -> float:
    """Return P_∞ = 1 − (1 − p + pQ)^z, the probability that a site belongs to the infinite cluster.

    Parameters
    ----------
    coordination : int
        Neighbours of a site, z ≥ 3, the number of neighbours of a site.
    bond_probability : float
        Probability of a bond, p, 0 ≤ p ≤ 1.

    Returns
    -------
    float
        P_∞, 0 up to the threshold.

    Raises
    ------
    RecipeError
        If the coordination number is below 3, or the probability outside 0 to 1.

    Notes
    -----
    Source: docs/theory.md §1, Bethe lattice.

    Examples
    --------
    >>> round(bethe_giant_share(3, 0.75), 6)
    0.962963
    """
    z, p = _check_lattice(coordination, bond_probability)
    return float(-math.expm1(z * math.log1p(-p * (1.0 - bethe_extinction(z, p))))) if p < 1.0 else 1.0


def bethe_shape_probabilities(n_points: int, coordination: int) -> dict[str, float]:
    """Return the probability of every shape of a Bethe cluster of s sites; it does not depend on p.

    A shape with degrees d_v has s!/symmetries labellings and Π z!/(z − d_v)! ways of choosing the neighbours' places;
    s = 4, z = 3: the star has 1/7 (1/4 in the limit of large z).

    Parameters
    ----------
    n_points : int
        Number of points, s, 2 ≤ s ≤ 12.
    coordination : int
        Neighbours of a site, z ≥ 3.

    Returns
    -------
    dict of str to float
        Code of `tree_shape` → probability; shapes that need more than z neighbours are left out.

    Raises
    ------
    RecipeError
        If n_points is no integer from 2 to 12, or the coordination number below 3.

    Notes
    -----
    Source: docs/theory.md §1, Bethe lattice.

    Examples
    --------
    >>> {shape: round(p, 4) for shape, p in bethe_shape_probabilities(4, 3).items()}
    {'(()()())': 0.1429, '[(())(())]': 0.8571}
    """
    z, n = _check_lattice(coordination)[0], _check_points(n_points, 2)
    weight = {
        code: math.prod(math.perm(z, len(neighbours)) for neighbours in tree) / symmetries
        for (code, symmetries), tree in shapes(n)
    }
    total = sum(weight.values())
    return {code: w / total for code, w in weight.items() if w}
