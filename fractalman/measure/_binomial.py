"""Error rates as counts: a power law, with or without a floor, at the maximum of the binomial likelihood.

A rate of 0 is a count like any other, and a size with few test cases counts for little. Where the counts scatter by
more than counting explains, errors grow by the square root of the excess (quasi-likelihood).

Source: McCullagh & Nelder 1989, chapters 4 and 9.
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._typing import F64
from fractalman.errors import FitError

_MANY = 10**6  # degrees of freedom of an error that is known


def fit_rates(x: F64, rates: F64, trials: F64, offset: F64, *, floor: bool) -> tuple[F64, F64, int]:
    """Fit rate = exp(a − α·x + offset) + E to counts.

    Parameters
    ----------
    x : (sizes,) float64
        ln n.
    rates : (replicates, sizes) float64
        Shares of errors, 0 to 1.
    trials : (sizes,) float64
        Test cases behind each rate.
    offset : (sizes,) float64
        Added to the power law's logarithm.
    floor : bool
        Whether E ≥ 0 is fitted; else it is 0.

    Returns
    -------
    tuple
        (a, α, E), their standard errors, the degrees of freedom of Student's t. With replicates errors are those of the
        delete-one jackknife.
    """
    replicates = len(rates)
    best, covariance, excess, freedom = _likeliest(x, rates.mean(axis=0), trials * replicates, offset, floor)
    if replicates > 1:
        total = rates.sum(axis=0)
        values = np.array(
            [
                _likeliest(x, (total - row) / (replicates - 1), trials * (replicates - 1), offset, floor)[0]
                for row in rates
            ]
        )
        spread = values - values.mean(axis=0)
        errors = np.sqrt((replicates - 1) / replicates * np.square(spread).sum(axis=0))
        return best, np.maximum(errors, 0.0), replicates - 1
    from scipy.special import chdtrc

    counted = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    if freedom > 0 and chdtrc(freedom, excess * freedom) < 0.05:
        return best, counted * math.sqrt(excess), freedom
    return best, counted, _MANY


def _likeliest(x: F64, rate: F64, trials: F64, offset: F64, floor: bool) -> tuple[F64, F64, float, int]:
    """Return (a, α, E), their covariance from counting, Pearson's χ² over its freedom, and that freedom."""
    centre = x.mean()
    u = x - centre
    smoothed = (rate * trials + 0.5) / (trials + 1.0)
    slope, level = np.polyfit(u, np.log(smoothed) - offset, 1, w=np.sqrt(trials * smoothed))
    q = np.array([level, -slope, 0.3 * float(smoothed.min()) if floor else 0.0])
    used = 3 if floor else 2

    def model(q: F64) -> tuple[F64, F64]:
        power = np.exp(np.clip(q[0] - q[1] * u + offset, -700.0, 50.0))
        return np.clip(power + q[2], 1e-12, 1.0 - 1e-9), power

    def likelihood(q: F64) -> float:
        mean = model(q)[0]
        return float((trials * (rate * np.log(mean) + (1.0 - rate) * np.log1p(-mean))).sum())

    value = likelihood(q)
    information = np.eye(used)
    for _ in range(200):
        mean, power = model(q)
        weight = trials / (mean * (1.0 - mean))
        columns = np.stack([power, -u * power, np.ones_like(u)], axis=1)[:, :used]
        gradient = columns.T @ (weight * (rate - mean))
        information = columns.T @ (weight[:, None] * columns)
        free = np.ones(used, np.bool_)
        if floor and q[2] <= 0.0 and gradient[2] <= 0.0:
            free[2] = False
        step = np.zeros(3)
        step[:used][free] = np.linalg.lstsq(information[np.ix_(free, free)], gradient[free], rcond=1e-14)[0]
        share = 1.0
        for _ in range(40):
            new = q + share * step
            new[2] = max(new[2], 0.0)
            found = likelihood(new)
            if found >= value:
                break
            share *= 0.5
        else:
            break
        gain, q, value = found - value, new, found
        if gain <= 1e-12 * max(1.0, abs(value)):
            break
    if not np.isfinite(q).all():
        raise FitError("no power law comes near these counts: give more sizes, or sizes with more errors")
    mean, _ = model(q)
    pearson = float((trials * np.square(rate - mean) / (mean * (1.0 - mean))).sum())
    freedom = int(x.size - used)
    covariance = np.zeros((3, 3))
    covariance[:used, :used] = np.linalg.pinv(information, rcond=1e-14)
    to_caller = np.array([[1.0, centre, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    q = np.array([q[0] + q[1] * centre, q[1], q[2]])
    return q, to_caller @ covariance @ to_caller.T, pearson / max(freedom, 1), freedom
