"""A hierarchy for points that came without one: an estimate, and said to be one wherever it is used."""

from __future__ import annotations

import numpy as np

from fractalman._typing import F64, I64, AnyFloat
from fractalman.config import is_word, shown
from fractalman.errors import RecipeError, ResourceError, nearest
from fractalman.families._forests.forest import cut_tree, join_in_order, minimum_spanning_forest
from fractalman.trees import Hierarchy

HIERARCHIES = ("ward", "minimum-spanning-tree")
LIMIT_POINTS = 10_000
"""Both hold all pairs of points, 5·10⁷ there: 8 bytes each, and the spanning tree 40 more while they are sorted."""


def estimated_hierarchy(X: AnyFloat, how: str, seed: int) -> Hierarchy:
    """Return an estimated hierarchy of points: columns as a known one's, with values and variances of 0.

    Args:
        X: (n, d) coordinates, n ≤ `LIMIT_POINTS`.
        how: "ward", the merges of smallest growth of the variance within; "minimum-spanning-tree", the Euclidean one,
            cut at random edges as the hierarchies of percolation clusters are.
        seed: of the random cuts; Ward's has none.
    Errors: RecipeError for another name; ResourceError for more points.
    Source: Ward 1963; docs/theory.md §1 for the cuts.
    """
    from scipy.cluster.hierarchy import linkage

    if not is_word(how, HIERARCHIES):
        raise RecipeError(f"hierarchy = {shown(how)}: expected {', '.join(HIERARCHIES)}{nearest(how, HIERARCHIES)}")
    n = len(X)
    if n > LIMIT_POINTS:
        raise ResourceError(
            f"a hierarchy of {n} points is estimated from all pairs, {n * (n - 1) // 2}: expected "
            f"{LIMIT_POINTS} points; take a random part of them"
        )
    points: F64 = np.asarray(X, np.float64)
    if n < 2:
        tree = join_in_order(np.empty((0, 2), np.int64), n, np.empty(0, np.int64))
    elif how == "ward":
        edges = _representatives(linkage(points, "ward")[:, :2].astype(np.int64), n)
        tree = join_in_order(edges, n, np.arange(n - 1))
    else:
        tree = cut_tree(_euclidean_tree(points), n, seed)
    zeros = np.zeros(tree.parent.size)
    return Hierarchy(tree.parent, zeros, zeros, tree.size, tree.depth, n)


def _representatives(merges: I64, n: int) -> I64:
    """Return an edge between two points for every merge of two clusters, in order."""
    point = np.concatenate([np.arange(n), np.empty(len(merges), np.int64)])
    edges = np.empty((len(merges), 2), np.int64)
    for i, (a, b) in enumerate(merges):
        edges[i] = point[a], point[b]
        point[n + i] = point[a]
    return edges


def _euclidean_tree(points: F64) -> I64:
    """Return the edges of the Euclidean minimum spanning tree, by rising length; equal points are joined first."""
    from scipy.spatial.distance import pdist

    n = len(points)
    a, b = np.triu_indices(n, 1)
    return minimum_spanning_forest(np.column_stack([a, b]), pdist(points), n)
