"""Pairs of points, as many at every distance of the hierarchy, and how something between them falls with distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64, I64
from fractalman.measure.distances import adjacency, distances_from
from fractalman.random.streams import Role, key64, permutation
from fractalman.studies.sources import Sample
from fractalman.trees import Hierarchy

NEAREST = 0.1
"""Part of all pairs that counts as the nearest ones."""
_EUCLIDEAN_BINS = 8


@dataclass(frozen=True)
class Distance:
    """One kind of distance of the same pairs.

    Args:
        name: "hierarchy", "graph", "euclidean" or "random".
        of: (pairs,) float64. bin: (pairs,) int64, which of its bins a pair lies in.
        self: the distance of a point from itself. logarithmic: whether it is interpolated in its logarithm.
    """

    name: str
    of: F64
    bin: I64
    self: float
    logarithmic: bool


@dataclass(frozen=True)
class Pairs:
    """Pairs (source, target), the sources training points and the targets unseen ones.

    Args:
        i, j: (pairs,) int64, places among the sources and among the targets.
        weight: (pairs,) float64, how many of all pairs a pair stands for.
        distances: of the pairs, the hierarchy's first.
    """

    i: I64
    j: I64
    weight: F64
    distances: tuple[Distance, ...]


def common_sizes(hierarchy: Hierarchy, a: I64, b: I64) -> F64:
    """Return the sizes of the smallest subclusters that hold both points, in points; n where none does."""
    node = hierarchy.lowest_common_ancestors(a, b)
    return np.where(node < 0, hierarchy.n_points, hierarchy.size[node]).astype(np.float64)


def stratified_pairs(sample: Sample, X: F64, sources: I64, targets: I64, scales: tuple[int, ...], most: int) -> Pairs:
    """Return at most ``most`` random pairs for every stratum of the hierarchy's distance.

    The hierarchy's distance of two points is the size of the smallest subcluster that holds both; stratum k holds the
    sizes above scales[k − 1] and up to scales[k], the last one the larger ones.

    Args:
        sample: the replicate. X: (n, d) scaled inputs of all its points, |x|² ≈ d.
        sources, targets: points. scales: rising sizes. most: pairs of a stratum.
    """
    h = sample.hierarchy
    a, b = np.repeat(sources, targets.size), np.tile(targets, sources.size)
    size = common_sizes(h, a, b)
    stratum = np.searchsorted(scales, size, side="left")
    chosen, weight = [], []
    for k in range(len(scales) + 1):
        members = np.flatnonzero(stratum == k)
        if members.size:
            order = permutation(key64(sample.key, Role.MEASUREMENT, k), members.size)[:most]
            chosen.append(np.sort(members[order]))
            weight.append(np.full(order.size, members.size / order.size))
    rows = np.concatenate(chosen)
    i, j = np.divmod(rows, targets.size)
    a, b = sources[i], targets[j]
    distances = [Distance("hierarchy", size[rows], stratum[rows], 1.0, True)]
    if sample.edges is not None and sample.edges.size:
        graph = _graph_distances(sample.edges, h.n_points, a, b)
        distances.append(Distance("graph", graph, np.ceil(np.log2(graph)).astype(np.int64), 0.0, False))
    euclidean = np.sqrt(np.square(X[a] - X[b]).sum(axis=1) / (2.0 * X.shape[1]))
    bounds = np.quantile(euclidean, np.linspace(0.0, 1.0, _EUCLIDEAN_BINS + 1)[1:-1])
    distances.append(Distance("euclidean", euclidean, np.searchsorted(bounds, euclidean), 0.0, False))
    # the control: the same hierarchy over points that have changed places at random
    place = permutation(key64(sample.key, Role.MEASUREMENT, len(scales) + 1), h.n_points)
    other = common_sizes(h, place[a], place[b])
    distances.append(Distance("random", other, np.searchsorted(scales, other, side="left"), 1.0, True))
    return Pairs(i, j, np.concatenate(weight), tuple(distances))


def _graph_distances(edges: I64, n: int, a: I64, b: I64) -> F64:
    """Return distances in edges; n between points of different clusters."""
    start, neighbour = adjacency(edges, n)
    out = np.empty(a.size)
    for source in np.unique(a):
        rows = np.flatnonzero(a == source)
        found = distances_from(start, neighbour, int(source))[0][b[rows]]
        out[rows] = np.where(found < 0, n, found)
    return out


@dataclass(frozen=True)
class Profile:
    """How something falls with distance, bin by bin.

    Args:
        bin: (k,) int64 bins that hold pairs. x: (k,) mean distance. mean: (k,) mean strength. count: (k,) pairs.
        half: distance at which it has fallen half the way from 1, at the point itself, to the farthest bin's mean;
            None where it does not fall.
        near_share: part of the whole |strength| between the nearest tenth of all pairs: .1 where distance is no matter.
        explained: share of the variance of the strength over pairs that the bins explain.
    """

    bin: I64
    x: F64
    mean: F64
    count: I64
    half: float | None
    near_share: float
    explained: float


def profile(distance: Distance, strength: F64, weight: F64) -> Profile:
    """Return how the strength between pairs falls with their distance.

    Args:
        strength: (pairs,) float64, 1 at distance 0. weight: (pairs,), see `Pairs`.
    """
    bins, which, count = np.unique(distance.bin, return_inverse=True, return_counts=True)
    which = which.reshape(-1)
    mean = np.bincount(which, strength) / count
    x = np.bincount(which, distance.of) / count
    spread = float(np.square(strength - strength.mean()).sum())
    between = float((count * np.square(mean - strength.mean())).sum())
    return Profile(
        bin=bins.astype(np.int64),
        x=x,
        mean=mean,
        count=count.astype(np.int64),
        half=half_distance(x, mean, distance.self, distance.logarithmic),
        near_share=near_share(distance.of, np.abs(strength), weight),
        explained=between / spread if spread > 1e-20 * float(np.square(strength).sum()) else np.nan,  # else rounding
    )


def half_distance(x: F64, mean: F64, at_self: float, logarithmic: bool) -> float | None:
    """Return where a profile has fallen half the way from 1 (at ``at_self``) to its last value, None if it never does.

    The first crossing, on straight lines between the bins' means, in x or in ln x.

    Args:
        x: (k,) rising mean distances. mean: (k,).
    """
    far = mean[-1]
    if not far < 1.0:
        return None
    position, value = np.concatenate([[at_self], x]), np.concatenate([[1.0], mean])
    if logarithmic:
        position = np.log(position)
    level = 0.5 * (1.0 + far)
    k = int(np.argmax(value <= level))
    part = (value[k - 1] - level) / (value[k - 1] - value[k])
    found = position[k - 1] + part * (position[k] - position[k - 1])
    return float(np.exp(found) if logarithmic else found)


def near_share(distance: F64, strength: F64, weight: F64, part: float = NEAREST) -> float:
    """Return the share of Σ weight·strength that the nearest pairs hold, those that are ``part`` of Σ weight.

    Pairs at equal distances share what they hold evenly.
    """
    _, which = np.unique(distance, return_inverse=True)
    pairs = np.cumsum(np.bincount(which.reshape(-1), weight))
    held = np.cumsum(np.bincount(which.reshape(-1), weight * strength))
    if held[-1] <= 0.0:
        return np.nan
    return float(np.interp(part * pairs[-1], np.append(0.0, pairs), np.append(0.0, held)) / held[-1])
