"""How smooth labels are on their points: the variogram's exponent 2H, and what it makes of one neighbour's risk.

γ(r) = mean (yᵢ − yⱼ)² over pairs at distance r ~ r^(2H), plus a nugget 2σ² where labels carry noise σ.
g(k) = mean (y_i − y_(k))² of a point and its k-th neighbour. Thinning the points by a factor k makes the k-th neighbour
the first, so g(k) ~ k^α is the learning curve of one neighbour read backwards: α is measured without 2H and D.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from fractalman._arguments import checked_arguments
from fractalman._typing import F64, I64
from fractalman.display import Series, SeriesDisplay
from fractalman.errors import FitError, RecipeError
from fractalman.measure.field_errors import pairs_at, with_field_error
from fractalman.measure.neighbours import TIE, Neighbourhoods, neighbour_window, neighbourhoods, spatial_blocks
from fractalman.measure.paths import path_exponent, path_order
from fractalman.measure.points import MAX_TARGETS, as_points, contradictions, plain, with_labels
from fractalman.measure.scaling import PowerLawFit, fit_power_law
from fractalman.measure.sources import columns_of, is_source
from fractalman.sources import RecipeSource

_BINS = 8
_REPLICATES = 8  # blocks of space: smaller ones are no longer independent
_BLOCKS = 20  # groups of starting points where blocks of space cannot be the replicates of the fits
_LAST = 32


@dataclass(frozen=True)
class Smoothness(SeriesDisplay):
    """The scaling of label differences.

    Parameters
    ----------
    variogram : PowerLawFit
        Of γ(r) ~ r^value: value = 2H, with its error; ``floor`` is the nugget 2σ², None without one.
    neighbours : PowerLawFit
        Of g(k) ~ k^value: value = α of one nearest neighbour, with its error. On a path (equal distances on a line)
        from all pairs at lags 1, 2, 4 and 8, without ``nugget``.
    distance, difference : (bins,) float64
        The variogram that was fitted: r in the unit of X, γ in that of y².
    rank, rank_difference : (ranks,) int64 and float64
        The neighbour differences that were fitted: k, and g(k) in the unit of y².
    variance : float
        Of the labels, unit of y².
    warnings : tuple of str
        Sentences that qualify the numbers.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> X = np.random.default_rng(0).random((200, 2))
    >>> found = fm.measure.smoothness(X, X[:, 0])
    >>> found.distance.shape == found.difference.shape
    True
    """

    _series = Series("distance", "difference", words=("distance", "mean (yᵢ − yⱼ)²"))

    variogram: PowerLawFit
    neighbours: PowerLawFit
    distance: F64
    difference: F64
    rank: I64
    rank_difference: F64
    variance: float
    warnings: tuple[str, ...]


@checked_arguments
def smoothness(
    X: ArrayLike | RecipeSource,
    y: ArrayLike | None = None,
    *,
    window: tuple[float, float] | None = None,
    nugget: bool = False,
    n_sources: int = 512,
    seed: int = 0,
    classes: bool = False,
) -> Smoothness:
    """Return the exponent of the label variogram and that of the differences between neighbours.

    Parameters
    ----------
    X : (n ≥ 64, d) array_like
        Coordinates, one unit, of any kind that `dimension` takes; beyond 32768 points a random part stands for all. Of
        several equal rows the first is kept, with its label.
    y : (n,) array_like
        Labels, any unit; None only where X is a dataset or a file's path.
    window : (low, high), default None
        Smallest and largest distance of the variogram, unit of X; None = as for `dimension`.
    nugget : bool, default False
        Also fit a constant 2σ² for label noise.
    n_sources : int, default 512
        Random starting points.
    seed : int, default 0
        Picks them.
    classes : bool, default False
        Labels are numbers of classes: differences are 1 between two and 0 within one.

    Returns
    -------
    Smoothness
        Both fits and what was fitted.

    Raises
    ------
    RecipeError
        For shapes or a window without pairs.
    FitError
        When labels do not differ. Where only those of close points are equal, as in classes that are separated by gaps,
        both fits are nan and a warning says so.

    Notes
    -----
    docs/theory.md §2 and §4.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> X = np.random.default_rng(0).random((500, 2))
    >>> round(fm.measure.smoothness(X, X[:, 0]).variogram.value)
    2
    """
    if y is None:
        if not is_source(X):
            raise RecipeError("y = None: expected (n,) labels; use y = data.y, or a dataset in place of X")
        X, y = columns_of(X, "X", "y")
    elif is_source(X):
        (X,) = columns_of(X, "X")
    X, labels = with_labels(X, y)
    found = as_points(X, most=MAX_TARGETS, seed=seed)
    contradicting = contradictions(found, labels, classes)
    labels = labels[found.row]
    if labels.min() == labels.max():
        raise FitError(
            f"all labels are {plain(labels[0])}: expected labels that differ, a constant has nothing to learn"
        )
    last = max(20, len(labels) // _LAST)
    ranks = np.unique(np.rint(np.geomspace(1, last, 2 * _BINS)).astype(np.int64))
    start = neighbourhoods(found, max(2 * _BLOCKS, n_sources), seed)
    edges = np.geomspace(*_window(start, window), _BINS + 1)
    means = _grouped(_differences(start, labels, edges, ranks, classes), found.values[start.sources], found.unit)
    variogram = _fitted(1.0 / means.distance, means.curves, nugget)
    neighbours = _fitted(1.0 / means.ranks, means.by_rank, nugget)
    if not (nugget or classes):
        far, near = pairs_at(start, edges, means.ranks, seed)
        of, count = (variogram.value, found.values), len(start.sources)
        variogram = with_field_error(variogram, *of, far.at(np.nonzero(means.full)[0]), means.distance, count)
        neighbours = with_field_error(neighbours, *of, near, means.ranks.astype(np.float64), count)
        order = path_order(found.values)
        if order is not None:
            neighbours = path_exponent(labels[order]) or neighbours
    warnings = [*found.notes, *contradicting]
    if not np.isfinite(neighbours.value):
        warnings.append(_separated(means.by_rank, len(start.sources), classes))
    if not nugget and variogram.value < 0.1:
        warnings.append(
            f"label differences hardly grow with distance (2H = {variogram.value:.2g}): noise or a discontinuous "
            "label; with nugget=True noise is fitted beside the power law"
        )
    return Smoothness(
        variogram, neighbours, means.distance, means.variogram, means.ranks, means.by_rank.mean(axis=0),
        float(labels.var()), tuple(warnings),
    )  # fmt: skip


# --------------------------------------------------------------------------- label differences, and their means


@dataclass(frozen=True)
class _Differences:
    """Sums over the pairs of every starting point: (sources, bins) by distance, (sources, ranks) by rank."""

    squares: F64
    pairs: F64
    lengths: F64
    by_rank: F64
    reached: F64  # (ranks,): where the neighbours of these ranks stand, in the mean
    edges: F64


@dataclass(frozen=True)
class _Means:
    """Mean squared differences of the groups that are the replicates of the fits."""

    full: npt.NDArray[np.bool_]  # (bins,): with pairs in every group
    distance: F64
    curves: F64  # (groups, full bins)
    variogram: F64
    ranks: I64
    by_rank: F64  # (groups, ranks)


def _differences(start: Neighbourhoods, labels: F64, edges: F64, ranks: I64, classes: bool) -> _Differences:
    """Compare the label of every starting point with those of all others, by distance and by rank."""
    count, two = len(start.sources), start.near[:, :2]
    grid = bool(np.mean(two[:, 1] - two[:, 0] <= TIE * two[:, 0]) > 0.5)
    squares, pairs, lengths = (np.zeros((count, _BINS)) for _ in range(3))
    by_rank, reached = np.zeros((count, ranks.size)), np.zeros(ranks.size)
    rows = (row for block in start.distances() for row in block)
    for i, (source, row) in enumerate(zip(start.sources.tolist(), rows, strict=True)):
        square = np.square(labels - labels[source]) if not classes else (labels != labels[source]).astype(np.float64)
        inside = (row > edges[0]) & (row <= edges[-1])
        which = np.minimum(np.searchsorted(edges, row[inside]) - 1, _BINS - 1)
        squares[i] = np.bincount(which, square[inside], _BINS)
        pairs[i] = np.bincount(which, minlength=_BINS)
        lengths[i] = np.bincount(which, row[inside], _BINS)
        by_rank[i], stands_at = _at_ranks(row, square, ranks, grid)
        reached += stands_at / count
    return _Differences(squares, pairs, lengths, by_rank, reached, edges)


def _grouped(found: _Differences, sources: F64, unit: float) -> _Means:
    """Return the means over groups of starting points; RecipeError where too few distances have pairs."""
    group = _groups(spatial_blocks(sources, _REPLICATES, principal=True), found.pairs)
    squares, pairs, lengths = (_totals(one, group) for one in (found.squares, found.pairs, found.lengths))
    full = np.asarray((pairs > 0).all(axis=0))
    if full.sum() < 4:
        raise RecipeError(
            f"pairs in {int(full.sum())} of {_BINS} bins between {found.edges[0]:g} and {found.edges[-1]:g}: expected "
            "a window with pairs in 4 or more"
        )
    squares, pairs, lengths = squares[:, full], pairs[:, full], lengths[:, full]
    in_all = pairs.sum(axis=0)
    ranks, which = np.unique(np.rint(found.reached).astype(np.int64), return_index=True)
    return _Means(
        full=full,
        distance=lengths.sum(axis=0) / in_all * unit,
        curves=squares / pairs,
        variogram=squares.sum(axis=0) / in_all,
        ranks=ranks,
        by_rank=(_totals(found.by_rank, group) / np.bincount(group)[:, None])[:, which],
    )


def _window(found: Neighbourhoods, window: tuple[float, float] | None) -> tuple[float, float]:
    """The variogram's distances: neighbours', or all up to the middle one where those are fewer than the bins.

    Between points of zeros and ones, or of small counts, distances are roots of a few whole numbers.
    """
    low, high = neighbour_window(found, window)
    near = found.near[:, 0]
    inside = found.near[(found.near > low) & (found.near <= high)]
    if window is not None or np.unique(np.round(np.log(inside), 9)).size >= _BINS or not (near > 0.0).any():
        return low, high
    some = next(iter(found.distances()))
    return float(near[near > 0.0].min()) * (1.0 - TIE), float(np.median(some[some > 0.0])) * (1.0 + TIE)


def _groups(block: I64, pairs: F64) -> I64:
    """The groups of starting points that are the replicates of the fits: blocks of space where that can be.

    What blocks say of one label field is nearly independent; starting points that lie between each other all say the
    same, and their scatter is too small for an error. A set with gaps has blocks without pairs at some distances: it is
    left for groups of every 20th starting point.
    """
    wanted = pairs.sum(axis=0) > 0.0
    if (_totals(pairs, block)[:, wanted] > 0.0).all():
        return block
    return np.arange(len(block)) % _BLOCKS


def _totals(table: F64, group: I64) -> F64:
    """The sums of a table's rows over groups."""
    out = np.zeros((int(group.max()) + 1, table.shape[1]))
    np.add.at(out, group, table)
    return out


def _at_ranks(distance: F64, square: F64, ranks: I64, grid: bool) -> tuple[F64, F64]:
    """The differences to the neighbours of these ranks, and the ranks at which they stand.

    On a grid neighbours at one distance share the mean of their differences; they stand at the number of points nearer
    than they, the point itself among them, and half of their own: on a path that is twice the distance.
    """
    last = int(ranks[-1])
    near = np.argpartition(distance, last)[: last + 1] if last + 1 < len(distance) else np.arange(len(distance))
    near = near[np.argsort(distance[near], kind="stable")]
    sorted_distance = distance[near]
    if not grid:
        return square[near][ranks - 1], ranks.astype(np.float64)
    begin = np.searchsorted(sorted_distance, sorted_distance[ranks - 1] * (1.0 - TIE))
    end = np.searchsorted(sorted_distance, sorted_distance[ranks - 1] * (1.0 + TIE), side="right")
    sums = np.concatenate([[0.0], np.cumsum(square[near])])
    stands_at = np.asarray(0.5 * (begin + end) + 1.0, np.float64)
    return (sums[end] - sums[begin]) / (end - begin), stands_at


def _fitted(x: F64, curves: F64, nugget: bool) -> PowerLawFit:
    """The fit of a curve, nan where fewer differ from 0 than it needs."""
    mean = curves.mean(axis=0)
    shared = (curves > 0.0).sum(axis=0) > 1  # of what a single block holds there is no error
    if (mean > 0.0).sum() >= (4 if nugget else 3) and shared.sum() > 1:
        return fit_power_law(x, curves, floor=nugget)
    nan, everything = math.nan, (-math.inf, math.inf)
    return PowerLawFit(
        value=nan, standard_error=nan, degrees_of_freedom=0, half_width=math.inf, interval=everything, amplitude=nan,
        window=(float(x.min()), float(x.max())), n_sizes=0, n_replicates=len(curves), logarithm=False,
        floor=0.0 if nugget else None, floor_standard_error=nan if nugget else None, without_floor=nan, curvature=None,
        curvature_error=None, warnings=("not resolved: labels of close points do not differ",),
    )  # fmt: skip


def _separated(differences: F64, sources: int, classes: bool) -> str:
    largest = float(differences.mean(axis=0).max())
    what = "classes" if classes else "labels"
    if largest > 0.0:
        return (
            f"{what} of neighbours hardly ever differ (in a share of {plain(largest)} at most): no exponent is resolved"
        )
    return (
        f"{what} of neighbours never differ, at {sources} points: the risk of one neighbour is 0 (below "
        f"{plain(3.0 / sources)} of the pairs, 95 %), and its exponent is not resolved"
    )
