"""How smooth labels are on their points: the variogram's exponent 2H, and what it makes of one neighbour's risk.

γ(r) = mean (y_i − y_j)² over pairs at distance r ~ r^(2H), plus a nugget 2σ² where labels carry noise σ.
g(k) = mean (y_i − y_(k))² of a point and its k-th neighbour. Thinning the points by a factor k makes the k-th neighbour
the first, so g(k) ~ k^α is the learning curve of one neighbour read backwards: α is measured without 2H and D.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fractalman._typing import F64, I64
from fractalman.errors import FitError, RecipeError
from fractalman.measure.dimension import checked_points, neighbour_window, rows_of_distances, subset
from fractalman.measure.distances import sample_sources
from fractalman.measure.scaling import PowerLawFit, fit_power_law

_BINS = 8
_BLOCKS = 20  # blocks of starting points, the replicates of the fits
_LAST = 32


@dataclass(frozen=True)
class Smoothness:
    """The scaling of label differences.

    Args:
        variogram: fit of γ(r) ~ r^value: value = 2H, with its error; `floor` is the nugget 2σ², None without one.
        neighbours: fit of g(k) ~ k^value: value = α of one nearest neighbour, with its error.
        distance, difference: (bins,) float64 the variogram that was fitted: r in the unit of X, γ in that of y².
        rank, rank_difference: (ranks,) the neighbour differences that were fitted.
        variance: of the labels, unit of y².
        warnings: sentences that qualify the numbers.
    """

    variogram: PowerLawFit
    neighbours: PowerLawFit
    distance: F64
    difference: F64
    rank: I64
    rank_difference: F64
    variance: float
    warnings: tuple[str, ...]


def smoothness(
    X: ArrayLike,
    y: ArrayLike,
    *,
    window: tuple[float, float] | None = None,
    nugget: bool = False,
    n_sources: int = 512,
    seed: int = 0,
) -> Smoothness:
    """Return the exponent of the label variogram and that of the differences between neighbours.

    Args:
        X: (n ≥ 64, d) coordinates, one unit; beyond 32768 points a random part stands for all.
        y: (n,) labels, any unit.
        window: smallest and largest distance of the variogram; None = as for `dimension`.
        nugget: also fit a constant 2σ² for label noise.
        n_sources: random starting points. seed: integer, picks them.
    Errors: RecipeError for shapes or a window without pairs; FitError when labels do not differ.

    Source: docs/theory.md §2 and §4.
    """
    points = checked_points(X)
    labels = np.asarray(y, np.float64)
    if labels.shape != (len(points),) or not np.isfinite(labels).all():
        raise RecipeError(f"y has shape {labels.shape}: allowed are {len(points)} finite labels, one for each row of X")
    if labels.min() == labels.max():
        raise FitError(f"all labels are {labels[0]:g}: allowed are labels that differ, a constant has nothing to learn")
    part = subset(len(points), seed)
    points, labels = points[part], labels[part]
    sources = sample_sources(len(points), max(2 * _BLOCKS, n_sources), seed)
    last = max(20, len(points) // _LAST)
    ranks = np.unique(np.rint(np.geomspace(1, last, 2 * _BINS)).astype(np.int64))
    low, high = neighbour_window(points, sources, window)
    edges = np.geomspace(low, high, _BINS + 1)
    sums, pairs, lengths = (np.zeros((_BLOCKS, _BINS)) for _ in range(3))
    by_rank, started = np.zeros((_BLOCKS, ranks.size)), np.zeros(_BLOCKS)
    for i, (source, row) in enumerate(_each(points, sources)):
        block = i % _BLOCKS
        row[source] = -1.0  # the point itself comes first and is nobody's neighbour
        square = np.square(labels - labels[source])
        inside = (row > low) & (row <= high)
        which = np.minimum(np.searchsorted(edges, row[inside]) - 1, _BINS - 1)
        sums[block] += np.bincount(which, square[inside], _BINS)
        pairs[block] += np.bincount(which, minlength=_BINS)
        lengths[block] += np.bincount(which, row[inside], _BINS)
        first = np.argpartition(row, last)[: last + 1]
        by_rank[block] += square[first[np.argsort(row[first], kind="stable")]][ranks]
        started[block] += 1.0
    full = (pairs > 0).all(axis=0)
    if full.sum() < 4:
        raise RecipeError(
            f"pairs in {int(full.sum())} of {_BINS} bins between {low:g} and {high:g}: allowed is a window with pairs "
            "in 4 or more"
        )
    distance = lengths[:, full].sum(axis=0) / pairs[:, full].sum(axis=0)
    curves = sums[:, full] / pairs[:, full]
    differences = by_rank / started[:, None]
    variogram = fit_power_law(1.0 / distance, curves, floor=nugget)
    neighbours = fit_power_law(1.0 / ranks, differences, floor=nugget)
    warnings = []
    if not nugget and variogram.value < 0.1:
        warnings.append(
            f"label differences hardly grow with distance (2H = {variogram.value:.2g}): noise or a discontinuous "
            "label; with nugget=True noise is fitted beside the power law"
        )
    return Smoothness(
        variogram, neighbours, distance, sums[:, full].sum(axis=0) / pairs[:, full].sum(axis=0), ranks,
        differences.mean(axis=0), float(labels.var()), tuple(warnings),
    )  # fmt: skip


def _each(points: F64, sources: I64) -> Iterator[tuple[int, F64]]:
    rows = (row for block in rows_of_distances(points, sources) for row in block)
    yield from zip(sources.tolist(), rows, strict=True)
