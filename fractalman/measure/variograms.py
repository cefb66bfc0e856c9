"""The label variogram: mean squared difference of two labels against the distance of their points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fractalman._arguments import as_array, checked_arguments
from fractalman._typing import F64, I64, AnyFloat
from fractalman.display import Series, SeriesDisplay
from fractalman.errors import RecipeError
from fractalman.measure.distances import adjacency, distances_from, ratio_error, sample_sources
from fractalman.measure.sources import columns_of, is_source
from fractalman.random.streams import Role, key64, permutation
from fractalman.sources import RecipeSource

MAX_TARGETS = 1 << 16  # coordinates compared with every starting point


@dataclass(frozen=True)
class Variogram(SeriesDisplay):
    """Mean of (y_i − y_j)² against distance.

    Parameters
    ----------
    distance : (bins,) float64
        In edges, or the mean Euclidean distance of the bin's pairs.
    value : (bins,) float64
        In squared units of y (prior variance 1 for our own labels).
    standard_error : (bins,) float64
        By delete-one jackknife over starting points: the sampling error on this one draw of labels, which scatters more
        from draw to draw.
    pairs : (bins,) int64
        Ordered pairs.
    kind : str
        "graph" or "euclidean".
    n_sources : int
        Starting points.
    warnings : tuple of str
        Sentences that qualify the numbers.

    Examples
    --------
    >>> import fractalman as fm
    >>> fm.measure.variogram([0.0, 1.0, 2.0], X=[[0.0], [1.0], [2.0]]).kind
    'euclidean'
    """

    _series = Series("distance", "value", "standard_error", ("pairs",), ("distance", "mean (yᵢ − yⱼ)²"))

    distance: F64
    value: F64
    standard_error: F64
    pairs: I64
    kind: str
    n_sources: int
    warnings: tuple[str, ...]


@checked_arguments
def variogram(
    y: ArrayLike | RecipeSource,
    *,
    edges: ArrayLike | None = None,
    X: ArrayLike | None = None,
    n_sources: int = 256,
    seed: int = 0,
) -> Variogram:
    """Return the label variogram at graph distances 1, 2, 4, …, or in Euclidean bins of ratio 2 without edges.

    Parameters
    ----------
    y : (n,) array_like
        Labels, any unit; or a dataset or a file's path, with edges and X of its own.
    edges : (m, 2) array_like of int, default None
        Distances are counted along them.
    X : (n, d) array_like, default None
        Coordinates in one unit, used when there are no edges; beyond 65536 points a random part of them is used.
    n_sources : int, default 256
        Random starting points; pairs run from them to all others.
    seed : int, default 0
        Picks the starting points.

    Returns
    -------
    Variogram
        One value a distance, with errors.

    Raises
    ------
    RecipeError
        When neither edges nor X are given, or lengths differ.

    Notes
    -----
    docs/theory.md §2.

    Examples
    --------
    >>> import fractalman as fm
    >>> found = fm.measure.variogram([0.0, 1.0, 2.0], X=[[0.0], [1.0], [2.0]])
    >>> found.distance.tolist(), found.value.tolist()
    ([1.0, 2.0], [1.0, 4.0])
    """
    if is_source(y):
        y, edges, X = columns_of(y, "y", "edges", "X")
    labels = as_array("y", y, np.float64)
    if labels.ndim != 1 or labels.size < 2:
        raise RecipeError(f"y has shape {labels.shape}: expected (n,) with two points or more")
    sources_asked = max(1, n_sources)
    if edges is not None and (pairs := as_array("edges", edges, np.int64)).size:
        return _graph(labels, pairs, sources_asked, seed)
    if X is None:
        raise RecipeError("a variogram needs edges or X: neither was given")
    coordinates = as_array("X", X, np.float64)
    if coordinates.ndim != 2 or coordinates.shape[0] != labels.size:
        raise RecipeError(f"X has shape {coordinates.shape}: expected ({labels.size}, d)")
    return _euclidean(labels, coordinates, sources_asked, seed)


def _graph(y: F64, edges: I64, n_sources: int, seed: int) -> Variogram:
    start, neighbour = adjacency(edges, y.size)
    sources = sample_sources(y.size, n_sources, seed)
    bins = max(1, int(np.ceil(np.log2(y.size))) + 1)  # no path is longer than n − 1
    squares, pairs = np.zeros((sources.size, bins)), np.zeros((sources.size, bins))
    for i, source in enumerate(sources):
        distance, reached = distances_from(start, neighbour, int(source))
        far = distance[reached]
        power = (far > 0) & (far & (far - 1) == 0)
        which = np.rint(np.log2(far[power])).astype(np.int64)
        difference = (y[reached[power]] - y[source]) ** 2
        squares[i] = np.bincount(which, difference, bins)
        pairs[i] = np.bincount(which, minlength=bins)
    return _variogram(squares, pairs, 2.0 ** np.arange(bins, dtype=np.float64), "graph", sources.size == y.size)


def _euclidean(y: F64, X: AnyFloat, n_sources: int, seed: int) -> Variogram:
    targets = np.arange(y.size, dtype=np.int64)
    if y.size > MAX_TARGETS:
        targets = np.sort(permutation(key64(seed, Role.MEASUREMENT, 1), y.size)[:MAX_TARGETS])
    sources = sample_sources(y.size, n_sources, seed)
    points = np.asarray(X[targets], dtype=np.float64)
    bins = 128  # bin b holds 2^(b−65) <= distance < 2^(b−64)
    squares, pairs, lengths = (np.zeros((sources.size, bins)) for _ in range(3))
    for i, source in enumerate(sources):
        row = np.sqrt(((points - np.asarray(X[source], dtype=np.float64)) ** 2).sum(axis=1))
        used = (targets != source) & (row > 0.0)  # duplicates have no scale; they are left out
        which = np.clip(np.frexp(row[used])[1] + 64, 0, bins - 1)
        squares[i] = np.bincount(which, (y[targets[used]] - y[source]) ** 2, bins)
        lengths[i] = np.bincount(which, row[used], bins)
        pairs[i] = np.bincount(which, minlength=bins)
    if not pairs.any():
        raise RecipeError("all sampled points coincide: there is no distance to measure against")
    with np.errstate(invalid="ignore"):
        centre = lengths.sum(axis=0) / pairs.sum(axis=0)
    return _variogram(squares, pairs, centre, "euclidean", sources.size == y.size == targets.size)


def _variogram(squares: F64, pairs: F64, distance: F64, kind: str, exact: bool) -> Variogram:
    """Sum over starting points; bins that fewer than two of them reach carry no error and are left out."""
    reached = (pairs > 0).sum(axis=0)
    kept = reached >= 2
    dropped = int(((reached > 0) & ~kept).sum())
    warnings = (f"{dropped} distances reached from one starting point only are left out",) if dropped else ()
    squares, pairs = squares[:, kept], pairs[:, kept]
    errors = [0.0 if exact else ratio_error(squares[:, b], pairs[:, b]) for b in range(squares.shape[1])]
    return Variogram(
        distance=np.asarray(distance[kept], dtype=np.float64),
        value=squares.sum(axis=0) / pairs.sum(axis=0),
        standard_error=np.array(errors, dtype=np.float64),
        pairs=pairs.sum(axis=0).astype(np.int64),
        kind=kind,
        n_sources=int(squares.shape[0]),
        warnings=warnings,
    )
