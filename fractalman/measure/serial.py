"""Errors of one curve whose neighbouring sizes miss their law together, as the steps of one training run do.

Residuals are taken for a stationary series in the order of the sizes, corr(i, j) = ρ^|i−j|. Nobody knows ρ: errors are
those of every ρ, each as likely as the residuals make it after the fit (restricted likelihood, all ρ from 0 to 1 alike
before). Estimates stay those of ordinary least squares. Residuals of a law that is not quite the curve's go together,
too, and widen its errors likewise.

Source: Cochrane & Orcutt 1949 for the series, Patterson & Thompson 1971 for the likelihood.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from fractalman._typing import F64

LEAST = 16
"""Sizes below which a series cannot be told from chance; errors are then those of independent residuals."""
_TOGETHER = 2.71  # twice the gain in log likelihood from which ρ = 0 is refused (one-sided, 5 %)


@cache
def _correlations() -> tuple[F64, F64]:
    """Return ρ, denser towards 1, and the share of (0, 1) that each stands for."""
    rho = np.concatenate([[0.0], 1.0 - np.geomspace(0.9, 0.01, 20)])
    ends = np.concatenate([[0.0], 0.5 * (rho[1:] + rho[:-1]), [1.0]])
    return rho, np.diff(ends)


def serial_covariance(columns: F64, residual: F64) -> tuple[F64, float]:
    """Return the covariance of least-squares coefficients, and ρ where residuals go together, else 0.

    Parameters
    ----------
    columns : (sizes, parameters)
        The design, or the Jacobian at the solution, sizes in order.
    residual : (sizes,)
        What the fit misses by.

    Examples
    --------
    >>> x = np.linspace(-1.0, 1.0, 40)
    >>> swing = np.sin(3.0 * x)
    >>> missed = swing - np.polyval(np.polyfit(x, swing, 1), x)
    >>> covariance, rho = serial_covariance(np.stack([np.ones(40), x], axis=1), missed)
    >>> rho > 0.5
    True
    """
    from scipy.signal import lfilter

    count, parameters = columns.shape
    freedom = max(count - parameters, 1)
    inverse = np.linalg.pinv(columns.T @ columns)
    least = float(residual @ residual)
    if count < LEAST or not least > 0.0:
        return inverse * least / freedom, 0.0
    rho, share = _correlations()
    hat = inverse @ columns.T
    scale = np.maximum(np.linalg.norm(columns, axis=0), 1e-300)
    moments = _whitened_moments(np.column_stack([columns / scale, residual / math.sqrt(least)]), rho)
    design, cross = moments[:, :-1, :-1], moments[:, :-1, -1:]
    missed = moments[:, -1, -1] - (cross * (np.linalg.pinv(design) @ cross)).sum(axis=(1, 2))
    variance = least * np.maximum(missed, 1e-12) / freedom
    logs = (count - 1) * np.log1p(-rho * rho) + np.linalg.slogdet(design)[1] + freedom * np.log(variance)
    gain = 0.5 * (logs.min() - logs)
    weight = np.exp(gain) * share
    weight /= weight.sum()
    covariance = np.zeros_like(inverse)
    for r, v in zip(rho.tolist(), (weight * variance).tolist(), strict=True):
        before = lfilter([1.0], [1.0, -r], hat, axis=1)
        after = lfilter([1.0], [1.0, -r], hat[:, ::-1], axis=1)[:, ::-1]
        covariance += v * (before + after - hat) @ hat.T
    return covariance, float(weight @ rho) if -2.0 * float(gain[0]) > _TOGETHER else 0.0


def slope_error(x: F64, y: F64) -> tuple[float, float]:
    """Return the standard error of the least-squares slope of y against x, and ρ as `serial_covariance` does."""
    columns = np.vander(x - x.mean(), 2, increasing=True)
    missed = y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]
    covariance, rho = serial_covariance(columns, missed)
    return math.sqrt(max(float(covariance[1, 1]), 0.0)), rho


def _whitened_moments(rows: F64, rho: F64) -> F64:
    """Sums of products of rows of which each is freed of the one before, with unit variance, for every ρ."""
    now, before = rows[1:], rows[:-1]
    lagged = now.T @ before
    r = rho[:, None, None]
    inner = (now.T @ now - r * (lagged + lagged.T) + r * r * (before.T @ before)) / (1.0 - r * r)
    return np.asarray(np.outer(rows[0], rows[0]) + inner)
