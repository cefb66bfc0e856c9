"""Many clusters at once: critical clusters of given sizes, and the cut tree of any forest.

The cut tree of a forest: its edges are removed in uniform random order, every removal splits a fragment in two, and the
fragments are the latents. Read backwards the edges are joined, so one union-find over the edges in random order makes
it in O(n α(n)); the order of joining is as uniform as the order of removal.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from fractalman._arrays import I64, AnyInt
from fractalman._jit import run_tasks
from fractalman.errors import RecipeError
from fractalman.geometry import _forest_kernels
from fractalman.geometry.coalescent import ClusterTree, columns_by_size
from fractalman.seeds import Role, fill_permutation, key64

_TASKS = 16  # ranges of clusters with about the same number of points


def cluster_starts(sizes: I64) -> I64:
    """Return where each cluster's points begin, (K + 1,) int64: cluster c is start[c] … start[c + 1] − 1."""
    start = np.zeros(sizes.size + 1, np.int64)
    np.cumsum(sizes, out=start[1:])
    return start


def critical_forest(sizes: I64, seed: int, compact: bool = False) -> ClusterTree:
    """Draw critical clusters of the given sizes; cluster c is the one that ``critical_cluster(…, cluster=c)`` draws.

    Args:
        sizes: (K,) int64 ≥ 1; cluster c's points follow those of cluster c − 1.
        seed: geometry seed.
        compact: as for `critical_cluster`.
    Returns: the columns of all clusters; a later cluster's merges count as later where sizes tie.
    Source: docs/theory.md §1.
    """
    start = cluster_starts(np.asarray(sizes, np.int64))
    n, clusters = int(start[-1]), start.size - 1
    small = np.int32 if 2 * n < 1 << 31 else np.int64
    label: AnyInt = np.empty(n, small)
    merged_by: AnyInt = np.empty(2 * n - clusters, small)
    merged_size: AnyInt = np.empty(n - clusters, small)
    ends = np.empty((n - clusters, 2), small)
    keys = np.uint64(key64(seed, Role.ORDER)), np.uint64(key64(seed, Role.COALESCENT))
    cuts = np.searchsorted(start, np.arange(1, _TASKS) * (n / _TASKS)).clip(0, clusters)
    run_tasks(
        _forest_kernels.coalescents,
        [
            (*keys, start, a, b, label, merged_by, merged_size, ends)
            for a, b in pairwise([0, *cuts.tolist(), clusters])
            if b > a
        ],
    )
    return columns_by_size(merged_by, merged_size, ends, label, compact)


def cut_tree(edges: I64, n_points: int, seed: int) -> ClusterTree:
    """Draw the cut tree of any forest: the hierarchy by random edge removal.

    Args:
        edges: (m, 2) int64 pairs of points 0 … n−1 without a loop; they make K = n − m trees.
        n_points: n ≥ 1.
        seed: geometry seed.
    Returns: the columns, edges in the order in which they were joined.
    Errors: RecipeError if the edges make a loop or name a point that is not there.
    Source: docs/theory.md §1.
    """
    order = np.empty(len(edges), np.int64)
    fill_permutation(np.uint64(key64(seed, Role.CUT)), order)
    return join_in_order(edges, n_points, order)


def join_in_order(edges: I64, n_points: int, order: I64) -> ClusterTree:
    """Return the hierarchy of joining a forest's edges one after the other; read backwards, of cutting them.

    Args:
        edges: (m, 2) int64 pairs of points 0 … n−1 without a loop.
        n_points: n ≥ 1.
        order: (m,) int64, the edge that is joined first, second, …
    Returns: the columns, edges in that order. Errors: as for `cut_tree`.
    """
    n, pairs = int(n_points), np.asarray(edges, np.int64).reshape(-1, 2)
    m = len(pairs)
    if m and not (pairs.min() >= 0 and pairs.max() < n):
        raise RecipeError(f"edges name points {pairs.min()} … {pairs.max()}: allowed are 0 … {n - 1}")
    small = np.int32 if 2 * n < 1 << 31 and m < 1 << 31 else np.int64
    merged_by: AnyInt = np.full(n + m, -1, small)
    merged_size: AnyInt = np.empty(m, small)
    ends: AnyInt = np.empty((m, 2), small)
    bad = _forest_kernels.merge_edges(pairs, order, n, merged_by, merged_size, ends)
    if bad >= 0:
        raise RecipeError(f"edge {bad} {tuple(pairs[bad].tolist())} makes a loop: allowed are the edges of trees")
    return columns_by_size(merged_by, merged_size, ends, np.arange(n, dtype=small))


def top_nodes(parent: I64, points: I64) -> I64:
    """Return the top node above each of the points, (len(points),) int64.

    Args:
        parent: (n_nodes,) int64 hierarchy column, −1 at a top.
        points: int64 nodes.
    """
    tops = np.empty(points.size, np.int64)
    _forest_kernels.top_nodes(parent, np.ascontiguousarray(points, np.int64), tops)
    return tops


def random_points(start: I64, key: int) -> I64:
    """Return one uniform point of every cluster, (K,) int64.

    Args:
        start: (K + 1,) int64 of `cluster_starts`. key: draw c of it chooses from cluster c.
    """
    points = np.empty(start.size - 1, np.int64)
    _forest_kernels.random_points(np.uint64(key), start, points)
    return points
