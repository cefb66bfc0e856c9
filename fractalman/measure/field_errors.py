"""What one field of labels leaves open: the error of a slope of label differences, from the points and 2H alone.

Blocks of space are replicates where what they say is independent. Fields are not kind to that: increments of fractional
Brownian motion remember each other far away, the more the smoother (on a line their squares are summable below H = 3/4
only), and blocks then agree with each other more than with the truth. For Gaussian increments with variogram r^2H the
covariance of squared differences needs distances only: Cov(d², e²) = 2·Cov(d, e)².
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fractalman._typing import F64, I64
from fractalman.measure.neighbours import Neighbourhoods, rows_of_distances
from fractalman.measure.scaling import PowerLawFit
from fractalman.random.streams import Role, key64, permutation, uniforms

SOURCES = 128
"""Starting points that stand for all."""
ROUGHEST, SMOOTHEST = 0.02, 1.95
"""2H of fields."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of points whose label differences one abscissa each is the mean of.

    Parameters
    ----------
    sources : (s,) rows of the points.
    first, second : (s, bins) rows of two of their partners in every bin; the same where a bin has one.
    """

    sources: I64
    first: I64
    second: I64

    def at(self, bins: I64) -> Pairs:
        """Return the pairs of some bins."""
        return Pairs(self.sources, self.first[:, bins], self.second[:, bins])


def pairs_at(found: Neighbourhoods, edges: F64, ranks: I64, seed: int) -> tuple[Pairs, Pairs]:
    """Return random pairs at distances between the edges, and those of neighbours of these ranks.

    A starting point without a partner in a bin is its own, at distance 0.
    """
    sources = np.sort(found.sources[permutation(key64(seed, Role.MEASUREMENT, 32), len(found.sources))[:SOURCES]])
    bins = len(edges) - 1
    far = np.repeat(sources[:, None, None], 2, axis=1).repeat(bins, axis=2)
    near = np.empty((len(sources), len(ranks)), np.int64)
    draws = uniforms(key64(seed, Role.MEASUREMENT, 31), far.size).reshape(far.shape)
    for i, row in enumerate(row for block in rows_of_distances(found.points, sources, found.theiler) for row in block):
        order = np.argsort(row, kind="stable")
        near[i] = order[ranks - 1]
        stop = np.searchsorted(row[order], edges, side="right")
        for b in range(bins):
            inside = order[stop[b] : stop[b + 1]]
            if inside.size:
                place = (draws[i, :, b] * (inside.size, max(1, inside.size - 1))).astype(np.int64)
                far[i, :, b] = inside[[place[0], (place[0] + 1 + place[1]) % inside.size]]
    return Pairs(sources, far[:, 0], far[:, 1]), Pairs(sources, near, near)


def with_field_error(fit: PowerLawFit, two_h: float, values: F64, pairs: Pairs, x: F64, sources: int) -> PowerLawFit:
    """Return a fit whose error is at least that of fields.

    Parameters
    ----------
    fit : the slope of ln (mean squared difference) against ln x, with the scatter of blocks.
    two_h : smoothness of the fields.
    values : (n, d) points.
    pairs : a sample of the pairs behind the fit.
    x : (bins,) abscissas.
    sources : how many starting points the fit had.
    """
    return at_least(fit, slope_error(two_h, values, pairs, x, sources))


def at_least(fit: PowerLawFit, error: float) -> PowerLawFit:
    """Return a fit whose error is no smaller than this one."""
    if not error > fit.standard_error:  # nan: a fit without a value
        return fit
    half_width = max(fit.half_width, 1.96 * error)
    interval = (fit.value - half_width, fit.value + half_width)
    return replace(fit, standard_error=error, half_width=half_width, interval=interval)


def slope_error(two_h: float, values: F64, pairs: Pairs, x: F64, sources: int) -> float:
    """Return the standard deviation of the least-squares slope over Gaussian fields on the points, relative to ln x."""
    from scipy.spatial.distance import cdist

    count, bins = pairs.first.shape
    rows, where = np.unique(
        np.concatenate([pairs.sources, pairs.first.ravel(), pairs.second.ravel()]), return_inverse=True
    )
    gamma = cdist(values[rows], values[rows])
    np.power(gamma, min(SMOOTHEST, max(ROUGHEST, two_h)), out=gamma)
    source = np.repeat(where[:count], bins)
    first, second = where[count : count * (1 + bins)], where[count * (1 + bins) :]
    # Cov(y_i − y_a, y_j − y_b) from the variogram
    covariance = gamma[np.ix_(source, second)] + gamma[np.ix_(first, source)]
    covariance -= gamma[np.ix_(source, source)]
    covariance -= gamma[np.ix_(first, second)]
    squares = 0.5 * np.square(covariance)  # 2·(covariance/2)²
    log_x = np.log(x)
    slope = (log_x - log_x.mean()) / np.square(log_x - log_x.mean()).sum()
    level = 0.5 * (gamma[source, first] + gamma[source, second]).reshape(count, bins).mean(axis=0)
    weight = np.where(level > 0.0, slope / np.where(level > 0.0, level, 1.0), 0.0)
    by_pair = np.einsum("ipjq,p,q->ij", squares.reshape(count, bins, count, bins), weight, weight, optimize=True)
    same = float(np.trace(by_pair)) / count
    other = (float(by_pair.sum()) - same * count) / (count * (count - 1))
    return float(np.sqrt(max(0.0, same / sources + (1.0 - 1.0 / sources) * other)))
