"""Many clusters at once: critical clusters of given sizes, spanning forests, and the cut tree of any forest.

The cut tree of a forest: its edges are removed in uniform random order, every removal splits a fragment in two, and the
fragments are the latents. Read backwards the edges are joined, so one union-find over the edges in random order makes
it in O(n α(n)); the order of joining is as uniform as the order of removal.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F64, I64, U64, AnyInt
from fractalman.errors import RecipeError
from fractalman.families._forests import _forest_kernels
from fractalman.families._forests.coalescent import (
    ClusterTree,
    CompactTree,
    compact_columns,
    hierarchy_columns,
    named_edges,
)
from fractalman.random._draw_kernels import fill_permutation
from fractalman.random.streams import Role, key64

_TASKS = 16  # ranges of clusters with about the same number of points


def cluster_starts(sizes: I64) -> I64:
    """Return where each cluster's points begin, (K + 1,) int64: cluster c is start[c] … start[c + 1] − 1."""
    start = np.zeros(sizes.size + 1, np.int64)
    np.cumsum(sizes, out=start[1:])
    return start


def critical_forest(sizes: I64, seed: int) -> ClusterTree:
    """Draw critical clusters of the given sizes; cluster c is the one that ``critical_cluster(…, cluster=c)`` draws.

    Args:
        sizes: (K,) int64 ≥ 1; cluster c's points follow those of cluster c − 1.
        seed: geometry seed.
    Returns: the columns of all clusters; a later cluster's merges count as later where sizes tie.
    Source: docs/theory.md §1.
    """
    ends, merged_by, merged_size, label = _merges(sizes, seed)
    edges = named_edges(ends, label)
    del ends  # the columns are made where memory is shortest
    return hierarchy_columns(edges, merged_by, merged_size, label)


def compact_forest(sizes: I64, seed: int, edges: bool = True) -> CompactTree:
    """Draw the same clusters as `critical_forest` in less memory: up to 44 bytes a point, 24 of them returned.

    Without their edges it is up to 36, and 16 are returned.
    """
    return compact_columns(*_merges(sizes, seed, edges))


def _merges(sizes: I64, seed: int, edges: bool = True) -> tuple[AnyInt, AnyInt, AnyInt, AnyInt]:
    """Arguments of `compact_columns`."""
    start = cluster_starts(np.asarray(sizes, np.int64))
    n, clusters = int(start[-1]), start.size - 1
    small = np.int32 if 2 * n < 1 << 31 else np.int64
    label: AnyInt = np.empty(n, small)
    merged_by: AnyInt = np.empty(2 * n - clusters, small)
    merged_size: AnyInt = np.empty(n - clusters, small)
    ends: AnyInt = np.empty((n - clusters if edges else 0, 2), small)
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
    return ends, merged_by, merged_size, label


def cut_tree(edges: AnyInt, n_points: int, seed: int, keep_edges: bool = True) -> ClusterTree:
    """Draw the cut tree of any forest: the hierarchy by random edge removal.

    Args:
        edges: (m, 2) integer pairs of points 0 … n−1 without a loop; they make K = n − m trees.
        n_points: n ≥ 1.
        seed: geometry seed.
        keep_edges: also return the edges; without them that column has no rows.
    Returns: the columns, edges in the order in which they were joined.
    Errors: RecipeError if the edges make a loop or name a point that is not there.
    Source: docs/theory.md §1.
    """
    order: AnyInt = np.empty(len(edges), np.int32 if len(edges) < 1 << 31 else np.int64)
    fill_permutation(np.uint64(key64(seed, Role.CUT)), order)
    return join_in_order(edges, n_points, order, keep_edges)


def join_in_order(edges: AnyInt, n_points: int, order: AnyInt, keep_edges: bool = True) -> ClusterTree:
    """Return the hierarchy of joining a forest's edges one after the other; read backwards, of cutting them.

    Args:
        edges: (m, 2) integer pairs of points 0 … n−1 without a loop.
        n_points: n ≥ 1.
        order: (m,) integer, the edge that is joined first, second, …
        keep_edges: as for `cut_tree`.
    Returns: the columns, edges in that order. Errors: as for `cut_tree`.
    """
    ends, merged_by, merged_size, label = _joined(edges, n_points, order, keep_edges)
    joined = named_edges(ends, label)
    del ends
    return hierarchy_columns(joined, merged_by, merged_size, label)


def compact_join(edges: AnyInt, n_points: int, order: AnyInt) -> CompactTree:
    """Return the same hierarchy as `join_in_order` in less memory, its edges the given ones."""
    return replace(compact_columns(*_joined(edges, n_points, order, keep_edges=False)), edges=edges)


def _joined(edges: AnyInt, n_points: int, order: AnyInt, keep_edges: bool) -> tuple[AnyInt, AnyInt, AnyInt, AnyInt]:
    """Arguments of `compact_columns`."""
    n, pairs = int(n_points), np.asarray(edges)
    if pairs.dtype != np.int32 or pairs.ndim != 2:
        pairs = np.asarray(edges, np.int64).reshape(-1, 2)
    m = len(pairs)
    if m and not (pairs.min() >= 0 and pairs.max() < n):
        raise RecipeError(f"edges name points {pairs.min()} … {pairs.max()}: expected 0 … {n - 1}")
    small = np.int32 if 2 * n < 1 << 31 and m < 1 << 31 else np.int64
    merged_by: AnyInt = np.full(n + m, -1, small)
    merged_size: AnyInt = np.empty(m, small)
    ends: AnyInt = np.empty((m if keep_edges else 0, 2), small)
    bad = _forest_kernels.merge_edges(pairs, order, n, merged_by, merged_size, ends)
    if bad >= 0:
        raise RecipeError(f"edge {bad} {tuple(pairs[bad].tolist())} makes a loop: expected the edges of trees")
    return ends, merged_by, merged_size, np.arange(n, dtype=small)


def minimum_spanning_forest(edges: AnyInt, weight: U64 | F64, n_points: int) -> I64:
    """Return the minimum spanning tree of every connected part of a graph, its edges by rising weight.

    Joined in that order (`join_in_order`) they make the hierarchy of removing *all* edges of the graph, loops included,
    by falling weight: an edge that is not in the tree closes a loop of lighter ones, and its removal splits nothing.

    Args:
        edges: (m, 2) integer pairs of points 0 … n−1; loops are welcome.
        weight: (m,) of the edges, any order of equal ones.
        n_points: n ≥ 1.
    Returns: (n − K, 2) int64 for K connected parts.
    Source: Kruskal 1956.
    """
    small = np.int32 if max(len(edges), n_points) < 1 << 31 else np.int64
    order = np.argsort(weight, kind="stable").astype(small)
    chosen: AnyInt = np.empty(min(len(edges), max(n_points - 1, 0)), small)
    made = _forest_kernels.spanning_edges(edges, order, int(n_points), chosen)
    return edges[chosen[:made]].astype(np.int64)


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
