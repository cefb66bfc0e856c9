"""The estimators of `fractalman.measure.dimension`; `dimension_methods` names them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from fractalman._typing import F64
from fractalman.errors import RecipeError
from fractalman.measure.dimension import Dimension, one_scale, result, usable, windowed
from fractalman.measure.dimension_angles import angular
from fractalman.measure.dimension_components import NEIGHBOURS, components_of, several_words
from fractalman.measure.dimension_recommended import bends, bent, combine
from fractalman.measure.dimension_scan import radial
from fractalman.measure.neighbours import Neighbourhoods, checked_window, neighbour_window

_RADII = 12
_PAIRS = 512  # starting points whose pairs "correlation" counts
_LARGEST = 80.0  # largest dimension of the reference sets


def recommended(found: Neighbourhoods, window: tuple[float, float] | None) -> Dimension:
    """Distances of several scales, joined with the angles between neighbours."""
    given = None if window is None else checked_window(window)
    scan, part = radial(found, given)
    if given is None and scan.noise_scale is not None:
        reason = "from neighbours' distances above the noise: angles read it with the set"
    elif given is None and bends(scan):
        part = bent(part)
        reason = "from neighbours' distances alone: they read more the farther they are, as where a set bends"
    elif given is None:
        part, reason = combine(part, angular(found)[0])
    else:
        reason = f"from neighbours at distances from {given[0]:.3g} to {given[1]:.3g}"
    first, last = scan.plateau
    warnings = []
    if scan.noise_scale is not None:
        warnings.append(
            f"below {scan.noise_scale:.2g} the dimension rises to {scan.noise_dimension:.2g}: noise; the value is that "
            "of the plateau above"
        )
    enough = found.near.shape[1] > NEIGHBOURS
    several = components_of(found) if given is None and enough else ()
    if len(several) > 1:
        reason = "a mean over components of different dimension, and the dimension of none"
        warnings.append(several_words(several))
    limits = float(scan.distance[first]), float(scan.distance[last])
    raw = float(np.exp(np.log(scan.reading[first : last + 1]).mean()))
    if raw > _LARGEST * 0.5 or math.exp(part.log) > _LARGEST:
        warnings.append(f"too few points for so high a dimension: beyond {_LARGEST:g} the value is an extrapolation")
    one = result(found, "recommended", raw, part, limits, (None, None), warnings, reason, scan)
    if len(several) < 2:
        return one
    ends = [*one.interval, *(end for part in several for end in (part.value - 2 * part.standard_error, part.value))]
    ends += [part.value + 2 * part.standard_error for part in several]
    return replace(one, interval=(max(0.0, min(ends)), max(ends)), components=several)


def angles(found: Neighbourhoods, window: tuple[float, float] | None) -> Dimension:
    """Expected simplex skewness: the angles between the directions to neighbours."""
    del window
    part, limits = angular(found)
    raw = math.exp(part.log - part.trend)
    reason = "angles between the directions to neighbours: right where the set is smooth, too large where it is fractal"
    return result(found, "angles", raw, part, limits, (None, None), [], reason)


def _slopes(x: F64, y: F64) -> F64:
    """Return the least-squares slope over all, the lower and the upper half of the window, and what it misses by."""
    half = x.size // 2
    line = [np.polyfit(x[part], y[part], 1) for part in (slice(None), slice(half), slice(half, None))]
    miss = float(np.sqrt(np.mean(np.square(y - np.polyval(line[0], x)))))
    return np.array([*(fit[0] for fit in line), miss])


def correlation(found: Neighbourhoods, window: tuple[float, float] | None) -> Dimension:
    """Slope of ln C(r) against ln r: D_2."""
    low, high = neighbour_window(found, window)
    radii = np.geomspace(low, high, _RADII)
    counts = np.concatenate(
        [np.stack([np.count_nonzero(rows <= r, axis=1) for r in radii], axis=1) for rows in found.distances(_PAIRS)]
    ).astype(np.float64)
    x = np.log(radii)

    def slopes(rows: F64) -> F64:
        mean = rows.mean(axis=0)
        return _slopes(x, np.log(mean)) if (mean > 0.0).all() else np.full(4, np.nan)

    share = counts.mean(axis=0) / len(found.points.values)
    reason = "slope of the number of pairs against distance, over the window"
    return windowed(found, "correlation", (low, high), (counts, found.block[:_PAIRS]), slopes, share, reason)


def information(found: Neighbourhoods, window: tuple[float, float] | None) -> Dimension:
    """1 / slope of the mean of ln r_k against ψ(k): D_1."""
    from scipy.special import psi

    low, high = neighbour_window(found, window)
    middle = np.median(found.near, axis=0)
    first, last = int(np.searchsorted(middle, low)), int(np.searchsorted(middle, high, side="right"))
    if last - first < 6:
        raise RecipeError(
            f"{max(0, last - first)} neighbours lie between {low:g} and {high:g}: expected a window with 6 or more"
        )
    ranks = np.unique(np.rint(np.geomspace(first + 1, last, _RADII)).astype(np.int64))
    near = found.near[:, ranks - 1]
    free = usable(found, near)
    x = psi(ranks.astype(np.float64))

    def slopes(rows: F64) -> F64:
        fitted = _slopes(x, rows.mean(axis=0))
        return np.append(1.0 / fitted[:3], fitted[3] / max(fitted[0], 1e-300))

    reason = "slope of the neighbours' mean log distance against their rank, over the window"
    rows = np.log(near[free]), found.block[free]
    return windowed(found, "information", (low, high), rows, slopes, ranks / len(found.points.values), reason)


def mle(found: Neighbourhoods, window: tuple[float, float] | None) -> Dimension:
    """Likelihood of the first 20 neighbours' distances, averaged as inverses."""
    del window  # one scale: the 20th neighbour
    k = min(20, found.near.shape[1])
    free = usable(found, found.near[:, :1])
    near = found.near[free, :k]
    inverse = np.log(near[:, -1:] / near[:, :-1]).sum(axis=1) / (k - 1)  # a Gamma variate of mean (k − 1)/D
    limits = float(np.median(near[:, 0])), float(np.median(near[:, -1]))
    ranks = np.array([0.15, 0.35, 0.55, 0.75, 0.95]) * k
    reason = f"likelihood of the first {k} neighbours' distances"
    return one_scale(found, "mle", inverse, found.block[free], limits, ranks, reason)


def two_nn(found: Neighbourhoods, window: tuple[float, float] | None) -> Dimension:
    """Ratio of the first two neighbours' distances."""
    del window  # one scale: the second neighbour
    free = usable(found, found.near[:, :1])
    near = found.near[free, :2]
    # ln(r_2/r_1) is exponential with rate D: its mean, the upper tenth censored, as in the source
    ratio = np.log(near[:, 1] / near[:, 0])
    cut = float(np.quantile(ratio, 0.9))
    inverse = np.where(ratio < cut, ratio, cut) / 0.9
    limits = float(np.median(near[:, 0])), float(np.median(near[:, 1]))
    reason = "ratio of the first two neighbours' distances"
    return one_scale(found, "two-nn", inverse, found.block[free], limits, np.array([math.sqrt(2.0)]), reason)
