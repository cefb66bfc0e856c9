"""Critical clusters that grow: the first n vertices of a larger one are a smaller one, with exactly its law.

A rooted tree of n vertices with one other vertex chosen uniformly splits at the root's edge towards that vertex into a
*base* (with the root, s vertices) and a *branch* (n − s, with the chosen vertex). For the uniform labelled tree both
are uniform again, given s, and

    P_n(s) = t_s a_(n−s) / ((n−1) t_n),   t_k = k^(k−1)/k!,   a_k = k^k/k!,   s = 1 … n − 1.

Base and branch both grow stochastically with n (docs/theory.md, "Nested sizes", where it is proved), so one uniform
number u for every split, kept for ever, gives s_n = the u-quantile of P_n: from n to n + 1 exactly one side gains one
vertex. Recursively a new vertex finds its place as a leaf. That such growth exists is due to Łuczak & Winkler (2004).

The sizes at which one side of a cell grows are found one after the other, by about two evaluations of P_n(≤ s) each: a
sum of at most 256 terms, or its expansion where both sides have 128 vertices; nearly always a table or a shorter
expansion decides (`_share_kernels.compared`). Near linear: 6 arrivals a point at 10^6.

Edges carry independent uniform marks by the vertex that brought them. Cutting by falling marks gives the hierarchy;
the marks of a prefix are the prefix of the marks, so smaller hierarchies are the restrictions of larger ones.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from fractalman._typing import F64, U64, AnyInt
from fractalman.families._forests import _forest_kernels, _label_kernels, _nested_kernels, _share_kernels
from fractalman.families._forests.coalescent import ClusterTree, CompactTree
from fractalman.families._forests.forest import compact_join, join_in_order
from fractalman.random.streams import Role, draws, key64


@cache
def _share_tables() -> tuple[F64, F64]:
    small, series = (np.zeros(shape) for shape in _share_kernels.TABLES)
    _share_kernels.small_shares(small)
    _share_kernels.side_series(series)
    return small, series


def share_tables(n_points: int) -> tuple[F64, F64, F64, F64]:
    """Return what trees of up to ``n_points`` vertices split by, for `_nested_kernels.grow`."""
    entries = max(int(n_points) + 1, 64)
    weight, pointed = np.empty(entries), np.empty(entries)
    _share_kernels.tree_weights(weight, pointed)
    return weight, pointed, *_share_tables()


def nested_parents(n_points: int, seed: int, cluster: int = 0) -> AnyInt:
    """Return the earlier neighbour of every vertex of a growing critical cluster, in order of birth.

    Args:
        n_points: N ≥ 1. seed: geometry seed. cluster: part of the address.
    Returns: (N,) integer (int32 where the ids fit), −1 for vertex 0; for N' < N the first N' entries are those of N'.
    Source: docs/theory.md, "Nested sizes".
    """
    n = int(n_points)
    small = np.int32 if n < 1 << 31 else np.int64
    parent: AnyInt = np.empty(n, small)
    key = np.uint64(key64(seed, Role.NESTED_TREE, cluster))
    _nested_kernels.grow(key, *share_tables(n), parent, np.empty(n, small))
    return parent


def nested_cluster(n_points: int, seed: int, cluster: int = 0) -> ClusterTree:
    """Draw one critical cluster whose first N' points are, for every N' < N, the cluster of N' points.

    The law is that of `critical_cluster`, tree and hierarchy together, at every size. Point 0 is a uniform vertex; the
    others are numbered in order of birth, so X[:n] is the smaller cluster and no random sample of the larger one.

    Args:
        n_points: N ≥ 1. seed: geometry seed. cluster: part of the address.
    Returns: ClusterTree with edges (earlier vertex, vertex) in order of birth.
    Source: docs/theory.md, "Nested sizes".
    """
    n = int(n_points)
    edges, order = _grown(n, seed, cluster, np.int64)
    tree = join_in_order(edges, n, order, keep_edges=False)
    return ClusterTree(edges, tree.parent, tree.size, tree.depth)


def compact_nested(n_points: int, seed: int, cluster: int = 0) -> CompactTree:
    """Draw the same cluster as `nested_cluster` in less memory: 24 bytes a point are returned."""
    n = int(n_points)
    small = np.int32 if 2 * n < 1 << 31 else np.int64
    edges, order = _grown(n, seed, cluster, small)
    return compact_join(edges, n, order)


def latent_names(parent: AnyInt, n_points: int) -> AnyInt:
    """Return the vertex whose edge every latent of nested clusters stands for.

    A vertex brings one edge, the latent is the subcluster that the edge's removal splits: a name that no added point
    changes, where node numbers shift.

    Args:
        parent: (n_nodes,) integer hierarchy column. n_points: n.
    Returns: (n_latents,) integer vertices, in the order of the hierarchy's latents.
    """
    latent_of, partner = np.empty((2, n_points), parent.dtype)
    _label_kernels.partners(parent, n_points, latent_of, partner)
    youngest = np.flatnonzero(latent_of >= 0)
    names: AnyInt = np.empty(parent.size - n_points, parent.dtype)
    names[latent_of[youngest] - n_points] = youngest
    return names


def rising_order(value: U64, dtype: np.dtype[Any] | type) -> AnyInt:
    """Return the order of uniform 64-bit draws, (n,) of ``dtype``, the first of equal ones first."""
    order: AnyInt = np.empty(value.size, dtype)
    _forest_kernels.rising_order(value, order)
    return order


def _joining_order(n: int, seed: int, cluster: int, dtype: np.dtype[Any] | type) -> AnyInt:
    """Edges by rising mark; edge number v − 1 is the one of vertex v."""
    return rising_order(draws(key64(seed, Role.NESTED_MARK, cluster), max(n - 1, 0)), dtype)


def _grown(n: int, seed: int, cluster: int, dtype: type) -> tuple[AnyInt, AnyInt]:
    """Edges in order of birth, and the order in which they are joined."""
    older = nested_parents(n, seed, cluster)
    edges: AnyInt = np.empty((n - 1, 2), dtype)
    edges[:, 0], edges[:, 1] = older[1:], np.arange(1, n, dtype=dtype)
    del older
    return edges, _joining_order(n, seed, cluster, dtype)
