"""Asymptotic exponents of self-similar sets: the Moran equation for generalization, quantization, dimensions.

Symbols: k = number of children, p_i = a child's share of the mass, r_i = its ratio of contraction, H = Hurst exponent,
n = training points, P = cells or parameters, β = the data exponent, s = 2H the order of quantization.

Both exponents solve the same kind of equation. With e_i(t) = 2H·ln r_i + t·b_i, find t where ln E Σ_i p_i e^{e_i(t)}
= 0: b_i = −ln p_i gives the Moran exponent β = t, b_i = −ln(p_i r_i^{2H}) gives t = 1 − q of optimal quantization.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from fractalman._typing import F64
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.theory.log_sums import log_sum, log_sum_root

_SUM_TOLERANCE = 1e-9


# ---------------------------------------------------------------------------------------------------- checks


def _check_branching(branching: Sequence[int] | int) -> tuple[int, ...]:
    numbers = tuple(branching) if isinstance(branching, Sequence) else (branching,)
    if not numbers or any(int(k) != k or k < 1 for k in numbers) or max(numbers) < 2:
        raise RecipeError(f"branching = {shown(branching)}: expected integers of at least 1, one of them 2 or more")
    return tuple(int(k) for k in numbers)


def _check_real(name: str, value: float, high: float) -> float:
    if not 0.0 < value < high:
        limit = f" < {high:g}" if math.isfinite(high) else ""
        raise RecipeError(f"{name} = {shown(value)}: expected a number with 0 < {name}{limit}")
    return float(value)


def grouped(branching: Sequence[int] | int) -> tuple[F64, F64]:
    """Return the distinct branching numbers in rising order and their probabilities, both float64."""
    numbers, counts = np.unique(np.asarray(_check_branching(branching), np.int64), return_counts=True)
    return numbers.astype(np.float64), counts / counts.sum()


# ---------------------------------------------------------------------------------------------------- one equation


def _solve(weight: F64, start: F64, slope: F64) -> float:
    """Return the t ≥ 0 with ln Σ weight·exp(start + t·slope) = 0; weights sum to 1, start ≤ 0 ≤ slope."""
    if log_sum(weight, start) >= 0.0:  # the label's first level already vanishes in double precision
        return 0.0
    high = 1.0
    if log_sum(weight, start + slope) > 0.0:
        while log_sum(weight, start + high / 2.0 * slope) > 0.0:
            high /= 2.0
    else:
        while log_sum(weight, start + high * slope) <= 0.0:
            high *= 2.0
            if not math.isfinite(high):
                raise RecipeError("no exponent solves the equation: at least one node must share its mass")
    return log_sum_root(weight, start, slope, high)


def _equal_shares(branching: Sequence[int] | int, contraction: float, hurst: float) -> tuple[F64, F64, F64]:
    """Return weight, ln p and 2H·ln r of the branching numbers as atoms of one law of (p, r)."""
    numbers, probability = grouped(branching)
    log_ratio = math.log(_check_real("contraction", contraction, 1.0))
    return probability, -np.log(numbers), np.full(numbers.size, 2.0 * _check_real("hurst", hurst, math.inf) * log_ratio)


Masses: TypeAlias = Sequence[float] | Sequence[Sequence[float]]
"""A number for every child; or a sequence of such sequences, for equally likely kinds of node."""


def shares(masses: Masses, ratios: Masses | float) -> tuple[F64, F64, F64]:
    """Return (weight, p, r) of every child of every kind of node, float64; weight = p / number of kinds sums to 1.

    A typical point's path takes child a with probability weight[a] at every level.

    Parameters
    ----------
    masses : sequence of float, or of such sequences
        p_i > 0, summing to 1; or one such sequence for each of several equally likely kinds of node.
    ratios : float, or as masses
        r_i in (0, 1), as masses, or one for all.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.
    """
    kinds = [masses] if np.isscalar(next(iter(masses), 0.0)) else list(masses)
    given = [ratios] * len(kinds) if np.isscalar(ratios) or kinds[0] is masses else list(ratios)  # type: ignore[arg-type]
    weight, mass, ratio = [], [], []
    if len(given) != len(kinds):
        raise RecipeError(f"masses of {len(kinds)} kinds and ratios of {len(given)}: expected equally many")
    for one, its in zip(kinds, given, strict=True):
        p = np.asarray(one, np.float64).ravel()
        if p.size < 1 or not (p > 0).all() or abs(p.sum() - 1.0) > _SUM_TOLERANCE:
            raise RecipeError(f"masses = {shown(one)}: expected positive numbers that sum to 1")
        r = np.asarray(its, np.float64).ravel()
        if r.size not in (1, p.size) or not ((r > 0) & (r < 1)).all():
            raise RecipeError(f"ratios = {shown(its)}: expected numbers between 0 and 1, one or as many as masses")
        weight.append(p / p.sum() / len(kinds))
        mass.append(p / p.sum())
        ratio.append(np.broadcast_to(r, p.shape))
    if max(p.size for p in mass) < 2:
        raise RecipeError(f"masses = {shown(masses)}: expected two or more children, at least of one kind of node")
    return np.concatenate(weight), np.concatenate(mass), np.concatenate(ratio)


def _given_shares(masses: Masses, ratios: Masses | float, hurst: float) -> tuple[F64, F64, F64]:
    weight, p, r = shares(masses, ratios)
    return weight, np.log(p), 2.0 * _check_real("hurst", hurst, math.inf) * np.log(r)


def _quantization(weight: F64, log_mass: F64, start: F64) -> float:
    t = _solve(weight, start, -(log_mass + start))
    return t / (1.0 - t)


# ---------------------------------------------------------------------------------------------------- public


def moran_exponent(branching: Sequence[int] | int, contraction: float, hurst: float) -> float:
    """Return the data exponent β of noiseless local interpolation on a random cascade, L ~ n^−β.

    β solves E[k^β] = r^(−2H); for one branching number it is 2H/D.

    Parameters
    ----------
    branching : int or sequence of int
        Equally likely numbers of children k ≥ 1, at least one ≥ 2.
    contraction : float
        Ratio of contraction, r, 0 < r < 1.
    hurst : float
        Hurst exponent, H > 0.

    Returns
    -------
    float
        β > 0.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: renewal at the root; docs/theory.md §3.1.

    Examples
    --------
    >>> round(moran_exponent(4, contraction=0.5, hurst=1.0), 12)  # 2H/D with D = 2
    1.0
    >>> round(moran_exponent([2, 3], contraction=0.5, hurst=0.5), 4)
    0.7605
    """
    weight, log_mass, start = _equal_shares(branching, contraction, hurst)
    return _solve(weight, start, -log_mass)


def moran_exponent_masses(masses: Masses, ratios: Masses | float, hurst: float) -> float:
    """Return the data exponent β of a self-similar measure with unequal children: E Σ_i p_i^(1−β) r_i^(2H) = 1.

    Parameters
    ----------
    masses : sequence of float, or of such sequences
        p_i > 0, summing to 1; a sequence of such sequences = equally likely kinds of node.
    ratios : float, or as masses
        r_i in (0, 1), one for all or one per mass.
    hurst : float
        Hurst exponent, H > 0.

    Returns
    -------
    float
        β > 0.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §3.1.

    Examples
    --------
    >>> round(moran_exponent_masses([0.25, 0.75], 0.5, 0.5), 4)
    1.0
    """
    weight, log_mass, start = _given_shares(masses, ratios, hurst)
    return _solve(weight, start, -log_mass)


def quantization_exponent(branching: Sequence[int] | int, contraction: float, hurst: float) -> float:
    """Return the model exponent α_P of the best P cells on a random cascade, L ~ P^−α_P.

    α_P = (1−q)/q with E[k (r^s/k)^q] = 1 and s = 2H; never below the Moran exponent, equal for one branching number.

    Parameters
    ----------
    branching : int or sequence of int
        Equally likely numbers of children k ≥ 1, at least one ≥ 2.
    contraction : float
        Ratio of contraction, r, 0 < r < 1.
    hurst : float
        Hurst exponent, H > 0.

    Returns
    -------
    float
        α_P > 0.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: Graf & Luschgy 2000 (quantization dimension of order s); docs/theory.md §3.2.

    Examples
    --------
    >>> round(quantization_exponent(4, contraction=0.5, hurst=1.0), 12)
    1.0
    >>> round(quantization_exponent([2, 3], contraction=0.5, hurst=0.5), 4)
    0.7661
    """
    return _quantization(*_equal_shares(branching, contraction, hurst))


def quantization_exponent_masses(masses: Masses, ratios: Masses | float, hurst: float) -> float:
    """Return α_P = s/D_s of a measure with unequal children: E Σ_i (p_i r_i^s)^(D_s/(s+D_s)) = 1, s = 2H.

    Parameters
    ----------
    masses : sequence of float, or of such sequences
        p_i > 0, summing to 1; a sequence of such sequences = equally likely kinds of node.
    ratios : float, or as masses
        r_i in (0, 1), one for all or one per mass.
    hurst : float
        Hurst exponent, H > 0.

    Returns
    -------
    float
        α_P > 0.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: Graf & Luschgy 2000; docs/theory.md §3.2.

    Examples
    --------
    >>> round(quantization_exponent_masses([0.25, 0.75], 0.5, 0.5), 4)
    1.1053
    """
    return _quantization(*_given_shares(masses, ratios, hurst))


def balanced_order(masses: Masses, ratios: Masses | float, hurst: float, smoothness: float) -> float:
    """Return b where E Σ_i p_i r_i^(2H) (p_i r_i^(2ν))^(−b) = 1: cells with μ·R^(2ν) below κ hold κ^b of the label.

    For ν = H it is 1 − q of `quantization_exponent_masses`, for equal children 2H/(D + 2ν).

    Parameters
    ----------
    masses : sequence of float, or of such sequences
        p_i > 0, summing to 1; a sequence of such sequences = equally likely kinds of node.
    ratios : float, or as masses
        r_i in (0, 1), one for all or one per mass.
    hurst : float
        Hurst exponent, H > 0.
    smoothness : float
        Smoothness, ν > 0.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §3.6.
    """
    weight, log_mass, start = _given_shares(masses, ratios, hurst)
    _, _, cell = _given_shares(masses, ratios, smoothness)
    return _solve(weight, start, -(log_mass + cell))


def cascade_dimensions(branching: Sequence[int] | int, contraction: float) -> tuple[float, float]:
    """Return (D_0, D_1) of a random cascade: ln E[k] / ln(1/r), of the set, and E[ln k] / ln(1/r), of its measure.

    Parameters
    ----------
    branching : int or sequence of int
        Equally likely numbers of children k ≥ 1, at least one ≥ 2.
    contraction : float
        Ratio of contraction, r, 0 < r < 1.

    Returns
    -------
    (float, float)
        D_0 and D_1.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: Mauldin & Williams 1986; docs/theory.md §2.

    Examples
    --------
    >>> [round(d, 4) for d in cascade_dimensions([2, 3], contraction=0.5)]
    [1.3219, 1.2925]
    """
    numbers, probability = grouped(branching)
    scale = -math.log(_check_real("contraction", contraction, 1.0))
    return math.log(float(probability @ numbers)) / scale, float(probability @ np.log(numbers)) / scale


def shared_by_one_tree(branching: Sequence[int] | int, beta: float) -> bool:
    """Tell whether a single tree of the family has the annealed exponent β: φ(β) + (1−β)φ'(β) > 0, φ(b) = ln E[k^b].

    Parameters
    ----------
    branching : int or sequence of int
        Equally likely numbers of children k ≥ 1, at least one ≥ 2.
    beta : float
        The exponent, e.g. `moran_exponent`'s.

    Returns
    -------
    bool
        True where one tree is enough.

    Notes
    -----
    Source: docs/theory.md §3.1 (always true for β ≤ 1).

    Examples
    --------
    >>> shared_by_one_tree([2, 3], 0.8)
    True
    """
    numbers, probability = grouped(branching)
    log_k = np.log(numbers)
    shift = float(log_k[-1])
    tilted = probability * np.exp(beta * (log_k - shift))
    phi = beta * shift + math.log(float(tilted.sum()))
    return phi + (1.0 - beta) * float(tilted @ log_k) / float(tilted.sum()) > 0.0


def log_period(branching: Sequence[int] | int) -> float | None:
    """Return the factor in n after which a cascade's learning curve repeats its wiggle, or None when it has none.

    All ln k are multiples of one number exactly when all k > 1 are powers of one integer; the largest such integer is
    the period.

    Parameters
    ----------
    branching : int or sequence of int
        Equally likely numbers of children k ≥ 1, at least one ≥ 2.

    Returns
    -------
    float or None
        The factor, an integer; None without a wiggle.

    Notes
    -----
    Source: docs/theory.md §3.1.

    Examples
    --------
    >>> log_period([2, 4]), log_period([2, 3])
    (2.0, None)
    """
    base, exponents = 0, []
    for k in sorted(set(_check_branching(branching)) - {1}):
        root, power = _primitive_root(k)
        if base not in (0, root):
            return None
        base = root
        exponents.append(power)
    return float(base ** math.gcd(*exponents))


def _primitive_root(k: int) -> tuple[int, int]:
    """Return (b, e) with b^e = k and e as large as possible."""
    for power in range(k.bit_length(), 1, -1):
        root = round(k ** (1.0 / power))
        for candidate in (root - 1, root, root + 1):
            if candidate > 1 and candidate**power == k:
                return candidate, power
    return k, 1
