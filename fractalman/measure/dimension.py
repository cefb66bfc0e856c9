"""Intrinsic dimension of a set of points in a window of scales, with an error and a warning where the set deceives.

D = intrinsic dimension, C(r) = share of the pairs closer than r, r_k = distance of a point to its k-th neighbour,
ψ = digamma function. The window is given in neighbours: from the median distance of the 8th neighbour to that of the
(n/32)-th, so that neither the spacing of the points nor the edge of the set decides.

A discrete set fools every estimator that looks at the first neighbours: on a complete embedded tree most points have
several neighbours at one distance. `ties` is the share of such points, and a warning names it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fractalman._typing import F64, I64
from fractalman.errors import RecipeError
from fractalman.errors import nearest as nearest_word
from fractalman.measure.distances import sample_sources
from fractalman.measure.scaling import student_t
from fractalman.random.streams import Role, key64, permutation

MAX_TARGETS = 1 << 15  # points among which neighbours are looked for
TIE = 1e-4  # relative difference of two distances that float32 coordinates do not resolve
_TIES_ALLOWED = 0.03
_FIRST, _LAST = 8, 32  # the window: 8th neighbour … (n/32)-th neighbour
_RADII = 12
_BLOCKS = 20  # jackknife blocks of starting points


@dataclass(frozen=True)
class Dimension:
    """An estimate of the intrinsic dimension.

    Args:
        value: D.
        standard_error: delete-a-block jackknife over starting points: the sampling error on this set of points.
        interval: 95 %, from the standard error alone.
        window: smallest and largest distance used, unit of X.
        lower, upper: D in the lower and in the upper half of the window; None for estimators of one scale.
        ties: share of the points whose two nearest neighbours are equally far, to a relative 1e-4.
        method: "correlation", "information", "mle" or "two-nn".
        n_points: points among which neighbours were looked for. n_sources: points whose neighbours were.
        warnings: sentences that qualify the number.
    """

    value: float
    standard_error: float
    interval: tuple[float, float]
    window: tuple[float, float]
    lower: float | None
    upper: float | None
    ties: float
    method: str
    n_points: int
    n_sources: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Neighbourhoods:
    """Sorted neighbour distances of the starting points."""

    near: F64  # (sources, k) distances of the first k neighbours, the point itself left out
    points: F64  # (n, d) all points that count as neighbours
    sources: I64  # rows of ``points``


def dimension(
    X: ArrayLike,
    *,
    method: str = "correlation",
    window: tuple[float, float] | None = None,
    n_sources: int = 512,
    seed: int = 0,
) -> Dimension:
    """Return the intrinsic dimension of points in a window of distances.

    Args:
        X: (n ≥ 64, d) coordinates, one unit for all; beyond 32768 points a random part stands for all.
        method: "correlation": slope of ln C(r) against ln r (D_2, the scaling of pairs within the window);
            "information": 1 / slope of the mean of ln r_k against ψ(k) (D_1); "mle": Levina & Bickel with 20
            neighbours, averaged as inverses; "two-nn": ratio of the first two neighbours' distances.
        window: smallest and largest distance of "correlation" and "information", unit of X; None = from the median
            distance of the 8th neighbour to that of the (n/32)-th.
        n_sources: random starting points. seed: integer, picks them.
    Returns: `Dimension`. Errors: RecipeError for shapes, an empty window, or points that all coincide.

    Source: Grassberger & Procaccia 1983; Levina & Bickel 2004 with MacKay & Ghahramani's average; Facco et al. 2017.
    """
    estimators = {"correlation": _correlation, "information": _information, "mle": _mle, "two-nn": _two_nn}
    if method not in estimators:
        raise RecipeError(
            f"unknown method {method!r}: allowed are {', '.join(estimators)}{nearest_word(str(method), estimators)}"
        )
    return estimators[method](_neighbourhoods(X, n_sources, seed), window)


def dimensions(
    X: ArrayLike, *, window: tuple[float, float] | None = None, n_sources: int = 512, seed: int = 0
) -> dict[str, Dimension]:
    """Return every estimate of `dimension` side by side, by method; arguments and errors as there."""
    found = _neighbourhoods(X, n_sources, seed)
    return {
        "correlation": _correlation(found, window),
        "information": _information(found, window),
        "mle": _mle(found, window),
        "two-nn": _two_nn(found, window),
    }


# ---------------------------------------------------------------------------------------------------- neighbours


def checked_points(X: ArrayLike, least: int = 64) -> F64:
    """Return X as float64 (n, d); RecipeError when it is not a table of at least ``least`` finite points."""
    points = np.asarray(X)
    if points.ndim != 2 or points.shape[0] < least or points.shape[1] < 1 or points.dtype.kind not in "fiu":
        raise RecipeError(
            f"X is {points.dtype} of shape {points.shape}: allowed is a table (n, d) of numbers, n = {least} or more"
        )
    points = points.astype(np.float64)
    if not np.isfinite(points).all():
        raise RecipeError("X holds numbers that are not finite: remove the points with nan or inf")
    return np.asarray(points, np.float64)


def subset(n: int, seed: int) -> I64:
    """Return the point numbers that stand for all n: all, or a random part of 32768."""
    if n <= MAX_TARGETS:
        return np.arange(n, dtype=np.int64)
    return np.sort(permutation(key64(seed, Role.MEASUREMENT, 2), n)[:MAX_TARGETS])


def _neighbourhoods(X: ArrayLike, n_sources: int, seed: int) -> _Neighbourhoods:
    points = checked_points(X)
    points = points[subset(len(points), seed)]
    sources = sample_sources(len(points), max(2 * _BLOCKS, n_sources), seed)
    return _Neighbourhoods(_nearest_distances(points, sources), points, sources)


def _nearest_distances(points: F64, sources: I64) -> F64:
    """Return the sorted distances of the starting points to their first n/32 neighbours (20 or more)."""
    k = int(min(len(points) - 1, max(20, len(points) // _LAST)))
    near = np.concatenate(
        [np.sort(np.partition(rows, k, axis=1)[:, : k + 1], axis=1) for rows in rows_of_distances(points, sources)]
    )
    if not near[:, -1].any():
        raise RecipeError("the points coincide: there is no distance to measure a dimension from")
    return np.asarray(near[:, 1:], np.float64)  # the first is the point itself, or a duplicate of it


def rows_of_distances(points: F64, sources: I64, block: int = 32) -> Iterator[F64]:
    """Yield the distances of blocks of starting points to all points, by direct float64 differences."""
    from scipy.spatial.distance import cdist

    for start in range(0, sources.size, block):
        yield cdist(points[sources[start : start + block]], points)


def _ties(found: _Neighbourhoods) -> float:
    first, second = found.near[:, 0], found.near[:, 1]
    return float(np.mean(second <= first * (1.0 + TIE)))


def neighbour_window(points: F64, sources: I64, window: tuple[float, float] | None) -> tuple[float, float]:
    """Return the window of distances: as given, or from the 8th to the (n/32)-th neighbour; RecipeError for none."""
    if window is None:
        return _window(_Neighbourhoods(_nearest_distances(points, sources), points, sources), None)
    return _checked_window(window)


def _window(found: _Neighbourhoods, window: tuple[float, float] | None) -> tuple[float, float]:
    if window is None:
        middle = np.median(found.near, axis=0)
        window = float(middle[_FIRST - 1]), float(middle[-1])
        if not window[0] > 0.0:
            raise RecipeError(
                f"half of the points coincide with {_FIRST} others or more: remove duplicated points, or give a window "
                "of distances"
            )
        if not window[0] < window[1]:
            raise RecipeError(
                f"the {_FIRST}th and the {found.near.shape[1]}th neighbour of most points are equally far, "
                f"{window[0]:g}: points on a lattice, or coordinates too large for double precision; give a window of "
                "distances, or scale X"
            )
    return _checked_window(window)


def _checked_window(window: tuple[float, float]) -> tuple[float, float]:
    low, high = float(window[0]), float(window[1])
    if not (math.isfinite(high) and 0.0 < low < high):
        raise RecipeError(f"window = ({low:g}, {high:g}): allowed are two finite distances 0 < low < high")
    return low, high


# ---------------------------------------------------------------------------------------------------- estimators


def _slopes(x: F64, y: F64) -> F64:
    """Return the least-squares slope over all, the lower and the upper half of the window."""
    half = x.size // 2
    return np.array([np.polyfit(x[part], y[part], 1)[0] for part in (slice(None), slice(half), slice(half, None))])


def _correlation(found: _Neighbourhoods, window: tuple[float, float] | None) -> Dimension:
    low, high = _window(found, window)
    radii = np.geomspace(low, high, _RADII)
    counts = np.concatenate(  # less the point itself
        [
            np.stack([np.count_nonzero(rows <= r, axis=1) - 1.0 for r in radii], axis=1)
            for rows in rows_of_distances(found.points, found.sources)
        ]
    )
    x = np.log(radii)

    def slopes(rows: F64) -> F64:
        mean = rows.mean(axis=0)
        return _slopes(x, np.log(mean)) if (mean > 0.0).all() else np.full(3, np.nan)

    return _windowed(found, "correlation", (low, high), counts, slopes)


def _information(found: _Neighbourhoods, window: tuple[float, float] | None) -> Dimension:
    from scipy.special import psi

    low, high = _window(found, window)
    middle = np.median(found.near, axis=0)
    first, last = int(np.searchsorted(middle, low)), int(np.searchsorted(middle, high, side="right"))
    if last - first < 6:
        raise RecipeError(
            f"{max(0, last - first)} neighbours lie between {low:g} and {high:g}: allowed is a window with 6 or more"
        )
    ranks = np.unique(np.rint(np.geomspace(first + 1, last, _RADII)).astype(np.int64))
    near = found.near[:, ranks - 1]
    usable = (near > 0.0).all(axis=1)  # a duplicate has no logarithm
    if usable.sum() < 2 * _BLOCKS:
        raise RecipeError("most points are duplicates: there is no distance to measure a dimension from")
    x = psi(ranks.astype(np.float64))

    def slopes(rows: F64) -> F64:
        return 1.0 / _slopes(x, rows.mean(axis=0))

    return _windowed(found, "information", (low, high), np.log(near[usable]), slopes)


def _mle(found: _Neighbourhoods, window: tuple[float, float] | None) -> Dimension:
    del window  # one scale: the 20th neighbour
    k = min(20, found.near.shape[1])
    near = found.near[found.near[:, 0] > 0.0, :k]
    if len(near) < 2 * _BLOCKS:
        raise RecipeError("most points are duplicates: there is no distance to measure a dimension from")
    inverse = np.log(near[:, -1:] / near[:, :-1]).sum(axis=1) / (k - 1)  # a Gamma variate of mean (k − 1)/D
    return _one_scale(found, "mle", inverse, (float(np.median(near[:, 0])), float(np.median(near[:, -1]))))


def _two_nn(found: _Neighbourhoods, window: tuple[float, float] | None) -> Dimension:
    del window  # one scale: the second neighbour
    near = found.near[found.near[:, 0] > 0.0, :2]
    if len(near) < 2 * _BLOCKS:
        raise RecipeError("most points are duplicates: there is no distance to measure a dimension from")
    # ln(r_2/r_1) is exponential with rate D: its mean, the upper tenth censored, as in the source
    ratio = np.log(near[:, 1] / near[:, 0])
    cut = float(np.quantile(ratio, 0.9))
    inverse = np.where(ratio < cut, ratio, cut) / 0.9
    return _one_scale(found, "two-nn", inverse, (float(np.median(near[:, 0])), float(np.median(near[:, 1]))))


# ---------------------------------------------------------------------------------------------------- results


def block_jackknife(rows: F64, statistic: Callable[[F64], F64], blocks: int = _BLOCKS) -> tuple[F64, F64]:
    """Return statistic(rows) and its delete-a-block standard errors; ``statistic`` maps (m, …) rows to (p,) numbers."""
    blocks = min(blocks, len(rows))
    part = np.arange(len(rows)) % blocks
    values = np.array([statistic(rows[part != b]) for b in range(blocks)])
    spread = values - values.mean(axis=0)
    return np.asarray(statistic(rows)), np.sqrt((blocks - 1) / blocks * np.square(spread).sum(axis=0))


def _windowed(
    found: _Neighbourhoods, method: str, window: tuple[float, float], rows: F64, slopes: Callable[[F64], F64]
) -> Dimension:
    (value, lower, upper), (error, lower_error, upper_error) = block_jackknife(rows, slopes)
    if not math.isfinite(value):
        raise RecipeError(
            f"no pair of points is closer than {window[0]:g}: allowed is a window that starts where "
            "points have neighbours"
        )
    warnings = []
    if abs(lower - upper) > 3.0 * math.hypot(lower_error, upper_error):
        warnings.append(
            f"no single power law: D is {lower:.3g} in the lower half of the window and {upper:.3g} in the upper"
        )
    if window[1] / window[0] < 4.0:
        warnings.append(f"the window spans a factor {window[1] / window[0]:.2g} in distance only")
    return _result(found, method, float(value), float(error), window, (float(lower), float(upper)), warnings)


def _one_scale(found: _Neighbourhoods, method: str, inverse: F64, window: tuple[float, float]) -> Dimension:
    if not inverse.any():
        raise RecipeError("all neighbour distances are equal: there is no scale to measure a dimension from")
    value, error = block_jackknife(inverse[:, None], lambda rows: 1.0 / rows.mean(axis=0))
    return _result(found, method, float(value[0]), float(error[0]), window, (None, None), [])


def _result(
    found: _Neighbourhoods,
    method: str,
    value: float,
    error: float,
    window: tuple[float, float],
    halves: tuple[float | None, float | None],
    warnings: list[str],
) -> Dimension:
    ties = _ties(found)
    if ties > _TIES_ALLOWED:
        warnings.append(
            f"{100 * ties:.0f} % of the points have two nearest neighbours at one distance: a discrete set, whose "
            "first neighbours say nothing of its dimension; measure a random 1/16 of it"
        )
    width = student_t(_BLOCKS - 1) * error
    return Dimension(
        value, error, (value - width, value + width), window, halves[0], halves[1], ties, method,
        len(found.points), int(found.sources.size), tuple(warnings),
    )  # fmt: skip
