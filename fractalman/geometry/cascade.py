"""Random cascades by address: a point is a path of digits, a node a 64-bit address; the tree is never stored.

A node's number of children is drawn from its address, a point's digits from its own path key, so points come out in
any order and sample sizes nest. The induced tree of drawn points (chains collapsed) is built by sorting the paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from fractalman._arrays import F64, I64, U64
from fractalman.geometry import _cascade_kernels as _kernels
from fractalman.seeds import Role, key64


@dataclass(frozen=True)
class InducedTree:
    """The tree that drawn points induce, chains collapsed, nodes numbered as in a hierarchy.

    Args:
        parent, size, depth, level: (n_nodes,) int64; a point's level is the last one.
        example: (n_nodes,) int64, a point whose path passes through the node.
    """

    parent: I64
    size: I64
    depth: I64
    level: I64
    example: I64


@dataclass(frozen=True)
class CascadePaths:
    """The paths of a cascade's points.

    Args:
        seed: geometry seed.
        branching: equally likely numbers of children.
        levels: levels below the root.
        masses: shares of the children of each kind of node, as many as branching says; None = equal shares.
    """

    seed: int
    branching: tuple[int, ...]
    levels: int
    masses: tuple[tuple[float, ...], ...] | None = None

    def addresses(self, points: I64) -> U64:
        """Return the node addresses on the paths of ``points``: (len(points), levels + 1) uint64, root first."""
        return self._block(points)[0]

    def steps(self, points: I64) -> tuple[U64, I64]:
        """Return addresses, and which child was taken at every level: (len(points), levels) int64.

        Children are numbered through all kinds of node: those of the first kind, then those of the second, ….
        """
        addresses, _, steps = self._block(points, self.levels)
        return addresses, steps

    def _block(self, points: I64, steps_kept: int = 0) -> tuple[U64, U64, I64]:
        points = np.ascontiguousarray(points, np.int64)
        addresses = np.empty((points.size, self.levels + 1), np.uint64)
        words = np.empty((points.size, self._words), np.uint64)
        steps = np.empty((points.size, steps_kept), np.int64)
        _kernels.cascade_paths(
            np.uint64(key64(self.seed, Role.BRANCHING)),
            np.uint64(key64(self.seed, Role.PATH)),
            points,
            np.asarray(self.branching, np.int64),
            np.concatenate([[0], np.cumsum(self.branching)[:-1]]).astype(np.int64),
            self._below,
            self._bits,
            addresses,
            steps,
            words,
        )
        return addresses, words, steps

    @property
    def _below(self) -> F64:
        """Mass up to and including each child, added from the first on; empty for equal shares."""
        sums: list[float] = []
        for kind in self.masses or ():
            sums += accumulate(kind)
        return np.array(sums, np.float64)

    @property
    def _bits(self) -> int:
        return max(1, (max(self.branching) - 1).bit_length())

    @property
    def _words(self) -> int:
        return -(-self.levels // (64 // self._bits))

    def induced_tree(self, n_points: int, block: int = 4096) -> InducedTree:
        """Return the induced tree of points 0 … n_points − 1 (latents by decreasing size, then level, then example)."""
        n = int(n_points)
        words = np.empty((n, self._words), np.uint64)
        for start in range(0, n, block):
            words[start : start + block] = self._block(np.arange(start, min(start + block, n)))[1]
        order = np.lexsort(words.T[::-1]) if n > 1 else np.arange(n)
        parent, size, level, example = (np.empty(max(2 * n - 1, 1), np.int64) for _ in range(4))
        n_latents = _kernels.induced_tree(words[order], order, self.levels, self._bits, parent, size, level, example)
        latents = slice(n, n + n_latents)
        by_size = np.lexsort((example[latents], level[latents], -size[latents]))
        rank = np.empty(n_latents, np.int64)
        rank[by_size] = np.arange(n_latents) + n
        old = np.concatenate([np.arange(n), n + by_size])
        parent = parent[old]
        inside = parent >= 0
        parent[inside] = rank[parent[inside] - n]
        depth = np.empty(n + n_latents, np.int64)
        _kernels.depths_by_id(parent, n, depth)
        return InducedTree(parent, size[old], depth, level[old], example[old])
