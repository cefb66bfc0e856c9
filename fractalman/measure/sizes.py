"""How the points of a dataset are spread over clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fractalman._arguments import as_array, checked_arguments
from fractalman._typing import I64
from fractalman.display import Series, SeriesDisplay
from fractalman.errors import RecipeError
from fractalman.measure.sources import columns_of, is_source
from fractalman.sources import RecipeSource


@dataclass(frozen=True)
class ClusterSizes(SeriesDisplay):
    """The cluster sizes of a set of points.

    Parameters
    ----------
    n_points : int
        Number of points.
    n_clusters : int
        Number of clusters.
    largest : int
        Points of the largest cluster.
    largest_mass : float
        Share of all points that it holds, 0 … 1.
    singleton_mass : float
        Share of all points that are clusters of one, 0 … 1.
    mean_size : float
        Points a cluster; clusters weigh alike.
    size : (k,) int64
        The sizes that occur, ascending.
    count : (k,) int64
        Clusters of each size.

    Examples
    --------
    >>> import fractalman as fm
    >>> fm.measure.cluster_sizes([3, 3, 3, 7]).largest_mass
    0.75
    """

    _series = Series("size", "count", words=("points in the cluster", "clusters"))

    n_points: int
    n_clusters: int
    largest: int
    largest_mass: float
    singleton_mass: float
    mean_size: float
    size: I64
    count: I64


@checked_arguments
def cluster_sizes(cluster: ArrayLike | RecipeSource) -> ClusterSizes:
    """Return how many clusters of each size there are.

    Parameters
    ----------
    cluster : (n,) array_like of int
        The cluster of every point, any labels; or a dataset or a file's path.

    Returns
    -------
    ClusterSizes
        Sizes, their counts, and the shares of the largest cluster and of clusters of one.

    Raises
    ------
    RecipeError
        When it is no one-dimensional integer array.

    Examples
    --------
    >>> import fractalman as fm
    >>> found = fm.measure.cluster_sizes([3, 3, 3, 7])
    >>> found.size.tolist(), found.count.tolist()
    ([1, 3], [1, 1])
    """
    labels = columns_of(cluster, "cluster")[0] if is_source(cluster) else cluster
    labels = np.asarray(labels) if not isinstance(labels, list | tuple) else as_array("cluster", labels, np.int64)
    if labels.ndim != 1 or (labels.size and labels.dtype.kind not in "iu"):
        raise RecipeError(f"cluster has shape {labels.shape} and type {labels.dtype}: expected (n,) of integers")
    n = int(labels.size)
    members = np.unique(labels, return_counts=True)[1] if n else np.empty(0, np.int64)
    size, count = np.unique(members, return_counts=True)
    return ClusterSizes(
        n_points=n,
        n_clusters=int(members.size),
        largest=int(size[-1]) if n else 0,
        largest_mass=float(size[-1]) / n if n else 0.0,
        singleton_mass=float(count[0]) / n if n and size[0] == 1 else 0.0,
        mean_size=n / members.size if n else 0.0,
        size=size.astype(np.int64),
        count=count.astype(np.int64),
    )
