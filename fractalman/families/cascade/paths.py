"""Random cascades by address: a point is a path of digits, a node a 64-bit address; the tree is never stored.

A node's number of children is drawn from its address, a point's digits from its own path key, so points come out in
any order and sample sizes nest. The induced tree of drawn points (chains collapsed) is built by sorting the paths.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F64, I64, U64, AnyInt
from fractalman.families.cascade import _path_kernels as _kernels
from fractalman.families.cascade.induced import InducedTree, induced_tree
from fractalman.random.streams import Role, key64

_BLOCK = 4096


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
        words = np.empty((points.size, self.words), np.uint64)
        steps = np.empty((points.size, steps_kept), np.int64)
        _kernels.cascade_paths(
            np.uint64(key64(self.seed, Role.BRANCHING)),
            np.uint64(key64(self.seed, Role.PATH)),
            points,
            np.asarray(self.branching, np.int64),
            np.concatenate([[0], np.cumsum(self.branching)[:-1]]).astype(np.int64),
            self._below,
            self.bits,
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
    def bits(self) -> int:
        """Bits of one digit of a packed path."""
        return max(1, (max(self.branching) - 1).bit_length())

    @property
    def words(self) -> int:
        """Words of a packed path."""
        return -(-self.levels // (64 // self.bits))

    def word(self, points: I64, number: int) -> U64:
        """Return word ``number`` of the packed paths of ``points``: comparing words in turn compares paths."""
        out = np.empty(points.size, np.uint64)

        def work(start: int) -> None:
            part = slice(start, start + _BLOCK)
            out[part] = self._block(points[part])[1][:, number]

        run_tasks(work, [(start,) for start in range(0, points.size, _BLOCK)])
        return out

    def rough_order(self, points: I64) -> AnyInt:
        """Return an order of ``points`` in which those that share nodes stand side by side, but for one in sixteen.

        They are sorted by so many digits that n·c^K ≤ 1/16 others share them all, where c is the chance that two
        points choose the same child.
        """
        shares = self.masses or tuple((1.0 / k,) * k for k in self.branching)
        same = sum(p * p for kind in shares for p in kind) / len(shares)
        digits = math.ceil(math.log(16.0 * max(points.size, 1)) / -math.log(same)) if same < 1.0 else self.levels
        first = replace(self, levels=max(1, min(self.levels, 64 // self.bits, digits)))
        return np.argsort(first.word(points, 0)).astype(np.int32 if points.size < 1 << 31 else np.int64)

    def induced_tree(self, n_points: int) -> InducedTree:
        """Return the induced tree of points 0 … n_points − 1 (latents by decreasing size, then level, then example)."""
        return induced_tree(self, int(n_points))
