"""One critical mean-field cluster with its hierarchy: the uniform labelled tree and its cut tree, drawn together.

The cyclic coalescent (Brill & Ingebretsen Carlson, arXiv 2606.20347; Bertoin & Miermont, arXiv 1201.4081): N sites on
a ring; each step takes a uniform site u, the block A it lies in, the next block B on the ring, a uniform site v of B,
joins u to v and merges the blocks. Read backwards it removes the edges of a uniform labelled tree in uniform random
order, so the merges are the latents.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fractalman._threads import run_beside
from fractalman._typing import I64, AnyInt
from fractalman.families._forests import _kernels
from fractalman.random._draw_kernels import fill_permutation
from fractalman.random.streams import Role, key64


@dataclass(frozen=True)
class ClusterTree:
    """The edge tree and hierarchy of one cluster, or of K clusters, as columns; n points and n − K latents.

    Parameters
    ----------
    edges : (n−K, 2) int64
        Point pairs in the order in which they were joined.
    parent : (2n−K,) int64
        Hierarchy, points first, latents by decreasing size (ties: later merge first), −1 at the top of a cluster.
    size : (2n−K,) int64
        Points below every node.
    depth : (2n−K,) int64
        Number of ancestors.
    """

    edges: I64
    parent: I64
    size: I64
    depth: I64


@dataclass(frozen=True)
class CompactTree:
    """The same in 24 bytes a point where ids fit 32 bits; depths are made when they are asked for.

    Parameters
    ----------
    n_points : int
        Number of points n.
    edges : (n−K, 2) int32 or int64
        As in `ClusterTree`, of 32-bit integers where the ids fit; no rows where edges were not asked for.
    parent, size : (2n−K,) int32 or int64
        As there.
    """

    n_points: int
    edges: AnyInt
    parent: AnyInt
    size: AnyInt

    @cached_property
    def _latent_depth(self) -> AnyInt:
        depth: AnyInt = np.empty(self.parent.size - self.n_points, self.parent.dtype)
        _kernels.latent_depths(self.parent, self.n_points, depth)
        return depth

    def depths(self, start: int, stop: int) -> I64:
        """Return the number of ancestors of nodes start … stop − 1.

        Parameters
        ----------
        start, stop : int
            0 ≤ start ≤ stop ≤ 2n−K.

        Returns
        -------
        (stop − start,) int64
            Depths; those of the latents are kept after the first call, 4 bytes a latent.
        """
        n, latents = self.n_points, self._latent_depth
        depth = np.empty(stop - start, np.int64)
        points = max(0, min(stop, n) - start)
        _kernels.point_depths(self.parent, start, n, latents, depth[:points])
        depth[points:] = latents[start + points - n : stop - n] if stop > n else 0
        return depth


def critical_cluster(n_points: int, seed: int, cluster: int = 0) -> ClusterTree:
    """Draw one critical cluster of ``n_points`` sites.

    Args:
        n_points: N ≥ 1.
        seed: geometry seed.
        cluster: number of the cluster within its dataset, part of the address.
    Source: docs/theory.md §1.
    """
    ends, merged_by, merged_size, label = _merges(n_points, seed, cluster)
    edges = named_edges(ends, label)
    del ends  # the columns are made where memory is shortest
    return hierarchy_columns(edges, merged_by, merged_size, label)


def compact_cluster(n_points: int, seed: int, cluster: int = 0, edges: bool = True) -> CompactTree:
    """Draw the same cluster as `critical_cluster` in less memory: 32 bytes a point at once, 24 of them returned.

    Without its edges it takes 24 at once and 16 are returned.
    """
    return compact_columns(*_merges(n_points, seed, cluster, edges))


def _merges(n_points: int, seed: int, cluster: int, edges: bool = True) -> tuple[AnyInt, AnyInt, AnyInt, AnyInt]:
    """Sites that were joined, the merge that took in every site and merge, the sizes of merges, the sites' points."""
    n = int(n_points)
    small = np.int32 if 2 * n < 1 << 31 else np.int64  # half the memory traffic wherever the ids fit
    merged_by: AnyInt = np.full(2 * n - 1, -1, small)  # by temporary id: ring positions, then merges in order
    merged_size: AnyInt = np.empty(max(n - 1, 0), small)
    ends: AnyInt = np.empty((max(n - 1, 0) if edges else 0, 2), small)
    _kernels.cyclic_coalescent(
        np.uint64(key64(seed, Role.COALESCENT, cluster)), n, np.arange(n, dtype=small), merged_by, merged_size, ends
    )
    label: AnyInt = np.empty(n, small)  # after the scratch of the coalescent is gone
    fill_permutation(np.uint64(key64(seed, Role.ORDER, cluster)), label)
    return ends, merged_by, merged_size, label


def named_edges(ends: AnyInt, label: AnyInt) -> I64:
    """Return the edges between points, (merges, 2) int64, from those between sites."""
    edges = np.empty((len(ends), 2), np.int64)
    _kernels.named_edges(ends, label, edges)
    return edges


def hierarchy_columns(edges: I64, merged_by: AnyInt, merged_size: AnyInt, label: AnyInt) -> ClusterTree:
    """Return the columns that a history of merges makes.

    Args:
        edges: as they are to be returned.
        merged_by: (n + merges,) the merge that took in every site and every merge, −1 for none.
        merged_size: (merges,) points of every merge; overwritten.
        label: (n,) the point that every site is.
    """
    n = label.size
    fill_sizes = _ranked(merged_size, n)
    parent, depth, size = (np.empty(merged_by.size, np.int64) for _ in range(3))

    def number() -> None:
        _kernels.number_nodes(merged_by, merged_size, label, parent)
        _kernels.latent_depths(parent, n, depth[n:])
        _kernels.point_depths(parent, 0, n, depth[n:], depth[:n])

    run_beside(n, number, lambda: fill_sizes(size))
    return ClusterTree(edges, parent, size, depth)


def compact_columns(ends: AnyInt, merged_by: AnyInt, merged_size: AnyInt, label: AnyInt) -> CompactTree:
    """Return the compact columns that a history of merges makes; arguments as above, all overwritten.

    ``ends`` are the sites that every merge joined, (merges, 2), or empty.
    """
    n = label.size
    _kernels.named_edges(ends, label, ends)
    fill_sizes = _ranked(merged_size, n)
    _kernels.number_nodes_in_place(merged_by, merged_size, label)
    size: AnyInt = np.empty(n + merged_size.size, label.dtype)
    fill_sizes(size)
    return CompactTree(n, ends, merged_by, size)


def _ranked(merged_size: AnyInt, n: int) -> Callable[[AnyInt], None]:
    """Turn sizes of merges into their numbers; return what writes the sizes of all nodes, from a short table."""
    count: AnyInt = np.zeros(n + 2, merged_size.dtype)
    _kernels.count_sizes(merged_size, count)
    sizes = np.flatnonzero(count)[::-1]
    counts = count[sizes]
    _kernels.rank_by_size(merged_size, count)

    return lambda size: _kernels.sizes_of_nodes(sizes, counts, n, size)
