"""ln Σ w·exp(a + t·b) and the t where it vanishes: the equation behind every exponent and dimension of a cascade.

The sum rises with t and its logarithm is convex. A library's root finder would do, at half a second of imports for each
table of exponents; Newton's method on a convex function needs neither a bracket nor a tolerance.
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._typing import F64

_ROUNDING = 1e-12


def log_sum(weight: F64, exponent: F64) -> float:
    """Return ln Σ weight·exp(exponent): nothing overflows, and of weights that sum to 1 tiny results keep all digits.

    Parameters
    ----------
    weight, exponent : (k,) float64
        Positive weights, which sum to 1 if they do so up to rounding; exponents of any size.

    Returns
    -------
    float
        The logarithm.

    Examples
    --------
    >>> round(log_sum(np.array([0.5, 0.5]), np.array([1e-20, 3e-20])) * 1e20, 12)
    2.0
    >>> log_sum(np.array([1e-20, 1.0]), np.array([0.0, -1e9])) == math.log(1e-20)
    True
    """
    shift, beyond = float(exponent.max()), float(weight.sum()) - 1.0
    part = float(np.sum(weight * np.expm1(exponent - shift))) + (beyond if abs(beyond) > _ROUNDING else 0.0)
    if part > -0.5:
        return shift + math.log1p(part)
    return shift + math.log(float(np.sum(weight * np.exp(exponent - shift))))


def log_sum_root(weight: F64, start: F64, slope: F64, above: float) -> float:
    """Return the t with ln Σ weight·exp(start + t·slope) = 0, from a t where the logarithm is positive.

    Tangents of a convex function lie below it: the steps come down to the root and do not pass it, until rounding turns
    one back.

    Parameters
    ----------
    weight, start, slope : (k,) float64
        Positive weights; slope ≥ 0, somewhere > 0.
    above : float
        A t where the logarithm is at least 0.

    Returns
    -------
    float
        The root, to some units of the last place of what the sum itself can tell.

    Examples
    --------
    >>> round(log_sum_root(np.ones(2), np.full(2, -3.0), np.ones(2), above=10.0), 12)  # 2·exp(t − 3) = 1
    2.30685281944
    """
    t = above
    while True:
        exponent = start + t * slope
        share = weight * np.exp(exponent - exponent.max())
        step = log_sum(weight, exponent) * float(share.sum()) / float(share @ slope)
        if not t - step < t:
            return t
        t -= step
