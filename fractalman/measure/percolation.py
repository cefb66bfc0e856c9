"""The exponents of percolation clusters, measured: cluster sizes, mass against side, shortest paths.

Each of them is a power law only inside a window: above a few lattice spacings and below the size of the box or the
correlation length. The window is an argument, and the caller's judgement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import zeta

from fractalman._arguments import as_array, checked_arguments
from fractalman._typing import F64, I64
from fractalman.display import Display, Series, SeriesDisplay
from fractalman.errors import FitError, RecipeError
from fractalman.measure.distances import adjacency, distances_from, sample_sources
from fractalman.measure.scaling import fit_power_law, student_t


@dataclass(frozen=True)
class Growth(Display):
    """A measured exponent with its error.

    Parameters
    ----------
    value : float
        The exponent, as its function defines it.
    standard_error : float
        Over replicates where there are several, else of the one fit.
    half_width : float
        Of the 95 % interval.
    window : tuple of float
        Smallest and largest abscissa used.
    warnings : tuple of str
        Sentences that qualify the number.

    Examples
    --------
    >>> import fractalman as fm
    >>> print(f"{fm.measure.growth_exponent([8, 16, 32], [64, 256, 1024]).value:.3f}")
    2.000
    """

    value: float
    standard_error: float
    half_width: float
    window: tuple[float, float]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class PathCurve(SeriesDisplay):
    """Straight against shortest: how far apart in space points are that are ℓ steps apart.

    Parameters
    ----------
    steps : (k,) int64
        ℓ = 1, 2, 4, …
    distance : (k,) float64
        Mean Euclidean distance of the pairs, in units of X.
    pairs : (k,) int64
        Ordered pairs.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> fm.measure.PathCurve(np.array([1, 2]), np.array([1.0, 1.5]), np.array([6, 4])).pairs.sum().item()
    10
    """

    _series = Series("steps", "distance", more=("pairs",), words=("steps along edges", "distance in X"))

    steps: I64
    distance: F64
    pairs: I64


@checked_arguments
def growth_exponent(x: ArrayLike, y: ArrayLike, window: tuple[float, float] | None = None) -> Growth:
    """Return the exponent of y ~ x^value.

    Parameters
    ----------
    x : (k,) array_like
        Distinct numbers > 0, any unit.
    y : (k,) or (replicates, k) array_like
        One curve or several, > 0; the mean over replicates is fitted, and the error is their delete-one jackknife. With
        x = side and y = mass of the largest cluster the value is d_f.
    window : (low, high), default None
        Use window[0] ≤ x ≤ window[1] only; None = all.

    Returns
    -------
    Growth
        The exponent with its error.

    Raises
    ------
    FitError
        When there are too few numbers.

    Examples
    --------
    >>> import fractalman as fm
    >>> print(f"{fm.measure.growth_exponent([8, 16, 32], [64, 256, 1024]).value:.3f}")
    2.000
    """
    fit = fit_power_law(x, y, window=window)
    return Growth(-fit.value, fit.standard_error, fit.half_width, fit.window, fit.warnings)


@checked_arguments
def path_curve(edges: ArrayLike, X: ArrayLike, *, n_sources: int = 64, seed: int = 0) -> PathCurve:
    """Return the mean Euclidean distance of points that are ℓ = 1, 2, 4, … steps apart.

    Parameters
    ----------
    edges : (m, 2) array_like of int
        Pairs of rows of X; loops are welcome, they make the shortest paths.
    X : (n, d) array_like
        Coordinates in one unit; a rotation does not matter.
    n_sources : int, default 64
        Random starting points, from which all points of their clusters are reached.
    seed : int, default 0
        Picks them.

    Returns
    -------
    PathCurve
        Distances by number of steps, for the numbers that occur.

    Raises
    ------
    RecipeError
        When an edge leaves the points or no two points are joined.

    Examples
    --------
    >>> import fractalman as fm
    >>> curve = fm.measure.path_curve([[0, 1], [1, 2]], [[0.0], [1.0], [2.0]])
    >>> curve.steps.tolist(), curve.distance.tolist()
    ([1, 2], [1.0, 2.0])
    """
    points = as_array("X", X, np.float64)
    if points.ndim != 2:
        raise RecipeError(f"X has shape {points.shape}: expected (n, d)")
    n = points.shape[0]
    start, neighbour = adjacency(edges, n)
    bins = max(1, n.bit_length())
    total, pairs = np.zeros(bins), np.zeros(bins, np.int64)
    for source in sample_sources(n, max(1, n_sources), seed):
        steps, reached = distances_from(start, neighbour, int(source))
        far = steps[reached]
        used = (far > 0) & (far & (far - 1) == 0)
        which = np.rint(np.log2(far[used])).astype(np.int64)
        difference = points[reached[used]].astype(np.float64) - points[source].astype(np.float64)
        total += np.bincount(which, np.sqrt((difference**2).sum(axis=1)), bins)
        pairs += np.bincount(which, minlength=bins)
    kept = pairs > 0
    if not kept.any():
        raise RecipeError(f"none of {n_sources} starting points has a neighbour: use a larger n_sources")
    return PathCurve(2 ** np.flatnonzero(kept).astype(np.int64), total[kept] / pairs[kept], pairs[kept])


@checked_arguments
def path_dimension(curves: list[PathCurve], window: tuple[float, float]) -> Growth:
    """Return d_min of ℓ ~ r^d_min from the curves of one or several clusters.

    Parameters
    ----------
    curves : list of PathCurve
        One for every cluster, each weighing alike.
    window : (low, high)
        In steps ℓ; well above 1 and well below the longest path, side^d_min.

    Returns
    -------
    Growth
        d_min with its error.

    Raises
    ------
    FitError
        When a curve does not reach the end of the window.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> steps = 2 ** np.arange(5)
    >>> curve = fm.measure.PathCurve(steps, steps**0.5, np.ones(5, int))
    >>> print(f"{fm.measure.path_dimension([curve], (1, 16)).value:.3f}")
    2.000
    """
    steps = sorted({int(s) for c in curves for s in c.steps if window[0] <= s <= window[1]})
    rows = []
    for i, curve in enumerate(curves):
        known = dict(zip(curve.steps.tolist(), curve.distance.tolist(), strict=True))
        if not set(steps) <= known.keys():
            raise FitError(f"cluster {i} has no paths of {max(steps)} steps: narrow the window or leave it out")
        rows.append([known[s] for s in steps])
    found = growth_exponent(steps, np.array(rows))
    factor = 1.0 / found.value**2  # d(1/x) = dx/x²
    return Growth(
        1.0 / found.value, factor * found.standard_error, factor * found.half_width, found.window, found.warnings
    )


@checked_arguments
def size_exponent(size: ArrayLike, count: ArrayLike, window: tuple[int, int | None] | None = None) -> Growth:
    """Return τ of the number of clusters n_s ~ s^−τ by maximum likelihood over all sizes of the window.

    Parameters
    ----------
    size : (k,) array_like of int
        The sizes that occur, ascending, in points (as `cluster_sizes` returns them).
    count : (k,) array_like of int
        How many clusters have each size.
    window : (low, high), default None
        Smallest and largest size used, both included; the law has corrections below about 100 sites, and ends where
        clusters feel the box, s ≪ side^d_f. high = None: the law has no end (the largest size that was *seen* is none:
        taking it for the end lowers τ). None: no end, and the low from which on the sizes look most like a power law,
        by the Kolmogorov–Smirnov distance, of those with 50 clusters or more; the error does not hold this choice.

    Returns
    -------
    Growth
        τ with its error.

    Raises
    ------
    FitError
        When fewer than two clusters lie in the window, or all have its smallest or its largest size.

    Notes
    -----
    The choice of ``low`` follows Clauset, Shalizi and Newman (arXiv 0706.1062).

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> size = np.arange(1, 101)
    >>> print(f"{fm.measure.size_exponent(size, np.rint(1e6 * size**-2.0), (1, 100)).value:.2f}")
    2.00
    >>> print(f"{fm.measure.size_exponent(size, np.rint(1e9 * size**-3.5), (1, None)).value:.2f}")
    3.50
    """
    sizes, counts = as_array("size", size, np.int64), as_array("count", count, np.int64)
    if sizes.ndim != 1 or sizes.shape != counts.shape:
        raise FitError(f"size has shape {sizes.shape} and count {counts.shape}: expected one count for each size")
    low, high = (None, None) if window is None else (int(window[0]), window[1])
    if low is None:
        low = _most_like_a_power_law(sizes, counts)
    inside = (sizes >= low) & (sizes <= (sizes.max(initial=0) if high is None else int(high)))
    sizes, counts = sizes[inside], counts[inside]
    clusters = int(counts.sum())
    ends = f"{low} to {high}" if high is not None else f"at least {low}"
    if low < 1 or (high is not None and low >= high) or clusters < 2 or sizes[0] == high or sizes[-1] == low:
        raise FitError(f"{clusters} clusters of {ends} sites: an exponent needs several sizes; widen the window")
    mean = float((counts * np.log(sizes)).sum()) / clusters
    tau, spread = _without_end(low, mean) if high is None else _between(low, int(high), mean)
    error = 1.0 / math.sqrt(clusters * spread)
    warnings = () if window is not None else (f"the window begins at {low}, chosen from these sizes",)
    return Growth(tau, error, student_t(clusters - 1) * error, (float(low), float(high or sizes[-1])), warnings)


def _between(low: int, high: int, mean: float) -> tuple[float, float]:
    """τ at which E[ln s] is the mean, and the variance of ln s there, of sizes from low to high."""
    support, weight = _sizes_between(low, high)
    logs = np.log(support)
    left, right = -20.0, 40.0  # E[ln s] falls with τ
    for _ in range(80):
        tau = 0.5 * (left + right)
        law = weight * np.exp(-tau * (logs - logs[0]))
        left, right = (tau, right) if float(law @ logs / law.sum()) > mean else (left, tau)
    law = weight * np.exp(-tau * (logs - logs[0]))
    expected = float(law @ logs / law.sum())
    return tau, float(law @ (logs - expected) ** 2 / law.sum())


def _without_end(low: int, mean: float) -> tuple[float, float]:
    """As `_between` for all sizes from low on: ln ζ(τ, low) generates the cumulants of ln s."""

    def log_sum(tau: float) -> float:  # of (s/low)^−τ
        return float(np.log(zeta(tau, low))) + tau * math.log(low)

    beyond = mean - math.log(low)
    largest = min(40.0, 600.0 / max(math.log(low), 1.0))  # ζ is a number up to there
    tau = float(
        minimize_scalar(
            lambda t: t * beyond + log_sum(t), bounds=(1.0 + 1e-6, largest), method="bounded", options={"xatol": 1e-9}
        ).x
    )
    step = 1e-3 * (tau - 1.0)
    return tau, (log_sum(tau + step) - 2.0 * log_sum(tau) + log_sum(tau - step)) / step**2


def _most_like_a_power_law(sizes: I64, counts: I64, least: int = 50, most: int = 200) -> int:
    """The low whose law without end is nearest to the sizes from low on, of up to ``most`` sizes that occur."""
    above = counts[::-1].cumsum()[::-1]
    able = np.flatnonzero((above >= least) & (sizes < sizes.max(initial=0)))
    if not len(able):
        raise FitError(f"{int(counts.sum())} clusters: expected {least} of several sizes; use a window")
    able = able[np.unique(np.linspace(0, len(able) - 1, most).astype(int))]
    distance = []
    for start in able:
        low, kept, number = int(sizes[start]), sizes[start:], counts[start:]
        tau, _ = _without_end(low, float((number * np.log(kept)).sum()) / above[start])
        law = 1.0 - zeta(tau, kept + 1.0) / zeta(tau, float(low))
        distance.append(float(np.abs(number.cumsum() / above[start] - law).max()))
    return int(sizes[able[int(np.argmin(distance))]])


def _sizes_between(low: int, high: int) -> tuple[F64, F64]:
    """The sizes of a window: one by one up to a few thousand, then cells of relative width 10^-3 at their middles."""
    exact = np.arange(low, min(high, max(low, 1000) + 4000) + 1, dtype=np.float64)
    bounds = [exact[-1] + 1.0]
    while bounds[-1] <= high:
        bounds.append(min(high + 1.0, math.ceil(bounds[-1] * 1.001)))
    edges = np.array(bounds)
    middles = np.sqrt(np.maximum(edges[:-1] - 0.5, 1.0) * (edges[1:] - 0.5)) if edges.size > 1 else np.empty(0)
    return np.concatenate([exact, middles]), np.concatenate([np.ones(exact.size), np.diff(edges)])
