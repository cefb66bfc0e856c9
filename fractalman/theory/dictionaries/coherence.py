"""How near directions come to each other: cosines of random and of evenly spread unit vectors.

m unit vectors in d dimensions, m above d where they are in superposition. docs/theory.md §8.
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._typing import F64, AnyFloat
from fractalman.config import is_integer, is_word, shown
from fractalman.errors import RecipeError, nearest

ENSEMBLES = ("random", "tight")


def welch_bound(m: int, d: int) -> float:
    """Return the least that the largest |cosine| of m unit vectors in d dimensions can be.

    Parameters
    ----------
    m, d : int
        Vectors and dimensions.

    Returns
    -------
    float
        √((m − d) / (d (m − 1))), 0 for m ≤ d.

    Raises
    ------
    RecipeError
        For numbers below 1.

    Notes
    -----
    Source: docs/theory.md §8.

    Welch (1974): the mean squared cosine of all pairs is at least the bound's square, with equality for tight frames,
    and hence so is the largest. Attained by the largest where vectors are equiangular, which few (m, d) allow.

    Examples
    --------
    >>> round(welch_bound(3, 2), 6)  # three vectors at 120 degrees
    0.5
    """
    m, d = _checked(m, d)
    return math.sqrt(max(0, m - d) / (d * (m - 1))) if m > 1 else 0.0


def mean_square_cosine(kind: str, m: int, d: int) -> float:
    """Return the expected squared cosine of two of m directions in d dimensions.

    Parameters
    ----------
    kind : {"random", "tight"}
        Independent uniformly random unit vectors; or a unit-norm tight frame.
    m, d : int
        Vectors and dimensions.

    Returns
    -------
    float
        1/d; or the square of `welch_bound`, the least possible.

    Raises
    ------
    RecipeError
        For another kind, and numbers below 1.

    Notes
    -----
    Source: docs/theory.md §8.

    Times L0 it is about the interference at a feature that is not there. A tight frame has 1 − (d − 1)/(m − 1) of what
    random directions have: half at m = 2d, hardly less at m ≫ d.

    Examples
    --------
    >>> mean_square_cosine("random", 128, 64), round(mean_square_cosine("tight", 128, 64), 6)
    (0.015625, 0.007874)
    """
    m, d = _checked(m, d)
    if not is_word(kind, ENSEMBLES):
        raise RecipeError(f"kind {shown(kind)}: expected one of {', '.join(ENSEMBLES)}{nearest(kind, ENSEMBLES)}")
    return 1.0 / d if kind == "random" else welch_bound(m, d) ** 2


def cosine_tail(cosine: AnyFloat | float, d: int) -> F64:
    """Return the probability that the |cosine| of two random directions exceeds a number.

    Parameters
    ----------
    cosine : array or float
        From 0 to 1.
    d : int
        Dimensions, 2 or more.

    Returns
    -------
    float64 array
        The squared cosine has the distribution Beta(1/2, (d − 1)/2).

    Raises
    ------
    RecipeError
        For cosines or dimensions out of range.

    Notes
    -----
    Source: docs/theory.md §8.

    Examples
    --------
    >>> cosine_tail([0.0, 0.5, 1.0], 3).round(6).tolist()  # uniform in three dimensions
    [1.0, 0.5, 0.0]
    """
    from scipy.special import betainc

    _, d = _checked(1, d)
    c = np.asarray(cosine, np.float64)
    if d < 2 or not ((c >= 0.0) & (c <= 1.0)).all():
        raise RecipeError(f"cosine and d = {d}: expected cosines from 0 to 1 and 2 dimensions or more")
    return np.asarray(betainc((d - 1) / 2.0, 0.5, 1.0 - c**2))


def random_coherence(m: int, d: int, level: float = 0.5) -> float:
    """Return a quantile of the largest |cosine| among m random directions in d dimensions.

    Parameters
    ----------
    m, d : int
        Vectors, 2 or more, and dimensions, 2 or more.
    level : float, default .5
        Probability of a smaller one.

    Returns
    -------
    float

    Raises
    ------
    RecipeError
        For numbers out of range.

    Notes
    -----
    Source: docs/theory.md §8.

    Pairs are independent two by two, so that close ones come nearly as a Poisson number: P(largest < c) ≈
    exp(−M · `cosine_tail` (c)), M = m (m − 1)/2 (Cai and Jiang 2012 for the limit; *checked* against drawn directions).
    It is about √(4 ln m / d), while `welch_bound` is at most √(1/d).

    Examples
    --------
    >>> round(random_coherence(128, 64), 2)
    0.47
    """
    from scipy.special import betaincinv

    m, d = _checked(m, d)
    if m < 2 or d < 2 or not 0.0 < level < 1.0:
        raise RecipeError(
            f"m = {m}, d = {d}, level = {shown(level)}: expected 2 or more of each, a level between 0 and 1"
        )
    tail = min(1.0, -math.log(level) / (m * (m - 1) / 2.0))
    return math.sqrt(1.0 - float(betaincinv((d - 1) / 2.0, 0.5, tail)))


def _checked(m: int, d: int) -> tuple[int, int]:
    for name, number in (("m", m), ("d", d)):
        if not is_integer(number) or int(number) < 1:
            raise RecipeError(f"{name} = {shown(number)}: expected a whole number from 1 up")
    return int(m), int(d)
