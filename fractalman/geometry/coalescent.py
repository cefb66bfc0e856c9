"""One critical mean-field cluster with its hierarchy: the uniform labelled tree and its cut tree, drawn together.

The cyclic coalescent (Brill & Ingebretsen Carlson, arXiv 2606.20347; Bertoin & Miermont, arXiv 1201.4081): N sites on
a ring; each step takes a uniform site u, the block A it lies in, the next block B on the ring, a uniform site v of B,
joins u to v and merges the blocks. Read backwards it removes the edges of a uniform labelled tree in uniform random
order, so the merges are the latents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
    small: Any = np.int32 if 2 * n < 1 << 31 else np.int64  # half the memory traffic wherever the ids fit
    label = np.empty(n, small)
    fill_permutation(np.uint64(key64(seed, Role.ORDER, cluster)), label)
    merged_by = np.full(2 * n - 1, -1, small)  # by temporary id: ring positions, then merges in order
    merged_size = np.empty(max(n - 1, 0), small)
    ends = np.empty((max(n - 1, 0), 2), small)
    _kernels.cyclic_coalescent(
        np.uint64(key64(seed, Role.COALESCENT, cluster)), n, np.arange(n, dtype=small), merged_by, merged_size, ends
    )
    return columns_by_size(merged_by, merged_size, ends, label, compact)


def columns_by_size(
    merged_by: AnyInt, merged_size: AnyInt, ends: AnyInt, label: AnyInt, compact: bool = False
) -> ClusterTree:
    """Number merges by size and return them as columns; ``compact`` keeps the type of what comes in."""
    dtype = label.dtype if compact else np.dtype(np.int64)
    edges = np.empty((merged_size.size, 2), dtype)
    parent, size, depth = (np.empty(merged_by.size, dtype) for _ in range(3))
    _kernels.number_by_size(merged_by, merged_size, ends, label, edges, parent, size, depth)
    return ClusterTree(edges, parent, size, depth)
