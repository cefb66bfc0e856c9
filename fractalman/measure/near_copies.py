"""Points that nearly are copies of others: nearer than the law of neighbours lets chance bring them.

r_k = distance of a point to its k-th neighbour. Of points that fill D dimensions a share of about K·c^D has
r_1 < c·r_K. A table beside itself in another precision, images with a little noise, texts with one word changed have
such neighbours far more often, and a gap follows: hardly a point has its first neighbour somewhat farther. Where both
is seen the pairs are copies, and every estimator that looks at first neighbours reads the copying.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from fractalman._typing import F64, I64
from fractalman.errors import RecipeError
from fractalman.measure.distances import sample_sources
from fractalman.measure.points import Points

_BEYOND = 8  # the neighbour whose distance is the scale: beyond the copies of a point
_OCTAVES = 2  # up to the neighbour 2^this times as far in rank, for the dimension there
_LEAST = 0.02  # share of points with a near copy that is worth saying
_RARE = 20.0  # times what chance brings
_GAP = 10.0  # of distances, between copies and others, in which there are a third as many at most
_STEPS = np.geomspace(1e-9, 0.1, 33)
_SOURCES = 2048


@dataclass(frozen=True)
class NearCopies:
    """What was found of near copies.

    Parameters
    ----------
    share : of the points, that have one.
    ratio : distance to a copy, of that to the eighth neighbour, at most.
    distance : what that is in the middle, in the points' unit.
    """

    share: float
    ratio: float
    distance: float


def near_copies(near: F64) -> NearCopies | None:
    """Return the near copies among sorted neighbour distances (points, k ≥ 8); None where chance explains them.

    Examples
    --------
    >>> from scipy.spatial import cKDTree
    >>> X = np.random.default_rng(0).random((500, 3))
    >>> near_copies(cKDTree(X).query(X, 33)[0][:, 1:]) is None
    True
    >>> twice = np.r_[X, X + 1e-6]
    >>> print(f"{near_copies(cKDTree(twice).query(twice, 33)[0][:, 1:]).share:.0%}")
    100%
    """
    last = min(near.shape[1], _BEYOND << _OCTAVES)
    scale = near[:, _BEYOND - 1] if near.shape[1] >= _BEYOND else near[:, -1]
    free = scale > 0.0
    if last <= _BEYOND or free.sum() < 2:
        return None
    ratio = near[free, 0] / scale[free]
    growth = float(np.log(near[free, last - 1] / scale[free]).mean())
    D = math.log(last / _BEYOND) / max(growth, 1e-9)  # of the scales beyond the copies
    below = (ratio[:, None] < _STEPS).mean(axis=0)
    around = (ratio[:, None] < _GAP * _STEPS).mean(axis=0) - below
    chance = np.minimum(1.0, _BEYOND * _STEPS ** (0.8 * D))
    copied = np.flatnonzero((below > np.maximum(_LEAST, _RARE * chance)) & (around < below / 3.0))
    if not copied.size:
        return None
    at = int(copied[-1])
    return NearCopies(float(below[at]), float(_STEPS[at]), float(np.median(scale) * _STEPS[at]))


def without_near_copies(points: Points, least: int, seed: int) -> Points:
    """Return the points with one of every cluster of near copies, and say how many were left out."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    values = points.values
    tree = cKDTree(values)
    k = min(len(values), (_BEYOND << _OCTAVES) + 1)
    some = sample_sources(len(values), _SOURCES, seed)
    found = near_copies(tree.query(values[some], k)[0][:, 1:])
    if found is None:
        return points
    scale = tree.query(values[some], _BEYOND + 1)[0][:, -1]
    pairs: I64 = tree.query_pairs(found.ratio * float(np.quantile(scale, 0.99)), output_type="ndarray").astype(np.int64)
    ends, where = np.unique(pairs, return_inverse=True)
    own = tree.query(values[ends], _BEYOND + 1)[0][:, -1][where.reshape(pairs.shape)].min(axis=1)
    apart = np.sqrt(np.square(values[pairs[:, 0]] - values[pairs[:, 1]]).sum(axis=1))
    pairs = pairs[apart < found.ratio * own]
    ones = np.ones(len(pairs))
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(values), len(values)))
    cluster = connected_components(graph, directed=False)[1]
    kept = np.sort(np.unique(cluster, return_index=True)[1])
    if len(kept) < least:
        raise RecipeError(
            f"{len(values) - len(kept)} of {len(values)} rows nearly copy others, and {len(kept)} points are left: "
            f"expected {least} or more; use duplicates='drop' to keep near copies"
        )
    said = f"{len(values) - len(kept)} of {len(values)} rows nearly copy other rows: left out"
    return replace(points, values=values[kept], row=points.row[kept], notes=(*points.notes, said))
