"""Graph distances inside clusters, from breadth-first searches that start at sampled points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from fractalman._arguments import as_array, checked_arguments
from fractalman._typing import F64, I64
from fractalman.display import Series, SeriesDisplay
from fractalman.errors import RecipeError
from fractalman.measure._graph_kernels import fill_distances
from fractalman.measure.sources import columns_of, is_source
from fractalman.random.streams import Role, key64, permutation
from fractalman.sources import RecipeSource
from fractalman.trees import _kernels


@dataclass(frozen=True)
class Distances(SeriesDisplay):
    """Distances between distinct points of the same cluster, in edges.

    Parameters
    ----------
    mean : float
        Over pairs.
    standard_error : float
        Of the mean, by delete-one jackknife over starting points; 0 when every point started. It is the sampling error
        on this graph and knows nothing of other graphs.
    largest : int
        The longest distance seen.
    n_sources : int
        Starting points.
    n_pairs : int
        Ordered pairs seen.
    count : (largest + 1,) int64
        Ordered pairs at each distance.

    Examples
    --------
    >>> import fractalman as fm
    >>> fm.measure.tree_distances([[0, 1], [1, 2]], 3).count.tolist()
    [0, 4, 2]
    """

    _series = Series("distance", "count", words=("distance, edges", "ordered pairs"), linear=("x", "y"))

    mean: float
    standard_error: float
    largest: int
    n_sources: int
    n_pairs: int
    count: I64

    @property
    def distance(self) -> I64:
        """(largest + 1,) int64 distances that ``count`` is of: 0, 1, 2, …."""
        return np.arange(self.count.size, dtype=np.int64)


def adjacency(edges: ArrayLike, n_points: int) -> tuple[I64, I64]:
    """Return (start, neighbour) lists of an undirected graph.

    Args:
        edges: (m, 2) integers in 0 … n_points − 1.
        n_points: number of points.
    Errors: RecipeError when an edge leaves the points.
    """
    pairs = np.ascontiguousarray(as_array("edges", edges, np.int64))
    if pairs.size and (pairs.ndim != 2 or pairs.shape[1] != 2):
        raise RecipeError(f"edges has shape {pairs.shape}: expected (m, 2) point numbers")
    pairs = pairs.reshape(-1, 2)
    if pairs.size and (int(pairs.min()) < 0 or int(pairs.max()) >= n_points):
        raise RecipeError(f"edges name points {pairs.min()} … {pairs.max()}: expected 0 … {n_points - 1}")
    start, neighbour = np.empty(n_points + 1, np.int64), np.empty(2 * pairs.shape[0], np.int64)
    _kernels.adjacency(pairs, start, neighbour)
    return start, neighbour


def distances_from(start: I64, neighbour: I64, source: int) -> tuple[I64, I64]:
    """Return (distance, reached): edges from ``source`` (−1 out of reach) and the reached points in search order."""
    n = start.size - 1
    distance, queue = np.empty(n, np.int64), np.empty(n, np.int64)
    reached = fill_distances(start, neighbour, source, distance, queue)
    return distance, queue[:reached]


def sample_sources(n_points: int, n_sources: int, seed: int) -> I64:
    """Return distinct random starting points, int64; all of them in order when ``n_sources`` reaches ``n_points``."""
    if n_sources >= n_points:
        return np.arange(n_points, dtype=np.int64)
    return permutation(key64(seed, Role.MEASUREMENT), n_points)[:n_sources]


def ratio_error(numerator: F64, denominator: F64) -> float:
    """Return the delete-one jackknife error of Σ numerator / Σ denominator over independent samples; nan below two."""
    used = denominator > 0
    numerator, denominator = numerator[used], denominator[used]
    m = numerator.size
    if m < 2:
        return math.nan
    values = (numerator.sum() - numerator) / (denominator.sum() - denominator)
    return math.sqrt((m - 1) / m * float(((values - values.mean()) ** 2).sum()))


@checked_arguments
def tree_distances(
    edges: ArrayLike | RecipeSource, n_points: int | None = None, *, n_sources: int = 64, seed: int = 0
) -> Distances:
    """Return the distances between distinct points of the same cluster.

    Parameters
    ----------
    edges : (m, 2) array_like of int
        Pairs of points, 0 … n_points − 1; any graph, in particular a tree or forest. Or a
        dataset or a file's path.
    n_points : int or None, default None
        Number of points; None only with a dataset.
    n_sources : int, default 64
        Random points from which all others of the cluster are reached; all points = the exact mean.
    seed : int, default 0
        Picks the starting points.

    Returns
    -------
    Distances
        In edges: mean with its error, largest, and the count of every distance.

    Raises
    ------
    RecipeError
        When an edge leaves the points or no two points are joined.

    Notes
    -----
    docs/theory.md §1, oracle A5.

    Examples
    --------
    >>> import fractalman as fm
    >>> found = fm.measure.tree_distances([[0, 1], [1, 2]], 3)
    >>> found.largest, round(found.mean, 3), found.standard_error
    (2, 1.333, 0.0)
    """
    if is_source(edges):
        found, labels = columns_of(edges, "edges", "y")
        if found is None:
            raise RecipeError("this dataset has no graph: expected edges; use fm.measure.variogram for its points")
        edges, n_points = found, labels.size if n_points is None else n_points
    if n_points is None:
        raise RecipeError("n_points = None: expected the number of points; use n_points = 1000")
    start, neighbour = adjacency(cast(ArrayLike, edges), n_points)
    if neighbour.size == 0:
        raise RecipeError("no edges: there are no two points of one cluster to measure a distance between")
    sources = sample_sources(n_points, max(1, n_sources), seed)
    total, pairs = np.zeros(sources.size), np.zeros(sources.size)
    count = np.zeros(1, np.int64)
    for i, source in enumerate(sources):
        distance, reached = distances_from(start, neighbour, int(source))
        seen = np.bincount(distance[reached])
        if seen.size > count.size:
            count = np.concatenate([count, np.zeros(seen.size - count.size, np.int64)])
        count[1 : seen.size] += seen[1:]
        total[i] = float(distance[reached].sum())
        pairs[i] = reached.size - 1
    if not pairs.any():
        raise RecipeError(f"none of {sources.size} starting points has a neighbour: use a larger n_sources")
    return Distances(
        mean=float(total.sum() / pairs.sum()),
        standard_error=0.0 if sources.size == n_points else ratio_error(total, pairs),
        largest=int(count.size - 1),
        n_sources=int(sources.size),
        n_pairs=int(pairs.sum()),
        count=count,
    )
