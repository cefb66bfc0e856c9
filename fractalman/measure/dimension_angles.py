"""The dimension from angles: expected simplex skewness, for sets whose dimension is high and whose scales are few.

Directions to neighbours fill the tangent space. In D dimensions the mean sine of the angle between two random
directions is s(D) = Γ(D/2)² / (Γ((D−1)/2) Γ((D+1)/2)): 0 for D = 1, 2/π for D = 2, about 1 − 1/(2D) for many. Distances
saturate there, angles don't. Curvature and noise turn directions out of the tangent space, the more the larger the
neighbourhood is, as its radius squared: the estimate goes half the way that two sizes of neighbourhoods point to at
size 0, and that half is an error.

Source: Johnsson, Soneson & Fontes 2015 (their ESSa with the neighbourhood's mean as the simplex's corner).
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from fractalman._typing import F64
from fractalman.measure.dimension_part import Part
from fractalman.measure.dimension_scan import shrunk
from fractalman.measure.neighbours import Neighbourhoods, block_jackknife, spatial_blocks

_SIZES = (30, 60, 120)
_CENTRES = 128
_BLOCKS = 16
_MODEL = 0.035  # what sets of known dimension are missed by, as a share; low dimensions by more, for edges weigh there
_EDGES = 0.15
_WIDE = 8.0  # from this dimension on 30 neighbours do not span the tangent space well
_MOST = 0.7  # largest continuation on the logarithm of D


@cache
def _table() -> tuple[F64, F64]:
    from scipy.special import gammaln

    D = np.geomspace(1.0 + 1e-9, 1000.0, 4096)
    return D, np.exp(2.0 * gammaln(D / 2.0) - gammaln((D - 1.0) / 2.0) - gammaln((D + 1.0) / 2.0))


def dimension_of_sine(mean_sine: F64) -> F64:
    """Return D for mean sines between 0 (D = 1) and 1."""
    D, sine = _table()
    return np.asarray(np.exp(np.interp(mean_sine, sine, np.log(D))))


def mean_sines(neighbours: F64) -> tuple[float, float]:
    """Return Σ |x||y| sin(x, y) and Σ |x||y| over all pairs of a neighbourhood, (k, d), taken from its mean."""
    centred = neighbours - neighbours.mean(axis=0)
    products = centred @ centred.T
    length = np.sqrt(np.diag(products))
    weight = np.outer(length, length)
    sine = np.sqrt(np.maximum(np.square(weight) - np.square(products), 0.0))
    pairs = np.triu_indices(len(centred), 1)
    return float(sine[pairs].sum()), float(weight[pairs].sum())


def angular(found: Neighbourhoods) -> tuple[Part, tuple[float, float]]:
    """Return the estimate from angles, and the median radii of its smallest and of its largest neighbourhood."""
    n = len(found.points.values)
    sizes = [k for k in _SIZES if k <= n // 8] or [max(8, n // 8)]
    values, sums, radii = found.points.values, [], []
    count = min(_CENTRES, len(found.sources))
    for rows in found.distances(count):
        for row in rows:
            near = np.argpartition(row, sizes[-1])[: sizes[-1]]
            near = near[np.argsort(row[near])]
            sums.append([mean_sines(values[near[:k]]) for k in sizes])
            radii.append([row[near[k - 1]] for k in (sizes[0], sizes[-1])])
    table = np.array(sums)  # (centres, sizes, 2)
    block = spatial_blocks(values[found.sources[:count]], _BLOCKS)

    last = len(sizes) - 1

    def read(rows: F64) -> F64:
        total = rows.sum(axis=0)
        x = np.log(dimension_of_sine(total[:, 0] / np.maximum(total[:, 1], 1e-300)))
        base = min(last, 1) if x[min(last, 1)] > math.log(_WIDE) else 0
        return np.array([x[min(base, last)], x[min(base + 1, last)] - x[min(base, last)]])

    (log, rise), (error, rise_error), _ = block_jackknife(table, block, read)
    lever = 2.0 ** (2.0 / math.exp(max(float(log), 0.0))) - 1.0  # curvature turns directions as k^(2/D)
    half = 0.5 * max(-_MOST, min(_MOST, shrunk(float(rise), float(rise_error)) / lever))
    low, high = np.median(np.array(radii), axis=0) * found.points.unit
    model = _MODEL + _EDGES / math.exp(2.0 * max(0.0, float(log)))
    scale = abs(half) if last > 0 else 0.3
    return Part(max(0.0, float(log) - half), float(error), model, scale, -half), (float(low), float(high))
