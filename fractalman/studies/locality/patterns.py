"""Activation patterns of ReLU layers: the linear regions that points fall into, and whether regions are subclusters."""

from __future__ import annotations

import importlib

import numpy as np

from fractalman._typing import F64, I64, AnyFloat, Bool
from fractalman.errors import MissingExtraError


def regions(pattern: Bool) -> I64:
    """Return the region of every point, 0 … number of regions − 1: points with one pattern share a region.

    Args:
        pattern: (n, units), which units are on.
    """
    packed = np.packbits(pattern, axis=1)
    return np.unique(packed, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def hamming(a: Bool, i: I64, b: Bool, j: I64) -> F64:
    """Return the share of units that differ between rows i of one pattern and rows j of another, (pairs,) float64."""
    out = np.empty(i.size)
    for start in range(0, i.size, 4096):
        rows = slice(start, start + 4096)
        out[rows] = (a[i[rows]] != b[j[rows]]).mean(axis=1)
    return out


def groups(points: AnyFloat | Bool, how_many: list[int]) -> list[I64]:
    """Return partitions of points into at most so many groups each, by average linkage.

    Args:
        points: (n, d) coordinates, joined by Euclidean distance, or (n, units) patterns, by Hamming distance.
        how_many: groups of every partition.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    metric = "hamming" if points.dtype == bool else "euclidean"
    tree = linkage(pdist(points, metric), "average")
    return [fcluster(tree, k, "maxclust").astype(np.int64) for k in how_many]


def require_agreement() -> None:
    """Raise MissingExtraError when agreement cannot be computed here."""
    try:
        importlib.import_module("sklearn.metrics")
    except ImportError as error:
        raise MissingExtraError(
            "the agreement of regions with subclusters needs scikit-learn, which cannot be imported "
            f"({error}); use pip install scikit-learn"
        ) from None


def agreement(a: I64, b: I64) -> float:
    """Return the adjusted mutual information of two partitions: 1 when equal, 0 on average for random ones.

    Args:
        a, b: (n,) the part of every point.
    Source: Vinh, Epps & Bailey 2010, normalized by the mean entropy.
    """
    require_agreement()
    from sklearn.metrics import adjusted_mutual_info_score

    return float(adjusted_mutual_info_score(a, b))
