"""Paths: labels at equal distances on a line, whose differences at a lag need no neighbours to be looked for.

All pairs at lags 1, 2, 4 and 8 are used. Farther ones hold little that is new, and what they hold is shared: over
fractional Brownian paths the slope of the four has a smaller error than those of all lags to 10 (as Higuchi 1988 takes
them, with absolute values) and of lags to n/32. Pairs that overlap, and increments that remember each other, are in the
error exactly: Cov(d², e²) = 2·Cov(d, e)² for Gaussian increments with variogram r^2H.
"""

from __future__ import annotations

import numpy as np

from fractalman._typing import F64, I64
from fractalman.measure.field_errors import ROUGHEST, SMOOTHEST, at_least
from fractalman.measure.neighbours import TIE
from fractalman.measure.scaling import PowerLawFit, fit_power_law

LAGS = (1, 2, 4, 8)
_BLOCKS = 8


def path_order(values: F64) -> I64 | None:
    """Return the points' order along a line on which they stand at equal distances; None where they do not."""
    reach = np.ptp(values, axis=0)
    varies = np.flatnonzero(reach > 0.0)
    if varies.size != 1:
        return None
    along = values[:, varies[0]]
    order = np.argsort(along, kind="stable")
    steps = np.diff(along[order])
    even = float(reach[varies[0]]) / steps.size
    return order.astype(np.int64) if np.abs(steps - even).max() <= TIE * even else None


def path_exponent(labels: F64) -> PowerLawFit | None:
    """Return the slope of squared differences along a path, as of neighbours: on a line the 2·lag-th is at a lag.

    Parameters
    ----------
    labels : (n,) float64
        In the path's order.

    Returns
    -------
    PowerLawFit or None
        With an error that is no smaller than that of fields of this smoothness; None where differences are 0 at some
        lag.
    """
    curves = np.array(
        [[part.mean() for part in np.array_split(np.square(labels[k:] - labels[:-k]), _BLOCKS)] for k in LAGS]
    ).T
    if not (curves.mean(axis=0) > 0.0).all():
        return None
    fit = fit_power_law(0.5 / np.array(LAGS), curves)
    return at_least(fit, path_error(fit.value, len(labels)))


def path_error(two_h: float, n: int) -> float:
    """Return the standard deviation of the slope over Gaussian paths of n points with variogram r^2H."""
    power = min(SMOOTHEST, max(ROUGHEST, two_h))
    lags = np.array(LAGS, np.float64)
    weight = np.log(lags) - np.log(lags).mean()
    weight = weight / np.square(weight).sum() / lags**power  # of the mean squares themselves, to first order
    variance = 0.0
    for a, first in zip(weight, LAGS, strict=True):
        for b, second in zip(weight, LAGS, strict=True):
            apart = np.arange(first - n + 1, n - second, dtype=np.float64)  # from where one pair begins to the other
            often = np.minimum(n - first, n - second - apart) - np.maximum(0.0, -apart)
            shared = np.abs(apart + second) ** power + np.abs(apart - first) ** power
            shared -= np.abs(apart + second - first) ** power + np.abs(apart) ** power
            total = float((often * np.square(0.5 * shared)).sum())
            variance += 2.0 * a * b * total / ((n - first) * (n - second))
    return float(np.sqrt(max(0.0, variance)))
