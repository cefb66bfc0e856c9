"""One critical mean-field cluster with its hierarchy: the uniform labelled tree and its cut tree, drawn together.

The cyclic coalescent (Brill & Ingebretsen Carlson, arXiv 2606.20347; Bertoin & Miermont, arXiv 1201.4081): N sites on
a ring; each step takes a uniform site u, the block A it lies in, the next block B on the ring, a uniform site v of B,
joins u to v and merges the blocks. Read backwards it removes the edges of a uniform labelled tree in uniform random
order, so the merges are the latents.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._arrays import I64, AnyInt
from fractalman.geometry import _kernels
from fractalman.seeds import Role, fill_permutation, key64


@dataclass(frozen=True)
class ClusterTree:
    """The edge tree and hierarchy of one cluster, or of K clusters, as columns; n points and n − K latents.

    Compact ones hold int32 where the ids fit.

    Args:
        edges: (n−K, 2) int64 point pairs in the order in which they were joined.
        parent: (2n−K,) int64 hierarchy, points first, latents by decreasing size (ties: later merge first), −1 at the
            top of a cluster.
        size: (2n−K,) int64 points below every node.
        depth: (2n−K,) int64 number of ancestors.
    """

    edges: I64
    parent: I64
    size: I64
    depth: I64


def critical_cluster(n_points: int, seed: int, cluster: int = 0, compact: bool = False) -> ClusterTree:
    """Draw one critical cluster of ``n_points`` sites.

    Args:
        n_points: N ≥ 1.
        seed: geometry seed.
        cluster: number of the cluster within its dataset, part of the address.
        compact: columns of 32-bit integers where the ids fit, half the memory.
    Source: docs/theory.md §1.
    """
    n = int(n_points)
    small = np.int32 if 2 * n < 1 << 31 else np.int64  # half the memory traffic wherever the ids fit
    label: AnyInt = np.empty(n, small)
    fill_permutation(np.uint64(key64(seed, Role.ORDER, cluster)), label)
    merged_by: AnyInt = np.full(2 * n - 1, -1, small)  # by temporary id: ring positions, then merges in order
    merged_size: AnyInt = np.empty(max(n - 1, 0), small)
    ends = np.empty((max(n - 1, 0), 2), small)
    _kernels.cyclic_coalescent(
        np.uint64(key64(seed, Role.COALESCENT, cluster)), n, np.arange(n, dtype=small), merged_by, merged_size, ends
    )
    edges = named_edges(ends, label, compact)
    del ends  # the columns are made where memory is shortest
    return hierarchy_columns(edges, merged_by, merged_size, label, compact)


def named_edges(ends: AnyInt, label: AnyInt, compact: bool = False) -> AnyInt:
    """Return the edges between points, (merges, 2), from those between sites: int64, or compact over the latter."""
    edges: AnyInt = ends if compact else np.empty((len(ends), 2), np.int64)
    _kernels.named_edges(ends, label, edges)
    return edges


def hierarchy_columns(
    edges: AnyInt, merged_by: AnyInt, merged_size: AnyInt, label: AnyInt, compact: bool = False
) -> ClusterTree:
    """Return the columns that a history of merges makes.

    Args:
        edges: as they are to be returned.
        merged_by: (n + merges,) the merge that took in every site and every merge, −1 for none.
        merged_size: (merges,) points of every merge; overwritten.
        label: (n,) the point that every site is.
        compact: columns of the type of what comes in, not int64.
    """
    dtype = label.dtype if compact else np.dtype(np.int64)
    size: AnyInt = np.empty(merged_by.size, dtype)
    _kernels.rank_by_size(merged_size, size)
    parent: AnyInt = np.empty(merged_by.size, dtype)
    depth: AnyInt = np.empty(merged_by.size, dtype)
    _kernels.number_nodes(merged_by, merged_size, label, parent, depth)
    return ClusterTree(edges, parent, size, depth)
