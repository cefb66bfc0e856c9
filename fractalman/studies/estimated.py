"""A hierarchy for points that came without one: an estimate, and said to be one wherever it is used."""

from __future__ import annotations

import numpy as np

from fractalman._typing import F64, I64, AnyFloat
from fractalman.config import is_word, shown
from fractalman.errors import RecipeError, ResourceError, nearest
from fractalman.families._forests.forest import cut_tree, join_in_order, minimum_spanning_forest
from fractalman.learners import Cost
from fractalman.trees import Hierarchy

HIERARCHIES = ("ward", "minimum-spanning-tree", "hdbscan")
NEIGHBOURS = 5
"""Of a point, itself among them, the last of which says how dense it is there: what HDBSCAN calls min_samples."""
LIMIT_POINTS = 10_000
"""All hold all pairs of points, 5·10⁷ there: 8 bytes each, and spanning trees 40 more while they are sorted."""
_PAIR_BYTES = {"ward": 8.0, "minimum-spanning-tree": 48.0, "hdbscan": 48.0}
_PAIR_SECONDS = 3e-8
"""Of processor time, on one x86-64 thread."""


def estimation_cost(n: int, how: str) -> Cost:
    """Return what estimating a hierarchy of n points needs."""
    pairs = 0.5 * float(n) ** 2
    return Cost(0.0, _PAIR_BYTES.get(how, 8.0) * pairs, seconds=_PAIR_SECONDS * pairs)


def estimated_hierarchy(X: AnyFloat, how: str, seed: int) -> Hierarchy:
    """Return an estimated hierarchy of points: columns as a known one's, with values and variances of 0.

    Args:
        X: (n, d) coordinates, n ≤ `LIMIT_POINTS`.
        how: "ward", the merges of smallest growth of the variance within; "minimum-spanning-tree", the Euclidean one,
            cut at random edges as the hierarchies of percolation clusters are; "hdbscan", the merges of single linkage
            by mutual reachability, the largest of a pair's distance and of the distances at which either has
            `NEIGHBOURS` points about it: the whole tree that HDBSCAN condenses.
        seed: of the random cuts; the others have none.
    Errors: RecipeError for another name; ResourceError for more points.
    Source: Ward 1963; Campello, Moulavi and Sander 2013; docs/theory.md §1 for the cuts.
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
    elif how == "hdbscan":
        tree = join_in_order(_spanning_tree(n, _mutual_reachability(points)), n, np.arange(n - 1))
    else:
        tree = cut_tree(_spanning_tree(n, _distances(points)), n, seed)
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


def _distances(points: F64) -> F64:
    """Return the distances of all pairs, (0, 1), (0, 2), …"""
    from scipy.spatial.distance import pdist

    found: F64 = pdist(points)
    return found


def _mutual_reachability(points: F64) -> F64:
    """Return max(distance, both points' distances to their `NEIGHBOURS`th point, themselves the first) of all pairs."""
    from scipy.spatial import cKDTree

    n = len(points)
    k = min(NEIGHBOURS, n)
    core = np.asarray(cKDTree(points).query(points, k=[k])[0], np.float64)[:, 0]
    found = _distances(points)
    first = 0
    for i in range(n - 1):  # a row of pairs after the other: no table of all pairs beside the distances
        row = found[first : first + n - 1 - i]
        np.maximum(row, np.maximum(core[i], core[i + 1 :]), out=row)
        first += row.size
    return found


def _spanning_tree(n: int, lengths: F64) -> I64:
    """Return the edges of the minimum spanning tree of all pairs, by rising length; equal points are joined first."""
    a, b = np.triu_indices(n, 1)
    return minimum_spanning_forest(np.column_stack([a, b]), lengths, n)
