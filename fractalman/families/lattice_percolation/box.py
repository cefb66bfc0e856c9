"""Percolation on a box of the hypercubic lattice Z^dim: which sites hang together, and how.

Every site or bond is a pure function of (seed, its number), so raising the occupation only adds to what is there.
Clusters are found by union-find in one pass over the sites: a cluster's tree leads to its first site, hence the
second pass, which numbers the clusters, needs no search. Source: Hoshen & Kopelman 1976; docs/theory.md §1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fractalman._typing import I64, U64, AnyInt
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.families.lattice_percolation import _box_kernels as _kernels
from fractalman.families.lattice_percolation import _sparse_kernels as _sparse
from fractalman.random.streams import Role, key64
from fractalman.trees._kernels import adjacency

_ROOT, _PARENT, _WEIGHT = 0, 1, 2  # addresses below Role.LATTICE_TREE


@dataclass(frozen=True)
class Labelled:
    """The clusters of a whole box.

    Args:
        label: (sites,) integer, the cluster of every site in the order of their first sites; −1 = empty.
        size: (n_clusters,) int64 sites of every cluster.
    """

    label: AnyInt
    size: I64


@dataclass(frozen=True)
class LatticeClusters:
    """The kept clusters of a box as columns; points are sorted by cluster, in random order within.

    Args:
        site: (n,) int64 number of every point's site.
        size: (n_kept,) int64 points of every kept cluster, largest first (ties: first site first).
        edges: (m, 2) int64 point pairs: every occupied bond, loops included.
        n_clusters: clusters in the whole box.
        n_occupied: occupied sites in the whole box.
    """

    site: I64
    size: I64
    edges: I64
    n_clusters: int
    n_occupied: int

    @property
    def cluster(self) -> I64:
        """(n,) int64 cluster of every point, 0 = the largest."""
        return np.repeat(np.arange(self.size.size), self.size)


@dataclass(frozen=True)
class Lattice:
    """A box of Z^dim with addressed occupation.

    Args:
        shape: sites along every axis, each ≥ 1 (periodic: ≥ 3, so that no two sites are joined twice).
        percolation: "site" or "bond".
        occupation: probability p that a site or bond is occupied, 0 < p ≤ 1.
        periodic: opposite faces are neighbours.
        seed: geometry seed.
    """

    shape: tuple[int, ...]
    percolation: str
    occupation: float
    periodic: bool
    seed: int

    @property
    def sites(self) -> int:
        """Sites of the box."""
        return math.prod(self.shape)

    @property
    def _lengths(self) -> I64:
        return np.array(self.shape, np.int64)

    @property
    def _strides(self) -> I64:
        return np.array([math.prod(self.shape[k + 1 :]) for k in range(len(self.shape))], np.int64)

    @property
    def _key(self) -> np.uint64:
        return np.uint64(key64(self.seed, Role.OCCUPATION))

    @property
    def _threshold(self) -> np.uint64:
        return np.uint64(math.ceil(self.occupation * 2.0**53))  # uniforms are multiples of 2^-53

    def labelled(self) -> Labelled:
        """Return the cluster of every site: two passes, 4 bytes a site (8 from 2^31 sites on) and 8 a cluster."""
        label: AnyInt = np.empty(self.sites, np.int32 if self.sites < 1 << 31 else np.int64)
        join = _kernels.join_sites if self.percolation == "site" else _kernels.join_bonds
        made = join(self._key, self._threshold, self._lengths, self._strides, self.periodic, label)
        size = np.empty(made, np.int64)
        _kernels.number_clusters(label, size)
        return Labelled(label, size)

    def clusters(self, kept: str = "largest", found: Callable[[int], None] = lambda _n: None) -> LatticeClusters:
        """Return the kept clusters as points and edges.

        Args:
            kept: "largest" (the first site decides ties; one bit a site and a few slabs of the box beside what is
                returned) or "all" (4 bytes a site, as `labelled`).
            found: told the number of points before anything of that size is made; it may raise.
        Errors: RecipeError when no site is occupied.
        """
        site, size, n_clusters, n_occupied = self._largest(found) if kept == "largest" else self._all(found)
        if n_clusters == 0:
            raise RecipeError(
                f"none of {self.sites} sites is occupied at occupation = {shown(self.occupation)}: use a larger "
                "occupation, a larger side or another seed"
            )
        _kernels.shuffle(np.uint64(key64(self.seed, Role.ORDER)), np.concatenate([[0], np.cumsum(size)]), site)
        words, small = -(-self.sites // 64), np.int32 if site.size < 1 << 31 else np.int64
        bits, before, point = np.zeros(words, np.uint64), np.empty(words, small), np.empty(site.size, small)
        _sparse.number_sites(site, bits, before, point)
        m = _sparse.occupied_bonds(*self._arguments, bits, before, point, np.empty((0, 2), np.int64))
        edges = np.empty((m, 2), np.int64)
        _sparse.occupied_bonds(*self._arguments, bits, before, point, edges)
        return LatticeClusters(site, size, edges, n_clusters, n_occupied)

    def _all(self, found: Callable[[int], None]) -> tuple[I64, I64, int, int]:
        """Sites cluster by cluster, the largest first; sizes; how many clusters and occupied sites there are."""
        box = self.labelled()
        by_size = np.argsort(-box.size, kind="stable")
        rank = np.empty_like(by_size)
        rank[by_size] = np.arange(by_size.size)
        size = box.size[by_size]
        found(int(size.sum()))
        site = np.empty(int(size.sum()), np.int64)
        _kernels.members(box.label, rank, np.cumsum(size) - size, site)
        return site, size, int(size.size), int(site.size)

    def _largest(self, found: Callable[[int], None]) -> tuple[I64, I64, int, int]:
        """The same with the sites of the largest cluster alone."""
        outcome = np.zeros(4, np.int64)
        _sparse.largest_cluster(*self._arguments, outcome)
        first, size, n_clusters, n_occupied = outcome.tolist()
        found(size)
        site = np.empty(size, np.int64)
        if size:
            _sparse.flood(*self._arguments, first, np.zeros(-(-self.sites // 64), np.uint64), site)
        return site, np.array([size]), n_clusters, n_occupied

    @property
    def _arguments(self) -> tuple[np.uint64, np.uint64, bool, I64, I64, bool]:
        """What every kernel of `_lattice_sparse_kernels` asks for."""
        return (self._key, self._threshold, self.percolation == "bond", self._lengths, self._strides, self.periodic)

    def bond_weights(self, realization: LatticeClusters) -> U64:
        """Return a random weight of every edge, (m,) uint64, all distinct, by the bond's number.

        Bonds keep the number that decided whether they are occupied, so those of weight < 2^64·q are the bonds of the
        same box at occupation q; given which are occupied these numbers are independent and uniform. Between occupied
        sites every bond has a number of its own.
        """
        key = self._key if self.percolation == "bond" else np.uint64(key64(self.seed, Role.LATTICE_TREE, _WEIGHT))
        out = np.empty(len(realization.edges), np.uint64)
        _kernels.bond_weights(key, realization.site, realization.edges, self._lengths, self._strides, out)
        return out

    def coordinates(self, site: I64) -> I64:
        """Return the lattice coordinates of sites, (len(site), dim) int64, 0 … length − 1 along every axis."""
        return np.stack(np.unravel_index(site, self.shape), axis=1).astype(np.int64)


def random_roots(size: I64 | Sequence[int], seed: int) -> I64:
    """Return one uniform point of every cluster, (clusters,) int64: the roots of its spanning tree.

    Args:
        size: (clusters,) points of every cluster, in the order of the points. seed: geometry seed.
    """
    sizes = np.asarray(size, np.int64)
    roots = np.empty(sizes.size, np.int64)
    _kernels.uniform_members(np.uint64(key64(seed, Role.LATTICE_TREE, _ROOT)), np.cumsum(sizes) - sizes, sizes, roots)
    return roots


def shortest_path_forest(edges: I64, size: I64 | Sequence[int], seed: int) -> tuple[AnyInt, AnyInt]:
    """Return one breadth-first tree for every cluster, each from a uniform point of it.

    A point's parent is drawn uniformly among its neighbours one step nearer to the root, so that no direction of the
    lattice is preferred; along the tree every point is as far from its root as in the graph.

    Args:
        edges: (m, 2) int64 point pairs of a graph whose connected parts are the clusters.
        size: (clusters,) points of every cluster, in the order of the points.
        seed: geometry seed.
    Returns: two (n,) integer arrays: parent (−1 at roots), and distance from the root in edges.
    Errors: RecipeError when a cluster is not connected.
    """
    sizes = np.asarray(size, np.int64)
    n, roots = int(sizes.sum()), random_roots(sizes, seed)
    small = np.int32 if 2 * len(edges) < 1 << 31 else np.int64
    start, neighbour = np.empty(n + 1, small), np.empty(2 * len(edges), small)
    adjacency(edges, start, neighbour)
    parent: AnyInt = np.empty(n, small)
    distance: AnyInt = np.empty(n, small)
    key = key64(seed, Role.LATTICE_TREE, _PARENT)
    if _kernels.shortest_paths(np.uint64(key), start, neighbour, roots, parent, distance) != n:
        raise RecipeError(f"{len(edges)} edges do not connect every one of {sizes.size} clusters of {n} points")
    return parent, distance
